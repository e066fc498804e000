//! Recipients of messages.
//!
//! Source: [MS-OXCDATA] 2.8.3.

use super::row::PropertyRow;
use crate::codec::wire::{Count, Malformed, Measured, Reader, String8, Wire, Writer, wire};
use bytes::Bytes;

wire! {
    /// A recipient of the directory.
    #[derive(Eq)]
    pub struct X500Address {
        /// Bytes of the prefix of the Connect response that stand before the name; 0 here.
        prefix_used: u8,
        /// 0 person, 1 list …
        display_type: u8,
        name: String8,
    }

    /// A list of the sender's own.
    #[derive(Eq)]
    pub struct PersonalList {
        entry_id: Bytes as Measured<u16>,
        search_key: Bytes as Measured<u16>,
    }
}

/// What kind of address a recipient has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressKind {
    /// None told.
    None,
    /// In the directory.
    X500(X500Address),
    /// Microsoft Mail.
    MsMail,
    /// Internet mail.
    Smtp,
    /// Fax.
    Fax,
    /// Professional Office System.
    ProfessionalOffice,
    /// A personal list: its first kind, or its second.
    PersonalList(ListKind, PersonalList),
    /// Of a type that is told by name.
    Other(String8),
}

/// The two numbers that personal lists have; nothing else tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// 6.
    First,
    /// 7.
    Second,
}

/// The texts of a recipient, in one of two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressTexts<T> {
    /// The address.
    pub email: Option<T>,
    /// The name to show.
    pub display_name: Option<T>,
    /// The name in plain letters.
    pub simple_name: Option<T>,
    /// The name that is sent, where it differs from the shown one.
    pub transmittable_name: Option<T>,
}

impl<T: Wire> AddressTexts<T> {
    fn read(flags: u16, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut text = |flag| (flags & flag != 0).then(|| T::read(reader)).transpose();
        Ok(Self {
            email: text(EMAIL)?,
            display_name: text(DISPLAY_NAME)?,
            simple_name: text(SIMPLE_NAME)?,
            transmittable_name: text(TRANSMITTABLE_NAME)?,
        })
    }

    fn in_order(&self) -> [(u16, Option<&T>); 4] {
        [
            (EMAIL, self.email.as_ref()),
            (DISPLAY_NAME, self.display_name.as_ref()),
            (SIMPLE_NAME, self.simple_name.as_ref()),
            (TRANSMITTABLE_NAME, self.transmittable_name.as_ref()),
        ]
    }

    fn flags(&self) -> u16 {
        let there = self.in_order().into_iter().filter(|(_, t)| t.is_some());
        there.fold(0, |flags, (flag, _)| flags | flag)
    }

    fn write(&self, writer: &mut Writer) {
        let texts = self.in_order().into_iter().filter_map(|(_, text)| text);
        texts.for_each(|text| text.write(writer));
    }
}

/// The texts of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientTexts {
    /// In UTF-16, as every client of today has it.
    Unicode(AddressTexts<String>),
    /// In a code page.
    Narrow(AddressTexts<String8>),
}

/// One recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct RecipientRow {
    /// What kind of address.
    pub kind: AddressKind,
    /// Its texts.
    pub texts: RecipientTexts,
    /// The sent name is the shown one.
    pub is_transmittable_same: bool,
    /// Someone else sees to the delivery.
    pub is_responsible: bool,
    /// Send without Outlook's own formatting.
    pub has_no_rich_info: bool,
    /// Further properties: of the first columns of the message's recipients.
    pub properties: PropertyRow,
}

const KIND: u16 = 0x0007;
const EMAIL: u16 = 0x0008;
const DISPLAY_NAME: u16 = 0x0010;
const TRANSMITTABLE_NAME: u16 = 0x0020;
const TRANSMITTABLE_SAME: u16 = 0x0040;
const RESPONSIBLE: u16 = 0x0080;
const NO_RICH_INFO: u16 = 0x0100;
const UNICODE: u16 = 0x0200;
const SIMPLE_NAME: u16 = 0x0400;
const OTHER_KIND: u16 = 0x8000;

impl AddressKind {
    fn read(flags: u16, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match flags & KIND {
            1 => Self::X500(X500Address::read(reader)?),
            2 => Self::MsMail,
            3 => Self::Smtp,
            4 => Self::Fax,
            5 => Self::ProfessionalOffice,
            6 => Self::PersonalList(ListKind::First, PersonalList::read(reader)?),
            7 => Self::PersonalList(ListKind::Second, PersonalList::read(reader)?),
            _ if flags & OTHER_KIND != 0 => Self::Other(String8::read(reader)?),
            _ => Self::None,
        })
    }

    fn flags(&self) -> u16 {
        match self {
            Self::None => 0,
            Self::X500(_) => 1,
            Self::MsMail => 2,
            Self::Smtp => 3,
            Self::Fax => 4,
            Self::ProfessionalOffice => 5,
            Self::PersonalList(ListKind::First, _) => 6,
            Self::PersonalList(ListKind::Second, _) => 7,
            Self::Other(_) => OTHER_KIND,
        }
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::X500(address) => address.write(writer),
            Self::PersonalList(_, list) => list.write(writer),
            Self::Other(name) => name.write(writer),
            Self::None | Self::MsMail | Self::Smtp | Self::Fax | Self::ProfessionalOffice => {}
        }
    }
}

impl RecipientRow {
    fn flags(&self) -> u16 {
        let texts = match &self.texts {
            RecipientTexts::Unicode(texts) => UNICODE | texts.flags(),
            RecipientTexts::Narrow(texts) => texts.flags(),
        };
        let marks = [
            (self.is_transmittable_same, TRANSMITTABLE_SAME),
            (self.is_responsible, RESPONSIBLE),
            (self.has_no_rich_info, NO_RICH_INFO),
        ];
        let marks = marks.into_iter().filter(|(is_set, _)| *is_set);
        marks.fold(self.kind.flags() | texts, |all, (_, flag)| all | flag)
    }
}

impl Wire for RecipientRow {
    const LEAST: usize = 5;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let flags = u16::read(reader)?;
        let kind = AddressKind::read(flags, reader)?;
        let texts = if flags & UNICODE != 0 {
            RecipientTexts::Unicode(AddressTexts::read(flags, reader)?)
        } else {
            RecipientTexts::Narrow(AddressTexts::read(flags, reader)?)
        };
        let column_count = u16::read(reader)?.to_size();
        let columns = reader.columns().get(..column_count);
        let properties = reader.rows(columns.ok_or(Malformed::Length)?, PropertyRow::read)?;
        Ok(Self {
            kind,
            texts,
            is_transmittable_same: flags & TRANSMITTABLE_SAME != 0,
            is_responsible: flags & RESPONSIBLE != 0,
            has_no_rich_info: flags & NO_RICH_INFO != 0,
            properties,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.flags().write(writer);
        self.kind.write(writer);
        match &self.texts {
            RecipientTexts::Unicode(texts) => texts.write(writer),
            RecipientTexts::Narrow(texts) => texts.write(writer),
        }
        writer.count::<u16>(self.properties.0.len());
        self.properties.write(writer);
    }
}
