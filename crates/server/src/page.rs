//! The page for the local machine: `GET /metrics` and `GET /health` over HTTP/1.1, nothing else.
//!
//! One request for each connection. Never shows mail, addresses or names.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longest request in bytes: a request line and some header lines.
const REQUEST_BYTES_MAX: usize = 8 * 1024;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests at the same time.
const REQUESTS_MAX: usize = 16;

/// What the page shows.
pub trait Source: Send + Sync + 'static {
    /// The text for Prometheus.
    fn metrics(&self) -> String;
    /// `Ok` while mail is taken; else why not, in one line.
    fn health(&self) -> Result<(), String>;
}

/// Answers requests until the task is dropped.
pub async fn serve(listener: TcpListener, source: Arc<dyn Source>) {
    let places = Arc::new(tokio::sync::Semaphore::new(REQUESTS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let source = Arc::clone(&source);
        tokio::spawn(async move {
            // A client that breaks off concerns nobody.
            let _ = timeout(PATIENCE, answer(stream, source)).await;
            drop(place);
        });
    }
}

/// Opens the page's port.
pub async fn open(address: SocketAddr) -> std::io::Result<TcpListener> {
    // `server` is the one crate that talks to the network.
    #[allow(clippy::disallowed_methods, reason = "the server's own listener")]
    TcpListener::bind(address).await
}

async fn answer(mut stream: TcpStream, source: Arc<dyn Source>) -> std::io::Result<()> {
    let request = read_request(&mut stream).await?;
    // Reading the store's numbers may touch the disk.
    let reply = tokio::task::spawn_blocking(move || reply(&request, source.as_ref())).await;
    let reply = reply.unwrap_or_else(|_| page(500, "Internal Server Error", "failed\n"));
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

/// Reads up to the empty line; what is longer is cut and refused by its form.
async fn read_request(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while request.len() < REQUEST_BYTES_MAX {
        let count = stream.read(&mut piece).await?;
        request.extend(piece.iter().take(count));
        if count == 0 || request.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    Ok(request)
}

fn reply(request: &[u8], source: &dyn Source) -> String {
    let line = request
        .split(|&byte| byte == b'\r')
        .next()
        .unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ');
    let (method, path) = (words.next(), words.next());
    match (method, path) {
        (Some(b"GET"), Some(b"/metrics")) => page(200, "OK", &source.metrics()),
        (Some(b"GET"), Some(b"/health")) => match source.health() {
            Ok(()) => page(200, "OK", "ok\n"),
            Err(why) => page(503, "Service Unavailable", &format!("{why}\n")),
        },
        (Some(b"GET"), Some(_)) => page(404, "Not Found", "there are /metrics and /health\n"),
        (Some(_), Some(_)) => page(405, "Method Not Allowed", "only GET\n"),
        _ => page(400, "Bad Request", "not HTTP\n"),
    }
}

fn page(code: u16, reason: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ill;

    impl Source for Ill {
        fn metrics(&self) -> String {
            "facteur_connections_open 1\n".to_owned()
        }
        fn health(&self) -> Result<(), String> {
            Err("the disk is full".to_owned())
        }
    }

    #[test]
    fn metrics_are_shown() {
        let shown = reply(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", &Ill);
        assert!(shown.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(shown.ends_with("\r\n\r\nfacteur_connections_open 1\n"));
    }

    #[test]
    fn a_server_that_takes_no_mail_is_not_healthy_and_says_why() {
        let shown = reply(b"GET /health HTTP/1.0\r\n\r\n", &Ill);
        assert!(shown.starts_with("HTTP/1.1 503 "));
        assert!(shown.ends_with("the disk is full\n"));
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        assert!(reply(b"GET / HTTP/1.1\r\n\r\n", &Ill).starts_with("HTTP/1.1 404 "));
        assert!(reply(b"POST /metrics HTTP/1.1\r\n\r\n", &Ill).starts_with("HTTP/1.1 405 "));
        assert!(reply(b"\x16\x03\x01", &Ill).starts_with("HTTP/1.1 400 "));
    }
}
