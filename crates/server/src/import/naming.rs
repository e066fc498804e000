//! Folders' names ⇄ names of files, the same for import and export.
//!
//! Maildir++ joins names by `.` and writes them in modified UTF-7; a dot or slash within a name is
//! written in it as well, as Courier does. mbox files are named like their folder, with `.mbox`
//! behind.
//!
//! Start at [`to_maildir`] and [`to_file`].
//!
//! Standards: RFC 3501 §5.1.3 (modified UTF-7).

use imap::codec::mailbox::{decode_utf7, encode_utf7};

/// What may not stand in a file's name, or separates folders there, in modified UTF-7.
const SPELLED: [(char, &str); 2] = [('.', "&AC4-"), ('/', "&AC8-")];

/// Ends the names of mbox files.
const MBOX: &str = ".mbox";

/// The name of a folder's folder below the Maildir: `.Sent.2024`.
pub fn to_maildir(path: &[String]) -> String {
    let mut file = String::new();
    for name in path {
        file.push('.');
        file.push_str(&spell(name));
    }
    file
}

/// The names that a folder below a Maildir stands for: `.Sent.2024`, or `Sent` where folders stand
/// in folders.
pub fn from_maildir(file: &str) -> Vec<String> {
    match file.strip_prefix('.') {
        Some(names) => names
            .split('.')
            .filter(|name| !name.is_empty())
            .map(read)
            .collect(),
        None => vec![read(file)],
    }
}

/// The folder that a line of a list of subscriptions names: `Sent.2024`, `Sent/2024`, or with tabs
/// between.
pub fn from_subscription(line: &str) -> Vec<String> {
    let names = line.split(['.', '/', '\t']);
    names.filter(|name| !name.is_empty()).map(read).collect()
}

fn spell(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(place) = rest.find(['.', '/']) {
        let (plain, behind) = rest.split_at(place);
        spelled.push_str(&encode_utf7(plain));
        let mut behind = behind.chars();
        let found = behind.next();
        let word = SPELLED.iter().find(|(char, _)| Some(*char) == found);
        spelled.push_str(word.map_or("", |(_, word)| word));
        rest = behind.as_str();
    }
    spelled.push_str(&encode_utf7(rest));
    spelled
}

/// A name that is no modified UTF-7 is taken as it stands.
fn read(spelled: &str) -> String {
    let pieces = spelled.split("&AC4-").map(|piece| {
        let pieces = piece
            .split("&AC8-")
            .map(|piece| decode_utf7(piece.as_bytes()));
        Some(pieces.collect::<Option<Vec<_>>>()?.join("/"))
    });
    let read = pieces.collect::<Option<Vec<_>>>();
    read.map_or_else(|| spelled.to_owned(), |pieces| pieces.join("."))
}

/// The name of a folder as a file's: no separator, no dot at its beginning.
pub fn to_file(name: &str) -> String {
    let mut file = String::with_capacity(name.len());
    for (index, char) in name.chars().enumerate() {
        match char {
            '%' => file.push_str("%25"),
            '/' => file.push_str("%2F"),
            '.' if index == 0 => file.push_str("%2E"),
            char => file.push(char),
        }
    }
    file
}

/// The name of a folder's mbox file.
pub fn to_mbox(name: &str) -> String {
    to_file(name) + MBOX
}

/// The folder that a file or folder is named after; Thunderbird calls the folder of what is below
/// `X.sbd`.
pub fn from_file(file: &str) -> String {
    let name = file
        .strip_suffix(MBOX)
        .or_else(|| file.strip_suffix(".sbd"))
        .unwrap_or(file);
    name.replace("%2E", ".")
        .replace("%2F", "/")
        .replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn maildir_folders_are_joined_by_dots() {
        assert_eq!(from_maildir(".Sent.2024"), ["Sent", "2024"]);
        assert_eq!(from_maildir(".&ZeVnLIqe-"), ["日本語"]);
        assert_eq!(from_maildir("Sent"), ["Sent"]);
        assert_eq!(
            to_maildir(&["a.b".to_owned(), "c/d".to_owned()]),
            ".a&AC4-b.c&AC8-d"
        );
    }

    #[test]
    fn a_name_that_is_no_modified_utf7_is_taken_as_it_stands() {
        assert_eq!(from_maildir(".R&D"), ["R&D"]);
        assert_eq!(from_maildir(".日本"), ["日本"]);
    }

    #[test]
    fn a_file_is_never_hidden_nor_above_its_folder() {
        assert_eq!(to_file(".."), "%2E.");
        assert_eq!(to_file("a/../b"), "a%2F..%2Fb");
    }

    proptest! {
        #[test]
        fn every_name_comes_back(path in prop::collection::vec("\\PC{1,12}", 1..4)) {
            prop_assert_eq!(from_maildir(&to_maildir(&path)), path.clone());
            for name in &path {
                prop_assert_eq!(&from_file(&to_mbox(name)), name);
            }
        }

        #[test]
        fn names_with_separators_come_back(name in "[a./&%-]{1,12}") {
            let path = vec![name.clone()];
            prop_assert_eq!(from_maildir(&to_maildir(&path)), path);
            prop_assert_eq!(from_file(&to_mbox(&name)), name);
        }
    }
}
