//! A client's criteria in the engine's form.
//!
//! Standards: RFC 9051 §6.4.4; RFC 5032 (WITHIN); RFC 7162 §3.1.5 (MODSEQ); RFC 8474 §5.3;
//! RFC 6203 §3 (FUZZY); RFC 5257 §4.8 (ANNOTATION).

use crate::codec::annotation::{AnnotationKey, EntryPattern};
use crate::codec::command::Numbering;
use crate::codec::moment::Day;
use crate::codec::search::{Criterion, DateField};
use crate::codec::sequence::{NumberSet, SequenceSet};
use crate::command::annotation;
use crate::keywords::{self, Known};
use crate::refusal::Refusal;
use crate::selected::{Selected, uid_set};
use engine::search::{AnnotationTest, Comparator, NameTest, Needle, Plan, Query, Test};
use engine::{ChangeSeq, ContentId, ConversationId, Reading, Timestamp, UidSet, View};
use std::sync::Arc;

/// Seconds in a day.
const DAY_SECONDS: i64 = 86_400;

/// How much it counts that a text stands there as a phrase.
const PHRASE_WEIGHT: u32 = 3;
/// How much it counts that the words of a text stand in these fields: what a letter is about says
/// more than whom it is from, and that more than the rest.
const TELLING_FIELDS: [(&str, u32); 2] = [("Subject", 5), ("From", 2)];

/// What criteria are about.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// What is settled.
    pub(crate) view: &'a View<'a>,
    /// The UIDs of the mailbox that is searched.
    pub(crate) uids: &'a UidSet,
    /// That mailbox, if it is the open one: then it has message numbers and a saved result.
    pub(crate) selected: Option<&'a Selected>,
    /// How texts are compared.
    pub(crate) comparator: Comparator,
    /// The time now.
    pub(crate) now: Timestamp,
}

/// Makes a criterion ready.
///
/// Errors: too many keys; numbers of messages where no mailbox is open.
pub(crate) fn plan(criterion: &Criterion, ground: Ground<'_>) -> Result<Plan, Refusal> {
    plan_fuzzily(criterion, ground, Exactness::Words)
}

/// The same for the letters that are left when nothing was found: what FUZZY looks for may be
/// misspelt. Source: RFC 6203 §3, which leaves it to the server what is near.
pub(crate) fn plan_misspelt(criterion: &Criterion, ground: Ground<'_>) -> Result<Plan, Refusal> {
    plan_fuzzily(criterion, ground, Exactness::Misspelt)
}

fn plan_fuzzily(
    criterion: &Criterion,
    ground: Ground<'_>,
    fuzzy: Exactness,
) -> Result<Plan, Refusal> {
    let rule = Rule {
        now: Exactness::Exact,
        fuzzy,
    };
    let plan = Plan::new(query(criterion, ground, rule)?)?;
    let mut closer = Vec::new();
    add_closer(criterion, ground, Exactness::Exact, &mut closer);
    Ok(plan.with_closer(closer))
}

/// The messages that are looked at: those of the sets that stand by themselves in a search. Source:
/// RFC 9738 §3.1.
pub(crate) fn searched(criterion: &Criterion, selected: &Selected) -> UidSet {
    let members = match criterion {
        Criterion::All(all) => all.as_slice(),
        other => std::slice::from_ref(other),
    };
    let sets = members.iter().filter_map(|criterion| match criterion {
        Criterion::Sequence(set) => Some(selected.resolve(set, Numbering::Sequence)),
        Criterion::Uid(set) => Some(selected.resolve(set, Numbering::Uid)),
        Criterion::Any(any) if any.is_empty() => Some(UidSet::default()),
        _ => None,
    });
    sets.fold(selected.told.clone(), |left, set| left.intersection(&set))
}

/// Whether texts must be there as they were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exactness {
    Exact,
    /// In FUZZY (RFC 6203 §3): the words in any order.
    Words,
    /// The same, with a wrong letter.
    Misspelt,
    /// What makes a match in FUZZY a better one: the words as they were given.
    Phrase,
}

/// How exactly texts must be there here, and within FUZZY.
#[derive(Debug, Clone, Copy)]
struct Rule {
    now: Exactness,
    fuzzy: Exactness,
}

