//! The way into the mailbox: folders are found or made, letters appended in commits of bounded
//! size.
//!
//! A letter that stands in its folder already, with the same bytes and the same second of receipt,
//! is not taken again; so an import that broke off can simply be repeated. A letter that cannot be
//! taken is counted and the import goes on; only a failing store ends it.
//!
//! Start at [`Intake`].

use super::incoming::{Incoming, LineEnds, Read};
use super::tally::Tally;
use crate::administration::{Failure, Progress, Watcher};
use engine::{
    Account, EngineError, FlagSet, Flags, FolderId, FolderRow, Keywords, NewLetter, Reading, Role,
    Shelf, Timestamp, Txn, Uid,
};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Letters of one commit: enough that the disk is not waited for at each, few enough that nobody
/// else waits long.
const LETTERS_PER_COMMIT: usize = 100;

/// Bytes of the letters of one commit, unless a single one is longer.
const BYTES_PER_COMMIT: u64 = 4 * 1024 * 1024;

/// Keywords of one letter; the store keeps as many.
const KEYWORDS_MAX: usize = 128;

/// Bytes of a stored letter that are read at once to compare it.
const PIECE_BYTES: u64 = 256 * 1024;

/// What is known of a letter beside its bytes.
#[derive(Debug, Clone, Default)]
pub struct Letter {
    /// What it is called in the report.
    pub name: String,
    /// Its flags.
    pub flags: Flags,
    /// Its keywords, by name.
    pub keywords: Vec<String>,
    /// When it was received; now if nothing tells.
    pub received: Option<Timestamp>,
    /// The UID that clients know it by.
    pub uid: Option<Uid>,
    /// The name that programs know it by which only fetch mail.
    pub retrieval_name: Option<String>,
}

/// Whether the folder keeps the numbers of the server that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// New ones are given.
    New,
    /// UIDs are brought along; this is the folder's next one, so that a letter that comes between
    /// is noticed.
    Kept(Uid),
}

/// Whether a folder that is made comes into its owner's list of subscribed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// The source says so, or says nothing.
    Wanted,
    /// The source has a list, and it is not there.
    Unwanted,
}

/// A letter that waits for its commit.
struct Waiting {
    read: Read,
    letter: Letter,
}

/// The folder that letters go into.
struct Open {
    id: FolderId,
    numbering: Numbering,
    known: KnownLetters,
}

/// What stood in a folder before, by second of receipt and size.
type KnownLetters = HashMap<(i64, u64), Alike>;

/// Letters that may be the same.
enum Alike {
    /// Nobody asked yet.
    Unread(Vec<Uid>),
    /// How many there are with these hashes; each letter is read once, however many are alike.
    Read(HashMap<[u8; 32], u32>),
}

/// Takes letters into an account.
pub struct Intake<'a> {
    account: Account,
    /// The names of the folder that everything goes below.
    base: Vec<String>,
    /// Counts of what happened.
    pub tally: Tally,
    watcher: Watcher<'a>,
    progress: Progress,
    open: Option<Open>,
    waiting: Vec<Waiting>,
}

impl<'a> Intake<'a> {
    /// Takes letters in, below `into` if that is given.
    pub fn new(account: Account, into: Option<&str>, watcher: Watcher<'a>) -> Self {
        let base = into.map(|path| path.split('/').map(str::to_owned).collect());
        Self {
            account,
            base: base.unwrap_or_default(),
            tally: Tally::default(),
            watcher,
            progress: Progress {
                done: 0,
                total: 0,
                what: String::new(),
            },
            open: None,
            waiting: Vec::new(),
        }
    }

    /// Says how many pieces of work there are.
    pub fn expect(&mut self, total: u64) {
        self.progress.total = total;
    }

    /// Says that some are done. An error when nobody waits for the outcome any more.
    pub fn advance(&mut self, pieces: u64) -> Result<(), Failure> {
        self.progress.done += pieces;
        if (self.watcher)(&self.progress) {
            return Ok(());
        }
        Err(Failure("broken off; what was taken stays".to_owned()))
    }

