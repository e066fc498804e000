//! IMAP's own spelling of days and times.
//!
//! Standards: RFC 9051 §9 (`date`, `date-time`).

use super::Fault;
use super::cursor::{Cursor, Parsed};
use crate::quirk;
use bytes::{BufMut, BytesMut};
use formats::date::{Civil, days_from_civil, days_in_month};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Days since 1970-01-01.
pub type Day = i64;

/// Reads `1-Feb-1994`, with or without quotes.
pub fn day(cursor: &mut Cursor<'_>) -> Parsed<Day> {
    const WRONG: Fault = Fault::Syntax("Expected a date such as 1-Feb-1994");
    let quoted = cursor.accept(b'"');
    let day = digits(cursor, 1, 2).ok_or(WRONG)?;
    let (month, year) = month_year(cursor).ok_or(WRONG)?;
    if quoted && !cursor.accept(b'"') {
        return Err(WRONG);
    }
    civil_day(year, month, day).ok_or(WRONG)
}

/// A moment with the zone in which it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Minutes east of Greenwich.
    pub zone_minutes: i16,
}

/// Reads `"17-Jul-1996 02:44:25 -0700"` (a day of one digit has a space before it).
pub fn date_time(cursor: &mut Cursor<'_>) -> Parsed<Moment> {
    inner_date_time(cursor).ok_or(Fault::Syntax("Expected a date and time"))
}

fn inner_date_time(cursor: &mut Cursor<'_>) -> Option<Moment> {
    cursor.accept(b'"').then_some(())?;
    quirk::space_before_digit(cursor);
    let day = digits(cursor, 1, 2)?;
    let (month, year) = month_year(cursor)?;
    let day = civil_day(year, month, day)?;
    cursor.accept(b' ').then_some(())?;
    let hour = digits(cursor, 2, 2).filter(|h| *h < 24)?;
    let minute = after_colon(cursor).filter(|m| *m < 60)?;
    let second = after_colon(cursor).filter(|s| *s <= 60)?.min(59);
    cursor.accept(b' ').then_some(())?;
    let sign = match cursor.take(1)? {
        b"+" => 1,
        b"-" => -1,
        _ => return None,
    };
    let zone_hours = digits(cursor, 2, 2)?;
    let zone_minutes = digits(cursor, 2, 2).filter(|m| *m < 60)?;
    cursor.accept(b'"').then_some(())?;
    let local = day * 86_400 + hour * 3600 + minute * 60 + second;
    let zone_minutes = sign * (zone_hours * 60 + zone_minutes);
    Some(Moment {
        seconds: local - zone_minutes * 60,
        zone_minutes: i16::try_from(zone_minutes).ok()?,
    })
}

fn after_colon(cursor: &mut Cursor<'_>) -> Option<i64> {
    cursor.accept(b':').then_some(())?;
    digits(cursor, 2, 2)
}

fn digits(cursor: &mut Cursor<'_>, least: usize, most: usize) -> Option<i64> {
    let available = cursor
        .rest()
        .iter()
        .take(most)
        .take_while(|b| b.is_ascii_digit())
        .count();
    if available < least {
        return None;
    }
    let digits = cursor.take(available)?;
    Some(
        digits
            .iter()
            .fold(0, |value, digit| value * 10 + i64::from(digit - b'0')),
    )
}

fn month_year(cursor: &mut Cursor<'_>) -> Option<(u8, i64)> {
    cursor.accept(b'-').then_some(())?;
    let name = cursor.take(3)?;
    let index = MONTHS
        .iter()
        .position(|m| m.as_bytes().eq_ignore_ascii_case(name))?;
    cursor.accept(b'-').then_some(())?;
    Some((u8::try_from(index + 1).ok()?, digits(cursor, 4, 4)?))
}

fn civil_day(year: i64, month: u8, day: i64) -> Option<Day> {
    let day = u8::try_from(day).ok()?;
    let possible = (1..=days_in_month(year, month)).contains(&day);
    possible.then(|| days_from_civil(year, month, day))
}

/// Writes `"17-Jul-1996 02:44:25 -0700"`; moments before year 0 or behind 9999 are told as its
/// edges.
pub fn write_date_time(out: &mut BytesMut, moment: Moment) {
    let zone = i64::from(moment.zone_minutes);
    let local = moment.seconds.saturating_add(zone * 60);
    let civil = Civil::from_seconds(local.clamp(-62_167_219_200, 253_402_300_799));
    out.put_u8(b'"');
    if civil.day < 10 {
        out.put_u8(b' ');
        out.put_u8(b'0' + civil.day % 10);
    } else {
        two_digits(out, civil.day);
    }
    out.put_u8(b'-');
    out.put_slice(civil.month_name().as_bytes());
    out.put_u8(b'-');
    two_digits(out, u8::try_from(civil.year / 100).unwrap_or(0));
    two_digits(out, u8::try_from(civil.year % 100).unwrap_or(0));
    for (before, value) in [
        (b' ', civil.hour),
        (b':', civil.minute),
        (b':', civil.second),
    ] {
        out.put_u8(before);
        two_digits(out, value);
    }
    out.put_slice(if zone < 0 { b" -" } else { b" +" });
    let zone = zone.unsigned_abs();
    two_digits(out, u8::try_from(zone / 60).unwrap_or(0));
    two_digits(out, u8::try_from(zone % 60).unwrap_or(0));
    out.put_u8(b'"');
}

fn two_digits(out: &mut BytesMut, value: u8) {
    out.put_u8(b'0' + value / 10 % 10);
    out.put_u8(b'0' + value % 10);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_9051() {
        let mut cursor = Cursor::new(b"\"17-Jul-1996 02:44:25 -0700\"");
        let moment = date_time(&mut cursor).unwrap();
        assert_eq!((moment.seconds, moment.zone_minutes), (837_596_665, -420));
        let mut out = BytesMut::new();
        write_date_time(&mut out, moment);
        assert_eq!(&out[..], b"\"17-Jul-1996 02:44:25 -0700\"");
    }

    #[test]
    fn a_day_of_one_digit_has_a_space() {
        let mut out = BytesMut::new();
        let moment = Moment {
            seconds: 0,
            zone_minutes: 0,
        };
        write_date_time(&mut out, moment);
        assert_eq!(&out[..], b"\" 1-Jan-1970 00:00:00 +0000\"");
        assert_eq!(date_time(&mut Cursor::new(&out)), Ok(moment));
    }

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for bad in [
            "31-Feb-2000",
            "0-Jan-2000",
            "1-Foo-2000",
            "1-Jan-20",
            "1 Jan 2000",
            "\"1-Jan-2000",
        ] {
            assert!(day(&mut Cursor::new(bad.as_bytes())).is_err(), "{bad}");
        }
        assert_eq!(day(&mut Cursor::new(b"\"2-Jan-1970\"")), Ok(1));
    }
}
