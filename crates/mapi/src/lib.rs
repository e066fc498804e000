//! MAPI over HTTP, as a server: what Outlook for Windows speaks.
//!
//! Pure: no sockets, no clock, no disk. There are the [`codec`], every structure in both
//! directions, so that a client for the tests is made of the same descriptions as the server;
//! [`autodiscover`], by which Outlook finds the server; and a view of a mailbox: folders and what
//! is in them can be read, made, changed, searched, moved and deleted. What happens,
//! by whatever protocol, is told to who asked. [`address_book`] tells who is there. `server` puts it on HTTP.
//!
//! Start at [`connection::connect`], which begins a [`request::Session`]; a client finds it again by
//! [`contexts`]. The operations are in `command`, what things are called for ever in [`identity`],
//! every no in [`refusal`].
//!
//! Standards: [MS-OXCMAPIHTTP] (transport), [MS-OXCRPC] (extended buffers), [MS-OXCROPS]
//! (operations), [MS-OXCDATA] (values), [MS-OXNSPI] (address book), [MS-OXDSCLI] (Autodiscover).

pub mod address_book;
pub mod autodiscover;
mod chain;
pub mod codec;
mod command;
mod condition;
pub mod connection;
pub mod content;
pub mod contexts;
pub mod convert;
mod draft;
pub mod identity;
mod notification;
mod object;
mod property;
mod quirk;
pub mod refusal;
pub mod request;
mod table;
mod transfer;
