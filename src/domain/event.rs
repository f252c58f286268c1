//! Events as facts: what a merchant reports, reduced to what the ledger needs.
//!
//! A fact is immutable and has a natural key: a lead or milestone is a customer and a name, a sale
//! its invoice id, a refund its refund id. The customer is a keyed pseudonym; names, mail
//! addresses and the merchant's own customer id never become part of a fact.

mod order;

pub use order::{LINE, Line, Named, Order};

use super::click::TouchRecord;
use super::consent::Consent;
use super::ids::{self, PartnerId, ProgramId};
use super::money::Money;
use super::time::UnixMs;
use serde::{Deserialize, Serialize};

/// The kind of a fact. The order is the rank by which facts of one instant are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Lead,
    /// A named step of the customer: `signup`, `activation`, any other.
    Milestone,
    Sale,
    /// A sale agreed offline, which names its partner.
    Deal,
    /// A later payment of a subscription.
    Renewal,
    /// A lapsed customer came back.
    Reactivation,
    /// A customer ended a subscription: recorded, moves no money.
    Cancellation,
    Refund,
    /// The customer's bank took the money back.
    Chargeback,
    /// The bank gave it back again.
    DisputeWon,
}

impl EventKind {
    pub const ALL: [EventKind; 10] = [
        EventKind::Lead,
        EventKind::Milestone,
        EventKind::Sale,
        EventKind::Deal,
        EventKind::Renewal,
        EventKind::Reactivation,
        EventKind::Cancellation,
        EventKind::Refund,
        EventKind::Chargeback,
        EventKind::DisputeWon,
    ];

    pub fn name(self) -> &'static str {
        match self {
            EventKind::Lead => "lead",
            EventKind::Milestone => "milestone",
            EventKind::Sale => "sale",
            EventKind::Deal => "deal",
            EventKind::Renewal => "renewal",
            EventKind::Reactivation => "reactivation",
            EventKind::Cancellation => "cancellation",
            EventKind::Refund => "refund",
            EventKind::Chargeback => "chargeback",
            EventKind::DisputeWon => "dispute_won",
        }
    }

    /// The kind as people read it.
    pub fn title(self) -> &'static str {
        match self {
            EventKind::Lead => "Lead",
            EventKind::Milestone => "Milestone",
            EventKind::Sale => "Sale",
            EventKind::Deal => "Deal",
            EventKind::Renewal => "Renewal",
            EventKind::Reactivation => "Reactivation",
            EventKind::Cancellation => "Cancellation",
            EventKind::Refund => "Refund",
            EventKind::Chargeback => "Chargeback",
            EventKind::DisputeWon => "Won dispute",
        }
    }

    /// The space in which natural keys are unique. An invoice is one sale, whatever it is called,
    /// so that a checkout and the first invoice of its subscription do not count twice.
    pub fn key_space(self) -> &'static str {
        match self {
            EventKind::Sale | EventKind::Deal | EventKind::Renewal => "sale",
            other => other.name(),
        }
    }

    /// Did the customer pay?
    pub fn is_purchase(self) -> bool {
        matches!(self, EventKind::Sale | EventKind::Deal | EventKind::Renewal)
    }

    /// Does it change what an earlier purchase earned?
    pub fn is_reversal(self) -> bool {
        matches!(
            self,
            EventKind::Refund | EventKind::Chargeback | EventKind::DisputeWon
        )
    }
}

/// What became of the token that came with an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenFound {
    /// No token was sent.
    Absent,
    /// It did not open: forged, cut, foreign, too old, or of another program.
    Unreadable,
    Opened(TouchRecord),
}

/// A referral or coupon code in the one form in which codes are compared: people type them in any
/// case. Letters beyond ASCII become small, since the table of capitals would be 5 KB of wasm.
pub fn code(text: &str) -> String {
    text.trim().to_lowercase().to_ascii_uppercase()
}

