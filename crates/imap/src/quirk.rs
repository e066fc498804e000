//! Faults of clients and of letters that are tolerated, each by its name.
//!
//! Two more lie where bytes are cut and have no function of their own. A bare LF ends a line (people
//! who try a server by hand through `openssl s_client`): [`crate::codec::frame`]. Spare spaces
//! between arguments and at the end of a line (older mobile clients) are passed over:
//! [`crate::codec::cursor::Cursor::space`].

/// What a NUL is told as where the grammar has no room for one; the length stays.
pub const NUL_SHOWN: u8 = 0x80;

/// Makes bytes of a letter fit into an ordinary literal, whose CHAR8 is any octet but NUL (RFC 9051
/// §9).
///
/// Letters with NUL come by a literal8 or an import, from programs that forgot a transfer encoding.
/// The byte itself is told by BINARY. Dovecot shows the same byte.
pub fn show_nul(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte == 0) {
        *byte = NUL_SHOWN;
    }
}

#[cfg(test)]
mod tests {
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
}
