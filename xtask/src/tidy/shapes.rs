//! Shapes that make reading hard: reported, never refused.

use super::Finding;
use crate::source::{SourceFile, item_length};

/// Lines of a function, signature included; STYLE.md: "about 20, seldom over 60".
const FUNCTION_LINES: usize = 60;
/// Lines of a file.
const FILE_LINES: usize = 800;
/// Characters of a line.
const LINE_CHARACTERS: usize = 100;

/// What a reader would stumble over.
pub fn report(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let lines = file.text.lines().count();
        if lines > FILE_LINES {
            findings.push(Finding::whole(
                file.path.as_str(),
                format!("{lines} lines in a file"),
            ));
        }
        findings.extend(long_lines(file));
        findings.extend(long_functions(file));
    }
    findings
}

fn long_lines(file: &SourceFile) -> Vec<Finding> {
    let measured = file
        .text
        .lines()
        .map(|line| line.chars().count())
        .enumerate();
    measured
        .filter(|(_, length)| *length > LINE_CHARACTERS)
        .map(|(index, length)| Finding::at(file, index, format!("{length} characters in a line")))
        .collect()
}

fn long_functions(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, _) in file.production.match_indices("fn ") {
        let (before, from) = file.production.split_at(at);
        let starts_a_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let body = from.get(..item_length(from)).unwrap_or_default();
        let lines = body.lines().count();
        if starts_a_word && lines > FUNCTION_LINES {
            let name: String = from
                .chars()
                .skip(3)
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            let index = before.matches('\n').count();
            findings.push(Finding::at(
                file,
                index,
                format!("{lines} lines in `{name}`"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_function_is_reported_with_its_name_and_line() {
        let text = format!("fn a() {{}}\nfn long() {{\n{}}}\n", "x();\n".repeat(70));
        let file = SourceFile::new("crates/imap/src/a.rs".into(), text);
        let findings = long_functions(&file);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].line, findings[0].message.as_str()),
            (2, "72 lines in `long`")
        );
    }
}
