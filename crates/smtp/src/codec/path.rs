//! Envelope addresses: `<local@domain>`, and what else the grammar allows between angle brackets.
//!
//! Never: decides whether a mailbox exists, or folds case; that is the directory's.
//! A source route is read over (RFC 5321 §4.1.1.3, appendix C): mail goes to the mailbox behind it.
//!
//! Sources: RFC 5321 §4.1.2 (grammar), §4.1.3 (literals), §4.5.3.1 (limits), RFC 6531 §3.3 (UTF-8).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Octets of a local part (RFC 5321 §4.5.3.1.1).
pub const LOCAL_BYTES_MAX: usize = 64;
/// Octets of a domain (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_BYTES_MAX: usize = 255;
/// Octets of one label of a domain (RFC 1035 §2.3.4).
const LABEL_BYTES_MAX: usize = 63;

/// A mailbox as an envelope names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Without quotes and backslashes, in the case it came.
    pub local: String,
    /// Behind the `@`.
    pub domain: Domain,
}

/// What stands behind the `@`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// A name in lower case, without a dot at its end.
    Name(String),
    /// An address literal.
    Literal(IpAddr),
}

/// The path of RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// `<postmaster>`, which every server must take without a domain (RFC 5321 §4.5.1).
    Postmaster,
    /// Anyone else.
    Mailbox(Mailbox),
}

impl Mailbox {
    /// True when the address can be said without SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii()
            && match &self.domain {
                Domain::Name(name) => name.is_ascii(),
                Domain::Literal(_) => true,
            }
    }
}

impl fmt::Display for Mailbox {
    /// The address in its one canonical form: quoted only if it must be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local) {
            write!(f, "{}@{}", self.local, self.domain)
        } else {
            let quoted = self.local.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "\"{quoted}\"@{}", self.domain)
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Literal(IpAddr::V4(address)) => write!(f, "[{address}]"),
            Self::Literal(IpAddr::V6(address)) => write!(f, "[IPv6:{address}]"),
        }
    }
}

/// The reverse path at the front of `text`, `None` in it for `<>`; and what follows.
pub fn reverse(text: &str) -> Option<(Option<Mailbox>, &str)> {
    match text.strip_prefix("<>") {
        Some(rest) => Some((None, rest)),
        None => bracketed(text).map(|(mailbox, rest)| (Some(mailbox), rest)),
    }
}

/// The forward path at the front of `text`, and what follows.
pub fn forward(text: &str) -> Option<(Recipient, &str)> {
    const POSTMASTER: &str = "<postmaster>";
    match text.split_at_checked(POSTMASTER.len()) {
        Some((front, rest)) if front.eq_ignore_ascii_case(POSTMASTER) => {
            Some((Recipient::Postmaster, rest))
        }
        _ => bracketed(text).map(|(mailbox, rest)| (Recipient::Mailbox(mailbox), rest)),
    }
}

/// A whole text that is one address, without brackets.
pub fn mailbox(text: &str) -> Option<Mailbox> {
    address(text).and_then(|(mailbox, rest)| rest.is_empty().then_some(mailbox))
}

fn bracketed(text: &str) -> Option<(Mailbox, &str)> {
    let (mailbox, rest) = address(without_route(text.strip_prefix('<')?)?)?;
    Some((mailbox, rest.strip_prefix('>')?))
}

/// Drops `@one,@two:` before the mailbox.
fn without_route(text: &str) -> Option<&str> {
    if !text.starts_with('@') {
        return Some(text);
    }
    let (route, rest) = text.split_once(':')?;
    let is_route = route
        .split(',')
        .all(|hop| hop.strip_prefix('@').is_some_and(is_domain_name));
    is_route.then_some(rest)
}

fn address(text: &str) -> Option<(Mailbox, &str)> {
    let (local, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted_string(quoted)?,
        None => {
            let (local, rest) = text.split_at_checked(text.find('@')?)?;
            is_dot_string(local).then(|| (local.to_owned(), rest))?
        }
    };
    let (domain, rest) = domain(rest.strip_prefix('@')?)?;
    let fits = (1..=LOCAL_BYTES_MAX).contains(&local.len());
    fits.then_some((Mailbox { local, domain }, rest))
}

/// The text up to the closing quote, unescaped, and what follows the quote.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(
                characters
                    .next()
                    .map(|(_, next)| next)
                    .filter(|c| is_plain(*c))?,
            ),
            _ if is_plain(character) => value.push(character),
            _ => return None,
        }
    }
    None
}