    /// Makes this the folder that letters go into, and makes it if there is none. No names: the
    /// Inbox, or the folder that everything goes below.
    ///
    /// `None`, and counted, when there cannot be such a folder.
    pub fn enter(
        &mut self,
        path: &[String],
        subscription: Subscription,
    ) -> Result<Option<FolderRow>, Failure> {
        self.flush()?;
        self.open = None;
        let shown = path.join("/");
        self.progress.what.clone_from(&shown);
        let names = self.names(path)?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (id, row) = match self.folder(&names, subscription) {
            Ok(found) => found,
            Err(EngineError::Store(error)) => return Err(error.into()),
            Err(why) => {
                self.tally.refuse(&format!("folder {shown}"), why);
                return Ok(None);
            }
        };
        let known = self.known(id, &row)?;
        self.tally.folders += 1;
        self.open = Some(Open {
            id,
            numbering: Numbering::New,
            known,
        });
        Ok(Some(row))
    }

    /// Where in this account a folder of the source belongs.
    fn names(&self, path: &[String]) -> Result<Vec<String>, EngineError> {
        let mut names = self.base.clone();
        names.extend_from_slice(path);
        let is_inbox = names
            .first()
            .is_none_or(|name| name.eq_ignore_ascii_case("INBOX"));
        if is_inbox {
            let inbox = self.account.read()?.folder_with_role(Role::Inbox)?;
            let (_, row) = inbox.ok_or(EngineError::NoSuchFolder)?;
            names.splice(..names.len().min(1), [row.name]);
        }
        Ok(names)
    }

    fn folder(
        &mut self,
        names: &[&str],
        subscription: Subscription,
    ) -> Result<(FolderId, FolderRow), EngineError> {
        if let Some(found) = self.account.read()?.folder_at(names)? {
            return Ok(found);
        }
        let made = self.account.write(|txn| {
            let folder = txn.create_path(names, Role::None)?;
            txn.subscribe(folder, subscription == Subscription::Wanted)?;
            Ok::<_, EngineError>(folder)
        });
        let id = made?.wait()?;
        self.tally.folders_made += 1;
        Ok((id, self.account.read()?.folder(id)?))
    }

    fn known(&self, folder: FolderId, row: &FolderRow) -> Result<KnownLetters, EngineError> {
        let mut known = HashMap::new();
        if row.shelf(Shelf::Mail).count == 0 {
            return Ok(known);
        }
        let view = self.account.read()?;
        view.items(folder, Shelf::Mail, 1..=u32::MAX, &mut |uid, row| {
            let key = (row.received.seconds(), row.size);
            let alike = known
                .entry(key)
                .or_insert_with(|| Alike::Unread(Vec::new()));
            if let Alike::Unread(uids) = alike {
                uids.push(uid);
            }
            ControlFlow::Continue(())
        })?;
        Ok(known)
    }

    /// Keeps the UIDs that clients know, where the folder never held mail or has this UIDVALIDITY
    /// already.
    ///
    /// Answers the lowest UID that can still be given, if UIDs are kept.
    pub fn keep_numbers(&mut self, uid_validity: u32) -> Result<Option<Uid>, Failure> {
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        let folder = open.id;
        let adopted = self
            .account
            .write(|txn| txn.adopt_numbers(folder, uid_validity));
        let settled = adopted.and_then(|pending| Ok(pending.wait()?));
        match settled {
            Ok(()) => {
                let row = self.account.read()?.folder(folder)?;
                let next = row.shelf(Shelf::Mail).uid_next;
                open.numbering = Numbering::Kept(next);
                Ok(Some(next))
            }
            Err(EngineError::Store(error)) => Err(error.into()),
            Err(_) => {
                let what = &self.progress.what;
                self.tally.remark(format!(
                    "folder {what:?} held mail or its UIDVALIDITY is another folder's: UIDs are new"
                ));
                Ok(None)
            }
        }
    }

