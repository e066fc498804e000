//! What Outlook may expect of MAPI over HTTP: one program for all, so that it is linked once.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.
#![allow(clippy::duplicate_mod)] // The fuzz entry brings its own client.

mod address_book;
mod all_operations;
mod chains;
mod client;
mod copying;
mod data;
mod expected;
mod folders;
mod fuzz_briefly;
mod items;
mod letters;
mod mailbox;
mod notation;
mod notifications;
mod nspi;
mod per_user;
mod permissions;
mod rops;
mod round_trip;
mod rules;
mod samples;
mod sending;
mod store;
mod table_news;
mod tables;
mod transfer;
mod transport;
mod within;
mod writing;
