//! Tells one message, item by item; a long literal over several steps.

use super::decoded::{Decoded, Encoded};
use super::section::{self, Found, part_exists};
use super::{Gathered, STEP_BYTES};
use crate::codec::envelope::write_envelope;
use crate::codec::fetch::{FetchItem, Partial, Section, SectionName, write_part};
use crate::codec::moment::{self, Moment};
use crate::codec::structure::{Detail, write_structure};
use crate::codec::write;
use crate::command::annotation::{self, NO_SUCH_PART};
use crate::keywords::{self, Names};
use crate::quirk;
use crate::refusal::Refusal;
use crate::selected::Label;
use crate::sync;
use bytes::{BufMut, Bytes, BytesMut};
use engine::account::annotations::Annotation;
use engine::{Account, ContentId, ConversationId, ItemRow, Message, Timestamp, Uid};
use formats::message::Summary;
use formats::message::SummaryRef;
use formats::message::scan::{Limits, Scanner};
use std::ops::Range;

/// Bytes of a literal that are read at once: as many as the store unpacks and proves at once.
const READ_BYTES: u64 = 256 * 1024;

/// Room for an envelope or a structure, which few exceed.
const SAID_BYTES: usize = 1024;

/// Bytes read at once when a letter has to be scanned again.
const SCAN_BYTES: u64 = 1024 * 1024;

/// A message that is being told.
pub(super) struct Telling {
    label: Label,
    uid: Uid,
    row: ItemRow,
    /// What it has in common with its copies (RFC 8474 §5.1).
    email: ContentId,
    message: Message,
    summary: Bytes,
    created: Timestamp,
    thread: ConversationId,
    annotations: Vec<Annotation>,
    /// The next item.
    next: usize,
    /// Bytes of the message that belong to an open literal and were not read yet.
    literal: Range<u64>,
    /// Those that were read, but found no room yet.
    read: Bytes,
    /// The same, made for this answer.
    made: Bytes,
    /// The rest of a part that is decoded for this answer, behind what is made of it.
    decoded: Option<Decoded>,
    tell_flags: bool,
}

impl Telling {
    pub(super) fn new(
        account: &Account,
        gathered: Gathered,
        annotations: Vec<Annotation>,
        tell_flags: bool,
    ) -> Self {
        let Gathered {
            uid,
            label,
            row,
            details,
        } = gathered;
        let email = details.shared_content(row.content);
        let thread = details.conversation_of(row.item);
        let message = account.message_with_prefix(&row, details.prefix);
        let (summary, created) = (details.summary, details.created);
        Self {
            label,
            uid,
            row,
            email,
            message,
            summary,
            created,
            thread,
            annotations,
            next: 0,
            literal: 0..0,
            read: Bytes::new(),
            made: Bytes::new(),
            decoded: None,
            tell_flags,
        }
    }

    /// The message's row.
    pub(super) fn row(&self) -> &ItemRow {
        &self.row
    }

    /// Bytes of the message that an open literal still wants.
    pub(super) fn left(&self) -> u64 {
        let read = u64::try_from(self.read.len()).unwrap_or(0);
        self.literal
            .end
            .saturating_sub(self.literal.start)
            .saturating_add(read)
    }

    /// Writes until the message is told or the step is full. True if it is told.
    ///
    /// Errors: nothing of the message was written; [`Refusal::Broken`] if some of it was sent
    /// already.
    pub(super) fn go_on(
        &mut self,
        out: &mut BytesMut,
        items: &[FetchItem],
        names: &Names,
    ) -> Result<bool, Refusal> {
        let (start, was_begun) = (out.len(), self.next > 0);
        let told = self.write(out, items, names);
        if told.is_err() {
            out.truncate(start);
        }
        if was_begun {
            told.map_err(|_| Refusal::Broken)
        } else {
            told
        }
    }

