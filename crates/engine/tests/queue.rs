//! What an attempt to send a letter leads to: who leaves the entry, who waits, and who is told.

// The lints know tests by their attribute; what helps them stands outside of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use engine::delivery::{Arrival, Failing};
use engine::queue::{
    Attempt, DeliverBy, EntryKey, Late, NextHop, Notify, QueueState, Reason, RecipientResult,
    Return, Settled, Status, Verdict, Wishes,
};
use engine::rehearsal::{Rehearsal, letters};
use engine::{AccountId, Envelope, Recipient, Settings, StoreError, Timestamp, User};

const LETTER: &[u8] = b"Subject: hello\r\n\r\nHow are you?\r\n";
const HOUR: i64 = 3_600;
const WITH_SUCCESS: Notify = Notify {
    success: true,
    ..Notify::USUAL
};
const NOTHING: Notify = Notify {
    never: true,
    success: false,
    failure: false,
    delay: false,
};

struct Stage {
    house: Rehearsal,
    alice: User,
}

impl Stage {
    /// Alice's letter to some recipients waits.
    fn with(recipients: &[(&str, Notify)]) -> Self {
        let house = Rehearsal::new(Settings::default()).unwrap();
        let alice = house.person("alice@example.test").unwrap();
        let stage = Self { house, alice };
        stage.submit("alice@example.test", Return::Unspecified, recipients);
        stage
    }

    fn submit(&self, sender: &str, returning: Return, recipients: &[(&str, Notify)]) {
        self.submit_with(sender, returning, recipients, Wishes::default());
    }

    fn submit_with(
        &self,
        sender: &str,
        returning: Return,
        recipients: &[(&str, Notify)],
        wishes: Wishes,
    ) {
        let engine = &self.house.engine;
        let recipient = |(address, notify): &(&str, Notify)| Recipient {
            address: (*address).to_owned(),
            resolution: engine.directory().resolve(address).unwrap(),
            notify: *notify,
            original: Some(format!("rfc822;{address}")),
        };
        let envelope = Envelope {
            sender: sender.to_owned(),
            recipients: recipients.iter().map(recipient).collect(),
            envelope_id: Some("id-1".to_owned()),
            returning,
            needs_utf8: false,
            wishes,
            submitter: Some(self.alice.clone()),
            arrival: Arrival::default(),
            failing: Failing::Whole,
        };
        let letter = self.house.staged(LETTER).unwrap();
        engine.deliver(&envelope, &letter).unwrap().wait().unwrap();
    }

    fn entries(&self) -> Vec<QueueState> {
        self.house.engine.queue().unwrap()
    }

    fn entry(&self) -> QueueState {
        let mut entries = self.entries();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries.remove(0)
    }

    fn key(&self) -> EntryKey {
        let QueueState { account, id, .. } = self.entry();
        EntryKey { account, id }
    }

    fn settle(&self, results: &[(&str, Verdict)]) -> Settled {
        let settled = self
            .house
            .engine
            .queue_settle(self.key(), &attempt(results), 7);
        settled.unwrap().wait().unwrap()
    }

    /// The letters in alice's inbox, whole.
    fn inbox(&self) -> Vec<String> {
        let account = self.house.engine.account(&self.alice, 1);
        let letters = letters(&account, &["Inbox"]).unwrap();
        letters.into_iter().map(|(_, text)| text).collect()
    }

    fn notice(&self) -> String {
        let mut letters = self.inbox();
        assert_eq!(letters.len(), 1, "{letters:?}");
        letters.remove(0)
    }
}

fn attempt(results: &[(&str, Verdict)]) -> Attempt {
    let results = results.iter().map(|(address, verdict)| RecipientResult {
        address: (*address).to_owned(),
        verdict: verdict.clone(),
    });
    Attempt {
        host: "mx.far.test [192.0.2.1]".to_owned(),
        tls: "TLSv1.3".to_owned(),
        results: results.collect(),
        put_off_until: None,
    }
}

fn accepted(next: NextHop) -> Verdict {
    Verdict::Accepted(next, "250 2.0.0 kept".to_owned())
}

fn later() -> Verdict {
    Verdict::Later(Reason {
        status: Status::new(4, 2, 2),
        reply: Some("452 4.2.2 full".to_owned()),
    })
}

fn never() -> Verdict {
    Verdict::Never(Reason {
        status: Status::new(5, 1, 1),
        reply: Some("550 5.1.1 no such user".to_owned()),
    })
}

