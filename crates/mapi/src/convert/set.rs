//! Sets of named properties, and the names in them that a letter can say.
//!
//! Source: [MS-OXPROPS] 1.3.2 (sets), [MS-OXCMAIL] 2.1.3.3.12 (header fields as properties).

use crate::codec::data::{Guid, NameKind, PropertyName, Value};

const fn microsoft(number: u32) -> Guid {
    let [a, b, c, d] = number.to_le_bytes();
    Guid([a, b, c, d, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46])
}

/// `PS_PUBLIC_STRINGS`: names that anyone may give.
pub const PUBLIC_STRINGS: Guid = microsoft(0x0002_0329);
/// `PS_INTERNET_HEADERS`: fields of a letter's header.
pub const INTERNET_HEADERS: Guid = microsoft(0x0002_0386);
/// `PSETID_Common`: what all kinds of items have.
pub const COMMON: Guid = microsoft(0x0006_2008);

/// `PidLidFlagRequest`: what is to be done with a flagged letter.
pub const FLAG_REQUEST: u32 = 0x8530;

/// The categories of an item.
pub fn keywords() -> PropertyName {
    PropertyName {
        set: PUBLIC_STRINGS,
        kind: NameKind::Text("Keywords".to_owned()),
    }
}

/// A field of the header, by its name.
pub fn internet_header(name: &str) -> PropertyName {
    PropertyName {
        set: INTERNET_HEADERS,
        kind: NameKind::Text(name.to_owned()),
    }
}

/// What all kinds of items have, by its number.
pub fn common(number: u32) -> PropertyName {
    PropertyName {
        set: COMMON,
        kind: NameKind::Number(number),
    }
}

/// Whether the header of a letter can say what stands under this name.
pub fn is_of_header(name: &PropertyName) -> bool {
    name.set == INTERNET_HEADERS || *name == keywords() || *name == common(FLAG_REQUEST)
}

/// The field that says what stands under a name.
pub fn field(name: &PropertyName) -> Option<&str> {
    match &name.kind {
        NameKind::Text(text) if name.set == INTERNET_HEADERS || *name == keywords() => Some(text),
        _ if *name == common(FLAG_REQUEST) => Some("X-Message-Flag"),
        _ => None,
    }
}

/// Whether a header may have a field: one look tells of most that they don't.
pub fn may_have(header: &[u8], field: &str) -> bool {
    let begins = |line: &[u8]| {
        let start = line.get(..field.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(field.as_bytes()))
    };
    header.split(|byte| *byte == b'\n').any(begins)
}

/// What is said under a name. Names of header fields know no case.
pub fn find<'a>(all: &'a [(PropertyName, Value)], name: &PropertyName) -> Option<&'a Value> {
    let is_meant = |known: &PropertyName| match (&known.kind, &name.kind) {
        _ if known.set != name.set => false,
        (NameKind::Text(known), NameKind::Text(name_text)) if name.set == INTERNET_HEADERS => {
            known.eq_ignore_ascii_case(name_text)
        }
        (known, wanted) => known == wanted,
    };
    let found = all.iter().find(|(known, _)| is_meant(known));
    found.map(|(_, value)| value)
}
