//! Operations: an example of every request and response, written by the specification's tables,
//! and the reference's worked buffers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::notation::bytes;
use mapi::codec::data::*;
use mapi::codec::rop::buffer::{self, NO_HANDLE};
use mapi::codec::rop::*;
use mapi::codec::wire::{Form, Malformed, Nothing, String8, decode, encode};
use std::collections::BTreeSet;

/// What stands in a line of the examples.
enum Example {
    Request(Vec<u8>),
    Response(Vec<u8>, Vec<PropertyTag>),
}

fn examples() -> Vec<Example> {
    let mut columns = Vec::new();
    let mut all = Vec::new();
    for line in include_str!("examples/rops.txt").lines() {
        let rest = line.get(1..).unwrap_or_default();
        match line.chars().next() {
            Some('>') => all.push(Example::Request(bytes(rest))),
            Some('<') => all.push(Example::Response(bytes(rest), columns.clone())),
            Some('=') => {
                let tag = |hex| PropertyTag(u32::from_str_radix(hex, 16).unwrap());
                columns = rest.split_whitespace().map(tag).collect();
            }
            _ => columns.clear(),
        }
    }
    all
}

#[test]
fn every_request_is_read_and_written() {
    let mut seen = BTreeSet::new();
    for example in examples() {
        let Example::Request(bytes) = example else {
            continue;
        };
        let call: Call =
            decode(&bytes, Form::Rop).unwrap_or_else(|e| panic!("{bytes:02X?}: {e:?}"));
        assert_eq!(encode(&call, Form::Rop).unwrap(), bytes, "{call:?}");
        for size in 0..bytes.len() {
            let cut = decode::<Call>(&bytes[..size], Form::Rop);
            assert!(cut.is_err(), "{call:?} cut at {size}");
        }
        seen.insert(call.request.number());
    }
    assert_eq!(seen, Request::NUMBERS.iter().copied().collect());
}

#[test]
fn every_response_is_read_and_written() {
    let mut seen = BTreeSet::new();
    for example in examples() {
        let Example::Response(bytes, columns) = example else {
            continue;
        };
        let read = |bytes: &[u8]| buffer::read_replies(bytes, &mut |_, _| columns.clone());
        let replies = read(&bytes).unwrap_or_else(|error| panic!("{bytes:02X?}: {error:?}"));
        assert_eq!(replies.len(), 1, "{replies:?}");
        assert_eq!(
            buffer::write_replies(&replies).unwrap(),
            bytes,
            "{replies:?}"
        );
        let is_open_ended = matches!(replies[0], Reply::BufferTooSmall { .. });
        for size in (1..bytes.len()).filter(|_| !is_open_ended) {
            assert!(read(&bytes[..size]).is_err(), "{replies:?} cut at {size}");
        }
        if let Reply::Said { response, .. } = &replies[0] {
            seen.insert(response.number());
        }
    }
    // Release is not answered, and the status of a message is told like a change of it.
    let answered = Request::NUMBERS
        .iter()
        .filter(|number| ![0x01, 0x1f].contains(*number));
    assert_eq!(seen, answered.copied().collect());
}

fn id(counter: u64) -> ObjectId {
    ObjectId {
        replica: 1,
        counter: GlobalCounter::new(counter).unwrap(),
    }
}

fn call(input: u8, target: u8, request: Request) -> Call {
    Call {
        logon_id: 0,
        input,
        target,
        request,
    }
}

const MESSAGE_ID: PropertyTag = PropertyTag(0x674a_0014);
const SUBJECT: PropertyTag = PropertyTag(0x0037_001f);
const DELIVERY_TIME: PropertyTag = PropertyTag(0x0e06_0040);
const COLUMNS: [PropertyTag; 3] = [MESSAGE_ID, SUBJECT, DELIVERY_TIME];

