//! Letters that are read before they are asked for, while a client fetches one after the other.
//!
//! The way to a thread that may read the disk, and back, costs more than reading a letter. So once
//! letters are fetched in order, the next ones are read while the peer takes the last, first two,
//! then more. What was read is forgotten when anything in the account changes, when another letter
//! is asked for, and when it was of no use for a while: it says what a read at that moment would
//! say.
//!
//! Never reads anything itself: see [`crate::command::retrieve`]. Start at [`Ahead::take`].

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes that a session holds of what was not asked for yet, but for dots that have to be doubled,
/// which may add a third where a letter is nothing else.
pub(crate) const BYTES_MAX: u64 = 256 * 1024;
/// Room is made in pieces of so many bytes, so that letters of other sizes find enough of it, too.
const ROOM_BYTES: usize = 64 * 1024;
/// Letters that are read ahead at once: a step of less than a millisecond where the system has them
/// in memory.
const LETTERS_MAX: usize = 16;
/// The same at the beginning, when it is not sure that the client goes on.
const LETTERS_MIN: usize = 2;
/// What a session holds after so many seconds was of no use.
pub(crate) const KEPT_SECONDS: i64 = 60;

/// The sessions that read ahead now.
#[derive(Debug, Clone, Default)]
pub struct Readers(Arc<()>);

impl Readers {
    /// One place more, until what is answered is dropped. Where several ask at once, there may be a
    /// few more than `sessions_max`.
    fn place(&self, sessions_max: usize) -> Option<Arc<()>> {
        (Arc::strong_count(&self.0) <= sessions_max).then(|| Arc::clone(&self.0))
    }
}

/// What one session has read ahead.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// The replies to RETR, in the order of their letters.
    ready: VecDeque<(usize, Bytes)>,
    /// Where they lie, to be written anew when they were sent.
    buffer: BytesMut,
    /// The letter that was fetched last; 0 if none was.
    last: usize,
    /// Letters to be read next; none while they are not fetched in order.
    wanted: usize,
    place: Option<Arc<()>>,
}

impl Ahead {
    /// The reply for this letter, if it is ready.
    pub(crate) fn take(&mut self, number: usize) -> Option<Bytes> {
        if self.ready.front().is_some_and(|(next, _)| *next != number) {
            self.forget(); // The client has its own order.
        }
        let (_, reply) = self.ready.pop_front()?;
        self.last = number;
        Some(reply)
    }

    /// Notes that this letter was read because it was asked for.
    pub(crate) fn note(&mut self, number: usize) {
        if self.last == 0 || number != self.last.saturating_add(1) {
            self.forget();
        } else {
            self.wanted = self.wanted.max(LETTERS_MIN);
        }
        self.last = number;
    }

    /// Behind which letter how many are to be read now, if any.
    pub(crate) fn wanted(&self) -> Option<(usize, usize)> {
        (self.ready.is_empty() && self.wanted > 0).then_some((self.last, self.wanted))
    }

    /// A place among those who hold something; false while too many do.
    pub(crate) fn begin(&mut self, readers: &Readers, sessions_max: usize) -> bool {
        let place = self.place.take();
        self.place = place.or_else(|| readers.place(sessions_max));
        self.place.is_some()
    }

    /// Makes room for replies of so many bytes in all, where those that were sent lay.
    pub(crate) fn make_room(&mut self, bytes: usize) {
        self.buffer.reserve(bytes.next_multiple_of(ROOM_BYTES));
    }

    /// Adds the reply for the next letter; nothing if it cannot be written.
    pub(crate) fn add<E>(
        &mut self,
        number: usize,
        write: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<(), E> {
        let written = write(&mut self.buffer);
        let reply = self.buffer.split().freeze();
        written.map(|()| self.ready.push_back((number, reply)))
    }

    /// All that could be read was added; the next time it may be more.
    pub(crate) fn end(&mut self) {
        if self.ready.is_empty() {
            self.forget();
        } else {
            self.wanted = (self.wanted * 2).min(LETTERS_MAX);
        }
    }

    /// Gives everything back and begins anew.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}
