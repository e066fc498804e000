//! The records that a domain needs in the names of the world, for mail to come, to go and to be
//! believed.
//!
//! Asks nobody; what it says follows from the configuration, the keys and the certificate. Start at
//! [`records`].
//!
//! Standards: RFC 5321 §5.1 (MX), RFC 7208 (SPF), RFC 6376 (DKIM), RFC 7489 (DMARC), RFC 8460
//! (TLS-RPT), RFC 8461 (MTA-STS), RFC 6698 and RFC 7672 (TLSA), RFC 6186 and RFC 8314 §5.1 (SRV),
//! RFC 5804 §1.8 (the same for `ManageSieve`), //! RFC 1035 §5.1 (form of the file).

use crate::configuration::{Addresses, Endpoint, Service};
use crate::driver::tls;
use crate::house::House;
use crate::signing::keeping;
use crate::web::mta_sts;
use engine::directory::record::DomainRecord;
use engine::signature::key::Stage;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Seconds for which others may remember a record.
const TTL: u32 = 3600;
/// Where others look for HTTPS.
const HTTPS_PORT: u16 = 443;
/// Bytes of one string of a text record (RFC 1035 §3.3).
const STRING_BYTES_MAX: usize = 255;

/// What the records say of this server.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Its name.
    pub hostname: String,
    /// Its addresses, as far as it knows them.
    pub addresses: Vec<IpAddr>,
    /// What listens at which port.
    pub services: Vec<(Service, u16)>,
    /// The public key of its certificate.
    pub certificate_key: Option<Vec<u8>>,
    /// Its MTA-STS policy, if it has one.
    pub mta_sts: Option<String>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name, without the dot at the end.
    pub name: String,
    /// Its type.
    pub kind: &'static str,
    /// What it says, as a zone file has it, but texts whole and without quotes.
    pub value: String,
    /// What it is good for.
    pub why: &'static str,
    /// False for what this server does not offer as it is configured; it stands there as a comment.
    pub is_ready: bool,
}

impl Facts {
    /// What is known in this house.
    pub fn of(house: &House) -> Self {
        let configuration = &house.configuration;
        let places =
            Addresses::resolve(&configuration.listen, configuration.arguments, &house.data);
        let services = places.iter().flat_map(Addresses::iter);
        let services = services.filter_map(|(service, endpoint)| match endpoint {
            Endpoint::Tcp(address) => Some((*service, address.port())),
            Endpoint::Off | Endpoint::Unix(_) => None,
        });
        Self {
            hostname: configuration.host_name(),
            addresses: own_addresses(),
            services: services.collect(),
            mta_sts: mta_sts::text(configuration.web.mta_sts, &configuration.host_name()),
            certificate_key: tls::public_key(configuration.tls.key.as_deref(), &house.data),
        }
    }

    fn port(&self, wanted: Service) -> Option<u16> {
        let found = self.services.iter().find(|(service, _)| *service == wanted);
        found.map(|(_, port)| *port)
    }
}

/// The addresses that this machine speaks from, if they are not private ones. Nothing is sent.
fn own_addresses() -> Vec<IpAddr> {
    // Addresses for documentation: only the way there is looked up.
    let ways = [
        ("0.0.0.0:0", "192.0.2.1:53"),
        ("[::]:0", "[2001:db8::1]:53"),
    ];
    let found = ways.iter().filter_map(|(from, to)| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to.parse::<SocketAddr>().ok()?).ok()?;
        Some(socket.local_addr().ok()?.ip())
    });
    found.filter(is_public).collect()
}

/// True when everyone can reach this address.
pub fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let is_near = four.is_private() || four.is_loopback() || four.is_link_local();
            !is_near && !four.is_unspecified()
        }
        IpAddr::V6(six) => {
            let is_near = six.is_loopback() || six.is_unique_local();
            !is_near && !six.is_unspecified() && !six.is_unicast_link_local()
        }
    }
}

