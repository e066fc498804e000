//! `LANGUAGE` and `COMPARATOR`: in which language the server speaks, and how it compares texts.
//!
//! Standards: RFC 5255 §3 (LANGUAGE), §4.7 to §4.9 (COMPARATOR); RFC 4647 §3.4 (lookup); RFC 4790
//! §3.2 (patterns of names).

use super::{Desk, Reply, Step};
use crate::refusal::Refusal;
use bytes::{BufMut, BytesMut};
use engine::search::Comparator;

/// The languages of this server's words; the second is meant for everybody (RFC 2277 §4.5).
const LANGUAGES: [&str; 2] = ["en", "i-default"];

/// Every comparator with its name, the default first.
const COMPARATORS: [(Comparator, &str); 3] = [
    (Comparator::Unicode, "i;unicode-casemap"),
    (Comparator::Ascii, "i;ascii-casemap"),
    (Comparator::Octet, "i;octet"),
];

/// Tells the languages, or takes the first one that is asked for and known.
///
/// Errors: none of them is.
pub(crate) fn choose_language(ranges: &[String], out: &mut BytesMut) -> Result<Reply, Refusal> {
    const UNKNOWN: Refusal = Refusal::Never("NO Language is not supported");
    let told = if ranges.is_empty() {
        LANGUAGES.join(" ")
    } else {
        let found = ranges.iter().find_map(|range| language(range));
        found.ok_or(UNKNOWN)?.to_owned()
    };
    out.put_slice(format!("* LANGUAGE ({told})\r\n").as_bytes());
    Ok(Reply::silent("OK LANGUAGE completed"))
}

/// The language for a range: `en-GB` is answered in `en`.
fn language(range: &str) -> Option<&'static str> {
    let range = range.to_ascii_lowercase();
    if matches!(range.as_str(), "default" | "*") {
        return LANGUAGES.first().copied();
    }
    let range = range.strip_suffix("-*").unwrap_or(&range);
    let is_it = |language: &&&str| {
        let rest = range.strip_prefix(**language);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    LANGUAGES.iter().find(is_it).copied()
}

/// Tells the comparator in use, or takes the first that one of the patterns means.
///
/// Errors: none of them means any.
pub(super) fn choose_comparator(patterns: &[String], desk: &mut Desk<'_>) -> Result<Step, Refusal> {
    const UNKNOWN: Refusal = Refusal::Never("NO [BADCOMPARATOR] Comparator is not supported");
    let mut matching = Vec::new();
    for pattern in patterns {
        for (comparator, name) in COMPARATORS {
            if matches(pattern, name) && !matching.contains(&(comparator, name)) {
                matching.push((comparator, name));
            }
        }
    }
    if !patterns.is_empty() {
        let (first, _) = matching.first().ok_or(UNKNOWN)?;
        desk.state.comparator = *first;
    }
    let active = COMPARATORS
        .iter()
        .find(|(known, _)| *known == desk.state.comparator);
    desk.out.put_slice(b"* COMPARATOR ");
    desk.out
        .put_slice(active.map_or("", |(_, name)| name).as_bytes());
    if matching.len() > 1 {
        let names: Vec<&str> = matching.iter().map(|(_, name)| *name).collect();
        desk.out
            .put_slice(format!(" ({})", names.join(" ")).as_bytes());
    }
    desk.out.put_slice(b"\r\n");
    Ok(Step::Done(Reply::told("OK COMPARATOR completed")))
}

/// A name in which `*` stands for any text; its order (`+` or `-`) makes no difference here.
fn matches(pattern: &str, name: &str) -> bool {
    if pattern.eq_ignore_ascii_case("default") {
        return COMPARATORS.first().is_some_and(|(_, first)| *first == name);
    }
    let pattern = pattern.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|piece| name.strip_prefix(piece)) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
        last = Some(piece);
    }
    rest.is_empty() || last.is_some_and(|piece| piece.is_empty() || name.ends_with(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_finds_the_nearest_language() {
        for (range, wanted) in [
            ("en", Some("en")),
            ("EN-gb", Some("en")),
            ("en-*", Some("en")),
            ("default", Some("en")),
            ("*", Some("en")),
            ("i-default", Some("i-default")),
            ("de", None),
            ("eng", None),
            ("", None),
        ] {
            assert_eq!(language(range), wanted, "{range}");
        }
    }

    #[test]
    fn patterns_of_names_match_as_a_whole() {
        for (pattern, wanted) in [
            ("i;octet", 1),
            ("I;OCTET", 1),
            ("i;*", 3),
            ("*casemap", 2),
            ("*", 3),
            ("default", 1),
            ("+i;octet", 1),
            ("i;oct", 0),
            ("cz;*", 0),
            ("i;*map*x", 0),
            ("", 0),
        ] {
            let count = COMPARATORS
                .iter()
                .filter(|(_, name)| matches(pattern, name))
                .count();
            assert_eq!(count, wanted, "{pattern}");
        }
    }
}
