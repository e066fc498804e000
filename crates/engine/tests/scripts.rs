//! What becomes of a letter whose recipient has scripts or rules.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::account::annotations::{AnnotationChange, Audience};
use engine::delivery::Failing;
use engine::directory::Posting;
use engine::queue::QueueState;
use engine::rehearsal::Rehearsal;
use engine::rules::{Rules, Vacation};
use engine::{
    Account, Delivered, EngineError, Envelope, Flags, FolderId, MAIL_ROOT, Outcome, Reading, Role,
    Settings, Staged, Timestamp, User,
};

const LETTER: &[u8] = b"From: Bob <bob@elsewhere.test>\r\nTo: alice@example.test\r\n\
    Message-ID: <1@elsewhere.test>\r\nSubject: hello\r\n\r\nHow are you?\r\n";

fn house() -> (Rehearsal, User) {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let alice = house.person("alice@example.test").unwrap();
    (house, alice)
}

fn stage(house: &Rehearsal, bytes: &[u8]) -> Staged {
    house.staged(bytes).unwrap()
}

fn put(house: &Rehearsal, user: &User, name: &str, script: &str) {
    let text = stage(house, script.as_bytes());
    let account = house.engine.account(user, 1);
    let put = account.write(|txn| -> Result<(), EngineError> {
        txn.put_script(name, &text)?;
        txn.activate_script(Some(name))
    });
    put.unwrap().wait().unwrap();
}

fn deliver_as(
    house: &Rehearsal,
    recipients: &[&str],
    letter: &[u8],
    failing: Failing,
) -> Result<Delivered, EngineError> {
    let envelope = Envelope {
        failing,
        ..house.envelope("bob@elsewhere.test", recipients)?
    };
    Ok(house
        .engine
        .deliver(&envelope, &stage(house, letter))?
        .wait()?)
}

fn deliver(house: &Rehearsal) -> Delivered {
    deliver_as(house, &["alice@example.test"], LETTER, Failing::Whole).unwrap()
}

/// Flags and bytes of the letters in a folder.
fn letters(account: &Account, path: &[&str]) -> Vec<(Flags, String)> {
    engine::rehearsal::letters(account, path).unwrap()
}

