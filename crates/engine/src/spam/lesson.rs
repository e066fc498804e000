//! Learning from what people do with letters: what goes to Junk is unwanted, what comes back from
//! there, is answered or put away for good is wanted.
//!
//! Whatever protocol a letter is moved by, the engine's verb notes a lesson behind the commit; it is
//! learned later, by [`Engine::learn_waiting`]. Nothing waits for that and nothing depends on it:
//! what has no room is not learned, nor is what a crash hits before `remembered` has written it down.

use super::Points;
use super::bayes::{self, Counts};
use super::contact;
use super::content::Content;
use super::ledger::{Key, Ledger, Table};
use super::reputation::Origins;
use super::word::words;
use super::{Assessment, Reason};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::filter::Content as _;
use crate::record::{Reader, Writer, corrupt};
use crate::remembered::Remembered;
use bytes::Bytes;
use formats::message::header;
use formats::message::scan::HEADER_BYTES_MAX;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use store::StoreError;
use store::id::{AccountId, FolderId, Timestamp, Uid};
use store::model::{Location, Origin, Reads, Role, Shelf, Txn};

/// Lessons that wait, of all accounts.
const WAITING_MAX: usize = 10_000;
/// Lessons that one act gives. Who puts a thousand letters away at once has one opinion, not a
/// thousand; it must not drown what was sorted letter by letter, nor keep a core busy.
const LESSONS_PER_ACT: usize = 100;
/// Letters after which all counts are halved, so that what is new counts more than what is long
/// ago.
const LETTERS_MAX: u32 = 4_000;
/// The one key of the table of letters.
const ALL_LETTERS: Key = 0;

/// What someone thinks of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opinion {
    /// It is wanted.
    Wanted,
    /// It is not.
    Unwanted,
}

impl Opinion {
    /// What a move from one kind of folder to another says; `None` if nothing.
    pub(crate) fn of_move(from: Role, to: Role, is_copy: bool) -> Option<Self> {
        match (from, to) {
            (Role::Junk, Role::Junk | Role::Trash) => None,
            (_, Role::Junk) => Some(Self::Unwanted),
            (Role::Junk, _) => Some(Self::Wanted),
            (Role::Inbox, Role::None | Role::Archive) if !is_copy => Some(Self::Wanted),
            _ => None,
        }
    }

    /// As it is kept.
    fn number(self) -> u32 {
        match self {
            Self::Unwanted => 1,
            Self::Wanted => 2,
        }
    }

    fn of_number(number: u32) -> Result<Self, StoreError> {
        match number {
            1 => Ok(Self::Unwanted),
            2 => Ok(Self::Wanted),
            _ => Err(corrupt()),
        }
    }
}

/// A letter to learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lesson {
    pub account: AccountId,
    pub at: Location,
    pub opinion: Opinion,
}

/// Lessons that were not yet learned.
#[derive(Debug, Default)]
pub(crate) struct Lessons(Mutex<VecDeque<Lesson>>);

impl Lessons {
    /// The lessons of one act; of many only some, evenly.
    pub(crate) fn note(&self, lessons: Vec<Lesson>) {
        let step = lessons.len().div_ceil(LESSONS_PER_ACT).max(1);
        let mut waiting = self.0.lock();
        let room = WAITING_MAX.saturating_sub(waiting.len());
        waiting.extend(lessons.into_iter().step_by(step).take(room));
    }

    fn take(&self, most: usize) -> Vec<Lesson> {
        let mut waiting = self.0.lock();
        let count = most.min(waiting.len());
        waiting.drain(..count).collect()
    }
}

impl Remembered for Lessons {
    fn write(&self, out: &mut Writer, _: Timestamp) -> usize {
        let waiting = self.0.lock();
        let letters = waiting
            .iter()
            .filter(|lesson| lesson.at.shelf == Shelf::Mail);
        let waiting: Vec<Lesson> = letters.copied().collect();
        out.list(&waiting, |out, lesson| {
            out.number(u64::from(lesson.account.0));
            out.number(lesson.at.folder.0)
                .number(u64::from(lesson.at.uid.0));
            out.number(u64::from(lesson.opinion.number()));
        });
        waiting.len()
    }

