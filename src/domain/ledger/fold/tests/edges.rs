//! The very instants and amounts at which a rule begins and ends.

use super::*;

fn moved(fact: Fact, ms: i64) -> Fact {
    Fact {
        occurred_at: fact.occurred_at.plus(ms),
        ..fact
    }
}

fn clicked(fact: Fact, nonce: u8, partner: u64, ms_before: i64) -> Fact {
    let at = fact.occurred_at.plus(-ms_before);
    Fact {
        token: TokenFound::Opened(touch(nonce, partner, at)),
        ..fact
    }
}

fn purchase(key: &str, days: i64) -> Fact {
    paid(EventKind::Sale, key, days, 1_000)
}

#[test]
fn a_binding_ends_with_its_month_and_a_lapse_after_its_days() {
    // 22 December is thirty days later.
    let first = || clicked(purchase("first", 0), 1, 1, 60_000);
    let later = |ms: i64| moved(purchase("later", 30), ms);
    for (ms, expected) in [(-1, 1), (0, 2)] {
        let all = vec![first(), clicked(later(ms), 2, 2, 60_000)];
        let months = json!({"binding": {"months": 1}});
        assert_eq!(
            earned(of(&decided(all, &months), "later")),
            [(expected, 100)],
            "{ms}"
        );
    }
    for (ms, expected) in [(0, 1), (1, 2)] {
        let all = vec![first(), clicked(later(ms), 2, 2, 60_000)];
        let lapse = json!({"binding": {"lapse_days": 30}});
        assert_eq!(
            earned(of(&decided(all, &lapse), "later")),
            [(expected, 100)],
            "{ms}"
        );
    }
}

#[test]
fn renewals_earn_until_the_instant_at_which_their_months_end() {
    let rules = json!({"renewal": {"rate_bps": 1_000, "months": 2}});
    let sub = |fact: Fact| Fact {
        subscription: Some("s1".into()),
        ..fact
    };
    // 22 January is sixty-one days later.
    let renewal = |key: &str| paid(EventKind::Renewal, key, 61, 1_000);
    let all = decided(
        vec![
            sub(clicked(purchase("start", 0), 1, 1, 60_000)),
            sub(moved(renewal("last"), -1)),
            sub(renewal("ended")),
        ],
        &rules,
    );
    assert_eq!(earned(of(&all, "last")), [(1, 100)]);
    assert_eq!(of(&all, "ended").reason, Reason::RenewalsEnded);
}

#[test]
fn a_click_of_exactly_the_seconds_is_neither_late_nor_too_fast() {
    let rules = json!({"stand_down": {"seconds": 10}, "review": {"min_seconds": 10}});
    for (ms, expected) in [(9_999, 1), (10_000, 2)] {
        let lead = clicked(event(EventKind::Lead, "lead", 0), 1, 1, DAY_MS);
        let sale = clicked(moved(purchase("o1", 0), 60_000), 2, 2, ms);
        let all = decided(vec![lead, sale], &rules);
        assert_eq!(earned(of(&all, "o1")), [(expected, 100)], "{ms}");
    }
    for (ms, flags) in [(9_999, vec![Flag::TooFast]), (10_000, vec![])] {
        let all = decided(vec![clicked(purchase("o1", 0), 1, 1, ms)], &rules);
        assert_eq!(of(&all, "o1").review, flags, "{ms}");
    }
}

#[test]
fn the_same_amount_after_exactly_the_minutes_is_no_duplicate() {
    for (ms, flags) in [(599_999, vec![Flag::Duplicate]), (600_000, vec![])] {
        let first = clicked(purchase("o1", 0), 1, 1, 60_000);
        let all = decided(vec![first, moved(purchase("o2", 0), ms)], &json!({}));
        assert_eq!(of(&all, "o2").review, flags, "{ms}");
    }
}

