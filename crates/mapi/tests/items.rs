//! Appointments, contacts, lists, tasks, notes and journals: kept whole, with all their properties.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, binary, house, text, unicode};
use engine::Reading;
use engine::rehearsal::letters;
use engine::search::{Comparator, Fed, Needle, Plan, Query, Test};
use mapi::codec::data::{
    Content, FileTime, Guid, NameKind, Outcome, PropertyName, PropertyTag, PropertyType,
    Restriction, TaggedValue, Value,
};
use mapi::codec::rop::folder::{CreateFolder, FolderTexts, SetSearchCriteria};
use mapi::codec::rop::{Request, Response, message, property};
use mapi::codec::wire::Nothing;
use std::sync::Arc;

const LOGON: u8 = 0;
const MESSAGE: u8 = 1;
const FOLDER: u8 = 2;
const TABLE: u8 = 3;

const CLASS: u32 = 0x001a_001f;
const SUBJECT: u32 = 0x0037_001f;

/// A set of names: `000620nn-0000-0000-C000-000000000046`.
const fn set(number: u8) -> Guid {
    Guid([number, 0x20, 6, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46])
}

const APPOINTMENT: Guid = set(0x02);
const TASK: Guid = set(0x03);
const ADDRESS: Guid = set(0x04);
const COMMON: Guid = set(0x08);
const JOURNAL: Guid = set(0x0a);
const NOTE: Guid = set(0x0e);

