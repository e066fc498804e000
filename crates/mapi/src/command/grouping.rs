//! Headings in tables: rows that have a value in common stand below one, which can be closed.
//!
//! Start at [`arrange`], which sorts rows and finds their headings.
//!
//! Source: [MS-OXCTABL] 2.2.1.3, 3.2.5.2, 3.2.5.17 to 3.2.5.20.

use super::table::{self, RowReader, compare_key, size_of_row};
use super::{Done, Place, bookmark};
use crate::codec::data::{SortOrder, SortOrderSet, Value};
use crate::codec::rop::Response;
use crate::codec::rop::table::{
    CollapseRow, CollapseState, CollapseStateRequest, CollapsedRow, ExpandRow, ExpandedRow,
};
use crate::codec::wire::{Form, Writer};
use crate::content::Values;
use crate::identity;
use crate::object::{Grouping, Heading, Logon, Mark, Shown, Table};
use crate::property::integer;
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{PlaceId, Reading};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// `PidTagRead`, which headings count.
pub(super) const READ: u16 = 0x0e69;
/// The heading before is sorted by the greatest of these. Source: [MS-OXCDATA] 2.13.1.
const BY_GREATEST: u8 = 4;
/// What a heading is, as a row. Source: [MS-OXCTABL] 2.2.1.3.
const IS_OPEN: i32 = 3;
const IS_CLOSED: i32 = 4;
/// Bytes before the rows of an answer.
const ROWS_HEAD_BYTES: usize = 12;

/// The keys of a row, with whether it was read behind them, and its place.
type Keyed = (Vec<Option<Value>>, usize);

/// The headings that a client wants, without any yet; the first so many levels are open.
pub(super) fn wanted(orders: &SortOrderSet) -> Option<Grouping> {
    let levels = usize::from(orders.category_count);
    (levels > 0).then(|| Grouping {
        levels,
        open_levels: usize::from(orders.expanded_count),
        ..Grouping::default()
    })
}

/// One level of headings: its key, and the key by whose greatest value it is sorted.
#[derive(Debug, Clone, Copy)]
struct Level {
    key: usize,
    greatest: Option<usize>,
}

/// The levels, and the keys that sort the rows below them.
fn levels(orders: &[SortOrder], count: usize) -> (Vec<Level>, Vec<usize>) {
    let (mut levels, mut rest) = (Vec::<Level>::new(), Vec::new());
    for (key, order) in orders.iter().enumerate() {
        if order.order & BY_GREATEST != 0
            && let Some(level) = levels.last_mut()
        {
            level.greatest = Some(key);
        } else if levels.len() < count {
            levels.push(Level {
                key,
                greatest: None,
            });
        } else {
            rest.push(key);
        }
    }
    (levels, rest)
}

fn key(keys: &[Option<Value>], at: usize) -> Option<&Value> {
    keys.get(at)?.as_ref()
}

/// A name for the values at the first levels: equal ones have the same.
fn name(keys: &[Option<Value>], levels: &[Level]) -> Vec<u8> {
    let mut writer = Writer::new(Form::Rop);
    for level in levels {
        match key(keys, level.key) {
            Some(Value::Unicode(text)) => {
                writer.put(&[1]);
                Value::Unicode(text.to_lowercase()).write(&mut writer);
            }
            Some(value) => {
                writer.put(&[2]);
                value.write(&mut writer);
            }
            None => writer.put(&[0]),
        }
    }
    writer.finish().unwrap_or_default()
}

