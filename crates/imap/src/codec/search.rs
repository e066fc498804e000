//! What SEARCH looks for.
//!
//! The tree is built with a stack of its own and stays shallow: it may be walked by recursion no
//! deeper than [`DEPTH_MAX`].
//!
//! Standards: RFC 9051 §6.4.4, RFC 7162 §3.1.5 (MODSEQ), RFC 5032 (WITHIN), RFC 8474 §5.3
//! (EMAILID), RFC 5182 (`$`), RFC 5267 §4 and RFC 5465 §7 (CONTEXT, UPDATE), RFC 9394 §3.1
//! (PARTIAL), RFC 8514 §4.3 (SAVEDBEFORE …), RFC 6203 (FUZZY, RELEVANCY), RFC 5466 §3.1 (FILTER),
//! RFC 9738 §3.2 (UIDAFTER, UIDBEFORE).

use super::annotation::AnnotationKey;
use super::cursor::{Cursor, Parsed};
use super::fetch::{self, FetchItem};
use super::moment::{self, Day};
use super::sequence::{End, SequenceSet};
use super::window::{self, Window};
use super::{Fault, SystemFlags};

/// Parentheses and NOTs within one another.
pub const DEPTH_MAX: usize = 64;

/// Criteria in one search, chained ORs included.
pub const CRITERIA_MAX: usize = 2048;

/// Options in one `RETURN (…)`; there are fewer kinds.
const RETURN_OPTIONS_MAX: usize = 16;

/// What a message must be like.
#[derive(Debug, Clone, PartialEq)]
pub enum Criterion {
    /// All of these; of none, every message.
    All(Vec<Criterion>),
    /// At least one of these.
    Any(Vec<Criterion>),
    /// Not this.
    Not(Box<Criterion>),
    /// About this: the best match need not be exact.
    Fuzzy(Box<Criterion>),
    /// A system flag is set.
    Flag(SystemFlags),
    /// A keyword is set.
    Keyword(String),
    /// No message is recent: this server tells `\Recent` to nobody (RFC 9051 §2.3.2).
    Recent,
    /// The number in the mailbox, as announced to this client.
    Sequence(SequenceSet),
    /// The UID.
    Uid(SequenceSet),
    /// A time lies in a span of days.
    Dated(DateField, Day, Day),
    /// The arrival lies at most so many seconds back.
    Younger(u64),
    /// More bytes than this.
    Larger(u64),
    /// Fewer bytes than this.
    Smaller(u64),
    /// A header field holds a text; an empty one asks whether the field is there.
    Header(String, String),
    /// The body holds a text.
    Body(String),
    /// Header or body holds a text.
    Text(String),
    /// An annotation holds a text.
    Annotation(AnnotationKey),
    /// The change number is at least this.
    ModSeq(u64),
    /// The content's permanent name.
    EmailId(String),
    /// The thread's permanent name.
    ThreadId(String),
    /// What is kept by this name, in its place.
    Filter(String),
}

/// Which time of a message is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateField {
    /// When it arrived (INTERNALDATE).
    Arrived,
    /// Its Date field.
    Sent,
    /// When it came into this mailbox.
    Saved,
}

/// What the answer is to hold.
#[allow(clippy::struct_excessive_bools)] // Any of the options may be named, each for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Returned {
    /// `MIN`
    pub min: bool,
    /// `MAX`
    pub max: bool,
    /// `ALL`
    pub all: bool,
    /// `COUNT`
    pub count: bool,
    /// `SAVE`
    pub save: bool,
    /// `PARTIAL`
    pub partial: Option<Window>,
    /// `RELEVANCY`: how well each message matches.
    pub relevancy: bool,
    /// `UPDATE`: changes of the result are told from then on.
    pub update: bool,
}

impl Returned {
    /// True if there is an answer: SAVE alone has none, UPDATE one that tells nothing yet.
    pub fn tells(&self) -> bool {
        let tells_some = self.partial.is_some() || self.relevancy || self.update;
        self.min || self.max || self.all || self.count || tells_some
    }
}

/// `RETURN (…)` with what its options name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// What the answer is to hold; `None` asks for the old `* SEARCH` answer.
    pub returned: Option<Returned>,
    /// What is told of a message that comes to a result kept up to date. Source: RFC 5465 §7.
    pub items: Vec<FetchItem>,
}

