//! What SORT and THREAD ask for.
//!
//! Standards: RFC 5256 §5 (grammar), RFC 5957 §4 (DISPLAYFROM, DISPLAYTO), RFC 5267 §5 (RETURN),
//! RFC 6203 §6 (RELEVANCY).

use super::Fault;
use super::annotation::{self, EntryName};
use super::cursor::{Cursor, Parsed};
use super::metadata::Scope;
use super::search::{Options, SearchRequest};

/// Keys in one SORT; there are only as many kinds, and each counts once.
pub const SORT_KEYS_MAX: usize = 16;

/// What SORT orders by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// `ANNOTATION`: what is noted under this name. Source: RFC 5257 §4.9.
    Annotation(EntryName, Scope),
    /// `ARRIVAL`
    Arrival,
    /// `CC`
    Cc,
    /// `DATE`
    Date,
    /// `DISPLAYFROM`
    DisplayFrom,
    /// `DISPLAYTO`
    DisplayTo,
    /// `FROM`
    From,
    /// `RELEVANCY`
    Relevancy,
    /// `SIZE`
    Size,
    /// `SUBJECT`
    Subject,
    /// `TO`
    To,
}

impl SortKey {
    /// Every key without arguments, with its name on the wire.
    pub const NAMES: [(Self, &'static str); 10] = [
        (Self::Arrival, "ARRIVAL"),
        (Self::Cc, "CC"),
        (Self::Date, "DATE"),
        (Self::DisplayFrom, "DISPLAYFROM"),
        (Self::DisplayTo, "DISPLAYTO"),
        (Self::From, "FROM"),
        (Self::Relevancy, "RELEVANCY"),
        (Self::Size, "SIZE"),
        (Self::Subject, "SUBJECT"),
        (Self::To, "TO"),
    ];
}

/// One key of a SORT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortCriterion {
    /// By what.
    pub key: SortKey,
    /// `REVERSE`: largest first.
    pub reverse: bool,
}

/// Arguments of SORT.
#[derive(Debug, Clone, PartialEq)]
pub struct SortRequest {
    /// The keys, the first decides first.
    pub criteria: Vec<SortCriterion>,
    /// What is sorted, and how it is told.
    pub search: SearchRequest,
}

impl SortRequest {
    /// Reads everything behind `SORT `.
    pub fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let options = Options::read(cursor)?;
        let criteria = cursor.list(SORT_KEYS_MAX, sort_criterion)?;
        cursor.space()?;
        Ok(Self {
            criteria,
            search: SearchRequest::read_with_charset(cursor, options)?,
        })
    }
}

fn sort_criterion(cursor: &mut Cursor<'_>) -> Parsed<SortCriterion> {
    let reverse = cursor.accept_word("REVERSE ");
    if cursor.accept_word("ANNOTATION ") {
        let (entry, scope) = annotation::sort_key(cursor)?;
        let key = SortKey::Annotation(entry, scope);
        return Ok(SortCriterion { key, reverse });
    }
    let word = cursor.word()?;
    let found = SortKey::NAMES
        .iter()
        .find(|(_, name)| name.eq_ignore_ascii_case(word));
    match found {
        Some((key, _)) => Ok(SortCriterion {
            key: key.clone(),
            reverse,
        }),
        None => Err(Fault::Syntax("Unknown sort key")),
    }
}

/// How THREAD finds conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadAlgorithm {
    /// `ORDEREDSUBJECT`
    OrderedSubject,
    /// `REFERENCES`
    References,
    /// `REFS`
    Refs,
}

/// Arguments of THREAD.
#[derive(Debug, Clone, PartialEq)]
pub struct ThreadRequest {
    /// How conversations are found.
    pub algorithm: ThreadAlgorithm,
    /// Among which messages.
    pub search: SearchRequest,
}

impl ThreadRequest {
    /// Reads everything behind `THREAD `.
    pub fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let algorithm = match cursor.word()?.to_ascii_uppercase().as_str() {
            "ORDEREDSUBJECT" => ThreadAlgorithm::OrderedSubject,
            "REFERENCES" => ThreadAlgorithm::References,
            "REFS" => ThreadAlgorithm::Refs,
            _ => return Err(Fault::Syntax("Unknown threading algorithm")),
        };
        cursor.space()?;
        Ok(Self {
            algorithm,
            search: SearchRequest::read_with_charset(cursor, Options::default())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sort(text: &str) -> Parsed<SortRequest> {
        let mut cursor = Cursor::new(text.as_bytes());
        let request = SortRequest::read(&mut cursor)?;
        cursor.end().map(|()| request)
    }

    fn thread(text: &str) -> Parsed<ThreadRequest> {
        let mut cursor = Cursor::new(text.as_bytes());
        let request = ThreadRequest::read(&mut cursor)?;
        cursor.end().map(|()| request)
    }

    #[test]
    fn keys_are_read_in_order() {
        let request = sort("(SUBJECT REVERSE date) utf-8 SINCE 1-Feb-1994").unwrap();
        let keys: Vec<_> = request
            .criteria
            .iter()
            .map(|c| (c.key.clone(), c.reverse))
            .collect();
        assert_eq!(keys, [(SortKey::Subject, false), (SortKey::Date, true)]);
        assert_eq!(request.search.returned, None);
        for (_, name) in SortKey::NAMES {
            assert!(sort(&format!("({name}) US-ASCII ALL")).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_no_sort_is_refused() {
        for bad in [
            "",
            "()",
            "() UTF-8 ALL",
            "(DATE)",
            "(DATE) UTF-8",
            "(DATE) ALL",
            "DATE UTF-8 ALL",
            "(REVERSE) UTF-8 ALL",
            "(REVERSE REVERSE DATE) UTF-8 ALL",
            "(FOO) UTF-8 ALL",
            "(ANNOTATION) UTF-8 ALL",
            "(ANNOTATION /* value.priv) UTF-8 ALL",
            "(ANNOTATION /comment value) UTF-8 ALL",
            "(ANNOTATION /comment size.priv) UTF-8 ALL",
            "RETURN (COUNT)(DATE) UTF-8 ALL",
            "RETURN (ALL PARTIAL 1:2) (DATE) UTF-8 ALL",
        ] {
            assert!(sort(bad).is_err(), "{bad}");
        }
        assert_eq!(sort("(DATE) KOI8-R ALL"), Err(Fault::Charset));
        assert!(sort("RETURN (COUNT) (DATE) UTF-8 ALL").is_ok());
        assert!(sort("(REVERSE ANNOTATION /altsubject value.shared DATE) UTF-8 ALL").is_ok());
    }

    #[test]
    fn what_is_no_thread_is_refused() {
        for bad in [
            "",
            "REFERENCES",
            "REFERENCES UTF-8",
            "JWZ UTF-8 ALL",
            "REFERENCES ALL",
        ] {
            assert!(thread(bad).is_err(), "{bad}");
        }
        assert!(thread("orderedsubject UTF-8 ALL").is_ok());
    }
}
