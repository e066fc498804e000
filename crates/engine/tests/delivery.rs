//! What becomes of a letter that was accepted.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::delivery::{Arrival, Failing};
use engine::directory::administration::AccountChange;
use engine::queue::{
    Attempt, EntryKey, Notify, QueueState, Reason, RecipientResult, Status, Verdict,
};
use engine::rehearsal::Rehearsal;
use engine::{
    Account, AccountId, Delivered, EngineError, Envelope, Outcome, Recipient, Role, Settings,
    Staged, StoreError, User,
};

const LETTER: &[u8] = b"Subject: hello\r\n\r\nHow are you?\r\n";

fn house() -> Rehearsal {
    Rehearsal::new(Settings::default()).unwrap()
}

fn envelope(house: &Rehearsal, recipients: &[&str]) -> Envelope {
    let arrival = Arrival {
        greeting: "client.example".to_owned(),
        way: "ESMTP",
        ..Arrival::default()
    };
    let envelope = house.envelope("sender@elsewhere.test", recipients);
    Envelope {
        arrival,
        ..envelope.unwrap()
    }
}

fn stage(house: &Rehearsal, bytes: &[u8]) -> Staged {
    house.staged(bytes).unwrap()
}

fn deliver(house: &Rehearsal, recipients: &[&str]) -> Result<Delivered, EngineError> {
    let envelope = envelope(house, recipients);
    Ok(house
        .engine
        .deliver(&envelope, &stage(house, LETTER))?
        .wait()?)
}

/// The letters in a folder, whole.
fn letters(account: &Account, path: &[&str]) -> Vec<String> {
    let letters = engine::rehearsal::letters(account, path).unwrap();
    letters.into_iter().map(|(_, text)| text).collect()
}

fn mailbox(house: &Rehearsal, user: &User) -> Account {
    house.engine.account(user, 1)
}

#[test]
fn a_letter_lies_in_the_inbox_with_its_trace_before_it() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let delivered = deliver(&house, &["Alice@example.test"]).unwrap();
    let expected = format!(
        "Return-Path: <sender@elsewhere.test>\r\n\
         Delivered-To: alice@example.test\r\n\
         Received: from client.example\r\n\
         \tby localhost with ESMTP id {}\r\n\
         \tfor <Alice@example.test>;\r\n\
         \tFri, 1 May 2026 00:00:00 +0000\r\n\
         Subject: hello\r\n\r\nHow are you?\r\n",
        delivered.letter
    );
    assert_eq!(letters(&mailbox(&house, &alice), &["Inbox"]), [expected]);
}

#[test]
fn many_recipients_share_one_body_and_none_learns_of_another() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let bob = house.person("bob@example.test").unwrap();
    deliver(&house, &["alice@example.test", "bob@example.test"]).unwrap();
    for user in [&alice, &bob] {
        let found = letters(&mailbox(&house, user), &["Inbox"]);
        let [letter] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert!(letter.contains(&format!("Delivered-To: {}\r\n", user.address)));
        assert!(!letter.contains("\tfor <"));
    }
    assert_eq!(house.living_bodies(), 1);
}

#[test]
fn a_mailbox_reached_twice_gets_one_copy() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let targets = &["alice@example.test"];
    house
        .engine
        .add_list("sales@example.test", None, targets)
        .unwrap()
        .wait()
        .unwrap();
    let delivered = deliver(&house, &["alice@example.test", "sales@example.test"]).unwrap();
    let copies: Vec<usize> = delivered
        .outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Delivered(receipts) => receipts.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(copies, [1, 0]);
    assert_eq!(letters(&mailbox(&house, &alice), &["Inbox"]).len(), 1);
}

#[test]
fn a_tag_leads_to_the_ordinary_folder_of_its_name_if_there_is_one() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let account = mailbox(&house, &alice);
    account
        .write(|txn| txn.create_path(&["lists"], Role::None))
        .unwrap()
        .wait()
        .unwrap();
    for tag in ["lists", "other", "trash"] {
        deliver(&house, &[&format!("alice+{tag}@example.test")]).unwrap();
    }
    assert_eq!(letters(&account, &["lists"]).len(), 1);
    assert_eq!(letters(&account, &["Inbox"]).len(), 2);
    assert_eq!(letters(&account, &["Trash"]).len(), 0);
}

