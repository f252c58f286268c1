//! Refunds, chargebacks and won disputes: what a purchase earned is a function of how much of each
//! of its lines was given back, so parts add up, a full refund returns exactly what was earned, and
//! a won dispute restores exactly what its chargeback took.

use super::super::decision::{self, Credit, Decision, Reason, Rule, Status};
use super::super::event::{EventKind, Fact, Line};
use super::super::money::{Currency, Money, MoneyError, apportion};
use super::super::time::UnixMs;
use super::Fold;
use super::earned::{PaidLine, Part};
use super::payout::Exchange;

/// A purchase and what became of it.
pub(super) struct Purchase<'a> {
    /// Place of its decision.
    place: usize,
    at: UnixMs,
    money: Option<Money>,
    lines: Vec<PaidLine>,
    /// Given back of each line so far, in minor units.
    back: Vec<i64>,
    /// Pieces of each line that reversals named.
    pieces: Vec<i64>,
    /// A purchase of nothing was given back.
    free_back: bool,
    parts: Vec<Part>,
    /// Minor units of each part that are earned now.
    earned: Vec<i64>,
    /// What each chargeback took of each line, by its key.
    taken: Vec<(&'a str, Vec<i64>, bool)>,
    payout: Option<Currency>,
}

impl<'a> Purchase<'a> {
    pub(super) fn new(
        place: usize,
        fact: &'a Fact,
        lines: Vec<PaidLine>,
        parts: Vec<Part>,
        payout: Option<Currency>,
    ) -> Purchase<'a> {
        Purchase {
            place,
            at: fact.occurred_at,
            money: fact.money,
            back: vec![0; lines.len()],
            pieces: vec![0; lines.len()],
            free_back: false,
            earned: parts.iter().map(|part| part.money.amount_minor()).collect(),
            lines,
            parts,
            taken: Vec::new(),
            payout,
        }
    }

    fn gross(&self) -> i64 {
        self.lines.iter().map(|line| line.gross).sum()
    }

    fn left(&self) -> Vec<i64> {
        let lines = self.lines.iter().zip(&self.back);
        lines.map(|(line, back)| line.gross - back).collect()
    }

    /// How `asked` (or all that is left) and the lines that are named fall onto the lines that are
    /// left. Gives the parts by line, and whether more was asked for than is left.
    fn fall(&mut self, asked: Option<i64>, named: &[Line]) -> (Vec<i64>, bool) {
        let mut left = self.left();
        let mut given = vec![0; left.len()];
        let mut above = false;
        let mut rest = asked;
        for want in named {
            let place = self
                .lines
                .iter()
                .position(|line| line.sku.is_some() && line.sku == want.sku);
            let found = place.and_then(|place| Some((left.get_mut(place)?, given.get_mut(place)?)));
            let (Some(place), Some((room, part))) = (place, found) else {
                // A line that the purchase does not have is an amount like any other.
                if asked.is_none() {
                    rest = Some(rest.unwrap_or(0).saturating_add(want.amount.unwrap_or(0)));
                }
                continue;
            };
            let by_quantity = || self.by_quantity(place, want.quantity?);
            let wanted = want.amount.or_else(by_quantity);
            let pieces = want.quantity.zip(self.pieces.get_mut(place));
            if let Some((quantity, pieces)) = pieces {
                *pieces = pieces.saturating_add(quantity);
            }
            let taken = wanted.unwrap_or(*room).min(*room);
            above |= wanted.is_some_and(|wanted| wanted > *room);
            *part += taken;
            *room -= taken;
            if asked.is_some() {
                rest = rest.map(|rest| rest - taken);
            }
        }
        if named.is_empty() || rest.is_some() {
            let all: i64 = left.iter().sum();
            let rest = rest.unwrap_or(all).max(0);
            above |= rest > all;
            let weights: Vec<u64> = left.iter().map(|room| room.unsigned_abs()).collect();
            let shares = apportion(rest.min(all).unsigned_abs(), &weights).unwrap_or_default();
            for (part, share) in given.iter_mut().zip(shares) {
                *part += i64::try_from(share).unwrap_or(0);
            }
        }
        (given, above)
    }

    /// The amount of some pieces of a line, those before them taken off, so that all pieces together
    /// are the whole line.
    fn by_quantity(&self, place: usize, quantity: i64) -> Option<i64> {
        let line = self.lines.get(place)?;
        let of = line.quantity?.max(1);
        let whole =
            |pieces: i64| i128::from(line.gross) * i128::from(pieces.min(of)) / i128::from(of);
        let before = *self.pieces.get(place)?;
        let amount = whole(before.saturating_add(quantity)) - whole(before);
        i64::try_from(amount).ok()
    }

    /// What is earned after a change of what was given back: the difference of each part.
    fn settle(&mut self) -> Result<Vec<i64>, MoneyError> {
        let gross = self.gross();
        let back: i64 = self.back.iter().sum();
        let all = if gross == 0 {
            self.free_back
        } else {
            back >= gross
        };
        let mut differences = Vec::with_capacity(self.parts.len());
        for (part, earned) in self.parts.iter().zip(&mut self.earned) {
            let own = part
                .line
                .and_then(|line| Some((*self.back.get(line)?, self.lines.get(line)?.gross)));
            let (back, gross) = own.unwrap_or((back, gross));
            let lost = match (all, gross) {
                (true, _) => part.money,
                (false, 0) => Money::zero(part.money.currency()),
                (false, _) => part.money.pro_rata(back, gross)?,
            };
            let now = part.money.checked_sub(lost)?.amount_minor();
            differences.push(now - *earned);
            *earned = now;
        }
        Ok(differences)
    }

    /// What one credit still earns in a currency.
    fn earned_by(&self, credit: usize, currency: Currency) -> i64 {
        let own = self.parts.iter().zip(&self.earned);
        let own = own.filter(|(p, _)| p.credit == credit && p.money.currency() == currency);
        own.map(|(_, earned)| earned).sum()
    }
}

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
            self.decided.decisions.push(decision);
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
            .decided
            .decisions
            .get(place)
            .is_some_and(|d| !d.commission().is_empty());
        decision.reason = match decision.reason {
            Reason::Refunded if nothing && !had => Reason::NothingToTakeBack,
            reason => reason,
        };
        self.decided.decisions.push(decision);
        Ok(())
    }

    /// A decision about a reversal before its amounts: what it is about says what it inherits.
    fn blank(&self, fact: &Fact, purchase: Option<usize>) -> Decision {
        let purchase = purchase.and_then(|place| self.decided.decisions.get(place));
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

/// Takes a refund's or chargeback's amount off the lines. Gives the amount, and how it went.
fn take<'a>(purchase: &mut Purchase<'a>, fact: &'a Fact) -> (Option<i64>, Reason) {
    let asked = fact.money.map(Money::amount_minor);
    let (given, above) = purchase.fall(asked, &fact.order.lines);
    for (back, part) in purchase.back.iter_mut().zip(&given) {
        *back += part;
    }
    let freed = purchase.gross() == 0 && !purchase.free_back;
    purchase.free_back |= freed;
    let sum = given.iter().sum();
    if fact.kind == EventKind::Chargeback {
        purchase.taken.push((&fact.key, given, freed));
    }
    let reason = if above {
        Reason::RefundAboveSale
    } else {
        Reason::Refunded
    };
    (Some(sum), reason)
}

