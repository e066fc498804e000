//! What a person has read in folders of other servers.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, house};
use bytes::Bytes;
use mapi::codec::data::{GlobalCounter, Guid, LongTermId};
use mapi::codec::rop::{Reply, Request, Response, logon};

fn ida() -> Client {
    let house = house();
    let user = house.person("ida@example.test").unwrap();
    Client::new(&house, &user, &user)
}

/// A database of folders elsewhere, and the folders in it.
const DATABASE: Guid = Guid([7; 16]);

fn elsewhere(number: u64) -> LongTermId {
    LongTermId {
        replica: Guid([9; 16]),
        counter: GlobalCounter::new(number).unwrap(),
        pad: 0,
    }
}

fn write_read_state(
    client: &mut Client,
    data: &'static [u8],
    data_offset: u32,
    has_finished: bool,
) -> Reply {
    let request = logon::WritePerUserInformation {
        folder: elsewhere(1),
        has_finished,
        data_offset,
        data: data.into(),
        replica: (data_offset == 0).then_some(DATABASE),
    };
    client.call(0, 0, Request::WritePerUserInformation(request), &[])
}

fn read_state(client: &mut Client, data_offset: u32, data_bytes_max: u16) -> (bool, Bytes) {
    let request = logon::ReadPerUserInformation {
        folder: elsewhere(1),
        reserved: 0,
        data_offset,
        data_bytes_max,
    };
    match client.ask(0, 0, Request::ReadPerUserInformation(request)) {
        Response::ReadPerUserInformation(told) => (told.has_finished, told.data),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_refused(reply: &Reply, expected: u32) {
    assert!(
        matches!(reply, Reply::Refused { code, .. } if *code == expected),
        "{reply:?}"
    );
}

#[test]
fn what_was_read_in_folders_elsewhere_is_kept_when_all_of_it_came() {
    let mut client = ida();
    assert_eq!(read_state(&mut client, 0, 0), (true, "".into()));
    write_read_state(&mut client, b"first, ", 0, false);
    assert_eq!(read_state(&mut client, 0, 0), (true, "".into()), "not yet");
    let reply = write_read_state(&mut client, b"elsewhere", 3, true);
    check_refused(&reply, 0x8007_0057);
    write_read_state(&mut client, b"first, ", 0, false);
    write_read_state(&mut client, b"then", 7, true);
    assert_eq!(read_state(&mut client, 0, 0), (true, "first, then".into()));
    assert_eq!(read_state(&mut client, 2, 3), (false, "rst".into()));
    write_read_state(&mut client, b"other", 0, true);
    assert_eq!(read_state(&mut client, 0, 0), (true, "other".into()));
}

#[test]
fn folders_elsewhere_are_found_by_their_database() {
    let mut client = ida();
    write_read_state(&mut client, b"all", 0, true);
    let of = logon::Database { database: DATABASE };
    let request = Request::PerUserLongTermIds(of.clone());
    let Response::PerUserLongTermIds(told) = client.ask(0, 0, request) else {
        panic!()
    };
    assert_eq!(told.ids, [elsewhere(1)]);
    let id = logon::LongId { id: elsewhere(1) };
    let told = client.ask(0, 0, Request::PerUserGuid(id));
    assert_eq!(told, Response::PerUserGuid(of));
    let unknown = logon::LongId { id: elsewhere(2) };
    let reply = client.call(0, 0, Request::PerUserGuid(unknown), &[]);
    check_refused(&reply, 0x8004_010f);
}
