//! The SQL of settlements. `CROSS JOIN` fixes the order of a join, as in the fold's.

use crate::click_days::click_days;

/// The next entries that no settlement has taken and whose newest decision lets them move. A
/// reversal belongs to the month of its purchase.
macro_rules! due {
    ($tail:expr) => {
        concat!(
            "WITH due AS (
               SELECT e.seq, e.id, e.partner, e.paid_in, e.payout, e.revision,
                 unixepoch(coalesce(iif(e.body ->> 'rule' = 'purchase',
                     (SELECT p.body ->> 'occurred_at' FROM decisions p
                      WHERE p.event = e.body ->> 'purchase' LIMIT 1), NULL),
                   e.body ->> 'occurred_at') / 1000, 'unixepoch', 'start of month') * 1000
                   AS month
               FROM unsettled u CROSS JOIN standings e
               WHERE u.program = ?1 ->> 'program' AND u.seq > ?1 ->> 'after' AND e.seq = u.seq
                 AND e.waits IS NULL AND e.body ->> 'hold_until' <= ?1 ->> 'until'
               ORDER BY u.seq LIMIT ?1 ->> 'limit'),
             touched AS (SELECT DISTINCT partner, month FROM due) ",
            $tail
        )
    };
}

/// What people say of a click that was reported: 1 where it is paid only by their word, -1 where it
/// is not paid by their word.
macro_rules! ruled {
    () => {
        "SELECT v.visit ->> '$.touch.partner' AS partner,
     v.visit ->> '$.touch.link' AS link, date(r.clicked_at / 1000, 'unixepoch') AS day,
     (r.class IN (SELECT value FROM json_each(?1, '$.paid')))
     - (v.visit ->> '$.touch.class' IN (SELECT value FROM json_each(?1, '$.paid'))) AS change
   FROM (SELECT nonce, class, coalesce(clicked_at,
           (SELECT json_extract(f.body, '$.token.opened.at') FROM facts f
            WHERE f.nonce = r.nonce LIMIT 1)) AS clicked_at
         FROM reclassifications r WHERE program = ?1 ->> 'program'
           AND NOT EXISTS (SELECT 1 FROM reclassifications n
             WHERE n.nonce = r.nonce AND n.program = r.program
               AND (n.at, n.seq) > (r.at, r.seq))) r
   CROSS JOIN landings v ON v.nonce = r.nonce
   WHERE r.class IS NOT NULL
     AND r.clicked_at >= ?1 ->> 'from' AND r.clicked_at < ?1 ->> 'until_month'"
    };
}

/// Paid clicks by partner and month: of each link and day as many as were confirmed and are of
/// people. A click that people call valid adds to both.
macro_rules! clicked {
    ($tail:expr) => {
        concat!(
            "WITH counted AS (
               SELECT partner, link, day, payable, payable_valid FROM ",
            click_days!(
                "program = ?1 ->> 'program'
                 AND day >= ?1 ->> 'from_day' AND day < ?1 ->> 'until_day'"
            ),
            " UNION ALL
               SELECT partner, link, day, change, max(change, 0) FROM (",
            ruled!(),
            ")),
             days AS (
               SELECT partner, unixepoch(day, 'start of month') * 1000 AS month,
                 max(min(sum(payable), sum(payable_valid)), 0) AS count
               FROM counted GROUP BY partner, link, day),
             touched AS (SELECT partner, month, sum(count) AS count FROM days
                         WHERE partner || '/' || month > ?1 ->> 'after'
                         GROUP BY partner, month
                         ORDER BY partner || '/' || month LIMIT ?1 ->> 'limit') ",
            $tail
        )
    };
}

/// What was settled of the months that are touched, and what was booked of their clicks and caps.
macro_rules! months {
    ($first:literal) => {
        concat!(
            $first,
            " UNION ALL
             SELECT json_object('of', 'month', 'partner', t.partner, 'month', t.month,
               'paid_in', l.paid_in, 'settled', sum(l.payout))
             FROM touched t CROSS JOIN settlement_lines l
               ON l.program = ?1 ->> 'program' AND l.partner = t.partner AND l.month = t.month
             WHERE EXISTS (SELECT 1 FROM plans WHERE program = ?1 ->> 'program'
                           AND json_extract(rules, '$.caps.partner') IS NOT NULL)
             GROUP BY t.partner, t.month, l.paid_in
             UNION ALL
             SELECT json_object('of', 'booked', 'cause', e.cause, 'partner', e.partner,
               'currency', e.currency, 'paid_in', e.paid_in, 'amount', sum(e.amount),
               'payout', coalesce(sum(e.payout), 0), 'count', count(*))
             FROM (SELECT what.value || '/' || partner || '/'
                     || strftime('%Y-%m', month / 1000, 'unixepoch') AS cause
                   FROM touched, json_each('[\"clicks\",\"cap\"]') what) t
             CROSS JOIN entries e ON e.cause = t.cause
             GROUP BY e.cause, e.partner, e.currency, e.paid_in"
        )
    };
}

pub(super) const DUE: &str = due!(months!(
    "SELECT json_object('of', 'due', 'seq', seq, 'entry', id, 'partner', partner,
       'paid_in', paid_in, 'payout', payout, 'revision', revision, 'month', month) FROM due"
));

