//! What is told later than at once: what was delivered, again on purpose, and what lies ahead.

use crate::deliveries::{header, meta, row, sale, webhook};
use crate::support::shop::Shop;
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

#[test]
fn what_a_webhook_took_is_sent_again_on_purpose_under_the_same_id() {
    let shop = Shop::open();
    webhook(&shop);
    sale(&shop, "s1", "", Some("full"));
    assert_eq!(shop.deliver(), 1);
    let first = row(&shop);
    assert_eq!(
        (&first["state"], &first["attempts"]),
        (&json!("delivered"), &json!(1))
    );
    let path = format!("deliveries/{}/retry", first["id"].as_str().unwrap());
    shop.wait(HOUR);
    assert_eq!(shop.made("POST", &path, &json!({}))["state"], "pending");
    // Asked twice while it waits, it is sent once.
    assert_eq!(shop.control("POST", &path, &json!({})).0, 409);
    assert_eq!(shop.deliver(), 1);
    let again = row(&shop);
    assert_eq!(
        (&again["state"], &again["attempts"]),
        (&json!("delivered"), &json!(2))
    );
    assert_ne!(again["done_at"], first["done_at"]);
    {
        let got = shop.receiver.got.borrow();
        assert_eq!(got.len(), 2);
        let mut bodies = [0, 1].map(|n| serde_json::from_str::<Value>(&got[n].body).unwrap());
        // What was kept of the person was deleted when it was delivered first.
        assert_eq!(bodies[0]["data"]["customerExternalId"].take(), "u1");
        assert_eq!(bodies[1]["data"]["customerExternalId"], Value::Null);
        assert_eq!(bodies[0], bodies[1]);
        assert_eq!(header(&got[0], "webhook-id"), header(&got[1], "webhook-id"));
        assert_ne!(
            header(&got[0], "webhook-timestamp"),
            header(&got[1], "webhook-timestamp")
        );
    }
    // Nobody is told of an erased customer, not on purpose either.
    let customer = json!({"program": shop.program, "customerExternalId": "u1"});
    shop.made("POST", "customers/erase", &customer);
    let (status, problem) = shop.control("POST", &path, &json!({}));
    assert_eq!((status, &problem["code"]), (409, &json!("state_unfit")));
    assert_eq!(
        (shop.deliver(), row(&shop)["state"].clone()),
        (0, json!("delivered"))
    );
}

#[test]
fn what_an_ad_platform_took_is_not_sent_again() {
    let shop = Shop::open();
    meta(&shop);
    sale(&shop, "s1", "", Some("full"));
    assert_eq!(shop.deliver(), 1);
    let path = format!("deliveries/{}/retry", row(&shop)["id"].as_str().unwrap());
    let (status, problem) = shop.control("POST", &path, &json!({}));
    assert_eq!((status, &problem["code"]), (409, &json!("state_unfit")));
    assert_eq!(
        (shop.deliver(), row(&shop)["state"].clone()),
        (0, json!("delivered"))
    );
}

#[test]
fn what_lies_ahead_reaches_platforms_when_its_time_has_come_and_webhooks_at_once() {
    let shop = Shop::open();
    meta(&shop);
    webhook(&shop);
    let at = shop.now.get().plus(4 * MINUTE);
    let body = json!({"customerExternalId": "u1", "customerEmail": "a@shop.example",
        "amount": 2_000, "currency": "usd", "invoiceId": "s1", "occurredAt": at.to_rfc3339(),
        "context": {"consent": "full"}});
    assert_eq!(shop.track("sale", &body).0, 200);
    shop.fold();
    shop.deliver();
    let state = |kind: &str| {
        let of = |row: &Value| row["destination"].as_str().map(str::to_owned);
        let receivers = shop.list("destinations");
        let receiver = receivers.iter().find(|one| one["kind"] == kind).unwrap();
        let rows = shop.list("deliveries");
        let found = rows
            .iter()
            .find(|row| of(row).as_deref() == receiver["id"].as_str());
        found.unwrap().clone()
    };
    assert_eq!(state("webhook")["state"], "delivered");
    let waiting = state("meta");
    assert_eq!(
        (
            &waiting["state"],
            &waiting["last_error"],
            &waiting["attempts"]
        ),
        (&json!("pending"), &json!("event_ahead"), &json!(0))
    );
    shop.wait(4 * MINUTE - 1);
    assert_eq!(shop.deliver(), 0);
    shop.wait(1);
    assert_eq!(shop.deliver(), 1);
    assert_eq!(state("meta")["state"], "delivered");
    let got = shop.receiver.got.borrow();
    let told: Value = serde_json::from_str(&got.last().unwrap().body).unwrap();
    assert_eq!(told["data"][0]["event_time"], at.0 / 1_000, "its true time");
}
