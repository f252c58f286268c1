//! Refunds, chargebacks and won disputes: each names the invoice that it is about.

use super::{Conversion, Read, Reading, members};
use crate::domain::event::{EventKind, Order};
use crate::domain::input::Fields;
use crate::domain::limits;
use crate::domain::money::{MAX_MINOR, Money};
use crate::json;

impl Reading<'_> {
    /// A reversal without an amount is about what it names, else about all that is left. A won
    /// dispute gives back what its chargeback took. A member that is not known is refused: it would
    /// be all that was meant.
    pub(super) fn reversal(&self, kind: EventKind, mut fields: Fields<'_>) -> Read {
        let (member, name) = match kind {
            EventKind::Refund => ("refundId", "Refund"),
            _ => ("disputeId", kind.title()),
        };
        members::only(&mut fields, member);
        let id = fields.required_text(member, limits::EXTERNAL_ID_CHARS);
        let invoice = fields.required_text("invoiceId", limits::EXTERNAL_ID_CHARS);
        let amount = fields.integer("amount", 0, MAX_MINOR);
        let currency = fields.currency("currency");
        if amount.is_some() && fields.value("currency").is_none() {
            fields.fault("currency", "required", "is required with an amount");
        }
        let order = Order::read_reversal(&mut fields);
        if amount.is_none() && order.names_nothing() {
            let detail = "is required where no part of more than zero is named";
            fields.fault("amount", "required", detail);
        }
        let customer = fields.text("customerExternalId", limits::EXTERNAL_ID_CHARS);
        let mut common = self.common(&mut fields, customer);
        // Whose it is the ledger knows by the purchase; destinations may be told.
        common.customer = None;
        common.subscription = None;
        common.code = None;
        common.mailbox = None;
        let (id, invoice, common) = fields.finish(id.zip(invoice).map(|(r, i)| (r, i, common)))?;
        let money = amount.zip(currency);
        let money = money.and_then(|(amount, currency)| Money::new(amount, currency).ok());
        let mut fact = self.fact(kind, id, name, &common);
        fact.money = money.filter(|_| kind != EventKind::DisputeWon);
        fact.sale_key = Some(invoice.to_owned());
        fact.order = order;
        let mut answer = json!({
            "kind": kind,
            "eventId": fact.id,
            "invoiceId": invoice,
            "amount": money.map(Money::amount_minor),
        });
        answer[member] = json!(id);
        Ok(Conversion {
            fact,
            kept: common.kept,
            answer,
        })
    }
}
