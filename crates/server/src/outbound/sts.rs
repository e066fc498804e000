//! MTA-STS: what a domain promises over HTTPS of its mail servers.
//!
//! The text of the policy, and the memory of policies that were fetched. A policy that was known is
//! kept for as long as it said, whatever happens to its source: otherwise whoever can suppress it
//! could undo it.
//!
//! Start at [`Memory::policy`]; fetching is `fetch`.
//!
//! Standards: RFC 8461 §3 (record and policy), §4.1 (names), §5 (modes), §10.2; RFC 8460 §4.3.2.2
//! (what is reported of policies).

use super::fetch::{Source, Unfetched};
use super::names::{Names, NamesError};
use engine::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Policies that are remembered.
const POLICIES_MAX: usize = 10_000;
/// Patterns of one policy.
const PATTERNS_MAX: usize = 200;
/// Most seconds that a policy is kept: a year (RFC 8461 §3.2).
const AGE_MAX: i64 = 31_557_600;
/// Seconds before a policy that could not be fetched is asked for again.
const RETRY: i64 = 300;
/// Seconds after which the domain is asked whether its policy is still the same.
const REFRESH: i64 = 3_600;

/// What a domain wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Letters go over proven connections or not at all.
    Enforce,
    /// Failures are reported and change nothing.
    Testing,
    /// Nothing.
    None,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What the domain wants done.
    pub mode: Mode,
    /// Names of its mail servers; `*.` stands for one label.
    patterns: Vec<String>,
    max_age_seconds: i64,
}

impl Policy {
    /// Reads the text of a policy.
    ///
    /// Keys that are not known are passed over; of a key that stands twice the first counts.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = HashMap::new();
        let mut patterns = Vec::new();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else {
                if line.trim().is_empty() {
                    continue;
                }
                return None;
            };
            let (key, value) = (key.trim(), value.trim());
            let pattern = value.trim_end_matches('.');
            if key != "mx" {
                fields.entry(key).or_insert(value);
            } else if patterns.len() < PATTERNS_MAX && !pattern.is_empty() {
                patterns.push(pattern.to_ascii_lowercase());
            }
        }
        let mode = match *fields.get("mode")? {
            "enforce" => Mode::Enforce,
            "testing" => Mode::Testing,
            "none" => Mode::None,
            _ => return None,
        };
        let max_age = fields.get("max_age")?;
        let is_number = max_age.len() <= 10 && max_age.bytes().all(|byte| byte.is_ascii_digit());
        let max_age: i64 = max_age.parse().ok().filter(|_| is_number)?;
        let is_whole =
            fields.get("version") == Some(&"STSv1") && (mode == Mode::None || !patterns.is_empty());
        is_whole.then_some(Self {
            mode,
            patterns,
            max_age_seconds: max_age.min(AGE_MAX),
        })
    }

    /// The names of its mail servers.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The lines that matter, for the reports about it.
    pub fn lines(&self) -> Vec<String> {
        let mode = match self.mode {
            Mode::Enforce => "enforce",
            Mode::Testing => "testing",
            Mode::None => "none",
        };
        let first = ["version: STSv1".to_owned(), format!("mode: {mode}")];
        let hosts = self.patterns.iter().map(|pattern| format!("mx: {pattern}"));
        let last = format!("max_age: {}", self.max_age_seconds);
        first.into_iter().chain(hosts).chain([last]).collect()
    }

    /// True when a host is one of the domain's mail servers.
    pub fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.patterns.iter().any(|pattern| {
            pattern == &host
                || pattern.strip_prefix("*.").is_some_and(|parent| {
                    host.split_once('.')
                        .is_some_and(|(first, rest)| !first.is_empty() && rest == parent)
                })
        })
    }
}

/// The id in the record of a domain: `v=STSv1; id=20160831085700Z;`.
///
/// More than one record, or one without id, is none.
pub(super) fn id(records: &[String]) -> Option<&str> {
    let is_ours = |record: &&String| {
        record
            .split(';')
            .next()
            .is_some_and(|version| version.trim() == "v=STSv1")
    };
    let mut ours = records.iter().filter(is_ours);
    let record = ours.next().filter(|_| ours.next().is_none())?;
    let id = record.split(';').find_map(|field| {
        let (key, value) = field.split_once('=')?;
        (key.trim() == "id").then(|| value.trim())
    })?;
    let is_id = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    is_id.then_some(id)
}

/// Policies that were fetched. They are kept in a file, too: a restart must not undo them.
#[derive(Default)]
pub struct Memory {
    known: Mutex<HashMap<String, Known>>,
    file: Option<PathBuf>,
}

#[derive(Clone)]
struct Known {
    id: String,
    policy: Found,
    checked: Timestamp,
    until: Timestamp,
}

