//! Cases of the ledger that once went wrong, found by comparing it with the oracle: each names what
//! was said or paid instead.

use crate::support::block_on;
use crate::support::compare::decisions;
use crate::support::interleave::Interleaved;
use crate::support::shop::Shop;
use app::clicks::{self, Message};
use app::ledger;
use serde_json::{Value, json};

fn shop(plan: &Value) -> Shop {
    let shop = Shop::open();
    let program = format!("programs/{}", shop.program);
    shop.made("PATCH", &program, &json!({"plan": plan}));
    shop.wait(1_000);
    shop
}

fn track(shop: &Shop, kind: &str, body: Value) {
    let (status, answer) = shop.track(kind, &body);
    assert_eq!(status, 200, "{answer}");
}

fn sale(shop: &Shop, customer: &str, invoice: &str, token: &str) {
    let body = json!({"customerExternalId": customer, "invoiceId": invoice, "amount": 2_000,
        "currency": "usd", "clickId": token});
    track(shop, "sale", body);
}

fn of(shop: &Shop, key: &str) -> Value {
    let all = decisions(shop).into_values();
    let mut own = all.filter(|body| body["key"] == key);
    own.next().unwrap_or_default()
}

#[test]
fn an_anonymous_click_of_a_suspended_partner_earns_nothing() {
    let shop = Shop::open();
    let click = shop.follow("anna", "", "", "1", "US");
    let partner = format!("partners/{}", shop.partners[0]);
    shop.made("PATCH", &partner, &json!({"status": "suspended"}));
    shop.wait(60_000);
    sale(&shop, "u1", "o1", &click.token);
    shop.fold();
    assert_eq!(shop.balance(0), 0);
    assert_eq!(
        of(&shop, "o1")["touches"][0]["verdict"],
        "partner_suspended"
    );
}

/// Of an anonymous click only the day is known: it may have happened after everything before the
/// first event that brought its token.
#[test]
fn an_anonymous_click_of_the_day_takes_nothing_of_what_was_bought_before_it_was_known() {
    let run = |order: [usize; 4]| {
        let shop = Shop::open();
        let start = shop.now.get();
        shop.wait(9 * 3_600_000);
        let click = shop.follow("anna", "", "", "1", "US");
        shop.wait(10 * 3_600_000);
        let hour = |hours: i64| (start.0 + hours * 3_600_000) / 1_000;
        for place in order {
            let (key, at) = [("o1", 1), ("o2", 10), ("o3", 12), ("o4", 11)][place];
            let mut body = json!({"occurredAt": hour(at), "amount": 1_000 + at});
            // The last and the second bring it; the third only knows of it.
            if key == "o2" || key == "o3" {
                body["clickId"] = json!(click.token);
            }
            shop.sell("u1", key, &body);
            shop.fold();
        }
        shop.fold_again();
        let verdict = |key: &str| of(&shop, key)["touches"][0]["verdict"].clone();
        let shown = of(&shop, "o1")["event"].as_str().unwrap().to_owned();
        let shown = shop.made("GET", &format!("events/{shown}"), &json!({}));
        assert!(
            shown
                .to_string()
                .contains("became known with a later event"),
            "{shown}"
        );
        (shop.balance(0), ["o1", "o2", "o3", "o4"].map(verdict))
    };
    let expected = ["brought_later", "won", "won", "won"].map(|word| json!(word));
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [0, 2, 1, 3]] {
        assert_eq!(run(order), (303, expected.clone()), "{order:?}");
    }
}

#[test]
fn pieces_that_a_won_dispute_restored_can_be_given_back_again() {
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1_000}}));
    let click = shop.click("anna");
    let mut body = json!({"customerExternalId": "u1", "invoiceId": "o1", "amount": 3_000,
        "currency": "usd", "clickId": click.token});
    body["lines"] = json!([{"sku": "tea", "quantity": 3, "amount": 3_000}]);
    track(&shop, "sale", body);
    let lines = json!([{"sku": "tea", "quantity": 3}]);
    for (kind, id, key) in [
        ("chargeback", "disputeId", "d1"),
        ("dispute_won", "disputeId", "d1"),
        ("refund", "refundId", "r1"),
    ] {
        shop.wait(1_000);
        track(
            &shop,
            kind,
            json!({id: key, "invoiceId": "o1", "lines": lines}),
        );
    }
    shop.fold();
    assert_eq!(shop.balance(0), 0, "the refund took nothing");
}

#[test]
fn a_refund_of_a_line_takes_no_more_than_its_amount() {
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1_000}}));
    let click = shop.click("anna");
    let mut body = json!({"customerExternalId": "u1", "invoiceId": "o1", "amount": 3_000,
        "currency": "usd", "clickId": click.token});
    body["lines"] = json!([{"sku": "tea", "amount": 2_000}, {"sku": "tea", "amount": 1_000}]);
    track(&shop, "sale", body);
    let refund = |id: &str, amount: Option<i64>| {
        shop.wait(1_000);
        track(
            &shop,
            "refund",
            json!({"refundId": id, "invoiceId": "o1", "amount": amount,
            "currency": "usd", "lines": [{"sku": "tea"}]}),
        );
        shop.fold();
    };
    refund("r1", Some(500));
    assert_eq!(shop.balance(0), 250, "the whole line was taken");
    refund("r2", Some(1_900));
    assert_eq!(
        shop.balance(0),
        60,
        "the second line of the SKU gives the rest"
    );
    refund("r3", None);
    assert_eq!(shop.balance(0), 0);
}

