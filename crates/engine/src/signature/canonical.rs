//! The bytes of a letter as signatures see them, whatever blanks were changed on the way.
//!
//! A body is hashed as it passes: [`BodyHash`] holds a few counters and no bytes. Lines may end in
//! CRLF or, in what other programs left, in LF alone.
//!
//! Standards: RFC 6376 §3.4 (canonical forms), §3.7 (hashes).

use sha2::{Digest, Sha256};

/// How much may be changed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Nothing but empty lines at the end.
    Simple,
    /// Blanks, the case of names and the folding of lines.
    Relaxed,
}

/// Bytes of the canonical form that are collected before they are hashed.
const PIECE_BYTES: usize = 4096;

/// The hash of a body that comes in pieces.
pub struct BodyHash {
    form: Form,
    hash: Sha256,
    /// Canonical bytes not yet hashed.
    piece: Vec<u8>,
    /// Bytes that are still hashed; what lies beyond is not covered by the signature.
    left: u64,
    /// Canonical bytes in all.
    length: u64,
    /// Line ends that count only if something follows.
    line_ends: u64,
    /// A blank that counts only if the line goes on.
    blank: bool,
    /// A CR whose LF may come.
    carriage_return: bool,
    /// Something of the present line was hashed.
    in_line: bool,
}

impl BodyHash {
    /// Begins; `most` is the number of canonical bytes that are hashed.
    pub fn new(form: Form, most: u64) -> Self {
        Self {
            form,
            hash: Sha256::new(),
            piece: Vec::with_capacity(PIECE_BYTES),
            left: most,
            length: 0,
            line_ends: 0,
            blank: false,
            carriage_return: false,
            in_line: false,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&first, after)) = rest.split_first() {
            let plain = rest.iter().position(|&byte| self.is_special(byte));
            let (run, later) = rest
                .split_at_checked(plain.unwrap_or(rest.len()))
                .unwrap_or((rest, &[]));
            if run.is_empty() {
                self.special(first);
                rest = after;
            } else {
                self.begin_text();
                self.emit(run);
                rest = later;
            }
        }
    }

    fn is_special(&self, byte: u8) -> bool {
        matches!(byte, b'\r' | b'\n')
            || (self.form == Form::Relaxed && matches!(byte, b' ' | b'\t'))
    }

    fn special(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                self.carriage_return = false;
                self.blank = false;
                self.line_ends += 1;
                self.in_line = false;
            }
            b'\r' => {
                if self.carriage_return {
                    self.begin_text();
                }
                self.carriage_return = true;
            }
            _ => {
                if self.carriage_return {
                    self.begin_text();
                }
                self.blank = true;
            }
        }
    }

    /// What waited to see whether something follows: it does.
    fn begin_text(&mut self) {
        for _ in 0..std::mem::take(&mut self.line_ends) {
            self.emit(b"\r\n");
        }
        if std::mem::take(&mut self.blank) {
            self.emit(b" ");
        }
        // A CR without its LF is a byte like others.
        if std::mem::take(&mut self.carriage_return) {
            self.emit(b"\r");
        }
        self.in_line = true;
    }

    fn emit(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let taken = bytes.get(..most).unwrap_or(bytes);
        self.left -= taken.len() as u64;
        if self.piece.len() + taken.len() > PIECE_BYTES {
            self.hash.update(&self.piece);
            self.piece.clear();
        }
        if taken.len() > PIECE_BYTES {
            self.hash.update(taken);
        } else {
            self.piece.extend_from_slice(taken);
        }
    }

    /// Canonical bytes of the whole body, and the hash of those that count.
    pub fn finish(mut self) -> (u64, [u8; 32]) {
        if self.carriage_return {
            self.begin_text();
        }
        let has_end = self.form == Form::Simple || self.length > 0;
        if has_end {
            self.emit(b"\r\n");
        }
        self.hash.update(&self.piece);
        (self.length, self.hash.finalize().into())
    }
}

