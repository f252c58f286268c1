//! What the next fold looks at: which events wait, and how much each of them brings along.
//!
//! A fold loads whole histories, so what it takes is bounded by the bytes of those and not by a
//! number of events. Nothing that waits can head the list for ever: a customer with too long a
//! history is set aside before it is loaded, one with a long history is folded alone, and what was
//! tried (`attempt.rs`) goes behind the others.

use super::aside::Why;
use super::attempt;
use crate::ports::{self, Database, DatabaseError, Statement};
use domain::json;
use domain::values::limits;
use domain::values::time::UnixMs;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Events that wait; beside those that were not tried yet some that were, and some that were set
/// aside and are due again, unless an attempt may be under way. With each the customers and
/// subscriptions whose histories it brings along, and of those the size: the same facts as the fold
/// loads (`sql.rs`).
const LOOK: &str = "WITH due AS (
      SELECT * FROM (SELECT * FROM facts WHERE state = 'pending' AND tried_at = 0
                     ORDER BY seq LIMIT ?1 ->> 'limit')
      UNION ALL
      SELECT * FROM (SELECT * FROM facts WHERE state = 'pending'
                       AND tried_at > 0 AND tried_at <= ?1 ->> 'before'
                     ORDER BY tried_at, seq LIMIT ?1 ->> 'again')
      UNION ALL
      SELECT * FROM (SELECT * FROM facts WHERE state = 'set_aside' AND retry_at <= ?1 ->> 'now'
                       AND tried_at + min(?1 ->> 'most', ?1 ->> 'first' << min(tries, 20))
                         <= ?1 ->> 'now'
                     ORDER BY retry_at LIMIT ?1 ->> 'again')),
    about AS (
      SELECT seq AS due, program, customer, subscription FROM due
      UNION ALL
      SELECT p.seq, s.program, s.customer, s.subscription FROM due p CROSS JOIN facts s
      ON s.program = p.program AND s.kind IN ('sale', 'deal', 'renewal') AND s.key = p.sale_key),
    brought AS (
      SELECT DISTINCT due, program, subscription IS NOT NULL AS many,
        coalesce(subscription, customer) AS name
      FROM about WHERE coalesce(subscription, customer) IS NOT NULL),
    named AS (SELECT DISTINCT program, many, name FROM brought),
    touched AS (
      SELECT program, many, name, name AS customer FROM named WHERE NOT many
      UNION
      SELECT n.program, n.many, n.name, s.customer FROM named n CROSS JOIN facts s
      ON s.program = n.program AND s.subscription = n.name
      WHERE n.many AND s.customer IS NOT NULL),
    own AS (
      SELECT t.many, t.name, f.seq, f.program, f.kind, f.key FROM touched t
      CROSS JOIN facts f ON f.program = t.program AND f.customer = t.customer
      UNION
      SELECT t.many, t.name, n.seq, n.program, n.kind, n.key FROM touched t
      CROSS JOIN facts s ON s.program = t.program AND s.customer = t.customer
      CROSS JOIN facts n ON n.program = s.program AND n.subscription = s.subscription
      WHERE n.customer IS NULL),
    brings AS (
      SELECT program, many, name, seq FROM own
      UNION
      SELECT o.program, o.many, o.name, r.seq FROM own o
      CROSS JOIN facts r ON r.program = o.program AND r.sale_key = o.key
      WHERE o.kind IN ('sale', 'deal', 'renewal'))
    SELECT json_object('of', 'due', 'id', d.id, 'tries', d.tries, 'tried', d.tried_at,
      'again', d.state = 'set_aside', 'late', d.received_at < ?1 ->> 'late', 'brings', json((
        SELECT json_group_array(b.program || b.many || b.name)
        FROM brought b WHERE b.due = d.seq)))
    FROM due d
    UNION ALL
    SELECT json_object('of', 'size', 'key', f.program || f.many || f.name, 'facts', count(*),
      'bytes', sum(octet_length(f.body)),
      'until', max(iif(f.state = 'set_aside' AND f.retry_at > ?1 ->> 'now', f.retry_at, 0)),
      'why', max(iif(f.state = 'set_aside' AND f.retry_at > ?1 ->> 'now', f.aside, NULL)),
      'tries', max(iif(f.waits, f.tries, 0)), 'tried', max(iif(f.waits, f.tried_at, 0)))
    FROM (SELECT b.program, b.many, b.name, f.body, f.state, f.retry_at, f.aside, f.tries,
            f.tried_at,
            f.state = 'pending' OR f.state = 'set_aside' AND f.retry_at IS NOT NULL AS waits
          FROM brings b CROSS JOIN facts f ON f.seq = b.seq) f
    GROUP BY f.program, f.many, f.name";

#[derive(Deserialize)]
struct DueRow {
    id: String,
    tries: u32,
    tried: i64,
    again: u8,
    late: u8,
    brings: Vec<String>,
}

#[derive(Deserialize)]
struct Size {
    key: String,
    facts: usize,
    bytes: usize,
    until: i64,
    why: Option<String>,
    tries: u32,
    tried: i64,
}

