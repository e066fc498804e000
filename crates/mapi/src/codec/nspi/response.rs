//! Bodies of responses of the address book, behind the status code.
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.5, the second part of each section.

use super::{ColumnsAndRows, Stat};
use crate::codec::data::{Guid, PropertyTag, TaggedValue};
use crate::codec::wire::{Counted, Has, Measured, wire};
use bytes::Bytes;

wire! {
    /// A session began.
    pub struct Bind {
        error_code: u32,
        server: Guid,
        auxiliary: Bytes as Measured<u32>,
    }

    /// A session ended, which is code 1.
    pub struct Unbind {
        error_code: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Which entry stands first.
    pub struct CompareMinimalIds {
        error_code: u32,
        /// Below 0 the first, 0 neither, above 0 the second.
        result: i32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Entries; 0 for those that are not there.
    pub struct NameToMinimalId {
        error_code: u32,
        minimal_ids: Option<Vec<u32>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Entries that fulfil a condition.
    pub struct FindMatches {
        error_code: u32,
        stat: Option<Stat> as Has,
        minimal_ids: Option<Vec<u32>> as Has<Counted<u32>>,
        rows: Option<ColumnsAndRows> as Has,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Which properties an entry has.
    pub struct PropertyList {
        error_code: u32,
        tags: Option<Vec<PropertyTag>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Properties of an entry.
    pub struct Properties {
        error_code: u32,
        code_page: u32,
        values: Option<Vec<TaggedValue>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// A row that tells its own columns.
    pub struct ValueList {
        values: Vec<TaggedValue> as Counted<u32>,
    }

    /// Containers or templates.
    pub struct SpecialTable {
        error_code: u32,
        code_page: u32,
        version: Option<u32> as Has,
        rows: Option<Vec<ValueList>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// How an entry is shown.
    pub struct TemplateInfo {
        error_code: u32,
        code_page: u32,
        row: Option<Vec<TaggedValue>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Who belongs to an entry was changed.
    pub struct ModifyLinks {
        error_code: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Properties of an entry were changed.
    pub struct ModifyProperties {
        error_code: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Which columns there are.
    pub struct QueryColumns {
        error_code: u32,
        columns: Option<Vec<PropertyTag>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Rows from a place.
    pub struct QueryRows {
        error_code: u32,
        stat: Option<Stat> as Has,
        rows: Option<ColumnsAndRows> as Has,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Who is meant: 0 nobody, 1 several, 2 the next of the rows.
    pub struct ResolveNames {
        error_code: u32,
        code_page: u32,
        minimal_ids: Option<Vec<u32>> as Has<Counted<u32>>,
        rows: Option<ColumnsAndRows> as Has,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Entries in order.
    pub struct ResortRestriction {
        error_code: u32,
        stat: Option<Stat> as Has,
        minimal_ids: Option<Vec<u32>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// The first entry from a name on, with those behind it.
    pub struct SeekEntries {
        error_code: u32,
        stat: Option<Stat> as Has,
        rows: Option<ColumnsAndRows> as Has,
        auxiliary: Bytes as Measured<u32>,
    }

    /// The place, and how far it is from the one before.
    pub struct UpdateStat {
        error_code: u32,
        stat: Option<Stat> as Has,
        delta: Option<i32> as Has,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Where a mailbox is served.
    pub struct MailboxUrl {
        error_code: u32,
        server_url: String,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Where the address book is served.
    pub struct AddressBookUrl {
        error_code: u32,
        server_url: String,
        auxiliary: Bytes as Measured<u32>,
    }
}
