//! Whether an object fulfils a restriction.
//!
//! Texts are compared without regard to case. A property that is not there fulfils no comparison.
//! Of several values any one may fulfil what a single value is asked of. What only a table can
//! know, how many objects fulfil a condition, is the table's: see [`counted`].
//!
//! Start at [`Judge::holds`]; what no object can be asked is refused by [`check`] before. Depth is
//! bounded by [`RESTRICTION_DEPTH_MAX`](crate::codec::data::RESTRICTION_DEPTH_MAX), which whoever
//! read the restriction kept.
//!
//! Source: [MS-OXCDATA] 2.12; [MS-OXCTABL] 3.2.5.4.

use crate::codec::data::{Content, EntryId, PropertyTag, Relation, Restriction, Value};
use crate::codec::wire::{Form, Writer};
use crate::convert::one_off;
use crate::identity;
use crate::property::{Properties, in_unicode};
use crate::refusal::Refusal;
use crate::table::key::element;
use crate::table::rows::Told;
use engine::directory::{ANY_LANGUAGE, Book, BookKind};
use engine::search::Comparator;
use engine::{Account, AccountId};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What has recipients or attachments as parts. Source: [MS-OXCDATA] 2.12.10.
const PARTS: [u16; 2] = [0x0e12, 0x0e13];

/// What conditions are judged by, besides the object's own properties.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// Of 8-bit texts in the condition.
    pub code_page: u32,
    /// Who belongs to which list.
    pub lists: Lists<'a>,
}

/// Where it stands who belongs to a list.
#[derive(Debug, Clone, Copy)]
pub enum Lists<'a> {
    /// In the address book of who uses this mailbox.
    Of(&'a Account),
    /// In this one.
    In(&'a Arc<Book>),
}

impl Lists<'_> {
    fn book(self) -> Result<Arc<Book>, Refusal> {
        match self {
            Self::Of(account) => {
                let directory = account.engine().directory();
                Ok(directory.book(account.origin().actor, ANY_LANGUAGE)?)
            }
            Self::In(book) => Ok(Arc::clone(book)),
        }
    }
}

/// A condition without the number of objects that are to fulfil it at most, and that number.
pub fn counted(restriction: Option<&Restriction>) -> (usize, Option<&Restriction>) {
    match restriction {
        Some(Restriction::Count(most, inner)) => {
            (usize::try_from(*most).unwrap_or(usize::MAX), Some(inner))
        }
        other => (usize::MAX, other),
    }
}

/// Whether objects can be asked for all of a condition.
///
/// Errors: [`Refusal::TooComplex`] of numbers of objects within it, of regular expressions, and of
/// parts that no message has.
pub fn check(restriction: &Restriction) -> Result<(), Refusal> {
    let is_known = match restriction {
        Restriction::And(inner) | Restriction::Or(inner) => {
            return inner.iter().try_for_each(check);
        }
        Restriction::SubObject(object, _) if !PARTS.contains(&object.id()) => false,
        Restriction::Not(inner) | Restriction::SubObject(_, inner) => return check(inner),
        Restriction::Comment(_, inner) | Restriction::Annotation(_, inner) => {
            return inner.as_deref().map_or(Ok(()), check);
        }
        Restriction::Property(property) => property.relation != Relation::Matches,
        Restriction::Compare(comparison) => comparison.relation != Relation::Matches,
        Restriction::Size(size) => !matches!(size.relation, Relation::Matches | Relation::MemberOf),
        Restriction::Count(..) => false,
        Restriction::Content(_)
        | Restriction::BitMask(_)
        | Restriction::Exist(_)
        | Restriction::Null => true,
    };
    is_known.then_some(()).ok_or(Refusal::TooComplex)
}

