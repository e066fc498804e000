//! Properties out of the fields of a header.
//!
//! Source: [MS-OXCMAIL] 2.2.3.2 (envelope), 2.2.3.3 (fields by property).

use super::super::{Values, set, spelling};
use super::people::{self, Person};
use crate::codec::data::{FileTime, FlatEntryList, PropertyName, Value, language_number};
use formats::date::Date;
use formats::message::decode::{self, Encoding};
use formats::message::encoded_word;
use formats::message::header::{Field, fields, message_ids, unfold};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a header that are told as they are.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Fields that are told by their names.
const MORE_FIELDS_MAX: usize = 500;
/// Characters of the name of a field that can be the name of a property.
const NAME_CHARS_MAX: usize = 126;
/// Categories of one letter.
const KEYWORDS_MAX: usize = 100;
/// 100 ns in a second.
const PER_SECOND: i64 = 10_000_000;
/// 1601-01-01, before which a property knows no time.
const FIRST_SECONDS: i64 = -11_644_473_600;

/// What a header says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    /// By identifier.
    pub values: BTreeMap<u16, Value>,
    /// By name: categories, flags, and fields that have no property of their own.
    pub named: Vec<(PropertyName, Value)>,
}

/// Name, type, address, Internet address, entry id and search key.
const SENDER: [u16; 6] = [0x0c1a, 0x0c1e, 0x0c1f, 0x5d01, 0x0c19, 0x0c1d];
const AUTHOR: [u16; 6] = [0x0042, 0x0064, 0x0065, 0x5d02, 0x0041, 0x003b];
const RECEIPT: [u16; 6] = [0x402b, 0x4029, 0x402a, 0x5d05, 0x0046, 0x0053];

/// Reads the fields of `block`.
pub fn header(block: &[u8]) -> Header {
    let mut header = Header::default();
    let mut seen = BTreeSet::new();
    for field in fields(block) {
        let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
        // The first of several is the one that counts.
        if seen.insert(name.clone()) {
            header.take(&name, &field);
            header.spelled(&name, &field);
        }
    }
    if !header.values.contains_key(&SENDER[0]) {
        header.sender_is_author();
    }
    header.subject();
    let text = String::from_utf8_lossy(block.get(..TEXT_BYTES_MAX).unwrap_or(block));
    header.values.put_text(0x007d, text);
    header
}

/// What stands before a subject when it is answered or forwarded, and the rest. The mark has one to
/// three letters. Source: [MS-OXCMSG] 3.2.5.2.
pub fn subject_parts(subject: &str) -> (&str, &str) {
    let mark = subject.find(": ").filter(|&end| {
        let before = subject.get(..end).unwrap_or_default();
        (1..=3).contains(&before.chars().count()) && before.chars().all(char::is_alphabetic)
    });
    let end = mark.map_or(0, |end| end + 2);
    subject.split_at_checked(end).unwrap_or(("", subject))
}

impl Header {
    fn take(&mut self, name: &str, field: &Field<'_>) {
        let text = || encoded_word::decode(field.value);
        match name {
            "date" => self.put_date(0x0039, field),
            "reply-by" => self.put_date(0x0030, field),
            "expiry-date" | "expires" => self.put_date(0x0015, field),
            "from" => self.put_person(AUTHOR, field),
            "sender" => self.put_person(SENDER, field),
            "reply-to" => self.reply_to(field),
            "subject" => self.values.put_text(0x0037, text()),
            "thread-topic" => self.values.put_text(0x0070, text()),
            "thread-index" => self.conversation(field),
            "message-id" => self.values.put_text(0x1035, raw(field)),
            "in-reply-to" => self.values.put_text(0x1042, raw(field)),
            "references" => self.references(field),
            "importance" | "x-priority" | "x-msmail-priority" => self.importance(name, field),
            "priority" => self.priority(field),
            "sensitivity" => self.sensitivity(field),
            "keywords" => self.keywords(&text()),
            "disposition-notification-to" => self.receipt(field),
            "return-receipt-to" => drop(self.values.insert(0x0023, Value::Boolean(true))),
            "x-auto-response-suppress" => self.suppressions(&text()),
            "x-message-flag" => self.flag(text()),
            "x-message-completed" => self.completed(field),
            "content-language" => self.language(&text()),
            "list-help" => self.values.put_text(0x1043, text()),
            "list-subscribe" => self.values.put_text(0x1044, text()),
            "list-unsubscribe" => self.values.put_text(0x1045, text()),
            _ => self.further(field, text()),
        }
    }

