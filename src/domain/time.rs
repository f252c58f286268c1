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

    /// RFC 3339 in UTC, with milliseconds only when there are any: `2026-11-22T08:00:00Z`.
    pub fn to_rfc3339(self) -> String {
        let ms = self.0.clamp(0, MAX_MS);
        let at = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(ms);
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
    fn a_day_starts_at_midnight_utc() {
        assert_eq!(UnixMs(DAY_MS + 5).day_start(), UnixMs(DAY_MS));
    }
}
