//! Small documents that the server keeps for itself: what it has seen and still has to tell, and
//! what it was told.
//!
//! They are items of hidden folders of account 0, one folder for each topic. What is in them is the
//! business of who writes them. An [`Exchange`] takes some, keeps others and sends letters in one
//! commit, so that nothing is ever counted twice or told twice, whenever the power is cut.
//!
//! Start at [`Engine::memos`] and [`Engine::exchange_memos`].

use crate::delivery::{Envelope, Plan};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::upload::Staged;
use bytes::Bytes;
use std::ops::ControlFlow;
use std::sync::Arc;
use store::backend::{Direction, Pending, StagedBody};
use store::id::{AccountId, FolderId, Timestamp, Uid};
use store::model::{Body, ItemRow, Kind, Location, NewFolder, NewItem, Reads, Role, Shelf, Txn};

/// Memos of one topic that are read at a time: a day's notes, or what an administrator looks
/// through.
pub const MEMOS_MAX: usize = 10_000;

/// What a memo is about; each topic has numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What was seen within a short time.
    Seen,
    /// What is to be told to others.
    Owed,
    /// What others told.
    Told,
    /// Who may not connect.
    Bans,
    /// What accounts sent in the running hour.
    Sent,
    /// Who was asked to come again, and who did.
    Strangers,
    /// What was not yet learned.
    Lessons,
}

impl Topic {
    fn folder_name(self) -> &'static str {
        match self {
            Self::Seen => "Memos: seen",
            Self::Owed => "Memos: owed",
            Self::Told => "Memos: told",
            Self::Bans => "Memos: bans",
            Self::Sent => "Memos: sent",
            Self::Strangers => "Memos: strangers",
            Self::Lessons => "Memos: lessons",
        }
    }
}

/// One document, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memo {
    /// What it is about.
    pub topic: Topic,
    /// Its number, ascending and never used again.
    pub number: u32,
    /// When it was kept.
    pub at: Timestamp,
    location: Location,
    row: ItemRow,
}

/// What one commit does: all of it or nothing.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Memos that go.
    pub taken: Vec<Memo>,
    /// Memos that come.
    pub kept: Vec<(Topic, Vec<u8>)>,
    /// Letters that are sent.
    pub letters: Vec<(Envelope, Staged)>,
}

