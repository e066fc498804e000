//! Has a milter look at a letter: the whole dialogue at once, when the letter is whole.
//!
//! Each letter has a connection of its own. What a milter says of connection, greeting, sender or
//! recipients holds for the letter. Start at [`Milter`].
//!
//! Source: the mail filter protocol, version 6 (libmilter's documentation).

mod edit;
#[cfg(test)]
pub mod fuzzed;
mod packet;
#[cfg(test)]
mod tests;

use super::outside::{Connection, Reader, connect};
use super::settings::{Failure, MilterSettings};
use super::{Examiner, Looking};
use bytes::Bytes;
use edit::Edit;
use engine::Engine;
use engine::examination::{Decision, Examination, Examined, Finding, Refusal, Rewritten};
use formats::message::header;
use packet::{ACTIONS, PACKET_BYTES_MAX, Response, STEPS, VERSION, packet, texts};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Steps in the order of the protocol, with the bits by which a milter leaves them out or leaves
/// them without an answer.
const CONNECT: Step = Step(b'C', 0x01, 0x1000);
const GREETING: Step = Step(b'H', 0x02, 0x2000);
const SENDER: Step = Step(b'M', 0x04, 0x4000);
const RECIPIENT: Step = Step(b'R', 0x08, 0x8000);
const DATA: Step = Step(b'T', 0x200, 0x1_0000);
const FIELD: Step = Step(b'L', 0x20, 0x80);
const END_OF_HEADER: Step = Step(b'N', 0x40, 0x4_0000);
const BODY: Step = Step(b'B', 0x10, 0x8_0000);
const END: u8 = b'E';
/// Packets that say only that it is still at it.
const PROGRESS_MAX: u32 = 10_000;
/// Bytes of a body that go into one packet.
const BODY_PACKET_BYTES: usize = 65_535;

/// Its letter, and the bits.
#[derive(Clone, Copy)]
struct Step(u8, u32, u32);

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

    async fn ask(&self, letter: &Examination) -> Result<Finding, String> {
        let failed = |error: std::io::Error| format!("milter: {error}");
        let stream = connect(&self.settings.address).await.map_err(failed)?;
        let mut dialogue = Dialogue {
            stream,
            left_out: 0,
        };
        dialogue.negotiate().await?;
        let ended = match dialogue.lead(letter, &self.reader).await? {
            Some(early) => early,
            None => dialogue.end().await?,
        };
        _ = dialogue.stream.write_all(&packet(b'Q', b"")).await;
        self.finding(letter, ended).await
    }

    async fn finding(&self, letter: &Examination, ended: Ended) -> Result<Finding, String> {
        let edit = match ended {
            Ended::Said(Response::Refuse(line)) => return Ok(refused(&line)),
            Ended::Said(Response::Discard) => return Ok(put_aside("discard")),
            Ended::Said(_) => return Ok(Finding::default()),
            Ended::Changed(edit) => edit,
        };
        let mut finding = if edit.is_quarantined {
            put_aside("quarantine")
        } else {
            Finding::default()
        };
        finding.lines.clone_from(&edit.lines);
        if edit.is_rewriting() {
            let (engine, letter) = (self.reader.engine().clone(), letter.clone());
            let write = move || rewritten(&engine, &letter, &edit);
            let new = self.reader.pool().run(None, write).await;
            let new = new.map_err(|_| "the server stops".to_owned())?;
            finding.rewritten = Some(new.map_err(|error| error.to_string())?);
        }
        Ok(finding)
    }
}

