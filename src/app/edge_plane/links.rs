//! Visits to links: which link an address names, and the answer to its visitor.

use super::answer::Answer;
use super::facts::Place;
use super::{flooded, human, pages};
use crate::app::isolate::{Known, Memory};
use crate::app::problem;
use crate::domain::click::Visit;
use crate::domain::flood::Counted;
use crate::domain::ids::{LinkId, PartnerId};
use crate::domain::link::{Address, Availability, LinkSnapshot, Tidied};
use crate::domain::redirect::{self, Arrival, Outcome, PageKind, Request};
use crate::domain::traffic::{self, Class};
use crate::domain::visitor::Context;

/// Answers a visit. `path` is what follows the mount. `None` when the link must be fetched first.
pub(super) fn visit(
    place: &Place<'_>,
    path: &str,
    context: &Context<'_>,
    memory: &Memory,
) -> Option<Answer> {
    if !matches!(context.request.signals.method, "GET" | "HEAD") {
        return Some(Answer::problem(&problem::METHOD_NOT_ALLOWED));
    }
    let case_sensitive = context.host.case_sensitive;
    let known = |address: &Address<'_>| memory.link(place.host, address.slug.as_str(), context.now);
    if let Some(address) = Address::read(path, case_sensitive) {
        let known = known(&address)?;
        if !matches!(known, Known::Absent) {
            return Some(found(known, &address, context, memory));
        }
    }
    let Some(tidied) = Tidied::read(path, case_sensitive) else {
        return Some(orphan(context, memory));
    };
    let known = known(&tidied.address)?;
    let query = tidied.query(context.request.query);
    let request = Request {
        query: &query,
        ..*context.request
    };
    let context = Context {
        request: &request,
        ..*context
    };
    Some(found(known, &tidied.address, &context, memory))
}

/// Answers by what is known of the address.
fn found(
    known: &Known<LinkSnapshot>,
    address: &Address<'_>,
    context: &Context<'_>,
    memory: &Memory,
) -> Answer {
    match known {
        Known::Found(link) if address.inspect => match link.availability(context.now) {
            Availability::Scheduled => unknown(context),
            Availability::Expired | Availability::Capped => pages::ended(),
            _ => pages::leads_to(link.settings.target.as_str()),
        },
        Known::Found(link) => follow(link, address, context, memory),
        Known::Absent => orphan(context, memory),
        Known::Failed => pages::away(),
    }
}

fn follow(
    link: &LinkSnapshot,
    address: &Address<'_>,
    context: &Context<'_>,
    memory: &Memory,
) -> Answer {
    let sighting = traffic::classify(&context.request.signals);
    let class = sighting.class;
    let flood = human(class) && flooded(memory, context, Counted::Click, link.partner);
    let decided = redirect::redirect(&Arrival {
        request: context.request,
        rest: address.rest,
        sighting,
        flooded: flood,
        host: context.host,
        link,
        keys: context.keys,
        now: context.now,
        entropy: context.entropy,
    });
    let nowhere = decided.outcome == Outcome::Unknown;
    let mut answer = match (decided.outcome, &link.settings.og) {
        (Outcome::To(location), _) => pages::leading_to(location, &context.request.signals),
        (Outcome::Page(PageKind::Preview), Some(og)) => pages::preview(og),
        (Outcome::Page(_), _) => pages::ended(),
        (Outcome::Unknown, _) => unknown(context),
    };
    if decided.availability != Availability::Open || decided.visit.is_none() && nowhere {
        let owner = (link.id, link.partner);
        answer.visits.extend(stray(context, owner, class, flood));
        return answer;
    }
    answer = answer.with_cookies(decided.set_cookies);
    answer.visits = decided.visit.into_iter().collect();
    answer
}

/// An address that no link has leads to the program's fallback, or to a page that says so. People
/// who follow one are counted: a partner may have mistyped it.
fn orphan(context: &Context<'_>, memory: &Memory) -> Answer {
    let mut answer = unknown(context);
    let class = traffic::classify(&context.request.signals).class;
    let owner = (LinkId::from_number(0), PartnerId::from_number(0));
    let flood = human(class) && flooded(memory, context, Counted::Click, owner.1);
    answer.visits.extend(stray(context, owner, class, flood));
    answer
}

/// The fact that somebody followed an address without a link, or a link that earns nothing now.
fn stray(
    context: &Context<'_>,
    owner: (LinkId, PartnerId),
    class: Class,
    flood: bool,
) -> Option<Visit> {
    let counts = human(class) && !flood;
    let (key, program) = (context.entropy.visitor(), context.host.program);
    counts.then(|| Visit::orphan(key, program, owner, class, context.now))
}

/// An address without a link.
pub(super) fn unknown(context: &Context<'_>) -> Answer {
    let client = &context.request.signals;
    match context.host.fallback.as_deref() {
        Some(fallback) => pages::leading_to(fallback.to_owned(), client),
        None => pages::nothing_here(),
    }
}
