//! What only a look into a letter tells: fields by their names, and what stands in `winmail.dat`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, deliver, house, number, text};
use engine::rehearsal::{Rehearsal, letters};
use engine::{Flags, User};
use mapi::codec::data::{
    Cell, NameKind, Outcome, PropertyName, PropertyTag, SortOrder, SortOrderSet, Value,
};
use mapi::codec::rop::folder::OpenTable;
use mapi::codec::rop::{Request, Response, message, property, table};
use mapi::codec::wire::Nothing;
use mapi::convert::set;

/// Places of handles: what is open under which.
const FOLDER: u8 = 1;
const MESSAGE: u8 = 2;
const ATTACHMENT: u8 = 3;
const EMBEDDED: u8 = 4;

const NOT_FOUND: Outcome = Outcome::Error(0x8004_010f);

fn with(letter: &[u8]) -> (Rehearsal, User, Client) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    deliver(&house, &user, letter, Flags(0));
    let client = Client::new(&house, &user, &user);
    (house, user, client)
}

fn tag(id: u16, kind: u16) -> u32 {
    u32::from(id) << 16 | u32::from(kind)
}

fn words(words: &[&str]) -> Value {
    Value::MultipleUnicode(words.iter().map(|word| (*word).to_owned()).collect())
}

const FIELDS: &[u8] = b"From: a@b\r\nX-Mailer: M\r\nKeywords: red, blue\r\n\
    X-Message-Flag: Call\r\nX-Never-Asked-For: 1\r\nSubject: x\r\n\r\nHello\r\n";

#[test]
fn fields_are_told_by_their_names_once_a_client_asked_for_these() {
    let (_, _, mut client) = with(FIELDS);
    // In the case that the client likes.
    let names = [
        set::internet_header("x-mailer"),
        set::keywords(),
        set::common(set::FLAG_REQUEST),
        set::internet_header("X-Missing"),
    ];
    let ids = client.identifiers(&names);
    let head = client.open_first(FOLDER, MESSAGE);
    assert!(head.has_named_properties);
    let tags = [
        tag(ids[0], 0x1f),
        tag(ids[1], 0x101f),
        tag(ids[2], 0x1f),
        tag(ids[3], 0x1f),
    ];
    let told = client.properties(MESSAGE, &tags);
    assert_eq!((text(&told[0]), text(&told[2])), ("M", "Call"));
    assert_eq!(told[1].outcome, Outcome::Value(words(&["red", "blue"])));
    assert_eq!(told[3].outcome, NOT_FOUND);
    let all = property::PropertiesAll {
        property_bytes_max: 0,
        want_unicode: 1,
    };
    let Response::PropertiesAll(all) = client.ask(MESSAGE, MESSAGE, Request::PropertiesAll(all))
    else {
        panic!()
    };
    let named: Vec<u32> = all
        .values
        .iter()
        .map(|value| value.tag.0)
        .filter(|tag| tag >> 16 >= 0x8000)
        .collect();
    // A letter gives no identifier to a name that nobody asked for.
    assert_eq!(named, tags[..3]);
}

#[test]
fn the_letter_of_a_message_without_named_properties_has_none() {
    let (_, _, mut client) = with(FIELDS);
    assert!(!client.open_first(FOLDER, MESSAGE).has_named_properties);
}

#[test]
fn what_is_set_or_removed_stays_so_whatever_the_letter_says() {
    let (house, user, mut client) = with(FIELDS);
    let id = client.identifiers(&[set::keywords()])[0];
    let tag = tag(id, 0x101f);
    let told = |client: &mut Client| {
        client.open_first(FOLDER, MESSAGE);
        client.properties(MESSAGE, &[tag])[0].outcome.clone()
    };
    client.open_first(FOLDER, MESSAGE);
    client.set_property(MESSAGE, tag, words(&["green"]));
    client.save(MESSAGE);
    assert_eq!(told(&mut client), Outcome::Value(words(&["green"])));
    client.delete_property(MESSAGE, tag);
    client.save(MESSAGE);
    assert_eq!(told(&mut client), NOT_FOUND);
    let listed = client.ask(MESSAGE, MESSAGE, Request::PropertiesList(Nothing));
    let Response::PropertiesList(listed) = listed else {
        panic!()
    };
    assert!(!listed.tags.contains(&PropertyTag(tag)));
    // Another change leaves it removed, and it can be set again.
    client.set_property(MESSAGE, 0x3fd9_001f, Value::Unicode("other".to_owned()));
    client.save(MESSAGE);
    assert_eq!(told(&mut client), NOT_FOUND);
    client.set_property(MESSAGE, tag, words(&["red"]));
    client.save(MESSAGE);
    assert_eq!(told(&mut client), Outcome::Value(words(&["red"])));
    let account = house.engine.account(&user, 9);
    let letters = letters(&account, &["Inbox"]).unwrap();
    assert_eq!(letters[0].1.as_bytes(), FIELDS);
}

