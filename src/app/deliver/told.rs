//! What destinations are told of a fact and its decision: the one place that knows both the
//! ledger's types and the destinations' neutral one.

use super::bought::{self, Sold};
use domain::forward::destination::{
    Credit, Event, Occasion, Parts, Permission, Product, Sale, permission, unless_mail,
};
use domain::ledger::code;
use domain::ledger::decision::{self, Decision, Names};
use domain::ledger::event::{Fact, Order};
use domain::values::ids::{LinkId, PartnerId};
use domain::values::money::Money;
use domain::values::record;
use domain::values::time::UnixMs;
use domain::visit::consent::Consent;
use serde_json::Value;

/// An event as the tables have it.
pub(super) struct Told {
    fact: Fact,
    decision: Decision,
    /// The decision as stored, the names of partners and links by id, the tags of clicks by nonce,
    /// and what else the row says.
    row: Value,
    /// Amount of the sale that this is about, and the amounts taken back of it; negative what a won
    /// dispute restored.
    sold: Option<Money>,
    /// What that sale consisted of.
    sold_order: Order,
    taken_back: Vec<Money>,
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
    /// Reads the row; `None` when there is no decision yet.
    pub(super) fn of(row: Value) -> Option<Told> {
        let fact: Fact = record::take(&row["fact"])?;
        let mut decision: Decision = record::take(&row["decision"])?;
        // A refund's decision has its sale's consent; what was said with the refund may be less.
        decision.consent = decision.consent.into_iter().chain(fact.consent).min();
        let forwards = decision.consent.is_some_and(Consent::allows_forwarding);
        if decision.click_ids.is_empty() && forwards {
            let about = row["about"].get("click_ids");
            decision.click_ids = about.and_then(record::take).unwrap_or_default();
        }
        Some(Told {
            fact,
            decision,
            sold: record::take(&row["sold"]),
            sold_order: record::take(&row["sold_order"]).unwrap_or_default(),
            taken_back: record::take(&row["taken_back"]).unwrap_or_default(),
            row,
        })
    }

    fn name(&self, id: &str) -> String {
        let name = self.row["names"][id].as_str();
        name.unwrap_or(id).to_owned()
    }

    /// The neutral event, but for what is the delivery's own (its id, its message, what was
    /// kept). `None` for a kind of fact that no destination knows.
    pub(super) fn event(&self, limited_data: bool) -> Option<Event> {
        let (fact, decision) = (&self.fact, &self.decision);
        let number = |name: &str| self.row[name].as_i64().unwrap_or_default();
        let domain = self.row["domain"].as_str();
        Some(Event {
            id: fact.id.clone(),
            program: fact.program.to_string(),
            occasion: Occasion::parse(fact.kind.name())?,
            name: fact.name.clone(),
            key: self.key(),
            revision: number("revision").try_into().unwrap_or(1),
            occurred_at: decision.occurred_at,
            decided_at: UnixMs(number("decided_at")),
            money: decision.amount,
            sale: self.sale(),
            parts: self.parts(),
            coupon: self
                .coupon()
                .filter(|code| unless_mail(Some(code)).is_some()),
            products: self.products(),
            status: decision.status.name().to_owned(),
            is_new_customer: decision.new_customer,
            credits: self.credits(),
            consent: decision.consent,
            permission: self.permission(limited_data),
            domain: domain.unwrap_or_default().to_owned(),
            explanation: decision.sentence(self),
            decision: self.shown(),
            click_ids: decision.click_ids.clone(),
            ..Event::default()
        })
    }

    /// The event's code in one form, since platforms group by it: as its owner wrote it where it
    /// earned, else in capitals.
    fn coupon(&self) -> Option<String> {
        let used = self.fact.code.as_ref()?.as_str();
        let mut credits = self.decision.credits.iter();
        let earned = credits.find_map(|credit| {
            let code = credit.code.as_deref()?;
            (code::key(code) == code::key(used)).then(|| code.to_owned())
        });
        Some(earned.unwrap_or_else(|| code::capitals(used)))
    }

    /// By the decision, and by what is known of the customer now: a token that withholds may leave
    /// limited data, a word that refuses does not.
    fn permission(&self, limited_data: bool) -> Permission {
        let fact = &self.fact;
        let refusal = self.row["refusal"].as_str();
        let ended = refusal.map(|_| Consent::Code);
        permission(
            self.decision.consent.map(|known| ended.unwrap_or(known)),
            fact.touch().map(|touch| touch.evidence),
            ended
                .filter(|_| refusal == Some("refused"))
                .or(fact.consent),
            limited_data,
        )
    }

    /// A lead's key begins with the customer's pseudonym, which is not told.
    fn key(&self) -> String {
        let fact = &self.fact;
        let pseudonym = fact.customer.as_deref().unwrap_or_default();
        let rest = fact.key.strip_prefix(pseudonym);
        let rest = rest.and_then(|rest| rest.strip_prefix(':'));
        rest.unwrap_or(&fact.key).to_owned()
    }

    fn sale(&self) -> Option<Sale> {
        let sold = self.sold?;
        // What was reported in another currency took nothing.
        let parts = self.taken_back.iter();
        let left = parts
            .filter(|part| part.currency() == sold.currency())
            .try_fold(sold, |left, part| left.checked_sub(*part).ok());
        Some(Sale {
            event: self.decision.purchase.clone()?,
            key: self.fact.sale_key.clone()?,
            occurred_at: UnixMs(self.row["about"].get("at")?.as_i64()?),
            money: self.sold,
            left,
        })
    }

    /// The sale that a reversal is about.
    fn bought(&self) -> Option<Sold<'_>> {
        let reversal = !self.fact.kind.is_purchase();
        self.sold.filter(|_| reversal).map(|money| Sold {
            order: &self.sold_order,
            money,
        })
    }

    fn parts(&self) -> Parts {
        let amount = self.decision.amount;
        let parts = |amount| bought::parts(&self.fact.order, amount, self.bought());
        amount.map(parts).unwrap_or_default()
    }

    fn products(&self) -> Vec<Product> {
        let amount = self.decision.amount;
        let products = |amount| bought::products(&self.fact.order, amount, self.bought());
        amount.map(products).unwrap_or_default()
    }

    fn credits(&self) -> Vec<Credit> {
        let credits = self.decision.credits.iter();
        credits.map(|credit| self.credit(credit)).collect()
    }

    fn credit(&self, credit: &decision::Credit) -> Credit {
        let mut touches = self.decision.touches.iter();
        let won = touches.find(|touch| {
            touch.share_bps > 0 && (touch.partner, touch.link) == (credit.partner, credit.link)
        });
        let nonce = won.and_then(|touch| touch.nonce.as_ref());
        Credit {
            partner: credit.partner.to_string(),
            partner_name: self.partner(credit.partner),
            link: credit.link.map(|id| id.to_string()),
            code: credit.code.clone(),
            share_bps: credit.share_bps,
            amount: credit.amount,
            commission: credit.commission.clone(),
            tags: nonce
                .and_then(|nonce| record::take(&self.row["tags"][nonce]))
                .unwrap_or_default(),
            // A click without a nonce names a day only.
            clicked_at: won.filter(|_| nonce.is_some()).map(|touch| touch.at),
        }
    }

    /// The decision for people to look at. Click IDs are for the ad platforms that made them.
    fn shown(&self) -> Value {
        let mut shown = self.row["decision"].clone();
        if let Some(members) = shown.as_object_mut() {
            members.remove("click_ids");
            members.insert("key".to_owned(), self.key().into());
        }
        shown
    }
}
