//! The engine behind the destinations: batches and their halves, waits, the circuit breaker, ends.

use crate::support::block_on;
use crate::support::memory::answer;
use crate::support::shop::Shop;
use app::deliver;
use app::ports::{Reply, Transport};
use domain::forward::destination::{Answer, Request};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

/// A platform that takes batches as Meta does: a poisoned event spoils its whole request.
#[derive(Default)]
struct Platform {
    poisoned: BTreeSet<String>,
    down: Cell<bool>,
    /// Orders of each request.
    requests: RefCell<Vec<Vec<String>>>,
    taken: RefCell<Vec<String>>,
}

impl Transport for Platform {
    async fn send(&self, request: &Request) -> Reply {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let events = body["data"].as_array().unwrap().iter();
        let order = |event: &Value| {
            event["custom_data"]["order_id"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let orders: Vec<String> = events.map(order).collect();
        self.requests.borrow_mut().push(orders.clone());
        if self.down.get() {
            return answer(503, "<html>");
        }
        if orders.iter().any(|order| self.poisoned.contains(order)) {
            return answer(
                400,
                r#"{"error":{"code":100,"message":"Invalid parameter"}}"#,
            );
        }
        self.taken.borrow_mut().extend(orders.clone());
        answer(200, &json!({"events_received": orders.len()}).to_string())
    }

    async fn sign(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}

fn meta(shop: &Shop) -> String {
    let body = json!({"program": shop.program, "kind": "meta", "pixel_id": "123",
        "access_token": "EAAB-secret"});
    let made = shop.made("POST", "destinations", &body);
    made["id"].as_str().unwrap().to_owned()
}

fn sales(shop: &Shop, from: usize, count: usize) {
    for number in from..from + count {
        let body = json!({"customerExternalId": format!("u{number}"), "amount": 2_000,
            "customerEmail": format!("u{number}@shop.example"), "currency": "usd",
            "invoiceId": format!("o{number}"), "context": {"consent": "full"}});
        assert_eq!(shop.track("sale", &body).0, 200);
    }
    shop.fold();
    shop.wait(2 * MINUTE);
}

/// Rounds until nothing is due; gives how many there were.
fn run(shop: &Shop, platform: &Platform) -> usize {
    for round in 0..100 {
        let now = shop.now.get();
        let deliver = deliver::deliver(&shop.db, platform, &shop.settings, now, shop.lease());
        if block_on(deliver).unwrap() == 0 {
            return round;
        }
    }
    panic!("it does not come to an end");
}

fn count(shop: &Shop, state: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM deliveries WHERE state = '{state}'");
    shop.db.number(&sql)
}

#[test]
fn events_of_one_destination_go_together() {
    let shop = Shop::open();
    meta(&shop);
    sales(&shop, 0, 40);
    let platform = Platform::default();
    let before = shop.db.batches();
    run(&shop, &platform);
    assert_eq!(platform.requests.borrow().len(), 1);
    assert_eq!(platform.taken.borrow().len(), 40);
    assert_eq!(count(&shop, "delivered"), 40);
    assert_eq!(
        shop.db.batches() - before,
        3,
        "claim, settle, and a look for more"
    );
}

#[test]
fn a_poisoned_event_takes_no_other_with_it() {
    for poisoned in [vec![0], vec![39], vec![7, 8], vec![3, 21, 38]] {
        let shop = Shop::open();
        meta(&shop);
        sales(&shop, 0, 40);
        let platform = Platform {
            poisoned: poisoned.iter().map(|n| format!("o{n}")).collect(),
            ..Platform::default()
        };
        run(&shop, &platform);
        let mut taken = platform.taken.borrow().clone();
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), 40 - poisoned.len(), "each other one arrived");
        assert_eq!(taken.len(), platform.taken.borrow().len(), "and only once");
        assert_eq!(
            count(&shop, "set_aside"),
            i64::try_from(poisoned.len()).unwrap()
        );
        let aside = shop.db.column(
            "SELECT f.key || ' ' || d.last_error || ' ' || d.attempts FROM deliveries d
             JOIN facts f ON f.id = d.event WHERE d.state = 'set_aside' ORDER BY d.seq",
        );
        let expected = poisoned
            .iter()
            .map(|n| format!("o{n} http 400, code 100 1"));
        assert_eq!(aside, expected.collect::<Vec<_>>(), "halving is no attempt");
        let requests = platform.requests.borrow().len();
        assert!(
            requests <= 2 * 7 * poisoned.len() + 1,
            "{requests} requests"
        );
    }
}

#[test]
fn retry_after_is_heeded_and_all_wait() {
    let shop = Shop::open();
    meta(&shop);
    sales(&shop, 0, 1);
    shop.receiver
        .replies
        .borrow_mut()
        .push(Reply::Answered(Answer {
            status: 429,
            body: String::new(),
            wait_ms: 20 * MINUTE,
        }));
    assert_eq!(shop.deliver(), 1);
    sales(&shop, 1, 1);
    assert_eq!(shop.deliver(), 0, "the destination is left alone");
    shop.wait(18 * MINUTE - SECOND);
    assert_eq!(shop.deliver(), 0);
    shop.wait(SECOND);
    shop.receiver
        .replies
        .borrow_mut()
        .push(answer(200, r#"{"events_received":2}"#));
    assert_eq!(shop.deliver(), 2);
    assert_eq!(count(&shop, "delivered"), 2);
}

#[test]
fn a_destination_that_is_down_is_left_alone_and_asked_with_one_request() {
    let shop = Shop::open();
    let id = meta(&shop);
    let platform = Platform::default();
    platform.down.set(true);
    let mut sent = 0;
    for number in 0..5 {
        sales(&shop, number, 1);
        // The older ones come later, each on its own schedule.
        shop.db
            .execute("UPDATE deliveries SET next_at = 9e15 WHERE attempts > 0");
        run(&shop, &platform);
        sent += 1;
        assert_eq!(platform.requests.borrow().len(), sent);
    }
    let paused = shop.made("GET", &format!("destinations/{id}"), &json!({}));
    assert_eq!(
        (paused["failures"].as_i64(), &paused["last_error"]),
        (Some(5), &json!("http 503"))
    );
    // Within the pause nothing is looked at; then one request shows that it is still down.
    shop.db.execute("UPDATE deliveries SET next_at = 0");
    assert_eq!(run(&shop, &platform), 0);
    shop.wait(30 * SECOND);
    run(&shop, &platform);
    assert_eq!(platform.requests.borrow().len(), sent + 1);
    assert_eq!(count(&shop, "pending"), 5);
    platform.down.set(false);
    shop.db.execute("UPDATE deliveries SET next_at = 0");
    shop.wait(MINUTE);
    run(&shop, &platform);
    assert_eq!(count(&shop, "delivered"), 5);
    let healthy = shop.made("GET", &format!("destinations/{id}"), &json!({}));
    assert_eq!(
        (&healthy["failures"], &healthy["paused_until"]),
        (&json!(0), &Value::Null)
    );
}

#[test]
fn credentials_are_mended_and_what_was_set_aside_goes_out() {
    let shop = Shop::open();
    let id = meta(&shop);
    sales(&shop, 0, 3);
    let body = r#"{"error":{"code":190,"message":"EAAB-secret"}}"#;
    shop.receiver.replies.borrow_mut().push(answer(400, body));
    assert_eq!(shop.deliver(), 3);
    assert_eq!(count(&shop, "set_aside"), 3);
    sales(&shop, 3, 1);
    assert_eq!(shop.deliver(), 0, "nobody knocks with a bad token");
    let path = format!("destinations/{id}");
    let mended = shop.made("PATCH", &path, &json!({"access_token": "EAAC-secret"}));
    assert_eq!(
        (&mended["failures"], &mended["last_error"]),
        (&json!(0), &Value::Null)
    );
    let retried = shop.made("POST", &format!("{path}/retry"), &json!({}));
    assert_eq!(retried["retried"], 3);
    shop.receiver
        .replies
        .borrow_mut()
        .push(answer(200, r#"{"events_received":4}"#));
    assert_eq!(shop.deliver(), 4);
    assert_eq!(count(&shop, "delivered"), 4);
    let got = shop.receiver.got.borrow();
    let token = got
        .last()
        .unwrap()
        .headers
        .iter()
        .find(|(name, _)| *name == "authorization");
    assert_eq!(token.unwrap().1, "Bearer EAAC-secret");
}

#[test]
fn age_is_checked_again_at_each_attempt() {
    let shop = Shop::open();
    let id = meta(&shop);
    sales(&shop, 0, 1);
    shop.receiver
        .replies
        .borrow_mut()
        .push(answer(400, r#"{"error":{"code":190}}"#));
    assert_eq!(shop.deliver(), 1);
    shop.wait(7 * 24 * 60 * MINUTE);
    shop.made("POST", &format!("destinations/{id}/retry"), &json!({}));
    assert_eq!(shop.deliver(), 1);
    assert_eq!(shop.receiver.got.borrow().len(), 1);
    assert_eq!(count(&shop, "expired"), 1);
    assert_eq!(shop.db.number("SELECT count(*) FROM sealed_rows"), 0);
}

#[test]
fn one_slow_destination_leaves_the_others_their_share() {
    let shop = Shop::open();
    let hook = json!({"program": shop.program, "kind": "webhook", "url": "https://h.example/"});
    shop.made("POST", "destinations", &hook);
    sales(&shop, 0, 300);
    meta(&shop);
    sales(&shop, 300, 1);
    let now = shop.now.get();
    let round = deliver::deliver(&shop.db, &shop.receiver, &shop.settings, now, shop.lease());
    assert_eq!(block_on(round).unwrap(), 51);
    let got = shop.receiver.got.borrow();
    assert!(got.iter().any(|request| request.url.contains("facebook")));
}

#[test]
fn notices_follow_the_ledger_once_each() {
    use app::ports::{Database, Statement};
    use domain::forward::destination::notice::{self, Commission, Step, Violation};
    let shop = Shop::open();
    let hook = json!({"program": shop.program, "kind": "webhook", "url": "https://h.example/",
        "events": ["commission", "violation.opened"]});
    shop.made("POST", "destinations", &hook);
    meta(&shop);
    sales(&shop, 0, 1);
    let event = shop.db.column("SELECT id FROM facts").remove(0);
    let commission = Commission {
        entry: "le_1",
        program: &shop.program,
        partner: &shop.partners[0],
        event: &event,
        money: crate::destinations::events::money(200, "USD").unwrap(),
        reason: "last_touch",
        at: shop.now.get(),
    };
    let violation = Violation {
        id: "vi_1",
        program: &shop.program,
        partner: &shop.partners[0],
        event: "ev_gone",
        rule: "self_purchase",
        detail: "The partner bought it.",
        at: shop.now.get(),
    };
    let notices = [
        notice::commission(Step::Earned, &commission),
        notice::commission(Step::Approved, &commission),
        notice::violation(&violation),
    ];
    let param = json!({"notices": notices, "now": shop.now.get()});
    for _ in 0..2 {
        let statement = Statement::new(deliver::ADD_NOTICES, &param);
        block_on(shop.db.batch(vec![statement])).unwrap();
    }
    shop.deliver();
    let got = shop.receiver.got.borrow();
    let of_hook = got
        .iter()
        .filter(|request| request.url.contains("h.example"));
    let bodies: Vec<Value> = of_hook
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .collect();
    let types: Vec<_> = bodies
        .iter()
        .map(|body| body["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "commission.earned",
            "commission.approved",
            "violation.opened"
        ]
    );
    assert_eq!(
        bodies[0]["data"]["amount"],
        json!({"amount": 200, "currency": "USD"})
    );
    assert_eq!(bodies[2]["data"]["rule"], "self_purchase");
}

#[test]
fn with_the_database_away_the_queue_holds_no_person_and_nothing_is_lost() {
    use crate::support::sqlite::Fault;
    use app::ingest::{self, Intake};
    let shop = Shop::open();
    meta(&shop);
    let sale = json!({"customerExternalId": "Cust-Qzx7", "customerEmail": "Ada@Qzx7.example",
        "customerPhone": "+44 20 7946 0958", "customerName": "Ada Qzx7", "amount": 2_000,
        "currency": "usd", "invoiceId": "o1", "context": {"consent": "full",
        "userAgent": "Agent-Qzx7", "pageUrl": "https://shop.example/qzx7"}});
    shop.db.fail(0, Fault::Lost);
    assert_eq!(shop.track("sale", &sale).0, 200);
    let sent = shop.queue.sent.borrow().clone();
    assert_eq!(sent.len(), 1);
    let hash = domain::forward::destination::hashing::email("Ada@Qzx7.example").unwrap();
    for word in ["qzx7", "2079460958", "20 7946", hash.as_str()] {
        assert!(!sent[0].to_lowercase().contains(word), "{word}");
    }
    shop.db.heal();
    let message: Value = serde_json::from_str(&sent[0]).unwrap();
    let intake = Intake::read(&message["intake"]).unwrap();
    block_on(ingest::store(&shop.db, &intake)).unwrap();
    shop.fold();
    shop.wait(2 * MINUTE);
    shop.deliver();
    assert!(shop.receiver.got.borrow()[0].body.contains(&hash));
}

#[test]
fn only_wanted_messages_go_out() {
    let shop = Shop::open();
    let body = json!({"program": shop.program, "kind": "webhook", "url": "https://h.example/",
        "events": ["lead", "sale.changed"]});
    let made = shop.made("POST", "destinations", &body);
    assert_eq!(made["events"], json!(["lead", "sale.changed"]));
    sales(&shop, 0, 1);
    let lead = json!({"customerExternalId": "u9", "eventName": "Sign up"});
    assert_eq!(shop.track("lead", &lead).0, 200);
    shop.fold();
    shop.deliver();
    assert_eq!(shop.receiver.got.borrow().len(), 1);
    let reasons = shop
        .db
        .column("SELECT last_error FROM deliveries WHERE state = 'skipped'");
    assert_eq!(reasons, ["not_wanted"]);
}
