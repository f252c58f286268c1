//! What one round of deliveries looks at: leased rows with all that their requests are made of.

use super::told::Told;
use crate::clicks::packs_of;
use crate::ports::{self, Database, DatabaseError, Rows, Statement};
use crate::sealed::{owner, refusal};
use domain::forward::destination::{self, Previous, Terms};
use domain::json;
use domain::values::ids::ProgramId;
use domain::values::limits;
use domain::values::record;
use domain::values::time::UnixMs;
use serde_json::Value;

/// A lease is longer than every send of a round together can take.
const LEASE_MS: i64 = 5 * 60_000;

/// Of each destination that may be sent to, what is due first: none can starve the others, and
/// none that is paused is looked at. A lease that ran out was lost with its deliverer, and maybe
/// the delivery ended it: it goes after the others, alone, so that it takes no other with it.
const CLAIM: &str = "WITH due AS MATERIALIZED (
      SELECT d.seq FROM destinations receivers CROSS JOIN deliveries d ON d.seq IN (
        SELECT w.seq FROM deliveries w
        WHERE w.destination = receivers.id AND w.state = 'pending' AND w.next_at <= ?1 ->> 'now'
          AND w.lease IS NULL ORDER BY w.next_at, w.seq LIMIT ?1 ->> 'each')
      WHERE receivers.paused_until <= ?1 ->> 'now' LIMIT ?1 ->> 'limit'),
    lost AS (
      SELECT w.seq FROM deliveries w CROSS JOIN destinations receivers
        ON receivers.id = w.destination AND receivers.paused_until <= ?1 ->> 'now'
      WHERE w.state = 'pending' AND w.lease IS NOT NULL AND w.leased_until <= ?1 ->> 'now'
        AND NOT EXISTS (SELECT 1 FROM due)
      ORDER BY w.leased_until LIMIT 1)
    UPDATE deliveries SET lease = ?1 ->> 'lease',
      leased_until = ?1 ->> 'until', attempts = attempts + 1
    WHERE seq IN (SELECT seq FROM due UNION ALL SELECT seq FROM lost)";

/// What was lost as often as deliveries are tried is set aside.
const SET_LOST_ASIDE: &str = "UPDATE deliveries SET state = 'set_aside', lease = NULL,
      leased_until = 0, last_error = 'deliverer_lost', done_at = ?1 ->> 'now'
    WHERE state = 'pending' AND lease IS NOT NULL AND leased_until <= ?1 ->> 'now'
      AND attempts >= ?1 ->> 'tries'";

/// The receivers of the leased deliveries.
const RECEIVERS: &str = "SELECT json_object('id', s.id, 'kind', s.kind, 'enabled', s.enabled,
      'config', json(s.config), 'secret', s.secret, 'failures', s.failures, 'token', s.token,
      'token_until', s.token_until, 'previous', json(s.previous_secrets))
    FROM destinations s
    WHERE s.id IN (SELECT destination FROM deliveries WHERE lease = ?1 ->> 'lease')";

/// An event as [`Told`] reads it, of the rows `f` (fact), `c` (decision) and `g` (program). Names
/// are those of every partner and link that the decision names, wherever it does. A won dispute
/// gives back: what it restored is taken back with the other sign.
macro_rules! told {
    ($tags:expr) => {
        concat!(
            "json_object('fact', json(f.body), 'decision', json(c.body), 'revision', c.revision,
              'decided_at', c.decided_at, 'domain', g.body ->> 'domain',
              'names', json((SELECT json_group_object(named.id, named.name) FROM (
                SELECT p.id, p.name FROM json_tree(c.body) t CROSS JOIN partners p ON p.id = t.atom
                UNION SELECT l.id, l.host || '/go/' || l.slug
                FROM json_tree(c.body) t CROSS JOIN links l ON l.id = t.atom) named)),
              'tags', json(",
            $tags,
            "),
              'refusal', ",
            "(SELECT ",
            refusal!("w.program", "w.customer"),
            " FROM (SELECT f.program AS program, coalesce(f.customer, o.customer, ",
            owner!("f.program", "coalesce(f.subscription, o.subscription)"),
            ") AS customer
                FROM (SELECT 1) LEFT JOIN facts o ON o.id = c.body ->> 'purchase') w)",
            ",
              'sold', json((SELECT o.body -> '$.money' FROM facts o
                WHERE o.id = c.body ->> 'purchase')),
              'sold_order', json((SELECT o.body -> '$.order' FROM facts o
                WHERE o.id = c.body ->> 'purchase')),
              'about', json((SELECT json_object('at', s.body -> 'occurred_at',
                  'click_ids', s.body -> 'click_ids')
                FROM decisions s WHERE s.event = c.body ->> 'purchase'
                ORDER BY s.revision DESC LIMIT 1)),
              'taken_back', json((SELECT json_group_array(json(iif(r.kind = 'dispute_won',
                  json_set(b.body -> '$.amount', '$.amount', -(b.body ->> '$.amount.amount')),
                  b.body -> '$.amount'))) FROM facts r
                CROSS JOIN decisions b ON b.event = r.id AND b.body ->> 'amount' IS NOT NULL
                WHERE r.program = f.program AND r.sale_key = f.sale_key AND b.revision =
                  (SELECT max(v.revision) FROM decisions v WHERE v.event = r.id))))"
        )
    };
}

