//! Properties of messages that are kept, by whatever way they came.
//!
//! What clients set comes first; then what the store's row says, then the summary; only text, HTML
//! and header are read from the letter itself.
//!
//! Source: [MS-OXCMSG] 2.2.1, [MS-OXOMSG] 2.2.1, [MS-OXCMAIL] 2.2.3 (from Internet headers).

mod mailbox;
mod within;

pub use within::Look;

use super::kept::{self, Kept};
use super::message::{Facts, message_flags, tags_of, told};
use super::names::{self, Names};
use super::parts::{self, Data};
use super::{Properties, integer, letter, moment};
use crate::codec::data::{
    FileTime, PredecessorChangeList, PropertyTag, Value, Xid, from_code_page, to_code_page,
};
use crate::content::{Attachment, Content, Recipient, Values};
use crate::convert::read;
use crate::identity::{self, MailboxIdentity};
use crate::object::Logon;
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::account::values::{self, Holder};
use engine::{Account, Details, Flags, ItemRow, Location, PathStep, Reading, Shelf};
use formats::message::{PartRef, SummaryRef};

/// Bytes of a header that are told.
const HEADER_BYTES_MAX: u64 = 256 * 1024;
/// `PidTagInternetCodepage`: that of the HTML.
const CODE_PAGE: u16 = 0x3fde;

/// A message that is kept, with all that the store has of it at hand but its bytes.
#[derive(Debug)]
pub struct ItemProperties<'a> {
    account: &'a Account,
    identity: &'a MailboxIdentity,
    names: &'a Names,
    at: Location,
    row: ItemRow,
    details: Details,
    kept: Kept,
    within: within::Within,
}

const TAGS: [u32; 102] = [
    0x0015_0040,
    0x0017_0003,
    0x001a_001f,
    0x0023_000b,
    0x0026_0003,
    0x0029_000b,
    0x0030_0040,
    0x0032_0040,
    0x0036_0003,
    0x0037_001f,
    0x0039_0040,
    0x003b_0102,
    0x003d_001f,
    0x003f_0102,
    0x0040_001f,
    0x0041_0102,
    0x0042_001f,
    0x0043_0102,
    0x0044_001f,
    0x0046_0102,
    0x004f_0102,
    0x0050_001f,
    0x0051_0102,
    0x0052_0102,
    0x0053_0102,
    0x0057_000b,
    0x0058_000b,
    0x0059_000b,
    0x0064_001f,
    0x0065_001f,
    0x0070_001f,
    0x0071_0102,
    0x0075_001f,
    0x0076_001f,
    0x0077_001f,
    0x0078_001f,
    0x007d_001f,
    0x0c19_0102,
    0x0c1a_001f,
    0x0c1d_0102,
    0x0c1e_001f,
    0x0c1f_001f,
    0x0e02_001f,
    0x0e03_001f,
    0x0e04_001f,
    0x0e06_0040,
    0x0e07_0003,
    0x0e08_0003,
    0x0e09_0102,
    0x0e17_0003,
    0x0e1b_000b,
    0x0e1d_001f,
    0x0e1f_000b,
    0x0e69_000b,
    0x0ff4_0003,
    0x0ff9_0102,
    0x0ffe_0003,
    0x0fff_0102,
    0x1000_001f,
    0x1013_0102,
    0x1016_0003,
    0x1035_001f,
    0x1039_001f,
    0x1042_001f,
    0x1043_001f,
    0x1044_001f,
    0x1045_001f,
    0x1046_001f,
    0x1080_0003,
    0x1081_0003,
    0x1090_0003,
    0x1095_0003,
    0x3007_0040,
    0x3008_0040,
    0x300b_0102,
    0x3013_0102,
    0x3016_000b,
    0x3fd9_001f,
    0x3fde_0003,
    0x3fdf_0003,
    0x3ff1_0003,
    0x3ff8_001f,
    0x3ff9_0102,
    0x3ffa_001f,
    0x3ffb_0102,
    0x3ffd_0003,
    0x4029_001f,
    0x402a_001f,
    0x402b_001f,
    0x5d01_001f,
    0x5d02_001f,
    0x5d05_001f,
    0x5d07_001f,
    0x5d08_001f,
    0x65e0_0102,
    0x65e1_0102,
    0x65e2_0102,
    0x65e3_0102,
    0x6748_0014,
    0x674a_0014,
    0x67a4_0014,
    0x6820_001f,
];

