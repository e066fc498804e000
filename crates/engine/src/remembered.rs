//! What is used in memory only and should outlive a restart: bans, what accounts sent in the
//! running hour, strangers who were asked to come again, lessons that wait.
//!
//! Each kind is one memo, which the next one replaces. They are written behind, seldom and whole, and
//! only if they changed: nothing ever waits for that, and a kill forgets the last half a minute. What cannot
//! be read back is forgotten, too, since a server without it is only a little less well informed.
//!
//! Start at [`Engine::remember`]; [`Engine::open`] reads it back.

use crate::engine::Engine;
use crate::error::EngineError;
use crate::memo::{Exchange, Topic};
use crate::record::{Reader, Writer};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use store::StoreError;
use store::id::Timestamp;

/// One kind of what is remembered.
pub(crate) trait Remembered {
    /// Writes what still counts; how many things that are.
    fn write(&self, out: &mut Writer, now: Timestamp) -> usize;

    /// Takes up what was written, within its own bounds.
    fn read(&self, input: &mut Reader<'_>, now: Timestamp) -> Result<(), StoreError>;
}

/// Fingerprints of the memos as they are in the store; `None` for none.
#[derive(Debug, Default)]
pub(crate) struct Written(Mutex<BTreeMap<Topic, Option<blake3::Hash>>>);

impl Engine {
    /// What is remembered, and under which topic.
    fn remembered(&self) -> [(Topic, &dyn Remembered); 4] {
        [
            (Topic::Bans, &self.traffic().bans),
            (Topic::Sent, &self.traffic().sent),
            (Topic::Strangers, self.greylist()),
            (Topic::Lessons, self.lessons()),
        ]
    }

    /// Puts what changed since this was last done into the store, in one commit.
    ///
    /// Reads and writes the disk. Errors: those of the store; it is tried again the next time.
    pub fn remember(&self) -> Result<(), EngineError> {
        let mut written = self.written().0.lock();
        let (mut exchange, mut news) = (Exchange::default(), Vec::new());
        for (topic, kind) in self.remembered() {
            let document = document(kind, self.now());
            let print = document.as_deref().map(blake3::hash);
            if written.get(&topic) == Some(&print) {
                continue;
            }
            exchange.taken.extend(self.memos(topic)?);
            exchange
                .kept
                .extend(document.map(|text| (topic, text.to_vec())));
            news.push((topic, print));
        }
        if !exchange.taken.is_empty() || !exchange.kept.is_empty() {
            self.exchange_memos(&exchange)?.wait()?;
        }
        written.extend(news);
        Ok(())
    }

    /// Takes up what an earlier process remembered.
    pub(crate) fn recall(&self) -> Result<(), EngineError> {
        let now = self.now();
        for (topic, kind) in self.remembered() {
            let memos = self.memos(topic)?;
            let Some(memo) = memos.last() else {
                continue;
            };
            let Ok(text) = self.memo_text(memo) else {
                continue;
            };
            // What was read up to a fault is as true as the rest was.
            let _ = Reader::new(&text).and_then(|mut input| kind.read(&mut input, now));
        }
        Ok(())
    }
}

/// What a memo says; `None` if there is nothing to remember.
fn document(kind: &dyn Remembered, now: Timestamp) -> Option<Bytes> {
    let mut out = Writer::new();
    let count = kind.write(&mut out, now);
    (count > 0).then(|| out.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::greylist::Comer;
    use crate::rehearsal::Rehearsal;
    use crate::traffic::{Allowance, Permission};
    use std::net::IpAddr;
    use store::id::AccountId;

    const BAD: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 66));
    const DELAY: u32 = 300;

    fn house() -> Rehearsal {
        Rehearsal::new(Settings::default()).unwrap()
    }

    fn meets(house: &Rehearsal, sender: &str) -> bool {
        let comer = Comer {
            peer: BAD,
            sender,
            recipients: &["bob@example.test".to_owned()],
        };
        let engine = &house.engine;
        engine.greylist().meet(&comer, DELAY, engine.now())
    }

