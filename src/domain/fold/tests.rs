use super::super::consent::{Consent, Evidence};
use super::super::decision::{Action, Flag, Reason, Rule, Status};
use super::super::event::tests::sale;
use super::super::event::{Line, TokenFound};
use super::super::ids::{self, LinkId};
use super::super::input::Fields;
use super::super::plan::Rules;
use super::super::time::DAY_MS;
use super::*;
use crate::domain::attribution::StatusChange;
use crate::domain::click::TouchRecord;
use serde_json::{Value, json};

mod edges;

const NOW: UnixMs = UnixMs(1_795_334_400_000);

fn program() -> ProgramId {
    ProgramId::from_number(1)
}

fn partner(number: u64) -> PartnerId {
    PartnerId::from_number(number)
}

fn touch(nonce: u8, partner_number: u64, at: UnixMs) -> TouchRecord {
    TouchRecord {
        at,
        program: program(),
        link: LinkId::from_number(partner_number),
        partner: partner(partner_number),
        variant: 0,
        class: Class::Human,
        checkout: false,
        holdout: false,
        consent: Consent::Full,
        evidence: Evidence::Default,
        nonce: Some(format!("{nonce:016x}")),
    }
}

fn plan(rules: &Value) -> Vec<Plan> {
    let mut all = json!({"window_days": 30, "sale": {"rate_bps": 1_000}});
    for (name, value) in rules.as_object().unwrap() {
        all[name] = value.clone();
    }
    let rules = Rules::read(Fields::new(all.as_object().unwrap(), "")).unwrap();
    vec![Plan {
        version: 1,
        effective_from: UnixMs(0),
        rules,
    }]
}

/// An event of customer c1, so many days after the first.
fn event(kind: EventKind, key: &str, days: i64) -> Fact {
    Fact {
        id: ids::event_id(program(), kind.key_space(), key),
        kind,
        ..sale(key, 0, NOW.plus(days * DAY_MS))
    }
}

fn paid(kind: EventKind, key: &str, days: i64, amount: i64) -> Fact {
    let fact = event(kind, key, days);
    let currency = Currency::parse("USD").unwrap();
    Fact {
        money: Money::new(amount, currency).ok(),
        ..fact
    }
}

fn reversal(kind: EventKind, key: &str, of: &str, days: i64, amount: Option<i64>) -> Fact {
    let fact = paid(kind, key, days, amount.unwrap_or(0));
    Fact {
        customer: None,
        sale_key: Some(of.into()),
        money: fact.money.filter(|_| amount.is_some()),
        ..fact
    }
}

fn brought(fact: Fact, nonce: u8, partner: u64, days: i64) -> Fact {
    let touch = touch(nonce, partner, NOW.plus(days * DAY_MS - 3_600_000));
    Fact {
        token: TokenFound::Opened(touch),
        ..fact
    }
}

fn decided(facts: Vec<Fact>, rules: &Value) -> Vec<Decision> {
    let plans = plan(rules);
    let mut history = History::of(program(), facts);
    history.plans = &plans;
    all_of(history)
}

fn all_of(history: History<'_>) -> Vec<Decision> {
    let decided = decide(history);
    assert!(decided.unfit.is_empty());
    decided.decisions
}

fn of<'a>(decisions: &'a [Decision], key: &str) -> &'a Decision {
    decisions.iter().find(|d| d.key == key).unwrap()
}

/// Partner numbers and minor units of a decision's commissions.
fn earned(decision: &Decision) -> Vec<(u64, i64)> {
    let each = decision.credits.iter().flat_map(|credit| {
        let amounts = credit.commission.iter();
        amounts.map(|money| (credit.partner.number(), money.amount_minor()))
    });
    each.collect()
}

