//! What is read of documents, and that nothing unfolds beyond its budget.

use super::*;
use miniz_oxide::deflate::compress_to_vec;
use proptest::prelude::*;

fn le16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_le_bytes()
}

fn le32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_le_bytes()
}

/// A package of these files, packed.
fn package(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let (packed, offset) = (compress_to_vec(content, 6), out.len());
        let lens = [0, packed.len(), content.len()];
        let lens: Vec<u8> = lens.iter().flat_map(|&len| le32(len)).collect();
        let name_len = le16(name.len());
        out.extend_from_slice(b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0");
        out.extend_from_slice(&lens);
        out.extend_from_slice(&name_len);
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0");
        directory.extend_from_slice(&lens);
        directory.extend_from_slice(&name_len);
        directory.extend_from_slice(&[0; 12]);
        directory.extend_from_slice(&le32(offset));
        directory.extend_from_slice(name.as_bytes());
    }
    let start = out.len();
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    let count = le16(files.len());
    out.extend_from_slice(&count);
    out.extend_from_slice(&count);
    out.extend_from_slice(&le32(directory.len()));
    out.extend_from_slice(&le32(start));
    out.extend_from_slice(&[0, 0]);
    out
}

fn text_of(kind: Kind, document: &[u8]) -> String {
    text(kind, document, &mut Budget::for_letter())
}

fn words(kind: Kind, document: &[u8]) -> Vec<String> {
    let text = text_of(kind, document);
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn a_document_is_known_by_its_type_or_its_name() {
    let of = |subtype: &str, name| Kind::of(b"application", subtype.as_bytes(), name);
    let word = "vnd.openxmlformats-officedocument.wordprocessingml.document";
    assert_eq!(of(word, None), Some(Kind::Package));
    assert_eq!(of("vnd.oasis.opendocument.text", None), Some(Kind::Package));
    assert_eq!(of("octet-stream", Some("Budget.XLSX")), Some(Kind::Package));
    assert_eq!(of("octet-stream", Some("picture.png")), None);
    assert_eq!(of("octet-stream", Some("notes.TXT")), Some(Kind::Text));
    assert_eq!(of("json", None), Some(Kind::Text));
    assert_eq!(of("x-zip-compressed", Some("all.zip")), Some(Kind::Archive));
    assert_eq!(of("rtf", None), Some(Kind::RichText));
    assert_eq!(of("pdf", None), Some(Kind::Pdf));
    assert_eq!(of("octet-stream", Some("a.PDF")), Some(Kind::Pdf));
    assert_eq!(Kind::of(b"text", b"rtf", None), Some(Kind::RichText));
    assert_eq!(Kind::of(b"image", b"png", Some("a.docx")), None);
}

#[test]
fn the_words_of_a_word_document_are_joined_across_runs_and_parted_by_paragraphs() {
    let document = br#"<?xml version="1.0"?><w:document><w:body>
        <w:p><w:r><w:t>Quar</w:t></w:r><w:r><w:t>terly</w:t></w:r><w:tab/><w:t>report</w:t></w:p>
        <w:p a="x>y"><w:t>R&amp;D &#x20AC;5 &lt;now&gt;</w:t><w:instrText>PAGE</w:instrText></w:p>
        <!-- secret --><w:t><![CDATA[<raw>]]></w:t></w:body></w:document>"#;
    let file = package(&[
        ("[Content_Types].xml", b"<Types>types</Types>"),
        ("word/document.xml", document),
        (
            "word/header2.xml",
            b"<w:hdr><w:p><w:t>Confidential</w:t></w:p></w:hdr>",
        ),
        ("word/media/image1.png", b"<t>picture</t>"),
    ]);
    let expected = [
        "Quarterly",
        "report",
        "R&D",
        "\u{20ac}5",
        "<now>",
        "<raw>",
        "Confidential",
    ];
    assert_eq!(words(Kind::Package, &file), expected);
}

#[test]
fn tables_slides_and_open_documents_are_read() {
    let file = package(&[
        (
            "xl/sharedStrings.xml",
            b"<sst><si><t>Rent</t></si><si><t>Heat</t></si></sst>",
        ),
        (
            "ppt/slides/slide1.xml",
            b"<p:sld><a:p><a:t>Vision</a:t></a:p></p:sld>",
        ),
        (
            "content.xml",
            "<text:p>Lager<text:s/>b\u{fc}cher</text:p>".as_bytes(),
        ),
    ]);
    let expected = ["Rent", "Heat", "Vision", "Lager", "b\u{fc}cher"];
    assert_eq!(words(Kind::Package, &file), expected);
}

#[test]
fn cells_show_their_texts_and_numbers_but_no_formulas() {
    let sheet = br#"<sheetData><row><c r="A1" t="s"><v>17</v></c><c r="B1"><v>950.5</v></c>
        <c r="C1" t="inlineStr"><is><t>Total</t></is></c><c><f>SUM(B1)</f><v>951</v></c></row>"#;
    let file = package(&[("xl/worksheets/sheet1.xml", sheet)]);
    assert_eq!(words(Kind::Package, &file), ["950.5", "Total", "951"]);
}

#[test]
fn rich_text_is_read_with_its_code_page_and_without_its_tables() {
    let document = br"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Times;}}{\*\generator Riched;}
\f0\fs20 Stra\'dfe {\b caf}\u233?\par \{braces\}\tab {\pict 0102}\bin3 }}}x\u8364\'80 end}";
    let expected = ["Stra\u{df}e", "caf\u{e9}", "{braces}", "x\u{20ac}", "end"];
    assert_eq!(words(Kind::RichText, document), expected);
}

#[test]
fn rich_text_is_read_by_the_charsets_of_its_fonts_with_notes_and_headers() {
    let document = br"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Times;}{\f1\fcharset204 Times;}
{\f2\fcharset128 MS Mincho;}}{\header Page head\par}\f1\'cf\'f0\'e8\'e2\'e5\'f2\f0\par
\f2\'93\'8c\'8b\'9e\f0\par note{\footnote below}\u-10179?\u-8704?}";
    let expected = ["Page", "head", "Привет", "東京", "note", "below\u{1f600}"];
    assert_eq!(words(Kind::RichText, document), expected);
}

