//! Partner postbacks: a GET or POST to the address that a partner's network or tracker gave, with
//! macros filled in.
//!
//! Macros never stand in scheme, host or port, and their values are always encoded for the place
//! where they stand, so that no value of a click changes where a request goes or what else it says.

mod macros;
mod templates;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::{
    Answer, Credit, Destination, Event, Fate, Item, Method, Object, Outcome, Request, Settings,
    Target, Terms,
};
use macros::{Dialect, Encoding, Text};

/// Longest address or body template.
const MAX_TEMPLATE: usize = 4_096;
/// The tag that holds the partner's own click id, unless another one is named.
const CLICK_TAG: &str = "sub1";
const MAX_STATUSES: usize = 20;

/// A partner's postback address.
pub struct Postback;

impl Destination for Postback {
    fn kind(&self) -> &'static str {
        "postback"
    }

    /// Nothing of a person is sent. The partner's click id is kept only where it may be.
    fn terms(&self) -> Terms {
        Terms {
            needs_consent: false,
            hears_changes: true,
            wants_tags: true,
            ..Terms::PLATFORM
        }
    }

    fn settings(&self, settings: &mut Settings<'_, '_>) -> Option<Value> {
        let mut config = Object::new();
        let stored = settings.has_secret("secret");
        // `null` takes the secret away.
        let given = settings.fields.has("secret");
        let secret = settings.fields.text("secret", 1_024);
        let has_secret = secret.is_some() || (stored && !given);
        if given {
            settings.keep_secret(secret.unwrap_or_default().to_owned());
        }
        let url = settings.fields.required_text("url", MAX_TEMPLATE);
        let template = settings.fields.choice("template", &templates::CHOICES);
        let dialect = settings.fields.choice("macros", &macros::DIALECTS);
        let url = templates::expand(url?, template, dialect, has_secret, &mut config);
        copy_texts(settings, &mut config);
        copy_statuses(settings, &mut config);
        read_body(settings, &mut config);
        let dialect = dialect.unwrap_or_default();
        let mut names = macros::names(&url, dialect);
        if !settings.keeps("url", &url) {
            check_address(settings, &url, dialect);
        }
        settings.goes_to("url", Some(&url));
        if let Some(body) = config.0.get("body").and_then(Value::as_str) {
            names.extend(macros::names(body, dialect));
        }
        let refuse = settings
            .fields
            .choice("unknown_macros", &[("remove", false), ("refuse", true)]);
        let unknown = names.iter().find(|name| !macros::is_known(name));
        if let (Some(true), Some(name)) = (refuse, unknown) {
            let detail = format!("there is no macro {name}");
            settings.fields.fault("url", "macro_unknown", detail);
        }
        if refuse == Some(true) {
            config.text("unknown_macros", "refuse");
        }
        config.text("url", &url);
        Some(config.build())
    }

    fn item(&self, event: &Event, to: &Target<'_>) -> Item {
        let chosen = to.config.get("events").is_some();
        if !chosen && !event.message.ends_with(".created") {
            return Item::Skip("not_wanted");
        }
        let partner = to.text("partner");
        let mine = |credit: &&Credit| partner.is_none_or(|id| credit.partner == id);
        let Some(credit) = event.credits.iter().find(mine) else {
            return Item::Skip("no_partner");
        };
        let dialect = Dialect::of(to.text("macros"));
        let fill = |template: &str, encoding| -> Option<String> {
            macros::fill(template, dialect, encoding, |name| {
                macros::value(name, event, credit, to)
            })
        };
        let Some(url) = to.text("url") else {
            return Item::Misconfigured("settings_incomplete");
        };
        // An address that asks for the partner's click is of no use without it.
        let Some(url) = fill(url, Encoding::Percent) else {
            return Item::Skip("click_id_missing");
        };
        let body = match to.text("body") {
            Some(body) => fill(body, encoding(to.text("content_type"))),
            None => Some(String::new()),
        };
        let Some(body) = body else {
            return Item::Skip("click_id_missing");
        };
        Item::Send(vec![url, body].into())
    }

    fn request(&self, items: &[Value], to: &Target<'_>) -> Option<Request> {
        let item = items.first()?;
        let url = item.get(0)?.as_str()?.to_owned();
        let body = item.get(1)?.as_str()?.to_owned();
        if to.text("method") != Some("POST") {
            return Some(Request::get(url));
        }
        let kind = match encoding(to.text("content_type")) {
            Encoding::Json => "application/json",
            Encoding::Percent => "application/x-www-form-urlencoded",
        };
        let request = Request {
            method: Method::Post,
            url,
            headers: Vec::new(),
            body,
        };
        Some(request.with("content-type", kind.to_owned()))
    }

    /// Where the receiver says in words whether it took it, the words decide and not the status.
    fn outcome(&self, answer: &Answer, to: &Target<'_>, _: usize) -> Outcome {
        let outcome = Outcome::by_status(answer);
        let wanted = to.text("success_text").unwrap_or_default();
        if outcome.fate == Fate::Delivered && !answer.body.contains(wanted) {
            return Outcome::of(answer, Fate::Drop).because("without success_text");
        }
        outcome
    }

    /// Without a key by which the receiver knows it again, a second request might count twice.
    fn resends(&self, config: &Value) -> bool {
        let dialect = Dialect::of(config.get("macros").and_then(Value::as_str));
        ["url", "body"].iter().any(|member| {
            let text = config.get(*member).and_then(Value::as_str);
            let names = macros::names(text.unwrap_or_default(), dialect);
            names.iter().any(|name| macros::is_key(name))
        })
    }
}

