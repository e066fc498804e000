//! Properties of letters, as they came by whatever way.
//!
//! What lists show stands in the store's row and the summary; only text, HTML and header are read
//! from the letter itself.
//!
//! Source: [MS-OXCMSG] 2.2.1, [MS-OXOMSG] 2.2.1, [MS-OXCMAIL] 2.2.3 (from Internet headers).

use super::{Properties, integer};
use crate::codec::data::{
    EntryId, FileTime, OneOffEntryId, PredecessorChangeList, PropertyTag, Value, Xid,
};
use crate::identity::{self, MailboxIdentity};
use crate::refusal::Refusal;
use engine::{Account, Details, Flags, ItemRow, Location};
use formats::message::decode::{self, Encoding};
use formats::message::encoded_word;
use formats::message::{Addresses, EntryRef, EnvelopeRef, PartRef, SummaryRef, charset};

/// Bytes of one text that are read; what is longer is cut.
const TEXT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of a header that are told.
const HEADER_BYTES_MAX: u64 = 256 * 1024;

/// A letter, with all that the store has of it at hand but its bytes.
#[derive(Debug)]
pub struct ItemProperties<'a> {
    account: &'a Account,
    identity: &'a MailboxIdentity,
    at: Location,
    row: ItemRow,
    details: Details,
}

/// A sender or recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// The name to show: the address where there is none.
    pub name: String,
    /// The address.
    pub address: String,
}

const TAGS: [u32; 46] = [
    0x0017_0003,
    0x001a_001f,
    0x0036_0003,
    0x0037_001f,
    0x0039_0040,
    0x003b_0102,
    0x003d_001f,
    0x0041_0102,
    0x0042_001f,
    0x0064_001f,
    0x0065_001f,
    0x0070_001f,
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
    0x0e1b_000b,
    0x0e1d_001f,
    0x0e69_000b,
    0x0ff4_0003,
    0x0ffe_0003,
    0x0fff_0102,
    0x1000_001f,
    0x1013_0102,
    0x1035_001f,
    0x1039_001f,
    0x1042_001f,
    0x3007_0040,
    0x3008_0040,
    0x3fd9_001f,
    0x3fde_0003,
    0x65e0_0102,
    0x65e1_0102,
    0x65e2_0102,
    0x65e3_0102,
    0x6748_0014,
    0x674a_0014,
];

impl<'a> ItemProperties<'a> {
    /// A letter at a place.
    pub fn new(
        account: &'a Account,
        identity: &'a MailboxIdentity,
        at: Location,
        row: ItemRow,
        details: Details,
    ) -> Self {
        Self {
            account,
            identity,
            at,
            row,
            details,
        }
    }

