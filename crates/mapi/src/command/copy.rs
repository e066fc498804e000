//! Copying properties from one open object to another of its kind.
//!
//! What is copied into a message or attachment is kept when that is saved; what is copied into a
//! folder, at once. All is done before the answer, so that there is never any progress to tell.
//!
//! Start at [`some`] and [`all`].
//!
//! Source: [MS-OXCPRPT] 2.2.10 (`RopCopyProperties`), 2.2.11 (`RopCopyTo`).

use super::property::{self, Change};
use super::{Done, Place, message, tree};
use crate::codec::data::{PropertyName, PropertyProblem, PropertyTag, Value};
use crate::codec::rop::Response;
use crate::codec::rop::property::{CopyProperties, CopyTo, Problems};
use crate::content::{Attachment, Content, Recipient, Values};
use crate::draft::{Base, Changes, Copied};
use crate::object::{Logon, Object, Objects};
use crate::property::Properties;
use crate::property::attachment::{AttachmentProperties, DATA};
use crate::property::folder;
use crate::property::message::COMPUTED;
use crate::property::names;
use crate::property::parts::Data;
use crate::refusal::Refusal;
use crate::request::Session;
use crate::transfer::held;
use engine::{ChangeSeq, FolderForm, FolderId, ItemKey, Reading, Transfer};
use std::collections::BTreeSet;

/// What stands there is given up at the source.
const MOVE: u8 = 0x01;
/// What the destination has stays.
const NO_OVERWRITE: u8 = 0x02;

/// The kind of an object that properties are copied between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Folder(FolderId),
    Message,
    Attachment,
}

impl Sort {
    fn of(objects: &Objects, logon_id: u8, handle: u32) -> Result<Self, Refusal> {
        match objects.look(logon_id, handle)? {
            Object::Folder(folder) => Ok(Self::Folder(*folder)),
            Object::Message(_) => Ok(Self::Message),
            Object::Attachment(_) => Ok(Self::Attachment),
            _ => Err(Refusal::NotSupported),
        }
    }

    fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// What is copied: an object as it is now.
#[derive(Debug, Default)]
struct Original {
    values: Values,
    recipients: Vec<Recipient>,
    attachments: Vec<Attachment>,
    embedded: Option<Box<Content>>,
}

impl Original {
    /// What it has, named like properties.
    fn ids(&self) -> BTreeSet<u16> {
        let has = [
            (DATA, self.embedded.is_some()),
            (held::RECIPIENTS, !self.recipients.is_empty()),
            (held::ATTACHMENTS, !self.attachments.is_empty()),
        ];
        let held = has.into_iter().filter(|(_, has)| *has).map(|(id, _)| id);
        self.values.keys().copied().chain(held).collect()
    }
}

/// From where to where, and how.
struct Copying {
    from: Place,
    to: Place,
    source: Sort,
    target: Sort,
    flags: u8,
    /// What the destination has and is to keep.
    kept: BTreeSet<u16>,
}

impl Copying {
    fn new(session: &Session, at: Place, flags: u8) -> Result<Self, Refusal> {
        let to = Place {
            handle: at.target,
            ..at
        };
        let source = Sort::of(&session.objects, at.logon_id, at.handle)?;
        let target = Sort::of(&session.objects, at.logon_id, at.target);
        let target = target.map_err(|refusal| match refusal {
            Refusal::NullObject => Refusal::NullDestination,
            other => other,
        })?;
        if !source.is_like(target) {
            return Err(Refusal::NotSupported);
        }
        if flags & !(MOVE | NO_OVERWRITE) != 0 {
            return Err(Refusal::InvalidParameter);
        }
        if flags & MOVE != 0 && !may_write(&session.objects, at) {
            return Err(Refusal::AccessDenied);
        }
        if stands_within(&session.objects, at.logon_id, at.target, at.handle) {
            return Err(Refusal::MessageCycle);
        }
        let kept = if flags & NO_OVERWRITE == 0 {
            BTreeSet::new()
        } else {
            original(session, to)?.ids()
        };
        Ok(Self {
            from: at,
            to,
            source,
            target,
            flags,
            kept,
        })
    }

