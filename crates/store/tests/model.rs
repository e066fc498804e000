//! The model's rules, one by one.

#[path = "suite/world.rs"]
mod world;

use bytes::Bytes;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use store::StoreError;
use store::backend::StagedBody;
use store::id::{AccountId, ChangeSeq, FolderId, Timestamp, Uid};
use store::model::*;
use world::{ACCOUNT, Fixture};

const OTHER: AccountId = AccountId(8);

fn folder(fixture: &Fixture, name: &str) -> FolderId {
    let new = NewFolder {
        name: name.to_owned(),
        ..NewFolder::default()
    };
    fixture
        .write(|txn| txn.create_folder(ACCOUNT, &new))
        .unwrap()
}

fn letter(fixture: &Fixture, folder: FolderId, text: &str) -> Receipt {
    let body = Some(Body::Staged(stage(fixture, text.as_bytes())));
    let new = NewItem {
        body,
        delivered: true,
        ..NewItem::mail(folder)
    };
    fixture.write(|txn| txn.insert_item(ACCOUNT, &new)).unwrap()
}

fn stage(fixture: &Fixture, bytes: &[u8]) -> Arc<StagedBody> {
    let mut spool = fixture.store.spool().unwrap();
    spool.write(bytes).unwrap();
    Arc::new(spool.finish().unwrap())
}

fn view(fixture: &Fixture) -> View<'_> {
    fixture.store.view(ACCOUNT).unwrap()
}

fn row(fixture: &Fixture, at: Location) -> ItemRow {
    view(fixture).item_row(ACCOUNT, at).unwrap().unwrap()
}

fn account(fixture: &Fixture) -> AccountRow {
    view(fixture).account_row(ACCOUNT).unwrap().unwrap()
}

fn log(fixture: &Fixture, since: ChangeSeq) -> Vec<(ChangeSeq, ChangeRecord)> {
    match view(fixture).changes(ACCOUNT, since, usize::MAX).unwrap() {
        Changes::Page { records, .. } => records,
        Changes::Forgotten => panic!("forgotten"),
    }
}

fn flag(fixture: &Fixture, at: Location, flags: Flags) -> FlagOutcome {
    fixture
        .write(|txn| txn.set_flags(ACCOUNT, at, &FlagChange::add(flags)))
        .unwrap()
}

#[test]
fn work_that_changes_nothing_uses_no_number_and_wakes_nobody() {
    let fixture = Fixture::new();
    let inbox = folder(&fixture, "a");
    let at = letter(&fixture, inbox, "x").at;
    flag(&fixture, at, Flags::SEEN);
    let (before, mut watch) = (account(&fixture), fixture.store.watch(ACCOUNT));
    assert!(!flag(&fixture, at, Flags::SEEN).changed);
    fixture
        .write(|txn| txn.update_folder(ACCOUNT, inbox, &FolderChange::default()))
        .unwrap();
    fixture.write(|txn| txn.set_quota(ACCOUNT, None)).unwrap();
    assert_eq!(account(&fixture), before);
    assert!(!watch.has_changed());
}

#[test]
fn an_answer_that_changed_nothing_still_waits_for_what_it_saw() {
    let fixture = Fixture::new();
    let at = letter(&fixture, folder(&fixture, "a"), "x").at;
    fixture.backend.faults().hold();
    let set = || {
        let origin = Origin::default();
        let change = FlagChange::add(Flags::SEEN);
        let work = |txn: &mut Txn<'_>| txn.set_flags(ACCOUNT, at, &change);
        fixture
            .store
            .write::<_, ModelError>(&[ACCOUNT], origin, work)
            .unwrap()
            .split()
    };
    let (first, second) = (set(), set());
    assert!(first.0.changed && !second.0.changed);
    assert_eq!(
        second.1.result(),
        None,
        "the flag that it found set is not on disk yet"
    );
    fixture.backend.faults().release();
    assert_eq!(second.1.result(), Some(Ok(())));
}

#[test]
fn an_error_of_the_work_writes_nothing() {
    let fixture = Fixture::new();
    let before = account(&fixture);
    let failed = fixture.write(|txn| {
        txn.create_folder(ACCOUNT, &NewFolder::default())?;
        txn.remove_folder(ACCOUNT, FolderId(99))
    });
    assert_eq!(failed, Err(ModelError::NoSuchFolder));
    assert_eq!(account(&fixture), before);
}

