//! What waits for one destination: by priority, and within a priority by turns of the senders.

use super::EntryKey;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use store::id::AccountId;

/// Letters that wait, in the order in which they go.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: BTreeMap<Reverse<i8>, Lane>,
    count: usize,
}

/// The letters of one priority. A sender stands in `turns` exactly while something of theirs waits.
#[derive(Debug, Default)]
struct Lane {
    turns: VecDeque<AccountId>,
    senders: HashMap<AccountId, VecDeque<EntryKey>>,
}

impl Lanes {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn push(&mut self, key: EntryKey, priority: i8) {
        let lane = self.lanes.entry(Reverse(priority)).or_default();
        let waiting = lane.senders.entry(key.account).or_default();
        if waiting.is_empty() {
            lane.turns.push_back(key.account);
        }
        waiting.push_back(key);
        self.count += 1;
    }

    pub(super) fn pop(&mut self) -> Option<EntryKey> {
        let mut first = self.lanes.first_entry()?;
        let key = first.get_mut().pop();
        if first.get().turns.is_empty() {
            first.remove();
        }
        self.count = self.count.saturating_sub(usize::from(key.is_some()));
        key
    }

    /// Empties everything, in the order in which it would have gone.
    pub(super) fn drain(&mut self) -> Vec<EntryKey> {
        std::iter::from_fn(|| self.pop()).collect()
    }
}

impl Lane {
    fn pop(&mut self) -> Option<EntryKey> {
        let sender = self.turns.pop_front()?;
        let waiting = self.senders.get_mut(&sender)?;
        let key = waiting.pop_front();
        if waiting.is_empty() {
            self.senders.remove(&sender);
        } else {
            self.turns.push_back(sender);
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(account: u32, id: u64) -> EntryKey {
        EntryKey {
            account: AccountId(account),
            id,
        }
    }

    #[test]
    fn senders_take_turns_and_higher_priorities_go_first() {
        let mut lanes = Lanes::default();
        for id in 1..=3 {
            lanes.push(key(1, id), 0);
        }
        lanes.push(key(2, 4), 0);
        lanes.push(key(1, 5), 9);
        lanes.push(key(1, 6), -9);
        let order: Vec<u64> = lanes.drain().iter().map(|key| key.id).collect();
        assert_eq!(order, [5, 1, 4, 2, 3, 6]);
        assert_eq!(lanes.len(), 0);
    }
}
