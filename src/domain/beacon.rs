//! What the snippet reports: a landing, a consent decision, a question for the current token.
//!
//! The redirect often cannot see consent, so it sets nothing; the snippet holds the token and,
//! when the visitor decides, this module mints a full token, fills the journal and sets the
//! cookie. Cookies set here answer a script, which Safari caps at 7 days, so they are marked and
//! the next document renews them.

mod message;

pub use message::{Message, MessageName};

use super::click::{Visit, VisitKind};
use super::click_ids::{self, ClickIdKind};
use super::consent::{Consent, Evidence, Stated};
use super::fb_cookies;
use super::journal::{self, Journal};
use super::link::LinkSnapshot;
use super::redirect::captured;
use super::token::{Marks, Touch};
use super::traffic::Class;
use super::visitor::{self, Context};

/// The visitor's state as the snippet is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub token: Option<String>,
    pub consent: Consent,
    /// The touch that the token stands for.
    pub touch: Option<Touch>,
}

/// The answer and its consequences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub state: State,
    pub set_cookies: Vec<String>,
    pub visits: Vec<Visit>,
}

/// A consent message without a state that is on the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownState;

/// A page that a partner parameter led to, on a site without the gateway.
#[derive(Clone, Copy)]
pub struct Via<'a> {
    pub link: &'a LinkSnapshot,
    pub marks: Marks,
}

/// A message, and what is known of the page that sends it.
pub struct Report<'a> {
    pub message: &'a Message,
    /// Of the page: only a person's report confirms a click or gives it a name.
    pub class: Class,
    /// What the message's token stands for.
    pub landed: Option<Touch>,
    /// Whom a partner parameter of the page names; a token wins over it.
    pub via: Option<Via<'a>>,
}

impl<'a> Report<'a> {
    /// The page's partner parameter, where it counts as a click.
    pub fn arrival(&self) -> Option<Via<'a>> {
        let arrives = self.landed.is_none() && self.message.name == MessageName::Land;
        self.via.filter(|_| arrives)
    }
}

/// Answers a message.
pub fn answer(context: &Context<'_>, report: Report<'_>) -> Result<Answer, UnknownState> {
    let message = report.message;
    if message.name == MessageName::Consent && message.told.is_none() {
        return Err(UnknownState);
    }
    let known = context.journal();
    let stated = context.stated(known.as_ref(), message.told);
    if report.class != Class::Human {
        return Ok(unverified(context, &report, known, stated));
    }
    let via = report.arrival();
    let mut visits = Vec::new();
    let mut landed = report.landed;
    if let Some(via) = via {
        let known = known.as_ref().filter(|_| stated.state.allows_cookie());
        let (click, touch) = arrived(context, message, via, known, stated);
        visits.push(context.visit(VisitKind::Click, &click, None));
        landed = touch;
    }
    let mut answer = if stated.state.allows_cookie() {
        allowed(context, message, known, landed, stated)
    } else {
        refused(context, message, landed, stated)
    };
    visits.append(&mut answer.visits);
    Ok(Answer { visits, ..answer })
}

/// A report of what is no person's page, or one of a flood of them. It is answered, a withdrawal is
/// obeyed, and it is counted apart; nothing is confirmed, named or remembered by it.
fn unverified(
    context: &Context<'_>,
    report: &Report<'_>,
    known: Option<Journal>,
    stated: Stated,
) -> Answer {
    let message = report.message;
    let apart = |kind, touch: Touch| {
        let touch = Touch {
            class: report.class,
            ..touch.anonymous()
        };
        context.visit(kind, &touch, None)
    };
    let arrival = report.arrival().map(|via| Touch {
        marks: via.marks,
        ..context.brought(via.link, report.class, stated)
    });
    let visits = match (&report.landed, &arrival) {
        (Some(landed), _) => vec![apart(VisitKind::Unverified, landed.clone())],
        (None, Some(click)) => vec![apart(VisitKind::Click, click.clone())],
        (None, None) => Vec::new(),
    };
    if !stated.state.allows_cookie() {
        let answer = refused(context, message, report.landed.clone(), stated);
        return Answer { visits, ..answer };
    }
    // In a flood there are people too: their sale still credits the partner.
    let flood = arrival.filter(|_| report.class == Class::Flood);
    let known = known.and_then(|known| known.touches.last().cloned());
    let touch = report
        .landed
        .clone()
        .or(flood.map(|touch| touch.anonymous()));
    let mut state = state(context, touch.or(known), stated.state);
    if report.landed.is_some() {
        state.token.clone_from(&message.token);
    }
    Answer {
        state,
        set_cookies: Vec::new(),
        visits,
    }
}

/// The click that such a page is, and the touch that the visitor gets of it: of a page that is
/// loaded again the one of before.
fn arrived(
    context: &Context<'_>,
    message: &Message,
    via: Via<'_>,
    known: Option<&Journal>,
    stated: Stated,
) -> (Touch, Option<Touch>) {
    let mut touch = context.brought(via.link, Class::Human, stated);
    touch.marks = via.marks;
    let again = known.and_then(|known| known.repeated(via.link.id, &message.query, context.now));
    let Some(again) = again else {
        return (touch.clone(), Some(touch));
    };
    let repeat = Touch {
        class: Class::Duplicate,
        nonce: None,
        ..touch
    };
    (repeat, Some(again))
}

