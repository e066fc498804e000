//! The Inbox as it was at sign-in: which letters, and what this session wants done with them.
//!
//! 24 bytes a letter; everything else is read again when it is asked for. A letter that others
//! removed or moved meanwhile is found by its content id, which goes with it.
//!
//! Sources: RFC 1939 §4 (the maildrop), §7 (UIDL).

use engine::account::RetrievalNames;
use engine::directory::FetchPolicy;
use engine::{
    Account, ContentId, EngineError, FolderId, Location, Message, Pending, Reading, Role, Shelf,
    Timestamp, Uid, UidSet, View, Watch,
};
use engine::{FlagChange, Flags, ItemRow};
use std::collections::HashMap;
use std::ops::ControlFlow;

const SECONDS_PER_DAY: i64 = 24 * 3600;

/// One letter.
#[derive(Debug, Clone, Copy)]
struct Letter {
    size_bytes: u64,
    content: ContentId,
    uid: Uid,
    state: State,
}

/// What the client did with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Untouched,
    Fetched,
    Deleted,
    /// Fetched before it was deleted, so that RSET knows.
    FetchedAndDeleted,
}

/// The letters of one session, numbered from 1.
pub(crate) struct Maildrop {
    account: Account,
    inbox: FolderId,
    policy: FetchPolicy,
    letters: Vec<Letter>,
    /// The unique ids that imported letters had on their former server, by index.
    names: HashMap<usize, Box<str>>,
}

/// What QUIT will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    /// Letters deleted.
    pub(crate) deleted: usize,
}

impl Maildrop {
    /// Looks at the Inbox. Reads the disk.
    pub(crate) fn open(account: Account, letters_max: usize) -> Result<Self, EngineError> {
        let entry = account.engine().directory().account(account.id())?;
        let policy = entry
            .map(|entry| entry.record.fetch_policy)
            .unwrap_or_default();
        let view = account.read()?;
        let (inbox, _) = view
            .folder_with_role(Role::Inbox)?
            .ok_or(EngineError::NoSuchFolder)?;
        let known = RetrievalNames::of(&view)?;
        let (mut letters, mut names) = (Vec::new(), HashMap::new());
        let mut next = Some(1);
        while let Some(from) = next.filter(|_| letters.len() < letters_max) {
            let page = page(&view, inbox, from)?;
            let Some((last, _)) = page.last() else { break };
            next = last.0.checked_add(1);
            for (uid, row) in page.iter().take(letters_max - letters.len()) {
                if let Some(name) = known.name(&view, row)? {
                    names.insert(letters.len(), name.into_boxed_str());
                }
                letters.push(Letter::new(*uid, row));
            }
        }
        drop(view);
        Ok(Self {
            account,
            inbox,
            policy,
            letters,
            names,
        })
    }

    /// What the administrator wants to happen to fetched letters.
    pub(crate) fn policy(&self) -> FetchPolicy {
        self.policy
    }

    /// Letters not deleted, and their bytes.
    pub(crate) fn totals(&self) -> (usize, u64) {
        let living = self.letters.iter().filter(|letter| !letter.is_deleted());
        living.fold((0, 0), |(count, size), letter| {
            (count + 1, size + letter.size_bytes)
        })
    }

    /// Numbers from which on letters may be listed.
    pub(crate) fn len(&self) -> usize {
        self.letters.len()
    }

    /// The size of a letter that is not deleted.
    pub(crate) fn size_bytes(&self, number: usize) -> Option<u64> {
        self.living(number).map(|letter| letter.size_bytes)
    }

    /// The unique id of a letter that is not deleted: the same for ever, in every session.
    ///
    /// An imported letter keeps the one it had, so that no client fetches it again.
    pub(crate) fn unique_id(&self, number: usize) -> Option<String> {
        let letter = self.living(number)?;
        let name = self.names.get(&number.checked_sub(1)?);
        Some(name.map_or_else(|| RetrievalNames::own(letter.content), ToString::to_string))
    }

