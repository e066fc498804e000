//! Letters made of properties alone say what the letters said that the properties came from.
//!
//! What is compared is what people and programs read: decoded fields, texts and files. What a
//! property cannot hold is counted under a name, the same as in `ARCHITECTURE.md`, and anything
//! else fails. With `MAPI_LETTERS` set to a folder, every file in it is a letter to try; without,
//! the samples here are.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // A test may fail.
#![allow(
    clippy::disallowed_methods,
    reason = "a test reads letters from a folder"
)]

use bytes::Bytes;
use formats::address::list::{self, Entry};
use formats::message::decode::{self, Encoding};
use formats::message::header::{self, Field};
use formats::message::{PartKind, Summary, charset, encoded_word, parameter};
use mapi::codec::data::FileTime;
use mapi::convert::{Blind, Frame, Values, letter, read, set};
use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet};

/// Fields that tell of a letter's way or of how it is built, which a new letter tells anew.
const ANEW: [&str; 13] = [
    "received",
    "return-path",
    "delivered-to",
    "mime-version",
    "authentication-results",
    "received-spf",
    "dkim-signature",
    "domainkey-signature",
    "arc-seal",
    "arc-message-signature",
    "arc-authentication-results",
    "resent-bcc",
    "lines",
];

#[derive(Default)]
struct Losses {
    named: BTreeMap<&'static str, usize>,
    others: Vec<String>,
}

impl Losses {
    fn count(&mut self, name: &'static str) {
        *self.named.entry(name).or_default() += 1;
    }
}

