//! What webhooks are told of the ledger, once each: commissions on their way, violations.

use crate::support::shop::Shop;
use serde_json::{Value, json};

fn heard(shop: &Shop) -> Vec<(String, Value)> {
    shop.deliver();
    let got = shop.receiver.got.take();
    let bodies = got
        .iter()
        .map(|request| serde_json::from_str(&request.body).unwrap());
    let mut heard: Vec<(String, Value)> = bodies
        .map(|body: Value| {
            (
                body["type"].as_str().unwrap().to_owned(),
                body["data"].clone(),
            )
        })
        .collect();
    heard.sort_by(|a, b| a.0.cmp(&b.0));
    heard
}

fn types(shop: &Shop) -> Vec<String> {
    heard(shop).into_iter().map(|(name, _)| name).collect()
}

fn hook(shop: &Shop) {
    let body = json!({"program": shop.program, "kind": "webhook", "url": "https://h.example/",
        "events": ["commission", "violation.opened"]});
    shop.made("POST", "destinations", &body);
}

#[test]
fn a_commission_is_followed_from_the_event_to_the_payout() {
    let shop = Shop::open();
    hook(&shop);
    let click = shop.click("anna");
    let sale = json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd",
        "invoiceId": "o1", "clickId": click.token});
    let event = shop.track("sale", &sale).1["eventId"].clone();
    shop.fold();
    let told = heard(&shop);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["commission.earned", "commission.held"],
        "within seconds of the click"
    );
    assert_eq!(
        told[0].1["amount"],
        json!({"amount": 200, "currency": "USD"})
    );
    assert_eq!(
        (&told[0].1["event"], &told[0].1["partner"]),
        (&event, &json!(shop.partners[0]))
    );
    shop.fold_again();
    assert_eq!(types(&shop), Vec::<String>::new(), "nothing is told twice");
    shop.wait(1_000);
    let path = format!("events/{}/approve", event.as_str().unwrap());
    shop.made("POST", &path, &json!({"reason": "a friend of mine"}));
    shop.fold();
    assert_eq!(types(&shop), ["commission.approved"]);
    let back = json!({"refundId": "r1", "invoiceId": "o1", "amount": 500, "currency": "usd"});
    shop.track("refund", &back);
    shop.fold();
    let told = heard(&shop);
    assert_eq!(told[0].0, "commission.reversed");
    assert_eq!(told[0].1["amount"]["amount"], -50);
    assert_eq!(told.len(), 1);
    shop.wait(1_000);
    shop.made("POST", "settlements", &json!({"program": shop.program}));
    let pay = json!({"program": shop.program, "reference": "SEPA"});
    shop.made("POST", "payouts", &pay);
    let told = heard(&shop);
    assert_eq!(told[0].0, "commission.paid");
    assert_eq!(
        told[0].1["amount"]["amount"], -150,
        "as the ledger books it"
    );
    assert_eq!(told.len(), 1);
}

#[test]
fn a_violation_is_told_once_and_a_rejection_too() {
    let shop = Shop::open();
    hook(&shop);
    let click = shop.follow("anna", "?gclid=Cj0x", "", "", "US");
    shop.deliver_visits("m1", &click.visits);
    shop.wait(60_000);
    let sale = json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd",
        "invoiceId": "o1", "clickId": click.token});
    let event = shop.track("sale", &sale).1["eventId"].clone();
    shop.fold();
    let told = heard(&shop);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["commission.earned", "commission.held", "violation.opened"]
    );
    assert_eq!(told[2].1["rule"], "paid_search");
    shop.wait(1_000);
    let path = format!("events/{}/reject", event.as_str().unwrap());
    shop.made("POST", &path, &json!({"reason": "brand bidding"}));
    shop.fold();
    assert_eq!(
        types(&shop),
        ["commission.rejected"],
        "what was booked is taken back"
    );
}
