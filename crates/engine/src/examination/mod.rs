//! The look at a letter between its last byte and its acceptance: who wrote it, and is it wanted?
//!
//! A session asks with an [`Examination`] and gets an [`Examined`]. Examiners look one after the
//! other; each adds a [`Finding`], and what they say together is worked out here. An examiner that
//! fails or is late has nothing to say: no letter is lost or delayed for ever by one. Some follow a
//! connection from its beginning; what they are told before the letter is in [`stage`].
//!
//! Never: sockets, names, clock. Who asks the world is in `server::examination`.
//!
//! Start at [`Examined::join`].
//!
//! Standards: RFC 8601 (Authentication-Results).

pub mod authentication;
pub mod field;
pub mod stage;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::sign_in::User;
use crate::spam::{Assessment, Reason};
use crate::upload::Staged;
use authentication::Authentication;
use bytes::Bytes;
use std::net::IpAddr;
use std::ops::Range;

/// Bytes of all lines that examiners put before a letter. The whole prefix has 8 KiB.
const LINES_BYTES_MAX: usize = 4 * 1024;
/// Facts for the log.
const FACTS_MAX: usize = 16;
/// Reasons that are carried until they are counted.
const REASONS_MAX: usize = 48;

/// A letter that was received whole, and what is known of it.
#[derive(Debug, Clone)]
pub struct Examination {
    /// The address that it came from.
    pub peer: Option<IpAddr>,
    /// What the peer calls itself.
    pub greeting: String,
    /// Who is told of failures; empty for nobody.
    pub sender: String,
    /// Who gets it, as the peer named them.
    pub recipients: Vec<String>,
    /// Who submitted it, if someone signed in.
    pub submitter: Option<User>,
    /// It came over an encrypted connection.
    pub is_encrypted: bool,
    /// Its header with the empty line.
    pub header: Bytes,
    /// All of it.
    pub letter: Staged,
}

/// Has letters looked at for whoever may be held up by that: a session that does not ask its driver
/// but answers requests as a whole.
pub trait Examine: std::fmt::Debug + Send + Sync {
    /// What all examiners together say of a letter. Takes as long as they may take.
    fn examine(&self, letter: &Examination) -> Examined;
}

/// What is to become of a letter. The later ones outweigh the earlier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Decision {
    /// It goes where it is addressed.
    #[default]
    Accept,
    /// Likewise, but in mailboxes here to the folder for what nobody wants.
    Quarantine,
    /// Not now; the other server may try again.
    Defer(Refusal),
    /// Never.
    Refuse(Refusal),
}

/// The words of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// An enhanced status code: `7.26` for `5.7.26` or `4.7.26` (RFC 3463).
    pub status: String,
    /// One line in plain words, without control characters.
    pub text: String,
}

impl Refusal {
    /// Keeps to one line of what can be sent.
    pub fn new(status: &str, text: &str) -> Self {
        let is_sendable = |c: &char| (' '..='~').contains(c);
        Self {
            status: status.to_owned(),
            text: text.chars().filter(is_sendable).take(300).collect(),
        }
    }
}

/// What one examiner has to say.
#[derive(Debug, Clone, Default)]
pub struct Finding {
    /// What it would do.
    pub decision: Decision,
    /// Header fields with their line ends, to be put before the letter.
    pub lines: String,
    /// Facts for the log and for who asks what happened.
    pub facts: Vec<(&'static str, String)>,
    /// Who wrote the letter, if this examiner looked for that; later ones see it.
    pub authentication: Option<Authentication>,
    /// What speaks for or against the letter, to be counted with all else.
    pub reasons: Vec<Reason>,
    /// The sum of it all, from the examiner that counts.
    pub spam: Option<Assessment>,
    /// Whether something harmful is in it, if this examiner looked for that.
    pub virus: Option<Virus>,
    /// The letter as it is to be from here on.
    pub rewritten: Option<Rewritten>,
}

/// What a search for something harmful found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Virus {
    /// Nothing.
    Clean,
    /// Something, and it is in the letter.
    Found,
}

impl Virus {
    /// Source: RFC 5235 §4 (1 is clean, 5 contains something that could not be removed).
    pub fn level(self) -> u8 {
        match self {
            Self::Clean => 1,
            Self::Found => 5,
        }
    }
}

