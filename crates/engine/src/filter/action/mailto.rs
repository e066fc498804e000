//! `mailto:` addresses of notifications.
//!
//! Standards: RFC 6068 (mailto), RFC 5436 §2.1 (what of it counts in a notification).

use formats::address::Mailbox;

/// Recipients of one notification.
const RECIPIENTS_MAX: usize = 5;

/// What a `mailto:` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::filter) struct Mailto {
    pub recipients: Vec<String>,
    pub subject: Option<String>,
    pub body: Option<String>,
}

impl Mailto {
    /// Reads one; `None` when it names nobody, too many, or is no `mailto:`.
    pub(in crate::filter) fn parse(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.split_once(':')?;
        if !scheme.eq_ignore_ascii_case("mailto") {
            return None;
        }
        let (to, fields) = rest.split_once('?').unwrap_or((rest, ""));
        let mut mailto = Self::default();
        mailto.add_recipients(to)?;
        for field in fields.split('&').filter(|field| !field.is_empty()) {
            let (name, value) = field.split_once('=')?;
            match name.to_ascii_lowercase().as_str() {
                "to" | "cc" | "bcc" => mailto.add_recipients(value)?,
                "subject" => mailto.subject = Some(decoded(value)?),
                "body" => mailto.body = Some(decoded(value)?),
                _ => {} // Other fields are not for a script to set (RFC 5436 §2.1).
            }
        }
        let count = mailto.recipients.len();
        (1..=RECIPIENTS_MAX).contains(&count).then_some(mailto)
    }

    fn add_recipients(&mut self, list: &str) -> Option<()> {
        for address in list.split(',').filter(|address| !address.is_empty()) {
            let address = decoded(address)?;
            let mailbox = Mailbox::parse(address.trim().as_bytes()).ok()?;
            self.recipients.push(mailbox.to_string());
        }
        Some(())
    }
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let (digits, after) = behind.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_subject_and_body_are_read() {
        let read = Mailto::parse("mailto:a@b.test,c@d.test?to=e@f.test&subject=x%20y&X=1").unwrap();
        assert_eq!(read.recipients, ["a@b.test", "c@d.test", "e@f.test"]);
        assert_eq!(read.subject.as_deref(), Some("x y"));
        for wrong in [
            "mailto:",
            "xmpp:a@b.test",
            "mailto:nobody",
            "mailto:a@b.test?subject=%z",
        ] {
            assert_eq!(Mailto::parse(wrong), None, "{wrong}");
        }
    }
}
