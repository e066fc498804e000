//! The address book: bodies of all its requests and responses.
//!
//! All stand in [`Form::AddressBook`], where a byte before what may be missing says whether it is
//! there. Start at the table below, from which [`Request`] and [`Response`] follow; the bodies are
//! in [`request`] and [`response`].
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.5; [MS-OXNSPI] 2.3.7 (STAT).

pub mod request;
pub mod response;

use super::data::{PropertyRow, PropertyTag};
use super::transport::body::Answer;
use super::transport::header::RequestType;
use super::wire::{
    Count, Counted, Form, Layout, Malformed, Reader, TooLong, Wire, Writer, decode, encode, wire,
};

wire! {
    /// A place in a table of the address book, and how that table is sorted and told.
    #[derive(Eq, Copy, Default)]
    pub struct Stat {
        /// 0 by name.
        sort_type: u32,
        /// Which container; 0 all.
        container: u32,
        /// An entry, or 0 the beginning, 1 by the fraction, 2 the end.
        current_record: u32,
        /// Rows to move from there.
        delta: i32,
        /// The fraction's upper part: a row.
        numerical_position: u32,
        /// The fraction's lower part: all rows.
        total_records: u32,
        /// Of 8-bit texts.
        code_page: u32,
        template_locale: u32,
        sort_locale: u32,
    }

    /// A property by a name that it has in the directory.
    #[derive(Eq, Copy)]
    pub struct PropertyNameInSet {
        set: super::data::Guid,
        id: u32,
    }
}

/// Rows, and the columns that they are of. Source: [MS-OXCMAPIHTTP] 2.2.5.8.2.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnsAndRows {
    /// What the rows are made of.
    pub columns: Vec<PropertyTag>,
    /// The rows.
    pub rows: Vec<PropertyRow>,
}

impl Wire for ColumnsAndRows {
    const LEAST: usize = 8;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let columns: Vec<PropertyTag> = Counted::<u32>::read(reader)?;
        let count = u32::read(reader)?.to_size();
        let rows = reader.rows(&columns, |rows| rows.list(count))?;
        Ok(Self { columns, rows })
    }

    fn write(&self, writer: &mut Writer) {
        Counted::<u32>::write(&self.columns, writer);
        writer.count::<u32>(self.rows.len());
        writer.values(&self.rows);
    }
}

/// One line for each request: its name, which is also that of its two bodies.
macro_rules! requests {
    ($($(#[$note:meta])* $name:ident;)*) => {
        /// What is asked for.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request {
            $($(#[$note])* $name(request::$name),)*
        }

        /// What is answered.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Response {
            $($(#[$note])* $name(Answer<response::$name>),)*
        }

        impl Request {
            /// Reads the whole body of a request of this kind; one of another endpoint is
            /// unknown here.
            pub fn read(kind: RequestType, body: &[u8]) -> Result<Self, Malformed> {
                match kind {
                    $(RequestType::$name => decode(body, Form::AddressBook).map(Self::$name),)*
                    _ => Err(Malformed::Unknown(0)),
                }
            }

            /// What it is called.
            pub fn kind(&self) -> RequestType {
                match self {
                    $(Self::$name(_) => RequestType::$name,)*
                }
            }

            /// Its body.
            pub fn write(&self) -> Result<Vec<u8>, TooLong> {
                match self {
                    $(Self::$name(request) => encode(request, Form::AddressBook),)*
                }
            }
        }

        impl Response {
            /// Reads the whole body of a response to a request of this kind.
            pub fn read(kind: RequestType, body: &[u8]) -> Result<Self, Malformed> {
                match kind {
                    $(RequestType::$name => decode(body, Form::AddressBook).map(Self::$name),)*
                    _ => Err(Malformed::Unknown(0)),
                }
            }

            /// Its body.
            pub fn write(&self) -> Result<Vec<u8>, TooLong> {
                match self {
                    $(Self::$name(response) => encode(response, Form::AddressBook),)*
                }
            }
        }
    };
}

impl Request {
    /// The place that it names, if it can name one.
    pub fn stat(&self) -> Option<&Stat> {
        match self {
            Self::Bind(request) => request.stat.as_ref(),
            Self::CompareMinimalIds(request) => request.stat.as_ref(),
            Self::FindMatches(request) => request.stat.as_ref(),
            Self::Properties(request) => request.stat.as_ref(),
            Self::SpecialTable(request) => request.stat.as_ref(),
            Self::ModifyProperties(request) => request.stat.as_ref(),
            Self::QueryRows(request) => request.stat.as_ref(),
            Self::ResolveNames(request) => request.stat.as_ref(),
            Self::ResortRestriction(request) => request.stat.as_ref(),
            Self::SeekEntries(request) => request.stat.as_ref(),
            Self::UpdateStat(request) => request.stat.as_ref(),
            _ => None,
        }
    }
}

requests! {
    /// Begins a session.
    Bind;
    /// Ends one.
    Unbind;
    /// The order of two entries.
    CompareMinimalIds;
    /// Entries by their distinguished names.
    NameToMinimalId;
    /// Entries that fulfil a condition.
    FindMatches;
    /// Which properties an entry has.
    PropertyList;
    /// Properties of an entry.
    Properties;
    /// The containers.
    SpecialTable;
    /// How an entry is shown.
    TemplateInfo;
    /// Changes who belongs to an entry.
    ModifyLinks;
    /// Changes properties of an entry.
    ModifyProperties;
    /// Which columns there are.
    QueryColumns;
    /// Rows from a place.
    QueryRows;
    /// Entries by what a person typed.
    ResolveNames;
    /// Puts entries in order.
    ResortRestriction;
    /// The first entry from a name on.
    SeekEntries;
    /// Moves to a place.
    UpdateStat;
    /// Where a mailbox is served.
    MailboxUrl;
    /// Where the address book is served.
    AddressBookUrl;
}
