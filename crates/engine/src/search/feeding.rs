//! Feeds the index with what came, behind the commits and never in their way.
//!
//! An account is fed from its change log where the index left off, or from its beginning. Where the
//! log no longer reaches back so far, the account is walked through once; what changes meanwhile is
//! fed from the log before anything is said to be known.
//!
//! Never reads a clock and never waits: each step reads a bounded number of letters and bytes.
//! Start at [`Feeder::step`].

use super::{Index, Letter};
use crate::account::{Account, Reading};
use crate::engine::Engine;
use crate::error::EngineError;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use store::StoreError;
use store::backend::Direction;
use store::id::{AccountId, ChangeSeq, FolderId, ItemKey, Uid};
use store::model::{AccountRow, Changes, Details, ItemRow, Object, Shelf, What};
use store::sketch::{Grams, Mark, Sketch};

/// Letters of one step.
const LETTERS_PER_STEP: usize = 64;
/// Change records of one step.
const CHANGES_PER_STEP: usize = 256;
/// Bytes of letters read in one step; the letter that crosses it is finished.
const BYTES_PER_STEP: u64 = 4 * 1024 * 1024;
/// Grams of a byte of a letter, at most; only documents have more, being compressed.
const GRAMS_PER_BYTE: u64 = 2;
/// Sketches of an account that may be of no use any more before it is fed anew.
const STALE_MIN: u64 = 4096;

/// The shelves of what people look for.
pub(super) const FED_SHELVES: [Shelf; 2] = [Shelf::Mail, Shelf::Other];

/// What a step has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fed {
    /// The account is known as far as it goes.
    Done,
    /// There is more to do.
    More,
}

/// Feeds one index; there must be no other that feeds it.
pub struct Feeder {
    engine: Engine,
    index: Arc<dyn Index>,
    walks: HashMap<AccountId, Walk>,
    grams: Grams,
    texts_read: u64,
}

/// An account that is being walked through.
struct Walk {
    /// How often the account was forgotten by then.
    forgotten: u64,
    /// Where its log stood at the beginning, and how far it was fed since.
    mark: Mark,
    /// What is still to be walked through, the last first.
    left: Vec<(FolderId, Shelf)>,
    next: u32,
}

/// What the change log told.
struct Told {
    sketches: Vec<(ItemKey, Sketch)>,
    /// How far it was read.
    mark: Mark,
    fed: Fed,
}

/// Some letters of a folder.
struct Piece {
    sketches: Vec<(ItemKey, Sketch)>,
    /// Where to go on.
    next: Option<u32>,
}

/// While a walk is on its way, also what went from where it still comes to where it has been.
const NEW_TO_WALK: What = What(What::NEW_TEXT.0 | What::MOVED.0);

impl Feeder {
    /// A feeder of the engine's index; `None` if it has none.
    pub fn new(engine: &Engine) -> Option<Self> {
        let index = Arc::clone(engine.search_index()?);
        Some(Self {
            engine: engine.clone(),
            index,
            walks: HashMap::new(),
            grams: Grams::default(),
            texts_read: 0,
        })
    }

    /// How many texts it has read so far.
    pub fn texts_read(&self) -> u64 {
        self.texts_read
    }

    /// Feeds some of what an account has and the index has not.
    pub fn step(&mut self, account: AccountId) -> Result<Fed, EngineError> {
        let mailbox = self.engine.account_as_server(account);
        let Some(row) = self.engine.store().account_row(account)? else {
            self.index.forget(account);
            return Ok(Fed::Done);
        };
        if let Some(walk) = self.walks.remove(&account)
            && walk.mark.epoch == row.epoch
        {
            return self.walk(&mailbox, walk);
        }
        let known = self.index.known(account);
        let beginning = Mark {
            epoch: row.epoch,
            change: ChangeSeq::default(),
        };
        // Of a walk that was broken off there are sketches and no mark.
        let is_new = known.mark.is_none() && known.sketches == 0;
        match known.mark.or(is_new.then_some(beginning)) {
            Some(mark) if is_of_use(mark, &row) && !is_stale(&mailbox, known.sketches)? => {
                self.catch_up(&mailbox, mark, known.forgotten)
            }
            _ => self.begin_walk(&mailbox, &row),
        }
    }

