//! A search finds the same with an index and without, however far the index has been fed; with it,
//! few letters are looked at.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use engine::account::values::{self, Holder, NewEntry, PartChanges, ValueChange};
use engine::rehearsal::Rehearsal;
use engine::search::{
    Comparator, EntryTexts, Fed, Feeder, Index, Letter, Needle, Plan, Query, Run, Sketches, Test,
};
use engine::{
    Account, AccountId, EngineError, FlagChange, FlagSet, Flags, FolderId, ItemKey, ItemRow, Kind,
    Location, NewLetter, Reading, Role, Settings, Shelf, Timestamp, Transfer, Uid, User, Value,
};
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use store::sketch::{Condition, Known, Mark, Narrowed, Sketch};
use store::world::Vfs;
use store::world::memory::MemoryDisk;

/// An index that can be told to say nothing, or to forget an account just before it is fed, and
/// that notes how many candidates it named last.
struct Switch {
    sketches: Sketches,
    is_on: AtomicBool,
    forgets: AtomicBool,
    named: AtomicUsize,
}

impl Index for Switch {
    fn known(&self, account: AccountId) -> Known {
        self.sketches.known(account)
    }
    fn feed(
        &self,
        account: AccountId,
        forgotten: u64,
        sketches: Vec<(ItemKey, Sketch)>,
        mark: Option<Mark>,
    ) -> bool {
        if self.forgets.swap(false, Ordering::Relaxed) {
            self.sketches.forget(account);
        }
        self.sketches.feed(account, forgotten, sketches, mark)
    }
    fn forget(&self, account: AccountId) {
        self.sketches.forget(account);
    }
    fn narrow(
        &self,
        account: AccountId,
        condition: &Condition,
    ) -> Result<Option<Narrowed>, EngineError> {
        if !self.is_on.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let narrowed = self.sketches.narrow(account, condition)?;
        let named = narrowed
            .as_ref()
            .map_or(usize::MAX, |told| told.items.len());
        self.named.store(named, Ordering::Relaxed);
        Ok(narrowed)
    }
    fn pending_bytes(&self) -> usize {
        self.sketches.pending_bytes()
    }
    fn settle(&self) -> Result<(), EngineError> {
        Ok(self.sketches.settle()?)
    }
}

struct Ground {
    house: Rehearsal,
    account: Account,
    disk: MemoryDisk,
    index: Arc<Switch>,
    feeder: Feeder,
    inbox: FolderId,
    archive: FolderId,
}

fn open(disk: &MemoryDisk) -> Arc<Switch> {
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    Arc::new(Switch {
        sketches: Sketches::open(&vfs, Path::new("/search")).unwrap(),
        is_on: AtomicBool::new(true),
        forgets: AtomicBool::new(false),
        named: AtomicUsize::new(0),
    })
}

impl Ground {
    fn new() -> Self {
        let mut settings = Settings::default();
        settings.retention.log_days = 0;
        let house = Rehearsal::new(settings).unwrap();
        let user = house.person("alice@example.test").unwrap();
        let account = house.engine.account(&user, 1);
        let disk = MemoryDisk::new();
        let index = open(&disk);
        house.engine.use_search_index(index.clone());
        let inbox = account.read().unwrap().folder_with_role(Role::Inbox);
        let inbox = inbox.unwrap().unwrap().0;
        let made = account.write(|txn| txn.create_path(&["Old"], Role::None));
        Self {
            feeder: Feeder::new(&house.engine).unwrap(),
            archive: made.unwrap().wait().unwrap(),
            house,
            account,
            disk,
            index,
            inbox,
        }
    }

    /// The same letters after a restart, with what lies on this disk as the index.
    fn with_index(&self, disk: &MemoryDisk) -> Self {
        let house = self.house.restarted().unwrap();
        let user = User {
            account: self.account.id(),
            address: "alice@example.test".to_owned(),
            administrator: false,
        };
        let index = open(disk);
        house.engine.use_search_index(index.clone());
        Self {
            account: house.engine.account(&user, 1),
            feeder: Feeder::new(&house.engine).unwrap(),
            disk: disk.clone(),
            index,
            inbox: self.inbox,
            archive: self.archive,
            house,
        }
    }

