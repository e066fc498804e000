//! Reports as they are sent: the document, its name, and the letter around it.
//!
//! What comes from others is escaped. Start at [`of_letters`] and [`of_sessions`], then
//! [`Document::letter`].
//!
//! Standards: RFC 7489 §7.2.1.1 and appendix C, RFC 9990 §3 (DMARC); RFC 8460 §4.4, §5.1, §5.3
//! (TLS-RPT), RFC 8689 §5 (TLS-Required), RFC 3834 §5 (Auto-Submitted).

use super::destination::LetterPolicy;
use super::observed::{Checked, Failed, Judged, Letters, Policy, Sessions};
use super::pack::gzip;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::date::Date;
use formats::moment;
use serde_json::{Value, json};
use std::fmt::Write;

/// Characters of a line of base64 (RFC 2045 §6.8).
const LINE: usize = 76;

/// Who reports, and about which time.
#[derive(Debug, Clone)]
pub struct Reporter {
    /// The server's name.
    pub hostname: String,
    /// The author of the letters.
    pub from: String,
    /// What makes this report's name unique.
    pub name: String,
    /// When it is written, in seconds since 1970.
    pub now: i64,
}

/// From when until when, in seconds since 1970; both belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first second.
    pub begin: i64,
    /// The last one.
    pub end: i64,
}

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Letters,
    Sessions,
}

/// A report that can be sent.
#[derive(Debug, Clone)]
pub struct Document {
    about: About,
    domain: String,
    id: String,
    file_name: String,
    /// Packed.
    pub bytes: Vec<u8>,
}

/// The report about letters in the name of domains with one policy.
pub fn of_letters(
    who: &Reporter,
    period: Period,
    policy: &LetterPolicy,
    letters: &[(String, Letters)],
) -> Document {
    let text = feedback(who, period, policy, letters);
    Document::new(About::Letters, who, period, &policy.domain, text.as_bytes())
}

/// The report about connections to one domain.
pub fn of_sessions(who: &Reporter, period: Period, domain: &str, sessions: &Sessions) -> Document {
    let text = tls_report(who, period, domain, sessions).to_string();
    Document::new(About::Sessions, who, period, domain, text.as_bytes())
}

impl Document {
    fn new(about: About, who: &Reporter, period: Period, domain: &str, text: &[u8]) -> Self {
        let ending = match about {
            About::Letters => "xml.gz",
            About::Sessions => "json.gz",
        };
        let Reporter { hostname, name, .. } = who;
        let Period { begin, end } = period;
        Self {
            about,
            domain: domain.to_owned(),
            id: name.clone(),
            file_name: format!("{hostname}!{domain}!{begin}!{end}!{name}.{ending}"),
            bytes: gzip(text),
        }
    }

    /// Its type.
    pub fn media_type(&self) -> &'static str {
        match self.about {
            About::Letters => "application/gzip",
            About::Sessions => "application/tlsrpt+gzip",
        }
    }

    /// The letter to one address.
    pub fn letter(&self, who: &Reporter, to: &str) -> Vec<u8> {
        let Reporter {
            hostname,
            from,
            name,
            now,
        } = who;
        let date = Date {
            seconds: *now,
            zone_minutes: 0,
        };
        let (domain, id, file_name) = (&self.domain, &self.id, &self.file_name);
        let boundary = format!("=_{name}");
        let (fields, kind, told) = match self.about {
            About::Letters => (
                String::new(),
                "multipart/mixed".to_owned(),
                format!("letters that named {domain} as their author's domain"),
            ),
            // A report that encryption fails must arrive although it does.
            About::Sessions => (
                format!(
                    "TLS-Report-Domain: {domain}\r\nTLS-Report-Submitter: {hostname}\r\n\
                     TLS-Required: No\r\n"
                ),
                "multipart/report; report-type=\"tlsrpt\"".to_owned(),
                format!("connections to the mail servers of {domain}"),
            ),
        };
        let media_type = self.media_type();
        let mut letter = format!(
            "From: Reports <{from}>\r\nTo: <{to}>\r\n\
             Subject: Report Domain: {domain}\r\n\tSubmitter: {hostname}\r\n\tReport-ID: <{id}>\r\n\
             Date: {date}\r\nMessage-ID: <{name}@{hostname}>\r\n{fields}\
             Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n\
             Content-Type: {kind};\r\n\tboundary=\"{boundary}\"\r\n\r\n\
             --{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n\
             This is a report of the mail server {hostname} about\r\n{told}.\r\n\
             \r\n--{boundary}\r\nContent-Type: {media_type}\r\n\
             Content-Transfer-Encoding: base64\r\n\
             Content-Disposition: attachment;\r\n\tfilename=\"{file_name}\"\r\n\r\n"
        );
        let encoded = STANDARD.encode(&self.bytes);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
            letter.push_str(line);
            letter.push_str("\r\n");
            rest = more;
        }
        _ = write!(letter, "--{boundary}--\r\n");
        letter.into_bytes()
    }
}

