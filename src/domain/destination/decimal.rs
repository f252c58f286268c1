//! Amounts as JSON numbers of the currency's major unit, as most platforms want them.

use serde_json::{Number, Value};

use crate::domain::money::Money;

/// The amount as a JSON number of the currency's major unit.
///
/// JSON text is written from the shortest decimal that reads back as the same `f64`. That is our
/// decimal whenever it has at most 15 significant digits, so up to 999 999 999 999 999 minor
/// units (ten million million dollars); above, the last minor unit can be off. Currencies without
/// a minor unit go as integers and are always exact.
pub fn decimal(money: Money) -> Value {
    let exponent = money.currency().exponent();
    if exponent == 0 {
        return money.amount_minor().into();
    }
    // Both are exact (below 2^53), and one division rounds once: this is the number nearest to the
    // decimal, as a parser of its text would find it.
    #[allow(clippy::cast_precision_loss, reason = "amounts are below 2^53")]
    let nearest = money.amount_minor() as f64 / 10f64.powi(exponent.into());
    Number::from_f64(nearest).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::{Currency, MAX_MINOR};
    use proptest::prelude::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::parse(code).unwrap()).unwrap()
    }

    /// The decimal with the zeros at its end cut, as JSON may write it.
    fn cut(decimal: &str) -> &str {
        if decimal.contains('.') {
            decimal.trim_end_matches('0').trim_end_matches('.')
        } else {
            decimal
        }
    }

    #[test]
    fn amounts_without_a_minor_unit_are_exact_integers() {
        let yen = decimal(money(MAX_MINOR, "JPY"));
        assert_eq!(yen.to_string(), MAX_MINOR.to_string());
        assert_eq!(decimal(money(0, "USD")).to_string(), "0.0");
        assert_eq!(decimal(money(-5, "USD")).to_string(), "-0.05");
    }

    proptest! {
        #[test]
        fn amounts_of_fifteen_digits_are_written_exactly(
            amount in prop_oneof![
                -100_000i64..100_000, -999_999_999_999_999i64..=999_999_999_999_999
            ],
            code in prop_oneof![Just("USD"), Just("JPY"), Just("BHD"), Just("CLF")],
        ) {
            let written = decimal(money(amount, code)).to_string();
            let exact = money(amount, code).to_decimal_string();
            prop_assert_eq!(cut(&written), cut(&exact));
        }

        #[test]
        fn larger_amounts_are_off_by_less_than_two_minor_units(amount in 0..=MAX_MINOR) {
            let written = decimal(money(amount, "USD")).as_f64().unwrap();
            prop_assert!((written * 100.0 - amount as f64).abs() < 2.0);
        }
    }
}
