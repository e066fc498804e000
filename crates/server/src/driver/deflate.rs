//! DEFLATE below a dialogue: what `COMPRESS` puts between the session and its stream.
//!
//! A waiting connection holds no compressor. Each piece that is sent is compressed by itself, or
//! goes as it is where that would hardly be worth its time, and the peer can read all of it at once;
//! that the next piece does not refer to what was sent before costs a little room on the wire. It
//! also keeps what one answer holds apart from the text of another: an observer who can have letters
//! put into a mailbox learns nothing of its other letters from the lengths of later answers (CRIME,
//! BREACH). Passwords are never compressed, since compression begins behind the sign-in.
//!
//! What is received is inflated only as far as the session has room, whatever it would grow to.
//! Between two blocks nothing but the last 32 KiB is kept, since the peer may refer to them.
//!
//! Either direction may end while the stream goes on ([`Deflated::end`]); what follows is as it is.
//!
//! Start at [`Deflated`]. Standards: RFC 4978 (IMAP COMPRESS), RFC 1951 (DEFLATE), RFC 8437 §4.1
//! (the end of compression).

use super::transport::{Transport, Unsent};
use bytes::Bytes;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
    TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress};
use std::cell::RefCell;
use std::io;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;
use zlib_rs::{Deflate, DeflateFlush, compress_bound};

/// How far back a block may refer. Source: RFC 1951 §2.
const WINDOW_BYTES: usize = 1 << WINDOW_BITS;
const WINDOW_BITS: u8 = 15;

/// Compressed bytes that are read at once.
const PACKED_BYTES: usize = 4 * 1024;

/// Bytes of a piece, as many as a block without compression holds (RFC 1951 §3.2.4). They are
/// compressed in about a millisecond; then other connections have their turn.
const PIECE_BYTES: usize = 0xffff;

/// Bytes from the middle of a piece that tell whether it is worth compressing: where these do not
/// shrink by a third, it is not. Fewer tell too little, since they repeat nothing.
const SAMPLE_BYTES: usize = 2 * 1024;

/// A piece that a sample would be too great a part of is compressed unseen.
const SAMPLED_BYTES_MIN: usize = 4 * SAMPLE_BYTES;

/// After so many pieces one after the other that were not worth it, as attachments are, not each of
/// the next is tried: half of them, then a quarter …
const REFUSED_MIN: u32 = 3;

/// … and at least one in so many.
const TRIED_MIN: u32 = 8;

/// The fastest level. What is sent is compressed for one client and once, so its time counts before
/// its size: letters of random words and Base64 shrink to 68 %, where the fastest of `miniz_oxide`
/// came to 59 % in more than twice the time.
const LEVEL: i32 = 1;

/// Room for the end of a flush; a compressor that has 6 bytes or less of it repeats itself.
const FLUSH_BYTES: usize = 64;

/// Compressors of some 300 KiB each that a thread keeps for its next send.
const COMPRESSORS_KEPT: usize = 2;

thread_local! {
    static COMPRESSORS: RefCell<Vec<Deflate>> = const { RefCell::new(Vec::new()) };
}

/// A last block without content. Source: RFC 1951 §3.2.6.
const LAST_BLOCK: &[u8] = &[0x03, 0x00];

/// A stream whose both directions are compressed.
pub struct Deflated {
    inner: Transport,
    inflating: Inflating,
    packed: Unsent,
    trials: Trials,
    /// What is sent from here on is not compressed.
    is_ended: bool,
}

impl Deflated {
    /// What it goes through.
    pub fn inner(&self) -> &Transport {
        &self.inner
    }

    /// Compresses what goes through `inner` from here on. The peer's compressed bytes that were read
    /// already are `received`.
    pub fn new(inner: Transport, received: &[u8]) -> Self {
        let mut inflating = Inflating::default();
        inflating.feed(received);
        Self {
            inner,
            inflating,
            packed: Unsent::default(),
            trials: Trials::default(),
            is_ended: false,
        }
    }

    /// Compresses nothing that is sent from here on, once all that was to be sent is. What is
    /// received is taken as it is from the place where the peer ended its stream or made it readable
    /// (by an empty block) last.
    pub fn end(&mut self) {
        self.is_ended = true;
        self.packed.push(Bytes::from_static(LAST_BLOCK));
        self.inflating.ends = true;
    }

    /// What lies below, with what was read of it and not taken, once neither direction is
    /// compressed any more; otherwise the same again.
    pub fn ended(self: Box<Self>) -> Result<(Transport, Vec<u8>), Box<Self>> {
        if self.is_ended && self.packed.is_empty() && self.inflating.is_over() {
            Ok((self.inner, self.inflating.packed))
        } else {
            Err(self)
        }
    }

