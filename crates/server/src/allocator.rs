//! How long the allocator keeps memory that nobody uses.
//!
//! It gives back what lay idle for a second. A command now and then, as people give them, then has
//! each page of its memory taken, cleared and given back: a fifth of what a COPY costs. The allocator
//! reads its settings from the environment, when the process begins and never again, and can be told
//! otherwise by unsafe code only; so the program begins anew with them, under the same process id.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Names the milliseconds that memory is kept; what an administrator sets is left alone.
const DELAY: &str = "MIMALLOC_PURGE_DELAY";
/// Longer than people think between commands; what a large import took is soon given back all the
/// same.
const DELAY_MILLISECONDS: &str = "10000";

/// Has memory kept for a while. To be called before anything else is done: it starts the program
/// again, at most once.
pub fn keep_memory_awhile() {
    if env::var_os(DELAY).is_some() {
        return;
    }
    let (Ok(program), mut arguments) = (env::current_exe(), env::args_os()) else {
        return;
    };
    let name = arguments.next().unwrap_or_default();
    let mut again = Command::new(program);
    again
        .arg0(name)
        .args(arguments)
        .env(DELAY, DELAY_MILLISECONDS);
    // It only comes back if that failed. All is done the same without it, only slower.
    let _ = again.exec();
}
