//! Senders and recipients.
//!
//! Source: [MS-OXCDATA] 2.2.5 (entry ids and search keys of addresses).

use crate::codec::data::{EntryId, OneOffEntryId};
use formats::message::{Addresses, EntryRef, encoded_word};

/// A sender or recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correspondent {
    /// The name to show: the address where there is none.
    pub name: String,
    /// The address.
    pub address: String,
}

/// The people in a field of a header.
pub fn correspondents(field: Addresses<'_>) -> impl Iterator<Item = Correspondent> {
    field.filter_map(|entry| match entry {
        EntryRef::Mailbox {
            name,
            local,
            domain,
        } => {
            let local = String::from_utf8_lossy(local);
            let address = match domain {
                [] => local.into_owned(),
                domain => format!("{local}@{}", String::from_utf8_lossy(domain)),
            };
            let name = name
                .map(encoded_word::decode)
                .filter(|name| !name.is_empty());
            Some(Correspondent {
                name: name.unwrap_or_else(|| address.clone()),
                address,
            })
        }
        EntryRef::GroupStart(_) | EntryRef::GroupEnd => None,
    })
}

impl Correspondent {
    /// An address that stands in no address book.
    pub fn entry_id(&self) -> Vec<u8> {
        EntryId::OneOff(OneOffEntryId::smtp(&self.name, &self.address)).to_bytes()
    }

    /// By which clients compare people. Source: [MS-OXCDATA] 2.2.5.
    pub fn search_key(&self) -> Vec<u8> {
        let text = format!("SMTP:{}", self.address.to_uppercase());
        [text.as_bytes(), &[0]].concat()
    }
}
