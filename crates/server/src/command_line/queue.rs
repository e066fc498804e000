//! `facteur queue`.

use clap::Subcommand;

/// What can be done with the queue. Entries are named as the list shows them, by their letter's name,
/// by an address or `@domain` that they go to or come from, or all at once by `all`.
#[derive(Debug, Subcommand)]
pub enum Queue {
    /// Show what waits.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur queue list")]
    List {
        /// Only these: one entry or its letter, an address, `@domain`, or `all`.
        #[arg(default_value = "all")]
        entry: String,
    },
    /// Show everything about one entry, with all attempts.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur queue show 3.17")]
    Show {
        /// The entry, or the letter's name.
        entry: String,
    },
    /// Try again now, also where nobody was reached.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur queue retry @example.org")]
    Retry {
        /// Which: one entry or its letter, an address, `@domain`, or `all`.
        entry: String,
    },
    /// Do not try until released.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur queue hold 2.17")]
    Hold {
        /// Which: one entry or its letter, an address, `@domain`, or `all`.
        entry: String,
    },
    /// Let go on what was held.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur queue release 2.17")]
    Release {
        /// Which: one entry or its letter, an address, `@domain`, or `all`.
        entry: String,
    },
    /// Take out of the queue.
    #[command(
        alias = "remove",
        after_help = "Example:\n  facteur --data /var/lib/facteur queue cancel 2.17 --tell"
    )]
    Cancel {
        /// Which: one entry or its letter, an address, `@domain`, or `all`.
        entry: String,
        /// Tell the senders that their letters were not delivered.
        #[arg(long)]
        tell: bool,
    },
    /// Send another way: `mx`, `smtp:HOST:PORT`, `lmtp:HOST:PORT`, or back to the `usual` one.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur queue route @example.org \
                            smtp:backup.example.org:25"
    )]
    Route {
        /// Which: one entry or its letter, an address, `@domain`, or `all`.
        entry: String,
        /// The way.
        via: String,
    },
}