/// A letter that an examiner has changed.
#[derive(Debug, Clone)]
pub struct Rewritten {
    /// Its header with the empty line.
    pub header: Bytes,
    /// All of it.
    pub letter: Staged,
}

/// What all examiners together say.
#[derive(Debug, Clone, Default)]
pub struct Examined {
    /// What is to become of the letter.
    pub decision: Decision,
    /// Header fields to be put before the letter.
    pub lines: String,
    /// Facts for the log.
    pub facts: Vec<(&'static str, String)>,
    /// Who wrote it.
    pub authentication: Authentication,
    /// What speaks for or against it, until it is counted.
    pub reasons: Vec<Reason>,
    /// The sum; `None` when nobody counted.
    pub spam: Option<Assessment>,
    /// Whether something harmful is in it; `None` when nobody looked.
    pub virus: Option<Virus>,
    /// What it has become, if an examiner changed it.
    pub rewritten: Option<Rewritten>,
}

impl Examined {
    /// Takes in what a further examiner says: the strictest counts.
    pub fn join(&mut self, finding: Finding) {
        if finding.decision > self.decision {
            self.decision = finding.decision;
        }
        if self.lines.len() + finding.lines.len() <= LINES_BYTES_MAX {
            self.lines.push_str(&finding.lines);
        }
        let room = FACTS_MAX.saturating_sub(self.facts.len());
        self.facts.extend(finding.facts.into_iter().take(room));
        if let Some(found) = finding.authentication {
            self.authentication = found;
        }
        let room = REASONS_MAX.saturating_sub(self.reasons.len());
        self.reasons.extend(finding.reasons.into_iter().take(room));
        self.spam = finding.spam.or(self.spam.take());
        self.virus = self.virus.max(finding.virus);
        self.rewritten = finding.rewritten.or(self.rewritten.take());
    }

    /// True when nothing that follows could change what becomes of the letter.
    pub fn is_final(&self) -> bool {
        matches!(self.decision, Decision::Refuse(_))
    }

    /// True when it goes to the folder for what nobody wants, because of a decision or of the sum.
    /// `spam` is the sum as the recipient sees it.
    pub fn is_quarantined(&self, spam: Option<&Assessment>) -> bool {
        self.decision == Decision::Quarantine || spam.is_some_and(Assessment::is_junk)
    }

    /// The header fields that go before the letter, with the sum of what speaks against it.
    pub fn header_fields(&self, spam: Option<&Assessment>) -> String {
        let spam = spam.map(Assessment::fields);
        [&*self.lines, &spam.unwrap_or_default()].concat()
    }
}

impl Engine {
    /// Reads a range of a letter that was received but not delivered yet; shorter at its end.
    pub fn read_staged(&self, letter: &Staged, range: Range<u64>) -> Result<Bytes, EngineError> {
        let range = range.start..range.end.min(letter.size());
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        Ok(self.store().read_body(letter.body().number, range)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(decision: Decision, lines: &str) -> Finding {
        Finding {
            decision,
            lines: lines.to_owned(),
            ..Finding::default()
        }
    }

    #[test]
    fn the_strictest_examiner_decides_whoever_speaks_last() {
        let no = || Decision::Refuse(Refusal::new("7.1", "no"));
        let later = || Decision::Defer(Refusal::new("7.1", "later"));
        let mut all = Examined::default();
        for (decision, then) in [
            (Decision::Quarantine, Decision::Quarantine),
            (Decision::Accept, Decision::Quarantine),
            (later(), later()),
            (no(), no()),
            (later(), no()),
        ] {
            all.join(says(decision, ""));
            assert_eq!(all.decision, then);
        }
        assert!(all.is_final());
    }

    #[test]
    fn lines_beyond_the_room_are_left_out_whole() {
        let mut all = Examined::default();
        let long = format!("X: {}\r\n", "x".repeat(3000));
        all.join(says(Decision::Accept, &long));
        all.join(says(Decision::Accept, &long));
        all.join(says(Decision::Accept, "Y: y\r\n"));
        assert_eq!(all.lines, [&long, "Y: y\r\n"].concat());
    }

    #[test]
    fn a_refusal_is_one_line() {
        assert_eq!(Refusal::new("7.1", "a\r\n250 ok").text, "a250 ok");
    }
}
