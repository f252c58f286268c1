//! Publishing settings to KV: a projection of D1, written through an outbox.
//!
//! A change of settings leaves the KV keys that it touches in `publications`, in the same
//! transaction. Whoever comes first (the request itself, cron) writes each record from what the
//! tables say now and marks its version as done.

use super::ports::{self, Database, DatabaseError, Snapshots, Statement};
use domain::json;
use serde::Deserialize;
use serde_json::Value;

/// Records written by one call; KV allows 1,000 operations per invocation.
const BATCH: u32 = 200;

/// The link that a KV key names: by its slug, else the only one whose slug folds to that.
macro_rules! link {
    ($key:literal) => {
        concat!(
            "(SELECT coalesce(
        (SELECT s.id FROM links s WHERE s.host = k.host AND s.slug = k.slug),
        (SELECT iif(count(*) = 1, min(f.id), NULL) FROM links f
          WHERE f.host = k.host AND f.folded = k.slug))
      FROM (SELECT substr(",
            $key,
            ", 6, instr(",
            $key,
            ", '/') - 6) AS host, substr(",
            $key,
            ", instr(",
            $key,
            ", '/') + 1) AS slug) k)"
        )
    };
}

/// The record of a KV key, as the tables say it now; NULL when there is none.
macro_rules! record {
    ($key:literal) => {
        concat!(
            "json(CASE
    WHEN ",
            $key,
            " LIKE 'host:%' THEN (
      SELECT json_patch(
        json_remove(g.body, '$.hosts', '$.target_hosts', '$.host_settings', '$.domain',
          '$.registrable', '$.shared_domain', '$.country'),
        json_patch(json_remove(coalesce(
            json_extract(g.body, '$.host_settings.\"' || h.host || '\"'), '{}'), '$.well_known'),
          json_object('program', g.id, 'registrable',
            json_extract(g.body, '$.registrable.\"' || h.host || '\"'))))
      FROM hosts h JOIN programs g ON g.id = h.program WHERE h.host = substr(",
            $key,
            ", 6))
    WHEN ",
            $key,
            " LIKE 'link:%' THEN (
      SELECT json_patch(l.settings, json_object('id', l.id, 'program', l.program,
        'partner', l.partner, 'slug', l.slug, 'capped', json(iif(l.capped, 'true', 'false')),
        'standing', CASE WHEN NOT coalesce((
            SELECT s.active FROM partner_statuses s WHERE s.partner = l.partner
            ORDER BY s.seq DESC LIMIT 1), 1) THEN 'suspended'
          WHEN l.active THEN 'live' ELSE 'paused' END))
      FROM links l WHERE l.id = ",
            link!($key),
            ")
    WHEN ",
            $key,
            " LIKE 'show:%' THEN (
      SELECT json_object('partner', p.name, 'offer', json(l.settings -> 'offer'))
      FROM links l JOIN partners p ON p.id = l.partner WHERE l.id = substr(",
            $key,
            ", 6))
    WHEN ",
            $key,
            " LIKE 'well-known:%' THEN (
      SELECT json_extract(g.body, '$.host_settings.\"' || h.host || '\".well_known')
      FROM hosts h JOIN programs g ON g.id = h.program WHERE h.host = substr(",
            $key,
            ", 12))
    WHEN ",
            $key,
            " LIKE 'revoked:%' THEN (
      SELECT '1' FROM api_keys k WHERE k.id = substr(",
            $key,
            ", 9) AND k.revoked_at IS NOT NULL)
    END)"
        )
    };
}

const DUE: &str = concat!(
    "SELECT json_object('key', p.key, 'version', p.version, 'value', ",
    record!("p.key"),
    ", 'folded', (
      SELECT 'link:' || l.host || '/' || l.folded FROM links l
      WHERE p.key LIKE 'link:%' AND l.id = ",
    link!("p.key"),
    " AND l.folded <> l.slug AND l.id = (
        SELECT iif(count(*) = 1, min(o.id), NULL) FROM (
          SELECT id FROM links WHERE host = l.host AND slug = l.folded
          UNION SELECT id FROM links WHERE host = l.host AND folded = l.folded) o))
    ) FROM publications p WHERE p.done < p.version
    ORDER BY p.tries, p.key LIMIT ?1 ->> 'limit'"
);

/// The record of the KV key `$.key`, without going through KV.
pub const ONE: &str = concat!("SELECT coalesce(", record!("(?1 ->> 'key')"), ", 'null')");

/// A version never comes twice. A publisher that was overtaken may have written an older record
/// over a newer one: then the newer one is asked for again.
const DONE: &str = "UPDATE publications SET
      version = version + (done > d.value ->> 'version'),
      done = max(done, d.value ->> 'version'), tries = 0
    FROM json_each(?1, '$.done') d WHERE d.value ->> 'key' = publications.key";

/// What KV refused goes behind the others, so that it can never hold them up.
const REFUSED: &str = "UPDATE publications SET tries = tries + 1 WHERE key = ?1 ->> 'refused'";

const LEFT: &str = "SELECT json_object('left', count(*)) FROM publications
    WHERE done < version AND ?1 IS NOT NULL";

/// Asks for every record to be written again.
pub const REBUILD: &str = "INSERT INTO publications (key, version)
    SELECT 'host:' || host, 1 FROM hosts WHERE ?1 IS NOT NULL
    UNION ALL SELECT 'well-known:' || h.host, 1 FROM hosts h JOIN programs g ON g.id = h.program
      WHERE json_extract(g.body, '$.host_settings.\"' || h.host || '\".well_known') IS NOT NULL
    UNION ALL SELECT 'link:' || host || '/' || slug, 1 FROM links
    UNION ALL SELECT 'show:' || id, 1 FROM links
    UNION ALL SELECT 'revoked:' || id, 1 FROM api_keys WHERE revoked_at IS NOT NULL
    ON CONFLICT DO UPDATE SET version = version + 1";

/// Asks for the records in `$.publish` (a list of KV keys) to be written.
pub const ENQUEUE: &str = "INSERT INTO publications (key, version)
    SELECT value, 1 FROM json_each(?1, '$.publish') WHERE true
    ON CONFLICT DO UPDATE SET version = version + 1";

#[derive(Deserialize)]
struct Left {
    left: u64,
}

/// What a call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    pub written: usize,
    /// Records that still wait.
    pub left: u64,
}

