//! What is learned from what people do with letters, and what follows for later ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test fails by panicking.

use engine::delivery::{Arrival, Failing};
use engine::examination::Examined;
use engine::queue::{Notify, Return, Wishes};
use engine::rehearsal::Rehearsal;
use engine::spam::content::Content;
use engine::spam::{Assessment, Points, Reason};
use engine::{
    Account, Envelope, FlagChange, FlagSet, Flags, FolderId, Location, NewFolder, Reading,
    Recipient, Role, Settings, Shelf, Staged, Transfer, Uid, UidSet, User,
};
use std::ops::ControlFlow;

const UNWANTED: &str = "cheap pills without recipe buy today discount pharmacy";
const WANTED: &str = "drawings of the bridge are finished, shall we meet on thursday";

struct Stage {
    house: Rehearsal,
    alice: User,
}

impl Stage {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let house = Rehearsal::new(settings).unwrap();
        let alice = house.person("alice@example.test").unwrap();
        let account = house.engine.account(&alice, 1);
        let new = NewFolder {
            name: "Archive".to_owned(),
            ..NewFolder::default()
        };
        let made = account.write(|txn| txn.create_folder(&new));
        made.unwrap().wait().unwrap();
        Self { house, alice }
    }

    fn account(&self) -> Account {
        self.house.engine.account(&self.alice, 1)
    }

    fn folder(&self, role: Role) -> FolderId {
        let account = self.account();
        let view = account.read().unwrap();
        view.folder_with_role(role).unwrap().unwrap().0
    }

    /// Delivers a letter as it is when rules alone gave it these tenths of points.
    fn deliver(&self, address: &str, text: &str, number: usize, tenths: i32) {
        let engine = &self.house.engine;
        let letter = format!(
            "From: x{number}@a{number}.test\r\nTo: {address}\r\nSubject: Hello\r\n\r\n{text}\r\n"
        );
        let staged = self.staged(&letter);
        let header = letter.find("\r\n\r\n").unwrap() + 4;
        let read = |range| engine.read_staged(&staged, range);
        let content = Content::read(&letter.as_bytes()[..header], staged.summary(), &read).unwrap();
        let (words, by_words) = engine.words_of_all(&content).unwrap();
        let rules = Reason::new("RULE", Points(tenths), "a rule");
        let reasons = [rules].into_iter().chain(by_words).collect();
        let sum = Assessment {
            words: words.into(),
            author: content.author.address,
            ..Assessment::new(reasons, Points(50))
        };
        let resolution = engine.directory().resolve(address).unwrap();
        let recipient = Recipient {
            address: address.to_owned(),
            resolution,
            notify: Notify::USUAL,
            original: None,
        };
        let envelope = Envelope {
            sender: "x@a.test".to_owned(),
            recipients: vec![recipient],
            envelope_id: None,
            returning: Return::default(),
            needs_utf8: false,
            wishes: Wishes::default(),
            submitter: None,
            arrival: Arrival {
                examined: Examined {
                    spam: Some(sum),
                    ..Examined::default()
                },
                ..Arrival::default()
            },
            failing: Failing::Whole,
        };
        engine.deliver(&envelope, &staged).unwrap().wait().unwrap();
    }

    fn staged(&self, letter: &str) -> Staged {
        let mut upload = self.house.engine.upload().unwrap();
        upload.write(letter.as_bytes()).unwrap();
        upload.finish().unwrap()
    }

    fn uids(&self, role: Role) -> Vec<Uid> {
        let account = self.account();
        let (folder, mut uids) = (self.folder(role), Vec::new());
        let view = account.read().unwrap();
        view.items(folder, Shelf::Mail, 1..=u32::MAX, &mut |uid, _| {
            uids.push(uid);
            ControlFlow::Continue(())
        })
        .unwrap();
        uids
    }

    /// The latest letter of a folder.
    fn last(&self, role: Role) -> String {
        let at = Location::mail(self.folder(role), *self.uids(role).last().unwrap());
        let account = self.account();
        let row = account.read().unwrap().item(at).unwrap();
        let letter = account.read_message(&row.unwrap(), 0..2_000).unwrap();
        String::from_utf8(letter.to_vec()).unwrap()
    }

    /// True when the next letter of this author is marked as the first.
    fn is_marked(&self, author: usize) -> bool {
        self.deliver("alice@example.test", WANTED, author, 0);
        self.house.engine.meet_waiting(10).unwrap();
        let letter = self.last(Role::Inbox);
        assert_eq!(
            letter.contains("FIRST_CONTACT: the mailbox knows no earlier letter"),
            letter.contains("\r\nX-First-Contact: Yes\r\n")
        );
        letter.contains("X-First-Contact")
    }

    fn transfer(&self, how: Transfer, uids: &[Uid], from: Role, to: Role) {
        let uids: UidSet = uids.iter().copied().collect();
        let (from, to) = (self.folder(from), self.folder(to));
        let done = self
            .account()
            .write(|txn| txn.transfer_all(how, from, &uids, to));
        done.unwrap().wait().unwrap();
    }

    fn learn(&self) -> usize {
        self.house.engine.learn_waiting(1_000).unwrap()
    }

    /// Alice gets letters of both kinds and sorts them.
    fn teach(&self, letters: usize) {
        for number in 0..letters {
            self.deliver("alice@example.test", UNWANTED, number, 0);
        }
        self.transfer(
            Transfer::Move,
            &self.uids(Role::Inbox),
            Role::Inbox,
            Role::Junk,
        );
        for number in 0..letters {
            self.deliver("alice@example.test", WANTED, number, 0);
        }
        self.transfer(
            Transfer::Move,
            &self.uids(Role::Inbox),
            Role::Inbox,
            Role::Archive,
        );
        assert_eq!(self.learn(), letters * 2);
        assert_eq!(self.learn(), 0);
    }
}

