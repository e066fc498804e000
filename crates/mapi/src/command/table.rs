//! Tables: columns, order, rows.
//!
//! A table keeps the numbers of its rows; what a row says is read when it is asked for. Rows that
//! have gone since are told without values.
//!
//! Source: [MS-OXCTABL] 3.2.5.

use super::folder::depth_below;
use super::{Done, Place, attributes, bookmark, grouping};
use crate::codec::data::{Cell, PropertyRow, PropertyTag, SortOrder, Value};
use crate::codec::rop::Response;
use crate::codec::rop::table::{
    Columns, FindRow, FoundRow, Fraction, QueryRows, Restrict, RowSought, Rows as TableRows,
    SeekRow, SetColumns, SortTable, TableStatus,
};
use crate::codec::wire::{Form, Nothing, Wire, Writer};
use crate::condition;
use crate::content::Values;
use crate::object::{Logon, Object, Rows, Shown, Table};
use crate::property::folder::FolderProperties;
use crate::property::item::ItemProperties;
use crate::property::message::tags_of;
use crate::property::{Properties, Wanted, cell};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{FolderId, FolderRow, Location, Reading, View};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Bytes of one value in a row: texts have at most 255 units there, binaries twice as many bytes.
/// Source: [MS-OXCTABL] 3.2.5.5.4.
const CELL_BYTES_MAX: usize = 510;
/// Units of a text in a row.
const CELL_UNITS_MAX: usize = 255;
/// Bytes before the rows of an answer.
const ROWS_HEAD_BYTES: usize = 9;

pub(super) fn table(session: &mut Session, at: Place) -> Result<&mut Table, Refusal> {
    match session.objects.object(at.logon_id, at.handle)? {
        Object::Table(table) => Ok(table),
        _ => Err(Refusal::NotSupported),
    }
}

/// A table that was just opened.
pub(super) fn opened(rows: Rows) -> Object {
    Object::Table(Box::new(Table {
        natural: rows.clone(),
        rows,
        orders: Vec::new(),
        restriction: None,
        columns: None,
        position: 0,
        grouping: None,
        bookmarks: BTreeMap::new(),
        next_bookmark: 1,
    }))
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
    table(session, at)?.columns = Some(request.columns.clone());
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
    let table = table(session, at)?;
    let reader = RowReader::new(&logon, code_page, &table.natural)?;
    let columns = match table.natural.len() {
        0 => Vec::new(),
        _ => reader.look_at(&table.natural, 0, &|source| Ok(source.tags()))?,
    };
    Ok(Done::said(Response::QueryColumnsAll(Columns { columns })))
}

