//! What is read of files that other programs made, and of pages written here; and that no file has
//! more done than its budget allows.

use super::super::{Budget, Kind, TEXT_BYTES_MAX, text};
use miniz_oxide::deflate::compress_to_vec_zlib;
use proptest::prelude::*;

const STANDARD_FONTS: &[u8] = include_bytes!("../../../fuzz/seeds/pdf_of_standard_fonts");
const SUBSET_FONT: &[u8] = include_bytes!("../../../fuzz/seeds/pdf_of_a_subset_font");
const OBJECT_STREAMS: &[u8] = include_bytes!("../../../fuzz/seeds/pdf_of_object_streams");
const TYPESET: &[u8] = include_bytes!("../../../fuzz/seeds/pdf_typeset");
const LOCKED: &[u8] = include_bytes!("../../../fuzz/seeds/pdf_locked");

fn read(document: &[u8]) -> String {
    text(Kind::Pdf, document, &mut Budget::for_letter())
}

/// A file of these objects; the third is the operators of its one page.
fn file(operators: &str, others: &[&str]) -> Vec<u8> {
    let len = operators.len();
    let page = "<</Type /Page /Parent 2 0 R /Contents 3 0 R>>";
    let above = "<</Type /Pages /Kids [1 0 R] /Resources <</Font <</F 4 0 R /G 5 0 R>> \
                 /XObject <</X 6 0 R>> >> >>";
    let operators = format!("<</Length {len}>> stream\n{operators}\nendstream");
    let objects = [page, above, &operators].into_iter();
    let mut file = b"%PDF-1.4\n".to_vec();
    for (number, object) in (1..).zip(objects.chain(others.iter().copied())) {
        file.extend_from_slice(format!("{number} 0 obj {object} endobj\n").as_bytes());
    }
    file
}

const HELVETICA: &str = "<</Type /Font /Subtype /Type1 /BaseFont /Helvetica \
    /Encoding /WinAnsiEncoding>>";
const FIXED: &str = "<</Type /Font /Subtype /TrueType /FirstChar 65 /Widths \
    [600 600 600 600 600 600] /Encoding <</Differences [70 /eacute /f_f_i /uni20AC /Omega]>> >>";

fn shown(operators: &str) -> String {
    read(&file(operators, &[HELVETICA, FIXED]))
}

#[test]
fn files_of_other_programs_are_read() {
    let standard = read(STANDARD_FONTS);
    for line in [
        "Invoice 4711",
        "Quarterly report of the xylograph",
        "Zürich: 12 Straßenbahnen",
        "difficult \"offers\"",
    ] {
        assert!(standard.contains(line), "{line} in {standard:?}");
    }
    for document in [SUBSET_FONT, OBJECT_STREAMS] {
        let text = read(document);
        assert!(text.contains("Отчёт о Ξυλογραφία"), "{text:?}");
        assert!(text.contains("naïve café"), "{text:?}");
    }
    let typeset = read(TYPESET);
    let words: Vec<&str> = typeset.split_whitespace().collect();
    for word in [
        "Minutes",
        "xylographic",
        "efficient",
        "difficult",
        "AVATAR",
        "950",
        "Heat",
    ] {
        assert!(words.contains(&word), "{word} in {typeset:?}");
    }
}

#[test]
fn a_file_that_needs_a_password_has_no_text() {
    assert_eq!(read(LOCKED), "");
}

/// Made of [`STANDARD_FONTS`] by qpdf, with a password for its owner only.
const ENCRYPTED: [&[u8]; 5] = [
    include_bytes!("../../../fuzz/seeds/pdf_rc4_40"),
    include_bytes!("../../../fuzz/seeds/pdf_rc4_128"),
    include_bytes!("../../../fuzz/seeds/pdf_aes_128"),
    include_bytes!("../../../fuzz/seeds/pdf_aes_256_revision_5"),
    include_bytes!("../../../fuzz/seeds/pdf_aes_256"),
];

#[test]
fn a_file_that_is_encrypted_but_opens_without_a_password_is_read() {
    for document in ENCRYPTED {
        assert_eq!(read(document), read(STANDARD_FONTS));
    }
}