    fn read(&self, input: &mut Reader<'_>, _: Timestamp) -> Result<(), StoreError> {
        let waiting = input.list(|input| {
            Ok(Lesson {
                account: AccountId(input.number32()?),
                at: Location {
                    folder: FolderId(input.number()?),
                    shelf: Shelf::Mail,
                    uid: Uid(input.number32()?),
                },
                opinion: Opinion::of_number(input.number32()?)?,
            })
        })?;
        self.0.lock().extend(waiting.into_iter().take(WAITING_MAX));
        Ok(())
    }
}

/// What is learned of one letter.
struct Learned {
    name: Key,
    words: Vec<Key>,
    /// Where it came from; counted for all accounts only.
    origins: Vec<Key>,
    opinion: Opinion,
}

impl Engine {
    /// Learns what waits, at most this many letters; the answer is how many were taken.
    ///
    /// May read and write the disk. Errors: those of the store; the lessons in hand are lost then.
    pub fn learn_waiting(&self, most: usize) -> Result<usize, EngineError> {
        let lessons = self.lessons().take(most);
        let mut learned: BTreeMap<AccountId, Vec<Learned>> = BTreeMap::new();
        for lesson in &lessons {
            if let Some(letter) = self.study(*lesson)? {
                learned.entry(lesson.account).or_default().push(letter);
            }
        }
        for (account, letters) in &learned {
            self.keep_learned(*account, letters)?;
        }
        if self.settings().spam.learn_for_all {
            let all: Vec<Learned> = learned.into_values().flatten().collect();
            self.keep_learned(AccountId::DIRECTORY, &all)?;
        }
        Ok(lessons.len())
    }

    /// How many letters wait to be learned from.
    pub fn lessons_waiting(&self) -> usize {
        self.lessons().0.lock().len()
    }

    /// Learns from a letter that is no item: `opinion` holds for all accounts, or for one.
    pub fn learn_letter(
        &self,
        letter: &Bytes,
        opinion: Opinion,
        account: Option<AccountId>,
    ) -> Result<(), EngineError> {
        let content = self.content_of(letter)?;
        let learned = Learned {
            name: self.key(Table::Lessons, letter),
            words: self.word_keys(&content),
            origins: Vec::new(), // What stands before it may be another server's.
            opinion,
        };
        self.keep_learned(account.unwrap_or(AccountId::DIRECTORY), &[learned])
    }

    /// How many letters were learned as unwanted and as wanted, from one account's letters or from
    /// everyone's.
    pub fn letters_learned(&self, account: Option<AccountId>) -> Result<(u32, u32), EngineError> {
        let account = account.unwrap_or(AccountId::DIRECTORY);
        let view = self.store().view(account)?;
        let mut ledger = Ledger::open(&view, account)?;
        let known = counts(&mut ledger, &view, Table::Letters, ALL_LETTERS)?;
        Ok((known.unwanted, known.wanted))
    }

    fn content_of(&self, letter: &Bytes) -> Result<Content, EngineError> {
        let mut upload = self.upload()?;
        upload.write(letter)?;
        let staged = upload.finish()?;
        let block = letter.slice(..header::length(letter));
        let read = |range| letter.read(range);
        Content::read(&block, staged.summary(), &read)
    }

    fn study(&self, lesson: Lesson) -> Result<Option<Learned>, EngineError> {
        let view = self.store().view(lesson.account)?;
        let Some(row) = view.item_row(lesson.account, lesson.at)? else {
            return Ok(None);
        };
        let Some(details) = view.details(lesson.account, row.item)? else {
            return Ok(None);
        };
        drop(view);
        let mailbox = self.account_as_server(lesson.account);
        let message = mailbox.message_with_prefix(&row, details.prefix.clone());
        let prefix = message.prefix_len();
        let read = |range: std::ops::Range<u64>| {
            message.read(range.start.saturating_add(prefix)..range.end.saturating_add(prefix))
        };
        let start = read(0..HEADER_BYTES_MAX as u64)?;
        let block = start.slice(..header::length(&start));
        let content = Content::read(&block, &details.summary, &read)?;
        let (account, content_id) = (lesson.account.0, row.content.0);
        let name = [&account.to_be_bytes()[..], &content_id.to_be_bytes()[..]].concat();
        Ok(Some(Learned {
            name: self.key(Table::Lessons, &name),
            words: self.word_keys(&content),
            origins: self.origin_keys(&Origins::of_prefix(&details.prefix)),
            opinion: lesson.opinion,
        }))
    }

    /// What stands for the words of a letter.
    pub(crate) fn word_keys(&self, content: &Content) -> Vec<Key> {
        let words = words(content).into_iter();
        words
            .map(|word| self.key(Table::Words, word.as_bytes()))
            .collect()
    }

