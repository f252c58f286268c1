//! Every kind of event through the API, alone and many at once; what is wrong is named and never
//! half accepted.

use crate::support::books::said;
use crate::support::shop::Shop;
use crate::support::sqlite::Fault;
use serde_json::{Value, json};

/// A shop that pays for every kind of event.
fn open() -> Shop {
    let shop = Shop::open();
    let flat = |amount: i64| json!({"flat": {"amount": amount, "currency": "USD"}});
    let plan = json!({"plan": {"window_days": 30, "lead": flat(200), "sale": {"rate_bps": 1000},
        "renewal": {"rate_bps": 500}, "deal": {"rate_bps": 2000}, "reactivation": flat(50),
        "milestones": {"signup": flat(10), "activation": flat(20)},
        "review": {"min_seconds": 0, "duplicate_minutes": 0}}});
    shop.made("PATCH", &format!("programs/{}", shop.program), &plan);
    shop
}

fn merged(body: &Value, more: &Value) -> Value {
    let mut body = body.clone();
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    body
}

/// A customer's life: an event of every kind, in order, each a second after the one before.
fn life(shop: &Shop, token: &str) -> Vec<Value> {
    let (customer, money) = (
        json!({"customerExternalId": "u1"}),
        json!({"currency": "usd"}),
    );
    let of = |more: Value| merged(&customer, &more);
    let paid =
        |amount: i64, more: Value| merged(&merged(&money, &json!({"amount": amount})), &more);
    let lines = json!([{"sku": "tea", "amount": 1_500, "quantity": 3},
        {"sku": "cup", "amount": 300}]);
    let back = json!({"refundId": "r1", "invoiceId": "s1",
        "lines": [{"sku": "tea", "quantity": 1}]});
    let mut events = vec![
        merged(
            &of(json!({"type": "lead", "eventName": "Demo"})),
            &json!({"clickId": token}),
        ),
        of(json!({"type": "milestone", "eventName": "signup"})),
        of(json!({"type": "milestone", "eventName": "activation", "eventId": "a1"})),
        of(paid(
            2_000,
            json!({"type": "sale", "invoiceId": "s1", "subscriptionId": "sub1",
            "lines": lines, "shipping": 200}),
        )),
        of(paid(
            5_000,
            json!({"type": "deal", "invoiceId": "d1",
            "partnerId": shop.partners[1]}),
        )),
        paid(
            1_000,
            json!({"type": "renewal", "invoiceId": "n1", "subscriptionId": "sub1"}),
        ),
        json!({"type": "cancellation", "subscriptionId": "sub1", "eventId": "c1"}),
        of(json!({"type": "reactivation", "eventId": "b1"})),
        merged(&json!({"type": "refund"}), &back),
        json!({"type": "chargeback", "disputeId": "cb1", "invoiceId": "n1"}),
        json!({"type": "dispute_won", "disputeId": "cb1", "invoiceId": "n1"}),
    ];
    let start = shop.now.get().0 / 1_000;
    for (place, event) in events.iter_mut().enumerate() {
        event["occurredAt"] = json!(start + i64::try_from(place).unwrap());
    }
    events
}

/// 200 lead, 10 and 20 milestones, 10 % of 2000, 5 % of 1000, 50 for coming back; of the refund of
/// one of three teas a third of their 150.
const ANNA: i64 = 200 + 10 + 20 + 200 + 50 + 50 - 50;

