//! What both views and the store itself are to say after each step.

use super::client::{number, text};
use super::{
    Bare, FILE_NAME, FLAG_STATUS, FLAGS, FOLDER, FOLDERS, GUEST, HAS_ATTACHMENTS, IMPORTANCE,
    IS_READ, LAST_VERB, Letter, MESSAGE, MESSAGE_FLAGS, Mailbox, SEARCH, STORED, SUBJECT, TABLE,
    TABLE_SOFT_DELETES,
};
use engine::{FolderId, Location, Reading, Rights, Shelf};
use formats::message::{SummaryRef, encoded_word};
use mapi::codec::data::{Cell, Outcome, PropertyTag, SortOrder, SortOrderSet, Value};
use mapi::codec::rop::Request;
use mapi::codec::rop::folder::OpenTable;
use mapi::codec::rop::message::OpenMessage;
use mapi::codec::rop::table::SortTable;

impl Mailbox {
    /// Both views and the store itself say what the model says.
    pub(super) fn check(&mut self) {
        for folder in 0..FOLDERS.len() {
            let expected = self.model[folder].letters.clone();
            assert_eq!(self.seen_by_mapi(folder, 0), expected, "MAPI, {folder}");
            let bare: Vec<_> = expected.iter().map(Letter::bare).collect();
            assert_eq!(self.seen_by_imap(folder), bare, "IMAP, {folder}");
            assert_eq!(self.stored(folder), bare, "store, {folder}");
            let deleted = self.seen_by_mapi(folder, TABLE_SOFT_DELETES);
            assert_eq!(deleted, self.model[folder].deleted, "deleted, {folder}");
            self.check_counts(folder);
            self.check_headings(folder);
            self.check_sharing(folder);
        }
        self.check_search();
    }

    fn seen_by_mapi(&mut self, folder: usize, flags: u8) -> Vec<Letter> {
        let fixed = [
            SUBJECT,
            MESSAGE_FLAGS,
            FLAG_STATUS,
            LAST_VERB,
            IMPORTANCE,
            HAS_ATTACHMENTS,
        ];
        let columns = [&fixed.map(PropertyTag)[..], &[self.keywords]].concat();
        let rows = self.rows(folder, flags, &columns);
        let integer = |cell: &Cell| match cell.outcome {
            Outcome::Value(_) => number(cell),
            _ => 0,
        };
        let letter = |(place, row): (usize, &Vec<Cell>)| {
            let set = [
                integer(&row[1]) & 0x01 != 0,
                integer(&row[2]) == 2,
                integer(&row[3]) == 102,
                integer(&row[1]) & 0x08 != 0,
            ];
            let flags_set = FLAGS.into_iter().zip(set).filter(|(_, is_set)| *is_set);
            let files = if row[5] == Cell::value(Value::Boolean(true)) {
                self.files_seen_by_mapi((folder, place), flags)
            } else {
                Vec::new()
            };
            Letter {
                subject: text(&row[0]).to_owned(),
                flags: flags_set.map(|(flag, _)| flag).collect(),
                categories: match &row[6].outcome {
                    Outcome::Value(Value::MultipleUnicode(words)) => words.clone(),
                    _ => Vec::new(),
                },
                importance: i32::try_from(number(&row[4])).unwrap(),
                files,
            }
        };
        rows.iter().enumerate().map(letter).collect()
    }

    /// The files of a letter, by their names.
    fn files_seen_by_mapi(&mut self, place: (usize, usize), flags: u8) -> Vec<String> {
        let message = self.message(place, flags);
        let request = OpenMessage {
            code_page: 0x0fff,
            folder: self.ids[place.0],
            // What was deleted may be opened, too.
            open_mode: if flags == 0 { 0 } else { 4 },
            message,
        };
        self.mapi.ask(0, MESSAGE, Request::OpenMessage(request));
        let request = Request::AttachmentTable(OpenTable { flags: 0x40 });
        self.mapi.ask(MESSAGE, TABLE, request);
        let rows = self.mapi.rows(TABLE, &[PropertyTag(FILE_NAME)]);
        rows.iter().map(|row| text(&row[0]).to_owned()).collect()
    }

