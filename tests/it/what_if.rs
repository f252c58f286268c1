//! Replay proves the ledger, what-if asks what another plan would give; neither writes.

use crate::properties::cases;
use crate::settlement::{DAY, refund, sell, shop};
use crate::support::shop::{START, Shop};
use crate::support::story::{self, Stage, Story};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every row of every table.
fn dump(shop: &Shop) -> Vec<String> {
    let tables = shop
        .db
        .column("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1");
    let rows = |table: &String| {
        let sql = format!(
            "SELECT group_concat(name, '\" || ''|'' || \"') FROM
            pragma_table_info('{table}')"
        );
        let columns = shop.db.column(&sql).remove(0);
        let coalesced = columns
            .split("\" || '|' || \"")
            .map(|c| format!("quote(\"{c}\")"));
        let all = coalesced.collect::<Vec<_>>().join(" || '|' || ");
        shop.db.column(&format!(
            "SELECT '{table} ' || {all} FROM {table} ORDER BY 1"
        ))
    };
    tables.iter().flat_map(rows).collect()
}

fn ask(shop: &Shop, plan: Option<&Value>, from: i64, until: i64) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let mut body = json!({"program": shop.program, "from": from / 1_000,
            "until": until / 1_000, "cursor": cursor});
        if let Some(plan) = plan {
            body["plan"] = plan.clone();
        }
        let page = shop.made("POST", "what-if", &body);
        cursor = page["next_cursor"].clone();
        pages.push(page);
        if cursor.is_null() {
            return pages;
        }
    }
}

/// Sums of all pages by partner and currency: what is, and what would be. Nothing is left out.
fn sums(pages: &[Value]) -> (BTreeMap<String, i64>, BTreeMap<String, i64>) {
    let mut all = (BTreeMap::new(), BTreeMap::new());
    for row in pages
        .iter()
        .flat_map(|page| page["partners"].as_array().unwrap())
    {
        let number = |name: &str| row[name].as_i64().unwrap();
        let key = format!("{} {}", row["partner"], row["currency"]);
        assert_eq!(number("then") - number("now"), number("difference"));
        *all.0.entry(key.clone()).or_default() += number("now");
        *all.1.entry(key).or_default() += number("then");
    }
    all.0.retain(|_, sum| *sum != 0);
    all.1.retain(|_, sum| *sum != 0);
    all
}

fn balances(shop: &Shop) -> BTreeMap<String, i64> {
    let rows = shop.list("balances").into_iter();
    let rows = rows.map(|row| {
        let key = format!("{} {}", row["partner"], row["currency"]);
        (key, row["amount"].as_i64().unwrap())
    });
    rows.filter(|(_, sum)| *sum != 0).collect()
}

fn opened() -> Shop {
    shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000}}))
}

#[test]
fn another_plan_is_tried_on_a_range_and_told_in_money_and_sentences() {
    let shop = opened();
    sell(&shop, "o1", 10_000);
    shop.wait(DAY);
    let from = shop.now.get().0;
    let second = sell(&shop, "o2", 20_000);
    shop.wait(DAY);
    let until = shop.now.get().0;
    sell(&shop, "o3", 40_000);
    refund(&shop, "r2", "o2", 10_000);
    let before = dump(&shop);
    let plan = json!({"window_days": 30, "sale": {"rate_bps": 2000}});
    let page = ask(&shop, Some(&plan), from, until).remove(0);
    // The sale of the range, and its refund, which lies after it.
    let anna = json!({"partner": shop.partners[0], "currency": "USD", "now": 1_000,
        "then": 2_000, "difference": 1_000});
    assert_eq!(page["partners"], json!([anna]));
    assert_eq!((&page["events"], &page["changed"]), (&json!(1), &json!(2)));
    let example = &page["examples"][0];
    assert_eq!(example["event"], json!(second));
    let told = |name: &str| example[name].as_str().unwrap().to_owned();
    assert!(
        told("now").contains("20.00") && told("then").contains("40.00"),
        "{example}"
    );
    assert_eq!(dump(&shop), before);
    let same = json!({"window_days": 30, "sale": {"rate_bps": 1000}});
    let page = ask(&shop, Some(&same), from, until).remove(0);
    assert_eq!(
        (&page["changed"], &page["partners"][0]["difference"]),
        (&json!(0), &json!(0))
    );
}

