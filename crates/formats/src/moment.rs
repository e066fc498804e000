//! Times as programs exchange them and as the log has them, to the second.
//!
//! Source: RFC 3339 §5.6.

use crate::date::{Civil, days_in_month};

/// A time in seconds since 1970, in UTC.
pub fn rfc3339(seconds: i64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::from_seconds(seconds);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads `2026-03-01T12:00:00Z`, also with fractions (cut off) and with an offset like `+01:00`.
pub fn parse(text: &str) -> Option<i64> {
    let text = text.as_bytes();
    let civil = Civil {
        year: i64::from(number(text.get(..4)?)?),
        month: small(text.get(5..7)?)?,
        day: small(text.get(8..10)?)?,
        hour: small(text.get(11..13)?)?,
        minute: small(text.get(14..16)?)?,
        second: small(text.get(17..19)?)?,
    };
    let marks: Vec<u8> = [4, 7, 10, 13, 16]
        .iter()
        .filter_map(|&at| text.get(at))
        .copied()
        .collect();
    let in_form = matches!(
        marks.as_slice(),
        [b'-', b'-', b'T' | b't' | b' ', b':', b':']
    );
    let in_range = (1..=12).contains(&civil.month)
        && (1..=days_in_month(civil.year, civil.month)).contains(&civil.day)
        && civil.hour < 24
        && civil.minute < 60
        && civil.second < 60;
    (in_form && in_range).then_some(())?;
    let zone = text.get(19..)?;
    let zone = match zone.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            fraction.get(digits..)?
        }
        None => zone,
    };
    Some(civil.to_seconds() - offset(zone)?)
}

/// Seconds east of Greenwich.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), hour @ .., b':', m1, m2] => {
            let (hour, minute) = (small(hour)?, small(&[*m1, *m2])?);
            let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60;
            (hour < 24 && minute < 60).then_some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all_digits.then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
}

fn small(digits: &[u8]) -> Option<u8> {
    if digits.len() != 2 {
        return None;
    }
    number(digits).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_says() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_795_236_421), "2026-11-21T04:47:01Z");
        assert_eq!(rfc3339(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn what_was_written_is_read() {
        for seconds in [0, 951_782_400, 1_795_236_421, -1] {
            assert_eq!(parse(&rfc3339(seconds)), Some(seconds));
        }
    }

    #[test]
    fn offsets_and_fractions_are_understood() {
        assert_eq!(parse("1970-01-01T01:00:00.25+01:00"), Some(0));
        assert_eq!(parse("1969-12-31 23:30:00-00:30"), Some(0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-02-29T00:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
