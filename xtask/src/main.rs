//! Chores of the house, run by developers and by `make test`: `cargo xtask NAME`.
//!
//! Not part of the server and never linked into it, so it may read files and print.
//! Start at [`CHORES`]: one line for each chore, one module behind it.

// A developer's tool: it reads the source tree and runs cargo.
#![allow(clippy::disallowed_methods)]

mod crash;
mod licences;
mod source;
mod standards;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What a chore says when it fails: whole lines, ready to print.
pub type Failure = String;

/// One chore: the word on the command line, what it is for, and the work.
struct Chore {
    name: &'static str,
    summary: &'static str,
    run: fn(&Path) -> Result<(), Failure>,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "tidy",
        summary: "check the walls of the house; report long functions, files and lines",
        run: tidy::run,
    },
    Chore {
        name: "standards",
        summary: "write the README's table of standards from standards.tsv",
        run: standards::write_readme,
    },
    Chore {
        name: "licences",
        summary: "check licences and bans of all dependencies against deny.toml",
        run: licences::run,
    },
    Chore {
        name: "crash",
        summary: "kill the server under load and hold it against a ledger [KILLS] [SEED]",
        run: crash::run,
    },
];

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let Some(chore) = CHORES.iter().find(|chore| chore.name == wanted) else {
        eprintln!("usage: cargo xtask CHORE");
        for chore in CHORES {
            eprintln!("  {:<10} {}", chore.name, chore.summary);
        }
        return ExitCode::from(2);
    };
    match (chore.run)(&root()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace: the parent of this crate's.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Reads a text file; the failure names it.
fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