    fn seen_by_imap(&mut self, folder: usize) -> Vec<Bare> {
        self.command(&format!("EXAMINE {}", FOLDERS[folder]));
        if self.model[folder].letters.is_empty() {
            return Vec::new();
        }
        let said =
            self.command("FETCH 1:* (FLAGS BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
        let letters = said.split("* ").filter(|one| one.contains("FETCH"));
        let letter = |one: &str| {
            let flags = FLAGS.into_iter().filter(|flag| one.contains(flag));
            let subject = one.split_once("Subject: ").unwrap().1;
            let subject = subject.split("\r\n").next().unwrap();
            // A name may stand in the type and in the disposition.
            let mut files: Vec<String> = one
                .split('"')
                .filter(|word| {
                    word.strip_prefix("file")
                        .is_some_and(|rest| rest.contains('.'))
                })
                .map(str::to_owned)
                .collect();
            files.dedup();
            (subject.to_owned(), flags.collect(), files)
        };
        letters.map(letter).collect()
    }

    fn stored(&self, folder: usize) -> Vec<Bare> {
        let account = self.house.engine.account(&self.user, 7);
        let view = account.read().unwrap();
        let (folder, _) = view.folder_at(&[STORED[folder]]).unwrap().unwrap();
        let uids = view.uids(folder, Shelf::Mail).unwrap();
        let letter = |uid| {
            let row = view.item(Location::mail(folder, uid)).unwrap().unwrap();
            let details = view.details(row.item).unwrap().unwrap();
            let summary = SummaryRef::new(&details.summary).unwrap();
            let subject = summary.envelope().subject.unwrap_or_default();
            let known = [
                engine::Flags::SEEN,
                engine::Flags::FLAGGED,
                engine::Flags::ANSWERED,
                engine::Flags::DRAFT,
            ];
            let set = FLAGS.into_iter().zip(known);
            let set = set.filter(|(_, flag)| row.flags.contains(*flag));
            let files = summary
                .parts()
                .filter_map(|part| part.disposition?.parameters.text("filename"));
            (
                encoded_word::decode(subject),
                set.map(|(name, _)| name).collect(),
                files.collect(),
            )
        };
        uids.iter().map(letter).collect()
    }

    /// The search shows what is unread, wherever that stands by now.
    fn check_search(&mut self) {
        let request = Request::ContentsTable(OpenTable { flags: 0x40 });
        self.mapi.ask(SEARCH, TABLE, request);
        let rows = self.mapi.rows(TABLE, &[PropertyTag(SUBJECT)]);
        let mut shown: Vec<_> = rows.iter().map(|row| text(&row[0]).to_owned()).collect();
        let letters = self.model.iter().flat_map(|folder| &folder.letters);
        let unread = letters.filter(|letter| letter.is_unread());
        let mut expected: Vec<_> = unread.map(|letter| letter.subject.clone()).collect();
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected, "unread");
    }

    /// Below headings for what was read and what was not stands as much as there is.
    fn check_headings(&mut self, folder: usize) {
        self.mapi.open_folder(self.ids[folder], FOLDER);
        let request = Request::ContentsTable(OpenTable { flags: 0x40 });
        self.mapi.ask(FOLDER, TABLE, request);
        let orders = SortOrderSet {
            category_count: 1,
            expanded_count: 0,
            orders: vec![SortOrder {
                tag: PropertyTag(IS_READ),
                order: 0,
            }],
        };
        let request = Request::SortTable(SortTable { flags: 0, orders });
        self.mapi.ask(TABLE, TABLE, request);
        let columns = [IS_READ, 0x3602_0003, 0x3603_0003].map(PropertyTag);
        let rows = self.mapi.rows(TABLE, &columns);
        let is_read = |row: &Vec<Cell>| row[0] == Cell::value(Value::Boolean(true));
        let row = |row: &Vec<Cell>| (is_read(row), number(&row[1]), number(&row[2]));
        let shown: Vec<_> = rows.iter().map(row).collect();
        let letters = &self.model[folder].letters;
        let unread = letters.iter().filter(|letter| letter.is_unread()).count();
        let [unread, read] = [unread, letters.len() - unread].map(|n| i64::try_from(n).unwrap());
        let both = [(false, unread, unread), (true, read, 0)];
        let expected: Vec<_> = both
            .into_iter()
            .filter(|(_, count, _)| *count > 0)
            .collect();
        assert_eq!(shown, expected, "headings, {folder}");
    }

    /// Both say whether the guest may read a folder, and so it is.
    fn check_sharing(&mut self, folder: usize) {
        let expected = self.model[folder].is_shared;
        let said = self.command(&format!("GETACL {}", FOLDERS[folder]));
        assert_eq!(said.contains(GUEST), expected, "{said}");
        assert_eq!(self.members(folder).len(), usize::from(expected));
        let engine = &self.house.engine;
        let shared = engine.account_of(&self.guest, self.user.account, 7);
        let shared = shared.unwrap();
        let id = mapi::identity::number_of(self.ids[folder]).unwrap();
        let rights = shared.read().unwrap().rights(FolderId(id));
        let may_read = rights.is_ok_and(|rights| rights.contains(Rights::READ));
        assert_eq!(may_read, expected, "rights, {folder}");
    }

    /// Both tell the same numbers of letters and of unread ones.
    fn check_counts(&mut self, folder: usize) {
        let letters = &self.model[folder].letters;
        let unread = letters
            .iter()
            .filter(|one| !one.flags.contains("\\Seen"))
            .count();
        let counts = [letters.len(), unread].map(|count| i64::try_from(count).unwrap());
        self.mapi.open_folder(self.ids[folder], FOLDER);
        let told = self.mapi.properties(FOLDER, &[0x3602_0003, 0x3603_0003]);
        assert_eq!(
            [number(&told[0]), number(&told[1])],
            counts,
            "counts, {folder}"
        );
        let said = self.command(&format!("STATUS {} (MESSAGES UNSEEN)", FOLDERS[folder]));
        let expected = format!("(MESSAGES {} UNSEEN {})", counts[0], counts[1]);
        assert!(said.contains(&expected), "{expected}: {said}");
    }
}
