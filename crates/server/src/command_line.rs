//! The command line: what can be asked for, with help and an example for each.
//!
//! Says nothing about how it is done. Start at [`CommandLine`].

mod filters;
mod queue;
mod reports;
mod spam;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

pub use filters::{Forward, Script, Vacation};
pub use queue::Queue;
pub use reports::Report;
pub use spam::{Ban, Spam};

/// facteur: a mail server in one binary.
#[derive(Debug, Parser)]
#[command(
    name = "facteur",
    version,
    about,
    after_help = "Example:\n  facteur try\n  facteur serve --data /var/lib/facteur",
    max_term_width = 100
)]
pub struct CommandLine {
    /// The folder that holds everything.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The configuration file; DIR/facteur.toml, where there is one, if not given.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Answer as JSON, for scripts.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server.
    #[command(
        after_help = "Example:\n  facteur serve --data /var/lib/facteur --config \
                            /etc/facteur/facteur.toml\n  facteur serve --data ./data --listen \
                            127.0.0.1 --port-base 20000"
    )]
    Serve(Serve),
    /// Run a server to try things out: sample accounts with mail, no ports below 1024.
    #[command(after_help = "Example:\n  facteur try --port-base 10000")]
    Try(Try),
    /// Domains whose mail is received here.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur domain add example.test")]
    Domain {
        /// What to do with them.
        #[command(subcommand)]
        action: Domain,
    },
    /// Mailboxes and the people who use them.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur account add \
                            alice@example.test --password-stdin < password"
    )]
    Account {
        /// What to do with them.
        #[command(subcommand)]
        action: Account,
    },
    /// Addresses that lead to others.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur alias add \
                            sales@example.test alice@example.test bob@example.test")]
    Alias {
        /// What to do with them.
        #[command(subcommand)]
        action: Alias,
    },
    /// Groups: addresses with a name, and with a say in who may write to them.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur group set \
                            team@example.test alice@example.test bob@example.test --members-only")]
    Group {
        /// What to do with them.
        #[command(subcommand)]
        action: Group,
    },
    /// Set an account's password.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur password \
                            alice@example.test --password-stdin < password")]
    Password(Password),
    /// Letters of an account that are sent on.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur forward set \
                            alice@example.test alice@elsewhere.test --keep"
    )]
    Forward {
        /// What to do with them.
        #[command(subcommand)]
        action: Forward,
    },
    /// What senders are told while someone is away.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur vacation set \
                            alice@example.test Away --until 2026-06-01T00:00:00Z"
    )]
    Vacation {
        /// What to do with it.
        #[command(subcommand)]
        action: Vacation,
    },
    /// Sieve scripts, which letters go through.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur script put \
                            alice@example.test mine filter.sieve --activate")]
    Script {
        /// What to do with them.
        #[command(subcommand)]
        action: Script,
    },
    /// Teach which letters are unwanted, and ask what is thought of one.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur spam learn --junk \
                            alice@example.test letter.eml"
    )]
    Spam {
        /// What to do.
        #[command(subcommand)]
        action: Spam,
    },
    /// Addresses that may not connect for a while.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur ban list")]
    Ban {
        /// What to do with them.
        #[command(subcommand)]
        action: Ban,
    },
    /// The folders of an account.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur folder list \
                            alice@example.test"
    )]
    Folder {
        /// What to do with them.
        #[command(subcommand)]
        action: Folder,
    },
    /// Send a letter as /usr/sbin/sendmail does; also done when the program is called `sendmail`,
    /// `mailq` or `newaliases`.
    #[command(
        disable_help_flag = true,
        after_help = concat!(
            "Options of sendmail:\n  \
             -t          Send to the recipients that the letter names, too\n  \
             -i          A line with a dot only does not end the letter\n  \
             -f ADDRESS  The sender, who gets notices; -F NAME its name\n  \
             -N WHEN     Notices: never, or success, failure, delay (-R full or hdrs, -V ID)\n  \
             -bs         Speak SMTP on standard input and output\n  \
             -bv         Say of each recipient whether it would be taken\n  \
             -bp         Show what waits, as mailq does\n  \
             -q          Try all that waits again; -qIENTRY, -qRDOMAIN, -qSSENDER: only these\n\n",
            "Example:\n  facteur --data /var/lib/facteur sendmail -t < letter"
        )
    )]
    Sendmail {
        /// Print help
        #[arg(long, action = clap::ArgAction::Help)]
        help: Option<bool>,
        /// Sendmail's own options, and recipients.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Letters that wait to be sent.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur queue list")]
    Queue {
        /// What to do with them.
        #[command(subcommand)]
        action: Queue,
    },
    /// What happened to a letter, step by step, or to the latest letters of an address.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur trace bob@example.org\n  \
                            facteur --data /var/lib/facteur trace a1fd171daf512047dd45"
    )]
    Trace {
        /// A letter's name, as the log and its sender's receipt have it, or an address.
        what: String,
    },
    /// The records that a domain needs, as lines of a zone file.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur dns example.test")]
    Dns {
        /// The domain.
        domain: String,
    },
    /// Look whether names, ports, certificate and clock are as a domain needs them, and say what to
    /// do next.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur doctor example.test")]
    Doctor {
        /// The domain.
        domain: String,
    },
    /// Reports between servers: of mail in a domain's name (DMARC), and of encryption (TLS-RPT).
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur report list")]
    Report {
        /// What to do with them.
        #[command(subcommand)]
        action: Report,
    },
    /// Bring mail in from a Maildir, an mbox or a folder of .eml files.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur import --account \
                            alice@example.test --format maildir /home/alice/Maildir"
    )]
    Import(Import),
    /// Write an account's mail as Maildir or mbox.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur export --account \
                            alice@example.test --format maildir ./alice"
    )]
    Export(Export),
    /// Copy everything, while the server runs; into an earlier backup: only what is new.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur backup /mnt/backup/facteur"
    )]
    Backup(Backup),
    /// Make a new data folder from a backup; clients will start again.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur.new restore \
                            /mnt/backup/facteur --at 2026-03-01T12:00:00Z"
    )]
    Restore(Restore),
    /// Bring deleted mail of an account back to where it was.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur undelete \
                            alice@example.test --since 2026-03-01T00:00:00Z")]
    Undelete(Undelete),
    /// Verify every letter, index, counter and reference.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur check")]
    Check,
    /// Make everything derived anew from the log; the server must not run. The index of letters
    /// is made anew also while it runs.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur rebuild\n  \
                            facteur --data /var/lib/facteur rebuild search")]
    Rebuild {
        /// Only this; without it, all but the index of letters.
        part: Option<Part>,
    },
    /// What the server and the store are doing.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur status --json")]
    Status,
    /// Write the completions of a shell.
    #[command(after_help = "Example:\n  facteur completions bash > \
                            /etc/bash_completion.d/facteur")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// What can be made anew by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The index of letters; the server makes it, at once if it runs.
    Search,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Listen on this address only.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<IpAddr>,
    /// Add this to every standard port.
    #[arg(long, value_name = "N")]
    pub port_base: Option<u16>,
}

