//! Client faults that are tolerated, each by its name.

/// Lines that end with a bare LF: people who try a server by hand through `openssl s_client`. See
/// [`crate::codec::frame`].
pub const BARE_LINE_FEED: &str = "bare LF ends a line";

/// More than one space between arguments, and spaces at the end of a line: older mobile clients.
/// See [`crate::codec::cursor::Cursor::space`].
pub const SPARE_SPACES: &str = "spaces more than one";

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
}
