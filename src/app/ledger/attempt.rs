//! Attempts at what waits for longer than it should. Each is noted before it is made: of what ends
//! the isolate nothing could be written afterwards. What was tried goes behind the others and is
//! folded alone, and after some attempts that were lost it is set aside.

use super::due::Unit;
use crate::ports::{Database, DatabaseError, Statement};
use domain::json;
use domain::values::time::UnixMs;

/// The named facts and all that waits of their customers: one after the other would be as many
/// attempts.
macro_rules! waiting {
    ($head:literal, $tail:literal) => {
        concat!(
            "WITH named AS (
               SELECT f.* FROM json_each(?1, '$.facts') n CROSS JOIN facts f ON f.id = n.value
               WHERE f.state IN ('pending', 'set_aside')) ",
            $head,
            " WHERE seq IN (
               SELECT seq FROM named
               UNION
               SELECT s.seq FROM named n CROSS JOIN facts s
               ON s.program = n.program AND s.customer = n.customer
               WHERE s.state = 'pending' OR s.state = 'set_aside' AND s.retry_at IS NOT NULL) ",
            $tail
        )
    };
}

pub(super) use waiting;

/// Counts an attempt once, however often it loads.
const NOTE: &str = waiting!(
    "UPDATE facts SET tries = tries + 1, tried_at = ?1 ->> 'now',
       waits_since = iif(state = 'pending', coalesce(waits_since, ?1 ->> 'now'), NULL)",
    "AND tried_at < ?1 ->> 'now'"
);

/// An attempt that ended well without an end: there was more to write, or others were faster. It
/// counts for nothing, and the next one may be made at once, behind the others.
const RELEASE: &str = waiting!(
    "UPDATE facts SET tries = max(tries - 1, 0), tried_at = iif(state = 'pending', 1, 0)",
    ""
);

/// What notes the attempt at these, as far as they are late and no other attempt is under way.
pub(super) fn note(units: &[Unit], now: UnixMs) -> Option<Statement> {
    let late = units
        .iter()
        .filter(|unit| unit.late && !unit.is_under_way(now));
    let facts: Vec<&String> = late.flat_map(|unit| &unit.events).collect();
    (!facts.is_empty()).then(|| Statement::new(NOTE, &json!({"facts": facts, "now": now})))
}

/// Takes an attempt at these back.
pub(super) async fn release(db: &impl Database, units: &[Unit]) -> Result<(), DatabaseError> {
    let facts: Vec<&String> = units.iter().flat_map(|unit| &unit.events).collect();
    let statement = Statement::new(RELEASE, &json!({"facts": facts}));
    db.batch(vec![statement]).await.map(|_| ())
}

/// Until when an attempt counts as lost.
pub(super) fn before(now: UnixMs) -> UnixMs {
    now.plus(-domain::values::limits::FOLD_ATTEMPT_MS)
}
