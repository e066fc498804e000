//! What rows are sorted by, as bytes whose order is the order wanted.
//!
//! Values are read once for each row; from then on nothing but bytes is compared. The parts of a
//! key are told apart by marks at its end, because headings compare only the first of them. Texts
//! stand in the order of a language; upper and lower case are alike.
//!
//! Start at [`Plan`].
//!
//! Source: [MS-OXCDATA] 2.13.1 (orders), [MS-OXCTABL] 2.2.2.3, 3.2.5.2 (headings), 2.2.1.2 (a row
//! for each of several values).

use super::list::Entry;
use crate::codec::data::{PropertyTag, SortOrder, Value};
use crate::property::Properties;
use crate::refusal::Refusal;
use engine::directory::NameOrder;
use std::sync::Arc;

/// Bytes of one value that count, as many as a table tells of it. Source: [MS-OXCTABL] 3.2.5.5.4.
const PART_BYTES_MAX: usize = 510;
/// Bytes of a key that most have room in.
const KEY_BYTES_USUAL: usize = 64;
/// Rows that one message has at most, one for each of its values.
const INSTANCES_MAX: usize = 256;
/// Bytes of the mark of a part's end.
const MARK_BYTES: usize = 2;

const DESCENDING: u8 = 1;
/// The heading before is sorted by the greatest of these. Source: [MS-OXCDATA] 2.13.1.
const BY_GREATEST: u8 = 4;

/// Header, text and HTML: read as streams only, and never sorted by.
pub const LONG: [u16; 4] = [0x007d, 0x1000, 0x1009, 0x1013];

/// A level of headings: which part of a key it is, and by which part's greatest it is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The order that it follows.
    pub order: usize,
    /// The one that sorts it, if another does.
    pub greatest: Option<usize>,
    /// The greatest first.
    pub is_descending: bool,
}

/// Bytes of a key for which no room need be found elsewhere: a number or time with its marks.
const SHORT_BYTES: usize = 22;

/// Bytes that tell where a row stands.
#[derive(Debug, Clone)]
pub enum Key {
    /// So many of these.
    Short(u8, [u8; SHORT_BYTES]),
    /// All of these.
    Long(Arc<[u8]>),
}

impl Key {
    /// Of rows that nothing tells apart.
    pub const NONE: Self = Self::Short(0, [0; SHORT_BYTES]);

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }

    /// Bytes that it takes besides itself.
    pub fn more_bytes(&self) -> usize {
        match self {
            Self::Short(..) => 0,
            Self::Long(bytes) => bytes.len(),
        }
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT_BYTES];
        match (short.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(room), Ok(len)) => {
                room.copy_from_slice(bytes);
                Self::Short(len, short)
            }
            _ => Self::Long(bytes.into()),
        }
    }
}

/// How keys are made, and what their parts are.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The language in whose order texts are (BCP 47).
    pub language: &'static str,
    texts: Arc<NameOrder>,
    orders: Vec<SortOrder>,
    /// The levels of headings.
    pub levels: Vec<Level>,
    /// The orders by their parts: those of headings, then all others.
    parts: Vec<usize>,
    /// The property each of whose values has a row of its own.
    expanded: Option<u16>,
}

/// Whether a column stands for one of several values.
pub fn is_instance(tag: PropertyTag) -> bool {
    tag.property_type() != tag.property_type().of_value()
}

impl Plan {
    /// Sorted by these, of which so many are headings; texts in the order of a language.
    pub fn new(orders: &[SortOrder], level_count: usize, language: &'static str) -> Self {
        let mut levels = Vec::<Level>::new();
        let (mut rest, mut greatest) = (Vec::new(), Vec::new());
        for (order, wanted) in orders.iter().enumerate() {
            if wanted.order & BY_GREATEST != 0
                && let Some(level) = levels.last_mut()
            {
                level.greatest = Some(order);
                greatest.push(order);
            } else if levels.len() < level_count {
                levels.push(Level {
                    order,
                    greatest: None,
                    is_descending: wanted.order & DESCENDING != 0,
                });
            } else {
                rest.push(order);
            }
        }
        let of_levels = levels.iter().map(|level| level.order);
        let expanded = orders.iter().find(|order| is_instance(order.tag));
        Self {
            language,
            texts: Arc::new(NameOrder::of(language)),
            parts: of_levels.chain(rest).chain(greatest).collect(),
            expanded: expanded.map(|order| order.tag.id()),
            orders: orders.to_vec(),
            levels,
        }
    }

