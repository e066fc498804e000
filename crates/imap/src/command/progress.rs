//! Tells a client that waits how far its search has come.
//!
//! Standards: RFC 9585.

use super::Desk;
use crate::codec::write;
use bytes::BufMut;
use engine::Timestamp;
use engine::search::Progress;

/// Seconds between two signs of life. RFC 9585 §3 asks for a few a minute at most.
const INTERVAL_SECONDS: i64 = 10;

/// When a client was last told.
#[derive(Debug, Default)]
pub(super) struct Ticker {
    /// Since the command began, at first.
    last: Option<Timestamp>,
}

impl Ticker {
    /// Writes `* OK [INPROGRESS ("a1" 4 10)] …` if it is time.
    pub(super) fn tick(&mut self, desk: &mut Desk<'_>, tag: &str, progress: Progress) {
        let last = *self.last.get_or_insert(desk.now);
        if desk.now.seconds().saturating_sub(last.seconds()) < INTERVAL_SECONDS {
            return;
        }
        self.last = Some(desk.now);
        let out = &mut *desk.out;
        out.put_slice(b"* OK [INPROGRESS (");
        // The text of a response code ends at the first bracket.
        if tag.contains(']') {
            out.put_slice(b"NIL");
        } else {
            write::string(out, tag.as_bytes());
        }
        out.put_u8(b' ');
        write::number(out, u64::from(progress.done));
        out.put_u8(b' ');
        write::number(out, u64::from(progress.total));
        out.put_slice(b")] Still searching\r\n");
    }
}
