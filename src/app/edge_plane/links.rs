//! Visits to links: which link an address names, and the answer to its visitor.

use super::answer::Answer;
use super::facts::Place;
use super::{flooded, human, pages};
use crate::app::isolate::{Known, Memory};
use crate::app::problem;
use crate::domain::click::Visit;
use crate::domain::ids::PartnerId;
use crate::domain::link::{HostSnapshot, LinkSnapshot, Slug};
use crate::domain::redirect::{self, Outcome};
use crate::domain::traffic::{self, Class};
use crate::domain::visitor::Context;

/// What an address below a mount names.
struct Address<'a> {
    slug: Slug,
    /// What follows the slug, with its slash; empty when nothing does.
    rest: &'a str,
    /// `+` at the end: show where it leads.
    look: bool,
}

impl<'a> Address<'a> {
    fn read(path: &'a str, case_sensitive: bool) -> Option<Address<'a>> {
        let slash = path.find('/').unwrap_or(path.len());
        let (name, rest) = path.split_at_checked(slash)?;
        let look = rest.is_empty() && name.ends_with('+');
        let name = if look { name.trim_end_matches('+') } else { name };
        Some(Address {
            slug: Slug::parse(name, case_sensitive)?,
            rest,
            look,
        })
    }
}

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
    let Some(address) = Address::read(path, context.host.case_sensitive) else {
        return Some(orphan(context, memory));
    };
    match memory.link(place.host, address.slug.as_str(), context.now)? {
        Known::Found(link) if address.look => Some(pages::leads_to(link.settings.target.as_str())),
        Known::Found(link) => Some(follow(link, &address, context, memory)),
        Known::Absent => Some(orphan(context, memory)),
        Known::Failed => Some(pages::away()),
    }
}

fn follow(
    link: &LinkSnapshot,
    address: &Address<'_>,
    context: &Context<'_>,
    memory: &Memory,
) -> Answer {
    let class = traffic::classify(&context.request.signals).class;
    let flood = human(class) && flooded(memory, context, link.partner);
    let decided = redirect::redirect(context, link, address.rest, flood);
    let mut answer = match decided.outcome {
        Outcome::To(location) => pages::leading_to(&location),
        Outcome::Preview(og, location) => pages::preview(og, &location),
        Outcome::Ended => pages::ended(),
        Outcome::Unknown => return orphan(context, memory),
    };
    answer = answer.with_cookies(decided.set_cookies);
    answer.visits = decided.visit.into_iter().collect();
    answer
}

/// An address that no link has leads to the program's fallback, or to a page that says so. People
/// who follow one are counted: a partner may have mistyped it.
fn orphan(context: &Context<'_>, memory: &Memory) -> Answer {
    let mut answer = unknown(context.host);
    let class = traffic::classify(&context.request.signals).class;
    let nobody = PartnerId::from_number(0);
    let counts = matches!(class, Class::Human | Class::Provisional);
    if counts && !flooded(memory, context, nobody) {
        let program = context.host.program;
        let key = context.entropy.visitor();
        answer.visits.push(Visit::orphan(key, program, class, context.now));
    }
    answer
}

/// An address without a link.
pub(super) fn unknown(host: &HostSnapshot) -> Answer {
    match host.fallback.as_deref() {
        Some(fallback) => pages::leading_to(fallback),
        None => pages::nothing_here(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_slug_a_rest_and_perhaps_a_plus() {
        let address = Address::read("Anna/p/1", false).unwrap();
        assert_eq!((address.slug.as_str(), address.rest, address.look), ("anna", "/p/1", false));
        let address = Address::read("anna+", false).unwrap();
        assert_eq!((address.slug.as_str(), address.rest, address.look), ("anna", "", true));
        assert!(Address::read("", false).is_none() && Address::read("/x", false).is_none());
    }
}
