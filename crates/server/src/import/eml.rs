//! Reads a tree of folders with `.eml` files, each one letter.
//!
//! Start at [`read`].

use super::intake::{Intake, Letter, Subscription};
use super::source::{self, DEPTH_MAX, Entry, EntryKind};
use super::{maildir, received};
use crate::administration::Failure;
use std::io::Read;
use std::path::Path;

/// Bytes of a letter's beginning in which the time of receipt is looked for.
const HEAD_BYTES: u64 = 64 * 1024;

/// Takes all letters of a tree; those at its top go into the Inbox.
pub fn read(source: &Path, intake: &mut Intake<'_>) -> Result<(), Failure> {
    let mut open = vec![(Vec::new(), source.to_owned())];
    let (mut folders, mut total) = (Vec::new(), 0);
    while let Some((path, place)) = open.pop() {
        let entries = source::entries(&place).map_err(|why| Failure::of(place.display(), why))?;
        let mut letters = Vec::new();
        for entry in entries {
            if entry.kind == EntryKind::Folder && path.len() < DEPTH_MAX {
                let mut below: Vec<String> = path.clone();
                below.push(entry.name.clone());
                open.push((below, entry.path));
            } else if is_letter(&entry) {
                letters.push(entry);
            } else {
                intake.tally.refuse(&entry.name, "not an .eml file");
            }
        }
        total += letters.len() as u64;
        folders.push((path, letters));
    }
    intake.expect(total);
    for (path, letters) in folders {
        read_folder(&path, &letters, intake)?;
    }
    Ok(())
}

fn is_letter(entry: &Entry) -> bool {
    let extension = Path::new(&entry.name).extension();
    entry.kind == EntryKind::File && extension.is_some_and(|it| it.eq_ignore_ascii_case("eml"))
}

fn read_folder(path: &[String], letters: &[Entry], intake: &mut Intake<'_>) -> Result<(), Failure> {
    if letters.is_empty() || intake.enter(path, Subscription::Wanted)?.is_none() {
        return Ok(());
    }
    for file in letters {
        intake.advance(1)?;
        let letter = Letter {
            name: file.name.clone(),
            // The file's time is mostly that of some copying.
            received: head(file).and_then(|head| received(&head)),
            ..Letter::default()
        };
        maildir::take_file(file, None, letter, intake)?;
    }
    intake.flush()
}

/// A letter's beginning; that it cannot be read is told when all of it is read.
fn head(file: &Entry) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let opened = source::open(&file.path).ok()?;
    opened.file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(head)
}
