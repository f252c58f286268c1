//! Accepting a conversion. Accepted means: its fact row is in the database, or, with the database
//! away, the queue holds it. Anything else is refused with 503, and the caller tries again.

use super::ports::{self, Database, DatabaseError, Snapshots, Statement, WorkQueue};
use super::problem::{self, Problem};
use super::sealed;
use super::settings::Settings;
use super::together::together;
use super::track::Conversion;
use crate::domain::api_key::Presented;
use crate::domain::consent::Consent;
use crate::domain::event::Fact;
use crate::domain::ids::ApiKeyId;
use crate::domain::limits;
use crate::domain::record;
use crate::domain::seal::{NONCE, Purpose};
use crate::json;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Map, Value};

/// A fact on its way into the database: the form in which it is inserted, and in which the queue
/// holds it while the database is away. Holds nothing personal in clear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Intake {
    pub fact: Fact,
    pub api_key: ApiKeyId,
    /// Of the key's text, which its row must have too.
    pub key_digest: String,
    /// For each kind of destination what it keeps, sealed, and whether only those may have it that
    /// take limited data: `{"meta": ["…", 0]}`.
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
    /// The key was revoked before the fact was received.
    KeyRevoked,
    /// A root secret signed the key, but it is not one that was handed out for this.
    KeyInvalid,
    /// A deal names a partner whom the program does not have. Nothing was written.
    PartnerUnknown,
}

impl Intake {
    /// Seals what only destinations may see and forgets the rest.
    pub fn new(
        settings: &Settings,
        key: &Presented,
        read: &Conversion,
        nonce: [u8; NONCE],
    ) -> Intake {
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
            let sealed = URL_SAFE_NO_PAD.encode_to_string(sealed);
            kept.insert(
                part.kind.to_owned(),
                json!([sealed, u8::from(part.limited)]),
            );
        }
        Intake {
            fact: read.fact.clone(),
            api_key: key.says.id,
            key_digest: key.digest.clone(),
            kept,
        }
    }

    /// Reads an intake that the queue held; `None` when it is none.
    pub fn read(message: &Value) -> Option<Intake> {
        Some(Intake {
            fact: record::take(&message["fact"])?,
            api_key: record::take(&message["api_key"])?,
            // Messages from before there were digests are of keys whose rows have none.
            key_digest: message["key_digest"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            kept: message["kept"].as_object().cloned().unwrap_or_default(),
        })
    }

    /// As the queue may hold it. There nobody knows what the customer's touches or the destinations
    /// allow, so it holds of the person only what the event itself allows in full.
    fn message(&self) -> String {
        let mut held = self.clone();
        if self.fact.consent_told() != Some(Consent::Full) {
            held.kept.clear();
        }
        json!({"intake": held}).to_string()
    }

    /// What of it is written. `known`: refuse a deal whose partner is unknown.
    fn param(&self, known: bool) -> Value {
        let fact = &self.fact;
        let touch = fact.touch();
        let nonce = touch.and_then(|touch| touch.nonce.clone());
        json!({
            "api_key": self.api_key,
            "key_digest": self.key_digest,
            "id": fact.id,
            "program": fact.program,
            "kind": fact.kind.name(),
            "key": fact.key,
            "customer": fact.customer,
            "sale_key": fact.sale_key,
            "subscription": fact.subscription,
            "awaits_click": i32::from(nonce.is_some()),
            "nonce": nonce,
            "occurred_at": fact.occurred_at,
            "received_at": fact.received_at,
            "content": fact.content(),
            "body": json!(fact).to_string(),
            "partner": fact.partner.filter(|_| known),
            "full": i32::from(fact.consent_told() == Some(Consent::Full)),
            "kept": self.kept,
            "expires_at": fact.received_at.plus(limits::SEALED_ROW_MS),
        })
    }
}

/// The row of the key that a fact came with, if the key is the one that was handed out and may
/// report for this program: what `domain::api_key::KeyRow` decides, in the transaction that writes.
/// Digests of secrets that cannot be guessed need no comparison in constant time.
macro_rules! key_row {
    () => {
        "EXISTS (SELECT 1 FROM api_keys k WHERE k.id = e.value ->> 'api_key'
           AND k.scope IN ('admin', 'track') AND k.program = e.value ->> 'program'
           AND (k.digest IS NULL OR k.digest = e.value ->> 'key_digest')"
    };
}
macro_rules! key_holds {
    () => {
        concat!(
            key_row!(),
            " AND (k.revoked_at IS NULL OR k.revoked_at > e.value ->> 'received_at'))"
        )
    };
}
pub(super) use {key_holds, key_row};
macro_rules! key_outcome {
    () => {
        concat!(
            "CASE WHEN ",
            key_holds!(),
            " THEN 'holds' WHEN ",
            key_row!(),
            ") THEN 'key_revoked' ELSE 'key_invalid' END"
        )
    };
}
macro_rules! partner_known {
    () => {
        "(e.value ->> 'partner' IS NULL OR EXISTS (SELECT 1 FROM partners p
            WHERE p.id = e.value ->> 'partner' AND p.program = e.value ->> 'program'))"
    };
}

const INSERT_FACTS: &str = concat!(
    "INSERT INTO facts (id, program, kind, key, customer, sale_key, subscription, nonce,
       awaits_click, occurred_at, received_at, content, body, state)
     SELECT e.value ->> 'id', e.value ->> 'program', e.value ->> 'kind', e.value ->> 'key',
       e.value ->> 'customer', e.value ->> 'sale_key', e.value ->> 'subscription',
       e.value ->> 'nonce', e.value ->> 'awaits_click', e.value ->> 'occurred_at',
       e.value ->> 'received_at', e.value ->> 'content', e.value ->> 'body', 'pending'
     FROM json_each(?1) e WHERE ",
    partner_known!(),
    " AND ",
    key_holds!(),
    " ON CONFLICT DO NOTHING"
);

