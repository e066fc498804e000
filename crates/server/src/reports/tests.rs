use super::{Unreadable, aggregate, tls, unpack};
use crate::outbound::dane::Record;
use crate::outbound::names::{Answer, Found, Names, NamesError};
use miniz_oxide::deflate::compress_to_vec;
use proptest::prelude::*;
use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;

/// Texts of a test; what is not in it does not exist, and below `lame.test` nobody answers.
#[derive(Default)]
pub struct Zone(HashMap<&'static str, Vec<&'static str>>);

impl Zone {
    pub fn with(mut self, name: &'static str, text: &'static str) -> Self {
        self.0.entry(name).or_default().push(text);
        self
    }

    pub fn ask<T>(question: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(question)
    }
}

impl Names for Zone {
    fn exchangers<'a>(&'a self, _: &'a str) -> Answer<'a, Found<Vec<(u16, String)>>> {
        Box::pin(async { Err(NamesError::Nothing) })
    }

    fn addresses<'a>(&'a self, _: &'a str) -> Answer<'a, Found<Vec<IpAddr>>> {
        Box::pin(async { Err(NamesError::Nothing) })
    }

    fn texts<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<String>> {
        let found = self
            .0
            .get(name)
            .map(|texts| texts.iter().map(|one| (*one).to_owned()));
        let missing = if name.ends_with("lame.test") {
            NamesError::Unavailable("no answer".to_owned())
        } else {
            NamesError::NoSuchName
        };
        let found = found.map(Iterator::collect).ok_or(missing);
        Box::pin(async move { found })
    }

    fn keys<'a>(&'a self, _: u16, _: &'a str) -> Answer<'a, Vec<Record>> {
        Box::pin(async { Err(NamesError::Nothing) })
    }
}

const AGGREGATE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- from a large provider -->
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
  <report_metadata><org_name>Mail &amp; Co</org_name><email>r@example.com</email>
    <report_id>1234</report_id>
    <date_range><begin>1767225600</begin><end>1767311999</end></date_range></report_metadata>
  <policy_published><domain>example.test</domain><p>quarantine</p><sp/></policy_published>
  <record><row><source_ip>192.0.2.1</source_ip><count>7</count>
    <policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>
    </policy_evaluated></row>
    <identifiers><header_from>example.test</header_from></identifiers>
    <auth_results><dkim><domain>example.test</domain><result>pass</result></dkim></auth_results>
  </record>
  <record><row><source_ip>2001:db8::1</source_ip><count>2</count>
    <policy_evaluated><disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf>
    </policy_evaluated></row>
    <identifiers><header_from><![CDATA[example.test]]></header_from></identifiers></record>
</feedback>"#;

const TLS: &str = r#"{"organization-name":"Company-X","date-range":{"start-datetime":
"2016-04-01T00:00:00Z","end-datetime":"2016-04-01T23:59:59Z"},"contact-info":"sts@company-x.example",
"report-id":"5065427c","policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1"],
"policy-domain":"company-y.example","mx-host":["*.mail.company-y.example"]},"summary":
{"total-successful-session-count":5326,"total-failure-session-count":303},"failure-details":
[{"result-type":"certificate-expired","sending-mta-ip":"2001:db8:abcd:0012::1",
"receiving-mx-hostname":"mx1.mail.company-y.example","failed-session-count":100}]}]}"#;

fn gzip(text: &[u8]) -> Vec<u8> {
    let header: &[u8] = &[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3];
    [header, b"name\0", &compress_to_vec(text, 6), &[0; 8]].concat()
}

fn zip(text: &[u8]) -> Vec<u8> {
    let deflated = compress_to_vec(text, 6);
    let mut header = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0".to_vec();
    header.extend([0; 12]); // Checksum and sizes stand behind the content.
    header.extend([5, 0, 0, 0]);
    [&header, &b"a.xml"[..], &deflated].concat()
}

