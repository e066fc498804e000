//! What is seen of others' letters and servers, counted for the reports to them.
//!
//! A [`Batch`] is what was seen within some time; batches add up. All of it is bounded: what has no
//! room is counted as left out. Start at [`Batch::add_letter`] and [`Batch::add_session`].
//!
//! Sources: RFC 7489 §7.2 (what is reported of letters), RFC 8460 §4 (and of connections).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Different facts of one batch, each of which takes some hundred bytes.
const FACTS_MAX: usize = 20_000;
/// Facts of a whole day, which are in memory for a moment when it is over.
pub const FACTS_PER_DAY_MAX: usize = 200_000;

/// What was seen from one moment to another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// From when, in seconds since 1970.
    pub begin: i64,
    /// Until when; the last second that belongs to it.
    pub end: i64,
    /// Letters, by the domain of their author.
    #[serde(default)]
    pub letters: BTreeMap<String, Letters>,
    /// Connections, by the domain that the letters were for.
    #[serde(default)]
    pub sessions: BTreeMap<String, Sessions>,
    /// How many different facts are in it.
    #[serde(default)]
    facts: usize,
    /// What had no room.
    #[serde(default)]
    pub left_out: u64,
}

/// Letters of one author domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Letters(#[serde(with = "pairs")] pub BTreeMap<Judged, u64>);

/// How letters were judged that are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Judged {
    /// Where they came from.
    pub source: IpAddr,
    /// What was done because of the domain's policy: none, quarantine, reject.
    pub disposition: String,
    /// The policy was not obeyed, because this server was told so.
    pub is_overridden: bool,
    /// A signature of the domain holds.
    pub dkim: bool,
    /// The peer may send for the domain.
    pub spf: bool,
    /// The domain of the envelope's sender; empty for notices.
    pub envelope_from: String,
    /// Whom SPF was asked about.
    pub sender: Checked,
    /// The signatures.
    pub signatures: Vec<Checked>,
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Checked {
    /// Whose word it is.
    pub domain: String,
    /// The key's selector, or what of the envelope was asked about: mfrom or helo.
    pub by: String,
    /// How it ended, in the words of RFC 8601.
    pub result: String,
}

/// Connections to the servers of one domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sessions(#[serde(with = "pairs")] pub BTreeMap<Policy, Counts>);

/// What the domain said of encryption.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Policy {
    /// tlsa, sts or no-policy-found.
    pub kind: String,
    /// Its lines or records.
    pub texts: Vec<String>,
    /// The names of mail servers in it.
    pub hosts: Vec<String>,
}

/// How connections went under one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// They were encrypted as the policy wants.
    pub succeeded: u64,
    /// They were not.
    #[serde(with = "pairs")]
    pub failed: BTreeMap<Failed, u64>,
}

/// How a connection failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Failed {
    /// A word of RFC 8460 §4.3.
    pub result: String,
    /// The address of this machine that was used; absent when none was.
    #[serde(default)]
    pub source: Option<IpAddr>,
    /// The server's name; empty if it is not about one.
    pub host: String,
    /// Its address; absent when none was reached.
    pub address: Option<IpAddr>,
    /// The error in words.
    pub reason: String,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whom the letters were for.
    pub domain: String,
    /// What the domain said.
    pub policy: Policy,
    /// How it went.
    pub outcome: Result<(), Failed>,
}

impl Batch {
    /// An empty one that begins now.
    pub fn new(begin: i64) -> Self {
        Self {
            begin,
            end: begin,
            ..Self::default()
        }
    }

    /// True when nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.facts == 0 && self.left_out == 0
    }

    /// True when it should not grow further.
    pub fn is_full(&self) -> bool {
        self.facts >= FACTS_MAX
    }

    /// Counts a letter of an author domain.
    pub fn add_letter(&mut self, domain: &str, judged: Judged) {
        self.add_letters(domain, judged, 1, FACTS_MAX);
    }

    fn add_letters(&mut self, domain: &str, judged: Judged, count: u64, facts_max: usize) {
        let known = self.letters.get(domain);
        if known.is_none_or(|known| !known.0.contains_key(&judged)) {
            if self.facts >= facts_max {
                self.left_out += count;
                return;
            }
            self.facts += 1;
        }
        let letters = self.letters.entry(domain.to_owned()).or_default();
        *letters.0.entry(judged).or_default() += count;
    }

    /// Counts a connection.
    pub fn add_session(&mut self, session: Session) {
        let Session {
            domain,
            policy,
            outcome,
        } = session;
        let mut counts = Counts::default();
        match outcome {
            Ok(()) => counts.succeeded = 1,
            Err(failed) => _ = counts.failed.insert(failed, 1),
        }
        self.add_counts(&domain, policy, counts, FACTS_MAX);
    }

    fn add_counts(&mut self, domain: &str, policy: Policy, counts: Counts, facts_max: usize) {
        let known = self.sessions.get(domain).and_then(|all| all.0.get(&policy));
        let is_new = |failed| known.is_none_or(|known| !known.failed.contains_key(failed));
        let new = counts.failed.keys().filter(|failed| is_new(failed)).count();
        let new = new + usize::from(known.is_none());
        if self.facts + new > facts_max && new > 0 {
            self.left_out += counts.succeeded + counts.failed.values().sum::<u64>();
            return;
        }
        self.facts += new;
        let sessions = self.sessions.entry(domain.to_owned()).or_default();
        let known = sessions.0.entry(policy).or_default();
        known.succeeded += counts.succeeded;
        for (failed, count) in counts.failed {
            *known.failed.entry(failed).or_default() += count;
        }
    }

    /// Adds what another one has seen.
    pub fn absorb(&mut self, other: Self) {
        self.begin = self.begin.min(other.begin);
        self.end = self.end.max(other.end);
        self.left_out += other.left_out;
        for (domain, letters) in other.letters {
            for (judged, count) in letters.0 {
                self.add_letters(&domain, judged, count, FACTS_PER_DAY_MAX);
            }
        }
        for (domain, sessions) in other.sessions {
            for (policy, counts) in sessions.0 {
                self.add_counts(&domain, policy, counts, FACTS_PER_DAY_MAX);
            }
        }
    }
}

/// Maps whose keys are no texts, as lists of pairs.
mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.collect_seq(map)
    }

    pub fn deserialize<'de, K, V, D>(input: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        let pairs: Vec<(K, V)> = Deserialize::deserialize(input)?;
        Ok(pairs.into_iter().collect())
    }
}