impl Exactness {
    fn needle(self, text: &str, comparator: Comparator) -> Needle {
        match self {
            Self::Exact => Needle::new(text, comparator),
            Self::Words => Needle::loose(text, comparator),
            Self::Misspelt => Needle::misspelt(text, comparator),
            Self::Phrase => Needle::loose_phrase(text, comparator),
        }
    }
}

/// What makes a match in FUZZY better: a text that stands there as it was given, and one that
/// stands in a more telling place than the body. What must not match makes no match better.
fn add_closer(
    criterion: &Criterion,
    ground: Ground<'_>,
    exactness: Exactness,
    closer: &mut Vec<(Test, u32)>,
) {
    match criterion {
        Criterion::All(inner) | Criterion::Any(inner) => {
            for criterion in inner {
                add_closer(criterion, ground, exactness, closer);
            }
        }
        Criterion::Fuzzy(inner) => add_closer(inner, ground, Exactness::Phrase, closer),
        Criterion::Header(..) | Criterion::Body(_) | Criterion::Text(_)
            if exactness == Exactness::Phrase =>
        {
            if let Query::Test(test) = simple(criterion, ground, exactness) {
                closer.push((test, PHRASE_WEIGHT));
            }
            if let Criterion::Text(text) = criterion {
                for (field, weight) in TELLING_FIELDS {
                    let words = Exactness::Words.needle(text, ground.comparator);
                    closer.push((Test::Field(field.to_owned(), words), weight));
                }
            }
        }
        _ => {}
    }
}

/// The engine's form of a criterion. Recursion is bounded by [`crate::codec::search::DEPTH_MAX`].
fn query(criterion: &Criterion, ground: Ground<'_>, rule: Rule) -> Result<Query, Refusal> {
    let inner = |criterion: &Criterion| query(criterion, ground, rule);
    Ok(match criterion {
        Criterion::All(all) => Query::All(all.iter().map(inner).collect::<Result<_, _>>()?),
        Criterion::Any(any) => Query::Any(any.iter().map(inner).collect::<Result<_, _>>()?),
        Criterion::Not(not) => Query::Not(Box::new(inner(not)?)),
        Criterion::Fuzzy(fuzzy) => {
            let now = rule.fuzzy;
            query(fuzzy, ground, Rule { now, ..rule })?
        }
        Criterion::Recent => Query::Any(Vec::new()),
        Criterion::Dated(field, from, to) => dated(*field, *from, *to),
        Criterion::Sequence(set) => {
            Query::Test(Test::Uids(resolve(set, Numbering::Sequence, ground)?))
        }
        Criterion::Uid(set) => Query::Test(Test::Uids(resolve(set, Numbering::Uid, ground)?)),
        Criterion::Keyword(keyword) => match keywords::look_up(ground.view, keyword)? {
            Known::Flag(flag) => Query::Test(Test::Flags(flag)),
            Known::Number(number) => Query::Test(Test::Keyword(Some(number))),
            Known::Nowhere => Query::Any(Vec::new()),
        },
        Criterion::ThreadId(id) => in_thread(id, ground)?,
        Criterion::Annotation(key) => noted(key, ground),
        other => simple(other, ground, rule.now),
    })
}

/// Messages of which something is noted, or nothing.
fn noted(key: &AnnotationKey, ground: Ground<'_>) -> Query {
    let text = key.text.as_deref().unwrap_or_default();
    let found = Query::Test(Test::Annotated(AnnotationTest {
        audience: key.scope.map(annotation::audience),
        names: Arc::new(key.entries.clone()),
        needle: Needle::new(text, ground.comparator),
    }));
    match key.text {
        Some(_) => found,
        None => Query::Not(Box::new(found)),
    }
}

impl NameTest for EntryPattern {
    fn fits(&self, name: &str) -> bool {
        self.matches(name)
    }
}