/// A class, its named properties, and those without names.
type Item = (&'static str, Vec<(Guid, u32, Value)>, Vec<(u32, Value)>);

fn time(hours: u64) -> Value {
    Value::Time(FileTime(133_000_000_000_000_000 + hours * 36_000_000_000))
}

/// What Outlook typically sets, by kind. Sources: [MS-OXOCAL] 2.2, [MS-OXOCNTC] 2.2, [MS-OXOTASK]
/// 2.2, [MS-OXONOTE] 2.2, [MS-OXOJRNL] 2.2.
fn items() -> Vec<Item> {
    [planned(), people(), written()].concat()
}

fn planned() -> Vec<Item> {
    let number = Value::Integer32;
    vec![(
        "IPM.Appointment",
        vec![
            (APPOINTMENT, 0x820d, time(1)),
            (APPOINTMENT, 0x820e, time(2)),
            (APPOINTMENT, 0x8205, number(2)),
            (APPOINTMENT, 0x8208, unicode("Room 5")),
            (APPOINTMENT, 0x8215, Value::Boolean(false)),
            (APPOINTMENT, 0x8216, binary(&[4, 0x30, 4, 0x30, 0x0a, 0x20])),
            (COMMON, 0x8501, number(15)),
            (COMMON, 0x8516, time(1)),
        ],
        vec![(0x0060_0040, time(1)), (0x0061_0040, time(2))],
    )]
}

fn people() -> Vec<Item> {
    vec![
        (
            "IPM.Contact",
            vec![
                (ADDRESS, 0x8083, unicode("otto@example.test")),
                (ADDRESS, 0x8082, unicode("SMTP")),
                (ADDRESS, 0x8005, unicode("Otto, Ida")),
                (ADDRESS, 0x8028, Value::MultipleInteger32(vec![0, 2])),
                (COMMON, 0x8506, Value::Boolean(true)),
            ],
            vec![
                (0x3a06_001f, unicode("Ida")),
                (0x3a11_001f, unicode("Otto")),
                (0x3a1c_001f, unicode("+49 30 1")),
                (0x3a42_0040, time(0)),
            ],
        ),
        (
            "IPM.DistList",
            vec![
                (ADDRESS, 0x8053, unicode("All of us")),
                (
                    ADDRESS,
                    0x8054,
                    Value::MultipleBinary(vec![vec![1; 40].into(), vec![2; 9].into()]),
                ),
                (
                    ADDRESS,
                    0x8055,
                    Value::MultipleBinary(vec![vec![3; 40].into()]),
                ),
            ],
            vec![(0x3001_001f, unicode("All of us"))],
        ),
    ]
}

fn written() -> Vec<Item> {
    let number = Value::Integer32;
    vec![
        (
            "IPM.Task",
            vec![
                (TASK, 0x8101, number(1)),
                (TASK, 0x8102, Value::Floating64(0.25)),
                (TASK, 0x8105, time(48)),
                (TASK, 0x811c, Value::Boolean(false)),
            ],
            vec![(0x0017_0003, number(2)), (0x0036_0003, number(2))],
        ),
        (
            "IPM.StickyNote",
            vec![(NOTE, 0x8b00, number(3)), (NOTE, 0x8b02, number(200))],
            vec![(0x1000_001f, unicode("Milk\r\n"))],
        ),
        (
            "IPM.Activity",
            vec![
                (JOURNAL, 0x8700, unicode("Phone call")),
                (JOURNAL, 0x8706, time(3)),
                (JOURNAL, 0x8707, number(20)),
            ],
            vec![],
        ),
    ]
}

/// The tags that named properties have in this mailbox.
fn tags(client: &mut Client, named: &[(Guid, u32, Value)]) -> Vec<u32> {
    let names = named.iter().map(|(set, number, _)| PropertyName {
        set: *set,
        kind: NameKind::Number(*number),
    });
    let request = property::PropertyIdsFromNames {
        flags: 2,
        names: names.collect(),
    };
    let Response::PropertyIdsFromNames(given) =
        client.ask(LOGON, LOGON, Request::PropertyIdsFromNames(request))
    else {
        panic!()
    };
    let kinds = named.iter().map(|(_, _, value)| value.property_type());
    let tag = |(id, kind): (&u16, PropertyType)| PropertyTag::new(*id, kind).0;
    given.ids.iter().zip(kinds).map(tag).collect()
}

#[test]
fn each_kind_comes_back_with_all_that_was_set() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut writer = Client::new(&house, &ida, &ida);
    let mut reader = Client::new(&house, &ida, &ida);
    let inbox = writer.special(4);
    for (class, named, mut values) in items() {
        let tags = tags(&mut writer, &named);
        values.push((CLASS, unicode(class)));
        values.push((SUBJECT, unicode("It")));
        values.extend(
            tags.into_iter()
                .zip(named.into_iter().map(|(_, _, value)| value)),
        );
        writer.create_message(inbox, false, MESSAGE);
        assert_eq!(writer.set(MESSAGE, &values), [], "{class}");
        let id = writer.save(MESSAGE);
        reader.open_message(id, MESSAGE);
        let wanted: Vec<u32> = values.iter().map(|(tag, _)| *tag).collect();
        let told = reader.properties(MESSAGE, &wanted);
        for ((tag, value), cell) in values.iter().zip(&told) {
            let wanted = Outcome::Value(value.clone());
            assert_eq!(cell.outcome, wanted, "{class} {tag:08x}");
        }
        let listed: Vec<_> = values
            .iter()
            .filter(|(tag, _)| *tag != 0x1000_001f)
            .map(|(tag, _)| PropertyTag(*tag))
            .collect();
        reader.open_folder(inbox, FOLDER);
        reader.messages(FOLDER, 0, TABLE);
        let rows = reader.rows_again(TABLE, &listed);
        let row = rows.iter().find(|row| {
            let place = listed.iter().position(|tag| tag.0 == CLASS).unwrap();
            text(&row[place]) == class
        });
        for (tag, cell) in listed.iter().zip(row.unwrap()) {
            let (_, value) = values.iter().find(|(known, _)| *known == tag.0).unwrap();
            assert_eq!(
                cell.outcome,
                Outcome::Value(value.clone()),
                "{class} {tag:?}"
            );
        }
    }
    // None of them is mail.
    let account = house.engine.account(&ida, 7);
    assert_eq!(letters(&account, &["Inbox"]).unwrap(), []);
}

