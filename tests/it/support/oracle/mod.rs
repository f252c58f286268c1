//! What the ledger must say, computed another way: from the whole list of accepted facts at once,
//! on plain integers and text, with nothing of the product's domain. Slow and simple on purpose.
//!
//! It is written from the README ("How an event is decided"). Where it and the product differ, one
//! of the two misread that page.

mod earn;
mod model;
mod pay;
mod read;
mod reverse;
mod review;
mod rules;
mod touches;
mod whose;

pub use read::{Fact, Touch, Visit};
pub use rules::{Code, Plan, Rate, Status};

use earn::Part;
use std::collections::{BTreeMap, BTreeSet};

const DAY: i64 = 86_400_000;
/// The largest amount: integers that JSON readers keep.
const MOST: i64 = 9_007_199_254_740_991;

/// Everything that was accepted, in any order; settings and what people said in the order in which
/// they were made.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub facts: Vec<Fact>,
    /// Stored visits by the nonce of their click.
    pub visits: BTreeMap<String, BTreeSet<Visit>>,
    pub plans: Vec<Plan>,
    pub statuses: Vec<Status>,
    pub codes: Vec<Code>,
    /// Event, action, instant.
    pub rulings: Vec<(String, String, i64)>,
    /// Nonce, class or none, instant.
    pub said: Vec<(String, Option<String>, i64)>,
    /// Partner, pseudonym.
    pub selves: Vec<(String, String)>,
    pub rates: Vec<Rate>,
    /// How the product rounded the shares of eligible touches, by event: asked only where time
    /// decay is too close to call.
    pub rounded: BTreeMap<String, Vec<i64>>,
}

/// A share of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    pub partner: String,
    pub link: Option<String>,
    pub code: Option<String>,
    pub share: i64,
    /// Of the event's amount.
    pub amount: Option<i64>,
    /// By currency, none of them zero.
    pub earned: BTreeMap<String, i64>,
    /// The same in payouts: by currency what it is paid in, if a rate is known, and how much.
    pub paid: BTreeMap<String, (Option<String>, i64)>,
}

/// What an event must have come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub rule: &'static str,
    pub credits: Vec<Credit>,
    pub capped: bool,
    pub status: &'static str,
    pub flags: Vec<&'static str>,
    pub hold_until: i64,
    /// The verdict on each touch, in their order.
    pub verdicts: Vec<&'static str>,
}

/// Cause, partner, currency, paid in.
pub type Position = (String, String, String, Option<String>);

/// A decided conversion, with what later events ask of it.
struct Done<'a> {
    fact: &'a Fact,
    /// The plan that decided it.
    plan: Option<&'a Plan>,
    outcome: Outcome,
    parts: Vec<Part>,
}

