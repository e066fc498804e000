//! Arguments of the commands that decide what becomes of someone's letters.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What can be done with an account's forwards.
#[derive(Debug, Subcommand)]
pub enum Forward {
    /// Send all letters on; replaces earlier forwards.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur forward set alice@example.test bob@example.org --keep"
    )]
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
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur forward show alice@example.test"
    )]
    Show {
        /// The account's address.
        account: String,
    },
    /// Forward no more.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur forward remove alice@example.test"
    )]
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
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur vacation show alice@example.test"
    )]
    Show {
        /// The account's address.
        account: String,
    },
    /// Answer no more.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur vacation remove alice@example.test"
    )]
    Remove {
        /// The account's address.
        account: String,
    },
}

/// Arguments of `vacation set`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  facteur --data /var/lib/facteur vacation set alice@example.test Away --until 2026-03-15"
)]
pub struct VacationSet {
    /// The account's address.
    pub account: String,
    /// What senders read.
    pub text: String,
    /// The answer's subject; the letter's own if absent.
    #[arg(long, default_value = "")]
    pub subject: String,
    /// When it begins, a time or a date (its beginning in UTC); at once if absent.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// When it ends, likewise; never if absent.
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
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur script list alice@example.test"
    )]
    List {
        /// The account's address.
        account: String,
    },
    /// Show the text of a script.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur script show alice@example.test mine"
    )]
    Show {
        /// The account's address.
        account: String,
        /// The script's name.
        name: String,
    },
    /// Check a script and store it; another text replaces an earlier one.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur script put alice@example.test mine mine.sieve --activate"
    )]
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
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur script activate alice@example.test mine"
    )]
    Activate {
        /// The account's address.
        account: String,
        /// The script's name; none if absent.
        name: Option<String>,
    },
    /// Remove a script that is not in use.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur script remove alice@example.test mine"
    )]
    Remove {
        /// The account's address.
        account: String,
        /// The script's name.
        name: String,
    },
    /// Check a script without storing it.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur script check mine.sieve")]
    Check {
        /// The file that holds it.
        file: PathBuf,
    },
}