/// One event, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub id: String,
    pub program: ProgramId,
    pub kind: EventKind,
    /// The natural key within program and [`EventKind::key_space`].
    pub key: String,
    /// Pseudonym of the customer. A reversal may come without: its sale knows; so may what names a
    /// subscription.
    pub customer: Option<String>,
    /// The merchant's name for the event, as `Purchase` or `activation`.
    pub name: String,
    pub occurred_at: UnixMs,
    pub received_at: UnixMs,
    /// A purchase's amount; a reversal's, or all that is left when absent.
    pub money: Option<Money>,
    /// The natural key of the purchase that a reversal is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_key: Option<String>,
    /// The merchant's id of the subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// The referral or coupon code that was used, as [`code`] writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The partner of a deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerId>,
    /// What a purchase consists of; of a reversal its lines.
    #[serde(default, skip_serializing_if = "Order::is_empty")]
    pub order: Order,
    /// The merchant says whether it is the customer's first purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_customer: Option<bool>,
    /// Keyed pseudonym of the customer's mail address: only to see that a partner buys from itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<String>,
    pub token: TokenFound,
    /// The consent state that the merchant sent with the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
}

impl Fact {
    /// Fingerprint of what must not differ when the same key comes again: kind, customer, amount,
    /// currency, lines and, for a reversal, its sale. Defaults of ours (times, names) do not count.
    pub fn content(&self) -> String {
        let money = self
            .money
            .map(|money| format!("{} {}", money.amount_minor(), money.currency().code()));
        ids::derived(
            "fp_",
            &[
                self.kind.name(),
                self.customer.as_deref().unwrap_or_default(),
                money.as_deref().unwrap_or_default(),
                self.sale_key.as_deref().unwrap_or_default(),
                &self.order.fingerprint(),
            ],
        )
    }

    /// The touch of the event's own token.
    pub fn touch(&self) -> Option<&TouchRecord> {
        match &self.token {
            TokenFound::Opened(touch) => Some(touch),
            TokenFound::Absent | TokenFound::Unreadable => None,
        }
    }

    /// What came with the event about consent: the stricter of its token's state and its call's
    /// word. `None`: nothing did.
    pub fn consent_told(&self) -> Option<Consent> {
        let touch = self.touch().map(|touch| touch.consent);
        touch.into_iter().chain(self.consent).min()
    }

    /// The order in which facts of a customer are folded, whatever the order of their arrival.
    pub fn order(&self) -> (UnixMs, EventKind, &str) {
        (self.occurred_at, self.kind, &self.key)
    }
}

#[cfg(test)]
pub mod tests {
    use super::super::money::Currency;
    use super::*;

    pub fn sale(key: &str, amount: i64, at: UnixMs) -> Fact {
        let program = ProgramId::from_number(1);
        Fact {
            id: ids::event_id(program, "sale", key),
            program,
            kind: EventKind::Sale,
            key: key.into(),
            customer: Some("c1".into()),
            name: "Purchase".into(),
            occurred_at: at,
            received_at: at,
            money: Money::new(amount, Currency::parse("USD").unwrap()).ok(),
            sale_key: None,
            subscription: None,
            code: None,
            partner: None,
            order: Order::default(),
            new_customer: None,
            mailbox: None,
            token: TokenFound::Absent,
            consent: None,
        }
    }

    #[test]
    fn the_fingerprint_sees_money_and_customer_and_not_our_defaults() {
        let first = sale("a", 100, UnixMs(1));
        let again = Fact {
            received_at: UnixMs(9),
            occurred_at: UnixMs(9),
            ..first.clone()
        };
        assert_eq!(first.content(), again.content());
        assert_ne!(first.content(), sale("a", 101, UnixMs(1)).content());
        let other = Fact {
            customer: Some("c2".into()),
            ..first.clone()
        };
        assert_ne!(first.content(), other.content());
        let euro = Money::new(100, Currency::parse("EUR").unwrap()).ok();
        let euro = Fact {
            money: euro,
            ..first.clone()
        };
        assert_ne!(first.content(), euro.content());
        let mut lines = first.clone();
        lines.order.lines.push(Line {
            sku: Some("tea".into()),
            amount: Some(100),
            ..Line::default()
        });
        assert_ne!(first.content(), lines.content());
    }

    #[test]
    fn codes_are_compared_in_one_form() {
        let same = [" save10", "Save10 ", "SAVE10"].map(code);
        assert!(same.iter().all(|code| code == "SAVE10"));
        assert_eq!(code("\u{c9}t\u{e9}"), code("\u{e9}T\u{c9}"));
    }

    #[test]
    fn an_invoice_is_one_sale_whatever_it_is_called() {
        let spaces = EventKind::ALL.map(EventKind::key_space);
        assert_eq!(spaces.iter().filter(|space| **space == "sale").count(), 3);
    }
}
