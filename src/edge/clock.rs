//! Time and randomness of the platform. Workers freeze the clock while code runs: it stands at
//! the last input or output.

use crate::domain::time::UnixMs;
use std::time::Duration;
use worker::Delay;

pub(super) fn now() -> UnixMs {
    #[allow(clippy::cast_possible_truncation)]
    UnixMs(js_sys::Date::now() as i64)
}

/// Fresh random bytes; `None` only when the platform has none to give.
pub(super) fn entropy() -> Option<[u8; 64]> {
    let mut bytes = [0; 64];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
}

/// Waits for `work`, but not longer than `ms`.
pub(super) async fn within<T>(ms: u64, work: impl Future<Output = T>) -> Option<T> {
    let work = std::pin::pin!(work);
    let limit = std::pin::pin!(Delay::from(Duration::from_millis(ms)));
    match futures_util::future::select(work, limit).await {
        futures_util::future::Either::Left((done, _)) => Some(done),
        futures_util::future::Either::Right(_) => None,
    }
}
