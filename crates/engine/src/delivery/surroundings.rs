//! What a script may ask of the account that it runs for, and how its mailboxes are found.
//!
//! Start at [`AccountSurroundings`]. Sources: RFC 8579 §4, RFC 9042 §4 (mailboxes by use and id), RFC
//! 5490 §3, §4 (annotations).

use super::marks;
use crate::account::MAIL_ROOT;
use crate::account::annotations::{Audience, annotation};
use crate::account::scripts;
use crate::directory::May;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::filter::{Filing, Library, Mark, Surroundings};
use formats::script::Script;
use std::sync::Arc;
use store::id::{AccountId, FolderId, Timestamp};
use store::model::{Reads, Role, View};

/// Levels of a mailbox's name are divided so, as mail programs show them.
const SEPARATOR: char = '/';

/// The names of a mailbox's folders from the top; `INBOX` is the inbox whatever it is called.
pub(super) fn path_of(mailbox: &str) -> Vec<&str> {
    mailbox
        .split(SEPARATOR)
        .filter(|name| !name.is_empty())
        .collect()
}

/// The mailbox that a script means, if it is there. Sources: RFC 9042 §4, RFC 8579 §4.
pub(super) fn find_mailbox(
    reads: &dyn Reads,
    account: AccountId,
    filing: &Filing,
) -> Result<Option<FolderId>, EngineError> {
    if let Some(id) = &filing.id
        && let Some(found) = folder_with_id(reads, account, id)?
    {
        return Ok(Some(found));
    }
    if let Some(role) = filing.special_use.as_deref().and_then(role_of)
        && let Some((found, _)) = reads.folder_with_role(account, role)?
    {
        return Ok(Some(found));
    }
    let path = path_of(&filing.mailbox);
    let inbox = path
        .first()
        .filter(|first| first.eq_ignore_ascii_case("INBOX"));
    let found = match (inbox, path.get(1..)) {
        (Some(_), Some([])) => reads.folder_with_role(account, Role::Inbox)?,
        (Some(_), Some(below)) => match reads.folder_with_role(account, Role::Inbox)? {
            Some((inbox, _)) => reads.folder_at(account, Some(inbox), below)?,
            None => None,
        },
        _ => reads.folder_at(account, Some(MAIL_ROOT), &path)?,
    };
    Ok(found.map(|(folder, _)| folder))
}

fn folder_with_id(
    reads: &dyn Reads,
    account: AccountId,
    id: &str,
) -> Result<Option<FolderId>, EngineError> {
    // As it is shown to mail programs: `F` and the number.
    let digits = id.strip_prefix(['F', 'f']).unwrap_or(id);
    let Ok(number) = digits.parse() else {
        return Ok(None);
    };
    let row = reads.folder(account, FolderId(number))?;
    let is_hidden = |role| {
        matches!(
            role,
            Role::Root | Role::MailRoot | Role::Scripts | Role::Learned
        )
    };
    let is_there = row.is_some_and(|row| row.removed.is_none() && !is_hidden(row.role));
    Ok(is_there.then_some(FolderId(number)))
}

/// What mailboxes are for, as mail programs are told. Source: RFC 6154 §2, RFC 8457 §4.
const SPECIAL_USES: [(&str, Role); 8] = [
    ("\\Archive", Role::Archive),
    ("\\Drafts", Role::Drafts),
    ("\\Junk", Role::Junk),
    ("\\Sent", Role::Sent),
    ("\\Trash", Role::Trash),
    ("\\Flagged", Role::Flagged),
    ("\\All", Role::All),
    ("\\Important", Role::Important),
];

fn role_of(attribute: &str) -> Option<Role> {
    let mut uses = SPECIAL_USES.iter();
    let found = uses.find(|(name, _)| name.eq_ignore_ascii_case(attribute));
    found.map(|(_, role)| *role)
}

fn attribute_of(role: Role) -> Option<&'static str> {
    let mut uses = SPECIAL_USES.iter();
    let found = uses.find(|(_, known)| *known == role);
    found.map(|(name, _)| *name)
}

/// Takes the first level off an annotation's name: whom it is for. Source: RFC 5464 §3.2.
fn audience_of(name: &str) -> Option<(Audience, &str)> {
    let audiences = [
        ("/private", Audience::Oneself),
        ("/shared", Audience::Everyone),
    ];
    audiences.into_iter().find_map(|(first, audience)| {
        let (level, rest) = name.split_at_checked(first.len())?;
        let is_it = level.eq_ignore_ascii_case(first) && rest.starts_with(SEPARATOR);
        is_it.then_some((audience, rest))
    })
}

