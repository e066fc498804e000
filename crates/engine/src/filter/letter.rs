//! A letter as a script sees it: fields that may be added and deleted, parts that may be replaced.
//!
//! The header is read at once, bodies only when a test asks for them. Nothing of the original is
//! changed: what a script edits becomes a [`Version`], and each action keeps the one it saw.

use super::Budget;
use crate::error::EngineError;
use bytes::Bytes;
use formats::message::scan::{HEADER_BYTES_MAX, Limits, Scanner};
use formats::message::{Part, PartKind, Summary, charset, decode, encoded_word, header, html};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that are read at once.
const READ_BYTES: u64 = 256 * 1024;
/// Characters of the text of an HTML part.
const HTML_CHARS_MAX: usize = 1024 * 1024;

/// The bytes of a letter, to be read in ranges.
pub trait Content {
    /// Their number.
    fn size(&self) -> u64;
    /// A range; shorter at the end.
    fn read(&self, range: Range<u64>) -> Result<Bytes, EngineError>;
}

impl Content for Bytes {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes, EngineError> {
        let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(self.len());
        let end = within(range.end);
        Ok(self.slice(within(range.start).min(end)..end))
    }
}

/// The bytes of a letter at one moment of a script.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Version {
    /// As it came.
    #[default]
    Original,
    /// With another header, ending in its empty line, before the body as it came.
    Header(Arc<Vec<u8>>),
    /// Altogether new.
    Whole(Arc<Vec<u8>>),
}

/// One field of the header.
#[derive(Debug, Clone)]
struct Field {
    /// The whole field with its line end.
    raw: Bytes,
    /// It stands in the prefix: this server's own word, not to be changed.
    is_trace: bool,
}

impl Field {
    fn parsed(&self) -> Option<header::Field<'_>> {
        header::fields(&self.raw).next()
    }
}

/// What stands in a part's place.
#[derive(Debug, Clone)]
pub(super) enum Replacement {
    /// A text.
    Text(String),
    /// A whole part with its header.
    Mime(String),
}

/// The letter in hand.
pub(super) struct Letter<'a> {
    content: &'a dyn Content,
    fields: Vec<Field>,
    body_start: u64,
    is_edited: bool,
    summary: Option<Arc<Summary>>,
    replaced: BTreeMap<usize, Replacement>,
    /// What the letter became as a whole.
    enclosed: Option<Arc<Vec<u8>>>,
    part_bytes_max: u64,
    rewritten_bytes_max: u64,
}

impl<'a> Letter<'a> {
    pub(super) fn open(
        content: &'a dyn Content,
        prefix: &Bytes,
        budget: &Budget,
    ) -> Result<Self, EngineError> {
        let start = content.read(0..HEADER_BYTES_MAX as u64)?;
        let header = start.slice(..header::length(&start));
        let own = |is_trace: bool, block: &Bytes| {
            let fields = header::fields(block).map(|field| Field {
                raw: block.slice_ref(field.raw),
                is_trace,
            });
            fields.collect::<Vec<_>>()
        };
        let mut fields = own(true, prefix);
        fields.extend(own(false, &header));
        Ok(Self {
            content,
            fields,
            body_start: header.len() as u64,
            is_edited: false,
            summary: None,
            replaced: BTreeMap::new(),
            enclosed: None,
            part_bytes_max: budget.part_bytes,
            rewritten_bytes_max: budget.rewritten_bytes,
        })
    }

    pub(super) fn size(&self) -> u64 {
        let prefix = self.fields.iter().filter(|field| field.is_trace);
        prefix.fold(self.content.size(), |size, field| {
            size + field.raw.len() as u64
        })
    }

    /// The raw values of all fields of this name, in order.
    pub(super) fn raw_values(&self, name: &str) -> Vec<Vec<u8>> {
        let named = self
            .fields
            .iter()
            .filter_map(Field::parsed)
            .filter(|field| field.is(name));
        named.map(|field| field.value.to_vec()).collect()
    }

