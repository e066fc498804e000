//! What is told though no command asks for it at that moment, because NOTIFY did.
//!
//! Standards: RFC 5465 §3.1, §4 (IDLE), §6.1 (SELECTED-DELAYED).

use super::{Doing, Mailbox, Session};
use crate::sync::Expunges;
use engine::dialogue::Output;
use engine::{Account, AccountId};

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
    fn watch_or_not(&mut self) {
        if matches!(self.doing, Doing::Idle(_) | Doing::News(_)) {
            return;
        }
        let wanted = if self.is_notified() {
            self.concerning()
        } else {
            Vec::new()
        };
        let ids: Vec<AccountId> = wanted.iter().map(Account::id).collect();
        if ids == self.watching {
            return;
        }
        self.watching = ids;
        if wanted.is_empty() {
            return self.link.act(Output::Unwatch);
        }
        self.watch(&wanted);
        if let Some(mailbox) = &mut self.mailbox {
            // Nobody has watched these since they were last looked at.
            mailbox.changed = true;
        }
    }

    /// Has the driver wake the session when one of these changes.
    pub(super) fn watch(&mut self, accounts: &[Account]) {
        let watches = accounts.iter().map(Account::watch).collect();
        self.link.act(Output::Watch(watches));
    }

    /// The accounts whose changes concern the session: that of the open mailbox, and those that
    /// NOTIFY is about.
    pub(super) fn concerning(&self) -> Vec<Account> {
        let home = self.mailbox.as_ref().map(|mailbox| &mailbox.account);
        let open = self.state.open_account().or(home);
        let notify = self.state.notify.as_ref();
        let notified = notify.iter().flat_map(|notify| notify.accounts());
        let mut all: Vec<Account> = open.into_iter().chain(notified).cloned().collect();
        all.sort_by_key(Account::id);
        all.dedup_by_key(|account| account.id());
        all
    }
}
