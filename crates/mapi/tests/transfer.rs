//! Whole messages and folders, out of a mailbox and into one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, binary, deliver, house, text, unicode};
use bytes::Bytes;
use engine::rehearsal::{Rehearsal, letters};
use engine::{Flags, User};
use mapi::codec::data::{Guid, NameKind, ObjectId, Outcome, PropertyName, PropertyTag, Value};
use mapi::codec::fasttransfer::{Element, Lexer, Marker, Producer, Property};
use mapi::codec::rop::{Reply, Request, Response, folder, message, property, transfer};
use mapi::codec::wire::Nothing;

const SUBJECT: u32 = 0x0037_001f;
const BODY: u32 = 0x1000_001f;
const CLASS: u32 = 0x001a_001f;
const NAME: u32 = 0x3001_001f;

/// Places of handles.
const LOGON: u8 = 0;
const FROM: u8 = 1;
const TO: u8 = 2;
const STREAM: u8 = 3;
const TABLE: u8 = 4;
const OTHER: u8 = 5;

const UNICODE: u8 = 1;
const CORRUPT: u32 = 0x8004_011b;

fn ida() -> (Rehearsal, User, Client) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let client = Client::new(&house, &user, &user);
    (house, user, client)
}

const LETTER: &str = "From: Otto <otto@example.test>\r\nTo: Ida <ida@example.test>\r\n\
    Cc: Carol <c@y.net>\r\nSubject: RE: Minutes\r\nMessage-ID: <1@example.test>\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nSch\u{f6}n.\r\n\
    --b\r\nContent-Type: application/pdf; name=minutes.pdf\r\n\
    Content-Disposition: attachment; filename=minutes.pdf\r\n\r\n%PDF\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Within\r\n\r\nDeep.\r\n--b--\r\n";

fn ids(messages: &[ObjectId]) -> Request {
    Request::FastTransferSourceCopyMessages(transfer::SourceCopyMessages {
        messages: messages.to_vec(),
        copy_flags: 0,
        send_options: UNICODE,
    })
}

/// All that the source at [`STREAM`] tells, in pieces of so many bytes.
fn all_of(client: &mut Client, size: u16) -> Vec<u8> {
    let mut stream = Vec::new();
    loop {
        let request = Request::FastTransferSourceGetBuffer(transfer::SourceBufferRequest {
            buffer_size: transfer::BufferSize::Usual(size),
        });
        let Response::FastTransferSourceGetBuffer(told) = client.ask(STREAM, STREAM, request)
        else {
            panic!()
        };
        assert!(told.data.len() <= usize::from(size));
        assert!(told.in_progress_count <= told.total_step_count);
        stream.extend_from_slice(&told.data);
        match told.transfer_status {
            1 => assert!(!told.data.is_empty()),
            3 => return stream,
            other => panic!("{other}"),
        }
    }
}

fn elements(stream: &[u8]) -> Vec<Element> {
    let (mut lexer, mut elements) = (Lexer::default(), Vec::new());
    lexer.push(stream);
    while let Some(element) = lexer.next_element().unwrap() {
        elements.push(element);
    }
    lexer.finish().unwrap();
    elements
}

fn markers(stream: &[u8]) -> Vec<Marker> {
    let marker = |element| match element {
        Element::Marker(marker) => Some(marker),
        _ => None,
    };
    elements(stream).into_iter().filter_map(marker).collect()
}

fn value(stream: &[u8], id: u16) -> Option<Value> {
    elements(stream)
        .into_iter()
        .find_map(|element| match element {
            Element::Property(property) if property.key.tag.id() == id => Some(property.value),
            _ => None,
        })
}

fn configure(client: &mut Client, source_operation: u8) {
    let request = transfer::DestinationConfigure {
        source_operation,
        copy_flags: 0,
    };
    client.ask(
        TO,
        STREAM,
        Request::FastTransferDestinationConfigure(request),
    );
}

fn piece(data: &[u8]) -> Request {
    Request::FastTransferDestinationPutBuffer(transfer::TransferData {
        data: Bytes::copy_from_slice(data),
    })
}

/// Puts a stream into the destination at [`STREAM`], cut anywhere.
#[track_caller]
fn put(client: &mut Client, stream: &[u8], size: usize) {
    for data in stream.chunks(size) {
        let Response::FastTransferDestinationPutBuffer(taken) =
            client.ask(STREAM, STREAM, piece(data))
        else {
            panic!()
        };
        assert_eq!(usize::from(taken.buffer_used_size), data.len());
    }
}