impl Record {
    /// A record for what this server offers.
    fn of(name: impl Into<String>, kind: &'static str, value: String, why: &'static str) -> Self {
        Self {
            name: name.into(),
            kind,
            value,
            why,
            is_ready: true,
        }
    }
}

/// All records of a domain, in the order in which people read them.
pub fn records(facts: &Facts, domain: &DomainRecord) -> Vec<Record> {
    let mut all = coming_and_going(facts, &domain.name);
    all.extend(domain.keys.iter().map(|key| {
        let why = match key.stage {
            Stage::Waiting => "the next key to sign with: publish it now (DKIM)",
            Stage::InUse => "letters are signed with this key (DKIM)",
            Stage::Retired(_) => "letters under way are signed with it (DKIM)",
        };
        let name = format!("{}._domainkey.{}", key.selector, domain.name);
        Record::of(name, "TXT", keeping::record(key), why)
    }));
    all.extend(policies(facts, &domain.name));
    all.extend(services(facts, &domain.name));
    all.extend(web(facts, &domain.name));
    all
}

/// Where mail comes to, and who may send it.
fn coming_and_going(facts: &Facts, domain: &str) -> Vec<Record> {
    let host = &facts.hostname;
    let addresses = facts.addresses.iter().map(|address| {
        let kind = if address.is_ipv4() { "A" } else { "AAAA" };
        Record::of(host, kind, address.to_string(), "this server")
    });
    let mail = [
        Record::of(
            domain,
            "MX",
            format!("10 {host}."),
            "mail comes to this server",
        ),
        Record::of(
            domain,
            "TXT",
            "v=spf1 mx -all".to_owned(),
            "only this server sends mail of the domain (SPF)",
        ),
        Record::of(
            host,
            "TXT",
            "v=spf1 a -all".to_owned(),
            "notices come from the server itself (SPF)",
        ),
    ];
    addresses.chain(mail).collect()
}

/// What others are to do with the domain's mail and connections.
fn policies(facts: &Facts, domain: &str) -> Vec<Record> {
    let mut all = vec![
        Record::of(
            format!("_dmarc.{domain}"),
            "TXT",
            format!("v=DMARC1; p=quarantine; rua=mailto:postmaster@{domain}"),
            "what others do with forged mail of the domain, and where they report it (DMARC)",
        ),
        Record::of(
            format!("_smtp._tls.{domain}"),
            "TXT",
            format!("v=TLSRPTv1; rua=mailto:postmaster@{domain}"),
            "where others report that encryption failed (TLS-RPT)",
        ),
    ];
    if let Some(key) = &facts.certificate_key {
        all.push(Record::of(
            format!("_25._tcp.{}", facts.hostname),
            "TLSA",
            format!("3 1 1 {}", hexadecimal(&Sha256::digest(key))),
            "the key of the certificate; of use only where DNSSEC signs the zone (DANE)",
        ));
    }
    all
}

/// Where mail programs find the server.
fn services(facts: &Facts, domain: &str) -> Vec<Record> {
    let labels = [
        (Service::Submissions, "_submissions"),
        (Service::Imaps, "_imaps"),
        (Service::Pop3s, "_pop3s"),
        (Service::Managesieve, "_sieve"),
    ];
    let records = labels.iter().map(|(service, label)| {
        let value = match facts.port(*service) {
            Some(port) => format!("0 1 {port} {}.", facts.hostname),
            None => "0 0 0 .".to_owned(), // Not offered (RFC 6186 §3.4).
        };
        let name = format!("{label}._tcp.{domain}");
        Record::of(name, "SRV", value, "mail programs find the server")
    });
    records.collect()
}

