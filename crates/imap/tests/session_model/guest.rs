//! Another person, with whom the first mailbox is shared: what they may do follows from their
//! rights at that moment, however long they have had the mailbox open.
//!
//! Standards: RFC 4314 §4; RFC 5257 §3.4 (the right `n`).

use crate::model::{Deed, FLAGS, Flags};
use crate::wire::{Wire, open};
use crate::{Session, deleted, flags_told, responses};

/// The shared mailbox by the name that it has for the guest.
const SHARED: &str = "\"Other Users/alice@example.test/INBOX\"";

/// The guest and what they may do.
pub struct Guest {
    wire: Wire,
    rights: &'static str,
    /// What they might do when they opened the mailbox, while they have it open.
    opened_with: Option<&'static str>,
}

impl Guest {
    fn new(wire: Wire) -> Self {
        let mut guest = Self {
            wire,
            rights: "",
            opened_with: None,
        };
        let (_, verdict) = guest.say("LOGIN bob@example.test bob");
        assert!(verdict.starts_with("OK"), "{verdict}");
        guest
    }

    fn say(&mut self, text: &str) -> (Vec<String>, String) {
        self.wire.look_up();
        self.wire.take();
        self.wire.send(format!("g {text}\r\n").as_bytes());
        let answer = self.wire.take();
        let at = answer.rfind("\r\ng ").map_or(0, |at| at + 2);
        let (told, verdict) = answer.split_at(at);
        let Some(verdict) = verdict.strip_prefix("g ") else {
            assert!(answer.starts_with("* BYE ") && !self.may('r'), "{answer}");
            self.come_again();
            return (Vec::new(), answer);
        };
        (responses(told), verdict.to_owned())
    }

    /// Who may not see an open mailbox any more is sent away.
    fn come_again(&mut self) {
        let house = self.wire.house.clone();
        self.wire = open(&house, true);
        self.opened_with = None;
        self.say("LOGIN bob@example.test bob");
    }

    fn open(&mut self) {
        let (_, verdict) = self.say(&format!("SELECT {SHARED}"));
        assert_eq!(verdict.starts_with("OK"), self.may('r'), "{verdict}");
        self.opened_with = Some(self.rights).filter(|_| self.may('r'));
    }

    fn may(&self, right: char) -> bool {
        self.rights.contains(right)
    }

    /// Tries what needs a right; true if it was done. What was allowed all the time must be.
    fn tries(&mut self, text: &str, right: char) -> bool {
        let (_, verdict) = self.say(text);
        let is_done = verdict.starts_with("OK") && self.may(right);
        let was_allowed = self.opened_with.is_none_or(|rights| rights.contains(right));
        assert!(
            is_done || !(was_allowed && self.may(right)),
            "{text} with {}: {verdict}",
            self.rights
        );
        is_done
    }
}

impl Session {
    /// Gives the guest other rights.
    pub fn share(&mut self, rights: &'static str) {
        if self.limit.is_some() {
            return; // It is about other things.
        }
        let text = format!("SETACL INBOX bob@example.test \"{rights}\"");
        let house = self.wire.house.clone();
        let guest = self.guest.get_or_insert_with(|| {
            house.person("bob@example.test").unwrap();
            Guest::new(open(&house, true))
        });
        guest.rights = rights;
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &[]);
    }

    /// The guest does something where the owner is not told of it at once.
    pub fn visit(&mut self, deed: &Deed, which: usize) {
        if self.open.is_some_and(|(open, _)| open == 0) {
            return;
        }
        if self.guest.is_none() {
            self.share("lrw");
        }
        let Some(mut guest) = self.guest.take() else {
            return;
        };
        if guest.opened_with.is_none() {
            guest.open();
        }
        match deed {
            Deed::Open => guest.open(),
            Deed::Put(letter) => self.put_by(&mut guest, *letter),
            _ if guest.opened_with.is_none() => {}
            Deed::Look => self.look_by(&mut guest),
            Deed::Mark(flag) => self.mark_by(&mut guest, which, FLAGS[flag % 4]),
            Deed::Note(letter) => self.note_by(&mut guest, which, *letter),
            Deed::Expunge => self.expunge_by(&mut guest),
        }
        if guest.opened_with.is_some() {
            self.look_by(&mut guest);
        }
        self.guest = Some(guest);
        self.wire.look_up();
        assert_eq!(
            self.wire.take(),
            "",
            "nobody has asked for what {deed:?} does"
        );
    }

    fn look_by(&self, guest: &mut Guest) {
        guest.say("NOOP");
        let (told, verdict) = guest.say("UID FETCH 1:* (FLAGS)");
        let fetched = told.iter().filter(|line| line.contains(" FETCH "));
        let fetched: Vec<&String> = fetched.collect();
        if !guest.may('r') {
            assert!(fetched.is_empty(), "{fetched:?} {verdict}");
            return;
        }
        let all = self.boxes[0].messages.iter().zip(1..);
        let wanted = all.map(|(message, number)| {
            let flags = flags_told(&message.flags);
            format!("* {number} FETCH (UID {} {flags})", message.uid)
        });
        let wanted: Vec<String> = wanted.collect();
        assert_eq!(fetched, wanted.iter().collect::<Vec<_>>(), "{verdict}");
    }

    fn uid_of(&self, which: usize) -> Option<(usize, u32)> {
        let messages = &self.boxes[0].messages;
        let index = which.checked_rem(messages.len())?;
        Some((index, messages[index].uid))
    }

    fn mark_by(&mut self, guest: &mut Guest, which: usize, flag: &'static str) {
        let Some((index, uid)) = self.uid_of(which) else {
            return;
        };
        guest.say("NOOP");
        let right = match flag {
            "\\seen" => 's',
            "\\deleted" => 't',
            _ => 'w',
        };
        if guest.tries(&format!("UID STORE {uid} +FLAGS.SILENT ({flag})"), right) {
            self.boxes[0].messages[index].flags.insert(flag);
        }
    }

    fn note_by(&mut self, guest: &mut Guest, which: usize, letter: char) {
        let Some((index, uid)) = self.uid_of(which) else {
            return;
        };
        guest.say("NOOP");
        let text = format!("UID STORE {uid} ANNOTATION (/comment (value.shared \"{letter}\"))");
        if guest.tries(&text, 'n') {
            self.boxes[0].messages[index].notes[1] = Some(letter);
        }
    }

    fn expunge_by(&mut self, guest: &mut Guest) {
        guest.say("NOOP");
        let gone = deleted(&self.boxes[0].messages, |_| true);
        if !guest.tries("EXPUNGE", 'e') || gone.is_empty() {
            return;
        }
        for index in gone.iter().rev() {
            self.boxes[0].messages.remove(*index);
        }
        self.expect_news(&[0], Vec::new());
    }

    /// Of the flags only those stay that the guest may set.
    fn put_by(&mut self, guest: &mut Guest, letter: char) {
        let letter = self.letter(letter, None);
        let (size, was_open) = (letter.len(), guest.opened_with.take());
        let text = format!("APPEND {SHARED} (\\Flagged) {{{size}+}}\r\n{letter}");
        let is_put = guest.tries(&text, 'i');
        guest.opened_with = was_open;
        if is_put {
            let flag = Some("\\flagged").filter(|_| guest.may('w'));
            self.boxes[0].add(letter, flag.into_iter().collect::<Flags>());
            self.expect_news(&[0], Vec::new());
        }
    }
}