#[test]
fn a_word_ends_where_the_pen_is_moved_and_not_where_letters_are_only_set_closer() {
    for (operators, expected) in [
        (
            "BT /F 10 Tf [(Quar) -20 (ter) 30 (ly) -400 (report)] TJ ET",
            "Quarterly report",
        ),
        ("BT /F 10 Tf (one) Tj 0 -12 Td (two) Tj ET", "one two"),
        (
            "BT /F 10 Tf 12 TL (one) Tj T* (two) Tj (three) ' ET",
            "one two three",
        ),
        ("BT /F 10 Tf 12 TL 1 2 (a\\(b\\)\\143) \" ET", "a(b)c"),
        // The widths of this font are known: 6 points for each letter.
        ("BT /G 10 Tf (AB) Tj 12 0 Td (CD) Tj ET", "ABCD"),
        ("BT /G 10 Tf (AB) Tj 16 0 Td (CD) Tj ET", "AB CD"),
        ("BT /G 10 Tf 2 Tc (AB) Tj 16 0 Td (CD) Tj ET", "ABCD"),
        (
            "q 2 0 0 2 5 5 cm BT /G 5 Tf (AB) Tj ET Q BT /G 10 Tf 17 5 Td (CD) Tj ET",
            "ABCD",
        ),
        (
            "BT /G 10 Tf 0 1 -1 0 50 50 Tm (AB) Tj 12 0 Td (CD) Tj ET",
            "ABCD",
        ),
        (
            "BT /F 10 Tf (be) Tj ET BI /W 1 ID (x) Tj EI BT (low) Tj ET",
            "be low",
        ),
    ] {
        assert_eq!(shown(operators).trim(), expected, "{operators}");
    }
}

#[test]
fn codes_mean_what_the_font_says() {
    assert_eq!(shown("BT /F 1 Tf (caf\\351 \\200) Tj ET").trim(), "café €");
    assert_eq!(shown("BT /G 1 Tf <464748 49> Tj ET").trim(), "éffi€Ω");
    let map = "1 begincodespacerange <0000> <ffff> endcodespacerange \
               2 beginbfchar <0001> <0041> <0002> <D83DDE00> endbfchar \
               2 beginbfrange <0010> <0012> <0061> <0020> <0021> [<00660069> <4EAC>] endbfrange";
    let font = "<</Subtype /Type0 /Encoding /Identity-H /ToUnicode 5 0 R>>";
    let map = format!("<</Length {}>> stream\n{map}\nendstream", map.len());
    let document = file(
        "BT /F 1 Tf <000100020010001100120020002100990001> Tj ET",
        &[font, &map],
    );
    assert_eq!(read(&document).trim(), "A😀abcfi京A");
    let font = "<</Subtype /Type0 /Encoding /UniJIS-UCS2-V>>";
    assert_eq!(
        read(&file("BT /F 1 Tf <67714EAC> Tj ET", &[font])).trim(),
        "東京"
    );
}

#[test]
fn forms_notes_and_later_versions_of_objects_are_read() {
    let form = "<</Subtype /Form /Length 26>> stream\nBT /F 9 Tf (in a form) Tj ET\nendstream";
    let mut document = file(
        "BT /F 9 Tf (page) Tj ET q /X Do Q",
        &[HELVETICA, FIXED, form],
    );
    assert_eq!(read(&document).trim(), "page in a form");
    document.extend_from_slice(
        b"\n1 0 obj <</Type /Page /Contents 7 0 R /Annots [<</Contents <FEFF00E900E8>>> 8 0 R]>> \
          endobj 7 0 obj <</Filter /AHx>> stream\n42 54>\nendstream endobj \
          8 0 obj <</FT /Tx /V (a value)>> endobj",
    );
    assert_eq!(read(&document).trim(), "éè\na value");
}