#[test]
fn a_replay_finds_what_does_not_follow_from_the_facts() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    let until = shop.now.get().0 + DAY;
    let page = ask(&shop, None, START.0, until).remove(0);
    assert_eq!((&page["events"], &page["changed"]), (&json!(1), &json!(0)));
    shop.db.execute(&format!(
        "INSERT INTO entries (id, program, partner, cause, kind, amount, currency, payout, paid_in,
           reason, booked_at)
         SELECT 'le_x', program, partner, cause, 'adjustment', 7, currency, 7, paid_in, '', 0
         FROM entries WHERE cause = '{event}'"
    ));
    let page = ask(&shop, None, START.0, until).remove(0);
    assert_eq!(
        (&page["changed"], &page["partners"][0]["difference"]),
        (&json!(1), &json!(-7))
    );
}

#[test]
fn customers_are_found_by_what_names_only_their_purchase() {
    let shop = opened();
    sell(&shop, "o1", 10_000);
    shop.wait(DAY);
    let from = shop.now.get().0;
    refund(&shop, "r1", "o1", 5_000);
    let page = ask(&shop, None, from, from + DAY).remove(0);
    assert_eq!(
        (&page["customers"], &page["events"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(page["partners"][0]["now"], -500);
}

#[test]
fn many_customers_are_several_pages() {
    let shop = opened();
    let click = shop.click("anna");
    shop.wait(DAY);
    for number in 0..450 {
        let sale = json!({"customerExternalId": format!("u{number}"), "amount": 1_000 + number,
            "currency": "usd", "invoiceId": format!("o{number}"), "clickId": click.token});
        assert_eq!(shop.track("sale", &sale).0, 200);
    }
    shop.fold();
    let pages = ask(&shop, None, START.0, shop.now.get().0 + DAY);
    let all = |name: &str| {
        pages
            .iter()
            .map(|page| page[name].as_i64().unwrap())
            .sum::<i64>()
    };
    assert_eq!((pages.len(), all("events"), all("changed")), (3, 450, 0));
    let (now, then) = sums(&pages);
    assert_eq!((&now, &then), (&balances(&shop), &balances(&shop)));
}

#[test]
fn customers_with_too_many_events_are_counted_and_stop_nobody() {
    let shop = opened();
    sell(&shop, "o1", 10_000);
    sell(&shop, "o2", 20_000);
    shop.db.execute(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO facts (id, program, kind, key, customer, awaits_click, occurred_at,
           received_at, content, body, state)
         SELECT id || i, program, kind, key || '-' || i, customer, 0, occurred_at, received_at,
           content, json_set(body, '$.id', id || i, '$.key', key || '-' || i), state
         FROM n, facts WHERE key = 'o1'",
    );
    let pages = ask(&shop, None, START.0, shop.now.get().0 + DAY);
    let all = |name: &str| {
        pages
            .iter()
            .map(|page| page[name].as_i64().unwrap())
            .sum::<i64>()
    };
    assert_eq!((all("customers"), all("skipped"), all("events")), (2, 1, 1));
    assert_eq!(sums(&pages).0.values().sum::<i64>(), 2_000);
}

#[test]
fn what_another_plan_could_not_decide_is_named_and_counted_as_nothing() {
    let shop = opened();
    let rate = json!({"program": shop.program, "rates": [
        {"from": "JPY", "to": "USD", "at": 0, "rate": "151.203"}]});
    shop.made("POST", "rates", &rate);
    let click = shop.click("anna");
    shop.wait(DAY);
    let sale = json!({"customerExternalId": "u1", "amount": 1_000_000_000_000i64,
        "currency": "jpy", "invoiceId": "o1", "clickId": click.token});
    let (status, answer) = shop.track("sale", &sale);
    assert_eq!(status, 200, "{answer}");
    shop.fold();
    let until = shop.now.get().0 + DAY;
    let plan = json!({"window_days": 30, "sale": {"rate_bps": 9000}, "payout_currency": "USD"});
    let page = ask(&shop, Some(&plan), 0, until).remove(0);
    let event = shop.db.column("SELECT id FROM facts").remove(0);
    assert_eq!(page["undecided"], json!([event]));
    let anna = json!({"partner": shop.partners[0], "currency": "JPY", "now": 100_000_000_000i64,
        "then": 0, "difference": -100_000_000_000i64});
    assert_eq!(page["partners"], json!([anna]));
    let replay = ask(&shop, None, 0, until).remove(0);
    assert_eq!(replay["undecided"], json!([]));
}

#[test]
fn a_wrong_question_is_refused() {
    let shop = opened();
    let body = json!({"program": shop.program, "from": 10, "until": 10,
        "plan": {"window_days": 0, "sale": {"rate_bps": 1}}, "x": 1});
    let (status, answer) = shop.control("POST", "what-if", &body);
    assert_eq!(status, 422);
    let paths = answer["errors"].as_array().unwrap().iter();
    let mut paths: Vec<_> = paths.map(|error| error["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/plan/window_days", "/until", "/x"]);
    let body = body.to_string();
    let answer = shop.request(
        "POST",
        "admin.example",
        "what-if",
        &shop.track,
        body.as_bytes(),
    );
    assert_eq!(answer.status, 403);
}

/// A story that was told, under its own plans or under one plan alone.
fn told(story: &Story, plan: Option<&Value>) -> Stage {
    let stage = story::stage(story);
    if let Some(plan) = plan {
        stage.shop.db.execute(&format!(
            "DELETE FROM plans WHERE version > 1; UPDATE plans SET rules = '{plan}'"
        ));
    }
    for place in 0..stage.script.steps.len() {
        stage.play(place);
        stage.shop.wait(1_000);
    }
    stage.shop.fold();
    stage
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_replay_gives_what_is_booked_and_another_plan_what_it_would_have_given(
        story in story::stories(),
        rate in 1i64..=10_000,
        model in prop_oneof![Just("first"), Just("linear"), Just("last")],
        paid_in in proptest::option::of(prop_oneof![Just("USD"), Just("BHD")]),
    ) {
        let stage = told(&story, None);
        let shop = &stage.shop;
        let before = dump(shop);
        let until = shop.now.get().0 + 400 * DAY;
        let pages = ask(shop, None, 0, until);
        prop_assert!(pages.iter().all(|page| page["changed"] == 0), "{pages:?}");
        prop_assert_eq!(sums(&pages), (balances(shop), balances(shop)));
        let mut plan = json!({"window_days": 9, "model": model, "sale": {"rate_bps": rate}});
        if let Some(paid_in) = paid_in {
            plan["payout_currency"] = json!(paid_in);
        }
        let pages = ask(shop, Some(&plan), 0, until);
        let other = told(&story, Some(&plan));
        prop_assert_eq!(sums(&pages), (balances(shop), balances(&other.shop)));
        prop_assert_eq!(dump(shop), before);
    }

    /// Erasing renames customers: what is booked still follows from the facts, and what another
    /// plan would have given is the same money.
    #[test]
    fn after_an_erasure_a_replay_and_another_plan_give_the_same_money(
        story in story::stories(),
        erased in proptest::collection::vec(0u8..6, 1..3),
        rate in 1i64..=10_000,
    ) {
        let stage = told(&story, None);
        let shop = &stage.shop;
        let until = shop.now.get().0 + 400 * DAY;
        let plan = json!({"window_days": 9, "model": "linear", "sale": {"rate_bps": rate}});
        let before = (balances(shop), sums(&ask(shop, Some(&plan), 0, until)));
        let mut named = Vec::new();
        for number in erased {
            let body = json!({"program": shop.program,
                "customerExternalId": format!("u{number}")});
            let export = shop.made("POST", "customers/export", &body);
            named.push(export["customer"].as_str().unwrap().to_owned());
            shop.made("POST", "customers/erase", &body);
        }
        shop.fold_again();
        let pages = ask(shop, None, 0, until);
        prop_assert!(pages.iter().all(|page| page["changed"] == 0), "{pages:?}");
        prop_assert_eq!(sums(&pages), (balances(shop), balances(shop)));
        let tried = ask(shop, Some(&plan), 0, until);
        prop_assert_eq!(&before, &(balances(shop), sums(&tried)));
        let told = format!("{pages:?}{tried:?}");
        prop_assert!(named.iter().all(|pseudonym| !told.contains(pseudonym)));
    }
}
