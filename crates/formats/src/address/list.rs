//! Lists of addresses in header fields: From, To, Cc and their like.
//!
//! Takes everything that programs have ever written there: obsolete routes and dots, comments as
//! names, unquoted names, missing domains, unclosed quotes. Never refuses; what it cannot read
//! becomes a local part without a domain. Names and local parts come out without quotes, encoded
//! words stay encoded.
//!
//! Start at [`parse`]. Standards: RFC 5322 §3.4 and §4.4, RFC 6854 (groups in From).

use crate::cursor::Cursor;

/// One element of an address list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A person or program.
    Mailbox {
        /// The display name, or the comment that old programs put behind the address.
        name: Option<Vec<u8>>,
        /// What stands before the `@`, without quotes.
        local: Vec<u8>,
        /// What stands behind it; empty where it is missing.
        domain: Vec<u8>,
    },
    /// A named group begins; its members follow.
    GroupStart(Vec<u8>),
    /// The group ends.
    GroupEnd,
}

/// What was read of the address in hand.
#[derive(Default)]
struct Draft {
    /// Words with one space between them.
    phrase: Vec<u8>,
    /// The same without spaces that follow or precede dots; the local part, if `@` comes next.
    compact: Vec<u8>,
    bare: Option<(Vec<u8>, Vec<u8>)>,
    angle: Option<(Vec<u8>, Vec<u8>)>,
    comment: Option<Vec<u8>>,
}

/// Reads at most `entries_max` entries; a group start and end are one entry each.
///
/// The second value tells whether there were more.
pub fn parse(value: &[u8], entries_max: usize) -> (Vec<Entry>, bool) {
    let mut cursor = Cursor::new(value);
    let mut entries = Vec::new();
    let mut draft = Draft::default();
    let mut in_group = false;
    while let Some(byte) = cursor.peek() {
        if entries.len() >= entries_max {
            entries.truncate(entries_max); // A `;` may have added two, an address and its group's end.
            return (entries, true);
        }
        match byte {
            b',' => draft.finish(&mut entries),
            b';' => {
                draft.finish(&mut entries);
                if std::mem::take(&mut in_group) {
                    entries.push(Entry::GroupEnd);
                }
            }
            b':' if !in_group && draft.angle.is_none() && draft.bare.is_none() => {
                in_group = true;
                entries.push(Entry::GroupStart(std::mem::take(&mut draft).phrase));
            }
            _ => {
                draft.read(byte, &mut cursor);
                continue;
            }
        }
        cursor.next();
    }
    draft.finish(&mut entries);
    if in_group {
        entries.push(Entry::GroupEnd);
    }
    let overfull = entries.len() > entries_max;
    entries.truncate(entries_max);
    (entries, overfull)
}

impl Draft {
    /// Reads one word, comment, bracketed address or `@domain`.
    fn read(&mut self, byte: u8, cursor: &mut Cursor<'_>) {
        match byte {
            b'(' => {
                let comment = comment(cursor);
                self.comment = Some(comment)
                    .filter(|text| !text.is_empty())
                    .or(self.comment.take());
            }
            b'"' => {
                let word = quoted(cursor);
                self.add_word(&word);
            }
            b'<' => {
                let inside = angle(cursor);
                self.angle = self.angle.take().or(Some(addr_spec(inside)));
            }
            b'@' => {
                cursor.next();
                self.read_domain(cursor);
            }
            b' ' | b'\t' | b'\r' | b'\n' | b'>' => {
                cursor.next();
            }
            b'[' => {
                let literal = literal(cursor);
                self.add_word(&literal);
            }
            _ => {
                let atom = cursor.take_while(is_word);
                if atom.is_empty() {
                    cursor.next();
                } else {
                    self.add_word(atom);
                }
            }
        }
    }

    fn add_word(&mut self, word: &[u8]) {
        if !self.phrase.is_empty() {
            self.phrase.push(b' ');
        }
        self.phrase.extend_from_slice(word);
        let glued = word.starts_with(b".") || self.compact.ends_with(b".");
        if !glued && !self.compact.is_empty() {
            self.compact.push(b' ');
        }
        self.compact.extend_from_slice(word);
    }

    /// Behind an `@` outside of brackets.
    fn read_domain(&mut self, cursor: &mut Cursor<'_>) {
        let domain = domain(cursor);
        let local = std::mem::take(&mut self.compact);
        self.phrase.push(b'@');
        self.phrase.extend_from_slice(&domain);
        self.bare = self.bare.take().or(Some((local, domain)));
    }

