//! Header fields as they are written.
//!
//! What comes in is text of any kind; what goes out is ASCII in folded lines. Nothing that a value
//! holds can begin another field: line ends in it become blanks.
//!
//! Source: RFC 5322 §2.2.3 and §3.4, RFC 2047 §5, RFC 2231 §3 and §4.

use super::transfer::{base64, digit};
use crate::address::{Mailbox, is_atext};

/// Characters of a line, without its line end. Source: RFC 5322 §2.1.1.
const LINE_CHARS_MAX: usize = 78;
/// Characters of a word that is written in one piece; a line must not be longer than 998.
const WORD_CHARS_MAX: usize = 900;
/// Characters of a quoted name that is written in one piece.
const QUOTED_CHARS_MAX: usize = 200;
/// Characters of an encoded word. Source: RFC 2047 §2.
const ENCODED_WORD_CHARS_MAX: usize = 75;
/// `=?utf-8?Q?` and `?=`.
const ENCODED_WORD_FRAME: usize = 12;
/// Characters of one section of a parameter.
const SECTION_CHARS_MAX: usize = 60;

/// Someone in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// How the person is called; may be empty.
    pub name: String,
    /// `local@domain`; empty for someone without one, who is written as a group without members.
    pub address: String,
}

/// Fields under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderWriter {
    bytes: Vec<u8>,
    column: usize,
    is_first_word: bool,
}

impl HeaderWriter {
    /// A field of free text, such as a subject.
    pub fn text(&mut self, name: &str, value: &str) {
        if !self.begin(name) {
            return;
        }
        let value = on_one_line(value);
        if is_plain(&value) {
            value.split(' ').for_each(|word| self.word(word));
        } else {
            self.encoded(&value, Place::Text);
        }
        self.end();
    }

    /// A field of words that programs read, such as message ids; what is not ASCII is left out.
    pub fn structured(&mut self, name: &str, value: &str) {
        if !self.begin(name) {
            return;
        }
        for word in value.split_ascii_whitespace() {
            let word: String = word.chars().filter(char::is_ascii_graphic).collect();
            let mut rest = word.as_str();
            while let Some((head, tail)) = rest.split_at_checked(WORD_CHARS_MAX) {
                self.word(head);
                rest = tail;
            }
            if !rest.is_empty() {
                self.word(rest);
            }
        }
        self.end();
    }

    /// A field of people; none is written if there are none.
    pub fn addresses(&mut self, name: &str, people: &[Address]) {
        if people.is_empty() || !self.begin(name) {
            return;
        }
        for (index, person) in people.iter().enumerate() {
            let separator = if index + 1 < people.len() { "," } else { "" };
            self.person(person, separator);
        }
        self.end();
    }

    /// A field with parameters, such as Content-Type.
    pub fn value(&mut self, name: &str, value: &str, parameters: &[(&str, &str)]) {
        if !self.begin(name) {
            return;
        }
        let mut words: Vec<String> = value.split_ascii_whitespace().map(ascii).collect();
        for (parameter, value) in parameters {
            if let Some(last) = words.last_mut()
                && !last.ends_with(';')
            {
                last.push(';');
            }
            words.extend(sections(parameter, &on_one_line(value)));
        }
        for word in &words {
            self.word(word);
        }
        self.end();
    }

    /// Fields that are written already, each with its line end.
    pub fn raw(&mut self, fields: &[u8]) {
        self.bytes.extend_from_slice(fields);
    }