    #[test]
    fn bans_outlive_a_restart_until_they_end() {
        let house = house();
        let engine = &house.engine;
        engine.traffic().ban(BAD, 600, "guesses", engine.now());
        engine.remember().unwrap();
        let house = house.restarted().unwrap();
        let (engine, bans) = (&house.engine, |engine: &Engine| {
            engine.traffic().bans(engine.now())
        });
        let known = bans(engine);
        assert_eq!(
            (known.len(), known[0].address, known[0].why.as_str()),
            (1, BAD, "guesses")
        );
        house.pass(601);
        assert_eq!(bans(&house.restarted().unwrap().engine), []);
    }

    #[test]
    fn a_ban_that_was_ended_is_not_remembered() {
        let house = house();
        let traffic = house.engine.traffic();
        traffic.ban(BAD, 600, "guesses", house.engine.now());
        house.engine.remember().unwrap();
        assert!(traffic.forgive(BAD));
        house.engine.remember().unwrap();
        let again = house.restarted().unwrap().engine;
        assert_eq!(again.traffic().bans(again.now()), []);
        assert!(again.memos(Topic::Bans).unwrap().is_empty());
    }

    #[test]
    fn strangers_need_not_begin_anew_after_a_restart_and_those_known_stay_known() {
        let house = house();
        assert!(!meets(&house, "a@far.test"));
        house.engine.remember().unwrap();
        let house = house.restarted().unwrap();
        house.pass(i64::from(DELAY));
        assert!(meets(&house, "a@far.test"));
        house.engine.remember().unwrap();
        let house = house.restarted().unwrap();
        assert!(meets(&house, "b@far.test"), "others of that domain");
        assert!(!meets(&house, "b@elsewhere.test"));
    }

    #[test]
    fn an_account_that_sent_too_much_is_not_let_off_by_a_restart() {
        let house = house();
        let allowance = Allowance {
            sent: Some(10),
            ..Allowance::default()
        };
        let send = |house: &Rehearsal, count| {
            let engine = &house.engine;
            let now = engine.now();
            engine.traffic().send(AccountId(7), count, &allowance, now)
        };
        assert_eq!(send(&house, 10), Permission::Yes);
        assert_eq!(send(&house, 1), Permission::Alarm(10));
        house.engine.remember().unwrap();
        let house = house.restarted().unwrap();
        assert_eq!(send(&house, 1), Permission::No(10), "and it was told");
        house.pass(3_600);
        assert_eq!(send(&house, 10), Permission::Yes);
    }

    #[test]
    fn what_did_not_change_is_not_written_again() {
        let house = house();
        let engine = &house.engine;
        engine.traffic().ban(BAD, 600, "guesses", engine.now());
        let number = || engine.memos(Topic::Bans).unwrap()[0].number;
        engine.remember().unwrap();
        let first = number();
        engine.remember().unwrap();
        assert_eq!(number(), first);
        engine.traffic().ban(BAD, 700, "guesses", engine.now());
        engine.remember().unwrap();
        assert!(number() > first);
        assert_eq!(engine.memos(Topic::Bans).unwrap().len(), 1);
    }

    #[test]
    fn what_could_not_be_written_is_written_the_next_time() {
        let house = house();
        let engine = &house.engine;
        engine.traffic().ban(BAD, 600, "guesses", engine.now());
        house.fail_next_commit(StoreError::Full);
        assert!(engine.remember().is_err());
        engine.remember().unwrap();
        let again = house.restarted().unwrap().engine;
        assert!(again.traffic().banned(BAD, again.now()).is_some());
    }

    #[test]
    fn what_cannot_be_read_is_forgotten_and_nothing_fails() {
        let house = house();
        let topics = house.engine.remembered().map(|(topic, _)| topic);
        for text in [&b"\x01\xff\xff\xff\xff\xff"[..], b"", b"\x07"] {
            let exchange = Exchange {
                kept: topics.map(|topic| (topic, text.to_vec())).into(),
                ..Exchange::default()
            };
            let engine = &house.engine;
            engine.exchange_memos(&exchange).unwrap().wait().unwrap();
            let again = house.restarted().unwrap().engine;
            assert_eq!(again.traffic().bans(again.now()), []);
        }
    }
}
