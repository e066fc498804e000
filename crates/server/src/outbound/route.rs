//! Which way a letter goes: to the servers of the recipient's domain, or where the configuration or
//! an administrator says.
//!
//! Pure. Start at [`Routes::hop`].
//!
//! Source: RFC 5321 §5.1 (finding the host; address literals).

use super::settings::{Delivery, Encryption, Route};
use engine::queue::HERE;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The next hop of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Its name in the schedule: letters with the same one go together.
    pub name: Arc<str>,
    /// Where it is.
    pub place: Place,
    /// Which protocol is spoken there.
    pub dialect: Dialect,
    /// Whether the way must be encrypted.
    pub tls: Encryption,
    /// Name and password to sign in with.
    pub credentials: Option<(String, String)>,
}

/// Where a hop is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// With the mail servers of this domain.
    Exchangers(String),
    /// A host by name or address.
    Host(String, u16),
    /// A socket of this machine.
    Socket(PathBuf),
    /// This server: the letter waited for people here.
    Here,
}

/// SMTP or LMTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SMTP.
    Smtp,
    /// LMTP.
    Lmtp,
}

/// All ways that were configured.
#[derive(Debug)]
pub struct Routes {
    rules: Vec<(Route, Way)>,
    relay: Option<Hop>,
    port: u16,
}

/// The text of a way, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Exchangers,
    Fixed(Place, Dialect),
}

impl Routes {
    /// Understands the configuration.
    ///
    /// Errors: a line that says which way is none.
    pub fn new(settings: &Delivery) -> Result<Self, String> {
        if settings.relay_user.is_some() != settings.relay_password.is_some() {
            return Err("[delivery] relay_user and relay_password go together".to_owned());
        }
        let mut rules = Vec::new();
        for route in &settings.route {
            let way = Way::parse(&route.via, settings.port)
                .ok_or_else(|| format!("[[delivery.route]] via = \"{}\" is no way", route.via))?;
            if route.domain.is_none() && route.sender.is_none() {
                return Err("[[delivery.route]] needs a domain or a sender".to_owned());
            }
            if route.user.is_some() != route.password.is_some() {
                return Err("[[delivery.route]] user and password go together".to_owned());
            }
            rules.push((route.clone(), way));
        }
        let relay = settings.relay_host.as_ref().map(|host| {
            let (name, port) = host_and_port(host, settings.port)
                .ok_or_else(|| format!("[delivery] relay_host = \"{host}\" is no host"))?;
            let credentials = settings
                .relay_user
                .clone()
                .zip(settings.relay_password.clone());
            Ok::<_, String>(Hop {
                name: Arc::from(format!("relay {name}:{port}")),
                place: Place::Host(name, port),
                dialect: Dialect::Smtp,
                tls: settings.relay_tls,
                credentials,
            })
        });
        Ok(Self {
            rules,
            relay: relay.transpose()?,
            port: settings.port,
        })
    }

    /// True when all letters for a domain go one way, unless an administrator sets another.
    pub fn go_by_recipient(&self) -> bool {
        self.rules.iter().all(|(route, _)| route.sender.is_none())
    }

    /// The way of one recipient. `wanted` is an administrator's word for this letter alone.
    pub fn hop(&self, sender: &str, recipient: &str, wanted: Option<&str>) -> Hop {
        let domain = recipient.rsplit_once('@').map_or("", |(_, domain)| domain);
        let domain = domain.to_ascii_lowercase();
        if let Some(way) = wanted.and_then(|text| Way::parse(text, self.port)) {
            return self.by(&way, &domain, Encryption::Offered, None);
        }
        let sender = sender.to_ascii_lowercase();
        let fits = |route: &Route| {
            let of_domain = route.domain.as_deref();
            let of_sender = route.sender.as_deref();
            of_domain.is_none_or(|wanted| is_domain(wanted, &domain))
                && of_sender.is_none_or(|wanted| is_sender(wanted, &sender))
        };
        if let Some((route, way)) = self.rules.iter().find(|(route, _)| fits(route)) {
            let credentials = route.user.clone().zip(route.password.clone());
            return self.by(way, &domain, route.tls, credentials);
        }
        self.relay
            .clone()
            .unwrap_or_else(|| self.by(&Way::Exchangers, &domain, Encryption::Offered, None))
    }