#[test]
fn a_table_tells_fields_by_their_names() {
    let (_, _, mut client) = with(FIELDS);
    let id = client.identifiers(&[set::keywords()])[0];
    let inbox = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(inbox, FOLDER);
    let request = Request::ContentsTable(OpenTable { flags: 0x40 });
    client.ask(FOLDER, MESSAGE, request);
    let rows = client.rows(MESSAGE, &[PropertyTag(tag(id, 0x101f))]);
    assert_eq!(rows[0][0].outcome, Outcome::Value(words(&["red", "blue"])));
}

#[test]
fn a_table_is_sorted_by_what_fields_say() {
    let field = |name: &str, value: &str, subject: &str| {
        format!("From: a@b\r\n{name}: {value}\r\nSubject: {subject}\r\n\r\nHello\r\n")
    };
    let (house, user, mut client) = with(field("Keywords", "red, blue", "1").as_bytes());
    for (name, value, subject) in [
        ("Keywords", "green", "2"),
        ("X-Message-Flag", "Call", "3"),
        ("X-Mailer", "B", "4"),
        ("X-Mailer", "a", "5"),
    ] {
        let letter = field(name, value, subject);
        deliver(&house, &user, letter.as_bytes(), Flags(0));
    }
    let names = [
        set::internet_header("x-mailer"),
        set::keywords(),
        set::common(set::FLAG_REQUEST),
    ];
    let ids = client.identifiers(&names);
    let mut sorted = |tag: u32| {
        let inbox = client.special(4);
        client.open_folder(inbox, FOLDER);
        let open = Request::ContentsTable(OpenTable { flags: 0x40 });
        client.ask(FOLDER, MESSAGE, open);
        let orders = SortOrderSet {
            category_count: 0,
            expanded_count: 0,
            orders: vec![SortOrder {
                tag: PropertyTag(tag),
                order: 1,
            }],
        };
        let request = table::SortTable { flags: 0, orders };
        client.ask(MESSAGE, MESSAGE, Request::SortTable(request));
        let rows = client.rows(MESSAGE, &[PropertyTag(0x0037_001f)]);
        let rows = rows.iter().map(|row| text(&row[0]).to_owned());
        rows.collect::<String>()
    };
    assert_eq!(
        sorted(tag(ids[0], 0x1f)),
        "45321",
        "the rest: the latest first"
    );
    assert_eq!(sorted(tag(ids[1], 0x301f)), "121543", "red, green, blue");
    assert_eq!(sorted(tag(ids[2], 0x1f)), "35421");
}

fn open_attachment(client: &mut Client, attachment: u32) {
    let request = message::OpenAttachment {
        open_mode: 0,
        attachment,
    };
    client.ask(MESSAGE, ATTACHMENT, Request::OpenAttachment(request));
}

fn open_embedded(client: &mut Client) {
    let request = message::OpenEmbeddedMessage {
        code_page: 0x0fff,
        open_mode: 0,
    };
    client.ask(ATTACHMENT, EMBEDDED, Request::OpenEmbeddedMessage(request));
}

#[test]
fn a_letter_within_a_letter_tells_its_fields_by_their_names() {
    let letter = [b"Content-Type: message/rfc822\r\n\r\n".as_slice(), FIELDS].concat();
    let (_, _, mut client) = with(&letter);
    let id = client.identifiers(&[set::internet_header("X-Mailer")])[0];
    client.open_first(FOLDER, MESSAGE);
    open_attachment(&mut client, 0);
    open_embedded(&mut client);
    let told = client.properties(EMBEDDED, &[tag(id, 0x1f)]);
    assert_eq!(text(&told[0]), "M");
}

