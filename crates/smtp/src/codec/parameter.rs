//! The parameters of MAIL and RCPT.
//!
//! Each may stand once; an unknown one is an error of its own (RFC 5321 §4.1.1.11: 555).
//!
//! Sources: RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 3030 (BINARYMIME), RFC 6531 §3.4 (SMTPUTF8),
//! RFC 3461 §4 (RET, ENVID, NOTIFY, ORCPT), RFC 4954 §5 (AUTH), RFC 8689 §2 (REQUIRETLS), RFC 2852
//! §4 (BY), RFC 6710 §4 (MT-PRIORITY), RFC 4865
//! (HOLDFOR, HOLDUNTIL).

use super::command::Malformed;
use super::xtext;
use formats::moment;

/// Characters of an ENVID (RFC 3461 §4.4).
const ENVELOPE_ID_BYTES_MAX: usize = 100;
/// Characters of an ORCPT (RFC 3461 §4.2).
const ORIGINAL_RECIPIENT_BYTES_MAX: usize = 500;

/// What MAIL may say.
const MAIL_KEYWORDS: [&str; 11] = [
    "SIZE",
    "BODY",
    "SMTPUTF8",
    "RET",
    "ENVID",
    "AUTH",
    "REQUIRETLS",
    "BY",
    "MT-PRIORITY",
    "HOLDFOR",
    "HOLDUNTIL",
];

/// What MAIL said about the letter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// `SIZE`: octets of the letter as the client believes.
    pub size_bytes: Option<u64>,
    /// `BODY`.
    pub body: Option<Body>,
    /// `SMTPUTF8`: addresses and header may hold UTF-8.
    pub utf8: bool,
    /// `RET`: how much of the letter a failure report brings back.
    pub report: Option<Return>,
    /// `ENVID`, decoded.
    pub envelope_id: Option<String>,
    /// `AUTH` was there; its value is not believed (RFC 4954 §5 lets a server take it for `<>`).
    pub auth: bool,
    /// `REQUIRETLS`: only over connections that are encrypted and proven.
    pub require_tls: bool,
    /// `BY`: until when it is to arrive.
    pub deliver_by: Option<DeliverBy>,
    /// `MT-PRIORITY`: -9 … 9.
    pub priority: Option<i8>,
    /// `HOLDFOR` or `HOLDUNTIL`: not sent before.
    pub hold: Option<Hold>,
}

/// Until when a letter is not to be sent (RFC 4865).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// `HOLDFOR=`: so many seconds.
    For(u32),
    /// `HOLDUNTIL=`: that time, in seconds since 1970.
    Until(i64),
}

/// `BY=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliverBy {
    /// Seconds from now; in the past when negative.
    pub seconds: i64,
    /// `R`: a late letter goes back. Otherwise its sender is told.
    pub returns: bool,
    /// `T`: the sender wants to be told of each server.
    pub trace: bool,
}

/// The form of the letter's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Lines of ASCII.
    SevenBit,
    /// Lines of any octets but NUL.
    EightBit,
    /// Any octets at all; only BDAT can carry it.
    Binary,
}

/// `RET=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// The whole letter.
    Full,
    /// Its header.
    Headers,
}

/// What RCPT said about one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecipientParameters {
    /// `NOTIFY`; nothing said means failure and delay.
    pub notify: Option<Notify>,
    /// `ORCPT`: type of address and address, decoded.
    pub original: Option<(String, String)>,
}

/// When the sender wants to hear of a recipient; nothing set means never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notify {
    /// `SUCCESS`.
    pub success: bool,
    /// `FAILURE`.
    pub failure: bool,
    /// `DELAY`.
    pub delay: bool,
}

/// The parameters behind MAIL's path.
pub fn mail(text: &str) -> Result<MailParameters, Malformed> {
    let mut all = MailParameters::default();
    for (keyword, value) in words(text)? {
        let fresh = match (keyword.as_str(), value) {
            ("SIZE", Some(value)) => all.size_bytes.replace(number(value)?).is_none(),
            ("BODY", Some(value)) => all.body.replace(body(value)?).is_none(),
            ("SMTPUTF8", None) => !std::mem::replace(&mut all.utf8, true),
            ("RET", Some(value)) => all.report.replace(report(value)?).is_none(),
            ("ENVID", Some(value)) => all
                .envelope_id
                .replace(decoded(value, ENVELOPE_ID_BYTES_MAX)?)
                .is_none(),
            ("AUTH", Some(value)) => {
                xtext::decode(value).ok_or(Malformed::Parameter)?;
                !std::mem::replace(&mut all.auth, true)
            }
            ("REQUIRETLS", None) => !std::mem::replace(&mut all.require_tls, true),
            ("BY", Some(value)) => all.deliver_by.replace(deliver_by(value)?).is_none(),
            ("MT-PRIORITY", Some(value)) => all.priority.replace(priority(value)?).is_none(),
            ("HOLDFOR", Some(value)) => all.hold.replace(hold_for(value)?).is_none(),
            ("HOLDUNTIL", Some(value)) => all.hold.replace(hold_until(value)?).is_none(),
            (keyword, _) if MAIL_KEYWORDS.contains(&keyword) => false,
            _ => return Err(Malformed::UnknownParameter),
        };
        if !fresh {
            return Err(Malformed::Parameter);
        }
    }
    Ok(all)
}

