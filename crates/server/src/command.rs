//! From the command line to what is done: a server, or one request.
//!
//! A request goes to the server that runs on the data; when none does, the store is opened here.
//! Start at [`run`].

mod filters;
mod spam;

use crate::administration::reports::Reports;
use crate::administration::{
    self, AccountAdd, AccountChange, Export, Failure, Format, GroupSet, Import, Kind, Progress,
    Reply, Request, SeenBy, Undelete, control,
};
use crate::command_line::{
    self, Account, Alias, Command, CommandLine, Domain, Folder, Group, Part, Queue, Report,
};
use crate::configuration::{Configuration, ListenArguments};
use crate::driver::client_certificates::fingerprint;
use crate::house::{self, House};
use crate::reports::ReportKind;
use crate::{allocator, log, reports, sample, serve};
use clap::CommandFactory;
use engine::{EngineError, StoreError};
use formats::moment;
use indicatif::{ProgressBar, ProgressStyle};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Longest password or hash that is read from standard input, in bytes.
const PASSWORD_BYTES_MAX: u64 = 4096;

/// Where a command finds the data, and how it answers.
struct Context {
    data: Option<PathBuf>,
    config: Option<PathBuf>,
    json: bool,
}

impl Context {
    fn data(&self) -> Result<&Path, Failure> {
        let missing = || Failure("--data DIR is missing: the folder that holds everything".into());
        self.data.as_deref().ok_or_else(missing)
    }

    /// The configuration that a server on this data would have.
    fn configuration(&self) -> Result<Configuration, Failure> {
        let found = Configuration::find(self.config.as_deref(), self.data()?);
        found.map_err(|error| Failure(error.to_string()))
    }
}

/// Does what the command line says.
pub fn run(line: CommandLine) -> Result<(), Failure> {
    let context = Context {
        data: line.data,
        config: line.config,
        json: line.json,
    };
    match line.command {
        Command::Completions { shell } => {
            completions(shell);
            Ok(())
        }
        Command::Serve(arguments) => {
            allocator::keep_memory_awhile();
            start_server(&context, &arguments)
        }
        Command::Try(arguments) => {
            allocator::keep_memory_awhile();
            let settings = context.config.as_deref().map(Configuration::read);
            let settings = settings
                .transpose()
                .map_err(|error| Failure(error.to_string()))?;
            sample::run(context.data, settings, arguments.port_base, context.json)
        }
        Command::Report {
            action: Report::Dmarc { file },
        } => show(&reports::show(ReportKind::Dmarc, &file)?, context.json),
        Command::Report {
            action: Report::Tls { file },
        } => show(&reports::show(ReportKind::Tls, &file)?, context.json),
        Command::Report {
            action: Report::Failure { file },
        } => show(&reports::show(ReportKind::Failure, &file)?, context.json),
        Command::Rebuild { part } => {
            let configuration = context.configuration()?;
            if !house::is_in(context.data()?) {
                return Err(no_data(context.data()?));
            }
            own(context.data()?)?;
            let data = context.data()?;
            let reply = match part {
                None => administration::offline::rebuild(data, &configuration)?,
                Some(Part::Search) if control::is_served(data) => {
                    ask(&context, &Request::RebuildSearch)?
                }
                Some(Part::Search) => administration::offline::rebuild_search(data)?,
            };
            show(&reply, context.json)
        }
        Command::Restore(arguments) => restore(&context, &arguments),
        command => {
            let request = request(command)?;
            show(&ask(&context, &request)?, context.json)
        }
    }
}

fn start_server(context: &Context, arguments: &command_line::Serve) -> Result<(), Failure> {
    let (data, mut configuration) = (absolute(context.data()?)?, context.configuration()?);
    own(&data)?;
    log::start(&configuration.log);
    let runtime = std::env::var_os("RUNTIME_DIRECTORY");
    configuration.listen.meet_programs_in(runtime.as_deref());
    let listen = ListenArguments {
        address: arguments.listen,
        port_base: arguments.port_base,
    };
    serve::run(&data, &configuration, listen, |_| Ok(()), &|_| {}).map_err(Failure)
}

fn restore(context: &Context, arguments: &command_line::Restore) -> Result<(), Failure> {
    let at = arguments.at.as_deref().map(time).transpose()?;
    let backup = absolute(&arguments.backup)?;
    let configuration = context.configuration()?;
    let reply = administration::offline::restore(context.data()?, &configuration, &backup, at)?;
    show(&reply, context.json)
}

