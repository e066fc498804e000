//! The configuration file: TOML, every key optional, unknown keys refused with their line.
//!
//! Never touches the network or the store; reading the file is all it does outside. What is not
//! set is decided here too, in [`Addresses::resolve`] for the listeners and in the `Default`s for
//! the rest.
//!
//! Start at [`Configuration::find`].

mod services;

pub use services::{Addresses, ListenArguments, Service};

use crate::examination::settings::{Settings as Examination, Spam};
use crate::outbound::settings::{Delivery, Dns};
use crate::reports::settings::Settings as Reports;
use crate::signing::settings::Signing;
use crate::tokens;
use crate::web::mapi;
use crate::web::mta_sts::Mode;
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The whole file. The names are those of its tables and keys.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// Name of this server in greetings, HELO and Received lines; the machine's own name when
    /// absent.
    pub hostname: Option<String>,
    /// Where to listen.
    pub listen: Listen,
    /// The certificate.
    pub tls: TlsFiles,
    /// How users may sign in.
    pub auth: Auth,
    /// What IMAP clients must be able to do.
    pub imap: Imap,
    /// How data is kept.
    pub store: Store,
    /// Where mail for others goes.
    pub delivery: Delivery,
    /// Mail from programs of this machine.
    pub local: Local,
    /// Who is asked for names.
    pub dns: Dns,
    /// What is asked of letters from others.
    pub examination: Examination,
    /// What is done with letters that nobody wants.
    pub spam: Spam,
    /// How letters are signed.
    pub signing: Signing,
    /// What is told to other servers of their mail.
    pub reports: Reports,
    /// What is said over HTTPS.
    pub web: Web,
    /// What Outlook is offered.
    pub mapi: mapi::Settings,
    /// How much is allowed.
    pub limits: Limits,
    /// What is written to the log.
    pub log: Log,
    /// The port on which scripts are managed, once it is known; no key of the file.
    #[serde(skip)]
    pub scripts_port: Option<u16>,
    /// What the command line said about listening; no key of the file either.
    #[serde(skip)]
    pub arguments: ListenArguments,
}

/// `[listen]`: an address and port, `off`, or for LMTP the path of a unix socket.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Mail from other servers (RFC 5321), port 25.
    pub smtp: Option<Endpoint>,
    /// Submission with STARTTLS (RFC 6409), port 587.
    pub submission: Option<Endpoint>,
    /// Submission with TLS from the start (RFC 8314 §3.3), port 465.
    pub submissions: Option<Endpoint>,
    /// Local delivery for another mail server (RFC 2033).
    pub lmtp: Option<Endpoint>,
    /// Mail from programs of this machine: `facteur sendmail`. Always a unix socket.
    pub local: Option<Endpoint>,
    /// POP3 with STLS, port 110.
    pub pop3: Option<Endpoint>,
    /// POP3 with TLS from the start, port 995.
    pub pop3s: Option<Endpoint>,
    /// IMAP with STARTTLS, port 143.
    pub imap: Option<Endpoint>,
    /// IMAP with TLS from the start, port 993.
    pub imaps: Option<Endpoint>,
    /// Filters by `ManageSieve` (RFC 5804), port 4190.
    pub managesieve: Option<Endpoint>,
    /// HTTPS, port 443.
    pub https: Option<Endpoint>,
    /// Metrics and health over plain HTTP; for the local machine.
    pub metrics: Option<Endpoint>,
}

/// One value of `[listen]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Not at all.
    Off,
    /// A TCP address and port.
    Tcp(SocketAddr),
    /// A unix socket at this path.
    Unix(PathBuf),
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = String::deserialize(source)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "\"{text}\" is neither \"off\" nor an address with a port like \"0.0.0.0:25\""
            ))
        })
    }
}

impl Endpoint {
    fn parse(text: &str) -> Option<Self> {
        if text == "off" {
            return Some(Self::Off);
        }
        if text.starts_with('/') {
            return Some(Self::Unix(PathBuf::from(text)));
        }
        text.parse().ok().map(Self::Tcp)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// `[tls]`: PEM files; both or none of the first two. Relative paths start at the configuration file's folder.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsFiles {
    /// The certificate with its chain.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// Certificates for names that this one does not have.
    pub also: Vec<TlsPair>,
    /// Authorities (PEM) that say by certificates which address is whose: their holders sign in as
    /// the account with that address (SASL EXTERNAL).
    pub client_ca: Option<PathBuf>,
}

/// `[[tls.also]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsPair {
    /// The certificate with its chain; the names in it are those that it is shown for.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// `[auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Where a password may be sent without TLS.
    pub cleartext: Cleartext,
    /// Whether an IMAP client may sign out and in again on one connection; to be turned off behind
    /// a proxy that checks users itself.
    pub unauthenticate: bool,
    /// Clients are asked for a certificate and may sign in by it (SASL EXTERNAL); whose it is says
    /// `facteur account certificate`.
    pub client_certificates: bool,
    /// Whose bearer tokens are taken; none when absent.
    pub tokens: Option<tokens::Settings>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            cleartext: Cleartext::default(),
            unauthenticate: true,
            client_certificates: false,
            tokens: None,
        }
    }
}

