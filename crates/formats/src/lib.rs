//! The documents people keep and the words they are written in: messages, addresses, dates, mailbox
//! files, Sieve scripts.
//!
//! Pure: no clock, no randomness, no network, no files; only bytes in and values out. It knows
//! nothing of accounts or protocols. Every parser takes bytes from outside, has a named limit for
//! whatever it keeps, does not recurse, and answers damaged input with what could still be read.
//!
//! Start at [`message::scan::Scanner`], which reads a letter once as it arrives and leaves a
//! [`message::Summary`]; [`address`] and [`date`] stand for themselves; [`mailbox_file`] is for
//! import and export; [`document`] knows the words of attachments; [`rich_text`] is what
//! Outlook writes; [`script`] reads what people have decided about their mail.

pub mod address;
mod cursor;
pub mod date;
pub mod document;
pub mod mailbox_file;
pub mod message;
pub mod moment;
pub mod rich_text;
pub mod script;
