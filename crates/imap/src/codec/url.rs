//! IMAP URLs of messages and their parts on this server.
//!
//! Only the form without server and user is read, as CATENATE needs it: what it names lies in the
//! account of who says it.
//!
//! Standards: RFC 5092 §5, §11; RFC 4469 §3.

use super::cursor::Cursor;
use super::fetch::{self, Section};
use super::mailbox::{MailboxName, NameForm};
use std::ops::Range;

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
