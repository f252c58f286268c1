//! Visits from the queue into packed rows and counts, once each, however often a message comes.
//!
//! A message remembers itself in the packed row that it fills. A guard in the same transaction
//! fails when one of its messages is stored already; those are left out then, so neither
//! redelivery nor two consumers at once can count twice. A landing is a row by the nonce of its
//! click, so it counts once per token.

mod part;

use super::click_days::click_days;
use super::ports::{Database, DatabaseError, Statement};
use domain::json;
use domain::values::time::UnixMs;
use domain::visit::click::{TouchRecord, Visit, VisitKind};
use domain::visit::link::Tags;
use part::Part;
use std::collections::BTreeSet;

/// A queue message of visits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The queue's id of it: stable over redelivery.
    pub id: String,
    /// When the edge sent it; also stable.
    pub sent_at: UnixMs,
    pub visits: Vec<Visit>,
}

/// The rows `k` that may hold a click; the index alone says which. `$click` has the click's `nonce`
/// and its time, `at`; the message was sent within a minute of that. A `CROSS JOIN` in front of it
/// fixes the order.
macro_rules! may_hold {
    ($click:literal) => {
        concat!(
            "click_packs k ON k.bucket IN (",
            $click,
            ".at / 60000, ",
            $click,
            ".at / 60000 + 1) AND coalesce(k.sent_from <= ",
            $click,
            ".at + 60000, 1) AND coalesce(k.sent_until >= ",
            $click,
            ".at, 1) AND coalesce(instr(k.nonces, substr(",
            $click,
            ".nonce, 1, 6)), 1)"
        )
    };
}
pub(super) use may_hold;

/// The stored visits of a click with their row, `v` and `k`.
macro_rules! packs_of {
    ($click:literal) => {
        concat!(
            $crate::clicks::may_hold!($click),
            " CROSS JOIN json_each(k.visits) v ON v.value ->> '$.touch.nonce' = ",
            $click,
            ".nonce"
        )
    };
}
pub(super) use packs_of;

/// All that is stored of a click as a list: the visit itself, its landing and its grants.
macro_rules! visits_of {
    ($click:literal) => {
        concat!(
            "(SELECT json_group_array(json(stored.visit)) FROM (
               SELECT v.value AS visit FROM (SELECT 1) CROSS JOIN ",
            $crate::clicks::packs_of!($click),
            " UNION ALL SELECT visit FROM landings WHERE nonce = ",
            $click,
            ".nonce UNION ALL SELECT visit FROM grants WHERE nonce = ",
            $click,
            ".nonce) stored)"
        )
    };
}
pub(super) use visits_of;

/// The packed rows whose messages were sent while those of this part were, and of their messages
/// those that are in it.
macro_rules! stored {
    ($what:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM click_packs p CROSS JOIN json_each(p.messages) m
              WHERE p.bucket IN (SELECT value FROM json_each(?1, '$.buckets'))
                AND coalesce(p.sent_from <= ?1 ->> 'until', 1)
                AND coalesce(p.sent_until >= ?1 ->> 'from', 1)
                AND m.value IN (SELECT value FROM json_each(?1, '$.ids'))"
        )
    };
}

const GUARD: &str = concat!(
    "INSERT INTO fold_guard (ok) SELECT 0 WHERE EXISTS (",
    stored!("1"),
    ")"
);
const STORED: &str = stored!("m.value");

/// Landings of the part that are not stored yet, as `l`.
macro_rules! new_landings {
    () => {
        " FROM json_each(?1, '$.landings') l WHERE NOT EXISTS (
            SELECT 1 FROM landings n WHERE n.nonce = l.value ->> 'nonce')"
    };
}

