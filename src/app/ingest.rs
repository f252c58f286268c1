//! Accepting a conversion. Accepted means: its fact row is in the database, or, with the database
//! away, the queue holds it. Anything else is refused with 503, and the caller tries again.

use super::ports::{self, Database, DatabaseError, Snapshots, Statement, WorkQueue};
use super::problem::{self, Problem};
use super::settings::Settings;
use super::track::Conversion;
use crate::domain::api_key::ApiKey;
use crate::domain::event::Fact;
use crate::domain::ids::ApiKeyId;
use crate::domain::limits;
use crate::domain::seal::{NONCE, Purpose};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A fact on its way into the database: the form in which it is inserted, and in which the queue
/// holds it while the database is away. Holds nothing personal in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intake {
    pub fact: Fact,
    pub api_key: ApiKeyId,
    /// For each kind of destination what it keeps, sealed, and whether only those may have it that
    /// take limited data: `{"meta": ["…", 0]}`.
    #[serde(default)]
    pub kept: Map<String, Value>,
}

/// How an intake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    New,
    /// The same content was there before.
    Duplicate,
    /// Another content was there before; this one is kept as a conflict.
    Conflict,
    /// The key was revoked before the fact was received, or is unknown here.
    KeyRevoked,
}

impl Intake {
    /// Seals what only destinations may see and forgets the rest.
    pub fn new(settings: &Settings, key: ApiKey, read: &Conversion, nonce: [u8; NONCE]) -> Intake {
        let id = &read.fact.id;
        let mut kept = Map::new();
        for (place, part) in read.kept.iter().enumerate() {
            // Each seal its own nonce: its number added to fresh random bytes.
            let mut nonce = nonce;
            nonce[0] = nonce[0].wrapping_add(u8::try_from(place % 256).unwrap_or(0));
            let plain = json!(part.kept.0).to_string();
            let context = format!("{id}/{}", part.kind);
            let sealed = settings
                .keys
                .seal(Purpose::AtRest, &context, plain.as_bytes(), nonce);
            let sealed = URL_SAFE_NO_PAD.encode(sealed);
            kept.insert(
                part.kind.to_owned(),
                json!([sealed, u8::from(part.limited)]),
            );
        }
        Intake {
            fact: read.fact.clone(),
            api_key: key.id,
            kept,
        }
    }

    fn param(&self) -> Value {
        let fact = &self.fact;
        let touch = fact.touch();
        let nonce = touch.and_then(|touch| touch.nonce.clone());
        json!({
            "api_key": self.api_key,
            "id": fact.id,
            "program": fact.program,
            "kind": fact.kind.name(),
            "key": fact.key,
            "customer": fact.customer,
            "sale_key": fact.sale_key,
            "awaits_click": i32::from(nonce.is_some()),
            "nonce": nonce,
            "occurred_at": fact.occurred_at,
            "received_at": fact.received_at,
            "content": fact.content(),
            "body": json!(fact).to_string(),
            "kept": self.kept,
            "expires_at": fact.received_at.plus(limits::SEALED_ROW_MS),
        })
    }
}

macro_rules! if_key_holds {
    ($sql:literal) => {
        concat!(
            $sql,
            " EXISTS (SELECT 1 FROM api_keys k WHERE k.id = ?1 ->> 'api_key'",
            " AND (k.revoked_at IS NULL OR k.revoked_at > ?1 ->> 'received_at'))"
        )
    };
}

const INSERT_FACT: &str = concat!(
    if_key_holds!(
        "INSERT INTO facts (id, program, kind, key, customer, sale_key, nonce, awaits_click,
           occurred_at, received_at, content, body, state)
         SELECT ?1 ->> 'id', ?1 ->> 'program', ?1 ->> 'kind', ?1 ->> 'key', ?1 ->> 'customer',
           ?1 ->> 'sale_key', ?1 ->> 'nonce', ?1 ->> 'awaits_click', ?1 ->> 'occurred_at',
           ?1 ->> 'received_at', ?1 ->> 'content', ?1 ->> 'body', 'pending'
         WHERE"
    ),
    " ON CONFLICT DO NOTHING"
);