#[test]
fn remote_recipients_wait_in_the_submitters_queue() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let recipients = [
        "x@remote.test",
        "alice@example.test",
        "y@remote.test",
        "x@REMOTE.test",
    ];
    let envelope = Envelope {
        submitter: Some(alice.clone()),
        envelope_id: Some("q1".to_owned()),
        ..envelope(&house, &recipients)
    };
    let pending = house
        .engine
        .deliver(&envelope, &stage(&house, LETTER))
        .unwrap();
    let delivered = pending.wait().unwrap();
    assert!(matches!(
        delivered.outcomes.as_slice(),
        [
            Outcome::Queued,
            Outcome::Delivered(_),
            Outcome::Queued,
            Outcome::Queued
        ]
    ));
    let queue = house.engine.queue().unwrap();
    let [entry] = queue.as_slice() else {
        panic!("{queue:?}")
    };
    assert_eq!(entry.account, alice.account);
    assert_eq!(entry.letter.letter, delivered.letter);
    assert_eq!(entry.letter.envelope_id.as_deref(), Some("q1"));
    let addresses: Vec<&str> = entry
        .letter
        .recipients
        .iter()
        .map(|recipient| recipient.address.as_str())
        .collect();
    assert_eq!(addresses, ["x@remote.test", "y@remote.test"]);
    assert!(
        entry
            .letter
            .prefix
            .starts_with(b"Received: from client.example")
    );
    assert_eq!(house.engine.queue_due(10).unwrap().len(), 1);
}

#[test]
fn what_a_list_sends_elsewhere_waits_under_nobody() {
    let house = house();
    house.person("alice@example.test").unwrap();
    let targets = &["alice@example.test", "x@remote.test"];
    house
        .engine
        .add_list("team@example.test", Some("Team"), targets)
        .unwrap()
        .wait()
        .unwrap();
    deliver(&house, &["team@example.test"]).unwrap();
    let queue = house.engine.queue().unwrap();
    let [entry] = queue.as_slice() else {
        panic!("{queue:?}")
    };
    assert_eq!(entry.account, AccountId::DIRECTORY);
}

#[test]
fn what_is_passed_on_has_a_sender_of_ours_to_which_failures_come_back() {
    let house = house();
    let targets = &["bob@far.test"];
    let list = house.engine.add_list("sales@example.test", None, targets);
    list.unwrap().wait().unwrap();
    deliver(&house, &["sales@example.test"]).unwrap();
    let passed_on = house.engine.queue().unwrap().remove(0).letter;
    assert!(
        passed_on.sender.starts_with("SRS0=") && passed_on.sender.ends_with("@example.test"),
        "{}",
        passed_on.sender
    );
    let failure = Envelope {
        sender: String::new(),
        recipients: vec![Recipient {
            address: passed_on.sender.clone(),
            resolution: house.engine.resolve(&passed_on.sender).unwrap(),
            notify: Notify::USUAL,
            original: None,
        }],
        ..envelope(&house, &[])
    };
    let staged = stage(&house, LETTER);
    house
        .engine
        .deliver(&failure, &staged)
        .unwrap()
        .wait()
        .unwrap();
    let queue = house.engine.queue().unwrap();
    let back = &queue.iter().find(|entry| entry.letter.sender.is_empty());
    let back = &back.unwrap().letter;
    assert_eq!(back.recipients[0].address, "sender@elsewhere.test");
}