/// The XML of a report about letters. Writing to a string never fails.
fn feedback(
    who: &Reporter,
    period: Period,
    policy: &LetterPolicy,
    letters: &[(String, Letters)],
) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n<version>1.0</version>\n",
    );
    _ = write!(
        out,
        "<report_metadata><org_name>{}</org_name><email>{}</email><report_id>{}</report_id>\n\
         <date_range><begin>{}</begin><end>{}</end></date_range>\
         <generator>facteur</generator></report_metadata>\n",
        escaped(&who.hostname),
        escaped(&who.from),
        escaped(&who.name),
        period.begin,
        period.end
    );
    _ = write!(
        out,
        "<policy_published><domain>{}</domain><discovery_method>treewalk</discovery_method>",
        escaped(&policy.domain)
    );
    for tag in ["p", "sp", "np", "adkim", "aspf", "fo"] {
        if let Some(value) = policy.tag(tag).or((tag == "p").then_some("none")) {
            _ = write!(out, "<{tag}>{}</{tag}>", escaped(value));
        }
    }
    if let Some(value) = policy.tag("t") {
        _ = write!(out, "<testing>{}</testing>", escaped(value));
    }
    out.push_str("</policy_published>\n");
    for (author, letters) in letters {
        for (judged, count) in &letters.0 {
            record(&mut out, author, judged, *count);
        }
    }
    out.push_str("</feedback>\n");
    out
}

fn record(out: &mut String, author: &str, judged: &Judged, count: u64) {
    let word = |is_pass| if is_pass { "pass" } else { "fail" };
    _ = write!(
        out,
        "<record><row><source_ip>{}</source_ip><count>{count}</count>\
         <policy_evaluated><disposition>{}</disposition><dkim>{}</dkim><spf>{}</spf>",
        judged.source,
        escaped(&judged.disposition),
        word(judged.dkim),
        word(judged.spf)
    );
    if judged.is_overridden {
        out.push_str("<reason><type>local_policy</type></reason>");
    }
    _ = write!(
        out,
        "</policy_evaluated></row>\n<identifiers><envelope_from>{}</envelope_from>\
         <header_from>{}</header_from></identifiers>\n<auth_results>",
        escaped(&judged.envelope_from),
        escaped(author)
    );
    for Checked { domain, by, result } in &judged.signatures {
        let (domain, by, result) = (escaped(domain), escaped(by), escaped(result));
        _ = write!(
            out,
            "<dkim><domain>{domain}</domain><selector>{by}</selector><result>{result}</result></dkim>"
        );
    }
    let Checked { domain, by, result } = &judged.sender;
    let (domain, by, result) = (escaped(domain), escaped(by), escaped(result));
    _ = writeln!(
        out,
        "<spf><domain>{domain}</domain><scope>{by}</scope><result>{result}</result></spf>\
         </auth_results></record>"
    );
}

/// A text as it may stand in XML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // Most of them may not stand in a document at all.
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The JSON of a report about connections.
fn tls_report(who: &Reporter, period: Period, domain: &str, sessions: &Sessions) -> Value {
    let policies = sessions.0.iter().map(|(policy, counts)| {
        let details = counts
            .failed
            .iter()
            .map(|(failed, count)| failure(failed, *count));
        json!({
            "policy": described(policy, domain),
            "summary": {
                "total-successful-session-count": counts.succeeded,
                "total-failure-session-count": counts.failed.values().sum::<u64>(),
            },
            "failure-details": details.collect::<Vec<_>>(),
        })
    });
    json!({
        "organization-name": who.hostname,
        "date-range": {
            "start-datetime": moment::rfc3339(period.begin),
            "end-datetime": moment::rfc3339(period.end),
        },
        "contact-info": who.from,
        "report-id": who.name,
        "policies": policies.collect::<Vec<_>>(),
    })
}

fn described(policy: &Policy, domain: &str) -> Value {
    let mut described = json!({ "policy-type": policy.kind, "policy-domain": domain });
    if let Some(object) = described.as_object_mut() {
        if !policy.texts.is_empty() {
            object.insert("policy-string".to_owned(), json!(policy.texts));
        }
        if !policy.hosts.is_empty() {
            object.insert("mx-host".to_owned(), json!(policy.hosts));
        }
    }
    described
}

