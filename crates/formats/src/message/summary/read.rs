//! The reading half of an encoded summary: borrows everything, allocates nothing.

use super::super::PartKind;
use super::{
    ENTRY_ADDRESS, ENTRY_GROUP_END, ENTRY_GROUP_START, ENTRY_NAMED, FLAG_ATTACHMENT, FLAG_LAYOUT,
    FLAG_SENT, FLAG_TRUNCATED, KIND_LEAF, KIND_MESSAGE, KIND_MULTIPART, VERSION,
};
use crate::cursor::Cursor;
use crate::date::Date;
use std::fmt;

/// Why stored bytes are not a summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummaryError {
    /// Written by a version that this one does not know.
    Version(u8),
    /// Cut off or damaged.
    Damaged,
}

impl fmt::Display for SummaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "summary of unknown version {version}"),
            Self::Damaged => f.write_str("damaged summary"),
        }
    }
}

impl std::error::Error for SummaryError {}

/// A stored summary, ready to be read.
#[derive(Clone, Copy, Debug)]
pub struct SummaryRef<'a> {
    flags: u8,
    size: u64,
    lines: u64,
    sent: Option<Date>,
    preview: &'a str,
    references: &'a [u8],
    layout: Option<(u64, &'a [u8])>,
    envelope: &'a [u8],
    part_count: u64,
    parts: &'a [u8],
}

impl<'a> SummaryRef<'a> {
    /// Reads the front and finds the sections.
    pub fn new(bytes: &'a [u8]) -> Result<Self, SummaryError> {
        let mut cursor = Cursor::new(bytes);
        match cursor.next() {
            Some(VERSION) => Self::sections(&mut cursor).ok_or(SummaryError::Damaged),
            Some(other) => Err(SummaryError::Version(other)),
            None => Err(SummaryError::Damaged),
        }
    }

    fn sections(cursor: &mut Cursor<'a>) -> Option<Self> {
        let flags = cursor.next()?;
        let size = number(cursor)?;
        let lines = number(cursor)?;
        let sent = if flags & FLAG_SENT == 0 {
            None
        } else {
            Some(date(cursor)?)
        };
        let preview = str::from_utf8(sized(cursor)?).ok()?;
        let references = sized(cursor)?;
        let layout = if flags & FLAG_LAYOUT == 0 {
            None
        } else {
            let others = cursor.take(8)?.first_chunk()?;
            Some((u64::from_be_bytes(*others), sized(cursor)?))
        };
        let envelope = sized(cursor)?;
        let part_count = number(cursor)?;
        let parts = cursor.rest();
        Some(Self {
            flags,
            size,
            lines,
            sent,
            preview,
            references,
            layout,
            envelope,
            part_count,
            parts,
        })
    }

    /// Whether something did not fit; the letter itself has the rest.
    pub fn is_truncated(&self) -> bool {
        self.flags & FLAG_TRUNCATED != 0
    }

    /// Whether the letter carries something that a reader would call an attachment.
    pub fn has_attachment(&self) -> bool {
        self.flags & FLAG_ATTACHMENT != 0
    }

    /// Bytes of the letter, without what was put before it on delivery.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Line ends in the letter, without what was put before it on delivery.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The moment that the Date field names.
    pub fn sent(&self) -> Option<Date> {
        self.sent
    }

