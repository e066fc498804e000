//! An account's data and its change log; the only crate that touches disk or database.
//!
//! Two layers. [`backend`] keeps ordered keys, bodies and the log of commits, and knows nothing of mail.
//! [`model`] gives the keys their meaning: accounts, folders, items, overlays, changes, the queue and the
//! directory. Nothing above this crate may know which backend is used.
//!
//! Start at [`backend::Backend`] for durability, at [`model::Txn`] for what can be changed.
//!
//! # Keys
//!
//! A tag byte, then big-endian fields: `acct` 4 bytes, `folder` `item` `place` `content` `change` `id` 6, `uid` `block`
//! `number` 4, `shelf` `kind` `space` 1, `body` and `due` 8. *Log* means: nothing else says it; the log of commits and
//! its base dump are the only source. All other rows can be made anew by [`model::Txn::rebuild_derived`] or by the
//! part named.
//!
//! | key | value | rebuilt from |
//! |---|---|---|
//! | `A acct` | [`model::AccountRow`]: head, horizon, epoch, replica GUID, next numbers, id runs, quota, use, number of folders | log; use from `M`; head and next id not below what is found |
//! | `F acct folder` | [`model::FolderRow`]: name, parent, role, form, rights, stamps, counters | log; counters from `M`, of search folders from `V` |
//! | `K acct 'n' parent hash`, `K acct 'r' role`, `K acct 'v' uidvalidity` | the folder of this name (its BLAKE3) below a parent (0: none), of this role, of this UIDVALIDITY | `F` |
//! | `M acct folder shelf uid` | [`model::ItemRow`]: names, flags, stamps, size, dates, body | log |
//! | `E acct item` | [`model::Details`]: where it was born, prefix, summary, dates, creator, lineage, conversation | log; the summary from the body by the engine |
//! | `L acct item` | [`model::Location`]: folder, shelf, uid; only where the item is not where it was born | `M`, `E` |
//! | `I acct 'p' place`, `I acct 'c' content` | item, where it is not the item's first number | `M` |
//! | `U acct folder shelf block` | which of 4,096 UIDs are used, as runs with their count | `M` |
//! | `O acct object path` | [`model::OverlayValue`]s of a folder, an item or a part of one | log |
//! | `N acct space number` | [`model::Name`] of a keyword or property | log |
//! | `n acct space name` | its number | `N` |
//! | `J acct name item` | the item's conversation, for each of its names | `E` |
//! | `j acct conversation item` | nothing; that an item belongs to a conversation which another began | `E` |
//! | `C acct change` | [`model::ChangeRecord`] | log |
//! | `T acct folder change` | [`model::Departed`]: what left the folder | `C` |
//! | `V acct folder item` | the number under which an item came into a search folder | criteria, by the engine |
//! | `P acct folder reader block` | which UIDs one reader of a public folder has read | log |
//! | `R body acct object` | nothing; that an item, folder or queue entry refers to a body | `M`, `O`, `q` |
//! | `D kind number` | [`model::DirectoryRecord`] | log |
//! | `d address` | [`model::AddressTarget`] | log |
//! | `Q due acct id` | a label; the schedule of the queue, one for all accounts | log |
//! | `q acct id` | [`model::QueueEntry`]: due, envelope, body | log |
//! | `B body`, `H hash` | the backend's own: place, lengths and codec of a body; body by content | frames |
//! | `S name` | the backend's own: format version, applied position, numbers given | log |

pub mod backend;
pub mod error;
pub mod fields;
pub mod id;
pub mod model;
pub mod sketch;
pub mod world;

pub use error::StoreError;