    fn by(
        &self,
        way: &Way,
        domain: &str,
        tls: Encryption,
        credentials: Option<(String, String)>,
    ) -> Hop {
        let (place, dialect) = match (way, literal(domain)) {
            (Way::Fixed(place, dialect), _) => (place.clone(), *dialect),
            (Way::Exchangers, Some(address)) => {
                (Place::Host(address.to_string(), self.port), Dialect::Smtp)
            }
            (Way::Exchangers, None) => (Place::Exchangers(domain.to_owned()), Dialect::Smtp),
        };
        let mut name = match &place {
            Place::Exchangers(domain) => domain.clone(),
            Place::Host(host, port) => format!("{host}:{port}"),
            Place::Socket(path) => path.display().to_string(),
            Place::Here => HERE.to_owned(),
        };
        if dialect == Dialect::Lmtp && place != Place::Here {
            name.insert_str(0, "lmtp ");
        }
        // Who signs in differently must not share a connection.
        if let Some((user, _)) = &credentials {
            name.push_str(" as ");
            name.push_str(user);
        }
        Hop {
            name: Arc::from(name),
            place,
            dialect,
            tls,
            credentials,
        }
    }
}

/// True when the text is a way that `queue route` can set.
pub fn is_way(text: &str) -> bool {
    Way::parse(text, 25).is_some()
}

impl Way {
    fn parse(text: &str, port: u16) -> Option<Self> {
        if text == "mx" {
            return Some(Self::Exchangers);
        }
        if text == HERE {
            return Some(Self::Fixed(Place::Here, Dialect::Lmtp));
        }
        let (dialect, place) = match text.split_once(':')? {
            ("smtp", place) => (Dialect::Smtp, place),
            ("lmtp", place) => (Dialect::Lmtp, place),
            _ => return None,
        };
        if dialect == Dialect::Lmtp && place.starts_with('/') {
            return Some(Self::Fixed(Place::Socket(PathBuf::from(place)), dialect));
        }
        let usual = if dialect == Dialect::Lmtp { 24 } else { port };
        let (host, port) = host_and_port(place, usual)?;
        Some(Self::Fixed(Place::Host(host, port), dialect))
    }
}

/// `host`, `host:port`, `192.0.2.1:25`, `[2001:db8::1]:25`.
fn host_and_port(text: &str, usual: u16) -> Option<(String, u16)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<IpAddr>().ok()?;
        let port = match port {
            "" => usual,
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        return Some((host.to_owned(), port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text, usual),
    };
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    is_host.then(|| (host.to_ascii_lowercase(), port))
}

/// The address in `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
fn literal(domain: &str) -> Option<IpAddr> {
    let inner = domain.strip_prefix('[')?.strip_suffix(']')?;
    let inner = inner.strip_prefix("ipv6:").unwrap_or(inner);
    inner.parse().ok()
}

fn is_domain(wanted: &str, domain: &str) -> bool {
    if wanted.starts_with('.') {
        return domain.len() > wanted.len()
            && domain
                .get(domain.len() - wanted.len()..)
                .is_some_and(|end| end.eq_ignore_ascii_case(wanted));
    }
    wanted.eq_ignore_ascii_case(domain)
}

