//! Senders and recipients.
//!
//! Source: [MS-OXCDATA] 2.2.5 (entry ids and search keys of addresses).

use crate::convert::read::Person;
use formats::message::{Addresses, EntryRef, encoded_word};

/// The people in a field of a header.
pub fn people(field: Addresses<'_>) -> impl Iterator<Item = Person> {
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
            Some(Person {
                name: name.unwrap_or_else(|| address.clone()),
                address,
            })
        }
        EntryRef::GroupStart(_) | EntryRef::GroupEnd => None,
    })
}
