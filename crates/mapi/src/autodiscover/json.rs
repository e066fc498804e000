//! The question before the question: where the settings of an address are told.
//!
//! Nobody has signed in yet, so the answer says nothing of the address: it is the same for all.
//!
//! Source: [MS-OXDISCO] (the ways to the settings); the form is that of Exchange 2016.

use serde_json::json;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The address, of the query or the path.
    pub address: Option<&'a str>,
    /// The way wanted, of the query.
    pub protocol: Option<&'a str>,
}

/// Status and body of the answer (`application/json`). `origin` is `https://` and the name of
/// this server.
pub fn answer(question: Question<'_>, origin: &str) -> (u16, String) {
    let refuse = |code: &str, message: &str| {
        let body = json!({ "ErrorCode": code, "ErrorMessage": message });
        (400, body.to_string())
    };
    if question
        .address
        .is_none_or(|address| !address.contains('@'))
    {
        return refuse(
            "MandatoryParameterMissing",
            "A valid smtp address must be provided",
        );
    }
    let Some(protocol) = question.protocol.filter(|protocol| !protocol.is_empty()) else {
        return refuse(
            "MandatoryParameterMissing",
            "A valid value must be provided for the query parameter 'Protocol'",
        );
    };
    if !protocol.eq_ignore_ascii_case("AutodiscoverV1") {
        return refuse(
            "ProtocolNotSupported",
            "The given protocol value is invalid. Supported values are 'AutodiscoverV1'",
        );
    }
    let url = format!("{origin}/autodiscover/autodiscover.xml");
    let body = json!({ "Protocol": "AutodiscoverV1", "Url": url });
    (200, body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask<'a>(address: Option<&'a str>, protocol: Option<&'a str>) -> (u16, String) {
        answer(Question { address, protocol }, "https://mail.example.org")
    }

    #[test]
    fn the_settings_are_told_by_this_server() {
        let (status, body) = ask(Some("a@example.org"), Some("autodiscoverv1"));
        assert_eq!(status, 200);
        assert_eq!(
            body,
            r#"{"Protocol":"AutodiscoverV1","Url":"https://mail.example.org/autodiscover/autodiscover.xml"}"#
        );
    }

    #[test]
    fn other_ways_and_incomplete_questions_are_refused() {
        for (address, protocol, code) in [
            (Some("a@x"), Some("ActiveSync"), "ProtocolNotSupported"),
            (Some("a@x"), None, "MandatoryParameterMissing"),
            (None, Some("AutodiscoverV1"), "MandatoryParameterMissing"),
            (
                Some("a"),
                Some("AutodiscoverV1"),
                "MandatoryParameterMissing",
            ),
        ] {
            let (status, body) = ask(address, protocol);
            assert_eq!(status, 400);
            assert!(body.contains(code), "{body}");
        }
    }
}
