//! What needs the store for itself: no server may run on the data.

use super::{Failure, Reply};
use crate::administration::control;
use crate::configuration::Configuration;
use crate::house::{House, options, world};
use serde_json::json;
use std::path::Path;
use store::backend::embedded::Embedded;

/// Makes the index and all that is derived anew.
pub fn rebuild(data: &Path) -> Result<Reply, Failure> {
    refuse_if_served(data)?;
    let configuration = Configuration::default();
    let refuse = |why: &dyn std::fmt::Display| Failure::of(data.display(), why);
    let backend =
        Embedded::rebuild(world(), data, options(&configuration)).map_err(|why| refuse(&why))?;
    let house = House::with(backend, data, &configuration).map_err(|why| refuse(&why))?;
    let accounts = house.engine.accounts()?.len();
    Ok(Reply::new(
        "the index is new",
        json!({ "rebuilt": true, "accounts": accounts }),
    ))
}

/// Makes a data folder from a backup.
pub fn restore(data: &Path, backup: &Path, _at: Option<i64>) -> Result<Reply, Failure> {
    refuse_if_served(data)?;
    Err(Failure::of(backup.display(), "restore is not ready"))
}

fn refuse_if_served(data: &Path) -> Result<(), Failure> {
    if std::os::unix::net::UnixStream::connect(control::place(data)).is_ok() {
        return Err(Failure::of(
            data.display(),
            "a server runs on this data; stop it first",
        ));
    }
    Ok(())
}