    fn append(&self, subject: &str, body: &str) -> Uid {
        let header = format!("From: Ann <ann@example.test>\r\nSubject: {subject}\r\n");
        self.append_bytes(format!("{header}\r\n{body}\r\n").as_bytes())
    }

    fn append_bytes(&self, letter: &[u8]) -> Uid {
        let mut upload = self.account.upload().unwrap();
        upload.write(letter).unwrap();
        let staged = upload.finish().unwrap();
        let new = NewLetter::new(self.inbox, &staged);
        let pending = self.account.write(|txn| txn.append(&new)).unwrap();
        pending.wait().unwrap().at.uid
    }

    /// Forgets what happened so far: who was not told of it has to look at everything.
    fn forget_log(&self) {
        let engine = &self.house.engine;
        self.house.pass(3600);
        while engine
            .trim_changes(self.account.id())
            .unwrap()
            .wait()
            .unwrap()
            > 0
        {}
    }

    fn feed(&mut self) {
        while self.feeder.step(self.account.id()).unwrap() == Fed::More {}
    }

    fn find(&self, folder: FolderId, query: &Query) -> Vec<u32> {
        let uids = self.account.read().unwrap().uids(folder, Shelf::Mail);
        let plan = Plan::new(query.clone()).unwrap();
        let mut run = Run::new(plan, folder, Shelf::Mail, uids.unwrap());
        let mut found: Vec<Uid> = Vec::new();
        while !run.step(&self.account, &mut found).unwrap() {}
        found.into_iter().map(|uid| uid.0).collect()
    }

    fn find_without(&self, folder: FolderId, query: &Query) -> Vec<u32> {
        self.index.is_on.store(false, Ordering::Relaxed);
        let found = self.find(folder, query);
        self.index.is_on.store(true, Ordering::Relaxed);
        found
    }

    fn at(&self, uid: Uid) -> Location {
        Location {
            folder: self.inbox,
            shelf: Shelf::Mail,
            uid,
        }
    }

    fn set_flags(&self, uid: Uid, flags: Flags) {
        let (at, change) = (self.at(uid), FlagChange::add(flags));
        let done = self.account.write(|txn| txn.set_flags(at, &change));
        done.unwrap().wait().unwrap();
    }

    fn transfer(&self, how: Transfer, uid: Uid) {
        let (at, to) = (self.at(uid), self.archive);
        let done = self.account.write(|txn| txn.transfer(how, at, to));
        done.unwrap().wait().unwrap();
    }

    fn expunge(&self, uid: Uid) {
        let done = self.account.write(|txn| txn.expunge(self.at(uid)));
        done.unwrap().wait().unwrap();
    }
}

fn needle(text: &str) -> Needle {
    Needle::new(text, Comparator::Unicode)
}

fn text(wanted: &str) -> Query {
    Query::Test(Test::Text(needle(wanted)))
}

/// Candidates that the index named for the last question.
fn named(ground: &Ground) -> usize {
    ground.index.named.load(Ordering::Relaxed)
}

#[test]
fn addresses_subjects_dates_flags_and_sizes_are_told_without_reading_the_letter() {
    let ground = Ground::new();
    let uid = ground.append("Kaleidoscope", "needleword");
    let view = ground.account.read().unwrap();
    let row = view.item(ground.at(uid)).unwrap().unwrap();
    let field = |name: &str, wanted| Test::Field(name.to_owned(), needle(wanted));
    let bytes_read = |test: Test| {
        let details = view.details(row.item).unwrap().unwrap();
        let mut letter = Letter::new(&ground.account, uid, &row, details);
        let plan = Plan::new(Query::Test(test)).unwrap();
        plan.matches(&mut letter).unwrap();
        letter.bytes_read()
    };
    for test in [
        field("From", "ann"),
        field("To", "nobody"),
        field("Subject", "kaleidoscope"),
        Test::SentSince(20_000),
        Test::ReceivedSince(Timestamp(0)),
        Test::SavedSince(Timestamp(0)),
        Test::Flags(Flags::SEEN),
        Test::Larger(10),
    ] {
        assert_eq!(bytes_read(test.clone()), 0, "{test:?}");
    }
    assert_ne!(bytes_read(Test::Body(needle("needleword"))), 0);
}

