//! `sendmail`, `mailq` and `newaliases`: how programs of this machine have always sent mail.
//!
//! Never opens the store: a letter goes to the running server over its local socket, and the server
//! is told by the system whose program it is. A letter is taken for all its recipients or for none,
//! and what the caller is told by the exit code is true: with any but [`OK`] nothing was sent. While
//! no server runs nothing is taken: [`TEMPORARY`].
//!
//! Start at [`run`]. The options are those that programs use with Sendmail and Postfix.

mod arguments;
mod conversation;
#[cfg(any(test, feature = "fuzzed"))]
pub mod fuzzed;
mod header;
mod input;

use crate::administration::{Reply, Request, control};
use arguments::{Arguments, Mode};
use conversation::{Conversation, Failed};
use header::Header;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Done. The numbers are those of `sysexits.h`.
const OK: u8 = 0;
/// The command line is wrong.
const USAGE: u8 = 64;
/// The letter is wrong.
const DATA: u8 = 65;
/// A recipient does not exist.
const NO_USER: u8 = 67;
/// A recipient's domain does not exist.
const NO_HOST: u8 = 68;
/// It cannot be done, for another reason.
const UNAVAILABLE: u8 = 69;
/// Input could not be read or output not be written.
const INPUT_OUTPUT: u8 = 74;
/// Not now: the caller may try again.
const TEMPORARY: u8 = 75;
/// The server did not speak as it must.
const PROTOCOL: u8 = 76;
/// The caller may not do this.
const NOT_ALLOWED: u8 = 77;

/// Where a server's data is if nobody says otherwise.
const USUAL_PLACES: [&str; 2] = ["/run/facteur", "/var/lib/facteur"];

/// All entries of the queue.
const ALL: &str = "all";

/// Names the folder of the data to programs that cannot be given options.
const VARIABLE: &str = "FACTEUR_DATA";

/// Why something was not done: what is told, and the exit code.
#[derive(Debug)]
struct Trouble(u8, String);

/// What the program does that is called by this name, if it is one of sendmail's.
pub fn by_name(program: &Path) -> Option<&'static [&'static str]> {
    match program.file_name()?.to_str()? {
        "sendmail" => Some(&[]),
        "mailq" => Some(&["-bp"]),
        "newaliases" => Some(&["-bi"]),
        _ => None,
    }
}

/// Does what the arguments say; the answer is the exit code.
pub fn run(data: Option<&Path>, arguments: impl Iterator<Item = OsString>) -> u8 {
    let outcome = Arguments::parse(arguments)
        .map_err(|why| Trouble(USAGE, why))
        .and_then(|arguments| perform(data, &arguments));
    match outcome {
        Ok(()) => OK,
        Err(Trouble(code, why)) => {
            eprintln!("sendmail: {why}");
            code
        }
    }
}

fn perform(data: Option<&Path>, arguments: &Arguments) -> Result<(), Trouble> {
    match &arguments.mode {
        Mode::Send => send(data, arguments),
        Mode::Verify => verify(data, arguments),
        Mode::Dialogue => dialogue(data),
        Mode::ShowQueue => show_queue(data),
        Mode::RunQueue(entry) => {
            let entry = entry.clone().unwrap_or_else(|| ALL.to_owned());
            ask(data, &Request::QueueRetry { entry }).map(drop)
        }
        // Aliases take effect when they are made.
        Mode::Aliases => Ok(()),
    }
}

/// Reads a letter and has it sent.
fn send(data: Option<&Path>, arguments: &Arguments) -> Result<(), Trouble> {
    let letter = input::read(&mut std::io::stdin().lock(), arguments.dot)?;
    let (mut header, body) = Header::split(&letter);
    let mut conversation = connect(data)?;
    let own = conversation.own_address().to_owned();
    let domain = own
        .rsplit_once('@')
        .map_or("localhost", |(_, domain)| domain);
    let recipients = recipients(arguments, &header, domain)?;
    let sender = match arguments.sender.as_deref() {
        None => own.clone(),
        Some("") => String::new(),
        Some(sender) => one_address(sender, domain)?,
    };
    let author = if sender.is_empty() { &own } else { &sender };
    header.complete(author, arguments.full_name.as_deref(), domain);
    let envelope = conversation::Envelope {
        sender: &sender,
        recipients: &recipients,
        returning: arguments.returning.as_deref(),
        id: arguments.envelope_id.as_deref(),
        notify: arguments.notify.as_deref(),
    };
    conversation.address(&envelope)?;
    let told = conversation.letter(&header.bytes(), body)?;
    conversation.quit();
    if arguments.verbose {
        println!("{told}");
    }
    Ok(())
}

