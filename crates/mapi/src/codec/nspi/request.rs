//! Bodies of requests to the address book.
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.5, the first part of each section.

use super::{PropertyNameInSet, Stat};
use crate::codec::data::{PropertyTag, Restriction, TaggedValue};
use crate::codec::wire::{Counted, Has, Measured, String8, wire};
use bytes::Bytes;

wire! {
    /// Begins a session. Source: [MS-OXCMAPIHTTP] 2.2.5.1.1.
    pub struct Bind {
        /// 0x20: without having signed in.
        flags: u32,
        stat: Option<Stat> as Has,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Ends a session. Source: [MS-OXCMAPIHTTP] 2.2.5.2.1.
    pub struct Unbind {
        reserved: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks which entry stands first. Source: [MS-OXCMAPIHTTP] 2.2.5.3.1.
    pub struct CompareMinimalIds {
        reserved: u32,
        stat: Option<Stat> as Has,
        minimal_id_1: u32,
        minimal_id_2: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks for entries by distinguished name. Source: [MS-OXCMAPIHTTP] 2.2.5.4.1.
    pub struct NameToMinimalId {
        reserved: u32,
        names: Option<Vec<String8>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks for entries that fulfil a condition. Source: [MS-OXCMAPIHTTP] 2.2.5.5.1.
    pub struct FindMatches {
        reserved: u32,
        stat: Option<Stat> as Has,
        minimal_ids: Option<Vec<u32>> as Has<Counted<u32>>,
        interface_option_flags: u32,
        filter: Option<Restriction> as Has,
        property_name: Option<PropertyNameInSet> as Has,
        row_count: u32,
        columns: Option<Vec<PropertyTag>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks which properties an entry has. Source: [MS-OXCMAPIHTTP] 2.2.5.6.1.
    pub struct PropertyList {
        /// 1: without those that are objects.
        flags: u32,
        minimal_id: u32,
        code_page: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks for properties of an entry. Source: [MS-OXCMAPIHTTP] 2.2.5.7.1.
    pub struct Properties {
        /// 1 without objects, 2 with entry ids of the session.
        flags: u32,
        stat: Option<Stat> as Has,
        tags: Option<Vec<PropertyTag>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks for containers or templates. Source: [MS-OXCMAPIHTTP] 2.2.5.8.1.
    pub struct SpecialTable {
        /// 2 templates for new addresses, 4 texts in UTF-16.
        flags: u32,
        stat: Option<Stat> as Has,
        version: Option<u32> as Has,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks how an entry is shown. Source: [MS-OXCMAPIHTTP] 2.2.5.9.1.
    pub struct TemplateInfo {
        /// 1 the template, 4 its script …
        flags: u32,
        display_type: u32,
        template_name: Option<String8> as Has,
        code_page: u32,
        locale: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// An entry id.
    #[derive(Eq)]
    pub struct LinkedEntryId {
        entry_id: Bytes as Measured<u32>,
    }

    /// Adds or removes who belongs to an entry. Source: [MS-OXCMAPIHTTP] 2.2.5.10.1.
    pub struct ModifyLinks {
        /// 1: remove.
        flags: u32,
        tag: PropertyTag,
        minimal_id: u32,
        entry_ids: Option<Vec<LinkedEntryId>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Changes properties of an entry. Source: [MS-OXCMAPIHTTP] 2.2.5.11.1.
    pub struct ModifyProperties {
        reserved: u32,
        stat: Option<Stat> as Has,
        removed: Option<Vec<PropertyTag>> as Has<Counted<u32>>,
        values: Option<Vec<TaggedValue>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks which columns there are. Source: [MS-OXCMAPIHTTP] 2.2.5.13.1.
    pub struct QueryColumns {
        reserved: u32,
        /// 0x80000000: texts in UTF-16.
        flags: u32,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks for rows. Source: [MS-OXCMAPIHTTP] 2.2.5.12.1.
    pub struct QueryRows {
        /// 1 without objects, 2 with entry ids of the session.
        flags: u32,
        stat: Option<Stat> as Has,
        explicit_table: Vec<u32> as Counted<u32>,
        row_count: u32,
        columns: Option<Vec<PropertyTag>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks who is meant. Source: [MS-OXCMAPIHTTP] 2.2.5.14.1.
    pub struct ResolveNames {
        reserved: u32,
        stat: Option<Stat> as Has,
        tags: Option<Vec<PropertyTag>> as Has<Counted<u32>>,
        names: Option<Vec<String>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks for entries in order. Source: [MS-OXCMAPIHTTP] 2.2.5.15.1.
    pub struct ResortRestriction {
        reserved: u32,
        stat: Option<Stat> as Has,
        minimal_ids: Option<Vec<u32>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks for the first entry from a name on. Source: [MS-OXCMAPIHTTP] 2.2.5.16.1.
    pub struct SeekEntries {
        reserved: u32,
        stat: Option<Stat> as Has,
        target: Option<TaggedValue> as Has,
        explicit_table: Option<Vec<u32>> as Has<Counted<u32>>,
        columns: Option<Vec<PropertyTag>> as Has<Counted<u32>>,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Moves to a place. Source: [MS-OXCMAPIHTTP] 2.2.5.17.1.
    pub struct UpdateStat {
        reserved: u32,
        stat: Option<Stat> as Has,
        is_delta_requested: bool,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks where a mailbox is served. Source: [MS-OXCMAPIHTTP] 2.2.5.18.1.
    pub struct MailboxUrl {
        flags: u32,
        server_name: String,
        auxiliary: Bytes as Measured<u32>,
    }

    /// Asks where the address book is served. Source: [MS-OXCMAPIHTTP] 2.2.5.19.1.
    pub struct AddressBookUrl {
        flags: u32,
        user_name: String,
        auxiliary: Bytes as Measured<u32>,
    }
}
