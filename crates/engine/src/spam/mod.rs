//! Is a letter wanted? Points for and against it, each with a reason in plain words.
//!
//! [`content`] takes out of a letter what can be judged, [`rule`] holds the table of rules, and an
//! [`Assessment`] is their sum. Whoever else knows something adds a [`Reason`]; nobody but the
//! sum decides. Nothing here asks the world: that is done in `server::examination`.
//!
//! Start at [`assess`].
//!
//! Standards: RFC 5235 (the percentage that scripts see).

pub mod attachment;
pub mod bayes;
mod contact;
pub mod content;
mod ledger;
mod lesson;
pub mod link;
pub mod reputation;
pub mod rule;
mod score;
pub mod word;

use crate::examination::authentication::Authentication;
use crate::examination::{Decision, Examination, Refusal};
pub(crate) use contact::Meetings;
use content::Content;
use formats::message::header;
pub use lesson::Opinion;
pub(crate) use lesson::{Lesson, Lessons};
use std::fmt::{self, Write};
use std::sync::Arc;
use store::id::Timestamp;

/// Reasons that are told in a letter's header; a letter has a few.
const TOLD_MAX: usize = 24;
/// Reasons that count. The rules are fewer; the rest is room for blocklists and outside programs.
const REASONS_MAX: usize = 64;
/// Bytes of the header field; the whole prefix has 8 KiB.
const FIELD_BYTES_MAX: usize = 2 * 1024;
/// Characters of a reason's text.
const TEXT_CHARS_MAX: usize = 120;

/// Tenths of a point: above zero against the letter, below zero for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Points(pub i32);

impl Points {
    /// From a number as people write it, rounded to tenths; what is no number counts nothing.
    pub fn of(number: f64) -> Self {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "clamped; and a float that is no number becomes zero"
        )]
        let tenths = (number * 10.0).round().clamp(-10_000.0, 10_000.0) as i32;
        Self(tenths)
    }
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let tenths = self.0.unsigned_abs();
        write!(f, "{sign}{}.{}", tenths / 10, tenths % 10)
    }
}

/// What the administrator decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// From this many points on a letter goes to the folder for what nobody wants.
    pub junk: Points,
    /// From this many on it is refused; `None` for never.
    pub refuse: Option<Points>,
    /// What one learns from their letters is used for others' too.
    pub learn_for_all: bool,
    /// Endings of attached files that are refused, in lower case.
    pub refused_endings: Vec<String>,
    /// Largest attached file in bytes; `None` for as large as a letter may be.
    pub attachment_bytes_max: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            junk: Points(50),
            refuse: Some(Points(150)),
            learn_for_all: true,
            refused_endings: Vec::new(),
            attachment_bytes_max: None,
        }
    }
}

/// Why points were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its name in the table of rules, or one like it: capitals, digits and `_`.
    pub name: String,
    /// How much it counts.
    pub points: Points,
    /// One line in plain words.
    pub text: String,
}

impl Reason {
    /// Keeps name and text to what can stand in a header field.
    pub fn new(name: &str, points: Points, text: &str) -> Self {
        let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let is_sendable = |c: &char| (' '..='~').contains(c);
        Self {
            name: name.chars().filter(is_plain).take(40).collect(),
            points,
            text: text
                .chars()
                .filter(is_sendable)
                .take(TEXT_CHARS_MAX)
                .collect(),
        }
    }
}

/// A letter under judgement.
pub struct Case<'a> {
    /// How it came.
    pub arrival: &'a Examination,
    /// Who wrote it.
    pub authentication: &'a Authentication,
    /// What it holds.
    pub content: &'a Content,
    /// The name of this server.
    pub hostname: &'a str,
    /// The time now.
    pub now: Timestamp,
}

/// The sum of what speaks for and against a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
    /// From where on the letter is not wanted.
    pub junk: Points,
    /// Keyed hashes of its words, for what each recipient's own letters say of them.
    pub words: Arc<[u64]>,
    /// The author's address in lower case, for who knows it; empty if there is none.
    pub author: String,
}

