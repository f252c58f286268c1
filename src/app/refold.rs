//! Folds codes and slugs that were stored before there was [`domain::values::folding`].
//!
//! Nothing that was found before is lost: an old code or link keeps its old form too. Where two are
//! one now, each is still found by its own form alone; a new one like them is refused.

use super::ports::{self, Database, DatabaseError, Statement};
use domain::json;
use domain::ledger::code;
use domain::values::folding::fold;
use serde_json::Value;

/// Codes and links that one round takes.
const BATCH: u32 = 100;
/// Rounds of one call; cron goes on a minute later.
const ROUNDS: usize = 50;

const CODES: &str = "SELECT json_object('id', id, 'program', program, 'code', code)
    FROM codes WHERE key IS NULL ORDER BY seq LIMIT ?1 ->> 'limit'";
const LINKS: &str = "SELECT json_object('id', l.id, 'host', l.host, 'slug', l.slug,
      'case_sensitive', json(coalesce(
        g.body -> ('$.host_settings.\"' || l.host || '\".case_sensitive'), 'false')))
    FROM links l JOIN programs g ON g.id = l.program
    WHERE l.folded IS NULL AND l.slug GLOB '*[^ -~]*' ORDER BY l.seq LIMIT ?1 ->> 'limit'";

const SET_CODES: &str = "UPDATE codes SET key = f.value ->> 'key'
    FROM json_each(?1, '$.codes') f WHERE codes.id = f.value ->> 'id'";
/// Events that came in between looked for the key.
const WAKE: &str = "UPDATE facts SET state = 'pending'
    WHERE state = 'folded' AND id IN (
      SELECT e.id FROM json_each(?1, '$.codes') f CROSS JOIN facts e
        ON e.program = f.value ->> 'program'
          AND e.body ->> '$.code.key' = f.value ->> 'key'
          AND e.body ->> '$.code.key' IS NOT NULL)";
const BUMP: &str = "INSERT INTO aggregates (key, version)
    SELECT DISTINCT value ->> 'program', 1 FROM json_each(?1, '$.codes') WHERE true
    ON CONFLICT DO UPDATE SET version = version + 1";
const SET_LINKS: &str = "UPDATE links SET folded = f.value ->> 'folded'
    FROM json_each(?1, '$.links') f WHERE links.id = f.value ->> 'id'";
const PUBLISH: &str = "INSERT INTO publications (key, version)
    SELECT 'link:' || (value ->> 'host') || '/' || (value ->> 'slug'), 1
    FROM json_each(?1, '$.links') WHERE value ->> 'folded' <> value ->> 'slug'
    ON CONFLICT DO UPDATE SET version = version + 1";

/// Folds what is not folded yet.
pub async fn refold(db: &impl Database) -> Result<(), DatabaseError> {
    for _ in 0..ROUNDS {
        let limit = json!({"limit": BATCH});
        let rows = db.batch(Statement::all(&[CODES, LINKS], &limit)).await?;
        let mut codes = ports::values(ports::rows_at(&rows, 0))?;
        let mut links = ports::values(ports::rows_at(&rows, 1))?;
        if codes.is_empty() && links.is_empty() {
            break;
        }
        for row in &mut codes {
            row["key"] = json!(code::key(row["code"].as_str().unwrap_or_default()));
        }
        for row in &mut links {
            row["folded"] = folded(row);
        }
        let param = json!({"codes": codes, "links": links});
        let all = [SET_CODES, WAKE, BUMP, SET_LINKS, PUBLISH];
        db.batch(Statement::all(&all, &param)).await?;
    }
    Ok(())
}

fn folded(link: &Value) -> Value {
    let slug = link["slug"].as_str().unwrap_or_default();
    if link["case_sensitive"].as_bool() == Some(true) {
        return json!(slug);
    }
    json!(fold(slug))
}