#[test]
fn a_life_with_every_kind_of_event_earns_what_the_plan_says() {
    let run = |how: u8| {
        let shop = open();
        let token = shop.click("anna").token;
        shop.wait(60_000);
        let mut events = life(&shop, &token);
        shop.wait(60_000);
        match how {
            0 => {}
            1 => events.reverse(),
            _ => {
                let (status, answer) = shop.track("batch", &json!({"events": events}));
                assert_eq!(status, 200, "{answer}");
                assert_eq!(answer["results"].as_array().unwrap().len(), events.len());
                assert_eq!(answer["results"][3]["sale"]["invoiceId"], "s1");
                events.rotate_left(4);
            }
        }
        for event in &events {
            let answer = shop.tracked("event", event);
            assert!(answer["eventId"].as_str().unwrap().starts_with("ev_"));
            if how == 1 {
                shop.fold();
            }
        }
        shop.fold_again();
        assert_eq!((shop.balance(0), shop.balance(1)), (ANNA, 1_000), "{how}");
        let decisions = "SELECT body FROM decisions d WHERE revision = (
            SELECT max(revision) FROM decisions n WHERE n.event = d.event) ORDER BY event";
        for row in shop.list("decisions") {
            let sentence = row["sentence"].as_str().unwrap();
            assert!(
                sentence.ends_with('.') && !sentence.contains("  "),
                "{sentence}"
            );
        }
        shop.db.column(decisions)
    };
    let forth = run(0);
    assert_eq!(forth.len(), 11);
    assert_eq!(forth, run(1), "whatever the order of arrival");
    assert_eq!(forth, run(2), "many at once, and again one by one");
}

#[test]
fn a_renewal_by_its_subscription_alone_waits_for_the_customer() {
    let shop = open();
    let token = shop.click("anna").token;
    shop.wait(60_000);
    let renewal = json!({"invoiceId": "n1", "subscriptionId": "sub1", "amount": 1_000,
        "currency": "usd"});
    shop.tracked("renewal", &renewal);
    shop.fold();
    let state = |key: &str| {
        let sql = format!("SELECT state FROM facts WHERE key = '{key}'");
        shop.db.column(&sql).remove(0)
    };
    assert_eq!(state("n1"), "parked");
    let more = json!({"clickId": token, "subscriptionId": "sub1"});
    shop.sell("u1", "s1", &more);
    shop.fold_again();
    assert_eq!(state("n1"), "folded");
    assert_eq!(shop.decision("n1")["rule"], "subscription");
    assert_eq!(shop.balance(0), 250);
}

#[test]
fn a_deal_names_a_partner_of_the_program() {
    let shop = open();
    let deal = |id: &str, partner: Value| {
        json!({"customerExternalId": "u1", "invoiceId": id, "amount": 1_000, "currency": "usd",
            "partnerId": partner})
    };
    let refused = |partner: Value| {
        let (status, answer) = shop.track("deal", &deal("d0", partner));
        said(status, &answer)
    };
    let fault = |code: &str| format!("422 validation_failed /partnerId {code}");
    assert_eq!(refused(Value::Null), fault("required"));
    assert_eq!(refused(json!("anna")), fault("not_an_id"));
    assert_eq!(refused(json!("pn_00000000000z")), fault("unknown"));
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 0);
    let sale = deal("s0", json!(shop.partners[0]));
    let (status, answer) = shop.track("sale", &sale);
    assert_eq!(said(status, &answer), fault("only_deals"));
    // With the database away nobody can look: it is kept, and pays nobody.
    shop.db.fail(0, Fault::Lost);
    shop.tracked("deal", &deal("d1", json!("pn_00000000000z")));
    for message in shop.queue.sent.take() {
        let message: Value = serde_json::from_str(&message).unwrap();
        let intake = throughline::app::ingest::Intake::read(&message["intake"]).unwrap();
        crate::support::block_on(throughline::app::ingest::store(&shop.db, &intake)).unwrap();
    }
    shop.fold_again();
    assert_eq!(shop.decision("d1")["reason"], "partner_suspended");
    assert_eq!(shop.db.number("SELECT count(*) FROM entries"), 0);
    shop.tracked("deal", &deal("d1", json!("pn_00000000000z")));
}

