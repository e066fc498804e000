//! Saving messages.
//!
//! A message of people becomes an Internet letter, so that every other program can read it; what
//! the letter can't say, and what it says in another way, is kept beside it. A draft's letter is
//! made anew with each saving; a letter that came stays as it is. Appointments, contacts, tasks,
//! notes and settings are no letters: they are kept whole.
//!
//! Start at [`save`].
//!
//! Source: [MS-OXCMSG] 3.2.5.3.

use super::{Done, Place, message};
use crate::codec::data::{FileTime, Value};
use crate::codec::rop::Response;
use crate::codec::rop::message::{MessageSaved, SaveChanges};
use crate::content::Content;
use crate::convert::{self, Blind, Frame};
use crate::draft::{Base, Changes, Message, NORMALIZED_SUBJECT, SUBJECT, SUBJECT_PREFIX};
use crate::object::{Logon, Object};
use crate::property::item::ItemProperties;
use crate::property::kept::{self, Kept};
use crate::property::message::{MessageProperties, message_flags};
use crate::property::names::{FIRST_NAMED, Meaning};
use crate::property::{attachment, parts};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::account::values::{NewEntry, PartChanges};
use engine::{
    EngineError, FlagChange, FlagSet, Flags, FolderId, Kind, PathStep, Reading, Receipt, Shelf,
    Staged, Transfer, Txn,
};
use formats::message::SummaryRef;
use std::collections::BTreeSet;

/// In spite of what others changed.
const FORCE: u8 = 0x04;

/// `RopSaveChangesMessage`. A message that stands in an attachment goes there, and is kept when
/// that is saved and the message around it too.
pub(super) fn save(
    session: &mut Session,
    at: Place,
    request: &SaveChanges,
) -> Result<Done, Refusal> {
    let message = session.objects.message(at.logon_id, at.handle)?;
    if !message.may_write {
        return Err(Refusal::AccessDenied);
    }
    if let Some(parent) = message.parent {
        hold(session, at, parent)?;
    } else {
        keep(session, at, request.flags & FORCE != 0)?;
    }
    let logon = session.objects.logon(at.logon_id)?;
    let Object::Message(message) = session.objects.look(at.logon_id, at.handle)? else {
        return Err(Refusal::NotSupported);
    };
    Ok(Done::said(Response::SaveChangesMessage(MessageSaved {
        input_handle: at.input,
        message: message::number(logon, message)?,
    })))
}

/// Puts a message into the attachment that holds it.
fn hold(session: &mut Session, at: Place, parent: u32) -> Result<(), Refusal> {
    let content = message::look(session, at, |message, _| message.content())?;
    let open = session.objects.attachment(at.logon_id, parent)?;
    open.attachment.embedded = Some(Box::new(content.clone()));
    let message = session.objects.message(at.logon_id, at.handle)?;
    message.base = Base::Content(Box::new(content));
    message.changes = Changes::default();
    Ok(())
}

/// Keeps a message in its folder; what was changed is not pending any more.
pub(super) fn keep(session: &mut Session, at: Place, is_forced: bool) -> Result<(), Refusal> {
    let (saved, number) = message::look(session, at, |properties, message| {
        let logon = session.objects.logon(at.logon_id)?;
        let saved = match &message.base {
            Base::New {
                folder,
                is_associated,
            } => match copied(logon, message, *folder)? {
                Some(receipt) => receipt,
                None => put(logon, properties, *folder, *is_associated)?,
            },
            Base::Stored { .. } => change(logon, properties, message, is_forced)?,
            Base::Content(_) => return Err(Refusal::NotSupported),
        };
        let view = logon.account.read()?;
        let row = view.item(saved.at)?.ok_or(Refusal::NotFound)?;
        Ok((saved, row.changed))
    })?;
    let message = session.objects.message(at.logon_id, at.handle)?;
    message.base = Base::Stored {
        at: saved.at,
        item: saved.item,
        changed: number,
    };
    message.changes = Changes::default();
    message.copied = None;
    Ok(())
}

