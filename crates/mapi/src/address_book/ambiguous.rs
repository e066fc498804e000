//! Who is meant by what someone typed.
//!
//! An address, a distinguished name or a whole name means exactly one; else each word must begin a
//! word of the name, or the address or its first part. The same holds for names that are resolved
//! and for conditions on "whatever fits this text".
//!
//! Source: [MS-OXNSPI] 3.1.4.7 (ambiguous name resolution), 3.1.4.1.16, 3.1.4.1.17.

use super::entry::{AMBIGUOUS_NAME, Naming};
use super::table::{columns, placed};
use super::{Shelf, minimal_id, outcome};
use crate::codec::data::{
    Content, Property, PropertyTag, Restriction, TaggedValue, Value, from_code_page,
};
use crate::codec::nspi::{ColumnsAndRows, request, response};
use crate::condition::{Judge, Lists};
use crate::identity;
use crate::refusal::Refusal;
use bytes::Bytes;
use engine::directory::BookEntry;

/// What becomes of a name. Source: [MS-OXNSPI] 2.2.1.9.
const UNRESOLVED: u32 = 0;
const AMBIGUOUS: u32 = 1;
const RESOLVED: u32 = 2;
/// Names of one request: a letter to more people goes to a list.
const NAMES_MAX: usize = 200;
/// Words of a name that are looked at.
const WORDS_MAX: usize = 8;
/// Bytes of a name: what is longer is none.
const NAME_BYTES_MAX: usize = 512;
/// Kinds of addresses that may stand before one.
const KINDS: [&str; 4] = ["=SMTP:", "SMTP:", "EX:", "="];

/// Properties that are searched, and how: at the start of any word, or of the whole.
const NAME: PropertyTag = PropertyTag(0x3001_001f);
const ADDRESS: PropertyTag = PropertyTag(0x39fe_001f);
const FIRST_PART: PropertyTag = PropertyTag(0x3a00_001f);
const AT_WORD: u16 = 0x10 | 1;
const AT_START: u16 = 2;
/// Without regard to case.
const LOOSELY: u16 = 1;

impl Shelf<'_> {
    pub(super) fn resolve_names(&self, asked: &request::ResolveNames) -> response::ResolveNames {
        let code_page = asked.stat.map_or(0, |stat| stat.code_page);
        let (error_code, found) = outcome(self.resolved(asked));
        let (minimal_ids, rows) = found.unzip();
        response::ResolveNames {
            error_code,
            code_page,
            minimal_ids,
            rows,
            auxiliary: Bytes::new(),
        }
    }

    fn resolved(
        &self,
        asked: &request::ResolveNames,
    ) -> Result<(Vec<u32>, ColumnsAndRows), Refusal> {
        let stat = placed(asked.stat)?;
        let columns = columns(asked.tags.as_ref())?;
        let names = asked.names.as_deref().unwrap_or_default();
        if names.len() > NAMES_MAX {
            return Err(Refusal::TooComplex);
        }
        let (mut results, mut ids) = (Vec::new(), Vec::new());
        for name in names {
            let meant = self.meant(name, stat.code_page)?;
            results.push(match meant.as_slice() {
                [] => UNRESOLVED,
                [only] => {
                    ids.push(*only);
                    RESOLVED
                }
                _ => AMBIGUOUS,
            });
        }
        let rows = self.rows(&ids, &columns, 0, stat.code_page)?;
        Ok((results, rows))
    }

    /// Those who may be meant by a name.
    fn meant(&self, typed: &str, code_page: u32) -> Result<Vec<u32>, Refusal> {
        let name = bare(typed);
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Ok(Vec::new());
        }
        let mut entries = self.book.entries().iter();
        if let Some(exact) = entries.find(|entry| is_exactly(entry, name)) {
            return Ok(vec![minimal_id(exact.number)]);
        }
        let condition = Restriction::Property(Property {
            relation: crate::codec::data::Relation::Equal,
            property: PropertyTag(u32::from(AMBIGUOUS_NAME) << 16 | 0x1f),
            value: text(NAME, name),
        });
        self.fitting(&condition, code_page)
    }

    /// Those who fulfil a condition, by name.
    pub(super) fn fitting(
        &self,
        condition: &Restriction,
        code_page: u32,
    ) -> Result<Vec<u32>, Refusal> {
        let condition = spelled_out(condition, code_page);
        let judge = Judge {
            code_page,
            lists: Lists::In(&self.book),
        };
        let mut ids = Vec::new();
        for entry in self.book.entries() {
            let id = minimal_id(entry.number);
            let fits = self.look_at(id, Naming::Permanent, |source| {
                judge.holds(&condition, source)
            });
            if fits? {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

/// A name without spaces around it and without the kind of address before it.
fn bare(typed: &str) -> &str {
    let typed = typed.trim();
    let rest = KINDS.iter().find_map(|kind| {
        let (before, rest) = typed.split_at_checked(kind.len())?;
        before.eq_ignore_ascii_case(kind).then_some(rest)
    });
    rest.unwrap_or(typed).trim()
}

fn is_exactly(entry: &BookEntry, name: &str) -> bool {
    let is_named = |address: &String| address.eq_ignore_ascii_case(name);
    is_named(&entry.address)
        || entry.other_addresses.iter().any(is_named)
        || identity::account_of(name) == Some(entry.number)
}

fn text(tag: PropertyTag, text: &str) -> TaggedValue {
    TaggedValue::new(tag, Value::Unicode(text.to_owned()))
}

/// The same condition, where "whatever fits" is said in properties that entries have.
fn spelled_out(condition: &Restriction, code_page: u32) -> Restriction {
    let all = |inner: &[Restriction]| {
        let spelled = inner.iter().map(|one| spelled_out(one, code_page));
        spelled.collect::<Vec<_>>()
    };
    match condition {
        Restriction::And(inner) => Restriction::And(all(inner)),
        Restriction::Or(inner) => Restriction::Or(all(inner)),
        Restriction::Not(inner) => Restriction::Not(Box::new(spelled_out(inner, code_page))),
        Restriction::Property(Property {
            property, value, ..
        })
        | Restriction::Content(Content {
            property, value, ..
        }) if property.id() == AMBIGUOUS_NAME => fits(&value.value, code_page),
        other => other.clone(),
    }
}

/// Every word fits.
fn fits(value: &Value, code_page: u32) -> Restriction {
    let typed = match value {
        Value::Unicode(text) => text.clone(),
        Value::String8(text) => from_code_page(code_page, &text.0),
        _ => String::new(),
    };
    let words = bare(&typed).split_whitespace().take(WORDS_MAX);
    let fit = words.map(|word| {
        let begins = |property, way| {
            Restriction::Content(Content {
                fuzzy_low: way,
                fuzzy_high: LOOSELY,
                property,
                value: text(property, word),
            })
        };
        Restriction::Or(vec![
            begins(NAME, AT_WORD),
            begins(ADDRESS, AT_START),
            begins(FIRST_PART, AT_START),
        ])
    });
    Restriction::And(fit.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_before_an_address_is_passed_over() {
        for typed in ["bob@x", " SMTP:bob@x ", "=smtp:bob@x", "=bob@x", "EX:bob@x"] {
            assert_eq!(bare(typed), "bob@x", "{typed}");
        }
        assert_eq!(bare("é"), "é");
    }
}
