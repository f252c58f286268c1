//! TikTok's Events API 2.0 for web events. Source: TikTok's pages "How to adopt TikTok's updated
//! standard events", "About parameters" and "Event deduplication"; the open source of
//! segmentio/action-destinations (`tiktok-conversions`) and rudderlabs/rudder-transformer
//! (`tiktok_ads`).

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::meta::{is_version, name, order_data};
use super::{
    Answer, Destination, Event, Fate, Item, Kept, Object, Outcome, Permission, Person, Request,
    Settings, Target, Terms, decimal, hashing, unless_mail,
};
use crate::domain::click_ids::ClickIdKind;
use crate::domain::record;

const BASE: &str = "https://business-api.tiktok.com";
/// The version of a destination that names none.
const VERSION: &str = "v1.3";
/// Each is sent as a list.
const HASHED: [&str; 3] = ["email", "phone", "external_id"];

/// TikTok's Events API.
pub struct TikTok;

impl Destination for TikTok {
    fn kind(&self) -> &'static str {
        "tiktok"
    }

    fn terms(&self) -> Terms {
        Terms {
            batch: 1_000,
            max_age_ms: Some(7 * 86_400_000),
            ..Terms::PLATFORM
        }
    }

    fn settings(&self, settings: &mut Settings<'_, '_>) -> Option<Value> {
        let pixel = settings.fields.required_text("pixel_code", 100);
        settings.required_secret("access_token", 1_024);
        let version = settings.fields.text("api_version", 8);
        let test = settings.fields.text("test_event_code", 64);
        let base = settings.test_url("base_url");
        if version.is_some_and(|version| !is_version(version)) {
            let detail = "must be an API version like v1.3";
            settings.fields.fault("api_version", "invalid", detail);
        }
        let mut config = Object::new();
        config
            .text("pixel_code", pixel?)
            .maybe("api_version", version)
            .maybe("base_url", base?.as_deref())
            .maybe("test_event_code", test);
        Some(config.build())
    }

    fn keep(&self, person: &Person<'_>, kept: &mut Kept) {
        kept.put("email", person.email.and_then(hashing::email));
        kept.put("phone", person.phone.map(hashing::e164));
        let external = person.customer_id.and_then(hashing::external_id);
        kept.put("external_id", external);
        kept.copy("user_agent", person.user_agent);
        kept.copy("url", person.page());
        kept.copy("ttp", unless_mail(person.ttp));
    }

    fn item(&self, event: &Event, _: &Target<'_>) -> Item {
        let Some(name) = name(event) else {
            return Item::Skip("kind_not_taken");
        };
        if name == "Purchase" && event.money.is_none() {
            return Item::Skip("amount_missing");
        }
        if event.kept.text("user_agent").is_none() {
            return Item::Skip("user_agent_missing");
        }
        let Some(url) = event.kept.text("url") else {
            return Item::Skip("page_url_missing");
        };
        let user = user(event);
        // Nothing else would let TikTok match a person.
        let keys = ["email", "phone", "external_id", "ttclid", "ttp"];
        if !keys.iter().any(|key| user.has(key)) {
            return Item::Skip("match_key_missing");
        }
        let mut page = Object::new();
        page.text("url", url);
        let mut item = Object::new();
        item.text("event", name)
            .number("event_time", event.seconds())
            .text("event_id", &event.id)
            .object("user", user)
            .object("page", page)
            .object(
                "properties",
                order_data(event, |product, one| {
                    one.text("content_id", &product.sku)
                        .maybe("content_category", product.category.as_deref())
                        .value("price", product.price().map_or(Value::Null, decimal));
                }),
            );
        if event.permission < Permission::Full {
            item.value("limited_data_use", true.into());
        }
        Item::Send(item.build())
    }

    fn request(&self, items: &[Value], to: &Target<'_>) -> Option<Request> {
        let base = to.base("base_url", BASE);
        let version = to.text("api_version").unwrap_or(VERSION);
        let mut body = Object::new();
        body.text("event_source", "web")
            .text("event_source_id", to.text("pixel_code")?)
            .maybe("test_event_code", to.text("test_event_code"))
            .value("data", items.into());
        let url = format!("{base}/open_api/{version}/event/track/");
        let request = Request::post(url, &body.build());
        Some(request.with("access-token", to.secret.to_owned()))
    }

    /// The status is nearly always 200; the body's `code` is the answer. 0 is delivered. 20001
    /// says that a part was taken: halves show which, and the event ids keep TikTok from counting
    /// twice. 40100 throttles; 40001 and the other 401xx are about the token or its permission;
    /// 40700 and from 50000 on it passes by itself; 40002 is something in the batch. Without a
    /// code the status decides, but 2xx is not success. Messages can repeat what was sent and stay
    /// here.
    fn outcome(&self, answer: &Answer, _: &Target<'_>, sent: usize) -> Outcome {
        let read = record::parse(&answer.body).unwrap_or_default();
        let Some(code) = read.get("code").and_then(Value::as_i64) else {
            return match answer.status {
                200..=299 => Outcome::of(answer, Fate::Retry).because("unreadable answer"),
                _ => Outcome::by_status(answer),
            };
        };
        let fate = match code {
            0 if answer.status < 300 => return Outcome::delivered(),
            // Of a single event only details were left out.
            20_001 if sent == 1 => return Outcome::delivered(),
            20_001 | 40_002 => Fate::Bisect,
            40_100 => Fate::Throttled,
            40_001 | 40_101..=40_199 => Fate::Misconfigured,
            40_700 | 50_000.. => Fate::Retry,
            _ if answer.status == 429 => Fate::Throttled,
            _ if answer.status >= 500 => Fate::Retry,
            _ => Fate::Drop,
        };
        Outcome::of(answer, fate).because(&format!("code {code}"))
    }
}

fn user(event: &Event) -> Object {
    let mut user = Object::new();
    for name in HASHED {
        if let Some(hash) = event.kept.text(name) {
            user.value(name, vec![hash].into());
        }
    }
    event.kept.copy_into(&mut user, &["user_agent", "ttp"]);
    let click = event.click_id(ClickIdKind::Ttclid);
    user.maybe("ttclid", click.as_ref().map(|(id, _)| id.as_str()));
    user
}