impl Judge<'_> {
    /// Whether `source` fulfils `restriction`.
    pub fn holds(
        self,
        restriction: &Restriction,
        source: &dyn Properties,
    ) -> Result<bool, Refusal> {
        let holds = |inner: &Restriction| self.holds(inner, source);
        let value = |tag: PropertyTag| source.value(tag.id());
        Ok(match restriction {
            Restriction::And(all) => !any(all, &|inner| Ok(!holds(inner)?))?,
            Restriction::Or(all) => any(all, &holds)?,
            Restriction::Not(inner) => !holds(inner)?,
            Restriction::Content(content) => {
                value(content.property)?.is_some_and(|found| self.contains_any(content, &found))
            }
            Restriction::Property(property) => {
                let wanted = in_unicode(property.value.value.clone(), self.code_page);
                match value(property.property)? {
                    Some(found) => self.relates(property.relation, &found, &wanted)?,
                    None => false,
                }
            }
            Restriction::Compare(comparison) => {
                match value(comparison.first)?.zip(value(comparison.second)?) {
                    Some((first, second)) => self.relates(comparison.relation, &first, &second)?,
                    None => false,
                }
            }
            Restriction::BitMask(mask) => match value(mask.property)? {
                Some(Value::Integer32(number)) => {
                    (number.cast_unsigned() & mask.mask != 0) == mask.is_any_set
                }
                _ => false,
            },
            Restriction::Size(size) => {
                let wanted = usize::try_from(size.size).unwrap_or(usize::MAX);
                let found = value(size.property)?.map(|found| size_of(&found));
                found.is_some_and(|found| fulfils(size.relation, found.cmp(&wanted)))
            }
            Restriction::Exist(property) => value(*property)?.is_some(),
            Restriction::Comment(_, inner) | Restriction::Annotation(_, inner) => {
                inner.as_deref().map_or(Ok(true), holds)?
            }
            Restriction::Null => true,
            Restriction::SubObject(object, inner) => {
                for part in source.parts(object.id())? {
                    if self.holds(inner, &Told(&part))? {
                        return Ok(true);
                    }
                }
                false
            }
            Restriction::Count(..) => return Err(Refusal::TooComplex),
        })
    }

    /// Whether a value is of that relation to another; of several any one of them.
    fn relates(self, relation: Relation, found: &Value, wanted: &Value) -> Result<bool, Refusal> {
        if relation == Relation::Matches {
            return Err(Refusal::TooComplex);
        }
        if relation == Relation::MemberOf {
            let book = self.lists.book()?;
            return Ok(elements(found).any(|one| is_member(&book, &one, wanted)));
        }
        if let Some(order) = compare(found, wanted) {
            return Ok(fulfils(relation, order));
        }
        let mut orders = elements(found).filter_map(|one| compare(&one, wanted));
        Ok(orders.any(|order| fulfils(relation, order)))
    }

    fn contains_any(self, content: &Content, found: &Value) -> bool {
        let wanted = in_unicode(content.value.value.clone(), self.code_page);
        if !found.property_type().is_multiple() {
            return contains(content, found, &wanted);
        }
        elements(found).any(|one| contains(content, &one, &wanted))
    }
}