#[test]
fn few_letters_are_looked_at_for_a_rare_word() {
    let mut ground = Ground::new();
    for number in 0..300 {
        ground.append(
            "Report",
            &format!("Figures of week {number} are attached as usual."),
        );
    }
    let rare = ground.append("Report", "This week there was a xylographic exhibition.");
    ground.feed();
    for wanted in ["xylographic", "LOGRAPH", "a xylo", "exhib"] {
        assert_eq!(
            ground.find(ground.inbox, &text(wanted)),
            [rare.0],
            "{wanted}"
        );
        assert!(named(&ground) < 20, "{wanted}: {}", named(&ground));
    }
    // The same from disk.
    ground.index.settle().unwrap();
    assert_eq!(ground.find(ground.inbox, &text("xylographic")), [rare.0]);
    let stored = open(&ground.disk).sketches.known(ground.account.id());
    assert_eq!(stored.mark, ground.index.known(ground.account.id()).mark);
    assert_eq!(stored.sketches, 301);
}

#[test]
fn a_letter_with_the_word_in_its_text_is_not_looked_at_for_a_subject() {
    let mut ground = Ground::new();
    for number in 0..300 {
        ground.append("Report", &format!("Week {number}: back after Christmas."));
    }
    let rare = ground.append("Re: Christmas", "See you there.");
    ground.feed();
    let query = Query::Test(Test::Field("Subject".to_owned(), needle("christmas")));
    assert_eq!(ground.find(ground.inbox, &query), [rare.0]);
    assert!(named(&ground) < 20, "{}", named(&ground));
}

#[test]
fn what_came_or_moved_or_went_since_is_not_missed() {
    let mut ground = Ground::new();
    let first = ground.append("One", "needleword");
    let second = ground.append("Two", "needleword");
    let third = ground.append("Three", "needleword");
    ground.feed();
    let fourth = ground.append("Four", "needleword");
    ground.transfer(Transfer::Move, first);
    ground.transfer(Transfer::Copy, second);
    ground.expunge(third);
    let query = text("needleword");
    assert_eq!(ground.find(ground.inbox, &query), [second.0, fourth.0]);
    assert_eq!(ground.find(ground.archive, &query).len(), 2);
    ground.feed();
    assert_eq!(ground.find(ground.inbox, &query), [second.0, fourth.0]);
    assert_eq!(ground.find(ground.archive, &query).len(), 2);
    ground.transfer(Transfer::Move, fourth);
    assert_eq!(ground.find(ground.archive, &query).len(), 3);
}

#[test]
fn whatever_happened_since_only_letters_that_came_are_looked_at_beside_what_is_named() {
    let mut ground = Ground::new();
    let letters: Vec<Uid> = (0..60).map(|_| ground.append("Old", "nothing")).collect();
    let rare = ground.append("Old", "needleword");
    ground.feed();
    // More changes than are looked through at once.
    for round in 0..100 {
        let change = match round % 2 {
            0 => FlagChange::add(Flags::SEEN),
            _ => FlagChange::remove(Flags::SEEN),
        };
        let done = ground.account.write(|txn| {
            letters
                .iter()
                .try_for_each(|uid| txn.set_flags(ground.at(*uid), &change).map(|_| ()))
        });
        done.unwrap().wait().unwrap();
    }
    let came = ground.append("New", "nothing");
    let view = ground.account.read().unwrap();
    let item = |uid| view.item(ground.at(uid)).unwrap().unwrap().item;
    let plan = Plan::new(text("needleword")).unwrap();
    assert_eq!(
        plan.candidates(&ground.account).unwrap().unwrap(),
        [item(rare), item(came)]
    );
    assert_eq!(ground.find(ground.inbox, &text("needleword")), [rare.0]);
}

