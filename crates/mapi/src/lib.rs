//! MAPI over HTTP, as a server: what Outlook for Windows speaks.
//!
//! Pure: no sockets, no clock, no disk. So far there are the [`codec`], every structure in both
//! directions, so that a client for the tests is made of the same descriptions as the server, and
//! [`autodiscover`], by which Outlook finds the server.
//!
//! Start at [`codec`].
//!
//! Standards: [MS-OXCMAPIHTTP] (transport), [MS-OXCRPC] (extended buffers), [MS-OXCROPS]
//! (operations), [MS-OXCDATA] (values), [MS-OXNSPI] (address book), [MS-OXDSCLI] (Autodiscover).

pub mod autodiscover;
pub mod codec;