/// Applies the table of rules; `known` is what others have found.
pub fn assess(case: &Case<'_>, known: &[Reason], settings: &Settings) -> Assessment {
    let held = rule::RULES.iter().filter(|rule| (rule.holds)(case));
    let held = held.map(|rule| Reason::new(rule.name, Points(rule.tenths), rule.reason));
    let reasons = held.chain(known.iter().cloned()).take(REASONS_MAX);
    Assessment::new(reasons.collect(), settings.junk)
}

impl Assessment {
    /// The sum of these reasons.
    pub fn new(mut reasons: Vec<Reason>, junk: Points) -> Self {
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points.0.unsigned_abs()));
        Self {
            reasons,
            junk,
            words: Arc::default(),
            author: String::new(),
        }
    }

    /// The sum.
    pub fn points(&self) -> Points {
        let all = self.reasons.iter().map(|reason| reason.points.0);
        Points(all.fold(0, i32::saturating_add))
    }

    /// True when the letter belongs into the folder for what nobody wants.
    pub fn is_junk(&self) -> bool {
        self.points() >= self.junk
    }

    /// True for a mailbox that knows no earlier letter from or to the author.
    pub fn is_first_contact(&self) -> bool {
        let mut names = self.reasons.iter().map(|reason| &reason.name);
        names.any(|name| name == contact::FIRST_CONTACT)
    }

    /// How sure it is that nobody wants it: 50 where [`Assessment::is_junk`] begins, 100 at twice
    /// that.
    ///
    /// Source: RFC 5235 §3.2 (0 is not spam, 100 surely is; the scale between is the server's).
    pub fn percent(&self) -> u8 {
        percent(self.points(), self.junk)
    }

    /// What is to become of the letter before anyone's own words were asked.
    pub fn decision(&self, settings: &Settings) -> Decision {
        match settings.refuse {
            Some(limit) if self.points() >= limit => {
                let why = self.reasons.first();
                let why = why.map_or("it looks unwanted", |reason| &reason.text);
                let text = format!("The letter looks unwanted: {why}");
                Decision::Refuse(Refusal::new("7.1", &text))
            }
            _ => Decision::Accept,
        }
    }

    /// `7.3 of 5.0: NAME=3.0 OTHER=1.2`, for the log.
    pub fn summary(&self) -> String {
        let mut line = format!("{} of {}:", self.points(), self.junk);
        for reason in self.reasons.iter().take(TOLD_MAX) {
            // Writing to a string never fails.
            _ = write!(line, " {}={}", reason.name, reason.points);
        }
        line
    }

    /// The header fields that say it, with their line ends.
    pub fn fields(&self) -> String {
        let word = if self.is_junk() { "Yes" } else { "No" };
        let mut field = format!(
            "X-Spam-Status: {word}, score={} required={}\r\n",
            self.points(),
            self.junk
        );
        if self.is_junk() {
            field.push_str("X-Spam-Flag: YES\r\n");
        }
        if self.is_first_contact() {
            field.push_str("X-First-Contact: Yes\r\n");
        }
        let mut separator = "X-Spam-Report:";
        for reason in self.reasons.iter().take(TOLD_MAX) {
            let Reason { name, points, text } = reason;
            let line = format!("{separator} {points} {name}: {text}");
            if field.len() + line.len() > FIELD_BYTES_MAX {
                break;
            }
            field.push_str(&line);
            separator = ";\r\n\t";
        }
        if separator.starts_with(';') {
            field.push_str("\r\n");
        }
        field
    }
}

fn percent(points: Points, junk: Points) -> u8 {
    let whole = i64::from(junk.0.max(1)) * 2;
    let percent = i64::from(points.0) * 100 / whole;
    u8::try_from(percent.clamp(0, 100)).unwrap_or(100)
}

/// What [`Assessment::percent`] was when a letter came, by the lines that this server put before it
/// then; `None` where they do not say.
pub(crate) fn percent_told(prefix: &[u8]) -> Option<u8> {
    let mut fields = header::fields(prefix);
    let status = fields.find(|field| field.is("X-Spam-Status"))?;
    let text = std::str::from_utf8(status.value).ok()?;
    let number = |name: &str| {
        let mut words = text.split_ascii_whitespace();
        let value = words.find_map(|word| word.strip_prefix(name))?;
        value.parse().ok().map(Points::of)
    };
    Some(percent(number("score=")?, number("required=")?))
}

#[cfg(test)]
mod tests;