/// Has the request done, wherever the store is.
fn ask(context: &Context, request: &Request) -> Result<Reply, Failure> {
    let data = context.data()?;
    let mut bar = Bar::new(context.json);
    let mut watcher = |progress: &Progress| {
        bar.show(progress);
        true
    };
    if let Some(answer) = control::ask(data, request, &mut watcher) {
        return answer;
    }
    // A mistyped folder must not become an empty store that is told to be sound.
    if !house::is_in(data) && !matches!(request, Request::DomainAdd { .. }) {
        return Err(no_data(data));
    }
    own(data)?;
    // Only now: a fault in the file must not keep anyone from a server that runs.
    let configuration = context.configuration()?;
    match House::open_when_free(data, &configuration, || control::is_served(data)) {
        Ok(house) => administration::execute(&house, request.clone(), &mut watcher),
        // A server that was just starting has come up.
        Err(EngineError::Store(StoreError::Refused(why))) => {
            control::ask(data, request, &mut watcher).unwrap_or(Err(Failure(why)))
        }
        Err(error) => Err(Failure::of(data.display(), error)),
    }
}

fn no_data(data: &Path) -> Failure {
    let how = "there is no data; `domain add` or `serve` makes a new store";
    Failure::of(data.display(), how)
}

fn own(data: &Path) -> Result<(), Failure> {
    house::check_owner(data).map_err(|why| Failure::of(data.display(), why))
}

fn show(reply: &Reply, json: bool) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string_pretty(&reply.data).map_err(|error| Failure(error.to_string()))?
    } else {
        reply.text.clone()
    };
    if !text.is_empty() {
        // A reader that has seen enough closes the pipe.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
    match &reply.failure {
        Some(why) => Err(Failure(why.clone())),
        None => Ok(()),
    }
}

fn completions(shell: clap_complete::Shell) {
    let mut command = CommandLine::command();
    clap_complete::generate(shell, &mut command, "facteur", &mut std::io::stdout());
}

/// The request that a command stands for.
fn request(command: Command) -> Result<Request, Failure> {
    Ok(match command {
        Command::Domain { action } => domain(action),
        Command::Account { action } => account(action)?,
        Command::Alias { action } => alias(action),
        Command::Group { action } => group(action),
        Command::Password(arguments) => Request::Password {
            password: password(arguments.password_stdin)?,
            address: arguments.address,
        },
        Command::Folder { action } => folder(action),
        Command::Forward { action } => filters::forward(action),
        Command::Vacation { action } => filters::vacation(action)?,
        Command::Script { action } => filters::script(action)?,
        Command::Spam { action } => spam::spam(action)?,
        Command::Ban { action } => spam::ban(action),
        Command::Report { action } => Request::Reports(report(&action)?),
        Command::Queue { action } => queue(action),
        Command::Trace { what } => Request::Trace { what },
        Command::Dns { domain } => Request::Dns { domain },
        Command::Doctor { domain } => Request::Doctor { domain },
        Command::Import(arguments) => Request::Import(import(arguments)?),
        Command::Export(arguments) => Request::Export(export(&arguments)?),
        Command::Backup(arguments) => Request::Backup {
            target: absolute(&arguments.target)?,
        },
        Command::Undelete(arguments) => Request::Undelete(Undelete {
            address: arguments.address,
            since: arguments.since.as_deref().map(time).transpose()?,
            folder: arguments.folder,
        }),
        Command::Check => Request::Check,
        Command::Status => Request::Status,
        Command::Serve(_)
        | Command::Try(_)
        | Command::Rebuild { .. }
        | Command::Restore(_)
        | Command::Sendmail { .. }
        | Command::Completions { .. } => return Err(Failure("not a request".into())),
    })
}

fn domain(action: Domain) -> Request {
    match action {
        Domain::Add { name } => Request::DomainAdd { name },
        Domain::List => Request::DomainList,
        Domain::Remove { name } => Request::DomainRemove { name },
        Domain::CatchAll { name, address } => Request::DomainCatchAll { name, address },
    }
}

fn account(action: Account) -> Result<Request, Failure> {
    Ok(match action {
        Account::Add(new) => Request::AccountAdd(AccountAdd {
            password: new.password_stdin.then(|| password(true)).transpose()?,
            address: new.address,
            name: new.name,
            administrator: new.administrator,
            kind: match new.kind {
                command_line::Kind::Person => Kind::Person,
                command_line::Kind::Shared => Kind::Shared,
                command_line::Kind::Resource => Kind::Resource,
            },
        }),
        Account::List => Request::AccountList,
        Account::Show { address } => Request::AccountShow { address },
        Account::Change(change) => Request::AccountChange(AccountChange {
            address: change.address,
            name: change.name,
            enabled: change.enabled,
            administrator: change.administrator,
            quota_bytes: change.quota,
            pop3: change.pop3,
        }),
        Account::Rename { address, new } => Request::AccountRename { address, new },
        Account::Remove { address, erase } => Request::AccountRemove { address, erase },
        Account::AppPassword {
            address,
            name,
            remove: false,
        } => Request::AppPasswordAdd { address, name },
        Account::AppPassword {
            address,
            name,
            remove: true,
        } => Request::AppPasswordRemove { address, name },
        Account::Certificate {
            address,
            name,
            file: Some(file),
            remove: false,
        } => Request::CertificateAdd {
            address,
            name,
            fingerprint: certificate(&file)?,
        },
        Account::Certificate { address, name, .. } => Request::CertificateRemove { address, name },
    })
}

