//! Ledger entries: what was booked is brought to what the decisions say by new lines, never by
//! changing old ones.

use super::super::decision::{Decision, Reason};
use super::super::event::EventKind;
use super::super::ids::{self, PartnerId, ProgramId};
use super::super::money::{Currency, Money, MoneyError};
use super::super::time::UnixMs;

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

/// The entries that bring what was booked to what the decisions say.
pub fn entries(
    decisions: &[Decision],
    booked: &[(Position, Booked)],
    now: UnixMs,
) -> Result<Vec<Entry>, MoneyError> {
    let mut entries = Vec::new();
    for decision in decisions {
        let wanted = wanted(decision);
        let mine = booked.iter().filter(|(p, _)| p.cause == decision.event);
        let gone = mine.filter(|(p, _)| wanted.iter().all(|(other, _)| other != p));
        let gone = gone.map(|(position, _)| (position, Booked::default()));
        let all = wanted.iter().map(|(position, want)| (position, *want));
        for (position, want) in all.chain(gone) {
            let known = booked.iter().find(|(other, _)| other == position);
            let known = known.map_or(Booked::default(), |(_, known)| *known);
            let amount = want.amount.saturating_sub(known.amount);
            let payout = want.payout.saturating_sub(known.payout);
            if amount == 0 && payout == 0 {
                continue;
            }
            entries.push(Entry {
                id: entry_id(position, known.count),
                program: decision.program,
                partner: position.partner,
                cause: position.cause.clone(),
                kind: kind(decision.kind, known.count),
                money: Money::new(amount, position.currency)?,
                payout: position
                    .paid_in
                    .map(|currency| Money::new(payout, currency))
                    .transpose()?,
                reason: word(decision.reason),
                booked_at: now,
            });
        }
    }
    Ok(entries)
}

/// The sums that a decision asks for.
fn wanted(decision: &Decision) -> Vec<(Position, Booked)> {
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
    let word = serde_json::to_value(reason).ok();
    word.and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}
