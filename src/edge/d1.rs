//! D1: batches of statements with one JSON parameter and one JSON text per row.

use super::bindings::{self, Env};
use app::ports::{Database, DatabaseError, Rows, Statement};
use js_sys::Array;
use std::cell::Cell;
use wasm_bindgen::JsValue;

/// A batch that takes longer counts as failed; it may still have been written. A merchant's server
/// waits for it, and the queue is the second chance.
const BATCH_MS: u32 = 5_000;

pub(super) struct D1 {
    env: Env,
    asked: Cell<usize>,
}

impl D1 {
    /// `None` when the binding is missing.
    pub(super) fn of(env: &Env) -> Option<D1> {
        bindings::has(env, "DB").then(|| D1 {
            env: env.clone(),
            asked: Cell::new(0),
        })
    }

    /// How many statements were sent.
    pub(super) fn asked(&self) -> usize {
        self.asked.get()
    }
}

impl Database for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        self.asked.set(self.asked.get() + statements.len());
        let texts = Array::new();
        for statement in statements {
            texts.push(&statement.sql.into());
            texts.push(&statement.param.into());
        }
        let done = bindings::batch(&self.env, texts, BATCH_MS).await;
        let done = done.unwrap_or(JsValue::UNDEFINED);
        if done.is_undefined() {
            bindings::log("D1: no answer in time");
            return Err(DatabaseError::Unavailable);
        }
        if let Some(message) = done.as_string() {
            return Err(kind(&message));
        }
        let mut all = Vec::new();
        for list in Array::from(&done).iter() {
            let mut rows = Rows::new();
            for row in Array::from(&list).iter() {
                let text = row.as_string();
                rows.push(text.ok_or_else(|| kind("a row that is no text"))?);
            }
            all.push(rows);
        }
        Ok(all)
    }
}

/// D1 tells what happened in words only.
fn kind(message: &str) -> DatabaseError {
    if message.contains("CHECK constraint failed: ok = 1") {
        return DatabaseError::Stale;
    }
    bindings::log(&format!("D1: {message}"));
    if message.contains("constraint failed") {
        return DatabaseError::Constraint;
    }
    match REFUSALS.iter().any(|words| message.contains(words)) {
        true => DatabaseError::Refused,
        false => DatabaseError::Unavailable,
    }
}

/// What SQLite says of a value that it cannot take, whatever else is right with it.
const REFUSALS: [&str; 4] = [
    "SQLITE_TOOBIG",
    "too big",
    "SQLITE_MISMATCH",
    "malformed JSON",
];