    /// The property each of whose values has a row of its own.
    pub fn expanded(&self) -> Option<u16> {
        self.expanded
    }

    /// The order that a part follows.
    pub fn order(&self, order: usize) -> Option<&SortOrder> {
        self.orders.get(order)
    }

    /// All properties that keys are made of.
    pub fn properties(&self) -> impl Iterator<Item = u16> {
        self.orders.iter().map(|order| order.tag.id())
    }

    /// Lets `put` have the keys of a row with their instances: one, or one for each value of the
    /// property that is expanded. `natural` decides among equals.
    pub fn keys(
        &self,
        source: &dyn Properties,
        natural: &[u8],
        put: &mut dyn FnMut(u32, Key),
    ) -> Result<(), Refusal> {
        let value = |order: &SortOrder| match order.tag.id() {
            long if LONG.contains(&long) => Ok(None),
            id => source.value(id),
        };
        let expanded = self.orders.iter().find(|order| is_instance(order.tag));
        let several = expanded.map(value).transpose()?.flatten();
        let instances = several.as_ref().map_or(1, count).clamp(1, INSTANCES_MAX);
        let mut key = Vec::with_capacity(KEY_BYTES_USUAL);
        for (number, instance) in (0..).zip(0..instances) {
            key.clear();
            let mut ends = Vec::new();
            for order in self.parts.iter().filter_map(|part| self.orders.get(*part)) {
                let value = value(order)?;
                let index = if is_instance(order.tag) { instance } else { 0 };
                let value = value.and_then(|value| nth(value, index));
                self.write_part(&mut key, order, value.as_ref());
                if !self.levels.is_empty() {
                    ends.extend(u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
                }
            }
            key.extend_from_slice(natural);
            // Where all before is equal these are, so they decide nothing.
            key.extend_from_slice(&ends);
            put(number, Key::from(key.as_slice()));
        }
        Ok(())
    }

    fn write_part(&self, key: &mut Vec<u8>, order: &SortOrder, value: Option<&Value>) {
        let start = key.len();
        write(key, value, &self.texts);
        if order.order & DESCENDING != 0 && order.order & BY_GREATEST == 0 {
            invert(key.get_mut(start..).unwrap_or_default());
        }
    }

    /// Where a part of a key ends; only keys of tables with headings say.
    fn end(&self, key: &[u8], part: usize) -> Option<usize> {
        let marks = key.len().checked_sub(self.parts.len() * MARK_BYTES)?;
        let mark = key.get(marks..)?.chunks_exact(MARK_BYTES).nth(part)?;
        Some(u16::from_be_bytes(mark.try_into().ok()?).into())
    }

    /// The bytes that all rows below one heading of that depth have in common.
    pub fn common<'a>(&self, key: &'a [u8], depth: usize) -> &'a [u8] {
        let end = self.end(key, depth).unwrap_or_default();
        key.get(..end).unwrap_or_default()
    }

    /// The bytes of what an order made, if a heading is sorted by that.
    fn greatest<'a>(&self, key: &'a [u8], level: Level) -> Option<&'a [u8]> {
        let part = self
            .parts
            .iter()
            .position(|order| level.greatest == Some(*order))?;
        let start = part.checked_sub(1).and_then(|before| self.end(key, before));
        key.get(start.unwrap_or_default()..self.end(key, part)?)
    }

    /// Whether headings are sorted by the greatest below them.
    pub fn has_greatest(&self) -> bool {
        self.levels.iter().any(|level| level.greatest.is_some())
    }

    /// The bytes of what a row tells the heading of that depth above it to be sorted by.
    pub fn greatest_below<'a>(&self, entry: &'a Entry, depth: usize) -> Option<&'a [u8]> {
        let level = self.levels.get(depth)?;
        self.greatest(entry.key.bytes(), *level)
    }

    /// The same bytes whichever way the levels are sorted, by which headings are named.
    pub fn name(&self, key: &[u8], depth: usize) -> Vec<u8> {
        let mut name = self.common(key, depth).to_vec();
        let mut start = 0;
        for (part, level) in self.levels.iter().enumerate().take(depth + 1) {
            let end = self.end(key, part).unwrap_or(start);
            if level.is_descending {
                invert(name.get_mut(start..end).unwrap_or_default());
            }
            start = end;
        }
        name
    }
}

