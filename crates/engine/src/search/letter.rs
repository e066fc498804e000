//! A letter as a search looks at it: its row, then its summary, then as much of its bytes as
//! needed.
//!
//! Fields that the summary keeps are read from there; a summary that had no room for all of them
//! sends the search to the header itself. Text parts are decoded to UTF-8; HTML is searched as the
//! text that one sees. The names of attachments and the text in documents belong to the body. Of an
//! item that is no letter, all that it says does.

use super::grams::mark;
use super::{Candidate, Needle, entries};
use crate::EngineError;
use crate::account::annotations::{Annotation, ItemAnnotations};
use crate::account::{Account, Message};
use bytes::Bytes;
use formats::document;
use formats::message::decode::{self, Encoding};
use formats::message::{
    Addresses, EntryRef, EnvelopeRef, PartKind, PartRef, Summary, SummaryRef, charset,
    encoded_word, header, html,
};
use memchr::{memchr2, memmem};
use std::collections::HashMap;
use std::rc::Rc;
use store::id::{ContentId, Timestamp, Uid};
use store::model::{Details, ItemRow, Kind};

/// Header bytes that are searched; what a scanner keeps of a header is no longer.
const HEADER_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of one text part, still encoded, that are searched.
const PART_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of a letter that is read as a whole.
const WHOLE_BYTES_MAX: u64 = 256 * 1024;
/// Characters of text taken out of one HTML part.
const HTML_CHARACTERS_MAX: usize = 8 * 1024 * 1024;
/// Work on documents that takes about as long as reading a byte of a letter.
const DOCUMENT_BYTES_PER_BYTE: u64 = 4;
const SECONDS_PER_DAY: i64 = 86_400;

/// One letter under search.
pub struct Letter<'a> {
    account: &'a Account,
    uid: Uid,
    row: &'a ItemRow,
    details: Details,
    message: Message,
    bytes_read: u64,
    /// All of it, once read, unless it is long.
    whole: Option<Bytes>,
    /// What its documents may still cost, and the texts of those that were read, by where they
    /// begin: each is read once, in the order of the letter, so that every test sees the same.
    budget: document::Budget,
    documents: HashMap<u64, Rc<str>>,
    /// What an item says that is no letter, once it was asked for.
    entry: Option<Rc<str>>,
}

impl<'a> Letter<'a> {
    /// A letter whose row and details are at hand.
    pub fn new(account: &'a Account, uid: Uid, row: &'a ItemRow, details: Details) -> Self {
        let message = account.message_with_prefix(row, details.prefix.clone());
        Self {
            account,
            uid,
            row,
            details,
            message,
            bytes_read: 0,
            whole: None,
            budget: document::Budget::for_letter(),
            documents: HashMap::new(),
            entry: None,
        }
    }

    /// Bytes of the letter that were read for the tests so far, and what it cost to read documents;
    /// a caller counts them against its budget.
    pub fn bytes_read(&self) -> u64 {
        let for_documents = self.budget.spent() / DOCUMENT_BYTES_PER_BYTE;
        self.bytes_read.saturating_add(for_documents)
    }

    /// The summary with all of its envelope: where it had to be cut, the header is read again.
    pub fn whole_summary(&mut self) -> Result<Bytes, EngineError> {
        let is_cut =
            SummaryRef::new(&self.details.summary).is_ok_and(|summary| summary.is_truncated());
        if !is_cut {
            return Ok(self.details.summary.clone());
        }
        let header = self.header()?;
        Ok(Summary::of(&header).encode_whole().into())
    }

    /// A short letter is read once as a whole: it is stored so, and taking a part out of it costs
    /// as much.
    fn read(&mut self, start: u64, len: u64) -> Result<Bytes, EngineError> {
        let end = start.saturating_add(len);
        if self.message.len() > WHOLE_BYTES_MAX {
            let bytes = self.message.read(start..end)?;
            self.bytes_read = self.bytes_read.saturating_add(bytes.len() as u64);
            return Ok(bytes);
        }
        let whole = if let Some(whole) = &self.whole {
            whole
        } else {
            let whole = self.message.read(0..self.message.len())?;
            self.bytes_read = self.bytes_read.saturating_add(whole.len() as u64);
            self.whole.insert(whole)
        };
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(whole.len());
        Ok(whole.slice(place(start.min(end))..place(end)))
    }

