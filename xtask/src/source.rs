//! The project's Rust files as tidy sees them: what is code, what is comment, what is test.
//!
//! A scanner, not a parser: it knows comments, strings, characters and braces, which is all that
//! the walls need, and it cannot fail on code that does not compile yet.

use std::fs;
use std::path::{Path, PathBuf};

/// One Rust file.
pub struct SourceFile {
    /// Path below the workspace's folder, with `/`.
    pub path: String,
    /// The text as it stands.
    pub text: String,
    /// The text with the contents of comments, strings and characters blanked; same lines, same
    /// columns in characters.
    pub code: String,
    /// `code` without what is compiled for tests only.
    pub production: String,
}

impl SourceFile {
    /// Takes a file's text apart.
    pub fn new(path: String, text: String) -> Self {
        let code = blank_prose(&text);
        let production = if is_test_path(&path) {
            blank_all(&code)
        } else {
            blank_test_modules(&code)
        };
        Self {
            path,
            text,
            code,
            production,
        }
    }

    /// The crate that holds the file: `crates/NAME/…`, `simulation/…` or `xtask/…`.
    pub fn crate_name(&self) -> &str {
        let mut parts = self.path.split('/');
        match parts.next() {
            Some("crates") => parts.next().unwrap_or_default(),
            Some(first) => first,
            None => "",
        }
    }
}

/// All Rust files of the workspace, sorted by path.
pub fn rust_files(root: &Path) -> Result<Vec<SourceFile>, String> {
    let mut paths = Vec::new();
    for folder in ["crates", "simulation", "xtask", "fuzz"] {
        collect(&root.join(folder), &mut paths);
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = crate::read(&path)?;
            let below = path.strip_prefix(root).unwrap_or(&path);
            Ok(SourceFile::new(below.to_string_lossy().into_owned(), text))
        })
        .collect()
}