#[test]
fn several_partners_share_an_amount_and_its_commission_to_the_unit() {
    let sold = brought(paid(EventKind::Sale, "o", 9, 1_999), 3, 3, 8);
    let facts = vec![
        brought(event(EventKind::Lead, "c1:a", 1), 1, 1, 0),
        brought(event(EventKind::Lead, "c1:b", 5), 2, 2, 4),
        sold,
    ];
    let all = decided(facts, &json!({"model": "linear"}));
    let sale = of(&all, "o");
    assert_eq!(earned(sale), [(1, 67), (2, 66), (3, 66)], "199 in all");
    let amounts: i64 = sale
        .credits
        .iter()
        .map(|c| c.amount.unwrap().amount_minor())
        .sum();
    assert_eq!(amounts, 1_999);
    let shares: u32 = sale.credits.iter().map(|c| c.share_bps).sum();
    assert_eq!(shares, 10_000);
}

#[test]
fn partners_with_commissions_of_their_own_are_paid_apart() {
    let own = json!({"model": "linear",
        "partners": {partner(2).to_string(): {"sale": {"rate_bps": 5_000}}}});
    let facts = vec![
        brought(event(EventKind::Lead, "c1:a", 1), 1, 1, 0),
        brought(paid(EventKind::Sale, "o", 9, 1_001), 2, 2, 8),
    ];
    let all = decided(facts, &own);
    assert_eq!(
        earned(of(&all, "o")),
        [(1, 50), (2, 250)],
        "501 and 500 of the amount"
    );
}

#[test]
fn a_bound_customer_stays_until_the_months_or_the_lapse_are_over() {
    let rules = json!({"binding": {"months": 2, "lapse_days": 20}});
    let facts = vec![
        brought(paid(EventKind::Sale, "first", 0, 100), 1, 1, 0),
        brought(paid(EventKind::Sale, "bound", 15, 100), 2, 2, 15),
        paid(EventKind::Sale, "still", 30, 100),
        brought(paid(EventKind::Sale, "lapsed", 51, 100), 3, 3, 51),
        paid(EventKind::Sale, "again", 60, 100),
    ];
    let all = decided(facts, &rules);
    let said = |key: &str| (of(&all, key).rule, earned(of(&all, key)));
    assert_eq!(said("first"), (Rule::Touches, vec![(1, 10)]));
    assert_eq!(said("bound"), (Rule::Binding, vec![(1, 10)]));
    assert_eq!(said("still"), (Rule::Binding, vec![(1, 10)]));
    assert_eq!(said("lapsed"), (Rule::Touches, vec![(3, 10)]));
    assert_eq!(said("again"), (Rule::Binding, vec![(3, 10)]));
    let months = json!({"binding": {"months": 1}});
    let facts = vec![
        brought(paid(EventKind::Sale, "first", 0, 100), 1, 1, 0),
        brought(paid(EventKind::Sale, "later", 31, 100), 2, 2, 31),
    ];
    assert_eq!(earned(of(&decided(facts, &months), "later")), [(2, 10)]);
}

#[test]
fn renewals_are_credited_like_their_start_for_so_many_months() {
    let rules = json!({"renewal": {"rate_bps": 2_000, "months": 2}});
    let sub = |fact: Fact| Fact {
        subscription: Some("s1".into()),
        ..fact
    };
    let facts = vec![
        sub(brought(paid(EventKind::Sale, "start", 0, 1_000), 1, 1, 0)),
        // A click of somebody else just before a renewal takes nothing.
        sub(brought(paid(EventKind::Renewal, "r1", 30, 1_000), 2, 2, 30)),
        sub(Fact {
            customer: None,
            ..paid(EventKind::Renewal, "r2", 59, 1_000)
        }),
        sub(paid(EventKind::Renewal, "r3", 62, 1_000)),
        // Dated before its start by another clock.
        sub(paid(EventKind::Renewal, "r0", -1, 500)),
    ];
    let all = decided(facts, &rules);
    assert_eq!(earned(of(&all, "r1")), [(1, 200)]);
    assert_eq!(earned(of(&all, "r2")), [(1, 200)]);
    assert_eq!(earned(of(&all, "r0")), [(1, 100)]);
    assert_eq!(of(&all, "r3").reason, Reason::RenewalsEnded);
    assert_eq!(
        of(&all, "r3").credits.len(),
        1,
        "credited, and earns nothing"
    );
}

