//! Reports with faults put into them: whatever they are, reading comes to an end within its bounds.

use super::{aggregate, failure, tls, unpack};
use engine::rehearsal::mutation;
use miniz_oxide::deflate::compress_to_vec;

const AGGREGATE: &[u8] = b"<?xml version=\"1.0\"?><!-- c --><feedback><report_metadata>\
    <org_name>A &amp; B</org_name><report_id>1</report_id><date_range><begin>1767225600</begin>\
    <end>1767311999</end></date_range></report_metadata><policy_published><domain>example.test\
    </domain><p>reject</p></policy_published><record><row><source_ip>192.0.2.1</source_ip>\
    <count>7</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail\
    </spf></policy_evaluated></row><identifiers><header_from><![CDATA[example.test]]>\
    </header_from></identifiers></record></feedback>";
const TLS: &[u8] = b"{\"organization-name\":\"X\",\"date-range\":{\"start-datetime\":\
    \"2016-04-01T00:00:00Z\",\"end-datetime\":\"2016-04-01T23:59:59Z\"},\"report-id\":\"5\",\
    \"policies\":[{\"policy\":{\"policy-type\":\"sts\",\"policy-domain\":\"y.example\"},\
    \"summary\":{\"total-successful-session-count\":5326,\"total-failure-session-count\":303},\
    \"failure-details\":[{\"result-type\":\"certificate-expired\",\"failed-session-count\":1}]}]}";
const FAILURE: &[u8] =
    b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: auth-failure\r\n\
    User-Agent: X/1.0\r\nAuth-Failure: dmarc\r\nAuthentication-Results: mx.test;\r\n\tdkim=fail\r\n\
    Reported-Domain: y.example\r\nSource-IP: 192.0.2.1\r\nIncidents: 2\r\n\r\n--b--\r\n";
/// Bytes that mean something in XML, JSON or header fields.
const LOVED: &[u8] = b"<>/!?&;\"'[]-={}:,\\\0\r\n\t ";
/// Inputs for each target: a few seconds in a build without optimizations.
const ROUNDS: u64 = 4_000;

fn show(lines: &[String]) {
    let has_control = |line: &String| line.chars().any(char::is_control);
    assert!(!lines.iter().any(has_control), "{lines:?}");
}

fn read(bytes: &[u8]) {
    if let Ok(report) = aggregate::parse(bytes) {
        show(&aggregate::lines(&report));
    }
    if let Ok(report) = tls::parse(bytes) {
        show(&tls::lines(&report));
    }
    if let Ok(report) = failure::parse(bytes) {
        show(&failure::lines(&report));
    }
}

fn unpack_and_read(bytes: &[u8]) {
    if let Ok(text) = unpack::unpacked(bytes) {
        read(&text);
    }
}

#[test]
fn reports() {
    mutation::run(&[AGGREGATE, TLS, FAILURE], LOVED, ROUNDS, read);
}

#[test]
fn packed_reports() {
    let deflated = compress_to_vec(AGGREGATE, 6);
    let gzip = [
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..],
        &deflated,
        &[0; 8],
    ]
    .concat();
    let named = [
        b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0",
        &[0; 12][..],
        &[1, 0, 0, 0],
        b"a",
    ]
    .concat();
    let zip = [&named[..], &deflated].concat();
    mutation::run(
        &[&gzip, &zip],
        b"\x1f\x8b\x08PK\x03\x04\0\xff",
        ROUNDS,
        unpack_and_read,
    );
}
