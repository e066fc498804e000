//! try.
use crate::administration::Failure;
use std::path::PathBuf;
pub fn run(_data: Option<PathBuf>, _port_base: u16, _json: bool) -> Result<(), Failure> {
    Err(Failure("not ready".to_owned()))
}