#[test]
fn a_conflict_runs_the_work_again_but_not_for_ever() {
    let fixture = Fixture::new();
    let runs = AtomicUsize::new(0);
    let work = |txn: &mut Txn<'_>| {
        runs.fetch_add(1, Ordering::SeqCst);
        txn.create_folder(
            ACCOUNT,
            &NewFolder {
                name: "a".to_owned(),
                ..NewFolder::default()
            },
        )
    };
    fixture
        .backend
        .faults()
        .fail_next_commit(StoreError::Conflict);
    fixture.write(work).unwrap();
    assert_eq!(runs.swap(0, Ordering::SeqCst), 2);
    (0..100).for_each(|_| {
        fixture
            .backend
            .faults()
            .fail_next_commit(StoreError::Conflict)
    });
    let failed = fixture.write(|txn| txn.set_quota(ACCOUNT, Some(1)));
    assert_eq!(failed, Err(ModelError::Store(StoreError::Conflict)));
}

#[test]
fn each_changed_object_takes_one_number_and_read_state_its_own() {
    let fixture = Fixture::new();
    let inbox = folder(&fixture, "a");
    let at = letter(&fixture, inbox, "x").at;
    let head = account(&fixture).head;
    fixture
        .write_as(5, |txn| {
            txn.set_flags(ACCOUNT, at, &FlagChange::add(Flags::SEEN | Flags::FLAGGED))?;
            txn.set_flags(ACCOUNT, at, &FlagChange::add(Flags::ANSWERED))
        })
        .unwrap();
    let records = log(&fixture, head);
    assert_eq!(
        records
            .iter()
            .map(|(n, _)| n.0 - head.0)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(records[0].1.what, What::READ);
    assert_eq!(records[1].1.what, What::FLAGS);
    assert!(records.iter().all(|(_, record)| record.origin.session == 5));
    let item = row(&fixture, at);
    assert_eq!(
        (item.read_changed, item.changed),
        (records[0].0, records[1].0)
    );
    let folder = view(&fixture).folder(ACCOUNT, inbox).unwrap().unwrap();
    assert_eq!(
        folder.contents_changed, records[1].0,
        "the last number of what changed inside"
    );
    assert!(
        folder.changed < head,
        "a folder's own stamp does not move with its contents"
    );
}

#[test]
fn a_move_keeps_the_content_id_and_gives_uid_and_place_anew() {
    let fixture = Fixture::new();
    let (a, b) = (folder(&fixture, "a"), folder(&fixture, "b"));
    let old = letter(&fixture, a, "x");
    let new = fixture
        .write(|txn| txn.move_item(ACCOUNT, old.at, b))
        .unwrap();
    assert_eq!((new.item, new.content), (old.item, old.content));
    assert_ne!(new.place, old.place);
    assert_eq!(new.at, Location::mail(b, Uid(1)));
    let view = view(&fixture);
    assert_eq!(view.item_at_place(ACCOUNT, old.place).unwrap(), None);
    assert_eq!(
        view.item_at_place(ACCOUNT, new.place).unwrap().unwrap().0,
        new.at
    );
    assert_eq!(
        view.item_with_content(ACCOUNT, old.content)
            .unwrap()
            .unwrap()
            .0,
        new.at
    );
    let gone = view.departed(ACCOUNT, a, old.change, 9).unwrap().unwrap();
    assert_eq!(
        (gone[0].uid, gone[0].place, gone[0].change),
        (old.at.uid, old.place, new.change)
    );
}

#[test]
fn new_bytes_give_a_letter_a_new_uid_and_content_id_and_drop_bound_values() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let old = letter(&fixture, a, "first");
    let first = stage(&fixture, b"first").hash;
    let value = |property, binding| {
        OverlayInput::Set(OverlayValue {
            property,
            value: Value::Boolean(true),
            binding,
        })
    };
    let values = [value(1, Binding::Free), value(2, Binding::Bound(first))];
    let object = OverlayObject::Item(old.at);
    fixture
        .write(|txn| txn.set_overlay(ACCOUNT, object, &[], &values))
        .unwrap();
    let body = Some(Body::Staged(stage(&fixture, b"second")));
    let new = NewBody {
        body,
        ..NewBody::default()
    };
    let new = fixture
        .write(|txn| txn.replace_body(ACCOUNT, old.at, &new))
        .unwrap();
    assert_eq!((new.item, new.place), (old.item, old.place));
    assert_ne!(new.content, old.content);
    assert_eq!(new.at.uid, Uid(2));
    let view = view(&fixture);
    let left = view.overlay(ACCOUNT, new.item.0, &[]).unwrap();
    assert_eq!(
        left.iter().map(|value| value.property).collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(view.item_with_content(ACCOUNT, old.content).unwrap(), None);
    assert_eq!(
        fixture.backend.living_bodies(),
        1,
        "the old bytes are referred to no more"
    );
    assert_eq!(check(&view).unwrap(), []);
}

#[test]
fn removed_items_come_back_with_their_content_id_until_they_are_purged() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let old = letter(&fixture, a, "x");
    fixture
        .write(|txn| txn.remove_item(ACCOUNT, old.at))
        .unwrap();
    let used = account(&fixture);
    assert_eq!((used.used_bytes, used.recoverable_bytes), (0, 1));
    let shelved = Location {
        folder: a,
        shelf: Shelf::Recoverable,
        uid: Uid(1),
    };
    assert_eq!(
        row(&fixture, shelved).place,
        old.place,
        "a removed item keeps its place id"
    );
    let back = fixture
        .write(|txn| txn.restore_item(ACCOUNT, shelved, None))
        .unwrap();
    assert_eq!(
        (back.content, back.at),
        (old.content, Location::mail(a, Uid(2)))
    );
    fixture
        .write(|txn| txn.remove_item(ACCOUNT, back.at))
        .unwrap();
    let purge = |before| {
        fixture
            .write(|txn| txn.purge_recoverable(ACCOUNT, before, 10))
            .unwrap()
    };
    let now = fixture.write(|txn| Ok(txn.now())).unwrap();
    assert_eq!(purge(now), 0, "not yet old enough");
    assert_eq!(purge(Timestamp(now.0 + 1)), 1);
    assert_eq!(fixture.backend.living_bodies(), 0);
    assert_eq!(account(&fixture).recoverable_bytes, 0);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn removing_a_folder_is_one_small_commit_and_its_purge_can_be_resumed() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    (0..10).for_each(|number| _ = letter(&fixture, a, &format!("{number}")));
    let head = account(&fixture).head;
    fixture.write(|txn| txn.remove_folder(ACCOUNT, a)).unwrap();
    assert_eq!(log(&fixture, head).len(), 1);
    assert_eq!(account(&fixture).used_bytes, 0);
    let refused = fixture.write(|txn| txn.insert_item(ACCOUNT, &NewItem::mail(a)));
    assert_eq!(refused, Err(ModelError::NoSuchFolder));
    fixture
        .write(|txn| txn.restore_folder(ACCOUNT, a, None, "again"))
        .unwrap();
    assert_eq!(account(&fixture).used_bytes, 10);
    fixture.write(|txn| txn.remove_folder(ACCOUNT, a)).unwrap();
    fixture.clock.advance_seconds(60);
    let purge = || {
        fixture
            .write(|txn| txn.purge_recoverable(ACCOUNT, txn.now(), 4))
            .unwrap()
    };
    assert_eq!(
        [purge(), purge(), purge(), purge()],
        [4, 4, 3, 0],
        "ten items and the folder"
    );
    assert_eq!(view(&fixture).folder(ACCOUNT, a).unwrap(), None);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn folders_cannot_share_a_name_or_a_role_or_stand_below_themselves() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let below = NewFolder {
        name: "b".to_owned(),
        parent: Some(a),
        role: Role::Sent,
        ..NewFolder::default()
    };
    let b = fixture
        .write(|txn| txn.create_folder(ACCOUNT, &below))
        .unwrap();
    let change = |folder, change: FolderChange| {
        fixture
            .write(|txn| txn.update_folder(ACCOUNT, folder, &change))
            .unwrap_err()
    };
    let create = |new: &NewFolder| fixture.write(|txn| txn.create_folder(ACCOUNT, new));
    let parent = Some(b);
    let named = |name: &str| NewFolder {
        name: name.to_owned(),
        ..NewFolder::default()
    };
    assert_eq!(create(&named("a")), Err(ModelError::NameTaken));
    assert!(
        create(&named("A")).is_ok(),
        "names are compared byte for byte"
    );
    let sent = NewFolder {
        role: Role::Sent,
        ..named("c")
    };
    assert_eq!(create(&sent), Err(ModelError::RoleTaken));
    let into_itself = FolderChange {
        parent,
        ..FolderChange::default()
    };
    assert_eq!(change(a, into_itself), ModelError::WouldLoop);
    let remove = fixture.write(|txn| txn.remove_folder(ACCOUNT, a));
    assert_eq!(remove, Err(ModelError::HasChildren));
    let view = view(&fixture);
    assert_eq!(
        view.folder_at(ACCOUNT, None, &["a", "b"])
            .unwrap()
            .unwrap()
            .0,
        b
    );
    assert_eq!(
        view.folder_with_role(ACCOUNT, Role::Sent)
            .unwrap()
            .unwrap()
            .0,
        b
    );
}

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
fn an_import_may_bring_uids_that_are_not_below_the_next() {
    let fixture = Fixture::new();
    let new = NewFolder {
        name: "a".to_owned(),
        uid_validity: Some(12345),
        ..NewFolder::default()
    };
    let a = fixture
        .write(|txn| txn.create_folder(ACCOUNT, &new))
        .unwrap();
    let bring = |uid| {
        let new = NewItem {
            uid: Some(Uid(uid)),
            ..NewItem::mail(a)
        };
        fixture.write(|txn| txn.insert_item(ACCOUNT, &new))
    };
    assert_eq!(bring(5000).unwrap().at.uid, Uid(5000));
    assert_eq!(bring(5000), Err(ModelError::NumberRefused));
    assert_eq!(bring(u32::MAX), Err(ModelError::NumberRefused));
    let row = view(&fixture).folder(ACCOUNT, a).unwrap().unwrap();
    assert_eq!(
        (row.uid_validity, row.shelf(Shelf::Mail).uid_next),
        (12345, Uid(5001))
    );
}

