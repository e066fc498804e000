//! A question made ready: its tests in a row, and how their answers combine.
//!
//! Answers are yes, no or "not asked yet". The tests are asked in the order of what they cost, and
//! asking stops as soon as the whole is decided, whatever the rest would say.

use super::flag_sets::FlagSets;
use super::{AnnotationTest, Needle, narrowing};
use crate::EngineError;
use crate::account::Account;
use crate::account::annotations::Annotation;
use std::collections::BTreeSet;
use store::id::{ChangeSeq, ContentId, ItemKey, Timestamp, Uid};
use store::model::{Flags, ItemRow, UidSet};
use store::sketch::{self, Condition};

/// Tests in one question; each is asked at most once for each item.
pub const TESTS_MAX: usize = 512;

/// The relevance of the best match.
pub const RELEVANCE_MAX: u8 = 100;

/// A question about items.
#[derive(Debug, Clone)]
pub enum Query {
    /// One test.
    Test(Test),
    /// The opposite.
    Not(Box<Query>),
    /// All of them; every item, when there are none.
    All(Vec<Query>),
    /// At least one of them; no item, when there are none.
    Any(Vec<Query>),
}

/// One thing to ask of an item.
#[derive(Debug, Clone)]
pub enum Test {
    /// It is one of these.
    Uids(UidSet),
    /// All of these flags are set.
    Flags(Flags),
    /// It has this keyword (its interned number); none has a keyword that was never used.
    Keyword(Option<u32>),
    /// It is larger than so many bytes.
    Larger(u64),
    /// It is smaller than so many bytes.
    Smaller(u64),
    /// It was received at or after this time.
    ReceivedSince(Timestamp),
    /// It was received before this time.
    ReceivedBefore(Timestamp),
    /// It was received on this day or later, in the zone that was given (days since 1970).
    ReceivedOnOrAfter(i64),
    /// It was received before this day.
    ReceivedBeforeDay(i64),
    /// It was put into its folder at or after this time.
    SavedSince(Timestamp),
    /// It was put into its folder before this time.
    SavedBefore(Timestamp),
    /// Its change number is this or a later one.
    ChangedSince(ChangeSeq),
    /// It has this content id, or is a copy of what had it.
    Content(ContentId),
    /// It is one of these items.
    Items(BTreeSet<ItemKey>),
    /// The date in its header, as written there without regard to the zone, is this day or later
    /// (days since 1970).
    SentSince(i64),
    /// The date in its header is before this day.
    SentBefore(i64),
    /// A header field of this name contains the text; any field of that name, when it is empty.
    Field(String, Needle),
    /// It has an annotation like this.
    Annotated(AnnotationTest),
    /// A text part contains it.
    Body(Needle),
    /// The header or a text part contains it.
    Text(Needle),
}

/// What it takes to answer a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    Row,
    Fields,
    Body,
}

/// An item, looked at as far as needed. An item that has no fields or bytes contains nothing.
pub trait Candidate {
    /// Its row.
    fn row(&self) -> &ItemRow;
    /// Its UID.
    fn uid(&self) -> Uid;
    /// When it came into its folder.
    fn saved(&mut self) -> Result<Option<Timestamp>, EngineError> {
        Ok(None)
    }
    /// The name that it has in common with its copies.
    fn shared_content(&mut self) -> ContentId {
        self.row().content
    }
    /// The day in its Date field, as days since 1970 in the sender's zone; absent without a date.
    fn sent_day(&mut self) -> Result<Option<i64>, EngineError> {
        Ok(None)
    }
    /// What this user may read of what was noted of it.
    fn annotations(&mut self) -> Result<Vec<Annotation>, EngineError> {
        Ok(Vec::new())
    }
    /// True if a header field of this name contains the text, after decoding.
    fn has_field(&mut self, _name: &str, _needle: &Needle) -> Result<bool, EngineError> {
        Ok(false)
    }
    /// True if any header field contains the text.
    fn has_in_header(&mut self, _needle: &Needle) -> Result<bool, EngineError> {
        Ok(false)
    }
    /// True if a text part contains the text.
    fn has_in_body(&mut self, _needle: &Needle) -> Result<bool, EngineError> {
        Ok(false)
    }
}

