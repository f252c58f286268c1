//! What is known of one customer: given out, or erased.
//!
//! Erasing keeps the money straight. The customer's pseudonym is replaced by a random one wherever
//! it stands, and what could lead back to a person goes; the facts stay, under the ids that they
//! always had. So a repeat of an old event is still seen as one, a late refund still finds its
//! purchase, and every decision stays what it was.

use super::{BUMP_PROGRAM, Control, object, program};
use crate::clicks::{packs_of, visits_of};
use crate::ledger::sql::touched;
use crate::ports::{self, Database, Statement};
use crate::problem::Problem;
use crate::reads::{self, Page, dates};
use domain::access::api_key::Scope;
use domain::json;
use domain::values::ids::ProgramId;
use domain::values::input::Fields;
use domain::values::limits;
use serde_json::Value;

const EXPORT: &str = touched!(
    "SELECT json_object('seq', i.seq, 'row', json_object('event', json(i.body), 'state', i.state,
       'decisions', json((SELECT json_group_array(json_object('revision', d.revision,
           'decided_at', d.decided_at, 'decision', json(d.body)) ORDER BY d.revision)
         FROM decisions d WHERE d.event = i.id)),
       'rulings', json((SELECT json_group_array(json_object('action', r.action, 'actor', r.actor,
           'reason', r.reason, 'at', r.at) ORDER BY r.seq) FROM rulings r WHERE r.event = i.id)),
       'entries', json((SELECT json_group_array(json_object('id', e.id, 'partner', e.partner,
           'kind', e.kind, 'amount', e.amount, 'currency', e.currency, 'reason', e.reason,
           'booked_at', e.booked_at) ORDER BY e.seq) FROM entries e WHERE e.cause = i.id)),
       'deliveries', json((SELECT json_group_array(json_object('id', v.id, 'type', v.type,
           'destination', v.destination, 'state', v.state, 'created_at', v.created_at,
           'done_at', v.done_at) ORDER BY v.seq) FROM deliveries v WHERE v.event = i.id)),
       'conflicts', json((SELECT json_group_array(json(c.body)) FROM conflicts c
         WHERE c.event = i.id)),
       'visits', json((SELECT json_group_array(json(k.visit)) FROM clicked k
         WHERE k.nonce = i.nonce))))
     FROM involved i WHERE i.seq < ?1 ->> 'before' ORDER BY i.seq DESC LIMIT ?1 ->> 'page'"
);

/// What was reported of the customer with a key that may not report it, newest first.
const REFUSED_OF: &str = "SELECT json_object('event', json(body), 'reason', reason,
      'received_at', received_at) FROM refused_facts
    WHERE program = ?1 ->> 'program' AND body ->> 'customer' = ?1 ->> 'customer'
    ORDER BY seq DESC LIMIT 100";

/// A natural key that was made of the pseudonym is made of the new one.
macro_rules! key {
    ($key:literal) => {
        concat!(
            "iif(instr(",
            $key,
            ", ?1 ->> '$.customers[0].customer' || ':') = 1,
               (?1 ->> 'fresh') || substr(",
            $key,
            ", 1 + length(?1 ->> '$.customers[0].customer')),
               ",
            $key,
            ")"
        )
    };
}
/// Facts of the customer, once they have the new pseudonym.
macro_rules! theirs {
    ($column:literal) => {
        concat!(
            "(SELECT ",
            $column,
            " FROM facts f
              WHERE f.program = ?1 ->> 'program' AND f.customer = ?1 ->> 'fresh')"
        )
    };
}