#[test]
fn one_commit_delivers_to_several_accounts_or_to_none() {
    let fixture = Fixture::new();
    let both = [OTHER, ACCOUNT];
    let write = |work: &dyn Fn(&mut Txn<'_>) -> Result<(), ModelError>| {
        fixture
            .store
            .write(&both, Origin::default(), work)?
            .wait()
            .map_err(ModelError::from)
    };
    write(&|txn| txn.create_account(OTHER)).unwrap();
    let a = folder(&fixture, "a");
    let body = stage(&fixture, b"to all");
    let deliver = |to: FolderId| {
        let body = Some(Body::Staged(Arc::clone(&body)));
        let ours = NewItem {
            body: body.clone(),
            ..NewItem::mail(a)
        };
        let theirs = NewItem {
            body,
            ..NewItem::mail(to)
        };
        write(&|txn| {
            txn.insert_item(ACCOUNT, &ours)?;
            txn.insert_item(OTHER, &theirs).map(drop)
        })
    };
    assert_eq!(deliver(FolderId(99)), Err(ModelError::NoSuchFolder));
    assert!(
        view(&fixture)
            .uids(ACCOUNT, a, Shelf::Mail)
            .unwrap()
            .is_empty()
    );
    write(&|txn| {
        txn.create_folder(
            OTHER,
            &NewFolder {
                name: "in".to_owned(),
                ..NewFolder::default()
            },
        )
        .map(drop)
    })
    .unwrap();
    let theirs = view(&fixture)
        .folder_at(OTHER, None, &["in"])
        .unwrap()
        .unwrap()
        .0;
    deliver(theirs).unwrap();
    assert_eq!(
        fixture.backend.living_bodies(),
        1,
        "the letter is stored once"
    );
    assert_eq!(check(&view(&fixture)).unwrap(), []);
}

