//! Invariants 3 and 4 on random streams: order, repetition and batching change nothing, entries
//! add up, refunds return what was earned, and dated changes leave the past alone.
//!
//! Proptest prints the smallest failing story with the seed that gives it again.

use crate::support::oracle::World;
use crate::support::shop::Shop;
use crate::support::story::{self, Stage, Step};
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
fn played(steps: &[Step], order: &[usize], fold: impl Fn(usize) -> bool) -> Stage {
    let stage = story::stage();
    for (turn, place) in order.iter().enumerate() {
        stage.play(steps, *place);
        stage.shop.wait(1_000);
        if fold(turn) {
            stage.shop.fold();
        }
    }
    stage.shop.fold();
    stage
}

fn told() -> impl Strategy<Value = (Vec<Step>, Vec<usize>, u64)> {
    story::steps().prop_flat_map(|steps| {
        let length = steps.len();
        (Just(steps), story::order(length), any::<u64>())
    })
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn order_repetition_and_batching_change_no_decision_and_no_position(
        (steps, order, folds) in told()
    ) {
        let straight: Vec<usize> = (0..steps.len()).collect();
        let once = played(&steps, &straight, |_| false);
        let (decisions, positions) = once.outcome();
        let mixed = played(&steps, &order, |turn| folds >> (turn % 64) & 1 == 1);
        prop_assert_eq!(&mixed.outcome().0, &decisions);
        prop_assert_eq!(&mixed.outcome().1, &positions);
        let eager = played(&steps, &order, |_| true);
        prop_assert_eq!(eager.outcome(), (decisions, positions));
    }

    #[test]
    fn decisions_and_positions_equal_the_oracle(steps in story::steps()) {
        let stage = story::stage();
        let events: Vec<_> = (0..steps.len()).map(|place| stage.play(&steps, place)).collect();
        stage.shop.fold();
        check(&stage.shop, &stage.world(&steps, &events))?;
    }

    #[test]
    fn folding_twice_adds_nothing(steps in story::steps()) {
        let stage = played(&steps, &(0..steps.len()).collect::<Vec<_>>(), |_| false);
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
        (steps, order, folds) in told(),
        rate in 1i64..=10_000,
        suspend in any::<bool>(),
    ) {
        let stage = played(&steps, &(0..steps.len()).collect::<Vec<_>>(), |_| false);
        let before = stage.outcome();
        change(&stage.shop, rate, suspend);
        stage.shop.fold();
        prop_assert_eq!(stage.outcome(), before.clone());
        // Nor when the past is folded again, or arrives only now.
        refold(&stage.shop);
        prop_assert_eq!(stage.outcome(), before.clone());
        let late = story::stage();
        late.shop.wait(1_000 * i64::try_from(steps.len()).unwrap());
        change(&late.shop, rate, suspend);
        for (turn, place) in order.iter().enumerate() {
            late.play(&steps, *place);
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
}

/// Sends every decided fact through the fold again.
fn refold(shop: &Shop) {
    shop.db
        .execute("UPDATE facts SET state = 'pending' WHERE state IN ('folded', 'parked')");
    shop.fold();
}

/// Compares the stored decisions and the booked entries with the oracle.
pub fn check(shop: &Shop, world: &World) -> Result<(), TestCaseError> {
    let expected = world.settle();
    let rows = shop.db.column(
        "SELECT json_object('event', event, 'body', json(body)) FROM decisions d WHERE revision = (
           SELECT max(revision) FROM decisions n WHERE n.event = d.event)",
    );
    let mut found = BTreeMap::new();
    for row in rows {
        let row: serde_json::Value = serde_json::from_str(&row).unwrap();
        found.insert(
            row["event"].as_str().unwrap().to_owned(),
            row["body"].clone(),
        );
    }
    prop_assert!(found.keys().eq(expected.keys()), "{found:?} {expected:?}");
    for (event, outcome) in &expected {
        let body = &found[event];
        let credit = &body["credits"][0];
        prop_assert_eq!(
            credit["partner"].as_str(),
            outcome.partner.as_deref(),
            "{}",
            body
        );
        let none = Vec::new();
        let commission = credit["commission"].as_array().unwrap_or(&none);
        let earned: BTreeMap<String, i64> = commission
            .iter()
            .map(|money| {
                let currency = money["currency"].as_str().unwrap().to_owned();
                (currency, money["amount"].as_i64().unwrap())
            })
            .collect();
        prop_assert_eq!(&earned, &outcome.earned, "{}", body);
        let touches = body["touches"].as_array().unwrap();
        prop_assert_eq!(touches.len(), outcome.touches, "{}", body);
        let shares: i64 = touches
            .iter()
            .map(|t| t["share_bps"].as_i64().unwrap_or(0))
            .sum();
        let whole = if touches.iter().any(|t| t["verdict"] == "won") {
            10_000
        } else {
            0
        };
        prop_assert_eq!(shares, whole, "{}", body);
    }
    let booked = shop.db.column(
        "SELECT json_array(cause, partner, currency, sum(amount)) FROM entries
         GROUP BY cause, partner, currency HAVING sum(amount) <> 0",
    );
    let booked: BTreeMap<(String, String, String), i64> = booked
        .iter()
        .map(|row| {
            let (cause, partner, currency, amount) = serde_json::from_str(row).unwrap();
            ((cause, partner, currency), amount)
        })
        .collect();
    prop_assert_eq!(booked, world.positions());
    Ok(())
}