/// The question has more than [`TESTS_MAX`] tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooComplex;

/// A question made ready.
#[derive(Debug, Clone)]
pub struct Plan {
    tests: Vec<Test>,
    /// The numbers of the tests, cheapest first.
    order: Vec<usize>,
    /// What makes one match better than another, each with its weight.
    closer: Vec<(Test, u32)>,
    /// How the answers combine, in postfix order: no recursion, whatever the depth of the question.
    program: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Test(usize),
    Not,
    All(usize),
    Any(usize),
}

impl Plan {
    /// Lays the tree out flat.
    pub fn new(query: Query) -> Result<Self, TooComplex> {
        let mut plan = Self {
            tests: Vec::new(),
            order: Vec::new(),
            closer: Vec::new(),
            program: Vec::new(),
        };
        // Written backwards (node before children) and turned round at the end: a stack instead of
        // recursion.
        let mut left = vec![query];
        while let Some(query) = left.pop() {
            if plan.program.len() > TESTS_MAX * 4 || plan.tests.len() >= TESTS_MAX {
                return Err(TooComplex);
            }
            let step = match query {
                Query::Test(test) => plan.add(test),
                Query::Not(inner) => {
                    left.push(*inner);
                    Step::Not
                }
                Query::All(parts) => {
                    let count = parts.len();
                    left.extend(parts);
                    Step::All(count)
                }
                Query::Any(parts) => {
                    let count = parts.len();
                    left.extend(parts);
                    Step::Any(count)
                }
            };
            plan.program.push(step);
        }
        plan.program.reverse();
        plan.order = (0..plan.tests.len()).collect();
        let tests = &plan.tests;
        plan.order
            .sort_by_key(|&number| tests.get(number).map(Test::cost));
        Ok(plan)
    }

    /// The question that everything matches.
    pub(super) fn everything() -> Self {
        Self {
            tests: Vec::new(),
            order: Vec::new(),
            closer: Vec::new(),
            program: vec![Step::All(0)],
        }
    }

    /// True if the item matches.
    pub fn matches(&self, item: &mut impl Candidate) -> Result<bool, EngineError> {
        let mut answers = vec![None; self.tests.len()];
        if let Some(decided) = self.combine(&answers) {
            return Ok(decided);
        }
        let mut asked = self
            .order
            .iter()
            .filter_map(|&n| Some((n, self.tests.get(n)?)))
            .peekable();
        while let Some((number, test)) = asked.next() {
            if let Some(answer) = answers.get_mut(number) {
                *answer = Some(test.ask(item)?);
            }
            // Rows are so cheap to ask that combining in between would cost more.
            let next_is_cheap = asked
                .peek()
                .is_some_and(|(_, next)| next.cost() == Cost::Row);
            if !next_is_cheap && let Some(decided) = self.combine(&answers) {
                return Ok(decided);
            }
        }
        Ok(self.combine(&answers).unwrap_or(false))
    }

    /// Adds tests that need not hold, but of which each that does makes a match more relevant by
    /// its weight among all of them.
    #[must_use]
    pub fn with_closer(mut self, closer: Vec<(Test, u32)>) -> Self {
        self.closer = closer;
        self
    }

    /// The items of an account that may match, ascending, as far as the index can say: letters, and
    /// what is told of other items by [`EntryTexts`](super::EntryTexts). Not among them are only
    /// such whose texts certainly do not match. `None` if all must be looked at.
    pub fn candidates(&self, account: &Account) -> Result<Option<Vec<ItemKey>>, EngineError> {
        narrowing::candidates_anywhere(account, self)
    }

    /// True if matches differ in relevance.
    pub fn ranks(&self) -> bool {
        !self.closer.is_empty()
    }

    /// How relevant a match is, 1 to 100. All that match are half-way there.
    pub fn relevance(&self, item: &mut impl Candidate) -> Result<u8, EngineError> {
        let (mut close, mut all) = (0_u64, 0_u64);
        for (test, weight) in &self.closer {
            all += u64::from(*weight);
            if test.ask(item)? {
                close += u64::from(*weight);
            }
        }
        let half = RELEVANCE_MAX / 2;
        let share = close.saturating_mul(half.into()).checked_div(all);
        let share = share.and_then(|share| u8::try_from(share).ok());
        Ok(half.saturating_add(share.unwrap_or(0)))
    }