#[test]
fn a_renewal_dated_before_its_checkout_is_no_repeat_of_it() {
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1_000},
        "renewal": {"rate_bps": 500}}));
    let click = shop.click("anna");
    shop.wait(40 * 86_400_000);
    let now = shop.now.get().0 / 1_000;
    for (kind, invoice, at) in [("sale", "o1", now - 60), ("renewal", "o2", now - 86_400)] {
        track(
            &shop,
            kind,
            json!({"customerExternalId": "u1", "invoiceId": invoice, "amount": 900,
            "currency": "usd", "subscriptionId": "s1", "clickId": click.token, "occurredAt": at}),
        );
    }
    shop.fold();
    assert_eq!(of(&shop, "o2")["review"], Value::Null);
}

#[test]
fn a_click_known_from_a_journal_is_shared_or_not_whatever_is_folded_together() {
    let run = |together: bool| {
        let shop = shop(
            &json!({"window_days": 30, "sale": {"rate_bps": 1_000}, "model": "first",
            "review": {"token_customers": 1}}),
        );
        let first = shop.click("anna");
        shop.wait(60_000);
        let cookie = first.cookie.as_deref().unwrap();
        let second = shop.follow("northstar", "", cookie, "", "US");
        shop.deliver_visits("m1", &second.visits);
        shop.wait(60_000);
        let customers = [("u1", &second), ("u2", &first), ("u3", &first)];
        for (customer, click) in customers {
            sale(&shop, customer, customer, &click.token);
            if !together {
                shop.fold();
            }
        }
        shop.fold();
        of(&shop, "u1")
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn what_names_only_a_subscription_is_looked_at_again_when_its_click_is_shared() {
    let run = |together: bool| {
        let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1_000},
            "reactivation": {"flat": {"amount": 100, "currency": "USD"}},
            "review": {"token_customers": 1}}));
        let click = shop.click("anna");
        shop.wait(60_000);
        track(
            &shop,
            "sale",
            json!({"customerExternalId": "u1", "invoiceId": "o1", "amount": 10,
            "currency": "usd", "subscriptionId": "s1"}),
        );
        track(
            &shop,
            "reactivation",
            json!({"eventId": "t1", "subscriptionId": "s1", "clickId": click.token}),
        );
        for customer in ["u2", "u3"] {
            if !together {
                shop.fold();
            }
            sale(&shop, customer, customer, &click.token);
        }
        shop.fold();
        of(&shop, "t1")
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn what_names_only_a_subscription_of_two_customers_stays_with_one() {
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1_000},
        "reactivation": {"flat": {"amount": 100, "currency": "USD"}}}));
    let click = shop.click("anna");
    shop.wait(60_000);
    track(
        &shop,
        "reactivation",
        json!({"eventId": "t1", "subscriptionId": "s1"}),
    );
    for customer in ["u1", "u2"] {
        track(
            &shop,
            "sale",
            json!({"customerExternalId": customer, "invoiceId": customer,
            "amount": 10, "currency": "usd", "subscriptionId": "s1", "clickId": click.token}),
        );
        shop.fold();
    }
    let before = decisions(&shop);
    // Neither customer's next event moves it.
    shop.wait(1_000);
    for customer in ["u1", "u2"] {
        sale(&shop, customer, &format!("again {customer}"), "");
        shop.fold();
    }
    let mut after = decisions(&shop);
    after.retain(|event, _| before.contains_key(event));
    assert_eq!(after, before);
}

#[test]
fn a_click_that_comes_while_the_chargeback_of_a_deal_is_folded_is_not_missed() {
    let run = |meanwhile: bool| {
        let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1_000}}));
        let earlier = shop.click("northstar");
        shop.wait(60_000);
        let cookie = earlier.cookie.as_deref().unwrap();
        let click = shop.follow("anna", "", cookie, "", "US");
        shop.wait(60_000);
        track(
            &shop,
            "deal",
            json!({"customerExternalId": "u1", "invoiceId": "o1", "amount": 10,
            "currency": "usd", "partnerId": shop.partners[0]}),
        );
        shop.fold();
        track(
            &shop,
            "chargeback",
            json!({"disputeId": "d1", "invoiceId": "o1", "clickId": click.token}),
        );
        let message = Message {
            id: "m".into(),
            sent_at: shop.now.get().plus(-60_000),
            visits: click.visits.clone(),
        };
        let arrive = || {
            block_on(clicks::consume(&shop.db, std::slice::from_ref(&message))).unwrap();
        };
        if !meanwhile {
            arrive();
        }
        let db = Interleaved::new(&shop.db);
        let db = if meanwhile { db.before(2, arrive) } else { db };
        block_on(ledger::fold(&db, shop.now.get())).unwrap();
        shop.fold();
        decisions(&shop)
    };
    assert_eq!(run(false), run(true));
}

/// A refund that waits for its sale is not put aside when the sale was folded with it meanwhile.
#[test]
fn a_sale_that_is_folded_while_its_refund_is_parked_leaves_it_folded() {
    let shop = Shop::open();
    let token = shop.click("anna").token;
    shop.wait(60_000);
    let refund = json!({"refundId": "r1", "invoiceId": "o1", "amount": 500, "currency": "usd"});
    shop.tracked("refund", &refund);
    let meanwhile = || {
        shop.sell("u1", "o1", &json!({"clickId": token}));
        shop.fold();
    };
    let db = Interleaved::new(&shop.db).before(2, meanwhile);
    block_on(ledger::fold(&db, shop.now.get())).unwrap();
    let states = "SELECT DISTINCT state FROM facts";
    assert_eq!(
        (shop.db.column(states), shop.balance(0)),
        (vec!["folded".to_owned()], 150)
    );
    shop.fold_again();
}