fn rebuilt(original: &[u8]) -> Vec<u8> {
    let message = read::content(original);
    let frame = Frame {
        message_id: "<new@rebuilt.example>",
        boundary: "rebuilt",
        now: FileTime::default(),
        blind: Blind::Kept,
    };
    let mut bytes = Vec::new();
    let done: Result<(), ()> = letter(&message, &frame, &mut |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    done.unwrap();
    bytes
}

/// The people of a field: name and address.
fn people(value: &[u8]) -> Vec<(String, String)> {
    let (entries, _) = list::parse(value, 10_000);
    let people = entries.into_iter().filter_map(|entry| match entry {
        Entry::Mailbox {
            name,
            local,
            domain,
        } => {
            let mut address = String::from_utf8_lossy(&local).into_owned();
            if !domain.is_empty() {
                address = format!("{address}@{}", String::from_utf8_lossy(&domain));
            }
            let name = name
                .map(|name| encoded_word::decode(&name))
                .unwrap_or_default();
            let name = words(&name);
            let is_same = name.eq_ignore_ascii_case(&address);
            Some((
                if is_same { String::new() } else { name },
                address.to_lowercase(),
            ))
        }
        Entry::GroupStart(_) | Entry::GroupEnd => None,
    });
    people.collect()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn ids(value: &[u8]) -> Vec<String> {
    let ids = header::message_ids(value);
    ids.map(|id| words(&String::from_utf8_lossy(id))).collect()
}

fn compare_field(name: &str, old: &Field<'_>, new: Option<&Field<'_>>, losses: &mut Losses) {
    let text = words(&encoded_word::decode(old.value));
    let new_text = new
        .map(|new| words(&encoded_word::decode(new.value)))
        .unwrap_or_default();
    let is_kept = match name {
        _ if text == new_text => true,
        "from" | "sender" => {
            let all = people(old.value);
            if all.len() > 1 {
                losses.count("all but the first of several authors");
            }
            new.and_then(|new| people(new.value).into_iter().next()) == all.into_iter().next()
        }
        "reply-to" | "disposition-notification-to" | "return-receipt-to" => {
            new.map(|new| people(new.value)).unwrap_or_default() == people(old.value)
        }
        "references" | "in-reply-to" | "message-id" => {
            new.map(|new| ids(new.value)).unwrap_or_default() == ids(old.value)
        }
        "importance" | "x-priority" | "x-msmail-priority" | "priority" | "sensitivity" => {
            return losses.count("fields of importance that contradict one another");
        }
        "keywords" => new_text.replace([',', ';'], "") == text.replace([',', ';'], ""),
        _ => false,
    };
    if !is_kept {
        excuse(name, old, &text, &new_text, losses);
    }
}

/// Counts what cannot be kept.
fn excuse(name: &str, old: &Field<'_>, text: &str, new_text: &str, losses: &mut Losses) {
    let strange = |value: &[u8]| {
        people(value)
            .iter()
            .any(|(_, address)| formats::address::Mailbox::parse(address.as_bytes()).is_err())
    };
    let is_of_people = ["from", "sender"].contains(&name) || name.ends_with("-to");
    match name {
        _ if text.is_empty() => losses.count("an empty field"),
        _ if is_of_people && strange(old.value) => losses.count("an address that is none"),
        _ if name.len() > 76 => losses.count("the name of a field that fits no line"),
        _ => losses
            .others
            .push(format!("{name}: {text:?} became {new_text:?}")),
    }
}

/// The first field of each name, and the names that come again.
fn first_fields(block: &[u8]) -> (BTreeMap<String, Field<'_>>, usize) {
    let (mut first, mut again) = (BTreeMap::new(), 0);
    for field in header::fields(block) {
        let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
        let is_anew = ANEW.contains(&name.as_str()) || name.starts_with("content-");
        let is_list = ["to", "cc", "bcc"].contains(&name.as_str());
        if is_anew || is_list {
            continue;
        }
        match first.entry(name) {
            Place::Vacant(place) => drop(place.insert(field)),
            Place::Occupied(_) => again += 1,
        }
    }
    (first, again)
}

/// All that a letter holds, letters within it included: texts by their words, the rest by bytes.
fn leaves(letter: &[u8]) -> Vec<(String, Vec<u8>)> {
    let summary = Summary::of(letter);
    let leaves = summary
        .parts
        .iter()
        .filter(|part| part.kind == PartKind::Leaf);
    let leaves = leaves.map(|part| {
        let at = |at: u64| usize::try_from(at).unwrap();
        let raw = &letter[at(part.body_start)..at(part.body_end)];
        let bytes = decode::all(Encoding::named(part.encoding.as_deref()), raw);
        let kind = String::from_utf8_lossy(&part.media_type).into_owned();
        if part.media_type != b"text" {
            return (kind, bytes);
        }
        let parameters = part.parameters.iter();
        let pairs = parameters.map(|(name, value)| (name.as_slice(), value.as_slice()));
        let label = parameter::text(pairs, "charset").unwrap_or_default();
        let text = charset::to_utf8(label.as_bytes(), &bytes);
        (kind, words(&text).into_bytes())
    });
    leaves.collect()
}

/// Recipients of several fields of one name are those of one field.
fn compare_recipients(old: &[u8], new: &[u8], losses: &mut Losses) {
    for name in ["to", "cc", "bcc"] {
        let all = |block: &[u8]| -> Vec<_> {
            let fields = header::fields(block).filter(|field| field.is(name));
            fields.flat_map(|field| people(field.value)).collect()
        };
        let (old, new) = (all(old), all(new));
        if old == new {
            continue;
        }
        let is_strange = |(_, address): &(String, String)| {
            formats::address::Mailbox::parse(address.as_bytes()).is_err()
        };
        if old.iter().any(is_strange) {
            losses.count("an address that is none");
        } else {
            losses
                .others
                .push(format!("{name}: {old:?} became {new:?}"));
        }
    }
}

fn compare(original: &[u8], losses: &mut Losses) {
    let new = rebuilt(original);
    let block = |letter: &[u8]| letter[..header::length(letter)].to_vec();
    let (old_block, new_block) = (block(original), block(&new));
    let (old_fields, again) = first_fields(&old_block);
    let (new_fields, _) = first_fields(&new_block);
    let meaning = |block: &[u8]| {
        let values = read::header(block).values;
        let importance = values.integer(0x0017).unwrap_or(1);
        let others = [0x0026, 0x0036].map(|id| values.integer(id).unwrap_or_default());
        (importance, others)
    };
    if meaning(&old_block) != meaning(&new_block) {
        losses.others.push("importance or sensitivity".to_owned());
    }
    (0..again).for_each(|_| losses.count("all but the first field of a name"));
    for (name, field) in &old_fields {
        compare_field(name, field, new_fields.get(name), losses);
    }
    compare_recipients(&old_block, &new_block, losses);
    let found: BTreeSet<Vec<u8>> = leaves(&new).into_iter().map(|(_, bytes)| bytes).collect();
    for (kind, bytes) in leaves(original) {
        if bytes.is_empty() || found.contains(&bytes) {
            continue;
        }
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        losses.others.push(format!("{kind} part lost: {start:?}"));
    }
}

fn samples() -> Vec<Vec<u8>> {
    let texts = [
        "From: Ida <ida@a.example>\nTo: \"Beck, Bo\" <bo@b.example>, =?utf-8?Q?J=C3=BC?= <j@x>\n\
         Cc: c@c.example\nReply-To: r@a.example\nSubject: Re: =?iso-8859-1?Q?Gr=FC=DFe?= aus\n \
         Berlin\nDate: Fri, 14 Jul 2017 04:40:00 +0200\nMessage-ID: <1@a>\nReferences: <2@a>\n \
         <3@a>\nIn-Reply-To: <3@a>\nX-Mailer: M 1.0\nList-Id: L <l.a.example>\n\nHello\n\nWorld\n",
        "From: Ida <ida@a.example>\nSender: ida@a.example\nTo: All of us: b@b.example, c@c.example;\n\
         Cc: <undisclosed recipients:;@x>\nReply-To: Office: o@a.example;\n\
         Date: Mon, 3 Jun 2002 17:07:50 (no zone)\nReferences: your letter <2@a> of today\n\
         X-Priority: 3 (Normal)\nX-MSMail-Priority: Normal\nImportance: Normal\n\
         Priority: normal\nSensitivity: Normal\nReturn-Receipt-To: <one@a.example>\n\
         Disposition-Notification-To: Two <two@a.example>\nExpires: Fri, 14 Jul 2017 04:40 CEST\n\
         Thread-Index: AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ\n\nAs it stood\n",
        "From:\nDate: Wed, 05 Jun 0102 18:07:54 +0300\n\nBefore all times\n",
        "Subject: html\nContent-Type: text/html; charset=windows-1251\n\
         Content-Transfer-Encoding: quoted-printable\n\n<p>=CF=F0=E8=E2=E5=F2</p>\n",
        "Subject: =?koi8-r?B?8NLJ18XU?=\nContent-Type: text/plain; charset=koi8-r\n\
         Content-Transfer-Encoding: base64\n\n8NLJ18XU\n",
        "Subject: files\nContent-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\ntext\n--b\n\
         Content-Type: text/plain; charset=iso-8859-5; name=a.txt\nContent-Disposition: attachment\n\
         Content-Transfer-Encoding: quoted-printable\n\n=BF=E0\n--b\nContent-Type: message/rfc822\n\n\
         Subject: inner\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\ninner\n--c\n\
         Content-Type: application/x\nContent-Transfer-Encoding: base64\n\nAAEC\n--c--\n\n--b--\n",
        "Subject: signed\nContent-Type: multipart/signed; boundary=s; protocol=\"application/pgp-\
         signature\"\n\n--s\n\nsigned text\n--s\nContent-Type: application/pgp-signature\n\nsig\n--s--\n",
    ];
    texts
        .map(|text| text.replace('\n', "\r\n").into_bytes())
        .to_vec()
}

/// The files of a folder and of those in it; a line that mailbox files put before a letter is
/// taken off.
fn letters_of(folder: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![std::path::PathBuf::from(folder)];
    let mut letters = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(path).unwrap();
                let start = if bytes.starts_with(b"From ") {
                    bytes
                        .iter()
                        .position(|&byte| byte == b'\n')
                        .map_or(0, |end| end + 1)
                } else {
                    0
                };
                letters.push(bytes[start..].to_vec());
            }
        }
    }
    letters
}