    /// The first words, at most 256 characters.
    pub fn preview(&self) -> &'a str {
        self.preview
    }

    /// Message ids out of References, without brackets, the latest last.
    pub fn references(&self) -> Strings<'a> {
        Strings {
            cursor: Cursor::new(self.references),
        }
    }

    /// How the fields of the header are written: bits for those not kept, codes for those that are.
    pub(in crate::message) fn layout(&self) -> Option<(u64, &'a [u8])> {
        self.layout.filter(|_| !self.is_truncated())
    }

    /// The letter's envelope; an empty one if it is damaged.
    pub fn envelope(&self) -> EnvelopeRef<'a> {
        EnvelopeRef::read(self.envelope).unwrap_or_default()
    }

    /// All parts, each behind its parent; the first is the letter itself.
    pub fn parts(&self) -> Parts<'a> {
        Parts {
            cursor: Cursor::new(self.parts),
            left: self.part_count,
            index: 0,
        }
    }

    /// The letter's top part.
    pub fn top(&self) -> Option<PartRef<'a>> {
        self.parts().next()
    }

    /// The parts directly inside of `part`.
    pub fn children(&self, part: &PartRef<'a>) -> impl Iterator<Item = PartRef<'a>> + use<'a> {
        let index = part.index;
        let behind = self.parts().skip(index.saturating_add(1));
        behind.filter(move |child| child.parent == Some(index))
    }

    /// The part with the section number `path`, for example `[4, 2, 1]`; the top part for an empty
    /// path.
    ///
    /// A letter that is not multipart has itself as part 1; inside of an enclosed letter numbers go
    /// on with the parts of that letter. Source: RFC 9051 §6.4.5.1.
    pub fn part_at(&self, path: &[u32]) -> Option<PartRef<'a>> {
        let mut part = self.top()?;
        // The top part and that of an enclosed letter stand for their content when numbers are
        // looked up.
        let mut is_root = true;
        for &number in path {
            if part.kind == PartKind::Message && !is_root {
                part = self.children(&part).next()?;
                is_root = true;
            }
            let position = usize::try_from(number).ok()?.checked_sub(1)?;
            match part.kind {
                PartKind::Multipart => part = self.children(&part).nth(position)?,
                _ if is_root && position == 0 => {}
                _ => return None,
            }
            is_root = false;
        }
        Some(part)
    }
}

/// The fields of an ENVELOPE.
#[derive(Clone, Copy, Debug, Default)]
pub struct EnvelopeRef<'a> {
    /// Date, as written.
    pub date: Option<&'a [u8]>,
    /// Subject, encoded words kept.
    pub subject: Option<&'a [u8]>,
    /// In-Reply-To, as written.
    pub in_reply_to: Option<&'a [u8]>,
    /// Message-ID, as written, with its brackets.
    pub message_id: Option<&'a [u8]>,
    from: &'a [u8],
    sender: &'a [u8],
    reply_to: &'a [u8],
    to: &'a [u8],
    cc: &'a [u8],
    bcc: &'a [u8],
}

impl<'a> EnvelopeRef<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        Some(Self {
            date: optional(&mut cursor)?,
            subject: optional(&mut cursor)?,
            in_reply_to: optional(&mut cursor)?,
            message_id: optional(&mut cursor)?,
            from: sized(&mut cursor)?,
            sender: sized(&mut cursor)?,
            reply_to: sized(&mut cursor)?,
            to: sized(&mut cursor)?,
            cc: sized(&mut cursor)?,
            bcc: sized(&mut cursor)?,
        })
    }

    /// From.
    pub fn from(&self) -> Addresses<'a> {
        Addresses::new(self.from)
    }

    /// Sender as it came; RFC 9051 §7.5.2 wants From where this is empty.
    pub fn sender(&self) -> Addresses<'a> {
        Addresses::new(self.sender)
    }

    /// Reply-To as it came; RFC 9051 §7.5.2 wants From where this is empty.
    pub fn reply_to(&self) -> Addresses<'a> {
        Addresses::new(self.reply_to)
    }

    /// To.
    pub fn to(&self) -> Addresses<'a> {
        Addresses::new(self.to)
    }

    /// Cc.
    pub fn cc(&self) -> Addresses<'a> {
        Addresses::new(self.cc)
    }

    /// Bcc.
    pub fn bcc(&self) -> Addresses<'a> {
        Addresses::new(self.bcc)
    }
}