#[test]
fn who_was_served_leaves_the_entry_and_the_last_one_takes_it_along() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL), ("y@far.test", Notify::USUAL)]);
    let settled = stage.settle(&[
        ("x@far.test", accepted(NextHop::Informs)),
        ("y@far.test", later()),
    ]);
    let entry = stage.entry();
    assert_eq!(settled.due, Some(entry.due));
    assert!(entry.due > stage.house.engine.now());
    let [left] = entry.letter.recipients.as_slice() else {
        panic!("{entry:?}")
    };
    assert_eq!(left.address, "y@far.test");
    assert_eq!(left.answer.as_deref(), Some("4.2.2 452 4.2.2 full"));
    let tried = &entry.letter.history[0];
    assert_eq!((tried.delivered, tried.delayed, tried.failed), (1, 1, 0));
    let settled = stage.settle(&[("y@far.test", accepted(NextHop::Silent))]);
    assert_eq!(settled.due, None);
    assert!(stage.entries().is_empty() && stage.inbox().is_empty());
    assert_eq!(stage.house.living_bodies(), 0);
}

#[test]
fn who_was_never_named_by_an_attempt_is_as_before() {
    let stage = Stage::with(&[
        ("x@far.test", Notify::USUAL),
        ("y@else.test", Notify::USUAL),
    ]);
    let due = stage.entry().due;
    stage.settle(&[("x@far.test", accepted(NextHop::Informs))]);
    let entry = stage.entry();
    assert_eq!((entry.due, entry.letter.recipients.len()), (due, 1));
}

#[test]
fn a_failure_is_told_to_the_sender_in_words_and_for_programs() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    let settled = stage.settle(&[("x@far.test", never())]);
    assert_eq!(settled.failed, ["x@far.test"]);
    let notice = stage.notice();
    for line in [
        "Return-Path: <>\r\n",
        "To: <alice@example.test>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;\r\n",
        "  <x@far.test>\r\n    there is no such mailbox (5.1.1)\r\n",
        "    mx.far.test [192.0.2.1] said: 550 5.1.1 no such user\r\n",
        "Reporting-MTA: dns; localhost\r\nOriginal-Envelope-Id: id-1\r\n",
        "Original-Recipient: rfc822; x@far.test\r\nFinal-Recipient: rfc822; x@far.test\r\n",
        "Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.far.test\r\n",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "Content-Type: message/rfc822\r\n",
        "\r\n\r\nHow are you?\r\n",
    ] {
        assert!(notice.contains(line), "{line}\n---\n{notice}");
    }
    assert!(stage.entries().is_empty());
}

#[test]
fn a_header_is_returned_to_who_asked_for_no_more() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    stage.settle(&[("x@far.test", accepted(NextHop::Informs))]);
    stage.submit(
        "alice@example.test",
        Return::Headers,
        &[("y@far.test", Notify::USUAL)],
    );
    stage.settle(&[("y@far.test", never())]);
    let notice = stage.notice();
    assert!(
        notice.contains("Content-Type: text/rfc822-headers\r\n"),
        "{notice}"
    );
    assert!(notice.contains("Subject: hello") && !notice.contains("How are you?"));
}

#[test]
fn nothing_is_told_that_was_not_asked_for() {
    let stage = Stage::with(&[("x@far.test", NOTHING), ("y@far.test", Notify::USUAL)]);
    stage.settle(&[
        ("x@far.test", never()),
        ("y@far.test", accepted(NextHop::Silent)),
    ]);
    assert!(stage.inbox().is_empty() && stage.entries().is_empty());
}

#[test]
fn success_is_told_when_the_next_server_will_not_tell_it() {
    for (next, action) in [
        (NextHop::Informs, None),
        (NextHop::Silent, Some("Action: relayed\r\nStatus: 2.0.0")),
        (NextHop::Mailbox, Some("Action: delivered\r\nStatus: 2.0.0")),
    ] {
        let stage = Stage::with(&[("x@far.test", WITH_SUCCESS)]);
        stage.settle(&[("x@far.test", accepted(next))]);
        match action {
            Some(action) => assert!(stage.notice().contains(action)),
            None => assert!(stage.inbox().is_empty()),
        }
    }
}

#[test]
fn nobody_is_told_of_a_letter_without_sender() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    stage.settle(&[("x@far.test", accepted(NextHop::Informs))]);
    stage.submit("", Return::Full, &[("y@far.test", WITH_SUCCESS)]);
    stage.settle(&[("y@far.test", never())]);
    assert!(stage.inbox().is_empty() && stage.entries().is_empty());
}

