//! The locks of accounts: who writes to an account holds its lock until the place in the log is
//! fixed.

use crate::id::AccountId;
use parking_lot::{ArcMutexGuard, Mutex, RawMutex};
use std::collections::HashMap;
use std::sync::Arc;

/// Parts of the map of locks, so that taking one is not itself a queue.
const SHARDS: usize = 64;

type Shard = Mutex<HashMap<AccountId, Arc<Mutex<()>>>>;

/// One lock for each account that someone writes to.
pub struct AccountLocks {
    shards: Vec<Shard>,
}

/// The locks of some accounts; given back when dropped.
pub struct Locked<'a> {
    locks: &'a AccountLocks,
    held: Vec<(AccountId, Option<ArcMutexGuard<RawMutex, ()>>)>,
}

impl Default for AccountLocks {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl AccountLocks {
    fn shard(&self, account: AccountId) -> Option<&Shard> {
        self.shards
            .get(usize::try_from(account.0).unwrap_or_default() % SHARDS)
    }

    /// Locks these accounts in ascending order, so that two writers never wait for each other.
    pub fn lock(&self, accounts: &[AccountId]) -> Locked<'_> {
        let mut ordered = accounts.to_vec();
        ordered.sort_unstable();
        ordered.dedup();
        let lock = |account: AccountId| {
            let shard = self.shard(account)?;
            let one = Arc::clone(shard.lock().entry(account).or_default());
            Some(one.lock_arc())
        };
        let held = ordered
            .into_iter()
            .map(|account| (account, lock(account)))
            .collect();
        Locked { locks: self, held }
    }

    /// Forgets a lock that nobody waits for.
    fn forget_idle(&self, account: AccountId) {
        let Some(shard) = self.shard(account) else {
            return;
        };
        let mut shard = shard.lock();
        if shard
            .get(&account)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            shard.remove(&account);
        }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        for (account, guard) in self.held.drain(..) {
            drop(guard);
            self.locks.forget_idle(account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn writers_of_overlapping_accounts_follow_one_another() {
        let locks = AccountLocks::default();
        let (inside, seen) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for turn in 0..4_u32 {
                let (locks, inside, seen) = (&locks, &inside, &seen);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let own = AccountId(turn + 10);
                        let accounts = [AccountId(7), own, AccountId(7), AccountId(1)];
                        let _held = locks.lock(&accounts);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        seen.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(seen.load(Ordering::SeqCst), 800);
        assert!(locks.shards.iter().all(|shard| shard.lock().is_empty()));
    }
}
