//! Ledger entries: what was booked is brought to what the decisions say by new lines, never by
//! changing old ones.

use crate::ledger::decision::{Decision, Reason};
use crate::ledger::event::EventKind;
use crate::values::ids::{self, PartnerId, ProgramId};
use crate::values::money::{Currency, Money, MoneyError};
use crate::values::time::UnixMs;

/// A position: what one cause moves for one partner in one currency, and the currency in which it
/// is paid; `None` while no exchange rate is known.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// The entries that bring what was booked (in the order of causes) to what the decisions say.
pub fn entries(
    decisions: &[Decision],
    booked: &[(Position, Booked)],
    now: UnixMs,
) -> Result<Vec<Entry>, MoneyError> {
    let mut entries = Vec::new();
    for decision in decisions {
        let wanted = wanted(decision);
        let mine = of_cause(booked, &decision.event);
        let gone = mine.iter().map(|(position, _)| position);
        let gone = gone.filter(|p| wanted.iter().all(|(other, _)| other != *p));
        let gone = gone.map(|position| (position, Booked::default()));
        let all = wanted.iter().map(|(position, want)| (position, *want));
        for (position, want) in all.chain(gone) {
            let known = mine.iter().find(|(other, _)| other == position);
            let known = known.map_or(Booked::default(), |(_, known)| *known);
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

/// What was booked by one cause, of a list in the order of causes.
pub fn of_cause<'a>(booked: &'a [(Position, Booked)], cause: &str) -> &'a [(Position, Booked)] {
    let from = booked.partition_point(|(position, _)| position.cause.as_str() < cause);
    let rest = booked.get(from..).unwrap_or_default();
    let until = rest.partition_point(|(position, _)| position.cause == cause);
    rest.get(..until).unwrap_or_default()
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
pub fn wanted(decision: &Decision) -> Vec<(Position, Booked)> {
    let mut wanted: Vec<(Position, Booked)> = Vec::new();
    for credit in &decision.credits {
        for (money, payout) in credit.paid() {
            let position = Position {
                cause: decision.event.clone(),
                partner: credit.partner,
                currency: money.currency(),
                paid_in: payout.map(Money::currency),
            };
            let known = wanted.iter().position(|(other, _)| *other == position);
            let place = known.unwrap_or(wanted.len());
            if known.is_none() {
                wanted.push((position, Booked::default()));
            }
            let Some((_, sum)) = wanted.get_mut(place) else {
                continue;
            };
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
    let word = Some(crate::values::value::of(&reason));
    word.and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}
