//! Whose letters a damaged body is, in words with which they can be found in a backup.

use ::store::StoreError;
use ::store::id::{AccountId, BodyNumber, FolderId, ItemKey, Uid};
use ::store::model::{Location, Reads, Shelf};
use engine::MAIL_ROOT;
use engine::directory::administration::AccountState;
use formats::message::{SummaryRef, encoded_word};
use serde_json::{Value, json};
use std::fmt;

/// Characters of a subject that are shown.
const SUBJECT_CHARACTERS: usize = 60;
/// No path is deeper.
const DEPTH_MAX: usize = 256;

/// One letter whose text cannot be read any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    body: BodyNumber,
    account: String,
    place: Place,
    subject: String,
    message_id: String,
}

/// Where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Folder {
        path: String,
        uid: Uid,
        is_deleted: bool,
    },
    Queue(u64),
    /// A value of a folder, or of an item that has gone meanwhile.
    Other(u64),
}

impl Loss {
    /// For scripts.
    pub fn data(&self) -> Value {
        let (mut folder, mut uid, mut is_deleted, mut queue) = (None, None, false, None);
        match &self.place {
            Place::Folder {
                path,
                uid: at,
                is_deleted: deleted,
            } => (folder, uid, is_deleted) = (Some(path), Some(at.0), *deleted),
            Place::Queue(entry) => queue = Some(entry),
            Place::Other(_) => {}
        }
        json!({
            "body": self.body.0,
            "account": self.account,
            "folder": folder,
            "uid": uid,
            "deleted": is_deleted,
            "queue": queue,
            "subject": self.subject,
            "message_id": self.message_id,
        })
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "body {} is of {}: ", self.body.0, self.account)?;
        match &self.place {
            Place::Folder {
                path,
                uid,
                is_deleted,
            } => {
                let deleted = if *is_deleted { " (deleted)" } else { "" };
                write!(f, "{path}{deleted}, UID {}", uid.0)?;
            }
            Place::Queue(entry) => write!(f, "the queue, letter {entry}")?,
            Place::Other(object) => write!(f, "object {object}")?,
        }
        let subject: String = self.subject.chars().take(SUBJECT_CHARACTERS).collect();
        if !subject.is_empty() {
            write!(f, ", \"{subject}\"")?;
        }
        if !self.message_id.is_empty() {
            write!(f, ", {}", self.message_id)?;
        }
        Ok(())
    }
}

/// All letters that have this body.
pub fn of_body<R: Reads>(
    read: &R,
    accounts: &[AccountState],
    body: BodyNumber,
) -> Result<Vec<Loss>, StoreError> {
    let mut losses = Vec::new();
    for (account, object) in read.referrers(body)? {
        let state = accounts.iter().find(|state| state.account == account);
        let address = state.map(|state| state.record.address.clone());
        let (subject, message_id) = names(read, account, object)?;
        losses.push(Loss {
            body,
            account: address.unwrap_or_else(|| format!("account {}", account.0)),
            place: place(read, account, object)?,
            subject,
            message_id,
        });
    }
    Ok(losses)
}

fn place<R: Reads>(read: &R, account: AccountId, object: u64) -> Result<Place, StoreError> {
    if let Some(at) = read.location(account, ItemKey(object))? {
        return Ok(Place::Folder {
            path: path(read, account, &at)?,
            uid: at.uid,
            is_deleted: at.shelf == Shelf::Recoverable,
        });
    }
    let is_queued = read.queue_entry(account, object)?.is_some();
    Ok(if is_queued {
        Place::Queue(object)
    } else {
        Place::Other(object)
    })
}

fn path<R: Reads>(read: &R, account: AccountId, at: &Location) -> Result<String, StoreError> {
    let mut names = Vec::new();
    let mut above = Some(at.folder);
    while let Some(id) = above.filter(|id: &FolderId| *id != MAIL_ROOT && names.len() < DEPTH_MAX) {
        let Some(row) = read.folder(account, id)? else {
            break;
        };
        names.push(row.name);
        above = row.parent;
    }
    names.reverse();
    Ok(names.join("/"))
}

