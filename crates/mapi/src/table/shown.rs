//! What is shown at a place of a table: what it says, and what clients know it by.
//!
//! Start at [`cells`] and [`name`].
//!
//! Source: [MS-OXCTABL] 2.2.1.3 (headings), [MS-OXCNOTIF] 2.2.1.4.1.2 (names of rows).

use super::Table;
use super::headings::{Heading, Shown};
use super::rows::RowReader;
use crate::codec::data::{PropertyRow, PropertyTag, Value};
use crate::codec::rop::notify::{MessageInRow, RowPlace};
use crate::content::Values;
use crate::identity;
use crate::property::integer;
use crate::refusal::Refusal;

/// What a heading is, as a row. Source: [MS-OXCTABL] 2.2.1.3.
const IS_OPEN: i32 = 3;
const IS_CLOSED: i32 = 4;

/// The columns of what is shown at a place: a row, or a heading, which tells the values that it
/// stands for and what it counts.
pub fn cells(
    reader: &RowReader<'_>,
    table: &Table,
    place: usize,
    columns: &[PropertyTag],
) -> Result<PropertyRow, Refusal> {
    match table.shown(place).ok_or(Refusal::NotFound)? {
        Shown::Row(row) => {
            let entry = table.list.at(row).ok_or(Refusal::NotFound)?;
            reader.cells(entry, &table.arrangement.plan, columns)
        }
        Shown::Heading(heading) => {
            let values = values(reader, table, heading)?;
            reader.cells_of(&values, columns)
        }
    }
}

/// What clients know by what is shown at a place.
pub fn name(reader: &RowReader<'_>, table: &Table, place: usize) -> Result<RowPlace, Refusal> {
    match table.shown(place).ok_or(Refusal::NotFound)? {
        Shown::Row(row) => reader.named(table.list.at(row).ok_or(Refusal::NotFound)?),
        Shown::Heading(heading) => {
            let heading = heading_at(table, heading)?;
            Ok(heading_name(table, heading.id))
        }
    }
}

/// What clients know a heading by.
pub fn heading_name(table: &Table, id: u64) -> RowPlace {
    RowPlace {
        folder: table
            .rows
            .folder()
            .map(identity::folder_id)
            .unwrap_or_default(),
        message: Some(MessageInRow {
            message: identity::heading_id(id),
            instance: 0,
        }),
    }
}

fn heading_at(table: &Table, heading: usize) -> Result<&Heading, Refusal> {
    let headings = table.headings.as_ref().ok_or(Refusal::NotFound)?;
    headings.heading(heading).ok_or(Refusal::NotFound)
}

/// What a heading tells.
fn values(reader: &RowReader<'_>, table: &Table, heading: usize) -> Result<Values, Refusal> {
    let heading = heading_at(table, heading)?;
    let headings = table.headings.as_ref();
    let is_open = headings.is_some_and(|all| all.is_open(heading.depth, heading.id));
    let mut values = Values::from([
        (
            0x0ff5,
            Value::Integer32(if is_open { IS_OPEN } else { IS_CLOSED }),
        ),
        (0x3005, integer(heading.depth as u64)),
        (0x3602, integer(heading.count as u64)),
        (0x3603, integer(heading.unread as u64)),
        (0x674d, Value::Integer64(heading.id.cast_signed())),
        (0x674e, Value::Integer32(0)),
    ]);
    let plan = &table.arrangement.plan;
    let first = table.list.at(heading.first).ok_or(Refusal::NotFound)?;
    for level in plan.levels.iter().take(heading.depth + 1) {
        for order in [Some(level.order), level.greatest].into_iter().flatten() {
            let Some(order) = plan.order(order) else {
                continue;
            };
            let told = reader.value(first, plan, order.tag.id())?;
            values.extend(told.map(|told| (order.tag.id(), told)));
        }
    }
    Ok(values)
}
