//! The table of all entries, and places in it.
//!
//! There is one container, with everyone; its rows stand in the order of names, as the language has
//! it that the client asks for.
//!
//! Source: [MS-OXNSPI] 3.1.4.1.7 to 3.1.4.1.10, 3.1.4.1.12, 3.1.4.1.13 (operations), 3.1.4.5
//! (positions).

use super::entry::{EntryProperties, Everyone, Naming, Nobody};
use super::{CODE_PAGE_UTF_16, ERRORS_RETURNED, Shelf, minimal_id, number_of, outcome};
use crate::codec::data::{
    Outcome, PropertyRow, PropertyTag, PropertyType, TaggedValue, Value, from_code_page,
};
use crate::codec::nspi::{ColumnsAndRows, Stat, request, response};
use crate::property::{Properties, Wanted, cell};
use crate::refusal::Refusal;
use bytes::Bytes;

/// A table's two ends, and the place that a fraction names. Source: [MS-OXNSPI] 2.2.1.9.
const BEGINNING: u32 = 0;
const BY_FRACTION: u32 = 1;
const END: u32 = 2;
/// The order of names; that of how they sound is not kept. Source: [MS-OXNSPI] 2.2.1.3.
const BY_NAME: u32 = 0;
/// Columns of one request. Source: [MS-OXNSPI] 3.1.4.1.8.
const COLUMNS_MAX: usize = 100;
/// Rows of one answer, whatever is asked for: a client goes on from there.
const ROWS_MAX: usize = 500;
/// Rows behind the one sought, where nobody says how many.
const ROWS_SOUGHT: usize = 50;
/// Entry ids that last for the session. Source: [MS-OXNSPI] 2.2.1.8.
const EPHEMERAL: u32 = 2;
/// Without properties that are objects. Source: [MS-OXNSPI] 2.2.1.8.
const SKIP_OBJECTS: u32 = 1;
/// The name, by which one seeks.
const DISPLAY_NAME: u16 = 0x3001;

/// What rows have that no client chose columns for: container, kind, name, telephone, department,
/// office. Source: [MS-OXNSPI] 3.1.4.1.8.
const USUAL_COLUMNS: [PropertyTag; 7] = [
    PropertyTag(0xfffd_0003),
    PropertyTag(0x0ffe_0003),
    PropertyTag(0x3900_0003),
    PropertyTag(0x3001_001e),
    PropertyTag(0x3a1a_001e),
    PropertyTag(0x3a18_001e),
    PropertyTag(0x3a19_001e),
];

/// A request that names a place, if that is one in the container.
pub(super) fn placed(stat: Option<Stat>) -> Result<Stat, Refusal> {
    let stat = stat.ok_or(Refusal::InvalidParameter)?;
    if stat.code_page == CODE_PAGE_UTF_16 {
        return Err(Refusal::NotSupported);
    }
    Ok(stat)
}

/// Likewise, where the container matters.
fn in_container(stat: Option<Stat>) -> Result<Stat, Refusal> {
    let stat = placed(stat)?;
    if stat.container == 0 {
        Ok(stat)
    } else {
        Err(Refusal::InvalidBookmark)
    }
}

/// The columns asked for, or the usual ones.
pub(super) fn columns(asked: Option<&Vec<PropertyTag>>) -> Result<Vec<PropertyTag>, Refusal> {
    let columns = asked.map_or(USUAL_COLUMNS.as_slice(), Vec::as_slice);
    if columns.len() > COLUMNS_MAX {
        return Err(Refusal::TableTooBig);
    }
    Ok(columns.to_vec())
}

