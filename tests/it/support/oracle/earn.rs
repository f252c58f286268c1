//! What a conversion earns: line by line, partner by partner, then the flat sums, within the cap.

use super::model::{narrow, share_out};
use super::pay::months_later;
use super::rules::{Pay, money};
use super::touches::consider;
use super::whose::Share;
use super::{Case, Credit, DAY, Done, Fact, MOST, Outcome, Plan};
use std::collections::BTreeMap;

/// What was paid for a line, and what of it commission is paid on.
#[derive(Clone, Debug)]
pub struct PaidLine {
    pub sku: Option<String>,
    pub category: Option<String>,
    pub quantity: Option<i64>,
    /// Without what lines below zero take off it.
    pub gross: i64,
    pub base: i64,
    /// Of the gross amount; and the discount beside it.
    pub tax: i64,
    pub shipping: i64,
    pub discount: i64,
}

/// What one credit earned with one line, or with the event as a whole.
#[derive(Clone, Debug)]
pub struct Part {
    pub credit: usize,
    pub line: Option<usize>,
    pub amount: i64,
    pub currency: String,
}

/// The lines, and as the last one what no line explains.
pub fn lines(fact: &Fact, plan: Option<&Plan>) -> Vec<PaidLine> {
    let counts = |name: &str, standard| plan.map_or(standard, |p| p.flag("base", name, standard));
    let (tax, shipping) = (counts("tax", true), counts("shipping", true));
    let discount = counts("discount", false);
    let base = |gross: i64, own_tax: i64, own_shipping: i64, own_discount: i64| {
        let off = i64::from(!tax) * own_tax + i64::from(!shipping) * own_shipping;
        let sign = if gross < 0 { -1 } else { 1 };
        sign * (sign * (gross - off)).max(0) + i64::from(discount) * own_discount
    };
    let mut rest = fact.money.as_ref().map_or(0, |money| money.0);
    let mut all = Vec::new();
    for line in &fact.lines {
        let gross = line.amount.unwrap_or(0);
        rest -= gross;
        all.push(PaidLine {
            sku: line.sku.clone(),
            category: line.category.clone(),
            quantity: line.quantity,
            gross,
            base: base(gross, line.tax, 0, line.discount),
            tax: line.tax,
            shipping: 0,
            discount: line.discount,
        });
    }
    if rest > 0 || all.is_empty() || fact.discount > 0 {
        all.push(PaidLine {
            sku: None,
            category: None,
            quantity: None,
            gross: rest,
            base: base(rest, fact.tax, fact.shipping, fact.discount),
            tax: fact.tax,
            shipping: fact.shipping,
            discount: fact.discount,
        });
    }
    without_credits(&mut all);
    all
}

/// Credits are taken off the other lines by their amounts, and of these tax and shipping shrink
/// with the whole.
fn without_credits(all: &mut [PaidLine]) {
    let credits: i128 = all.iter().map(|line| i128::from(-line.gross.min(0))).sum();
    let weights: Vec<i128> = all.iter().map(|l| i128::from(l.gross.max(0))).collect();
    let mut off = narrow(share_out(credits, &weights));
    off.resize(all.len(), 0);
    for (line, off) in all.iter_mut().zip(off) {
        let whole = line.gross.max(0);
        let left = whole - off;
        for part in [&mut line.tax, &mut line.shipping] {
            *part = match whole {
                0 => 0,
                _ => (i128::from(*part) * i128::from(left) / i128::from(whole)) as i64,
            };
        }
        line.gross = left;
    }
}

impl<'a> Case<'a> {
    /// Decides a conversion; one that leaves the range of amounts is as if it were not there.
    pub fn conversion(&mut self, fact: &'a Fact) {
        // A renewal is paid by the plan of its subscription's start.
        let start = self.start_of(fact).map(|start| start.fact.at);
        let plan = self.world.plan(start.unwrap_or(fact.at));
        let mut outcome = Outcome {
            rule: "nobody",
            status: "clear",
            hold_until: fact.at,
            ..Outcome::default()
        };
        let mut parts = Vec::new();
        if let Some(plan) = plan.filter(|_| fact.kind != "cancellation") {
            let Some(earned) = self.decided(fact, plan, start, &mut outcome) else {
                return;
            };
            parts = earned;
        }
        self.done.push(Done {
            fact,
            plan,
            outcome,
            parts,
        });
    }