fn encoding(content_type: Option<&str>) -> Encoding {
    match content_type {
        Some("json") => Encoding::Json,
        _ => Encoding::Percent,
    }
}

/// Settings that are texts and nothing more.
fn copy_texts(settings: &mut Settings<'_, '_>, config: &mut Object) {
    let dialects = macros::DIALECTS.map(|(word, _)| (word, word));
    let words = [("GET", "GET"), ("POST", "POST")];
    let method = settings.fields.choice("method", &words);
    let types = [("form", "form"), ("json", "json")];
    let content = settings.fields.choice("content_type", &types);
    config
        .maybe("method", method)
        .maybe("content_type", content)
        .maybe("macros", settings.fields.choice("macros", &dialects));
    for (name, max) in [("partner", 40), ("click_tag", 64), ("success_text", 100)] {
        config.maybe(name, settings.fields.text(name, max));
    }
}

/// What the receiver calls a status: `{"approved": "1", "refunded": "3"}`.
fn copy_statuses(settings: &mut Settings<'_, '_>, config: &mut Object) {
    let Some(given) = settings.fields.object("statuses") else {
        return;
    };
    let mut statuses = Object::new();
    for (name, value) in given.members().take(MAX_STATUSES) {
        statuses.maybe(name, value.as_str());
    }
    config.object("statuses", statuses);
}

/// A body is for POST; line breaks in it are the person's own.
fn read_body(settings: &mut Settings<'_, '_>, config: &mut Object) {
    let Some(body) = settings.fields.value("body") else {
        return;
    };
    match body.as_str().filter(|body| body.len() <= MAX_TEMPLATE) {
        Some(body) => {
            config.text("body", body);
        }
        None => settings.fields.fault("body", "too_long", "must be a text"),
    }
}

/// The address with every macro filled must be one that we may call, and no macro may stand before
/// its path.
fn check_address(settings: &mut Settings<'_, '_>, template: &str, dialect: Dialect) {
    let filled = macros::fill(template, dialect, Encoding::Percent, |_| {
        Text::Value("0".into())
    });
    settings.check_url("url", &filled.unwrap_or_default());
    let start = template.find("://").map_or(0, |at| at + 3);
    let path = template.get(start..).and_then(|rest| rest.find(['/', '?']));
    let first = macros::first(template, dialect);
    if first.is_some_and(|first| path.is_none_or(|path| first < start + path)) {
        let detail = "macros may stand in path and query only";
        settings.fields.fault("url", "macro_misplaced", detail);
    }
}