fn attribute(level: u8, id: u32, data: &[u8]) -> Vec<u8> {
    let sum = data
        .iter()
        .fold(0_u16, |sum, &byte| sum.wrapping_add(byte.into()));
    let mut bytes = vec![level];
    bytes.extend(id.to_le_bytes());
    bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    bytes.extend(data);
    bytes.extend(sum.to_le_bytes());
    bytes
}

fn stream(attributes: &[Vec<u8>]) -> Vec<u8> {
    let head = [0x78, 0x9f, 0x3e, 0x22, 1, 0];
    [head.as_slice(), &attributes.concat()].concat()
}

fn numbers(all: &[u32]) -> Vec<u8> {
    all.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut all = numbers(&[u32::try_from(bytes.len()).unwrap()]);
    all.extend(bytes);
    all.resize(all.len().next_multiple_of(4), 0);
    all
}

const RTF: &[u8] = b"{\\rtf1\\ansi\\pard Rich text\\par}";

/// An appointment's request with a rich text, a category, a file and a message; and with what is
/// no sender's to say: that the reader has answered it, and where it lies.
fn packed() -> Vec<u8> {
    let stored_rtf = [
        numbers(&[
            u32::try_from(RTF.len()).unwrap() + 12,
            u32::try_from(RTF.len()).unwrap(),
            0x414c_454d,
            0,
        ]),
        RTF.to_vec(),
    ];
    let named = [
        numbers(&[0x8000_101f]),
        set::PUBLIC_STRINGS.0.to_vec(),
        numbers(&[1]),
        sized(b"K\0e\0y\0w\0o\0r\0d\0s\0\0\0"),
        numbers(&[1]),
        sized(b"r\0e\0d\0\0\0"),
    ];
    let properties = [
        numbers(&[5, 0x0017_0003, 2, 0x1081_0003, 102, 0x65e0_0102, 1]),
        sized(b"somewhere"),
        numbers(&[0x1009_0102, 1]),
        sized(&stored_rtf.concat()),
        named.concat(),
    ];
    let inner = stream(&[attribute(1, 0x0001_8004, b"inner\0")]);
    let interface = *b"\x07\x03\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";
    let object = [interface.as_slice(), &inner].concat();
    let embedded = [numbers(&[1, 0x3701_000d, 1]), sized(&object)];
    stream(&[
        attribute(1, 0x0007_8008, b"IPM.Microsoft Schedule.MtgReq\0"),
        attribute(1, 0x0006_9003, &properties.concat()),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0001_8010, b"a.txt\0"),
        attribute(2, 0x0006_800f, b"data"),
        attribute(2, 0x0006_9002, &[0; 14]),
        attribute(2, 0x0006_9005, &embedded.concat()),
    ])
}

/// A letter with that and a picture; its bytes go as they are.
fn with_winmail(kind: &str) -> Vec<u8> {
    let before = format!(
        "From: a@b\r\nSubject: outer\r\nX-Mailer: M\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nPlain text\r\n\
         --b\r\nContent-Type: image/png; name=p.png\r\n\r\npicture\r\n\
         --b\r\nContent-Type: {kind}; name=winmail.dat\r\nContent-Transfer-Encoding: binary\r\n\
         Content-Disposition: attachment; filename=winmail.dat\r\n\r\n"
    );
    [before.as_bytes(), &packed(), b"\r\n--b--\r\n"].concat()
}

fn attached(client: &mut Client) -> Vec<(i64, String, i64)> {
    let request = Request::AttachmentTable(OpenTable { flags: 0x40 });
    client.ask(MESSAGE, ATTACHMENT, request);
    let columns = [0x0e21_0003, 0x3704_001f, 0x0e20_0003].map(PropertyTag);
    let rows = client.rows(ATTACHMENT, &columns);
    let name = |cell: &Cell| match &cell.outcome {
        Outcome::Value(Value::Unicode(name)) => name.clone(),
        _ => String::new(),
    };
    let rows = rows.iter();
    rows.map(|row| (number(&row[0]), name(&row[1]), number(&row[2])))
        .collect()
}

