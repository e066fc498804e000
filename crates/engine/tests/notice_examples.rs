//! The examples of the documents: what is told to whom, and in which fields.
//!
//! Sources: RFC 3461 §10 (one letter to six recipients), RFC 3464 appendix E (notifications).

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::queue::{
    Attempt, EntryKey, NextHop, Notify, Reason, RecipientResult, Return, Status, Verdict,
};
use engine::rehearsal::{Rehearsal, letters};
use engine::{Envelope, Settings};

const LETTER: &[u8] = b"From: Alice@Example.ORG\r\nSubject: hi\r\n\r\nThe text\r\n";
const NEVER: Notify = Notify {
    never: true,
    success: false,
    failure: false,
    delay: false,
};
const SUCCESS: Notify = Notify {
    never: false,
    success: true,
    failure: false,
    delay: false,
};
const FAILURE: Notify = Notify {
    success: false,
    failure: true,
    ..SUCCESS
};
const BOTH: Notify = Notify {
    failure: true,
    ..SUCCESS
};

struct Stage(Rehearsal);

impl Stage {
    fn new() -> Self {
        let settings = Settings {
            hostname: "Example.ORG".to_owned(),
            ..Settings::default()
        };
        let house = Rehearsal::new(settings).unwrap();
        house.person("alice@example.test").unwrap();
        Self(house)
    }

    /// The letter of the example, which asks for its header only.
    fn submit(&self, recipients: &[(&str, Notify)]) {
        let addresses: Vec<&str> = recipients.iter().map(|(address, _)| *address).collect();
        let envelope = self.0.envelope("alice@example.test", &addresses).unwrap();
        let mut envelope = Envelope {
            envelope_id: Some("QQ314159".to_owned()),
            returning: Return::Headers,
            ..envelope
        };
        for (recipient, (address, notify)) in envelope.recipients.iter_mut().zip(recipients) {
            recipient.notify = *notify;
            recipient.original = (!notify.never).then(|| format!("rfc822;{address}"));
        }
        let letter = self.0.staged(LETTER).unwrap();
        let delivered = self.0.engine.deliver(&envelope, &letter).unwrap();
        delivered.wait().unwrap();
    }

    /// What a server said of some recipients.
    fn settle(&self, host: &str, results: &[(&str, Verdict)]) {
        let entry = self.0.engine.queue().unwrap().remove(0);
        let key = EntryKey {
            account: entry.account,
            id: entry.id,
        };
        // Domains are kept in lower case.
        let known = |address: &str| {
            let mut all = entry.letter.recipients.iter();
            let found = all.find(|one| one.address.eq_ignore_ascii_case(address));
            found.unwrap().address.clone()
        };
        let result = |(address, verdict): &(&str, Verdict)| RecipientResult {
            address: known(address),
            verdict: verdict.clone(),
        };
        let attempt = Attempt {
            host: host.to_owned(),
            tls: "none".to_owned(),
            results: results.iter().map(result).collect(),
            put_off_until: None,
        };
        let settled = self.0.engine.queue_settle(key, &attempt, 0).unwrap();
        settled.wait().unwrap();
    }

    /// The only notification: the fields of the letter, then those of each recipient.
    fn notice(&self) -> (String, Vec<Vec<String>>) {
        let user = self.0.number("alice@example.test").unwrap();
        let account = self.0.engine.account_as_server(user);
        let mut letters = letters(&account, &["Inbox"]).unwrap();
        assert_eq!(letters.len(), 1, "{letters:?}");
        let (_, text) = letters.remove(0);
        let (_, status) = text.split_once("delivery-status\r\n\r\n").unwrap();
        let (status, _) = status.split_once("\r\n--=_").unwrap();
        let groups = status.trim_end().split("\r\n\r\n");
        let groups = groups.map(|group| group.lines().map(str::to_owned).collect());
        let groups = groups.collect();
        (text, groups)
    }
}

fn kept(next: NextHop) -> Verdict {
    Verdict::Accepted(next, "250 kept".to_owned())
}

fn never(status: Status, reply: &str) -> Verdict {
    let reply = Some(reply.to_owned());
    Verdict::Never(Reason { status, reply })
}

fn holds(group: &[String], wanted: &[&str]) {
    for field in wanted {
        let is_there = group.iter().any(|one| one.eq_ignore_ascii_case(field));
        assert!(is_there, "{field}: {group:?}");
    }
}

