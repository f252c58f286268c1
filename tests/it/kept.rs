//! Invariant 6: what identifies a person is kept for destinations only with permission, and goes
//! when the permission goes.

use crate::support::shop::{Clicked, Shop};
use crate::support::sqlite::Fault;
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;

/// A shop that tells a webhook, Meta and TikTok; TikTok takes limited data.
fn open() -> Shop {
    let shop = Shop::open();
    for mut body in [
        json!({"kind": "webhook", "url": "https://hooks.example/in"}),
        json!({"kind": "meta", "pixel_id": "123", "access_token": "EAAB-secret"}),
        json!({"kind": "tiktok", "pixel_code": "C1", "access_token": "t", "limited_data": true}),
    ] {
        body["program"] = json!(shop.program);
        shop.made("POST", "destinations", &body);
    }
    shop
}

/// What every call tells of a person; `more` is added or replaces.
fn person(mut more: Value) -> Value {
    let mut body = json!({"customerExternalId": "u1", "customerEmail": "a@shop.example",
        "customerPhone": "+44 20 7946 0958", "amount": 2_000, "currency": "usd",
        "context": {"userAgent": "Browser/1", "pageUrl": "https://shop.example/thanks",
            "fbp": "fb.1.1700000000000.1234567890", "ttp": "t1",
            "gaClientId": "GA1.1.1234567890.1732230000"}});
    if let Some(consent) = more["consent"].as_str() {
        body["context"]["consent"] = json!(consent);
    }
    more.as_object_mut().unwrap().remove("consent");
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

fn track(shop: &Shop, kind: &str, more: Value) {
    let body = person(more);
    let (status, answer) = shop.track(kind, &body);
    assert_eq!(status, 200, "{answer}");
    shop.wait(1_000);
}

fn lead(shop: &Shop, click: &Clicked) {
    track(
        shop,
        "lead",
        json!({"eventName": "Sign up", "clickId": click.token}),
    );
}

fn sale(shop: &Shop, id: &str, more: Value) {
    let mut body = more;
    body["invoiceId"] = json!(id);
    track(shop, "sale", body);
}

/// The events that something is kept of, by their keys, and for which kinds of destination.
fn kept(shop: &Shop) -> Vec<String> {
    shop.db.column(
        "SELECT iif(f.kind = 'lead', 'lead', f.key) || ' ' ||
           (SELECT group_concat(k.key, ' ') FROM json_each(r.body) k)
         FROM sealed_rows r LEFT JOIN facts f ON f.id = r.event ORDER BY 1",
    )
}

/// The events that were not held back for want of permission.
fn allowed_to_meta(shop: &Shop) -> Vec<String> {
    shop.db.column(
        "SELECT f.key FROM deliveries v JOIN facts f ON f.id = v.event
         JOIN destinations d ON d.id = v.destination
         WHERE d.kind = 'meta' AND v.attempts > 0
           AND v.last_error IS NOT 'no_consent' ORDER BY 1",
    )
}

const ALL: &str = "meta tiktok webhook";

fn all(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{name} {ALL}")).collect()
}

#[test]
fn a_sale_without_a_word_about_consent_keeps_nothing_of_the_person() {
    let shop = open();
    shop.db
        .execute("UPDATE destinations SET paused_until = 9e15");
    sale(&shop, "o1", json!({}));
    sale(&shop, "o2", json!({"consent": "session"}));
    sale(&shop, "o3", json!({"consent": "code"}));
    sale(&shop, "o4", json!({"clickId": "tlc_forged"}));
    let batch = person(json!({"type": "sale", "invoiceId": "o5"}));
    assert_eq!(shop.track("batch", &json!({"events": [batch]})).0, 200);
    assert_eq!(kept(&shop), [""; 0]);
    shop.fold();
    assert_eq!(shop.db.number("SELECT count(*) FROM facts"), 5);
    shop.db.execute("UPDATE destinations SET paused_until = 0");
    shop.wait(2 * MINUTE);
    while shop.deliver() > 0 {}
    let skipped = "SELECT count(*) FROM deliveries
        WHERE state = 'skipped' AND last_error = 'no_consent'";
    assert_eq!(shop.db.number(skipped), 10, "two platforms");
    let got = shop.receiver.got.borrow();
    assert_eq!(got.len(), 5, "the webhook hears of each");
    for request in got.iter() {
        for word in ["u1", "a@shop.example", "Browser/1", "1234567890"] {
            assert!(!request.body.contains(word), "{word} in {}", request.body);
        }
    }
}

#[test]
fn a_word_a_token_or_the_customers_touch_is_permission() {
    let shop = open();
    sale(
        &shop,
        "said",
        json!({"customerExternalId": "u0", "consent": "full"}),
    );
    lead(&shop, &shop.click("anna"));
    sale(&shop, "later", json!({}));
    shop.fold();
    sale(&shop, "folded", json!({}));
    assert_eq!(kept(&shop), all(&["folded", "later", "lead", "said"]));
    // A word alone speaks for its own event, as it does when destinations are told.
    sale(&shop, "silent", json!({"customerExternalId": "u0"}));
    // Of another customer, or before the touch, nothing is known.
    sale(&shop, "other", json!({"customerExternalId": "u9"}));
    let before = shop.now.get().0 / 1_000 - 86_400;
    sale(&shop, "before", json!({"occurredAt": before}));
    assert_eq!(kept(&shop), all(&["folded", "later", "lead", "said"]));
    shop.fold();
    shop.wait(2 * MINUTE);
    while shop.deliver() > 0 {}
    let states = shop.db.column(
        "SELECT DISTINCT f.key || ' ' || iif(v.last_error = 'no_consent', 'skipped', 'sent')
         FROM deliveries v JOIN facts f ON f.id = v.event
         JOIN destinations d ON d.id = v.destination
         WHERE d.kind = 'meta' AND f.kind = 'sale' ORDER BY 1",
    );
    assert_eq!(
        states,
        [
            "before skipped",
            "folded sent",
            "later sent",
            "other skipped",
            "said sent",
            "silent skipped"
        ]
    );
}

#[test]
fn lead_and_sale_in_one_call_know_of_each_other() {
    let shop = open();
    let token = shop.click("anna").token;
    let events = [
        person(json!({"type": "lead", "eventName": "Sign up", "clickId": token})),
        person(json!({"type": "sale", "invoiceId": "o1"})),
        person(json!({"type": "sale", "invoiceId": "o2", "customerExternalId": "u2"})),
    ];
    let batches = shop.db.batches();
    assert_eq!(shop.track("batch", &json!({"events": events})).0, 200);
    assert_eq!(shop.db.batches() - batches, 1, "one round trip");
    assert_eq!(kept(&shop), all(&["lead", "o1"]));
}

#[test]
fn refunds_and_renewals_without_a_customer_ask_their_purchase() {
    let shop = open();
    lead(&shop, &shop.click("anna"));
    let own = json!({"subscriptionId": "sub_1"});
    sale(&shop, "o1", own.clone());
    sale(
        &shop,
        "o2",
        json!({"customerExternalId": "u0", "consent": "full"}),
    );
    let nobody = |more: Value| {
        let mut body = person(more);
        body.as_object_mut().unwrap().remove("customerExternalId");
        body
    };
    for (kind, body) in [
        ("refund", json!({"refundId": "r1", "invoiceId": "o1"})),
        ("refund", json!({"refundId": "r2", "invoiceId": "o2"})),
        ("refund", json!({"refundId": "r3", "invoiceId": "unknown"})),
        (
            "refund",
            json!({"refundId": "r4", "invoiceId": "o1", "consent": "code"}),
        ),
        (
            "renewal",
            json!({"invoiceId": "n1", "subscriptionId": "sub_1"}),
        ),
        (
            "renewal",
            json!({"invoiceId": "n2", "subscriptionId": "sub_2"}),
        ),
    ] {
        let (status, answer) = shop.track(kind, &nobody(body));
        assert_eq!(status, 200, "{answer}");
    }
    let platforms = |key: &str| format!("{key} meta tiktok");
    let mut expected = all(&["lead", "o1", "o2"]);
    expected.extend(["n1", "r1", "r2"].map(platforms));
    expected.sort();
    assert_eq!(
        kept(&shop),
        expected,
        "no customer id, nothing for the webhook"
    );
}

#[test]
fn a_refusal_takes_also_what_names_only_the_purchase_or_the_subscription() {
    let shop = open();
    shop.db
        .execute("UPDATE destinations SET paused_until = 9e15");
    let full = |more: Value| {
        let mut body = more;
        body["consent"] = json!("full");
        body
    };
    sale(&shop, "o1", full(json!({"subscriptionId": "sub_1"})));
    let other = json!({"subscriptionId": "sub_9", "customerExternalId": "u9"});
    sale(&shop, "o9", full(other));
    let nobodys = [
        (
            "renewal",
            json!({"invoiceId": "n1", "subscriptionId": "sub_1"}),
        ),
        ("refund", json!({"refundId": "r1", "invoiceId": "o1"})),
        ("refund", json!({"refundId": "r2", "invoiceId": "n1"})),
        (
            "renewal",
            json!({"invoiceId": "n9", "subscriptionId": "sub_9"}),
        ),
        ("refund", json!({"refundId": "r9", "invoiceId": "n9"})),
    ];
    for (kind, body) in nobodys {
        let mut body = person(full(body));
        body.as_object_mut().unwrap().remove("customerExternalId");
        let (status, answer) = shop.track(kind, &body);
        assert_eq!(status, 200, "{answer}");
    }
    let platforms = |key: &str| format!("{key} meta tiktok");
    let mut before = all(&["o1", "o9"]);
    before.extend(["n1", "n9", "r1", "r2", "r9"].map(platforms));
    before.sort();
    assert_eq!(kept(&shop), before);
    sale(&shop, "no", json!({"consent": "code"}));
    assert_eq!(
        kept(&shop),
        [platforms("n9"), all(&["o9"]).remove(0), platforms("r9")]
    );
    shop.fold();
    shop.db.execute("UPDATE destinations SET paused_until = 0");
    shop.wait(2 * MINUTE);
    while shop.deliver() > 0 {}
    assert_eq!(allowed_to_meta(&shop), ["n9", "o9", "r9"]);
}

#[test]
fn an_opt_out_is_kept_only_for_who_takes_limited_data() {
    let shop = open();
    let click = shop.follow("anna", "", "", "1", "US");
    sale(&shop, "o1", json!({"clickId": click.token}));
    sale(&shop, "o2", json!({}));
    assert_eq!(kept(&shop), ["o1 tiktok"]);
    sale(
        &shop,
        "o3",
        json!({"clickId": click.token, "consent": "code"}),
    );
    assert_eq!(kept(&shop), [""; 0], "a refusal takes that too");
}

#[test]
fn a_refusal_takes_what_waits_of_the_customer_and_nobody_is_told_any_more() {
    let refusals: [fn(&Shop); 3] = [
        |shop| sale(shop, "no", json!({"consent": "code"})),
        |shop| sale(shop, "no", json!({"consent": "session"})),
        |shop| {
            let click = shop.follow("anna", "", "", "1", "US");
            sale(shop, "no", json!({"clickId": click.token}));
        },
    ];
    for refuse in refusals {
        let shop = open();
        shop.db
            .execute("UPDATE destinations SET paused_until = 9e15");
        lead(&shop, &shop.click("anna"));
        sale(&shop, "o1", json!({"consent": "full"}));
        sale(
            &shop,
            "o9",
            json!({"customerExternalId": "u9", "consent": "full"}),
        );
        shop.fold();
        assert_eq!(kept(&shop), all(&["lead", "o1", "o9"]));
        refuse(&shop);
        sale(&shop, "after", json!({}));
        let others: Vec<String> = kept(&shop);
        assert!(others.contains(&format!("o9 {ALL}")), "{others:?}");
        assert!(
            others
                .iter()
                .all(|row| row.starts_with("o9") || row == "no tiktok"),
            "{others:?}"
        );
        shop.fold();
        shop.db.execute("UPDATE destinations SET paused_until = 0");
        shop.wait(2 * MINUTE);
        while shop.deliver() > 0 {}
        assert_eq!(allowed_to_meta(&shop), ["o9"]);
    }
}

#[test]
fn a_later_permission_holds_again() {
    let shop = open();
    lead(&shop, &shop.click("anna"));
    sale(&shop, "no", json!({"consent": "code"}));
    sale(&shop, "o1", json!({}));
    assert_eq!(kept(&shop), [""; 0]);
    let click = shop.click("anna");
    shop.wait(1_000);
    sale(&shop, "o2", json!({"clickId": click.token}));
    sale(&shop, "o3", json!({}));
    assert_eq!(kept(&shop), all(&["o2", "o3"]));
}

#[test]
fn while_the_database_is_away_the_queue_holds_only_what_the_call_itself_allows() {
    let shop = open();
    lead(&shop, &shop.click("anna"));
    let click = shop.click("anna");
    let opted_out = shop.follow("anna", "", "", "1", "US");
    let cases = [
        (json!({}), false),
        (json!({"consent": "code"}), false),
        (json!({"clickId": opted_out.token}), false),
        (json!({"consent": "full"}), true),
        (json!({"clickId": click.token}), true),
        (json!({"clickId": click.token, "consent": "session"}), false),
    ];
    for (place, (mut body, expected)) in cases.into_iter().enumerate() {
        body["invoiceId"] = json!(format!("o{place}"));
        shop.db.fail(0, Fault::Lost);
        assert_eq!(shop.track("sale", &person(body)).0, 200);
        let message: Value = serde_json::from_str(&shop.queue.sent.take()[0]).unwrap();
        let held = message["intake"]["kept"].as_object().unwrap();
        assert_eq!(!held.is_empty(), expected, "{place}: {message}");
    }
}
