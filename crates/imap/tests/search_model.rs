//! Random mailboxes, random questions: SEARCH, SORT and results that are kept up to date give what a
//! simple model of the standards gives, while messages come, change and go.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::wire::{Wire, open, stage};
use engine::Settings;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A message as the model keeps it.
#[derive(Debug, Clone)]
struct Mail {
    flags: BTreeSet<&'static str>,
    /// Days of January 2020, from 1.
    received: u8,
    /// Likewise, with hours and the hours that the sender's clock is ahead.
    sent: Option<(u8, u8, i8)>,
    from: (&'static str, &'static str),
    to: &'static str,
    subject: &'static str,
    body: &'static str,
    filler: u16,
}

const FLAGS: [(&str, &str); 7] = [
    ("\\Seen", "SEEN"),
    ("\\Answered", "ANSWERED"),
    ("\\Flagged", "FLAGGED"),
    ("\\Deleted", "DELETED"),
    ("\\Draft", "DRAFT"),
    ("work", "KEYWORD work"),
    ("$Junk", "KEYWORD $junk"),
];

const SUBJECTS: [(&str, &str); 7] = [
    // As written, and its base subject.
    ("lunch", "lunch"),
    ("Re: Lunch", "Lunch"),
    ("[list] Fwd: re: dinner", "dinner"),
    ("dinner (fwd)", "dinner"),
    ("=?utf-8?Q?caf=C3=A9?=", "café"),
    ("[Fwd: CAF=C9]", "CAF=C9"),
    ("", ""),
];

const PEOPLE: [(&str, &str); 5] = [
    ("", "anna"),
    ("Zoe", "bert"),
    ("=?utf-8?Q?=C3=84nne?=", "Anna"),
    ("carl the great", "carl"),
    ("Anna", "dora"),
];

fn any_mail() -> impl Strategy<Value = Mail> {
    let flags = prop::collection::btree_set(
        prop::sample::select(FLAGS.map(|(flag, _)| flag).to_vec()),
        0..4,
    );
    let sent = prop::option::weighted(0.8, (1_u8..9, 0_u8..24, -11_i8..12));
    let words = prop::sample::select(vec!["lorem", "IPSUM dolor", "sit  amet", ""]);
    (
        flags,
        1_u8..9,
        sent,
        prop::sample::select(PEOPLE.to_vec()),
        prop::sample::select(vec!["x", "Y", ""]),
        prop::sample::select(SUBJECTS.map(|(written, _)| written).to_vec()),
        words,
        0_u16..60,
    )
        .prop_map(
            |(flags, received, sent, from, to, subject, body, filler)| Mail {
                flags,
                received,
                sent,
                from,
                to,
                subject,
                body,
                filler,
            },
        )
}

impl Mail {
    fn text(&self) -> String {
        let (name, local) = self.from;
        let mut text = format!(
            "From: {name} <{local}@example.org>\r\nSubject: {}\r\n",
            self.subject
        );
        if !self.to.is_empty() {
            let _ = write!(text, "To: {}@example.org\r\n", self.to);
        }
        if let Some((day, hour, zone)) = self.sent {
            let sign = if zone < 0 { '-' } else { '+' };
            let _ = write!(
                text,
                "Date: {day} Jan 2020 {hour:02}:00:00 {sign}{:02}00\r\n",
                zone.abs()
            );
        }
        let _ = write!(
            text,
            "\r\n{}\r\n{}\r\n",
            self.body,
            "z".repeat(self.filler.into())
        );
        text
    }

    /// Hours since the beginning of the year, at Greenwich.
    fn sent_hours(&self) -> i32 {
        match self.sent {
            Some((day, hour, zone)) => i32::from(day) * 24 + i32::from(hour) - i32::from(zone),
            None => i32::from(self.received) * 24,
        }
    }

    fn subject_shown(&self) -> String {
        self.subject.replace("=?utf-8?Q?caf=C3=A9?=", "café")
    }

    fn shown_sender(&self) -> String {
        let name = self.from.0.replace("=?utf-8?Q?=C3=84nne?=", "Änne");
        if name.is_empty() {
            format!("{}@example.org", self.from.1)
        } else {
            name
        }
    }
}

