//! The SQL that a fold writes with. Each statement gets only what it needs.

use domain::json;
use domain::ledger::fold::Entry;
use domain::values::money::Money;
use serde_json::Value;

pub(super) const GUARD: &str = "INSERT INTO fold_guard (ok)
    SELECT NOT EXISTS (
      SELECT 1 FROM json_each(?1, '$.guards') g LEFT JOIN aggregates a ON a.key = g.value ->> 'key'
      WHERE coalesce(a.version, 0) <> g.value ->> 'version')";
pub(super) const CLEAR_GUARD: &str = "DELETE FROM fold_guard WHERE ?1 IS NOT NULL";
pub(super) const BUMP: &str = "INSERT INTO aggregates (key, version)
    SELECT value, 1 FROM json_each(?1, '$.bump') WHERE true
    ON CONFLICT DO UPDATE SET version = version + 1";
pub(super) const MARK: &str =
    "UPDATE facts SET state = m.value ->> 'state', awaits_click = m.value ->> 'awaits',
       aside = m.value ->> 'why', retry_at = m.value ->> 'until', tries = 0, tried_at = 0,
       waits_since = NULL
    FROM json_each(?1, '$.marks') m WHERE facts.id = m.value ->> 'id'";
/// What a fold of several parts changes, until its last part.
pub(super) const ADD_UNFINISHED: &str = "INSERT INTO unfinished (event)
    SELECT value FROM json_each(?1, '$.unfinished') WHERE true ON CONFLICT DO NOTHING";
pub(super) const FINISH: &str = "DELETE FROM unfinished
    WHERE event IN (SELECT value FROM json_each(?1, '$.finished'))";
/// A fact waits only while its customer is really unknown: a purchase or a subscription that
/// arrived meanwhile is found.
pub(super) const PARK: &str = "UPDATE facts SET state = 'parked', aside = NULL, retry_at = NULL,
      tries = 0, tried_at = 0, waits_since = NULL
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
pub(super) const WAKE_SHARED: &str = "UPDATE facts SET state = 'pending'
    WHERE nonce IN (SELECT value FROM json_each(?1, '$.shared')) AND state = 'folded'
      AND program || coalesce('/' || customer, '')
        NOT IN (SELECT value FROM json_each(?1, '$.bump'))";
pub(super) const BUMP_SHARED: &str = "INSERT INTO aggregates (key, version)
    SELECT DISTINCT program || coalesce('/' || customer, ''), 1 FROM facts
    WHERE nonce IN (SELECT value FROM json_each(?1, '$.shared'))
      AND program || coalesce('/' || customer, '')
        NOT IN (SELECT value FROM json_each(?1, '$.bump'))
    ON CONFLICT DO UPDATE SET version = version + 1";
pub(super) const ADD_DECISIONS: &str = "INSERT INTO decisions
      (event, revision, program, body, digest, decided_at)
    SELECT value ->> 'event', value ->> 'revision', value ->> 'program', value -> 'body',
      value ->> 'digest', ?1 ->> 'now' FROM json_each(?1, '$.decisions')";
/// A fingerprint is no part of a decision: one that was stored without gets it later.
pub(super) const ADD_DIGESTS: &str = "UPDATE decisions SET digest = n.value ->> 'digest'
    FROM json_each(?1, '$.digests') n
    WHERE event = n.value ->> 'event' AND revision = n.value ->> 'revision'";
pub(crate) const ADD_ENTRIES: &str = "INSERT INTO entries
      (id, program, partner, cause, kind, amount, currency, payout, paid_in, reason, booked_at)
    SELECT value ->> 'id', value ->> 'program', value ->> 'partner', value ->> 'cause',
      value ->> 'kind', value ->> 'amount', value ->> 'currency', value ->> 'payout',
      value ->> 'paid_in', value ->> 'reason', ?1 ->> 'now'
    FROM json_each(?1, '$.entries')";
pub(super) const ADD_DELIVERIES: &str = "INSERT INTO deliveries
      (id, program, destination, event, type, revision, state, next_at, created_at)
    SELECT value ->> 'id', value ->> 'program', value ->> 'destination', value ->> 'event',
      value ->> 'type', value ->> 'revision', 'pending', value ->> 'next_at', ?1 ->> 'now'
    FROM json_each(?1, '$.deliveries') WHERE true ON CONFLICT DO NOTHING";
/// The click that these events waited for is known now: ad platforms need not wait any longer.
pub(super) const HASTEN: &str = "UPDATE deliveries SET next_at = ?1 ->> 'now'
    WHERE event IN (SELECT value FROM json_each(?1, '$.hasten'))
      AND state = 'pending' AND attempts = 0 AND next_at > ?1 ->> 'now'";
/// Nobody to tell: what was kept for destinations goes at once.
pub(super) const DROP_SEALED: &str = "DELETE FROM sealed_rows
    WHERE event IN (SELECT value ->> 'id' FROM json_each(?1, '$.marks'))
      AND NOT EXISTS (SELECT 1 FROM deliveries d
                      WHERE d.event = sealed_rows.event AND d.state IN ('pending', 'set_aside'))";

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
