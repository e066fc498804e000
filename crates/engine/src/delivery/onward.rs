//! Letters that scripts send to others here: they are delivered in the same commit, through the
//! scripts of those who get them.
//!
//! A letter never comes to a mailbox that it went through, and one letter leads to few others; what
//! goes beyond that stays where it is.
//!
//! Start at [`lead_on`]. Sources: RFC 5228 §4.2, §10 (loops).

use super::filtering::{Deed, Written};
use super::place::Plan;
use super::{Arrival, Envelope, Failing, Recipient};
use crate::directory::{Mailbox, Resolution};
use crate::queue::{Notify, Return};
use crate::upload::Staged;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::id::AccountId;

/// Mailboxes that a letter may go through one after another.
const MAILBOXES_MAX: usize = 4;
/// Letters that one letter may lead to here in all.
const LETTERS_MAX: usize = 32;

/// Where a letter has been, and how many others it has led to.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail {
    accounts: Vec<AccountId>,
    letters: Arc<AtomicUsize>,
}

impl Trail {
    /// True for a letter that came from outside.
    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// The trail behind one mailbox more; `None` if it would be too long.
    fn through(&self, account: AccountId) -> Option<Self> {
        let used = self.letters.fetch_add(1, Ordering::Relaxed);
        if self.accounts.len() >= MAILBOXES_MAX || used >= LETTERS_MAX {
            return None;
        }
        let mut next = self.clone();
        next.accounts.push(account);
        Some(next)
    }

    fn has(&self, mailboxes: &[Mailbox]) -> bool {
        mailboxes
            .iter()
            .any(|mailbox| self.accounts.contains(&mailbox.account))
    }
}

/// Makes plans for what goes to others here, and puts them into the place of the deeds.
pub(super) fn lead_on(
    plan: &mut Plan<'_>,
    recipient: &Recipient,
    mailbox: &Mailbox,
    deeds: Vec<Deed>,
) -> Vec<Deed> {
    let mut led = Vec::with_capacity(deeds.len());
    for deed in deeds {
        led.push(match deed {
            Deed::Redirect {
                address,
                submission,
                letter,
            } => {
                let notify = submission.notify.unwrap_or(recipient.notify);
                match to_here(plan, mailbox, &address, notify) {
                    Where::Here(to, _) if was_there(&letter, &to) => Deed::Store {
                        filing: None,
                        flags: Vec::new(),
                        letter,
                    },
                    Where::Elsewhere => Deed::Redirect {
                        address,
                        submission,
                        letter,
                    },
                    Where::Here(to, trail) => {
                        Deed::Onward(add(plan, Author::Sender, to, letter, trail))
                    }
                    // What can go no further stays.
                    Where::Nowhere => Deed::Store {
                        filing: None,
                        flags: Vec::new(),
                        letter,
                    },
                }
            }
            Deed::Send(written) => Deed::Send(send_on(plan, mailbox, written)),
            other => other,
        });
    }
    led
}

/// Divides the recipients of a letter that was written here.
fn send_on(plan: &mut Plan<'_>, mailbox: &Mailbox, mut written: Written) -> Written {
    let never = Notify {
        never: true,
        ..Notify::default()
    };
    for address in std::mem::take(&mut written.recipients) {
        match to_here(plan, mailbox, &address, never) {
            Where::Elsewhere => written.recipients.push(address),
            Where::Here(to, trail) => {
                let letter = written.letter.clone();
                let index = add(plan, Author::Script, to, letter, trail);
                written.onward.push(index);
            }
            Where::Nowhere => {}
        }
    }
    written
}

/// Whether a letter says that it came to one of these before, and so would be refused there.
fn was_there(letter: &Staged, to: &Recipient) -> bool {
    let mailboxes = to.resolution.mailboxes();
    mailboxes
        .iter()
        .any(|mailbox| letter.was_delivered_to(&mailbox.address))
}

/// Where an address leads.
enum Where {
    Elsewhere,
    Here(Recipient, Trail),
    /// To nobody, or back to where the letter has been.
    Nowhere,
}

fn to_here(plan: &Plan<'_>, mailbox: &Mailbox, address: &str, notify: Notify) -> Where {
    let Ok(resolution) = plan.engine.directory().resolve(address) else {
        return Where::Nowhere;
    };
    let Resolution::Local { mailboxes, .. } = &*resolution else {
        return match &*resolution {
            Resolution::Remote(_) => Where::Elsewhere,
            _ => Where::Nowhere,
        };
    };
    match plan.trail().through(mailbox.account) {
        Some(trail) if !trail.has(mailboxes) => {
            let address = address.to_owned();
            Where::Here(
                Recipient {
                    address,
                    resolution,
                    notify,
                    original: None,
                },
                trail,
            )
        }
        _ => Where::Nowhere,
    }
}

/// Who wrote a letter that a script sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    /// Whoever wrote the letter that came.
    Sender,
    /// The script: a reply or a notice, which is signed wherever it goes from here.
    Script,
}

fn add(
    plan: &mut Plan<'_>,
    author: Author,
    recipient: Recipient,
    letter: Staged,
    trail: Trail,
) -> usize {
    let is_ours = author == Author::Script;
    let envelope = Envelope {
        sender: if is_ours {
            String::new() // Nobody is told of failures of what is itself a reply.
        } else {
            plan.envelope.sender.clone()
        },
        recipients: vec![recipient],
        envelope_id: None,
        returning: Return::default(),
        needs_utf8: plan.envelope.needs_utf8,
        wishes: plan.envelope.wishes,
        submitter: None,
        arrival: Arrival {
            greeting: plan.engine.settings().hostname.clone(),
            way: "local",
            is_ours,
            ..Arrival::default()
        },
        failing: Failing::Single,
    };
    let mut onward = Plan::along(plan.engine, Cow::Owned(envelope), letter, trail);
    plan.notes.append(&mut onward.notes);
    plan.onward.push(onward);
    plan.onward.len() - 1
}
