//! The seal of a letter that is passed on: what was found when it came, so that who gets it next can
//! believe it though its own signatures may have broken on the way.
//!
//! Each server that passes a letter on adds a set of three fields with the next number. A chain that
//! is broken, or was when the letter came, is left alone: a seal on it would be worth nothing.
//!
//! Start at [`seal`].
//!
//! Standards: RFC 8617 §4.1 (the fields), §5.1 (sealing).

use super::canonical::relaxed_field;
use super::field::{Terms, Unsigned, fields};

/// Sets that a chain may have (RFC 8617 §4.2.1 allows 50); nobody checks longer ones for long.
const SETS_MAX: usize = 20;
/// The fields of a set, in the order in which a seal covers them.
const SET: [&str; 3] = [
    "ARC-Authentication-Results",
    "ARC-Message-Signature",
    "ARC-Seal",
];

/// The three fields of a new set with their line ends; `None` when there is nothing to seal.
///
/// `results` is what stands behind `Authentication-Results:` in the line of this server. `sign` makes
/// a signature over bytes.
pub fn seal<E>(
    terms: &Terms<'_>,
    results: &str,
    header: &[u8],
    sign: impl Fn(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Option<String>, E> {
    let Some(chain) = chain(header) else {
        return Ok(None);
    };
    let validation = match (chain.len(), results.contains("arc=pass")) {
        (0, _) => "none",
        (1..SETS_MAX, true) => "pass",
        _ => return Ok(None),
    };
    let number = chain.len() + 1;
    let found = format!("{}: i={number};\r\n\t{}\r\n", SET[0], results.trim());
    let message = Unsigned::with_head(&format!("{}: i={number};", SET[1]), terms, header);
    let signature = sign(&message.covered)?;
    let message = message.signed(&signature);
    let head = format!(
        "{}: i={number}; a={}; t={}; cv={validation};\r\n\td={}; s={};\r\n\tb=",
        SET[2], terms.algorithm, terms.seconds, terms.domain, terms.selector
    );
    let mut covered: Vec<u8> = Vec::new();
    for set in &chain {
        for (name, value) in SET.iter().zip(set) {
            covered.extend(relaxed_field(name.as_bytes(), value));
        }
    }
    for field in [&found, &message] {
        covered.extend(relaxed(field));
    }
    let seal = Unsigned::bare(head, covered);
    let signature = sign(&seal.covered)?;
    Ok(Some([seal.signed(&signature), message, found].concat()))
}

fn relaxed(field: &str) -> Vec<u8> {
    let (name, value) = field.split_once(':').unwrap_or_default();
    relaxed_field(name.as_bytes(), value.as_bytes())
}

/// The values of all sets in order; `None` when one is missing or there twice.
fn chain(header: &[u8]) -> Option<Vec<[&[u8]; 3]>> {
    let all = fields(header);
    let of = |name: &str| {
        let same = all
            .iter()
            .filter(|(found, _)| found.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes()));
        let mut values: Vec<(usize, &[u8])> = same
            .map(|(_, value)| Some((number(value)?, *value)))
            .collect::<Option<_>>()?;
        values.sort_unstable_by_key(|(number, _)| *number);
        let is_whole = values
            .iter()
            .enumerate()
            .all(|(at, (number, _))| at + 1 == *number);
        is_whole.then_some(values)
    };
    let [results, messages, seals] = [of(SET[0])?, of(SET[1])?, of(SET[2])?];
    if results.len() != messages.len() || messages.len() != seals.len() {
        return None;
    }
    let sets = results.iter().zip(&messages).zip(&seals);
    Some(sets.map(|((a, b), c)| [a.1, b.1, c.1]).collect())
}

/// The number of a field's set.
fn number(value: &[u8]) -> Option<usize> {
    let value = std::str::from_utf8(value).ok()?;
    let tag = value.split(';').find_map(|tag| {
        let (name, number) = tag.split_once('=')?;
        (name.trim() == "i").then_some(number)
    })?;
    tag.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms<'_> = Terms {
        algorithm: "rsa-sha256",
        domain: "example.test",
        selector: "s",
        seconds: 7,
        body_hash: &[0; 32],
    };

    fn sealed(header: &str, results: &str) -> Option<String> {
        let sign = |_: &[u8]| Ok::<_, ()>(vec![1; 8]);
        seal(&TERMS, results, header.as_bytes(), sign).unwrap()
    }

    #[test]
    fn each_server_adds_a_set_with_the_next_number() {
        let first = sealed("From: a@b.test\r\n", " mx.example.test; spf=pass").unwrap();
        for part in [
            "ARC-Seal: i=1; a=rsa-sha256; t=7; cv=none;",
            "ARC-Message-Signature: i=1; a=rsa-sha256;",
            "ARC-Authentication-Results: i=1;\r\n\tmx.example.test; spf=pass\r\n",
        ] {
            assert!(first.contains(part), "{part}\n{first}");
        }
        let header = [&first, "From: a@b.test\r\n"].concat();
        let second = sealed(&header, "mx.example.test; arc=pass").unwrap();
        assert!(second.contains("ARC-Seal: i=2; a=rsa-sha256; t=7; cv=pass;"));
    }

    #[test]
    fn a_broken_chain_is_left_alone() {
        let first = sealed("From: a@b.test\r\n", "mx.example.test; spf=pass").unwrap();
        let header = [&first, "From: a@b.test\r\n"].concat();
        assert_eq!(sealed(&header, "mx.example.test; arc=fail"), None);
        let gap = header.replace("ARC-Seal: i=1", "ARC-Seal: i=2");
        assert_eq!(sealed(&gap, "mx.example.test; arc=pass"), None);
        let lost = header.replace("ARC-Authentication-Results", "X-Results");
        assert_eq!(sealed(&lost, "mx.example.test; arc=pass"), None);
    }
}
