//! What a user may do in a mailbox, and what the mailbox does not let happen.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::account::names_kept;
use engine::directory::administration::AccountChange;
use engine::rehearsal::Rehearsal;
use engine::{
    Account, Allowance, EngineError, FlagChange, Flags, FolderId, Grant, Grantee, Kind, Limits,
    Location, NewFolder, NewLetter, PlaceId, ROOT, Reading, Rights, Role, Settings, Shelf, Staged,
    Timestamp, Transfer, Txn, Uid, UidSet, User,
};
use formats::message::SummaryRef;
use proptest::prelude::*;
use std::ops::ControlFlow;

const LETTER: &[u8] = b"Subject: hello\r\n\r\nHow are you?\r\n";

fn house() -> Rehearsal {
    Rehearsal::new(Settings::default()).unwrap()
}

fn stage(account: &Account, bytes: &[u8]) -> Staged {
    let mut upload = account.upload().unwrap();
    upload.write(bytes).unwrap();
    upload.finish().unwrap()
}

fn folder(account: &Account, role: Role) -> FolderId {
    account
        .read()
        .unwrap()
        .folder_with_role(role)
        .unwrap()
        .unwrap()
        .0
}

fn append(account: &Account, folder: FolderId) -> Uid {
    let staged = stage(account, LETTER);
    let pending = account
        .write(|txn| txn.append(&NewLetter::new(folder, &staged)))
        .unwrap();
    pending.wait().unwrap().at.uid
}

fn uids(account: &Account, folder: FolderId) -> Vec<u32> {
    account
        .read()
        .unwrap()
        .uids(folder, Shelf::Mail)
        .unwrap()
        .iter()
        .map(|uid| uid.0)
        .collect()
}

fn set(uids: &[u32]) -> UidSet {
    uids.iter().map(|&uid| Uid(uid)).collect()
}

fn alice(house: &Rehearsal) -> (User, Account) {
    let user = house.person("alice@example.test").unwrap();
    let account = house.engine.account(&user, 1);
    (user, account)
}

#[test]
fn a_new_account_has_the_folders_people_expect() {
    let house = house();
    let (_, account) = alice(&house);
    let folders = account.read().unwrap().folders().unwrap();
    let paths: Vec<String> = folders.iter().map(|folder| folder.path.join("/")).collect();
    assert_eq!(paths, ["Inbox", "Drafts", "Sent", "Junk", "Trash"]);
    assert!(
        folders
            .iter()
            .all(|folder| folder.row.subscribed && !folder.row.hidden)
    );
}

#[test]
fn the_first_archive_at_the_top_is_the_archive() {
    let house = house();
    let (_, account) = alice(&house);
    let make = |path: &[&str]| {
        let made = account.write(|txn| txn.create_path(path, Role::None));
        made.unwrap().wait().unwrap()
    };
    let role = |folder| account.read().unwrap().folder(folder).unwrap().role;
    assert_eq!(role(make(&["Work", "Archive"])), Role::None);
    let first = make(&["Archive"]);
    assert_eq!(role(first), Role::Archive);
    assert_eq!(role(make(&["Archives"])), Role::None);
    // Whoever made it may remove it, and make another.
    let removed = account.write(|txn| txn.remove_folder(first)).unwrap();
    removed.wait().unwrap();
    assert_eq!(role(make(&["archive"])), Role::Archive);
}

#[test]
fn a_path_is_made_with_the_folders_above_it() {
    let house = house();
    let (_, account) = alice(&house);
    let make = |path: &[&str]| {
        account
            .write(|txn| txn.create_path(path, Role::None))
            .map(|_| ())
    };
    assert_eq!(make(&["Work", "2026", "May"]), Ok(()));
    let view = account.read().unwrap();
    let (_, row) = view.folder_at(&["Work", "2026", "May"]).unwrap().unwrap();
    assert_eq!(row.name, "May");
    assert!(view.folder_at(&["Work", "2026"]).unwrap().is_some());
    assert!(view.folder_at(&["2026"]).unwrap().is_none());
    assert_eq!(make(&["Work", "2026"]), Err(EngineError::NameTaken));
}