/// Storing is allowed: the journal begins or widens. An anonymous token becomes a full one when
/// somebody has said yes, and stays what it is where nobody was asked.
fn allowed(
    context: &Context<'_>,
    message: &Message,
    known: Option<Journal>,
    landed: Option<Touch>,
    stated: Stated,
) -> Answer {
    let live = message.told.is_some() || stated.evidence.is_live();
    let before = known.clone();
    let begin = || Journal::new(stated.state, context.entropy.visitor(), context.now);
    let mut journal = known.unwrap_or_else(begin);
    if live {
        journal.follow(stated);
    }
    let keep = landed
        .as_ref()
        .filter(|touch| touch.nonce.is_some() || live);
    let touch = keep.map(|landed| visitor::named(context, landed, &journal, stated));
    let mut visits = Vec::new();
    let landing = landed
        .as_ref()
        .filter(|_| message.name == MessageName::Land);
    if let Some(touch) = &touch {
        let seen = Touch {
            class: shown(touch.class),
            ..touch.clone()
        };
        journal.add_touch(seen);
        journal.add_click_ids(captured(&message.query, context.now));
    }
    if let Some(landed) = landing.filter(|touch| !journal.confirms(touch)) {
        let memory = landed.nonce.and(Some(&journal));
        visits.push(context.visit(VisitKind::Landing, landed, memory));
    }
    let news = before.as_ref() != Some(&journal);
    let empty = journal.touches.is_empty() && journal.click_ids.is_empty();
    if let Some(touch) = touch.as_ref().filter(|_| news && live) {
        visits.push(context.visit(VisitKind::Grant, touch, Some(&journal)));
        // By the name that it got, the click is confirmed as well.
        if landed.as_ref().is_some_and(|landed| landed.nonce.is_none()) {
            visits.push(context.visit(VisitKind::Landing, touch, None));
        }
    }
    // Where nothing has changed about it, the page keeps the token that it has.
    let landed_token_stays = !live && landed.as_ref().is_some_and(|touch| touch.nonce.is_some());
    let landed_token_stays = landed_token_stays && message.token.is_some();
    let anonymous = landed.filter(|_| touch.is_none());
    let touch = touch
        .or(anonymous)
        .or_else(|| journal.touches.last().cloned());
    let mut set_cookies = Vec::new();
    if news && !(empty && before.is_none() && !live) {
        journal.renew = true;
        journal.issued_at = context.now;
        let meta = meta_cookies(context, &journal);
        set_cookies.push(context.cookie(journal));
        set_cookies.extend(meta);
    }
    let mut state = state(context, touch, stated.state);
    if landed_token_stays {
        state.token.clone_from(&message.token);
    }
    Answer {
        state,
        set_cookies,
        visits,
    }
}

/// A page that was loaded ahead and is shown now was a person's click.
fn shown(class: Class) -> Class {
    match class {
        Class::Prefetch => Class::Human,
        other => other,
    }
}

/// Nothing may be kept: the journal is erased, the token made anonymous. Where visitors are
/// remembered unless they say no, the no that a page tells is itself remembered.
fn refused(
    context: &Context<'_>,
    message: &Message,
    landed: Option<Touch>,
    stated: Stated,
) -> Answer {
    let touch = landed.map(|touch| touch.anonymous());
    let asked = context.host.default_consent.allows_cookie();
    let said = message.told.is_some() && stated.evidence != Evidence::Gpc;
    let set_cookies = if asked && said {
        journal::refusal_cookies(context.request.cookies, context.domain())
    } else {
        context.erasure()
    };
    let confirmed = touch.as_ref().filter(|_| message.name == MessageName::Land);
    let visits = confirmed.map(|touch| context.visit(VisitKind::Landing, touch, None));
    Answer {
        visits: visits.into_iter().collect(),
        set_cookies,
        state: state(context, touch, stated.state),
    }
}

fn state(context: &Context<'_>, touch: Option<Touch>, consent: Consent) -> State {
    State {
        token: touch.as_ref().map(|touch| context.mint(touch)),
        consent,
        touch,
    }
}

/// The visitor's state and the token of the newest touch, for forms.
pub fn me(context: &Context<'_>) -> State {
    let journal = context.journal();
    let stated = context.stated(journal.as_ref(), None);
    let journal = journal.filter(|_| stated.state.allows_cookie());
    let program = context.host.program;
    let newest = |journal: Journal| {
        journal
            .touches
            .into_iter()
            .rev()
            .find(|t| t.program == program)
    };
    state(context, journal.and_then(newest), stated.state)
}

/// Meta's cookies, where the program wants them set and the visitor allows it.
pub fn meta_cookies(context: &Context<'_>, journal: &Journal) -> Vec<String> {
    let Some(domain) = context.host.registrable.as_deref() else {
        return Vec::new();
    };
    if !context.host.meta_cookies || !journal.consent.allows_forwarding() {
        return Vec::new();
    }
    let click = journal
        .click_ids
        .iter()
        .find(|id| id.kind == ClickIdKind::Fbclid);
    let fbclid = click.map(|id| click_ids::decode(&id.value));
    let at = click.map_or(context.now, |id| id.at);
    let random = context.entropy.meta();
    let due = fb_cookies::cookies(
        context.request.cookies,
        fbclid.as_deref(),
        domain,
        at,
        random,
    );
    let set = |(name, value): (&str, String)| fb_cookies::set_cookie(name, &value, Some(domain));
    due.into_iter().map(set).collect()
}
