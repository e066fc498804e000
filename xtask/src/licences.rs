//! Licences and bans of everything that is linked in, by `deny.toml`.
//!
//! The file is cargo-deny's own, and `make test` runs cargo-deny where it is installed. Compiling
//! cargo-deny takes longer than compiling facteur, so the two checks that must always hold are also
//! made here, from `cargo metadata`.

use crate::tidy::Finding;
use crate::{Failure, read};
use serde_json::Value as Json;
use std::path::Path;
use std::process::Command;
use toml::{Table, Value};

/// The platform whose dependencies are built, tested and shipped.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// What `deny.toml` allows and bans.
struct Policy {
    allowed: Vec<String>,
    /// A crate and the licences beyond `allowed` that are accepted for it alone.
    exceptions: Vec<(String, Vec<String>)>,
    banned: Vec<String>,
}

/// Fails with every dependency that must not be linked.
pub fn run(root: &Path) -> Result<(), Failure> {
    let findings = check(root)?;
    if findings.is_empty() {
        return Ok(());
    }
    Err(findings
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n"))
}

/// Findings for all dependencies of the workspace.
pub fn check(root: &Path) -> Result<Vec<Finding>, Failure> {
    let policy = Policy::parse(&read(&root.join("deny.toml"))?)?;
    let metadata = metadata(root)?;
    let packages = metadata
        .get("packages")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    if packages.is_empty() {
        return Err("cargo metadata names no package".into());
    }
    Ok(packages
        .iter()
        .filter_map(|package| policy.complaint(package))
        .collect())
}

/// What cargo knows of the dependency graph.
fn metadata(root: &Path) -> Result<Json, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            PLATFORM,
        ])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

impl Policy {
    fn parse(text: &str) -> Result<Self, Failure> {
        let file: Table = text
            .parse()
            .map_err(|error| format!("deny.toml: {error}"))?;
        let licences = file
            .get("licenses")
            .ok_or("deny.toml: [licenses] is missing")?;
        let banned = file.get("bans").and_then(|bans| bans.get("deny"));
        Ok(Self {
            allowed: strings(licences.get("allow")),
            exceptions: tables(licences.get("exceptions"))
                .map(|entry| (crate_of(entry), strings(entry.get("allow"))))
                .collect(),
            banned: tables(banned).map(crate_of).collect(),
        })
    }

    /// What is wrong with one package of `cargo metadata`.
    fn complaint(&self, package: &Json) -> Option<Finding> {
        let text = |field: &str| {
            package
                .get(field)
                .and_then(Json::as_str)
                .unwrap_or_default()
        };
        let name = text("name");
        let message = if self.banned.iter().any(|banned| banned == name) {
            format!("{name} is banned")
        } else if !permits(text("license"), &|licence| self.accepts(name, licence)) {
            format!(
                "{name} {}: licence {:?} is not allowed",
                text("version"),
                text("license")
            )
        } else {
            return None;
        };
        Some(Finding {
            path: "deny.toml".into(),
            line: 0,
            message,
        })
    }

    fn accepts(&self, name: &str, licence: &str) -> bool {
        let holds = |list: &[String]| list.iter().any(|allowed| allowed == licence);
        holds(&self.allowed)
            || self
                .exceptions
                .iter()
                .any(|(only_for, list)| only_for == name && holds(list))
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let array = value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    array
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn tables(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

/// An entry's crate: `{ crate = "name" }`, or `"name"` alone.
fn crate_of(entry: &Value) -> String {
    let named = entry.get("crate").and_then(Value::as_str);
    named
        .or_else(|| entry.as_str())
        .unwrap_or_default()
        .to_owned()
}

/// True when a licence expression (SPDX, or the old form with `/`) can be met with accepted
/// licences.
///
/// Without parentheses `AND` binds closer than `OR`; with them, what stands inside is judged first.
fn permits(expression: &str, accepts: &dyn Fn(&str) -> bool) -> bool {
    let mut expression = expression.replace('/', " OR ");
    while let Some(close) = expression.find(')') {
        let Some(open) = expression.get(..close).and_then(|before| before.rfind('(')) else {
            return false;
        };
        let inner = expression.get(open + 1..close).unwrap_or_default();
        let verdict = if permits_flat(inner, accepts) {
            MET
        } else {
            UNMET
        };
        expression.replace_range(open..=close, verdict);
    }
    permits_flat(&expression, accepts)
}

/// Stand-ins for a judged parenthesis; no licence has these names.
const MET: &str = "\u{1}met";
const UNMET: &str = "\u{1}unmet";

fn permits_flat(expression: &str, accepts: &dyn Fn(&str) -> bool) -> bool {
    let met = |licence: &str| licence == MET || (licence != UNMET && accepts(licence));
    expression
        .split(" OR ")
        .any(|choice| choice.split(" AND ").all(|one| met(one.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_expression_is_met_by_what_is_accepted() {
        let accepts = |licence: &str| matches!(licence, "MIT" | "ISC");
        for good in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "ISC AND (MIT OR X)",
            "(MIT)",
        ] {
            assert!(permits(good, &accepts), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "ISC AND (X OR Y)",
            "MIT)",
            "(MIT",
        ] {
            assert!(!permits(bad, &accepts), "{bad}");
        }
    }

    #[test]
    fn a_banned_crate_and_a_foreign_licence_are_told() {
        let policy = Policy::parse(
            "[licenses]\nallow = ['MIT']\nexceptions = [{ crate = 'data', allow = ['Zlib'] }]\n\
             [bans]\ndeny = [{ crate = 'openssl' }]\n",
        )
        .unwrap();
        let told = |name: &str, licence: &str| {
            let package = serde_json::json!({"name": name, "version": "1", "license": licence});
            policy.complaint(&package).is_some()
        };
        assert!(!told("one", "MIT") && !told("data", "Zlib"));
        assert!(told("two", "GPL-3.0") && told("openssl", "MIT") && told("one", "Zlib"));
    }
}
