//! What name servers and web servers answer, with faults put into it: whatever comes, nothing fails
//! and nothing becomes a policy or a key that is none.

use super::dane::{Matching, usable};
use super::fetch::body;
use super::names::tlsa_record;
use super::sts::Policy;
use engine::rehearsal::mutation;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::RData;

/// Answers of web servers with a policy in them.
const PAGES: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 76\r\n\r\n\
      version: STSv1\r\nmode: enforce\r\nmx: *.mx.test\r\nmx: a.test\r\nmax_age: 604800\r\n",
    b"HTTP/1.0 404 Not Found\r\nTransfer-Encoding: chunked\r\nX:y\r\n\r\nmode: none\nmx: .\n",
];
/// Answers of name servers: a TLSA record behind its question, and an MX with a pointer.
const ANSWERS: &[&[u8]] = &[
    b"\0\x01\x85\x80\0\x01\0\x01\0\0\0\0\x03_25\x04_tcp\x01a\x04test\0\0\x34\0\x01\xc0\x0c\0\x34\
      \0\x01\0\0\x00\x3c\0\x23\x03\x01\x010123456789abcdef0123456789abcdef",
    b"\0\x02\x85\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x0f\0\x01\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\
      \0\x07\0\x0a\x02mx\xc0\x0c",
];

fn page(bytes: &[u8]) {
    let text = body(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
    let Some(policy) = Policy::parse(&text) else {
        return;
    };
    assert!(text.contains("STSv1"));
    assert!(!policy.allows(""), "no name is nobody's");
    // A pattern stands for one label.
    if !text.contains("b.mx.test") {
        assert!(!policy.allows("b.b.mx.test"));
    }
}

fn answer(bytes: &[u8]) {
    let Ok(message) = Message::from_vec(bytes) else {
        return;
    };
    let keys = message
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::TLSA(tlsa) => Some(tlsa_record(tlsa)),
            _ => None,
        });
    for key in usable(keys.collect()) {
        let bytes = key.data.len();
        assert!(match key.matching {
            Matching::Exact => bytes > 0,
            Matching::Sha256 => bytes == 32,
            Matching::Sha512 => bytes == 64,
            Matching::Other(_) => false,
        });
    }
}

#[test]
fn policies_over_https() {
    mutation::run(PAGES, b"\r\n :;*.STSv1", 20_000, page);
}

#[test]
fn answers_of_name_servers() {
    for whole in ANSWERS {
        let message = Message::from_vec(whole).unwrap();
        assert_eq!(message.answers.len(), 1);
    }
    mutation::run(ANSWERS, b"\0\x01\x03\x0c\x3f\xc0\xff", 20_000, answer);
}
