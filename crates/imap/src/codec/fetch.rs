//! What FETCH asks for.
//!
//! Standards: RFC 9051 §6.4.5, RFC 3501 §6.4.5 (RFC822.*), RFC 3516 (BINARY), RFC 7162 §3.1.4
//! (MODSEQ, CHANGEDSINCE), RFC 8474 §5 (EMAILID, THREADID), RFC 8970 §3 (PREVIEW), RFC 9394 §3.3
//! (PARTIAL), RFC 8514 §4.1 (SAVEDATE), RFC 5257 §4.3 (ANNOTATION).

use super::Fault;
use super::annotation::AnnotationRequest;
use super::cursor::{Cursor, Parsed};
use super::window::{self, Window};
use super::write;
use crate::quirk;
use bytes::{BufMut, BytesMut};

/// Data items in one FETCH.
pub const ITEMS_MAX: usize = 128;

/// Levels of a part's number; deeper MIME nesting is not described.
pub const PART_DEPTH_MAX: usize = 64;

/// Names in one `HEADER.FIELDS`.
pub const FIELDS_MAX: usize = 256;

/// Modifiers of one FETCH; there are no more kinds.
const MODIFIERS_MAX: usize = 3;

/// Whether fetching a body marks the message as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// `.PEEK`: it does not.
    Peek,
    /// It sets `\Seen`.
    Read,
}

/// A run of bytes of a section: `<offset.length>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    /// First byte wanted.
    pub offset: u64,
    /// Most bytes wanted; at least 1.
    pub length: u64,
}

/// Which text of a part a section means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionText {
    /// All of it: `[]` or `[1.2]`.
    All,
    /// The header of a message.
    Header,
    /// Only these fields.
    HeaderFields(Vec<String>),
    /// All fields but these.
    HeaderFieldsNot(Vec<String>),
    /// The body of a message.
    Text,
    /// The MIME header of a part.
    Mime,
}

/// A part of a message and which text of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Numbers of the part, from the outside; empty for the message itself.
    pub part: Vec<u32>,
    /// Which text of it.
    pub text: SectionText,
}

impl Section {
    /// The whole message.
    pub fn whole() -> Self {
        Self {
            part: Vec::new(),
            text: SectionText::All,
        }
    }

    /// Writes what stands between the brackets.
    pub fn write(&self, out: &mut BytesMut) {
        write_part(out, &self.part);
        let dot = if self.part.is_empty() { "" } else { "." };
        let (name, fields) = match &self.text {
            SectionText::All => return,
            SectionText::Header => ("HEADER", None),
            SectionText::HeaderFields(fields) => ("HEADER.FIELDS", Some(fields)),
            SectionText::HeaderFieldsNot(fields) => ("HEADER.FIELDS.NOT", Some(fields)),
            SectionText::Text => ("TEXT", None),
            SectionText::Mime => ("MIME", None),
        };
        out.put_slice(dot.as_bytes());
        out.put_slice(name.as_bytes());
        let Some(fields) = fields else { return };
        out.put_slice(b" (");
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                out.put_u8(b' ');
            }
            write::astring(out, field.as_bytes());
        }
        out.put_u8(b')');
    }
}

/// Writes `1.2.3`.
pub fn write_part(out: &mut BytesMut, part: &[u32]) {
    for (index, number) in part.iter().enumerate() {
        if index > 0 {
            out.put_u8(b'.');
        }
        write::number(out, u64::from(*number));
    }
}

/// The name under which the bytes of a section are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionName {
    /// `BODY[…]`
    Body,
    /// `RFC822`
    Rfc822,
    /// `RFC822.HEADER`
    Rfc822Header,
    /// `RFC822.TEXT`
    Rfc822Text,
}

