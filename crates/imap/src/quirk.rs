//! Faults of clients and of letters that are tolerated, each by its name.
//!
//! Two more lie where bytes are cut and have no function of their own. A bare LF ends a line
//! (people who try a server by hand through `openssl s_client`): [`crate::codec::frame`]. Spare
//! spaces between arguments and at the end of a line (older mobile clients) are passed over:
//! [`crate::codec::cursor::Cursor::space`].
//!
//! What else programs depend on, of all that the standards leave open, needs nothing here and is
//! held fast in `tests/dialogues/quirks.txt`, each with the program and where it was told: Apple's
//! Mail and the iPhone, Evolution, K-9 Mail, and Outlook.

use crate::codec::FlagList;
use crate::codec::cursor::{Cursor, Parsed};
use crate::codec::parse;

/// What a NUL is told as where the grammar has no room for one; the length stays.
pub const NUL_SHOWN: u8 = 0x80;

/// Makes bytes of a letter fit into an ordinary literal, whose CHAR8 is any octet but NUL (RFC 9051
/// §9).
///
/// Letters with NUL come by a literal8 or an import, from programs that forgot a transfer encoding.
/// The byte itself is told by BINARY. Dovecot shows the same byte.
pub fn show_nul(bytes: &mut [u8]) {
    // Every byte is written, so that many are looked at at once.
    for byte in bytes {
        *byte = if *byte == 0 { NUL_SHOWN } else { *byte };
    }
}

/// True if bytes came behind the announcement of a literal for which a client has to wait.
///
/// Some do not wait for `+` (`ImapEngine` for PHP up to 2026: DirectoryTree/ImapEngine#174). If the
/// command is refused before the data, as an APPEND to a mailbox that does not exist, a letter
/// would be read as commands. Nobody may send anything else there, so what has come is the data.
pub fn did_not_wait(bytes: &[u8], taken: usize) -> bool {
    bytes.len() > taken
}

/// True for a line without anything, between commands.
///
/// Clients that count a literal before they put a line end behind its last line leave one over
/// (omarshahine/apple-pim#69), and so does the Mail of iOS at times (stalwartlabs/stalwart#1201);
/// an untagged BAD would be taken for the answer to the next command.
pub fn is_spare_line(line: &[u8]) -> bool {
    line.is_empty()
}

/// Reads the flags of an APPEND that stand without brackets, and the space behind them.
///
/// `async-imap` for Rust sends them as its caller wrote them (tecnologicachile/mail-mcp#25: copies
/// of sent mail were lost in silence).
pub fn bare_flags(cursor: &mut Cursor<'_>) -> Parsed<FlagList> {
    let mut flags = FlagList::default();
    while cursor.peek() == Some(b'\\') {
        parse::flag(cursor, &mut flags)?;
        cursor.space()?;
    }
    Ok(flags)
}

/// The name of a mailbox without a separator behind it.
///
/// Thunderbird puts one behind names that may have others below them (Dovecot's
/// `tb-extra-mailbox-sep`); in CREATE it says no more than that (RFC 9051 §6.3.4).
pub fn without_last_separator(name: &[u8]) -> &[u8] {
    name.strip_suffix(b"/").unwrap_or(name)
}

/// True for a client that reads past EXISTS and EXPUNGE that come with the answer to a FETCH.
///
/// Thunderbird (153) does when it fetches bodies to keep them: a letter that arrived meanwhile was
/// not shown until the next one came, though it waits in IDLE. What is told behind the next command
/// or in IDLE it hears.
pub fn overlooks_news_of_fetch(client: &[(String, Option<String>)]) -> bool {
    is_named(client, "Thunderbird")
}

/// The name that `BODY.PEEK[]` had before `IMAP4rev1`. Outlook for Windows still asks for it
/// (emersion/go-imap#657).
pub const WHOLE_UNREAD: &str = "RFC822.PEEK";

/// Reads the space before a day of one digit, if it is there.
///
/// The Mail of iOS leaves it out since 18.3: copies of sent mail were refused (mjl-/mox#279).
pub fn space_before_digit(cursor: &mut Cursor<'_>) {
    cursor.accept(b' ');
}

