//! The daily round: what was seen is added up, and told to those who want to hear it.
//!
//! Three steps, each one commit: batches of a day become what is owed to each domain; what is owed
//! becomes letters in the queue. So a kill between any two of them loses nothing and tells nothing
//! twice. A domain that cannot be asked now is asked in the next round, for some days.
//!
//! Blocks; start at [`flush`] and [`round`].

use super::compose::{self, Document, Period, Reporter};
use super::destination::{self, LetterPolicy, Place};
use super::observed::{Batch, Letters, Sessions};
use super::tally::DAY;
use crate::house::House;
use crate::outbound::fetch::Web;
use crate::outbound::names::Names;
use engine::delivery::{Arrival, Failing};
use engine::memo::{Exchange, Memo, Topic};
use engine::queue::{Notify, Return, Wishes};
use engine::{Engine, EngineError, Envelope, Recipient, Staged};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::Future;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Seconds for which it is tried to tell someone.
const PATIENCE: i64 = 3 * DAY;

/// What a round needs of the world.
pub struct World<'a> {
    /// The store, the settings and the tally.
    pub house: &'a House,
    /// Who knows where reports go.
    pub names: &'a dyn Names,
    /// How web servers are reached.
    pub web: &'a Web,
    /// Where all this is waited for.
    pub runtime: &'a Handle,
    /// Becomes true when the server stops: nothing is waited for any more.
    pub stopping: watch::Receiver<bool>,
}

impl World<'_> {
    /// Waits for an answer, as long as the server runs; `None` when it stops.
    pub fn wait<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        let mut stopping = self.stopping.clone();
        self.runtime.block_on(async {
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => None,
                answer = answer => Some(answer),
            }
        })
    }
}

/// Of which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Of the days that are over.
    Midnight,
    /// Of today, too.
    Now,
}

/// What came of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Reports that are on their way.
    pub sent: usize,
    /// Domains that want none.
    pub unwanted: usize,
    /// Domains that could not be asked.
    pub waiting: usize,
    /// Nobody here could be their author, so nothing was sent.
    pub is_anonymous: bool,
}

/// What is owed to one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Owed {
    begin: i64,
    end: i64,
    domain: String,
    facts: Facts,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Facts {
    Letters(Letters),
    Sessions(Sessions),
}

impl Owed {
    fn period(&self) -> Period {
        Period {
            begin: self.begin,
            end: self.end,
        }
    }
}

/// Puts what was seen lately into the store.
pub fn flush(house: &House) -> Result<(), EngineError> {
    for batch in house.tally.take(house.engine.now().seconds()) {
        let exchange = Exchange {
            kept: vec![(Topic::Seen, text_of(&batch))],
            ..Exchange::default()
        };
        house.engine.exchange_memos(&exchange)?.wait()?;
    }
    Ok(())
}

/// Adds up what was seen, and tells it.
///
/// Errors: those of the store; what was not told is told in the next round.
pub fn round(world: &World<'_>, until: Until) -> Result<Done, EngineError> {
    flush(world.house)?;
    fold(&world.house.engine, until)?;
    tell(world)
}

/// Makes of the batches of days that are over what is owed to each domain.
fn fold(engine: &Engine, until: Until) -> Result<(), EngineError> {
    let midnight = engine.now().seconds().div_euclid(DAY) * DAY;
    let mut days: BTreeMap<i64, (Vec<Memo>, Option<Batch>)> = BTreeMap::new();
    for memo in engine.memos(Topic::Seen)? {
        let Some(batch) = read::<Batch>(engine, &memo)? else {
            discard(engine, memo)?;
            continue;
        };
        if until == Until::Midnight && batch.end >= midnight {
            continue;
        }
        let (memos, sum) = days.entry(batch.begin.div_euclid(DAY)).or_default();
        memos.push(memo);
        match sum {
            Some(sum) => sum.absorb(batch),
            None => *sum = Some(batch),
        }
    }
    for (taken, sum) in days.into_values() {
        let kept = sum.map(owed).unwrap_or_default();
        let kept = kept.iter().map(|one| (Topic::Owed, text_of(one)));
        let exchange = Exchange {
            taken,
            kept: kept.collect(),
            ..Exchange::default()
        };
        engine.exchange_memos(&exchange)?.wait()?;
    }
    Ok(())
}