#[test]
fn packed_streams_are_unpacked() {
    let operators = "BT /F 9 Tf (packed) Tj ET";
    let lzw = "80 0B 60 50 22 0C 0C 85 01"; // ISO 32000-1 §7.4.4.2, example 1.
    assert_eq!(
        super::filters::unpack(
            b"LZWDecode",
            &super::filters::hexadecimal(lzw.as_bytes()),
            100
        ),
        Some(vec![45, 45, 45, 45, 45, 65, 45, 45, 45, 66])
    );
    assert_eq!(
        super::filters::unpack(b"ASCII85Decode", b"87cURD]i,\"Ebo80~>", 100),
        Some(b"Hello World!".to_vec())
    );
    let packed = compress_to_vec_zlib(operators.as_bytes(), 6);
    let mut document = file("", &[HELVETICA]);
    document.extend_from_slice(b"3 0 obj <</Filter [/FlateDecode] /Length 9 0 R>> stream\r\n");
    document.extend_from_slice(&packed);
    document.extend_from_slice(b"\r\nendstream endobj");
    assert_eq!(read(&document).trim(), "packed");
}

/// Files that would have the same done again and again, or more than there is room for.
fn hostile() -> Vec<Vec<u8>> {
    let blanks = compress_to_vec_zlib(&vec![b' '; 30 * 1024 * 1024], 6);
    let mut bomb = file("", &[]);
    for page in 10..60 {
        let page = format!("{page} 0 obj <</Type /Page /Contents 9 0 R>> endobj\n");
        bomb.extend_from_slice(page.as_bytes());
    }
    bomb.extend_from_slice(b"9 0 obj <</Filter /FlateDecode>> stream\n");
    bomb.extend_from_slice(&blanks);
    let itself = "<</Subtype /Form>> stream\n".to_owned() + &"/X Do ".repeat(50) + "\nendstream";
    let fonts = "/F 1 Tf ".repeat(20_000);
    let widths = "<</Widths [".to_owned() + &"1 ".repeat(30_000) + "]>>";
    let letters = format!("BT /F 1 Tf {}", "(aaaaaaaaaaaaaaaaaaaa) Tj ".repeat(20_000));
    let resources = format!(
        "5 0 obj <</Type /Page /Resources <</Font <</F {widths}>> >> \
                             /Contents 3 0 R>> endobj"
    );
    vec![
        bomb,
        file(&"/X Do ".repeat(50), &[HELVETICA, FIXED, &itself]),
        [file(&fonts, &[]), resources.into_bytes()].concat(),
        file(&"[".repeat(100_000), &["[".repeat(100_000).as_str()]),
        file("", &["<</A ".repeat(100_000).as_str()]),
        file(&"q ".repeat(100_000), &[]),
        file(&letters, &[HELVETICA]),
        b"1 0 obj 1 0 R endobj 2 0 obj <</Type /Page /Contents 1 0 R /Parent 2 0 R>>".to_vec(),
        "1 0 obj ".repeat(100_000).into_bytes(),
    ]
}

#[test]
fn hostile_files_end_within_their_budget() {
    for document in hostile() {
        let mut budget = Budget {
            work: 4 << 20,
            text: 100,
        };
        assert!(text(Kind::Pdf, &document, &mut budget).len() <= 100);
    }
}

#[test]
fn what_one_letter_brings_has_one_budget() {
    let mut budget = Budget::for_letter();
    let first = text(Kind::Pdf, TYPESET, &mut budget);
    assert!(budget.spent() > 10_000 && first.len() < TEXT_BYTES_MAX);
    budget.work = 0;
    assert_eq!(text(Kind::Pdf, TYPESET, &mut budget), "");
}

proptest! {
    #[test]
    fn damaged_files_are_read_as_far_as_they_go(
        which in 0_usize..6, at: prop::sample::Index, byte: u8, cut: prop::sample::Index,
    ) {
        let [rc4, .., aes] = ENCRYPTED;
        let all = [STANDARD_FONTS, SUBSET_FONT, OBJECT_STREAMS, TYPESET, rc4, aes];
        let mut document = all[which].to_vec();
        let place = at.index(document.len());
        document[place] = byte;
        document.truncate(cut.index(document.len() + 1));
        prop_assert!(read(&document).len() < 2000);
    }
}
