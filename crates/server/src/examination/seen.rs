//! What of a judged letter is counted for the report to its author's domain.
//!
//! Only domains that ask for reports are counted, and reports themselves are not: two servers would
//! never stop telling one another of what they tell. Start at [`Seen::count`].
//!
//! Standards: RFC 7489 §7.2, RFC 9990 §3.1 (what is reported).

use crate::reports::is_report;
use crate::reports::observed::{Checked, Judged};
use crate::reports::tally::Tally;
use engine::examination::authentication::{Authentication, Author, Outcome, Policy};
use engine::examination::{Decision, Examination};
use mail_auth::{DmarcOutput, DmarcResult};

/// Signatures that are told of.
const SIGNATURES_MAX: usize = 4;
/// Characters of a name that are kept.
const NAME_CHARS_MAX: usize = 255;

/// A letter and what was found out about it.
pub struct Seen<'a> {
    /// The letter.
    pub letter: &'a Examination,
    /// What was found.
    pub found: &'a Authentication,
    /// What the domain's policy says of it.
    pub judged: &'a DmarcOutput,
    /// Whom SPF was asked about.
    pub spf_domain: &'a str,
    /// Whether the policy is obeyed here.
    pub is_obeyed: bool,
}

impl Seen<'_> {
    /// Counts the letter, if its author's domain wants to hear of it.
    pub fn count(&self, tally: &Tally, now: i64) {
        let wants = self.judged.requested_reports();
        let is_certain = !matches!(self.found.dmarc, Outcome::TemporaryError);
        let (Author::Domain(domain), Some(peer)) = (&self.found.author, self.letter.peer) else {
            return;
        };
        if !wants || !is_certain || is_report(&self.letter.header) {
            return;
        }
        let word = |outcome: Outcome| outcome.word().to_owned();
        let (by, sender) = match self.letter.sender.rsplit_once('@') {
            Some((_, domain)) => ("mfrom", domain),
            None => ("helo", ""),
        };
        let signatures = self
            .found
            .signatures
            .iter()
            .filter(|one| !one.domain.is_empty());
        let signatures = signatures.take(SIGNATURES_MAX).map(|one| Checked {
            domain: name(&one.domain),
            by: name(&one.selector),
            result: word(one.outcome),
        });
        let judged = Judged {
            source: peer.to_canonical(),
            disposition: self.disposition().to_owned(),
            is_overridden: self.is_overridden(),
            dkim: *self.judged.dkim_result() == DmarcResult::Pass,
            spf: *self.judged.spf_result() == DmarcResult::Pass,
            envelope_from: name(sender),
            sender: Checked {
                domain: name(self.spf_domain),
                by: by.to_owned(),
                result: word(self.found.spf),
            },
            signatures: signatures.collect(),
        };
        tally.note_letter(&name(domain), judged, now);
    }

    /// What was done because of the policy.
    fn disposition(&self) -> &'static str {
        match self.found.decision() {
            _ if !self.is_obeyed => "none",
            Decision::Refuse(_) => "reject",
            Decision::Quarantine => "quarantine",
            Decision::Accept | Decision::Defer(_) => "none",
        }
    }

    fn is_overridden(&self) -> bool {
        let wants_more = self.found.policy != Policy::None;
        !self.is_obeyed && wants_more && self.found.dmarc == Outcome::Fail
    }
}

fn name(text: &str) -> String {
    text.chars()
        .take(NAME_CHARS_MAX)
        .collect::<String>()
        .to_lowercase()
}
