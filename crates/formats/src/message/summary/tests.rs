use super::*;
use crate::message::{PartKind, Summary};
use proptest::prelude::*;

const LETTER: &[u8] = b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\n\
From: John <j@a.test>\r\n\
To: A Group:Ed <e@b.test>;, c@d.test\r\n\
Subject: Hello\r\n\
Message-ID: <1@a.test>\r\n\
References: <0@a.test>\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\
Content-Language: en, de\r\n\
\r\n\
--b\r\n\
\r\n\
Hello there\r\n\
--b\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
Subject: inside\r\n\
Content-Type: multipart/mixed; boundary=c\r\n\
\r\n\
--c\r\n\
\r\n\
one\r\n\
--c\r\n\
Content-Type: image/png; name*=utf-8''gr%C3%BCn.png\r\n\
Content-ID: <2@a.test>\r\n\
Content-Disposition: attachment; filename=x.png\r\n\
\r\n\
two\r\n\
--c--\r\n\
--b\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
Subject: single\r\n\
\r\n\
three\r\n\
--b--\r\n";

#[test]
fn what_is_written_is_read_back() {
    let encoded = Summary::of(LETTER).encode();
    let summary = SummaryRef::new(&encoded).unwrap();
    assert!(!summary.is_truncated() && summary.has_attachment());
    assert_eq!(summary.size(), u64::try_from(LETTER.len()).unwrap());
    assert_eq!(summary.preview(), "Hello there");
    assert_eq!(summary.sent().unwrap().zone_minutes, -360);
    assert_eq!(summary.references().collect::<Vec<_>>(), [b"0@a.test"]);
    let envelope = summary.envelope();
    assert_eq!(envelope.subject, Some(&b"Hello"[..]));
    assert_eq!(envelope.in_reply_to, None);
    let to: Vec<_> = envelope.to().collect();
    assert_eq!(to[0], EntryRef::GroupStart(b"A Group"));
    assert_eq!(
        to[1],
        EntryRef::Mailbox {
            name: Some(b"Ed"),
            local: b"e",
            domain: b"b.test"
        }
    );
    assert_eq!(to[2], EntryRef::GroupEnd);
    assert_eq!(
        to[3],
        EntryRef::Mailbox {
            name: None,
            local: b"c",
            domain: b"d.test"
        }
    );
    assert!(envelope.sender().is_empty());
    assert_eq!(
        summary.top().unwrap().languages.collect::<Vec<_>>(),
        [b"en", b"de"]
    );
}

#[test]
fn section_numbers_lead_to_parts() {
    let encoded = Summary::of(LETTER).encode();
    let summary = SummaryRef::new(&encoded).unwrap();
    let body = |path: &[u32]| {
        summary.part_at(path).map(|part| {
            let start = usize::try_from(part.body_start).unwrap();
            let end = usize::try_from(part.body_end).unwrap();
            String::from_utf8_lossy(&LETTER[start..end]).into_owned()
        })
    };
    assert_eq!(body(&[1]).as_deref(), Some("Hello there"));
    assert_eq!(summary.part_at(&[2]).unwrap().kind, PartKind::Message);
    assert_eq!(body(&[2, 1]).as_deref(), Some("one"));
    assert_eq!(body(&[2, 2]).as_deref(), Some("two"));
    assert_eq!(body(&[3, 1]).as_deref(), Some("three"));
    for missing in [&[0][..], &[4], &[1, 1], &[2, 3], &[3, 2], &[3, 1, 1]] {
        assert_eq!(body(missing), None, "{missing:?}");
    }
    let single = Summary::of(b"\r\nx").encode();
    let single = SummaryRef::new(&single).unwrap();
    assert!(single.part_at(&[1]).is_some() && single.part_at(&[2]).is_none());
    assert!(single.part_at(&[1, 1]).is_none());
    let picture = summary.part_at(&[2, 2]).unwrap();
    assert_eq!(picture.parameters.text("name").as_deref(), Some("grün.png"));
    let shown = picture.disposition.unwrap();
    assert_eq!(
        (shown.value, shown.parameters.text("filename").as_deref()),
        (&b"attachment"[..], Some("x.png"))
    );
}

/// The largest texts everywhere: each level of cutting must fit or give way to the next.
#[test]
fn a_stored_summary_is_bounded() {
    let long = "y".repeat(5000);
    let address = format!("\"{long}\" <{long}@{long}>, ");
    let fields = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"]
        .map(|name| format!("{name}: {}\r\n", address.repeat(2)));
    let content = format!(
        "Content-Type: image/{0}; {1}\r\nContent-ID: {1}\r\nContent-Description: {1}\r\n\
        Content-Location: {1}\r\n\
         Content-MD5: {1}\r\nContent-Language: {1}, {1}, {1}, {1}\r\n\
         Content-Disposition: {1}; {2}\r\n",
        "z".repeat(120),
        long,
        format!("{long}={long};").repeat(4),
    );
    let subject = format!(
        "Subject: {long}\r\nDate: {long}\r\nReferences: {}\r\n",
        format!("<{long}>").repeat(9)
    );
    let mut letter = format!(
        "{}{subject}Content-Type: multipart/mixed; boundary=b\r\n\r\n",
        fields.concat()
    );
    let enclosed = format!("Content-Type: message/rfc822\r\n\r\n{}", fields.concat());
    let parts = [
        "--b\r\n",
        &content,
        "\r\nx\r\n--b\r\n",
        &enclosed,
        &content,
        "\r\n",
    ]
    .concat();
    letter += &parts.repeat(2);
    let whole = Summary::of(letter.as_bytes());
    let encoded = whole.encode();
    assert!(encoded.len() <= SUMMARY_BYTES_MAX, "{}", encoded.len());
    assert!(SummaryRef::new(&encoded).unwrap().is_truncated());
    let encoded = whole.encode_whole();
    assert!(!SummaryRef::new(&encoded).unwrap().is_truncated());
}

#[test]
fn other_versions_and_damage_are_told() {
    assert_eq!(SummaryRef::new(b"").unwrap_err(), SummaryError::Damaged);
    assert_eq!(
        SummaryRef::new(b"\x02").unwrap_err(),
        SummaryError::Version(2)
    );
    let encoded = Summary::of(LETTER).encode();
    assert_eq!(
        SummaryRef::new(&encoded[..20]).unwrap_err(),
        SummaryError::Damaged
    );
}

/// Reads everything there is.
fn walk(bytes: &[u8]) {
    let Ok(summary) = SummaryRef::new(bytes) else {
        return;
    };
    let envelope = summary.envelope();
    envelope
        .from()
        .chain(envelope.to())
        .chain(envelope.bcc())
        .for_each(drop);
    for part in summary.parts().take(5000) {
        part.parameters.for_each(drop);
        part.languages.for_each(drop);
        let _ = part.envelope.map(|envelope| envelope.cc().count());
    }
    let _ = summary.part_at(&[2, 1, 1]);
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(at in 0_usize..600, value in any::<u8>(), cut in 0_usize..600) {
        let mut encoded = Summary::of(LETTER).encode();
        let at = at % encoded.len();
        encoded[at] = value;
        walk(&encoded);
        walk(&encoded[..cut.min(encoded.len())]);
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 1..300)) {
        bytes[0] = VERSION;
        walk(&bytes);
    }
}
