//! Moving a table on to what is there now, and telling what became of its rows.
//!
//! What happened is read from the account's change log, from where the table was: only what it
//! names is looked at. Folders are few and are compared with what they were.
//!
//! Start at [`follow`].
//!
//! Source: [MS-OXCNOTIF] 2.2.1.1.1, 2.2.1.4.1.2, 3.1.4.3 (which events, and what they tell).

use super::list::{Entry, List, RowId};
use super::rows::{RowReader, Rows};
use super::{Arrangement, Table};
use crate::codec::data::PropertyTag;
use crate::codec::rop::notify::{MessageInRow, RowPlace, RowShown, TableEvent};
use crate::codec::wire::{Form, Wire, Writer};
use crate::identity;
use crate::object::Logon;
use crate::refusal::Refusal;
use engine::{
    ChangeRecord, ChangeSeq, Changes, FolderId, FolderRow, ItemKey, Location, Object, PlaceId,
    Reading, Shelf, What,
};
use std::collections::{BTreeMap, BTreeSet};

/// Records that are read at a time, and how often in one go: after more than that it is less work
/// to read the rows anew.
const RECORDS_MAX: usize = 512;
const PAGES_MAX: usize = 8;
/// Rows that are told of one by one; of more a client rather reads them anew.
const ROWS_TOLD_MAX: usize = 64;
/// Bytes of a row that is told: a part of the smallest buffer that clients have.
const ROW_BYTES_MAX: usize = 8 * 1024;

/// What became of rows.
#[derive(Debug, Default)]
struct Difference {
    /// Those that went.
    gone: Vec<RowPlace>,
    /// Those that came or are others now.
    put: Vec<(Entry, Put)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    New,
    Other,
}

/// What a step led to.
enum Step {
    /// Nothing that the table shows.
    Nothing,
    /// Some of its rows.
    Rows(Difference),
    /// All were read anew.
    All,
}

/// The two stamps of each folder: of its own properties and of what is in it.
pub fn stamps(folders: &[(FolderId, FolderRow)]) -> BTreeMap<FolderId, [ChangeSeq; 2]> {
    let stamps = |row: &FolderRow| [row.changed, row.contents_changed];
    folders.iter().map(|(id, row)| (*id, stamps(row))).collect()
}

/// Moves a table on. Answers what its client is to be told, if it knows the rows.
pub fn follow(
    table: &mut Table,
    logon: &Logon,
    code_page: u32,
) -> Result<Vec<TableEvent>, Refusal> {
    if matches!(table.rows, Rows::Values(_)) || logon.account.read()?.head()? == table.up_to {
        return Ok(Vec::new());
    }
    let (mark, position) = (table.mark(table.position), table.position);
    let is_at_end = position > 0 && position >= table.len();
    let told = match moved_on(table, logon, code_page) {
        // The folder is gone, and so are all rows.
        Err(Refusal::NotFound | Refusal::AccessDenied) => {
            table.list = List::default();
            table.up_to = logon.account.read()?.head()?;
            find_headings(table);
            Some(vec![TableEvent::Changed])
        }
        other => other?,
    };
    let Some(told) = told else {
        return Ok(Vec::new());
    };
    let place = mark.and_then(|mark| table.place_of(mark));
    table.position = match place {
        _ if is_at_end => table.len(),
        _ if position == 0 => 0,
        Some(place) => place,
        None => position.min(table.len()),
    };
    if !table.is_known {
        return Ok(Vec::new());
    }
    // Who was told to read all is told nothing more until then. Source: [MS-OXCNOTIF] 3.1.4.3.
    table.is_known = !told.contains(&TableEvent::Changed);
    Ok(told)
}

fn find_headings(table: &mut Table) {
    if let Some(headings) = &mut table.headings {
        headings.find(&table.list, &table.arrangement.plan);
    }
}