/// One value of each type that a property may have. Source: [MS-OXCDATA] 2.11.1.
fn each_type() -> Vec<Value> {
    let guid = |byte| Guid([byte; 16]);
    // What Outlook writes for "no date".
    let none = FileTime(0x0cb3_4557_a3dd_4000);
    vec![
        Value::Integer16(-2),
        Value::Integer32(i32::MIN),
        Value::Floating32(1.5),
        Value::Floating64(-2.25),
        Value::Currency(10_000),
        Value::FloatingTime(36_526.5),
        Value::Boolean(true),
        Value::Integer64(i64::MIN),
        unicode("Größe – 大きさ"),
        Value::Time(none),
        Value::Guid(guid(7)),
        binary(&[0, 255, 1]),
        // Longer than what stands in a row of the store.
        binary(&[9; 6000]),
        unicode(&"ä".repeat(3000)),
        Value::MultipleInteger16(vec![1, -1]),
        Value::MultipleInteger32(vec![2, -2]),
        Value::MultipleFloating32(vec![0.5]),
        Value::MultipleFloating64(vec![0.25, 4.0]),
        Value::MultipleCurrency(vec![1, 2]),
        Value::MultipleFloatingTime(vec![1.0]),
        Value::MultipleInteger64(vec![i64::MAX]),
        Value::MultipleUnicode(vec!["ä".to_owned(), String::new()]),
        Value::MultipleTime(vec![none]),
        Value::MultipleGuid(vec![guid(1), guid(2)]),
        Value::MultipleBinary(vec![vec![1].into(), vec![].into()]),
    ]
}

/// Identifiers of as many names as there are values.
fn named(client: &mut Client, values: &[Value]) -> Vec<u32> {
    let names = (0_u32..).zip(values).map(|(number, _)| PropertyName {
        set: APPOINTMENT,
        kind: NameKind::Text(format!("value {number}")),
    });
    let ids = client.identifiers(&names.collect::<Vec<_>>());
    let tag = |(id, value): (u16, &Value)| PropertyTag::new(id, value.property_type()).0;
    ids.into_iter().zip(values).map(tag).collect()
}

#[test]
fn values_of_every_type_come_back_from_every_kind_of_item() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = Client::new(&house, &ida, &ida);
    let inbox = client.special(4);
    let values = each_type();
    let tags = named(&mut client, &values);
    let all: Vec<_> = tags.iter().copied().zip(values).collect();
    for class in ["IPM.Appointment", "IPM.Contact", "IPM.Task", "IPM.Note"] {
        client.create_message(inbox, false, MESSAGE);
        for one in &all {
            assert_eq!(
                client.set(MESSAGE, std::slice::from_ref(one)),
                [],
                "{one:?}"
            );
        }
        client.set(MESSAGE, &[(CLASS, unicode(class))]);
        let id = client.save(MESSAGE);
        client.open_message(id, MESSAGE);
        for (tag, value) in &all {
            let told = client.properties(MESSAGE, &[*tag]);
            assert_eq!(
                told[0].outcome,
                Outcome::Value(value.clone()),
                "{class} {tag:08x}"
            );
        }
    }
}

const ATTACHMENT: u8 = 4;
const EMBEDDED: u8 = 5;

/// An exception to a series, as Outlook keeps it: a hidden message in an attachment.
fn attach_exception(client: &mut Client) {
    client.ask(MESSAGE, ATTACHMENT, Request::CreateAttachment(Nothing));
    let values = [
        (0x3705_0003, Value::Integer32(5)),
        (0x7ffe_000b, Value::Boolean(true)),
        (0x7ffd_0003, Value::Integer32(2)),
        (0x7ffb_0040, time(5)),
    ];
    assert_eq!(client.set(ATTACHMENT, &values), []);
    let request = message::OpenEmbeddedMessage {
        code_page: 0x0fff,
        open_mode: 2,
    };
    client.ask(ATTACHMENT, EMBEDDED, Request::OpenEmbeddedMessage(request));
    let class = "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}";
    let values = [(CLASS, unicode(class)), (SUBJECT, unicode("Moved"))];
    assert_eq!(client.set(EMBEDDED, &values), []);
    client.save(EMBEDDED);
    keep_attachment(client);
}