    fn write(
        &mut self,
        out: &mut BytesMut,
        items: &[FetchItem],
        names: &Names,
    ) -> Result<bool, Refusal> {
        if self.next == 0 {
            self.complete_summary(items)?;
            self.check_parts(items)?;
            self.label.begin(out);
        }
        if !self.pass_literal(out)? {
            return Ok(false);
        }
        let start = out.len();
        while let Some(item) = items.get(self.next) {
            if self.next > 0 || out.len() > start {
                out.put_u8(b' ');
            }
            self.next += 1;
            let is_written = write_row_item(out, item, self.uid, &self.row, names)
                || self.write_details_item(out, item);
            if !is_written {
                self.write_item(out, item)?;
            }
            if !self.pass_literal(out)? {
                return Ok(false);
            }
        }
        if self.tell_flags && !items.contains(&FetchItem::Flags) {
            out.put_u8(b' ');
            keywords::write_flags(out, &self.row, names);
        }
        out.put_slice(b")\r\n");
        Ok(true)
    }

    /// Writes more of an open literal. True if none is open any more.
    fn pass_literal(&mut self, out: &mut BytesMut) -> Result<bool, Refusal> {
        loop {
            let room = STEP_BYTES.saturating_sub(out.len()).min(self.made.len());
            out.put_slice(&self.made.split_to(room));
            if !self.made.is_empty() {
                return Ok(false);
            }
            let Some(decoded) = &mut self.decoded else {
                break;
            };
            self.made = decoded.next(&self.message)?.into();
            if self.made.is_empty() {
                self.decoded = None;
            }
        }
        loop {
            let room = STEP_BYTES.saturating_sub(out.len()).min(self.read.len());
            write::literal_bytes(out, &self.read.split_to(room));
            if !self.read.is_empty() {
                return Ok(false);
            }
            if self.literal.is_empty() {
                return Ok(true);
            }
            let Range { start, end } = self.literal;
            self.read = self
                .message
                .read(start..end.min(start.saturating_add(READ_BYTES)))?;
            if self.read.is_empty() {
                // The literal's size was told: nothing else can be put in its place.
                return Err(Refusal::Engine(engine::EngineError::NoSuchItem));
            }
            self.literal.start += u64::try_from(self.read.len()).unwrap_or(0);
        }
    }

    /// A summary that had to be cut, or is none, is made anew from the letter.
    fn complete_summary(&mut self, items: &[FetchItem]) -> Result<(), Refusal> {
        let whole = |item: &FetchItem| match item {
            FetchItem::Section { section, .. } => *section == Section::whole(),
            FetchItem::EmailId => true,
            FetchItem::Annotation(request) => request.parts().next().is_none(),
            _ => false,
        };
        if items
            .iter()
            .filter(|item| super::needs_details(item))
            .all(whole)
        {
            return Ok(());
        }
        if is_whole(&self.summary) {
            return Ok(());
        }
        self.summary = scan_again(&self.message)?;
        Ok(())
    }

    /// Errors: an annotation is asked of a part that there is not.
    fn check_parts(&self, items: &[FetchItem]) -> Result<(), Refusal> {
        let asked = items.iter().filter_map(|item| match item {
            FetchItem::Annotation(request) => Some(request.parts()),
            _ => None,
        });
        for part in asked.flatten() {
            if !part_exists(&part, &self.message, &self.summary)? {
                return Err(NO_SUCH_PART);
            }
        }
        Ok(())
    }

    /// Writes the head of a literal with what was found; its bytes are left to be passed on.
    fn open_literal(&mut self, out: &mut BytesMut, found: Found, partial: Option<Partial>) {
        match found {
            Found::Nothing => out.put_slice(b"NIL"),
            Found::Range(range) => {
                self.literal = cut(range.start.min(range.end)..range.end, partial);
                write::literal_head(out, self.literal.end - self.literal.start);
            }
            Found::Bytes(mut bytes) => {
                quirk::show_nul(&mut bytes);
                let range = cut(0..u64::try_from(bytes.len()).unwrap_or(0), partial);
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                let range = place(range.start)..place(range.end);
                self.made = Bytes::from(bytes).slice(range);
                write::literal_head(out, u64::try_from(self.made.len()).unwrap_or(0));
            }
        }
    }

