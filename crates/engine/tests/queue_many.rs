//! Many letters in the queue: what is taken of it, and results that are kept together.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::queue::{
    Attempt, Due, Ended, EntryKey, Mark, NextHop, Portion, QueueState, Reason, RecipientResult,
    Standing, Status, Verdict,
};
use engine::rehearsal::{Rehearsal, letters};
use engine::{AccountId, Envelope, Settings, User};
use std::collections::HashSet;
use std::time::Duration;

struct Stage {
    house: Rehearsal,
    alice: User,
}

impl Stage {
    fn new() -> Self {
        let house = Rehearsal::new(Settings::default()).unwrap();
        let alice = house.person("alice@example.test").unwrap();
        Self { house, alice }
    }

    /// A letter of alice's to these; the answer is its name in the queue.
    fn submit(&self, recipients: &[&str]) -> EntryKey {
        let engine = &self.house.engine;
        let envelope = Envelope {
            submitter: Some(self.alice.clone()),
            ..self
                .house
                .envelope("alice@example.test", recipients)
                .unwrap()
        };
        let before: HashSet<EntryKey> = self.keys().into_iter().collect();
        let letter = self.house.staged(b"Subject: s\r\n\r\nb\r\n").unwrap();
        engine.deliver(&envelope, &letter).unwrap().wait().unwrap();
        let new = self.keys().into_iter().find(|key| !before.contains(key));
        new.unwrap()
    }

    fn keys(&self) -> Vec<EntryKey> {
        let queue = self.house.engine.queue().unwrap();
        let key = |QueueState { account, id, .. }| EntryKey { account, id };
        queue.into_iter().map(key).collect()
    }

    fn look(&self, mark: &mut Mark, portion: Portion, known: &HashSet<EntryKey>) -> Vec<EntryKey> {
        let engine = &self.house.engine;
        let found = engine.queue_look(mark, portion, |due, _| standing(due, known));
        found.unwrap().entries
    }
}

fn standing(due: Due, known: &HashSet<EntryKey>) -> Standing {
    let (account, id) = (due.account, due.id);
    if known.contains(&EntryKey { account, id }) {
        Standing::Known
    } else {
        Standing::Wanted
    }
}

fn ended(key: EntryKey, address: &str, verdict: Verdict) -> Ended {
    let attempt = Attempt {
        host: "mx.far.test".to_owned(),
        tls: String::new(),
        results: vec![RecipientResult {
            address: address.to_owned(),
            verdict,
        }],
        put_off_until: None,
    };
    Ended {
        key,
        attempt,
        dice: 7,
    }
}

fn accepted() -> Verdict {
    Verdict::Accepted(NextHop::Informs, "250 kept".to_owned())
}

fn never() -> Verdict {
    Verdict::Never(Reason {
        status: Status::new(5, 1, 1),
        reply: Some("550 5.1.1 no such user".to_owned()),
    })
}

#[test]
fn results_that_are_kept_together_are_kept_as_each_by_itself() {
    let stage = Stage::new();
    let served = stage.submit(&["a@far.test"]);
    let failed = stage.submit(&["b@far.test"]);
    let waiting = stage.submit(&["c@far.test"]);
    let later = Verdict::Later(Reason::ours(Status::NO_ANSWER));
    let gone = EntryKey {
        account: AccountId(77),
        id: 1,
    };
    let all = [
        ended(served, "a@far.test", accepted()),
        ended(failed, "b@far.test", never()),
        ended(gone, "x@far.test", accepted()),
        ended(waiting, "c@far.test", later),
    ];
    let kept = stage.house.engine.queue_settle_all(&all).into_iter();
    let kept: Vec<_> = kept.map(|one| one.unwrap().wait().unwrap()).collect();
    assert_eq!(kept[0].due, None);
    assert_eq!(kept[1].failed, ["b@far.test"]);
    assert_eq!(kept[1].notices.len(), 1, "who is told of something is told");
    assert_eq!(kept[2].due, None);
    assert!(kept[3].due.is_some());
    assert_eq!(stage.keys(), [waiting]);
    let account = stage.house.engine.account(&stage.alice, 1);
    assert_eq!(letters(&account, &["Inbox"]).unwrap().len(), 1);
}

#[test]
fn two_results_of_one_letter_that_are_kept_together_both_count() {
    let stage = Stage::new();
    let key = stage.submit(&["a@far.test", "b@near.test", "c@near.test"]);
    let all = [
        ended(key, "a@far.test", accepted()),
        ended(key, "b@near.test", accepted()),
    ];
    for kept in stage.house.engine.queue_settle_all(&all) {
        kept.unwrap().wait().unwrap();
    }
    let left = stage.house.engine.queue_entry(key.account, key.id).unwrap();
    let left: Vec<&str> = left
        .letter
        .recipients
        .iter()
        .map(|one| &*one.address)
        .collect();
    assert_eq!(left, ["c@near.test"]);
}

