//! What was derived from all letters of a folder, kept in memory and moved on by the change log.
//!
//! A value is made by one walk over the folder and is of one change number. Asked again, it takes
//! over what the log tells since: letters that left are taken out, those that came are put in. It is
//! only ever as new as a settled view, and what has become too old to be moved on is made
//! anew; so an answer is the one that a walk would give. Few values are kept, those used last, and
//! none longer than [`UNUSED_SECONDS_MAX`] after its last use.
//!
//! Never decides who may see what: rights are checked where letters are asked for.
//!
//! Start at [`Asking`]; [`super::sorted`] and [`super::related`] say what is derived.

use super::run::{Found, Harvest, Progress, Run};
use super::{Letter, Plan};
use crate::account::{Account, Reading, View};
use crate::error::EngineError;
use parking_lot::Mutex;
use std::sync::Arc;
use store::id::{AccountId, ChangeSeq, FolderId, Timestamp, Uid};
use store::model::{Changes, ItemRow, Location, Rights, Shelf, Stand, UidSet, What};

/// Bytes that the values of one kind take together: the threads of 1,000,000 letters.
const BYTES_MAX: usize = 96 * 1024 * 1024;
/// How long a value that nobody asks for is kept.
const UNUSED_SECONDS_MAX: i64 = 15 * 60;
/// Changes that are looked through for what came and left; with more a new walk is as cheap.
const CHANGES_MAX: usize = 16 * 1024;
/// Of so many letters in a folder one must be wanted for a value of all to be made.
const SHARE_MIN: u32 = 4;
/// Letters that are put in at once; with more a new walk is as cheap.
const LETTERS_MAX: usize = 256;

/// What the order and the threads of letters can depend on: all but flags.
const TELLING: What = What(!(What::FLAGS.0 | What::READ.0));

/// A value derived from all letters on a folder's mail shelf.
pub(crate) trait Derived: Clone + Send + Sync {
    /// Which value of a folder it is.
    type Which: Clone + PartialEq + Send;
    /// What a walk fills.
    type Filling: Harvest + Send;

    /// Nothing yet, for so many letters.
    fn begin(which: &Self::Which, letters: usize) -> Self::Filling;

    /// The value, once the walk is over.
    fn finish(filling: Self::Filling) -> Self;

    /// True if rows alone don't tell.
    fn reads_fields(which: &Self::Which) -> bool;

    /// Takes letters out; some may not be in it.
    fn remove(&mut self, gone: &UidSet);

    /// Puts letters in, ascending, which are not in it.
    fn insert(
        &mut self,
        which: &Self::Which,
        came: &[Uid],
        desk: &Desk<'_>,
    ) -> Result<(), EngineError>;

    /// About how much memory it takes.
    fn bytes(&self) -> usize;
}

/// Where letters are looked at one by one.
pub(crate) struct Desk<'a> {
    account: &'a Account,
    view: View<'a>,
    folder: FolderId,
    reads_fields: bool,
}

impl Desk<'_> {
    /// Shows one letter; nothing if it is not there.
    pub(super) fn look_at<T>(
        &self,
        uid: Uid,
        tell: impl FnOnce(&Found<'_>) -> Result<T, EngineError>,
    ) -> Result<Option<T>, EngineError> {
        let (folder, shelf) = (self.folder, Shelf::Mail);
        let Some(row) = self.view.item(Location { folder, shelf, uid })? else {
            return Ok(None);
        };
        let summary = if self.reads_fields {
            self.summary(uid, &row)?
        } else {
            bytes::Bytes::new()
        };
        let found = Found {
            uid,
            row: &row,
            summary: &summary,
            annotations: &[],
            relevance: 0,
        };
        tell(&found).map(Some)
    }

    fn summary(&self, uid: Uid, row: &ItemRow) -> Result<bytes::Bytes, EngineError> {
        let details = self.view.details(row.item)?.unwrap_or_default();
        Letter::new(self.account, uid, row, details).whole_summary()
    }
}

struct Slot<D: Derived> {
    owner: AccountId,
    folder: FolderId,
    which: D::Which,
    used: Timestamp,
    state: AsOf<D>,
}

/// A value as of one change number.
#[derive(Clone)]
struct AsOf<D> {
    epoch: u32,
    change: ChangeSeq,
    value: Arc<D>,
}

/// The values of one kind that were used last, the latest at the end.
pub(crate) struct Keep<D: Derived>(Mutex<Vec<Slot<D>>>);

