//! `SEARCH` and `SORT`: which messages match, and in which order.
//!
//! The search itself is the engine's; here its question is translated ([`query`]) and its answer
//! told ([`answer`]). A result that is to be kept up to date becomes a [`Context`].
//!
//! Standards: RFC 9051 §6.4.4; RFC 5256 §3 (SORT); RFC 5957 (SORT=DISPLAY); RFC 5267 (ESORT,
//! CONTEXT); RFC 5182 §2 (SAVE); RFC 9394 §3 (PARTIAL); RFC 7162 §3.1.5, §3.1.6 (MODSEQ); RFC 9585
//! (INPROGRESS); RFC 6203 (FUZZY); RFC 9738 (MESSAGELIMIT).

pub(crate) mod answer;
pub(crate) mod filters;
pub(crate) mod query;

use super::annotation;
use super::context::{self, Context, Members};
use super::fetch::each_row;
use super::progress::Ticker;
use super::{Desk, Reply, State, Step, Work, expunges_after};
use crate::codec::command::Numbering;
use crate::codec::search::{Criterion, Returned, SearchRequest};
use crate::codec::sort::{SortCriterion, SortKey};
use crate::limit::{self, Cut};
use crate::refusal::Refusal;
use crate::selected::Selected;
use crate::sync;
use answer::{Answer, Correlator};
use engine::search::{Arranging, Found, Harvest, Order, Ranking, Run, SortBy, SortLevel, Sorting};
use engine::{Account, EngineError, FolderId, Shelf, Uid, UidSet};
use query::Ground;

/// What stands in the place of a criterion that is needed elsewhere.
const EVERYTHING: Criterion = Criterion::All(Vec::new());

/// A SEARCH or SORT on its way.
pub(super) struct SearchWork {
    numbering: Numbering,
    request: SearchRequest,
    /// The keys of a SORT.
    criteria: Option<Vec<SortCriterion>>,
    tag: String,
    stage: Stage,
    /// Nothing was found as it was written: what FUZZY looks for may be misspelt.
    misspelt: bool,
    ticker: Ticker,
    /// There were more messages than one command works on.
    cut: Option<Cut>,
}

/// How far it has come.
enum Stage {
    Due,
    /// Messages are looked for.
    Searching(Box<(Run, Gathering)>),
    /// What was found is put in order.
    Arranging(Box<(Arranging, Scores)>),
}

/// How well messages match, ascending by UID.
type Scores = Vec<(Uid, u8)>;

/// What the search has found so far.
struct Gathering {
    order: Gathered,
    /// How well each matches; only kept to be told.
    scores: Option<Scores>,
}

enum Gathered {
    List(Vec<Uid>),
    Sort(Sorting),
}

impl Gathering {
    fn is_empty(&self) -> bool {
        match &self.order {
            Gathered::List(list) => list.is_empty(),
            Gathered::Sort(sorting) => sorting.is_empty(),
        }
    }
}

impl Harvest for Gathering {
    fn reads_fields(&self) -> bool {
        match &self.order {
            Gathered::List(list) => list.reads_fields(),
            Gathered::Sort(sorting) => sorting.reads_fields(),
        }
    }

    fn reads_annotations(&self) -> bool {
        match &self.order {
            Gathered::List(list) => list.reads_annotations(),
            Gathered::Sort(sorting) => sorting.reads_annotations(),
        }
    }

    fn list(&mut self) -> Option<&mut Vec<Uid>> {
        match &mut self.order {
            Gathered::List(list) if self.scores.is_none() => Some(list),
            _ => None,
        }
    }

    fn take(&mut self, found: &Found<'_>) -> Result<(), EngineError> {
        if let Some(scores) = &mut self.scores {
            // Where no text makes a difference all are alike; RFC 6203 §4 knows no 0.
            scores.push((found.uid, found.relevance.max(1)));
        }
        match &mut self.order {
            Gathered::List(list) => list.take(found),
            Gathered::Sort(sorting) => sorting.take(found),
        }
    }
}

/// What the search has found, in order.
struct Outcome {
    uids: Vec<Uid>,
    /// How well each matches, in the same order.
    scores: Vec<u8>,
    ranking: Option<Ranking>,
}

