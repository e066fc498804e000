//! Which letters of a folder have which flags, kept in memory so that questions about flags alone
//! read no rows.
//!
//! The sets of a folder are made by one walk over its rows and are of one change number; asked
//! again, they take over what the change log tells since. They are only ever as new as a settled
//! view, so an answer is that of the rows. Few folders are kept, those asked last.

use crate::account::{Account, Reading};
use crate::error::EngineError;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use store::id::{AccountId, ChangeSeq, FolderId, Uid};
use store::model::{Changes, Flags, ItemRow, Shelf, Stand, UidSet};

/// Rows read in one step of a walk.
const ROWS_PER_STEP: usize = 16 * 1024;
/// Runs of UIDs that all kept sets have together; a run takes twelve bytes.
const RUNS_MAX: usize = 1024 * 1024;
/// Changes that are taken over; after more a new walk is as cheap.
const CHANGES_MAX: usize = 4096;

/// The sets of one folder's mail shelf at one change number.
#[derive(Debug, Clone, Default)]
pub(super) struct FlagSets {
    epoch: u32,
    change: ChangeSeq,
    /// By flag, those that any letter has.
    sets: BTreeMap<u32, UidSet>,
}

impl FlagSets {
    /// The UIDs among `all` that have all of these flags.
    pub(super) fn with(&self, flags: Flags, all: &UidSet) -> UidSet {
        let nobody = UidSet::default();
        let set = |bit| self.sets.get(&bit).unwrap_or(&nobody);
        bits(flags).fold(all.clone(), |with, bit| with.intersection(set(bit)))
    }

    fn runs(&self) -> usize {
        self.sets.values().map(|set| set.ranges().count()).sum()
    }

    /// Takes over what these letters have now.
    fn update(&mut self, touched: &UidSet, now: &[(Uid, Flags)]) {
        for set in self.sets.values_mut() {
            *set = set.difference(touched);
        }
        for (bit, uids) in by_bit(now) {
            let set = self.sets.entry(bit).or_default();
            *set = set.union(&uids.into_iter().collect());
        }
    }
}

/// The numbers of the bits that are set.
fn bits(flags: Flags) -> impl Iterator<Item = u32> {
    (0..u32::BITS).filter(move |bit| flags.0 >> bit & 1 == 1)
}

fn by_bit(letters: &[(Uid, Flags)]) -> BTreeMap<u32, Vec<Uid>> {
    let mut all: BTreeMap<u32, Vec<Uid>> = BTreeMap::new();
    for (uid, flags) in letters {
        for bit in bits(*flags) {
            all.entry(bit).or_default().push(*uid);
        }
    }
    all
}

/// With the reader, where each has a seen flag of their own.
type Key = (AccountId, FolderId, Option<AccountId>);

fn key(view: &impl Reading, folder: FolderId) -> Result<Key, EngineError> {
    let reader = view.reader_of(&view.folder(folder)?);
    Ok((view.account().id(), folder, reader))
}

/// The sets of the folders asked last, the latest at the end.
#[derive(Debug, Default)]
pub(crate) struct FlagCache(Mutex<Vec<(Key, Arc<FlagSets>)>>);

impl FlagCache {
    fn known(&self, key: Key) -> Option<Arc<FlagSets>> {
        let kept = self.0.lock();
        let found = kept.iter().find(|(known, _)| *known == key);
        found.map(|(_, sets)| Arc::clone(sets))
    }

    fn keep(&self, key: Key, sets: Arc<FlagSets>) {
        let mut kept = self.0.lock();
        kept.retain(|(known, _)| *known != key);
        kept.push((key, sets));
        let mut runs: usize = kept.iter().map(|(_, sets)| sets.runs()).sum();
        while runs > RUNS_MAX && kept.len() > 1 {
            runs -= kept.remove(0).1.runs();
        }
    }

    /// The sets as they are now; `None` if they have to be made by a [`Walk`].
    pub(super) fn current(
        &self,
        account: &Account,
        folder: FolderId,
    ) -> Result<Option<Arc<FlagSets>>, EngineError> {
        let view = account.read()?;
        let key = key(&view, folder)?;
        let Some(mut sets) = self.known(key) else {
            return Ok(None);
        };
        let row = view.state()?;
        if sets.epoch != row.epoch {
            return Ok(None);
        }
        if sets.change != row.head {
            let page = view.changes_in(folder, sets.change, CHANGES_MAX)?;
            let Changes::Page {
                records,
                more: false,
            } = page
            else {
                return Ok(None);
            };
            let stands = records
                .iter()
                .flat_map(|(_, record)| [record.from, record.to]);
            let is_here =
                |stand: &Stand| stand.at.folder == folder && stand.at.shelf == Shelf::Mail;
            let touched = stands.flatten().filter(is_here).map(|stand| stand.at.uid);
            let touched: UidSet = touched.collect();
            let mut now = Vec::new();
            for uid in touched.iter() {
                let (folder, shelf) = (folder, Shelf::Mail);
                let row = view.item(store::model::Location { folder, shelf, uid })?;
                now.extend(row.map(|row| (uid, row.flags)));
            }
            let fresh = Arc::make_mut(&mut sets);
            fresh.update(&touched, &now);
            fresh.change = row.head;
        }
        self.keep(key, Arc::clone(&sets));
        Ok(Some(sets))
    }
}

/// Makes the sets of a folder, in steps.
#[derive(Debug)]
pub(super) struct Walk {
    folder: FolderId,
    epoch: u32,
    /// Where the log stood at the beginning; what came later is taken over from there.
    change: ChangeSeq,
    next: Option<u32>,
    letters: Vec<(Uid, Flags)>,
}

impl Walk {
    pub(super) fn begin(account: &Account, folder: FolderId) -> Result<Self, EngineError> {
        let row = account.read()?.state()?;
        Ok(Self {
            folder,
            epoch: row.epoch,
            change: row.head,
            next: Some(1),
            letters: Vec::new(),
        })
    }

    /// Reads some rows; true when the sets are made and kept.
    pub(super) fn step(
        &mut self,
        account: &Account,
        cache: &FlagCache,
    ) -> Result<bool, EngineError> {
        if let Some(from) = self.next {
            let before = self.letters.len();
            let letters = &mut self.letters;
            let mut visit = |uid, row: ItemRow| {
                letters.push((uid, row.flags));
                if letters.len() - before < ROWS_PER_STEP {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            };
            let view = account.read()?;
            view.items(self.folder, Shelf::Mail, from..=u32::MAX, &mut visit)?;
            let is_more = self.letters.len() - before >= ROWS_PER_STEP;
            let last = self.letters.last().filter(|_| is_more);
            self.next = last.and_then(|(uid, _)| uid.0.checked_add(1));
        }
        if self.next.is_none() {
            let sets = by_bit(&self.letters).into_iter();
            let sets = FlagSets {
                epoch: self.epoch,
                change: self.change,
                sets: sets
                    .map(|(bit, uids)| (bit, uids.into_iter().collect()))
                    .collect(),
            };
            let key = key(&account.read()?, self.folder)?;
            cache.keep(key, Arc::new(sets));
        }
        Ok(self.next.is_none())
    }
}