    /// True if the rows alone decide, whatever they say.
    pub fn reads_rows_only(&self) -> bool {
        self.tests.iter().all(|test| test.cost() == Cost::Row)
    }

    /// True if letters may have to be read, not only their rows and summaries.
    pub(super) fn reads_letters(&self) -> bool {
        self.tests.iter().any(|test| test.cost() == Cost::Body)
    }

    /// True if UIDs alone decide.
    pub(super) fn asks_uids_only(&self) -> bool {
        let is_set = |test: &Test| matches!(test, Test::Uids(_));
        self.tests.iter().all(is_set)
    }

    /// True if flags and UIDs alone decide.
    pub(super) fn asks_flags_only(&self) -> bool {
        let is_set =
            |test: &Test| matches!(test, Test::Uids(_) | Test::Flags(_) | Test::Keyword(None));
        !self.tests.is_empty() && self.tests.iter().all(is_set)
    }

    /// Those of `all` that match; only for questions about flags and UIDs.
    pub(super) fn select(&self, all: &UidSet, flags: &FlagSets) -> UidSet {
        let mut stack: Vec<UidSet> = Vec::new();
        for step in &self.program {
            let set = match *step {
                Step::Test(number) => match self.tests.get(number) {
                    Some(Test::Uids(uids)) => all.intersection(uids),
                    Some(Test::Flags(wanted)) => flags.with(*wanted, all),
                    _ => UidSet::default(),
                },
                Step::Not => all.difference(&stack.pop().unwrap_or_default()),
                Step::All(count) => {
                    let parts = stack.split_off(stack.len().saturating_sub(count));
                    let both = |all: UidSet, one: UidSet| all.intersection(&one);
                    parts.into_iter().fold(all.clone(), both)
                }
                Step::Any(count) => {
                    let parts = stack.split_off(stack.len().saturating_sub(count));
                    let either = |all: UidSet, one: UidSet| all.union(&one);
                    parts.into_iter().fold(UidSet::default(), either)
                }
            };
            stack.push(set);
        }
        stack.pop().unwrap_or_default()
    }

    /// What matches must have, as far as grams can say; `None` if that is nothing.
    pub(super) fn condition(&self) -> Option<Condition> {
        let mut stack: Vec<Option<Vec<sketch::Step>>> = Vec::new();
        for step in &self.program {
            let demand = match *step {
                Step::Test(number) => self.tests.get(number).and_then(Test::demand),
                Step::Not => {
                    stack.pop();
                    None
                }
                Step::All(count) => {
                    let parts = stack.split_off(stack.len().saturating_sub(count));
                    joined(parts.into_iter().flatten().collect(), sketch::Step::All)
                }
                Step::Any(count) => {
                    let parts = stack.split_off(stack.len().saturating_sub(count));
                    let parts: Option<Vec<_>> = parts.into_iter().collect();
                    parts.and_then(|parts| joined(parts, sketch::Step::Any))
                }
            };
            stack.push(demand);
        }
        stack.pop().flatten().map(Condition::new)
    }

    fn add(&mut self, test: Test) -> Step {
        self.tests.push(test);
        Step::Test(self.tests.len() - 1)
    }

    /// The answer to the whole, if those given decide it.
    fn combine(&self, answers: &[Option<bool>]) -> Option<bool> {
        let mut stack: Vec<Option<bool>> = Vec::with_capacity(self.program.len());
        for step in &self.program {
            let value = match *step {
                Step::Test(number) => answers.get(number).copied().flatten(),
                Step::Not => stack.pop().flatten().map(|inner| !inner),
                Step::All(count) => fold(&mut stack, count, false),
                Step::Any(count) => fold(&mut stack, count, true),
            };
            stack.push(value);
        }
        stack.pop().flatten()
    }
}

