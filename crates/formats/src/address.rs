//! Addresses: the strict ones of envelopes and the lenient lists of headers.
//!
//! Never looks anything up and never converts a domain between its Unicode and ASCII forms (the
//! engine does, once, where it compares addresses). ASCII of domains is kept in lower case; local
//! parts are kept as they came. What comes in as UTF-8 should be in normal form C (RFC 6532 §3.1);
//! that is not enforced here.
//!
//! Start at [`Mailbox::parse`] and [`path`] for envelopes, at [`list::parse`] for header fields.
//!
//! Standards: RFC 5321 §4.1.2 (paths, mailboxes), §4.5.3.1 (lengths), RFC 6531 (UTF-8).

pub mod list;

use crate::cursor::Cursor;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Octets of a local part. Source: RFC 5321 §4.5.3.1.1.
pub const LOCAL_BYTES_MAX: usize = 64;
/// Octets of a domain. Source: RFC 5321 §4.5.3.1.2.
pub const DOMAIN_BYTES_MAX: usize = 255;
/// Octets of a path with its angle brackets. Source: RFC 5321 §4.5.3.1.3.
pub const PATH_BYTES_MAX: usize = 256;

/// A mailbox that can be written to: what stands before and after the `@`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    local: String,
    domain: String,
}

/// What stands between `<` and `>` in an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// `<>`: nobody is to be told of a failure.
    Null,
    /// `<postmaster>`, which needs no domain (RFC 5321 §4.1.1.3).
    Postmaster,
    /// Any other address.
    Mailbox(Mailbox),
}

/// Why some bytes are not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// It does not follow the grammar of RFC 5321 §4.1.2.
    Syntax,
    /// It is longer than RFC 5321 §4.5.3.1 allows.
    TooLong,
    /// It has bytes over 127 that are not UTF-8.
    Encoding,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "not an address",
            Self::TooLong => "address too long",
            Self::Encoding => "address is not UTF-8",
        })
    }
}

impl std::error::Error for AddressError {}

impl Mailbox {
    /// Reads `local@domain`, `"quoted local"@domain` or `local@[address literal]`, and nothing
    /// behind it.
    pub fn parse(input: &[u8]) -> Result<Self, AddressError> {
        let mut cursor = Cursor::new(input);
        let mailbox = mailbox(&mut cursor)?;
        if cursor.is_at_end() {
            Ok(mailbox)
        } else {
            Err(AddressError::Syntax)
        }
    }

    /// The local part without quotes, as it came.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain, its ASCII letters in lower case; an address literal with its brackets.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The same local part at another domain, for example the domain in its other form.
    #[must_use]
    pub fn at_domain(&self, domain: &str) -> Self {
        Self {
            local: self.local.clone(),
            domain: domain.to_ascii_lowercase(),
        }
    }

    /// Whether it can only be sent to servers that know SMTPUTF8 (RFC 6531 §3.2).
    pub fn needs_utf8(&self) -> bool {
        !self.local.is_ascii() || !self.domain.is_ascii()
    }
}

/// The form for envelopes, without angle brackets; the local part is quoted where it must be.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local) {
            return write!(f, "{}@{}", self.local, self.domain);
        }
        f.write_str("\"")?;
        for character in self.local.chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        write!(f, "\"@{}", self.domain)
    }
}

/// Reads a path at the beginning of `input` and answers with what follows it.
///
/// Source routes are read and dropped (RFC 5321 §4.1.2, A-d-l).
pub fn path(input: &[u8]) -> Result<(Path, &[u8]), AddressError> {
    let mut cursor = Cursor::new(input);
    if !cursor.accept(b'<') {
        return Err(AddressError::Syntax);
    }
    if cursor.accept(b'>') {
        return Ok((Path::Null, cursor.rest()));
    }
    source_route(&mut cursor)?;
    let path = match cursor.rest().split_at_checked(10) {
        Some((start, _)) if start.eq_ignore_ascii_case(b"postmaster") && end_of(&cursor, 10) => {
            cursor.take(10);
            Path::Postmaster
        }
        _ => Path::Mailbox(mailbox(&mut cursor)?),
    };
    if !cursor.accept(b'>') {
        return Err(AddressError::Syntax);
    }
    let length = input.len().saturating_sub(cursor.rest().len());
    if length > PATH_BYTES_MAX {
        return Err(AddressError::TooLong);
    }
    Ok((path, cursor.rest()))
}