#[test]
fn a_result_waits_for_another_of_its_letter_that_is_on_its_way_to_the_disk() {
    let stage = Stage::new();
    let key = stage.submit(&["a@far.test", "b@near.test"]);
    let engine = &stage.house.engine;
    let settle = |address| {
        let Ended { attempt, dice, .. } = ended(key, address, accepted());
        engine.queue_settle(key, &attempt, dice)
    };
    stage.house.hold();
    let first = settle("a@far.test").unwrap();
    std::thread::scope(|scope| {
        let (tell, told) = std::sync::mpsc::channel();
        scope.spawn(move || tell.send(settle("b@near.test")));
        assert!(told.recv_timeout(Duration::from_millis(50)).is_err());
        stage.house.release();
        told.recv().unwrap().unwrap().wait().unwrap();
    });
    first.wait().unwrap();
    assert_eq!(stage.keys(), []);
}

#[test]
fn a_letter_that_just_came_is_found_though_hundreds_are_overdue() {
    let stage = Stage::new();
    let mut overdue = HashSet::new();
    for _ in 0..200 {
        overdue.insert(stage.submit(&["a@dead.test"]));
    }
    stage.house.pass(10);
    let fresh = stage.submit(&["a@live.test"]);
    let portion = Portion {
        most: 16,
        overdue: 8,
    };
    let (mut mark, mut known) = (Mark::default(), HashSet::new());
    let first = stage.look(&mut mark, portion, &known);
    assert_eq!(first.len(), 16);
    assert_eq!(first[0], fresh);
    known.extend(first);
    while known.len() < 201 {
        let more = stage.look(&mut mark, portion, &known);
        assert!(!more.is_empty(), "{} were found", known.len());
        assert!(more.iter().all(|key| known.insert(*key)), "nothing twice");
    }
    overdue.insert(fresh);
    assert_eq!(known, overdue);
}

#[test]
fn what_waits_for_longest_goes_first_where_all_find_a_place() {
    let stage = Stage::new();
    let mut wanted = Vec::new();
    for _ in 0..5 {
        wanted.push(stage.submit(&["a@far.test"]));
        stage.house.pass(1);
    }
    let portion = Portion {
        most: 6,
        overdue: 1,
    };
    let found = stage.look(&mut Mark::default(), portion, &HashSet::new());
    assert_eq!(found, wanted);
}

#[test]
fn what_is_no_longer_known_is_found_again_within_a_second_or_when_it_is_told() {
    let stage = Stage::new();
    let old = stage.submit(&["a@far.test"]);
    stage.house.pass(10);
    let new = stage.submit(&["a@far.test"]);
    let portion = Portion {
        most: 6,
        overdue: 1,
    };
    let mut mark = Mark::default();
    let both = HashSet::from([old, new]);
    assert_eq!(stage.look(&mut mark, portion, &HashSet::new()), [old, new]);
    let only = HashSet::from([new]);
    let engine = &stage.house.engine;
    let found = engine.queue_look(&mut mark, portion, |due, _| standing(due, &only));
    let found = found.unwrap();
    assert!(found.entries.is_empty(), "what just came is looked at only");
    let soon = engine.now().plus_seconds(1);
    assert!(found.next.is_some_and(|next| next <= soon), "{found:?}");
    stage.house.pass(1);
    assert_eq!(stage.look(&mut mark, portion, &only), [old]);
    assert!(stage.look(&mut mark, portion, &both).is_empty());
    mark.forget();
    assert_eq!(stage.look(&mut mark, portion, &only), [old]);
}

#[test]
fn what_is_passed_over_is_neither_taken_nor_in_the_way_of_others() {
    let stage = Stage::new();
    for _ in 0..100 {
        stage.submit(&["a@Dead.test"]);
    }
    let live = stage.submit(&["a@live.test"]);
    let both = stage.submit(&["a@dead.test", "a@live.test"]);
    for _ in 0..100 {
        stage.submit(&["a@dead.test", "b@dead.test"]);
    }
    stage.house.pass(10);
    let portion = Portion {
        most: 4,
        overdue: 2,
    };
    let standing = |_, label: &[u8]| match label {
        b"dead.test" => Standing::Passed,
        _ => Standing::Wanted,
    };
    let engine = &stage.house.engine;
    let found = engine.queue_look(&mut Mark::default(), portion, standing);
    let found = found.unwrap();
    assert_eq!(
        found.entries,
        [live, both],
        "who has two domains has no label"
    );
    assert!(!found.more && found.next.is_some(), "{found:?}");
}
