//! Command lines.
//!
//! Source: RFC 5321 §4.1.1; RFC 2033 §4.1 (LHLO), RFC 3030 §2 (BDAT), RFC 3207 §4 (STARTTLS), RFC
//! 4954 §4 (AUTH).

use super::parameter::{self, MailParameters, RecipientParameters};
use formats::address::{self, Mailbox, Path};

/// Octets of a command line with its CRLF.
///
/// RFC 5321 §4.5.3.1.4 asks for 512, and the extensions add up: MAIL with SIZE, BODY, RET, ENVID,
/// AUTH and SMTPUTF8 reaches about 1,700.
pub const COMMAND_BYTES_MAX: usize = 2048;

/// Octets of the name in EHLO that are kept: a domain or a literal is never longer.
const NAME_BYTES_MAX: usize = 255;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `HELO`, `EHLO`, `LHLO` with the client's name.
    Hello(Hello, String),
    /// `MAIL FROM:<…>`; no mailbox for `<>`.
    Mail(Option<Mailbox>, MailParameters),
    /// `RCPT TO:<…>`; no mailbox for `<postmaster>` (RFC 5321 §4.1.1.3).
    Recipient(Option<Mailbox>, RecipientParameters),
    /// `DATA`.
    Data,
    /// `BDAT size [LAST]`.
    Chunk(Chunk),
    /// `RSET`.
    Reset,
    /// `NOOP`.
    Noop,
    /// `VRFY`.
    Verify,
    /// `EXPN`.
    Expand,
    /// `HELP`.
    Help,
    /// `STARTTLS`.
    StartTls,
    /// `AUTH mechanism [initial response]`; the mechanism in upper case.
    Auth(String, Option<String>),
    /// `QUIT`.
    Quit,
}

/// Which greeting it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hello {
    /// `HELO`: no extensions.
    Plain,
    /// `EHLO`.
    Extended,
    /// `LHLO`.
    Local,
}

/// The head of a `BDAT` chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Octets that follow the command.
    pub size_bytes: u64,
    /// `LAST`: the letter ends with them.
    pub last: bool,
}

/// Why a line is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// No such verb.
    Verb,
    /// The verb is known, what follows it is not.
    Syntax,
    /// Not the path of a mailbox.
    Path,
    /// A known parameter with a wrong value, or twice.
    Parameter,
    /// A parameter that was not offered.
    UnknownParameter,
    /// `BDAT` whose size can't be read: where the next command begins is unknown.
    Chunk,
}

/// Reads one line, which stands without its CRLF.
pub fn parse(line: &[u8]) -> Result<Command, Malformed> {
    let line = std::str::from_utf8(line).map_err(|_| Malformed::Syntax)?;
    let (verb, rest) = match line.find(' ') {
        Some(at) => line.split_at_checked(at).unwrap_or((line, "")),
        None => (line, ""),
    };
    match verb.to_ascii_uppercase().as_str() {
        "HELO" => hello(Hello::Plain, rest),
        "EHLO" => hello(Hello::Extended, rest),
        "LHLO" => hello(Hello::Local, rest),
        "MAIL" => mail(rest),
        "RCPT" => recipient(rest),
        "BDAT" => chunk(rest),
        "AUTH" => auth(rest),
        "DATA" => alone(Command::Data, rest),
        "RSET" => alone(Command::Reset, rest),
        "QUIT" => alone(Command::Quit, rest),
        "STARTTLS" => alone(Command::StartTls, rest),
        "NOOP" => Ok(Command::Noop),
        "HELP" => Ok(Command::Help),
        "VRFY" if !rest.trim().is_empty() => Ok(Command::Verify),
        "EXPN" if !rest.trim().is_empty() => Ok(Command::Expand),
        "VRFY" | "EXPN" => Err(Malformed::Syntax),
        _ => Err(Malformed::Verb),
    }
}

fn alone(command: Command, rest: &str) -> Result<Command, Malformed> {
    if rest.trim_end_matches(' ').is_empty() {
        Ok(command)
    } else {
        Err(Malformed::Syntax)
    }
}

/// Any name of a host's characters: many clients do not know theirs, and it is only noted in
/// Received.
fn hello(kind: Hello, rest: &str) -> Result<Command, Malformed> {
    let name = rest.trim_matches(' ');
    let is_name = (1..=NAME_BYTES_MAX).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c));
    if is_name {
        Ok(Command::Hello(kind, name.to_owned()))
    } else {
        Err(Malformed::Syntax)
    }
}

/// What follows `prefix`, which may come in any case.
fn behind<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (front, rest) = text.split_at_checked(prefix.len())?;
    front
        .eq_ignore_ascii_case(prefix)
        .then_some(crate::quirk::space_before_path(rest))
}