#[test]
fn what_is_no_document_has_no_text() {
    for kind in [Kind::Package, Kind::RichText, Kind::Pdf] {
        for bytes in [&b""[..], b"PK\x05\x06", b"hello", &[0xff; 100]] {
            assert_eq!(text_of(kind, bytes), "");
        }
    }
}

#[test]
fn files_in_an_archive_are_named_and_read_but_no_archive_in_it() {
    let inner = package(&[("deep.txt", b"too deep")]);
    let odt = package(&[("content.xml", "<text:p>Bücher</text:p>".as_bytes())]);
    let wide: Vec<u8> = "\u{feff}東京"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let file = package(&[
        ("plans/Garden.txt", b"kaleidoscope"),
        ("list.odt", &odt),
        ("page.html", b"<p>caf&eacute;</p>"),
        ("wide.txt", &wide),
        ("picture.png", b"not read"),
        ("inner.zip", &inner),
    ]);
    let expected = [
        "plans/Garden.txt",
        "kaleidoscope",
        "list.odt",
        "Bücher",
        "page.html",
        "café",
        "wide.txt",
        "東京",
        "picture.png",
        "inner.zip",
    ];
    assert_eq!(words(Kind::Archive, &file), expected);
}

#[test]
fn a_bomb_unfolds_no_further_than_its_budget() {
    let bomb = vec![b'a'; 40 * 1024 * 1024];
    let files: Vec<(&str, &[u8])> = vec![("content.xml", &bomb); 4];
    let file = package(&files);
    assert!(file.len() < 400 * 1024);
    assert!(text_of(Kind::Package, &file).len() <= TEXT_BYTES_MAX);
    let files: Vec<(&str, &[u8])> = vec![("a.txt", &bomb); 40];
    let mut budget = Budget::for_letter();
    text(Kind::Archive, &package(&files), &mut budget);
    assert!(budget.spent() <= WORK_MAX as u64);
    let deep = [b"{\\rtf1 ".to_vec(), vec![b'{'; 1 << 20], b"x".to_vec()].concat();
    assert_eq!(text_of(Kind::RichText, &deep), "");
}

proptest! {
    #[test]
    fn damaged_documents_are_read_as_far_as_they_go(
        at in 0_usize..600, byte: u8, cut in 0_usize..600,
    ) {
        let file = package(&[
            ("word/document.xml", b"<w:p><w:t>first words</w:t></w:p>"),
            ("content.xml", b"<text:p>last words</text:p>"),
        ]);
        let rich = br"{\rtf1 some \'e9 \u233? words\par}".to_vec();
        for (kind, mut document) in [(Kind::Package, file), (Kind::RichText, rich)] {
            let len = document.len();
            document[at % len] = byte;
            document.truncate(len - cut % len);
            prop_assert!(text_of(kind, &document).len() < 1000);
        }
    }
}
