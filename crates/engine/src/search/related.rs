//! The conversations of letters, from what is kept of a whole folder.
//!
//! What threads are made from is kept of each letter, and the trees of all letters together: they
//! are what is asked most. Trees of some letters, and of all after a change, are made of what is
//! kept, without reading a letter twice.
//!
//! Start at [`Relating`]. Standards: RFC 5256 §3 (THREAD).

use super::kept::{Derived, Desk, Keep, Making};
use super::run::{Harvest, Progress, Run};
use super::{Comparator, Conversations, Forest, Plan, Threading};
use crate::account::{Account, Reading};
use crate::error::EngineError;
use std::sync::{Arc, OnceLock};
use store::id::{FolderId, Uid};
use store::model::{Shelf, UidSet};

/// Of so many letters in a folder one must be wanted for all to be kept.
const SHARE_MIN: u32 = 4;

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
    folder: FolderId,
    threading: Threading,
    comparator: Comparator,
    wanted: UidSet,
    way: Way,
}

enum Way {
    Due,
    /// By what is kept of the whole folder, which is being made.
    Whole(Box<Making<Relations>>),
    /// By looking at those that are wanted.
    Few(Box<(Run, Conversations)>),
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
            folder,
            threading,
            comparator,
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

    /// The next step; the conversations when it was the last.
    pub fn step(&mut self, account: &Account) -> Result<Option<Arc<Forest>>, EngineError> {
        let keep = account.engine().relations();
        if matches!(self.way, Way::Due)
            && let Some(forest) = self.begin(account, keep)?
        {
            return Ok(Some(forest));
        }
        let (threading, wanted) = (self.threading, &self.wanted);
        match &mut self.way {
            Way::Due => Ok(None),
            Way::Whole(making) => {
                let relations = making.step(account, keep)?;
                Ok(relations.map(|relations| relations.forest(threading, wanted)))
            }
            Way::Few(few) => {
                let (run, letters) = &mut **few;
                let is_done = run.step(account, letters)?;
                Ok(is_done.then(|| Arc::new(letters.forest(threading))))
            }
        }
    }

    /// What is kept already; if nothing is, the way to it.
    fn begin(
        &mut self,
        account: &Account,
        keep: &Keep<Relations>,
    ) -> Result<Option<Arc<Forest>>, EngineError> {
        let making = Making::new(self.folder, self.comparator);
        if let Some(relations) = making.kept(account, keep)? {
            return Ok(Some(relations.forest(self.threading, &self.wanted)));
        }
        let all = account.read()?.uids(self.folder, Shelf::Mail)?;
        self.way = if self.wanted.len() >= all.len() / SHARE_MIN {
            Way::Whole(Box::new(making))
        } else {
            let letters = usize::try_from(self.wanted.len()).unwrap_or(usize::MAX);
            let letters = Conversations::new(self.comparator, letters);
            let wanted = self.wanted.clone();
            let run = Run::new(Plan::everything(), self.folder, Shelf::Mail, wanted);
            Way::Few(Box::new((run, letters)))
        };
        Ok(None)
    }
}
