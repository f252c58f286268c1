//! What destinations are told of a fact and its decision: the one place that knows both the
//! ledger's types and the destinations' neutral one.

use crate::domain::consent::Consent;
use crate::domain::decision::{Decision, Names};
use crate::domain::destination::{Credit, Event, Occasion, Sale, permission};
use crate::domain::event::Fact;
use crate::domain::ids::{LinkId, PartnerId};
use crate::domain::money::Money;
use crate::domain::record;
use crate::domain::time::UnixMs;
use serde::Deserialize;
use serde_json::Value;

/// An event as the tables have it.
#[derive(Deserialize)]
pub(super) struct Told {
    pub(super) fact: Fact,
    decision: Value,
    pub(super) revision: u32,
    pub(super) decided_at: UnixMs,
    /// The registrable domain of the program's site.
    pub(super) domain: Option<String>,
    /// Names of partners and links, by id.
    pub(super) names: Value,
    /// Tags of the clicks, by nonce.
    #[serde(default)]
    pub(super) tags: Value,
    /// Amount of the sale that this is about, and the amounts taken back of it.
    pub(super) sold: Option<Money>,
    #[serde(default)]
    pub(super) taken_back: Vec<Money>,
    /// Of the decision about that sale: when it happened (`at`) and its `click_ids`.
    #[serde(default)]
    pub(super) about: Value,
}

impl Names for Told {
    fn partner(&self, id: PartnerId) -> String {
        self.name(&id.to_string())
    }

    fn link(&self, id: LinkId) -> String {
        self.name(&id.to_string())
    }
}

impl Told {
    fn name(&self, id: &str) -> String {
        let name = self.names[id].as_str();
        name.unwrap_or(id).to_owned()
    }

    /// The neutral event, but for what is the delivery's own (its id, its message, what was
    /// kept). `None` for a kind of fact that no destination knows.
    pub(super) fn event(&self, limited_data: bool) -> Option<Event> {
        let fact = &self.fact;
        let mut decision: Decision = record::take(&self.decision)?;
        // A refund's decision has its sale's consent; what was said with the refund may be less.
        decision.consent = decision.consent.into_iter().chain(fact.consent).min();
        let forwards = decision.consent.is_some_and(Consent::allows_forwarding);
        if decision.click_ids.is_empty() && forwards {
            decision.click_ids = record::take(&self.about["click_ids"]).unwrap_or_default();
        }
        Some(Event {
            id: fact.id.clone(),
            program: fact.program.to_string(),
            occasion: Occasion::parse(fact.kind.name())?,
            name: fact.name.clone(),
            key: self.key(),
            revision: self.revision,
            occurred_at: decision.occurred_at,
            decided_at: self.decided_at,
            money: decision.amount,
            sale: self.sale(&decision),
            status: "clear".to_owned(),
            credits: self.credits(&decision),
            consent: decision.consent,
            permission: permission(
                decision.consent,
                fact.touch().map(|touch| touch.evidence),
                fact.consent,
                limited_data,
            ),
            domain: self.domain.clone().unwrap_or_default(),
            explanation: decision.sentence(self),
            decision: self.shown(),
            click_ids: decision.click_ids,
            ..Event::default()
        })
    }

    /// A lead's key begins with the customer's pseudonym, which is not told.
    fn key(&self) -> String {
        let fact = &self.fact;
        let pseudonym = fact.customer.as_deref().unwrap_or_default();
        let rest = fact.key.strip_prefix(pseudonym);
        let rest = rest.and_then(|rest| rest.strip_prefix(':'));
        rest.unwrap_or(&fact.key).to_owned()
    }

    fn sale(&self, decision: &Decision) -> Option<Sale> {
        let left = self
            .taken_back
            .iter()
            .try_fold(self.sold?, |left, part| left.checked_sub(*part).ok());
        Some(Sale {
            event: decision.sale.clone()?,
            key: self.fact.sale_key.clone()?,
            occurred_at: self.about["at"]
                .as_i64()
                .map_or(decision.occurred_at, UnixMs),
            money: self.sold,
            left,
        })
    }

    fn credits(&self, decision: &Decision) -> Vec<Credit> {
        let Some(partner) = decision.partner else {
            return Vec::new();
        };
        let touches = &decision.touches;
        let won = touches.iter().find(|touch| touch.share_bps > 0);
        let nonce = won.and_then(|touch| touch.nonce.as_ref());
        vec![Credit {
            partner: partner.to_string(),
            partner_name: self.partner(partner),
            link: decision.link.map(|id| id.to_string()),
            code: None,
            share_bps: 10_000,
            amount: decision.amount,
            commission: decision.commission.clone(),
            tags: nonce
                .and_then(|nonce| record::take(self.tags.get(nonce)?))
                .unwrap_or_default(),
            // A click without a nonce names a day only.
            clicked_at: won.filter(|_| nonce.is_some()).map(|touch| touch.at),
        }]
    }

    /// The decision for people to look at. Click IDs are for the ad platforms that made them.
    fn shown(&self) -> Value {
        let mut shown = self.decision.clone();
        if let Some(members) = shown.as_object_mut() {
            members.remove("click_ids");
        }
        shown
    }
}
