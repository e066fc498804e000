//! What becomes of letters that lie in a mailbox when its folder has a script. Source: RFC 6785.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::account::annotations::{AnnotationChange, Audience};
use engine::rehearsal::Rehearsal;
use engine::{
    Account, EngineError, FlagChange, Flags, FolderId, Grant, Grantee, Location, MAIL_ROOT,
    NewLetter, Reading, Rights, Role, Settings, Transfer, Uid, User,
};

const LETTER: &[u8] = b"From: Bob <bob@elsewhere.test>\r\nTo: alice@example.test\r\n\
    Message-ID: <1@elsewhere.test>\r\nSubject: hello\r\n\r\nHow are you?\r\n";

/// Runs that are let happen at once; none of these tests needs as many.
const MANY: usize = 1000;

struct House {
    rehearsal: Rehearsal,
    alice: User,
}

impl House {
    /// A mailbox with a folder `Work`.
    fn new() -> Self {
        let rehearsal = Rehearsal::new(Settings::default()).unwrap();
        let alice = rehearsal.person("alice@example.test").unwrap();
        let house = Self { rehearsal, alice };
        house.folder("Work");
        house
    }

    /// As a session of its owner.
    fn account(&self) -> Account {
        self.rehearsal.engine.account(&self.alice, 1)
    }

    fn folder(&self, name: &str) -> FolderId {
        let known = self.account().read().unwrap().folder_at(&[name]).unwrap();
        if let Some((folder, _)) = known {
            return folder;
        }
        let made = self
            .account()
            .write(|txn| txn.create_path(&[name], Role::None));
        made.unwrap().wait().unwrap()
    }

    fn put_script(&self, name: &str, script: &str) {
        let text = self.rehearsal.staged(script.as_bytes()).unwrap();
        let put = self.account().write(|txn| txn.put_script(name, &text));
        put.unwrap().wait().unwrap();
    }

    fn annotate(&self, folder: FolderId, name: &str) {
        let change = [AnnotationChange {
            audience: Audience::Everyone,
            name: "/IMAPsieve/script".to_owned(),
            value: Some(name.to_owned().into()),
        }];
        let set = self.account().write(|txn| txn.annotate(folder, &change));
        set.unwrap().wait().unwrap();
    }

    /// Gives the folder `Work` a script.
    fn script(&self, requires: &str, script: &str) {
        let script = format!("require [\"imapsieve\", {requires}];\r\n{script}\r\n");
        self.put_script("events", &script);
        self.annotate(self.folder("Work"), "events");
    }

    fn append(&self, folder: &str, flags: Flags) -> Location {
        let staged = self.rehearsal.staged(LETTER).unwrap();
        let letter = NewLetter {
            flags: flags.into(),
            ..NewLetter::new(self.folder(folder), &staged)
        };
        let put = self.account().write(|txn| txn.append(&letter));
        put.unwrap().wait().unwrap().at
    }

    fn flag(&self, at: Location, change: &FlagChange) {
        let set = self.account().write(|txn| txn.set_flags(at, change));
        set.unwrap().wait().unwrap();
    }

    /// Runs what waits: how many runs, and what the log is told.
    fn run(&self) -> (usize, Vec<String>) {
        let ran = self.rehearsal.engine.run_waiting_scripts(MANY);
        (ran.count, ran.notes)
    }

    /// Runs one script without a word to the log.
    fn run_one(&self) {
        assert_eq!(self.run(), (1, Vec::new()));
        assert_eq!(self.run().0, 0, "what a script does is no event");
    }

    fn flags(&self, folder: &str) -> Vec<Flags> {
        let letters = engine::rehearsal::letters(&self.account(), &[folder]).unwrap();
        letters.into_iter().map(|(flags, _)| flags).collect()
    }

    fn letters(&self, folder: &str) -> Vec<String> {
        let letters = engine::rehearsal::letters(&self.account(), &[folder]).unwrap();
        letters.into_iter().map(|(_, text)| text).collect()
    }

    fn queued(&self) -> Vec<engine::queue::QueueState> {
        self.rehearsal.engine.queue().unwrap()
    }

