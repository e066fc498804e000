//! Accounts as a whole: epochs, horizons, ids, queue, directory, and the check of what is derived.

use crate::world::*;
use bytes::Bytes;
use std::ops::ControlFlow;
use store::backend::{Backend, Batch, Direction, Key, Read};
use store::id::{ChangeSeq, FolderId, Timestamp, Uid};
use store::model::*;

#[test]
fn uid_validity_is_never_reused_not_even_by_a_folder_of_the_same_name() {
    let fixture = Fixture::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let a = folder(&fixture, "a");
        let row = view(&fixture).folder(ACCOUNT, a).unwrap().unwrap();
        assert!(seen.insert(row.uid_validity));
        fixture.write(|txn| txn.remove_folder(ACCOUNT, a)).unwrap();
    }
}

#[test]
fn a_new_epoch_refuses_older_tokens_and_repeats_no_number() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let old_folder = view(&fixture).folder(ACCOUNT, a).unwrap().unwrap();
    let old = account(&fixture);
    fixture.write(|txn| txn.new_epoch(ACCOUNT)).unwrap();
    let new = account(&fixture);
    assert_eq!(new.head.0, old.head.0 + (1 << 32));
    assert_eq!((new.horizon, new.epoch), (new.head, old.epoch + 1));
    assert_ne!(new.replica, old.replica);
    let view = view(&fixture);
    assert_eq!(
        view.changes(ACCOUNT, old.head, 9).unwrap(),
        Changes::Forgotten
    );
    assert_eq!(view.departed(ACCOUNT, a, old.head, 9).unwrap(), None);
    assert!(view.folder(ACCOUNT, a).unwrap().unwrap().uid_validity > old_folder.uid_validity);
    assert_eq!(check(&view).unwrap(), []);
}

#[test]
fn forgetting_changes_moves_the_horizon_and_takes_the_tombstones_along() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let gone = letter(&fixture, a, "x");
    fixture
        .write(|txn| txn.remove_item(ACCOUNT, gone.at))
        .unwrap();
    let young = account(&fixture).head;
    fixture.clock.advance_seconds(10);
    letter(&fixture, a, "y");
    let trim = |limit| {
        fixture
            .write(|txn| txn.trim_changes(ACCOUNT, txn.now(), limit))
            .unwrap()
    };
    assert_eq!(trim(1), 1);
    assert_eq!(account(&fixture).horizon, ChangeSeq(1));
    assert_eq!(trim(100), usize::try_from(young.0).unwrap() - 1);
    let view = view(&fixture);
    assert_eq!(
        view.changes(ACCOUNT, gone.change, 9).unwrap(),
        Changes::Forgotten
    );
    assert_eq!(view.departed(ACCOUNT, a, gone.change, 9).unwrap(), None);
    assert_eq!(log(&fixture, young).len(), 1);
    assert_eq!(check(&view).unwrap(), []);
}

#[test]
fn clients_may_bring_reserved_ids_once() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let run = fixture.write(|txn| txn.reserve_ids(ACCOUNT, 100)).unwrap();
    let bring = |id| {
        let new = NewItem {
            id: Some(id),
            ..NewItem::mail(a)
        };
        fixture.write(|txn| txn.insert_item(ACCOUNT, &new))
    };
    assert_eq!(bring(run.first + 50).unwrap().place.0, run.first + 50);
    assert_eq!(bring(run.first + 50), Err(ModelError::IdNotReserved));
    assert_eq!(bring(run.last + 1), Err(ModelError::IdNotReserved));
    assert!(bring(run.first).is_ok() && bring(run.last).is_ok());
    assert_eq!(
        account(&fixture).id_runs.len(),
        2,
        "the run is split where ids were used"
    );
}

