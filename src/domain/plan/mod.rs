//! Plans: who gets credit, what it earns, and what holds it back. A plan is never changed; a new
//! version takes effect from its date, and an event is decided by the version of its own instant.
//!
//! A plan is stored as the merchant wrote it and has one reader: the API gives it a body to check
//! ([`Rules::read`]), the fold the record that was stored ([`Rules::stored`]).

mod commission;
mod read;

pub use commission::{Commission, Commissions, Rates};

use super::attribution_model::Model;
use super::consent::Consent;
use super::event::EventKind;
use super::ids::PartnerId;
use super::input::Fields;
use super::money::{Currency, Money};
use super::time::{DAY_MS, UnixMs};
use serde_json::Value;

/// A small table in the order in which it was written. A map of each kind would be kilobytes of
/// wasm, and none of these is long.
pub type Table<K, V> = Vec<(K, V)>;

fn look_up<'a, V>(table: &'a Table<String, V>, name: &str) -> Option<&'a V> {
    let found = table.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value)
}

/// Who takes the credit when a code and links compete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeRule {
    /// The code that came with the event takes it all.
    BeforeLinks,
    /// A code counts only where no link is eligible.
    AfterLinks,
    /// A code is a touch like any other.
    AsTouch,
}

/// A customer stays with the partners who won them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Calendar months from the event that bound; `None` for life.
    pub months: Option<u16>,
    /// Ends when the customer bought nothing for so many days.
    pub lapse_days: Option<u16>,
}

/// What differs for partners of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindTerms {
    pub window_days: Option<u16>,
    /// May take credit while a partner of another kind has a claim.
    pub may_displace: bool,
}

/// Which clicks step back for the partner who brought the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandDown {
    /// Clicks less than this before the event.
    pub seconds: u32,
    /// Clicks born on checkout pages.
    pub checkout: bool,
}

/// What of an amount commission is paid on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    pub tax: bool,
    pub shipping: bool,
    /// Pays as if no discount had been given.
    pub discount: bool,
}

/// Bounds of what is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// Of one customer's commissions to one partner, ever.
    pub customer: Option<Money>,
    /// Of one partner's commissions in one calendar month (UTC).
    pub partner: Option<Money>,
    /// Paid clicks of one partner in one calendar month (UTC). `None`: the plan says `none`, or was
    /// stored before it had to say anything.
    pub clicks: Option<u32>,
}

/// What a person has to look at before money moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Events less than this after the click that is credited; 0 looks at none.
    pub min_seconds: u32,
    /// Clicks that credited more customers than this.
    pub token_customers: u32,
    /// A purchase of the same amount less than this after another one.
    pub duplicate_minutes: u32,
    /// Partners that buy through themselves.
    pub self_referral: bool,
    /// Partner clicks that carry a paid search click ID.
    pub paid_search: bool,
    /// Hosts that partners may not send visitors from; their sub-domains too.
    pub referrers: Vec<String>,
}

/// The rules of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A touch older than this many days at the event earns nothing.
    pub window_days: u16,
    /// Windows of single kinds of event.
    pub windows: Table<EventKind, u16>,
    pub partner_kinds: Table<String, KindTerms>,
    pub model: Model,
    pub code: CodeRule,
    pub binding: Option<Binding>,
    pub stand_down: StandDown,
    /// The least consent under which a touch may earn.
    pub consent: Consent,
    /// Who is named when nobody brought the customer; earns nothing.
    pub house: Option<PartnerId>,
    pub commissions: Commissions,
    /// Partners with their own commissions; what they lack is the plan's.
    pub partners: Table<PartnerId, Commissions>,
    pub base: Base,
    /// Purchases below it, in its currency, earn nothing.
    pub minimum: Option<Money>,
    pub hold_days: u16,
    pub caps: Caps,
    pub review: Review,
    /// What partners are paid in; `None`: in the currency of each event.
    pub payout_currency: Option<Currency>,
}

impl Rules {
    /// Milliseconds that a touch of a partner of `partner_kind` counts for an event of `kind`.
    pub fn window_ms(&self, kind: EventKind, partner_kind: &str) -> i64 {
        i64::from(self.window_days_for(kind, partner_kind)).saturating_mul(DAY_MS)
    }

    /// The narrowest that the plan says: of the partner's kind, else of the event's, else of all.
    pub fn window_days_for(&self, kind: EventKind, partner_kind: &str) -> u16 {
        let terms = look_up(&self.partner_kinds, partner_kind);
        let own = terms.and_then(|terms| terms.window_days);
        let of_kind = || self.windows.iter().find(|(known, _)| *known == kind);
        own.or_else(|| of_kind().map(|(_, days)| *days))
            .unwrap_or(self.window_days)
    }

    /// May a partner of this kind take credit from others?
    pub fn may_displace(&self, partner_kind: &str) -> bool {
        let terms = look_up(&self.partner_kinds, partner_kind);
        terms.is_none_or(|terms| terms.may_displace)
    }

    /// What a partner earns for an event of this kind and name.
    pub fn commission(
        &self,
        partner: PartnerId,
        kind: EventKind,
        name: &str,
    ) -> Option<&Commission> {
        let own = self.own(partner);
        own.and_then(|own| own.of(kind, name))
            .or_else(|| self.commissions.of(kind, name))
    }

    /// What a partner earns for a confirmed click.
    pub fn per_click(&self, partner: PartnerId) -> Option<Money> {
        let own = self.own(partner);
        own.and_then(|own| own.click).or(self.commissions.click)
    }

    fn own(&self, partner: PartnerId) -> Option<&Commissions> {
        let own = self.partners.iter().find(|(known, _)| *known == partner);
        own.map(|(_, commissions)| commissions)
    }
}

/// A version of a program's plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub version: u32,
    pub effective_from: UnixMs,
    pub rules: Rules,
}

impl Plan {
    /// Reads a stored version: `{"version", "effective_from", "rules"}`.
    pub fn of_record(record: &Value) -> Option<Plan> {
        Some(Plan {
            version: u32::try_from(record["version"].as_u64()?).ok()?,
            effective_from: UnixMs(record["effective_from"].as_i64()?),
            rules: Rules::stored(Fields::new(record["rules"].as_object()?, "")).ok()?,
        })
    }
}

/// The version in force at an instant: the newest that had begun. Before the first one, the first
/// one holds (a back-dated event of the program's first days).
pub fn in_force(plans: &[Plan], at: UnixMs) -> Option<&Plan> {
    let begun = plans.iter().filter(|plan| plan.effective_from <= at);
    begun
        .max_by_key(|plan| (plan.effective_from, plan.version))
        .or_else(|| {
            plans
                .iter()
                .min_by_key(|plan| (plan.effective_from, plan.version))
        })
}

/// The versions with other rules in place of those in force from one instant until another.
pub fn in_place(plans: &[Plan], from: UnixMs, until: UnixMs, rules: &Rules) -> Vec<Plan> {
    let outside = |plan: &&Plan| plan.effective_from < from || plan.effective_from >= until;
    let mut all: Vec<Plan> = plans.iter().filter(outside).cloned().collect();
    // The first version holds for what is before it too, and the new one must not become the first.
    for edge in [UnixMs(i64::MIN), until] {
        all.extend(in_force(plans, edge).map(|plan| Plan {
            effective_from: edge,
            ..plan.clone()
        }));
    }
    all.push(Plan {
        version: 0,
        effective_from: from,
        rules: rules.clone(),
    });
    all
}

#[cfg(test)]
pub mod tests;
