//! Months for which a plan pays: for sales counted from the first purchase that credited the
//! partner, of the subscription where one is named.

use crate::support::shop::Shop;
use serde_json::{Value, json};
use throughline::domain::time::UnixMs;

fn open(plan: &Value) -> Shop {
    let shop = Shop::open();
    let program = format!("programs/{}", shop.program);
    shop.made("PATCH", &program, &json!({"plan": plan}));
    shop.wait(1_000);
    shop
}

fn plan(months: u16) -> Value {
    json!({"window_days": 400, "binding": {}, "sale": {"rate_bps": 1_000, "months": months}})
}

fn at(shop: &Shop, when: UnixMs, invoice: &str, more: &Value) {
    let mut body = json!({"occurredAt": when.0 / 1_000});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    shop.sell("u1", invoice, &body);
    shop.fold();
}

/// A shop a year later, the click's token and the instant of the first sale.
fn year(plan: &Value) -> (Shop, String, UnixMs) {
    let shop = open(plan);
    let token = shop.click("anna").token;
    let first = shop.now.get().plus(60_000);
    shop.wait(390 * 86_400_000);
    (shop, token, first)
}

fn reasons<const N: usize>(shop: &Shop, keys: [&str; N]) -> [String; N] {
    keys.map(|key| shop.decision(key)["reason"].as_str().unwrap().to_owned())
}

#[test]
fn each_invoice_as_a_sale_earns_for_a_year_from_the_first_and_no_longer() {
    let (shop, token, first) = year(&plan(12));
    let over = first.plus_months(12);
    at(&shop, first, "i1", &json!({"clickId": token}));
    at(&shop, first.plus_months(1), "i2", &json!({}));
    at(&shop, over.plus(-1_000), "i3", &json!({}));
    at(&shop, over, "i4", &json!({}));
    at(&shop, over.plus(86_400_000), "i5", &json!({}));
    shop.fold_again();
    assert_eq!(shop.balance(0), 600);
    let reasons = reasons(&shop, ["i1", "i2", "i3", "i4", "i5"]);
    let paid = "credited";
    assert_eq!(reasons, [paid, paid, paid, "months_ended", "months_ended"]);
    let event = shop.decision("i4")["event"].as_str().unwrap().to_owned();
    let shown = shop.made("GET", &format!("events/{event}"), &json!({}));
    let said = shown.to_string();
    assert!(
        said.contains("the months that earn, counted from the first purchase"),
        "{said}"
    );
}

#[test]
fn months_do_not_depend_on_what_arrives_first() {
    let run = |order: [usize; 3]| {
        let (shop, token, first) = year(&plan(2));
        for place in order {
            let when = [first, first.plus_months(1), first.plus_months(2)][place];
            let invoice = ["i1", "i2", "i3"][place];
            at(&shop, when, invoice, &json!({"clickId": token}));
        }
        shop.fold_again();
        (shop.balance(0), reasons(&shop, ["i1", "i2", "i3"]))
    };
    let expected = ["credited", "credited", "months_ended"].map(str::to_owned);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        assert_eq!(run(order), (400, expected.clone()), "{order:?}");
    }
}

#[test]
fn each_subscription_counts_its_own_months_and_each_partner_too() {
    let (shop, token, first) = year(&plan(1));
    let other = json!({"subscriptionId": "s2"});
    at(
        &shop,
        first,
        "a1",
        &json!({"clickId": token, "subscriptionId": "s1"}),
    );
    let later = first.plus_months(1);
    at(&shop, later, "b1", &other);
    at(
        &shop,
        later.plus(1_000),
        "a2",
        &json!({"subscriptionId": "s1"}),
    );
    at(&shop, later.plus_months(1), "b2", &other);
    // Without a subscription the customer's first purchase counts.
    at(&shop, later.plus(2_000), "c1", &json!({}));
    shop.fold_again();
    assert_eq!(
        reasons(&shop, ["a1", "b1", "a2", "b2", "c1"]),
        [
            "credited",
            "credited",
            "months_ended",
            "months_ended",
            "months_ended"
        ]
    );
    // Another partner wins the customer later: the months begin anew.
    let unbound = json!({"window_days": 400, "sale": {"rate_bps": 1_000, "months": 1}});
    let shop = open(&unbound);
    let anna = shop.click("anna").token;
    let start = shop.now.get().plus(60_000);
    shop.wait(60 * 86_400_000);
    let northstar = shop.click("northstar").token;
    let second = shop.now.get().plus(60_000);
    shop.wait(300 * 86_400_000);
    at(&shop, start, "d1", &json!({"clickId": anna}));
    at(&shop, second, "d2", &json!({"clickId": northstar}));
    at(&shop, second.plus_months(1), "d3", &json!({}));
    shop.fold_again();
    assert_eq!((shop.balance(0), shop.balance(1)), (200, 200));
    assert_eq!(reasons(&shop, ["d2", "d3"]), ["credited", "months_ended"]);
}

#[test]
fn a_rejected_first_sale_begins_nothing_and_a_partner_may_have_other_months() {
    let (shop, token, first) = year(&plan(1));
    at(&shop, first, "i1", &json!({"clickId": token}));
    at(
        &shop,
        first.plus_months(1),
        "i2",
        &json!({"clickId": token}),
    );
    assert_eq!(reasons(&shop, ["i2"]), ["months_ended"]);
    let event = shop.decision("i1")["event"].as_str().unwrap().to_owned();
    let reject = format!("events/{event}/reject");
    shop.made("POST", &reject, &json!({"reason": "not a person"}));
    shop.fold_again();
    assert_eq!(reasons(&shop, ["i1", "i2"]), ["rejected", "credited"]);

    let shop = Shop::open();
    let mut own = plan(1);
    own["partners"][&shop.partners[0]] = json!({"sale": {"rate_bps": 1_000, "months": 3}});
    let program = format!("programs/{}", shop.program);
    shop.made("PATCH", &program, &json!({"plan": own}));
    shop.wait(1_000);
    let token = shop.click("anna").token;
    let first = shop.now.get().plus(60_000);
    shop.wait(200 * 86_400_000);
    for (months, invoice) in [(0, "i1"), (2, "i2"), (3, "i3")] {
        at(
            &shop,
            first.plus_months(months),
            invoice,
            &json!({"clickId": token}),
        );
    }
    shop.fold_again();
    assert_eq!(shop.balance(0), 400);
}