/// A policy; or that the domain has none, because of a fault if it has announced one.
type Found = Result<Arc<Policy>, Option<Fault>>;

/// Why a policy that a domain has announced cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A word of RFC 8460 §4.3.2.2.
    pub result: &'static str,
    /// The error.
    pub why: String,
}

impl From<Unfetched> for Fault {
    fn from(unfetched: Unfetched) -> Self {
        let result = match unfetched {
            Unfetched::Unproven(_) => "sts-webpki-invalid",
            Unfetched::Failed(_) => "sts-policy-fetch-error",
        };
        let why = unfetched.to_string();
        Self { result, why }
    }
}

impl Fault {
    fn unreadable() -> Self {
        Self {
            result: "sts-policy-invalid",
            why: "the text is not a policy".to_owned(),
        }
    }
}

/// A policy as the file has it.
#[derive(Serialize, Deserialize)]
struct Kept {
    domain: String,
    id: String,
    policy: Policy,
    until_seconds: i64,
}

impl Memory {
    /// The policies that a file holds, which is written again whenever one is learnt.
    pub fn open(file: PathBuf) -> Self {
        #[allow(clippy::disallowed_methods, reason = "not a file of the store")]
        let text = std::fs::read(&file).unwrap_or_default();
        let kept: Vec<Kept> = serde_json::from_slice(&text).unwrap_or_default();
        let known = kept.into_iter().take(POLICIES_MAX).map(|one| {
            let known = Known {
                id: one.id,
                policy: Ok(Arc::new(one.policy)),
                checked: Timestamp(0),
                until: Timestamp::from_seconds(one.until_seconds),
            };
            (one.domain, known)
        });
        Self {
            known: Mutex::new(known.collect()),
            file: Some(file),
        }
    }

    /// Writes the file anew. Not to be able to is no reason to hold up mail.
    fn save(&self) {
        let Some(file) = &self.file else { return };
        let kept: Vec<Kept> = self
            .known
            .lock()
            .iter()
            .filter_map(|(domain, known)| {
                Some(Kept {
                    domain: domain.clone(),
                    id: known.id.clone(),
                    policy: Policy::clone(known.policy.as_ref().ok()?),
                    until_seconds: known.until.seconds(),
                })
            })
            .collect();
        let new = file.with_extension("new");
        let text = serde_json::to_vec(&kept).unwrap_or_default();
        #[allow(clippy::disallowed_methods, reason = "not a file of the store")]
        let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, file));
        if let Err(error) = written {
            tracing::warn!(%error, "MTA-STS policies cannot be kept");
        }
    }

    /// The policy of a domain, if it has one.
    pub async fn policy(
        &self,
        names: &dyn Names,
        source: &dyn Source,
        domain: &str,
        now: Timestamp,
    ) -> Option<Arc<Policy>> {
        let known = self.known.lock().get(domain).cloned();
        let known = known.filter(|known| known.until > now);
        if let Some(known) = &known
            && seconds_between(known.checked, now) < REFRESH
        {
            return known.policy.clone().ok();
        }
        let records = names.texts(&format!("_mta-sts.{domain}")).await;
        let old = known.as_ref().and_then(|known| known.policy.clone().ok());
        let id = match &records {
            Ok(records) => id(records),
            // Not to know is no reason to forget (RFC 8461 §3.1).
            Err(NamesError::Unavailable(_)) => return old,
            Err(_) => None,
        };
        let Some(id) = id else {
            // A policy that was known holds until its time is up, record or not.
            if old.is_none() {
                self.keep(domain, "", Err(None), REFRESH, now);
            }
            return old;
        };
        if old.is_some() && known.is_some_and(|known| known.id == id) {
            self.checked(domain, now);
            return old;
        }
        let fetched = source.policy(domain).await.map_err(Fault::from);
        match fetched.and_then(|text| Policy::parse(&text).ok_or_else(Fault::unreadable)) {
            Ok(policy) => {
                let age = policy.max_age_seconds;
                let policy = Arc::new(policy);
                self.keep(domain, id, Ok(Arc::clone(&policy)), age, now);
                self.save();
                Some(policy)
            }
            Err(_) if old.is_some() => {
                let pause = (RETRY - REFRESH) * Timestamp::PER_SECOND;
                self.checked(domain, Timestamp(now.0.saturating_add(pause)));
                old
            }
            Err(fault) => {
                self.keep(domain, id, Err(Some(fault)), RETRY, now);
                None
            }
        }
    }

    /// Why the policy that a domain has announced cannot be used, if that was lately seen.
    pub fn fault(&self, domain: &str, now: Timestamp) -> Option<Fault> {
        let known = self.known.lock();
        let known = known.get(domain).filter(|known| known.until > now)?;
        known.policy.as_ref().err().cloned().flatten()
    }

    fn keep(&self, domain: &str, id: &str, policy: Found, seconds: i64, now: Timestamp) {
        let mut known = self.known.lock();
        if known.len() >= POLICIES_MAX && !known.contains_key(domain) {
            known.retain(|_, one| one.until > now && one.policy.is_ok());
        }
        if known.len() < POLICIES_MAX || known.contains_key(domain) {
            let ticks = seconds.saturating_mul(Timestamp::PER_SECOND);
            let fresh = Known {
                id: id.to_owned(),
                policy,
                checked: now,
                until: Timestamp(now.0.saturating_add(ticks)),
            };
            known.insert(domain.to_owned(), fresh);
        }
    }

    fn checked(&self, domain: &str, now: Timestamp) {
        if let Some(known) = self.known.lock().get_mut(domain) {
            known.checked = now;
        }
    }
}

