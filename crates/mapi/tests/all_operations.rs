//! The specification's table of operations, number by number: each is answered or refused by a code
//! of its own; a number that is reserved makes the whole request fail.
//!
//! Source: [MS-OXCROPS] 2.2.2.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::client::{Client, house};
use crate::notation::bytes;
use mapi::codec::rop::{Call, Indices, Reply, Request, buffer, indices};
use mapi::codec::transport::body::{Answer, ExecuteRequest};
use mapi::codec::transport::extended::{self, Packing, Position};
use mapi::codec::wire::{Form, decode};

const NOT_SUPPORTED: u32 = 0x8004_0102;
const RPC_FORMAT: u32 = 0x0000_04b6;
/// Only servers send these: a change, that there are changes, no room, a pause.
const OF_SERVERS: [u8; 4] = [0x2a, 0x6e, 0xff, 0xf9];
/// What changed since: the second half.
const SYNCHRONISATION: [u8; 13] = [
    0x70, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x7e, 0x7f, 0x80, 0x82, 0x93,
];
const RELEASE: u8 = 0x01;

fn is_reserved(number: u8) -> bool {
    matches!(
        number,
        0x00 | 0x28
            | 0x3c
            | 0x3d
            | 0x62
            | 0x65
            | 0x6a
            | 0x71
            | 0x7c
            | 0x7d
            | 0x83..=0x85
            | 0x87
            | 0x88
            | 0x8a..=0x8f
            | 0x94..=0x9c
            | 0x9e..=0xa2
            | 0xa4..=0xf8
            | 0xfa..=0xfd
    )
}

/// A request of each operation.
fn examples() -> Vec<Call> {
    let lines = include_str!("examples/rops.txt").lines();
    let requests = lines.filter_map(|line| line.strip_prefix('>'));
    let calls = requests.map(|line| decode(&bytes(line), Form::Rop).unwrap());
    calls.collect()
}

#[test]
fn every_number_of_the_table_is_known_and_no_other() {
    for number in 0..=u8::MAX {
        let is_known = Request::NUMBERS.contains(&number);
        let is_request = !is_reserved(number) && !OF_SERVERS.contains(&number);
        assert_eq!(is_known, is_request, "{number:02X}");
        assert_eq!(indices(number).is_some(), is_request, "{number:02X}");
    }
}

/// Nobody can tell where an operation ends whose number is reserved, or which only servers send.
#[test]
fn a_reserved_number_makes_the_whole_request_fail() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    let mut client = Client::new(&house, &ida, &ida);
    let unknown = (0..=u8::MAX).filter(|number| !Request::NUMBERS.contains(number));
    for number in unknown {
        // What comes before it is not done either.
        let list = [0x01, 0, 0, number, 0, 0, 0, 0];
        let payload = buffer::join(&list, &client.handles).unwrap();
        let request = ExecuteRequest {
            flags: 0,
            rop_buffer: extended::pack(&payload, Packing::Plain, Position::Last)
                .unwrap()
                .into(),
            rop_out_bytes_max: 0x8008,
            auxiliary: bytes::Bytes::new(),
        };
        match client.session.execute(&request) {
            Answer::Failed(failed) => assert_eq!(failed.status_code, RPC_FORMAT, "{number:02X}"),
            Answer::Said(said) => assert_eq!(said.error_code, RPC_FORMAT, "{number:02X}"),
        }
    }
    let request = Request::AddressTypes(mapi::codec::wire::Nothing);
    assert_eq!(client.code(0, 0, request), 0, "the logon is still there");
}

#[test]
fn every_operation_is_answered_or_refused_by_a_code_of_its_own() {
    let house = house();
    let ida = house.person("ida@example.test").unwrap();
    for example in examples() {
        let number = example.request.number();
        if number == RELEASE {
            continue;
        }
        let mut client = Client::new(&house, &ida, &ida);
        let target = match indices(number) {
            Some(Indices::Input | Indices::SourceDestination) => 0,
            _ => 1,
        };
        let call = Call {
            logon_id: 0,
            input: 0,
            target,
            request: example.request.clone(),
        };
        let columns = match &example.request {
            Request::PropertiesSpecific(asked) => asked.tags.clone(),
            _ => Vec::new(),
        };
        let reply = client.send(&[call], 0x1_0008, &columns).remove(0);
        let code = match &reply {
            Reply::Said { code, .. } | Reply::Refused { code, .. } => *code,
            Reply::NoDestination { .. } => 0x0000_0503,
            other => panic!("{number:02X}: {other:?}"),
        };
        if SYNCHRONISATION.contains(&number) {
            assert_eq!(code, NOT_SUPPORTED, "{number:02X}");
        }
    }
}
