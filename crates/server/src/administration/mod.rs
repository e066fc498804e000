//! What an administrator can ask for, and how it is done: the same on a running server and on a
//! stopped store.
//!
//! A command becomes a [`Request`]. The running server gets it through `control`; else the command
//! line opens the store itself. Either way [`execute`] does it.
//!
//! Start at [`execute`].

pub mod ban;
pub mod control;
mod directory;
mod doctor;
pub mod filters;
mod folders;
mod losses;
pub mod offline;
mod queue;
mod relearn;
pub mod reports;
mod sharing;
pub mod spam;
mod store;
mod trace;
mod zone;

pub use sharing::SeenBy;

use crate::house::House;
use ::store::StoreError;
use engine::EngineError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;

/// Something to be done; each variant is the command of its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
#[allow(
    missing_docs,
    reason = "the fields are those of the command line, explained there"
)]
pub enum Request {
    DomainAdd {
        name: String,
    },
    DomainList,
    DomainRemove {
        name: String,
    },
    DomainCatchAll {
        name: String,
        address: Option<String>,
    },
    AccountAdd(AccountAdd),
    AccountList,
    AccountShow {
        address: String,
    },
    AccountChange(AccountChange),
    AccountRename {
        address: String,
        new: String,
    },
    AccountRemove {
        address: String,
        erase: bool,
    },
    AppPasswordAdd {
        address: String,
        name: String,
    },
    AppPasswordRemove {
        address: String,
        name: String,
    },
    CertificateAdd {
        address: String,
        name: String,
        /// SHA-256 of its bytes.
        fingerprint: [u8; 32],
    },
    CertificateRemove {
        address: String,
        name: String,
    },
    AliasAdd {
        address: String,
        targets: Vec<String>,
    },
    AliasList,
    AliasRemove {
        address: String,
    },
    GroupSet(GroupSet),
    GroupList,
    GroupRemove {
        address: String,
    },
    Password {
        address: String,
        password: String,
    },
    FolderAdd {
        account: String,
        path: String,
    },
    FolderList {
        account: String,
    },
    FolderRemove {
        account: String,
        path: String,
    },
    FolderShare {
        account: String,
        path: String,
        who: String,
        rights: String,
    },
    FolderSeen {
        account: String,
        path: String,
        by: SeenBy,
    },
    FolderRights {
        account: String,
        path: String,
    },
    Filters(filters::Filters),
    Spam(spam::Spam),
    Ban(ban::Ban),
    Reports(reports::Reports),
    QueueList {
        entry: String,
    },
    QueueShow {
        entry: String,
    },
    QueueHold {
        entry: String,
    },
    QueueRelease {
        entry: String,
    },
    Trace {
        what: String,
    },
    Dns {
        domain: String,
    },
    Doctor {
        domain: String,
    },
    QueueRetry {
        entry: String,
    },
    QueueCancel {
        entry: String,
        /// The sender is told.
        tell: bool,
    },
    QueueRoute {
        entry: String,
        /// The way; absent for the usual one.
        via: Option<String>,
    },
    Import(Import),
    Export(Export),
    Backup {
        target: PathBuf,
    },
    Undelete(Undelete),
    Check,
    RebuildSearch,
    Status,
}

/// Arguments of [`Request::AccountAdd`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountAdd {
    /// Its address.
    pub address: String,
    /// The name that people read.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
    /// May use the administration.
    pub administrator: bool,
    /// A password, or the hash of another server.
    pub password: Option<String>,
}

/// What an account stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Someone who signs in.
    Person,
    /// A mailbox that several people use.
    Shared,
    /// A room or device.
    Resource,
}

/// Arguments of [`Request::AccountChange`]; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountChange {
    /// Its address.
    pub address: String,
    /// The name that people read.
    pub name: Option<String>,
    /// Whether it may be signed in to.
    pub enabled: Option<bool>,
    /// Whether it may use the administration.
    pub administrator: Option<bool>,
    /// Most bytes; 0 is without limit.
    pub quota_bytes: Option<u64>,
    /// `delete`, `keep`, or days.
    pub pop3: Option<String>,
}

/// Arguments of [`Request::GroupSet`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupSet {
    /// Its address.
    pub address: String,
    /// The name that people read.
    pub name: String,
    /// Where it leads.
    pub members: Vec<String>,
    /// Only members may write to it.
    pub members_only: bool,
    /// What others write goes to these instead.
    pub moderators: Vec<String>,
}

/// Arguments of [`Request::Import`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Import {
    /// Whose mailbox.
    pub account: String,
    /// What is read.
    pub format: Format,
    /// The folder that all comes below.
    pub into: Option<String>,
    /// The file or folder, absolute.
    pub source: PathBuf,
}

/// Arguments of [`Request::Export`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Export {
    /// Whose mailbox.
    pub account: String,
    /// What is written.
    pub format: Format,
    /// The folder to make, absolute.
    pub target: PathBuf,
}

/// A form of mailboxes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One file for each letter, flags in its name.
    Maildir,
    /// One file for each folder.
    Mbox,
    /// A tree of single letters.
    Eml,
}

