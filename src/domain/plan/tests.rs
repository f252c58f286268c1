use super::super::money::Currency;
use super::*;
use serde_json::json;

pub fn rules(plan: &Value) -> Rules {
    Rules::read(Fields::new(plan.as_object().unwrap(), "/plan")).unwrap()
}

#[test]
fn the_version_of_the_events_instant_counts() {
    let plan = |version, from| Plan {
        version,
        effective_from: UnixMs(from),
        rules: rules(&json!({"window_days": 30, "sale": {"rate_bps": 1}})),
    };
    let plans = [plan(1, 100), plan(2, 200)];
    let at = |ms| in_force(&plans, UnixMs(ms)).unwrap().version;
    assert_eq!(
        (at(50), at(100), at(199), at(200), at(999)),
        (1, 1, 1, 2, 2)
    );
    assert!(in_force(&[], UnixMs(1)).is_none());
}

#[test]
fn other_rules_hold_from_one_instant_until_another_and_nowhere_else() {
    let plan = |version, from| Plan {
        version,
        effective_from: UnixMs(from),
        rules: rules(&json!({"window_days": 30, "sale": {"rate_bps": 1}})),
    };
    let plans = [plan(1, 100), plan(2, 200), plan(3, 300)];
    let other = rules(&json!({"window_days": 9, "sale": {"rate_bps": 2}}));
    let versions = |from, until| {
        let all = in_place(&plans, UnixMs(from), UnixMs(until), &other);
        let at = |ms| in_force(&all, UnixMs(ms)).unwrap().version;
        [0, 49, 50, 120, 149, 150, 199, 200, 249, 250, 300].map(at)
    };
    assert_eq!(versions(150, 250), [1, 1, 1, 1, 1, 0, 0, 0, 0, 2, 3]);
    assert_eq!(versions(50, 150), [1, 1, 0, 0, 0, 1, 1, 2, 2, 2, 3]);
    assert_eq!(versions(0, 200), [0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 3]);
    assert_eq!(versions(250, 900), [1, 1, 1, 1, 1, 1, 1, 2, 2, 0, 0]);
}

#[test]
fn a_plan_without_a_rate_and_misspelt_rules_are_refused() {
    let faults = [
        (json!({"window_days": 30}), "/plan/sale"),
        (
            json!({"window_days": 30, "sale": {}}),
            "/plan/sale/rate_bps",
        ),
        (
            json!({"window_days": 0, "sale": {"rate_bps": 5}}),
            "/plan/window_days",
        ),
        (
            json!({"window_days": 9, "sale": {"rate_bps": 10_001}}),
            "/plan/sale/rate_bps",
        ),
        (
            json!({"window_days": 9, "lead": {"rate_bps": 10}}),
            "/plan/lead/rate_bps",
        ),
        (
            json!({"window_days": 9, "lead": {"flat": {"amount": 5}}}),
            "/plan/lead/flat/currency",
        ),
        (
            json!({"window_days": 9, "sale": {"rate": 5, "rate_bps": 5}}),
            "/plan/sale/rate",
        ),
        (
            json!({"window_days": 9, "sale": {"rate_bps": 5}, "modle": "first"}),
            "/plan/modle",
        ),
        (
            json!({"window_days": 9, "sale": {"rate_bps": 5}, "model": "best"}),
            "/plan/model",
        ),
        (
            json!({"window_days": 9, "sale": {"rate_bps": 5}, "windows": {"refund": 5}}),
            "/plan/windows/refund",
        ),
        (
            json!({"window_days": 9, "lead": {"flat": {"amount": 5, "currency": "USD"},
                "months": 3}}),
            "/plan/lead/months",
        ),
        (
            json!({"window_days": 9, "partners": {"anna": {"sale": {"rate_bps": 5}}}}),
            "/plan/partners/anna",
        ),
        (
            json!({"window_days": 9, "milestones": {"signup": {"flat": {"amount": -1,
            "currency": "USD"}}}}),
            "/plan/milestones/signup/flat/amount",
        ),
        (
            json!({"window_days": 9, "sale": {"rate_bps": 5}, "house": "me"}),
            "/plan/house",
        ),
        (
            json!({"window_days": 9, "sale": {"rate_bps": 5}, "payout_currency": "XXQ"}),
            "/plan/payout_currency",
        ),
    ];
    for (body, path) in faults {
        let errors = Rules::read(Fields::new(body.as_object().unwrap(), "/plan")).unwrap_err();
        assert_eq!(errors.first().unwrap().path, path, "{body}");
    }
}

