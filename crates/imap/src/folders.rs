//! Mailbox names ⇄ folders.
//!
//! A folder's name may hold any character; one with the separator in it is shown with a look-alike.
//! Folders that are hidden or hold no letters are not shown, unless a mailbox lies below them.
//!
//! Start at [`Mailboxes::read`] for all of them, at [`find`] for one.
//!
//! Standards: RFC 9051 §5.1, RFC 6154 §2 and RFC 8457 §3 (special uses), RFC 8474 §4 (MAILBOXID).

use crate::codec::mailbox::{MailboxName, SEPARATOR};
use crate::refusal::Refusal;
use crate::shared;
use engine::account::names_kept;
use engine::{
    Account, AccountId, Folder, FolderId, FolderRow, Reading, Rights, Role, shows_letters,
};

/// Shown in the place of a separator within one name.
pub(crate) const SEPARATOR_SHOWN: char = '\u{2215}';

/// A mailbox as LIST tells it.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    /// Its name.
    pub(crate) name: MailboxName,
    /// The account that it is in.
    pub(crate) owner: AccountId,
    /// Its folder.
    pub(crate) id: FolderId,
    /// What the folder says.
    pub(crate) row: FolderRow,
    /// What this user may do in it.
    pub(crate) rights: Rights,
    /// False for a folder that only has mailboxes below it.
    pub(crate) selectable: bool,
    /// Whether mailboxes lie below it.
    pub(crate) has_children: bool,
    /// False for a name without folder: a subscribed one, or the parent of one.
    pub(crate) exists: bool,
}

/// Whether mailboxes of others are listed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// They are.
    Listed,
    /// No pattern reaches them.
    LeftOut,
}

/// All mailboxes of an account, INBOX first, then by name.
#[derive(Debug)]
pub(crate) struct Mailboxes(pub(crate) Vec<Mailbox>);

impl Mailboxes {
    /// Reads them.
    pub(crate) fn read(view: &impl Reading) -> Result<Self, Refusal> {
        let mut folders = view.folders()?;
        folders.retain(|folder| !matches!(folder.row.role, Role::Root | Role::MailRoot));
        let mut mailboxes: Vec<Mailbox> = folders
            .iter()
            .map(|folder| mailbox(view.account().id(), folder, &folders))
            .collect();
        mailboxes.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        let names: Vec<String> = mailboxes
            .iter()
            .filter(|mailbox| mailbox.selectable)
            .map(|mailbox| mailbox.name.as_str().to_owned())
            .collect();
        for mailbox in &mut mailboxes {
            // Sorted by name, those below stand together, right behind the prefix.
            let prefix = format!("{}{SEPARATOR}", mailbox.name.as_str());
            let start = names.partition_point(|name| *name < prefix);
            mailbox.has_children = names
                .get(start)
                .is_some_and(|name| name.starts_with(&prefix));
        }
        mailboxes.retain(|mailbox| mailbox.selectable || mailbox.has_children);
        mailboxes.sort_by_key(|mailbox| !mailbox.name.is_inbox());
        Ok(Self(mailboxes))
    }

    /// The same with those of others, where they are asked for, and with the names that are
    /// subscribed though no folder has them and those above them.
    pub(crate) fn listed(home: &Account, others: Others) -> Result<Self, Refusal> {
        let view = home.read()?;
        let mut all = Self::read(&view)?;
        if others == Others::Listed {
            all.0.extend(shared::others(home)?);
        }
        let view = &view;
        let kept = names_kept(view)?;
        if kept.is_empty() {
            return Ok(all);
        }
        let folders = view.folders()?;
        for path in kept {
            let name = shown_name(&path, &FolderRow::default(), &folders);
            for (end, _) in name.as_str().match_indices(SEPARATOR) {
                let above = name.as_str().split_at(end).0;
                all.admit(MailboxName::from_path(above));
            }
            all.admit(name.clone());
            let named = all.0.iter_mut().filter(|mailbox| mailbox.name == name);
            named.for_each(|mailbox| mailbox.row.subscribed = true);
        }
        all.0.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
        all.0.sort_by_key(|mailbox| !mailbox.name.is_inbox());
        Ok(all)
    }