/// The parameters behind RCPT's path.
pub fn recipient(text: &str) -> Result<RecipientParameters, Malformed> {
    let mut all = RecipientParameters::default();
    for (keyword, value) in words(text)? {
        let fresh = match (keyword.as_str(), value) {
            ("NOTIFY", Some(value)) => all.notify.replace(notify(value)?).is_none(),
            ("ORCPT", Some(value)) => all.original.replace(original(value)?).is_none(),
            ("NOTIFY" | "ORCPT", None) => false,
            _ => return Err(Malformed::UnknownParameter),
        };
        if !fresh {
            return Err(Malformed::Parameter);
        }
    }
    Ok(all)
}

/// Keywords in upper case, each with its value.
fn words(text: &str) -> Result<Vec<(String, Option<&str>)>, Malformed> {
    let is_end = text.trim_end_matches(' ').is_empty();
    if !is_end && !text.starts_with(' ') {
        return Err(Malformed::Path); // `<a@b.example>SIZE=1`
    }
    text.split(' ')
        .filter(|word| !word.is_empty())
        .map(word)
        .collect()
}

fn word(text: &str) -> Result<(String, Option<&str>), Malformed> {
    let (keyword, value) = match text.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (text, None),
    };
    let is_keyword = keyword.starts_with(|c: char| c.is_ascii_alphanumeric())
        && keyword
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_value = value.is_none_or(|value| {
        !value.is_empty() && value.chars().all(|c| c != '=' && !c.is_control())
    });
    if is_keyword && is_value {
        Ok((keyword.to_ascii_uppercase(), value))
    } else {
        Err(Malformed::Parameter)
    }
}

fn number(text: &str) -> Result<u64, Malformed> {
    let is_number = text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    // 20 digits may exceed 64 bits.
    let value = is_number.then(|| text.parse().unwrap_or(u64::MAX));
    value.ok_or(Malformed::Parameter)
}

/// `120;R`, `-5;NT`: up to nine digits; what goes back must have time left.
fn deliver_by(text: &str) -> Result<DeliverBy, Malformed> {
    let (seconds, mode) = text.split_once(';').ok_or(Malformed::Parameter)?;
    let digits = seconds.strip_prefix(['-', '+']).unwrap_or(seconds);
    let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let parsed = seconds.parse().ok().filter(|_| is_number);
    let seconds: i64 = parsed.ok_or(Malformed::Parameter)?;
    let (returns, trace) = match mode.to_ascii_uppercase().as_str() {
        "R" => (true, false),
        "RT" => (true, true),
        "N" => (false, false),
        "NT" => (false, true),
        _ => return Err(Malformed::Parameter),
    };
    if returns && seconds <= 0 {
        return Err(Malformed::Parameter);
    }
    Ok(DeliverBy {
        seconds,
        returns,
        trace,
    })
}

/// One to nine digits, of which the first is not zero (RFC 4865: future-release-integer).
fn hold_for(text: &str) -> Result<Hold, Malformed> {
    let is_number = (1..=9).contains(&text.len())
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|_| is_number);
    seconds.map(Hold::For).ok_or(Malformed::Parameter)
}

fn hold_until(text: &str) -> Result<Hold, Malformed> {
    moment::parse(text)
        .map(Hold::Until)
        .ok_or(Malformed::Parameter)
}

fn priority(text: &str) -> Result<i8, Malformed> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.len() == 1 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = text.parse().ok().filter(|_| is_number);
    value.ok_or(Malformed::Parameter)
}

fn body(text: &str) -> Result<Body, Malformed> {
    match text.to_ascii_uppercase().as_str() {
        "7BIT" => Ok(Body::SevenBit),
        "8BITMIME" => Ok(Body::EightBit),
        "BINARYMIME" => Ok(Body::Binary),
        _ => Err(Malformed::Parameter),
    }
}

fn report(text: &str) -> Result<Return, Malformed> {
    match text.to_ascii_uppercase().as_str() {
        "FULL" => Ok(Return::Full),
        "HDRS" => Ok(Return::Headers),
        _ => Err(Malformed::Parameter),
    }
}

fn decoded(text: &str, bytes_max: usize) -> Result<String, Malformed> {
    let fits = text.len() <= bytes_max;
    fits.then(|| xtext::decode(text))
        .flatten()
        .ok_or(Malformed::Parameter)
}