/// Turns an order of bytes round.
pub fn invert(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = !*byte;
    }
}

/// Appends a value, so that bytes compare as values do; what has none stands first. No value is
/// the beginning of another.
fn write(key: &mut Vec<u8>, value: Option<&Value>, texts: &NameOrder) {
    let Some(value) = value else {
        key.push(0);
        return;
    };
    key.push(1);
    match value {
        Value::Integer16(number) => write_number(key, i64::from(*number)),
        Value::Integer32(number) => write_number(key, i64::from(*number)),
        Value::Integer64(number) | Value::Currency(number) => write_number(key, *number),
        Value::Floating32(number) => write_floating(key, f64::from(*number)),
        Value::Floating64(number) | Value::FloatingTime(number) => write_floating(key, *number),
        Value::Boolean(is) => key.push(u8::from(*is)),
        Value::Time(time) => key.extend_from_slice(&time.0.to_be_bytes()),
        Value::Guid(guid) => key.extend_from_slice(&guid.0),
        Value::Unicode(text) => write_text(key, text, texts),
        Value::String8(text) => write_text(key, &String::from_utf8_lossy(&text.0), texts),
        Value::Binary(bytes) | Value::ServerId(bytes) => {
            for byte in bytes.iter().take(PART_BYTES_MAX) {
                key.extend_from_slice(if *byte == 0 {
                    &[0, 1]
                } else {
                    std::slice::from_ref(byte)
                });
            }
            key.extend_from_slice(&[0, 0]);
        }
        _ => {}
    }
}

/// Flipping the sign bit makes byte order the order of signed numbers.
fn write_number(key: &mut Vec<u8>, number: i64) {
    key.extend_from_slice(&(number.cast_unsigned() ^ (1 << 63)).to_be_bytes());
}

/// Negative numbers are greater the smaller their bits are.
fn write_floating(key: &mut Vec<u8>, number: f64) {
    let bits = number.to_bits();
    let ordered = if bits >> 63 == 0 {
        bits ^ (1 << 63)
    } else {
        !bits
    };
    key.extend_from_slice(&ordered.to_be_bytes());
}

/// No byte is 0 but that of the end.
fn write_text(key: &mut Vec<u8>, text: &str, texts: &NameOrder) {
    let end = text.floor_char_boundary(PART_BYTES_MAX);
    texts.write_key(text.get(..end).unwrap_or_default(), key);
    key.push(0);
}

/// One of several values; a single one is its own first.
macro_rules! of_several {
    ($value:expr, $index:expr, $($several:ident => $single:ident),*) => {
        match $value {
            $(Value::$several(all) => all.get($index).cloned().map(Value::$single),)*
            single if $index == 0 => Some(single.clone()),
            _ => None,
        }
    };
}

/// One of several values.
pub fn element(value: &Value, index: usize) -> Option<Value> {
    of_several!(value, index,
        MultipleInteger16 => Integer16, MultipleInteger32 => Integer32,
        MultipleInteger64 => Integer64, MultipleFloating32 => Floating32,
        MultipleFloating64 => Floating64, MultipleCurrency => Currency,
        MultipleFloatingTime => FloatingTime, MultipleTime => Time,
        MultipleGuid => Guid, MultipleUnicode => Unicode,
        MultipleString8 => String8, MultipleBinary => Binary)
}

