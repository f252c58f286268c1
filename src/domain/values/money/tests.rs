use super::*;
use proptest::prelude::*;

fn money(amount_minor: i64, code: &str) -> Money {
    Money::new(amount_minor, Currency::parse(code).unwrap()).unwrap()
}

fn amounts(parts: &[Money]) -> Vec<i64> {
    parts.iter().map(|part| part.amount_minor()).collect()
}

#[test]
fn a_currency_parses_in_any_case_and_prints_in_upper_case() {
    for code in ["usd", "USD", "Usd"] {
        let currency = Currency::parse(code).unwrap();
        assert_eq!((currency.code(), currency.exponent()), ("USD", 2));
        assert_eq!(serde_json::to_string(&currency).unwrap(), "\"USD\"");
    }
    for code in [
        "",
        "us",
        "usdd",
        "HRK",
        "XXX",
        "U\u{17f}D",
        "U D",
        "us\0",
        "€",
    ] {
        assert_eq!(
            Currency::parse(code),
            Err(MoneyError::UnknownCurrency),
            "{code:?}"
        );
    }
    assert!(serde_json::from_str::<Currency>("\"hrk\"").is_err());
    assert!(Currency::parse("EUR").unwrap() < Currency::parse("USD").unwrap());
}

#[test]
fn money_keeps_its_bound_in_code_and_in_json() {
    let usd = Currency::parse("USD").unwrap();
    assert!(Money::new(MAX_MINOR, usd).is_ok());
    assert!(Money::new(-MAX_MINOR, usd).is_ok());
    for beyond in [MAX_MINOR + 1, -MAX_MINOR - 1, i64::MAX, i64::MIN] {
        assert_eq!(Money::new(beyond, usd), Err(MoneyError::OutOfRange));
    }
    let text = r#"{"amount":200,"currency":"USD"}"#;
    let read: Money = serde_json::from_str(&text.replace("USD", "usd")).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    for bad in [
        r#"{"amount":9007199254740992,"currency":"USD"}"#,
        r#"{"amount":1.5,"currency":"USD"}"#,
        r#"{"amount":1,"currency":"USD","more":1}"#,
        r#"{"amount":1}"#,
    ] {
        assert!(serde_json::from_str::<Money>(bad).is_err(), "{bad}");
    }
}

#[test]
fn sums_refuse_other_currencies_and_overflow() {
    let one = money(1, "USD");
    assert_eq!(one.checked_add(money(2, "USD")), Ok(money(3, "USD")));
    assert_eq!(one.checked_sub(money(2, "USD")), Ok(money(-1, "USD")));
    assert_eq!(
        one.checked_add(money(2, "EUR")),
        Err(MoneyError::CurrencyMismatch)
    );
    assert_eq!(
        one.checked_add(money(MAX_MINOR, "USD")),
        Err(MoneyError::OutOfRange)
    );
    assert_eq!(money(MAX_MINOR, "USD").negated(), money(-MAX_MINOR, "USD"));
}

#[test]
fn a_rate_rounds_down_and_mirrors() {
    let table = [
        (1999, 1000, 199),
        (-1999, 1000, -199),
        (9, 1000, 0),
        (10, 1000, 1),
        (1999, 0, 0),
        (1999, BPS_WHOLE, 1999),
        (MAX_MINOR, BPS_WHOLE, MAX_MINOR),
    ];
    for (amount, bps, expected) in table {
        assert_eq!(
            money(amount, "USD").rate_of(bps),
            Ok(money(expected, "USD"))
        );
    }
    assert_eq!(
        money(MAX_MINOR, "USD").rate_of(u32::MAX),
        Err(MoneyError::OutOfRange)
    );
}

#[test]
fn refunds_one_by_one_take_back_the_whole_commission() {
    let commission = money(199, "USD");
    let first = commission.pro_rata(500, 1999).unwrap();
    assert_eq!(first, money(49, "USD"));
    let second = commission
        .pro_rata(1999, 1999)
        .unwrap()
        .checked_sub(first)
        .unwrap();
    assert_eq!(second, money(150, "USD"));
    for (part, whole) in [(1, 0), (-1, 10), (11, 10), (0, -5)] {
        assert_eq!(commission.pro_rata(part, whole), Err(MoneyError::BadRatio));
    }
}

