//! Being told that an account changed: wakers, no runtime, no thread.
//!
//! A watch is a few words and a slot for one waker. The backend calls in once for each settled
//! commit; who waits is woken then and there, outside of all locks.

use crate::id::AccountId;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

/// Changed by every commit that touches the queue of any account; never the number of an account.
pub(crate) const QUEUE_OF_ALL: AccountId = AccountId(u32::MAX);

/// Dead entries are swept when the table grew to twice what it was after the last sweep, from this
/// size on.
const SWEEP_AT_LEAST: usize = 1024;

/// All who watch, by account.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    table: Mutex<Table>,
    /// Accounts that changed since someone asked; `None` while nobody asks.
    changed: Mutex<Option<BTreeSet<AccountId>>>,
    /// Texts that came since the store was opened.
    texts: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    channels: HashMap<AccountId, Weak<Channel>>,
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Channel {
    /// Settled commits since the channel was made.
    commits: AtomicU64,
    wakers: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Watchers {
    pub(crate) fn watch(&self, account: AccountId) -> Watch {
        let mut table = self.table.lock();
        if table.channels.len() >= table.sweep_at.max(SWEEP_AT_LEAST) {
            table
                .channels
                .retain(|_, channel| channel.strong_count() > 0);
            table.sweep_at = table.channels.len() * 2;
        }
        let entry = table.channels.entry(account).or_default();
        let channel = entry.upgrade().unwrap_or_else(|| {
            let channel = Arc::new(Channel::default());
            *entry = Arc::downgrade(&channel);
            channel
        });
        drop(table);
        let seen = channel.commits.load(Ordering::Acquire);
        let slot = channel.wakers.lock().take_slot();
        Watch {
            channel,
            seen,
            slot,
        }
    }

    /// The accounts that changed since this was last asked.
    pub(crate) fn changed_accounts(&self) -> Vec<AccountId> {
        let noted = self.changed.lock().replace(BTreeSet::new());
        noted.into_iter().flatten().collect()
    }

    /// Notes an account as changed, and wakes nobody.
    pub(crate) fn note_changed(&self, account: AccountId) {
        if let Some(changed) = &mut *self.changed.lock() {
            changed.insert(account);
        }
    }

    /// Counts texts that a commit brought.
    pub(crate) fn count_texts(&self, texts: u64) {
        self.texts.fetch_add(texts, Ordering::Relaxed);
    }

    /// Texts that were counted so far.
    pub(crate) fn texts(&self) -> u64 {
        self.texts.load(Ordering::Relaxed)
    }

    /// Wakes all who watch one of these accounts.
    pub(crate) fn announce(&self, accounts: &[AccountId]) {
        if let Some(changed) = &mut *self.changed.lock() {
            let accounts = accounts.iter().filter(|&&account| account != QUEUE_OF_ALL);
            changed.extend(accounts);
        }
        for account in accounts {
            let channel = self
                .table
                .lock()
                .channels
                .get(account)
                .and_then(Weak::upgrade);
            if let Some(channel) = channel {
                channel.announce();
            }
        }
    }
}

impl Channel {
    fn announce(&self) {
        self.commits.fetch_add(1, Ordering::AcqRel);
        let wakers: Vec<Waker> = {
            let mut slots = self.wakers.lock();
            slots.wakers.iter_mut().filter_map(Option::take).collect()
        };
        wakers.into_iter().for_each(Waker::wake); // Outside of the lock: a waker may run anything.
    }
}

impl Slots {
    fn take_slot(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }
}

/// Tells when an account changed. As a `Future` it resolves at the next settled commit that it has
/// not told yet, and can then be awaited again.
#[derive(Debug)]
pub struct Watch {
    channel: Arc<Channel>,
    seen: u64,
    slot: usize,
}

impl Watch {
    /// True when a commit was settled since the watch was made or last told of one; tells of it
    /// only once.
    pub fn has_changed(&mut self) -> bool {
        let now = self.channel.commits.load(Ordering::Acquire);
        std::mem::replace(&mut self.seen, now) != now
    }
}

impl Future for Watch {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.has_changed() {
            return Poll::Ready(());
        }
        let slot = self.slot;
        if let Some(place) = self.channel.wakers.lock().wakers.get_mut(slot) {
            *place = Some(context.waker().clone());
        }
        // A commit may have been announced before the waker stood in its slot.
        if self.has_changed() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut slots = self.channel.wakers.lock();
        if let Some(place) = slots.wakers.get_mut(self.slot) {
            *place = None;
        }
        slots.free.push(self.slot);
    }
}
