//! Tables: columns, order, rows.
//!
//! A table keeps the numbers of its rows; what a row says is read when it is asked for. Rows that
//! have gone since are told without values.
//!
//! Source: [MS-OXCTABL] 3.2.5.

use super::folder::depth_below;
use super::{Done, Place};
use crate::codec::data::{Cell, PropertyRow, PropertyTag, SortOrder, Value};
use crate::codec::rop::Response;
use crate::codec::rop::table::{
    Fraction, QueryRows, RowSought, Rows as TableRows, SeekRow, SetColumns, SortTable, TableStatus,
};
use crate::codec::wire::{Form, Wire, Writer};
use crate::object::{Logon, Object, Rows, Table};
use crate::property::folder::FolderProperties;
use crate::property::item::ItemProperties;
use crate::property::{Properties, Wanted, cell};
use crate::refusal::Refusal;
use crate::request::Session;
use engine::{FolderId, FolderRow, Location, Reading, Shelf, Uid, View};
use std::cmp::Ordering;

/// Bytes of one value in a row: texts have at most 255 units there, binaries twice as many bytes.
/// Source: [MS-OXCTABL] 3.2.5.5.4.
const CELL_BYTES_MAX: usize = 510;
/// Units of a text in a row.
const CELL_UNITS_MAX: usize = 255;
/// Bytes before the rows of an answer.
const ROWS_HEAD_BYTES: usize = 9;

fn table(session: &mut Session, at: Place) -> Result<&mut Table, Refusal> {
    match session.objects.object(at.logon_id, at.handle)? {
        Object::Table(table) => Ok(table),
        _ => Err(Refusal::NotSupported),
    }
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

/// `RopQueryPosition`.
pub(super) fn query_position(session: &mut Session, at: Place) -> Result<Done, Refusal> {
    let table = table(session, at)?;
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Ok(Done::said(Response::QueryPosition(Fraction {
        numerator: number(table.position),
        denominator: number(table.rows.len()),
    })))
}

/// `RopSeekRow`. Source: [MS-OXCTABL] 2.2.2.8.
pub(super) fn seek_row(
    session: &mut Session,
    at: Place,
    request: &SeekRow,
) -> Result<Done, Refusal> {
    let table = table(session, at)?;
    let length = i64::try_from(table.rows.len()).unwrap_or(i64::MAX);
    let start = match request.origin {
        0 => 0,
        1 => i64::try_from(table.position).unwrap_or(i64::MAX),
        2 => length,
        _ => return Err(Refusal::InvalidParameter),
    };
    let wanted = start.saturating_add(request.row_count.into());
    let reached = wanted.clamp(0, length);
    table.position = usize::try_from(reached).unwrap_or_default();
    let sought = if request.want_row_moved_count {
        i32::try_from(reached - start).unwrap_or_default()
    } else {
        0
    };
    Ok(Done::said(Response::SeekRow(RowSought {
        has_sought_less: reached != wanted,
        rows_sought: sought,
    })))
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
            Some(position).filter(|next| *next < table.rows.len())
        } else {
            position.checked_sub(1)
        };
        let Some(next) = next else { break };
        let row = reader.row(&table.rows, next, &columns)?;
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
        end if end >= table.rows.len() => 2,
        0 => 0,
        _ => 1,
    };
    Ok(Done::said(Response::QueryRows(TableRows { origin, rows })))
}

fn size_of_row(row: &PropertyRow) -> usize {
    let mut writer = Writer::new(Form::Rop);
    row.write(&mut writer);
    writer.size()
}

/// What is needed to read rows of one table.
struct RowReader<'a> {
    logon: &'a Logon,
    view: View<'a>,
    /// All folders, where they are the rows.
    folders: Vec<(FolderId, FolderRow)>,
    wanted: Wanted,
}

impl<'a> RowReader<'a> {
    fn new(logon: &'a Logon, code_page: u32, rows: &Rows) -> Result<Self, Refusal> {
        let view = logon.account.read()?;
        let folders = match rows {
            Rows::Folders(_) => view.all_folders()?,
            Rows::Messages(..) => Vec::new(),
        };
        let wanted = Wanted {
            code_page,
            bytes_max: usize::MAX,
        };
        Ok(Self {
            logon,
            view,
            folders,
            wanted,
        })
    }

