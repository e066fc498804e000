//! APPEND and REPLACE around their literals: what is read of them before, between and behind.
//!
//! Start at [`head`]; [`Place::read`] goes on behind each literal.
//!
//! Standards: RFC 9051 §6.3.12; RFC 3502 (MULTIAPPEND); RFC 4469 §5 (CATENATE); RFC 6855 §4 (UTF8);
//! RFC 8508 §5 (REPLACE); RFC 5257 §4.7 (ANNOTATION).

use super::annotation::AnnotationValue;
use super::command::{AppendHead, AppendMessage, Numbering};
use super::cursor::{Cursor, Parsed};
use super::mailbox::NameForm;
use super::sequence::SequenceSet;
use super::{Fault, moment, parse};
use crate::quirk;

/// Messages and parts of them that are named between two literals.
pub const PIECES_MAX: usize = 1024;

/// Bytes of a URL; a mailbox's name in percent signs, and a list of header fields.
pub const URL_BYTES_MAX: usize = 8 * 1024;

/// A piece of an APPEND, in the order in which it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A message begins.
    Message(AppendMessage),
    /// Bytes of a message that is here already.
    Url(String),
    /// Bytes that follow as the literal that was announced last.
    Literal,
}

/// Where the reading stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A message begins.
    Message,
    /// Within `CATENATE (`.
    FirstPart,
    /// Behind a part in it.
    Part,
    /// Behind the literal in `UTF8 (`.
    Utf8,
    /// The same in `CATENATE (`.
    Utf8Part,
    /// Behind a message.
    Behind,
}

/// Reads `tag APPEND mailbox …` or `tag REPLACE number mailbox …` up to its first streamed literal,
/// whose announcement ends `bytes`, or to its end.
///
/// `Ok(None)` if it is another command, or its last literal is one that has to be collected first:
/// the mailbox's name, a URL or what an annotation says.
pub fn head(bytes: &[u8], form: NameForm) -> Parsed<Option<AppendHead>> {
    let mut cursor = Cursor::new(bytes);
    let Ok(tag) = parse::read_tag(&mut cursor) else {
        return Ok(None);
    };
    let replaces = match replaced(&mut cursor)? {
        None if !cursor.accept_word("APPEND ") => return Ok(None),
        replaces => replaces,
    };
    if cursor.awaits_literal() {
        return Ok(None);
    }
    let mailbox = parse::mailbox(&mut cursor, form)?;
    cursor.space()?;
    let mut place = Place::Message;
    let Some(pieces) = place.read(cursor)? else {
        return Ok(None);
    };
    Ok(Some(AppendHead {
        tag,
        replaces,
        mailbox,
        pieces,
        place,
    }))
}

/// Reads `REPLACE 4 ` or `UID REPLACE 2000 `, if it is that.
fn replaced(cursor: &mut Cursor<'_>) -> Parsed<Option<(Numbering, SequenceSet)>> {
    let numbering = if cursor.accept_word("REPLACE ") {
        Numbering::Sequence
    } else if cursor.accept_word("UID REPLACE ") {
        Numbering::Uid
    } else {
        return Ok(None);
    };
    let set = SequenceSet::read(cursor)?;
    cursor.space()?;
    Ok(Some((numbering, set)))
}

