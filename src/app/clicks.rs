//! Visits from the queue into packed rows and counts, once each, however often a message comes.
//!
//! A message remembers itself in the packed row that it fills; a repeat is seen inside the same
//! transaction that counts, so neither redelivery nor two consumers at once can count twice. A
//! landing is counted once per token: it is looked for among the landings of its click's minute.

use super::click_days::click_days;
use super::ports::{self, Database, DatabaseError, Statement};
use crate::domain::click::{self, TouchRecord, Visit, VisitKind};
use crate::domain::link::Tags;
use crate::domain::time::UnixMs;
use crate::domain::traffic::Class;
use crate::json;
use serde_json::Value;

/// A queue message of visits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The queue's id of it: stable over redelivery.
    pub id: String,
    /// When the edge sent it; also stable.
    pub sent_at: UnixMs,
    pub visits: Vec<Visit>,
}

/// The messages that are not in a packed row yet, and their visits as rows. What is stored already
/// is read once for a batch, not once for each visit of it: D1 bills the rows that are read.
macro_rules! fresh {
    ($($tail:expr),+) => {
        concat!(
            "WITH message AS (
               SELECT m.value ->> 'id' AS id, m.value ->> 'bucket' AS bucket,
                 m.value -> 'visits' AS visits
               FROM json_each(?1) m
               WHERE m.value ->> 'id' NOT IN (
                 SELECT seen.value FROM click_packs p, json_each(p.messages) seen
                 WHERE p.kind = 'batch'
                   AND p.bucket IN (SELECT value ->> 'bucket' FROM json_each(?1)))
               GROUP BY m.value ->> 'id'),
             landing AS (
               SELECT min(v.value) AS value FROM message, json_each(message.visits) v
               WHERE v.value ->> 'once' = 1
                 AND v.value ->> 'key' NOT IN (
                   SELECT seen.value ->> 'key' FROM click_packs p, json_each(p.visits) seen
                   WHERE p.kind = 'landing' AND p.bucket IN (
                     SELECT once.value ->> 'bucket'
                     FROM json_each(?1) m, json_each(m.value -> 'visits') once
                     WHERE once.value ->> 'once' = 1))
               GROUP BY v.value ->> 'key'),
             visit AS (
               SELECT v.value AS value FROM message, json_each(message.visits) v
               WHERE v.value ->> 'once' = 0
               UNION ALL SELECT value FROM landing) ",
            $($tail),+
        )
    };
}

const COUNT: &str = fresh!(
    "INSERT INTO click_rollups (program, day, link, partner, class, count)
     SELECT visit.value ->> '$.visit.touch.program', visit.value ->> 'day',
       visit.value ->> '$.visit.touch.link', visit.value ->> '$.visit.touch.partner',
       class.value, count(*)
     FROM visit, json_each(visit.value -> 'classes') class
     WHERE true GROUP BY 1, 2, 3, 4, 5
     ON CONFLICT DO UPDATE SET count = count + excluded.count"
);

/// Facts whose token names one of these clicks are folded again, and folds that are under way for
/// their customers are made to look again. Where only a purchase or a subscription says whose a
/// fact is, all folds of its program do.
const WAKE_AGGREGATES: &str = fresh!(
    "INSERT INTO aggregates (key, version)
     SELECT DISTINCT f.program || coalesce('/' || f.customer, ''), 1
     FROM visit CROSS JOIN facts f ON f.nonce = visit.value ->> 'nonce'
     WHERE true ON CONFLICT DO UPDATE SET version = version + 1"
);

const WAKE_FACTS: &str = fresh!(
    "UPDATE facts SET state = 'pending'
     WHERE state = 'folded'
       AND nonce IN (SELECT value ->> 'nonce' FROM visit WHERE value ->> 'nonce' IS NOT NULL)"
);

const PACK_LANDINGS: &str = fresh!(
    "INSERT INTO click_packs (kind, bucket, messages, visits)
     SELECT 'landing', value ->> 'bucket', '[]', json_group_array(json(value -> 'visit'))
     FROM landing GROUP BY 2"
);

/// A grant may come long after its click; it is found in the click's minute.
const PACK_GRANTS: &str = fresh!(
    "INSERT INTO click_packs (kind, bucket, messages, visits)
     SELECT 'grant', value ->> 'bucket', '[]', json_group_array(json(value -> 'visit'))
     FROM visit WHERE value ->> 'apart' = 1 GROUP BY 2"
);

const PACK_BATCH: &str = fresh!(
    "INSERT INTO click_packs (kind, bucket, messages, visits)
     SELECT 'batch', bucket, json_group_array(id),
       (SELECT json_group_array(json(v.value -> 'visit'))
        FROM message same, json_each(same.visits) v
        WHERE same.bucket = message.bucket AND v.value ->> 'once' = 0
          AND v.value ->> 'apart' = 0)
     FROM message GROUP BY bucket"
);