#[test]
fn letters_like_those_that_someone_moved_to_junk_go_there_by_themselves() {
    let stage = Stage::new();
    stage.teach(25);
    let before = stage.uids(Role::Junk).len();
    stage.deliver("alice@example.test", UNWANTED, 100, 0);
    assert_eq!(stage.uids(Role::Junk).len(), before + 1);
    assert!(stage.uids(Role::Inbox).is_empty());
    stage.deliver("alice@example.test", WANTED, 101, 60);
    assert_eq!(
        stage.uids(Role::Inbox).len(),
        1,
        "its words outweigh a rule"
    );
}

#[test]
fn a_thousand_letters_moved_at_once_are_few_lessons() {
    let stage = Stage::new();
    for number in 0..301 {
        stage.deliver("alice@example.test", WANTED, number, 0);
    }
    let uids = stage.uids(Role::Inbox);
    stage.transfer(Transfer::Move, &uids, Role::Inbox, Role::Archive);
    assert_eq!(stage.learn(), 76, "every fourth");
}

#[test]
fn the_letter_says_whose_letters_its_words_are_of() {
    let stage = Stage::new();
    stage.teach(25);
    stage.deliver("alice@example.test", UNWANTED, 100, 0);
    let letter = stage.last(Role::Junk);
    assert!(
        letter.contains("X-Spam-Status: Yes, score=5.5 required=5.0\r\n"),
        "{letter}"
    );
    assert!(letter.contains("WORDS_OWN: its words are those of letters that the owner"));
}

#[test]
fn what_one_learns_counts_less_for_others_and_not_at_all_if_the_administrator_says_so() {
    let at_bob = |settings: Settings| {
        let stage = Stage::with(settings);
        let bob = stage.house.person("bob@example.test").unwrap();
        stage.teach(25);
        stage.deliver("bob@example.test", UNWANTED, 100, 20);
        let (inbox, bob) = (stage.house.inbox("bob@example.test").unwrap(), bob.address);
        assert_eq!(bob, "bob@example.test");
        inbox.len()
    };
    assert_eq!(at_bob(Settings::default()), 0);
    let mut settings = Settings::default();
    settings.spam.learn_for_all = false;
    assert_eq!(at_bob(settings), 1);
}

#[test]
fn the_first_letter_of_someone_is_marked_and_later_ones_are_not() {
    let stage = Stage::new();
    let marks: Vec<bool> = [1, 1, 2, 1, 2].map(|author| stage.is_marked(author)).into();
    assert_eq!(marks, [true, false, true, false, false]);
}