fn read_a_folder() -> Vec<Call> {
    vec![
        call(
            0,
            1,
            Request::OpenFolder(folder::OpenFolder {
                folder: id(0x0d),
                open_mode: 0,
            }),
        ),
        call(
            1,
            2,
            Request::ContentsTable(folder::OpenTable { flags: 0x40 }),
        ),
        call(
            2,
            2,
            Request::SetColumns(table::SetColumns {
                flags: 0,
                columns: COLUMNS.to_vec(),
            }),
        ),
        call(
            2,
            2,
            Request::SortTable(table::SortTable {
                flags: 0,
                orders: SortOrderSet {
                    category_count: 0,
                    expanded_count: 0,
                    orders: vec![SortOrder {
                        tag: DELIVERY_TIME,
                        order: 1,
                    }],
                },
            }),
        ),
        call(
            2,
            2,
            Request::QueryRows(table::QueryRows {
                flags: 0,
                is_forward: true,
                row_count: 50,
            }),
        ),
        call(2, 2, Request::Release(Nothing)),
    ]
}

#[test]
fn a_buffer_opens_a_folder_and_reads_it() {
    let expected = bytes(
        "3F 00
         02 00 00 01  01 00 00 00 00 00 00 0D  00
         05 00 01 02 40
         12 00 02 00 03 00  14 00 4A 67  1F 00 37 00  40 00 06 0E
         13 00 02 00 01 00 00 00 00 00  40 00 06 0E 01
         15 00 02 00 01 32 00
         01 00 02
         01 00 00 00  FF FF FF FF  FF FF FF FF",
    );
    let list = buffer::write_calls(&read_a_folder()).unwrap();
    let handles = [1, NO_HANDLE, NO_HANDLE];
    assert_eq!(buffer::join(&list, &handles).unwrap(), expected);
    let (list, handles) = buffer::split(&expected).unwrap();
    assert_eq!(handles, [1, NO_HANDLE, NO_HANDLE]);
    let placed = buffer::read_calls(list).unwrap();
    let starts: Vec<usize> = placed.iter().map(|placed| placed.start).collect();
    assert_eq!(starts, [0, 13, 18, 36, 51, 58]);
    let calls: Vec<Call> = placed.into_iter().map(|placed| placed.call).collect();
    assert_eq!(calls, read_a_folder());
    assert!(!calls[5].is_answered());
}

#[test]
fn a_buffer_answers_with_the_rows_of_a_folder() {
    let expected = bytes(
        r#"48 00
         02 01 00 00 00 00 00 00
         05 02 00 00 00 00  01 00 00 00
         12 02 00 00 00 00 00
         13 02 00 00 00 00 00
         15 02 00 00 00 00  02 01 00
            00  01 00 00 00 00 01 00 25  u"Hello"  00 40 2C 6A 07 71 DD 01
         01 00 00 00  07 00 00 00  FF FF FF FF"#,
    );
    let said = |handle, response| Reply::Said {
        handle,
        code: 0,
        response,
    };
    let done = || table::TableStatus { table_status: 0 };
    let row = PropertyRow(vec![
        Cell::value(Value::Integer64(0x2500_0100_0000_0001)),
        Cell::value(Value::Unicode("Hello".to_owned())),
        Cell::value(Value::Time(FileTime(0x01dd_7107_6a2c_4000))),
    ]);
    let replies = [
        said(
            1,
            Response::OpenFolder(folder::FolderOpened {
                has_rules: false,
                ghost: logon::Ghost { servers: None },
            }),
        ),
        said(
            2,
            Response::ContentsTable(folder::RowCount { row_count: 1 }),
        ),
        said(2, Response::SetColumns(done())),
        said(2, Response::SortTable(done())),
        said(
            2,
            Response::QueryRows(table::Rows {
                origin: 2,
                rows: vec![row],
            }),
        ),
    ];
    let list = buffer::write_replies(&replies).unwrap();
    assert_eq!(buffer::join(&list, &[1, 7, NO_HANDLE]).unwrap(), expected);
    let (list, _) = buffer::split(&expected).unwrap();
    let mut columns = |number, _| match number {
        0x15 => COLUMNS.to_vec(),
        _ => Vec::new(),
    };
    assert_eq!(buffer::read_replies(list, &mut columns).unwrap(), replies);
}

