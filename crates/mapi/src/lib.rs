//! MAPI over HTTP, as a server: what Outlook for Windows speaks.
//!
//! Pure: no sockets, no clock, no disk. So far only the [`codec`] stands: every structure in both
//! directions, so that a client for the tests is made of the same descriptions as the server.
//!
//! Start at [`codec`].
//!
//! Standards: [MS-OXCMAPIHTTP] (transport), [MS-OXCRPC] (extended buffers), [MS-OXCROPS]
//! (operations), [MS-OXCDATA] (values), [MS-OXNSPI] (address book).

pub mod codec;
