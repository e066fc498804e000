//! Whole letters and their domains' records with faults put into them: a letter always gets its
//! verdict, and what is written before it is sound.

use super::super::settings::Settings;
use super::Stage;
use super::zone::{Zone, names, text};
use engine::examination::Examined;
use engine::rehearsal::{Rehearsal, mutation};
use std::sync::LazyLock;

/// Who signs, and may send, in the name of `example.test`.
const SPF: &[u8] = include_bytes!("../../../fuzz/seeds/record_spf");
const DMARC: &[u8] = include_bytes!("../../../fuzz/seeds/record_dmarc");
const KEY: &[u8] = include_bytes!("../../../fuzz/seeds/record_dkim");
const LETTER: &[u8] = include_bytes!("../../../fuzz/seeds/signed_letter");
/// Bytes that mean something in records and header fields.
const LOVED: &[u8] = b"\r\n\t ;:=,<>@\"()%{}/.-_\0\xff";

/// The result of an evaluation is one of the words of the standards, in lines that can be sent.
fn check(examined: &Examined) {
    let lines = &examined.lines;
    assert!(lines.is_empty() || lines.ends_with("\r\n"), "{lines:?}");
    for line in lines.split_terminator("\r\n") {
        assert!(line.len() <= 998 && !line.is_empty(), "{line:?}");
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
}

/// A house, and names that the sender's domain has.
struct World {
    runtime: tokio::runtime::Runtime,
    stage: Stage,
}

impl World {
    fn new(zone: Zone) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let house = Rehearsal::new(engine::Settings::default()).unwrap();
        let stage =
            runtime.block_on(async { Stage::with(house, names(zone).await, &Settings::default()) });
        Self { runtime, stage }
    }

    fn examine(&self, letter: &[u8]) {
        let letter = String::from_utf8_lossy(letter);
        let examining = self
            .stage
            .examine("192.0.2.25", "alice@example.test", &letter);
        check(&self.runtime.block_on(examining));
    }
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let record = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    World::new(vec![
        text("example.test", &record(SPF)),
        text("_dmarc.example.test", &record(DMARC)),
        text("s._domainkey.example.test", &record(KEY)),
    ])
});

#[test]
fn letters_with_any_signatures_and_seals() {
    mutation::run(&[LETTER], LOVED, 400, |letter| WORLD.examine(letter));
}

#[test]
fn letters_whose_domain_says_anything() {
    fn answered(bytes: &[u8]) {
        let policy: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        let world = World::new(vec![
            text("example.test", &policy),
            text("_dmarc.example.test", &policy),
            text("s._domainkey.example.test", &policy),
        ]);
        world.examine(LETTER);
    }
    mutation::run(&[SPF, DMARC, KEY], LOVED, 60, answered);
}