/// What a script may ask of an account.
pub(super) struct AccountSurroundings<'a> {
    pub engine: &'a Engine,
    pub view: &'a View<'a>,
    pub account: AccountId,
    pub now: Timestamp,
}

impl AccountSurroundings<'_> {
    fn find(&self, filing: &Filing) -> Option<FolderId> {
        find_mailbox(self.view, self.account, filing).ok().flatten()
    }

    fn find_named(&self, name: &str) -> Option<FolderId> {
        self.find(&Filing {
            mailbox: name.to_owned(),
            ..Filing::default()
        })
    }

    /// What the server itself says, so that nobody sets it.
    fn own_words(&self, mailbox: Option<FolderId>, named: (Audience, &str)) -> Option<String> {
        let (audience, name) = named;
        match (mailbox, audience) {
            (None, Audience::Everyone) if name.eq_ignore_ascii_case("/admin") => {
                let address = self.engine.administration_address(self.account);
                address.ok().flatten()
            }
            (Some(folder), Audience::Oneself) if name.eq_ignore_ascii_case("/specialuse") => {
                let row = self.view.folder(self.account, folder).ok().flatten()?;
                attribute_of(row.role).map(str::to_owned)
            }
            _ => None,
        }
    }
}

impl Surroundings for AccountSurroundings<'_> {
    fn has_mailbox(&self, name: &str) -> bool {
        self.find_named(name).is_some()
    }

    fn has_mailbox_id(&self, id: &str) -> bool {
        matches!(folder_with_id(self.view, self.account, id), Ok(Some(_)))
    }

    fn has_special_use(&self, mailbox: Option<&str>, attribute: &str) -> bool {
        let Some(role) = role_of(attribute) else {
            return false;
        };
        let found = self
            .view
            .folder_with_role(self.account, role)
            .ok()
            .flatten();
        let found = found.map(|(folder, _)| folder);
        match mailbox {
            None => found.is_some(),
            Some(name) => found.is_some() && found == self.find_named(name),
        }
    }

    /// What is kept for the server as a whole is each user's own, at the top of the mail tree.
    fn annotation(&self, mailbox: Option<&str>, name: &str) -> Option<String> {
        let named = audience_of(name)?;
        let folder = match mailbox {
            Some(mailbox) => Some(self.find_named(mailbox)?),
            None => None,
        };
        if let Some(words) = self.own_words(folder, named) {
            return Some(words);
        }
        let folder = folder.unwrap_or(MAIL_ROOT);
        let value = annotation(self.view, self.account, folder, named).ok()??;
        Some(String::from_utf8_lossy(&value).into_owned())
    }

    fn owns(&self, address: &str) -> bool {
        let directory = self.engine.directory();
        directory.owns(self.account, address).unwrap_or(false)
    }

    fn has_seen(&self, mark: &Mark) -> bool {
        marks::has(self.view, self.account, mark, self.now).unwrap_or(false)
    }

    fn has_list(&self, list: &str) -> bool {
        !self.listed(list).is_empty()
    }

    fn is_listed(&self, list: &str, value: &str) -> bool {
        self.listed(list)
            .iter()
            .any(|known| known.eq_ignore_ascii_case(value))
    }

    /// Groups and aliases are lists, by their addresses, for those who may write to them: else a
    /// script would send past the moderators, and tell who is a member.
    fn listed(&self, list: &str) -> Vec<String> {
        let name = list.strip_prefix("mailto:").unwrap_or(list);
        let directory = self.engine.directory();
        let owner = directory.account(self.account).ok().flatten();
        let owner = owner.map(|entry| entry.record.address.clone());
        let may = directory.may_write(&owner.unwrap_or_default(), name);
        if may != Ok(May::Yes) {
            return Vec::new();
        }
        let lists = self.engine.lists().unwrap_or_default();
        let found = lists
            .into_iter()
            .find(|l| l.record.address.eq_ignore_ascii_case(name));
        found.map(|list| list.record.targets).unwrap_or_default()
    }

    fn script(&self, library: Library, name: &str) -> Option<Arc<Script>> {
        let account = match library {
            Library::Personal => self.account,
            Library::Global => AccountId::DIRECTORY,
        };
        let known = scripts::list(self.view, account).ok()?;
        let stored = known
            .into_iter()
            .find(|script| script.name == name && !name.is_empty())?;
        self.engine
            .scripts()
            .read(self.engine, &stored.row)
            .ok()
            .flatten()
    }
}
