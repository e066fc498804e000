//! What letters and other servers say: the notice to the sender stays a letter that can be sent, and
//! a report (DSN) that programs can read.
//!
//! The target beside it hands over what libFuzzer finds; `tests/fuzz_notice_briefly.rs` hands over
//! mutated examples in every run of the tests.

use engine::queue::{Attempt, EntryKey, Notify, Reason, RecipientResult, Return, Status, Verdict};
use engine::rehearsal::{Rehearsal, letters};
use engine::{Envelope, Reading, Settings, Shelf, User};
use std::sync::LazyLock;

struct Stage {
    house: Rehearsal,
    alice: User,
}

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let house = Rehearsal::new(Settings::default()).unwrap();
    let alice = house.person("alice@example.test").unwrap();
    Stage { house, alice }
});

fn fail(stage: &Stage, letter: &[u8], answer: &str) {
    let engine = &stage.house.engine;
    let mut envelope = stage.house.envelope("alice@example.test", &["x@far.test"]);
    let envelope = envelope.as_mut().unwrap();
    envelope.recipients[0].notify = Notify::USUAL;
    envelope.recipients[0].original = Some(format!("rfc822;{answer}"));
    let envelope = Envelope {
        envelope_id: Some(answer.to_owned()),
        returning: Return::Full,
        submitter: Some(stage.alice.clone()),
        ..envelope.clone()
    };
    let staged = stage.house.staged(letter).unwrap();
    engine.deliver(&envelope, &staged).unwrap().wait().unwrap();
    let entry = engine.queue().unwrap().remove(0);
    let attempt = Attempt {
        host: answer.to_owned(),
        tls: String::new(),
        results: vec![RecipientResult {
            address: "x@far.test".to_owned(),
            verdict: Verdict::Never(Reason {
                status: Status::new(5, 1, 1),
                reply: Some(answer.to_owned()),
            }),
        }],
        put_off_until: None,
    };
    let key = EntryKey {
        account: entry.account,
        id: entry.id,
    };
    let settled = engine.queue_settle(key, &attempt, 1).unwrap();
    settled.wait().unwrap();
}

/// The notice, which leaves the sender's mailbox: the next one is alone there, too.
fn taken_notice(stage: &Stage) -> String {
    let account = stage.house.engine.account(&stage.alice, 1);
    let (_, notice) = letters(&account, &["Inbox"]).unwrap().pop().unwrap();
    let view = account.read().unwrap();
    let (inbox, _) = view.folder_at(&["Inbox"]).unwrap().unwrap();
    let uids = view.uids(inbox, Shelf::Mail).unwrap();
    drop(view);
    let removed = account.write(|txn| txn.expunge_all(inbox, &uids));
    removed.unwrap().wait().unwrap();
    notice
}

/// A letter, a NUL, and what the next server says of it.
pub fn notice(bytes: &[u8]) {
    let stage = &*STAGE;
    let divide = bytes.iter().position(|&byte| byte == 0);
    let (letter, answer) = bytes.split_at(divide.unwrap_or(bytes.len()));
    fail(stage, letter, &String::from_utf8_lossy(answer));
    let notice = taken_notice(stage);
    let report = notice.split("message/delivery-status\r\n").nth(1);
    let report = report.unwrap_or_else(|| panic!("{notice}"));
    let report = report.split("\r\n--").next().unwrap();
    for line in report.split("\r\n") {
        let is_sendable = line.len() <= 998 && !line.contains(['\r', '\n', '\0']);
        assert!(is_sendable, "{line:?}");
        let is_field = line.split_once(": ").is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
        assert!(
            is_field || line.is_empty() || line.starts_with([' ', '\t']),
            "{line:?}"
        );
    }
    for (name, count) in [
        ("Action: failed", 1),
        ("Final-Recipient: ", 1),
        ("Status: 5.", 1),
    ] {
        let found = report.lines().filter(|line| line.starts_with(name));
        assert_eq!(found.count(), count, "{name} in {report}");
    }
}
