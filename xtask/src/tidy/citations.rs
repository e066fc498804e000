//! Every standard that the code names stands in `standards.tsv`, so that the table never promises
//! less or more than the code knows of.

use super::Finding;
use crate::source::SourceFile;
use crate::standards::Table;

/// Checks what the product's sources cite; this crate's own examples don't count.
pub fn check(files: &[SourceFile], table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.crate_name() != "xtask") {
        for (index, line) in file.text.lines().enumerate() {
            for name in cited(line).into_iter().filter(|name| !table.lists(name)) {
                let message = format!("{name} is named here but not listed in standards.tsv");
                findings.push(Finding::at(file, index, message));
            }
        }
    }
    findings
}

/// The standards that a line names: `RFC 9051`, `[MS-OXCROPS]`.
fn cited(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in line.match_indices("RFC ") {
        let digits: String = line
            .get(at + 4..)
            .unwrap_or_default()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        if !digits.is_empty() {
            names.push(format!("RFC {digits}"));
        }
    }
    for (at, _) in line.match_indices("[MS-") {
        let rest = line.get(at..).unwrap_or_default();
        let end = rest.find(']').unwrap_or_default();
        names.extend(
            rest.get(..=end)
                .filter(|name| name.len() > 5)
                .map(str::to_owned),
        );
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_of_standards_are_seen() {
        assert_eq!(
            cited("// RFC 9051 §6.4.6; [MS-OXCROPS] 2.2"),
            ["RFC 9051", "[MS-OXCROPS]"]
        );
        assert_eq!(cited("FETCH 1 RFC822.SIZE, RFC n"), Vec::<String>::new());
    }

    #[test]
    fn an_unlisted_standard_is_a_finding() {
        let table =
            Table::parse("standard\ttitle\tstatus\twhere\tnote\nRFC 1\ta\tfull\tx\t\n").unwrap();
        let text = "// RFC 1 and RFC 2\n";
        let files = [SourceFile::new("crates/imap/src/a.rs".into(), text.into())];
        let findings = check(&files, &table);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, 1);
    }
}
