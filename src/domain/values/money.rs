//! Amounts: integer minor units with an ISO 4217 currency, and the ways to share them out.
//!
//! Decides how every division rounds, so that parts always add up and a reversal of the whole
//! is exact. Uses no floating point, does not convert currencies and does not format for people.

mod error;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::values::currencies;
pub use error::MoneyError;

/// Largest magnitude of an amount in minor units: 2^53 − 1, the last integer that JSON readers
/// written in JavaScript (and D1) keep exactly.
pub const MAX_MINOR: i64 = (1 << 53) - 1;

/// Most parts that [`Money::split`] makes, far above the touches that a journal can hold.
pub const MAX_PARTS: usize = 1024;

/// Basis points in a whole: a rate of 10_000 is 100 %.
pub const BPS_WHOLE: u32 = 10_000;

/// An active ISO 4217 currency; ordered by its code. In JSON the upper-case code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(&'static (&'static str, u8));

impl Currency {
    /// Takes a three-letter code in any case (`usd`, `USD`); refuses with
    /// [`MoneyError::UnknownCurrency`] what [`currencies::TABLE`] does not hold.
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        let mut upper = [0u8; 3];
        if code.len() != upper.len() {
            return Err(MoneyError::UnknownCurrency);
        }
        for (to, from) in upper.iter_mut().zip(code.bytes()) {
            *to = from.to_ascii_uppercase();
        }
        std::str::from_utf8(&upper)
            .ok()
            .and_then(currencies::find)
            .map(Self)
            .ok_or(MoneyError::UnknownCurrency)
    }

    /// The code in upper case.
    pub fn code(self) -> &'static str {
        self.0.0
    }

    /// Digits after the decimal point: USD 2, JPY 0, BHD 3, CLF 4.
    pub fn exponent(self) -> u8 {
        self.0.1
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let code = String::deserialize(from)?;
        Self::parse(&code).map_err(de::Error::custom)
    }
}

/// An amount of one currency; the magnitude is at most [`MAX_MINOR`]. In JSON
/// `{"amount": 1999, "currency": "USD"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Money {
    amount_minor: i64,
    currency: Currency,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    amount: i64,
    currency: Currency,
}

impl TryFrom<Wire> for Money {
    type Error = MoneyError;

    fn try_from(wire: Wire) -> Result<Self, MoneyError> {
        Self::new(wire.amount, wire.currency)
    }
}

impl From<Money> for Wire {
    fn from(money: Money) -> Self {
        Self {
            amount: money.amount_minor,
            currency: money.currency,
        }
    }
}

impl Money {
    /// Takes minor units of a currency; refuses a magnitude above [`MAX_MINOR`].
    pub fn new(amount_minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if (-MAX_MINOR..=MAX_MINOR).contains(&amount_minor) {
            Ok(Self {
                amount_minor,
                currency,
            })
        } else {
            Err(MoneyError::OutOfRange)
        }
    }

    /// Nothing, in a currency.
    pub fn zero(currency: Currency) -> Self {
        Self {
            amount_minor: 0,
            currency,
        }
    }

    /// The amount in minor units of [`Money::currency`].
    pub fn amount_minor(self) -> i64 {
        self.amount_minor
    }

    /// The currency of the amount.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether the amount is zero.
    pub fn is_zero(self) -> bool {
        self.amount_minor == 0
    }

