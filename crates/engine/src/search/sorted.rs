//! Letters in an order, from a list of the whole folder that is kept.
//!
//! The list has no keys, only UIDs: where a new letter belongs is found by looking at those that
//! it is compared with, which are few. So the list of 1,000,000 letters takes 4 MB.
//!
//! Start at [`Arranging`]. Standards: RFC 5256 §3 (SORT).

use super::kept::{Asking, Derived, Desk};
use super::order::{Order, Sorting};
use super::run::Progress;
use crate::account::Account;
use crate::error::EngineError;
use std::cmp::Ordering;
use store::id::{FolderId, Uid};
use store::model::UidSet;

/// All letters of a folder in an order.
#[derive(Debug, Clone)]
pub(crate) struct SortedList(Vec<Uid>);

impl Derived for SortedList {
    type Which = Order;
    type Filling = Sorting;

    fn begin(order: &Order, _: usize) -> Sorting {
        Sorting::new(order.clone())
    }

    fn finish(filling: Sorting) -> Self {
        Self(filling.finish().uids().collect())
    }

    fn reads_fields(order: &Order) -> bool {
        order.reads_fields()
    }

    fn remove(&mut self, gone: &UidSet) {
        self.0.retain(|uid| !gone.contains(*uid));
    }

    fn insert(&mut self, order: &Order, came: &[Uid], desk: &Desk<'_>) -> Result<(), EngineError> {
        for &uid in came {
            let Some(key) = key_of(order, uid, desk)? else {
                continue;
            };
            let rank = self.rank(order, (&key, uid), desk)?;
            self.0.insert(rank, uid);
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.0.len().saturating_mul(size_of::<Uid>())
    }
}

impl SortedList {
    /// Where a letter belongs. One that has just gone, so that nothing says where it stands, counts
    /// as the greater: it is taken out with the next change.
    fn rank(
        &self,
        order: &Order,
        (key, uid): (&[u8], Uid),
        desk: &Desk<'_>,
    ) -> Result<usize, EngineError> {
        let (mut from, mut to) = (0, self.0.len());
        while from < to {
            let middle = from.midpoint(to);
            let Some(&other) = self.0.get(middle) else {
                break;
            };
            let other_key = key_of(order, other, desk)?;
            let is_before = other_key.map(|other_key| {
                let by_key = other_key.as_slice().cmp(key);
                by_key.then(other.cmp(&uid)) == Ordering::Less
            });
            if is_before.unwrap_or(false) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        Ok(from)
    }
}

fn key_of(order: &Order, uid: Uid, desk: &Desk<'_>) -> Result<Option<Vec<u8>>, EngineError> {
    desk.look_at(uid, |found| {
        let mut key = Vec::new();
        order.write_key(found, &mut key);
        Ok(key)
    })
}

/// Putting letters in order, in bounded steps.
pub struct Arranging(Asking<SortedList>);

impl Arranging {
    /// Letters on a folder's mail shelf. Those that have left it are put nowhere.
    ///
    /// The order must follow from the letters alone ([`Order::is_of_letters_alone`]).
    pub fn new(folder: FolderId, order: Order, wanted: UidSet) -> Self {
        Self(Asking::new(folder, order, wanted))
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.0.progress()
    }

    /// The next step; the letters in order when it was the last.
    pub fn step(&mut self, account: &Account) -> Result<Option<Vec<Uid>>, EngineError> {
        let list = self.0.step(account, account.engine().sorted_lists())?;
        let wanted = |uid: &Uid| self.0.wanted().contains(*uid);
        Ok(list.map(|list| list.0.iter().copied().filter(wanted).collect()))
    }
}
