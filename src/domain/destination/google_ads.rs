//! Google Ads through the Data Manager API, version 1. Source: PyPI google-ads-datamanager 0.9.4
//! (`types/*.py`) and Google's pages "Send events", "Conversion adjustments", "Format user data",
//! "Understand API errors" and "Diagnostics".
//!
//! A request is accepted first and processed later, so it is asked about. The same transaction id
//! again is a correction, so a request may be sent twice.

mod answer;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::oauth::Grant;
use super::{
    Answer, Destination, Event, Item, Kept, Object, Occasion, Outcome, Permission, Person, Request,
    Settings, Target, Terms, decimal, encoded, hashing,
};
use crate::domain::click_ids::ClickIdKind;
use crate::domain::money::Money;
use crate::domain::record;
use crate::domain::time::UnixMs;

const BASE: &str = "https://datamanager.googleapis.com";
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const SCOPE: &str = "https://www.googleapis.com/auth/datamanager";
/// Longest credentials: a service account's file has about 2,400 bytes.
const MAX_CREDENTIALS: usize = 8_192;
const HOUR_MS: i64 = 3_600_000;
/// A click is not known to Google at once. How long after it an event waits unless the settings
/// say otherwise.
const CLICK_WAIT_MIN: i64 = 360;
/// A correction comes a day after its occasion, when the sale that it corrects has long been
/// processed: the other way round the sale would overwrite it.
const CORRECTION_WAIT_MS: i64 = 24 * HOUR_MS;
/// The conversion actions: what events refer to one by, and the setting with its id.
const ACTIONS: [(&str, &str); 2] = [
    ("sale", "conversion_action_id"),
    ("lead", "lead_conversion_action_id"),
];
/// Of several click IDs one is sent: not all conversion actions take braids.
const CLICK_IDS: [ClickIdKind; 3] = [ClickIdKind::Gclid, ClickIdKind::Wbraid, ClickIdKind::Gbraid];

/// Google Ads.
pub struct GoogleAds;

impl Destination for GoogleAds {
    fn kind(&self) -> &'static str {
        "google_ads"
    }

    /// No conversion action looks back further than 90 days.
    fn terms(&self) -> Terms {
        Terms {
            batch: 2_000,
            max_age_ms: Some(90 * 24 * HOUR_MS),
            ..Terms::PLATFORM
        }
    }

    fn settings(&self, settings: &mut Settings<'_, '_>) -> Option<Value> {
        let customer = settings.required_digits("customer_id", 20);
        let action = settings.required_digits("conversion_action_id", 20);
        let mut optional = [None; 2];
        for (value, name) in optional
            .iter_mut()
            .zip(["lead_conversion_action_id", "login_customer_id"])
        {
            if settings.fields.value(name).is_some() {
                *value = settings.required_digits(name, 20);
            }
        }
        credentials(settings);
        let wait = settings
            .fields
            .integer("click_wait_minutes", 0, 7 * 24 * 60);
        let base = settings.test_url("base_url");
        let token = settings.test_url("token_url");
        let mut config = Object::new();
        config
            .text("customer_id", customer?)
            .text("conversion_action_id", action?)
            .maybe("lead_conversion_action_id", optional[0])
            .maybe("login_customer_id", optional[1])
            .maybe("base_url", base?.as_deref())
            .maybe("token_url", token?.as_deref());
        if let Some(wait) = wait {
            config.number("click_wait_minutes", wait);
        }
        Some(config.build())
    }

    fn keep(&self, person: &Person<'_>, kept: &mut Kept) {
        let email = person.email.and_then(hashing::google_email);
        kept.put("emailAddress", email);
        let phone = person.phone.map(hashing::e164);
        kept.put("phoneNumber", phone);
    }

    fn item(&self, event: &Event, to: &Target<'_>) -> Item {
        let (reference, transaction, value) = match what(event) {
            Ok(what) => what,
            Err(why) => return Item::Skip(why),
        };
        let configured = ACTIONS
            .iter()
            .any(|(name, setting)| *name == reference && to.text(setting).is_some());
        if !configured {
            return Item::Skip("conversion_action_missing");
        }
        let click = CLICK_IDS.into_iter().find_map(|kind| {
            let (id, at) = event.click_id(kind)?;
            Some((kind, id, at))
        });
        let wait = to.config["click_wait_minutes"].as_i64();
        let wait = wait.unwrap_or(CLICK_WAIT_MIN) * 60_000;
        let too_recent = click.as_ref().map(|(_, _, at)| at.plus(wait));
        if let Some(until) = too_recent.filter(|until| !to.test && *until > to.now) {
            return Item::Wait(until, "click_too_recent");
        }
        let correction = event.occurred_at.plus(CORRECTION_WAIT_MS);
        if is_correction(event) && !to.test && correction > to.now {
            return Item::Wait(correction, "correction_after_sale");
        }
        let mut ids = Object::new();
        if let Some((kind, id, _)) = &click {
            ids.text(kind.param(), id);
        }
        let person = identifiers(event);
        if ids.0.is_empty() && person.is_empty() {
            return Item::Skip("match_key_missing");
        }
        Item::Send(item(event, reference, transaction, value, ids, person))
    }

    fn request(&self, items: &[Value], to: &Target<'_>) -> Option<Request> {
        let mut destinations = Vec::new();
        for (reference, setting) in ACTIONS {
            let mut references = items.iter().map(|item| &item["destinationReferences"]);
            if !references.any(|named| named.get(0).is_some_and(|one| one == reference)) {
                continue;
            }
            let mut destination = Object::new();
            destination
                .text("reference", reference)
                .object("operatingAccount", account(to.text("customer_id")?))
                .text("productDestinationId", to.text(setting)?);
            if let Some(login) = to.text("login_customer_id") {
                destination.object("loginAccount", account(login));
            }
            destinations.push(destination.build());
        }
        let mut body = Object::new();
        body.value("destinations", destinations.into())
            .text("encoding", "HEX")
            .value("events", items.into());
        if to.test {
            body.value("validateOnly", true.into());
        }
        let base = to.base("base_url", BASE);
        let request = Request::post(format!("{base}/v1/events:ingest"), &body.build());
        Some(request.bearer(to.token))
    }

    fn outcome(&self, answer: &Answer, _: &Target<'_>, _: usize) -> Outcome {
        answer::outcome(answer)
    }

    /// The members of the credentials that are secret by themselves.
    fn secret_parts(&self, secret: &str) -> Vec<String> {
        let read = record::parse(secret).unwrap_or_default();
        let mut parts = vec![secret.to_owned()];
        for name in ["private_key", "client_secret", "refresh_token"] {
            parts.extend(read.get(name).and_then(Value::as_str).map(str::to_owned));
        }
        parts
    }

    fn grant(&self, to: &Target<'_>) -> Option<Grant> {
        let url = to.base("token_url", TOKEN_URL);
        Grant::new(url, to.secret, SCOPE, to.now)
    }

    fn poll(&self, ticket: &str, to: &Target<'_>) -> Option<Request> {
        let base = to.base("base_url", BASE);
        let ticket = encoded(ticket);
        let url = format!("{base}/v1/requestStatus:retrieve?requestId={ticket}");
        Some(Request::get(url).bearer(to.token))
    }

    fn progress(&self, answer: &Answer, _: &Target<'_>, _: usize) -> Outcome {
        answer::progress(answer)
    }
}

