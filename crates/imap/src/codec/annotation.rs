//! Annotations of messages: their names, and what FETCH, STORE, SEARCH and SORT say of them.
//!
//! Standards: RFC 5257 §3.2 (names), §5 (grammar).

use super::Fault;
use super::cursor::{Cursor, Parsed, is_astring};
use super::fetch::PART_DEPTH_MAX;
use super::metadata::Scope;
use super::pattern::Pattern;

/// Entries that one FETCH item, STORE or message of an APPEND names.
pub const ENTRIES_MAX: usize = 64;

/// Attributes of one entry; there are only so many kinds.
const ATTRIBUTES_MAX: usize = 8;

/// Bytes of an entry's name.
pub const ENTRY_BYTES_MAX: usize = 512;

/// Entries that a client may set of a part. Source: RFC 5257 §3.2.1.
const FLAGS_OF_PARTS: [&str; 4] = ["seen", "answered", "flagged", "forwarded"];

/// The name of an annotation: `/comment`, `/1.2/comment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName(String);

impl EntryName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Checks a name: a path without empty levels, wildcards and anything but visible ASCII, whose
    /// first level may be the number of a part.
    pub fn new(text: &str) -> Parsed<Self> {
        const BAD: Fault = Fault::Syntax("Name of entry is not valid");
        let levels = text.strip_prefix('/').ok_or(BAD)?;
        let bytes_fit = text
            .bytes()
            .all(|b| (b' '..0x7f).contains(&b) && !matches!(b, b'*' | b'%'));
        let are_named = levels.split('/').all(|level| !level.is_empty());
        if !bytes_fit || !are_named || text.len() > ENTRY_BYTES_MAX {
            return Err(BAD);
        }
        let name = Self(text.to_owned());
        if name.names_part() && name.part().is_none() {
            return Err(Fault::Syntax("Number of part is not valid"));
        }
        Ok(name)
    }

    fn first_level(&self) -> (&str, &str) {
        let levels = self.0.strip_prefix('/').unwrap_or_default();
        levels.split_once('/').unwrap_or((levels, ""))
    }

    fn names_part(&self) -> bool {
        self.first_level()
            .0
            .starts_with(|c: char| c.is_ascii_digit())
    }

    /// The part that it is about; `None` for the whole message.
    pub fn part(&self) -> Option<Vec<u32>> {
        let number = |text: &str| {
            let is_plain = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|_| is_plain)
        };
        let numbers: Option<Vec<u32>> = self.first_level().0.split('.').map(number).collect();
        numbers.filter(|numbers| numbers.len() <= PART_DEPTH_MAX)
    }

    /// Whether this entry may say this. Source: RFC 5257 §3.2.1: no others than those named there,
    /// which leaves each maker of programs names of its own.
    fn check(&self, value: Option<&[u8]>) -> Parsed<()> {
        let (first, below) = self.first_level();
        let entry = if self.names_part() {
            below
        } else {
            self.0.get(1..).unwrap_or_default()
        };
        let (kind, rest) = entry.split_once('/').unwrap_or((entry, ""));
        let is_known = match kind {
            "comment" => rest.is_empty(),
            "altsubject" => first == kind && rest.is_empty(),
            "vendor" => !rest.is_empty(),
            "flags" => self.names_part() && FLAGS_OF_PARTS.contains(&rest),
            _ => false,
        };
        if !is_known {
            return Err(Fault::Syntax("There is no such entry"));
        }
        match value {
            Some(b"0" | b"1") | None => Ok(()),
            Some(_) if kind == "flags" => Err(Fault::Syntax("Flags of parts are 1, 0 or NIL")),
            Some(_) => Ok(()),
        }
    }
}

/// Which annotations are meant: a name, perhaps with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryPattern {
    /// This one.
    Name(EntryName),
    /// Those that match. Here, too, a wildcard may stand for nothing, as in LIST, from which RFC
    /// 5257 §5 takes it.
    Match(Pattern),
}

impl EntryPattern {
    fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let text = if let Some(b'"' | b'{') = cursor.peek() {
            cursor.text()?
        } else {
            let text = cursor.take_while(|b| is_astring(b) || matches!(b, b'%' | b'*'));
            String::from_utf8_lossy(text).into_owned()
        };
        if !text.contains(['*', '%']) {
            return EntryName::new(&text).map(Self::Name);
        }
        let is_valid = text.starts_with(['/', '*', '%'])
            && text.len() <= ENTRY_BYTES_MAX
            && !text.contains("//");
        let pattern = Pattern::new("", &text).filter(|_| is_valid);
        pattern
            .map(Self::Match)
            .ok_or(Fault::Syntax("Name of entry is not valid"))
    }

    /// True for a name that is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Name(wanted) => wanted.as_str() == name,
            Self::Match(pattern) => pattern.matches(name),
        }
    }
}

/// What can be asked of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attribute {
    /// What it says.
    Value,
    /// How many bytes that is.
    Size,
}

/// The suffix of an attribute; both, where there is none. Source: RFC 5257 §3.3.
fn suffix(scope: Scope) -> &'static str {
    match scope {
        Scope::Private => ".priv",
        Scope::Shared => ".shared",
    }
}

