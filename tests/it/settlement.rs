//! Settlements: what may move becomes payable, once; months are cut at their cap and clicks are
//! paid by sums, whatever the order.

use crate::properties::cases;
use crate::support::block_on;
use crate::support::interleave::Interleaved;
use crate::support::shop::Shop;
use crate::support::sqlite::Fault;
use crate::support::story;
use app::settle;
use proptest::prelude::*;
use serde_json::{Value, json};

mod clicks;

pub const DAY: i64 = 86_400_000;

/// A shop with other rules, from the start.
pub fn shop(plan: &Value) -> Shop {
    let shop = Shop::open();
    // A new version would cap and pay clicks from the next month on only.
    shop.db
        .execute(&format!("UPDATE plans SET rules = '{plan}'"));
    shop
}

/// A sale through Anna's link, folded; gives the event's id.
pub fn sell(shop: &Shop, key: &str, amount: i64) -> String {
    let click = shop.click("anna");
    shop.wait(60_000);
    let sale = json!({"customerExternalId": key, "amount": amount, "currency": "usd",
        "invoiceId": key, "clickId": click.token});
    let (status, answer) = shop.track("sale", &sale);
    assert_eq!(status, 200, "{answer}");
    shop.fold();
    answer["eventId"].as_str().unwrap().to_owned()
}

pub fn refund(shop: &Shop, key: &str, invoice: &str, amount: i64) {
    let body = json!({"refundId": key, "invoiceId": invoice, "amount": amount,
        "currency": "usd"});
    assert_eq!(shop.track("refund", &body).0, 200);
    shop.fold();
}

pub fn settle(shop: &Shop) -> Value {
    shop.made("POST", "settlements", &json!({"program": shop.program}))
}

/// What Anna's settled lines add up to.
pub fn settled(shop: &Shop) -> i64 {
    let sql = format!(
        "SELECT coalesce(sum(payout), 0) FROM settlement_lines WHERE partner = '{}'",
        shop.partners[0]
    );
    shop.db.number(&sql)
}

pub fn state(shop: &Shop, event: &str) -> String {
    let event = shop.made("GET", &format!("events/{event}"), &json!({}));
    assert_eq!(
        event["decision"]["credits"][0]["state"],
        event["earnings"][0]["state"]
    );
    event["earnings"][0]["state"].as_str().unwrap().to_owned()
}

fn rule(shop: &Shop, event: &str, action: &str) {
    shop.db.execute(&format!(
        "INSERT INTO rulings (program, event, action, actor, reason, at)
         VALUES ('{}', '{event}', '{action}', 'ak_x', 'because', {});
         UPDATE facts SET state = 'pending' WHERE id = '{event}'",
        shop.program,
        shop.now.get().0
    ));
    shop.fold();
}

/// Anna's row of the balances.
pub fn balance(shop: &Shop) -> Value {
    let rows = shop.list("balances");
    let own = rows
        .into_iter()
        .find(|row| row["partner"] == shop.partners[0]);
    own.unwrap_or_default()
}

#[test]
fn money_waits_is_approved_payable_and_paid() {
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000}, "hold_days": 14}));
    let event = sell(&shop, "o1", 10_000);
    assert_eq!(state(&shop, &event), "pending");
    assert_eq!(balance(&shop)["pending"], 1_000);
    assert_eq!(
        settle(&shop)["settlements"],
        json!([]),
        "the hold is not over"
    );
    shop.wait(15 * DAY);
    assert_eq!(state(&shop, &event), "approved");
    assert_eq!(balance(&shop)["approved"], 1_000);
    let answer = settle(&shop);
    let made = &answer["settlements"][0];
    assert_eq!(made["entries"], 1);
    assert_eq!(
        made["sums"],
        json!([{"partner": shop.partners[0], "currency": "USD", "amount": 1_000}])
    );
    assert_eq!(state(&shop, &event), "payable");
    assert_eq!(balance(&shop)["payable"], 1_000);
    let path = format!("settlements/{}", made["id"].as_str().unwrap());
    let one = shop.made("GET", &path, &json!({}));
    assert_eq!(one["lines"]["data"][0]["event"], json!(event));
    assert_eq!(shop.list("settlements").len(), 1);
    assert_eq!(settle(&shop)["settlements"], json!([]), "each entry once");
    let pay = json!({"program": shop.program, "reference": "SEPA 1"});
    shop.made("POST", "payouts", &pay);
    assert_eq!(state(&shop, &event), "paid");
    let row = balance(&shop);
    assert_eq!(
        (&row["paid"], &row["amount"], &row["total"]),
        (&json!(1_000), &json!(0), &json!(1_000))
    );
    let earnings = shop.list("earnings");
    assert_eq!(earnings[0]["state"], "paid");
    assert_eq!(earnings.len(), 1, "a payout is no earning");
}

