use super::*;
use crate::codec::data::{EntryId, FlatEntryList, OneOffEntryId, Value};
use crate::content::Recipient;
use crate::convert::set;
use formats::message::{Summary, decode, encoded_word};

fn text(text: &str) -> Value {
    Value::Unicode(text.to_owned())
}

fn binary(bytes: &[u8]) -> Value {
    Value::Binary(Bytes::copy_from_slice(bytes))
}

fn recipient(kind: u8, name: &str, address: &str) -> Recipient {
    let values = [
        (0x3001, text(name)),
        (0x3002, text("SMTP")),
        (0x3003, text(address)),
    ];
    Recipient {
        row: 0,
        kind,
        values: values.into(),
    }
}

fn file(name: &str, bytes: &[u8]) -> Attachment {
    let values = [
        (0x3705, Value::Integer32(1)),
        (0x3707, text(name)),
        (0x3701, binary(bytes)),
    ];
    Attachment {
        number: 0,
        values: values.into(),
        embedded: None,
    }
}

fn content<const N: usize>(values: [(u16, Value); N]) -> Content {
    let from = [
        (0x0042, text("Ida Beck")),
        (0x0064, text("SMTP")),
        (0x0065, text("ida@a.example")),
        (
            0x0039,
            Value::Time(FileTime::from_unix(15_000_000_000_000_000)),
        ),
    ];
    Content {
        values: from.into_iter().chain(values).collect(),
        ..Content::default()
    }
}

