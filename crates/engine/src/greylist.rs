//! Strangers are asked to come again: a server that has a queue does, and most of those that send
//! what nobody wants do not.
//!
//! Who it is: the network, the envelope's sender and each recipient. Who came again in time is known
//! from then on, with all senders of the same domain. In memory only and bounded: a restart, or a
//! flood, makes some come again once more. Start at [`Greylist::meet`].
//!
//! Source: RFC 6647 §2.1 (the triplet), §5 (times).

use crate::spam::content::domain_of;
use crate::spam::reputation::network;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use store::id::Timestamp;

/// Strangers and friends that are kept of each kind, 32 bytes each.
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

/// Who came, as keyed hashes: nobody can choose names that collide.
#[derive(Debug, Default)]
pub struct Greylist {
    key: RandomState,
    strangers: Mutex<HashMap<u64, Timestamp>>,
    known: Mutex<HashMap<u64, Timestamp>>,
}

impl Greylist {
    /// True when the letter may come in now; `seconds` is how long a stranger has to wait.
    ///
    /// All recipients must have waited, since there is one answer for all.
    pub fn meet(&self, comer: &Comer<'_>, seconds: u32, now: Timestamp) -> bool {
        let network = network(comer.peer);
        let sender = comer.sender.to_lowercase();
        let friend = self.key.hash_one((network, domain_of(&sender)));
        if self.is_known(friend, now) {
            return true;
        }
        let mut strangers = self.strangers.lock();
        make_room(&mut strangers, RETURN_SECONDS_MAX, now);
        let mut is_patient = true;
        for recipient in comer.recipients {
            let triplet = (network, sender.as_str(), recipient.to_lowercase());
            let triplet = self.key.hash_one(triplet);
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
        let is_recent = now.seconds() - last.seconds() <= KNOWN_SECONDS;
        if is_recent {
            *last = now;
        }
        is_recent
    }
}

/// Forgets those whose time is over, and when that is not enough, everyone: they come again.
fn make_room(kept: &mut HashMap<u64, Timestamp>, seconds: i64, now: Timestamp) {
    if kept.len() < KEPT_MAX {
        return;
    }
    kept.retain(|_, at| now.seconds() - at.seconds() <= seconds);
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
        Stage(Greylist::default())
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