/// One data item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchItem {
    /// `FLAGS`
    Flags,
    /// `UID`
    Uid,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Size,
    /// `ENVELOPE`
    Envelope,
    /// `BODY` without brackets: the structure without extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `BODY[…]` and its old names.
    Section {
        /// What the answer is called.
        name: SectionName,
        /// Which bytes.
        section: Section,
        /// Only some of them.
        partial: Option<Partial>,
        /// Whether `\Seen` is set.
        reading: Reading,
    },
    /// `BINARY[…]`: a part without its transfer encoding.
    Binary {
        /// Numbers of the part.
        part: Vec<u32>,
        /// Only some bytes.
        partial: Option<Partial>,
        /// Whether `\Seen` is set.
        reading: Reading,
    },
    /// `BINARY.SIZE[…]`
    BinarySize(Vec<u32>),
    /// `MODSEQ`
    ModSeq,
    /// `EMAILID`
    EmailId,
    /// `THREADID`
    ThreadId,
    /// `SAVEDATE`: when it came into this mailbox.
    SaveDate,
    /// `PREVIEW`: the first words.
    Preview,
    /// `ANNOTATION`: what was noted of it.
    Annotation(AnnotationRequest),
}

/// Arguments of FETCH behind the set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// What is wanted of each message.
    pub items: Vec<FetchItem>,
    /// `CHANGEDSINCE`: only messages that changed later.
    pub changed_since: Option<u64>,
    /// `VANISHED`: tell also what went since.
    pub vanished: bool,
    /// `PARTIAL`: only this run of the messages.
    pub partial: Option<Window>,
}

impl FetchRequest {
    /// Reads the items and modifiers.
    pub fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let items = items(cursor)?;
        let mut request = Self {
            items,
            changed_since: None,
            vanished: false,
            partial: None,
        };
        if cursor.at_end() {
            return Ok(request);
        }
        cursor.space()?;
        cursor.list(MODIFIERS_MAX, |cursor| request.modifier(cursor))?;
        if request.changed_since.is_some() && !request.items.contains(&FetchItem::ModSeq) {
            request.items.push(FetchItem::ModSeq);
        }
        Ok(request)
    }

    fn modifier(&mut self, cursor: &mut Cursor<'_>) -> Parsed<()> {
        if cursor.accept_word("CHANGEDSINCE") {
            cursor.space()?;
            self.changed_since = Some(cursor.number64()?);
        } else if cursor.accept_word("VANISHED") {
            self.vanished = true;
        } else if cursor.accept_word("PARTIAL") {
            window::read_once(cursor, &mut self.partial)?;
        } else {
            return Err(Fault::Syntax("Unknown FETCH modifier"));
        }
        Ok(())
    }
}

fn items(cursor: &mut Cursor<'_>) -> Parsed<Vec<FetchItem>> {
    use FetchItem::{Body, Envelope, Flags, InternalDate, Size};
    if cursor.peek() == Some(b'(') {
        return cursor.list(ITEMS_MAX, item);
    }
    let macros = [
        ("ALL", vec![Flags, InternalDate, Size, Envelope]),
        ("FAST", vec![Flags, InternalDate, Size]),
        ("FULL", vec![Flags, InternalDate, Size, Envelope, Body]),
    ];
    for (name, items) in macros {
        if cursor.accept_word(name) {
            return Ok(items);
        }
    }
    Ok(vec![item(cursor)?])
}

/// Names without arguments; longer ones before those that they begin with.
const PLAIN: [(&str, FetchItem); 14] = [
    ("FLAGS", FetchItem::Flags),
    ("UID", FetchItem::Uid),
    ("INTERNALDATE", FetchItem::InternalDate),
    ("RFC822.SIZE", FetchItem::Size),
    ("ENVELOPE", FetchItem::Envelope),
    ("BODYSTRUCTURE", FetchItem::BodyStructure),
    ("MODSEQ", FetchItem::ModSeq),
    ("EMAILID", FetchItem::EmailId),
    ("THREADID", FetchItem::ThreadId),
    ("SAVEDATE", FetchItem::SaveDate),
    (
        "RFC822.HEADER",
        old(
            SectionName::Rfc822Header,
            SectionText::Header,
            Reading::Peek,
        ),
    ),
    (
        "RFC822.TEXT",
        old(SectionName::Rfc822Text, SectionText::Text, Reading::Read),
    ),
    (
        quirk::WHOLE_UNREAD,
        old(SectionName::Rfc822, SectionText::All, Reading::Peek),
    ),
    (
        "RFC822",
        old(SectionName::Rfc822, SectionText::All, Reading::Read),
    ),
];

