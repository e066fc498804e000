//! In which order letters are sent: nothing lost, nothing twice, nobody starved.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::queue::{Ending, Entry, EntryKey, Job, Pace, Scheduler, Standing, Step};
use engine::{AccountId, Timestamp};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

const SECOND: i64 = Timestamp::PER_SECOND;

fn pace() -> Pace {
    Pace {
        window: 64,
        sendings_max: 12,
        connections_first: 2,
        connections_max: 5,
        rest_first_seconds: 60,
        rest_most_seconds: 3_600,
    }
}

fn key(account: u32, id: u64) -> EntryKey {
    EntryKey {
        account: AccountId(account),
        id,
    }
}

fn entry(account: u32, id: u64, destinations: &[&str]) -> Entry {
    Entry {
        key: key(account, id),
        priority: 0,
        destinations: destinations.iter().map(|name| Arc::from(*name)).collect(),
    }
}

fn sent(step: Option<Step>) -> Job {
    match step {
        Some(Step::Send(job)) => job,
        other => panic!("{other:?}"),
    }
}

/// Takes all that may be sent now.
fn all(scheduler: &mut Scheduler) -> Vec<Step> {
    std::iter::from_fn(|| scheduler.next_step()).collect()
}

#[test]
fn senders_take_turns_at_a_destination() {
    let mut scheduler = Scheduler::new(pace());
    for id in 0..10 {
        scheduler.admit(&entry(1, id, &["d.test"]), Timestamp(0));
    }
    scheduler.admit(&entry(2, 99, &["d.test"]), Timestamp(0));
    let first: Vec<u32> = all(&mut scheduler)
        .into_iter()
        .map(|step| sent(Some(step)).key.account.0)
        .collect();
    assert_eq!(
        first,
        [1, 2],
        "one of each while two connections are allowed"
    );
}

#[test]
fn a_higher_priority_goes_first() {
    let mut scheduler = Scheduler::new(pace());
    scheduler.admit(&entry(1, 1, &["d.test"]), Timestamp(0));
    let urgent = Entry {
        priority: 4,
        ..entry(1, 2, &["d.test"])
    };
    scheduler.admit(&urgent, Timestamp(0));
    assert_eq!(sent(scheduler.next_step()).key, urgent.key);
}

#[test]
fn success_brings_more_connections_up_to_a_bound() {
    let mut scheduler = Scheduler::new(pace());
    let mut running: Vec<Step> = Vec::new();
    let mut most = 0;
    for id in 0..60 {
        if id % 15 == 0 {
            let more = (0..15).map(|at| entry(1, id + at, &["d.test"]));
            more.for_each(|entry| scheduler.admit(&entry, Timestamp(0)));
        }
        running.extend(all(&mut scheduler));
        most = most.max(running.len());
        let step = running.remove(0);
        scheduler.finished(&step, Ending::Served, Timestamp(0), 0);
    }
    assert_eq!(most, pace().connections_max);
}

#[test]
fn a_destination_that_cannot_be_reached_rests_and_is_tried_with_one_letter() {
    let mut scheduler = Scheduler::new(pace());
    for id in 0..10 {
        scheduler.admit(&entry(1, id, &["dead.test"]), Timestamp(0));
    }
    let mut tried = 0;
    while let Some(step) = scheduler.next_step() {
        tried += 1;
        scheduler.finished(&step, Ending::Unreachable, Timestamp(0), 0);
    }
    assert_eq!(tried, 3);
    assert!(scheduler.is_empty(), "the others are left to the store");
    // While it rests nothing is even looked at.
    let standing = |scheduler: &Scheduler, name, seconds| {
        scheduler.standing(key(1, 20), name, Timestamp(seconds * SECOND))
    };
    assert_eq!(standing(&scheduler, "dead.test", 1), Standing::Passed);
    assert_eq!(standing(&scheduler, "other.test", 1), Standing::Wanted);
    // What is looked at for another reason is put off until the rest ends.
    scheduler.admit(&entry(1, 21, &["dead.test"]), Timestamp(SECOND));
    let step = scheduler.next_step().unwrap();
    assert!(matches!(step, Step::PutOff(_, until) if until.0 >= 50 * SECOND));
    scheduler.finished(&step, Ending::Nothing, Timestamp(SECOND), 0);
    // Then one letter finds out, and meanwhile no other is taken.
    assert_eq!(standing(&scheduler, "dead.test", 100), Standing::Wanted);
    let later = Timestamp(100 * SECOND);
    scheduler.admit(&entry(1, 30, &["dead.test"]), later);
    assert_eq!(standing(&scheduler, "dead.test", 100), Standing::Passed);
    let steps = all(&mut scheduler);
    assert_eq!(steps.len(), 1);
    assert_eq!(standing(&scheduler, "dead.test", 100), Standing::Passed);
    scheduler.finished(&steps[0], Ending::Unreachable, later, 0);
    assert_eq!(scheduler.resting(later).len(), 1);
    // Once it was reached all are wanted.
    let later = Timestamp(1_000 * SECOND);
    scheduler.admit(&entry(1, 31, &["dead.test"]), later);
    let step = scheduler.next_step().unwrap();
    scheduler.finished(&step, Ending::Served, later, 0);
    scheduler.admit(&entry(1, 32, &["dead.test"]), later);
    assert_eq!(standing(&scheduler, "dead.test", 1_000), Standing::Wanted);
}