/// Keeps a new message that is still what it was copied from as a copy of that letter; none where
/// it was changed since, either of them, or where there is no letter.
fn copied(logon: &Logon, message: &Message, folder: FolderId) -> Result<Option<Receipt>, Refusal> {
    let copied = message.copied.as_ref();
    let Some(copied) = copied.filter(|copied| copied.changes == message.changes) else {
        return Ok(None);
    };
    let done = logon.account.write(|txn| {
        let Some(at) = txn
            .location(copied.item)?
            .filter(|at| at.shelf == Shelf::Mail)
        else {
            return Ok(None);
        };
        let row = txn.item(at)?;
        let is_same = row.is_some_and(|row| row.changed == copied.changed && row.body.is_some());
        if !is_same {
            return Ok(None);
        }
        txn.transfer(Transfer::Copy, at, folder).map(Some)
    })?;
    Ok(done.wait()?)
}

/// What a message is kept as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    shelf: Shelf,
    kind: Kind,
}

impl Form {
    /// Only mail has an Internet form here.
    fn is_letter(self) -> bool {
        self.shelf == Shelf::Mail
    }
}

/// By its class: what is not known is mail.
fn form_of(content: &Content, is_associated: bool) -> Form {
    const NO_LETTERS: [(&str, Kind); 6] = [
        ("IPM.Appointment", Kind::Event),
        ("IPM.Contact", Kind::Contact),
        ("IPM.DistList", Kind::Contact),
        ("IPM.Task", Kind::Task),
        ("IPM.StickyNote", Kind::Note),
        ("IPM.Activity", Kind::Other),
    ];
    let class = content.text(0x001a).unwrap_or_default();
    let found = NO_LETTERS.iter().find(|(known, _)| is_class(class, known));
    let (shelf, kind) = match (is_associated, found) {
        (true, found) => (
            Shelf::Associated,
            found.map_or(Kind::Other, |(_, kind)| *kind),
        ),
        (false, Some((_, kind))) => (Shelf::Other, *kind),
        (false, None) => (Shelf::Mail, Kind::Mail),
    };
    Form { shelf, kind }
}

/// Whether a class is this one or stands below it.
pub(super) fn is_class(class: &str, known: &str) -> bool {
    let Some((head, rest)) = class.split_at_checked(known.len()) else {
        return false;
    };
    head.eq_ignore_ascii_case(known) && (rest.is_empty() || rest.starts_with('.'))
}

/// Properties that a letter tells by itself: where it says something else one day, these are given
/// up.
const OF_LETTER: [u16; 39] = [
    0x0017, 0x0023, 0x0026, 0x0029, 0x0036, 0x0037, 0x0039, 0x003b, 0x003d, 0x0041, 0x0042, 0x004f,
    0x0050, 0x0064, 0x0065, 0x0070, 0x0071, 0x007d, 0x0c19, 0x0c1a, 0x0c1d, 0x0c1e, 0x0c1f, 0x0e1d,
    0x0e1f, 0x1000, 0x1009, 0x1013, 0x1016, 0x1035, 0x1039, 0x1042, 0x3fd9, 0x3fde, 0x5d01, 0x5d02,
    0x3013, 0x3016, 0x0e07,
];

fn is_of_letter(meaning: Meaning) -> bool {
    match meaning {
        Meaning::Property(id) => OF_LETTER.contains(&id),
        Meaning::Part | Meaning::Recipients | Meaning::Attachments => true,
        Meaning::Foreign => false,
    }
}

/// Parts always go with the letter that they are parts of.
fn always(_: Meaning) -> bool {
    true
}

/// A letter with what is kept beside it.
struct Written {
    staged: Option<Staged>,
    own: Kept,
    parts: Vec<(Vec<PathStep>, Kept)>,
    /// What it takes, where it is no letter.
    size: u64,
}

