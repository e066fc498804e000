//! Looks up who wrote a letter: SPF, DKIM, DMARC, ARC, and the name behind the peer's address.
//!
//! The header is judged in memory, the body is hashed as it is read from the store, so that no
//! letter is ever whole in memory. What a letter can make this server look up is bounded in number
//! and time. The grammar and cryptography are those of the crate mail-auth.
//!
//! Start at [`Authenticator`].
//!
//! Standards: RFC 7208 (SPF), RFC 6376, RFC 8301 and RFC 8463 (DKIM), RFC 7489 and RFC 9989
//! (DMARC), RFC 8617 (ARC), RFC 8601 §3 (iprev).

use super::chain;
use super::results;
use super::seen::Seen;
use super::settings::{DmarcUse, Settings};
use super::spf;
use super::{Examiner, Looking};
use crate::driver::pool::Pool;
use crate::reports::tally::Tally;
use engine::examination::authentication::{
    Authentication, Author, Outcome, Policy, Signature as Signed,
};
use engine::examination::{Decision, Examination, Examined, Finding};
use engine::signature::canonical::{BodyHash, Form};
use engine::signature::field::fields;
use engine::signature::tags::Tags;
use engine::{Engine, EngineError, Staged};
use formats::address::list::{self, Entry};
use mail_auth::common::crypto::Algorithm;
use mail_auth::common::headers::Header;
use mail_auth::dkim::{Canonicalization, DkimError};
use mail_auth::dmarc;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::hickory_resolver::TokioResolver;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DmarcOutput, DmarcResult, Error, IprevResult,
    MessageAuthenticator, SpfOutput, SpfResult,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Signatures of one letter that are checked: each costs a look-up, and mailing lists add a few.
const SIGNATURES_MAX: usize = 8;
/// Seals of one letter that are checked, likewise.
const SEALS_MAX: usize = 8;
/// Addresses in the From field that are looked at.
const AUTHORS_MAX: usize = 20;
/// Bytes of the body that are read and hashed at a time.
const PIECE_BYTES: u64 = 256 * 1024;

/// The examiner.
pub struct Authenticator {
    asker: MessageAuthenticator,
    engine: Engine,
    pool: Arc<Pool>,
    budget: Duration,
    dmarc: DmarcUse,
    /// Where letters are counted, if their domains are to be told of them.
    tally: Option<Arc<Tally>>,
}

impl Examiner for Authenticator {
    fn name(&self) -> &'static str {
        "authentication"
    }

    fn budget(&self) -> Duration {
        // Each step has its own time; this is for all of them, with reading the body.
        self.budget * 3
    }

    fn examine<'a>(&'a self, letter: &'a Examination, _: &'a Examined) -> Looking<'a> {
        Box::pin(async move {
            let found = self.authenticate(letter).await?;
            let hostname = &self.engine.settings().hostname;
            Ok(Finding {
                decision: match self.dmarc {
                    DmarcUse::Obey => found.decision(),
                    DmarcUse::Note => Decision::Accept,
                },
                lines: results::field(hostname, letter, &found),
                facts: vec![("authentication", found.summary())],
                authentication: Some(found),
                ..Finding::default()
            })
        })
    }
}

impl Authenticator {
    /// Counts letters there for the reports to their domains.
    pub fn counting(self, tally: Arc<Tally>) -> Self {
        Self {
            tally: Some(tally),
            ..self
        }
    }

    /// Asks names of `asker`; reads bodies on `pool`.
    pub fn new(settings: &Settings, asker: TokioResolver, engine: Engine, pool: Arc<Pool>) -> Self {
        Self {
            tally: None,
            asker: MessageAuthenticator(asker),
            engine,
            pool,
            budget: Duration::from_secs(settings.seconds.max(1)),
            dmarc: settings.dmarc,
        }
    }