#[test]
fn the_first_sender_is_told_when_what_is_passed_on_fails_here() {
    let house = house();
    let targets = &["bob@far.test"];
    let list = house.engine.add_list("sales@example.test", None, targets);
    list.unwrap().wait().unwrap();
    deliver(&house, &["sales@example.test"]).unwrap();
    let QueueState { account, id, .. } = house.engine.queue().unwrap().remove(0);
    let failed = RecipientResult {
        address: "bob@far.test".to_owned(),
        verdict: Verdict::Never(Reason::ours(Status::new(5, 4, 6))),
    };
    let attempt = Attempt {
        host: "mx.far.test [192.0.2.1]".to_owned(),
        tls: String::new(),
        results: vec![failed],
        put_off_until: None,
    };
    let settled = house
        .engine
        .queue_settle(EntryKey { account, id }, &attempt, 1);
    settled.unwrap().wait().unwrap();
    let queue = house.engine.queue().unwrap();
    let [notice] = queue.as_slice() else {
        panic!("{queue:?}")
    };
    assert_eq!(notice.letter.sender, "");
    let recipient = &notice.letter.recipients[0];
    assert_eq!(recipient.address, "sender@elsewhere.test");
    assert!(recipient.notify.never);
}

#[test]
fn a_thousand_remote_recipients_make_entries_that_fit() {
    let house = house();
    let addresses: Vec<String> = (0..1000)
        .map(|number| format!("{}{number}@remote.test", "x".repeat(50)))
        .collect();
    let recipients: Vec<&str> = addresses.iter().map(String::as_str).collect();
    deliver(&house, &recipients).unwrap();
    let queue = house.engine.queue().unwrap();
    assert!(queue.len() > 1);
    let total: usize = queue
        .iter()
        .map(|entry| entry.letter.recipients.len())
        .sum();
    assert_eq!(total, 1000);
    assert_eq!(house.living_bodies(), 1);
}

#[test]
fn queued_letters_are_held_released_and_removed() {
    let house = house();
    deliver(&house, &["x@remote.test"]).unwrap();
    let engine = &house.engine;
    let entry = engine.queue().unwrap().remove(0);
    engine
        .queue_hold(entry.account, entry.id, true)
        .unwrap()
        .wait()
        .unwrap();
    assert!(
        engine
            .queue_entry(entry.account, entry.id)
            .unwrap()
            .letter
            .held
    );
    house.pass(60);
    engine
        .queue_hold(entry.account, entry.id, false)
        .unwrap()
        .wait()
        .unwrap();
    let released = engine.queue_entry(entry.account, entry.id).unwrap();
    assert_eq!((released.letter.held, released.due), (false, engine.now()));
    engine
        .queue_remove(entry.account, entry.id)
        .unwrap()
        .wait()
        .unwrap();
    let gone = engine.queue_entry(entry.account, entry.id).map(|_| ());
    assert_eq!(gone, Err(EngineError::NoSuchEntry));
    assert_eq!(house.living_bodies(), 0);
}

#[test]
fn letters_in_circles_are_refused() {
    let house = house();
    house.person("alice@example.test").unwrap();
    let envelope = envelope(&house, &["alice@example.test"]);
    let refused = |bytes: &[u8]| {
        house
            .engine
            .deliver(&envelope, &stage(&house, bytes))
            .map(|_| ())
            .err()
    };
    let hops = |count: usize| ["Received: x\r\n".repeat(count).as_bytes(), LETTER].concat();
    assert_eq!(refused(&hops(50)), None);
    assert_eq!(refused(&hops(51)), Some(EngineError::Loop));
    let again = [b"delivered-to: Alice@example.test\r\n", LETTER].concat();
    assert_eq!(refused(&again), Some(EngineError::Loop));
    let other = [b"Delivered-To: bob@example.test\r\n", LETTER].concat();
    assert_eq!(refused(&other), None);
}

