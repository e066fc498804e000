//! Tables: columns, order, rows.
//!
//! Source: [MS-OXCTABL] 3.2.5.

use super::{Done, Place, bookmark};
use crate::codec::data::PropertyRow;
use crate::codec::rop::Response;
use crate::codec::rop::table::{
    Columns, FindRow, FoundRow, Fraction, QueryRows, Restrict, RowSought, Rows as TableRows,
    SeekRow, SetColumns, SortTable, TableStatus,
};
use crate::codec::wire::{Form, Nothing, Wire, Writer};
use crate::condition::{self, counted};
use crate::object::{Object, Rows};
use crate::refusal::Refusal;
use crate::request::Session;
use crate::table::rows::RowReader;
use crate::table::{Arrangement, Table, shown};

/// Bytes before the rows of an answer.
const ROWS_HEAD_BYTES: usize = 9;

/// A table as it was left.
pub(super) fn table(session: &mut Session, at: Place) -> Result<&mut Table, Refusal> {
    match session.objects.object(at.logon_id, at.handle)? {
        Object::Table(table) => Ok(table),
        _ => Err(Refusal::NotSupported),
    }
}

/// A table as it is now. From here on its client knows the rows, and is told what becomes of them.
pub(super) fn fresh(session: &mut Session, at: Place) -> Result<&mut Table, Refusal> {
    table(session, at)?;
    session.follow(at.logon_id, at.handle)?;
    let table = table(session, at)?;
    table.is_known |= table.columns.is_some();
    Ok(table)
}

/// A table that was just opened, of what never changes.
pub(super) fn opened(rows: Rows) -> Object {
    Object::Table(Box::new(Table::fixed(rows)))
}

/// A table that was just opened; answers how many rows it has, too.
pub(super) fn open(
    session: &Session,
    at: Place,
    rows: Rows,
    is_told: bool,
) -> Result<(u32, Object), Refusal> {
    let logon = session.objects.logon(at.logon_id)?;
    let mut table = Table::open(rows, logon, session.code_page, &session.lists)?;
    table.is_told = is_told;
    let count = u32::try_from(table.len()).unwrap_or(u32::MAX);
    Ok((count, Object::Table(Box::new(table))))
}

/// All work is done at once.
const COMPLETE: TableStatus = TableStatus { table_status: 0 };

/// `RopSetColumns`.
pub(super) fn set_columns(
    session: &mut Session,
    at: Place,
    request: &SetColumns,
) -> Result<Done, Refusal> {
    if request.columns.is_empty() {
        return Err(Refusal::InvalidParameter);
    }
    let table = table(session, at)?;
    table.columns = Some(request.columns.clone());
    table.is_known = false;
    Ok(Done::said(Response::SetColumns(COMPLETE)))
}

/// `RopGetStatus`.
pub(super) fn status(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    table(session, at)?;
    Ok(Done::said(Response::Status(COMPLETE)))
}

/// `RopAbort`: all work is done at once, so there is none to be ended.
pub(super) fn abort(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    table(session, at)?;
    Err(Refusal::UnableToAbort)
}

/// `RopQueryColumnsAll`: what the first row can be asked for.
pub(super) fn all_columns(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let code_page = session.code_page;
    let logon = session.objects.logon(at.logon_id)?.clone();
    let table = fresh(session, at)?;
    let reader = RowReader::new(&logon, code_page, &table.rows)?;
    let columns = match table.list.at(0) {
        Some(entry) => reader.tags(entry.row)?,
        None => Vec::new(),
    };
    Ok(Done::said(Response::QueryColumnsAll(Columns { columns })))
}

/// `RopQueryPosition`.
pub(super) fn query_position(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let table = fresh(session, at)?;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Done::said(Response::QueryPosition(Fraction {
        numerator: number(table.position),
        denominator: number(table.len()),
    })))
}

/// `RopSeekRow`. Source: [MS-OXCTABL] 2.2.2.8.
pub(super) fn seek_row(
    session: &mut Session,
    at: Place,
    request: &SeekRow,
) -> Result<Done, Refusal> {
    let table = fresh(session, at)?;
    let start = match request.origin {
        0 => 0,
        1 => table.position,
        2 => table.len(),
        _ => return Err(Refusal::InvalidParameter),
    };
    let (has_sought_less, moved) = sought(table, start, request.row_count);
    Ok(Done::said(Response::SeekRow(RowSought {
        has_sought_less,
        rows_sought: if request.want_row_moved_count {
            moved
        } else {
            0
        },
    })))
}

/// Moves from a place; answers whether an end was met, and how far it went.
pub(super) fn sought(table: &mut Table, start: usize, rows: i32) -> (bool, i32) {
    let length = i64::try_from(table.len()).unwrap_or(i64::MAX);
    let start = i64::try_from(start).unwrap_or(i64::MAX);
    let wanted = start.saturating_add(rows.into());
    let reached = wanted.clamp(0, length);
    table.position = usize::try_from(reached).unwrap_or_default();
    let moved = i32::try_from(reached - start).unwrap_or_default();
    (reached != wanted, moved)
}

