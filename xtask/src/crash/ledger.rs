//! What was asked of the server and what it acknowledged, kept outside of it.

use crate::Failure;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

/// Where a letter stands, as far as its writer knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// Given to the server, no answer yet: it may be there or not.
    Intended,
    /// Acknowledged: it must be there.
    Stored,
    /// Its removal was asked for: it may be there or not.
    Leaving,
    /// Its removal was acknowledged: it must not be there.
    Removed,
}

#[derive(Debug)]
struct Entry {
    account: usize,
    stand: Stand,
    check: u64,
}

/// The ledger; every line is also appended to a file, for whoever looks into a failure.
pub struct Ledger(Mutex<Pages>);

struct Pages {
    entries: HashMap<u64, Entry>,
    file: File,
}

/// One letter as the server shows it.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// The number in its `X-Ledger` line.
    pub number: u64,
    /// [`checksum`] of its body.
    pub check: u64,
}

impl Ledger {
    /// An empty ledger with its file at `path`.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Self(Mutex::new(Pages {
            entries: HashMap::new(),
            file,
        })))
    }

    /// Notes a letter before its first byte is sent; answers its number.
    pub fn intend(&self, account: usize, body: &str) -> u64 {
        let mut pages = self.pages();
        let number = pages.entries.len() as u64 + 1;
        let entry = Entry {
            account,
            stand: Stand::Intended,
            check: checksum(body.as_bytes()),
        };
        pages.entries.insert(number, entry);
        pages.note(number, Stand::Intended);
        number
    }

    /// Notes that the server acknowledged it.
    pub fn stored(&self, number: u64) {
        self.pages().set(number, Stand::Stored);
    }

    /// Notes a removal before it is asked for; false when someone else removes it already.
    pub fn leave(&self, number: u64) -> bool {
        let mut pages = self.pages();
        let free = pages
            .entries
            .get(&number)
            .is_some_and(|e| e.stand == Stand::Stored);
        if free {
            pages.set(number, Stand::Leaving);
        }
        free
    }

    /// Notes that the server acknowledged the removal.
    pub fn removed(&self, number: u64) {
        self.pages().set(number, Stand::Removed);
    }

    /// How many letters were acknowledged (removed ones among them), and how many intended.
    pub fn totals(&self) -> (usize, usize) {
        let pages = self.pages();
        let acknowledged = pages
            .entries
            .values()
            .filter(|e| e.stand != Stand::Intended)
            .count();
        (acknowledged, pages.entries.len())
    }

    /// Holds what one account shows against the ledger; what was in doubt is settled by what is shown.
    pub fn compare(&self, account: usize, shown: &[Shown]) -> Result<(), Failure> {
        let mut pages = self.pages();
        let mut seen = HashMap::new();
        for letter in shown {
            if seen.insert(letter.number, letter.check).is_some() {
                return Err(format!("crash: letter {} is there twice", letter.number));
            }
        }
        for (number, entry) in pages
            .entries
            .iter_mut()
            .filter(|(_, e)| e.account == account)
        {
            entry.stand = judge(*number, entry, seen.remove(number))?;
        }
        match seen.keys().next() {
            Some(stranger) => Err(format!("crash: letter {stranger} was never written")),
            None => Ok(()),
        }
    }

    fn pages(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Pages {
    fn set(&mut self, number: u64, stand: Stand) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.stand = stand;
        }
        self.note(number, stand);
    }

    fn note(&mut self, number: u64, stand: Stand) {
        // The file is for the reader of a failure; the judgement uses the map.
        let _ = writeln!(self.file, "{number}\t{stand:?}");
    }
}

/// What is known of a letter after the server showed, or did not show, it.
fn judge(number: u64, entry: &Entry, shown: Option<u64>) -> Result<Stand, Failure> {
    match (entry.stand, shown) {
        (Stand::Stored, None) => Err(format!(
            "crash: letter {number} was acknowledged and is lost"
        )),
        (Stand::Removed, Some(_)) => Err(format!("crash: letter {number} was removed and is back")),
        (_, Some(check)) if check != entry.check => Err(format!("crash: letter {number} changed")),
        (_, Some(_)) => Ok(Stand::Stored),
        (Stand::Intended | Stand::Leaving | Stand::Removed, None) => Ok(Stand::Removed),
    }
}

/// FNV-1a, 64 bits: enough to tell that a body changed by accident.
pub fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let name = format!("crash-ledger-{:?}.tsv", std::thread::current().id());
        Ledger::create(&std::env::temp_dir().join(name)).unwrap()
    }

    #[test]
    fn an_acknowledged_letter_that_is_not_shown_is_lost() {
        let ledger = ledger();
        let number = ledger.intend(0, "x");
        ledger.stored(number);
        assert!(ledger.compare(0, &[]).unwrap_err().contains("lost"));
    }

    #[test]
    fn a_letter_in_flight_may_be_there_or_not_but_never_twice() {
        let ledger = ledger();
        let number = ledger.intend(0, "x");
        let shown = Shown {
            number,
            check: checksum(b"x"),
        };
        assert!(
            ledger
                .compare(0, &[shown, shown])
                .unwrap_err()
                .contains("twice")
        );
        assert!(ledger.compare(0, &[shown]).is_ok());
        assert!(ledger.compare(0, &[]).is_err(), "once shown it must stay");
    }

    #[test]
    fn a_removed_letter_must_not_come_back_and_a_body_must_not_change() {
        let ledger = ledger();
        let number = ledger.intend(0, "x");
        ledger.stored(number);
        let changed = Shown {
            number,
            check: checksum(b"y"),
        };
        assert!(
            ledger
                .compare(0, &[changed])
                .unwrap_err()
                .contains("changed")
        );
        assert!(ledger.leave(number));
        assert!(!ledger.leave(number), "one remover is enough");
        ledger.removed(number);
        let shown = Shown {
            number,
            check: checksum(b"x"),
        };
        assert!(ledger.compare(0, &[shown]).unwrap_err().contains("back"));
    }
}
