//! The sketches of some of the accounts: packs of blocks, and a manifest that says which of them
//! count.
//!
//! Blocks are appended to a pack and synced, then the manifest is replaced; what stands behind the
//! last block that a manifest knows is overwritten. Small blocks are joined by fours, so that an
//! account has few; a pack that is mostly dead is emptied into the newest one and removed.

use super::bits::{Class, Sketch};
use super::block::{self, Reader, Shape};
use super::condition::{Bits, members};
use super::manifest::{Entry, Manifest, Place};
use super::{Condition, Known, Mark, Narrowed};
use crate::error::StoreError;
use crate::id::{AccountId, ItemKey};
use crate::world::{File, Open, Vfs};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A pack that has reached this size is not appended to any more.
const PACK_BYTES: u64 = 128 * 1024 * 1024;
/// A pack smaller than this is not worth emptying while it can still grow.
const EMPTIED_BYTES_MIN: u64 = 8 * 1024 * 1024;
/// Bytes that a manifest has at most, to be read; some hundred thousand accounts.
const MANIFEST_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Blocks of about one size that are joined.
const JOINED: usize = 4;
/// Blocks of an account from which on the system is told beforehand what of them will be read.
const BLOCKS_ANNOUNCED_MIN: usize = 16;

/// Files of blocks by their numbers.
type Packs = BTreeMap<u32, Arc<dyn File>>;

pub(super) struct Shard {
    vfs: Arc<dyn Vfs>,
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    settled: Manifest,
    packs: Packs,
    /// The end of the newest pack. It never goes back while the store is open, so that what a
    /// question still reads is not overwritten.
    end: u64,
    pending: BTreeMap<AccountId, Pending>,
    /// How often accounts were forgotten so far.
    forgotten: BTreeMap<AccountId, u64>,
}

/// What of an account only memory knows.
#[derive(Default)]
struct Pending {
    /// Set if what the manifest says of the account counts no more: which time it was forgotten.
    forgotten: Option<u64>,
    mark: Option<Mark>,
    sketches: Vec<Arc<(ItemKey, Sketch)>>,
}

/// Bytes of a sketch in memory, with what keeps it there.
fn weight(sketch: &Sketch) -> usize {
    sketch.len() + 64
}

impl Pending {
    fn bytes(&self) -> usize {
        let weights = self.sketches.iter().map(|entry| weight(&entry.1));
        weights.sum()
    }
}

impl Shard {
    pub(super) fn open(vfs: &Arc<dyn Vfs>, folder: &Path) -> Result<Self, StoreError> {
        vfs.create_directory(folder)?;
        let shard = Self {
            vfs: Arc::clone(vfs),
            folder: folder.to_owned(),
            state: Mutex::default(),
        };
        // Whatever is wrong with what is there: it can be made anew.
        let found = shard.load().unwrap_or_default();
        shard.sweep(&found)?;
        *shard.state.lock() = found;
        Ok(shard)
    }

    fn manifest(&self) -> PathBuf {
        self.folder.join("manifest")
    }

