//! Cron, each minute: sweeps whatever a queue message should have woken and did not, and settles
//! each month once it is over.

use super::work;
use worker::{Env, ScheduleContext, ScheduledEvent, event};

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    for done in [
        work::fold_and_deliver(&env).await,
        work::settle_months(&env).await,
        work::expire(&env).await,
        work::publish_all(&env).await,
    ] {
        if let Err(error) = done {
            worker::console_error!("cron: {error:?}");
        }
    }
}