/// The code that the first piece is answered with which is not taken.
fn refused(client: &mut Client, stream: &[u8]) -> u32 {
    match client.call(STREAM, STREAM, piece(stream), &[]) {
        Reply::Said { code, .. } | Reply::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn create_folder(client: &mut Client, parent: u8, name: &str, target: u8) {
    let request = Request::CreateFolder(folder::CreateFolder {
        folder_type: 1,
        open_existing: false,
        reserved: 0,
        texts: folder::FolderTexts::Unicode([name.to_owned(), String::new()]),
    });
    client.ask(parent, target, request);
}

/// Two folders with a letter in the first.
fn folders(house: &Rehearsal, user: &User, client: &mut Client) -> ObjectId {
    deliver(house, user, LETTER.as_bytes(), Flags(0));
    let (top, inbox) = (client.special(3), client.special(4));
    client.open_folder(top, OTHER);
    client.open_folder(inbox, FROM);
    create_folder(client, OTHER, "Copies", TO);
    client.messages(FROM, 0, TABLE)[0]
}

#[test]
fn a_letter_that_is_copied_out_and_in_says_the_same() {
    let (house, user, mut client) = ida();
    let id = folders(&house, &user, &mut client);
    client.ask(FROM, STREAM, ids(&[id, id]));
    let stream = all_of(&mut client, 700);
    let message = [
        Marker::StartMessage,
        Marker::StartRecipient,
        Marker::EndRecipient,
        Marker::StartRecipient,
        Marker::EndRecipient,
        Marker::NewAttachment,
        Marker::EndAttachment,
        Marker::NewAttachment,
        Marker::StartEmbedded,
        Marker::EndEmbedded,
        Marker::EndAttachment,
        Marker::EndMessage,
    ];
    assert_eq!(markers(&stream), [message, message].concat());
    configure(&mut client, 3);
    // Only one of the two, so that the first half must be whole.
    put(&mut client, &stream, 333);
    let copies = client.messages(TO, 0, TABLE);
    assert_eq!(copies.len(), 2);
    for copy in copies {
        client.open_message(copy, OTHER);
        let tags = [
            SUBJECT,
            0x003d_001f,
            0x0e1d_001f,
            BODY,
            0x0e04_001f,
            0x0e03_001f,
        ];
        let told = client.properties(OTHER, &tags);
        let texts: Vec<_> = told.iter().map(text).collect();
        let wanted = ["RE: Minutes", "RE: ", "Minutes", "Schön.", "Ida", "Carol"];
        assert_eq!(texts, wanted);
        client.ask(OTHER, STREAM, copy_to(0, &[]));
        let again = all_of(&mut client, 32_000);
        for id in [0x1035, 0x0042, 0x0065, 0x0e06, 0x3707, 0x3701, 0x3705] {
            assert_eq!(value(&again, id), value(&stream, id), "{id:04x}");
        }
    }
    let account = house.engine.account(&user, 7);
    let all = letters(&account, &["Copies"]).unwrap();
    assert!(all.iter().all(|(flags, letter)| {
        *flags == Flags::NONE && letter.contains("minutes.pdf") && letter.contains("Deep.")
    }));
}

fn copy_to(level: u8, excluded: &[u32]) -> Request {
    Request::FastTransferSourceCopyTo(transfer::SourceCopyTo {
        level,
        copy_flags: 0,
        send_options: UNICODE,
        excluded: excluded.iter().copied().map(PropertyTag).collect(),
    })
}

#[test]
fn an_open_message_is_told_as_it_is_now() {
    let (_, _, mut client) = ida();
    let inbox = client.special(4);
    client.create_message(inbox, false, FROM);
    client.set(
        FROM,
        &[(SUBJECT, unicode("Now")), (CLASS, unicode("IPM.Note"))],
    );
    client.ask(FROM, STREAM, copy_to(0, &[0x1000_001f]));
    let stream = all_of(&mut client, 8000);
    assert_eq!(value(&stream, 0x0037), Some(unicode("Now")));
    // Clients take classes in this type only.
    assert_eq!(
        value(&stream, 0x001a),
        Some(Value::String8("IPM.Note".into()))
    );
    let deletions = [0x0e12_000d, 0x0e13_000d].map(Value::Integer32);
    let deleted: Vec<_> = elements(&stream)
        .into_iter()
        .filter_map(|element| match element {
            Element::Property(Property { key, value }) if key.tag.id() == 0x4016 => Some(value),
            _ => None,
        })
        .collect();
    assert_eq!(deleted, deletions);
    client.ask(FROM, STREAM, copy_to(1, &[SUBJECT]));
    let alone = all_of(&mut client, 8000);
    assert_eq!((value(&alone, 0x0037), value(&alone, 0x4016)), (None, None));
    let only = Request::FastTransferSourceCopyProperties(transfer::SourceCopyProperties {
        level: 0,
        copy_flags: 0,
        send_options: 0,
        tags: vec![PropertyTag(SUBJECT)],
    });
    client.ask(FROM, STREAM, only);
    let told = elements(&all_of(&mut client, 8000));
    let wanted = Property::fixed(0x0037, Value::String8("Now".into()));
    assert_eq!(told, [Element::Property(wanted)]);
    let version = transfer::TellVersion {
        version: [15, 0, 0],
    };
    client.ask(STREAM, STREAM, Request::TellVersion(version));
}

/// A message with a named property, a recipient and a long attachment.
fn brought(name: &PropertyName) -> Vec<u8> {
    let mut producer = Producer::default();
    let put_all = |properties: Vec<(u16, Value)>, producer: &mut Producer| {
        for (id, value) in properties {
            producer.property(&Property::fixed(id, value)).unwrap();
        }
    };
    put_all(
        vec![
            (0x0037, unicode("Brought")),
            (0x1000, Value::String8("Narrow\r\n".into())),
            // What the message tells by itself is passed over.
            (0x0e08, Value::Integer32(7)),
            (0x4016, Value::Integer32(0x0e12_000d)),
        ],
        &mut producer,
    );
    let mut named = Property::fixed(0x8000, unicode("blue"));
    named.key.name = Some(name.clone());
    producer.property(&named).unwrap();
    producer.marker(Marker::StartRecipient);
    let recipient = vec![
        (0x0c15, Value::Integer32(1)),
        (0x3001, unicode("Otto")),
        (0x3002, unicode("SMTP")),
        (0x3003, unicode("otto@example.test")),
    ];
    put_all(recipient, &mut producer);
    producer.marker(Marker::EndRecipient);
    producer.marker(Marker::NewAttachment);
    let long = vec![0x5a; 150_000];
    let file = vec![
        (0x0e21, Value::Integer32(0)),
        (0x3705, Value::Integer32(1)),
        (0x3707, unicode("long.bin")),
        (0x3701, binary(&long)),
    ];
    put_all(file, &mut producer);
    producer.marker(Marker::EndAttachment);
    producer.take(usize::MAX)
}

#[test]
fn what_comes_into_an_open_message_is_kept_when_that_is_saved() {
    let (house, user, mut client) = ida();
    let inbox = client.special(4);
    client.create_message(inbox, false, TO);
    configure(&mut client, 1);
    let name = PropertyName {
        set: Guid([7; 16]),
        kind: NameKind::Text("colour".to_owned()),
    };
    put(&mut client, &brought(&name), 30_000);
    client.save(TO);
    let told = client.properties(TO, &[SUBJECT, BODY, 0x0e04_001f]);
    let texts: Vec<_> = told.iter().map(text).collect();
    assert_eq!(texts, ["Brought", "Narrow\r\n", "Otto"]);
    let open = message::OpenAttachment {
        open_mode: 0,
        attachment: 0,
    };
    client.ask(TO, OTHER, Request::OpenAttachment(open));
    let size = client.properties(OTHER, &[0x0e20_0003]);
    assert_eq!(size[0].outcome, Outcome::Value(Value::Integer32(150_000)));
    let asked = property::PropertyIdsFromNames {
        flags: 0,
        names: vec![name],
    };
    let Response::PropertyIdsFromNames(given) =
        client.ask(LOGON, LOGON, Request::PropertyIdsFromNames(asked))
    else {
        panic!()
    };
    let colour = PropertyTag((u32::from(given.ids[0]) << 16) | 0x1f);
    assert_eq!(text(&client.properties(TO, &[colour.0])[0]), "blue");
    assert_eq!(
        letters(&house.engine.account(&user, 7), &["Inbox"])
            .unwrap()
            .len(),
        1
    );
}

/// A folder at [`FROM`] with one below it, a task and a setting in each.
fn project(client: &mut Client) {
    let top = client.special(3);
    client.open_folder(top, OTHER);
    create_folder(client, OTHER, "Project", FROM);
    client.set(
        FROM,
        &[
            (0x3613_001f, unicode("IPF.Task")),
            (0x3004_001f, unicode("Of ours")),
        ],
    );
    create_folder(client, FROM, "Part", OTHER);
    let setting = |client: &mut Client, folder: u8, subject: &str| {
        let id = client.properties(folder, &[0x6748_0014]);
        let Outcome::Value(Value::Integer64(id)) = id[0].outcome else {
            panic!()
        };
        let id = mapi::identity::number_of_integer(id).unwrap();
        let folder = mapi::identity::folder_id(engine::FolderId(id));
        for is_associated in [true, false] {
            client.create_message(folder, is_associated, TABLE);
            let class = if is_associated {
                "IPM.Configuration.X"
            } else {
                "IPM.Task"
            };
            client.set(
                TABLE,
                &[(CLASS, unicode(class)), (SUBJECT, unicode(subject))],
            );
            client.save(TABLE);
        }
    };
    setting(client, FROM, "above");
    setting(client, OTHER, "below");
}

#[test]
fn a_folder_is_copied_with_those_below_and_their_settings() {
    let (house, user, mut client) = ida();
    folders(&house, &user, &mut client);
    project(&mut client);
    let whole = Request::FastTransferSourceCopyFolder(transfer::SourceCopyFolder {
        copy_flags: 0x10,
        send_options: UNICODE,
    });
    client.ask(FROM, STREAM, whole);
    let stream = all_of(&mut client, 500);
    let of_folder = [
        Marker::StartAssociatedMessage,
        Marker::EndMessage,
        Marker::StartMessage,
        Marker::EndMessage,
    ];
    let mut wanted = vec![Marker::StartTopFolder];
    wanted.extend(of_folder);
    wanted.push(Marker::StartSubFolder);
    wanted.extend(of_folder);
    wanted.extend([Marker::EndFolder, Marker::EndFolder]);
    assert_eq!(markers(&stream), wanted);
    configure(&mut client, 4);
    put(&mut client, &stream, 97);
    client.ask(
        TO,
        TABLE,
        Request::HierarchyTable(folder::OpenTable { flags: 4 }),
    );
    let columns = [NAME, 0x3613_001f, 0x3602_0003, 0x3617_0003].map(PropertyTag);
    let rows = client.rows(TABLE, &columns);
    let row = |row: &Vec<_>| {
        let counts = [
            crate::client::number(&row[2]),
            crate::client::number(&row[3]),
        ];
        (text(&row[0]).to_owned(), text(&row[1]).to_owned(), counts)
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    let task = |name: &str| (name.to_owned(), "IPF.Task".to_owned(), [1, 1]);
    assert_eq!(rows, [task("Part"), task("Project")]);
}

#[test]
fn what_is_no_stream_is_refused_and_nothing_more_is_taken() {
    let (house, user, mut client) = ida();
    let id = folders(&house, &user, &mut client);
    let bytes = |marker: Marker| marker.number().to_le_bytes().to_vec();
    configure(&mut client, 3);
    assert_eq!(refused(&mut client, &bytes(Marker::EndMessage)), CORRUPT);
    // Not even what would be right by itself.
    let whole = [bytes(Marker::StartMessage), bytes(Marker::EndMessage)].concat();
    assert_eq!(refused(&mut client, &whole), CORRUPT);
    assert_eq!(client.messages(TO, 0, TABLE), []);
    configure(&mut client, 3);
    put(&mut client, &whole, 3);
    assert_eq!(client.messages(TO, 0, TABLE).len(), 1);
    // A value that says to be longer than there is room for.
    configure(&mut client, 3);
    let mut endless = bytes(Marker::StartMessage);
    endless.extend([0x02, 0x01, 0x01, 0x37, 0xff, 0xff, 0xff, 0x7f, 0]);
    assert_eq!(refused(&mut client, &endless), 0x8004_0305);
    // Words of a synchronisation have no place here.
    configure(&mut client, 4);
    assert_eq!(refused(&mut client, &bytes(Marker::StateBegin)), CORRUPT);
    let invalid = Request::FastTransferDestinationConfigure(transfer::DestinationConfigure {
        source_operation: 9,
        copy_flags: 0,
    });
    assert_eq!(client.code(TO, STREAM, invalid), 0x8007_0057);
    let unknown = Request::FastTransferSourceCopyMessages(transfer::SourceCopyMessages {
        messages: vec![id],
        copy_flags: 0x80,
        send_options: UNICODE,
    });
    assert_eq!(client.code(FROM, STREAM, unknown), 0x8007_0057);
    assert_eq!(
        client.code(
            FROM,
            STREAM,
            Request::SynchronizationGetTransferState(Nothing)
        ),
        0x8004_0102
    );
}
