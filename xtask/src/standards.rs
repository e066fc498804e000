//! `standards.tsv`: what facteur implements of which standard, and its table in the README.
//!
//! Tab-separated, one line a standard: `standard title status where note`; the status is `full`,
//! `part`, `planned` or, with the reason, `out`. Lines are appended by whoever first names a standard in a crate, so that a
//! standard may have several; the table sorts and joins them.

use crate::tidy::Finding;
use crate::{Failure, read};
use std::path::Path;

const FILE: &str = "standards.tsv";
const HEADER: &str = "standard\ttitle\tstatus\twhere\tnote";
const STATUS: &[&str] = &["full", "part", "planned", "out"];
const BEGIN: &str = "<!-- standards: written by `cargo xtask standards` -->\n";
const END: &str = "<!-- end of standards -->";

/// One line of the file.
#[derive(Debug)]
struct Row {
    standard: String,
    title: String,
    status: String,
    place: String,
    note: String,
}

/// All of `standards.tsv`.
#[derive(Debug)]
pub struct Table(Vec<Row>);

impl Table {
    /// Reads the file at the root.
    pub fn read(root: &Path) -> Result<Self, Failure> {
        Self::parse(&read(&root.join(FILE))?)
    }

    /// Takes the text apart; a failure names the line.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(format!(
                "{FILE}:1: must be the header: {}",
                HEADER.replace('\t', " <tab> ")
            ));
        }
        let mut rows: Vec<Row> = Vec::new();
        for (index, line) in lines.enumerate().filter(|(_, line)| !line.is_empty()) {
            let row = Row::parse(line).map_err(|fault| format!("{FILE}:{}: {fault}", index + 2))?;
            if rows.iter().any(|known| known.is_same_place(&row)) {
                return Err(format!(
                    "{FILE}:{}: {} stands here twice",
                    index + 2,
                    row.standard
                ));
            }
            rows.push(row);
        }
        rows.sort_by_key(Row::order);
        Ok(Self(rows))
    }

    /// True when the standard has a line.
    pub fn lists(&self, standard: &str) -> bool {
        self.0.iter().any(|row| row.standard == standard)
    }

    /// The table as it stands in the README.
    fn markdown(&self) -> String {
        let head = "| standard | title | state | note |\n|---|---|---|---|\n";
        let one_standard = |one: &Row, next: &Row| one.standard == next.standard;
        head.to_owned()
            + &self
                .0
                .chunk_by(one_standard)
                .map(table_line)
                .collect::<String>()
    }
}

/// One line of the README for all that is said of one standard.
fn table_line(rows: &[Row]) -> String {
    let Some(first) = rows.first() else {
        return String::new();
    };
    let name = first.standard.trim_matches(['[', ']']);
    let is_one = rows.iter().all(|row| row.status == first.status);
    let status = if is_one { &first.status } else { "part" };
    let notes = rows.iter().map(|row| row.note.as_str());
    let told: Vec<&str> = notes.filter(|note| !note.is_empty()).collect();
    format!(
        "| {name} | {} | {status} | {} |\n",
        first.title,
        told.join("; ")
    )
}

impl Row {
    /// True when both lines speak of one standard in one place.
    fn is_same_place(&self, other: &Self) -> bool {
        self.standard == other.standard && self.place == other.place
    }

    fn parse(line: &str) -> Result<Self, String> {
        let mut fields = line.split('\t').map(|field| field.trim().to_owned());
        let mut next = || fields.next().unwrap_or_default();
        let row = Self {
            standard: next(),
            title: next(),
            status: next(),
            place: next(),
            note: next(),
        };
        if fields.next().is_some() {
            return Err("more than five fields".into());
        }
        if row.standard.is_empty() || row.title.is_empty() {
            return Err("a standard needs its name and its title".into());
        }
        if !STATUS.contains(&row.status.as_str()) {
            return Err(format!("status must be one of {}", STATUS.join(", ")));
        }
        if row.status != "planned" && row.place.is_empty() {
            return Err("`where` must name the file or crate".into());
        }
        Ok(row)
    }

    /// By family, then by number, so that RFC 822 stands before RFC 5321.
    fn order(&self) -> (String, u32, String) {
        let digits: String = self.standard.chars().filter(char::is_ascii_digit).collect();
        let family = self
            .standard
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned();
        (family, digits.parse().unwrap_or(0), self.standard.clone())
    }
}

/// Writes the table between the README's markers.
pub fn write_readme(root: &Path) -> Result<(), Failure> {
    let path = root.join("README.md");
    let new = with_table(&read(&path)?, &Table::read(root)?)?;
    std::fs::write(&path, new).map_err(|error| format!("README.md: {error}"))
}

/// A finding when the README's table is not the file's.
pub fn check_readme(root: &Path, table: &Table) -> Result<Vec<Finding>, Failure> {
    let text = read(&root.join("README.md"))?;
    if with_table(&text, table)? == text {
        return Ok(Vec::new());
    }
    let message = "the table of standards is out of date: run `cargo xtask standards`".into();
    Ok(vec![Finding {
        path: "README.md".into(),
        line: 0,
        message,
    }])
}

/// The README with what stands between the markers replaced.
fn with_table(readme: &str, table: &Table) -> Result<String, Failure> {
    let missing = || {
        format!(
            "README.md: the lines {} and {END} must stand in it",
            BEGIN.trim_end()
        )
    };
    let (before, rest) = readme.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    Ok(format!(
        "{before}{BEGIN}\n{}\n{END}{after}",
        table.markdown()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lines: &str) -> Result<Table, Failure> {
        Table::parse(&format!("{HEADER}\n{lines}"))
    }

    #[test]
    fn a_line_that_breaks_the_form_is_refused_with_its_number() {
        for (lines, fault) in [
            ("RFC 1\tt\tdone\tw\t\n", "tsv:2: status"),
            ("RFC 1\tt\tfull\t\t\n", "tsv:2: `where`"),
            (
                "RFC 1\tt\tfull\tw\t\nRFC 1\tt\tfull\tw\t\n",
                "tsv:3: RFC 1 stands",
            ),
            ("RFC 1\tt\tfull\tw\tn\tx\n", "tsv:2: more"),
        ] {
            let told = table(lines).unwrap_err();
            assert!(told.contains(fault), "{told}");
        }
        assert!(Table::parse("RFC 1\tt\tfull\tw\t\n").is_err());
    }

    #[test]
    fn the_table_is_sorted_by_number() {
        let table = table("RFC 5321\tb\tfull\tsmtp\t\nRFC 822\ta\tpart\tx\tsome\n").unwrap();
        let text = table.markdown();
        assert!(text.find("| RFC 822 ").unwrap() < text.find("| RFC 5321 ").unwrap());
    }

    #[test]
    fn a_standard_of_two_crates_is_one_line_and_as_done_as_its_least_part() {
        let table = table("RFC 1\tt\tfull\ta\tx\nRFC 1\tu\tpart\tb\ty\n").unwrap();
        assert!(
            table
                .markdown()
                .ends_with("|\n| RFC 1 | t | part | x; y |\n")
        );
    }

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let readme = format!("top\n{BEGIN}old\n{END}\nbottom\n");
        let table = table("RFC 1\tt\tfull\tw\tn\n").unwrap();
        let new = with_table(&readme, &table).unwrap();
        assert!(new.starts_with("top\n") && new.ends_with("\nbottom\n") && !new.contains("old"));
        assert_eq!(with_table(&new, &table).unwrap(), new);
    }
}
