//! A purchase and what was given back of it. What it has earned by then is a function of how much
//! of each of its slots was given back, so parts add up, a full refund returns exactly what was
//! earned, and a won dispute restores exactly what its chargeback took.

use super::super::decision::{self, Reason};
use super::super::event::{EventKind, Fact};
use super::super::money::{Currency, Money, MoneyError};
use super::super::plan::Base;
use super::super::time::UnixMs;
use super::earned::{PaidLine, Part};
use super::fall::{Fall, Taken};
use super::slots::{self, Slot};

/// A purchase and what became of it.
pub(super) struct Purchase<'a> {
    /// Place of its decision.
    pub(super) place: usize,
    pub(super) at: UnixMs,
    pub(super) money: Option<Money>,
    pub(super) lines: Vec<PaidLine>,
    pub(super) slots: Vec<Slot>,
    /// Given back of each slot so far, in minor units.
    pub(super) back: Vec<i64>,
    /// Pieces of each line that reversals named.
    pub(super) pieces: Vec<i64>,
    /// A purchase of nothing was given back.
    pub(super) free_back: bool,
    parts: Vec<Part>,
    /// Minor units of each part that are earned now.
    earned: Vec<i64>,
    /// What each chargeback took, and its key.
    taken: Vec<(&'a str, Taken)>,
    pub(super) payout: Option<Currency>,
}

impl<'a> Purchase<'a> {
    /// `split`: by the base of its plan, where a reversal names a part of it.
    pub(super) fn new(
        place: usize,
        fact: &'a Fact,
        (lines, split): (Vec<PaidLine>, Option<Base>),
        parts: Vec<Part>,
        payout: Option<Currency>,
    ) -> Purchase<'a> {
        let slots = slots::of(&lines, fact.order.lines.len(), split);
        Purchase {
            place,
            at: fact.occurred_at,
            money: fact.money,
            back: vec![0; slots.len()],
            pieces: vec![0; lines.len()],
            free_back: false,
            earned: parts.iter().map(|part| part.money.amount_minor()).collect(),
            lines,
            slots,
            parts,
            taken: Vec::new(),
            payout,
        }
    }

    pub(super) fn gross(&self) -> i64 {
        self.lines.iter().map(|line| line.gross).sum()
    }

    /// The money among amounts of slots.
    fn money_of(&self, amounts: &[i64]) -> i64 {
        let money = self.slots.iter().zip(amounts);
        let money = money.filter(|(slot, _)| slot.component.is_money());
        money.map(|(_, amount)| amount).sum()
    }

    /// Counts what was taken, or with the other sign what was restored.
    fn book(&mut self, taken: &Taken, sign: i64) {
        let add = |sums: &mut [i64], parts: &[i64]| {
            for (sum, part) in sums.iter_mut().zip(parts) {
                *sum += sign * part;
            }
        };
        add(&mut self.back, &taken.given);
        add(&mut self.pieces, &taken.pieces);
    }

    /// What is earned after a change of what was given back: the difference of each part.
    pub(super) fn settle(&mut self) -> Result<Vec<i64>, MoneyError> {
        let gross = self.gross();
        let all = if gross == 0 {
            self.free_back
        } else {
            self.money_of(&self.back) >= gross
        };
        let mut differences = Vec::with_capacity(self.parts.len());
        for (part, earned) in self.parts.iter().zip(&mut self.earned) {
            // A flat sum is earned with the whole order.
            let own = |slot: &Slot| part.line.is_none_or(|line| line == slot.line);
            let counted = self.slots.iter().zip(&self.back);
            let counted = counted.filter(|(slot, _)| slot.counts && own(slot));
            let (back, whole) = counted.fold((0, 0), |(back, whole), (slot, given)| {
                (back + given, whole + slot.size)
            });
            let lost = match (all, whole) {
                (true, _) => part.money,
                (false, 0) => Money::zero(part.money.currency()),
                (false, _) => part.money.pro_rata(back, whole)?,
            };
            let now = part.money.checked_sub(lost)?.amount_minor();
            differences.push(now - *earned);
            *earned = now;
        }
        Ok(differences)
    }

    /// What one credit still earns in a currency.
    pub(super) fn earned_by(&self, credit: usize, currency: Currency) -> i64 {
        let own = self.parts.iter().zip(&self.earned);
        let own = own.filter(|(p, _)| p.credit == credit && p.money.currency() == currency);
        own.map(|(_, earned)| earned).sum()
    }
}

/// Takes a refund's or chargeback's amount off the lines. Gives the amount, and how it went.
pub(super) fn take<'a>(purchase: &mut Purchase<'a>, fact: &'a Fact) -> (Option<i64>, Reason) {
    let asked = fact.money.map(Money::amount_minor);
    let (taken, above) = Fall::onto(purchase, asked, &fact.order);
    purchase.book(&taken, 1);
    purchase.free_back |= taken.freed;
    let sum = purchase.money_of(&taken.given);
    let slots = purchase.slots.iter().zip(&taken.given);
    let outside = slots
        .filter(|(_, given)| **given > 0)
        .all(|(slot, _)| !slot.counts);
    if fact.kind == EventKind::Chargeback {
        purchase.taken.push((&fact.key, taken));
    }
    let reason = if above {
        Reason::RefundAboveSale
    } else if outside && sum > 0 {
        Reason::OutsideBase
    } else {
        Reason::Refunded
    };
    (Some(sum), reason)
}

/// Gives back what the dispute's chargeback took.
pub(super) fn restore<'a>(purchase: &mut Purchase<'a>, fact: &'a Fact) -> (Option<i64>, Reason) {
    let mut all = purchase.taken.iter();
    let Some(place) = all.position(|(key, _)| *key == fact.key) else {
        return (Some(0), Reason::NothingToRestore);
    };
    let (_, taken) = purchase.taken.remove(place);
    purchase.book(&taken, -1);
    purchase.free_back &= !taken.freed;
    (Some(purchase.money_of(&taken.given)), Reason::Restored)
}

/// What each credit gains or loses, one amount per currency, none of them zero.
pub(super) fn moved(
    purchase: &Purchase<'_>,
    differences: &[i64],
) -> Result<Vec<Vec<Money>>, MoneyError> {
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