    fn is_move(&self) -> bool {
        self.flags & MOVE != 0
    }
}

/// Whether what is open may lose something. Of folders the store decides.
fn may_write(objects: &Objects, at: Place) -> bool {
    match objects.look(at.logon_id, at.handle) {
        Ok(Object::Message(open)) => open.may_write,
        Ok(Object::Attachment(open)) => open.may_write,
        _ => true,
    }
}

/// Whether an open object stands in another, by the attachments and messages that hold it. The
/// chain is no longer than there are objects, since each was opened from an older one.
fn stands_within(objects: &Objects, logon_id: u8, inner: u32, outer: u32) -> bool {
    let mut at = inner;
    loop {
        let holder = match objects.look(logon_id, at) {
            Ok(Object::Message(message)) => message.parent,
            Ok(Object::Attachment(open)) => Some(open.parent),
            _ => None,
        };
        match holder {
            Some(holder) if holder == outer => return true,
            Some(holder) if holder != at => at = holder,
            _ => return false,
        }
    }
}

/// `RopCopyProperties`: those of the list; what can't be copied is told.
pub(super) fn some(
    session: &mut Session,
    at: Place,
    request: &CopyProperties,
) -> Result<Done, Refusal> {
    let copying = Copying::new(session, at, request.flags)?;
    let original = original(session, copying.from)?;
    let wanted: BTreeSet<u16> = request.tags.iter().map(|tag| tag.id()).collect();
    let mut problems = Vec::new();
    let mut changes = Vec::new();
    let kept = &copying.kept;
    for (index, tag) in (0..).zip(&request.tags) {
        let id = tag.id();
        match original.values.get(&id) {
            _ if held::ALL.contains(&id) || kept.contains(&id) => {}
            _ if id == DATA && original.embedded.is_some() => {}
            Some(value) => changes.push((index, (named_alike(*tag, value), Some(value.clone())))),
            None => problems.push(PropertyProblem {
                index,
                tag: *tag,
                error_code: Refusal::NotFound.code(),
            }),
        }
    }
    problems.extend(put(session, &copying, changes)?);
    put_held(session, &copying, original, &|id| wanted.contains(&id))?;
    problems.sort_by_key(|problem| problem.index);
    Ok(Done::said(Response::CopyProperties(Problems { problems })))
}

/// `RopCopyTo`: all that may be set but those of the list; with what the object holds only if the
/// client says so.
pub(super) fn all(session: &mut Session, at: Place, request: &CopyTo) -> Result<Done, Refusal> {
    let copying = Copying::new(session, at, request.flags)?;
    let original = original(session, copying.from)?;
    let excluded: BTreeSet<u16> = request.excluded.iter().map(|tag| tag.id()).collect();
    let is_left =
        |id: &u16| excluded.contains(id) || copying.kept.contains(id) || is_own(&copying, *id);
    let told = original.values.iter().filter(|(id, _)| !is_left(id));
    let told = told.map(|(id, value)| {
        let tag = PropertyTag::new(*id, value.property_type());
        (tag, Some(value.clone()))
    });
    let changes: Vec<(u16, Change)> = (0..).zip(told).collect();
    let is_whole = request.want_sub_objects
        && copying.flags == 0
        && excluded.iter().all(|id| is_own(&copying, *id));
    let letter = letter(&session.objects, &copying).filter(|_| is_whole);
    let problems = put(session, &copying, changes)?;
    let is_attachment = copying.source == Sort::Attachment;
    if request.want_sub_objects || is_attachment {
        put_held(session, &copying, original, &|id| !excluded.contains(&id))?;
    }
    if let Some((item, changed)) = letter {
        let open = session
            .objects
            .message(copying.to.logon_id, copying.to.handle)?;
        let changes = open.changes.clone();
        open.copied = Some(Copied {
            item,
            changed,
            changes,
        });
    }
    Ok(Done::said(Response::CopyTo(Problems { problems })))
}

/// The kept message that a new one is copied from, neither of them changed yet.
fn letter(objects: &Objects, copying: &Copying) -> Option<(ItemKey, ChangeSeq)> {
    let open = |at: Place| match objects.look(at.logon_id, at.handle) {
        Ok(Object::Message(open)) if open.changes == Changes::default() => Some(open),
        _ => None,
    };
    let (source, target) = (open(copying.from)?, open(copying.to)?);
    match (&source.base, &target.base) {
        (Base::Stored { item, changed, .. }, Base::New { .. }) => Some((*item, *changed)),
        _ => None,
    }
}

/// The tag of a value: the client's, unless that is of another type.
fn named_alike(tag: PropertyTag, value: &Value) -> PropertyTag {
    tag.with_type(value.property_type())
}

/// Properties that an object tells of itself and never of another.
fn is_own(copying: &Copying, id: u16) -> bool {
    match copying.target {
        Sort::Message => COMPUTED.contains(&id),
        Sort::Attachment => COMPUTED.contains(&id) || [0x0e20, 0x0e21].contains(&id),
        Sort::Folder(_) => {
            // A special folder is named by the mailbox that has it.
            folder::COMPUTED.contains(&id)
                || COMPUTED.contains(&id)
                || (0x36d0..=0x36d7).contains(&id)
        }
    }
}

/// What the object is now, with what was changed and not yet saved.
fn original(session: &Session, at: Place) -> Result<Original, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    match session.objects.look(at.logon_id, at.handle)? {
        Object::Message(open) => {
            let content = message::whole(&message::properties(logon, open)?)?;
            let mut values = content.values;
            values.extend(with_identifiers(logon, content.named)?);
            Ok(Original {
                values,
                recipients: content.recipients,
                attachments: content.attachments,
                embedded: None,
            })
        }
        Object::Attachment(open) => {
            let properties = AttachmentProperties(&open.attachment);
            Ok(Original {
                values: told(&properties)?,
                embedded: open.attachment.embedded.clone(),
                ..Original::default()
            })
        }
        _ => property::of(session, at, |source| {
            Ok(Original {
                values: told(source)?,
                ..Original::default()
            })
        }),
    }
}

