//! What is said to a milter over one connection, and what it answers.
//!
//! Knows which steps a milter leaves out, not why a step is taken. Start at [`Dialogue::open`].

use super::edit::Edit;
use super::packet::{ACTIONS, PACKET_BYTES_MAX, Response, STEPS, VERSION, macros, packet, texts};
use crate::configuration::Endpoint;
use crate::examination::outside::{Connection, Reader, connect};
use engine::examination::Examination;
use formats::message::header;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Steps in the order of the protocol, with the bits by which a milter leaves them out or leaves
/// them without an answer.
pub const CONNECT: Step = Step(b'C', 0x01, 0x1000);
pub const GREETING: Step = Step(b'H', 0x02, 0x2000);
pub const SENDER: Step = Step(b'M', 0x04, 0x4000);
pub const RECIPIENT: Step = Step(b'R', 0x08, 0x8000);
const DATA: Step = Step(b'T', 0x200, 0x1_0000);
const FIELD: Step = Step(b'L', 0x20, 0x80);
const END_OF_HEADER: Step = Step(b'N', 0x40, 0x4_0000);
const BODY: Step = Step(b'B', 0x10, 0x8_0000);
const END: u8 = b'E';
const ABORT: u8 = b'A';
const QUIT: u8 = b'Q';
/// Packets that say only that it is still at it.
const PROGRESS_MAX: u32 = 10_000;
/// Bytes of a body that go into one packet.
const BODY_PACKET_BYTES: usize = 65_535;

/// Its letter, and the bits.
#[derive(Clone, Copy)]
pub struct Step(u8, u32, u32);

/// How a letter ended.
pub enum Ended {
    /// With this word for the whole of it.
    Said(Response),
    /// With these changes.
    Changed(Arc<Edit>),
}

/// One connection to a milter.
pub struct Dialogue {
    stream: Box<dyn Connection>,
    /// The bits of what the milter leaves out.
    left_out: u32,
}

impl Dialogue {
    /// Connects, and agrees on what is said.
    pub async fn open(place: &Endpoint) -> Result<Self, String> {
        let stream = connect(place).await.map_err(failed)?;
        let mut dialogue = Self {
            stream,
            left_out: 0,
        };
        dialogue.negotiate().await?;
        Ok(dialogue)
    }

    async fn negotiate(&mut self) -> Result<(), String> {
        let numbers = [VERSION, ACTIONS, STEPS].map(u32::to_be_bytes);
        self.send(&packet(b'O', numbers.as_flattened())).await?;
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

    /// One step with the facts that belong to it, unless it is left out.
    pub async fn step(
        &mut self,
        step: Step,
        facts: &[(&str, &str)],
        data: &[u8],
    ) -> Result<Response, String> {
        let Step(kind, left_out, unanswered) = step;
        let mut bytes = macros(kind, facts);
        if self.left_out & left_out != 0 {
            if !bytes.is_empty() {
                self.send(&bytes).await?; // It may want to know them later.
            }
            return Ok(Response::Continue);
        }
        bytes.extend(packet(kind, data));
        self.send(&bytes).await?;
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

    /// The letter itself, from its header to its end.
    pub async fn letter(
        &mut self,
        letter: &Examination,
        facts: &[(&str, &str)],
        reader: &Reader,
    ) -> Result<Ended, String> {
        let early = match self.header(letter, facts).await? {
            None => self.body(letter, reader).await?,
            early => early,
        };
        match early {
            Some(early) => Ok(Ended::Said(early)),
            None => self.end(facts).await,
        }
    }

    /// `Some` when it has said enough.
    async fn header(
        &mut self,
        letter: &Examination,
        facts: &[(&str, &str)],
    ) -> Result<Option<Response>, String> {
        let mut said = self.step(DATA, facts, b"").await?;
        for field in header::fields(&letter.header) {
            if said != Response::Continue {
                return Ok(Some(said));
            }
            let name = String::from_utf8_lossy(field.name);
            let value = String::from_utf8_lossy(field.value).replace("\r\n", "\n");
            let value = value.strip_prefix(' ').unwrap_or(&value);
            let data = texts(&[&name, value.trim_end_matches('\n')]);
            said = self.step(FIELD, &[], &data).await?;
        }
        if said == Response::Continue {
            said = self.step(END_OF_HEADER, &[], b"").await?;
        }
        Ok(Some(said).filter(|said| *said != Response::Continue))
    }

    async fn body(
        &mut self,
        letter: &Examination,
        reader: &Reader,
    ) -> Result<Option<Response>, String> {
        let mut at = letter.header.len() as u64;
        loop {
            let piece = reader.piece(&letter.letter, at).await?;
            if piece.is_empty() {
                return Ok(None);
            }
            for part in piece.chunks(BODY_PACKET_BYTES) {
                match self.step(BODY, &[], part).await? {
                    Response::Continue => {}
                    Response::Skip => return Ok(None),
                    other => return Ok(Some(other)),
                }
            }
            at += piece.len() as u64;
        }
    }

    /// The end of the letter, where changes come.
    async fn end(&mut self, facts: &[(&str, &str)]) -> Result<Ended, String> {
        let mut bytes = macros(END, facts);
        bytes.extend(packet(END, b""));
        self.send(&bytes).await?;
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

    /// The letter that was begun is given up; the next may begin.
    pub async fn abort(&mut self) -> Result<(), String> {
        self.send(&packet(ABORT, b"")).await
    }

    /// Says farewell; whether that is heard does not matter.
    pub async fn quit(mut self) {
        _ = self.send(&packet(QUIT, b"")).await;
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.stream.write_all(bytes).await.map_err(failed)
    }

    async fn receive(&mut self) -> Result<Response, String> {
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

#[allow(
    clippy::needless_pass_by_value,
    reason = "it stands where errors are mapped"
)]
fn failed(error: std::io::Error) -> String {
    format!("milter: {error}")
}
