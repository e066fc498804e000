//! Commands out of words.
//!
//! Source: RFC 5804 §2, §4.

use super::frame::Word;

/// A command of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the standard")]
pub enum Command {
    /// The mechanism and the first message in base64, if it came with the command.
    Authenticate(String, Option<Vec<u8>>),
    StartTls,
    Logout,
    Capability,
    /// Name and size of a script to come.
    HaveSpace(String, u64),
    PutScript(String, Vec<u8>),
    ListScripts,
    /// `None` for no script at all.
    SetActive(Option<String>),
    GetScript(String),
    DeleteScript(String),
    RenameScript(String, String),
    CheckScript(Vec<u8>),
    /// What to say back.
    Noop(Option<Vec<u8>>),
    Unauthenticate,
}

/// Why words are no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// There is no such command.
    Verb,
    /// Its arguments are wrong.
    Arguments,
}

/// Reads a command.
pub fn parse(words: Vec<Word>) -> Result<Command, Malformed> {
    let mut words = words.into_iter();
    let Some(Word::Atom(verb)) = words.next() else {
        return Err(Malformed::Verb);
    };
    let mut arguments = Arguments(words);
    let command = arguments.of(&verb.to_ascii_uppercase())?;
    match arguments.0.next() {
        None => Ok(command),
        Some(_) => Err(Malformed::Arguments),
    }
}

struct Arguments(std::vec::IntoIter<Word>);

impl Arguments {
    fn of(&mut self, verb: &str) -> Result<Command, Malformed> {
        Ok(match verb {
            "AUTHENTICATE" => Command::Authenticate(self.name()?, self.optional_text()?),
            "STARTTLS" => Command::StartTls,
            "LOGOUT" => Command::Logout,
            "CAPABILITY" => Command::Capability,
            "HAVESPACE" => Command::HaveSpace(self.name()?, self.number()?),
            "PUTSCRIPT" => Command::PutScript(self.name()?, self.text()?),
            "LISTSCRIPTS" => Command::ListScripts,
            "SETACTIVE" => Command::SetActive(Some(self.name()?).filter(|name| !name.is_empty())),
            "GETSCRIPT" => Command::GetScript(self.name()?),
            "DELETESCRIPT" => Command::DeleteScript(self.name()?),
            "RENAMESCRIPT" => Command::RenameScript(self.name()?, self.name()?),
            "CHECKSCRIPT" => Command::CheckScript(self.text()?),
            "NOOP" => Command::Noop(self.optional_text()?),
            "UNAUTHENTICATE" => Command::Unauthenticate,
            _ => return Err(Malformed::Verb),
        })
    }

    fn text(&mut self) -> Result<Vec<u8>, Malformed> {
        match self.0.next() {
            Some(Word::Text(text)) => Ok(text),
            _ => Err(Malformed::Arguments),
        }
    }

    fn optional_text(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        match self.0.next() {
            Some(Word::Text(text)) => Ok(Some(text)),
            None => Ok(None),
            Some(_) => Err(Malformed::Arguments),
        }
    }

    fn name(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.text()?).map_err(|_| Malformed::Arguments)
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        match self.0.next() {
            Some(Word::Number(number)) => Ok(number),
            _ => Err(Malformed::Arguments),
        }
    }
}
