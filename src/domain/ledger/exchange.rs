//! Exchange rates: given by the merchant, dated, never changed and never guessed. An event is
//! converted at the newest rate that had begun at its instant; without one it is not converted.

use crate::values::money::{Currency, Money, MoneyError};
use crate::values::time::UnixMs;

/// Digits before and after the point of a rate.
const WHOLE_DIGITS: usize = 9;
const FRACTION_DIGITS: usize = 10;

/// What one unit of `from` was worth in `to`, from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    pub from: Currency,
    pub to: Currency,
    pub at: UnixMs,
    /// The decimal as it was given: `1.0842`.
    pub text: String,
    units: u64,
    scale: u8,
}

impl Rate {
    /// Reads a rate; `None` when the text is no decimal above zero with at most 9 digits before
    /// and 10 after the point.
    pub fn parse(from: Currency, to: Currency, at: UnixMs, text: &str) -> Option<Rate> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = !whole.is_empty()
            && whole.len() <= WHOLE_DIGITS
            && fraction.len() <= FRACTION_DIGITS
            && !text.ends_with('.');
        if !fits || !digits(whole) || !digits(fraction) {
            return None;
        }
        let units: u64 = format!("{whole}{fraction}").parse().ok()?;
        (units > 0).then(|| Rate {
            from,
            to,
            at,
            text: text.to_owned(),
            units,
            scale: u8::try_from(fraction.len()).unwrap_or(0),
        })
    }

    /// The amount in the other currency, rounded toward zero to its minor unit.
    ///
    /// 1.00 EUR at 1.0842 → 1.08 USD; 100 JPY at 0.0061 → 0.61 EUR.
    pub fn convert(&self, money: Money) -> Result<Money, MoneyError> {
        let ten = |exponent: u8| 10i128.pow(u32::from(exponent));
        // 2^53 × 10^19 × 10^4 stays below 2^127.
        let scaled = i128::from(money.amount_minor()) * i128::from(self.units);
        let minor = scaled * ten(self.to.exponent()) / ten(self.scale) / ten(self.from.exponent());
        let minor = i64::try_from(minor).map_err(|_| MoneyError::OutOfRange)?;
        Money::new(minor, self.to)
    }
}

/// The rate between two currencies at an instant.
pub fn at(rates: &[Rate], from: Currency, to: Currency, at: UnixMs) -> Option<&Rate> {
    let pair = rates.iter().filter(|r| r.from == from && r.to == to);
    pair.filter(|rate| rate.at <= at).max_by_key(|rate| rate.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn rate(from: &str, to: &str, at: i64, text: &str) -> Rate {
        Rate::parse(currency(from), currency(to), UnixMs(at), text).unwrap()
    }

    #[test]
    fn amounts_are_rounded_toward_zero_in_the_other_exponent() {
        let money = |amount, code: &str| Money::new(amount, currency(code)).unwrap();
        let euro = rate("EUR", "USD", 0, "1.0842");
        assert_eq!(euro.convert(money(100, "EUR")).unwrap(), money(108, "USD"));
        assert_eq!(
            euro.convert(money(-100, "EUR")).unwrap(),
            money(-108, "USD")
        );
        let yen = rate("JPY", "EUR", 0, "0.0061");
        assert_eq!(yen.convert(money(100, "JPY")).unwrap(), money(61, "EUR"));
        let dinar = rate("BHD", "JPY", 0, "400");
        assert_eq!(
            dinar.convert(money(1_234, "BHD")).unwrap(),
            money(493, "JPY")
        );
    }

    #[test]
    fn the_newest_rate_that_had_begun_counts() {
        let rates = [rate("EUR", "USD", 10, "1.1"), rate("EUR", "USD", 20, "1.2")];
        let text = |ms| at(&rates, currency("EUR"), currency("USD"), UnixMs(ms)).map(|r| &*r.text);
        assert_eq!(
            (text(9), text(10), text(25)),
            (None, Some("1.1"), Some("1.2"))
        );
        assert!(at(&rates, currency("USD"), currency("EUR"), UnixMs(25)).is_none());
    }

    #[test]
    fn what_is_no_plain_decimal_above_zero_is_refused() {
        for bad in [
            "",
            "0",
            "0.0",
            "-1",
            "1e3",
            ".5",
            "1.",
            "1,5",
            "+1",
            "1234567890",
            "1.12345678901",
        ] {
            let read = Rate::parse(currency("EUR"), currency("USD"), UnixMs(0), bad);
            assert!(read.is_none(), "{bad}");
        }
    }
}
