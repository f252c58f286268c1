//! What one fold writes: collected customer by customer, then committed in one transaction whose
//! first statement fails when anything that was read has changed.

use super::load::{FactRow, Loaded, OfProgram};
use super::notices;
use crate::deliver::ADD_NOTICES;
use crate::ports::{Database, DatabaseError, Statement};
use domain::forward::destination::{self, Destination};
use domain::json;
use domain::ledger::attribution::Standing;
use domain::ledger::decision::Decision;
use domain::ledger::fold::{self, Decided, Entry, History};
use domain::ledger::plan::Plan;
use domain::values::ids::{self, ProgramId};
use domain::values::limits;
use domain::values::money::Money;
use domain::values::order;
use domain::values::time::UnixMs;
use domain::visit::click::Visit;
use serde_json::Value;
use std::collections::BTreeSet;
use throughline_text::Draft;

pub(super) const GUARD: &str = "INSERT INTO fold_guard (ok)
    SELECT NOT EXISTS (
      SELECT 1 FROM json_each(?1, '$.guards') g LEFT JOIN aggregates a ON a.key = g.value ->> 'key'
      WHERE coalesce(a.version, 0) <> g.value ->> 'version')";
pub(super) const CLEAR_GUARD: &str = "DELETE FROM fold_guard WHERE ?1 IS NOT NULL";
pub(super) const BUMP: &str = "INSERT INTO aggregates (key, version)
    SELECT value, 1 FROM json_each(?1, '$.bump') WHERE true
    ON CONFLICT DO UPDATE SET version = version + 1";
const MARK: &str =
    "UPDATE facts SET state = m.value ->> 'state', awaits_click = m.value ->> 'awaits'
    FROM json_each(?1, '$.marks') m WHERE facts.id = m.value ->> 'id'";
/// A fact waits only while its customer is really unknown: a purchase or a subscription that
/// arrived meanwhile is found.
const PARK: &str = "UPDATE facts SET state = 'parked'
    WHERE id IN (SELECT value FROM json_each(?1, '$.parks')) AND NOT EXISTS (
      SELECT 1 FROM facts s
      WHERE s.program = facts.program AND s.kind IN ('sale', 'deal', 'renewal')
        AND s.key = facts.sale_key AND (s.customer IS NOT NULL OR EXISTS (
          SELECT 1 FROM facts o WHERE o.program = s.program AND o.subscription = s.subscription
            AND o.customer IS NOT NULL)))
    AND NOT EXISTS (
      SELECT 1 FROM facts o WHERE o.program = facts.program
        AND o.subscription = facts.subscription AND o.customer IS NOT NULL)";
/// Clicks of a fact that is folded for the first time may have credited more customers now than
/// one household has: the others look again.
const WAKE_SHARED: &str = "UPDATE facts SET state = 'pending'
    WHERE nonce IN (SELECT value FROM json_each(?1, '$.shared')) AND state = 'folded'
      AND program || coalesce('/' || customer, '')
        NOT IN (SELECT value FROM json_each(?1, '$.bump'))";
const BUMP_SHARED: &str = "INSERT INTO aggregates (key, version)
    SELECT DISTINCT program || coalesce('/' || customer, ''), 1 FROM facts
    WHERE nonce IN (SELECT value FROM json_each(?1, '$.shared'))
      AND program || coalesce('/' || customer, '')
        NOT IN (SELECT value FROM json_each(?1, '$.bump'))
    ON CONFLICT DO UPDATE SET version = version + 1";
const ADD_DECISIONS: &str = "INSERT INTO decisions (event, revision, program, body, decided_at)
    SELECT value ->> 'event', value ->> 'revision', value ->> 'program', value -> 'body',
      ?1 ->> 'now' FROM json_each(?1, '$.decisions')";