#[test]
fn each_event_of_a_batch_has_its_own_outcome() {
    let shop = open();
    shop.sell("u0", "o0", &json!({}));
    let sale = |id: &str, amount: Value| {
        json!({"type": "sale", "customerExternalId": "u1", "invoiceId": id, "amount": amount,
            "currency": "usd"})
    };
    let events = json!({"events": [sale("o1", json!(5)), 7, sale("o2", json!(1.5)),
        {"type": "click"}, sale("o0", json!(1)), sale("o1", json!(5)), sale("o1", json!(6)),
        {"customerExternalId": "u1", "type": "lead", "eventName": "l"}]});
    let (status, answer) = shop.track("batch", &events);
    assert_eq!(status, 207);
    let results = answer["results"].as_array().unwrap();
    let outcomes: Vec<String> = results
        .iter()
        .map(|one| said(u16::try_from(one["status"].as_u64().unwrap()).unwrap(), one))
        .collect();
    assert_eq!(
        outcomes,
        [
            "200 ",
            "400 body_not_json",
            "422 validation_failed /amount fractional",
            "422 validation_failed /type not_a_choice",
            "409 conflict",
            "200 ",
            "409 conflict",
            "200 "
        ]
    );
    assert_eq!(results[2]["error"]["code"], "unprocessable_entity");
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 3);
    assert_eq!(shop.db.number("SELECT count(*) FROM conflicts"), 2);
    for (body, said_) in [
        (json!({}), "422 validation_failed /events required"),
        (
            json!({"events": []}),
            "422 validation_failed /events required",
        ),
        (
            json!({"events": {}}),
            "422 validation_failed /events required",
        ),
        (
            json!({"events": vec![0; 51]}),
            "422 validation_failed /events required",
        ),
    ] {
        let (status, answer) = shop.track("batch", &body);
        assert_eq!(said(status, &answer), said_);
    }
    let large = json!({"events": [], "x": "y".repeat(262_144)});
    let (status, answer) = shop.track("batch", &large);
    assert_eq!(said(status, &answer), "413 body_too_large");
}

#[test]
fn events_without_an_id_get_one_each() {
    let shop = open();
    let segment = json!({"program": shop.program, "kind": "segment", "write_key": "k"});
    shop.made("POST", "destinations", &segment);
    let sale = json!({"type": "sale", "customerExternalId": "u1", "amount": 5, "currency": "usd",
        "customerEmail": "a@b.example", "context": {"consent": "full"}});
    let batches = shop.db.batches();
    let (status, answer) = shop.track("batch", &json!({"events": vec![sale; 50]}));
    assert_eq!(status, 200);
    assert_eq!(shop.db.batches() - batches, 1, "one round trip");
    assert_eq!(answer["results"][49]["idempotency"]["from"], "server");
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 50);
    let sealed = "SELECT count(DISTINCT substr(body ->> 'segment', 1, 35)) FROM sealed_rows";
    assert_eq!(shop.db.number(sealed), 50, "no nonce is used twice");
}

#[test]
fn a_batch_with_the_database_away_waits_in_the_queue_event_by_event() {
    let shop = open();
    let token = shop.click("anna").token;
    let events = life(&shop, &token);
    shop.db.fail(0, Fault::Lost);
    let (status, answer) = shop.track("batch", &json!({"events": events}));
    assert_eq!(status, 200, "{answer}");
    let held = shop.queue.sent.take();
    assert_eq!(held.len(), events.len());
    assert!(!held.join("").contains("u1\""), "nothing in clear");
    shop.db.fail(0, Fault::Lost);
    shop.queue.down.set(true);
    let mixed = json!({"events": [events[0], {"type": "sale"}]});
    let (status, answer) = shop.track("batch", &mixed);
    assert_eq!(status, 207);
    let codes = [&answer["results"][0]["code"], &answer["results"][1]["code"]];
    assert_eq!(codes, ["unavailable", "validation_failed"]);
    shop.db.fail(0, Fault::Lost);
    let (status, answer) = shop.track("batch", &json!({"events": events}));
    assert_eq!(said(status, &answer), "503 unavailable");
    let id = "SELECT id FROM api_keys WHERE scope = 'track'";
    let id = shop.db.column(id).remove(0);
    shop.control("DELETE", &format!("keys/{id}"), &json!({}));
    let (status, answer) = shop.track("batch", &json!({"events": events}));
    assert_eq!(said(status, &answer), "403 key_revoked");
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 0);
}

