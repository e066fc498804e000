//! Sending whole messages and folders to a client, and taking them from one.
//!
//! What is sent is read as it is asked for; what is taken is kept as soon as it is whole, except
//! what goes into an open message, which is kept when that is saved.
//!
//! Start at [`get_buffer`] and [`put_buffer`].
//!
//! Source: [MS-OXCFXICS] 2.2.3.1 (operations), 3.2.5.8.1, 3.2.5.8.2.

use super::property::{self, Change};
use super::{Done, Place, attributes, folder, message, save, stream, tree};
use crate::codec::data::{PropertyName, PropertyTag, Value};
use crate::codec::fasttransfer::{Element, Key, Marker};
use crate::codec::rop::transfer::{
    BufferSize, DestinationConfigure, PutBuffer, PutBufferExtended, SourceBuffer,
    SourceBufferRequest, SourceCopyFolder, SourceCopyMessages, SourceCopyProperties, SourceCopyTo,
    TransferData,
};
use crate::codec::rop::{Request, Response};
use crate::codec::wire::{Malformed, Nothing};
use crate::content::{Content, Values};
use crate::draft::{ATTACHMENTS_MAX, Changes, Message, RECIPIENTS_MAX};
use crate::identity;
use crate::object::{Logon, Object};
use crate::property::folder::{COMPUTED as OF_FOLDER, FolderProperties};
use crate::property::item::ItemProperties;
use crate::property::message::{BaseProperties, MessageProperties};
use crate::property::parts::Data;
use crate::property::{Properties, in_unicode, kept, names};
use crate::refusal::Refusal;
use crate::request::Session;
use crate::transfer::destination::{Deed, Destination, Root, free_number};
use crate::transfer::source::{self, InFolder, Names, Replacing, Source, Step, Texts};
use crate::transfer::{held, meta};
use engine::{FolderForm, FolderId, Location, NewFolder, PlaceId, ROOT, Reading, Shelf, View};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// How far a transfer is. Source: [MS-OXCFXICS] 2.2.3.1.1.5.2.
mod status {
    pub const PARTIAL: u16 = 1;
    pub const NO_ROOM: u16 = 2;
    pub const DONE: u16 = 3;
}

/// Flags that a request may have, with those that are to be passed over.
/// Source: [MS-OXCFXICS] 2.2.3.1.1.1.1, 2.2.3.1.1.3.1, 2.2.3.1.1.4.1.
mod flag {
    pub const MOVE: u8 = 0x01;
    pub const COPY_TO: u32 = 0x0000_260f;
    pub const COPY_TO_BEST_BODY: u32 = 0x0000_2000;
    pub const COPY_PROPERTIES: u8 = 0x0f;
    pub const COPY_MESSAGES: u8 = 0x3f;
    pub const COPY_FOLDER: u8 = 0x1f;
    /// Of messages; of folders it stands for those below.
    pub const BEST_BODY: u8 = 0x10;
    pub const WITH_FOLDERS: u8 = 0x10;
}

/// Bytes of an answer before its piece.
const PIECE_HEAD_BYTES: usize = 15;
/// Messages of a folder that are looked up at once.
const LOOKED_UP_MAX: usize = 64;

/// The names of one mailbox.
struct NamesOf<'a>(&'a View<'a>);

impl Names for NamesOf<'_> {
    fn name(&self, id: u16) -> Option<PropertyName> {
        let name = names::name_of_id(self.0, id).ok()?;
        (name.kind != crate::codec::data::NameKind::Nameless).then_some(name)
    }

    fn id(&self, name: &PropertyName) -> Option<u16> {
        names::id_of_name(self.0, name).ok().flatten()
    }
}

fn begun(source: Source, response: Response) -> Done {
    Done::opened(response, Object::Source(Box::new(source)))
}

fn texts(session: &Session, options: u8) -> Result<Texts, Refusal> {
    Texts::of_options(options, session.code_page).ok_or(Refusal::InvalidParameter)
}