#[test]
fn a_click_may_credit_as_many_customers_as_the_plan_says() {
    let plans = plan(&json!({"review": {"token_customers": 5}}));
    for (customers, flags) in [(5, vec![]), (6, vec![Flag::TokenShared])] {
        let sale = clicked(purchase("o1", 0), 1, 1, 60_000);
        let mut history = History::of(program(), vec![sale]);
        let shared = [(format!("{:016x}", 1), customers)];
        (history.plans, history.shared) = (&plans, &shared);
        assert_eq!(of(&all_of(history), "o1").review, flags, "{customers}");
    }
}

#[test]
fn a_purchase_of_exactly_the_minimum_earns() {
    let minimum = json!({"minimum": {"amount": 1_000, "currency": "USD"}});
    let all = decided(vec![clicked(purchase("o1", 0), 1, 1, 60_000)], &minimum);
    assert_eq!(earned(of(&all, "o1")), [(1, 100)]);
    let small = clicked(paid(EventKind::Sale, "o1", 0, 999), 1, 1, 60_000);
    let all = decided(vec![small], &minimum);
    assert_eq!(of(&all, "o1").reason, Reason::BelowMinimum);
}

#[test]
fn more_than_was_paid_is_said_and_takes_no_more_than_was_earned() {
    for (amount, reason) in [(1_000, Reason::Refunded), (1_001, Reason::RefundAboveSale)] {
        let sale = clicked(purchase("o1", 0), 1, 1, 60_000);
        let back = reversal(EventKind::Refund, "r1", "o1", 1, Some(amount));
        let all = decided(vec![sale, back], &json!({}));
        let back = of(&all, "r1");
        assert_eq!((back.reason, earned(back)), (reason, vec![(1, -100)]));
    }
}

/// A line for which nothing was paid can earn, when commission is paid before discounts: it goes
/// with the last of the others.
#[test]
fn a_full_refund_takes_back_what_a_free_line_earned() {
    let rules = json!({"base": {"tax": true, "shipping": true, "discount": true}});
    let mut sale = clicked(purchase("o1", 0), 1, 1, 60_000);
    sale.order.lines = vec![Line {
        sku: Some("free".into()),
        amount: Some(0),
        discount: 500,
        ..Line::default()
    }];
    let facts = |amounts: &[i64]| {
        let each = amounts.iter().enumerate();
        let back = each.map(|(place, amount)| {
            let key = format!("r{place}");
            reversal(
                EventKind::Refund,
                &key,
                "o1",
                1 + place as i64,
                Some(*amount),
            )
        });
        std::iter::once(sale.clone()).chain(back).collect()
    };
    let all = decided(facts(&[400, 600]), &rules);
    assert_eq!(earned(of(&all, "o1")), [(1, 150)]);
    assert_eq!(earned(of(&all, "r0")), [(1, -40)]);
    assert_eq!(earned(of(&all, "r1")), [(1, -110)]);
}

/// What is taken back in parts is converted as the difference that it makes, not by itself.
#[test]
fn parts_of_a_refund_are_in_payouts_together_what_the_sale_was() {
    let plans = plan(&json!({"payout_currency": "EUR"}));
    let currency = |code: &str| Currency::parse(code).unwrap();
    let rate = Rate::parse(currency("USD"), currency("EUR"), UnixMs(0), "0.333").unwrap();
    let rates = [rate];
    let mut facts = vec![clicked(purchase("o1", 0), 1, 1, 60_000)];
    for place in 0..10 {
        let key = format!("r{place}");
        facts.push(reversal(
            EventKind::Refund,
            &key,
            "o1",
            1 + place,
            Some(100),
        ));
    }
    let mut history = History::of(program(), facts);
    (history.plans, history.rates) = (&plans, &rates);
    let all = all_of(history);
    let payouts = all.iter().flat_map(|d| &d.credits);
    let payouts = payouts.flat_map(|credit| credit.payout.iter().flatten());
    let payouts: Vec<i64> = payouts.map(|money| money.amount_minor()).collect();
    assert_eq!(
        (payouts[0], payouts.iter().sum::<i64>()),
        (33, 0),
        "{payouts:?}"
    );
}
