//! The fields of a header block, as they stand there.
//!
//! Never decodes: values are raw bytes, folded as they came, until [`unfold`] is asked for.
//! Lines that are no field (no colon, blanks in the name) are passed over.
//!
//! Start at [`fields`]. Standards: RFC 5322 §2.2 (fields, folding), §3.6.4 (message ids).

use memchr::memchr;
use std::borrow::Cow;

/// One field of a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// As written, without the colon.
    pub name: &'a [u8],
    /// All behind the colon, with its folding, without the last line end.
    pub value: &'a [u8],
    /// The whole field with its line end.
    pub raw: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field of that name; case does not matter.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }
}

/// Iterates over the fields of `block`, up to its end or its empty line.
pub fn fields(block: &[u8]) -> Fields<'_> {
    Fields { rest: block }
}

/// The first field of that name.
pub fn find<'a>(block: &'a [u8], name: &str) -> Option<Field<'a>> {
    fields(block).find(|field| field.is(name))
}

/// Where the header of `message` ends: the offset behind its empty line, or its length if there is
/// none.
pub fn length(message: &[u8]) -> usize {
    let mut rest = message;
    while let Some(end) = memchr(b'\n', rest) {
        let (line, behind) = rest.split_at_checked(end + 1).unwrap_or((rest, &[]));
        rest = behind;
        if matches!(line, b"\n" | b"\r\n") {
            return message.len() - rest.len();
        }
    }
    message.len()
}

/// The iterator of [`fields`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        while !self.rest.is_empty() && !matches!(self.rest, [b'\n', ..] | [b'\r', b'\n', ..]) {
            let raw = self.take_folded_lines();
            if let Some(field) = field(raw) {
                return Some(field);
            }
        }
        None
    }
}

impl<'a> Fields<'a> {
    /// One line and those behind it that begin with a blank.
    fn take_folded_lines(&mut self) -> &'a [u8] {
        let mut end = 0;
        loop {
            let unread = self.rest.get(end..).unwrap_or_default();
            let Some(line_end) = memchr(b'\n', unread) else {
                end = self.rest.len();
                break;
            };
            end += line_end + 1;
            if !matches!(self.rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = rest;
        taken
    }
}

fn field(raw: &[u8]) -> Option<Field<'_>> {
    let colon = memchr(b':', raw)?;
    let (name, value) = raw.split_at_checked(colon)?;
    // Blanks before the colon are obsolete syntax (RFC 5322 §4.5).
    let name = name.trim_ascii_end();
    let well_named = !name.is_empty() && name.iter().all(|byte| matches!(byte, 33..=126));
    let value = value.get(1..)?;
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    well_named.then_some(Field { name, value, raw })
}

/// The value on one line: line ends removed, blanks at both ends trimmed.
pub fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr::memchr3(b'\r', b'\n', 0, value).is_none() {
        return Cow::Borrowed(value);
    }
    Cow::Owned(
        value
            .iter()
            .copied()
            .filter(|byte| !matches!(byte, b'\r' | b'\n' | 0))
            .collect(),
    )
}

/// The message ids in a value, without their angle brackets, in order.
///
/// What stands outside of brackets is passed over, unless there are none at all and a single word
/// with an `@` is: some programs forget them.
pub fn message_ids(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let bare = value.trim_ascii();
    let is_bare = memchr(b'<', bare).is_none()
        && memchr(b'@', bare).is_some()
        && !bare.iter().any(u8::is_ascii_whitespace);
    let mut rest = value;
    let bracketed = std::iter::from_fn(move || {
        let start = memchr(b'<', rest)? + 1;
        let behind = rest.get(start..)?;
        let end = memchr(b'>', behind)?;
        let (id, after) = behind.split_at_checked(end)?;
        rest = after;
        // A bracket that was never closed belongs to what was before this id.
        let id = id.rsplit(|&byte| byte == b'<').next().unwrap_or(id);
        Some(id.trim_ascii())
    });
    is_bare
        .then_some(bare)
        .into_iter()
        .chain(bracketed)
        .filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(block: &[u8]) -> Vec<String> {
        fields(block)
            .map(|field| String::from_utf8_lossy(field.name).into_owned())
            .collect()
    }

    #[test]
    fn folded_lines_belong_to_their_field() {
        let block = b"A: 1\r\n 2\r\nB : x\r\n\r\nC: not header\r\n";
        assert_eq!(names(block), ["A", "B"]);
        let first = find(block, "a").unwrap();
        assert_eq!(first.value, b" 1\r\n 2");
        assert_eq!(&*unfold(first.value), b"1 2");
        assert_eq!(first.raw, b"A: 1\r\n 2\r\n");
        assert_eq!(length(block), block.len() - b"C: not header\r\n".len());
    }

    #[test]
    fn lines_that_are_no_field_are_passed_over() {
        assert_eq!(
            names(b"From x@y Mon\nno colon\n : x\nBad name: 1\nGood: 2"),
            ["Good"]
        );
        assert_eq!(names(b""), Vec::<String>::new());
        assert_eq!(length(b"A: b\r\n"), 6);
    }

    #[test]
    fn message_ids_are_found_between_brackets() {
        let ids = |value: &'static [u8]| message_ids(value).collect::<Vec<_>>();
        assert_eq!(ids(b"<a@b>\r\n (x) <c@d>"), [b"a@b", b"c@d"]);
        assert_eq!(ids(b" a@b "), [b"a@b"]);
        assert_eq!(ids(b"<a <c@d> <"), [b"c@d"]);
        assert!(ids(b"Your letter of 1 May").is_empty());
    }
}
