//! Entries without a table: what is booked, position by position.

use crate::support::oracle::Position;
use domain::ledger::decision::Decision;
use domain::ledger::fold::{self, Booked, Entry};
use domain::values::time::UnixMs;
use std::collections::BTreeMap;

/// What was booked by then, as the table of entries has it: by cause.
#[derive(Default)]
pub(super) struct Books(BTreeMap<Position, (fold::Position, Booked)>);

impl Books {
    /// Books what decisions ask for; gives the new entries.
    pub(super) fn book(&mut self, decisions: &[Decision]) -> Vec<Entry> {
        let booked: Vec<_> = self.0.values().cloned().collect();
        let entries = fold::entries(decisions, &booked, UnixMs(0)).unwrap();
        for entry in &entries {
            let of = fold::Position {
                cause: entry.cause.clone(),
                partner: entry.partner,
                currency: entry.money.currency(),
                paid_in: entry.payout.map(|payout| payout.currency()),
            };
            let paid_in = of.paid_in.map(|currency| currency.code().to_owned());
            let (partner, currency) = (of.partner.to_string(), of.currency.code().to_owned());
            let key = (of.cause.clone(), partner, currency, paid_in);
            let (_, sum) = self.0.entry(key).or_insert((of, Booked::default()));
            sum.amount += entry.money.amount_minor();
            sum.payout += entry.payout.map_or(0, |payout| payout.amount_minor());
            sum.count += 1;
        }
        entries
    }

    pub(super) fn sums(&self) -> BTreeMap<Position, (i64, i64)> {
        let sums = self
            .0
            .iter()
            .map(|(key, (_, sum))| (key.clone(), (sum.amount, sum.payout)));
        sums.filter(|(_, sum)| *sum != (0, 0)).collect()
    }
}