    /// Writes the head of a literal with a part decoded; its bytes are left to be passed on.
    fn open_decoded(
        &mut self,
        out: &mut BytesMut,
        found: Option<&Encoded>,
        partial: Option<Partial>,
    ) -> Result<(), Refusal> {
        let Some(encoded) = found else {
            out.put_slice(b"NIL");
            return Ok(());
        };
        let measure = encoded.measure(&self.message)?;
        let told = cut(0..measure.len, partial);
        if measure.has_nul {
            out.put_u8(b'~'); // Only a literal8 may hold NUL (RFC 3516 §4.2).
        }
        write::literal_head(out, told.end - told.start);
        self.decoded = Some(encoded.decoded(told));
        Ok(())
    }

    /// Writes an item that the details answer without their summary; false for others.
    fn write_details_item(&self, out: &mut BytesMut, item: &FetchItem) -> bool {
        match item {
            FetchItem::ThreadId => {
                out.put_slice(b"THREADID (T");
                write::number(out, self.thread.0);
                out.put_u8(b')');
            }
            FetchItem::SaveDate => {
                out.put_slice(b"SAVEDATE ");
                let saved = self.row.placed.unwrap_or(self.created);
                let saved = Moment {
                    seconds: saved.seconds(),
                    zone_minutes: 0,
                };
                moment::write_date_time(out, saved);
            }
            FetchItem::Annotation(request) => {
                annotation::write(out, request, &self.annotations);
            }
            _ => return false,
        }
        true
    }

    fn write_item(&mut self, out: &mut BytesMut, item: &FetchItem) -> Result<(), Refusal> {
        let empty;
        let summary = if let Ok(summary) = SummaryRef::new(&self.summary) {
            summary
        } else {
            empty = Summary::default().encode();
            SummaryRef::new(&empty).map_err(|_| Refusal::Engine(engine::EngineError::NoSuchItem))?
        };
        match item {
            FetchItem::Envelope => {
                out.put_slice(b"ENVELOPE ");
                put_said(out, |said| write_envelope(said, &summary.envelope()));
            }
            FetchItem::Body => {
                out.put_slice(b"BODY ");
                put_said(out, |said| write_structure(said, &summary, Detail::Basic));
            }
            FetchItem::BodyStructure => {
                out.put_slice(b"BODYSTRUCTURE ");
                put_said(out, |said| {
                    write_structure(said, &summary, Detail::Extended);
                });
            }
            FetchItem::Preview => {
                out.put_slice(b"PREVIEW ");
                write::string(out, summary.preview().as_bytes());
            }
            FetchItem::EmailId => write_email_id(out, self.email),
            FetchItem::Section {
                name,
                section,
                partial,
                ..
            } => {
                write_section_name(out, *name, section, *partial);
                let found = section::find(section, &summary, &self.message)?;
                self.open_literal(out, found, *partial);
            }
            FetchItem::Binary { part, partial, .. } => {
                out.put_slice(b"BINARY[");
                write_part(out, part);
                out.put_slice(b"]");
                write_offset(out, *partial);
                out.put_u8(b' ');
                let found = Encoded::find(part, &summary, &self.message)?;
                self.open_decoded(out, found.as_ref(), *partial)?;
            }
            FetchItem::BinarySize(part) => {
                out.put_slice(b"BINARY.SIZE[");
                write_part(out, part);
                out.put_slice(b"] ");
                let size = match Encoded::find(part, &summary, &self.message)? {
                    None => 0,
                    Some(encoded) => encoded.measure(&self.message)?.len,
                };
                write::number(out, size);
            }
            // The others were written from the row and the details.
            _ => {}
        }
        Ok(())
    }
}

