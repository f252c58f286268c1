//! The outbox: one sender at a time, the same id on every attempt, the schedule to its end, and
//! nothing to an ad platform without permission.

use crate::support::block_on;
use crate::support::memory::answer;
use crate::support::shop::Shop;
use app::deliver;
use app::ports::{Reply, Transport};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::forward::destination::Request;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use std::cell::RefCell;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn status(status: u16) -> Reply {
    answer(status, "")
}

pub fn webhook(shop: &Shop) -> Value {
    let body = json!({"program": shop.program, "kind": "webhook",
        "url": "https://hooks.example/in"});
    shop.made("POST", "destinations", &body)
}

pub fn meta(shop: &Shop) -> Value {
    let body = json!({"program": shop.program, "kind": "meta", "pixel_id": "123",
        "access_token": "EAAB-secret"});
    shop.made("POST", "destinations", &body)
}

/// A sale with browser facts, folded.
pub fn sale(shop: &Shop, id: &str, click: &str, consent: Option<&str>) {
    let mut body = json!({"customerExternalId": "u1", "customerEmail": "A@Shop.Example",
        "amount": 2_000, "currency": "usd", "invoiceId": id, "clickId": click,
        "context": {"userAgent": "Browser/1", "pageUrl": "https://shop.example/thanks"}});
    if let Some(consent) = consent {
        body["context"]["consent"] = json!(consent);
    }
    assert_eq!(shop.track("sale", &body).0, 200);
    shop.fold();
}

pub fn row(shop: &Shop) -> Value {
    shop.list("deliveries").remove(0)
}

pub fn header(request: &Request, name: &str) -> String {
    let found = request.headers.iter().find(|(known, _)| *known == name);
    found.unwrap().1.clone()
}

fn sealed(shop: &Shop) -> i64 {
    shop.db.number("SELECT count(*) FROM sealed_rows")
}

/// While one deliverer sends, another one looks for work.
struct Second<'a> {
    shop: &'a Shop,
    found: RefCell<usize>,
}

impl Transport for Second<'_> {
    async fn send(&self, request: &Request) -> Reply {
        let shop = self.shop;
        let now = shop.now.get();
        let run = deliver::deliver(&shop.db, &shop.receiver, &shop.settings, now, shop.lease());
        *self.found.borrow_mut() += run.await.unwrap();
        self.shop.receiver.send(request).await
    }

    async fn sign(&self, _: &str, _: &str) -> Option<String> {
        None
    }
}

#[test]
fn two_deliverers_at_once_send_once() {
    let shop = Shop::open();
    webhook(&shop);
    sale(&shop, "o1", "", None);
    let second = Second {
        shop: &shop,
        found: RefCell::new(0),
    };
    let now = shop.now.get();
    let run = deliver::deliver(&shop.db, &second, &shop.settings, now, shop.lease());
    assert_eq!(block_on(run).unwrap(), 1);
    assert_eq!(*second.found.borrow(), 0);
    assert_eq!(shop.receiver.got.borrow().len(), 1);
    assert_eq!(row(&shop)["state"], "delivered");
}

/// Claims what is due and dies before anything is written down.
fn die_while_sending(shop: &Shop) {
    use crate::support::sqlite::Fault;
    shop.db.fail(1, Fault::Lost);
    let now = shop.now.get();
    let run = deliver::deliver(&shop.db, &shop.receiver, &shop.settings, now, shop.lease());
    block_on(run).unwrap_err();
}

#[test]
fn a_lease_that_runs_out_is_sent_again_under_the_same_id() {
    let shop = Shop::open();
    webhook(&shop);
    sale(&shop, "o1", "", None);
    die_while_sending(&shop);
    shop.wait(4 * MINUTE);
    assert_eq!(shop.deliver(), 0, "leased");
    shop.wait(MINUTE);
    assert_eq!(shop.deliver(), 1);
    let got = shop.receiver.got.borrow();
    assert_eq!(got.len(), 2);
    assert_eq!(header(&got[0], "webhook-id"), header(&got[1], "webhook-id"));
    assert_eq!(got[0].body, got[1].body);
    assert_ne!(
        header(&got[0], "webhook-timestamp"),
        header(&got[1], "webhook-timestamp")
    );
    assert_eq!(row(&shop)["attempts"], 2);
}

