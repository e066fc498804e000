//! Two clients change one mailbox at random: what each makes of the untagged answers alone is what
//! the store holds. A third learns the same by NOTIFY without ever asking, and a fourth that comes
//! back with any earlier HIGHESTMODSEQ gets from there to the present, also when the log of what
//! happened since is forgotten.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::wire::{Wire, open, stage};
use engine::Settings;
use engine::rehearsal::Rehearsal;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

type Flags = BTreeSet<String>;

/// What a client does next. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Action {
    Append(usize),
    Store {
        first: usize,
        count: usize,
        sign: char,
        flag: &'static str,
        silent: bool,
        by_uid: bool,
    },
    Expunge,
    UidExpunge(usize),
    Move(usize),
    Copy(usize),
    UidFlags(usize),
    Replace(usize),
    Fetch(usize),
    Search,
    Noop,
    Remember,
}

fn actions() -> impl Strategy<Value = Vec<(bool, Action)>> {
    let flag = prop::sample::select(vec!["\\Seen", "\\Deleted", "\\Flagged", "$Junk", "work"]);
    let sign = prop::sample::select(vec!['+', '-', '=']);
    let action = prop_oneof![
        3 => (1_usize..4).prop_map(Action::Append),
        6 => (0_usize..20, 1_usize..4, sign, flag, any::<bool>(), any::<bool>()).prop_map(
            |(first, count, sign, flag, silent, by_uid)| {
                Action::Store { first, count, sign, flag, silent, by_uid }
            }
        ),
        2 => Just(Action::Expunge),
        1 => (0_usize..20).prop_map(Action::UidExpunge),
        1 => (0_usize..20).prop_map(Action::Move),
        1 => (0_usize..20).prop_map(Action::Copy),
        1 => (0_usize..20).prop_map(Action::UidFlags),
        1 => (0_usize..20).prop_map(Action::Replace),
        2 => (0_usize..20).prop_map(Action::Fetch),
        1 => Just(Action::Search),
        2 => Just(Action::Noop),
        1 => Just(Action::Remember),
    ];
    prop::collection::vec((any::<bool>(), action), 1..40)
}

/// A client that believes what it is told.
struct Client {
    wire: Wire,
    tag: usize,
    /// In the order of message numbers; what is not known yet is `None`.
    messages: Vec<Option<(u32, Flags)>>,
    modseq: u64,
    vanished: Vec<u32>,
}

impl Client {
    fn new(rehearsal: &Rehearsal, qresync: bool) -> Self {
        let wire = open(rehearsal, true);
        let mut client = Self {
            wire,
            tag: 0,
            messages: Vec::new(),
            modseq: 0,
            vanished: Vec::new(),
        };
        client.wire.take();
        client.command("LOGIN alice@example.test alice");
        if qresync {
            client.command("ENABLE QRESYNC");
        }
        client
    }

    fn select(&mut self) {
        self.command("SELECT INBOX (CONDSTORE)");
    }

    /// Takes in what comes without a command.
    fn listen(&mut self) {
        self.wire.look_up();
        let told = self.wire.take();
        for line in told.lines() {
            self.untagged(line);
        }
    }

    /// Sends a command and takes in what comes; the tagged line.
    fn command(&mut self, text: &str) -> String {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.wire.send(format!("{tag} {text}\r\n").as_bytes());
        let answer = self.wire.take();
        let mut tagged = String::new();
        for line in without_literals(&answer).lines() {
            if line.starts_with(&tag) {
                line.clone_into(&mut tagged);
            } else {
                self.untagged(line);
            }
        }
        assert!(!tagged.is_empty(), "{text}: {answer}");
        self.learn();
        tagged
    }

    /// Asks for what was announced.
    fn learn(&mut self) {
        if let Some(first) = self.messages.iter().position(Option::is_none) {
            let count = self.messages.len();
            self.command(&format!("FETCH {}:{count} (UID FLAGS)", first + 1));
        }
    }

