//! Mailboxes of others, as far as their owners let this user: names ⇄ accounts.
//!
//! They stand below two namespaces: people's under [`OTHER_USERS`], those of mailboxes that belong
//! to nobody alone under [`SHARED`]; then comes the account's address, then the name that the
//! mailbox has there. Whether such a mailbox exists is told to nobody who may not see it.
//!
//! Start at [`place`] for a name, at [`others`] for all of them.
//!
//! Standards: RFC 9051 §6.3.10 (namespaces), RFC 4314 §4 (who sees what).

use crate::codec::mailbox::{MailboxName, SEPARATOR};
use crate::folders::{self, Mailbox, Mailboxes, SEPARATOR_SHOWN};
use crate::refusal::Refusal;
use engine::directory::AccountKind;
use engine::{Account, AccountId, EngineError, FolderId, FolderRow, Rights, Role};

/// Where people's mailboxes stand.
pub(crate) const OTHER_USERS: &str = "Other Users";

/// Where those stand that belong to nobody alone.
pub(crate) const SHARED: &str = "Shared Folders";

/// In which account a name lies, and its name there. There need be no such mailbox.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The account, as this user may use it.
    pub(crate) account: Account,
    /// What the mailbox is called by its owner.
    pub(crate) name: MailboxName,
}

/// A mailbox that can be opened.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The account that it is in.
    pub(crate) account: Account,
    /// What it is called there.
    pub(crate) name: MailboxName,
    /// Its folder.
    pub(crate) folder: FolderId,
    /// What the folder says.
    pub(crate) row: FolderRow,
}

/// True for a name below one of the namespaces.
pub(crate) fn is_of_others(name: &MailboxName) -> bool {
    let first = name.as_str().split(SEPARATOR).next();
    matches!(first, Some(OTHER_USERS | SHARED)) && name.as_str().contains(SEPARATOR)
}

/// Where a name lies.
///
/// Errors: [`EngineError::NoSuchFolder`] for a name of others without account or mailbox in it.
pub(crate) fn place(home: &Account, name: &MailboxName) -> Result<Place, Refusal> {
    if !is_of_others(name) {
        return Ok(Place {
            account: home.clone(),
            name: name.clone(),
        });
    }
    let unknown = || Refusal::Engine(EngineError::NoSuchFolder);
    let mut levels = name.as_str().splitn(3, SEPARATOR);
    let (namespace, address, rest) = (levels.next(), levels.next(), levels.next());
    let (Some(address), Some(rest)) = (address, rest.filter(|rest| !rest.is_empty())) else {
        return Err(unknown());
    };
    let address = address.replace(SEPARATOR_SHOWN, &SEPARATOR.to_string());
    let owner = match home.engine().account_at(&address) {
        Err(EngineError::NoSuchAccount) => return Err(unknown()),
        found => found?,
    };
    let is_here = prefix(home, owner)?.is_some_and(|(here, _)| Some(here) == namespace);
    if owner == home.id() || !is_here {
        return Err(unknown());
    }
    Ok(Place {
        account: home.another(owner)?,
        name: MailboxName::from_path(rest),
    })
}

/// The mailbox of a name.
///
/// Errors: [`EngineError::NoSuchFolder`].
pub(crate) fn find(home: &Account, name: &MailboxName) -> Result<Found, Refusal> {
    let Place { account, name } = place(home, name)?;
    let (folder, row) = folders::find(&account.read()?, &name)?;
    Ok(Found {
        account,
        name,
        folder,
        row,
    })
}

/// The namespace of an account and its address; `None` if it was removed.
fn prefix(home: &Account, owner: AccountId) -> Result<Option<(&'static str, String)>, EngineError> {
    let entry = home.engine().directory().account(owner)?;
    Ok(entry.map(|entry| {
        let namespace = match entry.record.kind {
            AccountKind::Person => OTHER_USERS,
            AccountKind::Shared | AccountKind::Resource => SHARED,
        };
        let address = entry.record.address.as_str();
        let shown = address.replace(SEPARATOR, &SEPARATOR_SHOWN.to_string());
        (namespace, shown)
    }))
}

/// All mailboxes of others that this user may see, with what stands above them, by name.
pub(crate) fn others(home: &Account) -> Result<Vec<Mailbox>, Refusal> {
    let mut all = Vec::new();
    for owner in home.engine().sharing_accounts(home)? {
        let Some((namespace, address)) = prefix(home, owner)? else {
            continue;
        };
        let account = home.another(owner)?;
        let mailboxes = Mailboxes::read(&account.read()?)?.0;
        if mailboxes.is_empty() {
            continue;
        }
        let above = format!("{namespace}{SEPARATOR}{address}");
        for name in [namespace, &above] {
            all.push(parent(name, owner));
        }
        all.extend(mailboxes.into_iter().map(|mailbox| Mailbox {
            name: MailboxName::from_path(&format!("{above}{SEPARATOR}{}", mailbox.name.as_str())),
            row: FolderRow {
                // Both are between the owner and the owner's programs.
                role: Role::None,
                subscribed: false,
                ..mailbox.row
            },
            ..mailbox
        }));
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|a, b| a.name == b.name);
    Ok(all)
}

/// A name that only has mailboxes below it.
fn parent(name: &str, owner: AccountId) -> Mailbox {
    Mailbox {
        name: MailboxName::from_path(name),
        owner,
        id: FolderId::default(),
        row: FolderRow::default(),
        rights: Rights::VISIBLE,
        selectable: false,
        has_children: true,
        exists: true,
    }
}
