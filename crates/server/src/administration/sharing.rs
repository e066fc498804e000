//! Who may do what in the folders of an account.
//!
//! The rights are those that IMAP clients set and see; their letters are read by [`imap::rights`].
//!
//! Source: RFC 4314 §2 (identifiers), §2.1 (rights).

use super::folders::{folder_at, open};
use super::{Failure, Reply};
use crate::house::House;
use engine::{EngineError, FolderChange, Grantee, Reading, Rights};
use imap::codec::access::{Letters, RightsChange};
use imap::rights;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What people mean most often, in letters. Words come first: `write` could be letters too.
const WORDS: [(&str, &[u8]); 3] = [
    ("read", b"lrs"),
    ("write", b"lrswite"),
    ("all", b"lrswipkxtean"),
];
/// Takes an entry away.
const NOTHING: &str = "none";

/// What somebody is to be allowed, as it was typed.
pub struct Share {
    /// An address, `anyone` or `anonymous`.
    pub who: String,
    /// A word or letters.
    pub rights: String,
}

/// Replaces what somebody may do in a folder.
pub fn share(house: &House, address: &str, path: &str, share: Share) -> Result<Reply, Failure> {
    let Share { who, rights } = share;
    let account = open(house, address)?;
    let folder = folder_at(&account, path)?;
    let letters = letters(&rights)?;
    let grantee = rights::grantee(&who, house.engine.directory())?
        .ok_or_else(|| Failure::of(&who, "no such account or group"))?;
    if grantee == Grantee::Account(account.id()) {
        return Err(Failure::of(&who, "owners have every right"));
    }
    let changed = account.write(|txn| {
        let row = txn.folder(folder)?;
        let grants = match letters {
            Some(letters) => rights::changed(&row, grantee, RightsChange::Replace(letters)),
            None => rights::without(&row, grantee),
        };
        txn.set_grants(folder, grants)
    });
    changed.map_err(|why| Failure::of(path, why))?.wait()?;
    let text = letters.map(text).unwrap_or_default();
    Ok(Reply::new(
        "",
        json!({ "account": address, "path": path, "who": who, "rights": text }),
    ))
}

/// Whose reading counts in a folder that is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeenBy {
    /// Each reader's own; the owner's stays with the letters.
    Each,
    /// Everyone's.
    All,
}

/// Says whose reading counts in a folder.
pub fn seen(house: &House, address: &str, path: &str, by: SeenBy) -> Result<Reply, Failure> {
    let account = open(house, address)?;
    let folder = folder_at(&account, path)?;
    let change = FolderChange {
        read_by_each: Some(by == SeenBy::Each),
        ..FolderChange::default()
    };
    let changed = account.write(|txn| txn.update_folder(folder, &change));
    changed
        .map_err(|why: EngineError| Failure::of(path, why))?
        .wait()?;
    let each = by == SeenBy::Each;
    Ok(Reply::new(
        "",
        json!({ "account": address, "path": path, "read_by_each": each }),
    ))
}

/// Tells what others than the owner may do in a folder.
pub fn show(house: &House, address: &str, path: &str) -> Result<Reply, Failure> {
    let account = open(house, address)?;
    let folder = folder_at(&account, path)?;
    let row = account.read()?.folder(folder)?;
    let mut lines = Vec::new();
    let mut data = Vec::new();
    for grant in &row.grants {
        // Whom it was for may be gone.
        let Some(who) = rights::identifier(grant.grantee, house.engine.directory())? else {
            continue;
        };
        let (letters, word) = told(grant.rights);
        lines.push(match word {
            Some(word) => format!("{who}  {word} ({letters})"),
            None => format!("{who}  {letters}"),
        });
        data.push(json!({ "who": who, "rights": letters, "word": word }));
    }
    if lines.is_empty() {
        lines.push("only its owner may do anything with it".to_owned());
    } else if row.read_by_each {
        lines.push("what one has read is unread for the others".to_owned());
    }
    Ok(Reply::new(lines.join("\n"), Value::Array(data)))
}

/// The letters that a word stands for, or that were typed; `None` for no entry at all.
fn letters(typed: &str) -> Result<Option<Letters>, Failure> {
    if typed == NOTHING {
        return Ok(None);
    }
    let word = WORDS.iter().find(|(word, _)| *word == typed);
    let letters = word.map_or(typed.as_bytes(), |(_, letters)| letters);
    let read = Letters::read(letters).filter(|read| *read != Letters::default());
    let refuse = || {
        Failure::of(
            typed,
            "neither read, write, all or none, nor letters among lrswipkxtean",
        )
    };
    read.map(Some).ok_or_else(refuse)
}

/// Rights in letters, and in one word where there is one for exactly these.
fn told(rights: Rights) -> (String, Option<&'static str>) {
    let held = rights::letters_of(rights);
    let is_it = |(_, letters): &&(&str, &[u8])| Letters::read(letters) == Some(held);
    let word = WORDS.iter().find(is_it).map(|(word, _)| *word);
    (text(held), word)
}

/// The letters without the obsolete ones, which IMAP tells too (RFC 4314 §2.1.1).
fn text(held: Letters) -> String {
    let each = Letters::EACH
        .iter()
        .filter(|(one, _)| held.intersects(*one));
    each.map(|(_, letter)| *letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_letters_and_is_told_again() {
        for (word, expected) in WORDS {
            let read = letters(word).unwrap().unwrap();
            let (text, told) = told(rights::rights_of(read));
            assert_eq!((text.as_bytes(), told), (expected, Some(word)));
        }
        assert_eq!(letters("none"), Ok(None));
    }

    #[test]
    fn letters_are_taken_in_any_order_and_told_in_one() {
        let read = letters("srl").unwrap().unwrap();
        assert_eq!(told(rights::rights_of(read)), ("lrs".into(), Some("read")));
        let read = letters("lri").unwrap().unwrap();
        assert_eq!(told(rights::rights_of(read)), ("lri".into(), None));
    }

    #[test]
    fn what_is_neither_word_nor_letters_is_refused() {
        for typed in ["", "reed!", "lrz", "READ", "+r"] {
            assert!(letters(typed).is_err(), "{typed}");
        }
    }
}