#[test]
fn what_ends_its_deliverer_takes_no_other_with_it_and_is_set_aside() {
    let shop = Shop::open();
    webhook(&shop);
    for number in 0..20 {
        sale(&shop, &format!("o{number}"), "", None);
    }
    // It ends whoever wants to write down what came of it.
    let poison = shop
        .db
        .column("SELECT id FROM deliveries ORDER BY seq LIMIT 1");
    shop.db.deadly_poison(&poison[0]);
    let states = "SELECT state || ' ' || count(*) FROM deliveries GROUP BY state ORDER BY state";
    for minute in 0..200 {
        let now = || shop.now.get();
        let run = || {
            deliver::deliver(
                &shop.db,
                &shop.receiver,
                &shop.settings,
                now(),
                shop.lease(),
            )
        };
        while let Ok(1..) = block_on(run()) {}
        shop.db.begin();
        shop.wait(MINUTE);
        if minute == 10 {
            assert_eq!(shop.db.column(states), ["delivered 19", "pending 1"]);
        }
    }
    assert_eq!(shop.db.column(states), ["delivered 19", "set_aside 1"]);
    let why = "SELECT last_error FROM deliveries WHERE state = 'set_aside'";
    assert_eq!(shop.db.column(why), ["deliverer_lost"]);
    assert_eq!(shop.db.begin(), 9, "as often as deliveries are tried");
}

#[test]
fn a_deliverer_whose_lease_ran_out_writes_nothing_down() {
    let shop = Shop::open();
    webhook(&shop);
    sale(&shop, "o1", "", None);
    struct Slow<'a>(&'a Shop);
    impl Transport for Slow<'_> {
        async fn send(&self, _: &Request) -> Reply {
            self.0.wait(6 * MINUTE);
            assert_eq!(self.0.deliver(), 1, "another one takes over");
            status(500)
        }

        async fn sign(&self, _: &str, _: &str) -> Option<String> {
            None
        }
    }
    let now = shop.now.get();
    let slow = Slow(&shop);
    let run = deliver::deliver(&shop.db, &slow, &shop.settings, now, shop.lease());
    block_on(run).unwrap();
    assert_eq!(row(&shop)["state"], "delivered");
}

#[test]
fn what_fails_comes_back_on_the_schedule_and_is_set_aside_in_the_end() {
    let shop = Shop::open();
    webhook(&shop);
    sale(&shop, "o1", "", Some("full"));
    let replies = [
        status(500),
        Reply::TimedOut,
        Reply::Unreachable,
        status(429),
        status(404),
    ];
    let waits = [
        5_000,
        30_000,
        2 * MINUTE,
        10 * MINUTE,
        HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
    ];
    for (number, wait) in waits.into_iter().enumerate() {
        let reply = replies[number % replies.len()].clone();
        // The wait begins when the attempt ended: one without an answer took ten seconds.
        let took = if reply == Reply::TimedOut { 10_000 } else { 0 };
        shop.receiver.replies.borrow_mut().push(reply);
        assert_eq!(shop.deliver(), 1);
        assert_eq!(row(&shop)["state"], "pending");
        shop.wait(took + wait - 1);
        assert_eq!(shop.deliver(), 0, "attempt {number} waits {wait} ms");
        shop.wait(1);
    }
    shop.receiver.replies.borrow_mut().push(status(503));
    assert_eq!(shop.deliver(), 1);
    let ended = row(&shop);
    assert_eq!(
        (ended["state"].as_str(), ended["attempts"].as_i64()),
        (Some("set_aside"), Some(9))
    );
    assert_eq!(ended["last_error"], "http 503");
    assert_eq!(sealed(&shop), 1, "kept for a person who sends it again");
    shop.wait(48 * HOUR);
    assert_eq!(shop.deliver(), 0);
    let path = format!("deliveries/{}/retry", ended["id"].as_str().unwrap());
    shop.made("POST", &path, &json!({}));
    assert_eq!(shop.deliver(), 1);
    assert_eq!(
        (row(&shop)["state"].as_str(), sealed(&shop)),
        (Some("delivered"), 0)
    );
    let got = shop.receiver.got.borrow();
    assert!(
        got.iter()
            .all(|each| header(each, "webhook-id") == header(&got[0], "webhook-id"))
    );
}

