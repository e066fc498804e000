//! What Outlook expects of a letter that came from the Internet: each property, and what of the
//! letter or of its mailbox it comes from.
//!
//! The table in [`EXPECTED`] is the list that the server is held to. Source: [MS-OXCMAIL] 2.2.3
//! (out of MIME), [MS-OXCMSG] 2.2.1, [MS-OXOMSG] 2.2.1, [MS-OXBBODY] 2.1.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, binary, deliver, house, text, unicode};
use engine::Flags;
use mapi::codec::data::{
    AddressBookEntryId, Cell, EntryId, FlatEntryList, OneOffEntryId, Outcome, Value,
};
use mapi::identity;

const LETTER: &str = "Received: from mx\r\nDate: Fri, 14 Jul 2017 04:40:00 +0200\r\n\
    From: Bo Berg <bo@b.example>\r\nSender: Office <office@b.example>\r\n\
    Reply-To: Answers <answers@b.example>\r\nTo: Ida <IDA@example.test>, Team: k@b.example;\r\n\
    Cc: Otto <otto@example.test>\r\nSubject: AW: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\
    Message-ID: <3@b>\r\nReferences: <1@b>\r\n <2@b>\r\nIn-Reply-To: <2@b>\r\n\
    Thread-Topic: Greetings\r\nThread-Index: AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==\r\n\
    Importance: high\r\nPriority: urgent\r\nSensitivity: Private\r\nX-Message-Flag: Call\r\n\
    Reply-By: Fri, 14 Jul 2017 02:40:00 +0000\r\nExpires: Fri, 14 Jul 2017 02:40:00 +0000\r\n\
    Disposition-Notification-To: Bo <receipts@b.example>\r\nReturn-Receipt-To: bo@b.example\r\n\
    X-Auto-Response-Suppress: DR, OOF\r\nContent-Language: de-AT, en\r\n\
    List-Help: <http://h>\r\nList-Subscribe: <http://s>\r\nList-Unsubscribe: <http://u>\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=r\r\n\r\n\
    --r\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n\
    --a\r\nContent-Type: text/plain; charset=iso-8859-2\r\n\r\nZa\u{bf}\r\n\
    --a\r\nContent-Type: text/html; charset=iso-8859-2\r\n\
    Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Za=BF<img src=\"cid:p@b\">\r\n--a--\r\n\
    --r\r\nContent-Type: image/png; name=p.png\r\nContent-ID: <p@b>\r\n\
    Content-Disposition: inline\r\n\r\nPNG\r\n--r--\r\n";

/// 14 July 2017, 02:40 UTC.
fn time() -> Value {
    Value::Time(mapi::codec::data::FileTime::from_unix(
        15_000_000_000_000_000,
    ))
}

fn one_off(name: &str, address: &str) -> Vec<u8> {
    EntryId::OneOff(OneOffEntryId::smtp(name, address)).to_bytes()
}

/// Six properties of someone elsewhere: name, type, address twice, entry id, search key.
fn elsewhere(tags: [u32; 6], name: &str, address: &str) -> Vec<(u32, Value)> {
    let key = format!("SMTP:{}\0", address.to_uppercase());
    let values = [
        unicode(name),
        unicode("SMTP"),
        unicode(address),
        unicode(address),
        binary(&one_off(name, address)),
        binary(key.as_bytes()),
    ];
    tags.into_iter().zip(values).collect()
}

/// The same of the mailbox's owner, who stands in the address book.
fn owner(tags: [u32; 6], name: &str) -> Vec<(u32, Value)> {
    let entry = EntryId::AddressBook(AddressBookEntryId::new(0, name));
    let values = [
        unicode("ida@example.test"),
        unicode("EX"),
        unicode(name),
        unicode("ida@example.test"),
        binary(&entry.to_bytes()),
        binary(format!("EX:{}\0", name.to_uppercase()).as_bytes()),
    ];
    tags.into_iter().zip(values).collect()
}

/// Of the header.
fn of_header() -> Vec<(u32, Value)> {
    let number = Value::Integer32;
    let yes = Value::Boolean(true);
    let reply_to = FlatEntryList(vec![one_off("Answers", "answers@b.example").into()]);
    vec![
        (0x0015_0040, time()),
        (0x0017_0003, number(2)),
        (0x0023_000b, yes.clone()),
        (0x0026_0003, number(1)),
        (0x0029_000b, yes.clone()),
        (0x0030_0040, time()),
        (0x0036_0003, number(2)),
        (0x0037_001f, unicode("AW: Grüße")),
        (0x0039_0040, time()),
        (0x003d_001f, unicode("AW: ")),
        (0x004f_0102, binary(&reply_to.to_bytes().unwrap())),
        (0x0050_001f, unicode("Answers")),
        (0x0070_001f, unicode("Greetings")),
        (0x0071_0102, binary(&[1; 22])),
        (0x0e02_001f, unicode("")),
        (0x0e03_001f, unicode("Otto")),
        (0x0e04_001f, unicode("Ida; k@b.example")),
        (0x0e1d_001f, unicode("Grüße")),
        (0x1035_001f, unicode("<3@b>")),
        (0x1039_001f, unicode("<1@b> <2@b>")),
        (0x1042_001f, unicode("<2@b>")),
        (0x1043_001f, unicode("<http://h>")),
        (0x1044_001f, unicode("<http://s>")),
        (0x1045_001f, unicode("<http://u>")),
        (0x3013_0102, binary(&[1; 16])),
        (0x3016_000b, yes),
        (0x3fdf_0003, number(0x11)),
        (0x3ff1_0003, number(0x0c07)),
    ]
}