const fn old(name: SectionName, text: SectionText, reading: Reading) -> FetchItem {
    let section = Section {
        part: Vec::new(),
        text,
    };
    FetchItem::Section {
        name,
        section,
        partial: None,
        reading,
    }
}

/// Reads one data item.
pub(super) fn item(cursor: &mut Cursor<'_>) -> Parsed<FetchItem> {
    if let Some((_, item)) = PLAIN.iter().find(|(name, _)| cursor.accept_word(name)) {
        // `MODSEQ (…)` is no request; a name that goes on is another, unknown one.
        return match cursor.peek() {
            None | Some(b' ' | b')') => Ok(item.clone()),
            _ => Err(Fault::Syntax("Unknown FETCH item")),
        };
    }
    if cursor.accept_word("ANNOTATION ") {
        return AnnotationRequest::read(cursor).map(FetchItem::Annotation);
    }
    if cursor.accept_word("PREVIEW") {
        cursor.accept_word(" (LAZY)"); // It is always at hand.
        return Ok(FetchItem::Preview);
    }
    if cursor.accept_word("BINARY.SIZE[") {
        return binary_part(cursor).map(FetchItem::BinarySize);
    }
    if cursor.accept_word("BINARY") {
        let reading = reading(cursor);
        cursor.expect(b'[', "Expected [ behind BINARY")?;
        let part = binary_part(cursor)?;
        return Ok(FetchItem::Binary {
            part,
            partial: partial(cursor)?,
            reading,
        });
    }
    if cursor.accept_word("BODY") {
        let reading = reading(cursor);
        if !cursor.accept(b'[') {
            let plain = reading == Reading::Read;
            return if plain {
                Ok(FetchItem::Body)
            } else {
                Err(Fault::Syntax("Expected ["))
            };
        }
        let section = section(cursor)?;
        let partial = partial(cursor)?;
        return Ok(FetchItem::Section {
            name: SectionName::Body,
            section,
            partial,
            reading,
        });
    }
    Err(Fault::Syntax("Unknown FETCH item"))
}

fn reading(cursor: &mut Cursor<'_>) -> Reading {
    if cursor.accept_word(".PEEK") {
        Reading::Peek
    } else {
        Reading::Read
    }
}

fn binary_part(cursor: &mut Cursor<'_>) -> Parsed<Vec<u32>> {
    let mut part = Vec::new();
    if !cursor.accept(b']') {
        part.push(cursor.nonzero()?);
        while cursor.accept(b'.') {
            push_part(&mut part, cursor.nonzero()?)?;
        }
        cursor.expect(b']', "Expected ] behind the section")?;
    }
    Ok(part)
}

fn push_part(part: &mut Vec<u32>, number: u32) -> Parsed<()> {
    if part.len() >= PART_DEPTH_MAX {
        return Err(Fault::Limit("Part is nested too deeply"));
    }
    part.push(number);
    Ok(())
}

/// Reads a section and the bracket behind it.
pub(super) fn section(cursor: &mut Cursor<'_>) -> Parsed<Section> {
    let mut part = Vec::new();
    let mut text = SectionText::All;
    while !cursor.accept(b']') {
        if cursor.peek().is_some_and(|b| b.is_ascii_digit()) {
            push_part(&mut part, cursor.nonzero()?)?;
            if cursor.accept(b'.') && cursor.peek() != Some(b']') {
                continue;
            }
        } else {
            text = section_text(cursor)?;
        }
        cursor.expect(b']', "Expected ] behind the section")?;
        break;
    }
    if text == SectionText::Mime && part.is_empty() {
        return Err(Fault::Syntax("MIME needs the number of a part"));
    }
    Ok(Section { part, text })
}

