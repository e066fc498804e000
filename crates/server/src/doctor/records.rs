//! Are the records of a domain there?

use super::{Check, State, World};
use crate::outbound::names::NamesError;
use crate::zone::Record;

/// Compares what is published with what is wanted.
pub async fn check(wanted: &[Record], world: &World) -> Vec<Check> {
    let mut checks = Vec::new();
    for record in wanted.iter().filter(|record| record.is_ready) {
        let check = match record.kind {
            "MX" => Some(exchangers(record, world).await),
            "TXT" => Some(text(record, world).await),
            "TLSA" => certificate_key(record, world).await,
            // Addresses are looked at by themselves; mail programs do without the others.
            _ => None,
        };
        checks.extend(check);
    }
    checks
}

async fn exchangers(record: &Record, world: &World) -> Check {
    let what = format!("MX of {}", record.name);
    let wanted = record.value.rsplit(' ').next().unwrap_or_default();
    let wanted = wanted.trim_end_matches('.').to_lowercase();
    let found = match world.names.exchangers(&record.name).await {
        Ok(found) => found.records,
        Err(NamesError::Unavailable(why)) => return no_answer(what, &why),
        Err(NamesError::NoSuchName | NamesError::Nothing) => Vec::new(),
    };
    let said: Vec<String> = found
        .iter()
        .map(|(at, host)| format!("{at} {host}"))
        .collect();
    if found.iter().any(|(_, host)| *host == wanted) {
        Check::good(what, said.join(", "))
    } else if found.is_empty() {
        Check::new(State::Bad, what, "none", publish(record))
    } else {
        let advice = format!("Mail goes elsewhere. {}", publish(record));
        Check::new(State::Bad, what, said.join(", "), advice)
    }
}

async fn text(record: &Record, world: &World) -> Check {
    let what = format!("{} of {}", title(record), record.name);
    let found = match world.names.texts(&record.name).await {
        Ok(found) => found,
        Err(NamesError::Unavailable(why)) => return no_answer(what, &why),
        Err(NamesError::NoSuchName | NamesError::Nothing) => Vec::new(),
    };
    let kind = version(&record.value);
    let same: Vec<&String> = found
        .iter()
        .filter(|text| version(text).eq_ignore_ascii_case(kind))
        .collect();
    match same.as_slice() {
        [] => Check::new(State::Bad, what, "none", publish(record)),
        [one] if squeezed(one) == squeezed(&record.value) => Check::good(what, "as it should be"),
        [one] if kind == "v=DKIM1" => {
            let advice = format!("Another key stands there. {}", publish(record));
            Check::new(State::Bad, what, shortened(one), advice)
        }
        [one] => {
            let advice = format!("If that is not meant so: {}", publish(record));
            Check::new(State::Weak, what, shortened(one), advice)
        }
        several => {
            let advice = "Several of a kind count as none: leave one";
            Check::new(
                State::Bad,
                what,
                format!("{} records", several.len()),
                advice,
            )
        }
    }
}

async fn certificate_key(record: &Record, world: &World) -> Option<Check> {
    let host = record.name.strip_prefix("_25._tcp.")?;
    let what = format!("TLSA of {host}");
    // Only signed ones are seen here; without DNSSEC there is nothing to say.
    let found = world.names.keys(25, host).await.ok()?;
    let wanted = record.value.rsplit(' ').next().unwrap_or_default();
    let fits = found
        .iter()
        .any(|one| crate::zone::hexadecimal(&one.data) == wanted);
    Some(if fits {
        Check::good(what, "as it should be")
    } else {
        let advice = format!("Others will not deliver. {}", publish(record));
        Check::new(State::Bad, what, "of another key", advice)
    })
}

fn no_answer(what: String, why: &str) -> Check {
    let advice = "Can this machine ask for names? Try again later";
    Check::new(State::Unknown, what, why, advice)
}

fn publish(record: &Record) -> String {
    let line = crate::zone::file(std::slice::from_ref(record));
    let line = line.lines().last().unwrap_or_default();
    format!("Publish: {line}")
}

fn title(record: &Record) -> &'static str {
    match version(&record.value) {
        "v=spf1" => "SPF",
        "v=DKIM1" => "DKIM key",
        "v=DMARC1" => "DMARC policy",
        "v=TLSRPTv1" => "TLS-RPT",
        _ => "text",
    }
}

/// `v=spf1` of a record.
fn version(text: &str) -> &str {
    let end = text.find([' ', ';']).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn squeezed(text: &str) -> String {
    text.split_ascii_whitespace().collect::<String>()
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}
