//! What partners are paid: commissions in the currency of payouts, at the rate of the event's
//! instant. A reversal is converted as the difference that it makes to what its purchase is worth,
//! so that parts taken back add up to the whole in that currency too.

use crate::ledger::decision::Stamp;
use crate::ledger::exchange::{self, Rate};
use crate::values::money::{Currency, Money, MoneyError};
use crate::values::time::UnixMs;

/// The currency of payouts and the rates into it at one instant.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    rates: &'a [Rate],
    to: Option<Currency>,
    at: UnixMs,
}

impl<'a> Exchange<'a> {
    /// `to`: the plan's currency of payouts; `None`: each commission is paid as it is.
    pub(super) fn new(rates: &'a [Rate], to: Option<Currency>, at: UnixMs) -> Exchange<'a> {
        Exchange { rates, to, at }
    }

    fn rate(&self, from: Currency) -> Option<(Currency, Option<&'a Rate>)> {
        let to = self.to.filter(|to| *to != from)?;
        Some((to, exchange::at(self.rates, from, to, self.at)))
    }

    /// Is a rate missing for one of these?
    pub(super) fn lacks(&self, amounts: &[Money]) -> bool {
        let missing = |money: &Money| matches!(self.rate(money.currency()), Some((_, None)));
        amounts.iter().any(missing)
    }

    /// The rates that are used for these, each once.
    pub(super) fn stamps(&self, amounts: &[Money]) -> Vec<Stamp> {
        let mut stamps: Vec<Stamp> = Vec::new();
        for money in amounts {
            let known = stamps.iter().any(|stamp| stamp.from == money.currency());
            if let (false, Some((to, Some(rate)))) = (known, self.rate(money.currency())) {
                stamps.push(Stamp {
                    from: money.currency(),
                    to,
                    rate: rate.text.clone(),
                    at: rate.at,
                });
            }
        }
        stamps
    }

    /// What each of these changes in payouts, when `before` (in the same currency) was earned by
    /// then; `None` where no rate is known. Empty when each is paid as it is.
    pub(super) fn payouts(
        &self,
        amounts: &[Money],
        before: impl Fn(Currency) -> i64,
    ) -> Result<Vec<Option<Money>>, MoneyError> {
        if self.to.is_none() {
            return Ok(Vec::new());
        }
        amounts
            .iter()
            .map(|money| match self.rate(money.currency()) {
                None => Ok(Some(*money)),
                Some((_, None)) => Ok(None),
                Some((_, Some(rate))) => {
                    let before = Money::new(before(money.currency()), money.currency())?;
                    let after = rate.convert(before.checked_add(*money)?)?;
                    after.checked_sub(rate.convert(before)?).map(Some)
                }
            })
            .collect()
    }
}
