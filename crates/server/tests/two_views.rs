//! One mailbox, changed at random by IMAP and by MAPI: after each step both say what the model of
//! the mailbox says, and so does the store itself.
//!
//! It stands here because protocol crates don't know each other. Letters are known by their
//! subjects and by their order, which is the order in which they came into their folder.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

#[path = "two_views/checks.rs"]
mod checks;
#[path = "../../mapi/tests/client/mod.rs"]
mod client;

use client::{Client, number, text};
use engine::rehearsal::{Rehearsal, Wire};
use engine::{Reading, User};
use mapi::codec::data::{
    AddressBookEntryId, Cell, EntryId, ObjectId, Property, PropertyTag, Relation, Restriction,
    TaggedValue, Value,
};
use mapi::codec::rop::Request;
use mapi::codec::rop::folder::{
    CreateFolder, DeleteMessages, FolderTexts, MoveCopyMessages, OpenTable, SetSearchCriteria,
};
use mapi::codec::rop::message::{CreateMessage, OpenMessage, SaveChanges, SetReadFlags};
use mapi::codec::rop::stream::{ModifyRows, RowChange};
use mapi::codec::wire::{Form, Nothing, decode};
use mapi::convert::set;
use proptest::prelude::*;
use std::collections::BTreeSet;

const ADDRESS: &str = "ida@example.test";
/// The folders, as IMAP and as the store call them.
const FOLDERS: [&str; 3] = ["INBOX", "Work", "Trash"];
const STORED: [&str; 3] = ["Inbox", "Work", "Trash"];
/// The flags that both know.
const FLAGS: [&str; 4] = ["\\Seen", "\\Flagged", "\\Answered", "\\Draft"];

/// Who is let into folders, and no more.
const GUEST: &str = "bo@example.test";

/// Places of handles: what is open under which.
const FOLDER: u8 = 1;
const OTHER: u8 = 2;
const TABLE: u8 = 3;
const MESSAGE: u8 = 4;
const ATTACHMENT: u8 = 5;
/// The folder of a search for what is unread.
const SEARCH: u8 = 6;

const SUBJECT: u32 = 0x0037_001f;
const MID: u32 = 0x674a_0014;
const MESSAGE_FLAGS: u32 = 0x0e07_0003;
const FLAG_STATUS: u32 = 0x1090_0003;
const LAST_VERB: u32 = 0x1081_0003;
const IMPORTANCE: u32 = 0x0017_0003;
const NORMAL: i32 = 1;
const HAS_ATTACHMENTS: u32 = 0x0e1b_000b;
const FILE_NAME: u32 = 0x3707_001f;
const IS_READ: u32 = 0x0e69_000b;
const TABLE_SOFT_DELETES: u8 = 0x20;

/// Which folder, and which letter in it, modulo those that there are.
type At = (usize, usize);

