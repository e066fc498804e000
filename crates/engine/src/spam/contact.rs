//! Whom an account knows: who wrote to it, or was written to from it.
//!
//! A letter of someone else is marked, and no more: that someone is new is not held against them.
//! Whom a letter came from or went to is noted behind the commit and kept later, by
//! [`Engine::meet_waiting`], as a keyed hash; nothing depends on it. Accounts begin to know people
//! with the first letter that this module sees, so that it says nothing of older ones.
//!
//! Start at `Engine::is_first_contact`.

use super::ledger::{Key, Ledger, Table};
use super::{Assessment, Points, Reason};
use crate::delivery::Envelope;
use crate::directory::Resolution;
use crate::engine::Engine;
use crate::error::EngineError;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use store::id::AccountId;
use store::model::{Origin, Role};

/// Meetings that wait to be kept: those of a few seconds.
const WAITING_MAX: usize = 10_000;
/// The numbers of an entry; that it is there says all.
const KNOWN: (u32, u32) = (1, 0);

/// The name of the reason that marks a letter.
pub(super) const FIRST_CONTACT: &str = "FIRST_CONTACT";

/// What marks a letter.
pub(super) fn reason() -> Reason {
    let text = "the mailbox knows no earlier letter from or to the author";
    Reason::new(FIRST_CONTACT, Points(0), text)
}

/// People met that were not yet kept.
#[derive(Debug, Default)]
pub(crate) struct Meetings(Mutex<VecDeque<(AccountId, Key)>>);

impl Meetings {
    fn note(&self, meetings: impl Iterator<Item = (AccountId, Key)>) {
        let mut waiting = self.0.lock();
        let room = WAITING_MAX.saturating_sub(waiting.len());
        waiting.extend(meetings.take(room));
    }

    fn take(&self, most: usize) -> Vec<(AccountId, Key)> {
        let mut waiting = self.0.lock();
        let count = most.min(waiting.len());
        waiting.drain(..count).collect()
    }
}

impl Engine {
    /// True when an account knows no letter from or to this address.
    pub(crate) fn is_first_contact(
        &self,
        account: AccountId,
        address: &str,
    ) -> Result<bool, EngineError> {
        if address.is_empty() {
            return Ok(false);
        }
        if !self.store().may_have_role(account, Role::Learned)? {
            return Ok(true);
        }
        let view = self.store().view(account)?;
        let mut ledger = Ledger::open(&view, account)?;
        let known = ledger.find(&view, Table::Contacts, self.contact(address))?;
        Ok(known.is_none())
    }

    /// True when a mailbox behind one of these addresses knows a letter from or to the author. Reads
    /// the disk.
    pub fn is_known_to_any(
        &self,
        recipients: &[String],
        author: &str,
    ) -> Result<bool, EngineError> {
        for recipient in recipients {
            let resolution = self.resolve(recipient)?;
            let Resolution::Local { mailboxes, .. } = &*resolution else {
                continue;
            };
            for mailbox in mailboxes {
                if !self.is_first_contact(mailbox.account, author)? {
                    return Ok(!author.is_empty());
                }
            }
        }
        Ok(false)
    }

    /// Notes whom a delivered letter made known: its author to those for whom that is new, and its
    /// recipients to the one who submitted it.
    pub(crate) fn note_contacts<'a>(
        &self,
        envelope: &Envelope,
        sums: impl Iterator<Item = (AccountId, &'a Assessment)>,
    ) {
        let new = sums.filter(|(_, sum)| sum.is_first_contact());
        let met = new.map(|(account, sum)| (account, self.contact(&sum.author)));
        self.meetings().note(met);
        if let Some(user) = &envelope.submitter {
            let recipients = envelope.recipients.iter();
            let met = recipients.map(|one| (user.account, self.contact(&one.address)));
            self.meetings().note(met);
        }
    }

    /// Keeps what waits, at most this many meetings; the answer is how many were taken.
    ///
    /// May read and write the disk. Errors: those of the store; the meetings in hand are lost then.
    pub fn meet_waiting(&self, most: usize) -> Result<usize, EngineError> {
        let meetings = self.meetings().take(most);
        let mut met: BTreeMap<AccountId, Vec<Key>> = BTreeMap::new();
        for (account, contact) in &meetings {
            met.entry(*account).or_default().push(*contact);
        }
        for (account, contacts) in &met {
            self.keep_met(*account, contacts)?;
        }
        Ok(meetings.len())
    }

    fn keep_met(&self, account: AccountId, contacts: &[Key]) -> Result<(), EngineError> {
        let written = self.store().write(&[account], Origin::default(), |txn| {
            let mut ledger = Ledger::open(txn, account)?;
            for contact in contacts {
                if ledger.find(txn, Table::Contacts, *contact)?.is_none() {
                    ledger.set(txn, Table::Contacts, *contact, KNOWN)?;
                }
            }
            ledger.save(txn)
        });
        match written {
            // Removed in the meantime.
            Err(EngineError::NoSuchAccount) => Ok(()),
            written => Ok(written?.wait()?),
        }
    }

    fn contact(&self, address: &str) -> Key {
        self.key(Table::Contacts, address.to_lowercase().as_bytes())
    }
}