/// Events that are folded together because they bring the same histories along.
#[derive(Clone, Debug, Default)]
pub(super) struct Unit {
    /// Ids of events.
    pub(super) events: Vec<String>,
    pub(super) facts: usize,
    /// What it loads, estimated.
    pub(super) bytes: usize,
    /// Attempts that came to nothing, in a row.
    pub(super) tries: u32,
    /// When it was tried last; 0: it was not.
    tried: i64,
    /// Its customer is set aside until then, and why.
    pub(super) until: Option<(UnixMs, String)>,
    /// Waits for longer than it should: an attempt is noted before it is made.
    pub(super) late: bool,
    /// Was set aside and is looked at again.
    again: bool,
}

impl Unit {
    /// May another attempt be at it just now?
    pub(super) fn is_under_way(&self, now: UnixMs) -> bool {
        self.tried > attempt::before(now).0
    }

    /// Was an attempt lost before, and may another one be at it? What is new of such a customer
    /// waits for what comes of that.
    pub(super) fn is_in_doubt(&self, now: UnixMs) -> bool {
        self.tries > 1 && self.is_under_way(now)
    }

    /// Why it is not to be tried now.
    pub(super) fn unfit(&self, now: UnixMs) -> Option<Why> {
        let long = self.facts > limits::CUSTOMER_FACTS || self.bytes > limits::CUSTOMER_BYTES;
        let lost = self.tries >= limits::FOLD_ATTEMPTS && self.tried > 0 && !self.is_under_way(now);
        if long {
            Some(Why::HistoryTooLarge)
        } else if self.until.is_some() || lost && !self.again {
            Some(Why::FoldFailed)
        } else {
            None
        }
    }

    fn is_large(&self) -> bool {
        self.bytes > limits::FOLD_BYTES / 4
    }
}

/// Looks for what waits; in the order in which it should be folded.
pub(super) async fn look(db: &impl Database, now: UnixMs) -> Result<Vec<Unit>, DatabaseError> {
    let param = json!({"limit": limits::FOLD_FACTS, "again": limits::FOLD_AGAIN, "now": now,
        "late": now.plus(-limits::FOLD_LATE_MS), "before": attempt::before(now),
        "first": limits::RETRY_FOLD_MS, "most": limits::RETRY_FOLD_MOST_MS});
    let rows = db.batch(vec![Statement::new(LOOK, &param)]).await?;
    let mut due: Vec<DueRow> = Vec::new();
    let mut sizes = BTreeMap::new();
    for row in ports::values(ports::rows_at(&rows, 0))? {
        let taken = match row["of"].as_str() {
            Some("due") => domain::values::record::take(&row).map(|row| due.push(row)),
            _ => domain::values::record::take(&row)
                .map(|size: Size| drop(sizes.insert(size.key.clone(), size))),
        };
        taken.ok_or(DatabaseError::Unavailable)?;
    }
    Ok(units(due, &sizes))
}

fn units(due: Vec<DueRow>, sizes: &BTreeMap<String, Size>) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for row in due {
        let brings: BTreeSet<&String> = row.brings.iter().collect();
        let key = brings.iter().map(|key| key.as_str()).collect::<Vec<_>>();
        // What belongs to nobody yet brings nothing along.
        let key = if key.is_empty() {
            row.id.clone()
        } else {
            key.join("\n")
        };
        let place = *places.entry(key).or_insert(units.len());
        if place == units.len() {
            units.push(Unit::default());
        }
        let Some(unit) = units.get_mut(place) else {
            continue;
        };
        unit.events.push(row.id);
        unit.tries = unit.tries.max(row.tries);
        unit.tried = unit.tried.max(row.tried);
        unit.again |= row.again == 1;
        let own = || brings.iter().filter_map(|key| sizes.get(key.as_str()));
        unit.facts = own().map(|size| size.facts).max().unwrap_or(1);
        let bytes = own().map(|size| size.bytes).max().unwrap_or(0);
        unit.bytes = bytes + unit.facts * limits::FACT_OVERHEAD_BYTES;
        let tries = own().map(|size| size.tries).max().unwrap_or(0);
        unit.tries = unit.tries.max(tries);
        let tried = own().map(|size| size.tried).max().unwrap_or(0);
        unit.tried = unit.tried.max(tried);
        unit.late |= row.late == 1 || unit.tried > 0;
        let held = own().max_by_key(|size| size.until);
        let held = held.and_then(|size| Some((UnixMs(size.until), size.why.clone()?)));
        unit.until = held.filter(|(until, _)| until.0 > 0);
    }
    units
}

/// What one call folds: the small ones together, one that is large or was tried before (what was
/// tried last comes last), and one that was set aside. No kind keeps another waiting.
pub(super) fn portions(units: Vec<Unit>) -> Vec<Vec<Unit>> {
    let (again, units): (Vec<Unit>, Vec<Unit>) = units.into_iter().partition(|unit| unit.again);
    let (mut apart, small): (Vec<Unit>, Vec<Unit>) = units
        .into_iter()
        .partition(|unit| unit.tried > 0 || unit.is_large());
    apart.sort_by_key(|unit| unit.tried);
    let mut bytes = 0;
    let together: Vec<Unit> = small
        .into_iter()
        .take_while(|unit| {
            bytes += unit.bytes;
            bytes <= limits::FOLD_BYTES
        })
        .collect();
    let one = |units: Vec<Unit>| units.into_iter().take(1).collect();
    [together, one(apart), one(again)]
        .into_iter()
        .filter(|some| !some.is_empty())
        .collect()
}
