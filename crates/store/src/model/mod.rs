//! What the keys mean: accounts, folders, items, overlays, changes, queue and directory.
//!
//! [`Store::write`] is the only way to change anything: a [`Txn`] has a verb for each thing that
//! can happen, and each verb numbers what it changed, keeps counters and derived rows right, and
//! marks whom to wake. [`Reads`] is what views and transactions have in common. The rows are in
//! [`row`], their keys in `key`.
//!
//! [`check`](check::check) holds an account against itself, [`Txn::rebuild_derived`] makes what is
//! derived anew.
//!
//! Nothing here knows a protocol, checks a permission or decides what is allowed: that is the
//! engine's.

pub mod check;
pub(crate) mod codec;
mod derived;
mod error;
pub mod flags;
#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/rows.rs"]
pub mod fuzz;
mod key;
mod reads;
pub mod row;
mod scan;
mod setup;
mod shelf;
mod store;
mod txn;
mod uid_set;
mod watch;
mod ways;

pub use check::{Fault, Finding, check, check_account};
pub use error::ModelError;
pub use flags::{FlagChange, FlagSet, Flags, Keywords};
pub use reads::{Changes, Due, OverlayTree, Reads, View};
pub use row::{
    AccountRow, AddressTarget, Binding, ChangeRecord, Conversation, Departed, Details,
    DirectoryKind, DirectoryRecord, FolderForm, FolderRow, Grant, Grantee, IdRun, ItemRow, Kind,
    Lineage, Name, Object, Origin, OverlayPath, OverlayValue, PathStep, PropertyName, QueueEntry,
    Removed, Rights, Role, ShelfCounters, Stand, Value, What,
};
pub use shelf::{Location, Shelf};
pub use store::{ATTEMPTS_MAX, Store};
pub use txn::{
    Allowance, Body, CHANGES_KEPT_MAX, FlagOutcome, FolderChange, ItemChange, LABEL_BYTES_MAX,
    Membership, NewBody, NewFolder, NewItem, OverlayInput, OverlayObject, QueueItem, ReadState,
    Receipt, Txn,
};
pub use uid_set::UidSet;
pub use watch::Watch;
