//! The bytes between a mail server and a milter: a length, a letter for the kind, and data.
//!
//! Pure. Start at [`Response::parse`] and [`packet`].
//!
//! Source: the mail filter protocol, version 6, as libmilter's `mfdef.h` has its numbers.

/// Bytes of one packet from a milter: a piece of a body has up to 64 KiB.
pub const PACKET_BYTES_MAX: usize = 1024 * 1024;
/// The version that is spoken.
pub const VERSION: u32 = 6;
/// What a milter may do here: add, change and remove header fields, replace the body, have a letter
/// put aside. Sender and recipients it may not change.
pub const ACTIONS: u32 = 0x01 | 0x02 | 0x10 | 0x20;
/// Steps that a milter may leave out, and answers that it may keep to itself. Not that it is told of
/// recipients who were refused already (0x800).
pub const STEPS: u32 = 0x000f_f7ff;

/// A packet with its length before it.
pub fn packet(kind: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &[kind], data].concat()
}

/// The packet that gives a step its facts, each by the name that milters know it by; nothing where
/// there are none.
pub fn macros(kind: u8, facts: &[(&str, &str)]) -> Vec<u8> {
    let known = facts.iter().filter(|(_, value)| !value.is_empty());
    let known: Vec<&str> = known.flat_map(|(name, value)| [*name, *value]).collect();
    if known.is_empty() {
        return Vec::new();
    }
    packet(b'D', &[&[kind], &texts(&known)[..]].concat())
}

/// Texts, each with a NUL behind it; a NUL within would be two.
pub fn texts(all: &[&str]) -> Vec<u8> {
    let bytes = all.iter().flat_map(|text| {
        let plain = text.bytes().filter(|&byte| byte != 0);
        plain.chain([0])
    });
    bytes.collect()
}

/// A change that a milter wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A field behind all others.
    Add(String, String),
    /// A field before the one with this number.
    Insert(u32, String, String),
    /// Another value for the nth field of this name, from 1 on; an empty one removes it.
    Replace(u32, String, String),
    /// The next piece of another body.
    Body(Vec<u8>),
    /// The letter is to be put aside.
    Quarantine(String),
}

/// What a milter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// Go on.
    Continue,
    /// It needs to see no more: the letter is fine.
    Accept,
    /// It needs to see no more of the body.
    Skip,
    /// It is still at it.
    Progress,
    /// The letter is to be lost in silence.
    Discard,
    /// It is refused, for now if the code begins with 4.
    Refuse(String),
    /// What it wants changed.
    Change(Change),
    /// Version, actions and steps left out, as it wants them.
    Negotiate(u32, u32, u32),
    /// Something that it was not allowed to ask for.
    Other(u8),
}

impl Response {
    /// Reads a packet without its length; `None` when it is none.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let (&kind, data) = packet.split_first()?;
        Some(match kind {
            b'c' => Self::Continue,
            b'a' => Self::Accept,
            b's' => Self::Skip,
            b'p' => Self::Progress,
            b'd' => Self::Discard,
            b'r' => Self::Refuse("550 5.7.1 The letter is refused".to_owned()),
            b't' => Self::Refuse("451 4.7.1 Try again later".to_owned()),
            // It wants the connection to end; that it ends with a later letter does no harm.
            b'4' => Self::Refuse("421 4.7.1 Try again later".to_owned()),
            b'y' => Self::Refuse(text(data)?.0),
            b'O' => {
                let (version, data) = number(data)?;
                let (actions, data) = number(data)?;
                Self::Negotiate(version, actions, number(data)?.0)
            }
            b'h' => {
                let (name, data) = text(data)?;
                Self::Change(Change::Add(name, text(data)?.0))
            }
            b'i' => {
                let (at, name, value) = numbered(data)?;
                Self::Change(Change::Insert(at, name, value))
            }
            b'm' => {
                let (at, name, value) = numbered(data)?;
                Self::Change(Change::Replace(at, name, value))
            }
            b'b' => Self::Change(Change::Body(data.to_vec())),
            b'q' => Self::Change(Change::Quarantine(text(data)?.0)),
            other => Self::Other(other),
        })
    }
}

fn number(data: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = data.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

fn text(data: &[u8]) -> Option<(String, &[u8])> {
    let end = data.iter().position(|&byte| byte == 0)?;
    let (text, rest) = data.split_at_checked(end)?;
    Some((String::from_utf8_lossy(text).into_owned(), rest.get(1..)?))
}

fn numbered(data: &[u8]) -> Option<(u32, String, String)> {
    let (at, data) = number(data)?;
    let (name, data) = text(data)?;
    Some((at, name, text(data)?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn responses_are_read_as_milters_write_them() {
        let read = |packet: &[u8]| Response::parse(packet).unwrap();
        assert_eq!(read(b"c"), Response::Continue);
        assert_eq!(
            read(b"y554 5.7.1 no\0"),
            Response::Refuse("554 5.7.1 no".into())
        );
        let change = Change::Replace(2, "Subject".into(), String::new());
        assert_eq!(read(b"m\0\0\0\x02Subject\0\0"), Response::Change(change));
        let wants = Response::Negotiate(6, 1, 2);
        assert_eq!(read(b"O\0\0\0\x06\0\0\0\x01\0\0\0\x02"), wants);
        for cut in [&b""[..], b"O\0\0", b"hName\0value", b"m\0\0", b"y554"] {
            assert_eq!(Response::parse(cut), None, "{cut:?}");
        }
    }

    proptest! {
        #[test]
        fn no_packet_makes_the_reader_fail(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            _ = Response::parse(&bytes);
        }

        #[test]
        fn what_is_added_is_read_back(name in "[A-Za-z-]{1,20}", value in "[ -~]{0,60}") {
            let packet = packet(b'h', &texts(&[&name, &value]));
            let (length, rest) = packet.split_at(4);
            prop_assert_eq!(length, u32::try_from(rest.len()).unwrap().to_be_bytes());
            let wanted = Response::Change(Change::Add(name, value));
            prop_assert_eq!(Response::parse(rest), Some(wanted));
        }
    }
}