fn is_sender(wanted: &str, sender: &str) -> bool {
    if wanted.starts_with('@') {
        let domain = sender.rfind('@').and_then(|at| sender.get(at..));
        return domain.is_some_and(|domain| domain.eq_ignore_ascii_case(wanted));
    }
    wanted.eq_ignore_ascii_case(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(text: &str) -> Routes {
        Routes::new(&toml::from_str(text).unwrap()).unwrap()
    }

    fn place(routes: &Routes, sender: &str, recipient: &str) -> Place {
        routes.hop(sender, recipient, None).place
    }

    #[test]
    fn without_configuration_a_letter_goes_to_the_servers_of_its_domain() {
        let routes = routes("");
        assert_eq!(
            place(&routes, "a@b.test", "c@D.test"),
            Place::Exchangers("d.test".to_owned())
        );
        assert_eq!(
            place(&routes, "a@b.test", "c@[192.0.2.1]"),
            Place::Host("192.0.2.1".to_owned(), 25)
        );
        assert_eq!(
            place(&routes, "a@b.test", "c@[IPv6:2001:db8::1]"),
            Place::Host("2001:db8::1".to_owned(), 25)
        );
    }

    #[test]
    fn the_first_route_that_fits_wins_and_the_relay_takes_the_rest() {
        let routes = routes(
            "relay_host = \"relay.test:587\"\n\
             [[route]]\ndomain = \".inner.test\"\nvia = \"lmtp:/run/inner.sock\"\n\
             [[route]]\nsender = \"@b.test\"\nvia = \"smtp:b.test:26\"\n\
             [[route]]\ndomain = \"direct.test\"\nvia = \"mx\"\n",
        );
        let socket = Place::Socket(PathBuf::from("/run/inner.sock"));
        assert_eq!(place(&routes, "a@b.test", "x@y.inner.test"), socket);
        assert_ne!(place(&routes, "a@x.test", "x@inner.test"), socket);
        let host = |name: &str, port| Place::Host(name.to_owned(), port);
        assert_eq!(place(&routes, "A@B.test", "x@y.test"), host("b.test", 26));
        assert_eq!(place(&routes, "", "x@y.test"), host("relay.test", 587));
        assert_eq!(
            place(&routes, "a@x.test", "x@direct.test"),
            Place::Exchangers("direct.test".to_owned())
        );
    }

    #[test]
    fn an_administrators_word_goes_before_all_routes() {
        let routes = routes("relay_host = \"relay.test\"");
        let hop = routes.hop("a@b.test", "x@y.test", Some("smtp:[2001:db8::2]:2525"));
        assert_eq!(hop.place, Place::Host("2001:db8::2".to_owned(), 2525));
        let hop = routes.hop("a@b.test", "x@y.test", Some("mx"));
        assert_eq!(hop.place, Place::Exchangers("y.test".to_owned()));
    }

    #[test]
    fn what_is_no_way_is_refused_with_its_text() {
        for text in [
            "via = \"http:x\"",
            "via = \"smtp:a b\"",
            "via = \"lmtp:\"",
            "via = \"smtp:x:y\"",
        ] {
            let text = format!("[[route]]\ndomain = \"a\"\n{text}");
            assert!(
                Routes::new(&toml::from_str(&text).unwrap()).is_err(),
                "{text}"
            );
        }
        let settings = toml::from_str("relay_host = \"a:b\"").unwrap();
        assert!(Routes::new(&settings).unwrap_err().contains("a:b"));
        let settings = toml::from_str("relay_host = \"a\"\nrelay_user = \"u\"").unwrap();
        assert!(
            Routes::new(&settings)
                .unwrap_err()
                .contains("relay_password")
        );
    }

    #[test]
    fn who_signs_in_differently_shares_no_connection() {
        let routes = routes(
            "[[route]]\nsender = \"a@b.test\"\nvia = \"smtp:h\"\nuser = \"a\"\npassword = \"x\"\n\
             [[route]]\nsender = \"c@b.test\"\nvia = \"smtp:h\"\nuser = \"c\"\npassword = \"y\"\n",
        );
        let first = routes.hop("a@b.test", "x@y.test", None).name;
        assert_ne!(first, routes.hop("c@b.test", "x@y.test", None).name);
    }
}