pub(crate) const ADD_ENTRIES: &str = "INSERT INTO entries
      (id, program, partner, cause, kind, amount, currency, payout, paid_in, reason, booked_at)
    SELECT value ->> 'id', value ->> 'program', value ->> 'partner', value ->> 'cause',
      value ->> 'kind', value ->> 'amount', value ->> 'currency', value ->> 'payout',
      value ->> 'paid_in', value ->> 'reason', ?1 ->> 'now'
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

/// What one fold writes; becomes the parameter of the commit.
#[derive(Default)]
pub(super) struct Commit {
    pub(super) guards: BTreeSet<String>,
    pub(super) bump: BTreeSet<String>,
    pub(super) marks: Vec<Value>,
    pub(super) parks: Vec<String>,
    pub(super) decisions: Vec<Value>,
    pub(super) entries: Vec<Value>,
    pub(super) deliveries: Vec<Value>,
    /// Clicks that credited several customers, of facts that are folded for the first time.
    pub(super) shared: BTreeSet<String>,
    /// What webhooks are told of the ledger.
    pub(super) notices: Vec<Value>,
    /// Events whose waiting deliveries may go out now.
    pub(super) hasten: Vec<String>,
    pub(super) set_aside: usize,
}

impl Commit {
    /// Decides one customer's facts; what cannot be decided is set aside.
    pub(super) fn fold_customer(
        &mut self,
        loaded: &Loaded,
        program: ProgramId,
        rows: &[&FactRow],
        now: UnixMs,
    ) {
        let visits = visits_of(loaded, rows);
        let fits = rows.len() <= limits::CUSTOMER_FACTS;
        let plans = own(&loaded.plans, program);
        let decided = fits.then(|| decide(loaded, program, rows, &visits, &plans));
        let booked = decided.and_then(|decided| {
            let entries = fold::entries(&decided.decisions, &loaded.booked, now).ok()?;
            Some((decided, entries))
        });
        let Some((decided, entries)) = booked else {
            let pending = rows.iter().filter(|row| row.state == "pending");
            for row in pending {
                self.set_aside(row);
            }
            return;
        };
        let mut awaiting = BTreeSet::new();
        for row in rows {
            if decided.unfit.contains(&row.body.id) {
                self.set_aside(row);
                continue;
            }
            let nonce = row.body.touch().and_then(|touch| touch.nonce.as_deref());
            let stored = visits
                .iter()
                .any(|visit| visit.touch.nonce.as_deref() == nonce && visit.is_click());
            let awaits = nonce.is_some() && !stored;
            self.mark(row, "folded", awaits);
            if awaits {
                awaiting.insert(row.body.id.clone());
            }
            let shared = loaded.shared.iter().map(|shared| shared.value.0.as_str());
            let shared = nonce.filter(|nonce| shared.clone().any(|other| other == *nonce));
            let new = loaded.decision(&row.body.id).is_none();
            self.shared
                .extend(shared.filter(|_| new).map(str::to_owned));
        }
        self.entries.extend(entries.iter().map(entry_row));
        if notices::are_heard(loaded, program) {
            entries.iter().for_each(|entry| self.tell_entry(entry));
        }
        for decision in &decided.decisions {
            self.record(loaded, decision, awaiting.contains(&decision.event), now);
        }
    }

