//! A short run of the fuzz targets on mutated examples, the same in each run.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target.
const ROUNDS: u64 = 20_000;

/// Bytes that mean something: counts, types, flags, signs of more.
const LOVED: &[u8] = b"\0\x01\x02\x03\x04\x0a\x0d\x1e\x1f\x40\x48\xba\xbe\xf8\xfd\xfe\xff";

fn run(start: char, more: &[&str], target: fn(&[u8])) {
    run_on(
        include_str!("examples/rops.txt"),
        start,
        more,
        ROUNDS,
        target,
    );
}

fn run_on(examples: &str, start: char, more: &[&str], rounds: u64, target: fn(&[u8])) {
    let lines = examples.lines();
    let lines = lines.filter_map(|line| line.strip_prefix(start));
    let examples: Vec<Vec<u8>> = lines
        .chain(more.iter().copied())
        .map(crate::notation::bytes)
        .collect();
    let examples: Vec<&[u8]> = examples.iter().map(Vec::as_slice).collect();
    engine::rehearsal::mutation::run(&examples, LOVED, rounds, target);
}

#[test]
fn calls() {
    run('>', &["02 00", "02 00 FF FF FF FF"], entry::calls);
}

#[test]
fn replies() {
    run('<', &[], entry::replies);
}

#[test]
fn data() {
    let examples = [
        r#"1F 00 37 00 u"Hello""#,
        "02 11 34 12 02 00 00 00 01 00 01 00 00",
        "FD 00 79 66 08 1F 00 37 00",
        r#"00 02 00 03 01 00 01 00 1F 00 37 00 1F 00 37 00 u"abc" 04 03 03 00 08 0E 03 00 08 0E E8 03 00 00"#,
        "02 09 0D 00 12 0E 0B 03 00 00 00 01 02 00 08 1F 00 37 00 FF",
        r#"0A 01 1F 00 37 00 u"a" 01 08 1F 00 37 00"#,
        r#"00 u"Inbox" 0C 00 00 00 02 00 01 00 u"x""#,
        r#"51 06 00 00 "/o=X" 00 u"Bob" u"Bob" 00 00 00"#,
        r#"01 29 03 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 12 u"Keywords""#,
        "02 00 01 00 01 00 40 00 06 0E 01 1F 00 37 00 00",
    ];
    run('#', &examples, entry::data);
}

#[test]
fn identifiers() {
    let examples = [
        "00 00 00 00 44 33 22 11 66 55 88 77 99 AA BB CC DD EE FF 00 01 00 A3 A2 A1 A0 B1 B0 C1 C0 D0 D1 D2 D3 D4 D5 D6 D7 00 00 00 00 00 0D 00 00",
        r#"00 00 00 00 81 2B 1F A4 BE A3 10 19 9D 6E 00 DD 01 0F 54 02 00 00 01 90 u"Bob" u"SMTP" u"b@x""#,
        r#"00 00 00 00 DC A7 40 C8 C0 42 10 1A B4 B9 08 00 2B 2F E1 82 01 00 00 00 00 00 00 00 "/o=X" 00"#,
        "16 44 33 22 11 66 55 88 77 99 AA BB CC DD EE FF 00 00 00 00 00 00 22",
        r#"02 00 00 00 14 00 00 00 05 00 00 00 "abcde" 00 00 00 04 00 00 00 "wxyz""#,
        "01 01 00 00 00 00 00 00 0D 01 00 00 00 00 01 00 25 00 00 00 00",
    ];
    run('#', &examples, entry::identifiers);
}

#[test]
fn transport() {
    let examples = [
        r#""/o=X" 00 00 00 00 00 E4 04 00 00 09 04 00 00 09 04 00 00 00 00 00 00"#,
        "00 00 07 00 0D 00 2C 01 FF FF FF 1F 61 62 63 17 00 0F FF 26 01",
        "00 00 04 00 08 00 08 00 08 00 01 0A 0C 00 00 00",
        "03 00 00 00 0A 00 00 00 00 00 04 00 02 00 02 00 02 00 08 00 01 00 00 00 00 00",
        "FF FF FF 1F 61 62 63 17 00 0F FF 26 01",
    ];
    run('#', &examples, entry::transport);
}

