//! The guarded fold: load what is pending with all that it touches, decide, commit.
//!
//! Two round trips for up to 100 facts. The commit's first statement fails the whole transaction
//! when anything that was read has changed since; then it loads and decides again. So any number
//! of consumers may fold at once, and a crash leaves either all of a fold or nothing.

pub(super) mod commit;
pub(super) mod load;
pub(crate) mod notices;
pub(super) mod shadow;
pub(crate) mod sql;

use super::ports::{Database, DatabaseError, Statement};
use commit::Commit;
use domain::json;
use domain::ledger::event::Fact;
use domain::values::ids::ProgramId;
use domain::values::time::UnixMs;
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
    for group in groups {
        let key = named(group.program, group.customer);
        commit.guards.insert(key.clone());
        commit.bump.insert(key);
        commit.fold_customer(loaded, group.program, &group.rows, now);
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

/// All facts of one customer.
struct Group<'a> {
    program: ProgramId,
    customer: &'a str,
    rows: Vec<&'a FactRow>,
}

/// Places by program and name. The one kind of map here: each other one is 3 KB of wasm.
type Places = BTreeMap<String, usize>;

fn named(program: ProgramId, name: &str) -> String {
    format!("{program}/{name}")
}

/// Who a fact belongs to, as far as it or its subscription says: the place of the fact that does.
fn subscribers(facts: &[FactRow]) -> Places {
    let mut known = Places::new();
    for (place, row) in facts.iter().enumerate() {
        let fact = &row.body;
        if let (Some(subscription), Some(_)) = (&fact.subscription, &fact.customer) {
            // Of several customers the same one, whatever arrived first and whoever is erased.
            let first = known
                .entry(named(fact.program, subscription))
                .or_insert(place);
            let event = |place: usize| facts.get(place).map(|row| &row.body.id);
            if event(place) < event(*first) {
                *first = place;
            }
        }
    }
    known
}

/// Groups facts by customer. A reversal belongs to the customer of its purchase, what names only a
/// subscription to the customer of that; gives apart what belongs to nobody yet.
fn by_customer(facts: &[FactRow]) -> (Vec<Group<'_>>, Vec<&FactRow>) {
    let subscribers = subscribers(facts);
    let customer = |fact: &'_ Fact, place: usize| {
        let subscription = fact
            .subscription
            .as_deref()
            .filter(|_| fact.customer.is_none());
        let subscriber = subscription.and_then(|s| subscribers.get(&named(fact.program, s)));
        let own = fact.customer.is_some().then_some(place);
        own.or(subscriber.copied())
    };
    let mut buyers = Places::new();
    for (place, row) in facts.iter().enumerate() {
        let owner = customer(&row.body, place).filter(|_| row.body.kind.is_purchase());
        buyers.extend(owner.map(|owner| (named(row.body.program, &row.body.key), owner)));
    }
    let mut places = Places::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut ownerless = Vec::new();
    for (place, row) in facts.iter().enumerate() {
        let fact = &row.body;
        let bought = || {
            buyers
                .get(&named(fact.program, fact.sale_key.as_deref()?))
                .copied()
        };
        let owner = customer(fact, place).or_else(bought);
        let owner = owner.and_then(|owner| facts.get(owner)?.body.customer.as_deref());
        let Some(owner) = owner else {
            ownerless.push(row);
            continue;
        };
        let next = groups.len();
        let place = *places.entry(named(fact.program, owner)).or_insert(next);
        if place == next {
            groups.push(Group {
                program: fact.program,
                customer: owner,
                rows: Vec::new(),
            });
        }
        if let Some(group) = groups.get_mut(place) {
            group.rows.push(row);
        }
    }
    (groups, ownerless)
}