fn naming(flags: u32) -> Naming {
    if flags & EPHEMERAL == 0 {
        Naming::Permanent
    } else {
        Naming::Ephemeral
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Shelf<'_> {
    /// The row at which a place is, its own steps included.
    fn row_of(&self, stat: &Stat) -> Result<usize, Refusal> {
        let total = self.book.entries().len();
        let start = match stat.current_record {
            BEGINNING => 0,
            END => total,
            BY_FRACTION if stat.total_records == 0 => return Err(Refusal::InvalidParameter),
            BY_FRACTION => {
                let part = u64::from(stat.numerical_position.min(stat.total_records));
                let row = count(total);
                let row = part * u64::from(row) / u64::from(stat.total_records);
                usize::try_from(row).unwrap_or(total)
            }
            id => {
                let place = number_of(id).and_then(|number| self.book.place(number));
                place.ok_or(Refusal::NotFound)?
            }
        };
        let row = i64::from(count(start)).saturating_add(stat.delta.into());
        Ok(size(u32::try_from(row.max(0)).unwrap_or(u32::MAX)).min(total))
    }

    /// The place at a row. Source: [MS-OXNSPI] 3.1.4.5.
    fn at_row(&self, stat: &Stat, row: usize) -> Stat {
        let entry = self.book.entries().get(row);
        Stat {
            current_record: entry.map_or(END, |entry| minimal_id(entry.number)),
            delta: 0,
            numerical_position: count(row),
            total_records: count(self.book.entries().len()),
            ..*stat
        }
    }

    /// Lets `tell` see someone's properties; none of who is not there.
    pub(super) fn look_at<T>(
        &self,
        id: u32,
        naming: Naming,
        tell: impl FnOnce(&dyn Properties) -> T,
    ) -> T {
        let entry = number_of(id).and_then(|number| self.book.entry(number));
        match entry {
            Some(entry) => tell(&EntryProperties {
                entry,
                book: &self.book,
                server: self.server,
                naming,
            }),
            None => tell(&Nobody),
        }
    }

    /// The rows of these entries.
    pub(super) fn rows(
        &self,
        ids: &[u32],
        columns: &[PropertyTag],
        flags: u32,
        code_page: u32,
    ) -> Result<ColumnsAndRows, Refusal> {
        let wanted = Wanted {
            code_page,
            bytes_max: usize::MAX,
        };
        let rows = ids.iter().map(|&id| {
            self.look_at(id, naming(flags), |source| {
                let cells = columns.iter().map(|&tag| cell(source, tag, wanted));
                cells.collect::<Result<_, Refusal>>().map(PropertyRow)
            })
        });
        Ok(ColumnsAndRows {
            columns: columns.to_vec(),
            rows: rows.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn query_rows(&self, asked: &request::QueryRows) -> response::QueryRows {
        let (error_code, found) = outcome(self.queried(asked));
        let (stat, rows) = found.unzip();
        response::QueryRows {
            error_code,
            stat: stat.or(asked.stat),
            rows,
            auxiliary: Bytes::new(),
        }
    }

    fn queried(&self, asked: &request::QueryRows) -> Result<(Stat, ColumnsAndRows), Refusal> {
        let stat = placed(asked.stat)?;
        let columns = columns(asked.columns.as_ref())?;
        if !asked.explicit_table.is_empty() {
            let ids = asked.explicit_table.get(..ROWS_MAX);
            let ids = ids.unwrap_or(&asked.explicit_table);
            let rows = self.rows(ids, &columns, asked.flags, stat.code_page)?;
            let end = self.at_row(&stat, self.book.entries().len());
            return Ok((end, rows));
        }
        let stat = in_container(Some(stat))?;
        if asked.row_count == 0 {
            return Err(Refusal::Failed);
        }
        let begin = self.row_of(&stat)?;
        let ids = self.ids_from(begin, size(asked.row_count));
        let rows = self.rows(&ids, &columns, asked.flags, stat.code_page)?;
        Ok((self.at_row(&stat, begin + ids.len()), rows))
    }

    fn ids_from(&self, row: usize, most: usize) -> Vec<u32> {
        let entries = self.book.entries().iter().skip(row);
        let entries = entries.take(most.min(ROWS_MAX));
        entries.map(|entry| minimal_id(entry.number)).collect()
    }

    pub(super) fn update_stat(&self, asked: &request::UpdateStat) -> response::UpdateStat {
        let moved = in_container(asked.stat).and_then(|stat| {
            let row = self.row_of(&stat)?;
            let without_steps = Stat { delta: 0, ..stat };
            let before = self.row_of(&without_steps)?;
            let steps = i64::from(count(row)) - i64::from(count(before));
            Ok((
                self.at_row(&stat, row),
                i32::try_from(steps).unwrap_or_default(),
            ))
        });
        let (error_code, found) = outcome(moved);
        let (stat, delta) = found.unzip();
        response::UpdateStat {
            error_code,
            stat: stat.or(asked.stat),
            delta: delta.filter(|_| asked.is_delta_requested),
            auxiliary: Bytes::new(),
        }
    }

    pub(super) fn seek_entries(&self, asked: &request::SeekEntries) -> response::SeekEntries {
        let (error_code, found) = outcome(self.sought(asked));
        let (stat, rows) = found.unzip();
        response::SeekEntries {
            error_code,
            stat: stat.or(asked.stat),
            rows: rows.flatten(),
            auxiliary: Bytes::new(),
        }
    }

    /// The first entry whose name is not before the one sought. Tables in another order than that
    /// of names have none. Source: [MS-OXNSPI] 3.1.4.1.10.
    fn sought(
        &self,
        asked: &request::SeekEntries,
    ) -> Result<(Stat, Option<ColumnsAndRows>), Refusal> {
        let stat = in_container(asked.stat)?;
        if stat.sort_type != BY_NAME {
            return Err(Refusal::Failed);
        }
        let target = asked.target.as_ref().ok_or(Refusal::InvalidParameter)?;
        let wanted = name(target, stat.code_page)?;
        let places: Vec<usize> = match &asked.explicit_table {
            Some(ids) => self.places(ids),
            None => (0..self.book.entries().len()).collect(),
        };
        let is_before = |place: &usize| {
            let entry = self.book.entries().get(*place);
            entry.is_some_and(|entry| self.book.compare(&entry.name, &wanted).is_lt())
        };
        let from = places.partition_point(is_before);
        let found = places.get(from..).unwrap_or_default();
        let first = found.first().copied().ok_or(Refusal::NotFound)?;
        let rows = asked.columns.as_ref().map(|chosen| {
            let columns = columns(Some(chosen))?;
            let most = if asked.explicit_table.is_some() {
                ROWS_MAX
            } else {
                ROWS_SOUGHT
            };
            let ids: Vec<u32> = found
                .iter()
                .take(most)
                .filter_map(|&place| self.id_at(place))
                .collect();
            self.rows(&ids, &columns, 0, stat.code_page)
        });
        Ok((self.at_row(&stat, first), rows.transpose()?))
    }

    fn id_at(&self, place: usize) -> Option<u32> {
        let entry = self.book.entries().get(place);
        entry.map(|entry| minimal_id(entry.number))
    }

    /// Where these entries stand, in order; those that are gone stand nowhere.
    fn places(&self, ids: &[u32]) -> Vec<usize> {
        let numbers = ids.iter().filter_map(|&id| number_of(id));
        let mut places: Vec<usize> = numbers.filter_map(|one| self.book.place(one)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    pub(super) fn resort(&self, asked: &request::ResortRestriction) -> response::ResortRestriction {
        let sorted = placed(asked.stat).map(|stat| {
            let ids = asked.minimal_ids.as_deref().unwrap_or_default();
            let places = self.places(ids).into_iter();
            let ids: Vec<u32> = places.filter_map(|place| self.id_at(place)).collect();
            let current = ids.iter().position(|id| *id == stat.current_record);
            let stat = Stat {
                current_record: current.map_or(BEGINNING, |_| stat.current_record),
                delta: 0,
                numerical_position: count(current.unwrap_or_default()),
                total_records: count(ids.len()),
                ..stat
            };
            (stat, ids)
        });
        let (error_code, found) = outcome(sorted);
        let (stat, minimal_ids) = found.unzip();
        response::ResortRestriction {
            error_code,
            stat: stat.or(asked.stat),
            minimal_ids,
            auxiliary: Bytes::new(),
        }
    }

    pub(super) fn compare(
        &self,
        asked: &request::CompareMinimalIds,
    ) -> response::CompareMinimalIds {
        let place = |id: u32| match id {
            BEGINNING => Ok(0),
            END => Ok(self.book.entries().len()),
            id => {
                let place = number_of(id).and_then(|number| self.book.place(number));
                place.ok_or(Refusal::Failed)
            }
        };
        let compared = placed(asked.stat).and_then(|_| {
            let order = place(asked.minimal_id_1)?.cmp(&place(asked.minimal_id_2)?);
            Ok(order as i32)
        });
        let (error_code, result) = outcome(compared);
        response::CompareMinimalIds {
            error_code,
            result: result.unwrap_or_default(),
            auxiliary: Bytes::new(),
        }
    }

    pub(super) fn property_list(&self, asked: &request::PropertyList) -> response::PropertyList {
        let listed = self.look_at(asked.minimal_id, Naming::Permanent, |source| {
            let tags = source.tags();
            if tags.is_empty() {
                return Err(Refusal::InvalidObject);
            }
            let tags = tags
                .into_iter()
                .map(|tag| in_code_page(tag, asked.code_page));
            Ok(tags.filter(|tag| is_wanted(*tag, asked.flags)).collect())
        });
        let (error_code, tags) = outcome(listed);
        response::PropertyList {
            error_code,
            tags,
            auxiliary: Bytes::new(),
        }
    }

    pub(super) fn properties(&self, asked: &request::Properties) -> response::Properties {
        let code_page = asked.stat.map_or(0, |stat| stat.code_page);
        let told = placed(asked.stat).and_then(|stat| {
            if stat.current_record == BEGINNING {
                return values(&Everyone, asked, &stat);
            }
            self.look_at(stat.current_record, naming(asked.flags), |source| {
                values(source, asked, &stat)
            })
        });
        let (mut error_code, values) = outcome(told);
        let is_partial = |values: &Vec<TaggedValue>| {
            let mut kinds = values.iter().map(|one| one.value.property_type());
            kinds.any(|kind| kind == PropertyType::ERROR_CODE)
        };
        if values.as_ref().is_some_and(is_partial) {
            error_code = ERRORS_RETURNED;
        }
        response::Properties {
            error_code,
            code_page,
            values,
            auxiliary: Bytes::new(),
        }
    }
}

/// The values asked for, or all that there are.
fn values(
    source: &dyn Properties,
    asked: &request::Properties,
    stat: &Stat,
) -> Result<Vec<TaggedValue>, Refusal> {
    let wanted = Wanted {
        code_page: stat.code_page,
        bytes_max: usize::MAX,
    };
    let tags = match &asked.tags {
        Some(tags) => tags.clone(),
        None => source.tags(),
    };
    if tags.len() > COLUMNS_MAX {
        return Err(Refusal::TableTooBig);
    }
    let tags = tags.into_iter().filter(|tag| is_wanted(*tag, asked.flags));
    tags.map(|tag| {
        let value = match cell(source, tag, wanted)?.outcome {
            Outcome::Value(value) => value,
            Outcome::Absent => Value::ErrorCode(Refusal::NotFound.code()),
            Outcome::Error(code) => Value::ErrorCode(code),
        };
        Ok(TaggedValue::new(tag, value))
    })
    .collect()
}

fn is_wanted(tag: PropertyTag, flags: u32) -> bool {
    flags & SKIP_OBJECTS == 0 || tag.property_type() != PropertyType::OBJECT
}

/// A text's tag as a client with this code page wants it.
pub(super) fn in_code_page(tag: PropertyTag, code_page: u32) -> PropertyTag {
    if code_page == CODE_PAGE_UTF_16 {
        return tag;
    }
    match tag.property_type() {
        PropertyType::UNICODE => tag.with_type(PropertyType::STRING8),
        PropertyType::MULTIPLE_UNICODE => tag.with_type(PropertyType::MULTIPLE_STRING8),
        _ => tag,
    }
}

/// The name that is sought. Source: [MS-OXNSPI] 3.1.4.1.10 (by name only).
fn name(target: &TaggedValue, code_page: u32) -> Result<String, Refusal> {
    if target.tag.id() != DISPLAY_NAME {
        return Err(Refusal::Failed);
    }
    match &target.value {
        Value::Unicode(name) => Ok(name.clone()),
        Value::String8(name) => Ok(from_code_page(code_page, &name.0)),
        _ => Err(Refusal::InvalidParameter),
    }
}
