//! How much comes from where and goes out for whom, and who may not come at all for a while.
//!
//! Counts of the running hour and bans, in memory and bounded. Bans and what accounts sent are written
//! behind by `remembered`; counts by address begin anew with each start. This machine itself is
//! never counted. Start at [`Traffic`].

use crate::record::{Reader, Writer, corrupt};
use crate::remembered::Remembered;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use store::StoreError;
use store::id::{AccountId, Timestamp};

/// Seconds after which a count begins anew.
const WINDOW_SECONDS: i64 = 3_600;
/// Counts and bans kept of each kind, so that a flood of addresses can't take the memory: about 100
/// bytes each.
const KEPT_MAX: usize = 50_000;
/// Longest ban in seconds: a year.
const BAN_SECONDS_MAX: i64 = 366 * 24 * 3_600;
/// Characters of the reason for a ban.
const WHY_CHARS_MAX: usize = 200;

/// What the administrator decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Recipients that one account may send to in an hour; `None` is without limit.
    pub sent: Option<u32>,
    /// Letters that one address may bring in an hour; `None` is without limit.
    pub received: Option<u32>,
    /// Strikes within an hour that lead to a ban; `None` for never.
    pub strikes: Option<u32>,
    /// Seconds that such a ban lasts.
    pub ban_seconds: u32,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            sent: Some(2_000),
            received: Some(3_600),
            strikes: Some(20),
            ban_seconds: 3_600,
        }
    }
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// It may.
    Yes,
    /// It may not: in this hour it is too much. The number is what was sent before.
    No(u32),
    /// Likewise, and nobody was told of it yet in this hour.
    Alarm(u32),
}

/// A ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ban {
    /// Whom it holds for: an IPv4 address, or the first address of an IPv6 network of 64 bits.
    pub address: IpAddr,
    /// When it ends.
    pub until: Timestamp,
    /// Why.
    pub why: String,
}

#[derive(Debug, Clone, Copy)]
struct Hour {
    begun: Timestamp,
    count: u32,
    is_told: bool,
}

impl Hour {
    fn holds(&self, now: Timestamp) -> bool {
        now.seconds() - self.begun.seconds() < WINDOW_SECONDS
    }
}

/// The counts of one process.
#[derive(Debug, Default)]
pub struct Traffic {
    pub(crate) sent: Sent,
    received: Mutex<HashMap<IpAddr, Hour>>,
    strikes: Mutex<HashMap<IpAddr, Hour>>,
    pub(crate) bans: Bans,
}

/// What each account sent in the running hour.
#[derive(Debug, Default)]
pub(crate) struct Sent(Mutex<HashMap<AccountId, Hour>>);

/// Who may not connect.
#[derive(Debug, Default)]
pub(crate) struct Bans(Mutex<HashMap<IpAddr, Ban>>);

impl Bans {
    /// Adds a ban, if it is longer than a known one and there is room.
    fn add(&self, ban: Ban, now: Timestamp) {
        let mut bans = self.0.lock();
        if bans.len() >= KEPT_MAX {
            bans.retain(|_, ban| ban.until > now);
        }
        let is_longer = bans
            .get(&ban.address)
            .is_none_or(|known| known.until < ban.until);
        if is_longer && (bans.len() < KEPT_MAX || bans.contains_key(&ban.address)) {
            bans.insert(ban.address, ban);
        }
    }

    fn all(&self, now: Timestamp) -> Vec<Ban> {
        let mut bans = self.0.lock();
        bans.retain(|_, ban| ban.until > now);
        let mut all: Vec<Ban> = bans.values().cloned().collect();
        all.sort_by_key(|ban| (ban.until, ban.address));
        all
    }
}

impl Remembered for Bans {
    fn write(&self, out: &mut Writer, now: Timestamp) -> usize {
        let all = self.all(now);
        out.list(&all, |out, ban| {
            match ban.address {
                IpAddr::V4(address) => out.bytes(&address.octets()),
                IpAddr::V6(address) => out.bytes(&address.octets()),
            };
            out.signed(ban.until.0).text(&ban.why);
        });
        all.len()
    }

    fn read(&self, input: &mut Reader<'_>, now: Timestamp) -> Result<(), StoreError> {
        let all = input.list(|input| {
            Ok(Ban {
                address: address(input.bytes()?)?,
                until: Timestamp(input.signed()?),
                why: input.text()?,
            })
        })?;
        let lasting = all.into_iter().filter(|ban| ban.until > now);
        lasting.for_each(|ban| self.add(ban, now));
        Ok(())
    }
}

