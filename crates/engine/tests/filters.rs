//! Scripts as a specification: each file in `filters/` holds cases of script, letter and what must
//! become of it.
//!
//! `== rule` begins a case. `@ key value` says something of the circumstances (`from`, `to`,
//! `address`, `own`, `mailbox`, `use`, `list`, `note`, `spam`, `virus`, `now`, `notify`, `orcpt`,
//! `envid`, `ret`, `by`). `-- script`, `--
//! letter` and `-- actions` begin the parts; `-- script name` is one that others include, `--
//! letter` may be left out. In the actions, `| text` must be a line of the letter that the action
//! before is about, `! text` must not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test"
)]

use bytes::Bytes;
use engine::Timestamp;
use engine::filter::{
    Action, Budget, Circumstances, Content, Library, Mark, Outcome, Surroundings, Version, run,
};
use engine::queue::{DeliverBy, Late, Notify, Return};
use formats::script::{Extension, Limits, Script};
use std::collections::HashMap;
use std::sync::Arc;

/// 1 May 2026, a Friday.
const NOW: i64 = 1_777_593_600;

#[derive(Default)]
struct Case {
    rule: String,
    facts: Vec<(String, String)>,
    scripts: HashMap<String, String>,
    letter: Option<String>,
    actions: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut part, mut name) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(rule) = line.strip_prefix("== ") {
            cases.push(Case {
                rule: rule.to_owned(),
                ..Case::default()
            });
            part.clear();
            continue;
        }
        let Some(case) = cases.last_mut() else {
            continue;
        };
        if let Some(begun) = line.strip_prefix("-- ") {
            let (begun, named) = begun.split_once(' ').unwrap_or((begun, ""));
            (part, name) = (begun.to_owned(), named.to_owned());
            continue;
        }
        match part.as_str() {
            "script" => {
                let script = case.scripts.entry(name.clone()).or_default();
                script.push_str(line);
                script.push_str("\r\n");
            }
            "letter" => {
                let letter = case.letter.get_or_insert_default();
                letter.push_str(line);
                letter.push_str("\r\n");
            }
            "actions" if !line.trim().is_empty() => case.actions.push(line.to_owned()),
            _ => {
                if let Some((key, value)) = line.strip_prefix("@ ").and_then(|f| f.split_once(' '))
                {
                    case.facts.push((key.to_owned(), value.to_owned()));
                }
            }
        }
    }
    cases
}

const LETTER: &str = "From: Coyote <coyote@desert.example.org>\r\n\
    To: roadrunner@acme.example.com\r\n\
    Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)\r\n\
    Message-ID: <1@desert.example.org>\r\n\
    Subject: I have a present for you\r\n\
    \r\n\
    Look, I'm sorry about the whole anvil thing.\r\n";

impl Case {
    fn facts(&self, key: &str) -> Vec<String> {
        let named = self.facts.iter().filter(|(name, _)| name == key);
        named.map(|(_, value)| value.clone()).collect()
    }

    fn fact(&self, key: &str, otherwise: &str) -> String {
        self.facts(key)
            .into_iter()
            .next()
            .unwrap_or_else(|| otherwise.to_owned())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.fact("now", &NOW.to_string()).parse().unwrap())
    }

    /// `-60 return trace`.
    fn deliver_by(&self, by: &str) -> DeliverBy {
        let seconds: i64 = by.split(' ').next().unwrap().parse().unwrap();
        DeliverBy {
            at: Timestamp(self.now().0 + seconds * Timestamp::PER_SECOND),
            late: if by.contains("return") {
                Late::Return
            } else {
                Late::Notify
            },
            trace: by.contains("trace"),
        }
    }

    fn circumstances(&self) -> Circumstances {
        let address = self.fact("address", "roadrunner@acme.example.com");
        Circumstances {
            sender: self
                .fact("from", "coyote@desert.example.org")
                .replace("<>", ""),
            recipient: self.fact("to", &address),
            own_addresses: self.facts("own"),
            address,
            hostname: "mx.acme.example.com".to_owned(),
            tag_separator: Some('+'),
            spam_percent: self
                .facts("spam")
                .first()
                .map(|percent| percent.parse().unwrap()),
            virus_level: self
                .facts("virus")
                .first()
                .map(|level| level.parse().unwrap()),
            now: self.now(),
            notify: self.facts("notify").first().map(|words| Notify {
                success: words.contains("SUCCESS"),
                failure: words.contains("FAILURE"),
                ..Notify::default()
            }),
            original: self.facts("orcpt").pop(),
            envelope_id: self.facts("envid").pop(),
            returning: match self.fact("ret", "").as_str() {
                "HDRS" => Return::Headers,
                _ => Return::Unspecified,
            },
            deliver_by: self.facts("by").pop().map(|by| self.deliver_by(&by)),
            prefix: Bytes::from_static(
                b"Received: from x\r\n\tby y; Fri, 1 May 2026 00:00:00 +0000\r\n",
            ),
            ..Circumstances::default()
        }
    }
}

