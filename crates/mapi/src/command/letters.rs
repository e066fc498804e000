//! What is done to the messages of a folder: marking, deleting, moving, copying.
//!
//! Each operation is one commit and is answered when that is settled. Messages that are gone are
//! passed over, and the answer says that something was left out.
//!
//! Source: [MS-OXCFOLD] 3.2.5.6, 3.2.5.11; [MS-OXCMSG] 3.2.5.10, 3.2.5.11.

use super::{Done, Place, attributes, folder, receipt};
use crate::codec::data::{ObjectId, Value};
use crate::codec::rop::folder::{Completion, DeleteMessages, MoveCopyMessages};
use crate::codec::rop::message::{
    MessageStatus, MessageStatusRequest, ReadFlagSet, SetMessageReadFlag, SetMessageStatus,
    SetReadFlags,
};
use crate::codec::rop::{Request, Response};
use crate::convert::receipt::Fate;
use crate::draft::Base;
use crate::identity;
use crate::object::{Logon, Object};
use crate::property::item::ItemProperties;
use crate::refusal::Refusal;
use crate::request::Session;
use engine::account::values::PartChanges;
use engine::{
    EngineError, FlagChange, FlagSet, Flags, FolderForm, FolderId, ItemKey, Location, PlaceId,
    Reading, Shelf, Transfer, Txn,
};

/// How a message is to be marked, and whether who asked is told that it was read.
#[derive(Debug)]
struct Marking {
    change: Option<FlagChange>,
    tells: bool,
}

/// What a client wants. Source: [MS-OXCMSG] 2.2.3.10.1.
fn marking(read_flags: u8) -> Result<Marking, Refusal> {
    const SUPPRESS_RECEIPT: u8 = 0x01;
    const CLEAR_READ: u8 = 0x04;
    const ONLY_RECEIPT: u8 = 0x10;
    const NO_RECEIPT_EVER: u8 = 0x20 | 0x40;
    let add = |flag| Some(FlagChange::add(FlagSet::from(flag)));
    let (change, tells) = match read_flags & !SUPPRESS_RECEIPT {
        0 => (add(Flags::SEEN), read_flags & SUPPRESS_RECEIPT == 0),
        CLEAR_READ => (Some(FlagChange::remove(FlagSet::from(Flags::SEEN))), false),
        ONLY_RECEIPT => (None, true),
        // What counts as sent already is never sent.
        none if none & !NO_RECEIPT_EVER == 0 => (add(Flags::MDN_SENT), false),
        _ => return Err(Refusal::InvalidParameter),
    };
    Ok(Marking { change, tells })
}

/// Tells who asked what became of those of these messages that nobody has read yet, and marks
/// them so. How many letters one request may have is bounded by its buffer.
fn tell(
    logon: &Logon,
    folder: FolderId,
    messages: &[ObjectId],
    fate: Fate,
    change: Option<&FlagChange>,
) -> Result<(), Refusal> {
    let view = logon.account.read()?;
    let is_search = matches!(view.folder(folder)?.form, FolderForm::Search(_));
    let mut places = Vec::new();
    for number in messages.iter().copied().filter_map(identity::number_of) {
        let found = view.item_at_place(PlaceId(number))?.map(|(at, _)| at);
        let is_meant =
            |at: &Location| (is_search || at.folder == folder) && at.shelf != Shelf::Recoverable;
        places.extend(found.filter(is_meant));
    }
    drop(view);
    for at in places {
        receipt::tell(logon, at, fate, change)?;
    }
    Ok(())
}

/// Whether messages that were deleted are meant too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deleted {
    Without,
    With,
}

/// Where these messages of a folder stand; `None` for those that do not stand there. A search shows
/// messages wherever they stand.
fn located(
    txn: &Txn<'_, '_>,
    folder: FolderId,
    messages: &[ObjectId],
    deleted: Deleted,
) -> Result<Vec<Option<Location>>, EngineError> {
    let is_search = matches!(txn.folder(folder)?.form, FolderForm::Search(_));
    let locate = |id: &ObjectId| {
        let Some(number) = identity::number_of(*id) else {
            return Ok(None);
        };
        let found = txn.item_at_place(PlaceId(number))?.map(|(at, _)| at);
        let is_meant = |at: &Location| {
            (is_search || at.folder == folder)
                && (at.shelf != Shelf::Recoverable || deleted == Deleted::With)
        };
        Ok(found.filter(is_meant))
    };
    messages.iter().map(locate).collect()
}