    fn integer(&mut self, id: u16, number: i32) {
        self.values.insert(id, Value::Integer32(number));
    }

    /// A date that a property can hold.
    fn put_date(&mut self, id: u16, field: &Field<'_>) {
        let date = Date::parse(field.value).filter(|date| date.seconds >= FIRST_SECONDS);
        if let Some(date) = date {
            let time = FileTime::from_unix(date.seconds.saturating_mul(PER_SECOND));
            self.values.insert(id, Value::Time(time));
        }
    }

    /// The first of several.
    fn put_person(&mut self, ids: [u16; 6], field: &Field<'_>) {
        if let Some(person) = people::people(field.value).first() {
            person.put(ids, &mut self.values);
        }
    }

    fn sender_is_author(&mut self) {
        for (to, from) in SENDER.into_iter().zip(AUTHOR) {
            if let Some(value) = self.values.get(&from).cloned() {
                self.values.insert(to, value);
            }
        }
    }

    fn reply_to(&mut self, field: &Field<'_>) {
        let people = people::people(field.value);
        let entry = |person: &Person| match person.entry_id() {
            Value::Binary(bytes) => Some(bytes),
            _ => None,
        };
        let list = FlatEntryList(people.iter().filter_map(entry).collect());
        if let (false, Ok(bytes)) = (people.is_empty(), list.to_bytes()) {
            self.values.insert(0x004f, Value::Binary(bytes.into()));
            let names: Vec<_> = people.into_iter().map(|person| person.name).collect();
            self.values.put_text(0x0050, names.join("; "));
        }
    }

    fn subject(&mut self) {
        let subject = self.values.text(0x0037).unwrap_or_default().to_owned();
        let (prefix, rest) = subject_parts(&subject);
        for (id, text) in [(0x0037, subject.as_str()), (0x003d, prefix), (0x0e1d, rest)] {
            self.values.insert(id, Value::Unicode(text.to_owned()));
        }
        if self.values.text(0x0070).is_none() {
            self.values.put_text(0x0070, rest);
        }
    }

    /// The index, and the conversation that it names. Before the conversation's GUID stand 6 bytes
    /// of time, which programs cut out of it in more ways than one, so that nothing follows from
    /// them. Source: [MS-OXOMSG] 2.2.1.3 and its note 2, 2.2.1.2.
    fn conversation(&mut self, field: &Field<'_>) {
        let index = decode::all(Encoding::Base64, &unfold(field.value));
        let Some(conversation) = index.get(6..22).map(<[u8]>::to_vec) else {
            return;
        };
        self.values
            .insert(0x3013, Value::Binary(conversation.into()));
        self.values.insert(0x0071, Value::Binary(index.into()));
        self.values.insert(0x3016, Value::Boolean(true));
    }

    fn references(&mut self, field: &Field<'_>) {
        let value = unfold(field.value);
        let ids = message_ids(&value).map(|id| format!("<{}>", String::from_utf8_lossy(id)));
        self.values
            .put_text(0x1039, ids.collect::<Vec<_>>().join(" "));
    }

    /// Importance says it best; older fields count where it is missing.
    fn importance(&mut self, name: &str, field: &Field<'_>) {
        let text = raw(field).to_ascii_lowercase();
        let importance = match text.chars().next() {
            Some('h' | '1' | '2') => 2,
            Some('n' | '3') => 1,
            Some('l' | '4' | '5') => 0,
            _ => return,
        };
        if name == "importance" || !self.values.contains_key(&0x0017) {
            self.integer(0x0017, importance);
        }
    }