/// Flags that its properties say.
fn flags_of(content: &Content, old: Flags, is_new: bool) -> Flags {
    let integer = |id| match content.values.get(&id) {
        Some(Value::Integer32(number)) => Some(*number),
        _ => None,
    };
    let mut flags = old;
    let mut set = |flag: Flags, is_set: bool| {
        flags = if is_set { flags | flag } else { flags & !flag };
    };
    if let Some(said) = integer(0x0e07) {
        set(Flags::SEEN, said & message_flags::READ != 0);
        if is_new {
            set(Flags::DRAFT, said & message_flags::UNSENT != 0);
        }
    }
    set(Flags::FLAGGED, integer(0x1090) == Some(2));
    match integer(0x1081) {
        Some(102 | 103) => set(Flags::ANSWERED, true),
        Some(104) => set(Flags::FORWARDED, true),
        _ => {}
    }
    flags
}

/// A new message.
pub(super) fn put(
    logon: &Logon,
    properties: &MessageProperties<'_>,
    folder: FolderId,
    is_associated: bool,
) -> Result<Receipt, Refusal> {
    let mut content = properties.content()?;
    let form = form_of(&content, is_associated);
    let unsent = message_flags::READ | message_flags::UNSENT;
    content
        .values
        .entry(0x0e07)
        .or_insert(Value::Integer32(unsent));
    let mut flags = flags_of(&content, Flags::NONE, true);
    if !form.is_letter() {
        flags = flags & !Flags::DRAFT;
    }
    let written = write(logon, &content, form.is_letter())?;
    let new = NewEntry {
        folder,
        shelf: form.shelf,
        kind: form.kind,
        flags: FlagSet::from(flags),
        staged: written.staged.as_ref(),
        size: written.size,
    };
    let done = logon.account.write(|txn| {
        let receipt = txn.put_item(&new)?;
        let changes = written.changes(txn, &Kept::default(), &[])?;
        txn.set_values(receipt.at, &changes, written.staged.as_ref())?;
        Ok::<_, Refusal>(receipt)
    })?;
    Ok(done.wait()?)
}

/// A message that is kept already: a draft's letter is made anew.
fn change(
    logon: &Logon,
    properties: &MessageProperties<'_>,
    message: &Message,
    is_forced: bool,
) -> Result<Receipt, Refusal> {
    let Base::Stored { at, item, changed } = message.base else {
        return Err(Refusal::NotSupported);
    };
    let old = message::stored(logon, at, item)?;
    let is_draft = old.row().flags.contains(Flags::DRAFT);
    let is_letter = old.row().body.is_some();
    let is_rewritten = is_draft || !is_letter;
    let content = properties.content()?;
    let flags = flags_of(&content, old.row().flags, false);
    let written = if is_rewritten {
        write(logon, &content, is_letter)?
    } else {
        let letter = old.attached_bytes()?;
        let mut written = beside(&content, &message.changes, old.kept(), &letter);
        written.own.gone = taken_away(&old, &message.changes)?;
        written
    };
    let known = old
        .kept()
        .restricted(&written, &message.changes, is_rewritten);
    let steps = old.steps()?;
    let is_whole = is_rewritten
        || message.changes.recipients.is_some()
        || !message.changes.attachments.is_empty();
    let steps: &[PathStep] = if is_whole { &steps } else { &[] };
    let done = logon.account.write(|txn| {
        let place = txn.location(item)?.ok_or(Refusal::NotFound)?;
        let row = txn.item(place)?.ok_or(Refusal::NotFound)?;
        if row.changed != changed && !is_forced {
            return Err(Refusal::ObjectModified);
        }
        let mut receipt = if is_rewritten {
            txn.renew_item(place, written.staged.as_ref(), written.size)?
        } else {
            txn.touch_item(place, None)?
        };
        let changes = written.changes(txn, &known, steps)?;
        txn.set_values(receipt.at, &changes, written.staged.as_ref())?;
        set_flags(txn, &mut receipt, flags)?;
        Ok(receipt)
    })?;
    Ok(done.wait()?)
}

