//! Letters that one user of this server submits in the name of another.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test fails by panicking.

mod harness;

use engine::rehearsal::Rehearsal;
use engine::{Grant, Grantee, Reading, Rights, Role as FolderRole};
use harness::{house, inbox, stage_with};
use smtp::{Limits, Role};

/// Lets Alice do this among the letters that Bob has sent.
fn grant(house: &Rehearsal, rights: Rights) {
    let [alice, bob] =
        ["alice@example.test", "bob@example.test"].map(|address| house.number(address).unwrap());
    let account = house.engine.account_as_server(bob);
    let view = account.read().unwrap();
    let (sent, _) = view.folder_with_role(FolderRole::Sent).unwrap().unwrap();
    drop(view);
    let grant = Grant {
        member: 1,
        grantee: Grantee::Account(alice),
        rights,
    };
    let done = account.write(|txn| txn.set_grants(sent, vec![grant]));
    done.unwrap().wait().unwrap();
}

/// What Alice hears when she submits a letter with this header.
fn submit(house: &Rehearsal, header: &str) -> String {
    let mut stage = stage_with(house, Role::Submission, true, Limits::default());
    stage.send(b"EHLO client.example\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==\r\n");
    stage.send(b"MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n");
    stage.take();
    stage.send(format!("{header}\r\nbody\r\n.\r\n").as_bytes());
    stage.take()
}

const FILING: Rights = Rights(Rights::VISIBLE.0 | Rights::INSERT.0 | Rights::POST.0);
const FROM_BOB: &str = "From: Bob <bob@example.test>\r\n";
const NOT_YOURS: &str = "550 5.7.1 From address is not yours\r\n";

#[test]
fn on_behalf_of_another_a_letter_says_who_sent_it() {
    let house = house();
    grant(&house, FILING);
    assert_eq!(submit(&house, FROM_BOB), NOT_YOURS);
    let by_bob = format!("{FROM_BOB}Sender: bob@example.test\r\n");
    assert_eq!(submit(&house, &by_bob), NOT_YOURS);
    let by_alice = format!("{FROM_BOB}Sender: Alice <alice@example.test>\r\n");
    assert!(submit(&house, &by_alice).starts_with("250 "));
    assert_eq!(inbox(&house, "bob@example.test").len(), 1);
}

#[test]
fn who_gives_the_rights_of_sent_letters_writes_as_their_owner() {
    let house = house();
    grant(&house, FILING | Rights::ADMINISTER);
    assert!(submit(&house, FROM_BOB).starts_with("250 "));
    grant(&house, Rights::READ | Rights::VISIBLE | Rights::ADMINISTER);
    assert_eq!(submit(&house, FROM_BOB), NOT_YOURS);
}
