//! Asks other domains' web servers: fetches a domain's MTA-STS policy, and posts reports.
//!
//! One request over TLS with a certificate that is valid for the name asked for; no redirections, no
//! second connection, all within bounds. Start at [`Source`] and [`Web::post`].
//!
//! Standards: RFC 8461 §3.3 (fetching), RFC 8460 §5.4 (posting), RFC 9112 (HTTP/1.1).

use super::names::Names;
use super::tls::{Keys, Proof, server_name};
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Bytes of an answer with its header (RFC 8461 §3.3 proposes 64 KiB).
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// How long all of it may take (RFC 8461 §3.3 proposes a minute).
const PATIENCE: Duration = Duration::from_secs(30);
/// Addresses that are tried.
const ADDRESSES_MAX: usize = 4;

/// Where policies come from.
pub trait Source: Send + Sync {
    /// The text of a domain's policy.
    fn policy<'a>(&'a self, domain: &'a str) -> Fetched<'a>;
}

/// A text that is being fetched.
pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<String, Unfetched>> + Send + 'a>>;

/// Why something was not fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfetched {
    /// The web server's certificate does not prove its name.
    Unproven(String),
    /// Anything else.
    Failed(String),
}

impl fmt::Display for Unfetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unproven(why) | Self::Failed(why)) = self;
        f.write_str(why)
    }
}

impl Unfetched {
    fn of(host: &str, error: &std::io::Error) -> Self {
        let why = format!("{host}: {error}");
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        match inner {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Unproven(why),
            _ => Self::Failed(why),
        }
    }
}

/// Asks the domain's web server.
pub struct Web {
    /// Who knows its address.
    pub names: Arc<dyn Names>,
    /// How its certificate is checked.
    pub keys: Arc<Keys>,
    /// Where web servers listen.
    pub port: u16,
}

impl Source for Web {
    fn policy<'a>(&'a self, domain: &'a str) -> Fetched<'a> {
        Box::pin(async move {
            timeout(PATIENCE, self.fetch(domain))
                .await
                .unwrap_or_else(|_| Err(Unfetched::Failed("took too long".to_owned())))
        })
    }
}

impl Web {
    async fn fetch(&self, domain: &str) -> Result<String, Unfetched> {
        let host = format!("mta-sts.{domain}");
        // HTTP/1.0 keeps the answer in one piece: no chunks.
        let request = format!(
            "GET /.well-known/mta-sts.txt HTTP/1.0\r\nHost: {host}\r\n\
             User-Agent: facteur\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
        );
        let answer = self.ask(&host, self.port, request.as_bytes()).await?;
        body(&answer).map_err(Unfetched::Failed)
    }

    /// Posts a document to an address like `https://host:port/path`.
    ///
    /// Errors: a line that says why it was not taken.
    pub async fn post(&self, url: &str, media_type: &str, document: &[u8]) -> Result<(), String> {
        let target = Target::parse(url, self.port).ok_or("not an address of the web")?;
        let Target { host, port, path } = target;
        let length = document.len();
        let head = format!(
            "POST {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: facteur\r\n\
             Content-Type: {media_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        let request = [head.as_bytes(), document].concat();
        let answer = timeout(PATIENCE, self.ask(host, port, &request)).await;
        let answer = answer.map_err(|_| "took too long")?;
        let answer = answer.map_err(|error| error.to_string())?;
        match status(&answer) {
            Some(code) if code.starts_with('2') => Ok(()),
            code => Err(format!("status {}", code.unwrap_or("none"))),
        }
    }

    /// Asks the first of a host's addresses that answers.
    async fn ask(&self, host: &str, port: u16, request: &[u8]) -> Result<Vec<u8>, Unfetched> {
        let found = self.names.addresses(host).await;
        let found = found.map_err(|error| Unfetched::Failed(format!("{host}: {error:?}")))?;
        let addresses = found.records;
        let mut last = Unfetched::Failed(format!("{host}: no address"));
        for address in addresses.into_iter().take(ADDRESSES_MAX) {
            let at = SocketAddr::new(address, port);
            match self.ask_at(host, at, request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => last = Unfetched::of(host, &error),
            }
        }
        Err(last)
    }

    async fn ask_at(
        &self,
        host: &str,
        address: SocketAddr,
        request: &[u8],
    ) -> std::io::Result<Vec<u8>> {
        let unable = |why: &str| std::io::Error::other(why.to_owned());
        let config = self.keys.config(&Proof::Authority);
        let config = config.ok_or_else(|| unable("no certificate authorities"))?;
        let name = server_name(host).ok_or_else(|| unable("not a name"))?;
        let stream = TcpStream::connect(address).await?;
        let mut stream = TlsConnector::from(config).connect(name, stream).await?;
        stream.write_all(request).await?;
        let mut answer = Vec::new();
        let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await;
        match read {
            // Many servers close without a farewell; the length tells whether all came.
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
            _ => Ok(answer),
        }
    }
}

/// The parts of an address of the web.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    host: &'a str,
    port: u16,
    path: &'a str,
}