/// Adds an envelope or a structure: many tokens of a few bytes, which a vector takes faster than the
/// buffer of the answer.
fn put_said(out: &mut BytesMut, write: impl FnOnce(&mut Vec<u8>)) {
    let mut said = Vec::with_capacity(SAID_BYTES);
    write(&mut said);
    out.put_slice(&said);
}

/// False for a summary that had to be cut, or is none.
pub(super) fn is_whole(summary: &[u8]) -> bool {
    SummaryRef::new(summary).is_ok_and(|summary| !summary.is_truncated())
}

/// The whole summary of a letter.
pub(super) fn scan_again(message: &Message) -> Result<Bytes, Refusal> {
    let mut scanner = Scanner::new(Limits::default());
    let mut at = message.prefix_len();
    while at < message.len() {
        let bytes = message.read(at..at.saturating_add(SCAN_BYTES))?;
        if bytes.is_empty() {
            break;
        }
        scanner.push(&bytes);
        at += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }
    Ok(scanner.finish().encode_whole().into())
}

/// Tells a message of which only its row is asked.
pub(super) fn tell_row(
    out: &mut BytesMut,
    label: Label,
    uid: Uid,
    row: &ItemRow,
    items: &[FetchItem],
    names: &Names,
) {
    label.begin(out);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.put_u8(b' ');
        }
        write_row_item(out, item, uid, row, names);
    }
    out.put_slice(b")\r\n");
}

/// Writes an item that the row answers; false for others.
fn write_row_item(
    out: &mut BytesMut,
    item: &FetchItem,
    uid: Uid,
    row: &ItemRow,
    names: &Names,
) -> bool {
    match item {
        FetchItem::Flags => keywords::write_flags(out, row, names),
        FetchItem::Uid => {
            out.put_slice(b"UID ");
            write::number(out, u64::from(uid.0));
        }
        FetchItem::InternalDate => {
            out.put_slice(b"INTERNALDATE ");
            let received = Moment {
                seconds: row.received.seconds(),
                zone_minutes: row.received_zone_minutes,
            };
            moment::write_date_time(out, received);
        }
        FetchItem::Size => {
            out.put_slice(b"RFC822.SIZE ");
            write::number(out, row.size);
        }
        FetchItem::ModSeq => {
            out.put_slice(b"MODSEQ (");
            write::number(out, sync::modseq(row));
            out.put_u8(b')');
        }
        _ => return false,
    }
    true
}

fn write_email_id(out: &mut BytesMut, email: ContentId) {
    out.put_slice(b"EMAILID (M");
    write::number(out, email.0);
    out.put_u8(b')');
}

fn write_section_name(
    out: &mut BytesMut,
    name: SectionName,
    section: &Section,
    partial: Option<Partial>,
) {
    match name {
        SectionName::Rfc822 => out.put_slice(b"RFC822 "),
        SectionName::Rfc822Header => out.put_slice(b"RFC822.HEADER "),
        SectionName::Rfc822Text => out.put_slice(b"RFC822.TEXT "),
        SectionName::Body => {
            out.put_slice(b"BODY[");
            section.write(out);
            out.put_slice(b"]");
            write_offset(out, partial);
            out.put_u8(b' ');
        }
    }
}

fn write_offset(out: &mut BytesMut, partial: Option<Partial>) {
    if let Some(partial) = partial {
        out.put_u8(b'<');
        write::number(out, partial.offset);
        out.put_u8(b'>');
    }
}

/// What a partial fetch asks of a run of bytes.
fn cut(range: Range<u64>, partial: Option<Partial>) -> Range<u64> {
    let Some(Partial { offset, length }) = partial else {
        return range;
    };
    let start = range.start.saturating_add(offset).min(range.end);
    start..start.saturating_add(length).min(range.end)
}
