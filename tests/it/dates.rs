//! What a customer of ours writes into a resource is given back as it came: dates are written where
//! a resource has them, and nowhere else.

use crate::support::shop::Shop;
use serde_json::{Value, json};

const DAY: i64 = 86_400_000;

#[test]
fn an_offer_is_given_back_as_it_came_and_written_back_it_changes_nothing() {
    let shop = Shop::open();
    let offer = json!({"at": 1, "valid_until": 2, "until": 1_795_334_400_000_i64,
        "effective_from": 3, "nested": [{"created_at": 4, "deep": {"at": [5, {"at": 6}]}}]});
    let body = json!({"program": shop.program, "partner": shop.partners[0],
        "host": "shop.example", "slug": "offer", "target": "https://shop.example/",
        "starts_at": "2026-01-01T00:00:00.000Z", "offer": offer});
    let made = shop.made("POST", "links", &body);
    assert_eq!(made["offer"], offer);
    let path = format!("links/{}", made["id"].as_str().unwrap());
    let read = shop.made("GET", &path, &json!({}));
    assert_eq!(read, made);
    let changed = shop.made("PATCH", &path, &json!({"offer": read["offer"]}));
    assert_eq!(changed, made);
    // Also the whole record, as a client does that changes one member of it.
    assert_eq!(shop.made("PATCH", &path, &read), made);
    let stored = shop
        .db
        .column("SELECT settings -> '$.offer' FROM links WHERE slug = 'offer'");
    assert_eq!(serde_json::from_str::<Value>(&stored[0]).unwrap(), offer);
}

#[test]
fn a_plan_is_given_back_as_it_came_whatever_its_articles_are_called() {
    let shop = Shop::open();
    let plan = json!({"window_days": 30, "sale": {"rate_bps": 1000,
        "by_sku": {"at": 500, "until": 600}, "by_category": {"valid_until": 700, "made_at": 800}}});
    let path = format!("programs/{}", shop.program);
    let changed = shop.made("PATCH", &path, &json!({"plan": plan}));
    let read = shop.made("GET", &path, &json!({}));
    for record in [&changed, &read] {
        assert_eq!(record["plan"]["sale"], plan["sale"], "{record}");
        assert!(record["plan"]["effective_from"].is_string(), "{record}");
    }
    let again = json!({"window_days": read["plan"]["window_days"], "sale": read["plan"]["sale"]});
    shop.made("PATCH", &path, &json!({"plan": again}));
    let rules = shop
        .db
        .column("SELECT rules FROM plans ORDER BY version DESC LIMIT 2");
    assert_eq!(rules[0], rules[1]);
}

/// The places of numbers that should be dates.
fn numbers_for_dates(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = format!("{at}/{name}");
                // Nothing else is as large as milliseconds of this century.
                if member.as_i64().is_some_and(|ms| ms > 1_000_000_000_000) {
                    found.push(path.clone());
                }
                numbers_for_dates(member, &path, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                numbers_for_dates(item, at, found);
            }
        }
        _ => {}
    }
}

/// A shop in which everything with a date happens, and every answer to it.
struct Eventful {
    shop: Shop,
    answers: Vec<(String, Value)>,
}

impl Eventful {
    fn call(&mut self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.shop.made(method, path, &body);
        self.answers
            .push((format!("{method} {path}"), answer.clone()));
        answer
    }

    /// Destination, rate, plan, code; gives the code's address.
    fn set_up(&mut self) -> String {
        let program = self.shop.program.clone();
        let hook =
            json!({"program": program, "kind": "webhook", "url": "https://hooks.example/in"});
        self.call("POST", "destinations", hook);
        let rates = json!({"rates": [{"from": "EUR", "to": "USD", "rate": "1.1"}]});
        self.call("POST", "rates", rates);
        let plan = json!({"window_days": 30, "sale": {"rate_bps": 1000}, "payout_currency": "USD"});
        let path = format!("programs/{program}");
        self.call("PATCH", &path, json!({"plan": plan}));
        let code = json!({"program": program, "partner": self.shop.partners[0], "code": "TEA"});
        let code = self.call("POST", "codes", code);
        self.shop.wait(1_000);
        format!("codes/{}", code["id"].as_str().unwrap())
    }

