//! Where reports about a domain go: what the domain says in its records, as far as those who are
//! named there agree.
//!
//! What cannot be looked up for now is never taken for "nothing". Start at [`of_letters`] and
//! [`of_sessions`].
//!
//! Standards: RFC 9989 §4.10 (the walk up the tree), RFC 9990 §4 and RFC 7489 §7.1 (that others may
//! be named), RFC 7489 §6.2 (sizes), RFC 8460 §3 (TLS-RPT), RFC 6068 (mailto).

use crate::outbound::names::{Names, NamesError};

/// Places of one record that are told (RFC 7489 §6.2 demands two).
const PLACES_MAX: usize = 4;
/// Names that are asked on the way up from one domain (RFC 9989 §4.10).
const WALK_MAX: usize = 8;

/// The policy of a domain for its letters, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LetterPolicy {
    /// The domain whose record it is.
    pub domain: String,
    /// Its tags, in the order of the record.
    pub tags: Vec<(String, String)>,
    /// Where reports go, of those who agreed.
    pub places: Vec<Place>,
}

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To this address, if it has no more bytes than that.
    Mail(String, Option<u64>),
    /// To this web address.
    Web(String),
}

impl LetterPolicy {
    /// The value of a tag.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let found = self.tags.iter().find(|(tag, _)| tag == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Who is told of letters from an author's domain; `None` if nobody wants that.
///
/// Errors: names cannot be looked up for now.
pub async fn of_letters(
    names: &dyn Names,
    author: &str,
) -> Result<Option<LetterPolicy>, NamesError> {
    let walk = walk(names, author).await?;
    let own = walk.iter().find(|(domain, _)| domain == author);
    let Some((domain, tags)) = own.or_else(|| organization(&walk)) else {
        return Ok(None);
    };
    let mut policy = LetterPolicy {
        domain: domain.clone(),
        tags: tags.clone(),
        places: Vec::new(),
    };
    for place in places(policy.tag("rua").unwrap_or_default()) {
        let Place::Mail(address, _) = &place else {
            continue; // RFC 7489 §6.2 knows others, but only this one is described.
        };
        let host = address.rsplit_once('@').map_or("", |(_, host)| host);
        if agrees(names, domain, host).await? {
            policy.places.push(place);
        }
    }
    Ok((!policy.places.is_empty()).then_some(policy))
}

/// Whom a domain names for letters, whether they agree or not.
///
/// Errors: names cannot be looked up for now.
pub async fn named_for_letters(names: &dyn Names, domain: &str) -> Result<Vec<Place>, NamesError> {
    let found = walk(names, domain).await?;
    let own = found.iter().find(|(name, _)| name == domain);
    let rua = own.or_else(|| organization(&found)).and_then(|(_, tags)| {
        let rua = tags.iter().find(|(name, _)| name == "rua");
        rua.map(|(_, value)| value.as_str())
    });
    Ok(places(rua.unwrap_or_default()))
}

/// Who is told of connections to a domain's servers.
///
/// Errors: names cannot be looked up for now.
pub async fn of_sessions(names: &dyn Names, domain: &str) -> Result<Vec<Place>, NamesError> {
    let texts = texts(names, &format!("_smtp._tls.{domain}")).await?;
    let is_ours = |text: &&String| first_tag(text) == Some(("v", "TLSRPTv1"));
    let mut ours = texts.iter().filter(is_ours);
    // More than one record is as none (RFC 8460 §3).
    let (Some(record), None) = (ours.next(), ours.next()) else {
        return Ok(Vec::new());
    };
    let tags = tags(record);
    let rua = tags.iter().find(|(name, _)| name == "rua");
    Ok(places(rua.map_or("", |(_, value)| value)))
}

/// True when a host takes reports about a domain: it is of the same organization, or says so.
///
/// Source: RFC 9990 §4.
async fn agrees(names: &dyn Names, domain: &str, host: &str) -> Result<bool, NamesError> {
    if host.is_empty() {
        return Ok(false);
    }
    if domain == host || top(names, domain).await? == top(names, host).await? {
        return Ok(true);
    }
    let texts = texts(names, &format!("{domain}._report._dmarc.{host}")).await?;
    Ok(texts.iter().any(|text| is_policy(text)))
}

/// The organization that a domain belongs to.
async fn top(names: &dyn Names, domain: &str) -> Result<String, NamesError> {
    let walk = walk(names, domain).await?;
    Ok(organization(&walk).map_or_else(|| domain.to_owned(), |(top, _)| top.clone()))
}

type Found = (String, Vec<(String, String)>);

/// The records of a domain and of those above it, the domain itself first.
async fn walk(names: &dyn Names, domain: &str) -> Result<Vec<Found>, NamesError> {
    let labels: Vec<&str> = domain.split('.').collect();
    let mut found = Vec::new();
    // The name itself, then those with so many labels and fewer (RFC 9989 §4.10).
    let above = (1..labels.len()).filter(|&from| labels.len() - from < WALK_MAX);
    for from in std::iter::once(0).chain(above) {
        let name = labels.get(from..).unwrap_or_default().join(".");
        let texts = texts(names, &format!("_dmarc.{name}")).await?;
        let mut policies = texts.iter().filter(|text| is_policy(text));
        if let (Some(policy), None) = (policies.next(), policies.next()) {
            let tags = tags(policy);
            let ends = tags.iter().any(|(tag, value)| tag == "psd" && value != "u");
            found.push((name, tags));
            if ends {
                break;
            }
        }
    }
    Ok(found)
}

/// Of what was found, the record of the organization (RFC 9989 §4.10.2): the one that says that it is
/// the top, else the one below a public suffix that has a record, else the topmost.
fn organization(walk: &[Found]) -> Option<&Found> {
    let psd = |(_, tags): &Found, value| tags.iter().any(|(tag, v)| tag == "psd" && v == value);
    let (last, before) = walk.split_last()?;
    if psd(last, "y") {
        return before.last().or(Some(last));
    }
    Some(last)
}

async fn texts(names: &dyn Names, name: &str) -> Result<Vec<String>, NamesError> {
    match names.texts(name).await {
        Err(NamesError::NoSuchName | NamesError::Nothing) => Ok(Vec::new()),
        found => found,
    }
}

fn is_policy(text: &str) -> bool {
    first_tag(text) == Some(("v", "DMARC1"))
}

fn first_tag(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split(';').next()?.split_once('=')?;
    Some((name.trim(), value.trim()))
}

fn tags(text: &str) -> Vec<(String, String)> {
    let tags = text.split(';').filter_map(|tag| tag.split_once('='));
    tags.map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()))
        .collect()
}