#[test]
fn wrong_amounts_currencies_lines_and_ids_are_named_and_nothing_is_kept() {
    let shop = open();
    let sale = json!({"customerExternalId": "u1", "invoiceId": "o1", "amount": 1_000,
        "currency": "usd"});
    for (more, fault) in [
        (json!({"amount": 10.5}), "/amount fractional"),
        (json!({"amount": -1}), "/amount negative"),
        (
            json!({"amount": 9_007_199_254_740_992_i64}),
            "/amount out_of_range",
        ),
        (json!({"amount": 1e300}), "/amount out_of_range"),
        (json!({"currency": "XXQ"}), "/currency currency_unknown"),
        (json!({"currency": "dollars"}), "/currency too_long"),
        (
            json!({"customerExternalId": "a\u{0}"}),
            "/customerExternalId control_character",
        ),
        (
            json!({"invoiceId": "a\u{1b}b"}),
            "/invoiceId control_character",
        ),
        (json!({"invoiceId": "é".repeat(191)}), "/invoiceId too_long"),
        (json!({"code": "a\tb"}), "/code control_character"),
        (
            json!({"subscriptionId": "a\nb"}),
            "/subscriptionId control_character",
        ),
        (
            json!({"lines": [{"amount": 1_001}]}),
            "/lines parts_exceed_amount",
        ),
        (
            json!({"lines": [{"amount": 900}], "shipping": 200}),
            "/lines parts_exceed_amount",
        ),
        (json!({"tax": 1_001}), "/amount parts_exceed_amount"),
        (json!({"lines": [{"sku": "a"}]}), "/lines/0/amount required"),
        (
            json!({"lines": [{"amount": 5, "tax": 6}]}),
            "/lines/0/tax parts_exceed_amount",
        ),
        (
            json!({"lines": [{"amount": 5, "quantity": 0}]}),
            "/lines/0/quantity out_of_range",
        ),
        (json!({"occurredAt": "yesterday"}), "/occurredAt not_a_time"),
    ] {
        let (status, answer) = shop.track("sale", &merged(&sale, &more));
        let expected = format!("422 validation_failed {fault}");
        assert_eq!(said(status, &answer), expected, "{more}");
    }
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 0);
}

#[test]
fn ids_of_any_script_are_kept_apart_and_whole() {
    let shop = open();
    let ids = [
        "ord_é",
        "ord_e\u{301}",
        "注文",
        "a'b\"c",
        "\u{1f375}",
        "%00",
        "$.x",
    ];
    for id in ids {
        shop.sell(id, id, &json!({}));
    }
    shop.fold_again();
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 7);
    for id in ids {
        shop.tracked("refund", &json!({"refundId": id, "invoiceId": id}));
    }
    shop.fold_again();
    let reasons = "SELECT DISTINCT body ->> 'purchase' IS NOT NULL FROM decisions
        WHERE body ->> 'kind' = 'refund'";
    assert_eq!(shop.db.column(reasons), ["1"]);
}

/// A subscription that two customers name is the merchant's mistake; whose its renewals are must
/// still not depend on what arrived first.
#[test]
fn renewals_of_a_shared_subscription_are_one_customers_whatever_arrives_first() {
    let run = |order: [usize; 3]| {
        let shop = open();
        let token = shop.click("anna").token;
        let other = shop.click("northstar").token;
        shop.wait(60_000);
        let at = shop.now.get().0 / 1_000;
        let sale = |customer: &str, id: &str, token: &str, amount: i64, second: i64| {
            json!({"type": "sale", "customerExternalId": customer, "invoiceId": id,
                "amount": amount, "currency": "usd", "subscriptionId": "sub1", "clickId": token,
                "occurredAt": at + second})
        };
        let events = [
            sale("u1", "s1", &token, 1_000, 0),
            sale("u2", "s2", &other, 3_000, 1),
            json!({"type": "renewal", "invoiceId": "n1", "subscriptionId": "sub1",
                "amount": 1_000, "currency": "usd", "occurredAt": at + 2}),
        ];
        shop.wait(60_000);
        for place in order {
            shop.tracked("event", &events[place]);
            shop.fold();
        }
        shop.fold_again();
        (shop.balance(0), shop.balance(1))
    };
    let first = run([0, 1, 2]);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(first, run(order), "{order:?}");
    }
}
