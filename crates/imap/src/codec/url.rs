//! IMAP URLs of messages and their parts on this server.
//!
//! Without server and user it names what lies in the account of who says it; with them it must be
//! authorized by that user, or be about to.
//!
//! Start at [`MessageUrl::read`] and [`AuthorizedUrl::read`].
//!
//! Standards: RFC 5092 §5, §11; RFC 4469 §3; RFC 4467 §3, §9 (URLAUTH); RFC 5550 §4.6
//! (URL-PARTIAL).

use super::cursor::Cursor;
use super::fetch::{self, Section};
use super::mailbox::{MailboxName, NameForm};
use formats::moment;
use std::ops::Range;

/// The one way of authorizing that is known here. Source: RFC 4467 §2.4.1.
const MECHANISM: &str = "INTERNAL";

/// A message, or some of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageUrl {
    /// Where it lies.
    pub mailbox: MailboxName,
    /// What its UID belongs to, if that was said.
    pub uid_validity: Option<u32>,
    /// Which message.
    pub uid: u32,
    /// Which text of it.
    pub section: Section,
    /// Only these bytes of it.
    pub partial: Option<Range<u64>>,
}

impl MessageUrl {
    /// Reads `/mailbox;UIDVALIDITY=1/;UID=2/;SECTION=1.2/;PARTIAL=0.10`. `None` if it is none.
    pub fn read(text: &str) -> Option<Self> {
        let (mailbox, rest) = cut(text.strip_prefix('/')?, ";UID=")?;
        let mailbox = mailbox.strip_suffix('/').unwrap_or(mailbox);
        let (mailbox, uid_validity) = match cut(mailbox, ";UIDVALIDITY=") {
            Some((mailbox, number)) => (mailbox, Some(number.parse().ok()?)),
            None => (mailbox, None),
        };
        let (rest, partial) = match cut(rest, ";PARTIAL=") {
            Some((rest, partial)) => (trim(rest), Some(range(partial)?)),
            None => (rest, None),
        };
        let (uid, section) = match cut(rest, ";SECTION=") {
            Some((uid, section)) => (trim(uid), read_section(section)?),
            None => (trim(rest), Section::whole()),
        };
        let mailbox = MailboxName::decode(&decode(mailbox)?, NameForm::Utf8).ok()?;
        Some(Self {
            mailbox,
            uid_validity,
            uid: uid.parse().ok().filter(|uid| *uid > 0)?,
            section,
            partial,
        })
    }
}

/// A URL by which others may read a message, once its owner has authorized it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedUrl<'a> {
    /// What is signed: the URL as it was written, up to whom it is for.
    pub rump: &'a str,
    /// Who authorizes it, and in whose account the message is looked for.
    pub owner: String,
    /// What it names.
    pub message: MessageUrl,
    /// The last second in which it is good, since 1970.
    pub expires: Option<i64>,
    /// Whom it is for.
    pub readers: Readers,
    /// The signature; a URL that is still to be authorized has none.
    pub token: Option<&'a str>,
}

/// Whom a URL is for. Source: RFC 4467 §3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readers {
    /// `submit+`: who submits letters in the name of others.
    Submitters,
    /// `user+`: this user.
    User(String),
    /// `authuser` or `anonymous`: everyone who has signed in; nobody else can ask here.
    Everyone,
}

impl<'a> AuthorizedUrl<'a> {
    /// Reads `imap://alice@host/INBOX/;UID=20;URLAUTH=user+bob:INTERNAL:91354a…`, with or without
    /// what follows `bob`. `None` if it is none, or is authorized in a way that is not known.
    pub fn read(text: &'a str) -> Option<Self> {
        let at = text.to_ascii_uppercase().rfind(";URLAUTH=")?;
        let (url, authorization) = (text.get(..at)?, text.get(at + ";URLAUTH=".len()..)?);
        let (readers, token) = match authorization.split_once(':') {
            Some((readers, proof)) => (readers, Some(read_token(proof)?)),
            None => (authorization, None),
        };
        let rump = text.get(..text.len() - (authorization.len() - readers.len()))?;
        let (url, expires) = match cut(url, ";EXPIRE=") {
            Some((url, time)) => (url, Some(moment::parse(time)?)),
            None => (url, None),
        };
        let (scheme, place) = url.split_at_checked("imap://".len())?;
        let (server, path) = place.split_at_checked(place.find('/')?)?;
        let (owner, host) = server
            .rsplit_once('@')
            .filter(|(_, host)| !host.is_empty())?;
        let owner = cut(owner, ";AUTH=").map_or(owner, |(owner, _)| owner);
        scheme.eq_ignore_ascii_case("imap://").then_some(())?;
        host.bytes().all(|b| b.is_ascii_graphic()).then_some(())?;
        Some(Self {
            rump,
            owner: user(owner)?,
            message: MessageUrl::read(path)?,
            expires,
            readers: Readers::read(readers)?,
            token,
        })
    }
}

