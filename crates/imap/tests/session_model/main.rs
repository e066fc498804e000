//! Random sessions of one client over several mailboxes: every answer is what a model of the
//! standards says, word for word where the words are the standards'. Another device follows by
//! QRESYNC, and changes mailboxes itself; of those the first is told (NOTIFY). A guest does what
//! the rights of the moment allow. A mailbox takes other names, goes and comes again.
//!
//! The model knows messages as UID, flags, bytes and notes. Standards: RFC 9051 §6.3, §6.4; RFC
//! 2180, RFC 3502, RFC 4314, RFC 4467, RFC 4469, RFC 4731, RFC 5182, RFC 5255, RFC 5256, RFC 5257, RFC 5267,
//! RFC 5464, RFC 5465, RFC 5466, RFC 6851, RFC 7162 §3.1.3, §3.2.5, RFC 7377, RFC 8437, RFC 8508,
//! RFC 9394, RFC 9586, RFC 9738.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.
#![allow(clippy::match_bool, clippy::format_push_string, clippy::format_collect)] // Shorter here.

mod device;
mod elsewhere;
mod guest;
mod kept;
mod languages;
mod mailboxes;
mod model;
mod searches;
mod threads;
mod unchanged;
#[path = "../wire/mod.rs"]
mod wire;
mod writing;

use device::Device;
use engine::{Limits, Settings};
use guest::Guest;
use kept::Kept;
use languages::COMPARATORS;
use model::{Action, FLAGS, Flags, Mailbox, Message, NAMES, actions};
use proptest::prelude::*;
use std::collections::BTreeSet;
use wire::{Wire, open, stage};

/// The client and what it knows to be so.
struct Session {
    wire: Wire,
    device: Device,
    tag: usize,
    /// How many letters were written.
    written: usize,
    boxes: [Mailbox; 3],
    open: Option<(usize, bool)>,
    saved: BTreeSet<u32>,
    uid_only: bool,
    /// A result of the open mailbox that the server keeps up to date.
    kept: Option<Kept>,
    /// The other mailboxes of these names are told of, too.
    notified: Vec<String>,
    /// Messages that one command works on.
    limit: Option<u32>,
    guest: Option<Guest>,
    /// How the client wants texts to be compared.
    comparator: &'static str,
}

impl Session {
    fn new(limit: Option<u32>) -> Self {
        let unlimited = Limits::default();
        let limits = Limits {
            items_per_request_max: limit.unwrap_or(unlimited.items_per_request_max),
            limits_all_requests: limit.is_some(),
            ..unlimited
        };
        let house = stage(Settings {
            limits,
            ..Settings::default()
        });
        let mut wire = open(&house, true);
        wire.take();
        let mut session = Self {
            wire,
            device: Device::new(open(&house, true)),
            tag: 0,
            written: 0,
            boxes: NAMES.map(Mailbox::new),
            open: None,
            saved: BTreeSet::new(),
            uid_only: false,
            kept: None,
            notified: Vec::new(),
            limit,
            guest: None,
            comparator: COMPARATORS[0],
        };
        session.ok("LOGIN alice@example.test alice");
        session.ok("CREATE Work");
        session.ok("SETMETADATA \"\" (/private/filters/values/todo \"FLAGGED UNSEEN\")");
        session.begin();
        session
    }

    /// Sends a command; its untagged lines and what stands behind the tag.
    fn command(&mut self, text: &str) -> (Vec<String>, String) {
        self.tag += 1;
        let tag = format!("t{} ", self.tag);
        self.wire.send(format!("{tag}{text}\r\n").as_bytes());
        let answer = self.wire.take();
        let at = answer.rfind(&format!("\r\n{tag}")).map_or(0, |at| at + 2);
        let (told, tagged) = answer.split_at(at);
        let tagged = tagged
            .strip_prefix(&tag)
            .unwrap_or_else(|| panic!("{text}: {answer}"));
        let tagged = tagged.trim_end().to_owned();
        (self.without_news(responses(told)), tagged)
    }

    /// The answers that are not about the result that is kept; those it takes in.
    fn without_news(&mut self, mut told: Vec<String>) -> Vec<String> {
        if let Some(kept) = &mut self.kept {
            told.retain(|line| !kept.learn(line));
        }
        told
    }

