//! What is fuzzed: each function takes any bytes, reads them in every way there is and checks what
//! must hold.
//!
//! The targets beside it hand over what libFuzzer finds; `tests/fuzz_briefly.rs` hands over mutated
//! examples in every run of the tests.

use formats::address::{self, Mailbox, list};
use formats::date::Date;
use formats::document;
use formats::mailbox_file::maildir::{FileName, UidList, keywords};
use formats::mailbox_file::mbox::{Dialect, Event, Splitter, Writer};
use formats::message::base_subject::BaseSubject;
use formats::message::scan::{Limits, NESTING_MAX, PARTS_MAX, Scanner};
use formats::message::{
    PartKind, SUMMARY_BYTES_MAX, Summary, SummaryRef, charset, decode, encoded_word, header, html,
    parameter,
};
use formats::rich_text;
use formats::script::compare::{Comparator, regular_expression, wildcards};
use formats::script::{self, Script};

/// A letter: scanned whole and in pieces, encoded, and read again.
pub fn letter(bytes: &[u8]) {
    let summary = Summary::of(bytes);
    let piece = bytes.first().map_or(1, |&first| usize::from(first) + 1);
    let mut scanner = Scanner::new(Limits::default());
    bytes.chunks(piece).for_each(|piece| scanner.push(piece));
    assert_eq!(scanner.finish(), summary);
    assert!(summary.parts.len() <= PARTS_MAX && !summary.parts.is_empty());
    for (index, part) in summary.parts.iter().enumerate() {
        assert!(part.header_start <= part.body_start && part.body_start <= part.body_end);
        let mut depth = 0;
        let mut above = part.parent;
        assert!(above.is_none_or(|parent| parent < index));
        while let Some(parent) = above.and_then(|parent| summary.parts.get(parent)) {
            assert!(parent.kind != PartKind::Leaf && part.body_end <= parent.body_end);
            (above, depth) = (parent.parent, depth + 1);
        }
        assert!(depth < NESTING_MAX);
    }
    let encoded = summary.encode();
    assert!(encoded.len() <= SUMMARY_BYTES_MAX);
    let read = SummaryRef::new(&encoded);
    assert!(read.is_ok_and(|r| r.is_truncated() || r.parts().count() == summary.parts.len()));
    stored_summary(&encoded);
}

/// The text of documents that letters bring.
pub fn documents(bytes: &[u8]) {
    use document::{Budget, Kind};
    let kinds = [
        Kind::Package,
        Kind::RichText,
        Kind::Pdf,
        Kind::Office,
        Kind::Html,
        Kind::Text,
        Kind::Archive,
    ];
    for kind in kinds {
        let text = document::text(kind, bytes, &mut Budget::for_letter());
        assert!(text.len() <= document::TEXT_BYTES_MAX);
    }
}

/// Bytes that lie in the store and may be damaged.
pub fn stored_summary(bytes: &[u8]) {
    let Ok(summary) = SummaryRef::new(bytes) else {
        return;
    };
    let envelope = summary.envelope();
    let lists = [
        envelope.from(),
        envelope.sender(),
        envelope.reply_to(),
        envelope.to(),
    ];
    lists
        .into_iter()
        .chain([envelope.cc(), envelope.bcc()])
        .flatten()
        .for_each(drop);
    summary.references().for_each(drop);
    for part in summary.parts().take(PARTS_MAX) {
        part.parameters.text("name");
        part.disposition
            .map(|disposition| disposition.parameters.text("filename"));
        part.languages.for_each(drop);
        part.envelope.map(|envelope| envelope.from().count());
    }
    for path in [&[][..], &[1], &[2, 1], &[1, 1, 1], &[u32::MAX]] {
        summary.part_at(path);
    }
}

/// Single header fields.
pub fn fields(bytes: &[u8]) {
    assert!(header::length(bytes) <= bytes.len());
    for field in header::fields(bytes) {
        let unfolded = header::unfold(field.value);
        assert!(!unfolded.contains(&b'\n') && !unfolded.contains(&b'\r'));
        let decoded = encoded_word::decode(field.value);
        assert!(!decoded.contains(['\r', '\n']));
        let base = BaseSubject::of(field.value);
        assert_eq!(BaseSubject::of_text(&base.text).text, base.text);
        header::message_ids(field.value).for_each(drop);
        let (_, parameters) = parameter::parse(field.value);
        assert!(parameters.len() <= parameter::PARAMETERS_MAX);
        let pairs = parameters
            .iter()
            .map(|(name, value)| (name.as_slice(), value.as_slice()));
        parameter::text(pairs, "name");
        Date::parse(field.value);
    }
}

/// Addresses of envelopes and headers: what was read strictly is written and read back the same.
pub fn addresses(bytes: &[u8]) {
    let (entries, _) = list::parse(bytes, 50);
    assert!(entries.len() <= 50);
    let _ = address::path(bytes);
    if let Ok(mailbox) = Mailbox::parse(bytes) {
        assert_eq!(Mailbox::parse(mailbox.to_string().as_bytes()), Ok(mailbox));
    }
    if let Some(date) = Date::parse(bytes) {
        assert_eq!(Date::parse(date.to_string().as_bytes()), Some(date));
    }
}

