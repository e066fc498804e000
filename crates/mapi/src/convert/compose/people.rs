//! Addresses as a letter has them.
//!
//! Source: [MS-OXCMAIL] 2.1.3.1 (addresses and how foreign ones are encapsulated).

use super::super::Values;
use crate::codec::data::{EntryId, FlatEntryList, OneOffTexts, Value};
use crate::content::Content;
use formats::message::compose::Address;
use std::collections::BTreeMap;

/// Which properties tell of someone.
#[derive(Debug, Clone, Copy)]
pub struct Role {
    name: u16,
    kind: u16,
    address: u16,
    internet_address: u16,
    entry_id: u16,
}

/// Who has sent it.
pub const SENDER: Role = Role {
    name: 0x0c1a,
    kind: 0x0c1e,
    address: 0x0c1f,
    internet_address: 0x5d01,
    entry_id: 0x0c19,
};
/// On whose behalf; the one that readers see.
pub const AUTHOR: Role = Role {
    name: 0x0042,
    kind: 0x0064,
    address: 0x0065,
    internet_address: 0x5d02,
    entry_id: 0x0041,
};
const RECIPIENT: Role = Role {
    name: 0x3001,
    kind: 0x3002,
    address: 0x3003,
    internet_address: 0x39fe,
    entry_id: 0x0fff,
};
/// Entries of an answer's or a receipt's recipients that are read: as many as a field can name
/// without being absurd.
const ENTRIES_MAX: usize = 500;

/// Someone in this role, if anything is known of them.
pub fn one(values: &BTreeMap<u16, Value>, role: Role, domain: &str) -> Option<Address> {
    let entry = values.binary(role.entry_id).and_then(|id| one_off(id));
    let kind = values.text(role.kind).unwrap_or_default();
    let told = values.text(role.address);
    let address = match (values.text(role.internet_address), told) {
        (Some(address), _) => address.to_owned(),
        (None, Some(address)) if is_internet(kind, address) => address.to_owned(),
        (None, told) => match (&entry, told) {
            (Some(entry), _) => entry.address.clone(),
            (None, Some(foreign)) => encapsulated(kind, foreign, domain),
            (None, None) => String::new(),
        },
    };
    let name = values.text(role.name).map(str::to_owned);
    let name = name.or(entry.map(|entry| entry.name)).unwrap_or_default();
    let is_someone = !name.is_empty() || !address.is_empty();
    is_someone.then_some(Address { name, address })
}

/// Recipients of a kind: To (1), Cc (2), Bcc (3).
pub fn recipients(content: &Content, kind: u8, domain: &str) -> Vec<Address> {
    let of_kind = content
        .recipients
        .iter()
        .filter(|one| one.kind & 0x0f == kind);
    of_kind
        .filter_map(|recipient| one(&recipient.values, RECIPIENT, domain))
        .collect()
}

/// People in a list of entry ids, of which only addresses of the Internet say what they are.
pub fn entries(list: &[u8]) -> Vec<Address> {
    let list = FlatEntryList::from_bytes(list).unwrap_or_default();
    let entries = list.0.iter().take(ENTRIES_MAX);
    entries.filter_map(|id| one_off(id)).collect()
}

/// Someone who stands in no address book. Source: [MS-OXCDATA] 2.2.5.1.
pub fn one_off(entry_id: &[u8]) -> Option<Address> {
    let Ok(EntryId::OneOff(entry)) = EntryId::from_bytes(entry_id) else {
        return None;
    };
    let [name, kind, address] = match entry.texts {
        OneOffTexts::Unicode(texts) => texts,
        OneOffTexts::Narrow(texts) => texts.map(|t| String::from_utf8_lossy(&t.0).into_owned()),
    };
    is_internet(&kind, &address).then_some(Address { name, address })
}

fn is_internet(kind: &str, address: &str) -> bool {
    kind.eq_ignore_ascii_case("SMTP") || kind.is_empty() && address.contains('@')
}

/// An address of another system in the form of one of the Internet: `IMCEAEX-_O=X_CN=ida@domain`.
///
/// Source: [MS-OXCMAIL] 2.1.3.1.
fn encapsulated(kind: &str, address: &str, domain: &str) -> String {
    let mut local = format!("IMCEA{}-", kind.to_ascii_uppercase());
    for byte in address.bytes() {
        match byte {
            b'/' => local.push('_'),
            b'=' | b'-' => local.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => local.push(char::from(byte)),
            _ => local.extend(['+', digit(byte >> 4), digit(byte)]),
        }
    }
    format!("{local}@{domain}")
}

fn digit(four_bits: u8) -> char {
    let digit = char::from_digit(u32::from(four_bits & 0x0f), 16);
    digit.unwrap_or('0').to_ascii_uppercase()
}
