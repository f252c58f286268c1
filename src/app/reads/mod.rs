//! Lists for people and programs: what came in, what was decided, what is owed, what was sent.
//!
//! Every list is newest first, at most 100 rows, and pages by an opaque cursor.

pub mod dates;
mod lists;

pub(super) use lists::listing;

use super::earnings;
use super::ports::{self, Database, Statement};
use super::problem::{self, Problem};
use base64_simd::URL_SAFE_NO_PAD;
use domain::json;
use domain::ledger::decision::{Decision, Names};
use domain::values::ids::{LinkId, PartnerId, ProgramId};
use domain::values::limits;
use domain::values::record;
use domain::values::time::UnixMs;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// `None` lists all programs; only an admin key of the deployment may.
    pub program: Option<ProgramId>,
    pub limit: Option<u32>,
    pub cursor: Option<String>,
    /// Only events of this kind.
    pub kind: Option<String>,
    /// Only decisions of this status.
    pub status: Option<String>,
    /// Of which settlement or payout the lines are.
    pub of: Option<String>,
    /// Unix milliseconds; where money stands depends on it.
    pub now: i64,
}

const NAMES: &str = "SELECT json_object('id', id, 'name', name) FROM partners
    WHERE id IN (SELECT value FROM json_each(?1, '$.partners'))
    UNION ALL SELECT json_object('id', id, 'name', host || '/go/' || slug) FROM links
    WHERE id IN (SELECT value FROM json_each(?1, '$.links'))";

const ONE_EVENT: &str = "SELECT json_object('id', f.id, 'program', f.program, 'kind', f.kind,
      'key', f.key, 'customer', f.customer, 'occurred_at', f.occurred_at,
      'received_at', f.received_at, 'state', f.state,
      'aside', f.aside, 'retry_at', f.retry_at, 'amount', json(f.body -> '$.money'),
      'decision', json((SELECT json_patch(d.body, json_object('revision', d.revision,
                          'decided_at', d.decided_at)) FROM decisions d WHERE d.event = f.id
                        ORDER BY d.revision DESC LIMIT 1)),
      'rulings', json((SELECT json_group_array(json_object('action', r.action, 'actor', r.actor,
                         'reason', r.reason, 'at', r.at) ORDER BY r.seq)
                       FROM rulings r WHERE r.event = f.id)),
      'entries', json((SELECT json_group_array(json_object('id', e.id, 'partner', e.partner,
                    'kind', e.kind, 'amount', e.amount, 'currency', e.currency,
                    'reason', e.reason, 'booked_at', e.booked_at))
                  FROM entries e WHERE e.cause = f.id)),
      'deliveries', json((SELECT json_group_array(json_object('id', v.id, 'type', v.type,
                       'destination', v.destination, 'state', v.state, 'attempts', v.attempts,
                       'last_error', v.last_error)) FROM deliveries v WHERE v.event = f.id)))
    FROM facts f WHERE f.id = ?1 ->> 'id'";

#[derive(Deserialize)]
struct NameRow {
    id: String,
    name: String,
}

/// Names of partners and links, by id.
struct Directory(BTreeMap<String, String>);

impl Names for Directory {
    fn partner(&self, id: PartnerId) -> String {
        let id = id.to_string();
        self.0.get(&id).cloned().unwrap_or(id)
    }

    fn link(&self, id: LinkId) -> String {
        let id = id.to_string();
        self.0.get(&id).cloned().unwrap_or(id)
    }
}

/// One page of a list: `{"data": […], "next_cursor": …}`.
pub async fn list(db: &impl Database, name: &str, page: &Page) -> Result<Value, Problem> {
    let sql = lists::sql(name).ok_or(&problem::NOT_FOUND)?;
    let param = json!({"program": page.program, "kind": page.kind, "status": page.status,
        "of": page.of, "now": page.now});
    let mut answer = page_of(db, sql, page, param).await?;
    let decisions = matches!(name, "decisions" | "reviews");
    if let Some(data) = answer["data"].as_array_mut().filter(|_| decisions) {
        explain(db, data).await?;
    }
    answer["data"] = dates::of(name).write(answer["data"].take());
    Ok(answer)
}

