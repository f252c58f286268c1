//! Cases that once failed: each names what went wrong.

use crate::overtaken::hook;
use crate::support::block_on;
use crate::support::interleave::Interleaved;
use crate::support::shop::{BROWSER, Shop};
use app::clicks::{self, Message};
use app::isolate::{Cache, Known};
use app::ports::*;
use app::{deliver, edge_plane, ledger};
use domain::values::time::UnixMs;
use domain::visit::redirect::Entropy;
use serde_json::{Value, json};
use std::cell::RefCell;

/// Only the newest revision of each decision `d`.
const LATEST: &str = "revision = (SELECT max(revision) FROM decisions n WHERE n.event = d.event)";

pub fn sale(id: &str, token: &str) -> Value {
    json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd", "invoiceId": id,
        "clickId": token})
}
fn latest(shop: &Shop) -> Vec<String> {
    shop.db.column(&format!(
        "SELECT body FROM decisions d WHERE {LATEST} ORDER BY event"
    ))
}
fn plan(shop: &Shop, plan: Value) {
    shop.made(
        "PATCH",
        &format!("programs/{}", shop.program),
        &json!({"plan": plan}),
    );
}
fn land(shop: &Shop, token: &str, cookie: &str, q: &str) -> edge_plane::Answer {
    shop.beacon(&json!({"n":"land","t":token,"q":q}), cookie, "")
}

