//! Whether an object fulfils a restriction.
//!
//! Texts are compared without regard to case. A property that is not there fulfils no comparison.
//! What needs more than the object's own properties is [`Refusal::TooComplex`].
//!
//! Start at [`holds`]. Its depth is bounded by
//! [`RESTRICTION_DEPTH_MAX`](crate::codec::data::RESTRICTION_DEPTH_MAX), which whoever read the
//! restriction kept.
//!
//! Source: [MS-OXCDATA] 2.12; [MS-OXCTABL] 3.2.5.4.

use crate::codec::data::{Content, PropertyTag, Relation, Restriction, Value, from_code_page};
use crate::codec::wire::{Form, Writer};
use crate::property::Properties;
use crate::refusal::Refusal;
use crate::table::rows::Told;
use engine::search::Comparator;
use std::cmp::Ordering;

/// Whether `source` fulfils `restriction`. `code_page` is that of 8-bit texts in it.
pub fn holds(
    restriction: &Restriction,
    source: &dyn Properties,
    code_page: u32,
) -> Result<bool, Refusal> {
    let holds = |inner: &Restriction| holds(inner, source, code_page);
    let value = |tag: PropertyTag| source.value(tag.id());
    Ok(match restriction {
        Restriction::And(all) => {
            for inner in all {
                if !holds(inner)? {
                    return Ok(false);
                }
            }
            true
        }
        Restriction::Or(any) => {
            for inner in any {
                if holds(inner)? {
                    return Ok(true);
                }
            }
            false
        }
        Restriction::Not(inner) => !holds(inner)?,
        Restriction::Content(content) => {
            value(content.property)?.is_some_and(|found| contains(content, &found, code_page))
        }
        Restriction::Property(property) => {
            let wanted = in_unicode(&property.value.value, code_page);
            let found = value(property.property)?;
            let order = found.and_then(|found| compare(&found, &wanted));
            fulfils(property.relation, order)?
        }
        Restriction::Compare(comparison) => {
            let (first, second) = (value(comparison.first)?, value(comparison.second)?);
            let order = first.zip(second).and_then(|(a, b)| compare(&a, &b));
            fulfils(comparison.relation, order)?
        }
        Restriction::BitMask(mask) => match value(mask.property)? {
            Some(Value::Integer32(number)) => {
                (number.cast_unsigned() & mask.mask != 0) == mask.is_any_set
            }
            _ => false,
        },
        Restriction::Size(size) => {
            let found = value(size.property)?.map(|found| size_of(&found));
            let wanted = usize::try_from(size.size).unwrap_or(usize::MAX);
            fulfils(size.relation, found.map(|found| found.cmp(&wanted)))?
        }
        Restriction::Exist(property) => value(*property)?.is_some(),
        Restriction::Comment(_, inner) | Restriction::Annotation(_, inner) => {
            inner.as_deref().map_or(Ok(true), holds)?
        }
        Restriction::Null => true,
        Restriction::SubObject(object, inner) => {
            for part in source.parts(object.id())? {
                if self::holds(inner, &Told(&part), code_page)? {
                    return Ok(true);
                }
            }
            false
        }
        Restriction::Count(..) => return Err(Refusal::TooComplex),
    })
}

/// Whether an order is of that relation; where there is none, it is of none.
fn fulfils(relation: Relation, order: Option<Ordering>) -> Result<bool, Refusal> {
    let Some(order) = order else { return Ok(false) };
    Ok(match relation {
        Relation::Less => order.is_lt(),
        Relation::LessOrEqual => order.is_le(),
        Relation::Greater => order.is_gt(),
        Relation::GreaterOrEqual => order.is_ge(),
        Relation::Equal => order.is_eq(),
        Relation::NotEqual => order.is_ne(),
        Relation::Matches | Relation::MemberOf => return Err(Refusal::TooComplex),
    })
}

