//! Has the daemon of `ClamAV` look for something harmful in a letter.
//!
//! Source: clamd(8), the command INSTREAM in its form that ends with NUL.

use super::outside::{Reader, connect, shown};
use super::settings::{ClamAv, Infected};
use super::{Examiner, Looking, Scope};
use engine::examination::{Decision, Examination, Examined, Finding, Refusal, Virus};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes of an answer; real ones are a line.
const ANSWER_BYTES_MAX: u64 = 4 * 1024;

/// The examiner.
pub struct ClamAvExaminer {
    settings: ClamAv,
    reader: Reader,
}

impl ClamAvExaminer {
    /// Asks the daemon that the configuration names.
    pub fn new(settings: ClamAv, reader: Reader) -> Self {
        Self { settings, reader }
    }

    async fn ask(&self, letter: &Examination) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("clamd: {error}");
        let mut clamd = connect(&self.settings.address).await.map_err(failed)?;
        clamd.write_all(b"zINSTREAM\0").await.map_err(failed)?;
        let mut at = 0;
        loop {
            let piece = self.reader.piece(&letter.letter, at).await?;
            let length = u32::try_from(piece.len()).unwrap_or_default();
            // A piece without bytes is the end.
            let sent = match clamd.write_all(&length.to_be_bytes()).await {
                Ok(()) => clamd.write_all(&piece).await,
                error => error,
            };
            // It stops reading once a letter is longer than it wants; its answer says so.
            if sent.is_err() || piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
        }
        _ = clamd.flush().await;
        let mut answer = Vec::new();
        let mut bounded = clamd.take(ANSWER_BYTES_MAX);
        bounded.read_to_end(&mut answer).await.map_err(failed)?;
        let answer = String::from_utf8_lossy(&answer);
        Ok(answer.trim_end_matches(['\0', '\n']).to_owned())
    }
}

impl Examiner for ClamAvExaminer {
    fn name(&self) -> &'static str {
        "clamav"
    }

    fn looks_at(&self) -> Scope {
        Scope::All
    }

    fn budget(&self) -> Duration {
        Duration::from_secs(self.settings.seconds.max(1))
    }

    fn examine<'a>(&'a self, letter: &'a Examination, _: &'a Examined) -> Looking<'a> {
        let infected = match &letter.submitter {
            None => self.settings.infected,
            // Most go to others, who have no folder of ours to put it into.
            Some(_) => Infected::Refuse,
        };
        Box::pin(async move { finding(&self.ask(letter).await?, infected) })
    }
}

/// `stream: OK`, `stream: NAME FOUND`, or something else that is an error.
pub(super) fn finding(answer: &str, infected: Infected) -> Result<Finding, String> {
    let said = answer.strip_prefix("stream: ").unwrap_or(answer);
    if said == "OK" {
        return Ok(Finding {
            virus: Some(Virus::Clean),
            ..Finding::default()
        });
    }
    let Some(name) = said.strip_suffix(" FOUND") else {
        return Err(format!("clamd: {}", shown(said)));
    };
    let text = format!("The letter contains {name}");
    Ok(Finding {
        decision: match infected {
            Infected::Refuse => Decision::Refuse(Refusal::new("7.1", &text)),
            Infected::Junk => Decision::Quarantine,
        },
        facts: vec![("virus", shown(name))],
        virus: Some(Virus::Found),
        ..Finding::default()
    })
}