/// `RopFastTransferSourceCopyTo`: an object without these properties.
pub(super) fn copy_to(
    session: &mut Session,
    at: Place,
    request: &SourceCopyTo,
) -> Result<Done, Refusal> {
    if request.copy_flags & !flag::COPY_TO != 0 {
        return Err(Refusal::InvalidParameter);
    }
    let is_best_body = request.copy_flags & flag::COPY_TO_BEST_BODY != 0;
    let source = Source::new(texts(session, request.send_options)?, is_best_body);
    let excluded: BTreeSet<u16> = request.excluded.iter().map(|tag| tag.id()).collect();
    let is_alone = request.level != 0;
    let source = object(session, at, source, &|id| {
        !(excluded.contains(&id) || is_alone && held::ALL.contains(&id))
    })?;
    let response = Response::FastTransferSourceCopyTo(Nothing);
    Ok(begun(source, response))
}

/// `RopFastTransferSourceCopyProperties`: only these properties.
pub(super) fn copy_properties(
    session: &mut Session,
    at: Place,
    request: &SourceCopyProperties,
) -> Result<Done, Refusal> {
    if request.copy_flags & !flag::COPY_PROPERTIES != 0 {
        return Err(Refusal::InvalidParameter);
    }
    let source = Source::new(texts(session, request.send_options)?, false);
    let wanted: BTreeSet<u16> = request.tags.iter().map(|tag| tag.id()).collect();
    let is_alone = request.level != 0;
    let source = object(session, at, source, &|id| {
        wanted.contains(&id) && !(is_alone && held::ALL.contains(&id))
    })?;
    let response = Response::FastTransferSourceCopyProperties(Nothing);
    Ok(begun(source, response))
}

/// What is open, as a stream: messages and attachments as they are now.
fn object(
    session: &Session,
    at: Place,
    mut source: Source,
    is_wanted: &source::Wanted<'_>,
) -> Result<Source, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let view = logon.account.read()?;
    let names = NamesOf(&view);
    match session.objects.look(at.logon_id, at.handle)? {
        Object::Message(open) => {
            let content = message::whole(&message::properties(logon, open)?)?;
            source::message_content(&mut source, &names, &content, is_wanted);
        }
        Object::Attachment(open) => {
            source::attachment_content(&mut source, &names, &open.attachment, is_wanted);
        }
        Object::Folder(folder) => {
            let within = InFolder {
                replacing: Replacing::All,
                messages: is_wanted(held::MESSAGES),
                associated: is_wanted(held::ASSOCIATED),
                folders: is_wanted(held::FOLDERS),
            };
            tell_folder(logon, &view, &mut source, *folder, within, is_wanted)?;
        }
        _ => return Err(Refusal::NotSupported),
    }
    let room = stream::room(session);
    if source.producer.size() > room {
        return Err(Refusal::TooBig);
    }
    Ok(source)
}

/// `RopFastTransferSourceCopyMessages`: messages of a folder; what is gone is passed over.
pub(super) fn copy_messages(
    session: &mut Session,
    at: Place,
    request: &SourceCopyMessages,
) -> Result<Done, Refusal> {
    if request.copy_flags & !flag::COPY_MESSAGES != 0 {
        return Err(Refusal::InvalidParameter);
    }
    let is_best_body = request.copy_flags & flag::BEST_BODY != 0;
    let mut source = Source::new(texts(session, request.send_options)?, is_best_body);
    let folder = folder::folder_of(session, at)?;
    let view = session.objects.logon(at.logon_id)?.account.read()?;
    let is_search = matches!(view.folder(folder)?.form, FolderForm::Search(_));
    let mut steps = Vec::new();
    for number in request
        .messages
        .iter()
        .copied()
        .filter_map(identity::number_of)
    {
        let found = view.item_at_place(PlaceId(number))?.map(|(place, _)| place);
        let is_meant = |place: &Location| {
            (is_search || place.folder == folder) && place.shelf != Shelf::Recoverable
        };
        steps.extend(found.filter(is_meant).map(Step::Message));
    }
    source.progress = (0, u32::try_from(steps.len()).unwrap_or(u32::MAX));
    source.before(steps);
    let response = Response::FastTransferSourceCopyMessages(Nothing);
    Ok(begun(source, response))
}

