//! Senders and recipients out of a header.
//!
//! Source: [MS-OXCMAIL] 2.2.3.1 (addresses), [MS-OXCMSG] 2.2.3 (recipients).

use super::super::Values;
use crate::codec::data::{EntryId, OneOffEntryId, Value};
use crate::content::Recipient;
use formats::address::list::{self, Entry};
use formats::message::{encoded_word, header as fields};
use std::collections::BTreeMap;

/// Recipients of one letter that are told; mailing lists that show all their members have
/// thousands.
const RECIPIENTS_MAX: usize = 10_000;

/// Someone in a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name to show: the address where there is none.
    pub name: String,
    /// The address.
    pub address: String,
}

/// The people in a field; names of groups are left out.
pub fn people(value: &[u8]) -> Vec<Person> {
    let (entries, _) = list::parse(value, RECIPIENTS_MAX);
    let people = entries.into_iter().filter_map(|entry| match entry {
        Entry::Mailbox {
            name,
            local,
            domain,
        } => Some(person(name, &local, &domain)),
        Entry::GroupStart(_) | Entry::GroupEnd => None,
    });
    people.collect()
}

fn person(name: Option<Vec<u8>>, local: &[u8], domain: &[u8]) -> Person {
    let local = String::from_utf8_lossy(local);
    let address = match domain {
        [] => local.into_owned(),
        domain => format!("{local}@{}", String::from_utf8_lossy(domain)),
    };
    let name = name.map(|name| encoded_word::decode(&name));
    Person {
        name: name
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| address.clone()),
        address,
    }
}

impl Person {
    /// An address that stands in no address book.
    pub fn entry_id(&self) -> Value {
        let entry = OneOffEntryId::smtp(&self.name, &self.address);
        Value::Binary(EntryId::OneOff(entry).to_bytes().into())
    }

    /// By which clients compare people. Source: [MS-OXCDATA] 2.2.5.
    pub fn search_key(&self) -> Value {
        let text = format!("SMTP:{}\0", self.address.to_uppercase());
        Value::Binary(text.into_bytes().into())
    }

    /// Puts the six properties of a role: name, type, address, Internet address, entry id, key.
    pub fn put(&self, ids: [u16; 6], values: &mut BTreeMap<u16, Value>) {
        let [name, kind, address, internet, entry_id, search_key] = ids;
        values.put_text(name, self.name.as_str());
        values.put_text(kind, "SMTP");
        values.put_text(address, self.address.as_str());
        values.put_text(internet, self.address.as_str());
        values.insert(entry_id, self.entry_id());
        values.insert(search_key, self.search_key());
    }
}

/// The recipients in a header: To (1), Cc (2), Bcc (3), in their order.
pub fn recipients(block: &[u8]) -> Vec<Recipient> {
    let mut all = Vec::new();
    for (kind, name) in [(1, "To"), (2, "Cc"), (3, "Bcc")] {
        let found = fields::fields(block).filter(|field| field.is(name));
        let people = found.flat_map(|field| people(field.value));
        all.extend(people.map(|person| (kind, person)));
    }
    all.truncate(RECIPIENTS_MAX);
    let rows = (0..).zip(all);
    rows.map(|(row, (kind, person))| recipient(row, kind, &person))
        .collect()
}

/// A recipient as a row tells it.
pub fn recipient(row: u32, kind: u8, person: &Person) -> Recipient {
    let mut values = BTreeMap::new();
    person.put(
        [0x3001, 0x3002, 0x3003, 0x39fe, 0x0fff, 0x300b],
        &mut values,
    );
    let integers = [
        (0x0c15, i32::from(kind)),
        (0x3000, i32::try_from(row).unwrap_or(i32::MAX)),
        // A person, to whom can be sent.
        (0x0ffe, 6),
        (0x3900, 0),
        (0x5ffd, 1),
    ];
    values.extend(integers.map(|(id, number)| (id, Value::Integer32(number))));
    values.put_text(0x5ff6, person.name.as_str());
    Recipient { row, kind, values }
}