impl Options {
    /// Reads `RETURN (…)` and the space behind it, if it stands next.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let mut options = Self::default();
        if !cursor.accept_word("RETURN ") {
            return Ok(options);
        }
        options.returned = Some(returned(cursor, &mut options.items)?);
        cursor.space()?;
        Ok(options)
    }
}

/// Arguments of SEARCH.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// `RETURN (…)`; `None` asks for the old `* SEARCH` answer.
    pub returned: Option<Returned>,
    /// `UPDATE (…)`, as in [`Options`].
    pub items: Vec<FetchItem>,
    /// What is looked for.
    pub criterion: Criterion,
}

impl SearchRequest {
    /// Reads everything behind `SEARCH `.
    pub fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let options = Options::read(cursor)?;
        if cursor.accept_word("CHARSET ") {
            return Self::read_with_charset(cursor, options);
        }
        Ok(Self {
            returned: options.returned,
            items: options.items,
            criterion: Builder::default().read(cursor)?,
        })
    }

    /// Reads the name of a charset, then what is looked for.
    pub(super) fn read_with_charset(cursor: &mut Cursor<'_>, options: Options) -> Parsed<Self> {
        let charset = cursor.astring()?;
        let known = [&b"UTF-8"[..], b"US-ASCII"];
        let is_known = known.iter().any(|name| charset.eq_ignore_ascii_case(name));
        // A key in its place shows that the charset is missing.
        cursor
            .space()
            .map_err(|_| Fault::Syntax("Expected a charset and what to look for"))?;
        if !is_known {
            return Err(Fault::Charset);
        }
        Ok(Self {
            returned: options.returned,
            items: options.items,
            criterion: Builder::default().read(cursor)?,
        })
    }
}

fn returned(cursor: &mut Cursor<'_>, items: &mut Vec<FetchItem>) -> Parsed<Returned> {
    let mut returned = Returned::default();
    let options = cursor.list_or_empty(RETURN_OPTIONS_MAX, |cursor| {
        let place = match cursor.word()?.to_ascii_uppercase().as_str() {
            "MIN" => &mut returned.min,
            "MAX" => &mut returned.max,
            "ALL" => &mut returned.all,
            "COUNT" => &mut returned.count,
            "SAVE" => &mut returned.save,
            "UPDATE" => {
                if cursor.rest().starts_with(b" (") {
                    cursor.space()?;
                    *items = cursor.list(fetch::ITEMS_MAX, fetch::item)?;
                }
                &mut returned.update
            }
            "RELEVANCY" => &mut returned.relevancy,
            "PARTIAL" => return window::read_once(cursor, &mut returned.partial),
            // A hint that the question will come again; nothing here gets faster by it.
            "CONTEXT" => return Ok(()),
            _ => return Err(Fault::Syntax("Unknown RETURN option")),
        };
        *place = true;
        Ok(())
    })?;
    returned.all |= options.is_empty();
    if returned.all && returned.partial.is_some() {
        return Err(Fault::Syntax("Either ALL or PARTIAL is possible"));
    }
    Ok(returned)
}

/// What still waits for criteria behind it.
enum Open {
    /// The whole search, or a parenthesis.
    Group(Vec<Criterion>),
    Not,
    Fuzzy,
    Or(Option<Criterion>),
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    depth: usize,
    count: usize,
}

impl Builder {
    fn read(mut self, cursor: &mut Cursor<'_>) -> Parsed<Criterion> {
        self.open.push(Open::Group(Vec::new()));
        loop {
            self.count += 1;
            if self.count > CRITERIA_MAX {
                return Err(Fault::Limit("Search is too long"));
            }
            if cursor.accept(b'(') {
                self.descend(Open::Group(Vec::new()))?;
                continue;
            }
            if cursor.accept_word("NOT ") {
                self.descend(Open::Not)?;
                continue;
            }
            if cursor.accept_word("FUZZY ") {
                self.descend(Open::Fuzzy)?;
                continue;
            }
            if cursor.accept_word("OR ") {
                self.open.push(Open::Or(None));
                continue;
            }
            let criterion = leaf(cursor)?;
            self.complete(criterion)?;
            while cursor.accept(b')') {
                self.close()?;
            }
            if cursor.at_end() {
                return self.finish();
            }
            cursor.space()?;
            if cursor.at_end() {
                return self.finish();
            }
        }
    }