    /// All fields, without the empty line behind them.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// False for what cannot be the name of a field.
    fn begin(&mut self, name: &str) -> bool {
        let is_name = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        if name.is_empty() || name.len() > LINE_CHARS_MAX - 2 || !name.bytes().all(is_name) {
            return false;
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(b':');
        self.column = name.len() + 1;
        self.is_first_word = true;
        true
    }

    fn end(&mut self) {
        self.bytes.extend_from_slice(b"\r\n");
        self.column = 0;
    }

    /// A word behind a blank, on the next line if it does not fit on this one.
    fn word(&mut self, word: &str) {
        let fits = self.column + 1 + word.len() <= LINE_CHARS_MAX;
        if !fits && !self.is_first_word {
            self.bytes.extend_from_slice(b"\r\n");
            self.column = 0;
        }
        self.is_first_word = false;
        self.bytes.push(b' ');
        self.bytes.extend_from_slice(word.as_bytes());
        self.column += 1 + word.len();
    }

    fn person(&mut self, person: &Address, separator: &str) {
        let name = on_one_line(&person.name);
        let name = name.trim();
        let Some(address) = routable(&person.address) else {
            let name = if name.is_empty() { "unknown" } else { name };
            self.phrase(name);
            return self.word(&format!(":;{separator}"));
        };
        if name.is_empty() || name.eq_ignore_ascii_case(&person.address) {
            return self.word(&format!("{address}{separator}"));
        }
        self.phrase(name);
        self.word(&format!("<{address}>{separator}"));
    }

    /// The name of a person: atoms, a quoted string or encoded words.
    fn phrase(&mut self, name: &str) {
        let is_simple = is_plain(name) && name.split(' ').all(|w| w.bytes().all(is_atext));
        if is_simple {
            name.split(' ').for_each(|word| self.word(word));
        } else if is_plain(name) && name.len() <= QUOTED_CHARS_MAX {
            self.word(&quoted(name));
        } else {
            self.encoded(name, Place::Phrase);
        }
    }

    /// Encoded words, none of which cuts a character. Source: RFC 2047 §5 (3).
    fn encoded(&mut self, text: &str, place: Place) {
        let q_size: usize = text.chars().map(|c| place.q_size(c)).sum();
        let is_q = q_size <= text.len().div_ceil(3) * 4;
        let size = |chunk_bytes: usize, chunk_q: usize| {
            if is_q {
                chunk_q
            } else {
                chunk_bytes.div_ceil(3) * 4
            }
        };
        let (mut chunk, mut chunk_q) = (String::new(), 0);
        for character in text.chars() {
            let next_q = chunk_q + place.q_size(character);
            let next_size = size(chunk.len() + character.len_utf8(), next_q);
            if next_size > self.encoded_room() && !chunk.is_empty() {
                self.word(&place.encoded_word(&chunk, is_q));
                (chunk, chunk_q) = (String::new(), 0);
            }
            chunk.push(character);
            chunk_q += place.q_size(character);
        }
        if !chunk.is_empty() || self.is_first_word {
            self.word(&place.encoded_word(&chunk, is_q));
        }
    }

    /// Characters for the content of the next encoded word: those of this line if some fit there.
    fn encoded_room(&self) -> usize {
        let full = ENCODED_WORD_CHARS_MAX - ENCODED_WORD_FRAME;
        let here = LINE_CHARS_MAX.saturating_sub(self.column + 1 + ENCODED_WORD_FRAME);
        if here < 16 && !self.is_first_word {
            full
        } else {
            here.clamp(16, full)
        }
    }
}

/// Where an encoded word stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In free text.
    Text,
    /// In a name, where fewer characters stand for themselves (RFC 2047 §5 (3)).
    Phrase,
}

impl Place {
    fn is_literal(self, character: char) -> bool {
        match self {
            Self::Text => character.is_ascii_graphic() && !matches!(character, '=' | '?' | '_'),
            Self::Phrase => {
                character.is_ascii_alphanumeric()
                    || matches!(character, '!' | '*' | '+' | '-' | '/')
            }
        }
    }

    /// Characters that the Q encoding needs.
    fn q_size(self, character: char) -> usize {
        if character == ' ' || self.is_literal(character) {
            1
        } else {
            character.len_utf8() * 3
        }
    }

    fn encoded_word(self, text: &str, is_q: bool) -> String {
        let mut word = Vec::with_capacity(ENCODED_WORD_CHARS_MAX);
        if is_q {
            word.extend_from_slice(b"=?utf-8?Q?");
            text.chars()
                .for_each(|character| self.push_q(character, &mut word));
        } else {
            word.extend_from_slice(b"=?utf-8?B?");
            base64(text.as_bytes(), &mut word);
        }
        word.extend_from_slice(b"?=");
        String::from_utf8(word).unwrap_or_default()
    }

