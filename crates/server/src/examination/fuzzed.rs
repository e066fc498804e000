//! What letters, name servers and milters send, with faults put into it: a letter always gets its
//! verdict, and what is written before it is sound.

use super::milter::fuzzed as milter;
use super::settings::Infected;
use super::tests::Stage;
use super::tests::zone::{Zone, names, text};
use super::*;
use crate::examination::settings::Settings;
use engine::examination::Decision;
use engine::rehearsal::{Rehearsal, mutation};
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::dmarc::Dmarc;
use std::sync::LazyLock;

/// Who signs, and may send, in the name of `example.test`.
const SPF: &[u8] =
    b"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 a:a.test//64 mx exists:%{ir}.%{l1r-}.t.test \
    include:b.test ?ptr redirect=_spf.%{d2}";
const DMARC: &[u8] =
    b"v=DMARC1; p=quarantine; sp=none; adkim=s; aspf=r; pct=50; rua=mailto:a@b.test!10m";
const KEY: &[u8] =
    b"v=DKIM1; k=ed25519; t=s:y; h=sha256; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const LETTER: &[u8] = b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.test; s=s; b=YQ==\r\n\
    ARC-Message-Signature: i=1; a=rsa-sha256; d=example.test; s=s; h=from; bh=YQ==; b=YQ==\r\n\
    ARC-Authentication-Results: i=1; example.test; spf=pass\r\n\
    DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/simple; d=example.test; s=s; l=5;\r\n\
    \tt=1; x=4000000000; h=From:From:Subject; bh=YQ==; b=YQ==\r\n\
    From: \"A, b\" (c) <alice@example.test>, bob@b.test\r\nSender: alice@example.test\r\n\
    Subject: =?utf-8?q?a?=\r\n\r\nHello \r\n\r\n";
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

    fn examine(&self, letter: &str) {
        let sender = "alice@example.test";
        let examining = self.stage.examine("192.0.2.25", sender, letter);
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
    fn letter(bytes: &[u8]) {
        WORLD.examine(&String::from_utf8_lossy(bytes));
    }
    mutation::run(&[LETTER], LOVED, 400, letter);
}

#[test]
fn records_of_domains() {
    fn record(bytes: &[u8]) {
        spf::read_any(bytes);
        _ = Dmarc::parse(bytes);
        _ = DomainKey::parse(bytes);
    }
    mutation::run(&[SPF, DMARC, KEY], LOVED, 20_000, record);
}

#[test]
fn answers_of_name_servers() {
    fn answered(bytes: &[u8]) {
        let text_of = |bytes: &[u8]| {
            bytes
                .iter()
                .map(|&byte| char::from(byte))
                .collect::<String>()
        };
        let policy = text_of(bytes);
        let world = World::new(vec![
            text("example.test", &policy),
            text("_dmarc.example.test", &policy),
            text("s._domainkey.example.test", &policy),
        ]);
        world.examine(&String::from_utf8_lossy(LETTER));
    }
    mutation::run(&[SPF, DMARC, KEY], LOVED, 60, answered);
}

#[test]
fn answers_of_programs_that_judge() {
    fn judged(bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let said = [
            rspamd::read(bytes),
            clamav::finding(&text, Infected::Refuse),
        ];
        for said in said {
            let lines: Vec<String> = match said {
                Err(why) => vec![why],
                Ok(found) => {
                    let refusal = match found.decision {
                        Decision::Refuse(refusal) | Decision::Defer(refusal) => refusal.text,
                        _ => String::new(),
                    };
                    let facts = found.facts.into_iter().map(|(_, fact)| fact);
                    let reasons = found.reasons.into_iter().map(|reason| reason.text);
                    facts.chain(reasons).chain([refusal]).collect()
                }
            };
            for line in lines {
                assert!(!line.chars().any(char::is_control), "{line:?}");
                assert!(line.chars().count() < 400, "{line:?}");
            }
        }
    }
    const RSPAMD: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n\
        {\"action\":\"soft reject\",\"score\":1.5e1,\"symbols\":{\"A\":{\"score\":-2}}}";
    const FOUND: &[u8] = b"stream: Eicar-Signature FOUND";
    mutation::run(&[RSPAMD, FOUND], b"\r\n\0\x1b{}\":,.eE-9", 20_000, judged);
}

#[test]
fn packets_of_milters() {
    mutation::run(
        milter::EXAMPLES,
        b"\0\x01cahimbqryO\r\n: ",
        20_000,
        milter::packets,
    );
}
