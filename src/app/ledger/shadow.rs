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

/// An event that cannot be decided, because an amount leaves the range of money.
pub(crate) struct Unfit {
    pub(crate) event: String,
    pub(crate) occurred_at: UnixMs,
    pub(crate) booked: Vec<(Position, Booked)>,
}

/// What deciding again gives.
#[derive(Default)]
pub(crate) struct Shadows {
    pub(crate) decided: Vec<Shadow>,
    pub(crate) unfit: Vec<Unfit>,
    /// Customers who have more events than the fold takes.
    pub(crate) skipped: usize,
}

/// Rules in place of those in force between two instants, and the exchange rates that they need.
pub(crate) struct Instead<'a> {
    pub(crate) from: UnixMs,
    pub(crate) until: UnixMs,
    pub(crate) rules: &'a Rules,
    pub(crate) rates: Vec<Rate>,
}

/// Decides all events of some customers of a program again.
pub(crate) async fn shadows(
    db: &impl Database,
    program: ProgramId,
    customers: &[Customer],
    instead: Option<Instead<'_>>,
) -> Result<Shadows, DatabaseError> {
    let mut loaded = load::customers(db, customers).await?;
    let stored = stored(db, &loaded).await?;
    let mut plans = own(&loaded.plans, program);
    if let Some(instead) = instead {
        plans = plan::in_place(&plans, instead.from, instead.until, instead.rules);
        loaded.rates.extend(instead.rates);
    }
    let mut all = Shadows::default();
    for group in by_customer(&loaded.facts).0 {
        let rows = group.rows;
        // The fold sets these aside too.
        if rows.len() > limits::CUSTOMER_FACTS {
            all.skipped += 1;
            continue;
        }
        let pending = rows
            .iter()
            .any(|row| row.state == "pending" || row.again == 1);
        let visits = visits_of(&loaded, &rows);
        let own = Own::of(&loaded, program);
        let decided = fold::decide(own.history(&loaded, &rows, &visits, &plans));
        let unfit = rows
            .iter()
            .filter(|row| decided.unfit.contains(&row.body.id));
        all.unfit.extend(unfit.map(|row| Unfit {
            event: row.body.id.clone(),
            occurred_at: row.body.occurred_at,
            booked: fold::of_cause(&loaded.booked, &row.body.id).to_vec(),
        }));
        let decisions = decided.decisions.into_iter();
        all.decided.extend(decisions.map(|decided| Shadow {
            stored: stored.get(&decided.event).cloned(),
            booked: fold::of_cause(&loaded.booked, &decided.event).to_vec(),
            decided,
            pending,
        }));
    }
    Ok(all)
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
