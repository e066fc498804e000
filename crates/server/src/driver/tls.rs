//! TLS: certificates from files, or one self-signed at first start, taken anew when the files change.
//!
//! TLS 1.2 and 1.3 only. A connection keeps the identity it began with; the next one gets the new
//! one.
//!
//! Start at [`Certificates::load`].
//!
//! Standards: RFC 8446, RFC 5246, RFC 7301 (ALPN), RFC 9266 and RFC 5929 (channel binding).

use super::by_name::{ByName, Files};
use super::client_certificates::{AnyCertificate, Authorities, fingerprint};
use engine::dialogue::{ShownCertificate, Tls};
use parking_lot::RwLock;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{ProducesTickets, ResolvesServerCert};
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Which names a client may ask for by ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// No name is registered for the protocol: whatever the client offers is passed over.
    Any,
    /// This name, or no ALPN at all; a client that speaks only others is refused (RFC 7301 §3.2).
    Only(&'static str),
    /// HTTP/2 or HTTP/1.1, whichever the client would rather have.
    Web,
}

/// Whether clients may show a certificate of their own.
#[derive(Debug, Clone)]
pub enum ClientCertificates {
    /// They are not asked: some programs then ask their user which one to show.
    Unasked,
    /// They are asked, except on the web; whose certificates are believed besides those that were
    /// given to accounts.
    Asked(Option<Authorities>),
}

impl ClientCertificates {
    fn authorities(&self) -> Option<&Authorities> {
        match self {
            Self::Unasked => None,
            Self::Asked(authorities) => authorities.as_ref(),
        }
    }
}

/// The certificates in use and where they came from.
pub struct Certificates {
    usual: Files,
    /// For other names.
    others: Vec<Files>,
    tickets: Arc<dyn ProducesTickets>,
    clients: ClientCertificates,
    current: RwLock<Current>,
}

struct Current {
    identity: Identity,
    stamp: Stamp,
}

/// When the files were last changed.
type Stamp = Vec<Option<SystemTime>>;

/// Certificates made ready for handshakes.
#[derive(Clone)]
struct Identity {
    any: Arc<ServerConfig>,
    imap: Arc<ServerConfig>,
    pop3: Arc<ServerConfig>,
    web: Arc<ServerConfig>,
    shown: Arc<ByName>,
}

/// Why there is no TLS: one line for the operator.
#[derive(Debug)]
pub struct TlsError(pub String);

impl std::fmt::Display for TlsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a listener needs for a handshake.
#[derive(Clone)]
pub struct Offer {
    /// Keys, versions and ALPN.
    pub config: Arc<ServerConfig>,
    shown: Arc<ByName>,
    authorities: Option<Authorities>,
}

impl Certificates {
    /// Loads certificates and keys; without usual ones those in `DATA/tls`, which are made when
    /// missing. The others are for names that the usual one does not have.
    pub fn load(
        usual: Option<Files>,
        others: Vec<Files>,
        data: &Path,
        host_name: &str,
        clients: ClientCertificates,
    ) -> Result<Self, TlsError> {
        let usual = match usual {
            Some(files) => files,
            None => self_signed(&data.join("tls"), host_name)?,
        };
        let tickets = rustls::crypto::aws_lc_rs::Ticketer::new()
            .map_err(|error| TlsError(format!("TLS session tickets: {error}")))?;
        let stamp = stamp(&usual, &others);
        let identity = identity(&usual, &others, &tickets, &clients)?;
        let current = RwLock::new(Current { identity, stamp });
        Ok(Self {
            usual,
            others,
            tickets,
            clients,
            current,
        })
    }

    /// What a new connection gets.
    pub fn offer(&self, alpn: Alpn) -> Offer {
        let current = self.current.read();
        let identity = &current.identity;
        let config = match alpn {
            Alpn::Only("imap") => &identity.imap,
            Alpn::Only("pop3") => &identity.pop3,
            Alpn::Web => &identity.web,
            Alpn::Any | Alpn::Only(_) => &identity.any,
        };
        Offer {
            config: Arc::clone(config),
            shown: Arc::clone(&identity.shown),
            authorities: self.clients.authorities().cloned(),
        }
    }

    /// Takes the files anew if they changed; the answer tells whether they had.
    ///
    /// Errors: the new files are unusable; the old certificate stays in use.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let stamp = stamp(&self.usual, &self.others);
        if self.current.read().stamp == stamp {
            return Ok(false);
        }
        // The stamp is kept on an error too, so that a bad file is reported once for each change.
        let loaded = identity(&self.usual, &self.others, &self.tickets, &self.clients);
        let mut current = self.current.write();
        current.stamp = stamp;
        current.identity = loaded?;
        Ok(true)
    }
}

/// The public key of the certificate in use, in its DER form; `None` when there is none yet.
///
/// It is read from the private key, since both files are of one pair.
pub fn public_key(files: Option<&Path>, data: &Path) -> Option<Vec<u8>> {
    let usual = data.join("tls").join("key.pem");
    let key = PrivateKeyDer::from_pem_file(files.unwrap_or(&usual)).ok()?;
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).ok()?;
    key.public_key().map(|public| public.as_ref().to_vec())
}

fn stamp(usual: &Files, others: &[Files]) -> Stamp {
    let changed = |path: &PathBuf| fs::metadata(path).and_then(|found| found.modified()).ok();
    let all = std::iter::once(usual).chain(others);
    let paths = all.flat_map(|files| [&files.certificate, &files.key]);
    paths.map(changed).collect()
}