/// `[imap]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Imap {
    /// Serve only clients that understand UTF-8 (UTF8=ONLY, RFC 6855 §6).
    pub utf8_only: bool,
    /// Messages that one command copies or adds at most (SAVELIMIT, RFC 9738).
    pub messages_per_command: u32,
    /// Whether that holds for every command (MESSAGELIMIT): clients that do not know it then see
    /// only the newest messages of larger folders.
    pub limit_all_commands: bool,
}

impl Default for Imap {
    fn default() -> Self {
        Self {
            utf8_only: false,
            messages_per_command: 100_000,
            limit_all_commands: false,
        }
    }
}

/// Where a password may be sent without TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cleartext {
    /// Nowhere.
    #[default]
    Never,
    /// From `127.0.0.0/8` and `::1`, for tests and for proxies on the same machine.
    Loopback,
}

/// `[local]`: users of this machine whose programs send mail by `facteur sendmail`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Local {
    /// The domain of their addresses, and of recipients named without one. If not set: `hostname`,
    /// or a domain of this server that it lies in.
    pub domain: Option<String>,
    /// Those who may send with any address; root and the server's own user always may.
    pub trusted: Vec<String>,
}

/// `[web]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// What other servers are asked by MTA-STS for the domains of this server.
    pub mta_sts: Mode,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Equal bodies are stored once.
    pub deduplicate: bool,
    /// Days for which deleted mail can be brought back.
    pub recoverable_days: u32,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            deduplicate: true,
            recoverable_days: 30,
        }
    }
}

/// `[limits]`: the defaults suit a server on the open network.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once, all services together.
    pub connections: usize,
    /// Connections at once from one address; not counted for the local machine.
    pub connections_per_address: usize,
    /// Seconds until TLS must be set up.
    pub tls_handshake_seconds: u64,
    /// Longest letter in bytes.
    pub letter_bytes: u64,
    /// Recipients of one letter.
    pub recipients: usize,
    /// Mail that a new account may hold, in bytes; 0 = as much as there is room.
    pub quota_bytes: u64,
    /// Recipients that one account may send to in an hour; 0 = any number. Not counted for the local
    /// machine, as the next two.
    pub sent_per_hour: u32,
    /// Letters that one address may bring in an hour; 0 = any number.
    pub received_per_hour: u32,
    /// Unknown recipients and refused letters of one address in an hour, after which it is banned; 0
    /// = never.
    pub strikes: u32,
    /// How long such a ban lasts.
    pub ban_minutes: u32,
    /// Steps that may read the disk at the same time.
    pub disk_threads: usize,
    /// Passwords hashed at the same time.
    pub password_threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 100,
            tls_handshake_seconds: 30,
            letter_bytes: 50 * 1024 * 1024,
            recipients: 1_000,
            quota_bytes: 0,
            sent_per_hour: 2_000,
            received_per_hour: 3_600,
            strikes: 20,
            ban_minutes: 60,
            disk_threads: 0,
            password_threads: 0,
        }
    }
}

/// `[log]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// The form of a line.
    pub format: LogFormat,
    /// What is written.
    pub level: LogLevel,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `time LEVEL event key=value …`
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// The least important line that is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what someone must look at now.
    Error,
    /// Also what someone should look at some day.
    Warn,
    /// Also ordinary business: one line for each delivery and sign-in.
    #[default]
    Info,
    /// Also what helps to find a fault.
    Debug,
}

/// Why a configuration was refused: one line, naming file and line where there is one.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigurationError(pub String);

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The file that is read when the command line names none, below the data's folder.
const FILE: &str = "facteur.toml";

impl Configuration {
    /// Reads the file that the command line names, or else the one in the data's folder; without
    /// either, all is as by default. The same for the server and for every command, so that both
    /// keep the data alike.
    pub fn find(named: Option<&Path>, data: &Path) -> Result<Self, ConfigurationError> {
        if let Some(path) = named {
            return Self::read(path);
        }
        let usual = data.join(FILE);
        if usual.symlink_metadata().is_err() {
            return Ok(Self::default());
        }
        Self::read(&usual)
    }

