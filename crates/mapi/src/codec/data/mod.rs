//! Values of properties and what is made of them: rows, restrictions, recipients, identifiers.
//!
//! Start at [`Value`] and [`PropertyTag`].
//!
//! Source: [MS-OXCDATA].

mod code_page;
mod entry_id;
mod identifier;
mod language;
mod name;
mod recipient;
mod restriction;
mod row;
mod sort;
mod tag;
mod value;

pub use code_page::{charset_name, code_page_of_charset, from_code_page, to_code_page};
pub use entry_id::{
    AddressBookEntryId, EntryId, EphemeralEntryId, FlatEntryList, FolderEntryId, MessageEntryId,
    OneOffEntryId, OneOffTexts, StoreEntryId, provider,
};
pub use identifier::{
    GlobalCounter, LongTermId, ObjectId, PredecessorChangeList, ServerId, SizedXid, Xid,
};
pub use language::{language, language_number, language_tag};
pub use name::{NameKind, PropertyName, TypedString};
pub use recipient::{
    AddressKind, AddressTexts, ListKind, PersonalList, RecipientRow, RecipientTexts, X500Address,
};
pub use restriction::{
    BitMask, Comparison, Content, Property, RESTRICTION_DEPTH_MAX, RESTRICTION_NODES_MAX, Relation,
    Restriction, SizeOf,
};
pub use row::{Cell, Outcome, PropertyProblem, PropertyRow};
pub use sort::{SortOrder, SortOrderSet};
pub use tag::{PropertyTag, PropertyType};
pub use value::{FileTime, Guid, TaggedValue, Value};
