//! DMARC aggregate reports: who sent mail in the name of a domain, and what was proven of it.
//!
//! Source: RFC 7489 §7.2, appendix C.

use super::{Unreadable, markup, shown};
use formats::moment;
use serde::{Deserialize, Serialize};

/// Senders of one report that are kept; the others are only counted.
const RECORDS_MAX: usize = 10_000;

/// One report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Who reports.
    pub reporter: String,
    /// The report's name.
    pub id: String,
    /// The domain that it is about.
    pub domain: String,
    /// What the domain asks for: none, quarantine, reject.
    pub policy: String,
    /// From when, in seconds since 1970.
    pub begin: i64,
    /// Until when.
    pub end: i64,
    /// The senders.
    pub records: Vec<Record>,
    /// Senders beyond those.
    pub more: usize,
}

/// Letters of one sender that fared alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The sender's address.
    pub source: String,
    /// How many letters.
    pub count: u64,
    /// What was done with them.
    pub disposition: String,
    /// Whether DKIM proved the domain: pass or fail.
    pub dkim: String,
    /// Whether SPF did.
    pub spf: String,
    /// The domain in From.
    pub from: String,
}

/// Reads a report.
pub fn parse(bytes: &[u8]) -> Result<Aggregate, Unreadable> {
    let text = String::from_utf8_lossy(bytes);
    let (mut report, mut record) = (Aggregate::default(), Record::default());
    let mut is_feedback = false;
    markup::walk(&text, |path, value| {
        is_feedback |= path.first() == Some(&"feedback");
        match path {
            [.., "feedback", "record"] => {
                let whole = std::mem::take(&mut record);
                if report.records.len() < RECORDS_MAX {
                    report.records.push(whole);
                } else {
                    report.more += 1;
                }
            }
            [.., parent, name] => {
                note(&mut report, parent, name, value);
                note_record(&mut record, parent, name, value);
            }
            _ => {}
        }
    })?;
    if !is_feedback || report.domain.is_empty() {
        return Err(Unreadable::Form);
    }
    Ok(report)
}

fn note(report: &mut Aggregate, parent: &str, name: &str, value: &str) {
    match (parent, name) {
        ("report_metadata", "org_name") => report.reporter = shown(value),
        ("report_metadata", "report_id") => report.id = shown(value),
        ("date_range", "begin") => report.begin = value.parse().unwrap_or_default(),
        ("date_range", "end") => report.end = value.parse().unwrap_or_default(),
        ("policy_published", "domain") => report.domain = shown(value),
        ("policy_published", "p") => report.policy = shown(value),
        _ => {}
    }
}

fn note_record(record: &mut Record, parent: &str, name: &str, value: &str) {
    match (parent, name) {
        ("row", "source_ip") => record.source = shown(value),
        ("row", "count") => record.count = value.parse().unwrap_or_default(),
        ("policy_evaluated", "disposition") => record.disposition = shown(value),
        ("policy_evaluated", "dkim") => record.dkim = shown(value),
        ("policy_evaluated", "spf") => record.spf = shown(value),
        ("identifiers", "header_from") => record.from = shown(value),
        _ => {}
    }
}

/// The report for people: those who failed first.
pub fn lines(report: &Aggregate) -> Vec<String> {
    let mut lines = vec![format!(
        "{} about {} ({}): {} to {}, report {}",
        report.reporter,
        report.domain,
        report.policy,
        moment::rfc3339(report.begin),
        moment::rfc3339(report.end),
        report.id
    )];
    let mut records: Vec<&Record> = report.records.iter().collect();
    let is_proven = |record: &Record| record.dkim == "pass" || record.spf == "pass";
    records.sort_by_key(|record| (is_proven(record), std::cmp::Reverse(record.count)));
    lines.extend(records.iter().map(|record| {
        let proven = if is_proven(record) {
            "proven"
        } else {
            "NOT PROVEN"
        };
        format!(
            "  {:>6} from {}  {proven} (DKIM {}, SPF {})  From {}: {}",
            record.count, record.source, record.dkim, record.spf, record.from, record.disposition
        )
    }));
    if report.more > 0 {
        lines.push(format!("  and {} more senders", report.more));
    }
    lines
}