    fn priority(&mut self, field: &Field<'_>) {
        match raw(field).to_ascii_lowercase().as_str() {
            "urgent" => self.integer(0x0026, 1),
            "normal" => self.integer(0x0026, 0),
            "non-urgent" => self.integer(0x0026, -1),
            _ => {}
        }
    }

    fn sensitivity(&mut self, field: &Field<'_>) {
        match raw(field).to_ascii_lowercase().as_str() {
            "personal" => self.integer(0x0036, 1),
            "private" => self.integer(0x0036, 2),
            "company-confidential" => self.integer(0x0036, 3),
            _ => {}
        }
    }

    fn keywords(&mut self, text: &str) {
        let all = text.split([',', ';']).map(str::trim);
        let all = all.filter(|keyword| !keyword.is_empty()).take(KEYWORDS_MAX);
        let all: Vec<_> = all.map(str::to_owned).collect();
        if !all.is_empty() {
            self.named
                .push((set::keywords(), Value::MultipleUnicode(all)));
        }
    }

    /// Someone wants to know that it was read; to whom it is told need not be the author.
    fn receipt(&mut self, field: &Field<'_>) {
        if let Some(person) = people::people(field.value).first() {
            self.values.insert(0x0029, Value::Boolean(true));
            person.put(RECEIPT, &mut self.values);
        }
    }

    /// The first language of several. Source: [MS-OXCMAIL] 2.2.3.2.11.
    fn language(&mut self, text: &str) {
        let first = text.split(',').next().unwrap_or_default();
        if let Some(number) = language_number(first.trim()) {
            self.integer(0x3ff1, number);
        }
    }

    /// Source: [MS-OXOMSG] 2.2.1.77.
    fn suppressions(&mut self, text: &str) {
        let bits = text
            .split(',')
            .map(|word| match word.trim().to_ascii_lowercase().as_str() {
                "all" => -1,
                "dr" => 0x01,
                "ndr" => 0x02,
                "rn" => 0x04,
                "nrn" => 0x08,
                "oof" => 0x10,
                "autoreply" => 0x20,
                _ => 0,
            });
        self.integer(0x3fdf, bits.fold(0, |all, bit: i32| all | bit));
    }

    fn flag(&mut self, request: String) {
        let name = set::common(set::FLAG_REQUEST);
        self.named.push((name, Value::Unicode(request)));
        self.values.entry(0x1090).or_insert(Value::Integer32(2));
    }

    fn completed(&mut self, field: &Field<'_>) {
        self.put_date(0x1091, field);
        self.integer(0x1090, 1);
    }

    /// A field that has properties of its own, as it stood.
    fn spelled(&mut self, name: &str, field: &Field<'_>) {
        let text = spelling::of(name, field).filter(|_| self.named.len() < MORE_FIELDS_MAX);
        if let Some(text) = text {
            let name = String::from_utf8_lossy(field.name);
            let name = set::internet_header(&name);
            self.named.push((name, Value::Unicode(text)));
        }
    }

    /// A field without a property of its own, unless it belongs to the way that the letter took or
    /// to how it is built.
    fn further(&mut self, field: &Field<'_>, text: String) {
        let name = String::from_utf8_lossy(field.name).into_owned();
        if is_free(&name) && self.named.len() < MORE_FIELDS_MAX {
            self.named
                .push((set::internet_header(&name), Value::Unicode(text)));
        }
    }
}

/// A field that is told by its name.
fn is_free(name: &str) -> bool {
    const OF_THE_WAY: [&str; 14] = [
        "to",
        "cc",
        "bcc",
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
    ];
    let name = name.to_ascii_lowercase();
    let is_built = name.starts_with("content-") && name != "content-class";
    !is_built && !OF_THE_WAY.contains(&name.as_str()) && name.len() <= NAME_CHARS_MAX
}

/// A value that programs read.
fn raw(field: &Field<'_>) -> String {
    String::from_utf8_lossy(&unfold(field.value)).into_owned()
}
