//! Paid clicks: by the month, each once, whatever the queue repeats and people find out later.

use super::{DAY, balance, settle as settle_now, settled, shop};
use crate::support::block_on;
use crate::support::picks::Random;
use crate::support::shop::Shop;
use serde_json::{Value, json};
use throughline::app::settle;
use throughline::domain::click::{Visit, VisitKind};
use throughline::domain::traffic::Class;

/// So many redirects to people, each of which was confirmed.
fn rollup(shop: &Shop, day: &str, count: i64) {
    for class in ["human", "confirmed"] {
        shop.db.execute(&format!(
            "INSERT INTO click_rollups (program, day, link, partner, class, count)
             VALUES ('{}', '{day}', 'ln_x', '{}', '{class}', {count})
             ON CONFLICT DO UPDATE SET count = excluded.count",
            shop.program, shop.partners[0]
        ));
    }
}

#[test]
fn clicks_are_paid_when_their_month_is_over_and_late_ones_by_the_next_settlement() {
    let flat = json!({"flat": {"amount": 7, "currency": "USD"}});
    let shop = shop(&json!({"window_days": 30, "click": flat, "hold_days": 5,
        "caps": {"clicks": 100}}));
    rollup(&shop, "2026-11-23", 60);
    settle_now(&shop);
    assert_eq!(settled(&shop), 0, "November is not over");
    shop.wait(9 * DAY); // 1 December
    settle_now(&shop);
    assert_eq!(settled(&shop), 0, "nor its hold");
    shop.wait(5 * DAY);
    settle_now(&shop);
    assert_eq!(settled(&shop), 420);
    settle_now(&shop);
    assert_eq!(settled(&shop), 420);
    rollup(&shop, "2026-11-30", 10);
    settle_now(&shop);
    assert_eq!(settled(&shop), 490);
    rollup(&shop, "2026-11-29", 1_000);
    settle_now(&shop);
    assert_eq!(settled(&shop), 700, "a hundred clicks at most");
    let earnings = shop.list("earnings");
    assert_eq!(
        (&earnings[0]["kind"], &earnings[0]["state"]),
        (&json!("click"), &json!("payable"))
    );
}

#[test]
fn clicks_are_paid_once_however_often_their_message_comes_and_not_when_found_invalid() {
    let flat = json!({"flat": {"amount": 7, "currency": "USD"}});
    let shop = shop(&json!({"window_days": 30, "click": flat}));
    let mut nonces = Vec::new();
    for place in 0..3 {
        let click = shop.follow("anna", "", "", "", "US");
        let landed = shop.land(&click.token, click.cookie.as_deref().unwrap(), "");
        let touch = &click.visits[0].touch;
        nonces.push((touch.nonce.clone().unwrap(), touch.at));
        for _ in 0..2 {
            shop.deliver_visits(&format!("c{place}"), &click.visits);
            shop.deliver_visits(&format!("l{place}"), &landed);
        }
        shop.deliver_visits(&format!("again{place}"), &landed);
        shop.wait(100_000);
    }
    shop.wait(20 * DAY);
    settle_now(&shop);
    assert_eq!(settled(&shop), 21);
    let (nonce, at) = &nonces[1];
    let reclassify = |class: Option<&str>| {
        let body = json!({"program": shop.program, "class": class, "reason": "robot",
            "clicked_at": at.0 / 1_000});
        shop.made("POST", &format!("clicks/{nonce}/reclassify"), &body);
        shop.wait(1_000);
        settle_now(&shop);
        settled(&shop)
    };
    assert_eq!(reclassify(Some("crawler")), 14);
    assert_eq!(reclassify(None), 21);
    assert_eq!(reclassify(Some("library")), 14);
    assert_eq!(reclassify(Some("valid")), 21);
}

#[test]
fn clicks_wait_for_an_exchange_rate() {
    let flat = json!({"flat": {"amount": 100, "currency": "EUR"}});
    let shop = shop(&json!({"window_days": 30, "click": flat, "payout_currency": "USD"}));
    rollup(&shop, "2026-11-23", 10);
    shop.wait(20 * DAY);
    settle_now(&shop);
    assert_eq!(settled(&shop), 0);
    let row = balance(&shop);
    assert_eq!(
        (&row["currency"], &row["in_review"]),
        (&json!("EUR"), &json!(1_000))
    );
    shop.db.execute(
        "INSERT INTO rates (from_currency, to_currency, at, rate, actor)
         VALUES ('EUR', 'USD', 1795334400000, '1.1', 'ak_x')",
    );
    settle_now(&shop);
    settle_now(&shop);
    assert_eq!(settled(&shop), 1_100);
    let rows = shop.list("balances");
    let sums: Vec<_> = rows
        .iter()
        .map(|r| (&r["currency"], &r["amount"], &r["payable"]))
        .collect();
    assert!(
        sums.contains(&(&json!("USD"), &json!(1_100), &json!(1_100))),
        "{rows:?}"
    );
    let left = "SELECT coalesce(sum(amount), 0) FROM entries WHERE paid_in IS NULL";
    assert_eq!(shop.db.number(left), 0, "nothing is left without a rate");
}