    /// Reads a file; paths in it are made relative to its folder.
    pub fn read(path: &Path) -> Result<Self, ConfigurationError> {
        // The operator's own file, before there is a server: not the store's.
        #[allow(
            clippy::disallowed_methods,
            reason = "the configuration is read before anything"
        )]
        let text = std::fs::read(path)
            .map_err(|error| ConfigurationError(format!("{}: {error}", path.display())))?;
        let text = String::from_utf8(text)
            .map_err(|_| ConfigurationError(format!("{}: not UTF-8", path.display())))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        Self::parse(&text, &path.display().to_string()).map(|found| found.relative_to(folder))
    }

    /// Parses the text of a file; `name` stands before the line number in an error.
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigurationError> {
        let parsed: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| {
                let before = text.as_bytes().get(..span.start).unwrap_or_default();
                before.split(|&byte| byte == b'\n').count()
            });
            let message = error.message().lines().next().unwrap_or("not valid TOML");
            ConfigurationError(format!("{name}:{line}: {}", message.replace('`', "\"")))
        })?;
        parsed
            .validate()
            .map_err(|why| ConfigurationError(format!("{name}: {why}")))?;
        Ok(parsed)
    }

    /// True when letters from others are looked at before they are accepted.
    pub fn examines(&self) -> bool {
        let spam = &self.spam;
        let asks = spam.clamav.is_some() || spam.rspamd.is_some() || !spam.milter.is_empty();
        let makes_wait = spam.greylist_seconds > 0;
        self.examination.authentication || spam.enabled || asks || makes_wait
    }

    /// What the types alone don't refuse.
    fn validate(&self) -> Result<(), String> {
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return Err("[tls] needs both certificate and key, or none".into());
        }
        if self.tls.client_ca.is_some() && !self.auth.client_certificates {
            return Err("[tls] client_ca needs [auth] client_certificates = true".into());
        }
        for (name, place) in [
            ("metrics", &self.listen.metrics),
            ("https", &self.listen.https),
        ] {
            if let Some(Endpoint::Unix(_)) = place {
                return Err(format!("[listen] {name} must be an address with a port"));
            }
        }
        if let Some(Endpoint::Tcp(_)) = &self.listen.local {
            return Err(
                "[listen] local must be the path of a socket: who calls there is known by \
                        the system"
                    .into(),
            );
        }
        if self.limits.connections == 0 || self.limits.connections_per_address == 0 {
            return Err("[limits] connections must be at least 1".into());
        }
        if self
            .hostname
            .as_deref()
            .is_some_and(|name| !is_host_name(name))
        {
            return Err("hostname is not the name of a host".into());
        }
        self.auth
            .tokens
            .as_ref()
            .map_or(Ok(()), tokens::Settings::validate)?;
        self.mapi.validate()?;
        self.spam.validate()
    }

    fn relative_to(mut self, folder: &Path) -> Self {
        let usual = [
            &mut self.tls.certificate,
            &mut self.tls.key,
            &mut self.tls.client_ca,
        ];
        let also = self.tls.also.iter_mut();
        let also = also.flat_map(|pair| [&mut pair.certificate, &mut pair.key]);
        let tokens = self.auth.tokens.as_mut();
        let tokens = tokens.map(|tokens| &mut tokens.keys);
        for path in usual.into_iter().flatten().chain(also).chain(tokens) {
            *path = folder.join(&*path);
        }
        self
    }

    /// The name by which this server speaks of itself.
    pub fn host_name(&self) -> String {
        let machine = || {
            let name = rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned();
            if is_host_name(&name) {
                name
            } else {
                "localhost".into()
            }
        };
        self.hostname.clone().unwrap_or_else(machine)
    }
}

/// Letters, digits, hyphens and dots, as in RFC 5321 §2.3.5; at most 255 bytes.
fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= 255 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Configuration::parse(text, "facteur.toml").unwrap_err().0
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        let found = Configuration::parse("", "facteur.toml").unwrap();
        assert_eq!(found.auth.cleartext, Cleartext::Never);
        assert!(found.store.deduplicate);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let why = refusal("hostname = \"mx.example.test\"\n[limits]\nletters = 3\n");
        assert!(
            why.starts_with("facteur.toml:3: unknown field \"letters\""),
            "{why}"
        );
        assert!(!why.contains('\n'), "one line: {why}");
    }

    #[test]
    fn an_unknown_table_is_refused_with_its_line() {
        assert!(refusal("\n[lisen]\nsmtp = \"off\"").starts_with("facteur.toml:2: unknown field"));
    }

    #[test]
    fn a_wrong_address_is_refused_with_its_line() {
        let why = refusal("[listen]\nsmtp = \"off\"\nimap = \"localhost\"\n");
        assert!(
            why.starts_with("facteur.toml:3: \"localhost\" is neither"),
            "{why}"
        );
    }

    #[test]
    fn authorities_of_certificates_that_nobody_is_asked_for_are_refused() {
        let told = refusal("[tls]\nclient_ca = \"ca.pem\"");
        assert!(told.contains("client_certificates = true"), "{told}");
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        assert!(refusal("[tls]\ncertificate = \"a.pem\"").contains("both certificate and key"));
    }
}