    /// Ends the address in hand and begins anew; nothing was read, nothing is added.
    fn finish(&mut self, entries: &mut Vec<Entry>) {
        let draft = std::mem::take(self);
        let name = Some(draft.phrase).filter(|phrase| !phrase.is_empty());
        let (name, (local, domain)) = match (draft.angle, draft.bare) {
            (Some(angle), _) => (name.or(draft.comment), angle),
            (None, Some(bare)) => (draft.comment, bare),
            (None, None) if name.is_some() => (draft.comment, (draft.compact, Vec::new())),
            (None, None) => return,
        };
        entries.push(Entry::Mailbox {
            name,
            local,
            domain,
        });
    }
}

/// A byte that can stand in a word of a name, dots included (RFC 5322 §4.1).
fn is_word(byte: u8) -> bool {
    !matches!(
        byte,
        b'(' | b')'
            | b'<'
            | b'>'
            | b'@'
            | b','
            | b';'
            | b':'
            | b'"'
            | b'['
            | b']'
            | b' '
            | b'\t'
            | b'\r'
            | b'\n'
    )
}

/// A comment with its nested ones; the text of the outermost, blanks trimmed.
fn comment(cursor: &mut Cursor<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    let mut depth = 0_usize;
    while let Some(byte) = cursor.next() {
        match byte {
            b'(' => {
                depth += 1;
                if depth == 1 {
                    continue;
                }
            }
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    break;
                }
            }
            b'\\' => {
                text.extend(cursor.next().and_then(within_line));
                continue;
            }
            _ => {}
        }
        text.extend(within_line(byte));
    }
    text.trim_ascii().to_vec()
}

/// A quoted string; without its closing quote it reaches to the end.
fn quoted(cursor: &mut Cursor<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    cursor.next();
    while let Some(byte) = cursor.next() {
        match byte {
            b'"' => break,
            b'\\' => text.extend(cursor.next().and_then(within_line)),
            _ => text.extend(within_line(byte)),
        }
    }
    text
}

/// A domain in brackets; without the closing one it reaches to the end.
fn literal(cursor: &mut Cursor<'_>) -> Vec<u8> {
    let length = cursor.rest().iter().position(|&byte| byte == b']');
    let text = cursor.take_up_to(length.map_or(usize::MAX, |length| length + 1));
    text.iter().copied().filter_map(within_line).collect()
}

/// Ends of lines only fold: nothing that is read has any, or who writes it into a header would end
/// that there.
fn within_line(byte: u8) -> Option<u8> {
    (!matches!(byte, b'\r' | b'\n')).then_some(byte)
}

/// What stands between `<` and its `>`, or up to the end; quotes may hide a `>`.
fn angle<'a>(cursor: &mut Cursor<'a>) -> &'a [u8] {
    cursor.next();
    let mut in_quotes = false;
    let mut escaped = false;
    let end = cursor.rest().iter().position(|&byte| {
        let hidden = std::mem::take(&mut escaped);
        match byte {
            b'"' if !hidden => in_quotes = !in_quotes,
            b'\\' if !hidden => escaped = true,
            _ => {}
        }
        byte == b'>' && !in_quotes
    });
    let end = end.or_else(|| cursor.rest().iter().position(|&byte| byte == b'>'));
    let inside = cursor.take_up_to(end.unwrap_or(usize::MAX));
    cursor.accept(b'>');
    inside
}

/// `@route:"local part"@domain` in brackets; the route is dropped.
fn addr_spec(inside: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut cursor = Cursor::new(inside.trim_ascii());
    if cursor.peek() == Some(b'@') {
        let route = cursor.take_while(|byte| byte != b':');
        if !cursor.accept(b':') {
            let route = route.iter().skip(1).copied();
            return (Vec::new(), route.filter_map(within_line).collect());
        }
    }
    let mut local = Vec::new();
    while let Some(byte) = cursor.peek() {
        match byte {
            b'@' => break,
            b'"' => local.extend(quoted(&mut cursor)),
            b'(' => drop(comment(&mut cursor)),
            _ => {
                cursor.next();
                if !byte.is_ascii_whitespace() {
                    local.push(byte);
                }
            }
        }
    }
    cursor.accept(b'@');
    (local, domain(&mut cursor))
}

/// A domain or literal; comments and blanks around its dots are dropped (RFC 5322 §4.4).
fn domain(cursor: &mut Cursor<'_>) -> Vec<u8> {
    let mut domain = Vec::new();
    loop {
        let mut ahead = *cursor;
        let comment_there = skip_blanks(&mut ahead);
        match ahead.peek() {
            Some(b'[') if domain.is_empty() => {
                *cursor = ahead;
                return literal(cursor);
            }
            Some(byte)
                if is_word(byte) && (domain.is_empty() || byte == b'.' || ends_in_dot(&domain)) =>
            {
                *cursor = ahead;
                domain.extend_from_slice(cursor.take_while(is_word));
            }
            // A comment behind the domain is left: it may be the name.
            _ => {
                if comment_there && domain.is_empty() {
                    *cursor = ahead;
                }
                return domain;
            }
        }
    }
}

