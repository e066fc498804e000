//! Bodies, extended buffers and auxiliary blocks: the reference's worked exchange, byte by byte.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

use crate::notation::{bytes, is};
use bytes::Bytes;
use mapi::codec::transport::auxiliary::{self, Block};
use mapi::codec::transport::body::*;
use mapi::codec::transport::extended::{self, Packing, Position};
use mapi::codec::wire::{Form, Malformed, decode};

const ALICE: &str =
    "/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=alice";

#[test]
fn a_connect_request_names_who_signed_in() {
    let request = ConnectRequest {
        user_name: ALICE.into(),
        flags: 0,
        default_code_page: 1252,
        sort_locale: 0x409,
        string_locale: 0x409,
        auxiliary: Bytes::new(),
    };
    is(
        Form::Rop,
        &request,
        &format!(
            r#""{ALICE}" 00 | 00 00 00 00 | E4 04 00 00 | 09 04 00 00 | 09 04 00 00 | 00 00 00 00"#
        ),
    );
}

/// What this server says of itself when a session begins.
fn capabilities() -> Vec<Block> {
    vec![
        Block::organization(0),
        Block::client_control(0x0c, 604_800_000),
        Block::endpoint_capabilities(1),
        Block::server_capabilities(0),
    ]
}

#[test]
fn a_connect_response_says_what_the_server_can() {
    let auxiliary = auxiliary::write(&capabilities()).unwrap();
    assert_eq!(auxiliary::read(&auxiliary), Ok(capabilities()));
    let response = Answer::Said(ConnectResponse {
        error_code: 0,
        polls_max_milliseconds: 60_000,
        retry_count: 6,
        retry_delay_milliseconds: 10_000,
        name_prefix: "".into(),
        display_name: "Alice".to_owned(),
        auxiliary: auxiliary.into(),
    });
    is(
        Form::Rop,
        &response,
        "00 00 00 00 00 00 00 00 60 EA 00 00 06 00 00 00
         10 27 00 00 00 41 00 6C 00 69 00 63 00 65 00 00
         00 2C 00 00 00 00 00 04 00 24 00 24 00 08 00 01
         17 00 00 00 00 0C 00 01 0A 0C 00 00 00 00 84 0C
         24 08 00 01 48 01 00 00 00 08 00 01 46 00 00 00
         00",
    );
}

#[test]
fn an_execute_request_carries_buffers() {
    let rops = bytes(&format!(
        r#"65 00 FE 00 00 01 0C 04 00 01 00 00 00 00 55 00 "{ALICE}" 00 FF FF FF FF"#
    ));
    let request = ExecuteRequest {
        flags: execute_flags::NO_COMPRESSION | execute_flags::NO_XOR_MAGIC,
        rop_buffer: extended::pack(&rops, Packing::Plain, Position::Last)
            .unwrap()
            .into(),
        rop_out_bytes_max: 0x1_0008,
        auxiliary: Bytes::new(),
    };
    is(
        Form::Rop,
        &request,
        &format!(
            r#"03 00 00 00 71 00 00 00 00 00 04 00 69 00 69 00
               65 00 FE 00 00 01 0C 04 00 01 00 00 00 00 55 00
               "{ALICE}" 00 FF FF FF FF 08 00 01 00 00 00 00 00"#
        ),
    );
    assert_eq!(extended::unpack(&request.rop_buffer), Ok(vec![rops]));
}

#[test]
fn an_execute_response_carries_buffers() {
    let response = Answer::Said(ExecuteResponse {
        error_code: 0,
        flags: 0,
        rop_buffer: Bytes::from_static(b"\x01\x02"),
        auxiliary: Bytes::new(),
    });
    is(
        Form::Rop,
        &response,
        "00 00 00 00 | 00 00 00 00 | 00 00 00 00 | 02 00 00 00 01 02 | 00 00 00 00",
    );
}

#[test]
fn a_call_that_fails_says_only_why() {
    let response: Answer<ExecuteResponse> = Answer::Failed(Failure {
        status_code: 0x0000_04b6,
        auxiliary: Bytes::new(),
    });
    let expected = bytes("B6 04 00 00 | 00 00 00 00");
    assert_eq!(
        mapi::codec::wire::encode(&response, Form::Rop),
        Ok(expected.clone())
    );
    assert_eq!(decode(&expected, Form::Rop), Ok(response));
}

#[test]
fn a_session_ends_with_or_without_a_body() {
    let request = DisconnectRequest {
        auxiliary: Bytes::new(),
    };
    for body in ["", "00 00 00 00"] {
        assert_eq!(decode(&bytes(body), Form::Rop).as_ref(), Ok(&request));
    }
    let response = Answer::Said(DisconnectResponse {
        error_code: 0,
        auxiliary: Bytes::new(),
    });
    is(
        Form::Rop,
        &response,
        "00 00 00 00 | 00 00 00 00 | 00 00 00 00",
    );
}

#[test]
fn a_wait_ends_with_what_is_pending() {
    let request = NotificationWaitRequest {
        flags: 0,
        auxiliary: Bytes::new(),
    };
    assert_eq!(
        decode(&bytes("00 00 00 00 | 00 00 00 00"), Form::Rop),
        Ok(request)
    );
    let response = Answer::Said(NotificationWaitResponse {
        error_code: 0,
        event_pending: 1,
        auxiliary: Bytes::new(),
    });
    is(
        Form::Rop,
        &response,
        "00 00 00 00 | 00 00 00 00 | 01 00 00 00 | 00 00 00 00",
    );
}

#[test]
fn what_a_client_measures_is_skipped_by_its_size() {
    // A PERF_REQUESTID, and a kind that nobody has described.
    let sent = bytes("08 00 01 01 | 01 00 02 00 | 08 00 01 52 | DE AD BE EF");
    let buffer = extended::pack(&sent, Packing::Plain, Position::Last).unwrap();
    let kinds: Vec<u8> = auxiliary::read(&buffer)
        .unwrap()
        .iter()
        .map(|block| block.kind)
        .collect();
    assert_eq!(kinds, [0x01, 0x52]);
    assert_eq!(auxiliary::read(&[]), Ok(vec![]));
    let lying = extended::pack(&bytes("03 00 01 01"), Packing::Plain, Position::Last).unwrap();
    assert_eq!(auxiliary::read(&lying), Err(Malformed::Length));
}