    /// The letter's header, the lines put before it on delivery included.
    fn header(&mut self) -> Result<Bytes, EngineError> {
        let summary = self.details.summary.clone();
        let top = SummaryRef::new(&summary)
            .ok()
            .and_then(|summary| summary.top());
        let own = top.map_or(HEADER_BYTES_MAX, |top| top.body_start.min(HEADER_BYTES_MAX));
        let prefix = self.message.prefix_len();
        self.read(0, prefix.saturating_add(own))
    }

    /// What the summary says of a field; `None` when it does not keep that field, or not all of it.
    fn in_summary(&self, name: &str, needle: &Needle) -> Option<bool> {
        let summary = SummaryRef::new(&self.details.summary).ok()?;
        let envelope = (!summary.is_truncated()).then(|| summary.envelope())?;
        let text = |value: Option<&[u8]>| value.is_some_and(|raw| is_in_value(needle, raw));
        match name.to_ascii_lowercase().as_str() {
            "subject" => Some(text(envelope.subject)),
            "message-id" => Some(text(envelope.message_id)),
            "in-reply-to" => Some(text(envelope.in_reply_to)),
            "from" => Some(needle.is_in(&address_line(envelope.from()))),
            "to" => Some(needle.is_in(&address_line(envelope.to()))),
            "cc" => Some(needle.is_in(&address_line(envelope.cc()))),
            "bcc" => Some(needle.is_in(&address_line(envelope.bcc()))),
            _ => None,
        }
    }

    /// Hands over every text that a test looks into, so that what a test can find is known
    /// beforehand: with 0 what a test of all texts sees, and with a field's [`mark`] what a test of
    /// that field sees.
    pub(super) fn each_text(
        &mut self,
        visit: &mut dyn FnMut(u32, &str),
    ) -> Result<(), EngineError> {
        let header = self.header()?;
        visit(0, &header_text(&header));
        for field in header::fields(&header) {
            let mark = mark(field.name);
            // A plain value has been seen with its field: decoded, only its blanks differ.
            let unseen = (!is_plain(field.raw)).then_some(0);
            for mark in mark.into_iter().chain(unseen) {
                visit(mark, &encoded_word::decode(field.value));
            }
        }
        let summary = self.details.summary.clone();
        if let Ok(summary) = SummaryRef::new(&summary) {
            each_of_envelope(&summary.envelope(), visit);
        }
        visit(0, &self.entry_text()?);
        visit(0, &self.attachment_names());
        for part in self.body_parts() {
            visit(0, &self.part_text(&part)?);
        }
        Ok(())
    }

    /// What an item says that is no letter; empty for letters.
    fn entry_text(&mut self) -> Result<Rc<str>, EngineError> {
        if self.row.kind == Kind::Mail {
            return Ok("".into());
        }
        if let Some(known) = &self.entry {
            return Ok(Rc::clone(known));
        }
        let text = entries::text_of(self.account, self.row)?;
        self.bytes_read = self.bytes_read.saturating_add(text.len() as u64);
        Ok(Rc::clone(self.entry.insert(text)))
    }

    /// The names of all attachments; what stands between two of them is in no needle.
    fn attachment_names(&self) -> String {
        let Ok(summary) = SummaryRef::new(&self.details.summary) else {
            return String::new();
        };
        let mut names = String::new();
        for name in summary.parts().filter_map(|part| file_name(&part)) {
            names.push_str(&name);
            names.push('\0');
        }
        names
    }

    /// What of the body is searched.
    fn body_parts(&self) -> Vec<Searched> {
        match SummaryRef::new(&self.details.summary) {
            Ok(summary) if !summary.is_truncated() => searched_parts(&summary),
            // Too many parts for a summary: the letter is searched as it stands.
            _ => vec![Searched::whole(self.message.len())],
        }
    }

