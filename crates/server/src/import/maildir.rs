//! Reads a Maildir with its folders: Maildir++ (`.Sent.2024`) and folders within folders alike.
//!
//! Flags come from the files' names, keywords from `dovecot-keywords` (and `facteur-keywords`),
//! UIDs, UIDVALIDITY and POP3 names from `dovecot-uidlist`, the time of receipt from the file's.
//!
//! Start at [`read`]. Source: Dovecot's documentation of its Maildir and of `pop3_uidl_format`.

use super::incoming::LineEnds;
use super::intake::{Intake, Letter, Subscription};
use super::naming;
use super::source::{self, DEPTH_MAX, Entry, EntryKind};
use crate::administration::Failure;
use engine::{EngineError, Flags, Uid};
use formats::mailbox_file::maildir::{FileName, KEYWORDS_MAX, UidList, keywords};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of a list beside the letters; Dovecot's takes about 60 for each letter.
const LIST_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Bytes of the list of subscribed folders: 10,000 of them with long names.
const SUBSCRIPTIONS_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Folders of one Maildir; an account holds far fewer.
const FOLDERS_MAX: usize = 100_000;

/// Bytes of a letter that are read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// The list of keywords that have no letter of the alphabet, as the export writes it.
pub const OTHER_KEYWORDS: &str = "facteur-keywords";

/// Whether programs that only fetch mail see a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fetched {
    Yes,
    No,
}

/// Takes all letters of a Maildir.
pub fn read(source: &Path, intake: &mut Intake<'_>) -> Result<(), Failure> {
    let shown = |why: io::Error| Failure::of(source.display(), why);
    let folders = folders(source).map_err(shown)?;
    let mut total = 0;
    for place in folders.values() {
        total += files(place).map_err(shown)?.len() as u64;
    }
    intake.expect(total);
    let wanted = subscriptions(source).map_err(shown)?;
    for (path, place) in folders {
        let is_wanted = wanted.as_ref().is_none_or(|wanted| wanted.contains(&path));
        let subscription = if is_wanted {
            Subscription::Wanted
        } else {
            Subscription::Unwanted
        };
        if let Err(why) = read_folder(&path, &place, subscription, intake)? {
            intake.tally.refuse(&path.join("/"), why);
        }
    }
    Ok(())
}

/// The folders that the owner wants to see, if there is a list of them; Dovecot has had two forms
/// of it.
fn subscriptions(source: &Path) -> io::Result<Option<HashSet<Vec<String>>>> {
    let text = source::text(&source.join("subscriptions"), SUBSCRIPTIONS_BYTES_MAX)?;
    Ok(text.map(|text| {
        let lines = text.lines().filter(|line| !line.starts_with("V\t"));
        lines.map(naming::from_subscription).collect()
    }))
}

