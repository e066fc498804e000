//! Which mailboxes a search over several looks into.
//!
//! Standards: RFC 7377 §2.2 and §3 (`IN (…)`), RFC 5465 §6 (the kinds of mailboxes).

use super::Fault;
use super::cursor::{Cursor, Parsed};
use super::mailbox::{MailboxName, NameForm};

/// Kinds, and names within one kind, in one search.
pub const SCOPES_MAX: usize = 32;

/// Some mailboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `selected`
    Selected,
    /// `inboxes`: those that letters are delivered to.
    Inboxes,
    /// `personal`
    Personal,
    /// `subscribed`
    Subscribed,
    /// `subtree`: these and all below them.
    Subtree(Vec<MailboxName>),
    /// `subtree-one`: these and those directly below them.
    SubtreeOne(Vec<MailboxName>),
    /// `mailboxes`
    Mailboxes(Vec<MailboxName>),
}

impl Scope {
    /// Reads `IN (…)` and the space behind it, if it stands next.
    pub fn read_all(cursor: &mut Cursor<'_>, form: NameForm) -> Parsed<Option<Vec<Self>>> {
        if !cursor.accept_word("IN ") {
            return Ok(None);
        }
        let scopes = cursor.list(SCOPES_MAX, |cursor| Self::read(cursor, form))?;
        cursor.space()?;
        Ok(Some(scopes))
    }

    fn read(cursor: &mut Cursor<'_>, form: NameForm) -> Parsed<Self> {
        Ok(match cursor.word()?.to_ascii_lowercase().as_str() {
            // Nothing is delayed here: what others did is told with every command.
            "selected" | "selected-delayed" => Self::Selected,
            "inboxes" => Self::Inboxes,
            "personal" => Self::Personal,
            "subscribed" => Self::Subscribed,
            "subtree" => Self::Subtree(mailboxes(cursor, form)?),
            "subtree-one" => Self::SubtreeOne(mailboxes(cursor, form)?),
            "mailboxes" => Self::Mailboxes(mailboxes(cursor, form)?),
            _ => return Err(Fault::Syntax("Unknown kind of mailboxes")),
        })
    }
}

/// One mailbox, or several in parentheses.
fn mailboxes(cursor: &mut Cursor<'_>, form: NameForm) -> Parsed<Vec<MailboxName>> {
    let read = |cursor: &mut Cursor<'_>| MailboxName::decode(&cursor.astring()?, form);
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        cursor.list(SCOPES_MAX, read)
    } else {
        Ok(vec![read(cursor)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Parsed<Option<Vec<Scope>>> {
        Scope::read_all(&mut Cursor::new(text.as_bytes()), NameForm::Utf7)
    }

    #[test]
    fn the_examples_of_rfc_7377_are_read() {
        let scopes = read("IN (mailboxes \"folder1\" subtree \"folder2\") unseen");
        let scopes = scopes.unwrap().unwrap();
        assert!(matches!(
            &scopes[..],
            [Scope::Mailboxes(_), Scope::Subtree(_)]
        ));
        let scopes = read("IN (selected-delayed personal subtree-one (a b)) ALL");
        let scopes = scopes.unwrap().unwrap();
        assert!(matches!(&scopes[2], Scope::SubtreeOne(names) if names.len() == 2));
        assert_eq!(read("unseen"), Ok(None));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for bad in [
            "IN ALL",
            "IN () ALL",
            "IN (foo) ALL",
            "IN (subtree) ALL",
            "IN (selected)",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
