//! Names: no drawers where anything fits, and no protocol's word where all protocols meet.

use super::Finding;
use crate::source::SourceFile;
use std::path::Path;

/// A file, folder or crate of this name would hold whatever had no place.
const DRAWERS: &[&str] = &[
    "common", "util", "utils", "types", "helper", "helpers", "misc", "manager", "managers",
];

/// Words of one protocol. Below the protocols all speak of folders, items and changes.
const PROTOCOL_WORDS: &[&str] = &[
    "imap",
    "smtp",
    "lmtp",
    "pop",
    "pop3",
    "jmap",
    "dav",
    "caldav",
    "carddav",
    "webdav",
    "mapi",
    "sieve",
    "managesieve",
];
/// Crates in which no protocol word may be part of a name.
const NEUTRAL: &[&str] = &["store", "engine"];
/// Whole names that only look like a protocol's word: the queue and stack operations of the
/// standard library.
const NOT_A_PROTOCOL: &[&str] = &[
    "pop",
    "pop_front",
    "pop_back",
    "pop_first",
    "pop_last",
    "pop_if",
];

/// Checks paths and names.
pub fn check(root: &Path, files: &[SourceFile]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files.iter().filter_map(drawer).collect();
    findings.extend(crate_drawers(root));
    for file in files
        .iter()
        .filter(|file| NEUTRAL.contains(&file.crate_name()))
    {
        findings.extend(protocol_words(file));
    }
    findings
}

/// A file or folder whose name says nothing.
fn drawer(file: &SourceFile) -> Option<Finding> {
    let part = file
        .path
        .trim_end_matches(".rs")
        .split('/')
        .find(|part| DRAWERS.contains(part))?;
    Some(Finding::whole(
        file.path.as_str(),
        format!("`{part}` says nothing: name what it is about"),
    ))
}

/// A crate whose name says nothing, even while it has no source.
fn crate_drawers(root: &Path) -> Vec<Finding> {
    let Ok(entries) = std::fs::read_dir(root.join("crates")) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| DRAWERS.contains(&name.as_str()))
        .map(|name| {
            Finding::whole(
                format!("crates/{name}"),
                "a crate needs a name that says something",
            )
        })
        .collect()
}

/// Identifiers that hold a protocol's word.
fn protocol_words(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.production.lines().enumerate() {
        for name in identifiers(line) {
            let Some(word) = protocol_word(name) else {
                continue;
            };
            findings.push(Finding::at(
                file,
                index,
                format!("`{name}` speaks of {word}: below the protocols say what all of them mean"),
            ));
        }
    }
    findings
}

fn identifiers(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|name| !name.is_empty())
}

/// The protocol word in `name`, which may be `snake_case`, `CamelCase` or `CAPITALS`.
fn protocol_word(name: &str) -> Option<&'static str> {
    if NOT_A_PROTOCOL.contains(&name) {
        return None;
    }
    let words = words(name);
    PROTOCOL_WORDS
        .iter()
        .find(|word| words.iter().any(|part| part == *word))
        .copied()
}

/// The words of an identifier in small letters.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_was_small = false;
    for character in name.chars() {
        if character == '_' || (character.is_uppercase() && before_was_small) {
            words.push(String::new());
        }
        before_was_small = character.is_lowercase() || character.is_numeric();
        if let Some(last) = words.last_mut().filter(|_| character != '_') {
            last.extend(character.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_word_is_found_in_every_way_of_writing() {
        for name in [
            "imap_uid",
            "ImapUid",
            "IMAP_UID",
            "uid_of_imap",
            "Pop3",
            "MapiId",
        ] {
            assert!(protocol_word(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_word_that_only_contains_one_is_left_alone() {
        for name in ["popular", "pop_front", "davit", "bitmap", "uid_validity"] {
            assert_eq!(protocol_word(name), None, "{name}");
        }
    }

    #[test]
    fn comments_and_tests_may_name_protocols() {
        let text = "// imap_x\nfn f() {}\n#[cfg(test)]\nmod tests { fn imap_y() {} }\n";
        let file = SourceFile::new("crates/store/src/x.rs".into(), text.into());
        assert_eq!(protocol_words(&file), []);
    }

    #[test]
    fn a_drawer_is_refused_as_file_and_as_folder() {
        for path in ["crates/store/src/util.rs", "crates/store/src/common/key.rs"] {
            assert!(
                drawer(&SourceFile::new(path.into(), String::new())).is_some(),
                "{path}"
            );
        }
    }
}
