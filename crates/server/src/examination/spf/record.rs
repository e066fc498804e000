//! The record in which a domain says who may send in its name, read into values.
//!
//! Pure. A record with any fault is no policy at all, also if the fault stands behind what would
//! have decided: its author has to hear of it. Start at [`Policy::parse`].
//!
//! Standards: RFC 7208 §4.5, §4.6, §5, §6, §12 (the grammar).

use super::template::Template;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of a record that are looked at; RFC 7208 §3.4 wants them to fit a datagram.
const RECORD_MAX: usize = 16 * 1024;
/// Terms of a record, likewise.
const TERMS_MAX: usize = 512;
const VERSION: &str = "v=spf1";

/// A record that can't be used. RFC 7208 §4.6: the result is `permerror`.
#[derive(Debug, PartialEq, Eq)]
pub struct Faulty;

/// What a domain says.
#[derive(Debug, PartialEq, Eq, Default)]
pub struct Policy {
    /// Who may send and who may not, in the order in which it is tried.
    pub directives: Vec<Directive>,
    /// Whose policy holds if none of them says anything.
    pub redirect: Option<Template>,
}

/// Peers, and what is said of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Directive {
    pub qualifier: Qualifier,
    pub mechanism: Mechanism,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qualifier {
    Pass,
    Fail,
    SoftFail,
    Neutral,
}

/// Which peers are meant; no target is the domain whose policy it is.
#[derive(Debug, PartialEq, Eq)]
pub enum Mechanism {
    All,
    Include(Template),
    A(Option<Template>, Widths),
    Mx(Option<Template>, Widths),
    Ptr(Option<Template>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(Template),
}

/// How many leading bits of an address have to be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widths {
    pub four: u8,
    pub six: u8,
}

/// True for a text that is such a record, in whatever state (RFC 7208 §4.5).
pub fn is_policy(text: &[u8]) -> bool {
    let Some((version, rest)) = text.split_at_checked(VERSION.len()) else {
        return false;
    };
    version.eq_ignore_ascii_case(VERSION.as_bytes()) && matches!(rest.first(), None | Some(b' '))
}

impl Policy {
    /// Reads a record for which [`is_policy`] is true.
    pub fn parse(text: &[u8]) -> Result<Self, Faulty> {
        let is_printed = text.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let text = str::from_utf8(text).map_err(|_| Faulty)?;
        if !is_printed || text.len() > RECORD_MAX {
            return Err(Faulty);
        }
        let terms = text.get(VERSION.len()..).unwrap_or_default();
        let mut policy = Self::default();
        let mut has_explanation = false;
        for (count, term) in terms.split(' ').filter(|term| !term.is_empty()).enumerate() {
            if count >= TERMS_MAX {
                return Err(Faulty);
            }
            match Term::parse(term)? {
                Term::Directive(directive) => policy.directives.push(directive),
                Term::Redirect(target) if policy.redirect.is_none() => {
                    policy.redirect = Some(target);
                }
                Term::Explanation if !has_explanation => has_explanation = true,
                Term::Redirect(_) | Term::Explanation => return Err(Faulty),
                Term::Other => {}
            }
        }
        Ok(policy)
    }
}

/// One word of a record.
enum Term {
    Directive(Directive),
    Redirect(Template),
    /// Where words for the sender stand; they are not passed on, since anybody may write them.
    Explanation,
    /// A modifier that is not known, which means nothing.
    Other,
}

impl Term {
    fn parse(term: &str) -> Result<Self, Faulty> {
        let end = term.find([':', '/', '=']).unwrap_or(term.len());
        let (name, rest) = term.split_at_checked(end).ok_or(Faulty)?;
        if let Some(value) = rest.strip_prefix('=') {
            return Self::modifier(name, value);
        }
        let (qualifier, name) = qualifier(name);
        let mechanism = mechanism(&name.to_ascii_lowercase(), rest)?;
        Ok(Self::Directive(Directive {
            qualifier,
            mechanism,
        }))
    }

    fn modifier(name: &str, value: &str) -> Result<Self, Faulty> {
        let mut letters = name.chars();
        let is_name = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && letters.all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !is_name {
            return Err(Faulty);
        }
        match &*name.to_ascii_lowercase() {
            "redirect" => Ok(Self::Redirect(Template::domain(value)?)),
            "exp" => Template::domain(value).map(|_| Self::Explanation),
            _ => Template::any(value).map(|_| Self::Other),
        }
    }
}