pub(super) const CLICKED: &str = clicked!(months!(
    "SELECT json_object('of', 'clicks', 'seq', partner || '/' || month, 'partner', partner,
       'month', month, 'count', count) FROM touched"
));

/// The program's plans, the guard's version, and until when everything was settled before.
pub(super) const PROGRAM: &str = "SELECT json_object('of', 'plan', 'version', version,
      'effective_from', effective_from, 'rules', json(rules))
    FROM plans WHERE program = ?1 ->> 'program'
    UNION ALL
    SELECT json_object('of', 'state',
      'version', coalesce((SELECT version FROM aggregates WHERE key = ?1 ->> 'guard'), 0),
      'last', (SELECT max(until) FROM settlements
               WHERE program = ?1 ->> 'program' AND body ->> 'left' = 0))
    UNION ALL
    SELECT json_object('of', 'rate', 'from', from_currency, 'to', to_currency, 'at', at,
      'rate', rate)
    FROM rates r WHERE ?1 ->> 'from' IS NOT NULL AND to_currency IN (
      SELECT rules ->> 'payout_currency' FROM plans WHERE program = ?1 ->> 'program')
      AND at <= ?1 ->> 'until' AND at >= coalesce((SELECT max(n.at) FROM rates n
        WHERE n.to_currency = r.to_currency AND n.from_currency = r.from_currency
          AND n.at <= ?1 ->> 'from'), 0)";

/// A fold may have decided anew since, or be about to: then nothing is settled.
pub(super) const STILL_DECIDED: &str = "INSERT INTO fold_guard (ok)
    SELECT NOT EXISTS (
      SELECT 1 FROM json_each(?1, '$.lines') l
      CROSS JOIN entries e ON e.id = l.value ->> 'entry'
      WHERE EXISTS (SELECT 1 FROM decisions d
                    WHERE d.event = e.cause AND d.revision > l.value ->> 'revision')
        OR EXISTS (SELECT 1 FROM unfinished u WHERE u.event = e.cause))";

pub(super) const ADD_SETTLEMENT: &str = "INSERT INTO settlements
      (id, program, until, actor, body, created_at)
    VALUES (?1 ->> 'id', ?1 ->> 'program', ?1 ->> 'until', ?1 ->> 'actor', ?1 -> 'body',
      ?1 ->> 'now')";

pub(super) const ADD_LINES: &str = "INSERT INTO settlement_lines
      (entry, settlement, program, partner, month, paid_in, payout)
    SELECT e.id, ?1 ->> 'id', e.program, e.partner, l.value ->> 'month', e.paid_in, e.payout
    FROM json_each(?1, '$.lines') l CROSS JOIN entries e ON e.id = l.value ->> 'entry'";

/// A program whose months up to `$.until` nobody has settled yet. Each minute another one is the
/// first, so that however many cannot be settled head the list for no longer.
pub(super) const NEXT_PROGRAM: &str = "WITH open AS MATERIALIZED (
      SELECT g.id FROM programs g
      WHERE g.created_at < ?1 ->> 'until'
        AND g.id NOT IN (SELECT value FROM json_each(?1, '$.failed')) AND NOT EXISTS (
          SELECT 1 FROM settlements s
          WHERE s.program = g.id AND s.until >= ?1 ->> 'until' AND s.body ->> 'left' = 0))
    SELECT json_quote(id) FROM open ORDER BY id
    LIMIT 1 OFFSET ?1 ->> 'turn' % max(1, (SELECT count(*) FROM open))";

/// One settlement as a record.
pub const ONE: &str = "SELECT json_patch(body, json_object('id', id, 'program', program,
      'until', until, 'actor', actor, 'created_at', created_at))
    FROM settlements WHERE id = ?1 ->> 'id'";