/// One element of an address list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryRef<'a> {
    /// A person or program.
    Mailbox {
        /// The display name, encoded words kept.
        name: Option<&'a [u8]>,
        /// What stands before the `@`, without quotes.
        local: &'a [u8],
        /// What stands behind it; empty where it is missing.
        domain: &'a [u8],
    },
    /// A named group begins.
    GroupStart(&'a [u8]),
    /// The group ends.
    GroupEnd,
}

/// Iterates over an address list.
#[derive(Clone, Copy, Debug)]
pub struct Addresses<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Addresses<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(bytes),
        }
    }

    /// Whether there are none left.
    pub fn is_empty(&self) -> bool {
        self.cursor.is_at_end()
    }
}

#[allow(
    clippy::copy_iterator,
    reason = "a view that lies in other views; copies start anew"
)]
impl<'a> Iterator for Addresses<'a> {
    type Item = EntryRef<'a>;

    fn next(&mut self) -> Option<EntryRef<'a>> {
        let cursor = &mut self.cursor;
        match cursor.next()? {
            ENTRY_GROUP_END => Some(EntryRef::GroupEnd),
            ENTRY_GROUP_START => Some(EntryRef::GroupStart(sized(cursor)?)),
            kind @ (ENTRY_ADDRESS | ENTRY_NAMED) => {
                let name = if kind == ENTRY_NAMED {
                    Some(sized(cursor)?)
                } else {
                    None
                };
                Some(EntryRef::Mailbox {
                    name,
                    local: sized(cursor)?,
                    domain: sized(cursor)?,
                })
            }
            _ => None,
        }
    }
}

/// One part; the numbers are those of [`Part`](super::super::Part).
#[derive(Clone, Copy, Debug)]
pub struct PartRef<'a> {
    /// Its place in [`SummaryRef::parts`].
    pub index: usize,
    /// How it is built.
    pub kind: PartKind,
    /// Index of the part that it lies in.
    pub parent: Option<usize>,
    /// Where its header begins.
    pub header_start: u64,
    /// Where its body begins.
    pub body_start: u64,
    /// Where its body ends.
    pub body_end: u64,
    /// Line ends in its body.
    pub lines: u64,
    /// In lower case.
    pub media_type: &'a [u8],
    /// In lower case.
    pub subtype: &'a [u8],
    /// Of Content-Type.
    pub parameters: Parameters<'a>,
    /// Content-ID, with its brackets.
    pub id: Option<&'a [u8]>,
    /// Content-Description, encoded words kept.
    pub description: Option<&'a [u8]>,
    /// Content-Transfer-Encoding in lower case; absent means 7bit.
    pub encoding: Option<&'a [u8]>,
    /// Content-MD5.
    pub md5: Option<&'a [u8]>,
    /// Content-Location.
    pub location: Option<&'a [u8]>,
    /// Content-Disposition.
    pub disposition: Option<DispositionRef<'a>>,
    /// Content-Language.
    pub languages: Strings<'a>,
    /// Of the letter inside; only where `kind` is [`PartKind::Message`].
    pub envelope: Option<EnvelopeRef<'a>>,
}

/// How a part wants to be shown.
#[derive(Clone, Copy, Debug)]
pub struct DispositionRef<'a> {
    /// In lower case.
    pub value: &'a [u8],
    /// `filename` and others.
    pub parameters: Parameters<'a>,
}

impl<'a> PartRef<'a> {
    /// Bytes of its body, still encoded.
    pub fn body_size(&self) -> u64 {
        self.body_end.saturating_sub(self.body_start)
    }

    /// Whether it is of that type, both in lower case.
    pub fn is(&self, media_type: &str, subtype: &str) -> bool {
        self.media_type == media_type.as_bytes() && self.subtype == subtype.as_bytes()
    }

