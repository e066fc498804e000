//! Command lines.
//!
//! Sources: RFC 1939 §3, §5–§7; RFC 2449 §5 (CAPA), RFC 2595 §4 (STLS), RFC 5034 §4 (AUTH), RFC
//! 6856 §2, §3.

/// Octets of a command line with its CRLF (RFC 2449 §4).
pub const COMMAND_BYTES_MAX: usize = 255;

/// Digits of the number of a letter or of lines.
const NUMBER_DIGITS_MAX: usize = 10;

/// One command. Letters are numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `USER name`.
    User(String),
    /// `PASS password`, which may hold spaces.
    Pass(String),
    /// `AUTH [mechanism [initial response]]`.
    Auth(Option<(String, Option<String>)>),
    /// `STLS`.
    Stls,
    /// `CAPA`.
    Capa,
    /// `STAT`.
    Stat,
    /// `LIST [letter]`.
    List(Option<usize>),
    /// `UIDL [letter]`.
    Uidl(Option<usize>),
    /// `RETR letter`.
    Retr(usize),
    /// `TOP letter lines`.
    Top(usize, usize),
    /// `DELE letter`.
    Dele(usize),
    /// `RSET`.
    Rset,
    /// `NOOP`.
    Noop,
    /// `UTF8`.
    Utf8,
    /// `LANG [tag]`.
    Lang(Option<String>),
    /// `QUIT`.
    Quit,
}

/// Why a line is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// No such verb.
    Verb,
    /// The verb is known, what follows it is not.
    Arguments,
}

/// Reads one line, which stands without its CRLF.
pub fn parse(line: &[u8]) -> Result<Command, Malformed> {
    let line = std::str::from_utf8(line).map_err(|_| Malformed::Arguments)?;
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let verb = verb.to_ascii_uppercase();
    let words: Vec<&str> = rest.split(' ').filter(|word| !word.is_empty()).collect();
    match (verb.as_str(), words.as_slice()) {
        ("USER", [_, ..]) => Ok(Command::User(rest.trim_matches(' ').to_owned())),
        ("PASS", _) if !rest.is_empty() => Ok(Command::Pass(rest.to_owned())),
        ("AUTH", []) => Ok(Command::Auth(None)),
        ("AUTH", [name]) => Ok(Command::Auth(Some(((*name).to_owned(), None)))),
        ("AUTH", [name, initial]) => Ok(Command::Auth(Some((
            (*name).to_owned(),
            Some((*initial).to_owned()),
        )))),
        ("STLS", []) => Ok(Command::Stls),
        ("CAPA", []) => Ok(Command::Capa),
        ("STAT", []) => Ok(Command::Stat),
        ("LIST", []) => Ok(Command::List(None)),
        ("LIST", [letter]) => Ok(Command::List(Some(number(letter)?))),
        ("UIDL", []) => Ok(Command::Uidl(None)),
        ("UIDL", [letter]) => Ok(Command::Uidl(Some(number(letter)?))),
        ("RETR", [letter]) => Ok(Command::Retr(number(letter)?)),
        ("TOP", [letter, lines]) => Ok(Command::Top(number(letter)?, number(lines)?)),
        ("DELE", [letter]) => Ok(Command::Dele(number(letter)?)),
        ("RSET", []) => Ok(Command::Rset),
        ("NOOP", []) => Ok(Command::Noop),
        ("UTF8", []) => Ok(Command::Utf8),
        ("LANG", []) => Ok(Command::Lang(None)),
        ("LANG", [tag]) => Ok(Command::Lang(Some((*tag).to_owned()))),
        ("QUIT", []) => Ok(Command::Quit),
        (
            "USER" | "PASS" | "AUTH" | "STLS" | "CAPA" | "STAT" | "LIST" | "UIDL" | "RETR" | "TOP"
            | "DELE" | "RSET" | "NOOP" | "UTF8" | "LANG" | "QUIT",
            _,
        ) => Err(Malformed::Arguments),
        _ => Err(Malformed::Verb),
    }
}

fn number(text: &str) -> Result<usize, Malformed> {
    let is_number =
        text.len() <= NUMBER_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = is_number.then(|| text.parse().ok()).flatten();
    value.ok_or(Malformed::Arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_come_in_any_case_and_passwords_keep_their_spaces() {
        assert_eq!(parse(b"stat"), Ok(Command::Stat));
        assert_eq!(parse(b"Retr 3"), Ok(Command::Retr(3)));
        assert_eq!(parse(b"PASS  a b "), Ok(Command::Pass(" a b ".into())));
        assert_eq!(parse(b"TOP 1 0"), Ok(Command::Top(1, 0)));
    }

    #[test]
    fn arguments_must_fit_the_verb() {
        for line in [
            "USER",
            "PASS",
            "STAT 1",
            "LIST x",
            "LIST 1 2",
            "RETR",
            "RETR -1",
            "RETR 1 2",
            "TOP 1",
            "TOP 1 x",
            "DELE",
            "DELE 99999999999",
            "RSET 1",
            "NOOP x",
            "QUIT x",
            "STLS x",
            "AUTH a b c",
            "LANG a b",
        ] {
            assert_eq!(parse(line.as_bytes()), Err(Malformed::Arguments), "{line}");
        }
        for line in ["", "APOP a b", "LAST", "GET / HTTP/1.1", " STAT"] {
            assert_eq!(parse(line.as_bytes()), Err(Malformed::Verb), "{line}");
        }
    }
}
