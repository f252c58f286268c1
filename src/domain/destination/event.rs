//! A conversion as destinations are told of it: facts and their decision in one neutral form. The
//! ledger's own types stay out of the destinations; `src/app/deliver/told.rs` alone knows both.

use serde_json::Value;

use super::{Kept, Object, Permission};
use crate::domain::click::ClickIdRecord;
use crate::domain::click_ids::{self, ClickIdKind};
use crate::domain::consent::Consent;
use crate::domain::link::Tags;
use crate::domain::money::Money;
use crate::domain::time::UnixMs;

macro_rules! occasions {
    ($first:ident $first_word:literal; $($name:ident $word:literal;)+) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum Occasion { #[default] $first, $($name,)+ }

        impl Occasion {
            /// Every occasion there is.
            pub const ALL: &'static [Occasion] = &[Self::$first, $(Self::$name,)+];

            /// The ledger's word for it.
            pub fn as_str(self) -> &'static str {
                match self { Self::$first => $first_word, $(Self::$name => $word,)+ }
            }
        }
    };
}

occasions! {
    Lead "lead";
    Milestone "milestone";
    Sale "sale";
    Renewal "renewal";
    Deal "deal";
    Cancellation "cancellation";
    Reactivation "reactivation";
    Refund "refund";
    Chargeback "chargeback";
    DisputeWon "dispute_won";
}

impl Occasion {
    /// Reads [`Occasion::as_str`] back.
    pub fn parse(word: &str) -> Option<Occasion> {
        Self::ALL.iter().copied().find(|one| one.as_str() == word)
    }

    /// Is it a sale, the first or a later one?
    pub fn is_sale(self) -> bool {
        matches!(self, Self::Sale | Self::Renewal)
    }

    /// Does it take back a sale, or part of one?
    pub fn is_reversal(self) -> bool {
        matches!(self, Self::Refund | Self::Chargeback)
    }
}

/// The sale that a refund, a chargeback or a won dispute is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sale {
    /// Its event id, under which destinations know it.
    pub event: String,
    /// The merchant's id of it.
    pub key: String,
    pub occurred_at: UnixMs,
    pub money: Option<Money>,
    /// What is left of it after everything that is known to have been taken back.
    pub left: Option<Money>,
}

/// A line that names its product: what was bought, or given back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Product {
    /// The merchant's id of it.
    pub sku: String,
    pub category: Option<String>,
    /// How many, where it is known.
    pub quantity: Option<i64>,
    /// What was paid for all of them, tax included.
    pub amount: Option<Money>,
    /// The tax in it.
    pub tax: Option<Money>,
}

impl Product {
    /// What one piece cost, where all cost the same.
    pub fn price(&self) -> Option<Money> {
        self.piece(self.amount?)
    }

    /// The same without tax.
    pub fn net_price(&self) -> Option<Money> {
        let amount = self.amount?;
        let net = self.tax.map_or(Ok(amount), |tax| amount.checked_sub(tax));
        self.piece(net.ok()?)
    }

    fn piece(&self, sum: Money) -> Option<Money> {
        let pieces = self.quantity.unwrap_or(1).max(1);
        let even = sum.amount_minor() % pieces == 0;
        let price = Money::new(sum.amount_minor() / pieces, sum.currency());
        price.ok().filter(|_| even)
    }
}

/// What an amount consists of beside the goods; nothing where it was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    pub tax: Option<Money>,
    pub shipping: Option<Money>,
    /// Taken off before the amount.
    pub discount: Option<Money>,
}

/// A partner's part in an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credit {
    /// `pn_…`
    pub partner: String,
    pub partner_name: String,
    /// `ln_…`, where the credit came by a link.
    pub link: Option<String>,
    /// The coupon code, where it came by one.
    pub code: Option<String>,
    /// Basis points of the event.
    pub share_bps: u32,
    pub amount: Option<Money>,
    /// What the partner earns; negative when taken back.
    pub commission: Vec<Money>,
    /// What the partner's link noted of its address (`sub1`, …), as far as it was kept.
    pub tags: Tags,
    /// When the credited click happened, where it is known to the second.
    pub clicked_at: Option<UnixMs>,
}

/// One message about one event.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Event {
    /// The id of the delivery: the same on every attempt.
    pub delivery: String,
    /// `sale.created`, `sale.changed`, `commission.earned` and so on.
    pub message: String,
    /// The event's id. The browser's own tags must send the same one, so that platforms count
    /// once.
    pub id: String,
    /// `pg_…`
    pub program: String,
    pub occasion: Occasion,
    /// The merchant's name for it, as `Sign up`.
    pub name: String,
    /// The merchant's id of it: the invoice or refund; of a lead its name (the customer's
    /// pseudonym is not told).
    pub key: String,
    /// The decision that this tells of; 1 is the first.
    pub revision: u32,
    pub occurred_at: UnixMs,
    pub decided_at: UnixMs,
    /// The sale's amount, or what is taken back (positive).
    pub money: Option<Money>,
    pub sale: Option<Sale>,
    /// Of the amount.
    pub parts: Parts,
    /// The code that the customer used.
    pub coupon: Option<String>,
    /// What was bought or given back, as far as lines say it.
    pub products: Vec<Product>,
    /// `clear`, `review`, `held` or `rejected`.
    pub status: String,
    pub credits: Vec<Credit>,
    pub consent: Option<Consent>,
    pub permission: Permission,
    /// Ad platforms' click IDs, only under full consent, raw as they stood in the address.
    pub click_ids: Vec<ClickIdRecord>,
    /// The registrable domain of the program's first host.
    pub domain: String,
    pub is_new_customer: Option<bool>,
    /// One plain sentence.
    pub explanation: String,
    /// The decision as it is stored, without click IDs: for the merchant's own systems.
    pub decision: Value,
    /// What this destination kept of the person and their browser; empty when it expired.
    pub kept: Kept,
    /// What a notice is about (`commission.*`, `violation.opened`); `None` for an event.
    pub notice: Option<Value>,
}

impl Event {
    /// The value of a click ID as its platform wants it back, and when it was clicked.
    pub fn click_id(&self, kind: ClickIdKind) -> Option<(String, UnixMs)> {
        let found = self.click_ids.iter().find(|id| id.kind == kind)?;
        Some((click_ids::decode(&found.value), found.at))
    }

    /// The event's time in whole unix seconds.
    pub fn seconds(&self) -> i64 {
        self.occurred_at.0.div_euclid(1_000)
    }

    /// The amount without tax and shipping.
    pub fn net(&self) -> Option<Money> {
        let parts = [self.parts.tax, self.parts.shipping];
        let mut parts = parts.into_iter().flatten();
        parts.try_fold(self.money?, |net, part| net.checked_sub(part).ok())
    }

    /// The products as a platform lists them, each with what `more` adds to its quantity.
    pub fn products(&self, more: impl Fn(&Product, &mut Object)) -> Vec<Value> {
        let mut all = Vec::new();
        for product in &self.products {
            let mut one = Object::new();
            if let Some(quantity) = product.quantity {
                one.number("quantity", quantity);
            }
            more(product, &mut one);
            all.push(one.build());
        }
        all
    }

    /// The sale that this is, or is about: the key by which platforms merge orders.
    pub fn order(&self) -> Option<&str> {
        match &self.sale {
            Some(sale) => Some(&sale.key),
            None => (self.occasion.is_sale() || self.occasion == Occasion::Deal)
                .then_some(self.key.as_str()),
        }
    }
}
