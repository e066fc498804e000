//! The one form in which addresses are compared and kept, and that in which others are told them.
//!
//! Local parts are in normal form C with ASCII letters in lower case; domains are A-labels in lower
//! case. RFC 5321 §2.4 lets the host of a mailbox alone decide how its local parts are read: here
//! case does not count, and an address elsewhere goes out in the spelling that it came in
//! ([`spelled`]).
//!
//! Standards: RFC 5321 §2.4, §4.1.2; RFC 6532 §3.1 (normal form C); RFC 5890 §2.3.2.1 (A-labels).

use crate::error::EngineError;
use formats::address::{DOMAIN_BYTES_MAX, LOCAL_BYTES_MAX};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// An address in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    text: String,
    /// Where the `@` stands.
    at: usize,
}

impl Address {
    /// Brings an address into canonical form. The text is `local@domain` without quotes or
    /// brackets.
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let (local, domain) = text
            .rsplit_once('@')
            .ok_or(EngineError::NameRefused("an address needs an @"))?;
        Self::of(local, domain)
    }

    /// The canonical form of a local part at a domain.
    pub fn of(local: &str, domain: &str) -> Result<Self, EngineError> {
        let domain = canonical_domain(domain)?;
        Ok(Self::at_domain(&canonical_local(local)?, &domain))
    }

    /// Joins two halves that are canonical already.
    pub(crate) fn at_domain(local: &str, domain: &str) -> Self {
        Self {
            text: format!("{local}@{domain}"),
            at: local.len(),
        }
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// What stands behind it.
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// The whole.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address without its tag, and the tag: `user+tag@` is `user@` and `tag`.
    pub(crate) fn without_tag(&self, separator: char) -> Option<(Self, String)> {
        let (user, tag) = self.local().split_once(separator)?;
        let whole = !user.is_empty() && !tag.is_empty();
        whole.then(|| (Self::at_domain(user, self.domain()), tag.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn canonical_local(local: &str) -> Result<String, EngineError> {
    let text: String = if local.is_ascii() {
        local.to_ascii_lowercase()
    } else {
        local
            .nfc()
            .map(|letter| letter.to_ascii_lowercase())
            .collect()
    };
    if text.is_empty() || text.len() > LOCAL_BYTES_MAX {
        return Err(EngineError::NameRefused("a local part has 1 to 64 octets"));
    }
    if text.chars().any(char::is_control) {
        return Err(EngineError::NameRefused("control characters in an address"));
    }
    Ok(text)
}

/// An address as other servers are told it: the local part as it came, the domain in canonical
/// form.
///
/// Source: RFC 5321 §2.4.
pub fn spelled(text: &str) -> Result<String, EngineError> {
    let address = Address::parse(text)?;
    let (local, _) = text.rsplit_once('@').unwrap_or_default();
    Ok([local, "@", address.domain()].concat())
}

/// The canonical form of a domain or of an address literal in brackets.
pub fn canonical_domain(domain: &str) -> Result<String, EngineError> {
    const REFUSED: EngineError = EngineError::NameRefused("not a domain");
    let is_literal = domain.starts_with('[');
    let mut text = if is_literal || is_plain(domain) {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(domain).map_err(|_| REFUSED)?
    };
    // Only now: IDNA knows other full stops than the ASCII one.
    if text.ends_with('.') {
        text.pop();
    }
    if !is_literal && text.split('.').any(str::is_empty) {
        return Err(REFUSED);
    }
    let fits = (1..=DOMAIN_BYTES_MAX).contains(&text.len());
    let sane = text
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'@');
    if fits && sane { Ok(text) } else { Err(REFUSED) }
}

/// True for what needs no IDNA processing, which is nearly everything.
fn is_plain(domain: &str) -> bool {
    domain
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> String {
        Address::parse(text).unwrap().to_string()
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(canonical("Alice@Example.TEST"), "alice@example.test");
    }

    #[test]
    fn others_are_told_the_local_part_as_it_came() {
        assert_eq!(
            spelled("Bob.O'Neil+X@B\u{fc}cher.Example").unwrap(),
            "Bob.O'Neil+X@xn--bcher-kva.example"
        );
        assert!(spelled("a\0@b").is_err());
    }

    #[test]
    fn a_decomposed_local_part_and_a_unicode_domain_have_one_form() {
        assert_eq!(
            canonical("mu\u{308}ller@b\u{fc}cher.example"),
            "m\u{fc}ller@xn--bcher-kva.example"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "@",
            "a@",
            "@b",
            "a",
            "a b@c d",
            "a\0@b",
            &format!("{}@b", "x".repeat(65)),
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_tag_is_what_follows_the_separator() {
        let address = Address::parse("alice+lists+rust@example.test").unwrap();
        let (user, tag) = address.without_tag('+').unwrap();
        assert_eq!(
            (user.as_str(), tag.as_str()),
            ("alice@example.test", "lists+rust")
        );
        assert_eq!(
            Address::parse("+x@example.test").unwrap().without_tag('+'),
            None
        );
    }

    #[test]
    fn a_domain_has_no_empty_label_and_loses_one_full_stop_at_its_end() {
        assert_eq!(canonical_domain("example.test.").unwrap(), "example.test");
        for domain in ["", ".", "..", "a..b", ".a", "a..", "\u{3002}."] {
            assert!(canonical_domain(domain).is_err(), "{domain:?}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own(text in "\\PC{0,20}@\\PC{0,20}") {
            if let Ok(address) = Address::parse(&text) {
                prop_assert_eq!(Address::parse(address.as_str()).unwrap(), address);
            }
        }
    }
}
