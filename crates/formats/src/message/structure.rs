//! What one reading of a letter leaves: its parts, its envelope, its first words.
//!
//! Texts are raw bytes as the letter has them: unfolded, encoded words still encoded. Only what
//! names something (types, parameter names, encodings) is put into lower case.

use super::scan::{Limits, Scanner};
use super::verbatim::Layout;
use crate::address::list::Entry;
use crate::date::Date;

/// All that lists, searches and IMAP's ENVELOPE and BODYSTRUCTURE need of one letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bytes of the whole letter.
    pub size: u64,
    /// Line ends in the whole letter.
    pub lines: u64,
    /// The letter itself is the first; each part follows its parent (depth first).
    pub parts: Vec<Part>,
    /// The fields of the letter's own header.
    pub envelope: Envelope,
    /// Ids out of References, without brackets, the latest last.
    pub references: Vec<Vec<u8>>,
    /// The Date field.
    pub sent: Option<Date>,
    /// The first words, at most 256 characters (RFC 8970 §3.1).
    pub preview: String,
    /// Whether it carries something that a reader would call an attachment.
    pub has_attachment: bool,
    /// How the fields of its own header are written; absent if not all of the header was seen.
    pub layout: Option<Layout>,
}

impl Summary {
    /// Reads a letter that lies in memory.
    pub fn of(message: &[u8]) -> Self {
        let mut scanner = Scanner::new(Limits::default());
        scanner.push(message);
        scanner.finish()
    }
}

/// How a part is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartKind {
    /// Text, a picture, a file: nothing inside.
    #[default]
    Leaf,
    /// Its children are the parts between its boundaries; it has at least one.
    Multipart,
    /// A letter inside; its only child is that letter's top part.
    Message,
}

/// One part of a letter. Offsets count from the first byte of the letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// How it is built.
    pub kind: PartKind,
    /// Index of the part that it lies in; `None` for the letter itself.
    pub parent: Option<usize>,
    /// Where its header begins; behind the boundary's line end.
    pub header_start: u64,
    /// Where its body begins; behind the header's empty line.
    pub body_start: u64,
    /// Where its body ends; before the line end that belongs to the next boundary (RFC 2046
    /// §5.1.1).
    pub body_end: u64,
    /// Line ends in its body.
    pub lines: u64,
    /// `text` where Content-Type is absent or broken.
    pub media_type: Vec<u8>,
    /// `plain` where Content-Type is absent or broken.
    pub subtype: Vec<u8>,
    /// Of Content-Type; continuations joined (RFC 2231 §3).
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
    /// Content-ID, with its brackets.
    pub id: Option<Vec<u8>>,
    /// Content-Description.
    pub description: Option<Vec<u8>>,
    /// Content-Transfer-Encoding; absent means 7bit.
    pub encoding: Option<Vec<u8>>,
    /// Content-MD5.
    pub md5: Option<Vec<u8>>,
    /// Content-Disposition.
    pub disposition: Option<Disposition>,
    /// Content-Language.
    pub language: Vec<Vec<u8>>,
    /// Content-Location.
    pub location: Option<Vec<u8>>,
    /// Of the letter inside; only where `kind` is [`PartKind::Message`].
    pub envelope: Option<Box<Envelope>>,
}

/// How a part wants to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment` or something else.
    pub value: Vec<u8>,
    /// `filename` and others.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The fields of RFC 9051's ENVELOPE. Sender and Reply-To are as they came: empty where they are
/// absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Date, as written.
    pub date: Option<Vec<u8>>,
    /// Subject, encoded words kept.
    pub subject: Option<Vec<u8>>,
    /// From.
    pub from: Vec<Entry>,
    /// Sender.
    pub sender: Vec<Entry>,
    /// Reply-To.
    pub reply_to: Vec<Entry>,
    /// To.
    pub to: Vec<Entry>,
    /// Cc.
    pub cc: Vec<Entry>,
    /// Bcc.
    pub bcc: Vec<Entry>,
    /// In-Reply-To, as written.
    pub in_reply_to: Option<Vec<u8>>,
    /// Message-ID, as written, with its brackets.
    pub message_id: Option<Vec<u8>>,
}
