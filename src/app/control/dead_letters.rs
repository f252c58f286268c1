//! Dead letters: queue messages that could not be taken, taken up again when people say so.

use super::Control;
use crate::app::inbox::{self, Letter, VISITS_UNREADABLE};
use crate::app::ports::{Database, Statement};
use crate::app::problem::{self, Problem};
use crate::domain::api_key::Scope;
use crate::domain::record;
use crate::json;
use serde_json::Value;

const ONE: &str = "SELECT json_object('queue', queue, 'reason', reason, 'body', body)
    FROM dead_letters WHERE id = ?1 ->> 'id'";
const FORGET: &str = "DELETE FROM dead_letters WHERE id = ?1 ->> 'id' AND ?1 ->> 'forget'";
const LEFT: &str = "SELECT json_object('id', id, 'reason', reason)
    FROM dead_letters WHERE id = ?1 ->> 'again'";

impl<D: Database> Control<'_, D> {
    /// Takes up a dead letter again, and forgets it. What still cannot be taken is a dead letter of
    /// its own then. Gives what is left of it, and whether the ledger plane should be woken.
    pub async fn retry_dead_letter(&self, id: &str) -> Result<(Value, bool), Problem> {
        self.allow(Scope::Admin, None)?;
        let found = self.one(ONE, &json!({"id": id})).await?;
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        // Visits that were read are stored under the message's id, so the rest of it needs another:
        // the same each time, so that it counts once. A whole message keeps its id, which tells
        // whether it was stored after all.
        let again = match text("reason").as_str() {
            VISITS_UNREADABLE => format!("{id}-again"),
            _ => id.to_owned(),
        };
        let letter = Letter {
            id: again.clone(),
            tries: 0,
            body: text("body"),
        };
        let taken = inbox::take(self.db, &text("queue"), &[letter], self.now).await;
        if !taken.again.is_empty() {
            return Err((&problem::UNAVAILABLE).into());
        }
        let forget = again != id || taken.kept.is_empty();
        let param = json!({"id": id, "again": again, "forget": i32::from(forget)});
        let rows = self
            .db
            .batch(Statement::all(&[FORGET, LEFT], &param))
            .await?;
        let left = rows.last().and_then(|rows| rows.first());
        let left = left.and_then(|row| record::parse(row));
        Ok((json!({"id": id, "left": left}), taken.wake))
    }
}