    fn descend(&mut self, open: Open) -> Parsed<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::Limit("Search is nested too deeply"));
        }
        self.open.push(open);
        Ok(())
    }

    /// Hands a criterion to what waits for it, which may thereby be complete itself.
    fn complete(&mut self, criterion: Criterion) -> Parsed<()> {
        let mut criterion = criterion;
        loop {
            criterion = match self.open.pop() {
                Some(Open::Group(mut members)) => {
                    members.push(criterion);
                    self.open.push(Open::Group(members));
                    return Ok(());
                }
                Some(Open::Not) => {
                    self.depth -= 1;
                    negated(criterion)
                }
                Some(Open::Fuzzy) => {
                    self.depth -= 1;
                    Criterion::Fuzzy(Box::new(criterion))
                }
                Some(Open::Or(None)) => {
                    self.open.push(Open::Or(Some(criterion)));
                    return Ok(());
                }
                Some(Open::Or(Some(first))) => either(first, criterion),
                None => return Err(Fault::Syntax("Unexpected )")),
            };
        }
    }

    fn close(&mut self) -> Parsed<()> {
        match self.open.pop() {
            // The outermost group has no parenthesis.
            Some(Open::Group(members)) if !self.open.is_empty() => {
                self.depth -= 1;
                self.complete(grouped(members))
            }
            _ => Err(Fault::Syntax("Unexpected )")),
        }
    }

    fn finish(mut self) -> Parsed<Criterion> {
        match (self.open.pop(), self.open.is_empty()) {
            (Some(Open::Group(members)), true) => Ok(grouped(members)),
            _ => Err(Fault::Syntax("Search is not complete")),
        }
    }
}

fn grouped(mut members: Vec<Criterion>) -> Criterion {
    match members.pop() {
        Some(only) if members.is_empty() => only,
        Some(last) => {
            members.push(last);
            Criterion::All(members)
        }
        None => Criterion::All(members),
    }
}

fn negated(criterion: Criterion) -> Criterion {
    match criterion {
        Criterion::Not(inner) => *inner,
        other => Criterion::Not(Box::new(other)),
    }
}

/// Chained ORs become one list, so that a client's `OR a OR b OR c …` is no deep tree.
fn either(first: Criterion, second: Criterion) -> Criterion {
    match (first, second) {
        (Criterion::Any(mut all), Criterion::Any(more)) => {
            all.extend(more);
            Criterion::Any(all)
        }
        (Criterion::Any(mut all), one) | (one, Criterion::Any(mut all)) => {
            all.push(one);
            Criterion::Any(all)
        }
        (first, second) => Criterion::Any(vec![first, second]),
    }
}

fn leaf(cursor: &mut Cursor<'_>) -> Parsed<Criterion> {
    if cursor
        .peek()
        .is_some_and(|b| b.is_ascii_digit() || matches!(b, b'*' | b'$'))
    {
        return SequenceSet::read(cursor).map(Criterion::Sequence);
    }
    let word = cursor.word()?.to_ascii_uppercase();
    if let Some(criterion) = flag(&word) {
        return Ok(criterion);
    }
    cursor
        .space()
        .map_err(|_| Fault::Syntax("Unknown search key, or its argument is missing"))?;
    if let Some((field, form)) = date_key(&word) {
        let day = moment::day(cursor)?;
        let (from, to) = match form {
            "BEFORE" => (Day::MIN, day),
            "SINCE" => (day, Day::MAX),
            _ => (day, day + 1),
        };
        return Ok(Criterion::Dated(field, from, to));
    }
    with_argument(&word, cursor)
}

