//! TLS reports: whether other servers could encrypt what they sent to us.
//!
//! Source: RFC 8460 §4.4.

use super::{Unreadable, shown};
use serde::{Deserialize, Serialize};

/// Policies and failures of one report that are shown.
const LINES_MAX: usize = 1_000;

/// One report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TlsReport {
    /// Who reports.
    #[serde(default)]
    pub organization_name: String,
    /// The report's name.
    #[serde(default)]
    pub report_id: String,
    date_range: DateRange,
    policies: Vec<PolicyResult>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DateRange {
    start_datetime: String,
    end_datetime: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PolicyResult {
    policy: Policy,
    summary: Summary,
    #[serde(default)]
    failure_details: Vec<Details>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Policy {
    policy_type: String,
    #[serde(default)]
    policy_domain: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Summary {
    total_successful_session_count: u64,
    total_failure_session_count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Details {
    result_type: String,
    #[serde(default)]
    sending_mta_ip: String,
    #[serde(default)]
    receiving_mx_hostname: String,
    #[serde(default)]
    failed_session_count: u64,
}

impl TlsReport {
    /// Who reports, as it may be shown.
    pub fn reporter(&self) -> String {
        shown(&self.organization_name)
    }

    /// The same, with no more in it than is shown.
    pub fn bounded(mut self) -> Self {
        self.policies.truncate(LINES_MAX);
        let mut room = LINES_MAX;
        for result in &mut self.policies {
            result.failure_details.truncate(room);
            room -= result.failure_details.len();
        }
        self
    }

    /// The domains that it is about, and how many connections succeeded and failed in all.
    pub fn sums(&self) -> (Vec<String>, u64, u64) {
        let domains = self
            .policies
            .iter()
            .map(|one| shown(&one.policy.policy_domain));
        let mut domains: Vec<String> = domains.collect();
        domains.dedup();
        let sum = |of: fn(&Summary) -> u64| {
            let all = self.policies.iter().map(|one| of(&one.summary));
            all.fold(0_u64, u64::saturating_add)
        };
        let succeeded = sum(|summary| summary.total_successful_session_count);
        (
            domains,
            succeeded,
            sum(|summary| summary.total_failure_session_count),
        )
    }
}

/// Reads a report.
pub fn parse(bytes: &[u8]) -> Result<TlsReport, Unreadable> {
    serde_json::from_slice(bytes).map_err(|_| Unreadable::Form)
}

/// The report for people.
pub fn lines(report: &TlsReport) -> Vec<String> {
    let range = &report.date_range;
    let mut lines = vec![format!(
        "{}: {} to {}, report {}",
        shown(&report.organization_name),
        shown(&range.start_datetime),
        shown(&range.end_datetime),
        shown(&report.report_id)
    )];
    for result in &report.policies {
        let summary = &result.summary;
        lines.push(format!(
            "  {} ({}): {} encrypted, {} failed",
            shown(&result.policy.policy_domain),
            shown(&result.policy.policy_type),
            summary.total_successful_session_count,
            summary.total_failure_session_count
        ));
        lines.extend(result.failure_details.iter().map(|details| {
            format!(
                "    {} failed: {}, from {} to {}",
                details.failed_session_count,
                shown(&details.result_type),
                shown(&details.sending_mta_ip),
                shown(&details.receiving_mx_hostname)
            )
        }));
    }
    lines.truncate(LINES_MAX);
    lines
}
