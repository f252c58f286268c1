//! Folding again without writing: what the decisions about some customers would be, beside what is
//! stored and booked.

use super::group::by_customer;
use super::history::{Own, own, visits_of};
use super::load::{self, Customer};
use crate::ports::{Database, DatabaseError};
use domain::json;
use domain::ledger::decision::Decision;
use domain::ledger::exchange::Rate;
use domain::ledger::fold::{self, Booked, Position};
use domain::ledger::plan::{self, Rules};
use domain::values::ids::ProgramId;
use domain::values::limits;
use domain::values::time::UnixMs;
use serde_json::Value;
use std::collections::BTreeMap;

/// An event as it is and as it would be.
pub(crate) struct Shadow {
    /// The newest decision that is stored.
    pub(crate) stored: Option<Value>,
    pub(crate) booked: Vec<(Position, Booked)>,
    pub(crate) decided: Decision,
    /// It, or something that it depends on, waits for the fold.
    pub(crate) pending: bool,
}

/// Rules in place of those in force between two instants, and the exchange rates that they need.
pub(crate) struct Instead<'a> {
    pub(crate) from: UnixMs,
    pub(crate) until: UnixMs,
    pub(crate) rules: &'a Rules,
    pub(crate) rates: Vec<Rate>,
}

/// Decides all events of some customers of a program again; gives also how many customers were
/// skipped, because they have more events than the fold takes.
pub(crate) async fn shadows(
    db: &impl Database,
    program: ProgramId,
    customers: &[Customer],
    instead: Option<Instead<'_>>,
) -> Result<(Vec<Shadow>, usize), DatabaseError> {
    let mut loaded = load::customers(db, customers).await?;
    let stored = stored(db, &loaded).await?;
    let mut plans = own(&loaded.plans, program);
    if let Some(instead) = instead {
        plans = plan::in_place(&plans, instead.from, instead.until, instead.rules);
        loaded.rates.extend(instead.rates);
    }
    let mut all = Vec::new();
    let mut skipped = 0;
    for group in by_customer(&loaded.facts).0 {
        let rows = group.rows;
        // The fold sets these aside too.
        if rows.len() > limits::CUSTOMER_FACTS {
            skipped += 1;
            continue;
        }
        let pending = rows
            .iter()
            .any(|row| row.state == "pending" || row.again == 1);
        let visits = visits_of(&loaded, &rows);
        let own = Own::of(&loaded, program);
        let decided = fold::decide(own.history(&loaded, &rows, &visits, &plans));
        all.extend(decided.decisions.into_iter().map(|decided| Shadow {
            stored: stored.get(&decided.event).cloned(),
            booked: fold::of_cause(&loaded.booked, &decided.event).to_vec(),
            decided,
            pending,
        }));
    }
    Ok((all, skipped))
}

/// The newest decisions that are stored, a page at a time.
async fn stored(
    db: &impl Database,
    loaded: &load::Loaded,
) -> Result<BTreeMap<String, Value>, DatabaseError> {
    let mut all = BTreeMap::new();
    let mut asked = Vec::new();
    let mut bytes = 0;
    for (event, known) in loaded.decisions() {
        if bytes >= limits::PARAM_BYTES {
            all.extend(load::bodies(db, &std::mem::take(&mut asked)).await?);
            bytes = 0;
        }
        bytes += known.bytes;
        asked.push(json!({"event": event, "revision": known.revision}));
    }
    if !asked.is_empty() {
        all.extend(load::bodies(db, &asked).await?);
    }
    Ok(all)
}
