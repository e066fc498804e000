//! The pages of the index, each held against a keyed checksum whenever it is read from disk.
//!
//! The file is cut into groups: one page of checksums, then the pages that these are about. A
//! checksum is keyed with the store's secret and covers the page's number too. A page that does not
//! match is an error before redb sees it: no wrong answer, and none of redb's panics at pages that
//! make no sense. Checksums cover pages, not rows, so that a row that damage would hide is missed
//! too; pages in redb's cache cost nothing.
//!
//! redb never writes to a page that its last durable state needs, and checksums are written with
//! each sync of the pages; so after a crash every page of that state matches. Only its first page
//! is changed in place. That one has checksums of redb's own and is held against ours when it says
//! that the file was closed in good order.
//!
//! Start at [`Pages::read`] and [`Pages::write`].

use super::lifeboat::Lifeboat;
use crate::backend::block::Secret;
use parking_lot::Mutex;
use redb::StorageBackend;
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// redb's unit of writing.
const PAGE_BYTES: u64 = 4096;
/// The same, as a length in memory.
const PAGE_LEN: usize = 4096;
/// Checksums in a page: eight bytes each, so an accident goes unseen once in 2^64.
const GROUP_PAGES: u64 = PAGE_BYTES / 8;
/// Where the first page says in which state the file was left (redb's design, "Super-header").
const STATE_AT: usize = 9;
/// Set there while the file is open, and after a crash.
const IS_OPEN: u8 = 2;

/// The pages of the index.
pub struct Pages {
    file: Arc<Lifeboat>,
    secret: Secret,
    groups: Mutex<BTreeMap<u64, Group>>,
    /// The first damage that was seen.
    damage: Mutex<Option<String>>,
}

/// What is known of the pages of one group.
struct Group {
    pages: Vec<Page>,
    is_changed: bool,
}

#[derive(Clone, Copy, Default)]
struct Page {
    /// 0: nothing but zeros was ever there.
    checksum: u64,
    /// It was read or written since the file was opened. Of others nobody knows whether a crash
    /// left half of something there that no state needs.
    is_in_use: bool,
}

/// A piece of one page.
struct Piece {
    page: u64,
    /// Bytes of the page.
    within: Range<usize>,
}

impl Pages {
    /// The pages of a file, which may be empty.
    pub fn new(file: Arc<Lifeboat>, secret: Secret) -> Self {
        Self {
            file,
            secret,
            groups: Mutex::default(),
            damage: Mutex::default(),
        }
    }

    /// The first damage that was seen since the file was opened.
    pub fn damage(&self) -> Option<String> {
        self.damage.lock().clone()
    }

    /// Holds all pages in use against their checksums, as they are on disk; answers those that do
    /// not match. Pages that redb has not read yet do not count: read all rows first.
    pub fn verify(&self) -> io::Result<Vec<u64>> {
        let numbers: Vec<u64> = self.groups.lock().keys().copied().collect();
        let mut damaged = Vec::new();
        for number in numbers {
            let first = number.saturating_mul(GROUP_PAGES);
            for page in first..first.saturating_add(GROUP_PAGES) {
                let mut groups = self.groups.lock(); // So that nobody writes it meanwhile.
                let known = *self.page(&mut groups, page)?;
                if !known.is_in_use {
                    continue;
                }
                let mut content = vec![0; PAGE_LEN];
                self.file.read(place(page), &mut content)?;
                if !self.is_as_written(page, &content, known) {
                    damaged.push(page);
                }
            }
        }
        Ok(damaged)
    }