const INSERT_CONFLICTS: &str = concat!(
    "INSERT INTO conflicts (event, program, content, body, received_at)
     SELECT f.id, f.program, e.value ->> 'content', e.value ->> 'body', e.value ->> 'received_at'
     FROM json_each(?1) e CROSS JOIN facts f ON f.id = e.value ->> 'id'
     WHERE f.content <> e.value ->> 'content' AND ",
    key_holds!(),
    " ON CONFLICT DO NOTHING"
);

/// What was accepted while the database was away and cannot be stored now that it is asked.
const KEEP_REFUSED: &str = concat!(
    "INSERT INTO refused_facts (event, program, api_key, reason, body, received_at)
     SELECT e.value ->> 'id', e.value ->> 'program', e.value ->> 'api_key', ",
    key_outcome!(),
    ", e.value ->> 'body', e.value ->> 'received_at'
     FROM json_each(?1) e WHERE ",
    key_outcome!(),
    " <> 'holds' ON CONFLICT DO NOTHING"
);

const OUTCOMES: &str = concat!(
    "SELECT json_object('content', f.content, 'received_at', f.received_at, 'partner_known', ",
    partner_known!(),
    ", 'key', ",
    key_outcome!(),
    ") FROM json_each(?1) e LEFT JOIN facts f ON f.id = e.value ->> 'id' ORDER BY e.key"
);

/// Where intakes come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A caller who waits for the answer, and is told what is wrong.
    Call,
    /// The queue. It was accepted, so it is written whatever it names; the fold says what it earns.
    /// What its key may not report is kept apart.
    Queue,
}

/// How each of these ended; of one another they are independent.
async fn write(
    db: &impl Database,
    intakes: &[Intake],
    source: Source,
) -> Result<Vec<Accepted>, DatabaseError> {
    let known = source == Source::Call;
    let param = Value::Array(intakes.iter().map(|one| one.param(known)).collect());
    let mut all = vec![
        INSERT_FACTS,
        sealed::INSERT,
        sealed::DROP_REFUSED,
        INSERT_CONFLICTS,
        OUTCOMES,
    ];
    let outcomes_at = all.len() - 1;
    if source == Source::Queue {
        all.push(KEEP_REFUSED);
    }
    let rows = db.batch(Statement::all(&all, &param)).await?;
    let outcomes: Vec<Value> = ports::values(ports::rows_at(&rows, outcomes_at))?;
    if outcomes.len() != intakes.len() {
        return Err(DatabaseError::Unavailable);
    }
    let each = intakes.iter().zip(&outcomes);
    each.map(|(intake, outcome)| ended(intake, outcome))
        .collect()
}

fn ended(intake: &Intake, outcome: &Value) -> Result<Accepted, DatabaseError> {
    let received_at = outcome["received_at"].as_i64();
    match outcome["key"].as_str() {
        Some("holds") => {}
        Some("key_revoked") => return Ok(Accepted::KeyRevoked),
        _ => return Ok(Accepted::KeyInvalid),
    }
    Ok(match outcome["content"].as_str() {
        None if outcome["partner_known"] == 0 => Accepted::PartnerUnknown,
        None => return Err(DatabaseError::Unavailable),
        Some(content) if content != intake.fact.content() => Accepted::Conflict,
        Some(_) if received_at == Some(intake.fact.received_at.0) => Accepted::New,
        Some(_) => Accepted::Duplicate,
    })
}

/// Writes a fact that the queue held, once: one round trip.
pub async fn store(db: &impl Database, intake: &Intake) -> Result<Accepted, DatabaseError> {
    let ended = write(db, std::slice::from_ref(intake), Source::Queue).await?;
    ended.first().copied().ok_or(DatabaseError::Unavailable)
}

/// KV key that marks a revoked API key, read only while the database is away.
pub fn revoked_key(id: ApiKeyId) -> String {
    format!("revoked:{id}")
}

/// Accepts intakes of one key: the database, in one transaction; else the queue, each by itself;
/// else 503. Gives of each, in order, whether the fold should be woken.
pub async fn accept(
    db: &impl Database,
    snapshots: &impl Snapshots,
    queue: &impl WorkQueue,
    intakes: &[Intake],
) -> Vec<Result<bool, Problem>> {
    let Some(first) = intakes.first() else {
        return Vec::new();
    };
    if let Ok(ended) = write(db, intakes, Source::Call).await {
        return ended.into_iter().map(answer).collect();
    }
    if let Ok(Some(_)) = snapshots.get(&revoked_key(first.api_key)).await {
        let revoked = |_| Err((&problem::KEY_REVOKED).into());
        return intakes.iter().map(revoked).collect();
    }
    let sends = intakes
        .iter()
        .map(|intake| async move { Ok(queue.send(intake.message()).await.map(|()| false)?) });
    together(sends).await
}

fn answer(accepted: Accepted) -> Result<bool, Problem> {
    match accepted {
        Accepted::New => Ok(true),
        Accepted::Duplicate => Ok(false),
        Accepted::Conflict => Err((&problem::CONFLICT).into()),
        Accepted::KeyRevoked => Err((&problem::KEY_REVOKED).into()),
        Accepted::KeyInvalid => Err((&problem::KEY_INVALID).into()),
        Accepted::PartnerUnknown => {
            let detail = "must be a partner of this program";
            Err(Problem::field("/partnerId", "unknown", detail))
        }
    }
}