    /// The same as people read them.
    pub(super) fn values(&self, name: &str) -> Vec<String> {
        let named = self
            .fields
            .iter()
            .filter_map(Field::parsed)
            .filter(|field| field.is(name));
        named.map(|field| readable(field.value)).collect()
    }

    pub(super) fn has_field(&self, name: &str) -> bool {
        self.fields
            .iter()
            .filter_map(Field::parsed)
            .any(|field| field.is(name))
    }

    /// Adds a field before or behind all others that are not trace lines.
    pub(super) fn add_field(&mut self, line: String, last: bool) {
        let field = Field {
            raw: Bytes::from(line),
            is_trace: false,
        };
        let behind_trace = self
            .fields
            .iter()
            .take_while(|field| field.is_trace)
            .count();
        self.fields.insert(
            if last {
                self.fields.len()
            } else {
                behind_trace
            },
            field,
        );
        self.is_edited = true;
    }

    /// Deletes the fields of this name that `chosen` says yes to; it gets the number of each among
    /// those of its name, how many there are, and its value.
    pub(super) fn delete_fields(
        &mut self,
        name: &str,
        mut chosen: impl FnMut(usize, usize, &str) -> bool,
    ) {
        let is_named = |field: &Field| field.parsed().is_some_and(|field| field.is(name));
        let total = self.fields.iter().filter(|field| is_named(field)).count();
        let (before, mut number) = (self.fields.len(), 0);
        self.fields.retain(|field| {
            if !is_named(field) {
                return true;
            }
            number += 1;
            let value = field
                .parsed()
                .map(|field| readable(field.value))
                .unwrap_or_default();
            field.is_trace || !chosen(number, total, &value)
        });
        self.is_edited |= self.fields.len() < before;
    }

    /// How the letter is built; read the first time it is asked for.
    pub(super) fn summary(&mut self) -> Result<Arc<Summary>, EngineError> {
        if let Some(summary) = &self.summary {
            return Ok(Arc::clone(summary));
        }
        let mut scanner = Scanner::new(Limits::default());
        let mut at = 0;
        while at < self.content.size() {
            let piece = self.content.read(at..at + READ_BYTES)?;
            if piece.is_empty() {
                break;
            }
            scanner.push(&piece);
            at += piece.len() as u64;
        }
        let summary = Arc::new(scanner.finish());
        self.summary = Some(Arc::clone(&summary));
        Ok(summary)
    }

    /// The raw header of a part.
    pub(super) fn part_header(&mut self, index: usize) -> Result<Bytes, EngineError> {
        let summary = self.summary()?;
        let Some(part) = summary.parts.get(index) else {
            return Ok(Bytes::new());
        };
        let end = part
            .body_start
            .min(part.header_start + HEADER_BYTES_MAX as u64);
        self.content.read(part.header_start..end)
    }

    /// The whole body as it came.
    pub(super) fn raw_body(&self) -> Result<Bytes, EngineError> {
        self.content
            .read(self.body_start..self.body_start.saturating_add(self.part_bytes_max))
    }

    /// A part's body as text: transfer encoding and charset undone; of HTML only what is read.
    pub(super) fn part_text(&self, part: &Part, strip: bool) -> Result<String, EngineError> {
        let bytes = self.part_bytes(part)?;
        let is_text = part.media_type == b"text" && part.kind == PartKind::Leaf;
        if !is_text {
            return Ok(String::from_utf8_lossy(&bytes).into_owned());
        }
        let named = part.parameters.iter().find(|(name, _)| name == b"charset");
        let label = named.map_or(&b"us-ascii"[..], |(_, label)| label);
        let text = charset::to_utf8(label, &bytes);
        if strip && part.subtype == b"html" {
            return Ok(html::text(&text, HTML_CHARS_MAX));
        }
        Ok(text.into_owned())
    }

    fn part_bytes(&self, part: &Part) -> Result<Vec<u8>, EngineError> {
        let end = part
            .body_end
            .min(part.body_start.saturating_add(self.part_bytes_max));
        let raw = self.content.read(part.body_start..end)?;
        Ok(decode::all(
            decode::Encoding::named(part.encoding.as_deref()),
            &raw,
        ))
    }

