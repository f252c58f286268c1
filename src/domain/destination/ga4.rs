//! Google Analytics 4 through the Measurement Protocol. Source: Google's pages "Measurement
//! Protocol reference", "Measurement Protocol events" and "Validate events".
//!
//! It never says no: every request is answered 2xx. What it would drop is therefore not sent. It
//! has a key against double counting for purchases only (`transaction_id`).

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::standard::GA4;
use super::{
    Answer, Destination, Event, Fate, Item, Kept, Object, Outcome, Permission, Person, Request,
    Settings, Target, Terms, decimal, encoded, unless_mail, word,
};
use crate::domain::money::Money;
use crate::domain::record;

const BASE: &str = "https://www.google-analytics.com";
/// Where data is collected in the European Union.
const EU: &str = "https://region1.google-analytics.com";
/// Longest name of an event.
const NAME_CHARS: usize = 40;
/// Longest value of a parameter.
const VALUE_CHARS: usize = 100;
/// What custom events may not be called, and may not begin with.
const RESERVED: [&str; 8] = [
    "error",
    "first_open",
    "first_visit",
    "in_app_purchase",
    "session_start",
    "user_engagement",
    "app_remove",
    "app_update",
];
const RESERVED_PREFIXES: [&str; 4] = ["ga_", "google_", "firebase_", "gtag"];

/// Google Analytics 4.
pub struct Ga4;

impl Destination for Ga4 {
    fn kind(&self) -> &'static str {
        "ga4"
    }

    /// A request is about one browser (`client_id`), so it holds one event. Events may be 72 hours
    /// old.
    fn terms(&self) -> Terms {
        Terms {
            max_age_ms: Some(72 * 3_600_000),
            ..Terms::PLATFORM
        }
    }

    fn settings(&self, settings: &mut Settings<'_, '_>) -> Option<Value> {
        let id = settings.fields.required_text("measurement_id", 20);
        settings.required_secret("api_secret", 256);
        let region = settings.region();
        let base = settings.test_url("base_url");
        if id.is_some_and(|id| !is_measurement_id(id)) {
            let detail = "must be a measurement id like G-1A2BCD345E";
            settings.fields.fault("measurement_id", "invalid", detail);
        }
        let mut config = Object::new();
        config
            .text("measurement_id", id?)
            .maybe("region", region)
            .maybe("base_url", base?.as_deref());
        Some(config.build())
    }

    fn keep(&self, person: &Person<'_>, kept: &mut Kept) {
        kept.copy("client_id", person.ga_client_id.and_then(client_id));
        kept.copy("session_id", person.ga_session_id.and_then(session_id));
    }

    fn item(&self, event: &Event, _: &Target<'_>) -> Item {
        let Some(name) = name(event) else {
            return Item::Skip("kind_not_taken");
        };
        // An id of our own making would be a new visitor without a source.
        let Some(client) = event.kept.text("client_id") else {
            return Item::Skip("client_id_missing");
        };
        if name == "refund" && event.sale.is_none() {
            return Item::Skip("sale_unknown");
        }
        let about_money = matches!(name, "purchase" | "refund");
        if about_money && event.money.is_none() {
            return Item::Skip("amount_missing");
        }
        let mut body = Object::new();
        body.text("client_id", client)
            .number(
                "timestamp_micros",
                event.occurred_at.0.saturating_mul(1_000),
            )
            .object("consent", consent(event.permission))
            .value("events", vec![one(event, name)].into());
        Item::Send(body.build())
    }

    fn request(&self, items: &[Value], to: &Target<'_>) -> Option<Request> {
        let base = to.regional(BASE, EU);
        // The validation server counts nothing and says what is wrong.
        let debug = if to.test { "/debug" } else { "" };
        let url = format!(
            "{base}{debug}/mp/collect?measurement_id={}&api_secret={}",
            encoded(to.text("measurement_id")?),
            encoded(to.secret)
        );
        Some(Request::post(url, items.first()?))
    }

    /// 2xx is all that there is. The validation server lists what is wrong.
    fn outcome(&self, answer: &Answer, _: &Target<'_>, _: usize) -> Outcome {
        let read = record::parse(&answer.body).unwrap_or_default();
        let wrong = read.get("validationMessages").and_then(|all| all.get(0));
        match wrong {
            Some(wrong) if answer.status < 300 => {
                let code = word(&wrong["validationCode"]).unwrap_or("not valid");
                Outcome::of(answer, Fate::Drop).because(code)
            }
            _ => Outcome::by_status(answer),
        }
    }
}

