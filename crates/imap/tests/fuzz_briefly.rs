//! The fuzz targets on mutated examples, so that every run of the tests has a little of what
//! fuzzing gives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

#[path = "../fuzz/entry.rs"]
mod entry;

/// Inputs for each target; some 2 seconds in a debug build.
const ROUNDS: usize = 1500;

/// Dialogues, each on an engine of its own.
const DIALOGUES: usize = 100;

const EXAMPLES: [&[u8]; 8] = [
    b"c APPEND INBOX (\\Seen kw) \"17-Jul-1996 02:44:25 -0700\" {12+}\r\nSubject: x\r\n\r\n\
      d FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BINARY[1] \
      BODY.PEEK[HEADER.FIELDS (SUBJECT)]<0.9>)\r\n",
    b"c SEARCH RETURN (MIN ALL SAVE) OR (NOT SEEN 1:*) OR FROM \"x\" {3+}\r\n\
      abc SINCE 1-Feb-1994\r\n",
    b"c ENABLE QRESYNC IMAP4rev2\r\nd SELECT INBOX (QRESYNC (67 20 1:9 (1:2 1,3)))\r\n\
      e UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)\r\n",
    b"c STORE 1:* (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Deleted $Junk a)\r\nd EXPUNGE\r\n\
      e UID EXPUNGE $\r\n",
    b"c LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (INBOX %/* \"a*\") \
      RETURN (CHILDREN STATUS (SIZE))\r\n",
    b"c CREATE a/b (USE (\\Sent))\r\nd RENAME a/b &U,BTFw-\r\ne MOVE 1:2 a\r\n\
      f COPY 2 Trash\r\ng CLOSE\r\n",
    b"c IDLE\r\nDONE\r\nd AUTHENTICATE PLAIN =\r\n\
      e LOGIN {4}\r\nabcd {99999999999999999999}\r\n",
    b"c APPEND {5}\r\nINBOX {3+}\r\na:b (\\Draft) ~{4+}\r\nc:d\0\r\n\
      d STATUS INBOX (MESSAGES)\r\ne LOGOUT\r\n",
];

/// A small generator of its own, so that a failure comes again: xorshift (G. Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }

    /// Some examples in a row with bytes changed, cut, doubled or taken from one another.
    fn mutated(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..=self.below(3) {
            bytes.extend_from_slice(EXAMPLES[self.below(EXAMPLES.len())]);
        }
        for _ in 0..self.below(6) {
            let at = self.below(bytes.len());
            let until = (at + self.below(30)).min(bytes.len());
            match self.below(4) {
                0 if at < bytes.len() => bytes[at] = b"\r\n {}()\"\\*%$+~0\0\xff"[self.below(17)],
                1 => drop(bytes.drain(at..until)),
                2 => {
                    let copy = bytes[at..until].to_vec();
                    bytes.splice(at..at, copy);
                }
                _ => {
                    let other = EXAMPLES[self.below(EXAMPLES.len())];
                    let start = self.below(other.len());
                    let end = (start + 40).min(other.len());
                    bytes.splice(at..until, other[start..end].iter().copied());
                }
            }
        }
        bytes
    }
}

#[test]
fn any_bytes_are_cut_and_read() {
    let mut random = Random(0x1d4_3a6f);
    for _ in 0..ROUNDS {
        entry::command(&random.mutated());
    }
}

#[test]
fn any_bytes_come_to_an_answer_or_an_end() {
    let mut random = Random(0x51f_0b77);
    for _ in 0..DIALOGUES {
        entry::dialogue(&random.mutated());
    }
}