/// Bodies: every encoding in pieces, charsets, HTML.
pub fn bodies(bytes: &[u8]) {
    let all = [
        decode::Encoding::Identity,
        decode::Encoding::Base64,
        decode::Encoding::QuotedPrintable,
    ];
    for encoding in all {
        let mut decoder = decode::Decoder::new(encoding);
        let mut out = Vec::new();
        bytes
            .chunks(3)
            .for_each(|piece| decoder.push(piece, &mut out));
        decoder.finish(&mut out);
        assert_eq!(out, decode::all(encoding, bytes));
        assert!(out.len() <= bytes.len());
    }
    let labels: [&[u8]; 6] = [
        b"utf-8",
        b"utf-7",
        b"iso-2022-jp",
        b"gb18030",
        b"",
        b"cp1252",
    ];
    for label in labels {
        let text = charset::to_utf8(label, bytes);
        assert!(html::text(&text, 100).chars().count() <= 100);
    }
}

/// Files of other programs.
pub fn mailbox_files(bytes: &[u8]) {
    for dialect in [
        Dialect::Mboxo,
        Dialect::Mboxrd,
        Dialect::Mboxcl,
        Dialect::Mboxcl2,
    ] {
        let (mut starts, mut ends) = (0, 0);
        let mut splitter = Splitter::new(dialect, &|place| place % 2 == 0);
        let mut report = |event: Event<'_>| match event {
            Event::Start { .. } => starts += 1,
            Event::Bytes(_) => assert!(starts == ends + 1, "bytes belong to a letter"),
            Event::End => ends += 1,
        };
        bytes
            .chunks(11)
            .for_each(|piece| splitter.push(piece, &mut report));
        splitter.finish(&mut report);
        assert_eq!(starts, ends);
    }
    written_letters_are_read_back(bytes);
    let text = String::from_utf8_lossy(bytes);
    let name = FileName::parse(&text);
    assert_eq!(FileName::parse(&name.format()).flags, name.flags);
    UidList::parse(&text);
    keywords(&text);
}

/// Any letter with a body that ends in a line end survives mboxrd.
fn written_letters_are_read_back(bytes: &[u8]) {
    let letter = [b"Subject: x\n\n", bytes, b"\n"].concat();
    let (mut writer, mut file, mut read) = (Writer::default(), Vec::new(), Vec::new());
    writer.start(
        "",
        Date {
            seconds: 0,
            zone_minutes: 0,
        },
        &mut file,
    );
    letter
        .chunks(5)
        .for_each(|piece| writer.push(piece, &mut file));
    writer.end(&mut file);
    let mut splitter = Splitter::new(Dialect::Mboxrd, &|_| false);
    let mut report = |event: Event<'_>| {
        if let Event::Bytes(bytes) = event {
            read.extend_from_slice(bytes);
        }
    };
    splitter.push(&file, &mut report);
    splitter.finish(&mut report);
    assert_eq!(read, letter);
}

/// Sieve scripts: read within their limits, or refused with places that are there.
pub fn script(bytes: &[u8]) {
    let limits = script::Limits {
        nodes: 500,
        ..script::Limits::default()
    };
    let lines = bytes.split(|&byte| byte == b'\n').count();
    match Script::parse(bytes, &limits) {
        Ok(script) => {
            for op in script.code() {
                let (script::Op::Jump(to)
                | script::Op::JumpIfTrue(to)
                | script::Op::JumpIfFalse(to)) = op
                else {
                    continue;
                };
                assert!(*to <= script.code().len());
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            for fault in faults {
                let line = usize::try_from(fault.line).unwrap_or(usize::MAX);
                assert!((1..=lines).contains(&line) && fault.column > 0);
            }
        }
    }
    patterns(bytes);
}

/// Patterns and what they are matched against: the pieces make up the whole.
fn patterns(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, text) = text.split_at(text.floor_char_boundary(text.len() / 2));
    for comparator in [
        Comparator::Octet,
        Comparator::AsciiCasemap,
        Comparator::UnicodeCasemap,
    ] {
        let mut budget = 20_000;
        if let Some(matched) = wildcards(pattern, text, comparator, &mut budget) {
            assert_eq!(matched.first().map(String::as_str), Some(text));
            let total: usize = matched.iter().skip(1).map(String::len).sum();
            assert!(total <= text.len());
        }
        comparator.order(pattern, text);
        comparator.contains(text, pattern);
        let short = pattern
            .get(..pattern.floor_char_boundary(50))
            .unwrap_or_default();
        let _ = regular_expression(short, comparator).map(|regex| regex.is_match(text));
    }
}

/// Rich text: read in every form within its bounds, packed and unpacked, and what HTML it encloses
/// enclosed again.
pub fn rich_text(bytes: &[u8]) {
    const BYTES_MAX: usize = 10_000;
    if let Ok(document) = rich_text::packed::unpack(bytes, BYTES_MAX) {
        assert!(document.len() <= BYTES_MAX);
    }
    let packed = rich_text::packed::pack(bytes);
    assert_eq!(
        rich_text::packed::unpack(&packed, bytes.len()).as_deref(),
        Ok(bytes)
    );
    assert!(rich_text::text_of(bytes, BYTES_MAX).len() <= BYTES_MAX);
    let html = rich_text::html_of(bytes, BYTES_MAX);
    let again = rich_text::html_of(&rich_text::enclosing_html(&html), usize::MAX);
    let unix = |text: &str| text.replace("\r\n", "\n").replace(['\r', '\0'], "\n");
    assert_eq!(unix(&again), unix(&html));
}