/// Arguments of `try`.
#[derive(Debug, Args)]
pub struct Try {
    /// Added to every standard port.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub port_base: u16,
}

/// What can be done with domains.
#[derive(Debug, Subcommand)]
pub enum Domain {
    /// Receive mail for a domain.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur domain add example.test")]
    Add {
        /// Its name.
        name: String,
    },
    /// Show all domains.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur domain list")]
    List,
    /// No longer receive mail for a domain that has no addresses.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur domain remove example.test"
    )]
    Remove {
        /// Its name.
        name: String,
    },
    /// Say who gets what is addressed to nobody.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur domain catch-all example.test alice@example.test"
    )]
    CatchAll {
        /// The domain.
        name: String,
        /// Who gets it; without it such mail is refused.
        address: Option<String>,
    },
}

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Make an account with its folders.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur account add alice@example.test --password-stdin < password"
    )]
    Add(AccountAdd),
    /// Show all accounts.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur account list --json")]
    List,
    /// Show one account.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur account show alice@example.test"
    )]
    Show {
        /// Its address.
        address: String,
    },
    /// Change an account.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur account change alice@example.test --quota 5000000000 --pop3 30"
    )]
    Change(AccountChange),
    /// Give an account another address; the old one stays as an alias.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur account rename alice@example.test alice.b@example.test"
    )]
    Rename {
        /// Its address.
        address: String,
        /// The new address.
        new: String,
    },
    /// Remove an account; its mail stays on the disk unless it is erased.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur account remove alice@example.test"
    )]
    Remove {
        /// Its address.
        address: String,
        /// Erase its mail too; only a backup can bring it back.
        #[arg(long)]
        erase: bool,
    },
    /// Make a password for one program; it is shown once.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur account app-password alice@example.test phone"
    )]
    AppPassword {
        /// The account's address.
        address: String,
        /// What the program is called.
        name: String,
        /// Make the program's password invalid instead.
        #[arg(long)]
        remove: bool,
    },
    /// Let programs sign in by a certificate instead of a password.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur account certificate alice@example.test laptop laptop.pem"
    )]
    Certificate {
        /// The account's address.
        address: String,
        /// What the program or device is called.
        name: String,
        /// The certificate, as PEM.
        #[arg(required_unless_present = "remove")]
        file: Option<PathBuf>,
        /// Nobody signs in by it any more.
        #[arg(long, conflicts_with = "file")]
        remove: bool,
    },
}

