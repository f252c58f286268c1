//! KV: the snapshots of hosts and links.

use super::bindings::{self, Env};
use app::ports::{Snapshots, Unavailable};
use wasm_bindgen::JsValue;

/// A read that takes longer counts as failed: the visitor waits for it.
const READ_MS: u32 = 2_000;
const WRITE_MS: u32 = 10_000;

pub(super) struct Kv(Env);

impl Kv {
    /// `None` when the binding is missing.
    pub(super) fn of(env: &Env) -> Option<Kv> {
        bindings::has(env, "SNAPSHOTS").then(|| Kv(env.clone()))
    }
}

impl Snapshots for Kv {
    async fn get(&self, key: &str) -> Result<Option<String>, Unavailable> {
        match bindings::get(&self.0, key, READ_MS).await {
            Ok(found) if !found.is_undefined() => Ok(found.as_string()),
            _ => Err(Unavailable),
        }
    }

    async fn put(&self, key: &str, value: &str) -> Result<(), Unavailable> {
        done(&bindings::put(&self.0, key, value, WRITE_MS).await)
    }

    async fn delete(&self, key: &str) -> Result<(), Unavailable> {
        done(&bindings::remove(&self.0, key, WRITE_MS).await)
    }
}

/// What a write says of itself.
pub(super) fn done(said: &Result<JsValue, JsValue>) -> Result<(), Unavailable> {
    match said {
        Ok(done) if done.is_truthy() => Ok(()),
        _ => Err(Unavailable),
    }
}
