//! What rows are sorted by, as bytes whose order is the order wanted.
//!
//! Values are read once for each row; from then on nothing but bytes is compared. The parts of a
//! key are told apart by marks at its end, because headings compare only the first of them.
//!
//! Start at [`Plan`].
//!
//! Source: [MS-OXCDATA] 2.13.1 (orders), [MS-OXCTABL] 2.2.2.3, 3.2.5.2 (headings), 2.2.1.2 (a row
//! for each of several values).

use super::list::Entry;
use crate::codec::data::{PropertyTag, SortOrder, Value};
use crate::property::Properties;
use crate::refusal::Refusal;
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

/// How keys are made, and what their parts are.
#[derive(Debug, Clone, Default)]
pub struct Plan {
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
    /// Sorted by these, of which so many are headings.
    pub fn new(orders: &[SortOrder], level_count: usize) -> Self {
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
        put: &mut dyn FnMut(u32, Option<Arc<[u8]>>),
    ) -> Result<(), Refusal> {
        if self.orders.is_empty() {
            put(
                0,
                Some(natural).filter(|own| !own.is_empty()).map(Arc::from),
            );
            return Ok(());
        }
        let mut values = Vec::with_capacity(self.orders.len());
        for order in &self.orders {
            values.push(match order.tag.id() {
                long if LONG.contains(&long) => None,
                id => source.value(id)?,
            });
        }
        let expanded = self.orders.iter().position(|order| is_instance(order.tag));
        let several = expanded.and_then(|at| values.get(at)?.as_ref().map(count));
        let instances = several.unwrap_or(1).clamp(1, INSTANCES_MAX);
        for (number, instance) in (0..).zip(0..instances) {
            put(number, Some(self.key(&values, instance, natural).into()));
        }
        Ok(())
    }

    fn key(&self, values: &[Option<Value>], instance: usize, natural: &[u8]) -> Vec<u8> {
        let (mut key, mut ends) = (Vec::with_capacity(KEY_BYTES_USUAL), Vec::new());
        for part in &self.parts {
            let Some(order) = self.orders.get(*part) else {
                continue;
            };
            let value = values.get(*part).and_then(Option::as_ref);
            let index = if is_instance(order.tag) { instance } else { 0 };
            let value = value.and_then(|value| element(value, index));
            let start = key.len();
            write(&mut key, value.as_ref());
            if order.order & DESCENDING != 0 && order.order & BY_GREATEST == 0 {
                invert(key.get_mut(start..).unwrap_or_default());
            }
            if !self.levels.is_empty() {
                ends.extend(u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
            }
        }
        key.extend_from_slice(natural);
        // Where all before is equal these are, so they decide nothing.
        key.extend_from_slice(&ends);
        key
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
        self.greatest(entry.key.as_deref()?, *level)
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
fn write(key: &mut Vec<u8>, value: Option<&Value>) {
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
        Value::Unicode(text) => write_text(key, text),
        Value::String8(text) => write_text(key, &String::from_utf8_lossy(&text.0)),
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

/// Without regard to case; the end is a byte below all others.
fn write_text(key: &mut Vec<u8>, text: &str) {
    let folded = text.chars().flat_map(char::to_lowercase);
    let start = key.len();
    let mut buffer = [0; 4];
    for letter in folded.filter(|letter| *letter != '\0') {
        let bytes = letter.encode_utf8(&mut buffer).as_bytes();
        if key.len() - start + bytes.len() > PART_BYTES_MAX {
            break;
        }
        key.extend_from_slice(bytes);
    }
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

fn count(value: &Value) -> usize {
    (0..=INSTANCES_MAX)
        .take_while(|index| element(value, *index).is_some())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    fn bytes(value: Option<&Value>) -> Vec<u8> {
        let mut key = Vec::new();
        write(&mut key, value);
        key
    }

    fn values() -> impl Strategy<Value = (Value, Value)> {
        let text = "[a-cA-Cé]{0,4}";
        let binary = prop::collection::vec(0_u8..3, 0..5);
        prop_oneof![
            (any::<i32>(), any::<i32>())
                .prop_map(|(a, b)| (Value::Integer32(a), Value::Integer32(b))),
            (any::<i64>(), any::<i64>())
                .prop_map(|(a, b)| (Value::Integer64(a), Value::Integer64(b))),
            (any::<bool>(), any::<bool>())
                .prop_map(|(a, b)| (Value::Boolean(a), Value::Boolean(b))),
            (text, text).prop_map(|(a, b)| (Value::Unicode(a), Value::Unicode(b))),
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

    #[test]
    fn one_of_several_values_is_told_apart() {
        let several = Value::MultipleUnicode(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(count(&several), 2);
        assert_eq!(element(&several, 1), Some(Value::Unicode("b".to_owned())));
        assert_eq!(count(&Value::Integer32(1)), 1);
        assert_eq!(count(&Value::MultipleUnicode(Vec::new())), 0);
    }
}
