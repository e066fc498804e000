//! Names that are written with blanks for what is known of a letter: `%{ir}.%{v}._spf.%{d}`.
//!
//! Pure. Start at [`Template::domain`] and [`Template::filled`].
//!
//! Standards: RFC 7208 §7 (macros), §12 (their grammar).

use super::record::Faulty;
use std::fmt::Write as _;
use std::net::IpAddr;

/// Characters that part the pieces of a value.
const DELIMITERS: &str = ".-+,/_=";
/// Letters of a name as it is asked for (RFC 7208 §7.3).
const NAME_MAX: usize = 253;

/// A name with blanks.
#[derive(Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Blank(Blank),
}

impl Piece {
    /// What is put in here, if anything is.
    fn value(&self) -> Option<Value> {
        match self {
            Self::Text(_) => None,
            Self::Blank(blank) => Some(blank.value),
        }
    }
}

/// What is put in, and how.
#[derive(Debug, PartialEq, Eq)]
struct Blank {
    value: Value,
    /// Parts that are kept, counted from the right.
    parts_max: usize,
    is_reversed: bool,
    delimiters: String,
    is_escaped: bool,
}

/// What is known of a letter (RFC 7208 §7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Sender,
    LocalPart,
    SenderDomain,
    Domain,
    Address,
    ValidatedName,
    Family,
    Greeting,
    /// Only for words to people, which are not composed here.
    ForPeople,
}

/// What blanks are filled with.
pub struct Known<'a> {
    pub local: &'a str,
    pub sender_domain: &'a str,
    /// Whose policy is looked at.
    pub domain: &'a str,
    pub peer: IpAddr,
    pub greeting: &'a str,
    /// The peer's name, if it has been proven; looked up only where [`Template::needs_name`].
    pub validated_name: &'a str,
}

impl Template {
    /// Reads a name of a domain.
    pub fn domain(text: &str) -> Result<Self, Faulty> {
        let template = Self::any(text)?;
        let may_only_fill = |piece: &Piece| piece.value() != Some(Value::ForPeople);
        if template.ends_like_a_domain(text) && template.0.iter().all(may_only_fill) {
            Ok(template)
        } else {
            Err(Faulty)
        }
    }

    /// Reads any text with blanks.
    pub fn any(text: &str) -> Result<Self, Faulty> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((plain, behind)) = rest.split_once('%') {
            pieces.push(Piece::Text(plain.to_owned()));
            let mut letters = behind.chars();
            let literal = match letters.next() {
                Some('%') => "%",
                Some('_') => " ",
                Some('-') => "%20",
                Some('{') => {
                    let (blank, behind) = letters.as_str().split_once('}').ok_or(Faulty)?;
                    pieces.push(Piece::Blank(Blank::parse(blank)?));
                    rest = behind;
                    continue;
                }
                _ => return Err(Faulty),
            };
            pieces.push(Piece::Text(literal.to_owned()));
            rest = letters.as_str();
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Ok(Self(pieces))
    }

    /// `domain-end`: a blank, or a dot and a label that is no number.
    fn ends_like_a_domain(&self, text: &str) -> bool {
        if ["%%", "%_", "%-"].iter().any(|end| text.ends_with(end)) {
            return true;
        }
        match self.0.last() {
            Some(Piece::Blank(_)) => true,
            Some(Piece::Text(text)) => {
                let text = text.strip_suffix('.').unwrap_or(text);
                text.rsplit_once('.')
                    .is_some_and(|(_, top)| is_top_label(top))
            }
            None => false,
        }
    }

    /// True if the peer's name has to be looked up first.
    pub fn needs_name(&self) -> bool {
        let needs = |piece: &Piece| piece.value() == Some(Value::ValidatedName);
        self.0.iter().any(needs)
    }

    /// The name; what is too long loses labels on the left (RFC 7208 §7.3).
    pub fn filled(&self, known: &Known<'_>) -> String {
        let mut name = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Blank(blank) => name.push_str(&blank.filled(known)),
            }
        }
        if name.ends_with('.') {
            name.pop();
        }
        while name.len() > NAME_MAX {
            let Some((_, shorter)) = name.split_once('.') else {
                break;
            };
            name = shorter.to_owned();
        }
        name
    }
}

fn is_top_label(label: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    label.chars().all(|c| is_letter(c) || c == '-')
        && label.starts_with(is_letter)
        && label.ends_with(is_letter)
        && label.contains(|c: char| !c.is_ascii_digit())
}

