//! Addresses that may not connect for a while. What is changed by hand outlives a kill.

use super::{Failure, Reply};
use crate::house::House;
use engine::traffic;
use formats::moment::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::IpAddr;

/// Something to be done; each variant is the command of its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "the fields are those of the command line, explained there"
)]
pub enum Ban {
    List,
    Add { address: IpAddr, minutes: u32 },
    Remove { address: IpAddr },
}

pub fn run(house: &House, request: &Ban) -> Result<Reply, Failure> {
    match request {
        Ban::List => Ok(list(house)),
        Ban::Add { address, minutes } => add(house, *address, *minutes),
        Ban::Remove { address } => remove(house, *address),
    }
}

fn list(house: &House) -> Reply {
    let bans = house.engine.traffic().bans(house.engine.now());
    let lines: Vec<String> = bans.iter().map(line).collect();
    Reply::new(lines.join("\n"), bans.iter().map(data).collect())
}

fn add(house: &House, address: IpAddr, minutes: u32) -> Result<Reply, Failure> {
    let (traffic, now) = (house.engine.traffic(), house.engine.now());
    traffic.ban(address, i64::from(minutes) * 60, "an administrator", now);
    // This machine is never banned, and there is an end to the room.
    let Some(ban) = traffic.banned(address, now) else {
        return Err(Failure::of(address, "this address cannot be banned"));
    };
    house.engine.remember()?;
    Ok(Reply::new(line(&ban), data(&ban)))
}

fn remove(house: &House, address: IpAddr) -> Result<Reply, Failure> {
    if !house.engine.traffic().forgive(address) {
        return Err(Failure::of(address, "is not banned"));
    }
    house.engine.remember()?;
    let data = json!({ "address": address, "removed": true });
    Ok(Reply::new("", data))
}

fn line(ban: &traffic::Ban) -> String {
    let until = rfc3339(ban.until.seconds());
    format!("{}  until {until}: {}", whom(ban), ban.why)
}

fn data(ban: &traffic::Ban) -> Value {
    let until = rfc3339(ban.until.seconds());
    json!({ "address": whom(ban), "until": until, "why": ban.why })
}

/// An address, or the network whose addresses are banned together.
fn whom(ban: &traffic::Ban) -> String {
    match ban.address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(network) => format!("{network}/64"),
    }
}
