//! The services that can listen, and where each does once the file and the command line are joined.

use super::{ConfigurationError, Endpoint, Listen};
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The services that can listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Mail from other servers.
    Smtp,
    /// Submission, STARTTLS.
    Submission,
    /// Submission, TLS from the start.
    Submissions,
    /// Local delivery.
    Lmtp,
    /// Mail from programs of this machine.
    Local,
    /// POP3, STLS.
    Pop3,
    /// POP3, TLS from the start.
    Pop3s,
    /// IMAP, STARTTLS.
    Imap,
    /// IMAP, TLS from the start.
    Imaps,
    /// Filters, STARTTLS.
    Managesieve,
    /// HTTPS.
    Https,
    /// Metrics and health.
    Metrics,
}

impl Service {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 12] = [
        Self::Smtp,
        Self::Submission,
        Self::Submissions,
        Self::Lmtp,
        Self::Local,
        Self::Pop3,
        Self::Pop3s,
        Self::Imap,
        Self::Imaps,
        Self::Managesieve,
        Self::Https,
        Self::Metrics,
    ];

    /// Its key in `[listen]`, and its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
            Self::Lmtp => "lmtp",
            Self::Local => "local",
            Self::Pop3 => "pop3",
            Self::Pop3s => "pop3s",
            Self::Imap => "imap",
            Self::Imaps => "imaps",
            Self::Managesieve => "managesieve",
            Self::Https => "https",
            Self::Metrics => "metrics",
        }
    }

    /// The standard port, to which a port base is added; absent where there is no TCP port by
    /// default.
    pub fn port(self) -> Option<u16> {
        match self {
            Self::Smtp => Some(25),
            Self::Submission => Some(587),
            Self::Submissions => Some(465),
            Self::Lmtp | Self::Local => None,
            Self::Pop3 => Some(110),
            Self::Pop3s => Some(995),
            Self::Imap => Some(143),
            Self::Imaps => Some(993),
            Self::Managesieve => Some(4190),
            Self::Https => Some(443),
            Self::Metrics => Some(9090),
        }
    }

    /// True when the connection is encrypted before the first byte of the protocol.
    pub fn starts_with_tls(self) -> bool {
        matches!(
            self,
            Self::Submissions | Self::Pop3s | Self::Imaps | Self::Https
        )
    }
}

/// Where each service listens, after command line and configuration were joined.
#[derive(Debug, Clone)]
pub struct Addresses(Vec<(Service, Endpoint)>);

/// What the command line says about listening.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListenArguments {
    /// The address for all services that the file does not name; all addresses when absent.
    pub address: Option<IpAddr>,
    /// Added to every standard port.
    pub port_base: Option<u16>,
}

impl Addresses {
    /// Joins the file, the command line and the defaults; the file wins.
    ///
    /// Errors: a port above 65535.
    pub fn resolve(
        listen: &Listen,
        arguments: ListenArguments,
        data: &Path,
    ) -> Result<Self, ConfigurationError> {
        let mut found = Vec::new();
        for service in Service::ALL {
            let endpoint = match listen.of(service) {
                Some(endpoint) => endpoint.clone(),
                None => Self::default_of(service, arguments, data)?,
            };
            if endpoint != Endpoint::Off {
                found.push((service, endpoint));
            }
        }
        Ok(Self(found))
    }