fn owed(batch: Batch) -> Vec<Owed> {
    if batch.left_out > 0 {
        let left_out = batch.left_out;
        tracing::warn!(left_out, "too much was seen on one day to report it all");
    }
    let (begin, end) = (batch.begin, batch.end);
    let of = |(domain, facts)| Owed {
        begin,
        end,
        domain,
        facts,
    };
    let letters = batch.letters.into_iter();
    let letters = letters.map(|(domain, letters)| (domain, Facts::Letters(letters)));
    let sessions = batch.sessions.into_iter();
    let sessions = sessions.map(|(domain, sessions)| (domain, Facts::Sessions(sessions)));
    letters.chain(sessions).map(of).collect()
}

/// Reports about letters, by the policy that they are about: that of several authors' domains, if
/// these have none of their own.
type ByPolicy = BTreeMap<(String, i64, i64), (LetterPolicy, Vec<Memo>, Vec<(String, Letters)>)>;

fn tell(world: &World<'_>) -> Result<Done, EngineError> {
    let engine = &world.house.engine;
    let Some(from) = author(world.house)? else {
        return keep_for_later(engine);
    };
    let (mut done, mut by_policy) = (Done::default(), ByPolicy::new());
    for memo in engine.memos(Topic::Owed)? {
        let Some(owed) = read::<Owed>(engine, &memo)? else {
            discard(engine, memo)?;
            continue;
        };
        let period = owed.period();
        match owed.facts {
            Facts::Letters(letters) => {
                let found = destination::of_letters(world.names, &owed.domain);
                match world.wait(found) {
                    Some(Ok(Some(policy))) => {
                        let key = (policy.domain.clone(), period.begin, period.end);
                        let group = by_policy.entry(key);
                        let group = group.or_insert_with(|| (policy, Vec::new(), Vec::new()));
                        group.1.push(memo);
                        group.2.push((owed.domain, letters));
                    }
                    Some(Ok(None)) => unwanted(engine, memo, &mut done)?,
                    Some(Err(_)) | None => later(engine, memo, &mut done)?,
                }
            }
            Facts::Sessions(sessions) => {
                let found = destination::of_sessions(world.names, &owed.domain);
                match world.wait(found) {
                    Some(Ok(places)) if places.is_empty() => unwanted(engine, memo, &mut done)?,
                    Some(Ok(places)) => {
                        let who = reporter(engine, &from);
                        let report = compose::of_sessions(&who, period, &owed.domain, &sessions);
                        send(world, &who, &report, &places, vec![memo], &mut done)?;
                    }
                    Some(Err(_)) | None => later(engine, memo, &mut done)?,
                }
            }
        }
    }
    for ((_, begin, end), (policy, memos, letters)) in by_policy {
        let who = reporter(engine, &from);
        let report = compose::of_letters(&who, Period { begin, end }, &policy, &letters);
        send(world, &who, &report, &policy.places, memos, &mut done)?;
    }
    Ok(done)
}

/// Without a domain there is nobody who could be answered: what is owed waits for one.
fn keep_for_later(engine: &Engine) -> Result<Done, EngineError> {
    let mut done = Done {
        is_anonymous: true,
        ..Done::default()
    };
    for memo in engine.memos(Topic::Owed)? {
        later(engine, memo, &mut done)?;
    }
    if done.waiting > 0 {
        let waiting = done.waiting;
        tracing::info!(
            waiting,
            "reports wait for an author: a domain, or [reports] from"
        );
    }
    Ok(done)
}

/// Who the reports are from: what the configuration says, or postmaster of the first domain.
fn author(house: &House) -> Result<Option<String>, EngineError> {
    if let Some(from) = &house.configuration.reports.from {
        return Ok(Some(from.clone()));
    }
    let domains = house.engine.domains()?;
    let first = domains.first();
    Ok(first.map(|domain| format!("postmaster@{}", domain.name)))
}

