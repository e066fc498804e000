//! Header fields byte for byte, out of a summary: so that a list of letters needs no bodies.
//!
//! A summary keeps values, not lines. But most lines look like what one would write for their
//! value, in one of a few styles. For each field that a summary keeps, its [`Layout`] notes which
//! style gives exactly the line that the letter has, if any does; and of all other fields it keeps a
//! few bits, which tell of most names that the letter has no such field.
//!
//! Never guesses: what can't be told for certain is `None`, and the letter itself has to be read.
//!
//! Start at [`SummaryRef::header_fields`]; the layout is made by [`Layout::of`].

use super::header::{self, Field};
use super::{Addresses, EntryRef, Strings, SummaryRef};

/// Fields noted; a header with more is read itself.
const FIELDS_MAX: usize = 64;

/// The fields whose values a summary keeps, as they are usually spelled. Their places are stored:
/// the list may only grow, up to 15.
const KNOWN: [&str; 12] = [
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Message-Id",
];

/// What stands between two addresses or ids: all on one line, or each on its own.
const GAPS: [&[u8]; 3] = [b" ", b"\r\n ", b"\r\n\t"];

/// How addresses with names are written: the name as it is or in quotes, or, without one, the
/// address in brackets.
const ADDRESS_STYLES: u8 = 3;

/// No style gives the line.
const IRREGULAR: u8 = 15;

/// How the fields of a header are written, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// One bit for each other field that there is, by a hash of its name.
    pub(super) others: u64,
    /// For each known field its place in [`KNOWN`] and its style.
    pub(super) fields: Vec<u8>,
}

impl Layout {
    /// Finds the styles of a header whose values `summary` keeps whole; `None` if there are too many
    /// fields.
    pub(super) fn of(block: &[u8], summary: &SummaryRef<'_>) -> Option<Self> {
        let mut layout = Self::default();
        let mut line = Vec::new();
        for field in header::fields(block) {
            match known(&field) {
                Some(place) => layout
                    .fields
                    .push(place << 4 | style(place, &field, summary, &mut line)),
                None => layout.others |= bit(field.name),
            }
            if layout.fields.len() > FIELDS_MAX {
                return None;
            }
        }
        Some(layout)
    }
}

impl SummaryRef<'_> {
    /// The lines of the fields with these names, in the order of the header.
    ///
    /// `None` if the summary can't tell them for certain.
    pub fn header_fields(&self, names: &[impl AsRef<str>]) -> Option<Vec<u8>> {
        let (others, fields) = self.layout()?;
        let names = names.iter().map(AsRef::as_ref);
        for name in names.clone() {
            let is_known = KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name));
            if !is_known && others & bit(name.as_bytes()) != 0 {
                return None;
            }
        }
        let mut lines = Vec::new();
        for &field in fields {
            let (place, style) = (field >> 4, field & 15);
            let known = KNOWN.get(usize::from(place))?;
            if !names.clone().any(|name| name.eq_ignore_ascii_case(known)) {
                continue;
            }
            if style == IRREGULAR {
                return None;
            }
            write(place, style, self, &mut lines);
        }
        Some(lines)
    }
}

/// The place of a field among the known ones; another spelling than the usual stands for it too,
/// and is found irregular.
fn known(field: &Field<'_>) -> Option<u8> {
    let exact = KNOWN.iter().position(|name| name.as_bytes() == field.name);
    let place = exact.or_else(|| KNOWN.iter().position(|name| field.is(name)))?;
    u8::try_from(place).ok()
}

/// One of 64 bits. Source: FNV-1a (G. Fowler, L. Noll, K.-P. Vo), whose upper bits are well mixed.
fn bit(name: &[u8]) -> u64 {
    let hash = name.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    });
    1 << (hash >> 58)
}

/// The first style that gives the line.
fn style(place: u8, field: &Field<'_>, summary: &SummaryRef<'_>, line: &mut Vec<u8>) -> u8 {
    let styles = match place {
        1..=6 => ADDRESS_STYLES * 3,
        10 => 3,
        _ => 1,
    };
    let gives_it = |style: &u8| {
        line.clear();
        write(place, *style, summary, line);
        line == field.raw
    };
    (0..styles).find(gives_it).unwrap_or(IRREGULAR)
}

