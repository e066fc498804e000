//! Reports between servers about mail in a domain's name: who sent it and whether it was proven
//! (DMARC), and whether connections could be encrypted (TLS-RPT). Of single letters (failure
//! reports) we only read what others send.
//!
//! Ours: what is seen is counted in [`tally`], added up and sent once a day by [`rounds`], to those
//! whom [`destination`] finds, in the form that [`compose`] gives it. Theirs: they come from anyone,
//! so they are read within bounds of bytes, elements and entries, and what is shown of them holds no
//! control characters; [`told`] keeps those that come by mail, [`show`] reads files.
//!
//! Standards: RFC 7489 §7.2 and appendix C, RFC 9990 (aggregate reports), RFC 8460 §4 (TLS
//! reports), RFC 1952 (gzip).

mod aggregate;
pub mod compose;
pub mod destination;
mod failure;
#[cfg(any(test, feature = "fuzzed"))]
pub mod fuzzed;
mod markup;
pub mod observed;
mod pack;
pub mod rounds;
pub mod settings;
pub mod tally;
pub mod task;
mod tls;
pub mod told;
mod unpack;

use crate::administration::{Failure, Reply};
use engine::signature::field::fields;
use formats::message::header;
use std::fmt::Display;
use std::io::Read;
use std::path::Path;

/// Bytes of a report as it was sent; larger ones are rarely accepted as mail at all.
const PACKED_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How the subject of a report about letters begins (RFC 7489 §7.2.1.1).
const REPORT_SUBJECT: &[u8] = b"report domain:";

/// Which kind of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// About letters in a domain's name.
    Dmarc,
    /// About connections to a domain's servers.
    Tls,
    /// About a single letter in a domain's name.
    Failure,
}

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
        ReportKind::Failure => {
            let report = failure::parse(&text).map_err(|why| fail(&why))?;
            (failure::lines(&report), serde_json::to_value(&report))
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

/// True when a letter that begins like this is one of our reports, of either kind.
pub fn is_report(start: &[u8]) -> bool {
    let header = start.get(..header::length(start)).unwrap_or(start);
    fields(header).iter().any(|(name, value)| {
        let name = name.trim_ascii_end();
        let start = value.trim_ascii_start();
        let start = start.get(..REPORT_SUBJECT.len()).unwrap_or_default();
        name.eq_ignore_ascii_case(b"TLS-Report-Domain")
            || (name.eq_ignore_ascii_case(b"Subject") && start.eq_ignore_ascii_case(REPORT_SUBJECT))
    })
}

/// A text of a stranger as it may be shown: one line, without control characters, not too long.
fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    let text = text.trim().chars().take(CHARACTERS_MAX);
    text.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
