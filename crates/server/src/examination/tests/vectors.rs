//! The public vectors: what others have agreed on as right.
//!
//! They stand in `tests/vectors`, each with its licence: the SPF suite of openspf.org
//! and the ARC suite of `ValiMail`, rearranged as JSON.

use super::zone::{self, PIECE, Zone, names};
use super::*;
use engine::examination::authentication::Outcome;
use serde::Deserialize;

const SPF: &str = include_str!("../../../tests/vectors/spf.json");
const ARC: &str = include_str!("../../../tests/vectors/arc.json");

/// Tests that share their names.
#[derive(Deserialize)]
struct Scenario<T> {
    about: String,
    /// Name, type, values.
    zone: Vec<Vec<String>>,
    tests: Vec<T>,
}

impl<T> Scenario<T> {
    fn zone(&self) -> Zone {
        let record = |record: &Vec<String>| {
            let kind = match &*record[1] {
                "A" => A,
                "AAAA" => zone::AAAA,
                "CNAME" => zone::CNAME,
                "MX" => zone::MX,
                "PTR" => PTR,
                "TXT" => zone::TXT,
                "TIMEOUT" => zone::FAILS,
                _ => zone::EXISTS,
            };
            let between = if kind == zone::MX { ' ' } else { PIECE };
            (
                record[0].clone(),
                kind,
                record[2..].join(&between.to_string()),
            )
        };
        self.zone.iter().map(record).collect()
    }

    async fn stage(&self) -> Stage {
        let house = Rehearsal::new(engine::Settings::default()).unwrap();
        Stage::with(house, names(self.zone()).await, &Settings::default())
    }
}

fn scenarios<T: for<'a> Deserialize<'a>>(json: &str) -> Vec<Scenario<T>> {
    serde_json::from_str(json).unwrap()
}

#[derive(Deserialize)]
struct SpfTest {
    name: String,
    spec: String,
    peer: String,
    greeting: String,
    sender: String,
    results: Vec<String>,
}

