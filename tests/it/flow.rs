//! The main job, natively: click, conversion, decision, ledger, delivery, on the production SQL.

use crate::support::shop::Shop;
use serde_json::json;

fn sale(id: &str, amount: i64) -> serde_json::Value {
    json!({"customerExternalId": "u1", "amount": amount, "currency": "usd", "invoiceId": id})
}

#[test]
fn a_click_and_a_sale_end_in_an_explained_entry() {
    let shop = Shop::open();
    let click = shop.follow("anna", "?fbclid=IwAR1", "", "", "US");
    shop.deliver_visits("m1", &click.visits);
    shop.wait(60_000);
    let mut body = sale("o1", 2_000);
    body["clickId"] = json!(click.token);
    assert_eq!(shop.track("sale", &body).0, 200);
    shop.fold();
    assert_eq!((shop.balance(0), shop.balance(1)), (200, 0));
    let decisions = shop.list("decisions");
    assert_eq!(decisions.len(), 1);
    let sentence = decisions[0]["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("Sale o1 of 20.00 USD: Anna earns 2.00 USD, because"),
        "{sentence}"
    );
    assert!(
        sentence.contains("shop.example/go/anna on 2026-11-22T08:00:00Z"),
        "{sentence}"
    );
    assert_eq!(decisions[0]["click_ids"][0]["value"], "IwAR1");
}

#[test]
fn the_same_sale_twice_and_after_its_refund_stays_one_sale() {
    let shop = Shop::open();
    let click = shop.click("anna");
    shop.deliver_visits("m1", &click.visits);
    let mut body = sale("o1", 2_000);
    body["clickId"] = json!(click.token);
    let refund = json!({"refundId": "r1", "invoiceId": "o1", "amount": 500, "currency": "USD"});
    for (kind, body) in [
        ("sale", &body),
        ("sale", &body),
        ("refund", &refund),
        ("sale", &body),
    ] {
        assert_eq!(shop.track(kind, body).0, 200);
        shop.wait(1_000);
        shop.fold();
    }
    assert_eq!(shop.balance(0), 150);
    assert_eq!(shop.list("events").len(), 2);
}

#[test]
fn a_refund_before_its_sale_waits_for_it() {
    let shop = Shop::open();
    let click = shop.click("anna");
    let refund = json!({"refundId": "r1", "invoiceId": "o1"});
    assert_eq!(shop.track("refund", &refund).0, 200);
    shop.fold();
    assert_eq!(shop.list("events")[0]["state"], "parked");
    let mut body = sale("o1", 2_000);
    body["clickId"] = json!(click.token);
    assert_eq!(shop.track("sale", &body).0, 200);
    shop.fold();
    assert_eq!(shop.balance(0), 0);
    assert_eq!(shop.list("ledger").len(), 2, "earned and taken back");
}

#[test]
fn the_same_key_with_other_content_is_a_conflict_and_kept() {
    let shop = Shop::open();
    assert_eq!(shop.track("sale", &sale("o1", 2_000)).0, 200);
    let (status, answer) = shop.track("sale", &sale("o1", 2_001));
    assert_eq!((status, answer["code"].as_str()), (409, Some("conflict")));
    assert_eq!(shop.list("conflicts").len(), 1);
    assert_eq!(shop.list("events")[0]["amount"]["amount"], 2_000);
}