impl Outcome {
    fn new(uids: Vec<Uid>, by_uid: &Scores) -> Self {
        let score = |uid: &Uid| {
            let place = by_uid.binary_search_by_key(uid, |(known, _)| *known).ok()?;
            by_uid.get(place).map(|(_, score)| *score)
        };
        let told = if by_uid.is_empty() {
            &[]
        } else {
            uids.as_slice()
        };
        Self {
            scores: told.iter().filter_map(score).collect(),
            uids,
            ranking: None,
        }
    }

    fn ranked(ranking: Ranking, by_uid: &Scores) -> Self {
        let uids = ranking.uids().collect();
        Self {
            ranking: Some(ranking),
            ..Self::new(uids, by_uid)
        }
    }
}

impl SearchWork {
    /// Errors: no open mailbox; the tag of a result that is being kept up to date.
    pub(super) fn begin(
        numbering: Numbering,
        request: SearchRequest,
        criteria: Option<Vec<SortCriterion>>,
        tag: &str,
        state: &mut State,
    ) -> Result<Box<dyn Work>, Refusal> {
        let work = Self {
            numbering,
            request,
            criteria,
            tag: tag.to_owned(),
            stage: Stage::Due,
            misspelt: false,
            ticker: Ticker::default(),
            cut: None,
        };
        work.check(state)?;
        Ok(Box::new(work))
    }

    /// Whether this may be asked now.
    fn check(&self, state: &mut State) -> Result<(), Refusal> {
        let criterion = &self.request.criterion;
        state.takes(self.numbering, criterion)?;
        let selected = state.selected()?;
        let returned = self.request.returned.unwrap_or_default();
        if returned.update && selected.contexts.has(&self.tag) {
            return Err(Refusal::WrongState("BAD Tag reuse"));
        }
        let by_relevancy = |criterion: &SortCriterion| criterion.key == SortKey::Relevancy;
        let ranks = returned.relevancy || self.criteria.iter().flatten().any(by_relevancy);
        // What a filter says is not known before it is put in.
        if ranks && !criterion.is_fuzzy() && !criterion.names_filters() {
            return Err(Refusal::WrongState("BAD RELEVANCY needs FUZZY"));
        }
        // Asking for it is using CONDSTORE (RFC 7162 §3.1).
        state.features.condstore |= criterion.asks_modseq();
        Ok(())
    }

    /// True if it is worth looking again for what is nearly there. A result that is kept up to date
    /// is always of what was asked.
    fn may_be_misspelt(&self) -> bool {
        let returned = self.request.returned.unwrap_or_default();
        !self.misspelt && !returned.update && self.request.criterion.is_fuzzy()
    }

    /// The result is to be kept up to date.
    fn is_kept(&self) -> bool {
        self.request
            .returned
            .is_some_and(|returned| returned.update)
    }

    fn put_filters_in(&mut self, desk: &mut Desk<'_>) -> Result<(), Refusal> {
        if self.request.criterion.names_filters() {
            filters::put_in(&mut self.request.criterion, desk)?;
            self.check(desk.state)?;
        }
        Ok(())
    }

    /// The messages to look at: the newest of too many.
    ///
    /// Errors: too many, where all of them matter. Source: RFC 9738 §3.1, §3.3.
    fn within(&mut self, state: &State) -> Result<UidSet, Refusal> {
        let selected = state.selected()?;
        let mut within = query::searched(&self.request.criterion, selected);
        if self.criteria.is_some() || self.is_kept() {
            state.limit.admit(u64::from(within.len()))?;
        }
        self.cut = state.limit.cut(&mut within);
        Ok(if self.cut.is_some() {
            within
        } else {
            selected.told.clone()
        })
    }

    fn go_on(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        if matches!(self.stage, Stage::Due) {
            self.put_filters_in(desk)?;
            if self.is_kept() {
                let criterion = std::mem::replace(&mut self.request.criterion, EVERYTHING);
                self.request.criterion = query::lasting(criterion, desk.state.selected()?);
            }
            let started = self.start(desk)?;
            self.stage = Stage::Searching(Box::new(started));
        }
        self.search_step(desk)
    }

