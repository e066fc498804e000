//! `SEARCH`: which messages match.
//!
//! The search itself is the engine's; here its question is translated and its answer told.
//!
//! Standards: RFC 9051 §6.4.4, §7.3.4 (ESEARCH); RFC 3501 §7.2.5 (SEARCH); RFC 5182 §2 (SAVE); RFC
//! 7162 §3.1.5, §3.1.6 (MODSEQ); RFC 5032 (WITHIN).

use super::fetch::each_row;
use super::{Desk, Reply, State, Step, Work, expunges_after};
use crate::codec::command::Numbering;
use crate::codec::moment::Day;
use crate::codec::search::{Criterion, DateField, Returned, SearchRequest};
use crate::codec::sequence::NumberSet;
use crate::codec::{Fault, write};
use crate::keywords::{self, Known};
use crate::refusal::Refusal;
use crate::selected::Selected;
use crate::sync;
use bytes::BufMut;
use engine::search::{Needle, Plan, Query, Run, Test};
use engine::{ChangeSeq, ContentId, Shelf, Timestamp, Uid, UidSet, View};

/// A SEARCH on its way.
pub(super) struct SearchWork {
    numbering: Numbering,
    request: SearchRequest,
    tag: String,
    run: Option<Run>,
}

impl SearchWork {
    /// Errors: no open mailbox.
    pub(super) fn begin(
        numbering: Numbering,
        request: SearchRequest,
        tag: &str,
        state: &mut State,
    ) -> Result<Box<dyn Work>, Refusal> {
        state.selected()?;
        // Asking for it is using CONDSTORE (RFC 7162 §3.1).
        state.features.condstore |= request.criterion.asks_modseq();
        Ok(Box::new(Self {
            numbering,
            request,
            tag: tag.to_owned(),
            run: None,
        }))
    }

    fn start(&self, desk: &Desk<'_>) -> Result<Run, Refusal> {
        let selected = desk.state.selected()?;
        let view = desk.account.read()?;
        let query = query(&self.request.criterion, selected, &view, desk.now)?;
        let plan = Plan::new(query)
            .map_err(|_| Refusal::Fault(Fault::Limit("Search has too many keys")))?;
        Ok(Run::new(
            plan,
            selected.folder,
            Shelf::Mail,
            selected.told.clone(),
        ))
    }

    fn tell(&self, desk: &mut Desk<'_>, found: &[Uid]) -> Result<Step, Refusal> {
        let selected = desk.state.selected()?;
        let numbers: Vec<u32> = match self.numbering {
            Numbering::Uid => found.iter().map(|uid| uid.0).collect(),
            Numbering::Sequence => found
                .iter()
                .filter_map(|uid| selected.number(*uid))
                .collect(),
        };
        let returned = match (self.request.returned, desk.state.features.rev2) {
            // In IMAP4rev2 the answer is always ESEARCH.
            (None, true) => Some(Returned {
                all: true,
                ..Returned::default()
            }),
            (returned, _) => returned,
        };
        let modseq = if self.request.criterion.asks_modseq() {
            highest(desk, selected, found, returned)?
        } else {
            None
        };
        if let Some(returned) = returned {
            if returned.save {
                save(desk, found, returned);
            }
            self.write_esearch(desk, &numbers, returned, modseq);
        } else {
            write_search(desk, &numbers, modseq);
        }
        let announce = Some(expunges_after(self.numbering));
        Ok(Step::Done(Reply {
            text: "OK SEARCH completed".into(),
            announce,
        }))
    }

    fn write_esearch(
        &self,
        desk: &mut Desk<'_>,
        numbers: &[u32],
        returned: Returned,
        modseq: Option<u64>,
    ) {
        let tells = returned.min || returned.max || returned.all || returned.count;
        if !tells {
            return; // Only SAVE was asked for.
        }
        let out = &mut *desk.out;
        out.put_slice(b"* ESEARCH (TAG \"");
        out.put_slice(self.tag.as_bytes());
        out.put_slice(b"\")");
        if self.numbering == Numbering::Uid {
            out.put_slice(b" UID");
        }
        let ends = [
            (returned.min, " MIN ", numbers.first()),
            (returned.max, " MAX ", numbers.last()),
        ];
        for (wanted, label, number) in ends {
            if let (true, Some(number)) = (wanted, number) {
                out.put_slice(label.as_bytes());
                write::number(out, u64::from(*number));
            }
        }
        if returned.count {
            out.put_slice(b" COUNT ");
            write::number(out, u64::try_from(numbers.len()).unwrap_or(u64::MAX));
        }
        if returned.all && !numbers.is_empty() {
            out.put_slice(b" ALL ");
            numbers.iter().copied().collect::<NumberSet>().write(out);
        }
        if let Some(modseq) = modseq {
            out.put_slice(b" MODSEQ ");
            write::number(out, modseq);
        }
        out.put_slice(b"\r\n");
    }
}

impl Work for SearchWork {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        if self.run.is_none() {
            self.run = Some(self.start(desk)?);
        }
        let Some(run) = &mut self.run else {
            return Ok(Step::More);
        };
        match run.step(desk.account) {
            Ok(Some(found)) => self.tell(desk, &found),
            Ok(None) => Ok(Step::More),
            Err(error) => {
                // What was saved before means nothing any more (RFC 5182 §2.1).
                if let Some(selected) = &mut desk.state.selected {
                    selected.saved = UidSet::default();
                }
                Err(error.into())
            }
        }
    }
}

