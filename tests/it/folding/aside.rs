use super::*;
use crate::support::sqlite::Fault;
use app::{publish, settle};
use serde_json::Value;

const MINUTE: i64 = 60_000;

/// What is set aside, as the API tells it.
fn aside(shop: &Shop) -> Vec<(String, String)> {
    let status = shop.made("GET", "status", &json!({}));
    let events = status["events_set_aside"].as_array().unwrap().clone();
    assert_eq!(status["set_aside"], events.len());
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or("never").to_owned();
    let told = events
        .iter()
        .map(|row| (text(row, "reason"), text(row, "retry_at")));
    told.collect()
}

#[test]
fn what_cannot_be_committed_is_set_aside_alone_and_taken_up_again() {
    let shop = Shop::open();
    for number in 0..30 {
        let token = shop.click("anna").token;
        let name = if number == 7 {
            "poison".to_owned()
        } else {
            format!("o{number}")
        };
        sell(&shop, &format!("u{number}"), &name, &token);
    }
    // In no parameter but those of the commit.
    shop.db.poison(Some("\"key\":\"poison\""));
    shop.fold();
    assert_eq!(states(&shop), ["folded 29", "set_aside 1"]);
    assert_eq!(shop.balance(0), 29 * 200);
    let told = aside(&shop);
    assert_eq!((told.len(), told[0].0.as_str()), (1, "fold_failed"));
    // Before its time nothing is tried; then it fails again, later and later.
    shop.wait(MINUTE - 1);
    assert_eq!(fold(&shop).facts, 0);
    shop.wait(1);
    assert_eq!(fold(&shop).set_aside, 1);
    shop.wait(MINUTE);
    assert_eq!(fold(&shop).facts, 0, "it waits twice as long now");
    // What is new of the same customer waits with it, and nobody else does.
    sell(&shop, "u7", "o7", "");
    sell(&shop, "u8", "o8b", "");
    shop.fold();
    assert_eq!(states(&shop), ["folded 30", "set_aside 2"]);
    shop.db.poison(None);
    shop.wait(MINUTE);
    shop.fold();
    assert_eq!(states(&shop), ["folded 32"]);
    assert_eq!(aside(&shop), []);
    assert_eq!(
        shop.balance(0),
        31 * 200 + 200,
        "u7's second sale is the partner's too"
    );
}

#[test]
fn what_cannot_be_read_is_set_aside_alone() {
    let shop = Shop::open();
    for number in 0..5 {
        sell(&shop, &format!("u{number}"), &format!("o{number}"), "");
    }
    shop.db
        .execute("UPDATE facts SET body = json_remove(body, '$.kind') WHERE key = 'o2'");
    shop.fold();
    assert_eq!(states(&shop), ["folded 4", "set_aside 1"]);
    assert_eq!(aside(&shop)[0].0, "fold_failed");
}

#[test]
fn an_outage_sets_nothing_aside() {
    let shop = Shop::open();
    sell(&shop, "u1", "o1", "");
    for number in 0..40 {
        shop.db.fail(number, Fault::Lost);
    }
    for _ in 0..10 {
        assert!(block_on(ledger::fold(&shop.db, shop.now.get())).is_err());
        shop.wait(MINUTE);
    }
    assert_eq!(states(&shop), ["pending 1"]);
    shop.db.heal();
    let status = shop.made("GET", "status", &json!({}));
    assert_eq!(
        (&status["pending"], &status["oldest_pending_seconds"]),
        (&json!(1), &json!(600))
    );
    let lag = block_on(app::status::lag(&shop.db, None)).unwrap();
    let alert = lag.alert(shop.now.get()).unwrap();
    assert!(alert.starts_with("ledger lag: the oldest pending event waits for 600 seconds"));
    shop.fold();
    assert_eq!(states(&shop), ["folded 1"]);
    let lag = block_on(app::status::lag(&shop.db, None)).unwrap();
    assert_eq!(lag.alert(shop.now.get()), None);
}

#[test]
fn a_history_that_is_too_long_is_set_aside_until_it_fits() {
    let shop = Shop::open();
    sell(&shop, "crowd", "o1", "");
    shop.fold();
    shop.db.execute(&format!(
        "WITH RECURSIVE n (i) AS (
           VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {CUSTOMER_FACTS})
         INSERT INTO facts (id, program, kind, key, customer, awaits_click, occurred_at,
           received_at, content, body, state)
         SELECT id || i, program, kind, key || '-' || i, customer, 0, occurred_at, received_at,
           content, json_set(body, '$.id', id || i, '$.key', key || '-' || i), 'pending'
         FROM n, facts WHERE key = 'o1'"
    ));
    sell(&shop, "somebody", "o2", &shop.click("anna").token);
    shop.fold();
    assert_eq!(shop.balance(0), 200, "nobody else waits");
    let status = shop.made("GET", "status", &json!({}));
    assert_eq!(status["set_aside"], CUSTOMER_FACTS);
    assert_eq!(status["events_set_aside"][0]["reason"], "history_too_large");
    shop.db
        .execute("DELETE FROM facts WHERE key LIKE 'o1-%' AND key > 'o1-2'");
    shop.wait(10 * MINUTE);
    shop.fold();
    let left = shop.db.column("SELECT DISTINCT state FROM facts");
    assert_eq!(left, ["folded"], "it fits, and is taken up again by itself");
}

