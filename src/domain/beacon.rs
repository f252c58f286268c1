//! What the snippet reports: a landing, a consent decision, a question for the current token.
//!
//! The redirect often cannot see consent, so it sets nothing; the snippet holds the token and,
//! when the visitor decides, this module mints a full token, fills the journal and sets the
//! cookie. Cookies set here answer a script, which Safari caps at 7 days, so they are marked and
//! the next document renews them.

use super::click::{Visit, VisitKind};
use super::consent::{self, Consent};
use super::journal::{self, Journal};
use super::link::HostSnapshot;
use super::redirect::{Entropy, Request, captured};
use super::seal::Keyring;
use super::time::{DAY_MS, UnixMs};
use super::token::{self, Touch};
use super::traffic::Class;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// A message of the snippet; unknown members are ignored so that old and new sides get along.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    #[serde(rename = "n")]
    pub name: MessageName,
    #[serde(rename = "s")]
    pub state: Option<Consent>,
    #[serde(rename = "t")]
    pub token: Option<String>,
    /// `location.search` of the landing page.
    #[serde(rename = "q", default)]
    pub query: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageName {
    Land,
    Consent,
}

/// The answer as the snippet reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    #[serde(rename = "t")]
    pub token: Option<String>,
    #[serde(rename = "c")]
    pub consent: Consent,
}

/// The answer and its consequences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub state: State,
    pub set_cookie: Option<String>,
    pub visit: Option<Visit>,
}

/// All that the functions of this module look at beside the message.
pub struct Context<'a> {
    pub request: &'a Request<'a>,
    pub host: &'a HostSnapshot,
    pub keys: &'a Keyring,
    pub now: UnixMs,
    pub entropy: &'a Entropy,
}

impl Context<'_> {
    fn journal(&self) -> Option<Journal> {
        Journal::from_cookies(self.keys, self.request.cookies, self.now)
    }

    /// Opens a token of this host's program; anything else is as if absent.
    fn touch(&self, token: Option<&str>) -> Option<Touch> {
        let touch = token::open(self.keys, token?, self.now)?;
        (touch.program == self.host.program).then_some(touch)
    }

    fn mint(&self, touch: &Touch) -> String {
        token::mint(self.keys, touch, self.entropy.token())
    }

    fn domain(&self) -> Option<&str> {
        self.host.cookie_domain.as_deref()
    }

    fn cookie(&self, journal: Journal) -> String {
        let consent = journal.consent;
        let value = journal.seal(self.keys, self.entropy.journal());
        journal::set_cookie(&value, consent, self.domain())
    }

    fn visit(&self, kind: VisitKind, touch: &Touch, journal: Option<&Journal>) -> Option<Visit> {
        let key = touch.nonce.map_or(self.entropy.visitor(), NonZeroU64::get);
        Some(Visit::new(kind, key, touch, journal))
    }
}

/// Answers a message.
pub fn answer(context: &Context<'_>, message: &Message) -> Answer {
    match message.name {
        MessageName::Land => land(context, message),
        MessageName::Consent => match message.state {
            Some(state) if state.allows_cookie() && !context.request.gpc => {
                grant(context, message, state)
            }
            _ => withdraw(context, message),
        },
    }
}

/// A landing confirms the click. Where storing is allowed and the journal has not seen the touch
/// (a prefetched page, another host), it is taken up.
fn land(context: &Context<'_>, message: &Message) -> Answer {
    let known = context.journal();
    let Some(touch) = context.touch(message.token.as_deref()) else {
        return Answer { visit: None, set_cookie: None, state: me(context) };
    };
    let decided = known.as_ref().map_or(touch.consent, |journal| journal.consent);
    let state = if context.request.gpc { Consent::Code } else { decided };
    if !state.allows_cookie() || touch.nonce.is_none() {
        let touch = touch.anonymous();
        let token = Some(context.mint(&touch));
        let visit = context.visit(VisitKind::Landing, &touch, None);
        return Answer { state: State { token, consent: state }, set_cookie: None, visit };
    }
    let mut journal =
        known.unwrap_or_else(|| Journal::new(state, context.entropy.visitor(), context.now));
    let before = journal.clone();
    journal.add_touch(Touch { class: Class::Human, ..touch.clone() });
    journal.add_click_ids(captured(&message.query, context.now));
    let visit = context.visit(VisitKind::Landing, &touch, Some(&journal));
    let set_cookie = (journal != before).then(|| {
        journal.renew = true;
        context.cookie(journal)
    });
    let token = message.token.clone();
    Answer { state: State { token, consent: state }, set_cookie, visit }
}

/// The visitor allows storing: the journal begins or widens, an anonymous token becomes a full one.
fn grant(context: &Context<'_>, message: &Message, state: Consent) -> Answer {
    let mut journal = context
        .journal()
        .unwrap_or_else(|| Journal::new(state, context.entropy.visitor(), context.now));
    journal.consent = state;
    journal.renew = true;
    journal.issued_at = context.now;
    for known in &mut journal.touches {
        known.consent = state;
    }
    let touch = context.touch(message.token.as_deref()).map(|touch| match touch.nonce {
        Some(_) => Touch { consent: state, ..touch },
        None => Touch {
            at: context.now,
            nonce: Some(context.entropy.click()),
            consent: state,
            ..touch
        },
    });
    if let Some(touch) = &touch {
        journal.add_touch(touch.clone());
    }
    journal.add_click_ids(captured(&message.query, context.now));
    let visit =
        touch.as_ref().and_then(|touch| context.visit(VisitKind::Grant, touch, Some(&journal)));
    let token = touch.as_ref().or(journal.touches.last()).map(|touch| context.mint(touch));
    let set_cookie = Some(context.cookie(journal));
    Answer { state: State { token, consent: state }, set_cookie, visit }
}

/// The visitor refuses or withdraws: the journal is erased, the token made anonymous.
fn withdraw(context: &Context<'_>, message: &Message) -> Answer {
    let touch = context.touch(message.token.as_deref());
    let token = touch.map(|touch| context.mint(&touch.anonymous()));
    let sent = context.request.cookies;
    let has_cookie = sent.contains(journal::HOST_COOKIE) || sent.contains(journal::DOMAIN_COOKIE);
    let set_cookie = has_cookie.then(|| journal::erase_cookie(context.domain()));
    Answer { state: State { token, consent: Consent::Code }, set_cookie, visit: None }
}

/// The visitor's state and the token of the newest touch, for forms.
pub fn me(context: &Context<'_>) -> State {
    let journal = context.journal();
    let decided = journal.as_ref().map(|journal| journal.consent);
    let request = context.request;
    let default = context.host.default_consent;
    let consent = consent::state(request.gpc, decided, request.country, default);
    let journal = journal.filter(|_| consent.allows_cookie());
    let program = context.host.program;
    let touch = journal.as_ref().and_then(|journal| {
        journal.touches.iter().rev().find(|touch| touch.program == program)
    });
    State { token: touch.map(|touch| context.mint(touch)), consent }
}

/// The `Set-Cookie` of a document: renews the journal when a script's answer set it or it is a day
/// old, erases it under `Sec-GPC`, else nothing.
pub fn renewal(context: &Context<'_>) -> Option<String> {
    let mut journal = context.journal()?;
    if context.request.gpc {
        return Some(journal::erase_cookie(context.domain()));
    }
    if !journal.consent.allows_cookie() {
        return None;
    }
    if !journal.renew && context.now.since(journal.issued_at) < DAY_MS {
        return None;
    }
    journal.renew = false;
    journal.issued_at = context.now;
    Some(context.cookie(journal))
}