#[test]
fn a_sender_elsewhere_is_told_by_a_letter_in_the_queue() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    stage.settle(&[("x@far.test", accepted(NextHop::Informs))]);
    stage.submit(
        "them@home.test",
        Return::Full,
        &[("y@far.test", Notify::USUAL)],
    );
    stage.settle(&[("y@far.test", never())]);
    let notice = stage.entry();
    assert_eq!(notice.account, AccountId::DIRECTORY);
    assert_eq!(notice.letter.sender, "");
    let [to] = notice.letter.recipients.as_slice() else {
        panic!("{notice:?}")
    };
    assert_eq!(
        (to.address.as_str(), to.notify),
        ("them@home.test", NOTHING)
    );
}

#[test]
fn after_four_hours_the_sender_is_told_once_that_it_takes_longer() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL), ("y@far.test", NOTHING)]);
    let both = [("x@far.test", later()), ("y@far.test", later())];
    stage.settle(&both);
    assert!(stage.inbox().is_empty());
    stage.house.pass(4 * HOUR + 1);
    stage.settle(&both);
    let notice = stage.notice();
    assert!(
        notice.contains("Action: delayed\r\nStatus: 4.2.2\r\n"),
        "{notice}"
    );
    assert!(notice.contains("Will-Retry-Until: ") && !notice.contains("y@far.test"));
    stage.house.pass(HOUR);
    stage.settle(&both);
    assert_eq!(stage.inbox().len(), 1);
}

#[test]
fn after_five_days_a_letter_is_given_up_with_the_last_answer() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    stage.house.pass(5 * 24 * HOUR);
    stage.settle(&[("x@far.test", later())]);
    let notice = stage.notice();
    assert!(
        notice.contains("Action: failed\r\nStatus: 5.4.7\r\n"),
        "{notice}"
    );
    assert!(notice.contains("said: 452 4.2.2 full"));
    assert!(stage.entries().is_empty());
}

#[test]
fn a_letter_that_was_put_off_is_due_then_and_was_not_tried() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    stage.settle(&[("x@far.test", later())]);
    let until = Timestamp(stage.house.engine.now().0 + 600 * Timestamp::PER_SECOND);
    let put_off = Attempt {
        put_off_until: Some(until),
        ..attempt(&[(
            "x@far.test",
            Verdict::Later(Reason::ours(Status::NO_ANSWER)),
        )])
    };
    let settled = stage
        .house
        .engine
        .queue_settle(stage.key(), &put_off, 1)
        .unwrap();
    assert_eq!(settled.wait().unwrap().due, Some(until));
    let entry = stage.entry();
    assert_eq!((entry.letter.attempts, entry.letter.history.len()), (1, 1));
    let answer = entry.letter.recipients[0].answer.as_deref();
    assert_eq!(
        answer,
        Some("4.2.2 452 4.2.2 full"),
        "the real answer stays"
    );
}

#[test]
fn a_result_that_cannot_be_stored_leaves_everything_as_it_was() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    let before = stage.entry();
    stage.house.fail_next_commit(StoreError::Full);
    let refused = stage.house.engine.queue_settle(
        before_key(&before),
        &attempt(&[("x@far.test", never())]),
        1,
    );
    assert!(refused.is_err());
    assert_eq!(stage.entry(), before);
    assert!(stage.inbox().is_empty());
}

#[test]
fn a_cancelled_entry_stays_gone() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    let key = stage.key();
    let removed = stage
        .house
        .engine
        .queue_remove(key.account, key.id)
        .unwrap();
    removed.wait().unwrap();
    let settled = stage
        .house
        .engine
        .queue_settle(key, &attempt(&[("x@far.test", never())]), 1);
    assert_eq!(settled.unwrap().wait().unwrap(), Settled::default());
    assert!(stage.entries().is_empty() && stage.inbox().is_empty());
}

#[test]
fn a_held_entry_is_not_due_and_is_not_opened() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    let (engine, key) = (&stage.house.engine, stage.key());
    engine
        .queue_hold(key.account, key.id, true)
        .unwrap()
        .wait()
        .unwrap();
    assert!(engine.queue_due(10).unwrap().is_empty());
    assert!(engine.queue_open(key).unwrap().is_none());
    assert!(engine.queue_retry(key).is_err());
    engine
        .queue_hold(key.account, key.id, false)
        .unwrap()
        .wait()
        .unwrap();
    assert_eq!(engine.queue_due(10).unwrap().len(), 1);
}

