//! The guarded fold: load what is pending with all that it touches, decide, commit.
//!
//! Two round trips for up to 100 facts. The commit's first statement fails the whole transaction
//! when anything that was read has changed since; then it loads and decides again. So any number
//! of consumers may fold at once, and a crash leaves either all of a fold or nothing.

mod commit;
mod load;

use super::ports::{Database, DatabaseError};
use crate::domain::event::EventKind;
use crate::domain::ids::ProgramId;
use crate::domain::time::UnixMs;
use commit::Commit;
use load::{FactRow, Loaded};
use std::collections::BTreeMap;

/// How often a fold tries again after others were faster.
const TRIES: u32 = 8;

/// What a fold did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    pub facts: usize,
    pub set_aside: usize,
}

/// Folds up to 100 pending facts. `facts: 0` means that nothing was pending.
pub async fn fold(db: &impl Database, now: UnixMs) -> Result<Folded, DatabaseError> {
    let mut last = DatabaseError::Stale;
    for _ in 0..TRIES {
        let loaded = load::load(db).await?;
        let pending = loaded
            .facts
            .iter()
            .filter(|row| row.state == "pending")
            .count();
        if pending == 0 {
            return Ok(Folded::default());
        }
        let commit = decide(&loaded, now);
        let folded = Folded {
            facts: pending,
            set_aside: commit.set_aside,
        };
        match commit::write(db, commit, &loaded, now).await {
            Ok(()) => return Ok(folded),
            Err(DatabaseError::Stale) => last = DatabaseError::Stale,
            Err(other) => return Err(other),
        }
    }
    Err(last)
}

/// Groups the facts by customer and decides each group; a group that cannot be decided is set
/// aside alone.
fn decide(loaded: &Loaded, now: UnixMs) -> Commit {
    let mut commit = Commit::default();
    let mut owners: BTreeMap<(ProgramId, &str), &str> = BTreeMap::new();
    for sale in loaded.facts.iter().map(|row| &row.body) {
        if let (EventKind::Sale, Some(customer)) = (sale.kind, sale.customer.as_deref()) {
            owners.insert((sale.program, &sale.key), customer);
        }
    }
    let mut groups: BTreeMap<(ProgramId, &str), Vec<&FactRow>> = BTreeMap::new();
    for row in &loaded.facts {
        let fact = &row.body;
        commit.guards.insert(fact.program.to_string());
        let sale = fact.sale_key.as_deref().map(|key| (fact.program, key));
        let owner = fact
            .customer
            .as_deref()
            .or_else(|| owners.get(&sale?).copied());
        match owner {
            Some(customer) => groups
                .entry((fact.program, customer))
                .or_default()
                .push(row),
            None => commit.parks.push(fact.id.clone()),
        }
    }
    for ((program, customer), rows) in groups {
        let key = format!("{program}/{customer}");
        commit.guards.insert(key.clone());
        commit.bump.insert(key);
        commit.fold_customer(loaded, program, &rows, now);
    }
    commit
}
