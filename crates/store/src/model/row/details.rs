//! What lists and answers need of an item beyond its row: 200 to 500 bytes as a rule.

use crate::error::StoreError;
use crate::id::{AccountId, ChangeSeq, ContentId, ConversationId, ItemKey, Timestamp};
use crate::model::codec::{Decoder, Encoder, Row, VERSION, bit, corrupt};
use crate::model::shelf::Location;
use bytes::Bytes;

/// Longest prefix in bytes: trace and verdict header lines for one recipient; a row must hold it.
pub const PREFIX_BYTES_MAX: usize = 8 * 1024;
/// Longest summary in bytes; with the longest prefix it must fit into one value.
pub const SUMMARY_BYTES_MAX: usize = 20 * 1024;
/// Longest lineage in bytes.
pub const LINEAGE_BYTES_MAX: usize = 3 * 1024;

/// The version history of an item that came from another store ([MS-OXCFXICS] 2.2.1.2.7,
/// 2.2.1.2.8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lineage {
    /// The `changed` stamp that it belongs to; after a later change the foreign key is history
    /// only.
    pub changed: ChangeSeq,
    /// The key of this version in the store it came from.
    pub change_key: Bytes,
    /// The keys of all versions before, as they came.
    pub predecessors: Bytes,
}

/// Names of one item that lead others to its conversation; those after them are only looked up.
pub const CONVERSATION_NAMES_MAX: usize = 3;

/// The conversation that an item was found to belong to when it came. It never changes, so that
/// what clients were told of it stays true.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conversation {
    /// Which.
    pub id: ConversationId,
    /// What leads others here, the surest first: hashes that mean nothing to the store.
    pub names: Vec<u64>,
}

/// An item's details.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// Where it stood first. As long as it stands there, nothing else says where it is.
    pub born: Option<Location>,
    /// Set on a copy whose bytes are still those of its source: the content id that the first of
    /// these copies had in this account. Copies of the copy have the same, and moving keeps it.
    pub original: Option<ContentId>,
    /// Header lines put before the body for this recipient; at most [`PREFIX_BYTES_MAX`].
    pub prefix: Bytes,
    /// Envelope, structure, preview …: written and read by the engine, opaque here.
    pub summary: Bytes,
    /// The date the sender gave.
    pub sent: Option<Timestamp>,
    /// When the item was made.
    pub created: Timestamp,
    /// Who made it; 0 for the server itself.
    pub creator: AccountId,
    /// Who last changed its content.
    pub modifier: AccountId,
    /// Set on items that came from another store.
    pub lineage: Option<Lineage>,
    /// Absent on an item that began its own and has no names.
    pub conversation: Option<Conversation>,
}

const HAS_SENT: u8 = 1;
const HAS_LINEAGE: u8 = 2;
const HAS_BORN: u8 = 4;
const HAS_ORIGINAL: u8 = 8;
const HAS_CONVERSATION: u8 = 16;

impl Details {
    /// Where an item stood first, without reading the rest of its row.
    pub(crate) fn birthplace(value: &[u8]) -> Result<Option<Location>, StoreError> {
        let mut input = Decoder::new(value);
        if input.byte()? != VERSION {
            return Err(corrupt("details of an unknown version"));
        }
        let bits = input.byte()?;
        read_born(bits, &mut input)
    }

    /// The name that an item has in common with all its copies of the same bytes in its account:
    /// EMAILID (RFC 8474 §5.1). Unlike the content id, it does not tell them apart.
    pub fn shared_content(&self, own: ContentId) -> ContentId {
        self.original.unwrap_or(own)
    }

    /// The conversation of the item that these are the details of.
    pub fn conversation_of(&self, item: ItemKey) -> ConversationId {
        let kept = self.conversation.as_ref();
        kept.map_or(ConversationId(item.0), |kept| kept.id)
    }

    /// Reads a whole value without copying its longer parts.
    pub(crate) fn share(value: &Bytes) -> Result<Self, StoreError> {
        let mut input = Decoder::new(value);
        if input.byte()? != VERSION {
            return Err(corrupt("details of an unknown version"));
        }
        let details = Self::read_keeping(&mut input, &|bytes| value.slice_ref(bytes))?;
        if input.is_empty() {
            Ok(details)
        } else {
            Err(corrupt("details longer than their fields"))
        }
    }

    fn read_keeping(
        input: &mut Decoder<'_>,
        keep: &dyn Fn(&[u8]) -> Bytes,
    ) -> Result<Self, StoreError> {
        let bits = input.byte()?;
        Ok(Self {
            born: read_born(bits, input)?,
            original: match bits & HAS_ORIGINAL {
                0 => None,
                _ => Some(ContentId(input.number()?)),
            },
            prefix: keep(input.bytes()?),
            summary: keep(input.bytes()?),
            sent: match bits & HAS_SENT {
                0 => None,
                _ => Some(Timestamp(input.signed()?)),
            },
            created: Timestamp(input.signed()?),
            creator: AccountId(input.number32()?),
            modifier: AccountId(input.number32()?),
            lineage: match bits & HAS_LINEAGE {
                0 => None,
                _ => Some(Lineage {
                    changed: ChangeSeq(input.number()?),
                    change_key: keep(input.bytes()?),
                    predecessors: keep(input.bytes()?),
                }),
            },
            conversation: match bits & HAS_CONVERSATION {
                0 => None,
                _ => Some(read_conversation(input)?),
            },
        })
    }

    fn bits(&self) -> u8 {
        bit(self.sent.is_some(), HAS_SENT)
            | bit(self.lineage.is_some(), HAS_LINEAGE)
            | bit(self.born.is_some(), HAS_BORN)
            | bit(self.original.is_some(), HAS_ORIGINAL)
            | bit(self.conversation.is_some(), HAS_CONVERSATION)
    }
}

fn read_born(bits: u8, input: &mut Decoder<'_>) -> Result<Option<Location>, StoreError> {
    match bits & HAS_BORN {
        0 => Ok(None),
        _ => Location::read(input).map(Some),
    }
}

fn read_conversation(input: &mut Decoder<'_>) -> Result<Conversation, StoreError> {
    let id = ConversationId(input.number()?);
    let count = input.length()?;
    let names = (0..count).map(|_| input.array().map(u64::from_be_bytes));
    Ok(Conversation {
        id,
        names: names.collect::<Result<_, _>>()?,
    })
}

impl Row for Details {
    fn len_hint(&self) -> usize {
        self.prefix.len() + self.summary.len() + 64
    }

    fn write(&self, out: &mut Encoder) {
        out.byte(self.bits());
        if let Some(born) = &self.born {
            born.write(out); // First, because it is asked for alone.
        }
        if let Some(original) = self.original {
            out.number(original.0);
        }
        out.bytes(&self.prefix);
        out.bytes(&self.summary);
        if let Some(sent) = self.sent {
            out.signed(sent.0);
        }
        out.signed(self.created.0);
        out.number(u64::from(self.creator.0));
        out.number(u64::from(self.modifier.0));
        if let Some(lineage) = &self.lineage {
            out.number(lineage.changed.0);
            out.bytes(&lineage.change_key);
            out.bytes(&lineage.predecessors);
        }
        if let Some(Conversation { id, names }) = &self.conversation {
            out.number(id.0);
            out.number(names.len() as u64);
            for name in names {
                out.raw(&name.to_be_bytes());
            }
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Self::read_keeping(input, &Bytes::copy_from_slice)
    }
}