/// Of the texts, the parts and the mailbox's row.
fn of_the_rest() -> Vec<(u32, Value)> {
    let number = Value::Integer32;
    let no = Value::Boolean(false);
    vec![
        (0x001a_001f, unicode("IPM.Note")),
        (0x0057_000b, Value::Boolean(true)),
        (0x0058_000b, no.clone()),
        (0x0059_000b, Value::Boolean(true)),
        // Read, as it came, and flagged; the picture is no attachment.
        (0x0e07_0003, number(0x0403)),
        (0x0e17_0003, number(0)),
        (0x0e1b_000b, no.clone()),
        (0x0e1f_000b, no),
        (0x0e69_000b, Value::Boolean(true)),
        (0x0ffe_0003, number(5)),
        (0x1000_001f, unicode("Zaż")),
        (0x1013_0102, binary(b"<p>Za\xbf<img src=\"cid:p@b\">")),
        (0x1016_0003, number(3)),
        (0x1080_0003, number(0x105)),
        (0x1081_0003, number(102)),
        (0x1090_0003, number(2)),
        (0x1095_0003, number(6)),
        (0x3fde_0003, number(28592)),
        (0x3ffd_0003, number(65001)),
    ]
}

#[track_caller]
fn check(cells: &[Cell], expected: &[(u32, Value)]) {
    for (cell, (tag, value)) in cells.iter().zip(expected) {
        assert_eq!(cell.outcome, Outcome::Value(value.clone()), "{tag:08x}");
    }
}

/// The letter, whose plain text is not in UTF-8.
fn letter() -> Vec<u8> {
    LETTER
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect()
}

/// Sender, author, who is to be told, who got it and for whom, each by name, type, addresses, entry id and key.
const SENDER: [u32; 6] = [
    0x0c1a_001f,
    0x0c1e_001f,
    0x0c1f_001f,
    0x5d01_001f,
    0x0c19_0102,
    0x0c1d_0102,
];
const AUTHOR: [u32; 6] = [
    0x0042_001f,
    0x0064_001f,
    0x0065_001f,
    0x5d02_001f,
    0x0041_0102,
    0x003b_0102,
];
const RECEIPT_TO: [u32; 6] = [
    0x402b_001f,
    0x4029_001f,
    0x402a_001f,
    0x5d05_001f,
    0x0046_0102,
    0x0053_0102,
];
const RECEIVED_BY: [u32; 6] = [
    0x0040_001f,
    0x0075_001f,
    0x0076_001f,
    0x5d07_001f,
    0x003f_0102,
    0x0051_0102,
];
const RECEIVED_FOR: [u32; 6] = [
    0x0044_001f,
    0x0077_001f,
    0x0078_001f,
    0x5d08_001f,
    0x0043_0102,
    0x0052_0102,
];
/// What only has to be there: header, times, keys, preview, rich text, sizes, who made it.
const THERE: [u32; 20] = [
    0x007d_001f,
    0x0e06_0040,
    0x0e08_0003,
    0x0e09_0102,
    0x0ff9_0102,
    0x0fff_0102,
    0x1009_0102,
    0x3007_0040,
    0x3008_0040,
    0x300b_0102,
    0x3fd9_001f,
    0x3ff8_001f,
    0x3ffa_001f,
    0x65e0_0102,
    0x65e1_0102,
    0x65e2_0102,
    0x65e3_0102,
    0x6748_0014,
    0x674a_0014,
    0x67a4_0014,
];

#[test]
fn a_letter_that_came_tells_all_that_outlook_expects() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let flags = Flags::SEEN | Flags::ANSWERED | Flags::FLAGGED;
    deliver(&house, &ida, &letter(), flags);
    let mut client = Client::new(&house, &ida, &ida);
    client.open_first(1, 3);
    let name = identity::legacy_name(ida.account);
    let expected = [
        of_header(),
        of_the_rest(),
        elsewhere(SENDER, "Office", "office@b.example"),
        elsewhere(AUTHOR, "Bo Berg", "bo@b.example"),
        elsewhere(RECEIPT_TO, "Bo", "receipts@b.example"),
        owner(RECEIVED_BY, &name),
        owner(RECEIVED_FOR, &name),
    ]
    .concat();
    let tags: Vec<u32> = expected.iter().map(|(tag, _)| *tag).collect();
    check(&client.properties(3, &tags), &expected);
    for (tag, cell) in THERE.iter().zip(client.properties(3, &THERE)) {
        assert!(matches!(cell.outcome, Outcome::Value(_)), "{tag:08x}");
    }
}