/// Arguments of `account add`.
#[derive(Debug, Args)]
pub struct AccountAdd {
    /// Its address.
    pub address: String,
    /// Read the password, or a hash of another server, from standard input.
    #[arg(long)]
    pub password_stdin: bool,
    /// The name that people read.
    #[arg(long, default_value = "")]
    pub name: String,
    /// A person, a mailbox that several people use, or a room or device.
    #[arg(long, value_enum, default_value_t = Kind::Person)]
    pub kind: Kind,
    /// May use the administration.
    #[arg(long)]
    pub administrator: bool,
}

/// What an account stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Someone who signs in.
    Person,
    /// A mailbox that several people use.
    Shared,
    /// A room or device.
    Resource,
}

/// Arguments of `account change`.
#[derive(Debug, Args)]
pub struct AccountChange {
    /// Its address.
    pub address: String,
    /// The name that people read.
    #[arg(long)]
    pub name: Option<String>,
    /// Whether it may be signed in to.
    #[arg(long, value_name = "true|false")]
    pub enabled: Option<bool>,
    /// Whether it may use the administration.
    #[arg(long, value_name = "true|false")]
    pub administrator: Option<bool>,
    /// Most bytes it may hold; 0 is without limit.
    #[arg(long, value_name = "BYTES")]
    pub quota: Option<u64>,
    /// What becomes of mail downloaded by POP3: delete, keep, or a number of days.
    #[arg(long, value_name = "delete|keep|DAYS")]
    pub pop3: Option<String>,
}

/// What can be done with aliases.
#[derive(Debug, Subcommand)]
pub enum Alias {
    /// Make an alias.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur alias add sales@example.test alice@example.test bob@example.test"
    )]
    Add {
        /// Its address.
        address: String,
        /// Where it leads.
        #[arg(required = true)]
        targets: Vec<String>,
    },
    /// Show all aliases.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur alias list")]
    List,
    /// Remove an alias.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur alias remove sales@example.test"
    )]
    Remove {
        /// Its address.
        address: String,
    },
}

/// What can be done with groups.
#[derive(Debug, Subcommand)]
pub enum Group {
    /// Make a group, or change who is in it and who may write to it.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur group set team@example.test alice@example.test bob@example.test"
    )]
    Set {
        /// Its address.
        address: String,
        /// Its members.
        #[arg(required = true)]
        members: Vec<String>,
        /// The name that people read.
        #[arg(long, default_value = "")]
        name: String,
        /// Refuse letters of all but its members.
        #[arg(long, conflicts_with = "moderator")]
        members_only: bool,
        /// Send letters of all but this address to it, and not to the members; may be repeated.
        #[arg(long, value_name = "ADDRESS")]
        moderator: Vec<String>,
    },
    /// Show all groups.
    #[command(after_help = "Example:\n  facteur --data /var/lib/facteur group list")]
    List,
    /// Remove a group.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur group remove team@example.test"
    )]
    Remove {
        /// Its address.
        address: String,
    },
}

/// Arguments of `password`.
#[derive(Debug, Args)]
pub struct Password {
    /// The account's address.
    pub address: String,
    /// Read the password, or a hash of another server, from standard input.
    #[arg(long)]
    pub password_stdin: bool,
}