fn ends_in_dot(domain: &[u8]) -> bool {
    domain.ends_with(b".")
}

/// Skips blanks and comments; whether there was a comment.
fn skip_blanks(cursor: &mut Cursor<'_>) -> bool {
    let mut found = false;
    while let Some(byte) = cursor.peek() {
        if byte == b'(' {
            comment(cursor);
            found = true;
        } else if byte.is_ascii_whitespace() {
            cursor.next();
        } else {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes entries as `name|local|domain`, groups as `[name` and `]`.
    fn read(value: &str) -> String {
        let (entries, _) = parse(value.as_bytes(), 100);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let lines: Vec<String> = entries
            .iter()
            .map(|entry| match entry {
                Entry::Mailbox {
                    name,
                    local,
                    domain,
                } => {
                    let name = name.as_deref().map_or("-".to_owned(), text);
                    format!("{name}|{}|{}", text(local), text(domain))
                }
                Entry::GroupStart(name) => format!("[{}", text(name)),
                Entry::GroupEnd => "]".to_owned(),
            })
            .collect();
        lines.join(" ")
    }

    #[test]
    fn the_examples_of_rfc_5322_are_read() {
        assert_eq!(
            read("John Doe <jdoe@machine.example>"),
            "John Doe|jdoe|machine.example"
        );
        assert_eq!(
            read("\"Joe Q. Public\" <john.q.public@example.com>"),
            "Joe Q. Public|john.q.public|example.com"
        );
        assert_eq!(
            read("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"),
            "Mary Smith|mary|x.test -|jdoe|example.org Who?|one|y.test"
        );
        assert_eq!(
            read("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"),
            "-|boss|nil.test Giant; \"Big\" Box|sysservices|example.net"
        );
        assert_eq!(
            read("A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;"),
            "[A Group Ed Jones|joe|where.test -|joe|where.test John|jdoe|one.test ]"
        );
        assert_eq!(
            read("Undisclosed recipients:;"),
            "[Undisclosed recipients ]"
        );
        assert_eq!(
            read("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>"),
            "Pete|pete|silly.test"
        );
        assert_eq!(
            read("Joe Q. Public <john.q.public@example.com>"),
            "Joe Q. Public|john.q.public|example.com"
        );
        assert_eq!(
            read("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"),
            "Mary Smith|mary|example.net -|jdoe|test.example"
        );
    }

    #[test]
    fn a_comment_is_the_name_of_a_bare_address() {
        assert_eq!(read("jdoe@x.test (John Doe)"), "John Doe|jdoe|x.test");
        assert_eq!(read("(John Doe) jdoe@x.test"), "John Doe|jdoe|x.test");
    }

    #[test]
    fn what_breaks_the_grammar_is_still_read() {
        assert_eq!(read("a@b.test <c@d.test>"), "a@b.test|c|d.test");
        assert_eq!(read("root"), "-|root|");
        assert_eq!(read("\"unclosed <a@b>"), "-|unclosed <a@b>|");
        assert_eq!(read("A <a@b"), "A|a|b");
        assert_eq!(read("a@[192.0.2.1]"), "-|a|[192.0.2.1]");
        assert_eq!(read("\"a b\"@c.test"), "-|a b|c.test");
        assert_eq!(read("<>"), "-||");
        assert_eq!(read(",,;,"), "");
        assert_eq!(read("Müller <m@ü.test>"), "Müller|m|ü.test");
        assert_eq!(read("[x"), "-|[x|");
    }

    proptest! {
        #[test]
        fn ends_of_lines_are_no_part_of_what_is_read(value in r#"[\[\] a@.,:;<>()"\\\r\n]{0,24}"#) {
            prop_assert!(!read(&value).contains(['\r', '\n']), "{}", read(&value));
        }
    }

    #[test]
    fn no_more_entries_than_allowed_are_kept() {
        let (entries, more) = parse(b"a@b,c@d,e@f", 2);
        assert_eq!((entries.len(), more), (2, true));
        let (entries, more) = parse(b"g:a@b;c@d", 2);
        assert_eq!((entries.len(), more), (2, true));
        let (entries, more) = parse(b"a@b,c@d", 2);
        assert_eq!((entries.len(), more), (2, false));
    }
}