    async fn authenticate(&self, letter: &Examination) -> Result<Authentication, String> {
        let Some(mut message) = AuthenticatedMessage::parse_with_opts(&letter.header, None, false)
        else {
            return Ok(Authentication {
                author: Author::Unclear,
                ..Authentication::default()
            });
        };
        let (author, addresses) = author(&letter.header);
        message.from = addresses;
        keep_bounds(&mut message);
        self.hash_body(&letter.letter, letter.header.len(), &mut message)
            .await?;
        let (spf, dkim, arc, reverse) = tokio::join!(
            self.spf(letter),
            self.dkim(&message),
            self.arc(&letter.header, &message),
            self.reverse(letter),
        );
        let judged = match author {
            Author::Domain(_) => self.dmarc(letter, &message, &dkim, &spf).await,
            Author::Unknown | Author::Unclear => None,
        };
        let (dmarc, policy) = match (&author, &judged) {
            (Author::Domain(_), Some(found)) => of_dmarc(found),
            (Author::Domain(_), None) => (Outcome::TemporaryError, Policy::None),
            (Author::Unknown | Author::Unclear, _) => (Outcome::PermanentError, Policy::None),
        };
        let found = Authentication {
            author,
            spf: of_spf(spf.result()),
            signatures: dkim.iter().map(signed).collect(),
            dmarc,
            policy,
            arc,
            reverse,
        };
        if let (Some(tally), Some(judged)) = (&self.tally, judged) {
            let seen = Seen {
                letter,
                found: &found,
                judged: &judged,
                spf_domain: spf.domain(),
                is_obeyed: self.dmarc == DmarcUse::Obey,
            };
            seen.count(tally, self.engine.now().seconds());
        }
        Ok(found)
    }

    async fn spf(&self, letter: &Examination) -> SpfOutput {
        let Some(peer) = letter.peer else {
            return SpfOutput::new(String::new());
        };
        let question = spf::Question {
            peer,
            greeting: &letter.greeting,
            sender: &letter.sender,
        };
        match timeout(self.budget, spf::check(&self.asker.0, &question)).await {
            Ok((outcome, domain)) => SpfOutput::new(domain).with_result(spf_result(outcome)),
            Err(_) => SpfOutput::new(String::new()).with_result(SpfResult::TempError),
        }
    }

    async fn dkim<'a>(&self, message: &'a AuthenticatedMessage<'a>) -> Vec<DkimOutput<'a>> {
        let found = timeout(self.budget, self.asker.verify_dkim(message)).await;
        found.unwrap_or_else(|_| {
            let late = Error::Io("too late".to_owned());
            vec![DkimOutput::temp_err(late)]
        })
    }

    async fn arc(&self, header: &[u8], message: &AuthenticatedMessage<'_>) -> Outcome {
        match chain::form(header) {
            chain::Form::Absent => return Outcome::None,
            chain::Form::Broken => return Outcome::Fail,
            chain::Form::Whole => {}
        }
        if message.as_headers.len() > SEALS_MAX {
            return Outcome::PermanentError;
        }
        match timeout(self.budget, self.asker.verify_arc(message)).await {
            Ok(found) => match of_dkim(found.result()) {
                // A chain holds or does not (RFC 8617 §4.4).
                Outcome::Neutral | Outcome::PermanentError => Outcome::Fail,
                outcome => outcome,
            },
            Err(_) => Outcome::TemporaryError,
        }
    }

    async fn reverse(&self, letter: &Examination) -> Outcome {
        let Some(peer) = letter.peer else {
            return Outcome::None;
        };
        match timeout(self.budget, self.asker.verify_iprev(peer)).await {
            Ok(found) => match found.result() {
                IprevResult::Pass => Outcome::Pass,
                IprevResult::Fail(_) => Outcome::Fail,
                IprevResult::TempError(_) => Outcome::TemporaryError,
                IprevResult::PermError(_) => Outcome::PermanentError,
                IprevResult::None => Outcome::None,
            },
            Err(_) => Outcome::TemporaryError,
        }
    }

