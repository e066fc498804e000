//! `THREAD`: which message answers which.
//!
//! Standards: RFC 5256 §3, §4 (THREAD response); draft-ietf-morg-inthread §4 (REFS).

use super::progress::Ticker;
use super::search::filters;
use super::search::query::{self, Ground};
use super::{Desk, Reply, State, Step, Work, expunges_after};
use crate::codec::command::Numbering;
use crate::codec::sort::{ThreadAlgorithm, ThreadRequest};
use crate::codec::write;
use crate::refusal::Refusal;
use crate::selected::Selected;
use bytes::{BufMut, BytesMut};
use engine::search::{Forest, Relating, Run, Threading};
use engine::{Shelf, Uid};

/// A THREAD on its way.
pub(super) struct ThreadWork {
    numbering: Numbering,
    request: ThreadRequest,
    tag: String,
    stage: Stage,
    ticker: Ticker,
}

/// How far it has come.
enum Stage {
    Due,
    /// The messages are looked for.
    Searching(Box<Run>, Vec<Uid>),
    /// Their threads are.
    Relating(Box<Relating>),
}

impl ThreadWork {
    /// Errors: no open mailbox.
    pub(super) fn begin(
        numbering: Numbering,
        request: ThreadRequest,
        tag: &str,
        state: &mut State,
    ) -> Result<Box<dyn Work>, Refusal> {
        state.takes(numbering, &request.search.criterion)?;
        state.selected()?;
        state.features.condstore |= request.search.criterion.asks_modseq();
        Ok(Box::new(Self {
            numbering,
            request,
            tag: tag.to_owned(),
            stage: Stage::Due,
            ticker: Ticker::default(),
        }))
    }

    fn start(&self, desk: &Desk<'_>) -> Result<Run, Refusal> {
        let selected = desk.state.selected()?;
        let searched = query::searched(&self.request.search.criterion, selected);
        desk.state.limit.admit(u64::from(searched.len()))?;
        let view = desk.account.read()?;
        let ground = Ground {
            view: &view,
            uids: &selected.told,
            selected: Some(selected),
            comparator: desk.state.comparator,
            now: desk.now,
        };
        let plan = query::plan(&self.request.search.criterion, ground)?;
        let told = selected.told.clone();
        Ok(Run::new(plan, selected.folder, Shelf::Mail, told))
    }

    fn relate(&self, found: Vec<Uid>, desk: &Desk<'_>) -> Result<Relating, Refusal> {
        let threading = match self.request.algorithm {
            ThreadAlgorithm::OrderedSubject => Threading::Subject,
            ThreadAlgorithm::References => Threading::ReferencesAndSubject,
            ThreadAlgorithm::Refs => Threading::References,
        };
        let (folder, comparator) = (desk.state.selected()?.folder, desk.state.comparator);
        let found = found.into_iter().collect();
        Ok(Relating::new(folder, threading, comparator, found))
    }

    fn finish(&self, forest: &Forest, desk: &mut Desk<'_>) -> Step {
        if let Some(selected) = &desk.state.selected {
            let teller = Teller {
                forest,
                selected,
                numbering: self.numbering,
            };
            teller.write(desk.out);
        }
        Step::Done(Reply {
            text: "OK THREAD completed".into(),
            announce: Some(expunges_after(self.numbering)),
        })
    }
}

impl Work for ThreadWork {
    fn step(&mut self, desk: &mut Desk<'_>) -> Result<Step, Refusal> {
        if matches!(self.stage, Stage::Due) {
            let criterion = &mut self.request.search.criterion;
            filters::put_in(criterion, desk)?;
            desk.state.takes(self.numbering, criterion)?;
            self.stage = Stage::Searching(Box::new(self.start(desk)?), Vec::new());
        }
        if let Stage::Searching(run, found) = &mut self.stage {
            if !run.step(desk.account, found)? {
                self.ticker.tick(desk, &self.tag, run.progress());
                return Ok(Step::More);
            }
            let found = std::mem::take(found);
            self.stage = Stage::Relating(Box::new(self.relate(found, desk)?));
        }
        let Stage::Relating(relating) = &mut self.stage else {
            return Ok(Step::More);
        };
        if let Some(forest) = relating.step(desk.account)? {
            return Ok(self.finish(&forest, desk));
        }
        self.ticker.tick(desk, &self.tag, relating.progress());
        Ok(Step::More)
    }
}

/// Writes a forest; with a stack, since conversations may be as deep as there are messages.
struct Teller<'a> {
    forest: &'a Forest,
    selected: &'a Selected,
    numbering: Numbering,
}

/// What is to be written next.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// A list that begins with this node.
    List(u32),
    /// Its end.
    End,
}

impl Teller<'_> {
    /// Writes `* THREAD (2)(3 6 (4 23)(44 7 96))`.
    fn write(&self, out: &mut BytesMut) {
        out.put_slice(b"* THREAD");
        let roots = self.forest.roots();
        if !roots.is_empty() {
            out.put_u8(b' ');
        }
        let mut next: Vec<Next> = roots.iter().rev().map(|root| Next::List(*root)).collect();
        while let Some(step) = next.pop() {
            match step {
                Next::End => out.put_u8(b')'),
                Next::List(node) => {
                    let branches = self.write_line(out, node);
                    next.push(Next::End);
                    next.extend(branches.iter().rev().map(|node| Next::List(*node)));
                }
            }
        }
        out.put_slice(b"\r\n");
    }

    /// Writes one after the other until they branch; says where to.
    fn write_line(&self, out: &mut BytesMut, first: u32) -> &[u32] {
        out.put_u8(b'(');
        let mut needs_space = false;
        let mut node = first;
        loop {
            if let Some(number) = self.number(node) {
                if needs_space {
                    out.put_u8(b' ');
                }
                write::number(out, u64::from(number));
                needs_space = true;
            }
            match self.forest.children(node) {
                [only] => node = *only,
                branches => {
                    if needs_space && !branches.is_empty() {
                        out.put_u8(b' ');
                    }
                    return branches;
                }
            }
        }
    }

    fn number(&self, node: u32) -> Option<u32> {
        let uid = self.forest.uid(node)?;
        match self.numbering {
            Numbering::Uid => Some(uid.0),
            Numbering::Sequence => self.selected.number(uid),
        }
    }
}
