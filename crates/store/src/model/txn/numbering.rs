//! Giving numbers: one for each object that a commit changes, two where content and read state both
//! changed.

use super::Txn;
use super::pending::Pending;
use crate::id::{AccountId, ChangeSeq, FolderId, ItemKey};
use crate::model::error::ModelError;
use crate::model::key;
use crate::model::row::change::DepartedRow;
use crate::model::row::{ChangeRecord, ItemRow, Object, Stand, What};
use crate::model::shelf::Location;
use std::collections::HashMap;

/// The last number of 48 bits: a MAPI change number or id holds no more ([MS-OXCFXICS] 2.2.2.1).
pub(super) const NUMBER_MAX: u64 = (1 << 48) - 1;

/// Which of an object's two stamps moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    /// The object itself.
    Content,
    /// Whether it was read.
    Read,
}

/// Numbers given so far and the log lines that belong to them.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    lines: Vec<Line>,
    /// The lines of the first so many, by their object.
    by_object: HashMap<Named, Given>,
    indexed: usize,
    /// The greatest object that has a line.
    greatest: Option<Named>,
}

/// An object of an account.
type Named = (AccountId, Object);

#[derive(Debug)]
struct Line {
    account: AccountId,
    aspect: Aspect,
    change: ChangeSeq,
    record: ChangeRecord,
}

/// Which log lines an object has.
#[derive(Debug, Clone, Copy, Default)]
struct Given {
    content: Option<usize>,
    read: Option<usize>,
}

impl Given {
    fn line(&mut self, aspect: Aspect) -> &mut Option<usize> {
        match aspect {
            Aspect::Content => &mut self.content,
            Aspect::Read => &mut self.read,
        }
    }
}

impl Numbering {
    /// How many items were given a new text.
    pub(super) fn new_texts(&self) -> u64 {
        let is_text = |record: &&ChangeRecord| {
            matches!(record.object, Object::Item(_)) && record.what.intersects(What::NEW_TEXT)
        };
        let records = self.lines.iter().map(|line| &line.record);
        records.filter(is_text).count() as u64
    }

    /// Which lines an object has. New items come one greater than the other, so that of those
    /// nothing has to be looked up.
    fn given(&mut self, name: Named) -> Given {
        if Some(name) > self.greatest {
            return Given::default();
        }
        for (index, line) in self.lines.iter().enumerate().skip(self.indexed) {
            let name = (line.account, line.record.object);
            let given = self.by_object.entry(name).or_default();
            *given.line(line.aspect) = Some(index);
        }
        self.indexed = self.lines.len();
        self.by_object.get(&name).copied().unwrap_or_default()
    }

    fn add(&mut self, line: Line) {
        let name = (line.account, line.record.object);
        self.greatest = self.greatest.max(Some(name));
        self.lines.push(line);
    }

    /// Writes the log lines, and a tombstone where an item left the place at which others saw it.
    pub(super) fn write_to(&self, pending: &mut Pending) {
        for line in &self.lines {
            let (account, change) = (line.account, line.change);
            pending.put(key::change(account, change), &line.record);
            if let Some((folder, row)) = tombstone(&line.record) {
                pending.put(key::departed(account, folder, change), &row);
            }
        }
    }
}

/// What a log line leaves behind in the folder that was left.
pub(crate) fn tombstone(record: &ChangeRecord) -> Option<(FolderId, DepartedRow)> {
    let from = record.from?;
    let (Object::Item(item) | Object::Member(_, item)) = record.object else {
        return None;
    };
    // Of a number for the read state alone there is a second one that tells of the departure.
    let left = record.to.is_none_or(|to| to.at != from.at) && record.what != What::READ;
    left.then_some((
        from.at.folder,
        DepartedRow {
            item,
            shelf: from.at.shelf,
            uid: from.at.uid,
            place: from.place,
            content: from.content,
        },
    ))
}

impl ItemRow {
    /// Where the item stands, with its names.
    pub(super) fn stand(&self, at: Location) -> Stand {
        Stand {
            at,
            place: self.place,
            content: self.content,
        }
    }
}

impl Txn<'_> {
    /// Gives the object a number, or the one it has in this transaction, and adds to its log line.
    pub(super) fn touch(
        &mut self,
        account: AccountId,
        object: Object,
        aspect: Aspect,
        what: What,
        stands: (Option<Stand>, Option<Stand>),
    ) -> Result<ChangeSeq, ModelError> {
        let (mut from, to) = stands;
        let given = self.numbering.given((account, object));
        let mut known = None;
        for index in given.content.into_iter().chain(given.read) {
            let Some(line) = self.numbering.lines.get_mut(index) else {
                continue;
            };
            line.record.to = to;
            from = line.record.from; // Where the object stood when the transaction began.
            if line.aspect == aspect {
                line.record.what = line.record.what | what;
                known = Some(line.change);
            }
        }
        if let Some(change) = known {
            return Ok(change);
        }
        let change = self.next_number(account)?;
        let (origin, at) = (self.origin, self.now);
        let record = ChangeRecord {
            object,
            what,
            from,
            to,
            origin,
            at,
        };
        self.numbering.add(Line {
            account,
            aspect,
            change,
            record,
        });
        Ok(change)
    }

    /// Numbers what is no item.
    pub(super) fn touch_object(
        &mut self,
        account: AccountId,
        object: Object,
        what: What,
    ) -> Result<ChangeSeq, ModelError> {
        self.touch(account, object, Aspect::Content, what, (None, None))
    }

    /// Numbers an item that stays where it is.
    pub(super) fn touch_in_place(
        &mut self,
        account: AccountId,
        at: Location,
        row: &ItemRow,
        aspect: Aspect,
        what: What,
    ) -> Result<ChangeSeq, ModelError> {
        let stand = Some(row.stand(at));
        self.touch(
            account,
            Object::Item(row.item),
            aspect,
            what,
            (stand, stand),
        )
    }

    fn next_number(&mut self, account: AccountId) -> Result<ChangeSeq, ModelError> {
        let row = self.account_mut(account)?;
        if row.head.0 >= NUMBER_MAX {
            return Err(ModelError::NumberRefused);
        }
        row.head.0 += 1;
        let head = row.head;
        self.changed.insert(account);
        Ok(head)
    }

    /// Says that something inside a folder changed under this number.
    pub(super) fn stamp_contents(
        &mut self,
        account: AccountId,
        folder: FolderId,
        change: ChangeSeq,
    ) -> Result<(), ModelError> {
        let now = self.now;
        let row = self.any_folder_mut(account, folder)?;
        row.contents_changed = row.contents_changed.max(change);
        row.contents_changed_at = now;
        Ok(())
    }

    /// The next id of the account.
    pub(super) fn new_id(&mut self, account: AccountId) -> Result<u64, ModelError> {
        let row = self.account_mut(account)?;
        if row.next_id > NUMBER_MAX {
            return Err(ModelError::NumberRefused);
        }
        let id = row.next_id;
        row.next_id += 1;
        Ok(id)
    }

    /// The item's number as a plain id, for keys that name folders and items alike.
    pub(super) fn object_of(item: ItemKey) -> u64 {
        item.0
    }
}