#[test]
fn a_new_account_is_told_of_while_it_is_fed_for_the_first_time() {
    let mut ground = Ground::new();
    for number in 0..600 {
        ground.append("One", &format!("needleword{number}"));
    }
    assert_eq!(ground.feeder.step(ground.account.id()).unwrap(), Fed::More);
    assert!(!ground.feeder.is_walking());
    assert!(ground.index.known(ground.account.id()).sketches > 100);
    let plan = Plan::new(text("xylograph")).unwrap();
    let left = plan.candidates(&ground.account).unwrap().unwrap();
    assert!(left.len() < 500, "{}", left.len());
    // Where the log does not tell of its beginning it is looked at as a whole.
    ground.forget_log();
    ground.house.engine.relearn_for_search(ground.account.id());
    assert_eq!(ground.feeder.step(ground.account.id()).unwrap(), Fed::More);
    assert!(ground.feeder.is_walking());
    ground.feed();
    assert!(!ground.feeder.is_walking());
    assert_eq!(ground.index.known(ground.account.id()).sketches, 600);
}

#[test]
fn what_moves_while_an_account_is_walked_through_is_not_missed() {
    for moved_at in 0..12 {
        let mut ground = Ground::new();
        let letters: Vec<Uid> = (0..90)
            .map(|_| ground.append("Old", "needleword"))
            .collect();
        ground.forget_log();
        for step in 0..40 {
            if step == moved_at {
                ground.transfer(Transfer::Move, letters[80]);
                ground.transfer(Transfer::Copy, letters[3]);
            }
            if ground.feeder.step(ground.account.id()).unwrap() == Fed::Done && step > moved_at {
                break;
            }
        }
        let query = text("needleword");
        assert_eq!(ground.find(ground.inbox, &query).len(), 89);
        assert_eq!(ground.find(ground.archive, &query).len(), 2, "{moved_at}");
    }
}

#[test]
fn an_index_that_is_behind_catches_up_after_a_restart() {
    let mut ground = Ground::new();
    ground.append("One", "needleword");
    ground.feed();
    ground.index.settle().unwrap();
    let lost = ground.append("Two", "needleword");
    ground.feed(); // In memory only: a crash takes it.
    let again = open(&ground.disk.power_cut(1));
    let known = again.known(ground.account.id());
    assert_eq!(known.sketches, 1);
    let head = ground.account.read().unwrap().head().unwrap();
    assert!(known.mark.unwrap().change < head);
    assert_eq!(ground.find(ground.inbox, &text("needleword")), [1, lost.0]);
}

#[test]
fn what_a_power_cut_takes_of_an_index_being_fed_is_not_missed() {
    for round in 0..6 {
        let mut ground = Ground::new();
        for number in 0..40 {
            let body = if number % 7 == 0 {
                "needleword"
            } else {
                "nothing"
            };
            ground.append(&format!("Number {number}"), body);
        }
        if round % 2 == 0 {
            ground.forget_log(); // It is walked through.
        }
        // Cut while it is fed: at first nothing was brought to disk, then ever more of it.
        for step in 0..3 {
            let _ = ground.feeder.step(ground.account.id()).unwrap();
            if step < round % 4 {
                ground.index.settle().unwrap();
            }
            ground.append("Later", "needleword");
        }
        let found = ground.find(ground.inbox, &text("needleword"));
        assert_eq!(found.len(), 9);
        let mut after = ground.with_index(&ground.disk.power_cut(round));
        assert_eq!(
            after.find(after.inbox, &text("needleword")),
            found,
            "{round}"
        );
        after.feed();
        assert_eq!(
            after.find(after.inbox, &text("needleword")),
            found,
            "{round}"
        );
        assert_eq!(named(&after), 9, "{round}: it caught up");
    }
}

#[test]
fn a_damaged_index_costs_time_only_and_is_mended_by_learning_anew() {
    let mut ground = Ground::new();
    for number in 0..60 {
        let body = if number == 33 {
            "needleword"
        } else {
            "nothing"
        };
        ground.append(&format!("Number {number}"), body);
    }
    ground.feed();
    ground.index.settle().unwrap();
    let packs = ground.disk.paths().into_iter();
    let packs: Vec<_> = packs
        .filter(|path| path.to_string_lossy().contains("pack"))
        .collect();
    assert!(!packs.is_empty());
    let mut ground = ground.with_index(&ground.disk);
    for path in &packs {
        for offset in (0..4096).step_by(16) {
            ground.disk.flip(path, offset, 0xff);
        }
    }
    assert_eq!(ground.find(ground.inbox, &text("needleword")), [34]);
    // It was noticed and forgotten, so the next feeding begins anew, as `rebuild search` does.
    assert_eq!(
        ground
            .house
            .engine
            .known_for_search(ground.account.id())
            .unwrap()
            .mark,
        None
    );
    ground.feed();
    assert_eq!(ground.find(ground.inbox, &text("needleword")), [34]);
    assert_eq!(named(&ground), 1);
    assert!(ground.house.engine.relearn_for_search(ground.account.id()));
    ground.feed();
    assert_eq!(ground.find(ground.inbox, &text("needleword")), [34]);
    assert_eq!(named(&ground), 1);
}

