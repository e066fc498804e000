//! Signs letters with the keys of their author's domain, and keeps these keys.
//!
//! A letter is signed each time it is sent, while it is read for sending anyway, so that no body is
//! ever whole in memory and a retired key is not used again. Only what was written here is signed:
//! what is passed on for others would get our word for their From.
//!
//! Start at [`Signer::lines`] for a letter, at [`keeping`] for the keys. What is signed is
//! `engine::signature`.
//!
//! Standards: RFC 6376 (DKIM), RFC 8463 (Ed25519), RFC 8617 (ARC).

pub mod keeping;
mod key;
pub mod settings;

use crate::world::SystemClock;
use engine::signature::canonical::{BodyHash, Form};
use engine::signature::field::{self, Terms, fields};
use engine::signature::key::DomainKey;
use engine::signature::seal;
use engine::{Engine, EngineError};
use formats::address::list::{self, Entry};
use key::Pair;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use store::world::Clock;

/// Bytes of a header that is signed. Real ones stay below 64 KiB, and longer ones are not taken
/// from anyone.
const HEADER_BYTES_MAX: usize = 512 * 1024;
/// Keys that are kept ready: two for each of very many domains.
const READY_MAX: usize = 4_096;
/// Addresses in the From field that are looked at: the first is the author.
const AUTHORS_MAX: usize = 1;

/// How the line begins in which this server says what it found when a letter came.
pub const RESULTS: &[u8] = b"Authentication-Results:";

/// Signs; keeps the keys ready that it has used.
#[derive(Default)]
pub struct Signer {
    ready: Mutex<HashMap<(String, String), Arc<Pair>>>,
}

impl Signer {
    /// The fields to put before a letter, one for each key of its author's domain; nothing when
    /// that domain is not ours. Reads the disk.
    pub fn lines(&self, engine: &Engine, letter: Unsigned) -> Result<String, EngineError> {
        let (header, body_hash) = letter.finish();
        let Some(author) = author(&header) else {
            return Ok(String::new());
        };
        let Some(signing) = engine.signing(&author)? else {
            return Ok(String::new());
        };
        let mut lines = String::new();
        for key in &signing.keys {
            let Some(pair) = self.pair(&signing.domain, key) else {
                continue;
            };
            let terms = Terms {
                algorithm: key.algorithm.name(),
                domain: &signing.domain,
                selector: &key.selector,
                seconds: SystemClock.now().seconds(),
                body_hash: &body_hash,
            };
            let unsigned = field::Unsigned::new(&terms, &header);
            match pair.sign(&unsigned.covered) {
                Ok(signature) => lines.push_str(&unsigned.signed(&signature)),
                Err(why) => tracing::error!(signing.domain, key.selector, why, "not signed"),
            }
        }
        Ok(lines)
    }

    /// The fields to put before a letter that is passed on with a sender of ours; nothing when there
    /// is nothing to seal. Reads the disk.
    pub fn seal(
        &self,
        engine: &Engine,
        letter: Unsigned,
        sender: &str,
    ) -> Result<String, EngineError> {
        let (header, body_hash) = letter.finish();
        let Some(signing) = engine.sealing(domain_of(sender))? else {
            return Ok(String::new());
        };
        let Some((key, pair)) = signing
            .keys
            .first()
            .and_then(|key| Some((key, self.pair(&signing.domain, key)?)))
        else {
            return Ok(String::new());
        };
        // Ours is the first line; others of the kind may stand below.
        let first = fields(&header).into_iter().next();
        let results = first.map(|(_, value)| String::from_utf8_lossy(value).into_owned());
        let terms = Terms {
            algorithm: key.algorithm.name(),
            domain: &signing.domain,
            selector: &key.selector,
            seconds: SystemClock.now().seconds(),
            body_hash: &body_hash,
        };
        let results = results.unwrap_or_default();
        match seal::seal(&terms, &results, &header, |covered| pair.sign(covered)) {
            Ok(set) => Ok(set.unwrap_or_default()),
            Err(why) => {
                tracing::error!(signing.domain, key.selector, why, "not sealed");
                Ok(String::new())
            }
        }
    }

    fn pair(&self, domain: &str, key: &DomainKey) -> Option<Arc<Pair>> {
        let name = (domain.to_owned(), key.selector.clone());
        if let Some(pair) = self.ready.lock().get(&name) {
            return Some(Arc::clone(pair));
        }
        match Pair::read(key.algorithm, &key.secret) {
            Ok(pair) => {
                let pair = Arc::new(pair);
                let mut ready = self.ready.lock();
                if ready.len() >= READY_MAX {
                    ready.clear();
                }
                ready.insert(name, Arc::clone(&pair));
                Some(pair)
            }
            Err(why) => {
                tracing::error!(domain, key.selector, why, "a key cannot be used");
                None
            }
        }
    }
}

/// A letter on its way to be signed: its header, and the hash of its body.
#[derive(Default)]
pub struct Unsigned {
    header: Vec<u8>,
    /// There once the header has ended.
    body: Option<BodyHash>,
}

impl Unsigned {
    /// Takes the next bytes of the letter.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some(body) = &mut self.body {
            return body.push(bytes);
        }
        // The empty line may lie across two pieces.
        let from = self.header.len().saturating_sub(3);
        self.header.extend_from_slice(bytes);
        let new = self.header.get(from..).unwrap_or_default();
        let end = match new.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(at) => from + at + 4,
            None if self.header.starts_with(b"\r\n") => 2,
            None if self.header.len() > HEADER_BYTES_MAX => HEADER_BYTES_MAX,
            None => return,
        };
        let mut body = BodyHash::new(Form::Relaxed, u64::MAX);
        body.push(self.header.get(end..).unwrap_or_default());
        self.header.truncate(end);
        self.body = Some(body);
    }

    fn finish(self) -> (Vec<u8>, [u8; 32]) {
        let body = self.body.unwrap_or(BodyHash::new(Form::Relaxed, u64::MAX));
        (self.header, body.finish().1)
    }
}

/// True when there is a key for the author that this header names. Reads the disk.
pub fn has_key(engine: &Engine, header: &[u8]) -> Result<bool, EngineError> {
    let Some(author) = author(header) else {
        return Ok(false);
    };
    let signing = engine.signing(&author)?;
    Ok(signing.is_some_and(|signing| !signing.keys.is_empty()))
}

/// True when there is a key to seal what is passed on with this sender. Reads the disk.
pub fn has_seal(engine: &Engine, sender: &str) -> Result<bool, EngineError> {
    let signing = engine.sealing(domain_of(sender))?;
    Ok(signing.is_some_and(|signing| !signing.keys.is_empty()))
}

fn domain_of(sender: &str) -> &str {
    sender.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// The address in the only From field.
fn author(header: &[u8]) -> Option<String> {
    let fields = fields(header);
    let mut from = fields
        .iter()
        .filter(|(name, _)| name.trim_ascii_end().eq_ignore_ascii_case(b"from"));
    let (Some((_, value)), None) = (from.next(), from.next()) else {
        return None;
    };
    let (entries, _) = list::parse(value, AUTHORS_MAX);
    entries.iter().find_map(|entry| match entry {
        Entry::Mailbox { local, domain, .. } => {
            String::from_utf8([local.as_slice(), b"@", domain].concat()).ok()
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests;