    fn ok(&mut self, text: &str) -> (Vec<String>, String) {
        let (told, tagged) = self.command(text);
        assert!(tagged.starts_with("OK "), "{text}: {tagged}");
        (told, tagged)
    }

    fn refused(&mut self, text: &str, how: &str) {
        let (told, tagged) = self.command(text);
        assert!(
            tagged.starts_with(how) && told.is_empty(),
            "{text}: {told:?} {tagged}"
        );
    }

    /// The same of some messages; `lowest` is the UID down to which it went if there were too many.
    fn ok_down_to(&mut self, lowest: Option<u32>, text: &str) -> Vec<String> {
        let (told, tagged) = self.ok(text);
        match lowest {
            Some(uid) => assert!(
                tagged.starts_with(&self.cut_code("OK", uid)),
                "{text}: {tagged}"
            ),
            None => assert!(!tagged.contains("MESSAGELIMIT"), "{text}: {tagged}"),
        }
        told
    }

    fn cut_code(&self, verdict: &str, lowest: u32) -> String {
        let most = self.limit.unwrap_or_default();
        format!("{verdict} [MESSAGELIMIT {most} {lowest}] ")
    }

    /// Leaves the newest of too many messages; the lowest UID of these. Source: RFC 9738 §3.1.
    fn cut(&self, indices: &mut Vec<usize>) -> Option<u32> {
        let most = usize::try_from(self.limit?).unwrap();
        let over = indices.len().checked_sub(most)?;
        if over == 0 {
            return None;
        }
        indices.drain(..over);
        Some(self.opened()?.messages[indices[0]].uid)
    }

    /// What a command is called that may be said of UIDs.
    fn by_uid(&self, verb: &str) -> String {
        // By numbers and by UIDs in turn, so that both are asked.
        if self.uid_only || self.tag.is_multiple_of(2) {
            format!("UID {verb}")
        } else {
            verb.to_owned()
        }
    }

    fn names(&self) -> Vec<String> {
        self.boxes
            .iter()
            .map(|mailbox| mailbox.name.clone())
            .collect()
    }

    fn opened(&self) -> Option<&Mailbox> {
        self.open.map(|(index, _)| &self.boxes[index])
    }

    /// Some messages of the open mailbox by their indices, with a set that names them for `verb`.
    fn some(&self, from: usize, to: usize, verb: &str) -> Option<(Vec<usize>, String)> {
        let messages = &self.opened()?.messages;
        let count = Some(messages.len()).filter(|count| *count > 0)?;
        let (from, to) = (from % count, to % count);
        let (from, to) = (from.min(to), from.max(to));
        let set = if verb.starts_with("UID") {
            format!("{}:{}", messages[from].uid, messages[to].uid)
        } else {
            format!("{}:{}", from + 1, to + 1)
        };
        Some(((from..=to).collect(), set))
    }

    fn expect(&self, what: &str, told: &[String], wanted: &[String]) {
        assert_eq!(told, wanted, "{what}, of {:?} {:?}", self.open, self.boxes);
    }

    /// `* 3 FETCH (…)`, with what else is told when it is asked by UID.
    fn fetched(&self, index: usize, verb: &str, items: &str) -> String {
        let message = &self.opened().unwrap().messages[index];
        if self.uid_only {
            format!("* {} UIDFETCH ({items})", message.uid)
        } else if verb.starts_with("UID") {
            format!("* {} FETCH (UID {} {items})", index + 1, message.uid)
        } else {
            format!("* {} FETCH ({items})", index + 1)
        }
    }

    /// Takes messages out of the open mailbox; how that is told.
    fn remove(&mut self, mut indices: Vec<usize>) -> Vec<String> {
        indices.sort_unstable();
        let Some((open, _)) = self.open else {
            return Vec::new();
        };
        let messages = &mut self.boxes[open].messages;
        let gone: Vec<(usize, u32)> = indices
            .iter()
            .rev()
            .map(|at| (*at, messages.remove(*at).uid))
            .collect();
        for (_, uid) in &gone {
            self.saved.remove(uid);
        }
        if self.uid_only {
            let uids: Vec<u32> = gone.iter().rev().map(|(_, uid)| *uid).collect();
            return Some(format!("* VANISHED {}", set(&uids)))
                .filter(|_| !uids.is_empty())
                .into_iter()
                .collect();
        }
        gone.iter()
            .map(|(at, _)| format!("* {} EXPUNGE", at + 1))
            .collect()
    }

