//! Comparators and match types: how strings of letters and scripts are held against each other.
//!
//! Pure and bounded: every comparison takes its cost from a budget, and patterns never go back
//! further than to the last `*`.
//!
//! Start at [`Matching`]. Standards: RFC 5228 §2.7, RFC 4790 §9 (comparators), RFC 5051
//! (i;unicode-casemap), RFC 5231 (relations), RFC 5229 §3.2 (what wildcards matched).

use super::extension::Extension;
use crate::date::{Civil, Date};
use regex::{Regex, RegexBuilder};
use std::cmp::Ordering;
use unicode_normalization::UnicodeNormalization;

/// Bytes that a compiled regular expression may take.
const REGEX_BYTES_MAX: usize = 256 * 1024;

/// A comparator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparator {
    /// `i;octet`.
    Octet,
    /// `i;ascii-casemap`.
    #[default]
    AsciiCasemap,
    /// `i;ascii-numeric`.
    AsciiNumeric,
    /// `i;unicode-casemap`.
    UnicodeCasemap,
}

/// What must hold between two values (RFC 5231 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
}

/// How a string is held against a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MatchKind {
    /// It is the key.
    #[default]
    Is,
    /// The key is in it.
    Contains,
    /// The key is a pattern with `*` and `?`.
    Matches,
    /// The key is a regular expression.
    Regex,
    /// It stands in this relation to the key.
    Value(Relation),
    /// The number of strings stands in this relation to the key.
    Count(Relation),
    /// The key names a list that it is on.
    List,
}

/// How a test compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// The comparator.
    pub comparator: Comparator,
    /// The match type.
    pub kind: MatchKind,
}

impl Comparator {
    /// The comparator of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "i;octet" => Self::Octet,
            "i;ascii-casemap" => Self::AsciiCasemap,
            "i;ascii-numeric" => Self::AsciiNumeric,
            "i;unicode-casemap" => Self::UnicodeCasemap,
            _ => return None,
        })
    }

    pub(super) fn extension(self) -> Extension {
        match self {
            Self::Octet => Extension::OctetComparator,
            Self::AsciiCasemap => Extension::AsciiCasemapComparator,
            Self::AsciiNumeric => Extension::AsciiNumericComparator,
            Self::UnicodeCasemap => Extension::UnicodeCasemapComparator,
        }
    }

    /// How two strings are ordered.
    pub fn order(self, left: &str, right: &str) -> Ordering {
        match self {
            Self::Octet => left.as_bytes().cmp(right.as_bytes()),
            Self::AsciiCasemap => {
                let upper = |text: &str| text.to_ascii_uppercase();
                upper(left).cmp(&upper(right))
            }
            Self::UnicodeCasemap => folded(left).cmp(&folded(right)),
            Self::AsciiNumeric => numeric(left, right),
        }
    }

    /// Whether one string is in another.
    pub fn contains(self, text: &str, part: &str) -> bool {
        match self {
            Self::UnicodeCasemap => folded(text).contains(&folded(part)),
            Self::AsciiCasemap => text
                .to_ascii_uppercase()
                .contains(&part.to_ascii_uppercase()),
            Self::Octet | Self::AsciiNumeric => text.contains(part),
        }
    }

    fn equal_characters(self, left: char, right: char) -> bool {
        match self {
            Self::Octet | Self::AsciiNumeric => left == right,
            Self::AsciiCasemap => left.eq_ignore_ascii_case(&right),
            Self::UnicodeCasemap => {
                left == right || left.to_lowercase().nfkd().eq(right.to_lowercase().nfkd())
            }
        }
    }
}

/// Without case and forms of compatibility. Source: RFC 5051 §2, with lower instead of title case,
/// which tells the same strings apart.
fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).nfkd().collect()
}

/// Digits at the beginning as a number of any length; what has none is greater than all numbers,
/// and equal to its like. Source: RFC 4790 §9.1.1.
fn numeric(left: &str, right: &str) -> Ordering {
    let digits = |text: &str| {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let digits = text.get(..end).unwrap_or_default();
        (!digits.is_empty()).then(|| digits.trim_start_matches('0').to_owned())
    };
    match (digits(left), digits(right)) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => left.len().cmp(&right.len()).then_with(|| left.cmp(&right)),
    }
}

