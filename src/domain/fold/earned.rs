//! What an event earns, part by part: for each line of the order and each partner who is credited,
//! so that a refund of a line takes back exactly what that line earned.
//!
//! A line's base is shared among those credited, by largest remainder. Partners under the same
//! rates are paid together: the commission of their common base is rounded once and shared among
//! them the same way. So parts always add up to what a single partner would have earned.
//!
//! A line below zero takes its commission back, from what the other lines earned. What is left are
//! lines and parts above zero, which reversals share out.

use super::super::event::{Fact, Line, Order};
use super::super::money::{BPS_WHOLE, Money, MoneyError, apportion};
use super::super::plan::{Base, Commission, Rates, Rules};
use super::super::time::UnixMs;
use super::assign::Share;

/// A line of what was paid, in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PaidLine {
    pub(super) sku: Option<String>,
    pub(super) quantity: Option<i64>,
    /// What the customer paid for it; never below zero, see [`net`].
    pub(super) gross: i64,
    /// What of the gross amount is tax.
    pub(super) tax: i64,
    /// What of the gross amount is shipping.
    pub(super) shipping: i64,
    /// Taken off before the gross amount.
    pub(super) discount: i64,
    /// What commission is paid on; of a line below zero, taken back on.
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
    let paid = |line: &Line, gross: i64, shipping: i64| {
        let tax = if base.tax { 0 } else { line.tax };
        let off = if base.shipping { 0 } else { shipping };
        let left = gross.saturating_sub(tax).saturating_sub(off);
        // What is off the base does not turn a line's sign.
        let left = if gross < 0 { left.min(0) } else { left.max(0) };
        let discount = if base.discount { line.discount } else { 0 };
        PaidLine {
            sku: line.sku.clone(),
            category: line.category.clone(),
            quantity: line.quantity,
            gross,
            tax: line.tax,
            shipping,
            discount: line.discount,
            base: left.saturating_add(discount),
        }
    };
    let amounts = order.lines.iter().map(|line| line.amount.unwrap_or(0));
    // Reading refused lines above the amount; a stored one is cut rather than paid twice.
    let credits: i64 = amounts.clone().filter(|amount| *amount < 0).sum();
    let mut room = amount.saturating_sub(credits);
    let mut lines: Vec<PaidLine> = Vec::new();
    for (line, own) in order.lines.iter().zip(amounts) {
        let gross = own.min(room);
        room = room.saturating_sub(gross.max(0));
        lines.push(paid(line, gross, 0));
    }
    if room > 0 || lines.is_empty() || order.discount > 0 {
        let rest = Line {
            tax: order.tax,
            discount: order.discount,
            ..Line::default()
        };
        lines.push(paid(&rest, room, order.shipping));
    }
    net(&mut lines);
    lines
}

/// Spreads what is below zero over the lines above it, by their amounts: what a customer did not
/// pay for a line cannot be given back with it.
fn net(lines: &mut [PaidLine]) {
    let credits = lines.iter().map(|line| line.gross.min(0)).sum::<i64>();
    let weights: Vec<u64> = lines
        .iter()
        .map(|line| line.gross.max(0).unsigned_abs())
        .collect();
    let shares = apportion(credits.unsigned_abs(), &weights).unwrap_or_default();
    for (place, line) in lines.iter_mut().enumerate() {
        let share = shares
            .get(place)
            .and_then(|share| i64::try_from(*share).ok());
        let gross = line.gross.max(0) - share.unwrap_or(0);
        // Tax and shipping go along in proportion.
        let along = |part: i64| match line.gross {
            1.. => i64::try_from(i128::from(part) * i128::from(gross) / i128::from(line.gross)),
            _ => Ok(0),
        };
        (line.tax, line.shipping) = (
            along(line.tax).unwrap_or(0),
            along(line.shipping).unwrap_or(0),
        );
        line.gross = gross;
    }
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
    /// Since when the months of each of the shares are counted.
    pub(super) since: &'a [Option<UnixMs>],
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
    for credit in 0..shares.len() {
        net_parts(&mut parts, credit)?;
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

/// Takes what lines below zero take back off what the other lines earned, in proportion: together
/// the lines earn nothing at the least.
fn net_parts(parts: &mut Vec<Part>, credit: usize) -> Result<(), MoneyError> {
    let own = |part: &&Part| part.credit == credit;
    let minor = |part: &Part| part.money.amount_minor();
    let back = parts.iter().filter(own).map(|part| minor(part).min(0));
    let back = back.sum::<i64>().unsigned_abs();
    if back == 0 {
        return Ok(());
    }
    parts.retain(|part| part.credit != credit || minor(part) > 0);
    let weights: Vec<u64> = parts
        .iter()
        .map(|part| {
            if own(&part) {
                minor(part).unsigned_abs()
            } else {
                0
            }
        })
        .collect();
    let back = back.min(weights.iter().sum());
    let shares = apportion(back, &weights).unwrap_or_default();
    for (part, share) in parts.iter_mut().zip(shares) {
        let share = i64::try_from(share).map_err(|_| MoneyError::OutOfRange)?;
        part.money = Money::new(part.money.amount_minor() - share, part.money.currency())?;
    }
    parts.retain(|part| !part.money.is_zero());
    Ok(())
}

/// Those who earn, by their commission.
fn groups<'a>(earning: &Earning<'a>) -> Vec<Group<'a>> {
    let fact = earning.fact;
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (place, share) in earning.shares.iter().enumerate() {
        let commission = earning
            .rules
            .commission(share.partner, fact.kind, &fact.name);
        let since = earning.since.get(place).copied().flatten();
        let commission = commission.filter(|c| !c.has_ended(since, fact.occurred_at));
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
