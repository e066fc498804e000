//! The public vectors: what others have agreed on as right.
//!
//! They stand in `tests/vectors`, each with its licence: the SPF suite of openspf.org,
//! rearranged as JSON.

use super::zone::{self, PIECE, Zone, names};
use super::*;
use serde::Deserialize;

const SPF: &str = include_str!("../../../tests/vectors/spf.json");

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