#[test]
fn renaming_moves_what_is_below_and_can_go_to_the_top() {
    let house = house();
    let (_, account) = alice(&house);
    let may = account
        .write(|txn| txn.create_path(&["Work", "May"], Role::None))
        .unwrap();
    let may = may.wait().unwrap();
    let rename = |parent, name: &str| {
        account
            .write(|txn| txn.rename_folder(may, parent, name))
            .map(engine::Pending::wait)
    };
    rename(None, "June").unwrap().unwrap();
    assert!(
        account
            .read()
            .unwrap()
            .folder_at(&["June"])
            .unwrap()
            .is_some()
    );
    assert_eq!(
        rename(Some(may), "June").map(|_| ()),
        Err(EngineError::WouldLoop)
    );
    assert_eq!(
        rename(None, "Inbox").map(|_| ()),
        Err(EngineError::NameTaken)
    );
    let inbox = folder(&account, Role::Inbox);
    let special = account
        .write(|txn| txn.rename_folder(inbox, None, "In"))
        .map(|_| ());
    assert_eq!(special, Err(EngineError::SpecialFolder));
}

#[test]
fn folders_with_a_role_and_folders_with_children_stay() {
    let house = house();
    let (_, account) = alice(&house);
    account
        .write(|txn| txn.create_path(&["Work", "May"], Role::None))
        .unwrap()
        .wait()
        .unwrap();
    let remove = |id| account.write(|txn| txn.remove_folder(id)).map(|_| ());
    assert_eq!(
        remove(folder(&account, Role::Trash)),
        Err(EngineError::SpecialFolder)
    );
    let (work, _) = account
        .read()
        .unwrap()
        .folder_at(&["Work"])
        .unwrap()
        .unwrap();
    let (may, _) = account
        .read()
        .unwrap()
        .folder_at(&["Work", "May"])
        .unwrap()
        .unwrap();
    assert_eq!(remove(work), Err(EngineError::HasChildren));
    assert_eq!(remove(may), Ok(()));
    assert_eq!(
        account.read().unwrap().folder(may),
        Err(EngineError::NoSuchFolder)
    );
    assert_eq!(remove(work), Ok(()));
}

#[test]
fn names_depth_and_number_of_folders_are_limited() {
    let limits = Limits {
        folders_max: 11,
        folder_depth_max: 3,
        folder_name_bytes_max: 9,
        ..Limits::default()
    };
    let house = Rehearsal::new(Settings {
        limits,
        ..Settings::default()
    })
    .unwrap();
    let (_, account) = alice(&house);
    let make = |path: &[&str]| {
        account
            .write(|txn| txn.create_path(path, Role::None))
            .map(|_| ())
    };
    assert!(matches!(
        make(&["ten bytes!"]),
        Err(EngineError::NameRefused(_))
    ));
    assert!(matches!(make(&[""]), Err(EngineError::NameRefused(_))));
    assert!(matches!(make(&["a\nb"]), Err(EngineError::NameRefused(_))));
    assert!(matches!(
        make(&["a", "b", "c", "d"]),
        Err(EngineError::TooMany(_))
    ));
    assert_eq!(make(&["a", "b", "c"]), Ok(()));
    assert_eq!(
        make(&["d"]),
        Ok(()),
        "the twelfth, with the two that nobody sees"
    );
    assert_eq!(make(&["e"]), Err(EngineError::TooMany("folders")));
}

#[test]
fn a_letter_is_read_back_as_it_was_with_its_prefix_before_it() {
    let house = house();
    let (_, account) = alice(&house);
    let inbox = folder(&account, Role::Inbox);
    let staged = stage(&account, LETTER);
    let letter = NewLetter {
        prefix: "X: y\r\n".into(),
        flags: Flags::SEEN.into(),
        ..NewLetter::new(inbox, &staged)
    };
    let receipt = account
        .write(|txn| txn.append(&letter))
        .unwrap()
        .wait()
        .unwrap();
    let row = account.read().unwrap().item(receipt.at).unwrap().unwrap();
    assert!(row.flags.contains(Flags::SEEN));
    let whole = [b"X: y\r\n", LETTER].concat();
    assert_eq!(row.size, whole.len() as u64);
    for (start, end) in [
        (0, 1000),
        (0, 3),
        (3, 9),
        (6, 10),
        (7, 7),
        (30, 20),
        (90, 99),
    ] {
        let expected = whole.get(start..end.min(whole.len())).unwrap_or_default();
        let read = account
            .read_message(&row, start as u64..end as u64)
            .unwrap();
        assert_eq!(read, expected, "{start}..{end}");
    }
}

