//! Clicks from the queue: counted once each however they come, found again by their minute, and a
//! late one completes the decision without moving money.

use crate::support::block_on;
use crate::support::interleave::Interleaved;
use crate::support::shop::{Clicked, Shop};
use app::clicks::{self, Message};
use app::ledger;
use domain::values::time::UnixMs;
use domain::visit::click::Visit;
use serde_json::{Value, json};

fn message(id: &str, sent_at: i64, visits: &[Visit]) -> Message {
    Message {
        id: id.into(),
        sent_at: UnixMs(sent_at),
        visits: visits.to_vec(),
    }
}

/// `class count` of every class, over all links and days.
fn counts(shop: &Shop) -> Vec<String> {
    let sql = "SELECT class || ' ' || sum(count) FROM click_rollups GROUP BY class ORDER BY class";
    shop.db.column(sql)
}

fn sale(shop: &Shop, id: &str, token: &str) {
    let body = json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd",
        "invoiceId": id, "clickId": token});
    assert_eq!(shop.track("sale", &body).0, 200);
    shop.fold();
}

fn decisions(shop: &Shop) -> Vec<Value> {
    let rows = shop
        .db
        .column("SELECT body FROM decisions ORDER BY event, revision");
    let read = |row: &String| serde_json::from_str(row).unwrap();
    rows.iter().map(read).collect()
}

fn prefetched(shop: &Shop) -> Clicked {
    shop.follow_as("anna", "", "", |facts| facts.purpose = "prefetch")
}

#[test]
fn a_message_that_comes_again_in_any_company_counts_once() {
    let shop = Shop::open();
    let now = shop.now.get().0;
    let all: Vec<Message> = (0..6)
        .map(|n| {
            message(
                &format!("m{n}"),
                now + 20_000 * n,
                &shop.click("anna").visits,
            )
        })
        .collect();
    for batch in [
        &all[0..3],
        &all[2..5],
        &all[0..1],
        &all[1..6],
        &all[..],
        &[],
    ] {
        block_on(clicks::consume(&shop.db, batch)).unwrap();
    }
    assert_eq!(counts(&shop), ["human 6"]);
    let visits = "SELECT count(*) FROM click_packs p, json_each(p.visits)";
    assert_eq!(shop.db.number(visits), 6, "packed once each");
}

#[test]
fn a_landing_counts_once_per_token_in_one_message_in_two_and_at_once() {
    let shop = Shop::open();
    let click = shop.click("anna");
    let cookie = click.cookie.clone().unwrap();
    let landing = shop.land(&click.token, &cookie, "");
    assert_eq!(landing.len(), 1);
    let now = shop.now.get().0;
    let twice = [landing.clone(), landing.clone()].concat();
    let other = message("m3", now + 70_000, &landing);
    let during = Interleaved::new(&shop.db).before(0, || {
        block_on(clicks::consume(&shop.db, std::slice::from_ref(&other))).unwrap();
    });
    let batch = [message("m1", now, &twice), message("m2", now, &landing)];
    block_on(clicks::consume(&during, &batch)).unwrap();
    shop.wait(600_000);
    shop.deliver_visits("m4", &landing);
    shop.deliver_visits("m5", &shop.land(&click.token, &cookie, ""));
    assert_eq!(counts(&shop), ["confirmed 1"]);
}

#[test]
fn a_prefetched_page_that_is_shown_is_a_click_and_its_confirmation() {
    let shop = Shop::open();
    let ahead = prefetched(&shop);
    assert_eq!((ahead.visits.len(), &ahead.cookie), (1, &None));
    assert_eq!(
        ahead.visits[0].touch.nonce, None,
        "how many there are, and no more"
    );
    shop.deliver_visits("m0", &ahead.visits);
    let numbers = || {
        let row = shop.list("clicks").remove(0);
        ["raw", "valid", "confirmed"].map(|name| row[name].as_i64().unwrap())
    };
    assert_eq!(numbers(), [1, 0, 0]);
    let landing = shop.land(&ahead.token, "", "");
    shop.deliver_visits("m1", &landing);
    shop.deliver_visits("m2", &landing);
    assert_eq!(counts(&shop), ["confirmed 1", "prefetch 1", "shown 1"]);
    assert_eq!(numbers(), [1, 1, 1]);
    assert!(
        shop.land(&prefetched(&shop).token, "", "").len() == 1,
        "shown or not"
    );
}

#[test]
fn anonymous_landings_are_counted_by_themselves() {
    let shop = Shop::open();
    for number in 0..3 {
        let click = shop.follow("anna", "", "", "", "DE");
        let landing = shop.land(&click.token, "", "");
        let visits = [click.visits, landing].concat();
        shop.deliver_visits(&format!("m{number}"), &visits);
        shop.deliver_visits(&format!("m{number}"), &visits);
    }
    assert_eq!(counts(&shop), ["confirmed_anonymous 3", "human 3"]);
    let packed = shop.db.column("SELECT visits FROM click_packs").join(" ");
    assert!(
        !packed.contains("nonce") && !packed.contains("earlier"),
        "{packed}"
    );
}

