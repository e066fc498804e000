//! Reports between servers: those of others that came by mail, and our own sent by hand.

use super::doctor::with_runtime;
use super::{Failure, Reply};
use crate::house::House;
use crate::outbound::fetch::Web;
use crate::outbound::names::{Names, Resolver};
use crate::outbound::tls::Keys;
use crate::reports::rounds::{self, Until, World};
use crate::reports::told::{self, Report, Told};
use engine::memo::Memo;
use formats::moment::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;

/// Something to be done; each variant is the command of its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "the fields are those of the command line, explained there"
)]
pub enum Reports {
    List,
    Show {
        number: u32,
    },
    Send {
        /// Of today, too.
        now: bool,
    },
}

pub fn run(house: &House, request: &Reports) -> Result<Reply, Failure> {
    match request {
        Reports::List => list(house),
        Reports::Show { number } => show(house, *number),
        Reports::Send { now } => send(house, if *now { Until::Now } else { Until::Midnight }),
    }
}

fn list(house: &House) -> Result<Reply, Failure> {
    let all = told::list(&house.engine)?;
    let lines: Vec<String> = all.iter().map(|(memo, told)| line(memo, told)).collect();
    let data = all.iter().map(|(memo, told)| data(memo, told));
    Ok(Reply::new(lines.join("\n"), Value::Array(data.collect())))
}

fn show(house: &House, number: u32) -> Result<Reply, Failure> {
    let all = told::list(&house.engine)?;
    let found = all.iter().find(|(memo, _)| memo.number == number);
    let (memo, told) = found.ok_or_else(|| Failure::of(number, "there is no such report"))?;
    let mut lines = vec![proof(told)];
    lines.extend(told.report.lines());
    let mut data = data(memo, told);
    let whole = match &told.report {
        Report::Dmarc(report) => json!(report),
        Report::Tls(report) => json!(report),
        Report::Failure(report) => json!(report),
    };
    if let Some(object) = data.as_object_mut() {
        object.insert("report".to_owned(), whole);
    }
    Ok(Reply::new(lines.join("\n"), data))
}

/// How sure it is who sent it.
fn proof(told: &Told) -> String {
    match &told.by {
        Some(domain) => format!("sent by {domain}"),
        None => "sent by NOBODY KNOWS: its letter was not proven".to_owned(),
    }
}

/// What a row counts: letters proven and not, or connections encrypted and not.
struct Sums {
    kind: &'static str,
    reporter: String,
    about: String,
    good: u64,
    bad: u64,
}

fn sums(told: &Told) -> Sums {
    match &told.report {
        Report::Dmarc(report) => {
            let of = |is_good: bool| {
                let records = report.records.iter();
                let alike =
                    records.filter(|one| (one.dkim == "pass" || one.spf == "pass") == is_good);
                alike.fold(0_u64, |sum, one| sum.saturating_add(one.count))
            };
            Sums {
                kind: "dmarc",
                reporter: report.reporter.clone(),
                about: report.domain.clone(),
                good: of(true),
                bad: of(false),
            }
        }
        Report::Tls(report) => {
            let (domains, good, bad) = report.sums();
            Sums {
                kind: "tls",
                reporter: report.reporter(),
                about: domains.join(", "),
                good,
                bad,
            }
        }
        Report::Failure(report) => Sums {
            kind: "failure",
            reporter: report.reporter.clone(),
            about: report.domain.clone(),
            good: 0,
            bad: report.incidents,
        },
    }
}

fn line(memo: &Memo, told: &Told) -> String {
    let Sums {
        kind,
        reporter,
        about,
        good,
        bad,
    } = sums(told);
    let came = rfc3339(memo.at.seconds());
    let words = match &told.report {
        Report::Dmarc(_) => format!("{good} letters proven, {bad} not"),
        Report::Tls(_) => format!("{good} connections encrypted, {bad} failed"),
        Report::Failure(report) => format!("{bad} letters from {}", report.source),
    };
    format!(
        "{:>5}  {came}  {kind:<7}  {about}, by {reporter}: {words}",
        memo.number
    )
}

fn data(memo: &Memo, told: &Told) -> Value {
    let sums = sums(told);
    json!({
        "number": memo.number,
        "came": rfc3339(memo.at.seconds()),
        "kind": sums.kind,
        "reporter": sums.reporter,
        "about": sums.about,
        "good": sums.good,
        "bad": sums.bad,
        "proven_by": told.by,
    })
}

/// Sends what is owed, without waiting for the hour.
fn send(house: &House, until: Until) -> Result<Reply, Failure> {
    let names: Arc<dyn Names> = Arc::new(Resolver::new(&house.configuration.dns).map_err(Failure)?);
    let web = Web {
        names: Arc::clone(&names),
        keys: Arc::new(Keys::new().map_err(Failure)?),
        port: house.configuration.delivery.https_port,
    };
    let (_never, stopping) = watch::channel(false);
    let done = with_runtime(|runtime| {
        let world = World {
            house,
            names: names.as_ref(),
            web: &web,
            runtime,
            stopping: stopping.clone(),
        };
        Ok(rounds::round(&world, until)?)
    })?;
    if done.is_anonymous {
        let why = format!(
            "no domain here could be the author of reports, and `[reports] from` names nobody; \
             {} wait",
            done.waiting
        );
        return Err(Failure(why));
    }
    Ok(Reply::new(
        format!(
            "{} reports sent, {} domains want none, {} could not be asked",
            done.sent, done.unwanted, done.waiting
        ),
        json!({ "sent": done.sent, "unwanted": done.unwanted, "waiting": done.waiting }),
    ))
}
