//! Paid clicks: by the month, each once, whatever the queue repeats and people find out later.

use super::{DAY, balance, settle, settled, shop};
use crate::support::shop::Shop;
use serde_json::json;

fn rollup(shop: &Shop, day: &str, count: i64) {
    shop.db.execute(&format!(
        "INSERT INTO click_rollups (program, day, link, partner, class, count)
         VALUES ('{}', '{day}', 'ln_x', '{}', 'confirmed', {count})
         ON CONFLICT DO UPDATE SET count = excluded.count",
        shop.program, shop.partners[0]
    ));
}

#[test]
fn clicks_are_paid_when_their_month_is_over_and_late_ones_by_the_next_settlement() {
    let flat = json!({"flat": {"amount": 7, "currency": "USD"}});
    let shop = shop(&json!({"window_days": 30, "click": flat, "hold_days": 5,
        "caps": {"clicks": 100}}));
    rollup(&shop, "2026-11-23", 60);
    settle(&shop);
    assert_eq!(settled(&shop), 0, "November is not over");
    shop.wait(9 * DAY); // 1 December
    settle(&shop);
    assert_eq!(settled(&shop), 0, "nor its hold");
    shop.wait(5 * DAY);
    settle(&shop);
    assert_eq!(settled(&shop), 420);
    settle(&shop);
    assert_eq!(settled(&shop), 420);
    rollup(&shop, "2026-11-30", 10);
    settle(&shop);
    assert_eq!(settled(&shop), 490);
    rollup(&shop, "2026-11-29", 1_000);
    settle(&shop);
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
    settle(&shop);
    assert_eq!(settled(&shop), 21);
    let (nonce, at) = &nonces[1];
    let reclassify = |class: Option<&str>| {
        let body = json!({"program": shop.program, "class": class, "reason": "robot",
            "clicked_at": at.0 / 1_000});
        shop.made("POST", &format!("clicks/{nonce}/reclassify"), &body);
        shop.wait(1_000);
        settle(&shop);
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
    settle(&shop);
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
    settle(&shop);
    settle(&shop);
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
}
