//! Amounts as JSON numbers of the currency's major unit, as most platforms want them.

use serde_json::{Number, Value};

use crate::values::money::Money;

/// The amount as a JSON number of the currency's major unit, to the last digit.
pub fn decimal(money: Money) -> Value {
    Value::Number(Number::from_string_unchecked(money.to_decimal_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::money::{Currency, MAX_MINOR};
    use proptest::prelude::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, Currency::parse(code).unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn amounts_are_written_to_the_last_digit(
            amount in -MAX_MINOR..=MAX_MINOR,
            code in prop_oneof![Just("USD"), Just("JPY"), Just("BHD"), Just("CLF")],
        ) {
            let written = decimal(money(amount, code)).to_string();
            prop_assert_eq!(written, money(amount, code).to_decimal_string());
        }
    }
}
