//! The decision about one event: what was seen, who earned what, and why. Stored as it is, shown
//! to merchant and partner, and put into one plain sentence.

use super::attribution::{Considered, Verdict};
use super::click::ClickIdRecord;
use super::consent::Consent;
use super::event::EventKind;
use super::ids::{LinkId, PartnerId, ProgramId};
use super::money::Money;
use super::time::UnixMs;
use serde::{Deserialize, Serialize};

/// The rule that gave the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The last eligible touch takes the credit.
    LastTouch,
    /// The last eligible touch takes the credit, and the plan pays nothing for it.
    PlanPaysNothing,
    /// No touch of this customer is known.
    NoTouch,
    /// Touches are known, none may take the credit.
    NoEligibleTouch,
    /// The program has no plan.
    NoPlan,
    /// Commission taken back in proportion.
    Refunded,
    /// The refunded sale had earned nothing.
    NothingToTakeBack,
    /// More was refunded than was sold: taken back up to the sale's amount.
    RefundAboveSale,
    /// The refund is in another currency than its sale: nothing is taken back.
    RefundCurrencyDiffers,
}

/// The plan version that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanUsed {
    pub version: u32,
    pub window_days: u16,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub event: String,
    pub program: ProgramId,
    pub kind: EventKind,
    pub key: String,
    pub occurred_at: UnixMs,
    /// The sale's amount, or what the refund gives back.
    pub amount: Option<Money>,
    /// The event id of the refunded sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale: Option<String>,
    pub model: String,
    pub plan: Option<PlanUsed>,
    pub reason: Reason,
    pub partner: Option<PartnerId>,
    pub link: Option<LinkId>,
    /// What the partner earns; negative when taken back. At most one amount per currency.
    pub commission: Vec<Money>,
    pub touches: Vec<Considered>,
    /// The event came with a token that did not open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub token_unreadable: bool,
    /// The strictest state of the newest touch and the event; `None`: nobody said anything.
    pub consent: Option<Consent>,
    /// Ad platforms' click IDs, only under full consent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub click_ids: Vec<ClickIdRecord>,
}

/// Names for the sentence.
pub trait Names {
    fn partner(&self, id: PartnerId) -> String;
    fn link(&self, id: LinkId) -> String;
}

impl Decision {
    fn winner(&self) -> Option<&Considered> {
        self.touches
            .iter()
            .find(|touch| touch.verdict == Verdict::Won)
    }

    /// One plain sentence for people.
    pub fn sentence(&self, names: &dyn Names) -> String {
        let amount = self.amount.map(text).unwrap_or_default();
        let what = match self.kind {
            EventKind::Lead => format!("Lead {}", self.key.split_once(':').map_or("", |key| key.1)),
            EventKind::Sale => format!("Sale {} of {amount}", self.key),
            EventKind::Refund => format!("Refund {} of {amount}", self.key),
        };
        let partner = self.partner.map(|id| names.partner(id)).unwrap_or_default();
        let earned = self
            .commission
            .iter()
            .map(|m| text(abs(*m)))
            .collect::<Vec<_>>()
            .join(" and ");
        match self.reason {
            Reason::LastTouch | Reason::PlanPaysNothing => {
                self.credited(&what, &partner, &earned, names)
            }
            Reason::NoTouch if self.token_unreadable => {
                format!("{what}: nobody is credited, because its click token could not be read.")
            }
            Reason::NoTouch => {
                format!("{what}: nobody is credited, because no partner's touch is known.")
            }
            Reason::NoEligibleTouch => {
                format!("{what}: nobody is credited; {}.", self.refusals(names))
            }
            Reason::NoPlan => format!("{what}: nobody is paid, because the program has no plan."),
            Reason::Refunded if earned.is_empty() => {
                format!(
                    "{what}: its part of the commission is less than a unit; nothing is taken back."
                )
            }
            Reason::Refunded => format!("{what}: {earned} is taken back from {partner}."),
            Reason::NothingToTakeBack => {
                format!("{what}: nothing is taken back, because its sale had earned nothing.")
            }
            Reason::RefundAboveSale => format!(
                "{what}: more than the sale's amount was refunded; {} is taken back.",
                if earned.is_empty() {
                    "nothing more"
                } else {
                    &earned
                }
            ),
            Reason::RefundCurrencyDiffers => {
                format!("{what}: nothing is taken back, because its sale is in another currency.")
            }
        }
    }

    fn credited(&self, what: &str, partner: &str, earned: &str, names: &dyn Names) -> String {
        let (Some(winner), Some(plan)) = (self.winner(), &self.plan) else {
            return format!("{what}: credited to {partner}.");
        };
        let earns = match self.reason {
            Reason::PlanPaysNothing => {
                format!("credited to {partner}; the plan pays nothing for it")
            }
            _ => format!("{partner} earns {earned}"),
        };
        let when = match winner.nonce {
            Some(_) => winner.at.to_rfc3339(),
            None => winner.at.to_day(),
        };
        format!(
            "{what}: {earns}, because the last touch before it was a click on {} on {when}, inside \
             the window of {} days (last touch, plan version {}; {} considered).",
            names.link(winner.link),
            plan.window_days,
            plan.version,
            touches(self.touches.len()),
        )
    }

    fn refusals(&self, names: &dyn Names) -> String {
        let each = self.touches.iter().map(|touch| {
            let why = match touch.verdict {
                Verdict::AfterEvent => "came after the event",
                Verdict::OutsideWindow => "is older than the window",
                Verdict::PartnerSuspended => "is of a suspended partner",
                Verdict::Won | Verdict::NotLast => "is eligible",
            };
            format!("the touch of {} {why}", names.partner(touch.partner))
        });
        each.collect::<Vec<_>>().join(", ")
    }
}

fn touches(count: usize) -> String {
    if count == 1 {
        "1 touch".into()
    } else {
        format!("{count} touches")
    }
}

fn abs(money: Money) -> Money {
    if money.amount_minor() < 0 {
        money.negated()
    } else {
        money
    }
}

fn text(money: Money) -> String {
    format!("{} {}", money.to_decimal_string(), money.currency().code())
}
