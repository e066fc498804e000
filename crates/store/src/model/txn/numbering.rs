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
    lines: Vec<(AccountId, ChangeSeq, ChangeRecord)>,
    by_object: HashMap<(AccountId, Object), Given>,
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
        let records = self.lines.iter().map(|(_, _, record)| record);
        records.filter(is_text).count() as u64
    }

    /// Writes the log lines, and a tombstone where an item left the place at which others saw it.
    pub(super) fn write_to(&self, pending: &mut Pending) {
        for (account, change, record) in &self.lines {
            pending.put(key::change(*account, *change), record);
            if let Some((folder, row)) = tombstone(record) {
                pending.put(key::departed(*account, folder, *change), &row);
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
        let name = (account, object);
        let given = self.numbering.by_object.get(&name).copied();
        let mut given = given.unwrap_or_default();
        let mut known = None;
        for index in given.content.into_iter().chain(given.read) {
            let Some((_, change, record)) = self.numbering.lines.get_mut(index) else {
                continue;
            };
            record.to = to;
            from = record.from; // Where the object stood when the transaction began.
            if *given.line(aspect) == Some(index) {
                record.what = record.what | what;
                known = Some(*change);
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
        *given.line(aspect) = Some(self.numbering.lines.len());
        self.numbering.by_object.insert(name, given);
        self.numbering.lines.push((account, change, record));
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
