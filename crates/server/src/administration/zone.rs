//! `facteur dns`: the records that a domain needs.

use super::{Failure, Reply};
use crate::house::House;
use crate::zone::{Facts, Record, file, records};
use engine::EngineError;
use serde_json::{Value, json};

pub fn show(house: &House, domain: &str) -> Result<Reply, Failure> {
    let wanted = wanted(house, domain)?;
    let data = wanted.iter().map(|record| {
        json!({
            "name": record.name,
            "type": record.kind,
            "value": record.value,
            "why": record.why,
            "ready": record.is_ready,
        })
    });
    let data = Value::Array(data.collect());
    Ok(Reply::new(file(&wanted), data))
}

/// The records of a domain of this server.
pub fn wanted(house: &House, domain: &str) -> Result<Vec<Record>, Failure> {
    let domains = house.engine.domains()?;
    let found = domains.iter().find(|known| {
        known
            .name
            .eq_ignore_ascii_case(domain.trim_end_matches('.'))
    });
    let found = found.ok_or_else(|| Failure::of(domain, EngineError::NoSuchDomain))?;
    Ok(records(&Facts::of(house), found))
}
