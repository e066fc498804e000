//! What is thought of single letters: teach it, and ask for it.

use super::directory::find;
use super::{Failure, Progress, Reply, Watcher};
use crate::house::House;
use crate::import::source;
use bytes::Bytes;
use engine::spam::{Assessment, Opinion, Reason};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Something to be done; each variant is the command of its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "the fields are those of the command line, explained there"
)]
pub enum Spam {
    Learn {
        /// Whose opinion it is; absent for everyone's.
        address: Option<String>,
        opinion: Taught,
        files: Vec<PathBuf>,
    },
    Score {
        /// Who asks; absent for nobody in particular.
        address: Option<String>,
        file: PathBuf,
    },
}

/// What is taught of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Taught {
    /// Nobody wants them.
    Junk,
    /// They are wanted.
    Good,
}

pub fn run(house: &House, request: &Spam, watcher: Watcher<'_>) -> Result<Reply, Failure> {
    match request {
        Spam::Learn {
            address,
            opinion,
            files,
        } => learn(house, address.as_deref(), *opinion, files, watcher),
        Spam::Score { address, file } => score(house, address.as_deref(), file),
    }
}

fn learn(
    house: &House,
    address: Option<&str>,
    taught: Taught,
    files: &[PathBuf],
    watcher: Watcher<'_>,
) -> Result<Reply, Failure> {
    let account = address.map(|address| find(house, address)).transpose()?;
    let opinion = match taught {
        Taught::Junk => Opinion::Unwanted,
        Taught::Good => Opinion::Wanted,
    };
    let total = files.len() as u64;
    for (file, done) in files.iter().zip(0..) {
        let what = file.display().to_string();
        if !watcher(&Progress { done, total, what }) {
            break;
        }
        let letter = letter(house, file)?;
        let learned = house.engine.learn_letter(&letter, opinion, account);
        learned.map_err(|why| Failure::of(file.display(), why))?;
    }
    let (junk, good) = house.engine.letters_learned(account)?;
    Ok(Reply::new(
        format!("{junk} letters are known as junk, {good} as good"),
        json!({ "account": address, "junk": junk, "good": good }),
    ))
}

fn score(house: &House, address: Option<&str>, file: &Path) -> Result<Reply, Failure> {
    let account = address.map(|address| find(house, address)).transpose()?;
    let letter = letter(house, file)?;
    let sum = house.engine.score_letter(&letter, account);
    let sum = sum.map_err(|why| Failure::of(file.display(), why))?;
    Ok(Reply::new(told(&sum), data(&sum)))
}

fn told(sum: &Assessment) -> String {
    let verdict = if sum.is_junk() { "junk" } else { "not junk" };
    let first = format!("{verdict}: {} points of {}", sum.points(), sum.junk);
    let line = |reason: &Reason| {
        let points = reason.points.to_string();
        format!("{points:>6}  {} ({})", reason.text, reason.name)
    };
    let lines: Vec<String> = [first]
        .into_iter()
        .chain(sum.reasons.iter().map(line))
        .collect();
    lines.join("\n")
}

fn data(sum: &Assessment) -> Value {
    let number = |tenths: i32| f64::from(tenths) / 10.0;
    let reasons = sum.reasons.iter().map(|reason| {
        json!({
            "name": reason.name,
            "points": number(reason.points.0),
            "text": reason.text,
        })
    });
    json!({
        "points": number(sum.points().0),
        "junk_from": number(sum.junk.0),
        "junk": sum.is_junk(),
        "reasons": reasons.collect::<Vec<Value>>(),
    })
}

/// A letter in a file, if it is no longer than letters may be.
fn letter(house: &House, file: &Path) -> Result<Bytes, Failure> {
    let about = |why: &dyn std::fmt::Display| Failure::of(file.display(), why);
    let bytes_max = house.engine.settings().limits.message_bytes_max;
    let opened = source::open(file).map_err(|error| about(&error))?;
    let mut letter = Vec::new();
    let read = opened
        .file
        .take(bytes_max.saturating_add(1))
        .read_to_end(&mut letter);
    read.map_err(|error| about(&error))?;
    if letter.is_empty() {
        return Err(about(&"there is no letter in it"));
    }
    if letter.len() as u64 > bytes_max {
        return Err(about(&"longer than letters may be"));
    }
    Ok(letter.into())
}
