//! What becomes of the rows of an open table, and how its client is told.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, deliver, house, number, text};
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
const TIME: PropertyTag = PropertyTag(0x0e06_0040);
const ROW_TYPE: PropertyTag = PropertyTag(0x0ff5_0003);
const ID: PropertyTag = PropertyTag(0x674d_0014);
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
    arrange(client, &[(tag, order)], category_count, category_count);
}

fn arrange(client: &mut Client, by: &[(PropertyTag, u8)], category_count: u16, open_count: u16) {
    let order = |(tag, order): &(PropertyTag, u8)| SortOrder {
        tag: *tag,
        order: *order,
    };
    let orders = SortOrderSet {
        category_count,
        expanded_count: open_count,
        orders: by.iter().map(order).collect(),
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

const COUNT: PropertyTag = PropertyTag(0x3602_0003);

/// Events as words: what happened to which row, and what a heading counts then.
fn words(told: &[TableEvent]) -> Vec<String> {
    let columns = [ROW_TYPE, SUBJECT, COUNT, UNREAD];
    let shown = |shown: &RowShown| {
        let row = cells(shown, &columns);
        match number(&row[0]) {
            1 => text(&row[1]).to_owned(),
            _ => format!(
                "[{}] {}/{}",
                text(&row[1]),
                number(&row[2]),
                number(&row[3])
            ),
        }
    };
    let told = told.iter().map(|event| match event {
        TableEvent::RowAdded(row) => format!("+ {}", shown(row)),
        TableEvent::RowModified(row) => format!("= {}", shown(row)),
        TableEvent::RowDeleted(_) => "-".to_owned(),
        other => panic!("{other:?}"),
    });
    told.collect()
}

#[test]
fn under_headings_rows_are_told_and_what_the_headings_count() {
    let (house, user, mut client) = ida(&["a", "b"]);
    open(&mut client, TABLE, UNICODE);
    sort(&mut client, SUBJECT, 0, 1);
    let columns = [ROW_TYPE, SUBJECT, COUNT, UNREAD];
    assert_eq!(client.rows(TABLE, &columns).len(), 4);
    add(&house, &user, "b");
    let told = news(&mut client, TABLE);
    assert_eq!(words(&told), ["= [b] 2/2", "+ b"]);
    let TableEvent::RowModified(heading) = &told[0] else {
        panic!("{told:?}");
    };
    let TableEvent::RowAdded(row) = &told[1] else {
        panic!("{told:?}");
    };
    assert_eq!(
        row.after, heading.row,
        "below its heading, the latest first"
    );
    add(&house, &user, "c");
    assert_eq!(words(&news(&mut client, TABLE)), ["+ [c] 1/1", "+ c"]);
    carry_out(&Deed::Read(0), &house, &user);
    assert_eq!(words(&news(&mut client, TABLE)), ["= [a] 1/0", "= a"]);
    carry_out(&Deed::Go(0), &house, &user);
    let told = news(&mut client, TABLE);
    assert_eq!(words(&told), ["-", "-"], "the row and its heading");
    assert_ne!(told[0], told[1]);
}

#[test]
fn below_a_closed_heading_only_that_is_told() {
    let (house, user, mut client) = ida(&["a", "b"]);
    open(&mut client, TABLE, UNICODE);
    arrange(&mut client, &[(SUBJECT, 0)], 1, 0);
    let columns = [ROW_TYPE, SUBJECT, COUNT, UNREAD];
    assert_eq!(client.rows(TABLE, &columns).len(), 2);
    add(&house, &user, "b");
    assert_eq!(words(&news(&mut client, TABLE)), ["= [b] 2/2"]);
    carry_out(&Deed::Go(0), &house, &user);
    assert_eq!(words(&news(&mut client, TABLE)), ["-"]);
}

#[test]
fn headings_that_change_places_are_told_as_another_table() {
    let (house, user, mut client) = ida(&["b", "a"]);
    open(&mut client, TABLE, UNICODE);
    arrange(&mut client, &[(SUBJECT, 1), (TIME, 4)], 1, 1);
    assert_eq!(subjects(&mut client), ["b", "b", "a", "a"]);
    let come = |client: &mut Client, subject| {
        house.pass(60);
        add(&house, &user, subject);
        news(client, TABLE)
    };
    assert_eq!(come(&mut client, "a"), [TableEvent::Changed]);
    assert_eq!(subjects(&mut client), ["a", "a", "a", "b", "b"]);
    let told = come(&mut client, "a");
    assert_eq!(told.len(), 2, "the first stays the first: {told:?}");
    assert_eq!(come(&mut client, "b"), [TableEvent::Changed]);
    assert_eq!(subjects(&mut client), ["b", "b", "b", "a", "a", "a", "a"]);
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

/// What a client shows that believes what it is told: rows and headings, by their names.
#[derive(Debug, Default, PartialEq)]
struct Screen(Vec<(i64, String)>);

const SCREEN: [PropertyTag; 6] = [ID, SUBJECT, READ, ROW_TYPE, COUNT, UNREAD];

fn line(row: &[Cell]) -> (i64, String) {
    (number(&row[0]), format!("{:?}", &row[1..]))
}

impl Screen {
    fn read(client: &mut Client) -> Self {
        seek_start(client);
        let rows = client.rows(TABLE, &SCREEN);
        Self(rows.iter().map(|row| line(row)).collect())
    }

    fn place(&self, row: RowPlace) -> Option<usize> {
        let id = mapi::identity::as_integer(message(row));
        self.0.iter().position(|line| line.0 == id)
    }

    fn put(&mut self, shown: &RowShown) {
        let after = match shown.after {
            first if message(first) == ObjectId::default() => 0,
            after => self.place(after).unwrap() + 1,
        };
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

/// How tables are arranged: rows alone, and below headings that are open or closed.
fn arrangements() -> impl Strategy<Value = (Vec<(PropertyTag, u8)>, u16, u16)> {
    let orders = prop_oneof![
        Just(vec![(SUBJECT, 0)]),
        Just(vec![(SUBJECT, 1), (READ, 0)]),
        Just(vec![(SIZE, 1), (SUBJECT, 0)]),
        Just(vec![(READ, 0), (SUBJECT, 0), (SIZE, 1)]),
    ];
    orders.prop_flat_map(|orders| {
        let levels = u16::try_from(orders.len()).unwrap();
        (0..=levels, 0..=levels)
            .prop_map(move |(one, other)| (orders.clone(), one.max(other), one.min(other)))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn who_believes_what_is_told_shows_what_is_there(
        deeds in prop::collection::vec(prop::collection::vec(deed(), 1..4), 1..8),
        (orders, levels, open_levels) in arrangements(),
    ) {
        let (house, user, mut client) = ida(&["1", "3", "5"]);
        open(&mut client, TABLE, UNICODE);
        arrange(&mut client, &orders, levels, open_levels);
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
        arrange(&mut client, &orders, levels, open_levels);
        prop_assert_eq!(screen, Screen::read(&mut client), "as one that is opened now");
    }

    #[test]
    fn headings_sorted_by_the_greatest_below_them_are_those_of_a_table_opened_now(
        deeds in prop::collection::vec(prop::collection::vec(deed(), 1..4), 1..6),
        order in 0_u8..2,
    ) {
        let orders = [(SUBJECT, order), (TIME, 4), (READ, order)];
        let (house, user, mut client) = ida(&["1", "3", "5"]);
        open(&mut client, TABLE, UNICODE);
        arrange(&mut client, &orders, 1, 1);
        for some in &deeds {
            for deed in some {
                house.pass(60);
                carry_out(deed, &house, &user);
            }
            let followed = Screen::read(&mut client);
            open(&mut client, OTHER, UNICODE);
            client.handles.swap(usize::from(TABLE), usize::from(OTHER));
            arrange(&mut client, &orders, 1, 1);
            prop_assert_eq!(followed, Screen::read(&mut client));
            client.handles.swap(usize::from(TABLE), usize::from(OTHER));
        }
    }
}
