//! What becomes of the rows of an open table, and how its client is told.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

mod client;

use client::{Client, deliver, house, number, text};
use engine::rehearsal::Rehearsal;
use engine::{
    Account, FlagChange, FlagSet, Flags, FolderId, Location, Reading, Role, Transfer, User,
};
use mapi::codec::data::{
    Cell, Content, ObjectId, PropertyRow, PropertyTag, Restriction, SortOrder, SortOrderSet,
    TaggedValue, Value,
};
use mapi::codec::rop::folder::{CreateFolder, FolderTexts, OpenTable, SetSearchCriteria};
use mapi::codec::rop::notify::{
    Notification, RegisterNotification, RowPlace, RowShown, TableEvent, kind,
};
use mapi::codec::rop::{Reply, Request, Response, property, table};
use mapi::codec::wire::{Form, Reader, Wire};
use proptest::prelude::*;

const SUBJECT: PropertyTag = PropertyTag(0x0037_001f);
const READ: PropertyTag = PropertyTag(0x0e69_000b);
const MESSAGE: PropertyTag = PropertyTag(0x674a_0014);
const SIZE: PropertyTag = PropertyTag(0x0e08_0003);
const NAME: PropertyTag = PropertyTag(0x3001_001f);
const UNREAD: PropertyTag = PropertyTag(0x3603_0003);
const INSTANCE: PropertyTag = PropertyTag(0x674e_0003);

const LOGON: u8 = 0;
const FOLDER: u8 = 1;
const TABLE: u8 = 2;
const OTHER: u8 = 3;
const UNICODE: u8 = 0x40;
const NO_NOTIFICATIONS: u8 = 0x10;
const ROOMY: u32 = 0x1_0008;

fn letter(subject: &str) -> Vec<u8> {
    format!("From: a@b.test\r\nSubject: {subject}\r\n\r\nx\r\n").into_bytes()
}

fn add(house: &Rehearsal, user: &User, subject: &str) {
    deliver(house, user, &letter(subject), Flags::NONE);
}

/// A client whose Inbox is open, with letters of these subjects.
fn ida(subjects: &[&str]) -> (Rehearsal, User, Client) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    for subject in subjects {
        add(&house, &user, subject);
    }
    let mut client = Client::new(&house, &user, &user);
    let inbox = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(inbox, FOLDER);
    (house, user, client)
}

fn open(client: &mut Client, target: u8, flags: u8) {
    client.ask(FOLDER, target, Request::ContentsTable(OpenTable { flags }));
}

fn sort(client: &mut Client, tag: PropertyTag, order: u8, category_count: u16) {
    let orders = SortOrderSet {
        category_count,
        expanded_count: category_count,
        orders: vec![SortOrder { tag, order }],
    };
    let request = table::SortTable { flags: 0, orders };
    client.ask(TABLE, TABLE, Request::SortTable(request));
}

fn seek_start(client: &mut Client) {
    let request = table::SeekRow {
        origin: 0,
        row_count: 0,
        want_row_moved_count: false,
    };
    client.ask(TABLE, TABLE, Request::SeekRow(request));
}

fn subjects(client: &mut Client) -> Vec<String> {
    seek_start(client);
    let rows = client.rows(TABLE, &[SUBJECT]);
    rows.iter().map(|row| text(&row[0]).to_owned()).collect()
}

