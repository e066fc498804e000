//! A short run of the fuzz targets on mutated examples, the same in each run.

#![allow(clippy::indexing_slicing)] // A test fails by panicking.

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target.
const ROUNDS: u64 = 12_000;

const EXAMPLES: &[&[u8]] = &[
    b"EHLO client.example\r\nMAIL FROM:<a@elsewhere.test> SIZE=100 RET=HDRS ENVID=QQ+2B1\r\n\
      RCPT TO:<alice@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c.example\r\n\
      DATA\r\nSubject: x\r\n\r\n..a\r\n.\r\nQUIT\r\n",
    b"LHLO client.example\r\nMAIL FROM:<> BODY=BINARYMIME SMTPUTF8\r\n\
      RCPT TO:<\"alice\"@example.test>\r\nBDAT 5\r\nA: b\r\nBDAT 0 LAST\r\nRSET\r\nSTARTTLS\r\n",
    b"HELO [IPv6:2001:db8::1]\r\nAUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABhbGljZQ==\r\n\
      AUTH LOGIN\r\nYWxpY2U=\r\n*\r\nMAIL FROM:<@r.test:a@b.test>\r\nRCPT TO:<postmaster>\r\n",
    b"a\r\n..b\r\n...\r\n.\r\nMAIL FROM:<a@b.test>\r\n",
];

/// Bytes that mean something in a dialogue.
const LOVED: &[u8] = b"\r\n\0. <>@\"\\\xff0";

fn run(rounds: u64, target: fn(&[u8])) {
    engine::rehearsal::mutation::run(EXAMPLES, LOVED, rounds, target);
}

#[test]
fn commands() {
    run(ROUNDS, entry::commands);
}

#[test]
fn letters() {
    run(ROUNDS, entry::letter);
}

#[test]
fn sessions() {
    run(ROUNDS / 200, entry::session);
}
