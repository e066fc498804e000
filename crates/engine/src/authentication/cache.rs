//! Remembers for a short while that a password was right, so that a client that signs in each minute does not
//! cost tens of milliseconds each time.
//!
//! The key is a keyed hash of the whole credential (account, its secrets' stamp, password): any change of the
//! account's secrets makes old entries unreachable, and the memory holds no password.

use parking_lot::Mutex;
use std::collections::HashMap;
use store::id::{AccountId, ChangeSeq, Timestamp};

/// Entries kept; beyond, the oldest half is forgotten.
const ENTRIES_MAX: usize = 20_000;
/// How long a right password is remembered.
const LIFE_SECONDS: i64 = 600;

/// The cache of one process.
#[derive(Debug)]
pub struct Cache {
    key: [u8; 32],
    entries: Mutex<HashMap<[u8; 32], Timestamp>>,
}

impl Cache {
    /// An empty cache; `key` is random and lives as long as the process.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            entries: Mutex::default(),
        }
    }

    /// True if this credential was right a short while ago. `stamp` is that of the account's secrets.
    pub fn knows(
        &self,
        account: AccountId,
        stamp: ChangeSeq,
        password: &str,
        now: Timestamp,
    ) -> bool {
        let name = self.name(account, stamp, password);
        let since = self.entries.lock().get(&name).copied();
        since.is_some_and(|since| (0..LIFE_SECONDS).contains(&(now.seconds() - since.seconds())))
    }

    /// Remembers that it was right now.
    pub fn learn(&self, account: AccountId, stamp: ChangeSeq, password: &str, now: Timestamp) {
        let name = self.name(account, stamp, password);
        let mut entries = self.entries.lock();
        if entries.len() >= ENTRIES_MAX {
            let middle = Timestamp::from_seconds(now.seconds() - LIFE_SECONDS / 2);
            entries.retain(|_, since| *since > middle);
        }
        if entries.len() < ENTRIES_MAX {
            entries.insert(name, now);
        }
    }

    fn name(&self, account: AccountId, stamp: ChangeSeq, password: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&account.0.to_be_bytes());
        hasher.update(&stamp.0.to_be_bytes());
        hasher.update(password.as_bytes());
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn only_the_same_password_under_the_same_secrets_is_known() {
        let cache = Cache::new([1; 32]);
        cache.learn(ALICE, ChangeSeq(5), "x", at(0));
        assert!(cache.knows(ALICE, ChangeSeq(5), "x", at(1)));
        assert!(!cache.knows(ALICE, ChangeSeq(5), "y", at(1)));
        assert!(
            !cache.knows(ALICE, ChangeSeq(6), "x", at(1)),
            "the password was changed"
        );
        assert!(!cache.knows(AccountId(2), ChangeSeq(5), "x", at(1)));
    }

    #[test]
    fn it_forgets_after_a_while_and_when_the_clock_goes_back() {
        let cache = Cache::new([1; 32]);
        cache.learn(ALICE, ChangeSeq(5), "x", at(1000));
        assert!(!cache.knows(ALICE, ChangeSeq(5), "x", at(1000 + LIFE_SECONDS)));
        assert!(!cache.knows(ALICE, ChangeSeq(5), "x", at(999)));
    }
}
