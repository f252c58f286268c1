//! How deliveries end: whatever a receiver answers, each comes to an end that can be explained; and
//! what was set aside is sent again, with what is left when the person's part is gone.

use crate::support::block_on;
use crate::support::memory::answer;
use crate::support::shop::Shop;
use app::deliver;
use app::ports::{Reply, Statement, Transport};
use domain::forward::destination::{self, Answer, Request};
use serde_json::json;

const HOUR: i64 = 3_600_000;

/// One destination of each kind.
fn all_kinds(shop: &Shop) {
    let google = json!({"client_id": "i", "client_secret": "s", "refresh_token": "r"});
    let each = [
        (
            "webhook",
            json!({"url": "https://h.example/", "events": ["sale"]}),
        ),
        (
            "postback",
            json!({"url": "https://t.example/?o={order_id}"}),
        ),
        ("meta", json!({"pixel_id": "1", "access_token": "t"})),
        ("ga4", json!({"measurement_id": "G-1", "api_secret": "s"})),
        (
            "google_ads",
            json!({"customer_id": "1", "conversion_action_id": "7",
            "credentials": google}),
        ),
        ("tiktok", json!({"pixel_code": "C1", "access_token": "t"})),
        ("segment", json!({"write_key": "k"})),
    ];
    assert_eq!(each.len(), destination::ALL.len());
    for (kind, mut settings) in each {
        settings["kind"] = json!(kind);
        settings["program"] = json!(shop.program);
        shop.made("POST", "destinations", &settings);
    }
}

/// A sale of somebody of whom all is known, folded; its click, unless there is none.
fn sale(shop: &Shop, invoice: &str, clicked: bool) {
    let mut body = json!({"customerExternalId": invoice, "customerEmail": "ada@shop.example",
        "amount": 2_000, "currency": "usd", "invoiceId": invoice, "context": {
        "consent": "full", "userAgent": "Browser/1", "pageUrl": "https://shop.example/thanks",
        "gaClientId": "1234567890.1732230000"}});
    if clicked {
        let ids = "?fbclid=IwAR1&gclid=Cj0-a_B&ttclid=E.C.P.1&sub1=own";
        let click = shop.follow("anna", ids, "", "", "US");
        shop.deliver_visits(invoice, &click.visits);
        shop.wait(60_000);
        body["clickId"] = json!(click.token);
    }
    shop.tracked("sale", &body);
    shop.fold();
}

/// Answers everything in the same way, but where tokens are sold gives one.
struct Always(Reply);