fn notify(text: &str) -> Result<Notify, Malformed> {
    let mut all = Notify::default();
    if text.eq_ignore_ascii_case("NEVER") {
        return Ok(all);
    }
    for word in text.split(',') {
        let flag = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut all.success,
            "FAILURE" => &mut all.failure,
            "DELAY" => &mut all.delay,
            _ => return Err(Malformed::Parameter),
        };
        if std::mem::replace(flag, true) {
            return Err(Malformed::Parameter);
        }
    }
    Ok(all)
}

/// `rfc822;xtext`, or `utf-8;` with UTF-8 as it is (RFC 6533 §3).
fn original(text: &str) -> Result<(String, String), Malformed> {
    let (kind, address) = text.split_once(';').ok_or(Malformed::Parameter)?;
    let is_kind = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !is_kind || text.len() > ORIGINAL_RECIPIENT_BYTES_MAX {
        return Err(Malformed::Parameter);
    }
    let kind = kind.to_ascii_lowercase();
    let address = if kind == "utf-8" && !address.is_ascii() {
        address.to_owned() // `word` let no control characters through.
    } else {
        decoded(address, ORIGINAL_RECIPIENT_BYTES_MAX)?
    };
    if address.is_empty() {
        Err(Malformed::Parameter)
    } else {
        Ok((kind, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_mail_is_understood() {
        let all = mail(
            " SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B1 AUTH=<> REQUIRETLS \
             BY=-60;nt MT-PRIORITY=-3 HOLDUNTIL=2026-01-01T00:00:00Z",
        );
        let expected = MailParameters {
            size_bytes: Some(1000),
            body: Some(Body::EightBit),
            utf8: true,
            report: Some(Return::Headers),
            envelope_id: Some("QQ+1".into()),
            auth: true,
            require_tls: true,
            deliver_by: Some(DeliverBy {
                seconds: -60,
                returns: false,
                trace: true,
            }),
            priority: Some(-3),
            hold: Some(Hold::Until(1_767_225_600)),
        };
        assert_eq!(all, Ok(expected));
        assert_eq!(mail("  "), Ok(MailParameters::default()));
    }

    #[test]
    fn malformed_and_unknown_parameters_are_told_apart() {
        for text in [
            " SIZE",
            " SIZE=",
            " SIZE=-1",
            " SIZE=1 SIZE=1",
            " SIZE=1 size=2",
            " BODY=9BIT",
            " SMTPUTF8=1",
            " SMTPUTF8 SMTPUTF8",
            " RET=SOME",
            " ENVID=+0D+0A",
            " SIZE=1=2",
            " =1",
            " SIZE=999999999999999999999",
            " REQUIRETLS=1",
            " BY=60",
            " BY=60;X",
            " BY=0;R",
            " BY=1234567890;N",
            " BY=;N",
            " HOLDFOR=",
            " HOLDFOR=-1",
            " HOLDFOR=0",
            " HOLDFOR=1234567890",
            " HOLDUNTIL=tomorrow",
            " HOLDFOR=1 HOLDUNTIL=2026-01-01T00:00:00Z",
            " MT-PRIORITY=10",
            " MT-PRIORITY=+1",
            " MT-PRIORITY=",
            " MT-PRIORITY=1 MT-PRIORITY=1",
        ] {
            assert_eq!(mail(text), Err(Malformed::Parameter), "{text}");
        }
        assert_eq!(mail(" FOO=1"), Err(Malformed::UnknownParameter));
        assert_eq!(mail(" NOTIFY=NEVER"), Err(Malformed::UnknownParameter));
        assert_eq!(mail("SIZE=1"), Err(Malformed::Path));
    }

    #[test]
    fn a_size_beyond_64_bits_is_just_very_large() {
        let size = mail(" SIZE=99999999999999999999").map(|all| all.size_bytes);
        assert_eq!(size, Ok(Some(u64::MAX)));
    }

    #[test]
    fn notify_and_orcpt_are_understood() {
        let all = recipient(" NOTIFY=SUCCESS,delay ORCPT=rfc822;a+2Bb@c.example").unwrap();
        let notify = Notify {
            success: true,
            failure: false,
            delay: true,
        };
        assert_eq!(all.notify, Some(notify));
        assert_eq!(
            all.original,
            Some(("rfc822".into(), "a+b@c.example".into()))
        );
        assert_eq!(
            recipient(" NOTIFY=NEVER").unwrap().notify,
            Some(Notify::default())
        );
        for text in [
            " NOTIFY=NEVER,SUCCESS",
            " NOTIFY=SUCCESS,SUCCESS",
            " NOTIFY=",
            " NOTIFY",
            " ORCPT=a@b.example",
            " ORCPT=;x",
            " ORCPT=rfc822;",
            " ORCPT=rfc822;+0A",
        ] {
            assert_eq!(recipient(text), Err(Malformed::Parameter), "{text}");
        }
    }
}