fn failure(failed: &Failed, count: u64) -> Value {
    let mut details = json!({
        "result-type": failed.result,
        "failed-session-count": count,
    });
    let text = |text: &String| Some(json!(text)).filter(|_| !text.is_empty());
    let known = [
        ("sending-mta-ip", failed.source.map(|source| json!(source))),
        ("receiving-mx-hostname", text(&failed.host)),
        ("receiving-ip", failed.address.map(|address| json!(address))),
        ("failure-reason-code", text(&failed.reason)),
    ];
    if let Some(object) = details.as_object_mut() {
        let known = known.into_iter();
        object.extend(known.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::observed::{Batch, Session};
    use crate::reports::{aggregate, tls, unpack::unpacked};

    fn who() -> Reporter {
        Reporter {
            hostname: "mx.example.test".to_owned(),
            from: "postmaster@example.test".to_owned(),
            name: "0123".to_owned(),
            now: 1_767_312_000,
        }
    }

    const DAY: Period = Period {
        begin: 1_767_225_600,
        end: 1_767_311_999,
    };

    #[test]
    fn what_is_told_of_letters_is_read_by_our_own_reader_and_cannot_be_broken_by_names() {
        let checked = |domain: &str, by: &str| Checked {
            domain: domain.to_owned(),
            by: by.to_owned(),
            result: "pass".to_owned(),
        };
        let judged = Judged {
            source: "192.0.2.1".parse().unwrap(),
            disposition: "quarantine".to_owned(),
            is_overridden: true,
            dkim: false,
            spf: true,
            envelope_from: "</feedback>".to_owned(),
            sender: checked("far.test", "mfrom"),
            signatures: vec![checked("a&b.test", "<s>")],
        };
        let mut batch = Batch::new(0);
        for _ in 0..3 {
            batch.add_letter("far.test", judged.clone());
        }
        let policy = LetterPolicy {
            domain: "far.test".to_owned(),
            ..LetterPolicy::default()
        };
        let letters: Vec<_> = batch.letters.into_iter().collect();
        let document = of_letters(&who(), DAY, &policy, &letters);
        let text = unpacked(&document.bytes).unwrap();
        let report = aggregate::parse(&text).unwrap();
        assert_eq!(
            (
                report.domain.as_str(),
                report.begin,
                report.end,
                report.records.len()
            ),
            ("far.test", DAY.begin, DAY.end, 1)
        );
        let record = &report.records[0];
        assert_eq!((record.count, record.spf.as_str()), (3, "pass"));
        assert_eq!(record.disposition, "quarantine");
    }

    #[test]
    fn what_is_told_of_connections_is_read_by_our_own_reader() {
        let policy = Policy {
            kind: "sts".to_owned(),
            texts: vec!["version: STSv1".to_owned()],
            hosts: vec!["mx.far.test".to_owned()],
        };
        let failed = Failed {
            result: "certificate-expired".to_owned(),
            source: Some("192.0.2.25".parse().unwrap()),
            host: "mx.far.test".to_owned(),
            address: Some("192.0.2.7".parse().unwrap()),
            reason: "it \"expired\"".to_owned(),
        };
        let mut batch = Batch::new(0);
        for outcome in [Ok(()), Err(failed.clone()), Err(failed)] {
            batch.add_session(Session {
                domain: "far.test".to_owned(),
                policy: policy.clone(),
                outcome,
            });
        }
        let sessions = &batch.sessions["far.test"];
        let document = of_sessions(&who(), DAY, "far.test", sessions);
        let report = tls::parse(&unpacked(&document.bytes).unwrap()).unwrap();
        let lines = tls::lines(&report).join("\n");
        assert!(
            lines.contains("far.test (sts): 1 encrypted, 2 failed"),
            "{lines}"
        );
        let told = "2 failed: certificate-expired, from 192.0.2.25 to mx.far.test";
        assert!(lines.contains(told), "{lines}");
    }

    #[test]
    fn of_a_policy_that_could_not_be_had_no_server_is_told() {
        let failed = Failed {
            result: "sts-policy-fetch-error".to_owned(),
            source: None,
            host: String::new(),
            address: None,
            reason: "status 404".to_owned(),
        };
        let expected = json!({
            "result-type": "sts-policy-fetch-error",
            "failed-session-count": 2,
            "failure-reason-code": "status 404",
        });
        assert_eq!(failure(&failed, 2), expected);
    }

    #[test]
    fn the_letter_says_what_it_is_and_that_about_connections_goes_without_proof() {
        let document = of_sessions(&who(), DAY, "far.test", &Sessions::default());
        let letter = String::from_utf8(document.letter(&who(), "t@far.test")).unwrap();
        for line in [
            "From: Reports <postmaster@example.test>\r\n",
            "TLS-Report-Domain: far.test\r\n",
            "TLS-Required: No\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "filename=\"mx.example.test!far.test!1767225600!1767311999!0123.json.gz\"",
        ] {
            assert!(letter.contains(line), "{line} in {letter}");
        }
        assert!(letter.lines().all(|line| line.len() < 200));
    }
}
