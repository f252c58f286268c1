//! What an event earns: percentage, flat, or both; by kind of event, by new and returning customer,
//! by product.

use super::super::event::EventKind;
use super::super::money::Money;
use super::super::time::UnixMs;
use super::{Table, look_up};

/// A percentage, a flat amount, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Basis points of the base: 1,000 is 10 %. Rounded down to the minor unit.
    pub rate_bps: u32,
    /// Added once per event, in its own currency.
    pub flat: Option<Money>,
}

/// What one kind of event earns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commission {
    pub rates: Rates,
    /// Instead, where the customer bought before.
    pub returning: Option<Rates>,
    /// Of a purchase: calendar months for which it earns. Of a renewal from its subscription's
    /// start, else from the first purchase that credited the partner.
    pub months: Option<u16>,
    /// Basis points of lines with these SKUs; goes before `by_category` and the rate.
    pub by_sku: Table<String, u32>,
    pub by_category: Table<String, u32>,
}

impl Commission {
    /// The rates for a new or a returning customer.
    pub fn rates(&self, new_customer: bool) -> Rates {
        match self.returning {
            Some(returning) if !new_customer => returning,
            _ => self.rates,
        }
    }

    /// Are the months over for which it earns? `since` is where they begin.
    pub fn has_ended(&self, since: Option<UnixMs>, at: UnixMs) -> bool {
        let both = self.months.zip(since);
        both.is_some_and(|(months, since)| at >= since.plus_months(months))
    }

    /// Basis points for a line.
    pub fn line_bps(&self, rates: Rates, sku: Option<&str>, category: Option<&str>) -> u32 {
        let by = |table, name: Option<&str>| look_up(table, name?).copied();
        by(&self.by_sku, sku)
            .or_else(|| by(&self.by_category, category))
            .unwrap_or(rates.rate_bps)
    }
}

/// What each kind of event earns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commissions {
    pub lead: Option<Commission>,
    /// By the milestone's name.
    pub milestones: Table<String, Commission>,
    pub sale: Option<Commission>,
    /// Without it a deal earns what a sale does.
    pub deal: Option<Commission>,
    pub renewal: Option<Commission>,
    pub reactivation: Option<Commission>,
    /// Per confirmed click.
    pub click: Option<Money>,
}

impl Commissions {
    pub fn of(&self, kind: EventKind, name: &str) -> Option<&Commission> {
        match kind {
            EventKind::Lead => self.lead.as_ref(),
            EventKind::Milestone => look_up(&self.milestones, name),
            EventKind::Sale => self.sale.as_ref(),
            EventKind::Deal => self.deal.as_ref().or(self.sale.as_ref()),
            EventKind::Renewal => self.renewal.as_ref(),
            EventKind::Reactivation => self.reactivation.as_ref(),
            EventKind::Cancellation
            | EventKind::Refund
            | EventKind::Chargeback
            | EventKind::DisputeWon => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Commissions::default()
    }
}
