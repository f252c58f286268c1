//! The fold: all facts of one customer, in their own order, become decisions and ledger entries.
//!
//! It looks at the whole history every time, so it does not matter in which order facts arrived or
//! how often; what was booked before is given in and only differences are booked, as new entries.
//! It reads no clock: the instants are those of the facts.

use super::attribution::{self, Source, StatusChange, Terms, Verdict};
use super::click::{ClickIdRecord, TouchRecord, Visit};
use super::consent::Consent;
use super::decision::{Decision, PlanUsed, Reason};
use super::event::{EventKind, Fact, TokenFound};
use super::ids::{self, PartnerId, ProgramId};
use super::money::{Currency, Money, MoneyError};
use super::plan::{self, Plan};
use super::time::UnixMs;
use std::collections::{BTreeMap, BTreeSet};

/// All that is known of one customer of a program.
pub struct History<'a> {
    pub program: ProgramId,
    /// Leads and sales of the customer, and the refunds of those sales.
    pub facts: Vec<Fact>,
    /// Stored visits of the clicks whose tokens came with the facts.
    pub visits: &'a [Visit],
    pub plans: &'a [Plan],
    pub statuses: &'a [StatusChange],
}

/// The decisions about a history, and the facts that cannot be decided because an amount leaves the
/// range of money. Those are set aside alone; the others go on.
#[derive(Debug, Default)]
pub struct Decided {
    pub decisions: Vec<Decision>,
    /// Ids of events.
    pub unfit: BTreeSet<String>,
}

/// Decides every event of a history: leads and sales in their order, then refunds in theirs.
pub fn decide(mut history: History<'_>) -> Decided {
    history.facts.sort_by(|a, b| a.order().cmp(&b.order()));
    let tokens = history
        .facts
        .iter()
        .filter_map(|fact| fact.touch().cloned());
    let tokens = tokens.map(|touch| (touch, Source::Token));
    let carried = history.visits.iter().flat_map(|visit| {
        let earlier = visit
            .earlier
            .iter()
            .cloned()
            .map(|touch| (touch, Source::Journal));
        earlier.chain([(visit.touch.clone(), Source::Token)])
    });
    let touches = attribution::distinct(tokens.chain(carried), history.program);
    let (refunds, conversions): (Vec<&Fact>, Vec<&Fact>) = history
        .facts
        .iter()
        .partition(|fact| fact.kind == EventKind::Refund);
    let mut decided = Decided::default();
    // Refunds come after all sales, so that one dated before its sale finds it too; each builds on
    // the refunds before it.
    for fact in conversions.into_iter().chain(refunds) {
        let decision = match fact.kind {
            EventKind::Refund => refund(fact, &decided.decisions),
            EventKind::Lead | EventKind::Sale => conversion(fact, &touches, &history),
        };
        match decision {
            Ok(decision) => decided.decisions.push(decision),
            Err(_) => {
                decided.unfit.insert(fact.id.clone());
            }
        }
    }
    decided
}

fn conversion(
    fact: &Fact,
    touches: &[(TouchRecord, Source)],
    history: &History<'_>,
) -> Result<Decision, MoneyError> {
    let plan = plan::in_force(history.plans, fact.occurred_at);
    let terms = Terms {
        event_at: fact.occurred_at,
        window_ms: plan.map_or(0, |plan| plan.rules.window_ms()),
        statuses: history.statuses,
    };
    let considered = attribution::last_touch(touches, &terms);
    let winner = considered
        .iter()
        .find(|touch| touch.verdict == Verdict::Won);
    let commission = plan.and_then(|plan| match fact.kind {
        EventKind::Lead => plan.rules.lead,
        EventKind::Sale | EventKind::Refund => plan.rules.sale,
    });
    let earned = match (winner, commission) {
        (Some(_), Some(commission)) => commission.earned(fact.money)?,
        _ => Vec::new(),
    };
    let reason = match (winner, plan) {
        (_, None) => Reason::NoPlan,
        (Some(_), _) if earned.is_empty() => Reason::PlanPaysNothing,
        (Some(_), _) => Reason::LastTouch,
        (None, _) if considered.is_empty() => Reason::NoTouch,
        (None, _) => Reason::NoEligibleTouch,
    };
    let consent = consent(fact, touches);
    Ok(Decision {
        event: fact.id.clone(),
        program: fact.program,
        kind: fact.kind,
        key: fact.key.clone(),
        occurred_at: fact.occurred_at,
        amount: fact.money,
        sale: None,
        model: "last_touch".into(),
        plan: plan.map(|plan| PlanUsed {
            version: plan.version,
            window_days: plan.rules.window_days,
        }),
        reason,
        partner: winner.map(|touch| touch.partner),
        link: winner.map(|touch| touch.link),
        commission: earned,
        touches: considered,
        token_unreadable: fact.token == TokenFound::Unreadable,
        consent,
        click_ids: match consent {
            Some(consent) if consent.allows_forwarding() => click_ids(history.visits, fact),
            _ => Vec::new(),
        },
    })
}

/// The stricter of the newest touch's state and the one sent with the event.
fn consent(fact: &Fact, touches: &[(TouchRecord, Source)]) -> Option<Consent> {
    let newest = touches
        .iter()
        .rev()
        .find(|(touch, _)| touch.at <= fact.occurred_at);
    let own = fact.touch().map(|touch| touch.consent);
    newest
        .map(|(touch, _)| touch.consent)
        .into_iter()
        .chain(own)
        .chain(fact.consent)
        .min()
}

