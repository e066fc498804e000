//! Strangers are asked to come again: a server that has a queue does, and most of those that send
//! what nobody wants do not.
//!
//! Who it is: the network, the envelope's sender and each recipient. Who came again in time is known
//! from then on, with all senders of the same domain. In memory and bounded, written behind by
//! `remembered`: a kill, or a flood, makes some come again once more. Start at [`Greylist::meet`].
//!
//! Source: RFC 6647 §2.1 (the triplet), §5 (times).

use crate::record::{Reader, Writer};
use crate::remembered::Remembered;
use crate::spam::content::domain_of;
use crate::spam::reputation::network;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use store::StoreError;
use store::id::Timestamp;

/// Strangers and friends that are kept of each kind: 32 bytes each in memory, 14 in the store.
const KEPT_MAX: usize = 100_000;
/// Seconds within which a stranger must come again: servers try for days, but first every few hours
/// (RFC 6647 §5 proposes a day).
const RETURN_SECONDS_MAX: i64 = 24 * 3_600;
/// Seconds for which someone is known: those who write once a month stay so.
const KNOWN_SECONDS: i64 = 36 * 24 * 3_600;

/// Who comes.
#[derive(Debug, Clone, Copy)]
pub struct Comer<'a> {
    /// The address that the letter comes from.
    pub peer: IpAddr,
    /// The envelope's sender; empty for notices.
    pub sender: &'a str,
    /// Who is to get it.
    pub recipients: &'a [String],
}

/// Who came, as keyed hashes: nobody can choose names that collide, or read them out of the store.
#[derive(Debug)]
pub struct Greylist {
    key: [u8; blake3::KEY_LEN],
    strangers: Mutex<HashMap<u64, Timestamp>>,
    known: Mutex<HashMap<u64, Timestamp>>,
}

impl Greylist {
    /// Nobody has come yet. With the same key, names have the same hashes.
    pub(crate) fn new(key: [u8; blake3::KEY_LEN]) -> Self {
        Self {
            key,
            strangers: Mutex::default(),
            known: Mutex::default(),
        }
    }

    fn hash(&self, names: &[&str]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(b"greylist");
        for name in names {
            hasher.update(&[0]).update(name.as_bytes());
        }
        let mut hash = [0; size_of::<u64>()];
        hasher.finalize_xof().fill(&mut hash);
        u64::from_be_bytes(hash)
    }

    /// True when the letter may come in now; `seconds` is how long a stranger has to wait.
    ///
    /// All recipients must have waited, since there is one answer for all.
    pub fn meet(&self, comer: &Comer<'_>, seconds: u32, now: Timestamp) -> bool {
        let network = network(comer.peer).to_string();
        let sender = comer.sender.to_lowercase();
        let friend = self.hash(&[&network, domain_of(&sender)]);
        if self.is_known(friend, now) {
            return true;
        }
        let mut strangers = self.strangers.lock();
        make_room(&mut strangers, RETURN_SECONDS_MAX, now);
        let mut is_patient = true;
        for recipient in comer.recipients {
            let triplet = self.hash(&[&network, &sender, &recipient.to_lowercase()]);
            let first = strangers.entry(triplet).or_insert(now);
            let waited = now.seconds() - first.seconds();
            if waited > RETURN_SECONDS_MAX {
                *first = now;
            }
            is_patient &= (i64::from(seconds)..=RETURN_SECONDS_MAX).contains(&waited);
        }
        drop(strangers);
        if is_patient {
            let mut known = self.known.lock();
            make_room(&mut known, KNOWN_SECONDS, now);
            known.insert(friend, now);
        }
        is_patient
    }

    /// Who comes while they are known stay known.
    fn is_known(&self, friend: u64, now: Timestamp) -> bool {
        let mut known = self.known.lock();
        let Some(last) = known.get_mut(&friend) else {
            return false;
        };
        let is_recent = is_recent(*last, KNOWN_SECONDS, now);
        if is_recent {
            *last = now;
        }
        is_recent
    }
}

impl Remembered for Greylist {
    fn write(&self, out: &mut Writer, now: Timestamp) -> usize {
        let strangers = write(&self.strangers, RETURN_SECONDS_MAX, out, now);
        strangers + write(&self.known, KNOWN_SECONDS, out, now)
    }

    fn read(&self, input: &mut Reader<'_>, now: Timestamp) -> Result<(), StoreError> {
        read(&self.strangers, RETURN_SECONDS_MAX, input, now)?;
        read(&self.known, KNOWN_SECONDS, input, now)
    }
}

type Kept = Mutex<HashMap<u64, Timestamp>>;

