//! What senders, their domains and programs that judge letters say, whatever it is: it is read within
//! its bounds, and what is told of it can be sent.

use super::settings::Infected;
use super::{authenticate, clamav, rspamd, spf};
use engine::examination::{Decision, Finding};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::dmarc::Dmarc;

pub use super::milter::fuzzed::packets;

/// A header with signatures (DKIM) and seals (ARC).
pub fn signatures(bytes: &[u8]) {
    authenticate::read_any(bytes);
}

/// What a domain says in the DNS of who may send in its name: SPF, DMARC, the key of DKIM.
pub fn record(bytes: &[u8]) {
    spf::read_any(bytes);
    _ = Dmarc::parse(bytes);
    _ = DomainKey::parse(bytes);
}

/// What Rspamd or `ClamAV` answers.
pub fn verdict(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    tell(rspamd::read(bytes));
    tell(clamav::finding(&text, Infected::Refuse));
}

/// All that a verdict tells is a line, and not a long one.
fn tell(said: Result<Finding, String>) {
    let lines: Vec<String> = match said {
        Err(why) => vec![why],
        Ok(found) => {
            let refusal = match found.decision {
                Decision::Refuse(refusal) | Decision::Defer(refusal) => refusal.text,
                _ => String::new(),
            };
            let facts = found.facts.into_iter().map(|(_, fact)| fact);
            let reasons = found.reasons.into_iter().map(|reason| reason.text);
            facts.chain(reasons).chain([refusal]).collect()
        }
    };
    for line in lines {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(line.chars().count() < 400, "{line:?}");
    }
}
