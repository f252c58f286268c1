//! Reversals that say what they are for: what is not in the base of commission takes nothing back,
//! in whatever order refunds come, and what nobody understands is refused.

use crate::properties::cases;
use crate::support::books::said;
use crate::support::shop::Shop;
use proptest::prelude::*;
use serde_json::{Value, json};

fn merged(one: &Value, more: &Value) -> Value {
    let mut all = one.clone();
    let members = more.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(members);
    all
}

/// A shop that pays 10 % of what `base` holds, and a sale `o1` in it.
fn sold(base: &Value, sale: &Value) -> Shop {
    let shop = Shop::open();
    let plan = merged(
        &json!({"window_days": 30, "sale": {"rate_bps": 1_000}}),
        base,
    );
    let program = format!("programs/{}", shop.program);
    shop.made("PATCH", &program, &json!({"plan": plan}));
    shop.wait(1_000);
    let click = shop.click("anna");
    shop.wait(60_000);
    let token = json!({"clickId": click.token});
    shop.sell("u1", "o1", &merged(&token, sale));
    shop.wait(1_000);
    shop.fold();
    shop
}

fn refund(shop: &Shop, id: &str, what: &Value) {
    let own = json!({"refundId": id, "invoiceId": "o1", "currency": "usd"});
    shop.tracked("refund", &merged(&own, what));
    shop.wait(1_000);
}

fn left_after(base: &Value, sale: &Value, what: &Value) -> i64 {
    let shop = sold(base, sale);
    refund(&shop, "r1", what);
    shop.fold_again();
    let left = shop.balance(0);
    refund(&shop, "rest", &json!({}));
    shop.fold_again();
    assert_eq!(shop.balance(0), 0, "all is given back after {what}");
    left
}

#[test]
fn a_refund_of_shipping_outside_the_base_takes_nothing_and_one_of_goods_all() {
    let base = json!({"base": {"shipping": false}});
    let sale = json!({"amount": 12_000, "shipping": 2_000,
        "lines": [{"sku": "tea", "amount": 10_000}]});
    for (what, left) in [
        (json!({"amount": 2_000, "shipping": 2_000}), 1_000),
        (json!({"shipping": 2_000}), 1_000),
        (json!({"shipping": 5_000}), 1_000),
        (json!({"amount": 10_000, "shipping": 0}), 0),
        (json!({"amount": 12_000, "shipping": 0}), 0),
        (json!({"amount": 10_000, "lines": [{"sku": "tea"}]}), 0),
        (json!({"lines": [{"sku": "tea"}]}), 0),
        (json!({"lines": [{"sku": "tea", "amount": 10_000}]}), 0),
        (json!({"amount": 7_000, "shipping": 2_000}), 500),
        (
            json!({"shipping": 500, "lines": [{"sku": "tea", "amount": 1_000}]}),
            900,
        ),
        (
            json!({"amount": 1_500, "shipping": 500, "lines": [{"sku": "tea", "amount": 1_000}]}),
            900,
        ),
        // What the sale did not have is an amount like any other.
        (json!({"tax": 1_200}), 900),
        // So it was before parts could be named, and is where none is.
        (json!({"amount": 2_000}), 834),
        (json!({"amount": 10_000}), 167),
        (json!({"amount": 0}), 1_000),
        (json!({}), 0),
    ] {
        assert_eq!(left_after(&base, &sale, &what), left, "{what}");
    }
}

#[test]
fn a_refund_of_tax_outside_the_base_takes_nothing_wherever_the_tax_stands() {
    let base = json!({"base": {"tax": false}});
    let outside = json!({"amount": 12_000, "tax": 2_000,
        "lines": [{"sku": "tea", "amount": 10_000}]});
    let inside = json!({"amount": 12_000,
        "lines": [{"sku": "tea", "amount": 12_000, "tax": 2_000, "quantity": 2}]});
    for (what, left) in [
        (json!({"tax": 2_000}), 1_000),
        (json!({"amount": 2_000, "tax": 2_000}), 1_000),
        (json!({"amount": 10_000, "tax": 0}), 0),
        (json!({"amount": 2_000}), 834),
    ] {
        assert_eq!(left_after(&base, &outside, &what), left, "{what}");
        assert_eq!(left_after(&base, &inside, &what), left, "{what}");
    }
    for (what, left) in [
        (json!({"sku": "tea", "amount": 6_000, "tax": 1_000}), 500),
        (json!({"sku": "tea", "amount": 2_000, "tax": 2_000}), 1_000),
        (json!({"sku": "tea", "quantity": 1}), 500),
        (json!({"sku": "tea", "quantity": 1, "tax": 1_000}), 500),
    ] {
        let what = json!({"lines": [what]});
        assert_eq!(left_after(&base, &inside, &what), left, "{what}");
    }
}

