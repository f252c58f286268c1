//! What one fold looks at: the pending facts and everything that they touch, in one round trip.

use crate::app::ports::{self, Database, DatabaseError, Rows, Statement};
use crate::domain::attribution::StatusChange;
use crate::domain::click::Visit;
use crate::domain::event::Fact;
use crate::domain::fold::Position;
use crate::domain::ids::{PartnerId, ProgramId};
use crate::domain::limits;
use crate::domain::money::Currency;
use crate::domain::plan::Plan;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The facts that are pending, the customers whom they touch, and all facts of those customers:
/// their leads and sales, and the refunds of those sales. `CROSS JOIN` fixes the order of a join:
/// without statistics the planner would read whole tables.
macro_rules! touched {
    ($tail:literal) => {
        concat!(
            "WITH pending AS (
               SELECT * FROM facts WHERE state = 'pending' ORDER BY seq LIMIT ?1 ->> 'limit'),
             touched AS (
               SELECT program, customer FROM pending WHERE customer IS NOT NULL
               UNION
               SELECT s.program, s.customer FROM pending p
               CROSS JOIN facts s
                 ON s.program = p.program AND s.kind = 'sale' AND s.key = p.sale_key),
             involved AS (
               SELECT f.* FROM touched t
               CROSS JOIN facts f ON f.program = t.program AND f.customer = t.customer
               UNION
               SELECT r.* FROM touched t
               CROSS JOIN facts s
                 ON s.program = t.program AND s.customer = t.customer AND s.kind = 'sale'
               CROSS JOIN facts r ON r.program = s.program AND r.sale_key = s.key
               UNION
               SELECT * FROM pending) ",
            $tail
        )
    };
}

const LOAD_FACTS: &str = touched!(
    "SELECT json_object('body', json(body), 'state', state, 'awaits', awaits_click)
     FROM involved ORDER BY seq"
);
const LOAD_VISITS: &str = touched!(
    "SELECT json_object('nonce', i.nonce, 'visit', json(v.value))
     FROM (SELECT DISTINCT nonce, json_extract(body, '$.token.opened.at') / 60000 AS minute
           FROM involved WHERE nonce IS NOT NULL) i
     CROSS JOIN click_packs p ON p.bucket IN (i.minute, i.minute + 1)
     JOIN json_each(p.visits) v ON v.value ->> '$.touch.nonce' = i.nonce"
);
const LOAD_PLANS: &str = touched!(
    "SELECT json_object('program', program, 'value', json_object('version', version,
       'effective_from', effective_from, 'rules', json(rules)))
     FROM plans WHERE program IN (SELECT program FROM pending)"
);
const LOAD_STATUSES: &str = touched!(
    "SELECT json_object('program', program, 'value', json_object('partner', partner, 'at', at,
       'active', json(iif(active, 'true', 'false'))))
     FROM partner_statuses WHERE program IN (SELECT program FROM pending) ORDER BY seq"
);
const LOAD_VERSIONS: &str = touched!(
    "SELECT json_object('key', key, 'version', version) FROM aggregates
     WHERE key IN (SELECT program || '/' || customer FROM touched
                   UNION SELECT program FROM pending)"
);
const LOAD_DECISIONS: &str = touched!(
    "SELECT json_object('event', d.event, 'revision', d.revision, 'body', json(d.body))
     FROM involved i CROSS JOIN decisions d ON d.event = i.id
     WHERE NOT EXISTS (SELECT 1 FROM decisions n
                       WHERE n.event = d.event AND n.revision > d.revision)"
);
const LOAD_BOOKED: &str = touched!(
    "SELECT json_object('cause', e.cause, 'partner', e.partner, 'currency', e.currency,
       'sum', sum(e.amount), 'count', count(*))
     FROM involved i CROSS JOIN entries e ON e.cause = i.id
     GROUP BY e.cause, e.partner, e.currency"
);
const LOAD_DESTINATIONS: &str = touched!(
    "SELECT json_object('program', program, 'id', id, 'kind', kind) FROM destinations
     WHERE enabled = 1 AND program IN (SELECT program FROM pending) ORDER BY seq"
);