    /// Marks a letter if this test holds when it is put into `Work`.
    fn holds(&self, requires: &str, test: &str) -> bool {
        let script = format!("if {test} {{ addflag \"\\\\Flagged\"; }}");
        self.script(&format!("\"imap4flags\", {requires}"), &script);
        let at = self.append("Work", Flags::NONE);
        self.run_one();
        let view = self.account();
        let row = view.read().unwrap().item(at).unwrap().unwrap();
        row.flags.contains(Flags::FLAGGED)
    }
}

#[test]
fn a_letter_put_into_a_mailbox_is_sent_on_as_rfc_6785_example_1_has_it() {
    let house = House::new();
    house.script(
        "\"copy\", \"environment\"",
        "if anyof (environment :is \"imap.cause\" \"APPEND\",
                   environment :is \"imap.cause\" \"COPY\") {
             if environment :is \"imap.mailbox\" \"Work\" {
                 redirect :copy \"actionitems@far.test\";
             }
         }",
    );
    let at = house.append("Work", Flags::SEEN);
    house.run_one();
    let queued = house.queued();
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].letter.sender, "alice@example.test");
    assert_eq!(
        queued[0].letter.recipients[0].address,
        "actionitems@far.test"
    );
    assert_eq!(house.flags("Work"), [Flags::SEEN], "a copy was sent");
    house.flag(at, &FlagChange::add(Flags::FLAGGED));
    house.run_one();
    assert_eq!(house.queued().len(), 1, "flags are no reason to send");
}

#[test]
fn a_flag_that_changed_is_told_as_rfc_6785_example_2_has_it() {
    let house = House::new();
    house.script(
        "\"enotify\", \"imap4flags\", \"variables\", \"environment\"",
        "if environment :matches \"imap.mailbox\" \"*\" { set \"mailbox\" \"${1}\"; }
         if allof (hasflag \"\\\\Flagged\",
                   environment :contains \"imap.changedflags\" \"\\\\Flagged\") {
             notify :message \"Important message in ${mailbox}\" \"mailto:tim@far.test\";
         }",
    );
    let at = house.append("Work", Flags::FLAGGED);
    house.run_one();
    assert!(house.queued().is_empty(), "it had the flag already");
    house.flag(at, &FlagChange::remove(Flags::FLAGGED));
    house.flag(at, &FlagChange::add(Flags::SEEN));
    assert_eq!(house.run(), (2, Vec::new()));
    assert!(house.queued().is_empty());
    house.flag(at, &FlagChange::add(Flags::FLAGGED));
    house.run_one();
    let queued = house.queued();
    let body = house.rehearsal.engine.queue_body(&queued[0]).unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(text.contains("Important message in Work"), "{text}");
}

#[test]
fn the_environment_says_who_did_what_where() {
    let house = House::new();
    let asks = |item: &str, value: &str| {
        let test = format!("environment :is \"{item}\" \"{value}\"");
        house.holds("\"environment\"", &test)
    };
    assert!(asks("imap.user", "alice@example.test"));
    assert!(asks("imap.email", "alice@example.test"));
    assert!(asks("imap.cause", "APPEND"));
    assert!(asks("imap.mailbox", "Work"));
    assert!(asks("imap.changedflags", ""));
    assert!(asks("location", "MS"));
    assert!(asks("phase", "post"));
    assert!(!asks("imap.cause", "FLAG"));
}

#[test]
fn copying_and_moving_are_one_cause() {
    let house = House::new();
    house.script(
        "\"environment\", \"imap4flags\"",
        "if environment \"imap.cause\" \"COPY\" { setflag \"\\\\Answered\"; }",
    );
    for how in [Transfer::Copy, Transfer::Move] {
        let at = house.append("Drafts", Flags::NONE);
        let to = house.folder("Work");
        let moved = house.account().write(|txn| txn.transfer(how, at, to));
        moved.unwrap().wait().unwrap();
        house.run_one();
    }
    assert_eq!(house.flags("Work"), [Flags::ANSWERED, Flags::ANSWERED]);
}

#[test]
fn a_letter_that_is_filed_elsewhere_is_marked_for_removal_where_it_was() {
    let house = House::new();
    house.folder("Old");
    house.script("\"fileinto\"", "fileinto \"Old\";");
    house.append("Work", Flags::SEEN);
    house.run_one();
    assert_eq!(house.flags("Work"), [Flags::SEEN | Flags::DELETED]);
    assert_eq!(house.flags("Old"), [Flags::SEEN], "a letter of its own");
}

