//! The reasons against an amount or a way to share it out.

use std::fmt;

/// Why an amount was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyError {
    /// The code is not an active ISO 4217 code with a minor unit.
    UnknownCurrency,
    /// The magnitude is above [`super::MAX_MINOR`].
    OutOfRange,
    /// Two amounts of one sum have different currencies.
    CurrencyMismatch,
    /// A part is negative or larger than its whole, or the whole is not positive.
    BadRatio,
    /// No weights, more than [`super::MAX_PARTS`], or all of them zero.
    BadWeights,
}

impl MoneyError {
    /// The stable code of the public error.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownCurrency => "currency_unknown",
            Self::OutOfRange => "amount_out_of_range",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::BadRatio => "ratio_invalid",
            Self::BadWeights => "weights_invalid",
        }
    }
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownCurrency => "The currency is not an active ISO 4217 code.",
            Self::OutOfRange => "The amount is beyond 9007199254740991 minor units.",
            Self::CurrencyMismatch => "Amounts of different currencies cannot be added.",
            Self::BadRatio => "The part must lie between zero and a whole above zero.",
            Self::BadWeights => "The weights must be 1 to 1024 numbers, not all of them zero.",
        })
    }
}

impl std::error::Error for MoneyError {}