/// Arguments of [`Request::Undelete`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Undelete {
    /// Whose mail.
    pub address: String,
    /// Only what was deleted since then, in seconds since 1970.
    pub since: Option<i64>,
    /// Only what was in this folder.
    pub folder: Option<String>,
}

/// What came of a request: for people, and for scripts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// Lines for people; empty when there is nothing to say.
    pub text: String,
    /// The same for `--json`.
    pub data: Value,
    /// Why the command fails although it has an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Reply {
    /// Lines for people and the same for scripts.
    pub fn new(text: impl Into<String>, data: Value) -> Self {
        Self {
            text: text.into(),
            data,
            failure: None,
        }
    }
}

/// How far a long request has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Pieces done.
    pub done: u64,
    /// Pieces in all, as far as known.
    pub total: u64,
    /// What is being worked on.
    pub what: String,
}

/// Told of progress now and then; answers false when nobody waits for the outcome any more.
pub type Watcher<'a> = &'a mut dyn FnMut(&Progress) -> bool;

/// Why a request failed: one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A cause may come from a library; it must not break the line.
        let line: String = self
            .0
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        f.write_str(&line)
    }
}

impl Failure {
    /// A failure about this thing, which is named once.
    pub fn of(thing: impl fmt::Display, why: impl fmt::Display) -> Self {
        let (thing, why) = (thing.to_string(), why.to_string());
        if why.starts_with(&thing) {
            return Self(why);
        }
        Self(format!("{thing}: {why}"))
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// Does what was asked. Blocks until it is on disk.
#[allow(clippy::too_many_lines, reason = "a table: a line for each request")]
pub fn execute(house: &House, request: Request, watcher: Watcher<'_>) -> Result<Reply, Failure> {
    match request {
        Request::DomainAdd { name } => directory::add_domain(house, &name),
        Request::DomainList => directory::list_domains(house),
        Request::DomainRemove { name } => directory::remove_domain(house, &name),
        Request::DomainCatchAll { name, address } => {
            directory::set_catch_all(house, &name, address.as_deref())
        }
        Request::AccountAdd(new) => directory::add_account(house, &new),
        Request::AccountList => directory::list_accounts(house),
        Request::AccountShow { address } => directory::show_account(house, &address),
        Request::AccountChange(change) => directory::change_account(house, &change),
        Request::AccountRename { address, new } => directory::rename(house, &address, &new),
        Request::AccountRemove { address, erase } => {
            directory::remove_account(house, &address, erase)
        }
        Request::AppPasswordAdd { address, name } => {
            directory::add_app_password(house, &address, &name)
        }
        Request::AppPasswordRemove { address, name } => {
            directory::remove_app_password(house, &address, &name)
        }
        Request::CertificateAdd {
            address,
            name,
            fingerprint,
        } => directory::add_certificate(house, &address, &name, fingerprint),
        Request::CertificateRemove { address, name } => {
            directory::remove_certificate(house, &address, &name)
        }
        Request::AliasAdd { address, targets } => directory::add_alias(house, &address, &targets),
        Request::AliasList => directory::list_aliases(house),
        Request::AliasRemove { address } | Request::GroupRemove { address } => {
            directory::remove_alias(house, &address)
        }
        Request::GroupSet(group) => directory::set_group(house, &group),
        Request::GroupList => directory::list_groups(house),
        Request::Password { address, password } => {
            directory::set_password(house, &address, &password)
        }
        Request::FolderAdd { account, path } => folders::add(house, &account, &path),
        Request::FolderList { account } => folders::list(house, &account),
        Request::FolderRemove { account, path } => folders::remove(house, &account, &path),
        Request::FolderShare {
            account,
            path,
            who,
            rights,
        } => sharing::share(house, &account, &path, sharing::Share { who, rights }),
        Request::FolderSeen { account, path, by } => sharing::seen(house, &account, &path, by),
        Request::FolderRights { account, path } => sharing::show(house, &account, &path),
        Request::Filters(request) => filters::run(house, request),
        Request::Spam(request) => spam::run(house, &request, watcher),
        Request::Ban(request) => ban::run(house, &request),
        Request::Reports(request) => reports::run(house, &request),
        Request::QueueList { entry } => queue::list(house, &entry),
        Request::QueueShow { entry } => queue::show(house, &entry),
        Request::QueueHold { entry } => queue::hold(house, &entry, queue::Hold::Hold),
        Request::QueueRelease { entry } => queue::hold(house, &entry, queue::Hold::Release),
        Request::Trace { what } => trace::show(house, &what),
        Request::Dns { domain } => zone::show(house, &domain),
        Request::Doctor { domain } => doctor::show(house, &domain),
        Request::QueueRetry { entry } => queue::retry(house, &entry),
        Request::QueueCancel { entry, tell } => queue::cancel(house, &entry, tell),
        Request::QueueRoute { entry, via } => queue::route(house, &entry, via.as_deref()),
        Request::Import(import) => crate::import::run(house, &import, watcher),
        Request::Export(export) => crate::export::run(house, &export, watcher),
        Request::Backup { target } => store::backup(house, &target, watcher),
        Request::Undelete(undelete) => folders::undelete(house, &undelete),
        Request::RebuildSearch => relearn::search(house, watcher),
        Request::Check => store::check(house, watcher),
        Request::Status => store::status(house),
    }
}