/// What is to be told; none where nothing was changed.
fn moved_on(
    table: &mut Table,
    logon: &Logon,
    code_page: u32,
) -> Result<Option<Vec<TableEvent>>, Refusal> {
    let Table {
        rows,
        list,
        arrangement,
        stamps: known,
        ..
    } = table;
    let reader = RowReader::new(logon, code_page, rows)?;
    let head = reader.view.head()?;
    if let Some(folder) = rows.folder() {
        let row = reader.view.folder(folder)?;
        if row.removed.is_some() && row.changed > table.up_to {
            return Err(Refusal::NotFound);
        }
    }
    let step = if matches!(rows, Rows::Folders { .. }) {
        of_folders(&reader, list, arrangement, known)?
    } else {
        let records = records(&reader, logon, rows, table.up_to, head)?;
        if let Some(records) = records {
            of_messages(&reader, rows, list, arrangement, &records)?
        } else {
            *list = reader.list(arrangement.restriction.as_ref(), &arrangement.plan)?;
            Step::All
        }
    };
    let is_grouped = arrangement.level_count > 0;
    let told = match step {
        Step::Nothing => None,
        Step::Rows(difference) if table.is_known && !is_grouped => {
            let columns = table.columns.as_deref().unwrap_or_default();
            let told = tell(&reader, list, arrangement, columns, difference);
            Some(told.unwrap_or_else(|_| vec![TableEvent::Changed]))
        }
        Step::Rows(_) | Step::All => Some(vec![TableEvent::Changed]),
    };
    drop(reader);
    table.up_to = head;
    if told.is_some() {
        find_headings(table);
    }
    Ok(told)
}

/// What happened in the folder of a table; none where that is too much or no longer known.
fn records(
    reader: &RowReader<'_>,
    logon: &Logon,
    rows: &Rows,
    since: ChangeSeq,
    head: ChangeSeq,
) -> Result<Option<Vec<ChangeRecord>>, Refusal> {
    let mut all = Vec::new();
    let mut since = since;
    for _ in 0..PAGES_MAX {
        let changes = match rows.folder() {
            Some(folder) if !logon.account.is_own() => {
                reader.view.changes_in(folder, since, RECORDS_MAX)?
            }
            _ => reader.view.changes(since, RECORDS_MAX)?,
        };
        let Changes::Page { records, more } = changes else {
            return Ok(None);
        };
        since = records.last().map_or(head, |(number, _)| *number);
        all.extend(records.into_iter().map(|(_, record)| record));
        if !more || since >= head {
            return Ok(Some(all));
        }
    }
    Ok(None)
}

/// What records name.
#[derive(Debug, Default)]
struct Touched {
    /// Where messages stood or stand, with the numbers that they had there.
    places: BTreeMap<Location, PlaceId>,
    /// Where items stood at first.
    items: BTreeMap<ItemKey, Location>,
    /// What a search shows now, or no longer.
    members: BTreeMap<ItemKey, (bool, PlaceId)>,
}

impl Touched {
    fn by(records: &[ChangeRecord], rows: &Rows) -> Self {
        let mut touched = Self::default();
        for record in records {
            let stands = record.from.iter().chain(&record.to);
            match record.object {
                Object::Item(item) => {
                    if let Some(from) = &record.from {
                        touched.items.entry(item).or_insert(from.at);
                    }
                    for stand in stands.filter(|stand| rows.may_show(stand.at)) {
                        touched.places.insert(stand.at, stand.place);
                    }
                }
                Object::Member(folder, item) if *rows == Rows::Found(folder) => {
                    let is_shown = record.what.intersects(What::CREATED);
                    for stand in stands {
                        touched.members.insert(item, (is_shown, stand.place));
                    }
                }
                _ => {}
            }
        }
        touched
    }

    /// Where the members of a search stand now that were named; notes what is none any more.
    fn members_now(
        &mut self,
        reader: &RowReader<'_>,
        list: &List,
    ) -> Result<BTreeSet<Location>, Refusal> {
        let mut now = BTreeSet::new();
        let were_shown: BTreeSet<Location> = list
            .iter()
            .filter_map(|entry| match entry.row {
                RowId::Message(at) => Some(at).filter(|at| self.places.contains_key(at)),
                _ => None,
            })
            .collect();
        for (item, first) in &self.items {
            if were_shown.contains(first) && !self.members.contains_key(item) {
                now.extend(reader.view.location(*item)?);
            }
        }
        for (item, (is_shown, place)) in &self.members {
            let Some(at) = reader.view.location(*item)? else {
                continue;
            };
            if *is_shown {
                now.insert(at);
            } else {
                self.places.insert(at, *place);
            }
        }
        now.retain(|at| at.shelf != Shelf::Recoverable);
        Ok(now)
    }
}

