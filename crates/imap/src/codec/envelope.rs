//! ENVELOPE, written from a stored summary without parsing the letter.
//!
//! Standards: RFC 9051 §7.5.2.

use super::write;
use bytes::{BufMut, BytesMut};
use formats::message::{Addresses, EntryRef, EnvelopeRef};

/// Writes `("date" "subject" (from) …)`.
pub fn write_envelope(out: &mut BytesMut, envelope: &EnvelopeRef<'_>) {
    out.put_u8(b'(');
    write::nstring(out, envelope.date);
    out.put_u8(b' ');
    write::nstring(out, envelope.subject);
    let from = envelope.from();
    // Sender and Reply-To are From where they are absent or empty.
    let (sender, reply_to) = (envelope.sender(), envelope.reply_to());
    addresses(out, from);
    addresses(out, if sender.is_empty() { from } else { sender });
    addresses(out, if reply_to.is_empty() { from } else { reply_to });
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
fn addresses(out: &mut BytesMut, list: Addresses<'_>) {
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

fn address(out: &mut BytesMut, name: Option<&[u8]>, local: &[u8], domain: &[u8]) {
    out.put_u8(b'(');
    write::nstring(out, name);
    out.put_slice(b" NIL ");
    write::string(out, local);
    out.put_u8(b' ');
    // NIL as host would begin a group (RFC 9051 §7.5.2), so a missing one is told as empty.
    write::string(out, domain);
    out.put_u8(b')');
}
