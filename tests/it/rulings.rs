//! What people decide about events and clicks: the ledger follows, and every verdict can be taken
//! back.

use crate::support::shop::Shop;
use serde_json::{Value, json};

fn decide(shop: &Shop, event: &Value, action: &str) {
    let path = format!("events/{}/{action}", event["eventId"].as_str().unwrap());
    let ruling = shop.made("POST", &path, &json!({"reason": "looked at it"}));
    assert_eq!(ruling["action"], action);
    assert!(ruling["actor"].as_str().unwrap().starts_with("ak_"));
    shop.wait(1_000);
    shop.fold_again();
}

/// Status of the sale and its refund, and what Anna has.
fn stand(shop: &Shop) -> String {
    let (sale, refund) = (shop.decision("o1"), shop.decision("r1"));
    let status = |decision: &Value| decision["status"].as_str().unwrap().to_owned();
    format!("{} {} {}", status(&sale), status(&refund), shop.balance(0))
}

#[test]
fn a_ruling_moves_a_sale_and_its_refund_and_can_be_cleared() {
    let shop = Shop::open();
    let token = shop.click("anna").token;
    shop.wait(60_000);
    let sale = shop.sell("u1", "o1", &json!({"clickId": token}));
    let refund = json!({"refundId": "r1", "invoiceId": "o1", "amount": 500, "currency": "usd"});
    let refund = shop.tracked("refund", &refund);
    shop.fold_again();
    assert_eq!(stand(&shop), "clear clear 150");
    let steps = [
        ("hold", "held held 150"),
        ("approve", "clear clear 150"),
        ("reject", "rejected rejected 0"),
        ("hold", "held held 150"),
        ("reject", "rejected rejected 0"),
        ("clear", "clear clear 150"),
    ];
    for (action, expected) in steps {
        decide(&shop, &sale, action);
        assert_eq!(stand(&shop), expected, "after {action}");
    }
    let id = sale["eventId"].as_str().unwrap();
    let event = shop.made("GET", &format!("events/{id}"), &json!({}));
    assert_eq!(event["rulings"].as_array().unwrap().len(), steps.len());
    assert_eq!(event["rulings"][5]["action"], "clear");
    assert_eq!(event["decision"]["ruling"]["reason"], "looked at it");
    assert_eq!(event["decision"]["revision"], steps.len() + 1);
    let path = format!("events/{}/hold", refund["eventId"].as_str().unwrap());
    let body = json!({"reason": "no"});
    assert_eq!(shop.refused("POST", &path, &body), "409 state_unfit");
}

#[test]
fn what_waits_for_a_person_is_listed_until_somebody_looked() {
    let shop = Shop::open();
    let token = shop.click("anna").token;
    let fast = shop.sell("u1", "o1", &json!({"clickId": token}));
    shop.wait(3_600_000);
    shop.sell("u2", "o2", &json!({"clickId": token}));
    shop.fold();
    let keys = |path: &str| {
        let rows = shop.list(path);
        let keys = rows
            .iter()
            .map(|row| row["key"].as_str().unwrap().to_owned());
        keys.collect::<Vec<_>>()
    };
    assert_eq!(keys("reviews"), ["o1"]);
    let row = &shop.list("reviews")[0];
    assert_eq!(row["review"], json!(["too_fast"]));
    assert!(row["sentence"].as_str().unwrap().contains("seconds"));
    assert!(row["hold_until"].as_str().unwrap().ends_with('Z'));
    decide(&shop, &fast, "approve");
    assert_eq!(keys("reviews"), Vec::<String>::new());
    decide(&shop, &fast, "hold");
    assert_eq!(keys("reviews?status=held"), ["o1"]);
    assert_eq!(keys("reviews?status=review"), Vec::<String>::new());
    decide(&shop, &fast, "clear");
    assert_eq!(keys("reviews?status=review"), ["o1"]);
}

#[test]
fn broken_rules_of_the_program_are_listed_with_their_evidence() {
    let shop = Shop::open();
    let click = shop.follow("anna", "?gclid=abc", "", "", "US");
    shop.deliver_visits("m1", &click.visits);
    shop.wait(60_000);
    let sale = shop.sell("u1", "o1", &json!({"clickId": click.token}));
    shop.fold();
    let rows = shop.list("violations");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["violations"][0]["rule"], "paid_search");
    assert_eq!(rows[0]["violations"][0]["evidence"], "gclid");
    assert_eq!(rows[0]["status"], "review");
    decide(&shop, &sale, "approve");
    assert_eq!(shop.list("violations")[0]["status"], "clear");
    assert!(!shop.list("violations")[0].to_string().contains("abc"));
}