impl<D: Derived> Default for Keep<D> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<D: Derived> Keep<D> {
    /// Takes the value out while it is being used, so that moving it on copies nothing.
    fn take(&self, owner: AccountId, folder: FolderId, which: &D::Which) -> Option<AsOf<D>> {
        let mut slots = self.0.lock();
        let is_it =
            |slot: &Slot<D>| (slot.owner, slot.folder) == (owner, folder) && slot.which == *which;
        let at = slots.iter().position(is_it)?;
        Some(slots.remove(at).state)
    }

    fn put(&self, slot: Slot<D>) {
        let mut slots = self.0.lock();
        let oldest = slot.used.seconds().saturating_sub(UNUSED_SECONDS_MAX);
        slots.retain(|other| {
            let is_same = (other.owner, other.folder) == (slot.owner, slot.folder)
                && other.which == slot.which;
            !is_same && other.used.seconds() >= oldest
        });
        slots.push(slot);
        let mut bytes: usize = slots.iter().map(|slot| slot.state.value.bytes()).sum();
        while bytes > BYTES_MAX && !slots.is_empty() {
            bytes = bytes.saturating_sub(slots.remove(0).state.value.bytes());
        }
    }
}

/// The way to a value of some letters: at once if one of the whole folder is kept, else by a walk in
/// bounded steps, over the whole folder if many are wanted and over those alone if few are.
pub(super) struct Asking<D: Derived> {
    making: Making<D>,
    wanted: UidSet,
    way: Way<D>,
}

enum Way<D: Derived> {
    Due,
    /// The value of the whole folder is being made.
    Whole,
    /// One of those that are wanted, for this answer only.
    Few(Box<(Run, D::Filling)>),
}

impl<D: Derived> Asking<D> {
    /// Of those of a folder's letters that are wanted. Those that have left it are not in the value.
    pub(super) fn new(folder: FolderId, which: D::Which, wanted: UidSet) -> Self {
        Self {
            making: Making::new(folder, which),
            wanted,
            way: Way::Due,
        }
    }

    /// The letters that are wanted.
    pub(super) fn wanted(&self) -> &UidSet {
        &self.wanted
    }

    /// How far it has come.
    pub(super) fn progress(&self) -> Progress {
        match &self.way {
            Way::Due => Progress::default(),
            Way::Whole => self.making.progress(),
            Way::Few(few) => few.0.progress(),
        }
    }

    /// The next step; when it was the last, a value of the letters that are wanted and perhaps of
    /// others.
    pub(super) fn step(
        &mut self,
        account: &Account,
        keep: &Keep<D>,
    ) -> Result<Option<Arc<D>>, EngineError> {
        if matches!(self.way, Way::Due) {
            if let Some(value) = self.making.kept(account, keep)? {
                return Ok(Some(value));
            }
            self.way = self.begin(account)?;
        }
        let Way::Few(few) = &mut self.way else {
            return self.making.step(account, keep);
        };
        let (run, filling) = &mut **few;
        if !run.step(account, filling)? {
            return Ok(None);
        }
        let way = std::mem::replace(&mut self.way, Way::Due);
        Ok(match way {
            Way::Few(few) => Some(Arc::new(D::finish(few.1))),
            Way::Due | Way::Whole => None,
        })
    }

    fn begin(&self, account: &Account) -> Result<Way<D>, EngineError> {
        let Making { folder, which, .. } = &self.making;
        let all = account.read()?.uids(*folder, Shelf::Mail)?;
        if self.wanted.len() >= all.len() / SHARE_MIN {
            return Ok(Way::Whole);
        }
        let wanted = self.wanted.clone();
        let letters = usize::try_from(wanted.len()).unwrap_or(usize::MAX);
        let run = Run::new(Plan::everything(), *folder, Shelf::Mail, wanted);
        Ok(Way::Few(Box::new((run, D::begin(which, letters)))))
    }
}

/// The way to a value of a whole folder.
struct Making<D: Derived> {
    folder: FolderId,
    which: D::Which,
    walk: Option<Walk<D>>,
}

struct Walk<D: Derived> {
    run: Run,
    filling: D::Filling,
    epoch: u32,
    /// Where the log stood at the beginning; what came later is taken over from there.
    change: ChangeSeq,
}

impl<D: Derived> Making<D> {
    /// Of this folder's letters.
    fn new(folder: FolderId, which: D::Which) -> Self {
        Self {
            folder,
            which,
            walk: None,
        }
    }