/// May stand in a quoted string: no control characters, and none of Unicode's other line ends.
fn is_plain(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}')
}

fn is_dot_string(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atom_text))
}

/// RFC 5322 §3.2.3 `atext`, with RFC 6531's UTF-8.
fn is_atom_text(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character)
    } else {
        is_plain(character) && !character.is_whitespace()
    }
}

fn domain(text: &str) -> Option<(Domain, &str)> {
    if let Some(literal) = text.strip_prefix('[') {
        let (inside, rest) = literal.split_once(']')?;
        return Some((Domain::Literal(address_literal(inside)?), rest));
    }
    let (name, rest) = text.split_at_checked(text.find('>').unwrap_or(text.len()))?;
    is_domain_name(name).then(|| (Domain::Name(name.to_lowercase()), rest))
}

/// `192.0.2.1` or `IPv6:2001:db8::1`; the general form has no registered tags (RFC 5321 §4.1.3).
pub fn address_literal(text: &str) -> Option<IpAddr> {
    match text.split_at_checked("IPv6:".len()) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => {
            address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        _ => text.parse().ok().map(IpAddr::V4),
    }
}

/// Letters, digits and hyphens, or UTF-8 for a name still to be put into ASCII.
///
/// Underscores are let through: names of hosts with one send mail (see `quirk`).
pub fn is_domain_name(text: &str) -> bool {
    text.len() <= DOMAIN_BYTES_MAX
        && text.split('.').all(|label| {
            (1..=LABEL_BYTES_MAX).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| {
                    c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || c.is_alphanumeric()
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Option<String> {
        match reverse(text)? {
            (mailbox, "") => Some(
                mailbox
                    .map(|mailbox| mailbox.to_string())
                    .unwrap_or_default(),
            ),
            _ => None,
        }
    }

    #[test]
    fn an_address_has_one_canonical_form() {
        for (text, expected) in [
            ("<a@b.example>", "a@b.example"),
            ("<A.b+tag@B.EXAMPLE>", "A.b+tag@b.example"),
            ("<\"a\"@b.example>", "a@b.example"),
            ("<\"a b\"@b.example>", "\"a b\"@b.example"),
            ("<\"a\\b\"@b.example>", "ab@b.example"),
            ("<\"a\\\"b\\\\\"@b.example>", "\"a\\\"b\\\\\"@b.example"),
            ("<\"a@c\"@b.example>", "\"a@c\"@b.example"),
            ("<@r1.example,@r2.example:a@b.example>", "a@b.example"),
            ("<a@[192.0.2.1]>", "a@[192.0.2.1]"),
            ("<a@[IPv6:2001:DB8::1]>", "a@[IPv6:2001:db8::1]"),
            ("<a%c@b.example>", "a%c@b.example"),
            ("<jörg@müller.example>", "jörg@müller.example"),
            ("<>", ""),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("<{}@b.example>", "a".repeat(65));
        let long_domain = format!("<a@{}>", "b.".repeat(130));
        for text in [
            "",
            "a@b.example",
            "<a@b.example",
            "<a>",
            "<@b.example>",
            "<a@>",
            "<a@@b.example>",
            "<a b@c.example>",
            "<.a@b.example>",
            "<a.@b.example>",
            "<a..c@b.example>",
            "<\"a@b.example>",
            "<\"\"@b.example>",
            "<a@b..example>",
            "<a@.example>",
            "<a@b.example.>",
            "<a@-b.example>",
            "<a@b-.example>",
            "<a@[300.1.1.1]>",
            "<a@[::1]>",
            "<a@[IPv6:192.0.2.1]>",
            "<a@[192.0.2.1>",
            "<(c)a@b.example>",
            "<a@b(c).example>",
            "<\"a\rb\"@b.example>",
            "<a\u{85}@b.example>",
            "<a\u{2028}@b.example>",
            "<\"a\u{2028}\"@b.example>",
            "<@r1.example:>",
            "<@bad route:a@b.example>",
            "<a@b.example><c@d.example>",
            "<<a@b.example>>",
            &long_local,
            &long_domain,
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn postmaster_needs_no_domain() {
        assert_eq!(
            forward("<PostMaster> X"),
            Some((Recipient::Postmaster, " X"))
        );
        assert_eq!(forward("<root>"), None);
        assert_eq!(forward("<>"), None);
    }
}
