//! Which certificate a client sees: the one that is valid for the name it asks for.
//!
//! The names are those in the certificates themselves, so there is nothing to configure besides the
//! files. Who asks for no name, or for one that none is for, sees the usual one. Start at [`ByName`].
//!
//! Standards: RFC 6066 §3 (server name), RFC 9525 (names in certificates).

use super::tls::{TlsError, end_point};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A certificate with its chain, and its key: two PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The certificates of a server.
#[derive(Debug)]
pub struct ByName {
    usual: Identity,
    others: Vec<Identity>,
}

#[derive(Debug)]
struct Identity {
    key: Arc<CertifiedKey>,
    end_point: Option<Arc<[u8]>>,
}

impl ByName {
    /// Reads them.
    ///
    /// Errors: a line that names the file and says what is wrong with it.
    pub fn read(
        usual: &Files,
        others: &[Files],
        provider: &CryptoProvider,
    ) -> Result<Self, TlsError> {
        let others = others.iter().map(|files| Identity::read(files, provider));
        Ok(Self {
            usual: Identity::read(usual, provider)?,
            others: others.collect::<Result<_, _>>()?,
        })
    }

    /// Hash of the certificate that is shown to who asks for this name.
    pub fn end_point(&self, name: Option<&str>) -> Option<&[u8]> {
        self.for_name(name).end_point.as_deref()
    }

    fn for_name(&self, name: Option<&str>) -> &Identity {
        let name = name.and_then(|name| ServerName::try_from(name).ok());
        let Some(name) = name.filter(|name| !self.usual.is_for(name)) else {
            return &self.usual;
        };
        let found = self.others.iter().find(|one| one.is_for(&name));
        found.unwrap_or(&self.usual)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.for_name(hello.server_name()).key))
    }
}

impl Identity {
    fn read(files: &Files, provider: &CryptoProvider) -> Result<Self, TlsError> {
        let Files { certificate, key } = files;
        let refuse =
            |path: &Path, why: &dyn Display| TlsError(format!("{}: {why}", path.display()));
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| refuse(certificate, &error))?;
        let Some(leaf) = chain.first() else {
            return Err(refuse(certificate, &"holds no certificate"));
        };
        let end_point = end_point(leaf).map(Arc::from);
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| refuse(key, &error))?;
        let key = CertifiedKey::from_der(chain, key, provider);
        let key = key.map_err(|error| refuse(certificate, &error))?;
        Ok(Self {
            key: Arc::new(key),
            end_point,
        })
    }

    fn is_for(&self, name: &ServerName<'_>) -> bool {
        let own = self.key.end_entity_cert().ok();
        let own = own.and_then(|own| ParsedCertificate::try_from(own).ok());
        own.is_some_and(|own| verify_server_name(&own, name).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(names: &[&str]) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let chain = vec![made.cert.der().clone()];
        Identity {
            end_point: end_point(made.cert.der()).map(Arc::from),
            key: Arc::new(CertifiedKey::from_der(chain, key, &provider).unwrap()),
        }
    }

    #[test]
    fn who_asks_for_a_name_sees_the_certificate_that_has_it_and_others_the_usual_one() {
        let all = ByName {
            usual: identity(&["mx.example.test", "shared.test"]),
            others: vec![
                identity(&["mta-sts.example.test", "shared.test"]),
                identity(&["*.wild.test"]),
            ],
        };
        let [sts, wild] = [0, 1].map(|at| all.others[at].end_point.as_deref());
        let usual = all.usual.end_point.as_deref();
        for (name, seen) in [
            (Some("mx.example.test"), usual),
            (Some("mta-sts.example.test"), sts),
            (Some("MTA-STS.example.test"), sts),
            (Some("a.wild.test"), wild),
            (Some("shared.test"), usual),
            (Some("elsewhere.test"), usual),
            (None, usual),
        ] {
            assert_eq!(all.end_point(name), seen, "{name:?}");
        }
    }
}