    /// What stands in its summary; none of a letter that has none.
    fn summary(&self) -> Option<SummaryRef<'_>> {
        SummaryRef::new(&self.details.summary).ok()
    }

    fn envelope(&self) -> Option<EnvelopeRef<'_>> {
        self.summary().map(|summary| summary.envelope())
    }

    /// The whole subject.
    pub fn subject(&self) -> String {
        let envelope = self.envelope();
        let subject = envelope.and_then(|envelope| envelope.subject);
        subject.map(encoded_word::decode).unwrap_or_default()
    }

    /// `RE: ` and its like, and the rest: the prefix has at most three letters or digits before
    /// the colon. Source: [MS-OXCMSG] 3.2.5.2 (the subject's two parts).
    pub fn subject_parts(&self) -> (String, String) {
        let subject = self.subject();
        let prefix = subject.split_once(": ").filter(|(before, _)| {
            (1..=3).contains(&before.chars().count()) && before.chars().all(char::is_alphabetic)
        });
        match prefix {
            Some((before, rest)) => (format!("{before}: "), rest.to_owned()),
            None => (String::new(), subject),
        }
    }

    /// Recipients: To (1), Cc (2), Bcc (3), in their order.
    pub fn recipients(&self) -> Vec<(u8, Correspondent)> {
        let Some(envelope) = self.envelope() else {
            return Vec::new();
        };
        let fields = [(1, envelope.to()), (2, envelope.cc()), (3, envelope.bcc())];
        let of_field = |(kind, field)| correspondents(field).map(move |one| (kind, one));
        fields.into_iter().flat_map(of_field).collect()
    }

    fn sender(&self) -> Option<Correspondent> {
        let envelope = self.envelope()?;
        correspondents(envelope.sender())
            .next()
            .or_else(|| correspondents(envelope.from()).next())
    }

    fn author(&self) -> Option<Correspondent> {
        correspondents(self.envelope()?.from()).next()
    }

    fn shown(&self, kind: u8) -> Value {
        let names = self.recipients().into_iter();
        let names = names.filter(|(of, _)| *of == kind).map(|(_, one)| one.name);
        Value::Unicode(names.collect::<Vec<_>>().join("; "))
    }

    /// Source: [MS-OXCMSG] 2.2.1.6.
    fn message_flags(&self) -> i32 {
        let has = |flag: Flags| self.row.flags.0 & flag.0 != 0;
        let bits = [
            (has(Flags::SEEN), 0x0001 | 0x0400),
            (has(Flags::DRAFT), 0x0008),
            (self.has_attachment(), 0x0010),
        ];
        let set = bits.into_iter().filter(|(is_set, _)| *is_set);
        // Unmodified since it came, but for drafts.
        let unmodified = if has(Flags::DRAFT) { 0 } else { 0x0002 };
        set.fold(unmodified, |all, (_, bit)| all | bit)
    }

    fn has_attachment(&self) -> bool {
        self.summary()
            .is_some_and(|summary| summary.has_attachment())
    }

    /// The first text of a type that is not an attachment, as bytes in UTF-8.
    fn text(&self, subtype: &str) -> Result<Option<String>, Refusal> {
        let Some(summary) = self.summary() else {
            return Ok(None);
        };
        let is_shown = |part: &PartRef<'_>| {
            let is_attached = part
                .disposition
                .as_ref()
                .is_some_and(|disposition| disposition.value.eq_ignore_ascii_case(b"attachment"));
            part.is("text", subtype) && !is_attached
        };
        let Some(part) = summary.parts().find(is_shown) else {
            return Ok(None);
        };
        let message = self
            .account
            .message_with_prefix(&self.row, self.details.prefix.clone());
        let start = part.body_start.saturating_add(message.prefix_len());
        let size = part.body_size().min(TEXT_BYTES_MAX);
        let raw = message.read(start..start.saturating_add(size))?;
        let bytes = decode::all(Encoding::named(part.encoding), &raw);
        let label = part.parameters.text("charset").unwrap_or_default();
        Ok(Some(
            charset::to_utf8(label.as_bytes(), &bytes).into_owned(),
        ))
    }

    fn header(&self) -> Result<String, Refusal> {
        let message = self
            .account
            .message_with_prefix(&self.row, self.details.prefix.clone());
        let end = self
            .summary()
            .and_then(|summary| summary.top())
            .map(|top| top.body_start);
        let end = end.unwrap_or_default().saturating_add(message.prefix_len());
        let bytes = message.read(0..end.min(HEADER_BYTES_MAX))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
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
            0x0e06 => time(self.row.received),
            0x0e07 => Value::Integer32(self.message_flags()),
            0x0e08 => integer(self.row.size),
            0x0e09 => binary(self.identity.folder_entry(self.at.folder)),
            0x0e1b => Value::Boolean(self.has_attachment()),
            0x0e69 => Value::Boolean(self.row.flags.0 & Flags::SEEN.0 != 0),
            0x0fff => binary(self.identity.message_entry(self.at.folder, self.row.place)),
            0x3007 => time(self.details.created),
            0x3008 => time(self.row.modified),
            0x65e0 => binary(self.identity.key(self.row.place.0)),
            0x65e1 => binary(self.identity.key(self.at.folder.0)),
            0x65e2 => binary(self.change_key().to_bytes()),
            0x65e3 => {
                let mut list = PredecessorChangeList::default();
                list.add(self.change_key());
                binary(list.to_bytes())
            }
            0x6748 => id_value(identity::folder_id(self.at.folder)),
            0x674a => id_value(identity::message_id(self.row.place)),
            _ => return None,
        })
    }

    /// Those of the sender, and of whom the sender stands for.
    fn of_people(&self, id: u16) -> Option<Value> {
        let text = |text: String| Value::Unicode(text);
        let person = match id {
            0x0c19 | 0x0c1a | 0x0c1d | 0x0c1e | 0x0c1f => self.sender()?,
            0x003b | 0x0041 | 0x0042 | 0x0064 | 0x0065 => self.author()?,
            0x0e02 => return Some(self.shown(3)),
            0x0e03 => return Some(self.shown(2)),
            0x0e04 => return Some(self.shown(1)),
            _ => return None,
        };
        Some(match id {
            0x0c1a | 0x0042 => text(person.name),
            0x0c1e | 0x0064 => text("SMTP".to_owned()),
            0x0c1f | 0x0065 => text(person.address),
            0x0c19 | 0x0041 => Value::Binary(person.entry_id().into()),
            _ => Value::Binary(person.search_key().into()),
        })
    }

    /// Those of the letter's own header, by its envelope.
    fn of_envelope(&self, id: u16) -> Option<Value> {
        let raw = |bytes: &[u8]| Value::Unicode(String::from_utf8_lossy(bytes).into_owned());
        Some(match id {
            0x0037 => Value::Unicode(self.subject()),
            0x003d => Value::Unicode(self.subject_parts().0),
            0x0e1d | 0x0070 => Value::Unicode(self.subject_parts().1),
            0x0039 => Value::Time(FileTime::from_unix(self.details.sent?.0)),
            0x1035 => raw(self.envelope()?.message_id?),
            0x1042 => raw(self.envelope()?.in_reply_to?),
            0x1039 => {
                let references: Vec<_> = self.summary()?.references().collect();
                (!references.is_empty()).then(|| raw(&references.join(b" ".as_slice())))?
            }
            0x3fd9 => Value::Unicode(self.summary()?.preview().to_owned()),
            _ => return None,
        })
    }
}

