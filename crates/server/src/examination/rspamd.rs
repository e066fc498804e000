//! Has Rspamd judge a letter, over HTTP.
//!
//! What it would do is done; its score is one reason among the others. Start at
//! [`RspamdExaminer`].
//!
//! Source: Rspamd's documentation of its protocol (`/checkv2`); RFC 9112 (HTTP/1.1).

use super::outside::{Reader, connect, shown};
use super::settings::Rspamd;
use super::{Examiner, Looking};
use engine::examination::{Decision, Examination, Examined, Finding, Refusal};
use engine::spam::{Points, Reason};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes of an answer with its header; real ones have a few KiB.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;
/// Names of symbols that are told.
const SYMBOLS_MAX: usize = 8;
/// Points, either way, that its score counts at most.
const POINTS_MAX: f64 = 50.0;
/// Recipients that it is told.
const RECIPIENTS_MAX: usize = 50;

/// What of the answer is used.
#[derive(Debug, Deserialize)]
struct Verdict {
    action: String,
    #[serde(default)]
    score: f64,
    #[serde(default)]
    symbols: BTreeMap<String, Symbol>,
}

#[derive(Debug, Deserialize)]
struct Symbol {
    #[serde(default)]
    score: f64,
}

/// The examiner.
pub struct RspamdExaminer {
    settings: Rspamd,
    reader: Reader,
}

impl RspamdExaminer {
    /// Asks the program that the configuration names.
    pub fn new(settings: Rspamd, reader: Reader) -> Self {
        Self { settings, reader }
    }

    async fn ask(&self, letter: &Examination) -> Result<Vec<u8>, String> {
        let failed = |error: std::io::Error| format!("rspamd: {error}");
        let mut rspamd = connect(&self.settings.address).await.map_err(failed)?;
        let request = request(letter, self.settings.password.as_deref());
        rspamd.write_all(request.as_bytes()).await.map_err(failed)?;
        let mut at = 0;
        loop {
            let piece = self.reader.piece(&letter.letter, at).await?;
            if piece.is_empty() {
                break;
            }
            rspamd.write_all(&piece).await.map_err(failed)?;
            at += piece.len() as u64;
        }
        rspamd.flush().await.map_err(failed)?;
        let mut answer = Vec::new();
        let mut bounded = rspamd.take(ANSWER_BYTES_MAX);
        bounded.read_to_end(&mut answer).await.map_err(failed)?;
        Ok(answer)
    }
}

impl Examiner for RspamdExaminer {
    fn name(&self) -> &'static str {
        "rspamd"
    }

    fn budget(&self) -> Duration {
        Duration::from_secs(self.settings.seconds.max(1))
    }

    fn examine<'a>(&'a self, letter: &'a Examination, _: &'a Examined) -> Looking<'a> {
        Box::pin(async move { read(&self.ask(letter).await?) })
    }
}

/// HTTP/1.0, so that the answer comes in one piece and ends with the connection.
fn request(letter: &Examination, password: Option<&str>) -> String {
    let mut request = "POST /checkv2 HTTP/1.0\r\n".to_owned();
    let mut add = |name: &str, value: &str| {
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        // Writing to a string never fails.
        _ = write!(request, "{name}: {value}\r\n");
    };
    add("Content-Length", &letter.letter.size().to_string());
    add("From", &letter.sender);
    for recipient in letter.recipients.iter().take(RECIPIENTS_MAX) {
        add("Rcpt", recipient);
    }
    if let Some(peer) = letter.peer {
        add("IP", &peer.to_string());
    }
    add("Helo", &letter.greeting);
    if let Some(user) = &letter.submitter {
        add("User", &user.address);
    }
    if let Some(password) = password {
        add("Password", password);
    }
    request + "\r\n"
}

/// What an answer says.
///
/// Errors: a line for the log.
pub(super) fn read(answer: &[u8]) -> Result<Finding, String> {
    Ok(finding(&verdict(answer)?))
}

fn verdict(answer: &[u8]) -> Result<Verdict, String> {
    let odd = || "rspamd: an answer that is none".to_owned();
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let at = at.ok_or_else(odd)?;
    let (head, body) = answer.split_at_checked(at + 4).ok_or_else(odd)?;
    let status = head.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    if status != b"200" {
        let status = String::from_utf8_lossy(status);
        return Err(format!("rspamd: status {}", shown(&status)));
    }
    serde_json::from_slice(body).map_err(|error| format!("rspamd: {error}"))
}

fn finding(verdict: &Verdict) -> Finding {
    let refusal = || Refusal::new("7.1", "The letter looks unwanted");
    let decision = match verdict.action.as_str() {
        "reject" => Decision::Refuse(refusal()),
        "soft reject" | "greylist" => Decision::Defer(Refusal::new("7.1", "Try again later")),
        "add header" | "rewrite subject" | "quarantine" => Decision::Quarantine,
        _ => Decision::Accept,
    };
    let mut symbols: Vec<(&String, f64)> = verdict
        .symbols
        .iter()
        .map(|(name, symbol)| (name, symbol.score.abs()))
        .collect();
    symbols.sort_by(|one, other| other.1.total_cmp(&one.1));
    let names: Vec<&str> = symbols
        .iter()
        .take(SYMBOLS_MAX)
        .map(|(name, _)| name.as_str())
        .collect();
    let points = Points::of(verdict.score.clamp(-POINTS_MAX, POINTS_MAX));
    let text = format!("Rspamd: {}", names.join(" "));
    Finding {
        decision,
        facts: vec![("rspamd", format!("{} {points}", shown(&verdict.action)))],
        reasons: vec![Reason::new("RSPAMD", points, &text)],
        ..Finding::default()
    }
}
