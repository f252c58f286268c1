//! What the oracle knows of a world, in the product's own types: what the loads of a fold give.

use super::oracle::World;
use domain::ledger::attribution::StatusChange;
use domain::ledger::code::CodeOwner;
use domain::ledger::decision::Ruling;
use domain::ledger::exchange::Rate;
use domain::ledger::fold::{EventRuling, Reclassified, SelfMatch};
use domain::ledger::plan::Plan;
use domain::values::ids::PartnerId;
use domain::values::money::Currency;
use domain::values::time::UnixMs;
use domain::visit::traffic::Class;
use serde_json::{Value, json};

/// Settings, and what people said.
pub struct Known {
    pub plans: Vec<Plan>,
    pub statuses: Vec<StatusChange>,
    pub codes: Vec<CodeOwner>,
    pub rulings: Vec<EventRuling>,
    pub reclassified: Vec<Reclassified>,
    pub selves: Vec<SelfMatch>,
    pub shared: Vec<(String, u32)>,
    pub rates: Vec<Rate>,
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn partner(id: &str) -> PartnerId {
    PartnerId::parse(id).unwrap()
}

impl Known {
    pub fn of(world: &World) -> Known {
        let plans = world.plans.iter().zip(1..).map(|(plan, version)| {
            let record = json!({"version": version, "effective_from": plan.from,
                "rules": plan.rules});
            Plan::of_record(&record).unwrap()
        });
        let statuses = world.statuses.iter().map(|s| StatusChange {
            partner: s.partner.as_deref().map(partner),
            at: UnixMs(s.at),
            active: s.active,
            kind: s.kind.clone(),
        });
        let codes = world.codes.iter().map(|c| {
            let until = c.until.map(UnixMs);
            CodeOwner::new(&c.code, partner(&c.partner), UnixMs(c.from), until)
        });
        let rulings = world.rulings.iter().map(|(event, action, at)| EventRuling {
            event: event.clone(),
            ruling: read::<Ruling>(json!({"action": action, "actor": "ak_test",
                "reason": "looked", "at": at})),
        });
        let said = world.said.iter().map(|(nonce, class, at)| Reclassified {
            nonce: nonce.clone(),
            class: read::<Option<Class>>(json!(class)),
            at: UnixMs(*at),
        });
        let selves = world.selves.iter().map(|(id, name)| SelfMatch {
            partner: partner(id),
            pseudonym: name.clone(),
        });
        let came = world.came();
        let shared = came.iter().filter(|(_, customers)| customers.len() > 1);
        let shared = shared.map(|(nonce, them)| ((*nonce).to_owned(), them.len() as u32));
        let currency = |code: &str| Currency::parse(code).unwrap();
        let rates = world.rates.iter().map(|r| {
            let at = UnixMs(r.at);
            Rate::parse(currency(&r.from), currency(&r.to), at, &r.text).unwrap()
        });
        Known {
            plans: plans.collect(),
            statuses: statuses.collect(),
            codes: codes.collect(),
            rulings: rulings.collect(),
            reclassified: said.collect(),
            selves: selves.collect(),
            shared: shared.collect(),
            rates: rates.collect(),
        }
    }
}
