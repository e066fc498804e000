//! What happens to mailboxes as such: their state, their comments, other names, and their end.
//!
//! Standards: RFC 9051 §6.3.4 to §6.3.6, §6.3.11; RFC 5464 §4.1; RFC 2180 §3.3.

use crate::model::{Action, By, Mailbox, Origin};
use crate::wire::open;
use crate::{Session, deleted, nil_or_quoted};
use std::mem;

/// The mailbox that may take other names.
const LAST: usize = 2;

impl Session {
    pub fn act_on_mailbox(&mut self, action: &Action) {
        match action {
            Action::Describe(index, shared, letter) => self.describe(index % 3, *shared, *letter),
            Action::Descriptions(index) => self.descriptions(index % 3),
            Action::Rename(to, by) => self.rename(to, *by),
            Action::Renew(origin, by) => self.renew(*origin, *by),
            Action::Status(index) => self.status(index % 3),
            Action::Speak(wanted) => self.speak(wanted),
            Action::Compare(wanted) => self.compare(wanted),
            Action::Batches(size, range) => self.batches(*size, *range),
            search => self.search(search),
        }
    }

    fn describe(&mut self, index: usize, shared: bool, letter: Option<char>) {
        let scope = if shared { "shared" } else { "private" };
        let value = nil_or_quoted(letter);
        let text = format!(
            "SETMETADATA {} (/{scope}/comment {value})",
            self.boxes[index].name
        );
        self.boxes[index].described[usize::from(shared)] = letter;
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &[]);
    }

    fn descriptions(&mut self, index: usize) {
        let name = self.boxes[index].name.clone();
        let [own, all] = self.boxes[index].described.map(nil_or_quoted);
        let text = format!("GETMETADATA {name} (/private/comment /shared/comment)");
        let (told, _) = self.ok(&text);
        let wanted = format!("* METADATA {name} (/private/comment {own} /shared/comment {all})");
        self.expect(&text, &told, &[wanted]);
    }

    /// Parts of equally many messages; here one holds all that there are.
    fn batches(&mut self, size: u32, range: Option<(u32, u32)>) {
        let part = range.map(|(first, last)| format!(" {first}:{last}"));
        let text = format!("UIDBATCHES {size}{}", part.unwrap_or_default());
        let Some(opened) = self.opened() else {
            return self.refused(&text, "BAD ");
        };
        if size < 500 {
            return self.refused(&text, "NO [TOOFEW]");
        }
        if range.is_some_and(|(first, last)| first > last) {
            return self.refused(&text, "BAD [CLIENTBUG]");
        }
        let last = opened.messages.last();
        let last = last.filter(|_| range.is_none_or(|(first, _)| first == 1));
        let last = last.map_or(String::new(), |message| format!(" {}:1", message.uid));
        let wanted = format!("* UIDBATCHES (TAG \"t{}\"){last}", self.tag + 1);
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &[wanted]);
    }

    fn status(&mut self, index: usize) {
        let mailbox = &self.boxes[index];
        let name = &mailbox.name;
        let unseen = mailbox
            .messages
            .iter()
            .filter(|each| !each.flags.contains("\\seen"));
        let wanted = format!(
            "* STATUS {name} (MESSAGES {} UIDNEXT {} UNSEEN {} DELETED {} SIZE {})",
            mailbox.messages.len(),
            mailbox.uids + 1,
            unseen.count(),
            deleted(&mailbox.messages, |_| true).len(),
            mailbox
                .messages
                .iter()
                .map(|each| each.text.len())
                .sum::<usize>(),
        );
        let text = format!("STATUS {name} (MESSAGES UIDNEXT UNSEEN DELETED SIZE)");
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &[wanted]);
    }

    /// Whoever has it open keeps it open.
    fn rename(&mut self, to: &str, by: By) {
        let from = &self.boxes[LAST].name;
        let text = format!("RENAME {from} {to}");
        let all = self.boxes.iter();
        let is_taken = all
            .map(|each| &each.name)
            .any(|name| name.eq_ignore_ascii_case(to));
        self.refused(&format!("RENAME {from} {from}/Below"), "NO [CANNOT]");
        self.refused(&format!("RENAME Nothing {to}"), "NO [NONEXISTENT]");
        if is_taken {
            return self.refused(&text, "NO [ALREADYEXISTS]");
        }
        to.clone_into(&mut self.boxes[LAST].name);
        self.told_of(&text, by, &[], Vec::new());
    }

    /// A mailbox that is gone takes its messages with it; one that comes with its name is another.
    fn renew(&mut self, origin: Origin, by: By) {
        let name = mem::take(&mut self.boxes[LAST].name);
        self.boxes[LAST] = Mailbox::new(&name);
        self.remove_last(&name, by);
        self.refused(&format!("STATUS {name} (MESSAGES)"), "NO [NONEXISTENT]");
        self.refused(&format!("DELETE {name}"), "NO [NONEXISTENT]");
        match origin {
            Origin::Created => self.told_of(&format!("CREATE {name}"), by, &[], Vec::new()),
            Origin::Inbox => self.rename_inbox(&name, by),
        }
        self.refused(&format!("CREATE {name}"), "NO [ALREADYEXISTS]");
    }

    fn remove_last(&mut self, name: &str, by: By) {
        let is_open = self.open.is_some_and(|(open, _)| open == LAST);
        let text = format!("DELETE {name}");
        match by {
            By::Client => {
                let (told, _) = self.ok(&text);
                self.expect(&text, &told, &[]);
                if is_open {
                    self.leave();
                    self.refused("CHECK", "BAD ");
                }
            }
            By::Device => {
                self.device.ok(&text);
                match is_open {
                    true => self.come_again(),
                    false => self.expect_news(&[], Vec::new()),
                }
            }
        }
    }

    /// There is no way to tell that the open mailbox is gone but to close the connection.
    fn come_again(&mut self) {
        self.wire.look_up();
        self.wire.send(b"n NOOP\r\n");
        let answer = self.wire.take();
        assert!(
            answer.contains("* BYE ") && !answer.contains("n OK"),
            "{answer}"
        );
        let house = self.wire.house.clone();
        self.wire = open(&house, true);
        self.wire.take();
        self.leave();
        self.forget();
        self.ok("LOGIN alice@example.test alice");
    }

    /// INBOX hands over what is in it, with its notes, and stays.
    fn rename_inbox(&mut self, name: &str, by: By) {
        let inbox = self.boxes[0].clone();
        let all = 0..inbox.messages.len();
        let wanted = if let Some((0, _)) = self.open {
            self.remove(all.collect())
        } else {
            self.boxes[0].messages.clear();
            Vec::new()
        };
        self.boxes[LAST].described = inbox.described;
        let changed: &[usize] = match inbox.messages.is_empty() {
            true => &[],
            false => &[0, LAST],
        };
        for message in inbox.messages {
            self.boxes[LAST].put(message.text, message.flags, message.notes);
        }
        self.told_of(&format!("RENAME INBOX {name}"), by, changed, wanted);
    }

    /// The client does it itself and is answered, or hears of it.
    fn told_of(&mut self, text: &str, by: By, changed: &[usize], wanted: Vec<String>) {
        match by {
            By::Client => {
                let (told, _) = self.ok(text);
                self.expect(text, &told, &wanted);
            }
            By::Device => {
                self.device.ok(text);
                self.expect_news(changed, wanted);
            }
        }
    }
}