impl<'a> ItemProperties<'a> {
    /// A message at a place; none where its details are gone.
    pub fn load(
        logon: &'a Logon,
        view: &impl Reading,
        at: Location,
        row: ItemRow,
    ) -> Result<Option<Self>, Refusal> {
        let Some(details) = view.details(row.item)? else {
            return Ok(None);
        };
        let values = values::values(view, Holder::Item(row.item), &[])?;
        let kept = kept::read(&logon.account, &logon.names, view, &values)?;
        Ok(Some(Self::of(logon, at, row, details, kept)))
    }

    /// A message of which all that the store has was read already.
    pub fn of(logon: &'a Logon, at: Location, row: ItemRow, details: Details, kept: Kept) -> Self {
        Self {
            account: &logon.account,
            identity: &logon.identity,
            names: &logon.names,
            at,
            row,
            details,
            kept,
            within: within::Within::default(),
        }
    }

    /// The same, looked at for this.
    #[must_use]
    pub fn looked_at(mut self, look: Look) -> Self {
        self.within.look = look;
        self
    }

    /// What the store says of it.
    pub fn row(&self) -> &ItemRow {
        &self.row
    }

    /// What clients set.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// What stands in its summary; none of a letter that has none.
    pub(super) fn summary(&self) -> Option<SummaryRef<'_>> {
        SummaryRef::new(&self.details.summary).ok()
    }

    /// All that is kept of its parts.
    fn tree(&self) -> Result<Vec<(Vec<PathStep>, Kept)>, Refusal> {
        let view = self.account.read()?;
        let tree = values::value_tree(&view, Holder::Item(self.row.item))?;
        let read = |(path, all): (Vec<PathStep>, Vec<_>)| {
            Ok((path, kept::read(self.account, self.names, &view, &all)?))
        };
        tree.into_iter().map(read).collect()
    }

    /// Attachments, with the data of those.
    pub fn attachments(&self, data: Data) -> Result<Vec<Attachment>, Refusal> {
        if self.kept.has_attachments {
            let mut all = parts::attachments(&self.tree()?);
            for (attachment, part) in &mut all {
                if data.is_read(attachment.number) {
                    self.read_part(attachment, *part)?;
                }
            }
            return Ok(all.into_iter().map(|(attachment, _)| attachment).collect());
        }
        self.attachments_within(data)
    }

    /// Reads what is attached out of the letter's part of that number.
    fn read_part(&self, attachment: &mut Attachment, part: Option<u32>) -> Result<(), Refusal> {
        let (Some(part), Some(summary)) = (part, self.summary()) else {
            return Ok(());
        };
        let place = usize::try_from(part).unwrap_or(usize::MAX);
        if let Some(part) = parts::attached(&summary).get(place) {
            parts::put_data(attachment, part, self.decoded(part, u64::MAX)?, 0);
        }
        Ok(())
    }

    /// The first steps to all parts that something is kept of.
    pub fn steps(&self) -> Result<Vec<PathStep>, Refusal> {
        let tree = self.tree()?;
        let steps = tree.iter().filter_map(|(path, _)| path.first().copied());
        let mut steps: Vec<_> = steps
            .filter(|step| !matches!(step, PathStep::Part(_)))
            .collect();
        steps.dedup();
        Ok(steps)
    }

    /// The decoded bytes of what is attached to the letter, in its order.
    pub fn attached_bytes(&self) -> Result<Vec<Vec<u8>>, Refusal> {
        let Some(summary) = self.summary() else {
            return Ok(Vec::new());
        };
        let attached = parts::attached(&summary);
        attached
            .iter()
            .map(|part| self.decoded(part, u64::MAX))
            .collect()
    }

    /// All of it.
    pub fn content(&self) -> Result<Content, Refusal> {
        let mut content = Content {
            recipients: self.recipients()?,
            attachments: self.attachments(Data::Whole)?,
            values: self.kept.values.clone(),
            ..Content::default()
        };
        let told = letter::TOLD.into_iter().chain(letter::OF_HEADER);
        let packed = self.packed_ids()?;
        for id in told.chain([0x0e07, 0x1081, 0x1090]).chain(packed) {
            if !content.values.contains_key(&id) {
                let value = self.raw(id)?;
                content.values.extend(value.map(|value| (id, value)));
            }
        }
        self.add_named(&mut content)?;
        Ok(content)
    }

    /// Adds what the letter says under names: by their identifiers, where they have some.
    fn add_named(&self, content: &mut Content) -> Result<(), Refusal> {
        let view = self.account.read()?;
        for (name, value) in self.named()? {
            match names::id_of_name(&view, &name)? {
                Some(id) if self.kept.gone.contains(&id) => {}
                Some(id) => drop(content.values.entry(id).or_insert(value)),
                None => content.named.push((name, value)),
            }
        }
        Ok(())
    }

    /// Whether the letter itself has this property, whatever clients set.
    pub fn is_of_letter(&self, id: u16) -> Result<bool, Refusal> {
        Ok(self.of_letter(id)?.is_some())
    }

    /// The bytes of a part, as they were before they were made ready for the way.
    fn decoded(&self, part: &PartRef<'_>, bytes_max: u64) -> Result<Vec<u8>, Refusal> {
        let message = self
            .account
            .message_with_prefix(&self.row, self.details.prefix.clone());
        let range = read::range_of(part);
        let start = range.start.saturating_add(message.prefix_len());
        let size = range.end.saturating_sub(range.start).min(bytes_max);
        let raw = message.read(start..start.saturating_add(size))?;
        Ok(read::data_of(part, raw.to_vec()))
    }

    /// The HTML of the letter, in the code page that a client said it is in.
    fn in_asked_code_page(&self, html: Bytes) -> Result<Option<Value>, Refusal> {
        let page = |value: Option<Value>| match value {
            Some(Value::Integer32(page)) => u32::try_from(page).ok(),
            _ => None,
        };
        let asked = page(self.kept.values.get(&CODE_PAGE).cloned());
        Ok(Some(Value::Binary(
            match (asked, page(self.of_letter(CODE_PAGE)?)) {
                (Some(asked), Some(own)) if asked != own => {
                    to_code_page(asked, &from_code_page(own, &html)).into()
                }
                _ => html,
            },
        )))
    }

    /// Source: [MS-OXCMSG] 2.2.1.6.
    fn message_flags(&self) -> i32 {
        use message_flags as bit;
        let has = |flag: Flags| self.row.flags.contains(flag);
        let is_draft = has(Flags::DRAFT);
        let bits = [
            (has(Flags::SEEN), bit::READ | bit::EVER_READ),
            (is_draft, bit::UNSENT),
            (!is_draft, bit::UNMODIFIED),
            (has(Flags::SUBMIT_PENDING), bit::SUBMITTED),
            (
                self.has_attachments().unwrap_or(false),
                bit::HAS_ATTACHMENTS,
            ),
            (self.at.shelf == Shelf::Associated, bit::ASSOCIATED),
        ];
        let set = bits.into_iter().filter(|(is_set, _)| *is_set);
        set.fold(0, |all, (_, bit)| all | bit)
    }

    fn header(&self) -> Result<Vec<u8>, Refusal> {
        let message = self
            .account
            .message_with_prefix(&self.row, self.details.prefix.clone());
        let end = self
            .summary()
            .and_then(|summary| summary.top())
            .map(|top| top.body_start);
        let end = end.unwrap_or_default().saturating_add(message.prefix_len());
        Ok(message.read(0..end.min(HEADER_BYTES_MAX))?.to_vec())
    }

    fn change_key(&self) -> Xid {
        let number = self.row.changed.0;
        let counter = crate::codec::data::GlobalCounter::new(number).unwrap_or_default();
        Xid::new(self.identity.replica, counter)
    }

    /// Those of the row and of the change log.
    fn of_row(&self, id: u16) -> Option<Value> {
        let binary = |bytes: Vec<u8>| Value::Binary(bytes.into());
        let time = |time: engine::Timestamp| Value::Time(FileTime::from_unix(time.0));
        Some(match id {
            0x0e07 => Value::Integer32(self.message_flags()),
            0x0e09 => binary(self.identity.folder_entry(self.at.folder)),
            0x0ff9 | 0x0fff => binary(self.identity.message_entry(self.at.folder, self.row.place)),
            0x0039 => moment(self.details.sent?)?,
            0x3007 => time(self.details.created),
            0x65e0 => binary(self.identity.key(self.row.place.0)),
            0x65e1 => binary(self.identity.key(self.at.folder.0)),
            0x65e2 => binary(self.change_key().to_bytes()),
            0x65e3 => {
                let mut list = PredecessorChangeList::default();
                list.add(self.change_key());
                binary(list.to_bytes())
            }
            // The same for all copies.
            0x300b => binary(
                self.identity
                    .key(self.details.shared_content(self.row.content).0),
            ),
            // The usual flag is red.
            0x1095 if self.row.flags.contains(Flags::FLAGGED) => Value::Integer32(6),
            0x1080 if self.row.flags.contains(Flags::ANSWERED) => Value::Integer32(0x105),
            0x1080 if self.row.flags.contains(Flags::FORWARDED) => Value::Integer32(0x106),
            0x1081 if self.row.flags.contains(Flags::ANSWERED) => Value::Integer32(102),
            0x1081 if self.row.flags.contains(Flags::FORWARDED) => Value::Integer32(104),
            0x6748 => id_value(identity::folder_id(self.at.folder)),
            // A row of a table that is no heading, and the only one of its message.
            0x0ff5 => Value::Integer32(1),
            0x674e => Value::Integer32(0),
            _ => return of_bare_row(&self.row, id),
        })
    }
}

