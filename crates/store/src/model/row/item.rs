//! The row of an item that lists and scans read; at most 96 bytes with up to a dozen keywords.

use super::folder::numbered;
use crate::error::StoreError;
use crate::id::{BodyNumber, ChangeSeq, ContentId, ItemKey, PlaceId, Timestamp};
use crate::model::codec::{Decoder, Encoder, Row, bit, corrupt};
use crate::model::flags::{FlagSet, Flags, Keywords};
use crate::model::shelf::Shelf;

numbered! {
    /// What an item is.
    Kind {
        /// A letter.
        Mail = 0,
        /// Something in a calendar.
        Event = 1,
        /// A person, company or list of them.
        Contact = 2,
        /// Something to do.
        Task = 3,
        /// A note.
        Note = 4,
        /// Anything else.
        Other = 5,
    }
}

/// When and from where an item was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// The time of removal.
    pub at: Timestamp,
    /// The shelf it stood on and returns to.
    pub from: Shelf,
}

/// What is known of an item without looking at its details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemRow {
    /// Its internal name.
    pub item: ItemKey,
    /// Its name while it stays in this folder.
    pub place: PlaceId,
    /// Its name while its bytes stay as they are.
    pub content: ContentId,
    /// What it is.
    pub kind: Kind,
    /// Flags with a bit.
    pub flags: Flags,
    /// All other keywords.
    pub keywords: Keywords,
    /// The last change of anything but the seen flag.
    pub changed: ChangeSeq,
    /// The last change of the seen flag alone; 0 if never since it was made.
    pub read_changed: ChangeSeq,
    /// Prefix and body together, in bytes.
    pub size: u64,
    /// When it was received (the internal date).
    pub received: Timestamp,
    /// The zone in which that time was given, in minutes east of Greenwich; 0 if none was given.
    pub received_zone_minutes: i16,
    /// When anything of it last changed.
    pub modified: Timestamp,
    /// When it came to this place, if that was later than it was made ([`Details::created`]).
    ///
    /// [`Details::created`]: super::Details::created
    pub placed: Option<Timestamp>,
    /// Its body, if it has one.
    pub body: Option<BodyNumber>,
    /// Set on the recoverable shelf.
    pub removed: Option<Removed>,
    /// Bytes of what was noted of it, as far as they count for a limit
    /// ([`AccountRow::quota_annotation_bytes`]).
    ///
    /// [`AccountRow::quota_annotation_bytes`]: super::AccountRow::quota_annotation_bytes
    pub annotation_bytes: u32,
}

const HAS_PLACE: u8 = 1;
const HAS_CONTENT: u8 = 2;
const HAS_BODY: u8 = 4;
const HAS_REMOVED: u8 = 8;
/// The kind stands in the three bits above.
const KIND_SHIFT: u32 = 4;
const KIND_MASK: u8 = 7;
const HAS_ZONE: u8 = 128;
/// Stands for no time of placing where a field follows it; no such time lies in that year.
const NOT_PLACED: i64 = i64::MIN;

impl ItemRow {
    /// The later of the two stamps: what MODSEQ (RFC 7162 §3.1) and JMAP states are made of.
    pub fn last_change(&self) -> ChangeSeq {
        self.changed.max(self.read_changed)
    }

    /// Flags and keywords together.
    pub fn flag_set(&self) -> FlagSet {
        FlagSet {
            flags: self.flags,
            keywords: self.keywords.clone(),
        }
    }

    /// The day on which it was received, in the zone that was given, as days since 1970-01-01.
    pub fn received_day(&self) -> i64 {
        let local = i64::from(self.received_zone_minutes).saturating_mul(60);
        let local = self.received.seconds().saturating_add(local);
        local.div_euclid(24 * 60 * 60)
    }

    fn bits(&self) -> u8 {
        bit(self.place.0 != self.item.0, HAS_PLACE)
            | bit(self.content.0 != self.item.0, HAS_CONTENT)
            | bit(self.body.is_some(), HAS_BODY)
            | bit(self.removed.is_some(), HAS_REMOVED)
            | bit(self.received_zone_minutes != 0, HAS_ZONE)
            | (self.kind.number() << KIND_SHIFT)
    }
}

fn read_annotation_bytes(input: &mut Decoder<'_>) -> Result<u32, StoreError> {
    match input.number32()? {
        0 => Err(corrupt("a count of nothing")), // That is not written.
        bytes => Ok(bytes),
    }
}

impl Row for ItemRow {
    fn write(&self, out: &mut Encoder) {
        out.byte(self.bits());
        out.number(self.item.0);
        if self.place.0 != self.item.0 {
            out.number(self.place.0);
        }
        if self.content.0 != self.item.0 {
            out.number(self.content.0);
        }
        out.number(u64::from(self.flags.0));
        self.keywords.write(out);
        out.number(self.changed.0);
        out.number(self.read_changed.0);
        out.number(self.size);
        out.signed(self.received.0);
        if self.received_zone_minutes != 0 {
            out.signed(i64::from(self.received_zone_minutes));
        }
        // Most items are modified soon after they came, so the difference is short.
        out.signed(self.modified.0.wrapping_sub(self.received.0));
        if let Some(body) = self.body {
            out.number(body.0);
        }
        if let Some(removed) = self.removed {
            out.signed(removed.at.0);
            out.byte(removed.from.number());
        }
        // The last fields need no bit: they are there if anything is.
        match self.placed {
            Some(placed) => out.signed(placed.0.wrapping_sub(self.received.0)),
            None if self.annotation_bytes > 0 => out.signed(NOT_PLACED),
            None => {}
        }
        if self.annotation_bytes > 0 {
            out.number(u64::from(self.annotation_bytes));
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        let bits = input.byte()?;
        let item = input.number()?;
        let place = if bits & HAS_PLACE == 0 {
            item
        } else {
            input.number()?
        };
        let content = if bits & HAS_CONTENT == 0 {
            item
        } else {
            input.number()?
        };
        let flags = Flags(input.number32()?);
        let keywords = Keywords::read(input)?;
        let changed = ChangeSeq(input.number()?);
        let read_changed = ChangeSeq(input.number()?);
        let size = input.number()?;
        let received = Timestamp(input.signed()?);
        let received_zone_minutes = match bits & HAS_ZONE {
            0 => 0,
            _ => i16::try_from(input.signed()?).map_err(|_| corrupt("zone out of range"))?,
        };
        Ok(Self {
            item: ItemKey(item),
            place: PlaceId(place),
            content: ContentId(content),
            kind: Kind::from_number(bits >> KIND_SHIFT & KIND_MASK)
                .map_err(|_| corrupt("unknown kind"))?,
            flags,
            keywords,
            changed,
            read_changed,
            size,
            received,
            received_zone_minutes,
            modified: Timestamp(received.0.wrapping_add(input.signed()?)),
            body: match bits & HAS_BODY {
                0 => None,
                _ => Some(BodyNumber(input.number()?)),
            },
            removed: match bits & HAS_REMOVED {
                0 => None,
                _ => Some(Removed {
                    at: Timestamp(input.signed()?),
                    from: Shelf::from_number(u64::from(input.byte()?))?,
                }),
            },
            placed: if input.is_empty() {
                None
            } else {
                let since_received = Some(input.signed()?).filter(|&since| since != NOT_PLACED);
                since_received.map(|since| Timestamp(received.0.wrapping_add(since)))
            },
            annotation_bytes: if input.is_empty() {
                0
            } else {
                read_annotation_bytes(input)?
            },
        })
    }
}