#[test]
fn a_partner_earns_by_its_own_commission_where_it_has_one() {
    let anna = PartnerId::from_number(1);
    let plan = rules(&json!({"window_days": 9, "sale": {"rate_bps": 500},
        "lead": {"flat": {"amount": 100, "currency": "USD"}},
        "milestones": {"activation": {"flat": {"amount": 900, "currency": "EUR"}}},
        "partners": {anna.to_string(): {"sale": {"rate_bps": 900,
            "returning": {"rate_bps": 100}, "by_category": {"books": 0}}}}}));
    let of = |partner, kind| plan.commission(PartnerId::from_number(partner), kind, "activation");
    assert_eq!(of(2, EventKind::Sale).unwrap().rates(true).rate_bps, 500);
    let own = of(1, EventKind::Sale).unwrap();
    assert_eq!(
        (own.rates(true).rate_bps, own.rates(false).rate_bps),
        (900, 100)
    );
    assert_eq!(own.line_bps(own.rates(true), None, Some("books")), 0);
    assert_eq!(
        of(1, EventKind::Deal).unwrap().rates.rate_bps,
        900,
        "a deal is a sale"
    );
    let flat = of(1, EventKind::Milestone).unwrap().rates.flat.unwrap();
    assert_eq!(
        flat,
        Money::new(900, Currency::parse("EUR").unwrap()).unwrap()
    );
    assert!(of(1, EventKind::Renewal).is_none() && of(1, EventKind::Refund).is_none());
}

#[test]
fn what_pays_for_clicks_says_how_many_or_none() {
    let flat = json!({"flat": {"amount": 5, "currency": "USD"}});
    let plain = json!({"window_days": 9, "click": flat});
    let own = json!({"window_days": 9, "sale": {"rate_bps": 5},
        "partners": {PartnerId::from_number(1).to_string(): {"click": flat}}});
    let caps = json!({"partner": {"amount": 5, "currency": "USD"}, "clicks": null});
    for plan in [plain, own] {
        for caps in [json!(null), caps.clone()] {
            let mut plan = plan.clone();
            plan["caps"] = caps;
            let fields = || Fields::new(plan.as_object().unwrap(), "/plan");
            let errors = Rules::read(fields()).unwrap_err();
            let error = errors.first().unwrap();
            assert_eq!(
                (error.path.as_str(), error.code),
                ("/plan/caps/clicks", "required")
            );
            assert_eq!(errors.len(), 1);
            let stored = Rules::stored(fields()).unwrap();
            assert_eq!(stored.caps.clicks, None, "what was stored before goes on");
        }
        for (given, cap) in [
            (json!("none"), None),
            (json!(0), Some(0)),
            (json!(9), Some(9)),
        ] {
            let mut plan = plan.clone();
            plan["caps"] = json!({"clicks": given});
            assert_eq!(rules(&plan).caps.clicks, cap);
        }
        for wrong in [json!("all"), json!(-1), json!(1.5), json!({})] {
            let mut plan = plan.clone();
            plan["caps"] = json!({"clicks": wrong});
            let errors = Rules::read(Fields::new(plan.as_object().unwrap(), "/plan")).unwrap_err();
            assert_eq!(errors.first().unwrap().path, "/plan/caps/clicks");
        }
    }
}
