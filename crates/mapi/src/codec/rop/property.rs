//! Properties of whatever is open, their names, and sending.
//!
//! Source: [MS-OXCROPS] 2.2.7 (transport), 2.2.8 (properties).

use crate::codec::data::{
    Guid, ObjectId, PropertyName, PropertyProblem, PropertyRow, PropertyTag, TaggedValue,
};
use crate::codec::wire::{
    Count, Counted, Filled, Has, Layout, Malformed, Measured, Plain, Reader, String8, Wire, Writer,
    wire,
};
use bytes::Bytes;

wire! {
    /// Numbers for names. Source: [MS-OXCROPS] 2.2.8.1.1.
    pub struct PropertyIdsFromNames {
        /// 2: give a number to a name that has none.
        flags: u8,
        names: Vec<PropertyName> as Counted<u16>,
    }

    /// Numbers of properties.
    pub struct PropertyIds {
        ids: Vec<u16> as Counted<u16>,
    }

    /// Names of properties.
    pub struct PropertyNames {
        names: Vec<PropertyName> as Counted<u16>,
    }

    /// Asks for properties. Source: [MS-OXCROPS] 2.2.8.3.1.
    pub struct PropertiesSpecific {
        /// Longer values are left out; 0 only what does not fit.
        property_bytes_max: u16,
        /// Texts without a type are told in UTF-16.
        want_unicode: u16,
        tags: Vec<PropertyTag> as Counted<u16>,
    }

    /// Properties, one for each that was asked for.
    pub struct PropertiesRow {
        row: PropertyRow,
    }

    /// Asks for all properties. Source: [MS-OXCROPS] 2.2.8.4.1.
    pub struct PropertiesAll {
        property_bytes_max: u16,
        want_unicode: u16,
    }

    /// Properties with their tags.
    pub struct Properties {
        values: Vec<TaggedValue> as Counted<u16>,
    }

    /// Which properties.
    pub struct PropertyTags {
        tags: Vec<PropertyTag> as Counted<u16>,
    }

    /// Sets properties. Source: [MS-OXCROPS] 2.2.8.6.1.
    pub struct SetProperties {
        values: Properties as Filled<u16>,
    }

    /// What could not be done, and why.
    pub struct Problems {
        problems: Vec<PropertyProblem> as Counted<u16>,
    }

    /// Asks which names there are. Source: [MS-OXCROPS] 2.2.8.10.1.
    pub struct QueryNamedProperties {
        /// 1 no texts, 2 no numbers.
        flags: u8,
        set: Option<Guid> as Has<Plain, 1>,
    }

    /// Copies properties. Source: [MS-OXCROPS] 2.2.8.11.1.
    pub struct CopyProperties {
        want_asynchronous: bool,
        /// 1 move, 2 don't replace.
        flags: u8,
        tags: Vec<PropertyTag> as Counted<u16>,
    }

    /// Copies all properties but these. Source: [MS-OXCROPS] 2.2.8.12.1.
    pub struct CopyTo {
        want_asynchronous: bool,
        want_sub_objects: bool,
        /// 1 move, 2 don't replace.
        flags: u8,
        excluded: Vec<PropertyTag> as Counted<u16>,
    }

    /// Asks how far something is. Source: [MS-OXCROPS] 2.2.8.13.1.
    pub struct ProgressRequest {
        want_cancel: bool,
    }

    /// How far something is.
    pub struct Progress {
        logon_id: u8,
        completed_task_count: u32,
        total_task_count: u32,
    }

    /// Sends a message. Source: [MS-OXCROPS] 2.2.7.1.1.
    pub struct SubmitMessage {
        flags: u8,
    }

    /// Takes a message back that waits to be sent. Source: [MS-OXCROPS] 2.2.7.2.1.
    pub struct AbortSubmit {
        folder: ObjectId,
        message: ObjectId,
    }

    /// Keeps others from sending a message. Source: [MS-OXCROPS] 2.2.7.5.1.
    pub struct SpoolerLockMessage {
        message: ObjectId,
        /// 0 lock, 1 unlock, 2 done.
        lock_state: u8,
    }

    /// A message came. Source: [MS-OXCROPS] 2.2.7.7.1.
    pub struct TransportNewMail {
        message: ObjectId,
        folder: ObjectId,
        message_class: String8,
        message_flags: u32,
    }

    /// Where messages to be sent are put.
    pub struct TransportFolder {
        folder: ObjectId,
    }

    /// Asks for the options of a type of address. Source: [MS-OXCROPS] 2.2.7.9.1.
    pub struct OptionsRequest {
        address_type: String8,
        want_win32: u8,
    }
}

/// Names and their numbers. Source: [MS-OXCROPS] 2.2.8.10.2.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedProperties(pub Vec<(u16, PropertyName)>);

impl Wire for NamedProperties {
    const LEAST: usize = 2;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let ids: Vec<u16> = Counted::<u16>::read(reader)?;
        let names = reader.list(ids.len())?;
        Ok(Self(ids.into_iter().zip(names).collect()))
    }

    fn write(&self, writer: &mut Writer) {
        writer.count::<u16>(self.0.len());
        writer.values(self.0.iter().map(|(id, _)| id));
        writer.values(self.0.iter().map(|(_, name)| name));
    }
}

/// Types of addresses that can be sent to. Source: [MS-OXCROPS] 2.2.7.3.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressTypes(pub Vec<String8>);

impl Wire for AddressTypes {
    const LEAST: usize = 4;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = u16::read(reader)?.to_size();
        let size = u16::read(reader)?.to_size();
        let mut part = reader.part(size)?;
        let names = part.list(count)?;
        part.finish()?;
        Ok(Self(names))
    }

    fn write(&self, writer: &mut Writer) {
        writer.count::<u16>(self.0.len());
        writer.sized::<u16>(|inner| inner.values(&self.0));
    }
}

/// What was changed of a message by sending it. Source: [MS-OXCROPS] 2.2.7.6.2.
#[derive(Debug, Clone, PartialEq)]
pub struct TransportSent(pub Option<Properties>);

impl Wire for TransportSent {
    const LEAST: usize = 1;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let has_none = bool::read(reader)?;
        let properties = (!has_none).then(|| Properties::read(reader)).transpose()?;
        Ok(Self(properties))
    }

    fn write(&self, writer: &mut Writer) {
        self.0.is_none().write(writer);
        writer.values(&self.0);
    }
}

/// The options of a type of address. Source: [MS-OXCROPS] 2.2.7.9.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// 0.
    pub reserved: u8,
    /// For the client's dialogue.
    pub options: Bytes,
    /// Help with it.
    pub help_file: Bytes,
    /// What the help is called; told only where there is some.
    pub help_file_name: Option<String8>,
}

impl Wire for Options {
    const LEAST: usize = 5;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let reserved = u8::read(reader)?;
        let options = Measured::<u16>::read(reader)?;
        let help_file: Bytes = Measured::<u16>::read(reader)?;
        let has_help = !help_file.is_empty();
        let help_file_name = has_help.then(|| String8::read(reader)).transpose()?;
        Ok(Self {
            reserved,
            options,
            help_file,
            help_file_name,
        })
    }

    fn write(&self, writer: &mut Writer) {
        self.reserved.write(writer);
        Measured::<u16>::write(&self.options, writer);
        Measured::<u16>::write(&self.help_file, writer);
        if !self.help_file.is_empty() {
            self.help_file_name
                .clone()
                .unwrap_or_default()
                .write(writer);
        }
    }
}