impl Engine {
    /// The memos of a topic, the oldest first, at most [`MEMOS_MAX`]. Reads the disk.
    pub fn memos(&self, topic: Topic) -> Result<Vec<Memo>, EngineError> {
        let view = self.store().view(AccountId::DIRECTORY)?;
        let Some(folder) = folder(&view, topic)? else {
            return Ok(Vec::new());
        };
        let mut memos = Vec::new();
        let all = 1..=u32::MAX;
        view.items(
            AccountId::DIRECTORY,
            folder,
            Shelf::Associated,
            all,
            Direction::Forward,
            &mut |uid, row| {
                memos.push(memo(topic, folder, uid, row));
                if memos.len() < MEMOS_MAX {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            },
        )?;
        Ok(memos)
    }

    /// What a memo says. Reads the disk.
    pub fn memo_text(&self, memo: &Memo) -> Result<Bytes, EngineError> {
        match memo.row.body {
            Some(body) => Ok(self.store().read_body(body, 0..memo.row.size)?),
            None => Ok(Bytes::new()),
        }
    }

    /// Takes memos, keeps others and sends letters in one commit.
    ///
    /// Errors: [`EngineError::NoSuchItem`] when a memo has gone already; nothing is done then.
    pub fn exchange_memos(&self, exchange: &Exchange) -> Result<Pending<()>, EngineError> {
        let mut bodies = Vec::with_capacity(exchange.kept.len());
        for (topic, text) in &exchange.kept {
            let mut spool = self.store().spool()?;
            spool.write(text)?;
            bodies.push((*topic, Arc::new(spool.finish()?)));
        }
        let plan = |(envelope, letter)| Plan::new(self, envelope, letter);
        let letters = exchange.letters.iter();
        let plans: Vec<Plan<'_>> = letters.map(|(e, l)| plan((e, l))).collect();
        let mut accounts: Vec<AccountId> = plans.iter().flat_map(Plan::accounts).collect();
        accounts.push(AccountId::DIRECTORY);
        accounts.sort_unstable();
        accounts.dedup();
        let origin = store::model::Origin::default();
        self.store().write(&accounts, origin, |txn| {
            for memo in &exchange.taken {
                txn.purge_item(AccountId::DIRECTORY, memo.location)?;
            }
            for (topic, body) in &bodies {
                keep(txn, *topic, body)?;
            }
            for plan in &plans {
                plan.carry_out(txn)?;
            }
            Ok(())
        })
    }
}

fn memo(topic: Topic, folder: FolderId, uid: Uid, row: ItemRow) -> Memo {
    Memo {
        topic,
        number: uid.0,
        at: row.received,
        location: Location {
            folder,
            shelf: Shelf::Associated,
            uid,
        },
        row,
    }
}

fn keep(txn: &mut Txn<'_>, topic: Topic, body: &Arc<StagedBody>) -> Result<(), EngineError> {
    let folder = match folder(txn, topic)? {
        Some(folder) => folder,
        None => new_folder(txn, topic)?,
    };
    let item = NewItem {
        shelf: Shelf::Associated,
        kind: Kind::Other,
        body: Some(Body::Staged(Arc::clone(body))),
        ..NewItem::mail(folder)
    };
    txn.insert_item(AccountId::DIRECTORY, &item)?;
    Ok(())
}

fn folder(reads: &dyn Reads, topic: Topic) -> Result<Option<FolderId>, EngineError> {
    let root = root(reads)?;
    let found = reads.child(AccountId::DIRECTORY, root, topic.folder_name())?;
    Ok(found.map(|(folder, _)| folder))
}

fn new_folder(txn: &mut Txn<'_>, topic: Topic) -> Result<FolderId, EngineError> {
    let new = NewFolder {
        parent: root(txn)?,
        name: topic.folder_name().to_owned(),
        kind: Kind::Other,
        hidden: true,
        ..NewFolder::default()
    };
    Ok(txn.create_folder(AccountId::DIRECTORY, &new)?)
}

fn root(reads: &dyn Reads) -> Result<Option<FolderId>, EngineError> {
    let root = reads.folder_with_role(AccountId::DIRECTORY, Role::Root)?;
    Ok(root.map(|(root, _)| root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::Rehearsal;

    fn house() -> Rehearsal {
        Rehearsal::new(crate::Settings::default()).unwrap()
    }

    fn keep(engine: &Engine, topic: Topic, text: &str) {
        let exchange = Exchange {
            kept: vec![(topic, text.as_bytes().to_vec())],
            ..Exchange::default()
        };
        engine.exchange_memos(&exchange).unwrap().wait().unwrap();
    }

    fn texts(engine: &Engine, topic: Topic) -> Vec<Bytes> {
        let memos = engine.memos(topic).unwrap();
        let texts = memos.iter().map(|memo| engine.memo_text(memo).unwrap());
        texts.collect()
    }

    #[test]
    fn memos_are_read_in_their_order_and_each_topic_has_its_own() {
        let house = house();
        let engine = &house.engine;
        for text in ["one", "two"] {
            keep(engine, Topic::Seen, text);
        }
        keep(engine, Topic::Told, "three");
        assert_eq!(texts(engine, Topic::Seen), ["one", "two"]);
        assert_eq!(texts(engine, Topic::Told), ["three"]);
        assert!(texts(engine, Topic::Owed).is_empty());
    }

    #[test]
    fn a_memo_is_taken_once_and_what_should_come_for_it_comes_once() {
        let house = house();
        let engine = &house.engine;
        keep(engine, Topic::Seen, "one");
        let exchange = Exchange {
            taken: engine.memos(Topic::Seen).unwrap(),
            kept: vec![(Topic::Owed, b"one of these".to_vec())],
            ..Exchange::default()
        };
        engine.exchange_memos(&exchange).unwrap().wait().unwrap();
        let again = engine.exchange_memos(&exchange).map(drop);
        assert_eq!(again, Err(EngineError::NoSuchItem));
        assert_eq!(texts(engine, Topic::Owed), ["one of these"]);
        assert!(texts(engine, Topic::Seen).is_empty());
    }
}