    async fn dmarc(
        &self,
        letter: &Examination,
        message: &AuthenticatedMessage<'_>,
        dkim: &[DkimOutput<'_>],
        spf: &SpfOutput,
    ) -> Option<DmarcOutput> {
        let domain = letter.sender.rsplit_once('@').map(|(_, domain)| domain);
        let domain = domain.unwrap_or(&letter.greeting);
        let question = DmarcParameters::new(message, dkim, domain, spf);
        let found = timeout(self.budget, self.asker.verify_dmarc(question)).await;
        found.ok()
    }

    /// Hashes the body as the signatures want it.
    async fn hash_body(
        &self,
        letter: &Staged,
        header_len: usize,
        message: &mut AuthenticatedMessage<'_>,
    ) -> Result<(), String> {
        let wanted = message.body_hashes.iter();
        let wanted: Vec<(Form, u64)> = wanted
            .map(|(form, _, length, _)| {
                let form = match form {
                    Canonicalization::Relaxed => Form::Relaxed,
                    Canonicalization::Simple => Form::Simple,
                };
                (form, *length)
            })
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let (engine, letter) = (self.engine.clone(), letter.clone());
        let hash = move || body_hashes(&engine, &letter, header_len as u64, &wanted);
        let found = self.pool.run(None, hash).await;
        let found = found
            .map_err(|_| "the server stops".to_owned())?
            .map_err(|error| error.to_string())?;
        let mut short = Vec::new();
        for ((form, _, length, hash), (whole, found)) in message.body_hashes.iter_mut().zip(found) {
            *hash = found.to_vec();
            if *length > 0 && *length != whole {
                short.push((*form, *length));
            }
        }
        // A signature that leaves room behind it says nothing of what stands there.
        leave_out(message, &Error::Dkim(DkimError::SignatureLength), |one| {
            short.contains(&(one.header.cb, one.header.l))
        });
        Ok(())
    }
}

/// Length and hash of the body in each of these forms.
fn body_hashes(
    engine: &Engine,
    letter: &Staged,
    header_len: u64,
    wanted: &[(Form, u64)],
) -> Result<Vec<(u64, [u8; 32])>, EngineError> {
    let begin = |(form, length): &(Form, u64)| {
        let most = if *length == 0 { u64::MAX } else { *length };
        BodyHash::new(*form, most)
    };
    let mut hashes: Vec<BodyHash> = wanted.iter().map(begin).collect();
    let mut at = header_len;
    while at < letter.size() {
        let piece = engine.read_staged(letter, at..at.saturating_add(PIECE_BYTES))?;
        if piece.is_empty() {
            break;
        }
        for hash in &mut hashes {
            hash.push(&piece);
        }
        at += piece.len() as u64;
    }
    Ok(hashes.into_iter().map(BodyHash::finish).collect())
}

/// Leaves out what is too much to check, and what may not be used any more.
fn keep_bounds(message: &mut AuthenticatedMessage<'_>) {
    message.dkim_headers.truncate(SIGNATURES_MAX);
    message.errors.truncate(SIGNATURES_MAX);
    // RFC 8301 §3.1.
    leave_out(
        message,
        &Error::Dkim(DkimError::UnsupportedAlgorithm),
        |one| one.header.a == Algorithm::RsaSha1,
    );
    // mail-auth takes the last of several tags of one name.
    leave_out(message, &Error::ParseError, |one| {
        Tags::parse(one.value).is_none()
    });
    let seals = message.ams_headers.len();
    if seals > SEALS_MAX || message.ams_headers.iter().any(|seal| seal.header.l > 0) {
        message.has_arc_errors = seals > 0;
        message.ams_headers.clear();
    }
    let (dkim, arc) = (&message.dkim_headers, &message.ams_headers);
    message.body_hashes.retain(|(form, _, length, _)| {
        dkim.iter()
            .any(|one| one.header.cb == *form && one.header.l == *length)
            || arc
                .iter()
                .any(|one| one.header.cb == *form && one.header.l == *length)
    });
}

/// Turns signatures into errors.
fn leave_out(
    message: &mut AuthenticatedMessage<'_>,
    why: &Error,
    which: impl Fn(&Header<'_, mail_auth::dkim::Signature>) -> bool,
) {
    let all = std::mem::take(&mut message.dkim_headers);
    let (out, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| which(one));
    message.dkim_headers = kept;
    for one in out {
        message
            .errors
            .push(Header::new(one.name, one.value, why.clone()));
    }
}

/// The author's domain, and the addresses in the From field.
fn author(header: &[u8]) -> (Author, Vec<String>) {
    let fields = fields(header);
    let mut from = fields
        .iter()
        .filter(|(name, _)| name.trim_ascii_end().eq_ignore_ascii_case(b"from"));
    let (Some((_, value)), None) = (from.next(), from.next()) else {
        return (Author::Unclear, Vec::new());
    };
    let (entries, is_more) = list::parse(value, AUTHORS_MAX);
    let addresses: Vec<(String, String)> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Mailbox { local, domain, .. } => {
                let domain = String::from_utf8_lossy(domain).to_lowercase();
                Some((String::from_utf8_lossy(local).into_owned(), domain))
            }
            _ => None,
        })
        .collect();
    let Some((_, domain)) = addresses.first().cloned() else {
        return (Author::Unclear, Vec::new());
    };
    let is_clear = !is_more && !domain.is_empty() && addresses.iter().all(|one| one.1 == domain);
    let spelled = addresses
        .iter()
        .map(|(local, domain)| format!("{local}@{domain}"));
    if is_clear {
        (Author::Domain(domain), spelled.collect())
    } else {
        (Author::Unclear, spelled.collect())
    }
}