    fn untagged(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        if let Some(rest) = line.split_once("HIGHESTMODSEQ ") {
            self.modseq = rest.1.split(']').next().unwrap().parse().unwrap();
        }
        let number = words.get(1).and_then(|word| word.parse::<usize>().ok());
        match (number, words.get(2).copied()) {
            (Some(count), Some("EXISTS")) => {
                assert!(
                    count >= self.messages.len(),
                    "EXISTS never takes away: {line}"
                );
                self.messages.resize(count, None);
            }
            (Some(number), Some("EXPUNGE")) => _ = self.messages.remove(number - 1),
            (Some(number), Some("FETCH")) => self.fetched(number, line),
            (None, _) if words.get(1) == Some(&"VANISHED") => {
                let gone = numbers(words.last().unwrap());
                self.messages
                    .retain(|m| m.as_ref().is_none_or(|(uid, _)| !gone.contains(uid)));
                self.vanished.extend(gone);
            }
            _ => {}
        }
    }

    fn fetched(&mut self, number: usize, line: &str) {
        let flags = line.split_once("FLAGS (").map(|(_, rest)| {
            let list = rest.split(')').next().unwrap();
            list.split(' ')
                .filter(|f| !f.is_empty())
                .map(str::to_lowercase)
                .collect::<Flags>()
        });
        let uid = line.split_once("UID ").map(|(_, rest)| {
            rest.split([' ', ')'])
                .next()
                .unwrap()
                .parse::<u32>()
                .unwrap()
        });
        let message = &mut self.messages[number - 1];
        match (message, uid, flags) {
            (Some((known, old)), uid, Some(flags)) => {
                assert!(uid.is_none_or(|uid| uid == *known), "{line}");
                *old = flags;
            }
            (message @ None, Some(uid), Some(flags)) => *message = Some((uid, flags)),
            _ => {}
        }
    }

    fn picture(&self) -> BTreeMap<u32, Flags> {
        self.messages.iter().flatten().cloned().collect()
    }

    fn act(&mut self, action: &Action) {
        let count = self.messages.len();
        let number = |index: usize| index % count + 1;
        match action {
            Action::Append(times) => {
                let one = "APPEND INBOX (\\Flagged) {12+}\r\nSubject: x\r\n";
                for _ in 0..*times {
                    self.command(one);
                }
            }
            Action::Store {
                first,
                count: wanted,
                sign,
                flag,
                silent,
                by_uid,
            } if count > 0 => {
                let first = number(*first);
                let last = (first + wanted - 1).min(count);
                let sign = if *sign == '=' {
                    String::new()
                } else {
                    sign.to_string()
                };
                let quiet = if *silent { ".SILENT" } else { "" };
                let uid = |number: usize| self.messages[number - 1].as_ref().unwrap().0;
                let (verb, set) = if *by_uid {
                    ("UID STORE", format!("{}:{}", uid(first), uid(last)))
                } else {
                    ("STORE", format!("{first}:{last}"))
                };
                let changed: Vec<usize> = (first..=last).collect();
                let text = format!("{verb} {set} {sign}FLAGS{quiet} ({flag})");
                let before = self.messages.clone();
                let tagged = self.command(&text);
                if *silent && tagged.contains(" OK ") {
                    self.assume(&before, &changed, &sign, flag);
                }
            }
            Action::Expunge => _ = self.command("EXPUNGE"),
            Action::UidExpunge(index) if count > 0 => {
                let uid = self.messages[number(*index) - 1].as_ref().unwrap().0;
                self.command(&format!("UID EXPUNGE {uid}:*"));
            }
            Action::Move(index) if count > 0 => {
                self.command(&format!("MOVE {} Trash", number(*index)));
            }
            // A copy into the same mailbox comes to everyone who has it open.
            Action::Copy(index) if count > 0 => {
                self.command(&format!("COPY {} INBOX", number(*index)));
            }
            Action::UidFlags(index) if count > 0 => self.changed_since(number(*index)),
            Action::Replace(index) if count > 0 => self.replace(number(*index)),
            Action::Fetch(index) if count > 0 => self.fetch(number(*index)),
            Action::Search => _ = self.command("SEARCH ALL"),
            Action::Noop => _ = self.command("NOOP"),
            _ => {}
        }
    }

