use super::arguments::{Arguments, Mode};
use super::header::{self, Header};
use super::input::{Dot, read};
use std::ffi::OsString;

fn arguments(line: &str) -> Arguments {
    Arguments::parse(line.split(' ').map(OsString::from)).unwrap()
}

#[test]
fn options_stand_together_and_values_behind_them_or_after_them() {
    let found = arguments("-oi -ti -fa@b.test -FName -N success,delay -Rhdrs -odb -v c@d.test e");
    assert_eq!(found.sender.as_deref(), Some("a@b.test"));
    assert_eq!(found.full_name.as_deref(), Some("Name"));
    assert_eq!(found.notify.as_deref(), Some("SUCCESS,DELAY"));
    assert_eq!(found.returning.as_deref(), Some("HDRS"));
    assert!(found.recipients_in_header && found.verbose);
    assert_eq!((found.dot, found.mode), (Dot::IsText, Mode::Send));
    assert_eq!(found.recipients, ["c@d.test", "e"]);
}

#[test]
fn what_stands_behind_two_hyphens_is_a_recipient() {
    assert_eq!(arguments("-i -- -t").recipients, ["-t"]);
}

#[test]
fn modes_are_known_by_their_letters() {
    for (line, mode) in [
        ("-bs", Mode::Dialogue),
        ("-bp", Mode::ShowQueue),
        ("-b v x", Mode::Verify),
        ("-q", Mode::RunQueue(None)),
        ("-q30m", Mode::RunQueue(None)),
        ("-qI3.17", Mode::RunQueue(Some("3.17".into()))),
        ("-qRfar.test", Mode::RunQueue(Some("@far.test".into()))),
        (
            "-qSbob@far.test",
            Mode::RunQueue(Some("bob@far.test".into())),
        ),
        ("-bi", Mode::Aliases),
    ] {
        assert_eq!(arguments(line).mode, mode, "{line}");
    }
}

#[test]
fn what_no_sendmail_knows_is_refused() {
    for line in ["-Z", "-bd", "-bx", "-f", "-N sometimes", "-R all", "-"] {
        let words = line.split(' ').map(OsString::from);
        assert!(Arguments::parse(words).is_err(), "{line}");
    }
}

#[test]
fn a_dot_ends_the_letter_unless_it_is_text() {
    let letter = b"A: b\n\nc\n.\nd\n";
    assert_eq!(
        read(&mut &letter[..], Dot::Ends).unwrap(),
        b"A: b\r\n\r\nc\r\n"
    );
    let whole = read(&mut &letter[..], Dot::IsText).unwrap();
    assert_eq!(whole, b"A: b\r\n\r\nc\r\n.\r\nd\r\n");
}

#[test]
fn every_line_end_becomes_the_networks_and_nul_is_left_out() {
    let read = read(&mut &b"a\r\nb\rc\n\0d"[..], Dot::Ends).unwrap();
    assert_eq!(read, b"a\r\nb\r\nc\r\nd\r\n");
}

/// The letter as it would be sent.
fn completed(letter: &str) -> String {
    let (mut header, body) = Header::split(letter.as_bytes());
    header.complete("me@example.test", Some("My Name"), "example.test");
    String::from_utf8([&header.bytes(), body].concat()).unwrap()
}

#[test]
fn a_letter_without_an_author_is_the_callers() {
    assert_eq!(
        completed("Subject: x\r\n\r\nbody\r\n"),
        "From: My Name <me@example.test>\r\nSubject: x\r\n\r\nbody\r\n"
    );
}

#[test]
fn a_letter_without_a_header_gets_one() {
    let sent = completed("hello\r\nthere: you\r\n");
    assert_eq!(
        sent,
        "From: My Name <me@example.test>\r\n\r\nhello\r\nthere: you\r\n"
    );
}

#[test]
fn nobody_sees_who_got_a_copy_unseen() {
    let sent = completed("From: a@b.test\r\nBCC: c@d.test,\r\n e@f.test\r\nTo: g@h.test\r\n\r\n");
    assert_eq!(sent, "From: a@b.test\r\nTo: g@h.test\r\n\r\n");
}

#[test]
fn names_without_a_domain_get_the_machines() {
    let sent =
        completed("From: root (Cron Daemon)\r\nTo: root, \"A, B\" <c>\r\nCc: x@y.test\r\n\r\n");
    assert_eq!(
        sent,
        "From: Cron Daemon <root@example.test>\r\n\
         To: root@example.test,\r\n\t\"A, B\" <c@example.test>\r\nCc: x@y.test\r\n\r\n"
    );
}

#[test]
fn an_address_that_is_not_closed_does_not_end_the_header() {
    let found = completed("From: a, b@[c\r\nSubject: hi\r\n\r\nhello\r\n");
    assert!(found.contains("b@[c\r\nSubject: hi\r\n"), "{found}");
}

#[test]
fn recipients_are_those_of_the_header_or_of_the_latest_sending() {
    let letter = b"To: a\r\nCc: b@c.test\r\nBcc: d@e.test\r\n\r\n";
    let (header, _) = Header::split(letter);
    assert_eq!(
        header.recipients("x.test"),
        ["a@x.test", "b@c.test", "d@e.test"]
    );
    let again = [b"Resent-To: f@g.test\r\n", &letter[..]].concat();
    assert_eq!(Header::split(&again).0.recipients("x.test"), ["f@g.test"]);
}

#[test]
fn the_first_line_of_a_mailbox_file_is_no_part_of_the_letter() {
    let sent = completed("From a@b.test Mon Jan 1\r\nFrom: a@b.test\r\n\r\n");
    assert_eq!(sent, "From: a@b.test\r\n\r\n");
}

#[test]
fn an_address_may_stand_in_an_argument_as_in_a_header() {
    let found = header::addresses(b"Name <a@b.test>, c", "d.test");
    assert_eq!(found, ["a@b.test", "c@d.test"]);
    assert!(super::one_address("a b@c.test", "d.test").is_err());
    assert!(super::check("a@b.test>\r\nRCPT TO:<c@d.test").is_err());
}