fn identity(
    usual: &Files,
    others: &[Files],
    tickets: &Arc<dyn ProducesTickets>,
    clients: &ClientCertificates,
) -> Result<Identity, TlsError> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let shown = Arc::new(ByName::read(usual, others, &provider)?);
    let ready = |clients: &ClientCertificates, names: &[&str]| {
        let builder = match clients {
            ClientCertificates::Unasked => ServerConfig::builder().with_no_client_auth(),
            ClientCertificates::Asked(_) => {
                ServerConfig::builder().with_client_cert_verifier(AnyCertificate::new())
            }
        };
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&shown) as _;
        let mut config = builder.with_cert_resolver(resolver);
        config.ticketer = Arc::clone(tickets);
        // One connection follows another; a second ticket is never used.
        config.send_tls13_tickets = 1;
        config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    };
    Ok(Identity {
        imap: ready(clients, &["imap"]),
        pop3: ready(clients, &["pop3"]),
        web: ready(&ClientCertificates::Unasked, &["h2", "http/1.1"]),
        any: ready(clients, &[]),
        shown,
    })
}

/// The self-signed certificate of a new server, made once.
fn self_signed(folder: &Path, host_name: &str) -> Result<Files, TlsError> {
    let files = Files {
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
    };
    let Files { certificate, key } = &files;
    if certificate.exists() && key.exists() {
        return Ok(files);
    }
    let failed = |why: &dyn std::fmt::Display| {
        TlsError(format!(
            "{}: cannot make a certificate: {why}",
            folder.display()
        ))
    };
    let mut names = vec![host_name.to_owned()];
    if host_name != "localhost" {
        names.push("localhost".to_owned());
    }
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(&error))?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| failed(&error))?;
    write_private(key, made.signing_key.serialize_pem().as_bytes())
        .and_then(|()| write_private(certificate, made.cert.pem().as_bytes()))
        .map_err(|error| failed(&error))?;
    Ok(files)
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    // Certificates are the operator's files, not the store's.
    #[allow(clippy::disallowed_methods, reason = "not a file of the store")]
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    #[allow(clippy::disallowed_methods, reason = "not a file of the store")]
    fs::rename(&new, path)
}

/// The facts of a finished handshake after this offer.
pub fn facts(connection: &ServerConnection, offer: &Offer) -> Tls {
    let end_point = offer.shown.end_point(connection.server_name());
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLS",
    };
    let cipher = connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
        .unwrap_or("unknown");
    // Before TLS 1.3 the exporter is not bound to the handshake in every case (RFC 9266 §4.1).
    let exporter = (version == "TLSv1.3")
        .then(|| {
            connection
                .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))
                .ok()
        })
        .flatten();
    let shown = connection.peer_certificates().unwrap_or_default();
    Tls {
        version,
        cipher,
        exporter,
        server_end_point: end_point.map(<[u8]>::to_vec),
        client: shown.first().map(|own| {
            let authorities = offer.authorities.as_ref();
            let addresses = authorities.map(|believed| believed.addresses(shown, UnixTime::now()));
            Box::new(ShownCertificate {
                fingerprint: fingerprint(own),
                addresses: addresses.unwrap_or_default(),
            })
        }),
    }
}

/// Hash of a certificate with the hash of its own signature, SHA-256 for MD5 and SHA-1
/// (RFC 5929 §4.1); absent where the signature names no hash (Ed25519).
pub(super) fn end_point(certificate: &CertificateDer<'_>) -> Option<Vec<u8>> {
    use sha2::{Digest, Sha256, Sha384, Sha512};
    let oid = signature_oid(certificate)?;
    // The last arcs of the OIDs below 1.2.840.113549.1.1 (RSA) and 1.2.840.10045.4 (ECDSA).
    let (rsa, ecdsa): (&[u8], &[u8]) = (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1],
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4],
    );
    let last = oid.strip_prefix(rsa).or_else(|| oid.strip_prefix(ecdsa))?;
    match last {
        [4 | 5 | 11 | 1] | [3, 2] => Some(Sha256::digest(certificate).to_vec()),
        [12] | [3, 3] => Some(Sha384::digest(certificate).to_vec()),
        [13] | [3, 4] => Some(Sha512::digest(certificate).to_vec()),
        _ => None,
    }
}

/// The OID in `Certificate.signatureAlgorithm` (RFC 5280 §4.1.1.2): the second element of the
/// outer sequence.
fn signature_oid(certificate: &[u8]) -> Option<&[u8]> {
    let (outer, _) = element(certificate, SEQUENCE)?;
    let (_, after) = element(outer, SEQUENCE)?;
    let (algorithm, _) = element(after, SEQUENCE)?;
    element(algorithm, OBJECT_ID).map(|(oid, _)| oid)
}

/// The DER tag of a sequence.
pub(super) const SEQUENCE: u8 = 0x30;
/// The DER tag of an object identifier.
pub(super) const OBJECT_ID: u8 = 0x06;

/// One DER element with this tag: its contents, and what follows it.
pub(super) fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        // Four bytes hold any certificate that a handshake can carry.
        if bytes.len() > 4 {
            return None;
        }
        (
            bytes
                .iter()
                .fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
            rest,
        )
    };
    (found == tag)
        .then(|| rest.split_at_checked(length))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_point_hash_of_an_ecdsa_certificate_is_sha_256() {
        use sha2::{Digest, Sha256};
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let der = made.cert.der();
        assert_eq!(end_point(der), Some(Sha256::digest(der).to_vec()));
    }

    #[test]
    fn bytes_that_are_no_certificate_have_no_end_point_hash() {
        assert_eq!(
            signature_oid(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30]),
            None
        );
        assert_eq!(signature_oid(&[0x30]), None);
    }
}
