//! Settlement: entries whose hold has ended become payable, clicks are paid by the month, and a
//! partner's month is cut at its cap.
//!
//! Clicks and caps are brought from what is booked to what the sums of the month ask for. So it
//! does not matter in how many settlements a month was settled, or in which order: a late refund
//! gives room below the cap back, late landings are paid by the next settlement.

use crate::ledger::exchange::{self, Rate};
use crate::ledger::fold::{self, Booked, Entry, Position};
use crate::ledger::plan::{self, Plan, Rules};
use crate::values::ids::{PartnerId, ProgramId};
use crate::values::money::{Currency, MAX_MINOR, Money, MoneyError};
use crate::values::time::{DAY_MS, UnixMs};

/// An entry whose hold has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    pub entry: String,
    /// Of the decision that says that it may move.
    pub revision: Option<u32>,
    pub partner: PartnerId,
    pub paid_in: Currency,
    pub payout: i64,
    /// First instant of the calendar month (UTC) of its event; of a reversal, of its purchase, so
    /// that what is given back gives room in the month that it filled.
    pub month: UnixMs,
}

/// Confirmed clicks of a partner in a month, those left out that people found invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clicks {
    pub partner: PartnerId,
    pub month: UnixMs,
    pub count: i64,
}

/// A partner's month in one currency of payouts.
pub type Month = (PartnerId, UnixMs, Currency);

/// What one settlement is decided from, beside the entries that are due.
pub struct Round<'a> {
    pub program: ProgramId,
    pub plans: &'a [Plan],
    pub rates: &'a [Rate],
    pub clicks: &'a [Clicks],
    /// What was settled of each month that is touched, cap entries included.
    pub settled: &'a [(Month, i64)],
    /// What was booked of clicks and caps, in the order of causes.
    pub booked: &'a [(Position, Booked)],
    pub until: UnixMs,
    pub now: UnixMs,
}

/// What a settlement settles.
#[derive(Debug, Default)]
pub struct Settlement {
    pub lines: Vec<Due>,
    /// New entries for clicks and caps; those that can be paid are among the lines.
    pub entries: Vec<Entry>,
}

/// Adds to the sum of its key. A settlement touches few partners and months beside its entries.
pub fn add<K: PartialEq>(sums: &mut Vec<(K, i64)>, key: K, amount: i64) {
    match sums.iter_mut().find(|(other, _)| *other == key) {
        Some((_, sum)) => *sum = sum.saturating_add(amount),
        None => sums.push((key, amount)),
    }
}

/// What the entries of a partner's paid clicks name as their cause.
pub fn clicks_cause(partner: PartnerId, month: UnixMs) -> String {
    cause("clicks", partner, month)
}

/// What the entries of a partner's cap name as their cause.
pub fn cap_cause(partner: PartnerId, month: UnixMs) -> String {
    cause("cap", partner, month)
}

/// Partners belong to one program, so that a partner and a month say enough.
fn cause(what: &str, partner: PartnerId, month: UnixMs) -> String {
    let day = month.to_day();
    format!("{what}/{partner}/{}", day.get(..7).unwrap_or_default())
}

/// Decides a settlement.
pub fn settle(due: Vec<Due>, round: &Round<'_>) -> Result<Settlement, MoneyError> {
    let mut done = Settlement {
        lines: due,
        entries: Vec::new(),
    };
    for clicks in round.clicks {
        round.pay_clicks(*clicks, &mut done)?;
    }
    round.cap(&mut done)?;
    Ok(done)
}

impl Round<'_> {
    /// The rules of a month: those in force when it began.
    fn rules(&self, month: UnixMs) -> Option<&Rules> {
        plan::in_force(self.plans, month).map(|plan| &plan.rules)
    }

    fn known(&self, position: &Position) -> Booked {
        let mut known = fold::of_cause(self.booked, &position.cause).iter();
        let known = known.find(|(other, _)| other == position);
        known.map_or(Booked::default(), |(_, known)| *known)
    }

    fn pay_clicks(&self, clicks: Clicks, done: &mut Settlement) -> Result<(), MoneyError> {
        let Clicks { partner, month, .. } = clicks;
        let ended = month.plus_months(1);
        let Some(rules) = self.rules(month) else {
            return Ok(());
        };
        let Some(each) = rules.per_click(partner) else {
            return Ok(());
        };
        let hold = i64::from(rules.hold_days).saturating_mul(DAY_MS);
        if ended.plus(hold) > self.until {
            return Ok(());
        }
        let most = rules.caps.clicks.map_or(i64::MAX, i64::from);
        let count = clicks.count.clamp(0, most);
        let amount = each.amount_minor().saturating_mul(count).min(MAX_MINOR);
        let paid = Money::new(amount, each.currency())?;
        let paid = match rules.payout_currency.filter(|to| *to != each.currency()) {
            None => Some(paid),
            Some(to) => exchange::at(self.rates, each.currency(), to, ended)
                .map(|rate| rate.convert(paid))
                .transpose()?,
        };
        let wanted = Position {
            cause: clicks_cause(partner, month),
            partner,
            currency: each.currency(),
            paid_in: paid.map(|paid| paid.currency()),
        };
        // A rate that became known moves what was booked without one.
        let known = fold::of_cause(self.booked, &wanted.cause).iter();
        for gone in known.map(|(p, _)| p).filter(|p| **p != wanted) {
            self.book(gone, Booked::default(), "click", month, done)?;
        }
        let want = Booked {
            amount,
            payout: paid.map_or(0, |paid| paid.amount_minor()),
            count: 0,
        };
        self.book(&wanted, want, "click", month, done)
    }

    /// Books what a position lacks, and settles it at once where it can be paid.
    fn book(
        &self,
        position: &Position,
        want: Booked,
        kind: &'static str,
        month: UnixMs,
        done: &mut Settlement,
    ) -> Result<(), MoneyError> {
        let known = self.known(position);
        let Some(entry) = position.step(self.program, known, want, kind, self.now)? else {
            return Ok(());
        };
        if let Some(payout) = entry.payout {
            done.lines.push(Due {
                entry: entry.id.clone(),
                revision: None,
                partner: position.partner,
                paid_in: payout.currency(),
                payout: payout.amount_minor(),
                month,
            });
        }
        done.entries.push(entry);
        Ok(())
    }

    /// Cuts each month that is touched at the partner's cap; one in another currency than the
    /// partner is paid in cannot be compared and cuts nothing.
    fn cap(&self, done: &mut Settlement) -> Result<(), MoneyError> {
        let mut touched: Vec<(Month, i64)> = Vec::new();
        for line in &done.lines {
            add(
                &mut touched,
                (line.partner, line.month, line.paid_in),
                line.payout,
            );
        }
        for ((partner, month, paid_in), new) in touched {
            let rules = self.rules(month);
            let cap = rules.and_then(|rules| rules.caps.partner);
            let Some(cap) = cap.filter(|cap| cap.currency() == paid_in) else {
                continue;
            };
            let position = Position {
                cause: cap_cause(partner, month),
                partner,
                currency: paid_in,
                paid_in: Some(paid_in),
            };
            let key = (partner, month, paid_in);
            let settled = self.settled.iter().find(|(other, _)| *other == key);
            let settled = settled.map_or(0, |(_, settled)| *settled);
            let earned = settled - self.known(&position).payout + new;
            let above = earned.saturating_sub(cap.amount_minor());
            let wanted = -above.clamp(0, MAX_MINOR);
            let want = Booked {
                amount: wanted,
                payout: wanted,
                count: 0,
            };
            self.book(&position, want, "cap", month, done)?;
        }
        Ok(())
    }
}
