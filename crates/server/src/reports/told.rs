//! Reports of others that came by mail, and the rows that are kept of them.
//!
//! An examiner looks at letters to the addresses that our domains name for reports. What can be read
//! is kept before the letter is accepted, once for each reporter and name; the letter goes its usual
//! way whatever is in it. Start at [`Keeper`]; [`list`] has the rows.

use super::aggregate::{self, Aggregate};
use super::failure::{self, FailureReport};
use super::tls::{self, TlsReport};
use super::{PACKED_BYTES_MAX, Unreadable, unpack};
use crate::driver::pool::Pool;
use crate::examination::{Examiner, Looking};
use engine::examination::authentication::{Author, Outcome};
use engine::examination::{Decision, Examination, Examined, Finding};
use engine::memo::{Exchange, Memo, Topic};
use engine::{Engine, EngineError};
use formats::message::decode::{self, Encoding};
use formats::message::{PartRef, SummaryRef};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Rows that are kept; the oldest make room.
const TOLD_MAX: usize = 1_000;
/// Attached files of one letter that are looked at; reporters attach one.
const FILES_MAX: usize = 4;
/// How long it may take to read a report.
const BUDGET: Duration = Duration::from_secs(30);
/// The local part that reports go to if a domain uses the records that this server prints.
const USUAL: &str = "postmaster";

/// A report that others sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The domain of the letter's author, if that was proven.
    pub by: Option<String>,
    /// What it says.
    pub report: Report,
}

/// A report of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Report {
    /// About letters in our name.
    Dmarc(Aggregate),
    /// About connections to us.
    Tls(TlsReport),
    /// About a single letter in our name.
    Failure(FailureReport),
}

impl Report {
    /// Reads a report, packed or not.
    pub fn parse(packed: &[u8]) -> Result<Self, Unreadable> {
        let text = unpack::unpacked(packed)?;
        match text.trim_ascii_start().first() {
            Some(b'{') => Ok(Self::Tls(tls::parse(&text)?.bounded())),
            Some(first) if first.is_ascii_alphabetic() => Ok(Self::Failure(failure::parse(&text)?)),
            _ => Ok(Self::Dmarc(aggregate::parse(&text)?)),
        }
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Dmarc(report) => aggregate::lines(report),
            Self::Tls(report) => tls::lines(report),
            Self::Failure(report) => failure::lines(report),
        }
    }

    /// What tells it from all others.
    fn name(&self) -> (String, String, String) {
        let (kind, reporter, id) = match self {
            Self::Dmarc(report) => ("dmarc", &report.reporter, report.id.clone()),
            Self::Tls(report) => ("tls", &report.organization_name, report.report_id.clone()),
            Self::Failure(report) => ("failure", &report.reporter, report.name()),
        };
        (kind.to_owned(), reporter.clone(), id)
    }
}

/// The rows, the oldest first. Reads the disk.
pub fn list(engine: &Engine) -> Result<Vec<(Memo, Told)>, EngineError> {
    let mut all = Vec::new();
    for memo in engine.memos(Topic::Told)? {
        if let Ok(told) = serde_json::from_slice(&engine.memo_text(&memo)?) {
            all.push((memo, told));
        }
    }
    Ok(all)
}

/// The addresses that our domains name for reports, beside the usual ones.
#[derive(Debug, Default)]
pub struct Addresses(RwLock<HashSet<String>>);

impl Addresses {
    /// From now on these.
    pub fn set(&self, addresses: HashSet<String>) {
        *self.0.write() = addresses;
    }

    fn are_in(&self, recipients: &[String]) -> bool {
        let named = self.0.read();
        recipients.iter().any(|recipient| {
            let recipient = recipient.to_lowercase();
            let local = recipient.rsplit_once('@').map(|(local, _)| local);
            local == Some(USUAL) || named.contains(&recipient)
        })
    }
}

/// The examiner that keeps reports.
pub struct Keeper(Arc<Shared>);

struct Shared {
    engine: Engine,
    pool: Arc<Pool>,
    addresses: Arc<Addresses>,
    /// Names of the rows; read when the first report comes.
    known: Mutex<Option<HashSet<(String, String, String)>>>,
}