#[test]
fn lines_have_rates_of_their_own_and_give_back_what_they_earned() {
    let rules = json!({"base": {"tax": false, "shipping": false},
        "sale": {"rate_bps": 1_000, "by_category": {"books": 500}, "by_sku": {"gift": 0},
            "flat": {"amount": 30, "currency": "USD"}}});
    let line = |sku: &str, category: Option<&str>, amount, tax| Line {
        sku: Some(sku.into()),
        category: category.map(str::to_owned),
        quantity: Some(2),
        amount: Some(amount),
        tax,
        discount: 0,
    };
    let mut sold = brought(paid(EventKind::Sale, "o", 1, 10_000), 1, 1, 0);
    sold.order.lines = vec![
        line("tea", None, 4_000, 400),
        line("novel", Some("books"), 3_000, 0),
        line("gift", None, 1_000, 0),
    ];
    sold.order.shipping = 1_500;
    sold.order.tax = 100;
    let mut back = reversal(EventKind::Refund, "r1", "o", 2, None);
    back.order.lines = vec![Line {
        sku: Some("novel".into()),
        quantity: Some(1),
        ..Line::default()
    }];
    let all = decided(
        vec![sold, back, reversal(EventKind::Refund, "r2", "o", 3, None)],
        &rules,
    );
    // 10 % of 3,600, 5 % of 3,000, nothing of the gift, 10 % of the rest's 400, and 30.
    assert_eq!(earned(of(&all, "o")), [(1, 360 + 150 + 40 + 30)]);
    // Half of the novels' 150, and 30 × 1,500 / 10,000 of the flat sum.
    assert_eq!(earned(of(&all, "r1")), [(1, -75 - 4)]);
    assert_eq!(of(&all, "r1").amount.unwrap().amount_minor(), 1_500);
    assert_eq!(earned(of(&all, "r2")), [(1, -(580 - 79))]);
}

#[test]
fn a_won_dispute_gives_back_exactly_what_its_chargeback_took() {
    let facts = vec![
        brought(paid(EventKind::Sale, "o", 1, 1_999), 1, 1, 0),
        reversal(EventKind::Refund, "r1", "o", 2, Some(333)),
        reversal(EventKind::Chargeback, "d1", "o", 3, Some(777)),
        reversal(EventKind::DisputeWon, "d1", "o", 2, None),
        reversal(EventKind::DisputeWon, "d2", "o", 9, None),
    ];
    let all = decided(facts, &json!({}));
    let by_kind = |kind| all.iter().find(|d| d.kind == kind).unwrap();
    let taken = earned(by_kind(EventKind::Chargeback))[0].1;
    assert!(taken < 0);
    assert_eq!(earned(by_kind(EventKind::DisputeWon)), [(1, -taken)]);
    assert_eq!(of(&all, "d2").reason, Reason::NothingToRestore);
}

#[test]
fn the_customers_cap_cuts_and_then_ends() {
    let rules = json!({"caps": {"customer": {"amount": 150, "currency": "USD"}}});
    let facts = (0..3).map(|n| {
        brought(
            paid(EventKind::Sale, &format!("o{n}"), n, 1_000),
            n as u8,
            1,
            n,
        )
    });
    let all = decided(facts.collect(), &rules);
    assert_eq!(earned(of(&all, "o0")), [(1, 100)]);
    assert_eq!(
        (earned(of(&all, "o1")), of(&all, "o1").capped),
        (vec![(1, 50)], true)
    );
    assert_eq!(
        (earned(of(&all, "o2")), of(&all, "o2").reason),
        (vec![], Reason::CapReached)
    );
}

