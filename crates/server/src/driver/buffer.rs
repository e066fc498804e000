//! Received bytes that a session has not taken yet, and the buffers that reads go into.
//!
//! An idle connection holds no buffer: one is borrowed from the thread for each read and goes back
//! when the session has taken all of it. What little is left over (half a line) is kept in a
//! buffer of its size.

use std::cell::RefCell;
use std::io;
use std::task::Poll;
use tokio::io::ReadBuf;

/// Bytes read at once: a letter of ordinary length comes with one system call.
pub const READ_BYTES: usize = 64 * 1024;

/// Read buffers that a thread keeps for its next read.
const BUFFERS_KEPT: usize = 8;

/// Left-over bytes up to which they are moved to a buffer of their own size.
const REST_BYTES_MAX: usize = 8 * 1024;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn borrow() -> Vec<u8> {
    BUFFERS
        .with(|buffers| buffers.borrow_mut().pop())
        .unwrap_or_else(|| vec![0; READ_BYTES])
}

fn give_back(buffer: Vec<u8>) {
    BUFFERS.with(|buffers| {
        let mut buffers = buffers.borrow_mut();
        if buffer.len() == READ_BYTES && buffers.len() < BUFFERS_KEPT {
            buffers.push(buffer);
        }
    });
}

/// Bytes received and not yet taken.
#[derive(Debug, Default)]
pub struct Received {
    /// All of it is initialised; what counts lies between `taken` and `filled`.
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
}

impl Received {
    /// What the session may take.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.taken..self.filled).unwrap_or_default()
    }

    /// Number of bytes that wait.
    pub fn len(&self) -> usize {
        self.filled - self.taken
    }

    /// True when the session took everything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The session took this many; at most all.
    pub fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.filled);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        give_back(std::mem::take(&mut self.buffer));
        (self.taken, self.filled) = (0, 0);
    }

    /// Reads once; the answer is the number of bytes, 0 at the end of the stream.
    ///
    /// While nothing comes, no read buffer is held.
    pub fn read(
        &mut self,
        read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<usize>> {
        let mut target = self.room();
        let start = self.len();
        let mut free = ReadBuf::new(target.get_mut(start..).unwrap_or_default());
        let outcome = read(&mut free);
        let count = free.filled().len();
        match outcome {
            Poll::Ready(Ok(())) => {
                self.move_into(target, count);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                give_back(target);
                self.shrink();
                Poll::Pending
            }
        }
    }

    /// A buffer with room behind what waits.
    fn room(&self) -> Vec<u8> {
        if self.len() <= READ_BYTES / 2 {
            return borrow();
        }
        vec![0; self.len() + READ_BYTES]
    }

    /// Puts what waits before the `count` bytes that were read behind its place.
    fn move_into(&mut self, mut target: Vec<u8>, count: usize) {
        let waiting = self.len();
        if let (Some(head), Some(bytes)) = (
            target.get_mut(..waiting),
            self.buffer.get(self.taken..self.filled),
        ) {
            head.copy_from_slice(bytes);
        }
        give_back(std::mem::replace(&mut self.buffer, target));
        (self.taken, self.filled) = (0, waiting + count);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Gives a large buffer back when little of it is used.
    fn shrink(&mut self) {
        if self.len() <= REST_BYTES_MAX && self.buffer.len() > REST_BYTES_MAX {
            let rest = self.bytes().to_vec();
            give_back(std::mem::take(&mut self.buffer));
            (self.taken, self.filled) = (0, rest.len());
            self.buffer = rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(received: &mut Received, bytes: &[u8]) {
        let outcome = received.read(|free| {
            free.put_slice(bytes);
            Poll::Ready(Ok(()))
        });
        assert!(matches!(outcome, Poll::Ready(Ok(count)) if count == bytes.len()));
    }

    #[test]
    fn bytes_come_in_order_however_they_were_taken() {
        let mut received = Received::default();
        put(&mut received, b"EHLO a\r\nMA");
        received.take(8);
        assert_eq!(received.bytes(), b"MA");
        put(&mut received, b"IL\r\n");
        assert_eq!(received.bytes(), b"MAIL\r\n");
        received.take(6);
        assert!(received.is_empty());
    }

    #[test]
    fn a_connection_that_waits_holds_only_what_is_left_over() {
        let mut received = Received::default();
        put(&mut received, b"EHLO a\r\nMA");
        received.take(8);
        assert!(received.read(|_| Poll::Pending).is_pending());
        assert_eq!(
            (received.bytes(), received.buffer.capacity()),
            (&b"MA"[..], 2)
        );
        received.take(2);
        assert_eq!(received.buffer.capacity(), 0);
    }

    #[test]
    fn more_than_a_buffer_can_wait() {
        let mut received = Received::default();
        for _ in 0..100 {
            put(&mut received, &[b'x'; 1000]);
        }
        assert_eq!(received.len(), 100_000);
        received.take(99_999);
        assert_eq!(received.bytes(), b"x");
    }
}