impl Surroundings for Case {
    fn has_mailbox(&self, name: &str) -> bool {
        self.facts("mailbox").iter().any(|known| known == name)
    }
    fn has_mailbox_id(&self, id: &str) -> bool {
        self.facts("id").iter().any(|known| known == id)
    }
    fn has_special_use(&self, mailbox: Option<&str>, attribute: &str) -> bool {
        self.facts("use").iter().any(|known| {
            let (name, known) = known.split_once(' ').unwrap();
            known.eq_ignore_ascii_case(attribute) && mailbox.is_none_or(|mailbox| mailbox == name)
        })
    }
    fn annotation(&self, mailbox: Option<&str>, name: &str) -> Option<String> {
        let wanted = format!("{} {name} ", mailbox.unwrap_or("*"));
        self.facts("note")
            .iter()
            .find_map(|note| note.strip_prefix(&wanted).map(str::to_owned))
    }
    fn owns(&self, address: &str) -> bool {
        address.ends_with("@acme.example.com")
    }
    fn has_seen(&self, mark: &Mark) -> bool {
        self.facts("seen")
            .iter()
            .any(|id| *mark == Mark::of("duplicate", &["", id]))
    }
    fn has_list(&self, list: &str) -> bool {
        !self.listed(list).is_empty()
    }
    fn is_listed(&self, list: &str, value: &str) -> bool {
        self.listed(list).iter().any(|known| known == value)
    }
    fn listed(&self, list: &str) -> Vec<String> {
        let lists = self.facts("list");
        let entries = lists.iter().filter_map(|entry| entry.split_once(' '));
        entries
            .filter(|(name, _)| *name == list)
            .map(|(_, value)| value.to_owned())
            .collect()
    }
    fn script(&self, _: Library, name: &str) -> Option<Arc<Script>> {
        let source = self.scripts.get(name).filter(|_| !name.is_empty())?;
        Script::parse(source.as_bytes(), &Limits::default())
            .ok()
            .map(Arc::new)
    }
}

/// A letter as it is in some version of it.
fn text_of(version: &Version, original: &Bytes) -> String {
    match version {
        Version::Original => String::from_utf8_lossy(original).into_owned(),
        Version::Header(header) => {
            let start = formats::message::header::length(original);
            String::from_utf8_lossy(header).into_owned()
                + &String::from_utf8_lossy(&original.slice(start..))
        }
        Version::Whole(whole) => String::from_utf8_lossy(whole).into_owned(),
    }
}

fn shown(flags: Option<&Vec<String>>) -> String {
    flags.map_or(String::new(), |flags| {
        format!(" flags [{}]", flags.join(" "))
    })
}

/// An action as a line, with the letter it is about.
fn line(action: &Action, original: &Bytes) -> (String, String) {
    match action {
        Action::Keep { flags, version } => (
            format!("keep{}", shown(flags.as_ref())),
            text_of(version, original),
        ),
        Action::FileInto { filing, version } => {
            let mut line = format!("fileinto {}", filing.mailbox);
            line.push_str(if filing.create { " create" } else { "" });
            line.extend(filing.special_use.iter().map(|u| format!(" use {u}")));
            line.extend(filing.id.iter().map(|id| format!(" id {id}")));
            (
                line + &shown(filing.flags.as_ref()),
                text_of(version, original),
            )
        }
        Action::Redirect {
            address,
            submission,
            version,
        } => {
            let mut line = format!("redirect {address}");
            if let Some(notify) = submission.notify {
                line += if notify.never { " never" } else { " notify" };
            }
            line.extend(submission.deliver_by_seconds.map(|by| format!(" by {by}")));
            (line, text_of(version, original))
        }
        Action::Reject {
            reason,
            in_dialogue,
        } => {
            let verb = if *in_dialogue { "ereject" } else { "reject" };
            (format!("{verb} {}", reason.trim_end()), String::new())
        }
        Action::Send(reply) => {
            let mut line = format!("send {}", reply.recipients.join(","));
            line.extend(reply.once.map(|(_, seconds)| format!(" once in {seconds}")));
            line.extend(
                reply
                    .copy
                    .iter()
                    .map(|copy| format!(" copy {}", copy.mailbox)),
            );
            (line, String::from_utf8_lossy(&reply.letter).into_owned())
        }
        Action::Remember { seconds, .. } => (format!("remember {seconds}"), String::new()),
    }
}

