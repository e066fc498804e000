//! What a search, a sort or a result that is kept must be answered with.
//!
//! Standards: RFC 9051 §6.4.4, RFC 5182, RFC 5256, RFC 5267, RFC 7377, RFC 9394, RFC 9738 §3.

use crate::kept::Kept;
use crate::model::{Action, Key, Message};
use crate::{Session, set};
use std::collections::{BTreeMap, BTreeSet};

impl Session {
    pub fn search(&mut self, action: &Action) {
        if let Action::Thread(algorithm, key) = action {
            return self.thread(algorithm, key);
        }
        let (Action::Search(key)
        | Action::Counts(key)
        | Action::Save(key)
        | Action::Page(key, ..)
        | Action::Sort(key, _)
        | Action::Everywhere(key)) = action
        else {
            panic!("{action:?}");
        };
        if let Action::Everywhere(key) = action {
            return self.everywhere(key);
        }
        let verb = self.by_uid(if matches!(action, Action::Sort(..)) {
            "SORT"
        } else {
            "SEARCH"
        });
        let Some(opened) = self.opened() else {
            return self.refused(&format!("{verb} ALL"), "BAD ");
        };
        let (searched, lowest) = self.searched(key);
        if lowest.is_some() && matches!(action, Action::Sort(..)) {
            let (text, _) = self.asked(action, &verb, &[]);
            return self.refused(&text, "NO [MESSAGELIMIT ");
        }
        let all = searched
            .iter()
            .map(|index| (*index, &opened.messages[*index]));
        let mut found: Vec<(usize, &Message)> = all
            .filter(|(_, message)| key.fits(message, &self.saved))
            .collect();
        if let Action::Sort(_, reverse) = action {
            found.sort_by_key(|(_, message)| message.subject());
            if *reverse {
                // Equals stay in the order of the mailbox (RFC 5256 §3).
                found.sort_by_key(|(_, message)| std::cmp::Reverse(message.subject()));
            }
        }
        let uids: BTreeSet<u32> = found.iter().map(|(_, message)| message.uid).collect();
        let is_uid = verb.starts_with("UID");
        let number = |(index, message): &(usize, &Message)| match is_uid {
            true => message.uid,
            false => u32::try_from(index + 1).unwrap(),
        };
        let numbers: Vec<u32> = found.iter().map(number).collect();
        let (text, wanted) = self.asked(action, &verb, &numbers);
        if let Action::Save(_) = action {
            self.saved = uids;
        }
        let told = self.ok_down_to(lowest, &text);
        self.expect(&text, &told, &wanted);
    }

    /// The messages that a search looks at, and down to which UID if there are too many.
    pub fn searched(&self, key: &Key) -> (Vec<usize>, Option<u32>) {
        let messages = self.opened().map_or(&[][..], |opened| &opened.messages);
        let mut searched: Vec<usize> = (0..messages.len())
            .filter(|index| !key.names_uids() || key.fits(&messages[*index], &self.saved))
            .collect();
        let lowest = self.cut(&mut searched);
        (searched, lowest)
    }

    /// How it is asked, and what comes.
    fn asked(&self, action: &Action, verb: &str, numbers: &[u32]) -> (String, Vec<String>) {
        let uid = if verb.starts_with("UID") { " UID" } else { "" };
        let head = format!("* ESEARCH (TAG \"t{}\"){uid}", self.tag + 1);
        let listed: String = numbers.iter().map(|number| format!(" {number}")).collect();
        match action {
            Action::Search(key) => (
                format!("{verb} {}", key.text()),
                vec![format!("* SEARCH{listed}")],
            ),
            Action::Sort(key, reverse) => {
                let reverse = if *reverse { "REVERSE " } else { "" };
                let text = format!("{verb} ({reverse}SUBJECT) UTF-8 {}", key.text());
                (text, vec![format!("* SORT{listed}")])
            }
            Action::Save(key) => (format!("{verb} RETURN (SAVE) {}", key.text()), Vec::new()),
            Action::Page(key, from, to, backwards) => {
                let sign = if *backwards { "-" } else { "" };
                let window = format!("{sign}{}:{sign}{}", from + 1, to + 1);
                let (first, last) = (*from.min(to), (*from.max(to) + 1).min(numbers.len()));
                let count = numbers.len();
                let within = match backwards {
                    _ if first >= last => &[],
                    true => &numbers[count - last..count - first],
                    false => &numbers[first..last],
                };
                let within = Some(set(within)).filter(|_| !within.is_empty());
                let within = within.unwrap_or("NIL".to_owned());
                let text = format!("{verb} RETURN (PARTIAL {window}) {}", key.text());
                (text, vec![format!("{head} PARTIAL ({window} {within})")])
            }
            _ => {
                let Action::Counts(key) = action else {
                    panic!("{action:?}")
                };
                let text = format!("{verb} RETURN (MIN MAX COUNT ALL) {}", key.text());
                let count = numbers.len();
                let told = match (numbers.first(), numbers.last()) {
                    (Some(min), Some(max)) => {
                        format!(" MIN {min} MAX {max} COUNT {count} ALL {}", set(numbers))
                    }
                    _ => format!(" COUNT {count}"),
                };
                (text, vec![head + &told])
            }
        }
    }

    /// In several mailboxes, of which only those are told that have something.
    fn everywhere(&mut self, key: &Key) {
        if key.needs_saved() || self.limit.is_some() {
            return; // `$` belongs to the open one; and the limit counts what is in all of them.
        }
        let text = format!(
            "ESEARCH IN (mailboxes ({})) RETURN (ALL) {}",
            self.names().join(" "),
            key.text()
        );
        let (told, _) = self.ok(&text);
        let told = told.iter().map(|line| {
            let mailbox = line.split_once(" MAILBOX ").unwrap().1;
            let mailbox = mailbox.split(' ').next().unwrap().to_owned();
            (mailbox, line.split_once(") UID ALL ").unwrap().1.to_owned())
        });
        let told: BTreeMap<String, String> = told.collect();
        let found = self.boxes.iter().map(|mailbox| {
            let fitting = mailbox
                .messages
                .iter()
                .filter(|message| key.fits(message, &self.saved));
            (
                mailbox.name.clone(),
                fitting.map(|message| message.uid).collect::<Vec<_>>(),
            )
        });
        let wanted: BTreeMap<String, String> = found
            .filter(|(_, uids)| !uids.is_empty())
            .map(|(name, uids)| (name, set(&uids)))
            .collect();
        assert_eq!(told, wanted, "{text}");
    }

    pub fn keep(&mut self, key: &Key, order: Option<bool>) {
        if key.needs_saved() {
            return; // What is saved changes by itself.
        }
        if let Some(kept) = self.kept.take() {
            self.ok(&format!("CANCELUPDATE \"{}\"", kept.tag));
        }
        let text = Kept::question(key, order);
        let Some(opened) = self.opened() else {
            return self.refused(&text, "BAD ");
        };
        if self.searched(key).1.is_some() {
            return self.refused(&text, "NO [MESSAGELIMIT ");
        }
        let tag = format!("t{}", self.tag + 1);
        let kept = Kept::new(tag, key, order, opened);
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &[kept.first_answer()]);
        self.kept = Some(kept);
    }
}