    fn read(index: usize, bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let cursor = &mut cursor;
        let kind = match cursor.next()? {
            KIND_LEAF => PartKind::Leaf,
            KIND_MULTIPART => PartKind::Multipart,
            KIND_MESSAGE => PartKind::Message,
            _ => return None,
        };
        let parent = usize::try_from(number(cursor)?).ok()?.checked_sub(1);
        let header_start = number(cursor)?;
        let body_start = header_start.checked_add(number(cursor)?)?;
        Some(Self {
            index,
            kind,
            parent,
            header_start,
            body_start,
            body_end: body_start.checked_add(number(cursor)?)?,
            lines: number(cursor)?,
            media_type: sized(cursor)?,
            subtype: sized(cursor)?,
            parameters: Parameters::read(cursor)?,
            id: optional(cursor)?,
            description: optional(cursor)?,
            encoding: optional(cursor)?,
            md5: optional(cursor)?,
            location: optional(cursor)?,
            disposition: match optional(cursor)? {
                Some(value) => Some(DispositionRef {
                    value,
                    parameters: Parameters::read(cursor)?,
                }),
                None => None,
            },
            languages: Strings {
                cursor: Cursor::new(sized(cursor)?),
            },
            envelope: match kind {
                PartKind::Message => EnvelopeRef::read(sized(cursor)?),
                _ => None,
            },
        })
    }
}

/// Iterates over all parts.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    cursor: Cursor<'a>,
    left: u64,
    index: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = PartRef<'a>;

    fn next(&mut self) -> Option<PartRef<'a>> {
        self.left = self.left.checked_sub(1)?;
        let part = PartRef::read(self.index, sized(&mut self.cursor)?)?;
        self.index = self.index.saturating_add(1);
        Some(part)
    }
}

/// Iterates over names and values of parameters.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Parameters<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        Some(Self {
            cursor: Cursor::new(sized(cursor)?),
        })
    }

    /// Whether there are none left.
    pub fn is_empty(&self) -> bool {
        self.cursor.is_at_end()
    }

    /// The readable value of one of them; see [`parameter::text`](super::super::parameter::text).
    pub fn text(self, name: &str) -> Option<String> {
        super::super::parameter::text(self, name)
    }
}

#[allow(
    clippy::copy_iterator,
    reason = "a view that lies in other views; copies start anew"
)]
impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let name = sized(&mut self.cursor)?;
        Some((name, sized(&mut self.cursor)?))
    }
}

/// Iterates over a list of texts.
#[derive(Clone, Copy, Debug)]
pub struct Strings<'a> {
    cursor: Cursor<'a>,
}

impl Strings<'_> {
    /// Whether there are none left.
    pub fn is_empty(&self) -> bool {
        self.cursor.is_at_end()
    }
}

#[allow(
    clippy::copy_iterator,
    reason = "a view that lies in other views; copies start anew"
)]
impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        sized(&mut self.cursor)
    }
}

/// LEB128, at most ten bytes.
fn number(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = cursor.next()?;
    if first < 0x80 {
        return Some(u64::from(first));
    }
    let mut value = u64::from(first & 0x7f);
    for shift in (7..64).step_by(7) {
        let byte = cursor.next()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn signed(cursor: &mut Cursor<'_>) -> Option<i64> {
    let value = number(cursor)?;
    Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
}

fn date(cursor: &mut Cursor<'_>) -> Option<Date> {
    let seconds = signed(cursor)?;
    Some(Date {
        seconds,
        zone_minutes: i16::try_from(signed(cursor)?).ok()?,
    })
}

fn sized<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = number(cursor)?;
    cursor.take(usize::try_from(length).ok()?)
}

/// The outer `None` means damaged, the inner one absent.
#[allow(
    clippy::option_option,
    reason = "the two absences mean different things"
)]
fn optional<'a>(cursor: &mut Cursor<'a>) -> Option<Option<&'a [u8]>> {
    match number(cursor)?.checked_sub(1) {
        None => Some(None),
        Some(length) => Some(Some(cursor.take(usize::try_from(length).ok()?)?)),
    }
}
