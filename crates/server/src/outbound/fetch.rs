//! Fetches a domain's MTA-STS policy.
//!
//! One GET over TLS with a certificate that is valid for `mta-sts.DOMAIN`; no redirections, no
//! second connection, all within bounds. Start at [`Source`].
//!
//! Standards: RFC 8461 §3.3 (fetching), RFC 9112 (HTTP/1.1).

use super::names::Names;
use super::tls::{Keys, Proof, server_name};
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
    fn policy<'a>(
        &'a self,
        domain: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;
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
    fn policy<'a>(
        &'a self,
        domain: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>> {
        Box::pin(async move {
            timeout(PATIENCE, self.fetch(domain))
                .await
                .unwrap_or_else(|_| Err("took too long".to_owned()))
        })
    }
}

impl Web {
    async fn fetch(&self, domain: &str) -> Result<String, String> {
        let host = format!("mta-sts.{domain}");
        let found = self.names.addresses(&host).await;
        let addresses = found.map_err(|error| format!("{host}: {error:?}"))?.records;
        let mut last = "no address".to_owned();
        for address in addresses.into_iter().take(ADDRESSES_MAX) {
            match self.ask(&host, SocketAddr::new(address, self.port)).await {
                Ok(answer) => return body(&answer),
                Err(error) => last = error.to_string(),
            }
        }
        Err(format!("{host}: {last}"))
    }

    async fn ask(&self, host: &str, address: SocketAddr) -> std::io::Result<Vec<u8>> {
        let unable = |why: &str| std::io::Error::other(why.to_owned());
        let config = self.keys.config(&Proof::Authority);
        let config = config.ok_or_else(|| unable("no certificate authorities"))?;
        let name = server_name(host).ok_or_else(|| unable("not a name"))?;
        let stream = TcpStream::connect(address).await?;
        let mut stream = TlsConnector::from(config).connect(name, stream).await?;
        // HTTP/1.0 keeps the answer in one piece: no chunks.
        let request = format!(
            "GET /.well-known/mta-sts.txt HTTP/1.0\r\nHost: {host}\r\n\
             User-Agent: facteur\r\nAccept: text/plain\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await;
        match read {
            // Many servers close without a farewell; the length tells whether all came.
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
            _ => Ok(answer),
        }
    }
}

/// The text behind a good answer's header.
fn body(answer: &[u8]) -> Result<String, String> {
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