#[test]
fn people_hold_approve_reject_and_take_it_back() {
    let plans = plan(&json!({}));
    let facts = vec![
        brought(paid(EventKind::Sale, "o", 1, 1_000), 1, 1, 0),
        reversal(EventKind::Refund, "r", "o", 2, Some(500)),
    ];
    let ruled = |actions: &[Action]| {
        let mut history = History::of(program(), facts.clone());
        history.plans = &plans;
        let rulings: Vec<EventRuling> = actions
            .iter()
            .enumerate()
            .map(|(n, action)| EventRuling {
                event: facts[0].id.clone(),
                ruling: Ruling {
                    action: *action,
                    actor: "ak_1".into(),
                    reason: "why".into(),
                    at: NOW.plus(n as i64),
                },
            })
            .collect();
        history.rulings = &rulings;
        let all = all_of(history);
        let refund = of(&all, "r");
        assert_eq!(refund.status, of(&all, "o").status, "they move together");
        let sums = (earned(of(&all, "o")), earned(refund));
        (of(&all, "o").status, sums)
    };
    let both = (vec![(1, 100)], vec![(1, -50)]);
    assert_eq!(ruled(&[]), (Status::Clear, both.clone()));
    assert_eq!(ruled(&[Action::Hold]), (Status::Held, both.clone()));
    let rejected = ruled(&[Action::Hold, Action::Reject]);
    assert_eq!(rejected, (Status::Rejected, (vec![], vec![])));
    assert_eq!(
        ruled(&[Action::Reject, Action::Approve]),
        (Status::Clear, both.clone())
    );
    assert_eq!(
        ruled(&[Action::Reject, Action::Clear]),
        (Status::Clear, both)
    );
}

#[test]
fn what_looks_wrong_waits_for_a_person() {
    let plans = plan(&json!({}));
    let quick = Fact {
        token: TokenFound::Opened(touch(1, 1, NOW.plus(DAY_MS - 2_999))),
        mailbox: Some("m1".into()),
        ..paid(EventKind::Sale, "quick", 1, 1_000)
    };
    let again = Fact {
        occurred_at: NOW.plus(DAY_MS + 599_999),
        ..paid(EventKind::Sale, "again", 1, 1_000)
    };
    let later = Fact {
        occurred_at: NOW.plus(DAY_MS + 1_200_000),
        ..paid(EventKind::Sale, "later", 1, 1_000)
    };
    let mut history = History::of(program(), vec![quick, again, later]);
    history.plans = &plans;
    let selves = [SelfMatch {
        partner: partner(1),
        pseudonym: "m1".into(),
    }];
    history.selves = &selves;
    let shared = [(format!("{:016x}", 1), 6)];
    history.shared = &shared;
    let all = all_of(history);
    let flags = |key: &str| of(&all, key).review.clone();
    let common = [Flag::SelfReferral, Flag::TokenShared];
    assert_eq!(flags("quick"), [&[Flag::TooFast], &common[..]].concat());
    assert_eq!(flags("again"), [&[Flag::Duplicate], &common[..]].concat());
    assert_eq!(flags("later"), common);
    assert_eq!(of(&all, "later").status, Status::Review);
    assert_eq!(earned(of(&all, "later")), [(1, 100)], "held, not taken");
}