    fn decided(
        &self,
        fact: &Fact,
        plan: &Plan,
        start: Option<i64>,
        outcome: &mut Outcome,
    ) -> Option<Vec<Part>> {
        let mut seen = consider(self.world, plan, fact, &self.touches);
        let (rule, shares) = self.whose(fact, plan, &mut seen);
        outcome.rule = rule;
        outcome.hold_until = fact.at + plan.number("hold_days", 0) * DAY;
        outcome.flags = self.flags(fact, plan, rule, &shares, &seen);
        outcome.status = self.status(fact, &outcome.flags);
        outcome.verdicts = seen.iter().map(|seen| seen.verdict).collect();
        let mut parts = Vec::new();
        if rule != "house" && !is_small(fact, plan) {
            parts = self.parts(fact, plan, &shares, start)?;
            outcome.capped = self.cap(&mut parts, &shares, plan);
        }
        if outcome.status == "rejected" {
            parts.clear();
        }
        outcome.credits = credits(fact, &shares, &parts);
        let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
        for part in &parts {
            *sums.entry(&part.currency).or_default() += part.amount;
        }
        if sums.values().any(|sum| *sum > MOST) {
            return None;
        }
        let to = plan.rules["payout_currency"]
            .as_str()
            .map(str::to_uppercase);
        for credit in &mut outcome.credits {
            for (currency, amount) in &credit.earned {
                let paid = self.world.paid(*amount, currency, to.as_deref(), fact.at);
                credit.paid.insert(currency.clone(), paid);
            }
        }
        let all = || {
            outcome
                .credits
                .iter()
                .flat_map(|credit| credit.paid.values())
        };
        if all().any(|(paid_in, _)| paid_in.is_none()) {
            outcome.flags.push("rate_missing");
            if outcome.status == "clear" {
                outcome.status = "review";
            }
        }
        Some(parts)
    }

    fn parts(
        &self,
        fact: &Fact,
        plan: &Plan,
        shares: &[Share],
        start: Option<i64>,
    ) -> Option<Vec<Part>> {
        let new = fact.new_customer.unwrap_or(self.last_purchase().is_none());
        let groups = self.groups(fact, plan, shares, start);
        let weights: Vec<i128> = shares.iter().map(|share| i128::from(share.bps)).collect();
        let mut parts = Vec::new();
        if let Some((_, currency)) = &fact.money {
            for (place, line) in lines(fact, Some(plan)).iter().enumerate() {
                if line.base.abs() > MOST {
                    return None;
                }
                let (size, sign) = (line.base.abs(), i128::from(line.base.signum()));
                let bases = share_out(i128::from(size), &weights);
                for (pay, members) in &groups {
                    let base: i128 = members.iter().map(|m| sign * bases[*m]).sum();
                    let rate = pay.rates(new).0;
                    let bps = pay.line(rate, line.sku.as_deref(), line.category.as_deref());
                    let sum = base * i128::from(bps) / 10_000;
                    hand_out(sum, currency, members, &weights, Some(place), &mut parts);
                }
            }
            for credit in 0..shares.len() {
                net(&mut parts, credit);
            }
        }
        for (pay, members) in &groups {
            if let (_, Some((flat, currency))) = pay.rates(new) {
                let weight: i128 = members.iter().map(|member| weights[*member]).sum();
                let sum = i128::from(flat) * weight / 10_000;
                hand_out(sum, &currency, members, &weights, None, &mut parts);
            }
        }
        Some(parts)
    }

    /// Cuts what is beyond a partner's cap for this customer, the last parts first. Counts what was
    /// earned before, whatever was given back of it since.
    fn cap(&self, parts: &mut Vec<Part>, shares: &[Share], plan: &Plan) -> bool {
        let Some((cap, currency)) = money(&plan.rules["caps"]["customer"]) else {
            return false;
        };
        let mut room: BTreeMap<String, i64> = BTreeMap::new();
        let mut cut = false;
        for part in parts.iter_mut().filter(|part| part.currency == currency) {
            let partner = &shares[part.credit].partner;
            let left = || {
                let credits = self.done.iter().flat_map(|done| &done.outcome.credits);
                let own = credits.filter(|credit| credit.partner == *partner);
                let earned: i64 = own.filter_map(|credit| credit.earned.get(&currency)).sum();
                (cap - earned).max(0)
            };
            let room = room.entry(partner.clone()).or_insert_with(left);
            let kept = part.amount.min(*room);
            cut |= kept < part.amount;
            *room -= kept;
            part.amount = kept;
        }
        parts.retain(|part| part.amount != 0);
        cut
    }
}

