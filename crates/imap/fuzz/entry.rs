//! What must hold for any bytes; shared by the fuzz targets and the ordinary test.

use bytes::BytesMut;
use engine::Settings;
use engine::rehearsal::{Rehearsal, Wire};
use imap::Session;
use imap::codec::append;
use imap::codec::frame::{COMMAND_BYTES_MAX, Frame, Framer};
use imap::codec::mailbox::{MailboxName, NameForm, decode_utf7, encode_utf7};
use imap::codec::parse;
use imap::codec::pattern::Pattern;

/// Cutting and reading end, take no more than they are given, and cut alike however the bytes
/// arrive.
pub fn command(bytes: &[u8]) {
    let whole = cut(bytes, bytes.len().max(1));
    assert_eq!(
        whole,
        cut(bytes, 7),
        "the pieces in which bytes come make no difference"
    );
    for command in &whole {
        let _ = parse::command(command, NameForm::Utf7);
        let _ = parse::command(command, NameForm::Utf8);
        let _ = append::head(command, NameForm::Utf8);
    }
}

fn cut(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let (mut framer, mut buffer, mut commands) = (Framer::default(), Vec::new(), Vec::new());
    for chunk in bytes.chunks(piece) {
        buffer.extend_from_slice(chunk);
        loop {
            let (taken, frame) = framer.next(&buffer);
            let mut goes_on = taken > 0;
            match frame {
                Frame::Command(command) => commands.push(command.to_vec()),
                Frame::Literal(..) => {
                    goes_on = framer.collect(COMMAND_BYTES_MAX) || framer.refuse();
                }
                Frame::Lost(_) => return commands,
                Frame::Partial | Frame::Refused => {}
            }
            buffer.drain(..taken);
            if !goes_on || buffer.is_empty() {
                break;
            }
        }
    }
    commands
}

/// Names of mailboxes in both forms, and patterns over them: what is read is written back as it
/// was, and a pattern ends.
pub fn mailbox_names(bytes: &[u8]) {
    for form in [NameForm::Utf7, NameForm::Utf8] {
        let Ok(name) = MailboxName::decode(bytes, form) else {
            continue;
        };
        let mut written = BytesMut::new();
        name.write(&mut written, form);
        let again = MailboxName::from_path(name.as_str());
        assert_eq!(
            (again.as_str(), again.is_inbox()),
            (name.as_str(), name.is_inbox())
        );
    }
    if let Some(name) = decode_utf7(bytes) {
        assert_eq!(encode_utf7(&name).as_bytes(), bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(
        decode_utf7(encode_utf7(&text).as_bytes()).as_deref(),
        Some(&*text)
    );
    let (reference, pattern) = text.split_at(text.floor_char_boundary(text.len() / 2));
    if let Some(pattern) = Pattern::new(reference, pattern) {
        let _ = (pattern.matches(&text), pattern.may_reach(reference));
    }
}

/// A signed-in session takes anything: it answers or closes, asks one question at a time, and never
/// stops taking while the buffer is full.
pub fn dialogue(bytes: &[u8]) {
    let house = Rehearsal::new(Settings::default()).expect("an engine in memory");
    house.person("a@example.test").expect("a person");
    let session = Session::new(house.engine.clone());
    let mut wire = Wire::open(&house, session, house.peer(true));
    wire.send(b"a LOGIN a@example.test a\r\nb SELECT INBOX\r\n");
    wire.send(bytes);
}
