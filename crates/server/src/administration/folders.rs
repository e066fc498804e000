//! The folders of an account, and what was deleted in them.

use super::directory::{Bytes as Size, find};
use super::{Failure, Reply, Undelete};
use crate::house::House;
use engine::account::Folder;
use engine::{Account, EngineError, FolderId, Location, Reading, Role, Shelf, Timestamp, Uid};
use serde_json::{Value, json};

/// Letters that one commit brings back.
const LETTERS_PER_COMMIT: usize = 500;

/// Separates the names of folders on the command line.
const SEPARATOR: char = '/';

pub fn add(house: &House, address: &str, path: &str) -> Result<Reply, Failure> {
    let account = open(house, address)?;
    let names: Vec<&str> = path.split(SEPARATOR).collect();
    let made = account.write(|txn| {
        let folder = txn.create_path(&names, Role::None)?;
        txn.subscribe(folder, true)?;
        Ok::<_, EngineError>(folder)
    });
    let folder = made.map_err(|why| Failure::of(path, why))?.wait()?;
    Ok(Reply::new(
        "",
        json!({ "account": address, "folder": folder.0, "path": path }),
    ))
}

pub fn list(house: &House, address: &str) -> Result<Reply, Failure> {
    let folders = open(house, address)?.read()?.folders()?;
    let text: Vec<String> = folders.iter().map(line).collect();
    let data = folders.iter().map(data).collect();
    Ok(Reply::new(text.join("\n"), Value::Array(data)))
}

fn line(folder: &Folder) -> String {
    let mail = folder.row.shelf(Shelf::Mail);
    let path = path_of(folder);
    format!(
        "{path}  {} letters, {} unread, {}",
        mail.count,
        mail.unseen,
        Size(mail.bytes)
    )
}

fn data(folder: &Folder) -> Value {
    let mail = folder.row.shelf(Shelf::Mail);
    json!({
        "folder": folder.id.0,
        "path": path_of(folder),
        "letters": mail.count,
        "unread": mail.unseen,
        "bytes": mail.bytes,
        "subscribed": folder.row.subscribed,
        "uid_validity": folder.row.uid_validity,
        "uid_next": mail.uid_next.0,
    })
}

fn path_of(folder: &Folder) -> String {
    folder.path.join(&SEPARATOR.to_string())
}

pub fn remove(house: &House, address: &str, path: &str) -> Result<Reply, Failure> {
    let account = open(house, address)?;
    let folder = folder_at(&account, path)?;
    let removed = account.write(|txn| txn.remove_folder(folder));
    removed.map_err(|why| Failure::of(path, why))?.wait()?;
    Ok(Reply::new(
        "",
        json!({ "account": address, "path": path, "removed": true }),
    ))
}

pub(super) fn open(house: &House, address: &str) -> Result<Account, Failure> {
    Ok(house.engine.account_as_server(find(house, address)?))
}

pub(super) fn folder_at(account: &Account, path: &str) -> Result<FolderId, Failure> {
    let names: Vec<&str> = path.split(SEPARATOR).collect();
    let found = account.read()?.folder_at(&names)?;
    found
        .map(|(id, _)| id)
        .ok_or_else(|| Failure::of(path, EngineError::NoSuchFolder))
}

/// Brings back what was deleted: each letter to the folder that it was in.
pub fn undelete(house: &House, wanted: &Undelete) -> Result<Reply, Failure> {
    let account = open(house, &wanted.address)?;
    let folders = match &wanted.folder {
        Some(path) => vec![folder_at(&account, path)?],
        None => account
            .read()?
            .folders()?
            .iter()
            .map(|folder| folder.id)
            .collect(),
    };
    let mut restored = 0;
    for folder in folders {
        restored += undelete_in(&account, folder, wanted.since.map(Timestamp::from_seconds))?;
    }
    let text = match restored {
        0 => "nothing to bring back".to_owned(),
        1 => "1 letter is back".to_owned(),
        count => format!("{count} letters are back"),
    };
    Ok(Reply::new(
        text,
        json!({ "account": wanted.address, "restored": restored }),
    ))
}

fn undelete_in(
    account: &Account,
    folder: FolderId,
    since: Option<Timestamp>,
) -> Result<usize, Failure> {
    let deleted = deleted_since(account, folder, since)?;
    for some in deleted.chunks(LETTERS_PER_COMMIT) {
        let restored = account.write(|txn| {
            for &uid in some {
                txn.restore(
                    Location {
                        folder,
                        shelf: Shelf::Recoverable,
                        uid,
                    },
                    None,
                )?;
            }
            Ok::<_, EngineError>(())
        });
        restored?.wait()?;
    }
    Ok(deleted.len())
}

fn deleted_since(
    account: &Account,
    folder: FolderId,
    since: Option<Timestamp>,
) -> Result<Vec<Uid>, Failure> {
    let view = account.read()?;
    let mut found = Vec::new();
    for uid in view.uids(folder, Shelf::Recoverable)?.iter() {
        let at = Location {
            folder,
            shelf: Shelf::Recoverable,
            uid,
        };
        let removed = view.item(at)?.and_then(|row| row.removed);
        if since.is_none_or(|since| removed.is_some_and(|removed| removed.at >= since)) {
            found.push(uid);
        }
    }
    Ok(found)
}
