//! What the snippet sends and asks: `POST /tl/e`, `GET /tl/me`.

use super::answer::Answer;
use super::facts::Place;
use super::{documents, flooded};
use crate::app::isolate::{Known, Memory};
use crate::app::problem;
use crate::domain::beacon::{self, Message, MessageName, Report, State, Via};
use crate::domain::flood::Counted;
use crate::domain::limits;
use crate::domain::link::{LinkSnapshot, Slug};
use crate::domain::target::parameter;
use crate::domain::traffic::{self, Class};
use crate::domain::visitor::Context;
use crate::json;

/// Answers a message. `None` when something must be fetched first.
pub(super) fn report(
    place: &Place<'_>,
    context: &Context<'_>,
    body: &str,
    memory: &Memory,
) -> Option<Answer> {
    if body.len() > limits::BEACON_BODY_BYTES {
        return Some(Answer::problem(&problem::BODY_TOO_LARGE));
    }
    let Some(message) = Message::read(body, context.host.consent.vendor) else {
        return Some(Answer::problem(&problem::BODY_NOT_JSON));
    };
    let link: Option<&LinkSnapshot> = match named(place, context) {
        Some((host, slug)) => match memory.link(host, slug.as_str(), context.now)? {
            Known::Found(link) => Some(link).filter(|link| link.earns(context.now)),
            Known::Absent | Known::Failed => None,
        },
        None => None,
    };
    let mut report = Report {
        message: &message,
        class: traffic::classify_report(&context.request.signals),
        landed: context.touch(message.token.as_deref()),
        via: link.map(|link| Via {
            link,
            marks: context
                .host
                .marks(Place::read(context.request.referrer).path),
        }),
    };
    if report.class == Class::Human && floods(&report, context, memory) {
        report.class = Class::Flood;
    }
    let Ok(answered) = beacon::answer(context, report) else {
        return Some(Answer::problem(&problem::VALIDATION));
    };
    let mut answer = told(&answered.state, context, memory)?.with_cookies(answered.set_cookies);
    answer.visits = answered.visits;
    Some(answer)
}

/// Is it one of more than people send from one network? What makes a click of its own counts as
/// one, so that nobody has more of them here than by redirects.
fn floods(report: &Report<'_>, context: &Context<'_>, memory: &Memory) -> bool {
    let landed = report.landed.as_ref().map(|landed| {
        let what = match report.message.name {
            MessageName::Land => Counted::Landing,
            MessageName::Consent => Counted::Grant,
        };
        (what, landed.partner)
    });
    let click = report
        .arrival()
        .map(|via| (Counted::Click, via.link.partner));
    let counted = landed.or(click);
    counted.is_some_and(|(what, partner)| flooded(memory, context, what, partner))
}

/// The link that the page's script found in its URL: it always sends it as `via`.
fn named<'a>(place: &Place<'a>, context: &Context<'a>) -> Option<(&'a str, Slug)> {
    let value = parameter(place.query, "via").filter(|value| !value.is_empty())?;
    documents::named(value, context, place.host)
}

/// Answers a question for the current token.
pub(super) fn me(context: &Context<'_>, memory: &Memory) -> Option<Answer> {
    told(&beacon::me(context), context, memory)
}

/// The state as the snippet reads it: `t` token, `c` consent, `p` the partner's name and `o` the
/// offer where the program shows them.
fn told(state: &State, context: &Context<'_>, memory: &Memory) -> Option<Answer> {
    let mut body = json!({"t": state.token, "c": state.consent});
    let touch = state.touch.as_ref().filter(|_| context.host.show_partner);
    if let (Some(touch), Some(members)) = (touch, body.as_object_mut())
        && let Known::Found(shown) = memory.shown(touch.link, context.now)?
    {
        members.extend(
            shown
                .partner
                .clone()
                .map(|name| ("p".to_owned(), name.into())),
        );
        members.extend(shown.offer.clone().map(|offer| ("o".to_owned(), offer)));
    }
    Some(Answer::json(&body))
}
