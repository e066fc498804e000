//! What of a letter can be judged: its author, subject, text, links and attached files.
//!
//! Reads the header, and of each text part no more than a bounded piece. Start at
//! [`Content::read`].
//!
//! Standards: RFC 5322 §3.6 (fields), RFC 2045 (parts).

use super::attachment::Attachment;
use super::link::{self, Link};
use crate::error::EngineError;
use bytes::Bytes;
use formats::address::list::{self, Entry};
use formats::date::Date;
use formats::message::decode::{self, Encoding};
use formats::message::{PartRef, SummaryRef, charset, encoded_word, header, html};
use std::ops::Range;

/// Bytes of one text part, still encoded: more than people write.
const PART_BYTES_MAX: u64 = 64 * 1024;
/// Text parts that are read.
const TEXTS_MAX: usize = 4;
/// Characters of text that are kept of all parts.
const TEXT_CHARS_MAX: usize = 64 * 1024;
/// Attached files that are looked at.
const ATTACHMENTS_MAX: usize = 100;
/// Addresses of a field.
const ENTRIES_MAX: usize = 50;

/// An address with its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Person {
    /// The name shown, decoded.
    pub name: String,
    /// The address in lower case; empty if there is none.
    pub address: String,
}

impl Person {
    /// The domain of the address.
    pub fn domain(&self) -> &str {
        domain_of(&self.address)
    }
}

/// What stands behind the last `@`.
pub fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// What can be judged of a letter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "independent facts of a letter, each the subject of a rule"
)]
pub struct Content {
    /// The first author.
    pub author: Person,
    /// Where answers go, if not to the author.
    pub reply_to: Option<Person>,
    /// The subject, decoded; `None` without that field.
    pub subject: Option<String>,
    /// When it claims to have been written, in seconds since 1970.
    pub sent_seconds: Option<i64>,
    /// It has a Date field.
    pub has_date: bool,
    /// It has a Message-ID field.
    pub has_name: bool,
    /// It names someone it is for.
    pub is_addressed: bool,
    /// It comes from a list or a mass mailing and says so.
    pub is_from_list: bool,
    /// The letters that it answers, as it says.
    pub answers: Vec<String>,
    /// What one reads, of all text parts.
    pub text: String,
    /// The same in lower case, with one blank for any run of them: for finding phrases.
    pub flat: String,
    /// There is text for programs without HTML.
    pub has_plain: bool,
    /// There is HTML.
    pub has_html: bool,
    /// Its HTML shows pictures.
    pub has_pictures: bool,
    /// Links, each host once.
    pub links: Vec<Link>,
    /// Attached files.
    pub attachments: Vec<Attachment>,
}

/// Reads a range of a letter.
pub type Read<'a> = &'a dyn Fn(Range<u64>) -> Result<Bytes, EngineError>;

impl Content {
    /// Takes a letter apart: `block` is its header, `summary` what the scanner made of it, and `read`
    /// reads its bytes.
    pub fn read(block: &[u8], summary: &Bytes, read: Read<'_>) -> Result<Self, EngineError> {
        let mut content = Self::of_header(block);
        let Ok(summary) = SummaryRef::new(summary) else {
            return Ok(content);
        };
        content.sent_seconds = summary.sent().map(|date: Date| date.seconds);
        let mut texts = 0;
        for part in summary.parts() {
            if let Some(attachment) = Attachment::of(&part) {
                if content.attachments.len() < ATTACHMENTS_MAX {
                    content.attachments.push(attachment);
                }
            } else if part.media_type == b"text" && texts < TEXTS_MAX {
                texts += 1;
                content.take_text(&part, read)?;
            }
        }
        content.flat = flattened(&content.text);
        Ok(content)
    }

    fn of_header(block: &[u8]) -> Self {
        let mut content = Self::default();
        for field in header::fields(block) {
            let value = field.value;
            match field.name.to_ascii_lowercase().as_slice() {
                b"from" if content.author.address.is_empty() => {
                    content.author = people(value).next().unwrap_or_default();
                }
                b"reply-to" => content.reply_to = people(value).next(),
                b"subject" => content.subject = Some(encoded_word::decode(value)),
                b"date" => content.has_date = true,
                b"message-id" => content.has_name = true,
                b"to" | b"cc" => content.is_addressed |= !value.trim_ascii().is_empty(),
                b"list-id" | b"list-unsubscribe" => content.is_from_list = true,
                b"in-reply-to" | b"references" => {
                    let ids = header::message_ids(value).take(ENTRIES_MAX);
                    let ids = ids.map(|id| String::from_utf8_lossy(id).into_owned());
                    content.answers.extend(ids);
                }
                _ => {}
            }
        }
        content.answers.truncate(ENTRIES_MAX);
        content
    }

    fn take_text(&mut self, part: &PartRef<'_>, read: Read<'_>) -> Result<(), EngineError> {
        let length = part.body_size().min(PART_BYTES_MAX);
        let raw = read(part.body_start..part.body_start.saturating_add(length))?;
        let label = part.parameters.text("charset").unwrap_or_default();
        let decoded = decode::all(Encoding::named(part.encoding), &raw);
        let decoded = charset::to_utf8(label.as_bytes(), &decoded);
        let room = TEXT_CHARS_MAX.saturating_sub(self.text.len());
        if part.is("text", "html") {
            self.has_html = true;
            self.has_pictures |= contains_ignoring_case(&decoded, "<img");
            link::in_html(&decoded, &mut self.links);
            self.text.push_str(&html::text(&decoded, room));
        } else {
            self.has_plain = true;
            link::in_text(&decoded, &mut self.links);
            self.text.extend(decoded.chars().take(room));
        }
        self.text.push('\n');
        Ok(())
    }
}

fn flattened(text: &str) -> String {
    let mut flat = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !flat.is_empty() {
            flat.push(' ');
        }
        flat.extend(word.chars().flat_map(char::to_lowercase));
    }
    flat
}

/// The people whom an address field names.
pub fn people(value: &[u8]) -> impl Iterator<Item = Person> {
    let (entries, _) = list::parse(value, ENTRIES_MAX);
    entries.into_iter().filter_map(|entry| match entry {
        Entry::Mailbox {
            name,
            local,
            domain,
        } => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase();
            Some(Person {
                name: name
                    .map(|name| encoded_word::decode(&name))
                    .unwrap_or_default(),
                address: format!("{}@{}", text(&local), text(&domain)),
            })
        }
        _ => None,
    })
}

/// True when the ASCII word stands in the text, however it is written.
pub(super) fn contains_ignoring_case(text: &str, word: &str) -> bool {
    let mut windows = text.as_bytes().windows(word.len().max(1));
    windows.any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}
