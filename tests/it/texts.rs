//! White space around what a merchant sends: part of no value, wherever it stands.

use crate::support::shop::Shop;
use serde_json::{Value, json};

fn padded(value: &Value, around: &str) -> Value {
    match value {
        Value::String(text) => json!(format!("{around}{text}{around}")),
        Value::Array(list) => list.iter().map(|each| padded(each, around)).collect(),
        Value::Object(members) => {
            let each = |(name, value): (&String, &Value)| (name.clone(), padded(value, around));
            members.iter().map(each).collect()
        }
        other => other.clone(),
    }
}

/// A call of each kind with every text that it may have.
fn calls(token: &str, partner: &str) -> Vec<(&'static str, Value)> {
    let person = json!({"customerExternalId": "u1", "customerEmail": "ada@example.com",
        "customerName": "Ada", "customerPhone": "+49 151 23456789", "subscriptionId": "sub1",
        "occurredAt": "2026-11-22T07:59:00Z", "clickId": token, "code": "SAVE10",
        "context": {"consent": "full", "userAgent": "Browser/1",
            "pageUrl": "https://shop.example/", "gaClientId": "GA1.1.1.2"}});
    let with = |more: Value| {
        let mut body = person.clone();
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let line = json!([{"sku": "tea", "category": "drinks", "amount": 5}]);
    vec![
        (
            "lead",
            with(json!({"eventName": "Sign up", "mode": "wait"})),
        ),
        (
            "milestone",
            with(json!({"eventName": "active", "eventId": "m1"})),
        ),
        (
            "sale",
            with(
                json!({"amount": 5, "currency": "usd", "invoiceId": "s1", "lines": line,
                "paymentProcessor": "stripe", "eventName": "Purchase"}),
            ),
        ),
        (
            "renewal",
            with(json!({"amount": 5, "currency": "usd", "invoiceId": "r1"})),
        ),
        (
            "deal",
            with(json!({"amount": 5, "currency": "usd", "invoiceId": "d1", "partnerId": partner})),
        ),
        (
            "cancellation",
            with(json!({"eventId": "c1", "reason": "too dear"})),
        ),
        (
            "refund",
            with(json!({"refundId": "f1", "invoiceId": "s1", "amount": 1, "currency": "usd"})),
        ),
        (
            "chargeback",
            with(json!({"disputeId": "b1", "invoiceId": "r1"})),
        ),
    ]
}

#[test]
fn white_space_costs_no_event_and_makes_no_second_one() {
    let shop = Shop::open();
    let token = shop.click("anna").token;
    let partner = shop.partners[0].to_string();
    for (kind, body) in calls(&token, &partner) {
        let (status, first) = shop.track(kind, &padded(&body, "\r\n"));
        assert_eq!(status, 200, "{kind}: {first}");
        for around in ["", " ", "\n", "\u{a0}", "\u{3000}", "\u{feff}"] {
            let (status, again) = shop.track(kind, &padded(&body, around));
            assert_eq!(status, 200, "{kind} {around:?}: {again}");
            assert_eq!(again["eventId"], first["eventId"], "{kind} {around:?}");
            assert_eq!(again["customer"], first["customer"], "{kind} {around:?}");
        }
    }
    let count = |table: &str| shop.db.number(&format!("SELECT count(*) FROM {table}"));
    assert_eq!((count("facts"), count("conflicts")), (8, 0));
    let tokens = "SELECT count(*) FROM facts WHERE body ->> '$.token.opened' IS NOT NULL";
    assert_eq!(shop.db.number(tokens), 8);
    let mixed = json!({"events": [padded(
        &json!({"type": "lead", "customerExternalId": "u1", "eventName": "Sign up"}), "\n")]});
    assert_eq!(shop.track("batch", &mixed).0, 200);
    assert_eq!(count("facts"), 8);
}

#[test]
fn white_space_names_no_other_customer_or_partner() {
    let shop = Shop::open();
    let lead = json!({"customerExternalId": "u1", "eventName": "l"});
    assert_eq!(shop.track("lead", &lead).0, 200);
    let named = json!({"program": shop.program, "customerExternalId": "\u{a0}u1\r\n"});
    let found = shop.made("POST", "customers/export", &named);
    assert_eq!(found["data"].as_array().unwrap().len(), 1, "{found}");
    let path = format!("partners/{}", shop.partners[0]);
    let known = |body: Value| {
        shop.made("PATCH", &path, &json!({"identities": null}));
        shop.made("PATCH", &path, &body);
        let sql = "SELECT json_group_array(pseudonym) FROM (
            SELECT pseudonym FROM partner_identities ORDER BY pseudonym)";
        shop.db.column(sql)
    };
    let plain = known(json!({"email": "Ada@Example.com", "customers": ["u1"]}));
    let spaced = known(json!({"email": " ada@example.com\n", "customers": ["\nu1\u{3000}"]}));
    assert_eq!(plain, spaced);
    let erased = shop.made("POST", "customers/erase", &named);
    assert_eq!(
        shop.made("POST", "customers/export", &named)["data"],
        json!([]),
        "{erased}"
    );
}