fn end_of(cursor: &Cursor<'_>, position: usize) -> bool {
    cursor.rest().get(position) == Some(&b'>')
}

/// `@a.example,@b.example:` before the mailbox.
fn source_route(cursor: &mut Cursor<'_>) -> Result<(), AddressError> {
    if cursor.peek() != Some(b'@') {
        return Ok(());
    }
    while cursor.accept(b'@') {
        domain(cursor)?;
        cursor.accept(b',');
    }
    if cursor.accept(b':') {
        Ok(())
    } else {
        Err(AddressError::Syntax)
    }
}

fn mailbox(cursor: &mut Cursor<'_>) -> Result<Mailbox, AddressError> {
    let local = if cursor.accept(b'"') {
        quoted(cursor)?
    } else {
        dot_string(cursor)?
    };
    if !cursor.accept(b'@') {
        return Err(AddressError::Syntax);
    }
    let domain = domain(cursor)?;
    if local.len() > LOCAL_BYTES_MAX || domain.len() > DOMAIN_BYTES_MAX {
        return Err(AddressError::TooLong);
    }
    let mailbox = Mailbox {
        local: utf8(&local)?,
        domain: utf8(&domain)?.to_ascii_lowercase(),
    };
    // The brackets of a path count too.
    let length = mailbox.local.len() + mailbox.domain.len() + 3;
    if length > PATH_BYTES_MAX {
        Err(AddressError::TooLong)
    } else {
        Ok(mailbox)
    }
}

fn utf8(bytes: &[u8]) -> Result<String, AddressError> {
    let text = str::from_utf8(bytes).map_err(|_| AddressError::Encoding)?;
    // The control characters of Latin-1 and the line separators would break headers that quote
    // them.
    if text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
    {
        return Err(AddressError::Syntax);
    }
    Ok(text.to_owned())
}

