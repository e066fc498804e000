//! Lists of tags: `a=rsa-sha256; d=example.org; …`.
//!
//! Pure. A list with any fault is none, because two programs would read it in two ways.
//! Start at [`Tags::parse`].
//!
//! Standards: RFC 6376 §3.2, RFC 8616 §5 (values in UTF-8).

/// Tags of one list; the standards know fifteen.
const TAGS_MAX: usize = 100;

/// The tags of a field.
#[derive(Debug, PartialEq, Eq)]
pub struct Tags<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Tags<'a> {
    /// Reads what stands behind the field's colon; `None` if it is not a list of tags, each there
    /// at most once.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(value).ok()?.trim_matches(is_space);
        let text = text.strip_suffix(';').unwrap_or(text);
        let mut tags: Vec<(&str, &str)> = Vec::new();
        for tag in text.split(';') {
            let (name, value) = tag.split_once('=')?;
            let (name, value) = (name.trim_matches(is_space), value.trim_matches(is_space));
            let is_known = tags.iter().any(|(known, _)| *known == name);
            if is_known || !is_name(name) || !is_value(value) || tags.len() >= TAGS_MAX {
                return None;
            }
            tags.push((name, value));
        }
        Some(Self(tags))
    }

    /// The value of a tag. Case counts in its name.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        let mut found = self.0.iter().filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| *value)
    }

    /// True if each of these is there and says something.
    pub fn have(&self, names: &[&str]) -> bool {
        let has = |name: &&str| self.value(name).is_some_and(|value| !value.is_empty());
        names.iter().all(has)
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_value(value: &str) -> bool {
    value.chars().all(|c| is_space(c) || !c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spaces_and_a_last_semicolon_do_not_count() {
        let tags = Tags::parse(b" a = x y ;\r\n\tb=; cv=none ; \r\n").unwrap();
        assert_eq!(tags.value("a"), Some("x y"));
        assert_eq!(tags.value("b"), Some(""));
        assert!(tags.have(&["a", "cv"]) && !tags.have(&["a", "b"]) && !tags.have(&["z"]));
    }

    #[test]
    fn a_list_with_a_fault_is_none() {
        for fault in [
            "",
            ";",
            "a",
            "a=1;;b=2",
            "a=1; b=2; a=3",
            "=1",
            "1a=1",
            "a-b=1",
            "a=1; b",
            "a=\x01",
        ] {
            assert_eq!(Tags::parse(fault.as_bytes()), None, "{fault}");
        }
        assert_eq!(Tags::parse(b"A=1; a=2").unwrap().value("a"), Some("2"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            _ = Tags::parse(&bytes);
        }
    }
}
