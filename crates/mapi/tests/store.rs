//! A mailbox as a whole: who opens it, and what it says of itself.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, house, logon_request, number};
use engine::rehearsal::Rehearsal;
use engine::{Allowance, Grant, Grantee, Reading, Rights, Role, User};
use mapi::codec::data::{ObjectId, Outcome, Value};
use mapi::codec::rop::{Reply, Request, Response, logon};

const LOGON: u8 = 0;
const FOLDER: u8 = 1;
/// Flags of the answer to a logon.
const OWNER: u8 = 2;
const SEND_AS: u8 = 4;

fn grant(house: &Rehearsal, owner: &User, to: &User, role: Role, rights: Rights) {
    let account = house.engine.account(owner, 5);
    let view = account.read().unwrap();
    let (folder, _) = view.folder_with_role(role).unwrap().unwrap();
    drop(view);
    let grant = Grant {
        member: 1,
        grantee: Grantee::Account(to.account),
        rights,
    };
    let done = account.write(|txn| txn.set_grants(folder, vec![grant]));
    done.unwrap().wait().unwrap();
}

fn flags(client: &Client) -> u8 {
    client.logon.as_ref().unwrap().response_flags
}

#[test]
fn a_guest_sees_what_was_shared_and_is_told_what_they_may_do() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let otto = house.person("otto@example.test").unwrap();
    let own = Client::new(&house, &ida, &ida);
    assert_eq!(flags(&own) & (OWNER | SEND_AS), OWNER | SEND_AS);
    grant(
        &house,
        &ida,
        &otto,
        Role::Inbox,
        Rights::READ | Rights::VISIBLE,
    );
    let mut guest = Client::new(&house, &otto, &ida);
    assert_eq!(flags(&guest) & (OWNER | SEND_AS), 0);
    // The folders that are not shared have no number for a guest.
    let inbox = guest.special(4);
    assert_eq!(inbox, own.special(4));
    assert_eq!(guest.special(6), ObjectId::default());
    guest.open_folder(inbox, FOLDER);
    let all = Rights::VISIBLE | Rights::INSERT | Rights::POST | Rights::ADMINISTER;
    grant(&house, &ida, &otto, Role::Sent, all);
    assert_eq!(flags(&Client::new(&house, &otto, &ida)) & SEND_AS, SEND_AS);
}

#[test]
fn an_administrator_opens_any_mailbox_if_they_say_so() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let otto = house.person("otto@example.test").unwrap();
    // Whoever owns it has made its folders by then.
    let own = Client::new(&house, &ida, &ida);
    let open = || {
        Request::Logon(logon::Logon {
            open_flags: 1,
            ..logon_request(&ida)
        })
    };
    let mut person = Client::connected(&house, &otto);
    assert_eq!(person.code(LOGON, LOGON, open()), 0x0000_03f2);
    let administrator = User {
        administrator: true,
        ..otto
    };
    let mut client = Client::connected(&house, &administrator);
    let Reply::Said {
        code: 0,
        response: Response::Logon(opened),
        ..
    } = client.call(LOGON, LOGON, open(), &[])
    else {
        panic!()
    };
    let logon::LoggedOnStore::Private(store) = opened.store else {
        panic!()
    };
    assert_eq!(store.folders[4], own.special(4));
    assert_eq!(store.response_flags & (OWNER | SEND_AS), OWNER);
    client.open_folder(store.folders[4], FOLDER);
    client.create_message(store.folders[4], false, FOLDER);
}

#[test]
fn a_mailbox_says_how_much_may_be_in_it() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = Client::new(&house, &ida, &ida);
    let tags = [
        0x666d_0003,
        0x0e08_0014,
        0x3414_0102,
        0x666a_0003,
        0x3ff5_0003,
    ];
    let told = client.properties(LOGON, &tags);
    assert_eq!(number(&told[0]), 150 * 1024);
    assert_eq!(number(&told[1]), 0);
    assert!(matches!(&told[2].outcome, Outcome::Value(Value::Binary(id)) if id.len() == 16));
    // Without a limit there is none to tell.
    assert_eq!(told[3].outcome, Outcome::Error(0x8004_010f));
    let limit = Some(10 * 1024 * 1024);
    let administrator = User {
        administrator: true,
        ..ida
    };
    let account = house.engine.account(&administrator, 5);
    let allowance = Allowance {
        bytes: limit,
        ..Allowance::default()
    };
    account.set_quota(allowance).unwrap().wait().unwrap();
    let told = client.properties(LOGON, &tags);
    assert_eq!((number(&told[3]), number(&told[4])), (10 * 1024, 9 * 1024));
}