    /// Reads what the peer said; nothing when it ended.
    ///
    /// Errors: [`io::ErrorKind::InvalidData`] for what is no DEFLATE.
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        free: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let count = self.inflating.next(free.initialize_unfilled())?;
            if count > 0 {
                free.advance(count);
                return Poll::Ready(Ok(()));
            }
            if self.inflating.is_over() {
                return self.inner.poll_read(context, free);
            }
            let mut packed = [0; PACKED_BYTES];
            let mut packed = ReadBuf::new(&mut packed);
            let Poll::Ready(read) = self.inner.poll_read(context, &mut packed) else {
                self.inflating.rest();
                return Poll::Pending;
            };
            read?;
            if packed.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.inflating.feed(packed.filled());
        }
    }

    /// Sends until `pending` is empty and the peer can read all of it.
    pub fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        pending: &mut Unsent,
    ) -> Poll<io::Result<()>> {
        let mut is_first = true;
        loop {
            ready!(self.inner.poll_send(context, &mut self.packed))?;
            if self.is_ended {
                return self.inner.poll_send(context, pending);
            }
            if pending.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if !std::mem::take(&mut is_first) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            for block in blocks(pending.take(PIECE_BYTES), &mut self.trials)? {
                self.packed.push(block);
            }
        }
    }

    /// Says that nothing more will be sent.
    pub fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_end(context)
    }
}

/// Which pieces are tried: a sample costs as much as all else that is done with a piece.
#[derive(Debug, Default)]
struct Trials {
    /// Trials in a row that were not worth it.
    refused: u32,
    /// Pieces since the last trial.
    passed_over: u32,
}

impl Trials {
    /// Whether the next piece is tried.
    fn is_next(&mut self) -> bool {
        let halvings = (self.refused + 1).saturating_sub(REFUSED_MIN);
        let one_in = 1_u32
            .checked_shl(halvings)
            .map_or(TRIED_MIN, |one_in| one_in.min(TRIED_MIN));
        self.passed_over += 1;
        let is_next = self.passed_over >= one_in;
        if is_next {
            self.passed_over = 0;
        }
        is_next
    }

    fn note(&mut self, is_worth_it: bool) {
        self.refused = if is_worth_it {
            0
        } else {
            self.refused.saturating_add(1)
        };
    }
}

/// A piece as blocks, which refer to nothing else, and of which the peer can read all.
fn blocks(piece: Bytes, trials: &mut Trials) -> io::Result<[Bytes; 2]> {
    if piece.len() < SAMPLED_BYTES_MIN {
        return Ok([
            with_compressor(|compressor| pack(compressor, &piece))?,
            Bytes::new(),
        ]);
    }
    if trials.is_next() {
        let packed = with_compressor(|compressor| pack_if_worth_it(compressor, &piece))?;
        trials.note(packed.is_some());
        if let Some(packed) = packed {
            return Ok([packed, Bytes::new()]);
        }
    }
    Ok([head_of_stored(piece.len()), piece])
}

/// Compresses a piece if that saves enough for the time that it takes.
fn pack_if_worth_it(compressor: &mut Deflate, piece: &[u8]) -> io::Result<Option<Bytes>> {
    let (_, rest) = piece.split_at(piece.len() / 2);
    let sample = rest.get(..SAMPLE_BYTES).unwrap_or(rest);
    if 3 * pack(compressor, sample)?.len() > 2 * sample.len() {
        return Ok(None);
    }
    compressor.reset();
    pack(compressor, piece).map(Some)
}

/// What stands before bytes that are not compressed. Source: RFC 1951 §3.2.4.
fn head_of_stored(length: usize) -> Bytes {
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    let [a, b] = length.to_le_bytes();
    Bytes::copy_from_slice(&[0, a, b, !a, !b])
}

/// Work for a compressor that knows of nothing.
fn with_compressor<T>(work: impl FnOnce(&mut Deflate) -> T) -> T {
    let kept = COMPRESSORS.with(|kept| kept.borrow_mut().pop());
    let mut compressor = kept.unwrap_or_else(|| Deflate::new(LEVEL, false, WINDOW_BITS));
    let done = work(&mut compressor);
    COMPRESSORS.with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() < COMPRESSORS_KEPT {
            compressor.reset();
            kept.push(compressor);
        }
    });
    done
}

