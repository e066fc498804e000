//! `facteur export`: an account's mail as Maildir or mbox, for other programs and for the import.
//!
//! Writes into a folder that is new or empty, and nowhere else. Letters are written with the line
//! ends of Unix where that can be undone, otherwise byte for byte. Deleted mail and what is no mail
//! stay out.
//!
//! Start at [`run`].

mod letter;
mod maildir;
mod mbox;
mod target;

use crate::administration::{Export, Failure, Format, Progress, Reply, Watcher};
use crate::house::House;
use engine::account::Folder;
use engine::{
    Account, EngineError, Flags, FolderForm, FolderId, ItemRow, Kind, Reading, RetrievalNames,
    Role, Shelf, Uid,
};
use letter::Written;
use serde_json::json;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Rows that are read at once, so that no reader of the store lives longer than a moment.
const ROWS_AT_ONCE: usize = 256;

/// Does the export. Blocks until it is on disk.
pub fn run(house: &House, export: &Export, watcher: Watcher<'_>) -> Result<Reply, Failure> {
    let owner = house
        .engine
        .account_at(&export.account)
        .map_err(|why| Failure::of(&export.account, why))?;
    write_all(house.engine.account_as_server(owner), export, watcher)
}

/// Writes everything that one account has.
pub fn write_all(
    account: Account,
    export: &Export,
    watcher: Watcher<'_>,
) -> Result<Reply, Failure> {
    let shown = export.target.display();
    let made = target::prepare(&export.target);
    made.map_err(|why| Failure::of(&shown, why))?;
    let mut mailbox = Mailbox::open(account, watcher)?;
    match export.format {
        Format::Maildir => maildir::write(&mut mailbox, &export.target)?,
        Format::Mbox => mbox::write(&mut mailbox, &export.target)?,
        Format::Eml => return Err(Failure("mail is exported to maildir or mbox".to_owned())),
    }
    target::sync(&export.target).map_err(|why| Failure::of(&shown, why))?;
    Ok(mailbox.reply(&export.account))
}

/// What is exported, and how far it came.
pub struct Mailbox<'a> {
    account: Account,
    folders: Vec<Folder>,
    keywords: HashMap<u32, String>,
    names: RetrievalNames,
    watcher: Watcher<'a>,
    progress: Progress,
    letters: u64,
    bytes: u64,
}

impl<'a> Mailbox<'a> {
    fn open(account: Account, watcher: Watcher<'a>) -> Result<Self, EngineError> {
        let view = account.read()?;
        let mut folders = view.folders()?;
        folders.retain(|folder| {
            let row = &folder.row;
            row.kind == Kind::Mail
                && row.form == FolderForm::Normal
                && !matches!(row.role, Role::Root | Role::MailRoot)
        });
        let keywords = view.keywords()?.into_iter().collect();
        let names = RetrievalNames::of(&view)?;
        drop(view);
        let letters = folders
            .iter()
            .map(|folder| folder.row.shelf(Shelf::Mail).count);
        let total = letters.map(u64::from).sum();
        Ok(Self {
            account,
            folders,
            keywords,
            names,
            watcher,
            progress: Progress {
                done: 0,
                total,
                what: String::new(),
            },
            letters: 0,
            bytes: 0,
        })
    }

    /// The folders of mail, those without letters too.
    fn folders(&self) -> Vec<Folder> {
        self.folders.clone()
    }

    /// Reads the letters of a folder behind a UID; empty at its end.
    fn letters_after(&self, folder: FolderId, uid: Uid) -> Result<Vec<(Uid, ItemRow)>, Failure> {
        let mut rows = Vec::new();
        let behind = uid.0.saturating_add(1)..=u32::MAX;
        let view = self.account.read()?;
        view.items(folder, Shelf::Mail, behind, &mut |uid, row| {
            rows.push((uid, row));
            if rows.len() < ROWS_AT_ONCE {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        Ok(rows)
    }

    /// Calls `each` for all letters of a folder, in the order of their UIDs.
    fn for_each(
        &mut self,
        folder: &Folder,
        each: &mut dyn FnMut(&Self, Uid, &ItemRow) -> Result<Written, Failure>,
    ) -> Result<(), Failure> {
        self.progress.what = folder.path.join("/");
        let mut last = Uid(0);
        loop {
            let rows = self.letters_after(folder.id, last)?;
            let Some((end, _)) = rows.last() else {
                return Ok(());
            };
            last = *end;
            for (uid, row) in &rows {
                let Written { bytes } = each(self, *uid, row)?;
                self.letters += 1;
                self.bytes += bytes;
                self.progress.done += 1;
                if !(self.watcher)(&self.progress) {
                    return Err(Failure("broken off; the export is not complete".to_owned()));
                }
            }
        }
    }

    /// The keywords of a letter by name, those that the store has a flag for among them.
    fn keywords(&self, row: &ItemRow) -> Vec<String> {
        let registered = Flags::NAMES
            .iter()
            .filter(|(flag, name)| name.starts_with('$') && row.flags.contains(*flag));
        let registered = registered.map(|(_, name)| (*name).to_owned());
        let numbers = row.keywords.numbers().iter();
        registered
            .chain(numbers.filter_map(|number| self.keywords.get(number).cloned()))
            .collect()
    }

    fn reply(&self, account: &str) -> Reply {
        let (letters, folders, bytes) = (self.letters, self.folders.len(), self.bytes);
        Reply::new(
            format!("letters written: {letters}, bytes: {bytes}, folders: {folders}"),
            json!({
                "account": account,
                "letters": letters,
                "folders": folders,
                "bytes": bytes,
            }),
        )
    }
}
