//! Requests that wait until something happens, for five minutes.
//!
//! A waiting client costs a task, a stream and a place among those that the account wakes: no thread.
//!
//! Start at [`wait`].
//!
//! Source: [MS-OXCMAPIHTTP] 2.2.4.4, 3.2.5.5; [MS-OXCNOTIF] 3.1.4.

use super::super::exchange::Response;
use super::endpoint::{Admitted, Counter, Desk, News, Spoken};
use super::frame::PENDING_PERIOD;
use ::mapi::codec::transport::framing;
use ::mapi::codec::transport::header::ResponseCode;
use ::mapi::contexts::Cookies;
use bytes::Bytes;
use engine::{AccountId, Watch};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

/// How long a client waits before it hears that nothing happened. Source: [MS-OXCMAPIHTTP] 3.2.5.5.
const PATIENCE: Duration = Duration::from_mins(5);
/// Pieces that wait for the client.
const PIECES_WAITING: usize = 2;

/// Someone who waits.
struct Waiter<P: Spoken> {
    counter: Arc<Counter<P>>,
    desk: Arc<Desk<P::Session>>,
    owner: AccountId,
    cookies: Cookies,
    /// Which of those who waited here; the last one counts.
    turn: u64,
    give: mpsc::Sender<Bytes>,
}

/// How the wait went.
enum Outcome {
    Happened,
    Nothing,
    /// Nobody is there to be told.
    Gone,
}

/// Answers once something has happened in a session, or nothing has for long enough.
pub fn wait<P: Spoken>(
    counter: &Arc<Counter<P>>,
    admitted: Admitted<P::Request>,
) -> Result<Response, ResponseCode> {
    let owner = admitted.user.account;
    let now = counter.shared.engine.now();
    let begun = counter
        .desks
        .lock()
        .begin_beside(admitted.cookies, owner, now);
    let (desk, cookies) = begun?;
    let turn = desk.waits.fetch_add(1, Ordering::AcqRel) + 1;
    desk.bell.notify_waiters(); // Whoever waited before is answered now.
    let (give, take) = mpsc::channel(PIECES_WAITING);
    let _ = give.try_send(Bytes::from_static(framing::PROCESSING));
    let response = admitted.frame.streamed(cookies.fields(P::ENDPOINT), take);
    let waiter = Waiter {
        counter: Arc::clone(counter),
        desk,
        owner,
        cookies,
        turn,
        give,
    };
    tokio::spawn(async move {
        let outcome = waiter.outcome().await;
        let Waiter { counter, give, .. } = waiter;
        let now = counter.shared.engine.now();
        counter.desks.lock().end_beside(cookies, now);
        let answered = match outcome {
            Ok(Outcome::Gone) => return,
            Ok(Outcome::Happened) => counter.spoken.said(admitted.request, true),
            Ok(Outcome::Nothing) => counter.spoken.said(admitted.request, false),
            Err(code) => Err(code),
        };
        let body = answered.as_deref().map_err(|code| *code);
        let _ = give.send(admitted.frame.done(body, now)).await;
    });
    Ok(response)
}

impl<P: Spoken> Waiter<P> {
    async fn outcome(&self) -> Result<Outcome, ResponseCode> {
        let end = Instant::now() + PATIENCE;
        let mut stopping = self.counter.shared.surroundings.stopping.clone();
        loop {
            // Listening begins before looking, so that nothing falls between.
            let rung = self.desk.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            if !self.is_last() {
                return Ok(Outcome::Nothing);
            }
            let mut news = self.look().await?;
            if news.is_pending {
                return Ok(Outcome::Happened);
            }
            tokio::select! {
                () = rung => {}
                () = changed(&mut news.watches) => {}
                () = sleep(PENDING_PERIOD) => {
                    let pending = Bytes::from_static(framing::PENDING);
                    if self.give.try_send(pending).is_err() {
                        return Ok(Outcome::Gone);
                    }
                }
                () = self.give.closed() => return Ok(Outcome::Gone),
                () = sleep_until(end) => return Ok(Outcome::Nothing),
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(Outcome::Nothing),
            }
        }
    }

    /// False once another waits in its place, or the session has ended.
    fn is_last(&self) -> bool {
        let is_last = self.desk.waits.load(Ordering::Acquire) == self.turn;
        is_last && self.counter.desks.lock().is_open(self.cookies)
    }

    /// Looks where that may take long.
    async fn look(&self) -> Result<News, ResponseCode> {
        let desk = Arc::clone(&self.desk);
        let pool = &self.counter.shared.surroundings.disk;
        let looked = pool.run(Some(self.owner), move || P::news(&mut desk.session.lock()));
        looked.await.unwrap_or(Err(ResponseCode::UnknownFailure))
    }
}

/// Resolves when one of these accounts has changed.
async fn changed(watches: &mut [Watch]) {
    poll_fn(|context| {
        let mut all = watches.iter_mut();
        if all.any(|watch| Pin::new(watch).poll(context).is_ready()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