/// Writes those whose time is not over, whole seconds only; the answer is how many they are.
fn write(kept: &Kept, seconds: i64, out: &mut Writer, now: Timestamp) -> usize {
    let kept = kept.lock();
    let recent = kept.iter().filter(|(_, at)| is_recent(**at, seconds, now));
    let recent: Vec<(u64, i64)> = recent.map(|(who, at)| (*who, at.seconds())).collect();
    out.list(&recent, |out, (who, at)| {
        out.bytes(&who.to_be_bytes()).signed(*at);
    });
    recent.len()
}

fn read(
    kept: &Kept,
    seconds: i64,
    input: &mut Reader<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let all = input.list(|input| {
        let who = u64::from_be_bytes(input.array()?);
        Ok((who, Timestamp::from_seconds(input.signed()?)))
    })?;
    let recent = all
        .into_iter()
        .filter(|(_, at)| is_recent(*at, seconds, now));
    kept.lock().extend(recent.take(KEPT_MAX));
    Ok(())
}

fn is_recent(at: Timestamp, seconds: i64, now: Timestamp) -> bool {
    now.seconds().saturating_sub(at.seconds()) <= seconds
}

/// Forgets those whose time is over, and when that is not enough, everyone: they come again.
fn make_room(kept: &mut HashMap<u64, Timestamp>, seconds: i64, now: Timestamp) {
    if kept.len() < KEPT_MAX {
        return;
    }
    kept.retain(|_, at| is_recent(*at, seconds, now));
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: u32 = 300;

    struct Stage(Greylist);

    impl Stage {
        fn meets(&self, peer: &str, sender: &str, recipient: &str, seconds: i64) -> bool {
            let comer = Comer {
                peer: peer.parse().unwrap(),
                sender,
                recipients: &[recipient.to_owned()],
            };
            let now = Timestamp::from_seconds(1_000_000 + seconds);
            self.0.meet(&comer, DELAY, now)
        }
    }

    fn stage() -> Stage {
        Stage(Greylist::new([7; blake3::KEY_LEN]))
    }

    #[test]
    fn a_stranger_who_comes_again_in_time_is_let_in_and_known_from_then_on() {
        let stage = stage();
        let meets = |seconds| stage.meets("192.0.2.1", "a@far.test", "bob@here.test", seconds);
        assert!(!meets(0));
        assert!(!meets(299), "too early");
        assert!(meets(300));
        assert!(meets(301), "and at once from now on");
        let other = stage.meets("192.0.2.1", "b@FAR.test", "carol@here.test", 302);
        assert!(other, "so are others of the same domain");
    }

    #[test]
    fn servers_of_one_network_are_one_and_others_are_not() {
        let stage = stage();
        assert!(!stage.meets("192.0.2.1", "a@far.test", "bob@here.test", 0));
        assert!(!stage.meets("192.0.3.1", "a@far.test", "bob@here.test", 400));
        assert!(stage.meets("192.0.2.200", "a@far.test", "bob@here.test", 400));
        assert!(!stage.meets("2001:db8::1", "a@six.test", "bob@here.test", 0));
        assert!(!stage.meets("2001:db8:0:1::1", "a@six.test", "bob@here.test", 400));
        assert!(stage.meets("2001:db8::ffff:2", "a@six.test", "bob@here.test", 400));
    }

    #[test]
    fn another_sender_or_recipient_is_another_stranger() {
        let stage = stage();
        assert!(!stage.meets("192.0.2.1", "a@far.test", "bob@here.test", 0));
        assert!(!stage.meets("192.0.2.1", "b@far.test", "bob@here.test", 400));
        assert!(!stage.meets("192.0.2.1", "a@far.test", "carol@here.test", 400));
    }

    #[test]
    fn who_comes_too_late_is_a_stranger_again() {
        let stage = stage();
        let meets = |seconds| stage.meets("192.0.2.1", "a@far.test", "bob@here.test", seconds);
        assert!(!meets(0));
        assert!(!meets(RETURN_SECONDS_MAX + 1));
        assert!(meets(RETURN_SECONDS_MAX + 1 + 300));
        assert!(meets(RETURN_SECONDS_MAX + KNOWN_SECONDS));
        assert!(!meets(RETURN_SECONDS_MAX + 3 * KNOWN_SECONDS), "forgotten");
    }

    #[test]
    fn what_is_remembered_has_a_largest_size() {
        let stage = stage();
        for number in 0..KEPT_MAX + 10 {
            stage.meets(
                "192.0.2.1",
                &format!("{number}@far.test"),
                "bob@here.test",
                0,
            );
        }
        assert!(stage.0.strangers.lock().len() <= KEPT_MAX);
    }
}
