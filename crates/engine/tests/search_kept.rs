//! What is kept of a folder in memory (its letters in an order, their conversations) gives the same
//! answers as looking at every letter anew, whatever happened since it was made.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use engine::rehearsal::Rehearsal;
use engine::search::{
    Arranging, Comparator, Conversations, Forest, Order, Plan, Query, Relating, Run, SortBy,
    SortLevel, Sorting, Threading,
};
use engine::{
    Account, EngineError, FlagChange, Flags, FolderId, Location, NewLetter, Reading, Role,
    Settings, Shelf, Transfer, Uid, UidSet,
};
use proptest::prelude::*;

struct Ground {
    house: Rehearsal,
    account: Account,
    inbox: FolderId,
    archive: FolderId,
}

impl Ground {
    fn new() -> Self {
        let house = Rehearsal::new(Settings::default()).unwrap();
        let user = house.person("alice@example.test").unwrap();
        let account = house.engine.account(&user, 1);
        let inbox = account.read().unwrap().folder_with_role(Role::Inbox);
        let made = account.write(|txn| txn.create_path(&["Old"], Role::None));
        Self {
            inbox: inbox.unwrap().unwrap().0,
            archive: made.unwrap().wait().unwrap(),
            house,
            account,
        }
    }

    fn append(&self, letter: &str) -> Uid {
        let mut upload = self.account.upload().unwrap();
        upload.write(letter.as_bytes()).unwrap();
        let staged = upload.finish().unwrap();
        let new = NewLetter::new(self.inbox, &staged);
        let pending = self.account.write(|txn| txn.append(&new)).unwrap();
        pending.wait().unwrap().at.uid
    }

    /// The letter of this number among those that are there, if there are any.
    fn some(&self, number: u8) -> Option<Location> {
        let (folder, shelf) = (self.inbox, Shelf::Mail);
        let there = self.account.read().unwrap().uids(folder, shelf).unwrap();
        let rank = u32::from(number).checked_rem(there.len())?;
        let uid = there.nth(rank)?;
        Some(Location { folder, shelf, uid })
    }

    fn there(&self) -> UidSet {
        let view = self.account.read().unwrap();
        view.uids(self.inbox, Shelf::Mail).unwrap()
    }

    fn act(&self, act: &Act) {
        let (account, archive) = (&self.account, self.archive);
        match act {
            Act::Append(letter) => {
                self.append(letter);
            }
            Act::Expunge(number) => {
                let Some(at) = self.some(*number) else { return };
                let done = account.write(|txn| txn.expunge(at)).unwrap();
                done.wait().unwrap();
            }
            Act::Transfer(how, number) => {
                let Some(at) = self.some(*number) else { return };
                let done = account
                    .write(|txn| txn.transfer(*how, at, archive))
                    .unwrap();
                done.wait().unwrap();
            }
            Act::Flag(number) => {
                let Some(at) = self.some(*number) else { return };
                let change = FlagChange::add(Flags::SEEN);
                let done = account.write(|txn| txn.set_flags(at, &change)).unwrap();
                done.wait().unwrap();
            }
        }
    }

    fn arranged(&self, order: &Order, wanted: &UidSet) -> Vec<Uid> {
        let mut arranging = Arranging::new(self.inbox, order.clone(), wanted.clone());
        loop {
            if let Some(uids) = arranging.step(&self.account).unwrap() {
                return uids;
            }
        }
    }

    fn arranged_anew(&self, order: &Order, wanted: &UidSet) -> Vec<Uid> {
        let mut sorting = Sorting::new(order.clone());
        let mut run = everything(self.inbox, wanted);
        while !run.step(&self.account, &mut sorting).unwrap() {}
        sorting.finish().uids().collect()
    }

    fn related(&self, threading: Threading, wanted: &UidSet) -> String {
        let comparator = Comparator::Unicode;
        let mut relating = Relating::new(self.inbox, threading, comparator, wanted.clone());
        loop {
            if let Some(forest) = relating.step(&self.account).unwrap() {
                return told(&forest);
            }
        }
    }

    fn related_anew(&self, threading: Threading, wanted: &UidSet) -> String {
        let mut letters = Conversations::new(Comparator::Unicode, 0);
        let mut run = everything(self.inbox, wanted);
        while !run.step(&self.account, &mut letters).unwrap() {}
        told(&letters.forest(threading))
    }

    fn check(&self, wanted: &UidSet) {
        for order in orders() {
            let kept = self.arranged(&order, wanted);
            assert_eq!(kept, self.arranged_anew(&order, wanted), "{order:?}");
        }
        for threading in THREADINGS {
            let kept = self.related(threading, wanted);
            assert_eq!(kept, self.related_anew(threading, wanted), "{threading:?}");
        }
    }
}

