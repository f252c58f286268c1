//! Instants as whole milliseconds since 1970 UTC. Read from nowhere here: callers pass `now`.

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

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
        let at = self.to_date_time();
        let count = i32::from(at.month() as u8) - 1 + i32::from(months);
        let year = at.year() + count.div_euclid(12);
        let month = u8::try_from(count.rem_euclid(12) + 1).unwrap_or(1);
        let month = time::Month::try_from(month).unwrap_or(time::Month::January);
        let day = at.day().min(month.length(year));
        let date = time::Date::from_calendar_date(year, month, day);
        let moved = date.map(|date| at.replace_date(date).unix_timestamp_nanos() / 1_000_000);
        let ms = moved.ok().and_then(|ms| i64::try_from(ms).ok());
        UnixMs(ms.unwrap_or(i64::MAX))
    }

    /// The first instant of this instant's calendar month (UTC).
    pub fn month_start(self) -> UnixMs {
        let days = i64::from(self.to_date_time().day()) - 1;
        UnixMs(self.day_start().0 - days * DAY_MS)
    }

    fn to_date_time(self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(self.0.clamp(0, MAX_MS))
    }

    /// RFC 3339 in UTC, with milliseconds only when there are any: `2026-11-22T08:00:00Z`.
    pub fn to_rfc3339(self) -> String {
        let at = self.to_date_time();
        // Formatting a date of years 1970 to 9999 into RFC 3339 has no failing case.
        at.format(&Rfc3339).unwrap_or_default()
    }

    /// The UTC day as `2026-11-22`.
    pub fn to_day(self) -> String {
        self.to_rfc3339().chars().take(10).collect()
    }

    /// Reads RFC 3339 text; `None` when it is anything else or before 1970.
    pub fn parse_rfc3339(text: &str) -> Option<UnixMs> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let ms = i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()?;
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
}
