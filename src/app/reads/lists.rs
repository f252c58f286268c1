//! The SQL of the lists. Each row is one JSON object with the number by which the list pages.

use crate::app::click_days::click_days;
use crate::app::earnings;

macro_rules! list {
    ($row:expr, $from:expr, $program:literal, $seq:literal) => {
        concat!(
            "SELECT json_object('seq', ",
            $seq,
            ", 'row', json(",
            $row,
            ")) FROM ",
            $from,
            " WHERE (?1 ->> 'program' IS NULL OR ",
            $program,
            " = ?1 ->> 'program')",
            " AND ",
            $seq,
            " < ?1 ->> 'before' ORDER BY ",
            $seq,
            " DESC LIMIT ?1 ->> 'page'"
        )
    };
}

pub(in crate::app) use list as listing;

const EVENTS: &str = list!(
    "json_object('id', id, 'program', program, 'kind', kind, 'key', key, 'customer', customer,
      'occurred_at', occurred_at, 'received_at', received_at, 'state', state,
      'amount', json(body -> '$.money'))",
    "(SELECT * FROM facts WHERE ?1 ->> 'kind' IS NULL OR kind = ?1 ->> 'kind')",
    "program",
    "seq"
);
const DECISIONS: &str = list!(
    "json_patch(d.body, json_object('revision', d.revision, 'decided_at', d.decided_at))",
    "(SELECT * FROM decisions o WHERE NOT EXISTS (SELECT 1 FROM decisions n
      WHERE n.event = o.event AND n.revision > o.revision)) d",
    "d.program",
    "d.seq"
);
const LEDGER: &str =
    list!(
    "json_object('id', id, 'program', program, 'partner', partner, 'cause', cause, 'kind', kind,
      'amount', amount, 'currency', currency, 'payout', payout, 'paid_in', paid_in,
      'reason', reason, 'booked_at', booked_at)",
    "entries", "program", "seq"
);
const DELIVERIES: &str = list!(
    "json_object('id', id, 'program', program, 'destination', destination, 'event', event,
      'type', type, 'state', state, 'attempts', attempts, 'next_at', next_at,
      'last_status', last_status, 'last_error', last_error, 'created_at', created_at,
      'done_at', done_at)",
    "deliveries",
    "program",
    "seq"
);
const CONFLICTS: &str = list!(
    "json_object('event', event, 'program', program, 'received_at', received_at,
      'amount', json(body -> '$.money'), 'customer', json_extract(body, '$.customer'))",
    "conflicts",
    "program",
    "seq"
);
const PROGRAMS: &str = list!(
    "json_patch(body, json_object('id', id, 'name', name, 'created_at', created_at,
      'status', iif(coalesce((SELECT s.active FROM program_statuses s WHERE s.program = id
        ORDER BY s.seq DESC LIMIT 1), 1), 'active', 'paused')))",
    "(SELECT *, row_number() OVER (ORDER BY created_at, id) AS seq FROM programs)",
    "id",
    "seq"
);
const PARTNERS: &str = list!(
    "json_object('id', id, 'program', program, 'name', name, 'created_at', created_at,
      'status', iif(coalesce(active, 1), 'active', 'suspended'),
      'kind', coalesce(kind, 'affiliate'))",
    "(SELECT p.*, s.active, s.kind FROM partners p LEFT JOIN partner_statuses s
      ON s.seq = (SELECT max(n.seq) FROM partner_statuses n WHERE n.partner = p.id))",
    "program",
    "seq"
);
const LINKS: &str = list!(
    "json_object('id', id, 'program', program, 'partner', partner, 'host', host, 'slug', slug,
      'target', target, 'active', json(iif(active, 'true', 'false')), 'path', path || slug,
      'created_at', created_at)",
    "(SELECT l.*, coalesce(json_extract(g.body, '$.host_settings.\"' || l.host || '\".mount'),
        '/go/') AS path
      FROM links l JOIN programs g ON g.id = l.program)",
    "program",
    "seq"
);
const DESTINATIONS: &str = list!(
    "json_patch(config, json_object('id', id, 'program', program, 'kind', kind,
      'enabled', json(iif(enabled, 'true', 'false')), 'created_at', created_at))",
    "destinations",
    "program",
    "seq"
);
const KEYS: &str = list!(
    "json_object('id', id, 'name', name, 'scope', scope, 'program', program,
      'root', root, 'created_at', created_at, 'revoked_at', revoked_at)",
    "api_keys",
    "program",
    "seq"
);
/// Reports of landings beyond the valid clicks are `unmatched`.
const CLICKS: &str = list!(
    "json_object('program', program, 'day', day, 'link', link, 'partner', partner,
      'raw', raw, 'valid', valid, 'confirmed', confirmed, 'classes', json(iif(reported = confirmed,
        classes, json_patch(classes, json_object('validated', nullif(validated_most, 0),
          'confirmed', nullif(min(landed, confirmed), 0), 'unmatched', reported - confirmed)))))",
    concat!(
        "(SELECT *, row_number() OVER (ORDER BY day, link, partner) AS seq FROM ",
        click_days!("?1 ->> 'program' IS NULL OR program = ?1 ->> 'program'"),
        ")"
    ),
    "program",
    "seq"
);
const CODES: &str = list!(
    "json_object('id', id, 'program', program, 'code', code, 'partner', partner,
      'from_at', from_at, 'until_at', until_at, 'created_at', created_at)",
    "codes",
    "program",
    "seq"
);
/// What keeps decisions open is indexed; of those only the newest revisions count.
const REVIEWS: &str = list!(
    "json_patch(d.body, json_object('revision', d.revision, 'decided_at', d.decided_at))",
    "(SELECT * FROM decisions o INDEXED BY decisions_open WHERE o.body ->> 'status' <> 'clear'
        AND (?1 ->> 'status' IS NULL OR o.body ->> 'status' = ?1 ->> 'status')
        AND NOT EXISTS (SELECT 1 FROM decisions n
          WHERE n.event = o.event AND n.revision > o.revision)) d",
    "d.program",
    "d.seq"
);
const VIOLATIONS: &str = list!(
    "json_object('event', d.event, 'program', d.program, 'kind', d.body ->> 'kind',
      'key', d.body ->> 'key', 'occurred_at', d.body ->> 'occurred_at',
      'status', d.body ->> 'status', 'violations', json(d.body -> 'violations'))",
    "(SELECT * FROM decisions o INDEXED BY decisions_violating
      WHERE o.body ->> 'violations' IS NOT NULL AND NOT EXISTS (SELECT 1 FROM decisions n
        WHERE n.event = o.event AND n.revision > o.revision)) d",
    "d.program",
    "d.seq"
);
/// Rates are the same for all programs.
const RATES: &str = list!(
    "json_object('from', from_currency, 'to', to_currency, 'at', at, 'rate', rate,
      'actor', actor)",
    "(SELECT *, row_number() OVER (ORDER BY at, from_currency, to_currency) AS seq FROM rates)",
    "?1 ->> 'program'",
    "seq"
);
const ERASURES: &str = list!(
    "json_object('program', program, 'customer', pseudonym, 'events', events, 'actor', actor,
      'at', at)",
    "erasures",
    "program",
    "seq"
);
/// Queue messages are of the deployment; their beginning says what they are.
const DEAD_LETTERS: &str = list!(
    "json_object('id', id, 'queue', queue, 'reason', reason, 'bytes', bytes, 'at', at,
      'beginning', substr(body, 1, 200))",
    "dead_letters",
    "?1 ->> 'program'",
    "seq"
);

