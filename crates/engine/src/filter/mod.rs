//! What becomes of a letter by its owner's script: a pure function of script, letter, envelope and
//! surroundings that answers with a list of actions.
//!
//! Never does anything: delivery carries the actions out, in the commit that stores the letter.
//! Whatever goes wrong, a script that is too slow, a letter that cannot be read, leads to the
//! letter being kept (RFC 5228 §2.10.6), and is told in the outcome. Nothing recurses; [`Budget`]
//! bounds steps, memory and actions.
//!
//! Start at [`run`]. `machine` steps through the script, `question` has the tests, `action` the
//! commands, `letter` what a script sees of a letter.
//!
//! Standards: RFC 5228 and the extensions that [`formats::script::Extension`] lists.

mod action;
mod compose;
mod letter;
mod machine;
mod outcome;
mod question;

pub use letter::{Content, Version};
pub use outcome::{Action, Filing, Mark, Outcome, Reply, Submission};

use crate::delivery::Arrival;
use crate::queue::{DeliverBy, Notify, Return};
use bytes::Bytes;
use formats::script::Script;
use std::sync::Arc;
use store::id::Timestamp;

/// What one run may cost.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Steps; comparing and decoding 16 bytes counts as one.
    pub steps: u64,
    /// Bytes of one variable; RFC 5229 §6 demands 4,000 characters.
    pub variable_bytes: usize,
    /// Variables of one script; RFC 5229 §6 demands 128.
    pub variables: usize,
    /// Actions of all kinds.
    pub actions: usize,
    /// Letters that are sent on (RFC 5228 §10).
    pub redirects: usize,
    /// Scripts within scripts (RFC 6609 §3.1).
    pub include_depth: usize,
    /// Scripts included in all.
    pub includes: usize,
    /// Bytes of a letter that is rewritten in memory.
    pub rewritten_bytes: u64,
    /// Bytes of one part that its tests look at.
    pub part_bytes: u64,
}

impl Default for Budget {
    /// Some 50 milliseconds at the worst; usual scripts take a thousandth of it.
    fn default() -> Self {
        Self {
            steps: 5_000_000,
            variable_bytes: 8 * 1024,
            variables: 256,
            actions: 64,
            redirects: 10,
            include_depth: 10,
            includes: 50,
            rewritten_bytes: 32 * 1024 * 1024,
            part_bytes: 4 * 1024 * 1024,
        }
    }
}

/// What is said of a letter outside of it, and where the script runs.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// The envelope's sender; empty for none.
    pub sender: String,
    /// The envelope's recipient as the peer named it.
    pub recipient: String,
    /// The address in the directory that it led to.
    pub address: String,
    /// All addresses of the owner, for vacation.
    pub own_addresses: Vec<String>,
    /// The owner's name, if known.
    pub owner: String,
    /// What the sender wants to be told (RFC 3461).
    pub notify: Option<Notify>,
    /// The recipient as the sender knew it.
    pub original: Option<String>,
    /// How much of the letter a notification returns.
    pub returning: Return,
    /// The sender's own name for the letter.
    pub envelope_id: Option<String>,
    /// Until when the sender wants it to arrive (RFC 2852).
    pub deliver_by: Option<DeliverBy>,
    /// How the letter came.
    pub arrival: Arrival,
    /// This server's name.
    pub hostname: String,
    /// What separates a local part from its tag.
    pub tag_separator: Option<char>,
    /// How sure it is that this is spam, from 0 to 100; `None` when nobody looked.
    pub spam_percent: Option<u8>,
    /// 1 (clean) to 5 (certainly infected), as RFC 5235 §4 has it; `None` when nobody looked.
    pub virus_level: Option<u8>,
    /// The time.
    pub now: Timestamp,
    /// Lines that will stand before the letter.
    pub prefix: Bytes,
    /// What happened to a letter that lies in a mailbox; `None` for one that is just delivered.
    pub happening: Option<Happening>,
}

/// What happened to a letter that lies in a mailbox already. Source: RFC 6785 §4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What was done.
    pub cause: Cause,
    /// The address of who did it, by which they also sign in.
    pub user: String,
    /// Where the letter lies.
    pub mailbox: String,
    /// Flags and keywords that the letter has now.
    pub flags: Vec<String>,
}

/// What was done to a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// It was put into the mailbox.
    Put,
    /// It was copied or moved there.
    Copied,
    /// These flags and keywords were set or cleared.
    Flagged(Vec<String>),
}

/// Whose scripts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// The owner's own.
    Personal,
    /// Those for all.
    Global,
}

/// What a script may ask of the account that it runs for. Only what is settled is answered, and
/// nothing changes while a script runs.
pub trait Surroundings {
    /// Whether a mailbox of this name exists and can be filed into.
    fn has_mailbox(&self, name: &str) -> bool;
    /// Whether a mailbox with this id exists (RFC 9042).
    fn has_mailbox_id(&self, id: &str) -> bool;
    /// Whether a mailbox, or any, has this special use (RFC 8579).
    fn has_special_use(&self, mailbox: Option<&str>, attribute: &str) -> bool;
    /// An annotation of a mailbox, or of the server (RFC 5464).
    fn annotation(&self, mailbox: Option<&str>, name: &str) -> Option<String>;
    /// Whether the owner may write as this address.
    fn owns(&self, address: &str) -> bool;
    /// Whether this was seen before, and that is not yet forgotten.
    fn has_seen(&self, mark: &Mark) -> bool;
    /// Whether a list of this name exists (RFC 6134).
    fn has_list(&self, list: &str) -> bool;
    /// Whether a value is on a list.
    fn is_listed(&self, list: &str, value: &str) -> bool;
    /// The addresses on a list, for redirecting to them.
    fn listed(&self, list: &str) -> Vec<String>;
    /// A script to be included.
    fn script(&self, library: Library, name: &str) -> Option<Arc<Script>>;
}

/// Runs a script on a letter.
pub fn run(
    script: &Arc<Script>,
    content: &dyn Content,
    circumstances: &Circumstances,
    surroundings: &dyn Surroundings,
    budget: Budget,
) -> Outcome {
    machine::Machine::new(content, circumstances, surroundings, budget).run(script)
}
