//! What is looked up of one click does not depend on how many others lie in its minute, nor on
//! what strangers do with a token.

use super::*;
use std::time::{Duration, Instant};
use throughline::app::ledger;

/// A hundred leads of named visitors who clicked just now; gives how long their fold took.
#[allow(clippy::disallowed_methods, reason = "a test has a clock")]
fn fold_of_a_hundred(shop: &Shop) -> Duration {
    for number in 0..100 {
        let click = shop.follow("anna", "?fbclid=IwAR1", "", "", "US");
        shop.deliver_visits(&format!("lead{number}"), &click.visits);
        let body = json!({"customerExternalId": format!("u{number}"), "eventName": "Lead",
            "clickId": click.token});
        assert_eq!(shop.track("lead", &body).0, 200);
    }
    let begun = Instant::now();
    let folded = block_on(ledger::fold(&shop.db, shop.now.get())).unwrap();
    let took = begun.elapsed();
    assert_eq!(folded.facts, 100);
    let found = "SELECT count(*) FROM decisions WHERE body ->> '$.click_ids[0].value' = 'IwAR1'";
    assert_eq!(shop.db.number(found), 100, "each with its stored click");
    took
}

#[test]
fn a_fold_is_as_quick_in_a_crowded_minute_as_in_a_quiet_one() {
    let quiet = fold_of_a_hundred(&Shop::open());
    for count in sizes() {
        let shop = Shop::open();
        let crowd = visits(&shop, &mut Random(7), count);
        for batch in letters(&shop, "m", &crowd).chunks(100) {
            assert!(take(&shop, &shop.db, batch).again.is_empty());
        }
        let crowded = fold_of_a_hundred(&shop);
        println!("{count} clicks in the minute: {crowded:?}, alone {quiet:?}");
        assert!(crowded < quiet * 8 + Duration::from_millis(count as u64 / 20));
    }
}

/// Landings of an anonymous token of yesterday that get names: each is dated the last moment of
/// its day.
fn landings(shop: &Shop, random: &mut Random, count: usize) -> Vec<Visit> {
    let click = shop.follow("anna", "", "", "", "DE");
    shop.wait(86_400_000);
    let said = json!({"n": "land", "t": click.token, "q": "", "s": "full"});
    let named = shop.beacon(&said, "", "").visits;
    assert_eq!(
        named.len(),
        3,
        "an anonymous landing, a grant and a landing with a name"
    );
    let mut all = Vec::new();
    for _ in 0..count {
        let nonce = format!("{:016x}", random.next());
        let each = named.iter().filter(|visit| visit.touch.nonce.is_some());
        all.extend(each.cloned().map(|mut visit| {
            visit.key.clone_from(&nonce);
            visit.touch.nonce = Some(nonce.clone());
            visit
        }));
    }
    all
}

#[test]
fn any_number_of_landings_of_one_day_slows_no_fold() {
    let quiet = fold_of_a_hundred(&Shop::open());
    for count in sizes() {
        let shop = Shop::open();
        let crowd = landings(&shop, &mut Random(7), count);
        // The leads are of the same minute.
        shop.now.set(crowd[0].at);
        for batch in letters(&shop, "m", &crowd).chunks(100) {
            assert!(take(&shop, &shop.db, batch).again.is_empty());
        }
        let confirmed = "SELECT sum(count) FROM click_rollups WHERE class = 'confirmed'";
        assert_eq!(shop.db.number(confirmed), count as i64);
        let crowded = fold_of_a_hundred(&shop);
        println!("{count} landings in the minute: {crowded:?}, alone {quiet:?}");
        assert!(crowded < quiet * 8 + Duration::from_millis(count as u64 / 20));
    }
}

/// `CROWD` says how many at once.
fn sizes() -> Vec<usize> {
    let told = std::env::var("CROWD").ok();
    told.map_or(vec![10_000], |told| vec![told.parse().unwrap()])
}

#[test]
fn of_one_click_a_few_grants_are_kept_and_only_those_are_news() {
    let shop = Shop::open();
    let click = shop.click("anna");
    shop.deliver_visits("click", &click.visits);
    let lead = json!({"customerExternalId": "u1", "eventName": "Lead", "clickId": click.token});
    assert_eq!(shop.track("lead", &lead).0, 200);
    shop.fold();
    for number in 0..30 {
        // Without its cookie the same visitor is a new one each time.
        let said = json!({"n": "consent", "t": click.token, "s": "full", "q": ""});
        let visits = shop.beacon(&said, "", "").visits;
        assert!(visits.iter().any(|visit| visit.kind == VisitKind::Grant));
        shop.deliver_visits(&format!("g{number}"), &visits);
        let pending = shop
            .db
            .number("SELECT count(*) FROM facts WHERE state = 'pending'");
        assert_eq!(pending, i64::from(number < 8), "after {number}");
        shop.fold();
    }
    assert_eq!(shop.db.number("SELECT count(*) FROM grants"), 8);
    let granted = "SELECT sum(count) FROM click_rollups WHERE class = 'granted'";
    assert_eq!(shop.db.number(granted), 30, "all are counted");
}

#[test]
fn a_repeat_is_looked_for_only_among_rows_of_its_time() {
    let shop = Shop::open();
    let mut random = Random(7);
    // Each click a message of its own, for most of a minute.
    for second in 0..50 {
        let visits = visits(&shop, &mut random, 40);
        let letters: Vec<Letter> = visits
            .iter()
            .enumerate()
            .map(|(n, visit)| {
                letter(
                    &format!("m{second}-{n}"),
                    body(&shop, std::slice::from_ref(visit)),
                )
            })
            .collect();
        for _ in 0..2 {
            assert!(take(&shop, &shop.db, &letters).again.is_empty());
        }
        shop.wait(1_000);
    }
    assert_eq!(counted(&shop), 2_000);
    let from = shop.now.get().0 - 1_000;
    let near = format!(
        "SELECT count(*) FROM click_packs WHERE sent_until >= {from} AND sent_from <= {from}"
    );
    assert_eq!(shop.db.number(&near), 1);
}