/// All folders of a Maildir, by their names.
fn folders(source: &Path) -> io::Result<BTreeMap<Vec<String>, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut open = vec![(Vec::new(), source.to_owned())];
    while let Some((path, place)) = open.pop() {
        let entries = source::entries(&place)?;
        let is_folder = |entry: &&Entry| entry.kind == EntryKind::Folder;
        for entry in entries.iter().filter(is_folder) {
            match entry.name.as_str() {
                "cur" | "new" => _ = found.insert(path.clone(), place.clone()),
                "tmp" => {}
                _ if open.len() >= FOLDERS_MAX => {
                    return Err(io::Error::other("too many folders"));
                }
                name if path.len() < DEPTH_MAX => {
                    let mut below = path.clone();
                    below.extend(naming::from_maildir(name));
                    open.push((below, entry.path.clone()));
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

/// The files of a folder's letters, new and seen ones.
fn files(place: &Path) -> io::Result<Vec<Entry>> {
    let mut files = Vec::new();
    for part in ["cur", "new"] {
        match source::entries(&place.join(part)) {
            Ok(entries) => files.extend(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    files.retain(|file| !file.name.starts_with('.'));
    Ok(files)
}

/// What the lists beside a folder's letters say.
struct Lists {
    letters: [Option<String>; KEYWORDS_MAX],
    others: HashMap<String, Vec<String>>,
    uids: Option<UidList>,
}

impl Lists {
    fn read(place: &Path) -> io::Result<Self> {
        let text = |name: &str| source::text(&place.join(name), LIST_BYTES_MAX);
        let others = text(OTHER_KEYWORDS)?.unwrap_or_default();
        let others = others.lines().filter_map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            Some((words.next()?, words.collect()))
        });
        Ok(Self {
            letters: keywords(&text("dovecot-keywords")?.unwrap_or_default()),
            others: others.collect(),
            uids: text("dovecot-uidlist")?.and_then(|text| UidList::parse(&text)),
        })
    }

    fn keywords(&self, name: &FileName) -> Vec<String> {
        let letters = self.letters.iter().enumerate();
        let set = letters.filter(|(bit, _)| name.keywords >> bit & 1 == 1);
        let mut keywords: Vec<String> = set.filter_map(|(_, keyword)| keyword.clone()).collect();
        keywords.extend(self.others.get(&name.unique).into_iter().flatten().cloned());
        keywords
    }
}

/// Takes the letters of one folder. The inner error is about its files only.
fn read_folder(
    path: &[String],
    place: &Path,
    subscription: Subscription,
    intake: &mut Intake<'_>,
) -> Result<io::Result<()>, Failure> {
    let read = files(place).and_then(|files| Ok((files, Lists::read(place)?)));
    let (files, lists) = match read {
        Ok(read) => read,
        Err(error) => return Ok(Err(error)),
    };
    if intake.enter(path, subscription)?.is_none() {
        return Ok(Ok(()));
    }
    let fetched = if path.is_empty() {
        Fetched::Yes
    } else {
        Fetched::No
    };
    let (listed, others) = in_order(&files, &lists);
    let lowest = match &lists.uids {
        Some(uids) => intake.keep_numbers(uids.validity)?,
        None => None,
    };
    // A letter below the lowest UID that can still be given came in the meantime or was here
    // before.
    let is_late = |(uid, ..): &&Listed<'_>| lowest.is_none_or(|lowest| *uid < lowest);
    for each in listed.iter().filter(|each| !is_late(each)) {
        take(each.2, &lists, Some(each), fetched, intake)?;
    }
    if let Some(uids) = &lists.uids {
        intake.end_numbers(uids.next)?;
    }
    for each in listed.iter().filter(is_late) {
        take(each.2, &lists, Some(each), fetched, intake)?;
    }
    for file in others {
        take(file, &lists, None, fetched, intake)?;
    }
    intake.flush()?;
    Ok(Ok(()))
}

/// A letter that a list of UIDs knows: its UID, its POP3 name, its file.
type Listed<'a> = (Uid, Option<String>, &'a Entry);

/// The letters in the order of their UIDs, and those that have none in the order of their names.
fn in_order<'a>(files: &'a [Entry], lists: &Lists) -> (Vec<Listed<'a>>, Vec<&'a Entry>) {
    let mut by_name: HashMap<&str, (u32, Option<String>)> = HashMap::new();
    if let Some(uids) = &lists.uids {
        for entry in &uids.entries {
            // Dovecot's own default for those that no other server gave a name: `%08Xu%08Xv`.
            let default = || format!("{:08x}{:08x}", entry.uid, uids.validity);
            let name = entry.pop3_uidl.clone().unwrap_or_else(default);
            by_name.insert(&entry.unique, (entry.uid, Some(name)));
        }
    }
    let (mut listed, mut others) = (Vec::new(), Vec::new());
    for file in files {
        match by_name.remove(FileName::parse(&file.name).unique.as_str()) {
            Some((uid, name)) => listed.push((Uid(uid), name, file)),
            None => others.push(file),
        }
    }
    listed.sort_by_key(|(uid, ..)| *uid);
    (listed, others)
}

/// Takes one letter; what is wrong with its file is counted.
fn take(
    file: &Entry,
    lists: &Lists,
    listed: Option<&Listed<'_>>,
    fetched: Fetched,
    intake: &mut Intake<'_>,
) -> Result<(), Failure> {
    intake.advance(1)?;
    if file.kind != EntryKind::File {
        intake.tally.refuse(&file.name, "not a plain file");
        return Ok(());
    }
    let name = FileName::parse(&file.name);
    let letter = Letter {
        name: file.name.clone(),
        flags: flags(&name),
        keywords: lists.keywords(&name),
        received: None,
        uid: listed.map(|(uid, ..)| *uid),
        retrieval_name: listed
            .and_then(|(_, name, _)| name.clone())
            .filter(|_| fetched == Fetched::Yes),
    };
    take_file(file, name.wire_size, letter, intake)
}

/// Takes a file that is one letter. `wire_size` is its size with CRLF, where something tells.
pub fn take_file(
    file: &Entry,
    wire_size: Option<u64>,
    mut letter: Letter,
    intake: &mut Intake<'_>,
) -> Result<(), Failure> {
    let mut opened = match source::open(&file.path) {
        Ok(opened) => opened,
        Err(why) => {
            intake.tally.refuse(&file.name, why);
            return Ok(());
        }
    };
    let line_ends = match wire_size {
        Some(size) if size == opened.len => LineEnds::Keep,
        _ => LineEnds::ToCrlf,
    };
    let mut incoming = intake.start(line_ends)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = match opened.file.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
            Err(why) => {
                intake.tally.refuse(&file.name, why);
                return Ok(());
            }
        };
        match incoming.write(piece.get(..read).unwrap_or_default()) {
            Ok(()) => {}
            Err(EngineError::Store(why)) => return Err(why.into()),
            Err(why) => {
                intake.tally.refuse(&file.name, why);
                return Ok(());
            }
        }
    }
    letter.received = letter.received.or(opened.modified);
    intake.take(incoming, letter)
}

/// The flags in a file's name.
fn flags(name: &FileName) -> Flags {
    let set = [
        (name.flags.draft, Flags::DRAFT),
        (name.flags.flagged, Flags::FLAGGED),
        (name.flags.passed, Flags::FORWARDED),
        (name.flags.replied, Flags::ANSWERED),
        (name.flags.seen, Flags::SEEN),
        (name.flags.trashed, Flags::DELETED),
    ];
    let set = set.iter().filter(|(is_set, _)| *is_set);
    set.fold(Flags::NONE, |flags, (_, flag)| flags | *flag)
}