#[test]
fn bots_and_stuffed_loads_have_their_class_and_heads_leave_no_trace() {
    let shop = Shop::open();
    let bot = shop.follow_as("anna", "", "", |facts| facts.user_agent = "Twitterbot/1.0");
    let frame = shop.follow_as("anna", "", "", |facts| facts.fetch_dest = "iframe");
    let head = shop.follow_as("anna", "", "", |facts| facts.method = "HEAD");
    assert!(head.visits.is_empty());
    for (id, click) in [("m1", &bot), ("m2", &frame)] {
        assert_eq!((click.token.as_str(), &click.cookie), ("", &None));
        shop.deliver_visits(id, &click.visits);
    }
    assert_eq!(counts(&shop), ["preview 1", "stuffed 1"]);
}

#[test]
fn a_late_click_completes_the_decision_and_moves_no_money() {
    let shop = Shop::open();
    let first = shop.click("northstar");
    shop.wait(60_000);
    let cookie = first.cookie.unwrap();
    let click = shop.follow("anna", "?fbclid=IwAR1", &cookie, "", "US");
    shop.wait(60_000);
    sale(&shop, "o1", &click.token);
    let entries = shop.list("ledger");
    assert_eq!(decisions(&shop)[0]["touches"].as_array().unwrap().len(), 1);
    let late = message("m1", shop.now.get().0 - 60_000, &click.visits);
    block_on(clicks::consume(&shop.db, &[late])).unwrap();
    shop.fold();
    let all = decisions(&shop);
    assert_eq!(all.len(), 2, "a new revision beside the old one");
    assert_eq!(all[1]["touches"].as_array().unwrap().len(), 2);
    assert_eq!(all[1]["touches"][0]["source"], "journal");
    assert_eq!(all[1]["click_ids"][0]["value"], "IwAR1");
    assert_eq!(shop.list("ledger"), entries);
    assert_eq!(shop.balance(0), 200);
}

#[test]
fn a_click_at_the_end_of_its_minute_is_found_in_the_next() {
    for (before_border, delay) in [(100, 0), (100, 150), (100, 1_000), (1, 1), (59_999, 60_000)] {
        let shop = Shop::open();
        let now = shop.now.get().0;
        shop.wait(120_000 - now.rem_euclid(60_000) - before_border);
        let click = shop.follow("anna", "?fbclid=IwAR1", "", "", "US");
        let sent = message("m1", shop.now.get().0 + delay, &click.visits);
        block_on(clicks::consume(&shop.db, &[sent])).unwrap();
        sale(&shop, "o1", &click.token);
        let decision = &decisions(&shop)[0];
        assert_eq!(
            decision["click_ids"][0]["value"], "IwAR1",
            "{before_border} {delay}"
        );
    }
}

#[test]
fn a_click_that_comes_between_load_and_commit_is_not_missed() {
    let shop = Shop::open();
    let click = shop.follow("anna", "?fbclid=IwAR1", "", "", "US");
    let body = json!({"customerExternalId": "u1", "amount": 2_000, "currency": "usd",
        "invoiceId": "o1", "clickId": click.token});
    assert_eq!(shop.track("sale", &body).0, 200);
    let during = Interleaved::new(&shop.db).before(2, || shop.deliver_visits("m1", &click.visits));
    block_on(ledger::fold(&during, shop.now.get())).unwrap();
    assert_eq!(during.stale(), 1, "the version check sees the click");
    drop(during);
    shop.fold();
    assert_eq!(decisions(&shop)[0]["click_ids"][0]["value"], "IwAR1");
}

#[test]
fn a_click_wakes_only_the_facts_that_wait_for_it() {
    let shop = Shop::open();
    let (one, two) = (shop.click("anna"), shop.click("northstar"));
    sale(&shop, "o1", &one.token);
    shop.deliver_visits("m1", &two.visits);
    assert_eq!(
        shop.db
            .number("SELECT count(*) FROM facts WHERE state = 'pending'"),
        0
    );
    shop.deliver_visits("m2", &one.visits);
    assert_eq!(
        shop.db
            .number("SELECT count(*) FROM facts WHERE state = 'pending'"),
        1
    );
}

#[test]
fn a_fold_of_a_hundred_events_takes_at_most_four_round_trips() {
    let shop = Shop::open();
    for number in 0..100 {
        let click = shop.click(["anna", "northstar"][number % 2]);
        shop.deliver_visits(&format!("m{number}"), &click.visits);
        let body = json!({"customerExternalId": format!("u{}", number / 3), "amount": 500,
            "currency": "eur", "invoiceId": format!("o{number}"), "clickId": click.token});
        assert_eq!(shop.track("sale", &body).0, 200);
    }
    let before = shop.db.batches();
    let folded = block_on(ledger::fold(&shop.db, shop.now.get())).unwrap();
    assert_eq!(folded.facts, 100);
    assert!(shop.db.batches() - before <= 4);
}