#[test]
fn a_copy_to_another_account_takes_its_names_along() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let at = letter(&fixture, a, "x").at;
    let copied = fixture
        .store
        .write::<_, ModelError>(&[ACCOUNT, OTHER], Origin::default(), |txn| {
            txn.create_account(OTHER)?;
            txn.intern(OTHER, &Name::Keyword("unrelated".to_owned()))?;
            let number = txn.intern(ACCOUNT, &Name::Keyword("Mine".to_owned()))?;
            let keywords = [number].into_iter().collect();
            let set = FlagSet {
                flags: Flags::SEEN,
                keywords,
            };
            txn.set_flags(ACCOUNT, at, &FlagChange::Replace(set))?;
            let folder = NewFolder {
                name: "in".to_owned(),
                ..NewFolder::default()
            };
            let folder = txn.create_folder(OTHER, &folder)?;
            txn.copy_item(ACCOUNT, at, OTHER, folder)
        })
        .unwrap()
        .wait()
        .unwrap();
    let view = view(&fixture);
    let copy = view.item_row(OTHER, copied.at).unwrap().unwrap();
    let [keyword] = copy.keywords.numbers() else {
        panic!("one keyword")
    };
    assert_eq!(view.keyword(OTHER, *keyword).unwrap().unwrap(), "Mine");
    assert_eq!(
        view.number_of(OTHER, &Name::Keyword("mINE".to_owned()))
            .unwrap(),
        Some(*keyword)
    );
    assert_eq!(check(&view).unwrap(), []);
}

