//! The address book: an example of every request and response, written by the specification's
//! tables, and the reference's worked exchange.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use bytes::Bytes;
use mapi::codec::data::{Cell, PropertyRow, PropertyTag, Value};
use mapi::codec::nspi::{ColumnsAndRows, Request, Response, Stat, request, response};
use mapi::codec::transport::body::Answer;
use mapi::codec::transport::header::{Endpoint, RequestType};
use std::collections::HashSet;

const STAT: &str = "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
                    E4 04 00 00 09 04 00 00 09 04 00 00";

fn stat() -> Stat {
    Stat {
        code_page: 1252,
        template_locale: 0x409,
        sort_locale: 0x409,
        ..Stat::default()
    }
}

fn bytes(notation: &str) -> Vec<u8> {
    crate::notation::bytes(&notation.replace("STAT", STAT))
}

/// Kind, mark and bytes of each example.
fn examples() -> Vec<(RequestType, char, Vec<u8>)> {
    let mut kind = None;
    let mut all = Vec::new();
    for line in include_str!("examples/nspi.txt").lines() {
        match line.chars().next() {
            Some(mark @ ('>' | '<')) => all.push((kind.unwrap(), mark, bytes(&line[1..]))),
            Some('%') | None => {}
            Some(_) => kind = RequestType::at(Endpoint::AddressBook, line),
        }
    }
    all
}

/// All that have a body.
fn kinds() -> HashSet<RequestType> {
    let served = RequestType::ALL
        .iter()
        .filter(|kind| **kind != RequestType::Ping && kind.is_served_at(Endpoint::AddressBook));
    served.copied().collect()
}

#[test]
fn every_request_is_read_and_written() {
    let mut seen = HashSet::new();
    for (kind, _, bytes) in examples().into_iter().filter(|(_, mark, _)| *mark == '>') {
        let request = Request::read(kind, &bytes).unwrap_or_else(|e| panic!("{kind:?}: {e:?}"));
        assert_eq!(request.kind(), kind);
        assert_eq!(request.write().unwrap(), bytes, "{request:?}");
        for size in 0..bytes.len() {
            assert!(
                Request::read(kind, &bytes[..size]).is_err(),
                "{kind:?} cut at {size}"
            );
        }
        seen.insert(kind);
    }
    assert_eq!(seen, kinds());
}

#[test]
fn every_response_is_read_and_written() {
    let mut seen = HashSet::new();
    for (kind, _, bytes) in examples().into_iter().filter(|(_, mark, _)| *mark == '<') {
        let response = Response::read(kind, &bytes).unwrap_or_else(|e| panic!("{kind:?}: {e:?}"));
        assert_eq!(response.write().unwrap(), bytes, "{response:?}");
        seen.insert(kind);
    }
    assert_eq!(seen, kinds());
}

const NAME: PropertyTag = PropertyTag(0x3001_001f);
const SMTP_ADDRESS: PropertyTag = PropertyTag(0x39fe_001f);

#[test]
fn a_request_for_rows_of_the_whole_address_book() {
    let request = Request::QueryRows(request::QueryRows {
        flags: 0,
        stat: Some(stat()),
        explicit_table: vec![],
        row_count: 2,
        columns: Some(vec![NAME, SMTP_ADDRESS]),
        auxiliary: Bytes::new(),
    });
    let expected = bytes(
        "00 00 00 00 | FF | STAT | 00 00 00 00 | 02 00 00 00 |
         FF | 02 00 00 00 1F 00 01 30 1F 00 FE 39 | 00 00 00 00",
    );
    assert_eq!(expected.len(), 66);
    assert_eq!(request.write().unwrap(), expected);
    assert_eq!(
        Request::read(RequestType::QueryRows, &expected),
        Ok(request)
    );
}

#[test]
fn a_response_with_one_row_of_it() {
    let text = |text: &str| Cell::value(Value::Unicode(text.to_owned()));
    let response = Response::QueryRows(Answer::Said(response::QueryRows {
        error_code: 0,
        stat: Some(Stat {
            current_record: 0x12,
            numerical_position: 1,
            total_records: 2,
            ..stat()
        }),
        rows: Some(ColumnsAndRows {
            columns: vec![NAME, SMTP_ADDRESS],
            rows: vec![PropertyRow(vec![text("Bob"), text("bob@example.org")])],
        }),
        auxiliary: Bytes::new(),
    }));
    let expected = bytes(
        r#"00 00 00 00 00 00 00 00 | FF | 00 00 00 00 00 00 00 00 12 00 00 00 00 00 00 00
           01 00 00 00 02 00 00 00 E4 04 00 00 09 04 00 00 09 04 00 00 |
           FF | 02 00 00 00 1F 00 01 30 1F 00 FE 39 | 01 00 00 00 | 00 |
           FF u"Bob" | FF u"bob@example.org" | 00 00 00 00"#,
    );
    assert_eq!(expected.len(), 109);
    assert_eq!(response.write().unwrap(), expected);
    assert_eq!(
        Response::read(RequestType::QueryRows, &expected),
        Ok(response)
    );
}
