//! Sends one letter after the other to one destination.
//!
//! A worker opens a connection for its first letter, keeps it while the scheduler has more for the
//! same destination, and a moment longer. A result is settled on disk before the next letter is
//! taken, so what a crash can double is what was in flight.
//!
//! Start at [`run`].

use super::candidates::{self, Nowhere};
use super::connection::{Connection, NoConnection, Terms};
use super::demand::{Demand, Demands};
use super::letter::Ready;
use super::route::{Dialect, Hop, Place};
use super::settings::Encryption;
use super::{Shared, dice, now, observing};
use crate::reports::tally::Tally;
use engine::queue::{
    Attempt, Ending, Job, NextHop, QueuedRecipient, Reason, RecipientResult, Settled, Status, Step,
    Verdict,
};
use engine::{EngineError, StoreError};
use smtp::client::Credentials;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Recipients of one transaction where the other server names no limit (RFC 5321 §4.5.3.1.8).
const RECIPIENTS_MAX: usize = 100;
/// Letters of one connection: others want their turn.
const LETTERS_MAX: u32 = 500;
/// How long a connection is kept for a letter that may come.
const KEEP: Duration = Duration::from_secs(2);
/// How long the addresses of one destination are tried for one letter.
const SEARCH: Duration = Duration::from_mins(5);

/// Sends this job, and then whatever comes for the same destination.
pub async fn run(shared: Arc<Shared>, first: Job) {
    let mut job = first;
    let mut connection = None;
    loop {
        let ending = shared.send(&job, &mut connection).await;
        let destination = Arc::clone(&job.destination);
        let next = {
            let mut scheduler = shared.scheduler.lock();
            scheduler.finished(&Step::Send(job), ending, now(), dice());
            let is_open = connection.as_ref().is_some_and(is_reusable);
            (is_open && !shared.is_stopping())
                .then(|| scheduler.next_for(&destination))
                .flatten()
        };
        shared.bell.notify_one();
        job = match next {
            Some(next) => next,
            None => match shared.park(&destination, connection.as_ref()).await {
                Some(next) => next,
                None => break,
            },
        };
    }
    if let Some(connection) = connection {
        connection.quit().await;
    }
}

fn is_reusable(connection: &Connection) -> bool {
    let most = connection.offered().letters_max.unwrap_or(LETTERS_MAX);
    connection.is_usable() && connection.letters < most.min(LETTERS_MAX)
}

/// What a letter says of encryption (RFC 8689).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// Only where it is proven.
    Strict,
    /// As the domain demands.
    Usual,
    /// Where it is offered; what the domain demands does not count.
    Waived,
}

/// What became of a letter, before it is settled.
struct Outcome {
    host: String,
    tls: String,
    verdicts: Vec<(QueuedRecipient, Verdict)>,
    ending: Ending,
}

impl Shared {
    /// Waits for a moment with an open connection; the answer is a further job.
    async fn park(&self, destination: &Arc<str>, connection: Option<&Connection>) -> Option<Job> {
        if !connection.is_some_and(is_reusable) || self.is_stopping() {
            return None;
        }
        // Who waits must leave room for those who work.
        let _place = self.idle_places.try_acquire().ok()?;
        let (give, mut given) = oneshot::channel();
        self.idle
            .lock()
            .entry(Arc::clone(destination))
            .or_default()
            .push(give);
        if let Ok(job) = timeout(KEEP, &mut given).await {
            return job.ok();
        }
        // From now on nobody can give a job; one may have been given just before.
        given.close();
        let mut idle = self.idle.lock();
        if let Some(waiting) = idle.get_mut(destination) {
            waiting.retain(|give| !give.is_closed());
            if waiting.is_empty() {
                idle.remove(destination);
            }
        }
        drop(idle);
        given.try_recv().ok()
    }