#[derive(Debug, Clone)]
enum Step {
    /// IMAP puts a letter there, with these of the flags.
    Append(usize, u8),
    /// IMAP puts a letter with a file there.
    AppendFile(usize),
    /// MAPI attaches a file to a draft.
    Attach(At),
    /// MAPI says how important it is.
    Importance(At, i32),
    /// IMAP or MAPI lets the guest read a folder, or no more.
    ImapShare(usize, bool),
    MapiShare(usize, bool),
    /// MAPI writes a draft.
    Create(usize),
    /// MAPI changes the subject of a draft.
    Rename(At),
    /// IMAP sets or clears a flag.
    Store(At, usize, bool),
    /// MAPI marks as read or unread.
    Read(At, bool),
    /// MAPI flags for follow-up, or no more.
    Flag(At, bool),
    /// MAPI gives categories, or takes them away.
    Categories(At, Vec<String>),
    ImapCopy(At, usize),
    ImapMove(At, usize),
    MapiCopy(At, usize),
    MapiMove(At, usize),
    /// IMAP marks it as deleted and expunges it.
    ImapDelete(At),
    MapiDelete(At),
    MapiHardDelete(At),
    /// MAPI brings back what was deleted.
    Restore(At, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let folder = || 0..FOLDERS.len();
    let at = || (0..FOLDERS.len(), 0..8_usize);
    let words = prop::collection::vec(prop::sample::select(vec!["red", "blue", "Käse"]), 0..3);
    let words = words.prop_map(|words| words.into_iter().map(str::to_owned).collect());
    let step = prop_oneof![
        4 => (folder(), any::<u8>()).prop_map(|(folder, flags)| Step::Append(folder, flags)),
        1 => folder().prop_map(Step::AppendFile),
        1 => at().prop_map(Step::Attach),
        1 => (at(), 0..3).prop_map(|(at, importance)| Step::Importance(at, importance)),
        1 => (folder(), any::<bool>()).prop_map(|(folder, on)| Step::ImapShare(folder, on)),
        1 => (folder(), any::<bool>()).prop_map(|(folder, on)| Step::MapiShare(folder, on)),
        2 => folder().prop_map(Step::Create),
        1 => at().prop_map(Step::Rename),
        3 => (at(), 0..FLAGS.len(), any::<bool>()).prop_map(|(at, f, on)| Step::Store(at, f, on)),
        2 => (at(), any::<bool>()).prop_map(|(at, is_read)| Step::Read(at, is_read)),
        2 => (at(), any::<bool>()).prop_map(|(at, is_set)| Step::Flag(at, is_set)),
        2 => (at(), words).prop_map(|(at, words)| Step::Categories(at, words)),
        1 => (at(), folder()).prop_map(|(at, to)| Step::ImapCopy(at, to)),
        1 => (at(), folder()).prop_map(|(at, to)| Step::ImapMove(at, to)),
        1 => (at(), folder()).prop_map(|(at, to)| Step::MapiCopy(at, to)),
        1 => (at(), folder()).prop_map(|(at, to)| Step::MapiMove(at, to)),
        1 => at().prop_map(Step::ImapDelete),
        1 => at().prop_map(Step::MapiDelete),
        1 => at().prop_map(Step::MapiHardDelete),
        1 => (at(), folder()).prop_map(|(at, to)| Step::Restore(at, to)),
    ];
    prop::collection::vec(step, 1..25)
}

/// A letter, as all are to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Letter {
    subject: String,
    flags: BTreeSet<&'static str>,
    categories: Vec<String>,
    importance: i32,
    files: Vec<String>,
}

