//! `facteur import`: mail that other programs keep in files.
//!
//! Reads mbox, Maildir and trees of `.eml` files as they are and changes nothing there. Letters are
//! taken byte for byte, except that the line ends of Unix become those of the Internet. What cannot
//! be taken is counted and told.
//!
//! Start at [`run`]; a format's reader finds folders and letters, [`intake`] puts them into the
//! account.

mod eml;
mod incoming;
mod intake;
mod maildir;
mod mbox;
pub mod naming;
pub mod source;
mod tally;
#[cfg(test)]
mod tests;

pub use maildir::OTHER_KEYWORDS;
pub use mbox::{Marks, mark};

use crate::administration::{Failure, Format, Import, Reply, Watcher};
use crate::house::House;
use engine::{Account, Timestamp};
use formats::date::Date;
use formats::message::header;
use intake::Intake;
use source::EntryKind;

/// Does the import. What was taken before a failure stays.
pub fn run(house: &House, import: &Import, watcher: Watcher<'_>) -> Result<Reply, Failure> {
    let owner = house
        .engine
        .account_at(&import.account)
        .map_err(|why| Failure::of(&import.account, why))?;
    take_all(house.engine.account_as_server(owner), import, watcher)
}

fn take_all(account: Account, import: &Import, watcher: Watcher<'_>) -> Result<Reply, Failure> {
    let shown = import.source.display();
    let kind = source::kind(&import.source).map_err(|why| Failure::of(&shown, why))?;
    let mut intake = Intake::new(account, import.into.as_deref(), watcher);
    let read = match (import.format, kind) {
        (Format::Mbox, EntryKind::File) => mbox::read_file(&import.source, &mut intake),
        (Format::Mbox, EntryKind::Folder) => mbox::read_tree(&import.source, &mut intake),
        (Format::Maildir, EntryKind::Folder) => maildir::read(&import.source, &mut intake),
        (Format::Eml, EntryKind::Folder) => eml::read(&import.source, &mut intake),
        _ => return Err(Failure::of(shown, "not what this format is kept in")),
    };
    // A failure must not hide how far the import came.
    read.map_err(|why| match intake.tally.letters {
        0 => why,
        taken => Failure::of(format_args!("{taken} letters taken, then"), why),
    })?;
    if intake.tally.found_nothing() {
        let why = intake.tally.first_refusal();
        let why = why.unwrap_or_else(|| "nothing to import".to_owned());
        return Err(Failure::of(shown, why));
    }
    Ok(intake.tally.reply(&import.account))
}

/// When a letter was received, as far as its header tells: the newest hop, else the sender's date.
fn received(head: &[u8]) -> Option<Timestamp> {
    let hop = header::find(head, "Received").and_then(|field| {
        let place = field.value.iter().rposition(|&byte| byte == b';')?;
        Date::parse(field.value.get(place + 1..)?)
    });
    let sent = || Date::parse(header::find(head, "Date")?.value);
    let date = hop.or_else(sent)?;
    Some(Timestamp::from_seconds(date.seconds))
}
