//! The text of documents that letters bring along: PDF, Office of 97 to 2003, Office Open XML, Open
//! Document, RTF, HTML and plain text, alone or in a ZIP archive.
//!
//! Enough of each format to know its words, in about the order in which they are read; no layout,
//! no pictures, no macros, nothing that stands in a document inside the document. What is damaged
//! gives the text that could still be read. Never recurses, and never takes more room than its
//! budgets, whatever a packed document claims to unfold to.
//!
//! Start at [`Kind::of`] and [`text`].
//!
//! Sources: ISO 32000-1 (PDF); ECMA-376 part 1 §11.3, §13.3, §12.3 (where the text of Office documents stands);
//! Open Document 1.3 part 2 §3.1 (packages); Rich Text Format 1.9.1.

mod markup;
mod office;
mod package;
mod pdf;

use crate::message::{charset, html};
use crate::rich_text;

/// Bytes of text taken out of one document: some hundred pages of a book.
pub const TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of text taken out of all documents of one letter.
const LETTER_TEXT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes read or made for the text of one document: about a second.
const WORK_MAX: usize = 48 * 1024 * 1024;
/// The same for all documents of one letter.
const LETTER_WORK_MAX: usize = 2 * WORK_MAX;

/// What the documents of one letter may still cost; the last of too many have no text.
#[derive(Debug)]
pub struct Budget {
    work: usize,
    text: usize,
}

impl Budget {
    /// For the documents of one letter.
    pub fn for_letter() -> Self {
        Self {
            work: LETTER_WORK_MAX,
            text: LETTER_TEXT_BYTES_MAX,
        }
    }

    /// Bytes read or made so far.
    pub fn spent(&self) -> u64 {
        (LETTER_WORK_MAX - self.work) as u64
    }
}

/// What a document is, as far as its text can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A ZIP package of XML: Office Open XML or Open Document.
    Package,
    /// A compound file of Word, Excel or `PowerPoint` 97 to 2003; often RTF instead.
    Office,
    /// Rich Text Format.
    RichText,
    /// Portable Document Format.
    Pdf,
    /// HTML that was sent as a file.
    Html,
    /// Plain text that was sent as a file.
    Text,
    /// A ZIP archive: the names of its files, and what can be read of them.
    Archive,
}

/// Ends of file names, for documents that were sent without a type of their own.
const NAMES: [(Kind, &[&str]); 7] = [
    (
        Kind::Office,
        &[".doc", ".dot", ".xls", ".xlt", ".ppt", ".pps"],
    ),
    (Kind::Pdf, &[".pdf"]),
    (
        Kind::Package,
        &[
            ".docx", ".docm", ".dotx", ".xlsx", ".xlsm", ".xltx", ".pptx", ".pptm", ".ppsx",
            ".potx", ".odt", ".ott", ".ods", ".ots", ".odp", ".otp", ".odg",
        ],
    ),
    (Kind::RichText, &[".rtf"]),
    (Kind::Html, &[".html", ".htm", ".xhtml"]),
    (
        Kind::Text,
        &[
            ".txt", ".text", ".csv", ".tsv", ".md", ".log", ".tex", ".ics", ".vcf", ".json",
            ".xml", ".yaml", ".yml", ".patch", ".diff",
        ],
    ),
    (Kind::Archive, &[".zip", ".epub"]),
];

/// The same by the subtype of `application`.
const SUBTYPES: [(Kind, &[&[u8]]); 5] = [
    (Kind::Pdf, &[b"pdf", b"x-pdf"]),
    (
        Kind::Office,
        &[b"msword", b"vnd.ms-excel", b"vnd.ms-powerpoint"],
    ),
    (Kind::Html, &[b"xhtml+xml"]),
    (Kind::Text, &[b"csv", b"json", b"xml", b"x-yaml"]),
    (Kind::Archive, &[b"zip", b"x-zip-compressed", b"epub+zip"]),
];

impl Kind {
    /// What a part of a letter is, by its media type and its file name; `None` for all of which no
    /// text is known.
    pub fn of(media_type: &[u8], subtype: &[u8], file_name: Option<&str>) -> Option<Self> {
        let subtype = subtype.to_ascii_lowercase();
        let is_application = media_type.eq_ignore_ascii_case(b"application");
        if subtype == b"rtf" || subtype == b"richtext" && !is_application {
            return Some(Self::RichText);
        }
        if !is_application {
            return None;
        }
        let packages: [&[u8]; 2] = [
            b"vnd.openxmlformats-officedocument.",
            b"vnd.oasis.opendocument.",
        ];
        if packages.iter().any(|start| subtype.starts_with(start)) {
            return Some(Self::Package);
        }
        let is_of = |(_, all): &&(Self, &[&[u8]])| all.contains(&subtype.as_slice());
        let by_type = SUBTYPES.iter().find(is_of).map(|(kind, _)| *kind);
        by_type.or_else(|| Self::of_name(file_name?))
    }

    /// The same of a file, by its name alone.
    fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let is_of = |(_, ends): &&(Self, &[&str])| ends.iter().any(|end| name.ends_with(end));
        NAMES.iter().find(is_of).map(|(kind, _)| *kind)
    }
}

/// The text of a document, at most [`TEXT_BYTES_MAX`] bytes; empty if it is none of its kind.
///
/// Takes what it costs from the budget, and gives no more text than that allows.
pub fn text(kind: Kind, document: &[u8], budget: &mut Budget) -> String {
    let work = budget.work.min(WORK_MAX);
    let mut out = Words::new(budget.text.min(TEXT_BYTES_MAX));
    let left = match kind {
        Kind::Archive => package::archive(document, work, &mut out),
        kind => add_text(kind, document, work, &mut out),
    };
    budget.work -= work - left;
    budget.text -= out.text.len();
    out.text
}

/// Adds the text of what is no archive, at so much work at most; what is left of it.
fn add_text(kind: Kind, document: &[u8], work: usize, out: &mut Words) -> usize {
    let within = document.get(..work).unwrap_or(document);
    match kind {
        Kind::Package => return package::text(document, work, out),
        Kind::Office => return office::text(document, work, out),
        Kind::Pdf => return pdf::text(document, work, out),
        Kind::RichText => out.push_str(&rich_text::words_of(within, out.most)),
        Kind::Html => out.push_str(&html::text(&charset::to_utf8(b"", within), out.most)),
        Kind::Text => out.push_str(&charset::to_utf8(b"", within)),
        Kind::Archive => return work, // What is within an archive is no archive.
    }
    work - within.len()
}

/// Text under way.
#[derive(Debug)]
struct Words {
    text: String,
    /// Bytes that it may have.
    most: usize,
}

impl Words {
    fn new(most: usize) -> Self {
        let text = String::new();
        Self { text, most }
    }

    fn is_full(&self) -> bool {
        self.text.len() >= self.most
    }

    fn push(&mut self, letter: char) {
        self.push_str(letter.encode_utf8(&mut [0; 4]));
    }

    fn push_str(&mut self, text: &str) {
        let mut end = self.most.saturating_sub(self.text.len()).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(text.get(..end).unwrap_or_default());
    }

    /// What follows is another word of the same line or paragraph.
    fn blank(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.push(' ');
        }
    }

    /// What follows is another word.
    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.push('\n');
        }
    }
}

#[cfg(test)]
mod tests;