fn of_messages(
    reader: &RowReader<'_>,
    rows: &Rows,
    list: &mut List,
    arrangement: &Arrangement,
    records: &[ChangeRecord],
) -> Result<Step, Refusal> {
    let mut touched = Touched::by(records, rows);
    let now: BTreeSet<Location> = if matches!(rows, Rows::Found(_)) {
        touched.members_now(reader, list)?
    } else {
        touched.places.keys().copied().collect()
    };
    let is_touched = |row: &RowId| match row {
        RowId::Message(at) => touched.places.contains_key(at) || now.contains(at),
        _ => false,
    };
    let taken = if touched.places.is_empty() && now.is_empty() {
        Vec::new()
    } else {
        list.remove(is_touched)
    };
    let mut gone: Vec<RowPlace> = taken
        .iter()
        .map(|(_, entry)| former(entry, &touched.places))
        .collect();
    let mut put = Vec::new();
    for at in now {
        let entries = reader.entries(at, arrangement.restriction.as_ref(), &arrangement.plan)?;
        for entry in entries {
            let named = reader.named(&entry)?;
            let known = gone.iter().position(|row| row.message == named.message);
            let how = match known {
                Some(known) => {
                    gone.swap_remove(known);
                    Put::Other
                }
                None => Put::New,
            };
            list.insert(entry.clone());
            put.push((entry, how));
        }
    }
    if gone.is_empty() && put.is_empty() {
        return Ok(Step::Nothing);
    }
    Ok(Step::Rows(Difference { gone, put }))
}

/// What a row was called that was taken out.
fn former(entry: &Entry, places: &BTreeMap<Location, PlaceId>) -> RowPlace {
    let RowId::Message(at) = entry.row else {
        return RowPlace::default();
    };
    let place = places.get(&at).copied().unwrap_or_default();
    RowPlace {
        folder: identity::folder_id(at.folder),
        message: Some(MessageInRow {
            message: identity::message_id(place),
            instance: entry.instance,
        }),
    }
}

fn of_folders(
    reader: &RowReader<'_>,
    list: &mut List,
    arrangement: &Arrangement,
    known: &mut BTreeMap<FolderId, [ChangeSeq; 2]>,
) -> Result<Step, Refusal> {
    let stamps = stamps(&reader.folders);
    let new = reader.list(arrangement.restriction.as_ref(), &arrangement.plan)?;
    let ids = |list: &List| -> BTreeSet<FolderId> {
        let folders = list.iter().filter_map(|entry| match entry.row {
            RowId::Folder(folder) => Some(folder),
            _ => None,
        });
        folders.collect()
    };
    let (before, after) = (ids(list), ids(&new));
    let mut difference = Difference::default();
    for folder in before.difference(&after) {
        difference.gone.push(RowPlace {
            folder: identity::folder_id(*folder),
            message: None,
        });
    }
    for entry in new.iter() {
        let RowId::Folder(folder) = entry.row else {
            continue;
        };
        if !before.contains(&folder) {
            difference.put.push((entry.clone(), Put::New));
        } else if known.get(&folder) != stamps.get(&folder) {
            difference.put.push((entry.clone(), Put::Other));
        }
    }
    (*list, *known) = (new, stamps);
    if difference.gone.is_empty() && difference.put.is_empty() {
        return Ok(Step::Nothing);
    }
    Ok(Step::Rows(difference))
}

/// What is told of rows that went, came or are others now; each comes after the one that it stands
/// behind.
fn tell(
    reader: &RowReader<'_>,
    list: &List,
    arrangement: &Arrangement,
    columns: &[PropertyTag],
    difference: Difference,
) -> Result<Vec<TableEvent>, Refusal> {
    let Difference { gone, mut put } = difference;
    if gone.len() + put.len() > ROWS_TOLD_MAX {
        return Ok(vec![TableEvent::Changed]);
    }
    let mut told: Vec<_> = gone.into_iter().map(TableEvent::RowDeleted).collect();
    put.sort_by_cached_key(|(entry, _)| list.seek_entry(entry));
    for (entry, how) in put {
        let place = list.seek_entry(&entry);
        let before = place.checked_sub(1).and_then(|before| list.at(before));
        let after = before.map(|before| reader.named(before)).transpose()?;
        let mut writer = Writer::new(Form::Rop);
        reader
            .cells(&entry, &arrangement.plan, columns)?
            .write(&mut writer);
        let data = writer.finish().map_err(|_| Refusal::TooBig)?;
        if data.len() > ROW_BYTES_MAX {
            return Err(Refusal::TooBig);
        }
        let shown = RowShown {
            row: reader.named(&entry)?,
            after: after.unwrap_or_default(),
            data: data.into(),
        };
        told.push(match how {
            Put::New => TableEvent::RowAdded(shown),
            Put::Other => TableEvent::RowModified(shown),
        });
    }
    Ok(told)
}
