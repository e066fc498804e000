//! The XML files in a ZIP package that hold a document's text, and the files of a ZIP archive.
//!
//! Start at [`text`] and [`archive`].
//!
//! Sources: APPNOTE 6.3.10 §4.3 (ZIP); RFC 1951 (DEFLATE).

use super::{Kind, Words, add_text, markup};
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// Entries of the directory that are looked at.
const ENTRIES_MAX: usize = 4096;
/// Bytes that all files of a package may unfold to.
const UNFOLDED_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How many times its packed size a file may unfold to, if that is more than
/// [`UNFOLDED_BYTES_FREE`]: text seldom packs to less than a twentieth.
const RATIO_MAX: usize = 100;
/// What a file may unfold to in any case.
const UNFOLDED_BYTES_FREE: usize = 64 * 1024;
/// The longest comment behind a directory, with the directory's own end.
const END_BYTES_MAX: usize = 64 * 1024 + 22;

const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const ENTRY_SIGNATURE: &[u8] = b"PK\x01\x02";
const FILE_SIGNATURE: &[u8] = b"PK\x03\x04";

/// Files that hold text; those with a `*` in the middle exist several times.
const PLACES: [&str; 19] = [
    "word/document.xml",
    "word/header*.xml",
    "word/footer*.xml",
    "word/footnotes.xml",
    "word/endnotes.xml",
    "word/comments.xml",
    "xl/sharedStrings.xml",
    "xl/worksheets/sheet*.xml",
    "xl/comments*.xml",
    "xl/drawings/drawing*.xml",
    "ppt/slides/slide*.xml",
    "ppt/notesSlides/notesSlide*.xml",
    "ppt/comments/*.xml",
    "word/diagrams/data*.xml",
    "ppt/diagrams/data*.xml",
    "content.xml",
    "styles.xml", // Of Open Document: headers and footers.
    "meta.xml",
    "docProps/core.xml",
];

/// Adds the text of a package, unfolding so many bytes at most; what is left of them.
pub(super) fn text(package: &[u8], work: usize, out: &mut Words) -> usize {
    let mut left = work.min(UNFOLDED_BYTES_MAX);
    let kept = work - left;
    for entry in entries(package).filter(|entry| holds_text(entry.name)) {
        if left == 0 || out.is_full() {
            break;
        }
        let Some(bytes) = entry.unfold(package, left) else {
            continue;
        };
        left = left.saturating_sub(bytes.len());
        markup::text(&String::from_utf8_lossy(&bytes), out);
    }
    kept + left
}

/// The same of an archive: the names of all files, and the text of those that have some by their
/// names. Archives within it are not opened.
pub(super) fn archive(archive: &[u8], work: usize, out: &mut Words) -> usize {
    let mut left = work;
    for entry in entries(archive) {
        if left == 0 || out.is_full() {
            break;
        }
        let name = String::from_utf8_lossy(entry.name);
        out.push_str(&name);
        out.gap();
        let Some(kind) = Kind::of_name(&name).filter(|kind| *kind != Kind::Archive) else {
            continue;
        };
        if let Some(bytes) = entry.unfold(archive, left.min(UNFOLDED_BYTES_MAX)) {
            left = add_text(kind, &bytes, left.saturating_sub(bytes.len()), out);
            out.gap();
        }
    }
    left
}

fn holds_text(name: &[u8]) -> bool {
    PLACES.iter().any(|place| match place.split_once('*') {
        Some((start, end)) => name.starts_with(start.as_bytes()) && name.ends_with(end.as_bytes()),
        None => name == place.as_bytes(),
    })
}

/// An entry of the directory.
struct Entry<'a> {
    name: &'a [u8],
    method: u16,
    packed_len: usize,
    offset: usize,
}

fn number16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?))
}

fn number32(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

fn entries(package: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut next = directory(package);
    let entry = move || {
        let (entry, after) = entry(package, next?)?;
        next = Some(after);
        Some(entry)
    };
    std::iter::from_fn(entry).take(ENTRIES_MAX)
}

/// Where the directory begins.
fn directory(package: &[u8]) -> Option<usize> {
    let start = package.len().saturating_sub(END_BYTES_MAX);
    let end = memchr::memmem::rfind(package.get(start..)?, END_SIGNATURE)?;
    number32(package, start.checked_add(end)?.checked_add(16)?)
}

fn entry(package: &[u8], at: usize) -> Option<(Entry<'_>, usize)> {
    let bytes = package.get(at..)?;
    if !bytes.starts_with(ENTRY_SIGNATURE) {
        return None;
    }
    let name_len = usize::from(number16(bytes, 28)?);
    let behind = usize::from(number16(bytes, 30)?) + usize::from(number16(bytes, 32)?);
    let entry = Entry {
        name: bytes.get(46..46 + name_len)?,
        method: number16(bytes, 10)?,
        packed_len: number32(bytes, 20)?,
        offset: number32(bytes, 42)?,
    };
    Some((entry, at.checked_add(46 + name_len + behind)?))
}

impl Entry<'_> {
    /// The file's bytes, at most so many; `None` if it is not there or packed in another way.
    fn unfold(&self, package: &[u8], most: usize) -> Option<Vec<u8>> {
        let bytes = package.get(self.offset..)?;
        if !bytes.starts_with(FILE_SIGNATURE) {
            return None;
        }
        let names = usize::from(number16(bytes, 26)?) + usize::from(number16(bytes, 28)?);
        let packed = bytes.get(30 + names..)?;
        let packed = packed.get(..self.packed_len).unwrap_or(packed);
        let by_ratio = packed.len().saturating_mul(RATIO_MAX);
        let most = most.min(by_ratio.max(UNFOLDED_BYTES_FREE));
        match self.method {
            0 => Some(packed.get(..most).unwrap_or(packed).to_vec()),
            // What was unfolded before the damage or the limit is text all the same.
            8 => Some(
                decompress_to_vec_with_limit(packed, most).unwrap_or_else(|failed| failed.output),
            ),
            _ => None,
        }
    }
}
