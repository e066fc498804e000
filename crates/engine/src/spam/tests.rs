//! What the rules say of letters.

use super::*;
use crate::examination::authentication::Outcome;
use crate::rehearsal::Rehearsal;

/// A letter that nothing speaks against, but for what a test puts in.
const PLAIN: &str = "From: Alice <alice@example.test>\r\nTo: bob@here.test\r\n\
                     Date: Fri, 1 May 2026 00:00:00 +0000\r\nMessage-ID: <1@example.test>\r\n\
                     Subject: The plan for Thursday\r\n\r\n\
                     Hello Bob, as we said: let us meet on Thursday at ten in the small room.\r\n\
                     Please bring the drawings, I will bring the coffee. Yours, Alice\r\n";

fn judged(letter: &str, proven: Outcome) -> Assessment {
    let house = Rehearsal::new(crate::Settings::default()).unwrap();
    let engine = &house.engine;
    let mut upload = engine.upload().unwrap();
    upload.write(letter.as_bytes()).unwrap();
    let staged = upload.finish().unwrap();
    let header = letter.find("\r\n\r\n").unwrap() + 4;
    let arrival = Examination {
        peer: Some("192.0.2.25".parse().unwrap()),
        greeting: "out.example.test".to_owned(),
        sender: "alice@example.test".to_owned(),
        recipients: vec!["bob@here.test".to_owned()],
        submitter: None,
        is_encrypted: true,
        header: letter.as_bytes()[..header].to_vec().into(),
        letter: staged,
    };
    let read = |range| engine.read_staged(&arrival.letter, range);
    let content = Content::read(&arrival.header, arrival.letter.summary(), &read).unwrap();
    let authentication = Authentication {
        dmarc: proven,
        ..Authentication::default()
    };
    let case = Case {
        arrival: &arrival,
        authentication: &authentication,
        content: &content,
        hostname: "mx.here.test",
        now: engine.now(),
    };
    assess(&case, &[], &Settings::default())
}

fn names(letter: &str) -> Vec<String> {
    let reasons = judged(letter, Outcome::Pass).reasons;
    reasons.into_iter().map(|reason| reason.name).collect()
}

#[track_caller]
fn check(replace: &str, by: &str, wanted: &str) {
    assert!(PLAIN.contains(replace), "{replace}");
    let found = names(&PLAIN.replace(replace, by));
    assert!(
        found.iter().any(|name| name == wanted),
        "{wanted}: {found:?}"
    );
}

#[test]
fn an_ordinary_letter_from_a_domain_that_proves_it_has_nothing_against_it() {
    assert_eq!(names(PLAIN), ["AUTHOR_PROVEN"]);
    assert!(!judged(PLAIN, Outcome::Pass).is_junk());
}

#[test]
fn the_table_has_each_name_once_and_reasons_that_fit_the_header() {
    for (at, rule) in rule::RULES.iter().enumerate() {
        let one = Reason::new(rule.name, Points(rule.tenths), rule.reason);
        assert_eq!(
            (one.name.as_str(), one.text.as_str()),
            (rule.name, rule.reason)
        );
        assert!(rule.tenths != 0, "{}", rule.name);
        let others = rule::RULES.iter().skip(at + 1);
        assert!(others.clone().all(|other| other.name != rule.name));
    }
}

#[test]
fn what_the_header_lacks_or_feigns_is_named() {
    check("Date: Fri, 1 May 2026 00:00:00 +0000\r\n", "", "NO_DATE");
    check("1 May 2026", "3 May 2026", "DATE_AHEAD");
    check("1 May 2026", "1 May 2020", "DATE_LONG_AGO");
    check("Message-ID: <1@example.test>\r\n", "", "NO_MESSAGE_ID");
    check("Subject: The plan for Thursday\r\n", "", "NO_SUBJECT");
    check("To: bob@here.test\r\n", "", "NOT_ADDRESSED");
    check(
        "The plan for Thursday",
        "ACT NOW OR LOSE IT",
        "SUBJECT_SHOUTS",
    );
    check("The plan", "Re: The plan", "SUBJECT_FALSE_REPLY");
    check(
        "Alice <",
        "\"service@bank.test\" <",
        "NAME_IS_OTHER_ADDRESS",
    );
    check(
        "To: bob",
        "Reply-To: x@free.test\r\nTo: bob",
        "ANSWERS_ELSEWHERE",
    );
    check(
        "To: bob",
        "In-Reply-To: <7@mx.here.test>\r\nTo: bob",
        "ANSWERS_US",
    );
    check("The plan", "=?utf-8?Q?Ple=E2=80=8Base?=", "SUBJECT_HIDES");
}