impl Case<'_> {
    /// Those who earn, together with those under the same terms.
    fn groups(
        &self,
        fact: &Fact,
        plan: &Plan,
        shares: &[Share],
        start: Option<i64>,
    ) -> Vec<(Pay, Vec<usize>)> {
        let mut groups: Vec<(Pay, Vec<usize>)> = Vec::new();
        for (place, share) in shares.iter().enumerate() {
            let pay = plan.pay(&share.partner, &fact.kind, &fact.name);
            // Months count from the subscription's start; of what is no renewal from the first
            // purchase that named this partner, of the same subscription where there is one.
            let since = match fact.kind.as_str() {
                "renewal" => start,
                _ => self.first_for(fact, &share.partner),
            };
            let over = |pay: &Pay| {
                let end = pay.months.zip(since);
                end.is_some_and(|(months, since)| fact.at >= months_later(since, months))
            };
            let Some(pay) = pay.filter(|pay| !over(pay)) else {
                continue;
            };
            match groups.iter_mut().find(|(own, _)| *own == pay) {
                Some((_, members)) => members.push(place),
                None => groups.push((pay, vec![place])),
            }
        }
        groups
    }

    fn first_for(&self, fact: &Fact, partner: &str) -> Option<i64> {
        let first = self.done.iter().find(|done| {
            let credits = &done.outcome.credits;
            done.fact.is_purchase()
                && done.outcome.rule != "house"
                && done.outcome.status != "rejected"
                && credits.iter().any(|credit| credit.partner == partner)
                && (fact.subscription.is_none() || fact.subscription == done.fact.subscription)
        });
        first.map(|done| done.fact.at)
    }
}

/// What a partner's lines take back comes off what their other lines earned, down to nothing.
fn net(parts: &mut Vec<Part>, credit: usize) {
    let own = |part: &Part| part.credit == credit;
    let back: i64 = parts
        .iter()
        .filter(|p| own(p))
        .map(|p| -p.amount.min(0))
        .sum();
    let gained: Vec<i128> = parts
        .iter()
        .map(|p| {
            if own(p) {
                i128::from(p.amount.max(0))
            } else {
                0
            }
        })
        .collect();
    let all: i128 = gained.iter().sum();
    let mut off = narrow(share_out(i128::from(back).min(all), &gained));
    off.resize(parts.len(), 0);
    for (part, off) in parts.iter_mut().zip(off).filter(|(part, _)| own(part)) {
        part.amount = part.amount.max(0) - off;
    }
    parts.retain(|part| part.amount != 0);
}

fn hand_out(
    sum: i128,
    currency: &str,
    members: &[usize],
    weights: &[i128],
    line: Option<usize>,
    parts: &mut Vec<Part>,
) {
    let own: Vec<i128> = members.iter().map(|member| weights[*member]).collect();
    let sign = if sum < 0 { -1 } else { 1 };
    for (member, amount) in members.iter().zip(narrow(share_out(sum.abs(), &own))) {
        if amount != 0 {
            parts.push(Part {
                credit: *member,
                line,
                amount: amount * sign as i64,
                currency: currency.to_owned(),
            });
        }
    }
}

fn is_small(fact: &Fact, plan: &Plan) -> bool {
    let minimum = money(&plan.rules["minimum"]).filter(|_| fact.is_purchase());
    let both = minimum.zip(fact.money.as_ref());
    both.is_some_and(|(least, paid)| least.1 == paid.1 && paid.0 < least.0)
}

fn credits(fact: &Fact, shares: &[Share], parts: &[Part]) -> Vec<Credit> {
    let weights: Vec<i128> = shares.iter().map(|share| i128::from(share.bps)).collect();
    let whole = fact.money.as_ref().map(|money| money.0);
    let amounts = whole.map(|whole| narrow(share_out(i128::from(whole), &weights)));
    let each = shares.iter().enumerate().map(|(place, share)| {
        let mut earned: BTreeMap<String, i64> = BTreeMap::new();
        for part in parts.iter().filter(|part| part.credit == place) {
            *earned.entry(part.currency.clone()).or_default() += part.amount;
        }
        Credit {
            partner: share.partner.clone(),
            link: share.link.clone(),
            code: share.code.clone(),
            share: share.bps,
            amount: amounts.as_ref().map(|amounts| amounts[place]),
            earned,
            paid: BTreeMap::new(),
        }
    });
    each.collect()
}
