//! Where money stands: the state of each position is derived from decisions, settlements and
//! payouts when it is asked for, never stored.

use super::payout::payout;
use super::reads::listing as list;

/// Each position (an event's, of a partner and currency) as the first of its entries, with what
/// became of all of them.
macro_rules! positions {
    () => {
        "(SELECT g.seq, g.program, g.cause, g.partner, g.kind, g.currency,
            (SELECT json_object('amount', sum(x.amount), 'payout', sum(x.payout),
               'paid_in', max(x.paid_in), 'open', max(x.place = 'unsettled'),
               'unrated', sum(iif(x.payout IS NULL, x.amount, 0)) <> 0,
               'unpaid', max(x.place = 'unpaid'), 'waits', max(x.waits))
             FROM standings x
             WHERE x.cause = g.cause AND x.partner = g.partner AND x.currency = g.currency) AS sums,
            (SELECT json_object('status', d.body ->> 'status', 'hold_until',
               d.body ->> 'hold_until') FROM decisions d
             WHERE d.event = g.cause ORDER BY d.revision DESC LIMIT 1) AS decided
          FROM entries g WHERE g.kind <> 'payout' AND NOT EXISTS (
            SELECT 1 FROM entries p WHERE p.cause = g.cause AND p.partner = g.partner
              AND p.currency = g.currency AND p.seq < g.seq))"
    };
}

macro_rules! position {
    () => {
        "json_object('event', cause, 'program', program, 'partner', partner, 'kind', kind,
               'amount', sums ->> 'amount', 'currency', currency,
               'payout', sums ->> 'payout', 'paid_in', sums ->> 'paid_in',
               'hold_until', decided ->> 'hold_until',
               'state', CASE WHEN decided ->> 'status' = 'rejected' THEN 'rejected'
                 WHEN sums ->> 'waits' IS NOT NULL THEN sums ->> 'waits'
                 WHEN sums ->> 'open' THEN
                   iif(decided ->> 'hold_until' > ?1 ->> 'now', 'pending', 'approved')
                 WHEN sums ->> 'unrated' THEN 'in_review'
                 WHEN sums ->> 'unpaid' THEN 'payable' ELSE 'paid' END)"
    };
}

pub(crate) const EARNINGS: &str = list!(position!(), positions!(), "program", "seq");

/// The positions of one event.
pub(crate) const OF_EVENT: &str = concat!(
    "SELECT ",
    position!(),
    " FROM ",
    positions!(),
    " WHERE cause = ?1 ->> 'id' ORDER BY seq"
);

/// What partners are owed in the currency in which they are paid, and how far it has come. What has
/// no exchange rate yet stands in its own currency.
pub(crate) const BALANCES: &str = list!(
    "json_object('program', program, 'partner', partner, 'currency', currency, 'amount', amount,
      'pending', pending, 'in_review', in_review, 'held', held, 'approved', approved,
      'payable', amount - pending - in_review - held - approved, 'paid', paid,
      'total', amount + paid)",
    "(WITH open AS (
            SELECT e.partner, e.paid_in, e.payout, coalesce(e.waits, iif(e.place = 'unpaid', NULL,
              iif(e.body ->> 'hold_until' > ?1 ->> 'now', 'pending', 'approved'))) AS state
            FROM (SELECT seq FROM unsettled
                  WHERE ?1 ->> 'program' IS NULL OR program = ?1 ->> 'program'
                  UNION ALL
                  SELECT e.seq FROM unpaid u CROSS JOIN entries e ON e.id = u.entry
                  WHERE ?1 ->> 'program' IS NULL OR u.program = ?1 ->> 'program') u
            CROSS JOIN standings e WHERE e.seq = u.seq),
          waits AS (
            SELECT partner, paid_in, sum(iif(state = 'pending', payout, 0)) AS pending,
              sum(iif(state = 'in_review', payout, 0)) AS in_review,
              sum(iif(state = 'held', payout, 0)) AS held,
              sum(iif(state = 'approved', payout, 0)) AS approved
            FROM open GROUP BY partner, paid_in),
          booked AS (
            SELECT program, partner, coalesce(paid_in, currency) AS currency,
              sum(iif(paid_in IS NULL, amount, payout)) AS amount,
              sum(iif(paid_in IS NULL, amount, 0)) AS unrated,
              -sum(iif(kind = 'payout', payout, 0)) AS paid
            FROM entries WHERE ?1 ->> 'program' IS NULL OR program = ?1 ->> 'program'
            GROUP BY program, partner, coalesce(paid_in, currency))
          SELECT b.program, b.partner, b.currency, b.amount, b.paid,
            coalesce(w.pending, 0) AS pending, coalesce(w.in_review, 0) + b.unrated AS in_review,
            coalesce(w.held, 0) AS held, coalesce(w.approved, 0) AS approved,
            row_number() OVER (ORDER BY b.partner, b.currency) AS seq
          FROM booked b LEFT JOIN waits w ON w.partner = b.partner AND w.paid_in = b.currency)",
    "program",
    "seq"
);

pub(crate) const SETTLEMENTS: &str = list!(
    "json_patch(body, json_object('id', id, 'program', program, 'until', until, 'actor', actor,
      'created_at', created_at))",
    "settlements",
    "program",
    "seq"
);

pub(crate) const PAYOUTS: &str = list!(payout!(), "payouts", "program", "seq");

macro_rules! lines {
    ($table:literal, $of:literal) => {
        list!(
            "json_object('entry', id, 'event', cause, 'partner', partner, 'kind', kind,
               'reason', reason, 'amount', payout, 'currency', paid_in)",
            concat!(
                "(SELECT e.* FROM ",
                $table,
                " l CROSS JOIN entries e ON e.id = l.entry WHERE l.",
                $of,
                " = ?1 ->> 'of')"
            ),
            "program",
            "seq"
        )
    };
}

pub(crate) const SETTLEMENT_LINES: &str = lines!("settlement_lines", "settlement");
pub(crate) const PAYOUT_LINES: &str = lines!("payout_lines", "payout");