/// Some demands as one; `None` if there are none.
fn joined(
    parts: Vec<Vec<sketch::Step>>,
    by: impl Fn(usize) -> sketch::Step,
) -> Option<Vec<sketch::Step>> {
    let count = parts.len();
    let mut steps: Vec<sketch::Step> = parts.into_iter().flatten().collect();
    steps.push(by(count));
    (count > 0).then_some(steps)
}

/// Takes `count` answers: `decisive` if one of them is, unknown if one is unknown, else the
/// opposite.
fn fold(stack: &mut Vec<Option<bool>>, count: usize, decisive: bool) -> Option<bool> {
    let parts = stack.split_off(stack.len().saturating_sub(count));
    if parts.contains(&Some(decisive)) {
        return Some(decisive);
    }
    (!parts.contains(&None)).then_some(!decisive)
}

impl Test {
    fn cost(&self) -> Cost {
        match self {
            Self::Body(_) | Self::Text(_) => Cost::Body,
            Self::Field(..)
            | Self::Annotated(_)
            | Self::SentSince(_)
            | Self::SentBefore(_)
            | Self::Content(_)
            | Self::SavedSince(_)
            | Self::SavedBefore(_) => Cost::Fields,
            _ => Cost::Row,
        }
    }

    /// What an item must have in its texts for this to be true.
    fn demand(&self) -> Option<Vec<sketch::Step>> {
        let (Self::Field(_, needle) | Self::Body(needle) | Self::Text(needle)) = self else {
            return None;
        };
        let of_any_text = needle.grams();
        let mut grams = Vec::new();
        if let Self::Field(name, _) = self
            && let Some(mark) = super::grams::mark(name.as_bytes())
        {
            grams.extend(of_any_text.iter().map(|gram| gram ^ mark));
        }
        grams.extend(of_any_text);
        (!grams.is_empty()).then(|| vec![sketch::Step::Grams(grams)])
    }

    fn ask(&self, item: &mut impl Candidate) -> Result<bool, EngineError> {
        Ok(match self {
            Self::SavedSince(time) => item.saved()?.is_some_and(|saved| saved >= *time),
            Self::SavedBefore(time) => item.saved()?.is_some_and(|saved| saved < *time),
            Self::Content(content) => item.shared_content() == *content,
            Self::SentSince(day) => item.sent_day()?.is_some_and(|sent| sent >= *day),
            Self::SentBefore(day) => item.sent_day()?.is_some_and(|sent| sent < *day),
            Self::Field(name, needle) => item.has_field(name, needle)?,
            Self::Annotated(test) => item.annotations()?.iter().any(|each| test.fits(each)),
            Self::Body(needle) => item.has_in_body(needle)?,
            Self::Text(needle) => item.has_in_header(needle)? || item.has_in_body(needle)?,
            _ => self.ask_row(item.uid(), item.row()),
        })
    }

