//! Meta's Conversions API: the body of a request, and what may go into it.
//!
//! Decides the shape of an event and when it must not be sent. Permission is the caller's matter:
//! what is not allowed to leave is not put into [`MetaEvent`]. Source: Meta's pages "Conversions
//! API parameters" and "server event".

mod answer;

use serde_json::{Map, Number, Value, json};

use crate::domain::money::Money;

pub use crate::domain::fb_cookies::{MAX_BROWSER_ID, browser_id, fbc};
pub use answer::classify;

/// Most events in one request (Meta's limit).
pub const MAX_EVENTS: usize = 1000;

/// How old an event may be, in seconds: 7 days. One older event makes Meta refuse the whole
/// request.
pub const MAX_AGE_S: i64 = 7 * 24 * 60 * 60;

/// What happened, in Meta's standard names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventName {
    /// A sale.
    Purchase,
    /// A lead.
    Lead,
}

impl EventName {
    /// Meta's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Purchase => "Purchase",
            Self::Lead => "Lead",
        }
    }
}

/// One conversion as Meta is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaEvent {
    /// What happened.
    pub name: EventName,
    /// With the name, Meta's key for duplicates within 48 hours; the browser's pixel must send
    /// the same one.
    pub event_id: String,
    /// When it happened, in unix seconds.
    pub event_time_s: i64,
    /// The amount; a purchase needs one.
    pub money: Option<Money>,
    /// The shop's order number.
    pub order_id: Option<String>,
    /// E-mail address, hashed by [`super::hashing::email`].
    pub em: Option<String>,
    /// Phone number, hashed by [`super::hashing::phone`].
    pub ph: Option<String>,
    /// The shop's id of the customer, hashed by [`super::hashing::external_id`].
    pub external_id: Option<String>,
    /// User agent of the customer's browser, as it is.
    pub client_user_agent: Option<String>,
    /// Page on which it happened.
    pub event_source_url: Option<String>,
    /// IP address of the customer, as it is.
    pub client_ip: Option<String>,
    /// Click id cookie, from [`browser_id`] or [`fbc`].
    pub fbc: Option<String>,
    /// Browser id cookie, from [`browser_id`].
    pub fbp: Option<String>,
    /// Whether Meta must limit its use of the data (Limited Data Use, with the place left for
    /// Meta to find).
    pub ldu: bool,
}

/// Why an event must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsendable {
    /// Older than [`MAX_AGE_S`].
    TooOld,
    /// A purchase without an amount.
    NoAmount,
    /// Nothing that Meta could match a person by: no hash, no cookie, and not IP address and
    /// user agent together.
    NoMatchKey,
}

impl Unsendable {
    /// The stable code, for the record of the delivery.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooOld => "event_too_old",
            Self::NoAmount => "amount_missing",
            Self::NoMatchKey => "match_key_missing",
        }
    }
}

impl MetaEvent {
    /// Takes the time in unix seconds; gives the first reason against sending the event at all.
    pub fn check(&self, now_s: i64) -> Result<(), Unsendable> {
        let keys = [&self.em, &self.ph, &self.external_id, &self.fbc, &self.fbp];
        let device = self.client_ip.is_some() && self.client_user_agent.is_some();
        if too_old(self.event_time_s, now_s) {
            Err(Unsendable::TooOld)
        } else if self.name == EventName::Purchase && self.money.is_none() {
            Err(Unsendable::NoAmount)
        } else if !device && keys.iter().all(|key| key.is_none()) {
            Err(Unsendable::NoMatchKey)
        } else {
            Ok(())
        }
    }

    /// `website` needs the user agent and the page; without either the honest word is `other`,
    /// for which Meta asks nothing more.
    fn action_source(&self) -> &'static str {
        let website = self.client_user_agent.is_some() && self.event_source_url.is_some();
        if website { "website" } else { "other" }
    }

    fn to_json(&self) -> Value {
        let mut event = Map::new();
        event.insert("event_name".to_owned(), self.name.as_str().into());
        event.insert("event_time".to_owned(), self.event_time_s.into());
        event.insert("event_id".to_owned(), self.event_id.clone().into());
        event.insert("action_source".to_owned(), self.action_source().into());
        put(
            &mut event,
            "event_source_url",
            self.event_source_url.as_ref(),
        );
        event.insert("user_data".to_owned(), self.user_data());
        let custom = self.custom_data();
        if !custom.is_empty() {
            event.insert("custom_data".to_owned(), custom.into());
        }
        if self.ldu {
            event.insert("data_processing_options".to_owned(), json!(["LDU"]));
            event.insert("data_processing_options_country".to_owned(), 0.into());
            event.insert("data_processing_options_state".to_owned(), 0.into());
        }
        event.into()
    }

    fn user_data(&self) -> Value {
        let mut data = Map::new();
        for (name, hash) in [
            ("em", &self.em),
            ("ph", &self.ph),
            ("external_id", &self.external_id),
        ] {
            if let Some(hash) = hash {
                data.insert(name.to_owned(), json!([hash]));
            }
        }
        put(&mut data, "client_ip_address", self.client_ip.as_ref());
        put(
            &mut data,
            "client_user_agent",
            self.client_user_agent.as_ref(),
        );
        put(&mut data, "fbc", self.fbc.as_ref());
        put(&mut data, "fbp", self.fbp.as_ref());
        data.into()
    }

    fn custom_data(&self) -> Map<String, Value> {
        let mut data = Map::new();
        if let Some(money) = self.money {
            data.insert("currency".to_owned(), money.currency().code().into());
            data.insert("value".to_owned(), decimal(money));
        }
        put(&mut data, "order_id", self.order_id.as_ref());
        data
    }
}

fn put(map: &mut Map<String, Value>, name: &str, value: Option<&String>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.clone().into());
    }
}

/// The amount as a JSON number of the currency's major unit, to the last digit.
fn decimal(money: Money) -> Value {
    Value::Number(Number::from_string_unchecked(money.to_decimal_string()))
}

/// The body of a request. Takes at most [`MAX_EVENTS`] events that passed [`MetaEvent::check`],
/// and the test code of Meta's Events Manager if the events are only to be tried. The access
/// token is not part of it: it travels in `Authorization: Bearer`.
pub fn payload(events: &[MetaEvent], test_event_code: Option<&str>) -> Value {
    let data: Vec<Value> = events
        .iter()
        .take(MAX_EVENTS)
        .map(MetaEvent::to_json)
        .collect();
    let mut body = Map::new();
    body.insert("data".to_owned(), data.into());
    if let Some(code) = test_event_code {
        body.insert("test_event_code".to_owned(), code.into());
    }
    body.into()
}

/// Whether Meta would refuse an event for its age. Both times in unix seconds; exactly seven
/// days still pass.
pub fn too_old(event_time_s: i64, now_s: i64) -> bool {
    now_s.saturating_sub(event_time_s) > MAX_AGE_S
}

/// The path of the events endpoint below the base address. Takes the version as Meta writes it
/// (`v24.0`) and the pixel's number; `None` if either is written in any other way, because both
/// become part of a URL.
///
/// `v24.0`, `123` → `/v24.0/123/events`.
pub fn endpoint_path(api_version: &str, pixel_id: &str) -> Option<String> {
    let number = |text: &str, most: usize| {
        !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (major, minor) = api_version.strip_prefix('v')?.split_once('.')?;
    let sound = number(major, 3) && number(minor, 3) && number(pixel_id, 32);
    sound.then(|| format!("/{api_version}/{pixel_id}/events"))
}

#[cfg(test)]
mod tests;