    fn start(&mut self, desk: &Desk<'_>) -> Result<(Run, Gathering), Refusal> {
        let within = self.within(desk.state)?;
        let selected = desk.state.selected()?;
        let view = desk.account.read()?;
        let ground = Ground {
            view: &view,
            uids: &selected.told,
            selected: Some(selected),
            comparator: desk.state.comparator,
            now: desk.now,
        };
        let criterion = &self.request.criterion;
        let plan = if self.misspelt {
            query::plan_misspelt(criterion, ground)?
        } else {
            query::plan(criterion, ground)?
        };
        let returned = self.request.returned.unwrap_or_default();
        let order = match self.order(desk) {
            // What orders a letter is wanted later, or is not its own.
            Some(order) if returned.update || !order.is_of_letters_alone() => {
                Gathered::Sort(Sorting::new(order))
            }
            _ => Gathered::List(Vec::new()),
        };
        let ranks = returned.relevancy;
        let gathering = Gathering {
            order,
            scores: ranks.then(Vec::new),
        };
        let run = Run::new(plan, selected.folder, Shelf::Mail, within);
        Ok((run, gathering))
    }

    /// The order of a SORT.
    fn order(&self, desk: &Desk<'_>) -> Option<Order> {
        Some(Order {
            levels: self.criteria.as_ref()?.iter().map(sort_level).collect(),
            comparator: desk.state.comparator,
        })
    }

    fn tell(&self, desk: &mut Desk<'_>, outcome: &Outcome) -> Result<(), Refusal> {
        let found = outcome.uids.as_slice();
        let selected = desk.state.selected()?;
        let numbers = numbers(selected, self.numbering, found);
        let returned = match (self.request.returned, desk.state.features.rev2) {
            // In IMAP4rev2 the answer to a SEARCH is always ESEARCH.
            (None, true) if self.criteria.is_none() => Some(Returned {
                all: true,
                ..Returned::default()
            }),
            (returned, _) => returned,
        };
        let modseq = if self.request.criterion.asks_modseq() {
            highest(desk.account, selected.folder, found, returned)?
        } else {
            None
        };
        let Some(returned) = returned else {
            let name = self.criteria.as_ref().map_or("SEARCH", |_| "SORT");
            answer::write_plain(desk.out, name, &numbers, modseq);
            return Ok(());
        };
        if returned.save {
            save(desk, found, returned);
        }
        if returned.tells() {
            let correlator = Correlator {
                tag: &self.tag,
                mailbox: None,
                numbering: self.numbering,
            };
            let answer = Answer {
                numbers: &numbers,
                scores: &outcome.scores,
                modseq,
            };
            answer::write_esearch(desk.out, &correlator, &answer, returned);
        }
        Ok(())
    }

    /// Keeps the result, so that its changes can be told.
    fn keep_up(&mut self, desk: &mut Desk<'_>, found: Outcome) {
        let members = match found.ranking {
            Some(ranking) => Members::Ranked(ranking),
            None => Members::Set(found.uids.into_iter().collect()),
        };
        let Some(selected) = &mut desk.state.selected else {
            return;
        };
        let criterion = std::mem::replace(&mut self.request.criterion, EVERYTHING);
        let kept = selected.contexts.add(Context {
            tag: self.tag.clone(),
            numbering: self.numbering,
            items: self.request.items.clone(),
            criterion,
            comparator: desk.state.comparator,
            since: desk.now,
            members,
        });
        if !kept {
            context::write_no_update(desk.out, &self.tag);
        }
    }

    /// Tells what was found, in its order.
    fn finish(&mut self, desk: &mut Desk<'_>, found: Outcome) -> Result<Step, Refusal> {
        self.tell(desk, &found)?;
        if self.is_kept() {
            self.keep_up(desk, found);
        }
        let text = match self.criteria {
            None => "OK SEARCH completed",
            Some(_) => "OK SORT completed",
        };
        let reply = Reply {
            text: text.into(),
            announce: Some(expunges_after(self.numbering)),
        };
        limit::tell(self.cut, Ok(reply), desk.out).map(Step::Done)
    }

