//! Certificates that the other domain vouches for in its own signed names.
//!
//! Pure. Only records whose signatures were checked come here. Start at [`usable`] and
//! [`verify`].
//!
//! Standards: RFC 6698 (TLSA), RFC 7671 §5 (usages), RFC 7672 §3 (SMTP).

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use sha2::{Digest, Sha256, Sha512};
use std::sync::Arc;

/// Certificates of a chain that are looked at.
const CHAIN_MAX: usize = 10;

/// What a record says of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// Whose certificate is meant.
    pub usage: Usage,
    /// Which part of it.
    pub selector: Selector,
    /// How the part is written.
    pub matching: Matching,
    /// The part.
    pub data: Vec<u8>,
}

/// Whose certificate is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Usage {
    /// That of an authority in the server's chain: 2.
    Authority,
    /// The server's own: 3.
    Server,
    /// What is of no use in mail (RFC 7672 §3.1.3), or not known.
    Other(u8),
}

/// Which part of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selector {
    /// All of it: 0.
    Whole,
    /// Its public key: 1.
    Key,
    /// Not known.
    Other(u8),
}

/// How a part is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Matching {
    /// As it is: 0.
    Exact,
    /// Its hash: 1.
    Sha256,
    /// Its hash: 2.
    Sha512,
    /// Not known.
    Other(u8),
}

/// The records that can be checked; none means that encryption is a must, whoever it is.
pub fn usable(records: Vec<Record>) -> Vec<Record> {
    let is_usable = |record: &Record| {
        let length = match record.matching {
            Matching::Exact => !record.data.is_empty(),
            Matching::Sha256 => record.data.len() == 32,
            Matching::Sha512 => record.data.len() == 64,
            Matching::Other(_) => false,
        };
        length
            && !matches!(record.usage, Usage::Other(_))
            && !matches!(record.selector, Selector::Other(_))
    };
    records.into_iter().filter(is_usable).collect()
}

impl Record {
    fn is_of(&self, certificate: &CertificateDer<'_>) -> bool {
        let part = match self.selector {
            Selector::Whole => certificate.to_vec(),
            Selector::Key => match ParsedCertificate::try_from(certificate) {
                Ok(parsed) => parsed.subject_public_key_info().to_vec(),
                Err(_) => return false,
            },
            Selector::Other(_) => return false,
        };
        match self.matching {
            Matching::Exact => part == self.data,
            Matching::Sha256 => Sha256::digest(&part).as_slice() == self.data,
            Matching::Sha512 => Sha512::digest(&part).as_slice() == self.data,
            Matching::Other(_) => false,
        }
    }
}

/// What a server shows of itself, the name it must have, and when.
#[derive(Debug)]
pub struct Shown<'a> {
    /// Its own certificate.
    pub own: &'a CertificateDer<'a>,
    /// Those behind it.
    pub chain: &'a [CertificateDer<'a>],
    /// The name it must have.
    pub name: &'a ServerName<'a>,
    /// The time.
    pub now: UnixTime,
}

impl Shown<'_> {
    /// True when a record names the server's own certificate; then neither its name nor its dates
    /// count (RFC 7672 §3.1.1).
    fn is_named_in(&self, records: &[Record]) -> bool {
        let mut own = records.iter().filter(|one| one.usage == Usage::Server);
        own.any(|record| record.is_of(self.own))
    }

    /// The certificates that may stand at the top of the chain: those in it that a record names,
    /// and those that a record holds whole.
    fn authorities(&self, records: &[Record]) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        for record in records.iter().filter(|one| one.usage == Usage::Authority) {
            let chain = self.chain.iter().take(CHAIN_MAX);
            let found = chain
                .filter(|one| record.is_of(one))
                .map(|one| one.clone().into_owned())
                .collect::<Vec<_>>();
            roots.add_parsable_certificates(found);
            if (record.selector, record.matching) == (Selector::Whole, Matching::Exact) {
                roots.add_parsable_certificates([CertificateDer::from(record.data.clone())]);
            }
        }
        roots
    }
}

/// Takes a server whose certificate, or whose authority, one of the records names.
///
/// Source: RFC 7671 §5.1, §5.2.
pub fn verify(
    shown: &Shown<'_>,
    records: &[Record],
    provider: &Arc<CryptoProvider>,
) -> Result<ServerCertVerified, rustls::Error> {
    if shown.is_named_in(records) {
        return Ok(ServerCertVerified::assertion());
    }
    let refused =
        rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
    let roots = shown.authorities(records);
    if roots.is_empty() {
        return Err(refused);
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|_| refused)?
        .verify_server_cert(shown.own, shown.chain, shown.name, &[], shown.now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    const NAME: &str = "mx.far.test";

    /// A server's certificate made by an authority, and the authority's.
    fn chain() -> (CertificateDer<'static>, CertificateDer<'static>) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let own = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        let own = own
            .signed_by(&KeyPair::generate().unwrap(), &authority)
            .unwrap();
        (own.der().clone(), authority.der().clone())
    }

    fn record(usage: Usage, selector: Selector, certificate: &CertificateDer<'_>) -> Record {
        let part = match selector {
            Selector::Key => ParsedCertificate::try_from(certificate)
                .unwrap()
                .subject_public_key_info()
                .to_vec(),
            _ => certificate.to_vec(),
        };
        Record {
            usage,
            selector,
            matching: Matching::Sha256,
            data: Sha256::digest(part).to_vec(),
        }
    }

    fn accepts(
        records: &[Record],
        name: &str,
    ) -> impl Fn(&CertificateDer<'_>, &[CertificateDer<'_>]) -> bool {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let name = ServerName::try_from(name.to_owned()).unwrap();
        move |own, chain| {
            let shown = Shown {
                own,
                chain,
                name: &name,
                now: UnixTime::since_unix_epoch(std::time::Duration::from_hours(24 * 20_000)),
            };
            verify(&shown, records, &provider).is_ok()
        }
    }

    #[test]
    fn a_servers_own_certificate_or_key_is_enough_whatever_its_name() {
        let (own, authority) = chain();
        let other = chain().0;
        for selector in [Selector::Whole, Selector::Key] {
            let records = [record(Usage::Server, selector, &own)];
            let accepts = accepts(&records, "other.test");
            assert!(accepts(&own, &[]));
            assert!(!accepts(&other, std::slice::from_ref(&authority)));
        }
    }

    #[test]
    fn an_authority_vouches_for_the_name_only() {
        let (own, authority) = chain();
        let records = [record(Usage::Authority, Selector::Key, &authority)];
        let with = std::slice::from_ref(&authority);
        assert!(accepts(&records, NAME)(&own, with));
        assert!(!accepts(&records, "other.test")(&own, with));
        assert!(
            !accepts(&records, NAME)(&own, &[]),
            "the authority is not in the chain"
        );
        assert!(
            !accepts(&records, NAME)(&chain().0, with),
            "made by another"
        );
    }

    #[test]
    fn records_that_cannot_be_checked_are_passed_over() {
        let (own, _) = chain();
        let good = record(Usage::Server, Selector::Key, &own);
        let bad = [
            Record {
                usage: Usage::Other(0),
                ..good.clone()
            },
            Record {
                selector: Selector::Other(7),
                ..good.clone()
            },
            Record {
                matching: Matching::Other(9),
                ..good.clone()
            },
            Record {
                data: vec![1, 2, 3],
                ..good.clone()
            },
        ];
        assert!(usable(bad.to_vec()).is_empty());
        assert_eq!(usable([bad.to_vec(), vec![good.clone()]].concat()), [good]);
    }
}
