//! Another device of the same person, which keeps a picture of each mailbox and brings it up to date
//! by QRESYNC.
//!
//! Standard: RFC 7162 §3.2.5.

use crate::model::Mailbox;
use crate::unchanged::Changes;
use crate::wire::Wire;
use crate::{flags_told, in_order, responses};
use std::collections::BTreeMap;

/// What it knows of a mailbox.
#[derive(Debug, Default)]
struct Picture {
    uid_validity: u64,
    modseq: u64,
    /// Flags by UID, as they were told.
    messages: BTreeMap<u32, String>,
}

/// The device.
pub struct Device {
    wire: Wire,
    pictures: [Picture; 3],
    /// When messages were last changed, as far as it was told.
    pub changes: [Changes; 3],
}

impl Device {
    pub fn new(wire: Wire) -> Self {
        let mut device = Self {
            wire,
            pictures: Default::default(),
            changes: Default::default(),
        };
        device.ok("LOGIN alice@example.test alice");
        device.ok("ENABLE QRESYNC");
        device
    }

    pub fn ok(&mut self, text: &str) -> Vec<String> {
        self.answer(text).0
    }

    /// The same, with what stands behind the tag.
    pub fn answer(&mut self, text: &str) -> (Vec<String>, String) {
        self.wire.send(format!("d {text}\r\n").as_bytes());
        let answer = self.wire.take();
        let at = answer.rfind("\r\nd ").map_or(0, |at| at + 2);
        let (told, tagged) = answer.split_at(at);
        assert!(tagged.starts_with("d OK"), "{text}: {tagged}");
        (responses(told), tagged.to_owned())
    }

    /// Opens a mailbox with what it knows; then it knows what is there.
    pub fn resync(&mut self, index: usize, mailbox: &Mailbox) {
        let (name, picture) = (&mailbox.name, &self.pictures[index]);
        let known = match picture.uid_validity {
            0 => "(1 1)".to_owned(), // What it says of a mailbox that it never saw means nothing.
            validity => format!("({validity} {})", picture.modseq),
        };
        let told = self.ok(&format!("SELECT {name} (QRESYNC {known})"));
        let validity = told
            .iter()
            .find_map(|line| number_behind(line, "[UIDVALIDITY "));
        let is_new = Some(self.pictures[index].uid_validity) != validity;
        if is_new {
            self.pictures[index] = Picture::default();
        }
        self.learn(index, &told);
        if is_new && !mailbox.messages.is_empty() {
            let all = self.ok("UID FETCH 1:* (FLAGS)");
            self.learn(index, &all);
        }
        self.ok("UNSELECT");
        let there = mailbox.messages.iter();
        let wanted: BTreeMap<u32, String> = there
            .map(|message| (message.uid, flags_told(&message.flags)))
            .collect();
        let picture = &self.pictures[index];
        assert_eq!(picture.messages, wanted, "{name} after {told:?}");
    }

    /// Marks a message. Its picture stays as old as it was: the next resync tells of this, too.
    pub fn mark(&mut self, name: &str, uid: u32, flag: &str) {
        self.ok(&format!("SELECT {name}"));
        self.ok(&format!("UID STORE {uid} +FLAGS.SILENT ({flag})"));
        self.ok("UNSELECT");
    }

    /// Puts a letter into a mailbox.
    pub fn deliver(&mut self, name: &str, letter: &str) {
        let size = letter.len();
        self.ok(&format!("APPEND {name} {{{size}+}}\r\n{letter}"));
    }

    /// Removes a message.
    pub fn remove(&mut self, name: &str, uid: u32) {
        self.mark(name, uid, "\\Deleted");
        self.ok(&format!("SELECT {name}"));
        self.ok(&format!("UID EXPUNGE {uid}"));
        self.ok("UNSELECT");
    }

    fn learn(&mut self, index: usize, told: &[String]) {
        let picture = &mut self.pictures[index];
        for line in told {
            if let Some(validity) = number_behind(line, "[UIDVALIDITY ") {
                picture.uid_validity = validity;
            } else if let Some(modseq) = number_behind(line, "[HIGHESTMODSEQ ") {
                picture.modseq = modseq;
            } else if let Some(gone) = line.strip_prefix("* VANISHED (EARLIER) ") {
                for uid in numbers(gone) {
                    picture.messages.remove(&uid);
                }
            } else if let Some(uid) = number_behind(line, "(UID ") {
                let flags = in_order(line);
                let start = flags.find("FLAGS (").unwrap();
                let end = start + flags[start..].find(')').unwrap() + 1;
                let uid = u32::try_from(uid).unwrap();
                picture.messages.insert(uid, flags[start..end].to_owned());
            }
        }
    }
}

pub fn number_behind(line: &str, mark: &str) -> Option<u64> {
    let (_, behind) = line.split_once(mark)?;
    let digits: String = behind.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The numbers of a set.
pub fn numbers(set: &str) -> impl Iterator<Item = u32> + '_ {
    set.split(',').flat_map(|run| {
        let (first, last) = run.split_once(':').unwrap_or((run, run));
        first.parse().unwrap()..=last.parse().unwrap()
    })
}