fn is_measurement_id(id: &str) -> bool {
    id.strip_prefix("G-").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The client id in the cookie `_ga` (`GA1.1.1234567890.1732230000`), or the bare id, of whatever
/// form: gtag's two numbers, AMP's `amp-…`, a UUID, one of the merchant's own. `None` for what is
/// none: nothing, what may be a mail address, more than one word.
fn client_id(raw: &str) -> Option<&str> {
    let bare = match raw.strip_prefix("GA1.") {
        // How deep the cookie's domain is, and after a dash its path.
        Some(rest) => {
            let (depth, id) = rest.split_once('.')?;
            let depth = depth.split_once('-').unwrap_or((depth, "1"));
            (is_number(depth.0) && is_number(depth.1)).then_some(id)?
        }
        None => raw,
    };
    let word = |text: &&str| {
        (1..=VALUE_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    unless_mail(Some(bare)).filter(word)
}

/// The session's number in the cookie `_ga_…`: `GS1.1.{id}.…`, since 2025 `GS2.1.s{id}$…`, or the
/// bare number; `None` for what is none of these.
fn session_id(raw: &str) -> Option<&str> {
    let bare = if let Some(rest) = raw.strip_prefix("GS1.") {
        rest.split('.').nth(1)?
    } else if let Some(rest) = raw.strip_prefix("GS2.") {
        let (_, fields) = rest.split_once('.')?;
        fields
            .split('$')
            .find_map(|field| field.strip_prefix('s'))?
    } else {
        raw
    };
    is_number(bare).then_some(bare)
}

/// GA4's recommended event, or for a milestone the merchant's own name where GA4 allows it.
fn name(event: &Event) -> Option<&str> {
    GA4.of(event, is_custom_name)
}

fn is_custom_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.len() <= NAME_CHARS
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(word)
        && !RESERVED.contains(&name)
        && !RESERVED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

fn consent(permission: Permission) -> Object {
    let word = match permission {
        Permission::Full => "GRANTED",
        _ => "DENIED",
    };
    let mut consent = Object::new();
    consent
        .text("ad_user_data", word)
        .text("ad_personalization", word);
    consent
}

/// As much of a text as a parameter may hold.
fn cut(text: &str) -> String {
    text.chars().take(VALUE_CHARS).collect()
}

fn one(event: &Event, name: &str) -> Value {
    let mut params = Object::new();
    if let Some(session) = event.kept.text("session_id") {
        // Without both the event is in no report about sessions.
        params
            .text("session_id", session)
            .number("engagement_time_msec", 1);
    }
    if let Some(order) = event.order() {
        // Cut in the same way on a sale and on its refund, so that they still belong together.
        params.text("transaction_id", &cut(order));
    }
    let about_money = matches!(name, "purchase" | "refund");
    // Tax and shipping are no part of the value: GA4 wants them apart.
    if let Some(money) = event.net() {
        params
            .value("value", decimal(money))
            .text("currency", money.currency().code());
    }
    if about_money {
        let part = |part: Option<Money>| part.map_or(Value::Null, decimal);
        let coupon = event.coupon.as_deref().map(cut);
        params
            .value("tax", part(event.parts.tax))
            .value("shipping", part(event.parts.shipping))
            .maybe("coupon", coupon.as_deref());
        let items = event.products(|product, one| {
            one.text("item_id", &cut(&product.sku))
                .maybe(
                    "item_category",
                    product.category.as_deref().map(cut).as_deref(),
                )
                .value("price", part(product.net_price()));
        });
        // Required of a purchase, even where we know of none.
        if name == "purchase" || !items.is_empty() {
            params.value("items", items.into());
        }
    }
    let mut one = Object::new();
    // `params` stands there even when it is empty.
    one.text("name", name).value("params", params.build());
    one.build()
}
