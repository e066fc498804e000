//! Letters in an order, from a list of the whole folder that is kept.
//!
//! The list has no keys, only UIDs: where a new letter belongs is found by looking at those that
//! it is compared with, which are few. So the list of 1,000,000 letters takes 4 MB.
//!
//! Start at [`Arranging`]. Standards: RFC 5256 §3 (SORT).

use super::Plan;
use super::kept::{Derived, Desk, Keep, Making};
use super::order::{Order, Sorting};
use super::run::{Progress, Run};
use crate::account::{Account, Reading};
use crate::error::EngineError;
use std::cmp::Ordering;
use store::id::{FolderId, Uid};
use store::model::{Shelf, UidSet};

/// Of so many letters in a folder one must be wanted for a list of all to be made.
const SHARE_MIN: u32 = 4;

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
pub struct Arranging {
    folder: FolderId,
    order: Order,
    wanted: UidSet,
    way: Way,
}

enum Way {
    Due,
    /// By a list of the whole folder, which is being made.
    Whole(Box<Making<SortedList>>),
    /// By looking at those that are wanted.
    Few(Box<(Run, Sorting)>),
}

impl Arranging {
    /// Letters on a folder's mail shelf. Those that have left it are put nowhere.
    ///
    /// The order must follow from the letters alone ([`Order::is_of_letters_alone`]).
    pub fn new(folder: FolderId, order: Order, wanted: UidSet) -> Self {
        Self {
            folder,
            order,
            wanted,
            way: Way::Due,
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        match &self.way {
            Way::Due => Progress::default(),
            Way::Whole(making) => making.progress(),
            Way::Few(few) => few.0.progress(),
        }
    }

    /// The next step; the letters in order when it was the last.
    pub fn step(&mut self, account: &Account) -> Result<Option<Vec<Uid>>, EngineError> {
        let keep = account.engine().sorted_lists();
        if matches!(self.way, Way::Due)
            && let Some(uids) = self.begin(account, keep)?
        {
            return Ok(Some(uids));
        }
        match &mut self.way {
            Way::Due => Ok(None),
            Way::Whole(making) => {
                let list = making.step(account, keep)?;
                Ok(list.map(|list| self.of(&list)))
            }
            Way::Few(few) => {
                let (run, sorting) = &mut **few;
                if !run.step(account, sorting)? {
                    return Ok(None);
                }
                let Way::Few(few) = std::mem::replace(&mut self.way, Way::Due) else {
                    return Ok(None);
                };
                Ok(Some(few.1.finish().uids().collect()))
            }
        }
    }

    /// What is kept already; if nothing is, the way to it.
    fn begin(
        &mut self,
        account: &Account,
        keep: &Keep<SortedList>,
    ) -> Result<Option<Vec<Uid>>, EngineError> {
        let making = Making::new(self.folder, self.order.clone());
        if let Some(list) = making.kept(account, keep)? {
            return Ok(Some(self.of(&list)));
        }
        let all = account.read()?.uids(self.folder, Shelf::Mail)?;
        self.way = if self.wanted.len() >= all.len() / SHARE_MIN {
            Way::Whole(Box::new(making))
        } else {
            let wanted = self.wanted.clone();
            let run = Run::new(Plan::everything(), self.folder, Shelf::Mail, wanted);
            Way::Few(Box::new((run, Sorting::new(self.order.clone()))))
        };
        Ok(None)
    }

    fn of(&self, list: &SortedList) -> Vec<Uid> {
        let wanted = |uid: &Uid| self.wanted.contains(*uid);
        list.0.iter().copied().filter(wanted).collect()
    }
}