    fn ask_row(&self, uid: Uid, row: &ItemRow) -> bool {
        match self {
            Self::Uids(set) => set.contains(uid),
            Self::Flags(flags) => row.flags.contains(*flags),
            Self::Keyword(number) => {
                number.is_some_and(|number| row.keywords.numbers().contains(&number))
            }
            Self::Larger(bytes) => row.size > *bytes,
            Self::Smaller(bytes) => row.size < *bytes,
            Self::ReceivedOnOrAfter(day) => row.received_day() >= *day,
            Self::ReceivedBeforeDay(day) => row.received_day() < *day,
            Self::ReceivedSince(time) => row.received >= *time,
            Self::ReceivedBefore(time) => row.received < *time,
            Self::ChangedSince(change) => row.last_change() >= *change,
            Self::Items(items) => items.contains(&row.item),
            // The others are not answered by the row.
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Comparator;
    use super::*;
    use store::id::{BodyNumber, PlaceId};
    use store::model::{Keywords, Kind};

    /// An item that counts how often its fields and body are looked at.
    struct Fake {
        row: ItemRow,
        subject: &'static str,
        body: &'static str,
        bodies_read: usize,
    }

    impl Candidate for Fake {
        fn row(&self) -> &ItemRow {
            &self.row
        }
        fn uid(&self) -> Uid {
            Uid(7)
        }
        fn saved(&mut self) -> Result<Option<Timestamp>, EngineError> {
            Ok(None)
        }
        fn sent_day(&mut self) -> Result<Option<i64>, EngineError> {
            Ok(Some(100))
        }
        fn has_field(&mut self, name: &str, needle: &Needle) -> Result<bool, EngineError> {
            Ok(name == "Subject" && needle.is_in(self.subject))
        }
        fn has_in_header(&mut self, needle: &Needle) -> Result<bool, EngineError> {
            Ok(needle.is_in(self.subject))
        }
        fn has_in_body(&mut self, needle: &Needle) -> Result<bool, EngineError> {
            self.bodies_read += 1;
            Ok(needle.is_in(self.body))
        }
    }

    fn letter() -> Fake {
        let row = ItemRow {
            item: ItemKey(1),
            place: PlaceId(1),
            content: ContentId(1),
            kind: Kind::Mail,
            flags: Flags::SEEN | Flags::FLAGGED,
            keywords: Keywords::default(),
            changed: ChangeSeq(5),
            read_changed: ChangeSeq(9),
            size: 1000,
            received: Timestamp::from_seconds(86_400),
            received_zone_minutes: -60,
            modified: Timestamp::from_seconds(86_400),
            body: Some(BodyNumber(1)),
            removed: None,
            placed: None,
            annotation_bytes: 0,
        };
        Fake {
            row,
            subject: "Lunch on Friday",
            body: "Bring the xylograph.",
            bodies_read: 0,
        }
    }

    fn test(test: Test) -> Query {
        Query::Test(test)
    }

    fn body(text: &str) -> Query {
        test(Test::Body(Needle::new(text, Comparator::Unicode)))
    }

    fn matches(query: Query) -> (bool, usize) {
        let mut letter = letter();
        let found = Plan::new(query).unwrap().matches(&mut letter).unwrap();
        (found, letter.bodies_read)
    }

    #[test]
    fn rows_fields_and_bodies_are_asked() {
        for (query, expected) in [
            (test(Test::Flags(Flags::SEEN)), true),
            (test(Test::Flags(Flags::DELETED)), false),
            (test(Test::Keyword(None)), false),
            (test(Test::Larger(1000)), false),
            (test(Test::Smaller(1001)), true),
            (test(Test::ChangedSince(ChangeSeq(9))), true),
            (test(Test::ChangedSince(ChangeSeq(10))), false),
            (test(Test::ReceivedOnOrAfter(1)), false),
            (test(Test::ReceivedBeforeDay(1)), true),
            (test(Test::SentSince(100)), true),
            (test(Test::SentBefore(100)), false),
            (
                test(Test::Field(
                    "Subject".into(),
                    Needle::new("lunch", Comparator::Unicode),
                )),
                true,
            ),
            (
                test(Test::Text(Needle::new("friday", Comparator::Unicode))),
                true,
            ),
            (
                test(Test::Text(Needle::new("xylo", Comparator::Unicode))),
                true,
            ),
            (body("friday"), false),
            (Query::All(vec![]), true),
            (Query::Any(vec![]), false),
            (Query::Not(Box::new(Query::Any(vec![]))), true),
        ] {
            assert_eq!(matches(query.clone()).0, expected, "{query:?}");
        }
    }

    #[test]
    fn a_body_is_read_only_when_nothing_cheaper_decides() {
        let unseen = Query::Not(Box::new(test(Test::Flags(Flags::SEEN))));
        assert_eq!(
            matches(Query::All(vec![body("xylo"), unseen.clone()])),
            (false, 0)
        );
        assert_eq!(matches(Query::Any(vec![body("xylo"), unseen])), (true, 1));
        let seen = test(Test::Flags(Flags::SEEN));
        assert_eq!(matches(Query::Any(vec![body("xylo"), seen])), (true, 0));
    }

    #[test]
    fn depth_costs_no_stack_and_too_many_tests_are_refused() {
        let mut deep = test(Test::Flags(Flags::SEEN));
        for _ in 0..TESTS_MAX * 2 {
            deep = Query::Not(Box::new(deep));
        }
        assert_eq!(matches(deep), (true, 0));
        let wide = Query::All((0..=TESTS_MAX).map(|_| body("x")).collect());
        assert!(Plan::new(wide).is_err());
    }
}