fn flag(word: &str) -> Option<Criterion> {
    let flag = |flag| Some(Criterion::Flag(flag));
    let not = |flag| Some(negated(Criterion::Flag(flag)));
    match word {
        // Every mailbox here knows when its messages came.
        "ALL" | "SAVEDATESUPPORTED" => Some(Criterion::All(Vec::new())),
        "ANSWERED" => flag(SystemFlags::ANSWERED),
        "DELETED" => flag(SystemFlags::DELETED),
        "DRAFT" => flag(SystemFlags::DRAFT),
        "FLAGGED" => flag(SystemFlags::FLAGGED),
        "SEEN" => flag(SystemFlags::SEEN),
        "UNANSWERED" => not(SystemFlags::ANSWERED),
        "UNDELETED" => not(SystemFlags::DELETED),
        "UNDRAFT" => not(SystemFlags::DRAFT),
        "UNFLAGGED" => not(SystemFlags::FLAGGED),
        "UNSEEN" => not(SystemFlags::SEEN),
        "RECENT" | "NEW" => Some(Criterion::Recent),
        "OLD" => Some(negated(Criterion::Recent)),
        _ => None,
    }
}

fn date_key(word: &str) -> Option<(DateField, &str)> {
    let (field, form) = if let Some(form) = word.strip_prefix("SENT") {
        (DateField::Sent, form)
    } else if let Some(form) = word.strip_prefix("SAVED") {
        (DateField::Saved, form)
    } else {
        (DateField::Arrived, word)
    };
    matches!(form, "BEFORE" | "ON" | "SINCE").then_some((field, form))
}

fn with_argument(word: &str, cursor: &mut Cursor<'_>) -> Parsed<Criterion> {
    Ok(match word {
        "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => {
            Criterion::Header(word.to_ascii_lowercase(), cursor.text()?)
        }
        "HEADER" => {
            let name = cursor.text()?;
            cursor.space()?;
            Criterion::Header(name.to_ascii_lowercase(), cursor.text()?)
        }
        "BODY" => Criterion::Body(cursor.text()?),
        "TEXT" => Criterion::Text(cursor.text()?),
        "KEYWORD" => Criterion::Keyword(cursor.word()?.to_owned()),
        "UNKEYWORD" => negated(Criterion::Keyword(cursor.word()?.to_owned())),
        "LARGER" => Criterion::Larger(cursor.number64()?),
        "SMALLER" => Criterion::Smaller(cursor.number64()?),
        "UID" => Criterion::Uid(SequenceSet::read(cursor)?),
        "UIDAFTER" => uids(cursor.nonzero()?.checked_add(1), Some(u32::MAX)),
        "UIDBEFORE" => uids(Some(1), cursor.nonzero()?.checked_sub(1)),
        "YOUNGER" => Criterion::Younger(u64::from(cursor.nonzero()?)),
        "OLDER" => negated(Criterion::Younger(u64::from(cursor.nonzero()?))),
        "EMAILID" => Criterion::EmailId(cursor.text()?),
        "THREADID" => Criterion::ThreadId(cursor.text()?),
        "MODSEQ" => modseq(cursor)?,
        "ANNOTATION" => Criterion::Annotation(AnnotationKey::read(cursor)?),
        "FILTER" => Criterion::Filter(filter_name(cursor.word()?)?),
        _ => return Err(Fault::Syntax("Unknown search key")),
    })
}

/// The UIDs from the first to the last; none if there are no such numbers. Source: RFC 9738 §3.2.
fn uids(first: Option<u32>, last: Option<u32>) -> Criterion {
    match (first, last) {
        (Some(first), Some(last)) if first <= last => {
            let ends = (End::Number(first), End::Number(last));
            Criterion::Uid(SequenceSet::Ranges(vec![ends]))
        }
        _ => Criterion::Any(Vec::new()),
    }
}

/// Source: RFC 5466 §4.
fn filter_name(word: &str) -> Parsed<String> {
    let is_name = word.is_ascii() && !word.contains('/') && !word.contains(']');
    if is_name {
        Ok(word.to_owned())
    } else {
        Err(Fault::Syntax("Name of filter is not valid"))
    }
}

/// `MODSEQ ["/flags/\\draft" all] 620162338`: the entry is allowed and means nothing here, where a
/// message has one change number. Source: RFC 7162 §3.1.5.
fn modseq(cursor: &mut Cursor<'_>) -> Parsed<Criterion> {
    if cursor.peek() == Some(b'"') {
        cursor.string()?;
        cursor.space()?;
        cursor.word()?;
        cursor.space()?;
    }
    cursor.number64().map(Criterion::ModSeq)
}

