//! What is fuzzed: each function takes any bytes, reads them as the server reads what comes from
//! outside, and fails if something does not hold that must.
//!
//! The targets in `fuzz` hand over what libFuzzer finds; the tests here hand over mutated examples in
//! every run. Where something private is read, the function lies beside it.

#![allow(clippy::missing_panics_doc, reason = "to panic is how these tell")]

pub use crate::driver::client_certificates::read_any as certificate;
pub use crate::examination::fuzzed::{packets as milter, record, signatures, verdict};
pub use crate::outbound::fuzzed::{answer, policy};
pub use crate::reports::fuzzed::report;
pub use crate::sendmail::fuzzed::local_letter;
pub use crate::tokens::fuzzed::token;

use crate::configuration::Configuration;
use crate::outbound::route::Routes;

/// The configuration file.
pub fn configuration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Configuration::parse(&text, "name") {
        Ok(found) => drop(Routes::new(&found.delivery)),
        Err(error) => {
            let line = error.to_string();
            assert!(
                line.starts_with("name:") && !line.contains('\n'),
                "{line:?}"
            );
        }
    }
}

#[cfg(test)]
mod briefly {
    /// Of those who prove who wrote a letter.
    mod proofs {
        engine::fuzz_briefly! {
            seeds: "record_spf" "record_dmarc" "record_dkim" "signed_letter";
            loved: b"\r\n\t ;:=,<>@\"()%{}/.-_\0\xff";
            records = crate::fuzzed::record, 20_000;
            signatures = crate::fuzzed::signatures, 4_000;
        }
    }

    /// Of those who say how a domain's servers are to be reached.
    mod ways {
        engine::fuzz_briefly! {
            seeds: "policy_page" "policy_missing" "record_sts";
            loved: b"\r\n :;*.STSv1";
            policies = crate::fuzzed::policy, 20_000;
        }
    }

    /// Of name servers, certificates and milters.
    mod octets {
        engine::fuzz_briefly! {
            seeds: "answer_tlsa" "answer_mx" "answer_texts" "certificate" "milter_adds"
                "milter_replaces" "milter_refuses";
            loved: b"\0\x01\x03\x0c\x30\x3f\x81\xc0\xffcahimbqryO\r\n: ";
            answers = crate::fuzzed::answer, 20_000;
            certificates = crate::fuzzed::certificate, 10_000;
            packets = crate::fuzzed::milter, 20_000;
        }
    }

    /// Of programs that judge letters.
    mod judges {
        engine::fuzz_briefly! {
            seeds: "rspamd" "clamd";
            loved: b"\r\n\0\x1b{}\":,.eE-9";
            verdicts = crate::fuzzed::verdict, 20_000;
        }
    }

    /// Of those who report to us.
    mod reports {
        engine::fuzz_briefly! {
            seeds: "report_aggregate" "report_tls" "report_failure" "report_gzip" "report_zip";
            loved: b"<>/!?&;\"'[]-={}:,\\\0\r\n\t \x1f\x8b\x08PK\x03\x04\xff";
            reports = crate::fuzzed::report, 8_000;
        }
    }

    /// Of those who sign in by a token.
    mod tokens {
        engine::fuzz_briefly! {
            seeds: "token" "token_claims" "token_keys";
            loved: b"{}[]\":,.-_eE0129\\ truefalsn";
            tokens = crate::fuzzed::token, 8_000;
        }
    }

    /// Of this machine.
    mod local {
        engine::fuzz_briefly! {
            seeds: "configuration" "local_letter";
            loved: b"\r\n\t ;:=,<>@\"()[]{}#'.-\\\0\xff";
            configurations = crate::fuzzed::configuration, 4_000;
            letters = crate::fuzzed::local_letter, 8_000;
        }
    }
}
