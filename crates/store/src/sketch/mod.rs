//! What letters might contain: one small sketch for each, from which a question learns fast where
//! it need not look.
//!
//! A sketch is a set of bits (a Bloom filter): each *gram*, a short run of characters of the text,
//! sets one. Where the bits of a question's grams are not all set the text is certainly not there;
//! where they are, it may be. So an answer is always too wide, never too narrow, and the caller
//! looks at the text itself. What text is, and what its grams are, is the caller's matter.
//!
//! Never the truth: all of this can be made anew from the letters. It lies beside the store in a
//! fixed number of [`shard`]s by account, each with a manifest that is replaced as a whole, so that
//! after a crash it is behind (and says how far it goes) but never wrong. Sketches of one account
//! and one size lie together in [`block`]s, turned on their side: one gram's bit of thousands of
//! letters is one short read.
//!
//! No threads and no clock: [`Sketches::settle`] is the one step that writes.
//!
//! Start at [`Sketches`].

mod bits;
mod block;
mod condition;
mod manifest;
mod shard;
#[cfg(test)]
mod tests;

pub use bits::{Adding, Grams, Sketch};
pub use condition::{Condition, Step};

use crate::error::StoreError;
use crate::id::{AccountId, ChangeSeq, ItemKey};
use crate::world::Vfs;
use shard::Shard;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Shards of a store. More than a machine has writers of this; few enough that each is a handful of
/// files.
const SHARDS: u32 = 16;

/// How far an account is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The account's epoch at that time; in another epoch the mark means nothing.
    pub epoch: u32,
    /// Everything up to this change is known.
    pub change: ChangeSeq,
}

/// What is known of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// How far; `None` while not all that was there at the beginning has been fed.
    pub mark: Option<Mark>,
    /// Sketches kept, also of items that are gone or have several.
    pub sketches: u64,
    /// How often it was forgotten since the sketches were opened.
    pub forgotten: u64,
}

/// Where a text may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// The items whose texts may match, ascending; no other item does, as far as the mark goes.
    pub items: Vec<ItemKey>,
    /// How far that holds: items that came or changed since must be looked at as well.
    pub mark: Mark,
}

/// The sketches of all accounts of a store.
pub struct Sketches {
    shards: Vec<Shard>,
    /// Bytes of sketches that are in memory only.
    pending_bytes: AtomicUsize,
}

impl Sketches {
    /// Opens what lies in a folder. What is damaged there is forgotten, to be fed anew.
    ///
    /// Errors: the folder cannot be read or made.
    pub fn open(vfs: &Arc<dyn Vfs>, folder: &Path) -> Result<Self, StoreError> {
        let shard = |number| Shard::open(vfs, &folder.join(format!("shard-{number:02}")));
        Ok(Self {
            shards: (0..SHARDS).map(shard).collect::<Result<_, _>>()?,
            pending_bytes: AtomicUsize::new(0),
        })
    }

    fn shard(&self, account: AccountId) -> Option<&Shard> {
        let number = usize::try_from(account.0 % SHARDS).ok()?;
        self.shards.get(number)
    }

    /// What is known of an account.
    pub fn known(&self, account: AccountId) -> Known {
        let nothing = Known {
            mark: None,
            sketches: 0,
            forgotten: 0,
        };
        self.shard(account)
            .map_or(nothing, |shard| shard.known(account))
    }

    /// Takes sketches of items. With a mark, everything up to there is known now.
    ///
    /// Whoever feeds says how often the account was forgotten when this was begun ([`Known`]): if
    /// it was forgotten since, what was fed before is gone, so nothing is taken and the answer is
    /// false.
    #[must_use]
    pub fn feed(
        &self,
        account: AccountId,
        forgotten: u64,
        sketches: Vec<(ItemKey, Sketch)>,
        mark: Option<Mark>,
    ) -> bool {
        let shard = self.shard(account);
        let bytes = shard.and_then(|shard| shard.feed(account, forgotten, sketches, mark));
        let pending = bytes.unwrap_or(0);
        self.pending_bytes.fetch_add(pending, Ordering::Relaxed);
        bytes.is_some()
    }

    /// Forgets an account, which is then unknown until it was fed from the beginning.
    pub fn forget(&self, account: AccountId) {
        if let Some(shard) = self.shard(account) {
            let bytes = shard.forget(account);
            self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Forgets all accounts and gives the room back; the answer is how many accounts they were.
    pub fn forget_all(&self) -> Result<usize, StoreError> {
        let known: Vec<AccountId> = self.shards.iter().flat_map(Shard::accounts).collect();
        for &account in &known {
            self.forget(account);
        }
        self.settle()?;
        Ok(known.len())
    }

    /// The items that may meet a condition; `None` where nothing can be said.
    ///
    /// Errors: what was read is damaged, or cannot be read. The account is forgotten then.
    pub fn narrow(
        &self,
        account: AccountId,
        condition: &Condition,
    ) -> Result<Option<Narrowed>, StoreError> {
        let Some(shard) = self.shard(account) else {
            return Ok(None);
        };
        let narrowed = shard.narrow(account, condition);
        if narrowed.is_err() {
            self.forget(account);
        }
        narrowed
    }

    /// Bytes of sketches that only memory holds; after [`Sketches::settle`] none.
    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes.load(Ordering::Relaxed)
    }

    /// Writes what only memory holds. Must not be called by two threads at once.
    ///
    /// Errors: the disk failed or is full; what was there before stays as it was.
    pub fn settle(&self) -> Result<(), StoreError> {
        for shard in &self.shards {
            let bytes = shard.settle()?;
            self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        Ok(())
    }
}
