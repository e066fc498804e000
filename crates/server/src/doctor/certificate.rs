//! Would a mail program believe the certificate, and for how long?

use super::{Check, KNOCK, State};
use crate::configuration::Service;
use crate::outbound::tls::{Keys, Proof, server_name};
use crate::zone::Facts;
use rustls::pki_types::CertificateDer;
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A certificate that ends so soon should have been renewed: those of a week are renewed when half
/// of it is over, those of months long before.
const SOON: Duration = Duration::from_hours(72);

/// Looks at the certificate of the first port that begins with TLS.
pub async fn check(facts: &Facts, address: IpAddr) -> Option<Check> {
    let port = [Service::Submissions, Service::Imaps]
        .iter()
        .find_map(|wanted| facts.services.iter().find(|(service, _)| service == wanted))?
        .1;
    let what = format!("certificate of {}", facts.hostname);
    let keys = Keys::new().ok()?;
    let (config, name) = (
        keys.config(&Proof::Authority)?,
        server_name(&facts.hostname)?,
    );
    let shake = async {
        let stream = TcpStream::connect((address, port)).await?;
        TlsConnector::from(config).connect(name, stream).await
    };
    Some(match timeout(KNOCK, shake).await {
        Ok(Ok(stream)) => {
            let (_, session) = stream.get_ref();
            let chain = session.peer_certificates().unwrap_or_default();
            judged(what, &keys, chain, &facts.hostname)
        }
        Ok(Err(error)) => {
            let advice = "Put a certificate of a known authority for this name into [tls]; until \
                          then mail programs warn";
            Check::new(State::Weak, what, error.to_string(), advice)
        }
        Err(_) => Check::new(
            State::Unknown,
            what,
            "no answer",
            "Is the server overloaded?",
        ),
    })
}

fn judged(what: String, keys: &Keys, chain: &[CertificateDer<'_>], host: &str) -> Check {
    if keys.is_valid_in(chain, host, SOON) {
        return Check::good(what, "valid");
    }
    let hours = SOON.as_secs() / 3_600;
    let advice = "Renew it: the server reads the new files by itself";
    let found = format!("valid, but for less than {hours} hours");
    Check::new(State::Weak, what, found, advice)
}
