//! What is read of compound files, also of damaged ones.

use crate::document::{Budget, Kind, text};
use proptest::prelude::*;

const SECTOR: usize = 512;
const END: u32 = 0xffff_fffe;
const FREE: u32 = 0xffff_ffff;

fn le(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_le_bytes()
}

/// Sectors and the table that says which follows which.
#[derive(Default)]
struct Sectors {
    bytes: Vec<u8>,
    table: Vec<u32>,
}

impl Sectors {
    /// Adds a chain; its first sector.
    fn add(&mut self, bytes: &[u8], sector: usize) -> usize {
        let first = self.table.len();
        let count = bytes.len().div_ceil(sector);
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize((first + count) * sector, 0);
        self.table
            .extend((1..count).map(|n| u32::try_from(first + n).unwrap()));
        self.table.push(END);
        first
    }
}

fn entry(name: &str, kind: u8, right: u32, child: u32, first: usize, len: usize) -> Vec<u8> {
    let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name_len = u16::try_from(entry.len() + 2).unwrap();
    entry.resize(128, 0);
    entry[64..66].copy_from_slice(&name_len.to_le_bytes());
    entry[66] = kind;
    entry[68..72].copy_from_slice(&FREE.to_le_bytes());
    entry[72..76].copy_from_slice(&right.to_le_bytes());
    entry[76..80].copy_from_slice(&child.to_le_bytes());
    entry[116..120].copy_from_slice(&le(first));
    entry[120..124].copy_from_slice(&le(len));
    entry
}

/// A file of these streams; those below 4,096 bytes lie among the short ones.
fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut long, mut short) = (Sectors::default(), Sectors::default());
    long.add(&[0; SECTOR], SECTOR); // The table's own place.
    let mut entries = Vec::new();
    for (number, (name, content)) in (2_u32..).zip(streams) {
        let first = if content.len() < 4096 {
            short.add(content, 64)
        } else {
            long.add(content, SECTOR)
        };
        let right = if entries.len() + 1 < streams.len() {
            number
        } else {
            FREE
        };
        entries.push(entry(name, 2, right, FREE, first, content.len()));
    }
    let short_first = long.add(&short.bytes, SECTOR);
    let numbers: Vec<u8> = short.table.iter().flat_map(|n| n.to_le_bytes()).collect();
    let table_of_short = long.add(&numbers, SECTOR);
    let mut directory = entry("Root Entry", 5, FREE, 1, short_first, short.bytes.len());
    directory.extend(entries.concat());
    let directory = long.add(&directory, SECTOR);
    let mut table: Vec<u8> = long.table.iter().flat_map(|n| n.to_le_bytes()).collect();
    table.resize(SECTOR, 0xff);
    long.bytes[..SECTOR].copy_from_slice(&table);
    let mut file = vec![0; SECTOR];
    file[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    file[0x1e] = 9;
    file[0x30..0x34].copy_from_slice(&le(directory));
    file[0x38..0x3c].copy_from_slice(&le(4096));
    file[0x3c..0x40].copy_from_slice(&le(table_of_short));
    file[0x44..0x48].copy_from_slice(&END.to_le_bytes());
    file[0x4c..SECTOR].fill(0xff);
    file[0x4c..0x50].copy_from_slice(&le(0));
    file.extend(long.bytes);
    file
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A Word document of one piece in bytes and one in letters of two.
fn word(narrow: &[u8], letters: &str, encrypted: bool) -> Vec<u8> {
    let mut main = vec![0; 0x400];
    main[..4].copy_from_slice(b"\xec\xa5\xc1\0");
    main[0x0b] = 2 | u8::from(encrypted);
    let second = main.len() + narrow.len();
    let ends = [
        0,
        narrow.len(),
        narrow.len() + letters.encode_utf16().count(),
    ];
    let mut pieces: Vec<u8> = ends.iter().flat_map(|&end| le(end)).collect();
    for at in [(main.len() * 2) | (1 << 30), second] {
        pieces.extend([0, 0]);
        pieces.extend(le(at));
        pieces.extend([0, 0]);
    }
    main.extend_from_slice(narrow);
    main.extend(wide(letters));
    main.resize(main.len().max(5000), 0);
    let mut table = vec![1, 3, 0, 7, 7, 7, 2];
    table.extend(le(pieces.len()));
    table.extend(pieces);
    main[0x1a2..0x1a6].copy_from_slice(&le(0));
    main[0x1a6..0x1aa].copy_from_slice(&le(table.len()));
    compound(&[("1Table", &table), ("WordDocument", &main)])
}

fn record(kind: u16, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).unwrap();
    [&kind.to_le_bytes(), &len.to_le_bytes(), content].concat()
}

