//! A client writes: messages, recipients, attachments, long values, names of properties.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, deliver, house, number, text};
use bytes::Bytes;
use engine::rehearsal::{Rehearsal, letters};
use engine::{Flags, Reading, Role, Shelf, User};
use mapi::codec::data::{
    AddressKind, AddressTexts, Guid, NameKind, ObjectId, Outcome, PropertyName, PropertyRow,
    PropertyTag, RecipientRow, RecipientTexts, Value,
};
use mapi::codec::rop::folder::OpenTable;
use mapi::codec::rop::{Reply, Request, Response, message, property, stream};
use mapi::codec::wire::Nothing;

const SUBJECT: u32 = 0x0037_001f;
const BODY: u32 = 0x1000_001f;
const HTML: u32 = 0x1013_0102;
const CLASS: u32 = 0x001a_001f;
const DATA: u32 = 0x3701_0102;
const OBJECT_MODIFIED: u32 = 0x8004_0109;

/// Places of handles: what is open under which.
const LOGON: u8 = 0;
const MESSAGE: u8 = 1;
const ATTACHMENT: u8 = 2;
const STREAM: u8 = 3;
const EMBEDDED: u8 = 4;

fn ida() -> (Rehearsal, User, Client) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let client = Client::new(&house, &user, &user);
    (house, user, client)
}

fn inbox(client: &Client) -> ObjectId {
    client.logon.as_ref().unwrap().folders[4]
}

fn create_in(client: &mut Client, folder: ObjectId, is_associated: bool) {
    let request = message::CreateMessage {
        code_page: 0x0fff,
        folder,
        is_associated,
    };
    client.ask(LOGON, MESSAGE, Request::CreateMessage(request));
}

fn create(client: &mut Client) {
    let inbox = inbox(client);
    create_in(client, inbox, false);
}

fn unicode(text: &str) -> Value {
    Value::Unicode(text.to_owned())
}

fn binary(bytes: &[u8]) -> Value {
    Value::Binary(Bytes::copy_from_slice(bytes))
}

fn save_reply(client: &mut Client, flags: u8) -> Reply {
    let request = Request::SaveChangesMessage(message::SaveChanges { flags });
    client.call(MESSAGE, MESSAGE, request, &[])
}

#[track_caller]
fn save(client: &mut Client) -> ObjectId {
    match save_reply(client, 2) {
        Reply::Said {
            code: 0,
            response: Response::SaveChangesMessage(saved),
            ..
        } => saved.message,
        other => panic!("{other:?}"),
    }
}

fn open(client: &mut Client, message: ObjectId) -> message::MessageHead {
    let request = message::OpenMessage {
        code_page: 0x0fff,
        folder: inbox(client),
        open_mode: 1,
        message,
    };
    match client.ask(LOGON, MESSAGE, Request::OpenMessage(request)) {
        Response::OpenMessage(head) => head,
        other => panic!("{other:?}"),
    }
}

fn recipient(name: &str, address: &str) -> RecipientRow {
    RecipientRow {
        kind: AddressKind::Smtp,
        texts: RecipientTexts::Unicode(AddressTexts {
            email: Some(address.to_owned()),
            display_name: Some(name.to_owned()),
            simple_name: None,
            transmittable_name: None,
        }),
        is_transmittable_same: true,
        is_responsible: false,
        has_no_rich_info: false,
        properties: PropertyRow::default(),
    }
}

fn modify(client: &mut Client, rows: Vec<(u32, u8, Option<RecipientRow>)>) {
    let rows = rows.into_iter();
    let rows = rows.map(
        |(row, recipient_type, recipient)| message::ModifyRecipientRow {
            row,
            recipient_type,
            recipient,
        },
    );
    let request = message::ModifyRecipients {
        columns: Vec::new(),
        rows: rows.collect(),
    };
    client.ask(MESSAGE, MESSAGE, Request::ModifyRecipients(request));
}

