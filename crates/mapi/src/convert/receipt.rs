//! The notice that a letter was read, or deleted unread, for whoever asked to be told.
//!
//! Whether one is sent at all is not decided here: the reader may not want to, and one must not be
//! sent twice.
//!
//! Start at [`receipt`]. Source: RFC 8098 §3 (form), [MS-OXOMSG] 2.2.2 (what was asked for).

use super::Values;
use super::compose::{Frame, date, one_off};
use crate::codec::data::Value;
use bytes::Bytes;
use formats::message::compose::{Address, Body, Composer, HeaderWriter, Piece};
use std::collections::BTreeMap;

/// What became of the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was opened.
    Read,
    /// It was deleted before anyone opened it.
    DeletedUnread,
}

/// A receipt on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// To whom it goes.
    pub to: String,
    /// The letter. Its envelope has no sender (RFC 8098 §3).
    pub letter: Vec<u8>,
}

/// The receipt for a letter with these properties that `reader` has; none if no one asked for it or
/// nobody can be told. The frame gives the receipt's own id and time.
pub fn receipt(
    values: &BTreeMap<u16, Value>,
    reader: &Address,
    fate: Fate,
    frame: &Frame<'_>,
) -> Option<Receipt> {
    if !values.is_set(0x0029) {
        return None;
    }
    let to = values.binary(0x0046).and_then(|id| one_off(id));
    let author = || {
        let address = values.text(0x5d02).or(values.text(0x0065))?.to_owned();
        let name = values.text(0x0042).unwrap_or_default().to_owned();
        Some(Address { name, address })
    };
    let to = to.or_else(author)?;
    let mut composer: Composer<Bytes> = Composer::new(frame.boundary);
    let header = header(values, reader, &to, fate, frame);
    composer.begin_multipart(header, "report; report-type=disposition-notification");
    text(values, fate, &mut composer);
    notification(values, reader, fate, &mut composer);
    composer.end();
    let pieces = composer.finish().into_iter().map(|piece| match piece {
        Piece::Bytes(bytes) => bytes,
        Piece::Base64(content) | Piece::Verbatim(content) => content.to_vec(),
    });
    Some(Receipt {
        letter: pieces.collect::<Vec<_>>().concat(),
        to: to.address,
    })
}

fn header(
    values: &BTreeMap<u16, Value>,
    reader: &Address,
    to: &Address,
    fate: Fate,
    frame: &Frame<'_>,
) -> HeaderWriter {
    let mut header = HeaderWriter::default();
    header.structured("Date", &date(frame.now));
    header.addresses("From", std::slice::from_ref(reader));
    header.addresses("To", std::slice::from_ref(to));
    let mark = match fate {
        Fate::Read => "Read",
        Fate::DeletedUnread => "Not read",
    };
    let subject = values
        .text(0x0e1d)
        .or(values.text(0x0037))
        .unwrap_or_default();
    header.text("Subject", format!("{mark}: {subject}").trim_end());
    header.structured("Message-ID", frame.message_id);
    if let Some(id) = values.text(0x1035) {
        header.structured("In-Reply-To", id);
        header.structured("References", id);
    }
    header.structured("Auto-Submitted", "auto-replied");
    header.structured("MIME-Version", "1.0");
    header
}

/// For people.
fn text(values: &BTreeMap<u16, Value>, fate: Fate, composer: &mut Composer<Bytes>) {
    let fate = match fate {
        Fate::Read => "was read",
        Fate::DeletedUnread => "was deleted without being read",
    };
    let subject = values.text(0x0037).unwrap_or_default();
    let text = format!("Your message\r\n\r\n  Subject: {subject}\r\n\r\n{fate}.\r\n");
    let mut header = HeaderWriter::default();
    header.value("Content-Type", "text/plain", &[("charset", "utf-8")]);
    composer.leaf(header, Body::Text(text.into_bytes()));
}

/// For programs. Source: RFC 8098 §3.1.
fn notification(
    values: &BTreeMap<u16, Value>,
    reader: &Address,
    fate: Fate,
    composer: &mut Composer<Bytes>,
) {
    let mut fields = HeaderWriter::default();
    fields.structured("Final-Recipient", &format!("rfc822;{}", reader.address));
    if let Some(id) = values.text(0x1035) {
        fields.structured("Original-Message-ID", id);
    }
    let disposition = match fate {
        Fate::Read => "manual-action/MDN-sent-automatically; displayed",
        Fate::DeletedUnread => "manual-action/MDN-sent-automatically; deleted",
    };
    fields.structured("Disposition", disposition);
    let mut header = HeaderWriter::default();
    header.value("Content-Type", "message/disposition-notification", &[]);
    composer.leaf(header, Body::Text(fields.finish()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::data::FileTime;
    use crate::convert::{Blind, read};

    fn of(letter: &[u8], fate: Fate) -> Option<Receipt> {
        let values = read::content(letter).values;
        let reader = Address {
            name: "Bo".to_owned(),
            address: "bo@b.example".to_owned(),
        };
        let frame = Frame {
            message_id: "<r@b.example>",
            boundary: "b",
            now: FileTime::from_unix(15_000_000_000_000_000),
            blind: Blind::LeftOut,
        };
        receipt(&values, &reader, fate, &frame)
    }

    #[test]
    fn who_asked_for_a_receipt_gets_one() {
        let letter = b"From: Ida <ida@a.example>\r\nSubject: Re: x\r\nMessage-ID: <1@a>\r\n\
            Disposition-Notification-To: <office@a.example>\r\n\r\ny";
        let receipt = of(letter, Fate::Read).unwrap();
        assert_eq!(receipt.to, "office@a.example");
        assert_eq!(
            String::from_utf8(receipt.letter).unwrap(),
            "Date: Fri, 14 Jul 2017 02:40:00 +0000\r\nFrom: Bo <bo@b.example>\r\n\
             To: office@a.example\r\nSubject: Read: x\r\nMessage-ID: <r@b.example>\r\n\
             In-Reply-To: <1@a>\r\nReferences: <1@a>\r\nAuto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/report; \
             report-type=disposition-notification;\r\n boundary=\"=_b_1\"\r\n\r\n--=_b_1\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
             Your message\r\n\r\n  Subject: Re: x\r\n\r\nwas read.\r\n\r\n--=_b_1\r\n\
             Content-Type: message/disposition-notification\r\n\
             Content-Transfer-Encoding: 7bit\r\n\r\nFinal-Recipient: rfc822;bo@b.example\r\n\
             Original-Message-ID: <1@a>\r\n\
             Disposition: manual-action/MDN-sent-automatically; displayed\r\n\r\n--=_b_1--\r\n"
        );
    }

    #[test]
    fn a_deleted_letter_was_not_read() {
        let letter = b"From: ida@a.example\r\nDisposition-Notification-To: ida@a.example\r\n\r\ny";
        let receipt = String::from_utf8(of(letter, Fate::DeletedUnread).unwrap().letter).unwrap();
        assert!(receipt.contains("Subject: Not read:\r\n"), "{receipt}");
        assert!(receipt.contains("; deleted\r\n"));
        let class = read::content(receipt.as_bytes()).values;
        assert_eq!(class.text(0x001a), Some("REPORT.IPM.Note.IPNNRN"));
    }

    #[test]
    fn who_did_not_ask_gets_none() {
        assert_eq!(of(b"From: ida@a.example\r\n\r\ny", Fate::Read), None);
    }
}