#[test]
fn what_the_text_hides_is_named() {
    check("the small room", "http://192.0.2.7/room", "LINK_TO_NUMBER");
    check(
        "the small room",
        "https://bank.test@evil.test/",
        "LINK_WITH_USER",
    );
    check(
        "Hello Bob",
        "I am the next of kin of a man with ten million dollars",
        "FRAUD_PHRASES",
    );
    check(
        "Hello Bob",
        "Lose  weight now, with NO\r\nobligation",
        "SALES_PHRASES",
    );
    let page = "MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n\
                <a href=\"https://evil.test/x\">https://bank.test/login</a>";
    let letter = PLAIN.replacen("\r\n\r\n", &format!("\r\n{page}"), 1);
    let found = names(&letter);
    assert!(found.contains(&"LINK_DISGUISED".to_owned()), "{found:?}");
    assert!(found.contains(&"ONLY_HTML".to_owned()), "{found:?}");
}

#[test]
fn a_program_counts_by_its_name_whatever_its_type_says() {
    for (name, wanted) in [
        ("bill.EXE", "FILE_PROGRAM"),
        ("bill.pdf.exe", "FILE_MASKED"),
        ("bill.scr. ", "FILE_PROGRAM"),
        ("table.xlsm", "FILE_MACROS"),
        ("voice.html", "FILE_PAGE"),
    ] {
        let parts = format!(
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\
             See the file.\r\n--b\r\nContent-Type: application/pdf\r\n\
             Content-Disposition: attachment; filename=\"{name}\"\r\n\r\nx\r\n--b--\r\n"
        );
        let found = names(&PLAIN.replacen("\r\n\r\n", &format!("\r\n{parts}"), 1));
        assert!(found.contains(&wanted.to_owned()), "{name}: {found:?}");
    }
}

#[test]
fn a_forged_letter_with_a_trap_is_junk_and_the_header_says_why() {
    let letter = PLAIN
        .replace("the small room", "https://bank.test@evil.test/")
        .replace("Message-ID: <1@example.test>\r\n", "");
    let found = judged(&letter, Outcome::Fail);
    assert!(found.is_junk());
    let fields = found.fields();
    assert!(
        fields.starts_with("X-Spam-Status: Yes, score=6.3 required=5.0\r\n"),
        "{fields}"
    );
    assert!(
        fields.contains("X-Spam-Report: 3.5 AUTHOR_FORGED: the author's domain says"),
        "{fields}"
    );
    assert!(fields.ends_with("\r\n"));
    for line in fields.trim_end().split("\r\n") {
        assert!(
            line.starts_with("X-Spam-") || line.starts_with('\t'),
            "{line}"
        );
    }
}

#[test]
fn the_sum_is_a_percentage_for_scripts() {
    let at = |tenths| {
        let reason = Reason::new("X", Points(tenths), "x");
        Assessment::new(vec![reason], Points(50)).percent()
    };
    assert_eq!([-40, 0, 25, 50, 100, 900].map(at), [0, 0, 25, 50, 100, 100]);
}

#[test]
fn a_letter_beyond_all_doubt_is_refused_with_its_weightiest_reason() {
    let sure = Reason::new("FILE_PROGRAM", Points(160), "an attached file is a program");
    let found = Assessment::new(vec![Reason::new("X", Points(3), "x"), sure], Points(50));
    let settings = Settings::default();
    let Decision::Refuse(refusal) = found.decision(&settings) else {
        panic!("{found:?}");
    };
    assert!(
        refusal.text.ends_with("an attached file is a program"),
        "{refusal:?}"
    );
    let never = Settings {
        refuse: None,
        ..settings
    };
    assert_eq!(found.decision(&never), Decision::Accept);
}

#[test]
fn files_that_the_administrator_will_not_have_are_refused() {
    let file = |name: &str, size_bytes| attachment::Attachment {
        name: name.to_owned(),
        media_type: "application/octet-stream".to_owned(),
        size_bytes,
    };
    let settings = Settings {
        refused_endings: vec!["exe".to_owned()],
        attachment_bytes_max: Some(1000),
        ..Settings::default()
    };
    let refused = |file| attachment::refusal(&[file], &settings).is_some();
    assert!(refused(file("a.EXE", 1)));
    assert!(refused(file("a.txt", 1001)));
    assert!(!refused(file("a.txt", 1000)));
}

#[test]
fn points_are_written_with_one_digit_behind_the_dot() {
    let written = [0, 5, -5, 73, -120].map(|tenths| Points(tenths).to_string());
    assert_eq!(written, ["0.0", "0.5", "-0.5", "7.3", "-12.0"]);
    assert_eq!(Points::of(f64::NAN), Points(0));
    assert_eq!(Points::of(7.25), Points(73));
}
