//! Destinations: the places that conversion events are forwarded to.
//!
//! A destination is two pure functions: what it sends of an event, and what an answer means. It
//! neither sends nor stores nor looks at a clock. [`ALL`] lists them; ARCHITECTURE.md, "Adding a
//! destination", shows how another one is made.

mod answer;
mod decimal;
mod event;
pub mod ga4;
pub mod google_ads;
pub mod hashing;
pub mod meta;
pub mod notice;
pub mod oauth;
mod object;
mod permission;
mod person;
mod phone;
pub mod postback;
mod redact;
mod request;
mod rotation;
mod rules;
pub mod sample;
mod schedule;
pub mod segment;
mod settings;
mod standard;
pub mod tiktok;
pub mod webhook;

use serde_json::Value;

use crate::values::time::UnixMs;

pub use answer::{Answer, Fate, MAX_REASON, Outcome, retry_after, word};
pub use decimal::decimal;
pub use event::{Credit, Event, Occasion, Parts, Product, Sale};
pub use object::Object;
pub use permission::{Permission, permission};
pub use person::{Kept, Person, unless_mail};
pub use phone::Phone;
pub use redact::redacted;
pub use request::{Method, REDACTED, Request};
pub use rotation::{Previous, replaced};
pub use rules::{Prepared, prepare};
pub use schedule::{ATTEMPTS, next_attempt};
pub use settings::{Settings, Stored, Target, encoded, version_warning};

/// Every destination that there is.
pub static ALL: [&dyn Destination; 7] = [
    &webhook::Webhook,
    &postback::Postback,
    &meta::Meta,
    &ga4::Ga4,
    &google_ads::GoogleAds,
    &tiktok::TikTok,
    &segment::Segment,
];

/// The destination of a word as rows and the API have it; `None` for any other word.
pub fn find(kind: &str) -> Option<&'static dyn Destination> {
    ALL.into_iter().find(|each| each.kind() == kind)
}

/// What a destination takes, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Most events in one request.
    pub batch: usize,
    /// Most bytes of the items of one request together.
    pub bytes: usize,
    /// Takes events whose time is yet to come by our clock; others wait until it has.
    pub takes_future: bool,
    /// How old an event may be when it is sent; an older one has expired.
    pub max_age_ms: Option<i64>,
    /// Hears of an event only with permission ([`Permission`]).
    pub needs_consent: bool,
    /// Waits a moment for the event's click, which holds click IDs and tags.
    pub awaits_click: bool,
    /// Hears of every revision of a decision; others hear of an event once.
    pub hears_changes: bool,
    /// Sends the tags of the credited click ([`Credit::tags`]).
    pub wants_tags: bool,
    /// What was delivered may be sent again on purpose: the receiver knows it by its id, and
    /// nothing of the person, which is deleted on delivery, is needed.
    pub repeatable: bool,
}

impl Terms {
    /// An advertising or analytics platform: one event a request, once, with permission.
    pub const PLATFORM: Terms = Terms {
        batch: 1,
        bytes: 1_000_000,
        takes_future: false,
        max_age_ms: None,
        needs_consent: true,
        awaits_click: true,
        hears_changes: false,
        wants_tags: false,
        repeatable: false,
    };
}

/// What becomes of one event before anything is sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Its part of a request, for [`Destination::request`].
    Send(Value),
    /// Not sent, by a rule: a stable code that says which.
    Skip(&'static str),
    /// Not before this instant (a click that is too recent): a stable code that says why.
    Wait(UnixMs, &'static str),
    /// The settings are not enough to send anything: a stable code that says why.
    Misconfigured(&'static str),
}

/// One kind of receiver. What all have in common is done for them: consent, age, event filter,
/// batches, tries, circuit breaker, redaction.
pub trait Destination: Sync {
    /// The word for it in the API and in rows.
    fn kind(&self) -> &'static str;

    /// What it takes, and when.
    fn terms(&self) -> Terms;

    /// Reads the settings that a person gave: gives what may be shown again and read again (a
    /// change is read as the old settings with the new members), and leaves the secret with
    /// `settings`. `None` after a fault.
    fn settings(&self, settings: &mut Settings<'_, '_>) -> Option<Value>;

    /// What may be kept of a person and their browser until the event is delivered: the list of
    /// everything personal that this destination can ever get, hashed where it wants hashes. Asked
    /// only where permission was given.
    fn keep(&self, _: &Person<'_>, _: &mut Kept) {}

    /// One event's part of a request, or why there is none.
    fn item(&self, event: &Event, to: &Target<'_>) -> Item;

    /// The request for at least one and at most [`Terms::batch`] items. `None` when the settings
    /// do not allow one: the deliveries are set aside as misconfigured.
    fn request(&self, items: &[Value], to: &Target<'_>) -> Option<Request>;

    /// What the answer to a request of `sent` events means.
    fn outcome(&self, answer: &Answer, to: &Target<'_>, sent: usize) -> Outcome;

    /// May a request that got no answer be sent again? Not where it could count twice.
    fn resends(&self, _config: &Value) -> bool {
        true
    }

    /// What [`Target::token`] is bought with, for destinations that want OAuth; `None` for others
    /// and for credentials that do not read.
    fn grant(&self, _: &Target<'_>) -> Option<oauth::Grant> {
        None
    }

    /// The request that asks what became of a [`Fate::Accepted`] request.
    fn poll(&self, _ticket: &str, _: &Target<'_>) -> Option<Request> {
        None
    }

    /// What the answer to a poll about `sent` events means; [`Fate::Accepted`] asks again later.
    fn progress(&self, answer: &Answer, _: &Target<'_>, _sent: usize) -> Outcome {
        Outcome::by_status(answer)
    }

    /// Do secrets that were replaced lately sign along ([`Target::previous`])?
    fn previous_secrets_sign(&self) -> bool {
        false
    }

    /// Stands for the secret in a request that people look at.
    fn stand_in_secret(&self) -> &'static str {
        REDACTED
    }

    /// What of the secret must not be shown when an answer repeats it.
    fn secret_parts(&self, secret: &str) -> Vec<String> {
        vec![secret.to_owned()]
    }

    /// A sentence when the settings name something that ends, or has ended.
    fn warning(&self, _config: &Value, _now: UnixMs) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_are_unique() {
        for (place, each) in ALL.into_iter().enumerate() {
            let found = ALL.into_iter().position(|one| one.kind() == each.kind());
            assert_eq!(found, Some(place));
            assert!(find(each.kind()).is_some());
            let terms = each.terms();
            assert!(terms.batch > 0 && terms.bytes > 0);
        }
        assert!(find("Meta").is_none());
    }
}
