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
//!
//! # Where sources disagree
//!
//! The Open Specifications decide; where they leave a question, what servers and clients are seen
//! to do. Seen from Outlook's side nothing else is known to matter.
//!
//! Transport:
//! - Signs of life end with a line end ([MS-OXCMAPIHTTP] 2.2.7), so that they have 9 bytes;
//!   elapsed time is in milliseconds.
//! - Somebody else's context is not found (code 10), rather than forbidden; a client that connects
//!   with cookies of a context that is gone gets a new one.
//! - Of what is wrong with a request, what is told first follows the order of layers: HTTP, who it
//!   is, headers, size, context, body. No source fixes it.
//! - In `Connect` the locale of sorting stands before that of texts (2.2.4.1.1).
//! - `Disconnect` may have an empty body; the code of `Unbind` is 1 ([MS-OXNSPI] 2.2.1.2).
//! - Blocks of the auxiliary buffer are passed over by their size, so that it is no matter how wide
//!   a field in one is.
//! - Extended transfers and writes (9D, A3) are understood, though no capability is told by which
//!   Outlook would use them. HTTP/2 is served, though it has not been seen to use that.
//! - Bearer tokens are offered only where someone can check them; Outlook takes none but those of
//!   Microsoft or AD FS.
//!
//! Values:
//! - The number of values in a multiple one has 32 bits everywhere, that of parts of a condition 16
//!   in operations and 32 elsewhere ([MS-OXCDATA] 2.11.1, 2.12.1).
//! - A comparison with what is not there is false, also one for being unequal, as in Exchange.
//! - Of several values any one fulfils what a single value is asked of, also to be unequal; sizes are
//!   those of texts with their ends and of bytes without their counts; a count around a condition
//!   shows the first rows in the table's order, and within one it is `ecTooComplex` ([MS-OXCDATA]
//!   2.12.4, 2.12.8, 2.12.12 leave all of this open). Regular expressions are too complex as well.
//! - The time in a conversation index that is made here is bits 63 to 24 of the file time, as newer
//!   servers write it, so that it begins with 01 01; one that came is kept whichever form it has,
//!   and only its GUID is looked at ([MS-OXOMSG] 2.2.1.3).
//! - The id of a conversation is that GUID; where no index came, one that follows from the store's
//!   conversation. It never depends on the topic's bytes, on whose encoding sources disagree
//!   ([MS-OXOMSG] 2.2.1.2).
//! - Names of properties are compared with regard to case, but for those of header fields, which
//!   are kept in small letters ([MS-OXCPRPT] 3.2.5.10).
//!
//! Operations:
//! - The order in which they come is the client's. No specification fixes it and nothing here
//!   relies on one; the client tests walk those that Outlook has been seen to use.
//! - `RopSetMessageReadFlag` says in a private mailbox that nothing changed: what would follow
//!   otherwise is for public folders ([MS-OXCROPS] 2.2.6.11.2).
//! - Streams, copies and transfers that fail say sizes of 0, because one response is specified for
//!   both outcomes ([MS-OXCROPS] 2.2.9.2.2); a transfer that must wait says only how long.
//! - `RopRegisterNotification` has 16 bits of types, and a further byte only with the extended one
//!   ([MS-OXCROPS] 2.2.14.1.1). Without it this is byte for byte what others read.
//! - An event names the parent of a folder, and of a message the search folder that shows it
//!   ([MS-OXCNOTIF] 2.2.1.4.1.2).
//! - `RopProgress` finds nothing under way, because all is done at once ([MS-OXCFOLD] 3.2.5.9).
//! - A full mailbox refuses what is to be kept with `ecShutoffQuotaExceeded`.
//! - Free/busy entries (36E4) are kept as clients write them; which folder the last one names is
//!   thus theirs to say. That Outlook is confused by 65E1 of another's calendar concerns
//!   synchronisation only.
//!
//! Address book:
//! - `CompareMIds` says its code before its result; values within a condition have the byte that
//!   says that they are there ([MS-OXCMAPIHTTP] 2.2.5.3.2, 2.2.1).
//! - A group is a list to which rights can be given: 40000009 ([MS-OXOABK] 2.2.3.12).
//! - There are templates for all kinds of entries, so that Outlook need not make up a dialog;
//!   changes of entries and links are refused with `AccessDenied`, which it tolerates.

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
pub mod texts;
mod transfer;
