//! What people do with letters that lie in a mailbox, for the script that its owner put there.
//!
//! A folder with the annotation [`SCRIPT`] has a script; for a folder without it that of the whole
//! mailbox counts. The verbs note what happens behind the commit, by whatever protocol they are
//! called, and [`Engine::run_waiting_scripts`](crate::Engine::run_waiting_scripts) lets the letters
//! go through the script later. Nobody waits for that. What the server and the scripts themselves do
//! is not noted, so that no script calls another or itself. The notes lie in memory and are bounded:
//! what happened right before a crash is forgotten, but nothing is done twice.
//!
//! Sources: RFC 6785 §2.2 (what counts), §2.3.1 (which script), RFC 6851 §4.7 (moving counts as
//! copying).

use super::annotations::{Audience, annotation};
use super::txn::Txn;
use super::view::MAIL_ROOT;
use crate::error::EngineError;
use crate::filter::Cause;
use parking_lot::Mutex;
use std::collections::VecDeque;
use store::StoreError;
use store::backend::Settlement;
use store::id::{AccountId, FolderId};
use store::model::{FlagSet, Flags, Location, Reads, Role, Shelf};

/// The annotation, for everyone, that names the script of a folder or of the whole mailbox.
const SCRIPT: &str = "/imapsieve/script";

/// Events that wait: a large folder copied at once. Some 10 MB.
const WAITING_MAX: usize = 100_000;

/// Something that was done with a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub account: AccountId,
    /// Who did it.
    pub actor: AccountId,
    /// Where the letter lies now.
    pub at: Location,
    pub cause: Cause,
}

/// Events whose scripts did not run yet, each with the commit that it was part of.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<(Settlement, Event)>,
    passed_over: usize,
}

impl Events {
    /// Notes what a commit did, as far as there is room.
    pub(crate) fn note(&self, settlement: &Settlement, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        let mut waiting = self.0.lock();
        let room = WAITING_MAX.saturating_sub(waiting.events.len());
        waiting.passed_over += events.len().saturating_sub(room);
        let noted = events.into_iter().take(room);
        let noted = noted.map(|event| (settlement.clone(), event));
        waiting.events.extend(noted);
    }

    /// The one that waits longest.
    pub(crate) fn take(&self) -> Option<(Settlement, Event)> {
        self.0.lock().events.pop_front()
    }

    /// For how many there was no room since this was last asked.
    pub(crate) fn take_passed_over(&self) -> usize {
        std::mem::take(&mut self.0.lock().passed_over)
    }
}

/// The name of the script for what happens to letters in a folder, if there is one.
pub(crate) fn script_name(
    reads: &dyn Reads,
    account: AccountId,
    folder: FolderId,
) -> Result<Option<String>, EngineError> {
    let named = (Audience::Everyone, SCRIPT);
    let own = annotation(reads, account, folder, named)?;
    // An entry of its own that is empty or faulty means none (RFC 6785 §2.3.1).
    let value = match own {
        Some(own) => Some(own),
        None => annotation(reads, account, MAIL_ROOT, named)?,
    };
    let name = value.and_then(|value| String::from_utf8(value.into()).ok());
    Ok(name.filter(|name| !name.is_empty()))
}

/// The names of flags and keywords, as scripts know them. Source: RFC 5232 §2.
pub(crate) fn flag_names(
    reads: &dyn Reads,
    account: AccountId,
    set: &FlagSet,
) -> Result<Vec<String>, StoreError> {
    let set_flags = Flags::NAMES
        .iter()
        .filter(|(flag, _)| set.flags.contains(*flag));
    let mut names: Vec<String> = set_flags
        .map(|(_, name)| match name.strip_prefix('$') {
            Some(_) => (*name).to_owned(),
            None => format!("\\{name}"),
        })
        .collect();
    for &number in set.keywords.numbers() {
        names.extend(reads.keyword(account, number)?);
    }
    Ok(names)
}

/// What one has and the other has not.
fn difference(old: &FlagSet, new: &FlagSet) -> FlagSet {
    let cleared = old.keywords.without(&new.keywords);
    FlagSet {
        flags: (old.flags & !new.flags) | (new.flags & !old.flags),
        keywords: new.keywords.without(&old.keywords).with(&cleared),
    }
}

impl Txn<'_, '_> {
    /// The events so far.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Whether what happens in a folder is to be noted.
    pub(super) fn has_script(&mut self, at: Location) -> Result<bool, EngineError> {
        // The server's own work is nobody's.
        let actor = self.account.origin().actor;
        if at.shelf != Shelf::Mail || actor == AccountId::DIRECTORY {
            return Ok(false);
        }
        if let Some(known) = self.with_script.get(&at.folder) {
            return Ok(*known);
        }
        let owner = self.account.id();
        let may_have = self
            .account
            .engine()
            .store()
            .may_have_role(owner, Role::Scripts)?;
        let found = may_have && script_name(self.txn, owner, at.folder)?.is_some();
        self.with_script.insert(at.folder, found);
        Ok(found)
    }

    /// Notes that a letter came to where it lies now.
    pub(super) fn note_coming(&mut self, at: Location, cause: Cause) -> Result<(), EngineError> {
        if self.has_script(at)? {
            self.note_event(at, cause);
        }
        Ok(())
    }

    /// Notes that a letter in a folder with a script has other flags than before.
    pub(super) fn note_flags(
        &mut self,
        at: Location,
        old: &FlagSet,
        new: &FlagSet,
    ) -> Result<(), EngineError> {
        let changed = difference(old, new);
        let names = flag_names(self.txn, self.account.id(), &changed)?;
        if !names.is_empty() {
            self.note_event(at, Cause::Flagged(names));
        }
        Ok(())
    }

    fn note_event(&mut self, at: Location, cause: Cause) {
        self.events.push(Event {
            account: self.account.id(),
            actor: self.account.origin().actor,
            at,
            cause,
        });
    }
}