/// Sorts rows, and finds the headings above them. Those that were there stay open or closed.
pub(super) fn arrange(grouping: &mut Grouping, rows: &mut [Keyed], orders: &[SortOrder]) {
    let (levels, rest) = levels(orders, grouping.levels);
    grouping.levels = levels.len();
    let greatest = greatest(rows, &levels, orders);
    let order = |at: usize| orders.get(at);
    rows.sort_by(|(left, _), (right, _)| {
        let mut ordering = Ordering::Equal;
        for (depth, level) in levels.iter().enumerate() {
            let Some(order) = order(level.key) else {
                continue;
            };
            if level.greatest.is_some() {
                let upto = levels.get(..=depth).unwrap_or_default();
                let of = |keys| greatest.get(&name(keys, upto));
                let by_greatest = compare_key(of(left), of(right), order);
                ordering = ordering.then(by_greatest);
            }
            let by_value = compare_key(key(left, level.key), key(right, level.key), order);
            ordering = ordering.then(by_value);
        }
        for at in &rest {
            if let Some(order) = order(*at) {
                ordering = ordering.then(compare_key(key(left, *at), key(right, *at), order));
            }
        }
        ordering
    });
    find(grouping, rows, &levels, orders.len());
    show(grouping);
}

/// The greatest value below each heading that is sorted by that.
fn greatest(rows: &[Keyed], levels: &[Level], orders: &[SortOrder]) -> BTreeMap<Vec<u8>, Value> {
    let mut greatest: BTreeMap<Vec<u8>, Value> = BTreeMap::new();
    for (depth, level) in levels.iter().enumerate() {
        let Some(by) = level.greatest else { continue };
        let Some(order) = orders.get(by) else {
            continue;
        };
        let ascending = SortOrder {
            order: 0,
            ..order.clone()
        };
        for (keys, _) in rows {
            let Some(value) = key(keys, by) else { continue };
            let name = name(keys, levels.get(..=depth).unwrap_or_default());
            let known = greatest.get(&name);
            if compare_key(known, Some(value), &ascending).is_lt() {
                greatest.insert(name, value.clone());
            }
        }
    }
    greatest
}

/// Puts a heading wherever a value differs from the one above.
fn find(grouping: &mut Grouping, rows: &[Keyed], levels: &[Level], read: usize) {
    let was_open: BTreeMap<u64, bool> = grouping
        .headings
        .iter()
        .map(|heading| (heading.id, heading.is_open))
        .collect();
    grouping.headings.clear();
    // The heading of each level that stands above the row at hand.
    let mut above: Vec<(Vec<u8>, usize)> = Vec::new();
    for (place, (keys, _)) in rows.iter().enumerate() {
        for depth in 0..levels.len() {
            let name = name(keys, levels.get(..=depth).unwrap_or_default());
            if above.get(depth).is_some_and(|(known, _)| *known == name) {
                continue;
            }
            above.truncate(depth);
            let id = hash(&name);
            let is_open = depth < grouping.open_levels;
            grouping.headings.push(Heading {
                id,
                depth,
                is_open: was_open.get(&id).copied().unwrap_or(is_open),
                first: place,
                count: 0,
                unread: 0,
            });
            above.push((name, grouping.headings.len() - 1));
        }
        let is_unread = key(keys, read) != Some(&Value::Boolean(true));
        for (_, heading) in &above {
            if let Some(heading) = grouping.headings.get_mut(*heading) {
                heading.count += 1;
                heading.unread += usize::from(is_unread);
            }
        }
    }
}

/// FNV-1a, because it must be the same in all sessions; never 0, which stands for no heading.
fn hash(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(OFFSET, mix).max(1)
}

/// Finds anew what is shown.
fn show(grouping: &mut Grouping) {
    grouping.shown.clear();
    let mut closed: Option<usize> = None;
    for (place, heading) in grouping.headings.iter().enumerate() {
        if closed.is_some_and(|depth| heading.depth > depth) {
            continue;
        }
        grouping.shown.push(Shown::Heading(place));
        closed = (!heading.is_open).then_some(heading.depth);
        if heading.is_open && heading.depth + 1 == grouping.levels {
            let rows = heading.first..heading.first + heading.count;
            grouping.shown.extend(rows.map(Shown::Row));
        }
    }
}