#[test]
fn accounts_that_were_not_locked_cannot_be_changed() {
    let fixture = Fixture::new();
    let failed = fixture.write(|txn| txn.create_account(OTHER));
    assert_eq!(failed, Err(ModelError::NotLocked));
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
        .write(|txn| txn.queue_update(ACCOUNT, early, again, Bytes::new()))
        .unwrap();
    fixture
        .write(|txn| txn.queue_remove(ACCOUNT, negative))
        .unwrap();
    assert_eq!(due(30), [late, early]);
    assert_eq!(
        view(&fixture).queue_next().unwrap(),
        Some(Timestamp::from_seconds(20))
    );
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
fn long_values_become_bodies_and_go_with_their_object() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let at = letter(&fixture, a, "x").at;
    let object = OverlayObject::Item(at);
    let path = [PathStep::Attachment(3), PathStep::Embedded];
    let long = "l".repeat(100_000);
    let values: Vec<_> = (1..=20)
        .map(|property| {
            let len = if property == 1 { long.len() } else { 4000 };
            let value = Value::Text(long[..len - property as usize].to_owned());
            OverlayInput::Set(OverlayValue {
                property,
                value,
                binding: Binding::Free,
            })
        })
        .collect();
    fixture
        .write(|txn| txn.set_overlay(ACCOUNT, object, &path, &values))
        .unwrap();
    let item = row(&fixture, at).item.0;
    let stored = view(&fixture).overlay(ACCOUNT, item, &path).unwrap();
    let Value::TextBody(body, len) = stored[0].value else {
        panic!("{:?}", stored[0])
    };
    assert_eq!(len, 99_999);
    assert_eq!(
        fixture.store.read_body(body, 0..len).unwrap(),
        long.as_bytes()[1..]
    );
    assert!(
        stored
            .iter()
            .filter(|value| value.value.body().is_some())
            .count()
            > 10
    );
    assert_eq!(check(&view(&fixture)).unwrap(), []);
    fixture
        .write(|txn| txn.remove_overlay(ACCOUNT, object, &[PathStep::Attachment(3)]))
        .unwrap();
    assert_eq!(
        fixture.backend.living_bodies(),
        1,
        "only the letter's own is left"
    );
    assert_eq!(check(&view(&fixture)).unwrap(), []);
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
            .unwrap()
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

/// Counts how often it was woken.
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_watch_wakes_for_settled_commits_of_its_account_only() {
    let fixture = Fixture::new();
    let bell = Arc::new(Bell(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    let mut ours = pin!(fixture.store.watch(ACCOUNT));
    let mut theirs = pin!(fixture.store.watch(OTHER));
    assert_eq!(ours.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(theirs.as_mut().poll(&mut context), Poll::Pending);
    fixture.backend.faults().hold();
    let write = |txn: &mut Txn<'_>| txn.set_quota(ACCOUNT, Some(9));
    let pending = fixture
        .store
        .write::<_, ModelError>(&[ACCOUNT], Origin::default(), write);
    assert_eq!(bell.0.load(Ordering::SeqCst), 0, "placed is not settled");
    fixture.backend.faults().release();
    pending.unwrap().wait().unwrap();
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    assert_eq!(ours.as_mut().poll(&mut context), Poll::Ready(()));
    assert_eq!(ours.as_mut().poll(&mut context), Poll::Pending, "told once");
    assert_eq!(theirs.as_mut().poll(&mut context), Poll::Pending);
}

#[test]
fn a_store_that_failed_can_still_be_read() {
    let fixture = Fixture::new();
    let at = letter(&fixture, folder(&fixture, "a"), "x").at;
    fixture.backend.faults().fail_next_settling();
    let add = FlagChange::add(Flags::SEEN);
    let failed = fixture.write(|txn| txn.set_flags(ACCOUNT, at, &add));
    assert!(matches!(
        failed,
        Err(ModelError::Store(StoreError::ReadOnly(_)))
    ));
    let again = fixture.write(|txn| txn.set_flags(ACCOUNT, at, &add));
    assert!(matches!(
        again,
        Err(ModelError::Store(StoreError::ReadOnly(_)))
    ));
    assert_eq!(row(&fixture, at).flags, Flags::NONE);
}

#[test]
fn a_full_disk_still_lets_people_delete() {
    let fixture = Fixture::new();
    let a = folder(&fixture, "a");
    let at = letter(&fixture, a, "x").at;
    fixture.backend.faults().set_full(true);
    let insert = fixture.write(|txn| txn.insert_item(ACCOUNT, &NewItem::mail(a)));
    assert_eq!(insert, Err(ModelError::Store(StoreError::Full)));
    flag(&fixture, at, Flags::DELETED);
    fixture.write(|txn| txn.remove_item(ACCOUNT, at)).unwrap();
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
fn damage(fixture: &Fixture, writes: Vec<(Vec<u8>, Option<Bytes>)>) {
    let batch = store::backend::Batch {
        writes,
        ..Default::default()
    };
    let backend: &dyn store::backend::Backend = fixture.backend.as_ref();
    backend
        .begin(&[ACCOUNT])
        .unwrap()
        .commit(batch)
        .unwrap()
        .wait()
        .unwrap();
}

/// Every key of the account that begins with one of these tags.
fn keys(fixture: &Fixture, tags: &[u8]) -> Vec<Vec<u8>> {
    let (mut found, view) = (Vec::new(), view(fixture));
    store::backend::Read::scan(
        &view,
        b"A"..b"z",
        store::backend::Direction::Forward,
        &mut |key, _| {
            if tags.contains(&key[0]) {
                found.push(key.to_vec());
            }
            true
        },
    )
    .unwrap();
    found
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
    let rows = |tags: &[u8]| {
        let view = view(&fixture);
        let value = |key: &Vec<u8>| store::backend::Read::get(&view, key).unwrap();
        keys(&fixture, tags)
            .into_iter()
            .map(|key| (value(&key), key))
            .collect::<Vec<_>>()
    };
    let right = rows(b"AFULITR");
    let gone = keys(&fixture, b"ULITR")
        .into_iter()
        .map(|key| (key, None))
        .collect();
    damage(&fixture, gone);
    let faults: std::collections::BTreeSet<_> = check(&view(&fixture))
        .unwrap()
        .into_iter()
        .map(|finding| finding.fault)
        .collect();
    let wanted = [
        Fault::Uids,
        Fault::Location,
        Fault::Alias,
        Fault::Tombstone,
        Fault::Reference,
    ];
    assert_eq!(faults, wanted.into());
    assert!(fixture.write(|txn| txn.rebuild_derived(ACCOUNT)).unwrap() >= 6);
    assert_eq!(check(&view(&fixture)).unwrap(), []);
    assert_eq!(rows(b"AFULITR"), right, "the same bytes as before");

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