#[test]
fn a_dead_destination_with_endless_letters_leaves_the_window_to_others() {
    let mut scheduler = Scheduler::new(pace());
    for id in 0..1_000 {
        if scheduler.room() == 0 {
            break;
        }
        scheduler.admit(&entry(1, id, &["slow.test"]), Timestamp(0));
        for step in all(&mut scheduler) {
            if let Step::PutOff(..) = step {
                scheduler.finished(&step, Ending::Nothing, Timestamp(0), 0);
            }
        }
    }
    assert!(scheduler.room() > pace().window / 2, "{}", scheduler.room());
    scheduler.admit(&entry(2, 5_000, &["live.test"]), Timestamp(0));
    assert_eq!(&*sent(scheduler.next_step()).destination, "live.test");
}

#[test]
fn however_many_destinations_are_dead_those_that_are_known_to_live_go_on() {
    let mut scheduler = Scheduler::new(pace());
    scheduler.admit(&entry(1, 0, &["live.test"]), Timestamp(0));
    let first = scheduler.next_step().unwrap();
    scheduler.finished(&first, Ending::Served, Timestamp(0), 0);
    let mut hanging = 0;
    for id in 1..=60 {
        scheduler.admit(&entry(1, id, &[&format!("dead{id}.test")]), Timestamp(0));
        for step in all(&mut scheduler) {
            match step {
                Step::Send(_) => hanging += 1,
                Step::PutOff(..) => {
                    scheduler.finished(&step, Ending::Nothing, Timestamp(0), 0);
                }
            }
        }
    }
    assert_eq!(hanging, 9, "three quarters of the sendings");
    let crowded = scheduler.standing(key(1, 99), "new.test", Timestamp(0));
    assert_eq!(crowded, Standing::Passed);
    let in_memory = scheduler.len() - hanging;
    assert_eq!(in_memory, pace().window / 2, "and half of the memory");
    scheduler.admit(&entry(2, 100, &["live.test"]), Timestamp(0));
    assert_eq!(&*sent(scheduler.next_step()).destination, "live.test");
    assert_eq!(scheduler.next_step(), None);
}

#[test]
fn an_open_connection_does_not_keep_others_from_the_last_place() {
    let one = Pace {
        sendings_max: 1,
        ..pace()
    };
    let mut scheduler = Scheduler::new(one);
    for id in 0..3 {
        scheduler.admit(&entry(1, id, &["a.test"]), Timestamp(0));
    }
    scheduler.admit(&entry(1, 9, &["b.test"]), Timestamp(0));
    let first = scheduler.next_step().unwrap();
    scheduler.finished(&first, Ending::Served, Timestamp(0), 0);
    assert_eq!(scheduler.next_for(&Arc::from("a.test")), None);
    assert_eq!(&*sent(scheduler.next_step()).destination, "b.test");
}

#[test]
fn an_entry_is_known_until_its_last_job_has_ended() {
    let mut scheduler = Scheduler::new(pace());
    let two = entry(1, 1, &["a.test", "b.test"]);
    scheduler.admit(&two, Timestamp(0));
    scheduler.admit(&two, Timestamp(0));
    let steps = all(&mut scheduler);
    assert_eq!(steps.len(), 2, "taken once");
    scheduler.finished(&steps[0], Ending::Served, Timestamp(0), 0);
    assert!(scheduler.knows(two.key));
    scheduler.finished(&steps[1], Ending::Served, Timestamp(0), 0);
    assert!(!scheduler.knows(two.key));
}