/// What waits in the queue, with its bytes.
fn queued(house: &Rehearsal) -> Vec<(QueueState, String)> {
    let states = house.engine.queue().unwrap();
    let read = |state: &QueueState| {
        let bytes = house.engine.queue_body(state).unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    states
        .into_iter()
        .map(|state| (state.clone(), read(&state)))
        .collect()
}

#[test]
fn a_script_files_a_letter_with_its_flags_and_makes_the_mailbox() {
    let (house, alice) = house();
    put(
        &house,
        &alice,
        "mine",
        "require [\"fileinto\", \"mailbox\", \"imap4flags\"];
         fileinto :create :flags [\"\\\\Flagged\", \"work\"] \"Lists/hello\";",
    );
    let delivered = deliver(&house);
    assert!(matches!(&delivered.outcomes[..], [Outcome::Delivered(all)] if all.len() == 1));
    let account = house.engine.account(&alice, 1);
    assert!(letters(&account, &["Inbox"]).is_empty());
    let filed = letters(&account, &["Lists", "hello"]);
    assert_eq!(filed.len(), 1);
    assert!(filed[0].0.contains(Flags::FLAGGED) && filed[0].1.contains("Delivered-To: alice@"));
    assert!(
        account
            .read()
            .unwrap()
            .keyword_number("work")
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_mailbox_is_found_by_its_id_and_its_special_use_before_its_name() {
    let (house, alice) = house();
    let account = house.engine.account(&alice, 1);
    let made = account.write(|txn| txn.create_path(&["a"], Role::None));
    let FolderId(number) = made.unwrap().wait().unwrap();
    let script = format!(
        "require [\"fileinto\", \"mailboxid\", \"special-use\"];
         if allof (mailboxidexists \"F{number}\", not mailboxidexists \"F1\") {{
             fileinto :mailboxid \"F{number}\" \"other\";
         }}
         if specialuse_exists \"\\\\Junk\" {{ fileinto :specialuse \"\\\\Junk\" \"other\"; }}"
    );
    put(&house, &alice, "mine", &script);
    deliver(&house);
    assert_eq!(letters(&account, &["a"]).len(), 1);
    assert_eq!(letters(&account, &["Junk"]).len(), 1);
}

fn annotate(account: &Account, folder: FolderId, audience: Audience, name: &str, value: &str) {
    let change = AnnotationChange {
        audience,
        name: name.to_owned(),
        value: Some(value.to_owned().into()),
    };
    let written = account.write(|txn| txn.annotate(folder, std::slice::from_ref(&change)));
    written.unwrap().wait().unwrap();
}

/// Whether a test of a script is true for a letter.
fn holds(house: &Rehearsal, user: &User, requires: &str, test: &str) -> bool {
    let script = format!(
        "require [{requires}, \"imap4flags\"]; if {test} {{ keep :flags \"\\\\Flagged\"; }}"
    );
    put(house, user, "mine", &script);
    deliver(house);
    let kept = letters(&house.engine.account(user, 1), &["Inbox"]);
    kept.last().unwrap().0.contains(Flags::FLAGGED)
}

#[test]
fn a_script_reads_the_annotations_that_its_owner_sees() {
    let (house, alice) = house();
    let account = house.engine.account(&alice, 1);
    let (inbox, _) = account
        .read()
        .unwrap()
        .folder_with_role(Role::Inbox)
        .unwrap()
        .unwrap();
    annotate(&account, inbox, Audience::Everyone, "/comment", "Ours");
    annotate(&account, inbox, Audience::Oneself, "/vendor/x/y", "Mine");
    annotate(&account, MAIL_ROOT, Audience::Oneself, "/vendor/x/z", "7");
    let of_mailbox = |test: &str| holds(&house, &alice, "\"mboxmetadata\"", test);
    let of_server = |test: &str| holds(&house, &alice, "\"servermetadata\"", test);
    assert!(of_mailbox(
        "metadata \"INBOX\" \"/shared/comment\" \"ours\""
    ));
    assert!(of_mailbox(
        "metadata \"INBOX\" \"/Private/Vendor/X/Y\" \"Mine\""
    ));
    assert!(!of_mailbox(
        "metadata \"INBOX\" \"/private/comment\" \"Ours\""
    ));
    assert!(!of_mailbox(
        "metadata \"Sent\" \"/shared/comment\" \"Ours\""
    ));
    assert!(!of_mailbox(
        "metadata \"Nowhere\" \"/shared/comment\" \"Ours\""
    ));
    assert!(of_mailbox(
        "metadata \"Sent\" \"/private/specialuse\" \"\\\\Sent\""
    ));
    assert!(of_mailbox(
        "metadataexists \"INBOX\" [\"/shared/comment\", \"/private/vendor/x/y\"]"
    ));
    assert!(!of_mailbox(
        "metadataexists \"INBOX\" [\"/shared/comment\", \"/shared/vendor/x/y\"]"
    ));
    assert!(of_server("servermetadata \"/private/vendor/x/z\" \"7\""));
    assert!(!of_server("servermetadata \"/shared/vendor/x/z\" \"7\""));
    assert!(of_server(
        "servermetadata :contains \"/shared/admin\" \"postmaster@example.test\""
    ));
    assert!(of_server(
        "servermetadataexists [\"/private/vendor/x/z\", \"/shared/admin\"]"
    ));
    assert!(!of_server("servermetadataexists \"comment\""));
}

#[test]
fn another_users_own_annotations_are_not_read() {
    let (house, alice) = house();
    let bob = house.person("bob@example.test").unwrap();
    let account = house.engine.account(&bob, 1);
    annotate(&account, MAIL_ROOT, Audience::Oneself, "/vendor/x/z", "7");
    let test = "servermetadataexists \"/private/vendor/x/z\"";
    assert!(!holds(&house, &alice, "\"servermetadata\"", test));
}

#[test]
fn a_list_is_known_to_those_who_may_write_to_it() {
    let (house, alice) = house();
    let engine = &house.engine;
    for (name, members) in [
        ("team@example.test", "alice@example.test"),
        ("others@example.test", "bob@elsewhere.test"),
    ] {
        let made = engine.add_list(name, Some("Some"), &[members]);
        made.unwrap().wait().unwrap();
        let closed = engine.set_posting(name, &Posting::Members);
        closed.unwrap().wait().unwrap();
    }
    let knows = |list: &str| {
        let test = format!("valid_ext_list \"mailto:{list}\"");
        holds(&house, &alice, "\"extlists\"", &test)
    };
    assert!(knows("team@example.test"));
    assert!(!knows("others@example.test"));
    assert!(!knows("nobody@example.test"));
}

#[test]
fn a_mailbox_that_is_not_there_is_the_inbox() {
    let (house, alice) = house();
    put(
        &house,
        &alice,
        "mine",
        "require \"fileinto\"; fileinto \"nowhere\";",
    );
    deliver(&house);
    assert_eq!(
        letters(&house.engine.account(&alice, 1), &["Inbox"]).len(),
        1
    );
}

#[test]
fn a_script_that_fails_keeps_the_letter_and_tells_the_log() {
    let (house, alice) = house();
    let script = "require [\"include\", \"fileinto\"]; fileinto \"x\"; include \"nothing\";";
    put(&house, &alice, "mine", script);
    let delivered = deliver(&house);
    assert_eq!(
        letters(&house.engine.account(&alice, 1), &["Inbox"]).len(),
        1
    );
    assert!(delivered.notes[0].contains("alice@example.test: the script `mine` failed: line 1"));
}

#[test]
fn an_edited_letter_is_another_body_and_the_original_stays_shared() {
    let (house, alice) = house();
    let bob = house.person("bob@example.test").unwrap();
    put(
        &house,
        &alice,
        "mine",
        "require \"editheader\"; addheader \"X-Seen\" \"yes\";",
    );
    let both = ["alice@example.test", "bob@example.test"];
    deliver_as(&house, &both, LETTER, Failing::Whole).unwrap();
    let hers = letters(&house.engine.account(&alice, 1), &["Inbox"]);
    assert!(hers[0].1.contains("\r\nX-Seen: yes\r\nFrom: Bob") && hers[0].1.ends_with("you?\r\n"));
    let his = letters(&house.engine.account(&bob, 1), &["Inbox"]);
    assert!(!his[0].1.contains("X-Seen"));
}

#[test]
fn a_redirected_letter_waits_in_the_queue_and_says_that_it_was_here() {
    let (house, alice) = house();
    put(&house, &alice, "mine", "redirect \"carol@far.test\";");
    let delivered = deliver(&house);
    assert_eq!(delivered.outcomes, [Outcome::Delivered(Vec::new())]);
    let queue = queued(&house);
    assert_eq!(queue.len(), 1);
    let letter = &queue[0].0.letter;
    let sender = &letter.sender;
    let leads_back = "=elsewhere.test=bob@example.test";
    assert!(sender.starts_with("SRS0=") && sender.ends_with(leads_back));
    assert_eq!(letter.recipients[0].address, "carol@far.test");
    assert!(
        letter
            .prefix
            .starts_with(b"Delivered-To: alice@example.test\r\nReceived: ")
    );
    // When it comes back it is known.
    let back = [&letter.prefix, LETTER].concat();
    let again = deliver_as(&house, &["alice@example.test"], &back, Failing::Whole);
    assert_eq!(again, Err(EngineError::Loop));
}

#[test]
fn a_vacation_reply_is_sent_once_in_its_time() {
    let (house, alice) = house();
    put(
        &house,
        &alice,
        "mine",
        "require \"vacation\"; vacation :days 3 \"I am away\";",
    );
    let first = deliver(&house);
    assert!(first.notes.is_empty(), "{:?}", first.notes);
    let second = deliver(&house);
    assert_eq!(
        second.notes,
        ["alice@example.test: no vacation reply: this sender got one already"]
    );
    let queue = queued(&house);
    assert_eq!(queue.len(), 1);
    assert_eq!(queue[0].0.letter.sender, "");
    assert!(queue[0].0.letter.recipients[0].notify.never);
    assert!(
        queue[0]
            .1
            .contains("Auto-Submitted: auto-replied (vacation)\r\n")
    );
    assert!(queue[0].1.contains("Subject: Auto: hello\r\n"));
    house.pass(3 * 24 * 3600);
    deliver(&house);
    assert_eq!(queued(&house).len(), 2);
    assert_eq!(
        letters(&house.engine.account(&alice, 1), &["Inbox"]).len(),
        3
    );
}

#[test]
fn a_letter_that_was_seen_is_seen_for_its_time() {
    let (house, alice) = house();
    let script = "require \"duplicate\"; if duplicate :seconds 60 { discard; }";
    put(&house, &alice, "mine", script);
    deliver(&house);
    deliver(&house);
    assert_eq!(
        letters(&house.engine.account(&alice, 1), &["Inbox"]).len(),
        1
    );
    house.pass(61);
    deliver(&house);
    assert_eq!(
        letters(&house.engine.account(&alice, 1), &["Inbox"]).len(),
        2
    );
}

#[test]
fn a_rejected_letter_is_refused_in_the_dialogue_where_one_answer_is_for_one() {
    let (house, alice) = house();
    put(
        &house,
        &alice,
        "mine",
        "require \"reject\"; reject \"go away\";",
    );
    let refused = EngineError::Rejected("go away".to_owned());
    let alone = deliver_as(&house, &["alice@example.test"], LETTER, Failing::Whole);
    assert_eq!(alone, Err(refused.clone()));
    house.person("bob@example.test").unwrap();
    let both = ["alice@example.test", "bob@example.test"];
    let each = deliver_as(&house, &both, LETTER, Failing::Single).unwrap();
    assert_eq!(each.outcomes[0], Outcome::Refused(refused));
    assert!(queued(&house).is_empty());
    deliver_as(&house, &both, LETTER, Failing::Whole).unwrap();
    let queue = queued(&house);
    assert_eq!(queue.len(), 1);
    assert_eq!(
        queue[0].0.letter.recipients[0].address,
        "bob@elsewhere.test"
    );
    assert!(queue[0].1.contains("go away\r\n") && queue[0].1.contains("Subject: hello\r\n"));
}

#[test]
fn scripts_are_put_in_named_used_and_removed() {
    let (house, alice) = house();
    put(&house, &alice, "one", "keep;");
    put(&house, &alice, "two", "discard;");
    let account = house.engine.account(&alice, 1);
    let named = || {
        let scripts = account.scripts().unwrap().into_iter();
        scripts
            .map(|script| (script.name, script.is_active))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        named(),
        [("one".to_owned(), false), ("two".to_owned(), true)]
    );
    let renamed = account.write(|txn| txn.rename_script("one", "three"));
    renamed.unwrap().wait().unwrap();
    let taken = account.write(|txn| txn.rename_script("three", "two"));
    assert_eq!(taken.err(), Some(EngineError::NameTaken));
    let used = account.write(|txn| txn.remove_script("two"));
    assert_eq!(used.err(), Some(EngineError::InUse));
    account
        .write(|txn| txn.activate_script(None))
        .unwrap()
        .wait()
        .unwrap();
    account
        .write(|txn| txn.remove_script("two"))
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(named(), [("three".to_owned(), false)]);
    assert_eq!(&account.script_text("three").unwrap()[..], b"keep;");
    let folders = account.read().unwrap().folders().unwrap();
    assert!(
        folders.iter().all(|folder| folder.path[0] != "Scripts"),
        "mail programs see none"
    );
}

#[test]
fn a_new_text_of_the_active_script_is_used_at_once() {
    let (house, alice) = house();
    put(&house, &alice, "mine", "discard;");
    deliver(&house);
    put(&house, &alice, "mine", "keep;");
    deliver(&house);
    assert_eq!(
        letters(&house.engine.account(&alice, 1), &["Inbox"]).len(),
        1
    );
}

#[test]
fn rules_forward_and_reply_before_the_script_of_their_owner() {
    let (house, alice) = house();
    let now = house.engine.now();
    let rules = Rules {
        forwards: vec!["Carol@far.test".to_owned()],
        keeps_copy: true,
        vacation: Some(Vacation {
            text: "away".to_owned(),
            until: Some(Timestamp(now.0 + 3600 * Timestamp::PER_SECOND)),
            days: 1,
            ..Vacation::default()
        }),
    };
    house
        .engine
        .set_rules(alice.account, &rules)
        .unwrap()
        .wait()
        .unwrap();
    put(
        &house,
        &alice,
        "mine",
        "require [\"fileinto\", \"mailbox\"]; fileinto :create \"x\";",
    );
    deliver(&house);
    assert_eq!(queued(&house).len(), 2);
    let account = house.engine.account(&alice, 1);
    assert_eq!(letters(&account, &["x"]).len(), 1);
    assert_eq!(
        account.scripts().unwrap().len(),
        1,
        "rules are in nobody's list"
    );
    house.pass(24 * 3600 + 1);
    deliver(&house);
    assert_eq!(queued(&house).len(), 3, "the vacation is over");
    let only = Rules {
        keeps_copy: false,
        vacation: None,
        ..house.engine.rules(alice.account).unwrap()
    };
    house
        .engine
        .set_rules(alice.account, &only)
        .unwrap()
        .wait()
        .unwrap();
    deliver(&house);
    assert_eq!(letters(&account, &["x"]).len(), 2, "nothing is kept");
    house
        .engine
        .set_rules(alice.account, &Rules::default())
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(house.engine.rules(alice.account).unwrap(), Rules::default());
    deliver(&house);
    assert_eq!(letters(&account, &["x"]).len(), 3);
}

#[test]
fn what_a_script_sends_to_others_here_is_delivered_at_once() {
    let (house, alice) = house();
    let bob = house.person("bob@example.test").unwrap();
    put(
        &house,
        &alice,
        "mine",
        "require \"copy\"; redirect :copy \"Bob@example.test\";",
    );
    put(
        &house,
        &bob,
        "mine",
        "require [\"fileinto\", \"mailbox\"]; fileinto :create \"x\";",
    );
    deliver(&house);
    assert_eq!(
        letters(&house.engine.account(&alice, 1), &["Inbox"]).len(),
        1
    );
    let his = letters(&house.engine.account(&bob, 1), &["x"]);
    assert!(
        his[0].1.contains("Delivered-To: bob@example.test\r\n"),
        "{his:?}"
    );
    assert!(queued(&house).is_empty());
}

#[test]
fn a_letter_that_two_send_to_each_other_stays_with_the_second() {
    let (house, alice) = house();
    let bob = house.person("bob@example.test").unwrap();
    put(&house, &alice, "mine", "redirect \"bob@example.test\";");
    put(&house, &bob, "mine", "redirect \"alice@example.test\";");
    deliver(&house);
    assert!(letters(&house.engine.account(&alice, 1), &["Inbox"]).is_empty());
    assert_eq!(letters(&house.engine.account(&bob, 1), &["Inbox"]).len(), 1);
}