    fn pack(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number:08}.pack"))
    }

    fn load(&self) -> Result<State, StoreError> {
        let file = self.vfs.open(&self.manifest(), Open::Read)?;
        let len = usize::try_from(file.len()?.min(MANIFEST_BYTES_MAX)).unwrap_or(0);
        let mut bytes = vec![0; len];
        let read = file.read_at(&mut bytes, 0)?;
        bytes.truncate(read);
        let settled = Manifest::decode(&bytes)?;
        let mut packs = BTreeMap::new();
        for number in used(&settled) {
            packs.insert(number, self.vfs.open(&self.pack(number), Open::Write)?);
        }
        let newest = packs.keys().last();
        let end = newest.map_or(0, |&number| ends(&settled, number).1);
        Ok(State {
            settled,
            packs,
            end,
            ..State::default()
        })
    }

    /// Removes files that nothing speaks of.
    fn sweep(&self, state: &State) -> Result<(), StoreError> {
        let mut kept: BTreeSet<PathBuf> = state.packs.keys().map(|&n| self.pack(n)).collect();
        kept.insert(self.manifest());
        for path in self.vfs.list(&self.folder)? {
            if !kept.contains(&path) {
                self.vfs.remove(&path)?;
            }
        }
        Ok(())
    }

    /// All accounts of which something is known.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        let state = self.state.lock();
        let known = state.settled.0.keys().chain(state.pending.keys());
        known
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    pub(super) fn known(&self, account: AccountId) -> Known {
        let state = self.state.lock();
        let pending = state.pending.get(&account);
        let entry = state.settled(account);
        let blocks = entry.into_iter().flat_map(|entry| &entry.blocks);
        let settled: usize = blocks.map(|block| block.shape.items).sum();
        let fresh = pending.map_or(0, |pending| pending.sketches.len());
        Known {
            mark: state.mark(account),
            sketches: settled.saturating_add(fresh) as u64,
            forgotten: state.times_forgotten(account),
        }
    }

    /// Bytes that are pending now and were not before; `None` if the account was forgotten
    /// meanwhile.
    pub(super) fn feed(
        &self,
        account: AccountId,
        forgotten: u64,
        sketches: Vec<(ItemKey, Sketch)>,
        mark: Option<Mark>,
    ) -> Option<usize> {
        let bytes = sketches.iter().map(|(_, sketch)| weight(sketch)).sum();
        let mut state = self.state.lock();
        if state.times_forgotten(account) != forgotten {
            return None;
        }
        let pending = state.pending.entry(account).or_default();
        pending.sketches.extend(sketches.into_iter().map(Arc::new));
        pending.mark = mark.or(pending.mark);
        Some(bytes)
    }

    /// Bytes that were pending.
    pub(super) fn forget(&self, account: AccountId) -> usize {
        let mut state = self.state.lock();
        let times = state.forgotten.entry(account).or_default();
        *times += 1;
        let fresh = Pending {
            forgotten: Some(*times),
            ..Pending::default()
        };
        let before = state.pending.insert(account, fresh);
        before.map_or(0, |pending| pending.bytes())
    }

    pub(super) fn narrow(
        &self,
        account: AccountId,
        condition: &Condition,
    ) -> Result<Option<Narrowed>, StoreError> {
        // Only what to look at is taken under the lock; reading is not.
        let view = self.state.lock().of(account);
        let Some(mark) = view.mark else {
            return Ok(None);
        };
        view.announce(condition);
        let mut items = Vec::new();
        for block in &view.blocks {
            let reader = block.reader();
            let found = condition.evaluate(block.shape.items, |grams| reader.with(grams))?;
            if found.iter().any(|&word| word != 0) {
                let list = reader.items()?;
                items.extend(members(&found).filter_map(|number| list.get(number).copied()));
            }
        }
        let found = condition.evaluate(view.sketches.len(), |grams| {
            Ok(among(&view.sketches, grams))
        })?;
        let fresh = members(&found).filter_map(|number| view.sketches.get(number));
        items.extend(fresh.map(|entry| entry.0));
        items.sort_unstable();
        items.dedup();
        Ok(Some(Narrowed { items, mark }))
    }

    /// Writes what is pending; the answer is how many bytes of it there were.
    pub(super) fn settle(&self) -> Result<usize, StoreError> {
        let (mut next, packs, end, taken) = {
            let state = self.state.lock();
            if state.pending.is_empty() {
                return Ok(0);
            }
            let taken: Vec<(AccountId, Taken)> = state
                .pending
                .iter()
                .map(|(account, pending)| (*account, Taken::of(pending)))
                .collect();
            (state.settled.clone(), state.packs.clone(), state.end, taken)
        };
        let mut writer = Writer::new(self, packs, end)?;
        for (account, taken) in &taken {
            writer.add(next.0.entry(*account).or_default(), taken)?;
        }
        writer.empty_packs(&mut next)?;
        next.0.retain(|_, entry| *entry != Entry::default());
        let (packs, end) = writer.finish(&next)?;
        self.replace_manifest(&next)?;
        let state = State {
            settled: next,
            packs,
            end,
            ..State::default()
        };
        Ok(self.take_over(state, &taken))
    }

    fn replace_manifest(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let fresh = self.folder.join("manifest.new");
        let file = self.vfs.open(&fresh, Open::Create)?;
        let bytes = manifest.encode();
        file.set_len(0)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        self.vfs.rename(&fresh, &self.manifest())?;
        Ok(self.vfs.sync_directory(&self.folder)?)
    }

    /// Shows what was written, and keeps what was fed meanwhile.
    fn take_over(&self, mut next: State, taken: &[(AccountId, Taken)]) -> usize {
        let mut bytes = 0;
        let mut state = self.state.lock();
        std::mem::swap(&mut *state, &mut next);
        let before = next;
        state.pending = before.pending;
        state.forgotten = before.forgotten;
        for (account, taken) in taken {
            bytes += state.drop_written(*account, taken);
        }
        let dead: Vec<u32> = before.packs.into_keys().collect();
        for number in dead
            .iter()
            .filter(|&number| !state.packs.contains_key(number))
        {
            // Left behind, it is swept at the next start.
            let _ = self.vfs.remove(&self.pack(*number));
        }
        bytes
    }
}

impl State {
    fn times_forgotten(&self, account: AccountId) -> u64 {
        self.forgotten.get(&account).copied().unwrap_or(0)
    }