impl Examiner for Milter {
    fn name(&self) -> &'static str {
        "milter"
    }

    fn budget(&self) -> Duration {
        // The time that counts is within, since a failure may be a reason to wait.
        Duration::from_secs(self.settings.seconds.max(1)) * 2
    }

    fn examine<'a>(&'a self, letter: &'a Examination, _: &'a Examined) -> Looking<'a> {
        Box::pin(async move {
            let limit = Duration::from_secs(self.settings.seconds.max(1));
            let found = timeout(limit, self.ask(letter)).await;
            let found = found.unwrap_or_else(|_| Err("milter: it took too long".to_owned()));
            match (found, self.settings.failure) {
                (Err(why), Failure::Defer) => Ok(Finding {
                    decision: Decision::Defer(Refusal::new("3.0", "Try again later")),
                    facts: vec![("milter", why)],
                    ..Finding::default()
                }),
                (found, _) => found,
            }
        })
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
fn refused(line: &str) -> Finding {
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
    Finding {
        decision: if code.starts_with('4') {
            Decision::Defer(refusal)
        } else {
            Decision::Refuse(refusal)
        },
        facts: vec![("milter", "refused".to_owned())],
        ..Finding::default()
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

/// How a dialogue ended.
enum Ended {
    /// With this word for the whole letter.
    Said(Response),
    /// With these changes.
    Changed(Arc<Edit>),
}

struct Dialogue {
    stream: Box<dyn Connection>,
    /// The bits of what the milter leaves out.
    left_out: u32,
}

impl Dialogue {
    async fn negotiate(&mut self) -> Result<(), String> {
        let numbers = [VERSION, ACTIONS, STEPS].map(u32::to_be_bytes);
        self.send(b'O', numbers.as_flattened()).await?;
        match self.receive().await? {
            Response::Negotiate(version, actions, left_out) if (2..=VERSION).contains(&version) => {
                if actions & !ACTIONS != 0 {
                    return Err("milter: it must change sender or recipients".to_owned());
                }
                self.left_out = left_out;
                Ok(())
            }
            other => Err(format!("milter: it does not negotiate: {other:?}")),
        }
    }

    /// All steps but the last; `Some` when it has said enough before.
    async fn lead(
        &mut self,
        letter: &Examination,
        reader: &Reader,
    ) -> Result<Option<Ended>, String> {
        let sender = format!("<{}>", letter.sender);
        let mut steps = vec![
            (CONNECT, connection(letter)),
            (GREETING, texts(&[&letter.greeting])),
            (SENDER, texts(&[&sender])),
        ];
        for recipient in &letter.recipients {
            steps.push((RECIPIENT, texts(&[&format!("<{recipient}>")])));
        }
        steps.push((DATA, Vec::new()));
        for field in header::fields(&letter.header) {
            let name = String::from_utf8_lossy(field.name);
            let value = String::from_utf8_lossy(field.value).replace("\r\n", "\n");
            let value = value.strip_prefix(' ').unwrap_or(&value);
            steps.push((FIELD, texts(&[&name, value.trim_end_matches('\n')])));
        }
        steps.push((END_OF_HEADER, Vec::new()));
        for (step, data) in steps {
            match self.take(step, &data).await? {
                Response::Continue => {}
                other => return Ok(Some(Ended::Said(other))),
            }
        }
        self.body(letter, reader).await
    }

    async fn body(
        &mut self,
        letter: &Examination,
        reader: &Reader,
    ) -> Result<Option<Ended>, String> {
        let mut at = letter.header.len() as u64;
        loop {
            let piece = reader.piece(&letter.letter, at).await?;
            if piece.is_empty() {
                return Ok(None);
            }
            for part in piece.chunks(BODY_PACKET_BYTES) {
                match self.take(BODY, part).await? {
                    Response::Continue => {}
                    Response::Skip => return Ok(None),
                    other => return Ok(Some(Ended::Said(other))),
                }
            }
            at += piece.len() as u64;
        }
    }

    /// The end of the letter, where changes come.
    async fn end(&mut self) -> Result<Ended, String> {
        self.send(END, b"").await?;
        let mut edit = Edit::default();
        loop {
            match self.receive().await? {
                Response::Change(change) => {
                    let taken = edit.take(change);
                    taken.map_err(|why| format!("milter: {why}"))?;
                }
                Response::Continue | Response::Accept => {
                    return Ok(Ended::Changed(Arc::new(edit)));
                }
                said @ (Response::Refuse(_) | Response::Discard) => return Ok(Ended::Said(said)),
                other => return Err(format!("milter: {other:?} at the end")),
            }
        }
    }

    /// One step, unless it is left out.
    async fn take(&mut self, step: Step, data: &[u8]) -> Result<Response, String> {
        let Step(kind, left_out, unanswered) = step;
        if self.left_out & left_out != 0 {
            return Ok(Response::Continue);
        }
        self.send(kind, data).await?;
        if self.left_out & unanswered != 0 {
            return Ok(Response::Continue);
        }
        match self.receive().await? {
            said @ (Response::Continue
            | Response::Accept
            | Response::Skip
            | Response::Discard
            | Response::Refuse(_)) => Ok(said),
            other => Err(format!("milter: {other:?} is no answer here")),
        }
    }

    async fn send(&mut self, kind: u8, data: &[u8]) -> Result<(), String> {
        let sent = self.stream.write_all(&packet(kind, data)).await;
        sent.map_err(|error| format!("milter: {error}"))
    }

    async fn receive(&mut self) -> Result<Response, String> {
        let failed = |error: std::io::Error| format!("milter: {error}");
        for _ in 0..PROGRESS_MAX {
            let length = self.stream.read_u32().await.map_err(failed)?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length == 0 || length > PACKET_BYTES_MAX {
                return Err("milter: a packet without a sound length".to_owned());
            }
            let mut packet = vec![0; length];
            self.stream.read_exact(&mut packet).await.map_err(failed)?;
            match Response::parse(&packet) {
                Some(Response::Progress) => {}
                Some(response) => return Ok(response),
                None => return Err("milter: a packet that is cut".to_owned()),
            }
        }
        Err("milter: it never comes to an end".to_owned())
    }
}

/// The peer's name, which is its address in brackets, and its address.
fn connection(letter: &Examination) -> Vec<u8> {
    let Some(peer) = letter.peer else {
        return [&texts(&["localhost"])[..], b"U"].concat();
    };
    let family = if matches!(peer, IpAddr::V4(_)) {
        b"4"
    } else {
        b"6"
    };
    let address = peer.to_string();
    let name = texts(&[&format!("[{address}]")]);
    [&name[..], family, &[0, 0], &texts(&[&address])].concat()
}
