//! The header of a letter that a program of this machine writes: often without what it must have.
//!
//! Everything that is not wrong stays byte for byte.
//!
//! Source: RFC 5322 §3.6; RFC 6409 §8 (what a submission may change).

use formats::address::list::{self, Entry};

/// Addresses in one field; the server takes no more recipients.
const ENTRIES_MAX: usize = 10_000;

/// Fields whose addresses get a domain where one is missing.
const ADDRESS_FIELDS: [&str; 10] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Resent-From",
    "Resent-Sender",
    "Resent-Reply-To",
    "Resent-To",
    "Resent-Cc",
];

/// Fields that never leave the machine: who gets a copy unseen, and what only the last server says.
const DROPPED: [&str; 3] = ["Bcc", "Resent-Bcc", "Return-Path"];

/// A header, field by field.
pub struct Header {
    fields: Vec<Field>,
}

struct Field {
    name: String,
    /// All its lines with their ends.
    bytes: Vec<u8>,
}

impl Field {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn value(&self) -> &[u8] {
        self.bytes
            .get(self.name.len()..)
            .and_then(|rest| {
                let colon = rest.iter().position(|&byte| byte == b':')?;
                rest.get(colon + 1..)
            })
            .unwrap_or_default()
    }
}

impl Header {
    /// Takes a letter with CRLF apart: the header ends at an empty line, or where no field begins.
    ///
    /// A first line as mailbox files have it, `From somebody …`, is left out.
    pub fn split(letter: &[u8]) -> (Self, &[u8]) {
        let mut rest = letter;
        let mut fields: Vec<Field> = Vec::new();
        if rest.starts_with(b"From ") {
            rest = behind_line(rest);
        }
        while !rest.is_empty() {
            let after = behind_line(rest);
            let line = rest.get(..rest.len() - after.len()).unwrap_or_default();
            match (fields.last_mut(), field_name(line)) {
                _ if line == b"\r\n" => return (Self { fields }, after),
                (Some(last), _) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                    last.bytes.extend_from_slice(line);
                }
                (_, Some(name)) => fields.push(Field {
                    name,
                    bytes: line.to_vec(),
                }),
                (_, None) => return (Self { fields }, rest),
            }
            rest = after;
        }
        (Self { fields }, rest)
    }

    /// The addresses of all who are to get the letter: when it is sent again, of those of that time.
    ///
    /// Source: RFC 5322 §3.6.3, §3.6.6.
    pub fn recipients(&self, domain: &str) -> Vec<String> {
        let is_sent_again = self.fields.iter().any(|field| {
            field
                .name
                .get(..7)
                .is_some_and(|start| start.eq_ignore_ascii_case("Resent-"))
        });
        let names = if is_sent_again {
            ["Resent-To", "Resent-Cc", "Resent-Bcc"]
        } else {
            ["To", "Cc", "Bcc"]
        };
        let fields = self
            .fields
            .iter()
            .filter(|field| names.iter().any(|name| field.is(name)));
        fields
            .flat_map(|field| addresses(field.value(), domain))
            .collect()
    }

    /// Leaves out what nobody may see, gives every address a domain, and names the author if the
    /// letter does not. Date and Message-ID are added by the server.
    pub fn complete(&mut self, author: &str, full_name: Option<&str>, domain: &str) {
        self.fields
            .retain(|field| !DROPPED.iter().any(|name| field.is(name)));
        for field in &mut self.fields {
            if ADDRESS_FIELDS.iter().any(|name| field.is(name))
                && let Some(value) = with_domains(field.value(), domain)
            {
                field.bytes = [field.name.as_bytes(), b": ", &value, b"\r\n"].concat();
            }
        }
        if !self.fields.iter().any(|field| field.is("From")) {
            let name = full_name.map(|name| name.replace(|c: char| c.is_control(), " "));
            let mut value = Vec::new();
            write_mailbox(
                &mut value,
                name.as_deref().map(str::as_bytes),
                author.as_bytes(),
            );
            let bytes = [b"From: ", value.as_slice(), b"\r\n"].concat();
            self.fields.insert(
                0,
                Field {
                    name: "From".to_owned(),
                    bytes,
                },
            );
        }
    }

    /// The header with the empty line.
    pub fn bytes(&self) -> Vec<u8> {
        let fields = self
            .fields
            .iter()
            .flat_map(|field| field.bytes.iter().copied());
        fields.chain(*b"\r\n").collect()
    }
}

/// The addresses of a list, each with a domain.
pub fn addresses(value: &[u8], domain: &str) -> Vec<String> {
    let (entries, _) = list::parse(value, ENTRIES_MAX);
    let address = |entry: &Entry| match entry {
        Entry::Mailbox {
            local, domain: own, ..
        } if !local.is_empty() => {
            let own = if own.is_empty() {
                domain.as_bytes()
            } else {
                own
            };
            Some(String::from_utf8_lossy(&[local, &b"@"[..], own].concat()).into_owned())
        }
        _ => None,
    };
    entries.iter().filter_map(address).collect()
}

/// The list written anew, if one of its addresses had no domain.
fn with_domains(value: &[u8], domain: &str) -> Option<Vec<u8>> {
    let (entries, more) = list::parse(value, ENTRIES_MAX);
    let is_bare = |entry: &Entry| matches!(entry, Entry::Mailbox { domain, local, .. } if domain.is_empty() && !local.is_empty());
    if more || !entries.iter().any(is_bare) {
        return None;
    }
    let mut out = Vec::new();
    let mut is_first = true;
    for entry in &entries {
        if !is_first && *entry != Entry::GroupEnd {
            out.extend_from_slice(b",\r\n\t");
        }
        is_first = matches!(entry, Entry::GroupStart(_));
        match entry {
            Entry::Mailbox {
                name,
                local,
                domain: own,
            } => {
                let own = if own.is_empty() {
                    domain.as_bytes()
                } else {
                    own
                };
                let address = [local, &b"@"[..], own].concat();
                write_mailbox(&mut out, name.as_deref(), &address);
            }
            Entry::GroupStart(name) => {
                write_name(&mut out, name);
                out.extend_from_slice(b": ");
            }
            Entry::GroupEnd => out.push(b';'),
        }
    }
    Some(out)
}

fn write_mailbox(out: &mut Vec<u8>, name: Option<&[u8]>, address: &[u8]) {
    match name.filter(|name| !name.is_empty()) {
        None => out.extend_from_slice(address),
        Some(name) => {
            write_name(out, name);
            out.extend_from_slice(b" <");
            out.extend_from_slice(address);
            out.push(b'>');
        }
    }
}

/// A name, in quotes where it holds more than words (encoded words must not be quoted).
fn write_name(out: &mut Vec<u8>, name: &[u8]) {
    let is_plain = |&byte: &u8| {
        byte.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&byte) || byte > 127
    };
    if name.iter().all(is_plain) {
        return out.extend_from_slice(name);
    }
    out.push(b'"');
    for &byte in name {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// The name before the colon of a line that begins a field (RFC 5322 §2.2, §4.5: spaces behind it).
fn field_name(line: &[u8]) -> Option<String> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = line.get(..colon)?.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name.then(|| String::from_utf8_lossy(name).into_owned())
}

fn behind_line(text: &[u8]) -> &[u8] {
    let end = text.windows(2).position(|two| two == b"\r\n");
    end.and_then(|at| text.get(at + 2..)).unwrap_or_default()
}