/// Whether any of these is so; none is asked behind the first that is.
fn any(
    all: &[Restriction],
    is_so: &dyn Fn(&Restriction) -> Result<bool, Refusal>,
) -> Result<bool, Refusal> {
    for one in all {
        if is_so(one)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Each of several values; a single one is itself.
fn elements(value: &Value) -> impl Iterator<Item = Value> {
    (0..).map_while(move |index| element(value, index))
}

/// Whether an order is of that relation.
fn fulfils(relation: Relation, order: Ordering) -> bool {
    match relation {
        Relation::Less => order.is_lt(),
        Relation::LessOrEqual => order.is_le(),
        Relation::Greater => order.is_gt(),
        Relation::GreaterOrEqual => order.is_ge(),
        Relation::Equal => order.is_eq(),
        Relation::NotEqual => order.is_ne(),
        // These say nothing of an order.
        Relation::Matches | Relation::MemberOf => false,
    }
}

/// The order of two values of one type; `None` of two that can't be compared.
pub fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    Some(match (left, right) {
        (Value::Unicode(left), Value::Unicode(right)) => {
            left.to_lowercase().cmp(&right.to_lowercase())
        }
        (Value::Integer16(left), Value::Integer16(right)) => left.cmp(right),
        (Value::Integer32(left), Value::Integer32(right)) => left.cmp(right),
        (Value::Integer64(left), Value::Integer64(right))
        | (Value::Currency(left), Value::Currency(right)) => left.cmp(right),
        (Value::Floating32(left), Value::Floating32(right)) => left.partial_cmp(right)?,
        (Value::Floating64(left), Value::Floating64(right))
        | (Value::FloatingTime(left), Value::FloatingTime(right)) => left.partial_cmp(right)?,
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (Value::Time(left), Value::Time(right)) => left.cmp(right),
        (Value::Guid(left), Value::Guid(right)) => left.0.cmp(&right.0),
        (
            Value::Binary(left) | Value::ServerId(left),
            Value::Binary(right) | Value::ServerId(right),
        ) => left.cmp(right),
        _ if left.property_type().is_multiple() => return compare_all(left, right),
        _ => return None,
    })
}

/// The order of two values of one type that are several: that of the first that differ.
fn compare_all(left: &Value, right: &Value) -> Option<Ordering> {
    if left.property_type() != right.property_type() {
        return None;
    }
    let (mut left, mut right) = (elements(left), elements(right));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Some(Ordering::Equal),
            (None, Some(_)) => return Some(Ordering::Less),
            (Some(_), None) => return Some(Ordering::Greater),
            (Some(one), Some(other)) => match compare(&one, &other)? {
                Ordering::Equal => {}
                order => return Some(order),
            },
        }
    }
}

/// Bytes of a value: texts with the mark of their end, of several values all together.
fn size_of(value: &Value) -> usize {
    match value {
        Value::Binary(bytes) | Value::ServerId(bytes) => bytes.len(),
        several if several.property_type().is_multiple() => {
            elements(several).map(|one| size_of(&one)).sum()
        }
        single => {
            let mut writer = Writer::new(Form::Rop);
            single.write(&mut writer);
            writer.size()
        }
    }
}

/// Whether someone belongs to a list, or to a list that does; both by their entry ids.
/// Source: [MS-OXCDATA] 2.12.5.1 (`RelationalOperatorMemberOfDL`).
fn is_member(book: &Book, someone: &Value, list: &Value) -> bool {
    let (Some(someone), Some(list)) = (number(book, someone), number(book, list)) else {
        return false;
    };
    let (mut lists, mut seen) = (vec![list], BTreeSet::new());
    while let Some(list) = lists.pop() {
        let Some(BookKind::Group(members)) = book.entry(list).map(|entry| &entry.kind) else {
            continue;
        };
        if members.contains(&someone) {
            return true;
        }
        lists.extend(members.iter().filter(|member| seen.insert(**member)));
    }
    false
}

