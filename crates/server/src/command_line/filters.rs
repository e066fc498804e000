//! Arguments of the commands that decide what becomes of someone's letters.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What can be done with an account's forwards.
#[derive(Debug, Subcommand)]
pub enum Forward {
    /// Send all letters on; replaces earlier forwards.
    Set {
        /// The account's address.
        account: String,
        /// Where they go.
        #[arg(required = true)]
        targets: Vec<String>,
        /// Keep a copy of each.
        #[arg(long)]
        keep: bool,
    },
    /// Show where an account's letters go.
    Show {
        /// The account's address.
        account: String,
    },
    /// Forward no more.
    Remove {
        /// The account's address.
        account: String,
    },
}

/// What can be done with the answer that senders get while someone is away.
#[derive(Debug, Subcommand)]
pub enum Vacation {
    /// Answer senders; replaces an earlier answer.
    Set(VacationSet),
    /// Show the answer.
    Show {
        /// The account's address.
        account: String,
    },
    /// Answer no more.
    Remove {
        /// The account's address.
        account: String,
    },
}

/// Arguments of `vacation set`.
#[derive(Debug, Args)]
pub struct VacationSet {
    /// The account's address.
    pub account: String,
    /// What senders read.
    pub text: String,
    /// The answer's subject; the letter's own if absent.
    #[arg(long, default_value = "")]
    pub subject: String,
    /// When it begins; at once if absent.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// When it ends; never if absent.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Days between two answers to one sender.
    #[arg(long, default_value_t = 7)]
    pub days: u32,
}

/// What can be done with Sieve scripts.
#[derive(Debug, Subcommand)]
pub enum Script {
    /// Show an account's scripts.
    List {
        /// The account's address.
        account: String,
    },
    /// Show the text of a script.
    Show {
        /// The account's address.
        account: String,
        /// The script's name.
        name: String,
    },
    /// Check a script and store it; another text replaces an earlier one.
    Put {
        /// The account's address.
        account: String,
        /// The script's name.
        name: String,
        /// The file that holds it.
        file: PathBuf,
        /// Let letters go through it from now on.
        #[arg(long)]
        activate: bool,
    },
    /// Let letters go through a script.
    Activate {
        /// The account's address.
        account: String,
        /// The script's name; none if absent.
        name: Option<String>,
    },
    /// Remove a script that is not in use.
    Remove {
        /// The account's address.
        account: String,
        /// The script's name.
        name: String,
    },
    /// Check a script without storing it.
    Check {
        /// The file that holds it.
        file: PathBuf,
    },
}