/// True for a client that enables UIDONLY and names messages by their numbers all the same.
///
/// Outlook does when Microsoft's servers fetch the mail for it (modern-email/defects#49): none came
/// through. So it is not offered, though RFC 2971 §2 would not have a name decide.
pub fn misuses_uid_only(client: &[(String, Option<String>)]) -> bool {
    is_named(client, "Microsoft Office 365")
}

fn is_named(client: &[(String, Option<String>)], wanted: &str) -> bool {
    let mut names = client
        .iter()
        .filter(|(field, _)| field.eq_ignore_ascii_case("name"));
    names.any(|(_, name)| name.as_deref() == Some(wanted))
}

#[cfg(test)]
mod tests {
    use crate::codec::SystemFlags;
    use crate::codec::append::{self, Piece};
    use crate::codec::command::Command;
    use crate::codec::fetch::{FetchItem, Reading};
    use crate::codec::frame::{Frame, Framer};
    use crate::codec::mailbox::NameForm;
    use crate::codec::parse;

    #[test]
    fn a_bare_line_feed_ends_a_line() {
        assert_eq!(
            Framer::default().next(b"a NOOP\n").1,
            Frame::Command(b"a NOOP")
        );
    }

    #[test]
    fn spare_spaces_are_passed_over() {
        assert!(parse::command(b"a  SELECT  INBOX ", NameForm::Utf7).is_ok());
    }

    #[test]
    fn a_nul_is_shown_as_another_byte() {
        let mut bytes = *b"a\0b";
        super::show_nul(&mut bytes);
        assert_eq!(&bytes, b"a\x80b");
    }

    #[test]
    fn flags_of_an_append_may_lack_their_brackets() {
        let head = append::head(b"a APPEND Sent \\Seen \\Answered {3}\r\n", NameForm::Utf7);
        let head = head.unwrap().unwrap();
        let Some(Piece::Message(message)) = head.pieces.first() else {
            panic!("{head:?}");
        };
        let both = SystemFlags::SEEN.with(SystemFlags::ANSWERED);
        assert_eq!(message.flags.system, both);
    }

    #[test]
    fn the_old_name_of_peek_does_not_mark_as_read() {
        let line = b"7 UID fetch 39 (UID RFC822.SIZE RFC822.peek)";
        let read = parse::command(line, NameForm::Utf7).unwrap();
        let Command::Fetch(_, _, request) = &read.command else {
            panic!("{read:?}");
        };
        let asked = |item: &FetchItem| {
            matches!(
                item,
                FetchItem::Section {
                    reading: Reading::Peek,
                    ..
                }
            )
        };
        assert!(request.items.iter().any(asked), "{request:?}");
    }

    #[test]
    fn a_day_of_one_digit_may_lack_its_space() {
        for date in ["3-Feb-2025 18:28:47 +0000", " 3-Feb-2025 18:28:47 +0000"] {
            let line = format!("AV68 APPEND \"Sent\" (\\Seen) \"{date}\" {{311+}}\r\n");
            let head = append::head(line.as_bytes(), NameForm::Utf7).unwrap();
            let Some(Piece::Message(message)) = head.unwrap().pieces.into_iter().next() else {
                panic!("no message");
            };
            assert_eq!(message.received.map(|at| at.seconds), Some(1_738_607_327));
        }
    }

    #[test]
    fn a_separator_behind_a_name_is_passed_over() {
        for name in ["Lists", "Lists/"] {
            let line = format!("a SUBSCRIBE \"{name}\"");
            let read = parse::command(line.as_bytes(), NameForm::Utf7).unwrap();
            assert!(
                matches!(&read.command, Command::Subscribe(name, _) if name.as_str() == "Lists")
            );
        }
    }

    #[test]
    fn data_behind_a_literal_that_waits_did_not_wait() {
        assert!(super::did_not_wait(b"a APPEND x {3}\r\nabc", 16));
        assert!(!super::did_not_wait(b"a APPEND x {3}\r\n", 16));
        assert!(super::is_spare_line(b"") && !super::is_spare_line(b" "));
    }
}
