//! What was settled and comes into review, is held, rejected or given back afterwards: a hold keeps
//! money from leaving, a rejection or refund takes back, and each verdict can be taken back.

use crate::payouts::{paid, pay};
use crate::settlement::{DAY, balance, refund, sell, settle, settled, shop, state};
use crate::support::interleave::Interleaved;
use crate::support::shop::Shop;
use serde_json::{Value, json};

fn opened() -> Shop {
    shop(&json!({"window_days": 30, "sale": {"rate_bps": 1000}, "review": {"min_seconds": 0}}))
}

fn rule(shop: &Shop, event: &str, action: &str) {
    let path = format!("events/{event}/{action}");
    shop.made("POST", &path, &json!({"reason": "looked at it"}));
    shop.wait(1_000);
    shop.fold();
}

/// Anna's balance by state: held and in review, approved, payable, paid.
fn stands(shop: &Shop) -> [i64; 5] {
    let row = balance(shop);
    let of = |name: &str| row[name].as_i64().unwrap_or(0);
    let all = ["held", "in_review", "approved", "payable", "paid"].map(of);
    assert_eq!(
        all.iter().sum::<i64>() + of("pending"),
        of("total"),
        "{row}"
    );
    assert_eq!(of("amount") + of("paid"), of("total"), "{row}");
    all
}

/// Pays all; what was paid, 0 where nothing is payable.
fn paid_now(shop: &Shop) -> i64 {
    let (status, answer) = pay(shop, &json!({}));
    if status == 409 {
        assert_eq!(answer["code"], "state_unfit");
        return 0;
    }
    assert_eq!(status, 201, "{answer}");
    answer["payouts"][0]["amount"].as_i64().unwrap()
}

#[test]
fn what_is_held_after_its_settlement_is_not_paid_until_it_is_cleared() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    settle(&shop);
    rule(&shop, &event, "hold");
    assert_eq!(state(&shop, &event), "held");
    assert_eq!(stands(&shop), [1_000, 0, 0, 0, 0]);
    assert_eq!(paid_now(&shop), 0);
    sell(&shop, "o2", 20_000);
    settle(&shop);
    assert_eq!(paid_now(&shop), 2_000, "the other event is paid alone");
    assert_eq!(stands(&shop), [1_000, 0, 0, 0, 2_000]);
    rule(&shop, &event, "clear");
    assert_eq!(state(&shop, &event), "payable");
    assert_eq!((settled(&shop), paid_now(&shop)), (3_000, 1_000));
    assert_eq!(state(&shop, &event), "paid");
    assert_eq!(stands(&shop), [0, 0, 0, 0, 3_000]);
}

#[test]
fn what_was_paid_stays_paid_in_a_hold_and_a_rejection_nets_the_next_payout() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    settle(&shop);
    assert_eq!(paid_now(&shop), 1_000);
    rule(&shop, &event, "hold");
    assert_eq!(
        (state(&shop, &event).as_str(), stands(&shop)),
        ("paid", [0, 0, 0, 0, 1_000])
    );
    rule(&shop, &event, "reject");
    settle(&shop);
    assert_eq!(stands(&shop), [0, 0, 0, -1_000, 1_000]);
    sell(&shop, "o2", 30_000);
    settle(&shop);
    assert_eq!(paid_now(&shop), 2_000);
    rule(&shop, &event, "clear");
    settle(&shop);
    assert_eq!(
        (paid_now(&shop), state(&shop, &event).as_str()),
        (1_000, "paid")
    );
    assert_eq!(stands(&shop), [0, 0, 0, 0, 4_000]);
}