    /// Puts something in the place of a part.
    pub(super) fn replace(&mut self, part: usize, replacement: Replacement) {
        self.replaced.insert(part, replacement);
        self.is_edited = true;
    }

    /// Makes the letter, as it is now, a part of another.
    pub(super) fn enclose(&mut self, whole: Vec<u8>) {
        let fields = Bytes::copy_from_slice(whole.get(..header::length(&whole)).unwrap_or(&whole));
        self.fields.retain(|field| field.is_trace);
        self.fields
            .extend(header::fields(&fields).map(|field| Field {
                raw: fields.slice_ref(field.raw),
                is_trace: false,
            }));
        self.enclosed = Some(Arc::new(whole));
        self.replaced.clear();
        self.is_edited = true;
    }

    /// The bytes as they are now.
    ///
    /// Errors: [`EngineError::TooLarge`] where the whole would have to be rewritten and is too long
    /// for that.
    pub(super) fn version(&mut self) -> Result<Version, EngineError> {
        if !self.is_edited {
            return Ok(Version::Original);
        }
        if self.enclosed.is_none() && self.replaced.is_empty() {
            return Ok(Version::Header(Arc::new(self.header())));
        }
        Ok(Version::Whole(Arc::new(self.whole()?)))
    }

    /// All bytes as they are now.
    pub(super) fn whole(&mut self) -> Result<Vec<u8>, EngineError> {
        if self.content.size() > self.rewritten_bytes_max {
            return Err(EngineError::TooLarge);
        }
        let mut bytes = self.header();
        if let Some(enclosed) = &self.enclosed {
            let body = enclosed.get(header::length(enclosed)..).unwrap_or_default();
            bytes.extend_from_slice(body);
            return Ok(bytes);
        }
        let summary = self.summary()?;
        let mut at = self.body_start;
        for (index, replacement) in &self.replaced {
            let Some(part) = summary.parts.get(*index) else {
                continue;
            };
            if part.parent.is_none() {
                let mut bytes = self.own_fields(|field| !names_content(field));
                bytes.extend_from_slice(&replacement_block(replacement));
                return Ok(bytes);
            }
            if part.header_start < at {
                continue; // A part around it was replaced.
            }
            bytes.extend_from_slice(&self.content.read(at..part.header_start)?);
            bytes.extend_from_slice(&replacement_block(replacement));
            at = part.body_end;
        }
        bytes.extend_from_slice(&self.content.read(at..self.content.size())?);
        Ok(bytes)
    }

    /// The header as it is now, without the trace lines, which are put before it anyway.
    fn header(&self) -> Vec<u8> {
        let mut header = self.own_fields(|_| true);
        header.extend_from_slice(b"\r\n");
        header
    }

    /// Fields that are not trace lines, each with its line end.
    fn own_fields(&self, wanted: impl Fn(&Field) -> bool) -> Vec<u8> {
        let mut block = Vec::new();
        for field in self
            .fields
            .iter()
            .filter(|field| !field.is_trace && wanted(field))
        {
            block.extend_from_slice(&field.raw);
            // The last line of a letter without a body may have none.
            if !field.raw.ends_with(b"\n") {
                block.extend_from_slice(b"\r\n");
            }
        }
        block
    }
}

/// A field that says how the body is built, and so goes with it.
fn names_content(field: &Field) -> bool {
    let name = field
        .parsed()
        .map(|field| field.name.to_ascii_lowercase())
        .unwrap_or_default();
    name.starts_with(b"content-") || name == b"mime-version"
}

/// A part with its header, in the place of another.
fn replacement_block(replacement: &Replacement) -> Vec<u8> {
    match replacement {
        Replacement::Text(text) => super::compose::text_part(text),
        Replacement::Mime(part) => {
            let mut block = b"MIME-Version: 1.0\r\n".to_vec();
            block.extend_from_slice(part.as_bytes());
            block
        }
    }
}

/// A field's value as people read it.
pub(super) fn readable(value: &[u8]) -> String {
    let text = encoded_word::decode(value);
    match text.trim() {
        trimmed if trimmed.len() == text.len() => text,
        trimmed => trimmed.to_owned(),
    }
}
