//! The text of documents that letters bring along: PDF, Office of 97 to 2003, Office Open XML, Open
//! Document and RTF.
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
mod rich_text;

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
}

/// Ends of file names, for documents that were sent without a type of their own.
const NAMES: [(&str, Kind); 20] = [
    (".doc", Kind::Office),
    (".dot", Kind::Office),
    (".xls", Kind::Office),
    (".xlt", Kind::Office),
    (".ppt", Kind::Office),
    (".pps", Kind::Office),
    (".pdf", Kind::Pdf),
    (".docx", Kind::Package),
    (".docm", Kind::Package),
    (".dotx", Kind::Package),
    (".xlsx", Kind::Package),
    (".xlsm", Kind::Package),
    (".pptx", Kind::Package),
    (".ppsx", Kind::Package),
    (".odt", Kind::Package),
    (".ott", Kind::Package),
    (".ods", Kind::Package),
    (".odp", Kind::Package),
    (".odg", Kind::Package),
    (".rtf", Kind::RichText),
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
        if subtype == b"pdf" || subtype == b"x-pdf" {
            return Some(Self::Pdf);
        }
        let office: [&[u8]; 3] = [b"msword", b"vnd.ms-excel", b"vnd.ms-powerpoint"];
        if office.contains(&subtype.as_slice()) {
            return Some(Self::Office);
        }
        let packages: [&[u8]; 2] = [
            b"vnd.openxmlformats-officedocument.",
            b"vnd.oasis.opendocument.",
        ];
        if packages.iter().any(|start| subtype.starts_with(start)) {
            return Some(Self::Package);
        }
        let name = file_name?.to_ascii_lowercase();
        let known = NAMES.iter().find(|(end, _)| name.ends_with(end));
        known.map(|(_, kind)| *kind)
    }
}

/// The text of a document, at most [`TEXT_BYTES_MAX`] bytes; empty if it is none of its kind.
///
/// Takes what it costs from the budget, and gives no more text than that allows.
pub fn text(kind: Kind, document: &[u8], budget: &mut Budget) -> String {
    let work = budget.work.min(WORK_MAX);
    let mut out = Words::new(budget.text.min(TEXT_BYTES_MAX));
    let left = match kind {
        Kind::Package => package::text(document, work, &mut out),
        Kind::Office => office::text(document, work, &mut out),
        Kind::RichText => {
            rich_text::text(document.get(..work).unwrap_or(document), &mut out);
            work.saturating_sub(document.len())
        }
        Kind::Pdf => pdf::text(document, work, &mut out),
    };
    budget.work -= work - left;
    budget.text -= out.text.len();
    out.text
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
