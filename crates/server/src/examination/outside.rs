//! Programs outside of the server that look at letters: how they are reached, and how a letter is
//! given to them piece by piece.

use crate::configuration::Endpoint;
use crate::driver::pool::Pool;
use bytes::Bytes;
use engine::{Engine, Staged};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Bytes of a letter that are in memory at a time.
const PIECE_BYTES: u64 = 64 * 1024;

/// Characters of a program's own words.
const SHOWN_CHARS_MAX: usize = 200;

/// A connection to a program.
pub trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<C: AsyncRead + AsyncWrite + Unpin + Send> Connection for C {}

/// Opens a connection.
///
/// Errors: also [`io::ErrorKind::Unsupported`] for a place that is turned off.
pub async fn connect(place: &Endpoint) -> io::Result<Box<dyn Connection>> {
    Ok(match place {
        Endpoint::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?; // What is said is small and waits for an answer.
            Box::new(stream)
        }
        Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Endpoint::Off => return Err(io::ErrorKind::Unsupported.into()),
    })
}

/// What a program says of itself, as the log may have it: a line, and not too long.
pub fn shown(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(SHOWN_CHARS_MAX).collect()
}

/// Reads letters that were not accepted yet.
#[derive(Clone)]
pub struct Reader {
    engine: Engine,
    pool: Arc<Pool>,
}

impl Reader {
    /// Reads on a pool whose threads may wait for the disk.
    pub fn new(engine: Engine, pool: Arc<Pool>) -> Self {
        Self { engine, pool }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The pool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The next piece from a place on; empty at the end.
    pub async fn piece(&self, letter: &Staged, at: u64) -> Result<Bytes, String> {
        let (engine, letter) = (self.engine.clone(), letter.clone());
        let read = move || engine.read_staged(&letter, at..at.saturating_add(PIECE_BYTES));
        let piece = self.pool.run(None, read).await;
        let piece = piece.map_err(|_| "the server stops".to_owned())?;
        piece.map_err(|error| error.to_string())
    }
}