/// Who is named by an entry id: of the address book, or an address that stands there.
fn number(book: &Book, id: &Value) -> Option<AccountId> {
    let Value::Binary(bytes) = id else {
        return None;
    };
    if let Ok(EntryId::AddressBook(id)) = EntryId::from_bytes(bytes) {
        return identity::account_of(str::from_utf8(&id.name.0).ok()?);
    }
    let address = one_off(bytes)?.address;
    let is_it = |known: &String| known.eq_ignore_ascii_case(&address);
    let mut entries = book.entries().iter();
    let found =
        entries.find(|entry| is_it(&entry.address) || entry.other_addresses.iter().any(is_it));
    found.map(|entry| entry.number)
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

fn contains(content: &Content, found: &Value, wanted: &Value) -> bool {
    let way = content.fuzzy_low;
    match (found, wanted) {
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
            let (text, wanted) = (fold(text), fold(wanted));
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
            PREFIX => bytes.starts_with(wanted),
            _ => bytes == wanted,
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
    use crate::codec::data::{
        AddressBookEntryId, BitMask, Comparison, FileTime, Guid, OneOffEntryId, Property, SizeOf,
        TaggedValue,
    };
    use crate::content::Values;
    use bytes::Bytes;
    use engine::directory::{AccountKind, BookEntry, NameOrder};

    /// A message with a property of each type; the number of the type is that of the property.
    struct Fixed;

    impl Properties for Fixed {
        fn tags(&self) -> Vec<PropertyTag> {
            Vec::new()
        }

        fn value(&self, id: u16) -> Result<Option<Value>, Refusal> {
            let text = |text: &str| text.to_owned();
            Ok(Some(match id {
                0x37 => Value::Unicode(text("The Big House")),
                0x0e07 => Value::Integer32(0x11),
                0x0e08 => Value::Integer32(1000),
                0x0fff => Value::Binary(b"abcd".as_slice().into()),
                0x5001 => Value::MultipleUnicode(vec![text("Red"), text("blue sky")]),
                0x5002 => Value::MultipleInteger32(vec![3, 5]),
                0x5003 => Value::MultipleBinary(vec![b"xy".as_slice().into(), Bytes::new()]),
                _ => {
                    return Ok(one_of_each()
                        .into_iter()
                        .find(|(known, ..)| *known == id)
                        .map(|(_, own, ..)| own));
                }
            }))
        }

        fn parts(&self, id: u16) -> Result<Vec<Values>, Refusal> {
            let people =
                ["Ida", "Bo"].map(|name| Values::from([(0x3001, Value::Unicode(name.to_owned()))]));
            Ok(if id == 0x0e12 {
                people.into()
            } else {
                Vec::new()
            })
        }
    }

    type OneOfEach = Vec<(u16, Value, Value, Value)>;

    /// A value of each type that has an order, with one below it and one above.
    fn one_of_each() -> OneOfEach {
        macro_rules! three {
            ($id:literal, $kind:ident: $own:expr, $below:expr, $above:expr) => {
                (
                    $id,
                    Value::$kind($own),
                    Value::$kind($below),
                    Value::$kind($above),
                )
            };
        }
        let text = |text: &str| text.to_owned();
        let bytes = |bytes: &'static [u8]| Bytes::from(bytes);
        let guid = |last| Guid([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, last]);
        vec![
            three!(0x6002, Integer16: -1, -2, 7),
            three!(0x6003, Integer32: 0, -2, 1),
            three!(0x6004, Floating32: 0.5, -1.5, 1.0),
            three!(0x6005, Floating64: 0.5, -1.5, 1.0),
            three!(0x6006, Currency: 10_000, 9_999, 10_001),
            three!(0x6007, FloatingTime: 1.5, 1.0, 2.0),
            three!(0x600b, Boolean: true, false, true),
            three!(0x6014, Integer64: 1 << 40, -1, 1 << 41),
            three!(0x601f, Unicode: text("Banana"), text("apple"), text("cherry")),
            three!(0x6040, Time: FileTime(2), FileTime(1), FileTime(3)),
            three!(0x6048, Guid: guid(1), guid(0), guid(2)),
            three!(0x6102, Binary: bytes(b"abc"), bytes(b"ab"), bytes(b"b")),
        ]
    }

    fn judged(restriction: &Restriction) -> Result<bool, Refusal> {
        let book = Arc::default();
        let judge = Judge {
            code_page: 1252,
            lists: Lists::In(&book),
        };
        let said = judge.holds(restriction, &Fixed);
        assert_eq!(check(restriction), Ok(()), "{restriction:?}");
        said
    }

    fn is(restriction: &Restriction) -> bool {
        judged(restriction).unwrap()
    }

    const SUBJECT: PropertyTag = PropertyTag(0x0037_001f);
    const SIZE: PropertyTag = PropertyTag(0x0e08_0003);
    const WORDS: PropertyTag = PropertyTag(0x5001_101f);
    const NUMBERS: PropertyTag = PropertyTag(0x5002_1003);
    const SEVERAL_BYTES: PropertyTag = PropertyTag(0x5003_1102);
    const ABSENT: PropertyTag = PropertyTag(0x1234_0003);
    const RELATIONS: [Relation; 6] = [
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
        Relation::Equal,
        Relation::NotEqual,
    ];

    fn content(fuzzy_low: u16, fuzzy_high: u16, wanted: &str) -> Restriction {
        content_of(
            SUBJECT,
            fuzzy_low,
            fuzzy_high,
            Value::Unicode(wanted.to_owned()),
        )
    }

    fn content_of(property: PropertyTag, low: u16, high: u16, wanted: Value) -> Restriction {
        Restriction::Content(Content {
            fuzzy_low: low,
            fuzzy_high: high,
            property,
            value: TaggedValue::new(
                PropertyTag::new(property.id(), wanted.property_type()),
                wanted,
            ),
        })
    }

    fn related(property: PropertyTag, relation: Relation, value: Value) -> Restriction {
        let tag = PropertyTag::new(property.id(), value.property_type());
        Restriction::Property(Property {
            relation,
            property,
            value: TaggedValue::new(tag, value),
        })
    }

    fn property(property: PropertyTag, relation: Relation, number: i32) -> Restriction {
        related(property, relation, Value::Integer32(number))
    }

    #[test]
    fn values_of_every_type_are_compared() {
        for (id, own, below, above) in one_of_each() {
            let tag = PropertyTag::new(id, own.property_type());
            let told = |value: &Value| RELATIONS.map(|it| is(&related(tag, it, value.clone())));
            assert_eq!(
                told(&below),
                [false, false, true, true, false, true],
                "{tag:?}"
            );
            assert_eq!(
                told(&own),
                [false, true, false, true, true, false],
                "{tag:?}"
            );
            if own != above {
                assert_eq!(
                    told(&above),
                    [true, true, false, false, false, true],
                    "{tag:?}"
                );
            }
            let other = Value::MultipleInteger16(vec![1]);
            assert_eq!(told(&other), [false; 6], "of another type: {tag:?}");
            let itself = |relation| {
                let comparison = Comparison {
                    relation,
                    first: tag,
                    second: tag,
                };
                is(&Restriction::Compare(comparison))
            };
            assert_eq!(
                RELATIONS.map(itself),
                [false, true, false, true, true, false]
            );
        }
    }

    #[test]
    fn of_several_values_any_one_may_fulfil_what_is_asked_of_one() {
        let text = |text: &str| Value::Unicode(text.to_owned());
        assert!(is(&related(WORDS, Relation::Equal, text("red"))));
        assert!(!is(&related(WORDS, Relation::Equal, text("blue"))));
        assert!(is(&content_of(WORDS, SUBSTRING, IGNORE_CASE, text("SKY"))));
        assert!(is(&content_of(WORDS, PREFIX, 0, text("blue"))));
        assert!(!is(&content_of(WORDS, 0, 0, text("red"))), "of this case");
        assert!(is(&property(NUMBERS, Relation::Greater, 4)));
        assert!(!is(&property(NUMBERS, Relation::Greater, 5)));
        let both = |numbers: &[i32]| Value::MultipleInteger32(numbers.to_vec());
        assert!(is(&related(NUMBERS, Relation::Equal, both(&[3, 5]))));
        assert!(!is(&related(NUMBERS, Relation::Equal, both(&[5, 3]))));
        assert!(is(&related(NUMBERS, Relation::Less, both(&[3, 5, 0]))));
        assert!(is(&related(NUMBERS, Relation::Greater, both(&[3, 4, 9]))));
    }

    #[test]
    fn sizes_are_those_of_values_as_they_are_told() {
        let is_of = |property, size| {
            let is = |relation| {
                is(&Restriction::Size(SizeOf {
                    relation,
                    property,
                    size,
                }))
            };
            assert_eq!(
                is(Relation::Equal),
                is(Relation::LessOrEqual) && is(Relation::GreaterOrEqual)
            );
            is(Relation::Equal) && !is(Relation::NotEqual) && !is(Relation::Less)
        };
        assert!(is_of(SIZE, 4));
        assert!(is_of(SUBJECT, 28), "in UTF-16, with its end");
        assert!(is_of(PropertyTag(0x0fff_0102), 4), "the bytes alone");
        assert!(is_of(NUMBERS, 8) && is_of(SEVERAL_BYTES, 2));
        assert!(!is_of(ABSENT, 0) && !is_of(ABSENT, 4));
    }

    #[test]
    fn recipients_are_asked_one_by_one() {
        let named = |object, name: &str| {
            let inner = content_of(
                PropertyTag(0x3001_001f),
                0,
                IGNORE_CASE,
                Value::Unicode(name.to_owned()),
            );
            Restriction::SubObject(PropertyTag(object), Box::new(inner))
        };
        assert!(is(&named(0x0e12_000d, "bo")) && is(&named(0x0e12_000d, "ida")));
        assert!(!is(&named(0x0e12_000d, "ida bo")) && !is(&named(0x0e13_000d, "bo")));
    }

    #[test]
    fn who_belongs_to_a_list_belongs_to_those_it_belongs_to() {
        let entry = |number, address: &str, kind| {
            Arc::new(BookEntry {
                number: AccountId(number),
                kind,
                name: String::new(),
                address: address.to_owned(),
                other_addresses: vec![format!("other.{address}")],
            })
        };
        let person = BookKind::Account(AccountKind::Person);
        let group =
            |members: &[u32]| BookKind::Group(members.iter().copied().map(AccountId).collect());
        let entries = vec![
            entry(1, "ida@x.test", person.clone()),
            entry(2, "bo@x.test", person),
            entry(3, "few@x.test", group(&[1, 4])),
            entry(4, "all@x.test", group(&[3, 2])),
        ];
        let book = Book::new(entries, NameOrder::default());
        let of_book = |number| {
            let name = identity::legacy_name(AccountId(number));
            EntryId::AddressBook(AddressBookEntryId::new(0, &name))
        };
        let elsewhere = |address| EntryId::OneOff(OneOffEntryId::smtp("", address));
        let is = |someone: &EntryId, list: u32| {
            let id = |id: &EntryId| Value::Binary(id.to_bytes().into());
            is_member(&book, &id(someone), &id(&of_book(list)))
        };
        assert!(
            is(&of_book(1), 3) && is(&of_book(1), 4),
            "through the list in it"
        );
        assert!(
            is(&of_book(2), 4) && is(&of_book(2), 3),
            "lists may hold one another"
        );
        assert!(is(&elsewhere("IDA@x.test"), 3) && is(&elsewhere("other.bo@x.test"), 4));
        assert!(!is(&of_book(1), 2) && !is(&elsewhere("eva@x.test"), 4));
        assert!(!is_member(
            &book,
            &Value::Integer32(1),
            &Value::Integer32(3)
        ));
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
    fn what_no_object_can_be_asked_is_refused() {
        let null = || Box::new(Restriction::Null);
        let count = Restriction::Count(1, null());
        let like = property(SIZE, Relation::Matches, 1);
        let size = Restriction::Size(SizeOf {
            relation: Relation::Matches,
            property: SIZE,
            size: 1,
        });
        for refused in [count, like, size] {
            assert_eq!(check(&refused), Err(Refusal::TooComplex), "{refused:?}");
            let inner = Restriction::And(vec![Restriction::Not(Box::new(refused))]);
            assert_eq!(check(&inner), Err(Refusal::TooComplex));
        }
        let body = Restriction::SubObject(PropertyTag(0x1000_000d), null());
        assert_eq!(check(&body), Err(Refusal::TooComplex));
        let outermost = Restriction::Count(3, null());
        assert_eq!(counted(Some(&outermost)), (3, Some(&Restriction::Null)));
        assert_eq!(counted(None), (usize::MAX, None));
    }
}