#[test]
fn a_draft_is_made_in_one_buffer() {
    let text = |tag, text: &str| TaggedValue::new(PropertyTag(tag), Value::Unicode(text.into()));
    let calls = [
        call(
            0,
            1,
            Request::CreateMessage(message::CreateMessage {
                code_page: 0x0fff,
                folder: id(0x0e),
                is_associated: false,
            }),
        ),
        call(
            1,
            1,
            Request::SetProperties(property::SetProperties {
                values: property::Properties {
                    values: vec![text(0x001a_001f, "IPM.Note"), text(0x0037_001f, "Hi")],
                },
            }),
        ),
        call(
            1,
            2,
            Request::SaveChangesMessage(message::SaveChanges { flags: 0x0a }),
        ),
    ];
    let expected = bytes(
        "06 00 00 01 FF 0F  01 00 00 00 00 00 00 0E  00
         0A 00 01  22 00  02 00
           1F 00 1A 00  49 00 50 00 4D 00 2E 00 4E 00 6F 00 74 00 65 00 00 00
           1F 00 37 00  48 00 69 00 00 00
         0C 00 02 01 0A",
    );
    assert_eq!(buffer::write_calls(&calls).unwrap(), expected);
    let read = buffer::read_calls(&expected).unwrap();
    let read: Vec<Call> = read.into_iter().map(|placed| placed.call).collect();
    assert_eq!(read, calls);
}

#[test]
fn a_logon_names_its_mailbox() {
    let name =
        "/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=alice";
    let logon = call(
        0,
        0,
        Request::Logon(logon::Logon {
            logon_flags: 1,
            open_flags: 0x0100_040c,
            store_state: 0,
            name: Some(String8::from(name)),
        }),
    );
    let expected = bytes(&format!(
        r#"FE 00 00 01 0C 04 00 01 00 00 00 00 55 00 "{name}" 00"#
    ));
    assert_eq!(buffer::write_calls(&[logon]).unwrap(), expected);
}

#[test]
fn an_answer_names_the_handle_that_its_operation_names() {
    let index = |bytes_of_call: &str| {
        let call: Call = decode(&bytes(bytes_of_call), Form::Rop).unwrap();
        (call.answer_number(), call.answer_index())
    };
    assert_eq!(index("05 00 01 02 40"), (0x05, 2));
    assert_eq!(index("33 00 01 02 00 00 00 01"), (0x33, 1));
    assert_eq!(index("0C 00 02 01 0A"), (0x0c, 2));
    assert_eq!(index("1F 00 03 01 00 00 00 00 01 00 25"), (0x20, 3));
}

#[test]
fn a_buffer_that_lies_about_its_list_is_refused() {
    for lie in ["", "01 00", "05 00 01 00", "02 00 01 00 00", "00 00"] {
        assert!(buffer::split(&bytes(lie)).is_err(), "{lie}");
    }
    let most = [bytes("02 00"), vec![0; 4 * buffer::HANDLES_MAX]].concat();
    assert!(buffer::split(&most).is_ok());
    assert_eq!(
        buffer::split(&[most, vec![0; 4]].concat()),
        Err(Malformed::Length)
    );
    assert_eq!(buffer::split(&bytes("02 00")), Ok((&[][..], vec![])));
}

#[test]
fn an_operation_that_nobody_knows_makes_the_list_unreadable() {
    assert_eq!(
        buffer::read_calls(&bytes("00 00 00")),
        Err(Malformed::Unknown(0))
    );
    let many = bytes("01 00 00").repeat(buffer::CALLS_MAX + 1);
    assert_eq!(buffer::read_calls(&many), Err(Malformed::Budget));
}
