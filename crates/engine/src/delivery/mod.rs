//! From an accepted letter to mailboxes and queue, in one commit.
//!
//! The body is stored once; each local recipient gets an item with a prefix of its own; recipients
//! elsewhere become queue entries under the sender's account. When the commit is settled the letter
//! may be acknowledged. The scripts of recipients here run before the commit; what they want done
//! is part of it.
//!
//! Start at [`Engine::deliver`], and for letters that lie in a mailbox already at
//! [`Engine::run_waiting_scripts`]; `place` makes the plan, `filtering` runs the scripts; [`trace`] writes the lines that are put before the letter.
//!
//! Standards: RFC 5321 §4.4 (trace lines), §6.3 (loops), RFC 9228 (Delivered-To), RFC 5233
//! (sub-addresses).

mod afterwards;
mod deeds;
mod filtering;
mod forwarding;
mod marks;
mod onward;
mod place;
mod refusal_letter;
mod surroundings;
pub mod trace;

use crate::account::{Account, Noted, Txn, has_room};
use crate::directory::{Mailbox, Resolution};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::queue::{Notify, Return, Wishes, notice};
use crate::sign_in::User;
use crate::upload::Staged;
pub use afterwards::Ran;
use parking_lot::Mutex;
pub(crate) use place::Plan;
use std::sync::Arc;
use store::backend::Pending;
use store::id::AccountId;
use store::model::{Origin, Receipt};
pub use trace::Arrival;

/// What is to become of the whole when one recipient cannot be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// Nobody gets the letter: the peer gets one answer for all.
    Whole,
    /// The others get it: the peer gets an answer for each.
    Single,
}

/// One recipient as the peer named it.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The address as it came.
    pub address: String,
    /// Where it leads, as [`crate::Directory::resolve`] said.
    pub resolution: Arc<Resolution>,
    /// What the sender wants to be told.
    pub notify: Notify,
    /// The recipient as the sender's program knew it (RFC 3461 §4.2).
    pub original: Option<String>,
}

/// All that is said of a letter outside of it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// Who is told of failures; empty for nobody.
    pub sender: String,
    /// Who gets it.
    pub recipients: Vec<Recipient>,
    /// The sender's own name for the letter (RFC 3461 §4.4).
    pub envelope_id: Option<String>,
    /// How much of the letter a notification returns.
    pub returning: Return,
    /// The letter needs a way on which UTF-8 addresses are understood.
    pub needs_utf8: bool,
    /// What else the sender asks of the way.
    pub wishes: Wishes,
    /// Who submitted it, if someone signed in.
    pub submitter: Option<User>,
    /// How it came, for the trace line.
    pub arrival: Arrival,
    /// What is to become of the whole when one recipient cannot be served.
    pub failing: Failing,
}

/// What became of one recipient, in the order of the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It lies in these mailboxes, or in none because another recipient led to the same; perhaps it
    /// also waits in the queue for others.
    Delivered(Vec<(AccountId, Receipt)>),
    /// It waits in the queue.
    Queued,
    /// It was refused for this recipient.
    Refused(EngineError),
}

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The letter's name in the log and in the trace line.
    pub letter: String,
    /// One for each recipient of the envelope, in order.
    pub outcomes: Vec<Outcome>,
    /// What the recipients' scripts have to say to the log.
    pub notes: Vec<String>,
}

/// What becomes of the sender's own copy of a letter.
type Filing<'a> = (
    &'a Account,
    &'a dyn Fn(&mut Txn<'_, '_>) -> Result<(), EngineError>,
);

impl Engine {
    /// A fresh name for a letter: 20 hexadecimal digits, the first ten ascending with time.
    pub fn new_letter_name(&self) -> String {
        let milliseconds = self.now().0.div_euclid(10_000) & 0xff_ffff_ffff;
        let random = u64::from_be_bytes(self.random()) & 0xff_ffff_ffff;
        format!("{milliseconds:010x}{random:010x}")
    }

    /// Where a recipient leads, if that is known without reading the disk and there is surely room;
    /// else it must be found where the disk may be read, by [`crate::Directory::resolve`] and
    /// [`Engine::check_recipient`].
    pub fn recall_recipient(&self, address: &str) -> Option<Arc<Resolution>> {
        self.directory().open_resolution(address, self.now())
    }