/// What the certificate in a file is known by.
fn certificate(file: &Path) -> Result<[u8; 32], Failure> {
    let read = CertificateDer::from_pem_file(file);
    read.map(|certificate| fingerprint(&certificate))
        .map_err(|why| Failure(format!("{}: {why}", file.display())))
}

fn alias(action: Alias) -> Request {
    match action {
        Alias::Add { address, targets } => Request::AliasAdd { address, targets },
        Alias::List => Request::AliasList,
        Alias::Remove { address } => Request::AliasRemove { address },
    }
}

fn group(action: Group) -> Request {
    match action {
        Group::Set {
            address,
            members,
            name,
            members_only,
            moderator,
        } => Request::GroupSet(GroupSet {
            address,
            name,
            members,
            members_only,
            moderators: moderator,
        }),
        Group::List => Request::GroupList,
        Group::Remove { address } => Request::GroupRemove { address },
    }
}

fn folder(action: Folder) -> Request {
    match action {
        Folder::Add { account, path } => Request::FolderAdd { account, path },
        Folder::List { account } => Request::FolderList { account },
        Folder::Remove { account, path } => Request::FolderRemove { account, path },
        Folder::Share {
            account,
            path,
            who,
            rights,
        } => Request::FolderShare {
            account,
            path,
            who,
            rights,
        },
        Folder::Seen { account, path, by } => Request::FolderSeen {
            account,
            path,
            by: match by {
                command_line::SeenBy::Each => SeenBy::Each,
                command_line::SeenBy::All => SeenBy::All,
            },
        },
        Folder::Rights { account, path } => Request::FolderRights { account, path },
    }
}

fn report(action: &Report) -> Result<Reports, Failure> {
    Ok(match action {
        Report::List => Reports::List,
        Report::Show { number } => Reports::Show { number: *number },
        Report::Send { now } => Reports::Send { now: *now },
        Report::Dmarc { .. } | Report::Tls { .. } | Report::Failure { .. } => {
            return Err(Failure("not a request".into()));
        }
    })
}

fn queue(action: Queue) -> Request {
    match action {
        Queue::List { entry } => Request::QueueList { entry },
        Queue::Show { entry } => Request::QueueShow { entry },
        Queue::Hold { entry } => Request::QueueHold { entry },
        Queue::Release { entry } => Request::QueueRelease { entry },
        Queue::Retry { entry } => Request::QueueRetry { entry },
        Queue::Cancel { entry, tell } => Request::QueueCancel { entry, tell },
        Queue::Route { entry, via } => Request::QueueRoute {
            entry,
            via: (via != "usual").then_some(via),
        },
    }
}

fn import(arguments: command_line::Import) -> Result<Import, Failure> {
    Ok(Import {
        source: absolute(&arguments.source)?,
        account: arguments.account,
        into: arguments.into,
        format: match arguments.format {
            command_line::ImportFormat::Maildir => Format::Maildir,
            command_line::ImportFormat::Mbox => Format::Mbox,
            command_line::ImportFormat::Eml => Format::Eml,
        },
    })
}

fn export(arguments: &command_line::Export) -> Result<Export, Failure> {
    Ok(Export {
        account: arguments.account.clone(),
        target: absolute(&arguments.target)?,
        format: match arguments.format {
            command_line::ExportFormat::Maildir => Format::Maildir,
            command_line::ExportFormat::Mbox => Format::Mbox,
        },
    })
}

/// A path that means the same in the server's working folder.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::of(path.display(), error))
}

/// A time as RFC 3339 writes it, or a date, whose beginning in UTC is meant; in seconds since 1970.
fn time(text: &str) -> Result<i64, Failure> {
    let refuse = || Failure::of(text, "neither a time like 2026-03-01T12:00:00Z nor a date");
    let midnight = || moment::parse(&format!("{text}T00:00:00Z"));
    moment::parse(text).or_else(midnight).ok_or_else(refuse)
}

/// A password from standard input, or typed in twice-hidden form where there is a terminal.
fn password(from_stdin: bool) -> Result<String, Failure> {
    if !from_stdin {
        return Err(Failure(
            "give the password on standard input with --password-stdin".into(),
        ));
    }
    let mut text = String::new();
    let read = std::io::stdin()
        .take(PASSWORD_BYTES_MAX)
        .read_to_string(&mut text);
    read.map_err(|error| Failure::of("standard input", error))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Failure("standard input held no password".into()));
    }
    Ok(line.to_owned())
}

/// How far a long command has come, where someone looks.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn new(json: bool) -> Self {
        let wanted = !json && std::io::stderr().is_terminal();
        Self(wanted.then(|| {
            let style = ProgressStyle::with_template("{bar:32} {pos}/{len} {elapsed} {wide_msg}");
            let bar = ProgressBar::hidden();
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        }))
    }

    fn show(&mut self, progress: &Progress) {
        let Some(bar) = &self.0 else { return };
        if bar.is_hidden() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(progress.what.clone());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
