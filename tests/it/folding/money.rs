use super::*;
use crate::support::interleave::Interleaved;
use crate::support::sqlite::Fault;

/// A shop whose first click earns, 120 sales of one customer that Anna brought, and a click of
/// Northstar before all of them that comes to light with one more sale: its fold takes several
/// parts and moves every commission.
fn before_the_first_click() -> Shop {
    let shop = Shop::open();
    let plan = json!({"window_days": 30, "sale": {"rate_bps": 1000}, "model": "first",
        "review": {"min_seconds": 0, "duplicate_minutes": 0}});
    let path = format!("programs/{}", shop.program);
    shop.made("PATCH", &path, &json!({"plan": plan}));
    shop.wait(1_000);
    let first = shop.click("northstar");
    shop.wait(1_000);
    let mut visits = first.visits;
    for number in 0..120 {
        let click = shop.click("anna");
        visits.extend(click.visits);
        shop.wait(1_000);
        sell(&shop, "guest", &format!("o{number}"), &click.token);
        if number % 3 == 0 {
            let body = json!({"refundId": format!("r{number}"), "invoiceId": format!("o{number}"),
                "amount": 500, "currency": "usd"});
            assert_eq!(shop.track("refund", &body).0, 200);
        }
    }
    shop.deliver_visits("all", &visits);
    shop.fold();
    sell(&shop, "guest", "last", &first.token);
    shop
}

fn settle(shop: &Shop) {
    let body = json!({"program": shop.program});
    let (status, answer) = shop.control("POST", "settlements", &body);
    assert_eq!(status, 200, "{answer}");
}

/// Folds until the isolate ends: before a batch, and all after it are lost.
fn end_before(shop: &Shop, batch: usize) {
    for later in batch..batch + 8 {
        shop.db.fail(later, Fault::Lost);
    }
    let _ = block_on(ledger::fold(&shop.db, shop.now.get()));
    shop.db.heal();
}

/// Events whose money waits because their fold is not finished.
fn unfinished(shop: &Shop) -> i64 {
    shop.db.number("SELECT count(*) FROM unfinished")
}

/// Before which batch a fold ends between two parts.
fn between() -> usize {
    let begun = |batch: &usize| {
        let shop = before_the_first_click();
        end_before(&shop, *batch);
        unfinished(&shop) > 0
    };
    (3..40).find(begun).unwrap()
}

/// Settled lines by partner, and payouts: each an amount that left for good.
fn gone(shop: &Shop) -> Vec<String> {
    shop.db.column(
        "SELECT partner || ' ' || sum(payout) FROM (
           SELECT partner, payout FROM settlement_lines
           UNION ALL SELECT partner, 0 FROM payouts) GROUP BY partner ORDER BY partner",
    )
}

#[test]
fn nothing_of_a_fold_that_ended_between_its_parts_is_settled_or_paid() {
    let shop = before_the_first_click();
    let before = shop.db.batches();
    shop.fold();
    let batches = shop.db.batches() - before;
    let whole = ledger_of(&shop);
    settle(&shop);
    let settled = gone(&shop);
    assert_eq!(settled.len(), 2, "{settled:?}");
    let mut halves = 0;
    for number in 0..batches {
        let shop = before_the_first_click();
        end_before(&shop, number);
        let begun = unfinished(&shop) > 0;
        halves += usize::from(begun);
        let pending = shop
            .db
            .number("SELECT count(*) FROM facts WHERE state = 'pending'");
        if begun {
            assert_eq!(pending, 1);
            settle(&shop);
            assert_eq!(gone(&shop), Vec::<String>::new(), "batch {number}");
            let earned = shop.list("earnings");
            let waits = earned.iter().filter(|each| each["state"] == "pending");
            assert!(waits.count() > 50);
        }
        shop.fold();
        assert_eq!(unfinished(&shop), 0);
        assert!(ledger_of(&shop) == whole, "batch {number}");
        settle(&shop);
        assert_eq!(gone(&shop), settled, "batch {number}");
    }
    assert!(halves >= 2, "{halves}");
}

#[test]
fn what_was_settled_before_is_not_paid_between_the_parts() {
    let shop = before_the_first_click();
    settle(&shop);
    let pay = json!({"program": shop.program, "reference": "march"});
    end_before(&shop, between());
    assert!(unfinished(&shop) > 100);
    let (status, answer) = shop.control("POST", "payouts", &pay);
    assert_eq!(status, 409, "{answer}");
    shop.fold();
    settle(&shop);
    let paid = shop.made("POST", "payouts", &pay);
    let northstar = &shop.partners[1];
    let paid = paid["payouts"].as_array().unwrap();
    assert_eq!(paid.len(), 1, "{paid:?}");
    assert_eq!(paid[0]["partner"], northstar.as_str());
}

#[test]
fn a_settlement_that_looked_before_the_first_part_settles_nothing_of_it() {
    let shop = before_the_first_click();
    // What the first part changes was settled before; what the others change is due.
    let until = shop.now.get().plus(-15_000).to_rfc3339();
    let body = json!({"program": shop.program, "until": until});
    shop.made("POST", "settlements", &body);
    let settled = gone(&shop);
    let half = || {
        end_before(&shop, between());
        assert!(unfinished(&shop) > 100);
    };
    let db = Interleaved::new(&shop.db).before(2, half);
    let body = json!({"program": shop.program});
    let path = ("admin.example", "settlements");
    let body = body.to_string();
    let answer = shop.request_over(&db, "POST", path, &shop.admin, body.as_bytes());
    assert_eq!(answer.status, 200);
    assert!(db.stale() > 0);
    assert_eq!(gone(&shop), settled);
}
