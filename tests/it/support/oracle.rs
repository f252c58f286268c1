//! What the ledger must say, computed another way: from the whole list of accepted facts at once,
//! on plain integers and text, with nothing of the product's domain. Slow and simple on purpose.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub const DAY: i64 = 86_400_000;

/// A click as its stored visit tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    pub at: i64,
    pub nonce: Option<String>,
    pub link: String,
    pub partner: String,
    /// 0 code, 1 session, 2 full.
    pub consent: u8,
}

impl Touch {
    /// Reads the JSON of a touch.
    pub fn read(json: &Value) -> Touch {
        Touch {
            at: json["at"].as_i64().unwrap(),
            nonce: json["nonce"].as_str().map(str::to_owned),
            link: json["link"].as_str().unwrap().to_owned(),
            partner: json["partner"].as_str().unwrap().to_owned(),
            consent: rung(json["consent"].as_str().unwrap()),
        }
    }

    fn identity(&self) -> (Option<String>, String) {
        match &self.nonce {
            Some(nonce) => (Some(nonce.clone()), String::new()),
            None => (None, format!("{} {}", self.link, self.at)),
        }
    }
}

pub fn rung(word: &str) -> u8 {
    ["code", "session", "full"]
        .iter()
        .position(|each| *each == word)
        .unwrap() as u8
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Lead,
    Sale,
    Refund,
}

/// An accepted conversion.
#[derive(Clone, Debug)]
pub struct Fact {
    pub event: String,
    pub kind: Kind,
    pub key: String,
    /// Empty for a refund.
    pub customer: String,
    pub at: i64,
    pub money: Option<(i64, String)>,
    /// A refund's sale.
    pub sale: String,
    pub touch: Option<Touch>,
}

/// A plan version: rate, and flat sums in one currency each.
#[derive(Clone, Debug)]
pub struct Plan {
    pub from: i64,
    pub window_days: i64,
    pub rate_bps: i64,
    pub sale_flat: Option<(i64, String)>,
    pub lead_flat: Option<(i64, String)>,
}

/// Everything that was accepted, in any order.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub facts: Vec<Fact>,
    /// Stored visits by the nonce of their click: the touch and the earlier ones.
    pub visits: BTreeMap<String, BTreeSet<Touch>>,
    pub plans: Vec<Plan>,
    /// Instant, partner, active: in the order in which they were made.
    pub statuses: Vec<(i64, String, bool)>,
}

/// What an event must have earned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub partner: Option<String>,
    pub earned: BTreeMap<String, i64>,
    /// Touches that the decision must list.
    pub touches: usize,
}

impl World {
    /// Takes a stored visit in.
    pub fn learn(&mut self, visit: &Value) {
        let touch = Touch::read(&visit["touch"]);
        let Some(nonce) = touch.nonce.clone() else {
            return;
        };
        let known = self.visits.entry(nonce).or_default();
        known.insert(touch);
        for earlier in visit["earlier"].as_array().into_iter().flatten() {
            known.insert(Touch::read(earlier));
        }
    }

    /// Decides every event; a refund whose sale never came is left out.
    pub fn settle(&self) -> BTreeMap<String, Outcome> {
        let mut outcomes = BTreeMap::new();
        for fact in self.facts.iter().filter(|fact| fact.kind != Kind::Refund) {
            outcomes.insert(fact.event.clone(), self.conversion(fact));
        }
        for sale in self.facts.iter().filter(|fact| fact.kind == Kind::Sale) {
            let earned = outcomes[&sale.event].clone();
            self.refunds(sale, &earned, &mut outcomes);
        }
        outcomes
    }

    /// Net positions: cause, partner, currency, without those that are zero.
    pub fn positions(&self) -> BTreeMap<(String, String, String), i64> {
        let mut all = BTreeMap::new();
        for (event, outcome) in self.settle() {
            let Some(partner) = outcome.partner else {
                continue;
            };
            for (currency, amount) in outcome.earned {
                if amount != 0 {
                    all.insert((event.clone(), partner.clone(), currency), amount);
                }
            }
        }
        all
    }