/// Says of each recipient whether it would be taken.
fn verify(data: Option<&Path>, arguments: &Arguments) -> Result<(), Trouble> {
    let mut conversation = connect(data)?;
    let own = conversation.own_address().to_owned();
    let domain = own
        .rsplit_once('@')
        .map_or("localhost", |(_, domain)| domain);
    let mut first = None;
    for address in addresses(&arguments.recipients, domain)? {
        match conversation.verify(&own, &address) {
            Ok(()) => println!("{address}... deliverable"),
            Err(failed) => {
                let Trouble(code, why) = failed.into();
                println!("{address}... {why}");
                first.get_or_insert(code);
            }
        }
    }
    conversation.quit();
    match first {
        None => Ok(()),
        Some(code) => Err(Trouble(code, "not all are deliverable".into())),
    }
}

/// Lets the caller speak SMTP with the server.
fn dialogue(data: Option<&Path>) -> Result<(), Trouble> {
    conversation::relay(&sockets(data)).map_err(|why| {
        // The caller waits for a greeting, and may read nothing else.
        let _ = write!(std::io::stdout(), "421 4.3.2 No server runs\r\n");
        Trouble::from(why)
    })
}

fn show_queue(data: Option<&Path>) -> Result<(), Trouble> {
    let entry = ALL.to_owned();
    let reply = ask(data, &Request::QueueList { entry })?;
    let text = if reply.text.is_empty() {
        "Mail queue is empty"
    } else {
        &reply.text
    };
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

/// Asks the server for what only its administrator may.
fn ask(data: Option<&Path>, request: &Request) -> Result<Reply, Trouble> {
    let places = places(data);
    let asked = |place: &PathBuf| control::ask(place, request, &mut |_| true);
    let Some(answer) = places.iter().find_map(asked) else {
        let why = "no server can be asked; only its owner may";
        return Err(Trouble(UNAVAILABLE, why.into()));
    };
    answer.map_err(|failure| Trouble(UNAVAILABLE, failure.to_string()))
}

/// Folders in which a server may listen, the likeliest first.
fn places(data: Option<&Path>) -> Vec<PathBuf> {
    if let Some(data) = data {
        return vec![data.to_owned()];
    }
    match std::env::var_os(VARIABLE) {
        Some(data) => vec![data.into()],
        None => USUAL_PLACES.map(PathBuf::from).into(),
    }
}

fn sockets(data: Option<&Path>) -> Vec<PathBuf> {
    let places = places(data);
    places
        .iter()
        .map(|place| place.join("local.sock"))
        .collect()
}

fn connect(data: Option<&Path>) -> Result<Conversation, Trouble> {
    Ok(Conversation::open(&sockets(data))?)
}

/// All who get the letter: those that the command line names, and with `-t` those of the header.
fn recipients(
    arguments: &Arguments,
    header: &Header,
    domain: &str,
) -> Result<Vec<String>, Trouble> {
    let mut all = addresses(&arguments.recipients, domain)?;
    if arguments.recipients_in_header {
        for address in header.recipients(domain) {
            check(&address)?;
            all.push(address);
        }
    }
    let mut known = std::collections::HashSet::new();
    all.retain(|address| known.insert(address.clone()));
    if all.is_empty() {
        return Err(Trouble(USAGE, "recipients must be named".into()));
    }
    Ok(all)
}

/// The addresses in arguments, of which each may hold several.
fn addresses(texts: &[String], domain: &str) -> Result<Vec<String>, Trouble> {
    let mut all = Vec::new();
    for text in texts {
        for address in header::addresses(text.as_bytes(), domain) {
            check(&address)?;
            all.push(address);
        }
    }
    Ok(all)
}

fn one_address(text: &str, domain: &str) -> Result<String, Trouble> {
    match addresses(&[text.to_owned()], domain)?.as_slice() {
        [address] => Ok(address.clone()),
        _ => Err(Trouble(USAGE, format!("{text}: not an address"))),
    }
}

/// Refuses what would not stay inside the brackets of a command.
fn check(address: &str) -> Result<(), Trouble> {
    let is_wrong = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>');
    if address.contains(is_wrong) {
        return Err(Trouble(DATA, format!("{address:?}: not an address")));
    }
    Ok(())
}

impl From<Failed> for Trouble {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Unreachable(why) => Self(TEMPORARY, format!("no server runs: {why}")),
            Failed::Broken(why) => Self(TEMPORARY, format!("the server broke off: {why}")),
            Failed::Protocol => Self(PROTOCOL, "the server did not speak SMTP".into()),
            Failed::Refused(about, reply) => {
                Self(code(&reply), format!("{about}: {}", reply.text()))
            }
        }
    }
}

/// The exit code for a refusal (RFC 3463 §3).
fn code(reply: &smtp::client::Reply) -> u8 {
    if !reply.is_permanent() {
        return TEMPORARY;
    }
    let status = reply.status();
    match (status.subject, status.detail) {
        (1, 2 | 10) => NO_HOST,
        (1, _) => NO_USER,
        (5, 4) => USAGE,
        (6, _) => DATA,
        (7, _) => NOT_ALLOWED,
        _ => UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests;
