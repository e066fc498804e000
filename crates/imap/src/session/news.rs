//! What is told though no command asks for it at that moment, because NOTIFY did.
//!
//! Standards: RFC 5465 §3.1, §4 (IDLE), §6.1 (SELECTED-DELAYED).

use super::{Doing, Mailbox, Session};
use crate::sync::Expunges;
use engine::Account;
use engine::dialogue::Output;

/// The tag of work that no command waits for; its end is not told.
pub(super) const NOBODY: &str = "";

impl Session {
    /// NOTIFY has asked for something.
    pub(super) fn is_notified(&self) -> bool {
        let notify = self.state.notify.as_ref();
        notify.is_some_and(|notify| notify.is_active())
    }

    /// Where the dialogue stands when a piece of work is done.
    pub(super) fn resting(&mut self) -> Doing {
        self.idling.take().map_or(Doing::Nothing, Doing::Idle)
    }

    /// Message numbers may change at any time only if the client wants it so.
    pub(super) fn expunges_outside_of_commands(&self) -> Expunges {
        let notify = self.state.notify.as_ref();
        let selected = notify.and_then(|notify| notify.selected());
        if selected.is_some_and(|selected| !selected.delayed) {
            Expunges::Told
        } else {
            Expunges::Held
        }
    }

    /// Begins to tell what is to be told, unless something else is going on.
    pub(super) fn tell_unasked(&mut self) {
        self.watch_or_not();
        let is_free = self.appending.is_none() && self.batch.is_empty() && self.deferred.is_none();
        if !is_free || !matches!(self.doing, Doing::Nothing | Doing::Idle(_)) {
            return;
        }
        if let Some(work) = self.state.fetch_of_new() {
            if let Doing::Idle(tag) = std::mem::replace(&mut self.doing, Doing::Nothing) {
                self.idling = Some(tag);
            }
            return self.ask_disk(Doing::Working(NOBODY.to_owned(), work));
        }
        let has_news =
            self.is_notified() && self.mailbox.as_mut().is_some_and(Mailbox::has_changed);
        if has_news && matches!(self.doing, Doing::Nothing) {
            self.ask_disk(Doing::News(None));
        }
    }

    /// Has the driver wake the session as long as NOTIFY wants it; in IDLE it does anyway.
    ///
    /// The driver watches one account, that of the open mailbox; what has changed in the user's own
    /// meanwhile is told with the next news.
    fn watch_or_not(&mut self) {
        if matches!(self.doing, Doing::Idle(_) | Doing::News(_)) {
            return;
        }
        let home = self.mailbox.as_ref().map(|mailbox| &mailbox.account);
        let wanted = self.state.open_account().or(home);
        let wanted = wanted.filter(|_| self.is_notified());
        if wanted.map(Account::id) == self.watching {
            return;
        }
        self.watching = wanted.map(Account::id);
        let output = wanted.map_or(Output::Unwatch, |account| Output::Watch(account.watch()));
        self.actions.push(output);
    }
}