    fn touches(&self, customer: &str) -> Vec<Touch> {
        let sales: BTreeSet<&str> = self
            .facts
            .iter()
            .filter(|fact| fact.kind == Kind::Sale && fact.customer == customer)
            .map(|fact| fact.key.as_str())
            .collect();
        let theirs = self.facts.iter().filter(|fact| {
            fact.customer == customer
                || fact.kind == Kind::Refund && sales.contains(fact.sale.as_str())
        });
        let mut found = BTreeMap::new();
        for own in theirs.filter_map(|fact| fact.touch.as_ref()) {
            found.insert(own.identity(), own.clone());
            let nonce = own.nonce.as_ref();
            for known in nonce
                .and_then(|nonce| self.visits.get(nonce))
                .into_iter()
                .flatten()
            {
                found
                    .entry(known.identity())
                    .or_insert_with(|| known.clone());
            }
        }
        found.into_values().collect()
    }

    fn active(&self, partner: &str, at: i64) -> bool {
        let mut state = (i64::MIN, true);
        for (from, whose, active) in &self.statuses {
            if whose == partner && *from <= at && *from >= state.0 {
                state = (*from, *active);
            }
        }
        state.1
    }

    fn plan(&self, at: i64) -> Option<&Plan> {
        let mut best = self.plans.first();
        for plan in &self.plans {
            if plan.from <= at && best.is_none_or(|best| plan.from >= best.from || best.from > at) {
                best = Some(plan);
            }
        }
        best
    }

    fn conversion(&self, fact: &Fact) -> Outcome {
        let touches = self.touches(&fact.customer);
        let count = touches.len();
        let Some(plan) = self.plan(fact.at) else {
            return Outcome {
                touches: count,
                ..Outcome::default()
            };
        };
        let eligible = touches.into_iter().filter(|touch| {
            let since = if touch.nonce.is_some() {
                touch.at
            } else {
                fact.at
            };
            touch.at <= fact.at
                && fact.at - touch.at <= plan.window_days * DAY
                && self.active(&touch.partner, fact.at)
                && self.active(&touch.partner, since)
        });
        let last = eligible.max_by_key(|touch| (touch.at, touch.nonce.clone(), touch.link.clone()));
        let mut earned: BTreeMap<String, i64> = BTreeMap::new();
        if last.is_some() {
            if let (Kind::Sale, Some((amount, currency))) = (fact.kind, &fact.money) {
                let share = i128::from(*amount) * i128::from(plan.rate_bps) / 10_000;
                *earned.entry(currency.clone()).or_default() += share as i64;
            }
            let flat = if fact.kind == Kind::Sale {
                &plan.sale_flat
            } else {
                &plan.lead_flat
            };
            if let Some((amount, currency)) = flat {
                *earned.entry(currency.clone()).or_default() += amount;
            }
        }
        earned.retain(|_, amount| *amount != 0);
        Outcome {
            partner: last.map(|touch| touch.partner),
            earned,
            touches: count,
        }
    }

    /// Of each currency as much is back as the floor of the refunded part so far says.
    fn refunds(&self, sale: &Fact, outcome: &Outcome, into: &mut BTreeMap<String, Outcome>) {
        let (whole, sold) = sale.money.clone().unwrap();
        let of_sale = |fact: &&Fact| fact.kind == Kind::Refund && fact.sale == sale.key;
        let mut refunds: Vec<&Fact> = self.facts.iter().filter(of_sale).collect();
        refunds.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        let mut back = 0;
        let mut first = true;
        for refund in refunds {
            let asked = match &refund.money {
                None => whole - back,
                Some((_, currency)) if *currency != sold => 0,
                Some((amount, _)) => *amount,
            };
            let until = whole.min(back + asked);
            let foreign = refund.money.as_ref().is_some_and(|money| money.1 != sold);
            let due = |earned: i64, part: i64| {
                (i128::from(earned) * i128::from(part) / i128::from(whole.max(1))) as i64
            };
            // The first refund of a free sale takes back all that it earned.
            let all = whole == 0 && first && !foreign;
            let earned = outcome.earned.iter().map(|(currency, earned)| {
                let taken = due(*earned, until) - due(*earned, back);
                (currency.clone(), if all { -earned } else { -taken })
            });
            let outcome = Outcome {
                partner: outcome.partner.clone(),
                earned: earned.filter(|(_, amount)| *amount != 0).collect(),
                touches: 0,
            };
            into.insert(refund.event.clone(), outcome);
            back = until;
            first = first && foreign;
        }
    }
}