fn before_key(entry: &QueueState) -> EntryKey {
    EntryKey {
        account: entry.account,
        id: entry.id,
    }
}

#[test]
fn a_letter_that_must_arrive_in_time_goes_back_when_it_cannot() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    let now = stage.house.engine.now();
    let at = Timestamp(now.0 + 600 * Timestamp::PER_SECOND);
    let by = DeliverBy {
        at,
        late: Late::Return,
        trace: false,
    };
    let key = stage.key();
    let engine = &stage.house.engine;
    let wish = engine.queue_update(key.account, key.id, |due, letter, _| {
        letter.deliver_by = Some(by);
        due
    });
    wish.unwrap().wait().unwrap();
    let settled = stage.settle(&[("x@far.test", later())]);
    assert!(settled.due.unwrap() <= at, "not slept through");
    stage.house.pass(601);
    stage.settle(&[("x@far.test", later())]);
    assert!(stage.notice().contains("Status: 5.4.7"));
}

#[test]
fn who_set_a_time_hears_where_it_is_not_known_any_more_and_each_step_if_that_is_asked_for() {
    let never = Notify {
        never: true,
        ..NOTHING
    };
    for (next, late, trace, notify, is_told) in [
        (NextHop::Informs, Late::Notify, false, Notify::USUAL, false),
        (NextHop::Informs, Late::Return, true, Notify::USUAL, true),
        (NextHop::Untimed, Late::Notify, false, Notify::USUAL, true),
        (NextHop::Silent, Late::Notify, false, Notify::USUAL, true),
        (NextHop::Untimed, Late::Notify, true, never, false),
    ] {
        let house = Stage::with(&[("y@far.test", Notify::USUAL)]);
        let at = Timestamp(house.house.engine.now().0 + 600 * Timestamp::PER_SECOND);
        let wishes = Wishes {
            deliver_by: Some(DeliverBy { at, late, trace }),
            ..Wishes::default()
        };
        house.settle(&[("y@far.test", accepted(NextHop::Informs))]);
        let to = [("x@far.test", notify)];
        house.submit_with("alice@example.test", Return::Headers, &to, wishes);
        house.settle(&[("x@far.test", accepted(next))]);
        if is_told {
            let notice = house.notice();
            assert!(notice.contains("Action: relayed\r\n"), "{notice}");
            let by = "Deliver-By-Date: Fri, 1 May 2026 00:10:00 +0000\r\n";
            assert!(notice.contains(by), "{notice}");
        } else {
            assert!(house.inbox().is_empty(), "{next:?}");
        }
    }
}

#[test]
fn success_in_a_mailbox_here_is_told_to_who_asked_in_the_same_commit() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL)]);
    stage.house.person("bob@example.test").unwrap();
    let to = [
        ("bob@example.test", WITH_SUCCESS),
        ("alice@example.test", Notify::USUAL),
    ];
    stage.submit("alice@example.test", Return::Full, &to);
    let letters = stage.inbox();
    assert_eq!(letters.len(), 2, "{letters:?}");
    let notice = letters
        .iter()
        .find(|letter| letter.contains("Action: delivered"));
    let notice = notice.expect("a notice");
    assert!(
        notice.contains("Final-Recipient: rfc822; bob@example.test\r\n"),
        "{notice}"
    );
    assert!(!notice.contains("rfc822; alice@") && !notice.contains("Remote-MTA"));
    assert!(
        notice.contains("text/rfc822-headers"),
        "success returns no more"
    );
}

#[test]
fn who_was_served_leaves_though_the_rest_is_put_off() {
    let stage = Stage::with(&[("x@far.test", Notify::USUAL), ("y@far.test", Notify::USUAL)]);
    let now = stage.house.engine.now();
    let until = Timestamp(now.0 + 60 * Timestamp::PER_SECOND);
    let put_off = Attempt {
        put_off_until: Some(until),
        ..attempt(&[
            ("x@far.test", accepted(NextHop::Informs)),
            ("y@far.test", later()),
        ])
    };
    let settled = stage.house.engine.queue_settle(stage.key(), &put_off, 1);
    assert_eq!(settled.unwrap().wait().unwrap().due, Some(until));
    assert_eq!(stage.entry().letter.recipients.len(), 1);
}

/// A letter of alice to these, held for a day.
fn held_for_a_day(recipients: &[(&str, Notify)]) -> (Stage, Timestamp) {
    let stage = Stage::with(&[]);
    let now = stage.house.engine.now();
    let until = Timestamp::from_seconds(now.seconds() + 24 * HOUR);
    let wishes = Wishes {
        hold_until: Some(until),
        ..Wishes::default()
    };
    stage.submit_with("alice@example.test", Return::Headers, recipients, wishes);
    (stage, until)
}