/// The letters of the Inbox as IMAP and POP3 have them.
fn as_letters(house: &Rehearsal, user: &User) -> Vec<(Flags, String)> {
    letters(&house.engine.account(user, 7), &["Inbox"]).unwrap()
}

#[test]
fn what_a_client_writes_every_other_program_reads() {
    let (house, user, mut client) = ida();
    create(&mut client);
    let problems = client.set(
        MESSAGE,
        &[
            (SUBJECT, unicode("RE: Grüße")),
            (BODY, unicode("Hello there\r\n")),
            (HTML, binary(b"<p>Hello there</p>")),
            (0x0017_0003, Value::Integer32(2)),
        ],
    );
    assert_eq!(problems, []);
    modify(
        &mut client,
        vec![
            (0, 1, Some(recipient("Otto", "otto@example.test"))),
            (1, 2, Some(recipient("Carol", "c@y.net"))),
        ],
    );
    // Nothing is there before it is saved.
    assert_eq!(as_letters(&house, &user), []);
    let id = save(&mut client);
    let all = as_letters(&house, &user);
    let (flags, letter) = &all[0];
    assert_eq!((all.len(), *flags), (1, Flags::SEEN | Flags::DRAFT));
    assert!(letter.contains("otto@example.test"), "{letter}");
    assert!(
        letter.contains("Hello there") && letter.contains("<p>Hello there</p>"),
        "{letter}"
    );
    let head = open(&mut client, id);
    assert_eq!(head.recipient_count, 2);
    let told = client.properties(
        MESSAGE,
        &[SUBJECT, 0x003d_001f, 0x0e1d_001f, BODY, 0x0e04_001f],
    );
    let texts: Vec<_> = told.iter().map(text).collect();
    assert_eq!(
        texts,
        ["RE: Grüße", "RE: ", "Grüße", "Hello there\r\n", "Otto"]
    );
}

#[test]
fn what_an_internet_letter_cannot_say_is_kept_beside_it() {
    let (_, _, mut client) = ida();
    create(&mut client);
    let values = [
        (0x1080_0003, Value::Integer32(0x103)),
        (0x4001_0005, Value::Floating64(0.5)),
        (0x4002_1003, Value::MultipleInteger32(vec![1, -2, 3])),
        (0x4003_0102, binary(&[7; 9000])),
        (0x4004_0014, Value::Integer64(-1)),
    ];
    assert_eq!(client.set(MESSAGE, &values), []);
    let id = save(&mut client);
    open(&mut client, id);
    for (tag, value) in &values {
        if *tag == 0x4003_0102 {
            let tag = PropertyTag(*tag);
            let request = stream::OpenStream { tag, open_mode: 0 };
            client.ask(MESSAGE, STREAM, Request::OpenStream(request));
            assert_eq!(read_stream(&mut client), [7; 9000]);
        } else {
            let told = client.properties(MESSAGE, &[*tag]);
            assert_eq!(told[0].outcome, Outcome::Value(value.clone()));
        }
    }
}

