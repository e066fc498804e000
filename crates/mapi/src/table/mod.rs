//! Tables: rows of messages, folders or other things, in an order that a client chose.
//!
//! A table is alive: before a client is answered, and when it is to be told of what happened, its
//! rows are moved on by the account's change log. Sorting reads each message once; what comes later
//! goes to its place.
//!
//! Start at [`Table`]; [`rows`] reads, [`key`] sorts, [`headings`] groups, [`shown`] tells what
//! stands at a place, [`follow`] moves on, [`lists`] keeps sorted lists for the next who wants them.
//!
//! Source: [MS-OXCTABL] 3.2.1, 3.2.5; [MS-OXCNOTIF] 2.2.1.1.1.

pub mod follow;
pub mod headings;
pub mod key;
pub mod list;
pub mod lists;
pub mod rows;
pub mod shown;

use crate::codec::data::{PropertyTag, Restriction, SortOrder};
use crate::content::held_by;
use crate::object::Logon;
use crate::refusal::Refusal;
use engine::{ChangeSeq, FolderId, Reading};
use headings::{Headings, Shown};
use key::{Key, Plan};
use list::{Entry, List, RowId};
use lists::Lists;
use rows::{RowReader, Rows};
use std::collections::BTreeMap;

/// About how many bytes a row takes in a list.
const ENTRY_BYTES: usize = 64;

/// A table as its client sees it.
#[derive(Debug)]
pub struct Table {
    /// What it could show.
    pub rows: Rows,
    /// Bytes of that.
    rows_bytes: usize,
    /// What its rows are: those that fulfil the restriction, sorted.
    pub list: List,
    /// How it is arranged.
    pub arrangement: Arrangement,
    /// Chosen by the client; none before that.
    pub columns: Option<Vec<PropertyTag>>,
    /// The row that comes next, among those that are shown.
    pub position: usize,
    /// Its headings, if it has some.
    pub headings: Option<Headings>,
    /// Places that were marked.
    pub bookmarks: BTreeMap<u32, Bookmark>,
    /// The number of the next bookmark.
    pub next_bookmark: u32,
    /// How far its rows are.
    pub up_to: ChangeSeq,
    /// Of folders: what they were when it was last looked, by their two stamps.
    pub stamps: BTreeMap<FolderId, [ChangeSeq; 2]>,
    /// Its client wants to be told of changes by itself.
    pub is_told: bool,
    /// Its client knows what the rows are, so that it can be told what became of them.
    pub is_known: bool,
}

/// How a table is arranged.
#[derive(Debug, Clone, Default)]
pub struct Arrangement {
    /// By what its rows are sorted.
    pub orders: Vec<SortOrder>,
    /// How many of these are headings.
    pub level_count: usize,
    /// How many of the headings' levels are open at first.
    pub open_levels: usize,
    /// What its rows fulfil.
    pub restriction: Option<Restriction>,
    /// What follows from the orders.
    pub plan: Plan,
}

impl Arrangement {
    /// The same with other orders, texts in that of a language (BCP 47).
    pub fn sorted(
        self,
        orders: &[SortOrder],
        (level_count, open_levels): (usize, usize),
        language: &'static str,
    ) -> Self {
        Self {
            orders: orders.to_vec(),
            level_count,
            open_levels,
            plan: Plan::new(orders, level_count, language),
            restriction: self.restriction,
        }
    }
}

/// A place that was marked: what stood there, and where that was.
#[derive(Debug, Clone)]
pub struct Bookmark {
    /// What stood there; nothing at the end.
    pub mark: Option<Mark>,
    /// Where.
    pub position: usize,
}

/// What stands at a place of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// A heading.
    Heading(u64),
    /// A row, and which instance of it.
    Row(RowId, u32),
}

impl Table {
    /// A table of what never changes.
    pub fn fixed(rows: Rows) -> Self {
        let (count, bytes) = match &rows {
            Rows::Values(all) => {
                let values = all.iter().flat_map(|values| values.values());
                (all.len(), values.map(held_by).sum())
            }
            _ => (0, 0),
        };
        let entry = |row| Entry {
            row: RowId::Fixed(row),
            instance: 0,
            is_read: true,
            key: Key::NONE,
        };
        Self {
            rows_bytes: bytes,
            ..Self::of(rows, List::sorted((0..count).map(entry).collect()))
        }
    }