#[test]
fn names_of_attachments_and_the_text_in_documents_are_found() {
    let mut ground = Ground::new();
    ground.append("Nothing", "at all");
    let rich = "{\\rtf1 The {\\b xylo}graph is broken.\\par}";
    let letter = format!(
        "Subject: Bill\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
         --x\r\n\r\nSee below.\r\n--x\r\nContent-Type: application/octet-stream\r\n\
         Content-Disposition: attachment; filename*=utf-8''R%C3%A9paration.rtf\r\n\r\n\
         {rich}\r\n--x--\r\n"
    );
    let uid = ground.append_bytes(letter.as_bytes());
    let pages = "1 0 obj <</Type /Page /Contents 2 0 R /Resources <</Font <</F \
                 <</Subtype /Type1>> >> >> >> endobj\r\n2 0 obj <<>> stream\r\n\
                 BT /F 9 Tf [(Kal) 20 (eido) -300 (scope)] TJ ET\r\nendstream endobj";
    let letter = format!("Subject: Pages\r\nContent-Type: application/pdf\r\n\r\n{pages}\r\n");
    let of_pages = ground.append_bytes(letter.as_bytes());
    for _ in 0..2 {
        assert_eq!(ground.find(ground.inbox, &text("kaleido sc")), [of_pages.0]);
        for wanted in [
            "paration.rt",
            "r\u{e9}paration",
            "xylographi",
            "XYLOGRAPH",
            "is broken",
        ] {
            let expected: &[u32] = if wanted == "xylographi" {
                &[]
            } else {
                &[uid.0]
            };
            assert_eq!(
                ground.find(ground.inbox, &text(wanted)),
                expected,
                "{wanted}"
            );
        }
        ground.feed();
    }
}

/// Items whose values are all texts.
struct Values;

impl EntryTexts for Values {
    fn each_text(
        &self,
        account: &Account,
        row: &ItemRow,
        visit: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError> {
        for entry in values::values(&account.read()?, Holder::Item(row.item), &[])? {
            if let Value::Text(text) = entry.value {
                visit(&text);
            }
        }
        Ok(())
    }
}

impl Ground {
    fn say(&self, at: Location, property: u32, text: &str) {
        let value = Value::Text(text.to_owned());
        let changes = vec![ValueChange::Set {
            property,
            value,
            is_of_bytes: false,
        }];
        let parts = [PartChanges {
            path: Vec::new(),
            changes: Some(changes),
        }];
        let done = self.account.write(|txn| txn.set_values(at, &parts, None));
        done.unwrap().wait().unwrap();
    }

    fn put(&self, kind: Kind, text: &str) -> Location {
        let new = NewEntry {
            folder: self.inbox,
            shelf: Shelf::Other,
            kind,
            flags: FlagSet::default(),
            staged: None,
            size: 100,
        };
        let put = self.account.write(|txn| txn.put_item(&new));
        let at = put.unwrap().wait().unwrap().at;
        self.say(at, 1, text);
        at
    }