/// Gathers `.rs` files below `start`; a missing folder holds none.
fn collect(start: &Path, found: &mut Vec<PathBuf>) {
    let mut waiting = vec![start.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() && !path.ends_with("target") {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
}

/// True for files that only tests compile.
fn is_test_path(path: &str) -> bool {
    let in_test_folder = path
        .split('/')
        .any(|part| matches!(part, "tests" | "benches" | "fuzz" | "examples"));
    in_test_folder || path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// Where the scanner stands.
enum Mode {
    Code,
    LineComment,
    BlockComment { depth: usize },
    Quoted { quote: char },
    RawString { hashes: usize },
}

/// Replaces the contents of comments, strings and characters by spaces, keeping line ends.
fn blank_prose(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut mode = Mode::Code;
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let rest = characters.get(at..).unwrap_or_default();
        let (taken, next, keep) = step(&mode, rest, out.chars().next_back());
        for taken_character in rest.iter().take(taken) {
            let kept = keep || *taken_character == '\n';
            out.push(if kept { *taken_character } else { ' ' });
        }
        debug_assert!(taken > 0, "the scanner stands still at {character:?}");
        at += taken.max(1);
        mode = next.unwrap_or(mode);
    }
    out
}

/// One step: how many characters are taken, the new mode if it changes, and whether they are kept.
fn step(mode: &Mode, rest: &[char], before: Option<char>) -> (usize, Option<Mode>, bool) {
    match mode {
        Mode::Code => step_in_code(rest, before),
        Mode::LineComment if rest.first() == Some(&'\n') => (1, Some(Mode::Code), true),
        Mode::BlockComment { depth } if starts(rest, "/*") => {
            (2, Some(Mode::BlockComment { depth: depth + 1 }), false)
        }
        Mode::BlockComment { depth: 1 } if starts(rest, "*/") => (2, Some(Mode::Code), false),
        Mode::BlockComment { depth } if starts(rest, "*/") => {
            (2, Some(Mode::BlockComment { depth: depth - 1 }), false)
        }
        Mode::Quoted { .. } if rest.first() == Some(&'\\') => (2, None, false),
        Mode::Quoted { quote } if rest.first() == Some(quote) => (1, Some(Mode::Code), true),
        Mode::RawString { hashes } if closes_raw(rest, *hashes) => {
            (1 + hashes, Some(Mode::Code), true)
        }
        Mode::LineComment
        | Mode::BlockComment { .. }
        | Mode::Quoted { .. }
        | Mode::RawString { .. } => (1, None, false),
    }
}

fn step_in_code(rest: &[char], before: Option<char>) -> (usize, Option<Mode>, bool) {
    let inside_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if starts(rest, "//") {
        return (2, Some(Mode::LineComment), false);
    }
    if starts(rest, "/*") {
        return (2, Some(Mode::BlockComment { depth: 1 }), false);
    }
    if let Some((length, hashes)) = opens_raw(rest).filter(|_| !inside_word) {
        return (length, Some(Mode::RawString { hashes }), true);
    }
    match rest {
        ['"', ..] => (1, Some(Mode::Quoted { quote: '"' }), true),
        // A character and not a lifetime: 'x' or '\…'.
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (1, Some(Mode::Quoted { quote: '\'' }), true),
        _ => (1, None, true),
    }
}

fn starts(rest: &[char], pattern: &str) -> bool {
    pattern
        .chars()
        .enumerate()
        .all(|(index, wanted)| rest.get(index) == Some(&wanted))
}

/// The length of `r#"`, `br"` … at the start of `rest`, and how many hashes it has.
fn opens_raw(rest: &[char]) -> Option<(usize, usize)> {
    let letters = rest
        .iter()
        .take_while(|c| matches!(c, 'b' | 'r' | 'c'))
        .count();
    let is_raw = (1..=2).contains(&letters) && rest.get(letters - 1) == Some(&'r');
    let hashes = rest.iter().skip(letters).take_while(|c| **c == '#').count();
    let quote = rest.get(letters + hashes) == Some(&'"');
    (is_raw && quote).then_some((letters + hashes + 1, hashes))
}

fn closes_raw(rest: &[char], hashes: usize) -> bool {
    rest.first() == Some(&'"') && rest.iter().skip(1).take_while(|c| **c == '#').count() >= hashes
}

/// Everything but line ends as spaces.
fn blank_all(code: &str) -> String {
    code.chars()
        .map(|c| if c == '\n' { '\n' } else { ' ' })
        .collect()
}

/// Blanks each item that follows `#[cfg(test)]`, up to its closing brace or semicolon.
fn blank_test_modules(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        let (before, from) = rest.split_at(start);
        let (item, after) = from.split_at(item_length(from));
        out.push_str(before);
        out.push_str(&blank_all(item));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Bytes up to the end of the item at the start of `code`; to the end when its braces never close.
pub fn item_length(code: &str) -> usize {
    let mut depth = 0_usize; // Of all brackets, so that the `;` of an array's type ends nothing.
    for (index, character) in code.char_indices() {
        match character {
            '{' | '(' | '[' => depth += 1,
            '}' if depth <= 1 => return index + 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => return index + 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        SourceFile::new("crates/x/src/lib.rs".into(), text.into()).code
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        assert_eq!(code("a // imap\nb"), "a        \nb");
        assert_eq!(code("a /* x /* y */ z */ b"), "a                   b");
        assert_eq!(code("f(\"im\\\"ap\", b)"), "f(\"      \", b)");
        assert_eq!(code("r#\"a\"b\"# c"), "r#\"   \"# c");
    }

    #[test]
    fn a_lifetime_opens_no_character() {
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(code("'\"' x '\\'' y"), "' ' x '  ' y");
    }

    #[test]
    fn what_only_tests_compile_is_not_production() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}\n";
        let file = SourceFile::new("crates/x/src/lib.rs".into(), text.into());
        assert!(file.production.contains("fn a") && file.production.contains("fn c"));
        assert!(!file.production.contains("fn b"));
        assert_eq!(file.production.lines().count(), text.lines().count());
    }
}
