//! What an event earns, part by part: for each line of the order and each partner who is credited,
//! so that a refund of a line takes back exactly what that line earned.
//!
//! A line's base is shared among those credited, by largest remainder. Partners under the same
//! rates are paid together: the commission of their common base is rounded once and shared among
//! them the same way. So parts always add up to what a single partner would have earned.

use super::super::event::{Fact, Order};
use super::super::money::{BPS_WHOLE, Money, MoneyError};
use super::super::plan::{Base, Commission, Rates, Rules};
use super::super::time::UnixMs;
use super::assign::Share;

/// A line of what was paid, in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PaidLine {
    pub(super) sku: Option<String>,
    pub(super) quantity: Option<i64>,
    /// What the customer paid for it.
    pub(super) gross: i64,
    /// What commission is paid on.
    base: i64,
    category: Option<String>,
}

/// What one partner earned with one line; without a line the flat sum of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Place among the credits.
    pub(super) credit: usize,
    /// Place among the lines.
    pub(super) line: Option<usize>,
    pub(super) money: Money,
}

/// The lines of a purchase and what no line explains as the last one. Always at least one; their
/// gross amounts add up to the amount.
pub(super) fn lines(amount: i64, order: &Order, base: Base) -> Vec<PaidLine> {
    let with = |gross: i64, tax: i64, shipping: i64, discount: i64| {
        let tax = if base.tax { 0 } else { tax };
        let shipping = if base.shipping { 0 } else { shipping };
        let discount = if base.discount { discount } else { 0 };
        let left = gross.saturating_sub(tax).saturating_sub(shipping);
        left.max(0).saturating_add(discount)
    };
    let mut lines: Vec<PaidLine> = Vec::new();
    let mut rest = amount;
    for line in &order.lines {
        // Reading refused lines above the amount; a stored one is cut rather than paid twice.
        let gross = line.amount.unwrap_or(0).min(rest);
        rest = rest.saturating_sub(gross);
        lines.push(PaidLine {
            sku: line.sku.clone(),
            category: line.category.clone(),
            quantity: line.quantity,
            gross,
            base: with(gross, line.tax, 0, line.discount),
        });
    }
    if rest > 0 || lines.is_empty() || order.discount > 0 {
        lines.push(PaidLine {
            sku: None,
            category: None,
            quantity: None,
            gross: rest,
            base: with(rest, order.tax, order.shipping, order.discount),
        });
    }
    lines
}

/// Who is paid together: the places of those credited under the same commission.
struct Group<'a> {
    commission: &'a Commission,
    places: Vec<usize>,
}

/// What is earned with one event.
pub(super) struct Earning<'a> {
    pub(super) fact: &'a Fact,
    pub(super) rules: &'a Rules,
    pub(super) shares: &'a [Share],
    pub(super) lines: &'a [PaidLine],
    pub(super) new_customer: bool,
    /// When a renewal's subscription began.
    pub(super) start: Option<UnixMs>,
}

/// What those credited earn, in the order of lines, the flat sums last. Parts of nothing are left
/// out.
pub(super) fn parts(earning: &Earning<'_>) -> Result<Vec<Part>, MoneyError> {
    let Earning {
        fact,
        shares,
        lines,
        new_customer,
        ..
    } = *earning;
    let weights: Vec<u64> = shares.iter().map(|s| u64::from(s.share_bps)).collect();
    let groups = groups(earning);
    let mut parts = Vec::new();
    for (line, paid) in lines.iter().enumerate() {
        let Some(money) = fact.money else { break };
        let base = Money::new(paid.base, money.currency())?;
        let bases = base.split(&weights)?;
        for group in &groups {
            let rates = group.commission.rates(new_customer);
            let (sku, category) = (paid.sku.as_deref(), paid.category.as_deref());
            let bps = group.commission.line_bps(rates, sku, category);
            let mut common = Money::zero(money.currency());
            for place in &group.places {
                let own = bases.get(*place).copied();
                common = common.checked_add(own.unwrap_or(Money::zero(money.currency())))?;
            }
            group.share_out(common.rate_of(bps)?, &weights, Some(line), &mut parts)?;
        }
    }
    for group in &groups {
        let Rates { flat, .. } = group.commission.rates(new_customer);
        let Some(flat) = flat else { continue };
        let weight = group.places.iter().filter_map(|place| weights.get(*place));
        let weight = i64::try_from(weight.sum::<u64>()).unwrap_or(0);
        let sum = flat.pro_rata(weight, i64::from(BPS_WHOLE))?;
        group.share_out(sum, &weights, None, &mut parts)?;
    }
    Ok(parts)
}

/// Those who earn, by their commission.
fn groups<'a>(earning: &Earning<'a>) -> Vec<Group<'a>> {
    let fact = earning.fact;
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (place, share) in earning.shares.iter().enumerate() {
        let commission = earning
            .rules
            .commission(share.partner, fact.kind, &fact.name);
        let commission = commission.filter(|c| !c.has_ended(earning.start, fact.occurred_at));
        let Some(commission) = commission else {
            continue;
        };
        match groups.iter_mut().find(|g| g.commission == commission) {
            Some(group) => group.places.push(place),
            None => groups.push(Group {
                commission,
                places: vec![place],
            }),
        }
    }
    groups
}

impl Group<'_> {
    fn share_out(
        &self,
        sum: Money,
        weights: &[u64],
        line: Option<usize>,
        parts: &mut Vec<Part>,
    ) -> Result<(), MoneyError> {
        let of = |place: &usize| weights.get(*place).copied().unwrap_or(0);
        let own: Vec<u64> = self.places.iter().map(of).collect();
        for (credit, money) in self.places.iter().zip(sum.split(&own)?) {
            if !money.is_zero() {
                parts.push(Part {
                    credit: *credit,
                    line,
                    money,
                });
            }
        }
        Ok(())
    }
}

/// Cuts a partner's parts so that no more than `left` minor units of the cap's currency remain;
/// what was added last goes first. Gives whether anything was cut.
pub(super) fn cut(parts: &mut Vec<Part>, credits: &[usize], cap: Money, left: i64) -> bool {
    let mut room = left.max(0);
    let mut cut = false;
    for part in parts.iter_mut() {
        if !credits.contains(&part.credit) || part.money.currency() != cap.currency() {
            continue;
        }
        let kept = part.money.amount_minor().min(room);
        room = room.saturating_sub(kept);
        cut |= kept < part.money.amount_minor();
        part.money = Money::new(kept, cap.currency()).unwrap_or(part.money);
    }
    parts.retain(|part| !part.money.is_zero());
    cut
}