/// Only for destinations that the program has, and that may have it.
const INSERT_SEALED: &str = "INSERT INTO sealed_rows (event, body, expires_at)
    SELECT f.id, k.body, ?1 ->> 'expires_at'
    FROM facts f, (SELECT json_group_object(p.key, p.value ->> 0) AS body, count(*) AS parts
      FROM json_each(?1, '$.kept') p WHERE EXISTS (
        SELECT 1 FROM destinations d
        WHERE d.program = ?1 ->> 'program' AND d.kind = p.key AND d.enabled = 1
          AND (p.value ->> 1 = 0 OR d.config ->> 'limited_data' = 1))) k
    WHERE f.id = ?1 ->> 'id' AND f.content = ?1 ->> 'content' AND f.state = 'pending'
      AND f.received_at = ?1 ->> 'received_at' AND k.parts > 0
    ON CONFLICT DO NOTHING";

const INSERT_CONFLICT: &str = concat!(
    if_key_holds!(
        "INSERT INTO conflicts (event, program, content, body, received_at)
         SELECT f.id, f.program, ?1 ->> 'content', ?1 ->> 'body', ?1 ->> 'received_at' FROM facts f
         WHERE f.id = ?1 ->> 'id' AND f.content <> ?1 ->> 'content' AND"
    ),
    " ON CONFLICT DO NOTHING"
);

const OUTCOME: &str = concat!(
    "SELECT json_object(
       'content', (SELECT content FROM facts WHERE id = ?1 ->> 'id'),
       'received_at', (SELECT received_at FROM facts WHERE id = ?1 ->> 'id'),
       'key_holds', ",
    if_key_holds!(""),
    ")"
);

#[derive(Deserialize)]
struct Outcome {
    content: Option<String>,
    received_at: Option<i64>,
    key_holds: u8,
}

/// Writes the fact, once: one round trip.
pub async fn store(db: &impl Database, intake: &Intake) -> Result<Accepted, DatabaseError> {
    let param = intake.param();
    let statements = [INSERT_FACT, INSERT_SEALED, INSERT_CONFLICT, OUTCOME]
        .map(|sql| Statement::new(sql, &param));
    let rows = db.batch(statements.to_vec()).await?;
    let outcomes: Vec<Outcome> = ports::decode(ports::rows_at(&rows, 3))?;
    let outcome = outcomes.first().ok_or(DatabaseError::Unavailable)?;
    Ok(match &outcome.content {
        _ if outcome.key_holds == 0 => Accepted::KeyRevoked,
        None => return Err(DatabaseError::Unavailable),
        Some(content) if *content != intake.fact.content() => Accepted::Conflict,
        Some(_) if outcome.received_at == Some(intake.fact.received_at.0) => Accepted::New,
        Some(_) => Accepted::Duplicate,
    })
}

/// KV key that marks a revoked API key, read only while the database is away.
pub fn revoked_key(id: ApiKeyId) -> String {
    format!("revoked:{id}")
}

/// Accepts an intake: the database, else the queue, else 503. Gives whether the fold should be
/// woken.
pub async fn accept(
    db: &impl Database,
    snapshots: &impl Snapshots,
    queue: &impl WorkQueue,
    intake: &Intake,
) -> Result<bool, Problem> {
    match store(db, intake).await {
        Ok(Accepted::New) => Ok(true),
        Ok(Accepted::Duplicate) => Ok(false),
        Ok(Accepted::Conflict) => Err((&problem::CONFLICT).into()),
        Ok(Accepted::KeyRevoked) => Err((&problem::KEY_REVOKED).into()),
        Err(_) => {
            if let Ok(Some(_)) = snapshots.get(&revoked_key(intake.api_key)).await {
                return Err((&problem::KEY_REVOKED).into());
            }
            queue.send(json!({"intake": intake}).to_string()).await?;
            Ok(false)
        }
    }
}