fn mail(rest: &str) -> Result<Command, Malformed> {
    let (path, parameters) = path(behind(rest, " FROM:").ok_or(Malformed::Syntax)?)?;
    let mailbox = match path {
        Path::Null => None,
        Path::Mailbox(mailbox) => Some(mailbox),
        Path::Postmaster => return Err(Malformed::Path), // Only RCPT may leave the domain out.
    };
    Ok(Command::Mail(mailbox, parameter::mail(parameters)?))
}

fn recipient(rest: &str) -> Result<Command, Malformed> {
    let (path, parameters) = path(behind(rest, " TO:").ok_or(Malformed::Syntax)?)?;
    let mailbox = match path {
        Path::Postmaster => None,
        Path::Mailbox(mailbox) => Some(mailbox),
        Path::Null => return Err(Malformed::Path),
    };
    Ok(Command::Recipient(
        mailbox,
        parameter::recipient(parameters)?,
    ))
}

fn path(text: &str) -> Result<(Path, &str), Malformed> {
    let (path, rest) = address::path(text.as_bytes()).map_err(|_| Malformed::Path)?;
    let parameters = text.get(text.len() - rest.len()..).ok_or(Malformed::Path)?;
    Ok((path, parameters))
}

fn chunk(rest: &str) -> Result<Command, Malformed> {
    let mut words = rest.split(' ').filter(|word| !word.is_empty());
    let size = words
        .next()
        .filter(|size| size.bytes().all(|byte| byte.is_ascii_digit()));
    let size_bytes = size
        .and_then(|size| size.parse().ok())
        .ok_or(Malformed::Chunk)?;
    let last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case("LAST") => true,
        Some(_) => return Err(Malformed::Chunk),
    };
    let is_end = words.next().is_none();
    is_end
        .then_some(Command::Chunk(Chunk { size_bytes, last }))
        .ok_or(Malformed::Chunk)
}

fn auth(rest: &str) -> Result<Command, Malformed> {
    let mut words = rest.trim_matches(' ').split(' ');
    let mechanism = words
        .next()
        .filter(|name| is_mechanism(name))
        .ok_or(Malformed::Syntax)?;
    let initial = words.next().map(str::to_owned);
    let is_end = words.next().is_none();
    let command = Command::Auth(mechanism.to_ascii_uppercase(), initial);
    is_end.then_some(command).ok_or(Malformed::Syntax)
}

/// RFC 4422 §3.1: at most 20 letters, digits, hyphens and underscores.
fn is_mechanism(name: &str) -> bool {
    (1..=20).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_keywords_come_in_any_case() {
        for line in [
            "mail from:<a@b.example>",
            "MAIL FROM:<a@b.example>",
            "Mail From: <a@b.example>",
        ] {
            assert!(
                matches!(parse(line.as_bytes()), Ok(Command::Mail(Some(_), _))),
                "{line}"
            );
        }
        assert_eq!(parse(b"quit  "), Ok(Command::Quit));
        assert_eq!(
            parse(b"bdat 10 last"),
            Ok(Command::Chunk(Chunk {
                size_bytes: 10,
                last: true
            }))
        );
    }

    #[test]
    fn arguments_must_fit_the_verb() {
        for (line, expected) in [
            ("QUIT now", Malformed::Syntax),
            ("DATA x", Malformed::Syntax),
            ("STARTTLS x", Malformed::Syntax),
            ("EHLO", Malformed::Syntax),
            ("EHLO a b", Malformed::Syntax),
            ("EHLO a\u{1}b", Malformed::Syntax),
            ("MAIL <a@b.example>", Malformed::Syntax),
            ("MAIL FROM:a@b.example", Malformed::Path),
            ("MAIL FROM:<a@b.example>SIZE=1", Malformed::Path),
            ("RCPT TO:<>", Malformed::Path),
            ("VRFY", Malformed::Syntax),
            ("AUTH", Malformed::Syntax),
            ("AUTH PLAIN a b", Malformed::Syntax),
            ("BDAT", Malformed::Chunk),
            ("BDAT -1", Malformed::Chunk),
            ("BDAT 99999999999999999999", Malformed::Chunk),
            ("BDAT 1 FIRST", Malformed::Chunk),
            ("BDAT 1 LAST x", Malformed::Chunk),
            ("GET / HTTP/1.1", Malformed::Verb),
            ("", Malformed::Verb),
            (" NOOP", Malformed::Verb),
            ("ETRN x", Malformed::Verb),
        ] {
            assert_eq!(parse(line.as_bytes()), Err(expected), "{line}");
        }
        assert_eq!(parse(b"MAIL FROM:<\xff@b.example>"), Err(Malformed::Syntax));
    }
}
