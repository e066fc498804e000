//! TLS towards other servers.
//!
//! Where nothing better is known, any certificate will do: encryption that only a passive listener
//! is kept out by is better than none (RFC 7435). Where the configuration or the other domain says
//! so, the certificate must be valid, or one that the domain names in its signed records.
//!
//! Start at [`Keys::config`].
//!
//! Standards: RFC 3207, RFC 7435 (opportunistic security), RFC 8314, RFC 6125 (names).

use super::dane::{self, Record, Shown};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme,
    WantsVerifier,
};
use std::sync::Arc;
use std::time::Duration;

/// Sessions that are remembered to be resumed.
const SESSIONS_MAX: usize = 4_096;

/// How much a certificate must prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Nothing.
    None,
    /// That it is the named host's, by an authority that this machine knows.
    Authority,
    /// That one of these signed records names it.
    Keys(Arc<[Record]>),
}

/// What connections share.
pub struct Keys {
    provider: Arc<CryptoProvider>,
    any: Arc<ClientConfig>,
    verified: Option<Arc<ClientConfig>>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl Keys {
    /// Prepares TLS with the machine's authorities.
    ///
    /// Errors: a line that says what is wrong. Without authorities only what needs a valid
    /// certificate fails, later.
    pub fn new() -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let refuse = |error: rustls::Error| format!("TLS: {error}");
        let any = judged(&provider, None).map_err(refuse)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let authorities = verifier.build();
        let verified = match &authorities {
            Ok(verifier) => {
                let config = builder(&provider)
                    .map_err(refuse)?
                    .with_webpki_verifier(Arc::clone(verifier))
                    .with_no_client_auth();
                Some(Arc::new(with_memory(config)))
            }
            Err(error) => {
                tracing::warn!(%error, "no certificate authorities on this machine");
                None
            }
        };
        Ok(Self {
            provider,
            any: Arc::new(with_memory(any)),
            verified,
            authorities: authorities.ok(),
        })
    }

    /// True when a chain still proves a name after this time.
    pub fn is_valid_in(&self, chain: &[CertificateDer<'_>], host: &str, time: Duration) -> bool {
        let now = UnixTime::now().as_secs();
        let then = UnixTime::since_unix_epoch(Duration::from_secs(now).saturating_add(time));
        let (Some(judge), Some((own, above)), Some(name)) =
            (&self.authorities, chain.split_first(), server_name(host))
        else {
            return false;
        };
        judge
            .verify_server_cert(own, above, &name, &[], then)
            .is_ok()
    }

    /// The configuration that asks for this proof; `None` when this machine cannot check it.
    pub fn config(&self, proof: &Proof) -> Option<Arc<ClientConfig>> {
        match proof {
            Proof::None => Some(Arc::clone(&self.any)),
            Proof::Authority => self.verified.clone(),
            Proof::Keys(records) => {
                let config = judged(&self.provider, Some(Arc::clone(records)));
                config.ok().map(Arc::new)
            }
        }
    }
}

fn builder(
    provider: &Arc<CryptoProvider>,
) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::clone(provider)).with_safe_default_protocol_versions()
}

fn judged(
    provider: &Arc<CryptoProvider>,
    records: Option<Arc<[Record]>>,
) -> Result<ClientConfig, rustls::Error> {
    let judge = Judge {
        records,
        provider: Arc::clone(provider),
    };
    let config = builder(provider)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge))
        .with_no_client_auth();
    Ok(config)
}

fn with_memory(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::in_memory_sessions(SESSIONS_MAX);
    config
}

/// The name that a certificate must have, and that the server is told we want.
pub fn server_name(host: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(host.to_owned()).ok()
}

/// Judges certificates without the authorities of this machine. That the other side holds the key of
/// its certificate is checked always.
#[derive(Debug)]
struct Judge {
    /// One of them must name the certificate; where there are none, any will do.
    records: Option<Arc<[Record]>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(records) = &self.records else {
            return Ok(ServerCertVerified::assertion());
        };
        let shown = Shown {
            own,
            chain,
            name,
            now,
        };
        dane::verify(&shown, records, &self.provider)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
