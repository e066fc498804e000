//! ENVELOPE, written from a stored summary without parsing the letter.
//!
//! Standards: RFC 9051 §7.5.2.

use super::write;
use bytes::BufMut;
use formats::message::{Addresses, EntryRef, EnvelopeRef};

/// Writes `("date" "subject" (from) …)`.
pub fn write_envelope(out: &mut Vec<u8>, envelope: &EnvelopeRef<'_>) {
    out.put_u8(b'(');
    write::nstring(out, envelope.date);
    out.put_u8(b' ');
    write::nstring(out, envelope.subject);
    let start = out.len();
    addresses(out, envelope.from());
    let from = start..out.len();
    for list in [envelope.sender(), envelope.reply_to()] {
        if list.is_empty() {
            out.extend_from_within(from.clone()); // They are From where absent or empty.
        } else {
            addresses(out, list);
        }
    }
    addresses(out, envelope.to());
    addresses(out, envelope.cc());
    addresses(out, envelope.bcc());
    out.put_u8(b' ');
    write::nstring(out, envelope.in_reply_to);
    out.put_u8(b' ');
    write::nstring(out, envelope.message_id);
    out.put_u8(b')');
}

/// Writes a space and an address list; `NIL` for an empty one.
fn addresses(out: &mut Vec<u8>, list: Addresses<'_>) {
    out.put_u8(b' ');
    if list.is_empty() {
        out.put_slice(b"NIL");
        return;
    }
    out.put_u8(b'(');
    for entry in list {
        match entry {
            EntryRef::Mailbox {
                name,
                local,
                domain,
            } => address(out, name, local, domain),
            EntryRef::GroupStart(name) => {
                out.put_slice(b"(NIL NIL ");
                write::string(out, name);
                out.put_slice(b" NIL)");
            }
            EntryRef::GroupEnd => out.put_slice(b"(NIL NIL NIL NIL)"),
        }
    }
    out.put_u8(b')');
}

fn address(out: &mut Vec<u8>, name: Option<&[u8]>, local: &[u8], domain: &[u8]) {
    out.put_u8(b'(');
    write::nstring(out, name);
    out.put_slice(b" NIL ");
    write::string(out, local);
    out.put_u8(b' ');
    // NIL as host would begin a group (RFC 9051 §7.5.2), so a missing one is told as empty.
    write::string(out, domain);
    out.put_u8(b')');
}