impl Transport for Always {
    async fn send(&self, request: &Request) -> Reply {
        if request.url == "https://oauth2.googleapis.com/token" {
            return answer(200, r#"{"access_token":"y","expires_in":3599}"#);
        }
        self.0.clone()
    }

    async fn sign(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}

/// Sells no tokens, and so is asked for nothing else.
struct Closed;

impl Transport for Closed {
    async fn send(&self, _: &Request) -> Reply {
        answer(400, r#"{"error":"invalid_grant"}"#)
    }

    async fn sign(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}

/// Delivers hour after hour, and after a week day after day, until nothing waits.
fn run(shop: &Shop, transport: &impl Transport) {
    for round in 0..24 * 7 + 90 {
        shop.wait(if round < 24 * 7 { HOUR } else { 24 * HOUR });
        let now = shop.now.get();
        while block_on(deliver::deliver(
            &shop.db,
            transport,
            &shop.settings,
            now,
            shop.lease(),
        ))
        .unwrap()
            > 0
        {}
        let waiting = "SELECT count(*) FROM deliveries WHERE state = 'pending'";
        if shop.db.number(waiting) == 0 {
            return;
        }
    }
    panic!("something waits for ever: {:?}", ends(shop));
}

/// The end of each event by the kind of its destination: state and reason.
fn ends(shop: &Shop) -> Vec<String> {
    shop.db.column(
        "SELECT s.kind || ' ' || d.state || coalesce(' ' || d.last_error, '') FROM deliveries d
         JOIN destinations s ON s.id = d.destination WHERE d.subject = '' ORDER BY s.seq, d.seq",
    )
}

#[test]
fn every_delivery_comes_to_an_end_whatever_is_answered() {
    let bodies = [
        "",
        "<html>",
        r#"{"code":0,"success":true,"events_received":1,"access_token":"y","requestId":"r"}"#,
        r#"{"error":{"code":2}}"#,
        r#"{"code":40100,"access_token":"y","expires_in":9}"#,
    ];
    let statuses = [
        200, 207, 302, 400, 401, 404, 410, 413, 422, 426, 429, 500, 503,
    ];
    let mut replies = vec![Reply::TimedOut, Reply::Unreachable];
    for status in statuses {
        replies.extend(bodies.map(|body| answer(status, body)));
    }
    replies.push(Reply::Answered(Answer {
        status: 503,
        body: String::new(),
        wait_ms: 24 * HOUR,
    }));
    for reply in replies {
        let shop = Shop::open();
        all_kinds(&shop);
        sale(&shop, "o1", true);
        sale(&shop, "o2", false);
        run(&shop, &Always(reply.clone()));
        assert_ended(&shop);
    }
    let shop = Shop::open();
    all_kinds(&shop);
    sale(&shop, "o1", true);
    run(&shop, &Closed);
    assert_ended(&shop);
    let google = ends(&shop).remove(4);
    assert_eq!(google, "google_ads expired event_too_old");
}

fn assert_ended(shop: &Shop) {
    let rows = shop.list("deliveries");
    assert!(rows.len() >= 7);
    for row in &rows {
        let state = row["state"].as_str().unwrap();
        let explained = row["last_error"].is_string();
        let known = ["delivered", "skipped", "expired", "set_aside"].contains(&state);
        assert!(known && (explained || state == "delivered"), "{row}");
        assert!(row["attempts"].as_i64().unwrap() <= 9, "{row}");
    }
    let aside = rows.iter().any(|row| row["state"] == "set_aside");
    let kept = shop.db.number("SELECT count(*) FROM sealed_rows");
    assert!(aside || kept == 0, "kept for nobody");
}

/// Without a throttle nothing but the delivery's own time holds it back.
#[test]
fn a_failing_receiver_is_asked_again_when_it_said() {
    let shop = Shop::open();
    let hook = json!({"program": shop.program, "kind": "webhook", "url": "https://h.example/",
        "events": ["sale"]});
    shop.made("POST", "destinations", &hook);
    sale(&shop, "o1", false);
    let busy = Reply::Answered(Answer {
        status: 503,
        body: String::new(),
        wait_ms: 2 * HOUR,
    });
    shop.receiver.replies.borrow_mut().push(busy);
    assert_eq!(shop.deliver(), 1);
    shop.wait(2 * HOUR - 1);
    assert_eq!(shop.deliver(), 0, "not before Retry-After");
    shop.wait(1);
    assert_eq!(shop.deliver(), 1);
    assert_eq!(ends(&shop), ["webhook delivered"]);
}

#[test]
fn what_is_sent_again_without_its_person_says_what_is_left() {
    let shop = Shop::open();
    all_kinds(&shop);
    for (invoice, clicked) in [("o1", true), ("o2", false)] {
        sale(&shop, invoice, clicked);
        run(&shop, &Always(answer(410, "")));
        shop.db.execute("UPDATE destinations SET paused_until = 0");
    }
    for row in shop.list("deliveries") {
        let by_rule = ["no_partner", "not_wanted"].map(|why| json!(why));
        assert!(
            row["state"] == "set_aside" || by_rule.contains(&row["last_error"]),
            "{row}"
        );
    }
    shop.db.execute("UPDATE sealed_rows SET expires_at = 0");
    let now = json!({"now": shop.now.get()});
    let expire = vec![Statement::new(deliver::EXPIRE_SEALED, &now)];
    block_on(app::ports::Database::batch(&shop.db, expire)).unwrap();
    assert_eq!(shop.db.number("SELECT count(*) FROM sealed_rows"), 0);

    // One by one, then all that are left of each destination.
    let mut aside = shop.list("deliveries");
    aside.retain(|row| row["state"] == "set_aside");
    let first = aside.remove(0);
    let path = format!("deliveries/{}/retry", first["id"].as_str().unwrap());
    let again = shop.made("POST", &path, &json!({}));
    assert_eq!(
        (&again["id"], &again["state"]),
        (&first["id"], &json!("pending"))
    );
    let mut retried = 0;
    for row in shop.list("destinations") {
        let path = format!("destinations/{}/retry", row["id"].as_str().unwrap());
        retried += shop.made("POST", &path, &json!({}))["retried"]
            .as_i64()
            .unwrap();
    }
    assert_eq!(retried, 12, "without the first, and the postback of nobody");
    let good = json!({"events_received": 1, "code": 0, "success": true, "access_token": "y",
        "expires_in": 3_599, "requestId": "r",
        "requestStatusPerDestination": [{"requestStatus": "SUCCESS"}]});
    run(&shop, &Always(answer(200, &good.to_string())));
    let expected: [&[&str]; 7] = [
        &["webhook delivered", "webhook delivered"],
        &["postback delivered", "postback skipped no_partner"],
        &["meta delivered", "meta skipped match_key_missing"],
        &[
            "ga4 skipped client_id_missing",
            "ga4 skipped client_id_missing",
        ],
        &[
            "google_ads delivered",
            "google_ads skipped match_key_missing",
        ],
        &[
            "tiktok skipped user_agent_missing",
            "tiktok skipped user_agent_missing",
        ],
        &["segment delivered", "segment delivered"],
    ];
    assert_eq!(ends(&shop), expected.concat());
    let row = shop.list("deliveries").remove(0);
    let path = format!("deliveries/{}/retry", row["id"].as_str().unwrap());
    assert_eq!(
        shop.control("POST", &path, &json!({})).1["code"],
        "state_unfit"
    );
}