    /// With QRESYNC a FETCH tells also what has vanished of the UIDs that it names.
    fn changed_since(&mut self, number: usize) {
        let uid = self.messages[number - 1].as_ref().unwrap().0;
        self.command(&format!("UID FETCH {uid}:* (FLAGS) (CHANGEDSINCE 1)"));
    }

    fn replace(&mut self, number: usize) {
        let letter = "{12+}\r\nSubject: y\r\n";
        self.command(&format!("REPLACE {number} INBOX (\\Draft) {letter}"));
    }

    fn fetch(&mut self, number: usize) {
        let tagged = self.command(&format!("FETCH {number} (BODY[])"));
        let is_read = tagged.contains(" OK ");
        assert!(is_read, "what was told can be read: {tagged}");
    }

    /// After a silent STORE the client knows what it did, unless it was told otherwise meanwhile.
    fn assume(
        &mut self,
        before: &[Option<(u32, Flags)>],
        changed: &[usize],
        sign: &str,
        flag: &str,
    ) {
        for number in changed {
            let (uid, old) = before[number - 1].clone().unwrap();
            let mut new = old.clone();
            match sign {
                "+" => _ = new.insert(flag.to_lowercase()),
                "-" => _ = new.remove(&flag.to_lowercase()),
                _ => new = Flags::from([flag.to_lowercase()]),
            }
            for message in self.messages.iter_mut().flatten() {
                if message.0 == uid && message.1 == old {
                    message.1.clone_from(&new);
                }
            }
        }
    }
}

/// Puts each answer on one line.
fn without_literals(answer: &str) -> String {
    let mut parts = answer.split("}\r\n");
    let mut joined = parts.next().unwrap().to_owned();
    for part in parts {
        let (before, size) = joined.rsplit_once('{').unwrap();
        let size: usize = size.parse().unwrap();
        joined = format!("{before}…{}", &part[size..]);
    }
    joined
}

fn numbers(set: &str) -> Vec<u32> {
    let ranges = set
        .split(',')
        .map(|range| range.split_once(':').unwrap_or((range, range)));
    let ranges = ranges.map(|(a, b)| a.parse::<u32>().unwrap()..=b.parse().unwrap());
    ranges.flatten().collect()
}

/// What a client that comes new sees.
fn truth(rehearsal: &Rehearsal) -> (BTreeMap<u32, Flags>, u64) {
    let mut client = Client::new(rehearsal, false);
    client.select();
    (client.picture(), client.modseq)
}

/// What a client that comes back says of what it knows. Source: RFC 7162 §3.2.5.
#[derive(Debug, Clone, Copy)]
enum Says {
    /// Only the change number.
    Number,
    /// Its UIDs too.
    Uids,
    /// And some message numbers with their UIDs.
    Matches,
}

impl Says {
    const ALL: [Self; 3] = [Self::Number, Self::Uids, Self::Matches];

    /// What it knows afterwards: who names UIDs is told of these only.
    fn learns(
        self,
        known: &BTreeMap<u32, Flags>,
        now: &BTreeMap<u32, Flags>,
    ) -> BTreeMap<u32, Flags> {
        let mut learned = now.clone();
        if !matches!(self, Self::Number) && !known.is_empty() {
            learned.retain(|uid, _| known.contains_key(uid));
        }
        learned
    }

    /// What stands behind the change number.
    fn parameters(self, known: &BTreeMap<u32, Flags>) -> String {
        let uids: Vec<u32> = known.keys().copied().collect();
        let list = |all: &mut dyn Iterator<Item = u32>| {
            let all: Vec<String> = all.map(|number| number.to_string()).collect();
            all.join(",")
        };
        let (numbers, every) = (1_u32.., list(&mut uids.iter().copied()));
        match self {
            _ if uids.is_empty() => String::new(),
            Self::Number => String::new(),
            Self::Uids => format!(" {every}"),
            Self::Matches => {
                let every_other = numbers.zip(&uids).step_by(2);
                let numbers = list(&mut every_other.clone().map(|(number, _)| number));
                let matching = list(&mut every_other.map(|(_, uid)| *uid));
                format!(" {every} ({numbers} {matching})")
            }
        }
    }
}