/// Subject and Message-ID, as far as the summary has them.
fn names<R: Reads>(
    read: &R,
    account: AccountId,
    object: u64,
) -> Result<(String, String), StoreError> {
    let details = read.details(account, ItemKey(object))?;
    let summary = details.map(|details| details.summary).unwrap_or_default();
    let Ok(summary) = SummaryRef::new(&summary) else {
        return Ok(Default::default());
    };
    let envelope = summary.envelope();
    let subject = envelope.subject.map(encoded_word::decode);
    let message_id = envelope.message_id.map(String::from_utf8_lossy);
    Ok((
        line(&subject.unwrap_or_default()),
        line(&message_id.unwrap_or_default()),
    ))
}

/// What a stranger wrote must not break the line, nor command the terminal.
fn line(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.trim().chars().map(printable).collect()
}

#[cfg(test)]
mod tests {
    // The lints know tests by their attribute; what helps them stands outside of it.
    #![allow(clippy::unwrap_used)]
    #![allow(clippy::disallowed_methods, reason = "damages files")]

    use crate::administration::{
        AccountAdd, Format, Import, Kind, Progress, Reply, Request, execute, offline,
    };
    use crate::configuration::Configuration;
    use crate::house::House;
    use std::path::Path;

    const BOX: &str = "From a@b Thu Aug 22 12:36:23 2002\nSubject: First\n\nnothing of note\n\n\
        From a@b Thu Aug 22 12:36:24 2002\nSubject: =?utf-8?q?S=C3=A9cond?=\n\
        Message-ID: <two@example.test>\n\nquartz jewel\n\n";

    fn ask(house: &House, request: Request) -> Reply {
        execute(house, request, &mut |_: &Progress| true).unwrap()
    }

    fn open(data: &Path) -> House {
        House::open(data, &Configuration::default()).unwrap()
    }

    fn fill(data: &Path) {
        let house = open(data);
        let name = "example.test".to_owned();
        ask(&house, Request::DomainAdd { name });
        let address = "alice@example.test".to_owned();
        let account = AccountAdd {
            address: address.clone(),
            name: String::new(),
            kind: Kind::Person,
            administrator: false,
            password: None,
        };
        ask(&house, Request::AccountAdd(account));
        let import = Import {
            account: address,
            format: Format::Mbox,
            into: None,
            source: data.join("box"),
        };
        ask(&house, Request::Import(import));
    }

    /// Flips a bit of the second letter's text in the log.
    fn damage(log: &Path) {
        for entry in std::fs::read_dir(log).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = std::fs::read(&path).unwrap();
            let text = b"quartz";
            if let Some(at) = bytes.windows(text.len()).position(|found| found == text) {
                *bytes.get_mut(at).unwrap() ^= 1;
                std::fs::write(&path, bytes).unwrap();
            }
        }
    }

    #[test]
    fn a_check_tells_whose_letter_is_damaged_and_a_rebuild_goes_on() {
        let name = format!("facteur-losses-{}", std::process::id());
        let data = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&data).unwrap();
        std::fs::write(data.join("box"), BOX).unwrap();
        fill(&data);
        drop(open(&data));
        damage(&data.join("log"));

        let rebuilt = offline::rebuild(&data, &Configuration::default()).unwrap();
        assert!(rebuilt.text.contains("text of some letters is damaged"));
        let told = ask(&open(&data), Request::Check);
        assert!(told.failure.is_some());
        assert!(
            told.text
                .contains("is of alice@example.test: Inbox, UID 2, \"Sécond\", <two@example.test>"),
            "{}",
            told.text
        );
        let letters = told.data.get("damaged_letters").unwrap();
        assert_eq!(letters.as_array().unwrap().len(), 1);
        std::fs::remove_dir_all(&data).unwrap();
    }
}