    pub(super) fn key(&self, table: Table, name: &[u8]) -> Key {
        let mut hasher = blake3::Hasher::new_keyed(self.secret());
        hasher.update(b"spam").update(&[table as u8]).update(name);
        let mut key = [0; size_of::<Key>()];
        hasher.finalize_xof().fill(&mut key);
        Key::from_be_bytes(key)
    }

    fn keep_learned(&self, account: AccountId, letters: &[Learned]) -> Result<(), EngineError> {
        if letters.is_empty() {
            return Ok(());
        }
        let written = self.store().write(&[account], Origin::default(), |txn| {
            let mut ledger = Ledger::open(txn, account)?;
            for letter in letters {
                let is_all = account == AccountId::DIRECTORY;
                let origins = if is_all { &*letter.origins } else { &[] };
                learn(&mut ledger, txn, letter, origins)?;
            }
            ledger.save(txn)
        });
        Ok(written?.wait()?)
    }

    /// What the words of a letter say, by what an account has learned; `None` if that is too
    /// little.
    fn probability(&self, account: AccountId, words: &[Key]) -> Result<Option<f64>, EngineError> {
        if !self.store().may_have_role(account, Role::Learned)? {
            return Ok(None);
        }
        let view = self.store().view(account)?;
        let mut ledger = Ledger::open(&view, account)?;
        let letters = counts(&mut ledger, &view, Table::Letters, ALL_LETTERS)?;
        if letters.unwanted.min(letters.wanted) < bayes::LETTERS_MIN {
            return Ok(None);
        }
        let mut known = Vec::with_capacity(words.len());
        for word in words {
            known.push(counts(&mut ledger, &view, Table::Words, *word)?);
        }
        Ok(bayes::probability(letters, known.into_iter()))
    }

    /// Adds what the words of a letter say by what everyone's letters taught.
    pub fn words_of_all(
        &self,
        content: &Content,
    ) -> Result<(Vec<Key>, Option<Reason>), EngineError> {
        let words = self.word_keys(content);
        let found = self.probability(AccountId::DIRECTORY, &words)?;
        let reason = found.and_then(|found| reason(found, false));
        Ok((words, reason))
    }

    /// The same sum as one account sees it: with its own letters' words in place of everyone's, and
    /// marked if it does not know the author. `None` when it sees it like everyone.
    pub(crate) fn own_assessment(
        &self,
        account: AccountId,
        sum: &Assessment,
    ) -> Result<Option<Assessment>, EngineError> {
        let found = self.probability(account, &sum.words)?;
        let is_first = self.is_first_contact(account, &sum.author)?;
        if found.is_none() && !is_first {
            return Ok(None);
        }
        let others = sum
            .reasons
            .iter()
            .filter(|one| found.is_none() || !one.name.starts_with(WORDS));
        let own = found.and_then(|found| reason(found, true));
        let reasons = others.cloned().chain(own);
        let reasons = reasons.chain(is_first.then(contact::reason)).collect();
        Ok(Some(Assessment {
            words: sum.words.clone(),
            author: sum.author.clone(),
            ..Assessment::new(reasons, sum.junk)
        }))
    }
}

/// How reasons of this module begin.
const WORDS: &str = "WORDS_";

fn reason(probability: f64, is_own: bool) -> Option<Reason> {
    let points = bayes::points(probability, is_own);
    let (name, whose) = if is_own {
        ("WORDS_OWN", "the owner of the mailbox")
    } else {
        ("WORDS_ALL", "the people here")
    };
    let verb = if points > Points(0) {
        "does not want"
    } else {
        "wants"
    };
    let text = format!("its words are those of letters that {whose} {verb}");
    (points != Points(0)).then(|| Reason::new(name, points, &text))
}