    /// Sends one job, and settles what became of it.
    async fn send(self: &Arc<Self>, job: &Job, connection: &mut Option<Connection>) -> Ending {
        let ready = {
            let (shared, job) = (Arc::clone(self), job.clone());
            let open = move || {
                let Shared {
                    engine,
                    routes,
                    signer,
                    ..
                } = &*shared;
                Ready::open(engine, routes, signer, &job)
            };
            self.pool.run(None, open).await
        };
        let ready = match ready {
            Ok(Ok(Some(ready))) => ready,
            Ok(Ok(None)) | Err(_) => return Ending::Nothing,
            Ok(Err(error)) => {
                tracing::error!(%error, "a queued letter cannot be read");
                return self.put_off_unreadable(job).await;
            }
        };
        let result = match ready.hop.place {
            Place::Here => self.deliver_here(&ready).await,
            _ => self.attempt(&ready, connection).await,
        };
        let ending = result.ending;
        self.settle(job, &ready, result).await;
        ending
    }

    /// Delivers to people here what waited for them.
    async fn deliver_here(self: &Arc<Self>, ready: &Ready) -> Outcome {
        let (shared, outgoing) = (Arc::clone(self), ready.outgoing.clone());
        let recipients = ready.recipients.clone();
        let deliver = move || shared.engine.queue_release_here(&outgoing, &recipients);
        let pending = match self.pool.run(None, deliver).await {
            Ok(Ok(pending)) => Ok(pending),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the server stops".to_owned()),
        };
        let verdicts = match pending.map(engine::Pending::split) {
            Ok((verdicts, settlement)) => match settlement.await {
                Ok(()) => Ok(verdicts),
                Err(error) => Err(error.to_string()),
            },
            Err(why) => Err(why),
        };
        let later = |why: String| {
            let reply = Some(why);
            let status = Status::new(4, 3, 0);
            for_all(&ready.recipients, &Verdict::Later(Reason { status, reply }))
        };
        Outcome {
            host: self.ourselves.hostname.clone(),
            tls: String::new(),
            verdicts: match verdicts {
                Ok(verdicts) => ready.recipients.iter().cloned().zip(verdicts).collect(),
                Err(why) => later(why),
            },
            ending: Ending::Served,
        }
    }

    /// A letter that cannot be read now is tried later, so that it does not turn in circles.
    async fn put_off_unreadable(self: &Arc<Self>, job: &Job) -> Ending {
        let (shared, key) = (Arc::clone(self), job.key);
        let later = move || {
            shared
                .engine
                .queue_update(key.account, key.id, |_, _, now| super::in_an_hour(now))
                .and_then(|pending| pending.wait().map_err(EngineError::from))
        };
        if let Ok(Err(error)) = self.pool.run(None, later).await {
            tracing::error!(%error, "the queue cannot be written");
            tokio::time::sleep(KEEP).await;
        }
        Ending::Nothing
    }

    async fn attempt(&self, ready: &Ready, connection: &mut Option<Connection>) -> Outcome {
        let mut wish = match (ready.outgoing.letter.needs_tls, ready.waives_tls) {
            (true, _) => Wish::Strict,
            (false, true) => Wish::Waived,
            (false, false) => Wish::Usual,
        };
        let had_one = connection.as_ref().is_some_and(is_reusable) && wish != Wish::Strict;
        if had_one && let Some(known) = connection.as_mut() {
            let result = self.transfer(ready, known, wish).await;
            // A server may close what was idle; that says nothing of the letter.
            if known.is_usable() || !is_all_broken(&result) {
                return result;
            }
        }
        if let Some(old) = connection.take() {
            old.quit().await;
        }
        let mut opened = self.connect(ready, wish).await;
        // A notice is not to be lost for that (RFC 8689 §5).
        let is_notice = ready.outgoing.letter.sender.is_empty();
        if wish == Wish::Strict && is_notice && opened.is_err() {
            wish = Wish::Usual;
            opened = self.connect(ready, wish).await;
        }
        match opened {
            Ok(mut new) if wish == Wish::Waived => {
                let result = self.transfer(ready, &mut new, wish).await;
                new.quit().await; // Other letters must not go over what was not proven.
                result
            }
            Ok(new) => {
                let new = connection.insert(new);
                self.transfer(ready, new, wish).await
            }
            Err(verdict) => Outcome {
                host: String::new(),
                tls: String::new(),
                ending: match verdict {
                    Verdict::Never(_) => Ending::Nothing,
                    _ => Ending::Unreachable,
                },
                verdicts: for_all(&ready.recipients, &verdict),
            },
        }
    }