    fn find_entries(&self, query: &Query) -> Vec<Uid> {
        let uids = self.account.read().unwrap().uids(self.inbox, Shelf::Other);
        let plan = Plan::new(query.clone()).unwrap();
        let mut run = Run::new(plan, self.inbox, Shelf::Other, uids.unwrap());
        let mut found: Vec<Uid> = Vec::new();
        while !run.step(&self.account, &mut found).unwrap() {}
        found
    }
}

#[test]
fn events_contacts_tasks_and_notes_are_found_by_their_texts() {
    let mut ground = Ground::new();
    ground.house.engine.use_entry_texts(Arc::new(Values));
    for number in 0..50 {
        ground.put(Kind::Contact, &format!("Someone {number}"));
    }
    let event = ground.put(Kind::Event, "Quarterly kaleidoscope review");
    let task = ground.put(Kind::Task, "Send the Straßenkarte");
    let note = ground.put(Kind::Note, "図書館に本を返す");
    ground.feed();
    for (wanted, at) in [
        ("KALEIDOSCOPE", event),
        ("straßenk", task),
        ("図書館", note),
    ] {
        assert_eq!(ground.find_entries(&text(wanted)), [at.uid], "{wanted}");
        assert_eq!(named(&ground), 1, "{wanted}");
    }
    // What is said since is not missed, and the letters are still found beside them.
    ground.say(task, 2, "Ask about the xylophone");
    let letter = ground.append("xylophone", "for sale");
    assert_eq!(ground.find_entries(&text("xylophone")), [task.uid]);
    ground.feed();
    assert_eq!(ground.find_entries(&text("xylophone")), [task.uid]);
    assert_eq!(ground.find(ground.inbox, &text("xylophone")), [letter.0]);
    let plan = Plan::new(text("xylophone")).unwrap();
    assert_eq!(plan.candidates(&ground.account).unwrap().unwrap().len(), 2);
}

#[test]
fn what_is_forgotten_while_it_is_fed_is_learned_from_the_beginning() {
    let mut ground = Ground::new();
    for number in 0..200 {
        ground.append("Hello", &format!("needleword{number}"));
    }
    let account = ground.account.id();
    let everywhere: Vec<u32> = (1..=200).collect();
    // In the middle of a walk, by whoever asks for it.
    ground.forget_log();
    assert_eq!(ground.feeder.step(account).unwrap(), Fed::More);
    ground.house.engine.relearn_for_search(account);
    ground.feed();
    assert_eq!(ground.find(ground.inbox, &text("needleword")), everywhere);
    assert_eq!(ground.index.known(account).sketches, 200);
    // Between looking into the log and feeding what it told.
    let late = ground.append("Late", "xylograph");
    ground.index.forgets.store(true, Ordering::Relaxed);
    assert_eq!(ground.feeder.step(account).unwrap(), Fed::More);
    assert_eq!(ground.index.known(account).mark, None);
    assert_eq!(ground.find(ground.inbox, &text("needleword")), everywhere);
    ground.feed();
    assert_eq!(ground.index.known(account).sketches, 201);
    assert_eq!(ground.find(ground.inbox, &text("xylograph")), [late.0]);
    assert_eq!(ground.index.named.load(Ordering::Relaxed), 1);
}

#[test]
fn flags_are_told_without_rows_as_they_are_now() {
    let ground = Ground::new();
    let seen = Query::Test(Test::Flags(Flags::SEEN));
    let unseen = Query::Not(Box::new(seen.clone()));
    let uids: Vec<Uid> = (0..5).map(|_| ground.append("Hello", "there")).collect();
    let set = |uid, flags| ground.set_flags(uid, flags);
    assert_eq!(ground.find(ground.inbox, &unseen), [1, 2, 3, 4, 5]);
    set(uids[1], Flags::SEEN);
    set(uids[3], Flags::SEEN | Flags::FLAGGED);
    assert_eq!(ground.find(ground.inbox, &seen), [2, 4]);
    ground.transfer(Transfer::Move, uids[3]);
    ground.expunge(uids[0]);
    ground.append("New", "one");
    assert_eq!(ground.find(ground.inbox, &seen), [2]);
    assert_eq!(ground.find(ground.inbox, &unseen), [3, 5, 6]);
    let flagged = Query::Test(Test::Flags(Flags::FLAGGED | Flags::SEEN));
    assert_eq!(ground.find(ground.archive, &flagged).len(), 1);
    let either = Query::Any(vec![unseen, seen]);
    assert_eq!(ground.find(ground.inbox, &either), [2, 3, 5, 6]);
}

#[test]
fn only_the_changed_accounts_are_named() {
    let ground = Ground::new();
    assert!(ground.house.engine.changed_accounts().is_empty());
    ground.append("One", "text");
    ground.append("Two", "text");
    assert_eq!(
        ground.house.engine.changed_accounts(),
        [ground.account.id()]
    );
    assert!(ground.house.engine.changed_accounts().is_empty());
}

#[test]
fn what_brings_new_text_is_counted_and_flags_are_not() {
    let ground = Ground::new();
    let engine = &ground.house.engine;
    let before = engine.texts_written();
    let uid = ground.append("One", "text");
    assert_eq!(engine.texts_written(), before + 1);
    ground.set_flags(uid, Flags::SEEN);
    ground.transfer(Transfer::Move, uid);
    assert_eq!(engine.texts_written(), before + 1);
    let other = ground.append("Two", "text");
    ground.transfer(Transfer::Copy, other);
    assert_eq!(engine.texts_written(), before + 3);
}

const WORDS: [&str; 8] = [
    "straße",
    "STRASSE",
    "réunion",
    "東京都",
    "needle",
    "needles",
    "=?utf-8?Q?caf=C3=A9?=",
    "ab",
];

fn any_query() -> impl Strategy<Value = Query> {
    let wanted = prop::sample::select(vec![
        "stra",
        "reunion",
        "réun",
        "京都",
        "needle",
        "dles",
        "café",
        "ab",
        "",
        "ann@",
        "needle ab",
    ]);
    let test = (wanted, 0..6).prop_map(|(wanted, kind)| {
        Query::Test(match kind {
            0 => Test::Text(needle(wanted)),
            1 => Test::Body(needle(wanted)),
            2 => Test::Field("Subject".to_owned(), needle(wanted)),
            3 => Test::Field("From".to_owned(), needle(wanted)),
            4 => Test::Field("CC".to_owned(), needle(wanted)),
            _ => Test::Text(Needle::loose(wanted, Comparator::Unicode)),
        })
    });
    test.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Query::Not(Box::new(one))),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Query::All),
            prop::collection::vec(inner, 0..3).prop_map(Query::Any),
        ]
    })
}