/// Does something to each of these messages, in one commit; answers whether some were passed over:
/// those that do not stand there, and those that are being sent.
fn each(
    logon: &Logon,
    folder: FolderId,
    messages: &[ObjectId],
    deleted: Deleted,
    work: impl Fn(&mut Txn<'_, '_>, Location) -> Result<(), EngineError>,
) -> Result<Completion, Refusal> {
    let done = logon.account.write(|txn| {
        let places = located(txn, folder, messages, deleted)?;
        let mut is_partial = places.contains(&None);
        for at in places.iter().flatten() {
            match work(txn, *at) {
                Err(EngineError::InUse) => is_partial = true,
                done => done?,
            }
        }
        Ok::<_, EngineError>(is_partial)
    })?;
    let is_partial = done.wait()?;
    Ok(Completion { is_partial })
}

/// `RopSetReadFlags`: no messages means all of the folder. Of these nobody is told, since nobody has
/// opened them.
pub(super) fn set_read_flags(
    session: &mut Session,
    at: Place,
    request: &SetReadFlags,
) -> Result<Done, Refusal> {
    let folder = folder::folder_of(session, at)?;
    let logon = session.objects.logon(at.logon_id)?;
    let marking = marking(request.read_flags)?;
    if marking.tells {
        let change = marking.change.as_ref();
        tell(logon, folder, &request.messages, Fate::Read, change)?;
    }
    let completion = match marking.change {
        None => Completion { is_partial: false },
        Some(change) if request.messages.is_empty() => {
            let done = logon.account.write(|txn| {
                for uid in txn.uids(folder, Shelf::Mail)?.iter() {
                    txn.set_flags(Location::mail(folder, uid), &change)?;
                }
                Ok::<_, EngineError>(())
            })?;
            done.wait()?;
            Completion { is_partial: false }
        }
        Some(change) => each(
            logon,
            folder,
            &request.messages,
            Deleted::Without,
            |txn, place| txn.set_flags(place, &change).map(|_| ()),
        )?,
    };
    Ok(Done::said(Response::SetReadFlags(completion)))
}

/// `RopSetMessageReadFlag`. What clients of public folders are told is never told here.
pub(super) fn set_message_read_flag(
    session: &mut Session,
    at: Place,
    request: &SetMessageReadFlag,
) -> Result<Done, Refusal> {
    let item = match session.objects.message(at.logon_id, at.handle)?.base {
        Base::Stored { item, .. } => item,
        // What is not kept yet is read by who writes it.
        Base::New { .. } | Base::Content(_) => return Err(Refusal::NotSupported),
    };
    let logon = session.objects.logon(at.logon_id)?;
    let marking = marking(request.read_flags)?;
    let place = logon.account.read()?.location(item)?;
    if let Some(place) = place.filter(|_| marking.tells) {
        receipt::tell(logon, place, Fate::Read, marking.change.as_ref())?;
    }
    if let Some(change) = marking.change {
        let done = logon.account.write(|txn| {
            let place = txn.location(item)?.ok_or(EngineError::NoSuchItem)?;
            txn.set_flags(place, &change).map(|_| ())
        })?;
        done.wait()?;
    }
    let changed = None;
    Ok(Done::said(Response::SetMessageReadFlag(ReadFlagSet {
        changed,
    })))
}