impl<'a> Target<'a> {
    /// Only names, no literal addresses and nothing that could end the line.
    fn parse(url: &'a str, usual_port: u16) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let is_plain = |c: char| c.is_ascii_graphic();
        if !scheme.eq_ignore_ascii_case("https") || !rest.chars().all(is_plain) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, usual_port),
        };
        let is_label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let path = if path.is_empty() { "/" } else { path };
        let is_host = !host.is_empty() && host.chars().all(is_label);
        is_host.then_some(Self { host, port, path })
    }
}

/// The code in an answer's first line.
fn status(answer: &[u8]) -> Option<&str> {
    let line = answer.split(|&byte| byte == b'\r').next()?;
    std::str::from_utf8(line).ok()?.split(' ').nth(1)
}

/// The text behind a good answer's header.
pub(super) fn body(answer: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(answer);
    let (header, body) = text.split_once("\r\n\r\n").ok_or("no header")?;
    let mut lines = header.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    if status != Some("200") {
        return Err(format!("status {}", status.unwrap_or("none")));
    }
    let (mut kind, mut length) = (None, None);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" => {
                let media = value.split(';').next();
                kind = media.map(|media| media.trim().to_ascii_lowercase());
            }
            "content-length" => length = value.trim().parse::<usize>().ok(),
            "transfer-encoding" => return Err("an encoding that was not asked for".to_owned()),
            _ => {}
        }
    }
    if kind.as_deref() != Some("text/plain") {
        return Err("not text/plain".to_owned());
    }
    match length {
        Some(length) => body
            .get(..length)
            .map(str::to_owned)
            .ok_or_else(|| "cut off".to_owned()),
        None => Ok(body.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_posted_to_names_only_and_no_address_can_end_the_line() {
        let target = |host, port, path| Some(Target { host, port, path });
        assert_eq!(
            Target::parse("https://a.test/x?y", 443),
            target("a.test", 443, "/x?y")
        );
        assert_eq!(
            Target::parse("HTTPS://a.test:8443", 443),
            target("a.test", 8443, "/")
        );
        for bad in [
            "http://a.test/",
            "https:///x",
            "https://a@b.test/",
            "https://a.test/\r\nX: y",
        ] {
            assert_eq!(Target::parse(bad, 443), None, "{bad}");
        }
    }

    #[test]
    fn a_certificate_that_proves_nothing_is_told_from_other_faults() {
        let because = |why| std::io::Error::other(rustls::Error::InvalidCertificate(why));
        let unproven = because(rustls::CertificateError::UnknownIssuer);
        let found = Unfetched::of("a.test", &unproven);
        assert!(matches!(found, Unfetched::Unproven(why) if why.starts_with("a.test: ")));
        let refused = std::io::ErrorKind::ConnectionRefused.into();
        let found = Unfetched::of("a.test", &refused);
        assert!(matches!(found, Unfetched::Failed(_)));
    }

    #[test]
    fn only_a_plain_text_with_status_200_is_a_policy() {
        let answer = |head: &str| body(format!("{head}\r\n\r\nversion: STSv1\r\n").as_bytes());
        let good =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 16";
        assert_eq!(answer(good).unwrap(), "version: STSv1\r\n");
        assert!(answer(&good.replace("200", "301")).is_err());
        assert!(answer(&good.replace("plain", "html")).is_err());
        assert!(answer(&good.replace("16", "17")).is_err());
        assert!(answer(&format!("{good}\r\nTransfer-Encoding: chunked")).is_err());
        assert!(body(b"").is_err());
    }
}