/// `RopFastTransferSourceCopyFolder`: a folder with all that is in it, and if the client says so
/// with the folders below.
pub(super) fn copy_folder(
    session: &mut Session,
    at: Place,
    request: &SourceCopyFolder,
) -> Result<Done, Refusal> {
    if request.copy_flags & !flag::COPY_FOLDER != 0 {
        return Err(Refusal::InvalidParameter);
    }
    let mut source = Source::new(texts(session, request.send_options)?, false);
    let folder = folder::folder_of(session, at)?;
    session
        .objects
        .logon(at.logon_id)?
        .account
        .read()?
        .folder(folder)?;
    let within = InFolder {
        replacing: Replacing::Nothing,
        messages: true,
        associated: true,
        folders: request.copy_flags & flag::WITH_FOLDERS != 0,
    };
    source.before(vec![
        Step::Marker(Marker::StartTopFolder),
        Step::Folder(folder, within),
        Step::Marker(Marker::EndFolder),
    ]);
    let response = Response::FastTransferSourceCopyFolder(Nothing);
    Ok(begun(source, response))
}

/// `RopTellVersion`: this server understands what any other sends.
pub(super) fn tell_version(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    match session.objects.look(at.logon_id, at.handle)? {
        Object::Source(_) | Object::Destination(_) => {
            Ok(Done::said(Response::TellVersion(Nothing)))
        }
        _ => Err(Refusal::NotSupported),
    }
}

/// `RopFastTransferSourceGetBuffer`: as much as was asked for and fits.
pub(super) fn get_buffer(
    session: &mut Session,
    at: Place,
    request: &SourceBufferRequest,
) -> Result<Done, Refusal> {
    let asked = match request.buffer_size {
        BufferSize::Usual(size) | BufferSize::Max(size) => usize::from(size),
    };
    let wanted = asked.min(at.room.saturating_sub(PIECE_HEAD_BYTES));
    let room = stream::room(session);
    let logon = session.objects.logon(at.logon_id)?.clone();
    let Object::Source(source) = session.objects.object(at.logon_id, at.handle)? else {
        return Err(Refusal::NotSupported);
    };
    let view = logon.account.read()?;
    while source.producer.size() < wanted {
        let Some(step) = source.steps.pop() else {
            break;
        };
        tell_step(&logon, &view, source, step, room)?;
    }
    let data = source.producer.take(wanted);
    let transfer_status = if source.is_done() {
        status::DONE
    } else if data.is_empty() {
        status::NO_ROOM
    } else {
        status::PARTIAL
    };
    let (in_progress_count, total_step_count) = source.scaled_progress();
    Ok(Done::said(Response::FastTransferSourceGetBuffer(
        SourceBuffer {
            transfer_status,
            in_progress_count,
            total_step_count,
            reserved: 0,
            data: data.into(),
        },
    )))
}

fn tell_step(
    logon: &Logon,
    view: &View<'_>,
    source: &mut Source,
    step: Step,
    room: usize,
) -> Result<(), Refusal> {
    match step {
        Step::Marker(marker) => source.producer.marker(marker),
        Step::Delete(collection) => source.delete(collection),
        Step::Message(place) => tell_message(logon, view, source, place, room)?,
        Step::Shelf(folder, shelf, from) => tell_shelf(view, source, (folder, shelf, from))?,
        Step::Folder(folder, within) => {
            tell_folder(logon, view, source, folder, within, &|_| true)?;
        }
    }
    Ok(())
}

