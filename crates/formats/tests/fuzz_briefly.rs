//! The fuzz targets on mutated examples, so that every run of the tests has a little of what
//! fuzzing gives.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target; some 2 seconds in a debug build.
const ROUNDS: usize = 1500;

const EXAMPLES: &[&[u8]] = &[
    include_bytes!("../fuzz/seeds/multipart"),
    include_bytes!("../fuzz/seeds/digest"),
    include_bytes!("../fuzz/seeds/parameters"),
    include_bytes!("../fuzz/seeds/mbox"),
    include_bytes!("../fuzz/seeds/uid_list"),
    include_bytes!("../fuzz/seeds/path"),
];

const SCRIPTS: &[&[u8]] = &[
    include_bytes!("../fuzz/seeds/script"),
    include_bytes!("../fuzz/seeds/script_of_vacation"),
];

/// A small generator of its own, so that a failure comes again: xorshift (G. Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    /// An example with some bytes changed, cut, doubled or taken from another.
    fn mutated(&mut self, examples: &[&[u8]]) -> Vec<u8> {
        let mut bytes = examples[self.below(examples.len())].to_vec();
        for _ in 0..self.below(8) {
            let at = self.below(bytes.len());
            let until = (at + self.below(40)).min(bytes.len());
            match self.below(5) {
                0 if at < bytes.len() => bytes[at] = b"\r\n-:;\"<>()=?&\0\xff "[self.below(16)],
                1 => drop(bytes.drain(at..until)),
                2 => {
                    let copy = bytes[at..until].to_vec();
                    bytes.splice(at..at, copy);
                }
                3 => {
                    let other = examples[self.below(examples.len())];
                    let start = self.below(other.len());
                    bytes.splice(at..until, other[start..].iter().copied());
                }
                _ => bytes.truncate(until.max(10)),
            }
            bytes.truncate(4000);
        }
        bytes
    }
}

fn run(target: fn(&[u8])) {
    run_on(EXAMPLES, target);
}

fn run_on(examples: &[&[u8]], target: fn(&[u8])) {
    for example in examples {
        target(example);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    (0..ROUNDS).for_each(|_| target(&random.mutated(examples)));
}

#[test]
fn scripts_are_read() {
    run_on(SCRIPTS, entry::script);
}

#[test]
fn letters_are_scanned() {
    run(entry::letter);
}

#[test]
fn damaged_summaries_are_read() {
    let mut random = Random(1);
    let original = formats::message::Summary::of(EXAMPLES[0]).encode();
    for _ in 0..ROUNDS {
        let mut bytes = original.clone();
        for _ in 0..3 {
            let at = random.below(bytes.len());
            bytes[at] = u8::try_from(random.below(256)).unwrap();
        }
        entry::stored_summary(&bytes);
    }
}

#[test]
fn fields_are_read() {
    run(entry::fields);
}

#[test]
fn addresses_are_read() {
    run(entry::addresses);
    let mut random = Random(2);
    for _ in 0..ROUNDS {
        let letters = b"aZ9.@\"\\[]<>:, \x80\xc3\xbc-_6IPv";
        let length = random.below(24);
        let bytes: Vec<u8> = (0..length)
            .map(|_| letters[random.below(letters.len())])
            .collect();
        entry::addresses(&bytes);
    }
}

#[test]
fn bodies_are_decoded() {
    run(entry::bodies);
}

#[test]
fn documents_are_read() {
    let rich: &[u8] = br"{\rtf1\ansicpg1252 caf\'e9 \u8364?{\*\x y}{\pict 00}\bin2 {}\par}";
    let stored: &[u8] = include_bytes!("../fuzz/seeds/package");
    run_on(&[rich, stored], entry::documents);
    let pages: &[&[u8]] = &[
        include_bytes!("../fuzz/seeds/pdf_of_standard_fonts"),
        include_bytes!("../fuzz/seeds/pdf_locked"),
        include_bytes!("../fuzz/seeds/pdf_rc4_40"),
        include_bytes!("../fuzz/seeds/pdf_aes_128"),
        include_bytes!("../fuzz/seeds/pdf_aes_256"),
        b"1 0 obj <</Type/Page/Contents 2 0 R/Resources <</Font <</F 3 0 R>> >> >> endobj 2 0 obj           <</Filter/A85>> stream BT /F 2 Tf [(a) 9 <41>]TJ 1 0 0 1 5 5 Tm (b) ' ET endstream 3 0           obj <</Widths [1 2] /Encoding <</Differences [65 /eacute /uni0041]>> >> endobj",
    ];
    run_on(pages, entry::documents);
}

#[test]
fn rich_text_is_read() {
    let enclosing: &[u8] = br"{\rtf1\ansi\fromhtml1 {\fonttbl{\f0\fcharset204 A;}}{\*\htmltag64 <p>}\
        \htmlrtf {\b \htmlrtf0 a\'e4\u8364 ?\par\tab{\*\htmltag84 &lt;}\htmlrtf }\htmlrtf0 \bin2 {}}";
    let packed = formats::rich_text::packed::pack(enclosing);
    run_on(&[enclosing, &packed], entry::rich_text);
}

#[test]
fn mailbox_files_are_read() {
    run(entry::mailbox_files);
}