fn set_flags(
    txn: &mut Txn<'_, '_>,
    receipt: &mut Receipt,
    flags: Flags,
) -> Result<(), EngineError> {
    let row = txn.item(receipt.at)?.ok_or(EngineError::NoSuchItem)?;
    if row.flags != flags {
        let set = FlagSet {
            flags,
            ..row.flag_set()
        };
        let outcome = txn.set_flags(receipt.at, &FlagChange::Replace(set))?;
        receipt.change = outcome.row.changed;
    }
    Ok(())
}

impl Kept {
    /// What of it such a saving may take away: all, or only what was changed.
    fn restricted(&self, new: &Written, changes: &Changes, is_rewritten: bool) -> Self {
        if is_rewritten {
            return self.clone();
        }
        let mut old = self.clone();
        old.values.retain(|id, _| changes.values.contains_key(id));
        old.gone.retain(|id| changes.values.contains_key(id));
        old.has_recipients &= new.own.has_recipients;
        old.has_attachments &= new.own.has_attachments;
        old
    }
}

impl Written {
    /// What turns the values that are kept into these. `steps` lead to the parts that go.
    fn changes(
        &self,
        txn: &mut Txn<'_, '_>,
        old: &Kept,
        steps: &[PathStep],
    ) -> Result<Vec<PartChanges>, EngineError> {
        let gone = steps.iter().map(|step| PartChanges {
            path: vec![*step],
            changes: None,
        });
        let mut all: Vec<_> = gone.collect();
        all.push(PartChanges {
            path: Vec::new(),
            changes: Some(kept::difference(txn, old, &self.own, &is_of_letter)?),
        });
        for (path, kept) in &self.parts {
            let changes = kept::difference(txn, &Kept::default(), kept, &always)?;
            all.push(PartChanges {
                path: path.clone(),
                changes: Some(changes),
            });
        }
        Ok(all)
    }
}

/// Makes a letter of a message, if it is to be one, and what is kept beside it.
fn write(logon: &Logon, content: &Content, is_letter: bool) -> Result<Written, Refusal> {
    if !is_letter {
        let parts = parts::of_content(content);
        let mut written = Written {
            staged: None,
            size: size_of(content),
            own: own(content),
            parts,
        };
        (written.own.has_recipients, written.own.has_attachments) = (true, true);
        return Ok(written);
    }
    let mut bytes = Vec::new();
    compose(logon, content, Blind::Kept, &mut bytes)?;
    let mut upload = logon.account.upload()?;
    upload.write(&bytes)?;
    let staged = upload.finish()?;
    let attached = SummaryRef::new(staged.summary())
        .map(|summary| parts::attached_bytes(&summary, &bytes))
        .unwrap_or_default();
    let mut written = Written {
        own: own(content),
        parts: with_parts(content, &attached),
        staged: Some(staged),
        size: 0,
    };
    (written.own.has_recipients, written.own.has_attachments) = (true, true);
    Ok(written)
}

/// What is to be kept beside a letter that stays as it is: only what was changed.
fn beside(content: &Content, changes: &Changes, old: &Kept, letter: &[Vec<u8>]) -> Written {
    let mut own = own(content);
    own.values.retain(|id, _| changes.values.contains_key(id));
    own.has_recipients = old.has_recipients || changes.recipients.is_some();
    own.has_attachments = old.has_attachments || !changes.attachments.is_empty();
    let is_kept = |step: Option<&PathStep>| match step {
        Some(PathStep::Recipient(_)) => own.has_recipients,
        Some(PathStep::Attachment(_)) => own.has_attachments,
        _ => false,
    };
    let is_whole = changes.recipients.is_some() || !changes.attachments.is_empty();
    let mut parts = if is_whole {
        with_parts(content, letter)
    } else {
        Vec::new()
    };
    parts.retain(|(path, _)| is_kept(path.first()));
    Written {
        staged: None,
        own,
        parts,
        size: 0,
    }
}