/// Links whose cap of valid clicks is reached with this batch.
macro_rules! reached {
    ($head:literal, $tail:literal) => {
        fresh!(
            $head,
            " WHERE links.capped = 0
                AND links.id IN (SELECT visit.value ->> '$.visit.touch.link' FROM visit)
                AND links.settings ->> 'click_cap' <= (
                  SELECT coalesce(sum(valid), 0) FROM ",
            click_days!("r.program = links.program AND r.link = links.id"),
            ")",
            $tail
        )
    };
}

/// The edge learns through KV that a cap is reached.
const PUBLISH_CAPPED: &str = reached!(
    "INSERT INTO publications (key, version)
     SELECT 'link:' || links.host || '/' || links.slug, 1 FROM links",
    " ON CONFLICT DO UPDATE SET version = version + 1"
);

const CAP: &str = reached!("UPDATE links SET capped = 1", "");

const PENDING: &str = "SELECT '1' FROM facts WHERE state = 'pending' AND ?1 IS NOT NULL LIMIT 1";

/// The message that wakes the ledger plane after conversions were accepted. A conversion also
/// confirms the click whose token came with it.
pub fn wake<'a>(confirmed: impl IntoIterator<Item = &'a TouchRecord>, now: UnixMs) -> String {
    let landing = |touch: &TouchRecord| {
        let key = touch.nonce.clone()?;
        Some(Visit {
            kind: VisitKind::Landing,
            key,
            at: touch.at,
            touch: touch.clone(),
            earlier: Vec::new(),
            click_ids: Vec::new(),
            referrer: None,
            tags: Tags::new(),
        })
    };
    let visits: Vec<Visit> = confirmed.into_iter().filter_map(landing).collect();
    if visits.is_empty() {
        return r#"{"wake":true}"#.to_owned();
    }
    json!({"wake": true, "sent": now, "visits": visits}).to_string()
}

/// Stores messages and counts their visits: one round trip. Gives whether facts wait for the fold.
pub async fn consume(db: &impl Database, messages: &[Message]) -> Result<bool, DatabaseError> {
    if messages.is_empty() {
        return Ok(false);
    }
    let param = Value::Array(messages.iter().map(row).collect());
    let all = [
        COUNT,
        PUBLISH_CAPPED,
        CAP,
        WAKE_AGGREGATES,
        WAKE_FACTS,
        PACK_LANDINGS,
        PACK_GRANTS,
        PACK_BATCH,
        PENDING,
    ];
    let rows = db.batch(Statement::all(&all, &param)).await?;
    Ok(!ports::rows_at(&rows, 8).is_empty())
}

fn row(message: &Message) -> Value {
    let visits: Vec<Value> = message.visits.iter().map(visit_row).collect();
    json!({"id": message.id, "bucket": click::bucket(message.sent_at), "visits": visits})
}

/// A visit with what the SQL needs to know of it.
fn visit_row(visit: &Visit) -> Value {
    let named = visit.touch.nonce.is_some();
    let once = visit.kind == VisitKind::Landing && named;
    let classes: &[&str] = match (visit.kind, visit.touch.class, named) {
        (VisitKind::Click, class, _) => &[class.name()],
        (VisitKind::Orphan, ..) => &["orphan"],
        // A page that was loaded ahead is shown: the click happens now.
        (VisitKind::Landing, Class::Prefetch, true) => &["shown", "confirmed"],
        // What might have been software was a person.
        (VisitKind::Landing, Class::Provisional, true) => &["validated", "confirmed"],
        (VisitKind::Landing, Class::Flood, true) => &["validated", "confirmed", "unpaid"],
        (VisitKind::Landing, class, true) if !class.is_paid() => &["confirmed", "unpaid"],
        (VisitKind::Landing, _, true) => &["confirmed"],
        // Nothing tells two anonymous landings apart, so they are counted by themselves; those that
        // got a name by a grant, which comes with a landing of that name, are subtracted in reads.
        (VisitKind::Landing, _, false) => &["confirmed_anonymous"],
        (VisitKind::Grant, ..) => &["granted"],
        (VisitKind::Unverified, ..) => &["unverified"],
    };
    json!({
        "once": i32::from(once),
        "apart": i32::from(visit.kind == VisitKind::Grant),
        "key": visit.key,
        "bucket": click::bucket(visit.at),
        "day": visit.at.to_day(),
        "nonce": visit.touch.nonce,
        "classes": classes,
        "visit": visit,
    })
}