/// Of a message whose details were not read: what its row in the store and what clients set say of
/// [`OF_BARE_ROW`].
#[derive(Debug)]
pub struct BareProperties<'a> {
    /// Its row.
    pub row: &'a ItemRow,
    /// What clients set.
    pub kept: &'a Values,
}

/// Delivery time, size, read, follow-up, time of change, and numbers.
pub const OF_BARE_ROW: [u16; 7] = [0x0e06, 0x0e08, 0x0e69, 0x1090, 0x3008, 0x674a, 0x67a4];

impl Properties for BareProperties<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        let is_bare = |tag: &u32| OF_BARE_ROW.contains(&PropertyTag(*tag).id());
        TAGS.into_iter().filter(is_bare).map(PropertyTag).collect()
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        if id == 0x0e69 {
            let is_read = self.row.flags.contains(Flags::SEEN);
            return Ok(Some(Value::Boolean(is_read)));
        }
        let set = set_by_clients(self.row, self.kept, id);
        Ok(set.cloned().or_else(|| of_bare_row(self.row, id)))
    }
}

fn of_bare_row(row: &ItemRow, id: u16) -> Option<Value> {
    let time = |time: engine::Timestamp| Value::Time(FileTime::from_unix(time.0));
    Some(match id {
        0x0e06 => time(row.received),
        0x0e08 => integer(row.size),
        // Follow-up: the flag that all programs know says whether.
        0x1090 if row.flags.contains(Flags::FLAGGED) => Value::Integer32(2),
        0x3008 => time(row.modified),
        0x674a | 0x674d => id_value(identity::message_id(row.place)),
        0x67a4 => Value::Integer64(identity::as_integer(identity::change_number(row.changed))),
        _ => return None,
    })
}

