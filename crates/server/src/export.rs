//! Export.
use crate::administration::{Export, Failure, Reply, Watcher};
use crate::house::House;
pub fn run(_house: &House, _export: &Export, _watcher: Watcher<'_>) -> Result<Reply, Failure> {
    Err(Failure("export is not ready".to_owned()))
}