/// Comes back with what was known at `modseq` and takes in what SELECT tells.
fn resynced(
    rehearsal: &Rehearsal,
    known: &BTreeMap<u32, Flags>,
    modseq: u64,
    says: Says,
) -> BTreeMap<u32, Flags> {
    let mut client = Client::new(rehearsal, true);
    let answer = client.command("STATUS INBOX (UIDVALIDITY)");
    assert!(answer.contains(" OK "));
    client.wire.send(b"s STATUS INBOX (UIDVALIDITY)\r\n");
    let status = client.wire.take();
    let validity = status
        .split("UIDVALIDITY ")
        .nth(1)
        .unwrap()
        .split(')')
        .next()
        .unwrap();
    client.wire.send(
        format!(
            "q SELECT INBOX (QRESYNC ({validity} {modseq}{}))\r\n",
            says.parameters(known)
        )
        .as_bytes(),
    );
    let mut picture = known.clone();
    let answer = client.wire.take();
    assert!(answer.contains("q OK "), "{answer}");
    for line in answer.lines() {
        if line.contains("VANISHED") {
            for uid in numbers(line.rsplit(' ').next().unwrap()) {
                picture.remove(&uid);
            }
            assert!(line.contains("(EARLIER)"), "{line}");
        } else if line.contains(" FETCH ") {
            let mut one = Client::new(rehearsal, false);
            one.messages = vec![None; 1000];
            one.untagged(line);
            picture.extend(one.picture());
        }
    }
    picture
}

/// Lets so much time pass that the log of changes is forgotten.
fn forget_changes(rehearsal: &Rehearsal) {
    rehearsal.pass(1000 * 24 * 3600);
    let account = rehearsal.number("alice@example.test").unwrap();
    while rehearsal
        .engine
        .trim_changes(account)
        .unwrap()
        .wait()
        .unwrap()
        > 0
    {}
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        max_shrink_iters: 400,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_picture_becomes_what_the_store_holds(actions in actions()) {
        let rehearsal = stage(Settings::default());
        let mut clients = [Client::new(&rehearsal, false), Client::new(&rehearsal, true)];
        for client in &mut clients {
            client.select();
        }
        let mut listener = Client::new(&rehearsal, actions.len() % 2 == 0);
        listener.select();
        let all = "(MessageNew (UID FLAGS) MessageExpunge FlagChange)";
        listener.command(&format!("NOTIFY SET (SELECTED {all})"));
        let mut remembered = vec![truth(&rehearsal)];
        for (second, action) in &actions {
            if *second {
                listener.listen();
            }
            if let Action::Remember = action {
                remembered.push(truth(&rehearsal));
            }
            clients[usize::from(*second)].act(action);
        }
        let (now, _) = truth(&rehearsal);
        for client in &mut clients {
            client.command("NOOP");
            prop_assert_eq!(client.picture(), now.clone());
        }
        listener.listen();
        prop_assert_eq!(listener.picture(), now.clone(), "without a command");
        for (known, modseq) in &remembered {
            for says in Says::ALL {
                let picture = resynced(&rehearsal, known, *modseq, says);
                let wanted = says.learns(known, &now);
                prop_assert_eq!(picture, wanted, "from {} by {:?}", modseq, says);
            }
        }
        forget_changes(&rehearsal);
        for (known, modseq) in &remembered {
            for says in Says::ALL {
                let picture = resynced(&rehearsal, known, *modseq, says);
                let wanted = says.learns(known, &now);
                prop_assert_eq!(picture, wanted, "from {} by {:?}, forgotten", modseq, says);
            }
        }
    }
}