fn reporter(engine: &Engine, from: &str) -> Reporter {
    Reporter {
        hostname: engine.settings().hostname.clone(),
        from: from.to_owned(),
        name: engine.new_letter_name(),
        now: engine.now().seconds(),
    }
}

/// Sends one report to all places, and takes with the same commit what it was made of.
fn send(
    world: &World<'_>,
    who: &Reporter,
    report: &Document,
    places: &[Place],
    memos: Vec<Memo>,
    done: &mut Done,
) -> Result<(), EngineError> {
    let engine = &world.house.engine;
    let (mut letters, mut is_told) = (Vec::new(), false);
    for place in places {
        match place {
            Place::Mail(address, bytes_max) => {
                let size = report.bytes.len() as u64;
                if bytes_max.is_some_and(|most| size > most) {
                    tracing::info!(address, size, "a report is larger than wanted");
                    is_told = true;
                    continue;
                }
                tracing::info!(report = who.name, address, "report");
                letters.push(letter(engine, who, report, address)?);
            }
            Place::Web(address) => {
                let post = world.web.post(address, report.media_type(), &report.bytes);
                match world.wait(post) {
                    Some(Ok(())) => {
                        tracing::info!(report = who.name, address, "report");
                        is_told = true;
                    }
                    Some(Err(why)) => tracing::warn!(address, why, "a report is not taken"),
                    None => {}
                }
            }
        }
    }
    if letters.is_empty() && !is_told {
        for memo in memos {
            later(engine, memo, done)?;
        }
        return Ok(());
    }
    done.sent += 1;
    let exchange = Exchange {
        taken: memos,
        letters,
        ..Exchange::default()
    };
    Ok(engine.exchange_memos(&exchange)?.wait()?)
}

fn letter(
    engine: &Engine,
    who: &Reporter,
    report: &Document,
    to: &str,
) -> Result<(Envelope, Staged), EngineError> {
    let mut upload = engine.upload()?;
    upload.write(&report.letter(who, to))?;
    let envelope = Envelope {
        sender: who.from.clone(),
        recipients: vec![Recipient {
            address: to.to_owned(),
            resolution: engine.resolve(to)?,
            notify: Notify {
                never: true, // A report that fails is of no use to anyone here.
                ..Notify::default()
            },
            original: None,
        }],
        envelope_id: None,
        returning: Return::default(),
        needs_utf8: !to.is_ascii(),
        wishes: Wishes::default(),
        submitter: None,
        arrival: Arrival {
            greeting: who.hostname.clone(),
            way: "local",
            is_ours: true,
            ..Arrival::default()
        },
        failing: Failing::Single,
    };
    Ok((envelope, upload.finish()?))
}

/// Leaves a memo for the next round, unless that was done for long enough.
fn later(engine: &Engine, memo: Memo, done: &mut Done) -> Result<(), EngineError> {
    if engine.now().seconds() - memo.at.seconds() < PATIENCE {
        done.waiting += 1;
        return Ok(());
    }
    unwanted(engine, memo, done)
}

fn unwanted(engine: &Engine, memo: Memo, done: &mut Done) -> Result<(), EngineError> {
    done.unwanted += 1;
    discard(engine, memo)
}

fn discard(engine: &Engine, memo: Memo) -> Result<(), EngineError> {
    let exchange = Exchange {
        taken: vec![memo],
        ..Exchange::default()
    };
    Ok(engine.exchange_memos(&exchange)?.wait()?)
}

/// What a memo holds; nothing if another version of this server wrote it.
fn read<T: for<'de> Deserialize<'de>>(
    engine: &Engine,
    memo: &Memo,
) -> Result<Option<T>, EngineError> {
    Ok(serde_json::from_slice(&engine.memo_text(memo)?).ok())
}

fn text_of(thing: &impl Serialize) -> Vec<u8> {
    // Of these types each can be written.
    serde_json::to_vec(thing).unwrap_or_default()
}