/// `atext` of RFC 5322 §3.2.3, and UTF-8 (RFC 6531 §3.3).
pub(crate) fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn is_dot_string(local: &str) -> bool {
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

fn dot_string(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, AddressError> {
    let taken = cursor.take_while(|byte| is_atext(byte) || byte == b'.');
    if taken.split(|&byte| byte == b'.').any(<[u8]>::is_empty) {
        return Err(AddressError::Syntax);
    }
    Ok(taken.to_vec())
}

/// Behind the opening quote of a Quoted-string; removes the quoting.
fn quoted(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, AddressError> {
    let mut local = Vec::new();
    while let Some(byte) = cursor.next() {
        let byte = match byte {
            b'"' if local.is_empty() => return Err(AddressError::Syntax),
            b'"' => return Ok(local),
            b'\\' => cursor.next().ok_or(AddressError::Syntax)?,
            _ => byte,
        };
        if byte < b' ' || byte == 0x7f {
            return Err(AddressError::Syntax);
        }
        local.push(byte);
        if local.len() > LOCAL_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
    }
    Err(AddressError::Syntax)
}

fn domain(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, AddressError> {
    if cursor.peek() == Some(b'[') {
        return address_literal(cursor);
    }
    let taken =
        cursor.take_while(|b| b.is_ascii_alphanumeric() || b >= 0x80 || b"-._".contains(&b));
    let labels_hold = taken.split(|&byte| byte == b'.').all(is_label);
    if labels_hold {
        Ok(taken.to_vec())
    } else {
        Err(AddressError::Syntax)
    }
}

/// A label of a domain: letters, digits, inner hyphens; the underscore is found in practice.
fn is_label(label: &[u8]) -> bool {
    !label.is_empty() && label.len() <= 63 && !label.starts_with(b"-") && !label.ends_with(b"-")
}

/// `[192.0.2.1]`, `[IPv6:2001:db8::1]` or `[tag:text]`. Source: RFC 5321 §4.1.3.
fn address_literal(cursor: &mut Cursor<'_>) -> Result<Vec<u8>, AddressError> {
    cursor.accept(b'[');
    let inside = cursor.take_while(|byte| byte.is_ascii_graphic() && !b"[]\\".contains(&byte));
    let text = str::from_utf8(inside).map_err(|_| AddressError::Encoding)?;
    let holds = match text.split_once(':') {
        None => text.parse::<Ipv4Addr>().is_ok(),
        Some((tag, rest)) if tag.eq_ignore_ascii_case("IPv6") => rest.parse::<Ipv6Addr>().is_ok(),
        Some((tag, rest)) => is_label(tag.as_bytes()) && !rest.is_empty(),
    };
    if !holds || !cursor.accept(b']') {
        return Err(AddressError::Syntax);
    }
    Ok(format!("[{text}]").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(input: &str) -> Result<String, AddressError> {
        Mailbox::parse(input.as_bytes()).map(|mailbox| mailbox.to_string())
    }

    #[test]
    fn domains_are_kept_in_lower_case_and_local_parts_as_they_came() {
        assert_eq!(
            parsed("John.Doe@Example.COM"),
            Ok("John.Doe@example.com".to_owned())
        );
        assert_eq!(
            parsed("grün@Bücher.example"),
            Ok("grün@bücher.example".to_owned())
        );
    }

    #[test]
    fn local_parts_are_quoted_only_where_they_must_be() {
        assert_eq!(
            parsed("\"john\"@a.example"),
            Ok("john@a.example".to_owned())
        );
        assert_eq!(
            parsed("\"a \\\"b\"@a.example"),
            Ok("\"a \\\"b\"@a.example".to_owned())
        );
        assert_eq!(
            parsed("\"a..b\"@a.example"),
            Ok("\"a..b\"@a.example".to_owned())
        );
    }

    #[test]
    fn address_literals_are_checked() {
        assert!(parsed("a@[192.0.2.1]").is_ok());
        assert!(parsed("a@[IPv6:2001:db8::1]").is_ok());
        assert!(parsed("a@[192.0.2.256]").is_err());
        assert!(parsed("a@[IPv6:zz]").is_err());
    }

    #[test]
    fn what_is_no_mailbox_is_refused() {
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a@b@c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a b@c",
            "a@-b",
            "a@b-",
            "a@b..c",
            "\"\"@b",
            "\"a@b",
            "a@b c",
            "a@b\r\n",
            "\"a\r\nb\"@c",
            "a@[1.2.3.4",
        ] {
            assert!(parsed(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Mailbox::parse(b"\xff@b"), Err(AddressError::Encoding));
    }

    #[test]
    fn lengths_of_rfc_5321_hold() {
        let local = "l".repeat(64);
        assert!(parsed(&format!("{local}@b.example")).is_ok());
        assert_eq!(
            parsed(&format!("{local}l@b.example")),
            Err(AddressError::TooLong)
        );
        let domain = format!("{}.example", ["d".repeat(60).as_str(); 4].join("."));
        assert!(parsed(&format!("a@{domain}")).is_ok());
        assert_eq!(
            parsed(&format!("{local}@{domain}")),
            Err(AddressError::TooLong)
        );
    }

    #[test]
    fn a_path_ends_at_its_bracket() {
        assert_eq!(path(b"<> SIZE=1"), Ok((Path::Null, &b" SIZE=1"[..])));
        assert_eq!(path(b"<PostMaster>"), Ok((Path::Postmaster, &b""[..])));
        let (routed, rest) = path(b"<@a.example,@b.example:u@c.example> X").unwrap();
        assert_eq!(
            routed,
            Path::Mailbox(Mailbox::parse(b"u@c.example").unwrap())
        );
        assert_eq!(rest, b" X");
        let (postmaster, _) = path(b"<postmaster@c.example>").unwrap();
        assert!(matches!(postmaster, Path::Mailbox(_)));
        for bad in [&b"a@b"[..], b"<a@b", b"<a>", b"<@a:>", b"< >", b"<a@b >"] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
    }
}