    fn push_q(self, character: char, word: &mut Vec<u8>) {
        if character == ' ' {
            word.push(b'_');
            return;
        }
        for &byte in character.encode_utf8(&mut [0; 4]).as_bytes() {
            if self.is_literal(character) {
                word.push(byte);
            } else {
                word.extend_from_slice(&[b'=', digit(byte >> 4), digit(byte)]);
            }
        }
    }
}

fn on_one_line(text: &str) -> String {
    let blank = |character| match character {
        '\r' | '\n' | '\0' => ' ',
        other => other,
    };
    text.replace("\r\n", " ").chars().map(blank).collect()
}

fn ascii(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).collect()
}

/// Whether a text can stand in a field as it is and comes out of it as it went in.
fn is_plain(text: &str) -> bool {
    let is_shown = |byte: u8| matches!(byte, b' '..=b'~');
    text.bytes().all(is_shown)
        && !text.contains("=?")
        && !text.contains("  ")
        && text.trim() == text
        && text.split(' ').all(|word| word.len() <= WORD_CHARS_MAX)
}

/// The address in its strict form, or without what would break the field.
fn routable(address: &str) -> Option<String> {
    let address = address.trim();
    if let Ok(mailbox) = Mailbox::parse(address.as_bytes()) {
        return Some(mailbox.to_string());
    }
    let harmless =
        |c: &char| !c.is_control() && !c.is_whitespace() && !"<>,;:\"()[]\\".contains(*c);
    let rest: String = address.chars().filter(harmless).collect();
    (!rest.is_empty()).then_some(rest)
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// A parameter in as many sections as it needs. Source: RFC 2231 §3, §4.
fn sections(name: &str, value: &str) -> Vec<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte);
    if !value.is_empty() && value.len() <= SECTION_CHARS_MAX && value.bytes().all(is_token) {
        return vec![format!("{name}={value}")];
    }
    // Readers trim what is quoted, and decode words in it that look encoded.
    let is_literal = value.trim() == value && !value.contains("=?");
    let is_shown = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if value.len() <= SECTION_CHARS_MAX && is_shown && is_literal {
        return vec![format!("{name}={}", quoted(value))];
    }
    let encoded: Vec<String> = value.chars().map(percent_encoded).collect();
    let mut values = vec!["utf-8''".to_owned()];
    for character in encoded {
        match values.last_mut() {
            Some(last) if last.len() + character.len() <= SECTION_CHARS_MAX => {
                last.push_str(&character);
            }
            _ => values.push(character),
        }
    }
    if let [only] = values.as_slice() {
        return vec![format!("{name}*={only}")];
    }
    let last = values.len() - 1;
    let section = |(index, value): (usize, &String)| {
        let separator = if index < last { ";" } else { "" };
        format!("{name}*{index}*={value}{separator}")
    };
    values.iter().enumerate().map(section).collect()
}

