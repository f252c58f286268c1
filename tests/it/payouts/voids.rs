//! Payouts that were booked wrongly are taken back by a fact of their own, once.

use super::{opened, pay};
use crate::settlement::{balance, money, refund, sell, settle, state};
use crate::support::interleave::Interleaved;
use crate::support::shop::Shop;
use crate::support::sqlite::Fault;
use serde_json::{Value, json};

fn void(shop: &Shop, payout: &Value) -> (u16, Value) {
    let path = format!("payouts/{}/void", payout.as_str().unwrap());
    shop.control("POST", &path, &json!({"reason": "wrong account"}))
}

/// What is payable, paid, and both together.
fn stands(shop: &Shop) -> [i64; 3] {
    let row = balance(shop);
    ["payable", "paid", "total"].map(|name| row[name].as_i64().unwrap())
}

#[test]
fn a_payout_is_voided_once_and_its_money_is_payable_again() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    settle(&shop);
    let (_, first) = pay(&shop, &json!({"id": "run"}));
    let id = &first["payouts"][0]["id"];
    shop.wait(1_000);
    let (status, record) = void(&shop, id);
    assert_eq!(
        (status, &record["amount"]),
        (200, &json!(1_000)),
        "{record}"
    );
    assert_eq!(record["void"]["reason"], "wrong account");
    assert_eq!(record["void"]["at"], shop.now.get().to_rfc3339());
    assert!(record["void"]["actor"].as_str().unwrap().starts_with("ak_"));
    assert_eq!(
        (state(&shop, &event).as_str(), stands(&shop)),
        ("payable", [1_000, 0, 1_000])
    );
    let before = money(&shop);
    let (status, again) = void(&shop, id);
    assert_eq!((status, &again["code"]), (409, &json!("state_unfit")));
    assert_eq!(before, money(&shop));
    let (status, same) = pay(&shop, &json!({"id": "run"}));
    assert_eq!(
        (status, &same["payouts"][0]["void"]),
        (200, &record["void"])
    );
    let (status, second) = pay(&shop, &json!({"id": "run 2"}));
    assert_eq!(
        (status, &second["payouts"][0]["amount"]),
        (201, &json!(1_000))
    );
    assert_ne!(&second["payouts"][0]["id"], id);
    assert_eq!(
        (state(&shop, &event).as_str(), stands(&shop)),
        ("paid", [0, 1_000, 1_000])
    );
    // Both stand in the log, with what each paid.
    let log = shop.list("payouts");
    let voided: Vec<_> = log.iter().map(|row| row["void"].is_object()).collect();
    assert_eq!(voided, [false, true]);
    for row in &log {
        let path = format!("payouts/{}", row["id"].as_str().unwrap());
        let one = shop.made("GET", &path, &json!({}));
        assert_eq!(one["lines"]["data"][0]["event"], json!(event));
    }
    let booked = "SELECT amount || reason FROM entries WHERE kind = 'payout' ORDER BY seq";
    assert_eq!(
        shop.db.column(booked),
        ["-1000payout", "1000void", "-1000payout"]
    );
}

#[test]
fn voiding_what_later_payouts_build_on_gives_back_exactly_its_own() {
    let shop = opened();
    sell(&shop, "o1", 10_000);
    settle(&shop);
    let (_, first) = pay(&shop, &json!({}));
    refund(&shop, "r1", "o1", 4_000);
    sell(&shop, "o2", 20_000);
    settle(&shop);
    let (_, second) = pay(&shop, &json!({}));
    assert_eq!(second["payouts"][0]["amount"], 1_600);
    assert_eq!(void(&shop, &first["payouts"][0]["id"]).0, 200);
    assert_eq!(stands(&shop), [1_000, 1_600, 2_600]);
    let (_, third) = pay(&shop, &json!({}));
    assert_eq!(third["payouts"][0]["amount"], 1_000);
    assert_eq!(void(&shop, &second["payouts"][0]["id"]).0, 200);
    assert_eq!(void(&shop, &third["payouts"][0]["id"]).0, 200);
    assert_eq!(stands(&shop), [2_600, 0, 2_600]);
    let (_, all) = pay(&shop, &json!({}));
    assert_eq!(all["payouts"][0]["amount"], 2_600);
    assert_eq!(stands(&shop), [0, 2_600, 2_600]);
}

#[test]
fn what_was_voided_and_is_held_is_not_paid_again() {
    let shop = opened();
    let event = sell(&shop, "o1", 10_000);
    settle(&shop);
    let (_, first) = pay(&shop, &json!({}));
    assert_eq!(void(&shop, &first["payouts"][0]["id"]).0, 200);
    shop.made(
        "POST",
        &format!("events/{event}/hold"),
        &json!({"reason": "odd"}),
    );
    shop.fold();
    assert_eq!(
        (state(&shop, &event).as_str(), pay(&shop, &json!({})).0),
        ("held", 409)
    );
}

#[test]
fn a_lost_or_unheard_void_is_booked_once_and_a_bad_one_not_at_all() {
    let run = |fault: Option<(usize, Fault)>| {
        let shop = opened();
        sell(&shop, "o1", 10_000);
        settle(&shop);
        let (_, first) = pay(&shop, &json!({}));
        let id = &first["payouts"][0]["id"];
        if let Some((batch, fault)) = fault {
            shop.db.fail(batch, fault);
        }
        assert_eq!(void(&shop, id).0 == 503, fault.is_some());
        assert!([200, 409].contains(&void(&shop, id).0));
        money(&shop)
    };
    let expected = run(None);
    // Batch 0 checks the key, 1 looks, 2 writes, 3 reads the record.
    for batch in 1..4 {
        for fault in [Fault::Lost, Fault::PersistedButReportedFailed] {
            assert_eq!(run(Some((batch, fault))), expected, "{batch} {fault:?}");
        }
    }
    let shop = opened();
    sell(&shop, "o1", 10_000);
    settle(&shop);
    let (_, first) = pay(&shop, &json!({}));
    let path = format!(
        "payouts/{}/void",
        first["payouts"][0]["id"].as_str().unwrap()
    );
    let before = money(&shop);
    let bad = [
        (json!({}), "422 validation_failed /reason required"),
        (
            json!({"reason": "x", "amount": 1}),
            "422 validation_failed /amount unknown_member",
        ),
    ];
    for (body, said) in bad {
        assert_eq!(shop.refused("POST", &path, &body), said);
    }
    let body = json!({"reason": "x"});
    assert_eq!(
        shop.refused("POST", "payouts/po_none/void", &body),
        "404 not_found"
    );
    let body = body.to_string();
    let answer = shop.request("POST", "admin.example", &path, &shop.track, body.as_bytes());
    assert_eq!((answer.status, money(&shop)), (403, before));
}

/// A payout that looked while the money was still paid does not pay what came back meanwhile twice.
#[test]
fn a_void_between_the_look_and_the_commit_of_a_payout_is_seen() {
    let shop = opened();
    sell(&shop, "o1", 10_000);
    settle(&shop);
    let (_, first) = pay(&shop, &json!({}));
    sell(&shop, "o2", 20_000);
    settle(&shop);
    let id = &first["payouts"][0]["id"];
    let db = Interleaved::new(&shop.db).before(2, || assert_eq!(void(&shop, id).0, 200));
    let body = json!({"program": shop.program, "reference": "x"}).to_string();
    let to = ("admin.example", "payouts");
    let answer = shop.request_over(&db, "POST", to, &shop.admin, body.as_bytes());
    assert_eq!((answer.status, db.stale()), (201, 1), "{}", answer.body);
    assert_eq!(stands(&shop), [0, 3_000, 3_000]);
}
