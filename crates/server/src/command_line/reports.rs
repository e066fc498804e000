//! Arguments of the command about reports between servers.

use clap::Subcommand;
use std::path::PathBuf;

/// What can be done with reports.
#[derive(Debug, Subcommand)]
pub enum Report {
    /// Show a report about mail in a domain's name (DMARC) that is in a file.
    #[command(after_help = "Example:\n  facteur report dmarc google.com!example.test!1!2.zip")]
    Dmarc {
        /// The file as it was attached: XML, plain or packed by gzip or zip.
        file: PathBuf,
    },
    /// Show a report about encryption (TLS-RPT) that is in a file.
    #[command(after_help = "Example:\n  facteur report tls google.com!example.test!1!2.json.gz")]
    Tls {
        /// The file as it was attached: JSON, plain or packed by gzip or zip.
        file: PathBuf,
    },
    /// Show a report about a single letter (a failure report) that is in a file.
    #[command(after_help = "Example:\n  facteur report failure letter.eml")]
    Failure {
        /// The letter, or its part of the type message/feedback-report.
        file: PathBuf,
    },
    /// List the reports that others have sent by mail.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur report list")]
    List,
    /// Show one of them.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur report show 7")]
    Show {
        /// Its number in the list.
        number: u32,
    },
    /// Send the reports that are owed to others, without waiting for the usual hour.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur report send --now")]
    Send {
        /// Of today, too; the rest of the day will be another report.
        #[arg(long)]
        now: bool,
    },
}
