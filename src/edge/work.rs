//! The ledger plane's work, as queue messages and cron run it.

use super::bindings::{self, Env};
use super::clock;
use super::d1::D1;
use super::kv::{self, Kv};
use super::outbound::Outside;
use super::runtime;
use app::ports::{Database, DatabaseError, Statement, Unavailable, WorkQueue};
use app::{deliver, ledger, publish, refold, settle};
use domain::json;

/// Rounds of one kind of work in one invocation; what is left waits for the next one.
const ROUNDS: usize = 50;
const SEND_MS: u32 = 5_000;

pub(super) struct WorkSender(Env);

impl WorkSender {
    /// `None` when the binding is missing.
    pub(super) fn of(env: &Env) -> Option<WorkSender> {
        bindings::has(env, "WORK").then(|| WorkSender(env.clone()))
    }
}

impl WorkQueue for WorkSender {
    async fn send(&self, message: String) -> Result<(), Unavailable> {
        kv::done(&bindings::send(&self.0, &message, SEND_MS).await)
    }
}

/// Folds and delivers until nothing is left or the rounds are used up.
pub(super) async fn fold_and_deliver(env: &Env) -> Result<(), DatabaseError> {
    let db = D1::of(env).ok_or(DatabaseError::Unavailable)?;
    for _ in 0..ROUNDS {
        let folded = ledger::fold(&db, clock::now()).await?;
        if folded.set_aside > 0 {
            bindings::log(&format!("{} facts were set aside", folded.set_aside));
        }
        if folded.facts == 0 {
            break;
        }
    }
    let Some(settings) = runtime::settings(env) else {
        return Ok(());
    };
    for _ in 0..ROUNDS {
        let Some(entropy) = clock::entropy() else {
            break;
        };
        let sent = deliver::deliver(&db, &Outside, &settings, clock::now(), entropy).await?;
        if sent == 0 {
            break;
        }
    }
    Ok(())
}

/// Folds codes and slugs of before.
pub(super) async fn refold(env: &Env) -> Result<(), DatabaseError> {
    let db = D1::of(env).ok_or(DatabaseError::Unavailable)?;
    refold::refold(&db).await
}

/// Settles the months that ended.
pub(super) async fn settle_months(env: &Env) -> Result<(), DatabaseError> {
    let db = D1::of(env).ok_or(DatabaseError::Unavailable)?;
    settle::monthly(&db, clock::now()).await
}

/// Writes the KV records that wait.
pub(super) async fn publish_all(env: &Env) -> Result<(), DatabaseError> {
    let (Some(db), Some(kv)) = (D1::of(env), Kv::of(env)) else {
        return Ok(());
    };
    publish::publish(&db, &kv).await.map(|_| ())
}

/// Takes away what was kept for destinations and not fetched in time.
pub(super) async fn expire(env: &Env) -> Result<(), DatabaseError> {
    let db = D1::of(env).ok_or(DatabaseError::Unavailable)?;
    let param = json!({"now": clock::now()});
    db.batch(Statement::all(&deliver::EXPIRE, &param))
        .await
        .map(|_| ())
}
