//! What is done to the messages of a folder: marking, deleting, moving, copying.
//!
//! Each operation is one commit and is answered when that is settled. Messages that are gone are
//! passed over, and the answer says that something was left out.
//!
//! Source: [MS-OXCFOLD] 3.2.5.6, 3.2.5.11; [MS-OXCMSG] 3.2.5.10, 3.2.5.11.

use super::{Done, Place, folder};
use crate::codec::data::ObjectId;
use crate::codec::rop::Response;
use crate::codec::rop::folder::{Completion, DeleteMessages, MoveCopyMessages};
use crate::codec::rop::message::{ReadFlagSet, SetMessageReadFlag, SetReadFlags};
use crate::identity;
use crate::object::{Logon, Object};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{
    EngineError, FlagChange, FlagSet, Flags, FolderId, Location, PlaceId, Reading, Shelf, Transfer,
    Txn,
};

/// How a message is to be marked, if it is. Receipts are not sent here, so what is only about
/// them changes nothing. Source: [MS-OXCMSG] 2.2.3.10.1.
fn mark(read_flags: u8) -> Result<Option<FlagChange>, Refusal> {
    const SUPPRESS_RECEIPT: u8 = 0x01;
    const CLEAR_READ: u8 = 0x04;
    const ONLY_RECEIPTS: u8 = 0x10 | 0x20 | 0x40;
    let seen = || FlagSet::from(Flags::SEEN);
    match read_flags & !SUPPRESS_RECEIPT {
        0 => Ok(Some(FlagChange::add(seen()))),
        CLEAR_READ => Ok(Some(FlagChange::remove(seen()))),
        receipts if receipts & !ONLY_RECEIPTS == 0 => Ok(None),
        _ => Err(Refusal::InvalidParameter),
    }
}

/// Where these messages of a folder stand; `None` for those that do not stand there.
fn located(
    txn: &Txn<'_, '_>,
    folder: FolderId,
    messages: &[ObjectId],
) -> Result<Vec<Option<Location>>, EngineError> {
    let locate = |id: &ObjectId| {
        let Some(number) = identity::number_of(*id) else {
            return Ok(None);
        };
        let found = txn.item_at_place(PlaceId(number))?.map(|(at, _)| at);
        Ok(found.filter(|at| at.folder == folder && at.shelf == Shelf::Mail))
    };
    messages.iter().map(locate).collect()
}

/// Does something to each of these messages, in one commit; answers whether some were passed over.
fn each(
    logon: &Logon,
    folder: FolderId,
    messages: &[ObjectId],
    work: impl Fn(&mut Txn<'_, '_>, Location) -> Result<(), EngineError>,
) -> Result<Completion, Refusal> {
    let done = logon.account.write(|txn| {
        let places = located(txn, folder, messages)?;
        for at in places.iter().flatten() {
            work(txn, *at)?;
        }
        Ok::<_, EngineError>(places.contains(&None))
    })?;
    let is_partial = done.wait()?;
    Ok(Completion { is_partial })
}

/// `RopSetReadFlags`: no messages means all of the folder.
pub(super) fn set_read_flags(
    session: &mut Session,
    at: Place,
    request: &SetReadFlags,
) -> Result<Done, Refusal> {
    let folder = folder::folder_of(session, at)?;
    let logon = session.objects.logon(at.logon_id)?;
    let completion = match mark(request.read_flags)? {
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
        Some(change) => each(logon, folder, &request.messages, |txn, place| {
            txn.set_flags(place, &change).map(|_| ())
        })?,
    };
    Ok(Done::said(Response::SetReadFlags(completion)))
}

/// `RopSetMessageReadFlag`. What clients of public folders are told is never told here.
pub(super) fn set_message_read_flag(
    session: &mut Session,
    at: Place,
    request: &SetMessageReadFlag,
) -> Result<Done, Refusal> {
    let item = match session.objects.object(at.logon_id, at.handle)? {
        Object::Message(_, item) => *item,
        _ => return Err(Refusal::NotSupported),
    };
    let logon = session.objects.logon(at.logon_id)?;
    if let Some(change) = mark(request.read_flags)? {
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

/// `RopDeleteMessages`: they stay recoverable for a while.
pub(super) fn delete(
    session: &mut Session,
    at: Place,
    request: &DeleteMessages,
) -> Result<Done, Refusal> {
    let folder = folder::folder_of(session, at)?;
    let logon = session.objects.logon(at.logon_id)?;
    let completion = each(logon, folder, &request.messages, |txn, place| {
        txn.expunge(place)
    })?;
    Ok(Done::said(Response::DeleteMessages(completion)))
}

/// `RopMoveCopyMessages`, within one mailbox. The messages get new numbers where they come to.
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
    let completion = each(logon, from, &request.messages, |txn, place| {
        txn.transfer(how, place, to).map(|_| ())
    })?;
    Ok(Done::said(Response::MoveCopyMessages(completion)))
}
