//! What Outlook is told: that the mailbox is reached by MAPI over HTTP, and at which addresses.
//!
//! Source: [MS-OXDSCLI] 2.2.4.

use super::Refusal;
use crate::codec::transport::header::Endpoint;
use quick_xml::escape::escape;
use std::fmt::Write;

const OUTER: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
const SETTINGS: &str =
    "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

/// A mailbox as Outlook is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The name people read.
    pub display_name: String,
    /// The distinguished name; must never change.
    pub legacy_name: String,
    /// The first address.
    pub address: String,
    /// `guid@domain`; must never change.
    pub mailbox_id: String,
}

/// A mailbox that is opened along with one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedMailbox {
    /// The name people read.
    pub display_name: String,
    /// Its address.
    pub address: String,
}

/// Where this server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `https://` and the name for which it has a certificate, and the port where that is not 443.
    pub origin: String,
    /// A GUID in text form, the same for all mailboxes.
    pub deployment: String,
}

impl Place {
    /// Where a mailbox is served. Source: [MS-OXCMAPIHTTP] 2.2.1 (the form is the server's).
    pub fn mailbox_url(&self, mailbox_id: &str) -> String {
        self.url(Endpoint::Mailbox, mailbox_id)
    }

    /// Where the address book is served to that mailbox.
    pub fn address_book_url(&self, mailbox_id: &str) -> String {
        self.url(Endpoint::AddressBook, mailbox_id)
    }

    fn url(&self, endpoint: Endpoint, mailbox_id: &str) -> String {
        let (origin, path) = (&self.origin, endpoint.path());
        format!("{origin}{path}/?MailboxId={mailbox_id}")
    }
}

/// The highest version of the protocol that `X-MapiHttpCapability` says the client can, of those
/// that are spoken here: 1, or none.
///
/// Source: [MS-OXDSCLI] 2.2.2.1, 3.2.5.1.
pub fn protocol_version(capability: Option<&str>) -> Option<u32> {
    let highest: u32 = capability?.trim().parse().ok()?;
    (highest >= 1).then_some(1)
}

/// The settings of a mailbox for a client of this version of the protocol. One that speaks none
/// learns who it is, and that there is nothing for it.
pub fn settings(
    mailbox: &Mailbox,
    shared: &[SharedMailbox],
    place: &Place,
    version: Option<u32>,
) -> String {
    let mut xml = Xml::new();
    xml.inside(&format!("Response xmlns=\"{SETTINGS}\""), |xml| {
        xml.inside("User", |xml| {
            xml.element("DisplayName", &mailbox.display_name);
            xml.element("LegacyDN", &mailbox.legacy_name);
            xml.element("AutoDiscoverSMTPAddress", &mailbox.address);
            xml.element("DeploymentId", &place.deployment);
        });
        xml.inside("Account", |xml| {
            xml.element("AccountType", "email");
            xml.element("Action", "settings");
            xml.element("MicrosoftOnline", "False");
            xml.element("ConsumerMailbox", "False");
            if let Some(version) = version {
                protocol(xml, mailbox, place, version);
            }
            for other in shared {
                alternative(xml, mailbox, other);
            }
        });
    });
    xml.finish()
}

fn protocol(xml: &mut Xml, mailbox: &Mailbox, place: &Place, version: u32) {
    let tag = format!("Protocol Type=\"mapiHttp\" Version=\"{version}\"");
    xml.inside(&tag, |xml| {
        let urls = [
            ("MailStore", place.mailbox_url(&mailbox.mailbox_id)),
            ("AddressBook", place.address_book_url(&mailbox.mailbox_id)),
        ];
        for (name, url) in urls {
            xml.inside(name, |xml| {
                xml.element("InternalUrl", &url);
                xml.element("ExternalUrl", &url);
            });
        }
    });
}

/// Source: [MS-OXDSCLI] 2.2.4.1.1.2.2 (the client asks again for its settings).
fn alternative(xml: &mut Xml, mailbox: &Mailbox, other: &SharedMailbox) {
    xml.inside("AlternativeMailbox", |xml| {
        xml.element("Type", "Delegate");
        xml.element("DisplayName", &other.display_name);
        xml.element("SmtpAddress", &other.address);
        xml.element("OwnerSmtpAddress", &mailbox.address);
    });
}

/// Why there are none. `time_of_day` is in units of 100 ns since midnight, UTC; `id` tells this
/// answer apart from others in a log.
pub fn refusal(refusal: Refusal, time_of_day: u64, id: u32) -> String {
    let (code, message) = refusal.code();
    let mut xml = Xml::new();
    xml.inside("Response", |xml| {
        let time = clock_time(time_of_day);
        xml.inside(&format!("Error Time=\"{time}\" Id=\"{id}\""), |xml| {
            xml.element("ErrorCode", &code.to_string());
            xml.element("Message", message);
            xml.element("DebugData", "");
        });
    });
    xml.finish()
}

