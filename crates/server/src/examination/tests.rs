//! Letters from the world, with names of the test's own.

mod mutated;
mod vectors;
pub mod zone;

use self::zone::{A, PTR, names, text};
use super::authenticate::Authenticator;
use super::settings::Settings;
use super::*;
use crate::driver::pool::Pool;
use crate::outbound::names::Resolver;
use crate::outbound::settings::{Dns, Dnssec};
use crate::signing::{Signer, Unsigned, keeping};
use bytes::Bytes;
use engine::examination::Decision;
use engine::rehearsal::Rehearsal;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::DkimSigner;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::UdpSocket;

/// Where the letters come from.
const PEER: &str = "192.0.2.25";
const LETTER: &str = "From: Alice <alice@example.test>\r\nTo: bob@elsewhere.test\r\n\
                      Subject: Hello\r\n\r\nHello Bob.\r\n";

pub struct Stage {
    house: Rehearsal,
    examiners: Examiners,
}

impl Stage {
    /// A house whose domain publishes its keys, a sender policy for [`PEER`], and this DMARC policy.
    async fn new(policy: &str) -> Self {
        let house = Rehearsal::new(engine::Settings {
            hostname: "mx.example.test".to_owned(),
            ..engine::Settings::default()
        })
        .unwrap();
        keeping::complete(&house.engine, "example.test").unwrap();
        let mut zone = vec![
            text("example.test", "v=spf1 ip4:192.0.2.25 -all"),
            text("_dmarc.example.test", &format!("v=DMARC1; p={policy}")),
            ("25.2.0.192.in-addr.arpa".into(), PTR, "out.test".into()),
            ("out.test".into(), A, PEER.into()),
        ];
        for key in &house.engine.domains().unwrap()[0].keys {
            let name = format!("{}._domainkey.example.test", key.selector);
            zone.push(text(&name, &keeping::record(key)));
        }
        Self::with(house, names(zone).await, &Settings::default())
    }

    pub fn with(house: Rehearsal, server: SocketAddr, settings: &Settings) -> Self {
        let dns = Dns {
            servers: vec![server],
            dnssec: Dnssec::Off,
            trust_anchor: None,
        };
        let asker = Resolver::new(&dns).unwrap().asker();
        let pool = Arc::new(Pool::start("disk", 1, 10).unwrap());
        let examiner = Authenticator::new(settings, asker, house.engine.clone(), pool);
        Self {
            house,
            examiners: Examiners::new(vec![Arc::new(examiner)]),
        }
    }

    fn signed(&self, letter: &str) -> String {
        let mut unsigned = Unsigned::default();
        unsigned.push(letter.as_bytes());
        let lines = Signer::default().lines(&self.house.engine, unsigned);
        [&lines.unwrap(), letter].concat()
    }

    pub async fn examine(&self, peer: &str, sender: &str, letter: &str) -> Examined {
        self.examine_from(peer, "out.test", sender, letter).await
    }

    async fn examine_from(
        &self,
        peer: &str,
        greeting: &str,
        sender: &str,
        letter: &str,
    ) -> Examined {
        let mut upload = self.house.engine.upload().unwrap();
        upload.write(letter.as_bytes()).unwrap();
        let header = letter.find("\r\n\r\n").map_or(letter.len(), |at| at + 4);
        let examination = Examination {
            peer: Some(peer.parse().unwrap()),
            greeting: greeting.to_owned(),
            sender: sender.to_owned(),
            recipients: vec!["bob@example.test".to_owned()],
            submitter: None,
            is_encrypted: true,
            header: Bytes::copy_from_slice(&letter.as_bytes()[..header]),
            letter: upload.finish().unwrap(),
        };
        self.examiners.examine(&examination).await
    }
}