fn address(bytes: &[u8]) -> Result<IpAddr, StoreError> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let six = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| six()).map_err(|_| corrupt())
}

impl Remembered for Sent {
    fn write(&self, out: &mut Writer, now: Timestamp) -> usize {
        let sent = self.0.lock();
        let running = sent.iter().filter(|(_, hour)| hour.holds(now));
        let mut running: Vec<(AccountId, Hour)> =
            running.map(|(who, hour)| (*who, *hour)).collect();
        running.sort_unstable_by_key(|(who, _)| *who);
        out.list(&running, |out, (who, hour)| {
            out.number(u64::from(who.0)).signed(hour.begun.0);
            out.number(u64::from(hour.count)).flag(hour.is_told);
        });
        running.len()
    }

    fn read(&self, input: &mut Reader<'_>, now: Timestamp) -> Result<(), StoreError> {
        let all = input.list(|input| {
            let who = AccountId(input.number32()?);
            let hour = Hour {
                begun: Timestamp(input.signed()?),
                count: input.number32()?,
                is_told: input.flag()?,
            };
            Ok((who, hour))
        })?;
        let running = all.into_iter().filter(|(_, hour)| hour.holds(now));
        self.0.lock().extend(running.take(KEPT_MAX));
        Ok(())
    }
}

impl Traffic {
    /// Counts recipients of an account's letter, unless that would be too many.
    pub fn send(
        &self,
        account: AccountId,
        recipients: u32,
        allowance: &Allowance,
        now: Timestamp,
    ) -> Permission {
        let Some(most) = allowance.sent else {
            return Permission::Yes;
        };
        let mut sent = self.sent.0.lock();
        let Some(hour) = hour_of(&mut sent, account, now) else {
            return Permission::Yes;
        };
        let all = hour.count.saturating_add(recipients);
        if all <= most {
            hour.count = all;
            return Permission::Yes;
        }
        if std::mem::replace(&mut hour.is_told, true) {
            Permission::No(hour.count)
        } else {
            Permission::Alarm(hour.count)
        }
    }

    /// Counts a letter from an address; false when it is one too many.
    pub fn receive(&self, from: IpAddr, allowance: &Allowance, now: Timestamp) -> bool {
        let Some(most) = allowance.received.filter(|_| !is_local(from)) else {
            return true;
        };
        count(&self.received, subject(from), now) <= most
    }

    /// Notes something that only those do whom nobody wants; true when it leads to a ban.
    pub fn strike(&self, from: IpAddr, why: &str, allowance: &Allowance, now: Timestamp) -> bool {
        let Some(most) = allowance.strikes.filter(|_| !is_local(from)) else {
            return false;
        };
        if count(&self.strikes, subject(from), now) < most {
            return false;
        }
        self.strikes.lock().remove(&subject(from));
        self.ban(from, i64::from(allowance.ban_seconds), why, now);
        true
    }

    /// Bans an address for so many seconds; one that is banned already is banned for longer.
    pub fn ban(&self, address: IpAddr, seconds: i64, why: &str, now: Timestamp) {
        let address = subject(address);
        let seconds = seconds.clamp(0, BAN_SECONDS_MAX);
        let ban = Ban {
            address,
            until: now.plus_milliseconds(seconds.saturating_mul(1_000)),
            why: why
                .chars()
                .filter(|c| !c.is_control())
                .take(WHY_CHARS_MAX)
                .collect(),
        };
        self.bans.add(ban, now);
    }

    /// Ends a ban; false when there is none.
    pub fn forgive(&self, address: IpAddr) -> bool {
        self.strikes.lock().remove(&subject(address));
        self.bans.0.lock().remove(&subject(address)).is_some()
    }

    /// The ban that holds for an address.
    pub fn banned(&self, address: IpAddr, now: Timestamp) -> Option<Ban> {
        if is_local(address) {
            return None;
        }
        let bans = self.bans.0.lock();
        bans.get(&subject(address))
            .filter(|ban| ban.until > now)
            .cloned()
    }

    /// All bans that hold, those that end first before the others.
    pub fn bans(&self, now: Timestamp) -> Vec<Ban> {
        self.bans.all(now)
    }
}