    /// What the manifest says of an account, if it still counts.
    fn settled(&self, account: AccountId) -> Option<&Entry> {
        let pending = self.pending.get(&account);
        let is_forgotten = pending.is_some_and(|pending| pending.forgotten.is_some());
        self.settled.0.get(&account).filter(|_| !is_forgotten)
    }

    fn mark(&self, account: AccountId) -> Option<Mark> {
        let pending = self.pending.get(&account).and_then(|pending| pending.mark);
        pending.or_else(|| self.settled(account)?.mark)
    }

    /// All that is known of an account now.
    fn of(&self, account: AccountId) -> View {
        let pending = self.pending.get(&account);
        let entry = self.settled(account);
        let open = |place: &Place| {
            let file = Arc::clone(self.packs.get(&place.pack)?);
            Some(Opened {
                shape: place.shape,
                offset: place.offset,
                file,
            })
        };
        View {
            mark: self.mark(account),
            blocks: entry
                .map(|entry| entry.blocks.iter().filter_map(open).collect())
                .unwrap_or_default(),
            sketches: pending.map_or_else(Vec::new, |pending| pending.sketches.clone()),
        }
    }

    /// Takes what was written off what is pending; the answer is how many bytes that were.
    ///
    /// If the account was forgotten meanwhile, what is pending now is younger than what was
    /// written.
    fn drop_written(&mut self, account: AccountId, taken: &Taken) -> usize {
        let Some(pending) = self.pending.get_mut(&account) else {
            return 0;
        };
        if pending.forgotten != taken.forgotten {
            return 0;
        }
        let bytes = taken.sketches.iter().map(|entry| weight(&entry.1)).sum();
        let written = taken.sketches.len().min(pending.sketches.len());
        pending.sketches.drain(..written);
        pending.forgotten = None;
        if pending.mark == taken.mark {
            pending.mark = None;
        }
        if pending.sketches.is_empty() && pending.mark.is_none() {
            self.pending.remove(&account);
        }
        bytes
    }
}

/// A block that is held open.
struct Opened {
    shape: Shape,
    offset: u64,
    file: Arc<dyn File>,
}

impl Opened {
    fn reader(&self) -> Reader<'_> {
        Reader {
            shape: self.shape,
            file: &*self.file,
            offset: self.offset,
        }
    }
}

struct View {
    mark: Option<Mark>,
    blocks: Vec<Opened>,
    sketches: Vec<Arc<(ItemKey, Sketch)>>,
}

impl View {
    /// Tells the system what will be read. Hundreds of reads from a cold disk, one after the other,
    /// take longer than all else that a question does; of a few blocks it is not worth telling.
    fn announce(&self, condition: &Condition) {
        if self.blocks.len() < BLOCKS_ANNOUNCED_MIN {
            return;
        }
        for block in &self.blocks {
            let reader = block.reader();
            condition.grams().for_each(|grams| reader.announce(grams));
        }
    }
}

fn among(sketches: &[Arc<(ItemKey, Sketch)>], grams: &[u32]) -> Bits {
    let word = |entries: &[Arc<(ItemKey, Sketch)>]| {
        let numbered = entries.iter().enumerate();
        numbered.fold(0_u64, |word, (bit, entry)| {
            word | u64::from(entry.1.may_have(grams)) << bit
        })
    };
    sketches.chunks(64).map(word).collect()
}

/// What of an account is being written.
struct Taken {
    forgotten: Option<u64>,
    mark: Option<Mark>,
    sketches: Vec<Arc<(ItemKey, Sketch)>>,
}

impl Taken {
    fn of(pending: &Pending) -> Self {
        Self {
            forgotten: pending.forgotten,
            mark: pending.mark,
            sketches: pending.sketches.clone(),
        }
    }
}

/// The packs of a manifest.
fn used(manifest: &Manifest) -> BTreeSet<u32> {
    let blocks = manifest.0.values().flat_map(|entry| &entry.blocks);
    blocks.map(|block| block.pack).collect()
}

/// Appends blocks.
struct Writer<'a> {
    shard: &'a Shard,
    packs: Packs,
    /// The pack that grows, and its end.
    current: u32,
    end: u64,
}

impl<'a> Writer<'a> {
    fn new(shard: &'a Shard, packs: Packs, end: u64) -> Result<Self, StoreError> {
        let current = packs.keys().last().copied();
        let mut writer = Self {
            shard,
            packs,
            current: current.unwrap_or(0),
            end,
        };
        if current.is_none() {
            writer.begin_pack()?;
        }
        Ok(writer)
    }

    fn begin_pack(&mut self) -> Result<(), StoreError> {
        self.current = self.current.saturating_add(1);
        self.end = 0;
        let path = self.shard.pack(self.current);
        let file = self.shard.vfs.open(&path, Open::Create)?;
        file.set_len(0)?; // What a crash has left there.
        self.packs.insert(self.current, file);
        Ok(())
    }

