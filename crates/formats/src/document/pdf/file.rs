//! The objects of a file, found by looking for them.
//!
//! The table at a file's end, which says where they lie, is not asked: a cut or mended file often
//! has a wrong one, and all objects are to be read anyway. Of objects with one number the last
//! counts, as in a file that was changed by appending to it.
//!
//! Source: ISO 32000-1 §7.3.8 (streams), §7.3.10 (objects), §7.5 (structure of a file), §7.5.7
//! (objects within streams).

use super::filters;
use super::key::Key;
use super::lexer::{Dictionary, Lexer, Token, Value, is_space};
use super::work::Work;
use memchr::memmem;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// Objects that are told apart.
const OBJECTS_MAX: usize = 128 * 1024;
/// Bytes of one stream, unpacked.
const STREAM_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of all streams that hold objects: they are kept unpacked.
const KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Filters of one stream.
const FILTERS_MAX: usize = 4;
/// References that lead to references.
const HOPS_MAX: usize = 8;
/// Bytes before `obj` in which its numbers stand.
const NUMBERS_BYTES_MAX: usize = 32;
/// What any stream costs, however short it is.
const STREAM_COST: usize = 1024;

/// Where an object lies.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The stream it stands in, if it does.
    within: Option<usize>,
    /// Its first byte, in the file or the stream.
    at: usize,
    /// The offset in the file by which later objects win over earlier ones.
    order: usize,
    /// Beside its number, what tells apart what is encrypted.
    generation: u16,
}

/// A file's objects.
pub(super) struct File<'a> {
    bytes: &'a [u8],
    work: &'a Work,
    places: BTreeMap<u32, Place>,
    /// Streams of objects, unpacked.
    kept: Vec<Vec<u8>>,
    /// What the file says of itself, the latest last.
    trailers: Vec<Dictionary>,
    /// What opens it, if it is encrypted and that is known.
    key: Option<Key>,
}

/// An object, with the bytes behind it if it is a stream.
struct Object {
    value: Value,
    data: Option<Range<usize>>,
}

impl<'a> File<'a> {
    /// Finds the objects.
    pub(super) fn read(bytes: &'a [u8], work: &'a Work) -> Self {
        let mut file = Self {
            bytes,
            work,
            places: BTreeMap::new(),
            kept: Vec::new(),
            trailers: Vec::new(),
            key: None,
        };
        let streams = file.scan();
        file.read_trailers();
        file.key = file.find_key();
        for (number, order) in streams {
            file.open_stream(number, order);
        }
        file
    }

    /// Notes the objects that stand in the file itself; the numbers of streams of objects, with
    /// their places.
    fn scan(&mut self) -> Vec<(u32, usize)> {
        let (mut at, mut streams) = (0, Vec::new());
        while let Some(found) = find(self.bytes, at, b"obj") {
            at = found + 3;
            let Some((number, generation)) = numbers_before(self.bytes, found) else {
                continue;
            };
            if self.places.len() >= OBJECTS_MAX || self.work.is_done() {
                break;
            }
            let place = Place {
                within: None,
                at,
                order: found,
                generation,
            };
            self.places.insert(number, place);
            let Some(object) = self.parse(self.bytes, at) else {
                continue;
            };
            if let (Some(data), Some(dictionary)) = (object.data, object.value.dictionary()) {
                at = data.end;
                if dictionary.is("Type", "ObjStm") {
                    streams.push((number, found));
                } else if dictionary.is("Type", "XRef") {
                    self.trailers.push(dictionary.clone());
                }
            }
        }
        streams
    }

    fn read_trailers(&mut self) {
        const WORD: &[u8] = b"trailer";
        let mut at = 0;
        while let Some(found) = find(self.bytes, at, WORD) {
            at = found + WORD.len();
            let value = Lexer::new(self.bytes, at, self.work).value();
            if let Some(Value::Dictionary(trailer)) = value {
                self.trailers.push(trailer);
            }
        }
    }