impl Criterion {
    /// Reads what a filter holds: nothing but what to look for.
    pub fn read(text: &[u8]) -> Parsed<Self> {
        let mut cursor = Cursor::new(text);
        let criterion = Builder::default().read(&mut cursor)?;
        cursor.end().map(|()| criterion)
    }

    /// True if it (or something in it) stands for what is kept by a name.
    pub fn names_filters(&self) -> bool {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::names_filters),
            Self::Not(inner) | Self::Fuzzy(inner) => inner.names_filters(),
            Self::Filter(_) => true,
            _ => false,
        }
    }

    /// True if it (or something in it) asks for a change number: then the answer tells the highest.
    pub fn asks_modseq(&self) -> bool {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::asks_modseq),
            Self::Not(inner) | Self::Fuzzy(inner) => inner.asks_modseq(),
            Self::ModSeq(_) => true,
            _ => false,
        }
    }

    /// True if something in it need not match exactly: then messages differ in relevancy.
    pub fn is_fuzzy(&self) -> bool {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::is_fuzzy),
            Self::Not(inner) => inner.is_fuzzy(),
            Self::Fuzzy(_) => true,
            _ => false,
        }
    }

    /// True if it (or something in it) names messages by their numbers.
    pub fn names_numbers(&self) -> bool {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::names_numbers),
            Self::Not(inner) | Self::Fuzzy(inner) => inner.names_numbers(),
            Self::Sequence(SequenceSet::Ranges(_)) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Parsed<SearchRequest> {
        let mut cursor = Cursor::new(text.as_bytes());
        let request = SearchRequest::read(&mut cursor)?;
        cursor.end().map(|()| request)
    }

    #[test]
    fn keys_stand_together_and_nest() {
        let request = read("FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"").unwrap();
        let Criterion::All(all) = request.criterion else {
            panic!()
        };
        assert_eq!(all.len(), 3);
        assert_eq!(
            all[2],
            Criterion::Not(Box::new(Criterion::Header("from".into(), "Smith".into())))
        );
        let request = read("OR (SEEN 1:3) OR DELETED (UID 5 OR DRAFT NOT NOT ALL)").unwrap();
        let Criterion::Any(any) = request.criterion else {
            panic!()
        };
        assert_eq!(any.len(), 3);
    }

    #[test]
    fn what_is_no_search_is_refused() {
        for bad in [
            "",
            "(",
            ")",
            "()",
            "(SEEN",
            "SEEN)",
            "NOT",
            "OR SEEN",
            "OR SEEN ",
            "FROM",
            "FOO",
            "BEFORE 32-Jan-2000",
            "LARGER x",
            "RETURN (FOO) ALL",
            "RETURN (ALL)",
            "HEADER a",
            "KEYWORD \\Seen",
            "NOT (OR SEEN)",
            "1:2:3",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(read("CHARSET KOI8-R ALL"), Err(Fault::Charset));
        assert!(read("CHARSET utf-8 TEXT {3}\r\nfoo").is_ok());
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let nested = format!("{}ALL{}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(matches!(read(&nested), Err(Fault::Limit(_))));
        assert!(matches!(
            read(&format!("{}ALL", "NOT ".repeat(10_000))),
            Err(Fault::Limit(_))
        ));
        assert!(matches!(
            read(&"SEEN ".repeat(10_000)),
            Err(Fault::Limit(_))
        ));
        let chain = format!("{}SEEN", "OR DELETED ".repeat(1000));
        assert!(
            matches!(read(&chain).unwrap().criterion, Criterion::Any(all) if all.len() == 1001)
        );
    }

    #[test]
    fn return_without_options_means_all() {
        let request = read("RETURN () UNSEEN").unwrap();
        assert_eq!(
            request.returned,
            Some(Returned {
                all: true,
                ..Returned::default()
            })
        );
        let request = read("RETURN (MIN COUNT SAVE) UNSEEN")
            .unwrap()
            .returned
            .unwrap();
        assert!(request.min && request.count && request.save && !request.all);
    }

    #[test]
    fn modseq_may_name_an_entry() {
        let request = read("MODSEQ \"/flags/\\\\draft\" all 620162338").unwrap();
        assert_eq!(request.criterion, Criterion::ModSeq(620_162_338));
        assert!(request.criterion.asks_modseq());
    }
}
