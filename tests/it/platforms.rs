//! Google Ads through the engine: a token, a request, questions about it; and refunds, which know
//! the click of their sale and may be told to nobody although the sale was.

use crate::support::memory::answer;
use crate::support::shop::Shop;
use serde_json::{Value, json};
use throughline::domain::destination::Method;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn google(shop: &Shop) {
    let credentials = json!({"client_id": "i", "client_secret": "s", "refresh_token": "r"});
    let body = json!({"program": shop.program, "kind": "google_ads", "customer_id": "1",
        "conversion_action_id": "7", "credentials": credentials});
    shop.made("POST", "destinations", &body);
}

/// The next requests are answered like this.
fn replies(shop: &Shop, bodies: &[&Value]) {
    let mut replies = shop.receiver.replies.borrow_mut();
    replies.extend(bodies.iter().map(|body| answer(200, &body.to_string())));
}

fn token() -> Value {
    json!({"access_token": "ya29.x", "expires_in": 3_599})
}

fn status(word: &str) -> Value {
    json!({"requestStatusPerDestination": [{"requestStatus": word}]})
}

fn row(shop: &Shop, message: &str) -> Value {
    let mut all = shop.list("deliveries");
    all.retain(|row| row["type"] == message);
    all.remove(0)
}

/// A sale after a click from an ad, under full consent.
fn sale(shop: &Shop) {
    let click = shop.follow("anna", "?gclid=Cj0-a_B", "", "", "US");
    shop.deliver_visits("m1", &click.visits);
    let body = json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd",
        "invoiceId": "o1", "clickId": click.token, "context": {"consent": "full"}});
    assert_eq!(shop.track("sale", &body).0, 200);
    shop.fold();
}

fn refund(shop: &Shop, context: &Value) {
    let body = json!({"refundId": "r1", "invoiceId": "o1", "amount": 500, "currency": "usd",
        "context": context});
    assert_eq!(shop.track("refund", &body).0, 200);
    shop.fold();
}

/// The last request's events, and how many requests there were.
fn sent(shop: &Shop) -> (Value, usize) {
    let got = shop.receiver.got.borrow();
    let ingest = got.iter().rfind(|one| one.url.ends_with("events:ingest"));
    let body: Value = serde_json::from_str(&ingest.unwrap().body).unwrap();
    (body["events"].clone(), got.len())
}

fn program_with_full_consent() -> Shop {
    let shop = Shop::open();
    let path = format!("programs/{}", shop.program);
    shop.made("PATCH", &path, &json!({"default_consent": "full"}));
    shop.publish();
    google(&shop);
    shop
}

#[test]
fn an_accepted_request_is_asked_about_with_the_same_ticket_until_it_is_over() {
    let shop = program_with_full_consent();
    sale(&shop);
    shop.wait(2 * MINUTE);
    assert_eq!(shop.deliver(), 1);
    let waiting = row(&shop, "sale.created");
    assert_eq!(waiting["last_error"], "click_too_recent");
    assert_eq!(waiting["attempts"], 0);
    shop.wait(6 * HOUR);
    replies(&shop, &[&token(), &json!({"requestId": "abc"})]);
    assert_eq!(shop.deliver(), 1);
    let (events, requests) = sent(&shop);
    assert_eq!(requests, 2, "a token and the events");
    assert_eq!(events[0]["adIdentifiers"], json!({"gclid": "Cj0-a_B"}));
    for (answer, state) in [
        ("PROCESSING", "pending"),
        ("PROCESSING", "pending"),
        ("SUCCESS", "delivered"),
    ] {
        shop.wait(5 * MINUTE);
        replies(&shop, &[&status(answer)]);
        assert_eq!(shop.deliver(), 1);
        assert_eq!(row(&shop, "sale.created")["state"], state);
    }
    let got = shop.receiver.got.borrow();
    assert_eq!(
        got.len(),
        5,
        "nothing was sent again, no token bought again"
    );
    for question in &got[2..] {
        assert_eq!(question.method, Method::Get);
        assert!(
            question
                .url
                .ends_with("requestStatus:retrieve?requestId=abc")
        );
    }
}

