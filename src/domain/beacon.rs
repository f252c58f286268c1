//! What the snippet reports: a landing, a consent decision, a question for the current token.
//!
//! The redirect often cannot see consent, so it sets nothing; the snippet holds the token and,
//! when the visitor decides, this module mints a full token, fills the journal and sets the
//! cookie. Cookies set here answer a script, which Safari caps at 7 days, so they are marked and
//! the next document renews them.

use super::click::{Visit, VisitKind};
use super::consent::{self, Consent, SiteConsent};
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
    /// The site's consent state. On a landing an unknown word is as if absent, so that a typo in a
    /// page does not lose the confirmation.
    #[serde(rename = "s")]
    pub state: Option<String>,
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
    pub visits: Vec<Visit>,
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

    fn visit(&self, kind: VisitKind, touch: &Touch, journal: Option<&Journal>) -> Visit {
        let key = touch.nonce.map_or(self.entropy.visitor(), NonZeroU64::get);
        Visit::new(kind, key, touch, journal)
    }
}

/// A consent message without a state that is on the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownState;

/// Answers a message.
pub fn answer(context: &Context<'_>, message: &Message) -> Result<Answer, UnknownState> {
    let given = message.state.as_deref().and_then(Consent::parse);
    let state = given.map(|state| {
        if context.request.gpc {
            Consent::Code
        } else {
            state
        }
    });
    match (message.name, state) {
        (MessageName::Land, None) => Ok(land(context, message)),
        (MessageName::Consent, None) => Err(UnknownState),
        (_, Some(state)) if state.allows_cookie() => Ok(grant(context, message, state)),
        (_, Some(_)) => Ok(withdraw(context, message)),
    }
}

/// A landing confirms the click. Where storing is allowed and the journal has not seen the touch
/// (a prefetched page, another host), it is taken up.
fn land(context: &Context<'_>, message: &Message) -> Answer {
    let known = context.journal();
    let Some(touch) = context.touch(message.token.as_deref()) else {
        return Answer {
            visits: Vec::new(),
            set_cookie: None,
            state: me(context),
        };
    };
    let decided =
        journal::decided(context.request.cookies, known.as_ref()).unwrap_or(touch.consent);
    let state = if context.request.gpc {
        Consent::Code
    } else {
        decided
    };
    if !state.allows_cookie() || touch.nonce.is_none() {
        let token = Some(context.mint(&touch.anonymous()));
        let visits = vec![context.visit(VisitKind::Landing, &touch.anonymous(), None)];
        return Answer {
            state: State {
                token,
                consent: state,
            },
            set_cookie: None,
            visits,
        };
    }
    let mut journal =
        known.unwrap_or_else(|| Journal::new(state, context.entropy.visitor(), context.now));
    let before = journal.clone();
    journal.add_touch(Touch {
        class: Class::Human,
        ..touch.clone()
    });
    journal.add_click_ids(captured(&message.query, context.now));
    let visits = vec![context.visit(VisitKind::Landing, &touch, Some(&journal))];
    let set_cookie = (journal != before).then(|| {
        journal.renew = true;
        context.cookie(journal)
    });
    let token = message.token.clone();
    Answer {
        state: State {
            token,
            consent: state,
        },
        set_cookie,
        visits,
    }
}

/// Storing is allowed: the journal begins or widens, an anonymous token becomes a full one.
fn grant(context: &Context<'_>, message: &Message, state: Consent) -> Answer {
    let known = context.journal();
    let before = known.clone();
    let mut journal =
        known.unwrap_or_else(|| Journal::new(state, context.entropy.visitor(), context.now));
    journal.consent = state;
    for known in &mut journal.touches {
        known.consent = state;
    }
    let landed = context.touch(message.token.as_deref());
    let touch = landed
        .as_ref()
        .map(|landed| granted(context, landed, &journal, state));
    if let Some(touch) = &touch {
        journal.add_touch(touch.clone());
    }
    journal.add_click_ids(captured(&message.query, context.now));
    let mut visits = Vec::new();
    if let Some(landed) = landed.filter(|_| message.name == MessageName::Land) {
        let memory = landed.nonce.and(Some(&journal));
        visits.push(context.visit(VisitKind::Landing, &landed, memory));
    }
    let news = before.as_ref() != Some(&journal);
    if let Some(touch) = touch.as_ref().filter(|_| news) {
        visits.push(context.visit(VisitKind::Grant, touch, Some(&journal)));
    }
    let token = touch
        .as_ref()
        .or(journal.touches.last())
        .map(|touch| context.mint(touch));
    let set_cookie = news.then(|| {
        journal.renew = true;
        journal.issued_at = context.now;
        context.cookie(journal)
    });
    Answer {
        state: State {
            token,
            consent: state,
        },
        set_cookie,
        visits,
    }
}

/// The touch of a landing, under the new state. An anonymous one gets a name now, unless the
/// journal holds a touch of the same link and day: a reloaded page is not a second click.
fn granted(context: &Context<'_>, landed: &Touch, journal: &Journal, state: Consent) -> Touch {
    if landed.nonce.is_some() {
        return Touch {
            consent: state,
            ..landed.clone()
        };
    }
    let same = |touch: &&Touch| touch.link == landed.link && touch.at.day_start() == landed.at;
    journal
        .touches
        .iter()
        .rev()
        .find(same)
        .cloned()
        .unwrap_or_else(|| Touch {
            at: context.now,
            nonce: Some(context.entropy.click()),
            consent: state,
            ..landed.clone()
        })
}

/// The visitor refuses or withdraws: the journal is erased, the token made anonymous. Where
/// visitors are remembered unless they say no, the no itself is remembered.
fn withdraw(context: &Context<'_>, message: &Message) -> Answer {
    let touch = context.touch(message.token.as_deref());
    let token = touch.as_ref().map(|touch| context.mint(&touch.anonymous()));
    let sent = context.request.cookies;
    let has_cookie = sent.contains(journal::HOST_COOKIE) || sent.contains(journal::DOMAIN_COOKIE);
    let set_cookie = if context.host.default_consent.allows_cookie() && !context.request.gpc {
        Some(journal::refusal_cookie(context.domain()))
    } else {
        has_cookie.then(|| journal::erase_cookie(context.domain()))
    };
    let confirmed = touch.filter(|_| message.name == MessageName::Land);
    let visits = confirmed
        .map(|touch| context.visit(VisitKind::Landing, &touch.anonymous(), None))
        .into_iter()
        .collect();
    Answer {
        state: State {
            token,
            consent: Consent::Code,
        },
        set_cookie,
        visits,
    }
}

/// The visitor's state and the token of the newest touch, for forms.
pub fn me(context: &Context<'_>) -> State {
    let journal = context.journal();
    let request = context.request;
    let decided = journal::decided(request.cookies, journal.as_ref());
    let default = context.host.default_consent;
    let given = request.given(decided);
    let consent = consent::stated(&given, &SiteConsent::NONE, default).state;
    let journal = journal.filter(|_| consent.allows_cookie());
    let program = context.host.program;
    let touch = journal.as_ref().and_then(|journal| {
        journal
            .touches
            .iter()
            .rev()
            .find(|touch| touch.program == program)
    });
    State {
        token: touch.map(|touch| context.mint(touch)),
        consent,
    }
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