fn read_stream(client: &mut Client) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let byte_count = stream::ReadSize::Usual(0x7000);
        let request = Request::ReadStream(stream::ReadStream { byte_count });
        match client.ask(STREAM, STREAM, request) {
            Response::ReadStream(told) if told.data.is_empty() => return all,
            Response::ReadStream(told) => all.extend_from_slice(&told.data),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_property_that_is_computed_is_refused_and_the_others_are_set() {
    let (_, _, mut client) = ida();
    create(&mut client);
    let problems = client.set(
        MESSAGE,
        &[
            (0x0e08_0003, Value::Integer32(1)),
            (SUBJECT, unicode("set")),
            (0x8123_0003, Value::Integer32(1)),
        ],
    );
    assert_eq!(problems, [(0, 0x8004_011a), (2, 0x0000_04fa)]);
    assert_eq!(text(&client.properties(MESSAGE, &[SUBJECT])[0]), "set");
    let tags = vec![PropertyTag(SUBJECT)];
    let request = Request::DeleteProperties(property::PropertyTags { tags });
    client.ask(MESSAGE, MESSAGE, request);
    assert_eq!(text(&client.properties(MESSAGE, &[SUBJECT])[0]), "");
}

#[test]
fn a_name_has_the_same_identifier_for_ever() {
    let (house, user, mut client) = ida();
    let set_id = Guid(*b"\x29\x03\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46");
    let name = |kind| PropertyName { set: set_id, kind };
    let names = vec![
        name(NameKind::Text("Keywords".to_owned())),
        name(NameKind::Number(0x8503)),
        PropertyName {
            set: Guid(*b"\x28\x03\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"),
            kind: NameKind::Number(0x0037),
        },
    ];
    let ask = |client: &mut Client, flags| {
        let names = names.clone();
        let request = property::PropertyIdsFromNames { flags, names };
        match client.call(LOGON, LOGON, Request::PropertyIdsFromNames(request), &[]) {
            Reply::Said {
                code,
                response: Response::PropertyIdsFromNames(told),
                ..
            } => (code, told.ids),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&mut client, 0), (0x0004_0380, vec![0, 0, 0x37]));
    let (code, ids) = ask(&mut client, 2);
    assert!(code == 0 && ids[0] >= 0x8000 && ids[1] >= 0x8000 && ids[0] != ids[1]);
    let mut again = Client::new(&house, &user, &user);
    assert_eq!(ask(&mut again, 0), (0, ids.clone()));
    let request = Request::NamesFromPropertyIds(property::PropertyIds { ids: ids.clone() });
    let Response::NamesFromPropertyIds(told) = again.ask(LOGON, LOGON, request) else {
        panic!()
    };
    assert_eq!(told.names, names);
    // A value under that name is kept, and told to whoever asks by it.
    create(&mut client);
    let tag = u32::from(ids[0]) << 16 | 0x101f;
    let words = Value::MultipleUnicode(vec!["Red".to_owned(), "Blue".to_owned()]);
    assert_eq!(client.set(MESSAGE, &[(tag, words.clone())]), []);
    let id = save(&mut client);
    let head = open(&mut again, id);
    assert!(head.has_named_properties);
    let told = again.properties(MESSAGE, &[tag]);
    assert_eq!(told[0].outcome, Outcome::Value(words));
}

#[test]
fn of_two_who_write_the_later_is_told_and_may_insist() {
    let (house, user, mut one) = ida();
    create(&mut one);
    one.set(MESSAGE, &[(SUBJECT, unicode("first"))]);
    let id = save(&mut one);
    let mut other = Client::new(&house, &user, &user);
    open(&mut other, id);
    other.set(MESSAGE, &[(SUBJECT, unicode("other"))]);
    one.set(MESSAGE, &[(SUBJECT, unicode("again"))]);
    assert_eq!(save(&mut one), id);
    assert!(matches!(
        save_reply(&mut other, 2),
        Reply::Refused {
            code: OBJECT_MODIFIED,
            ..
        }
    ));
    assert!(matches!(
        save_reply(&mut other, 4),
        Reply::Said { code: 0, .. }
    ));
    open(&mut one, id);
    assert_eq!(text(&one.properties(MESSAGE, &[SUBJECT])[0]), "other");
    // Two savings, one letter.
    assert_eq!(as_letters(&house, &user).len(), 1);
}

#[test]
fn a_letter_that_came_stays_byte_for_byte_whatever_is_set() {
    let (house, user, mut client) = ida();
    let came = b"From: a@x.org\r\nSubject: =?x?=  odd\r\nX-Odd:  1\r\n\r\nbody\r\n";
    deliver(&house, &user, came, Flags::NONE);
    let account = house.engine.account(&user, 7);
    let view = account.read().unwrap();
    let (folder, _) = view.folder_with_role(Role::Inbox).unwrap().unwrap();
    let uid = view
        .uids(folder, Shelf::Mail)
        .unwrap()
        .iter()
        .next()
        .unwrap();
    let row = view
        .item(engine::Location::mail(folder, uid))
        .unwrap()
        .unwrap();
    drop(view);
    open(&mut client, mapi::identity::message_id(row.place));
    let values = [
        (SUBJECT, unicode("mine")),
        (0x1090_0003, Value::Integer32(2)),
        (0x3d01_001f, unicode("free")),
    ];
    assert_eq!(client.set(MESSAGE, &values), []);
    let id = save(&mut client);
    let all = as_letters(&house, &user);
    assert_eq!(
        all,
        [(Flags::FLAGGED, String::from_utf8_lossy(came).into_owned())]
    );
    open(&mut client, id);
    let told = client.properties(MESSAGE, &[SUBJECT, 0x1090_0003, 0x3d01_001f, BODY]);
    assert_eq!((text(&told[0]), number(&told[1])), ("mine", 2));
    assert_eq!((text(&told[2]), text(&told[3])), ("free", "body\r\n"));
}

#[test]
fn recipients_are_changed_by_their_rows() {
    let (_, _, mut client) = ida();
    create(&mut client);
    let ida = || recipient("Ida", "ida@example.test");
    modify(
        &mut client,
        vec![(3, 1, Some(ida())), (9, 3, Some(recipient("B", "b@x.org")))],
    );
    modify(&mut client, vec![(3, 2, Some(ida())), (9, 0, None)]);
    let read = |client: &mut Client| {
        let request = message::ReadRecipients {
            row: 0,
            reserved: 0,
        };
        match client.ask(MESSAGE, MESSAGE, Request::ReadRecipients(request)) {
            Response::ReadRecipients(told) => {
                let rows = told.rows.into_iter();
                rows.map(|row| (row.row, row.recipient_type))
                    .collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(&mut client), [(3, 2)]);
    let id = save(&mut client);
    open(&mut client, id);
    assert_eq!(read(&mut client), [(3, 2)]);
    let request = message::RemoveAllRecipients { reserved: 0 };
    client.ask(MESSAGE, MESSAGE, Request::RemoveAllRecipients(request));
    save(&mut client);
    assert_eq!(open(&mut client, id).recipient_count, 0);
}

#[test]
fn a_long_value_is_written_piece_by_piece_and_shows_when_it_is_committed() {
    let (_, _, mut client) = ida();
    create(&mut client);
    let tag = PropertyTag(BODY);
    let open_stream = stream::OpenStream { tag, open_mode: 2 };
    client.ask(MESSAGE, STREAM, Request::OpenStream(open_stream));
    let write = |client: &mut Client, text: &str| {
        let data: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let request = stream::StreamData { data: data.into() };
        client.ask(STREAM, STREAM, Request::WriteStream(request));
    };
    write(&mut client, "one two");
    let seek = stream::SeekStream {
        origin: 0,
        offset: 8,
    };
    client.ask(STREAM, STREAM, Request::SeekStream(seek));
    write(&mut client, "three");
    client.ask(
        STREAM,
        STREAM,
        Request::SetStreamSize(stream::SetStreamSize { stream_size: 16 }),
    );
    assert!(matches!(
        client.properties(MESSAGE, &[BODY])[0].outcome,
        Outcome::Error(0x8004_010f)
    ));
    client.ask(STREAM, STREAM, Request::CommitStream(Nothing));
    assert_eq!(text(&client.properties(MESSAGE, &[BODY])[0]), "one thre");
    write(&mut client, "e");
    // Closing hands over what was written, too.
    client.send(&[release(STREAM)], 4000, &[]);
    assert!(text(&client.properties(MESSAGE, &[BODY])[0]).starts_with("one thre"));
    let id = save(&mut client);
    open(&mut client, id);
    assert!(text(&client.properties(MESSAGE, &[BODY])[0]).starts_with("one thre"));
}

fn release(input: u8) -> mapi::codec::rop::Call {
    mapi::codec::rop::Call {
        logon_id: 0,
        input,
        target: input,
        request: Request::Release(Nothing),
    }
}

fn attach(client: &mut Client, values: &[(u32, Value)]) -> u32 {
    let Response::CreateAttachment(made) =
        client.ask(MESSAGE, ATTACHMENT, Request::CreateAttachment(Nothing))
    else {
        panic!()
    };
    assert_eq!(client.set(ATTACHMENT, values), []);
    made.attachment
}

fn save_attachment(client: &mut Client) {
    let request = message::SaveChanges { flags: 2 };
    client.ask(
        ATTACHMENT,
        ATTACHMENT,
        Request::SaveChangesAttachment(request),
    );
}

fn attached(client: &mut Client) -> Vec<(i64, String)> {
    client.ask(
        MESSAGE,
        ATTACHMENT,
        Request::AttachmentTable(OpenTable { flags: 0x40 }),
    );
    let columns = [PropertyTag(0x0e21_0003), PropertyTag(0x3707_001f)];
    let rows = client.rows(ATTACHMENT, &columns);
    let rows = rows.iter();
    rows.map(|row| (number(&row[0]), text(&row[1]).to_owned()))
        .collect()
}

fn open_attachment(client: &mut Client, attachment: u32) {
    let request = message::OpenAttachment {
        open_mode: 3,
        attachment,
    };
    client.ask(MESSAGE, ATTACHMENT, Request::OpenAttachment(request));
}

#[test]
fn a_file_goes_with_the_letter_and_is_kept_once() {
    let (house, user, mut client) = ida();
    create(&mut client);
    let data: Vec<u8> = (0..40_000_u32)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let method = (0x3705_0003, Value::Integer32(1));
    let first = attach(
        &mut client,
        &[method.clone(), (0x3707_001f, unicode("a.bin"))],
    );
    let tag = PropertyTag(DATA);
    client.ask(
        ATTACHMENT,
        STREAM,
        Request::OpenStream(stream::OpenStream { tag, open_mode: 2 }),
    );
    for piece in data.chunks(30_000) {
        let request = stream::StreamData {
            data: Bytes::copy_from_slice(piece),
        };
        client.ask(STREAM, STREAM, Request::WriteStream(request));
    }
    client.ask(STREAM, STREAM, Request::CommitStream(Nothing));
    save_attachment(&mut client);
    let small = [
        method,
        (0x3707_001f, unicode("b.txt")),
        (DATA, binary(b"small")),
    ];
    attach(&mut client, &small);
    save_attachment(&mut client);
    let id = save(&mut client);
    let letter = &as_letters(&house, &user)[0].1;
    assert!(
        letter.contains("a.bin") && letter.contains("b.txt"),
        "{letter}"
    );
    open(&mut client, id);
    assert_eq!(
        attached(&mut client),
        [(0, "a.bin".to_owned()), (1, "b.txt".to_owned())]
    );
    open_attachment(&mut client, first);
    client.ask(
        ATTACHMENT,
        STREAM,
        Request::OpenStream(stream::OpenStream { tag, open_mode: 0 }),
    );
    assert_eq!(read_stream(&mut client), data);
    let delete = message::Attachment { attachment: first };
    client.ask(MESSAGE, MESSAGE, Request::DeleteAttachment(delete));
    save(&mut client);
    open(&mut client, id);
    assert_eq!(attached(&mut client), [(1, "b.txt".to_owned())]);
    assert!(!as_letters(&house, &user)[0].1.contains("a.bin"));
}

#[test]
fn a_message_is_attached_with_all_that_it_has() {
    let (_, _, mut client) = ida();
    create(&mut client);
    let number = attach(&mut client, &[(0x3705_0003, Value::Integer32(5))]);
    let embed = |open_mode| {
        Request::OpenEmbeddedMessage(message::OpenEmbeddedMessage {
            code_page: 0x0fff,
            open_mode,
        })
    };
    client.ask(ATTACHMENT, EMBEDDED, embed(2));
    let inside = [
        (SUBJECT, unicode("inside")),
        (0x4001_0003, Value::Integer32(7)),
    ];
    assert_eq!(client.set(EMBEDDED, &inside), []);
    let request = message::SaveChanges { flags: 2 };
    client.ask(EMBEDDED, EMBEDDED, Request::SaveChangesMessage(request));
    save_attachment(&mut client);
    let id = save(&mut client);
    open(&mut client, id);
    open_attachment(&mut client, number);
    client.ask(ATTACHMENT, EMBEDDED, embed(0));
    let told = client.properties(EMBEDDED, &[SUBJECT, 0x4001_0003]);
    assert_eq!(
        (text(&told[0]), crate::client::number(&told[1])),
        ("inside", 7)
    );
}

#[test]
fn the_attachments_of_a_letter_that_came_are_its_parts() {
    let (house, user, mut client) = ida();
    deliver(&house, &user, WITH_PARTS, Flags::NONE);
    let account = house.engine.account(&user, 7);
    let view = account.read().unwrap();
    let (folder, _) = view.folder_with_role(Role::Inbox).unwrap().unwrap();
    let uid = view
        .uids(folder, Shelf::Mail)
        .unwrap()
        .iter()
        .next()
        .unwrap();
    let row = view
        .item(engine::Location::mail(folder, uid))
        .unwrap()
        .unwrap();
    drop(view);
    open(&mut client, mapi::identity::message_id(row.place));
    assert_eq!(
        attached(&mut client),
        [(0, "p.txt".to_owned()), (1, "inner".to_owned())]
    );
    open_attachment(&mut client, 0);
    let told = client.properties(ATTACHMENT, &[DATA, 0x370e_001f, 0x3705_0003]);
    assert_eq!(told[0].outcome, Outcome::Value(binary(b"plain")));
    assert_eq!((text(&told[1]), number(&told[2])), ("text/plain", 1));
    open_attachment(&mut client, 1);
    let request = message::OpenEmbeddedMessage {
        code_page: 0x0fff,
        open_mode: 0,
    };
    let opened = client.ask(ATTACHMENT, EMBEDDED, Request::OpenEmbeddedMessage(request));
    let Response::OpenEmbeddedMessage(opened) = opened else {
        panic!()
    };
    assert_eq!(opened.head.recipient_count, 1);
    assert_eq!(text(&client.properties(EMBEDDED, &[BODY])[0]), "deep\r\n");
}

const WITH_PARTS: &[u8] = b"From: a@x.org\r\nMIME-Version: 1.0\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n--b\r\n\
Content-Type: text/plain; name=p.txt\r\nContent-Disposition: attachment; filename=p.txt\r\n\
Content-Transfer-Encoding: base64\r\n\r\ncGxhaW4=\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n\
Subject: inner\r\nTo: c@y.net\r\n\r\ndeep\r\n\r\n--b--\r\n";

#[test]
fn what_is_no_letter_is_kept_whole_and_is_no_mail() {
    let (house, user, mut client) = ida();
    for class in [
        "IPM.Appointment",
        "IPM.Contact",
        "IPM.Task",
        "IPM.StickyNote",
        "IPM.DistList",
    ] {
        create(&mut client);
        let values = [
            (CLASS, unicode(class)),
            (SUBJECT, unicode("it")),
            (BODY, unicode("text")),
        ];
        assert_eq!(client.set(MESSAGE, &values), []);
        let method = (0x3705_0003, Value::Integer32(1));
        let number = attach(&mut client, &[method, (DATA, binary(b"data"))]);
        save_attachment(&mut client);
        let id = save(&mut client);
        open(&mut client, id);
        let told = client.properties(MESSAGE, &[CLASS, SUBJECT, BODY]);
        let texts: Vec<_> = told.iter().map(text).collect();
        assert_eq!(texts, [class, "it", "text"]);
        open_attachment(&mut client, number);
        let told = client.properties(ATTACHMENT, &[DATA]);
        assert_eq!(told[0].outcome, Outcome::Value(binary(b"data")));
        // Changed once more.
        client.set(MESSAGE, &[(SUBJECT, unicode("other"))]);
        assert_eq!(save(&mut client), id);
    }
    assert_eq!(as_letters(&house, &user), []);
    let inbox = inbox(&client);
    client.open_folder(inbox, 5);
    let table = Request::ContentsTable(OpenTable { flags: 0x40 });
    let Response::ContentsTable(count) = client.ask(5, 6, table) else {
        panic!()
    };
    assert_eq!(count.row_count, 5);
    let rows = client.rows(6, &[PropertyTag(SUBJECT)]);
    assert!(rows.iter().all(|row| text(&row[0]) == "other"));
}

#[test]
fn settings_have_a_table_of_their_own() {
    let (house, user, mut client) = ida();
    let inbox = inbox(&client);
    create_in(&mut client, inbox, true);
    let class = "IPM.Configuration.Test";
    let values = [(CLASS, unicode(class)), (0x7c07_0102, binary(b"<x/>"))];
    assert_eq!(client.set(MESSAGE, &values), []);
    save(&mut client);
    assert_eq!(as_letters(&house, &user), []);
    client.open_folder(inbox, 5);
    for (flags, rows) in [(0x40, 0), (0x42, 1)] {
        let table = Request::ContentsTable(OpenTable { flags });
        let Response::ContentsTable(count) = client.ask(5, 6, table) else {
            panic!()
        };
        assert_eq!(count.row_count, rows);
    }
    let rows = client.rows(6, &[PropertyTag(CLASS), PropertyTag(0x0e07_0003)]);
    assert_eq!(text(&rows[0][0]), class);
    assert_eq!(number(&rows[0][1]) & 0x40, 0x40);
}

/// A new message at `target` with so many bytes that are not saved; the code of writing these.
fn fill(client: &mut Client, target: u8, size: u64) -> u32 {
    client.create_message(inbox(client), false, target);
    let tag = PropertyTag(0x6701_0102);
    let open_stream = stream::OpenStream { tag, open_mode: 2 };
    client.ask(target, STREAM, Request::OpenStream(open_stream));
    let resize = stream::SetStreamSize { stream_size: size };
    let code = client.code(STREAM, STREAM, Request::SetStreamSize(resize));
    client.send(&[release(STREAM)], 4000, &[]);
    code
}

#[test]
fn what_is_open_and_not_saved_yet_has_a_bound() {
    const TOO_BIG: u32 = 0x8004_0305;
    let (_, _, mut client) = ida();
    let most = 100 << 20;
    assert_eq!(fill(&mut client, 5, most), 0);
    assert_eq!(fill(&mut client, 6, most), 0);
    assert_eq!(fill(&mut client, 7, most), TOO_BIG);
    // What is closed without being saved leaves its room to others.
    client.send(&[release(5)], 4000, &[]);
    assert_eq!(fill(&mut client, 7, most), 0);
}

#[test]
fn a_message_that_is_written_has_so_many_recipients_at_most() {
    const TOO_MANY_RECIPIENTS: u32 = 0x0000_0505;
    let (_, _, mut client) = ida();
    create(&mut client);
    let mut add = |from: u32| {
        let row = |row| message::ModifyRecipientRow {
            row,
            recipient_type: 1,
            recipient: Some(RecipientRow {
                kind: AddressKind::Smtp,
                texts: RecipientTexts::Unicode(AddressTexts {
                    email: None,
                    display_name: None,
                    simple_name: None,
                    transmittable_name: None,
                }),
                is_transmittable_same: true,
                is_responsible: false,
                has_no_rich_info: false,
                properties: PropertyRow::default(),
            }),
        };
        let request = message::ModifyRecipients {
            columns: Vec::new(),
            rows: (from..from + 2000).map(row).collect(),
        };
        client.code(MESSAGE, MESSAGE, Request::ModifyRecipients(request))
    };
    for from in (0..10_000).step_by(2000) {
        assert_eq!(add(from), 0);
    }
    // The same again are no more than before.
    assert_eq!(add(0), 0);
    assert_eq!(add(10_000), TOO_MANY_RECIPIENTS);
}
