//! `cargo xtask tidy`: the walls of the house as a test.
//!
//! A broken wall fails: who may depend on whom, clock and files and network and randomness below
//! the server, names, `unsafe`, unexplained `allow`, unlisted standards. Shapes (long functions,
//! files, lines) are only reported: clarity may ask for something else.
//!
//! Sources: ARCHITECTURE.md (one chain, one fan), STYLE.md.

mod citations;
mod names;
mod purity;
mod shapes;
mod tests_named;
mod walls;

use crate::source::{self, SourceFile};
use crate::{Failure, licences, standards};
use std::fmt;
use std::path::Path;

/// A rule that does not hold at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// File below the workspace's folder.
    pub path: String,
    /// Line, from 1; 0 for the whole file.
    pub line: usize,
    /// What is wrong and what to do instead.
    pub message: String,
}

impl Finding {
    /// A finding at a line counted from 0, as `enumerate` gives it.
    fn at(file: &SourceFile, index: usize, message: impl Into<String>) -> Self {
        Self {
            path: file.path.clone(),
            line: index + 1,
            message: message.into(),
        }
    }

    /// A finding about a whole file.
    fn whole(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: 0,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// Prints the shapes; fails with every broken wall.
pub fn run(root: &Path) -> Result<(), Failure> {
    let files = source::rust_files(root)?;
    let reported = shapes::report(&files);
    for finding in &reported {
        println!("shape: {finding}");
    }
    let broken = broken_walls(root, &files)?;
    println!(
        "tidy: {} files, {} shapes reported, {} walls broken",
        files.len(),
        reported.len(),
        broken.len()
    );
    if broken.is_empty() {
        return Ok(());
    }
    Err(broken
        .iter()
        .map(|finding| format!("broken: {finding}"))
        .collect::<Vec<_>>()
        .join("\n"))
}

/// Every rule that must hold.
fn broken_walls(root: &Path, files: &[SourceFile]) -> Result<Vec<Finding>, Failure> {
    let table = standards::Table::read(root)?;
    let mut broken = walls::check(root)?;
    broken.extend(names::check(root, files));
    broken.extend(purity::check(files));
    broken.extend(citations::check(files, &table));
    broken.extend(tests_named::check(files));
    broken.extend(standards::check_readme(root, &table)?);
    broken.extend(licences::check(root)?);
    Ok(broken)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_walls_stand() {
        if let Err(failure) = super::run(&crate::root()) {
            panic!("\n{failure}");
        }
    }
}