/// Properties that only a letter's header tells by their names: what is copied gets identifiers,
/// because the copy keeps them.
fn with_identifiers(logon: &Logon, named: Vec<(PropertyName, Value)>) -> Result<Values, Refusal> {
    if named.is_empty() {
        return Ok(Values::new());
    }
    let given = logon.account.write(|txn| {
        let ids = named.iter().map(|(name, _)| names::give_id(txn, name));
        ids.collect::<Result<Vec<_>, _>>()
    })?;
    let ids = given.wait()?.into_iter();
    let values = ids
        .zip(named)
        .filter_map(|(id, (_, value))| Some((id?, value)));
    Ok(values.collect())
}

fn told(source: &dyn Properties) -> Result<Values, Refusal> {
    let mut values = Values::new();
    for tag in source.tags() {
        let value = source.value(tag.id())?;
        values.extend(value.map(|value| (tag.id(), value)));
    }
    Ok(values)
}

/// Sets properties of the destination, and gives them up at the source if they are moved.
fn put(
    session: &mut Session,
    copying: &Copying,
    changes: Vec<(u16, Change)>,
) -> Result<Vec<PropertyProblem>, Refusal> {
    const DISPLAY_NAME: u16 = 0x3001;
    let is_folder = matches!(copying.target, Sort::Folder(_));
    let (alone, together): (Vec<_>, Vec<_>) = changes
        .into_iter()
        .partition(|(_, (tag, _))| is_folder && tag.id() == DISPLAY_NAME);
    let mut problems = put_all(session, copying, together)?;
    // A name that may not be given must not keep all the others from being copied.
    for (index, change) in alone {
        let tag = change.0;
        match put_all(session, copying, vec![(index, change)]) {
            Ok(refused) => problems.extend(refused),
            Err(refusal) => problems.push(PropertyProblem {
                index,
                tag,
                error_code: refusal.code(),
            }),
        }
    }
    Ok(problems)
}

