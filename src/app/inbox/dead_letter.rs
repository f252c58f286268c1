//! A queue message that could not be taken, or what of it was not: kept until people look at it.

use crate::app::ports::{Database, DatabaseError, Statement};
use crate::domain::limits;
use crate::domain::time::UnixMs;
use crate::json;

pub(super) struct DeadLetter<'a> {
    pub(super) id: &'a str,
    pub(super) queue: &'a str,
    pub(super) reason: &'static str,
    /// Of the whole message.
    pub(super) bytes: usize,
    pub(super) body: &'a str,
    pub(super) at: UnixMs,
}

/// What is kept of a person for destinations has its days, a dead letter has not: it goes.
const KEEP: &str = "INSERT INTO dead_letters (id, queue, reason, bytes, body, at)
    SELECT ?1 ->> 'id', ?1 ->> 'queue', ?1 ->> 'reason', ?1 ->> 'bytes',
      iif(json_valid(?1 ->> 'body'), json_remove(?1 ->> 'body', '$.intake.kept'), ?1 ->> 'body'),
      ?1 ->> 'at'
    WHERE true ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, body = excluded.body";

impl DeadLetter<'_> {
    /// Stores it, once. What the last try did not take is the truth: an earlier one may have taken
    /// less or more of the message.
    pub(super) async fn keep(&self, db: &impl Database) -> Result<(), DatabaseError> {
        let most = self.body.floor_char_boundary(limits::DEAD_LETTER_BYTES);
        let param = json!({"id": self.id, "queue": self.queue, "reason": self.reason,
            "bytes": self.bytes, "body": self.body.get(..most), "at": self.at});
        db.batch(vec![Statement::new(KEEP, &param)])
            .await
            .map(|_| ())
    }
}