/// Reads the credentials: the file that Google's console gives, as an object or as its text.
fn credentials(settings: &mut Settings<'_, '_>) {
    const NAME: &str = "credentials";
    let stored = settings.has_secret(NAME);
    let Some(given) = settings.fields.value(NAME) else {
        if !stored {
            settings.fields.fault(NAME, "required", "is required");
        }
        return;
    };
    let text = given
        .as_str()
        .map_or_else(|| given.to_string(), str::to_owned);
    let sound = text.len() <= MAX_CREDENTIALS;
    if sound && Grant::new(TOKEN_URL, &text, SCOPE, UnixMs(0)).is_some() {
        settings.keep_secret(text);
    } else {
        let detail = "must be a service account's JSON, or client_id, client_secret, refresh_token";
        settings.fields.fault(NAME, "invalid", detail);
    }
}

fn account(id: &str) -> Object {
    let mut account = Object::new();
    account
        .text("accountType", "GOOGLE_ADS")
        .text("accountId", id);
    account
}

/// Does it change what a sale was worth?
fn is_correction(event: &Event) -> bool {
    event.occasion.is_reversal() || event.occasion == Occasion::DisputeWon
}

/// The conversion action, the transaction id and the value; or why Google is not told. What is
/// taken back of a sale, or given back to it, restates what is left of it; Google cannot take back
/// the whole.
fn what(event: &Event) -> Result<(&'static str, &str, Option<Money>), &'static str> {
    match event.occasion {
        Occasion::Lead => Ok(("lead", &event.id, event.money)),
        Occasion::Sale | Occasion::Renewal | Occasion::Deal => {
            let money = event.money.ok_or("amount_missing")?;
            Ok(("sale", event.order().unwrap_or(&event.id), Some(money)))
        }
        _ if is_correction(event) => {
            let sale = event.sale.as_ref().ok_or("sale_unknown")?;
            let left = sale.left.ok_or("sale_unknown")?;
            if left.amount_minor() <= 0 {
                return Err("retraction_not_taken");
            }
            Ok(("sale", &sale.key, Some(left)))
        }
        _ => Err("kind_not_taken"),
    }
}

fn identifiers(event: &Event) -> Vec<Value> {
    let mut all = Vec::new();
    for name in ["emailAddress", "phoneNumber"] {
        if let Some(hash) = event.kept.text(name) {
            let mut one = Object::new();
            one.text(name, hash);
            all.push(one.build());
        }
    }
    all
}

fn item(
    event: &Event,
    reference: &str,
    transaction: &str,
    value: Option<Money>,
    ids: Object,
    person: Vec<Value>,
) -> Value {
    let granted = match event.permission {
        Permission::Full => "CONSENT_GRANTED",
        _ => "CONSENT_DENIED",
    };
    let mut consent = Object::new();
    consent
        .text("adUserData", granted)
        .text("adPersonalization", granted);
    // A correction is about the sale's time.
    let at = event.sale.as_ref().map(|sale| sale.occurred_at);
    let mut item = Object::new();
    item.value("destinationReferences", vec![reference].into())
        .text("transactionId", transaction)
        .text(
            "eventTimestamp",
            &at.unwrap_or(event.occurred_at).to_rfc3339(),
        )
        .text("eventSource", "WEB")
        .object("adIdentifiers", ids)
        .object("consent", consent);
    if at.is_some() {
        item.text("lastUpdatedTimestamp", &event.occurred_at.to_rfc3339());
    }
    if let Some(money) = value {
        item.text("currency", money.currency().code())
            .value("conversionValue", decimal(money));
    }
    if !person.is_empty() {
        let mut user = Object::new();
        user.value("userIdentifiers", person.into());
        item.object("userData", user);
    }
    item.build()
}