fn seconds_between(from: Timestamp, to: Timestamp) -> i64 {
    to.0.saturating_sub(from.0) / Timestamp::PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::fetch::Fetched;
    use crate::outbound::names::{Answer, Found};
    use std::net::IpAddr;

    const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mail.far.test\r\n\
                          mx: *.mx.far.test\r\nmax_age: 604800\r\nother: x\r\n";

    #[test]
    fn a_policy_is_read_and_its_names_are_matched_by_label() {
        let policy = Policy::parse(POLICY).unwrap();
        assert_eq!(
            (policy.mode, policy.max_age_seconds),
            (Mode::Enforce, 604_800)
        );
        for host in ["mail.far.test", "MAIL.far.test.", "a.mx.far.test"] {
            assert!(policy.allows(host), "{host}");
        }
        for host in [
            "far.test",
            "mx.far.test",
            "a.b.mx.far.test",
            "xmail.far.test",
            ".mx.far.test",
        ] {
            assert!(!policy.allows(host), "{host}");
        }
    }

    #[test]
    fn what_is_no_policy_is_none() {
        for (from, to) in [
            ("version: STSv1", "version: STSv2"),
            ("mode: enforce", "mode: maybe"),
            ("max_age: 604800", "max_age: -1"),
            ("max_age: 604800", "age: 1"),
            ("mx: mail.far.test\r\nmx: *.mx.far.test\r\n", ""),
            ("other: x", "nonsense"),
        ] {
            let text = POLICY.replace("\\r\\n", "\r\n").replace(from, to);
            let text = text.replace(
                "mx: mail.far.test\r\nmx: *.mx.far.test\r\n",
                if to.is_empty() { "" } else { "mx: a.test\r\n" },
            );
            assert_eq!(Policy::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn only_a_single_record_with_an_id_counts() {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(id(&owned(&["v=STSv1; id=2016;", "other"])), Some("2016"));
        assert_eq!(id(&owned(&["v=STSv1; id=1", "v=STSv1; id=2"])), None);
        assert_eq!(id(&owned(&["v=STSv1;"])), None);
        assert_eq!(id(&owned(&["v=STSv1; id=a-b"])), None);
        assert_eq!(id(&owned(&["v=STSv10; id=1"])), None);
    }

    /// A domain whose record and policy can be changed.
    #[derive(Default)]
    struct Far {
        record: Mutex<Option<Result<String, NamesError>>>,
        policy: Mutex<Option<String>>,
        asked: Mutex<usize>,
    }

    impl Names for Far {
        fn exchangers<'a>(&'a self, _: &'a str) -> Answer<'a, Found<Vec<(u16, String)>>> {
            Box::pin(async { Err(NamesError::Nothing) })
        }

        fn addresses<'a>(&'a self, _: &'a str) -> Answer<'a, Found<Vec<IpAddr>>> {
            Box::pin(async { Err(NamesError::Nothing) })
        }

        fn texts<'a>(&'a self, _: &'a str) -> Answer<'a, Vec<String>> {
            let record = self
                .record
                .lock()
                .clone()
                .unwrap_or(Err(NamesError::NoSuchName));
            Box::pin(async { record.map(|record| vec![record]) })
        }

        fn keys<'a>(&'a self, _: u16, _: &'a str) -> Answer<'a, Vec<super::super::dane::Record>> {
            Box::pin(async { Err(NamesError::Nothing) })
        }
    }

    impl Source for Far {
        fn policy<'a>(&'a self, _: &'a str) -> Fetched<'a> {
            *self.asked.lock() += 1;
            let policy = self.policy.lock().clone();
            Box::pin(async { policy.ok_or_else(|| Unfetched::Failed("status 404".to_owned())) })
        }
    }

    fn ask(memory: &Memory, far: &Far, hours: i64) -> Option<Mode> {
        let now = Timestamp(hours * 3_600 * Timestamp::PER_SECOND);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let policy = runtime.block_on(memory.policy(far, far, "far.test", now));
        policy.map(|policy| policy.mode)
    }

    #[test]
    fn a_policy_is_kept_for_its_time_though_its_source_goes_away() {
        let (memory, far) = (Memory::default(), Far::default());
        assert_eq!(ask(&memory, &far, 0), None);
        *far.record.lock() = Some(Ok("v=STSv1; id=1".to_owned()));
        *far.policy.lock() = Some(POLICY.to_owned());
        assert_eq!(ask(&memory, &far, 2), Some(Mode::Enforce));
        *far.record.lock() = Some(Err(NamesError::NoSuchName));
        *far.policy.lock() = None;
        assert_eq!(ask(&memory, &far, 100), Some(Mode::Enforce));
        *far.record.lock() = Some(Err(NamesError::Unavailable("x".to_owned())));
        assert_eq!(ask(&memory, &far, 110), Some(Mode::Enforce));
        assert_eq!(ask(&memory, &far, 2 + 169), None, "after a week");
    }

    #[test]
    fn a_policy_that_is_announced_and_cannot_be_had_is_a_fault_until_it_can() {
        let (memory, far) = (Memory::default(), Far::default());
        let fault = |hours: i64| {
            let now = Timestamp::from_seconds(hours * 3_600 + 1);
            memory.fault("far.test", now).map(|fault| fault.result)
        };
        assert_eq!((ask(&memory, &far, 0), fault(0)), (None, None));
        *far.record.lock() = Some(Ok("v=STSv1; id=1".to_owned()));
        assert_eq!(ask(&memory, &far, 2), None);
        assert_eq!(fault(2), Some("sts-policy-fetch-error"));
        *far.policy.lock() = Some("<html>".to_owned());
        assert_eq!(ask(&memory, &far, 4), None);
        assert_eq!(fault(4), Some("sts-policy-invalid"));
        *far.policy.lock() = Some(POLICY.to_owned());
        assert_eq!(ask(&memory, &far, 6), Some(Mode::Enforce));
        assert_eq!(fault(6), None);
        let unproven = Fault::from(Unfetched::Unproven("expired".to_owned()));
        assert_eq!(unproven.result, "sts-webpki-invalid");
    }

    #[test]
    fn a_new_policy_that_cannot_be_had_is_not_asked_for_with_each_letter() {
        let (memory, far) = (Memory::default(), Far::default());
        *far.record.lock() = Some(Ok("v=STSv1; id=1".to_owned()));
        *far.policy.lock() = Some(POLICY.to_owned());
        assert_eq!(ask(&memory, &far, 0), Some(Mode::Enforce));
        *far.record.lock() = Some(Ok("v=STSv1; id=2".to_owned()));
        *far.policy.lock() = None;
        for _ in 0..3 {
            assert_eq!(
                ask(&memory, &far, 2),
                Some(Mode::Enforce),
                "the old one holds"
            );
        }
        assert_eq!(*far.asked.lock(), 2);
    }

    #[test]
    fn a_policy_outlives_a_restart() {
        let file = std::env::temp_dir().join(format!("facteur-sts-{}.json", std::process::id()));
        let far = Far::default();
        *far.record.lock() = Some(Ok("v=STSv1; id=1".to_owned()));
        *far.policy.lock() = Some(POLICY.to_owned());
        assert_eq!(
            ask(&Memory::open(file.clone()), &far, 0),
            Some(Mode::Enforce)
        );
        *far.record.lock() = None;
        *far.policy.lock() = None;
        assert_eq!(
            ask(&Memory::open(file.clone()), &far, 2),
            Some(Mode::Enforce)
        );
        assert_eq!(ask(&Memory::open(file.clone()), &far, 200), None);
        #[allow(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::remove_file(file).unwrap();
    }

    #[test]
    fn a_new_id_brings_the_new_policy() {
        let (memory, far) = (Memory::default(), Far::default());
        *far.record.lock() = Some(Ok("v=STSv1; id=1".to_owned()));
        *far.policy.lock() = Some(POLICY.to_owned());
        assert_eq!(ask(&memory, &far, 0), Some(Mode::Enforce));
        *far.policy.lock() = Some(POLICY.replace("enforce", "testing"));
        assert_eq!(
            ask(&memory, &far, 2),
            Some(Mode::Enforce),
            "the id is the same"
        );
        *far.record.lock() = Some(Ok("v=STSv1; id=2".to_owned()));
        assert_eq!(ask(&memory, &far, 4), Some(Mode::Testing));
    }
}