#[test]
fn a_split_gives_the_left_over_units_to_the_largest_remainders() {
    let table: [(i64, &[u64], &[i64]); 8] = [
        (100, &[1, 1, 1], &[34, 33, 33]),
        (10, &[1, 2, 4], &[1, 3, 6]),
        (-10, &[1, 2, 4], &[-1, -3, -6]),
        (5, &[0, 1, 1], &[0, 3, 2]),
        (0, &[3, 1], &[0, 0]),
        (1, &[4000, 2000, 4000], &[1, 0, 0]),
        (7, &[9], &[7]),
        (MAX_MINOR, &[u64::MAX, u64::MAX], &[1 << 52, (1 << 52) - 1]),
    ];
    for (amount, weights, expected) in table {
        assert_eq!(
            amounts(&money(amount, "EUR").split(weights).unwrap()),
            expected
        );
    }
    for weights in [vec![], vec![0, 0], vec![1; MAX_PARTS + 1]] {
        assert_eq!(money(1, "EUR").split(&weights), Err(MoneyError::BadWeights));
    }
}

#[test]
fn decimals_have_the_digits_of_the_currency() {
    let table = [
        (1999, "USD", "19.99"),
        (5, "USD", "0.05"),
        (-5, "USD", "-0.05"),
        (0, "USD", "0.00"),
        (1580, "JPY", "1580"),
        (-1234, "BHD", "-1.234"),
        (1, "CLF", "0.0001"),
        (MAX_MINOR, "USD", "90071992547409.91"),
    ];
    for (amount, code, expected) in table {
        assert_eq!(money(amount, code).to_decimal_string(), expected);
    }
}

#[test]
fn every_error_has_its_own_code_and_a_sentence() {
    use MoneyError::*;
    let all = [
        UnknownCurrency,
        OutOfRange,
        CurrencyMismatch,
        BadRatio,
        BadWeights,
    ];
    let codes: std::collections::BTreeSet<_> = all.iter().map(|error| error.code()).collect();
    assert_eq!(codes.len(), all.len());
    assert!(all.iter().all(|error| error.to_string().ends_with('.')));
}

proptest! {
    #[test]
    fn parts_always_add_up_to_the_whole(
        amount in -MAX_MINOR..=MAX_MINOR,
        weights in prop::collection::vec(prop_oneof![0u64..5, any::<u64>()], 1..12),
    ) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let whole = money(amount, "USD");
        let parts = whole.split(&weights).unwrap();
        prop_assert_eq!(amounts(&parts).iter().sum::<i64>(), amount);
        let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
        for (part, weight) in amounts(&parts).iter().zip(&weights) {
            // Each part is its exact share, rounded down or up by less than one unit.
            let off = i128::from(*part) * total - i128::from(amount) * i128::from(*weight);
            prop_assert!(off.abs() < total);
        }
        let mirrored = amounts(&whole.negated().split(&weights).unwrap());
        prop_assert_eq!(mirrored, amounts(&parts).iter().map(|p| -p).collect::<Vec<_>>());
    }

    #[test]
    fn the_units_left_over_go_where_a_sort_would_send_them(
        whole in prop_oneof![0u64..20_000, any::<u64>()],
        weights in prop::collection::vec(prop_oneof![0u64..5, any::<u64>()], 1..40),
    ) {
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        prop_assume!(total > 0);
        let products = weights.iter().map(|weight| u128::from(whole) * u128::from(*weight));
        let products: Vec<u128> = products.collect();
        let mut expected: Vec<u64> = products.iter().map(|at| (at / total) as u64).collect();
        let left = whole - expected.iter().sum::<u64>();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        // A stable sort: among equals the earlier index stays first.
        order.sort_by_key(|index| std::cmp::Reverse(products[*index] % total));
        for index in &order[..left as usize] {
            expected[*index] += 1;
        }
        prop_assert_eq!(apportion(whole, &weights), Some(expected));
    }

    #[test]
    fn cumulative_shares_never_fall_and_end_at_the_whole(
        amount in 0..=MAX_MINOR, whole in 1..=MAX_MINOR, a in 0..=MAX_MINOR, b in 0..=MAX_MINOR,
    ) {
        let commission = money(amount, "USD");
        let mut at = [a % (whole + 1), b % (whole + 1)];
        at.sort_unstable();
        let low = commission.pro_rata(at[0], whole).unwrap();
        let high = commission.pro_rata(at[1], whole).unwrap();
        prop_assert!(low.amount_minor() <= high.amount_minor());
        prop_assert_eq!(commission.pro_rata(whole, whole), Ok(commission));
    }
}