    /// Notes the objects within a stream. Source: ISO 32000-1 §7.5.7.
    fn open_stream(&mut self, number: u32, order: usize) {
        let Some((dictionary, bytes)) = self.stream(&Value::Reference(number)) else {
            return;
        };
        let kept: usize = self.kept.iter().map(Vec::len).sum();
        if kept.saturating_add(bytes.len()) > KEPT_BYTES_MAX {
            return;
        }
        let count = dictionary.value("N").count().unwrap_or(0).min(OBJECTS_MAX);
        let first = dictionary.value("First").count().unwrap_or(0);
        let mut numbers = Lexer::new(&bytes, 0, self.work);
        let mut count_of = || numbers.value().and_then(|value| value.count());
        for _ in 0..count {
            let (Some(number), Some(at)) = (count_of(), count_of()) else {
                break;
            };
            let place = Place {
                within: Some(self.kept.len()),
                at: first.saturating_add(at),
                order,
                generation: 0,
            };
            let Ok(number) = u32::try_from(number) else {
                continue;
            };
            let is_newer = |old: &Place| old.order < order;
            if self.places.get(&number).is_none_or(is_newer) && self.places.len() < OBJECTS_MAX {
                self.places.insert(number, place);
            }
        }
        self.kept.push(bytes);
    }

    /// True if the file is kept from those who have no key to it.
    pub(super) fn is_locked(&self) -> bool {
        self.encryption().is_some() && self.key.is_none()
    }

    /// The latest that is said of its encryption.
    fn encryption(&self) -> Option<&Value> {
        let told = self.trailers.iter().rev();
        let mut told = told.map(|trailer| trailer.value("Encrypt"));
        told.find(|value| **value != Value::Null)
    }

    /// Source: ISO 32000-1 §7.5.5 (ID), §7.6.1.
    fn find_key(&self) -> Option<Key> {
        let encryption = self.resolve(self.encryption()?);
        let mut told = self.trailers.iter().rev();
        let identifier = told.find_map(|trailer| match trailer.value("ID").array()?.first()? {
            Value::Text(identifier) => Some(identifier.as_slice()),
            _ => None,
        });
        Key::of(encryption.dictionary()?, identifier.unwrap_or_default())
    }

    /// What the file says of itself.
    pub(super) fn information(&self) -> Option<Dictionary> {
        let told = self
            .trailers
            .iter()
            .rev()
            .map(|trailer| trailer.value("Info"));
        let told = told.map(|value| self.resolve(value).into_owned());
        told.into_iter().find_map(|value| match value {
            Value::Dictionary(dictionary) => Some(dictionary),
            _ => None,
        })
    }