/// All that came of a script.
fn lines(outcome: &Outcome, original: &Bytes) -> Vec<(String, String)> {
    let failure = outcome
        .failure
        .iter()
        .map(|why| (format!("failure {why}"), String::new()));
    failure
        .chain(outcome.actions.iter().map(|action| line(action, original)))
        .collect()
}

fn check(case: &Case) -> Result<(), String> {
    let source = case.scripts.get("").ok_or("no script")?;
    let script = Script::parse(source.as_bytes(), &Limits::default())
        .map_err(|faults| format!("{faults:?}"))?;
    let letter = Bytes::from(case.letter.clone().unwrap_or_else(|| LETTER.to_owned()));
    let content: &dyn Content = &letter;
    let around = case.circumstances();
    let outcome = run(&Arc::new(script), content, &around, case, Budget::default());
    let told = lines(&outcome, &letter);
    let mut at = told.iter();
    let mut text = "";
    for wanted in &case.actions {
        let (kind, line) = wanted.split_at_checked(2).unwrap_or((wanted, ""));
        let has = text.lines().any(|known| known == line);
        match kind {
            "| " if !has => return Err(format!("`{line}` is missing in\n{text}")),
            "! " if has => return Err(format!("`{line}` stands in\n{text}")),
            "| " | "! " => {}
            _ => {
                let (found, letter) = at.next().ok_or(format!("`{wanted}` did not happen"))?;
                if found != wanted {
                    return Err(format!("wanted `{wanted}`, found `{found}`"));
                }
                text = letter;
            }
        }
    }
    at.next()
        .map_or(Ok(()), |(more, _)| Err(format!("more happened: `{more}`")))
}

#[test]
fn scripts_lead_to_the_actions_that_their_documents_say() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filters");
    let (mut count, mut failed) = (0, Vec::new());
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        for case in cases(&std::fs::read_to_string(&file).unwrap()) {
            count += 1;
            if let Err(why) = check(&case) {
                let name = file.file_name().unwrap().to_string_lossy().into_owned();
                failed.push(format!("\n{name}: {}\n  {why}\n", case.rule));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.concat());
    assert!(count > 100, "only {count} cases were found");
}

#[test]
fn every_extension_can_be_required_and_has_a_case() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filters");
    let files = std::fs::read_dir(folder).unwrap();
    let mut all = String::new();
    for file in files {
        all.push_str(&std::fs::read_to_string(file.unwrap().path()).unwrap());
    }
    // That one runs on letters that lie in a mailbox: `events.rs`.
    let elsewhere = ["imapsieve"];
    for extension in Extension::ALL {
        let name = extension.name();
        let script = format!("require \"{name}\";");
        assert!(Script::parse(script.as_bytes(), &Limits::default()).is_ok());
        // i;octet and i;ascii-casemap need not be required (RFC 5228 §2.7.3).
        let is_base = name.starts_with("comparator-") && !name.contains("numeric");
        let used = all.contains(&format!("\"{name}\""));
        assert!(used || is_base || elsewhere.contains(&name), "{name}");
    }
}

#[test]
fn a_script_that_takes_too_long_keeps_the_letter() {
    let source = "require \"body\"; if body :matches \"*a*a*a*a*a*a*a*b\" { discard; } discard;";
    let script = Script::parse(source.as_bytes(), &Limits::default()).unwrap();
    let letter = Bytes::from(format!("Subject: x\r\n\r\n{}", "a".repeat(100_000)));
    let case = Case::default();
    let budget = Budget {
        steps: 50_000,
        ..Budget::default()
    };
    let outcome = run(
        &Arc::new(script),
        &letter,
        &case.circumstances(),
        &case,
        budget,
    );
    assert!(outcome.failure.unwrap().contains("too long"));
    assert!(matches!(outcome.actions.as_slice(), [Action::Keep { .. }]));
}
