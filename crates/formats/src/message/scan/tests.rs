use super::*;
use crate::message::SummaryRef;
use PartKind::{Leaf, Message, Multipart};
use proptest::prelude::*;

fn scan_in_pieces(message: &[u8], piece: usize) -> Summary {
    let mut scanner = Scanner::new(Limits::default());
    for piece in message.chunks(piece) {
        scanner.push(piece);
    }
    scanner.finish()
}

/// Each part as `parent type/subtype header..body..end lines`.
fn outline(summary: &Summary) -> Vec<String> {
    let line = |part: &Part| {
        format!(
            "{} {}/{} {}..{}..{} {}",
            part.parent
                .map_or("-".to_owned(), |parent| parent.to_string()),
            String::from_utf8_lossy(&part.media_type),
            String::from_utf8_lossy(&part.subtype),
            part.header_start,
            part.body_start,
            part.body_end,
            part.lines,
        )
    };
    summary.parts.iter().map(line).collect()
}

fn body<'a>(message: &'a [u8], part: &Part) -> &'a str {
    let range = usize::try_from(part.body_start).unwrap()..usize::try_from(part.body_end).unwrap();
    str::from_utf8(&message[range]).unwrap()
}

const NESTED: &[u8] = b"From: a@b.test\r\n\
Subject: nested\r\n\
Content-Type: multipart/mixed; boundary=outer\r\n\
\r\n\
preamble\r\n\
--outer\r\n\
Content-Type: multipart/alternative; boundary=\"outer in\"\r\n\
\r\n\
--outer in\r\n\
\r\n\
Hello --outer\r\n\
--outerx\r\n\
--outer in  \r\n\
Content-Type: text/html\r\n\
\r\n\
<p>Hello</p>\r\n\
--outer in--\r\n\
epilogue\r\n\
--outer\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
Subject: inside\r\n\
\r\n\
Inner text\r\n\
\r\n\
--outer\r\n\
Content-Type: image/png; name=x.png\r\n\
--outer--\r\n\
the end\r\n";

#[test]
fn parts_are_found_where_they_are() {
    let summary = Summary::of(NESTED);
    let kinds: Vec<_> = summary.parts.iter().map(|part| part.kind).collect();
    assert_eq!(
        kinds,
        [Multipart, Multipart, Leaf, Leaf, Message, Leaf, Leaf]
    );
    let parents: Vec<_> = summary.parts.iter().map(|part| part.parent).collect();
    assert_eq!(
        parents,
        [None, Some(0), Some(1), Some(1), Some(0), Some(4), Some(0)]
    );
    let bodies: Vec<_> = summary
        .parts
        .iter()
        .map(|part| body(NESTED, part))
        .collect();
    assert_eq!(bodies[2], "Hello --outer\r\n--outerx");
    assert_eq!(bodies[3], "<p>Hello</p>");
    assert_eq!(bodies[4], "Subject: inside\r\n\r\nInner text\r\n");
    assert_eq!(bodies[5], "Inner text\r\n");
    assert_eq!(bodies[6], "");
    assert!(bodies[1].starts_with("--outer in\r\n") && bodies[1].ends_with("--\r\nepilogue"));
    assert!(bodies[0].ends_with("the end\r\n"));
    let lines: Vec<_> = summary.parts.iter().map(|part| part.lines).collect();
    assert_eq!(lines, [25, 9, 1, 0, 3, 1, 0]);
    assert_eq!(summary.lines, 29);
    assert_eq!(summary.size, u64::try_from(NESTED.len()).unwrap());
    let inside = summary.parts[4].envelope.as_ref().unwrap();
    assert_eq!(inside.subject.as_deref(), Some(&b"inside"[..]));
    assert_eq!(summary.preview, "Hello --outer --outerx");
    assert!(summary.has_attachment);
}

#[test]
fn a_letter_without_mime_is_one_text() {
    let summary = Summary::of(b"Subject: x\r\n\r\nOne\r\nTwo");
    assert_eq!(outline(&summary), ["- text/plain 0..14..22 1"]);
    assert_eq!(summary.preview, "One Two");
    assert!(!summary.has_attachment);
    assert_eq!(outline(&Summary::of(b"")), ["- text/plain 0..0..0 0"]);
    assert_eq!(
        outline(&Summary::of(b"Subject: x")),
        ["- text/plain 0..10..10 0"]
    );
    assert_eq!(outline(&Summary::of(b"\n\n")), ["- text/plain 0..1..2 1"]);
}

#[test]
fn line_feeds_alone_end_lines_too() {
    let message = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\ntwo\n--b--";
    let summary = Summary::of(message);
    assert_eq!(body(message, &summary.parts[1]), "one\ntwo");
    assert_eq!(summary.parts[1].lines, 1);
}

#[test]
fn a_multipart_whose_boundary_never_comes_is_text() {
    for message in [
        &b"Content-Type: multipart/mixed; boundary=b\r\n\r\nHello\r\n"[..],
        b"Content-Type: multipart/mixed\r\n\r\nHello\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\nHello\r\n--b--\r\n",
    ] {
        let summary = Summary::of(message);
        assert_eq!(summary.parts.len(), 1);
        assert!(
            outline(&summary)[0].starts_with("- text/plain"),
            "{:?}",
            outline(&summary)
        );
    }
}

