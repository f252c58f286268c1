//! Instants as whole milliseconds since 1970 UTC. Read from nowhere here: callers pass `now`.
//!
//! RFC 3339 is read and written here: the crate `time` would be 4 KB of wasm for it. A property
//! holds the two against each other.

mod calendar;

use calendar::{date_of, days_of, month_after};
use serde::{Deserialize, Serialize};

pub const DAY_MS: i64 = 86_400_000;
/// 9999-12-31T23:59:59.999Z, the last instant that RFC 3339 can write.
const MAX_MS: i64 = 253_402_300_799_999;

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixMs(pub i64);

impl UnixMs {
    /// The first instant of this instant's UTC day.
    pub fn day_start(self) -> UnixMs {
        UnixMs(self.0 - self.0.rem_euclid(DAY_MS))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    pub fn since(self, earlier: UnixMs) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `self` moved by `ms` milliseconds, saturating.
    pub fn plus(self, ms: i64) -> UnixMs {
        UnixMs(self.0.saturating_add(ms))
    }

    /// The same time of day so many calendar months later (UTC); where the month has no such day,
    /// its last: 31 January and one month is the end of February.
    pub fn plus_months(self, months: u16) -> UnixMs {
        let (year, month, day) = date_of(self.days());
        let (year, month) = month_after(year, month, i64::from(months));
        let (next_year, next) = month_after(year, month, 1);
        let length = days_of(next_year, next, 1) - days_of(year, month, 1);
        let days = days_of(year, month, day.min(length));
        UnixMs(days.saturating_mul(DAY_MS)).plus(self.0.rem_euclid(DAY_MS))
    }

    /// The first instant of this instant's calendar month (UTC).
    pub fn month_start(self) -> UnixMs {
        let (year, month, _) = date_of(self.days());
        UnixMs(days_of(year, month, 1).saturating_mul(DAY_MS))
    }

    /// Whole days since 1970, of what RFC 3339 can write.
    fn days(self) -> i64 {
        self.0.clamp(0, MAX_MS).div_euclid(DAY_MS)
    }

    /// RFC 3339 in UTC, with milliseconds only when there are any: `2026-11-22T08:00:00Z`.
    pub fn to_rfc3339(self) -> String {
        let of_day = self.0.clamp(0, MAX_MS).rem_euclid(DAY_MS);
        let (seconds, ms) = (of_day / 1_000, of_day % 1_000);
        let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let mut text = self.to_day();
        text.push_str(&format!("T{hour:02}:{minute:02}:{second:02}"));
        if ms > 0 {
            text.push_str(format!(".{ms:03}").trim_end_matches('0'));
        }
        text.push('Z');
        text
    }

    /// The UTC day as `2026-11-22`.
    pub fn to_day(self) -> String {
        let (year, month, day) = date_of(self.days());
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Reads RFC 3339 text; `None` when it is anything else or before 1970. What is finer than a
    /// millisecond is cut.
    pub fn parse_rfc3339(text: &str) -> Option<UnixMs> {
        let ms = calendar::read(text)?;
        (0..=MAX_MS).contains(&ms).then_some(UnixMs(ms))
    }

    /// Reads unix seconds; `None` when negative or beyond year 9999.
    pub fn from_unix_seconds(seconds: i64) -> Option<UnixMs> {
        let ms = seconds.checked_mul(1_000)?;
        (0..=MAX_MS).contains(&ms).then_some(UnixMs(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_rfc3339() {
        let at = UnixMs(1_795_334_400_000);
        assert_eq!(at.to_rfc3339(), "2026-11-22T08:00:00Z");
        assert_eq!(UnixMs::parse_rfc3339("2026-11-22T09:00:00+01:00"), Some(at));
        assert_eq!(
            UnixMs(1_795_334_400_120).to_rfc3339(),
            "2026-11-22T08:00:00.12Z"
        );
        assert_eq!(UnixMs::parse_rfc3339("22.11.2026"), None);
        assert_eq!(at.to_day(), "2026-11-22");
    }

    #[test]
    fn refuses_what_is_out_of_range() {
        assert_eq!(UnixMs::from_unix_seconds(-1), None);
        assert_eq!(UnixMs::from_unix_seconds(i64::MAX), None);
        assert_eq!(UnixMs::parse_rfc3339("1950-01-01T00:00:00Z"), None);
    }

    #[test]
    fn months_keep_the_day_or_end_with_their_month() {
        let moved = |text: &str, months| {
            let at = UnixMs::parse_rfc3339(text).unwrap();
            at.plus_months(months).to_rfc3339()
        };
        assert_eq!(moved("2026-01-31T08:00:00Z", 1), "2026-02-28T08:00:00Z");
        assert_eq!(moved("2027-12-31T08:00:00Z", 2), "2028-02-29T08:00:00Z");
        assert_eq!(
            moved("2026-03-15T08:00:00.5Z", 12),
            "2027-03-15T08:00:00.5Z"
        );
        let at = UnixMs::parse_rfc3339("2026-03-15T08:00:00Z").unwrap();
        assert_eq!(at.month_start().to_rfc3339(), "2026-03-01T00:00:00Z");
    }

    #[test]
    fn a_day_starts_at_midnight_utc() {
        assert_eq!(UnixMs(DAY_MS + 5).day_start(), UnixMs(DAY_MS));
    }

    use ::time::OffsetDateTime;
    use ::time::format_description::well_known::Rfc3339;
    use proptest::prelude::*;

    fn theirs(text: &str) -> Option<i64> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let ms = at.unix_timestamp_nanos().div_euclid(1_000_000);
        i64::try_from(ms)
            .ok()
            .filter(|ms| (0..=MAX_MS).contains(ms))
    }

    proptest! {
        #[test]
        fn instants_are_written_and_read_as_the_crate_time_does(ms in 0..=MAX_MS) {
            let ours = UnixMs(ms).to_rfc3339();
            let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
            prop_assert_eq!(&ours, &at.unwrap().format(&Rfc3339).unwrap());
            prop_assert_eq!(UnixMs::parse_rfc3339(&ours), Some(UnixMs(ms)));
        }

        #[test]
        fn texts_are_read_as_the_crate_time_does(
            date in "(19[67][0-9]|20[0-9]{2}|9999)-(0[0-9]|1[0-3])-([0-2][0-9]|3[0-2])",
            clock in "[Tt ]([01][0-9]|2[0-5]):[0-6][0-9]:[0-5][0-9](\\.[0-9]{0,12})?",
            zone in "(Z|z||[+-]([01][0-9]|2[0-5]):[0-6][0-9])x?",
        ) {
            let text = format!("{date}{clock}{zone}");
            let ours = UnixMs::parse_rfc3339(&text).map(|at| at.0);
            prop_assert_eq!(ours, theirs(&text), "{}", text);
        }
    }
}
