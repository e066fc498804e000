//! The store itself: how it is, whether it is sound, and copies of it.

use super::directory::Bytes;
use super::{Failure, Reply, Watcher};
use crate::house::House;
use serde_json::json;
use std::path::Path;

pub fn status(house: &House) -> Result<Reply, Failure> {
    let accounts = house.engine.accounts()?;
    let (domains, queue) = (house.engine.domains()?.len(), house.engine.queue()?.len());
    let used: u64 = accounts.iter().map(|account| account.used_bytes).sum();
    let recoverable: u64 = accounts
        .iter()
        .map(|account| account.recoverable_bytes)
        .sum();
    let version = env!("CARGO_PKG_VERSION");
    let text = format!(
        "facteur {version}\ndata           {}\ndomains        {domains}\naccounts       {}\n\
         mail           {}\nrecoverable    {}\nqueue          {queue} letters",
        house.data.display(),
        accounts.len(),
        Bytes(used),
        Bytes(recoverable),
    );
    let data = json!({
        "version": version,
        "data": house.data,
        "domains": domains,
        "accounts": accounts.len(),
        "mail_bytes": used,
        "recoverable_bytes": recoverable,
        "queue": queue,
    });
    Ok(Reply::new(text, data))
}

pub fn check(_house: &House, _watcher: Watcher<'_>) -> Result<Reply, Failure> {
    Err(Failure("check is not ready".to_owned()))
}

pub fn backup(_house: &House, _target: &Path, _watcher: Watcher<'_>) -> Result<Reply, Failure> {
    Err(Failure("backup is not ready".to_owned()))
}