/// Tags are looked up where the clicks lie, for those who send them.
const CLAIMED: &str = concat!(
    "SELECT json_object('id', d.id, 'message', d.type, 'attempts', d.attempts, 'event', d.event,
      'destination', d.destination, 'part', d.part, 'ticket', d.ticket, 'at', d.created_at,
      'notice', json(d.notice), 'kept', r.body ->> s.kind,
      'told', json(iif(c.event IS NULL, NULL, ",
    told!(concat!(
        "iif(s.kind IN (SELECT value FROM json_each(?1, '$.tagged')),
          (SELECT json_group_object(n.nonce, json(v.value -> '$.tags'))
           FROM (SELECT t.value ->> 'nonce' AS nonce, t.value ->> 'at' AS at
                 FROM json_each(c.body, '$.touches') t
                 WHERE t.value ->> 'share_bps' > 0 AND t.value ->> 'nonce' IS NOT NULL) n
           CROSS JOIN ",
        packs_of!("n"),
        " WHERE v.value ->> '$.tags' IS NOT NULL), '{}')"
    )),
    ")))
    FROM deliveries d
    JOIN destinations s ON s.id = d.destination
    LEFT JOIN facts f ON f.id = d.event
    LEFT JOIN decisions c ON c.event = d.event AND c.revision =
      iif(d.revision > 0 AND s.kind IN (SELECT value FROM json_each(?1, '$.changes')), d.revision,
        (SELECT max(n.revision) FROM decisions n WHERE n.event = d.event))
    LEFT JOIN programs g ON g.id = d.program
    LEFT JOIN sealed_rows r ON r.event = d.event
    WHERE d.lease = ?1 ->> 'lease' ORDER BY d.seq"
);

/// A destination and one event of its program, for the test console.
const ONE_RECEIVER: &str = "SELECT json_object('id', id, 'kind', kind, 'enabled', 1,
      'config', json(config), 'secret', secret, 'program', program,
      'previous', json(previous_secrets))
    FROM destinations WHERE id = ?1 ->> 'id'";
const ONE_EVENT: &str = concat!(
    "SELECT json_object('event', f.id, 'kept', (SELECT r.body ->> s.kind FROM sealed_rows r
        WHERE r.event = f.id), 'told', ",
    told!("'{}'"),
    ") FROM destinations s JOIN facts f ON f.program = s.program AND f.id = ?1 ->> 'event'
    JOIN programs g ON g.id = f.program JOIN decisions c ON c.event = f.id
    WHERE s.id = ?1 ->> 'id' ORDER BY c.revision DESC LIMIT 1"
);

/// A leased delivery, or an event that the test console looks at.
pub(super) struct Claimed {
    pub(super) id: String,
    pub(super) message: String,
    pub(super) attempts: u32,
    pub(super) event: String,
    pub(super) destination: String,
    pub(super) part: Option<usize>,
    pub(super) ticket: Option<String>,
    pub(super) at: UnixMs,
    pub(super) notice: Option<Value>,
    /// Its part of the sealed row.
    pub(super) kept: Option<String>,
    pub(super) told: Option<Told>,
}

/// A destination as its row has it.
pub(super) struct ReceiverRow {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) enabled: bool,
    pub(super) config: Value,
    pub(super) secret: String,
    /// Secrets that were replaced.
    pub(super) previous: Vec<Previous>,
    pub(super) failures: u32,
    pub(super) token: Option<String>,
    pub(super) token_until: UnixMs,
    pub(super) program: Option<ProgramId>,
}

