//! Password hashes that other servers made: crypt(3), Dovecot's and LDAP's `{SCHEME}` forms.
//!
//! Only checked, never made: after the first login the password is kept as Argon2id.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;

/// Rounds of an imported PBKDF2 hash that we are ready to compute.
const PBKDF2_ROUNDS_MAX: u32 = 1_000_000;
/// Rounds of an imported SHA-crypt hash (`rounds=`) that we are ready to compute.
const CRYPT_ROUNDS_MAX: u32 = 1_000_000;
/// The logarithmic cost of an imported bcrypt hash that we are ready to compute; 14 takes about a second.
const BCRYPT_COST_MAX: u32 = 14;

/// True if `stored` can be checked at all; asked on import, so that nobody is locked out later.
pub fn is_known(stored: &str) -> bool {
    match scheme(stored) {
        Some((name, value)) => digest_length(name).is_some() || is_known_scheme(name, value),
        None => crypt_is_bounded(stored),
    }
}

fn is_known_scheme(name: &str, value: &str) -> bool {
    match name {
        "PLAIN" | "CLEARTEXT" => true,
        "PBKDF2" => value.starts_with("$1$"),
        _ => is_crypt_scheme(name) && crypt_is_bounded(value),
    }
}

/// Checks a password against a foreign hash.
pub fn matches(password: &str, stored: &str) -> bool {
    let Some((name, value)) = scheme(stored) else {
        return crypt_is_bounded(stored) && pwhash::unix::verify(password, stored);
    };
    match name {
        "PLAIN" | "CLEARTEXT" => bool::from(password.as_bytes().ct_eq(value.as_bytes())),
        "SHA" | "SSHA" | "SHA1" => salted::<Sha1>(password, value, 20),
        "SHA256" | "SSHA256" => salted::<Sha256>(password, value, 32),
        "SHA512" | "SSHA512" => salted::<Sha512>(password, value, 64),
        "PBKDF2" => pbkdf2_sha1(password, value).unwrap_or(false),
        _ if is_crypt_scheme(name) => {
            crypt_is_bounded(value) && pwhash::unix::verify(password, value)
        }
        _ => false,
    }
}

/// `{NAME}value` taken apart; names are compared in capitals, and `.B64` is the default encoding.
fn scheme(stored: &str) -> Option<(&str, &str)> {
    let (name, value) = stored.strip_prefix('{')?.split_once('}')?;
    Some((name.strip_suffix(".B64").unwrap_or(name), value))
}

fn is_crypt_scheme(name: &str) -> bool {
    matches!(
        name,
        "CRYPT" | "MD5-CRYPT" | "SHA256-CRYPT" | "SHA512-CRYPT" | "BLF-CRYPT"
    )
}

fn digest_length(name: &str) -> Option<usize> {
    match name {
        "SHA" | "SSHA" | "SHA1" => Some(20),
        "SHA256" | "SSHA256" => Some(32),
        "SHA512" | "SSHA512" => Some(64),
        _ => None,
    }
}

/// True for the crypt(3) forms we take, with a cost that one login may have.
fn crypt_is_bounded(value: &str) -> bool {
    let mut fields = value.split('$').skip(1);
    let (kind, cost) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""));
    let within = |cost: &str, limit: u32| cost.parse().is_ok_and(|cost: u32| cost <= limit);
    match kind {
        "1" => true,
        "5" | "6" => cost
            .strip_prefix("rounds=")
            .is_none_or(|n| within(n, CRYPT_ROUNDS_MAX)),
        "2a" | "2b" | "2y" => within(cost, BCRYPT_COST_MAX),
        _ => false,
    }
}

/// Base64 of digest(password + salt) followed by the salt, which may be empty.
fn salted<D: Digest>(password: &str, value: &str, digest_bytes: usize) -> bool {
    let Ok(decoded) = STANDARD.decode(value) else {
        return false;
    };
    let Some((digest, salt)) = decoded.split_at_checked(digest_bytes) else {
        return false;
    };
    let computed = D::new()
        .chain_update(password)
        .chain_update(salt)
        .finalize();
    bool::from(computed.as_slice().ct_eq(digest))
}

/// Dovecot's `{PBKDF2}$1$salt$rounds$hex`: PBKDF2-HMAC-SHA1 with the salt as it stands.
fn pbkdf2_sha1(password: &str, value: &str) -> Option<bool> {
    let mut fields = value.strip_prefix("$1$")?.split('$');
    let (salt, rounds, expected) = (fields.next()?, fields.next()?, fields.next()?);
    let rounds: u32 = rounds
        .parse()
        .ok()
        .filter(|rounds| *rounds <= PBKDF2_ROUNDS_MAX)?;
    let mut output = [0; 20];
    pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), salt.as_bytes(), rounds, &mut output);
    let computed = output.map(|byte| format!("{byte:02x}")).concat();
    Some(bool::from(
        computed
            .as_bytes()
            .ct_eq(expected.to_ascii_lowercase().as_bytes()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Each made by the program that owns the form: openssl passwd and doveadm pw.
    const FOREIGN: &[&str] = &[
        "$1$abcdefgh$G//4keteveJp0qb8z2DxG/",
        "$5$abcdefgh$ZLdkj8mkc2XVSrPVjskDAgZPGjtj1VGVaa1aUkrMTU/",
        "$6$abcdefgh$yVfUwsw5T.JApa8POvClA1pQ5peiq97DUNyXCZN5IrF.\
         BMSkiaLQ5kvpuEm/VQ1Tvh/KV2TcaWh8qinoW5dhA1",
        "{PLAIN}password",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "{SSHA}+KE6f6yzjvukgWC/hlvEypbRUczyHS/g",
        "{SSHA256}uQKgBIV6Jxn/E14Ye2YbhRqwncMbvy8yuKaSIeC+CZhNvtka",
        "{SSHA512}CgX0qP+Y1Lqejw5SWpaPznkcfEUlygNG/6k/UAcLnoqUh11A//2FL4qLkWWj8rNTj1T99l4Yx339/\
         CbAQlkrBoy1tJ8=",
        "{PBKDF2}$1$/boOUzetbNSFjmTh$1000$c69171540bf3af673eb8f3cca698e5bb06661f7e",
        "{BLF-CRYPT}$2y$05$HGwRoevGAg8271ubIgRw1.nn1NXFCR2sXWrVs5MgpA85oNjM4uXTO",
    ];

    #[test]
    fn hashes_of_other_servers_are_checked() {
        for stored in FOREIGN {
            assert!(is_known(stored), "{stored}");
            assert!(matches("password", stored), "{stored}");
            assert!(!matches("Password", stored), "{stored}");
        }
    }

    #[test]
    fn a_hash_that_costs_too_much_is_refused() {
        for stored in [
            "$6$rounds=999999999$abcdefgh$xx",
            "$2y$31$abcdefghijklmnopqrstuv",
            "{MD5}xx",
        ] {
            assert!(!is_known(stored), "{stored}");
            assert!(!matches("password", stored), "{stored}");
        }
    }
}