    /// Hands the letter over an open connection, in portions of recipients.
    async fn transfer(&self, ready: &Ready, connection: &mut Connection, wish: Wish) -> Outcome {
        let most = connection
            .offered()
            .recipients_max
            .unwrap_or(RECIPIENTS_MAX);
        let mut verdicts = Vec::new();
        for portion in ready.recipients.chunks(most.clamp(1, RECIPIENTS_MAX)) {
            let heard = if connection.is_usable() {
                let mut message = ready.message(portion, now());
                message.needs_tls = wish == Wish::Strict;
                let mut pieces = ready.pieces(Arc::clone(&self.pool));
                connection.send(message, &mut pieces).await
            } else {
                vec![Verdict::Later(Reason::ours(Status::BROKEN)); portion.len()]
            };
            verdicts.extend(portion.iter().cloned().zip(heard));
        }
        let any_accepted = verdicts
            .iter()
            .any(|(_, verdict)| matches!(verdict, Verdict::Accepted(..)));
        let is_alive = connection.is_usable() || any_accepted;
        Outcome {
            host: connection.host.clone(),
            tls: connection.encrypted.to_string(),
            verdicts,
            ending: if is_alive {
                Ending::Served
            } else {
                Ending::Unreachable
            },
        }
    }

    /// Opens a connection to the first address that takes one.
    async fn connect(&self, ready: &Ready, wish: Wish) -> Result<Connection, Verdict> {
        timeout(SEARCH, self.search(ready, wish))
            .await
            .unwrap_or_else(|_| Err(Verdict::Later(Reason::ours(Status::NO_ANSWER))))
    }

    async fn search(&self, ready: &Ready, wish: Wish) -> Result<Connection, Verdict> {
        let hop = &ready.hop;
        let terms = self.terms(hop);
        if let Place::Socket(path) = &hop.place {
            let opened = Connection::open_socket(path, &terms, &self.keys).await;
            return opened.map_err(|none| Verdict::Later(none.reason));
        }
        let names = self.names.as_ref();
        let found = candidates::find(names, &hop.place, self.port, &self.ourselves, dice());
        let found = found.await.map_err(|nowhere| match nowhere {
            Nowhere::Later(reason) => Verdict::Later(reason),
            Nowhere::Never(reason) => Verdict::Never(reason),
        })?;
        let demands = self.demands(hop, wish, found.secure).await;
        self.note_fault(ready, demands.as_ref());
        let mut last = Reason::ours(Status::NO_ANSWER);
        let mut is_hopeless = !found.records.is_empty();
        for candidate in &found.records {
            let demand = match &demands {
                None => Ok(Demand::configured(hop.tls)),
                Some(demands) => demands.of(names, &candidate.host, self.port).await,
            };
            let opened = match &demand {
                Ok(demand) => Connection::open(candidate, &terms, &self.keys, demand).await,
                Err(reason) => Err(NoConnection {
                    reason: reason.clone(),
                    tls_failed: None,
                    source: None,
                }),
            };
            self.note_session(ready, demands.as_ref(), candidate, &demand, &opened);
            let reason = match opened {
                Ok(connection) if wish == Wish::Strict && !connection.offered().require_tls => {
                    connection.quit().await;
                    Reason::ours(Status::new(5, 7, 30))
                }
                Ok(connection) => return Ok(connection),
                Err(none) if wish == Wish::Strict => strictly(none),
                Err(none) => none.reason,
            };
            is_hopeless &= reason.status.class == 5;
            last = named(reason, candidate);
        }
        // What a letter demands for itself is refused for good where no server can give it.
        Err(if wish == Wish::Strict && is_hopeless {
            Verdict::Never(last)
        } else {
            Verdict::Later(last)
        })
    }

