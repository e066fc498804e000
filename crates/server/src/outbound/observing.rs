//! What became of encryption towards a domain, in the words of the reports about it.
//!
//! Only what is said to a domain's own mail servers is reported, and nothing of letters that waive
//! encryption: reports are among them. Start at [`session`] and [`without_policy`].
//!
//! Standards: RFC 8460 §4.3 (results), §4.4 (policies).

use super::candidates::Candidate;
use super::connection::{Connection, Encrypted, NoConnection, TlsFailure};
use super::dane::{Matching, Record, Selector, Usage};
use super::demand::Demand;
use super::sts;
use super::tls::Proof;
use crate::reports::observed::{Failed, Policy, Session};
use crate::zone::hexadecimal;
use engine::queue::{Reason, Status};
use rustls::CertificateError;
use std::io;

/// Characters of an error that are told.
const REASON_CHARS_MAX: usize = 200;

/// The other server does not offer encryption.
const NOT_OFFERED: &str = "starttls-not-supported";
/// What has no word of its own.
const OTHER: &str = "validation-failure";

/// The word for a handshake that failed.
pub fn result_of(error: &io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let Some(rustls::Error::InvalidCertificate(why)) = inner else {
        return OTHER;
    };
    match why {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => "certificate-expired",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "certificate-host-mismatch"
        }
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::Revoked => "certificate-not-trusted",
        _ => OTHER,
    }
}

/// How it went with one host, or `None` if that says nothing of encryption.
pub fn session(
    domain: &str,
    policy: Option<&sts::Policy>,
    candidate: &Candidate,
    demand: &Result<Demand, Reason>,
    opened: &Result<Connection, NoConnection>,
) -> Option<Session> {
    let source = match opened {
        Ok(connection) => connection.source,
        Err(none) => none.source,
    };
    let failed = |result: &str, why: &str| {
        Err(Failed {
            result: result.to_owned(),
            source,
            host: candidate.host.clone(),
            address: Some(candidate.address.ip()),
            reason: shortened(why),
        })
    };
    let because = |failure: &TlsFailure| failed(failure.result, &failure.why);
    let outcome = match (demand, opened) {
        // Its policy does not name it; what could not be looked up says nothing of the host.
        (Err(reason), _) if reason.status != Status::NO_NAMES => failed(OTHER, "mx-mismatch"),
        (Err(_), _) => return None,
        (Ok(_), Ok(connection)) => match (&connection.unproven, &connection.encrypted) {
            (Some(failure), _) | (None, Encrypted::Failed(failure)) => because(failure),
            (None, Encrypted::Yes(_)) => Ok(()),
            (None, Encrypted::No) => failed(NOT_OFFERED, ""),
        },
        (Ok(_), Err(none)) => match &none.tls_failed {
            Some(failure) => because(failure),
            None if none.reason.status == Status::new(4, 7, 10) => failed(NOT_OFFERED, ""),
            None => return None,
        },
    };
    Some(Session {
        domain: domain.to_owned(),
        policy: described(policy, demand.as_ref().ok()),
        outcome,
    })
}

/// That the policy which a domain has announced could not be had: letters went as if there were
/// none.
pub fn without_policy(domain: &str, fault: &sts::Fault) -> Session {
    Session {
        domain: domain.to_owned(),
        policy: Policy {
            kind: "sts".to_owned(),
            texts: Vec::new(),
            hosts: Vec::new(),
        },
        outcome: Err(Failed {
            result: fault.result.to_owned(),
            source: None,
            host: String::new(),
            address: None,
            reason: shortened(&fault.why),
        }),
    }
}

fn shortened(why: &str) -> String {
    why.chars().take(REASON_CHARS_MAX).collect()
}

fn described(policy: Option<&sts::Policy>, demand: Option<&Demand>) -> Policy {
    let records = demand.and_then(|demand| match &demand.proof {
        Proof::Keys(records) => Some(records.iter().map(written).collect()),
        _ if demand.by.starts_with("DANE") => Some(Vec::new()),
        _ => None,
    });
    let (kind, texts, hosts) = match (records, policy) {
        (Some(records), _) => ("tlsa", records, Vec::new()),
        (None, Some(policy)) => ("sts", policy.lines(), policy.patterns().to_vec()),
        (None, None) => ("no-policy-found", Vec::new(), Vec::new()),
    };
    Policy {
        kind: kind.to_owned(),
        texts,
        hosts,
    }
}

/// A record as a zone file has it.
fn written(record: &Record) -> String {
    let usage = match record.usage {
        Usage::Authority => 2,
        Usage::Server => 3,
        Usage::Other(other) => other,
    };
    let selector = match record.selector {
        Selector::Whole => 0,
        Selector::Key => 1,
        Selector::Other(other) => other,
    };
    let matching = match record.matching {
        Matching::Exact => 0,
        Matching::Sha256 => 1,
        Matching::Sha512 => 2,
        Matching::Other(other) => other,
    };
    format!(
        "{usage} {selector} {matching} {}",
        hexadecimal(&record.data)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::settings::Encryption;

    fn broken(why: CertificateError) -> &'static str {
        result_of(&io::Error::other(rustls::Error::InvalidCertificate(why)))
    }

    #[test]
    fn each_fault_of_a_certificate_has_its_word() {
        assert_eq!(broken(CertificateError::Expired), "certificate-expired");
        assert_eq!(
            broken(CertificateError::NotValidForName),
            "certificate-host-mismatch"
        );
        assert_eq!(
            broken(CertificateError::UnknownIssuer),
            "certificate-not-trusted"
        );
        assert_eq!(broken(CertificateError::BadEncoding), OTHER);
        assert_eq!(result_of(&io::ErrorKind::ConnectionReset.into()), OTHER);
    }

    fn found(
        demand: &Result<Demand, Reason>,
        none: NoConnection,
    ) -> Option<(String, Result<(), String>)> {
        let candidate = Candidate {
            host: "mx.far.test".to_owned(),
            address: "192.0.2.1:25".parse().unwrap(),
        };
        let session = session("far.test", None, &candidate, demand, &Err(none))?;
        let outcome = session.outcome.map_err(|failed| failed.result);
        Some((session.policy.kind, outcome))
    }

    fn none(status: Status, tls_failed: Option<TlsFailure>) -> NoConnection {
        NoConnection {
            reason: Reason::ours(status),
            tls_failed,
            source: None,
        }
    }

    #[test]
    fn only_what_concerns_encryption_is_reported() {
        let usual = Ok(Demand::configured(Encryption::Offered));
        assert_eq!(found(&usual, none(Status::NO_ANSWER, None)), None);
        let unknown = Err(Reason::ours(Status::NO_NAMES));
        assert_eq!(found(&unknown, none(Status::NO_NAMES, None)), None);
        let failure = TlsFailure {
            result: "certificate-expired",
            why: "old".to_owned(),
        };
        let failed = found(&usual, none(Status::new(4, 7, 5), Some(failure)));
        let word = |word: &str| Err(word.to_owned());
        let expected = ("no-policy-found".to_owned(), word("certificate-expired"));
        assert_eq!(failed, Some(expected));
        let by_dane = Ok(Demand {
            by: "DANE",
            ..Demand::configured(Encryption::Verified)
        });
        let refused = found(&by_dane, none(Status::new(4, 7, 10), None));
        assert_eq!(refused, Some(("tlsa".to_owned(), word(NOT_OFFERED))));
    }
}