/// One customer's facts.
struct Case<'a> {
    world: &'a World,
    facts: Vec<&'a Fact>,
    touches: Vec<Touch>,
    done: Vec<Done<'a>>,
    /// The customers that were named together with each token.
    came: &'a BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl World {
    /// Takes a stored visit in.
    pub fn learn(&mut self, json: &serde_json::Value) {
        let visit = Visit::read(json);
        if let Some(nonce) = visit.touch.nonce.clone() {
            self.visits.entry(nonce).or_default().insert(visit);
        }
    }

    /// Decides every event. What belongs to no customer yet is left out, and so is what leaves the
    /// range of amounts.
    pub fn settle(&self) -> BTreeMap<String, Outcome> {
        let came = self.came();
        let mut outcomes = BTreeMap::new();
        for mut facts in self.by_customer().into_values() {
            facts.sort_by_key(|fact| fact.order());
            let mut case = Case {
                world: self,
                touches: touches::all(self, &facts),
                facts,
                done: Vec::new(),
                came: &came,
            };
            for fact in case.in_turn(false) {
                case.conversion(fact);
            }
            case.reversals(&mut outcomes);
            for done in case.done {
                outcomes.insert(done.fact.event.clone(), done.outcome);
            }
        }
        outcomes
    }

    /// The events of each customer.
    pub fn customers(&self) -> Vec<Vec<String>> {
        let each = self.by_customer().into_values();
        let ids = |facts: Vec<&Fact>| facts.iter().map(|fact| fact.event.clone()).collect();
        each.map(ids).collect()
    }

    /// The customers that were named together with each token.
    pub fn came(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut came: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for fact in &self.facts {
            let nonce = fact.touch.as_ref().and_then(|touch| touch.nonce.as_deref());
            if let (Some(nonce), Some(customer)) = (nonce, fact.customer.as_deref()) {
                came.entry(nonce).or_default().insert(customer);
            }
        }
        came
    }

    /// Facts by the customer to whom they belong: the one they name, else that of the subscription
    /// (of several whom the first event by id names), else that of the purchase that is reversed.
    fn by_customer(&self) -> BTreeMap<&str, Vec<&Fact>> {
        let mut subscribers: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for fact in &self.facts {
            if let (Some(subscription), Some(customer)) = (&fact.subscription, &fact.customer) {
                subscribers
                    .entry(subscription)
                    .or_default()
                    .insert((&fact.event, customer));
            }
        }
        let mut owned: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
        let mut buyers: BTreeMap<&str, &str> = BTreeMap::new();
        let mut without = Vec::new();
        for fact in &self.facts {
            let subscription = fact.subscription.as_deref();
            let known = subscription.and_then(|id| subscribers.get(id));
            let subscriber = known.and_then(|all| Some(all.first()?.1));
            let Some(owner) = fact.customer.as_deref().or(subscriber) else {
                without.push(fact);
                continue;
            };
            owned.entry(owner).or_default().push(fact);
            if fact.is_purchase() {
                buyers.insert(&fact.key, owner);
            }
        }
        for fact in without {
            if let Some(buyer) = buyers.get(fact.sale.as_str()) {
                owned.entry(buyer).or_default().push(fact);
            }
        }
        owned
    }
}

/// Net positions with what they are in payouts, without those that are zero.
pub fn positions(outcomes: &BTreeMap<String, Outcome>) -> BTreeMap<Position, (i64, i64)> {
    let mut all: BTreeMap<Position, (i64, i64)> = BTreeMap::new();
    for (event, outcome) in outcomes {
        for credit in &outcome.credits {
            for (currency, amount) in &credit.earned {
                let (paid_in, payout) = credit.paid[currency].clone();
                let partner = credit.partner.clone();
                let position = (event.clone(), partner, currency.clone(), paid_in);
                let sum = all.entry(position).or_default();
                *sum = (sum.0 + amount, sum.1 + payout);
            }
        }
    }
    all.retain(|_, sum| *sum != (0, 0));
    all
}

impl<'a> Case<'a> {
    /// Conversions or reversals in their turn: by instant, kind and key, but a renewal never before
    /// its checkout, and a won dispute never before its chargeback, whatever their clocks said.
    fn in_turn(&self, reversals: bool) -> Vec<&'a Fact> {
        let turn = |fact: &Fact| {
            let before = self.facts.iter().find(|other| match fact.kind.as_str() {
                "renewal" => {
                    let begins = matches!(other.kind.as_str(), "sale" | "deal");
                    begins && fact.subscription.is_some() && fact.subscription == other.subscription
                }
                "dispute_won" => other.kind == "chargeback" && other.key == fact.key,
                _ => false,
            });
            let at = before.map_or(fact.at, |before| before.at.max(fact.at));
            (at, fact.rank(), fact.key.clone())
        };
        let own = self.facts.iter().copied();
        let mut all: Vec<&Fact> = own.filter(|f| f.is_reversal() == reversals).collect();
        all.sort_by_key(|fact| turn(fact));
        all
    }

    /// The start of a renewal's subscription.
    fn start_of(&self, fact: &Fact) -> Option<&Done<'a>> {
        let renews = fact.kind == "renewal" && fact.subscription.is_some();
        let mut before = self.done.iter().filter(|_| renews);
        before.find(|done| {
            let begins = matches!(done.fact.kind.as_str(), "sale" | "deal");
            begins && done.fact.subscription == fact.subscription
        })
    }

    /// The newest instant at which something was bought, of what was decided so far.
    fn last_purchase(&self) -> Option<i64> {
        let bought = self.done.iter().filter(|done| done.fact.is_purchase());
        bought.map(|done| done.fact.at).max()
    }
}