#[test]
fn what_one_wrote_oneself_came_from_nobody() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let letter = b"From: ida@example.test\r\nTo: bo@b.example\r\n\r\nx";
    deliver(&house, &ida, letter, Flags::SEEN);
    let mut client = Client::new(&house, &ida, &ida);
    client.open_first(1, 3);
    let cells = client.properties(3, &[0x0040_001f, 0x0076_001f, 0x0057_000b, 0x0059_000b]);
    assert!(!matches!(cells[0].outcome, Outcome::Value(_)));
    assert!(!matches!(cells[1].outcome, Outcome::Value(_)));
    check(
        &cells[2..],
        &[(0x57, Value::Boolean(false)), (0x59, Value::Boolean(false))],
    );
}

#[test]
fn a_code_page_that_a_client_sets_is_that_of_the_html_it_reads() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    deliver(&house, &ida, &letter(), Flags::NONE);
    let mut client = Client::new(&house, &ida, &ida);
    client.open_first(1, 3);
    client.set_property(3, 0x3fde_0003, Value::Integer32(65001));
    client.save(3);
    client.open_first(1, 3);
    let cells = client.properties(3, &[0x1013_0102]);
    let html = "<p>Zaż<img src=\"cid:p@b\">";
    check(&cells, &[(0x1013_0102, binary(html.as_bytes()))]);
}

/// The class of a report with this part for programs.
fn class(kind: &str, part: &str) -> String {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let letter = format!(
        "From: <>\r\nDate: Fri, 14 Jul 2017 04:40:00 +0200\r\nContent-Type: multipart/report;\r\n \
         report-type={kind}; boundary=b\r\n\r\n--b\r\n\r\nFor people\r\n--b\r\n\
         Content-Type: message/{kind}\r\n\r\n{part}\r\n--b--\r\n"
    );
    deliver(&house, &ida, letter.as_bytes(), Flags::NONE);
    let mut client = Client::new(&house, &ida, &ida);
    client.open_first(1, 3);
    let cells = client.properties(3, &[0x001a_001f, 0x0032_0040, 0x1000_001f]);
    check(
        &cells[1..],
        &[(0x0032_0040, time()), (0x1000_001f, unicode("For people"))],
    );
    text(&cells[0]).to_owned()
}

#[test]
fn reports_say_what_became_of_a_letter() {
    let action = |action: &str| {
        let part =
            format!("Reporting-MTA: dns;mx\r\n\r\nFinal-Recipient: rfc822;a@b\r\nAction: {action}");
        class("delivery-status", &part)
    };
    assert_eq!(action("failed"), "REPORT.IPM.Note.NDR");
    assert_eq!(action("delivered"), "REPORT.IPM.Note.DR");
    assert_eq!(action("delayed"), "REPORT.IPM.Note.Delayed.DR");
    let disposition = |kind: &str| {
        let part = format!("Disposition: manual-action/MDN-sent-manually; {kind}");
        class("disposition-notification", &part)
    };
    assert_eq!(disposition("displayed"), "REPORT.IPM.Note.IPNRN");
    assert_eq!(disposition("deleted"), "REPORT.IPM.Note.IPNNRN");
}

/// Every attachment of a letter: what its row must tell.
#[test]
fn attachments_tell_what_they_are_called_and_where_they_are_shown() {
    let letter = b"From: a@b\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
        --m\r\nContent-Type: text/html\r\n\r\n<p>x\r\n\
        --m\r\nContent-Type: application/pdf; name=\"=?utf-8?Q?Gr=C3=BC=C3=9Fe.pdf?=\"\r\n\
        Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf\r\n\
        Content-Location: http://l\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n\
        --m\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\n\
        BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--m--\r\n";
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    deliver(&house, &ida, letter, Flags::NONE);
    let mut client = Client::new(&house, &ida, &ida);
    client.open_first(1, 3);
    let open = |client: &mut Client, attachment| {
        let request = mapi::codec::rop::message::OpenAttachment {
            open_mode: 0,
            attachment,
        };
        client.ask(3, 4, mapi::codec::rop::Request::OpenAttachment(request));
    };
    let tags = [
        0x3707_001f,
        0x3703_001f,
        0x370e_001f,
        0x3713_001f,
        0x3701_0102,
        0x3705_0003,
        0x370b_0003,
        0x7ffe_000b,
        0x3714_0003,
        0x0e21_0003,
        0x0e20_0003,
    ];
    open(&mut client, 0);
    let values = [
        unicode("Grüße.pdf"),
        unicode(".pdf"),
        unicode("application/pdf"),
        unicode("http://l"),
        binary(&[0, 1, 2]),
        Value::Integer32(1),
        Value::Integer32(-1),
        Value::Boolean(false),
        Value::Integer32(0),
        Value::Integer32(0),
        Value::Integer32(3),
    ];
    let expected: Vec<_> = tags.into_iter().zip(values).collect();
    check(&client.properties(4, &tags), &expected);
    // A request to meet stays a part, with the method that makes it one.
    open(&mut client, 1);
    let cells = client.properties(4, &[0x370e_001f]);
    check(
        &cells,
        &[(0x370e, unicode("text/calendar; method=REQUEST"))],
    );
}