    /// All letters with UIDs have come: those behind take numbers from here on.
    pub fn end_numbers(&mut self, uid_next: u32) -> Result<(), Failure> {
        self.flush()?;
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        if open.numbering != Numbering::New {
            open.numbering = Numbering::New;
            let folder = open.id;
            let raised = self
                .account
                .write(|txn| txn.raise_uid_next(folder, Uid(uid_next)));
            raised?.wait()?;
        }
        Ok(())
    }

    /// Starts a letter.
    pub fn start(&self, line_ends: LineEnds) -> Result<Incoming, Failure> {
        Ok(Incoming::new(self.account.upload()?, line_ends))
    }

    /// Takes a letter that was read, into the folder that was entered last.
    pub fn take(&mut self, incoming: Incoming, letter: Letter) -> Result<(), Failure> {
        let read = incoming.finish()?;
        if self.is_present(&read, &letter)? {
            self.tally.present += 1;
            return Ok(());
        }
        self.waiting.push(Waiting { read, letter });
        let bytes: u64 = self
            .waiting
            .iter()
            .map(|each| each.read.staged.size())
            .sum();
        if self.waiting.len() >= LETTERS_PER_COMMIT || bytes >= BYTES_PER_COMMIT {
            self.flush()?;
        }
        Ok(())
    }

    /// True when the letter stood in the folder before this import. Each that stood there counts
    /// once, so that letters which a source has twice stay two.
    fn is_present(&mut self, read: &Read, letter: &Letter) -> Result<bool, Failure> {
        let (Some(open), Some(received)) = (&mut self.open, letter.received) else {
            return Ok(false);
        };
        let key = (received.seconds(), read.staged.size());
        let Some(alike) = open.known.get_mut(&key) else {
            return Ok(false);
        };
        if let Alike::Unread(uids) = alike {
            *alike = Alike::Read(digests(&self.account, open.id, uids)?);
        }
        let Alike::Read(counts) = alike else {
            return Ok(false);
        };
        let left = counts.get_mut(&read.digest).filter(|left| **left > 0);
        Ok(left.map(|left| *left -= 1).is_some())
    }

    /// Commits what waits, and waits until it is on disk.
    pub fn flush(&mut self) -> Result<(), Failure> {
        let mut waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        if self.commit(&waiting)?.is_ok() {
            return Ok(());
        }
        // One of them cannot be taken; the others can.
        for each in &mut waiting {
            self.commit_one(each)?;
        }
        Ok(())
    }

    fn commit_one(&mut self, each: &mut Waiting) -> Result<(), Failure> {
        let mut outcome = self.commit(std::slice::from_ref(each))?;
        if outcome == Err(EngineError::NumberRefused) && self.keeps_numbers() {
            self.give_up_numbers()?;
            outcome = self.commit(std::slice::from_ref(each))?;
        }
        if let Err(why) = outcome {
            self.tally.refuse(&each.letter.name, why);
        }
        Ok(())
    }

    fn keeps_numbers(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| open.numbering != Numbering::New)
    }

    /// A letter came between those with UIDs, so that the UIDs would no longer mean what clients
    /// believe.
    fn give_up_numbers(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.numbering = Numbering::New;
        let folder = open.id;
        self.account
            .write(|txn| txn.forget_numbers(folder))?
            .wait()?;
        let what = &self.progress.what;
        self.tally.remark(format!(
            "mail came into folder {what:?} meanwhile: its UIDs are new, clients will start again"
        ));
        Ok(())
    }

    /// One commit with these letters. The outer error is the store's; the inner one says why one
    /// cannot be taken.
    fn commit(&mut self, waiting: &[Waiting]) -> Result<Result<(), EngineError>, Failure> {
        let Some(open) = &mut self.open else {
            return Ok(Err(EngineError::NoSuchFolder));
        };
        let (folder, numbering) = (open.id, open.numbering);
        let written = self.account.write(|txn| {
            check_numbers(txn, folder, numbering)?;
            let mut lost = 0;
            for each in waiting {
                lost += append(txn, folder, numbering, each)?;
            }
            Ok::<_, EngineError>((lost, txn.folder(folder)?.shelf(Shelf::Mail).uid_next))
        });
        let (lost, next) = match written.and_then(|pending| Ok(pending.wait()?)) {
            Ok(done) => done,
            Err(EngineError::Store(error)) => return Err(error.into()),
            Err(why) => return Ok(Err(why)),
        };
        if numbering != Numbering::New {
            open.numbering = Numbering::Kept(next);
        }
        self.tally.keywords_lost += lost;
        for each in waiting {
            self.tally.letters += 1;
            self.tally.bytes += each.read.staged.size();
            self.tally.converted += u64::from(each.read.converted);
        }
        Ok(Ok(()))
    }
}