#[test]
fn parts_of_a_digest_are_letters() {
    let message = b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n\
    Subject: 1\r\n\r\nx\r\n--b\r\nContent-Type: text/plain\r\n\r\ny\r\n--b--\r\n";
    let summary = Summary::of(message);
    let kinds: Vec<_> = summary.parts.iter().map(|part| part.kind).collect();
    assert_eq!(kinds, [Multipart, Message, Leaf, Leaf]);
    assert!(!summary.has_attachment);
}

#[test]
fn an_unclosed_part_ends_with_its_parent() {
    let message = b"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n\
    Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--o\r\n\r\ny\r\n--o--\r\n";
    let summary = Summary::of(message);
    assert_eq!(summary.parts.len(), 4);
    assert_eq!(body(message, &summary.parts[2]), "x");
    assert_eq!(body(message, &summary.parts[3]), "y");
}

#[test]
fn envelope_and_references_are_read() {
    let summary = Summary::of(
        b"Date: Fri, 21 Nov 1997 09:55:06 -0600\r\nFrom: J <j@a.test>\r\nTo: a@b.test\r\n\
        To: c@d.test\r\n\
          Subject: =?utf-8?Q?gr=C3=BCn?=\r\n folded\r\nMessage-ID: <1@a.test>\r\n\
          References: <x@a>\r\n <y@a>\r\nSubject: second\r\n\r\n",
    );
    let envelope = &summary.envelope;
    assert_eq!(
        envelope.subject.as_deref(),
        Some(&b"=?utf-8?Q?gr=C3=BCn?= folded"[..])
    );
    assert_eq!(envelope.to.len(), 2);
    assert_eq!(envelope.message_id.as_deref(), Some(&b"<1@a.test>"[..]));
    assert_eq!(summary.references, [b"x@a".to_vec(), b"y@a".to_vec()]);
    assert_eq!(summary.sent.unwrap().seconds, 880_127_706);
}

#[test]
fn beyond_the_limits_the_rest_is_one_leaf() {
    let mut message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    (0..3000).for_each(|_| message.extend(b"--b\r\n\r\nx\r\n"));
    let summary = Summary::of(&message);
    assert_eq!(summary.parts.len(), PARTS_MAX);
    assert_eq!(summary.parts[PARTS_MAX - 1].body_end, summary.size);

    let mut message = Vec::new();
    (0..500).for_each(|_| message.extend(b"Content-Type: message/rfc822\r\n\r\n"));
    assert_eq!(Summary::of(&message).parts.len(), NESTING_MAX);

    let mut message = b"Subject: ".to_vec();
    message.resize(2 * HEADER_BYTES_MAX, b'x');
    message.extend(b"\r\n\r\nbody");
    let summary = Summary::of(&message);
    assert!(
        summary
            .envelope
            .subject
            .is_some_and(|subject| subject.len() <= HEADER_BYTES_MAX)
    );
    assert_eq!(body(&message, &summary.parts[0]), "body");
}

#[test]
fn attachments_are_what_a_reader_would_call_so() {
    let with = |part: &str| {
        let message = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHi\r\n--b\r\n\
            {part}\r\n\r\nx\r\n--b--\r\n"
        );
        Summary::of(message.as_bytes()).has_attachment
    };
    assert!(with("Content-Type: application/pdf"));
    assert!(with(
        "Content-Type: text/plain\r\nContent-Disposition: attachment"
    ));
    assert!(with("Content-Type: text/csv; name=a.csv"));
    assert!(!with("Content-Type: text/plain"));
    assert!(!with("Content-Type: application/pgp-signature"));
    assert!(!with(
        "Content-Type: image/png\r\nContent-Disposition: inline\r\nContent-ID: <1@a>"
    ));
}

/// Bytes in which parts, boundaries and headers are likely.
fn likely_message() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        &b"Content-Type: multipart/mixed; boundary=b\r\n"[..],
        b"Content-Type: multipart/digest; boundary=\"b c\"\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=utf-8\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"From: a <b@c>, d\r\n",
        b"Content-Disposition: attachment; filename*0*=utf-8''x; filename*1=y\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"--b\r\n",
        b"--b",
        b"--b c\n",
        b"--b--\r\n",
        b"--b c--",
        b"-",
        b"text ",
        b"\xff\x00",
        b": ",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn pieces_do_not_matter(message in likely_message(), piece in 1_usize..20) {
        prop_assert_eq!(scan_in_pieces(&message, piece), Summary::of(&message));
    }

    #[test]
    fn parts_lie_inside_of_their_parents_and_in_order(message in likely_message()) {
        let summary = Summary::of(&message);
        for (index, part) in summary.parts.iter().enumerate() {
            prop_assert!(part.header_start <= part.body_start && part.body_start <= part.body_end);
            prop_assert!(part.body_end <= summary.size);
            if let Some(parent) = part.parent {
                prop_assert!(parent < index);
                let parent = &summary.parts[parent];
                prop_assert!(parent.kind != Leaf);
                prop_assert!(parent.body_start <= part.header_start);
                prop_assert!(part.body_end <= parent.body_end);
            }
        }
        let encoded = summary.encode();
        prop_assert_eq!(SummaryRef::new(&encoded).unwrap().parts().count(), summary.parts.len());
    }

    #[test]
    fn random_bytes_never_panic(message in prop::collection::vec(any::<u8>(), 0..500)) {
        prop_assert_eq!(scan_in_pieces(&message, 7), Summary::of(&message));
    }
}
