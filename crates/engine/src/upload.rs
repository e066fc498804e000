//! A letter on its way in: bytes go to the store's spool and, as they pass, through the scanner
//! that makes the summary, so that nothing is read twice and no letter is ever whole in memory.
//!
//! Start at [`Upload`]; what it leaves is a [`Staged`] letter, which is kept only if a commit
//! refers to it.

use crate::error::EngineError;
use bytes::Bytes;
use formats::message::scan::{Limits, Scanner};
use memchr::memmem;
use std::sync::Arc;
use store::backend::{Spool, StagedBody, Stay};
use store::id::Timestamp;

/// Bytes of a letter's header in which trace lines are looked for: 50 hops of 1 KiB, and as much
/// again.
const TRACE_BYTES_MAX: usize = 128 * 1024;

/// A letter that comes in pieces.
pub struct Upload {
    spool: Box<dyn Spool>,
    scanner: Scanner,
    header: Vec<u8>,
    /// Nothing that still comes is added to the header.
    header_is_whole: bool,
    bytes_max: u64,
}

impl Upload {
    pub(crate) fn new(spool: Box<dyn Spool>, bytes_max: u64) -> Self {
        Self {
            spool,
            scanner: Scanner::new(Limits::default()),
            header: Vec::new(),
            header_is_whole: false,
            bytes_max,
        }
    }

    /// Takes the next bytes.
    ///
    /// Errors: [`EngineError::TooLarge`] beyond the size limit; the upload is then of no more use.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        if self.spool.len().saturating_add(bytes.len() as u64) > self.bytes_max {
            return Err(EngineError::TooLarge);
        }
        self.keep_header(bytes);
        self.scanner.push(bytes);
        self.spool.write(bytes)?;
        Ok(())
    }

    /// Keeps what belongs to the header. An empty line that comes in two pieces is found later, by
    /// who reads what was kept.
    fn keep_header(&mut self, bytes: &[u8]) {
        if self.header_is_whole {
            return;
        }
        let room = TRACE_BYTES_MAX.saturating_sub(self.header.len());
        let room = room.min(bytes.len());
        let end = memmem::find(bytes, b"\n\r\n").map_or(room, |end| (end + 1).min(room));
        self.header
            .extend_from_slice(bytes.get(..end).unwrap_or(bytes));
        self.header_is_whole = end < bytes.len();
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.spool.len()
    }

    /// True when nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says for how long it will probably be kept here; for long, where nothing is said.
    pub fn expect(&mut self, stay: Stay) {
        self.spool.expect(stay);
    }

    /// Says that all bytes have come, although the letter is finished later: until then it takes as
    /// much room as it will on disk.
    pub fn end(&mut self) -> Result<(), EngineError> {
        Ok(self.spool.end()?)
    }

    /// Ends the letter.
    pub fn finish(self) -> Result<Staged, EngineError> {
        let trace = Trace::of(&self.header);
        let summary = self.scanner.finish();
        let letter = Letter {
            body: Arc::new(self.spool.finish()?),
            summary: Bytes::from(summary.encode()),
            sent: summary
                .sent
                .map(|date| Timestamp::from_seconds(date.seconds)),
            trace,
        };
        Ok(Staged(Arc::new(letter)))
    }
}

/// A letter that is complete and hashed, but not yet part of any account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Staged(Arc<Letter>);

#[derive(Debug)]
struct Letter {
    body: Arc<StagedBody>,
    summary: Bytes,
    sent: Option<Timestamp>,
    trace: Trace,
}

impl Staged {
    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.0.body.len
    }

    /// What lists need of it, to be read with [`formats::message::SummaryRef`]. Its offsets count
    /// from the body's first byte.
    pub fn summary(&self) -> &Bytes {
        &self.0.summary
    }

    /// The date the sender gave.
    pub fn sent(&self) -> Option<Timestamp> {
        self.0.sent
    }

    /// How many servers have handled it already.
    pub fn hops(&self) -> u32 {
        self.0.trace.hops
    }

    /// True when it was delivered to this address before.
    pub(crate) fn was_delivered_to(&self, address: &str) -> bool {
        self.0
            .trace
            .delivered_to
            .iter()
            .any(|known| known.eq_ignore_ascii_case(address))
    }

    pub(crate) fn body(&self) -> &Arc<StagedBody> {
        &self.0.body
    }
}

/// What the header tells of where the letter has been.
#[derive(Debug, Default)]
struct Trace {
    hops: u32,
    delivered_to: Vec<String>,
}

impl Trace {
    /// Reads the lines up to the first empty one. Folded lines begin with a space, so they begin no
    /// field.
    fn of(header: &[u8]) -> Self {
        let mut trace = Self::default();
        for line in header.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                break;
            }
            if field(line, b"received").is_some() {
                trace.hops = trace.hops.saturating_add(1);
            } else if let Some(value) = field(line, b"delivered-to") {
                trace
                    .delivered_to
                    .push(String::from_utf8_lossy(value.trim_ascii()).into_owned());
            }
        }
        trace
    }
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(name.len())?;
    rest.strip_prefix(b":")
        .filter(|_| head.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_and_former_recipients_are_read_from_the_header_only() {
        let trace = Trace::of(
            b"received: from a\r\n by b\r\nReceived: from b\r\nDelivered-To:  A@example.test \r\n\
              Received-SPF: pass\r\n\r\nReceived: in the body\r\n",
        );
        assert_eq!(trace.hops, 2);
        assert_eq!(trace.delivered_to, ["A@example.test"]);
    }
}
