//! Has milters look at letters, in the dialogue as it happens: connection, greeting, sender, each
//! recipient, and the letter once it is whole.
//!
//! A connection of a peer has one to each milter, on which its letters come one after the other.
//! Where the dialogue was not followed, all is told at once when the letter is whole. Start at
//! [`Milter`]; what is told when is in [`following`], the words are in [`dialogue`].
//!
//! Source: the mail filter protocol, version 6 (libmilter's documentation).

mod dialogue;
mod edit;
mod following;
#[cfg(any(test, feature = "fuzzed"))]
pub mod fuzzed;
mod packet;
#[cfg(test)]
mod tests;

use super::attendance::Follower;
use super::outside::Reader;
use super::settings::MilterSettings;
use super::{Examiner, Looking, Scope};
use bytes::Bytes;
use edit::Edit;
use engine::Engine;
use engine::examination::{Decision, Examination, Examined, Finding, Refusal, Rewritten};
use following::Following;
use std::time::Duration;

/// The examiner.
pub struct Milter {
    settings: MilterSettings,
    reader: Reader,
}

impl Milter {
    /// Asks the milter that the configuration names.
    pub fn new(settings: MilterSettings, reader: Reader) -> Self {
        Self { settings, reader }
    }

    fn following(&self) -> Following {
        Following::new(self.settings.clone(), self.reader.clone())
    }
}

impl Examiner for Milter {
    fn name(&self) -> &'static str {
        "milter"
    }

    fn looks_at(&self) -> Scope {
        if self.settings.submissions {
            Scope::All
        } else {
            Scope::Strangers
        }
    }

    fn budget(&self) -> Duration {
        // The time that counts is within, since a failure may be a reason to wait.
        Duration::from_secs(self.settings.seconds.max(1)) * 2
    }

    fn examine<'a>(&'a self, letter: &'a Examination, so_far: &'a Examined) -> Looking<'a> {
        Box::pin(async move {
            let mut following = self.following();
            let found = following.examine(letter, so_far).await;
            following.part().await;
            found
        })
    }

    fn follower(&self) -> Option<Box<dyn Follower>> {
        Some(Box::new(self.following()))
    }
}

fn put_aside(why: &str) -> Finding {
    Finding {
        decision: Decision::Quarantine,
        facts: vec![("milter", why.to_owned())],
        ..Finding::default()
    }
}

/// `550 5.7.1 text`, where the second number may be missing.
fn refusal(line: &str) -> Decision {
    let (code, rest) = line.split_once([' ', '-']).unwrap_or((line, ""));
    let first = rest.split(' ').next().unwrap_or_default();
    let is_status = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let status = first
        .split_once('.')
        .map(|(_, status)| status)
        .filter(|status| is_status(status) && first.len() <= 9);
    let text = match status {
        Some(_) => rest.split_once(' ').map_or("", |(_, text)| text),
        None => rest,
    };
    let refusal = Refusal::new(status.unwrap_or("7.1"), text);
    if code.starts_with('4') {
        Decision::Defer(refusal)
    } else {
        Decision::Refuse(refusal)
    }
}

/// Writes the letter anew, where the disk may be waited for.
fn rewritten(
    engine: &Engine,
    letter: &Examination,
    edit: &Edit,
) -> Result<Rewritten, engine::EngineError> {
    let header = edit.header(&letter.header);
    let mut upload = engine.upload()?;
    upload.write(&header)?;
    if let Some(body) = &edit.body {
        upload.write(body)?;
    } else {
        let mut at = letter.header.len() as u64;
        loop {
            let piece = engine.read_staged(&letter.letter, at..at.saturating_add(256 * 1024))?;
            if piece.is_empty() {
                break;
            }
            upload.write(&piece)?;
            at += piece.len() as u64;
        }
    }
    Ok(Rewritten {
        header: Bytes::from(header),
        letter: upload.finish()?,
    })
}