    /// `* 5 EXISTS` if messages came into the open mailbox.
    fn exists(&self, target: usize) -> Vec<String> {
        let is_open = self.open.is_some_and(|(open, _)| open == target);
        let count = self.boxes[target].messages.len();
        is_open
            .then(|| format!("* {count} EXISTS"))
            .into_iter()
            .collect()
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Append(to, subjects, flag) => {
                self.append_new(to % 3, subjects, FLAGS[flag % 4]);
            }
            Action::Answer(to, from, index) => self.answer(to % 3, from % 3, *index),
            Action::Catenate(to, from, index) => self.catenate(to % 3, from % 3, *index),
            Action::Replace(index, to) => self.replace(*index, to % 3),
            Action::Store {
                from,
                to,
                sign,
                flag,
                silent,
            } => {
                self.store(*from, *to, *sign, FLAGS[flag % 4], *silent);
            }
            Action::Transfer {
                from,
                to,
                target,
                moves,
            } => {
                self.transfer(*from, *to, target % 3, *moves);
            }
            Action::Note {
                from,
                to,
                shared,
                letter,
            } => self.note(*from, *to, *shared, *letter),
            Action::Notes(from, to) => self.notes(*from, *to),
            // The device asks for all at once.
            Action::Resync(_) | Action::MarkUnchanged(..) if self.limit.is_some() => {}
            Action::Resync(index) => self.device.resync(index % 3, &self.boxes[index % 3]),
            Action::MarkElsewhere(to, index, flag) => {
                self.mark_elsewhere(to % 3, *index, FLAGS[flag % 4]);
            }
            Action::MarkUnchanged(index, since) => self.mark_unchanged(index % 3, since),
            Action::Expunge => self.expunge(),
            Action::UidExpunge(from, to) => self.uid_expunge(*from, *to),
            Action::Fetch(from, to) => self.fetch(*from, *to),
            Action::FetchPage(from, to, backwards) => self.fetch_page(*from, *to, *backwards),
            Action::SignOut => self.sign_out(),
            Action::Share(rights) => self.share(rights),
            Action::Visit(deed, which) => self.visit(deed, *which),
            Action::Read(index) => self.read(*index),
            Action::Show(index, which) => self.show(index % 3, *which),
            Action::Open(index, read_only) => self.select(index % 3, *read_only),
            Action::Close => self.close(),
            Action::Unselect => self.unselect(),
            Action::UidOnly => self.enable_uid_only(),
            Action::Arrive(to, letter) => self.arrive(to % 3, *letter),
            Action::Depart(to, which) => self.depart(to % 3, *which),
            Action::Notify => self.notify(),
            Action::Keep(key, order) => self.keep(key, *order),
            other => self.act_on_mailbox(other),
        }
        if let (Some(kept), Some(opened)) = (&self.kept, self.opened()) {
            kept.check(opened, action);
        }
    }

    fn store(&mut self, from: usize, to: usize, sign: char, flag: &'static str, silent: bool) {
        let verb = self.by_uid("STORE");
        let Some((mut indices, set)) = self.some(from, to, &verb) else {
            return;
        };
        let sign = Some(sign)
            .filter(|sign| *sign != '=')
            .map_or(String::new(), String::from);
        let silence = if silent { ".SILENT" } else { "" };
        let text = format!("{verb} {set} {sign}FLAGS{silence} ({flag})");
        let (open, read_only) = self.open.unwrap();
        if read_only {
            return self.refused(&text, "NO [READ-ONLY]");
        }
        let lowest = self.cut(&mut indices);
        let mut wanted = Vec::new();
        for index in indices {
            let flags = &mut self.boxes[open].messages[index].flags;
            match sign.as_str() {
                "+" => _ = flags.insert(flag),
                "-" => _ = flags.remove(flag),
                _ => *flags = Flags::from([flag]),
            }
            let told = flags_told(flags);
            wanted.push(self.fetched(index, &verb, &told));
        }
        wanted.retain(|_| !silent);
        let told = self.ok_down_to(lowest, &text);
        self.expect(&text, &told, &wanted);
    }

    /// Notes are not told back.
    fn note(&mut self, from: usize, to: usize, shared: bool, letter: Option<char>) {
        let verb = self.by_uid("STORE");
        let Some((mut indices, set)) = self.some(from, to, &verb) else {
            return;
        };
        let suffix = if shared { "shared" } else { "priv" };
        let value = nil_or_quoted(letter);
        let text = format!("{verb} {set} ANNOTATION (/comment (value.{suffix} {value}))");
        let (open, read_only) = self.open.unwrap();
        if read_only {
            return self.refused(&text, "NO [READ-ONLY]");
        }
        let lowest = self.cut(&mut indices);
        for index in indices {
            self.boxes[open].messages[index].notes[usize::from(shared)] = letter;
        }
        let told = self.ok_down_to(lowest, &text);
        self.expect(&text, &told, &[]);
    }

    fn notes(&mut self, from: usize, to: usize) {
        let verb = self.by_uid("FETCH");
        let Some((mut indices, set)) = self.some(from, to, &verb) else {
            return;
        };
        let text = format!("{verb} {set} (ANNOTATION (/comment value))");
        let tell = |index: &usize| {
            let [own, all] = self.opened().unwrap().messages[*index]
                .notes
                .map(nil_or_quoted);
            let items = format!("ANNOTATION (/comment (value.priv {own} value.shared {all}))");
            self.fetched(*index, &verb, &items)
        };
        let lowest = self.cut(&mut indices);
        let wanted: Vec<String> = indices.iter().map(tell).collect();
        let told = self.ok_down_to(lowest, &text);
        self.expect(&text, &told, &wanted);
    }

    fn transfer(&mut self, from: usize, to: usize, target: usize, moves: bool) {
        let verb = self.by_uid(if moves { "MOVE" } else { "COPY" });
        let Some((mut indices, sources)) = self.some(from, to, &verb) else {
            return;
        };
        let text = format!("{verb} {sources} {}", self.boxes[target].name);
        let (open, read_only) = self.open.unwrap();
        if moves && read_only {
            return self.refused(&text, "NO [READ-ONLY]");
        }
        let lowest = self.cut(&mut indices);
        if let Some(uid) = lowest.filter(|_| !moves) {
            return self.refused(&text, &self.cut_code("NO", uid));
        }
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for index in &indices {
            let message = self.boxes[open].messages[*index].clone();
            old.push(message.uid);
            let Message {
                text, flags, notes, ..
            } = message;
            new.push(self.boxes[target].put(text, flags, notes));
        }
        let code = format!(" {} {}] ", set(&old), set(&new));
        let (mut told, mut tagged) = self.ok(&text);
        let wanted = if moves {
            let is_cut = lowest.map(|uid| self.cut_code("OK", uid));
            assert!(
                tagged.starts_with(&is_cut.unwrap_or("OK MOVE ".to_owned())),
                "{tagged}"
            );
            tagged = told.remove(0);
            let mut wanted = self.remove(indices);
            if open == target && !old.is_empty() {
                wanted.extend(self.exists(target)); // They are there again, with new UIDs.
            }
            wanted
        } else {
            self.exists(target)
        };
        assert!(
            tagged.contains("[COPYUID ") && tagged.contains(&code),
            "{tagged}: {code}"
        );
        self.expect(&text, &told, &wanted);
    }

    fn expunge(&mut self) {
        let Some((open, read_only)) = self.open else {
            return self.refused("EXPUNGE", "BAD ");
        };
        if read_only {
            return self.refused("EXPUNGE", "NO [READ-ONLY]");
        }
        let wanted = self.remove(deleted(&self.boxes[open].messages, |_| true));
        let (told, _) = self.ok("EXPUNGE");
        self.expect("EXPUNGE", &told, &wanted);
    }

    fn uid_expunge(&mut self, from: usize, to: usize) {
        let Some((indices, set)) = self.some(from, to, "UID") else {
            return;
        };
        let text = format!("UID EXPUNGE {set}");
        let (open, read_only) = self.open.unwrap();
        if read_only {
            return self.refused(&text, "NO [READ-ONLY]");
        }
        let mut gone = deleted(&self.boxes[open].messages, |index| indices.contains(&index));
        let lowest = self.cut(&mut gone);
        let wanted = self.remove(gone);
        let told = self.ok_down_to(lowest, &text);
        self.expect(&text, &told, &wanted);
    }

    fn fetch(&mut self, from: usize, to: usize) {
        let verb = self.by_uid("FETCH");
        let Some((mut indices, set)) = self.some(from, to, &verb) else {
            return;
        };
        let text = format!("{verb} {set} (FLAGS RFC822.SIZE BODY.PEEK[])");
        let tell = |index: &usize| {
            let Message { flags, text, .. } = &self.opened().unwrap().messages[*index];
            let (flags, size) = (flags_told(flags), text.len());
            let items = format!("{flags} RFC822.SIZE {size} BODY[] {{{size}}}\r\n{text}");
            self.fetched(*index, &verb, &items)
        };
        let lowest = self.cut(&mut indices);
        let wanted: Vec<String> = indices.iter().map(tell).collect();
        let told = self.ok_down_to(lowest, &text);
        self.expect(&text, &told, &wanted);
    }

    /// A run of all messages, from the oldest or the newest on. Source: RFC 9394 §3.3.
    fn fetch_page(&mut self, from: usize, to: usize, backwards: bool) {
        let Some(count) = self.opened().map(|opened| opened.messages.len()) else {
            return;
        };
        let sign = if backwards { "-" } else { "" };
        let window = format!("{sign}{}:{sign}{}", from + 1, to + 1);
        let text = format!("UID FETCH 1:* (FLAGS) (PARTIAL {window})");
        let (first, last) = (from.min(to), (from.max(to) + 1).min(count));
        let most = self.limit.map(|most| usize::try_from(most).unwrap());
        if most.is_some_and(|most| from.abs_diff(to) >= most) {
            return self.refused(&text, "NO [MESSAGELIMIT ");
        }
        let run = match backwards {
            _ if first >= last => 0..0,
            true => count - last..count - first,
            false => first..last,
        };
        let tell = |index: usize| {
            let flags = flags_told(&self.opened().unwrap().messages[index].flags);
            self.fetched(index, "UID FETCH", &flags)
        };
        let wanted: Vec<String> = run.map(tell).collect();
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &wanted);
    }

    /// Nothing is left of who was signed in.
    fn sign_out(&mut self) {
        let (told, _) = self.ok("UNAUTHENTICATE");
        self.expect("UNAUTHENTICATE", &told, &[]);
        self.leave();
        self.forget();
        self.refused("UID FETCH 1 FLAGS", "BAD ");
        self.ok("LOGIN alice@example.test alice");
        self.refused("UID FETCH 1 FLAGS", "BAD ");
    }

    /// Reading marks as read, which is told with it; not after EXAMINE.
    fn read(&mut self, index: usize) {
        let verb = self.by_uid("FETCH");
        let Some((indices, set)) = self.some(index, index, &verb) else {
            return;
        };
        let text = format!("{verb} {set} BODY[TEXT]");
        let (open, read_only) = self.open.unwrap();
        let message = &mut self.boxes[open].messages[indices[0]];
        let (_, body) = message.text.split_once("\r\n\r\n").unwrap();
        let mut items = format!("BODY[TEXT] {{{}}}\r\n{body}", body.len());
        if !read_only && message.flags.insert("\\seen") {
            items += &format!(" {}", flags_told(&message.flags));
        }
        let wanted = [self.fetched(indices[0], &verb, &items)];
        let (told, _) = self.ok(&text);
        self.expect(&text, &told, &wanted);
    }

    /// Authorizes a message and reads it by its URL.
    fn show(&mut self, index: usize, which: usize) {
        let messages = &self.boxes[index].messages;
        let Some(message) = messages.get(which % messages.len().max(1)).cloned() else {
            return;
        };
        let place = format!(
            "imap://alice@x/{}/;UID={};URLAUTH=authuser",
            self.boxes[index].name, message.uid
        );
        let (told, _) = self.ok(&format!("GENURLAUTH \"{place}\" INTERNAL"));
        let url = told[0].split('"').nth(1).unwrap().to_owned();
        let (told, _) = self.ok(&format!("URLFETCH \"{url}\""));
        let (size, text) = (message.text.len(), &message.text);
        self.expect(
            "URLFETCH",
            &told,
            &[format!("* URLFETCH \"{url}\" {{{size}}}\r\n{text}")],
        );
    }

    fn select(&mut self, index: usize, read_only: bool) {
        let (verb, right) = match read_only {
            true => ("EXAMINE", "[READ-ONLY]"),
            false => ("SELECT", "[READ-WRITE]"),
        };
        self.leave();
        self.open = Some((index, read_only));
        let (told, tagged) = self.ok(&format!("{verb} {}", self.boxes[index].name));
        assert!(tagged.contains(right), "{tagged}");
        let mailbox = &self.boxes[index];
        let exists = format!("* {} EXISTS", mailbox.messages.len());
        let next = format!("* OK [UIDNEXT {}] Next UID", mailbox.uids + 1);
        assert!(told.contains(&exists) && told.contains(&next), "{told:?}");
    }

    /// Closing removes silently what is marked, unless nothing may be changed.
    fn close(&mut self) {
        let Some((open, read_only)) = self.open else {
            return self.refused("CLOSE", "BAD ");
        };
        if !read_only {
            self.remove(deleted(&self.boxes[open].messages, |_| true));
        }
        let (told, _) = self.ok("CLOSE");
        self.expect("CLOSE", &told, &[]);
        self.leave();
    }

    fn unselect(&mut self) {
        if self.open.is_none() {
            return self.refused("UNSELECT", "BAD ");
        }
        let (told, _) = self.ok("UNSELECT");
        self.expect("UNSELECT", &told, &[]);
        self.leave();
    }

    /// What the client has asked for so far counts no more.
    fn forget(&mut self) {
        self.uid_only = false;
        self.notified.clear();
        self.comparator = COMPARATORS[0];
    }

    /// What belonged to the open mailbox is gone with it.
    fn leave(&mut self) {
        self.open = None;
        self.saved.clear();
        self.kept = None;
    }

    fn enable_uid_only(&mut self) {
        let (told, _) = self.ok("ENABLE UIDONLY");
        self.uid_only = true;
        self.expect("ENABLE", &told, &["* ENABLED UIDONLY".to_owned()]);
        if self
            .opened()
            .is_some_and(|opened| !opened.messages.is_empty())
        {
            self.refused("FETCH 1 FLAGS", "BAD [UIDREQUIRED]");
        }
    }
}