/// The same criterion for as long as its mailbox is open: numbers, `*` and `$` mean what they mean
/// now.
pub(crate) fn lasting(criterion: Criterion, selected: &Selected) -> Criterion {
    let every = |all: Vec<Criterion>| {
        let lasting = all.into_iter().map(|each| lasting(each, selected));
        lasting.collect()
    };
    let uids = |numbers: &NumberSet| {
        if numbers.is_empty() {
            Criterion::Any(Vec::new())
        } else {
            Criterion::Uid(SequenceSet::from(numbers))
        }
    };
    let now = |set: &SequenceSet, numbering| {
        let meant = selected.resolve(set, numbering);
        uids(&meant.iter().map(|uid| uid.0).collect())
    };
    match criterion {
        Criterion::All(all) => Criterion::All(every(all)),
        Criterion::Any(any) => Criterion::Any(every(any)),
        Criterion::Not(not) => Criterion::Not(Box::new(lasting(*not, selected))),
        Criterion::Fuzzy(fuzzy) => Criterion::Fuzzy(Box::new(lasting(*fuzzy, selected))),
        Criterion::Sequence(set) => now(&set, Numbering::Sequence),
        Criterion::Uid(set) => {
            let largest = selected.told.last().map_or(0, |uid| uid.0);
            match set.resolve(largest) {
                // Also UIDs that are still to come.
                Some(numbers) => uids(&numbers),
                None => now(&set, Numbering::Uid),
            }
        }
        other => other,
    }
}

/// The UIDs that a set means.
///
/// Errors: message numbers and `$` where another mailbox than the open one is searched.
fn resolve(set: &SequenceSet, numbering: Numbering, ground: Ground<'_>) -> Result<UidSet, Refusal> {
    const NO_NUMBERS: Refusal = Refusal::WrongState("BAD No message numbers in other mailboxes");
    let largest = ground.uids.last().map_or(0, |uid| uid.0);
    match (set.resolve(largest), numbering, ground.selected) {
        // Also UIDs that are still to come: a result may be kept up to date.
        (Some(numbers), Numbering::Uid, _) => Ok(uid_set(&numbers)),
        (_, _, Some(selected)) => Ok(selected.resolve(set, numbering)),
        _ => Err(NO_NUMBERS),
    }
}

/// The messages of a thread as FETCH names it.
fn in_thread(id: &str, ground: Ground<'_>) -> Result<Query, Refusal> {
    let Some(id) = id.strip_prefix('T').and_then(|id| id.parse().ok()) else {
        return Ok(Query::Any(Vec::new()));
    };
    let items = ground.view.conversation_items(ConversationId(id))?;
    Ok(Query::Test(Test::Items(items.into_iter().collect())))
}

/// Criteria that need nothing but themselves.
fn simple(criterion: &Criterion, ground: Ground<'_>, exactness: Exactness) -> Query {
    let needle = |text: &str| exactness.needle(text, ground.comparator);
    let test = match criterion {
        Criterion::Flag(flag) => Test::Flags(keywords::stored(*flag)),
        Criterion::Younger(seconds) => {
            let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
            Test::ReceivedSince(Timestamp::from_seconds(
                ground.now.seconds().saturating_sub(seconds),
            ))
        }
        Criterion::Larger(bytes) => Test::Larger(*bytes),
        Criterion::Smaller(bytes) => Test::Smaller(*bytes),
        Criterion::Header(name, text) => Test::Field(name.clone(), needle(text)),
        Criterion::Body(text) => Test::Body(needle(text)),
        Criterion::Text(text) => Test::Text(needle(text)),
        Criterion::ModSeq(modseq) => Test::ChangedSince(ChangeSeq(*modseq)),
        Criterion::EmailId(id) => match id.strip_prefix('M').and_then(|id| id.parse().ok()) {
            Some(content) => Test::Content(ContentId(content)),
            None => return Query::Any(Vec::new()),
        },
        // The others were translated before.
        _ => return Query::Any(Vec::new()),
    };
    Query::Test(test)
}

/// A span of days in the zone of each message (RFC 9051 §6.4.4); open at an end that lies before
/// or behind all days.
fn dated(field: DateField, from: Day, to: Day) -> Query {
    let mut tests = Vec::new();
    if from != Day::MIN {
        tests.push(Query::Test(match field {
            DateField::Arrived => Test::ReceivedOnOrAfter(from),
            DateField::Sent => Test::SentSince(from),
            DateField::Saved => Test::SavedSince(midnight(from)),
        }));
    }
    if to != Day::MAX {
        tests.push(Query::Test(match field {
            DateField::Arrived => Test::ReceivedBeforeDay(to),
            DateField::Sent => Test::SentBefore(to),
            DateField::Saved => Test::SavedBefore(midnight(to)),
        }));
    }
    Query::All(tests)
}

/// When a day began at Greenwich: what is told of the time of saving is in that zone.
fn midnight(day: Day) -> Timestamp {
    Timestamp::from_seconds(day.saturating_mul(DAY_SECONDS))
}
