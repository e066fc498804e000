//! Compound files: streams in sectors, found by a directory.
//!
//! Source: [MS-CFB] §2.2 (header), §2.3 (sector tables), §2.6 (directory).

use super::{number16, number32, place};

const SIGNATURE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// Bytes of an entry of the directory.
const ENTRY_BYTES: usize = 128;
/// Entries of the directory that are looked at.
const ENTRIES_MAX: usize = 4096;
/// Places in the header for sectors of the table.
const TABLE_IN_HEADER: usize = 109;
/// Sectors of short streams, in bytes.
const SHORT_SECTOR_BYTES: usize = 64;
/// Numbers of sectors from here on mean something else.
const SECTORS_MAX: u32 = 0xffff_fffa;
/// No entry.
const NOBODY: u32 = 0xffff_ffff;

const STREAM: u8 = 2;

/// A file as far as it could be read.
pub(super) struct Compound<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    /// By sector, which comes next.
    table: Vec<u32>,
    directory: Vec<u8>,
    /// The same for short streams, which lie in one long one.
    short_table: Vec<u8>,
    short: Vec<u8>,
    /// Shorter streams are short ones.
    short_below: usize,
}

impl<'a> Compound<'a> {
    /// `None` if it is none.
    pub(super) fn open(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(SIGNATURE) {
            return None;
        }
        let sector_bytes = match number16(bytes, 0x1e)? {
            9 => 512,
            12 => 4096,
            _ => return None,
        };
        let mut file = Self {
            bytes,
            sector_bytes,
            table: Vec::new(),
            directory: Vec::new(),
            short_table: Vec::new(),
            short: Vec::new(),
            short_below: place(bytes, 0x38)?,
        };
        file.table = file.read_table()?;
        file.directory = file.chain(number32(bytes, 0x30)?, ENTRIES_MAX * ENTRY_BYTES);
        file.short_table = file.chain(number32(bytes, 0x3c)?, usize::MAX);
        let root = file.entry(0)?;
        file.short = file.chain(number32(root, 116)?, place(root, 120)?);
        Some(file)
    }

    /// The sectors of the table are named in the header, then in sectors that lead to one another.
    fn read_table(&self) -> Option<Vec<u32>> {
        let mut table = Vec::new();
        let header = self.bytes.get(0x4c..)?;
        self.add_to_table(header.get(..TABLE_IN_HEADER * 4)?, &mut table);
        let mut more = number32(self.bytes, 0x44)?;
        for _ in 0..self.sectors_max() {
            let Some(sector) = self.sector(more) else {
                break;
            };
            let (names, next) = sector.split_at_checked(self.sector_bytes - 4)?;
            self.add_to_table(names, &mut table);
            more = number32(next, 0)?;
        }
        Some(table)
    }

    fn add_to_table(&self, names: &[u8], table: &mut Vec<u32>) {
        let (names, _) = names.as_chunks::<4>();
        let names = names.iter().map(|name| u32::from_le_bytes(*name));
        for sector in names.filter_map(|name| self.sector(name)) {
            if table.len() >= self.sectors_max() {
                return;
            }
            let (numbers, _) = sector.as_chunks::<4>();
            table.extend(numbers.iter().map(|number| u32::from_le_bytes(*number)));
        }
    }

    fn sectors_max(&self) -> usize {
        self.bytes.len() / self.sector_bytes
    }

    /// A whole sector; the header takes the place of one.
    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let number = usize::try_from(number).ok()?;
        let start = number.checked_add(1)?.checked_mul(self.sector_bytes)?;
        let bytes = self.bytes.get(start..)?;
        // The last may be cut.
        Some(bytes.get(..self.sector_bytes).unwrap_or(bytes)).filter(|rest| !rest.is_empty())
    }

    /// The sectors from this one on, at most so many bytes.
    fn chain(&self, first: u32, bytes_max: usize) -> Vec<u8> {
        let (mut bytes, mut at) = (Vec::new(), first);
        for _ in 0..self.sectors_max() {
            let Some(sector) = self.sector(at).filter(|_| at < SECTORS_MAX) else {
                break;
            };
            bytes.extend_from_slice(sector);
            let next = usize::try_from(at).ok().and_then(|at| self.table.get(at));
            let Some(next) = next.filter(|_| bytes.len() < bytes_max) else {
                break;
            };
            at = *next;
        }
        bytes.truncate(bytes_max);
        bytes
    }

    /// A short stream.
    fn short_chain(&self, first: u32, bytes_max: usize) -> Vec<u8> {
        let (mut bytes, mut at) = (Vec::new(), first);
        for _ in 0..=self.short.len() / SHORT_SECTOR_BYTES {
            let Some(number) = usize::try_from(at).ok().filter(|_| at < SECTORS_MAX) else {
                break;
            };
            let start = number.saturating_mul(SHORT_SECTOR_BYTES);
            let Some(rest) = self.short.get(start..) else {
                break;
            };
            bytes.extend_from_slice(rest.get(..SHORT_SECTOR_BYTES).unwrap_or(rest));
            let Some(next) = number32(&self.short_table, number.saturating_mul(4)) else {
                break;
            };
            if bytes.len() >= bytes_max {
                break;
            }
            at = next;
        }
        bytes.truncate(bytes_max);
        bytes
    }

    fn entry(&self, number: u32) -> Option<&[u8]> {
        let start = usize::try_from(number).ok()?.checked_mul(ENTRY_BYTES)?;
        self.directory.get(start..start.checked_add(ENTRY_BYTES)?)
    }

    /// A stream at the top, by its name; not those of documents within the document.
    pub(super) fn stream(&self, name: &str) -> Option<Vec<u8>> {
        let root = self.entry(0)?;
        let mut left = vec![number32(root, 76)?];
        for _ in 0..ENTRIES_MAX {
            let at = left.pop()?;
            let Some(entry) = self.entry(at).filter(|_| at != NOBODY) else {
                continue;
            };
            if entry.get(66) == Some(&STREAM) && is_named(entry, name) {
                let (first, len) = (number32(entry, 116)?, place(entry, 120)?);
                return Some(if len < self.short_below {
                    self.short_chain(first, len)
                } else {
                    self.chain(first, len)
                });
            }
            left.extend([number32(entry, 68)?, number32(entry, 72)?]);
        }
        None
    }
}

/// Names are of two bytes a letter, with a zero behind.
fn is_named(entry: &[u8], name: &str) -> bool {
    let len = number16(entry, 64).map_or(0, usize::from);
    let own = entry.get(..len.saturating_sub(2).min(64));
    let own = super::wide(own.unwrap_or_default());
    own.eq(name.chars())
}
