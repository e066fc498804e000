//! BODY and BODYSTRUCTURE, written from a stored summary without parsing the letter.
//!
//! The parts come depth first, so that a stack of what is open is all that is needed.
//!
//! Standards: RFC 9051 §7.5.2 (`body`), §6.4.5 (BODYSTRUCTURE).

use super::envelope::write_envelope;
use super::write;
use bytes::BufMut;
use formats::message::PartKind;
use formats::message::{Parameters, PartRef, SummaryRef};
use std::iter;

/// Whether extension data is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// `BODY`: it is not.
    Basic,
    /// `BODYSTRUCTURE`: it is.
    Extended,
}

/// A part whose children are being written.
struct Open<'a> {
    part: PartRef<'a>,
    has_child: bool,
}

/// Writes the structure of a letter. What delivery put before its header is no part of any body
/// told here.
pub fn write_structure(out: &mut Vec<u8>, summary: &SummaryRef<'_>, detail: Detail) {
    if summary.parts().next().is_none() {
        out.put_slice(EMPTY_TEXT);
    }
    write_parts(out, summary.parts(), detail);
}

/// The same of one part of a letter, of which `part` tells what is to be said.
pub fn write_part_structure(
    out: &mut Vec<u8>,
    summary: &SummaryRef<'_>,
    part: PartRef<'_>,
    detail: Detail,
) {
    let within = summary.parts().skip(part.index.saturating_add(1));
    write_parts(out, iter::once(part).chain(within), detail);
}

/// Writes the first part with all that is in it.
fn write_parts<'a>(out: &mut Vec<u8>, parts: impl Iterator<Item = PartRef<'a>>, detail: Detail) {
    let mut open: Vec<Open<'a>> = Vec::new();
    for (number, part) in parts.enumerate() {
        while open
            .last()
            .is_some_and(|last| Some(last.part.index) != part.parent)
        {
            if let Some(last) = open.pop() {
                close(out, &last, detail);
            }
        }
        if number > 0 && open.is_empty() {
            return; // What follows stands beside the first.
        }
        if let Some(last) = open.last_mut() {
            last.has_child = true;
        }
        match part.kind {
            PartKind::Leaf => leaf(out, &part, detail),
            PartKind::Multipart => out.put_u8(b'('),
            PartKind::Message => {
                out.put_u8(b'(');
                basic(out, &part);
                out.put_u8(b' ');
                write_envelope(out, &part.envelope.unwrap_or_default());
                out.put_u8(b' ');
            }
        }
        if part.kind != PartKind::Leaf {
            open.push(Open {
                part,
                has_child: false,
            });
        }
    }
    while let Some(last) = open.pop() {
        close(out, &last, detail);
    }
}

/// What stands for a part that is not there: the grammar demands one in each multipart and letter.
const EMPTY_TEXT: &[u8] = b"(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)";

fn close(out: &mut Vec<u8>, open: &Open<'_>, detail: Detail) {
    let part = &open.part;
    if !open.has_child {
        out.put_slice(EMPTY_TEXT);
    }
    out.put_u8(b' ');
    if part.kind == PartKind::Message {
        write::number(out, part.lines);
        if detail == Detail::Extended {
            out.put_u8(b' ');
            write::nstring(out, part.md5);
            extension(out, part);
        }
    } else {
        write::string(out, part.subtype);
        if detail == Detail::Extended {
            out.put_u8(b' ');
            parameters(out, part.parameters);
            extension(out, part);
        }
    }
    out.put_u8(b')');
}

fn leaf(out: &mut Vec<u8>, part: &PartRef<'_>, detail: Detail) {
    out.put_u8(b'(');
    basic(out, part);
    if part.media_type == b"text" {
        out.put_u8(b' ');
        write::number(out, part.lines);
    }
    if detail == Detail::Extended {
        out.put_u8(b' ');
        write::nstring(out, part.md5);
        extension(out, part);
    }
    out.put_u8(b')');
}

/// Type, subtype, parameters, id, description, encoding, size.
fn basic(out: &mut Vec<u8>, part: &PartRef<'_>) {
    write::string(out, part.media_type);
    out.put_u8(b' ');
    write::string(out, part.subtype);
    out.put_u8(b' ');
    parameters(out, part.parameters);
    out.put_u8(b' ');
    write::nstring(out, part.id);
    out.put_u8(b' ');
    write::nstring(out, part.description);
    out.put_u8(b' ');
    write::string(out, part.encoding.unwrap_or(b"7bit"));
    out.put_u8(b' ');
    write::number(out, part.body_size());
}

/// Disposition, language, location.
fn extension(out: &mut Vec<u8>, part: &PartRef<'_>) {
    match &part.disposition {
        Some(disposition) => {
            out.put_slice(b" (");
            write::string(out, disposition.value);
            out.put_u8(b' ');
            parameters(out, disposition.parameters);
            out.put_u8(b')');
        }
        None => out.put_slice(b" NIL"),
    }
    out.put_u8(b' ');
    if part.languages.is_empty() {
        out.put_slice(b"NIL");
    } else {
        out.put_u8(b'(');
        for (index, language) in part.languages.enumerate() {
            if index > 0 {
                out.put_u8(b' ');
            }
            write::string(out, language);
        }
        out.put_u8(b')');
    }
    out.put_u8(b' ');
    write::nstring(out, part.location);
}

fn parameters(out: &mut Vec<u8>, parameters: Parameters<'_>) {
    if parameters.is_empty() {
        out.put_slice(b"NIL");
        return;
    }
    out.put_u8(b'(');
    for (index, (name, value)) in parameters.enumerate() {
        if index > 0 {
            out.put_u8(b' ');
        }
        write::string(out, name);
        out.put_u8(b' ');
        write::string(out, value);
    }
    out.put_u8(b')');
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::message::Summary;

    fn structure(letter: &str, detail: Detail) -> String {
        let bytes = Summary::of(letter.replace('\n', "\r\n").as_bytes()).encode();
        let mut out = Vec::new();
        write_structure(&mut out, &SummaryRef::new(&bytes).unwrap(), detail);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_plain_letter_is_one_part() {
        assert_eq!(
            structure(
                "Subject: x\nContent-Type: text/plain; charset=us-ascii\n\nab\ncd\n",
                Detail::Basic
            ),
            "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 8 2)"
        );
    }

    #[test]
    fn parts_stand_within_their_multipart() {
        let letter = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\
            Content-Type: message/rfc822\n\nSubject: inner\nFrom: a@b.c\n\ntwo\n--b--\n";
        assert_eq!(
            structure(letter, Detail::Basic),
            "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0)\
             (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 34 \
             (NIL \"inner\" ((NIL NIL \"a\" \"b.c\")) ((NIL NIL \"a\" \"b.c\")) \
             ((NIL NIL \"a\" \"b.c\")) NIL NIL NIL NIL NIL) \
             (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0) 3) \"mixed\")"
        );
        assert!(
            structure(letter, Detail::Extended)
                .ends_with("\"mixed\" (\"boundary\" \"b\") NIL NIL NIL)")
        );
    }
}
