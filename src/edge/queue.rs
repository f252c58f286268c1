//! Queue batches: one handler for all queues, the dead-letter queue too.

#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

use super::bindings::{self, Batch, Context, Env};
use super::clock;
use super::d1::D1;
use super::work;
use crate::app::inbox::{self, Letter};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub async fn queue(batch: Batch, env: Env, _context: Context) {
    let Some(db) = D1::of(&env) else {
        batch.retry_all();
        return;
    };
    let mut messages = Vec::new();
    let mut letters = Vec::new();
    for message in batch.messages().iter() {
        let message: bindings::Message = message.unchecked_into();
        let letter = Letter {
            id: message.id(),
            tries: message.attempts(),
            body: text(&message),
        };
        #[cfg(feature = "drill")]
        super::hot::drill(&letter.body, "queue");
        letters.push(letter);
        messages.push(message);
    }
    let taken = inbox::take(&db, &batch.queue(), &letters, clock::now()).await;
    taken.log.iter().for_each(|line| bindings::log(line));
    for place in taken.again {
        if let Some(message) = messages.get(place) {
            message.retry();
        }
    }
    if taken.wake && work::fold_and_deliver(&env).await.is_err() {
        bindings::log("fold: will be tried again by cron");
    }
}

/// All messages of ours are texts. Of another one its JSON is kept.
fn text(message: &bindings::Message) -> String {
    let body = message.body();
    let json = || js_sys::JSON::stringify(&body).ok().map(String::from);
    body.as_string().or_else(json).unwrap_or_default()
}