    /// Adds a name without folder, if no mailbox has it.
    fn admit(&mut self, name: MailboxName) {
        if self.named(&name).is_none() {
            self.0.push(Mailbox {
                name,
                owner: AccountId::default(),
                id: FolderId::default(),
                row: FolderRow::default(),
                rights: Rights::NONE,
                selectable: false,
                has_children: false,
                exists: false,
            });
        }
    }

    /// The mailbox of this name.
    pub(crate) fn named(&self, name: &MailboxName) -> Option<&Mailbox> {
        self.0.iter().find(|mailbox| mailbox.name == *name)
    }
}

fn mailbox(owner: AccountId, folder: &Folder, all: &[Folder]) -> Mailbox {
    Mailbox {
        name: shown_name(&folder.path, &folder.row, all),
        owner,
        id: folder.id,
        row: folder.row.clone(),
        rights: folder.rights,
        selectable: shows_letters(&folder.row),
        has_children: false,
        exists: true,
    }
}

/// The inbox is INBOX whatever its folder is called, also as a parent of others.
fn shown_name(path: &[String], row: &FolderRow, all: &[Folder]) -> MailboxName {
    let escape = |name: &String| name.replace(SEPARATOR, &SEPARATOR_SHOWN.to_string());
    let names: Vec<String> = path.iter().map(escape).collect();
    let inbox = if row.role == Role::Inbox {
        Some(path.len())
    } else {
        let folder = all.iter().find(|folder| folder.row.role == Role::Inbox);
        folder
            .filter(|folder| path.starts_with(&folder.path))
            .map(|folder| folder.path.len())
    };
    match inbox.and_then(|length| names.get(length..)) {
        Some(below) => {
            let mut name = vec!["INBOX".to_owned()];
            name.extend_from_slice(below);
            MailboxName::from_path(&name.join("/"))
        }
        None => MailboxName::from_path(&names.join("/")),
    }
}

/// The folder of a mailbox that can be opened.
///
/// Errors: [`engine::EngineError::NoSuchFolder`].
pub(crate) fn find(
    view: &impl Reading,
    name: &MailboxName,
) -> Result<(FolderId, FolderRow), Refusal> {
    let found = if name.is_inbox() {
        view.folder_with_role(Role::Inbox)?
    } else {
        let path = folder_path(view, name)?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match view.folder_at(&path)? {
            // A name with the look-alike may belong to a folder that has the separator in its name.
            None if name.as_str().contains(SEPARATOR_SHOWN) => {
                let all = Mailboxes::read(view)?;
                all.named(name)
                    .map(|mailbox| (mailbox.id, mailbox.row.clone()))
            }
            found => found,
        }
    };
    let found = found.filter(|(_, row)| shows_letters(row));
    found.ok_or(Refusal::Engine(engine::EngineError::NoSuchFolder))
}

/// The names of folders that a mailbox's name stands for.
pub(crate) fn folder_path(view: &impl Reading, name: &MailboxName) -> Result<Vec<String>, Refusal> {
    let mut path: Vec<String> = name.as_str().split(SEPARATOR).map(str::to_owned).collect();
    if path.first().is_some_and(|first| first == "INBOX") {
        let inbox = view.folder_with_role(Role::Inbox)?;
        if let (Some((_, row)), Some(first)) = (inbox, path.first_mut()) {
            row.name.clone_into(first);
        }
    }
    Ok(path)
}

/// The special use of a role, with its backslash.
pub(crate) fn special_use(role: Role) -> Option<&'static str> {
    SPECIAL_USES
        .iter()
        .find(|(known, _)| *known == role)
        .map(|(_, name)| *name)
}

/// The role of a special use, named without backslash.
pub(crate) fn role_of(special_use: &str) -> Option<Role> {
    let found = SPECIAL_USES.iter().find(|(_, name)| {
        name.strip_prefix('\\')
            .is_some_and(|name| name.eq_ignore_ascii_case(special_use))
    });
    found.map(|(role, _)| *role)
}

const SPECIAL_USES: [(Role, &str); 6] = [
    (Role::Sent, "\\Sent"),
    (Role::Drafts, "\\Drafts"),
    (Role::Trash, "\\Trash"),
    (Role::Junk, "\\Junk"),
    (Role::Archive, "\\Archive"),
    (Role::Important, "\\Important"),
];
