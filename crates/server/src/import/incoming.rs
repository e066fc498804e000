//! One letter on its way in: line ends made those of the Internet, bytes counted and hashed.
//!
//! Start at [`Incoming`].

use engine::{EngineError, Staged, Upload};
use sha2::{Digest, Sha256};

/// What to do with line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnds {
    /// The bytes are those of the letter.
    Keep,
    /// A LF without CR before it stands for CRLF, as in all files of Unix.
    ToCrlf,
}

/// A letter that is being read.
pub struct Incoming {
    upload: Upload,
    line_ends: LineEnds,
    /// The last byte was a CR.
    after_cr: bool,
    /// A line end was changed.
    converted: bool,
    /// Bytes after which the letter ends, whatever a format has put behind it.
    room: u64,
    digest: Sha256,
}

/// A letter that was read.
pub struct Read {
    /// The letter.
    pub staged: Staged,
    /// The hash of its bytes.
    pub digest: [u8; 32],
    /// Whether line ends were changed.
    pub converted: bool,
}

impl Incoming {
    /// Starts a letter.
    pub fn new(upload: Upload, line_ends: LineEnds) -> Self {
        Self {
            upload,
            line_ends,
            after_cr: false,
            converted: false,
            room: u64::MAX,
            digest: Sha256::new(),
        }
    }

    /// Ends the letter after so many bytes.
    #[must_use]
    pub fn with_size(mut self, bytes: u64) -> Self {
        self.room = bytes;
        self
    }

    /// Takes the next bytes.
    ///
    /// Errors: [`EngineError::TooLarge`]; the letter is then of no more use.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        match self.line_ends {
            LineEnds::Keep => self.pass(bytes),
            LineEnds::ToCrlf => {
                let wire = self.with_crlf(bytes);
                self.pass(&wire)
            }
        }
    }

    fn with_crlf(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut wire = Vec::with_capacity(bytes.len() + bytes.len() / 16 + 1);
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let line = part.strip_suffix(b"\n");
            let text = line.unwrap_or(part);
            wire.extend_from_slice(text);
            let after_cr = text.last().map_or(self.after_cr, |&last| last == b'\r');
            self.after_cr = after_cr && line.is_none();
            if line.is_some() {
                if !after_cr {
                    wire.push(b'\r');
                    self.converted = true;
                }
                wire.push(b'\n');
            }
        }
        wire
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let end = usize::try_from(self.room).map_or(bytes.len(), |room| room.min(bytes.len()));
        let bytes = bytes.get(..end).unwrap_or(bytes);
        self.room = self.room.saturating_sub(bytes.len() as u64);
        self.digest.update(bytes);
        self.upload.write(bytes)
    }

    /// Ends the letter.
    pub fn finish(self) -> Result<Read, EngineError> {
        Ok(Read {
            staged: self.upload.finish()?,
            digest: self.digest.finalize().into(),
            converted: self.converted,
        })
    }
}