/// What was removed though the letter says it, and goes on saying it.
fn taken_away(old: &ItemProperties<'_>, changes: &Changes) -> Result<BTreeSet<u16>, Refusal> {
    let mut gone = BTreeSet::new();
    let removed = changes.values.iter().filter(|(_, value)| value.is_none());
    for (id, _) in removed {
        if old.is_of_letter(*id)? {
            gone.insert(*id);
        }
    }
    Ok(gone)
}

/// A message's own properties, as they are kept.
fn own(content: &Content) -> Kept {
    let mut values = content.values.clone();
    // What the row says is not said twice.
    for id in [0x0e07, 0x3008] {
        values.remove(&id);
    }
    // Whether it is flagged is kept where all programs look for it; that it is done, here.
    if values.get(&0x1090) == Some(&Value::Integer32(2)) {
        values.remove(&0x1090);
    }
    // The whole subject stands for its parts.
    if values.contains_key(&SUBJECT) {
        values.remove(&NORMALIZED_SUBJECT);
    } else if values.contains_key(&NORMALIZED_SUBJECT) {
        values
            .entry(SUBJECT_PREFIX)
            .or_insert(Value::Unicode(String::new()));
    }
    Kept {
        values,
        ..Kept::default()
    }
}

/// The parts of a message as they are kept beside its letter: data that the letter has is not kept
/// twice.
fn with_parts(content: &Content, letter: &[Vec<u8>]) -> Vec<(Vec<PathStep>, Kept)> {
    let mut all = parts::of_content(content);
    let mut taken = BTreeSet::new();
    for (path, kept) in &mut all {
        let [PathStep::Attachment(_)] = path.as_slice() else {
            continue;
        };
        let Some(Value::Binary(data)) = kept.values.get(&attachment::DATA) else {
            continue;
        };
        let same = (0_u32..)
            .zip(letter)
            .find(|(number, bytes)| bytes.as_slice() == data.as_ref() && !taken.contains(number));
        if let Some((number, _)) = same {
            taken.insert(number);
            kept.part = Some(number);
            kept.values.remove(&attachment::DATA);
        }
    }
    all
}

/// What a message takes in bytes, by the values it is made of.
pub(super) fn size_of(content: &Content) -> u64 {
    let of_values = |values: &crate::content::Values| -> usize {
        values
            .values()
            .map(|value| 8 + crate::property::bytes_of(value))
            .sum()
    };
    let all = parts::of_content(content);
    let of_parts: usize = all.iter().map(|(_, kept)| of_values(&kept.values)).sum();
    (of_values(&content.values) + of_parts) as u64
}

/// Writes the letter of a message.
pub(super) fn compose(
    logon: &Logon,
    content: &Content,
    blind: Blind,
    bytes: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let engine = logon.account.engine();
    let letter = engine.new_letter_name();
    let random = u64::from_be_bytes(engine.random());
    let frame = Frame {
        message_id: &format!("<{letter}@{}>", engine.settings().hostname),
        boundary: &format!("={letter}{random:016x}"),
        now: FileTime::from_unix(engine.now().0),
        blind,
    };
    let content = with_names(logon, content)?;
    convert::letter(&content, &frame, &mut |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<_, Refusal>(())
    })
}

/// A message whose named properties are known by their names, with the messages in it.
pub(super) fn with_names(logon: &Logon, content: &Content) -> Result<Content, Refusal> {
    let mut whole = content.clone();
    let mut left = vec![&mut whole];
    while let Some(message) = left.pop() {
        let named = message.values.split_off(&FIRST_NAMED);
        for (id, value) in named {
            let name = logon.names.name(&logon.account, id)?;
            message.named.extend(name.map(|name| (name, value)));
        }
        let embedded = message.attachments.iter_mut();
        left.extend(embedded.filter_map(|attachment| attachment.embedded.as_deref_mut()));
    }
    Ok(whole)
}