#[test]
fn a_reason_is_required_and_unknown_events_and_actions_are_refused() {
    let shop = Shop::open();
    let id = shop.sell("u1", "o1", &json!({}))["eventId"].clone();
    let path = format!("events/{}/hold", id.as_str().unwrap());
    for (body, said) in [
        (json!({}), "/reason required"),
        (json!({"reason": " "}), "/reason required"),
        (json!({"reason": "a\u{7}"}), "/reason control_character"),
        (json!({"reason": "x".repeat(501)}), "/reason too_long"),
    ] {
        let refused = shop.refused("POST", &path, &body);
        assert_eq!(refused, format!("422 validation_failed {said}"));
    }
    let body = json!({"reason": "why"});
    let unknown = shop.refused("POST", "events/ev_nothing/hold", &body);
    assert_eq!(unknown, "404 not_found");
    let path = format!("events/{}/burn", id.as_str().unwrap());
    assert_eq!(shop.refused("POST", &path, &body), "404 not_found");
    assert_eq!(shop.db.number("SELECT count(*) FROM rulings"), 0);
}

#[test]
fn a_click_that_people_reclassify_earns_by_what_they_say_until_they_take_it_back() {
    let shop = Shop::open();
    let first = shop.click("northstar");
    shop.deliver_visits("m1", &first.visits);
    shop.wait(60_000);
    let second = shop.follow("anna", "", first.cookie.as_deref().unwrap(), "", "US");
    shop.deliver_visits("m2", &second.visits);
    shop.wait(60_000);
    // The shop knows the second token only: the first click is remembered by the journal.
    shop.sell("u1", "o1", &json!({"clickId": second.token}));
    shop.fold();
    let decision = shop.decision("o1");
    let nonce = |place: usize| {
        let nonce = decision["touches"][place]["nonce"].as_str().unwrap();
        nonce.to_owned()
    };
    let say = |place: usize, class: Value| {
        let path = format!("clicks/{}/reclassify", nonce(place));
        let body = json!({"program": shop.program, "class": class, "reason": "seen the logs"});
        let row = shop.made("POST", &path, &body);
        assert_eq!(row["click"], nonce(place));
        shop.wait(1_000);
        shop.fold_again();
        (shop.balance(0), shop.balance(1))
    };
    assert_eq!((shop.balance(0), shop.balance(1)), (200, 0));
    assert_eq!(say(1, json!("crawler")), (0, 200));
    assert_eq!(say(0, json!("stuffed")), (0, 0));
    let touches = &shop.decision("o1")["touches"];
    assert_eq!(touches[0]["verdict"], "class_earns_nothing");
    assert_eq!(say(1, Value::Null), (200, 0));
    assert_eq!(say(0, json!("valid")), (200, 0));
    assert_eq!(say(1, json!("head")), (0, 200));
    assert_eq!(say(1, Value::Null), (200, 0));
    assert_eq!(say(0, Value::Null), (200, 0));
}

#[test]
fn a_reclassification_names_its_class_reason_and_program() {
    let shop = Shop::open();
    let path = "clicks/00000000000000ab/reclassify";
    let program = shop.program.clone();
    for (body, said) in [
        (
            json!({"program": program, "reason": "r"}),
            "422 validation_failed /class required",
        ),
        (
            json!({"program": program, "class": "nobody", "reason": "r"}),
            "422 validation_failed /class not_a_choice",
        ),
        (
            json!({"program": program, "class": null}),
            "422 validation_failed /reason required",
        ),
        (
            json!({"program": "pg_000000000009", "class": null, "reason": "r"}),
            "422 validation_failed /program unknown",
        ),
    ] {
        assert_eq!(shop.refused("POST", path, &body), said);
    }
    let body = json!({"program": program, "class": null, "reason": "r"});
    for nonce in ["ab", "00000000000000AB", "00000000000000a'"] {
        let path = format!("clicks/{nonce}/reclassify");
        assert_eq!(shop.refused("POST", &path, &body), "404 not_found");
    }
    assert_eq!(shop.db.number("SELECT count(*) FROM reclassifications"), 0);
}
