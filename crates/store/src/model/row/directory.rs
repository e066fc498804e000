//! Objects of the directory. What they say is the engine's; here they have a number, a GUID and a
//! stamp.

use super::folder::numbered;
use crate::error::StoreError;
use crate::id::{ChangeSeq, Guid};
use crate::model::codec::{Decoder, Encoder, Row, corrupt};
use bytes::Bytes;

/// Longest payload of a directory record in bytes: one value must hold it.
pub const PAYLOAD_BYTES_MAX: usize = 30 * 1024;
/// Longest address in bytes (RFC 5321 §4.5.3.1.3 allows a path of 256 with its brackets).
pub const ADDRESS_BYTES_MAX: usize = 254;

numbered! {
    /// What a directory object is.
    DirectoryKind {
        /// Settings of the whole server.
        Settings = 0,
        /// A domain.
        Domain = 1,
        /// An account: its number is the [`crate::id::AccountId`].
        Account = 2,
        /// A group of accounts or addresses.
        Group = 3,
        /// An address that leads elsewhere.
        Alias = 4,
        /// A password of an account, made for one program.
        AppPassword = 5,
        /// Something with which a person proves who they are.
        Credential = 6,
        /// A key the server signs with.
        SigningKey = 7,
        /// A certificate.
        Certificate = 8,
        /// A rule or script.
        Rule = 9,
    }
}

/// A directory object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryRecord {
    /// Permanent, random.
    pub guid: Guid,
    /// The last change, in the log of account 0.
    pub changed: ChangeSeq,
    /// What the object says; opaque here.
    pub payload: Bytes,
}

impl Row for DirectoryRecord {
    fn write(&self, out: &mut Encoder) {
        out.raw(&self.guid.0);
        out.number(self.changed.0);
        out.bytes(&self.payload);
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            guid: Guid(input.array()?),
            changed: ChangeSeq(input.number()?),
            payload: Bytes::copy_from_slice(input.bytes()?),
        })
    }
}

/// What an address leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressTarget {
    /// The kind of object.
    pub kind: DirectoryKind,
    /// Its number.
    pub number: u32,
}

impl Row for AddressTarget {
    fn write(&self, out: &mut Encoder) {
        out.byte(self.kind.number());
        out.number(u64::from(self.number));
    }

    fn read(input: &mut Decoder<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            kind: DirectoryKind::from_number(input.byte()?)?,
            number: input.number32()?,
        })
    }
}
