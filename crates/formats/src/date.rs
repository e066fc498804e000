//! The dates of letters, and the calendar arithmetic beneath them.
//!
//! Never asks what time it is. Leap seconds are read as the second before them. Years 0 to 9999.
//! Start at [`Date::parse`] for what a header says, at [`Civil`] for calendar arithmetic.
//!
//! Standards: RFC 5322 §3.3 and §4.3 (date-time, obsolete zones).

use crate::cursor::Cursor;
use std::fmt;

/// Bytes of a Date field that are looked at; the longest sensible one is about 60.
const DATE_BYTES_MAX: usize = 256;
const SECONDS_PER_DAY: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A moment and the offset of the clock that showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub seconds: i64,
    /// Minutes that the local clock was ahead of UTC, -1439 to 1439.
    pub zone_minutes: i16,
}

/// A day and time of day on some clock, in the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 0 to 9999 when it came from [`Date::parse`].
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl Civil {
    /// What a clock at UTC shows `seconds` after 1970-01-01 00:00.
    pub fn from_seconds(seconds: i64) -> Self {
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        Self {
            year,
            month,
            day,
            hour: small(of_day / 3600),
            minute: small(of_day / 60 % 60),
            second: small(of_day % 60),
        }
    }

    /// Seconds since 1970-01-01 00:00 on the same clock.
    pub fn to_seconds(self) -> i64 {
        days_from_civil(self.year, self.month, self.day)
            .saturating_mul(SECONDS_PER_DAY)
            .saturating_add(i64::from(self.hour) * 3600)
            .saturating_add(i64::from(self.minute) * 60)
            .saturating_add(i64::from(self.second))
    }

    /// The English abbreviation of the month, `Jan` to `Dec`.
    pub fn month_name(self) -> &'static str {
        let index = usize::from(self.month.saturating_sub(1));
        MONTHS.get(index).copied().unwrap_or("Jan")
    }

    /// The English abbreviation of the day of the week, `Mon` to `Sun`.
    pub fn weekday_name(self) -> &'static str {
        // 1970-01-01 was a Thursday.
        let days = days_from_civil(self.year, self.month, self.day).saturating_add(3);
        WEEKDAYS
            .get(usize::from(small(days.rem_euclid(7))))
            .copied()
            .unwrap_or("Mon")
    }

    fn is_possible(self) -> bool {
        (1..=12).contains(&self.month)
            && self.day >= 1
            && self.day <= days_in_month(self.year, self.month)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60
    }
}

/// How many days a month has; 31 for months that do not exist.
pub fn days_in_month(year: i64, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
///
/// Counts in eras of 400 years that begin in March, so that the leap day is the last of its year.
pub fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 {
        year.saturating_sub(1)
    } else {
        year
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.saturating_mul(146_097)
        .saturating_add(day_of_era)
        .saturating_sub(719_468)
}

/// Year, month and day that lie `days` after 1970-01-01; the inverse of [`days_from_civil`].
pub fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era.saturating_mul(400) + i64::from(month <= 2);
    (year, small(month), small(day))
}

/// A value that the caller's arithmetic keeps below 256.
fn small(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(0)
}

impl Date {
    /// Reads the value of a Date field, leniently: weekday and seconds may be absent, comments and
    /// odd spaces stand anywhere, years may have two digits, zones may be names.
    ///
    /// `None` if no day and time can be told. Source: RFC 5322 §3.3, §4.3.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(value.get(..DATE_BYTES_MAX).unwrap_or(value));
        skip_weekday(&mut cursor);
        let (day, month, year) = day_month_year(&mut cursor)?;
        skip_space(&mut cursor);
        let (hour, minute, second) = time_of_day(&mut cursor)?;
        skip_space(&mut cursor);
        let zone_minutes = zone(&mut cursor);
        let civil = Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
        };
        civil.is_possible().then(|| Self {
            seconds: civil
                .to_seconds()
                .saturating_sub(i64::from(zone_minutes) * 60),
            zone_minutes,
        })
    }

    /// The moment as the local clock showed it.
    pub fn civil(self) -> Civil {
        Civil::from_seconds(
            self.seconds
                .saturating_add(i64::from(self.zone_minutes) * 60),
        )
    }
}