fn id_value(id: crate::codec::data::ObjectId) -> Value {
    Value::Integer64(identity::as_integer(id))
}

fn correspondents(field: Addresses<'_>) -> impl Iterator<Item = Correspondent> {
    field.filter_map(|entry| match entry {
        EntryRef::Mailbox {
            name,
            local,
            domain,
        } => {
            let local = String::from_utf8_lossy(local);
            let address = match domain {
                [] => local.into_owned(),
                domain => format!("{local}@{}", String::from_utf8_lossy(domain)),
            };
            let name = name
                .map(encoded_word::decode)
                .filter(|name| !name.is_empty());
            Some(Correspondent {
                name: name.unwrap_or_else(|| address.clone()),
                address,
            })
        }
        EntryRef::GroupStart(_) | EntryRef::GroupEnd => None,
    })
}

impl Correspondent {
    /// An address that stands in no address book.
    pub fn entry_id(&self) -> Vec<u8> {
        EntryId::OneOff(OneOffEntryId::smtp(&self.name, &self.address)).to_bytes()
    }

    /// By which clients compare people. Source: [MS-OXCDATA] 2.2.5.
    pub fn search_key(&self) -> Vec<u8> {
        let text = format!("SMTP:{}", self.address.to_uppercase());
        [text.as_bytes(), &[0]].concat()
    }
}

impl Properties for ItemProperties<'_> {
    fn tags(&self) -> Vec<PropertyTag> {
        TAGS.map(PropertyTag).to_vec()
    }

    fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
        let fixed = match id {
            // Importance and sensitivity are normal, the object is a message that may be read, its
            // HTML is in UTF-8.
            0x0017 => Some(Value::Integer32(1)),
            0x001a => Some(Value::Unicode("IPM.Note".to_owned())),
            0x0036 => Some(Value::Integer32(0)),
            0x0ff4 => Some(Value::Integer32(0x02)),
            0x0ffe => Some(Value::Integer32(5)),
            0x3fde => Some(Value::Integer32(65001)),
            0x007d => Some(Value::Unicode(self.header()?)),
            0x1000 => self.text("plain")?.map(Value::Unicode),
            0x1013 => self
                .text("html")?
                .map(|html| Value::Binary(html.into_bytes().into())),
            _ => None,
        };
        let found = fixed
            .or_else(|| self.of_row(id))
            .or_else(|| self.of_people(id));
        Ok(found.or_else(|| self.of_envelope(id)))
    }
}
