//! The decision about one event: what was seen, who earned what, and why. Stored as it is, shown
//! to merchant and partner, and put into one plain sentence.

mod sentence;

pub use sentence::Names;

use crate::ledger::attribution::Considered;
use crate::ledger::event::EventKind;
use crate::values::ids::{self, LinkId, PartnerId, ProgramId};
use crate::values::money::{Currency, Money, MoneyError};
use crate::values::time::UnixMs;
use crate::visit::click::ClickIdRecord;
use crate::visit::consent::Consent;
use serde::{Deserialize, Serialize};

/// Which rule named those who are credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Nobody is credited.
    Nobody,
    /// The plan's model among the touches.
    Touches,
    /// The code that came with the event.
    Code,
    /// The customer is bound to those who won them.
    Binding,
    /// A renewal is credited like its subscription's start.
    Subscription,
    /// A deal names its partner.
    Deal,
    /// Nobody brought the customer: the house.
    House,
    /// A reversal is about what its purchase earned.
    Purchase,
}

/// Why the event earns what it earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Somebody is credited, and earns by the plan.
    Credited,
    /// Somebody is credited, and the plan pays nothing for it.
    PlanPaysNothing,
    /// Somebody is credited, and the amount is below the plan's minimum.
    BelowMinimum,
    /// Somebody is credited, and the months for which renewals earn are over.
    RenewalsEnded,
    /// Somebody is credited, and the months for which the plan pays are over.
    MonthsEnded,
    /// Somebody is credited, and the customer's cap was reached before.
    CapReached,
    /// A person rejected it.
    Rejected,
    /// No touch of this customer is known.
    NoTouch,
    /// Touches are known, none may take the credit.
    NoEligibleTouch,
    /// Those who would be credited are suspended.
    PartnerSuspended,
    /// The program is paused.
    ProgramPaused,
    /// Nobody was credited for the subscription's start.
    StartUncredited,
    /// The program has no plan.
    NoPlan,
    /// Events of this kind move no money.
    Recorded,
    /// Commission taken back in proportion.
    Refunded,
    /// What was given back is not in the base of commission: nothing is taken back.
    OutsideBase,
    /// The reversed purchase had earned nothing.
    NothingToTakeBack,
    /// More was taken back than was paid: commission is taken back up to the purchase's amount.
    RefundAboveSale,
    /// The reversal is in another currency than its purchase: nothing is taken back.
    RefundCurrencyDiffers,
    /// What a chargeback took is given back.
    Restored,
    /// The dispute's chargeback is not known, or had taken nothing.
    NothingToRestore,
}

/// What a person has to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The event came sooner after its click than people do such things.
    TooFast,
    /// The same amount of the same customer a little earlier.
    Duplicate,
    /// The partner is the customer.
    SelfReferral,
    /// The click credited more customers than one household has.
    TokenShared,
    /// The partner's click came from paid search.
    PaidSearch,
    /// The partner's click came from a host that the plan forbids.
    ProhibitedReferrer,
    /// No exchange rate into the currency of payouts is known for the event's instant.
    RateMissing,
}

/// A rule of the program that a partner's click broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// [`Flag::PaidSearch`] or [`Flag::ProhibitedReferrer`].
    pub rule: Flag,
    pub partner: PartnerId,
    pub nonce: Option<String>,
    /// The parameter, or the host.
    pub evidence: String,
}

/// May the money move?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Yes, when the hold has ended.
    Clear,
    /// A rule asks a person to look.
    Review,
    /// A person holds it.
    Held,
    /// A person rejected it: nothing is earned.
    Rejected,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Status::Clear => "clear",
            Status::Review => "review",
            Status::Held => "held",
            Status::Rejected => "rejected",
        }
    }
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    pub action: Action,
    /// The API key that was used.
    pub actor: String,
    pub reason: String,
    pub at: UnixMs,
}