/// The newest value of each click ID that the customer's visits carried before the event.
fn click_ids(visits: &[Visit], fact: &Fact) -> Vec<ClickIdRecord> {
    let known = visits
        .iter()
        .filter(|visit| visit.touch.consent.allows_forwarding());
    let mut newest: BTreeMap<u8, &ClickIdRecord> = BTreeMap::new();
    for id in known
        .flat_map(|visit| &visit.click_ids)
        .filter(|id| id.at <= fact.occurred_at)
    {
        let kept = newest.entry(id.kind.code()).or_insert(id);
        if (id.at, &id.value) > (kept.at, &kept.value) {
            *kept = id;
        }
    }
    newest.into_values().cloned().collect()
}

/// Takes commission back in proportion to what was refunded of the sale so far, so that parts
/// always add up and a full refund returns exactly what was earned.
fn refund(fact: &Fact, before: &[Decision]) -> Result<Decision, MoneyError> {
    let sale = before.iter().find(|decision| {
        decision.kind == EventKind::Sale && Some(&decision.key) == fact.sale_key.as_ref()
    });
    let sold = sale.and_then(|sale| sale.amount);
    let earlier = before.iter().filter(|decision| {
        decision.kind == EventKind::Refund
            && sale.is_some_and(|sale| decision.sale.as_ref() == Some(&sale.event))
            && decision.reason != Reason::RefundCurrencyDiffers
    });
    let earlier: Vec<_> = earlier.collect();
    let again = !earlier.is_empty();
    let refunded = earlier
        .into_iter()
        .filter_map(|d| d.amount)
        .map(|m| m.amount_minor())
        .sum::<i64>();
    let whole = sold.map_or(0, Money::amount_minor);
    let left = whole.saturating_sub(refunded).max(0);
    let differs = fact
        .money
        .zip(sold)
        .is_some_and(|(a, b)| a.currency() != b.currency());
    let asked = fact.money.map_or(left, Money::amount_minor);
    let part = if differs { 0 } else { asked.min(left) };
    // The first refund of a free sale takes back all that it earned.
    let (from, until, of) = match whole {
        0 => (i64::from(again), i64::from(again || !differs), 1),
        _ => (refunded, refunded.saturating_add(part), whole),
    };
    let mut taken = Vec::new();
    for earned in sale
        .map(|sale| sale.commission.as_slice())
        .unwrap_or_default()
    {
        let money = earned
            .pro_rata(until, of)?
            .checked_sub(earned.pro_rata(from, of)?)?;
        taken.extend(Some(money.negated()).filter(|money| !money.is_zero()));
    }
    let reason = match sale {
        _ if differs => Reason::RefundCurrencyDiffers,
        _ if asked > left => Reason::RefundAboveSale,
        Some(sale) if !sale.commission.is_empty() => Reason::Refunded,
        _ => Reason::NothingToTakeBack,
    };
    let amount = match (differs, sold) {
        (false, Some(sold)) => Some(Money::new(part, sold.currency())?),
        _ => fact.money,
    };
    Ok(Decision {
        event: fact.id.clone(),
        program: fact.program,
        kind: fact.kind,
        key: fact.key.clone(),
        occurred_at: fact.occurred_at,
        amount,
        sale: sale.map(|sale| sale.event.clone()),
        model: "last_touch".into(),
        plan: sale.and_then(|sale| sale.plan.clone()),
        reason,
        partner: sale.and_then(|sale| sale.partner),
        link: sale.and_then(|sale| sale.link),
        commission: taken,
        touches: Vec::new(),
        token_unreadable: false,
        consent: sale.and_then(|sale| sale.consent),
        click_ids: Vec::new(),
    })
}

/// A position: what one cause moves for one partner in one currency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub cause: String,
    pub partner: PartnerId,
    pub currency: Currency,
}

/// A line of the ledger. Never changed; later knowledge adds lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub program: ProgramId,
    pub partner: PartnerId,
    /// The event that moves the money.
    pub cause: String,
    /// `commission`, `reversal` (a refund) or `adjustment` (knowledge that came later).
    pub kind: String,
    pub money: Money,
    pub reason: Reason,
    pub booked_at: UnixMs,
}

/// The entries that bring what was booked (sum and number of entries per position) to what the
/// decisions say.
pub fn entries(
    decisions: &[Decision],
    booked: &BTreeMap<Position, (i64, u32)>,
    now: UnixMs,
) -> Result<Vec<Entry>, MoneyError> {
    let mut wanted: BTreeMap<Position, i64> = BTreeMap::new();
    for decision in decisions {
        let Some(partner) = decision.partner else {
            continue;
        };
        for money in &decision.commission {
            let position = Position {
                cause: decision.event.clone(),
                partner,
                currency: money.currency(),
            };
            let sum = wanted.entry(position).or_default();
            *sum = sum.saturating_add(money.amount_minor());
        }
    }
    let mut entries = Vec::new();
    for decision in decisions {
        let mine = booked
            .keys()
            .chain(wanted.keys())
            .filter(|p| p.cause == decision.event);
        let mut positions = BTreeSet::new();
        positions.extend(mine);
        for position in positions {
            let (sum, count) = booked.get(position).copied().unwrap_or_default();
            let difference = wanted
                .get(position)
                .copied()
                .unwrap_or(0)
                .saturating_sub(sum);
            if difference == 0 {
                continue;
            }
            let kind = match (count, decision.kind) {
                (0, EventKind::Refund) => "reversal",
                (0, _) => "commission",
                _ => "adjustment",
            };
            let code = position.currency.code();
            let partner = position.partner.to_string();
            let parts = [&position.cause, partner.as_str(), code, &count.to_string()];
            entries.push(Entry {
                id: ids::derived("le_", &parts),
                program: decision.program,
                partner: position.partner,
                cause: position.cause.clone(),
                kind: kind.into(),
                money: Money::new(difference, position.currency)?,
                reason: decision.reason,
                booked_at: now,
            });
        }
    }
    Ok(entries)
}