    /// The text of one part; of an enclosed letter, its header.
    fn part_text(&mut self, part: &Searched) -> Result<Rc<str>, EngineError> {
        if let Some(known) = self.documents.get(&part.start) {
            return Ok(Rc::clone(known));
        }
        let start = part.start.saturating_add(self.message.prefix_len());
        let raw = self.read(start, part.len.min(PART_BYTES_MAX))?;
        if part.form == Form::Header {
            return Ok(header_text(&raw).into());
        }
        let decoded = decode::all(part.encoding, &raw);
        if let Form::Document(kind) = part.form {
            let text: Rc<str> = document::text(kind, &decoded, &mut self.budget).into();
            self.documents.insert(part.start, Rc::clone(&text));
            return Ok(text);
        }
        let text = charset::to_utf8(part.charset.as_bytes(), &decoded);
        Ok(match part.form {
            Form::Html => html::text(&text, HTML_CHARACTERS_MAX).into(),
            Form::Text | Form::Header | Form::Document(_) => text.into(),
        })
    }
}

impl Candidate for Letter<'_> {
    fn row(&self) -> &ItemRow {
        self.row
    }

    fn uid(&self) -> Uid {
        self.uid
    }

    fn saved(&mut self) -> Result<Option<Timestamp>, EngineError> {
        Ok(Some(self.row.placed.unwrap_or(self.details.created)))
    }

    fn shared_content(&mut self) -> ContentId {
        self.details.shared_content(self.row.content)
    }

    fn sent_day(&mut self) -> Result<Option<i64>, EngineError> {
        let summary = SummaryRef::new(&self.details.summary).ok();
        Ok(summary.and_then(|summary| summary.sent()).map(|date| {
            let here = date
                .seconds
                .saturating_add(i64::from(date.zone_minutes) * 60);
            here.div_euclid(SECONDS_PER_DAY)
        }))
    }

    fn annotations(&mut self) -> Result<Vec<Annotation>, EngineError> {
        let view = self.account.read()?;
        ItemAnnotations::of(&view)?.all(&view, self.row.item)
    }

    fn has_field(&mut self, name: &str, needle: &Needle) -> Result<bool, EngineError> {
        // The summary keeps no empty fields, so "is there such a field" is asked of the header.
        if !needle.is_empty()
            && let Some(decided) = self.in_summary(name, needle)
        {
            return Ok(decided);
        }
        let header = self.header()?;
        Ok(header::fields(&header)
            .filter(|field| field.is(name))
            .any(|field| is_in_value(needle, field.value)))
    }

    fn has_in_header(&mut self, needle: &Needle) -> Result<bool, EngineError> {
        let header = self.header()?;
        Ok(needle.is_in(&header_text(&header)))
    }

    fn has_in_body(&mut self, needle: &Needle) -> Result<bool, EngineError> {
        if needle.is_in(&self.entry_text()?) || needle.is_in(&self.attachment_names()) {
            return Ok(true);
        }
        for part in self.body_parts() {
            if needle.is_in(&self.part_text(&part)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// How the bytes of a part become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Html,
    Header,
    Document(document::Kind),
}

/// A range of the letter that holds text; offsets as in the summary.
struct Searched {
    start: u64,
    len: u64,
    form: Form,
    encoding: Encoding,
    charset: String,
}

impl Searched {
    fn whole(len: u64) -> Self {
        let (encoding, charset) = (Encoding::Identity, String::new());
        Self {
            start: 0,
            len,
            form: Form::Text,
            encoding,
            charset,
        }
    }

    /// `None` for a part without text.
    fn of(part: &PartRef<'_>) -> Option<Self> {
        let name = file_name(part);
        let document = document::Kind::of(part.media_type, part.subtype, name.as_deref());
        let form = match document {
            Some(kind) => Form::Document(kind),
            None if part.is("text", "html") => Form::Html,
            None if part.media_type == b"text" => Form::Text,
            // Reports for programs, which tell of addresses.
            None if part.media_type == b"message" && part.kind == PartKind::Leaf => Form::Text,
            None => return None,
        };
        Some(Self {
            start: part.body_start,
            len: part.body_size(),
            form,
            encoding: Encoding::named(part.encoding),
            charset: part.parameters.text("charset").unwrap_or_default(),
        })
    }

    fn header_of(part: &PartRef<'_>) -> Self {
        let len = part
            .body_start
            .saturating_sub(part.header_start)
            .min(HEADER_BYTES_MAX);
        let (encoding, charset) = (Encoding::Identity, String::new());
        Self {
            start: part.header_start,
            len,
            form: Form::Header,
            encoding,
            charset,
        }
    }
}

/// The name of an attachment.
fn file_name(part: &PartRef<'_>) -> Option<String> {
    let disposition = part.disposition.as_ref();
    let given = disposition.and_then(|disposition| disposition.parameters.text("filename"));
    given.or_else(|| part.parameters.text("name"))
}

/// The parts with text, and the headers of enclosed letters.
fn searched_parts(summary: &SummaryRef<'_>) -> Vec<Searched> {
    let parts: Vec<PartRef<'_>> = summary.parts().collect();
    let is_enclosed = |part: &PartRef<'_>| {
        let above = part.parent.and_then(|parent| parts.get(parent));
        above.is_some_and(|above| above.kind == PartKind::Message)
    };
    let headers = parts
        .iter()
        .filter(|part| is_enclosed(part))
        .map(Searched::header_of);
    let texts = parts.iter().filter_map(Searched::of);
    headers.chain(texts).collect()
}

/// All fields at once; what stands between two of them is in no needle.
fn header_text(block: &[u8]) -> String {
    let mut text = String::with_capacity(block.len());
    for field in header::fields(block) {
        match str::from_utf8(field.raw) {
            Ok(raw) if is_plain(field.raw) => push_lines(raw, &mut text),
            _ => text.push_str(&encoded_word::decode(field.raw)),
        }
        text.push('\0');
    }
    text
}

/// Adds lines without what ends them.
fn push_lines(mut rest: &str, text: &mut String) {
    while let Some(end) = memchr2(b'\r', b'\n', rest.as_bytes()) {
        text.push_str(rest.get(..end).unwrap_or_default());
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    text.push_str(rest);
}

/// True for ASCII in which no other charset is coded.
fn is_plain(raw: &[u8]) -> bool {
    raw.is_ascii() && memmem::find(raw, b"=?").is_none()
}

/// What tests see of an envelope.
fn each_of_envelope(envelope: &EnvelopeRef<'_>, visit: &mut dyn FnMut(u32, &str)) {
    for (name, raw) in [
        ("subject", envelope.subject),
        ("message-id", envelope.message_id),
        ("in-reply-to", envelope.in_reply_to),
    ] {
        let unseen = raw.filter(|raw| !is_plain(raw)).map(|_| 0);
        for mark in mark(name.as_bytes()).into_iter().chain(unseen) {
            visit(mark, &raw.map(encoded_word::decode).unwrap_or_default());
        }
    }
    for (name, addresses) in [
        ("from", envelope.from()),
        ("to", envelope.to()),
        ("cc", envelope.cc()),
        ("bcc", envelope.bcc()),
    ] {
        let line = address_line(addresses);
        visit(0, &line);
        if let Some(mark) = mark(name.as_bytes()) {
            visit(mark, &line);
        }
    }
}

fn is_in_value(needle: &Needle, raw: &[u8]) -> bool {
    needle.is_in(&encoded_word::decode(raw))
}

/// Each address as one would write it: `Name <local@domain>`.
fn address_line(addresses: Addresses<'_>) -> String {
    let text = |raw: &[u8]| String::from_utf8_lossy(raw).into_owned();
    let mut line = String::new();
    for entry in addresses {
        match entry {
            EntryRef::Mailbox {
                name,
                local,
                domain,
            } => {
                line.push_str(&name.map(encoded_word::decode).unwrap_or_default());
                line.push_str(&format_args!(" <{}@{}>, ", text(local), text(domain)).to_string());
            }
            EntryRef::GroupStart(name) => line.push_str(&(encoded_word::decode(name) + ": ")),
            EntryRef::GroupEnd => line.push_str("; "),
        }
    }
    line
}