impl Readers {
    fn read(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        if lower == "authuser" || lower == "anonymous" {
            return Some(Self::Everyone);
        }
        let (kind, name) = text.split_once('+')?;
        let name = user(name)?;
        match kind.to_ascii_lowercase().as_str() {
            "submit" => Some(Self::Submitters),
            "user" => Some(Self::User(name)),
            _ => None,
        }
    }
}

/// True for the name of a way of authorizing that is known here.
pub fn is_known_mechanism(name: &str) -> bool {
    name.eq_ignore_ascii_case(MECHANISM)
}

/// `INTERNAL:` and at least 32 hexadecimal digits. Source: RFC 4467 §9 (`enc-urlauth`).
fn read_token(proof: &str) -> Option<&str> {
    let (mechanism, token) = proof.split_once(':')?;
    let is_token = token.len() >= 32 && token.bytes().all(|b| b.is_ascii_hexdigit());
    (is_known_mechanism(mechanism) && is_token).then_some(token)
}

fn user(text: &str) -> Option<String> {
    let name = String::from_utf8(decode(text)?).ok()?;
    (!name.is_empty()).then_some(name)
}

/// Splits at the first `name`, in any case.
fn cut<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let at = text.to_ascii_uppercase().find(name)?;
    Some((text.get(..at)?, text.get(at + name.len()..)?))
}

/// `/;SECTION=` is right (RFC 5092), `;SECTION=` stands in the examples of RFC 4469.
fn trim(text: &str) -> &str {
    text.strip_suffix('/').unwrap_or(text)
}

fn range(text: &str) -> Option<Range<u64>> {
    let (offset, length) = match text.split_once('.') {
        Some((offset, length)) => (offset, length.parse().ok().filter(|n: &u64| *n > 0)?),
        None => (text, u64::MAX),
    };
    let offset: u64 = offset.parse().ok()?;
    Some(offset..offset.saturating_add(length))
}

fn read_section(text: &str) -> Option<Section> {
    let mut bytes = decode(text)?;
    bytes.push(b']');
    let mut cursor = Cursor::new(&bytes);
    let section = fetch::section(&mut cursor).ok()?;
    cursor.rest().is_empty().then_some(section)
}

