//! `facteur try`: a server with sample accounts and letters, to look at and to connect programs to.
//!
//! The passwords are new at each start and shown once everything listens. Start at [`run`].

mod letters;

use crate::administration::{self, AccountAdd, Failure, Kind, Request};
use crate::configuration::{
    Cleartext, Configuration, Endpoint, Limits, ListenArguments, LogLevel, Service,
};
use crate::house::House;
use crate::{log, serve};
use engine::account::NewLetter;
use engine::{EngineError, Flags, FolderId, Reading, Role, Timestamp, Txn};
use letters::{Letter, Place, Stand};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// The domain of the sample accounts; it never exists on the network (RFC 2606 §2).
const DOMAIN: &str = "example.test";

/// Who is there, and how people read them.
const PEOPLE: [(&str, &str); 3] = [
    ("alice", "Alice Árnadóttir"),
    ("bob", "Bob Baker"),
    ("carol", "Carol Čapková"),
];

/// Letters of a sample password: 12 of 32 make 60 bits.
const PASSWORD_LETTERS: usize = 12;

/// Letters that cannot be mistaken for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Where the data is when nothing else is said, below the working folder.
const FOLDER: &str = "facteur-try";

/// Runs the sample server until it is told to stop; with these settings, or with some that suit.
pub fn run(
    data: Option<PathBuf>,
    settings: Option<Configuration>,
    port_base: u16,
    json: bool,
) -> Result<(), Failure> {
    let data = data.unwrap_or_else(|| PathBuf::from(FOLDER));
    let data = std::path::absolute(&data).map_err(|error| Failure::of(data.display(), error))?;
    let configuration = settings.unwrap_or_else(|| configuration(port_base));
    log::start(&configuration.log);
    let listen = ListenArguments {
        address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        port_base: Some(port_base),
    };
    let passwords = PEOPLE.map(|_| new_password());
    let prepare = |house: &House| fill(house, &passwords).map_err(|failure| failure.to_string());
    let announce = |open: &[(Service, Endpoint)]| {
        let text = if json {
            as_json(&data, open, &passwords)
        } else {
            as_text(&data, open, &passwords)
        };
        // Whoever started us may not care.
        let _ = writeln!(std::io::stdout(), "{text}");
        let _ = std::io::stdout().flush();
    };
    serve::run(&data, &configuration, listen, prepare, &announce).map_err(Failure)
}

/// Where a mail catcher listens by custom; mail for other servers goes there and nowhere else.
const MAIL_CATCHER: &str = "127.0.0.1:1025";

/// Generous, and with passwords in the clear on this machine, so that any program can be tried.
/// Nothing leaves the machine: who only looks around shall not send mail to strangers.
fn configuration(port_base: u16) -> Configuration {
    let mut configuration = Configuration {
        hostname: Some(format!("mx.{DOMAIN}")),
        limits: Limits {
            letter_bytes: 150 * 1024 * 1024,
            ..Limits::default()
        },
        ..Configuration::default()
    };
    configuration.auth.cleartext = Cleartext::Loopback;
    configuration.mapi.enabled = true;
    // The sample's own name is found by nobody.
    let https = Service::Https
        .port()
        .unwrap_or_default()
        .saturating_add(port_base);
    configuration.mapi.address = Some(format!("https://{}:{https}", Ipv4Addr::LOCALHOST));
    configuration.delivery.relay_host = Some(MAIL_CATCHER.to_owned());
    configuration.log.level = LogLevel::Warn;
    configuration
}

fn new_password() -> String {
    use store::world::Rng;
    let mut random = [0; PASSWORD_LETTERS];
    crate::world::SystemRng.fill(&mut random);
    let letter = |byte: &u8| {
        ALPHABET
            .get(usize::from(byte % 32))
            .copied()
            .map(char::from)
    };
    random.iter().filter_map(letter).collect()
}

/// Makes what is missing, and gives everybody the new password.
fn fill(house: &House, passwords: &[String]) -> Result<(), Failure> {
    if house
        .engine
        .domains()?
        .iter()
        .all(|domain| domain.name != DOMAIN)
    {
        execute(
            house,
            Request::DomainAdd {
                name: DOMAIN.to_owned(),
            },
        )?;
    }
    for ((name, display_name), password) in PEOPLE.iter().zip(passwords) {
        let address = format!("{name}@{DOMAIN}");
        if house.engine.account_at(&address).is_ok() {
            let password = password.clone();
            execute(house, Request::Password { address, password })?;
            continue;
        }
        let new = AccountAdd {
            address: address.clone(),
            name: (*display_name).to_owned(),
            kind: Kind::Person,
            administrator: *name == "alice",
            password: Some(password.clone()),
        };
        execute(house, Request::AccountAdd(new))?;
        write_letters(house, name, &address)?;
    }
    Ok(())
}

fn execute(house: &House, request: Request) -> Result<(), Failure> {
    administration::execute(house, request, &mut |_| true).map(drop)
}

fn write_letters(house: &House, name: &str, address: &str) -> Result<(), Failure> {
    let account = house
        .engine
        .account_as_server(house.engine.account_at(address)?);
    for letter in letters::ALL.iter().filter(|letter| letter.owner == name) {
        let mut upload = account.upload()?;
        upload.write(&letter.bytes())?;
        let staged = upload.finish()?;
        let received = received(house, letter);
        let written = account.write(|txn| {
            let mut new = NewLetter::new(folder_of(txn, letter.place)?, &staged);
            new.received = Some(received);
            new.flags.flags = flags(letter.stand);
            txn.append(&new)?;
            Ok::<_, EngineError>(())
        });
        written?.wait()?;
    }
    Ok(())
}

