//! What becomes of a letter by the changes that a milter wants.
//!
//! Fields that are only added stand before the letter; when others are changed, or the body, the
//! letter is written anew. Start at [`Edit`].

use super::packet::Change;
use formats::message::header;

/// Bytes of a new body.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Changes of one letter.
const CHANGES_MAX: usize = 1_000;

/// All changes together.
#[derive(Debug, Default)]
pub struct Edit {
    /// Fields to be put before the letter, with their line ends.
    pub lines: String,
    /// It is to be put aside.
    pub is_quarantined: bool,
    /// The new body.
    pub body: Option<Vec<u8>>,
    replaced: Vec<(u32, String, String)>,
    count: usize,
}

impl Edit {
    /// Takes a change in.
    ///
    /// Errors: when it is too much; then nothing of it should be done.
    pub fn take(&mut self, change: Change) -> Result<(), String> {
        self.count += 1;
        if self.count > CHANGES_MAX {
            return Err("it wants too many changes".to_owned());
        }
        match change {
            Change::Add(name, value) | Change::Insert(_, name, value) => {
                self.lines
                    .push_str(&field(&name, &value).unwrap_or_default());
            }
            Change::Replace(at, name, value) => self.replaced.push((at.max(1), name, value)),
            Change::Body(piece) => {
                let body = self.body.get_or_insert_default();
                if body.len() + piece.len() > BODY_BYTES_MAX {
                    return Err("its body is too long".to_owned());
                }
                body.extend(piece);
            }
            Change::Quarantine(_) => self.is_quarantined = true,
        }
        Ok(())
    }

    /// True when the letter must be written anew.
    pub fn is_rewriting(&self) -> bool {
        self.body.is_some() || !self.replaced.is_empty()
    }

    /// The header with its empty line, as it is to be.
    pub fn header(&self, old: &[u8]) -> Vec<u8> {
        let fields: Vec<header::Field<'_>> = header::fields(old).collect();
        let mut new: Vec<Option<Vec<u8>>> =
            fields.iter().map(|one| Some(one.raw.to_vec())).collect();
        for (at, name, value) in &self.replaced {
            let place = usize::try_from(*at - 1).unwrap_or(usize::MAX);
            let named = fields.iter().zip(new.iter_mut());
            let found = named.filter(|(one, _)| one.is(name)).nth(place);
            let text = field(name, value).filter(|_| !value.is_empty());
            let text = text.map(String::into_bytes);
            match found {
                Some((_, raw)) => *raw = text,
                None => new.push(text),
            }
        }
        let mut header: Vec<u8> = new.into_iter().flatten().flatten().collect();
        header.extend(b"\r\n");
        header
    }
}

/// A field that cannot be more than one, with its line end; `None` for a name that is none.
fn field(name: &str, value: &str) -> Option<String> {
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b':');
    let lines = value.split('\n').map(|line| line.replace(['\r', '\0'], ""));
    let folded = lines
        .enumerate()
        .filter(|(at, line)| *at == 0 || !line.trim().is_empty());
    let folded: Vec<String> = folded
        .map(|(at, line)| {
            // Without a blank it would begin a field of its own.
            if at > 0 && !line.starts_with([' ', '\t']) {
                format!("\t{line}")
            } else {
                line
            }
        })
        .collect();
    let folded = folded.join("\r\n");
    is_name.then(|| format!("{name}: {}\r\n", folded.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"From: a\r\nX: 1\r\nSubject: old\r\nX: 2\r\n\r\n";

    #[test]
    fn fields_are_replaced_removed_and_added_by_name_and_number() {
        let mut edit = Edit::default();
        let replace = |at, name: &str, value: &str| Change::Replace(at, name.into(), value.into());
        for change in [
            replace(2, "x", ""),
            replace(1, "Subject", "new"),
            replace(1, "Y", "z"),
        ] {
            edit.take(change).unwrap();
        }
        assert!(edit.is_rewriting());
        let wanted = b"From: a\r\nX: 1\r\nSubject: new\r\nY: z\r\n\r\n";
        assert_eq!(edit.header(HEADER), wanted, "{:?}", edit.header(HEADER));
    }

    #[test]
    fn an_added_field_stays_one_field() {
        let mut edit = Edit::default();
        let add = |name: &str, value: &str| Change::Add(name.into(), value.into());
        edit.take(add("X-Scan", "clean\nBcc: all\n\n\nbody"))
            .unwrap();
        edit.take(add("Bad: name", "x")).unwrap();
        assert_eq!(edit.lines, "X-Scan: clean\r\n\tBcc: all\r\n\tbody\r\n");
        assert!(!edit.is_rewriting());
    }
}
