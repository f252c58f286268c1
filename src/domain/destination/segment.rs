//! Segment's HTTP API: track calls in batches. Source: Segment's pages "HTTP API source", "Spec:
//! Track", "Spec: V2 Ecommerce events" and "Consent in Segment Connections".

#[cfg(test)]
mod tests;

use base64_simd::STANDARD;
use serde_json::Value;

use super::standard::SEGMENT;
use super::{
    Answer, Destination, Event, Fate, Item, Kept, Object, Outcome, Permission, Person, Request,
    Settings, Target, Terms, decimal, unless_mail,
};
use crate::domain::money::Money;
use crate::domain::record;

const BASE: &str = "https://api.segment.io";
/// Workspaces in the European Union have a place of their own; the other one takes their events
/// and shows them to nobody.
const EU: &str = "https://events.eu1.segmentapis.com";
/// A batch may have 500 kB; the rest is for what stands around the events.
const BATCH_BYTES: usize = 490_000;
const EVENT_BYTES: usize = 32_000;
const MAX_CATEGORIES: usize = 20;

/// Segment's HTTP API.
pub struct Segment;

impl Destination for Segment {
    fn kind(&self) -> &'static str {
        "segment"
    }

    /// Hears of an event once: what it needs of the person is deleted on delivery, and a change
    /// without it would belong to nobody.
    fn terms(&self) -> Terms {
        Terms {
            batch: 1_000,
            bytes: BATCH_BYTES,
            ..Terms::PLATFORM
        }
    }

    fn settings(&self, settings: &mut Settings<'_, '_>) -> Option<Value> {
        settings.required_secret("write_key", 256);
        let region = settings.region();
        let base = settings.test_url("base_url");
        let categories = match settings.fields.value("consent_categories") {
            Some(_) => settings.fields.texts("consent_categories", MAX_CATEGORIES),
            None => None,
        };
        let mut config = Object::new();
        config
            .maybe("region", region)
            .maybe("base_url", base?.as_deref());
        if let Some(categories) = categories {
            config.value("consent_categories", categories.into());
        }
        Some(config.build())
    }

    /// The merchant's own id of the customer, unless it looks like a mail address.
    fn keep(&self, person: &Person<'_>, kept: &mut Kept) {
        let id = unless_mail(person.customer_id);
        kept.copy("userId", id);
        kept.copy("userAgent", person.user_agent);
        kept.copy("url", person.page());
    }

    fn item(&self, event: &Event, to: &Target<'_>) -> Item {
        let Some(name) = name(event) else {
            return Item::Skip("kind_not_taken");
        };
        if name == "Order Refunded" && event.sale.is_none() {
            return Item::Skip("sale_unknown");
        }
        let categories = &to.config["consent_categories"];
        // An opt-out that could not be told would be forwarded as if there were none.
        if event.permission < Permission::Full && !categories.is_array() {
            return Item::Skip("consent_categories_missing");
        }
        let mut item = Object::new();
        item.text("type", "track")
            .text("event", name)
            .text("messageId", &event.id)
            .text("timestamp", &event.occurred_at.to_rfc3339())
            .object("properties", properties(event))
            .object("context", context(event, categories));
        if let Some(user) = event.kept.text("userId") {
            item.text("userId", user);
        } else {
            // Somebody has to have done it. A refund of a customer that is not known belongs to its
            // sale.
            let sale = event.sale.as_ref().map(|sale| sale.event.as_str());
            item.text("anonymousId", sale.unwrap_or(&event.id));
        }
        let item = item.build();
        if item.to_string().len() > EVENT_BYTES {
            return Item::Skip("event_too_large");
        }
        Item::Send(item)
    }

    fn request(&self, items: &[Value], to: &Target<'_>) -> Option<Request> {
        let base = to.regional(BASE, EU);
        let mut body = Object::new();
        body.value("batch", items.into());
        let request = Request::post(format!("{base}/v1/batch"), &body.build());
        let key = STANDARD.encode_to_string(format!("{}:", to.secret));
        Some(request.with("authorization", format!("Basic {key}")))
    }

    /// `{"success": true}` is all that Segment says, even of events that it drops later. 400 and
    /// 413 are about size or form, of which halves show whose.
    fn outcome(&self, answer: &Answer, _: &Target<'_>, _: usize) -> Outcome {
        let read = record::parse(&answer.body).unwrap_or_default();
        let success = read.get("success").and_then(Value::as_bool);
        match answer.status {
            200..=299 if success == Some(true) => Outcome::delivered(),
            200..=299 => Outcome::of(answer, Fate::Retry).because("unreadable answer"),
            400 | 413 => Outcome::of(answer, Fate::Bisect),
            _ => Outcome::by_status(answer),
        }
    }
}

/// The name in Segment's own spec, or the merchant's.
fn name(event: &Event) -> Option<&str> {
    SEGMENT.of(event, |_| true)
}

/// `total` is what was paid; `revenue`, the word by which most tools count, is without tax and
/// shipping, as are the prices.
fn properties(event: &Event) -> Object {
    let money = |money: Option<Money>| money.map_or(Value::Null, decimal);
    let mut properties = Object::new();
    properties
        .text("event_id", &event.id)
        .maybe("order_id", event.order())
        .value("total", money(event.money))
        .value("tax", money(event.parts.tax))
        .value("shipping", money(event.parts.shipping))
        .value("discount", money(event.parts.discount))
        .maybe("coupon", event.coupon.as_deref());
    if let Some(paid) = event.money {
        properties.text("currency", paid.currency().code());
    }
    if !event.occasion.is_reversal() {
        properties.value("revenue", money(event.net()));
    }
    let products = event.products(|product, one| {
        // Destinations behind Segment (GA4, Facebook) refuse orders without `product_id`.
        one.text("product_id", &product.sku)
            .text("sku", &product.sku)
            .maybe("category", product.category.as_deref())
            .value("price", money(product.net_price()));
    });
    if !products.is_empty() {
        properties.value("products", products.into());
    }
    let credit = event.credits.first();
    properties.maybe("partner_id", credit.map(|credit| credit.partner.as_str()));
    properties
}

fn context(event: &Event, categories: &Value) -> Object {
    let mut context = Object::new();
    event.kept.copy_into(&mut context, &["userAgent"]);
    let mut page = Object::new();
    event.kept.copy_into(&mut page, &["url"]);
    context.object("page", page);
    let mut preferences = Object::new();
    for category in categories.as_array().into_iter().flatten() {
        if let Some(category) = category.as_str() {
            preferences.value(category, (event.permission == Permission::Full).into());
        }
    }
    let mut consent = Object::new();
    consent.object("categoryPreferences", preferences);
    context.object("consent", consent);
    context
}