/// A question, and what it means.
#[derive(Debug, Clone)]
enum Key {
    All,
    Flag(usize, bool),
    Larger(u16),
    Smaller(u16),
    Received(&'static str, u8),
    Sent(&'static str, u8),
    Subject(&'static str),
    From(&'static str),
    To(&'static str),
    Body(&'static str),
    Text(&'static str),
    HasDate,
    Uids(u32, u32),
    Numbers(u32, u32),
    Not(Box<Key>),
    Or(Box<Key>, Box<Key>),
    And(Vec<Key>),
}

fn any_key() -> impl Strategy<Value = Key> {
    let texts = || {
        prop::sample::select(vec![
            "lunch", "LUNCH", "CAFÉ", "re", "e", "anna", "nobody", "",
        ])
    };
    let date = || (prop::sample::select(vec!["BEFORE", "ON", "SINCE"]), 1_u8..9);
    let leaf = prop_oneof![
        Just(Key::All),
        (0..FLAGS.len(), any::<bool>()).prop_map(|(flag, set)| Key::Flag(flag, set)),
        (80_u16..220).prop_map(Key::Larger),
        (80_u16..220).prop_map(Key::Smaller),
        date().prop_map(|(how, day)| Key::Received(how, day)),
        date().prop_map(|(how, day)| Key::Sent(how, day)),
        texts().prop_map(Key::Subject),
        texts().prop_map(Key::From),
        prop::sample::select(vec!["x@", "y@example", ""]).prop_map(Key::To),
        prop::sample::select(vec!["lorem", "ipsum D", "t  a", "zz", "lunch"]).prop_map(Key::Body),
        prop::sample::select(vec!["lorem", "example.org", "subject: l", "café"])
            .prop_map(Key::Text),
        Just(Key::HasDate),
        (1_u32..12, 1_u32..12).prop_map(|(a, b)| Key::Uids(a, b)),
        (1_u32..6, 1_u32..6).prop_map(|(a, b)| Key::Numbers(a, b)),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| Key::Not(Box::new(key))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Key::Or(Box::new(a), Box::new(b))),
            prop::collection::vec(inner, 1..3).prop_map(Key::And),
        ]
    })
}

/// As the comparator sees a text: it decomposes, so an accented letter holds its plain one.
fn folded(text: &str) -> String {
    text.to_uppercase()
        .replace('É', "E\u{301}")
        .replace('Ä', "A\u{308}")
}

fn contains(text: &str, wanted: &str) -> bool {
    folded(text).contains(&folded(wanted))
}

fn compare(how: &str, day: u8, wanted: u8) -> bool {
    match how {
        "BEFORE" => day < wanted,
        "ON" => day == wanted,
        _ => day >= wanted,
    }
}

impl Key {
    fn text(&self) -> String {
        let quoted = |key: &str, text: &str| format!("{key} {{{}+}}\r\n{text}", text.len());
        match self {
            Self::All => "ALL".into(),
            Self::Flag(flag, true) => FLAGS[*flag].1.into(),
            Self::Flag(flag, false) => format!("UN{}", FLAGS[*flag].1),
            Self::Larger(size) => format!("LARGER {size}"),
            Self::Smaller(size) => format!("SMALLER {size}"),
            Self::Received(how, day) => format!("{how} {day}-Jan-2020"),
            Self::Sent(how, day) => format!("SENT{how} {day}-Jan-2020"),
            Self::Subject(text) => quoted("SUBJECT", text),
            Self::From(text) => quoted("FROM", text),
            Self::To(text) => quoted("TO", text),
            Self::Body(text) => quoted("BODY", text),
            Self::Text(text) => quoted("TEXT", text),
            Self::HasDate => "HEADER Date \"\"".into(),
            Self::Uids(a, b) => format!("UID {a}:{b}"),
            Self::Numbers(a, b) => format!("{a}:{b}"),
            Self::Not(key) => format!("NOT {}", key.grouped()),
            Self::Or(a, b) => format!("OR {} {}", a.grouped(), b.grouped()),
            Self::And(keys) => keys.iter().map(Self::grouped).collect::<Vec<_>>().join(" "),
        }
    }

    fn grouped(&self) -> String {
        match self {
            Self::And(_) => format!("({})", self.text()),
            _ => self.text(),
        }
    }

    fn holds(&self, mail: &Mail, uid: u32, number: u32) -> bool {
        let within = |a: &u32, b: &u32, n: u32| (*a.min(b)..=*a.max(b)).contains(&n);
        match self {
            Self::All => true,
            Self::Flag(flag, set) => mail.flags.contains(FLAGS[*flag].0) == *set,
            Self::Larger(size) => mail.text().len() > usize::from(*size),
            Self::Smaller(size) => mail.text().len() < usize::from(*size),
            Self::Received(how, day) => compare(how, mail.received, *day),
            Self::Sent(how, day) => mail.sent.is_some_and(|sent| compare(how, sent.0, *day)),
            Self::Subject(text) => contains(&mail.subject_shown(), text),
            Self::From(text) => {
                let address = format!("{} <{}@example.org>", mail.shown_sender(), mail.from.1);
                contains(&address, text)
            }
            Self::To(text) => {
                !mail.to.is_empty() && contains(&format!("{}@example.org", mail.to), text)
            }
            Self::Body(text) => contains(mail.body, text) || (*text == "zz" && mail.filler > 1),
            Self::Text(text) => {
                let header = mail.text().replace(mail.subject, &mail.subject_shown());
                contains(&header, text)
            }
            Self::HasDate => mail.sent.is_some(),
            Self::Uids(a, b) => within(a, b, uid),
            Self::Numbers(a, b) => within(a, b, number),
            Self::Not(key) => !key.holds(mail, uid, number),
            Self::Or(a, b) => a.holds(mail, uid, number) || b.holds(mail, uid, number),
            Self::And(keys) => keys.iter().all(|key| key.holds(mail, uid, number)),
        }
    }

    fn has_numbers(&self) -> bool {
        match self {
            Self::Numbers(..) => true,
            Self::Not(key) => key.has_numbers(),
            Self::Or(a, b) => a.has_numbers() || b.has_numbers(),
            Self::And(keys) => keys.iter().any(Self::has_numbers),
            _ => false,
        }
    }
}

const SORT_KEYS: [&str; 7] = [
    "ARRIVAL",
    "DATE",
    "SIZE",
    "SUBJECT",
    "FROM",
    "TO",
    "DISPLAYFROM",
];

/// What orders a message, in a form whose order is that of the key.
fn sort_value(key: &str, mail: &Mail) -> (i64, String) {
    match key {
        "ARRIVAL" => (mail.received.into(), String::new()),
        "DATE" => (mail.sent_hours().into(), String::new()),
        "SIZE" => (i64::try_from(mail.text().len()).unwrap(), String::new()),
        "SUBJECT" => {
            let base = SUBJECTS
                .iter()
                .find(|(written, _)| *written == mail.subject);
            (0, folded(base.unwrap().1))
        }
        "FROM" => (0, folded(mail.from.1)),
        "TO" => (0, folded(mail.to)),
        _ => (0, folded(&mail.shown_sender())),
    }
}

/// What happens next. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Action {
    Append(Mail),
    Flag(usize, usize, bool),
    Expunge(usize),
    Search(Key),
    Sort(Key, Vec<(usize, bool)>),
    Follow(Key, Option<(usize, bool)>),
    Cancel,
}

fn any_action() -> impl Strategy<Value = Action> {
    let level = || (0..SORT_KEYS.len(), any::<bool>());
    prop_oneof![
        2 => any_mail().prop_map(Action::Append),
        3 => (0_usize..20, 0..FLAGS.len(), any::<bool>()).prop_map(|(n, f, set)| Action::Flag(n, f, set)),
        1 => (0_usize..20).prop_map(Action::Expunge),
        4 => any_key().prop_map(Action::Search),
        4 => (any_key(), prop::collection::vec(level(), 1..3)).prop_map(|(k, l)| Action::Sort(k, l)),
        1 => (any_key(), prop::option::of(level())).prop_map(|(k, l)| Action::Follow(k, l)),
        1 => Just(Action::Cancel),
    ]
}

/// A result that is kept up to date, as the client makes it out of what it is told.
struct Followed {
    key: Key,
    level: Option<(usize, bool)>,
    uids: Vec<u32>,
}

struct Client {
    wire: Wire,
    mails: BTreeMap<u32, Mail>,
    next_uid: u32,
    tag: usize,
    followed: BTreeMap<String, Followed>,
}

impl Client {
    /// Sends a command and takes in what it says of results; the other answers.
    fn command(&mut self, text: &str) -> Vec<String> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.wire.send(format!("{tag} {text}\r\n").as_bytes());
        let told = self.wire.take();
        let (before, last) = told
            .trim_end()
            .rsplit_once("\r\n")
            .unwrap_or(("", told.trim_end()));
        assert!(last.starts_with(&format!("{tag} OK")), "{text}\n{told}");
        let mut others = Vec::new();
        for line in before.lines() {
            if line.contains(" ADDTO (") || line.contains(" REMOVEFROM (") {
                self.follow(line);
            } else {
                others.push(line.to_owned());
            }
        }
        others
    }

    /// `* ESEARCH (TAG "t5") UID ADDTO (1 7 3 9:10)`
    fn follow(&mut self, line: &str) {
        let tag = line.split('"').nth(1).unwrap();
        let followed = self
            .followed
            .get_mut(tag)
            .unwrap_or_else(|| panic!("{line}"));
        let (item, pairs) = line.trim_end_matches(')').rsplit_once(" (").unwrap();
        let words: Vec<&str> = pairs.split(' ').collect();
        for pair in words.chunks(2) {
            let position: usize = pair[0].parse().unwrap();
            let uids = expanded(pair[1]);
            if item.ends_with("REMOVEFROM") {
                for uid in uids {
                    let at = followed
                        .uids
                        .iter()
                        .position(|known| *known == uid)
                        .unwrap();
                    assert!(position == 0 || at + 1 == position, "{line}");
                    followed.uids.remove(at);
                }
            } else if position == 0 {
                followed.uids.extend(uids);
                followed.uids.sort_unstable();
            } else {
                followed.uids.splice(position - 1..position - 1, uids);
            }
        }
    }

    fn numbered(&self) -> impl Iterator<Item = (u32, u32, &Mail)> {
        (1..)
            .zip(&self.mails)
            .map(|(number, (uid, mail))| (number, *uid, mail))
    }

    fn found(&self, key: &Key) -> Vec<u32> {
        let matching = self
            .numbered()
            .filter(|(number, uid, mail)| key.holds(mail, *uid, *number));
        matching.map(|(_, uid, _)| uid).collect()
    }

    fn sorted(&self, key: &Key, levels: &[(usize, bool)]) -> Vec<u32> {
        let mut uids = self.found(key);
        uids.sort_by(|a, b| {
            let mut levels = levels.iter().map(|(level, reverse)| {
                let value = |uid| sort_value(SORT_KEYS[*level], &self.mails[uid]);
                let order = value(a).cmp(&value(b));
                if *reverse { order.reverse() } else { order }
            });
            levels.find(|order| order.is_ne()).unwrap_or(a.cmp(b))
        });
        uids
    }

    fn append(&mut self, mail: &Mail) {
        let flags: Vec<&str> = mail.flags.iter().copied().collect();
        let (flags, text, day) = (flags.join(" "), mail.text(), mail.received);
        let command = format!(
            "APPEND INBOX ({flags}) \"{day:02}-Jan-2020 00:00:00 +0000\" {{{}+}}\r\n{text}",
            text.len()
        );
        self.mails.insert(self.next_uid, mail.clone());
        self.next_uid += 1;
        self.command(&command);
    }

    fn begin_to_follow(&mut self, key: &Key, level: Option<(usize, bool)>) {
        let keys = key.text();
        let command = match &level {
            None => format!("UID SEARCH RETURN (UPDATE) CHARSET UTF-8 {keys}"),
            Some(level) => {
                let level = level_text(level);
                format!("UID SORT RETURN (UPDATE) ({level}) UTF-8 {keys}")
            }
        };
        self.command(&command);
        let levels: Vec<_> = level.iter().copied().collect();
        let followed = Followed {
            key: key.clone(),
            level,
            uids: self.sorted(key, &levels),
        };
        self.followed.insert(format!("t{}", self.tag), followed);
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Append(mail) => self.append(mail),
            Action::Flag(at, flag, set) if !self.mails.is_empty() => {
                let at = at % self.mails.len();
                let (uid, mail) = self.mails.iter_mut().nth(at).unwrap();
                let name = FLAGS[*flag].0;
                let sign = if *set { '+' } else { '-' };
                if *set {
                    mail.flags.insert(name)
                } else {
                    mail.flags.remove(name)
                };
                let command = format!("UID STORE {uid} {sign}FLAGS ({name})");
                self.command(&command);
            }
            Action::Expunge(at) if !self.mails.is_empty() => {
                let at = at % self.mails.len();
                let uid = *self.mails.keys().nth(at).unwrap();
                self.mails.get_mut(&uid).unwrap().flags.insert("\\Deleted");
                self.command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"));
                self.mails.remove(&uid);
                self.command(&format!("UID EXPUNGE {uid}"));
            }
            Action::Search(key) => {
                let told = self.command(&format!("UID SEARCH CHARSET UTF-8 {}", key.text()));
                assert_eq!(
                    numbers(&told, "* SEARCH"),
                    self.found(key),
                    "{}",
                    key.text()
                );
            }
            Action::Sort(key, levels) => {
                let names: Vec<String> = levels.iter().map(level_text).collect();
                let command = format!("UID SORT ({}) UTF-8 {}", names.join(" "), key.text());
                let told = self.command(&command);
                assert_eq!(
                    numbers(&told, "* SORT"),
                    self.sorted(key, levels),
                    "{command}"
                );
            }
            // Numbers are taken as they are when the search is made, which the model does not keep.
            Action::Follow(key, level) if self.followed.len() < 8 && !key.has_numbers() => {
                self.begin_to_follow(key, *level);
            }
            Action::Cancel => {
                if let Some(tag) = self.followed.keys().next().cloned() {
                    self.followed.remove(&tag);
                    self.command(&format!("CANCELUPDATE \"{tag}\""));
                }
            }
            _ => {}
        }
    }

    fn check_followed(&self) {
        for followed in self.followed.values() {
            let levels: Vec<_> = followed.level.iter().copied().collect();
            let wanted = self.sorted(&followed.key, &levels);
            assert_eq!(
                followed.uids, wanted,
                "{:?} {:?}",
                followed.key, followed.level
            );
        }
    }
}

fn level_text((key, reverse): &(usize, bool)) -> String {
    let reverse = if *reverse { "REVERSE " } else { "" };
    format!("{reverse}{}", SORT_KEYS[*key])
}

fn expanded(set: &str) -> Vec<u32> {
    let ranges = set
        .split(',')
        .map(|range| range.split_once(':').unwrap_or((range, range)));
    let ends = ranges.map(|(a, b)| (a.parse::<u32>().unwrap(), b.parse::<u32>().unwrap()));
    ends.flat_map(|(first, last)| first..=last).collect()
}

fn numbers(lines: &[String], name: &str) -> Vec<u32> {
    let line = lines
        .iter()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_answer_is_that_of_the_model(
        mails in prop::collection::vec(any_mail(), 0..8),
        actions in prop::collection::vec(any_action(), 1..30),
    ) {
        let stage = stage(Settings::default());
        let mut client = Client {
            wire: open(&stage, true),
            mails: BTreeMap::new(),
            next_uid: 1,
            tag: 0,
            followed: BTreeMap::new(),
        };
        client.wire.take();
        client.command("LOGIN alice@example.test alice");
        client.command("SELECT INBOX");
        for mail in mails {
            client.act(&Action::Append(mail));
        }
        for action in &actions {
            client.act(action);
            client.check_followed();
        }
    }
}
