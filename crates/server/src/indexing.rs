//! The thread that feeds the index of letters, behind the commits and with what time others leave.
//!
//! Nothing waits for it: a letter that it has not seen yet is found by looking at the letter. So
//! while clients are served it holds back, but never for long ([`Patience`]). What it has not
//! brought to disk when the server ends is read again at the next start.

use crate::house::House;
use crate::leisure::Patience;
use engine::search::{Fed, Feeder, Index, Sketches};
use engine::{AccountId, Engine, EngineError};
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use store::backend::embedded::Leisure;
use store::world::Vfs;
use store::world::disk::Disk;

/// How long what has changed is gathered before it is looked at.
const PAUSE: Duration = Duration::from_millis(100);
/// Steps for one account before the next has its turn.
const STEPS_PER_TURN: usize = 16;
/// Time without a byte from or to a client after which nobody is served.
const IDLE: Duration = Duration::from_millis(500);
/// Pauses for which letters are held back at most while clients are served: five seconds.
const PAUSES_HELD_BACK_MAX: u32 = 50;
/// New texts that are held back at most: a search reads as many letters in some sixteenth of a
/// second. What comes in masses is fed down to as many while it comes, so that little is left for
/// when others are served. Flags and moves bring no text, so however many of them are waiting costs
/// nobody anything.
const TEXTS_HELD_BACK_MAX: u64 = 1024;
/// Bytes that only memory holds, before they are written.
const PENDING_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Pauses after which less than that is written too: five minutes.
const PAUSES_UNSETTLED_MAX: u32 = 3000;
/// How far this thread stands behind those who serve people: the kernel's nice value.
const NICE: i32 = 10;

/// Where the index lies.
pub fn place(data: &Path) -> PathBuf {
    data.join("search")
}

/// The running thread.
pub struct Indexing {
    bell: Arc<Bell>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Bell {
    stopped: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    /// Waits; true when it is time to stop.
    fn wait(&self) -> bool {
        let mut stopped = self.stopped.lock();
        if !*stopped {
            self.rung.wait_for(&mut stopped, PAUSE);
        }
        *stopped
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.lock()
    }
}

/// Opens the index, has the engine use it and starts the thread.
pub fn start(house: &House) -> Result<Indexing, String> {
    let vfs: Arc<dyn Vfs> = Arc::new(Disk);
    let folder = place(&house.data);
    let index = Sketches::open(&vfs, &folder);
    let index = Arc::new(index.map_err(|error| format!("{}: {error}", folder.display()))?);
    house.engine.use_search_index(index.clone());
    let feeder = Feeder::new(&house.engine).ok_or("the engine has no index")?;
    let bell = Arc::new(Bell::default());
    let mut thread = Thread {
        engine: house.engine.clone(),
        index,
        feeder,
        leisure: house.leisure.clone(),
        patience: Patience::until_quiet(IDLE, PAUSES_HELD_BACK_MAX),
        waiting: BTreeSet::new(),
        level: Level::default(),
        unsettled: 0,
        bell: Arc::clone(&bell),
    };
    let handle = std::thread::Builder::new()
        .name("indexing".to_owned())
        .spawn(move || thread.run())
        .map_err(|error| format!("threads: {error}"))?;
    Ok(Indexing {
        bell,
        thread: handle,
    })
}

impl Indexing {
    /// Ends the thread after the step that it is at, and writes what it knows.
    pub fn stop(self) {
        *self.bell.stopped.lock() = true;
        self.bell.rung.notify_all();
        // A panic there was reported by its own thread.
        let _ = self.thread.join();
    }
}

struct Thread {
    engine: Engine,
    index: Arc<Sketches>,
    feeder: Feeder,
    leisure: Arc<dyn Leisure>,
    patience: Patience,
    /// Accounts that may have something new.
    waiting: BTreeSet<AccountId>,
    level: Level,
    /// Pauses since something waits to be written.
    unsettled: u32,
    bell: Arc<Bell>,
}

/// What was written and read when last nothing was left to feed.
#[derive(Default)]
struct Level {
    written: u64,
    read: u64,
}

impl Level {
    /// Texts that were written since and not read; a few more where some went before they were
    /// read.
    fn left(&self, written: u64, read: u64) -> u64 {
        let written = written.saturating_sub(self.written);
        written.saturating_sub(read.saturating_sub(self.read))
    }
}

impl Thread {
    fn run(&mut self) {
        // Without it the work is done all the same, only less politely.
        let _ = rustix::process::setpriority_process(None, NICE);
        self.engine.changed_accounts(); // From here on, changes are noted.
        match self.engine.account_numbers() {
            Ok(accounts) => self.waiting.extend(accounts),
            Err(error) => tracing::error!(%error, "indexing failed"),
        }
        loop {
            self.round();
            if self.bell.wait() {
                break;
            }
        }
        self.settle();
    }

