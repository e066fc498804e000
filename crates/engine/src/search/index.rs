//! The seam behind which an index of letters stands.
//!
//! An index is asked where a text may be and answers too widely rather than too narrowly; the text
//! itself decides. It may know less than there is and says how far it goes; the rest is looked at
//! directly. So whether and when it is fed changes nothing but the time a search takes.
//!
//! Start at [`Index`]. The one in use is [`store::sketch::Sketches`].

use crate::error::EngineError;
use store::id::{AccountId, ItemKey};
use store::sketch::{Condition, Known, Mark, Narrowed, Sketch, Sketches};

/// Knows where a text may be. Shared by all threads.
pub trait Index: Send + Sync {
    /// How far an account is known.
    fn known(&self, account: AccountId) -> Known;

    /// Takes the sketches of some items; with a mark, all up to there has been given. False, and
    /// nothing taken, if the account has been forgotten more often than this says.
    fn feed(
        &self,
        account: AccountId,
        forgotten: u64,
        sketches: Vec<(ItemKey, Sketch)>,
        mark: Option<Mark>,
    ) -> bool;

    /// Forgets an account until it is fed from the beginning.
    fn forget(&self, account: AccountId);

    /// The items whose texts may meet the condition; `None` where nothing can be said.
    ///
    /// Errors: the index is damaged. It has forgotten the account, and a search goes on without it.
    fn narrow(
        &self,
        account: AccountId,
        condition: &Condition,
    ) -> Result<Option<Narrowed>, EngineError>;

    /// Bytes that a stop or crash would lose; only time is lost with them.
    fn pending_bytes(&self) -> usize;

    /// Brings to disk what is pending.
    fn settle(&self) -> Result<(), EngineError>;
}

impl Index for Sketches {
    fn known(&self, account: AccountId) -> Known {
        self.known(account)
    }

    fn feed(
        &self,
        account: AccountId,
        forgotten: u64,
        sketches: Vec<(ItemKey, Sketch)>,
        mark: Option<Mark>,
    ) -> bool {
        self.feed(account, forgotten, sketches, mark)
    }

    fn forget(&self, account: AccountId) {
        self.forget(account);
    }

    fn narrow(
        &self,
        account: AccountId,
        condition: &Condition,
    ) -> Result<Option<Narrowed>, EngineError> {
        Ok(self.narrow(account, condition)?)
    }

    fn pending_bytes(&self) -> usize {
        self.pending_bytes()
    }

    fn settle(&self) -> Result<(), EngineError> {
        Ok(self.settle()?)
    }
}
