//! Conversions as facts: what a merchant reports, reduced to what the ledger needs.
//!
//! A fact is immutable and has a natural key: a lead is a customer and an event name, a sale its
//! invoice id, a refund its refund id. The customer is a keyed pseudonym; names, mail addresses
//! and the merchant's own customer id never become part of a fact.

use super::click::TouchRecord;
use super::consent::Consent;
use super::ids::{self, ProgramId};
use super::money::Money;
use super::time::UnixMs;
use serde::{Deserialize, Serialize};

/// The kind of a fact. The order is the rank by which facts of one instant are folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Lead,
    Sale,
    Refund,
}

impl EventKind {
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Lead => "lead",
            EventKind::Sale => "sale",
            EventKind::Refund => "refund",
        }
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

/// One event, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    pub id: String,
    pub program: ProgramId,
    pub kind: EventKind,
    /// The natural key within program and kind.
    pub key: String,
    /// Pseudonym of the customer. A refund may come without: its sale knows.
    pub customer: Option<String>,
    /// The merchant's name for the event, as `Purchase`.
    pub name: String,
    pub occurred_at: UnixMs,
    pub received_at: UnixMs,
    /// A sale's amount; a refund's, or all that is left when absent.
    pub money: Option<Money>,
    /// The natural key of the refunded sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sale_key: Option<String>,
    pub token: TokenFound,
    /// The consent state that the merchant sent with the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
}

impl Fact {
    /// Fingerprint of what must not differ when the same key comes again: kind, customer, amount,
    /// currency and, for a refund, its sale. Defaults of ours (times, names) do not count.
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
        assert_ne!(
            first.content(),
            Fact {
                money: euro,
                ..first.clone()
            }
            .content()
        );
    }
}