    /// Counts how it went, for the report to the domain.
    fn note_session(
        &self,
        ready: &Ready,
        demands: Option<&Demands>,
        candidate: &candidates::Candidate,
        demand: &Result<Demand, Reason>,
        opened: &Result<Connection, NoConnection>,
    ) {
        let Some((tally, domain, demands)) = self.reported(ready, demands) else {
            return;
        };
        let policy = demands.policy.as_deref();
        if let Some(session) = observing::session(domain, policy, candidate, demand, opened) {
            tally.note_session(session, now().seconds());
        }
    }

    /// Counts that the domain's policy could not be had, for the report to the domain.
    fn note_fault(&self, ready: &Ready, demands: Option<&Demands>) {
        let Some((tally, domain, _)) = self.reported(ready, demands) else {
            return;
        };
        if let Some(fault) = self.policies.fault(domain, now()) {
            let session = observing::without_policy(domain, &fault);
            tally.note_session(session, now().seconds());
        }
    }

    /// Where and under which domain it is counted what happens to this letter's connections.
    fn reported<'a>(
        &'a self,
        ready: &'a Ready,
        demands: Option<&'a Demands>,
    ) -> Option<(&'a Tally, &'a str, &'a Demands)> {
        let (tally, demands) = (self.tally.as_ref()?, demands?);
        let Place::Exchangers(domain) = &ready.hop.place else {
            return None;
        };
        // What a letter demands for itself says nothing of the domain; reports are never reported.
        let is_reported = !demands.strict && !ready.is_report;
        is_reported.then_some((&**tally, domain.as_str(), demands))
    }

    /// What the domain demands; `None` where the configuration has the word.
    async fn demands(&self, hop: &Hop, wish: Wish, signed: bool) -> Option<Demands> {
        let Place::Exchangers(domain) = &hop.place else {
            return None;
        };
        if hop.tls != Encryption::Offered || wish == Wish::Waived {
            return None;
        }
        let names = self.names.as_ref();
        Some(Demands {
            policy: self.policies.policy(names, &self.web, domain, now()).await,
            signed,
            strict: wish == Wish::Strict,
        })
    }

    fn terms(&self, hop: &Hop) -> Terms {
        Terms {
            hello: self.ourselves.hostname.clone(),
            dialect: match hop.dialect {
                Dialect::Smtp => smtp::client::Dialect::Smtp,
                Dialect::Lmtp => smtp::client::Dialect::Lmtp,
            },
            credentials: hop.credentials.clone().map(|(user, password)| Credentials {
                user,
                password,
                nonce: format!("{:016x}{:016x}", dice(), dice()),
            }),
            sources: self.sources.clone(),
        }
    }

    /// Puts the results on disk, and into the log.
    async fn settle(self: &Arc<Self>, job: &Job, ready: &Ready, result: Outcome) {
        self.log(ready, &result);
        let results = result
            .verdicts
            .into_iter()
            .map(|(recipient, verdict)| RecipientResult {
                address: recipient.address,
                verdict,
            });
        let attempt = Attempt {
            host: result.host,
            tls: result.tls,
            results: results.collect(),
            put_off_until: None,
        };
        let settled = match self.keep(job.key, attempt.clone()).await {
            // A full disk has no room for a notice, but always for who was served.
            Err(EngineError::Store(StoreError::Full)) => {
                self.keep(job.key, only_served(attempt)).await
            }
            settled => settled,
        };
        match settled {
            Ok(settled) => self.log_settled(ready, &settled),
            Err(error) => {
                // It will be sent again; not at once, since the disk does not get better by that.
                tracing::error!(letter = ready.outgoing.letter.letter, %error, "not settled");
                tokio::time::sleep(KEEP).await;
            }
        }
    }

    fn log(&self, ready: &Ready, result: &Outcome) {
        for (recipient, verdict) in &result.verdicts {
            let (event, answer) = match verdict {
                Verdict::Accepted(_, answer) => ("letter sent", answer.clone()),
                Verdict::Later(reason) => ("letter delayed", reason.to_string()),
                Verdict::Never(reason) => ("letter failed", reason.to_string()),
            };
            let facts = vec![
                ("letter", ready.outgoing.letter.letter.clone()),
                ("from", ready.outgoing.letter.sender.clone()),
                ("to", recipient.address.clone()),
                ("by", result.host.clone()),
                ("tls", result.tls.clone()),
                ("answer", answer),
            ];
            self.announce(event, facts);
        }
    }

    fn log_settled(&self, ready: &Ready, settled: &Settled) {
        for notice in &settled.notices {
            let facts = vec![
                ("letter", ready.outgoing.letter.letter.clone()),
                ("to", ready.outgoing.letter.sender.clone()),
                ("notice", notice.clone()),
            ];
            self.announce("sender told", facts);
        }
    }
}

