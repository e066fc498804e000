//! Bytes ⇄ typed values; knows no account and no session.
//!
//! Never panics, never reserves memory on the strength of a length alone: a count is believed
//! only as far as the bytes that are left could hold it, and lists grow with what was read.
//! What nests (restrictions) has a budget of depth and of nodes.
//!
//! Start at [`wire`], which says how one description of a structure gives both directions; then
//! [`data`] (values, rows, restrictions, identifiers), [`transport`] (what stands in the HTTP
//! bodies), [`rop`] (the operations on mailboxes), [`fasttransfer`] (whole messages
//! in one stream) and [`nspi`] (the address book's operations).

pub mod data;
pub mod fasttransfer;
pub mod nspi;
pub mod rop;
pub mod transport;
pub mod wire;