/// A row that is read member by member: nobody but us wrote it, and a derived reader for each of
/// these types would be kilobytes of the product.
struct Row(Value);

impl Row {
    fn maybe(&self, name: &str) -> Option<String> {
        self.0[name].as_str().map(str::to_owned)
    }

    fn text(&self, name: &str) -> String {
        self.maybe(name).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u32 {
        let number = self.0[name].as_u64();
        number.and_then(|n| n.try_into().ok()).unwrap_or_default()
    }

    fn at(&self, name: &str) -> UnixMs {
        UnixMs(self.0[name].as_i64().unwrap_or_default())
    }

    fn receiver(mut self) -> ReceiverRow {
        ReceiverRow {
            id: self.text("id"),
            kind: self.text("kind"),
            enabled: self.number("enabled") == 1,
            config: self.0["config"].take(),
            secret: self.text("secret"),
            previous: record::take(&self.0["previous"]).unwrap_or_default(),
            failures: self.number("failures"),
            token: self.maybe("token"),
            token_until: self.at("token_until"),
            program: self.0["program"].as_str().and_then(ProgramId::parse),
        }
    }

    fn claimed(mut self) -> Claimed {
        let told = self.0["told"].take();
        Claimed {
            id: self.text("id"),
            message: self.text("message"),
            attempts: self.number("attempts"),
            event: self.text("event"),
            destination: self.text("destination"),
            part: Some(self.number("part") as usize).filter(|part| *part > 0),
            ticket: self.maybe("ticket"),
            at: self.at("at"),
            notice: Some(self.0["notice"].take()).filter(|notice| !notice.is_null()),
            kept: self.maybe("kept"),
            told: Told::of(told),
        }
    }
}

fn rows<T>(rows: &[Rows], place: usize, read: fn(Row) -> T) -> Result<Vec<T>, DatabaseError> {
    let values: Vec<Value> = ports::values(ports::rows_at(rows, place))?;
    Ok(values.into_iter().map(|value| read(Row(value))).collect())
}

/// A destination and, where one is asked for, an event of its program that was decided.
pub(super) async fn look(
    db: &impl Database,
    id: &str,
    event: Option<&str>,
) -> Result<(Option<ReceiverRow>, Option<Claimed>), DatabaseError> {
    let param = json!({"id": id, "event": event});
    let statements = [ONE_RECEIVER, ONE_EVENT].map(|sql| Statement::new(sql, &param));
    let found = db.batch(statements.to_vec()).await?;
    let receivers = rows(&found, 0, Row::receiver)?;
    let events = rows(&found, 1, Row::claimed)?;
    Ok((receivers.into_iter().next(), events.into_iter().next()))
}

/// Leases what is due and loads it: one round trip.
pub(super) async fn claim(
    db: &impl Database,
    lease: &str,
    now: UnixMs,
) -> Result<(Vec<ReceiverRow>, Vec<Claimed>), DatabaseError> {
    let kinds = |wanted: fn(&Terms) -> bool| {
        let mut kinds = Vec::new();
        for each in destination::ALL.iter().filter(|one| wanted(&one.terms())) {
            kinds.push(each.kind());
        }
        kinds
    };
    let param = json!({"lease": lease, "until": now.plus(LEASE_MS), "now": now,
        "limit": limits::DELIVERY_BATCH, "each": limits::DELIVERY_SHARE,
        "tries": destination::ATTEMPTS,
        "changes": kinds(|terms| terms.hears_changes), "tagged": kinds(|terms| terms.wants_tags)});
    let all = [SET_LOST_ASIDE, CLAIM, RECEIVERS, CLAIMED];
    let found = db.batch(Statement::all(&all, &param)).await?;
    let receivers = rows(&found, 2, Row::receiver)?;
    Ok((receivers, rows(&found, 3, Row::claimed)?))
}
