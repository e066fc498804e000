//! How folders, messages and versions of them are told apart.
//!
//! Source: [MS-OXCDATA] 2.2.1 (ids), 2.14 (server ids); [MS-OXCFXICS] 2.2.2.2 to 2.2.2.3 (XID,
//! predecessor change list).

use super::value::Guid;
use crate::codec::wire::{Count, Form, Malformed, Reader, Wire, Writer, wire};
use bytes::Bytes;
use std::collections::BTreeMap;

/// A number of 48 bits, which stands with its high byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct GlobalCounter(u64);

impl GlobalCounter {
    /// The highest that 48 bits hold.
    pub const MAX: u64 = (1 << 48) - 1;

    /// Unless it takes more than 48 bits.
    pub fn new(number: u64) -> Option<Self> {
        (number <= Self::MAX).then_some(Self(number))
    }

    /// As a number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// As its six bytes.
    pub fn bytes(self) -> [u8; 6] {
        let [_, _, bytes @ ..] = self.0.to_be_bytes();
        bytes
    }
}

impl Wire for GlobalCounter {
    const LEAST: usize = 6;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let bytes: [u8; 6] = reader.array()?;
        let number = bytes
            .iter()
            .fold(0, |all, &byte| all << 8 | u64::from(byte));
        Ok(Self(number))
    }

    fn write(&self, writer: &mut Writer) {
        writer.put(&self.bytes());
    }
}

wire! {
    /// A folder or message within a logon: FID or MID; zero where there is none.
    #[derive(Copy, Eq, Hash, Default)]
    pub struct ObjectId {
        /// Short for the replica's GUID.
        replica: u16,
        counter: GlobalCounter,
    }

    /// A folder or message anywhere.
    #[derive(Copy, Eq, Hash, Default)]
    pub struct LongTermId {
        replica: Guid,
        counter: GlobalCounter,
        pad: u16,
    }
}

/// A version: of an object by some replica; 17 to 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Xid {
    /// Who counts.
    pub replica: Guid,
    /// What it counted, high byte first, in the low bytes.
    local: u64,
    /// Bytes of it: 1 to 8.
    size: u8,
}

impl Xid {
    /// A version that this server counted.
    pub fn new(replica: Guid, counter: GlobalCounter) -> Self {
        Self {
            replica,
            local: counter.number(),
            size: 6,
        }
    }

    /// A version in the form of properties, which is not told its size.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, Form::Rop);
        let replica = Guid::read(&mut reader)?;
        let local = reader.rest();
        let size = u8::try_from(local.len()).unwrap_or(u8::MAX);
        if !(1..=8).contains(&size) {
            return Err(Malformed::Length);
        }
        let local = local
            .iter()
            .fold(0, |all, &byte| all << 8 | u64::from(byte));
        Ok(Self {
            replica,
            local,
            size,
        })
    }

    /// The form of properties.
    pub fn to_bytes(self) -> Vec<u8> {
        let skipped = usize::from(8_u8.saturating_sub(self.size));
        let local = self.local.to_be_bytes();
        let mut bytes = self.replica.0.to_vec();
        bytes.extend(local.iter().skip(skipped));
        bytes
    }

    /// What the replica counted.
    pub fn local(&self) -> u64 {
        self.local
    }
}

/// A version behind its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizedXid(pub Xid);

impl Wire for SizedXid {
    const LEAST: usize = 18;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let size = u8::read(reader)?.to_size();
        Xid::from_bytes(reader.take(size)?).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        let bytes = self.0.to_bytes();
        writer.count::<u8>(bytes.len());
        writer.put(&bytes);
    }
}

/// All versions that went into one: at most one of each replica, in the order of their GUIDs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PredecessorChangeList(BTreeMap<Guid, Xid>);

impl PredecessorChangeList {
    /// The form of properties; of two versions of one replica the later counts.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, Form::Rop);
        let mut list = Self::default();
        while !reader.rest().is_empty() {
            list.add(SizedXid::read(&mut reader)?.0);
        }
        Ok(list)
    }

    /// The form of properties.
    pub fn to_bytes(&self) -> Vec<u8> {
        let sized = |version: &Xid| {
            let bytes = version.to_bytes();
            // A version has 17 to 24 bytes.
            let size = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
            std::iter::once(size).chain(bytes)
        };
        self.0.values().flat_map(sized).collect()
    }

    /// Adds a version, unless a later one of its replica is there.
    pub fn add(&mut self, version: Xid) {
        if !self.includes(&version) {
            self.0.insert(version.replica, version);
        }
    }

    /// Whether this version, or a later one of its replica, went into it.
    pub fn includes(&self, version: &Xid) -> bool {
        let known = self.0.get(&version.replica);
        known.is_some_and(|known| known.local >= version.local)
    }

    /// Whether all that went into `other` went into this.
    pub fn includes_all(&self, other: &Self) -> bool {
        other.0.values().all(|version| self.includes(version))
    }

    /// Adds all that went into `other`.
    pub fn merge(&mut self, other: &Self) {
        other.0.values().for_each(|version| self.add(*version));
    }
}

/// A folder or message of this store as the value of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerId {
    /// One of this store.
    Ours {
        /// Its folder, or the folder itself.
        folder: ObjectId,
        /// The message; zero for a folder.
        message: ObjectId,
        /// Which of several appearances in a table; zero.
        instance: u32,
    },
    /// Something that a client means.
    Foreign(Bytes),
}

impl ServerId {
    /// From the bytes of the value.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, Form::Rop);
        if !bool::read(&mut reader)? {
            return Ok(Self::Foreign(Bytes::copy_from_slice(reader.rest())));
        }
        let id = Self::Ours {
            folder: ObjectId::read(&mut reader)?,
            message: ObjectId::read(&mut reader)?,
            instance: u32::read(&mut reader)?,
        };
        reader.finish()?;
        Ok(id)
    }

    /// The bytes of the value.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Foreign(bytes) => [&[0], bytes.as_ref()].concat(),
            Self::Ours {
                folder,
                message,
                instance,
            } => {
                let mut writer = Writer::new(Form::Rop);
                true.write(&mut writer);
                folder.write(&mut writer);
                message.write(&mut writer);
                instance.write(&mut writer);
                // Nothing in it has a count that could overflow.
                writer.finish().unwrap_or_default()
            }
        }
    }
}
