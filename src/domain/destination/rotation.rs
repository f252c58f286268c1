//! Secrets that were replaced. For a day they go on signing beside the new one, so that a receiver
//! can change over without losing a message.

use serde::{Deserialize, Serialize};

use crate::domain::time::UnixMs;

/// How long a replaced secret goes on signing.
const OVERLAP_MS: i64 = 24 * 3_600_000;
/// A change that is repeated because its answer was lost makes one more each time.
const MOST: usize = 3;

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Sealed.
    pub secret: String,
    pub until: UnixMs,
}

/// The secrets that sign along after `current` (sealed) was replaced, newest first.
pub fn replaced(current: String, before: Vec<Previous>, now: UnixMs) -> Vec<Previous> {
    let current = Previous {
        secret: current,
        until: now.plus(OVERLAP_MS),
    };
    let before = before.into_iter().filter(|each| each.until > now);
    [current].into_iter().chain(before).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_secret_signs_for_a_day_and_few_do_at_once() {
        let day = OVERLAP_MS;
        let first = replaced("a".into(), Vec::new(), UnixMs(0));
        assert_eq!(first[0].until, UnixMs(day));
        let second = replaced("b".into(), first.clone(), UnixMs(day - 1));
        let names = |all: &[Previous]| all.iter().map(|p| p.secret.clone()).collect::<String>();
        assert_eq!(names(&second), "ba");
        assert_eq!(
            names(&replaced("c".into(), second.clone(), UnixMs(day))),
            "cb"
        );
        let mut all = second;
        for name in ["c", "d", "e"] {
            all = replaced(name.into(), all, UnixMs(day));
        }
        assert_eq!(names(&all), "edc");
    }
}