    /// Whether an account is being walked through. Until that is over, nothing at all can be said of
    /// its letters.
    pub fn is_walking(&self) -> bool {
        !self.walks.is_empty()
    }

    /// Feeds what the log tells after a mark.
    fn catch_up(
        &mut self,
        mailbox: &Account,
        mark: Mark,
        forgotten: u64,
    ) -> Result<Fed, EngineError> {
        let Some(told) = self.read_log(mailbox, mark, What::NEW_TEXT)? else {
            self.index.forget(mailbox.id()); // Walked through in the next step.
            return Ok(Fed::More);
        };
        if told.mark == mark {
            return Ok(told.fed);
        }
        let (account, mark) = (mailbox.id(), Some(told.mark));
        let is_fed = self.index.feed(account, forgotten, told.sketches, mark);
        Ok(if is_fed { told.fed } else { Fed::More })
    }

    fn begin_walk(&mut self, mailbox: &Account, row: &AccountRow) -> Result<Fed, EngineError> {
        self.index.forget(mailbox.id());
        let folders = mailbox.read()?.reads().folders(mailbox.id())?;
        let walk = Walk {
            forgotten: self.index.known(mailbox.id()).forgotten,
            mark: Mark {
                epoch: row.epoch,
                change: row.head,
            },
            left: folders
                .into_iter()
                .flat_map(|(folder, _)| shelves_of(folder))
                .collect(),
            next: 1,
        };
        self.walk(mailbox, walk)
    }

    fn walk(&mut self, mailbox: &Account, mut walk: Walk) -> Result<Fed, EngineError> {
        let account = mailbox.id();
        let Some(&(folder, shelf)) = walk.left.last() else {
            return self.end_walk(mailbox, walk);
        };
        let Piece { sketches, next } = self.read_shelf(mailbox, folder, shelf, walk.next)?;
        if !self.index.feed(account, walk.forgotten, sketches, None) {
            return Ok(Fed::More); // It begins anew.
        }
        walk.next = next.unwrap_or(1);
        if next.is_none() {
            walk.left.pop();
        }
        self.walks.insert(account, walk);
        Ok(Fed::More)
    }

    /// What happened during the walk; only then is the account known.
    fn end_walk(&mut self, mailbox: &Account, mut walk: Walk) -> Result<Fed, EngineError> {
        let account = mailbox.id();
        let Some(told) = self.read_log(mailbox, walk.mark, NEW_TO_WALK)? else {
            return Ok(Fed::More); // It took so long that it begins anew.
        };
        walk.mark = told.mark;
        let mark = (told.fed == Fed::Done).then_some(walk.mark);
        let is_fed = self
            .index
            .feed(account, walk.forgotten, told.sketches, mark);
        if !is_fed {
            return Ok(Fed::More);
        }
        if told.fed == Fed::More {
            self.walks.insert(account, walk);
        }
        Ok(told.fed)
    }

    /// What the log tells after a mark. `None` if it does not reach back so far.
    fn read_log(
        &mut self,
        mailbox: &Account,
        mark: Mark,
        what: What,
    ) -> Result<Option<Told>, EngineError> {
        let account = mailbox.id();
        let view = mailbox.read()?;
        let page = view
            .reads()
            .changes(account, mark.change, CHANGES_PER_STEP)?;
        let Changes::Page { records, more } = page else {
            return Ok(None);
        };
        let fed = if more { Fed::More } else { Fed::Done };
        let sketches = Vec::new();
        let mut told = Told {
            sketches,
            mark,
            fed,
        };
        let mut bytes = 0;
        for (number, record) in &records {
            if bytes >= BYTES_PER_STEP {
                told.fed = Fed::More;
                break;
            }
            told.mark.change = *number;
            let Object::Item(item) = record.object else {
                continue;
            };
            if !record.what.intersects(what) {
                continue;
            }
            let at = view.reads().location(account, item)?;
            let Some(at) = at.filter(|at| FED_SHELVES.contains(&at.shelf)) else {
                continue;
            };
            if let Some(row) = view.reads().item_row(account, at)? {
                let details = view.reads().details(account, item)?;
                let (sketch, read) = self.sketch(mailbox, at.uid, &row, details)?;
                told.sketches.push((item, sketch));
                bytes += read;
            }
        }
        Ok(Some(told))
    }