/// Tells a message, if it is still there.
fn tell_message(
    logon: &Logon,
    view: &View<'_>,
    source: &mut Source,
    place: Location,
    room: usize,
) -> Result<(), Refusal> {
    source.progress.0 += 1;
    let Some(row) = view.item(place)? else {
        return Ok(());
    };
    if usize::try_from(row.size).unwrap_or(usize::MAX) > room {
        return Err(Refusal::TooBig);
    }
    let Some(item) = ItemProperties::load(logon, view, place, row)? else {
        return Ok(());
    };
    let changes = Changes::default();
    let content = message::whole(&MessageProperties {
        changes: &changes,
        base: BaseProperties::Item(Box::new(item)),
    })?;
    source.producer.marker(match place.shelf {
        Shelf::Associated => Marker::StartAssociatedMessage,
        _ => Marker::StartMessage,
    });
    source::message_content(source, &NamesOf(view), &content, &|_| true);
    source.producer.marker(Marker::EndMessage);
    Ok(())
}

/// The next messages of a shelf, and then those behind them.
fn tell_shelf(
    view: &View<'_>,
    source: &mut Source,
    (folder, shelf, from): (FolderId, Shelf, u32),
) -> Result<(), Refusal> {
    let mut steps = Vec::new();
    let mut next = None;
    view.items(folder, shelf, from..=u32::MAX, &mut |uid, _| {
        if steps.len() >= LOOKED_UP_MAX {
            next = Some(Step::Shelf(folder, shelf, uid.0));
            return ControlFlow::Break(());
        }
        steps.push(Step::Message(Location { folder, shelf, uid }));
        ControlFlow::Continue(())
    })?;
    steps.extend(next);
    source.before(steps);
    Ok(())
}

/// Tells a folder's properties; what is in it comes next.
fn tell_folder(
    logon: &Logon,
    view: &View<'_>,
    source: &mut Source,
    folder: FolderId,
    within: InFolder,
    is_wanted: &source::Wanted<'_>,
) -> Result<(), Refusal> {
    let all = view.all_folders()?;
    let row = all.iter().find(|(id, _)| *id == folder);
    let (_, row) = row.ok_or(Refusal::NotFound)?;
    let properties = FolderProperties {
        id: folder,
        row,
        all: &all,
        identity: &logon.identity,
        depth: 0,
        kept: attributes::of_folder(logon, folder)?,
    };
    let mut values = Values::new();
    for tag in properties
        .tags()
        .into_iter()
        .filter(|tag| is_of_folder(tag.id()))
    {
        let value = properties.value(tag.id())?;
        values.extend(value.map(|value| (tag.id(), value)));
    }
    source::values(source, &NamesOf(view), &values, is_wanted);
    // What a search shows stands elsewhere.
    let is_search = matches!(row.form, FolderForm::Search(_));
    let replaces = within.replacing == Replacing::All;
    let mut steps = Vec::new();
    let shelves = [
        (
            within.associated,
            held::ASSOCIATED,
            &[Shelf::Associated][..],
        ),
        (
            within.messages,
            held::MESSAGES,
            &[Shelf::Mail, Shelf::Other][..],
        ),
    ];
    for (is_told, collection, shelves) in shelves {
        if is_told && !is_search {
            steps.extend(replaces.then_some(Step::Delete(collection)));
            steps.extend(shelves.iter().map(|shelf| Step::Shelf(folder, *shelf, 0)));
            let counts = shelves.iter().map(|shelf| row.shelf(*shelf).count);
            source.progress.1 = source.progress.1.saturating_add(counts.sum());
        }
    }
    if within.folders {
        steps.extend(replaces.then_some(Step::Delete(held::FOLDERS)));
        for (below, _) in all.iter().filter(|(_, row)| row.parent == Some(folder)) {
            steps.push(Step::Marker(Marker::StartSubFolder));
            let all_of_it = InFolder {
                messages: true,
                associated: true,
                ..within
            };
            steps.push(Step::Folder(*below, all_of_it));
            steps.push(Step::Marker(Marker::EndFolder));
        }
    }
    source.before(steps);
    Ok(())
}

