//! Whose a fact is: facts by customer.

use super::load::FactRow;
use domain::ledger::event::Fact;
use domain::values::ids::ProgramId;
use std::collections::BTreeMap;

/// All facts of one customer.
pub(super) struct Group<'a> {
    pub(super) program: ProgramId,
    customer: &'a str,
    pub(super) rows: Vec<&'a FactRow>,
}

impl Group<'_> {
    /// The key of the customer's aggregate.
    pub(super) fn key(&self) -> String {
        named(self.program, self.customer)
    }
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
pub(super) fn by_customer(facts: &[FactRow]) -> (Vec<Group<'_>>, Vec<&FactRow>) {
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