/// The folder of a place, made when it is missing.
fn folder_of(txn: &mut Txn<'_, '_>, place: Place) -> Result<FolderId, EngineError> {
    let role = match place {
        Place::Inbox => Role::Inbox,
        Place::Sent => Role::Sent,
        Place::Drafts => Role::Drafts,
        Place::Junk => Role::Junk,
        Place::Projects => {
            let path = ["Projects", "Garden"];
            return match txn.folder_at(&path)? {
                Some((known, _)) => Ok(known),
                None => txn.create_path(&path, Role::None),
            };
        }
    };
    let found = txn.folder_with_role(role)?;
    Ok(found.ok_or(EngineError::NoSuchFolder)?.0)
}

fn received(house: &House, letter: &Letter) -> Timestamp {
    let hours = i64::from(letter.hours_ago) * 3600;
    Timestamp::from_seconds(house.engine.now().seconds() - hours)
}

fn flags(stand: Stand) -> Flags {
    match stand {
        Stand::Unread => Flags::default(),
        Stand::Read => Flags::SEEN,
        Stand::Answered => Flags::SEEN | Flags::ANSWERED,
        Stand::Flagged => Flags::SEEN | Flags::FLAGGED,
        Stand::Draft => Flags::SEEN | Flags::DRAFT,
    }
}

fn as_json(data: &Path, open: &[(Service, Endpoint)], passwords: &[String]) -> String {
    let accounts: Vec<_> = PEOPLE
        .iter()
        .zip(passwords)
        .map(|((name, _), password)| {
            json!({ "address": format!("{name}@{DOMAIN}"), "password": password })
        })
        .collect();
    let services: serde_json::Map<_, _> = open
        .iter()
        .map(|(service, place)| (service.name().to_owned(), json!(place.to_string())))
        .collect();
    let told = json!({
        "data": data,
        "domain": DOMAIN,
        "accounts": accounts,
        "services": services,
        "certificate": data.join("tls/certificate.pem"),
    });
    serde_json::to_string_pretty(&told).unwrap_or_default()
}

fn as_text(data: &Path, open: &[(Service, Endpoint)], passwords: &[String]) -> String {
    let mut text = format!("facteur {} is running.\n\n", env!("CARGO_PKG_VERSION"));
    text.push_str("  account              password\n");
    for ((name, _), password) in PEOPLE.iter().zip(passwords) {
        let _ = writeln!(text, "  {:<20} {password}", format!("{name}@{DOMAIN}"));
    }
    text.push_str("\n  service      listens on\n");
    for (service, place) in open {
        let how = explain(*service);
        let _ = writeln!(
            text,
            "  {:<12} {:<20} {how}",
            service.name(),
            place.to_string()
        );
    }
    let _ = write!(
        text,
        "{}\nThe certificate is self-signed: {}\nData: {}\nCtrl+C stops the server; the mail stays.",
        first_steps(data, open, passwords),
        data.join("tls/certificate.pem").display(),
        data.display(),
    );
    text
}

/// Commands that work as they stand: read, send, look.
fn first_steps(data: &Path, open: &[(Service, Endpoint)], passwords: &[String]) -> String {
    let place = |wanted| open.iter().find(|(service, _)| *service == wanted);
    let mut text = "\n  to begin with\n".to_owned();
    let (reader, password) = (PEOPLE[0].0, passwords.first().map_or("", String::as_str));
    if let Some((_, imaps)) = place(Service::Imaps) {
        let who = format!("{reader}@{DOMAIN}:{password}");
        let _ = writeln!(
            text,
            "  curl -k -u {who} 'imaps://{imaps}/INBOX;MAILINDEX=1'"
        );
    }
    if let Some((_, smtp)) = place(Service::Smtp) {
        let _ = writeln!(text, "  swaks --server {smtp} --to {reader}@{DOMAIN}");
    }
    if let Some((_, https)) = place(Service::Https) {
        let who = format!("{reader}@{DOMAIN}");
        let _ = writeln!(
            text,
            "  curl -k 'https://{https}/autodiscover/autodiscover.json/v1.0/{who}?Protocol=AutodiscoverV1'"
        );
    }
    let program = std::env::args().next();
    let program = program.as_deref().unwrap_or("facteur");
    let _ = writeln!(text, "  {program} --data {} status", data.display());
    text
}

fn explain(service: Service) -> &'static str {
    match service {
        Service::Smtp => "mail from other servers, STARTTLS",
        Service::Submission => "sending, STARTTLS",
        Service::Submissions => "sending, TLS",
        Service::Lmtp => "local delivery",
        Service::Local => "mail from programs here: facteur sendmail",
        Service::Pop3 => "reading by POP3, STLS",
        Service::Pop3s => "reading by POP3, TLS",
        Service::Imap => "reading by IMAP, STARTTLS",
        Service::Imaps => "reading by IMAP, TLS",
        Service::Managesieve => "filters, STARTTLS",
        Service::Https => "https: Outlook (MAPI), settings for mail programs, /healthz",
        Service::Metrics => "http: /metrics and /health",
    }
}