/// What IMAP and the store know of a letter: subject, flags and files.
type Bare = (String, BTreeSet<&'static str>, Vec<String>);

impl Letter {
    fn new(subject: String) -> Self {
        Self {
            subject,
            flags: BTreeSet::new(),
            categories: Vec::new(),
            importance: NORMAL,
            files: Vec::new(),
        }
    }

    fn bare(&self) -> Bare {
        (self.subject.clone(), self.flags.clone(), self.files.clone())
    }

    fn is_unread(&self) -> bool {
        !self.flags.contains("\\Seen")
    }
}

#[derive(Debug, Default)]
struct Folder {
    letters: Vec<Letter>,
    deleted: Vec<Letter>,
    /// The guest may read it.
    is_shared: bool,
}

/// One of the folders but this one.
fn another(this: usize, chosen: usize) -> usize {
    (this + 1 + chosen % (FOLDERS.len() - 1)) % FOLDERS.len()
}

struct Mailbox {
    house: Rehearsal,
    user: User,
    guest: User,
    imap: Wire<imap::Session>,
    mapi: Client,
    keywords: PropertyTag,
    ids: Vec<ObjectId>,
    model: [Folder; 3],
    made: usize,
}

impl Mailbox {
    fn new() -> Self {
        let house = client::house();
        let user = house.person(ADDRESS).unwrap();
        let guest = house.person(GUEST).unwrap();
        let session = imap::Session::new(house.engine.clone());
        let mut imap = Wire::open(&house, session, house.peer(true));
        imap.take();
        let mut mapi = Client::new(&house, &user, &user);
        let id = mapi.identifiers(&[set::keywords()])[0];
        let mut mailbox = Self {
            house,
            user,
            guest,
            imap,
            mapi,
            keywords: PropertyTag(u32::from(id) << 16 | 0x101f),
            ids: Vec::new(),
            model: Default::default(),
            made: 0,
        };
        mailbox.command("LOGIN ida@example.test ida");
        mailbox.command("CREATE Work");
        let account = mailbox.house.engine.account(&mailbox.user, 7);
        let view = account.read().unwrap();
        let folders = STORED.map(|name| view.folder_at(&[name]).unwrap().unwrap().0);
        mailbox.ids = folders.map(mapi::identity::folder_id).to_vec();
        mailbox.search_for_unread();
        mailbox
    }

    /// Makes a folder that shows what is unread in all others.
    fn search_for_unread(&mut self) {
        let subtree = self.mapi.special(3);
        self.mapi.open_folder(subtree, FOLDER);
        let request = CreateFolder {
            folder_type: 2,
            open_existing: false,
            reserved: 0,
            texts: FolderTexts::Unicode(["Unread".to_owned(), String::new()]),
        };
        self.mapi
            .ask(FOLDER, SEARCH, Request::CreateFolder(request));
        let property = PropertyTag(IS_READ);
        let unread = Restriction::Property(Property {
            relation: Relation::Equal,
            property,
            value: TaggedValue::new(property, Value::Boolean(false)),
        });
        let criteria = SetSearchCriteria {
            restriction: Some(unread),
            folders: self.ids.clone(),
            flags: 0x0002_0002,
        };
        let request = Request::SetSearchCriteria(criteria);
        self.mapi.ask(SEARCH, SEARCH, request);
    }

    #[track_caller]
    fn command(&mut self, text: &str) -> String {
        self.imap.send(format!("t {text}\r\n").as_bytes());
        let said = self.imap.take();
        assert!(
            said.contains("\r\nt OK") || said.starts_with("t OK"),
            "{text}: {said}"
        );
        said
    }

    /// The letter that a step is about: its folder and its place there.
    fn place(&self, (folder, letter): At) -> Option<(usize, usize)> {
        let count = self.model[folder].letters.len();
        (count > 0).then(|| (folder, letter % count))
    }

    /// Selects the folder by IMAP; the UID of the letter.
    fn uid(&mut self, (folder, letter): (usize, usize)) -> String {
        self.command(&format!("SELECT {}", FOLDERS[folder]));
        let said = self.command(&format!("FETCH {} UID", letter + 1));
        let uid = said.split_once("UID ").unwrap().1;
        uid.split(')').next().unwrap().to_owned()
    }

    /// The rows of a folder as MAPI tells them, in the order in which they came.
    fn rows(&mut self, folder: usize, flags: u8, columns: &[PropertyTag]) -> Vec<Vec<Cell>> {
        self.mapi.open_folder(self.ids[folder], FOLDER);
        let request = Request::ContentsTable(OpenTable {
            flags: 0x40 | flags,
        });
        self.mapi.ask(FOLDER, TABLE, request);
        let mut rows = self.mapi.rows(TABLE, columns);
        rows.reverse();
        rows
    }

    /// Opens the folder by MAPI; the number of the letter there.
    fn message(&mut self, (folder, letter): (usize, usize), flags: u8) -> ObjectId {
        let rows = self.rows(folder, flags, &[PropertyTag(MID)]);
        decode(&number(&rows[letter][0]).to_le_bytes(), Form::Rop).unwrap()
    }

    fn open(&mut self, place: (usize, usize)) {
        let message = self.message(place, 0);
        let request = OpenMessage {
            code_page: 0x0fff,
            folder: self.ids[place.0],
            open_mode: 1,
            message,
        };
        self.mapi.ask(0, MESSAGE, Request::OpenMessage(request));
    }

    /// Keeps an open message: the letter of a draft is made anew, and so comes behind the others.
    fn save(&mut self, (folder, letter): (usize, usize)) {
        self.mapi.save(MESSAGE);
        let letters = &mut self.model[folder].letters;
        if letters[letter].flags.contains("\\Draft") {
            let renewed = letters.remove(letter);
            letters.push(renewed);
        }
    }

    fn transfer(&mut self, message: ObjectId, to: usize, want_copy: bool) {
        self.mapi.open_folder(self.ids[to], OTHER);
        let request = MoveCopyMessages {
            messages: vec![message],
            want_asynchronous: false,
            want_copy,
        };
        self.mapi
            .ask(FOLDER, OTHER, Request::MoveCopyMessages(request));
    }

    fn new_subject(&mut self) -> String {
        self.made += 1;
        format!("letter {}", self.made)
    }

    /// Takes a step, if there is a letter to take it with.
    fn take(&mut self, step: &Step) {
        match step {
            Step::Append(folder, flags) => self.append(*folder, *flags),
            Step::AppendFile(folder) => self.append_file(*folder),
            Step::Attach(at) => self.attach(*at),
            Step::Importance(at, importance) => self.importance(*at, *importance),
            Step::ImapShare(folder, is_shared) => self.share_by_imap(*folder, *is_shared),
            Step::MapiShare(folder, is_shared) => self.share_by_mapi(*folder, *is_shared),
            Step::Create(folder) => self.create(*folder),
            Step::Rename(at) => self.rename(*at),
            Step::Store(at, flag, is_set) => self.store(*at, FLAGS[*flag], *is_set),
            Step::Read(at, is_read) => self.read(*at, *is_read),
            Step::Flag(at, is_set) => self.flag(*at, *is_set),
            Step::Categories(at, words) => self.categorise(*at, words),
            Step::ImapCopy(at, to) => self.by_imap(*at, *to, "COPY"),
            Step::ImapMove(at, to) => self.by_imap(*at, another(at.0, *to), "MOVE"),
            Step::MapiCopy(at, to) => self.by_mapi(*at, *to, true),
            Step::MapiMove(at, to) => self.by_mapi(*at, another(at.0, *to), false),
            Step::ImapDelete(at) => self.delete_by_imap(*at),
            Step::MapiDelete(at) => self.delete_by_mapi(*at, false),
            Step::MapiHardDelete(at) => self.delete_by_mapi(*at, true),
            Step::Restore(at, to) => self.restore(*at, *to),
        }
    }

    fn append(&mut self, folder: usize, bits: u8) {
        let subject = self.new_subject();
        let chosen = (0..).zip(FLAGS).filter(|(bit, _)| bits >> bit & 1 == 1);
        let flags: BTreeSet<_> = chosen.map(|(_, flag)| flag).collect();
        let letter = format!("From: bo@example.test\r\nSubject: {subject}\r\n\r\nText\r\n");
        let told: Vec<_> = flags.iter().copied().collect();
        let (name, size) = (FOLDERS[folder], letter.len());
        let text = format!("APPEND {name} ({}) {{{size}+}}\r\n{letter}", told.join(" "));
        self.command(&text);
        self.model[folder].letters.push(Letter {
            flags,
            ..Letter::new(subject)
        });
    }

    fn append_file(&mut self, folder: usize) {
        let subject = self.new_subject();
        let file = format!("file{}.txt", self.made);
        let letter = format!(
            "From: bo@example.test\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nText\r\n--x\r\n\
             Content-Type: text/plain\r\n\
             Content-Disposition: attachment; filename=\"{file}\"\r\n\r\nfile\r\n--x--\r\n"
        );
        let (name, size) = (FOLDERS[folder], letter.len());
        self.command(&format!("APPEND {name} {{{size}+}}\r\n{letter}"));
        self.model[folder].letters.push(Letter {
            files: vec![file],
            ..Letter::new(subject)
        });
    }

    /// Drafts are patched; what came stays as it came, so nothing is attached to that.
    fn attach(&mut self, at: At) {
        let Some(place) = self.place(at) else { return };
        if !self.model[place.0].letters[place.1]
            .flags
            .contains("\\Draft")
        {
            return;
        }
        self.made += 1;
        let file = format!("file{}.txt", self.made);
        self.open(place);
        let request = Request::CreateAttachment(Nothing);
        self.mapi.ask(MESSAGE, ATTACHMENT, request);
        let values = [
            (0x3705_0003, Value::Integer32(1)),
            (FILE_NAME, Value::Unicode(file.clone())),
            (0x3701_0102, client::binary(b"file")),
        ];
        assert_eq!(self.mapi.set(ATTACHMENT, &values), []);
        let request = Request::SaveChangesAttachment(SaveChanges { flags: 2 });
        self.mapi.ask(ATTACHMENT, ATTACHMENT, request);
        self.model[place.0].letters[place.1].files.push(file);
        self.save(place);
    }

    fn importance(&mut self, at: At, importance: i32) {
        let Some(place) = self.place(at) else { return };
        self.open(place);
        self.mapi
            .set_property(MESSAGE, IMPORTANCE, Value::Integer32(importance));
        self.model[place.0].letters[place.1].importance = importance;
        self.save(place);
    }

    fn share_by_imap(&mut self, folder: usize, is_shared: bool) {
        let name = FOLDERS[folder];
        if is_shared {
            self.command(&format!("SETACL {name} {GUEST} lrs"));
        } else {
            self.command(&format!("DELETEACL {name} {GUEST}"));
        }
        self.model[folder].is_shared = is_shared;
    }

    fn share_by_mapi(&mut self, folder: usize, is_shared: bool) {
        const ADD: u8 = 1;
        const REMOVE: u8 = 4;
        let known = self.members(folder).into_iter().next();
        let (flags, values) = match (known, is_shared) {
            (None, true) => {
                let entry = mapi::identity::legacy_name(self.guest.account);
                let entry = EntryId::AddressBook(AddressBookEntryId::new(0, &entry));
                let entry = client::binary(&entry.to_bytes());
                let rights = (PropertyTag(0x6673_0003), Value::Integer32(0x401));
                (ADD, vec![(PropertyTag(0x0fff_0102), entry), rights])
            }
            (Some(member), false) => {
                let member = Value::Integer64(member);
                (REMOVE, vec![(PropertyTag(0x6671_0014), member)])
            }
            _ => return,
        };
        let values = values.into_iter();
        let values = values.map(|(tag, value)| TaggedValue::new(tag, value));
        let values = values.collect();
        let request = ModifyRows {
            flags: 2,
            rows: vec![RowChange { flags, values }],
        };
        self.mapi
            .ask(FOLDER, FOLDER, Request::ModifyPermissions(request));
        self.model[folder].is_shared = is_shared;
    }

    /// Who may read a folder besides the owner, as MAPI tells it, by their numbers; the folder is
    /// open then.
    fn members(&mut self, folder: usize) -> Vec<i64> {
        self.mapi.open_folder(self.ids[folder], FOLDER);
        let request = Request::PermissionsTable(OpenTable { flags: 2 });
        self.mapi.ask(FOLDER, TABLE, request);
        let columns = [0x6671_0014, 0x6672_001f, 0x6673_0003].map(PropertyTag);
        let rows = self.mapi.rows(TABLE, &columns);
        let readers = rows.iter().filter(|row| number(&row[2]) & 1 != 0);
        let readers = readers.inspect(|row| assert_eq!(text(&row[1]), GUEST));
        readers.map(|row| number(&row[0])).collect()
    }

    fn create(&mut self, folder: usize) {
        let subject = self.new_subject();
        let request = CreateMessage {
            code_page: 0x0fff,
            folder: self.ids[folder],
            is_associated: false,
        };
        self.mapi.ask(0, MESSAGE, Request::CreateMessage(request));
        self.mapi
            .set_property(MESSAGE, SUBJECT, Value::Unicode(subject.clone()));
        self.mapi.save(MESSAGE);
        self.model[folder].letters.push(Letter {
            flags: ["\\Seen", "\\Draft"].into(),
            ..Letter::new(subject)
        });
    }

    fn rename(&mut self, at: At) {
        let Some(place) = self.place(at) else { return };
        let is_draft = |letter: &Letter| letter.flags.contains("\\Draft");
        if is_draft(&self.model[place.0].letters[place.1]) {
            let subject = self.new_subject();
            self.open(place);
            self.mapi
                .set_property(MESSAGE, SUBJECT, Value::Unicode(subject.clone()));
            self.model[place.0].letters[place.1].subject = subject;
            self.save(place);
        }
    }

    fn store(&mut self, at: At, flag: &'static str, is_set: bool) {
        let Some(place) = self.place(at) else { return };
        let uid = self.uid(place);
        let sign = if is_set { '+' } else { '-' };
        self.command(&format!("UID STORE {uid} {sign}FLAGS ({flag})"));
        self.set(place, flag, is_set);
    }

    fn set(&mut self, (folder, letter): (usize, usize), flag: &'static str, is_set: bool) {
        let flags = &mut self.model[folder].letters[letter].flags;
        if is_set {
            flags.insert(flag);
        } else {
            flags.remove(flag);
        }
    }

    fn read(&mut self, at: At, is_read: bool) {
        let Some(place) = self.place(at) else { return };
        let request = SetReadFlags {
            want_asynchronous: false,
            read_flags: if is_read { 0x01 } else { 0x04 },
            messages: vec![self.message(place, 0)],
        };
        self.mapi
            .ask(FOLDER, FOLDER, Request::SetReadFlags(request));
        self.set(place, "\\Seen", is_read);
    }

    fn flag(&mut self, at: At, is_set: bool) {
        let Some(place) = self.place(at) else { return };
        self.open(place);
        if is_set {
            self.mapi
                .set_property(MESSAGE, FLAG_STATUS, Value::Integer32(2));
        } else {
            self.mapi.delete_property(MESSAGE, FLAG_STATUS);
        }
        self.set(place, "\\Flagged", is_set);
        self.save(place);
    }

    fn categorise(&mut self, at: At, words: &[String]) {
        let Some(place) = self.place(at) else { return };
        self.open(place);
        if words.is_empty() {
            self.mapi.delete_property(MESSAGE, self.keywords.0);
        } else {
            let words = Value::MultipleUnicode(words.to_vec());
            self.mapi.set_property(MESSAGE, self.keywords.0, words);
        }
        self.model[place.0].letters[place.1].categories = words.to_vec();
        self.save(place);
    }

    fn by_imap(&mut self, at: At, to: usize, verb: &str) {
        let Some((folder, letter)) = self.place(at) else {
            return;
        };
        let uid = self.uid((folder, letter));
        self.command(&format!("UID {verb} {uid} {}", FOLDERS[to]));
        let moved = self.model[folder].letters[letter].clone();
        if verb == "MOVE" {
            self.model[folder].letters.remove(letter);
        }
        self.model[to].letters.push(moved);
    }

    fn by_mapi(&mut self, at: At, to: usize, want_copy: bool) {
        let Some((folder, letter)) = self.place(at) else {
            return;
        };
        let message = self.message((folder, letter), 0);
        self.transfer(message, to, want_copy);
        let moved = self.model[folder].letters[letter].clone();
        if !want_copy {
            self.model[folder].letters.remove(letter);
        }
        self.model[to].letters.push(moved);
    }

    fn delete_by_imap(&mut self, at: At) {
        let Some((folder, letter)) = self.place(at) else {
            return;
        };
        let uid = self.uid((folder, letter));
        self.command(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
        self.command(&format!("UID EXPUNGE {uid}"));
        let gone = self.model[folder].letters.remove(letter);
        self.model[folder].deleted.push(gone);
    }

    fn delete_by_mapi(&mut self, at: At, is_hard: bool) {
        let Some((folder, letter)) = self.place(at) else {
            return;
        };
        let request = DeleteMessages {
            want_asynchronous: false,
            notify_non_read: false,
            messages: vec![self.message((folder, letter), 0)],
        };
        let request = if is_hard {
            Request::HardDeleteMessages(request)
        } else {
            Request::DeleteMessages(request)
        };
        self.mapi.ask(FOLDER, FOLDER, request);
        let gone = self.model[folder].letters.remove(letter);
        if !is_hard {
            self.model[folder].deleted.push(gone);
        }
    }

    fn restore(&mut self, (folder, letter): At, to: usize) {
        let count = self.model[folder].deleted.len();
        if count == 0 {
            return;
        }
        let message = self.message((folder, letter % count), TABLE_SOFT_DELETES);
        self.transfer(message, to, false);
        let restored = self.model[folder].deleted.remove(letter % count);
        self.model[to].letters.push(restored);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn two_views_of_a_mailbox_say_the_same(steps in steps()) {
        let mut mailbox = Mailbox::new();
        for step in &steps {
            mailbox.take(step);
            mailbox.check();
        }
    }
}

#[test]
fn what_one_view_writes_while_the_other_has_the_folder_open_is_seen_there() {
    let mut mailbox = Mailbox::new();
    let both = [
        Step::Append(0, 0),
        Step::Read((0, 0), true),
        Step::Categories((0, 0), vec!["red".to_owned()]),
        Step::ImapMove((0, 0), 0), // To the next one.
        Step::MapiDelete((1, 0)),
        Step::Restore((1, 0), 0),
        Step::ImapDelete((0, 0)),
        Step::Restore((0, 0), 0),
    ];
    for step in &both {
        mailbox.take(step);
        mailbox.check();
    }
    // What is brought back is not marked as deleted: the next expunge would take it again.
    mailbox.command("SELECT INBOX");
    let said = mailbox.command("FETCH 1 FLAGS");
    assert!(!said.contains("\\Deleted"), "{said}");
}
