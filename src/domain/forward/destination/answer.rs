//! What came back, and what it means.

use serde_json::Value;

/// Longest [`Outcome`] reason, in bytes.
pub const MAX_REASON: usize = 160;

/// Longest [`word`].
const MAX_WORD: usize = 100;

/// No answer makes us wait longer than this.
const LONGEST_WAIT_MS: i64 = 24 * 3_600_000;

/// An answer, read up to a bound.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub status: u16,
    /// Its first bytes.
    pub body: String,
    /// What `Retry-After` comes to, 0 without.
    pub wait_ms: i64,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The destination took all of it.
    Delivered,
    /// The destination took the request and will know later what became of it: ask with this
    /// ticket ([`super::Destination::poll`]).
    Accepted(String),
    /// Try again on the schedule.
    Retry,
    /// Try again on the schedule, and let everything for this destination wait too.
    Throttled,
    /// Something in the batch is wrong: it is sent again in halves. Of a single event this is
    /// [`Fate::Drop`].
    Bisect,
    /// The destination will never take this: set it aside for a person to look at.
    Drop,
    /// Too old for the destination by now.
    Expired,
    /// Nothing will be taken until a person mends the settings or the credentials.
    Misconfigured,
}

impl Fate {
    /// The word for it in the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Accepted(_) => "accepted",
            Self::Retry => "retry",
            Self::Throttled => "throttled",
            Self::Bisect => "bisect",
            Self::Drop => "drop",
            Self::Expired => "expired",
            Self::Misconfigured => "misconfigured",
        }
    }
}

/// What an attempt came to, and why. Reasons are short, made of our own words, numbers and
/// identifiers that were checked; they never hold what a receiver wrote freely, because such texts
/// can repeat a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub fate: Fate,
    /// At most [`MAX_REASON`] bytes; empty when delivered.
    pub reason: String,
    /// The next attempt comes no sooner than this.
    pub wait_ms: i64,
}

impl Outcome {
    pub fn delivered() -> Outcome {
        Outcome::new(Fate::Delivered, "")
    }

    pub fn new(fate: Fate, reason: impl Into<String>) -> Outcome {
        Outcome {
            fate,
            reason: reason.into(),
            wait_ms: 0,
        }
    }

    /// What a status means where nothing else is known: 2xx is delivered; no answer in time, 408,
    /// 425 and 5xx pass by themselves; 429 throttles; 401 and 403 are for a person to mend; the
    /// rest will never be taken, redirects included, which are not followed.
    pub fn by_status(answer: &Answer) -> Outcome {
        let fate = match answer.status {
            200..=299 => return Outcome::delivered(),
            408 | 425 | 500..=599 => Fate::Retry,
            429 => Fate::Throttled,
            401 | 403 => Fate::Misconfigured,
            _ => Fate::Drop,
        };
        Outcome::of(answer, fate)
    }

    /// A fate with the status as its reason and the wait that the answer asks for.
    pub fn of(answer: &Answer, fate: Fate) -> Outcome {
        let status = answer.status;
        let reason = match status {
            300..=399 => format!("http {status}, redirects are not followed"),
            _ => format!("http {status}"),
        };
        Outcome {
            fate,
            reason,
            wait_ms: answer.wait_ms,
        }
    }

    /// The same with more said: `http 400, code 100`.
    pub fn because(mut self, more: &str) -> Outcome {
        self.reason.push_str(", ");
        self.reason.push_str(more);
        self
    }
}

/// A word of a platform's vocabulary, as `INVALID_HEX_ENCODING`, that a reason may repeat.
pub fn word(value: &Value) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let text = value.as_str()?;
    (!text.is_empty() && text.len() <= MAX_WORD && text.bytes().all(plain)).then_some(text)
}

/// What `Retry-After` asks for, in milliseconds: whole seconds, or an HTTP date of which
/// `date_ms` is what the platform's parser made. At most a day; 0 for anything else.
pub fn retry_after(header: &str, date_ms: Option<i64>, now_ms: i64) -> i64 {
    let seconds = header.trim().parse::<u32>().ok();
    let wait = match seconds {
        Some(seconds) => i64::from(seconds) * 1_000,
        None => date_ms.map_or(0, |at| at.saturating_sub(now_ms)),
    };
    wait.clamp(0, LONGEST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_alone_has_a_meaning() {
        for (status, word) in [
            (200, "delivered"),
            (204, "delivered"),
            (302, "drop"),
            (400, "drop"),
            (401, "misconfigured"),
            (403, "misconfigured"),
            (404, "drop"),
            (408, "retry"),
            (425, "retry"),
            (429, "throttled"),
            (500, "retry"),
            (599, "retry"),
        ] {
            let answer = Answer {
                status,
                wait_ms: 7,
                ..Answer::default()
            };
            let outcome = Outcome::by_status(&answer);
            assert_eq!(outcome.fate.as_str(), word, "{status}");
            assert_eq!(outcome.reason.is_empty(), word == "delivered");
            assert_eq!(outcome.wait_ms == 7, word != "delivered");
        }
    }

    #[test]
    fn only_words_are_repeated() {
        let long = "A".repeat(MAX_WORD + 1);
        for text in ["", "secret", "A B", "A\n", "É", &long] {
            assert_eq!(word(&text.into()), None, "{text}");
        }
        assert_eq!(word(&"TOO_OLD_2".into()), Some("TOO_OLD_2"));
        assert_eq!(word(&Value::Null), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_bound() {
        assert_eq!(retry_after("120", None, 5), 120_000);
        assert_eq!(retry_after(" 1 ", Some(9), 5), 1_000);
        assert_eq!(retry_after("Wed, 21 Oct 2026", Some(2_005), 5), 2_000);
        assert_eq!(retry_after("Wed, 21 Oct 2015", Some(1), 5), 0);
        for header in ["", "-1", "soon", "1.5"] {
            assert_eq!(retry_after(header, None, 5), 0, "{header}");
        }
        assert_eq!(retry_after("999999", None, 0), LONGEST_WAIT_MS);
        assert_eq!(retry_after("x", Some(i64::MAX), i64::MIN), LONGEST_WAIT_MS);
    }
}