impl Relation {
    /// The relation that a script calls so; case does not matter.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            "lt" => Self::Lt,
            "le" => Self::Le,
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            _ => return None,
        })
    }

    /// Whether it holds.
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
        }
    }
}

/// One element of a pattern.
#[derive(Clone, Copy)]
enum Element {
    Any,
    One,
    Exactly(char),
}

/// Matches a whole text against a pattern with `*` and `?`, and answers what each wildcard matched,
/// the whole first; each `*` takes as little as it can.
///
/// `budget` is lowered by the characters looked at; when it is used up the answer is `None`.
/// Source: RFC 5228 §2.7.1, RFC 5229 §3.2.
pub fn wildcards(
    pattern: &str,
    text: &str,
    comparator: Comparator,
    budget: &mut u64,
) -> Option<Vec<String>> {
    let pattern = elements(pattern);
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    // For each wildcard in order: where what it matched begins and ends, in characters.
    let mut taken: Vec<(usize, usize)> = Vec::new();
    let (mut p, mut t) = (0, 0);
    let mut last_any: Option<(usize, usize)> = None; // Its place in the pattern and in `taken`.
    loop {
        *budget = budget.checked_sub(1)?;
        match (pattern.get(p), characters.get(t)) {
            (Some(Element::Any), _) => {
                last_any = Some((p, taken.len()));
                taken.push((t, t));
                p += 1;
                continue;
            }
            (Some(Element::One), Some(_)) => {
                taken.push((t, t + 1));
                (p, t) = (p + 1, t + 1);
                continue;
            }
            (Some(Element::Exactly(wanted)), Some((_, found)))
                if comparator.equal_characters(*wanted, *found) =>
            {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            (None, None) => break,
            _ => {}
        }
        // The last `*` takes one character more, and all behind it is tried again.
        let (any, index) = last_any?;
        taken.truncate(index + 1);
        let (_, end) = taken.get_mut(index)?;
        *end += 1;
        if *end > characters.len() {
            return None;
        }
        (p, t) = (any + 1, *end);
    }
    let offset = |index: usize| characters.get(index).map_or(text.len(), |(at, _)| *at);
    let parts = taken
        .iter()
        .map(|&(from, to)| text.get(offset(from)..offset(to)));
    Some(
        std::iter::once(Some(text))
            .chain(parts)
            .map(|part| part.unwrap_or_default().to_owned())
            .collect(),
    )
}

/// A backslash makes what follows stand for itself.
fn elements(pattern: &str) -> Vec<Element> {
    let mut elements = Vec::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        elements.push(match character {
            '*' => Element::Any,
            '?' => Element::One,
            '\\' => Element::Exactly(characters.next().unwrap_or('\\')),
            other => Element::Exactly(other),
        });
    }
    elements
}

/// A regular expression, bounded in size; matching takes time linear in the text.
///
/// Errors: why it cannot be one, in one line.
pub fn regular_expression(pattern: &str, comparator: Comparator) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .case_insensitive(comparator != Comparator::Octet)
        .dot_matches_new_line(true)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                format!(
                    "no regular expression: {}",
                    last.trim_start_matches("error: ")
                )
            }
        })
}

/// The minutes east of Greenwich that a zone like `-0530` says. Source: RFC 5260 §4.
pub fn zone_minutes(zone: &str) -> Option<i16> {
    let digits = zone.strip_prefix(['+', '-'])?;
    if digits.len() != 4 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: i16 = digits.parse().ok()?;
    let minutes = number / 100 * 60 + number % 100;
    let valid = number % 100 < 60 && number < 2400;
    valid.then_some(if zone.starts_with('-') {
        -minutes
    } else {
        minutes
    })
}

