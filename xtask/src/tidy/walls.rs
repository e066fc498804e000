//! Who may depend on whom, read from each crate's `Cargo.toml`.
//!
//! Only what is built into the server counts: a test may build a store in memory
//! (`dev-dependencies`).

use super::Finding;
use crate::{Failure, read};
use std::path::Path;
use toml::{Table, Value};

/// What each layer may use of the workspace. A protocol crate is one that is not listed here.
const LAYERS: &[(&str, &[&str])] = &[
    ("formats", &[]),
    ("store", &[]),
    ("engine", &["formats", "store"]),
    ("xtask", &[]),
    ("simulation", &["formats", "store", "engine"]),
];
/// What a protocol crate may use of the workspace: never `store`, never another protocol.
const PROTOCOL_MAY_USE: &[&str] = &["engine", "formats"];

/// Outside crates (by the start of their names) that open sockets, speak TLS, DNS or HTTP, draw
/// random numbers or run tasks: the server's alone.
const SERVER_ONLY: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "rustls",
    "tokio-rustls",
    "openssl",
    "native-tls",
    "rcgen",
    "hyper",
    "axum",
    "tower",
    "http",
    "reqwest",
    "hickory",
    "getrandom",
    "rand",
    "fastrand",
    "clap",
    "indicatif",
    "tracing-subscriber",
];
/// Storage libraries: the store's alone.
const STORE_ONLY: &[&str] = &[
    "redb",
    "fjall",
    "sled",
    "rocksdb",
    "rusqlite",
    "heed",
    "tantivy",
    "object_store",
    "tokio-postgres",
];

/// Checks every crate below `crates/`, `xtask`, and `simulation` where there is one.
pub fn check(root: &Path) -> Result<Vec<Finding>, Failure> {
    let mut members = vec!["xtask".to_owned()];
    if root.join("simulation").exists() {
        members.push("simulation".to_owned());
    }
    let entries =
        std::fs::read_dir(root.join("crates")).map_err(|error| format!("crates: {error}"))?;
    for entry in entries.flatten() {
        members.push(format!("crates/{}", entry.file_name().to_string_lossy()));
    }
    members.sort();
    let workspace: Vec<String> = members
        .iter()
        .map(|path| last_part(path).to_owned())
        .collect();
    let mut findings = Vec::new();
    for member in &members {
        let path = format!("{member}/Cargo.toml");
        let manifest: Table = read(&root.join(&path))?
            .parse()
            .map_err(|error| format!("{path}: {error}"))?;
        let used = dependencies(&manifest);
        for complaint in complaints(last_part(member), &used, &workspace) {
            findings.push(Finding::whole(path.as_str(), complaint));
        }
    }
    Ok(findings)
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The names a crate is built with: `dependencies` and `build-dependencies`, for each target.
fn dependencies(manifest: &Table) -> Vec<String> {
    let mut tables = vec![manifest];
    if let Some(targets) = manifest.get("target").and_then(Value::as_table) {
        tables.extend(targets.values().filter_map(Value::as_table));
    }
    let mut names = Vec::new();
    for table in tables {
        for section in ["dependencies", "build-dependencies"] {
            let Some(section) = table.get(section).and_then(Value::as_table) else {
                continue;
            };
            names.extend(section.iter().map(|(name, value)| real_name(name, value)));
        }
    }
    names
}

/// A renamed dependency counts under its real name.
fn real_name(name: &str, value: &Value) -> String {
    value
        .get("package")
        .and_then(Value::as_str)
        .unwrap_or(name)
        .to_owned()
}

/// What is wrong with the dependencies of one crate.
fn complaints(member: &str, used: &[String], workspace: &[String]) -> Vec<String> {
    used.iter()
        .filter_map(|name| {
            if workspace.contains(name) {
                inner_edge(member, name)
            } else {
                outer_edge(member, name)
            }
        })
        .collect()
}

fn inner_edge(member: &str, name: &str) -> Option<String> {
    if matches!(name, "simulation" | "xtask") {
        return Some(format!(
            "{name} is for developers only: make it a dev-dependency"
        ));
    }
    if member == "server" {
        return None;
    }
    let allowed = LAYERS
        .iter()
        .find(|(layer, _)| *layer == member)
        .map_or(PROTOCOL_MAY_USE, |(_, allowed)| *allowed);
    (!allowed.contains(&name)).then(|| format!("{member} must not depend on {name}"))
}

fn outer_edge(member: &str, name: &str) -> Option<String> {
    let listed = |list: &[&str]| {
        list.iter()
            .any(|start| name == *start || name.starts_with(&format!("{start}-")))
    };
    if member != "server" && listed(SERVER_ONLY) {
        return Some(format!("only server may depend on {name}"));
    }
    if member != "store" && listed(STORE_ONLY) {
        return Some(format!("only store may depend on {name}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints_of(member: &str, names: &[&str]) -> usize {
        let workspace = [
            "formats",
            "store",
            "engine",
            "imap",
            "smtp",
            "server",
            "simulation",
        ];
        let used: Vec<String> = names.iter().map(ToString::to_string).collect();
        complaints(member, &used, &workspace.map(str::to_owned)).len()
    }

    #[test]
    fn a_protocol_uses_engine_and_formats_only() {
        assert_eq!(complaints_of("imap", &["engine", "formats", "bytes"]), 0);
        assert_eq!(complaints_of("imap", &["store"]), 1);
        assert_eq!(complaints_of("imap", &["smtp"]), 1);
    }

    #[test]
    fn only_the_server_meets_the_world() {
        assert_eq!(
            complaints_of("server", &["tokio", "rustls", "store", "imap"]),
            0
        );
        assert_eq!(
            complaints_of("engine", &["tokio", "tokio-rustls", "getrandom"]),
            3
        );
        assert_eq!(complaints_of("server", &["simulation"]), 1);
    }

    #[test]
    fn only_the_store_knows_its_database() {
        assert_eq!(complaints_of("store", &["redb"]), 0);
        assert_eq!(complaints_of("server", &["redb"]), 1);
        assert_eq!(complaints_of("store", &["formats"]), 1);
    }

    #[test]
    fn a_renamed_dependency_counts_under_its_real_name() {
        let manifest: Table = "[target.'cfg(unix)'.dependencies]\nt = { package = 'tokio' }"
            .parse()
            .unwrap();
        assert_eq!(dependencies(&manifest), ["tokio"]);
    }
}
