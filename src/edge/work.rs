//! The ledger plane's work, as queue messages and cron run it.

use super::bindings::{self, Env};
use super::clock;
use super::d1::D1;
use super::kv::{self, Kv};
use super::outbound::Outside;
use super::runtime;
use app::ports::{Database, DatabaseError, Statement, Unavailable, WorkQueue};
use app::{clicks, deliver, ledger, publish, refold, settle, status};
use domain::json;

/// Statements of one call of a Worker: D1 takes 1,000, and other work of the call needs some. After
/// so many nothing is folded any more, and nothing sent.
const FOLD_STATEMENTS: usize = 500;
const STATEMENTS: usize = 800;
/// How long deliveries wait for folds that go on and on.
const FOLD_MS: i64 = 10_000;
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

/// Folds and delivers until nothing is left; what one call of a Worker cannot do is left to the
/// next, which is woken. Deliveries wait neither for a fold that failed nor for a long one to end.
pub(super) async fn fold_and_deliver(env: &Env) -> Result<(), DatabaseError> {
    let db = D1::of(env).ok_or(DatabaseError::Unavailable)?;
    loop {
        let folded = fold_for_a_while(&db).await;
        let delivered = deliver_all(env, &db).await?;
        let done = folded? && delivered;
        if done {
            return Ok(());
        }
        if db.asked() >= FOLD_STATEMENTS {
            if let Some(queue) = WorkSender::of(env)
                && queue.send(clicks::wake(None, clock::now())).await.is_err()
            {
                bindings::log("wake: cron will fold");
            }
            return Ok(());
        }
    }
}

/// Folds until nothing is left, which it says, or the time or the statements are used up.
async fn fold_for_a_while(db: &D1) -> Result<bool, DatabaseError> {
    let until = clock::now().plus(FOLD_MS);
    while db.asked() < FOLD_STATEMENTS && clock::now() < until {
        let folded = ledger::fold(db, clock::now()).await?;
        if folded.set_aside > 0 {
            bindings::log(&format!("{} facts were set aside", folded.set_aside));
        }
        if folded.facts == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Delivers until nothing is due, which it says, or the statements are used up.
async fn deliver_all(env: &Env, db: &D1) -> Result<bool, DatabaseError> {
    let Some(settings) = runtime::settings(env) else {
        return Ok(true);
    };
    while db.asked() < STATEMENTS {
        let Some(entropy) = clock::entropy() else {
            return Ok(true);
        };
        let sent = deliver::deliver(db, &Outside, &settings, clock::now(), entropy).await?;
        if sent == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Logs an error when the fold lags behind.
pub(super) async fn watch(env: &Env) -> Result<(), DatabaseError> {
    let db = D1::of(env).ok_or(DatabaseError::Unavailable)?;
    let lag = status::lag(&db, None).await?;
    if let Some(alert) = lag.alert(clock::now()) {
        bindings::log(&alert);
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
