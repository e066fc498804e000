//! The stream below a dialogue: TCP, TLS over TCP, or a unix socket, all with the same few
//! operations; and compression over any of them.

use super::deflate::Deflated;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

/// Pieces that go out with one system call.
const SLICES_PER_WRITE: usize = 64;

/// A connected stream.
pub enum Transport {
    /// Nothing is encrypted.
    Tcp(TcpStream),
    /// Boxed because a TLS session is large beside the others.
    Tls(Box<TlsStream<TcpStream>>),
    /// A local socket.
    Unix(UnixStream),
    /// One of the others, compressed.
    Deflated(Box<Deflated>),
    /// Taken away for a handshake that failed.
    Gone,
}

impl Transport {
    fn stream(&mut self) -> io::Result<Pin<&mut dyn Stream>> {
        match self {
            Self::Tcp(stream) => Ok(Pin::new(stream)),
            Self::Tls(stream) => Ok(Pin::new(stream.as_mut())),
            Self::Unix(stream) => Ok(Pin::new(stream)),
            // It has operations of its own.
            Self::Deflated(_) | Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads what is there.
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        free: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Self::Deflated(deflated) = self {
            return deflated.poll_read(context, free);
        }
        self.stream()?.poll_read(context, free)
    }

    /// Writes until `pending` is empty and all of it is with the kernel.
    pub fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        pending: &mut Unsent,
    ) -> Poll<io::Result<()>> {
        if let Self::Deflated(deflated) = self {
            return deflated.poll_send(context, pending);
        }
        while !pending.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE];
            let count = pending.slices(&mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            let written = ready!(self.stream()?.poll_write_vectored(context, slices))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            pending.sent(written);
        }
        self.stream()?.poll_flush(context)
    }

    /// True when the peer has refused what was sent: it is gone.
    pub fn is_refused(&self) -> bool {
        let error = match self {
            Self::Tcp(stream) => stream.take_error(),
            Self::Tls(stream) => stream.get_ref().0.take_error(),
            Self::Unix(stream) => stream.take_error(),
            Self::Deflated(deflated) => return deflated.inner().is_refused(),
            Self::Gone => return true,
        };
        !matches!(error, Ok(None))
    }

    /// Says that nothing more will be sent (`close_notify` with TLS).
    pub fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Self::Deflated(deflated) = self {
            return deflated.poll_end(context);
        }
        self.stream()?.poll_shutdown(context)
    }
}

/// Both directions of a stream.
trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Bytes that are to be sent, in order.
#[derive(Debug, Default)]
pub struct Unsent {
    pieces: VecDeque<bytes::Bytes>,
    bytes: usize,
}

impl Unsent {
    /// Adds a piece at the end.
    pub fn push(&mut self, piece: bytes::Bytes) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Gives back the memory of an empty list.
    pub fn release(&mut self) {
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
    }

    /// Takes at most so many bytes off the front.
    pub fn take(&mut self, most: usize) -> bytes::Bytes {
        let Some(first) = self.pieces.front() else {
            return bytes::Bytes::new();
        };
        if first.len() >= most || self.pieces.len() == 1 {
            let piece = first.slice(..first.len().min(most));
            self.sent(piece.len());
            return piece;
        }
        let mut joined = Vec::with_capacity(most.min(self.bytes));
        for piece in &self.pieces {
            let room = most - joined.len();
            joined.extend_from_slice(piece.get(..room).unwrap_or(piece));
        }
        self.sent(joined.len());
        joined.into()
    }

    fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    fn sent(&mut self, mut count: usize) {
        self.bytes = self.bytes.saturating_sub(count);
        while let Some(first) = self.pieces.front_mut() {
            if first.len() > count {
                *first = first.slice(count..);
                return;
            }
            count -= first.len();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_write_may_end_anywhere() {
        let mut unsent = Unsent::default();
        unsent.push(Bytes::from_static(b"* OK "));
        unsent.push(Bytes::new());
        unsent.push(Bytes::from_static(b"ready\r\n"));
        unsent.sent(7);
        assert_eq!(
            (unsent.len(), unsent.pieces.front()),
            (5, Some(&Bytes::from_static(b"ady\r\n")))
        );
        unsent.sent(5);
        assert!(unsent.is_empty());
    }
}