#[derive(Debug, Clone)]
enum Action {
    Append(Vec<usize>, Vec<usize>),
    Move(usize),
    Copy(usize),
    Expunge(usize),
    Step,
    Feed,
    Settle,
}

fn any_action() -> impl Strategy<Value = Action> {
    let words = || prop::collection::vec(0..WORDS.len(), 0..4);
    prop_oneof![
        4 => (words(), words()).prop_map(|(subject, body)| Action::Append(subject, body)),
        1 => (0_usize..20).prop_map(Action::Move),
        1 => (0_usize..20).prop_map(Action::Copy),
        1 => (0_usize..20).prop_map(Action::Expunge),
        2 => Just(Action::Step),
        1 => Just(Action::Feed),
        1 => Just(Action::Settle),
    ]
}

impl Ground {
    fn nth(&self, number: usize) -> Option<Uid> {
        let uids = self.account.read().unwrap().uids(self.inbox, Shelf::Mail);
        uids.unwrap().iter().nth(number)
    }

    fn act(&mut self, action: &Action) {
        let text = |words: &[usize]| {
            let words: Vec<&str> = words.iter().map(|&word| WORDS[word]).collect();
            words.join(" ")
        };
        match action {
            Action::Append(subject, body) => {
                self.append(&text(subject), &text(body));
            }
            Action::Move(n) | Action::Copy(n) | Action::Expunge(n) => {
                let Some(uid) = self.nth(*n) else { return };
                match action {
                    Action::Move(_) => self.transfer(Transfer::Move, uid),
                    Action::Copy(_) => self.transfer(Transfer::Copy, uid),
                    _ => self.expunge(uid),
                }
            }
            Action::Step => {
                self.feeder.step(self.account.id()).unwrap();
            }
            Action::Feed => self.feed(),
            Action::Settle => self.index.settle().unwrap(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_search_finds_the_same_with_an_index_and_without(
        actions in prop::collection::vec(any_action(), 0..40),
        queries in prop::collection::vec(any_query(), 1..8),
    ) {
        let mut ground = Ground::new();
        for action in &actions {
            ground.act(action);
        }
        for query in &queries {
            for folder in [ground.inbox, ground.archive] {
                let with = ground.find(folder, query);
                prop_assert_eq!(with, ground.find_without(folder, query));
            }
        }
    }
}
