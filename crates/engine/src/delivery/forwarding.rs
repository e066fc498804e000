//! The sender of a letter that is passed on, rewritten into our own domain and back.
//!
//! A letter that an alias sends elsewhere comes from this server, for which its sender's domain does
//! not speak: its SPF would fail. So the sender becomes an address of the alias' domain that holds
//! the old one, with a date and a keyed hash: `SRS0=hash=day=domain=local@ours`. What comes back to
//! it within three weeks goes to the old sender; nobody can make such an address but this store.
//!
//! Start at [`rewritten`]; the way back is [`Engine::resolve`].
//!
//! Source: the Sender Rewriting Scheme, <https://www.libsrs2.org/srs/srs.pdf>.

use crate::directory::{Resolution, address};
use crate::engine::Engine;
use crate::error::EngineError;
use formats::address::LOCAL_BYTES_MAX;
use std::sync::Arc;
use store::id::Timestamp;
use subtle::ConstantTimeEq;

/// Days for which an address leads back: longer than any queue keeps a letter.
const DAYS_MAX: i64 = 21;
/// Days after which their numbers begin anew: two digits of five bits.
const DAYS_ROUND: i64 = 1024;
const SECONDS_PER_DAY: i64 = 24 * 3600;
/// Digits of the hash: 40 bits, since each guess costs a whole transaction.
const HASH_DIGITS: usize = 8;
/// What the key is derived for.
const PURPOSE: &str = "facteur 2026 senders of letters that are passed on";
/// Five bits each; case does not count on the way back.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The sender to use when a letter is passed on from a domain of ours; `None` when it can stay.
pub(super) fn rewritten(engine: &Engine, sender: &str, ours: &str) -> Option<String> {
    let (local, domain) = sender.rsplit_once('@')?;
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\@<>()[]:;,".contains(&byte);
    if !local.bytes().all(is_plain) || !domain.is_ascii() {
        return None;
    }
    let ours = address::canonical_domain(ours).ok()?;
    if engine.directory().has_domain(domain).unwrap_or(true) {
        return None;
    }
    let (kind, held) = match kind_of(local) {
        // Once is enough: the first one who rewrote it knows the old sender.
        Some(("SRS0", rest)) => ("SRS1", format!("{domain}={rest}")),
        Some((_, rest)) => ("SRS1", rest.split_once('=')?.1.to_owned()),
        None => {
            let day = day_digits(day_of(engine.now()));
            ("SRS0", format!("{day}={domain}={local}"))
        }
    };
    let hash = hash(engine, kind, &held);
    let local = format!("{kind}={hash}={held}");
    (local.len() <= LOCAL_BYTES_MAX).then(|| format!("{local}@{ours}"))
}

impl Engine {
    /// Where a recipient leads, by the directory or because it is the sender of a letter that was
    /// passed on from here. May read the disk.
    pub fn resolve(&self, recipient: &str) -> Result<Arc<Resolution>, EngineError> {
        match self.old_sender(recipient)? {
            Some(sender) => Ok(Arc::new(Resolution::Local {
                mailboxes: Vec::new(),
                forwards: vec![sender],
            })),
            None => self.directory().resolve(recipient),
        }
    }

    fn old_sender(&self, recipient: &str) -> Result<Option<String>, EngineError> {
        let Some((local, domain)) = recipient.rsplit_once('@') else {
            return Ok(None);
        };
        let Some((kind, rest)) = kind_of(local) else {
            return Ok(None);
        };
        let Some((claimed, held)) = rest.split_once('=') else {
            return Ok(None);
        };
        let claimed = claimed.to_ascii_lowercase();
        let is_ours: bool = hash(self, kind, held)
            .as_bytes()
            .ct_eq(claimed.as_bytes())
            .into();
        if !is_ours || !self.directory().has_domain(domain)? {
            return Ok(None);
        }
        Ok(match kind {
            "SRS1" => held
                .split_once('=')
                .map(|(domain, rest)| format!("SRS0={rest}@{domain}")),
            _ => unpacked(held, day_of(self.now())),
        })
    }
}

/// `SRS0` or `SRS1`, and what follows the mark behind it.
fn kind_of(local: &str) -> Option<(&'static str, &str)> {
    let (kind, rest) = local.split_at_checked(4)?;
    let rest = rest.strip_prefix(['=', '+', '-'])?;
    ["SRS0", "SRS1"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(kind))
        .map(|known| (known, rest))
}

/// The old sender, if the day in it is not too long ago.
fn unpacked(held: &str, today: i64) -> Option<String> {
    let (day, address) = held.split_once('=')?;
    let (domain, local) = address.split_once('=')?;
    let is_fresh = (0..=DAYS_MAX).any(|ago| day_digits(today - ago).eq_ignore_ascii_case(day));
    is_fresh.then(|| format!("{local}@{domain}"))
}

