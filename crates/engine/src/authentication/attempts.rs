//! How often one may guess: failures are counted by network and by account, for a while.
//!
//! A network is an IPv4 /24 or an IPv6 /64. Someone who signed in from a network lately may go on from there
//! even while strangers guess at the same account from elsewhere, so nobody is locked out by others.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use store::id::{AccountId, Timestamp};

/// Failures from one network at one account before it must wait.
const FAILURES_MAX: u32 = 10;
/// Failures from one network at any accounts.
const NETWORK_FAILURES_MAX: u32 = 50;
/// Failures at one account from all networks.
const ACCOUNT_FAILURES_MAX: u32 = 100;
/// After this time a count begins anew.
const WINDOW_SECONDS: i64 = 15 * 60;
/// How long a success from a network vouches for it.
const TRUST_SECONDS: i64 = 30 * 24 * 3600;
/// Counters kept, so that a flood of addresses can't take the memory: about 100 bytes each.
const COUNTERS_MAX: usize = 100_000;

/// A network of which all addresses count as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network([u8; 8]);

impl Network {
    /// The network of an address; mapped IPv4 addresses count as IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [first, second, third, _] = v4.octets();
                Self([0, 0, 0, 0, 0, first, second, third])
            }
            IpAddr::V6(v6) => {
                // The upper half, 64 bits, is the network.
                let upper = u128::from_be_bytes(v6.octets()) >> 64;
                Self(u64::try_from(upper).unwrap_or_default().to_be_bytes())
            }
        }
    }
}

/// What a counter is about. `None` stands for all.
type Subject = (Option<Network>, Option<AccountId>);

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    begun: Timestamp,
}

/// The counters of one process.
#[derive(Debug, Default)]
pub struct Attempts {
    counts: Mutex<HashMap<Subject, Count>>,
    trusted: Mutex<HashMap<(Network, AccountId), Timestamp>>,
}

impl Attempts {
    /// False when this network must wait before it may try this account (`None`: nobody of that name).
    pub fn may_try(&self, network: Network, account: Option<AccountId>, now: Timestamp) -> bool {
        if self.is_trusted(network, account, now) {
            return true;
        }
        let counts = self.counts.lock();
        let below = |subject: Subject, limit: u32| {
            counts
                .get(&subject)
                .is_none_or(|count| !count.holds(now) || count.failures < limit)
        };
        below((Some(network), None), NETWORK_FAILURES_MAX)
            && account.is_none_or(|account| {
                below((Some(network), Some(account)), FAILURES_MAX)
                    && below((None, Some(account)), ACCOUNT_FAILURES_MAX)
            })
    }

    /// Counts a failure.
    pub fn failed(&self, network: Network, account: Option<AccountId>, now: Timestamp) {
        let mut counts = self.counts.lock();
        if counts.len() + 3 > COUNTERS_MAX {
            counts.retain(|_, count| count.holds(now));
        }
        let mut count = |subject: Subject| {
            if counts.len() < COUNTERS_MAX || counts.contains_key(&subject) {
                counts
                    .entry(subject)
                    .or_insert(Count {
                        failures: 0,
                        begun: now,
                    })
                    .add(now);
            }
        };
        count((Some(network), None));
        if account.is_some() {
            count((Some(network), account));
            count((None, account));
        }
    }

    /// Notes a success: it clears the pair's count and vouches for the network.
    pub fn succeeded(&self, network: Network, account: AccountId, now: Timestamp) {
        self.counts.lock().remove(&(Some(network), Some(account)));
        let mut trusted = self.trusted.lock();
        if trusted.len() >= COUNTERS_MAX {
            trusted.retain(|_, since| now.seconds() - since.seconds() < TRUST_SECONDS / 2);
        }
        if trusted.len() < COUNTERS_MAX {
            trusted.insert((network, account), now);
        }
    }

    /// A trusted network still has a limit of its own, ten times as high: it may hold a thief's device too.
    fn is_trusted(&self, network: Network, account: Option<AccountId>, now: Timestamp) -> bool {
        let Some(account) = account else { return false };
        let since = self.trusted.lock().get(&(network, account)).copied();
        let vouched = since.is_some_and(|since| now.seconds() - since.seconds() < TRUST_SECONDS);
        let pair = self
            .counts
            .lock()
            .get(&(Some(network), Some(account)))
            .copied();
        vouched && pair.is_none_or(|count| !count.holds(now) || count.failures < FAILURES_MAX * 10)
    }
}

impl Count {
    fn holds(&self, now: Timestamp) -> bool {
        (0..WINDOW_SECONDS).contains(&(now.seconds() - self.begun.seconds()))
    }

    fn add(&mut self, now: Timestamp) {
        if !self.holds(now) {
            *self = Self {
                failures: 0,
                begun: now,
            };
        }
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(1);

    fn network(text: &str) -> Network {
        Network::of(text.parse().unwrap())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn ten_failures_make_a_network_wait_for_a_while() {
        let attempts = Attempts::default();
        for _ in 0..FAILURES_MAX {
            assert!(attempts.may_try(network("192.0.2.1"), Some(ALICE), at(0)));
            attempts.failed(network("192.0.2.1"), Some(ALICE), at(0));
        }
        assert!(
            !attempts.may_try(network("192.0.2.77"), Some(ALICE), at(1)),
            "same /24"
        );
        assert!(attempts.may_try(network("198.51.100.1"), Some(ALICE), at(1)));
        assert!(attempts.may_try(network("192.0.2.1"), Some(ALICE), at(WINDOW_SECONDS)));
    }

    #[test]
    fn who_signed_in_lately_is_not_locked_out_by_strangers() {
        let attempts = Attempts::default();
        attempts.succeeded(network("2001:db8::1"), ALICE, at(0));
        for guess in 0..ACCOUNT_FAILURES_MAX {
            let [_, high, low, _] = guess.to_be_bytes()[..] else {
                panic!()
            };
            attempts.failed(network(&format!("10.{high}.{low}.1")), Some(ALICE), at(1));
        }
        assert!(!attempts.may_try(network("203.0.113.9"), Some(ALICE), at(2)));
        assert!(attempts.may_try(network("2001:db8::2"), Some(ALICE), at(2)));
    }

    #[test]
    fn names_that_do_not_exist_count_against_the_network() {
        let attempts = Attempts::default();
        for _ in 0..NETWORK_FAILURES_MAX {
            attempts.failed(network("192.0.2.1"), None, at(0));
        }
        assert!(!attempts.may_try(network("192.0.2.1"), Some(ALICE), at(1)));
    }
}
