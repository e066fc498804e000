//! Bodies on their way in, and reading them back wherever they are.
//!
//! A body gets its number when it is complete. Until its commit is on disk it is *held* in memory
//! (or, when large, in a file of its own), and everyone can read it by its number already.

use super::paths::Paths;
use super::rows::{BodyRow, Place};
use super::segment::SEGMENT_HEADER_BYTES;
use crate::backend::Stay;
use crate::backend::block::{Encoder, Layout, Secret};
use crate::backend::compression::Contexts;
use crate::error::StoreError;
use crate::id::{BodyHash, BodyNumber};
use crate::world::{File, Open, Vfs};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// Encoded bytes that a spool keeps in memory before it goes on in a file.
const SPILL_BYTES: usize = 256 * 1024;
/// Segment files kept open for reading.
const OPEN_SEGMENTS_MAX: usize = 512;

/// All bodies of the store.
pub struct Bodies {
    vfs: Arc<dyn Vfs>,
    paths: Paths,
    secret: Secret,
    contexts: Contexts,
    inline_bytes_max: u64,
    next: AtomicU64,
    held: Mutex<HashMap<BodyNumber, Weak<Held>>>,
    twins: Mutex<HashMap<BodyNumber, usize>>,
    segments: RwLock<HashMap<u32, Arc<dyn File>>>,
}

/// A body that is not yet, or not only, known by its row.
pub struct Held {
    bodies: Arc<Bodies>,
    /// Its number.
    pub number: BodyNumber,
    /// How its stored bytes are to be read.
    pub layout: Layout,
    /// Where they are.
    pub content: HeldContent,
    committed: AtomicBool,
}

/// Where a held body's stored bytes are.
pub enum HeldContent {
    /// Here.
    Inline(Bytes),
    /// In a file of its own, synced.
    File,
    /// Where its row says: an equal body was stored before, and cannot die while this lives.
    Twin,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({})", self.number.0)
    }
}

impl Held {
    /// True when a commit has brought it into the log.
    pub fn is_committed(&self) -> bool {
        self.committed.load(Ordering::Acquire)
    }

    /// Says that a commit refers to it, so that its file stays.
    pub fn mark_committed(&self) {
        self.committed.store(true, Ordering::Release);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self.content {
            HeldContent::Inline(_) => self.bodies.forget(self.number),
            HeldContent::Twin => self.bodies.unpin(self.number),
            HeldContent::File => {
                self.bodies.forget(self.number);
                if !self.committed.load(Ordering::Acquire) {
                    let path = self.bodies.paths.big_body(&self.layout.hash, self.number);
                    let _ = self.bodies.vfs.remove(&path); // The collector takes what is left.
                }
            }
        }
    }
}

impl Bodies {
    /// No bodies held; the next number is `next`.
    pub fn new(
        vfs: Arc<dyn Vfs>,
        paths: Paths,
        (secret, contexts): (Secret, Contexts),
        inline_bytes_max: u64,
        next: u64,
    ) -> Arc<Self> {
        Arc::new(Self {
            vfs,
            paths,
            secret,
            contexts,
            inline_bytes_max,
            next: AtomicU64::new(next.max(1)),
            held: Mutex::default(),
            twins: Mutex::default(),
            segments: RwLock::default(),
        })
    }

    /// The store's keys.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// What compresses and decompresses them.
    pub fn contexts(&self) -> &Contexts {
        &self.contexts
    }