/// `RopDeleteMessages`: they stay recoverable for a while; `RopHardDeleteMessages`: for good, also
/// what was deleted before. What waits to be sent is taken back; what is being sent is left.
pub(super) fn delete(
    session: &mut Session,
    at: Place,
    request: &DeleteMessages,
    which: &Request,
) -> Result<Done, Refusal> {
    let folder = folder::folder_of(session, at)?;
    let logon = session.objects.logon(at.logon_id)?;
    let is_hard = matches!(which, Request::HardDeleteMessages(_));
    let deleted = if is_hard {
        Deleted::With
    } else {
        Deleted::Without
    };
    let messages = &request.messages;
    if request.notify_non_read {
        let fate = Fate::DeletedUnread;
        tell(logon, folder, messages, fate, None)?;
    }
    let completion = each(logon, folder, messages, deleted, |txn, place| {
        if is_hard {
            txn.purge(place)
        } else {
            txn.expunge(place)
        }
    })?;
    Ok(Done::said(if is_hard {
        Response::HardDeleteMessages(completion)
    } else {
        Response::DeleteMessages(completion)
    }))
}

/// `RopMoveCopyMessages`, within one mailbox. The messages get new numbers where they come to; what
/// was deleted comes back by being moved.
pub(super) fn move_or_copy(
    session: &mut Session,
    at: Place,
    request: &MoveCopyMessages,
) -> Result<Done, Refusal> {
    let from = folder::folder_of(session, at)?;
    let to = match session.objects.object(at.logon_id, at.target) {
        Ok(Object::Folder(folder)) => *folder,
        Ok(_) => return Err(Refusal::NotSupported),
        Err(_) => return Err(Refusal::NullDestination),
    };
    let how = if request.want_copy {
        Transfer::Copy
    } else {
        Transfer::Move
    };
    let logon = session.objects.logon(at.logon_id)?;
    let messages = &request.messages;
    let completion = each(logon, from, messages, Deleted::With, |txn, place| {
        if place.shelf == Shelf::Recoverable && how == Transfer::Move {
            txn.restore(place, Some(to)).map(|_| ())
        } else {
            txn.transfer(how, place, to).map(|_| ())
        }
    })?;
    Ok(Done::said(Response::MoveCopyMessages(completion)))
}

/// `PidTagMessageStatus`
const STATUS: u16 = 0x0e17;

/// The message of that number in the folder that is open.
fn item_of(session: &mut Session, at: Place, message: ObjectId) -> Result<(ItemKey, i32), Refusal> {
    folder::folder_of(session, at)?;
    let number = identity::number_of(message).ok_or(Refusal::NotFound)?;
    let logon = session.objects.logon(at.logon_id)?;
    let view = logon.account.read()?;
    let (place, row) = view
        .item_at_place(PlaceId(number))?
        .ok_or(Refusal::NotFound)?;
    let item = row.item;
    let properties = ItemProperties::load(logon, &view, place, row)?;
    let kept = properties.map(|properties| properties.kept().values.get(&STATUS).cloned());
    match kept {
        Some(Some(Value::Integer32(status))) => Ok((item, status)),
        Some(_) => Ok((item, 0)),
        None => Err(Refusal::NotFound),
    }
}

/// `RopGetMessageStatus`
pub(super) fn status(
    session: &mut Session,
    at: Place,
    request: &MessageStatusRequest,
) -> Result<Done, Refusal> {
    let (_, status) = item_of(session, at, request.message)?;
    Ok(Done::said(Response::MessageStatus(MessageStatus {
        status: status.cast_unsigned(),
    })))
}

/// `RopSetMessageStatus`: answers what it was.
pub(super) fn set_status(
    session: &mut Session,
    at: Place,
    request: &SetMessageStatus,
) -> Result<Done, Refusal> {
    let (item, old) = item_of(session, at, request.message)?;
    let old = old.cast_unsigned();
    let new = (old & !request.mask) | (request.status & request.mask);
    let logon = session.objects.logon(at.logon_id)?;
    if new != old {
        let value = Value::Integer32(new.cast_signed());
        let done = logon.account.write(|txn| {
            let place = txn.location(item)?.ok_or(EngineError::NoSuchItem)?;
            let part = PartChanges {
                path: Vec::new(),
                changes: Some(attributes::stored(txn, &[(STATUS, Some(value.clone()))])?),
            };
            txn.set_values(place, &[part], None)
        })?;
        done.wait()?;
    }
    Ok(Done::said(Response::SetMessageStatus(MessageStatus {
        status: old,
    })))
}