#[test]
fn a_refund_that_takes_nothing_says_that_the_plan_pays_nothing_on_it() {
    let base = json!({"base": {"shipping": false}});
    let sale = json!({"amount": 12_000, "shipping": 2_000,
        "lines": [{"sku": "tea", "amount": 10_000}]});
    let shop = sold(&base, &sale);
    refund(&shop, "r1", &json!({"shipping": 2_000}));
    refund(
        &shop,
        "r2",
        &json!({"lines": [{"sku": "tea", "amount": 5}]}),
    );
    refund(&shop, "r3", &json!({"lines": [{"sku": "tea"}]}));
    shop.fold_again();
    let reasons = ["r1", "r2", "r3"].map(|key| shop.decision(key)["reason"].clone());
    assert_eq!(reasons, ["outside_base", "refunded", "refunded"]);
    let event = shop.decision("r1")["event"].as_str().unwrap().to_owned();
    let shown = shop.made("GET", &format!("events/{event}"), &json!({}));
    let said = "the plan pays no commission on what was given back";
    assert!(shown.to_string().contains(said), "{shown}");
}

#[test]
fn what_is_in_the_base_takes_its_own_commission() {
    let all = json!({"base": {"tax": true, "shipping": true}});
    let sale = json!({"amount": 12_000, "shipping": 1_500, "tax": 500,
        "lines": [{"sku": "tea", "amount": 10_000}]});
    for (what, left) in [
        (json!({"shipping": 1_500}), 1_050),
        (json!({"tax": 500}), 1_150),
        (
            json!({"amount": 2_000, "shipping": 1_500, "tax": 500}),
            1_000,
        ),
        (json!({"amount": 10_000, "shipping": 0, "tax": 0}), 200),
    ] {
        assert_eq!(left_after(&all, &sale, &what), left, "{what}");
    }
    // Nobody said at the sale what was shipping: commission was paid on it.
    let plain = json!({"amount": 12_000});
    let none = json!({"base": {"shipping": false}});
    assert_eq!(
        left_after(&none, &plain, &json!({"shipping": 2_000})),
        1_000
    );
}

#[test]
fn a_discount_goes_with_its_goods_and_can_be_named() {
    let paid = json!({"base": {"discount": true}});
    let line = json!({"amount": 9_000,
        "lines": [{"sku": "tea", "amount": 9_000, "discount": 1_000}]});
    for (what, left) in [
        (json!({"discount": 500}), 950),
        (json!({"amount": 4_500}), 500),
        (json!({"amount": 4_500, "shipping": 0}), 500),
        (json!({"amount": 4_500, "discount": 0}), 550),
        (
            json!({"lines": [{"sku": "tea", "amount": 4_500, "discount": 1_000}]}),
            450,
        ),
    ] {
        assert_eq!(left_after(&paid, &line, &what), left, "{what}");
    }
    let whole = json!({"amount": 9_000, "discount": 1_000,
        "lines": [{"sku": "tea", "amount": 9_000}]});
    for (what, left) in [
        (json!({"discount": 500}), 950),
        (json!({"amount": 4_500, "shipping": 0}), 500),
    ] {
        assert_eq!(left_after(&paid, &whole, &what), left, "{what}");
    }
    let unpaid = json!({"base": {"discount": false}});
    assert_eq!(left_after(&unpaid, &line, &json!({"discount": 500})), 900);
}

#[test]
fn a_flat_sum_is_not_taken_by_what_earns_nothing() {
    let plan = json!({"base": {"shipping": false}, "sale": {"rate_bps": 1_000,
        "flat": {"amount": 100, "currency": "USD"}}});
    let sale = json!({"amount": 12_000, "shipping": 2_000});
    for (what, left) in [
        (json!({"shipping": 2_000}), 1_100),
        (json!({"amount": 5_000, "shipping": 0}), 550),
    ] {
        assert_eq!(left_after(&plan, &sale, &what), left, "{what}");
    }
}

