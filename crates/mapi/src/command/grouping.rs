//! Headings in tables, as clients open and close them.
//!
//! Source: [MS-OXCTABL] 2.2.1.3, 3.2.5.17 to 3.2.5.20.

use super::table::{self, size_of_row};
use super::{Done, Place, bookmark};
use crate::codec::rop::Response;
use crate::codec::rop::table::{
    CollapseRow, CollapseState, CollapseStateRequest, CollapsedRow, ExpandRow, ExpandedRow,
};
use crate::identity;
use crate::object::Logon;
use crate::refusal::Refusal;
use crate::request::Session;
use crate::table::list::RowId;
use crate::table::rows::RowReader;
use crate::table::{Mark, Table, shown};
use engine::{PlaceId, Reading};

/// Bytes before the rows of an answer.
const ROWS_HEAD_BYTES: usize = 12;

/// Opens or closes a heading; answers its place among what is shown, and how many rows came or
/// went. The cursor stays on what it stood on, or goes to the heading.
fn turn(table: &mut Table, id: u64, is_open: bool) -> Result<(usize, usize), Refusal> {
    let before = table.len();
    let headings = table.headings.as_mut().ok_or(Refusal::NotSupported)?;
    let found = headings
        .index_of(id)
        .and_then(|index| headings.heading(index));
    let heading = found.ok_or(Refusal::NotFound)?;
    if headings.is_open(heading.depth, id) == is_open {
        return Err(if is_open {
            Refusal::NotCollapsed
        } else {
            Refusal::NotExpanded
        });
    }
    headings.turn(id);
    let place = headings.place_of_name(id).ok_or(Refusal::NotFound)?;
    let changed = before.abs_diff(table.len());
    if table.position > place {
        table.position = if is_open {
            table.position + changed
        } else {
            (place + 1).max(table.position.saturating_sub(changed))
        };
    }
    Ok((place, changed))
}

/// `RopExpandRow`: tells as many of the rows that came as were asked for and fit.
pub(super) fn expand(
    session: &mut Session,
    at: Place,
    request: &ExpandRow,
) -> Result<Done, Refusal> {
    let code_page = session.code_page;
    let logon = session.objects.logon(at.logon_id)?.clone();
    let table = table::fresh(session, at)?;
    let columns = table.columns.clone().ok_or(Refusal::NullObject)?;
    let (place, came) = turn(table, request.category, true)?;
    let reader = RowReader::new(&logon, code_page, &table.rows)?;
    let mut room = at.room.saturating_sub(ROWS_HEAD_BYTES);
    let mut rows = Vec::new();
    for place in (place + 1..=place + came).take(request.max_row_count.into()) {
        let row = shown::cells(&reader, table, place, &columns)?;
        let Some(left) = room.checked_sub(size_of_row(&row)) else {
            break;
        };
        room = left;
        rows.push(row);
    }
    Ok(Done::said(Response::ExpandRow(ExpandedRow {
        expanded_row_count: u32::try_from(came).unwrap_or(u32::MAX),
        rows,
    })))
}

/// `RopCollapseRow`
pub(super) fn collapse(
    session: &mut Session,
    at: Place,
    request: &CollapseRow,
) -> Result<Done, Refusal> {
    let table = table::fresh(session, at)?;
    let (_, went) = turn(table, request.category, false)?;
    Ok(Done::said(Response::CollapseRow(CollapsedRow {
        collapsed_row_count: u32::try_from(went).unwrap_or(u32::MAX),
    })))
}

/// Bytes of one name in what is told of headings.
const NAME_BYTES: usize = 8;

/// `RopGetCollapseState`: the row that was named, then each heading that is not as the client
/// wanted them at first.
pub(super) fn state(
    session: &mut Session,
    at: Place,
    request: &CollapseStateRequest,
) -> Result<Done, Refusal> {
    let table = table::fresh(session, at)?;
    let headings = table.headings.as_ref().ok_or(Refusal::NotSupported)?;
    let names = headings.turned();
    let names = [request.row].into_iter().chain(names);
    let room = at.room.saturating_sub(ROWS_HEAD_BYTES).min(u16::MAX.into()) / NAME_BYTES;
    let bytes: Vec<u8> = names.take(room).flat_map(u64::to_le_bytes).collect();
    Ok(Done::said(Response::CollapseState(CollapseState {
        collapse_state: bytes.into(),
    })))
}

/// `RopSetCollapseState`: answers a bookmark of the row that was named.
pub(super) fn set_state(
    session: &mut Session,
    at: Place,
    request: &CollapseState,
) -> Result<Done, Refusal> {
    let logon = session.objects.logon(at.logon_id)?.clone();
    let table = table::fresh(session, at)?;
    let headings = table.headings.as_mut().ok_or(Refusal::NotSupported)?;
    let names = request.collapse_state.chunks_exact(NAME_BYTES);
    let names: Vec<u64> = names
        .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
        .collect();
    let (row, turned) = names.split_first().ok_or(Refusal::InvalidParameter)?;
    headings.turn_only(turned.iter().copied().collect());
    let is_heading = headings.index_of(*row).is_some();
    table.position = 0;
    let mark = if is_heading {
        Some(Mark::Heading(*row))
    } else {
        message(&logon, *row)?
    };
    let position = mark.and_then(|mark| table.place_of(mark));
    let bookmark = bookmark::put(table, mark, position.unwrap_or_default())?;
    Ok(Done::said(Response::SetCollapseState(bookmark)))
}

/// The message of that number, as a row of its folder.
fn message(logon: &Logon, row: u64) -> Result<Option<Mark>, Refusal> {
    let Some(number) = identity::number_of_integer(row.cast_signed()) else {
        return Ok(None);
    };
    let found = logon.account.read()?.item_at_place(PlaceId(number))?;
    Ok(found.map(|(at, _)| Mark::Row(RowId::Message(at), 0)))
}
