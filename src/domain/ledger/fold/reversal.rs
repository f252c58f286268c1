//! Decisions about refunds, chargebacks and won disputes: what each changes of what its purchase
//! earned, for those who earned it.

use super::Fold;
use super::payout::Exchange;
use super::purchase::{moved, restore, take};
use crate::ledger::decision::{Credit, Decision, Reason, Rule, Status};
use crate::ledger::event::{EventKind, Fact};
use crate::values::money::{Currency, Money, MoneyError};

impl<'a> Fold<'a> {
    /// Decides a reversal; one whose purchase is not known takes nothing.
    pub(super) fn reversal(&mut self, fact: &'a Fact) -> Result<(), MoneyError> {
        let key = fact.sale_key.as_deref().unwrap_or_default();
        let place = self.by_key.get(key).copied();
        let Some(purchase) = place.and_then(|place| self.purchases.get_mut(place)) else {
            let mut decision = self.blank(fact, None);
            decision.reason = match fact.kind {
                EventKind::DisputeWon => Reason::NothingToRestore,
                _ => Reason::NothingToTakeBack,
            };
            self.made(decision);
            return Ok(());
        };
        let before = (purchase.back.clone(), purchase.free_back);
        let differs = fact.money.zip(purchase.money);
        let differs = differs.is_some_and(|(a, b)| a.currency() != b.currency());
        let (amount, reason) = match fact.kind {
            EventKind::DisputeWon => restore(purchase, fact),
            _ if differs => (None, Reason::RefundCurrencyDiffers),
            _ => take(purchase, fact),
        };
        let differences = purchase.settle().inspect_err(|_| {
            (purchase.back, purchase.free_back) = before;
        })?;
        let moved = moved(purchase, &differences)?;
        let place = purchase.place;
        let (currency, at, payout) = (purchase.money, purchase.at, purchase.payout);
        let exchange = Exchange::new(self.history.rates, payout, at);
        let mut payouts = Vec::new();
        for (credit, amounts) in moved.iter().enumerate() {
            let before = |currency: Currency| {
                let change = amounts.iter().find(|m| m.currency() == currency);
                let change = change.map_or(0, |money| money.amount_minor());
                purchase.earned_by(credit, currency) - change
            };
            payouts.push(exchange.payouts(amounts, before)?);
        }
        let mut decision = self.blank(fact, Some(place));
        decision.reason = reason;
        let back = amount
            .zip(currency)
            .and_then(|(minor, money)| Money::new(minor, money.currency()).ok());
        decision.amount = back.or(fact.money);
        let sign = if fact.kind == EventKind::DisputeWon {
            1
        } else {
            -1
        };
        share_amount(&mut decision, back, sign)?;
        for ((credit, commission), payout) in decision.credits.iter_mut().zip(moved).zip(payouts) {
            credit.commission = commission;
            credit.payout = payout;
        }
        let nothing = decision.credits.iter().all(|c| c.commission.is_empty());
        let had = self
            .decisions
            .get(place)
            .is_some_and(|d| !d.commission().is_empty());
        decision.reason = match decision.reason {
            Reason::Refunded | Reason::OutsideBase if nothing && !had => Reason::NothingToTakeBack,
            // The last part of the money ends what is earned, whatever it was for.
            Reason::OutsideBase if !nothing => Reason::Refunded,
            reason => reason,
        };
        self.made(decision);
        Ok(())
    }

    /// A decision about a reversal before its amounts: what it is about says what it inherits.
    fn blank(&self, fact: &Fact, purchase: Option<usize>) -> Decision {
        let purchase = purchase.and_then(|place| self.decisions.get(place));
        let credits = purchase.into_iter().flat_map(|p| &p.credits);
        Decision {
            event: fact.id.clone(),
            program: fact.program,
            kind: fact.kind,
            key: fact.key.clone(),
            name: String::new(),
            occurred_at: fact.occurred_at,
            amount: fact.money,
            purchase: purchase.map(|p| p.event.clone()),
            new_customer: None,
            model: purchase.map_or_else(String::new, |p| p.model.clone()),
            plan: purchase.and_then(|p| p.plan.clone()),
            rule: Rule::Purchase,
            reason: Reason::Refunded,
            credits: credits
                .map(|credit| Credit {
                    amount: None,
                    commission: Vec::new(),
                    payout: Vec::new(),
                    ..credit.clone()
                })
                .collect(),
            capped: false,
            // They wait and move together with what they are about.
            status: purchase.map_or(Status::Clear, |p| p.status),
            review: Vec::new(),
            violations: Vec::new(),
            ruling: None,
            hold_until: purchase.map_or(fact.occurred_at, |p| p.hold_until),
            rates: purchase.map_or_else(Vec::new, |p| p.rates.clone()),
            touches: Vec::new(),
            token_unreadable: false,
            code_unknown: None,
            consent: purchase.and_then(|p| p.consent),
            click_ids: Vec::new(),
        }
    }
}

/// Shares the reversed amount among the credits, as the purchase's was.
fn share_amount(
    decision: &mut Decision,
    amount: Option<Money>,
    sign: i64,
) -> Result<(), MoneyError> {
    let weights: Vec<u64> = decision
        .credits
        .iter()
        .map(|c| u64::from(c.share_bps))
        .collect();
    let Some(amount) = amount.filter(|_| !weights.is_empty()) else {
        return Ok(());
    };
    let signed = Money::new(amount.amount_minor() * sign, amount.currency())?;
    for (credit, share) in decision.credits.iter_mut().zip(signed.split(&weights)?) {
        credit.amount = Some(share);
    }
    Ok(())
}