fn put_all(
    session: &mut Session,
    copying: &Copying,
    changes: Vec<(u16, Change)>,
) -> Result<Vec<PropertyProblem>, Refusal> {
    let (places, changes): (Vec<u16>, Vec<Change>) = changes.into_iter().unzip();
    let mut problems = property::change(session, copying.to, &changes)?;
    if copying.is_move() {
        let moved = (0_u16..).zip(&changes);
        let moved = moved.filter(|(index, _)| problems.iter().all(|one| one.index != *index));
        let gone: Vec<Change> = moved.map(|(_, (tag, _))| (*tag, None)).collect();
        property::change(session, copying.from, &gone)?;
    }
    for problem in &mut problems {
        let place = places.get(usize::from(problem.index));
        problem.index = place.copied().unwrap_or(problem.index);
    }
    Ok(problems)
}

/// Copies what the object holds, as far as it is wanted.
fn put_held(
    session: &mut Session,
    copying: &Copying,
    original: Original,
    is_wanted: &dyn Fn(u16) -> bool,
) -> Result<(), Refusal> {
    let is_copied = |id: u16| is_wanted(id) && !copying.kept.contains(&id);
    match (copying.source, copying.target) {
        (Sort::Folder(from), Sort::Folder(to)) => {
            put_into_folder(session, copying, [from, to], &is_copied)
        }
        (Sort::Message, _) => put_into_message(session, copying, original, &is_copied),
        (_, _) if is_copied(DATA) && original.embedded.is_some() => {
            let open = session
                .objects
                .attachment(copying.to.logon_id, copying.to.handle)?;
            open.attachment.embedded = original.embedded;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// All recipients, and all attachments, in place of those that are there.
fn put_into_message(
    session: &mut Session,
    copying: &Copying,
    original: Original,
    is_copied: &dyn Fn(u16) -> bool,
) -> Result<(), Refusal> {
    let there = message::look(session, copying.to, |message, _| {
        message.attachments(Data::Without)
    })?;
    if copying.is_move() {
        give_up(session, copying, &original, is_copied)?;
    }
    let open = session
        .objects
        .message(copying.to.logon_id, copying.to.handle)?;
    if is_copied(held::RECIPIENTS) {
        open.changes.recipients = Some(original.recipients);
    }
    if is_copied(held::ATTACHMENTS) {
        let gone = there.iter().map(|attachment| (attachment.number, None));
        open.changes.attachments.extend(gone);
        let copies = original.attachments.into_iter();
        let copies = copies.map(|attachment| (attachment.number, Some(attachment)));
        open.changes.attachments.extend(copies);
    }
    Ok(())
}

/// Takes from a message what is moved to another.
fn give_up(
    session: &mut Session,
    copying: &Copying,
    original: &Original,
    is_copied: &dyn Fn(u16) -> bool,
) -> Result<(), Refusal> {
    let from = copying.from;
    let open = session.objects.message(from.logon_id, from.handle)?;
    if is_copied(held::RECIPIENTS) {
        open.changes.recipients = Some(Vec::new());
    }
    if is_copied(held::ATTACHMENTS) {
        let gone = original.attachments.iter();
        let gone = gone.map(|attachment| (attachment.number, None));
        open.changes.attachments.extend(gone);
    }
    Ok(())
}

fn put_into_folder(
    session: &Session,
    copying: &Copying,
    [from, to]: [FolderId; 2],
    is_copied: &dyn Fn(u16) -> bool,
) -> Result<(), Refusal> {
    let wanted = tree::Wanted {
        folders: is_copied(held::FOLDERS),
        messages: is_copied(held::MESSAGES),
        associated: is_copied(held::ASSOCIATED),
    };
    if wanted == tree::Wanted::default() {
        return Ok(());
    }
    let logon = session.objects.logon(copying.from.logon_id)?;
    let row = logon.account.read()?.folder(to)?;
    if matches!(row.form, FolderForm::Search(_)) {
        return Err(Refusal::SearchFolder);
    }
    let how = if copying.is_move() {
        Transfer::Move
    } else {
        Transfer::Copy
    };
    tree::transfer_below(logon, [from, to], how, wanted)
}
