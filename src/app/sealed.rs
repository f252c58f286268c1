//! What is kept of a person for destinations: one sealed row an event, written only where
//! permission is known at that instant, and deleted when it is refused.
//!
//! Permission is the stricter of what the event says itself (its call, its token) and of its
//! customer's newest touch; silence alone is none. A refusal that is newer than every grant ends
//! it. Deliveries ask again at each attempt, by the decision and by [`refusal`].

use super::ingest::{key_holds, key_row};

/// How the customer's permission ended, if that is the newest of what is known: `refused` by a
/// call's word, `withheld` by a token. Takes two SQL expressions. A call that names no customer
/// speaks for its own event alone.
macro_rules! refusal {
    ($program:literal, $customer:literal) => {
        concat!(
            "(SELECT nullif(v.voice, 'full') FROM facts v
              WHERE v.program = ",
            $program,
            " AND v.customer = ",
            $customer,
            " AND v.voice IS NOT NULL
              ORDER BY v.voiced_at DESC, v.voice = 'full' LIMIT 1)"
        )
    };
}
pub(in crate::app) use refusal;

/// Who owns what names only a subscription: who is named by its event of the least id, as in the
/// fold. Takes two SQL expressions.
macro_rules! owner {
    ($program:literal, $subscription:literal) => {
        concat!(
            "(SELECT n.customer FROM facts n WHERE n.program = ",
            $program,
            " AND n.subscription = ",
            $subscription,
            " AND n.customer IS NOT NULL ORDER BY n.id LIMIT 1)"
        )
    };
}
pub(in crate::app) use owner;

/// Each intake that its key may report, with its customer: its own, its purchase's, or who owns its
/// subscription.
macro_rules! told {
    ($tail:literal $(, $more:expr)*) => {
        concat!(
            "WITH told AS MATERIALIZED (
               SELECT e.key AS place, e.value AS intake, e.value ->> 'id' AS event,
                 e.value ->> 'program' AS program,
                 e.value ->> 'full' = 1 OR coalesce(s.voice, '') = 'full' AS granted,
                 coalesce(e.value ->> 'customer', s.customer, ",
            owner!(
                "e.value ->> 'program'",
                "coalesce(e.value ->> 'subscription', s.subscription)"
            ),
            ") AS customer
               FROM json_each(?1) e LEFT JOIN facts s ON s.program = e.value ->> 'program'
                 AND s.kind IN ('sale', 'deal', 'renewal') AND s.key = e.value ->> 'sale_key'
               WHERE ",
            key_holds!(),
            "), ",
            $tail
            $(, $more)*
        )
    };
}

/// Only with permission, and only for destinations that the program has and that may have it.
pub(super) const INSERT: &str = told!(
    "known AS MATERIALIZED (
       SELECT t.place, t.intake, t.granted, (SELECT c.body ->> '$.token.opened.consent'
           FROM facts c WHERE c.program = t.program AND c.customer = t.customer
             AND c.body ->> '$.token.opened.at' <= t.intake ->> 'occurred_at'
           ORDER BY c.body ->> '$.token.opened.at' DESC LIMIT 1) AS touch, ",
    refusal!("t.program", "t.customer"),
    " AS refusal FROM told t),
     parts AS MATERIALIZED (
       SELECT k.place, json_group_object(p.key, p.value ->> 0) AS body
       FROM known k CROSS JOIN json_each(k.intake, '$.kept') p
       WHERE iif(p.value ->> 1,
           k.refusal IS NOT 'refused',
           k.refusal IS NULL AND coalesce(k.touch, iif(k.granted, 'full', '')) = 'full')
         AND EXISTS (SELECT 1 FROM destinations d
           WHERE d.program = k.intake ->> 'program' AND d.kind = p.key AND d.enabled = 1
             AND (p.value ->> 1 = 0 OR d.config ->> 'limited_data' = 1))
       GROUP BY k.place)
     INSERT INTO sealed_rows (event, body, expires_at)
     SELECT f.id, p.body, t.intake ->> 'expires_at'
     FROM told t CROSS JOIN parts p ON p.place = t.place
     CROSS JOIN facts f ON f.id = t.event
     WHERE f.content = t.intake ->> 'content' AND f.state = 'pending'
       AND f.received_at = t.intake ->> 'received_at'
     ON CONFLICT DO NOTHING"
);

/// A refusal takes with it what still waits of the customer; a token that withholds leaves what is
/// kept as limited data.
pub(super) const DROP_REFUSED: &str = told!(
    "refusing AS MATERIALIZED (
       SELECT r.program, r.customer, r.refusal FROM (
         SELECT DISTINCT t.program, t.customer, ",
    refusal!("t.program", "t.customer"),
    "    AS refusal FROM told t CROSS JOIN facts o ON o.id = t.event
         WHERE o.voice IN ('refused', 'withheld')) r
       WHERE r.refusal IS NOT NULL),
     own AS MATERIALIZED (
       SELECT f.id, f.program, f.kind, f.key, f.subscription, f.voice, r.refusal FROM refusing r
       CROSS JOIN facts f ON f.program = r.program AND f.customer = r.customer),
     theirs AS MATERIALIZED (
       SELECT id, program, kind, key, voice, refusal FROM own
       UNION
       SELECT n.id, n.program, n.kind, n.key, n.voice, o.refusal FROM own o
       CROSS JOIN facts n ON n.program = o.program AND n.subscription = o.subscription
       WHERE n.customer IS NULL AND NOT EXISTS (
         SELECT 1 FROM facts e WHERE e.program = n.program AND e.subscription = n.subscription
           AND e.customer IS NOT NULL AND +e.id < o.id)),
     waiting AS (
       SELECT id, voice, refusal FROM theirs
       UNION ALL
       SELECT n.id, n.voice, o.refusal FROM theirs o
       CROSS JOIN facts n ON n.program = o.program AND n.sale_key = o.key
       WHERE o.kind IN ('sale', 'deal', 'renewal'))
     DELETE FROM sealed_rows WHERE event IN (
       SELECT id FROM waiting WHERE refusal = 'refused' OR voice IS NOT 'withheld')"
);