    /// The numbers of all objects.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.keys().copied()
    }

    fn object(&self, number: u32) -> Option<Object> {
        let place = self.places.get(&number)?;
        match place.within {
            None => {
                let mut object = self.parse(self.bytes, place.at)?;
                self.open_strings((number, place.generation), &mut object.value);
                Some(object)
            }
            Some(stream) => {
                let value = Lexer::new(self.kept.get(stream)?, place.at, self.work).value()?;
                Some(Object { value, data: None })
            }
        }
    }

    /// Decrypts the strings of an object of the file itself; those within streams are open with
    /// their stream. Source: ISO 32000-1 §7.6.1.
    fn open_strings(&self, object: (u32, u16), value: &mut Value) {
        let Some(key) = &self.key else { return };
        let mut left = vec![value];
        while let Some(value) = left.pop() {
            match value {
                Value::Text(text) if self.work.take(text.len()) => {
                    *text = key.string(object, text);
                }
                Value::Array(values) => left.extend(values),
                Value::Dictionary(dictionary) => left.extend(dictionary.values_mut()),
                _ => {}
            }
        }
    }

    /// The value that a reference leads to; any other value as it is.
    pub(super) fn resolve<'v>(&self, value: &'v Value) -> Cow<'v, Value> {
        let mut value = Cow::Borrowed(value);
        for _ in 0..HOPS_MAX {
            let Value::Reference(number) = *value else {
                return value;
            };
            let object = self.object(number);
            value = Cow::Owned(object.map(|object| object.value).unwrap_or_default());
        }
        Cow::Owned(Value::Null)
    }

    /// The value of this name, wherever it stands.
    pub(super) fn value(&self, dictionary: &Dictionary, name: &str) -> Value {
        self.resolve(dictionary.value(name)).into_owned()
    }

    /// A stream that a reference leads to: its dictionary and its bytes, unpacked. `None` too for
    /// a stream that is packed in a way that is not known.
    pub(super) fn stream(&self, reference: &Value) -> Option<(Dictionary, Vec<u8>)> {
        let Value::Reference(number) = reference else {
            return None;
        };
        let object = self.object(*number)?;
        let packed = self.bytes.get(object.data?)?;
        let Value::Dictionary(dictionary) = object.value else {
            return None;
        };
        let place = self.places.get(number)?;
        let bytes = match &self.key {
            Some(key) if !dictionary.is("Type", "XRef") => {
                let packed = packed.get(..STREAM_BYTES_MAX).unwrap_or(packed);
                if !self.work.take(packed.len()) {
                    return None;
                }
                let open = key.stream((*number, place.generation), packed);
                self.unpack(&dictionary, &open)?
            }
            _ => self.unpack(&dictionary, packed)?,
        };
        Some((dictionary, bytes))
    }

    fn unpack(&self, dictionary: &Dictionary, packed: &[u8]) -> Option<Vec<u8>> {
        if !self.work.take(STREAM_COST) {
            return None;
        }
        let filters = match self.value(dictionary, "Filter") {
            Value::Null => Vec::new(),
            Value::Array(filters) => filters,
            one => vec![one],
        };
        if filters.len() > FILTERS_MAX {
            return None;
        }
        let most = || STREAM_BYTES_MAX.min(self.work.left());
        let mut bytes = packed.get(..most()).unwrap_or(packed).to_vec();
        for filter in &filters {
            bytes = filters::unpack(self.resolve(filter).name()?, &bytes, most())?;
            self.work.take(bytes.len());
        }
        Some(bytes)
    }

    /// The object that begins here.
    fn parse(&self, bytes: &[u8], at: usize) -> Option<Object> {
        let mut lexer = Lexer::new(bytes, at, self.work);
        let value = lexer.value()?;
        let data = value
            .dictionary()
            .and_then(|dictionary| self.data(dictionary, &mut lexer));
        Some(Object { value, data })
    }

    /// Where the bytes of a stream lie, if the word for one comes next.
    fn data(&self, dictionary: &Dictionary, lexer: &mut Lexer<'_>) -> Option<Range<usize>> {
        const END: &[u8] = b"endstream";
        match lexer.next()? {
            Token::Word(word) if word == b"stream" => {}
            _ => return None,
        }
        let rest = lexer.rest();
        let line_end = rest.strip_prefix(b"\r").unwrap_or(rest);
        let line_end = line_end.strip_prefix(b"\n").unwrap_or(line_end);
        let start = lexer.at() + (rest.len() - line_end.len());
        let is_end = |end: &usize| {
            let behind = self.bytes.get(*end..).unwrap_or_default();
            let spaces = behind.iter().take(2).take_while(|&&byte| is_space(byte));
            let spaces = spaces.count();
            behind
                .get(spaces..)
                .is_some_and(|rest| rest.starts_with(END))
        };
        let told = dictionary.value("Length").count();
        let told = told.and_then(|len| start.checked_add(len)).filter(is_end);
        let end = told.unwrap_or_else(|| {
            let found = find(self.bytes, start, END).unwrap_or(self.bytes.len());
            self.work.take(found.saturating_sub(start));
            found
        });
        Some(start..end.max(start))
    }
}

/// Where these bytes stand next.
fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let found = memmem::find(bytes.get(from..)?, wanted)?;
    Some(from + found)
}

/// Number and generation of the object whose word stands here; none behind `end`.
fn numbers_before(bytes: &[u8], at: usize) -> Option<(u32, u16)> {
    let before = bytes.get(at.saturating_sub(NUMBERS_BYTES_MAX)..at)?;
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    let number = |before: &[u8]| -> Option<(u32, usize)> {
        let trimmed = before.trim_ascii_end();
        let digits = trimmed.iter().rev().take_while(is_digit).count();
        let start = trimmed.len() - digits;
        let number = str::from_utf8(trimmed.get(start..)?).ok()?.parse().ok()?;
        Some((number, start))
    };
    let (generation, start) = number(before)?;
    let before = before.get(..start)?;
    before.last().filter(|&&byte| is_space(byte))?;
    Some((number(before)?.0, u16::try_from(generation).unwrap_or(0)))
}