#[test]
fn a_report_of_dmarc_is_read_and_those_who_failed_come_first() {
    let report = aggregate::parse(AGGREGATE.as_bytes()).unwrap();
    assert_eq!(
        (report.reporter.as_str(), report.domain.as_str()),
        ("Mail & Co", "example.test")
    );
    assert_eq!(report.records.len(), 2);
    assert_eq!(report.records[0].count, 7);
    let lines = aggregate::lines(&report);
    assert!(lines[0].contains("2026-01-01T00:00:00Z"), "{lines:?}");
    assert!(
        lines[1].contains("2 from 2001:db8::1  NOT PROVEN"),
        "{lines:?}"
    );
    assert!(
        lines[2].contains("7 from 192.0.2.1  proven (DKIM pass, SPF fail)"),
        "{lines:?}"
    );
}

#[test]
fn a_report_of_tls_is_read() {
    let lines = tls::lines(&tls::parse(TLS.as_bytes()).unwrap());
    assert_eq!(
        lines[1],
        "  company-y.example (sts): 5326 encrypted, 303 failed"
    );
    assert!(
        lines[2].contains("100 failed: certificate-expired"),
        "{lines:?}"
    );
}

#[test]
fn reports_come_plain_or_packed_by_gzip_or_zip() {
    for packed in [
        TLS.as_bytes().to_vec(),
        gzip(TLS.as_bytes()),
        zip(TLS.as_bytes()),
    ] {
        assert_eq!(&*unpack::unpacked(&packed).unwrap(), TLS.as_bytes());
    }
}

#[test]
fn what_unpacks_to_more_than_any_report_is_refused() {
    let bomb = gzip(&vec![b' '; 65 * 1024 * 1024]);
    assert!(bomb.len() < 100_000);
    assert_eq!(unpack::unpacked(&bomb), Err(Unreadable::TooLarge));
}

#[test]
fn documents_with_types_or_without_end_are_refused() {
    for text in [
        "<!DOCTYPE x [<!ENTITY a \"b\">]><feedback></feedback>",
        "<feedback><record></feedback>",
        "<feedback>",
        "<feedback",
        "<other><domain>x</domain></other>",
        "",
    ] {
        assert!(aggregate::parse(text.as_bytes()).is_err(), "{text}");
    }
    let deep = "<a>".repeat(100);
    assert_eq!(aggregate::parse(deep.as_bytes()), Err(Unreadable::TooLarge));
}

#[test]
fn what_is_shown_holds_no_control_characters() {
    let text = AGGREGATE.replace("1234", "12\u{1b}[2J34");
    let report = aggregate::parse(text.as_bytes()).unwrap();
    assert!(!aggregate::lines(&report).concat().contains('\u{1b}'));
}

proptest! {
    #[test]
    fn nothing_that_comes_makes_the_readers_fail(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for start in [&b""[..], b"\x1f\x8b\x08", b"PK\x03\x04", b"<feedback>", b"{\"policies\":["] {
            let all = [start, &bytes].concat();
            if let Ok(text) = unpack::unpacked(&all) {
                let _ = aggregate::parse(&text);
                let _ = tls::parse(&text);
            }
        }
    }

    #[test]
    fn a_damaged_report_is_read_or_refused(at in 0..AGGREGATE.len(), byte: u8) {
        let mut bytes = AGGREGATE.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = aggregate::parse(&bytes);
        let _ = unpack::unpacked(&gzip(&bytes)).map(|text| aggregate::parse(&text).is_ok());
    }
}

#[test]
fn reports_are_known_by_their_header() {
    for (header, is) in [
        (
            "Subject: Report Domain: a.test Submitter: b.test\r\n\r\n",
            true,
        ),
        ("tls-report-domain: a.test\r\n\r\n", true),
        ("Subject: Re: Report Domain: a.test\r\n\r\n", false),
        ("A: b\r\n\r\nTLS-Report-Domain: x\r\n", false),
    ] {
        assert_eq!(super::is_report(header.as_bytes()), is, "{header}");
    }
}