fn day_of(now: Timestamp) -> i64 {
    now.seconds().div_euclid(SECONDS_PER_DAY)
}

fn day_digits(day: i64) -> String {
    let day = u16::try_from(day.rem_euclid(DAYS_ROUND)).unwrap_or_default();
    [digit(day >> 5), digit(day)].iter().collect()
}

fn digit(value: u16) -> char {
    let digit = DIGITS.get(usize::from(value & 31));
    char::from(*digit.unwrap_or(&b'a'))
}

/// The keyed hash of what an address holds; case is often lost on the way.
fn hash(engine: &Engine, kind: &str, held: &str) -> String {
    let key = blake3::derive_key(PURPOSE, engine.secret());
    let text = format!("{kind}={}", held.to_ascii_lowercase());
    let hash = blake3::keyed_hash(&key, text.as_bytes());
    let bytes = hash.as_bytes().iter().take(HASH_DIGITS);
    bytes.map(|byte| digit(u16::from(*byte))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::Rehearsal;
    use crate::settings::Settings;
    use proptest::prelude::*;

    fn house() -> Rehearsal {
        Rehearsal::new(Settings::default()).unwrap()
    }

    fn leads_to(house: &Rehearsal, recipient: &str) -> Option<String> {
        match &*house.engine.resolve(recipient).unwrap() {
            Resolution::Local { forwards, .. } => forwards.first().cloned(),
            _ => None,
        }
    }

    #[test]
    fn a_rewritten_sender_leads_back_for_three_weeks_in_any_case() {
        let house = house();
        let new = rewritten(&house.engine, "Ann@far.test", "example.test").unwrap();
        assert!(new.starts_with("SRS0=") && new.ends_with("=far.test=Ann@example.test"));
        assert_eq!(leads_to(&house, &new).unwrap(), "Ann@far.test");
        let lower = new.to_lowercase();
        assert_eq!(leads_to(&house, &lower).unwrap(), "ann@far.test");
        house.pass(21 * 86_400);
        assert_eq!(leads_to(&house, &new).unwrap(), "Ann@far.test");
        house.pass(86_400);
        assert_eq!(leads_to(&house, &new), None);
    }

    #[test]
    fn nobody_else_can_make_such_an_address() {
        let house = house();
        let new = rewritten(&house.engine, "ann@far.test", "example.test").unwrap();
        for forged in [
            new.replace("=ann@", "=eve@"),
            new.replace("far.test", "fur.test"),
            new.replace("SRS0=", "SRS0=a"),
            "SRS0=aaaaaaaa=aa=far.test=ann@example.test".to_owned(),
            "SRS1=aaaaaaaa=far.test==x=aa=y=z@example.test".to_owned(),
            "SRS0=@example.test".to_owned(),
        ] {
            assert_eq!(leads_to(&house, &forged), None, "{forged}");
        }
    }

    #[test]
    fn a_sender_that_was_rewritten_by_another_goes_back_to_them() {
        let house = house();
        let theirs = "SRS0=HHHH=TT=far.test=ann@relay.test";
        let new = rewritten(&house.engine, theirs, "example.test").unwrap();
        assert!(new.starts_with("SRS1="), "{new}");
        assert_eq!(leads_to(&house, &new).unwrap(), theirs);
        let third = new.replace("@example.test", "@other.test");
        let again = rewritten(&house.engine, &third, "example.test").unwrap();
        assert_eq!(leads_to(&house, &again).unwrap(), theirs);
    }

    #[test]
    fn senders_of_our_own_and_nobody_stay_as_they_are() {
        let house = house();
        for sender in [
            "",
            "ann@example.test",
            "ann@EXAMPLE.test",
            "\"a b\"@far.test",
        ] {
            assert_eq!(rewritten(&house.engine, sender, "example.test"), None);
        }
        let long = format!("{}@far.test", "x".repeat(60));
        assert_eq!(rewritten(&house.engine, &long, "example.test"), None);
    }

    proptest! {
        #[test]
        fn any_recipient_is_resolved_or_refused(text in "(SRS[01][=+-])?[a-zA-Z0-9=+-]{0,40}@[a-z.]{0,20}") {
            _ = house().engine.resolve(&text);
        }

        #[test]
        fn every_plain_sender_comes_back(local in "[a-z][a-z0-9.=+_-]{0,20}", day in 0..2_000_i64) {
            let house = house();
            house.pass(day * 86_400);
            let sender = format!("{local}@far.test");
            let new = rewritten(&house.engine, &sender, "example.test").unwrap();
            prop_assert_eq!(leads_to(&house, &new), Some(sender));
        }
    }
}