    fn living(&self, number: usize) -> Option<&Letter> {
        let letter = self.letters.get(number.checked_sub(1)?)?;
        (!letter.is_deleted()).then_some(letter)
    }

    /// Marks a letter as deleted; false when there is none.
    pub(crate) fn delete(&mut self, number: usize) -> bool {
        let index = number.checked_sub(1);
        let letter = index.and_then(|index| self.letters.get_mut(index));
        let Some(letter) = letter.filter(|letter| !letter.is_deleted()) else {
            return false;
        };
        letter.state = match letter.state {
            State::Untouched | State::Deleted => State::Deleted,
            State::Fetched | State::FetchedAndDeleted => State::FetchedAndDeleted,
        };
        true
    }

    /// Notes that a letter was fetched whole.
    pub(crate) fn fetched(&mut self, number: usize) {
        let index = number.checked_sub(1);
        if let Some(letter) = index.and_then(|index| self.letters.get_mut(index)) {
            letter.state = match letter.state {
                State::Untouched | State::Fetched => State::Fetched,
                State::Deleted | State::FetchedAndDeleted => State::FetchedAndDeleted,
            };
        }
    }

    /// Takes all deletion marks off.
    pub(crate) fn reset(&mut self) {
        for letter in &mut self.letters {
            letter.state = match letter.state {
                State::Untouched | State::Deleted => State::Untouched,
                State::Fetched | State::FetchedAndDeleted => State::Fetched,
            };
        }
    }

    /// Opens a letter's bytes, wherever it is by now; `None` when it is gone for good. Reads the
    /// disk.
    pub(crate) fn message(&self, number: usize) -> Result<Option<Message>, EngineError> {
        let Some(letter) = self.living(number) else {
            return Ok(None);
        };
        let view = self.account.read()?;
        let here = view.item(Location::mail(self.inbox, letter.uid))?;
        let row = match here {
            Some(row) => Some(row),
            None => view.item_with_content(letter.content)?.map(|(_, row)| row),
        };
        let Some(row) = row else { return Ok(None) };
        let details = view.details(row.item)?;
        Ok(details.map(|details| self.account.message_with_prefix(&row, details.prefix)))
    }

    /// The letters behind this one that are not deleted and take at most so many bytes together; at
    /// most so many.
    pub(crate) fn following(
        &self,
        number: usize,
        letters_max: usize,
        bytes_max: u64,
    ) -> Vec<usize> {
        let mut left = Some(bytes_max);
        let behind = self.letters.iter().enumerate().skip(number);
        let behind = behind.take(FOLLOWING_MAX);
        let living = behind.filter(|(_, letter)| !letter.is_deleted());
        living
            .take(letters_max)
            .take_while(|(_, letter)| {
                left = left.and_then(|left| left.checked_sub(letter.size_bytes));
                left.is_some()
            })
            .map(|(index, _)| index + 1)
            .collect()
    }