#[test]
fn payouts_are_converted_at_the_rate_of_the_day_and_add_up() {
    let plans = plan(&json!({"payout_currency": "EUR"}));
    let currency = |code: &str| Currency::parse(code).unwrap();
    let rate = |days: i64, text: &str| {
        let at = NOW.plus(days * DAY_MS);
        Rate::parse(currency("USD"), currency("EUR"), at, text).unwrap()
    };
    let rates = [rate(0, "0.9173"), rate(3, "0.5")];
    let facts = vec![
        brought(paid(EventKind::Sale, "o", 1, 1_999), 1, 1, 0),
        reversal(EventKind::Refund, "r1", "o", 4, Some(700)),
        reversal(EventKind::Refund, "r2", "o", 5, None),
        brought(paid(EventKind::Sale, "old", -1, 1_000), 2, 1, -1),
    ];
    let mut history = History::of(program(), facts);
    history.plans = &plans;
    history.rates = &rates;
    let all = all_of(history);
    let payout = |key: &str| of(&all, key).credits[0].payout[0].map(Money::amount_minor);
    assert_eq!(payout("o"), Some(182), "199 at 0.9173");
    let back = payout("r1").unwrap() + payout("r2").unwrap();
    assert_eq!(back, -182, "at the purchase's rate, to the unit");
    assert_eq!(payout("old"), None);
    assert_eq!(of(&all, "old").review, [Flag::RateMissing]);
}

#[test]
fn deals_codes_and_the_house_name_their_partner() {
    let plans = plan(&json!({"house": partner(9).to_string()}));
    let codes = [CodeOwner {
        code: "SAVE".into(),
        partner: partner(4),
        from: UnixMs(0),
        until: Some(NOW.plus(5 * DAY_MS)),
    }];
    let code = |fact: Fact| Fact {
        code: Some("SAVE".into()),
        ..fact
    };
    let facts = vec![
        paid(EventKind::Sale, "direct", -1, 100),
        code(brought(paid(EventKind::Sale, "code", 1, 100), 1, 1, 1)),
        Fact {
            partner: Some(partner(5)),
            ..paid(EventKind::Deal, "deal", 2, 100)
        },
        code(paid(EventKind::Sale, "late", 40, 100)),
    ];
    let suspended = [StatusChange {
        partner: Some(partner(5)),
        at: NOW.plus(3 * DAY_MS),
        active: false,
        kind: None,
    }];
    let mut history = History::of(program(), facts);
    history.plans = &plans;
    history.codes = &codes;
    history.standing = Standing(&suspended);
    let all = all_of(history);
    let said = |key: &str| {
        (
            of(&all, key).rule,
            of(&all, key).credits[0].partner.number(),
        )
    };
    assert_eq!(said("direct"), (Rule::House, 9));
    assert_eq!(earned(of(&all, "direct")), []);
    assert_eq!(said("code"), (Rule::Code, 4));
    assert_eq!(said("deal"), (Rule::Deal, 5));
    assert_eq!(said("late"), (Rule::House, 9));
    assert_eq!(of(&all, "late").code_unknown.as_deref(), Some("SAVE"));
}

/// Reversals were stored with the tax and discount of their lines before these meant anything.
#[test]
fn the_tax_of_a_stored_reversals_line_means_nothing_unless_parts_are_named() {
    let left = |stored: &Value| {
        let mut bought = paid(EventKind::Sale, "o1", 1, 1_200);
        bought.token = TokenFound::Opened(touch(1, 1, NOW));
        bought.order.lines.push(Line {
            sku: Some("tea".into()),
            amount: Some(1_200),
            tax: 200,
            ..Line::default()
        });
        let refund = Fact {
            money: None,
            order: serde_json::from_value(stored.clone()).unwrap(),
            ..reversal(EventKind::Refund, "r1", "o1", 2, None)
        };
        let plans = plan(&json!({"base": {"tax": false}}));
        let history = History {
            plans: &plans,
            ..History::of(program(), vec![bought, refund])
        };
        let decided = decide(history);
        let moved = decided.decisions.iter().flat_map(Decision::commission);
        moved.map(Money::amount_minor).sum::<i64>()
    };
    let lines = json!([{"sku": "tea", "amount": 200, "tax": 200}]);
    assert_eq!(left(&json!({"lines": lines})), 100 - 16);
    assert_eq!(left(&json!({"lines": lines, "named": {}})), 100);
}