    fn default_of(
        service: Service,
        arguments: ListenArguments,
        data: &Path,
    ) -> Result<Endpoint, ConfigurationError> {
        let Some(port) = service.port() else {
            return Ok(Endpoint::Unix(
                data.join(format!("{}.sock", service.name())),
            ));
        };
        let base = arguments.port_base.unwrap_or(0);
        let port = base.checked_add(port).ok_or_else(|| {
            let name = service.name();
            ConfigurationError(format!("--port-base {base} puts {name} above port 65535"))
        })?;
        let address = match service {
            Service::Metrics => IpAddr::from([127, 0, 0, 1]),
            _ => arguments
                .address
                .unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        Ok(Endpoint::Tcp(SocketAddr::new(address, port)))
    }

    /// The port of a service on TCP, if it listens there.
    pub fn port_of(&self, service: Service) -> Option<u16> {
        self.0.iter().find_map(|(known, endpoint)| match endpoint {
            Endpoint::Tcp(address) if *known == service => Some(address.port()),
            _ => None,
        })
    }

    /// Services that listen, with their place.
    pub fn iter(&self) -> impl Iterator<Item = &(Service, Endpoint)> {
        self.0.iter()
    }
}

impl Listen {
    /// Puts the socket for programs of this machine, unless the file names a place, into the folder
    /// that the system made for it.
    ///
    /// The data is closed to the users of these programs. Source: `RUNTIME_DIRECTORY` in
    /// systemd.exec(5); of several folders, which `:` parts, the first.
    pub fn meet_programs_in(&mut self, runtime: Option<&OsStr>) {
        let first = runtime.and_then(|folders| folders.to_str()?.split(':').next());
        if let Some(folder) = first.filter(|folder| folder.starts_with('/')) {
            let socket = Path::new(folder).join("local.sock");
            self.local.get_or_insert(Endpoint::Unix(socket));
        }
    }

    fn of(&self, service: Service) -> Option<&Endpoint> {
        match service {
            Service::Smtp => self.smtp.as_ref(),
            Service::Submission => self.submission.as_ref(),
            Service::Submissions => self.submissions.as_ref(),
            Service::Lmtp => self.lmtp.as_ref(),
            Service::Local => self.local.as_ref(),
            Service::Pop3 => self.pop3.as_ref(),
            Service::Pop3s => self.pop3s.as_ref(),
            Service::Imap => self.imap.as_ref(),
            Service::Imaps => self.imaps.as_ref(),
            Service::Managesieve => self.managesieve.as_ref(),
            Service::Https => self.https.as_ref(),
            Service::Metrics => self.metrics.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Configuration;
    use super::*;

    #[test]
    fn a_port_base_is_added_to_every_standard_port_that_the_file_does_not_set() {
        let file = Configuration::parse("[listen]\nimap = \"127.0.0.1:1\"\npop3 = \"off\"", "f");
        let arguments = ListenArguments {
            address: Some(IpAddr::from([127, 0, 0, 1])),
            port_base: Some(20_000),
        };
        let data = Path::new("/data");
        let found = Addresses::resolve(&file.unwrap().listen, arguments, data).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|(service, at)| format!("{} {at}", service.name()))
            .collect();
        assert_eq!(
            shown,
            [
                "smtp 127.0.0.1:20025",
                "submission 127.0.0.1:20587",
                "submissions 127.0.0.1:20465",
                "lmtp /data/lmtp.sock",
                "local /data/local.sock",
                "pop3s 127.0.0.1:20995",
                "imap 127.0.0.1:1",
                "imaps 127.0.0.1:20993",
                "managesieve 127.0.0.1:24190",
                "https 127.0.0.1:20443",
                "metrics 127.0.0.1:29090",
            ]
        );
    }

    #[test]
    fn programs_of_this_machine_find_the_socket_where_the_system_made_room_for_it() {
        let socket = |text: &str, runtime: &str| {
            let mut listen = Configuration::parse(text, "f").unwrap().listen;
            listen.meet_programs_in(Some(OsStr::new(runtime)));
            listen.local
        };
        let unix = |path: &str| Some(Endpoint::Unix(path.into()));
        assert_eq!(socket("", "/run/a:/run/b"), unix("/run/a/local.sock"));
        assert_eq!(socket("", ""), None);
        let named = "[listen]\nlocal = \"/x/y.sock\"";
        assert_eq!(socket(named, "/run/a"), unix("/x/y.sock"));
        assert_eq!(
            socket("[listen]\nlocal = \"off\"", "/run/a"),
            Some(Endpoint::Off)
        );
    }

    #[test]
    fn a_port_base_that_leads_beyond_the_last_port_is_refused() {
        let arguments = ListenArguments {
            address: None,
            port_base: Some(65_000),
        };
        let why = Addresses::resolve(&Listen::default(), arguments, Path::new("/")).unwrap_err();
        assert!(why.0.contains("above port 65535"), "{}", why.0);
    }
}