#[test]
fn a_letter_is_summed_up_as_it_comes_in() {
    let house = house();
    let (_, account) = alice(&house);
    let inbox = folder(&account, Role::Inbox);
    let bytes = b"Date: Fri, 1 May 2026 12:00:00 +0200\r\nSubject: hello\r\n\r\nHow are you?\r\n";
    let mut upload = account.upload().unwrap();
    bytes
        .chunks(7)
        .for_each(|piece| upload.write(piece).unwrap());
    let staged = upload.finish().unwrap();
    let receipt = account
        .write(|txn| txn.append(&NewLetter::new(inbox, &staged)))
        .unwrap();
    let item = receipt.wait().unwrap().item;
    let details = account.read().unwrap().details(item).unwrap().unwrap();
    assert_eq!(details.sent, Some(Timestamp::from_seconds(1_777_629_600)));
    let summary = SummaryRef::new(&details.summary).unwrap();
    assert_eq!(summary.envelope().subject, Some(&b"hello"[..]));
    assert_eq!(summary.size(), bytes.len() as u64);
}

#[test]
fn what_is_too_large_or_over_the_quota_is_refused() {
    let limits = Limits {
        message_bytes_max: 100,
        ..Limits::default()
    };
    let house = Rehearsal::new(Settings {
        limits,
        ..Settings::default()
    })
    .unwrap();
    let (user, account) = alice(&house);
    let mut upload = account.upload().unwrap();
    assert_eq!(upload.write(&[b'x'; 101]), Err(EngineError::TooLarge));
    let quota_bytes = Some(Some(LETTER.len() as u64 * 2));
    let change = AccountChange {
        quota_bytes,
        ..AccountChange::default()
    };
    house
        .engine
        .change_account(user.account, &change)
        .unwrap()
        .wait()
        .unwrap();
    let inbox = folder(&account, Role::Inbox);
    append(&account, inbox);
    let copy = |uid| {
        let at = Location::mail(inbox, uid);
        account
            .write(|txn| txn.transfer(Transfer::Copy, at, inbox))
            .map(|_| ())
    };
    assert_eq!(copy(Uid(1)), Ok(()));
    assert_eq!(copy(Uid(1)), Err(EngineError::OverQuota));
    let staged = stage(&account, LETTER);
    let third = account
        .write(|txn| txn.append(&NewLetter::new(inbox, &staged)))
        .map(|_| ());
    assert_eq!(third, Err(EngineError::OverQuota));
}

#[test]
fn copies_for_which_there_is_no_room_are_not_made_at_all() {
    let full = LETTER.len() as u64 * 5;
    for (bytes, letters) in [(Some(full), None), (None, Some(5))] {
        let house = house();
        let (user, account) = alice(&house);
        let administrator = User {
            administrator: true,
            ..user
        };
        let allowance = Allowance {
            bytes,
            letters,
            annotation_bytes: None,
            folders: None,
        };
        let done = house.engine.account(&administrator, 1).set_quota(allowance);
        done.unwrap().wait().unwrap();
        let (inbox, trash) = (folder(&account, Role::Inbox), folder(&account, Role::Trash));
        (0..3).for_each(|_| _ = append(&account, inbox));
        let copy = |uids: &[u32]| {
            let uids = set(uids);
            let done = account.write(|txn| txn.transfer_all(Transfer::Copy, inbox, &uids, trash));
            done.map(|done| done.wait().unwrap().len())
        };
        assert_eq!(copy(&[1, 2, 3]), Err(EngineError::OverQuota));
        assert_eq!(uids(&account, trash), [0; 0]);
        assert_eq!(copy(&[1, 2]), Ok(2)); // Exactly full.
        assert_eq!(copy(&[1]), Err(EngineError::OverQuota));
        assert_eq!(copy(&[9]), Ok(0));
    }
}

