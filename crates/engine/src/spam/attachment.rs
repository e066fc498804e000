//! Attached files: what they are by their names, whatever their types say.
//!
//! Start at [`Attachment::of`] and [`refusal`].

use super::Settings;
use crate::examination::Refusal;
use formats::message::{PartKind, PartRef};

/// Endings of files that run when one opens them.
const PROGRAMS: [&str; 29] = [
    "exe", "scr", "pif", "com", "bat", "cmd", "vbs", "vbe", "js", "jse", "wsf", "wsh", "hta",
    "lnk", "ps1", "msi", "msp", "jar", "cpl", "reg", "chm", "scf", "iso", "img", "vhd", "vhdx",
    "xll", "appx", "gadget",
];
/// Endings of documents that hold programs.
const MACROS: [&str; 8] = [
    "docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppam",
];
/// Endings of pages that a browser runs.
const PAGES: [&str; 6] = ["html", "htm", "shtml", "xhtml", "svg", "mht"];

/// One attached file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name; empty if it has none.
    pub name: String,
    /// `type/subtype` in lower case.
    pub media_type: String,
    /// Bytes, as they are encoded.
    pub size_bytes: u64,
}

impl Attachment {
    /// A part with a name of its own, or one that says it is attached.
    pub fn of(part: &PartRef<'_>) -> Option<Self> {
        if part.kind == PartKind::Multipart {
            return None;
        }
        let disposition = part.disposition.as_ref();
        let is_attached = disposition.is_some_and(|one| one.value == b"attachment");
        let name = disposition.and_then(|one| one.parameters.text("filename"));
        let name = name.or_else(|| part.parameters.text("name"));
        if !is_attached && name.is_none() {
            return None;
        }
        let text = String::from_utf8_lossy;
        Some(Self {
            name: name.unwrap_or_default(),
            media_type: format!("{}/{}", text(part.media_type), text(part.subtype)),
            size_bytes: part.body_size(),
        })
    }

    /// What stands behind the last dot of the name, in lower case. Blanks and dots at the end are not
    /// part of it: Windows ignores them.
    pub fn ending(&self) -> String {
        let name = self
            .name
            .trim_end_matches(|c: char| c == '.' || c.is_whitespace());
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        ending.to_lowercase()
    }

    /// It runs when one opens it.
    pub fn is_program(&self) -> bool {
        PROGRAMS.contains(&self.ending().as_str())
    }

    /// It holds programs that a document runs.
    pub fn has_macros(&self) -> bool {
        MACROS.contains(&self.ending().as_str())
    }

    /// It is a page that a browser runs.
    pub fn is_page(&self) -> bool {
        PAGES.contains(&self.ending().as_str())
    }

    /// A program that looks like a document: `bill.pdf.exe`, or with its ending turned around.
    pub fn is_masked(&self) -> bool {
        const TURNED: char = '\u{202e}';
        let name = self.name.trim_end().to_lowercase();
        let before = name.rsplit_once('.').map_or("", |(before, _)| before);
        let looks_like = [
            ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".jpg", ".png", ".txt",
        ];
        let is_double = looks_like
            .iter()
            .any(|ending| before.trim_end().ends_with(ending));
        self.name.contains(TURNED) || (is_double && self.is_program())
    }
}

/// Why a letter with these files is not taken at all, if the administrator will not have them.
pub fn refusal(attachments: &[Attachment], settings: &Settings) -> Option<Refusal> {
    attachments.iter().find_map(|one| {
        if settings.refused_endings.contains(&one.ending()) {
            let text = format!("Files ending in .{} are not accepted here", one.ending());
            return Some(Refusal::new("7.1", &text));
        }
        let most = settings.attachment_bytes_max?;
        (one.size_bytes > most).then(|| {
            let text = format!("An attached file has more than {most} bytes");
            Refusal::new("3.4", &text)
        })
    })
}
