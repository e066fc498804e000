//! What a report on a letter that was sent before says to programs: whether it came, or was read.
//!
//! Whom it is about stays in that part and in the text for people; the recipients of the report are
//! those of its own header.
//!
//! Source: [MS-OXCMAIL] 2.2.3.7 (reports out of MIME), RFC 3464 §2, RFC 8098 §3.

use super::super::Values as _;
use crate::content::Values;
use formats::message::header::{fields, find, length, unfold};

/// Bytes of the part for programs that are read.
pub const REPORT_BYTES_MAX: u64 = 64 * 1024;

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// Whether the letter was delivered.
    Delivery,
    /// What became of it then.
    Disposition,
}

/// What may have become of a letter, the worst last; the classes that say so.
const ACTIONS: [(&str, &str); 5] = [
    ("delivered", "REPORT.IPM.Note.DR"),
    ("expanded", "REPORT.IPM.Note.Expanded.DR"),
    ("relayed", "REPORT.IPM.Note.Relayed.DR"),
    ("delayed", "REPORT.IPM.Note.Delayed.DR"),
    ("failed", "REPORT.IPM.Note.NDR"),
];
const READ: &str = "REPORT.IPM.Note.IPNRN";
const NOT_READ: &str = "REPORT.IPM.Note.IPNNRN";

impl Report {
    /// What a report says where its part for programs doesn't.
    pub fn usual_class(self) -> &'static str {
        match self {
            Self::Delivery => "REPORT.IPM.Note.NDR",
            Self::Disposition => READ,
        }
    }

    /// The class, and what else the part for programs tells.
    pub fn values(self, part: &[u8]) -> Values {
        let mut values = Values::new();
        let class = match self {
            Self::Delivery => {
                values.put_text(0x6820, behind_semicolon(&text(part, "Reporting-MTA")));
                delivery_class(part)
            }
            Self::Disposition => {
                values.put_text(0x1046, text(part, "Original-Message-ID"));
                disposition_class(&text(part, "Disposition"))
            }
        };
        values.put_text(0x001a, class.unwrap_or(self.usual_class()));
        values
    }
}

fn text(part: &[u8], name: &str) -> String {
    let field = find(part, name);
    let value = field.map(|field| unfold(field.value).to_vec());
    let text = String::from_utf8_lossy(&value.unwrap_or_default()).into_owned();
    text.trim().to_owned()
}

/// `dns; host.example` names the host.
fn behind_semicolon(text: &str) -> String {
    let name = text.split_once(';').map_or(text, |(_, name)| name);
    name.trim().to_owned()
}

/// By the worst that became of any recipient, each of whom has a block of fields.
fn delivery_class(part: &[u8]) -> Option<&'static str> {
    let mut worst = None;
    let mut rest = part;
    while !rest.is_empty() {
        let (block, behind) = rest.split_at_checked(length(rest).max(1))?;
        let found = fields(block).find(|field| field.is("Action"));
        let action = found.map(|field| unfold(field.value).trim_ascii().to_ascii_lowercase());
        let place = ACTIONS
            .iter()
            .position(|(name, _)| action.as_deref() == Some(name.as_bytes()));
        worst = worst.max(place);
        rest = behind;
    }
    ACTIONS.get(worst?).map(|(_, class)| *class)
}

/// `manual-action/MDN-sent-manually; displayed`, perhaps with more behind a slash.
fn disposition_class(disposition: &str) -> Option<&'static str> {
    let (_, kind) = disposition.split_once(';')?;
    let kind = kind.split(['/', ',']).next().unwrap_or_default();
    match kind.trim().to_ascii_lowercase().as_str() {
        "displayed" | "dispatched" | "processed" => Some(READ),
        "deleted" | "denied" | "failed" => Some(NOT_READ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(report: Report, part: &str) -> String {
        let values = report.values(part.replace('\n', "\r\n").as_bytes());
        values.text(0x001a).unwrap().to_owned()
    }

    #[test]
    fn the_worst_of_all_recipients_makes_the_class() {
        let part = "Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; a@x\nAction: delivered\n\
            \nFinal-Recipient: rfc822; b@x\nAction: Failed\nStatus: 5.1.1\n\nAction: delayed\n";
        assert_eq!(class(Report::Delivery, part), "REPORT.IPM.Note.NDR");
        let values = Report::Delivery.values(part.replace('\n', "\r\n").as_bytes());
        assert_eq!(values.text(0x6820), Some("mx.example"));
        for (action, wanted) in ACTIONS {
            assert_eq!(
                class(Report::Delivery, &format!("A: b\n\nAction: {action}\n")),
                wanted
            );
        }
        assert_eq!(
            class(Report::Delivery, "no such fields"),
            "REPORT.IPM.Note.NDR"
        );
    }

    #[test]
    fn a_letter_was_read_or_not() {
        for (kind, wanted) in [
            ("displayed", READ),
            ("displayed/error", READ),
            ("deleted", NOT_READ),
            ("unheard", READ),
        ] {
            let part = format!("Disposition: manual-action/MDN-sent-manually; {kind}\n");
            assert_eq!(class(Report::Disposition, &part), wanted);
        }
        let values = Report::Disposition.values(b"Original-Message-ID: <1@a>\r\n");
        assert_eq!(values.text(0x1046), Some("<1@a>"));
    }
}