/// Whether a property of a folder is one that another folder can have.
fn is_of_folder(id: u16) -> bool {
    !OF_FOLDER.contains(&id) && !(0x36d0..=0x36d7).contains(&id)
}

/// `RopFastTransferDestinationConfigure`: what is open, and what comes into it.
pub(super) fn configure(
    session: &mut Session,
    at: Place,
    request: &DestinationConfigure,
) -> Result<Done, Refusal> {
    /// An object, properties of one, messages, a folder.
    const OBJECT: std::ops::RangeInclusive<u8> = 1..=2;
    const IN_FOLDER: std::ops::RangeInclusive<u8> = 3..=4;
    if request.copy_flags & !flag::MOVE != 0 {
        return Err(Refusal::InvalidParameter);
    }
    let (root, may_write) = match session.objects.look(at.logon_id, at.handle)? {
        Object::Folder(folder) => (Root::Folder(*folder), true),
        Object::Message(open) => (Root::Message, open.may_write),
        Object::Attachment(open) => (Root::Attachment, open.may_write),
        _ => return Err(Refusal::NotSupported),
    };
    let operation = request.source_operation;
    let is_folder = matches!(root, Root::Folder(_));
    if !(OBJECT.contains(&operation) || is_folder && IN_FOLDER.contains(&operation)) {
        return Err(Refusal::InvalidParameter);
    }
    if !may_write {
        return Err(Refusal::AccessDenied);
    }
    Ok(Done::opened(
        Response::FastTransferDestinationConfigure(Nothing),
        Object::Destination(Box::new(Destination::new(root, at.handle))),
    ))
}

/// `RopFastTransferDestinationPutBuffer` and its sister: all of it is taken, or nothing more is
/// after it.
pub(super) fn put_buffer(
    session: &mut Session,
    at: Place,
    request: &TransferData,
    which: &Request,
) -> Result<Done, Refusal> {
    let room = stream::room(session);
    let Object::Destination(open) = session.objects.object(at.logon_id, at.handle)? else {
        return Err(Refusal::NotSupported);
    };
    if open.is_broken {
        return Err(Refusal::CorruptData);
    }
    if request.data.len() > room {
        return Err(Refusal::TooBig);
    }
    // It stays broken if it is not put back.
    let mut empty = Destination::new(open.root, open.handle);
    empty.is_broken = true;
    let mut destination = std::mem::replace(open.as_mut(), empty);
    let room = room.saturating_sub(request.data.len());
    destination.lexer.push(&request.data);
    Taking { session, at, room }.all(&mut destination)?;
    if let Object::Destination(open) = session.objects.object(at.logon_id, at.handle)? {
        **open = destination;
    }
    let buffer_used_size = u16::try_from(request.data.len()).unwrap_or(u16::MAX);
    Ok(Done::said(match which {
        Request::FastTransferDestinationPutBufferExtended(_) => {
            Response::FastTransferDestinationPutBufferExtended(PutBufferExtended {
                transfer_status: status::PARTIAL,
                in_progress_count: 0,
                total_step_count: 0,
                reserved: 0,
                buffer_used_size,
            })
        }
        _ => Response::FastTransferDestinationPutBuffer(PutBuffer {
            transfer_status: status::PARTIAL,
            in_progress_count: 0,
            total_step_count: 0,
            reserved: 0,
            buffer_used_size,
        }),
    }))
}

impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self::CorruptData
    }
}

/// A stream that is taken.
struct Taking<'a> {
    session: &'a mut Session,
    at: Place,
    /// Bytes that may be held besides what is held already.
    room: usize,
}

