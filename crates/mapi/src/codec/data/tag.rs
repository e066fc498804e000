//! What a property is called on the wire, and of which type its value is.
//!
//! Source: [MS-OXCDATA] 2.9 (tags), 2.11.1 (types).

use crate::codec::wire::{Malformed, Reader, Wire, Writer};
use std::fmt;

/// The type of a value: a number of the table in [MS-OXCDATA] 2.11.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PropertyType(pub u16);

impl PropertyType {
    /// In requests: "of whatever type it has".
    pub const UNSPECIFIED: Self = Self(0x0000);
    /// Stands for a value that could not be told.
    pub const ERROR_CODE: Self = Self(0x000a);
    /// Read as a stream or opened, never told in line.
    pub const OBJECT: Self = Self(0x000d);
    /// Text of a code page.
    pub const STRING8: Self = Self(0x001e);
    /// Text in UTF-16.
    pub const UNICODE: Self = Self(0x001f);
    /// Several texts of a code page.
    pub const MULTIPLE_STRING8: Self = Self(0x101e);
    /// Several texts in UTF-16.
    pub const MULTIPLE_UNICODE: Self = Self(0x101f);
    /// Bytes.
    pub const BINARY: Self = Self(0x0102);
    const MULTIPLE: u16 = 0x1000;
    const INSTANCE: u16 = 0x2000;

    /// The type that a value really has: a column of one instance of several values
    /// ([MS-OXCTABL] 2.2.1.2) holds a single one.
    #[must_use]
    pub fn of_value(self) -> Self {
        let both = Self::MULTIPLE | Self::INSTANCE;
        if self.0 & both == both {
            Self(self.0 & !both)
        } else {
            self
        }
    }

    /// Whether a value of this type holds several.
    pub fn is_multiple(self) -> bool {
        self.of_value().0 & Self::MULTIPLE != 0
    }
}

impl fmt::Debug for PropertyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl Wire for PropertyType {
    const LEAST: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        u16::read(reader).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
}

/// Identifier and type of a property in one number, as specifications write it: `0037001F`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PropertyTag(pub u32);

impl PropertyTag {
    /// The tag of `id` with values of `kind`.
    pub const fn new(id: u16, kind: PropertyType) -> Self {
        // `u32::from` is not yet const.
        Self((id as u32) << 16 | kind.0 as u32)
    }

    /// What names the property; from 0x8000 by a mapping of the mailbox.
    pub fn id(self) -> u16 {
        u16::try_from(self.0 >> 16).unwrap_or_default()
    }

    /// The type asked for, or of the value that follows.
    pub fn property_type(self) -> PropertyType {
        PropertyType(u16::try_from(self.0 & 0xffff).unwrap_or_default())
    }

    /// The same property with values of another type.
    #[must_use]
    pub fn with_type(self, kind: PropertyType) -> Self {
        Self::new(self.id(), kind)
    }
}

impl fmt::Debug for PropertyTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

impl Wire for PropertyTag {
    const LEAST: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        u32::read(reader).map(Self)
    }

    fn write(&self, writer: &mut Writer) {
        self.0.write(writer);
    }
}