#[test]
fn parts_add_up_in_any_order_and_a_won_dispute_restores_exactly_its_own() {
    let base = json!({"base": {"shipping": false, "tax": false}});
    let sale = json!({"amount": 12_345, "shipping": 1_999, "lines": [
        {"sku": "tea", "amount": 7_001, "tax": 1_117}, {"sku": "mug", "amount": 3_003}]});
    let whats = [
        json!({"shipping": 999}),
        json!({"amount": 1_001}),
        json!({"tax": 333}),
        json!({"lines": [{"sku": "mug"}]}),
    ];
    let run = |order: [usize; 4]| {
        let shop = sold(&base, &sale);
        let earned = shop.balance(0);
        assert_eq!(earned, 588 + 300 + 34, "tea, mug, what no line explains");
        let at = shop.now.get().0 / 1_000;
        for place in order {
            let own = json!({"occurredAt": at + place as i64});
            shop.wait(60_000);
            refund(&shop, &format!("r{place}"), &merged(&own, &whats[place]));
            shop.fold();
        }
        shop.fold_again();
        let left = shop.balance(0);
        assert!((0..=earned).contains(&left));
        let dispute = json!({"disputeId": "d1", "invoiceId": "o1", "currency": "usd",
            "amount": 2_000, "shipping": 500});
        shop.tracked("chargeback", &dispute);
        shop.wait(1_000);
        shop.fold_again();
        assert!(shop.balance(0) < left);
        shop.tracked(
            "dispute_won",
            &json!({"disputeId": "d1", "invoiceId": "o1"}),
        );
        shop.wait(1_000);
        shop.fold_again();
        assert_eq!(shop.balance(0), left);
        refund(&shop, "rest", &json!({}));
        shop.fold_again();
        assert_eq!(shop.balance(0), 0);
        left
    };
    let first = run([0, 1, 2, 3]);
    for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        assert_eq!(run(order), first, "{order:?}");
    }
}

#[test]
fn members_that_a_reversal_does_not_have_are_refused_by_their_path() {
    let shop = sold(&json!({}), &json!({}));
    for (kind, id) in [
        ("refund", "refundId"),
        ("chargeback", "disputeId"),
        ("dispute_won", "disputeId"),
    ] {
        let body = json!({id: "x1", "invoiceId": "o1"});
        for (more, fault) in [
            (
                json!({"amountRefunded": 500}),
                "/amountRefunded unknown_member",
            ),
            (json!({"Amount": 500}), "/Amount unknown_member"),
            (
                json!({"lines": [{"sku": "tea", "qty": 1}]}),
                "/lines/0/qty unknown_member",
            ),
            (json!({"shipping": -1}), "/shipping negative"),
            (json!({"tax": 1.5}), "/tax fractional"),
            (json!({"shipping": 0, "tax": 0}), "/amount required"),
        ] {
            let (status, answer) = shop.track(kind, &merged(&body, &more));
            let expected = format!("422 validation_failed {fault}");
            assert_eq!(said(status, &answer), expected, "{kind} {more}");
        }
    }
    let many: serde_json::Map<_, _> = (0..900).map(|n| (format!("x{n}"), json!(1))).collect();
    let (status, answer) = shop.track("refund", &Value::Object(many));
    assert_eq!(status, 422);
    assert!(answer["errors"].as_array().unwrap().len() < 25);
    shop.fold();
    assert_eq!(shop.balance(0), 200, "nothing was taken");
    // All that the README names is taken, and so are a browser's facts that we do not know.
    let whole = json!({"type": "refund", "refundId": "r1", "invoiceId": "o1", "amount": 100,
        "currency": "usd", "lines": [], "tax": 0, "shipping": 0, "discount": 0,
        "customerExternalId": "u1", "customerEmail": "a@b.example", "customerName": "A",
        "customerPhone": "+49 151 23456789", "occurredAt": shop.now.get().0 / 1_000,
        "metadata": {"any": 1}, "context": {"userAgent": "x", "screen": 5}});
    let answer = shop.tracked("event", &whole);
    assert_eq!(answer["ignored"], json!(["/context/screen"]));
}