/// The highest MODSEQ of what is told. Source: RFC 7162 §3.1.6, RFC 4731 §3.2.
fn highest(
    desk: &Desk<'_>,
    selected: &Selected,
    found: &[Uid],
    returned: Option<Returned>,
) -> Result<Option<u64>, Refusal> {
    let only_ends = returned.is_some_and(|r| (r.min || r.max) && !r.all && !r.count);
    let told = match returned {
        Some(returned) if only_ends => ends(found, returned),
        _ => found.to_vec(),
    };
    let mut highest = None;
    let told: UidSet = told.into_iter().collect();
    each_row(
        &desk.account.read()?,
        selected.folder,
        &told,
        &mut |_, row| {
            highest = highest.max(Some(sync::modseq(&row)));
        },
    )?;
    Ok(highest)
}

/// Keeps the result for `$`. Source: RFC 5182 §2.1, §2.4 (with MIN and MAX alone only those).
fn save(desk: &mut Desk<'_>, found: &[Uid], returned: Returned) {
    let kept = if (returned.min || returned.max) && !returned.all && !returned.count {
        ends(found, returned)
    } else {
        found.to_vec()
    };
    if let Some(selected) = &mut desk.state.selected {
        selected.saved = kept.into_iter().collect();
    }
}

fn ends(found: &[Uid], returned: Returned) -> Vec<Uid> {
    let first = found.first().filter(|_| returned.min);
    let last = found.last().filter(|_| returned.max);
    first.into_iter().chain(last).copied().collect()
}

/// `* SEARCH 2 5 (MODSEQ 9)`
fn write_search(desk: &mut Desk<'_>, numbers: &[u32], modseq: Option<u64>) {
    let out = &mut *desk.out;
    out.put_slice(b"* SEARCH");
    for number in numbers {
        out.put_u8(b' ');
        write::number(out, u64::from(*number));
    }
    if let Some(modseq) = modseq {
        out.put_slice(b" (MODSEQ ");
        write::number(out, modseq);
        out.put_u8(b')');
    }
    out.put_slice(b"\r\n");
}

/// The engine's form of a criterion. Recursion is bounded by [`crate::codec::search::DEPTH_MAX`].
fn query(
    criterion: &Criterion,
    selected: &Selected,
    view: &View<'_>,
    now: Timestamp,
) -> Result<Query, Refusal> {
    let inner = |criterion: &Criterion| query(criterion, selected, view, now);
    Ok(match criterion {
        Criterion::All(all) => Query::All(all.iter().map(inner).collect::<Result<_, _>>()?),
        Criterion::Any(any) => Query::Any(any.iter().map(inner).collect::<Result<_, _>>()?),
        Criterion::Not(not) => Query::Not(Box::new(inner(not)?)),
        Criterion::Recent => Query::Any(Vec::new()),
        Criterion::Dated(field, from, to) => dated(*field, *from, *to),
        Criterion::Sequence(set) => {
            Query::Test(Test::Uids(selected.resolve(set, Numbering::Sequence)))
        }
        Criterion::Uid(set) => Query::Test(Test::Uids(selected.resolve(set, Numbering::Uid))),
        Criterion::Keyword(keyword) => match keywords::look_up(view, keyword)? {
            Known::Flag(flag) => Query::Test(Test::Flags(flag)),
            Known::Number(number) => Query::Test(Test::Keyword(Some(number))),
            Known::Nowhere => Query::Any(Vec::new()),
        },
        other => simple(other, now),
    })
}

/// Criteria that need nothing but themselves.
fn simple(criterion: &Criterion, now: Timestamp) -> Query {
    let test = match criterion {
        Criterion::Flag(flag) => Test::Flags(keywords::stored(*flag)),
        Criterion::Younger(seconds) => {
            let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
            Test::ReceivedSince(Timestamp::from_seconds(
                now.seconds().saturating_sub(seconds),
            ))
        }
        Criterion::Larger(bytes) => Test::Larger(*bytes),
        Criterion::Smaller(bytes) => Test::Smaller(*bytes),
        Criterion::Header(name, text) => Test::Field(name.clone(), Needle::new(text)),
        Criterion::Body(text) => Test::Body(Needle::new(text)),
        Criterion::Text(text) => Test::Text(Needle::new(text)),
        Criterion::ModSeq(modseq) => Test::ChangedSince(ChangeSeq(*modseq)),
        Criterion::EmailId(id) => match id.strip_prefix('M').and_then(|id| id.parse().ok()) {
            Some(content) => Test::Content(ContentId(content)),
            None => return Query::Any(Vec::new()),
        },
        // No message has a thread's name yet, and the others were translated before.
        _ => return Query::Any(Vec::new()),
    };
    Query::Test(test)
}

/// A span of days in the zone of each message (RFC 9051 §6.4.4); open at an end that lies before or behind all days.
fn dated(field: DateField, from: Day, to: Day) -> Query {
    let mut tests = Vec::new();
    if from != Day::MIN {
        tests.push(Query::Test(match field {
            DateField::Arrived => Test::ReceivedOnOrAfter(from),
            DateField::Sent => Test::SentSince(from),
        }));
    }
    if to != Day::MAX {
        tests.push(Query::Test(match field {
            DateField::Arrived => Test::ReceivedBeforeDay(to),
            DateField::Sent => Test::SentBefore(to),
        }));
    }
    Query::All(tests)
}
