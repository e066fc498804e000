//! What name servers and web servers answer, whatever it is: nothing becomes a policy or a key that
//! is none.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these tell")]

use super::dane::{Matching, usable};
use super::fetch::body;
use super::names::tlsa_record;
use super::sts::{Policy, id};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::RData;

/// The answer of a web server, with a policy (MTA-STS) in it, or a policy alone; and the record that
/// announces one.
pub fn policy(bytes: &[u8]) {
    let text = body(bytes).unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned());
    if let Some(id) = id(std::slice::from_ref(&text)) {
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
    let Some(policy) = Policy::parse(&text) else {
        return;
    };
    assert!(text.contains("STSv1"));
    assert!(!policy.allows(""), "no name is nobody's");
    let again = Policy::parse(&policy.lines().join("\n"));
    assert_eq!(
        again.as_ref(),
        Some(&policy),
        "what is told of it is the same"
    );
    // A pattern stands for one label.
    if !text.contains("b.mx.test") {
        assert!(!policy.allows("b.b.mx.test"));
    }
}

/// The answer of a name server: of its keys (TLSA) only those are used that can be.
pub fn answer(bytes: &[u8]) {
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
