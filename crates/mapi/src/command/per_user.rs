//! Which messages of public folders a person has read: kept in the person's own mailbox for
//! whatever server has these folders, as bytes that mean nothing here.
//!
//! Source: [MS-OXCSTOR] 2.2.1.10 to 2.2.1.13, 3.2.5.10 to 3.2.5.13.

use super::{Done, Place, attributes};
use crate::codec::data::{Guid, LongTermId, Value};
use crate::codec::rop::Response;
use crate::codec::rop::logon::{
    Database, LongId, LongIds, PerUserInformation, ReadPerUserInformation, WritePerUserInformation,
};
use crate::codec::wire::{Form, Nothing, decode, encode};
use crate::content::Values;
use crate::object::Logon;
use crate::property::kept;
use crate::refusal::Refusal;
use crate::request::Session;
use bytes::Bytes;
use engine::account::values::{Holder, value_tree};
use engine::{PathStep, ROOT};

/// Where folders are kept, each at a number of its own, with the root.
const OF_FOLDERS: PathStep = PathStep::Part(4);
/// What is kept of one: its name, whose it is, and the bytes.
const FOLDER: u16 = 0x65e0;
const DATABASE: u16 = 0x0ff8;
const DATA: u16 = 0x3701;
/// Folders that one person keeps bytes of.
const FOLDERS_MAX: u32 = 500;
/// Bytes of one folder: what the store keeps in one place.
const DATA_BYTES_MAX: usize = 4000;
/// Bytes before the data of an answer.
const DATA_HEAD_BYTES: usize = 16;

/// What is being written, until all of it is there.
#[derive(Debug)]
pub(crate) struct Writing {
    logon_id: u8,
    folder: LongTermId,
    database: Guid,
    data: Vec<u8>,
}

/// What is kept of one folder.
struct Entry {
    number: u32,
    folder: LongTermId,
    database: Guid,
    data: Bytes,
}

fn entries(logon: &Logon) -> Result<Vec<Entry>, Refusal> {
    let view = logon.account.read()?;
    let mut all = Vec::new();
    for (path, values) in value_tree(&view, Holder::Folder(ROOT))? {
        let [first, PathStep::Part(number)] = path.as_slice() else {
            continue;
        };
        if *first == OF_FOLDERS {
            let values = kept::read(&logon.account, &logon.names, &view, &values)?.values;
            all.extend(entry(*number, &values));
        }
    }
    Ok(all)
}

fn entry(number: u32, values: &Values) -> Option<Entry> {
    let (Value::Binary(folder), Value::Guid(database), Value::Binary(data)) = (
        values.get(&FOLDER)?,
        values.get(&DATABASE)?,
        values.get(&DATA)?,
    ) else {
        return None;
    };
    Some(Entry {
        number,
        folder: decode(folder, Form::Rop).ok()?,
        database: *database,
        data: data.clone(),
    })
}

/// `RopReadPerUserInformation`: of a folder that nothing is kept of, nothing.
pub(super) fn read(
    session: &mut Session,
    at: Place,
    request: &ReadPerUserInformation,
) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let all = entries(logon)?;
    let kept = all.iter().find(|entry| entry.folder == request.folder);
    let data = kept.map(|entry| entry.data.clone()).unwrap_or_default();
    let start = usize::try_from(request.data_offset).unwrap_or(usize::MAX);
    let rest = data.get(start..).ok_or(Refusal::InvalidParameter)?;
    let room = at.room.saturating_sub(DATA_HEAD_BYTES);
    let wanted = match request.data_bytes_max {
        0 => room,
        wanted => room.min(wanted.into()),
    };
    let told = rest.get(..wanted).unwrap_or(rest);
    Ok(Done::said(Response::ReadPerUserInformation(
        PerUserInformation {
            has_finished: told.len() == rest.len(),
            data: Bytes::copy_from_slice(told),
        },
    )))
}

/// `RopWritePerUserInformation`: kept when the last piece is there.
pub(super) fn write(
    session: &mut Session,
    at: Place,
    request: &WritePerUserInformation,
) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?.clone();
    let mut writing = match (session.writing.take(), request.replica) {
        (_, Some(database)) => Writing {
            logon_id: at.logon_id,
            folder: request.folder,
            database,
            data: Vec::new(),
        },
        (Some(begun), None) if begun.folder == request.folder => begun,
        _ => return Err(Refusal::InvalidParameter),
    };
    let offset = usize::try_from(request.data_offset).unwrap_or(usize::MAX);
    if offset != writing.data.len() || writing.logon_id != at.logon_id {
        return Err(Refusal::InvalidParameter);
    }
    if offset + request.data.len() > DATA_BYTES_MAX {
        return Err(Refusal::TooBig);
    }
    writing.data.extend_from_slice(&request.data);
    if request.has_finished {
        keep(&logon, writing)?;
    } else {
        session.writing = Some(writing);
    }
    Ok(Done::said(Response::WritePerUserInformation(Nothing)))
}

fn keep(logon: &Logon, writing: Writing) -> Result<(), Refusal> {
    let all = entries(logon)?;
    let known = all.iter().find(|entry| entry.folder == writing.folder);
    let free = || (0..FOLDERS_MAX).find(|number| all.iter().all(|entry| entry.number != *number));
    let number = known.map(|entry| entry.number).or_else(free);
    let number = number.ok_or(Refusal::TooBig)?;
    let folder = encode(&writing.folder, Form::Rop).map_err(|_| Refusal::TooBig)?;
    let changes = [
        (FOLDER, Some(Value::Binary(folder.into()))),
        (DATABASE, Some(Value::Guid(writing.database))),
        (DATA, Some(Value::Binary(writing.data.into()))),
    ];
    let path = [OF_FOLDERS, PathStep::Part(number)];
    attributes::keep_apart(logon, ROOT, &path, &changes)
}

/// `RopGetPerUserLongTermIds`: the folders of a database of which something is kept.
pub(super) fn folders(
    session: &mut Session,
    at: Place,
    request: &Database,
) -> Result<Done, Refusal> {
    let all = entries(session.objects.logon(at.logon_id)?)?;
    let of_it = all
        .iter()
        .filter(|entry| entry.database == request.database);
    let ids = of_it.map(|entry| entry.folder).collect();
    Ok(Done::said(Response::PerUserLongTermIds(LongIds { ids })))
}

/// `RopGetPerUserGuid`: the database of a folder of which something is kept.
pub(super) fn database(
    session: &mut Session,
    at: Place,
    request: &LongId,
) -> Result<Done, Refusal> {
    let all = entries(session.objects.logon(at.logon_id)?)?;
    let kept = all.iter().find(|entry| entry.folder == request.id);
    let database = kept.ok_or(Refusal::NotFound)?.database;
    Ok(Done::said(Response::PerUserGuid(Database { database })))
}
