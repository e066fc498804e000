//! Letters that came by other ways say all that Outlook expects of a message.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, deliver, house, number, text};
use engine::Flags;
use formats::rich_text::{self, packed};
use mapi::codec::data::{Cell, Outcome, PropertyTag, Value};
use mapi::codec::rop::Request;
use mapi::codec::rop::folder::OpenTable;

/// What a letter tells of these properties.
fn told(letter: &[u8], tags: &[u32]) -> Vec<Cell> {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    deliver(&house, &user, letter, Flags(0));
    let mut client = Client::new(&house, &user, &user);
    client.open_first(1, 3);
    client.properties(3, tags)
}

fn document(cell: &Cell) -> Vec<u8> {
    match &cell.outcome {
        Outcome::Value(Value::Binary(bytes)) => packed::unpack(bytes, 1 << 20).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn is_told(cell: &Cell) -> bool {
    matches!(cell.outcome, Outcome::Value(_))
}

#[test]
fn a_plain_text_is_told_as_rich_text_too() {
    let letter = b"From: a@b\r\nImportance: high\r\nSensitivity: Private\r\n\
        Disposition-Notification-To: a@b\r\nThread-Index: AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==\r\n\
        Subject: x\r\n\r\nHello\r\n";
    let tags = [
        0x0017_0003,
        0x0036_0003,
        0x1016_0003,
        0x0029_000b,
        0x0071_0102,
        0x1009_0102,
        0x1013_0102,
        0x001a_001f,
    ];
    let cells = told(letter, &tags);
    assert_eq!([0, 1, 2].map(|at| number(&cells[at])), [2, 2, 1]);
    assert!(is_told(&cells[3]) && is_told(&cells[4]));
    assert_eq!(
        rich_text::text_of(&document(&cells[5]), 100).trim_end(),
        "Hello"
    );
    assert!(!is_told(&cells[6]));
    assert_eq!(text(&cells[7]), "IPM.Note");
}

#[test]
fn html_is_told_as_plain_and_as_rich_text_too() {
    let letter = b"From: a@b\r\nContent-Type: text/html\r\n\r\n<p>One</p><p>two";
    let cells = told(letter, &[0x1000_001f, 0x1009_0102, 0x1016_0003]);
    assert_eq!(text(&cells[0]), "One\r\ntwo");
    let html = rich_text::html_of(&document(&cells[1]), 1000);
    assert!(html.starts_with("<p>One</p><p>two"), "{html}");
    assert_eq!(number(&cells[2]), 3);
}

#[test]
fn a_signed_letter_is_of_a_class_of_its_own() {
    let letter =
        b"From: a@b\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nText\r\n\
        --s\r\nContent-Type: application/pkcs7-signature\r\n\r\nAA\r\n--s--\r\n";
    let cells = told(letter, &[0x001a_001f, 0x1000_001f, 0x0e1b_000b]);
    assert_eq!(text(&cells[0]), "IPM.Note.SMIME.MultipartSigned");
    assert_eq!(text(&cells[1]), "Text");
}

#[test]
fn a_date_before_all_times_is_none() {
    let letter = b"From: a@b\r\nDate: Wed, 05 Jun 0102 18:07:54 +0300\r\n\r\nx\r\n";
    assert!(!is_told(&told(letter, &[0x0039_0040])[0]));
    let letter = b"From: a@b\r\nDate: Wed, 05 Jun 1602 18:07:54 +0300\r\n\r\nx\r\n";
    assert!(is_told(&told(letter, &[0x0039_0040])[0]));
}

/// What an answer says goes before what the store found, and answers by Outlook say it.
#[test]
fn letters_and_their_answers_are_of_one_conversation() {
    const CONVERSATION: [PropertyTag; 2] = [PropertyTag(0x3013_0102), PropertyTag(0x0071_0102)];
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    for fields in [
        "Message-ID: <1@a>\r\nSubject: one",
        "Message-ID: <2@a>\r\nReferences: <1@a>\r\nSubject: Re: one",
        "Message-ID: <3@a>\r\nSubject: other",
        "Message-ID: <4@a>\r\nThread-Index: AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==",
    ] {
        let letter = format!("From: a@b\r\n{fields}\r\n\r\nx\r\n");
        deliver(&house, &user, letter.as_bytes(), Flags(0));
    }
    let mut client = Client::new(&house, &user, &user);
    client.open_first(1, 2);
    client.ask(1, 3, Request::ContentsTable(OpenTable { flags: 0x40 }));
    let rows = client.rows(3, &CONVERSATION);
    let bytes = |cell: &Cell| match &cell.outcome {
        Outcome::Value(Value::Binary(bytes)) => bytes.to_vec(),
        other => panic!("{other:?}"),
    };
    let all: Vec<_> = rows
        .iter()
        .map(|row| (bytes(&row[0]), bytes(&row[1])))
        .collect();
    let [outlook, other, answer, first] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!(first.0, answer.0);
    assert!(first.0 != other.0 && outlook.0 == [1; 16]);
    for (id, index) in &all {
        assert_eq!((index.len(), index[0]), (22, 1));
        assert_eq!(index[6..], *id);
    }
}