#[test]
fn an_earlier_instant_settles_what_could_move_then() {
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000}, "hold_days": 1}));
    sell(&shop, "o1", 10_000);
    shop.wait(5 * DAY);
    let until = shop.now.get().plus(-9 * DAY / 2).to_rfc3339();
    let body = json!({"program": shop.program, "until": until});
    assert_eq!(
        shop.made("POST", "settlements", &body)["settlements"],
        json!([])
    );
    let future = shop.now.get().plus(DAY).to_rfc3339();
    let body = json!({"program": shop.program, "until": future});
    let (status, answer) = shop.control("POST", "settlements", &body);
    assert_eq!(
        (status, &answer["errors"][0]["code"]),
        (422, &json!("in_the_future"))
    );
    assert_eq!(settle(&shop)["settlements"][0]["entries"], 1);
}

#[test]
fn what_is_in_review_or_held_stays_out_and_what_is_rejected_is_taken_back() {
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000},
        "review": {"min_seconds": 0}}));
    let event = sell(&shop, "o1", 10_000);
    rule(&shop, &event, "hold");
    assert_eq!(state(&shop, &event), "held");
    settle(&shop);
    assert_eq!(settled(&shop), 0);
    rule(&shop, &event, "approve");
    assert_eq!(state(&shop, &event), "approved");
    settle(&shop);
    assert_eq!(settled(&shop), 1_000);
    rule(&shop, &event, "reject");
    settle(&shop);
    assert_eq!(
        (settled(&shop), state(&shop, &event).as_str()),
        (0, "rejected")
    );
    // The same amount twice within ten minutes is looked at first.
    let click = shop.click("anna");
    for key in ["d1", "d2"] {
        shop.wait(60_000);
        let sale = json!({"customerExternalId": "u9", "amount": 5_000, "currency": "usd",
            "invoiceId": key, "clickId": click.token});
        assert_eq!(shop.track("sale", &sale).0, 200);
    }
    shop.fold();
    assert_eq!(balance(&shop)["in_review"], 500);
    settle(&shop);
    assert_eq!(settled(&shop), 500);
}

#[test]
fn a_month_is_cut_at_the_cap_and_a_refund_gives_room_back() {
    let cap = json!({"amount": 1_500, "currency": "USD"});
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000},
        "caps": {"partner": cap}}));
    sell(&shop, "o1", 10_000);
    settle(&shop);
    assert_eq!(settled(&shop), 1_000);
    sell(&shop, "o2", 10_000);
    sell(&shop, "o3", 10_000);
    settle(&shop);
    assert_eq!(settled(&shop), 1_500);
    assert_eq!(shop.balance(0), 1_500);
    // In the next month: it is the month of the purchase that has room again.
    shop.wait(20 * DAY);
    refund(&shop, "r1", "o1", 10_000);
    settle(&shop);
    assert_eq!(
        settled(&shop),
        1_500,
        "2,000 are left, 1,500 of them within the cap"
    );
    refund(&shop, "r2", "o2", 10_000);
    settle(&shop);
    assert_eq!(settled(&shop), 1_000);
    sell(&shop, "o4", 20_000);
    settle(&shop);
    assert_eq!(settled(&shop), 2_500, "another month, another cap");
    let causes = shop.db.column(
        "SELECT cause || ' ' || sum(amount) FROM entries
        WHERE kind = 'cap' GROUP BY cause ORDER BY 1",
    );
    let anna = &shop.partners[0];
    assert_eq!(
        causes,
        [
            format!("cap/{anna}/2026-11 0"),
            format!("cap/{anna}/2026-12 -500")
        ]
    );
}

#[test]
fn a_cap_in_another_currency_than_the_partner_is_paid_in_cuts_nothing() {
    let cap = json!({"amount": 500, "currency": "EUR"});
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000},
        "caps": {"partner": cap}}));
    sell(&shop, "o1", 10_000);
    settle(&shop);
    assert_eq!((settled(&shop), shop.balance(0)), (1_000, 1_000));
}