/// `RopQueryPosition`.
pub(super) fn query_position(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let table = table(session, at)?;
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
    let table = table(session, at)?;
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
    let table = table(session, at)?;
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
        let row = reader.shown(table, next, &columns)?;
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

/// What is needed to read rows of one table.
pub(super) struct RowReader<'a> {
    logon: &'a Logon,
    view: View<'a>,
    /// All folders, where they are the rows.
    folders: Vec<(FolderId, FolderRow)>,
    code_page: u32,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(logon: &'a Logon, code_page: u32, rows: &Rows) -> Result<Self, Refusal> {
        let view = logon.account.read()?;
        let folders = match rows {
            Rows::Folders(_) => view.all_folders()?,
            Rows::Messages(_) | Rows::Values(_) => Vec::new(),
        };
        Ok(Self {
            logon,
            view,
            folders,
            code_page,
        })
    }

    /// The columns of what is shown at a place: a row, or a heading, which tells the values that it
    /// stands for and what it counts.
    pub(super) fn shown(
        &self,
        table: &Table,
        place: usize,
        columns: &[PropertyTag],
    ) -> Result<PropertyRow, Refusal> {
        match table.shown(place).ok_or(Refusal::NotFound)? {
            Shown::Row(row) => self.row(&table.rows, row, columns),
            Shown::Heading(heading) => {
                let values = grouping::heading(table, heading, &|row, id| {
                    self.look_at(&table.rows, row, &|source| source.value(id))
                })?;
                let wanted = Wanted {
                    code_page: self.code_page,
                    bytes_max: usize::MAX,
                };
                let told = Told(&values);
                let cells = columns.iter().map(|&tag| cell(&told, tag, wanted));
                cells.collect::<Result<_, Refusal>>().map(PropertyRow)
            }
        }
    }

    /// The columns of one row.
    fn row(&self, rows: &Rows, at: usize, columns: &[PropertyTag]) -> Result<PropertyRow, Refusal> {
        let wanted = Wanted {
            code_page: self.code_page,
            bytes_max: usize::MAX,
        };
        self.look_at(rows, at, &|source| {
            let cells = columns.iter().map(|&tag| {
                // Long texts are for streams; a table is never made to wait for them.
                let is_long = LONG.contains(&tag.id());
                let source = if is_long { &Gone } else { source };
                cell(source, tag, wanted).map(shortened)
            });
            cells.collect::<Result<_, Refusal>>().map(PropertyRow)
        })
    }

    /// Lets `tell` see the properties of one row; none of what is gone.
    fn look_at<T>(
        &self,
        rows: &Rows,
        at: usize,
        tell: &dyn Fn(&dyn Properties) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        match rows {
            Rows::Folders(folders) => {
                let id = folders.get(at).copied().ok_or(Refusal::NotFound)?;
                let Some((_, row)) = self.folders.iter().find(|(known, _)| *known == id) else {
                    return tell(&Gone);
                };
                tell(&FolderProperties {
                    id,
                    row,
                    all: &self.folders,
                    identity: &self.logon.identity,
                    depth: depth_below(&self.folders, engine::MAIL_ROOT, row).unwrap_or_default(),
                    kept: attributes::of_folder(self.logon, id)?,
                })
            }
            Rows::Messages(places) => {
                let place = places.get(at).copied().ok_or(Refusal::NotFound)?;
                match self.message(place)? {
                    Some(item) => tell(&item),
                    None => tell(&Gone),
                }
            }
            Rows::Values(rows) => tell(&Told(rows.get(at).ok_or(Refusal::NotFound)?)),
        }
    }

    fn message(&self, at: Location) -> Result<Option<ItemProperties<'_>>, Refusal> {
        match self.view.item(at)? {
            Some(row) => ItemProperties::load(self.logon, &self.view, at, row),
            None => Ok(None),
        }
    }
}

/// What a row says by itself.
struct Told<'a>(&'a Values);

impl Properties for Told<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        tags_of(self.0).collect()
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        Ok(self.0.get(&id).cloned())
    }
}

/// Header, text and HTML: read as streams only.
const LONG: [u16; 4] = [0x007d, 0x1000, 0x1009, 0x1013];

/// What is no longer there.
struct Gone;

impl Properties for Gone {
    fn tags(&self) -> Vec<PropertyTag> {
        Vec::new()
    }

    fn value(&self, _: u16) -> Result<Option<Value>, Refusal> {
        Ok(None)
    }
}

/// A cell with no more than a table tells of a value.
fn shortened(mut cell: Cell) -> Cell {
    use crate::codec::data::Outcome;
    if let Outcome::Value(value) = &mut cell.outcome {
        match value {
            Value::Unicode(text) => {
                let mut units = 0;
                let end = text.char_indices().find(|(_, character)| {
                    units += character.len_utf16();
                    units > CELL_UNITS_MAX
                });
                if let Some((end, _)) = end {
                    text.truncate(end);
                }
            }
            Value::String8(text) => text.0.truncate(CELL_UNITS_MAX),
            Value::Binary(bytes) => bytes.truncate(CELL_BYTES_MAX),
            _ => {}
        }
    }
    cell
}

/// `RopSortTable`: the cursor goes to the beginning. The first of the keys may be headings.
pub(super) fn sort(session: &mut Session, at: Place, request: &SortTable) -> Result<Done, Refusal> {
    let wanted = &request.orders;
    if wanted.category_count > 0 && !matches!(table(session, at)?.rows, Rows::Messages(_)) {
        return Err(Refusal::NotSupported);
    }
    arrange(session, at, |table| {
        table.orders.clone_from(&wanted.orders);
        table.grouping = grouping::wanted(wanted);
    })?;
    Ok(Done::said(Response::SortTable(COMPLETE)))
}

