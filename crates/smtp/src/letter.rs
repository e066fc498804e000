//! A letter on its way in, behind DATA or BDAT: counted, its header looked at, passed on in pieces.
//!
//! At most [`PIECE_BYTES`] wait in memory; what waits is given to the engine where the disk may be
//! touched, so that a small letter costs one such step in all. A letter that is refused is still
//! counted to its end.

use crate::codec::data::Fault;
use crate::refusal::Refusal;
use engine::examination::field::without_forged;
use engine::{Engine, Staged, Stay, Upload};
use formats::date::Date;

/// Bytes that wait before they are given to the engine: most letters fit whole.
pub const PIECE_BYTES: usize = 64 * 1024;

/// Bytes of a header. Real ones stay below 64 KiB; what lists need of a letter is read from the
/// header.
const HEADER_BYTES_MAX: usize = 256 * 1024;

/// Fields of a header. Real ones have below 200.
const HEADER_FIELDS_MAX: usize = 2_000;

/// Bytes of a letter already refused that are read to find its end, beyond the largest allowed
/// letter.
const WASTE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A letter that comes in pieces.
#[derive(Default)]
pub struct Letter {
    submitted: Submitted,
    pending: Vec<u8>,
    upload: Option<Upload>,
    header: Header,
    size_bytes: u64,
    refusal: Option<Refusal>,
}

/// Where a letter entered the world's mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Submitted {
    /// A user of ours submits it: Date and Message-ID are added if they are missing (RFC 6409 §8.2,
    /// §8.3).
    Here,
    /// Another server has seen to that.
    #[default]
    Elsewhere,
}

/// A letter that is whole.
pub struct Whole {
    /// Its bytes, with the engine.
    pub staged: Staged,
    /// Its header with the empty line.
    pub header: Vec<u8>,
}

/// The header as far as it has come.
#[derive(Default)]
struct Header {
    bytes: Vec<u8>,
    ended: bool,
}