#[test]
fn one_unknown_recipient_fails_the_whole_or_only_itself_as_asked() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let whole = envelope(&house, &["alice@example.test", "nobody@example.test"]);
    let refusal = house
        .engine
        .deliver(&whole, &stage(&house, LETTER))
        .map(|_| ());
    assert_eq!(refusal, Err(EngineError::NoSuchAddress));
    assert!(letters(&mailbox(&house, &alice), &["Inbox"]).is_empty());
    let single = Envelope {
        failing: Failing::Single,
        ..whole
    };
    let delivered = house
        .engine
        .deliver(&single, &stage(&house, LETTER))
        .unwrap();
    let outcomes = delivered.wait().unwrap().outcomes;
    assert!(matches!(
        outcomes.as_slice(),
        [Outcome::Delivered(_), Outcome::Refused(_)]
    ));
    assert_eq!(letters(&mailbox(&house, &alice), &["Inbox"]).len(), 1);
}

#[test]
fn when_everyone_is_refused_nothing_is_written() {
    let house = house();
    let envelope = Envelope {
        failing: Failing::Single,
        ..envelope(&house, &["nobody@example.test"])
    };
    let delivered = house
        .engine
        .deliver(&envelope, &stage(&house, LETTER))
        .unwrap();
    let outcomes = delivered.wait().unwrap().outcomes;
    assert_eq!(outcomes, [Outcome::Refused(EngineError::NoSuchAddress)]);
    assert_eq!(house.living_bodies(), 0);
}

#[test]
fn an_account_that_went_between_naming_and_delivery_is_refused_by_itself() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let envelope = Envelope {
        failing: Failing::Single,
        ..envelope(&house, &["alice@example.test", "x@remote.test"])
    };
    house
        .engine
        .remove_account(alice.account)
        .unwrap()
        .wait()
        .unwrap();
    // Its data is still there, so the letter is kept rather than lost.
    let delivered = house
        .engine
        .deliver(&envelope, &stage(&house, LETTER))
        .unwrap();
    let outcomes = delivered.wait().unwrap().outcomes;
    assert!(matches!(
        outcomes.as_slice(),
        [Outcome::Delivered(_), Outcome::Queued]
    ));
}

#[test]
fn room_is_checked_at_naming_and_not_again_at_the_end() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let quota_bytes = Some(Some(300));
    let change = AccountChange {
        quota_bytes,
        ..AccountChange::default()
    };
    house
        .engine
        .change_account(alice.account, &change)
        .unwrap()
        .wait()
        .unwrap();
    let resolution = house
        .engine
        .directory()
        .resolve("alice@example.test")
        .unwrap();
    let check = |size| house.engine.check_recipient(&resolution, size);
    assert_eq!(check(300), Ok(()));
    assert_eq!(check(301), Err(EngineError::OverQuota));
    deliver(&house, &["alice@example.test"]).unwrap();
    deliver(&house, &["alice@example.test"]).unwrap();
    assert_eq!(letters(&mailbox(&house, &alice), &["Inbox"]).len(), 2);
    assert_eq!(check(1), Err(EngineError::OverQuota));
}

#[test]
fn nothing_is_there_before_it_is_on_disk_and_nothing_after_a_failure() {
    let house = house();
    let alice = house.person("alice@example.test").unwrap();
    let account = mailbox(&house, &alice);
    let envelope = envelope(&house, &["alice@example.test"]);
    house.hold();
    let pending = house
        .engine
        .deliver(&envelope, &stage(&house, LETTER))
        .unwrap();
    assert!(letters(&account, &["Inbox"]).is_empty());
    house.release();
    pending.wait().unwrap();
    assert_eq!(letters(&account, &["Inbox"]).len(), 1);
    house.fail_next_commit(StoreError::Full);
    let failed = house
        .engine
        .deliver(&envelope, &stage(&house, LETTER))
        .map(|_| ());
    assert_eq!(failed, Err(EngineError::Store(StoreError::Full)));
    assert_eq!(letters(&account, &["Inbox"]).len(), 1);
}

#[test]
fn letter_names_ascend_with_time_and_never_repeat() {
    let house = house();
    let mut names: Vec<String> = (0..100).map(|_| house.engine.new_letter_name()).collect();
    house.pass(1);
    let later = house.engine.new_letter_name();
    assert!(names.iter().all(|name| *name < later && name.len() == 20));
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 100);
}
