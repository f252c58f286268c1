//! Ledger entries: what was booked is brought to what the decisions say by new lines, never by
//! changing old ones.

use super::super::decision::{Decision, Reason};
use super::super::event::EventKind;
use super::super::ids::{self, PartnerId, ProgramId};
use super::super::money::{Currency, Money, MoneyError};
use super::super::time::UnixMs;
use std::collections::{BTreeMap, BTreeSet};

/// A position: what one cause moves for one partner in one currency, and the currency in which it
/// is paid; `None` while no exchange rate is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub cause: String,
    pub partner: PartnerId,
    pub currency: Currency,
    pub paid_in: Option<Currency>,
}

/// What a position's entries add up to, in minor units, and how many they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    pub amount: i64,
    pub payout: i64,
    pub count: u32,
}

/// A line of the ledger. Never changed; later knowledge adds lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub program: ProgramId,
    pub partner: PartnerId,
    /// The event, or the settlement, that moves the money.
    pub cause: String,
    /// `commission`, `reversal`, `adjustment` (knowledge that came later); of settlements `click`
    /// and `cap`; `payout`.
    pub kind: &'static str,
    pub money: Money,
    /// What it is in payouts; `None` while no exchange rate is known.
    pub payout: Option<Money>,
    /// The word of a [`Reason`], or of a settlement.
    pub reason: String,
    pub booked_at: UnixMs,
}

/// The entries that bring what was booked to what the decisions say.
pub fn entries(
    decisions: &[Decision],
    booked: &BTreeMap<Position, Booked>,
    now: UnixMs,
) -> Result<Vec<Entry>, MoneyError> {
    let mut entries = Vec::new();
    let mut by_cause: BTreeMap<&str, Vec<&Position>> = BTreeMap::new();
    for position in booked.keys() {
        by_cause.entry(&position.cause).or_default().push(position);
    }
    for decision in decisions {
        let wanted = wanted(decision);
        let mine = by_cause.get(decision.event.as_str());
        let mut positions: BTreeSet<&Position> = BTreeSet::new();
        positions.extend(mine.into_iter().flatten());
        positions.extend(wanted.keys());
        for position in positions {
            let known = booked.get(position).copied().unwrap_or_default();
            let want = wanted.get(position).copied().unwrap_or_default();
            let kind = kind(decision.kind, known.count);
            let entry = position.step(decision.program, known, want, kind, now)?;
            entries.extend(entry.map(|entry| Entry {
                reason: word(decision.reason),
                ..entry
            }));
        }
    }
    Ok(entries)
}

impl Position {
    /// The entry that brings the position from what is booked to what is wanted, if they differ.
    pub fn step(
        &self,
        program: ProgramId,
        known: Booked,
        want: Booked,
        kind: &'static str,
        now: UnixMs,
    ) -> Result<Option<Entry>, MoneyError> {
        let amount = want.amount.saturating_sub(known.amount);
        let payout = want.payout.saturating_sub(known.payout);
        if amount == 0 && payout == 0 {
            return Ok(None);
        }
        let paid_in = self.paid_in.map(|currency| Money::new(payout, currency));
        Ok(Some(Entry {
            id: entry_id(self, known.count),
            program,
            partner: self.partner,
            cause: self.cause.clone(),
            kind,
            money: Money::new(amount, self.currency)?,
            payout: paid_in.transpose()?,
            reason: kind.to_owned(),
            booked_at: now,
        }))
    }
}

/// The sums that a decision asks for.
pub fn wanted(decision: &Decision) -> BTreeMap<Position, Booked> {
    let mut wanted: BTreeMap<Position, Booked> = BTreeMap::new();
    for credit in &decision.credits {
        for (money, payout) in credit.paid() {
            let position = Position {
                cause: decision.event.clone(),
                partner: credit.partner,
                currency: money.currency(),
                paid_in: payout.map(Money::currency),
            };
            let sum = wanted.entry(position).or_default();
            sum.amount = sum.amount.saturating_add(money.amount_minor());
            let payout = payout.map_or(0, Money::amount_minor);
            sum.payout = sum.payout.saturating_add(payout);
        }
    }
    wanted
}

/// The id of a position's next entry, so that two folds of the same facts book the same.
fn entry_id(position: &Position, count: u32) -> String {
    let partner = position.partner.to_string();
    let paid_in = position.paid_in.map_or("", Currency::code);
    let count = count.to_string();
    let currency = position.currency.code();
    ids::derived(
        "le_",
        &[&position.cause, &partner, currency, paid_in, &count],
    )
}

fn kind(kind: EventKind, count: u32) -> &'static str {
    match (count, kind.is_reversal()) {
        (0, true) => "reversal",
        (0, false) => "commission",
        _ => "adjustment",
    }
}

fn word(reason: Reason) -> String {
    let word = serde_json::to_value(reason).ok();
    word.and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}