fn keep_attachment(client: &mut Client) {
    let request = message::SaveChanges { flags: 2 };
    client.ask(
        ATTACHMENT,
        ATTACHMENT,
        Request::SaveChangesAttachment(request),
    );
}

#[test]
fn an_appointment_keeps_its_exceptions_files_and_guests() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = Client::new(&house, &ida, &ida);
    let inbox = client.special(4);
    client.create_message(inbox, false, MESSAGE);
    client.set(
        MESSAGE,
        &[
            (CLASS, unicode("IPM.Appointment")),
            (SUBJECT, unicode("Series")),
        ],
    );
    attach_exception(&mut client);
    client.ask(MESSAGE, ATTACHMENT, Request::CreateAttachment(Nothing));
    let file = [
        (0x3705_0003, Value::Integer32(1)),
        (0x3707_001f, unicode("Plan.pdf")),
        (0x3701_0102, binary(&[3; 5000])),
    ];
    assert_eq!(client.set(ATTACHMENT, &file), []);
    keep_attachment(&mut client);
    let id = client.save(MESSAGE);

    let mut reader = Client::new(&house, &ida, &ida);
    reader.open_message(id, MESSAGE);
    // The exception is hidden, the file is not.
    let told = reader.properties(MESSAGE, &[0x0e1b_000b]);
    assert_eq!(told[0].outcome, Outcome::Value(Value::Boolean(true)));
    let open = |reader: &mut Client, attachment| {
        let request = message::OpenAttachment {
            open_mode: 0,
            attachment,
        };
        reader.ask(MESSAGE, ATTACHMENT, Request::OpenAttachment(request));
    };
    open(&mut reader, 0);
    let told = reader.properties(ATTACHMENT, &[0x7ffb_0040, 0x7ffd_0003]);
    assert_eq!(told[0].outcome, Outcome::Value(time(5)));
    assert_eq!(told[1].outcome, Outcome::Value(Value::Integer32(2)));
    let request = message::OpenEmbeddedMessage {
        code_page: 0x0fff,
        open_mode: 0,
    };
    reader.ask(ATTACHMENT, EMBEDDED, Request::OpenEmbeddedMessage(request));
    assert_eq!(text(&reader.properties(EMBEDDED, &[SUBJECT])[0]), "Moved");
    open(&mut reader, 1);
    let told = reader.properties(ATTACHMENT, &[0x3701_0102]);
    assert_eq!(told[0].outcome, Outcome::Value(binary(&[3; 5000])));
}

#[test]
fn items_are_counted_and_can_be_deleted_though_they_are_no_mail() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = Client::new(&house, &ida, &ida);
    let inbox = client.special(4);
    for class in ["IPM.Appointment", "IPM.StickyNote"] {
        client.create_message(inbox, false, MESSAGE);
        client.set(MESSAGE, &[(CLASS, unicode(class))]);
        client.save(MESSAGE);
    }
    client.open_folder(inbox, FOLDER);
    let count = client.properties(FOLDER, &[0x3602_0003]);
    assert_eq!(crate::client::number(&count[0]), 2);
    let all = client.messages(FOLDER, 0, TABLE);
    assert_eq!(all.len(), 2);
    let delete = mapi::codec::rop::folder::DeleteMessages {
        want_asynchronous: false,
        notify_non_read: false,
        messages: all,
    };
    client.ask(FOLDER, FOLDER, Request::DeleteMessages(delete));
    let count = client.properties(FOLDER, &[0x3602_0003]);
    assert_eq!(crate::client::number(&count[0]), 0);
}

