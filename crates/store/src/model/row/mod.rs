//! The values behind the keys, one file for each kind of row, each with its bytes.
//!
//! Plain data: no row reads the store. All are written through `codec::Row`.

pub mod account;
pub mod change;
pub mod details;
pub mod directory;
pub mod folder;
pub mod item;
pub mod name;
pub mod overlay;
pub mod queue;
pub mod rights;
#[cfg(test)]
mod tests;
pub mod uids;

pub use account::{AccountRow, IdRun};
pub use change::{ChangeRecord, Departed, Object, Origin, Stand, What};
pub use details::{Conversation, Details, Lineage};
pub use directory::{AddressTarget, DirectoryKind, DirectoryRecord};
pub use folder::{FolderForm, FolderRow, Role, ShelfCounters};
pub use item::{ItemRow, Kind, Removed};
pub use name::{Name, PropertyName};
pub use overlay::{Binding, OverlayPath, OverlayValue, PathStep, Value};
pub use queue::QueueEntry;
pub use rights::{Grant, Grantee, Rights};
