//! The guarded fold: load what is pending with all that it touches, decide, commit.
//!
//! Two round trips for up to 100 facts. The commit's first statement fails the whole transaction
//! when anything that was read has changed since; then it loads and decides again. So any number
//! of consumers may fold at once, and a crash leaves either all of a fold or nothing.

pub(super) mod commit;
pub(super) mod load;
mod notices;
pub(super) mod shadow;
pub(in crate::app) mod sql;

use super::ports::{Database, DatabaseError, Statement};
use crate::domain::event::Fact;
use crate::domain::ids::ProgramId;
use crate::domain::time::UnixMs;
use commit::Commit;
use load::{FactRow, Loaded};
use serde_json::json;
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
        let loaded = load::pending(db).await?;
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
    let (groups, ownerless) = by_customer(&loaded.facts);
    for row in &loaded.facts {
        commit.guards.insert(row.body.program.to_string());
    }
    commit
        .parks
        .extend(ownerless.iter().map(|row| row.body.id.clone()));
    for ((program, customer), rows) in groups {
        let key = format!("{program}/{customer}");
        commit.guards.insert(key.clone());
        commit.bump.insert(key);
        commit.fold_customer(loaded, program, &rows, now);
    }
    commit
}

/// The statements that fail the transaction unless the aggregate still has that version, and give
/// it the next one.
pub(super) fn guarded(key: &str, version: i64) -> Vec<Statement> {
    let guard = json!({"key": key, "version": version});
    let param = json!({"guards": [guard], "bump": [key]});
    let all = [commit::GUARD, commit::CLEAR_GUARD, commit::BUMP];
    Statement::all(&all, &param)
}

type Groups<'a> = BTreeMap<(ProgramId, &'a str), Vec<&'a FactRow>>;

/// Groups facts by customer. A reversal belongs to the customer of its purchase, what names only a
/// subscription to the customer of that; gives apart what belongs to nobody yet.
fn by_customer(facts: &[FactRow]) -> (Groups<'_>, Vec<&FactRow>) {
    let mut subscribers: BTreeMap<(ProgramId, &str), &str> = BTreeMap::new();
    for fact in facts.iter().map(|row| &row.body) {
        if let (Some(subscription), Some(customer)) = (&fact.subscription, &fact.customer) {
            // Of several customers the same one, whatever arrived first.
            let owner = subscribers
                .entry((fact.program, subscription))
                .or_insert(customer);
            *owner = (*owner).min(customer);
        }
    }
    let customer = |fact: &'_ Fact| {
        let subscription = fact.subscription.as_deref();
        let subscriber = || subscribers.get(&(fact.program, subscription?)).copied();
        subscriber()
    };
    let mut buyers: BTreeMap<(ProgramId, &str), &str> = BTreeMap::new();
    for fact in facts.iter().map(|row| &row.body) {
        let owner = fact.customer.as_deref().or_else(|| customer(fact));
        if let (true, Some(owner)) = (fact.kind.is_purchase(), owner) {
            buyers.insert((fact.program, &fact.key), owner);
        }
    }
    let mut groups: Groups<'_> = BTreeMap::new();
    let mut ownerless = Vec::new();
    for row in facts {
        let fact = &row.body;
        let bought = || {
            buyers
                .get(&(fact.program, fact.sale_key.as_deref()?))
                .copied()
        };
        let owner = fact.customer.as_deref().or_else(|| customer(fact));
        match owner.or_else(bought) {
            Some(owner) => groups.entry((fact.program, owner)).or_default().push(row),
            None => ownerless.push(row),
        }
    }
    (groups, ownerless)
}