#[test]
fn gone_for_good_is_set_aside_at_once() {
    let shop = Shop::open();
    webhook(&shop);
    sale(&shop, "o1", "", None);
    shop.receiver.replies.borrow_mut().push(status(410));
    assert_eq!(shop.deliver(), 1);
    assert_eq!(row(&shop)["state"], "set_aside");
    assert_eq!(row(&shop)["attempts"], 1);
}

#[test]
fn a_destination_that_is_switched_off_hears_nothing() {
    let shop = Shop::open();
    let id = webhook(&shop)["id"].as_str().unwrap().to_owned();
    sale(&shop, "o1", "", None);
    shop.made(
        "PATCH",
        &format!("destinations/{id}"),
        &json!({"enabled": false}),
    );
    sale(&shop, "o2", "", None);
    assert_eq!(shop.deliver(), 0);
    assert!(shop.receiver.got.borrow().is_empty());
    let all = shop.list("deliveries");
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["last_error"], "disabled");
}

#[test]
fn the_signature_is_the_hmac_of_id_time_and_body() {
    let shop = Shop::open();
    let secret = webhook(&shop)["secret"].as_str().unwrap().to_owned();
    let click = shop.click("anna");
    sale(&shop, "o1", &click.token, None);
    shop.deliver();
    let got = shop.receiver.got.borrow();
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap())
        .unwrap();
    let signed = format!(
        "{}.{}.{}",
        header(&got[0], "webhook-id"),
        header(&got[0], "webhook-timestamp"),
        got[0].body
    );
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(signed.as_bytes());
    let expected = STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(
        header(&got[0], "webhook-signature"),
        format!("v1,{expected}")
    );
    let body: Value = serde_json::from_str(&got[0].body).unwrap();
    assert_eq!(body["type"], "sale.created");
    assert_eq!(body["data"]["partner"]["name"], "Anna");
    assert_eq!(body["data"]["commission"][0]["amount"], 200);
    assert_eq!(body["data"]["customerExternalId"], "u1");
    assert!(!got[0].body.contains("Shop.Example") && !got[0].body.contains("Browser/1"));
    let stored = shop
        .db
        .column("SELECT secret || config FROM destinations")
        .join(" ");
    assert!(!stored.contains(&secret), "secrets are sealed at rest");
}

/// The crate of the Standard Webhooks project, as a receiver would use it. The npm library checks
/// every webhook of the end-to-end tests, the Python one those of `make verify`.
#[test]
fn the_projects_own_library_verifies_it() {
    let shop = Shop::open();
    let secret = webhook(&shop)["secret"].as_str().unwrap().to_owned();
    shop.now.set(domain::values::time::UnixMs(system_ms()));
    sale(&shop, "ö1", "", None);
    shop.deliver();
    let got = shop.receiver.got.borrow();
    let library = standardwebhooks::Webhook::new(&secret).unwrap();
    let mut headers = http::HeaderMap::new();
    for (name, value) in &got[0].headers {
        headers.insert(*name, value.parse().unwrap());
    }
    library.verify(got[0].body.as_bytes(), &headers).unwrap();
    let other = got[0].body.replace("ö1", "ö2");
    assert!(library.verify(other.as_bytes(), &headers).is_err());
}

/// The library refuses what is older than five minutes.
#[allow(
    clippy::disallowed_methods,
    reason = "the library looks at the clock, so must we"
)]
pub fn system_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

