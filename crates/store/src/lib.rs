//! An account's data and its change log; the only crate that touches disk or database.
//!
//! Two layers. [`backend`] keeps ordered keys, bodies and the log of commits, and knows nothing of mail.
//! [`model`] gives the keys their meaning: accounts, folders, items, overlays, changes, the queue and the
//! directory. Nothing above this crate may know which backend is used.
//!
//! Start at [`backend::Backend`] for durability, at [`model::Txn`] for what can be changed.

pub mod backend;
pub mod error;
pub mod id;
pub mod model;
pub mod world;

pub use error::StoreError;
