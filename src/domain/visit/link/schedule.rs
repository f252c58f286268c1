//! Whether a link leads anywhere now: its standing, its dates, its cap.

use super::LinkSnapshot;
use crate::values::time::UnixMs;
use serde::Serialize;

/// What people decided about a link or its partner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Live,
    /// The link is paused.
    Paused,
    /// Its partner is suspended.
    Suspended,
}

impl Standing {
    /// The words of a snapshot, for [`crate::values::input::Fields::choice`].
    pub const WORDS: [(&'static str, Standing); 3] = [
        ("live", Standing::Live),
        ("paused", Standing::Paused),
        ("suspended", Standing::Suspended),
    ];
}

/// What a visitor meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    Open,
    /// It has not begun: as if there were no such link.
    Scheduled,
    Expired,
    /// It has had the clicks that it may have. Clicks are counted some seconds late, so a cap is
    /// passed by those of the meantime.
    Capped,
    Paused,
    Suspended,
}

impl LinkSnapshot {
    /// The state at `now`. A suspension hides all else; dates come before the cap.
    pub fn availability(&self, now: UnixMs) -> Availability {
        let settings = &self.settings;
        match self.standing {
            Standing::Suspended => Availability::Suspended,
            Standing::Paused => Availability::Paused,
            Standing::Live if settings.starts_at.is_some_and(|start| now < start) => {
                Availability::Scheduled
            }
            Standing::Live if settings.ends_at.is_some_and(|end| now >= end) => {
                Availability::Expired
            }
            Standing::Live if self.capped => Availability::Capped,
            Standing::Live => Availability::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_suspension_hides_all_else_and_dates_come_before_the_cap() {
        use Availability::*;
        let (start, end) = (UnixMs(1_000_000), UnixMs(2_000_000));
        let record = json!({
            "id": "ln_000000000002", "program": "pg_000000000001", "partner": "pn_000000000003",
            "slug": "anna", "target": "https://shop.example/",
            "starts_at": start.to_rfc3339(), "ends_at": end.to_rfc3339(),
        });
        for (standing, capped, now, expected) in [
            ("live", false, start, Open),
            ("live", false, start.plus(-1), Scheduled),
            ("live", true, start.plus(-1), Scheduled),
            ("live", false, end.plus(-1), Open),
            ("live", false, end, Expired),
            ("live", true, end, Expired),
            ("live", true, start, Capped),
            ("paused", true, end, Paused),
            ("suspended", true, start.plus(-1), Suspended),
        ] {
            let mut record = record.clone();
            record["standing"] = standing.into();
            record["capped"] = capped.into();
            let link = LinkSnapshot::stored(&record).unwrap();
            assert_eq!(
                link.availability(now),
                expected,
                "{standing} {capped} {now:?}"
            );
        }
    }
}
