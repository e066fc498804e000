//! A commit on its way to the disk.

use crate::error::StoreError;
use parking_lot::{Condvar, Mutex};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Tells when a commit is on disk. Cloned by all who wait for it; resolves once, for ever.
#[derive(Clone, Debug)]
pub struct Settlement(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    settled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    result: Option<Result<(), StoreError>>,
    wakers: Vec<Waker>,
}

impl Settlement {
    /// A commit that is still on its way.
    pub fn open() -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            settled: Condvar::new(),
        }))
    }

    /// A commit that changed nothing, or is on disk already.
    pub fn done() -> Self {
        let settlement = Self::open();
        settlement.settle(Ok(()));
        settlement
    }

    /// Says how it ended; the first call counts.
    pub fn settle(&self, result: Result<(), StoreError>) {
        let mut state = self.0.state.lock();
        if state.result.is_none() {
            state.result = Some(result);
            self.0.settled.notify_all();
            let wakers = std::mem::take(&mut state.wakers);
            drop(state); // A waker may run code that looks at this settlement again.
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// How it ended, if it has.
    pub fn result(&self) -> Option<Result<(), StoreError>> {
        self.0.state.lock().result.clone()
    }

    /// Blocks the thread until it has ended. For commands and tests; drivers await instead.
    pub fn wait(&self) -> Result<(), StoreError> {
        let mut state = self.0.state.lock();
        loop {
            if let Some(result) = &state.result {
                return result.clone();
            }
            self.0.settled.wait(&mut state);
        }
    }
}

impl Future for Settlement {
    type Output = Result<(), StoreError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.0.state.lock();
        if let Some(result) = &state.result {
            return Poll::Ready(result.clone());
        }
        if !state
            .wakers
            .iter()
            .any(|waker| waker.will_wake(context.waker()))
        {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

/// The answer of a write whose place in the log is fixed but which may not be told before it is settled.
///
/// The value can only be had together with the wait, so an acknowledgement cannot come too early.
#[derive(Debug)]
#[must_use = "nothing may be acknowledged before the commit is settled"]
pub struct Pending<T> {
    value: T,
    settlement: Settlement,
}

impl<T> Pending<T> {
    /// Joins an answer with the commit that makes it true.
    pub fn new(value: T, settlement: Settlement) -> Self {
        Self { value, settlement }
    }

    /// Turns the answer into another, under the same commit.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Pending<U> {
        Pending {
            value: change(self.value),
            settlement: self.settlement,
        }
    }

    /// Takes it apart for a driver: the value may be used inside, but not told, before the settlement says so.
    pub fn split(self) -> (T, Settlement) {
        (self.value, self.settlement)
    }

    /// Blocks until the commit is settled.
    pub fn wait(self) -> Result<T, StoreError> {
        self.settlement.wait()?;
        Ok(self.value)
    }
}