#[test]
fn repeats_and_floods_are_not_paid_even_if_confirmed_unless_people_say_so() {
    let flat = json!({"flat": {"amount": 7, "currency": "USD"}});
    let shop = shop(&json!({"window_days": 30, "click": flat}));
    let first = shop.follow("anna", "", "", "", "US");
    shop.wait(60_000);
    let again = shop.follow("anna", "", first.cookie.as_deref().unwrap(), "", "US");
    shop.wait(4_000_000);
    let mut flood = shop.follow("anna", "", "", "", "US");
    flood.visits[0].touch.class = Class::Flood;
    // A repeat has the token of the click that it repeats.
    let repeat = &again.visits[0].touch;
    assert_eq!((repeat.class, &repeat.nonce), (Class::Duplicate, &None));
    for (place, click) in [&first, &again, &flood].into_iter().enumerate() {
        let mut landed = shop.land(&click.token, click.cookie.as_deref().unwrap(), "");
        for visit in landed.iter_mut().filter(|_| place == 2) {
            visit.touch.class = Class::Flood;
        }
        shop.deliver_visits(&format!("c{place}"), &click.visits);
        shop.deliver_visits(&format!("l{place}"), &landed);
    }
    shop.wait(20 * DAY);
    settle_now(&shop);
    assert_eq!(settled(&shop), 7, "one person, one click");
    let reclassify = |click: &Visit, class: Option<&str>| {
        let (nonce, at) = (
            click.touch.nonce.as_deref().unwrap(),
            click.touch.at.0 / 1_000,
        );
        let body = json!({"program": shop.program, "class": class, "reason": "looked",
            "clicked_at": at});
        shop.made("POST", &format!("clicks/{nonce}/reclassify"), &body);
        shop.wait(1_000);
        settle_now(&shop);
        settled(&shop)
    };
    assert_eq!(reclassify(&flood.visits[0], Some("valid")), 14);
    assert_eq!(reclassify(&flood.visits[0], Some("duplicate")), 7);
    assert_eq!(reclassify(&first.visits[0], Some("flood")), 0);
    assert_eq!(reclassify(&first.visits[0], None), 7);
    let row = &shop.list("clicks")[0];
    assert_eq!((&row["raw"], &row["confirmed"]), (&json!(3), &json!(2)));
    assert_eq!(row["classes"]["unpaid"], 1);
}

#[test]
fn cron_pays_the_clicks_of_the_month_that_it_closes_and_late_ones_two_months_later() {
    let flat = json!({"flat": {"amount": 7, "currency": "USD"}});
    let shop = shop(&json!({"window_days": 30, "click": flat}));
    rollup(&shop, "2026-11-23", 10);
    let tick = || block_on(settle::monthly(&shop.db, shop.now.get())).unwrap();
    shop.wait(9 * DAY); // 1 December: the month and no hold end at that very instant.
    tick();
    assert_eq!(settled(&shop), 70);
    shop.wait(31 * DAY);
    rollup(&shop, "2026-11-24", 2);
    tick();
    assert_eq!(settled(&shop), 84);
    rollup(&shop, "2026-11-25", 1);
    settle_now(&shop);
    assert_eq!(settled(&shop), 91, "January still pays November");
}

#[test]
fn clicks_are_paid_by_the_plan_that_their_month_began_with() {
    let plan = |cents: i64| {
        let each = json!({"flat": {"amount": cents, "currency": "USD"}});
        json!({"window_days": 30, "click": each, "caps": {"clicks": "none"}})
    };
    let shop = shop(&plan(7));
    shop.wait(DAY);
    let path = format!("programs/{}", shop.program);
    shop.made("PATCH", &path, &json!({"plan": plan(9)}));
    rollup(&shop, "2026-11-25", 10);
    rollup(&shop, "2026-12-02", 10);
    shop.wait(10 * DAY);
    settle_now(&shop);
    assert_eq!(settled(&shop), 70);
    shop.wait(31 * DAY);
    settle_now(&shop);
    assert_eq!(settled(&shop), 160);
}

/// The link's only row, and what its partner is paid when the month is over.
fn outcome(shop: &Shop) -> (Value, i64) {
    let row = shop.list("clicks").remove(0);
    shop.wait(20 * DAY);
    settle_now(shop);
    (row, settled(shop))
}