/// `10:15:30.1234567`.
fn clock_time(time_of_day: u64) -> String {
    const SECOND: u64 = 10_000_000;
    let seconds = time_of_day / SECOND;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let rest = time_of_day % SECOND;
    format!("{hour:02}:{minute:02}:{second:02}.{rest:07}")
}

/// A document that is being written.
struct Xml(String);

impl Xml {
    fn new() -> Self {
        let head = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
        Self(format!("{head}<Autodiscover xmlns=\"{OUTER}\">"))
    }

    /// An element with what `write` puts in it; `tag` may have attributes.
    fn inside(&mut self, tag: &str, write: impl FnOnce(&mut Self)) {
        let name = tag.split(' ').next().unwrap_or(tag);
        // Writing to a string never fails.
        let _ = write!(self.0, "<{tag}>");
        write(self);
        let _ = write!(self.0, "</{name}>");
    }

    fn element(&mut self, name: &str, text: &str) {
        let _ = write!(self.0, "<{name}>{}</{name}>", escape(text));
    }

    fn finish(mut self) -> String {
        self.0.push_str("</Autodiscover>");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailbox() -> Mailbox {
        Mailbox {
            display_name: "Alice <& Co>".to_owned(),
            legacy_name: "/o=X/cn=alice".to_owned(),
            address: "alice@example.org".to_owned(),
            mailbox_id: "8a0c7a3e-7b57-4d25-9a6c-3b1d7e0f5a11@example.org".to_owned(),
        }
    }

    fn place() -> Place {
        Place {
            origin: "https://mail.example.org".to_owned(),
            deployment: "44041c2e-2b1d-4a35-9a52-2d63b3c4a0f1".to_owned(),
        }
    }

    #[test]
    fn the_settings_say_where_mailbox_and_address_book_are() {
        let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
            <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\
            <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\">\
            <User><DisplayName>Alice &lt;&amp; Co&gt;</DisplayName><LegacyDN>/o=X/cn=alice</LegacyDN>\
            <AutoDiscoverSMTPAddress>alice@example.org</AutoDiscoverSMTPAddress>\
            <DeploymentId>44041c2e-2b1d-4a35-9a52-2d63b3c4a0f1</DeploymentId></User>\
            <Account><AccountType>email</AccountType><Action>settings</Action>\
            <MicrosoftOnline>False</MicrosoftOnline><ConsumerMailbox>False</ConsumerMailbox>\
            <Protocol Type=\"mapiHttp\" Version=\"1\">\
            <MailStore><InternalUrl>https://mail.example.org/mapi/emsmdb/?MailboxId=8a0c7a3e-7b57-4d25-9a6c-3b1d7e0f5a11@example.org</InternalUrl>\
            <ExternalUrl>https://mail.example.org/mapi/emsmdb/?MailboxId=8a0c7a3e-7b57-4d25-9a6c-3b1d7e0f5a11@example.org</ExternalUrl></MailStore>\
            <AddressBook><InternalUrl>https://mail.example.org/mapi/nspi/?MailboxId=8a0c7a3e-7b57-4d25-9a6c-3b1d7e0f5a11@example.org</InternalUrl>\
            <ExternalUrl>https://mail.example.org/mapi/nspi/?MailboxId=8a0c7a3e-7b57-4d25-9a6c-3b1d7e0f5a11@example.org</ExternalUrl></AddressBook>\
            </Protocol></Account></Response></Autodiscover>";
        assert_eq!(settings(&mailbox(), &[], &place(), Some(1)), expected);
    }

    #[test]
    fn a_client_without_the_protocol_is_not_offered_it() {
        assert_eq!(protocol_version(None), None);
        assert_eq!(protocol_version(Some("0")), None);
        assert_eq!(protocol_version(Some("1")), Some(1));
        assert_eq!(protocol_version(Some("2")), Some(1));
        assert!(!settings(&mailbox(), &[], &place(), None).contains("Protocol"));
    }

    #[test]
    fn shared_mailboxes_are_opened_along() {
        let shared = SharedMailbox {
            display_name: "Sales".to_owned(),
            address: "sales@example.org".to_owned(),
        };
        let told = settings(&mailbox(), &[shared], &place(), Some(1));
        assert!(told.contains(
            "<AlternativeMailbox><Type>Delegate</Type><DisplayName>Sales</DisplayName>\
             <SmtpAddress>sales@example.org</SmtpAddress>\
             <OwnerSmtpAddress>alice@example.org</OwnerSmtpAddress></AlternativeMailbox>"
        ));
    }

    #[test]
    fn a_refusal_tells_its_number_and_time() {
        let time = ((10 * 60 + 15) * 60 + 30) * 10_000_000 + 1_234_567;
        assert_eq!(
            refusal(Refusal::InvalidRequest, time, 1_054_084_152),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
             <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\
             <Response><Error Time=\"10:15:30.1234567\" Id=\"1054084152\"><ErrorCode>600</ErrorCode>\
             <Message>Invalid Request</Message><DebugData></DebugData></Error></Response></Autodiscover>"
        );
    }
}