impl Place {
    /// Reads on to the next streamed literal, or to the end of the command. `None` if a URL is to
    /// be collected first: then the same is read once more, with it.
    pub fn read(&mut self, mut cursor: Cursor<'_>) -> Parsed<Option<Vec<Piece>>> {
        let mut pieces = Vec::new();
        while pieces.len() <= PIECES_MAX {
            match self {
                Self::Message => {
                    let Some(message) = message(&mut cursor)? else {
                        return Ok(None);
                    };
                    let catenates = message.catenates;
                    *self = if message.utf8 {
                        Self::Utf8
                    } else {
                        Self::Behind
                    };
                    pieces.push(Piece::Message(message));
                    if catenates {
                        *self = Self::FirstPart;
                    } else {
                        pieces.push(Piece::Literal);
                        return Ok(Some(pieces));
                    }
                }
                Self::Part if cursor.accept(b')') => *self = Self::Behind,
                Self::FirstPart | Self::Part => {
                    if *self == Self::Part {
                        cursor.space()?;
                    }
                    let is_utf8 = cursor.accept_word("UTF8 (") && cursor.awaits_literal();
                    if is_utf8 {
                        *self = Self::Utf8Part;
                        pieces.push(Piece::Literal);
                        return Ok(Some(pieces));
                    }
                    *self = Self::Part;
                    match part(&mut cursor)? {
                        None => return Ok(None),
                        Some(Piece::Literal) => {
                            pieces.push(Piece::Literal);
                            return Ok(Some(pieces));
                        }
                        Some(piece) => pieces.push(piece),
                    }
                }
                Self::Utf8 => {
                    cursor.expect(b')', BEHIND)?;
                    *self = Self::Behind;
                }
                Self::Utf8Part => {
                    cursor.expect(b')', BEHIND)?;
                    *self = Self::Part;
                }
                Self::Behind if cursor.at_end() => return Ok(Some(pieces)),
                Self::Behind => {
                    cursor.space().map_err(|_| Fault::Syntax(BEHIND))?;
                    *self = Self::Message;
                }
            }
        }
        Err(Fault::Limit("Too many messages"))
    }
}

const BEHIND: &str = "Unexpected text behind the message";

/// Reads flags, date, annotations and the beginning of `UTF8 (` or `CATENATE (`; `None` if what an
/// annotation says is still to come.
fn message(cursor: &mut Cursor<'_>) -> Parsed<Option<AppendMessage>> {
    let mut message = AppendMessage::default();
    if cursor.peek() == Some(b'(') {
        message.flags = parse::flag_list(cursor)?;
        cursor.space()?;
    }
    if cursor.peek() == Some(b'\\') {
        message.flags = quirk::bare_flags(cursor)?;
    }
    if cursor.peek() == Some(b'"') {
        message.received = Some(moment::date_time(cursor)?);
        cursor.space()?;
    }
    if cursor.accept_word("ANNOTATION ") {
        let Some(annotations) = AnnotationValue::read_all(cursor)? else {
            return Ok(None);
        };
        message.annotations = annotations;
        cursor.space()?;
    }
    message.utf8 = cursor.accept_word("UTF8 (");
    message.catenates = !message.utf8 && cursor.accept_word("CATENATE (");
    if message.catenates || cursor.awaits_literal() {
        Ok(Some(message))
    } else {
        Err(Fault::Syntax("Expected a message"))
    }
}