#[test]
fn each_month_is_closed_once_by_itself() {
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000}}));
    sell(&shop, "o1", 10_000);
    let tick = || block_on(settle::monthly(&shop.db, shop.now.get())).unwrap();
    tick();
    assert_eq!(
        shop.list("settlements").len(),
        0,
        "the program began this month"
    );
    shop.wait(9 * DAY);
    tick();
    assert_eq!(settled(&shop), 1_000);
    let rows = shop.list("settlements");
    assert_eq!((rows.len(), &rows[0]["actor"]), (1, &json!("cron")));
    assert_eq!(rows[0]["until"], "2026-12-01T00:00:00Z");
    let before = shop.db.batches();
    tick();
    assert_eq!(shop.db.batches() - before, 1, "one small query");
    shop.wait(31 * DAY);
    tick();
    tick();
    assert_eq!(
        shop.list("settlements").len(),
        2,
        "an empty month is closed too"
    );
}

#[test]
fn more_entries_than_one_settlement_takes_are_several() {
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000}}));
    let event = sell(&shop, "o1", 10_000);
    shop.db.execute(&format!(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2300)
         INSERT INTO entries (id, program, partner, cause, kind, amount, currency, payout, paid_in,
           reason, booked_at)
         SELECT 'le_' || i, program, partner, cause, 'adjustment', 1, currency, 1, paid_in, '', 0
         FROM n, entries WHERE cause = '{event}'"
    ));
    let made = settle(&shop);
    assert_eq!(made["settlements"].as_array().unwrap().len(), 3);
    assert_eq!((settled(&shop), &made["left"]), (3_300, &json!(false)));
}

/// Everything about money, as rows.
pub fn money(shop: &Shop) -> Vec<String> {
    let queries = [
        "SELECT 'entry ' || id || kind || amount || currency || payout FROM entries ORDER BY 1",
        "SELECT 'line ' || entry || payout || month FROM settlement_lines ORDER BY 1",
        "SELECT 'paid ' || entry || payout FROM payout_lines ORDER BY 1",
        "SELECT 'payout ' || id || amount FROM payouts ORDER BY 1",
        "SELECT 'unpaid ' || entry FROM unpaid ORDER BY 1",
        "SELECT 'unsettled ' || seq FROM unsettled ORDER BY 1",
    ];
    queries.iter().flat_map(|sql| shop.db.column(sql)).collect()
}

#[test]
fn a_lost_or_unheard_write_settles_once() {
    let run = |fault: Option<(usize, Fault)>| {
        let cap = json!({"amount": 700, "currency": "USD"});
        let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000},
            "caps": {"partner": cap}}));
        sell(&shop, "o1", 10_000);
        if let Some((batch, fault)) = fault {
            shop.db.fail(batch, fault);
        }
        let body = json!({"program": shop.program});
        let first = shop.control("POST", "settlements", &body).0;
        assert_eq!(first == 503, fault.is_some());
        settle(&shop);
        settle(&shop);
        money(&shop)
    };
    let expected = run(None);
    // Batch 0 checks the key, 1 loads, 2 writes.
    for batch in 1..3 {
        for fault in [Fault::Lost, Fault::PersistedButReportedFailed] {
            assert_eq!(run(Some((batch, fault))), expected, "{batch} {fault:?}");
        }
    }
}

#[test]
fn two_settlements_and_a_fold_at_once_settle_each_entry_once_and_as_decided() {
    let expected = {
        let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000}}));
        shop.wait(8 * DAY);
        sell(&shop, "o1", 10_000);
        shop.wait(2 * DAY);
        block_on(settle::monthly(&shop.db, shop.now.get())).unwrap();
        money(&shop)
    };
    let shop = shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000}}));
    shop.wait(8 * DAY);
    let event = sell(&shop, "o1", 10_000);
    shop.wait(2 * DAY);
    let again = || block_on(settle::monthly(&shop.db, shop.now.get())).unwrap();
    let db = Interleaved::new(&shop.db).before(2, again);
    block_on(settle::monthly(&db, shop.now.get())).unwrap();
    assert_eq!((db.stale(), money(&shop)), (1, expected));
    // A person holds an event between the look and the commit: it stays out.
    let other = sell(&shop, "o2", 10_000);
    shop.wait(31 * DAY);
    let hold = || rule(&shop, &other, "hold");
    let db = Interleaved::new(&shop.db).before(2, hold);
    block_on(settle::monthly(&db, shop.now.get())).unwrap();
    assert_eq!((db.stale(), settled(&shop)), (1, 1_000));
    assert_eq!(
        (state(&shop, &event).as_str(), state(&shop, &other).as_str()),
        ("payable", "held")
    );
}