#[tokio::test]
async fn a_letter_that_its_domain_sent_and_signed_passes_and_it_is_said_how() {
    let stage = Stage::new("reject").await;
    let letter = stage.signed(LETTER);
    let found = stage.examine(PEER, "alice@example.test", &letter).await;
    assert_eq!(found.decision, Decision::Accept);
    let lines = found.lines.replace("\r\n\t", " ");
    for part in [
        "Authentication-Results: mx.example.test; spf=pass smtp.mailfrom=alice@example.test;",
        "; dkim=pass header.d=example.test header.s=",
        "; dmarc=pass header.from=example.test policy.dmarc=reject;",
        "; iprev=pass policy.iprev=192.0.2.25\r\n",
    ] {
        assert!(lines.contains(part), "{part}\n{lines}");
    }
    assert_eq!(lines.matches("dkim=pass").count(), 2, "{lines}");
}

#[tokio::test]
async fn a_forged_letter_goes_where_the_domain_wants_it() {
    let forger = "198.51.100.66";
    for (policy, wanted) in [
        ("none", Decision::Accept),
        ("quarantine", Decision::Quarantine),
    ] {
        let stage = Stage::new(policy).await;
        let found = stage.examine(forger, "alice@example.test", LETTER).await;
        assert_eq!(found.decision, wanted, "{policy}");
        assert!(found.lines.contains("dmarc=fail"), "{}", found.lines);
        assert!(found.lines.contains("spf=fail"), "{}", found.lines);
    }
    let stage = Stage::new("reject").await;
    let found = stage.examine(forger, "x@elsewhere.test", LETTER).await;
    assert!(matches!(found.decision, Decision::Refuse(_)), "{found:?}");
}

#[tokio::test]
async fn a_forwarded_letter_still_passes_by_its_signature() {
    let stage = Stage::new("reject").await;
    let letter = stage.signed(LETTER);
    let found = stage
        .examine("198.51.100.66", "list@elsewhere.test", &letter)
        .await;
    assert_eq!(found.decision, Decision::Accept, "{found:?}");
    assert!(found.lines.contains("dmarc=pass"), "{}", found.lines);
    let changed = letter.replace("Hello Bob", "Hello Rob");
    let found = stage
        .examine("198.51.100.66", "list@elsewhere.test", &changed)
        .await;
    assert!(matches!(found.decision, Decision::Refuse(_)), "{found:?}");
}

#[tokio::test]
async fn a_letter_with_several_authors_fields_or_domains_or_none_never_passes() {
    let stage = Stage::new("none").await;
    for from in [
        "From: a@example.test\r\nFrom: b@example.test\r\n",
        "From: a@example.test, b@bank.test\r\n",
        "From: just words\r\n",
        "From:\r\n",
        "X: y\r\n",
    ] {
        let letter = format!("{from}Subject: x\r\n\r\nx\r\n");
        let found = stage.examine(PEER, "alice@example.test", &letter).await;
        assert!(matches!(found.decision, Decision::Refuse(_)), "{from}");
    }
}

#[tokio::test]
async fn a_signature_counts_only_if_it_covers_the_whole_body() {
    let secret = Ed25519Key::generate_pkcs8().unwrap();
    let key = Ed25519Key::from_pkcs8_der(&secret).unwrap();
    let public =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.public_key());
    let record = format!("v=DKIM1; k=ed25519; p={public}");
    let zone = vec![text("s._domainkey.example.test", &record)];
    let house = Rehearsal::new(engine::Settings::default()).unwrap();
    let stage = Stage::with(house, names(zone).await, &Settings::default());
    let signature = DkimSigner::from_key(key)
        .domain("example.test")
        .selector("s")
        .headers(["From", "Subject"])
        .body_length(true)
        .sign(LETTER.as_bytes())
        .unwrap()
        .to_header();
    assert!(signature.contains("l="), "{signature}");
    let letter = [&signature, LETTER].concat();
    let found = stage.examine(PEER, "x@y.test", &letter).await;
    assert!(found.lines.contains("dkim=pass"), "{}", found.lines);
    let longer = [&letter, "Click here!\r\n"].concat();
    let found = stage.examine(PEER, "x@y.test", &longer).await;
    assert!(found.lines.contains("dkim=policy"), "{}", found.lines);
}