fn section_text(cursor: &mut Cursor<'_>) -> Parsed<SectionText> {
    for (name, not) in [("HEADER.FIELDS.NOT", true), ("HEADER.FIELDS", false)] {
        if cursor.accept_word(name) {
            cursor.space()?;
            let fields = cursor.list(FIELDS_MAX, Cursor::text)?;
            let text = if not {
                SectionText::HeaderFieldsNot
            } else {
                SectionText::HeaderFields
            };
            return Ok(text(fields));
        }
    }
    let plain = [
        ("HEADER", SectionText::Header),
        ("TEXT", SectionText::Text),
        ("MIME", SectionText::Mime),
    ];
    let found = plain.into_iter().find(|(name, _)| cursor.accept_word(name));
    found
        .map(|(_, text)| text)
        .ok_or(Fault::Syntax("Unknown section"))
}

fn partial(cursor: &mut Cursor<'_>) -> Parsed<Option<Partial>> {
    if !cursor.accept(b'<') {
        return Ok(None);
    }
    let offset = cursor.number64()?;
    cursor.expect(b'.', "Expected <offset.length>")?;
    let length = cursor.number64()?;
    cursor.expect(b'>', "Expected <offset.length>")?;
    match length {
        0 => Err(Fault::Syntax("Length must not be 0")),
        length => Ok(Some(Partial { offset, length })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Parsed<FetchRequest> {
        let mut cursor = Cursor::new(text.as_bytes());
        let request = FetchRequest::read(&mut cursor)?;
        cursor.end().map(|()| request)
    }

    #[test]
    fn sections_are_told_as_they_were_asked() {
        for section in [
            "",
            "1.2",
            "HEADER",
            "TEXT",
            "4.1.MIME",
            "4.2.HEADER",
            "3.TEXT",
            "HEADER.FIELDS (DATE FROM)",
            "1.HEADER.FIELDS.NOT (\"X (\")",
        ] {
            let request = read(&format!("BODY.PEEK[{section}]<0.10>")).unwrap();
            let [
                FetchItem::Section {
                    section: read,
                    partial,
                    reading,
                    ..
                },
            ] = &request.items[..]
            else {
                panic!("{request:?}");
            };
            let mut out = BytesMut::new();
            read.write(&mut out);
            assert_eq!(out, section.as_bytes());
            assert_eq!(
                *partial,
                Some(Partial {
                    offset: 0,
                    length: 10
                })
            );
            assert_eq!(*reading, Reading::Peek);
        }
    }

    #[test]
    fn what_is_no_item_is_refused() {
        for bad in [
            "",
            "()",
            "FLAG",
            "FLAGSX",
            "BODY[",
            "BODY[MIME]",
            "BODY[0]",
            "BODY[1.FOO]",
            "BODY[HEADER.FIELDS ()]",
            "BODY[]<0.0>",
            "BODY[]<1>",
            "BODY.PEEK",
            "BINARY",
            "BINARY[1.TEXT]",
            "(FLAGS (UID))",
            "FLAGS (FOO)",
            "RFC822.SIZES",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn changedsince_asks_for_modseq() {
        let request = read("(FLAGS) (CHANGEDSINCE 12345 VANISHED)").unwrap();
        assert_eq!(request.items, [FetchItem::Flags, FetchItem::ModSeq]);
        assert_eq!(
            (request.changed_since, request.vanished),
            (Some(12345), true)
        );
    }

    #[test]
    fn macros_stand_alone() {
        assert_eq!(read("FULL").unwrap().items.len(), 5);
        assert!(read("(ALL)").is_err());
    }
}
