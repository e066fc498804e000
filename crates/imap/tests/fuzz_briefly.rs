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
const ROUNDS: u64 = 1500;

/// Dialogues, each on an engine of its own.
const DIALOGUES: u64 = 100;

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

/// Bytes that mean something in a command.
const LOVED: &[u8] = b"\r\n {}()\"\\*%$+~0\0\xff";

fn run(rounds: u64, target: fn(&[u8])) {
    engine::rehearsal::mutation::run(&EXAMPLES, LOVED, rounds, target);
}

#[test]
fn any_bytes_are_cut_and_read() {
    run(ROUNDS, entry::command);
}

#[test]
fn any_bytes_come_to_an_answer_or_an_end() {
    run(DIALOGUES, entry::dialogue);
}
