//! Answers in several buffers, for who reads much at once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, deliver, house, number};
use engine::Flags;
use mapi::codec::data::{ObjectId, PropertyTag};
use mapi::codec::rop::folder::OpenTable;
use mapi::codec::rop::stream::{OpenStream, ReadSize, ReadStream};
use mapi::codec::rop::{Call, Reply, Request, Response, message, table};
use mapi::codec::transport::header::ClientVersion;
use mapi::codec::wire::Nothing;

const COLUMNS: [PropertyTag; 2] = [PropertyTag(0x674a_0014), PropertyTag(0x3fd9_001f)];
const BODY: PropertyTag = PropertyTag(0x1000_001f);
/// The most that a client may ask for, and what it asks for that wants one buffer only.
const MOST: u32 = 0x4_0000;
const ONE: u32 = 0x8008;
const PACKED: u8 = 2;
const FOLDER: u8 = 1;
const OBJECT: u8 = 2;
const STREAM: u8 = 3;

fn call(input: u8, request: Request) -> Call {
    Call {
        logon_id: 0,
        input,
        target: input,
        request,
    }
}

fn query(flags: u8, row_count: u16) -> Call {
    let request = table::QueryRows {
        flags,
        is_forward: true,
        row_count,
    };
    call(OBJECT, Request::QueryRows(request))
}

/// An open table of so many letters with long texts.
fn table_of(count: usize) -> Client {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    for _ in 0..count {
        let text = "words ".repeat(40);
        let letter = format!("From: a@b.test\r\nSubject: x\r\n\r\n{text}\r\n");
        deliver(&house, &user, letter.as_bytes(), Flags::NONE);
    }
    let mut client = Client::new(&house, &user, &user);
    let inbox = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(inbox, FOLDER);
    client.ask(
        FOLDER,
        OBJECT,
        Request::ContentsTable(OpenTable { flags: 0x50 }),
    );
    let columns = COLUMNS.to_vec();
    let chosen = table::SetColumns { flags: 0, columns };
    client.ask(OBJECT, OBJECT, Request::SetColumns(chosen));
    client
}

/// The numbers of the rows in each buffer.
fn rows(buffers: &[Vec<Reply>]) -> Vec<Vec<i64>> {
    let each = buffers.iter().map(|replies| match replies.last() {
        Some(Reply::Said {
            response: Response::QueryRows(told),
            ..
        }) => told.rows.iter().map(|row| number(&row.0[0])).collect(),
        other => panic!("{other:?}"),
    });
    each.collect()
}

#[test]
fn rows_go_on_in_further_buffers_until_all_are_told() {
    let mut client = table_of(300);
    let buffers = rows(&client.send_for_chain(&[query(PACKED, 1000)], MOST, &COLUMNS));
    assert!(buffers.len() > 2, "{}", buffers.len());
    let mut all = buffers.concat();
    assert_eq!(all.len(), 300);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 300, "each is told once");
}

#[test]
fn no_more_rows_are_told_than_were_asked_for() {
    let mut client = table_of(300);
    let buffers = rows(&client.send_for_chain(&[query(PACKED, 100)], MOST, &COLUMNS));
    assert_eq!(buffers.concat().len(), 100);
}

#[test]
fn one_buffer_comes_to_who_wants_no_more() {
    let mut client = table_of(300);
    for (request, max) in [(query(0, 1000), MOST), (query(PACKED, 1000), ONE)] {
        let buffers = client.send_for_chain(&[request], max, &COLUMNS);
        assert_eq!(buffers.len(), 1);
    }
    // Only the last operation goes on.
    let position = call(OBJECT, Request::QueryPosition(Nothing));
    let calls = [query(PACKED, 120), position];
    assert_eq!(client.send_for_chain(&calls, MOST, &COLUMNS).len(), 1);
}

/// A client with an open stream of a long text.
fn streaming() -> (Client, usize) {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    let text = "0123456789\r\n".repeat(4000);
    let letter = format!("From: a@b.test\r\nSubject: x\r\n\r\n{text}");
    deliver(&house, &user, letter.as_bytes(), Flags::NONE);
    let mut client = Client::new(&house, &user, &user);
    let folder = client.logon.as_ref().unwrap().folders[4];
    client.open_folder(folder, FOLDER);
    client.ask(
        FOLDER,
        OBJECT,
        Request::ContentsTable(OpenTable { flags: 0x50 }),
    );
    let id = number(&client.rows(OBJECT, &COLUMNS)[0][0]);
    let id: ObjectId =
        mapi::codec::wire::decode(&id.to_le_bytes(), mapi::codec::wire::Form::Rop).unwrap();
    let open = message::OpenMessage {
        code_page: 0x0fff,
        folder,
        open_mode: 0,
        message: id,
    };
    client.ask(0, OBJECT, Request::OpenMessage(open));
    let open = OpenStream {
        tag: BODY,
        open_mode: 0,
    };
    client.ask(OBJECT, STREAM, Request::OpenStream(open));
    (client, 2 * text.len())
}

fn read(client: &mut Client, size: u32) -> Vec<usize> {
    let byte_count = ReadSize::Long(size);
    let request = Request::ReadStream(ReadStream { byte_count });
    let buffers = client.send_for_chain(&[call(STREAM, request)], MOST, &[]);
    let each = buffers.iter().map(|replies| match replies.as_slice() {
        [
            Reply::Said {
                response: Response::ReadStream(told),
                ..
            },
        ] => told.data.len(),
        other => panic!("{other:?}"),
    });
    each.collect()
}

#[test]
fn a_stream_goes_on_in_further_buffers() {
    let (mut client, size) = streaming();
    let pieces = read(&mut client, 50_000);
    assert_eq!(pieces.iter().sum::<usize>(), 50_000, "no more than that");
    let rest = read(&mut client, 0x4_0000);
    assert_eq!(rest.iter().sum::<usize>(), size - 50_000);
    assert!(rest.len() > 1);
}

#[test]
fn a_client_that_misreads_long_streams_gets_one_piece() {
    let (client, size) = streaming();
    let old = ClientVersion([16, 0, 5332, 1000]);
    let mut client = Client {
        session: client.session.with_client(Some(old)),
        ..client
    };
    let pieces = read(&mut client, 0x4_0000);
    assert_eq!(pieces.len(), 1);
    assert!(pieces[0] < size);
}
