//! A purchase and what was given back of it. What it has earned by then is a function of how much
//! of each of its lines was given back, so parts add up, a full refund returns exactly what was
//! earned, and a won dispute restores exactly what its chargeback took.

use super::super::decision::{self, Reason};
use super::super::event::{EventKind, Fact, Line};
use super::super::money::{Currency, Money, MoneyError, apportion};
use super::super::time::UnixMs;
use super::earned::{PaidLine, Part};

/// A purchase and what became of it.
pub(super) struct Purchase<'a> {
    /// Place of its decision.
    pub(super) place: usize,
    pub(super) at: UnixMs,
    pub(super) money: Option<Money>,
    lines: Vec<PaidLine>,
    /// Given back of each line so far, in minor units.
    pub(super) back: Vec<i64>,
    /// Pieces of each line that reversals named.
    pieces: Vec<i64>,
    /// A purchase of nothing was given back.
    pub(super) free_back: bool,
    parts: Vec<Part>,
    /// Minor units of each part that are earned now.
    earned: Vec<i64>,
    /// What each chargeback took, and its key.
    taken: Vec<(&'a str, Taken)>,
    pub(super) payout: Option<Currency>,
}

/// What a reversal takes: minor units and pieces of each line, and whether it gives back a purchase
/// of nothing.
struct Taken {
    given: Vec<i64>,
    pieces: Vec<i64>,
    freed: bool,
}

impl Taken {
    fn add(&mut self, place: usize, amount: i64, pieces: i64) {
        if let (Some(given), Some(count)) = (self.given.get_mut(place), self.pieces.get_mut(place))
        {
            *given += amount;
            *count += pieces;
        }
    }
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

    /// How `asked` (or all that is left) and the lines that are named fall onto the lines that are
    /// left, never more than was asked for. Gives also whether more was asked for than is left.
    fn fall(&self, asked: Option<i64>, named: &[Line]) -> (Taken, bool) {
        let mut left = self.left();
        let mut taken = Taken {
            given: vec![0; left.len()],
            pieces: vec![0; left.len()],
            freed: self.gross() == 0 && !self.free_back,
        };
        let mut above = false;
        // Of the amount that was asked for, what no line took; else what belongs to no line.
        let mut rest = asked;
        for want in named {
            let is_named = |line: &PaidLine| line.sku.is_some() && line.sku == want.sku;
            if asked.is_none() && !self.lines.iter().any(is_named) {
                // A line that the purchase does not have is an amount like any other.
                rest = Some(rest.unwrap_or(0).saturating_add(want.amount.unwrap_or(0)));
                continue;
            }
            let mut want = want.clone();
            // Lines may have the same SKU: what one does not hold, the next gives.
            for (place, line) in self.lines.iter().enumerate() {
                let Some(room) = left.get_mut(place).filter(|_| is_named(line)) else {
                    continue;
                };
                let (pieces, by_pieces) = self.pieces_of(place, &taken, want.quantity);
                let wanted = want.amount.or(by_pieces).unwrap_or(*room).min(*room);
                let part = match asked.and(rest) {
                    Some(rest) => wanted.min(rest),
                    None => wanted,
                };
                taken.add(place, part, pieces);
                *room -= part;
                want.amount = want.amount.map(|amount| amount - part);
                want.quantity = want.quantity.map(|quantity| quantity - pieces);
                rest = asked.and(rest).map(|rest| rest - part).or(rest);
            }
            above |= asked.is_none() && want.amount.is_some_and(|amount| amount > 0);
        }
        if named.is_empty() || rest.is_some() {
            let all: i64 = left.iter().sum();
            let rest = rest.unwrap_or(all);
            above |= rest > all;
            let weights: Vec<u64> = left.iter().map(|room| room.unsigned_abs()).collect();
            let shares = apportion(rest.min(all).unsigned_abs(), &weights).unwrap_or_default();
            for (place, share) in shares.into_iter().enumerate() {
                taken.add(place, i64::try_from(share).unwrap_or(0), 0);
            }
        }
        (taken, above)
    }

    /// How many of `quantity` pieces a line still has, and their amount: those before them taken
    /// off, so that all pieces together are the whole line. A line without pieces is one.
    fn pieces_of(&self, place: usize, taken: &Taken, quantity: Option<i64>) -> (i64, Option<i64>) {
        let at = |pieces: &[i64]| pieces.get(place).copied().unwrap_or(0);
        let line = self.lines.get(place);
        let Some((quantity, line)) = quantity.zip(line) else {
            return (0, None);
        };
        let Some(of) = line.quantity.map(|of| of.max(1)) else {
            return (quantity, Some(0).filter(|_| quantity == 0));
        };
        let before = at(&self.pieces) + at(&taken.pieces);
        let own = quantity.min((of - before).max(0));
        let whole = |pieces: i64| i128::from(line.gross) * i128::from(pieces) / i128::from(of);
        let amount = whole(before + own) - whole(before);
        (own, i64::try_from(amount).ok())
    }

    /// What is earned after a change of what was given back: the difference of each part.
    pub(super) fn settle(&mut self) -> Result<Vec<i64>, MoneyError> {
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
    pub(super) fn earned_by(&self, credit: usize, currency: Currency) -> i64 {
        let own = self.parts.iter().zip(&self.earned);
        let own = own.filter(|(p, _)| p.credit == credit && p.money.currency() == currency);
        own.map(|(_, earned)| earned).sum()
    }
}

/// Takes a refund's or chargeback's amount off the lines. Gives the amount, and how it went.
pub(super) fn take<'a>(purchase: &mut Purchase<'a>, fact: &'a Fact) -> (Option<i64>, Reason) {
    let asked = fact.money.map(Money::amount_minor);
    let (taken, above) = purchase.fall(asked, &fact.order.lines);
    purchase.book(&taken, 1);
    purchase.free_back |= taken.freed;
    let sum = taken.given.iter().sum();
    if fact.kind == EventKind::Chargeback {
        purchase.taken.push((&fact.key, taken));
    }
    let reason = if above {
        Reason::RefundAboveSale
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
    (Some(taken.given.iter().sum()), Reason::Restored)
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