/// What a heading tells. `value` reads a property of a row.
pub(super) fn heading(
    table: &Table,
    heading: usize,
    value: &dyn Fn(usize, u16) -> Result<Option<Value>, Refusal>,
) -> Result<Values, Refusal> {
    let grouping = table.grouping.as_ref().ok_or(Refusal::NotFound)?;
    let heading = grouping.headings.get(heading).ok_or(Refusal::NotFound)?;
    let (levels, _) = levels(&table.orders, grouping.levels);
    let mut values = Values::from([
        (
            0x0ff5,
            Value::Integer32(if heading.is_open { IS_OPEN } else { IS_CLOSED }),
        ),
        (0x3005, integer(heading.depth as u64)),
        (0x3602, integer(heading.count as u64)),
        (0x3603, integer(heading.unread as u64)),
        (0x674d, Value::Integer64(heading.id.cast_signed())),
        (0x674e, Value::Integer32(0)),
    ]);
    for level in levels.iter().take(heading.depth + 1) {
        for key in [Some(level.key), level.greatest].into_iter().flatten() {
            let Some(order) = table.orders.get(key) else {
                continue;
            };
            let told = value(heading.first, order.tag.id())?;
            values.extend(told.map(|told| (order.tag.id(), told)));
        }
    }
    Ok(values)
}

/// Opens or closes a heading; answers its place among what is shown, and how many rows came or
/// went. The cursor stays on what it stood on, or goes to the heading.
fn turn(table: &mut Table, id: u64, is_open: bool) -> Result<(usize, usize), Refusal> {
    let before = table.len();
    let grouping = table.grouping.as_mut().ok_or(Refusal::NotSupported)?;
    let mut headings = grouping.headings.iter_mut();
    let found = headings.find(|heading| heading.id == id);
    let heading = found.ok_or(Refusal::NotFound)?;
    if heading.is_open == is_open {
        return Err(if is_open {
            Refusal::NotCollapsed
        } else {
            Refusal::NotExpanded
        });
    }
    heading.is_open = is_open;
    show(grouping);
    let mark = Some(Mark::Heading(id));
    let place = (0..table.len()).find(|place| table.mark(*place) == mark);
    let place = place.ok_or(Refusal::NotFound)?;
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
    let table = table::table(session, at)?;
    let columns = table.columns.clone().ok_or(Refusal::NullObject)?;
    let (place, came) = turn(table, request.category, true)?;
    let reader = RowReader::new(&logon, code_page, &table.rows)?;
    let mut room = at.room.saturating_sub(ROWS_HEAD_BYTES);
    let mut rows = Vec::new();
    for place in (place + 1..=place + came).take(request.max_row_count.into()) {
        let row = reader.shown(table, place, &columns)?;
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
    let table = table::table(session, at)?;
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
    let table = table::table(session, at)?;
    let grouping = table.grouping.as_ref().ok_or(Refusal::NotSupported)?;
    let turned = |heading: &&Heading| heading.is_open != (heading.depth < grouping.open_levels);
    let names = grouping
        .headings
        .iter()
        .filter(turned)
        .map(|heading| heading.id);
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
    let table = table::table(session, at)?;
    let grouping = table.grouping.as_mut().ok_or(Refusal::NotSupported)?;
    let names = request.collapse_state.chunks_exact(NAME_BYTES);
    let names: Vec<u64> = names
        .map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap_or_default()))
        .collect();
    let (row, turned) = names.split_first().ok_or(Refusal::InvalidParameter)?;
    for heading in &mut grouping.headings {
        let is_open = heading.depth < grouping.open_levels;
        heading.is_open = is_open != turned.contains(&heading.id);
    }
    show(grouping);
    table.position = 0;
    let mark = if grouping.headings.iter().any(|heading| heading.id == *row) {
        Some(Mark::Heading(*row))
    } else {
        message(&logon, *row)?
    };
    let position = (0..table.len()).find(|place| table.mark(*place) == mark);
    let bookmark = bookmark::put(table, mark, position.unwrap_or_default())?;
    Ok(Done::said(Response::SetCollapseState(bookmark)))
}

/// The message of that number, as a row of its folder.
fn message(logon: &Logon, row: u64) -> Result<Option<Mark>, Refusal> {
    let Some(number) = identity::number_of_integer(row.cast_signed()) else {
        return Ok(None);
    };
    let found = logon.account.read()?.item_at_place(PlaceId(number))?;
    Ok(found.map(|(at, _)| Mark::Message(at)))
}