/// The form of RFC 5322 §3.3: `Sat, 21 Nov 2026 04:40:51 +0000`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil {
            year,
            day,
            hour,
            minute,
            second,
            ..
        } = self.civil();
        let (weekday, month) = (self.civil().weekday_name(), self.civil().month_name());
        let sign = if self.zone_minutes < 0 { '-' } else { '+' };
        let zone = self.zone_minutes.unsigned_abs();
        write!(
            f,
            "{weekday}, {day} {month} {year:04} {hour:02}:{minute:02}:{second:02} "
        )?;
        write!(f, "{sign}{:02}{:02}", zone / 60, zone % 60)
    }
}

/// Skips blanks, commas and comments; an unclosed comment reaches to the end.
fn skip_space(cursor: &mut Cursor<'_>) {
    let mut depth = 0_usize;
    while let Some(byte) = cursor.peek() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ if depth > 0 || byte.is_ascii_whitespace() || byte == b',' => {}
            _ => return,
        }
        cursor.next();
    }
}

fn skip_weekday(cursor: &mut Cursor<'_>) {
    skip_space(cursor);
    let mut ahead = *cursor;
    let word = ahead.take_while(|byte| byte.is_ascii_alphabetic());
    // `Nov 21 …` begins with its month, which is wanted later.
    if !word.is_empty() && month_number(word).is_none() {
        *cursor = ahead;
        cursor.accept(b'.');
        skip_space(cursor);
    }
}

/// `21 Nov 2026`, `21-Nov-26`, or the `Nov 21 04:40:51 2026` of old programs without its year.
fn day_month_year(cursor: &mut Cursor<'_>) -> Option<(u8, u8, i64)> {
    let day = cursor.number(1, 2);
    skip_separator(cursor);
    let month = month_number(cursor.take_while(|byte| byte.is_ascii_alphabetic()))?;
    skip_separator(cursor);
    let Some(day) = day else {
        let day = cursor.number(1, 2)?;
        return year_after_time(cursor, day, month);
    };
    let digits_before = cursor.rest().len();
    let year = cursor.number(2, 4)?;
    Some((
        small(day),
        month,
        full_year(year, digits_before - cursor.rest().len()),
    ))
}

/// The year of `Nov 21 04:40:51 2026` stands behind the time; leaves the cursor at the time.
fn year_after_time(cursor: &mut Cursor<'_>, day: i64, month: u8) -> Option<(u8, u8, i64)> {
    skip_space(cursor);
    let mut ahead = *cursor;
    if let Some(year) = ahead.number(4, 4) {
        *cursor = ahead;
        return Some((small(day), month, year));
    }
    time_of_day(&mut ahead)?;
    // Behind the time may stand a zone, before or after the year.
    ahead.take_while(|byte| byte.is_ascii_whitespace() || byte.is_ascii_alphabetic());
    let year = ahead.number(4, 4)?;
    Some((small(day), month, year))
}

fn skip_separator(cursor: &mut Cursor<'_>) {
    skip_space(cursor);
    if cursor.accept(b'-') || cursor.accept(b'.') {
        skip_space(cursor);
    }
}

/// Years of two or three digits. Source: RFC 5322 §4.3.
fn full_year(year: i64, digits: usize) -> i64 {
    match digits {
        2 if year < 50 => year + 2000,
        2 | 3 => year + 1900,
        _ => year,
    }
}

fn month_number(word: &[u8]) -> Option<u8> {
    let start = word.get(..3)?;
    let index = MONTHS
        .iter()
        .position(|name| start.eq_ignore_ascii_case(name.as_bytes()))?;
    u8::try_from(index + 1).ok()
}

/// `04:40`, `04:40:51`, `04.40.51`; a leap second counts as the second before it.
fn time_of_day(cursor: &mut Cursor<'_>) -> Option<(u8, u8, u8)> {
    let hour = cursor.number(1, 2)?;
    skip_space(cursor);
    let minute = after_colon(cursor)?;
    let second = after_colon(cursor).unwrap_or(0).min(59);
    Some((small(hour), small(minute), small(second)))
}

fn after_colon(cursor: &mut Cursor<'_>) -> Option<i64> {
    let mut ahead = *cursor;
    skip_space(&mut ahead);
    if !ahead.accept(b':') && !ahead.accept(b'.') {
        return None;
    }
    skip_space(&mut ahead);
    let value = ahead.number(1, 2)?;
    *cursor = ahead;
    Some(value)
}

