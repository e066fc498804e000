//! Links in a text: the hosts that they lead to, and whether what is shown says so.
//!
//! One pass over the text, no recursion. Start at [`in_text`] and [`in_html`].
//!
//! Standards: RFC 3986 §3.2 (where a host stands).

use memchr::memmem;
use std::net::IpAddr;

/// Different links of one letter that are kept.
const LINKS_MAX: usize = 100;
/// Links that are looked at in one text, so that a text of nothing else costs little.
const LOOKED_AT_MAX: usize = 2_000;
/// Bytes behind the scheme in which a host is looked for.
const HOST_BYTES_MAX: usize = 300;
/// Bytes between a link's tag and its end in which the shown text is looked for.
const SHOWN_BYTES_MAX: usize = 500;

/// Where something leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The host in lower case.
    pub host: String,
    /// A user's name stands before the host, where readers take it for the host.
    pub has_user: bool,
    /// What is shown is a link to another host.
    pub is_disguised: bool,
}

impl Link {
    /// True when it leads to a number instead of a name.
    pub fn is_numeric(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let is_number = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit());
        is_number || host.parse::<IpAddr>().is_ok()
    }
}

/// Links written out in a text.
pub fn in_text(text: &str, links: &mut Vec<Link>) {
    let mut rest = text;
    for _ in 0..LOOKED_AT_MAX {
        let Some((link, after)) = next(rest) else {
            return;
        };
        if let Some(link) = link {
            add(links, link);
        }
        rest = after;
    }
}

/// Links of HTML: written out anywhere, and those whose shown text names another host.
pub fn in_html(html: &str, links: &mut Vec<Link>) {
    in_text(html, links);
    let lower = html.to_ascii_lowercase();
    for at in memmem::find_iter(lower.as_bytes(), b"<a ").take(LOOKED_AT_MAX) {
        let Some(link) = lower.get(at..).and_then(anchor) else {
            continue;
        };
        if let Some(known) = links.iter_mut().find(|known| known.host == link.host) {
            known.is_disguised = true;
        }
    }
}

/// A disguised link, from its tag on.
fn anchor(text: &str) -> Option<Link> {
    let (tag, rest) = text.split_once('>')?;
    let (target, _) = next(tag)?;
    let target = target?;
    let end = rest.find("</a").unwrap_or(rest.len()).min(SHOWN_BYTES_MAX);
    let shown = rest.get(..end)?.trim();
    let (shown, _) = next(shown).filter(|_| shown.starts_with("http"))?;
    (!is_same_site(&shown?.host, &target.host)).then_some(target)
}

/// True when one is the other or a host below it, `www.` aside.
fn is_same_site(one: &str, other: &str) -> bool {
    let name = |host: &str| host.trim_start_matches("www.").to_owned();
    let (one, other) = (name(one), name(other));
    let is_below = |low: &str, high: &str| {
        low.strip_suffix(high)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    is_below(&one, &other) || is_below(&other, &one)
}

/// The next link and what stands behind it.
fn next(text: &str) -> Option<(Option<Link>, &str)> {
    let at = memmem::find(text.as_bytes(), b"://")?;
    let (before, after) = text.split_at_checked(at)?;
    let after = after.strip_prefix("://")?;
    let is_web = ["http", "https"].iter().any(|scheme| {
        let start = before.len().saturating_sub(scheme.len());
        before
            .get(start..)
            .is_some_and(|end| end.eq_ignore_ascii_case(scheme))
    });
    let link = is_web.then(|| authority(after)).flatten();
    Some((link, after))
}

fn authority(after: &str) -> Option<Link> {
    let ends = |c: char| c.is_whitespace() || "/?#\"'<>)\\,;".contains(c);
    let end = after.find(ends).unwrap_or(after.len());
    let authority = after.get(..end.min(HOST_BYTES_MAX))?;
    let (user, host) = match authority.rsplit_once('@') {
        Some((_, host)) => (true, host),
        None => (false, authority),
    };
    let host = match host.split_once(']') {
        Some((number, _)) => format!("{number}]"),
        None => host.split(':').next().unwrap_or_default().to_owned(),
    };
    let host = host.trim_end_matches('.').to_lowercase();
    (!host.is_empty()).then_some(Link {
        host,
        has_user: user,
        is_disguised: false,
    })
}

fn add(links: &mut Vec<Link>, link: Link) {
    if let Some(known) = links.iter_mut().find(|known| known.host == link.host) {
        known.has_user |= link.has_user;
    } else if links.len() < LINKS_MAX {
        links.push(link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(html: &str) -> Vec<(String, bool, bool)> {
        let mut links = Vec::new();
        in_html(html, &mut links);
        let told = links.into_iter();
        told.map(|link| (link.host, link.has_user, link.is_disguised))
            .collect()
    }

    #[test]
    fn a_link_leads_to_what_stands_behind_user_and_before_port_and_path() {
        let text = "See https://bank.test@Evil.Test:8080/x, http://a.test. and ftp://no.test";
        assert_eq!(
            hosts(text),
            [
                ("evil.test".to_owned(), true, false),
                ("a.test".to_owned(), false, false)
            ]
        );
    }

    #[test]
    fn a_link_that_shows_another_host_is_disguised() {
        let honest = "<a href=\"https://login.bank.test/\">https://www.bank.test</a>";
        assert!(hosts(honest).iter().all(|(.., is_disguised)| !is_disguised));
        let false_one = "<A HREF=\"https://evil.test/\">https://bank.test/login</A>";
        let disguised = ("evil.test".to_owned(), false, true);
        assert!(hosts(false_one).contains(&disguised));
        assert!(!hosts("<a href=\"https://evil.test/\">Click</a>")[0].2);
    }

    #[test]
    fn numbers_are_no_names() {
        for (host, is_numeric) in [
            ("192.0.2.1", true),
            ("[2001:db8::1]", true),
            ("3221225985", true),
            ("a.test", false),
            ("1.a.test", false),
        ] {
            let mut links = Vec::new();
            in_text(&format!("http://{host}/"), &mut links);
            assert_eq!(links[0].is_numeric(), is_numeric, "{host}");
        }
    }
}
