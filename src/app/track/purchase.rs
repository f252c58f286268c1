//! Sales, deals and renewals. An invoice is one of them, whatever it is called.

use super::{Conversion, Read, Reading};
use crate::domain::event::{EventKind, Order};
use crate::domain::ids::PartnerId;
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::money::{Currency, MAX_MINOR, Money};
use crate::json;

impl Reading<'_> {
    pub(super) fn purchase(&self, kind: EventKind, mut fields: Fields<'_>) -> Read {
        let customer = match kind {
            // A renewal may know its subscription only.
            EventKind::Renewal => fields
                .text("customerExternalId", limits::EXTERNAL_ID_CHARS)
                .filter(|id| !id.is_empty()),
            _ => fields.required_text("customerExternalId", limits::EXTERNAL_ID_CHARS),
        };
        let amount = fields.required_integer("amount", 0, MAX_MINOR);
        let given = fields.value("currency").is_some();
        let currency = fields.currency("currency");
        let dollars = || Currency::parse("USD").ok();
        let currency = if given { currency } else { dollars() };
        let name = fields.text("eventName", limits::NAME_CHARS);
        let name = name.filter(|name| !name.is_empty());
        let name = name.unwrap_or(if kind == EventKind::Sale {
            "Purchase"
        } else {
            kind.title()
        });
        let processor = fields.text("paymentProcessor", 40).unwrap_or("custom");
        let invoice = fields.text("invoiceId", limits::EXTERNAL_ID_CHARS);
        fields.text("leadEventName", limits::NAME_CHARS);
        let metadata = fields.value("metadata").cloned();
        let order = Order::read(&mut fields, amount);
        let new_customer = fields.boolean("newCustomer");
        let partner = partner(&mut fields, kind);
        let common = self.common(&mut fields, customer);
        let named = customer.is_some() || common.subscription.is_some();
        if kind == EventKind::Renewal && !named {
            let detail = "is required, or subscriptionId";
            fields.fault("customerExternalId", "required", detail);
        }
        let money = amount.zip(currency);
        let money = money.and_then(|(amount, currency)| Money::new(amount, currency).ok());
        let (money, common) = fields.finish(money.map(|money| (money, common)))?;
        let key = self.key(invoice, "invoiceId");
        let mut fact = self.fact(kind, &key.text, name, &common);
        fact.money = Some(money);
        fact.order = order;
        fact.new_customer = new_customer;
        fact.partner = partner;
        let mut shown = common.shown();
        shown["id"] = json!(fact.customer.as_ref().map(|own| format!("cus_{own}")));
        let answer = json!({
            "eventName": name,
            "customer": shown,
            "sale": {
                "amount": money.amount_minor(),
                "currency": money.currency().code().to_ascii_lowercase(),
                "paymentProcessor": processor,
                "invoiceId": Some(&key.text).filter(|_| key.from != "server"),
                "metadata": metadata,
            },
            "kind": kind,
            "subscriptionId": common.subscription,
            "eventId": fact.id,
            "idempotency": key.answer(),
        });
        Ok(Conversion {
            fact,
            kept: common.kept,
            answer,
        })
    }
}

/// The partner of a deal; other purchases find theirs by touches and codes.
fn partner(fields: &mut Fields<'_>, kind: EventKind) -> Option<PartnerId> {
    let text = fields.text("partnerId", 30);
    if kind != EventKind::Deal {
        if text.is_some() {
            fields.fault("partnerId", "only_deals", "only a deal names its partner");
        }
        return None;
    }
    if text.is_none() && fields.value("partnerId").is_none() {
        fields.fault("partnerId", "required", "is required");
    }
    let partner = PartnerId::parse(text?);
    if partner.is_none() {
        fields.fault(
            "partnerId",
            "not_an_id",
            "must be the id of a partner: pn_…",
        );
    }
    partner
}