impl Attribute {
    const NAMES: [(Self, &'static str); 2] = [(Self::Value, "value"), (Self::Size, "size")];

    /// The name with its suffix.
    pub fn name(self, scope: Scope) -> String {
        let name = match self {
            Self::Value => "value",
            Self::Size => "size",
        };
        format!("{name}{}", suffix(scope))
    }

    /// Reads `value.priv`, or `value` for both.
    fn read(cursor: &mut Cursor<'_>) -> Parsed<(Self, Option<Scope>)> {
        let text = cursor.text()?;
        let (name, end) = text.split_at(text.find('.').unwrap_or(text.len()));
        let is_it = |(_, known): &&(Self, &str)| known.eq_ignore_ascii_case(name);
        let attribute = Self::NAMES
            .iter()
            .find(is_it)
            .map(|(attribute, _)| *attribute);
        let scope = [Scope::Private, Scope::Shared]
            .into_iter()
            .find(|scope| suffix(*scope).eq_ignore_ascii_case(end));
        match attribute {
            Some(attribute) if scope.is_some() || end.is_empty() => Ok((attribute, scope)),
            _ => Err(Fault::Syntax("There is no such attribute")),
        }
    }

    /// Reads `value.priv` or `value.shared`.
    fn read_value(cursor: &mut Cursor<'_>) -> Parsed<Scope> {
        match Self::read(cursor)? {
            (Self::Value, Some(scope)) => Ok(scope),
            _ => Err(Fault::Syntax("Expected value.priv or value.shared")),
        }
    }
}

/// `ANNOTATION (entries attributes)` of FETCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationRequest {
    /// Which annotations; at least one.
    pub entries: Vec<EntryPattern>,
    /// What of them, and for whom; at least one.
    pub attributes: Vec<(Attribute, Scope)>,
}

impl AnnotationRequest {
    /// Reads what stands behind `ANNOTATION `.
    pub fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        cursor.expect(b'(', "Expected entries and attributes")?;
        let entries = one_or_list(cursor, ENTRIES_MAX, EntryPattern::read)?;
        cursor.space()?;
        let named = one_or_list(cursor, ATTRIBUTES_MAX, Attribute::read)?;
        cursor.expect(b')', "Expected )")?;
        let both = [Scope::Private, Scope::Shared];
        let mut attributes = Vec::new();
        for (attribute, scope) in named {
            let wanted = both
                .into_iter()
                .filter(|each| scope.is_none_or(|scope| scope == *each));
            attributes.extend(wanted.map(|scope| (attribute, scope)));
        }
        Ok(Self {
            entries,
            attributes,
        })
    }

    /// The parts that it names.
    pub fn parts(&self) -> impl Iterator<Item = Vec<u32>> + '_ {
        self.entries.iter().filter_map(|entry| match entry {
            EntryPattern::Name(name) => name.part(),
            EntryPattern::Match(_) => None,
        })
    }
}

fn one_or_list<T>(
    cursor: &mut Cursor<'_>,
    count_max: usize,
    mut read: impl FnMut(&mut Cursor<'_>) -> Parsed<T>,
) -> Parsed<Vec<T>> {
    if cursor.peek() == Some(b'(') {
        cursor.list(count_max, read)
    } else {
        Ok(vec![read(cursor)?])
    }
}

/// What an annotation is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationValue {
    /// Which one.
    pub entry: EntryName,
    /// For whom.
    pub scope: Scope,
    /// What; `None` removes it.
    pub value: Option<Vec<u8>>,
}

impl AnnotationValue {
    /// Reads `(/comment (value.priv "x" value.shared NIL) …)`, of STORE and APPEND; `None` if it
    /// comes to a literal whose bytes are still to come.
    pub fn read_all(cursor: &mut Cursor<'_>) -> Parsed<Option<Vec<Self>>> {
        let (mut values, mut is_cut) = (Vec::new(), false);
        let read = cursor.list(ENTRIES_MAX, |cursor| {
            let entry = EntryName::new(&cursor.text()?)?;
            cursor.space()?;
            cursor.list(ATTRIBUTES_MAX, |cursor| {
                let scope = Attribute::read_value(cursor)?;
                cursor.space()?;
                is_cut |= cursor.awaits_literal();
                let value = cursor.nstring()?.map(std::borrow::Cow::into_owned);
                entry.check(value.as_deref())?;
                values.push(Self {
                    entry: entry.clone(),
                    scope,
                    value,
                });
                Ok(())
            })
        });
        if is_cut {
            return Ok(None);
        }
        read.map(|_| Some(values))
    }
}

/// `ANNOTATION entry attribute value` of SEARCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationKey {
    /// Which annotations.
    pub entries: EntryPattern,
    /// For whom; `None` for both.
    pub scope: Option<Scope>,
    /// What they contain; `None`: there is none that says anything.
    pub text: Option<String>,
}

