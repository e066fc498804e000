//! Sets of message numbers, as commands name them and as answers tell them.
//!
//! Standards: RFC 9051 §9 (`sequence-set`), RFC 5182 (`$`), RFC 7162 §7 (`known-uids`).

use super::Fault;
use super::cursor::{Cursor, Parsed};
use super::write;
use bytes::BytesMut;
use std::fmt;

/// Ranges in one set; as many as fit on a line of 64 KiB with two digits each are no person's wish.
pub const RANGES_MAX: usize = 16_384;

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A number from 1.
    Number(u32),
    /// `*`: the largest number in use.
    Largest,
}

/// A set as written: nothing is resolved, sorted or joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceSet {
    /// Ranges in the order of the command; a single number is a range of one.
    Ranges(Vec<(End, End)>),
    /// `$`: what the last `SEARCH RETURN (SAVE)` found.
    Saved,
}

impl SequenceSet {
    /// Reads a set.
    pub fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        if cursor.accept(b'$') {
            return Ok(Self::Saved);
        }
        let mut ranges = Vec::new();
        loop {
            let first = end(cursor)?;
            let last = if cursor.accept(b':') {
                end(cursor)?
            } else {
                first
            };
            ranges.push((first, last));
            if ranges.len() > RANGES_MAX {
                return Err(Fault::Limit("Too many ranges in a set"));
            }
            if !cursor.accept(b',') {
                return Ok(Self::Ranges(ranges));
            }
        }
    }

    /// Reads a set without `*` and `$`, as QRESYNC sends what it knows.
    pub fn read_known(cursor: &mut Cursor<'_>) -> Parsed<NumberSet> {
        let Self::Ranges(ranges) = Self::read(cursor)? else {
            return Err(Fault::Syntax("Only numbers are allowed here"));
        };
        let numbers = ranges.iter().map(|range| match range {
            (End::Number(a), End::Number(b)) => Ok((*a.min(b), *a.max(b))),
            _ => Err(Fault::Syntax("`*` is not allowed here")),
        });
        Ok(NumberSet::from_ranges(numbers.collect::<Parsed<Vec<_>>>()?))
    }

    /// The numbers meant when `largest` is the largest in use (0: none is). `None` for `$`.
    pub fn resolve(&self, largest: u32) -> Option<NumberSet> {
        let Self::Ranges(ranges) = self else {
            return None;
        };
        let number = |end: &End| match end {
            End::Number(number) => *number,
            End::Largest => largest,
        };
        let ranges = ranges.iter().map(|(a, b)| {
            let (a, b) = (number(a), number(b));
            (a.min(b), a.max(b))
        });
        // Without messages `*` means nothing; 0 is no message's number.
        Some(NumberSet::from_ranges(
            ranges.filter(|(_, last)| *last > 0).collect(),
        ))
    }
}

fn end(cursor: &mut Cursor<'_>) -> Parsed<End> {
    if cursor.accept(b'*') {
        Ok(End::Largest)
    } else {
        cursor.nonzero().map(End::Number)
    }
}

impl From<&NumberSet> for SequenceSet {
    fn from(numbers: &NumberSet) -> Self {
        let number = |(first, last): &(u32, u32)| (End::Number(*first), End::Number(*last));
        Self::Ranges(numbers.ranges.iter().map(number).collect())
    }
}

/// Numbers as ascending ranges that neither overlap nor touch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NumberSet {
    ranges: Vec<(u32, u32)>,
}

impl NumberSet {
    /// From ranges (first ≤ last) in any order.
    pub fn from_ranges(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => joined.push((first, last)),
            }
        }
        Self { ranges: joined }
    }

    /// Adds a number larger than all in the set; a smaller one is taken too, at a cost.
    pub fn push(&mut self, number: u32) {
        match self.ranges.last_mut() {
            Some((_, last)) if number == last.saturating_add(1) => *last = number,
            Some((_, last)) if number <= *last => {
                if !self.contains(number) {
                    let mut ranges = std::mem::take(&mut self.ranges);
                    ranges.push((number, number));
                    *self = Self::from_ranges(ranges);
                }
            }
            _ => self.ranges.push((number, number)),
        }
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Every number, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// True when no number is in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many numbers are in it.
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .map(|(first, last)| u64::from(last - first) + 1)
            .sum()
    }

    /// The smallest number.
    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|(first, _)| *first)
    }

    /// The largest number.
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|(_, last)| *last)
    }

    /// True if `number` is in it.
    pub fn contains(&self, number: u32) -> bool {
        let behind = self.ranges.partition_point(|(first, _)| *first <= number);
        let before = behind
            .checked_sub(1)
            .and_then(|index| self.ranges.get(index));
        before.is_some_and(|(_, last)| number <= *last)
    }

    /// Writes `1:3,7`; nothing for the empty set.
    pub fn write(&self, out: &mut BytesMut) {
        for (index, (first, last)) in self.ranges.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b",");
            }
            write::number(out, u64::from(*first));
            if last > first {
                out.extend_from_slice(b":");
                write::number(out, u64::from(*last));
            }
        }
    }
}

impl fmt::Display for NumberSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = BytesMut::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl FromIterator<u32> for NumberSet {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut set = Self::default();
        numbers.into_iter().for_each(|number| set.push(number));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Parsed<SequenceSet> {
        let mut cursor = Cursor::new(text.as_bytes());
        let set = SequenceSet::read(&mut cursor)?;
        cursor.end().map(|()| set)
    }

    #[test]
    fn a_star_is_the_largest_number() {
        let set = read("2,4:7,9,12:*").unwrap();
        assert_eq!(
            set.resolve(15).unwrap().ranges(),
            [(2, 2), (4, 7), (9, 9), (12, 15)]
        );
        // RFC 9051 §9: `*:4` with a largest of 3 is 3:4.
        assert_eq!(read("*:4").unwrap().resolve(3).unwrap().ranges(), [(3, 4)]);
        // UID FETCH 559:* always includes the last message.
        assert_eq!(
            read("559:*").unwrap().resolve(500).unwrap().ranges(),
            [(500, 559)]
        );
    }

    #[test]
    fn sets_that_are_none_are_refused() {
        for bad in [
            "",
            "0",
            "1,",
            ",1",
            "1:",
            ":2",
            "1:2:3",
            "a",
            "4294967296",
            "-1",
            "$,1",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_empty_mailbox_has_no_star() {
        assert!(read("*").unwrap().resolve(0).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn a_number_set_is_what_was_put_into_it(
            numbers in proptest::collection::vec(1_u32..200, 0..80)
        ) {
            let set: NumberSet = numbers.iter().copied().collect();
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), sorted.clone());
            prop_assert_eq!(set.len(), u64::try_from(sorted.len()).unwrap());
            for number in 0..210 {
                prop_assert_eq!(set.contains(number), sorted.contains(&number));
            }
            let mut out = BytesMut::new();
            set.write(&mut out);
            if !sorted.is_empty() {
                let again = SequenceSet::read_known(&mut Cursor::new(&out)).unwrap();
                prop_assert_eq!(again, set);
            }
        }
    }
}