/// The same, of a value that is needed no more.
fn nth(value: Value, index: usize) -> Option<Value> {
    if value.property_type().is_multiple() {
        return element(&value, index);
    }
    Some(value).filter(|_| index == 0)
}

fn count(value: &Value) -> usize {
    (0..=INSTANCES_MAX)
        .take_while(|index| element(value, *index).is_some())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition;
    use engine::directory::ANY_LANGUAGE;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    fn bytes(value: Option<&Value>) -> Vec<u8> {
        let mut key = Vec::new();
        write(&mut key, value, &NameOrder::of(ANY_LANGUAGE));
        key
    }

    fn values() -> impl Strategy<Value = (Value, Value)> {
        let binary = prop::collection::vec(0_u8..3, 0..5);
        prop_oneof![
            (any::<i32>(), any::<i32>())
                .prop_map(|(a, b)| (Value::Integer32(a), Value::Integer32(b))),
            (any::<i64>(), any::<i64>())
                .prop_map(|(a, b)| (Value::Integer64(a), Value::Integer64(b))),
            (any::<bool>(), any::<bool>())
                .prop_map(|(a, b)| (Value::Boolean(a), Value::Boolean(b))),
            (binary.clone(), binary)
                .prop_map(|(a, b)| (Value::Binary(a.into()), Value::Binary(b.into()))),
        ]
    }

    proptest! {
        #[test]
        fn bytes_compare_as_values_do((left, right) in values()) {
            let (a, b) = (bytes(Some(&left)), bytes(Some(&right)));
            prop_assert_eq!(Some(a.cmp(&b)), condition::compare(&left, &right));
            let back = |bytes: &[u8]| bytes.iter().map(|byte| !byte).collect::<Vec<_>>();
            prop_assert_eq!(back(&a).cmp(&back(&b)), b.cmp(&a));
            prop_assert_eq!(bytes(None).cmp(&a), Ordering::Less);
        }
    }

    fn sorted(language: &str, texts: &[&'static str]) -> Vec<&'static str> {
        let order = NameOrder::of(language);
        let key = |text: &&str| {
            let mut key = Vec::new();
            write(&mut key, Some(&Value::Unicode((*text).to_owned())), &order);
            key
        };
        let mut texts = texts.to_vec();
        texts.sort_by_key(key);
        texts
    }

    #[test]
    fn texts_stand_in_the_order_of_a_language() {
        let names = ["zebra", "Öl", "Apfel", "apfel", "Ähre", "", "Zebra 2"];
        let german = ["", "Ähre", "Apfel", "apfel", "Öl", "zebra", "Zebra 2"];
        assert_eq!(sorted("de", &names), german);
        let swedish = ["", "Apfel", "apfel", "zebra", "Zebra 2", "Ähre", "Öl"];
        assert_eq!(sorted("sv", &names), swedish);
    }

    #[test]
    fn a_key_is_its_bytes_however_long() {
        for len in [0, 1, SHORT_BYTES, SHORT_BYTES + 1, 600] {
            let bytes = vec![7; len];
            assert_eq!(Key::from(bytes.as_slice()).bytes(), bytes);
        }
    }

    proptest! {
        #[test]
        fn texts_compare_as_in_their_language(left in "[a-cA-Cé ]{0,4}", right in "[a-cA-Cé ]{0,4}") {
            let order = NameOrder::of(ANY_LANGUAGE).compare(&left, &right);
            let key = |text: String| bytes(Some(&Value::Unicode(text)));
            prop_assert_eq!(key(left).cmp(&key(right)), order);
        }
    }

    #[test]
    fn one_of_several_values_is_told_apart() {
        let several = Value::MultipleUnicode(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(count(&several), 2);
        assert_eq!(element(&several, 1), Some(Value::Unicode("b".to_owned())));
        assert_eq!(count(&Value::Integer32(1)), 1);
        assert_eq!(count(&Value::MultipleUnicode(Vec::new())), 0);
    }
}