/// The same attempt without notices: who was not served waits for an hour.
fn only_served(attempt: Attempt) -> Attempt {
    let without_notice = |result: RecipientResult| RecipientResult {
        verdict: match result.verdict {
            Verdict::Accepted(_, answer) => Verdict::Accepted(NextHop::Informs, answer),
            Verdict::Later(reason) | Verdict::Never(reason) => Verdict::Later(reason),
        },
        ..result
    };
    Attempt {
        results: attempt.results.into_iter().map(without_notice).collect(),
        put_off_until: Some(super::in_an_hour(now())),
        ..attempt
    }
}

/// Why a letter that demands encryption cannot be given over, for good where that is the fault of
/// encryption (RFC 8689 §4.2.1).
fn strictly(none: NoConnection) -> Reason {
    let NoConnection {
        reason, tls_failed, ..
    } = none;
    // A handshake that broke off may succeed later.
    let is_unproven = tls_failed.is_some_and(|failure| failure.result.starts_with("certificate-"));
    Reason {
        status: if is_unproven || reason.status == Status::new(4, 7, 10) {
            Status::new(5, 7, 10)
        } else {
            reason.status
        },
        reply: reason.reply,
    }
}

/// True when nobody was accepted because the connection was gone, or the other server had said
/// farewell to it (421, RFC 5321 §3.8), and the letter was not yet sent.
fn is_all_broken(result: &Outcome) -> bool {
    let is_farewell = |reply: &String| reply.starts_with("421");
    let broken = |verdict: &Verdict| match verdict {
        Verdict::Later(reason) => {
            reason.status == Status::BROKEN || reason.reply.as_ref().is_some_and(is_farewell)
        }
        _ => false,
    };
    result.verdicts.iter().all(|(_, verdict)| broken(verdict))
}

fn for_all(recipients: &[QueuedRecipient], verdict: &Verdict) -> Vec<(QueuedRecipient, Verdict)> {
    let recipients = recipients.iter().cloned();
    recipients.map(|one| (one, verdict.clone())).collect()
}

/// Our own words name the address that they are about.
fn named(reason: Reason, candidate: &candidates::Candidate) -> Reason {
    let reply = reason
        .reply
        .unwrap_or_else(|| reason.status.words().to_owned());
    let (host, address) = (&candidate.host, candidate.address.ip());
    Reason {
        status: reason.status,
        reply: Some(format!("{host} [{address}]: {reply}")),
    }
}
