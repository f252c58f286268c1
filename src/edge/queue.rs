//! Queue batches. One handler for all queues, told apart by the messages:
//! - `{"sent": ms, "visits": […]}` visits from the edge plane,
//! - `{"sent": ms, "skipped": […]}` pages that went without the snippet's tag,
//! - `{"intake": {…}}` a conversion that the database could not take,
//! - `{"wake": true}` facts or deliveries wait.

#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

use super::bindings::{self, Batch, Context, Env};
use super::d1::D1;
use super::work;
use crate::app::clicks::{self, Message};
use crate::app::ingest::{self, Accepted, Intake};
use crate::app::ports::DatabaseError;
use crate::app::skipped::{self, Skipped};
use crate::domain::click::Visit;
use crate::domain::record;
use crate::domain::time::UnixMs;
use serde_json::Value;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub async fn queue(batch: Batch, env: Env, _context: Context) {
    let Some(db) = D1::of(&env) else {
        batch.retry_all();
        return;
    };
    let mut visits = Vec::new();
    let mut wake = false;
    for message in batch.messages().iter() {
        let message: bindings::Message = message.unchecked_into();
        let text = message.body().as_string().unwrap_or_default();
        #[cfg(feature = "drill")]
        super::hot::drill(&text, "queue");
        let Some(content) = record::parse(&text).filter(Value::is_object) else {
            bindings::log("a message that is none of ours was dropped");
            continue;
        };
        wake |= content["wake"].as_bool() == Some(true);
        if let Some(intake) = Intake::read(&content["intake"]) {
            match ingest::store(&db, &intake).await {
                Ok(Accepted::KeyInvalid | Accepted::KeyRevoked) => {
                    bindings::log("an intake was refused: its key may not report it");
                }
                Ok(_) => wake = true,
                Err(DatabaseError::Constraint) => bindings::log("intake refused"),
                Err(_) => message.retry(),
            }
        }
        let sent_at: Option<UnixMs> = record::take(&content["sent"]);
        let pages: Option<Vec<Skipped>> = record::take(&content["skipped"]);
        if let (Some(sent_at), Some(pages)) = (sent_at, pages) {
            count_pages(&db, &message, sent_at, &pages).await;
        }
        let found: Option<Vec<Visit>> = record::take(&content["visits"]);
        if let (Some(sent_at), Some(found)) = (sent_at, found) {
            let id = message.id();
            visits.push((
                message,
                Message {
                    id,
                    sent_at,
                    visits: found,
                },
            ));
        }
    }
    wake |= store_visits(&db, visits).await;
    if wake && work::fold_and_deliver(&env).await.is_err() {
        bindings::log("fold: will be tried again by cron");
    }
}

/// Adds a message's counts of pages that went without the snippet's tag.
async fn count_pages(db: &D1, message: &bindings::Message, sent_at: UnixMs, pages: &[Skipped]) {
    match skipped::count(db, sent_at, pages).await {
        Ok(()) => {}
        Err(DatabaseError::Constraint) => bindings::log("counts of pages refused"),
        Err(_) => message.retry(),
    }
}

/// All visits of the batch in one transaction; if that is refused, each message by itself, so that
/// one bad message does not hold the others. Gives whether facts wait for the fold.
async fn store_visits(db: &D1, found: Vec<(bindings::Message, Message)>) -> bool {
    let (raw, messages): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    match clicks::consume(db, &messages).await {
        Ok(waiting) => waiting,
        Err(DatabaseError::Constraint) => {
            let mut waiting = false;
            for (raw, message) in raw.iter().zip(messages) {
                match clicks::consume(db, &[message]).await {
                    Ok(now) => waiting |= now,
                    Err(DatabaseError::Constraint) => bindings::log("visits refused"),
                    Err(_) => raw.retry(),
                }
            }
            waiting
        }
        Err(_) => {
            raw.iter().for_each(bindings::Message::retry);
            false
        }
    }
}