/// `RopQueryRows`: as many rows as were asked for and fit.
pub(super) fn query_rows(
    session: &mut Session,
    at: Place,
    request: &QueryRows,
) -> Result<Done, Refusal> {
    const NO_ADVANCE: u8 = 1;
    let code_page = session.code_page;
    let logon = session.objects.logon(at.logon_id)?.clone();
    let table = fresh(session, at)?;
    // Without columns there is nothing to tell. Source: [MS-OXCTABL] 3.2.5.5.
    let columns = table.columns.clone().ok_or(Refusal::NullObject)?;
    let reader = RowReader::new(&logon, code_page, &table.rows)?;
    let mut room = at.room.saturating_sub(ROWS_HEAD_BYTES);
    let mut rows = Vec::new();
    let mut position = table.position;
    while rows.len() < usize::from(request.row_count) {
        let next = if request.is_forward {
            Some(position).filter(|next| *next < table.len())
        } else {
            position.checked_sub(1)
        };
        let Some(next) = next else { break };
        let row = shown::cells(&reader, table, next, &columns)?;
        let Some(left) = room.checked_sub(size_of_row(&row)) else {
            if rows.is_empty() {
                return Err(Refusal::TooComplex);
            }
            break;
        };
        room = left;
        rows.push(row);
        position = if request.is_forward { next + 1 } else { next };
    }
    drop(reader);
    if request.flags & NO_ADVANCE == 0 {
        table.position = position;
    }
    let origin = match table.position {
        end if end >= table.len() => 2,
        0 => 0,
        _ => 1,
    };
    Ok(Done::said(Response::QueryRows(TableRows { origin, rows })))
}

pub(super) fn size_of_row(row: &PropertyRow) -> usize {
    let mut writer = Writer::new(Form::Rop);
    row.write(&mut writer);
    writer.size()
}

/// `RopSortTable`: the cursor goes to the beginning. The first of the keys may be headings. Texts
/// stand in the order that the session was begun with ([MS-OXCMAPIHTTP] 2.2.4.1.1).
pub(super) fn sort(session: &mut Session, at: Place, request: &SortTable) -> Result<Done, Refusal> {
    let wanted = &request.orders;
    let (levels, open) = (wanted.category_count.into(), wanted.expanded_count.into());
    if levels > 0 && table(session, at)?.rows.folder().is_none() {
        return Err(Refusal::NotSupported);
    }
    let language = session.language;
    arrange(session, at, |old| {
        old.sorted(&wanted.orders, (levels, open), language)
    })?;
    Ok(Done::said(Response::SortTable(COMPLETE)))
}

/// `RopRestrict`: the cursor goes to the beginning; no restriction shows all rows. A count around
/// the condition shows the first so many that fulfil it.
pub(super) fn restrict(
    session: &mut Session,
    at: Place,
    request: &Restrict,
) -> Result<Done, Refusal> {
    if let (_, Some(each)) = counted(request.restriction.as_ref()) {
        condition::check(each)?;
    }
    arrange(session, at, |old| Arrangement {
        restriction: request.restriction.clone(),
        ..old
    })?;
    Ok(Done::said(Response::Restrict(COMPLETE)))
}

/// `RopResetTable`: as it was when it was opened.
pub(super) fn reset(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    arrange(session, at, |_| Arrangement::default())?;
    table(session, at)?.columns = None;
    Ok(Done::said(Response::ResetTable(Nothing)))
}

/// Changes how a table is arranged, and arranges it; on an error it stays as it was.
fn arrange(
    session: &mut Session,
    at: Place,
    change: impl FnOnce(Arrangement) -> Arrangement,
) -> Result<(), Refusal> {
    let (code_page, lists) = (session.code_page, session.lists.clone());
    let logon = session.objects.logon(at.logon_id)?.clone();
    let table = table(session, at)?;
    let changed = change(table.arrangement.clone());
    table.arrange(changed, &logon, code_page, &lists)
}

/// `RopFindRow`: the next row that fulfils a restriction; the cursor then stands on it. Headings are
/// passed over.
pub(super) fn find_row(
    session: &mut Session,
    at: Place,
    request: &FindRow,
) -> Result<Done, Refusal> {
    const BACKWARDS: u8 = 1;
    let code_page = session.code_page;
    // One row is looked for, so that a count says only whether there may be any.
    let (most, restriction) = counted(request.restriction.as_ref());
    let restriction = restriction.ok_or(Refusal::InvalidParameter)?;
    condition::check(restriction)?;
    if most == 0 {
        return Err(Refusal::NotFound);
    }
    let logon = session.objects.logon(at.logon_id)?.clone();
    let table = fresh(session, at)?;
    let columns = table.columns.clone().ok_or(Refusal::NullObject)?;
    let mut row_no_longer_visible = false;
    let start = match request.origin {
        0 => 0,
        1 => table.position,
        2 => table.len(),
        3 => {
            let (place, is_there) = bookmark::place(table, &request.bookmark)?;
            row_no_longer_visible = !is_there;
            place
        }
        _ => return Err(Refusal::InvalidParameter),
    };
    let reader = RowReader::new(&logon, code_page, &table.rows)?;
    let fulfils = |place: &usize| match table.entry(*place) {
        Some(entry) => reader.fulfils(entry.row, restriction),
        None => Ok(false),
    };
    let found = if request.flags & BACKWARDS == 0 {
        first(start..table.len(), fulfils)?
    } else {
        first((0..start).rev(), fulfils)?
    };
    let place = found.ok_or(Refusal::NotFound)?;
    let row = shown::cells(&reader, table, place, &columns)?;
    drop(reader);
    table.position = place;
    Ok(Done::said(Response::FindRow(FoundRow {
        row_no_longer_visible,
        row: Some(row),
    })))
}

fn first(
    mut places: impl Iterator<Item = usize>,
    fulfils: impl Fn(&usize) -> Result<bool, Refusal>,
) -> Result<Option<usize>, Refusal> {
    places
        .find_map(|place| match fulfils(&place) {
            Ok(true) => Some(Ok(place)),
            Ok(false) => None,
            Err(refusal) => Some(Err(refusal)),
        })
        .transpose()
}