#[test]
fn a_winmail_dat_is_told_as_what_it_holds() {
    let letter = with_winmail("application/ms-tnef");
    let (house, user, mut client) = with(&letter);
    let id = client.identifiers(&[set::keywords()])[0];
    client.open_first(FOLDER, MESSAGE);
    let tags = [
        0x001a_001f,
        0x0037_001f,
        0x1000_001f,
        0x0017_0003,
        0x1016_0003,
        tag(id, 0x101f),
        0x1081_0003,
        0x0e1b_000b,
    ];
    let told = client.properties(MESSAGE, &tags);
    // The header says what it is about, the author's form how it is meant.
    assert_eq!(text(&told[0]), "IPM.Schedule.Meeting.Request");
    assert_eq!((text(&told[1]), text(&told[2])), ("outer", "Plain text"));
    assert_eq!((number(&told[3]), number(&told[4])), (2, 2));
    assert_eq!(told[5].outcome, Outcome::Value(words(&["red"])));
    assert_eq!(told[6].outcome, NOT_FOUND);
    assert_eq!(told[7].outcome, Outcome::Value(Value::Boolean(true)));
    let names = |all: &[(i64, String, i64)]| -> Vec<_> {
        let names = all.iter().map(|(number, name, _)| (*number, name.clone()));
        names.collect()
    };
    let all = attached(&mut client);
    let expected = [(0, "p.png"), (1, "a.txt"), (2, "")];
    let expected = expected.map(|(number, name)| (number, name.to_owned()));
    assert_eq!(names(&all), expected);
    assert_eq!(all[1].2, 4);
    open_attachment(&mut client, 1);
    let data = client.properties(ATTACHMENT, &[0x3701_0102]);
    assert_eq!(
        data[0].outcome,
        Outcome::Value(Value::Binary("data".into()))
    );
    open_attachment(&mut client, 2);
    open_embedded(&mut client);
    assert_eq!(
        text(&client.properties(EMBEDDED, &[0x0037_001f])[0]),
        "inner"
    );
    // All others see the letter as it came.
    let account = house.engine.account(&user, 9);
    let seen = &letters(&account, &["Inbox"]).unwrap()[0].1;
    assert_eq!(*seen, String::from_utf8_lossy(&letter));
}

#[test]
fn a_winmail_dat_is_known_by_its_name_where_a_relay_lost_its_type() {
    let (_, _, mut client) = with(&with_winmail("application/octet-stream"));
    client.open_first(FOLDER, MESSAGE);
    let told = client.properties(MESSAGE, &[0x001a_001f]);
    assert_eq!(text(&told[0]), "IPM.Schedule.Meeting.Request");
}

#[test]
fn a_row_of_a_table_tells_what_a_winmail_dat_is() {
    let (_, _, mut client) = with(&with_winmail("application/ms-tnef"));
    let inbox = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(inbox, FOLDER);
    let request = Request::ContentsTable(OpenTable { flags: 0x40 });
    client.ask(FOLDER, MESSAGE, request);
    let rows = client.rows(MESSAGE, &[0x001a_001f, 0x0e1b_000b].map(PropertyTag));
    assert_eq!(text(&rows[0][0]), "IPM.Schedule.Meeting.Request");
    assert_eq!(rows[0][1].outcome, Outcome::Value(Value::Boolean(true)));
}

#[test]
fn what_only_says_that_it_is_a_winmail_dat_is_a_file() {
    let letter = "From: a@b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n\
        --b\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\r\nno message\r\n--b--\r\n";
    let (_, _, mut client) = with(letter.as_bytes());
    client.open_first(FOLDER, MESSAGE);
    let told = client.properties(MESSAGE, &[0x001a_001f, 0x1000_001f]);
    assert_eq!((text(&told[0]), text(&told[1])), ("IPM.Note", "Text"));
    assert_eq!(attached(&mut client).len(), 1);
}

#[test]
fn a_name_in_a_letter_is_one_of_its_set() {
    let other = PropertyName {
        set: set::COMMON,
        kind: NameKind::Text("X-Mailer".to_owned()),
    };
    let (_, _, mut client) = with(FIELDS);
    let id = client.identifiers(&[other])[0];
    client.open_first(FOLDER, MESSAGE);
    let told = client.properties(MESSAGE, &[tag(id, 0x1f)]);
    assert_eq!(told[0].outcome, NOT_FOUND);
}