/// Compresses `piece`, so that the peer can read all of it.
fn pack(compressor: &mut Deflate, piece: &[u8]) -> io::Result<Bytes> {
    let room = compress_bound(piece.len()) + FLUSH_BYTES;
    let (mut packed, mut taken, mut made) = (vec![0; room], 0, 0);
    // As long as the room is filled there may be more of the flush (zlib's manual, deflate()).
    while taken < piece.len() || made == packed.len() {
        packed.resize(made + room, 0);
        let left = piece.get(taken..).unwrap_or_default();
        let free = packed.get_mut(made..).unwrap_or_default();
        let before = (compressor.total_in(), compressor.total_out());
        let status = compressor.compress(left, free, DeflateFlush::SyncFlush);
        status.map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        taken += to_usize(compressor.total_in() - before.0);
        made += to_usize(compressor.total_out() - before.1);
    }
    packed.truncate(made);
    Ok(packed.into())
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The receiving direction.
#[derive(Default)]
struct Inflating {
    /// Read and not inflated yet.
    packed: Vec<u8>,
    /// Within a block.
    state: Option<Box<DecompressorOxide>>,
    /// Between two blocks; nothing before the first.
    boundary: Option<BlockBoundaryState>,
    /// What was inflated last: blocks to come may refer to it.
    history: Vec<u8>,
    has_ended: bool,
    /// Bytes of the block that is being read.
    made_in_block: usize,
    /// The last block was empty: all that was sent can be read.
    is_flushed: bool,
    /// What comes behind such a block is not compressed.
    ends: bool,
}

impl Inflating {
    fn feed(&mut self, packed: &[u8]) {
        self.packed.extend_from_slice(packed);
    }

    /// Inflates into `free`; 0 if more has to be read first.
    fn next(&mut self, free: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while count == 0 && !self.packed.is_empty() && !free.is_empty() {
            count = if self.is_over() {
                self.plain(free)
            } else {
                self.step(free)?
            };
        }
        Ok(count)
    }

    /// True if nothing that comes is compressed any more.
    fn is_over(&self) -> bool {
        self.ends && (self.is_flushed || self.has_ended)
    }

    fn plain(&mut self, free: &mut [u8]) -> usize {
        let count = free.len().min(self.packed.len());
        for (to, from) in free.iter_mut().zip(self.packed.drain(..count)) {
            *to = from;
        }
        count
    }

    fn step(&mut self, free: &mut [u8]) -> io::Result<usize> {
        const FLAGS: u32 = TINFL_FLAG_HAS_MORE_INPUT
            | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY
            | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        if self.has_ended {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let boundary = self.boundary.take();
        let state = self.state.get_or_insert_with(|| {
            Box::new(boundary.map_or_else(DecompressorOxide::new, |boundary| {
                DecompressorOxide::from_block_boundary_state(&boundary)
            }))
        });
        let start = self.history.len();
        self.history.resize(start + free.len().min(WINDOW_BYTES), 0);
        let (status, taken, made) =
            decompress(state, &self.packed, &mut self.history, start, FLAGS);
        self.history.truncate(start + made);
        self.packed.drain(..taken);
        self.made_in_block += made;
        self.is_flushed = false;
        match status {
            TINFLStatus::BlockBoundary => {
                self.is_flushed = std::mem::take(&mut self.made_in_block) == 0;
                self.boundary = state.block_boundary_state();
                self.state = None;
            }
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => {}
            TINFLStatus::Done => self.has_ended = true,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        let made = self.history.get(start..).unwrap_or_default();
        if let Some(free) = free.get_mut(..made.len()) {
            free.copy_from_slice(made);
        }
        let count = made.len();
        let forgotten = self.history.len().saturating_sub(WINDOW_BYTES);
        self.history.drain(..forgotten);
        Ok(count)
    }

    /// Nothing comes for a while: gives back what is not needed.
    fn rest(&mut self) {
        self.packed = Vec::new();
        self.history.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inflate(inflating: &mut Inflating, packed: &[u8], room: usize) -> io::Result<Vec<u8>> {
        inflating.feed(packed);
        let (mut all, mut free) = (Vec::new(), vec![0; room]);
        loop {
            match inflating.next(&mut free)? {
                0 => return Ok(all),
                count => all.extend_from_slice(&free[..count]),
            }
        }
    }

    fn send(text: &[u8]) -> Vec<u8> {
        send_behind(&mut Trials::default(), text)
    }

    /// What is sent behind what made of the trials what they are.
    fn send_behind(trials: &mut Trials, text: &[u8]) -> Vec<u8> {
        let piece = Bytes::copy_from_slice(text);
        blocks(piece, trials).unwrap().concat()
    }

    /// Text that shrinks to less than two thirds.
    fn numbers() -> Vec<u8> {
        let lines = (0..9999).flat_map(|n| format!("{n}\r\n").into_bytes());
        lines.take(PIECE_BYTES).collect()
    }

    /// Text as attachments have it, which shrinks little.
    fn base64(length: usize) -> Vec<u8> {
        let mut seed = 1_u32;
        let letters = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'0' + (seed >> 26) as u8
        });
        letters.take(length).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        /// Each send can be read at once, in whatever pieces it comes, with one compressor for each.
        #[test]
        fn what_was_sent_is_read(
            sends in proptest::collection::vec("[a-c]{0,400}", 1..6),
            piece in 1_usize..50,
            room in 1_usize..300,
        ) {
            let mut inflating = Inflating::default();
            for text in sends {
                let mut read = Vec::new();
                for part in send(text.as_bytes()).chunks(piece) {
                    read.extend(inflate(&mut inflating, part, room).unwrap());
                    inflating.rest();
                }
                prop_assert_eq!(read, text.into_bytes());
                prop_assert!(inflating.state.is_none(), "nothing but the window is kept");
            }
        }

        #[test]
        fn any_bytes_are_inflated_or_refused(packed: Vec<u8>) {
            let _ = inflate(&mut Inflating::default(), &packed, 1000);
        }
    }

    /// A client keeps one compressor for all it sends, so that later blocks refer to earlier ones.
    #[test]
    fn blocks_refer_to_what_came_before() {
        let mut compressor = Deflate::new(LEVEL, false, WINDOW_BITS);
        let mut inflating = Inflating::default();
        let letter: Vec<u8> = (0..10_000_u32)
            .flat_map(|n| (n * n).to_be_bytes())
            .collect();
        for text in [
            &b"a NOOP\r\n"[..],
            &letter,
            b"b NOOP\r\n",
            &letter[20_000..],
        ] {
            let packed = pack(&mut compressor, text).unwrap();
            assert_eq!(inflate(&mut inflating, &packed, 500).unwrap(), text);
            inflating.rest();
            assert!(inflating.history.capacity() <= WINDOW_BYTES);
        }
    }

    #[test]
    fn text_of_any_length_can_be_read_at_once() {
        let letter = base64(PIECE_BYTES);
        for length in (1..PIECE_BYTES).step_by(61) {
            let mut inflating = Inflating::default();
            let read = inflate(&mut inflating, &send(&letter[..length]), PIECE_BYTES).unwrap();
            assert!(read == letter[..length], "{} of {length} bytes", read.len());
        }
    }

    #[test]
    fn what_hardly_shrinks_goes_as_it_is_and_what_follows_is_compressed() {
        let hard = base64(PIECE_BYTES);
        let soft = &numbers()[..];
        let (mut inflating, mut trials) = (Inflating::default(), Trials::default());
        for text in [&hard[..], soft, &hard] {
            let packed = send_behind(&mut trials, text);
            if text == soft {
                assert!(packed.len() < text.len() * 2 / 3, "{}", packed.len());
            } else {
                assert_eq!(packed.len(), text.len() + 5);
            }
            assert!(inflate(&mut inflating, &packed, PIECE_BYTES).unwrap() == text);
        }
    }

    #[test]
    fn behind_pieces_that_hardly_shrink_ever_fewer_are_tried_and_one_that_does_ends_that() {
        let (hard, soft) = (base64(PIECE_BYTES), numbers());
        let mut trials = Trials::default();
        let mut is_packed = |text: &[u8]| send_behind(&mut trials, text).len() < text.len();
        let mut sends = |hard_ones: usize| {
            let none = (0..hard_ones).all(|_| !is_packed(&hard));
            (none, (1..=20).find(|_| is_packed(&soft)))
        };
        assert_eq!(sends(2), (true, Some(1)), "two say nothing");
        assert_eq!(sends(3), (true, Some(2)));
        assert_eq!(sends(3), (true, Some(2)), "each time anew");
        assert_eq!(sends(1001), (true, Some(8)));
        assert_eq!(sends(2), (true, Some(1)));
    }

    #[test]
    fn short_pieces_are_compressed_whatever_was_sent_before() {
        let mut trials = Trials::default();
        for _ in 0..10 {
            send_behind(&mut trials, &base64(PIECE_BYTES));
        }
        let short = &numbers()[..SAMPLED_BYTES_MIN - 1];
        assert!(send_behind(&mut trials, short).len() < short.len());
    }

    #[test]
    fn a_bomb_grows_no_further_than_there_is_room() {
        let mut compressor = Deflate::new(LEVEL, false, WINDOW_BITS);
        let bomb = pack(&mut compressor, &vec![0; 1 << 20]).unwrap();
        assert!(bomb.len() < 16 * 1024);
        let mut inflating = Inflating::default();
        inflating.feed(&bomb);
        let mut free = [1; 100];
        assert_eq!(inflating.next(&mut free).unwrap(), 100);
        assert!(inflating.history.capacity() < 2 * WINDOW_BYTES);
    }
}