fn signed(output: &DkimOutput<'_>) -> Signed {
    let (domain, selector) = match output.signature() {
        Some(signature) => (signature.d.clone(), signature.s.clone()),
        None => Default::default(),
    };
    Signed {
        outcome: of_dkim(output.result()),
        domain,
        selector,
    }
}

fn of_dkim(result: &DkimResult) -> Outcome {
    match result {
        DkimResult::Pass => Outcome::Pass,
        // RFC 8601 §2.7.1: it could be processed, and the body is another one.
        DkimResult::Neutral(Error::Dkim(DkimError::FailedBodyHashMatch)) | DkimResult::Fail(_) => {
            Outcome::Fail
        }
        // Likewise: it may hold, but it is not acceptable here.
        DkimResult::Neutral(Error::Dkim(DkimError::SignatureLength)) => Outcome::Policy,
        DkimResult::Neutral(_) => Outcome::Neutral,
        DkimResult::PermError(_) => Outcome::PermanentError,
        DkimResult::TempError(_) => Outcome::TemporaryError,
        DkimResult::None => Outcome::None,
    }
}

fn of_spf(result: SpfResult) -> Outcome {
    match result {
        SpfResult::Pass => Outcome::Pass,
        SpfResult::Fail => Outcome::Fail,
        SpfResult::SoftFail => Outcome::SoftFail,
        SpfResult::Neutral => Outcome::Neutral,
        SpfResult::TempError => Outcome::TemporaryError,
        SpfResult::PermError => Outcome::PermanentError,
        SpfResult::None => Outcome::None,
    }
}

/// For the crate that weighs it together with the signatures.
fn spf_result(outcome: Outcome) -> SpfResult {
    match outcome {
        Outcome::Pass => SpfResult::Pass,
        Outcome::Fail => SpfResult::Fail,
        Outcome::SoftFail => SpfResult::SoftFail,
        Outcome::Neutral | Outcome::Policy => SpfResult::Neutral,
        Outcome::TemporaryError => SpfResult::TempError,
        Outcome::PermanentError => SpfResult::PermError,
        Outcome::None => SpfResult::None,
    }
}

fn of_dmarc(found: &DmarcOutput) -> (Outcome, Policy) {
    let outcome = match found.result() {
        DmarcResult::Pass => Outcome::Pass,
        DmarcResult::Fail(_) => Outcome::Fail,
        DmarcResult::TempError(_) => Outcome::TemporaryError,
        DmarcResult::PermError(_) => Outcome::PermanentError,
        DmarcResult::None => Outcome::None,
    };
    let policy = match found.policy() {
        dmarc::Policy::Reject => Policy::Reject,
        dmarc::Policy::Quarantine => Policy::Quarantine,
        dmarc::Policy::None | dmarc::Policy::Unspecified => Policy::None,
    };
    (outcome, policy)
}

/// Reads any bytes as a header: what is kept of it to be looked up stays within its bounds.
#[cfg(any(test, feature = "fuzzed"))]
pub fn read_any(header: &[u8]) {
    let (author, addresses) = author(header);
    if let Author::Domain(domain) = author {
        let end = format!("@{domain}");
        assert!(!domain.is_empty() && addresses.iter().all(|one| one.ends_with(&end)));
    }
    _ = chain::form(header);
    let Some(mut message) = AuthenticatedMessage::parse_with_opts(header, None, false) else {
        return;
    };
    keep_bounds(&mut message);
    let (signatures, seals) = (&message.dkim_headers, &message.ams_headers);
    assert!(signatures.len() <= SIGNATURES_MAX && seals.len() <= SEALS_MAX);
    let weak = signatures
        .iter()
        .filter(|one| one.header.a == Algorithm::RsaSha1);
    assert_eq!(weak.count(), 0, "SHA-1 proves nothing");
    // One for each hash function that a signature of this form may name.
    assert!(message.body_hashes.len() <= 2 * (signatures.len() + seals.len()));
}