impl Keeper {
    /// Keeps what comes for these addresses.
    pub fn new(engine: Engine, pool: Arc<Pool>, addresses: Arc<Addresses>) -> Self {
        Self(Arc::new(Shared {
            engine,
            pool,
            addresses,
            known: Mutex::new(None),
        }))
    }
}

impl Examiner for Keeper {
    fn name(&self) -> &'static str {
        "reports"
    }

    fn budget(&self) -> Duration {
        BUDGET
    }

    fn examine<'a>(&'a self, letter: &'a Examination, so_far: &'a Examined) -> Looking<'a> {
        Box::pin(async move {
            let is_accepted = matches!(so_far.decision, Decision::Accept | Decision::Quarantine);
            if !is_accepted || !self.0.addresses.are_in(&letter.recipients) {
                return Ok(Finding::default());
            }
            let (shared, letter) = (Arc::clone(&self.0), letter.clone());
            let found = &so_far.authentication;
            let by = match &found.author {
                Author::Domain(domain) if found.dmarc == Outcome::Pass => Some(domain.clone()),
                _ => None,
            };
            let keep = move || shared.keep(&letter, by.as_ref());
            let kept = self.0.pool.run(None, keep).await;
            let kept = kept.map_err(|_| "the server stops".to_owned())?;
            let kept = kept.map_err(|error| error.to_string())?;
            let fact = (kept > 0).then(|| ("reports", kept.to_string()));
            Ok(Finding {
                facts: fact.into_iter().collect(),
                ..Finding::default()
            })
        })
    }
}

impl Shared {
    /// Keeps the reports in a letter; the answer is how many there were.
    fn keep(&self, letter: &Examination, by: Option<&String>) -> Result<usize, EngineError> {
        let mut kept = 0;
        let Ok(summary) = SummaryRef::new(letter.letter.summary()) else {
            return Ok(0);
        };
        for part in summary.parts().filter(may_be_report).take(FILES_MAX) {
            if part.body_size() > PACKED_BYTES_MAX * 3 / 2 {
                continue;
            }
            let end = part.body_start.saturating_add(part.body_size());
            let raw = self
                .engine
                .read_staged(&letter.letter, part.body_start..end)?;
            let packed = decode::all(Encoding::named(part.encoding), &raw);
            if let Ok(report) = Report::parse(&packed) {
                self.keep_one(&Told {
                    by: by.cloned(),
                    report,
                })?;
                kept += 1;
            }
        }
        Ok(kept)
    }

    fn keep_one(&self, told: &Told) -> Result<(), EngineError> {
        let mut known = self.known.lock();
        let names = match known.as_mut() {
            Some(names) => names,
            None => known.insert(self.names()?),
        };
        let name = told.report.name();
        if names.contains(&name) {
            return Ok(());
        }
        let mut taken = self.engine.memos(Topic::Told)?;
        taken.truncate((taken.len() + 1).saturating_sub(TOLD_MAX));
        let exchange = Exchange {
            taken,
            kept: vec![(Topic::Told, serde_json::to_vec(told).unwrap_or_default())],
            ..Exchange::default()
        };
        self.engine.exchange_memos(&exchange)?.wait()?;
        if names.len() >= 2 * TOLD_MAX {
            *known = None; // Read again: most of these are not kept any more.
        } else {
            names.insert(name);
        }
        Ok(())
    }

    fn names(&self) -> Result<HashSet<(String, String, String)>, EngineError> {
        let all = list(&self.engine)?.into_iter();
        Ok(all.map(|(_, told)| told.report.name()).collect())
    }
}

/// True for the types under which reporters send.
fn may_be_report(part: &PartRef<'_>) -> bool {
    let is = |kind, subtype| part.is(kind, subtype);
    let packed = ["gzip", "x-gzip", "zip", "x-zip-compressed", "octet-stream"];
    let plain = ["xml", "tlsrpt+gzip", "tlsrpt+json", "json"];
    is("text", "xml")
        || is("message", "feedback-report")
        || packed
            .iter()
            .chain(&plain)
            .any(|subtype| is("application", subtype))
}