#[test]
fn address_book() {
    let stat = "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 E4 04 00 00 09 04 00 00 09 04 00 00";
    let examples = include_str!("examples/nspi.txt").replace("STAT", stat);
    run_on(&examples, '>', &[], ROUNDS, entry::address_book);
    run_on(&examples, '<', &[], ROUNDS, entry::address_book);
}

#[test]
fn fasttransfer() {
    let examples = [
        "03 00 15 40 1F 00 37 00 06 00 00 00 48 00 69 00 00 00 0B 00 1F 0E 00 00",
        "0B 00 05 80 08 20 06 00 00 00 00 00 C0 00 00 00 00 00 00 46 00 06 85 00 00 01 00",
        "03 00 17 40 03 00 00 00 01 02 03 02 01 96 67 02 00 00 00 A3 A2 03 00 3B 40",
        r#"1F 10 00 80 29 03 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 01 u"K" 01 00 00 00 02 00 00 00 00 00"#,
    ];
    run('#', &examples, entry::fasttransfer);
}

#[test]
fn convert() {
    let letters: [&[u8]; 3] = [
        include_bytes!("../../formats/fuzz/seeds/multipart"),
        include_bytes!("../../formats/fuzz/seeds/digest"),
        include_bytes!("../../formats/fuzz/seeds/parameters"),
    ];
    engine::rehearsal::mutation::run(&letters, b"\r\n-:;\"<>()=?&,", ROUNDS / 40, entry::convert);
}

#[test]
fn tnef() {
    let head = "78 9F 3E 22 01 00 01 07 90 06 00 08 00 00 00 E4 04 00 00 00 00 00 00 E8 00";
    let properties = format!(
        "{head} 01 03 90 06 00 1C 00 00 00 02 00 00 00 03 00 17 00 02 00 00 00 1E 00 37 00 \
         01 00 00 00 02 00 00 00 41 00 00 00 B7 00"
    );
    let attached = format!(
        "{head} 02 02 90 06 00 02 00 00 00 01 00 01 00 02 0F 80 06 00 02 00 00 00 41 42 83 00"
    );
    run('#', &[head, &properties, &attached], entry::tnef);
}

#[test]
fn autodiscover() {
    let example = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"r\"><Request>\
                   <EMailAddress>o&amp;&#x27;a@x</EMailAddress><LegacyDN><![CDATA[/o=X]]></LegacyDN>\
                   <AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/\
                   outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>";
    let examples = [
        example.as_bytes(),
        b"<!DOCTYPE a [<!ENTITY e \"x\">]>&e;<!-- --><?p?>",
    ];
    engine::rehearsal::mutation::run(&examples, b"<>&;![]\"'/ax", ROUNDS, entry::autodiscover);
}

#[test]
fn session() {
    let operations = [
        "02 00 00 01 01 00 00 00 00 00 00 03 00 05 00 01 02 00 12 00 02 00 01 00 1F 00 37 00",
        "04 00 00 03 04 12 00 03 00 01 00 1F 00 01 30 15 00 03 00 01 32 00",
        "14 00 02 00 05 00 08 1F 00 37 00 15 00 02 00 01 32 00 18 00 02 00 01 00 00 00 01",
    ];
    run_on(
        include_str!("examples/rops.txt"),
        '>',
        &operations,
        ROUNDS / 100,
        entry::session,
    );
}

#[test]
fn transfer() {
    let examples = [
        // A folder with a message and a setting in it.
        r"03 00 09 40 1F 00 01 30 04 00 00 00 41 00 00 00 03 00 0C 40 1F 00 37 00 04 00 00 00 42 00 00 00
        03 00 0D 40 03 00 10 40 03 00 0D 40 03 00 0B 40",
        // A message with a recipient, and a message attached.
        r"03 00 0C 40 03 00 03 40 03 00 15 0C 01 00 00 00 03 00 04 40 03 00 00 40 03 00 21 0E 00 00 00 00
        03 00 01 40 1F 00 37 00 04 00 00 00 42 00 00 00 03 00 02 40 03 00 0E 40 03 00 0D 40",
        // The same in an open message, and properties with names.
        r"03 00 16 40 0D 00 12 0E 03 00 03 40 03 00 15 0C 01 00 00 00 03 00 04 40 03 00 00 40 03 00 0E 40
        0B 00 05 80 08 20 06 00 00 00 00 00 C0 00 00 00 00 00 00 46 00 06 85 00 00 01 00",
    ];
    run_on("", '#', &examples, ROUNDS / 100, entry::transfer);
}