impl Taking<'_> {
    /// Takes all elements that are whole.
    fn all(&mut self, stream: &mut Destination) -> Result<(), Refusal> {
        let bytes_max = self.room.saturating_add(stream.size());
        while let Some(element) = stream.lexer.next_element()? {
            match element {
                Element::Marker(marker) => self.marker(stream, marker)?,
                Element::Property(property) => {
                    self.property(stream, &property.key, property.value)?;
                }
                Element::Long(key, size) => {
                    let size = usize::try_from(size).unwrap_or(usize::MAX);
                    if size > bytes_max {
                        return Err(Refusal::TooBig);
                    }
                    stream.long = Some((key, size, Vec::new()));
                }
                Element::Piece(piece) => self.piece(stream, &piece)?,
            }
            if stream.size() > bytes_max {
                return Err(Refusal::TooBig);
            }
        }
        Ok(())
    }

    fn piece(&mut self, stream: &mut Destination, piece: &[u8]) -> Result<(), Refusal> {
        let (key, size, mut bytes) = stream.long.take().ok_or(Refusal::CorruptData)?;
        bytes.extend_from_slice(piece);
        if bytes.len() < size {
            stream.long = Some((key, size, bytes));
            return Ok(());
        }
        let value = key.value_of(&bytes);
        self.property(stream, &key, value)
    }

    fn marker(&mut self, stream: &mut Destination, marker: Marker) -> Result<(), Refusal> {
        if let Some(Deed::Folder { parent, values }) = stream.folder_before(marker) {
            let made = self.make_folder(parent, &values)?;
            stream.made(made);
        }
        if let Some(deed) = stream.marker(marker)? {
            self.run(stream, deed)?;
        }
        Ok(())
    }

    fn property(
        &mut self,
        stream: &mut Destination,
        key: &Key,
        value: Value,
    ) -> Result<(), Refusal> {
        match key.tag.id() {
            meta::DELETE => return self.delete(stream, &value),
            meta::NAME_PREFIX | meta::WARNING | meta::NEW_FOLDER => return Ok(()),
            _ => {}
        }
        let Some(id) = self.id_of(key)? else {
            return Ok(());
        };
        let value = in_unicode(value, self.session.code_page);
        if kept::to_store(&value).is_none() {
            return Ok(());
        }
        if let Some(deed) = stream.property(id, value)? {
            self.run(stream, deed)?;
        }
        Ok(())
    }

    /// The identifier that a property has in this mailbox; none where no more can be given.
    fn id_of(&self, key: &Key) -> Result<Option<u16>, Refusal> {
        let Some(name) = &key.name else {
            return Ok(Some(key.tag.id()));
        };
        let logon = self.session.objects.logon(self.at.logon_id)?;
        if let Some(id) = names::id_of_name(&logon.account.read()?, name)? {
            return Ok(Some(id));
        }
        let given = logon.account.write(|txn| names::give_id(txn, name))?;
        Ok(given.wait()?)
    }

    /// What stands in the object that the stream is put into.
    fn target(&self, stream: &Destination) -> Place {
        Place {
            handle: stream.handle,
            ..self.at
        }
    }

    fn message(&mut self, stream: &Destination) -> Result<&mut Message, Refusal> {
        let handle = stream.handle;
        self.session.objects.message(self.at.logon_id, handle)
    }

    fn run(&mut self, stream: &mut Destination, deed: Deed) -> Result<(), Refusal> {
        let target = self.target(stream);
        match deed {
            Deed::Set(id, value) => {
                let tag = PropertyTag::new(id, value.property_type());
                let change: Change = (tag, Some(value));
                let is_passed_over = matches!(stream.root, Root::Folder(_)) && !is_of_folder(id);
                if !is_passed_over {
                    // What the object tells by itself stays as it is.
                    property::change(self.session, target, &[change])?;
                }
            }
            Deed::Recipient(mut recipient) => {
                if self.message(stream)?.changes.recipients.is_none() {
                    let known = message::look(self.session, target, |open, _| {
                        crate::property::message::Facts::recipients(open)
                    })?;
                    self.message(stream)?.changes.recipients = Some(known);
                }
                let changes = &mut self.message(stream)?.changes;
                let all = changes.recipients.get_or_insert_default();
                recipient.row = free_number(recipient.row, all.iter().map(|known| known.row));
                if all.len() >= RECIPIENTS_MAX {
                    return Err(Refusal::TooManyRecipients);
                }
                all.push(recipient);
            }
            Deed::Attachment(mut attachment) => {
                let known = message::look(self.session, target, |open, _| {
                    open.attachments(Data::Without)
                })?;
                if known.len() >= ATTACHMENTS_MAX {
                    return Err(Refusal::TooBig);
                }
                let numbers = known.iter().map(|known| known.number);
                let number = free_number(attachment.number, numbers);
                attachment.number = number;
                let changes = &mut self.message(stream)?.changes;
                changes.attachments.insert(number, Some(attachment));
            }
            Deed::Embedded(content) => {
                let handle = stream.handle;
                let open = self.session.objects.attachment(self.at.logon_id, handle)?;
                open.attachment.embedded = Some(Box::new(content));
            }
            Deed::Message {
                folder,
                is_associated,
                content,
            } => self.keep(folder, is_associated, &content)?,
            Deed::Folder { .. } => return Err(Refusal::CorruptData),
        }
        stream.emptied();
        Ok(())
    }

    fn keep(
        &self,
        folder: FolderId,
        is_associated: bool,
        content: &Content,
    ) -> Result<(), Refusal> {
        let logon = self.session.objects.logon(self.at.logon_id)?;
        let changes = Changes::default();
        let message = MessageProperties {
            changes: &changes,
            base: BaseProperties::Content(content),
        };
        save::put(logon, &message, folder, is_associated)?;
        Ok(())
    }

    /// Makes a folder with these properties.
    fn make_folder(&self, parent: FolderId, values: &Values) -> Result<FolderId, Refusal> {
        let logon = self.session.objects.logon(self.at.logon_id)?;
        let Some(Value::Unicode(name)) = values.get(&0x3001) else {
            return Err(Refusal::CorruptData);
        };
        let row = logon.account.read()?.folder(parent)?;
        let new = NewFolder {
            parent: Some(parent),
            name: tree::checked(name.clone())?,
            kind: row.kind,
            hidden: row.hidden && parent != ROOT,
            ..NewFolder::default()
        };
        let made = logon.account.write(|txn| txn.create_folder(&new))?;
        let made = made.wait()?;
        let own = values
            .iter()
            .filter(|(id, _)| is_of_folder(**id) && **id != 0x3001);
        let changes: Vec<(u16, Change)> = (0..)
            .zip(own)
            .map(|(index, (id, value))| {
                let tag = PropertyTag::new(*id, value.property_type());
                (index, (tag, Some(value.clone())))
            })
            .collect();
        attributes::change_folder(self.session, self.at, made, &changes)?;
        Ok(made)
    }

    /// Gives up what the open message has of a collection. Folders keep what they have: a client
    /// that wants them empty empties them.
    fn delete(&mut self, stream: &mut Destination, value: &Value) -> Result<(), Refusal> {
        let Value::Integer32(tag) = value else {
            return Err(Refusal::CorruptData);
        };
        if stream.root != Root::Message || !stream.is_at_root() {
            return Ok(());
        }
        let target = self.target(stream);
        let there = message::look(self.session, target, |open, _| {
            open.attachments(Data::Without)
        })?;
        let changes = &mut self.message(stream)?.changes;
        match PropertyTag(tag.cast_unsigned()).id() {
            held::RECIPIENTS => changes.recipients = Some(Vec::new()),
            held::ATTACHMENTS => {
                let gone = there.iter().map(|attachment| (attachment.number, None));
                changes.attachments.extend(gone);
            }
            _ => {}
        }
        Ok(())
    }
}
