//! What a merchant's server tells of the buyer: read, given to the destinations to keep what they
//! may, and forgotten.

use super::{Part, Reading};
use crate::domain::consent::Consent;
use crate::domain::destination::{self, Kept, Permission, Person, permission};
use crate::domain::event::TokenFound;
use crate::domain::input::{self, Fields};
use serde_json::Value;

impl Reading<'_> {
    /// Reads `context`, or `metadata.context` from clients that drop members they do not know.
    pub(super) fn context(&self, fields: &mut Fields<'_>) -> (Browser, Option<Consent>) {
        let Some(mut context) = context_of(fields) else {
            return (Browser::default(), None);
        };
        // A browser's fact is never a reason to lose a sale: what is too long is cut.
        let fact = |name, max| {
            let text = input::trimmed(context.value(name)?.as_str()?);
            let sound = text.chars().filter(|c| !c.is_control());
            Some(sound.take(max).collect::<String>())
        };
        let browser = Browser {
            user_agent: fact("userAgent", 512),
            page_url: fact("pageUrl", 2_048),
            fbp: fact("fbp", 640),
            ttp: fact("ttp", 128),
            ga_client_id: fact("gaClientId", 128),
            ga_session_id: fact("gaSessionId", 256),
        };
        let consent = context.choice(
            "consent",
            &[
                ("full", Consent::Full),
                ("session", Consent::Session),
                ("code", Consent::Code),
            ],
        );
        let read = context.finish(Some(consent));
        (browser, fields.absorb(read).flatten())
    }
}

fn context_of<'b>(fields: &mut Fields<'b>) -> Option<Fields<'b>> {
    if fields.value("context").is_some() {
        return fields.object("context");
    }
    let nested = fields.value("metadata")?.get("context");
    if !nested.is_some_and(Value::is_object) {
        return None;
    }
    fields.object("metadata")?.object("context")
}

/// What each kind of destination may keep of a person, by what the event says about consent. Where
/// it says nothing the customer's touches decide, which the database knows (`app::sealed`).
pub(super) fn kept(person: &Person<'_>, token: &TokenFound, said: Option<Consent>) -> Vec<Part> {
    let touch = match token {
        TokenFound::Opened(touch) => Some((touch.consent, touch.evidence)),
        TokenFound::Absent | TokenFound::Unreadable => None,
    };
    let known = touch.map(|(consent, _)| consent).into_iter().chain(said);
    let known = known.min().unwrap_or(Consent::Full);
    let evidence = touch.map(|(_, evidence)| evidence);
    let permission = permission(Some(known), evidence, said, true);
    let mut parts = Vec::new();
    for each in destination::ALL {
        let limited = permission < Permission::Full;
        // Only who has a mark for limited data may have it.
        if permission == Permission::None || (limited && !each.terms().needs_consent) {
            continue;
        }
        let mut kept = Kept::default();
        each.keep(person, &mut kept);
        if kept != Kept::default() {
            parts.push(Part {
                kind: each.kind(),
                kept,
                limited,
            });
        }
    }
    parts
}

/// What the merchant's server tells of the buyer's browser.
#[derive(Default)]
pub(super) struct Browser {
    pub(super) user_agent: Option<String>,
    pub(super) page_url: Option<String>,
    pub(super) fbp: Option<String>,
    pub(super) ttp: Option<String>,
    pub(super) ga_client_id: Option<String>,
    pub(super) ga_session_id: Option<String>,
}