#[test]
fn the_queue_is_one_schedule_and_holds_its_bodies() {
    let fixture = Fixture::new();
    let add = |seconds, text: &str| {
        let body = Some(Body::Staged(stage(&fixture, text.as_bytes())));
        let due = Timestamp::from_seconds(seconds);
        let new = QueueItem {
            due,
            envelope: Bytes::from_static(b"to"),
            label: Bytes::copy_from_slice(text.as_bytes()),
            body,
        };
        fixture.write(|txn| txn.queue_add(ACCOUNT, &new)).unwrap()
    };
    let mut watch = fixture.store.watch_queue();
    let (late, early, negative) = (add(20, "late"), add(10, "early"), add(-5, "negative"));
    assert!(watch.has_changed());
    let due = |seconds| {
        let now = Timestamp::from_seconds(seconds);
        let due = view(&fixture).queue_due(now, 9).unwrap();
        due.into_iter().map(|due| due.id).collect::<Vec<_>>()
    };
    assert_eq!(due(9), [negative]);
    assert_eq!(due(20), [negative, early, late]);
    let again = Timestamp::from_seconds(30);
    fixture
        .write(|txn| {
            txn.queue_update(
                ACCOUNT,
                early,
                again,
                Bytes::new(),
                Bytes::from_static(b"later"),
            )
        })
        .unwrap();
    fixture
        .write(|txn| txn.queue_remove(ACCOUNT, negative))
        .unwrap();
    assert_eq!(due(30), [late, early]);
    assert_eq!(
        view(&fixture).queue_next().unwrap(),
        Some(Timestamp::from_seconds(20))
    );
    let mut latest = Vec::new();
    let times = Timestamp::from_seconds(20)..=Timestamp::from_seconds(30);
    view(&fixture)
        .each_due(times, Direction::Backward, &mut |due, label| {
            latest.push((due.id, label.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    let wanted = [(early, b"later".to_vec()), (late, b"late".to_vec())];
    assert_eq!(latest, wanted, "both ends are included");
    assert_eq!(fixture.backend.living_bodies(), 2);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn directory_numbers_are_permanent_and_addresses_lead_to_one_object() {
    let fixture = Fixture::new();
    let add = |payload: &'static [u8]| {
        let payload = Bytes::from_static(payload);
        fixture
            .write(|txn| txn.add_directory(DirectoryKind::Account, payload.clone()))
            .unwrap()
    };
    let (alice, bob) = (add(b"alice"), add(b"bob"));
    let to = |number| AddressTarget {
        kind: DirectoryKind::Account,
        number,
    };
    let lead = |number| fixture.write(|txn| txn.put_address("a@example.test", to(number)));
    lead(alice).unwrap();
    assert_eq!(lead(bob), Err(ModelError::NameTaken));
    assert_eq!(lead(99), Err(ModelError::NameTaken));
    assert_eq!(
        view(&fixture).address("a@example.test").unwrap(),
        Some(to(alice))
    );
    fixture
        .write(|txn| txn.remove_directory(DirectoryKind::Account, bob))
        .unwrap();
    assert!(add(b"carol") > bob, "a number is never given again");
    fixture
        .write(|txn| txn.remove_address("a@example.test"))
        .unwrap();
    assert_eq!(view(&fixture).address("a@example.test").unwrap(), None);
}

#[test]
fn search_folders_have_members_and_tell_of_their_coming_and_going() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let search = NewFolder {
        name: "unread".to_owned(),
        form: FolderForm::Search(Bytes::from_static(b"criteria")),
        ..NewFolder::default()
    };
    let search = fixture
        .write(|txn| txn.create_folder(ACCOUNT, &search))
        .unwrap();
    let item = letter(&fixture, a, "x");
    let set = |is| {
        fixture
            .write(|txn| txn.set_member(ACCOUNT, search, item.item, is))
            .unwrap();
    };
    set(Membership::Member);
    let now = view(&fixture).folder(ACCOUNT, search).unwrap().unwrap();
    assert_eq!(now.shelf(Shelf::Mail).count, 1);
    assert_eq!(
        view(&fixture).members(ACCOUNT, search).unwrap()[0].0,
        item.item
    );
    set(Membership::Stranger);
    let gone = view(&fixture)
        .departed(ACCOUNT, search, now.contents_changed, 9)
        .unwrap();
    assert_eq!(gone.unwrap()[0].item, item.item);
    let refused = fixture.write(|txn| txn.insert_item(ACCOUNT, &NewItem::mail(search)));
    assert_eq!(refused, Err(ModelError::WrongForm));
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn readers_of_a_public_folder_have_their_own_read_state() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let at = letter(&fixture, a, "x").at;
    let read = ReadState::Read;
    fixture
        .write(|txn| txn.set_read_by(ACCOUNT, at, OTHER, read))
        .unwrap();
    let view = view(&fixture);
    assert!(view.read_by(ACCOUNT, a, OTHER).unwrap().contains(at.uid));
    assert!(view.read_by(ACCOUNT, a, ACCOUNT).unwrap().is_empty());
    assert!(!row(&fixture, at).flags.contains(Flags::SEEN));
}

#[test]
fn uid_sets_answer_by_rank_and_by_uid() {
    let set = UidSet::from_ranges([10..=12, 1..=1, 12..=20, 30..=30]);
    assert_eq!(set.ranges().collect::<Vec<_>>(), [1..=1, 10..=20, 30..=30]);
    assert_eq!(set.len(), 13);
    assert_eq!(
        [set.nth(0), set.nth(1), set.nth(12), set.nth(13)].map(|u| u.map(|u| u.0)),
        [Some(1), Some(10), Some(30), None]
    );
    for (rank, uid) in set.iter().enumerate() {
        assert_eq!(set.rank(uid), Some(rank as u32));
        assert_eq!(set.count_below(uid), rank as u32);
    }
    assert_eq!((set.rank(Uid(9)), set.count_below(Uid(25))), (None, 12));
    let other = UidSet::from_ranges([0..=5, 15..=40]);
    assert_eq!(
        set.difference(&other).ranges().collect::<Vec<_>>(),
        [10..=14]
    );
    assert_eq!(
        set.intersection(&other).ranges().collect::<Vec<_>>(),
        [1..=1, 15..=20, 30..=30]
    );
    assert_eq!(
        set.within(11..=30).ranges().collect::<Vec<_>>(),
        [11..=20, 30..=30]
    );
    assert_eq!(
        set.union(&other).ranges().collect::<Vec<_>>(),
        [0..=5, 10..=40]
    );
}

/// Damages rows behind the model's back.
fn damage(fixture: &Fixture, writes: Vec<(Key, Option<Bytes>)>) {
    let batch = Batch {
        writes,
        ..Default::default()
    };
    let backend: &dyn Backend = fixture.backend.as_ref();
    backend
        .begin(&[ACCOUNT])
        .unwrap()
        .commit(batch)
        .unwrap()
        .wait()
        .unwrap();
}

/// Every key of the account that begins with one of these tags.
fn keys(fixture: &Fixture, tags: &[u8]) -> Vec<Key> {
    let (mut found, view) = (Vec::new(), view(fixture));
    Read::scan(&view, b"A"..b"z", Direction::Forward, &mut |key, _| {
        if tags.contains(&key[0]) {
            found.push(Key::from_slice(key));
        }
        true
    })
    .unwrap();
    found
}

fn faults(fixture: &Fixture) -> std::collections::BTreeSet<Fault> {
    let findings = check(&view(fixture)).unwrap();
    findings.into_iter().map(|finding| finding.fault).collect()
}

/// Two items of one conversation.
fn converse(fixture: &Fixture, folder: FolderId) {
    for names in [vec![1], vec![2, 1]] {
        let new = NewItem {
            names,
            ..NewItem::mail(folder)
        };
        fixture.write(|txn| txn.insert_item(ACCOUNT, &new)).unwrap();
    }
}

#[test]
fn what_is_derived_is_found_wrong_and_made_anew() {
    let fixture = Fixture::new();
    let (a, b) = (folder(&fixture, "a"), folder(&fixture, "b"));
    let moved = letter(&fixture, a, "moved").at;
    let kept = letter(&fixture, a, "kept");
    fixture
        .write(|txn| txn.move_item(ACCOUNT, moved, b))
        .unwrap();
    converse(&fixture, b);
    let rows = |tags: &[u8]| {
        let view = view(&fixture);
        let value = |key: &Key| Read::get(&view, key).unwrap();
        keys(&fixture, tags)
            .into_iter()
            .map(|key| (value(&key), key))
            .collect::<Vec<_>>()
    };
    let right = rows(b"AFULITRJj");
    let gone = keys(&fixture, b"ULITRJj")
        .into_iter()
        .map(|key| (key, None))
        .collect();
    damage(&fixture, gone);
    let faults = faults(&fixture);
    let wanted = [
        Fault::Uids,
        Fault::Location,
        Fault::Alias,
        Fault::Tombstone,
        Fault::Reference,
        Fault::Conversation,
    ];
    assert_eq!(faults, wanted.into());
    assert!(fixture.write(|txn| txn.rebuild_derived(ACCOUNT)).unwrap() >= 6);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
    assert_eq!(rows(b"AFULITRJj"), right, "the same bytes as before");

    let item = keys(&fixture, b"M")
        .into_iter()
        .find(|key| key[10] == a.0 as u8)
        .unwrap();
    damage(&fixture, vec![(item, None)]);
    let faults = check(&view(&fixture))
        .unwrap()
        .into_iter()
        .map(|finding| finding.fault);
    let faults: std::collections::BTreeSet<_> = faults.collect();
    assert!(
        faults.is_superset(&[Fault::Counters, Fault::Use, Fault::Uids].into()),
        "{faults:?}"
    );
    fixture.write(|txn| txn.rebuild_derived(ACCOUNT)).unwrap();
    let view = view(&fixture);
    let counters = view.folder(ACCOUNT, a).unwrap().unwrap().shelf(Shelf::Mail);
    assert_eq!((counters.count, counters.bytes), (0, 0));
    assert!(
        counters.uid_next > kept.at.uid,
        "a UID is never given again, even when its item is lost"
    );
}

#[test]
fn an_erased_account_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let before = keys(&fixture, b"AFMELIUONnCTVPRQq");
    let parent = folder(&fixture, "a");
    let below = NewFolder {
        name: "b".to_owned(),
        parent: Some(parent),
        ..NewFolder::default()
    };
    let below = fixture
        .write(|txn| txn.create_folder(ACCOUNT, &below))
        .unwrap();
    for number in 0..20 {
        let at = letter(&fixture, below, &format!("{number}")).at;
        if number % 3 == 0 {
            fixture
                .write(|txn| txn.move_item(ACCOUNT, at, parent))
                .unwrap();
        }
    }
    let entry = QueueItem {
        due: Timestamp(1),
        envelope: Bytes::new(),
        label: Bytes::new(),
        body: None,
    };
    fixture
        .write(|txn| {
            txn.intern(ACCOUNT, &Name::Keyword("k".to_owned()))?;
            txn.queue_add(ACCOUNT, &entry)
        })
        .unwrap();
    let step = || fixture.write(|txn| txn.erase_account(ACCOUNT, 7)).unwrap();
    assert!((0..100).any(|_| step() == 0), "it comes to an end");
    let left = keys(&fixture, b"AFMELIUONnCTVPRQq");
    assert!(left.iter().all(|key| before.contains(key)), "{left:?}");
    assert_eq!(view(&fixture).account_row(ACCOUNT).unwrap(), None);
    assert_eq!(fixture.backend.living_bodies(), 0);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}