#[test]
fn one_token_of_a_link_and_day_confirms_and_pays_no_more_than_its_redirects() {
    let flat = json!({"flat": {"amount": 7, "currency": "USD"}});
    let report = [
        json!({"n": "land", "s": "full"}),
        json!({"n": "consent", "s": "full"}),
    ];
    // Each way to a token that names nobody, and what a click of it is worth at most.
    for purpose in ["", "prefetch"] {
        for gesture in ["?1", ""] {
            for mut body in report.clone() {
                let shop = shop(&json!({"window_days": 30, "click": flat}));
                let click = shop.follow_as("anna", "", "", |facts| {
                    facts.gpc = "1";
                    facts.purpose = purpose;
                    facts.fetch_user = gesture;
                });
                assert_eq!(click.visits.len(), 1, "one redirect is counted");
                body["t"] = json!(click.token);
                // What is reported comes before the redirect, repeated and in pieces.
                for number in 0..400 {
                    let visits = shop.beacon(&body, "", "").visits;
                    assert_eq!(visits.len(), 2 + usize::from(body["n"] == "land"));
                    shop.deliver_visits(&format!("r{number}"), &visits);
                }
                let row = shop.list("clicks").remove(0);
                assert_eq!((&row["valid"], &row["confirmed"]), (&json!(0), &json!(0)));
                shop.deliver_visits("click", &click.visits);
                let (row, paid) = outcome(&shop);
                let counts = (&row["raw"], &row["valid"], &row["confirmed"]);
                assert_eq!(counts, (&json!(1), &json!(1), &json!(1)), "{row}");
                assert_eq!(row["classes"]["confirmed"], 1);
                assert!(
                    row["classes"]["unmatched"].as_i64().unwrap() >= 399,
                    "{row}"
                );
                assert_eq!(paid, 7);
            }
        }
    }
}

/// Visitors and forgers in any order: redirects of every class, and reports of any token again.
fn story(random: &mut Random) {
    let flat = json!({"flat": {"amount": 7, "currency": "USD"}});
    let shop = shop(&json!({"window_days": 30, "click": flat}));
    let mut messages: Vec<Vec<Visit>> = Vec::new();
    let mut known: Vec<(String, String)> = Vec::new();
    for _ in 0..60 {
        if known.is_empty() || random.one_in(3) {
            let cookie = random.pick(&known).map(|(_, cookie)| cookie.clone());
            let cookie = cookie.filter(|_| random.one_in(3)).unwrap_or_default();
            let (gpc, purpose) = (random.one_in(2), random.one_in(4));
            let (robot, gesture) = (random.one_in(6), random.one_in(2));
            let click = shop.follow_as("anna", "", &cookie, |facts| {
                facts.gpc = if gpc { "1" } else { "" };
                facts.purpose = if purpose { "prefetch" } else { "" };
                facts.user_agent = if robot {
                    "curl/8.5.0"
                } else {
                    facts.user_agent
                };
                facts.fetch_user = if gesture { "?1" } else { "" };
            });
            messages.push(click.visits);
            known.push((click.token, click.cookie.unwrap_or_default()));
        } else {
            let (token, cookie) = random.pick(&known).cloned().unwrap();
            let name = *random.pick(&["land", "consent"]).unwrap();
            let state = *random.pick(&["full", "session", "code"]).unwrap();
            let body = json!({"n": name, "s": state, "t": token});
            let cookie = if random.one_in(2) {
                cookie
            } else {
                String::new()
            };
            let gpc = if random.one_in(4) { "1" } else { "" };
            messages.push(shop.beacon(&body, &cookie, gpc).visits);
        }
        shop.wait(1_000);
    }
    let people = [Class::Human, Class::Provisional, Class::Prefetch];
    let clicks = messages.iter().flatten();
    let clicks = clicks.filter(|v| v.kind == VisitKind::Click && people.contains(&v.touch.class));
    let redirects = i64::try_from(clicks.count()).unwrap();
    while !messages.is_empty() {
        let place = random.below(messages.len() as u64) as usize;
        let visits = messages.swap_remove(place);
        for _ in 0..=random.below(2) {
            shop.deliver_visits(&format!("m{}", messages.len()), &visits);
        }
        for row in shop.list("clicks") {
            let number = |name: &str| row[name].as_i64().unwrap();
            assert!(number("confirmed") <= number("valid"), "{row}");
            assert!(number("valid") <= number("raw"), "{row}");
        }
    }
    let (row, paid) = outcome(&shop);
    let confirmed = row["confirmed"].as_i64().unwrap();
    assert!(row["valid"].as_i64().unwrap() <= redirects, "{row}");
    assert!(paid <= 7 * confirmed, "{paid} for {row}");
}

#[test]
fn whatever_is_reported_in_any_order_no_more_is_confirmed_or_paid_than_redirects_were_counted() {
    for seed in 0..24 {
        story(&mut Random(seed));
    }
}