    /// Two clicks of a visitor, two sales and a conflict.
    fn sell(&self) {
        let shop = &self.shop;
        let click = shop.follow("anna", "?fbclid=IwAR1", "", "", "US");
        shop.deliver_visits("m1", &click.visits);
        let second = shop.follow("northstar", "", click.cookie.as_deref().unwrap(), "", "US");
        shop.deliver_visits("m2", &second.visits);
        shop.wait(60_000);
        for (id, currency, amount, status) in [
            ("o1", "eur", 2_000, 200),
            ("o2", "usd", 5_000, 200),
            ("o2", "usd", 6_000, 409),
        ] {
            let body = json!({"customerExternalId": "u1", "amount": amount, "currency": currency,
                "invoiceId": id, "code": "tea", "clickId": second.token});
            assert_eq!(shop.track("sale", &body).0, status);
        }
        shop.fold();
    }

    /// What people decide.
    fn rule(&mut self) {
        let event = self.shop.list("events").remove(0);
        let event = event["id"].as_str().unwrap().to_owned();
        for action in ["hold", "approve"] {
            let path = format!("events/{event}/{action}");
            self.call("POST", &path, json!({"reason": "looked at"}));
        }
        let decision = self.shop.list("decisions").remove(0);
        let mut touches = decision["touches"].as_array().unwrap().iter();
        let nonce = touches.find_map(|touch| touch["nonce"].as_str()).unwrap();
        let path = format!("clicks/{nonce}/reclassify");
        let program = self.shop.program.clone();
        let valid = json!({"program": program, "class": "valid", "reason": "seen"});
        self.call("POST", &path, valid);
        self.shop.fold();
    }

    fn pay(&mut self) {
        let program = self.shop.program.clone();
        self.shop.wait(40 * DAY);
        self.call("POST", "settlements", json!({"program": program}));
        let paid = json!({"program": program, "reference": "bank 1"});
        let paid = self.call("POST", "payouts", paid);
        let payout = paid["payouts"][0]["id"].as_str().unwrap();
        let path = format!("payouts/{payout}/void");
        self.call("POST", &path, json!({"reason": "twice"}));
        let range = json!({"program": program, "from": "2026-01-01T00:00:00Z",
            "until": "2027-12-01T00:00:00Z"});
        self.call("POST", "what-if", range);
    }

    fn read_all(&mut self) {
        for list in
            "events decisions reviews violations ledger earnings balances settlements payouts \
            deliveries clicks conflicts programs partners links codes rates destinations keys"
                .split_ascii_whitespace()
        {
            let listed = self.call("GET", list, json!({}));
            let rows = listed["data"].as_array().unwrap();
            let Some(id) = rows.first().and_then(|row| row["id"].as_str()) else {
                continue;
            };
            if !["ledger", "deliveries", "decisions", "reviews"].contains(&list) {
                self.call("GET", &format!("{list}/{id}"), json!({}));
            }
        }
    }
}

fn everything() -> Vec<(String, Value)> {
    let mut all = Eventful {
        shop: Shop::open(),
        answers: Vec::new(),
    };
    let code = all.set_up();
    all.sell();
    all.rule();
    all.pay();
    all.call("PATCH", &code, json!({"status": "ended"}));
    let program = all.shop.program.clone();
    let key = json!({"name": "old", "scope": "read", "program": program});
    all.call("POST", "keys", key);
    let key = all.shop.list("keys").remove(0);
    let path = format!("keys/{}", key["id"].as_str().unwrap());
    all.call("DELETE", &path, json!({}));
    all.shop.fold();
    assert!(all.shop.deliver() > 0);
    let pause = "UPDATE destinations SET paused_until = 1795334400000";
    all.shop.db.execute(pause);
    let named = json!({"program": program, "customerExternalId": "u1"});
    all.call("POST", "customers/export", named.clone());
    all.read_all();
    all.call("POST", "customers/erase", named);
    all.call("GET", "erasures", json!({}));
    all.answers
}

#[test]
fn every_date_of_every_resource_is_rfc_3339() {
    let answers = everything();
    for (what, answer) in &answers {
        let mut found = Vec::new();
        numbers_for_dates(answer, "", &mut found);
        assert!(found.is_empty(), "{what}: {found:?} in {answer}");
    }
    let all = answers.iter().map(|(_, answer)| answer.to_string());
    let all = all.collect::<Vec<_>>().join("\n");
    // What the look above would miss if it had not come up.
    for member in [
        "occurred_at",
        "received_at",
        "decided_at",
        "hold_until",
        "booked_at",
        "next_at",
        "created_at",
        "revoked_at",
        "from_at",
        "until_at",
        "until",
        "from",
        "effective_from",
        "paused_until",
        "at",
        "done_at",
    ] {
        assert!(
            all.contains(&format!("\"{member}\":\"202")),
            "{member} is nowhere a date"
        );
    }
}