    /// Fills `out` with what was written at `offset`.
    ///
    /// Errors: [`io::ErrorKind::InvalidData`] when a page does not match its checksum.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut rest = out;
        for piece in pieces(offset, rest.len()) {
            let (now, later) = rest.split_at_mut(piece.within.len().min(rest.len()));
            if now.len() == PAGE_LEN {
                self.read_page(piece.page, now)?;
            } else {
                let mut whole = vec![0; PAGE_LEN];
                self.read_page(piece.page, &mut whole)?;
                now.copy_from_slice(whole.get(piece.within).unwrap_or_default());
            }
            rest = later;
        }
        Ok(())
    }

    /// Reads and verifies one page.
    fn read_page(&self, page: u64, content: &mut [u8]) -> io::Result<()> {
        self.file.read(place(page), content)?;
        let known = {
            let mut groups = self.groups.lock();
            let known = self.page(&mut groups, page)?;
            known.is_in_use = true;
            *known
        };
        if self.is_as_written(page, content, known) {
            return Ok(());
        }
        let text = format!("page {page} does not match its checksum");
        self.damage.lock().get_or_insert_with(|| text.clone());
        Err(io::Error::new(io::ErrorKind::InvalidData, text))
    }

    fn is_as_written(&self, page: u64, content: &[u8], known: Page) -> bool {
        if page == 0 && is_open(content) {
            return true;
        }
        match known.checksum {
            0 => content.iter().all(|byte| *byte == 0),
            checksum => checksum == self.checksum(page, content),
        }
    }

    /// Writes bytes; what they leave of a page stays.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        for piece in pieces(offset, bytes.len()) {
            let Some((now, later)) = rest.split_at_checked(piece.within.len()) else {
                break;
            };
            self.write_piece(&mut self.groups.lock(), &piece, now)?;
            rest = later;
        }
        Ok(())
    }

    fn write_piece(&self, groups: &mut Groups, piece: &Piece, bytes: &[u8]) -> io::Result<()> {
        let at = place(piece.page).saturating_add(piece.within.start as u64);
        let mut whole = Vec::new();
        let content = if bytes.len() == PAGE_LEN {
            bytes
        } else {
            whole.resize(PAGE_LEN, 0);
            self.file.read(place(piece.page), &mut whole)?;
            if let Some(part) = whole.get_mut(piece.within.clone()) {
                part.copy_from_slice(bytes);
            }
            &whole
        };
        if piece.page > 0 || !is_open(content) {
            self.remember(groups, piece.page, content)?;
        }
        if piece.page == 0 && !is_open(content) {
            // From here on it counts, so it must be there before the page is.
            self.write_checksums(groups)?;
            self.file.sync()?;
        }
        self.file.write(at, bytes)
    }

    fn remember(&self, groups: &mut Groups, page: u64, content: &[u8]) -> io::Result<()> {
        let checksum = self.checksum(page, content);
        let known = self.page(groups, page)?;
        *known = Page {
            checksum,
            is_in_use: true,
        };
        if let Some(group) = groups.get_mut(&(page / GROUP_PAGES)) {
            group.is_changed = true;
        }
        Ok(())
    }

    fn write_checksums(&self, groups: &mut Groups) -> io::Result<()> {
        for (number, group) in groups.iter_mut().filter(|(_, group)| group.is_changed) {
            self.file.write(group_place(*number), &group.bytes())?;
            group.is_changed = false;
        }
        Ok(())
    }

    /// Makes durable what was written, and its checksums with it.
    fn sync(&self) -> io::Result<()> {
        self.write_checksums(&mut self.groups.lock())?;
        self.file.sync()
    }

    fn len(&self) -> io::Result<u64> {
        let pages = self.file.len()? / PAGE_BYTES;
        let groups = pages.div_ceil(GROUP_PAGES.saturating_add(1));
        Ok(pages.saturating_sub(groups).saturating_mul(PAGE_BYTES))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let count = len.div_ceil(PAGE_BYTES);
        let mut groups = self.groups.lock();
        groups.retain(|number, _| number.saturating_mul(GROUP_PAGES) < count);
        for page in count..count.next_multiple_of(GROUP_PAGES) {
            if let Some(group) = groups.get_mut(&(page / GROUP_PAGES)) {
                group.forget(page);
            }
        }
        let all = count.saturating_add(count.div_ceil(GROUP_PAGES));
        self.file.set_len(all.saturating_mul(PAGE_BYTES))
    }

    /// What is known of a page.
    fn page<'a>(&self, groups: &'a mut Groups, page: u64) -> io::Result<&'a mut Page> {
        let number = page / GROUP_PAGES;
        let group = match groups.entry(number) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let mut bytes = vec![0; PAGE_LEN];
                self.file.read(group_place(number), &mut bytes)?;
                place.insert(Group::parse(&bytes))
            }
        };
        group
            .page(page)
            .ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }

    fn checksum(&self, page: u64, content: &[u8]) -> u64 {
        let whole = self.secret.checksum(&[content, &page.to_be_bytes()]);
        let short = whole.first_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(short).max(1)
    }
}

type Groups = BTreeMap<u64, Group>;

impl Group {
    fn parse(bytes: &[u8]) -> Self {
        let page = |checksum: &[u8]| Page {
            checksum: u64::from_be_bytes(checksum.try_into().unwrap_or_default()),
            is_in_use: false,
        };
        Self {
            pages: bytes.chunks_exact(8).map(page).collect(),
            is_changed: false,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.pages
            .iter()
            .flat_map(|page| page.checksum.to_be_bytes())
            .collect()
    }

    fn page(&mut self, page: u64) -> Option<&mut Page> {
        self.pages
            .get_mut(usize::try_from(page % GROUP_PAGES).ok()?)
    }

    /// Forgets a page that the file no longer has.
    fn forget(&mut self, page: u64) {
        self.is_changed = true;
        if let Some(page) = self.page(page) {
            *page = Page::default();
        }
    }
}

fn is_open(first_page: &[u8]) -> bool {
    first_page
        .get(STATE_AT)
        .is_some_and(|state| state & IS_OPEN != 0)
}

/// Where a group's checksums lie in the file.
fn group_place(group: u64) -> u64 {
    group.saturating_mul(PAGE_BYTES.saturating_mul(GROUP_PAGES.saturating_add(1)))
}

/// Where a page lies in the file.
fn place(page: u64) -> u64 {
    let within = (page % GROUP_PAGES).saturating_add(1);
    group_place(page / GROUP_PAGES).saturating_add(within.saturating_mul(PAGE_BYTES))
}

/// Cuts a range at the borders of pages.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = Piece> {
    let end = offset.saturating_add(len as u64);
    let mut at = offset;
    std::iter::from_fn(move || {
        if at >= end {
            return None;
        }
        let page = at / PAGE_BYTES;
        let start = page.saturating_mul(PAGE_BYTES);
        let within = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(PAGE_LEN);
        let piece = Piece {
            page,
            within: within(at)..within(end).min(PAGE_LEN),
        };
        at = start.saturating_add(PAGE_BYTES);
        Some(piece)
    })
}

/// The pages as redb takes them.
pub struct IndexFile(pub Arc<Pages>);

impl std::fmt::Debug for IndexFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IndexFile") // redb asks for this of its file.
    }
}

impl StorageBackend for IndexFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}