#[test]
fn a_letter_comes_back_from_its_properties() {
    let letters = match std::env::var("MAPI_LETTERS") {
        Ok(folder) => letters_of(&folder),
        Err(_) => samples(),
    };
    let (mut losses, mut whole) = (Losses::default(), 0);
    for letter in &letters {
        let mut own = Losses::default();
        compare(letter, &mut own);
        whole += usize::from(own.named.is_empty() && own.others.is_empty());
        for (name, count) in own.named {
            *losses.named.entry(name).or_default() += count;
        }
        losses.others.extend(own.others);
    }
    println!(
        "{whole} of {} letters without any loss; {:#?}",
        letters.len(),
        losses.named
    );
    let some = &losses.others[..losses.others.len().min(40)];
    assert!(
        losses.others.is_empty(),
        "{}: {some:#?}",
        losses.others.len()
    );
}

#[test]
fn properties_come_back_from_their_letter() {
    for letter in samples() {
        let once = read::content(&letter);
        let mut twice = read::content(&rebuilt(&letter));
        let mut expected = once.clone();
        for message in [&mut expected, &mut twice] {
            // The header as it is written, ids that the frame gives, a text made of HTML.
            for id in [0x007d, 0x1035, 0x0039, 0x1000, 0x3fde] {
                message.values.remove(&id);
            }
            for attachment in &mut message.attachments {
                attachment.values.remove(&0x0e20);
                attachment.embedded = None;
            }
        }
        assert_eq!(twice.values, expected.values);
        assert_eq!(twice.recipients, expected.recipients);
        // The order of the fields, and the date of a letter that had none.
        for message in [&mut expected, &mut twice] {
            let date = set::internet_header("Date");
            message.named.retain(|(name, _)| *name != date);
            message.named.sort_by_key(|(name, _)| format!("{name:?}"));
        }
        assert_eq!(twice.named, expected.named);
        let data = |attachment: &mapi::content::Attachment| -> Option<Bytes> {
            match attachment.values.get(&0x3701) {
                Some(mapi::codec::data::Value::Binary(bytes)) => Some(bytes.clone()),
                _ => None,
            }
        };
        let all = |message: &mapi::content::Content| -> Vec<_> {
            message.attachments.iter().map(data).collect()
        };
        assert_eq!(all(&twice), all(&expected));
    }
}
