//! Documents of the site behind the gateway: what the request brings is added to the origin's
//! answer. Everything else passes untouched.

use super::answer::Answer;
use super::facts::{Facts, Place};
use super::{flooded, human};
use crate::app::isolate::{Known, Memory};
use crate::domain::document::{self, Document};
use crate::domain::flood::Counted;
use crate::domain::link::Slug;
use crate::domain::target::parameter;
use crate::domain::traffic::{self, Class};
use crate::domain::visitor::Context;

/// Answers for the site: `None` when a link that a partner parameter names must be fetched first.
pub(super) fn pass(
    facts: &Facts<'_>,
    place: &Place<'_>,
    context: &Context<'_>,
    memory: &Memory,
) -> Option<Answer> {
    if !is_document(facts) {
        return Some(Answer::default());
    }
    let via = match partner(place.query, context, place.host) {
        Some((host, slug)) => match memory.link(host, slug.as_str(), context.now)? {
            Known::Found(link) => Some(link),
            Known::Absent | Known::Failed => None,
        },
        None => None,
    };
    let landed = context.touch(parameter(place.query, &context.host.token_param));
    let mut class = traffic::classify(&context.request.signals).class;
    if human(class) {
        let floods = |what, partner| flooded(memory, context, what, partner);
        let landing = landed.as_ref();
        let landing = landing.is_some_and(|touch| floods(Counted::Document, touch.partner));
        if landing || via.is_some_and(|link| floods(Counted::Click, link.partner)) {
            class = Class::Flood;
        }
    }
    let document = Document {
        class,
        via: via.filter(|link| link.earns(context.now)),
        landed,
        marks: context.host.marks(place.path),
        within: matches!(facts.fetch_site, "same-origin" | "same-site"),
    };
    let additions = document::decide(context, &document);
    Some(Answer::pass(additions, script(context)))
}

/// The link that the first of the program's partner parameters with a value names: the host to
/// look on, and the slug.
pub(super) fn partner<'a>(
    query: &str,
    context: &Context<'a>,
    host: &'a str,
) -> Option<(&'a str, Slug)> {
    let settings = context.host;
    let given = |name: &String| parameter(query, name).filter(|value| !value.is_empty());
    named(
        settings.partner_params.iter().find_map(given)?,
        context,
        host,
    )
}

/// Where the link lies that a partner parameter's value names.
pub(super) fn named<'a>(
    value: &str,
    context: &Context<'a>,
    host: &'a str,
) -> Option<(&'a str, Slug)> {
    let settings = context.host;
    let host = settings.links_host.as_deref().unwrap_or(host);
    Some((host, Slug::from_path(value, settings.case_sensitive)?))
}

/// A page that a browser navigates to, in a tab of its own.
fn is_document(facts: &Facts<'_>) -> bool {
    let navigation = match facts.fetch_dest {
        "" => facts.accept.contains("text/html"),
        destination => destination == "document",
    };
    facts.method == "GET" && navigation
}

/// The attributes of the snippet's tag, if the program wants it injected.
fn script(context: &Context<'_>) -> String {
    let host = context.host;
    match (host.inject, host.clean_url) {
        (false, _) => String::new(),
        (true, false) => "src=\"/tl/tl.js\" defer".to_owned(),
        (true, true) => "src=\"/tl/full.js\" data-clean defer".to_owned(),
    }
}