#[test]
fn nothing_reads_a_whole_table() {
    use app::ports::{Database, DatabaseError, Rows, Statement};
    struct Watched<'a>(&'a Shop, std::cell::RefCell<Vec<String>>);
    impl Database for Watched<'_> {
        async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
            self.1.borrow_mut().extend(self.0.db.scans(&statements));
            self.0.db.batch(statements).await
        }
    }
    let flat = json!({"flat": {"amount": 7, "currency": "USD"}});
    let shop = shop(
        &json!({"window_days": 30, "sale": {"rate_bps": 1000}, "click": flat,
        "caps": {"clicks": "none"}}),
    );
    sell(&shop, "o1", 10_000);
    shop.wait(20 * DAY);
    let db = Watched(&shop, std::cell::RefCell::default());
    block_on(settle::monthly(&db, shop.now.get())).unwrap();
    assert_eq!(settled(&shop), 1_000);
    let body = json!({"program": shop.program, "reference": "x"}).to_string();
    let to = ("admin.example", "payouts");
    let answer = shop.request_over(&db, "POST", to, &shop.admin, body.as_bytes());
    assert_eq!(answer.status, 201);
    let known = [
        "CONSTANT ROW",
        "json_each",
        "VIRTUAL TABLE",
        "(subquery",
        "SCAN due",
        "SCAN open",
        "SCAN touched",
        "SCAN counted",
        "SCAN days",
        "SCAN fold_guard",
        "SCAN t",
        "SCAN k",
        "SCAN p",
        "SCAN what",
        "SCAN g",
        "SCAN l",
    ];
    let bad =
        db.1.borrow()
            .iter()
            .filter(|step| !known.iter().any(|k| step.contains(k)))
            .cloned()
            .collect::<Vec<_>>();
    assert_eq!(bad, [""; 0]);
}

/// What was settled and came into review afterwards stays settled. So that nothing of that kind
/// tells two runs apart, everything is approved and every rate known in the end.
fn clear_all(shop: &Shop) {
    let all = r#"json_each('["USD","EUR","JPY","BHD"]')"#;
    shop.db.execute(&format!(
        "INSERT OR IGNORE INTO rates SELECT a.value, b.value, 0, '2', 'x' FROM {all} a, {all} b
           WHERE a.value <> b.value;
         INSERT INTO rulings (program, event, action, actor, reason, at)
           SELECT program, event, 'approve', 'x', 'x', {} FROM decisions GROUP BY event ORDER BY 2;
         UPDATE facts SET state = 'pending' WHERE state = 'folded'",
        shop.now.get().0
    ));
    shop.fold();
}

proptest! {
    #![proptest_config(cases(48))]

    /// The cap is a function of sums: one settlement at the end, or one after each step.
    #[test]
    fn settlements_in_between_change_no_net_position(
        story in story::stories(),
        settles in any::<u32>(),
        cap in proptest::option::of(0i64..20_000),
    ) {
        let played = |often: bool| {
            let stage = story::stage(&story);
            if let Some(cap) = cap {
                let caps = json!({"caps": {"partner": {"amount": cap, "currency": "USD"}}});
                stage
                    .shop
                    .db
                    .execute(&format!("UPDATE plans SET rules = json_patch(rules, '{caps}')"));
            }
            for place in 0..stage.script.steps.len() {
                stage.play(place);
                stage.shop.wait(1_000);
                if often && settles >> (place % 32) & 1 == 1 {
                    stage.shop.fold();
                    settle(&stage.shop);
                }
            }
            stage.shop.fold();
            stage.shop.wait(400 * DAY);
            clear_all(&stage.shop);
            settle(&stage.shop);
            let lines = stage.shop.db.column(
                "SELECT json_array(partner, month, paid_in, sum(payout)) FROM settlement_lines
                 GROUP BY partner, month, paid_in HAVING sum(payout) <> 0 ORDER BY 1",
            );
            (stage.outcome().1, lines)
        };
        prop_assert_eq!(played(true), played(false));
    }
}