fn sheet() -> Vec<u8> {
    let mut strings = vec![2, 0, 0, 0, 2, 0, 0, 0];
    strings.extend(*b"\x05\0\x00Ap");
    // The letters go on in the next record, twice as wide there.
    let mut more = vec![1];
    more.extend(wide("fel"));
    // With a run of styles and something more behind it.
    more.extend(*b"\x03\0\x0c\x01\0\x02\0\0\0B\xe9e....++");
    let records = [
        record(0x0809, b"\0\x06\x05\0"),
        record(0x0085, b"\0\0\0\0\0\0\x06\0Budget"),
        record(0x00fc, &strings),
        record(0x003c, &more),
        record(0x0204, b"\0\0\0\0\0\0\x05\0\0label"),
        record(0x0207, b"\x06\0\0result"),
    ];
    compound(&[("Workbook", &records.concat())])
}

fn show() -> Vec<u8> {
    let atom = |kind: u16, content: &[u8]| {
        let len = le(content.len());
        [&[0, 0], &kind.to_le_bytes()[..], &len, content].concat()
    };
    let inner = [
        atom(0x0fa0, &wide("Résumé\r東京")),
        atom(0x03e8, b"no text"),
        atom(0x0fa8, b"plain \xe9"),
    ];
    let inner = inner.concat();
    let mut all = vec![0x0f, 0, 0xe8, 3];
    all.extend(le(inner.len()));
    all.extend(inner);
    compound(&[("PowerPoint Document", &all)])
}

fn words(document: &[u8]) -> Vec<String> {
    let text = text(Kind::Office, document, &mut Budget::for_letter());
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn word_documents_are_read_piece_by_piece_without_what_fields_are_made_of() {
    let document = word(
        b"Le caf\xe9\rsee \x13 HYPERLINK x \x14there\x15!",
        "日本\u{7}end",
        false,
    );
    assert_eq!(words(&document), ["Le", "café", "see", "there!日本", "end"]);
}

#[test]
fn names_of_sheets_strings_that_go_on_and_labels_are_read() {
    assert_eq!(
        words(&sheet()),
        ["Budget", "Apfel", "Bée", "label", "result"]
    );
}

#[test]
fn slides_are_read() {
    assert_eq!(words(&show()), ["Résumé", "東京", "plain", "é"]);
}

#[test]
fn what_is_encrypted_or_something_else_gives_no_text() {
    assert!(words(&word(b"secret", "x", true)).is_empty());
    let locked = [record(0x0809, b"\0\x06\x05\0"), record(0x002f, b"\0\0")].concat();
    let locked = [locked, record(0x0204, b"\0\0\0\0\0\0\x05\0\0label")].concat();
    assert!(words(&compound(&[("Workbook", &locked)])).is_empty());
    assert!(words(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1").is_empty());
    assert_eq!(words(b"{\\rtf1 named so}"), ["named", "so"]);
}

#[test]
fn chains_in_circles_end() {
    let mut document = word(b"a", "b", false);
    // Every sector leads to the first.
    document[SECTOR..2 * SECTOR].fill(0);
    let _ = words(&document);
    document[0x44..0x48].fill(0);
    let _ = words(&document);
}

proptest! {
    #[test]
    fn damage_anywhere_does_no_harm(
        which in 0_usize..3,
        at in any::<proptest::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 1..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut document = [word(b"abc \x13", "def", false), sheet(), show()][which].clone();
        let at = at.index(document.len());
        for (place, byte) in document[at..].iter_mut().zip(&bytes) {
            *place = *byte;
        }
        document.truncate(cut.index(document.len()) + 1);
        let _ = words(&document);
    }
}