#[test]
fn the_sealed_row_goes_with_its_last_delivery_or_when_its_time_is_over() {
    let shop = Shop::open();
    sale(&shop, "o0", "", Some("full"));
    assert_eq!(sealed(&shop), 0, "nobody to tell");
    webhook(&shop);
    webhook(&shop);
    sale(&shop, "o1", "", Some("full"));
    assert_eq!(sealed(&shop), 1);
    let text = shop.db.column("SELECT body FROM sealed_rows").join(" ");
    assert!(!text.contains("u1") && !text.contains("Browser"));
    shop.receiver.replies.borrow_mut().push(status(500));
    assert_eq!(shop.deliver(), 2);
    assert_eq!(sealed(&shop), 1, "one of two still needs it");
    shop.wait(5_000);
    assert_eq!(shop.deliver(), 1);
    assert_eq!(sealed(&shop), 0);
    sale(&shop, "o2", "", Some("full"));
    let expire = |shop: &Shop| {
        let now = json!({"now": shop.now.get()});
        let statement = app::ports::Statement::new(deliver::EXPIRE_SEALED, &now);
        block_on(app::ports::Database::batch(&shop.db, vec![statement])).unwrap();
    };
    shop.wait(7 * 24 * HOUR - 1);
    expire(&shop);
    assert_eq!(sealed(&shop), 1);
    shop.wait(1);
    expire(&shop);
    assert_eq!(sealed(&shop), 0);
    assert_eq!(shop.deliver(), 2, "without what is gone");
    let body: Value = serde_json::from_str(&shop.receiver.got.borrow()[3].body).unwrap();
    assert_eq!(body["data"]["customerExternalId"], Value::Null);
}

#[test]
fn meta_hears_only_of_full_consent_and_the_stricter_word_wins() {
    let table = [
        // consent of the click, consent sent with the sale, is it sent?
        ("full", None, true),
        ("full", Some("full"), true),
        ("full", Some("session"), false),
        ("full", Some("code"), false),
        ("session", Some("full"), false),
        ("session", None, false),
        ("code", Some("full"), false),
        ("code", None, false),
    ];
    for (clicked, sent, expected) in table {
        let shop = Shop::open();
        let program = format!("programs/{}", shop.program);
        shop.made("PATCH", &program, &json!({"default_consent": clicked}));
        shop.publish();
        meta(&shop);
        let click = shop.follow("anna", "?fbclid=IwAR1", "", "", "US");
        shop.deliver_visits("m1", &click.visits);
        sale(&shop, "o1", &click.token, sent);
        shop.wait(2 * MINUTE);
        assert_eq!(shop.deliver(), 1);
        let got = shop.receiver.got.borrow();
        assert_eq!(got.len(), usize::from(expected), "{clicked} {sent:?}");
        let state = row(&shop);
        if expected {
            assert_eq!(state["state"], "delivered");
            let body: Value = serde_json::from_str(&got[0].body).unwrap();
            let user = &body["data"][0]["user_data"];
            assert!(user["fbc"].as_str().unwrap().ends_with(".IwAR1"), "{user}");
            assert_eq!(user["em"][0].as_str().unwrap().len(), 64);
            assert!(user.get("client_ip_address").is_none());
            assert_eq!(header(&got[0], "authorization"), "Bearer EAAB-secret");
        } else {
            assert_eq!(
                (state["state"].as_str(), sealed(&shop)),
                (Some("skipped"), 0)
            );
            assert_eq!(state["last_error"], "no_consent");
        }
    }
}

#[test]
fn meta_is_told_nothing_of_refunds_strangers_and_what_is_too_old() {
    let shop = Shop::open();
    meta(&shop);
    sale(&shop, "o1", "", Some("full"));
    shop.wait(2 * MINUTE);
    shop.deliver();
    assert_eq!(
        shop.receiver.got.borrow().len(),
        1,
        "consent of the sale alone"
    );
    let refund = json!({"refundId": "r1", "invoiceId": "o1"});
    assert_eq!(shop.track("refund", &refund).0, 200);
    sale(&shop, "o2", "", None);
    let old = json!({"customerExternalId": "u2", "amount": 5, "currency": "usd",
        "invoiceId": "o3", "occurredAt": shop.now.get().0 / 1_000 - 8 * 86_400,
        "context": {"consent": "full"}});
    assert_eq!(shop.track("sale", &old).0, 200);
    shop.fold();
    shop.wait(2 * MINUTE);
    assert_eq!(shop.deliver(), 3);
    assert_eq!(shop.receiver.got.borrow().len(), 1);
    let mut ends: Vec<_> = shop.list("deliveries");
    ends.retain(|delivery| delivery["state"] != "delivered");
    let mut ends: Vec<_> = ends
        .iter()
        .map(|delivery| delivery["last_error"].as_str().unwrap())
        .collect();
    ends.sort_unstable();
    assert_eq!(ends, ["event_too_old", "kind_not_taken", "no_consent"]);
}
