//! Payouts: each settled line once, debts net the next one, repetition pays nothing twice.

use crate::settlement::{DAY, balance, money, refund, sell, settle, settled, shop, state};
use crate::support::block_on;
use crate::support::interleave::Interleaved;
use crate::support::shop::Shop;
use crate::support::sqlite::Fault;
use app::settle;
use serde_json::{Value, json};

mod voids;

fn opened() -> Shop {
    shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000}}))
}

pub fn pay(shop: &Shop, more: &Value) -> (u16, Value) {
    let mut body = json!({"program": shop.program, "reference": "SEPA"});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    shop.control("POST", "payouts", &body)
}

pub fn paid(shop: &Shop) -> i64 {
    shop.db
        .number("SELECT coalesce(sum(amount), 0) FROM payouts")
}

#[test]
fn a_refund_after_the_payout_nets_the_next_one() {
    let shop = opened();
    let first = sell(&shop, "o1", 10_000);
    settle(&shop);
    let (status, answer) = pay(&shop, &json!({}));
    assert_eq!(
        (status, &answer["payouts"][0]["amount"]),
        (201, &json!(1_000))
    );
    refund(&shop, "r1", "o1", 4_000);
    settle(&shop);
    assert_eq!(balance(&shop)["amount"], -400);
    let (status, answer) = pay(&shop, &json!({}));
    assert_eq!((status, &answer["code"]), (409, &json!("state_unfit")));
    sell(&shop, "o2", 10_000);
    settle(&shop);
    let (_, answer) = pay(&shop, &json!({}));
    assert_eq!(answer["payouts"][0]["amount"], 600);
    assert_eq!(
        (balance(&shop)["amount"].as_i64(), paid(&shop)),
        (Some(0), 1_600)
    );
    assert_eq!(state(&shop, &first), "paid");
    let path = format!("payouts/{}", answer["payouts"][0]["id"].as_str().unwrap());
    let one = shop.made("GET", &path, &json!({}));
    let lines = one["lines"]["data"].as_array().unwrap();
    let amounts: Vec<_> = lines
        .iter()
        .map(|line| line["amount"].as_i64().unwrap())
        .collect();
    assert_eq!((amounts.iter().sum::<i64>(), amounts.len()), (600, 2));
    assert_eq!(shop.list("payouts").len(), 2);
    assert_eq!(one["created_at"].as_str().unwrap().len(), 20);
}

#[test]
fn a_chargeback_after_the_payout_is_owed_until_the_dispute_is_won() {
    let shop = opened();
    sell(&shop, "o1", 10_000);
    settle(&shop);
    pay(&shop, &json!({}));
    let dispute = json!({"disputeId": "d1", "invoiceId": "o1"});
    let (status, answer) = shop.track("chargeback", &dispute);
    assert_eq!(status, 200, "{answer}");
    shop.fold();
    settle(&shop);
    assert_eq!(balance(&shop)["payable"], -1_000);
    shop.wait(DAY);
    let (status, answer) = shop.track("dispute_won", &dispute);
    assert_eq!(status, 200, "{answer}");
    shop.fold();
    settle(&shop);
    assert_eq!(balance(&shop)["payable"], 0);
    assert_eq!(pay(&shop, &json!({})).0, 409, "nothing is owed either way");
    assert_eq!(paid(&shop), 1_000);
}

#[test]
fn partner_currency_and_minimum_choose_what_is_paid() {
    let shop = opened();
    sell(&shop, "o1", 10_000);
    settle(&shop);
    assert_eq!(pay(&shop, &json!({"partner": shop.partners[1]})).0, 409);
    assert_eq!(pay(&shop, &json!({"currency": "EUR"})).0, 409);
    assert_eq!(
        pay(&shop, &json!({"currency": "USD", "minimum": 1_001})).0,
        409
    );
    let (status, answer) = pay(&shop, &json!({"minimum": 5}));
    assert_eq!(
        (status, &answer["errors"][0]["path"]),
        (422, &json!("/currency"))
    );
    assert_eq!(pay(&shop, &json!({"partner": "anna"})).0, 422);
    let (status, _) = pay(&shop, &json!({"currency": "USD", "minimum": 1_000}));
    assert_eq!((status, paid(&shop)), (201, 1_000));
}

