//! Lines below zero: credits, prorations, discounts as a line. The event's amount never is.

use crate::support::books::said;
use crate::support::shop::Shop;
use serde_json::{Value, json};

fn sold(plan: &Value, sale: &Value) -> Shop {
    let shop = Shop::open();
    let mut rules = json!({"window_days": 30, "sale": {"rate_bps": 1_000}});
    for (name, value) in plan.as_object().unwrap() {
        rules[name] = value.clone();
    }
    let program = format!("programs/{}", shop.program);
    shop.made("PATCH", &program, &json!({"plan": rules}));
    shop.wait(1_000);
    let click = shop.click("anna");
    shop.wait(60_000);
    let mut sale = sale.clone();
    sale["clickId"] = json!(click.token);
    shop.sell("u1", "o1", &sale);
    shop.wait(1_000);
    shop.fold_again();
    shop
}

#[test]
fn the_base_follows_lines_below_zero() {
    let lines = |lines: Value, amount: i64| json!({"amount": amount, "lines": lines});
    for (plan, sale, earned) in [
        // The rest of a month, and what was paid for it before.
        (
            json!({}),
            lines(
                json!([{"sku": "large", "amount": 5_000}, {"sku": "small", "amount": -2_000}]),
                3_000,
            ),
            300,
        ),
        (
            json!({}),
            lines(json!([{"amount": -1_000}, {"amount": 10_000}]), 9_000),
            900,
        ),
        (
            json!({}),
            lines(json!([{"amount": -500}, {"amount": 500}]), 0),
            0,
        ),
        // A rate of its own on a line below zero takes its commission back.
        (
            json!({"sale": {"rate_bps": 1_000, "by_sku": {"small": 2_000}}}),
            lines(
                json!([{"sku": "large", "amount": 5_000}, {"sku": "small", "amount": -2_000}]),
                3_000,
            ),
            100,
        ),
        // Never below nothing, and a flat sum stays.
        (
            json!({"sale": {"rate_bps": 100, "by_sku": {"small": 9_000},
                "flat": {"amount": 70, "currency": "USD"}}}),
            lines(
                json!([{"sku": "large", "amount": 5_000}, {"sku": "small", "amount": -2_000}]),
                3_000,
            ),
            70,
        ),
        // Its tax is below zero too.
        (
            json!({"base": {"tax": false}}),
            lines(
                json!([{"amount": 6_000, "tax": 1_000}, {"amount": -2_400, "tax": -400}]),
                3_600,
            ),
            300,
        ),
        // What no line explains is more by what a credit takes off.
        (
            json!({"base": {"shipping": false}}),
            json!({"amount": 5_500, "shipping": 500,
                "lines": [{"amount": 6_000}, {"amount": -1_000}]}),
            500,
        ),
    ] {
        let shop = sold(&plan, &sale);
        assert_eq!(shop.balance(0), earned, "{sale}");
        let refund = json!({"refundId": "r1", "invoiceId": "o1", "currency": "usd",
            "amount": sale["amount"].as_i64().unwrap() / 2});
        shop.tracked("refund", &refund);
        shop.wait(1_000);
        shop.fold_again();
        assert!((0..=earned).contains(&shop.balance(0)), "{sale}");
        shop.tracked("refund", &json!({"refundId": "r2", "invoiceId": "o1"}));
        shop.wait(1_000);
        shop.fold_again();
        assert_eq!(shop.balance(0), 0, "{sale}");
    }
}

#[test]
fn a_line_can_be_given_back_for_what_was_paid_of_it() {
    let lines = json!([{"sku": "tea", "amount": 6_000}, {"sku": "mug", "amount": 4_000},
        {"sku": "coupon", "amount": -2_000}]);
    let sale = json!({"amount": 8_000, "lines": lines});
    for (what, left) in [
        (json!({"lines": [{"sku": "mug"}]}), 480),
        (json!({"amount": 3_200, "lines": [{"sku": "mug"}]}), 480),
        (json!({"lines": [{"sku": "coupon"}]}), 800),
        (json!({"amount": 4_000}), 400),
    ] {
        let shop = sold(&json!({}), &sale);
        let mut body = what.clone();
        body["refundId"] = json!("r1");
        body["invoiceId"] = json!("o1");
        body["currency"] = json!("usd");
        shop.tracked("refund", &body);
        shop.fold_again();
        assert_eq!(shop.balance(0), left, "{what}");
    }
}

#[test]
fn what_adds_up_to_more_than_the_amount_or_has_another_sign_is_refused() {
    let shop = Shop::open();
    let sale = |amount: i64, line: Value| {
        json!({"customerExternalId": "u1", "invoiceId": "o1", "currency": "usd",
            "amount": amount, "lines": [{"amount": 1_000}, line]})
    };
    for (amount, line, fault) in [
        (-500, json!({"amount": -1_500}), "/amount negative"),
        (499, json!({"amount": -500}), "/lines parts_exceed_amount"),
        (
            1_000,
            json!({"amount": -500, "tax": 50}),
            "/lines/1/tax out_of_range",
        ),
        (
            1_000,
            json!({"amount": -500, "tax": -501}),
            "/lines/1/tax parts_exceed_amount",
        ),
        (
            1_000,
            json!({"amount": 100, "tax": -5}),
            "/lines/1/tax negative",
        ),
        (
            1_000,
            json!({"amount": -500, "discount": 5}),
            "/lines/1/discount out_of_range",
        ),
    ] {
        let (status, answer) = shop.track("sale", &sale(amount, line.clone()));
        let expected = format!("422 validation_failed {fault}");
        assert_eq!(said(status, &answer), expected, "{line}");
    }
    let refund = json!({"refundId": "r1", "invoiceId": "o1",
        "lines": [{"sku": "tea", "amount": -1}]});
    let (status, answer) = shop.track("refund", &refund);
    assert_eq!(
        said(status, &answer),
        "422 validation_failed /lines/0/amount negative"
    );
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 0);
}

#[test]
fn platforms_are_told_what_was_bought_and_the_amount_without_the_credit() {
    let lines = json!([{"sku": "tea", "amount": 6_000, "quantity": 2},
        {"sku": "coupon", "amount": -2_000}]);
    let shop = sold(&json!({}), &json!({"amount": 4_000, "lines": lines}));
    let event = shop.decision("o1")["event"].clone();
    let segment = json!({"program": shop.program, "kind": "segment", "write_key": "a-write-key"});
    let made = shop.made("POST", "destinations", &segment);
    let preview = format!("destinations/{}/preview", made["id"].as_str().unwrap());
    let shown = shop.made("POST", &preview, &json!({"event": event}));
    let body = shown["request"]["body"].as_str().map(str::to_owned);
    let body: Value = serde_json::from_str(&body.unwrap_or_else(|| panic!("{shown}"))).unwrap();
    let told = &body["batch"][0]["properties"];
    assert_eq!(told["revenue"].to_string(), "40.00", "{body}");
    let products = told["products"].as_array().unwrap();
    assert_eq!(products.len(), 1, "{body}");
    assert_eq!(products[0]["sku"], "tea", "{body}");
    assert_eq!(products[0]["price"].to_string(), "30.00");
}
