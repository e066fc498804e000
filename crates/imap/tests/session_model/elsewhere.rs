//! What another device does, and what the client is told of it.
//!
//! Standards: RFC 9051 §7.4, §7.5; RFC 5465 §5.

use crate::model::{Flags, Mailbox};
use crate::{Session, responses};

impl Session {
    /// The other device marks a message where this one is not told of it.
    pub fn mark_elsewhere(&mut self, index: usize, which: usize, flag: &'static str) {
        let messages = &mut self.boxes[index].messages;
        let count = messages.len();
        if self.open.is_some_and(|(open, _)| open == index) || count == 0 {
            return;
        }
        let message = &mut messages[which % count];
        message.flags.insert(flag);
        let uid = message.uid;
        self.device.mark(&self.boxes[index].name, uid, flag);
        self.wire.look_up();
        assert_eq!(self.wire.take(), "", "nobody has asked for flags elsewhere");
    }

    pub fn arrive(&mut self, index: usize, letter: char) {
        let letter = self.letter(letter, None);
        self.device.deliver(&self.boxes[index].name, &letter);
        self.boxes[index].add(letter, Flags::new());
        let wanted = self.exists(index);
        self.expect_news(&[index], wanted);
    }

    pub fn depart(&mut self, index: usize, which: usize) {
        let Mailbox { name, messages, .. } = &mut self.boxes[index];
        let Some(count) = Some(messages.len()).filter(|count| *count > 0) else {
            return;
        };
        self.device.remove(name, messages[which % count].uid);
        let wanted = if self.open.is_some_and(|(open, _)| open == index) {
            self.remove(vec![which % count])
        } else {
            messages.remove(which % count);
            Vec::new()
        };
        self.expect_news(&[index], wanted);
    }

    /// What comes by itself and with the next command, of mailboxes that another has changed.
    pub fn expect_news(&mut self, changed: &[usize], mut wanted: Vec<String>) {
        for index in changed {
            let (mailbox, is_open) = (&self.boxes[*index], self.open.map(|(open, _)| open));
            if is_open == Some(*index) || !self.notified.contains(&mailbox.name) {
                continue;
            }
            let (name, count, next) = (&mailbox.name, mailbox.messages.len(), mailbox.uids + 1);
            let unseen = mailbox.messages.iter();
            let unseen = unseen.filter(|one| !one.flags.contains("\\seen")).count();
            wanted.push(format!(
                "* STATUS {name} (MESSAGES {count} UIDNEXT {next} UNSEEN {unseen})"
            ));
        }
        self.wire.look_up();
        let pushed = responses(&self.wire.take());
        let mut told = self.without_news(pushed);
        told.extend(self.ok("NOOP").0);
        let told: Vec<String> = told.iter().map(|line| without_validity(line)).collect();
        self.expect("news", &told, &wanted);
    }

    pub fn notify(&mut self) {
        self.notified = self.names();
        let text = format!(
            "NOTIFY SET (selected (MessageNew MessageExpunge)) \
             (mailboxes ({}) (MessageNew MessageExpunge))",
            self.notified.join(" ")
        );
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &[]);
    }
}

/// A STATUS without the number that the model does not know.
fn without_validity(line: &str) -> String {
    let Some((before, behind)) = line.split_once(" UIDVALIDITY ") else {
        return line.to_owned();
    };
    let rest = behind.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}{rest}")
}
