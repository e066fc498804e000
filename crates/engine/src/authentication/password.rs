//! Hashing and checking passwords.
//!
//! Ours are Argon2id in the PHC string form. Hashes that came from other servers are checked by
//! [`super::imported`] and replaced at the next login.

use super::imported;
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;

/// Longest password in bytes; hashing cost must not grow with what a stranger sends.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// Bytes of salt in a hash.
pub const SALT_BYTES: usize = 16;
/// Bytes of hash.
const HASH_BYTES: usize = 32;
/// Cost that a stored string may ask for, so that an imported hash can't take the server's memory.
const MEMORY_KIB_MAX: u32 = 1 << 20;
/// Rounds that a stored string may ask for.
const ROUNDS_MAX: u32 = 64;

/// What one Argon2id computation costs.
///
/// The default is the first choice of RFC 9106 scaled to a mail server: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub rounds: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            rounds: 2,
        }
    }
}

/// What a check of a password showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right,
    /// It is the password, but the stored hash is of a weaker or foreign kind: make it anew.
    RightButOld,
    /// It is not, or the stored hash can't be read.
    Wrong,
}

impl Verdict {
    /// True for both kinds of right.
    pub fn is_right(self) -> bool {
        self != Self::Wrong
    }

    fn of(right: bool, when_right: Self) -> Self {
        if right { when_right } else { Self::Wrong }
    }
}

/// The PHC string of a password: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
///
/// `None` only when the cost is out of Argon2's range.
pub fn hash(password: &str, salt: [u8; SALT_BYTES], cost: Cost) -> Option<String> {
    let output = argon2id(password.as_bytes(), &salt, cost)?;
    Some(format!(
        "$argon2id$v=19$m={},t={},p=1${}${}",
        cost.memory_kib,
        cost.rounds,
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output),
    ))
}

/// Checks a password against a stored hash of any kind we know.
pub fn verify(password: &str, stored: &str, wanted: Cost) -> Verdict {
    if password.len() > PASSWORD_BYTES_MAX {
        return Verdict::Wrong;
    }
    let Some(own) = Parsed::read(stored) else {
        return Verdict::of(imported::matches(password, stored), Verdict::RightButOld);
    };
    let right = argon2id(password.as_bytes(), &own.salt, own.cost)
        .is_some_and(|output| bool::from(output.as_slice().ct_eq(&own.output)));
    let current = own.cost.memory_kib >= wanted.memory_kib && own.cost.rounds >= wanted.rounds;
    Verdict::of(
        right,
        if current {
            Verdict::Right
        } else {
            Verdict::RightButOld
        },
    )
}

/// Does the work of a check for a user who does not exist, so that time does not tell.
pub fn verify_nobody(password: &str, cost: Cost) -> Verdict {
    if password.len() <= PASSWORD_BYTES_MAX {
        std::hint::black_box(argon2id(password.as_bytes(), &[0; SALT_BYTES], cost));
    }
    Verdict::Wrong
}

/// An Argon2id string with one lane and a 32-byte output: the form that [`hash`] writes.
struct Parsed {
    cost: Cost,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Parsed {
    fn read(stored: &str) -> Option<Self> {
        let stored = stored.strip_prefix("{ARGON2ID}").unwrap_or(stored);
        let mut fields = stored.strip_prefix("$argon2id$v=19$")?.split('$');
        let (costs, salt, output) = (fields.next()?, fields.next()?, fields.next()?);
        let mut costs = costs.split(',');
        let memory_kib = costs.next()?.strip_prefix("m=")?.parse().ok()?;
        let rounds = costs.next()?.strip_prefix("t=")?.parse().ok()?;
        let one_lane = costs.next()? == "p=1" && memory_kib <= MEMORY_KIB_MAX;
        let salt = STANDARD_NO_PAD.decode(salt).ok()?;
        let output = STANDARD_NO_PAD.decode(output).ok()?;
        let fits = one_lane && rounds <= ROUNDS_MAX && output.len() == HASH_BYTES;
        fits.then_some(Self {
            cost: Cost { memory_kib, rounds },
            salt,
            output,
        })
    }
}

fn argon2id(password: &[u8], salt: &[u8], cost: Cost) -> Option<[u8; HASH_BYTES]> {
    let params = Params::new(cost.memory_kib, cost.rounds, 1, Some(HASH_BYTES)).ok()?;
    let mut output = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, &mut output)
        .ok()?;
    Some(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost {
        memory_kib: 64,
        rounds: 1,
    };

    #[test]
    fn the_right_password_is_right_and_any_other_is_wrong() {
        let stored = hash("correct horse", [7; SALT_BYTES], CHEAP).unwrap();
        assert_eq!(verify("correct horse", &stored, CHEAP), Verdict::Right);
        assert_eq!(verify("correct horsf", &stored, CHEAP), Verdict::Wrong);
        assert_eq!(verify("", &stored, CHEAP), Verdict::Wrong);
    }

    #[test]
    fn a_hash_of_lower_cost_asks_to_be_made_anew() {
        let stored = hash("x", [7; SALT_BYTES], CHEAP).unwrap();
        assert_eq!(
            verify(
                "x",
                &stored,
                Cost {
                    memory_kib: 128,
                    rounds: 1
                }
            ),
            Verdict::RightButOld
        );
    }

    #[test]
    fn broken_or_greedy_strings_are_wrong_not_fatal() {
        for stored in [
            "",
            "$",
            "$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA",
            "{SSHA}",
            "$6$",
        ] {
            assert_eq!(verify("x", stored, CHEAP), Verdict::Wrong, "{stored}");
        }
    }

    #[test]
    fn an_overlong_password_is_wrong_without_work() {
        let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
        let stored = hash(&long, [7; SALT_BYTES], CHEAP).unwrap();
        assert_eq!(verify(&long, &stored, CHEAP), Verdict::Wrong);
    }
}