const COUNT: &str = concat!(
    "INSERT INTO click_rollups (program, day, link, partner, class, count)
     SELECT value ->> 'program', value ->> 'day', value ->> 'link', value ->> 'partner',
       value ->> 'class', value ->> 'count'
     FROM json_each(?1, '$.counts')
     UNION ALL
     SELECT value ->> 'program', value ->> 'day', value ->> 'link', value ->> 'partner', class, 1
     FROM (SELECT l.value AS value, c.value AS class FROM (SELECT l.value AS value",
    new_landings!(),
    ") l CROSS JOIN json_each(l.value, '$.classes') c)
     WHERE true ON CONFLICT DO UPDATE SET count = count + excluded.count"
);

/// Clicks of which the part brings news: a repeated landing is none.
macro_rules! news {
    ($tail:literal) => {
        concat!(
            "WITH news AS (
               SELECT value AS nonce FROM json_each(?1, '$.nonces')
               UNION
               SELECT g.value FROM json_each(?1, '$.grants') g WHERE ?1 ->> 'most_grants' > (
                 SELECT count(*) FROM grants n WHERE n.nonce = g.value)
               UNION
               SELECT l.value ->> 'nonce'",
            new_landings!(),
            ") ",
            $tail
        )
    };
}

/// Facts whose token names one of these clicks are folded again, and folds that are under way for
/// their customers are made to look again. Where only a purchase or a subscription says whose a
/// fact is, all folds of its program do.
const WAKE_AGGREGATES: &str = news!(
    "INSERT INTO aggregates (key, version)
     SELECT DISTINCT f.program || coalesce('/' || f.customer, ''), 1
     FROM news CROSS JOIN facts f ON f.nonce = news.nonce
     WHERE true ON CONFLICT DO UPDATE SET version = version + 1"
);

const WAKE_FACTS: &str = news!(
    "UPDATE facts SET state = 'pending'
     WHERE state = 'folded' AND nonce IN (SELECT nonce FROM news)"
);

const STORE_LANDINGS: &str = "INSERT INTO landings (nonce, visit)
    SELECT value ->> 'nonce', value -> 'visit' FROM json_each(?1) WHERE true
    ON CONFLICT DO NOTHING";

/// A visitor may give permission any number of times; the bound is on what is kept of it.
const STORE_GRANTS: &str = "INSERT INTO grants (nonce, number, visit)
    SELECT nonce, number, visit FROM (
      SELECT g.value ->> 'nonce' AS nonce, g.value -> 'visit' AS visit,
        g.value ->> 'place' + (SELECT count(*) FROM grants n
          WHERE n.nonce = g.value ->> 'nonce') AS number
      FROM json_each(?1, '$.grants') g)
    WHERE number < ?1 ->> 'most_grants'";

const STORE_PACKS: &str = "INSERT INTO click_packs
      (kind, bucket, messages, visits, sent_from, sent_until, nonces)
    SELECT 'batch', value ->> 'bucket', value -> 'messages', value -> 'visits', value ->> 'from',
      value ->> 'until', value ->> 'nonces'
    FROM json_each(?1)";

/// Links whose cap of valid clicks is reached with this part.
macro_rules! reached {
    ($head:literal, $tail:literal) => {
        concat!(
            $head,
            " WHERE links.capped = 0
                AND links.id IN (SELECT value FROM json_each(?1, '$.links'))
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

/// How often stored messages are left out before the part is given back: each time needs another
/// consumer that stores some of them at the same moment.
const TRIES: u32 = 4;

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

/// Stores messages and counts their visits in one transaction: one round trip, unless some are
/// stored already. Gives whether facts wait for the fold. How many messages it can be at a time,
/// `app::inbox` knows.
pub async fn consume(db: &impl Database, messages: &[Message]) -> Result<bool, DatabaseError> {
    let mut stored = BTreeSet::new();
    for _ in 0..TRIES {
        let part = Part::of(messages, &stored);
        if part.is_empty() && stored.is_empty() {
            return Ok(false);
        }
        match store(db, &part).await {
            Err(DatabaseError::Stale) => stored.extend(stored_of(db, &part).await?),
            ended => return ended,
        }
    }
    Err(DatabaseError::Stale)
}

async fn store(db: &impl Database, part: &Part<'_>) -> Result<bool, DatabaseError> {
    let mut all = Vec::new();
    if !part.is_empty() {
        all.push(Statement::new(GUARD, &part.look()));
        // The visits are sent once; what is counted and woken by is a tenth of them.
        let counting = [COUNT, PUBLISH_CAPPED, CAP, WAKE_AGGREGATES, WAKE_FACTS];
        all.extend(Statement::all(&counting, &part.summary()));
        all.push(Statement::new(STORE_LANDINGS, &part.landings()));
        all.push(Statement::new(STORE_GRANTS, &part.grants()));
        all.push(Statement::new(STORE_PACKS, &part.packs()));
    }
    all.push(Statement::new(PENDING, &json!({})));
    let rows = db.batch(all).await?;
    Ok(rows.last().is_some_and(|pending| !pending.is_empty()))
}

/// The ids of those messages of the part that are stored.
async fn stored_of(
    db: &impl Database,
    part: &Part<'_>,
) -> Result<impl Iterator<Item = String>, DatabaseError> {
    let mut rows = db
        .batch(vec![Statement::new(STORED, &part.look())])
        .await?
        .into_iter();
    Ok(rows.next().unwrap_or_default().into_iter())
}