/// What the queue took while the database was away, and whose key may not report it.
const REFUSED: &str = list!(
    "json_object('event', event, 'program', program, 'key', api_key, 'reason', reason,
      'received_at', received_at, 'kind', body ->> 'kind', 'amount', json(body -> '$.money'),
      'customer', json_extract(body, '$.customer'))",
    "refused_facts",
    "program",
    "seq"
);

/// The lists by their name in the address.
pub(super) fn sql(name: &str) -> Option<&'static str> {
    Some(match name {
        "balances" => earnings::BALANCES,
        "clicks" => CLICKS,
        "codes" => CODES,
        "conflicts" => CONFLICTS,
        "dead_letters" => DEAD_LETTERS,
        "decisions" => DECISIONS,
        "deliveries" => DELIVERIES,
        "destinations" => DESTINATIONS,
        "earnings" => earnings::EARNINGS,
        "erasures" => ERASURES,
        "events" => EVENTS,
        "keys" => KEYS,
        "ledger" => LEDGER,
        "links" => LINKS,
        "partners" => PARTNERS,
        "payouts" => earnings::PAYOUTS,
        "payouts/lines" => earnings::PAYOUT_LINES,
        "programs" => PROGRAMS,
        "rates" => RATES,
        "refused" => REFUSED,
        "reviews" => REVIEWS,
        "settlements" => earnings::SETTLEMENTS,
        "settlements/lines" => earnings::SETTLEMENT_LINES,
        "violations" => VIOLATIONS,
        _ => return None,
    })
}