/// The places of what is marked as deleted.
fn deleted(messages: &[Message], is_wanted: impl Fn(usize) -> bool) -> Vec<usize> {
    let is_marked = |index: &usize| messages[*index].flags.contains("\\deleted");
    let all = 0..messages.len();
    all.filter(is_marked)
        .filter(|index| is_wanted(*index))
        .collect()
}

fn nil_or_quoted(letter: Option<char>) -> String {
    letter.map_or("NIL".to_owned(), |letter| format!("\"{letter}\""))
}

/// `FLAGS (…)`, with the flags in an order of their own.
fn flags_told(flags: &Flags) -> String {
    let told: Vec<&str> = flags.iter().copied().collect();
    format!("FLAGS ({})", told.join(" "))
}

/// Numbers as a set that keeps their order: `3,5:7`.
fn set(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *number == *last + 1 => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let shown = runs.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}:{last}"),
    });
    shown.collect::<Vec<_>>().join(",")
}

/// The untagged answers, each with its literals; flags in the order of [`flags_told`].
fn responses(told: &str) -> Vec<String> {
    let (mut all, mut rest) = (Vec::new(), told);
    while !rest.is_empty() {
        let mut one = String::new();
        loop {
            let (line, behind) = rest.split_once("\r\n").unwrap();
            rest = behind;
            one += &in_order(line);
            let size = line
                .rsplit_once('{')
                .and_then(|(_, size)| size.strip_suffix('}'));
            let Some(size) = size.and_then(|size| size.parse::<usize>().ok()) else {
                break;
            };
            let (literal, behind) = rest.split_at(size);
            one += &format!("\r\n{literal}");
            rest = behind;
        }
        all.push(one);
    }
    all
}

fn in_order(line: &str) -> String {
    let Some((before, rest)) = line.split_once("FLAGS (") else {
        return line.to_owned();
    };
    let (flags, behind) = rest.split_once(')').unwrap();
    let flags = flags.to_lowercase();
    let mut flags: Vec<&str> = flags.split(' ').filter(|flag| !flag.is_empty()).collect();
    flags.sort_unstable();
    format!("{before}FLAGS ({}){behind}", flags.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 100,
        max_shrink_iters: 300,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_answer_is_what_the_model_says(actions in actions()) {
        let mut session = Session::new(None);
        for action in &actions {
            session.act(action);
        }
    }

    /// Source: RFC 9738 §3.
    #[test]
    fn no_command_works_on_more_messages_than_the_server_says(actions in actions()) {
        let mut session = Session::new(Some(2));
        for action in &actions {
            session.act(action);
        }
    }
}