fn learn(
    ledger: &mut Ledger,
    txn: &Txn<'_>,
    letter: &Learned,
    origins: &[Key],
) -> Result<(), EngineError> {
    let before = ledger.find(txn, Table::Lessons, letter.name)?;
    let before = before.map(|(opinion, _)| opinion);
    if before == Some(letter.opinion.number()) {
        return Ok(());
    }
    let was_learned = before.is_some();
    ledger.set(
        txn,
        Table::Lessons,
        letter.name,
        (letter.opinion.number(), 0),
    )?;
    let keys = letter.words.iter().map(|word| (Table::Words, *word));
    let keys = keys.chain(origins.iter().map(|origin| (Table::Reputations, *origin)));
    for (table, key) in keys.chain([(Table::Letters, ALL_LETTERS)]) {
        let mut known = counts(ledger, txn, table, key)?;
        let (more, less) = match letter.opinion {
            Opinion::Unwanted => (&mut known.unwanted, &mut known.wanted),
            Opinion::Wanted => (&mut known.wanted, &mut known.unwanted),
        };
        *more = more.saturating_add(1);
        *less = less.saturating_sub(u32::from(was_learned));
        ledger.set(txn, table, key, (known.unwanted, known.wanted))?;
    }
    let letters = counts(ledger, txn, Table::Letters, ALL_LETTERS)?;
    if letters.unwanted.saturating_add(letters.wanted) >= LETTERS_MAX {
        ledger.halve(txn, Table::Words)?;
        ledger.halve(txn, Table::Reputations)?;
        ledger.halve(txn, Table::Letters)?;
    }
    Ok(())
}

fn counts(
    ledger: &mut Ledger,
    reads: &dyn Reads,
    table: Table,
    key: Key,
) -> Result<Counts, EngineError> {
    let (unwanted, wanted) = ledger.find(reads, table, key)?.unwrap_or_default();
    Ok(Counts { unwanted, wanted })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::Rehearsal;

    /// Spread over pages, as hashes are.
    fn spread(number: u64) -> Key {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn letter(name: u64, opinion: Opinion) -> Learned {
        Learned {
            name: spread(name),
            words: vec![1 << 60, 2 << 60, spread(name + (1 << 32))],
            origins: Vec::new(),
            opinion,
        }
    }

    #[test]
    fn counts_are_halved_after_many_letters_so_that_what_is_new_counts_more() {
        let house = Rehearsal::new(crate::Settings::default()).unwrap();
        let account = house.person("alice@example.test").unwrap().account;
        let letters: Vec<Learned> = (0..u64::from(LETTERS_MAX) - 1)
            .map(|name| letter(name, Opinion::Unwanted))
            .collect();
        let engine = &house.engine;
        engine.keep_learned(account, &letters).unwrap();
        let known = || engine.letters_learned(Some(account)).unwrap();
        assert_eq!(known(), (LETTERS_MAX - 1, 0));
        let last = letter(u64::from(LETTERS_MAX), Opinion::Unwanted);
        engine.keep_learned(account, &[last]).unwrap();
        assert_eq!(known(), (LETTERS_MAX / 2, 0));
        let view = engine.store().view(account).unwrap();
        let mut ledger = Ledger::open(&view, account).unwrap();
        let mut of = |key| {
            counts(&mut ledger, &view, Table::Words, key)
                .unwrap()
                .unwanted
        };
        assert_eq!(
            (of(1 << 60), of(spread(7 + (1 << 32)))),
            (LETTERS_MAX / 2, 0)
        );
    }

    #[test]
    fn one_letter_is_learned_once_and_another_opinion_takes_the_first_back() {
        let house = Rehearsal::new(crate::Settings::default()).unwrap();
        let account = house.person("alice@example.test").unwrap().account;
        for (opinion, known) in [
            (Opinion::Unwanted, (1, 0)),
            (Opinion::Unwanted, (1, 0)),
            (Opinion::Wanted, (0, 1)),
        ] {
            house
                .engine
                .keep_learned(account, &[letter(9, opinion)])
                .unwrap();
            assert_eq!(house.engine.letters_learned(Some(account)).unwrap(), known);
        }
    }

    #[test]
    fn a_full_page_forgets_what_was_touched_longest_ago() {
        let house = Rehearsal::new(crate::Settings::default()).unwrap();
        let account = house.person("alice@example.test").unwrap().account;
        let view = house.engine.store().view(account).unwrap();
        let mut ledger = Ledger::open(&view, account).unwrap();
        let key = |number: u64| number << 24; // All in the first page.
        for number in 1..=200 {
            ledger
                .set(&view, Table::Words, key(number), (1, 0))
                .unwrap();
        }
        ledger.set(&view, Table::Words, key(1), (2, 0)).unwrap();
        ledger.set(&view, Table::Words, key(201), (1, 0)).unwrap();
        let mut find = |number| ledger.find(&view, Table::Words, key(number)).unwrap();
        assert_eq!(
            (find(1), find(2), find(201)),
            (Some((2, 0)), None, Some((1, 0)))
        );
    }
}
