//! Reports of other servers about mail in the name of our domains: who sent it and whether it was
//! proven (DMARC), and whether connections to us could be encrypted (TLS-RPT).
//!
//! Reports come from anyone, so they are read within bounds of bytes, elements and entries, and what
//! is shown of them holds no control characters. Start at [`show`].
//!
//! Standards: RFC 7489 §7.2 and appendix C (aggregate reports), RFC 8460 §4 (TLS reports), RFC 1952
//! (gzip).

mod aggregate;
#[cfg(test)]
mod fuzzed;
mod markup;
mod tls;
mod unpack;

use crate::administration::{Failure, Reply};
use crate::command_line::ReportKind;
use std::fmt::Display;
use std::io::Read;
use std::path::Path;

/// Bytes of a report as it was sent; larger ones are rarely accepted as mail at all.
const PACKED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a report cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// It is larger than any honest report, perhaps only once it is unpacked.
    TooLarge,
    /// The packing is damaged, or of a kind that no reporter uses.
    Packing,
    /// It is no report of this kind.
    Form,
}

impl Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "too large for a report",
            Self::Packing => "cannot be unpacked",
            Self::Form => "not a report of this kind",
        })
    }
}

/// Reads one report from a file, as it was attached, and shows it.
pub fn show(kind: ReportKind, path: &Path) -> Result<Reply, Failure> {
    let fail = |why: &dyn Display| Failure::of(path.display(), why);
    let packed = read(path).map_err(|error| fail(&error))?;
    let text = unpack::unpacked(&packed).map_err(|why| fail(&why))?;
    let (lines, data) = match kind {
        ReportKind::Dmarc => {
            let report = aggregate::parse(&text).map_err(|why| fail(&why))?;
            (aggregate::lines(&report), serde_json::to_value(&report))
        }
        ReportKind::Tls => {
            let report = tls::parse(&text).map_err(|why| fail(&why))?;
            (tls::lines(&report), serde_json::to_value(&report))
        }
    };
    Ok(Reply::new(
        lines.join("\n"),
        data.map_err(|error| fail(&error))?,
    ))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    // A file that the administrator names, not one of the store.
    #[allow(clippy::disallowed_methods, reason = "not a file of the store")]
    let file = std::fs::File::open(path)?;
    let mut bytes = Vec::new();
    file.take(PACKED_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > PACKED_BYTES_MAX {
        return Err(std::io::Error::other(Unreadable::TooLarge.to_string()));
    }
    Ok(bytes)
}

/// A text of a stranger as it may be shown: one line, without control characters, not too long.
fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    let text = text.trim().chars().take(CHARACTERS_MAX);
    text.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