#[test]
fn copies_stay_and_moves_leave() {
    let house = house();
    let (_, account) = alice(&house);
    let (inbox, trash) = (folder(&account, Role::Inbox), folder(&account, Role::Trash));
    (0..4).for_each(|_| _ = append(&account, inbox));
    let transfer = |how, uids: &[u32]| {
        let uids = set(uids);
        let done = account.write(|txn| txn.transfer_all(how, inbox, &uids, trash));
        done.unwrap().wait().unwrap()
    };
    assert_eq!(
        transfer(Transfer::Copy, &[1, 2]),
        [(Uid(1), Uid(1)), (Uid(2), Uid(2))]
    );
    assert_eq!(
        transfer(Transfer::Move, &[2, 3, 9]),
        [(Uid(2), Uid(3)), (Uid(3), Uid(4))]
    );
    assert_eq!(uids(&account, inbox), [1, 4]);
    assert_eq!(uids(&account, trash), [1, 2, 3, 4]);
    assert_eq!(house.living_bodies(), 1, "equal letters share their bytes");
}

/// It would go again with the next expunge.
#[test]
fn what_is_brought_back_is_not_marked_as_deleted() {
    let house = house();
    let (_, account) = alice(&house);
    let inbox = folder(&account, Role::Inbox);
    append(&account, inbox);
    let mark = FlagChange::add(Flags::SEEN | Flags::DELETED);
    let marked = account.write(|txn| txn.set_flags(Location::mail(inbox, Uid(1)), &mark));
    marked.unwrap().wait().unwrap();
    let gone = account.write(|txn| txn.expunge_all(inbox, &set(&[1])));
    gone.unwrap().wait().unwrap();
    let gone = account.read().unwrap();
    let uid = gone.uids(inbox, Shelf::Recoverable).unwrap().first();
    let at = Location {
        folder: inbox,
        shelf: Shelf::Recoverable,
        uid: uid.unwrap(),
    };
    let back = account.write(|txn| txn.restore(at, None)).unwrap();
    let back = back.wait().unwrap();
    let row = account.read().unwrap().item(back.at).unwrap().unwrap();
    assert_eq!((row.flags, row.changed), (Flags::SEEN, back.change));
}