    fn set_aside(&mut self, row: &FactRow) {
        self.set_aside += usize::from(row.state != "set_aside");
        self.mark(row, "set_aside", false);
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
        let known = loaded.decision(&decision.event);
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
        if notices::are_heard(loaded, decision.program) {
            let before = known.map(|known| &known.body);
            self.tell_decision(decision, before, revision, now);
        }
        let mine = loaded
            .destinations
            .iter()
            .filter(|d| d.program == decision.program);
        for destination in mine.map(|d| &d.value) {
            // Ad platforms hear of an event once, so they wait a little for its click, which holds
            // the click IDs; webhooks hear at once, and again of what changes later.
            let terms = destination::find(&destination.kind).map(Destination::terms);
            if revision > 1 && !terms.is_some_and(|terms| terms.hears_changes) {
                continue;
            }
            let wait = match terms {
                Some(terms) if terms.awaits_click && awaiting => limits::CLICK_WAIT_MS,
                _ => 0,
            };
            let kind = format!("{}.{verb}", decision.kind.name());
            let parts = [
                destination.id.as_str(),
                &decision.event,
                &revision.to_string(),
            ];
            self.deliveries.push(json!({
                "id": ids::derived("dl_", &parts),
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

/// The stored visits of the clicks whose tokens came with these facts, in a stable order.
pub(super) fn visits_of(loaded: &Loaded, rows: &[&FactRow]) -> Vec<Visit> {
    let mut nonces = BTreeSet::new();
    for row in rows {
        let nonce = row.body.touch().and_then(|touch| touch.nonce.clone());
        nonces.extend(nonce);
    }
    let found = loaded.visits.iter();
    let found = found.filter(|row| nonces.contains(row.nonce.as_str()));
    let mut visits: Vec<(String, Visit)> = Vec::new();
    for row in found {
        let mut text = Draft::default();
        row.visit.write_json(&mut text);
        visits.push((text.as_str().to_owned(), row.visit.clone()));
    }
    order::sort_by(&mut visits, |(a, _), (b, _)| a.cmp(b));
    visits.dedup_by(|(next, _), (kept, _)| next == kept);
    visits.into_iter().map(|(_, visit)| visit).collect()
}

/// Decides one customer's facts by what was loaded, under the given plans.
pub(super) fn decide(
    loaded: &Loaded,
    program: ProgramId,
    rows: &[&FactRow],
    visits: &[Visit],
    plans: &[Plan],
) -> Decided {
    let statuses = own(&loaded.statuses, program);
    fold::decide(History {
        program,
        facts: rows.iter().map(|row| row.body.clone()).collect(),
        visits,
        plans,
        standing: Standing(&statuses),
        codes: &own(&loaded.codes, program),
        rulings: &loaded.rulings,
        reclassified: &own(&loaded.reclassified, program),
        selves: &own(&loaded.selves, program),
        shared: &own(&loaded.shared, program),
        rates: &loaded.rates,
    })
}

/// What was loaded of a program, in the order in which it was made.
pub(super) fn own<T: Clone>(all: &[OfProgram<T>], program: ProgramId) -> Vec<T> {
    let own = all.iter().filter(|each| each.program == program);
    own.map(|each| each.value.clone()).collect()
}

pub(crate) fn entry_row(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "program": entry.program,
        "partner": entry.partner,
        "cause": entry.cause,
        "kind": entry.kind,
        "amount": entry.money.amount_minor(),
        "currency": entry.money.currency(),
        "payout": entry.payout.map(Money::amount_minor),
        "paid_in": entry.payout.map(Money::currency),
        "reason": entry.reason,
    })
}

/// Commits everything or nothing; [`DatabaseError::Stale`] asks for another try.
pub(super) async fn write(
    db: &impl Database,
    commit: Commit,
    loaded: &Loaded,
    now: UnixMs,
) -> Result<(), DatabaseError> {
    let guards: Vec<Value> = commit
        .guards
        .iter()
        .map(|key| json!({"key": key, "version": loaded.version(key)}))
        .collect();
    let param = json!({
        "guards": guards,
        "bump": commit.bump,
        "marks": commit.marks,
        "parks": commit.parks,
        "decisions": commit.decisions,
        "entries": commit.entries,
        "deliveries": commit.deliveries,
        "shared": commit.shared,
        "notices": commit.notices,
        "hasten": commit.hasten,
        "now": now,
    });
    let all = [
        GUARD,
        CLEAR_GUARD,
        BUMP,
        MARK,
        PARK,
        BUMP_SHARED,
        WAKE_SHARED,
        ADD_DECISIONS,
        ADD_ENTRIES,
        ADD_DELIVERIES,
        ADD_NOTICES,
        HASTEN,
        DROP_SEALED,
    ];
    db.batch(Statement::all(&all, &param)).await.map(|_| ())
}
