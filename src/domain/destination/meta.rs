//! Meta's Conversions API. Source: Meta's pages "Conversions API parameters", "server event" and
//! "Limited Data Use"; npm facebook-nodejs-business-sdk for the contents of an order.

mod answer;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::decimal::decimal;
use super::standard::META_AND_TIKTOK;
use super::{
    Answer, Destination, Event, Item, Kept, Object, Outcome, Permission, Person, Product, Request,
    Settings, Target, Terms, hashing, version_warning,
};
use crate::domain::click_ids::ClickIdKind;
use crate::domain::fb_cookies::{fbc, fbp};
use crate::domain::time::UnixMs;

/// Where the Graph API lives.
const BASE: &str = "https://graph.facebook.com";
/// The Graph API version of a destination that names none; Meta ends versions after two years.
const VERSION: &str = "v24.0";
/// When versions end. Source: developers.facebook.com/docs/graph-api/changelog/versions.
const ENDS: [(&str, &str); 6] = [
    ("v20.0", "2026-09-24"),
    ("v21.0", "2027-01-21"),
    ("v22.0", "2027-05-20"),
    ("v23.0", "2027-10-08"),
    ("v24.0", "2028-02-18"),
    ("v25.0", "2028-07-29"),
];
/// Longest name of an event of the merchant's own.
const NAME_CHARS: usize = 50;

/// Meta's Conversions API.
pub struct Meta;

impl Destination for Meta {
    fn kind(&self) -> &'static str {
        "meta"
    }

    /// One event above seven days makes Meta refuse the whole request.
    fn terms(&self) -> Terms {
        Terms {
            batch: 1_000,
            max_age_ms: Some(7 * 86_400_000),
            ..Terms::PLATFORM
        }
    }

    fn settings(&self, settings: &mut Settings<'_, '_>) -> Option<Value> {
        let pixel = settings.required_digits("pixel_id", 32);
        settings.required_secret("access_token", 1_024);
        let version = settings.fields.text("api_version", 8);
        let test = settings.fields.text("test_event_code", 64);
        let base = settings.test_url("base_url");
        if version.is_some_and(|version| !is_version(version)) {
            let detail = "must be a Graph API version like v24.0";
            settings.fields.fault("api_version", "invalid", detail);
        }
        let mut config = Object::new();
        config
            .text("pixel_id", pixel?)
            .maybe("api_version", version)
            .maybe("base_url", base?.as_deref())
            .maybe("test_event_code", test);
        Some(config.build())
    }

    fn keep(&self, person: &Person<'_>, kept: &mut Kept) {
        kept.put("em", person.email.and_then(hashing::meta_email));
        kept.put("ph", person.phone.map(hashing::phone));
        let external = person.customer_id.and_then(hashing::external_id);
        kept.put("external_id", external);
        kept.copy("client_user_agent", person.user_agent);
        kept.copy("event_source_url", person.page());
        kept.copy("fbp", person.fbp.and_then(fbp));
    }

    fn item(&self, event: &Event, _: &Target<'_>) -> Item {
        let Some(name) = name(event) else {
            return Item::Skip("kind_not_taken");
        };
        if name == "Purchase" && event.money.is_none() {
            return Item::Skip("amount_missing");
        }
        let user = user_data(event);
        // Nothing else would let Meta match a person.
        let keys = ["em", "ph", "external_id", "fbc", "fbp"];
        if !keys.iter().any(|key| user.has(key)) {
            return Item::Skip("match_key_missing");
        }
        Item::Send(item(event, name, user))
    }

    fn request(&self, items: &[Value], to: &Target<'_>) -> Option<Request> {
        let base = to.base("base_url", BASE);
        let version = to.text("api_version").unwrap_or(VERSION);
        let pixel = to.text("pixel_id")?;
        let mut body = Object::new();
        body.value("data", items.into())
            .maybe("test_event_code", to.text("test_event_code"));
        let url = format!("{base}/{version}/{pixel}/events");
        Some(Request::post(url, &body.build()).bearer(to.secret))
    }

    fn outcome(&self, answer: &Answer, _: &Target<'_>, sent: usize) -> Outcome {
        answer::outcome(answer, sent)
    }

    fn warning(&self, config: &Value, now: UnixMs) -> Option<String> {
        let version = config.get("api_version").and_then(Value::as_str);
        let version = version.unwrap_or(VERSION);
        version_warning(&ENDS, version, now)
    }
}

/// `v` and two numbers: TikTok's versions have this form too.
pub(super) fn is_version(text: &str) -> bool {
    let number = |text: &str| {
        (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts = text.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(major, minor)| number(major) && number(minor))
}

/// Meta's word for it, and TikTok's: a standard event, or for a milestone the merchant's own name.
pub(super) fn name(event: &Event) -> Option<&str> {
    META_AND_TIKTOK.of(event, |own| own.chars().count() <= NAME_CHARS)
}

fn user_data(event: &Event) -> Object {
    let mut user = Object::new();
    for name in ["em", "ph", "external_id"] {
        if let Some(hash) = event.kept.text(name) {
            user.value(name, vec![hash].into());
        }
    }
    event
        .kept
        .copy_into(&mut user, &["client_user_agent", "fbp"]);
    let click = event.click_id(ClickIdKind::Fbclid);
    let click = click.and_then(|(id, at)| fbc(at.0, &id, &event.domain));
    user.maybe("fbc", click.as_deref());
    user
}

/// Amount, order and what was bought, as Meta and TikTok have them; `more` adds to what was bought
/// under the platform's names.
pub(super) fn order_data(event: &Event, more: impl Fn(&Product, &mut Object)) -> Object {
    let mut data = Object::new();
    if let Some(money) = event.money {
        data.text("currency", money.currency().code())
            .value("value", decimal(money));
    }
    data.maybe("order_id", event.order());
    let contents = event.products(more);
    if !contents.is_empty() {
        data.value("contents", contents.into())
            .text("content_type", "product");
    }
    data
}

fn item(event: &Event, name: &str, user: Object) -> Value {
    // `website` needs the user agent and the page; without either the honest word is `other`, for
    // which Meta asks nothing more.
    let page = event.kept.text("event_source_url");
    let website = page.is_some() && user.has("client_user_agent");
    let mut item = Object::new();
    item.text("event_name", name)
        .number("event_time", event.seconds())
        .text("event_id", &event.id)
        .text("action_source", if website { "website" } else { "other" })
        .maybe("event_source_url", page)
        .object("user_data", user)
        .object(
            "custom_data",
            order_data(event, |product, one| {
                one.text("id", &product.sku);
                one.value("item_price", product.price().map_or(Value::Null, decimal));
            }),
        );
    if event.permission < Permission::Full {
        // Country and state 0: Meta finds the place by itself.
        item.value("data_processing_options", vec!["LDU"].into())
            .number("data_processing_options_country", 0)
            .number("data_processing_options_state", 0);
    }
    item.build()
}
