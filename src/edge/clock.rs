//! Time and randomness of the platform. Workers freeze the clock while code runs: it stands at
//! the last input or output.

use domain::values::time::UnixMs;

pub(super) fn now() -> UnixMs {
    #[allow(clippy::cast_possible_truncation)]
    UnixMs(js_sys::Date::now() as i64)
}

/// Fresh random bytes; `None` only when the platform has none to give.
pub(super) fn entropy() -> Option<[u8; 64]> {
    let mut bytes = [0; 64];
    getrandom::fill(&mut bytes).ok().map(|()| bytes)
}
