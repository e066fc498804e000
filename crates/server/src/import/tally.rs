//! What was taken and what was not, and why: counted while an import runs, told at its end.
//!
//! Start at [`Tally`].

use crate::administration::Reply;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};

/// Letters named for each reason; the others are only counted.
const EXAMPLES_MAX: usize = 3;

/// Different reasons and remarks that are kept apart; system errors give a few dozen at most.
const REASONS_MAX: usize = 64;

/// Counts of one import.
#[derive(Debug, Default)]
pub struct Tally {
    /// Letters taken.
    pub letters: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Folders made.
    pub folders_made: u64,
    /// Folders that were read, those without letters too.
    pub folders: u64,
    /// Letters whose line ends were LF and are CRLF now.
    pub converted: u64,
    /// Letters that stood in their folder already: same bytes, same second of receipt.
    pub present: u64,
    /// Keywords that could not be kept, once for each letter.
    pub keywords_lost: u64,
    refused: BTreeMap<String, Refused>,
    remarks: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Refused {
    count: u64,
    examples: Vec<String>,
}

impl Tally {
    /// Counts what was not taken.
    pub fn refuse(&mut self, what: &str, why: impl Display) {
        let mut why = why.to_string();
        if self.refused.len() >= REASONS_MAX && !self.refused.contains_key(&why) {
            "other reasons".clone_into(&mut why);
        }
        let refused = self.refused.entry(why).or_default();
        refused.count += 1;
        if refused.examples.len() < EXAMPLES_MAX {
            refused.examples.push(what.to_owned());
        }
    }

    /// Notes something that the administrator should know, once.
    pub fn remark(&mut self, remark: String) {
        if self.remarks.len() < REASONS_MAX {
            self.remarks.insert(remark);
        }
    }

    /// True when the source held nothing that could be understood.
    pub fn found_nothing(&self) -> bool {
        self.letters + self.present + self.folders == 0
    }

    /// The first reason for which something was not taken.
    pub fn first_refusal(&self) -> Option<String> {
        let (why, refused) = self.refused.iter().next()?;
        Some(format!("{}: {why}", refused.examples.first()?))
    }

    /// What is told at the end.
    pub fn reply(&self, account: &str) -> Reply {
        Reply::new(self.text(), self.data(account))
    }

    /// The counts in words.
    pub fn text(&self) -> String {
        let mut text = format!(
            "letters taken: {}, bytes: {}, folders made: {}",
            self.letters, self.bytes, self.folders_made
        );
        for (count, what) in [
            (self.converted, "with line ends LF, now CRLF"),
            (self.present, "there already"),
            (self.keywords_lost, "keywords not kept"),
        ] {
            if count > 0 {
                let _ = write!(text, "\n{what}: {count}");
            }
        }
        for (why, refused) in &self.refused {
            let examples = refused.examples.join(", ");
            let _ = write!(text, "\nnot taken: {}: {why} ({examples})", refused.count);
        }
        for remark in &self.remarks {
            let _ = write!(text, "\n{remark}");
        }
        text
    }

    fn data(&self, account: &str) -> Value {
        let refused = self.refused.iter().map(|(why, refused)| {
            json!({ "why": why, "count": refused.count, "examples": refused.examples })
        });
        json!({
            "account": account,
            "letters": self.letters,
            "bytes": self.bytes,
            "folders_made": self.folders_made,
            "converted": self.converted,
            "there_already": self.present,
            "keywords_lost": self.keywords_lost,
            "not_taken": refused.collect::<Vec<_>>(),
            "remarks": self.remarks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_taken_is_told_with_its_reason() {
        let mut tally = Tally::default();
        for number in 0..5 {
            tally.refuse(&format!("letter {number}"), "too large");
        }
        assert!(
            tally
                .text()
                .ends_with("\nnot taken: 5: too large (letter 0, letter 1, letter 2)")
        );
        assert_eq!(
            tally.reply("a@b.test").data["not_taken"][0]["count"],
            json!(5)
        );
    }

    #[test]
    fn reasons_are_bounded() {
        let mut tally = Tally::default();
        for number in 0..1000 {
            tally.refuse("letter", number);
        }
        assert!(tally.refused.len() <= REASONS_MAX + 1);
        let counts = tally.refused.values().map(|refused| refused.count);
        assert_eq!(counts.sum::<u64>(), 1000);
    }
}
