//! Pages that went without the snippet's tag: counted by host, day and reason, and shown.

use crate::support::block_on;
use crate::support::shop::Shop;
use app::skipped::{self, Skipped};
use domain::values::time::UnixMs;
use serde_json::{Value, json};

fn report(shop: &Shop, at: UnixMs, rows: &Value) {
    let rows: Vec<Skipped> = serde_json::from_value(rows.clone()).unwrap();
    block_on(skipped::count(&shop.db, at, &rows)).unwrap();
}

#[test]
fn pages_without_the_tag_are_counted_by_host_day_and_reason() {
    let shop = Shop::open();
    let now = shop.now.get();
    let rows = json!([{"host": "shop.example", "reason": "policy", "count": 3},
        {"host": "shop.example", "reason": "not_html", "count": 1},
        {"host": "shop.example", "reason": "policy", "count": 0},
        {"host": "nobodys.example", "reason": "policy", "count": 9}]);
    report(&shop, now, &rows);
    report(&shop, now, &rows);
    report(
        &shop,
        now.plus(86_400_000),
        &json!([{"host": "shop.example", "reason": "policy",
        "count": 1}]),
    );
    let day = now.to_day();
    let next = now.plus(86_400_000).to_day();
    let row = |day: &str, reason: &str, count: u32| {
        json!({"program": shop.program, "day": day, "host": "shop.example", "reason": reason,
            "count": count})
    };
    assert_eq!(
        shop.list("skipped_pages"),
        [
            row(&next, "policy", 1),
            row(&day, "policy", 6),
            row(&day, "not_html", 2)
        ]
    );
    let other = shop.made(
        "POST",
        "programs",
        &json!({"name": "Other", "hosts": ["other.example"]}),
    );
    let path = format!("skipped_pages?program={}", other["id"].as_str().unwrap());
    assert_eq!(shop.list(&path), [json!(null); 0]);
    assert!(
        serde_json::from_value::<Skipped>(json!({"host": "shop.example", "count": 1,
        "reason": "<script>"}))
        .is_err()
    );
}
