//! Transactions: all or nothing, run again after conflicts, told to those who watch.

use crate::world::*;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use store::StoreError;
use store::id::FolderId;
use store::model::*;

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
            .fail_next_commit(StoreError::Conflict);
    });
    let failed = fixture.write(|txn| txn.set_quota(ACCOUNT, Some(1)));
    assert_eq!(failed, Err(ModelError::Store(StoreError::Conflict)));
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
fn accounts_that_were_not_locked_cannot_be_changed() {
    let fixture = Fixture::new();
    let failed = fixture.write(|txn| txn.create_account(OTHER));
    assert_eq!(failed, Err(ModelError::NotLocked));
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
