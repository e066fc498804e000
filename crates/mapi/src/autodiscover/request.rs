//! What Outlook asks: the settings of an address, or of a distinguished name.
//!
//! XML within a budget, without a document type and without entities but the five that XML itself
//! has. Namespaces are not looked at: clients write them in more ways than one.
//!
//! Source: [MS-OXDSCLI] 2.2.3.

use super::Refusal;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Bytes of a request: Outlook's have about five hundred.
pub const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a value: a distinguished name has at most 255.
const VALUE_BYTES_MAX: usize = 512;
/// Elements in one another: the real ones are three deep.
const DEPTH_MAX: usize = 8;
/// The answer that Outlook accepts.
const SCHEMA: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// Who is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// An address.
    Address(String),
    /// A distinguished name, as for the mailbox of another.
    LegacyName(String),
}

/// What stands in a request.
#[derive(Debug, Default)]
struct Fields {
    address: Option<String>,
    legacy_name: Option<String>,
    schema: Option<String>,
}

/// Reads the body of a request.
pub fn read(body: &[u8]) -> Result<Asked, Refusal> {
    if body.len() > REQUEST_BYTES_MAX {
        return Err(Refusal::InvalidRequest);
    }
    let text = str::from_utf8(body).map_err(|_| Refusal::InvalidRequest)?;
    let fields = read_fields(text).ok_or(Refusal::InvalidRequest)?;
    let schema = fields.schema.ok_or(Refusal::InvalidRequest)?;
    if !schema.eq_ignore_ascii_case(SCHEMA) {
        return Err(Refusal::NoProvider);
    }
    let address = fields.address.map(Asked::Address);
    let asked = address.or(fields.legacy_name.map(Asked::LegacyName));
    asked.ok_or(Refusal::InvalidRequest)
}

fn read_fields(text: &str) -> Option<Fields> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut fields = Fields::default();
    let mut depth = 0_usize;
    let mut value = String::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(_) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return None;
                }
                value.clear();
            }
            Event::End(end) => {
                depth = depth.checked_sub(1)?;
                fields.keep(end.local_name().as_ref(), value.trim());
                value.clear();
            }
            Event::Text(piece) => value.push_str(&piece),
            Event::CData(piece) => value.push_str(&piece),
            Event::GeneralRef(reference) => {
                let numbered = reference.resolve_char_ref().ok()?;
                value.push(numbered.or_else(|| named_character(&reference))?);
            }
            Event::DocType(_) | Event::PI(_) => return None,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) => {}
            Event::Eof => return (depth == 0).then_some(fields),
        }
        if value.len() > VALUE_BYTES_MAX {
            return None;
        }
    }
}

/// The character of one of XML's own names. Source: XML 1.0 §4.6.
fn named_character(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "apos" => '\'',
        "quot" => '"',
        _ => return None,
    })
}

impl Fields {
    /// The first value of each name counts.
    fn keep(&mut self, name: &str, value: &str) {
        let place = match name {
            "EMailAddress" => &mut self.address,
            "LegacyDN" => &mut self.legacy_name,
            "AcceptableResponseSchema" => &mut self.schema,
            _ => return,
        };
        if place.is_none() && !value.is_empty() {
            *place = Some(value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
             <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/\
             requestschema/2006\"><Request>{inner}<AcceptableResponseSchema>{SCHEMA}\
             </AcceptableResponseSchema></Request></Autodiscover>"
        )
    }

    #[test]
    fn an_address_is_asked_about() {
        let asked = read(request("<EMailAddress> alice@example.org </EMailAddress>").as_bytes());
        assert_eq!(asked, Ok(Asked::Address("alice@example.org".to_owned())));
    }

    #[test]
    fn a_distinguished_name_is_asked_about() {
        let asked = read(request("<LegacyDN>/o=A&amp;B/cn=alice</LegacyDN>").as_bytes());
        assert_eq!(asked, Ok(Asked::LegacyName("/o=A&B/cn=alice".to_owned())));
    }

    #[test]
    fn a_character_may_be_told_by_its_number() {
        let asked = read(request("<EMailAddress>o&#x27;neil@x</EMailAddress>").as_bytes());
        assert_eq!(asked, Ok(Asked::Address("o'neil@x".to_owned())));
    }

    #[test]
    fn a_prefix_of_the_namespace_makes_no_difference() {
        let text = format!(
            "<a:Autodiscover xmlns:a=\"x\"><a:Request><a:EMailAddress>b@x</a:EMailAddress>\
             <a:AcceptableResponseSchema>{SCHEMA}</a:AcceptableResponseSchema></a:Request>\
             </a:Autodiscover>"
        );
        assert_eq!(read(text.as_bytes()), Ok(Asked::Address("b@x".to_owned())));
    }

    #[test]
    fn another_program_finds_no_provider() {
        let text = request("<EMailAddress>a@x</EMailAddress>")
            .replace("outlook/response", "mobilesync/response");
        assert_eq!(read(text.as_bytes()), Err(Refusal::NoProvider));
    }

    #[test]
    fn documents_that_bring_their_own_names_are_refused() {
        let entity = "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
        let address = "<EMailAddress>a@x</EMailAddress>";
        let cases = [
            format!("{entity}{}", request(address)),
            request("<EMailAddress>&e;</EMailAddress>"),
        ];
        for case in cases {
            assert_eq!(
                read(case.as_bytes()),
                Err(Refusal::InvalidRequest),
                "{case}"
            );
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let long = format!(
            "<EMailAddress>{}</EMailAddress>",
            "a".repeat(VALUE_BYTES_MAX + 1)
        );
        let deep = "<x>".repeat(DEPTH_MAX) + &"</x>".repeat(DEPTH_MAX);
        let cases = [
            String::new(),
            "<Autodiscover>".to_owned(),
            request(""),
            request(&long),
            request(&deep),
            "x".repeat(REQUEST_BYTES_MAX + 1),
        ];
        for case in cases {
            assert_eq!(read(case.as_bytes()), Err(Refusal::InvalidRequest));
        }
        assert_eq!(read(b"\xff\xfe<\0"), Err(Refusal::InvalidRequest));
    }
}