/// `RopRestrict`: the cursor goes to the beginning; no restriction shows all rows.
pub(super) fn restrict(
    session: &mut Session,
    at: Place,
    request: &Restrict,
) -> Result<Done, Refusal> {
    let restriction = &request.restriction;
    arrange(session, at, |table| {
        table.restriction.clone_from(restriction);
    })?;
    Ok(Done::said(Response::Restrict(COMPLETE)))
}

/// `RopResetTable`: as it was when it was opened.
pub(super) fn reset(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    arrange(session, at, |table| {
        table.columns = None;
        table.orders.clear();
        table.grouping = None;
        table.restriction = None;
    })?;
    Ok(Done::said(Response::ResetTable(Nothing)))
}

/// Changes how a table is arranged, and arranges it; on an error it stays as it was.
fn arrange(
    session: &mut Session,
    at: Place,
    change: impl FnOnce(&mut Table),
) -> Result<(), Refusal> {
    let code_page = session.code_page;
    let logon = session.objects.logon(at.logon_id)?.clone();
    let table = table(session, at)?;
    let mut changed = table.clone();
    change(&mut changed);
    changed.position = 0;
    changed.bookmarks.clear();
    if changed.restriction.is_none() && changed.orders.is_empty() {
        changed.rows = changed.natural.clone();
        changed.grouping = None;
        *table = changed;
        return Ok(());
    }
    let natural = &changed.natural;
    let reader = RowReader::new(&logon, code_page, natural)?;
    let is_grouped = changed.grouping.is_some();
    let mut shown = Vec::new();
    for place in 0..natural.len() {
        let is_shown = match &changed.restriction {
            None => true,
            Some(restriction) => reader.look_at(natural, place, &|source| {
                condition::holds(restriction, source, code_page)
            })?,
        };
        if is_shown {
            let keys = reader.look_at(natural, place, &|source| {
                let mut keys = keys(source, &changed.orders)?;
                if is_grouped {
                    keys.push(source.value(grouping::READ)?);
                }
                Ok(keys)
            })?;
            shown.push((keys, place));
        }
    }
    match &mut changed.grouping {
        Some(grouping) => grouping::arrange(grouping, &mut shown, &changed.orders),
        None => {
            shown.sort_by(|(left, _), (right, _)| compare_keys(left, right, &changed.orders));
        }
    }
    changed.rows = natural.of_places(shown.into_iter().map(|(_, place)| place));
    *table = changed;
    Ok(())
}

/// What a row is sorted by. Long texts are not read for that.
fn keys(source: &dyn Properties, orders: &[SortOrder]) -> Result<Vec<Option<Value>>, Refusal> {
    let value = |order: &SortOrder| match order.tag.id() {
        long if LONG.contains(&long) => Ok(None),
        id => source.value(id),
    };
    orders.iter().map(value).collect()
}

const DESCENDING: u8 = 1;

/// What has no value stands first.
fn compare_keys(left: &[Option<Value>], right: &[Option<Value>], orders: &[SortOrder]) -> Ordering {
    let pairs = left.iter().zip(right).zip(orders);
    let ordered =
        pairs.map(|((left, right), order)| compare_key(left.as_ref(), right.as_ref(), order));
    ordered.fold(Ordering::Equal, Ordering::then)
}

/// The same of one key.
pub(super) fn compare_key(
    left: Option<&Value>,
    right: Option<&Value>,
    order: &SortOrder,
) -> Ordering {
    let known = left.zip(right);
    let ascending = known
        .and_then(|(left, right)| condition::compare(left, right))
        .unwrap_or_else(|| left.is_some().cmp(&right.is_some()));
    if order.order == DESCENDING {
        ascending.reverse()
    } else {
        ascending
    }
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
    let restriction = request.restriction.as_ref();
    let restriction = restriction.ok_or(Refusal::InvalidParameter)?;
    let logon = session.objects.logon(at.logon_id)?.clone();
    let table = table(session, at)?;
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
    let fulfils = |place: &usize| match table.shown(*place) {
        Some(Shown::Row(row)) => reader.look_at(&table.rows, row, &|source| {
            condition::holds(restriction, source, code_page)
        }),
        _ => Ok(false),
    };
    let found = if request.flags & BACKWARDS == 0 {
        first(start..table.len(), fulfils)?
    } else {
        first((0..start).rev(), fulfils)?
    };
    let place = found.ok_or(Refusal::NotFound)?;
    let row = reader.shown(table, place, &columns)?;
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