/// Refuses when someone else put a letter into the folder since the last commit.
fn check_numbers(
    txn: &Txn<'_, '_>,
    folder: FolderId,
    numbering: Numbering,
) -> Result<(), EngineError> {
    let next = txn.folder(folder)?.shelf(Shelf::Mail).uid_next;
    match numbering {
        Numbering::Kept(expected) if expected != next => Err(EngineError::NumberRefused),
        Numbering::Kept(_) | Numbering::New => Ok(()),
    }
}

/// Appends one letter; answers how many of its keywords could not be kept.
fn append(
    txn: &mut Txn<'_, '_>,
    folder: FolderId,
    numbering: Numbering,
    each: &Waiting,
) -> Result<u64, EngineError> {
    let letter = &each.letter;
    let (set, lost) = flag_set(txn, letter)?;
    let receipt = txn.append(&NewLetter {
        flags: set,
        received: letter.received,
        uid: letter.uid.filter(|_| numbering != Numbering::New),
        ..NewLetter::new(folder, &each.read.staged)
    })?;
    if let Some(name) = &letter.retrieval_name {
        match txn.set_retrieval_name(receipt.at, name) {
            Ok(()) | Err(EngineError::NameRefused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(lost)
}

/// Flags and keywords as the store has them: registered keywords are flags.
fn flag_set(txn: &mut Txn<'_, '_>, letter: &Letter) -> Result<(FlagSet, u64), EngineError> {
    let (mut flags, mut numbers, mut lost) = (letter.flags, Vec::new(), 0);
    for keyword in &letter.keywords {
        if let Some(flag) = registered(keyword) {
            flags = flags | flag;
            continue;
        }
        if numbers.len() >= KEYWORDS_MAX {
            lost += 1;
            continue;
        }
        match txn.intern_keyword(keyword) {
            Ok(number) => numbers.push(number),
            Err(EngineError::NameRefused(_) | EngineError::TooMany(_) | EngineError::TooLong) => {
                lost += 1;
            }
            Err(error) => return Err(error),
        }
    }
    let keywords: Keywords = numbers.into_iter().collect();
    Ok((FlagSet { flags, keywords }, lost))
}

/// The flag of a registered keyword.
fn registered(keyword: &str) -> Option<Flags> {
    let named =
        |(_, name): &&(Flags, &str)| name.starts_with('$') && name.eq_ignore_ascii_case(keyword);
    Flags::NAMES.iter().find(named).map(|(flag, _)| *flag)
}

/// How many of these letters have which bytes.
fn digests(
    account: &Account,
    folder: FolderId,
    uids: &[Uid],
) -> Result<HashMap<[u8; 32], u32>, EngineError> {
    let mut counts = HashMap::new();
    for &uid in uids {
        if let Some(digest) = digest_at(account, folder, uid)? {
            *counts.entry(digest).or_insert(0) += 1;
        }
    }
    Ok(counts)
}

/// The hash of a stored letter's bytes; `None` when it is gone.
fn digest_at(
    account: &Account,
    folder: FolderId,
    uid: Uid,
) -> Result<Option<[u8; 32]>, EngineError> {
    let at = engine::Location::mail(folder, uid);
    let Some(row) = account.read()?.item(at)? else {
        return Ok(None);
    };
    let message = account.message(&row)?;
    let mut digest = Sha256::new();
    let mut start = 0;
    while start < message.len() {
        digest.update(message.read(start..start + PIECE_BYTES)?);
        start += PIECE_BYTES;
    }
    Ok(Some(digest.finalize().into()))
}