/// The recipients of RFC 3461 §10.1; the answers are those of §10.2 to §10.4.
#[test]
fn of_six_recipients_only_those_are_told_of_about_whom_it_was_asked_and_not_told_elsewhere() {
    let stage = Stage::new();
    stage.submit(&[
        ("Bob@Example.COM", SUCCESS),
        ("Carol@Ivory.EDU", FAILURE),
        ("Dana@Ivory.EDU", BOTH),
        ("Eric@Bombs.AF.MIL", FAILURE),
        ("Fred@Bombs.AF.MIL", NEVER),
        ("George@Tax-ME.GOV", FAILURE),
    ]);
    // Its server tells by itself.
    stage.settle(
        "Example.COM [192.0.2.1]",
        &[("Bob@Example.COM", kept(NextHop::Informs))],
    );
    stage.settle(
        "Bombs.AF.MIL [192.0.2.2]",
        &[
            ("Eric@Bombs.AF.MIL", kept(NextHop::Silent)),
            ("Fred@Bombs.AF.MIL", kept(NextHop::Silent)),
        ],
    );
    stage.settle(
        "Tax-ME.GOV [192.0.2.3]",
        &[("George@Tax-ME.GOV", kept(NextHop::Informs))],
    );
    let account = stage.0.number("alice@example.test").unwrap();
    let account = stage.0.engine.account_as_server(account);
    assert!(letters(&account, &["Inbox"]).unwrap().is_empty());
    // RFC 3461 §10.7: passed on to a server that knows of no notifications.
    stage.settle(
        "Ivory.EDU [192.0.2.4]",
        &[("Dana@Ivory.EDU", kept(NextHop::Silent))],
    );
    let (text, groups) = stage.notice();
    holds(
        &groups[0],
        &[
            "Reporting-MTA: dns; Example.ORG",
            "Original-Envelope-Id: QQ314159",
        ],
    );
    holds(
        &groups[1],
        &[
            "Original-Recipient: rfc822; Dana@Ivory.EDU",
            "Final-Recipient: rfc822; Dana@Ivory.EDU",
            "Action: relayed",
            "Status: 2.0.0",
        ],
    );
    assert!(text.contains("report-type=delivery-status"));
    assert!(!text.contains("The text"), "the header was asked for");
}

#[test]
fn a_recipient_that_the_next_server_does_not_know_is_a_failure_with_its_words() {
    let stage = Stage::new();
    stage.submit(&[("Carol@Ivory.EDU", FAILURE)]);
    let refused = never(Status::new(5, 0, 0), "550 error - no such recipient");
    stage.settle("Ivory.EDU [192.0.2.4]", &[("Carol@Ivory.EDU", refused)]);
    let (_, groups) = stage.notice();
    holds(&groups[0], &["Original-Envelope-Id: QQ314159"]);
    holds(
        &groups[1],
        &[
            "Original-Recipient: rfc822; Carol@Ivory.EDU",
            "Final-Recipient: rfc822; Carol@Ivory.EDU",
            "Action: failed",
            "Status: 5.0.0",
            "Remote-MTA: dns; Ivory.EDU",
            "Diagnostic-Code: smtp; 550 error - no such recipient",
        ],
    );
}

#[test]
fn a_letter_for_several_recipients_has_a_group_of_fields_for_each() {
    let stage = Stage::new();
    let addresses = [
        "arathib@vnet.ibm.com",
        "johnh@hpnjld.njd.hp.com",
        "wsnell@sdcc13.ucsd.edu",
    ];
    let asked: Vec<(&str, Notify)> = addresses.iter().map(|one| (*one, FAILURE)).collect();
    stage.submit(&asked);
    let words = [
        "550 'arathib@vnet.IBM.COM' is not a registered gateway user",
        "550 user unknown",
        "550 user unknown",
    ];
    let results: Vec<(&str, Verdict)> = addresses
        .iter()
        .zip(words)
        .map(|(address, words)| (*address, never(Status::new(5, 0, 0), words)))
        .collect();
    stage.settle("vnet.ibm.com [192.0.2.5]", &results);
    let (_, groups) = stage.notice();
    assert_eq!(groups.len(), 4);
    for ((group, address), words) in groups[1..].iter().zip(addresses).zip(words) {
        let (recipient, code) = (
            format!("Final-Recipient: rfc822; {address}"),
            format!("Diagnostic-Code: smtp; {words}"),
        );
        holds(group, &[&recipient, "Action: failed", &code]);
        // RFC 3464 §2.3: these come once in each group, and the first two are there always.
        for name in ["Final-Recipient", "Action", "Status"] {
            let named = group
                .iter()
                .filter(|line| line.split(':').next() == Some(name));
            assert_eq!(named.count(), 1, "{name}: {group:?}");
        }
    }
}

#[test]
fn a_delay_is_told_with_the_time_until_which_it_is_tried() {
    let stage = Stage::new();
    let asked = Notify {
        delay: true,
        ..FAILURE
    };
    stage.submit(&[("thomas@de-montfort.ac.uk", asked)]);
    stage.0.pass(5 * 3_600);
    let later = Verdict::Later(Reason::ours(Status::NO_ANSWER));
    stage.settle("", &[("thomas@de-montfort.ac.uk", later)]);
    let (_, groups) = stage.notice();
    holds(
        &groups[1],
        &[
            "Final-Recipient: rfc822; thomas@de-montfort.ac.uk",
            "Action: delayed",
        ],
    );
    for name in ["Status: 4.", "Last-Attempt-Date: ", "Will-Retry-Until: "] {
        assert!(
            groups[1].iter().any(|line| line.starts_with(name)),
            "{groups:?}"
        );
    }
}