#[test]
fn a_copy_leaves_the_letter_as_it_is() {
    let house = House::new();
    house.script(
        "\"fileinto\", \"copy\", \"mailbox\"",
        "fileinto :copy :create \"Old/2026\";",
    );
    house.append("Work", Flags::NONE);
    house.run_one();
    assert_eq!(house.flags("Work"), [Flags::NONE]);
    let copies = engine::rehearsal::letters(&house.account(), &["Old", "2026"]).unwrap();
    assert_eq!(copies.len(), 1);
}

#[test]
fn what_is_discarded_is_marked_and_not_removed() {
    let house = House::new();
    house.script("\"imap4flags\"", "discard;");
    house.append("Work", Flags::NONE);
    house.run_one();
    assert_eq!(house.flags("Work"), [Flags::DELETED]);
}

#[test]
fn a_mailbox_that_cannot_be_had_leaves_the_letter() {
    let house = House::new();
    house.script("\"fileinto\"", "fileinto \"nowhere\";");
    house.append("Work", Flags::NONE);
    house.run_one();
    assert_eq!(house.flags("Work"), [Flags::NONE]);
}

#[test]
fn an_edited_letter_is_seen_in_copies_only() {
    let house = House::new();
    house.folder("Old");
    house.script(
        "\"fileinto\", \"copy\", \"editheader\"",
        "addheader \"X-Seen\" \"yes\"; fileinto :copy \"Old\";",
    );
    house.append("Work", Flags::NONE);
    house.run_one();
    assert_eq!(house.letters("Work"), [String::from_utf8_lossy(LETTER)]);
    assert!(house.letters("Old")[0].contains("X-Seen: yes\r\n"));
}

#[test]
fn flags_that_were_set_meanwhile_stay() {
    let house = House::new();
    house.script("\"imap4flags\"", "setflag \"\\\\Answered\";");
    let at = house.append("Work", Flags::SEEN);
    house.run_one();
    assert_eq!(house.flags("Work"), [Flags::ANSWERED]);
    house.flag(at, &FlagChange::add(Flags::DRAFT));
    house.run_one();
    assert_eq!(house.flags("Work"), [Flags::ANSWERED]);
}

#[test]
fn who_is_answered_on_delivery_only_is_not_answered_here() {
    for (requires, script) in [
        ("\"reject\"", "reject \"no\";"),
        ("\"ereject\"", "ereject \"no\";"),
        ("\"vacation\"", "vacation \"away\";"),
        ("\"vacation-seconds\"", "keep;"),
        (
            "\"envelope\"",
            "if envelope \"from\" \"x\" { discard; } else { discard; }",
        ),
    ] {
        let house = House::new();
        house.script(requires, script);
        house.append("Work", Flags::NONE);
        let (count, notes) = house.run();
        assert_eq!((count, notes.len()), (1, 1), "{requires}");
        assert!(notes[0].starts_with("alice@example.test: "), "{notes:?}");
        assert_eq!(house.flags("Work"), [Flags::NONE], "{requires}");
    }
}

#[test]
fn a_delivered_letter_is_no_event_and_knows_no_cause() {
    let house = House::new();
    house.put_script(
        "mine",
        "require [\"imapsieve\", \"environment\", \"imap4flags\"];
         if environment :is \"imap.cause\" \"\" { addflag \"\\\\Flagged\"; }",
    );
    let active = house
        .account()
        .write(|txn| -> Result<(), EngineError> { txn.activate_script(Some("mine")) });
    active.unwrap().wait().unwrap();
    house.annotate(MAIL_ROOT, "mine");
    let envelope = house
        .rehearsal
        .envelope("bob@elsewhere.test", &["alice@example.test"])
        .unwrap();
    let letter = house.rehearsal.staged(LETTER).unwrap();
    let delivered = house.rehearsal.engine.deliver(&envelope, &letter);
    delivered.unwrap().wait().unwrap();
    assert_eq!(house.flags("Inbox"), [Flags::FLAGGED]);
    assert_eq!(house.run(), (0, Vec::new()));
}

#[test]
fn the_script_of_the_whole_mailbox_is_for_folders_without_an_entry() {
    let house = House::new();
    house.put_script("all", "require \"imap4flags\"; addflag \"\\\\Flagged\";");
    house.annotate(MAIL_ROOT, "all");
    house.append("Work", Flags::NONE);
    house.run_one();
    assert_eq!(house.flags("Work"), [Flags::FLAGGED]);
    for name in ["", "unknown"] {
        house.annotate(house.folder("Drafts"), name);
        house.append("Drafts", Flags::NONE);
        house.run();
    }
    assert_eq!(house.flags("Drafts"), [Flags::NONE, Flags::NONE]);
}