#[test]
fn a_refund_has_the_click_of_its_sale_and_waits_a_day() {
    let shop = program_with_full_consent();
    sale(&shop);
    shop.wait(7 * HOUR);
    replies(&shop, &[&token(), &json!({"requestId": "a"})]);
    shop.deliver();
    shop.wait(MINUTE);
    replies(&shop, &[&status("SUCCESS")]);
    shop.deliver();
    refund(&shop, &json!({}));
    shop.wait(2 * MINUTE);
    shop.deliver();
    assert_eq!(
        row(&shop, "refund.created")["last_error"],
        "correction_after_sale"
    );
    shop.wait(24 * HOUR);
    replies(&shop, &[&token(), &json!({"requestId": "b"})]);
    shop.deliver();
    let (events, _) = sent(&shop);
    let event = &events[0];
    assert_eq!(event["adIdentifiers"], json!({"gclid": "Cj0-a_B"}));
    assert_eq!(event["transactionId"], "o1");
    assert_eq!(event["conversionValue"], 15.0);
    assert!(event["eventTimestamp"].as_str() < event["lastUpdatedTimestamp"].as_str());
}

#[test]
fn what_is_said_with_a_refund_is_heard_where_it_is_less() {
    let shop = program_with_full_consent();
    sale(&shop);
    refund(&shop, &json!({"consent": "session"}));
    shop.wait(48 * HOUR);
    shop.deliver();
    let told = row(&shop, "refund.created");
    assert_eq!(
        (told["state"].as_str(), told["last_error"].as_str()),
        (Some("skipped"), Some("no_consent"))
    );
}

/// Reports what changes the sale `o1`, and gives the value that Google is told a day later.
fn restated(shop: &Shop, kind: &str, body: &Value) -> Value {
    let mut body = body.clone();
    body["invoiceId"] = json!("o1");
    assert_eq!(shop.track(kind, &body).0, 200, "{body}");
    shop.fold();
    shop.wait(25 * HOUR);
    replies(shop, &[&json!({"access_token": "ya29.x", "expires_in": 1})]);
    replies(shop, &[&json!({"requestId": kind})]);
    shop.deliver();
    let (events, _) = sent(shop);
    assert_eq!(events[0]["transactionId"], "o1");
    events[0]["conversionValue"].clone()
}

#[test]
fn a_won_dispute_gives_back_to_its_sale_what_its_chargeback_took() {
    let shop = program_with_full_consent();
    sale(&shop);
    shop.db
        .execute("UPDATE deliveries SET state = 'delivered', done_at = 1");
    let part =
        |name: &str, id: &str, amount: i64| json!({name: id, "amount": amount, "currency": "usd"});
    let refund = |id: &str, amount: i64| part("refundId", id, amount);
    assert_eq!(restated(&shop, "refund", &refund("r1", 300)), 17.0);
    let charged = part("disputeId", "d1", 500);
    assert_eq!(restated(&shop, "chargeback", &charged), 12.0);
    assert_eq!(
        restated(&shop, "dispute_won", &json!({"disputeId": "d1"})),
        17.0
    );
    assert_eq!(restated(&shop, "refund", &refund("r2", 100)), 16.0);
    // What takes nothing: a dispute without chargeback, a refund in another currency.
    assert_eq!(
        restated(&shop, "dispute_won", &json!({"disputeId": "d9"})),
        16.0
    );
    let euros = json!({"refundId": "r3", "amount": 100, "currency": "eur"});
    assert_eq!(restated(&shop, "refund", &euros), 16.0);
    assert_eq!(restated(&shop, "refund", &refund("r4", 1_500)), 1.0);
}
