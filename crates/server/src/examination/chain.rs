//! The form of a chain of seals, before anybody looks at its signatures.
//!
//! mail-auth reads over what is missing or there twice; a chain that two servers could read in two
//! ways is broken. Start at [`form`].
//!
//! Standards: RFC 8617 §4.1, §5.2; RFC 6376 §3.2, §3.5; RFC 8301 §3.1.

use engine::signature::field::fields;
use engine::signature::tags::Tags;

/// What can be said of a chain by its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// There is none.
    Absent,
    /// It can never hold.
    Broken,
    /// Its signatures decide.
    Whole,
}

/// Algorithms of a seal; SHA-1 does not count any more.
const ALGORITHMS: [&str; 2] = ["rsa-sha256", "ed25519-sha256"];
const SEAL: &str = "ARC-Seal";
const SIGNATURE: &str = "ARC-Message-Signature";
const RESULTS: &str = "ARC-Authentication-Results";

/// Looks at the fields of a header.
pub fn form(header: &[u8]) -> Form {
    let fields = fields(header);
    let named = |wanted: &str| {
        let is_it = |name: &[u8]| {
            name.trim_ascii_end()
                .eq_ignore_ascii_case(wanted.as_bytes())
        };
        let found = fields.iter().filter(|(name, _)| is_it(name));
        found.map(|(_, value)| *value).collect::<Vec<&[u8]>>()
    };
    let (seals, signatures, results) = (named(SEAL), named(SIGNATURE), named(RESULTS));
    if seals.is_empty() && signatures.is_empty() && results.is_empty() {
        return Form::Absent;
    }
    let is_whole = seals.len() == signatures.len()
        && seals.len() == results.len()
        && seals.into_iter().all(is_seal)
        && signatures.into_iter().all(is_signature);
    if is_whole { Form::Whole } else { Form::Broken }
}

fn is_seal(value: &[u8]) -> bool {
    Tags::parse(value).is_some_and(|tags| {
        is_signed(&tags) && tags.have(&["i", "cv"]) && tags.value("h").is_none()
    })
}

/// A seal is made after the signature, so the signature can't cover it (RFC 8617 §4.1.2).
fn is_signature(value: &[u8]) -> bool {
    Tags::parse(value).is_some_and(|tags| {
        let covered = tags.value("h").unwrap_or_default();
        let mut names = covered.split(':').map(str::trim);
        is_signed(&tags)
            && tags.have(&["i", "bh", "h"])
            && !names.any(|name| name.eq_ignore_ascii_case(SEAL))
    })
}

fn is_signed(tags: &Tags<'_>) -> bool {
    let algorithm = tags.value("a").unwrap_or_default();
    ALGORITHMS.contains(&algorithm) && tags.have(&["b", "d", "s"])
}
