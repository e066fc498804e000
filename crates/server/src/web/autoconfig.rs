//! The settings of mail programs, found by the address alone.
//!
//! Served for domains of this server, whoever asks: it says nothing that the records in DNS do not
//! say. Passwords are never sent without TLS, so only the ports with TLS from the first byte are
//! named (RFC 8314 §3).
//!
//! Source: the format that Thunderbird, K-9, `KMail` and Evolution read
//! (`draft-ietf-mailmaint-autoconfig`).

use super::exchange::{Request, plain, reply};
use super::site::{Answering, Page};
use crate::configuration::{Addresses, Endpoint, Service};
use crate::house::House;
use engine::Engine;
use hyper::{Method, StatusCode};
use std::fmt::Write;

/// At `autoconfig.DOMAIN`.
pub const OWN_PATH: &str = "/mail/config-v1.1.xml";
/// At the domain itself.
pub const WELL_KNOWN_PATH: &str = "/.well-known/autoconfig/mail/config-v1.1.xml";

/// The page.
pub struct Autoconfig {
    engine: Engine,
    hostname: String,
    services: Vec<(Service, u16)>,
}

impl Autoconfig {
    /// With the ports at which this server listens.
    pub fn new(house: &House, addresses: &Addresses) -> Self {
        let ports = addresses.iter().filter_map(|(service, place)| match place {
            Endpoint::Tcp(address) => Some((*service, address.port())),
            Endpoint::Off | Endpoint::Unix(_) => None,
        });
        Self {
            engine: house.engine.clone(),
            hostname: house.configuration.host_name(),
            services: ports.collect(),
        }
    }
}

impl Page for Autoconfig {
    fn answer(&self, request: Request) -> Answering<'_> {
        Box::pin(async move {
            if !matches!(*request.method(), Method::GET | Method::HEAD) {
                return plain(StatusCode::METHOD_NOT_ALLOWED, "GET only\n");
            }
            let domain = domain(&request.host());
            let (engine, asked) = (self.engine.clone(), domain.clone());
            let known = move || engine.directory().has_domain(&asked).unwrap_or_default();
            match tokio::task::spawn_blocking(known).await {
                Ok(true) => {
                    let text = document(&domain, &self.hostname, &self.services);
                    reply(StatusCode::OK, "text/xml; charset=utf-8", text)
                }
                _ => plain(StatusCode::NOT_FOUND, "not found\n"),
            }
        })
    }
}

/// The domain that is asked about.
fn domain(host: &str) -> String {
    host.strip_prefix("autoconfig.").unwrap_or(host).to_owned()
}

/// The document. Domain and host are names that the directory and the configuration let through, so
/// nothing in them needs an escape.
fn document(domain: &str, hostname: &str, services: &[(Service, u16)]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n \
         <emailProvider id=\"{domain}\">\n  <domain>{domain}</domain>\n  \
         <displayName>{domain}</displayName>\n  \
         <displayShortName>{domain}</displayShortName>\n"
    );
    for (service, element, kind) in [
        (Service::Imaps, "incomingServer", "imap"),
        (Service::Pop3s, "incomingServer", "pop3"),
        (Service::Submissions, "outgoingServer", "smtp"),
    ] {
        let port = services.iter().find(|(known, _)| *known == service);
        let Some((_, port)) = port else { continue };
        // Writing to a string never fails.
        _ = write!(
            text,
            "  <{element} type=\"{kind}\">\n   <hostname>{hostname}</hostname>\n   \
             <port>{port}</port>\n   <socketType>SSL</socketType>\n   \
             <authentication>password-cleartext</authentication>\n   \
             <username>%EMAILADDRESS%</username>\n  </{element}>\n"
        );
    }
    text.push_str(" </emailProvider>\n</clientConfig>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_with_tls_is_named() {
        let services = [(Service::Imaps, 993), (Service::Submission, 587)];
        let text = document("example.test", "mx.example.test", &services);
        assert!(text.contains("<incomingServer type=\"imap\">"));
        assert!(text.contains("<port>993</port>"));
        assert!(!text.contains("587") && !text.contains("pop3"));
    }

    #[test]
    fn the_domain_follows_the_name_under_which_it_is_asked() {
        assert_eq!(domain("autoconfig.example.test"), "example.test");
        assert_eq!(domain("example.test"), "example.test");
    }
}