/// The order of two values of one type; `None` of two that can't be compared.
pub fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    Some(match (left, right) {
        (Value::Unicode(left), Value::Unicode(right)) => {
            left.to_lowercase().cmp(&right.to_lowercase())
        }
        (Value::Integer16(left), Value::Integer16(right)) => left.cmp(right),
        (Value::Integer32(left), Value::Integer32(right)) => left.cmp(right),
        (Value::Integer64(left), Value::Integer64(right)) => left.cmp(right),
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (Value::Time(left), Value::Time(right)) => left.cmp(right),
        (Value::Binary(left), Value::Binary(right)) => left.cmp(right),
        _ => return None,
    })
}

/// A value whose text, if it is one, is in Unicode as all texts of objects are.
fn in_unicode(value: &Value, code_page: u32) -> Value {
    match value {
        Value::String8(text) => Value::Unicode(from_code_page(code_page, &text.0)),
        other => other.clone(),
    }
}

/// Bytes that the value has in a row.
fn size_of(value: &Value) -> usize {
    let mut writer = Writer::new(Form::Rop);
    value.write(&mut writer);
    writer.size()
}

/// How much of a value must be the one that is looked for. Source: [MS-OXCDATA] 2.12.4.1.
const WAY: u16 = 0x000f;
const SUBSTRING: u16 = 1;
const PREFIX: u16 = 2;
/// At the start of any word.
const PREFIX_OF_WORD: u16 = 0x10;
const IGNORE_CASE: u16 = 1;
const IGNORE_MARKS: u16 = 2;
const LOOSE: u16 = 4;

fn contains(content: &Content, found: &Value, code_page: u32) -> bool {
    let way = content.fuzzy_low;
    match (found, in_unicode(&content.value.value, code_page)) {
        (Value::Unicode(text), Value::Unicode(wanted)) => {
            let fold = |text: &str| {
                if content.fuzzy_high & (IGNORE_MARKS | LOOSE) != 0 {
                    Comparator::Unicode.fold_loosely(text)
                } else if content.fuzzy_high & IGNORE_CASE != 0 {
                    Comparator::Unicode.fold(text).into_owned()
                } else {
                    text.to_owned()
                }
            };
            let (text, wanted) = (fold(text), fold(&wanted));
            if way & PREFIX_OF_WORD != 0 {
                let mut words = text.match_indices(&wanted).map(|(at, _)| text.get(..at));
                return words.any(|before| {
                    let mut before = before.unwrap_or_default().chars();
                    let last = before.rfind(|letter| !is_accent(*letter));
                    !last.is_some_and(char::is_alphanumeric)
                });
            }
            match way & WAY {
                SUBSTRING => text.contains(&wanted),
                PREFIX => text.starts_with(&wanted),
                _ => text == wanted,
            }
        }
        (Value::Binary(bytes), Value::Binary(wanted)) => match way & WAY {
            SUBSTRING => {
                wanted.is_empty() || bytes.windows(wanted.len()).any(|part| part == wanted)
            }
            PREFIX => bytes.starts_with(&wanted),
            _ => *bytes == wanted,
        },
        _ => false,
    }
}

