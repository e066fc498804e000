//! Names of keywords and properties, interned for each account so that rows hold numbers.

use crate::error::StoreError;
use crate::id::Guid;
use crate::model::codec::{Decoder, Encoder, Row, corrupt};

/// Longest name in bytes ([MS-OXCDATA] 2.6.1 gives 254 UTF-16 units; a UTF-8 text of those fits).
pub const NAME_BYTES_MAX: usize = 768;
/// Names longer than this stand in the key by their hash.
const NAME_IN_KEY_BYTES_MAX: usize = 128;

/// The second half of a property's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PropertyName {
    /// A number within the set.
    Number(u32),
    /// A text within the set; compared byte for byte.
    Text(String),
}

/// What has a number of its own in an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Name {
    /// A keyword of items; ASCII letters of either case are equal (RFC 9051 §2.3.2), the first
    /// spelling stays.
    Keyword(String),
    /// A property: the GUID of its set and its name there ([MS-OXPROPS] 1.3.2).
    Property(Guid, PropertyName),
}

impl Name {
    /// The space its number is drawn from.
    pub(crate) fn space(&self) -> u8 {
        match self {
            Self::Keyword(_) => KEYWORD_SPACE,
            Self::Property(..) => PROPERTY_SPACE,
        }
    }

    /// The bytes that stand for it in a key: equal names give equal bytes.
    pub(crate) fn key_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Keyword(text) => bytes.extend(text.to_ascii_lowercase().into_bytes()),
            Self::Property(guid, name) => {
                bytes.extend_from_slice(&guid.0);
                match name {
                    PropertyName::Number(number) => {
                        bytes.push(0);
                        bytes.extend_from_slice(&number.to_be_bytes());
                    }
                    PropertyName::Text(text) => {
                        bytes.push(1);
                        bytes.extend_from_slice(text.as_bytes());
                    }
                }
            }
        }
        if bytes.len() <= NAME_IN_KEY_BYTES_MAX {
            return bytes;
        }
        // A byte that begins no keyword and, in practice, no GUID.
        let mut hashed = vec![u8::MAX];
        hashed.extend_from_slice(blake3::hash(&bytes).as_bytes());
        hashed
    }

    /// Length of its text in bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Keyword(text) | Self::Property(_, PropertyName::Text(text)) => text.len(),
            Self::Property(_, PropertyName::Number(_)) => size_of::<u32>(),
        }
    }
}

/// The space of keyword numbers.
pub(crate) const KEYWORD_SPACE: u8 = 0;
/// The space of property numbers.
pub(crate) const PROPERTY_SPACE: u8 = 1;

impl Row for Name {
    fn write(&self, out: &mut Encoder) {
        match self {
            Self::Keyword(text) => {
                out.byte(0);
                out.text(text);
            }
            Self::Property(guid, PropertyName::Number(number)) => {
                out.byte(1);
                out.raw(&guid.0);
                out.number(u64::from(*number));
            }
            Self::Property(guid, PropertyName::Text(text)) => {
                out.byte(2);
                out.raw(&guid.0);
                out.text(text);
            }
        }
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Ok(match input.byte()? {
            0 => Self::Keyword(input.text()?),
            1 => Self::Property(
                Guid(input.array()?),
                PropertyName::Number(input.number32()?),
            ),
            2 => Self::Property(Guid(input.array()?), PropertyName::Text(input.text()?)),
            _ => return Err(corrupt("unknown kind of name")),
        })
    }
}