/// Minutes ahead of UTC; 0 where the zone is absent, military or unknown (RFC 5322 §4.3).
fn zone(cursor: &mut Cursor<'_>) -> i16 {
    let name = cursor.take_while(|byte| byte.is_ascii_alphabetic());
    if let Some(minutes) = named_zone(name) {
        return minutes;
    }
    let sign = match cursor.next() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return 0,
    };
    let hours = cursor.number(2, 2).unwrap_or(0);
    cursor.accept(b':');
    let minutes = hours * 60 + cursor.number(2, 2).unwrap_or(0);
    if minutes >= 24 * 60 {
        return 0;
    }
    i16::try_from(sign * minutes).unwrap_or(0)
}

/// The zones that have a fixed meaning, `GMT` and `UTC` only where no offset follows.
fn named_zone(name: &[u8]) -> Option<i16> {
    const HOURS: [(&[u8], i16); 8] = [
        (b"EST", -5),
        (b"EDT", -4),
        (b"CST", -6),
        (b"CDT", -5),
        (b"MST", -7),
        (b"MDT", -6),
        (b"PST", -8),
        (b"PDT", -7),
    ];
    let found = HOURS
        .iter()
        .find(|(zone, _)| name.eq_ignore_ascii_case(zone));
    found.map(|(_, hours)| hours * 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(value: &str) -> Option<String> {
        Date::parse(value.as_bytes()).map(|date| date.to_string())
    }

    #[test]
    fn the_examples_of_rfc_5322_are_read() {
        for (value, wanted) in [
            (
                "Fri, 21 Nov 1997 09:55:06 -0600",
                "Fri, 21 Nov 1997 09:55:06 -0600",
            ),
            (
                "Tue, 1 Jul 2003 10:52:37 +0200",
                "Tue, 1 Jul 2003 10:52:37 +0200",
            ),
            ("21 Nov 97 09:55:06 GMT", "Fri, 21 Nov 1997 09:55:06 +0000"),
            (
                "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n -0330 \
                (Newfoundland Time)",
                "Thu, 13 Feb 1969 23:32:00 -0330",
            ),
            (
                "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
                "Fri, 21 Nov 1997 09:55:06 -0600",
            ),
        ] {
            assert_eq!(read(value).as_deref(), Some(wanted), "{value}");
        }
    }

    #[test]
    fn obsolete_and_broken_forms_are_read() {
        for (value, wanted) in [
            ("21 Nov 97 09:55 EST", "Fri, 21 Nov 1997 09:55:00 -0500"),
            ("21 Nov 102 09:55 Z", "Thu, 21 Nov 2002 09:55:00 +0000"),
            (
                "Thu Aug 22 12:36:23 2002",
                "Thu, 22 Aug 2002 12:36:23 +0000",
            ),
            (
                "Thu Aug 22 12:36:23 EDT 2002",
                "Thu, 22 Aug 2002 12:36:23 -0400",
            ),
            (
                "Sun, 22-Sep-2002 23:59:60 +05:30",
                "Sun, 22 Sep 2002 23:59:59 +0530",
            ),
            (
                "wednesday, 2 january 2008 7:05:00",
                "Wed, 2 Jan 2008 07:05:00 +0000",
            ),
        ] {
            assert_eq!(read(value).as_deref(), Some(wanted), "{value}");
        }
    }

    #[test]
    fn impossible_dates_are_none() {
        for value in [
            "",
            "yesterday",
            "31 Feb 2020 00:00:00 +0000",
            "1 Jan 2020",
            "1 Jan 2020 25:00",
            "((((",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn days_and_dates_are_inverse(days in -1_000_000_i64..4_000_000) {
            let (year, month, day) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(year, month, day), days);
            prop_assert!(day >= 1 && day <= days_in_month(year, month));
        }

        #[test]
        fn what_is_written_is_read_back(
            seconds in 0_i64..250_000_000_000,
            zone_minutes in -1439_i16..1440,
        ) {
            let date = Date { seconds, zone_minutes };
            prop_assert_eq!(Date::parse(date.to_string().as_bytes()), Some(date));
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Date::parse(&bytes);
        }
    }
}