impl AnnotationKey {
    /// Reads what stands behind `ANNOTATION `.
    pub fn read(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        let entries = EntryPattern::read(cursor)?;
        cursor.space()?;
        let (Attribute::Value, scope) = Attribute::read(cursor)? else {
            return Err(Fault::Syntax("Only values can be searched"));
        };
        cursor.space()?;
        let text = cursor.nstring()?.map(std::borrow::Cow::into_owned);
        let text = text.map(String::from_utf8).transpose();
        Ok(Self {
            entries,
            scope,
            text: text.map_err(|_| Fault::Syntax("Text is not UTF-8"))?,
        })
    }
}

/// `ANNOTATION entry attribute` of SORT.
pub(super) fn sort_key(cursor: &mut Cursor<'_>) -> Parsed<(EntryName, Scope)> {
    let entry = EntryName::new(&cursor.text()?)?;
    cursor.space()?;
    Ok((entry, Attribute::read_value(cursor)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Parsed<Option<Vec<AnnotationValue>>> {
        let mut cursor = Cursor::new(text.as_bytes());
        let values = AnnotationValue::read_all(&mut cursor)?;
        if values.is_some() {
            cursor.end()?;
        }
        Ok(values)
    }

    fn request(text: &str) -> Parsed<AnnotationRequest> {
        let mut cursor = Cursor::new(text.as_bytes());
        let request = AnnotationRequest::read(&mut cursor)?;
        cursor.end().map(|()| request)
    }

    #[test]
    fn names_are_paths_of_ascii_that_may_begin_with_a_part() {
        for (name, part) in [
            ("/comment", None),
            ("/vendor/foobar/a b", None),
            ("/1/comment", Some(vec![1])),
            ("/1.2.3/flags/seen", Some(vec![1, 2, 3])),
        ] {
            assert_eq!(EntryName::new(name).unwrap().part(), part, "{name}");
        }
        for bad in [
            "",
            "/",
            "comment",
            "/comment/",
            "//comment",
            "/a//b",
            "/a*",
            "/%",
            "/\u{e9}",
            "/a\0",
            "/0/comment",
            "/01/comment",
            "/1./comment",
            "/.1/x/",
            "/1a/comment",
            "/1..2/comment",
            "/99999999999/comment",
        ] {
            assert!(EntryName::new(bad).is_err(), "{bad}");
        }
        assert!(EntryName::new(&format!("/vendor/{}", "x".repeat(600))).is_err());
    }

    #[test]
    fn an_attribute_without_suffix_means_both() {
        let both = request("(/comment value)").unwrap().attributes;
        assert_eq!(
            both,
            [
                (Attribute::Value, Scope::Private),
                (Attribute::Value, Scope::Shared)
            ]
        );
        let one = request("((/comment \"/%\") (size.shared value.priv))").unwrap();
        assert_eq!(one.entries.len(), 2);
        assert_eq!(
            one.attributes,
            [
                (Attribute::Size, Scope::Shared),
                (Attribute::Value, Scope::Private)
            ]
        );
    }

    #[test]
    fn what_no_client_may_ask_is_refused() {
        for bad in [
            "",
            "()",
            "(/comment)",
            "(/comment value",
            "(comment value)",
            "(/comment values)",
            "(/comment value.pri)",
            "(/comment val*)",
            "(() value)",
            "(/comment ())",
            "(// value)",
            "(/0/* value) x",
        ] {
            assert!(request(bad).is_err(), "{bad}");
        }
        for bad in [
            "()",
            "(/comment ())",
            "(/comment (value \"x\"))",
            "(/comment (size.priv \"1\"))",
            "(/comment (value.priv))",
            "(/* (value.priv \"x\"))",
            "(/flags/seen (value.priv \"1\"))",
            "(/1/flags/seen (value.priv \"yes\"))",
            "(/1/altsubject (value.priv \"x\"))",
            "(/vendor (value.priv \"x\"))",
            "(/1 (value.priv \"x\"))",
            "(/unheard-of (value.priv \"x\"))",
            "(/comment (value.priv x))",
        ] {
            assert!(values(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_read_in_their_order() {
        let all = values(
            "(/comment (value.priv \"a\" value.shared NIL) /1/flags/seen (value.shared ~{1+}\r\n1))",
        );
        let all = all.unwrap().unwrap();
        let told: Vec<_> = all
            .iter()
            .map(|each| (each.entry.as_str(), each.scope, each.value.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("/comment", Scope::Private, Some(b"a".as_slice())),
                ("/comment", Scope::Shared, None),
                ("/1/flags/seen", Scope::Shared, Some(b"1")),
            ]
        );
        assert_eq!(values("(/comment (value.priv {3}\r\n"), Ok(None));
    }

    #[test]
    fn wildcards_stop_at_levels_or_do_not() {
        let mut cursor = Cursor::new(b"/%");
        let top = EntryPattern::read(&mut cursor).unwrap();
        assert!(top.matches("/comment") && !top.matches("/1/comment"));
        let all = EntryPattern::read(&mut Cursor::new(b"*")).unwrap();
        assert!(all.matches("/comment") && all.matches("/1/comment"));
        let name = EntryPattern::read(&mut Cursor::new(b"/comment")).unwrap();
        assert!(name.matches("/comment") && !name.matches("/Comment"));
    }
}