#[test]
fn a_held_letter_is_due_when_its_sender_said_and_is_given_up_later_by_as_much() {
    let (stage, until) = held_for_a_day(&[("x@far.test", Notify::USUAL)]);
    let entry = stage.entry();
    assert_eq!(entry.due, until);
    assert_eq!(entry.letter.hold_until, Some(until));
    let days = (entry.letter.expires.seconds() - until.seconds()) / (24 * HOUR);
    assert_eq!(days, 5);
}

#[test]
fn the_first_attempt_after_a_hold_is_no_delay_and_a_notice_tells_of_the_hold() {
    let (stage, _) = held_for_a_day(&[("x@far.test", Notify::USUAL)]);
    stage.house.pass(24 * HOUR + 1);
    let settled = stage.settle(&[("x@far.test", later())]);
    assert_eq!(settled.notices, Vec::<String>::new());
    let soon = Timestamp::from_seconds(stage.house.engine.now().seconds() + HOUR);
    assert!(settled.due.is_some_and(|due| due < soon), "{settled:?}");
    stage.settle(&[("x@far.test", never())]);
    let notice = stage.notice();
    assert!(
        notice.contains("Future-Release-Request: until;2026-05-02T00:00:00Z\r\n"),
        "{notice}"
    );
}

#[test]
fn a_notice_tells_of_the_hold_as_the_sender_asked_for_it() {
    let stage = Stage::with(&[]);
    let until = stage.house.engine.now().plus_seconds(HOUR);
    let wishes = Wishes {
        hold_until: Some(until),
        hold_seconds: Some(3_600),
        ..Wishes::default()
    };
    let recipients = [("x@far.test", Notify::USUAL)];
    stage.submit_with("alice@example.test", Return::Headers, &recipients, wishes);
    stage.house.pass(HOUR + 1);
    stage.settle(&[("x@far.test", never())]);
    let notice = stage.notice();
    assert!(
        notice.contains("Future-Release-Request: for;3600\r\n"),
        "{notice}"
    );
}

#[test]
fn of_a_letter_that_demands_encryption_no_more_than_the_header_comes_back() {
    for (needs_tls, is_whole) in [(true, false), (false, true)] {
        let stage = Stage::with(&[]);
        let wishes = Wishes {
            needs_tls,
            ..Wishes::default()
        };
        let recipients = [("x@far.test", Notify::USUAL)];
        stage.submit_with("alice@example.test", Return::Full, &recipients, wishes);
        stage.settle(&[("x@far.test", never())]);
        let notice = stage.notice();
        assert_eq!(
            notice.contains("Content-Type: message/rfc822"),
            is_whole,
            "{notice}"
        );
    }
}

#[test]
fn a_letter_that_is_held_for_someone_here_reaches_their_mailbox_once_it_is_let_go() {
    let (stage, _) = held_for_a_day(&[("alice@example.test", Notify::USUAL)]);
    assert!(stage.inbox().is_empty());
    let engine = &stage.house.engine;
    assert_eq!(stage.entry().letter.route.as_deref(), Some("here"));
    let outgoing = engine.queue_open(stage.key()).unwrap().unwrap();
    let recipients = outgoing.letter.recipients.clone();
    let released = engine.queue_release_here(&outgoing, &recipients).unwrap();
    let verdicts = released.wait().unwrap();
    assert!(matches!(
        verdicts.as_slice(),
        [Verdict::Accepted(NextHop::Informs, _)]
    ));
    assert!(stage.inbox()[0].contains("Subject: hello"));
    stage.settle(&[("alice@example.test", verdicts[0].clone())]);
    assert!(stage.entries().is_empty());
}

#[test]
fn who_is_gone_when_a_held_letter_is_let_go_is_told_of_as_a_failure() {
    let (stage, _) = held_for_a_day(&[("alice@example.test", Notify::USUAL)]);
    let engine = &stage.house.engine;
    let outgoing = engine.queue_open(stage.key()).unwrap().unwrap();
    let mut recipients = outgoing.letter.recipients.clone();
    recipients[0].address = "nobody@example.test".to_owned();
    let released = engine.queue_release_here(&outgoing, &recipients).unwrap();
    let verdicts = released.wait().unwrap();
    assert!(matches!(&verdicts[..], [Verdict::Never(why)] if why.status == Status::new(5, 1, 1)));
}
