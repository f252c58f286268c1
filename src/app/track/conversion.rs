//! Leads, milestones, and the turns of a subscription: reactivation and cancellation.

use super::{Conversion, Read, Reading};
use crate::domain::event::EventKind;
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::json;

impl Reading<'_> {
    pub(super) fn lead(&self, mut fields: Fields<'_>) -> Read {
        let customer = fields.required_text("customerExternalId", limits::EXTERNAL_ID_CHARS);
        let name = fields.required_text("eventName", limits::NAME_CHARS);
        fields.integer("eventQuantity", 1, 100);
        fields.choice("mode", &[("async", ()), ("wait", ()), ("deferred", ())]);
        let common = self.common(&mut fields, customer);
        let (customer, name, common) =
            fields.finish(customer.zip(name).map(|(c, n)| (c, n, common)))?;
        let key = format!("{}:{name}", self.pseudonym(customer));
        let fact = self.fact(EventKind::Lead, &key, name, &common);
        let answer = json!({
            "click": {"id": common.click.clone().unwrap_or_default()},
            "link": null,
            "customer": common.shown(),
            "eventId": fact.id,
        });
        Ok(Conversion {
            fact,
            kept: common.kept,
            answer,
        })
    }

    /// A milestone happens once to a customer, unless its caller counts them.
    pub(super) fn milestone(&self, mut fields: Fields<'_>) -> Read {
        let customer = fields.required_text("customerExternalId", limits::EXTERNAL_ID_CHARS);
        let name = fields.required_text("eventName", limits::NAME_CHARS);
        let given = fields.text("eventId", limits::EXTERNAL_ID_CHARS);
        let given = given.filter(|id| !id.is_empty());
        let common = self.common(&mut fields, customer);
        let (customer, name, common) =
            fields.finish(customer.zip(name).map(|(c, n)| (c, n, common)))?;
        let once = format!("{}:{name}", self.pseudonym(customer));
        let key = given.map_or(once, str::to_owned);
        let from = if given.is_some() {
            "eventId"
        } else {
            "eventName"
        };
        let fact = self.fact(EventKind::Milestone, &key, name, &common);
        let answer = json!({
            "kind": EventKind::Milestone,
            "eventName": name,
            "customer": common.shown(),
            "eventId": fact.id,
            "idempotency": {"from": from},
        });
        Ok(Conversion {
            fact,
            kept: common.kept,
            answer,
        })
    }

    /// A customer came back, or ended a subscription.
    pub(super) fn turn(&self, kind: EventKind, mut fields: Fields<'_>) -> Read {
        let customer = fields.text("customerExternalId", limits::EXTERNAL_ID_CHARS);
        let customer = customer.filter(|id| !id.is_empty());
        let given = fields.text("eventId", limits::EXTERNAL_ID_CHARS);
        let reason = fields.text("reason", limits::NAME_CHARS);
        let common = self.common(&mut fields, customer);
        if fields.is_blank("customerExternalId") && common.subscription.is_none() {
            let detail = "is required, or subscriptionId";
            fields.fault("customerExternalId", "required", detail);
        }
        let common = fields.finish(Some(common))?;
        let key = self.key(given, "eventId");
        let fact = self.fact(kind, &key.text, reason.unwrap_or_default(), &common);
        let answer = json!({
            "kind": kind,
            "customer": common.shown(),
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
