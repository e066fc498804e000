//! Purity: below the server nothing reads clock, random, network, files or environment, except the
//! store's one file that implements them; nowhere is there `unsafe`, and every `allow` says why.

use super::Finding;
use crate::source::SourceFile;

/// Pieces of code that reach for the outside world, and what to take instead.
const WORLD: &[(&str, &str)] = &[
    ("SystemTime::now", "store::world::Clock"),
    ("Instant::now", "store::world::Clock"),
    ("thread::sleep", "an event, not time"),
    (
        "thread::spawn",
        "a step function that the server gives a thread",
    ),
    ("std::fs", "store::world::Vfs"),
    ("rustix::fs", "store::world::Vfs"),
    ("File::open", "store::world::Vfs"),
    ("File::create", "store::world::Vfs"),
    ("OpenOptions", "store::world::Vfs"),
    ("TcpStream", "the dialogue's Input and Output"),
    ("TcpListener", "the dialogue's Input and Output"),
    ("UdpSocket", "the dialogue's Input and Output"),
    ("UnixStream", "the dialogue's Input and Output"),
    ("ToSocketAddrs", "the dialogue's Ask"),
    ("getrandom::", "store::world::Rng"),
    ("rand::", "store::world::Rng"),
    ("thread_rng", "store::world::Rng"),
    ("env::var", "an argument"),
    ("env::args", "an argument"),
    ("process::Command", "nothing: no program is ever run"),
];

/// Crates that may meet the world: the binary, and what developers run.
const OUTER: &[&str] = &["server", "simulation", "xtask", "fuzz"];

/// Checks all files.
pub fn check(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut real_files_place = None;
    for file in files {
        findings.extend(unsafe_code(file));
        findings.extend(unexplained_allows(file));
        if OUTER.contains(&file.crate_name()) {
            continue;
        }
        let reached = reaches_out(file);
        // The store implements `Vfs` on real files in exactly one file.
        let is_the_place = file.crate_name() == "store"
            && !reached.is_empty()
            && *real_files_place.get_or_insert(file.path.as_str()) == file.path;
        if !is_the_place {
            findings.extend(reached);
        }
    }
    findings
}

/// Lines that reach for the outside world.
fn reaches_out(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.production.lines().enumerate() {
        for (pattern, instead) in WORLD.iter().filter(|(pattern, _)| holds(line, pattern)) {
            findings.push(Finding::at(
                file,
                index,
                format!("`{pattern}` below the server: take {instead}"),
            ));
        }
    }
    findings
}

/// True when `pattern` stands in `line` and not as the tail of a longer name.
fn holds(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line.get(..at).and_then(|start| start.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// `unsafe` anywhere, tests included.
fn unsafe_code(file: &SourceFile) -> Vec<Finding> {
    let word = |line: &str| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|name| name == "unsafe")
    };
    let lines = file.code.lines().enumerate().filter(|(_, line)| word(line));
    lines
        .map(|(index, _)| Finding::at(file, index, "no `unsafe`"))
        .collect()
}

/// `allow` and `expect` of a lint without a comment on the line above, on the same line, or a
/// `reason`.
fn unexplained_allows(file: &SourceFile) -> Vec<Finding> {
    let text: Vec<&str> = file.text.lines().collect();
    let is_allow = |line: &str| {
        ["#[allow(", "#![allow(", "#[expect(", "#![expect("]
            .iter()
            .any(|start| line.contains(start))
    };
    let code: Vec<&str> = file.code.lines().collect();
    let attributes = code.iter().enumerate().filter(|(_, line)| is_allow(line));
    attributes
        .filter(|(index, _)| !is_explained(&text, &code, *index))
        .map(|(index, _)| {
            Finding::at(
                file,
                index,
                "an `allow` needs its reason in a comment above it",
            )
        })
        .collect()
}

/// True when the attribute that begins on line `index` says why, or a comment beside it does.
fn is_explained(text: &[&str], code: &[&str], index: usize) -> bool {
    let line = |index: Option<usize>| index.and_then(|at| text.get(at)).copied();
    let beside = [line(index.checked_sub(1)), line(Some(index))];
    let has_comment = |line: &&str| line.contains("// ") || line.contains("//! ");
    let length = code
        .iter()
        .skip(index)
        .take_while(|line| !line.contains(")]"))
        .count();
    let attribute = code.iter().skip(index).take(length + 1);
    beside.iter().flatten().any(has_comment)
        || attribute.into_iter().any(|part| part.contains("reason"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile::new(path.into(), text.into())
    }

    #[test]
    fn the_clock_below_the_server_is_refused() {
        let text = "fn f() { let t = std::time::Instant::now(); }";
        assert_eq!(check(&[file("crates/engine/src/a.rs", text)]).len(), 1);
        assert_eq!(check(&[file("crates/server/src/a.rs", text)]).len(), 0);
    }

    #[test]
    fn the_store_may_touch_files_in_one_place_only() {
        let one = file("crates/store/src/disk.rs", "use std::fs;");
        let two = file("crates/store/src/model/mod.rs", "use std::fs;");
        assert_eq!(check(&[one]).len(), 0);
        let one = file("crates/store/src/disk.rs", "use std::fs;");
        assert_eq!(check(&[one, two]).len(), 1);
    }

    #[test]
    fn an_allow_needs_a_reason() {
        let bare = "fn a() {}\n#[allow(dead_code)]\nfn f() {}";
        let told = "fn a() {}\n// Kept for the reader.\n#[allow(dead_code)]\nfn f() {}";
        let with_reason = "#[expect(\n dead_code,\n reason = \"kept\"\n)]\nfn f() {}";
        assert_eq!(check(&[file("crates/imap/src/a.rs", bare)]).len(), 1);
        assert_eq!(check(&[file("crates/imap/src/a.rs", told)]).len(), 0);
        assert_eq!(check(&[file("crates/imap/src/a.rs", with_reason)]).len(), 0);
    }

    #[test]
    fn unsafe_is_refused_even_in_tests() {
        let text = "#[cfg(test)]\nmod tests { fn f() { unsafe {} } }";
        assert_eq!(check(&[file("crates/imap/src/a.rs", text)]).len(), 1);
    }
}