    /// Opens the bytes of these letters, which are in their order, up to the first that is no more
    /// where it was. Reads the disk.
    pub(crate) fn messages(&self, numbers: &[usize]) -> Result<Vec<Message>, EngineError> {
        let letters = numbers.iter().filter_map(|&number| self.living(number));
        let uids: Vec<Uid> = letters.map(|letter| letter.uid).collect();
        let (Some(first), Some(last)) = (uids.first(), uids.last()) else {
            return Ok(Vec::new());
        };
        let view = self.account.read()?;
        let mut rows = Vec::with_capacity(uids.len());
        let range = first.0..=last.0;
        view.items(self.inbox, Shelf::Mail, range, &mut |uid, row| {
            if uids.get(rows.len()) == Some(&uid) {
                rows.push(row);
            }
            let is_passed = uids.get(rows.len()).is_none_or(|next| *next <= uid);
            if is_passed {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        let items: Vec<_> = rows.iter().map(|row| row.item).collect();
        let mut prefixes = Vec::with_capacity(items.len());
        view.details_of(&items, &mut |_, details| {
            prefixes.push(details.map(|details| details.prefix));
        })?;
        let known = rows
            .iter()
            .zip(prefixes)
            .map_while(|(row, prefix)| Some((row, prefix?)));
        Ok(known
            .map(|(row, prefix)| self.account.message_with_prefix(row, prefix))
            .collect())
    }

    /// Is told when anything in the account changes.
    pub(crate) fn watch(&self) -> Watch {
        self.account.watch()
    }

    /// True when QUIT has something to do.
    pub(crate) fn is_touched(&self) -> bool {
        self.letters
            .iter()
            .any(|letter| letter.state != State::Untouched)
    }

    /// Carries out all that QUIT promises, in one commit. Reads and writes the disk.
    ///
    /// Letters go to the recoverable shelf, as with any other deletion; those fetched and kept
    /// become seen.
    pub(crate) fn close(&self, now: Timestamp) -> Result<Pending<Closing>, EngineError> {
        self.account.write(|txn| {
            let (mut going, mut staying) = (Vec::new(), Vec::new());
            for letter in self
                .letters
                .iter()
                .filter(|letter| letter.state != State::Untouched)
            {
                // What others removed meanwhile is done already.
                let Some((at, row)) = self.stands_now(txn, letter)? else {
                    continue;
                };
                if self.goes(letter, &row, now) {
                    going.push(at.uid);
                } else if letter.is_fetched() && !row.flags.contains(Flags::SEEN) {
                    staying.push(at);
                }
            }
            let removed = txn.expunge_all(self.inbox, &going.into_iter().collect::<UidSet>())?;
            for at in staying {
                txn.set_flags(at, &FlagChange::add(Flags::SEEN))?;
            }
            Ok(Closing {
                deleted: usize::try_from(removed.len()).unwrap_or(usize::MAX),
            })
        })
    }

    /// Where a letter stands in the Inbox now; `None` when it does no more. Moved out and back, it
    /// has another UID and is still the letter that the client knows by its unique id.
    fn stands_now(
        &self,
        read: &impl Reading,
        letter: &Letter,
    ) -> Result<Option<(Location, ItemRow)>, EngineError> {
        let at = Location::mail(self.inbox, letter.uid);
        if let Some(row) = read.item(at)? {
            return Ok(Some((at, row)));
        }
        let elsewhere = read.item_with_content(letter.content)?;
        Ok(elsewhere.filter(|(at, _)| *at == Location::mail(self.inbox, at.uid)))
    }

    fn goes(&self, letter: &Letter, row: &ItemRow, now: Timestamp) -> bool {
        match self.policy {
            FetchPolicy::ClientDecides => letter.is_deleted(),
            FetchPolicy::Keep => false,
            FetchPolicy::KeepDays(days) => {
                row.received.seconds() + i64::from(days) * SECONDS_PER_DAY <= now.seconds()
            }
        }
    }
}

/// Letters among which those that follow another are looked for: few are deleted unread.
const FOLLOWING_MAX: usize = 64;

/// Rows that are read at once.
const PAGE_ROWS: usize = 256;

/// The next rows of the Inbox from a UID on; none at its end.
fn page(view: &View<'_>, inbox: FolderId, from: u32) -> Result<Vec<(Uid, ItemRow)>, EngineError> {
    let mut rows = Vec::with_capacity(PAGE_ROWS);
    view.items(inbox, Shelf::Mail, from..=u32::MAX, &mut |uid, row| {
        rows.push((uid, row));
        if rows.len() < PAGE_ROWS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(rows)
}

impl Letter {
    fn new(uid: Uid, row: &ItemRow) -> Self {
        Self {
            size_bytes: row.size,
            content: row.content,
            uid,
            state: State::Untouched,
        }
    }

    fn is_deleted(&self) -> bool {
        matches!(self.state, State::Deleted | State::FetchedAndDeleted)
    }

    fn is_fetched(&self) -> bool {
        matches!(self.state, State::Fetched | State::FetchedAndDeleted)
    }
}