#[test]
fn whoever_was_written_to_is_no_stranger() {
    let stage = Stage::new();
    let envelope = stage.house.envelope("alice@example.test", &["X3@a3.test"]);
    let envelope = Envelope {
        submitter: Some(stage.alice.clone()),
        ..envelope.unwrap()
    };
    let letter = stage.staged("From: alice@example.test\r\n\r\nHello\r\n");
    let sent = stage.house.engine.deliver(&envelope, &letter);
    sent.unwrap().wait().unwrap();
    stage.house.engine.meet_waiting(10).unwrap();
    assert!(!stage.is_marked(3));
    assert!(stage.is_marked(4));
}

#[test]
fn what_waits_to_be_learned_is_learned_after_a_restart() {
    let stage = Stage::new();
    stage.deliver("alice@example.test", UNWANTED, 1, 0);
    let new = stage.uids(Role::Inbox);
    stage.transfer(Transfer::Move, &new, Role::Inbox, Role::Junk);
    stage.house.engine.remember().unwrap();
    let engine = stage.house.restarted().unwrap().engine;
    assert_eq!(engine.learn_waiting(10).unwrap(), 1);
    let known = engine.letters_learned(Some(stage.alice.account));
    assert_eq!(known.unwrap(), (1, 0));
}

#[test]
fn nothing_is_said_before_enough_is_known() {
    let stage = Stage::new();
    stage.teach(19);
    stage.deliver("alice@example.test", UNWANTED, 100, 0);
    assert_eq!(stage.uids(Role::Inbox).len(), 1);
}

#[test]
fn a_letter_that_comes_back_from_junk_is_learned_anew() {
    let stage = Stage::new();
    stage.teach(25);
    let junk = stage.uids(Role::Junk);
    stage.transfer(Transfer::Move, &junk, Role::Junk, Role::Inbox);
    assert_eq!(stage.learn(), 25);
    stage.deliver("alice@example.test", UNWANTED, 100, 0);
    assert_eq!(
        stage.uids(Role::Inbox).len(),
        26,
        "nothing is unwanted any more"
    );
}

#[test]
fn a_copy_to_junk_teaches_and_what_goes_from_junk_to_trash_does_not() {
    let stage = Stage::new();
    stage.deliver("alice@example.test", UNWANTED, 1, 0);
    stage.transfer(
        Transfer::Copy,
        &stage.uids(Role::Inbox),
        Role::Inbox,
        Role::Junk,
    );
    assert_eq!(stage.learn(), 1);
    stage.transfer(
        Transfer::Move,
        &stage.uids(Role::Junk),
        Role::Junk,
        Role::Trash,
    );
    stage.transfer(
        Transfer::Move,
        &stage.uids(Role::Inbox),
        Role::Inbox,
        Role::Trash,
    );
    assert_eq!(stage.learn(), 0);
}

#[test]
fn a_letter_that_is_answered_is_wanted() {
    let stage = Stage::new();
    stage.deliver("alice@example.test", WANTED, 1, 0);
    let at = Location::mail(stage.folder(Role::Inbox), stage.uids(Role::Inbox)[0]);
    let answered = FlagSet {
        flags: Flags::ANSWERED,
        ..FlagSet::default()
    };
    let change = FlagChange::add(answered);
    let done = stage.account().write(|txn| txn.set_flags(at, &change));
    done.unwrap().wait().unwrap();
    assert_eq!(stage.learn(), 1);
}

#[test]
fn a_move_that_fails_teaches_nothing() {
    let stage = Stage::new();
    stage.deliver("alice@example.test", UNWANTED, 1, 0);
    let (inbox, junk) = (stage.folder(Role::Inbox), stage.folder(Role::Junk));
    let uids: UidSet = stage.uids(Role::Inbox).into_iter().collect();
    stage.house.fail_next_commit(engine::StoreError::Full);
    let failed = stage
        .account()
        .write(|txn| txn.transfer_all(Transfer::Move, inbox, &uids, junk));
    assert!(failed.is_err());
    assert_eq!(stage.learn(), 0);
}

#[test]
fn what_was_learned_lies_where_no_mail_program_sees_it() {
    let stage = Stage::new();
    stage.teach(25);
    let account = stage.account();
    let view = account.read().unwrap();
    let folders = view.folders().unwrap();
    assert!(
        folders
            .iter()
            .all(|folder| folder.row.role != Role::Learned)
    );
}