    fn append(&mut self, shape: Shape, bytes: &[u8]) -> Result<Place, StoreError> {
        if self.end >= PACK_BYTES {
            self.sync()?;
            self.begin_pack()?;
        }
        let file = self.packs.get(&self.current);
        let file = file.ok_or_else(|| StoreError::Io("no pack of sketches".to_owned()))?;
        file.write_at(bytes, self.end)?;
        let place = Place {
            shape,
            pack: self.current,
            offset: self.end,
        };
        self.end = place.end();
        Ok(place)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.packs
            .get(&self.current)
            .map_or(Ok(()), |file| Ok(file.sync()?))
    }

    /// Writes an account's sketches and joins its small blocks.
    fn add(&mut self, entry: &mut Entry, taken: &Taken) -> Result<(), StoreError> {
        if taken.forgotten.is_some() {
            *entry = Entry::default();
        }
        entry.mark = taken.mark.or(entry.mark);
        let mut by_class: BTreeMap<Class, Vec<(ItemKey, &Sketch)>> = BTreeMap::new();
        for fed in &taken.sketches {
            by_class
                .entry(fed.1.class)
                .or_default()
                .push((fed.0, &fed.1));
        }
        for (class, sketches) in by_class {
            for some in sketches.chunks(Shape::items_max(class)) {
                let shape = Shape {
                    class,
                    items: some.len(),
                };
                let place = self.append(shape, &block::of_sketches(class, some))?;
                entry.blocks.push(place);
            }
            while self.join(class, entry)? {}
        }
        Ok(())
    }

    /// Joins some blocks of about one size, if there are as many; false when there were not.
    fn join(&mut self, class: Class, entry: &mut Entry) -> Result<bool, StoreError> {
        let mut by_size: BTreeMap<u32, Vec<Place>> = BTreeMap::new();
        let mut joined = Vec::new();
        for place in entry
            .blocks
            .iter()
            .filter(|place| place.shape.class == class)
        {
            let size = place.shape.items.checked_ilog(JOINED).unwrap_or(0);
            let same = by_size.entry(size).or_default();
            same.push(*place);
            let items: usize = same.iter().map(|place| place.shape.items).sum();
            if same.len() == JOINED && items <= Shape::items_max(class) {
                joined.clone_from(same);
                break;
            }
            if same.len() == JOINED {
                same.remove(0);
            }
        }
        if joined.is_empty() {
            return Ok(false);
        }
        let whole = |place: &Place| self.reader(place, |reader| reader.whole());
        let blocks = joined.iter().map(whole).collect::<Result<Vec<_>, _>>()?;
        let (shape, bytes) = block::side_by_side(class, &blocks);
        let place = self.append(shape, &bytes)?;
        entry.blocks.retain(|place| !joined.contains(place));
        entry.blocks.push(place);
        Ok(true)
    }

    fn reader<T>(
        &self,
        place: &Place,
        read: impl Fn(Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let file = self.packs.get(&place.pack);
        let file = file.ok_or_else(|| StoreError::Io("no pack of sketches".to_owned()))?;
        read(Reader {
            shape: place.shape,
            file: &**file,
            offset: place.offset,
        })
    }

    /// Moves what lives in packs that are mostly dead to the newest one.
    fn empty_packs(&mut self, manifest: &mut Manifest) -> Result<(), StoreError> {
        for number in used(manifest) {
            let (live, end) = ends(manifest, number);
            let is_worth = end >= EMPTIED_BYTES_MIN || number != self.current;
            if live.saturating_mul(2) >= end || !is_worth {
                continue;
            }
            if number == self.current {
                self.sync()?;
                self.begin_pack()?;
            }
            let blocks = manifest.0.values_mut().flat_map(|entry| &mut entry.blocks);
            for block in blocks.filter(|block| block.pack == number) {
                let bytes = self.reader(block, |reader| reader.raw())?;
                *block = self.append(block.shape, &bytes)?;
            }
        }
        Ok(())
    }

    /// Makes all of it durable; the answer is the packs that are still of use, and the end of the
    /// newest.
    fn finish(self, manifest: &Manifest) -> Result<(Packs, u64), StoreError> {
        self.sync()?;
        self.shard.vfs.sync_directory(&self.shard.folder)?;
        let used = used(manifest);
        let mut packs = self.packs;
        packs.retain(|number, _| used.contains(number) || *number == self.current);
        Ok((packs, self.end))
    }
}

/// Bytes that live in a pack, and where the last of them ends.
fn ends(manifest: &Manifest, pack: u32) -> (u64, u64) {
    let blocks = manifest.0.values().flat_map(|entry| &entry.blocks);
    let of_pack = blocks.filter(|block| block.pack == pack);
    of_pack.fold((0, 0), |(live, end), block| {
        (live + block.shape.len() as u64, end.max(block.end()))
    })
}