    /// The value as it is now, if it is kept and can be moved on.
    ///
    /// Errors: also [`EngineError::Denied`], if this user may not read the folder.
    fn kept(&self, account: &Account, keep: &Keep<D>) -> Result<Option<Arc<D>>, EngineError> {
        let view = account.read()?;
        view.folder_with_rights(self.folder, Rights::READ)?;
        let owner = account.id();
        let Some(state) = keep.take(owner, self.folder, &self.which) else {
            return Ok(None);
        };
        let Some(state) = self.moved_on(account, view, state)? else {
            return Ok(None);
        };
        let value = Arc::clone(&state.value);
        self.put(account, keep, state);
        Ok(Some(value))
    }

    /// How far the walk has come.
    fn progress(&self) -> Progress {
        let walk = self.walk.as_ref();
        walk.map_or(Progress::default(), |walk| walk.run.progress())
    }

    /// The next step of the walk that makes it; when that was the last, the value as of the walk's
    /// beginning: what comes without end does not keep it from ending.
    fn step(&mut self, account: &Account, keep: &Keep<D>) -> Result<Option<Arc<D>>, EngineError> {
        let mut walk = match self.walk.take() {
            Some(walk) => walk,
            None => self.begin(account)?,
        };
        if !walk.run.step(account, &mut walk.filling)? {
            self.walk = Some(walk);
            return Ok(None);
        }
        let state = AsOf {
            epoch: walk.epoch,
            change: walk.change,
            value: Arc::new(D::finish(walk.filling)),
        };
        let value = Arc::clone(&state.value);
        self.put(account, keep, state);
        Ok(Some(value))
    }

    fn begin(&self, account: &Account) -> Result<Walk<D>, EngineError> {
        let view = account.read()?;
        let row = view.state()?;
        let uids = view.uids(self.folder, Shelf::Mail)?;
        let letters = usize::try_from(uids.len()).unwrap_or(usize::MAX);
        Ok(Walk {
            run: Run::new(Plan::everything(), self.folder, Shelf::Mail, uids),
            filling: D::begin(&self.which, letters),
            epoch: row.epoch,
            change: row.head,
        })
    }

    fn put(&self, account: &Account, keep: &Keep<D>, state: AsOf<D>) {
        keep.put(Slot {
            owner: account.id(),
            folder: self.folder,
            which: self.which.clone(),
            used: account.engine().now(),
            state,
        });
    }

    /// The value with all that the view shows; `None` if it has to be made anew.
    fn moved_on(
        &self,
        account: &Account,
        view: View<'_>,
        mut state: AsOf<D>,
    ) -> Result<Option<AsOf<D>>, EngineError> {
        let row = view.state()?;
        if state.epoch != row.epoch || state.change > row.head {
            return Ok(None);
        }
        if state.change == row.head {
            return Ok(Some(state));
        }
        let Some(touched) = touched(&view, self.folder, state.change)? else {
            return Ok(None);
        };
        let there = view.uids(self.folder, Shelf::Mail)?;
        let came: Vec<Uid> = touched.intersection(&there).iter().collect();
        if came.len() > LETTERS_MAX {
            return Ok(None);
        }
        if !touched.is_empty() {
            let desk = Desk {
                account,
                view,
                folder: self.folder,
                reads_fields: D::reads_fields(&self.which),
            };
            let value = Arc::make_mut(&mut state.value);
            value.remove(&touched);
            value.insert(&self.which, &came, &desk)?;
        }
        state.change = row.head;
        Ok(Some(state))
    }
}

/// The letters that came to a folder, left it, or changed there in more than flags; `None` if that
/// is forgotten or too much.
fn touched(
    view: &impl Reading,
    folder: FolderId,
    since: ChangeSeq,
) -> Result<Option<UidSet>, EngineError> {
    let page = view.changes_in(folder, since, CHANGES_MAX)?;
    let Changes::Page {
        records,
        more: false,
    } = page
    else {
        return Ok(None);
    };
    let telling = records
        .iter()
        .filter(|(_, record)| record.what.intersects(TELLING));
    let stands = telling.flat_map(|(_, record)| [record.from, record.to]);
    let is_here = |stand: &Stand| stand.at.folder == folder && stand.at.shelf == Shelf::Mail;
    let here = stands.flatten().filter(is_here);
    Ok(Some(here.map(|stand| stand.at.uid).collect()))
}