/// The places in a list like `mailto:a@b!10m,https://c/d`.
fn places(list: &str) -> Vec<Place> {
    let places = list.split(',').filter_map(|one| place(one.trim()));
    places.take(PLACES_MAX).collect()
}

fn place(uri: &str) -> Option<Place> {
    let (scheme, rest) = uri.split_once(':')?;
    if scheme.eq_ignore_ascii_case("https") {
        return Some(Place::Web(uri.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("mailto") {
        return None;
    }
    let (address, size) = match rest.split_once('!') {
        Some((address, size)) => (address, Some(bytes(size)?)),
        None => (rest, None),
    };
    let address = address.split_once('?').map_or(address, |(to, _)| to);
    let address = unescaped(address)?;
    let (local, host) = address.rsplit_once('@')?;
    let host = engine::directory::address::canonical_domain(host).ok()?;
    let is_plain = !local.is_empty() && address.chars().all(|c| !c.is_control() && c != ' ');
    is_plain.then(|| Place::Mail(format!("{local}@{host}"), size))
}

/// A size like `10m` (RFC 7489 §6.4).
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let shift = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// The text of a URI with its `%40` read.
fn unescaped(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (code, rest) = piece.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reports::tests::Zone;

    fn letters(zone: &Zone, domain: &str) -> Result<Option<(String, Vec<Place>)>, NamesError> {
        let found = Zone::ask(of_letters(zone, domain))?;
        Ok(found.map(|policy| (policy.domain, policy.places)))
    }

    fn mail(address: &str) -> Place {
        Place::Mail(address.to_owned(), None)
    }

    #[test]
    fn a_domain_names_its_own_addresses_and_its_parents_record_counts_for_it() {
        let record =
            "v=DMARC1; p=none; rua=mailto:a%40b@far.test , ftp://x, mailto:big@far.test!10k";
        let zone = Zone::default().with("_dmarc.far.test", record);
        let places = vec![
            mail("a@b@far.test"),
            Place::Mail("big@far.test".to_owned(), Some(10_240)),
        ];
        let expected = Some(("far.test".to_owned(), places));
        assert_eq!(letters(&zone, "far.test"), Ok(expected.clone()));
        assert_eq!(letters(&zone, "deep.down.far.test"), Ok(expected));
        assert_eq!(letters(&zone, "other.test"), Ok(None));
    }

    #[test]
    fn another_organization_gets_reports_only_if_it_says_so() {
        let zone = Zone::default()
            .with(
                "_dmarc.far.test",
                "v=DMARC1; p=none; rua=mailto:r@reader.test",
            )
            .with(
                "_dmarc.sub.far.test",
                "v=DMARC1; p=none; rua=mailto:r@far.test",
            );
        assert_eq!(letters(&zone, "far.test"), Ok(None));
        let inside = letters(&zone, "sub.far.test").unwrap().unwrap();
        assert_eq!(inside.1, [mail("r@far.test")], "its own organization");
        let zone = zone.with("far.test._report._dmarc.reader.test", "v=DMARC1");
        let outside = letters(&zone, "far.test").unwrap().unwrap();
        assert_eq!(outside.1, [mail("r@reader.test")]);
    }

    #[test]
    fn what_cannot_be_looked_up_is_an_error_and_not_nothing() {
        let zone = Zone::default();
        assert!(letters(&zone, "lame.test").is_err());
        assert!(Zone::ask(of_sessions(&zone, "lame.test")).is_err());
    }

    #[test]
    fn a_public_suffix_is_not_the_organization_of_those_below_it() {
        let zone = Zone::default()
            .with(
                "_dmarc.suffix.test",
                "v=DMARC1; p=none; psd=y; rua=mailto:x@suffix.test",
            )
            .with(
                "_dmarc.a.suffix.test",
                "v=DMARC1; p=none; rua=mailto:r@b.suffix.test",
            )
            .with("_dmarc.b.suffix.test", "v=DMARC1; p=none");
        assert_eq!(letters(&zone, "a.suffix.test"), Ok(None));
    }

    #[test]
    fn only_one_record_says_who_is_told_of_connections() {
        let record = "v=TLSRPTv1; rua=mailto:t@far.test,https://far.test/v1";
        let zone = Zone::default().with("_smtp._tls.far.test", record);
        let web = Place::Web("https://far.test/v1".to_owned());
        let found = Zone::ask(of_sessions(&zone, "far.test"));
        assert_eq!(found, Ok(vec![mail("t@far.test"), web]));
        let zone = zone.with("_smtp._tls.far.test", "v=TLSRPTv1; rua=mailto:x@far.test");
        assert_eq!(Zone::ask(of_sessions(&zone, "far.test")), Ok(Vec::new()));
    }
}