    /// The number that the next body will get.
    pub fn next_number(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    fn new_number(&self) -> BodyNumber {
        BodyNumber(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Begins a body.
    pub fn begin(self: &Arc<Self>) -> Incoming {
        Incoming {
            number: self.new_number(),
            encoder: Encoder::new(&self.secret),
            encoded: Vec::new(),
            part: None,
            bodies: Arc::clone(self),
        }
    }

    /// Keeps a stored body alive; the caller made sure that it is.
    pub fn pin(self: &Arc<Self>, row: &BodyRow) -> Arc<Held> {
        let mut twins = self.twins.lock();
        let count = twins.entry(row.number).or_default();
        *count = count.saturating_add(1);
        drop(twins);
        self.hold(row.number, row.layout, HeldContent::Twin)
    }

    fn unpin(&self, number: BodyNumber) {
        let mut twins = self.twins.lock();
        if let Some(count) = twins.get_mut(&number) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                twins.remove(&number);
            }
        }
    }

    fn hold(
        self: &Arc<Self>,
        number: BodyNumber,
        layout: Layout,
        content: HeldContent,
    ) -> Arc<Held> {
        let is_twin = matches!(content, HeldContent::Twin);
        let bodies = Arc::clone(self);
        let committed = AtomicBool::new(false);
        let held = Arc::new(Held {
            bodies,
            number,
            layout,
            content,
            committed,
        });
        if !is_twin {
            self.held.lock().insert(number, Arc::downgrade(&held));
        }
        held
    }

    fn forget(&self, number: BodyNumber) {
        self.held.lock().remove(&number);
    }

    /// The body, if its commit is still under way or never came.
    pub fn held(&self, number: BodyNumber) -> Option<Arc<Held>> {
        self.held.lock().get(&number)?.upgrade()
    }

    /// True while someone may still refer to the body although no row says so.
    pub fn is_in_use(&self, number: BodyNumber) -> bool {
        self.twins.lock().contains_key(&number) || self.held.lock().contains_key(&number)
    }

    /// Reads a range of a held body.
    pub fn read_held(&self, held: &Held, range: Range<u64>) -> Result<Bytes, StoreError> {
        match &held.content {
            HeldContent::Inline(stored) => {
                held.layout
                    .read(range, &self.secret, &self.contexts, &|offset, len| {
                        let start = usize::try_from(offset).map_err(|_| StoreError::TooLarge)?;
                        let end = start.saturating_add(len);
                        let there = end <= stored.len();
                        there
                            .then(|| stored.slice(start..end))
                            .ok_or_else(|| short(held.number))
                    })
            }
            HeldContent::Twin => Err(short(held.number)), // Its row is the one to ask.
            HeldContent::File => {
                let row = BodyRow {
                    number: held.number,
                    place: Place::File,
                    layout: held.layout,
                };
                self.read_stored(&row, range)
            }
        }
    }

    /// Reads a range of a body where its row says.
    pub fn read_stored(&self, row: &BodyRow, range: Range<u64>) -> Result<Bytes, StoreError> {
        let (file, start) = self.place(row)?;
        row.layout
            .read(range, &self.secret, &self.contexts, &|offset, len| {
                read_file(&*file, start.saturating_add(offset), len, row.number)
            })
            .map_err(|error| named(error, row.number))
    }

    /// The stored bytes of a body as they are.
    pub fn stored_bytes(&self, row: &BodyRow) -> Result<Bytes, StoreError> {
        let (file, start) = self.place(row)?;
        let len = usize::try_from(row.layout.stored_len).map_err(|_| StoreError::TooLarge)?;
        read_file(&*file, start, len, row.number)
    }

    fn place(&self, row: &BodyRow) -> Result<(Arc<dyn File>, u64), StoreError> {
        match row.place {
            Place::Segment { segment, offset } if offset >= SEGMENT_HEADER_BYTES => {
                Ok((self.segment(segment)?, offset))
            }
            Place::Segment { .. } => Err(short(row.number)),
            Place::File => {
                let path = self.paths.big_body(&row.layout.hash, row.number);
                Ok((self.vfs.open(&path, Open::Read)?, 0))
            }
        }
    }

    fn segment(&self, number: u32) -> Result<Arc<dyn File>, StoreError> {
        if let Some(file) = self.segments.read().get(&number) {
            return Ok(Arc::clone(file));
        }
        let file = self.vfs.open(&self.paths.segment(number), Open::Read)?;
        let mut segments = self.segments.write();
        if segments.len() >= OPEN_SEGMENTS_MAX {
            segments.clear();
        }
        segments.insert(number, Arc::clone(&file));
        Ok(file)
    }

    /// Closes a segment that is being removed.
    pub fn close_segment(&self, number: u32) {
        self.segments.write().remove(&number);
    }
}

fn read_file(
    file: &dyn File,
    at: u64,
    len: usize,
    number: BodyNumber,
) -> Result<Bytes, StoreError> {
    let mut bytes = vec![0; len];
    if file.read_at(&mut bytes, at)? < len {
        Err(short(number))
    } else {
        Ok(Bytes::from(bytes))
    }
}

fn short(number: BodyNumber) -> StoreError {
    StoreError::Corrupt(format!(
        "body {}: its bytes are not where they should be",
        number.0
    ))
}

fn named(error: StoreError, number: BodyNumber) -> StoreError {
    match error {
        StoreError::Corrupt(what) => StoreError::Corrupt(format!("body {}: {what}", number.0)),
        other => other,
    }
}

/// A body that is being written.
pub struct Incoming {
    bodies: Arc<Bodies>,
    number: BodyNumber,
    encoder: Encoder,
    encoded: Vec<u8>,
    part: Option<Part>,
}

/// The file that a spool goes on in when it becomes large.
struct Part {
    file: Arc<dyn File>,
    len: u64,
}

impl Incoming {
    /// Takes bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let bodies = &self.bodies;
        self.encoder
            .write(&bodies.secret, &bodies.contexts, bytes, &mut self.encoded)?;
        if self.encoded.len() > SPILL_BYTES {
            self.spill()?;
        }
        Ok(())
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.encoder.len()
    }