/// What can be done with folders. Names of folders inside others are joined by `/`.
#[derive(Debug, Subcommand)]
pub enum Folder {
    /// Make a folder, and those above it.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur folder add alice@example.test Work/2026"
    )]
    Add {
        /// The account's address.
        account: String,
        /// The folder, like `Work/2026`.
        path: String,
    },
    /// Show an account's folders.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur folder list alice@example.test"
    )]
    List {
        /// The account's address.
        account: String,
    },
    /// Remove a folder; its mail can be brought back for a time.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur folder remove alice@example.test Work/2026"
    )]
    Remove {
        /// The account's address.
        account: String,
        /// The folder.
        path: String,
    },
    /// Say what somebody may do in a folder; what was said of them before is replaced.
    #[command(
        after_help = "Rights are a word or the letters of RFC 4314, `lrswipkxtean`:\n  read   see and \
                            read it, and know what was read (lrs)\n  write  also put in, mark and \
                            remove letters (lrswite)\n  all    everything, with folders below it \
                            and the rights themselves\n  none   nothing more is said of \
                            them\n\nExample:\n  facteur --data /var/lib/facteur folder share \
                            alice@example.test Work/2026 bob@example.test read"
    )]
    Share {
        /// The account's address.
        account: String,
        /// The folder.
        path: String,
        /// The address of an account or a group; `anyone` for all who sign in.
        who: String,
        /// `read`, `write`, `all`, `none`, or letters.
        #[arg(value_name = "read|write|all|none|LETTERS")]
        rights: String,
    },
    /// Say whether those who share a folder have read its letters each by themselves or all
    /// together.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur folder seen news@example.test Inbox each"
    )]
    Seen {
        /// The account's address.
        account: String,
        /// The folder.
        path: String,
        /// `each`: what one has read is unread for the others; `all`: read is read.
        by: SeenBy,
    },
    /// Show who may do what in a folder.
    #[command(
        after_help = "Example:\n  facteur --data /var/lib/facteur folder rights alice@example.test Work/2026"
    )]
    Rights {
        /// The account's address.
        account: String,
        /// The folder.
        path: String,
    },
}

/// Whose reading counts in a folder that is shared.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum SeenBy {
    /// Each reader's own.
    Each,
    /// Everyone's.
    All,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Whose mailbox it goes into.
    #[arg(long, value_name = "ADDRESS")]
    pub account: String,
    /// What is read.
    #[arg(long, value_enum)]
    pub format: ImportFormat,
    /// Put everything below this folder.
    #[arg(long, value_name = "FOLDER")]
    pub into: Option<String>,
    /// The file or folder.
    pub source: PathBuf,
}

/// What can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// A Maildir with its folders; Dovecot's keeps its UIDs.
    Maildir,
    /// An mbox file, or a folder of them.
    Mbox,
    /// A tree of folders with .eml files.
    Eml,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Whose mailbox is written.
    #[arg(long, value_name = "ADDRESS")]
    pub account: String,
    /// What is written.
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// The folder to make.
    pub target: PathBuf,
}

/// What can be exported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A Maildir with its folders.
    Maildir,
    /// One mbox file for each folder.
    Mbox,
}

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The folder of the backup.
    pub target: PathBuf,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// The folder of the backup.
    pub backup: PathBuf,
    /// As it was at this time (RFC 3339), not as late as possible.
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

/// Arguments of `undelete`.
#[derive(Debug, Args)]
pub struct Undelete {
    /// The account's address.
    pub address: String,
    /// Only what was deleted since this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only what was in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<String>,
}

/// A refusal of the command line in one line, where the parser writes several.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // The parser would show the whole help, as if that had been asked for.
        let usage = text.lines().find_map(|line| line.strip_prefix("Usage: "));
        let usage = usage.unwrap_or("facteur <COMMAND>");
        return format!("a command is missing: {usage}; --help shows them");
    }
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"));
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .collect();
    let line = lines.join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_has_no_contradictions() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example_that_it_understands() {
        let line = CommandLine::command();
        let commands = line.get_subcommands();
        for command in commands.flat_map(|command| command.get_subcommands().chain([command])) {
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            let examples = help.lines().filter(|line| line.starts_with("  facteur"));
            let parsed = examples.map(|line| {
                let words = line.split_whitespace();
                let words = words.take_while(|word| !matches!(*word, "<" | ">"));
                CommandLine::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"))
            });
            assert!(parsed.count() > 0, "{}", command.get_name());
        }
    }

    #[test]
    fn a_refusal_is_one_line() {
        for line in [
            &["facteur", "export", "--data", "d"][..],
            &["facteur", "fly"],
            &["facteur"],
            &["facteur", "queue"],
            &["facteur", "serve", "--port-base", "x"],
        ] {
            let error = CommandLine::try_parse_from(line).unwrap_err();
            let told = one_line(&error);
            assert!(!told.contains('\n') && told.len() > 10, "{told}");
        }
    }

    #[test]
    fn data_and_configuration_may_stand_before_or_behind_the_command() {
        for line in [
            ["facteur", "--data", "d", "--config", "f", "status"],
            ["facteur", "status", "--config", "f", "--data", "d"],
        ] {
            let parsed = CommandLine::try_parse_from(line).unwrap();
            assert_eq!(parsed.data, Some(PathBuf::from("d")));
            assert_eq!(parsed.config, Some(PathBuf::from("f")));
        }
    }
}