/// What a person can do about an event. The newest action holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Hold,
    Approve,
    Reject,
    /// Takes back what was decided before: the rules hold again.
    Clear,
}

/// The plan version that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanUsed {
    pub version: u32,
    pub window_days: u16,
}

/// A share of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    pub partner: PartnerId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Basis points; those of an event add up to 10,000.
    pub share_bps: u32,
    /// The share of the event's amount; the shares add up to it. Negative when taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// What the partner earns; negative when taken back. At most one amount per currency.
    pub commission: Vec<Money>,
    /// The same in the currency of payouts, one for each of `commission`, at the decision's rates;
    /// `None` while no rate is known. Empty when each commission is paid as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payout: Vec<Option<Money>>,
}

/// An exchange rate that was stamped on a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub from: Currency,
    pub to: Currency,
    /// A decimal as it was given: `1.0842`.
    pub rate: String,
    /// Since when the rate held.
    pub at: UnixMs,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub event: String,
    pub program: ProgramId,
    pub kind: EventKind,
    pub key: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub occurred_at: UnixMs,
    /// A purchase's amount, or what a reversal takes or gives back.
    pub amount: Option<Money>,
    /// The event id of the purchase that a reversal, or of the start that a renewal is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase: Option<String>,
    /// The first purchase of the customer?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_customer: Option<bool>,
    pub model: String,
    pub plan: Option<PlanUsed>,
    pub rule: Rule,
    pub reason: Reason,
    pub credits: Vec<Credit>,
    /// The customer's cap cut what is earned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub capped: bool,
    pub status: Status,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub review: Vec<Flag>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruling: Option<Ruling>,
    /// The hold ends here.
    pub hold_until: UnixMs,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<Stamp>,
    pub touches: Vec<Considered>,
    /// The event came with a token that did not open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub token_unreadable: bool,
    /// The code that came with the event is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_unknown: Option<String>,
    /// The strictest state of the newest touch and the event; `None`: nobody said anything.
    pub consent: Option<Consent>,
    /// Ad platforms' click IDs, only under full consent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub click_ids: Vec<ClickIdRecord>,
}

impl Credit {
    /// What the partner is paid for each commission; `None` while no rate is known.
    pub fn paid(&self) -> impl Iterator<Item = (Money, Option<Money>)> + '_ {
        self.commission.iter().enumerate().map(|(place, money)| {
            let payout = self.payout.get(place).copied();
            (*money, payout.unwrap_or(Some(*money)))
        })
    }
}

impl Decision {
    /// What a decision is recognised by. Another one may be the same decision in the words of
    /// another release; the same one is the same decision. Its touches carry their own.
    pub fn fingerprint(&mut self) -> String {
        let touches = std::mem::take(&mut self.touches);
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        for touch in &touches {
            bytes.extend(touch.fingerprint.as_bytes());
            bytes.extend(touch.share_bps.to_be_bytes());
            // By its name: a verdict may be added anywhere.
            bytes.extend(format!("{:?},", touch.verdict).as_bytes());
        }
        self.touches = touches;
        ids::fingerprint(&bytes)
    }

    /// What all partners together earn, one amount per currency, none of them zero.
    pub fn commission(&self) -> Vec<Money> {
        let mut sums: Vec<Money> = Vec::new();
        for money in self.credits.iter().flat_map(|credit| &credit.commission) {
            // The sum was checked when it was decided.
            let _ = add(&mut sums, *money);
        }
        sums.retain(|sum| !sum.is_zero());
        sums
    }
}

/// Adds an amount to those of its currency; refuses a sum beyond the range of money.
pub fn add(sums: &mut Vec<Money>, money: Money) -> Result<(), MoneyError> {
    let same = sums.iter_mut().find(|s| s.currency() == money.currency());
    match same {
        Some(sum) => *sum = sum.checked_add(money)?,
        None => sums.push(money),
    }
    Ok(())
}
