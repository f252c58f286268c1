//! The edge plane's requests, answered from the isolate's memory alone: links, beacons, the
//! visitor's token, documents of the site behind the gateway.
//!
//! Synchronous, so that the whole of it is one call from the entry. Where the memory lacks
//! something it gives `None`; the entry then has it fetched and asks once more. What could not be
//! fetched is known to have failed: a link then asks to come again, the site answers by itself.

mod answer;
mod documents;
mod facts;
mod links;
mod pages;
mod reports;

use super::isolate::{Known, Memory};
use super::problem;
use super::settings::Settings;
use crate::domain::flood::{self, Counted};
use crate::domain::ids::PartnerId;
use crate::domain::link::{HostSnapshot, Slug};
use crate::domain::redirect::Entropy;
use crate::domain::time::UnixMs;
use crate::domain::traffic::Class;
use crate::domain::visitor::Context;

pub use answer::{Answer, Form, PASS};
pub use facts::{Facts, Place};

/// Where links live on a host whose settings do not say.
pub const LINKS: &str = "/go/";
const BEACON: &str = "/tl/e";
const ME: &str = "/tl/me";

/// Answers a visitor's request. `body` is that of a beacon.
pub fn answer(
    facts: &Facts<'_>,
    body: &str,
    memory: &Memory,
    settings: &Settings,
    now: UnixMs,
    entropy: &Entropy,
) -> Option<Answer> {
    let place = Place::read(facts.url);
    memory.begin();
    // Nobody's links, whatever is stored: people type their keys there.
    if place.host == settings.admin_host {
        return Some(pages::nothing_here());
    }
    let host = match memory.host(place.host, now) {
        Some(Known::Found(host)) => host,
        None => {
            want_link_too(&place, memory, now);
            return None;
        }
        Some(unknown) => return Some(without_host(unknown, &place, settings)),
    };
    let request = facts.request(&place);
    let context = Context {
        request: &request,
        host,
        keys: &settings.keys,
        now,
        entropy,
    };
    let mut answer = match place.path {
        BEACON | ME if !same_site(facts, place.host, host) => {
            Answer::problem(&problem::CROSS_ORIGIN)
        }
        BEACON if facts.method == "POST" => reports::report(&place, &context, body, memory)?,
        ME if facts.method == "GET" => reports::me(&context, memory)?,
        BEACON | ME => Answer::problem(&problem::METHOD_NOT_ALLOWED),
        path => match below_mount(path, host) {
            Some(path) => links::visit(&place, path, &context, memory)?,
            None if settings.is_site(place.host) => {
                documents::pass(facts, &place, &context, memory)?
            }
            None => links::unknown(&context),
        },
    };
    answer.refresh = memory.wants();
    Some(answer)
}

/// Does the site answer a request for a part of a page at this address, whatever else it holds?
/// Most requests of a site are such, so no more is asked of them. Says no as well when it does not
/// know, or not any more: then all is told and [`answer`] decides.
pub fn passes(url: &str, memory: &Memory, settings: &Settings, now: UnixMs) -> bool {
    let place = Place::read(url);
    let hit = memory.hosts.get(place.host, now).filter(|hit| !hit.stale);
    let Some(Known::Found(host)) = hit.map(|hit| hit.known) else {
        return false;
    };
    let ours = place.path == BEACON || place.path == ME;
    !ours && below_mount(place.path, host).is_none() && settings.is_site(place.host)
}

/// Lets the link be fetched together with its host: most hosts have their links at this mount.
fn want_link_too(place: &Place<'_>, memory: &Memory, now: UnixMs) {
    let name = place.path.strip_prefix(LINKS).unwrap_or_default();
    let name = name.split('/').next().unwrap_or_default();
    if let Some(slug) = Slug::from_path(name, false) {
        memory.link(place.host, slug.as_str(), now);
    }
}

/// What follows the mount of the host's links, if the address lies below it. A host of links alone
/// has them at its root, too.
pub(super) fn below_mount<'a>(path: &'a str, host: &HostSnapshot) -> Option<&'a str> {
    let mounted = path.strip_prefix(host.mount.as_str());
    if host.root {
        return mounted.or_else(|| path.strip_prefix('/'));
    }
    mounted
}

/// A host that is nobody's, or that nothing is known of right now.
fn without_host(known: &Known<HostSnapshot>, place: &Place<'_>, settings: &Settings) -> Answer {
    let ours = place.path.starts_with(LINKS) || place.path == BEACON || place.path == ME;
    match known {
        _ if !ours && settings.is_site(place.host) => Answer::default(),
        Known::Failed => pages::away(),
        Known::Absent | Known::Found(_) => pages::nothing_here(),
    }
}

/// Pages of the same site, and clients that do not say. `Origin` and `Referer` speak for browsers
/// that send no `Sec-Fetch-Site`; of an opaque origin (`null`) nothing is known.
fn same_site(facts: &Facts<'_>, own: &str, host: &HostSnapshot) -> bool {
    let shared = [host.cookie_domain.as_deref(), host.registrable.as_deref()];
    let ours = |address: &str| {
        let other = Place::read(address).host;
        let below = |domain: &str| {
            let rest = other.strip_suffix(domain);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let unknown = matches!(address, "" | "null");
        unknown || other == own || shared.into_iter().flatten().any(below)
    };
    matches!(facts.fetch_site, "" | "same-origin" | "same-site")
        && ours(facts.origin)
        && ours(facts.referrer)
}

/// May clicks of this class become too many?
fn human(class: Class) -> bool {
    matches!(class, Class::Human | Class::Provisional)
}

/// Has the visitor's network sent more of this kind on this partner than people make?
fn flooded(memory: &Memory, context: &Context<'_>, what: Counted, partner: PartnerId) -> bool {
    let network = flood::network(context.request.ip);
    network.is_some_and(|network| {
        let mut flood = memory.flood.borrow_mut();
        flood.hit(what, network, partner, context.now)
    })
}

/// The answer when what is needed could not be fetched.
pub fn away() -> Answer {
    pages::away()
}
