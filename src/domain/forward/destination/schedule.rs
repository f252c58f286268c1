//! When a delivery that failed is tried again.

/// Delays between attempts in milliseconds: 5 s, 30 s, 2 min, 10 min, 1 h, 3 h, 6 h, 12 h. The
/// ninth failure ends the schedule about 22 hours after the first attempt.
const SCHEDULE_MS: [u64; 8] = [
    5_000, 30_000, 120_000, 600_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000,
];
/// After so many attempts a delivery is set aside.
pub const ATTEMPTS: usize = SCHEDULE_MS.len() + 1;

/// How long to wait before the next attempt. Takes the number of attempts that have failed and
/// sixteen random bits; gives milliseconds, or `None` when the delivery is to be set aside.
///
/// The wait is never shorter than the schedule and up to a fifth longer, so that deliveries that
/// failed together do not return together. One failure, jitter 32768: 5 000 + 500 = 5 500 ms.
/// Before the first attempt (0 failures) there is no wait.
pub fn next_attempt(attempts: u32, jitter: u16) -> Option<i64> {
    let Some(index) = attempts.checked_sub(1) else {
        return Some(0);
    };
    let base = *SCHEDULE_MS.get(usize::try_from(index).ok()?)?;
    let spread = base / 5 * u64::from(jitter) / 65_536;
    i64::try_from(base + spread).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_grows_and_ends() {
        assert_eq!(next_attempt(0, 9), Some(0));
        let waits: Vec<_> = (1..=8).filter_map(|n| next_attempt(n, 0)).collect();
        assert_eq!(waits, SCHEDULE_MS.map(u64::cast_signed));
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
}