#[test]
fn what_is_expunged_can_be_brought_back_until_it_is_purged() {
    let house = house();
    let (user, account) = alice(&house);
    let inbox = folder(&account, Role::Inbox);
    (0..3).for_each(|_| _ = append(&account, inbox));
    let gone = account
        .write(|txn| txn.expunge_all(inbox, &set(&[1, 2, 7])))
        .unwrap();
    assert_eq!(gone.wait().unwrap(), set(&[1, 2]));
    assert_eq!(uids(&account, inbox), [3]);
    let recoverable = account
        .read()
        .unwrap()
        .uids(inbox, Shelf::Recoverable)
        .unwrap();
    let at = |uid| Location {
        folder: inbox,
        shelf: Shelf::Recoverable,
        uid,
    };
    let first = recoverable.first().unwrap();
    account
        .write(|txn| txn.restore(at(first), None))
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(uids(&account, inbox), [3, 4]);
    let purge = || {
        house
            .engine
            .purge_recoverable(user.account)
            .unwrap()
            .wait()
            .unwrap()
    };
    assert_eq!(purge(), 0);
    house.pass(31 * 24 * 3600);
    assert_eq!(purge(), 1);
    assert!(
        account
            .read()
            .unwrap()
            .uids(inbox, Shelf::Recoverable)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn keywords_are_interned_whatever_their_case_and_limited() {
    let limits = Limits {
        keywords_max: 2,
        ..Limits::default()
    };
    let house = Rehearsal::new(Settings {
        limits,
        ..Settings::default()
    })
    .unwrap();
    let (_, account) = alice(&house);
    let intern = |keyword: &str| {
        account
            .write(|txn| txn.intern_keyword(keyword))
            .map(|pending| pending.wait().unwrap())
    };
    let work = intern("Work").unwrap();
    assert_eq!(intern("work"), Ok(work));
    assert_ne!(intern("home").unwrap(), work);
    assert_eq!(intern("third"), Err(EngineError::TooMany("keywords")));
    assert!(matches!(intern("a b"), Err(EngineError::NameRefused(_))));
    assert_eq!(
        account.read().unwrap().keyword(work).unwrap().as_deref(),
        Some("Work")
    );
}

#[test]
fn a_guest_sees_and_does_only_what_the_grants_say() {
    let house = house();
    let (user, owner) = alice(&house);
    let bob = house.person("bob@example.test").unwrap();
    let guest = house.engine.account_of(&bob, user.account, 2).unwrap();
    let inbox = folder(&owner, Role::Inbox);
    let uid = append(&owner, inbox);
    assert!(guest.read().unwrap().folders().unwrap().is_empty());
    assert_eq!(
        guest.read().unwrap().folder(inbox),
        Err(EngineError::NoSuchFolder)
    );
    let grant = |rights| {
        let grant = Grant {
            member: 1,
            grantee: Grantee::Account(bob.account),
            rights,
        };
        owner
            .write(|txn| txn.set_grants(inbox, vec![grant]))
            .unwrap()
            .wait()
            .unwrap();
    };
    grant(Rights::VISIBLE);
    assert_eq!(guest.read().unwrap().folders().unwrap().len(), 1);
    assert_eq!(
        guest.read().unwrap().uids(inbox, Shelf::Mail),
        Err(EngineError::Denied)
    );
    grant(Rights::VISIBLE | Rights::READ | Rights::KEEP_SEEN);
    assert_eq!(uids(&guest, inbox), [uid.0]);
    let at = Location::mail(inbox, uid);
    let both = FlagChange::add(Flags::SEEN | Flags::DELETED);
    let outcome = guest
        .write(|txn| txn.set_flags(at, &both))
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(outcome.row.flags, Flags::SEEN);
    assert_eq!(
        guest.write(|txn| txn.expunge(at)).map(|_| ()),
        Err(EngineError::Denied)
    );
    let staged = stage(&guest, LETTER);
    let put = guest
        .write(|txn| txn.append(&NewLetter::new(inbox, &staged)))
        .map(|_| ());
    assert_eq!(put, Err(EngineError::Denied));
    let make = guest
        .write(|txn| txn.create_folder(&NewFolder::default()))
        .map(|_| ());
    assert!(make.is_err());
    assert!(
        house
            .engine
            .account_of(&bob, engine::AccountId(999), 2)
            .is_err()
    );
}

#[test]
fn a_grant_for_a_group_is_one_for_its_members() {
    let house = house();
    let (user, owner) = alice(&house);
    let bob = house.person("bob@example.test").unwrap();
    let carol = house.person("carol@example.test").unwrap();
    let targets = &["bob@example.test"];
    house
        .engine
        .add_list("team@example.test", Some("Team"), targets)
        .unwrap()
        .wait()
        .unwrap();
    let team = house.engine.lists().unwrap()[0].number;
    let inbox = folder(&owner, Role::Inbox);
    let grantee = Grantee::Account(engine::AccountId(team));
    let grant = Grant {
        member: 1,
        grantee,
        rights: Rights::VISIBLE | Rights::READ,
    };
    owner
        .write(|txn| txn.set_grants(inbox, vec![grant]))
        .unwrap()
        .wait()
        .unwrap();
    let rights = |guest: &User| {
        let account = house.engine.account_of(guest, user.account, 2).unwrap();
        account.read().unwrap().rights(inbox)
    };
    assert_eq!(rights(&bob), Ok(Rights::VISIBLE | Rights::READ));
    assert_eq!(rights(&carol), Err(EngineError::NoSuchFolder));
}

#[test]
fn a_removed_folder_can_be_brought_back_with_its_letters() {
    let house = house();
    let (_, account) = alice(&house);
    let work = account
        .write(|txn| txn.create_path(&["Work"], Role::None))
        .unwrap();
    let work = work.wait().unwrap();
    append(&account, work);
    account
        .write(|txn| txn.remove_folder(work))
        .unwrap()
        .wait()
        .unwrap();
    let removed = account.read().unwrap().removed_folders().unwrap();
    assert_eq!(
        removed.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        [work]
    );
    account
        .write(|txn| txn.restore_folder(work, None, "Work again"))
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(
        account
            .read()
            .unwrap()
            .folder_at(&["Work again"])
            .unwrap()
            .unwrap()
            .0,
        work
    );
    assert_eq!(uids(&account, work), [1]);
}

#[test]
fn a_failed_commit_leaves_nothing_behind() {
    let house = house();
    let (_, account) = alice(&house);
    let inbox = folder(&account, Role::Inbox);
    let staged = stage(&account, LETTER);
    house.fail_next_settling();
    let pending = account
        .write(|txn| txn.append(&NewLetter::new(inbox, &staged)))
        .unwrap();
    assert!(pending.wait().is_err());
    assert!(uids(&account, inbox).is_empty());
}

#[test]
fn a_removed_account_is_erased_only_when_it_is_told_so() {
    let house = house();
    let (user, account) = alice(&house);
    let inbox = folder(&account, Role::Inbox);
    append(&account, inbox);
    let erase = || Ok::<_, EngineError>(house.engine.erase_account(user.account)?.wait()?);
    assert_eq!(erase(), Err(EngineError::Denied));
    house
        .engine
        .remove_account(user.account)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(house.living_bodies(), 1);
    let steps = (0..100).take_while(|_| erase().unwrap() > 0).count();
    assert!(steps > 0 && steps < 100);
    assert_eq!(house.living_bodies(), 0);
    let numbers = house.engine.account_numbers().unwrap();
    assert!(!numbers.contains(&user.account));
}

#[test]
fn old_letters_go_when_the_policy_says_so() {
    let house = house();
    let (user, account) = alice(&house);
    let inbox = folder(&account, Role::Inbox);
    append(&account, inbox);
    house.pass(8 * 24 * 3600);
    append(&account, inbox);
    let remove = || {
        house
            .engine
            .remove_received_before(user.account, inbox, 7)
            .unwrap()
            .wait()
            .unwrap()
    };
    assert_eq!((remove(), remove()), (1, 0));
    assert_eq!(uids(&account, inbox), [2]);
}

fn attempt(
    account: &Account,
    work: impl Fn(&mut Txn<'_, '_>) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    account.write(work).map(|_| ())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is done, the counters, the set of UIDs and the rows tell the same.
    #[test]
    fn counters_and_lists_agree(steps in proptest::collection::vec((0..5_u8, 1..8_u32), 1..30)) {
        let house = house();
        let (_, account) = alice(&house);
        let (inbox, trash) = (folder(&account, Role::Inbox), folder(&account, Role::Trash));
        for (verb, uid) in steps {
            let at = Location::mail(inbox, Uid(uid));
            // What cannot be done is refused, which is no matter here.
            _ = match verb {
                0 => Ok(_ = append(&account, inbox)),
                1 => attempt(&account, |txn| txn.transfer(Transfer::Move, at, trash).map(|_| ())),
                2 => attempt(&account, |txn| txn.transfer(Transfer::Copy, at, inbox).map(|_| ())),
                3 => attempt(&account, |txn| txn.expunge(at)),
                _ => attempt(&account, |txn| {
                    txn.set_flags(at, &FlagChange::add(Flags::SEEN)).map(|_| ())
                }),
            };
        }
        let view = account.read().unwrap();
        let mut used = 0;
        for folder in [inbox, trash] {
            let counters = view.folder(folder).unwrap().shelf(Shelf::Mail);
            let (mut count, mut unseen, mut bytes) = (0, 0, 0);
            let mut rows = Vec::new();
            view.items(folder, Shelf::Mail, 1..=u32::MAX, &mut |uid, row| {
                count += 1;
                unseen += u32::from(!row.flags.contains(Flags::SEEN));
                bytes += row.size;
                rows.push(uid);
                ControlFlow::Continue(())
            }).unwrap();
            let counted = (counters.count, counters.unseen, counters.bytes);
            prop_assert_eq!(counted, (count, unseen, bytes));
            let listed: Vec<Uid> = view.uids(folder, Shelf::Mail).unwrap().iter().collect();
            prop_assert_eq!(listed, rows);
            used += bytes;
        }
        prop_assert_eq!(view.state().unwrap().used_bytes, used);
    }
}

#[test]
fn names_without_folder_stay_subscribed_within_bounds() {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let account = house.engine.account(&user, 1);
    let name = |number: usize| format!("{number}-{}", "n".repeat(200));
    let subscribe = |number: usize| {
        let path = [name(number)];
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let written = account.write(|txn| txn.subscribe_path(&path, true))?;
        written.wait().map_err(EngineError::from)
    };
    let kept = || names_kept(&account.read().unwrap()).unwrap();
    let full = (0..100).find(|&number| subscribe(number).is_err()).unwrap();
    assert!(matches!(subscribe(full), Err(EngineError::TooMany(_))));
    assert_eq!(kept().len(), full);
    let going = "g".repeat(200);
    // A folder that goes is not refused for that: the oldest name gives way.
    let made = account.write(|txn| {
        let folder = txn.create_path(&[&going], Role::None)?;
        txn.subscribe(folder, true)?;
        txn.remove_folder(folder)
    });
    made.unwrap().wait().unwrap();
    let names = kept();
    assert_eq!(names.first(), Some(&vec![name(1)]));
    assert_eq!(names.last(), Some(&vec![going]));
}

#[test]
fn a_name_is_found_in_whatever_form_its_accents_come() {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let account = house.engine.account(&user, 1);
    let (one, two) = ("Caf\u{e9}", "Cafe\u{301}");
    let made = account.write(|txn| txn.create_path(&[two, "a"], Role::None));
    made.unwrap().wait().unwrap();
    let view = account.read().unwrap();
    let (folder, row) = view.folder_at(&[one]).unwrap().unwrap();
    assert_eq!(row.name, one);
    assert_eq!(view.folder_at(&[two]).unwrap().unwrap().0, folder);
    let again = account.write(|txn| txn.create_path(&[one], Role::None));
    assert!(matches!(again, Err(EngineError::NameTaken)));
    let renamed = account.write(|txn| txn.rename_folder(folder, None, "o\u{308}"));
    renamed.unwrap().wait().unwrap();
    assert!(
        account
            .read()
            .unwrap()
            .folder_at(&["ö", "a"])
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_folder_beside_the_mail_tree_is_made_once_and_shown_to_its_owner_alone() {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let account = house.engine.account(&user, 1);
    let make = || {
        let made = account.write(|txn| txn.folder_beside("Views", Kind::Other));
        made.unwrap().wait().unwrap()
    };
    let folder = make();
    assert_eq!(make(), folder);
    let view = account.read().unwrap();
    assert!(view.folders().unwrap().iter().all(|one| one.id != folder));
    let all = view.all_folders().unwrap();
    let (_, row) = all.iter().find(|(id, _)| *id == folder).unwrap();
    assert_eq!((row.parent, row.hidden), (Some(ROOT), true));
    let other = house.person("otto@example.test").unwrap();
    let guest = house
        .engine
        .account(&other, 2)
        .another(account.id())
        .unwrap();
    let refused = guest.write(|txn| txn.folder_beside("Mine", Kind::Other));
    assert!(matches!(refused, Err(EngineError::Denied)));
    assert_eq!(guest.read().unwrap().all_folders().unwrap(), []);
}

#[test]
fn an_item_is_found_by_its_place_until_it_moves() {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let account = house.engine.account(&user, 1);
    let inbox = folder(&account, Role::Inbox);
    let uid = append(&account, inbox);
    let at = Location {
        folder: inbox,
        shelf: Shelf::Mail,
        uid,
    };
    let view = account.read().unwrap();
    let row = view.item(at).unwrap().unwrap();
    let place = row.place;
    assert_eq!(view.item_at_place(place).unwrap(), Some((at, row)));
    assert_eq!(view.item_at_place(PlaceId(u64::MAX >> 16)).unwrap(), None);
    drop(view);
    let trash = folder(&account, Role::Trash);
    let moved = account.write(|txn| txn.transfer(Transfer::Move, at, trash));
    moved.unwrap().wait().unwrap();
    assert_eq!(account.read().unwrap().item_at_place(place).unwrap(), None);
}