#[tokio::test]
async fn a_long_letter_is_hashed_piece_by_piece() {
    let stage = Stage::new("reject").await;
    let long = [
        LETTER,
        &"A line of text that is long enough. \r\n".repeat(20_000),
    ]
    .concat();
    let letter = stage.signed(&long);
    let found = stage.examine("198.51.100.66", "x@y.test", &letter).await;
    assert!(found.lines.contains("dmarc=pass"), "{}", found.lines);
}

#[tokio::test]
async fn a_letter_is_not_refused_because_nobody_answers() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let house = Rehearsal::new(engine::Settings::default()).unwrap();
    let settings = Settings {
        seconds: 1,
        ..Settings::default()
    };
    let stage = Stage::with(house, silent.local_addr().unwrap(), &settings);
    let letter = stage.signed(LETTER);
    let found = stage.examine(PEER, "alice@example.test", &letter).await;
    assert_eq!(found.decision, Decision::Accept);
    assert!(found.lines.contains("spf=temperror"), "{}", found.lines);
    assert!(found.lines.contains("dmarc=temperror"), "{}", found.lines);
}

#[tokio::test]
async fn what_a_peer_says_of_itself_cannot_add_results() {
    let stage = Stage::new("none").await;
    let sender = "\"a\r\nb; dkim=pass\"@evil.test";
    let found = stage.examine(PEER, sender, LETTER).await;
    let lines = found.lines.split("\r\n").filter(|line| !line.is_empty());
    for line in lines {
        assert!(line.starts_with('\t') || line.starts_with("Authentication-Results: "));
    }
    assert!(
        found
            .lines
            .contains("smtp.mailfrom=\"ab; dkim=pass@evil.test\""),
        "{}",
        found.lines
    );
}

/// Examiners that are of no use.
enum Useless {
    Late,
    Failing,
    Panicking,
}

impl Examiner for Useless {
    fn name(&self) -> &'static str {
        "useless"
    }
    fn budget(&self) -> Duration {
        Duration::from_millis(10)
    }
    fn examine<'a>(&'a self, _: &'a Examination, _: &'a Examined) -> Looking<'a> {
        match self {
            Self::Late => Box::pin(std::future::pending()),
            Self::Failing => Box::pin(async { Err("broken".to_owned()) }),
            Self::Panicking => Box::pin(async { panic!("as it should") }),
        }
    }
}

#[tokio::test]
async fn an_examiner_that_fails_panics_or_is_late_is_left_out() {
    let mut stage = Stage::new("quarantine").await;
    let list = std::mem::take(&mut stage.examiners.list);
    let useless = [Useless::Late, Useless::Failing, Useless::Panicking];
    let useless = useless.map(|one| Arc::new(one) as Arc<dyn Examiner>);
    stage.examiners = Examiners::new(useless.into_iter().chain(list).collect());
    let found = stage.examine("198.51.100.66", "x@y.test", LETTER).await;
    assert_eq!(found.decision, Decision::Quarantine);
}

#[tokio::test]
async fn what_all_found_is_counted_at_the_end() {
    let mut stage = Stage::new("none").await;
    let pool = Arc::new(Pool::start("disk", 1, 10).unwrap());
    let counter = spam::Counter::new(stage.house.engine.clone(), pool);
    stage.examiners.list.push(Arc::new(counter));
    let letter = LETTER.replace("Hello Bob.", "See https://bank.test@evil.test/");
    let found = stage
        .examine("198.51.100.66", "alice@example.test", &letter)
        .await;
    assert_eq!(found.decision, Decision::Accept);
    let spam = found.spam.as_ref().unwrap();
    let names: Vec<&str> = spam.reasons.iter().map(|one| one.name.as_str()).collect();
    for name in ["AUTHOR_FORGED", "SENDER_FORBIDDEN", "LINK_WITH_USER"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(found.is_quarantined(found.spam.as_ref()));
    let fields = found.header_fields(found.spam.as_ref());
    assert!(fields.contains("\r\nX-Spam-Status: Yes, "), "{fields}");
    assert!(found.facts.iter().any(|(name, _)| *name == "spam"));
}