    /// The sum. Refuses another currency and a sum beyond [`MAX_MINOR`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        // Two magnitudes below 2^53 cannot overflow an i64.
        Self::new(
            self.amount_minor.saturating_add(other.amount_minor),
            self.currency,
        )
    }

    /// The difference, under the rules of [`Money::checked_add`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.checked_add(other.negated())
    }

    /// The same amount with the other sign; always fits, because the bound is symmetric.
    pub fn negated(self) -> Self {
        Self {
            amount_minor: self.amount_minor.saturating_neg(),
            currency: self.currency,
        }
    }

    /// A rate of the amount, in basis points, rounded down to a whole minor unit; the part
    /// below a unit stays with the merchant. A negative amount mirrors the positive one, so that
    /// reversing a whole sale reverses exactly its commission.
    ///
    /// 1999 USD at 1000 bps: 199.9 → 199; −1999 → −199. Refuses a result beyond [`MAX_MINOR`]
    /// (only possible above 10_000 bps).
    pub fn rate_of(self, rate_bps: u32) -> Result<Self, MoneyError> {
        self.scaled(i128::from(rate_bps), i128::from(BPS_WHOLE))
    }

    /// The share `part / whole` of the amount, rounded as [`Money::rate_of`] does. `part` and
    /// `whole` count the same unit; `0 ≤ part ≤ whole`, `whole > 0`.
    ///
    /// To take back a commission refund by refund, pass the *sum* of the refunds so far and
    /// subtract what was taken back before; then the last refund takes what is left. Commission
    /// 199 on a sale of 1999: refund 500 → 49 (of 49.77); refund 1499 → 199 − 49 = 150.
    pub fn pro_rata(self, part: i64, whole: i64) -> Result<Self, MoneyError> {
        if whole <= 0 || part < 0 || part > whole {
            return Err(MoneyError::BadRatio);
        }
        self.scaled(i128::from(part), i128::from(whole))
    }

    /// Shares the amount out by weights; the parts come in the order of the weights and always
    /// add up to the amount. Each gets its share rounded down, then the units left over go one
    /// each to the largest remainders, and among equal remainders to the earlier index. A
    /// negative amount mirrors the positive one.
    ///
    /// 100 by [1, 1, 1] → [34, 33, 33]; 10 by [1, 2, 4] → shares 1.43, 2.86, 5.71 → [1, 3, 6].
    pub fn split(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        if weights.len() > MAX_PARTS {
            return Err(MoneyError::BadWeights);
        }
        apportion(self.amount_minor.unsigned_abs(), weights)
            .ok_or(MoneyError::BadWeights)?
            .into_iter()
            .map(|part| self.with_magnitude(part))
            .collect()
    }

    /// The amount as a plain decimal with exactly the digits of the currency:
    /// 1999 USD → `19.99`, 1580 JPY → `1580`, −1234 BHD → `-1.234`.
    pub fn to_decimal_string(self) -> String {
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        let magnitude = self.amount_minor.unsigned_abs();
        let digits = usize::from(self.currency.exponent());
        if digits == 0 {
            return format!("{sign}{magnitude}");
        }
        let unit = 10u64.pow(u32::from(self.currency.exponent()));
        format!("{sign}{}.{:0digits$}", magnitude / unit, magnitude % unit)
    }

    fn scaled(self, by: i128, of: i128) -> Result<Self, MoneyError> {
        // Integer division truncates toward zero, which is the mirroring promised above.
        let scaled = i128::from(self.amount_minor) * by / of;
        let amount_minor = i64::try_from(scaled).map_err(|_| MoneyError::OutOfRange)?;
        Self::new(amount_minor, self.currency)
    }

    fn with_magnitude(self, magnitude: u64) -> Result<Self, MoneyError> {
        let amount = i64::try_from(magnitude).map_err(|_| MoneyError::OutOfRange)?;
        Self::new(
            if self.amount_minor < 0 {
                -amount
            } else {
                amount
            },
            self.currency,
        )
    }
}

/// Basis points by weights, adding up to [`BPS_WHOLE`]; none where the weights add up to nothing.
pub fn split_shares(weights: &[u64]) -> Vec<u32> {
    let parts = apportion(u64::from(BPS_WHOLE), weights).unwrap_or_default();
    let narrow = |part| u32::try_from(part).unwrap_or(0);
    parts.into_iter().map(narrow).collect()
}

/// Shares a whole out by weights, as [`Money::split`] says. `None` when the weights add up to
/// nothing; then there is nobody to give the whole to.
pub fn apportion(whole: u64, weights: &[u64]) -> Option<Vec<u64>> {
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if total == 0 {
        return None;
    }
    let mut left = whole;
    let mut parts = Vec::with_capacity(weights.len());
    // The remainder of each part, and after it in the last 32 bits its place from the end: no two
    // are equal, and the larger goes first. A remainder is below the total, so below 2^96.
    let mut ranks = Vec::with_capacity(weights.len());
    let mut place = u32::MAX;
    for weight in weights {
        let product = u128::from(whole) * u128::from(*weight);
        let part = (product / total) as u64;
        left = left.saturating_sub(part);
        parts.push(part);
        ranks.push(((product % total) << 32) | u128::from(place));
        place = place.saturating_sub(1);
    }
    // Bit by bit the highest rank that as many reach as units are left: fewer than there are
    // parts, because each lost less than one. A sort would be several kilobytes of wasm.
    let mut cut = 0;
    let mut bit = 1u128 << 127;
    while bit > 0 {
        let reach = ranks.iter().filter(|rank| **rank >= cut | bit).count();
        if reach as u64 >= left {
            cut |= bit;
        }
        bit >>= 1;
    }
    for (part, rank) in parts.iter_mut().zip(&ranks) {
        *part += u64::from(*rank >= cut);
    }
    Some(parts)
}

#[cfg(test)]
mod tests;