#[test]
fn a_refund_of_what_was_paid_comes_back_although_its_sale_is_held() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    settle(&shop);
    assert_eq!(paid_now(&shop), 1_000);
    rule(&shop, &event, "hold");
    refund(&shop, "r1", "o1", 4_000);
    assert_eq!(stands(&shop), [0, 0, -400, 0, 1_000]);
    settle(&shop);
    assert_eq!(stands(&shop), [0, 0, 0, -400, 1_000]);
    // What the dispute gives back is money that would leave: it waits with its sale.
    let dispute = json!({"disputeId": "d1", "invoiceId": "o1"});
    assert_eq!(shop.track("chargeback", &dispute).0, 200);
    shop.fold();
    settle(&shop);
    assert_eq!(stands(&shop), [0, 0, 0, -1_000, 1_000]);
    sell(&shop, "o2", 20_000);
    settle(&shop);
    assert_eq!(paid_now(&shop), 1_000);
    assert_eq!(shop.track("dispute_won", &dispute).0, 200);
    shop.fold();
    settle(&shop);
    assert_eq!(stands(&shop), [600, 0, 0, 0, 2_000]);
    rule(&shop, &event, "approve");
    settle(&shop);
    assert_eq!(paid_now(&shop), 600);
}

#[test]
fn a_refund_of_what_is_held_waits_with_it() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    settle(&shop);
    rule(&shop, &event, "hold");
    refund(&shop, "r1", "o1", 4_000);
    settle(&shop);
    assert_eq!((settled(&shop), stands(&shop)), (1_000, [600, 0, 0, 0, 0]));
    sell(&shop, "o2", 10_000);
    settle(&shop);
    assert_eq!(paid_now(&shop), 1_000, "nothing is netted by what waits");
    rule(&shop, &event, "clear");
    settle(&shop);
    assert_eq!(paid_now(&shop), 600);
}

#[test]
fn what_is_taken_back_before_the_payout_is_never_paid() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    sell(&shop, "o2", 20_000);
    settle(&shop);
    rule(&shop, &event, "reject");
    refund(&shop, "r2", "o2", 5_000);
    // Booked, not settled: both halves wait for the settlement.
    assert_eq!(state(&shop, &event), "rejected");
    assert_eq!(stands(&shop), [0, 0, 1_500, 0, 0]);
    assert_eq!(paid_now(&shop), 0);
    settle(&shop);
    assert_eq!(stands(&shop), [0, 0, 0, 1_500, 0]);
    assert_eq!((paid_now(&shop), paid(&shop)), (1_500, 1_500));
}

#[test]
fn a_click_that_is_heard_of_after_the_settlement_opens_a_violation_and_holds() {
    let shop = opened();
    let click = shop.follow("anna", "?gclid=Cj0x", "", "", "US");
    shop.wait(60_000);
    let sale = json!({"customerExternalId": "u1", "amount": 10_000, "currency": "usd",
        "invoiceId": "o1", "clickId": click.token});
    let (_, answer) = shop.track("sale", &sale);
    let event = answer["eventId"].as_str().unwrap().to_owned();
    shop.fold();
    settle(&shop);
    assert_eq!(stands(&shop), [0, 0, 0, 1_000, 0]);
    shop.deliver_visits("late", &click.visits);
    shop.fold();
    assert_eq!(state(&shop, &event), "in_review");
    assert_eq!((stands(&shop), paid_now(&shop)), ([0, 1_000, 0, 0, 0], 0));
    rule(&shop, &event, "approve");
    assert_eq!(
        (paid_now(&shop), state(&shop, &event).as_str()),
        (1_000, "paid")
    );
}

#[test]
fn a_hold_between_the_look_and_the_commit_of_a_payout_pays_nothing_of_it() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    let other = sell(&shop, "o2", 20_000);
    shop.wait(DAY);
    settle(&shop);
    // Batch 0 checks the key, 1 looks, 2 writes.
    let db = Interleaved::new(&shop.db).before(2, || rule(&shop, &event, "hold"));
    let body = json!({"program": shop.program, "reference": "SEPA"}).to_string();
    let to = ("admin.example", "payouts");
    let answer = shop.request_over(&db, "POST", to, &shop.admin, body.as_bytes());
    assert_eq!((answer.status, db.stale()), (201, 1), "{}", answer.body);
    let answer: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer["payouts"][0]["amount"], 2_000);
    assert_eq!(state(&shop, &event), "held");
    assert_eq!(state(&shop, &other), "paid");
    assert_eq!(stands(&shop), [1_000, 0, 0, 0, 2_000]);
}