    /// Feeds what waits, unless it is held back, and now and then writes what was fed.
    fn round(&mut self) {
        let written = self.engine.texts_written();
        self.waiting.extend(self.engine.changed_accounts());
        self.waiting.remove(&AccountId::DIRECTORY);
        if !self.waiting.is_empty() {
            let is_over = self.patience.is_over(&*self.leisure);
            if is_over || self.is_pressing() {
                self.feed(is_over);
            }
            if self.waiting.is_empty() {
                let read = self.feeder.texts_read();
                self.level = Level { written, read };
            }
        }
        if self.index.pending_bytes() > 0 {
            self.unsettled += 1;
        }
        if self.unsettled >= PAUSES_UNSETTLED_MAX {
            self.settle();
        }
    }

    /// Whether so much is left that a search would become slow: that is fed while clients are
    /// served. A walk through an account is of no use before its end.
    fn is_pressing(&self) -> bool {
        let (written, read) = (self.engine.texts_written(), self.feeder.texts_read());
        self.feeder.is_walking() || self.level.left(written, read) > TEXTS_HELD_BACK_MAX
    }

    /// Gives each account that waits one turn after the other, until all are fed or, if not all are
    /// asked for, as much as must be.
    fn feed(&mut self, all: bool) {
        while let Some(account) = self.waiting.pop_first() {
            match self.turn(account, all) {
                Ok(Fed::Done) => {}
                Ok(Fed::More) => {
                    self.waiting.insert(account);
                }
                Err(error) => tracing::warn!(account = account.0, %error, "indexing failed"),
            }
            let is_full = self.index.pending_bytes() >= PENDING_BYTES_MAX && !self.settle();
            let is_enough = !all && !self.is_pressing();
            if is_full || is_enough || self.bell.is_stopped() {
                return;
            }
        }
    }

    fn turn(&mut self, account: AccountId, all: bool) -> Result<Fed, EngineError> {
        for _ in 0..STEPS_PER_TURN {
            let fed = self.feeder.step(account)?;
            let is_enough = !all && !self.is_pressing();
            if fed == Fed::Done || is_enough || self.bell.is_stopped() {
                return Ok(fed);
            }
        }
        Ok(Fed::More)
    }

    /// Writes what is pending; false if it could not be written.
    fn settle(&mut self) -> bool {
        self.unsettled = 0;
        let settled = Index::settle(&*self.index);
        if let Err(error) = &settled {
            tracing::warn!(%error, "the index of letters could not be written");
        }
        settled.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Busy;

    impl Leisure for Busy {
        fn is_quiet(&self, _time: Duration) -> bool {
            false
        }
    }

    #[test]
    fn letters_are_held_back_while_clients_are_served_but_for_five_seconds_at_most() {
        let mut patience = Patience::until_quiet(IDLE, PAUSES_HELD_BACK_MAX);
        let held_back = (0..1_000).take_while(|_| !patience.is_over(&Busy)).count();
        assert_eq!(u32::try_from(held_back), Ok(PAUSES_HELD_BACK_MAX));
        assert_eq!(PAUSE * PAUSES_HELD_BACK_MAX, Duration::from_secs(5));
    }

    #[test]
    fn what_is_left_is_counted_from_when_nothing_was() {
        let level = Level {
            written: 10,
            read: 7,
        };
        assert_eq!(level.left(10, 7), 0);
        assert_eq!(level.left(15, 7), 5);
        assert_eq!(level.left(15, 9), 3);
        // An account that is learned from the beginning brings more to read than was written.
        assert_eq!(level.left(15, 100), 0);
    }
}