#[test]
fn nothing_is_noted_where_no_script_is_meant() {
    let house = House::new();
    house.put_script("events", "discard;");
    let at = house.append("Work", Flags::NONE);
    house.flag(at, &FlagChange::add(Flags::SEEN));
    assert_eq!(house.run(), (0, Vec::new()));
}

#[test]
fn a_letter_that_is_gone_goes_through_nothing() {
    let house = House::new();
    house.script("\"imap4flags\"", "discard;");
    let at = house.append("Work", Flags::NONE);
    let gone = house.account().write(|txn| txn.expunge(at));
    gone.unwrap().wait().unwrap();
    assert_eq!(house.run(), (1, Vec::new()));
    assert!(house.flags("Work").is_empty());
}

#[test]
fn a_commit_that_failed_is_no_event() {
    let house = House::new();
    house.script("\"copy\"", "redirect :copy \"x@far.test\";");
    house.rehearsal.fail_next_settling();
    let staged = house.rehearsal.staged(LETTER).unwrap();
    let letter = NewLetter::new(house.folder("Work"), &staged);
    let put = house.account().write(|txn| txn.append(&letter)).unwrap();
    assert!(put.wait().is_err());
    house.run();
    assert!(house.queued().is_empty());
}

#[test]
fn what_a_guest_does_runs_the_owners_script_and_says_who_it_was() {
    let house = House::new();
    house.script(
        "\"environment\", \"imap4flags\"",
        "if environment :is \"imap.user\" \"bob@example.test\" { addflag \"\\\\Flagged\"; }",
    );
    let bob = house.rehearsal.person("bob@example.test").unwrap();
    let folder = house.folder("Work");
    let grants = vec![Grant {
        member: 1,
        grantee: Grantee::Account(bob.account),
        rights: Rights::ALL,
    }];
    let shared = house
        .account()
        .write(|txn| txn.set_grants(folder, grants.clone()));
    shared.unwrap().wait().unwrap();
    let engine = &house.rehearsal.engine;
    let own = engine.account(&bob, 2);
    let hers = own.another(house.alice.account).unwrap();
    let staged = house.rehearsal.staged(LETTER).unwrap();
    let (inbox, _) = own
        .read()
        .unwrap()
        .folder_with_role(Role::Inbox)
        .unwrap()
        .unwrap();
    let put = own.write(|txn| txn.append(&NewLetter::new(inbox, &staged)));
    put.unwrap().wait().unwrap();
    let uids = std::iter::once(Uid(1)).collect();
    let copied = own.transfer_to(Transfer::Copy, (inbox, &uids), (&hers, folder), |_| {
        Ok::<_, EngineError>(())
    });
    copied.unwrap().wait().unwrap();
    house.run_one();
    assert_eq!(house.flags("Work"), [Flags::FLAGGED]);
}

#[test]
fn a_letter_redirected_to_its_own_mailbox_stays() {
    let house = House::new();
    house.script("\"copy\"", "redirect \"alice@example.test\";");
    house.append("Work", Flags::NONE);
    house.run();
    assert_eq!(house.flags("Work"), [Flags::NONE]);
    assert!(house.flags("Inbox").is_empty() && house.queued().is_empty());
}

#[test]
fn the_sum_for_a_letter_is_what_it_was_when_it_came() {
    let house = House::new();
    house.script(
        "\"spamtestplus\", \"relational\", \"imap4flags\"",
        "if spamtest :percent :value \"ge\" \"90\" { addflag \"$Junk\"; }",
    );
    let prefix: &[u8] = b"X-Spam-Status: Yes, score=9.1 required=5.0\r\n";
    let staged = house.rehearsal.staged(LETTER).unwrap();
    let letter = NewLetter {
        prefix: prefix.into(),
        ..NewLetter::new(house.folder("Work"), &staged)
    };
    let put = house.account().write(|txn| txn.append(&letter));
    put.unwrap().wait().unwrap();
    house.run_one();
    assert_eq!(house.flags("Work"), [Flags::JUNK]);
}