#[derive(Deserialize)]
pub(super) struct FactRow {
    pub(super) body: Fact,
    pub(super) state: String,
    pub(super) awaits: u8,
}

#[derive(Deserialize)]
pub(super) struct VisitRow {
    pub(super) nonce: String,
    pub(super) visit: Visit,
}

#[derive(Deserialize)]
pub(super) struct OfProgram<T> {
    pub(super) program: ProgramId,
    pub(super) value: T,
}

#[derive(Deserialize)]
pub(super) struct VersionRow {
    pub(super) key: String,
    pub(super) version: i64,
}

#[derive(Deserialize)]
pub(super) struct DecisionRow {
    pub(super) event: String,
    pub(super) revision: u32,
    pub(super) body: Value,
}

#[derive(Deserialize)]
pub(super) struct BookedRow {
    pub(super) cause: String,
    pub(super) partner: PartnerId,
    pub(super) currency: Currency,
    pub(super) sum: i64,
    pub(super) count: u32,
}

#[derive(Deserialize)]
pub(super) struct DestinationRow {
    pub(super) program: ProgramId,
    pub(super) id: String,
    pub(super) kind: String,
}

/// All that one fold looks at.
pub(super) struct Loaded {
    pub(super) facts: Vec<FactRow>,
    pub(super) visits: Vec<VisitRow>,
    pub(super) plans: Vec<OfProgram<Plan>>,
    pub(super) statuses: Vec<OfProgram<StatusChange>>,
    pub(super) versions: BTreeMap<String, i64>,
    pub(super) decisions: BTreeMap<String, DecisionRow>,
    pub(super) booked: BTreeMap<Position, (i64, u32)>,
    pub(super) destinations: Vec<DestinationRow>,
}

/// Loads up to 100 pending facts and what they touch.
pub(super) async fn load(db: &impl Database) -> Result<Loaded, DatabaseError> {
    let param = json!({"limit": limits::FOLD_FACTS});
    let all = [
        LOAD_FACTS,
        LOAD_VISITS,
        LOAD_PLANS,
        LOAD_STATUSES,
        LOAD_VERSIONS,
        LOAD_DECISIONS,
        LOAD_BOOKED,
        LOAD_DESTINATIONS,
    ];
    let rows: Vec<Rows> = db
        .batch(all.map(|sql| Statement::new(sql, &param)).to_vec())
        .await?;
    let versions: Vec<VersionRow> = ports::decode(ports::rows_at(&rows, 4))?;
    let decisions: Vec<DecisionRow> = ports::decode(ports::rows_at(&rows, 5))?;
    let booked: Vec<BookedRow> = ports::decode(ports::rows_at(&rows, 6))?;
    // Not `collect`: it sorts first, and each type's sort would be a kilobyte of the product.
    let mut known_versions = BTreeMap::new();
    known_versions.extend(versions.into_iter().map(|row| (row.key, row.version)));
    let mut known_decisions = BTreeMap::new();
    known_decisions.extend(decisions.into_iter().map(|row| (row.event.clone(), row)));
    let mut known_booked = BTreeMap::new();
    for row in booked {
        let position = Position {
            cause: row.cause,
            partner: row.partner,
            currency: row.currency,
        };
        known_booked.insert(position, (row.sum, row.count));
    }
    Ok(Loaded {
        facts: ports::decode(ports::rows_at(&rows, 0))?,
        visits: ports::decode(ports::rows_at(&rows, 1))?,
        plans: ports::decode(ports::rows_at(&rows, 2))?,
        statuses: ports::decode(ports::rows_at(&rows, 3))?,
        versions: known_versions,
        decisions: known_decisions,
        booked: known_booked,
        destinations: ports::decode(ports::rows_at(&rows, 7))?,
    })
}
