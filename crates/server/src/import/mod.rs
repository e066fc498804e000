//! Import.
use crate::administration::{Failure, Import, Reply, Watcher};
use crate::house::House;
pub fn run(_house: &House, _import: &Import, _watcher: Watcher<'_>) -> Result<Reply, Failure> {
    Err(Failure("import is not ready".to_owned()))
}
