//! D1: batches of statements with one JSON parameter and one JSON text per row.

use super::clock;
use crate::app::ports::{Database, DatabaseError, Rows, Statement};
use serde::Deserialize;
use worker::{D1Database, D1Result, Env};

/// A batch that takes longer counts as failed; it may still have been written. A merchant's server
/// waits for it, and the queue is the second chance.
const BATCH_MS: u64 = 5_000;

pub(super) struct D1(D1Database);

impl D1 {
    pub(super) fn of(env: &Env) -> worker::Result<D1> {
        env.d1("DB").map(D1)
    }

    async fn run(&self, statements: Vec<Statement>) -> worker::Result<Vec<D1Result>> {
        let mut prepared = Vec::with_capacity(statements.len());
        for statement in statements {
            prepared.push(
                self.0
                    .prepare(statement.sql)
                    .bind(&[statement.param.into()])?,
            );
        }
        self.0.batch(prepared).await
    }
}

#[derive(Deserialize)]
struct Row(std::collections::BTreeMap<String, String>);

impl Database for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let Some(done) = clock::within(BATCH_MS, self.run(statements)).await else {
            worker::console_error!("D1: no answer in time");
            return Err(DatabaseError::Unavailable);
        };
        let results = done.map_err(|error| kind(&error.to_string()))?;
        results.iter().map(rows).collect()
    }
}

fn rows(result: &D1Result) -> Result<Rows, DatabaseError> {
    let rows = result
        .results::<Row>()
        .map_err(|error| kind(&error.to_string()))?;
    Ok(rows
        .into_iter()
        .filter_map(|row| row.0.into_values().next())
        .collect())
}

/// D1 tells what happened in words only.
fn kind(message: &str) -> DatabaseError {
    if message.contains("CHECK constraint failed: ok = 1") {
        return DatabaseError::Stale;
    }
    worker::console_error!("D1: {message}");
    if message.contains("constraint failed") {
        DatabaseError::Constraint
    } else {
        DatabaseError::Unavailable
    }
}