const THREADINGS: [Threading; 3] = [
    Threading::Subject,
    Threading::ReferencesAndSubject,
    Threading::References,
];

fn everything(folder: FolderId, wanted: &UidSet) -> Run {
    let plan = Plan::new(Query::All(Vec::new())).unwrap();
    Run::new(plan, folder, Shelf::Mail, wanted.clone())
}

fn orders() -> Vec<Order> {
    let order = |levels: &[(SortBy, bool)]| Order {
        levels: levels
            .iter()
            .cloned()
            .map(|(by, descending)| SortLevel { by, descending })
            .collect(),
        comparator: Comparator::Unicode,
    };
    vec![
        order(&[(SortBy::Subject, false)]),
        order(&[(SortBy::Sent, true)]),
        order(&[(SortBy::Size, false), (SortBy::From, true)]),
    ]
}

/// The trees as brackets.
fn told(forest: &Forest) -> String {
    forest
        .roots()
        .iter()
        .map(|root| tree(forest, *root))
        .collect()
}

fn tree(forest: &Forest, node: u32) -> String {
    let own = forest.uid(node).map_or(0, |uid| uid.0);
    let below: String = forest
        .children(node)
        .iter()
        .map(|child| tree(forest, *child))
        .collect();
    format!("({own}{below})")
}

#[derive(Debug, Clone)]
enum Act {
    Append(String),
    Expunge(u8),
    Transfer(Transfer, u8),
    Flag(u8),
}

fn any_letter() -> impl Strategy<Value = String> {
    let subject = proptest::sample::select(vec!["", "a", "Re: a", "b", "Re: B"]);
    (0_u8..9, proptest::option::of(0_u8..9), subject, 1_u8..9).prop_map(
        |(id, answers, subject, day)| {
            let answers = answers.map_or(String::new(), |id| format!("References: <m{id}@x>\r\n"));
            format!(
                "Message-ID: <m{id}@x>\r\nFrom: a{id}@x\r\nSubject: {subject}\r\n\
                 Date: {day} Jan 2020 00:00:00 +0000\r\n{answers}\r\nx\r\n"
            )
        },
    )
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => any_letter().prop_map(Act::Append),
        1 => any::<u8>().prop_map(Act::Expunge),
        1 => any::<u8>().prop_map(|number| Act::Transfer(Transfer::Move, number)),
        1 => any::<u8>().prop_map(|number| Act::Transfer(Transfer::Copy, number)),
        1 => any::<u8>().prop_map(Act::Flag),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_kept_follows_all_that_happens(
        rounds in proptest::collection::vec(proptest::collection::vec(any_act(), 0..6), 1..6),
        left_out in any::<u8>(),
    ) {
        let ground = Ground::new();
        for round in &rounds {
            for act in round {
                ground.act(act);
            }
            let all = ground.there();
            ground.check(&all);
            let out: UidSet = ground.some(left_out).map(|at| at.uid).into_iter().collect();
            ground.check(&all.difference(&out));
            // Few of many are looked at without the rest.
            ground.check(&out);
        }
    }
}

#[test]
fn more_than_can_be_taken_over_is_looked_at_anew() {
    let ground = Ground::new();
    let letter = |number: u32| {
        format!(
            "Message-ID: <m{number}@x>\r\nSubject: {}\r\n\r\nx\r\n",
            number * 7919 % 1000
        )
    };
    ground.append(&letter(1));
    ground.check(&ground.there());
    for number in 2..400 {
        ground.append(&letter(number));
    }
    ground.check(&ground.there());
}

#[test]
fn another_session_finds_what_one_has_made() {
    let ground = Ground::new();
    for number in 0..600_u32 {
        ground.append(&format!("Subject: {}\r\n\r\nx\r\n", number * 7919 % 1000));
    }
    let (order, all) = (&orders()[0], ground.there());
    let first = ground.arranged(order, &all);
    let mut again = Arranging::new(ground.inbox, order.clone(), all);
    let at_once = again.step(&ground.account).unwrap();
    assert_eq!(at_once, Some(first), "without looking at the letters");
}

#[test]
fn who_may_not_read_a_folder_is_told_nothing_of_what_is_kept() {
    let ground = Ground::new();
    ground.append("Subject: a\r\n\r\nx\r\n");
    let (order, all) = (orders().swap_remove(0), ground.there());
    ground.arranged(&order, &all);
    let bob = ground.house.person("bob@example.test").unwrap();
    let owner = ground.account.id();
    let guest = ground.house.engine.account_of(&bob, owner, 2).unwrap();
    let asked = Arranging::new(ground.inbox, order, all).step(&guest);
    assert!(matches!(
        asked,
        Err(EngineError::NoSuchFolder | EngineError::Denied)
    ));
}
