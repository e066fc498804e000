//! Sorted lists that are kept for the next table of the same rows in the same order.
//!
//! A list that was made is moved on by the change log when someone opens such a table again, and
//! all tables share what they have in common. What is kept is bounded: what was not used for
//! longest goes.
//!
//! Start at [`Lists::find`].

use super::Arrangement;
use super::list::List;
use super::rows::Rows;
use crate::codec::data::Guid;
use crate::object::Logon;
use engine::{AccountId, ChangeSeq};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of all lists that are kept: those of some dozen large folders in several orders.
const BYTES_MAX: usize = 96 * 1024 * 1024;
/// Below this a list is made as fast as it is found.
const ROWS_MIN: usize = 200;

/// Of which rows a list is, and in which order.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    owner: AccountId,
    /// Who looks: not all may see the same, nor has everybody read the same.
    actor: AccountId,
    /// Numbers mean something else after a return to an earlier state.
    replica: Guid,
    rows: Rows,
    orders: Vec<(u32, u8)>,
    level_count: usize,
    language: &'static str,
}

impl Name {
    /// The name of the list of a table; none where it is not worth keeping.
    pub fn of(rows: &Rows, arrangement: &Arrangement, logon: &Logon) -> Option<Self> {
        let orders = arrangement.orders.iter();
        let orders: Vec<_> = orders.map(|order| (order.tag.0, order.order)).collect();
        let is_kept = rows.folder().is_some() && !orders.is_empty();
        (is_kept && arrangement.restriction.is_none()).then(|| Self {
            owner: logon.account.id(),
            actor: logon.account.origin().actor,
            replica: logon.identity.replica,
            rows: rows.clone(),
            orders,
            level_count: arrangement.level_count,
            language: arrangement.plan.language,
        })
    }
}

/// A list, and how far it is.
#[derive(Debug)]
struct Kept {
    name: Name,
    list: List,
    up_to: ChangeSeq,
    bytes: usize,
}

/// All lists that are kept, those used last behind the others.
#[derive(Debug, Default)]
pub struct Lists(Mutex<VecDeque<Kept>>);

impl Lists {
    fn all(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list of that name, and how far it is.
    pub fn find(&self, name: &Name) -> Option<(List, ChangeSeq)> {
        let mut all = self.all();
        let place = all.iter().position(|kept| kept.name == *name)?;
        let kept = all.remove(place)?;
        let found = (kept.list.clone(), kept.up_to);
        all.push_back(kept);
        Some(found)
    }

    /// Keeps a list, in place of an older one of that name.
    pub fn keep(&self, name: Name, list: &List, up_to: ChangeSeq) {
        let bytes = list.bytes();
        if list.len() < ROWS_MIN || bytes > BYTES_MAX {
            return;
        }
        let mut all = self.all();
        if all
            .iter()
            .any(|kept| kept.name == name && kept.up_to > up_to)
        {
            return;
        }
        all.retain(|kept| kept.name != name);
        all.push_back(Kept {
            name,
            list: list.clone(),
            up_to,
            bytes,
        });
        while all.iter().map(|kept| kept.bytes).sum::<usize>() > BYTES_MAX {
            all.pop_front();
        }
    }
}
