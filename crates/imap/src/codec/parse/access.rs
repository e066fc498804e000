//! `GETACL`, `SETACL`, `DELETEACL`, `LISTRIGHTS`, `MYRIGHTS`. Source: RFC 4314 §7.

use super::{Arguments, Fault, Parsed};
use crate::codec::access::{AccessRequest, Letters, RightsChange};

impl Arguments<'_> {
    pub(super) fn access(&mut self, name: &str) -> Parsed<AccessRequest> {
        let mailbox = self.next_mailbox()?;
        match name {
            "GETACL" => return Ok(AccessRequest::Get(mailbox)),
            "MYRIGHTS" => return Ok(AccessRequest::My(mailbox)),
            _ => {}
        }
        let identifier = self.text()?;
        if identifier.is_empty() || identifier.chars().any(char::is_control) {
            return Err(Fault::Syntax("Identifier is not valid"));
        }
        Ok(match name {
            "DELETEACL" => AccessRequest::Delete(mailbox, identifier),
            "LISTRIGHTS" => AccessRequest::List(mailbox, identifier),
            _ => {
                self.cursor.space()?;
                let change = rights_change(&self.cursor.astring()?)?;
                AccessRequest::Set(mailbox, identifier, change)
            }
        })
    }
}

fn rights_change(text: &[u8]) -> Parsed<RightsChange> {
    const UNKNOWN: Fault = Fault::Syntax("Right is not known");
    let read = |letters| Letters::read(letters).ok_or(UNKNOWN);
    match text {
        [b'+', letters @ ..] => read(letters).map(RightsChange::Add),
        [b'-', letters @ ..] => read(letters).map(RightsChange::Remove),
        letters => read(letters).map(RightsChange::Replace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(change: &str) -> String {
        match rights_change(change.as_bytes()) {
            Ok(RightsChange::Replace(letters)) => letters.text(),
            Ok(RightsChange::Add(letters)) => format!("+{}", letters.text()),
            Ok(RightsChange::Remove(letters)) => format!("-{}", letters.text()),
            Err(_) => "?".to_owned(),
        }
    }

    #[test]
    fn obsolete_rights_stand_for_those_that_took_their_place() {
        assert_eq!(letters("lrswida"), "lrswitead");
        assert_eq!(letters("+cda"), "+kxteacd");
        assert_eq!(letters("-k"), "-kc");
        assert_eq!(letters(""), "");
    }

    #[test]
    fn rights_that_are_none_are_refused() {
        for bad in ["lrQswicda", "lrqswicda", "l r", "0", "+-l", "z"] {
            assert_eq!(letters(bad), "?", "{bad}");
        }
    }
}