fn written_with(content: &Content, blind: Blind) -> String {
    let frame = Frame {
        message_id: "<1@a.example>",
        boundary: "b",
        now: FileTime::default(),
        blind,
    };
    let mut bytes = Vec::new();
    let done: Result<(), ()> = letter(content, &frame, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    assert_eq!(done, Ok(()));
    String::from_utf8(bytes).unwrap()
}

fn written(content: &Content) -> String {
    written_with(content, Blind::LeftOut)
}

/// The types of all parts, indented as they lie in one another.
fn shape(letter: &str) -> String {
    let summary = Summary::of(letter.as_bytes());
    let lines = summary.parts.iter().map(|part| {
        let mut depth = 0;
        let mut above = part.parent;
        while let Some(parent) = above {
            (depth, above) = (depth + 1, summary.parts[parent].parent);
        }
        let kind = [part.media_type.as_slice(), b"/", &part.subtype].concat();
        format!("{}{}", " ".repeat(depth), String::from_utf8(kind).unwrap())
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The decoded content of the part at this index.
fn part(letter: &str, index: usize) -> Vec<u8> {
    let summary = Summary::of(letter.as_bytes());
    let part = &summary.parts[index];
    let [start, end] = [part.body_start, part.body_end].map(|at| usize::try_from(at).unwrap());
    decode::all(
        decode::Encoding::named(part.encoding.as_deref()),
        &letter.as_bytes()[start..end],
    )
}

fn field(letter: &str, name: &str) -> Option<String> {
    let field = fields::find(letter.as_bytes(), name);
    field.map(|field| encoded_word::decode(field.value))
}

#[test]
fn a_message_of_one_text_is_one_part() {
    let mut message = content([(0x0037, text("Grüße")), (0x1000, text("Hello\r\n"))]);
    message.recipients = vec![recipient(1, "Bo", "bo@b.example")];
    let letter = written(&message);
    assert!(letter.starts_with("Date: Fri, 14 Jul 2017 02:40:00 +0000\r\n"));
    let behind_date = letter.split_once("\r\n").unwrap().1;
    assert_eq!(
        behind_date,
        "From: Ida Beck <ida@a.example>\r\n\
         To: Bo <bo@b.example>\r\n\
         Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\
         Message-ID: <1@a.example>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=us-ascii\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         \r\n\
         Hello\r\n"
    );
}

#[test]
fn texts_pictures_and_files_lie_in_one_another() {
    let mut message = content([
        (0x1000, text("x")),
        (0x1013, binary(b"<p><img src=\"cid:pic@x\"></p>")),
        (0x3fde, Value::Integer32(1252)),
    ]);
    let mut picture = file("pic.png", b"\x89PNG");
    picture.values.insert(0x3712, text("pic@x"));
    picture.values.insert(0x370e, text("image/png"));
    message.attachments = vec![file("Grüße.bin", &[0; 100]), picture];
    let letter = written(&message);
    assert_eq!(
        shape(&letter),
        "multipart/mixed\n multipart/related\n  multipart/alternative\n   text/plain\n   \
         text/html\n  image/png\n application/octet-stream"
    );
    assert_eq!(part(&letter, 5), b"\x89PNG");
    assert_eq!(part(&letter, 6), [0; 100]);
    assert!(letter.contains("charset=windows-1252"));
    assert!(letter.contains("Content-ID: <pic@x>\r\n"));
    assert!(letter.contains("filename*=utf-8''Gr%C3%BC%C3%9Fe.bin"));
}

#[test]
fn messages_within_messages_are_letters_within_letters() {
    let innermost = content([(0x0037, text("third")), (0x1000, text("3"))]);
    let mut inner = content([(0x0037, text("second")), (0x1000, text("2"))]);
    let holding = |inner: Content| Attachment {
        number: 0,
        values: [(0x3705, Value::Integer32(5))].into(),
        embedded: Some(Box::new(inner)),
    };
    inner.attachments = vec![holding(innermost), file("a", b"a")];
    let mut outer = content([(0x1000, text("1"))]);
    outer.attachments = vec![holding(inner), file("b", b"b")];
    let letter = written(&outer);
    assert_eq!(
        shape(&letter),
        "multipart/mixed\n text/plain\n message/rfc822\n  multipart/mixed\n   text/plain\n   \
         message/rfc822\n    text/plain\n   application/octet-stream\n application/octet-stream"
    );
}

#[test]
fn blind_recipients_stand_in_drafts_only() {
    let mut message = content([]);
    message.recipients = vec![recipient(3, "", "secret@b.example")];
    assert!(!written(&message).contains("secret"));
    let draft = written_with(&message, Blind::Kept);
    assert_eq!(field(&draft, "Bcc").as_deref(), Some("secret@b.example"));
}

#[test]
fn marks_become_fields() {
    let reply_to = EntryId::OneOff(OneOffEntryId::smtp("Office", "office@a.example"));
    let list = FlatEntryList(vec![reply_to.to_bytes().into()]);
    let mut message = content([
        (0x0017, Value::Integer32(2)),
        (0x0036, Value::Integer32(2)),
        (0x0029, Value::Boolean(true)),
        (0x0070, text("Topic")),
        (0x0071, binary(&[1; 22])),
        (0x1035, text("<own@a.example>")),
        (0x1039, text("<r1@x> <r2@x>")),
        (0x1042, text("<r2@x>")),
        (0x004f, binary(&list.to_bytes().unwrap())),
        (0x0c1f, text("bo@a.example")),
        (0x0c1e, text("SMTP")),
        (0x3fdf, Value::Integer32(0x12)),
    ]);
    message.named = vec![
        (
            set::keywords(),
            Value::MultipleUnicode(vec!["a".into(), "Grün".into()]),
        ),
        (set::internet_header("X-Own"), text("value")),
        (set::internet_header("Bcc"), text("x@y.example")),
        (set::internet_header("content-type"), text("text/evil")),
        (set::common(set::FLAG_REQUEST), text("Follow up")),
    ];
    let letter = written(&message);
    for (name, wanted) in [
        ("Importance", "high"),
        ("X-Priority", "1"),
        ("Sensitivity", "Private"),
        ("Disposition-Notification-To", "Ida Beck <ida@a.example>"),
        ("Thread-Topic", "Topic"),
        ("Thread-Index", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=="),
        ("Message-ID", "<own@a.example>"),
        ("References", "<r1@x> <r2@x>"),
        ("In-Reply-To", "<r2@x>"),
        ("Reply-To", "Office <office@a.example>"),
        ("Sender", "bo@a.example"),
        ("X-Auto-Response-Suppress", "NDR, OOF"),
        ("Keywords", "a, Grün"),
        ("X-Own", "value"),
        ("X-Message-Flag", "Follow up"),
        ("Content-Type", "text/plain; charset=us-ascii"),
    ] {
        assert_eq!(field(&letter, name).as_deref(), Some(wanted), "{name}");
    }
    assert_eq!(field(&letter, "Bcc"), None);
}

#[test]
fn an_address_that_is_none_of_the_internet_is_encapsulated() {
    let mut message = content([]);
    let mut foreign = recipient(1, "Bo", "/o=X/cn=bo b");
    foreign.values.insert(0x3002, text("EX"));
    message.recipients = vec![foreign];
    let to = field(&written(&message), "To");
    assert_eq!(to.as_deref(), Some("Bo <IMCEAEX-_o=X_cn=bo+20b@a.example>"));
}

#[test]
fn what_is_signed_is_sent_as_it_is() {
    let entity = b"Content-Type: multipart/signed; boundary=s;\r\n\tmicalg=sha-256\r\n\r\n\
        --s\r\n\r\n Text  \r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nAA==\r\n--s--\r\n";
    let mut message = content([(0x001a, text("IPM.Note.SMIME.MultipartSigned"))]);
    message.attachments = vec![file("smime.p7m", entity)];
    let letter = written(&message);
    assert!(letter.as_bytes().ends_with(entity), "{letter}");
    assert_eq!(letter.matches("Content-Type: multipart").count(), 1);

    message.values.insert(0x001a, text("IPM.Note.SMIME"));
    let mut enclosed = file("smime.p7m", b"\x30\x80");
    enclosed.values.insert(
        0x370e,
        text("application/pkcs7-mime;smime-type=enveloped-data;name=smime.p7m"),
    );
    message.attachments = vec![enclosed];
    let letter = written(&message);
    assert_eq!(shape(&letter), "application/pkcs7-mime");
    assert!(letter.contains("smime-type=enveloped-data"));
    assert_eq!(part(&letter, 0), b"\x30\x80");
}

#[test]
fn references_are_sent_where_they_mean_something_to_others() {
    let mut message = content([(0x1000, text("x"))]);
    let reference = |method, place: &str| Attachment {
        number: 0,
        values: [(0x3705, Value::Integer32(method)), (0x370d, text(place))].into(),
        embedded: None,
    };
    message.attachments = vec![
        reference(7, "https://a.example/f"),
        reference(2, "C:\\secret.txt"),
    ];
    let letter = written(&message);
    assert!(letter.contains("message/external-body; access-type=URL;"));
    assert!(letter.contains("https://a.example/f"));
    assert!(!letter.contains("secret"));
}

#[test]
fn an_attachment_may_not_pretend_to_have_parts() {
    let mut message = content([(0x1000, text("x"))]);
    let mut strange = file("a", b"a");
    strange
        .values
        .insert(0x370e, text("multipart/mixed; boundary=x"));
    message.attachments = vec![strange];
    assert!(shape(&written(&message)).ends_with("application/octet-stream"));
}

#[test]
fn a_request_to_meet_stays_among_the_forms_of_the_text() {
    let letter = b"From: ida@a.example\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain\r\n\r\nCome\r\n--b\r\n\
        Content-Type: text/calendar; method=REQUEST; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\n\
        --b--\r\n";
    let letter = written(&crate::convert::read::content(letter));
    assert_eq!(
        shape(&letter),
        "multipart/alternative\n text/plain\n text/calendar"
    );
    assert!(letter.contains("Content-Type: text/calendar; method=REQUEST; charset=utf-8"));
    assert_eq!(part(&letter, 2), b"BEGIN:VCALENDAR");
}

#[test]
fn a_report_stays_a_report() {
    let letter = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
        --b\r\n\r\nFailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; mx\r\n\r\nAction: failed\r\n\r\n--b--\r\n";
    let letter = written(&crate::convert::read::content(letter));
    assert!(letter.contains("report-type=delivery-status"), "{letter}");
    assert_eq!(
        shape(&letter),
        "multipart/report\n text/plain\n message/delivery-status"
    );
    assert!(letter.contains("\r\n\r\nReporting-MTA: dns; mx\r\n\r\nAction: failed\r\n"));
}

fn as_it_came(fields: &str) -> Content {
    crate::convert::read::content(format!("{fields}\r\n\r\nx").as_bytes())
}

#[test]
fn a_field_is_written_as_it_stood() {
    for field in [
        "Date: Fri, 14 Jul 2017 04:40:00 +0200 (CEST)",
        "Date: Wed, 05 Jun 0102 18:07:54 +0300",
        "To: All of us: b@b.example, c@c.example;",
        "Cc: <undisclosed-recipients:@x;>",
        "Reply-To: Office: o@a.example;",
        "X-MSMail-Priority: Normal",
        "Sensitivity: Normal",
        "References: your letter <2@a> of today",
        "Return-Receipt-To: <other@a.example>",
    ] {
        let letter = written(&as_it_came(field));
        assert!(letter.contains(&format!("{field}\r\n")), "{letter}");
    }
    let letter = written(&as_it_came("From: ida@a.example\r\nSender: ida@a.example"));
    assert!(letter.contains("\r\nSender: ida@a.example\r\n"), "{letter}");
}

#[test]
fn what_a_client_changed_is_not_overruled_by_how_it_stood() {
    let changed = |fields: &str, id: u16, value: Value| {
        let mut message = as_it_came(fields);
        message.values.insert(id, value);
        written(&message)
    };
    let letter = changed("X-Priority: 3 (Normal)", 0x0017, Value::Integer32(2));
    assert_eq!(field(&letter, "X-Priority").as_deref(), Some("1"));
    assert_eq!(field(&letter, "Importance").as_deref(), Some("high"));
    let day_one = Value::Time(FileTime::from_unix(0));
    let letter = changed("Date: Fri, 14 Jul 2017 04:40:00 +0200", 0x0039, day_one);
    let date = field(&letter, "Date");
    assert_eq!(date.as_deref(), Some("Thu, 1 Jan 1970 00:00:00 +0000"));
    let letter = changed("Return-Receipt-To: a@x", 0x0023, Value::Boolean(false));
    assert_eq!(field(&letter, "Return-Receipt-To"), None);
    let mut message = as_it_came("To: All of us: b@b.example;");
    message.recipients = vec![recipient(1, "Bo", "bo@b.example")];
    let to = field(&written(&message), "To");
    assert_eq!(to.as_deref(), Some("Bo <bo@b.example>"));
}

#[test]
fn no_field_names_more_authors_than_the_properties_do() {
    let mut message = content([]);
    let said = "Ida Beck <ida@a.example>, bo@a.example";
    message.named = vec![(set::internet_header("from"), text(said))];
    let from = field(&written(&message), "From");
    assert_eq!(from.as_deref(), Some("Ida Beck <ida@a.example>"));
}