/// A letter with an accent is folded to two.
fn is_accent(letter: char) -> bool {
    let alone = letter.encode_utf8(&mut [0; 4]).to_owned();
    Comparator::Unicode.fold_loosely(&alone).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::data::{BitMask, Comparison, Property, SizeOf, TaggedValue};

    struct Fixed;

    impl Properties for Fixed {
        fn tags(&self) -> Vec<PropertyTag> {
            Vec::new()
        }

        fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
            Ok(match id {
                0x37 => Some(Value::Unicode("The Big House".to_owned())),
                0x0e07 => Some(Value::Integer32(0x11)),
                0x0e08 => Some(Value::Integer32(1000)),
                0x0fff => Some(Value::Binary(b"abcd".as_slice().into())),
                _ => None,
            })
        }
    }

    fn is(restriction: &Restriction) -> bool {
        holds(restriction, &Fixed, 1252).unwrap()
    }

    const SUBJECT: PropertyTag = PropertyTag(0x0037_001f);
    const SIZE: PropertyTag = PropertyTag(0x0e08_0003);
    const ABSENT: PropertyTag = PropertyTag(0x1234_0003);

    fn content(fuzzy_low: u16, fuzzy_high: u16, wanted: &str) -> Restriction {
        Restriction::Content(Content {
            fuzzy_low,
            fuzzy_high,
            property: SUBJECT,
            value: TaggedValue::new(SUBJECT, Value::Unicode(wanted.to_owned())),
        })
    }

    fn property(property: PropertyTag, relation: Relation, number: i32) -> Restriction {
        Restriction::Property(Property {
            relation,
            property,
            value: TaggedValue::new(property, Value::Integer32(number)),
        })
    }

    #[test]
    fn texts_are_found_whole_within_at_the_start_and_by_word() {
        assert!(is(&content(1, 1, "big")));
        assert!(!is(&content(1, 0, "big")));
        assert!(is(&content(1, 1, "ｂｉｇ")) && !is(&content(1, 1, "bîg")));
        assert!(is(&content(1, 2, "bîg")) && is(&content(1, 4, "BÎG")));
        assert!(is(&content(2, 1, "the b")));
        assert!(!is(&content(2, 1, "big")));
        assert!(!is(&content(0, 1, "the big")));
        assert!(is(&content(0, 1, "THE BIG HOUSE")));
        assert!(is(&content(PREFIX_OF_WORD, 1, "hou")));
        assert!(!is(&content(PREFIX_OF_WORD, 1, "ouse")));
    }

    #[test]
    fn numbers_are_compared() {
        assert!(is(&property(SIZE, Relation::GreaterOrEqual, 1000)));
        assert!(!is(&property(SIZE, Relation::Less, 1000)));
        assert!(is(&property(SIZE, Relation::NotEqual, 1)));
        let mask = |mask, is_any_set| {
            let property = PropertyTag(0x0e07_0003);
            is(&Restriction::BitMask(BitMask {
                is_any_set,
                property,
                mask,
            }))
        };
        assert!(mask(0x10, true) && !mask(0x02, true) && mask(0x02, false));
        let size = |relation, size| {
            let property = SIZE;
            is(&Restriction::Size(SizeOf {
                relation,
                property,
                size,
            }))
        };
        assert!(size(Relation::Equal, 4) && !size(Relation::Greater, 4));
    }

    #[test]
    fn what_is_not_there_fulfils_no_comparison() {
        for relation in [Relation::Equal, Relation::NotEqual, Relation::Less] {
            assert!(!is(&property(ABSENT, relation, 1)));
            assert!(is(&Restriction::Not(Box::new(property(
                ABSENT, relation, 1
            )))));
        }
        assert!(!is(&Restriction::Exist(ABSENT)) && is(&Restriction::Exist(SIZE)));
        assert!(!is(&Restriction::Compare(Comparison {
            relation: Relation::Equal,
            first: ABSENT,
            second: ABSENT,
        })));
    }

    #[test]
    fn conditions_are_joined() {
        let (yes, no) = (|| Restriction::Null, || Restriction::Exist(ABSENT));
        assert!(is(&Restriction::And(vec![yes(), yes()])));
        assert!(!is(&Restriction::And(vec![yes(), no()])));
        assert!(is(&Restriction::Or(vec![no(), yes()])));
        assert!(!is(&Restriction::Or(vec![no(), no()])));
        assert!(is(&Restriction::And(vec![])) && !is(&Restriction::Or(vec![])));
        assert!(is(&Restriction::Comment(vec![], None)));
        assert!(!is(&Restriction::Comment(vec![], Some(Box::new(no())))));
    }

    #[test]
    fn what_needs_more_than_properties_is_refused() {
        let counted = Restriction::Count(1, Box::new(Restriction::Null));
        assert_eq!(holds(&counted, &Fixed, 1252), Err(Refusal::TooComplex));
    }
}