/// What is served over HTTPS under names of the domain's own. The certificate must have these names.
///
/// They stand there as comments where nothing answers at the port that others will ask.
fn web(facts: &Facts, domain: &str) -> Vec<Record> {
    let is_served = facts.port(Service::Https) == Some(HTTPS_PORT);
    let host = format!("{}.", facts.hostname);
    let mut all = vec![Record {
        is_ready: is_served,
        ..Record::of(
            format!("autoconfig.{domain}"),
            "CNAME",
            host.clone(),
            "mail programs find their settings",
        )
    }];
    if let Some(policy) = &facts.mta_sts {
        let records = [
            Record::of(
                format!("_mta-sts.{domain}"),
                "TXT",
                mta_sts::record(policy),
                "others may trust in encryption: a policy is served, and this is its name (MTA-STS)",
            ),
            Record::of(
                format!("mta-sts.{domain}"),
                "CNAME",
                host,
                "where the policy is served",
            ),
        ];
        all.extend(records.map(|record| Record {
            is_ready: is_served,
            ..record
        }));
    }
    all
}

/// The records as lines of a zone file.
pub fn file(records: &[Record]) -> String {
    let mut text = String::new();
    for record in records {
        let Record {
            name, kind, value, ..
        } = record;
        let value = match *kind {
            "TXT" => quoted(value),
            _ => value.clone(),
        };
        let off = if record.is_ready { "" } else { ";" };
        // Writing to a string never fails.
        _ = writeln!(text, "; {}", record.why);
        _ = writeln!(text, "{off}{name}. {TTL} IN {kind} {value}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// A text in strings that a record may hold.
fn quoted(text: &str) -> String {
    let pieces = text.as_bytes().chunks(STRING_BYTES_MAX).map(|piece| {
        let piece = String::from_utf8_lossy(piece);
        format!("\"{}\"", piece.replace('\\', "\\\\").replace('"', "\\\""))
    });
    pieces.collect::<Vec<_>>().join(" ")
}

/// Two digits a byte.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Timestamp;
    use engine::signature::key::{Algorithm, DomainKey};

    fn facts() -> Facts {
        Facts {
            hostname: "mx.example.test".to_owned(),
            addresses: vec!["192.0.2.7".parse().unwrap()],
            services: vec![(Service::Imaps, 993)],
            certificate_key: Some(b"key".to_vec()),
            mta_sts: Some("the policy".to_owned()),
        }
    }

    fn domain() -> DomainRecord {
        DomainRecord {
            name: "example.test".to_owned(),
            catch_all: None,
            keys: vec![DomainKey {
                selector: "20260301r".to_owned(),
                algorithm: Algorithm::Rsa,
                secret: b"never shown".to_vec(),
                public: vec![0; 294],
                made: Timestamp(0),
                stage: Stage::InUse,
            }],
        }
    }

    #[test]
    fn every_record_is_a_line_that_can_be_put_into_a_zone() {
        let text = file(&records(&facts(), &domain()));
        for line in [
            "mx.example.test. 3600 IN A 192.0.2.7",
            "example.test. 3600 IN MX 10 mx.example.test.",
            "example.test. 3600 IN TXT \"v=spf1 mx -all\"",
            "_imaps._tcp.example.test. 3600 IN SRV 0 1 993 mx.example.test.",
            "_pop3s._tcp.example.test. 3600 IN SRV 0 0 0 .",
            ";mta-sts.example.test. 3600 IN CNAME mx.example.test.",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("never shown"));
    }

    #[test]
    fn the_policy_is_told_of_once_it_is_served_where_others_look() {
        let mut facts = facts();
        facts.services.push((Service::Https, 443));
        let text = file(&records(&facts, &domain()));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.contains(&"mta-sts.example.test. 3600 IN CNAME mx.example.test."));
        let name = "_mta-sts.example.test. 3600 IN TXT \"v=STSv1; id=";
        assert!(lines.iter().any(|line| line.starts_with(name)), "{text}");
    }

    #[test]
    fn a_key_that_is_longer_than_a_string_is_cut_into_several() {
        let text = file(&records(&facts(), &domain()));
        let start = "20260301r._domainkey.example.test. 3600 IN TXT \"v=DKIM1; k=rsa; p=AAAA";
        let line = text.lines().find(|line| line.starts_with(start)).unwrap();
        let strings: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        assert_eq!(strings.len(), 2);
        assert!(strings.iter().all(|string| string.len() <= 255));
        assert_eq!(strings.concat(), keeping::record(&domain().keys[0]));
    }
}