/// A search folder below the Finder, and the folder that it looks into.
const SEARCH: u8 = 4;
const FINDER: u8 = 5;

fn open_search(client: &mut Client) {
    client.open_folder(client.special(10), FINDER);
    let found = CreateFolder {
        folder_type: 2,
        open_existing: false,
        reserved: 0,
        texts: FolderTexts::Unicode(["found".to_owned(), String::new()]),
    };
    client.ask(FINDER, SEARCH, Request::CreateFolder(found));
}

fn find(client: &mut Client, tag: u32, wanted: &str) -> Vec<String> {
    let tag = PropertyTag(tag);
    let content = Content {
        fuzzy_low: 1,
        fuzzy_high: 1,
        property: tag,
        value: TaggedValue::new(tag, unicode(wanted)),
    };
    let criteria = SetSearchCriteria {
        restriction: Some(Restriction::Content(content)),
        folders: vec![client.special(4)],
        flags: 0x0002_0006,
    };
    client.ask(SEARCH, SEARCH, Request::SetSearchCriteria(criteria));
    client.messages(SEARCH, 0, TABLE);
    let rows = client.rows_again(TABLE, &[PropertyTag(CLASS)]);
    rows.iter().map(|row| text(&row[0]).to_owned()).collect()
}

#[test]
fn what_each_kind_says_is_in_the_index_and_found_by_searches() {
    let house = house();
    house.engine.use_entry_texts(Arc::new(mapi::texts::Texts));
    let mut feeder = house.index().unwrap();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = Client::new(&house, &ida, &ida);
    let inbox = client.special(4);
    let said = [
        ("IPM.Appointment", "Room 5"),
        ("IPM.Contact", "Otto, Ida"),
        ("IPM.Activity", "Phone call"),
    ];
    let mut looked_for = Vec::new();
    for (class, named, mut values) in items() {
        let tags = tags(&mut client, &named);
        for (_, words) in said.iter().filter(|(of, _)| *of == class) {
            let place = named
                .iter()
                .position(|(.., value)| *value == unicode(words));
            looked_for.push((class, tags[place.unwrap()], *words));
        }
        values.push((CLASS, unicode(class)));
        values.push((SUBJECT, unicode(&format!("About {class}"))));
        if class == "IPM.Task" {
            values.push((0x1013_0102, binary(b"<p>Buy a <b>kaleido</b>scope")));
            values.push((0x3fde_0003, Value::Integer32(65001)));
        }
        values.extend(
            tags.into_iter()
                .zip(named.into_iter().map(|(_, _, value)| value)),
        );
        client.create_message(inbox, false, MESSAGE);
        client.set(MESSAGE, &values);
        client.save(MESSAGE);
        looked_for.push((class, SUBJECT, class));
    }
    looked_for.push(("IPM.StickyNote", 0x1000_001f, "MILK"));
    looked_for.push(("IPM.Task", 0x1000_001f, "Kaleidoscope"));
    let account = house.engine.account(&ida, 7);
    while feeder.step(account.id()).unwrap() == Fed::More {}
    open_search(&mut client);
    for (class, tag, words) in looked_for {
        let needle = Needle::new(words, Comparator::Unicode);
        let plan = Plan::new(Query::Test(Test::Text(needle))).unwrap();
        let candidates = plan.candidates(&account).unwrap().unwrap();
        assert_eq!(candidates.len(), 1, "{words}");
        let at = account.read().unwrap().location(candidates[0]).unwrap();
        assert_eq!(at.unwrap().shelf, engine::Shelf::Other, "{words}");
        assert_eq!(
            find(&mut client, tag, &words.to_uppercase()),
            [class],
            "{words}"
        );
    }
    assert!(find(&mut client, SUBJECT, "xylophone").is_empty());
}