/// One page of the rows of `sql`, which are numbered `seq`; takes `before` and `page` beside what
/// `param` holds.
pub async fn page_of(
    db: &impl Database,
    sql: &'static str,
    page: &Page,
    mut param: Value,
) -> Result<Value, Problem> {
    let limit = page
        .limit
        .unwrap_or(limits::PAGE_ROWS)
        .clamp(1, limits::PAGE_ROWS);
    let before = page
        .cursor
        .as_deref()
        .map_or(Some(i64::MAX.unsigned_abs()), read_cursor);
    param["before"] = json!(before.ok_or(&problem::CURSOR_INVALID)?);
    param["page"] = json!(limit + 1);
    let rows = db.batch(vec![Statement::new(sql, &param)]).await?;
    let mut found: Vec<Value> = ports::values(ports::rows_at(&rows, 0))?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found
        .last()
        .filter(|_| more)
        .and_then(|row| row["seq"].as_u64())
        .map(write_cursor);
    let data: Vec<Value> = found.iter_mut().map(|row| row["row"].take()).collect();
    Ok(json!({"data": data, "next_cursor": next}))
}

/// One event with its newest decision, what people decided, entries, deliveries, and where its
/// money stands.
pub async fn event(db: &impl Database, id: &str, now: UnixMs) -> Result<Value, Problem> {
    let param = json!({"id": id, "now": now});
    let statements = [ONE_EVENT, earnings::OF_EVENT].map(|sql| Statement::new(sql, &param));
    let rows = db.batch(statements.to_vec()).await?;
    let found: Vec<Value> = ports::values(ports::rows_at(&rows, 0))?;
    let mut event = found.into_iter().next().ok_or(&problem::NOT_FOUND)?;
    let positions: Vec<Value> = ports::values(ports::rows_at(&rows, 1))?;
    // Before the fold there is no decision, and indexing would make one.
    let credits = event.pointer_mut("/decision/credits");
    for credit in credits.and_then(Value::as_array_mut).into_iter().flatten() {
        let own = positions.iter().find(|p| p["partner"] == credit["partner"]);
        if let Some(own) = own {
            credit["state"] = own["state"].clone();
        }
    }
    event["earnings"] = json!(positions);
    let mut decision = vec![event["decision"].take()];
    explain(db, &mut decision).await?;
    event["decision"] = decision.pop().unwrap_or_default();
    Ok(dates::of("events").write(event))
}

/// Adds the sentence to decisions, with the names that partners and links have now.
pub(super) async fn explain(db: &impl Database, decisions: &mut [Value]) -> Result<(), Problem> {
    let known: Vec<Option<Decision>> = decisions.iter().map(record::take).collect();
    let touches = || {
        known
            .iter()
            .flatten()
            .flat_map(|decision| &decision.touches)
    };
    let credits = known
        .iter()
        .flatten()
        .flat_map(|decision| &decision.credits);
    let param = json!({
        "partners": touches().map(|touch| touch.partner)
            .chain(credits.map(|credit| credit.partner))
            .collect::<Vec<_>>(),
        "links": touches().filter_map(|touch| touch.link).collect::<Vec<_>>(),
    });
    let rows = db.batch(vec![Statement::new(NAMES, &param)]).await?;
    let names: Vec<NameRow> = ports::decode(ports::rows_at(&rows, 0))?;
    let mut directory = Directory(BTreeMap::new());
    directory
        .0
        .extend(names.into_iter().map(|row| (row.id, row.name)));
    for (value, decision) in decisions.iter_mut().zip(known) {
        if let Some(decision) = decision {
            value["sentence"] = json!(decision.sentence(&directory));
        }
    }
    Ok(())
}

fn write_cursor(seq: u64) -> String {
    URL_SAFE_NO_PAD.encode_to_string(format!("c1:{seq}"))
}

fn read_cursor(text: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
    std::str::from_utf8(&bytes)
        .ok()?
        .strip_prefix("c1:")?
        .parse()
        .ok()
}
