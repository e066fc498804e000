//! The store itself: how it is, whether it is sound, and copies of it.

use super::directory::Bytes;
use super::losses::{self, Loss};
use super::{Failure, Progress, Reply, Watcher};
use crate::house::House;
use ::store::backend::embedded::Status;
use ::store::id::{AccountId, BodyNumber};
use ::store::model::{Reads, check as check_model};
use ::store::world::disk::Disk;
use engine::EngineError;
use engine::directory::administration::AccountState;
use formats::moment::rfc3339;
use serde_json::{Value, json};
use std::path::Path;

/// Findings that are shown to people, damaged letters apart; scripts get all.
const FINDINGS_SHOWN: usize = 20;

pub fn status(house: &House) -> Result<Reply, Failure> {
    let found = Found {
        accounts: house.engine.accounts()?,
        domains: house.engine.domains()?.len(),
        queue: house.engine.queue_length()?,
        store: house.backend.status()?,
    };
    Ok(Reply::new(found.text(house), found.data(house)))
}

/// What a status is made of.
struct Found {
    accounts: Vec<AccountState>,
    domains: usize,
    queue: usize,
    store: Status,
}

impl Found {
    fn state(&self) -> String {
        if let Some(what) = &self.store.index_problem {
            return format!("damaged: index: {what}; stop the server and run `facteur rebuild`");
        }
        match (&self.store.failure, self.store.is_full) {
            (Some(why), _) => format!("read-only: {why}"),
            (None, true) => "too little room on the disk: no mail is taken".to_owned(),
            (None, false) => "sound".to_owned(),
        }
    }

    fn used(&self) -> u64 {
        self.accounts.iter().map(|account| account.used_bytes).sum()
    }

    fn recoverable(&self) -> u64 {
        self.accounts
            .iter()
            .map(|account| account.recoverable_bytes)
            .sum()
    }

    fn text(&self, house: &House) -> String {
        let store = &self.store;
        let lines = [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("data", house.data.display().to_string()),
            ("state", self.state()),
            ("domains", self.domains.to_string()),
            ("accounts", self.accounts.len().to_string()),
            ("mail", Bytes(self.used()).to_string()),
            ("recoverable", Bytes(self.recoverable()).to_string()),
            ("queue", format!("{} letters", self.queue)),
            (
                "log",
                format!("{} in {} files", Bytes(store.log_bytes), store.segments),
            ),
            ("alive", Bytes(store.holdings.live_bytes()).to_string()),
            ("dead", format!("{} of the log", Bytes(store.dead_bytes()))),
            ("index", Bytes(store.index_bytes).to_string()),
            ("disk", format!("{} free", Bytes(store.space.free_bytes))),
        ];
        let text: Vec<String> = lines
            .iter()
            .map(|(name, value)| format!("{name:<12} {value}"))
            .collect();
        text.join("\n")
    }

    fn data(&self, house: &House) -> Value {
        let store = &self.store;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "data": house.data,
            "state": self.state(),
            "domains": self.domains,
            "accounts": self.accounts.len(),
            "mail_bytes": self.used(),
            "recoverable_bytes": self.recoverable(),
            "queue": self.queue,
            "store": {
                "settled": store.settled,
                "applied": store.applied,
                "durable": store.durable,
                "segments": store.segments,
                "log_bytes": store.log_bytes,
                "live_bytes": store.holdings.live_bytes(),
                "dead_bytes": store.dead_bytes(),
                "row_bytes": store.holdings.row_bytes,
                "body_bytes": store.holdings.body_bytes,
                "big_bytes": store.holdings.big_bytes,
                "bodies": store.holdings.bodies,
                "index_bytes": store.index_bytes,
                "memory_bytes": store.memory_bytes,
                "bases": store.bases,
                "free_bytes": store.space.free_bytes,
                "is_full": store.is_full,
                "window_shortened_to": store.window_shortened_to.map(|since| rfc3339(since.seconds())),
                "backups_running": store.leases,
                "failure": store.failure,
                "index_problem": store.index_problem,
                "collector_problem": store.collector_problem,
            },
        })
    }
}

/// Verifies what is kept, first below the model, then what its rows mean.
///
/// When something is wrong, the reply says what, and the command fails.
pub fn check(house: &House, watcher: Watcher<'_>) -> Result<Reply, Failure> {
    watcher(&Progress {
        done: 0,
        total: 2,
        what: "log and bodies".to_owned(),
    });
    let report = house.backend.check()?;
    watcher(&Progress {
        done: 1,
        total: 2,
        what: "accounts".to_owned(),
    });
    let mut problems = report.problems;
    let mut losses = Vec::new();
    let accounts = check_accounts(house, &report.damaged_bodies, &mut problems, &mut losses);
    let accounts = accounts.unwrap_or_else(|error| {
        problems.push(error.to_string()); // Rows that cannot be read are a finding like others.
        0
    });
    problems.dedup();
    for problem in &problems {
        tracing::error!(problem, "check");
    }
    let unlisted = report.problems_unlisted;
    let (bodies, frames) = (report.bodies, report.frames);
    let data = json!({
        "problems": problems,
        "problems_unlisted": unlisted,
        "damaged_letters": losses.iter().map(Loss::data).collect::<Vec<Value>>(),
        "accounts": accounts,
        "bodies": bodies,
        "frames": frames,
        "references": report.references,
        "unreferenced": report.unreferenced,
    });
    if problems.is_empty() {
        let text =
            format!("sound: {accounts} accounts, {bodies} bodies, {frames} frames of the log");
        return Ok(Reply::new(text, data));
    }
    let count = problems.len() as u64 + unlisted;
    let lines = problems.iter().take(FINDINGS_SHOWN).cloned();
    let lines: Vec<String> = lines.chain(losses.iter().map(Loss::to_string)).collect();
    Ok(Reply {
        failure: Some(format!("{count} problems")),
        ..Reply::new(lines.join("\n"), data)
    })
}

/// Holds the rows of all accounts against each other and finds whose the damaged bodies are;
/// answers how many accounts there are.
fn check_accounts(
    house: &House,
    damaged: &[BodyNumber],
    problems: &mut Vec<String>,
    losses: &mut Vec<Loss>,
) -> Result<usize, EngineError> {
    let view = house.store.view(AccountId::DIRECTORY)?;
    let accounts = house.engine.accounts()?;
    for &body in damaged {
        losses.extend(losses::of_body(&view, &accounts, body)?);
    }
    let findings = check_model(&view)?;
    problems.extend(findings.iter().map(ToString::to_string));
    Ok(view.accounts()?.len())
}

/// Copies what is not yet in the folder.
pub fn backup(house: &House, target: &Path, watcher: Watcher<'_>) -> Result<Reply, Failure> {
    watcher(&Progress {
        done: 0,
        total: 1,
        what: "copying".to_owned(),
    });
    let started = house.engine.now();
    let report = house
        .backend
        .backup(&Disk, target)
        .map_err(|error| Failure::of(target.display(), error))?;
    let text = format!(
        "{} in {} files copied to {}; the backup holds everything up to {}",
        Bytes(report.bytes),
        report.files,
        target.display(),
        rfc3339(started.seconds()),
    );
    let data = json!({
        "target": target,
        "position": report.position,
        "files": report.files,
        "bytes": report.bytes,
        "time": rfc3339(started.seconds()),
    });
    Ok(Reply::new(text, data))
}
