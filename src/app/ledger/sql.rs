//! The SQL that a fold reads with: four statements, whose rows say of what they are. What it is to
//! look at is chosen before (`due.rs`).
//!
//! `CROSS JOIN` fixes the order of a join, and `+` keeps a column from choosing the index: without
//! statistics the planner would read whole tables.
//! A compound select may have five terms on D1, so the loads are grouped, not one.

/// The facts that are named and wait (or the customers that are named), the customers whom they
/// touch, and all facts of those customers: their own, what names only their subscription, and the
/// reversals of their purchases. A subscription of several customers touches all of them, since a
/// new one may take over what names only it; what names only it is loaded with its owner alone: who
/// is named by the event of the least id, which erasing a customer does not change.
///
/// Packs of clicks are read once each, however many tokens they hold.
/// SQLite repeats a part of this wherever it is named, and refuses more than 1,000 tables in all.
macro_rules! touched {
    ($tail:literal) => {
        concat!(
            "WITH pending AS (
               SELECT f.* FROM json_each(?1, '$.facts') n CROSS JOIN facts f ON f.id = n.value
               WHERE f.state IN ('pending', 'set_aside')),
             about AS (
               SELECT s.program, s.customer, s.subscription FROM pending p CROSS JOIN facts s
               ON s.program = p.program AND s.kind IN ('sale', 'deal', 'renewal')
                 AND s.key = p.sale_key
               UNION ALL
               SELECT program, customer, subscription FROM pending),
             touched AS (
               SELECT program, customer FROM about WHERE customer IS NOT NULL
               UNION
               SELECT s.program, s.customer FROM about a CROSS JOIN facts s
               ON s.program = a.program AND s.subscription = a.subscription
               WHERE s.customer IS NOT NULL
               UNION
               SELECT value ->> 'program', value ->> 'customer'
               FROM json_each(?1, '$.customers')),
             own AS (
               SELECT f.seq, f.program, f.kind, f.key FROM touched t
               CROSS JOIN facts f ON f.program = t.program AND f.customer = t.customer
               UNION
               SELECT n.seq, n.program, n.kind, n.key FROM touched t
               CROSS JOIN facts s ON s.program = t.program AND s.customer = t.customer
               CROSS JOIN facts n ON n.program = s.program AND n.subscription = s.subscription
               WHERE n.customer IS NULL AND NOT EXISTS (
                 SELECT 1 FROM facts o WHERE o.program = n.program
                   AND o.subscription = n.subscription AND o.customer IS NOT NULL
                   AND +o.id < s.id)),
             chosen AS (
               SELECT seq FROM own
               UNION
               SELECT r.seq FROM own o
               CROSS JOIN facts r ON r.program = o.program AND r.sale_key = o.key
               WHERE o.kind IN ('sale', 'deal', 'renewal')
               UNION
               SELECT seq FROM pending),
             involved AS (SELECT f.* FROM chosen g CROSS JOIN facts f ON f.seq = g.seq),
             programs_of AS (
               SELECT program FROM about
               UNION
               SELECT value ->> 'program' FROM json_each(?1, '$.customers')),
             tokens AS MATERIALIZED (
               SELECT DISTINCT nonce, json_extract(body, '$.token.opened.at') AS at
               FROM involved WHERE nonce IS NOT NULL),
             packed AS MATERIALIZED (
               SELECT i.nonce, k.seq FROM tokens i CROSS JOIN ",
            $crate::clicks::may_hold!("i"),
            "),
             clicked AS (
               SELECT v.value ->> '$.touch.nonce' AS nonce, v.value AS visit
               FROM (SELECT DISTINCT seq FROM packed) m
               CROSS JOIN click_packs k ON k.seq = m.seq
               CROSS JOIN json_each(k.visits) v
               WHERE (v.value ->> '$.touch.nonce', k.seq) IN (SELECT nonce, seq FROM packed)
               UNION ALL
               SELECT l.nonce, l.visit FROM (SELECT DISTINCT nonce FROM tokens) i
               CROSS JOIN landings l ON l.nonce = i.nonce
               UNION ALL
               SELECT g.nonce, g.visit FROM (SELECT DISTINCT nonce FROM tokens) i
               CROSS JOIN grants g ON g.nonce = i.nonce),
             seen AS (
               SELECT json_extract(body, '$.token.opened.partner') AS partner, nonce
               FROM involved WHERE json_extract(body, '$.token.opened') IS NOT NULL
               UNION
               SELECT e.value ->> 'partner', e.value ->> 'nonce'
               FROM clicked CROSS JOIN json_each(json_insert(
                 coalesce(visit -> '$.earlier', '[]'), '$[#]', json(visit -> '$.touch'))) e) ",
            $tail
        )
    };
}