/// Resolves percent signs.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, coded)) = rest.split_once('%') {
        decoded.extend_from_slice(plain.as_bytes());
        let (digits, behind) = coded.split_at_checked(2)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        rest = behind;
    }
    decoded.extend_from_slice(rest.as_bytes());
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::fetch::SectionText;
    use proptest::prelude::*;

    #[test]
    fn a_url_names_a_message_or_a_part_of_it() {
        let url =
            MessageUrl::read("/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER").unwrap();
        assert_eq!(url.mailbox.as_str(), "Drafts");
        assert_eq!((url.uid_validity, url.uid), (Some(385_759_045), 20));
        assert_eq!(url.section.text, SectionText::Header);
        let url = MessageUrl::read("/a/b%20c;UID=7;SECTION=1.2.MIME/;PARTIAL=10.20").unwrap();
        assert_eq!(url.mailbox.as_str(), "a/b c");
        assert_eq!((url.section.part, url.partial), (vec![1, 2], Some(10..30)));
        let fields = "/x/;UID=1/;SECTION=HEADER.FIELDS%20(From%20To)/;PARTIAL=5";
        let url = MessageUrl::read(fields).unwrap();
        assert!(matches!(url.section.text, SectionText::HeaderFields(names) if names.len() == 2));
        assert_eq!(url.partial.map(|partial| partial.start), Some(5));
    }

    #[test]
    fn an_authorized_url_says_by_whom_for_whom_and_until_when() {
        // RFC 4467 §7.
        let text = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred\
                    :internal:91354a473744909de610943775f92038";
        let url = AuthorizedUrl::read(text).unwrap();
        assert_eq!(url.owner, "joe");
        assert_eq!(url.rump, text.split(":internal").next().unwrap());
        assert_eq!(
            (url.message.uid, url.message.section.part),
            (20, vec![1, 2])
        );
        assert_eq!(url.readers, Readers::Submitters);
        assert_eq!(url.token, Some("91354a473744909de610943775f92038"));
        let text = "IMAP://a%40b.test;AUTH=*@host:143/x;UIDVALIDITY=7/;UID=1/;PARTIAL=0.9\
                    ;EXPIRE=2026-03-01T12:00:00Z;URLAUTH=user+c%40d.test";
        let url = AuthorizedUrl::read(text).unwrap();
        assert_eq!((url.owner.as_str(), url.rump), ("a@b.test", text));
        assert_eq!(url.readers, Readers::User("c@d.test".to_owned()));
        assert_eq!((url.expires, url.token), (Some(1_772_366_400), None));
        assert_eq!(url.message.partial, Some(0..9));
        for everyone in ["authuser", "ANONYMOUS"] {
            let text = format!("imap://a@b/x/;UID=1;URLAUTH={everyone}");
            assert_eq!(
                AuthorizedUrl::read(&text).unwrap().readers,
                Readers::Everyone
            );
        }
    }

    #[test]
    fn what_is_not_authorized_by_someone_for_someone_is_none() {
        for bad in [
            "",
            "imap://a@b/x/;UID=1",
            "/x/;UID=1;URLAUTH=anonymous",
            "http://a@b/x/;UID=1;URLAUTH=anonymous",
            "imap://b/x/;UID=1;URLAUTH=anonymous",
            "imap://@b/x/;UID=1;URLAUTH=anonymous",
            "imap://a@/x/;UID=1;URLAUTH=anonymous",
            "imap://a@b/;URLAUTH=anonymous",
            "imap://a@b/x;URLAUTH=anonymous",
            "imap://a@b/x/;UID=1;URLAUTH=",
            "imap://a@b/x/;UID=1;URLAUTH=user+",
            "imap://a@b/x/;UID=1;URLAUTH=group+c",
            "imap://a@b/x/;UID=1;EXPIRE=soon;URLAUTH=anonymous",
            "imap://a@b/x/;UID=1;URLAUTH=anonymous:INTERNAL",
            "imap://a@b/x/;UID=1;URLAUTH=anonymous:INTERNAL:91354a",
            "imap://a@b/x/;UID=1;URLAUTH=anonymous:INTERNAL:91354a473744909de610943775f9203x",
            "imap://a@b/x/;UID=1;URLAUTH=anonymous:XSAMPLE:91354a473744909de610943775f92038",
        ] {
            assert_eq!(AuthorizedUrl::read(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = (MessageUrl::read(&text), AuthorizedUrl::read(&text));
            let _ = AuthorizedUrl::read(&format!("imap://a@b/{text};URLAUTH={text}:INTERNAL:{text}"));
        }
    }

    #[test]
    fn what_names_no_message_is_none() {
        for bad in [
            "",
            "/",
            "/x",
            "x;UID=1",
            "/x/;UID=0",
            "/x/;UID=1/;SECTION=FOO",
            "/x/;UID=1/;SECTION=1]2",
            "/x;UIDVALIDITY=a/;UID=1",
            "/%zz/;UID=1",
            "/%f/;UID=1",
            "/%ff/;UID=1",
            "/x/;UID=1/;PARTIAL=1.0",
            "/x/;UID=1;EXPIRE=2005",
            "imap://host/x/;UID=1",
        ] {
            assert_eq!(MessageUrl::read(bad), None, "{bad}");
        }
    }
}