/// What clients set. Whether a message is flagged, answered or forwarded is known to all programs;
/// only that it is done, and in which way it was answered, is kept here.
fn set_by_clients<'a>(row: &ItemRow, kept: &'a Values, id: u16) -> Option<&'a Value> {
    let has = |flag| row.flags.contains(flag);
    kept.get(&id).filter(|value| match (id, value) {
        (0x1090, value) => !has(Flags::FLAGGED) && **value == Value::Integer32(1),
        (0x1081, Value::Integer32(102 | 103)) => has(Flags::ANSWERED),
        (0x1081, Value::Integer32(104)) => has(Flags::FORWARDED),
        _ => true,
    })
}

fn id_value(id: crate::codec::data::ObjectId) -> Value {
    Value::Integer64(identity::as_integer(id))
}

impl Facts for ItemProperties<'_> {
    fn raw(&self, id: u16) -> Result<Option<Value>, Refusal> {
        if let Some(value) = set_by_clients(&self.row, &self.kept.values, id) {
            return Ok(Some(value.clone()));
        }
        if let Some(value) = self.of_row(id) {
            return Ok(Some(value));
        }
        if self.kept.gone.contains(&id) {
            return Ok(None);
        }
        match self.of_letter(id)? {
            None => self.of_mailbox(id),
            Some(Value::Binary(html)) if id == 0x1013 => self.in_asked_code_page(html),
            told => Ok(told),
        }
    }

    fn recipients(&self) -> Result<Vec<Recipient>, Refusal> {
        if self.kept.has_recipients {
            return Ok(parts::recipients(&self.tree()?));
        }
        Ok(self.summary().map(letter::recipients).unwrap_or_default())
    }

    fn has_attachments(&self) -> Result<bool, Refusal> {
        if self.kept.has_attachments {
            let all = self.attachments(Data::Without)?;
            return Ok(all.iter().any(super::message::is_visible));
        }
        self.has_attachments_within()
    }

    /// Made of the store's own number of the conversation, so that letters by other programs are
    /// in one conversation with their answers, however these came.
    fn conversation(&self) -> Option<Bytes> {
        self.summary()?;
        let number = self.details.conversation_of(self.row.item).0;
        let mut guid = self.identity.mailbox.0;
        for (byte, own) in guid.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= own;
        }
        let time = FileTime::from_unix(self.row.received.0).0 >> 24;
        let [_, _, _, time @ ..] = time.to_be_bytes();
        Some([[1].as_slice(), &time, &guid].concat().into())
    }
}

impl Properties for ItemProperties<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        let mut tags = TAGS.map(PropertyTag).to_vec();
        tags.extend(tags_of(&self.kept.values));
        // What can't be read now is not told of.
        let within = self.tags_within().unwrap_or_default().into_iter();
        tags.extend(within.filter(|tag| !self.kept.gone.contains(&tag.id())));
        tags.sort_by_key(|tag| tag.id());
        tags.dedup_by_key(|tag| tag.id());
        tags
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        told(self, id)
    }

    /// Source: [MS-OXCMSG] 2.2.1.47, 2.2.1.48 (recipients and attachments as properties).
    fn parts(&self, id: u16) -> Result<Vec<Values>, Refusal> {
        Ok(match id {
            0x0e12 => {
                let all = self.recipients()?.into_iter();
                let all = all.map(|mut one| {
                    let kind = Value::Integer32((one.kind & 0x0f).into());
                    one.values.insert(0x0c15, kind);
                    one.values
                });
                all.collect()
            }
            0x0e13 => {
                let all = self.attachments(Data::Without)?.into_iter();
                all.map(|one| one.values).collect()
            }
            _ => return Err(Refusal::TooComplex),
        })
    }
}
