//! The conversations of letters, from what is kept of a whole folder.
//!
//! What threads are made from is kept of each letter, and the trees of all letters together: they
//! are what is asked most. Trees of some letters, and of all after a change, are made of what is
//! kept, without reading a letter twice.
//!
//! Start at [`Relating`]. Standards: RFC 5256 §3 (THREAD).

use super::kept::{Asking, Derived, Desk};
use super::run::{Harvest, Progress};
use super::{Comparator, Conversations, Forest, Threading};
use crate::account::Account;
use crate::error::EngineError;
use std::sync::{Arc, OnceLock};
use store::id::{FolderId, Uid};
use store::model::UidSet;

/// What is kept of a folder's letters, and their trees as far as they were asked for.
#[derive(Debug, Clone)]
pub(crate) struct Relations {
    letters: Conversations,
    trees: [OnceLock<Arc<Forest>>; 3],
}

impl Derived for Relations {
    type Which = Comparator;
    type Filling = Conversations;

    fn begin(comparator: &Comparator, letters: usize) -> Conversations {
        Conversations::new(*comparator, letters)
    }

    fn finish(letters: Conversations) -> Self {
        Self {
            letters,
            trees: Default::default(),
        }
    }

    fn reads_fields(_: &Comparator) -> bool {
        true
    }

    fn remove(&mut self, gone: &UidSet) {
        let all = self.letters.uids();
        let left = all.difference(gone);
        if left.len() < all.len() {
            *self = Self::finish(self.letters.only(&left));
        }
    }

    fn insert(&mut self, _: &Comparator, came: &[Uid], desk: &Desk<'_>) -> Result<(), EngineError> {
        let mut others = self.letters.alike();
        for &uid in came {
            desk.look_at(uid, |found| others.take(found))?;
        }
        if others.len() > 0 {
            *self = Self::finish(self.letters.with(&others));
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        let trees = self.trees.iter().filter_map(OnceLock::get);
        let trees: usize = trees.map(|tree| tree.bytes()).sum();
        self.letters.bytes().saturating_add(trees)
    }
}

impl Relations {
    /// The trees of those letters that are wanted.
    fn forest(&self, threading: Threading, wanted: &UidSet) -> Arc<Forest> {
        let all = self.letters.uids();
        if !all.difference(wanted).is_empty() {
            return Arc::new(self.letters.only(wanted).forest(threading));
        }
        let [by_subject, by_both, by_references] = &self.trees;
        let tree = match threading {
            Threading::Subject => by_subject,
            Threading::ReferencesAndSubject => by_both,
            Threading::References => by_references,
        };
        Arc::clone(tree.get_or_init(|| Arc::new(self.letters.forest(threading))))
    }
}

/// Finding the conversations of letters, in bounded steps.
pub struct Relating {
    threading: Threading,
    asking: Asking<Relations>,
}

impl Relating {
    /// Of letters on a folder's mail shelf. Those that have left it are in no conversation.
    pub fn new(
        folder: FolderId,
        threading: Threading,
        comparator: Comparator,
        wanted: UidSet,
    ) -> Self {
        Self {
            threading,
            asking: Asking::new(folder, comparator, wanted),
        }
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.asking.progress()
    }

    /// The next step; the conversations when it was the last.
    pub fn step(&mut self, account: &Account) -> Result<Option<Arc<Forest>>, EngineError> {
        let relations = self.asking.step(account, account.engine().relations())?;
        let wanted = self.asking.wanted();
        Ok(relations.map(|relations| relations.forest(self.threading, wanted)))
    }
}