fn qualifier(name: &str) -> (Qualifier, &str) {
    let signs = [
        ('+', Qualifier::Pass),
        ('-', Qualifier::Fail),
        ('~', Qualifier::SoftFail),
        ('?', Qualifier::Neutral),
    ];
    let mut found = signs
        .iter()
        .filter_map(|(sign, qualifier)| Some((*qualifier, name.strip_prefix(*sign)?)));
    found.next().unwrap_or((Qualifier::Pass, name))
}

/// `rest` is what stands behind the name: nothing, or something from a colon or slash on.
fn mechanism(name: &str, rest: &str) -> Result<Mechanism, Faulty> {
    Ok(match name {
        "all" if rest.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(target(rest)?.ok_or(Faulty)?),
        "exists" => Mechanism::Exists(target(rest)?.ok_or(Faulty)?),
        "ptr" => Mechanism::Ptr(target(rest)?),
        "a" => {
            let (rest, widths) = widths(rest)?;
            Mechanism::A(target(rest)?, widths)
        }
        "mx" => {
            let (rest, widths) = widths(rest)?;
            Mechanism::Mx(target(rest)?, widths)
        }
        "ip4" => {
            let (address, width) = network(rest, 32)?;
            Mechanism::Ip4(address.parse().map_err(|_| Faulty)?, width)
        }
        "ip6" => {
            let (address, width) = network(rest, 128)?;
            Mechanism::Ip6(address.parse().map_err(|_| Faulty)?, width)
        }
        _ => return Err(Faulty),
    })
}

fn target(rest: &str) -> Result<Option<Template>, Faulty> {
    match rest.strip_prefix(':') {
        Some(target) => Template::domain(target).map(Some),
        None if rest.is_empty() => Ok(None),
        None => Err(Faulty),
    }
}

/// Cuts `/24`, `//64` or `/24//64` off the end.
fn widths(rest: &str) -> Result<(&str, Widths), Faulty> {
    let (rest, six) = width(rest, "//", 128)?;
    let (rest, four) = width(rest, "/", 32)?;
    Ok((rest, Widths { four, six }))
}

fn network(rest: &str, most: u8) -> Result<(&str, u8), Faulty> {
    let rest = rest.strip_prefix(':').ok_or(Faulty)?;
    width(rest, "/", most)
}

/// Cuts a number behind this sign off the end; `most` if there is none.
fn width<'a>(rest: &'a str, sign: &str, most: u8) -> Result<(&'a str, u8), Faulty> {
    let before = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = rest.get(before.len()..).unwrap_or_default();
    let Some(head) = before.strip_suffix(sign) else {
        return Ok((rest, most));
    };
    let has_form = digits == "0" || !digits.is_empty() && !digits.starts_with('0');
    match digits.parse() {
        Ok(width) if has_form && width <= most => Ok((head, width)),
        _ => Err(Faulty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_read_in_order_and_spaces_do_not_count() {
        let policy =
            Policy::parse(b"v=spf1  +A -mx:x.test/24//64 ~ip6:1::/16 ?all redirect=y.test ");
        let policy = policy.unwrap();
        assert_eq!(policy.directives.len(), 4);
        let widths = Widths { four: 24, six: 64 };
        assert!(matches!(&policy.directives[1], Directive {
            qualifier: Qualifier::Fail,
            mechanism: Mechanism::Mx(Some(_), found),
        } if *found == widths));
        assert!(policy.redirect.is_some());
    }

    #[test]
    fn one_fault_spoils_the_whole_record() {
        for fault in [
            "all:x.test",
            "all/8",
            "include",
            "include:",
            "a:",
            "a/33",
            "a//129",
            "a/024",
            "a/",
            "ip4:1.2.3",
            "ip4:1.2.3.4/33",
            "ip4",
            "ip6:::1/129",
            "ip6:1.2.3.4",
            "mx:localhost",
            "unknown",
            "=x",
            "-redirect=x.test",
            "redirect=x.test redirect=y.test",
            "exp=",
            "exp=x.test exp=x.test",
            "x=%",
            "x=%{d",
            "exists:%{c}.x.test",
            "exists:%{d0}.x.test",
            "-",
            "a\t-all",
            "a:\u{e4}.test",
        ] {
            let record = format!("v=spf1 +all {fault}");
            assert_eq!(Policy::parse(record.as_bytes()), Err(Faulty), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_record_holds_it_is_read_or_refused(record in "v=spf1[ -~]{0,200}") {
            _ = is_policy(record.as_bytes());
            _ = Policy::parse(record.as_bytes());
        }
    }
}