fn is_local(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// What an address is counted as: itself, or its IPv6 network of 64 bits, all of which is one
/// customer's.
fn subject(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from_be_bytes(address.octets()) >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

/// Counts one more; the answer is how many there are in this hour.
fn count(counts: &Mutex<HashMap<IpAddr, Hour>>, subject: IpAddr, now: Timestamp) -> u32 {
    let mut counts = counts.lock();
    let Some(hour) = hour_of(&mut counts, subject, now) else {
        return 0;
    };
    hour.count = hour.count.saturating_add(1);
    hour.count
}

/// The running hour of someone; `None` when there is no room for one more.
fn hour_of<K: Hash + Eq>(
    counts: &mut HashMap<K, Hour>,
    subject: K,
    now: Timestamp,
) -> Option<&mut Hour> {
    if counts.len() >= KEPT_MAX && !counts.contains_key(&subject) {
        counts.retain(|_, hour| hour.holds(now));
        if counts.len() >= KEPT_MAX {
            return None;
        }
    }
    let new = Hour {
        begun: now,
        count: 0,
        is_told: false,
    };
    let hour = counts.entry(subject).or_insert(new);
    if !hour.holds(now) {
        *hour = new;
    }
    Some(hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance {
        sent: Some(10),
        received: Some(2),
        strikes: Some(3),
        ban_seconds: 60,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_account_that_sends_too_much_is_stopped_with_one_alarm_an_hour() {
        let traffic = Traffic::default();
        let send = |count, second| traffic.send(AccountId(7), count, &ALLOWANCE, at(second));
        assert_eq!(send(10, 0), Permission::Yes);
        assert_eq!(send(1, 1), Permission::Alarm(10));
        assert_eq!(send(1, 2), Permission::No(10));
        assert_eq!(send(10, 3_600), Permission::Yes);
        assert_eq!(send(1, 3_601), Permission::Alarm(10));
        assert_eq!(
            traffic.send(AccountId(8), 1, &ALLOWANCE, at(2)),
            Permission::Yes
        );
    }

    #[test]
    fn an_address_brings_a_number_of_letters_an_hour_and_this_machine_any() {
        let traffic = Traffic::default();
        let receive = |from, second| traffic.receive(address(from), &ALLOWANCE, at(second));
        assert!(receive("192.0.2.1", 0) && receive("192.0.2.1", 1));
        assert!(!receive("::ffff:192.0.2.1", 2), "the same in another form");
        assert!(receive("192.0.2.2", 2));
        assert!(receive("192.0.2.1", 3_600));
        assert!((0..9).all(|second| receive("127.0.0.1", second)));
    }

    #[test]
    fn strikes_lead_to_a_ban_that_ends_by_itself() {
        let traffic = Traffic::default();
        let from = address("2001:db8::1");
        let strike = |second| traffic.strike(from, "guesses addresses", &ALLOWANCE, at(second));
        assert!(!strike(0) && !strike(1) && strike(2));
        let neighbour = address("2001:db8::ffff");
        let ban = traffic.banned(neighbour, at(61)).unwrap();
        assert_eq!((ban.until, ban.why.as_str()), (at(62), "guesses addresses"));
        assert_eq!(traffic.banned(neighbour, at(62)), None);
        assert_eq!(traffic.bans(at(62)), []);
        assert_eq!(traffic.banned(address("2001:db8:0:1::1"), at(3)), None);
    }

    #[test]
    fn a_ban_may_be_ended_and_never_hits_this_machine() {
        let traffic = Traffic::default();
        traffic.ban(address("192.0.2.1"), 60, "by hand", at(0));
        traffic.ban(address("192.0.2.1"), 30, "shorter", at(0));
        assert_eq!(traffic.bans(at(1))[0].until, at(60));
        assert!(traffic.forgive(address("192.0.2.1")));
        assert!(!traffic.forgive(address("192.0.2.1")));
        traffic.ban(address("127.0.0.1"), 60, "by mistake", at(0));
        assert_eq!(traffic.banned(address("127.0.0.1"), at(1)), None);
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_than_its_room() {
        let traffic = Traffic::default();
        for number in 0..KEPT_MAX + 10 {
            let number = u32::try_from(number).unwrap() + 0x0a00_0000;
            let from = IpAddr::from(number.to_be_bytes());
            assert!(traffic.receive(from, &ALLOWANCE, at(0)));
            traffic.ban(from, 60, "x", at(0));
        }
        assert_eq!(traffic.received.lock().len(), KEPT_MAX);
        assert_eq!(traffic.bans(at(1)).len(), KEPT_MAX);
    }
}