    /// Some items of a folder.
    fn read_shelf(
        &mut self,
        mailbox: &Account,
        folder: FolderId,
        shelf: Shelf,
        from: u32,
    ) -> Result<Piece, EngineError> {
        let view = mailbox.read()?;
        let mut rows: Vec<(Uid, ItemRow)> = Vec::new();
        let (account, range) = (mailbox.id(), from..=u32::MAX);
        let visit = &mut |uid, row| {
            rows.push((uid, row));
            if rows.len() < LETTERS_PER_STEP {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let reads = view.reads();
        reads.items(account, folder, shelf, range, Direction::Forward, visit)?;
        let (mut sketches, mut bytes) = (Vec::new(), 0);
        for (uid, row) in &rows {
            let details = reads.details(account, row.item)?;
            let (sketch, read) = self.sketch(mailbox, *uid, row, details)?;
            sketches.push((row.item, sketch));
            bytes += read;
            if bytes >= BYTES_PER_STEP {
                let next = uid.0.checked_add(1);
                return Ok(Piece { sketches, next });
            }
        }
        let is_full = rows.len() == LETTERS_PER_STEP;
        let last = rows.last().filter(|_| is_full);
        let next = last.and_then(|(uid, _)| uid.0.checked_add(1));
        Ok(Piece { sketches, next })
    }

    /// The sketch of one letter, and how many bytes of it were read.
    ///
    /// A damaged letter may contain anything; that it is damaged is for others to tell.
    fn sketch(
        &mut self,
        mailbox: &Account,
        uid: Uid,
        row: &ItemRow,
        details: Option<Details>,
    ) -> Result<(Sketch, u64), EngineError> {
        self.texts_read = self.texts_read.saturating_add(1);
        let mut letter = Letter::new(mailbox, uid, row, details.unwrap_or_default());
        let grams = &mut self.grams;
        let most = row.size.saturating_mul(GRAMS_PER_BYTE);
        grams.expect(usize::try_from(most).unwrap_or(usize::MAX));
        match letter.each_text(&mut |mark, text| super::grams::collect(text, mark, grams)) {
            Ok(()) => Ok((self.grams.take(), letter.bytes_read())),
            Err(EngineError::Store(StoreError::Corrupt(_))) => {
                self.grams.take();
                Ok((Sketch::opaque(), letter.bytes_read()))
            }
            Err(error) => {
                self.grams.take();
                Err(error)
            }
        }
    }
}

fn shelves_of(folder: FolderId) -> [(FolderId, Shelf); 2] {
    FED_SHELVES.map(|shelf| (folder, shelf))
}

fn is_of_use(mark: Mark, row: &AccountRow) -> bool {
    mark.epoch == row.epoch && (row.horizon..=row.head).contains(&mark.change)
}

/// True if most sketches are of letters that are gone.
fn is_stale(mailbox: &Account, sketches: u64) -> Result<bool, EngineError> {
    if sketches < STALE_MIN {
        return Ok(false);
    }
    let folders = mailbox.read()?.reads().folders(mailbox.id())?;
    let counters = folders
        .iter()
        .flat_map(|(_, row)| FED_SHELVES.map(|shelf| row.shelf(shelf)));
    let living: u64 = counters.map(|counters| u64::from(counters.count)).sum();
    Ok(sketches / 2 > living.saturating_add(STALE_MIN))
}
