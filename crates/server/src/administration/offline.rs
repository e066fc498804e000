//! What needs the store for itself: no server may run on the data.

use super::control;
use super::{Failure, Reply};
use crate::configuration::Configuration;
use crate::house::{House, options, world};
use crate::indexing;
use ::store::backend::embedded::{Embedded, Moment};
use ::store::id::{AccountId, Timestamp};
use ::store::model::{Origin, Reads};
use ::store::sketch::Sketches;
use ::store::world::Vfs;
use ::store::world::disk::Disk;
use engine::EngineError;
use formats::moment::rfc3339;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Makes the index anew from the log, and all that is derived from what is true.
pub fn rebuild(data: &Path, configuration: &Configuration) -> Result<Reply, Failure> {
    refuse_if_served(data)?;
    let refuse = |why: &dyn std::fmt::Display| Failure::of(data.display(), why);
    let backend =
        Embedded::rebuild(world(), data, options(configuration)).map_err(|why| refuse(&why))?;
    let house = House::with(backend, data, configuration).map_err(|why| refuse(&why))?;
    let accounts = accounts(&house)?;
    let mut corrected = 0;
    for &account in &accounts {
        let rebuilt = house.store.write(&[account], Origin::default(), |txn| {
            txn.rebuild_derived(account).map_err(EngineError::from)
        })?;
        corrected += rebuilt.wait()?;
    }
    let text = match corrected {
        0 => "the index is new; all rows were right".to_owned(),
        count => format!("the index is new; {count} rows were corrected"),
    };
    let (damage, damaged_frames) = damage(&house)?;
    Ok(Reply::new(
        text + &damage,
        json!({
            "accounts": accounts.len(),
            "corrected": corrected,
            "damaged_frames": damaged_frames,
        }),
    ))
}

/// Forgets the index of letters; the next server makes it anew while it runs.
pub fn rebuild_search(data: &Path) -> Result<Reply, Failure> {
    refuse_if_served(data)?;
    let vfs: Arc<dyn Vfs> = Arc::new(Disk);
    let folder = indexing::place(data);
    let refuse = |why| Failure::of(folder.display(), why);
    let index = Sketches::open(&vfs, &folder).map_err(refuse)?;
    let accounts = index.forget_all().map_err(refuse)?;
    Ok(Reply::new(
        "the index of letters is made anew when the server runs; until then searches take longer"
            .to_owned(),
        json!({ "accounts": accounts }),
    ))
}

/// What is told of damage that a rebuild or restore went over, and in how many frames it is.
fn damage(house: &House) -> Result<(String, u64), Failure> {
    let frames = house.backend.status()?.damaged_frames;
    let text = match frames {
        0 => String::new(),
        _ => "; the text of some letters is damaged, though they are listed: \
              `facteur check` tells whose"
            .to_owned(),
    };
    Ok((text, frames))
}

/// Makes a data folder from a backup. All clients start again, since what came later is gone.
pub fn restore(
    data: &Path,
    configuration: &Configuration,
    backup: &Path,
    at: Option<i64>,
) -> Result<Reply, Failure> {
    refuse_if_served(data)?;
    let refuse = |why: &dyn std::fmt::Display| Failure::of(backup.display(), why);
    std::fs::create_dir_all(data).map_err(|why| Failure::of(data.display(), why))?;
    let moment = at.map_or(Moment::Latest, |at| {
        Moment::Time(Timestamp::from_seconds(at))
    });
    let backend = Embedded::restore(
        (&Disk, backup),
        world(),
        data,
        options(configuration),
        moment,
    )
    .map_err(|why| refuse(&why))?;
    let house = House::with(backend, data, configuration).map_err(|why| refuse(&why))?;
    let accounts = accounts(&house)?;
    for &account in &accounts {
        let begun = house.store.write(&[account], Origin::default(), |txn| {
            txn.new_epoch(account).map_err(EngineError::from)
        })?;
        begun.wait()?;
    }
    house.backend.end_restore()?;
    let as_of = at.map_or_else(|| "the latest state".to_owned(), rfc3339);
    let (damage, damaged_frames) = damage(&house)?;
    let (data_at, backup_at) = (data.display(), backup.display());
    let text = format!("{data_at} holds {as_of} of {backup_at}{damage}");
    Ok(Reply::new(
        text,
        json!({
            "data": data,
            "backup": backup,
            "accounts": accounts.len(),
            "damaged_frames": damaged_frames,
        }),
    ))
}

fn accounts(house: &House) -> Result<Vec<AccountId>, Failure> {
    Ok(house.store.view(AccountId::DIRECTORY)?.accounts()?)
}

fn refuse_if_served(data: &Path) -> Result<(), Failure> {
    if control::is_served(data) {
        return Err(Failure::of(
            data.display(),
            "a server runs on this data; stop it first",
        ));
    }
    Ok(())
}
