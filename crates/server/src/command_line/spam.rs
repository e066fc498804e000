//! Arguments of the commands against unwanted mail.

use clap::Subcommand;
use std::net::IpAddr;
use std::path::PathBuf;

/// What can be done about unwanted letters.
#[derive(Debug, Subcommand)]
pub enum Spam {
    /// Teach which letters are wanted, and which are not.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur spam learn --junk \
                            alice@example.test letter.eml other.eml"
    )]
    Learn {
        /// Nobody wants such letters.
        #[arg(long, required_unless_present = "good", conflicts_with = "good")]
        junk: bool,
        /// Such letters are wanted.
        #[arg(long)]
        good: bool,
        /// Whose mailbox learns it; `all` for everyone's.
        address: String,
        /// Files of one letter each; the server reads them.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Show what speaks for and against a letter, as it would be judged by its content.
    #[command(
        allow_missing_positional = true,
        after_help = "Example:\n  facteur --data /var/lib/facteur spam score alice@example.test \
                            letter.eml\n  facteur --data /var/lib/facteur spam score letter.eml"
    )]
    Score {
        /// Whose mailbox it would come to.
        address: Option<String>,
        /// The file of the letter; the server reads it.
        #[arg(required = true)]
        file: PathBuf,
    },
}

/// What can be done with addresses that may not connect.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Ban {
    /// Show who is banned, until when and why.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur ban list")]
    List,
    /// Ban an address, or the IPv6 network of 64 bits around it.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur ban add 192.0.2.25 --minutes 1440"
    )]
    Add {
        /// The address.
        address: IpAddr,
        /// How long; a longer ban that holds already stays.
        #[arg(long, value_name = "N", default_value_t = 60)]
        minutes: u32,
    },
    /// End a ban.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur ban remove 192.0.2.25")]
    Remove {
        /// The address.
        address: IpAddr,
    },
}
