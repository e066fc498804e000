//! What is found by name alone: entries, mailboxes, containers, columns.
//!
//! Source: [MS-OXNSPI] 3.1.4.1.3, 3.1.4.1.5, 3.1.4.1.15; [MS-OXCMAPIHTTP] 2.2.5.18,
//! 2.2.5.19.

use super::entry::{Everyone, TAGS, mailbox_id_of};
use super::table::in_code_page;
use super::{CODE_PAGE_UTF_16, Shelf, minimal_id, outcome};
use crate::codec::data::{PropertyTag, PropertyType, TaggedValue, Value};
use crate::codec::nspi::{request, response};
use crate::identity;
use crate::property::Properties;
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::directory::{BookEntry, BookKind};

/// Of the containers: there is one, and there always was.
const VERSION: u32 = 1;
/// Templates for new addresses are asked for. Source: [MS-OXNSPI] 2.2.1.8.
const CREATION_TEMPLATES: u32 = 2;
/// Texts are wanted in UTF-16. Source: [MS-OXNSPI] 2.2.1.8.
const UNICODE_STRINGS: u32 = 4;
/// Likewise, in a request for columns.
const UNICODE_TYPES: u32 = 0x8000_0000;
const DISPLAY_NAME: u16 = 0x3001;

impl Shelf<'_> {
    pub(super) fn names_to_ids(
        &self,
        asked: &request::NameToMinimalId,
    ) -> response::NameToMinimalId {
        let names = asked.names.iter().flatten().map(|name| {
            let name = str::from_utf8(&name.0).unwrap_or_default();
            let number = identity::account_of(name);
            let known = number.filter(|number| self.book.place(*number).is_some());
            known.map_or(0, minimal_id)
        });
        response::NameToMinimalId {
            error_code: 0,
            minimal_ids: Some(names.collect()),
            auxiliary: Bytes::new(),
        }
    }

    pub(super) fn mailbox_url(&self, asked: &request::MailboxUrl) -> response::MailboxUrl {
        let found = mailbox_id_of(&asked.server_name).and_then(|wanted| {
            let mut ids = self.mailboxes().map(|entry| self.mailbox_id(entry));
            ids.find(|id| id.eq_ignore_ascii_case(wanted))
        });
        let found = found.ok_or(Refusal::NotFound);
        let (error_code, id) = outcome(found);
        response::MailboxUrl {
            error_code,
            server_url: id.map_or_else(String::new, |id| self.place.mailbox_url(&id)),
            auxiliary: Bytes::new(),
        }
    }

    /// Everyone's address book is in the same place, but its address names whose it is.
    pub(super) fn address_book_url(
        &self,
        asked: &request::AddressBookUrl,
    ) -> response::AddressBookUrl {
        let number = identity::account_of(&asked.user_name);
        let own = number.filter(|number| *number == self.viewer);
        let entry = own.and_then(|number| self.book.entry(number));
        let (error_code, entry) = outcome(entry.ok_or(Refusal::NotFound));
        let url = entry.map(|entry| self.place.address_book_url(&self.mailbox_id(entry)));
        response::AddressBookUrl {
            error_code,
            server_url: url.unwrap_or_default(),
            auxiliary: Bytes::new(),
        }
    }

    fn mailboxes(&self) -> impl Iterator<Item = &BookEntry> {
        let is_mailbox = |entry: &&BookEntry| matches!(entry.kind, BookKind::Account(_));
        let entries = self.book.entries().iter();
        entries.map(AsRef::as_ref).filter(is_mailbox)
    }

    fn mailbox_id(&self, entry: &BookEntry) -> String {
        identity::mailbox_id(self.server, entry.number, &entry.address)
    }
}

/// The containers; there are no templates for addresses that stand nowhere, because clients have
/// their own.
pub(super) fn special_table(asked: &request::SpecialTable) -> response::SpecialTable {
    let wants_templates = asked.flags & CREATION_TEMPLATES != 0;
    let is_known = !wants_templates && asked.version == Some(VERSION);
    let rows = if wants_templates {
        Vec::new()
    } else {
        vec![response::ValueList {
            values: container(asked.flags),
        }]
    };
    response::SpecialTable {
        error_code: 0,
        code_page: asked.stat.map_or(0, |stat| stat.code_page),
        version: Some(VERSION),
        rows: Some(rows).filter(|_| !is_known),
        auxiliary: Bytes::new(),
    }
}

fn container(flags: u32) -> Vec<TaggedValue> {
    let kind = if flags & UNICODE_STRINGS == 0 {
        PropertyType::STRING8
    } else {
        PropertyType::UNICODE
    };
    let value = |tag: PropertyTag| Everyone.value(tag.id()).ok().flatten();
    let told = Everyone::TAGS.into_iter().filter_map(|tag| {
        let value = value(tag)?;
        Some(TaggedValue::new(tag, value))
    });
    let mut values: Vec<TaggedValue> = told.collect();
    let name = PropertyTag::new(DISPLAY_NAME, kind);
    // Before the last, as other servers tell it.
    let place = values.len().saturating_sub(1);
    values.insert(place, TaggedValue::new(name, Value::Missing(kind)));
    values
}

pub(super) fn columns(asked: &request::QueryColumns) -> response::QueryColumns {
    let code_page = if asked.flags & UNICODE_TYPES == 0 {
        0
    } else {
        CODE_PAGE_UTF_16
    };
    let columns = TAGS.into_iter().map(|tag| in_code_page(tag, code_page));
    response::QueryColumns {
        error_code: 0,
        columns: Some(columns.collect()),
        auxiliary: Bytes::new(),
    }
}

/// Nobody changes from here who belongs to whom.
pub(super) fn links_refused() -> response::ModifyLinks {
    response::ModifyLinks {
        error_code: Refusal::AccessDenied.code(),
        auxiliary: Bytes::new(),
    }
}

/// Nor what an entry says.
pub(super) fn changes_refused() -> response::ModifyProperties {
    response::ModifyProperties {
        error_code: Refusal::AccessDenied.code(),
        auxiliary: Bytes::new(),
    }
}