/// All that an empty request brings of a table, for the handle at a place.
fn news(client: &mut Client, of: u8) -> Vec<TableEvent> {
    let handle = client.handles[usize::from(of)];
    let mut all = Vec::new();
    for reply in client.send(&[], ROOMY, &[]) {
        match reply {
            Reply::Notify(notify) => match notify.notification {
                Notification::Table(event) if notify.handle == handle => all.push(event),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
    all
}

fn cells(shown: &RowShown, columns: &[PropertyTag]) -> Vec<Cell> {
    let mut reader = Reader::new(&shown.data, Form::Rop).with_columns(columns);
    let row = PropertyRow::read(&mut reader).unwrap();
    reader.finish().unwrap();
    row.0
}

fn message(row: RowPlace) -> ObjectId {
    row.message.unwrap().message
}

fn account(house: &Rehearsal, user: &User) -> Account {
    house.engine.account(user, 5)
}

fn folder(account: &Account, role: Role) -> FolderId {
    let view = account.read().unwrap();
    view.folder_with_role(role).unwrap().unwrap().0
}

#[test]
fn a_letter_that_comes_is_told_with_its_row_and_the_one_before() {
    let (house, user, mut client) = ida(&["b", "d"]);
    open(&mut client, TABLE, UNICODE);
    sort(&mut client, SUBJECT, 0, 0);
    assert_eq!(subjects(&mut client), ["b", "d"]);
    add(&house, &user, "c");
    assert!(client.session.has_news().unwrap());
    assert_eq!(client.session.watches().len(), 1);
    let told = news(&mut client, TABLE);
    let [TableEvent::RowAdded(shown)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(text(&cells(shown, &[SUBJECT])[0]), "c");
    let inbox = client.logon.as_ref().unwrap().folders[4];
    assert_eq!((shown.row.folder, shown.after.folder), (inbox, inbox));
    seek_start(&mut client);
    let rows = client.rows(TABLE, &[MESSAGE, SUBJECT]);
    let told: Vec<_> = rows.iter().map(|row| text(&row[1])).collect();
    assert_eq!(told, ["b", "c", "d"]);
    assert_ne!(message(shown.row), message(shown.after));
    assert_eq!(news(&mut client, TABLE), [], "it is told once");
    add(&house, &user, "a");
    let told = news(&mut client, TABLE);
    let [TableEvent::RowAdded(first)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(message(first.after), ObjectId::default(), "it is the first");
}

#[test]
fn what_was_read_elsewhere_is_told_as_another_row() {
    let (house, user, mut client) = ida(&["a", "b"]);
    open(&mut client, TABLE, UNICODE);
    client.rows(TABLE, &[SUBJECT, READ]);
    let account = account(&house, &user);
    let inbox = folder(&account, Role::Inbox);
    let uids = account.read().unwrap().uids(inbox, engine::Shelf::Mail);
    let uid = uids.unwrap().iter().next().unwrap();
    let seen = FlagChange::add(FlagSet::from(Flags::SEEN));
    let done = account.write(|txn| txn.set_flags(Location::mail(inbox, uid), &seen));
    done.unwrap().wait().unwrap();
    let told = news(&mut client, TABLE);
    let [TableEvent::RowModified(shown)] = told.as_slice() else {
        panic!("{told:?}");
    };
    let row = cells(shown, &[SUBJECT, READ]);
    assert_eq!(text(&row[0]), "a");
    assert_eq!(row[1], Cell::value(Value::Boolean(true)));
    let trash = folder(&account, Role::Trash);
    let at = Location::mail(inbox, uid);
    let done = account.write(|txn| txn.transfer(Transfer::Move, at, trash));
    done.unwrap().wait().unwrap();
    let told = news(&mut client, TABLE);
    assert_eq!(told, [TableEvent::RowDeleted(shown.row)]);
}

#[test]
fn who_asked_for_nothing_or_not_yet_is_told_nothing() {
    let (house, user, mut client) = ida(&["a"]);
    open(&mut client, TABLE, UNICODE | NO_NOTIFICATIONS);
    client.rows(TABLE, &[SUBJECT]);
    open(&mut client, OTHER, UNICODE);
    add(&house, &user, "b");
    assert!(!client.session.has_news().unwrap());
    assert!(client.session.watches().is_empty());
    assert_eq!(client.send(&[], ROOMY, &[]), []);
    assert_eq!(subjects(&mut client), ["b", "a"], "but the table is alive");
}

#[test]
fn a_subscription_to_a_table_is_told_by_its_own_handle() {
    let (house, user, mut client) = ida(&["a"]);
    open(&mut client, TABLE, UNICODE | NO_NOTIFICATIONS);
    let request = RegisterNotification {
        kinds: kind::TABLE_MODIFIED,
        scope: None,
    };
    client.ask(TABLE, OTHER, Request::RegisterNotification(request));
    client.rows(TABLE, &[SUBJECT]);
    add(&house, &user, "b");
    let told = news(&mut client, OTHER);
    assert!(matches!(told.as_slice(), [TableEvent::RowAdded(_)]));
}

#[test]
fn of_many_rows_it_is_told_once_that_the_table_is_another() {
    let (house, user, mut client) = ida(&["a"]);
    open(&mut client, TABLE, UNICODE);
    client.rows(TABLE, &[SUBJECT]);
    for _ in 0..70 {
        add(&house, &user, "b");
    }
    assert_eq!(news(&mut client, TABLE), [TableEvent::Changed]);
    add(&house, &user, "c");
    assert_eq!(news(&mut client, TABLE), [], "until it is read anew");
    assert_eq!(subjects(&mut client).len(), 72);
    add(&house, &user, "d");
    assert_eq!(news(&mut client, TABLE).len(), 1);
}

#[test]
fn under_headings_a_change_is_told_as_another_table() {
    let (house, user, mut client) = ida(&["a", "b"]);
    open(&mut client, TABLE, UNICODE);
    sort(&mut client, SUBJECT, 0, 1);
    assert_eq!(client.rows(TABLE, &[SUBJECT]).len(), 4);
    add(&house, &user, "b");
    assert_eq!(news(&mut client, TABLE), [TableEvent::Changed]);
    seek_start(&mut client);
    assert_eq!(client.rows(TABLE, &[SUBJECT]).len(), 5);
}

#[test]
fn what_a_restriction_hides_is_not_told() {
    let (house, user, mut client) = ida(&["apple"]);
    open(&mut client, TABLE, UNICODE);
    let restriction = Some(about("apple"));
    let request = table::Restrict {
        flags: 0,
        restriction,
    };
    client.ask(TABLE, TABLE, Request::Restrict(request));
    assert_eq!(subjects(&mut client), ["apple"]);
    add(&house, &user, "pear");
    assert_eq!(news(&mut client, TABLE), []);
    add(&house, &user, "apple tree");
    assert_eq!(news(&mut client, TABLE).len(), 1);
    assert_eq!(subjects(&mut client), ["apple tree", "apple"]);
}

fn about(wanted: &str) -> Restriction {
    Restriction::Content(Content {
        fuzzy_low: 1,
        fuzzy_high: 1,
        property: SUBJECT,
        value: TaggedValue::new(SUBJECT, Value::Unicode(wanted.to_owned())),
    })
}

#[test]
fn folders_that_come_and_counts_that_change_are_told_in_a_hierarchy() {
    let (house, user, mut client) = ida(&[]);
    let subtree = client.logon.as_ref().unwrap().folders[3];
    client.open_folder(subtree, FOLDER);
    client.ask(
        FOLDER,
        TABLE,
        Request::HierarchyTable(OpenTable { flags: UNICODE }),
    );
    let columns = [NAME, UNREAD];
    client.rows(TABLE, &columns);
    add(&house, &user, "a");
    let told = news(&mut client, TABLE);
    let [TableEvent::RowModified(shown)] = told.as_slice() else {
        panic!("{told:?}");
    };
    let row = cells(shown, &columns);
    assert_eq!((text(&row[0]), number(&row[1])), ("Inbox", 1));
    assert_eq!(shown.row.message, None);
    let account = account(&house, &user);
    let new = engine::NewFolder {
        name: "Work".to_owned(),
        ..engine::NewFolder::default()
    };
    let made = account.write(|txn| txn.create_folder(&new)).unwrap();
    let made = made.wait().unwrap();
    let told = news(&mut client, TABLE);
    let added = told.iter().find_map(|event| match event {
        TableEvent::RowAdded(shown) => Some(cells(shown, &columns)),
        _ => None,
    });
    assert_eq!(text(&added.unwrap()[0]), "Work");
    account
        .write(|txn| txn.remove_folder(made))
        .unwrap()
        .wait()
        .unwrap();
    let told = news(&mut client, TABLE);
    assert!(
        told.iter()
            .any(|event| matches!(event, TableEvent::RowDeleted(_)))
    );
}

#[test]
fn what_a_search_finds_while_it_is_open_is_told() {
    let (house, user, mut client) = ida(&["apple"]);
    let subtree = client.logon.as_ref().unwrap().folders[3];
    let inbox = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(subtree, OTHER);
    let request = CreateFolder {
        folder_type: 2,
        open_existing: false,
        reserved: 0,
        texts: FolderTexts::Unicode(["Apples".to_owned(), String::new()]),
    };
    client.ask(OTHER, FOLDER, Request::CreateFolder(request));
    let criteria = SetSearchCriteria {
        restriction: Some(about("apple")),
        folders: vec![inbox],
        flags: 0x0002_0002,
    };
    client.ask(FOLDER, FOLDER, Request::SetSearchCriteria(criteria));
    open(&mut client, TABLE, UNICODE);
    assert_eq!(subjects(&mut client), ["apple"]);
    add(&house, &user, "pear");
    assert_eq!(news(&mut client, TABLE), []);
    add(&house, &user, "apple tree");
    let told = news(&mut client, TABLE);
    let [TableEvent::RowAdded(shown)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(shown.row.folder, inbox, "it stands there");
    assert_eq!(subjects(&mut client), ["apple tree", "apple"]);
    let account = account(&house, &user);
    let inbox = folder(&account, Role::Inbox);
    let uids = account
        .read()
        .unwrap()
        .uids(inbox, engine::Shelf::Mail)
        .unwrap();
    let first = uids.iter().next().unwrap();
    let done = account.write(|txn| txn.expunge(Location::mail(inbox, first)));
    done.unwrap().wait().unwrap();
    let told = news(&mut client, TABLE);
    assert!(
        matches!(told.as_slice(), [TableEvent::RowDeleted(_)]),
        "{told:?}"
    );
    assert_eq!(subjects(&mut client), ["apple tree"]);
}

#[test]
fn a_row_that_fits_no_buffer_is_told_as_another_table() {
    let (house, user, mut client) = ida(&["a"]);
    open(&mut client, TABLE, UNICODE);
    client.rows(TABLE, &[SUBJECT; 8]);
    add(&house, &user, &"long ".repeat(60));
    let replies = client.send(&[], 300, &[]);
    let [Reply::Notify(notify)] = replies.as_slice() else {
        panic!("{replies:?}");
    };
    assert_eq!(
        notify.notification,
        Notification::Table(TableEvent::Changed)
    );
}

#[test]
fn each_of_several_values_has_a_row_of_its_own() {
    let (_, _, mut client) = ida(&["plain"]);
    let values = ["red", "blue"].map(str::to_owned).to_vec();
    let names = name_categories(&mut client);
    let (whole, one) = (
        PropertyTag(u32::from(names) << 16 | 0x101f),
        PropertyTag(u32::from(names) << 16 | 0x301f),
    );
    save_with(&mut client, whole, Value::MultipleUnicode(values));
    open(&mut client, TABLE, UNICODE);
    sort(&mut client, one, 0, 0);
    let rows = client.rows(TABLE, &[SUBJECT, INSTANCE]);
    assert_eq!(rows.len(), 3);
    seek_start(&mut client);
    let rows = client.rows(TABLE, &[one]);
    let told: Vec<_> = rows.iter().skip(1).map(|row| text(&row[0])).collect();
    assert_eq!(told, ["blue", "red"]);
    sort(&mut client, one, 0, 1);
    assert_eq!(
        client.rows(TABLE, &[SUBJECT]).len(),
        6,
        "each below its heading"
    );
}

/// The identifier of the categories.
fn name_categories(client: &mut Client) -> u16 {
    use mapi::codec::data::{Guid, NameKind, PropertyName};
    let set = [
        0x29, 0x03, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46,
    ];
    let names = vec![PropertyName {
        set: Guid(set),
        kind: NameKind::Text("Keywords".to_owned()),
    }];
    let request = property::PropertyIdsFromNames { flags: 2, names };
    match client.ask(LOGON, LOGON, Request::PropertyIdsFromNames(request)) {
        Response::PropertyIdsFromNames(told) => told.ids[0],
        other => panic!("{other:?}"),
    }
}

/// Saves a message in the Inbox with one property.
fn save_with(client: &mut Client, tag: PropertyTag, value: Value) {
    use mapi::codec::rop::message::{CreateMessage, SaveChanges};
    let request = CreateMessage {
        code_page: 0x0fff,
        folder: client.logon.as_ref().unwrap().folders[4],
        is_associated: false,
    };
    client.ask(LOGON, OTHER, Request::CreateMessage(request));
    let values = vec![TaggedValue::new(tag, value)];
    let values = property::Properties { values };
    let request = property::SetProperties { values };
    client.ask(OTHER, OTHER, Request::SetProperties(request));
    let request = SaveChanges { flags: 2 };
    client.ask(OTHER, OTHER, Request::SaveChangesMessage(request));
}

/// What happens to a mailbox while a table is open.
#[derive(Debug, Clone)]
enum Deed {
    Come(u8),
    Read(usize),
    Go(usize),
    Away(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0_u8..6).prop_map(Deed::Come),
        any::<usize>().prop_map(Deed::Read),
        any::<usize>().prop_map(Deed::Go),
        any::<usize>().prop_map(Deed::Away),
    ]
}

fn carry_out(deed: &Deed, house: &Rehearsal, user: &User) {
    let account = account(house, user);
    let inbox = folder(&account, Role::Inbox);
    let trash = folder(&account, Role::Trash);
    let uids = account
        .read()
        .unwrap()
        .uids(inbox, engine::Shelf::Mail)
        .unwrap();
    let uids: Vec<_> = uids.iter().collect();
    let at = |which: usize| {
        let uid = uids.get(which % uids.len().max(1))?;
        Some(Location::mail(inbox, *uid))
    };
    let seen = FlagChange::add(FlagSet::from(Flags::SEEN));
    match deed {
        Deed::Come(subject) => add(house, user, &subject.to_string()),
        Deed::Read(which) => {
            let Some(at) = at(*which) else { return };
            let done = account.write(|txn| txn.set_flags(at, &seen)).unwrap();
            done.wait().unwrap();
        }
        Deed::Go(which) => {
            let Some(at) = at(*which) else { return };
            account
                .write(|txn| txn.expunge(at))
                .unwrap()
                .wait()
                .unwrap();
        }
        Deed::Away(which) => {
            let Some(at) = at(*which) else { return };
            let done = account.write(|txn| txn.transfer(Transfer::Move, at, trash));
            done.unwrap().wait().unwrap();
        }
    }
}

/// What a client shows that believes what it is told.
#[derive(Debug, Default, PartialEq)]
struct Screen(Vec<(i64, String, bool)>);

const SCREEN: [PropertyTag; 3] = [MESSAGE, SUBJECT, READ];

fn line(row: &[Cell]) -> (i64, String, bool) {
    let is_read = row[2] == Cell::value(Value::Boolean(true));
    (number(&row[0]), text(&row[1]).to_owned(), is_read)
}

impl Screen {
    fn read(client: &mut Client) -> Self {
        seek_start(client);
        let rows = client.rows(TABLE, &SCREEN);
        Self(rows.iter().map(|row| line(row)).collect())
    }

    fn place(&self, row: RowPlace) -> Option<usize> {
        let mut id = Vec::new();
        let mut writer = mapi::codec::wire::Writer::new(Form::Rop);
        message(row).write(&mut writer);
        id.extend(writer.finish().unwrap());
        let id = i64::from_le_bytes(id.try_into().unwrap());
        self.0.iter().position(|line| line.0 == id)
    }

    fn put(&mut self, shown: &RowShown) {
        let after = self.place(shown.after).map_or(0, |place| place + 1);
        self.0.insert(after, line(&cells(shown, &SCREEN)));
    }

    fn told(&mut self, event: &TableEvent) {
        match event {
            TableEvent::RowAdded(shown) => self.put(shown),
            TableEvent::RowDeleted(row) => {
                let place = self.place(*row).unwrap();
                self.0.remove(place);
            }
            TableEvent::RowModified(shown) => {
                let place = self.place(shown.row).unwrap();
                self.0.remove(place);
                self.put(shown);
            }
            other => panic!("{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn who_believes_what_is_told_shows_what_is_there(
        deeds in prop::collection::vec(prop::collection::vec(deed(), 1..4), 1..8),
        order in prop_oneof![Just((SUBJECT, 0)), Just((SUBJECT, 1)), Just((SIZE, 1)), Just((READ, 0))],
    ) {
        let (house, user, mut client) = ida(&["1", "3", "5"]);
        open(&mut client, TABLE, UNICODE);
        sort(&mut client, order.0, order.1, 0);
        let mut screen = Screen::read(&mut client);
        for some in &deeds {
            for deed in some {
                carry_out(deed, &house, &user);
            }
            for event in news(&mut client, TABLE) {
                screen.told(&event);
            }
            prop_assert_eq!(&screen, &Screen::read(&mut client));
        }
        open(&mut client, TABLE, UNICODE);
        sort(&mut client, order.0, order.1, 0);
        prop_assert_eq!(screen, Screen::read(&mut client), "as one that is opened now");
    }
}
