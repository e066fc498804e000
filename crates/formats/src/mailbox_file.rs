//! Mail as other programs keep it in files, for import and export.
//!
//! Never opens a file: the caller walks directories and brings bytes and names. Line ends stay as
//! they are.
//!
//! Start at [`mbox::Splitter`] and [`mbox::Writer`] for mbox, at [`maildir::FileName`] for Maildir.

pub mod maildir;
pub mod mbox;
