//! Another device marks messages unless they have changed since it saw them.
//!
//! Standard: RFC 7162 §3.1.3 (UNCHANGEDSINCE, MODIFIED), §3.1.4 (MODSEQ).

use crate::device::{Device, number_behind};
use crate::model::{FLAGS, Flags, Limit, Mailbox, Message, Notes, Since};
use crate::{Session, flags_told, set};
use std::collections::BTreeMap;

/// When the messages of a mailbox were last changed, as far as the device was told.
#[derive(Debug, Default)]
pub struct Changes {
    validity: u64,
    /// The latest change that was told.
    last: u64,
    /// By UID, with how the message stood then.
    of: BTreeMap<u32, (u64, Flags, Notes)>,
}

impl Changes {
    /// What has changed did so after everything that was told before; the rest may stay as it was.
    fn learn(&mut self, message: &Message, modseq: u64, before: u64) {
        let now = (modseq, message.flags.clone(), message.notes);
        if let Some(then) = self.of.get(&message.uid) {
            assert!(modseq > before || *then == now, "{now:?} after {then:?}");
        } else {
            assert!(modseq > before, "{now:?} is new after {before}");
        }
        self.of.insert(message.uid, now);
        self.last = self.last.max(modseq);
    }
}

impl Session {
    /// Where this one is not told of it.
    pub fn mark_unchanged(&mut self, index: usize, since: &Since) {
        let mailbox = &mut self.boxes[index];
        if self.open.is_some_and(|(open, _)| open == index) || mailbox.messages.is_empty() {
            return;
        }
        self.device.mark_unchanged(index, mailbox, since);
        self.wire.look_up();
        assert_eq!(self.wire.take(), "", "nobody has asked for flags elsewhere");
    }
}

impl Device {
    fn mark_unchanged(&mut self, index: usize, mailbox: &mut Mailbox, since: &Since) {
        let seen_before = self.look(index, mailbox);
        let modseqs = mailbox.messages.iter();
        let modseqs: Vec<u64> = modseqs
            .map(|each| self.changes[index].of[&each.uid].0)
            .collect();
        let count = modseqs.len();
        let limit = match since.limit {
            Limit::Never => 0,
            Limit::LastSeen => seen_before,
            Limit::Of(which) => modseqs[which % count],
        };
        let (from, to) = (since.from % count, since.to % count);
        let (from, to) = (from.min(to), from.max(to));
        let changed = (from..=to).filter(|at| modseqs[*at] > limit);
        let by_uid = since.from.is_multiple_of(2);
        let number = |at: usize| match by_uid {
            true => mailbox.messages[at].uid,
            false => u32::try_from(at + 1).unwrap(),
        };
        let changed: Vec<u32> = changed.map(number).collect();
        let modified = match changed.as_slice() {
            [] => "OK STORE completed".to_owned(),
            changed => format!("OK [MODIFIED {}] ", set(changed)),
        };
        let (verb, sequence) = match by_uid {
            true => ("UID STORE", format!("{}:{}", number(from), number(to))),
            false => ("STORE", format!("{}:{}", from + 1, to + 1)),
        };
        let (flag, silence) = (
            FLAGS[since.flag % 4],
            if since.silent { ".SILENT" } else { "" },
        );
        let text = format!("{verb} {sequence} (UNCHANGEDSINCE {limit}) +FLAGS{silence} ({flag})");
        let (told, tagged) = self.answer(&text);
        assert!(
            tagged[2..].starts_with(&modified),
            "{text}: {modified} {tagged}"
        );
        let marked = (from..=to).filter(|at| modseqs[*at] <= limit).zip(&told);
        let before = self.changes[index].last;
        assert_eq!(
            told.len() + changed.len(),
            to - from + 1,
            "{text}: {told:?}"
        );
        for (at, line) in marked {
            let message = &mut mailbox.messages[at];
            message.flags.insert(flag);
            let modseq = number_behind(line, "MODSEQ (").unwrap();
            self.changes[index].learn(message, modseq, before);
            let flags = Some(flags_told(&message.flags)).filter(|_| !since.silent);
            let flags = flags.map_or(String::new(), |flags| format!(" {flags}"));
            let uid = message.uid;
            let wanted = format!("* {} FETCH (UID {uid}{flags} MODSEQ ({modseq}))", at + 1);
            assert_eq!(*line, wanted, "{text}");
        }
        self.ok("UNSELECT");
    }

    /// Opens a mailbox and learns when its messages were changed; the latest change known before.
    fn look(&mut self, index: usize, mailbox: &Mailbox) -> u64 {
        let told = self.ok(&format!("SELECT {}", mailbox.name));
        let validity = told
            .iter()
            .find_map(|line| number_behind(line, "[UIDVALIDITY "));
        let changes = &mut self.changes[index];
        if changes.validity != validity.unwrap() {
            *changes = Changes {
                validity: validity.unwrap(),
                ..Changes::default()
            };
        }
        let before = changes.last;
        let told = self.ok("UID FETCH 1:* (MODSEQ)");
        assert_eq!(told.len(), mailbox.messages.len(), "{told:?}");
        for (line, message) in told.iter().zip(&mailbox.messages) {
            let modseq = number_behind(line, "MODSEQ (").unwrap();
            self.changes[index].learn(message, modseq, before);
        }
        before
    }
}