impl Blank {
    /// Reads what stands between the braces.
    fn parse(text: &str) -> Result<Self, Faulty> {
        let mut letters = text.chars();
        let letter = letters.next().ok_or(Faulty)?;
        let value = Value::of(letter.to_ascii_lowercase()).ok_or(Faulty)?;
        let rest = letters.as_str();
        let behind = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = rest.strip_suffix(behind).unwrap_or_default();
        // So many parts that the number does not fit are all parts.
        let parts_max = if digits.is_empty() {
            usize::MAX
        } else {
            digits.parse().unwrap_or(usize::MAX)
        };
        let delimiters = behind.strip_prefix(['r', 'R']);
        let is_reversed = delimiters.is_some();
        let delimiters = delimiters.unwrap_or(behind);
        if parts_max == 0 || !delimiters.chars().all(|c| DELIMITERS.contains(c)) {
            return Err(Faulty);
        }
        Ok(Self {
            value,
            parts_max,
            is_reversed,
            delimiters: if delimiters.is_empty() {
                "."
            } else {
                delimiters
            }
            .to_owned(),
            is_escaped: letter.is_ascii_uppercase(),
        })
    }

    /// RFC 7208 §7.3: cut, turn round, keep the right-hand parts, join with dots, escape.
    fn filled(&self, known: &Known<'_>) -> String {
        let value = self.value.known(known);
        let mut parts: Vec<&str> = value.split(|c| self.delimiters.contains(c)).collect();
        if self.is_reversed {
            parts.reverse();
        }
        let kept = parts.split_off(parts.len().saturating_sub(self.parts_max));
        let joined = kept.join(".");
        if self.is_escaped {
            escaped(&joined)
        } else {
            joined
        }
    }
}

impl Value {
    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            's' => Self::Sender,
            'l' => Self::LocalPart,
            'o' => Self::SenderDomain,
            'd' => Self::Domain,
            'i' => Self::Address,
            'p' => Self::ValidatedName,
            'v' => Self::Family,
            'h' => Self::Greeting,
            'c' | 'r' | 't' => Self::ForPeople,
            _ => return None,
        })
    }

    fn known(self, known: &Known<'_>) -> String {
        match self {
            Self::Sender => format!("{}@{}", known.local, known.sender_domain),
            Self::LocalPart => known.local.to_owned(),
            Self::SenderDomain => known.sender_domain.to_owned(),
            Self::Domain => known.domain.to_owned(),
            Self::Address => dotted(known.peer),
            Self::ValidatedName => known.validated_name.to_owned(),
            Self::Family if known.peer.is_ipv4() => "in-addr".to_owned(),
            Self::Family => "ip6".to_owned(),
            Self::Greeting => known.greeting.to_owned(),
            Self::ForPeople => String::new(),
        }
    }
}

/// An IPv4 address as usual, an IPv6 address in half bytes.
fn dotted(peer: IpAddr) -> String {
    match peer {
        IpAddr::V4(peer) => peer.to_string(),
        IpAddr::V6(peer) => {
            let halves = peer
                .octets()
                .into_iter()
                .flat_map(|byte| [byte >> 4, byte & 15]);
            let halves: Vec<String> = halves.map(|half| format!("{half:x}")).collect();
            halves.join(".")
        }
    }
}

/// Every byte that may not stand in a URI for itself as `%20` (RFC 3986 §2.3).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> String {
        let known = |peer: &str| Known {
            local: "strong-bad",
            sender_domain: "email.example.com",
            domain: "email.example.com",
            peer: peer.parse().unwrap(),
            greeting: "mx.example.org",
            validated_name: "mx.example.org",
        };
        let (text, peer) = match text.strip_prefix("six ") {
            Some(text) => (text, "2001:db8::cb01"),
            None => (text, "192.0.2.3"),
        };
        Template::any(text).unwrap().filled(&known(peer))
    }

    #[test]
    fn the_examples_of_the_standard_come_out_as_it_says() {
        // RFC 7208 §7.4.
        for (template, wanted) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d3}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"),
            ("%{lr}", "strong-bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            (
                "%{ir}.%{v}._spf.%{d2}",
                "3.2.0.192.in-addr._spf.example.com",
            ),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            (
                "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
                "bad.strong.lp.3.2.0.192.in-addr._spf.example.com",
            ),
            (
                "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
                "3.2.0.192.in-addr.strong.lp._spf.example.com",
            ),
            (
                "%{d2}.trusted-domains.example.net",
                "example.com.trusted-domains.example.net",
            ),
            (
                "six %{ir}.%{v}._spf.%{d2}",
                "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com",
            ),
        ] {
            assert_eq!(filled(template), wanted, "{template}");
        }
    }

    #[test]
    fn a_name_that_is_too_long_loses_labels_on_the_left() {
        let long = format!("{}.x.test", ["abcdefghi"; 30].join("."));
        let found = filled(&long);
        assert!(
            found.len() <= NAME_MAX && long.ends_with(&format!(".{found}")),
            "{found}"
        );
    }
}
