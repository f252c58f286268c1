//! Customers with histories of every kind, made through the API as a shop makes them: real tokens,
//! real journals, stored clicks.

use super::support::shop::Shop;
use domain::ledger::attribution::Standing;
use domain::ledger::event::Fact;
use domain::ledger::fold::History;
use domain::ledger::plan::Plan;
use domain::values::ids::ProgramId;
use domain::values::record;
use domain::visit::click::Visit;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Position model, a binding, caps, lines by category, renewals: everything that costs time.
pub fn set_plan(shop: &Shop) {
    let plan = json!({"window_days": 60, "model": "position", "hold_days": 14,
        "sale": {"rate_bps": 1000, "flat": {"amount": 50, "currency": "USD"},
            "by_category": {"books": 500, "tea": 2000}, "returning": {"rate_bps": 500}},
        "lead": {"flat": {"amount": 200, "currency": "USD"}},
        "renewal": {"rate_bps": 700, "months": 12},
        "milestones": {"activation": {"flat": {"amount": 300, "currency": "USD"}}},
        "binding": {"months": 6, "lapse_days": 90},
        "caps": {"customer": {"amount": 500_000, "currency": "USD"}}});
    shop.db
        .execute(&format!("UPDATE plans SET rules = '{plan}'"));
}

fn sent(shop: &Shop, kind: &str, body: &Value) {
    let (status, answer) = shop.track(kind, body);
    assert_eq!(status, 200, "{kind} {body}: {answer}");
}

/// Two clicks and ten events of each customer: two of three events are purchases or lead to them,
/// the rest takes back.
pub fn send(shop: &Shop, customers: usize) {
    for number in 0..customers {
        let first = shop.click("anna");
        shop.wait(40_000);
        let cookie = first.cookie.clone().unwrap();
        let second = shop.follow("northstar", "?fbclid=IwAR1", &cookie, "", "US");
        for (place, click) in [&first, &second].into_iter().enumerate() {
            shop.deliver_visits(&format!("m{number}.{place}"), &click.visits);
        }
        shop.wait(60_000);
        let own = |name: &str| format!("{name}{number}");
        let with = |mut body: Value| {
            body["customerExternalId"] = json!(own("u"));
            body["currency"] = json!("usd");
            body
        };
        let lines = json!([{"sku": "a", "category": "books", "amount": 3_000, "quantity": 3},
            {"sku": "b", "category": "tea", "amount": 2_000}, {"sku": "c", "amount": 900}]);
        let events = [
            (
                "lead",
                json!({"eventName": "Sign up", "clickId": first.token}),
            ),
            ("milestone", json!({"eventName": "activation"})),
            (
                "sale",
                json!({"invoiceId": own("o"), "amount": 6_500, "lines": lines,
                "shipping": 600, "clickId": second.token, "subscriptionId": own("s")}),
            ),
            (
                "refund",
                json!({"refundId": own("r"), "invoiceId": own("o"), "amount": 1_500}),
            ),
            (
                "renewal",
                json!({"invoiceId": own("n"), "amount": 1_990,
                "subscriptionId": own("s")}),
            ),
            (
                "renewal",
                json!({"invoiceId": own("m"), "amount": 1_990,
                "subscriptionId": own("s")}),
            ),
            ("sale", json!({"invoiceId": own("p"), "amount": 12_345})),
            (
                "chargeback",
                json!({"disputeId": own("d"), "invoiceId": own("p")}),
            ),
            (
                "dispute_won",
                json!({"disputeId": own("d"), "invoiceId": own("p")}),
            ),
            ("cancellation", json!({"subscriptionId": own("s")})),
        ];
        // Out of order: what takes back first, the lead last for every other customer.
        let backwards = number % 2 == 1;
        for turn in 0..events.len() {
            let place = if backwards {
                events.len() - 1 - turn
            } else {
                turn
            };
            let (kind, body) = &events[place];
            let mut body = with(body.clone());
            body["occurredAt"] = json!(shop.now.get().0 / 1_000 + place as i64 - 20);
            sent(shop, kind, &body);
        }
    }
}

/// What was sent, by customer.
pub struct Known {
    program: ProgramId,
    plans: Vec<Plan>,
    customers: Vec<(Vec<Fact>, Vec<Visit>)>,
}

impl Known {
    pub fn read(shop: &Shop) -> Known {
        let read = |sql: &str| -> Vec<Value> {
            let rows = shop.db.column(sql).into_iter();
            rows.map(|row| record::parse(&row).unwrap()).collect()
        };
        let plans = read(
            "SELECT json_object('version', version, 'effective_from', effective_from,
               'rules', json(rules)) FROM plans",
        );
        let mut visits: BTreeMap<String, Visit> = BTreeMap::new();
        for visit in read("SELECT v.value FROM click_packs, json_each(visits) v") {
            let nonce = visit["touch"]["nonce"].as_str().unwrap().to_owned();
            visits.insert(nonce, record::take(&visit).unwrap());
        }
        let mut customers: BTreeMap<String, Vec<Fact>> = BTreeMap::new();
        for row in read(
            "SELECT json_object('customer', coalesce(f.customer, s.customer),
               'fact', json(f.body)) FROM facts f
             LEFT JOIN facts s ON s.program = f.program AND s.kind = 'sale' AND s.key = f.sale_key",
        ) {
            let customer = row["customer"].as_str().unwrap().to_owned();
            let fact = record::take(&row["fact"]).unwrap();
            customers.entry(customer).or_default().push(fact);
        }
        let own = |facts: Vec<Fact>| {
            let nonces = facts.iter().filter_map(|fact| fact.touch()?.nonce.as_ref());
            let seen = nonces
                .filter_map(|nonce| visits.get(nonce).cloned())
                .collect();
            (facts, seen)
        };
        Known {
            program: ProgramId::parse(&shop.program).unwrap(),
            plans: plans
                .iter()
                .map(|plan| Plan::of_record(plan).unwrap())
                .collect(),
            customers: customers.into_values().map(own).collect(),
        }
    }

    pub fn histories(&self) -> impl Iterator<Item = History<'_>> {
        self.customers.iter().map(|(facts, visits)| History {
            visits,
            plans: &self.plans,
            standing: Standing(&[]),
            ..History::of(self.program, facts.clone())
        })
    }
}
