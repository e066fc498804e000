//! Documents as common programs write them: each word that a reader sees is found.
//!
//! The files come from fpdf2, `ReportLab`, odfpy, python-docx, python-pptx, openpyxl and xlwt; what
//! says nothing (themes, pictures) was taken out of them.

#![allow(clippy::expect_used, reason = "a test")]

use formats::document::{Budget, Kind, text};

/// A file, and words that it shows.
macro_rules! document {
    ($name:literal, $($words:literal),+) => {
        ($name, include_bytes!(concat!("documents/", $name)).as_slice(), &[$($words),+])
    };
}

const DOCUMENTS: [(&str, &[u8], &[&str]); 11] = [
    document!("subset_font.pdf", "kaleidoscope Straße Привет Ελλάδα"),
    document!(
        "asian_fonts.pdf",
        "東京都 会議の資料",
        "图书馆 预算",
        "한국어 회의"
    ),
    document!(
        "justified.pdf",
        "A kaleidoscope of xylographic prints",
        "cell two",
        "Straße"
    ),
    document!(
        "text.odt",
        "Kaleidoscope heading",
        "xylographic 東京都",
        "a footnote"
    ),
    document!("table.ods", "kaleidoscope", "Straße", "4711", "東京"),
    document!("slides.odp", "Kaleidoscope slide Straße"),
    document!(
        "text.docx",
        "Document title",
        "Kaleidoscope heading",
        "Straße kaleidoscope",
        "東京都の会議",
        "Привет",
        "cell one",
        "page header",
        "page footer"
    ),
    document!(
        "slides.pptx",
        "Kaleidoscope slide",
        "Straße",
        "東京都",
        "cell one",
        "speaker notes"
    ),
    document!(
        "table.xlsx",
        "kaleidoscope",
        "4711.5",
        "Straße 東京",
        "cell comment"
    ),
    document!("table.xls", "Sheetname", "kaleidoscope", "Straße 東京都"),
    document!(
        "fonts.rtf",
        "Straße kaleidoscope",
        "Привет",
        "東京",
        "a footnote"
    ),
];

#[test]
fn documents_of_common_programs_show_their_words() {
    for (name, bytes, words) in DOCUMENTS {
        let kind = Kind::of(b"application", b"octet-stream", Some(name));
        let found = text(kind.expect(name), bytes, &mut Budget::for_letter());
        for wanted in words {
            assert!(found.contains(wanted), "{wanted} in {name}: {found}");
        }
    }
}

#[test]
fn a_file_without_its_name_is_known_by_its_type() {
    for (subtype, name) in [
        ("pdf", "justified.pdf"),
        ("vnd.oasis.opendocument.text", "text.odt"),
        (
            "vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "table.xlsx",
        ),
        ("vnd.ms-excel", "table.xls"),
        ("msword", "fonts.rtf"),
        ("zip", "text.docx"),
    ] {
        let kind = Kind::of(b"application", subtype.as_bytes(), None).expect(subtype);
        let (_, bytes, _) = DOCUMENTS.iter().find(|(of, ..)| *of == name).expect(name);
        assert!(
            !text(kind, bytes, &mut Budget::for_letter()).is_empty(),
            "{name}"
        );
    }
}
