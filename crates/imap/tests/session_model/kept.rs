//! A result that the server keeps up to date: what it was told to be must be what is there.
//!
//! Standard: RFC 5267 §4.3.

use crate::device::numbers;
use crate::model::{Action, Key, Mailbox};
use crate::set;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The result as the client knows it.
#[derive(Debug)]
pub struct Kept {
    pub tag: String,
    key: Key,
    /// By subject, perhaps backwards; else in the order of the mailbox.
    order: Option<bool>,
    uids: Vec<u32>,
}

impl Kept {
    pub fn new(tag: String, key: &Key, order: Option<bool>, opened: &Mailbox) -> Self {
        let (key, uids) = (key.clone(), fitting(key, order, opened));
        Self {
            tag,
            key,
            order,
            uids,
        }
    }

    /// How it is asked for.
    pub fn question(key: &Key, order: Option<bool>) -> String {
        let key = key.text();
        match order {
            None => format!("UID SEARCH RETURN (UPDATE ALL) {key}"),
            Some(backwards) => {
                let reverse = if backwards { "REVERSE " } else { "" };
                format!("UID SORT RETURN (UPDATE ALL CONTEXT) ({reverse}SUBJECT) UTF-8 {key}")
            }
        }
    }

    /// What the search itself is answered with.
    pub fn first_answer(&self) -> String {
        let all = Some(format!(" ALL {}", set(&self.uids))).filter(|_| !self.uids.is_empty());
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
            let (what, places) = change.split_once(" (").unwrap();
            let words: Vec<&str> = places.split(' ').collect();
            for place in words.chunks(2) {
                let (at, uids) = (place[0].parse().unwrap(), numbers(place[1]));
                for (uid, ahead) in uids.zip(0..) {
                    let is_news = match what {
                        "ADDTO" => self.add(at, ahead, uid),
                        _ => self.remove(at, uid),
                    };
                    assert!(is_news, "{line} of {self:?}");
                }
            }
        }
        true
    }

    /// Positions count from one; none is told where the order is the mailbox's.
    fn add(&mut self, at: usize, ahead: usize, uid: u32) -> bool {
        let is_new = !self.uids.contains(&uid);
        let index = match (self.order, at) {
            (None, 0) => self.uids.partition_point(|known| *known < uid),
            (Some(_), 1..) => at - 1 + ahead,
            _ => return false,
        };
        self.uids.insert(index, uid);
        is_new
    }

    fn remove(&mut self, at: usize, uid: u32) -> bool {
        let Some(index) = self.uids.iter().position(|known| *known == uid) else {
            return false;
        };
        self.uids.remove(index);
        match self.order {
            None => at == 0,
            Some(_) => at == index + 1,
        }
    }

    pub fn check(&self, opened: &Mailbox, after: &Action) {
        let wanted = fitting(&self.key, self.order, opened);
        assert_eq!(self.uids, wanted, "{self:?} after {after:?}");
    }
}

fn fitting(key: &Key, order: Option<bool>, mailbox: &Mailbox) -> Vec<u32> {
    let nothing = BTreeSet::new();
    let fitting = mailbox.messages.iter();
    let mut fitting: Vec<_> = fitting
        .filter(|message| key.fits(message, &nothing))
        .collect();
    match order {
        None => {}
        // Equals stay in the order of the mailbox (RFC 5256 §3).
        Some(false) => fitting.sort_by_key(|message| message.subject()),
        Some(true) => fitting.sort_by_key(|message| Reverse(message.subject())),
    }
    fitting.iter().map(|message| message.uid).collect()
}
