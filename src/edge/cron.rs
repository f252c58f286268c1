//! Cron, each minute: sweeps whatever a queue message should have woken and did not, and settles
//! each month once it is over.

#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

use super::bindings::{self, Context, Env};
use super::work;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub async fn scheduled(_event: JsValue, env: Env, _context: Context) {
    for done in [
        // First: what ends the isolate later could not be told of.
        work::watch(&env).await,
        work::refold(&env).await,
        work::fold_and_deliver(&env).await,
        work::settle_months(&env).await,
        work::expire(&env).await,
        work::publish_all(&env).await,
    ] {
        if let Err(error) = done {
            bindings::log(&format!("cron: {error:?}"));
        }
    }
}