fn percent_encoded(character: char) -> String {
    if character.is_ascii_alphanumeric() || matches!(character, '-' | '.' | '_' | '~') {
        return character.to_string();
    }
    let hexadecimal = |byte: u8| ['%', char::from(digit(byte >> 4)), char::from(digit(byte))];
    let mut bytes = [0; 4];
    let bytes = character.encode_utf8(&mut bytes).bytes();
    bytes.flat_map(hexadecimal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::list::{self, Entry};
    use crate::message::{encoded_word, header, parameter};
    use proptest::prelude::*;

    fn field(write: impl FnOnce(&mut HeaderWriter)) -> String {
        let mut writer = HeaderWriter::default();
        write(&mut writer);
        String::from_utf8(writer.finish()).unwrap()
    }

    fn person(name: &str, address: &str) -> Address {
        Address {
            name: name.to_owned(),
            address: address.to_owned(),
        }
    }

    #[test]
    fn plain_text_is_folded_at_blanks_and_nothing_else_is_done_to_it() {
        let text = field(|h| h.text("Subject", &["word"; 30].join(" ")));
        assert!(text.lines().all(|line| line.len() <= 78), "{text}");
        assert_eq!(text.matches("\r\n ").count(), 2);
        assert_eq!(field(|h| h.text("Subject", "")), "Subject: \r\n");
    }

    #[test]
    fn line_ends_in_a_value_begin_no_field() {
        assert_eq!(
            field(|h| h.text("Subject", "a\r\nBcc: b")),
            "Subject: a Bcc: b\r\n"
        );
        assert_eq!(field(|h| h.text("Sub\r\nject", "a")), "");
        assert_eq!(
            field(|h| h.structured("In-Reply-To", "<a@b>\r\nBcc: c")),
            "In-Reply-To: <a@b> Bcc: c\r\n"
        );
        let people = [person("a\r\nBcc: b", "c@d>\r\nX: y")];
        let to = field(|h| h.addresses("To", &people));
        assert_eq!(to.matches("\r\n").count(), 1, "{to}");
    }

    #[test]
    fn names_are_quoted_or_encoded_where_they_must_be() {
        let people = [
            person("Ida Beck", "ida@a.example"),
            person("Beck, Ida", "ida@a.example"),
            person("Jürgen", "j@a.example"),
            person("ida@a.example", "ida@a.example"),
            person("Team", ""),
        ];
        assert_eq!(
            field(|h| h.addresses("To", &people)),
            "To: Ida Beck <ida@a.example>, \"Beck, Ida\" <ida@a.example>,\r\n \
             =?utf-8?Q?J=C3=BCrgen?= <j@a.example>, ida@a.example, Team :;\r\n"
        );
        assert_eq!(field(|h| h.addresses("To", &[])), "");
    }

    #[test]
    fn parameters_are_written_as_rfc_2231_says() {
        let text = field(|h| {
            h.value(
                "Content-Disposition",
                "attachment",
                &[("filename", "Grüße.txt"), ("size", "12")],
            );
        });
        assert_eq!(
            text,
            "Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt; size=12\r\n"
        );
    }

    proptest! {
        #[test]
        fn texts_come_back(text in "[a-zA-Z =?_\t.,\u{e4}\u{4f60}\u{1f600}]{0,200}") {
            let written = field(|h| h.text("Subject", &text));
            prop_assert!(written.is_ascii());
            prop_assert!(written.split("\r\n").all(|line| line.len() <= 78 || !line.contains(' ')));
            let read = header::fields(written.as_bytes()).next().unwrap();
            prop_assert_eq!(encoded_word::decode(read.value), text);
        }

        #[test]
        fn people_come_back(name in "[a-zA-Z ,.\"\\\\()@<>\u{e4}\u{4f60}]{0,100}") {
            let people = [person(&name, "a.b@c.example"), person("", "d@e.example")];
            let written = field(|h| h.addresses("To", &people));
            let read = header::fields(written.as_bytes()).next().unwrap();
            let (entries, _) = list::parse(read.value, 10);
            prop_assert_eq!(entries.len(), 2);
            let Entry::Mailbox { name: read, local, domain } = &entries[0] else { panic!() };
            prop_assert_eq!(local.as_slice(), b"a.b");
            prop_assert_eq!(domain.as_slice(), b"c.example");
            let read = read.as_ref().map(|name| encoded_word::decode(name));
            prop_assert_eq!(read.unwrap_or_default(), name.trim());
        }

        #[test]
        fn parameters_come_back(value in "[a-zA-Z ;=\"\\\\%'*.\u{e4}\u{4f60}]{0,150}") {
            let written = field(|h| h.value("Content-Type", "a/b", &[("name", &value)]));
            let read = header::fields(written.as_bytes()).next().unwrap();
            let (kind, parameters) = parameter::parse(read.value);
            prop_assert_eq!(kind, b"a/b");
            let pairs = parameters.iter().map(|(n, v)| (n.as_slice(), v.as_slice()));
            prop_assert_eq!(parameter::text(pairs, "name").unwrap_or_default(), value);
        }
    }
}