/// A header field as signatures see it in relaxed form, with its line end.
///
/// `value` is all behind the colon, its line end included or not. Source: RFC 6376 §3.4.2.
pub fn relaxed_field(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut field = name.trim_ascii_end().to_ascii_lowercase();
    field.push(b':');
    let words = value
        .split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .filter(|word| !word.is_empty());
    for (at, word) in words.enumerate() {
        if at > 0 {
            field.push(b' ');
        }
        field.extend_from_slice(word);
    }
    field.extend_from_slice(b"\r\n");
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hash(form: Form, body: &[u8]) -> [u8; 32] {
        let mut hash = BodyHash::new(form, u64::MAX);
        hash.push(body);
        hash.finish().1
    }

    fn same(form: Form, body: &str, canonical: &str) {
        let wanted: [u8; 32] = Sha256::digest(canonical).into();
        assert_eq!(hash(form, body.as_bytes()), wanted, "{body:?}");
    }

    #[test]
    fn the_example_of_rfc_6376_section_3_4_5_has_its_canonical_forms() {
        let body = " C \r\nD \t E\r\n\r\n\r\n";
        same(Form::Relaxed, body, " C\r\nD E\r\n");
        same(Form::Simple, body, " C \r\nD \t E\r\n");
        let fields = [
            relaxed_field(b"A", b" X\r\n"),
            relaxed_field(b"B ", b" Y\t\r\n\tZ  \r\n"),
        ];
        assert_eq!(fields.concat(), b"a:X\r\nb:Y Z\r\n");
    }

    #[test]
    fn an_empty_body_is_a_line_end_in_simple_form_and_nothing_in_relaxed_form() {
        for body in ["", "\r\n", "\r\n\r\n"] {
            same(Form::Simple, body, "\r\n");
            same(Form::Relaxed, body, "");
        }
        same(Form::Relaxed, " \r\n\t\r\n", "");
    }

    #[test]
    fn a_last_line_without_an_end_gets_one() {
        same(Form::Simple, "a", "a\r\n");
        same(Form::Relaxed, "\r\n a \t", "\r\n a\r\n");
    }

    #[test]
    fn what_lies_beyond_the_length_is_counted_but_not_hashed() {
        let mut hash = BodyHash::new(Form::Simple, 3);
        hash.push(b"abcdef\r\n");
        let (length, hash) = hash.finish();
        assert_eq!(length, 8);
        assert_eq!(hash, <[u8; 32]>::from(Sha256::digest("abc")));
    }

    /// The definition, word for word, on a whole body.
    fn plainly(form: Form, body: &[u8]) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = body
            .split(|&byte| byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec())
            .collect();
        if !body.ends_with(b"\n") && body.ends_with(b"\r") {
            lines.last_mut().unwrap().push(b'\r');
        }
        if form == Form::Relaxed {
            for line in &mut lines {
                let mut reduced = Vec::new();
                for &byte in line.iter() {
                    let is_blank = matches!(byte, b' ' | b'\t');
                    if !(is_blank && reduced.last() == Some(&b' ')) {
                        reduced.push(if is_blank { b' ' } else { byte });
                    }
                }
                if reduced.last() == Some(&b' ') {
                    reduced.pop();
                }
                *line = reduced;
            }
        }
        while lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        if lines.is_empty() {
            return if form == Form::Simple {
                b"\r\n".to_vec()
            } else {
                Vec::new()
            };
        }
        [lines.join(&b"\r\n"[..]).as_slice(), b"\r\n"].concat()
    }

    proptest! {
        #[test]
        fn a_body_has_one_hash_however_it_is_cut(
            body in proptest::collection::vec(
                prop_oneof![Just(b'\r'), Just(b'\n'), Just(b' '), Just(b'\t'), Just(b'a')], 0..60),
            cut in 0..60_usize,
        ) {
            for form in [Form::Simple, Form::Relaxed] {
                let (head, tail) = body.split_at(cut.min(body.len()));
                let mut cut = BodyHash::new(form, u64::MAX);
                cut.push(head);
                cut.push(tail);
                let wanted: [u8; 32] = Sha256::digest(plainly(form, &body)).into();
                prop_assert_eq!(cut.finish().1, wanted, "{:?}", form);
            }
        }
    }
}