    fn search_step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let Stage::Searching(searching) = &mut self.stage else {
            return self.arranging_step(desk);
        };
        let (run, gathering) = &mut **searching;
        if !run.step(desk.account, gathering)? {
            self.ticker.tick(desk, &self.tag, run.progress());
            return Ok(Step::More);
        }
        let Stage::Searching(searching) = std::mem::replace(&mut self.stage, Stage::Due) else {
            return Ok(Step::More);
        };
        if searching.1.is_empty() && self.may_be_misspelt() {
            self.misspelt = true;
            self.stage = Stage::Searching(Box::new(self.start(desk)?));
            return Ok(Step::More);
        }
        let (_, Gathering { order, scores }) = *searching;
        let scores = scores.unwrap_or_default();
        match (order, self.order(desk)) {
            (Gathered::Sort(sorting), _) => {
                self.finish(desk, Outcome::ranked(sorting.finish(), &scores))
            }
            (Gathered::List(found), None) => self.finish(desk, Outcome::new(found, &scores)),
            (Gathered::List(found), Some(order)) => {
                let folder = desk.state.selected()?.folder;
                let arranging = Arranging::new(folder, order, found.into_iter().collect());
                self.stage = Stage::Arranging(Box::new((arranging, scores)));
                self.arranging_step(desk)
            }
        }
    }

    fn arranging_step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let Stage::Arranging(work) = &mut self.stage else {
            return Ok(Step::More);
        };
        let (arranging, scores) = &mut **work;
        let Some(uids) = arranging.step(desk.account)? else {
            self.ticker.tick(desk, &self.tag, arranging.progress());
            return Ok(Step::More);
        };
        let found = Outcome::new(uids, scores);
        self.finish(desk, found)
    }
}

impl Work for SearchWork {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        let stepped = self.go_on(desk);
        let is_saved = self.request.returned.is_some_and(|returned| returned.save);
        match &stepped {
            Err(refusal) if is_saved && !refusal.is_bad() => forget_saved(desk.state),
            _ => {}
        }
        stepped
    }
}

fn sort_level(criterion: &SortCriterion) -> SortLevel {
    let by = match &criterion.key {
        SortKey::Annotation(entry, scope) => annotation::sorted_by(entry, *scope),
        SortKey::Arrival => SortBy::Received,
        SortKey::Cc => SortBy::Cc,
        SortKey::Date => SortBy::Sent,
        SortKey::DisplayFrom => SortBy::FromShown,
        SortKey::DisplayTo => SortBy::ToShown,
        SortKey::From => SortBy::From,
        SortKey::Relevancy => SortBy::Relevance,
        SortKey::Size => SortBy::Size,
        SortKey::Subject => SortBy::Subject,
        SortKey::To => SortBy::To,
    };
    SortLevel {
        by,
        descending: criterion.reverse,
    }
}

/// What messages are called in an answer.
pub(super) fn numbers(selected: &Selected, numbering: Numbering, uids: &[Uid]) -> Vec<u32> {
    match numbering {
        Numbering::Uid => uids.iter().map(|uid| uid.0).collect(),
        Numbering::Sequence => uids
            .iter()
            .filter_map(|uid| selected.number(*uid))
            .collect(),
    }
}

/// The highest MODSEQ of what is told. Source: RFC 7162 §3.1.6, RFC 4731 §3.2.
pub(super) fn highest(
    account: &Account,
    folder: FolderId,
    found: &[Uid],
    returned: Option<Returned>,
) -> Result<Option<u64>, Refusal> {
    let told = returned.map_or_else(|| found.to_vec(), |returned| named(found, returned));
    let mut highest = None;
    let told: UidSet = told.into_iter().collect();
    each_row(&account.read()?, folder, &told, &mut |_, row| {
        highest = highest.max(Some(sync::modseq(&row)));
    })?;
    Ok(highest)
}

/// What was saved before means nothing after a search that was to be saved and failed. Source: RFC
/// 5182 §2.1.
pub(super) fn forget_saved(state: &mut State) {
    if let Some(selected) = &mut state.selected {
        selected.saved = UidSet::default();
    }
}

/// Keeps the result for `$`.
pub(super) fn save(desk: &mut Desk<'_>, found: &[Uid], returned: Returned) {
    if let Some(selected) = &mut desk.state.selected {
        selected.saved = named(found, returned).into_iter().collect();
    }
}

/// The messages that an answer is about: with MIN, MAX and PARTIAL alone only those. Source: RFC
/// 5182 §2.4, RFC 9394 §3.2.
fn named(found: &[Uid], returned: Returned) -> Vec<Uid> {
    let is_some = returned.min || returned.max || returned.partial.is_some();
    if returned.all || returned.count || !is_some {
        return found.to_vec();
    }
    let first = found.first().filter(|_| returned.min);
    let last = found.last().filter(|_| returned.max);
    let window = returned.partial.map(|window| window.of(found.len()));
    let within = window.and_then(|range| found.get(range));
    let ends = first.into_iter().chain(last);
    ends.chain(within.unwrap_or_default()).copied().collect()
}
