//! `GETMETADATA`, `SETMETADATA`, and the entries that LIST may be asked for.
//!
//! Source: RFC 5464 §5; RFC 9590 §5 (LIST).

use super::{Arguments, Cursor, Fault, LIST_ARGUMENTS_MAX, Parsed};
use crate::codec::mailbox::MailboxName;
use crate::codec::metadata::{Depth, Entry, GetMetadata, MetadataRequest};

impl Arguments<'_> {
    pub(super) fn metadata(&mut self, name: &str) -> Parsed<MetadataRequest> {
        if name == "GETMETADATA" {
            return self.get_metadata().map(MetadataRequest::Get);
        }
        let mailbox = self.mailbox_or_server()?;
        self.cursor.space()?;
        let values = self.cursor.list(LIST_ARGUMENTS_MAX, |cursor| {
            let entry = entry(cursor)?;
            if entry.name.is_empty() {
                return Err(Fault::Syntax("Entry needs a name"));
            }
            cursor.space()?;
            Ok((entry, cursor.nstring()?.map(std::borrow::Cow::into_owned)))
        })?;
        Ok(MetadataRequest::Set(mailbox, values))
    }

    /// The grammar puts the options before the mailbox, the examples behind it: both are taken.
    fn get_metadata(&mut self) -> Parsed<GetMetadata> {
        let mut request = GetMetadata {
            mailbox: None,
            size_bytes_max: None,
            depth: Depth::Zero,
            entries: Vec::new(),
        };
        if self.cursor.rest().starts_with(b" (") {
            self.cursor.space()?;
            options(&mut self.cursor, &mut request)?;
        }
        request.mailbox = self.mailbox_or_server()?;
        self.cursor.space()?;
        let starts_options = |rest: &[u8]| matches!(rest, [b'(', b'M' | b'm' | b'D' | b'd', ..]);
        if starts_options(self.cursor.rest()) {
            options(&mut self.cursor, &mut request)?;
            self.cursor.space()?;
        }
        request.entries = entries(&mut self.cursor)?;
        // Some examples of the standard have no list around them.
        while !self.cursor.at_end() && request.entries.len() < LIST_ARGUMENTS_MAX {
            self.cursor.space()?;
            request.entries.push(entry(&mut self.cursor)?);
        }
        Ok(request)
    }

    /// The empty name stands for the server.
    fn mailbox_or_server(&mut self) -> Parsed<Option<MailboxName>> {
        let name = self.next_mailbox()?;
        Ok(Some(name).filter(|name| !name.as_str().is_empty()))
    }
}

fn options(cursor: &mut Cursor<'_>, request: &mut GetMetadata) -> Parsed<()> {
    cursor.list(2, |cursor| {
        if cursor.accept_word("MAXSIZE ") {
            request.size_bytes_max = Some(cursor.number64()?);
        } else if cursor.accept_word("DEPTH ") {
            request.depth = match cursor.word()?.to_ascii_lowercase().as_str() {
                "0" => Depth::Zero,
                "1" => Depth::One,
                "infinity" => Depth::Infinity,
                _ => return Err(Fault::Syntax("Unknown DEPTH")),
            };
        } else {
            return Err(Fault::Syntax("Unknown GETMETADATA option"));
        }
        Ok(())
    })?;
    Ok(())
}

/// Reads an entry, or a list of them.
pub(super) fn entries(cursor: &mut Cursor<'_>) -> Parsed<Vec<Entry>> {
    if cursor.peek() == Some(b'(') {
        cursor.list(LIST_ARGUMENTS_MAX, entry)
    } else {
        Ok(vec![entry(cursor)?])
    }
}

fn entry(cursor: &mut Cursor<'_>) -> Parsed<Entry> {
    Entry::read(&cursor.text()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::command::Command;
    use crate::codec::mailbox::NameForm;
    use crate::codec::metadata::Scope;
    use crate::codec::parse::command;

    fn read(text: &str) -> Parsed<Command> {
        command(format!("a {text}").as_bytes(), NameForm::Utf7).map(|tagged| tagged.command)
    }

    fn comment(scope: Scope) -> Entry {
        let name = "/comment".to_owned();
        Entry { scope, name }
    }

    #[test]
    fn options_stand_before_or_behind_the_mailbox() {
        let wanted = GetMetadata {
            mailbox: Some(MailboxName::from_path("INBOX")),
            size_bytes_max: Some(1024),
            depth: Depth::Infinity,
            entries: vec![comment(Scope::Shared), comment(Scope::Private)],
        };
        let wanted = Ok(Command::Metadata(MetadataRequest::Get(wanted)));
        for line in [
            "GETMETADATA (MAXSIZE 1024 DEPTH infinity) INBOX (/shared/comment /private/comment)",
            "GETMETADATA INBOX (maxsize 1024 depth INFINITY) (/shared/comment /private/comment)",
            "GETMETADATA \"INBOX\" (DEPTH infinity MAXSIZE 1024) /shared/comment /private/comment",
        ] {
            assert_eq!(read(line), wanted, "{line}");
        }
    }

    #[test]
    fn values_are_strings_or_nothing() {
        let values = vec![
            (comment(Scope::Private), None),
            (comment(Scope::Shared), Some(b"a\0b".to_vec())),
        ];
        assert_eq!(
            read("SETMETADATA \"\" (/private/comment NIL /SHARED/comment ~{3+}\r\na\0b)"),
            Ok(Command::Metadata(MetadataRequest::Set(None, values)))
        );
    }

    #[test]
    fn names_that_mean_nothing_or_several_are_refused() {
        for bad in [
            "/comment",
            "/sharedx",
            "/shared/",
            "/shared//a",
            "/shared/a*",
            "/shared/%",
            "x",
        ] {
            assert!(
                read(&format!("GETMETADATA INBOX \"{bad}\"")).is_err(),
                "{bad}"
            );
        }
        assert!(read("SETMETADATA INBOX (/shared \"x\")").is_err());
        assert!(read("SETMETADATA INBOX (/shared/a)").is_err());
        assert!(read("SETMETADATA INBOX ()").is_err());
    }

    #[test]
    fn depth_is_counted_in_levels() {
        let top = Entry::read("/shared").unwrap();
        let below = Entry::read("/shared/a/b").unwrap();
        assert_eq!(top.depth_of(&below), Some(2));
        assert_eq!(Entry::read("/SHARED/A").unwrap().depth_of(&below), Some(1));
        assert_eq!(Entry::read("/shared/aa").unwrap().depth_of(&below), None);
        assert_eq!(below.depth_of(&below), None);
    }
}
