//! What a user or a letter may do: the directory, permission, delivery, the queue, quota, watching.
//!
//! Never: protocol words, sockets, clock, disk. Protocols see the store only through this crate,
//! which checks every read and write; what they need of the store's values is re-exported here.
//!
//! Start at [`Engine`]. A session signs in with [`SignIn`], works in an [`Account`] (`read` →
//! [`View`], `write` → [`Txn`], both through the trait [`Reading`]) and hands letters over with
//! [`Upload`] and [`delivery`]. What a dialogue and its driver say to one another is in
//! [`dialogue`].
//!
//! ```text
//! Engine ── directory()  ── resolve, owns, sign_in_name; administration verbs on Engine
//!        ── account(&User, session) → Account ── read() → View ┐
//!        │                                    ── write() → Txn ┴ Reading
//!        ── upload() → Upload → Staged
//!        ── deliver(&Envelope, &Staged) → Pending<Delivered>
//!        ── queue_…, purge_…: the queue and what is kept for a while
//! ```

pub mod account;
pub mod authentication;
mod behalf;
pub mod delivery;
pub mod dialogue;
pub mod directory;
mod engine;
mod error;
pub mod examination;
pub mod filter;
pub mod greylist;
pub mod memo;
pub mod queue;
mod record;
pub mod rehearsal;
mod remembered;
pub mod retention;
pub mod rules;
pub mod search;
mod settings;
mod sharing;
mod sign_in;
pub mod signature;
pub mod spam;
pub mod traffic;
mod upload;

pub use account::{
    AccessKey, AccessKeyMark, Account, Folder, MAIL_ROOT, Message, NewLetter, Quota, ROOT, Reading,
    Renewal, RetrievalNames, SCRIPT_BYTES_MAX, SCRIPTS_MAX, StoredScript, Transfer, Txn, View,
    shows_letters,
};
pub use behalf::Authorship;
pub use delivery::{Delivered, Envelope, Outcome, Recipient};
pub use directory::{Address, Directory, Mailbox, Resolution};
pub use engine::Engine;
pub use error::EngineError;
pub use settings::{Cleartext, Limits, Retention, Sending, Settings};
pub use sign_in::{
    SignIn, SignInRefusal, SignInStep, TokenVerifier, User, allows_passwords, mechanisms,
};
pub use upload::{Staged, Upload};

pub use store::StoreError;
pub use store::backend::{Pending, Settlement, Stay};
pub use store::id::{
    AccountId, ChangeSeq, ContentId, ConversationId, FolderId, Guid, ItemKey, PlaceId, Timestamp,
    Uid,
};
pub use store::model::{
    AccountRow, Allowance, ChangeRecord, Changes, Departed, Details, FlagChange, FlagOutcome,
    FlagSet, Flags, FolderChange, FolderForm, FolderRow, Grant, Grantee, ItemRow, Keywords, Kind,
    Location, NewFolder, Object, Origin, OverlayValue, PathStep, PropertyName, Receipt, Removed,
    Rights, Role, Shelf, ShelfCounters, Stand, UidSet, Value, Watch, What,
};
pub use store::world::{Clock, Rng};
