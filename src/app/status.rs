//! How far the ledger plane is behind: what operators watch.

use super::control::Control;
use super::ports::{self, Database, DatabaseError, Statement};
use super::problem::Problem;
use domain::access::api_key::Scope;
use domain::json;
use domain::values::ids::ProgramId;
use domain::values::limits;
use domain::values::record;
use domain::values::time::UnixMs;
use serde::Deserialize;
use serde_json::Value;

/// Since when an event waits: one that was never decided since it was received, one that is folded
/// again since the fold first tried.
const LAG: &str = "SELECT json_object('pending', count(*), 'since', min(coalesce(f.waits_since,
      iif(EXISTS (SELECT 1 FROM decisions d WHERE d.event = f.id), NULL, f.received_at))))
    FROM facts f WHERE f.state = 'pending'
      AND (?1 ->> 'program' IS NULL OR f.program = ?1 ->> 'program')";
const ASIDE: &str = "SELECT json_object('count', count(*)) FROM facts
    WHERE state = 'set_aside' AND (?1 ->> 'program' IS NULL OR program = ?1 ->> 'program')";
const EXAMPLES: &str = "SELECT json_object('event', id, 'reason', aside, 'retry_at', retry_at)
    FROM facts
    WHERE state = 'set_aside' AND (?1 ->> 'program' IS NULL OR program = ?1 ->> 'program')
    ORDER BY retry_at DESC LIMIT ?1 ->> 'examples'";
const DELIVERIES: &str = "SELECT json_object('count', count(*))
    FROM destinations s CROSS JOIN deliveries d ON d.destination = s.id
    WHERE d.state = 'set_aside' AND (?1 ->> 'program' IS NULL OR s.program = ?1 ->> 'program')";

/// What waits for the fold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Lag {
    pub pending: u64,
    since: Option<UnixMs>,
}

impl Lag {
    /// How long the oldest event waits.
    #[must_use]
    pub fn age_ms(self, now: UnixMs) -> i64 {
        self.since.map_or(0, |since| now.since(since).max(0))
    }

    /// What is logged when the fold lags behind; operators alert on its first words.
    #[must_use]
    pub fn alert(self, now: UnixMs) -> Option<String> {
        let age = self.age_ms(now);
        (age > limits::FOLD_LAG_MS).then(|| {
            format!(
                "ledger lag: the oldest pending event waits for {} seconds, {} are pending",
                age / 1_000,
                self.pending
            )
        })
    }
}

/// What waits for the fold, of one program or of all.
pub async fn lag(db: &impl Database, program: Option<ProgramId>) -> Result<Lag, DatabaseError> {
    let statement = Statement::new(LAG, &json!({"program": program}));
    let rows = db.batch(vec![statement]).await?;
    let lags: Vec<Lag> = ports::decode(ports::rows_at(&rows, 0))?;
    Ok(lags.first().copied().unwrap_or_default())
}

impl<D: Database> Control<'_, D> {
    /// How far the caller's program, or all, are behind.
    pub async fn status(&self) -> Result<Value, Problem> {
        let program = self.caller.program;
        self.allow(Scope::Read, program)?;
        let param = json!({"program": program, "examples": limits::STATUS_EXAMPLES});
        let all = [LAG, ASIDE, DELIVERIES, EXAMPLES];
        let rows = self.db.batch(Statement::all(&all, &param)).await?;
        let first = |place| {
            let found = ports::rows_at(&rows, place).first();
            found.and_then(|row| record::parse(row)).unwrap_or_default()
        };
        let lag: Lag = record::take(&first(0)).unwrap_or_default();
        let oldest = lag.since.map(|_| lag.age_ms(self.now) / 1_000);
        Ok(json!({
            "pending": lag.pending,
            "oldest_pending_seconds": oldest,
            "set_aside": first(1)["count"],
            "events_set_aside": ports::values(ports::rows_at(&rows, 3))?,
            "deliveries_set_aside": first(2)["count"],
        }))
    }
}
