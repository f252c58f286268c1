//! Invariants 3 and 4 on random streams of all kinds of facts under random plans: order, repetition
//! and batching change nothing, entries add up, everything equals the oracle, and dated changes
//! leave the past alone.
//!
//! Proptest prints the smallest failing story with the seed that gives it again.

use crate::support::compare::check;
use crate::support::shop::Shop;
use crate::support::story::{self, Stage, Story};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// `PROPTEST_CASES` is meant for cheap properties; one case here opens several databases.
pub fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok();
    let asked = asked.and_then(|text| text.parse::<u32>().ok());
    ProptestConfig {
        cases: asked.map_or(usual, |asked| usual.max(asked / 20)),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Plays places of a story and folds after each one that `fold` says, and at the end.
fn played(story: &Story, order: &[usize], fold: impl Fn(usize) -> bool) -> Stage {
    let stage = story::stage(story);
    for (turn, place) in order.iter().enumerate() {
        if *place < stage.script.steps.len() {
            stage.play(*place);
        }
        stage.shop.wait(1_000);
        if fold(turn) {
            stage.shop.fold();
        }
    }
    stage.shop.fold();
    stage
}

fn straight(story: &Story) -> Vec<usize> {
    (0..story.steps.len()).collect()
}

fn told() -> impl Strategy<Value = (Story, Vec<usize>, u64)> {
    story::stories().prop_flat_map(|story| {
        let length = story.steps.len();
        (Just(story), story::order(length), any::<u64>())
    })
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn order_repetition_and_batching_change_no_decision_and_no_position(
        (story, order, folds) in told()
    ) {
        let once = played(&story, &straight(&story), |_| false);
        let (decisions, positions) = once.outcome();
        let mixed = played(&story, &order, |turn| folds >> (turn % 64) & 1 == 1);
        prop_assert_eq!(&mixed.outcome().0, &decisions);
        prop_assert_eq!(&mixed.outcome().1, &positions);
        let eager = played(&story, &order, |_| true);
        prop_assert_eq!(eager.outcome(), (decisions, positions));
    }

    #[test]
    fn decisions_and_positions_equal_the_oracle(story in story::stories()) {
        let stage = story::stage(&story);
        let events: Vec<_> = (0..stage.script.steps.len()).map(|place| stage.play(place)).collect();
        stage.shop.fold();
        if let Err(difference) = check(&stage.shop, &stage.world(&events)) {
            return Err(TestCaseError::fail(difference));
        }
    }

    #[test]
    fn full_refunds_return_all_and_won_disputes_restore_all(story in story::stories()) {
        let stage = played(&story, &straight(&story), |_| false);
        let before = story::by_purchase(&stage.shop);
        let purchases = stage.purchases();
        for invoice in &purchases {
            stage.reverse("chargeback", "disputeId", &format!("all {invoice}"), invoice);
        }
        stage.shop.fold();
        prop_assert_eq!(story::by_purchase(&stage.shop), BTreeMap::new());
        stage.shop.wait(1_000);
        for invoice in &purchases {
            stage.reverse("dispute_won", "disputeId", &format!("all {invoice}"), invoice);
        }
        stage.shop.fold();
        prop_assert_eq!(story::by_purchase(&stage.shop), before);
        stage.shop.wait(1_000);
        for invoice in &purchases {
            stage.reverse("refund", "refundId", &format!("rest {invoice}"), invoice);
        }
        stage.shop.fold();
        prop_assert_eq!(story::by_purchase(&stage.shop), BTreeMap::new());
    }

    #[test]
    fn folding_twice_adds_nothing(story in story::stories()) {
        let stage = played(&story, &straight(&story), |_| false);
        let rows = "SELECT (SELECT count(*) FROM decisions) || ' ' ||
            (SELECT count(*) FROM entries) || ' ' || (SELECT count(*) FROM deliveries)";
        let before = stage.shop.db.column(rows);
        stage.shop.fold();
        prop_assert_eq!(stage.shop.db.column(rows), before.clone());
        // Even when every fact is sent through the fold again.
        refold(&stage.shop);
        prop_assert_eq!(stage.shop.db.column(rows), before);
    }

    #[test]
    fn partial_refunds_take_back_parts_and_together_the_whole(
        amount in 1i64..200_000,
        parts in proptest::collection::vec(0i64..90_000, 0..6),
        rate in 1i64..=10_000,
        flat in 0i64..500,
    ) {
        let shop = Shop::open();
        let plan = json!({"window_days": 30, "sale": {"rate_bps": rate,
            "flat": {"amount": flat, "currency": "USD"}}});
        shop.made("PATCH", &format!("programs/{}", shop.program), &json!({"plan": plan}));
        let click = shop.click("anna");
        let sale = json!({"customerExternalId": "u1", "amount": amount, "currency": "USD",
            "invoiceId": "o1", "clickId": click.token});
        prop_assert_eq!(shop.track("sale", &sale).0, 200);
        shop.fold();
        let earned = shop.balance(0);
        prop_assert_eq!(earned, amount * rate / 10_000 + flat);
        let mut refunded = 0;
        for (number, part) in parts.iter().enumerate() {
            let refund = json!({"refundId": format!("r{number}"), "invoiceId": "o1",
                "amount": part, "currency": "usd"});
            prop_assert_eq!(shop.track("refund", &refund).0, 200);
            shop.wait(1_000);
            shop.fold();
            refunded = amount.min(refunded + part);
            // The rate's part and the flat sum are taken back each by itself, rounded down.
            let lost = |part: i64| part * refunded / amount;
            let taken = lost(amount * rate / 10_000) + lost(flat);
            prop_assert_eq!(shop.balance(0), earned - taken);
        }
        let rest = json!({"refundId": "rest", "invoiceId": "o1"});
        prop_assert_eq!(shop.track("refund", &rest).0, 200);
        shop.fold();
        prop_assert_eq!(shop.balance(0), 0);
    }

    #[test]
    fn a_change_of_plan_or_status_moves_nothing_before_its_date(
        (story, order, folds) in told(),
        rate in 1i64..=10_000,
        suspend in any::<bool>(),
    ) {
        let stage = played(&story, &straight(&story), |_| false);
        let before = stage.outcome();
        change(&stage.shop, rate, suspend);
        stage.shop.fold();
        prop_assert_eq!(stage.outcome(), before.clone());
        // Nor when the past is folded again, or arrives only now.
        refold(&stage.shop);
        prop_assert_eq!(stage.outcome(), before.clone());
        let late = story::stage(&story);
        late.shop.wait(1_000 * i64::try_from(story.steps.len()).unwrap());
        change(&late.shop, rate, suspend);
        for (turn, place) in order.iter().enumerate() {
            if *place < late.script.steps.len() {
                late.play(*place);
            }
            if folds >> (turn % 64) & 1 == 1 {
                late.shop.fold();
            }
        }
        late.shop.fold();
        prop_assert_eq!(late.outcome(), before);
    }
}

fn change(shop: &Shop, rate: i64, suspend: bool) {
    shop.wait(1);
    let plan = json!({"window_days": 1, "sale": {"rate_bps": rate}});
    let program = format!("programs/{}", shop.program);
    shop.made("PATCH", &program, &json!({"plan": plan}));
    if suspend {
        let partner = format!("partners/{}", shop.partners[0]);
        shop.made("PATCH", &partner, &json!({"status": "suspended"}));
    }
    for (from, to) in [
        ("EUR", "USD"),
        ("JPY", "USD"),
        ("USD", "EUR"),
        ("EUR", "JPY"),
    ] {
        shop.db.execute(&format!(
            "INSERT INTO rates VALUES ('{from}', '{to}', {}, '{rate}', 'test')",
            shop.now.get().0
        ));
    }
}

/// Sends every decided fact through the fold again.
fn refold(shop: &Shop) {
    shop.db
        .execute("UPDATE facts SET state = 'pending' WHERE state IN ('folded', 'parked')");
    shop.fold();
}
