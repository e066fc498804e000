//! Asks blocklists for the peer's address, the sender's and author's domains, and the hosts that
//! links lead to.
//!
//! All lists are asked at once, each question once, and what is late is as good as not listed. A
//! letter can make this server ask a bounded number of questions. Start at [`Blocklists`].
//!
//! Standards: RFC 5782 (blocklists in DNS).

use super::settings::{Blocklist, Listed};
use super::{Examiner, Looking};
use crate::driver::pool::Pool;
use crate::outbound::names::Names;
use engine::Engine;
use engine::examination::{Examination, Examined, Finding};
use engine::spam::content::{Content, domain_of};
use engine::spam::{Points, Reason};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// How long all answers together may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Hosts of one letter's links that are asked for.
const HOSTS_MAX: usize = 10;
/// Names of one host: itself and the domains above it.
const PARENTS_MAX: usize = 3;
/// Questions for one letter.
const QUESTIONS_MAX: usize = 100;

/// The examiner.
pub struct Blocklists {
    lists: Vec<Blocklist>,
    names: Arc<dyn Names>,
    engine: Engine,
    pool: Arc<Pool>,
}

impl Blocklists {
    /// Asks these lists.
    pub fn new(
        lists: Vec<Blocklist>,
        names: Arc<dyn Names>,
        engine: Engine,
        pool: Arc<Pool>,
    ) -> Self {
        Self {
            lists,
            names,
            engine,
            pool,
        }
    }

    /// What the letter holds; reads it where the disk may be waited for.
    async fn content(&self, letter: &Examination) -> Result<Content, String> {
        let (engine, letter) = (self.engine.clone(), letter.clone());
        let read = move || {
            let read = |range| engine.read_staged(&letter.letter, range);
            Content::read(&letter.header, letter.letter.summary(), &read)
        };
        let content = self.pool.run(None, read).await;
        let content = content.map_err(|_| "the server stops".to_owned())?;
        content.map_err(|error| error.to_string())
    }

    async fn ask(&self, letter: &Examination) -> Result<Finding, String> {
        let content = self.content(letter).await?;
        let end = Instant::now() + PATIENCE;
        let mut asked = JoinSet::new();
        for (list, subjects) in self
            .lists
            .iter()
            .map(|list| (list, subjects(list, letter, &content)))
        {
            for subject in subjects
                .into_iter()
                .take(QUESTIONS_MAX.saturating_sub(asked.len()))
            {
                let name = format!("{}.{}", reversed(&subject), list.zone);
                let (names, list) = (Arc::clone(&self.names), list.clone());
                asked.spawn(async move {
                    let found = timeout_at(end, names.addresses(&name)).await;
                    let found = found.ok()?.ok()?;
                    let is_listed = found.records.iter().any(|one| is_verdict(*one));
                    is_listed.then_some((list, subject))
                });
            }
        }
        let mut listed = BTreeSet::new();
        let mut finding = Finding::default();
        while let Some(answer) = asked.join_next().await {
            let Ok(Some((list, subject))) = answer else {
                continue;
            };
            // A list counts once, however many links lead to what stands on it.
            if listed.insert(list.zone.clone()) {
                let text = format!("{subject} stands on the list {}", list.zone);
                let points = Points::of(list.score);
                finding.reasons.push(Reason::new("LISTED", points, &text));
            }
        }
        Ok(finding)
    }
}

impl Examiner for Blocklists {
    fn name(&self) -> &'static str {
        "blocklists"
    }

    fn budget(&self) -> Duration {
        PATIENCE * 2
    }

    fn examine<'a>(&'a self, letter: &'a Examination, _: &'a Examined) -> Looking<'a> {
        Box::pin(self.ask(letter))
    }
}

/// What a list is asked for.
fn subjects(list: &Blocklist, letter: &Examination, content: &Content) -> BTreeSet<String> {
    let mut subjects = BTreeSet::new();
    match list.of {
        Listed::Address => {
            subjects.extend(letter.peer.map(|peer| peer.to_canonical().to_string()));
        }
        Listed::Sender => {
            for domain in [domain_of(&letter.sender), content.author.domain()] {
                subjects.extend(parents(domain));
            }
        }
        Listed::Link => {
            let hosts = content.links.iter().take(HOSTS_MAX);
            subjects.extend(hosts.flat_map(|link| match link.host.parse::<IpAddr>() {
                Ok(address) => vec![address.to_string()],
                Err(_) => parents(&link.host),
            }));
        }
    }
    subjects
}

/// A host and the domains above it, but no top-level one.
fn parents(host: &str) -> Vec<String> {
    let host = host.trim_end_matches('.').to_lowercase();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.len() > 200 || !host.chars().all(is_name) {
        return Vec::new();
    }
    let labels: Vec<&str> = host.split('.').collect();
    let most = labels.len().min(PARENTS_MAX + 1);
    let depths = (2..=most).filter_map(|count| labels.get(labels.len() - count..));
    depths.map(|labels| labels.join(".")).collect()
}

/// As a list wants it asked: an address backwards, a name as it is. Source: RFC 5782 §2.1, §2.4.
fn reversed(subject: &str) -> String {
    let joined = |parts: Vec<String>| parts.join(".");
    match subject.parse() {
        Ok(IpAddr::V4(four)) => joined(four.octets().iter().rev().map(u8::to_string).collect()),
        Ok(IpAddr::V6(six)) => {
            let halves = six.octets().into_iter().rev();
            let halves = halves.flat_map(|byte| [byte & 15, byte >> 4]);
            joined(halves.map(|half| format!("{half:x}")).collect())
        }
        Err(_) => subject.to_owned(),
    }
}

/// What lies outside of 127.0.0.0/16 says that we may not ask; 127.0.0.1 would be a list that lists
/// everything. Source: RFC 5782 §2.1, §5.
fn is_verdict(answer: IpAddr) -> bool {
    matches!(answer, IpAddr::V4(four) if four.octets().starts_with(&[127, 0]))
        && answer != IpAddr::V4(Ipv4Addr::LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_backwards_and_names_with_the_domains_above_them() {
        assert_eq!(reversed("192.0.2.99"), "99.2.0.192");
        let six = reversed("2001:db8::1");
        assert!(
            six.starts_with("1.0.0.0.") && six.ends_with(".8.b.d.0.1.0.0.2"),
            "{six}"
        );
        assert_eq!(six.len(), 63);
        assert_eq!(
            parents("a.b.evil.test"),
            ["evil.test", "b.evil.test", "a.b.evil.test"]
        );
        assert!(parents("localhost").is_empty());
        assert!(parents("x y.test").is_empty());
    }

    #[test]
    fn only_answers_that_are_verdicts_count() {
        for (answer, counts) in [
            ("127.0.0.2", true),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("192.0.2.1", false),
        ] {
            assert_eq!(is_verdict(answer.parse().unwrap()), counts, "{answer}");
        }
    }
}
