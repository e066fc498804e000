//! `GETQUOTA`, `GETQUOTAROOT`, `SETQUOTA`. Source: RFC 9208 §7.

use super::{Arguments, LIST_ARGUMENTS_MAX, Parsed};
use crate::codec::quota::{QuotaRequest, Resource};

impl Arguments<'_> {
    pub(super) fn quota(&mut self, name: &str) -> Parsed<QuotaRequest> {
        match name {
            "GETQUOTA" => Ok(QuotaRequest::Root(self.text()?)),
            "GETQUOTAROOT" => Ok(QuotaRequest::Mailbox(self.next_mailbox()?)),
            _ => {
                let root = self.text()?;
                self.cursor.space()?;
                let limits = self.cursor.list_or_empty(LIST_ARGUMENTS_MAX, |cursor| {
                    let resource = Resource::named(cursor.word()?);
                    cursor.space()?;
                    Ok((resource, cursor.number64()?))
                })?;
                Ok(QuotaRequest::Set(root, limits))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::command::Command;
    use crate::codec::mailbox::NameForm;
    use crate::codec::parse::command;

    fn read(text: &str) -> Parsed<Command> {
        command(format!("a {text}").as_bytes(), NameForm::Utf7).map(|tagged| tagged.command)
    }

    #[test]
    fn limits_are_a_list_that_may_be_empty() {
        let set = |limits| {
            Ok(Command::Quota(QuotaRequest::Set(
                "#user/alice".to_owned(),
                limits,
            )))
        };
        assert_eq!(
            read("SETQUOTA \"#user/alice\" (storage 510 X-NEW 1)"),
            set(vec![(Resource::Storage, 510), (Resource::Other, 1)])
        );
        assert_eq!(read("SETQUOTA \"#user/alice\" ()"), set(Vec::new()));
        for bad in [
            "GETQUOTA",
            "SETQUOTA \"\"",
            "SETQUOTA \"\" (STORAGE)",
            "SETQUOTA \"\" (STORAGE -1)",
            "SETQUOTA \"\" (STORAGE 9223372036854775808)",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
