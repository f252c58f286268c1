//! The proleptic Gregorian calendar as arithmetic on days. Source: Howard Hinnant,
//! "chrono-Compatible Low-Level Date Algorithms" (`days_from_civil`, `civil_from_days`).

use super::DAY_MS;

/// Days from 0000-03-01, where the arithmetic begins, to 1970-01-01.
const EPOCH: i64 = 719_468;
/// Days of 400 years, after which the calendar repeats itself.
const ERA: i64 = 146_097;

/// Days since 1970 of a date: year, month 1 to 12, day.
pub(super) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that a leap day is the last of its year.
    let year = if month > 2 { year } else { year - 1 };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    year.div_euclid(400) * ERA + days - EPOCH
}

/// The date of a day since 1970.
pub(super) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH;
    let of_era = days.rem_euclid(ERA);
    let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = days.div_euclid(ERA) * 400 + years + i64::from(month <= 2);
    (year, month, day)
}

/// Year and month so many months later.
pub(super) fn month_after(year: i64, month: i64, months: i64) -> (i64, i64) {
    let count = month - 1 + months;
    (year + count / 12, count % 12 + 1)
}

/// Milliseconds since 1970 of RFC 3339 text: `2026-11-22T08:00:00.5+01:00`. Leap seconds are not
/// known.
pub(super) fn read(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let (date, rest) = bytes.split_first_chunk::<19>()?;
    let [
        _,
        _,
        _,
        _,
        b'-',
        _,
        _,
        b'-',
        _,
        _,
        b'T' | b't' | b' ',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
    ] = date
    else {
        return None;
    };
    let part = |from, length| number(date.get(from..from + length)?);
    let (year, month, day) = (part(0, 4)?, part(5, 2)?, part(8, 2)?);
    let (hour, minute, second) = (part(11, 2)?, part(14, 2)?, part(17, 2)?);
    let days = days_of(year, month, day);
    let exists = (1..=12).contains(&month) && date_of(days) == (year, month, day);
    if !exists || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (ms, zone) = fraction(rest)?;
    let seconds = (hour * 60 + minute) * 60 + second - offset(zone)? * 60;
    Some(days * DAY_MS + seconds * 1_000 + ms)
}

/// The milliseconds of a fraction, if there is one, and what follows it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else {
        return Some((0, text));
    };
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, rest) = digits.split_at_checked(length).filter(|_| length > 0)?;
    let digit = |place: usize| digits.get(place).map_or(0, |byte| i64::from(byte - b'0'));
    Some((digit(0) * 100 + digit(1) * 10 + digit(2), rest))
}

/// Minutes east of UTC.
fn offset(zone: &[u8]) -> Option<i64> {
    if let b"Z" | b"z" = zone {
        return Some(0);
    }
    let [sign @ (b'+' | b'-'), a, b, b':', c, d] = zone else {
        return None;
    };
    let (hours, minutes) = (number(&[*a, *b])?, number(&[*c, *d])?);
    let east = hours * 60 + minutes;
    let valid = hours <= 23 && minutes <= 59;
    valid.then_some(if *sign == b'+' { east } else { -east })
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + i64::from(byte - b'0'))
    })
}