#[test]
fn a_landing_after_the_fold_counts_like_one_before_it() {
    let run = |late: bool| {
        let shop = Shop::open();
        let other = shop.click("northstar");
        let click = shop.click("anna");
        shop.wait(1_000);
        let landing = land(
            &shop,
            &click.token,
            other.cookie.as_deref().unwrap(),
            "?fbclid=IwAR9",
        );
        shop.deliver_visits("m1", &click.visits);
        if !late {
            shop.deliver_visits("m2", &landing.visits);
        }
        shop.wait(5_000);
        shop.track("sale", &sale("o1", &click.token));
        shop.fold();
        if late {
            shop.deliver_visits("m2", &landing.visits);
            shop.fold();
        }
        latest(&shop)
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn a_grant_minutes_after_its_click_is_found() {
    let shop = Shop::open();
    shop.made(
        "PATCH",
        &format!("programs/{}", shop.program),
        &json!({"default_consent": "session"}),
    );
    shop.publish();
    let click = shop.follow("anna", "?fbclid=IwAR1", "", "", "US");
    shop.deliver_visits("m1", &click.visits);
    shop.wait(600_000);
    let grant = shop.beacon(
        &json!({"n":"consent","s":"full","t":click.token,"q":"?fbclid=IwAR1"}),
        click.cookie.as_deref().unwrap(),
        "",
    );
    shop.deliver_visits("m2", &grant.visits);
    let body: Value = serde_json::from_str(&grant.body).unwrap();
    shop.wait(5_000);
    shop.track("sale", &sale("o1", body["t"].as_str().unwrap()));
    shop.fold();
    let decision: Value = serde_json::from_str(&latest(&shop)[0]).unwrap();
    assert_eq!(decision["consent"], "full");
    assert_eq!(decision["click_ids"][0]["value"], "IwAR1", "{decision}");
}

#[test]
fn one_message_twice_in_a_batch_counts_once() {
    let shop = Shop::open();
    let click = shop.click("anna");
    let message = Message {
        id: "m1".into(),
        sent_at: shop.now.get(),
        visits: click.visits.clone(),
    };
    block_on(clicks::consume(&shop.db, &[message.clone(), message])).unwrap();
    assert_eq!(shop.db.number("SELECT sum(count) FROM click_rollups"), 1);
}

#[test]
fn the_first_plan_holds_for_all_earlier_sales_or_for_none() {
    let shop = Shop::open();
    let body = json!({"name": "Two", "hosts": ["two.example"], "default_consent": "full"});
    let program = shop.made("POST", "programs", &body)["id"].clone();
    let partner = shop.made(
        "POST",
        "partners",
        &json!({"program": program, "name": "Zed"}),
    );
    let body = json!({"program": program, "partner": partner["id"], "host": "two.example",
        "slug": "z", "target": "https://two.example/"});
    shop.made("POST", "links", &body);
    let body = json!({"name": "t", "scope": "track", "program": program});
    let key = shop.made("POST", "keys", &body)["key"]
        .as_str()
        .unwrap()
        .to_owned();
    shop.publish();
    let (t1, t2) = (token_of_two(&shop), token_of_two(&shop));
    let track = |customer: &str, id: &str, token: &str| {
        let body = json!({"customerExternalId": customer, "amount": 2_000, "currency": "usd",
            "invoiceId": id, "clickId": token});
        let body = body.to_string();
        let answer = shop.request("POST", "two.example", "track/sale", &key, body.as_bytes());
        assert_eq!(answer.status, 200);
        shop.fold();
    };
    track("a", "a1", &t1);
    track("b", "b1", &t2);
    shop.wait(1_000);
    let path = format!("programs/{}", program.as_str().unwrap());
    let plan = json!({"plan": {"window_days": 30, "sale": {"rate_bps": 1000}}});
    shop.made("PATCH", &path, &plan);
    shop.fold();
    track("a", "a2", &t1);
    let reasons = shop.db.column(&format!(
        "SELECT body ->> 'reason' FROM decisions d
         WHERE body ->> 'key' IN ('a1', 'b1') AND {LATEST}"
    ));
    assert_eq!(reasons, ["credited", "credited"]);
}

fn token_of_two(shop: &Shop) -> String {
    let facts = edge_plane::Facts {
        method: "GET",
        url: "https://two.example/go/z",
        user_agent: BROWSER,
        accept: "text/html",
        country: "US",
        ..Default::default()
    };
    let entropy = Entropy(shop.random());
    let (memory, now) = (shop.memory(), shop.now.get());
    let answer = edge_plane::answer(&facts, "", &memory, &shop.settings, now, &entropy).unwrap();
    let location = answer
        .headers
        .iter()
        .find(|header| header.0 == "location")
        .unwrap();
    location.1.split("tl=").nth(1).unwrap().to_owned()
}

#[test]
fn a_full_refund_of_a_free_sale_returns_its_flat_commission() {
    let shop = Shop::open();
    plan(
        &shop,
        json!({"window_days": 30, "sale": {"flat": {"amount": 500, "currency": "USD"}}}),
    );
    let click = shop.click("anna");
    let mut body = sale("o1", &click.token);
    body["amount"] = json!(0);
    shop.track("sale", &body);
    for id in ["r1", "r2"] {
        shop.track("refund", &json!({"refundId": id, "invoiceId": "o1"}));
    }
    shop.fold();
    assert_eq!(shop.balance(0), 0);
}
#[test]
fn changing_a_program_answers_200() {
    let shop = Shop::open();
    assert_eq!(
        shop.control(
            "PATCH",
            &format!("programs/{}", shop.program),
            &json!({"name": "New"})
        )
        .0,
        200
    );
}

#[test]
fn a_withdrawal_is_remembered() {
    let shop = Shop::open();
    let click = shop.click("anna");
    let answer = shop.beacon(
        &json!({"n":"consent","s":"code","t":null,"q":""}),
        click.cookie.as_deref().unwrap(),
        "",
    );
    let kept = answer
        .headers
        .iter()
        .find(|h| h.0 == "set-cookie")
        .map(|h| h.1.split(';').next().unwrap().to_owned());
    shop.wait(60_000);
    assert_eq!(
        shop.follow("anna", "", &kept.unwrap_or_default(), "", "US")
            .cookie,
        None,
        "no was said a minute ago"
    );
}

#[test]
fn a_click_that_comes_while_its_refund_is_folded_is_not_missed() {
    let run = |meanwhile: bool| {
        let shop = Shop::open();
        let earlier = shop.click("northstar");
        shop.wait(60_000);
        let click = shop.follow("anna", "", earlier.cookie.as_deref().unwrap(), "", "US");
        shop.wait(60_000);
        shop.track("sale", &sale("o1", ""));
        shop.fold();
        let refund = json!({"refundId": "r1", "invoiceId": "o1", "amount": 1, "currency": "usd",
            "clickId": click.token});
        shop.track("refund", &refund);
        let message = Message {
            id: "m".into(),
            sent_at: UnixMs(shop.now.get().0 - 60_000),
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
        latest(&shop)
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn sentences_are_whole() {
    let shop = Shop::open();
    let click = shop.click("anna");
    shop.track("sale", &sale("o1", &click.token));
    shop.track(
        "refund",
        &json!({"refundId":"r1","invoiceId":"o1","amount":5,"currency":"usd"}),
    );
    shop.track(
        "lead",
        &json!({"customerExternalId":"u1","eventName":"a:b"}),
    );
    shop.fold();
    for d in shop.list("decisions") {
        let s = d["sentence"].as_str().unwrap();
        assert!(!s.contains("  "), "{s}");
        assert!(d["kind"] != "lead" || s.starts_with("Lead a:b"), "{s}");
    }
}

#[test]
fn an_absent_name_is_kept_too_when_the_store_is_down() {
    let mut cache: Cache<u8> = Cache::new(3);
    cache.put("a", Known::Absent, UnixMs(0));
    cache.keep("a", UnixMs(60_000));
    assert!(!cache.get("a", UnixMs(60_001)).unwrap().stale);
}

#[test]
fn one_poison_fact_does_not_hold_its_customers_other_sales() {
    let shop = Shop::open();
    plan(
        &shop,
        json!({"window_days": 30,
            "sale": {"rate_bps": 10000, "flat": {"amount": 500, "currency": "USD"}}}),
    );
    let click = shop.click("anna");
    let mut body = sale("o1", &click.token);
    body["amount"] = json!(9_007_199_254_740_991i64);
    shop.track("sale", &body);
    shop.fold();
    shop.wait(1_000);
    shop.track("sale", &sale("o2", &click.token));
    shop.fold();
    assert_eq!(
        shop.db.column("SELECT state FROM facts ORDER BY key"),
        ["set_aside", "folded"]
    );
}

#[test]
fn a_host_taken_from_a_program_is_free() {
    let shop = Shop::open();
    let path = format!("programs/{}", shop.program);
    shop.made(
        "PATCH",
        &path,
        &json!({"hosts": ["shop.example", "old.example"]}),
    );
    shop.made("PATCH", &path, &json!({"hosts": ["shop.example"]}));
    assert_eq!(
        shop.control(
            "POST",
            "programs",
            &json!({"name": "Two", "hosts": ["old.example"]})
        )
        .0,
        201
    );
}
/// D1 bills rows read: no statement of fold and delivery may read a whole table.
#[test]
fn fold_and_delivery_read_no_table_whole() {
    struct Explain<'a>(&'a Shop, RefCell<Vec<String>>);
    impl Database for Explain<'_> {
        async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
            // Names of what a statement makes for itself: small, and read from nowhere.
            let temporary = [
                "facts USING INDEX facts_pending",
                "facts USING COVERING INDEX facts_pending",
                "CONSTANT ROW",
                "fold_guard",
                "pending",
                "about",
                "touched",
                "own",
                "chosen",
                "involved",
                "programs_of",
                "clicked",
                "stored",
                "seen",
                "due",
                "d",
                "brought",
                "named",
                "brings",
                "tokens",
                "m",
                "n",
                "b",
                "p",
                "a",
                "t",
                "o",
                "g",
                "i",
                "lost",
                "packed",
                // Destinations: a handful.
                "receivers",
            ];
            let made = |scan: &str| {
                let name = scan.strip_prefix("SCAN ").unwrap_or(scan);
                temporary.contains(&name) || name.starts_with("(subquery")
            };
            let scans = self
                .0
                .db
                .scans(&statements)
                .into_iter()
                .filter(|s| !s.contains("VIRTUAL TABLE") && !made(s));
            self.1.borrow_mut().extend(scans);
            self.0.db.batch(statements).await
        }
    }
    let shop = Shop::open();
    hook(&shop);
    shop.track("sale", &sale("o1", &shop.click("anna").token));
    let db = Explain(&shop, RefCell::default());
    block_on(ledger::fold(&db, shop.now.get())).unwrap();
    block_on(deliver::deliver(
        &db,
        &shop.receiver,
        &shop.settings,
        shop.now.get(),
        shop.lease(),
    ))
    .unwrap();
    let found = db.1.into_inner();
    assert_eq!(found, Vec::<String>::new());
}