    fn of(rows: Rows, list: List) -> Self {
        Self {
            rows,
            rows_bytes: 0,
            list,
            arrangement: Arrangement::default(),
            columns: None,
            position: 0,
            headings: None,
            bookmarks: BTreeMap::new(),
            next_bookmark: 1,
            up_to: ChangeSeq(0),
            stamps: BTreeMap::new(),
            is_told: false,
            is_known: false,
        }
    }

    /// A table of what is there now.
    pub fn open(rows: Rows, logon: &Logon, code_page: u32, lists: &Lists) -> Result<Self, Refusal> {
        let mut table = Self::of(rows, List::default());
        table.arrange(Arrangement::default(), logon, code_page, lists)?;
        Ok(table)
    }

    /// Arranges it otherwise, with the cursor at its beginning; on an error it stays as it was.
    pub fn arrange(
        &mut self,
        arrangement: Arrangement,
        logon: &Logon,
        code_page: u32,
        lists: &Lists,
    ) -> Result<(), Refusal> {
        let name = lists::Name::of(&self.rows, &arrangement, logon);
        let known = name.as_ref().and_then(|name| lists.find(name));
        let is_known = known.is_some();
        (self.list, self.up_to) = match known {
            Some(known) => known,
            None => self.made(&arrangement, logon, code_page)?,
        };
        self.headings = None;
        self.arrangement = arrangement;
        self.position = 0;
        self.bookmarks.clear();
        self.is_known = false;
        if is_known {
            follow::follow(self, logon, code_page)?;
        }
        if self.arrangement.level_count > 0 {
            self.headings = Some(Headings::new(self.arrangement.open_levels));
            self.find_headings();
        }
        if let Some(name) = name {
            lists.keep(name, &self.list, self.up_to);
        }
        Ok(())
    }

    /// Finds its headings anew.
    fn find_headings(&mut self) {
        if let Some(headings) = &mut self.headings {
            headings.find(&self.list, &self.arrangement.plan);
        }
    }

    /// Its rows, read anew, and how far they are.
    fn made(
        &mut self,
        arrangement: &Arrangement,
        logon: &Logon,
        code_page: u32,
    ) -> Result<(List, ChangeSeq), Refusal> {
        let reader = RowReader::new(logon, code_page, &self.rows)?;
        let up_to = match &self.rows {
            Rows::Values(_) => ChangeSeq(0),
            _ => reader.view.head()?,
        };
        self.stamps = follow::stamps(&reader.folders);
        let list = reader.list(arrangement.restriction.as_ref(), &arrangement.plan)?;
        Ok((list, up_to))
    }

    /// About how many bytes it holds, those shared with others counted too.
    pub fn held_bytes(&self) -> usize {
        let entries = self.list.len() + self.bookmarks.len();
        self.rows_bytes + entries.saturating_mul(ENTRY_BYTES)
    }

    /// Rows and headings that are shown.
    pub fn len(&self) -> usize {
        match &self.headings {
            Some(headings) => headings.len(),
            None => self.list.len(),
        }
    }

    /// What is shown at a place.
    pub fn shown(&self, place: usize) -> Option<Shown> {
        match &self.headings {
            Some(headings) => headings.shown(place),
            None => Some(Shown::Row(place)).filter(|_| place < self.list.len()),
        }
    }

    /// The row at a place; none where a heading is.
    pub fn entry(&self, place: usize) -> Option<&Entry> {
        match self.shown(place)? {
            Shown::Row(row) => self.list.at(row),
            Shown::Heading(_) => None,
        }
    }

    /// What stands at a place.
    pub fn mark(&self, place: usize) -> Option<Mark> {
        match self.shown(place)? {
            Shown::Heading(heading) => {
                let heading = self.headings.as_ref()?.heading(heading)?;
                Some(Mark::Heading(heading.id))
            }
            Shown::Row(row) => {
                let entry = self.list.at(row)?;
                Some(Mark::Row(entry.row, entry.instance))
            }
        }
    }

    /// Where something stands; none if it is gone or below a heading that is closed.
    pub fn place_of(&self, mark: Mark) -> Option<usize> {
        match (mark, &self.headings) {
            (Mark::Heading(id), headings) => headings.as_ref()?.place_of_name(id),
            (Mark::Row(row, instance), None) => self.list.place_of(row, instance),
            (Mark::Row(row, instance), Some(headings)) => {
                headings.place_of(Shown::Row(self.list.place_of(row, instance)?))
            }
        }
    }
}