    fn row(&self, rows: &Rows, at: usize, columns: &[PropertyTag]) -> Result<PropertyRow, Refusal> {
        let cells = |source: &dyn Properties| {
            let cells = columns.iter().map(|&tag| {
                // Long texts are for streams; a table is never made to wait for them.
                let is_long = LONG.contains(&tag.id());
                let source = if is_long { &Gone } else { source };
                Ok(shortened(cell(source, tag, self.wanted)?))
            });
            cells.collect::<Result<_, Refusal>>().map(PropertyRow)
        };
        match rows {
            Rows::Folders(folders) => {
                let id = folders.get(at).copied().ok_or(Refusal::NotFound)?;
                self.folder(id, &cells)
            }
            Rows::Messages(folder, uids) => {
                let uid = uids.get(at).copied().ok_or(Refusal::NotFound)?;
                match self.message(*folder, uid)? {
                    Some(item) => cells(&item),
                    None => cells(&Gone),
                }
            }
        }
    }

    fn folder(
        &self,
        id: FolderId,
        cells: &dyn Fn(&dyn Properties) -> Result<PropertyRow, Refusal>,
    ) -> Result<PropertyRow, Refusal> {
        let Some((_, row)) = self.folders.iter().find(|(known, _)| *known == id) else {
            return cells(&Gone);
        };
        cells(&FolderProperties {
            id,
            row,
            all: &self.folders,
            identity: &self.logon.identity,
            depth: depth_below(&self.folders, engine::MAIL_ROOT, row).unwrap_or_default(),
        })
    }

    fn message(&self, folder: FolderId, uid: Uid) -> Result<Option<ItemProperties<'_>>, Refusal> {
        let at = Location {
            folder,
            shelf: Shelf::Mail,
            uid,
        };
        let Some(row) = self.view.item(at)? else {
            return Ok(None);
        };
        let details = self.view.details(row.item)?;
        let logon = self.logon;
        Ok(details
            .map(|details| ItemProperties::new(&logon.account, &logon.identity, at, row, details)))
    }
}

/// Header, text and HTML: read as streams only.
const LONG: [u16; 3] = [0x007d, 0x1000, 0x1013];

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

/// `RopSortTable`: the cursor goes to the beginning. Headings are not served yet.
pub(super) fn sort(session: &mut Session, at: Place, request: &SortTable) -> Result<Done, Refusal> {
    if request.orders.category_count > 0 {
        return Err(Refusal::NotSupported);
    }
    let code_page = session.code_page;
    let logon = session.objects.logon(at.logon_id)?.clone();
    let table = table(session, at)?;
    let Rows::Messages(folder, uids) = &table.rows else {
        return Err(Refusal::NotSupported);
    };
    let reader = RowReader::new(&logon, code_page, &table.rows)?;
    let orders = &request.orders.orders;
    let mut keyed = Vec::with_capacity(uids.len());
    for &uid in uids {
        keyed.push((keys(&reader, *folder, uid, orders)?, uid));
    }
    keyed.sort_by(|(left, _), (right, _)| compare_keys(left, right, orders));
    let sorted = keyed.into_iter().map(|(_, uid)| uid).collect();
    table.rows = Rows::Messages(*folder, sorted);
    table.position = 0;
    Ok(Done::said(Response::SortTable(COMPLETE)))
}

fn keys(
    reader: &RowReader<'_>,
    folder: FolderId,
    uid: Uid,
    orders: &[SortOrder],
) -> Result<Vec<Option<Value>>, Refusal> {
    let Some(item) = reader.message(folder, uid)? else {
        return Ok(Vec::new());
    };
    let value = |order: &SortOrder| match order.tag.id() {
        long if LONG.contains(&long) => Ok(None),
        id => item.value(id),
    };
    orders.iter().map(value).collect()
}

const DESCENDING: u8 = 1;

fn compare_keys(left: &[Option<Value>], right: &[Option<Value>], orders: &[SortOrder]) -> Ordering {
    let pairs = left.iter().zip(right).zip(orders);
    let ordered = pairs.map(|((left, right), order)| {
        let ascending = compare(left.as_ref(), right.as_ref());
        if order.order == DESCENDING {
            ascending.reverse()
        } else {
            ascending
        }
    });
    ordered.fold(Ordering::Equal, Ordering::then)
}

/// What has no value stands first.
fn compare(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(Value::Unicode(left)), Some(Value::Unicode(right))) => {
            left.to_lowercase().cmp(&right.to_lowercase())
        }
        (Some(Value::Time(left)), Some(Value::Time(right))) => left.cmp(right),
        (Some(Value::Integer32(left)), Some(Value::Integer32(right))) => left.cmp(right),
        (Some(Value::Integer64(left)), Some(Value::Integer64(right))) => left.cmp(right),
        (Some(Value::Boolean(left)), Some(Value::Boolean(right))) => left.cmp(right),
        (Some(Value::Binary(left)), Some(Value::Binary(right))) => left.cmp(right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}