pub(crate) use touched;

pub(super) const LOAD_FACTS: &str = touched!(
    "SELECT json_object('of', 'fact', 'body', json(body), 'state', state, 'awaits', awaits_click,
       'again', retry_at IS NOT NULL,
       'unfinished', EXISTS (SELECT 1 FROM unfinished u WHERE u.event = involved.id))
     FROM involved
     UNION ALL
     SELECT json_object('of', 'visit', 'nonce', nonce, 'visit', json(visit)) FROM clicked"
);

/// A deal that was accepted while nobody could look may name a partner who is none: as if suspended
/// from the start.
pub(super) const LOAD_PROGRAMS: &str = touched!(
    "SELECT json_object('of', 'plan', 'program', program, 'version', version,
       'effective_from', effective_from, 'rules', json(rules))
     FROM plans WHERE program IN programs_of
     UNION ALL
     SELECT json_object('of', 'status', 'program', program, 'value', json_object('partner', partner,
       'at', at, 'active', json(iif(active, 'true', 'false')), 'kind', kind))
     FROM (SELECT seq, program, partner, at, active, kind FROM partner_statuses
           WHERE program IN programs_of AND partner IN (
             SELECT partner FROM seen
             UNION SELECT json_extract(body, '$.partner') FROM involved
             UNION SELECT w.partner FROM involved i CROSS JOIN codes w ON w.seq IN (
               SELECT seq FROM codes WHERE program = i.program
                 AND key = json_extract(i.body, '$.code.key')
               UNION ALL SELECT seq FROM codes WHERE program = i.program
                 AND code = json_extract(i.body, '$.code'))
             UNION SELECT rules ->> 'house' FROM plans WHERE program IN programs_of)
           UNION ALL
           SELECT 0, i.program, json_extract(i.body, '$.partner'), 0, 0, NULL FROM involved i
           WHERE i.kind = 'deal' AND NOT EXISTS (SELECT 1 FROM partners p
             WHERE p.id = json_extract(i.body, '$.partner') AND p.program = i.program)
           ORDER BY seq)
     UNION ALL
     SELECT json_object('of', 'status', 'program', program, 'value', json_object('partner', NULL,
       'at', at, 'active', json(iif(active, 'true', 'false'))))
     FROM (SELECT * FROM program_statuses WHERE program IN programs_of ORDER BY seq)
     UNION ALL
     SELECT json_object('of', 'version', 'key', key, 'version', version) FROM aggregates
     WHERE key IN (SELECT program || '/' || customer FROM touched
                   UNION SELECT program FROM programs_of)
     UNION ALL
     SELECT json_object('of', 'destination', 'program', program, 'id', id, 'kind', kind)
     FROM destinations WHERE enabled = 1 AND program IN programs_of"
);