/// A part of a date as `date` tests it; `None` when there is no such part. Source: RFC 5260 §4.2.
pub fn date_part(date: Date, part: &str) -> Option<String> {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = date.civil();
    let days = crate::date::days_from_civil(year, month, day);
    Some(match part.to_ascii_lowercase().as_str() {
        "year" => format!("{year:04}"),
        "month" => format!("{month:02}"),
        "day" => format!("{day:02}"),
        "date" => format!("{year:04}-{month:02}-{day:02}"),
        // The Julian day of 17 November 1858 is the zero of the modified count.
        "julian" => (days + 40_587).to_string(),
        "hour" => format!("{hour:02}"),
        "minute" => format!("{minute:02}"),
        "second" => format!("{second:02}"),
        "time" => format!("{hour:02}:{minute:02}:{second:02}"),
        "iso8601" => {
            let zone = zone(date.zone_minutes, ":");
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{zone}")
        }
        "std11" => date.to_string(),
        "zone" => zone(date.zone_minutes, ""),
        // 1 January 1970 was a Thursday.
        "weekday" => (days + 4).rem_euclid(7).to_string(),
        _ => return None,
    })
}

fn zone(minutes: i16, separator: &str) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, text: &str) -> Option<Vec<String>> {
        wildcards(pattern, text, Comparator::AsciiCasemap, &mut 100_000)
    }

    #[test]
    fn wildcards_take_as_little_as_they_can() {
        let parts = matched("*[*] *", "[acme-users] [fwd] version 1.0 is out").unwrap();
        assert_eq!(
            parts.get(1..).unwrap(),
            ["", "acme-users", "[fwd] version 1.0 is out"]
        );
        assert_eq!(matched("?*?", "ab").unwrap(), ["ab", "a", "", "b"]);
        assert_eq!(matched("*", "").unwrap(), ["", ""]);
        assert_eq!(matched("A\\*b", "a*B").unwrap(), ["a*B"]);
        assert_eq!(
            matched("a*b*c", "aXbYbZc").unwrap(),
            ["aXbYbZc", "X", "YbZ"]
        );
        assert!(matched("a?", "a").is_none() && matched("", "a").is_none());
        assert_eq!(matched("*ü", "Grü").unwrap(), ["Grü", "Gr"]);
    }

    #[test]
    fn a_pattern_that_goes_back_ends_with_its_budget() {
        let text = "a".repeat(10_000);
        let mut budget = 50_000;
        let pattern = "*a*a*a*a*a*a*b";
        assert!(wildcards(pattern, &text, Comparator::Octet, &mut budget).is_none());
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let order = |left, right| Comparator::AsciiNumeric.order(left, right);
        assert_eq!(order("0100", "100x"), Ordering::Equal);
        assert_eq!(order("9", "10"), Ordering::Less);
        assert_eq!(order("x", "99999999999999999999999"), Ordering::Greater);
        assert_eq!(order("", "x"), Ordering::Equal);
    }

    #[test]
    fn case_is_folded_beyond_ascii_only_where_asked() {
        assert!(
            Comparator::UnicodeCasemap
                .order("STRAßE É", "straße e\u{301}")
                .is_eq()
        );
        assert!(!Comparator::AsciiCasemap.order("É", "é").is_eq());
        assert!(Comparator::AsciiCasemap.contains("Frobnitzm", "frobnitzM"));
        assert!(!Comparator::Octet.contains("Frobnitzm", "frobnitzm"));
    }

    #[test]
    fn parts_of_dates_follow_rfc_5260() {
        let date = Date::parse(b"Thu, 3 Jul 2008 10:01:42 +0200").unwrap();
        for (part, wanted) in [
            ("year", "2008"),
            ("julian", "54650"),
            ("weekday", "4"),
            ("iso8601", "2008-07-03T10:01:42+02:00"),
            ("zone", "+0200"),
            ("time", "10:01:42"),
        ] {
            assert_eq!(date_part(date, part).as_deref(), Some(wanted), "{part}");
        }
        assert_eq!(zone_minutes("-0530"), Some(-330));
        assert_eq!(zone_minutes("0530"), None);
    }

    #[test]
    fn regular_expressions_are_bounded() {
        assert!(regular_expression("(a{1000}){1000}", Comparator::Octet).is_err());
        assert!(
            regular_expression("a(", Comparator::Octet)
                .unwrap_err()
                .contains("unclosed")
        );
        assert!(
            regular_expression("^[[:alpha:]]+$", Comparator::Octet)
                .unwrap()
                .is_match("abc")
        );
    }
}
