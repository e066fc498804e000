//! Writes a Maildir++ as Dovecot keeps it, with its lists of keywords and UIDs, so that neither
//! Dovecot nor the import gives any letter a new number.
//!
//! Start at [`write`]. Source: the Maildir specification (cr.yp.to/proto/maildir.html) and
//! Dovecot's documentation of its additions.

use super::letter::{Outgoing, Written};
use super::{Mailbox, target};
use crate::administration::Failure;
use crate::import::{OTHER_KEYWORDS, naming};
use engine::account::Folder;
use engine::{Flags, ItemRow, RetrievalNames, Role, Shelf, Uid};
use formats::mailbox_file::maildir::{FileName, Flags as Letters, KEYWORDS_MAX, format_keywords};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

/// Keywords that the format has letters of its own for.
const FORWARDED: &str = "$Forwarded";

/// Writes all folders.
pub fn write(mailbox: &mut Mailbox<'_>, target: &Path) -> Result<(), Failure> {
    let mut subscribed = String::new();
    for folder in mailbox.folders() {
        let name = match folder.row.role {
            Role::Inbox => String::new(),
            _ => naming::to_maildir(&folder.path),
        };
        if folder.row.subscribed {
            let shown = name.strip_prefix('.').unwrap_or("INBOX");
            let _ = writeln!(subscribed, "{shown}");
        }
        let shown = folder.path.join("/");
        write_folder(mailbox, &folder, &target.join(name))
            .map_err(|why| Failure::of(format_args!("folder {shown}"), why))?;
    }
    list(&target.join("subscriptions"), &subscribed)
}

fn write_folder(mailbox: &mut Mailbox<'_>, folder: &Folder, place: &Path) -> Result<(), Failure> {
    for part in ["cur", "new", "tmp"] {
        made(target::folder(&place.join(part)))?;
    }
    if folder.row.role != Role::Inbox {
        // Tells delivery programs that this is a folder and no Maildir of its own.
        list(&place.join("maildirfolder"), "")?;
    }
    let mut lists = Lists::of(folder);
    mailbox.for_each(folder, &mut |mailbox, uid, row| {
        write_letter(mailbox, uid, row, place, &mut lists)
    })?;
    lists.write(place)
}

fn write_letter(
    mailbox: &Mailbox<'_>,
    uid: Uid,
    row: &ItemRow,
    place: &Path,
    lists: &mut Lists,
) -> Result<Written, Failure> {
    let letter = Outgoing::open(&mailbox.account, row)?;
    let unique = format!(
        "{}.U{}I{}.facteur,S={},W={}",
        row.received.seconds().max(0),
        uid.0,
        row.item.0,
        letter.file_size,
        letter.size()
    );
    let keywords = mailbox.keywords(row);
    let name = FileName {
        flags: letters(row.flags),
        keywords: lists.keywords(&unique, &keywords),
        unique,
        ..FileName::default()
    };
    let known_as = match lists.fetched {
        Fetched::Yes => Some(retrieval_name(mailbox, row)?),
        Fetched::No => None,
    };
    lists.uid(uid, letter.size(), known_as.as_deref(), &name.unique);
    let file = made(target::file(&place.join("cur").join(name.format())))?;
    let mut out = io::BufWriter::new(file);
    let written = letter.write(&mut |bytes| out.write_all(bytes))?;
    let file = out.into_inner().map_err(|why| Failure(why.to_string()))?;
    made(target::set_time(&file, row.received))?;
    Ok(written)
}

/// The name that programs know a letter by which only fetch mail.
fn retrieval_name(mailbox: &Mailbox<'_>, row: &ItemRow) -> Result<String, Failure> {
    let view = mailbox.account.read()?;
    let brought = mailbox.names.name(&view, row)?;
    Ok(brought.unwrap_or_else(|| RetrievalNames::own(row.content)))
}

/// The flags that stand in a file's name.
fn letters(flags: Flags) -> Letters {
    Letters {
        draft: flags.contains(Flags::DRAFT),
        flagged: flags.contains(Flags::FLAGGED),
        passed: flags.contains(Flags::FORWARDED),
        replied: flags.contains(Flags::ANSWERED),
        seen: flags.contains(Flags::SEEN),
        trashed: flags.contains(Flags::DELETED),
    }
}

/// Whether programs that only fetch mail see a folder.
enum Fetched {
    Yes,
    No,
}

/// What is written beside the letters of a folder.
struct Lists {
    fetched: Fetched,
    uids: String,
    /// Keywords that have a letter of the alphabet.
    keywords: Vec<String>,
    /// Keywords for which there was none left, by letter.
    others: String,
}

impl Lists {
    fn of(folder: &Folder) -> Self {
        let (validity, next) = (
            folder.row.uid_validity,
            folder.row.shelf(Shelf::Mail).uid_next.0,
        );
        let fetched = match folder.row.role {
            Role::Inbox => Fetched::Yes,
            _ => Fetched::No,
        };
        Self {
            fetched,
            uids: format!(
                "3 V{validity} N{next} G{:024x}{validity:08x}\n",
                folder.id.0
            ),
            keywords: Vec::new(),
            others: String::new(),
        }
    }

    fn uid(&mut self, uid: Uid, wire_size: u64, known_as: Option<&str>, unique: &str) {
        let known_as = known_as.map(|name| format!(" P{name}")).unwrap_or_default();
        let _ = writeln!(self.uids, "{} W{wire_size}{known_as} :{unique}", uid.0);
    }

    /// The letters for these keywords, as bits; those without one are listed.
    fn keywords(&mut self, unique: &str, keywords: &[String]) -> u32 {
        let (mut bits, mut others) = (0, String::new());
        for keyword in keywords.iter().filter(|keyword| *keyword != FORWARDED) {
            let known = self.keywords.iter().position(|known| known == keyword);
            let bit = known.or_else(|| {
                let free = (self.keywords.len() < KEYWORDS_MAX).then_some(self.keywords.len())?;
                self.keywords.push(keyword.clone());
                Some(free)
            });
            match bit {
                Some(bit) => bits |= 1 << bit,
                None => _ = write!(others, " {keyword}"),
            }
        }
        if !others.is_empty() {
            let _ = writeln!(self.others, "{unique}{others}");
        }
        bits
    }

    fn write(&self, place: &Path) -> Result<(), Failure> {
        list(&place.join("dovecot-uidlist"), &self.uids)?;
        if !self.keywords.is_empty() {
            let keywords = self.keywords.iter().map(String::as_str);
            list(&place.join("dovecot-keywords"), &format_keywords(keywords))?;
        }
        if !self.others.is_empty() {
            list(&place.join(OTHER_KEYWORDS), &self.others)?;
        }
        Ok(())
    }
}

fn list(path: &Path, text: &str) -> Result<(), Failure> {
    made(target::file(path).and_then(|mut file| file.write_all(text.as_bytes())))
}

fn made<T>(outcome: io::Result<T>) -> Result<T, Failure> {
    outcome.map_err(|why| Failure(why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_beyond_the_alphabet_are_listed() {
        let mut lists = Lists::of(&Folder {
            id: engine::FolderId(3),
            path: Vec::new(),
            row: engine::FolderRow::default(),
            rights: engine::Rights::ALL,
        });
        let keywords: Vec<String> = (0..28).map(|number| format!("k{number}")).collect();
        assert_eq!(lists.keywords("one", &keywords), (1 << 26) - 1);
        assert_eq!(lists.keywords("two", &["k1".to_owned()]), 2);
        assert_eq!(lists.others, "one k26 k27\n");
    }
}