#[test]
fn other_bodies_name_what_they_ignore() {
    let shop = Shop::open();
    let sale = json!({"customerExternalId": "u1", "amount": 500, "currency": "usd",
        "invoiceId": "o1", "paymentProcessor": "stripe", "leadEventName": "Sign up",
        "metadata": {"any": {"thing": 1}, "context": {"userAgent": "x", "os": "y"}},
        "customerName": "A", "customerAvatar": "https://a.example/a.png",
        "lines": [{"sku": "tea", "amount": 500, "colour": "red"}], "ammount": 5,
        "lang": null});
    let answer = shop.tracked("sale", &sale);
    let ignored = json!([
        "/metadata/context/os",
        "/lines/0/colour",
        "/ammount",
        "/lang"
    ]);
    assert_eq!(answer["ignored"], ignored);
    let lead = json!({"customerExternalId": "u1", "eventName": "Sign up", "eventQuantity": 1,
        "mode": "wait", "clickId": "", "customerEmail": "a@b.example", "code": "TEA"});
    let answer = shop.tracked("lead", &lead);
    assert!(answer.get("ignored").is_none(), "{answer}");
    let answer = shop.tracked("lead", &merged(&lead, &json!({"event": 1})));
    assert_eq!(answer["ignored"], json!(["/event"]));
    let mut many = lead;
    for number in 0..30 {
        many[format!("{number}{}", "é".repeat(300))] = json!(1);
    }
    let answer = shop.tracked("lead", &many);
    let ignored = answer["ignored"].as_array().unwrap();
    assert_eq!(ignored.len(), 20);
    assert!(
        ignored
            .iter()
            .all(|path| path.as_str().unwrap().len() < 400)
    );
}

/// A refund that names anything, or nothing.
fn anything() -> impl Strategy<Value = Value> {
    let part = || proptest::option::of(prop_oneof![Just(0i64), 0..4_000i64]);
    let line = (0..3usize, part(), proptest::option::of(1..4i64), 0..500i64);
    let lines = proptest::collection::vec(line, 0..3);
    (part(), part(), part(), part(), lines).prop_map(|(amount, tax, shipping, discount, lines)| {
        let mut what = json!({"amount": amount, "tax": tax, "shipping": shipping,
            "discount": discount});
        for (sku, amount, quantity, tax) in lines {
            let tax = tax.min(amount.unwrap_or(tax));
            let sku = ["tea", "mug", "hat"][sku];
            let line = json!({"sku": sku, "amount": amount,
                "quantity": quantity, "tax": tax, "discount": tax / 2});
            match what["lines"].as_array_mut() {
                Some(lines) => lines.push(line),
                None => what["lines"] = json!([line]),
            }
        }
        what
    })
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn any_refunds_take_no_more_than_was_earned_and_never_less_than_nothing(
        whats in proptest::collection::vec(anything(), 0..6),
        off in any::<[bool; 3]>(),
        credit in 0..3_000i64,
    ) {
        let [tax, shipping, discount] = off;
        let base = json!({"tax": tax, "shipping": shipping, "discount": discount});
        let sale = json!({"amount": 10_000 - credit, "tax": 700, "shipping": 1_100,
            "discount": 400, "lines": [
                {"sku": "tea", "amount": 5_000, "tax": 800, "discount": 300, "quantity": 3},
                {"sku": "mug", "amount": 3_000, "tax": 100}, {"amount": -credit}]});
        let shop = sold(&json!({"base": base}), &sale);
        let mut before = shop.balance(0);
        for (place, what) in whats.iter().enumerate() {
            let own = json!({"refundId": format!("r{place}"), "invoiceId": "o1",
                "currency": "usd"});
            let (status, answer) = shop.track("refund", &merged(&own, what));
            let refused = said(status, &answer) == "422 validation_failed /amount required";
            prop_assert!(status == 200 || refused, "{} {}", what, answer);
            shop.wait(1_000);
            shop.fold();
            let now = shop.balance(0);
            // The first one that names a part splits the lines, which may round a unit anew.
            prop_assert!((0..=before + 1).contains(&now), "{} then {} after {}", before, now, what);
            before = now;
        }
        refund(&shop, "rest", &json!({}));
        shop.fold_again();
        prop_assert_eq!(shop.balance(0), 0);
    }
}