    /// Moves what is in memory to the file.
    fn spill(&mut self) -> Result<(), StoreError> {
        let part = match &mut self.part {
            Some(part) => part,
            none => {
                let path = self.bodies.paths.part(self.number);
                let file = self.bodies.vfs.open(&path, Open::CreateNew)?;
                none.insert(Part { file, len: 0 })
            }
        };
        part.file.write_at(&self.encoded, part.len)?;
        part.len = part.len.saturating_add(self.encoded.len() as u64);
        self.encoded.clear();
        Ok(())
    }

    /// Says for how long it will probably be kept.
    pub fn expect(&mut self, stay: Stay) {
        self.encoder.expect(stay);
    }

    /// Encodes what is left.
    pub fn end(&mut self) -> Result<(), StoreError> {
        let bodies = &self.bodies;
        self.encoder
            .end(&bodies.secret, &bodies.contexts, &mut self.encoded)?;
        Ok(())
    }

    /// Ends the body; it is held as long as the answer lives.
    ///
    /// `find_twin` may answer a stored body with the same content, pinned.
    pub fn finish(
        mut self,
        find_twin: impl FnOnce(&BodyHash) -> Result<Option<Arc<Held>>, StoreError>,
    ) -> Result<Arc<Held>, StoreError> {
        let bodies = Arc::clone(&self.bodies);
        let encoder = std::mem::replace(&mut self.encoder, Encoder::new(&bodies.secret));
        let encoded = encoder.finish(&bodies.secret, &bodies.contexts, &mut self.encoded)?;
        if let Some(twin) = find_twin(&encoded.hash)? {
            return Ok(twin);
        }
        let spilled = self.part.as_ref().map_or(0, |part| part.len);
        let stored_len = spilled.saturating_add(self.encoded.len() as u64);
        let layout = Layout {
            hash: encoded.hash,
            len: encoded.len,
            stored_len,
            codec: encoded.codec,
        };
        let content = if stored_len > bodies.inline_bytes_max {
            self.spill()?;
            self.keep_file(&layout)?;
            HeldContent::File
        } else {
            HeldContent::Inline(self.gather(stored_len)?)
        };
        Ok(bodies.hold(self.number, layout, content))
    }

    /// All stored bytes in memory.
    fn gather(&mut self, stored_len: u64) -> Result<Bytes, StoreError> {
        let Some(part) = &self.part else {
            return Ok(Bytes::from(std::mem::take(&mut self.encoded)));
        };
        let mut bytes = vec![0; usize::try_from(part.len).map_err(|_| StoreError::TooLarge)?];
        if part.file.read_at(&mut bytes, 0)? < bytes.len() {
            return Err(short(self.number));
        }
        bytes.append(&mut self.encoded);
        if bytes.len() as u64 == stored_len {
            Ok(Bytes::from(bytes))
        } else {
            Err(short(self.number))
        }
    }

    /// Gives the file its final name, durably.
    fn keep_file(&mut self, layout: &Layout) -> Result<(), StoreError> {
        let Some(part) = &self.part else {
            return Err(short(self.number));
        };
        let Bodies { vfs, paths, .. } = &*self.bodies;
        part.file.sync()?;
        let folder = paths.big_folder(&layout.hash);
        vfs.create_directory(&folder)?;
        vfs.sync_directory(&paths.big())?;
        vfs.rename(
            &paths.part(self.number),
            &paths.big_body(&layout.hash, self.number),
        )?;
        self.part = None; // The name is no longer ours to remove.
        vfs.sync_directory(&folder)?;
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.part.is_some() {
            let _ = self.bodies.vfs.remove(&self.bodies.paths.part(self.number));
        }
    }
}