/// What a queue message or cron runs: it folds until nothing is left or the isolate ends.
fn invocation(shop: &Shop) {
    while let Ok(Folded { facts: 1.., .. }) = block_on(ledger::fold(&shop.db, shop.now.get())) {}
    shop.db.begin();
}

/// Seconds for which the oldest event of somebody who harms nobody waits.
fn oldest(shop: &Shop) -> i64 {
    let since = shop.db.number(&format!(
        "SELECT coalesce(min(received_at), {}) FROM facts
         WHERE state IN ('pending', 'set_aside') AND key NOT LIKE '%poison%'",
        shop.now.get().0
    ));
    (shop.now.get().0 - since) / 1_000
}

#[test]
fn what_ends_the_isolate_is_set_aside_and_holds_up_nobody() {
    let shop = Shop::open();
    for number in 0..250 {
        sell(&shop, "crowd", &format!("poison{number}"), "");
    }
    shop.db.deadly_poison("\"key\":\"poison0\"");
    for number in 0..60 {
        let name = format!("o{number}");
        sell(&shop, &name, &name, "");
        if number % 7 == 0 {
            sell(&shop, "crowd", &format!("poisoned{number}"), "");
        }
        shop.wait(5_000);
        invocation(&shop);
        assert!(oldest(&shop) <= 60, "{} after {number}", oldest(&shop));
    }
    let deaths = shop.db.begin();
    assert!(deaths <= 8, "{deaths} isolates ended");
    let others = "SELECT state || ' ' || count(*) FROM facts WHERE key NOT LIKE '%poison%'
        GROUP BY state";
    assert_eq!(shop.db.column(others), ["folded 60"]);
    let status = shop.made("GET", "status", &json!({}));
    assert_eq!(status["set_aside"], 250 + 9);
    assert_eq!(status["events_set_aside"][0]["reason"], "fold_failed");
    // It is tried again, ever later, and when it is mended all of it is taken up.
    for _ in 0..24 * 60 {
        shop.wait(MINUTE);
        invocation(&shop);
    }
    assert!((deaths + 3..deaths + 14).contains(&shop.db.begin()));
    shop.db.poison(None);
    shop.wait(24 * 60 * MINUTE);
    shop.fold();
    assert_eq!(states(&shop), [format!("folded {}", 60 + 259)]);
}

#[test]
fn a_record_that_kv_refuses_holds_up_no_other() {
    let shop = Shop::open();
    "host:shop.example".clone_into(&mut shop.kv.refused.borrow_mut());
    shop.kv.records.borrow_mut().clear();
    let rebuild = || block_on(publish::publish(&shop.db, &shop.kv)).unwrap();
    shop.db
        .execute("UPDATE publications SET version = version + 1");
    let first = rebuild();
    assert_eq!(first.written, 0, "it is the first of them");
    let second = rebuild();
    assert!(second.written >= 4, "{second:?}");
    assert_eq!(second.left, 1);
    shop.kv.refused.borrow_mut().clear();
    assert_eq!((rebuild().written, rebuild().left), (1, 0));
}

#[test]
fn twelve_programs_that_cannot_be_settled_hold_up_no_other() {
    let shop = Shop::open();
    let mut other = json!({"name": "Other"});
    other["plan"] = json!({"window_days": 30, "sale": {"rate_bps": 1000}});
    let mut all = vec![shop.program.clone()];
    for number in 0..12 {
        other["hosts"] = json!([format!("other{number}.example")]);
        let made = shop.made("POST", "programs", &other);
        all.push(made["id"].as_str().unwrap().to_owned());
    }
    all.sort();
    let (last, bad) = all.split_last().unwrap();
    for program in bad {
        // Another one settles them at each try.
        shop.db.execute(&format!(
            "CREATE TRIGGER bad_{program} BEFORE INSERT ON settlements
             WHEN new.program = '{program}' BEGIN SELECT RAISE(ABORT, 'constraint failed'); END"
        ));
    }
    shop.wait(40 * 86_400_000);
    let mut minutes = 0;
    let closed = || shop.db.column("SELECT DISTINCT program FROM settlements");
    while closed() != [last.clone()] {
        let _ = block_on(settle::monthly(&shop.db, shop.now.get()));
        shop.wait(MINUTE);
        minutes += 1;
        assert!(minutes <= 13, "{:?}", closed());
    }
}

#[test]
fn a_program_whose_month_cannot_be_closed_holds_up_no_other() {
    let shop = Shop::open();
    let mut other = json!({"name": "Other", "hosts": ["other.example"]});
    other["plan"] = json!({"window_days": 30, "sale": {"rate_bps": 1000}});
    let other = shop.made("POST", "programs", &other)["id"].clone();
    // The one that is looked at first.
    let bad = shop.program.as_str().min(other.as_str().unwrap());
    shop.db.poison(Some(&format!("{bad}/settle")));
    shop.wait(40 * 86_400_000);
    assert!(block_on(settle::monthly(&shop.db, shop.now.get())).is_err());
    let closed = || shop.db.column("SELECT DISTINCT program FROM settlements");
    assert_eq!(closed().len(), 1);
    assert!(!closed().contains(&bad.to_owned()));
    shop.db.poison(None);
    block_on(settle::monthly(&shop.db, shop.now.get())).unwrap();
    assert_eq!(closed().len(), 2);
}
