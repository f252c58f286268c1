//! Destinations: the places that conversion events are forwarded to.
//!
//! Decides when a delivery is tried again, and what the answer of a destination means. Sends
//! nothing and stores nothing.

pub mod hashing;
pub mod meta;
pub mod webhook;

/// Longest [`Outcome`] reason, in bytes.
pub const MAX_REASON: usize = 160;

/// Delays between attempts in milliseconds: 5 s, 30 s, 2 min, 10 min, 1 h, 3 h, 6 h, 12 h. The
/// ninth failure ends the schedule about 22 hours after the first attempt.
const SCHEDULE_MS: [u64; 8] = [
    5_000, 30_000, 120_000, 600_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000,
];

/// What kind of receiver a destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A receiver of signed webhooks (Standard Webhooks).
    Webhook,
    /// Meta's Conversions API.
    Meta,
}

impl Kind {
    /// The word for it in the API and in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Meta => "meta",
        }
    }

    /// Reads [`Kind::as_str`] back; `None` for any other word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Webhook, Self::Meta]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// What an attempt came to. Reasons are short, made of our own words, numbers and identifiers
/// that were checked; they never hold what a receiver wrote freely, because such texts can repeat
/// a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The destination took it.
    Delivered,
    /// Try again on the schedule of [`next_attempt`].
    Retry {
        /// Why, at most [`MAX_REASON`] bytes.
        reason: String,
    },
    /// As [`Outcome::Retry`], and other deliveries to the destination should wait too.
    Throttled {
        /// Why, at most [`MAX_REASON`] bytes.
        reason: String,
    },
    /// Nothing will be taken until a person renews the credentials of the destination.
    Reauthorise {
        /// Why, at most [`MAX_REASON`] bytes.
        reason: String,
    },
    /// This delivery will never be taken; set it aside.
    Permanent {
        /// Why, at most [`MAX_REASON`] bytes.
        reason: String,
    },
}

impl Outcome {
    /// The word for it in the API and in rows.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry { .. } => "retry",
            Self::Throttled { .. } => "throttled",
            Self::Reauthorise { .. } => "reauthorise",
            Self::Permanent { .. } => "permanent",
        }
    }

    /// Why it was not delivered; empty if it was.
    pub fn reason(&self) -> &str {
        match self {
            Self::Delivered => "",
            Self::Retry { reason }
            | Self::Throttled { reason }
            | Self::Reauthorise { reason }
            | Self::Permanent { reason } => reason,
        }
    }
}

/// How long to wait before the next attempt. Takes the number of attempts that have failed and
/// sixteen random bits; gives milliseconds, or `None` when the delivery is to be set aside.
///
/// The wait is never shorter than the schedule and up to a fifth longer, so that deliveries that
/// failed together do not return together. One failure, jitter 32768: 5 000 + 500 = 5 500 ms.
/// Before the first attempt (0 failures) there is no wait.
pub fn next_attempt(attempts: u32, jitter: u16) -> Option<u64> {
    let Some(index) = attempts.checked_sub(1) else {
        return Some(0);
    };
    let base = *SCHEDULE_MS.get(usize::try_from(index).ok()?)?;
    let spread = base / 5 * u64::from(jitter) / 65_536;
    Some(base + spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_grows_and_ends() {
        assert_eq!(next_attempt(0, 9), Some(0));
        let waits: Vec<u64> = (1..=8).filter_map(|n| next_attempt(n, 0)).collect();
        assert_eq!(waits, SCHEDULE_MS);
        for attempts in [9, 10, u32::MAX] {
            assert_eq!(next_attempt(attempts, 0), None);
        }
        assert_eq!(next_attempt(1, 32_768), Some(5_500));
        for attempts in 1..=8 {
            let (least, most) = (next_attempt(attempts, 0), next_attempt(attempts, u16::MAX));
            let (least, most) = (least.unwrap(), most.unwrap());
            assert!(most > least && most < least + least / 5 + 1);
        }
    }

    #[test]
    fn words_read_back() {
        for kind in [Kind::Webhook, Kind::Meta] {
            assert_eq!(Kind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::parse("Meta"), None);
        let outcome = Outcome::Retry {
            reason: "http 500".to_owned(),
        };
        assert_eq!((outcome.as_str(), outcome.reason()), ("retry", "http 500"));
        assert_eq!(Outcome::Delivered.reason(), "");
    }
}
