//! Certificates of clients, as far as TLS itself is concerned.
//!
//! Any certificate is taken, or none; what TLS makes sure of is that the client holds its key. Whose
//! it is the engine knows by its fingerprint, whoever has signed it and until when; or by the
//! addresses in it, if an authority that the operator has named vouches for them now
//! ([`Authorities`]).
//!
//! Standards: RFC 8446 §4.3.2 (asking), §4.4.2, §4.4.3 (showing and proving); RFC 5280 §4.2.1.6
//! (`rfc822Name`), §6 (who vouches).

use super::tls::{OBJECT_ID, SEQUENCE, TlsError, element};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

/// Asks for a certificate and takes whichever is shown.
#[derive(Debug)]
pub struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyCertificate {
    /// With the signatures that this server can check.
    pub fn new() -> Arc<Self> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Arc::new(Self {
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[] // Any issuer will do.
    }

    fn verify_client_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Those whose word on certificates of clients is believed.
#[derive(Debug, Clone)]
pub struct Authorities(Arc<dyn ClientCertVerifier>);

impl Authorities {
    /// Reads their certificates from a PEM file.
    ///
    /// Errors: a line that names the file and says what is wrong with it.
    pub fn read(file: &Path) -> Result<Self, TlsError> {
        let failed = |why: &dyn Display| TlsError(format!("{}: {why}", file.display()));
        let certificates = CertificateDer::pem_file_iter(file).map_err(|why| failed(&why))?;
        let certificates: Result<Vec<_>, _> = certificates.collect();
        Self::of(certificates.map_err(|why| failed(&why))?).map_err(|why| failed(&why))
    }

    fn of(certificates: Vec<CertificateDer<'static>>) -> Result<Self, Box<dyn std::error::Error>> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let made = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self(made?))
    }

    /// The addresses in a certificate for which they vouch now; none if they do not.
    pub fn addresses(&self, shown: &[CertificateDer<'_>], now: UnixTime) -> Vec<String> {
        let Some((own, chain)) = shown.split_first() else {
            return Vec::new();
        };
        match self.0.verify_client_cert(own, chain, now) {
            Ok(_) => addresses_in(own).unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }
}

/// The mail addresses in a certificate's alternative names; `None` if there are no such names.
fn addresses_in(certificate: &[u8]) -> Option<Vec<String>> {
    /// `id-ce-subjectAltName`
    const ALTERNATIVE_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];
    const EXTENSIONS: u8 = 0xa3;
    const ADDRESS: u8 = 0x81;
    let (outer, _) = element(certificate, SEQUENCE)?;
    let (body, _) = element(outer, SEQUENCE)?;
    let extensions = elements(body).find(|(tag, _)| *tag == EXTENSIONS)?.1;
    let (extensions, _) = element(extensions, SEQUENCE)?;
    let names = elements(extensions).find_map(|(_, extension)| {
        let mut parts = elements(extension);
        let is_it = parts.next()? == (OBJECT_ID, &ALTERNATIVE_NAMES[..]);
        // Whether it is critical may stand between.
        is_it
            .then(|| parts.last().map(|(_, value)| value))
            .flatten()
    })?;
    let (names, _) = element(names, SEQUENCE)?;
    let addresses = elements(names).filter(|(tag, _)| *tag == ADDRESS);
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).ok();
    let whole = |address: &String| address.is_ascii() && address.contains('@');
    Some(
        addresses
            .filter_map(|(_, bytes)| text(bytes))
            .filter(whole)
            .collect(),
    )
}

/// The DER elements that follow one another: tag and contents, as far as they can be read.
fn elements(der: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = der;
    std::iter::from_fn(move || {
        let tag = *rest.first()?;
        let (contents, after) = element(rest, tag)?;
        rest = after;
        Some((tag, contents))
    })
}

/// Reads any bytes as a certificate.
///
/// # Panics
///
/// If what it names are no addresses.
#[cfg(any(test, feature = "fuzzed"))]
pub fn read_any(certificate: &[u8]) {
    let addresses = addresses_in(certificate).unwrap_or_default();
    assert!(addresses.iter().all(|one| one.contains('@')));
}

/// What a certificate is known by: SHA-256 of its bytes.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
    use std::time::Duration;

    fn address(text: &str) -> SanType {
        SanType::Rfc822Name(text.try_into().unwrap())
    }

    /// An authority, and a certificate that it has signed for these names.
    fn signed(names: Vec<SanType>) -> (Authorities, CertificateDer<'static>) {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(parameters, key).unwrap();
        let mut parameters = CertificateParams::default();
        parameters.subject_alt_names = names;
        let own = parameters
            .signed_by(&KeyPair::generate().unwrap(), &issuer)
            .unwrap();
        let authorities = Authorities::of(vec![issuer.der().clone()]).unwrap();
        (authorities, own.der().clone())
    }

    fn now() -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_001))
    }

    #[test]
    fn addresses_count_if_a_believed_authority_vouches_for_them() {
        let names = vec![
            address("alice@example.test"),
            SanType::DnsName("example.test".try_into().unwrap()),
            address("a@b.test"),
        ];
        let (authorities, own) = signed(names);
        let chain = [own.clone()];
        assert_eq!(
            authorities.addresses(&chain, now()),
            ["alice@example.test", "a@b.test"]
        );
        let (other, _) = signed(Vec::new());
        assert!(other.addresses(&chain, now()).is_empty());
        let long_ago = UnixTime::since_unix_epoch(Duration::from_secs(1));
        assert!(authorities.addresses(&chain, long_ago).is_empty());
        assert!(authorities.addresses(&[], now()).is_empty());
    }

    #[test]
    fn a_certificate_without_addresses_and_bytes_that_are_none_name_nobody() {
        let (_, own) = signed(vec![address("alice")]);
        assert_eq!(addresses_in(&own), Some(Vec::new()));
        let (_, own) = signed(Vec::new());
        assert_eq!(addresses_in(&own), None);
        for end in 0..own.len() {
            let _ = addresses_in(&own[..end]); // Ends, whatever is missing.
        }
        assert_eq!(addresses_in(b"no certificate"), None);
    }
}
