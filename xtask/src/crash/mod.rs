//! Kills the server again and again under load, and looks whether anything acknowledged was lost.
//!
//! `cargo xtask crash [KILLS] [SEED]`. Clients of our own write letters by SMTP and IMAP and remove
//! some; a [`ledger`] outside the server notes each intent and each acknowledgement. After every
//! `kill -9` the store is checked by `facteur check`, the server starts again, and what it shows
//! must agree with the ledger: all that was acknowledged is there once and unchanged, nothing
//! removed is back, nothing is there twice.
//!
//! Bounded: a round lasts at most [`ROUND_MILLISECONDS_MAX`] before its kill, whatever happens.

mod clients;
mod ledger;
mod process;

use crate::Failure;
use clients::Imap;
use ledger::Ledger;
use process::{ACCOUNTS, Site};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Kills when the command line names no number.
const KILLS: u64 = 20;
/// The longest that a round runs before the kill.
const ROUND_MILLISECONDS_MAX: u64 = 1_200;
/// Writers of each kind; together they keep group commit busy.
const WRITERS: usize = 4;

/// The chore.
pub fn run(root: &Path) -> Result<(), Failure> {
    let kills = argument(2)?.unwrap_or(KILLS);
    let mut random = Random(argument(3)?.unwrap_or(1).max(1));
    let site = Site::prepare(root)?;
    let ledger = Arc::new(Ledger::create(&site.ledger_path())?);
    for kill in 1..=kills {
        let load = Duration::from_millis(50 + random.below(ROUND_MILLISECONDS_MAX - 50));
        let opened_in = round(&site, &ledger, &mut random, load)?;
        let (acknowledged, intended) = ledger.totals();
        println!(
            "crash: kill {kill}/{kills} after {} ms, opened in {} ms, {acknowledged} of {intended} \
             acknowledged, 0 lost, 0 doubled",
            load.as_millis(),
            opened_in.as_millis(),
        );
    }
    site.remove();
    println!("{kills} passed, 0 failed");
    Ok(())
}

/// One life of the server: start, compare with the ledger, load, kill, check. Answers how long
/// opening took.
fn round(
    site: &Site,
    ledger: &Arc<Ledger>,
    random: &mut Random,
    load: Duration,
) -> Result<Duration, Failure> {
    let mut server = site.start()?;
    let opened_in = server.opened_in;
    compare(site, ledger)?;
    let stop = Arc::new(AtomicBool::new(false));
    let writers = start_writers(site, ledger, random, &stop);
    std::thread::sleep(load);
    server.kill()?;
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer
            .join()
            .map_err(|_| "a writer of the crash test panicked".to_owned())?;
    }
    site.check()?;
    Ok(opened_in)
}

fn start_writers(
    site: &Site,
    ledger: &Arc<Ledger>,
    random: &mut Random,
    stop: &Arc<AtomicBool>,
) -> Vec<JoinHandle<()>> {
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        for work in [clients::deliver, clients::append, clients::remove] {
            let (ports, ledger, stop) = (site.ports(), Arc::clone(ledger), Arc::clone(stop));
            let (account, seed) = (number % ACCOUNTS, random.next());
            writers.push(std::thread::spawn(move || {
                // The connection ends with the server: that is the point, not an error.
                let _ = work(&ports, account, &ledger, Random(seed | 1), &stop);
            }));
        }
    }
    writers
}

/// Reads every mailbox and holds it against the ledger.
fn compare(site: &Site, ledger: &Ledger) -> Result<(), Failure> {
    for account in 0..ACCOUNTS {
        let mut imap = Imap::sign_in(&site.ports(), account).map_err(|e| e.to_string())?;
        let shown = imap
            .all_letters()
            .map_err(|e| format!("reading account {account}: {e}"))?;
        ledger.compare(account, &shown)?;
    }
    Ok(())
}

fn argument(position: usize) -> Result<Option<u64>, Failure> {
    let Some(text) = std::env::args().nth(position) else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|_| format!("crash: {text} is not a number"))
}

/// Repeatable numbers (xorshift64*), so that a seed names a run.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`, which must not be 0.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
