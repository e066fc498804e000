//! Writes a stream and cuts it where it may be cut.
//!
//! Source: [MS-OXCFXICS] 2.2.4.1 (markers, tags, sizes and fixed values are never cut, texts only
//! between their units).

use super::value::{self, Written};
use super::{Key, Marker, Property};
use crate::codec::data::{PropertyTag, PropertyType};
use crate::codec::wire::{Form, TooLong, Writer};
use bytes::Bytes;
use std::collections::VecDeque;

/// Bytes of a stream with where they may be cut.
#[derive(Debug, Clone)]
struct Atom {
    bytes: Bytes,
    /// 0: nowhere; otherwise at multiples of this.
    unit: usize,
}

/// A stream under way.
#[derive(Debug, Clone, Default)]
pub struct Producer {
    atoms: VecDeque<Atom>,
    size: usize,
    /// Where the value that is written in pieces may be cut.
    unit: usize,
}

impl Producer {
    /// Bytes that were written and not yet taken.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Writes a marker.
    pub fn marker(&mut self, marker: Marker) {
        self.put(marker.number().to_le_bytes().to_vec().into(), 0);
    }

    /// Writes a property. Fails, and writes nothing, if its value is not of the type that its tag
    /// says or is one that no stream can hold.
    pub fn property(&mut self, property: &Property) -> Result<(), TooLong> {
        let tag = property.key.tag;
        let written = value::written(tag, &property.value).ok_or(TooLong)?;
        let unit = unit(tag);
        let key = bytes_of(&property.key)?;
        match written {
            Written::Whole(value) => {
                self.put(key, 0);
                self.put(value.into(), 0);
            }
            Written::Row(value, width) => {
                let mut count = Bytes::from(value);
                let values = count.split_off(count.len().min(value::COUNT_BYTES));
                self.put(key, 0);
                self.put(count, 0);
                self.put(values, width);
            }
            Written::Sized(value) => {
                let size = u32::try_from(value.len()).map_err(|_| TooLong)?;
                self.put(key, 0);
                self.put(size.to_le_bytes().to_vec().into(), 0);
                self.put(value.into(), unit);
            }
            Written::List(values) => {
                let count = u32::try_from(values.len()).map_err(|_| TooLong)?;
                self.put(key, 0);
                self.put(count.to_le_bytes().to_vec().into(), 0);
                for value in values {
                    let size = u32::try_from(value.len()).map_err(|_| TooLong)?;
                    self.put(size.to_le_bytes().to_vec().into(), 0);
                    self.put(value.into(), unit);
                }
            }
        }
        Ok(())
    }

    /// Begins a property whose value follows in pieces, `size` bytes in all.
    pub fn begin_long(&mut self, key: &Key, size: u32) -> Result<(), TooLong> {
        if !key.is_sized() {
            return Err(TooLong);
        }
        self.put(bytes_of(key)?, 0);
        self.put(size.to_le_bytes().to_vec().into(), 0);
        self.unit = unit(key.tag);
        Ok(())
    }

    /// The next bytes of the value that was begun; of a text a whole number of units.
    pub fn piece(&mut self, bytes: Bytes) {
        self.put(bytes, self.unit);
    }

    /// Takes what comes next, at most `bytes_max`; less where the stream may not be cut there.
    pub fn take(&mut self, bytes_max: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        while let Some(atom) = self.atoms.front_mut() {
            let room = bytes_max.saturating_sub(taken.len());
            if atom.bytes.len() <= room {
                taken.extend_from_slice(&atom.bytes);
                self.atoms.pop_front();
                continue;
            }
            if atom.unit > 0 {
                let head = atom.bytes.split_to(room - room % atom.unit);
                taken.extend_from_slice(&head);
            }
            break;
        }
        self.size -= taken.len();
        taken
    }

    fn put(&mut self, bytes: Bytes, unit: usize) {
        self.size += bytes.len();
        self.atoms.push_back(Atom { bytes, unit });
    }
}

fn bytes_of(key: &Key) -> Result<Bytes, TooLong> {
    let mut writer = Writer::new(Form::Rop);
    key.write(&mut writer);
    writer.finish().map(Bytes::from)
}

/// Texts in UTF-16 are cut between their units, everything else anywhere.
fn unit(tag: PropertyTag) -> usize {
    /// UTF-16 as a code page of its own.
    const UTF_16: PropertyType = PropertyType(0x84b0);
    match tag.property_type() {
        PropertyType::UNICODE | UTF_16 | PropertyType(0x101f) => 2,
        _ => 1,
    }
}