impl Letter {
    /// A letter to come.
    pub fn new(submitted: Submitted) -> Self {
        Self {
            submitted,
            ..Self::default()
        }
    }

    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8], bytes_max: u64) {
        self.size_bytes = self.size_bytes.saturating_add(bytes.len() as u64);
        if self.size_bytes > bytes_max {
            self.refuse(Refusal::TooLarge);
        }
        if self.refusal.is_none() {
            self.pending.extend_from_slice(bytes);
            if self.header.take(bytes).is_err() {
                self.refuse(Refusal::Header);
            }
        }
    }

    /// Notes why the letter will be refused; the first reason counts.
    pub fn refuse(&mut self, refusal: Refusal) {
        self.refusal.get_or_insert(refusal);
        self.pending = Vec::new();
        self.upload = None;
    }

    /// The same for bytes that no letter may hold.
    pub fn refuse_fault(&mut self, fault: Option<Fault>) {
        if let Some(fault) = fault {
            self.refuse(Refusal::Content(fault));
        }
    }

    /// True when bytes should go to the engine before more come.
    ///
    /// What a submission lacks, and what others may not say, is known once the header has come, which
    /// is at most [`HEADER_BYTES_MAX`].
    pub fn is_heavy(&self) -> bool {
        self.pending.len() >= PIECE_BYTES && self.header.ended
    }

    /// True when the client goes on and on with a letter that will be refused.
    pub fn is_waste(&self, bytes_max: u64) -> bool {
        self.refusal.is_some() && self.size_bytes > bytes_max.saturating_add(WASTE_BYTES_MAX)
    }

    /// Why the letter will be refused, if it will.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Bytes so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Gives to the engine what waits. May touch the disk.
    pub fn pass_on(&mut self, engine: &Engine) {
        if self.refusal.is_none()
            && let Err(refusal) = self.try_pass_on(engine)
        {
            self.refuse(refusal);
        }
    }

    fn try_pass_on(&mut self, engine: &Engine) -> Result<(), Refusal> {
        if self.upload.is_none() {
            self.take_out_forged(&engine.settings().hostname);
            let mut upload = engine.upload()?;
            if self.submitted == Submitted::Here {
                let missing = missing_fields(engine, &self.header.bytes);
                upload.write(missing.as_bytes())?;
                self.header.bytes.splice(..0, missing.into_bytes());
            }
            self.upload = Some(upload);
        }
        if let Some(upload) = &mut self.upload {
            upload.write(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }

    /// Takes out what only this server may say of a letter. The whole header is still pending.
    fn take_out_forged(&mut self, hostname: &str) {
        let Some(kept) = without_forged(&self.header.bytes, hostname) else {
            return;
        };
        self.pending
            .splice(..self.header.bytes.len(), kept.iter().copied());
        self.header.bytes = kept;
    }

    /// Ends the letter. `stay` is how long it will probably be kept here. May touch the disk.
    pub fn finish(mut self, engine: &Engine, stay: Stay) -> Result<Whole, Refusal> {
        if self.header.fields() > HEADER_FIELDS_MAX {
            self.refuse(Refusal::Header);
        }
        self.pass_on(engine);
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        let mut upload = self.upload.ok_or(Refusal::Busy)?; // `pass_on` has made it.
        upload.expect(stay);
        Ok(Whole {
            staged: upload.finish()?,
            header: self.header.bytes,
        })
    }
}

impl Header {
    /// Keeps what belongs to the header.
    fn take(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.ended {
            return Ok(());
        }
        // The end may lie across two pieces, so the search begins three bytes back.
        let from = self.bytes.len().saturating_sub(3);
        let room = HEADER_BYTES_MAX.saturating_sub(self.bytes.len());
        self.bytes
            .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        let new = self.bytes.get(from..).unwrap_or_default();
        let end = if self.bytes.starts_with(b"\r\n") {
            Some(2)
        } else {
            memchr::memmem::find(new, b"\r\n\r\n").map(|at| from + at + 4)
        };
        match end {
            Some(end) => {
                self.bytes.truncate(end);
                self.ended = true;
                Ok(())
            }
            None if self.bytes.len() >= HEADER_BYTES_MAX => Err(TooLong),
            None => Ok(()),
        }
    }

    fn fields(&self) -> usize {
        lines(&self.bytes)
            .filter(|line| !line.starts_with(b" ") && !line.starts_with(b"\t"))
            .count()
    }
}

/// The fields that every letter must have and this one has not (RFC 5322 §3.6).
fn missing_fields(engine: &Engine, header: &[u8]) -> String {
    let is_missing = |name| fields(header, name).is_empty();
    let date = is_missing("Date").then(|| {
        let date = Date {
            seconds: engine.now().seconds(),
            zone_minutes: 0,
        };
        format!("Date: {date}\r\n")
    });
    let id = is_missing("Message-ID").then(|| {
        let hostname = &engine.settings().hostname;
        format!("Message-ID: <{}@{hostname}>\r\n", engine.new_letter_name())
    });
    [date, id].into_iter().flatten().collect()
}

struct TooLong;

fn lines(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The bodies of all fields of this name, folding undone.
pub fn fields(header: &[u8], name: &str) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut inside = false;
    for line in lines(header).take_while(|line| !line.is_empty()) {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some(body) = found.last_mut().filter(|_| inside) {
                body.extend_from_slice(line);
            }
            continue;
        }
        let (head, body) = line.split_at(memchr::memchr(b':', line).unwrap_or(line.len()));
        inside = head.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes());
        if inside {
            found.push(body.strip_prefix(b":").unwrap_or_default().to_vec());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_unfolded_and_found_in_the_header_only() {
        let header = b"From: a\r\n b\r\nSubject: x\r\n c\r\nFROM : d\r\n\r\nFrom: e\r\n";
        assert_eq!(fields(header, "from"), [b" a b".to_vec(), b" d".to_vec()]);
        assert!(fields(b"", "from").is_empty());
    }

    #[test]
    fn a_header_ends_at_the_empty_line_however_it_is_cut() {
        let letter = b"A: b\r\n\r\nbody\r\n\r\n";
        for cut in 1..letter.len() {
            let mut header = Header::default();
            for piece in letter.chunks(cut) {
                assert!(header.take(piece).is_ok());
            }
            assert!(header.ended);
            assert_eq!(header.bytes, b"A: b\r\n\r\n", "cut at {cut}");
        }
    }

    #[test]
    fn a_letter_over_the_limit_is_counted_but_not_kept() {
        let mut letter = Letter::default();
        letter.take(b"A: b\r\n\r\n", 10);
        letter.take(b"12345", 10);
        assert_eq!(letter.refusal, Some(Refusal::TooLarge));
        assert!(letter.pending.is_empty());
        assert_eq!(letter.size_bytes(), 13);
        assert!(!letter.is_waste(10));
        letter.size_bytes += WASTE_BYTES_MAX;
        assert!(letter.is_waste(10));
    }

    #[test]
    fn an_endless_header_is_refused() {
        let mut letter = Letter::default();
        for _ in 0..=HEADER_BYTES_MAX / 1000 {
            letter.take(&[b'x'; 1000], u64::MAX);
        }
        assert_eq!(letter.refusal, Some(Refusal::Header));
    }
}