pub(super) const LOAD_SAID: &str = touched!(
    "SELECT json_object('of', 'code', 'program', program, 'code', coalesce(written, code),
       'partner', partner, 'from', from_at, 'until', until_at)
     FROM codes WHERE seq IN (
       SELECT w.seq FROM involved i CROSS JOIN codes w ON w.seq IN (
         SELECT seq FROM codes WHERE program = i.program
           AND key = json_extract(i.body, '$.code.key')
         UNION ALL SELECT seq FROM codes WHERE program = i.program
           AND code = json_extract(i.body, '$.code')))
     UNION ALL
     SELECT json_object('of', 'ruling', 'event', event, 'value', json_object('action', action,
       'actor', actor, 'reason', reason, 'at', at))
     FROM (SELECT r.* FROM involved i CROSS JOIN rulings r ON r.event = i.id ORDER BY r.seq)
     UNION ALL
     SELECT json_object('of', 'reclassified', 'program', program, 'nonce', nonce, 'class', class,
       'at', at)
     FROM (SELECT r.* FROM (SELECT DISTINCT nonce FROM seen WHERE nonce IS NOT NULL) i
           CROSS JOIN reclassifications r ON r.nonce = i.nonce ORDER BY r.seq)
     UNION ALL
     SELECT json_object('of', 'self', 'program', program, 'partner', partner,
       'pseudonym', pseudonym)
     FROM (SELECT i.program, x.partner, x.pseudonym
           FROM (SELECT program, customer AS pseudonym FROM involved
                 UNION SELECT program, json_extract(body, '$.mailbox') FROM involved) i
           CROSS JOIN partner_identities x
             ON x.program = i.program AND x.pseudonym = i.pseudonym)
     UNION ALL
     SELECT json_object('of', 'shared', 'program', f.program, 'nonce', f.nonce,
       'customers', count(DISTINCT f.customer))
     FROM (SELECT DISTINCT nonce FROM involved WHERE nonce IS NOT NULL) i
     CROSS JOIN facts f ON f.nonce = i.nonce
     GROUP BY f.program, f.nonce HAVING count(DISTINCT f.customer) > 1"
);

pub(super) const LOAD_BOOKED: &str = touched!(
    "SELECT json_object('of', 'decision', 'event', d.event, 'revision', d.revision,
       'digest', d.digest, 'bytes', octet_length(d.body))
     FROM involved i CROSS JOIN decisions d ON d.event = i.id
     WHERE NOT EXISTS (SELECT 1 FROM decisions n
                       WHERE n.event = d.event AND n.revision > d.revision)
     UNION ALL
     SELECT json_object('of', 'booked', 'cause', e.cause, 'partner', e.partner,
       'currency', e.currency, 'paid_in', e.paid_in, 'amount', sum(e.amount),
       'payout', coalesce(sum(e.payout), 0), 'count', count(*))
     FROM involved i CROSS JOIN entries e ON e.cause = i.id
     GROUP BY e.cause, e.partner, e.currency, e.paid_in
     UNION ALL
     SELECT json_object('of', 'rate', 'from', from_currency, 'to', to_currency, 'at', at,
       'rate', rate)
     FROM (SELECT DISTINCT rules ->> 'payout_currency' AS paid_in FROM plans
           WHERE program IN programs_of AND rules ->> 'payout_currency' IS NOT NULL) i
     CROSS JOIN (SELECT json_extract(body, '$.money.currency') AS currency FROM involved
                 UNION SELECT t.value FROM plans CROSS JOIN json_tree(rules) t
                 WHERE program IN programs_of AND t.key = 'currency') g
     CROSS JOIN rates r ON r.to_currency = i.paid_in AND r.from_currency = g.currency
       AND r.at <= (SELECT max(occurred_at) FROM involved)
       AND r.at >= coalesce((SELECT max(n.at) FROM rates n
         WHERE n.to_currency = r.to_currency AND n.from_currency = r.from_currency
           AND n.at <= (SELECT min(occurred_at) FROM involved)), 0)"
);

/// The stored bodies of decisions, each with its revision.
pub(super) const BODIES: &str = "SELECT json_object('event', d.event, 'body', json(d.body))
    FROM json_each(?1, '$.decisions') n CROSS JOIN decisions d
      ON d.event = n.value ->> 'event' AND d.revision = n.value ->> 'revision'";
