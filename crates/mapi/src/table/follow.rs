//! Moving a table on to what is there now, and telling what became of its rows.
//!
//! What happened is read from the account's change log, from where the table was: only what it
//! names is looked at. Folders are few and are compared with what they were. Of rows and headings
//! only those are told that a client sees, and headings whenever they count otherwise.
//!
//! Start at [`follow`].
//!
//! Source: [MS-OXCNOTIF] 2.2.1.1.1, 2.2.1.4.1.2, 3.1.4.3 (which events, and what they tell).

use super::headings::{Headings, Shown};
use super::list::{Entry, List, RowId};
use super::rows::{RowReader, Rows};
use super::{Arrangement, Table, shown};
use crate::codec::rop::notify::{MessageInRow, RowPlace, RowShown, TableEvent};
use crate::codec::wire::{Form, Wire, Writer};
use crate::condition::counted;
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
    put: Vec<(Thing, Put)>,
}

/// What stands in a table.
#[derive(Debug)]
enum Thing {
    Row(Entry),
    Heading(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    New,
    Other,
}

impl Difference {
    /// How a row is told that stands in the table now: one that went comes back as another.
    fn found(&mut self, named: RowPlace) -> Put {
        let known = self
            .gone
            .iter()
            .position(|row| row.message == named.message);
        match known {
            Some(known) => {
                self.gone.swap_remove(known);
                Put::Other
            }
            None => Put::New,
        }
    }
}

/// What a step led to.
enum Step {
    /// Nothing that the table shows.
    Nothing,
    /// Some of its rows.
    Rows(Difference),
    /// All of them, for who sees them.
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
            table.find_headings();
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

/// What is to be told; none where nothing was changed.
fn moved_on(
    table: &mut Table,
    logon: &Logon,
    code_page: u32,
) -> Result<Option<Vec<TableEvent>>, Refusal> {
    let rows = table.rows.clone();
    let reader = RowReader::new(logon, code_page, &rows)?;
    let head = reader.view.head()?;
    if let Some(folder) = rows.folder() {
        let row = reader.view.folder(folder)?;
        if row.removed.is_some() && row.changed > table.up_to {
            return Err(Refusal::NotFound);
        }
    }
    let step = if matches!(rows, Rows::Folders { .. }) {
        of_folders(&reader, table)?
    } else if let Some(records) = records(&reader, logon, &rows, table.up_to, head)? {
        of_messages(&reader, table, &records)?
    } else {
        of_all(&reader, table)?
    };
    table.up_to = head;
    Ok(match step {
        Step::Nothing => None,
        Step::Rows(difference) if table.is_known => {
            let told = tell(&reader, table, difference);
            Some(told.unwrap_or_else(|_| vec![TableEvent::Changed]))
        }
        Step::Rows(_) | Step::All => Some(vec![TableEvent::Changed]),
    })
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
    /// Those of them where one stood before: nowhere else a row can have gone from.
    left: BTreeSet<Location>,
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
                    let left = record.from.iter().map(|stand| stand.at);
                    touched.left.extend(left.filter(|at| rows.may_show(*at)));
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

/// Reads all rows anew.
fn of_all(reader: &RowReader<'_>, table: &mut Table) -> Result<Step, Refusal> {
    let Arrangement {
        restriction, plan, ..
    } = &table.arrangement;
    table.list = reader.list(restriction.as_ref(), plan)?;
    table.find_headings();
    Ok(Step::All)
}

fn of_messages(
    reader: &RowReader<'_>,
    table: &mut Table,
    records: &[ChangeRecord],
) -> Result<Step, Refusal> {
    let mut touched = Touched::by(records, &table.rows);
    let is_touched = !touched.places.is_empty() || !touched.members.is_empty();
    if is_touched && counted(table.arrangement.restriction.as_ref()).0 < usize::MAX {
        // Another row may be among the first so many now.
        return of_all(reader, table);
    }
    let now: BTreeSet<Location> = if matches!(table.rows, Rows::Found(_)) {
        let now = touched.members_now(reader, &table.list)?;
        touched.left.extend(touched.places.keys().chain(&now));
        now
    } else {
        touched.places.keys().copied().collect()
    };
    let mut difference = take_out(table, &touched);
    let mut is_same = difference.gone.is_empty();
    for at in now {
        let Arrangement {
            restriction, plan, ..
        } = &table.arrangement;
        for entry in reader.entries(at, restriction.as_ref(), plan)? {
            is_same = false;
            let place = table.list.insert(entry.clone());
            let is_shown = table.headings.as_mut().is_none_or(|headings| {
                headings.put(place, &entry, plan);
                headings.shows(&entry, plan)
            });
            if is_shown {
                let how = difference.found(reader.named(&entry)?);
                difference.put.push((Thing::Row(entry), how));
            }
        }
    }
    is_same &= table.headings.as_ref().is_none_or(Headings::is_settled);
    if is_same {
        return Ok(Step::Nothing);
    }
    Ok(settle(table, difference))
}

/// Takes rows out that went, or that are others now; answers those that were shown.
fn take_out(table: &mut Table, touched: &Touched) -> Difference {
    let mut difference = Difference::default();
    let (Some(first), Some(last)) = (touched.left.first(), touched.left.last()) else {
        return difference;
    };
    let taken = table.list.remove(|row| match row {
        RowId::Message(at) => (first..=last).contains(&at) && touched.left.contains(at),
        RowId::Folder(_) | RowId::Fixed(_) => false,
    });
    let plan = &table.arrangement.plan;
    // The last first, so that the places of the others are still what they were.
    for (place, entry) in taken.iter().rev() {
        let was_shown = table.headings.as_mut().is_none_or(|headings| {
            headings.take(*place, entry, plan);
            headings.shows(entry, plan)
        });
        if was_shown {
            difference.gone.push(former(entry, &touched.places));
        }
    }
    difference
}

/// Lets the headings follow what became of the rows, and adds what became of them.
fn settle(table: &mut Table, mut difference: Difference) -> Step {
    let Some(headings) = &mut table.headings else {
        return Step::Rows(difference);
    };
    let turnover = headings.settle(&table.list, &table.arrangement.plan);
    if turnover.is_reordered {
        return Step::All;
    }
    let gone = turnover
        .gone
        .iter()
        .map(|id| shown::heading_name(table, *id));
    difference.gone.extend(gone);
    let new = turnover.new.into_iter().map(|id| (id, Put::New));
    let other = turnover.other.into_iter().map(|id| (id, Put::Other));
    let put = new.chain(other).map(|(id, how)| (Thing::Heading(id), how));
    difference.put.extend(put);
    Step::Rows(difference)
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

fn of_folders(reader: &RowReader<'_>, table: &mut Table) -> Result<Step, Refusal> {
    let Arrangement {
        restriction, plan, ..
    } = &table.arrangement;
    let stamps = stamps(&reader.folders);
    let new = reader.list(restriction.as_ref(), plan)?;
    let ids = |list: &List| -> BTreeSet<FolderId> {
        let folders = list.iter().filter_map(|entry| match entry.row {
            RowId::Folder(folder) => Some(folder),
            _ => None,
        });
        folders.collect()
    };
    let (before, after) = (ids(&table.list), ids(&new));
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
        let is_other = table.stamps.get(&folder) != stamps.get(&folder);
        let how = if before.contains(&folder) {
            Some(Put::Other).filter(|_| is_other)
        } else {
            Some(Put::New)
        };
        let put = how.map(|how| (Thing::Row(entry.clone()), how));
        difference.put.extend(put);
    }
    (table.list, table.stamps) = (new, stamps);
    if difference.gone.is_empty() && difference.put.is_empty() {
        return Ok(Step::Nothing);
    }
    Ok(Step::Rows(difference))
}

/// What is told of rows that went, came or are others now; each comes after the one that it stands
/// behind.
fn tell(
    reader: &RowReader<'_>,
    table: &Table,
    difference: Difference,
) -> Result<Vec<TableEvent>, Refusal> {
    let Difference { gone, put } = difference;
    if gone.len() + put.len() > ROWS_TOLD_MAX {
        return Ok(vec![TableEvent::Changed]);
    }
    let mut told: Vec<_> = gone.into_iter().map(TableEvent::RowDeleted).collect();
    let put = put.into_iter().map(|(thing, how)| {
        let place = place_of(table, &thing).ok_or(Refusal::NotFound)?;
        Ok((place, how))
    });
    let mut put = put.collect::<Result<Vec<_>, Refusal>>()?;
    put.sort_by_key(|(place, _)| *place);
    for (place, how) in put {
        let shown = shown_at(reader, table, place)?;
        told.push(match how {
            Put::New => TableEvent::RowAdded(shown),
            Put::Other => TableEvent::RowModified(shown),
        });
    }
    Ok(told)
}

/// Where something stands among what is shown.
fn place_of(table: &Table, thing: &Thing) -> Option<usize> {
    match (thing, &table.headings) {
        (Thing::Heading(id), headings) => headings.as_ref()?.place_of_name(*id),
        (Thing::Row(entry), None) => Some(table.list.seek_entry(entry)),
        (Thing::Row(entry), Some(headings)) => {
            headings.place_of(Shown::Row(table.list.seek_entry(entry)))
        }
    }
}

/// What is told of a place: its name, its columns and the name of what stands before it.
fn shown_at(reader: &RowReader<'_>, table: &Table, place: usize) -> Result<RowShown, Refusal> {
    let columns = table.columns.as_deref().unwrap_or_default();
    let before = place.checked_sub(1);
    let after = before.map(|before| shown::name(reader, table, before));
    let mut writer = Writer::new(Form::Rop);
    shown::cells(reader, table, place, columns)?.write(&mut writer);
    let data = writer.finish().map_err(|_| Refusal::TooBig)?;
    if data.len() > ROW_BYTES_MAX {
        return Err(Refusal::TooBig);
    }
    Ok(RowShown {
        row: shown::name(reader, table, place)?,
        after: after.transpose()?.unwrap_or_default(),
        data: data.into(),
    })
}