/// Writes the records that wait, up to a bound, until KV refuses one. What is left is tried again.
pub async fn publish(
    db: &impl Database,
    snapshots: &impl Snapshots,
) -> Result<Published, DatabaseError> {
    let rows = db
        .batch(vec![Statement::new(DUE, &json!({"limit": BATCH}))])
        .await?;
    // Each a key, its version, and the record as the SQL built it; without one there is nothing to
    // publish any more.
    let due = ports::values(ports::rows_at(&rows, 0))?;
    let mut done = Vec::new();
    let mut refused = None;
    for record in &due {
        let key = record["key"].as_str().unwrap_or_default();
        // A link of before is found by what its slug folds to as well.
        let keys = [Some(key), record["folded"].as_str()];
        let mut written = Ok(());
        for key in keys.into_iter().flatten() {
            let one = match &record["value"] {
                Value::Null => snapshots.delete(key).await,
                value => snapshots.put(key, &value.to_string()).await,
            };
            written = written.and(one);
        }
        if written.is_err() {
            // Whoever waits for this should not wait for the same failure two hundred times.
            refused = Some(key);
            break;
        }
        done.push(json!({"key": key, "version": record["version"]}));
    }
    let written = done.len();
    let param = json!({"done": done, "refused": refused});
    let statements = Statement::all(&[DONE, REFUSED, LEFT], &param);
    let rows = db.batch(statements).await?;
    let left: Vec<Left> = ports::decode(ports::rows_at(&rows, 2))?;
    Ok(Published {
        written,
        left: left.first().map_or(0, |row| row.left),
    })
}
