//! What people do with letters is remembered of those who sent them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test fails by panicking.

use engine::delivery::Arrival;
use engine::examination::authentication::{Authentication, Outcome, Signature};
use engine::examination::{Examination, Examined};
use engine::rehearsal::Rehearsal;
use engine::spam::reputation::Origins;
use engine::{Envelope, FolderId, Reading, Role, Settings, Shelf, Staged, Transfer, UidSet, User};
use std::ops::ControlFlow;

const SIGNED: &str = "Authentication-Results: mx.example.test;\r\n\tdkim=pass header.d=far.test \
                      header.s=a;\r\n\tdkim=fail header.d=bank.test header.s=b\r\n";

struct Stage {
    house: Rehearsal,
    alice: User,
}

impl Stage {
    fn new(settings: Settings) -> Self {
        let house = Rehearsal::new(settings).unwrap();
        let alice = house.person("alice@example.test").unwrap();
        Self { house, alice }
    }

    fn staged(&self) -> Staged {
        let mut upload = self.house.engine.upload().unwrap();
        upload.write(b"From: x@far.test\r\n\r\nHello\r\n").unwrap();
        upload.finish().unwrap()
    }

    fn deliver(&self) {
        let envelope = self.house.envelope("x@far.test", &["alice@example.test"]);
        let envelope = Envelope {
            arrival: Arrival {
                peer: Some("192.0.2.7".parse().unwrap()),
                examined: Examined {
                    lines: SIGNED.to_owned(),
                    ..Examined::default()
                },
                ..Arrival::default()
            },
            ..envelope.unwrap()
        };
        let delivered = self.house.engine.deliver(&envelope, &self.staged());
        delivered.unwrap().wait().unwrap();
    }

    /// Alice moves everything from one folder to another.
    fn moves(&self, from: Role, to: Role) {
        let account = self.house.engine.account(&self.alice, 1);
        let folder = |role| -> FolderId {
            let view = account.read().unwrap();
            view.folder_with_role(role).unwrap().unwrap().0
        };
        let (from, to) = (folder(from), folder(to));
        let mut uids = Vec::new();
        let view = account.read().unwrap();
        view.items(from, Shelf::Mail, 1..=u32::MAX, &mut |uid, _| {
            uids.push(uid);
            ControlFlow::Continue(())
        })
        .unwrap();
        drop(view);
        let uids: UidSet = uids.into_iter().collect();
        let done = account.write(|txn| txn.transfer_all(Transfer::Move, from, &uids, to));
        done.unwrap().wait().unwrap();
        self.house.engine.learn_waiting(1_000).unwrap();
    }

    /// Names of the reasons, with their tenths of points.
    fn reputation(&self, signer: &str, sender: &str, peer: &str) -> Vec<(String, i32)> {
        let arrival = Examination {
            peer: Some(peer.parse().unwrap()),
            greeting: String::new(),
            sender: sender.to_owned(),
            recipients: Vec::new(),
            submitter: None,
            is_encrypted: false,
            header: bytes::Bytes::new(),
            letter: self.staged(),
        };
        let found = Authentication {
            signatures: vec![Signature {
                outcome: Outcome::Pass,
                domain: signer.to_owned(),
                selector: "a".to_owned(),
            }],
            ..Authentication::default()
        };
        let origins = Origins::of_arrival(&arrival, &found);
        let reasons = self.house.engine.reputation(&origins).unwrap();
        let told = reasons.into_iter().map(|one| (one.name, one.points.0));
        told.collect()
    }
}

fn named(all: &[(&str, i32)]) -> Vec<(String, i32)> {
    all.iter()
        .map(|(name, points)| ((*name).to_owned(), *points))
        .collect()
}

#[test]
fn who_sent_what_nobody_wanted_is_known_by_domain_sender_and_address() {
    let stage = Stage::new(Settings::default());
    for _ in 0..6 {
        stage.deliver();
    }
    assert!(
        stage
            .reputation("far.test", "x@far.test", "192.0.2.7")
            .is_empty()
    );
    stage.moves(Role::Inbox, Role::Junk);
    let all = [
        ("REPUTATION_DOMAIN", 15),
        ("REPUTATION_SENDER", 15),
        ("REPUTATION_ADDRESS", 15),
    ];
    assert_eq!(
        stage.reputation("far.test", "y@far.test", "192.0.2.7"),
        named(&all)
    );
    let neighbour = stage.reputation("other.test", "y@far.test", "192.0.2.8");
    assert_eq!(neighbour, named(&[("REPUTATION_SENDER", 15)]));
    let bank = stage.reputation("bank.test", "y@bank.test", "198.51.100.1");
    assert!(
        bank.is_empty(),
        "a signature that does not hold spoils nobody's name"
    );
}

#[test]
fn a_change_of_mind_makes_it_good_again() {
    let stage = Stage::new(Settings::default());
    for _ in 0..6 {
        stage.deliver();
    }
    stage.moves(Role::Inbox, Role::Junk);
    stage.moves(Role::Junk, Role::Inbox);
    let known = stage.reputation("far.test", "z@else.test", "198.51.100.1");
    assert_eq!(known, named(&[("REPUTATION_DOMAIN", -8)]));
}

#[test]
fn nothing_is_said_where_one_does_not_learn_for_all() {
    let mut settings = Settings::default();
    settings.spam.learn_for_all = false;
    let stage = Stage::new(settings);
    for _ in 0..6 {
        stage.deliver();
    }
    stage.moves(Role::Inbox, Role::Junk);
    assert!(
        stage
            .reputation("far.test", "x@far.test", "192.0.2.7")
            .is_empty()
    );
}