/// What a driver may do, in any order.
#[derive(Debug, Clone)]
enum Deed {
    Admit { account: u32, destinations: Vec<u8> },
    Next,
    NextFor(u8),
    Finish { which: usize, ending: u8 },
    Pass(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let destinations = prop::collection::hash_set(0_u8..4, 1..3);
    prop_oneof![
        4 => (0_u32..3, destinations).prop_map(|(account, destinations)| Deed::Admit {
            account,
            destinations: destinations.into_iter().collect(),
        }),
        4 => Just(Deed::Next),
        2 => (0_u8..4).prop_map(Deed::NextFor),
        4 => (any::<usize>(), 0_u8..3).prop_map(|(which, ending)| Deed::Finish { which, ending }),
        1 => (0_i64..4_000).prop_map(Deed::Pass),
    ]
}

fn name(destination: u8) -> Arc<str> {
    Arc::from(format!("d{destination}.test"))
}

#[derive(Default)]
struct Model {
    waiting: HashSet<Job>,
    /// May come out or not.
    left: HashSet<Job>,
    running: Vec<Step>,
    sending: HashMap<Arc<str>, usize>,
    now: i64,
    dice: u64,
}

impl Model {
    fn began(&mut self, step: Step) {
        let (Step::Send(job) | Step::PutOff(job, _)) = &step;
        let waited = self.waiting.remove(job) || self.left.remove(job);
        assert!(waited, "{job:?} was not waiting");
        match &step {
            Step::PutOff(..) => {}
            Step::Send(job) => {
                let count = self
                    .sending
                    .entry(Arc::clone(&job.destination))
                    .or_default();
                *count += 1;
                assert!(*count <= pace().connections_max);
            }
        }
        self.running.push(step);
        assert!(self.sending.values().sum::<usize>() <= pace().sendings_max);
    }

    fn end(&mut self, scheduler: &mut Scheduler, which: usize, ending: Ending) {
        if self.running.is_empty() {
            return;
        }
        let step = self.running.swap_remove(which % self.running.len());
        if let Step::Send(job) = &step {
            *self.sending.get_mut(&job.destination).unwrap() -= 1;
        }
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        scheduler.finished(&step, ending, Timestamp(self.now), self.dice);
        // What waited for a destination that rests now is left to the store, unless it is to be put
        // off there.
        let resting = scheduler.resting(Timestamp(self.now));
        let rests = |job: &Job| resting.iter().any(|(name, _)| *name == job.destination);
        let (left, waiting) = self.waiting.drain().partition(rests);
        self.waiting = waiting;
        let left: HashSet<Job> = left;
        self.left.extend(left);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_job_comes_out_once_or_is_left_to_the_store_whatever_happens(
        deeds in prop::collection::vec(deed(), 1..300),
    ) {
        let mut scheduler = Scheduler::new(pace());
        let mut model = Model::default();
        for (id, deed) in (0_u64..).zip(deeds) {
            match deed {
                Deed::Admit { account, destinations } if scheduler.room() > 0 => {
                    let destinations: Vec<Arc<str>> = destinations.into_iter().map(name).collect();
                    let key = key(account, id);
                    model.waiting.extend(destinations.iter().map(|destination| Job {
                        key,
                        destination: Arc::clone(destination),
                    }));
                    let entry = Entry { key, priority: 0, destinations };
                    scheduler.admit(&entry, Timestamp(model.now));
                }
                Deed::Admit { .. } => {}
                Deed::Next => {
                    if let Some(step) = scheduler.next_step() {
                        model.began(step);
                    }
                }
                Deed::NextFor(destination) => {
                    if let Some(job) = scheduler.next_for(&name(destination)) {
                        model.began(Step::Send(job));
                    }
                }
                Deed::Finish { which, ending } => {
                    let endings = [Ending::Served, Ending::Unreachable, Ending::Nothing];
                    let ending = endings[usize::from(ending)];
                    model.end(&mut scheduler, which, ending);
                }
                Deed::Pass(seconds) => model.now += seconds * SECOND,
            }
            let sending: usize = model.sending.values().sum();
            prop_assert_eq!(scheduler.running(), sending);
        }
        // In the end everything comes out, even if all goes on failing.
        loop {
            while let Some(step) = scheduler.next_step() {
                model.began(step);
            }
            if model.waiting.is_empty() && model.running.is_empty() {
                break;
            }
            prop_assert!(!model.running.is_empty(), "stuck with {:?}", model.waiting);
            model.end(&mut scheduler, 0, Ending::Unreachable);
        }
        prop_assert!(scheduler.is_empty());
    }
}
