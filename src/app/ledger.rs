//! The guarded fold: load what is pending with all that it touches, decide, commit.
//!
//! Two round trips for up to 100 facts. The commit's first statement fails the whole transaction
//! when anything that was read has changed since; then it loads and decides again. So any number
//! of consumers may fold at once, and a crash leaves either all of a fold or nothing.

use super::ports::{self, Database, DatabaseError, Rows, Statement};
use crate::domain::attribution::StatusChange;
use crate::domain::click::Visit;
use crate::domain::decision::Decision;
use crate::domain::event::{EventKind, Fact};
use crate::domain::fold::{self, Entry, History, Position};
use crate::domain::ids::{PartnerId, ProgramId};
use crate::domain::limits;
use crate::domain::money::Currency;
use crate::domain::plan::Plan;
use crate::domain::time::UnixMs;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How often a fold tries again after others were faster.
const TRIES: u32 = 8;

/// What a fold did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    pub facts: usize,
    pub set_aside: usize,
    /// Deliveries may be due.
    pub announced: bool,
}

macro_rules! touched {
    ($tail:literal) => {
        concat!(
            "WITH pending AS (
               SELECT * FROM facts WHERE state = 'pending' ORDER BY seq LIMIT ?1 ->> 'limit'),
             touched AS (
               SELECT program, customer FROM pending WHERE customer IS NOT NULL
               UNION
               SELECT s.program, s.customer FROM pending r
               JOIN facts s ON s.program = r.program AND s.kind = 'sale' AND s.key = r.sale_key),
             involved AS (
               SELECT f.* FROM touched t
               JOIN facts f ON f.program = t.program AND f.customer = t.customer
               UNION
               SELECT r.* FROM touched t
               JOIN facts s ON s.program = t.program AND s.customer = t.customer AND s.kind = 'sale'
               JOIN facts r ON r.program = s.program AND r.sale_key = s.key
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
     JOIN click_packs p ON p.bucket IN (i.minute, i.minute + 1)
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
     FROM involved i JOIN decisions d ON d.event = i.id
     WHERE NOT EXISTS (SELECT 1 FROM decisions n
                       WHERE n.event = d.event AND n.revision > d.revision)"
);
const LOAD_BOOKED: &str = touched!(
    "SELECT json_object('cause', e.cause, 'partner', e.partner, 'currency', e.currency,
       'sum', sum(e.amount), 'count', count(*))
     FROM involved i JOIN entries e ON e.cause = i.id GROUP BY e.cause, e.partner, e.currency"
);
const LOAD_DESTINATIONS: &str = touched!(
    "SELECT json_object('program', program, 'id', id, 'kind', kind) FROM destinations
     WHERE enabled = 1 AND program IN (SELECT program FROM pending) ORDER BY seq"
);

const GUARD: &str = "INSERT INTO fold_guard (ok)
    SELECT NOT EXISTS (
      SELECT 1 FROM json_each(?1, '$.guards') g LEFT JOIN aggregates a ON a.key = g.value ->> 'key'
      WHERE coalesce(a.version, 0) <> g.value ->> 'version')";
const CLEAR_GUARD: &str = "DELETE FROM fold_guard WHERE ?1 IS NOT NULL";
const BUMP: &str = "INSERT INTO aggregates (key, version)
    SELECT value, 1 FROM json_each(?1, '$.bump') WHERE true
    ON CONFLICT DO UPDATE SET version = version + 1";
const MARK: &str =
    "UPDATE facts SET state = m.value ->> 'state', awaits_click = m.value ->> 'awaits'
    FROM json_each(?1, '$.marks') m WHERE facts.id = m.value ->> 'id'";
/// A refund waits only while its sale is really unknown: one that arrived meanwhile is found.
const PARK: &str = "UPDATE facts SET state = 'parked'
    WHERE id IN (SELECT value FROM json_each(?1, '$.parks')) AND NOT EXISTS (
      SELECT 1 FROM facts s
      WHERE s.program = facts.program AND s.kind = 'sale' AND s.key = facts.sale_key)";
const ADD_DECISIONS: &str = "INSERT INTO decisions (event, revision, program, body, decided_at)
    SELECT value ->> 'event', value ->> 'revision', value ->> 'program', value -> 'body',
      ?1 ->> 'now' FROM json_each(?1, '$.decisions')";
const ADD_ENTRIES: &str = "INSERT INTO entries
      (id, program, partner, cause, kind, amount, currency, reason, booked_at)
    SELECT value ->> 'id', value ->> 'program', value ->> 'partner', value ->> 'cause',
      value ->> 'kind', value ->> 'amount', value ->> 'currency', value ->> 'reason', ?1 ->> 'now'
    FROM json_each(?1, '$.entries')";
const ADD_DELIVERIES: &str = "INSERT INTO deliveries
      (id, program, destination, event, type, revision, state, next_at, created_at)
    SELECT value ->> 'id', value ->> 'program', value ->> 'destination', value ->> 'event',
      value ->> 'type', value ->> 'revision', 'pending', value ->> 'next_at', ?1 ->> 'now'
    FROM json_each(?1, '$.deliveries') WHERE true ON CONFLICT DO NOTHING";
/// The click that these events waited for is known now: ad platforms need not wait any longer.
const HASTEN: &str = "UPDATE deliveries SET next_at = ?1 ->> 'now'
    WHERE event IN (SELECT value FROM json_each(?1, '$.hasten'))
      AND state = 'pending' AND attempts = 0 AND next_at > ?1 ->> 'now'";
/// Nobody to tell: what was kept for destinations goes at once.
const DROP_SEALED: &str = "DELETE FROM sealed_rows
    WHERE event IN (SELECT value ->> 'id' FROM json_each(?1, '$.marks'))
      AND NOT EXISTS (SELECT 1 FROM deliveries d
                      WHERE d.event = sealed_rows.event AND d.state IN ('pending', 'set_aside'))";

#[derive(Deserialize)]
struct FactRow {
    body: Fact,
    state: String,
    awaits: u8,
}

#[derive(Deserialize)]
struct VisitRow {
    nonce: String,
    visit: Visit,
}

#[derive(Deserialize)]
struct OfProgram<T> {
    program: ProgramId,
    value: T,
}

#[derive(Deserialize)]
struct VersionRow {
    key: String,
    version: i64,
}

#[derive(Deserialize)]
struct DecisionRow {
    event: String,
    revision: u32,
    body: Value,
}

#[derive(Deserialize)]
struct BookedRow {
    cause: String,
    partner: PartnerId,
    currency: Currency,
    sum: i64,
    count: u32,
}

#[derive(Deserialize)]
struct DestinationRow {
    program: ProgramId,
    id: String,
    kind: String,
}

/// All that one fold looks at.
struct Loaded {
    facts: Vec<FactRow>,
    visits: Vec<VisitRow>,
    plans: Vec<OfProgram<Plan>>,
    statuses: Vec<OfProgram<StatusChange>>,
    versions: BTreeMap<String, i64>,
    decisions: BTreeMap<String, DecisionRow>,
    booked: BTreeMap<Position, (i64, u32)>,
    destinations: Vec<DestinationRow>,
}

/// What one fold writes; becomes the parameter of the commit.
#[derive(Default)]
struct Commit {
    guards: BTreeSet<String>,
    bump: BTreeSet<String>,
    marks: Vec<Value>,
    parks: Vec<String>,
    decisions: Vec<Value>,
    entries: Vec<Value>,
    deliveries: Vec<Value>,
    /// Events whose waiting deliveries may go out now.
    hasten: Vec<String>,
    set_aside: usize,
}

/// Folds up to 100 pending facts. `facts: 0` means that nothing was pending.
pub async fn fold(db: &impl Database, now: UnixMs) -> Result<Folded, DatabaseError> {
    let mut last = DatabaseError::Stale;
    for _ in 0..TRIES {
        let loaded = load(db).await?;
        let pending = loaded
            .facts
            .iter()
            .filter(|row| row.state == "pending")
            .count();
        if pending == 0 {
            return Ok(Folded::default());
        }
        let commit = decide(&loaded, now);
        let folded = Folded {
            facts: pending,
            set_aside: commit.set_aside,
            announced: !commit.deliveries.is_empty(),
        };
        match write(db, commit, &loaded, now).await {
            Ok(()) => return Ok(folded),
            Err(DatabaseError::Stale) => last = DatabaseError::Stale,
            Err(other) => return Err(other),
        }
    }
    Err(last)
}

async fn load(db: &impl Database) -> Result<Loaded, DatabaseError> {
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
    Ok(Loaded {
        facts: ports::decode(ports::rows_at(&rows, 0))?,
        visits: ports::decode(ports::rows_at(&rows, 1))?,
        plans: ports::decode(ports::rows_at(&rows, 2))?,
        statuses: ports::decode(ports::rows_at(&rows, 3))?,
        versions: versions
            .into_iter()
            .map(|row| (row.key, row.version))
            .collect(),
        decisions: decisions
            .into_iter()
            .map(|row| (row.event.clone(), row))
            .collect(),
        booked: booked
            .into_iter()
            .map(|b| {
                let position = Position {
                    cause: b.cause,
                    partner: b.partner,
                    currency: b.currency,
                };
                (position, (b.sum, b.count))
            })
            .collect(),
        destinations: ports::decode(ports::rows_at(&rows, 7))?,
    })
}

/// Groups the facts by customer and decides each group; a group that cannot be decided is set
/// aside alone.
fn decide(loaded: &Loaded, now: UnixMs) -> Commit {
    let mut commit = Commit::default();
    let owners: BTreeMap<(ProgramId, &str), &str> = loaded
        .facts
        .iter()
        .filter(|row| row.body.kind == EventKind::Sale)
        .filter_map(|row| {
            Some((
                (row.body.program, row.body.key.as_str()),
                row.body.customer.as_deref()?,
            ))
        })
        .collect();
    let mut groups: BTreeMap<(ProgramId, &str), Vec<&FactRow>> = BTreeMap::new();
    for row in &loaded.facts {
        let fact = &row.body;
        commit.guards.insert(fact.program.to_string());
        let sale = fact.sale_key.as_deref().map(|key| (fact.program, key));
        let owner = fact
            .customer
            .as_deref()
            .or_else(|| owners.get(&sale?).copied());
        match owner {
            Some(customer) => groups
                .entry((fact.program, customer))
                .or_default()
                .push(row),
            None => commit.parks.push(fact.id.clone()),
        }
    }
    for ((program, customer), rows) in groups {
        let key = format!("{program}/{customer}");
        commit.guards.insert(key.clone());
        commit.bump.insert(key);
        commit.fold_customer(loaded, program, &rows, now);
    }
    commit
}

impl Commit {
    fn fold_customer(
        &mut self,
        loaded: &Loaded,
        program: ProgramId,
        rows: &[&FactRow],
        now: UnixMs,
    ) {
        let nonces: BTreeSet<&str> = rows
            .iter()
            .filter_map(|row| row.body.touch()?.nonce.as_deref())
            .collect();
        let found = loaded
            .visits
            .iter()
            .filter(|row| nonces.contains(row.nonce.as_str()));
        let mut visits: Vec<Visit> = found.map(|row| row.visit.clone()).collect();
        visits.sort_by_cached_key(|visit| json!(visit).to_string());
        visits.dedup();
        let of_program = |p: &ProgramId| *p == program;
        let plans: Vec<Plan> = loaded
            .plans
            .iter()
            .filter(|p| of_program(&p.program))
            .map(|p| p.value.clone())
            .collect();
        let statuses: Vec<StatusChange> = loaded
            .statuses
            .iter()
            .filter(|s| of_program(&s.program))
            .map(|s| s.value.clone())
            .collect();
        let history = History {
            program,
            facts: rows.iter().map(|row| row.body.clone()).collect(),
            visits: &visits,
            plans: &plans,
            statuses: &statuses,
        };
        let fits = rows.len() <= limits::CUSTOMER_FACTS;
        let decided = fits.then(|| fold::decide(history).ok()).flatten();
        let booked = decided.and_then(|decisions| {
            let entries = fold::entries(&decisions, &loaded.booked, now).ok()?;
            Some((decisions, entries))
        });
        let Some((decisions, entries)) = booked else {
            let pending = rows.iter().filter(|row| row.state == "pending");
            for row in pending {
                self.set_aside += 1;
                self.mark(row, "set_aside", false);
            }
            return;
        };
        let mut awaiting = BTreeSet::new();
        for row in rows {
            let nonce = row.body.touch().and_then(|touch| touch.nonce.as_deref());
            let stored = visits
                .iter()
                .any(|visit| visit.touch.nonce.as_deref() == nonce && visit.is_click());
            let awaits = nonce.is_some() && !stored;
            self.mark(row, "folded", awaits);
            if awaits {
                awaiting.insert(row.body.id.clone());
            }
        }
        self.entries.extend(entries.iter().map(entry_row));
        for decision in &decisions {
            self.record(loaded, decision, awaiting.contains(&decision.event), now);
        }
    }

    fn mark(&mut self, row: &FactRow, state: &str, awaits: bool) {
        let awaits = i32::from(awaits);
        if row.state != state || i32::from(row.awaits) != awaits {
            self.marks
                .push(json!({"id": row.body.id, "state": state, "awaits": awaits}));
        }
    }

    /// Adds a revision when the decision says something new, and tells the destinations.
    fn record(&mut self, loaded: &Loaded, decision: &Decision, awaiting: bool, now: UnixMs) {
        if !awaiting {
            self.hasten.push(decision.event.clone());
        }
        let body = json!(decision);
        let known = loaded.decisions.get(&decision.event);
        if known.is_some_and(|known| known.body == body) {
            return;
        }
        let revision = known.map_or(1, |known| known.revision.saturating_add(1));
        let verb = if known.is_some() {
            "changed"
        } else {
            "created"
        };
        self.decisions.push(json!({
            "event": decision.event,
            "revision": revision,
            "program": decision.program,
            "body": body,
        }));
        let mine = loaded
            .destinations
            .iter()
            .filter(|d| d.program == decision.program);
        for destination in mine {
            // Ad platforms hear of an event once, so they wait a little for its click, which holds
            // the click IDs; webhooks hear at once, and again of what changes later.
            let once = destination.kind != "webhook";
            if revision > 1 && once {
                continue;
            }
            let wait = if once && awaiting {
                limits::CLICK_WAIT_MS
            } else {
                0
            };
            let kind = format!("{}.{verb}", decision.kind.name());
            let parts = [
                destination.id.as_str(),
                &decision.event,
                &revision.to_string(),
            ];
            self.deliveries.push(json!({
                "id": crate::domain::ids::derived("dl_", &parts),
                "program": decision.program,
                "destination": destination.id,
                "event": decision.event,
                "type": kind,
                "revision": revision,
                "next_at": now.plus(wait),
            }));
        }
    }
}

fn entry_row(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "program": entry.program,
        "partner": entry.partner,
        "cause": entry.cause,
        "kind": entry.kind,
        "amount": entry.money.amount_minor(),
        "currency": entry.money.currency(),
        "reason": entry.reason,
    })
}

async fn write(
    db: &impl Database,
    commit: Commit,
    loaded: &Loaded,
    now: UnixMs,
) -> Result<(), DatabaseError> {
    let guards: Vec<Value> = commit
        .guards
        .iter()
        .map(|key| json!({"key": key, "version": loaded.versions.get(key).copied().unwrap_or(0)}))
        .collect();
    let param = json!({
        "guards": guards,
        "bump": commit.bump,
        "marks": commit.marks,
        "parks": commit.parks,
        "decisions": commit.decisions,
        "entries": commit.entries,
        "deliveries": commit.deliveries,
        "hasten": commit.hasten,
        "now": now,
    });
    let all = [
        GUARD,
        CLEAR_GUARD,
        BUMP,
        MARK,
        PARK,
        ADD_DECISIONS,
        ADD_ENTRIES,
        ADD_DELIVERIES,
        HASTEN,
        DROP_SEALED,
    ];
    db.batch(all.map(|sql| Statement::new(sql, &param)).to_vec())
        .await
        .map(|_| ())
}