    /// Says whether a recipient can take a letter of this size, when it is named and not only at
    /// the end. May read the disk.
    ///
    /// Errors: [`EngineError::NoSuchAddress`]; [`EngineError::OverQuota`] if no mailbox behind the
    /// address has room.
    pub fn check_recipient(
        &self,
        resolution: &Resolution,
        size_bytes: u64,
    ) -> Result<(), EngineError> {
        match resolution {
            Resolution::Remote(_) => Ok(()),
            Resolution::Unknown => Err(EngineError::NoSuchAddress),
            Resolution::Local {
                mailboxes,
                forwards,
            } => {
                let mut open = !forwards.is_empty();
                for Mailbox { account, .. } in mailboxes {
                    open |= self.has_room(*account, size_bytes)?;
                }
                if open {
                    Ok(())
                } else {
                    Err(EngineError::OverQuota)
                }
            }
        }
    }

    fn has_room(&self, account: AccountId, size_bytes: u64) -> Result<bool, EngineError> {
        let row = self.store().account_row(account)?.unwrap_or_default();
        if row.quota_bytes.is_none() && row.quota_letters.is_none() {
            self.directory().learn_unlimited(account, self.now());
            return Ok(true);
        }
        let view = self.store().view(account)?;
        Ok(has_room(&view, account, &row, size_bytes)?)
    }

    /// Delivers a letter to all its recipients in one commit, with what its sender is told of it.
    ///
    /// A mailbox that several recipients lead to gets one copy. A mailbox that is full by now takes
    /// it all the same: its room was checked when the recipient was named. Nothing may be
    /// acknowledged before the answer is settled.
    ///
    /// Errors: [`EngineError::Loop`]; with [`Failing::Whole`] also what a single recipient was
    /// refused for.
    pub fn deliver(
        &self,
        envelope: &Envelope,
        letter: &Staged,
    ) -> Result<Pending<Delivered>, EngineError> {
        self.deliver_with(envelope, letter, None)
    }

    /// The same, and what becomes of the sender's own copy in the same commit: all or nothing.
    ///
    /// `file` may be run more than once: it must only read and change the transaction. Errors: also
    /// its own.
    pub fn deliver_and_file(
        &self,
        envelope: &Envelope,
        letter: &Staged,
        account: &Account,
        file: impl Fn(&mut Txn<'_, '_>) -> Result<(), EngineError>,
    ) -> Result<Pending<Delivered>, EngineError> {
        self.deliver_with(envelope, letter, Some((account, &file)))
    }

    fn deliver_with(
        &self,
        envelope: &Envelope,
        letter: &Staged,
        filing: Option<Filing<'_>>,
    ) -> Result<Pending<Delivered>, EngineError> {
        if letter.hops() > self.settings().limits.hops_max {
            return Err(EngineError::Loop);
        }
        let plan = Plan::new(self, envelope, letter);
        if envelope.failing == Failing::Whole
            && let Some(error) = plan.first_refusal()
        {
            return Err(error);
        }
        let actor = envelope
            .submitter
            .as_ref()
            .map_or(AccountId::DIRECTORY, |user| user.account);
        let origin = Origin { session: 0, actor };
        let notices = notice::of_delivery(self, envelope, letter, &plan.in_mailboxes())?;
        let told: Vec<Plan<'_>> = notices
            .iter()
            .map(|(envelope, staged)| Plan::new(self, envelope, staged))
            .collect();
        let mut accounts = plan.accounts();
        accounts.extend(told.iter().flat_map(Plan::accounts));
        accounts.extend(filing.iter().map(|(account, _)| account.id()));
        accounts.sort_unstable();
        accounts.dedup();
        let filed = Mutex::new(Noted::default());
        let written: Result<_, EngineError> = self.store().write(&accounts, origin, |txn| {
            let delivered = plan.carry_out(txn)?;
            for notice in &told {
                notice.carry_out(txn)?;
            }
            if let Some((account, file)) = filing {
                *filed.lock() = account.within(txn, file)?;
            }
            Ok(delivered)
        });
        let (delivered, settlement) = written?.split();
        filed.into_inner().keep(self, &settlement);
        self.note_contacts(envelope, plan.own_sums());
        Ok(Pending::new(delivered, settlement))
    }
}