/// Writes a field with its line end.
fn write(place: u8, style: u8, summary: &SummaryRef<'_>, out: &mut Vec<u8>) {
    let envelope = summary.envelope();
    out.extend_from_slice(
        KNOWN
            .get(usize::from(place))
            .map_or(b"", |name| name.as_bytes()),
    );
    out.push(b':');
    let text = match place {
        0 => envelope.date,
        7 => envelope.subject,
        8 | 11 => envelope.message_id,
        9 => envelope.in_reply_to,
        _ => None,
    };
    match place {
        1 => write_addresses(envelope.from(), style, out),
        2 => write_addresses(envelope.sender(), style, out),
        3 => write_addresses(envelope.reply_to(), style, out),
        4 => write_addresses(envelope.to(), style, out),
        5 => write_addresses(envelope.cc(), style, out),
        6 => write_addresses(envelope.bcc(), style, out),
        10 => write_ids(summary.references(), style, out),
        _ => {
            out.push(b' ');
            out.extend_from_slice(text.unwrap_or_default());
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn gap(style: u8) -> &'static [u8] {
    GAPS.get(usize::from(style)).copied().unwrap_or_default()
}

fn write_ids(ids: Strings<'_>, style: u8, out: &mut Vec<u8>) {
    for (index, id) in ids.enumerate() {
        out.extend_from_slice(if index == 0 { b" " } else { gap(style) });
        out.push(b'<');
        out.extend_from_slice(id);
        out.push(b'>');
    }
}

/// Groups are left out, so that a line with one is irregular.
fn write_addresses(addresses: Addresses<'_>, style: u8, out: &mut Vec<u8>) {
    let (names, gap) = (style % ADDRESS_STYLES, gap(style / ADDRESS_STYLES));
    for (index, entry) in addresses.enumerate() {
        let EntryRef::Mailbox {
            name,
            local,
            domain,
        } = entry
        else {
            continue;
        };
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(if index == 0 { b" " } else { gap });
        let quote: &[u8] = if names == 1 { b"\"" } else { b"" };
        if let Some(name) = name {
            for piece in [quote, name, quote, b" "] {
                out.extend_from_slice(piece);
            }
        }
        let in_brackets = name.is_some() || names == 2;
        let (open, close): (&[u8], &[u8]) = if in_brackets {
            (b"<", b">")
        } else {
            (b"", b"")
        };
        for piece in [open, local, b"@", domain, close] {
            out.extend_from_slice(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Summary;
    use super::*;
    use proptest::prelude::*;

    /// The lines as the letter has them.
    fn picked(letter: &[u8], names: &[&str]) -> Vec<u8> {
        let wanted = header::fields(letter).filter(|field| names.iter().any(|name| field.is(name)));
        wanted.flat_map(|field| field.raw.to_vec()).collect()
    }

    fn told(letter: &[u8], names: &[&str]) -> Option<Vec<u8>> {
        let summary = Summary::of(letter).encode();
        let summary = SummaryRef::new(&summary).unwrap();
        summary.header_fields(names)
    }

    #[test]
    fn lines_written_as_usual_are_told_byte_for_byte() {
        let letter = b"Received: x\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n\
            From: \"Fred Foobar\" <foobar@blurdybloop.example>\r\nSubject: =?utf-8?Q?h=C3=A9?= you\r\n\
            To: mooch@owatagu.example, joe@x.example\r\nCc: A <a@x>,\r\n\tB <b@x>\r\n\
            Message-Id: <B27397-0100000@blurdybloop.example>\r\nReply-To: <a@x.example>\r\n\
            References: <a@x>\r\n <b@x>\r\nMIME-Version: 1.0\r\n\r\nBody\r\n";
        for names in [
            &["Date", "From", "Subject"][..],
            &["subject", "TO", "cc"],
            &["Message-ID", "References", "Reply-To"],
            &["In-Reply-To", "X-Priority", "Newsgroups"],
            &[],
        ] {
            assert_eq!(
                told(letter, names).unwrap(),
                picked(letter, names),
                "{names:?}"
            );
        }
        // Such a field is there, but a summary does not keep it.
        assert_eq!(told(letter, &["Received"]), None);
    }

    #[test]
    fn what_is_written_in_another_way_is_not_told() {
        for letter in [
            &b"subject: x\r\n\r\n"[..],
            b"Subject:x\r\n\r\n",
            b"Subject: a\r\n b\r\n\r\n",
            b"Subject: a\n\r\n",
            b"Subject: a\r\nSubject: b\r\n\r\n",
            b"Subject : a\r\n\r\n",
        ] {
            assert_eq!(told(letter, &["Subject"]), None, "{letter:?}");
        }
        for letter in [
            &b"To: a@x (Joe)\r\n\r\n"[..],
            b"To: a@x,b@x\r\n\r\n",
            b"To: team: a@x;\r\n\r\n",
            b"To: a@x\r\nTo: b@x\r\n\r\n",
            b"To: \"A \\\" B\" <a@x>\r\n\r\n",
        ] {
            assert_eq!(told(letter, &["To"]), None, "{letter:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_told_is_what_the_letter_has(
            lines in proptest::collection::vec(proptest::sample::select(vec![
                "Date: 1 Jan 2020 00:00:00 +0000", "date: x", "From: a@x", "From: A <a@x>", "From:",
                "From: \"A. B\" <a@x>", "From: <a@x>, b@x", "To: a@x, B <b@x>", "To: a@x,\r\n b@x",
                "To: ;", "Subject: x", "Subject:  x", "Subject: ", "Message-ID: <a@x>",
                "References: <a@x> <b@x>", "References: a", "References: <a@x>\r\n\t<b@x>",
                "In-Reply-To: <a@x>", "X-A: b", "no field", "Bcc: \"\" <a@x>", "Cc: =?utf-8?Q?=C3?= <a@x>",
                "Reply-To: \"a b\"@x", "Sender: a@[1.2.3.4]", "References: <a@x> <a b@x>",
            ]), 0..9),
            names in proptest::collection::vec(proptest::sample::select(vec![
                "Date", "FROM", "To", "Cc", "Bcc", "Subject", "Message-Id", "References",
                "In-Reply-To", "X-A", "X-B", "Reply-To", "Sender",
            ]), 0..5),
        ) {
            let mut letter = lines.join("\r\n");
            letter.push_str("\r\n\r\nbody");
            if let Some(told) = told(letter.as_bytes(), &names) {
                prop_assert_eq!(told, picked(letter.as_bytes(), &names));
            }
        }
    }
}