/// A part of CATENATE; `None` if its URL is a literal that is still to come.
fn part(cursor: &mut Cursor<'_>) -> Parsed<Option<Piece>> {
    if cursor.accept_word("URL ") {
        if cursor.awaits_literal() {
            return Ok(None);
        }
        let url = cursor.text()?;
        let is_plain = url.len() <= URL_BYTES_MAX && url.bytes().all(|b| b.is_ascii_graphic());
        return if is_plain {
            Ok(Some(Piece::Url(url)))
        } else {
            Err(Fault::Syntax("Expected a URL"))
        };
    }
    if cursor.accept_word("TEXT ") && cursor.awaits_literal() {
        return Ok(Some(Piece::Literal));
    }
    Err(Fault::Syntax("Expected URL or TEXT with a literal"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::SystemFlags;

    fn read(text: &[u8]) -> Parsed<Option<AppendHead>> {
        head(text, NameForm::Utf7)
    }

    fn found(text: &[u8]) -> AppendHead {
        read(text).unwrap().unwrap()
    }

    fn first(head: &AppendHead) -> &AppendMessage {
        match &head.pieces[0] {
            Piece::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_head_of_an_append_ends_at_its_message() {
        let plain = found(b"A003 APPEND saved-messages (\\Seen) {326}\r\n");
        assert_eq!(plain.tag, "A003");
        assert_eq!(plain.mailbox.as_str(), "saved-messages");
        assert!(first(&plain).flags.system.contains(SystemFlags::SEEN));
        assert_eq!((plain.pieces.len(), plain.place), (2, Place::Behind));
        let dated = found(b"a APPEND {3}\r\nfoo \"17-Jul-1996 02:44:25 -0700\" ~{5+}\r\n");
        let received = first(&dated).received.map(|at| at.seconds);
        assert_eq!(received, Some(837_596_665));
        assert_eq!(
            read(b"a APPEND {3}\r\n"),
            Ok(None),
            "that literal is the mailbox's name"
        );
        assert_eq!(read(b"a LOGIN {3}\r\n"), Ok(None));
        assert!(read(b"a APPEND foo (\\Seen {3}\r\n").is_err());
        assert!(read(b"a APPEND foo bar {3}\r\n").is_err());
        assert!(read(b"a APPEND foo").is_err());
    }

    #[test]
    fn what_annotations_say_is_collected_before_the_message() {
        let head =
            found(b"a APPEND drafts (\\Seen) ANNOTATION (/comment (value.priv \"x\")) {310}\r\n");
        assert_eq!(first(&head).annotations.len(), 1);
        let long = b"a APPEND drafts ANNOTATION (/comment (value.priv {3}\r\n";
        assert_eq!(read(long), Ok(None));
        let collected = [long.as_slice(), b"x y)) {310}\r\n"].concat();
        let value = first(&found(&collected)).annotations[0].value.clone();
        assert_eq!(value.as_deref(), Some(b"x y".as_slice()));
        assert!(read(b"a APPEND drafts ANNOTATION (/comment (value \"x\")) {310}\r\n").is_err());
        assert!(read(b"a APPEND drafts ANNOTATION (/comment (value.priv \"x\"))").is_err());
    }

    #[test]
    fn the_old_message_of_a_replace_stands_before_the_mailbox() {
        let by_uid = found(b"A004 UID REPLACE 2000 Drafts {350}\r\n");
        assert_eq!(by_uid.replaces.map(|(how, _)| how), Some(Numbering::Uid));
        assert!(read(b"a REPLACE Drafts {3}\r\n").is_err());
    }

    #[test]
    fn parts_are_read_up_to_each_literal_and_messages_may_follow() {
        let mut head = found(b"a APPEND b CATENATE (URL \"/x;UID=1\" URL {2}\r\n/y TEXT {3}\r\n");
        let url = |text: &str| Piece::Url(text.to_owned());
        assert_eq!(
            head.pieces[1..],
            [url("/x;UID=1"), url("/y"), Piece::Literal]
        );
        assert_eq!(read(b"a APPEND b CATENATE (URL /x URL {2}\r\n"), Ok(None));
        let mut go_on = |text: &[u8]| head.place.read(Cursor::new(text)).unwrap();
        assert_eq!(go_on(b" TEXT {4}\r\n"), Some(vec![Piece::Literal]));
        let next = go_on(b") (\\Seen) CATENATE (URL /z) {3+}\r\n").unwrap();
        assert!(matches!(
            &next[..],
            [
                Piece::Message(_),
                Piece::Url(_),
                Piece::Message(_),
                Piece::Literal
            ]
        ));
        assert_eq!(go_on(b""), Some(Vec::new()));
        for bad in [
            &b"a APPEND b CATENATE ()"[..],
            b"a APPEND b CATENATE (URL /x",
            b"a APPEND b CATENATE (TEXT \"x\")",
            b"a APPEND b CATENATE (URL /x) y",
            b"a APPEND b CATENATE (URL \"/x y\")",
        ] {
            assert!(read(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