/// Gives back what the dispute's chargeback took.
fn restore<'a>(purchase: &mut Purchase<'a>, fact: &'a Fact) -> (Option<i64>, Reason) {
    let mut taken = purchase.taken.iter();
    let Some(place) = taken.position(|(key, _, _)| *key == fact.key) else {
        return (Some(0), Reason::NothingToRestore);
    };
    let (_, given, freed) = purchase.taken.remove(place);
    for (back, part) in purchase.back.iter_mut().zip(&given) {
        *back -= part;
    }
    purchase.free_back &= !freed;
    (Some(given.iter().sum()), Reason::Restored)
}

/// What each credit gains or loses, one amount per currency, none of them zero.
fn moved(purchase: &Purchase<'_>, differences: &[i64]) -> Result<Vec<Vec<Money>>, MoneyError> {
    let credits = purchase.parts.iter().map(|part| part.credit + 1).max();
    let mut moved = vec![Vec::new(); credits.unwrap_or(0)];
    for (part, difference) in purchase.parts.iter().zip(differences) {
        if let Some(sums) = moved.get_mut(part.credit) {
            decision::add(sums, Money::new(*difference, part.money.currency())?)?;
        }
    }
    for sums in &mut moved {
        sums.retain(|money: &Money| !money.is_zero());
    }
    Ok(moved)
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