#[tokio::test]
async fn spf_ends_as_the_suite_of_rfc_7208_says() {
    let mut wrong = Vec::new();
    for scenario in scenarios::<SpfTest>(SPF) {
        let stage = scenario.stage().await;
        for test in &scenario.tests {
            let found = stage
                .examine_from(&test.peer, &test.greeting, &test.sender, LETTER)
                .await;
            let found = found.authentication.spf.word();
            if !test.results.iter().any(|result| result == found) {
                let (about, name, spec) = (&scenario.about, &test.name, &test.spec);
                let wanted = &test.results;
                wrong.push(format!("{about}: {name} ({spec}): {found}, not {wanted:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
}

/// Where the suite, made of a draft, and the standard differ. All these fail here:
const NOT_BY_THE_STANDARD: [&str; 5] = [
    // A chain that says it is broken is broken (RFC 8617 §5.2, step 2); the draft had no word for it.
    "cv_fail_i1_as_cv_fail",
    "cv_fail_i2_as2_fail",
    "cv_fail_i2_as1_fail",
    // The suite takes relaxed forms where none are named; they are simple (RFC 6376 §3.5, c=).
    "ams_fields_c_na",
    // A signature has to cover some field (RFC 6376 §3.5, h=).
    "ams_fields_h_empty",
];

#[derive(Deserialize)]
struct ArcTest {
    name: String,
    about: String,
    letter: String,
    result: String,
}

#[tokio::test]
async fn arc_ends_as_the_suite_of_valimail_says() {
    let mut wrong = Vec::new();
    for scenario in scenarios::<ArcTest>(ARC) {
        let stage = scenario.stage().await;
        for test in &scenario.tests {
            let found = stage.examine(PEER, "x@example.org", &test.letter).await;
            let found = match found.authentication.arc {
                Outcome::None => "none",
                Outcome::Pass => "pass",
                _ => "fail",
            };
            let is_by_the_standard = !NOT_BY_THE_STANDARD.contains(&&*test.name);
            let wanted = if is_by_the_standard {
                &test.result
            } else {
                "fail"
            };
            if wanted != found {
                let name = &test.name;
                let about = format!("{}: {}", scenario.about, test.about);
                wrong.push(format!("{about}: {name}: {found}, not {wanted}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}: {wrong:#?}", wrong.len());
}

const BODY: &str = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
const DINNER: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
    To: Suzie Q <suzie@shopping.example.net>\r\nSubject: Is dinner ready?\r\n\
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
    Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n";

/// How each signature of a letter ended.
async fn signatures(zone: Zone, letter: &str) -> Vec<Outcome> {
    let house = Rehearsal::new(engine::Settings::default()).unwrap();
    let stage = Stage::with(house, names(zone).await, &Settings::default());
    let found = stage
        .examine(PEER, "joe@football.example.com", letter)
        .await;
    let signatures = found.authentication.signatures;
    signatures
        .iter()
        .map(|signature| signature.outcome)
        .collect()
}

/// RFC 6376 §A.2, with the key of §C. As it was signed, it has six spaces before its continuation
/// lines and one after the full stop; the printed standard has others.
#[tokio::test]
async fn the_letter_of_rfc_6376_passes_and_not_with_another_space() {
    let key = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1\
        fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0\
        fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";
    let signature = "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n\
        \x20     c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n\
        \x20     h=Received : From : To : Subject : Date : Message-ID;\r\n\
        \x20     bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n\
        \x20     b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n\
        \x20     4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n\
        \x20     KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n\
        \x20     4bmp/YzhwvcubU4=;\r\n\
        Received: from client1.football.example.com  [192.0.2.1]\r\n\
        \x20     by submitserver.example.com with SUBMISSION;\r\n\
        \x20     Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n";
    let zone = || vec![text("brisbane._domainkey.example.com", key)];
    let body = BODY.replace("game.  ", "game. ");
    let letter = [signature, DINNER, &body].concat();
    assert_eq!(signatures(zone(), &letter).await, [Outcome::Pass]);
    for (from, to) in [
        ("game. ", "game.  "),
        ("com  [", "com ["),
        ("dinner", "lunch"),
    ] {
        let changed = letter.replace(from, to);
        let found = signatures(zone(), &changed).await;
        assert_eq!(found, [Outcome::Fail], "{from}");
    }
}

/// RFC 8463 §A.2, §A.3.
#[tokio::test]
async fn both_signatures_of_the_letter_of_rfc_8463_pass() {
    let zone = vec![
        text(
            "brisbane._domainkey.football.example.com",
            "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        ),
        text(
            "test._domainkey.football.example.com",
            "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk\
             08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHv\
             qMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
        ),
    ];
    let head = |algorithm: &str, selector: &str, signature: &str| {
        format!(
            "DKIM-Signature: v=1; a={algorithm}-sha256; c=relaxed/relaxed;\r\n \
             d=football.example.com; i=@football.example.com;\r\n \
             q=dns/txt; s={selector}; t=1528637909; h=from : to :\r\n \
             subject : date : message-id : from : subject : date;\r\n \
             bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
             b={signature}\r\n"
        )
    };
    let letter = [
        &head(
            "ed25519",
            "brisbane",
            "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n \
             Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==",
        ),
        &head(
            "rsa",
            "test",
            "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n \
             DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n \
             dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=",
        ),
        DINNER,
        BODY,
    ]
    .concat();
    assert_eq!(signatures(zone, &letter).await, [Outcome::Pass; 2]);
}

#[tokio::test]
async fn a_signature_that_can_be_read_in_two_ways_is_none() {
    let stage = Stage::new("none").await;
    let letter = stage.signed(LETTER);
    let outcomes = async |letter: &str| {
        let found = stage.examine(PEER, "alice@example.test", letter).await;
        let signatures = found.authentication.signatures.into_iter();
        signatures.map(|one| one.outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&letter).await, [Outcome::Pass; 2]);
    let twice = letter.replace("DKIM-Signature: v=1;", "DKIM-Signature: v=1; d=bank.test;");
    assert_eq!(outcomes(&twice).await, []);
}