#[test]
fn a_repeat_with_the_same_id_is_the_same_payout() {
    let shop = opened();
    sell(&shop, "o1", 10_000);
    settle(&shop);
    let (first, one) = pay(&shop, &json!({"id": "run-7"}));
    sell(&shop, "o2", 10_000);
    settle(&shop);
    let (again, two) = pay(&shop, &json!({"id": "run-7"}));
    assert_eq!((first, again, paid(&shop)), (201, 200, 1_000));
    assert_eq!(one["payouts"][0]["id"], two["payouts"][0]["id"]);
}

#[test]
fn a_lost_or_unheard_write_pays_once() {
    let run = |fault: Option<(usize, Fault)>| {
        let shop = opened();
        sell(&shop, "o1", 10_000);
        settle(&shop);
        if let Some((batch, fault)) = fault {
            shop.db.fail(batch, fault);
        }
        let first = pay(&shop, &json!({"id": "run"})).0;
        assert_eq!(first == 503, fault.is_some());
        assert!(pay(&shop, &json!({"id": "run"})).0 < 300);
        money(&shop)
    };
    let expected = run(None);
    for batch in 1..3 {
        for fault in [Fault::Lost, Fault::PersistedButReportedFailed] {
            assert_eq!(run(Some((batch, fault))), expected, "{batch} {fault:?}");
        }
    }
}

/// What a settlement looked at is paid, or a payout's lines are settled anew, in between.
#[test]
fn a_payout_between_the_halves_of_a_settlement_pays_nothing_twice() {
    let shop = opened();
    sell(&shop, "o1", 10_000);
    settle(&shop);
    sell(&shop, "o2", 10_000);
    shop.wait(31 * DAY);
    let between = || assert_eq!(pay(&shop, &json!({})).0, 201);
    let db = Interleaved::new(&shop.db).before(2, between);
    block_on(settle::monthly(&db, shop.now.get())).unwrap();
    assert_eq!((db.stale(), settled(&shop), paid(&shop)), (1, 2_000, 1_000));
    pay(&shop, &json!({}));
    pay(&shop, &json!({}));
    assert_eq!(
        (paid(&shop), balance(&shop)["amount"].as_i64()),
        (2_000, Some(0))
    );
    let twice = "SELECT count(*) FROM payout_lines GROUP BY entry HAVING count(*) > 1";
    assert_eq!(shop.db.number(twice), 0);
}

#[test]
fn more_than_a_hundred_partners_are_several_calls_each_paid_once() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    for number in 0..104 {
        let body = json!({"program": shop.program, "name": format!("P{number}")});
        shop.made("POST", "partners", &body);
    }
    shop.db.execute(&format!(
        "INSERT INTO entries (id, program, partner, cause, kind, amount, currency, payout, paid_in,
           reason, booked_at)
         SELECT 'le_' || p.id, e.program, p.id, e.cause, 'commission', 7, 'USD', 7, 'USD', '', 0
         FROM entries e, partners p WHERE e.cause = '{event}' AND p.name LIKE 'P%'"
    ));
    settle(&shop);
    let (_, first) = pay(&shop, &json!({"id": "1"}));
    let (_, second) = pay(&shop, &json!({"id": "2"}));
    let count = |answer: &Value| answer["payouts"].as_array().unwrap().len();
    assert_eq!((count(&first), &first["left"]), (100, &json!(true)));
    assert_eq!((count(&second), &second["left"]), (5, &json!(false)));
    assert_eq!(
        (paid(&shop), pay(&shop, &json!({})).0),
        (1_000 + 104 * 7, 409)
    );
}

#[test]
fn a_key_that_may_not_pay_does_not() {
    let shop = opened();
    let body = json!({"program": shop.program, "reference": "x"}).to_string();
    for path in ["payouts", "settlements"] {
        let answer = shop.request("POST", "admin.example", path, &shop.track, body.as_bytes());
        assert_eq!(answer.status, 403);
    }
    assert_eq!(shop.control("GET", "payouts/po_none", &json!({})).0, 404);
}
