//! A result that the server keeps up to date: what it was told to be must be what is there.
//!
//! Standard: RFC 5267 §4.3.

use crate::device::numbers;
use crate::model::{Action, Key, Mailbox};
use crate::set;
use std::collections::BTreeSet;

/// The result as the client knows it.
#[derive(Debug)]
pub struct Kept {
    pub tag: String,
    key: Key,
    uids: BTreeSet<u32>,
}

impl Kept {
    pub fn new(tag: String, key: &Key, opened: &Mailbox) -> Self {
        let (key, uids) = (key.clone(), fitting(key, opened));
        Self { tag, key, uids }
    }

    /// What the search itself is answered with.
    pub fn first_answer(&self) -> String {
        let uids: Vec<u32> = self.uids.iter().copied().collect();
        let all = Some(format!(" ALL {}", set(&uids))).filter(|_| !uids.is_empty());
        let all = all.unwrap_or_default();
        format!("* ESEARCH (TAG \"{}\") UID{all}", self.tag)
    }

    /// Takes in a change of the result; false if the answer is about something else.
    pub fn learn(&mut self, line: &str) -> bool {
        let head = format!("* ESEARCH (TAG \"{}\") UID ", self.tag);
        let Some(changes) = line.strip_prefix(&head) else {
            return false;
        };
        for change in changes.trim_end_matches(')').split(") ") {
            let (what, uids) = change.split_once(" (0 ").unwrap();
            for uid in numbers(uids) {
                let is_news = match what {
                    "ADDTO" => self.uids.insert(uid),
                    _ => self.uids.remove(&uid),
                };
                assert!(is_news, "{line} of {self:?}");
            }
        }
        true
    }

    pub fn check(&self, opened: &Mailbox, after: &Action) {
        let wanted = fitting(&self.key, opened);
        assert_eq!(self.uids, wanted, "{self:?} after {after:?}");
    }
}

fn fitting(key: &Key, mailbox: &Mailbox) -> BTreeSet<u32> {
    let nothing = BTreeSet::new();
    let fitting = mailbox.messages.iter();
    let fitting = fitting.filter(|message| key.fits(message, &nothing));
    fitting.map(|message| message.uid).collect()
}