/// First of all the facts: their own, and what belongs to them by purchase or subscription. A
/// subscription that others have too is not theirs alone.
const FACTS: &str = touched!(
    "UPDATE facts SET customer = ?1 ->> 'fresh',
       body = json_set(body, '$.customer', ?1 ->> 'fresh')
     WHERE id IN (SELECT id FROM involved)
       AND coalesce(customer, ?1 ->> '$.customers[0].customer')
         = ?1 ->> '$.customers[0].customer'
       AND (customer IS NOT NULL OR NOT EXISTS (SELECT 1 FROM facts o
         WHERE o.program = facts.program AND o.subscription = facts.subscription
           AND o.customer NOT IN (?1 ->> '$.customers[0].customer', ?1 ->> 'fresh')))"
);
/// A partner who was the customer still is.
const ADD_IDENTITIES: &str = concat!(
    "INSERT INTO partner_identities (program, pseudonym, partner)
     SELECT program, ?1 ->> 'fresh', partner FROM partner_identities
     WHERE program = ?1 ->> 'program' AND (pseudonym = ?1 ->> '$.customers[0].customer'
       OR pseudonym IN ",
    theirs!("f.body ->> '$.mailbox'"),
    ")
     ON CONFLICT DO NOTHING"
);
const DROP_IDENTITIES: &str = "DELETE FROM partner_identities
    WHERE program = ?1 ->> 'program' AND pseudonym = ?1 ->> '$.customers[0].customer'";
const KEYS: &str = concat!(
    "UPDATE facts SET key = ",
    key!("key"),
    ",
       body = json_remove(json_set(body, '$.key', ",
    key!("key"),
    "), '$.mailbox')
     WHERE program = ?1 ->> 'program' AND customer = ?1 ->> 'fresh'"
);
const DECISIONS: &str = concat!(
    "UPDATE decisions SET digest = NULL, body = json_remove(json_set(body, '$.key', ",
    key!("body ->> 'key'"),
    "), '$.click_ids') WHERE event IN ",
    theirs!("f.id")
);
/// The customer's clicks, those that a journal remembered too, with the instant of each.
macro_rules! clicked {
    ($tail:expr) => {
        concat!(
            "WITH own AS MATERIALIZED (
               SELECT nonce, json_extract(body, '$.token.opened.at') AS at FROM facts
               WHERE program = ?1 ->> 'program' AND customer = ?1 ->> 'fresh'
                 AND nonce IS NOT NULL),
             visited AS MATERIALIZED (
               SELECT v.value AS visit
               FROM own CROSS JOIN json_each(",
            visits_of!("own"),
            ") v),
             clicked AS MATERIALIZED (
               SELECT nonce, at FROM own
               UNION
               SELECT e.value ->> 'nonce', e.value ->> 'at'
               FROM visited JOIN json_each(visit, '$.earlier') e
                 ON e.value ->> 'nonce' IS NOT NULL) ",
            $tail
        )
    };
}
/// A visit without what could lead back to a person. Of click IDs only their kind and time stay: a
/// click from paid search remains one.
macro_rules! bare {
    ($visit:literal) => {
        concat!(
            "json_remove(json_replace(",
            $visit,
            ", '$.click_ids', json((
               SELECT json_group_array(json_set(c.value, '$.value', ''))
               FROM json_each(",
            $visit,
            ", '$.click_ids') c))), '$.tags')"
        )
    };
}
const VISITS: &str = clicked!(concat!(
    "UPDATE click_packs SET visits = (
       SELECT json_group_array(json(iif(
         v.value ->> '$.touch.nonce' IN (SELECT nonce FROM clicked), ",
    bare!("v.value"),
    ", v.value)) ORDER BY v.key) FROM json_each(visits) v)
     WHERE seq IN (
       SELECT k.seq FROM clicked c CROSS JOIN ",
    packs_of!("c"),
    ")"
));
const LANDINGS: &str = clicked!(concat!(
    "UPDATE landings SET visit = ",
    bare!("visit"),
    " WHERE nonce IN (SELECT nonce FROM clicked)"
));
const GRANTS: &str = clicked!(concat!(
    "UPDATE grants SET visit = ",
    bare!("visit"),
    " WHERE nonce IN (SELECT nonce FROM clicked)"
));
/// Events of other customers who brought one of these clicks too: a shared device.
macro_rules! sharing {
    ($what:literal) => {
        clicked!(concat!(
            $what,
            " IN (
               SELECT e.id FROM (
                 SELECT DISTINCT f.customer FROM clicked c CROSS JOIN facts f ON f.nonce = c.nonce
                 WHERE f.program = ?1 ->> 'program' AND f.customer <> ?1 ->> 'fresh') s
               CROSS JOIN facts e
                 ON e.program = ?1 ->> 'program' AND e.customer = s.customer)"
        ))
    };
}
/// The click IDs of a shared click are nowhere either.
const SHARED_DECISIONS: &str = sharing!(
    "UPDATE decisions SET digest = NULL, body = json_remove(body, '$.click_ids')
     WHERE body -> '$.click_ids' IS NOT NULL AND event"
);
/// Their decisions are made again with what is left.
const WAKE_SHARED: &str =
    sharing!("UPDATE facts SET state = 'pending' WHERE state = 'folded' AND id");
const CONFLICTS: &str = concat!(
    "UPDATE conflicts SET body = json_remove(json_set(body, '$.customer', ?1 ->> 'fresh',
       '$.key', ",
    key!("body ->> 'key'"),
    "), '$.mailbox')
     WHERE program = ?1 ->> 'program'
       AND body ->> 'customer' = ?1 ->> '$.customers[0].customer'"
);
/// They were never this customer's facts: nothing of them is needed.
const REFUSED: &str = "DELETE FROM refused_facts WHERE program = ?1 ->> 'program'
    AND body ->> 'customer' = ?1 ->> '$.customers[0].customer'";
/// Conversions that were accepted and could not be stored yet.
const DEAD_LETTERS: &str = concat!(
    "UPDATE dead_letters SET body = json_remove(json_set(body,
       '$.intake.fact.customer', ?1 ->> 'fresh', '$.intake.fact.key', ",
    key!("body ->> '$.intake.fact.key'"),
    "), '$.intake.fact.mailbox', '$.intake.kept')
     WHERE iif(json_valid(body), body ->> '$.intake.fact.program' = ?1 ->> 'program'
       AND body ->> '$.intake.fact.customer' = ?1 ->> '$.customers[0].customer', 0)"
);
const SEALED: &str = concat!("DELETE FROM sealed_rows WHERE event IN ", theirs!("f.id"));
/// Nobody is told of them any more. A delivery that is on its way just now loses its lease, so that
/// what comes of it cannot put it back.
const DELIVERIES: &str = concat!(
    "UPDATE deliveries SET notice = NULL, lease = NULL, leased_until = 0, ticket = NULL,
       last_error = iif(state IN ('pending', 'set_aside'), 'erased', last_error),
       done_at = iif(state IN ('pending', 'set_aside'), ?1 ->> 'now', done_at),
       state = iif(state IN ('pending', 'set_aside'), 'skipped', state)
     WHERE event IN ",
    theirs!("f.id")
);
const AGGREGATE: &str = "DELETE FROM aggregates
    WHERE key = (?1 ->> 'program') || '/' || (?1 ->> '$.customers[0].customer')";
const RECORD: &str = "INSERT INTO erasures (program, pseudonym, events, actor, at)
    SELECT ?1 ->> 'program', ?1 ->> 'fresh', count(*), ?1 ->> 'actor', ?1 ->> 'now' FROM facts
    WHERE program = ?1 ->> 'program' AND customer = ?1 ->> 'fresh' HAVING count(*) > 0";
const DONE: &str = "SELECT json_object('program', program, 'customer', pseudonym,
      'events', events, 'at', at) FROM erasures
    WHERE program = ?1 ->> 'program' AND pseudonym = ?1 ->> 'fresh'";

impl<D: Database> Control<'_, D> {
    /// `POST /api/v1/customers/export`: everything that is known, newest first, page by page.
    pub async fn export_customer(&self, body: &Value) -> Result<Value, Problem> {
        let (program, customer) = self.customer(body)?;
        let page = Page {
            cursor: body["cursor"].as_str().map(str::to_owned),
            ..Page::default()
        };
        let param = json!({"limit": 0,
            "customers": [{"program": program, "customer": customer}]});
        let mut answer = reads::page_of(self.db, EXPORT, &page, param).await?;
        if page.cursor.is_none() {
            let param = json!({"program": program, "customer": customer});
            let rows = self.db.batch(vec![Statement::new(REFUSED_OF, &param)]);
            answer["refused"] = Value::Array(ports::values(ports::rows_at(&rows.await?, 0))?);
        }
        answer["customer"] = json!(customer);
        Ok(dates::EXPORT.write(answer))
    }

    /// `POST /api/v1/customers/erase`. A customer who is not known, or was erased, is no fault.
    pub async fn erase_customer(&self, body: &Value) -> Result<Value, Problem> {
        let (program, customer) = self.customer(body)?;
        let fresh = format!("er_{}", hex::encode(self.random::<16>(0)));
        let param = json!({"program": program, "fresh": fresh, "limit": 0, "now": self.now,
            "customers": [{"program": program, "customer": customer}], "actor": self.caller.id});
        let all = [
            FACTS,
            ADD_IDENTITIES,
            DROP_IDENTITIES,
            KEYS,
            DECISIONS,
            VISITS,
            LANDINGS,
            GRANTS,
            SHARED_DECISIONS,
            WAKE_SHARED,
            CONFLICTS,
            REFUSED,
            DEAD_LETTERS,
            SEALED,
            DELIVERIES,
            AGGREGATE,
            BUMP_PROGRAM,
            RECORD,
            DONE,
        ];
        let statements = Statement::all(&all, &param);
        let rows = self.db.batch(statements).await?;
        let done: Vec<Value> = ports::values(ports::rows_at(&rows, all.len() - 1))?;
        let nothing = || json!({"program": program, "customer": null, "events": 0});
        let done = done.into_iter().next().unwrap_or_else(nothing);
        Ok(dates::ERASURE.write(done))
    }

    /// The customer whom a body names by the merchant's id, as we know them.
    fn customer(&self, body: &Value) -> Result<(ProgramId, String), Problem> {
        let body = object(body)?;
        let program = program(body)?;
        self.allow(Scope::Admin, Some(program))?;
        let mut fields = Fields::new(body, "");
        let id = fields.required_text("customerExternalId", limits::EXTERNAL_ID_CHARS);
        let id = fields.finish(id)?;
        let customer = self.settings.pseudonyms.customer(&program.to_string(), id);
        Ok((program, customer))
    }
}
