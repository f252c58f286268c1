//! Which of a link's addresses a visit leads to: the baseline page for the holdout, else what the
//! first matching rule says, else a variant, else the link's own target.
//!
//! The holdout comes first, because it is compared with everybody else. Software sees rules, but
//! is never held out and never gets a variant.

use super::visitor::Visitor;
use super::{Arrival, Because};
use crate::visit::link::{HostSnapshot, Sight, below, first};
use crate::visit::target::Target;
use crate::visit::target::query::{decodes_to, name_of};
use crate::visit::token::{self, Marks};
use crate::visit::traffic::Class;
use std::num::NonZeroU64;

/// What was chosen.
pub(super) struct Choice<'a> {
    base: &'a Target,
    /// The target with the visitor's path, on wildcard links.
    deep: Option<Target>,
    pub(super) variant: u8,
    held_out: bool,
    /// The number that decided, and that a new journal keeps.
    pub(super) nonce: u64,
}

impl Choice<'_> {
    pub(super) fn target(&self) -> &Target {
        self.deep.as_ref().unwrap_or(self.base)
    }

    pub(super) fn marks(&self, host: &HostSnapshot) -> Marks {
        let mut marks = host.marks(self.target().path());
        if self.held_out {
            marks = marks.with(Marks::HOLDOUT);
        }
        marks
    }
}

/// Chooses. `None` when the path after the slug cannot be led to.
pub(super) fn choose<'a>(
    arrival: &Arrival<'a>,
    visitor: Option<&Visitor>,
    class: Class,
    mut because: Option<&mut Because>,
) -> Option<Choice<'a>> {
    let settings = &arrival.link.settings;
    let mut choice = Choice {
        base: &settings.target,
        deep: None,
        variant: 0,
        held_out: false,
        nonce: arrival.entropy.visitor(),
    };
    let mut whole = false;
    let split = settings.split.as_ref().zip(visitor);
    if let Some((split, visitor)) = split {
        let (nonce, by) = drawn(arrival, visitor);
        choice.nonce = nonce;
        if let Some(because) = because.as_deref_mut() {
            because.chosen_by = Some(by);
        }
        if let Some(baseline) = split.held_out(nonce, arrival.link.id) {
            choice.base = baseline;
            choice.held_out = true;
            whole = true;
        }
    }
    if !choice.held_out {
        let tried = because.as_deref_mut().map(|because| &mut because.rules);
        let sight = sight(arrival, class);
        if let Some(rule) = first(&settings.rules, &sight, tried) {
            (choice.base, whole) = rule.leads(sight.user_agent);
            if let Some(because) = because.as_deref_mut() {
                because.app = whole;
            }
        } else if let Some((split, _)) = split
            && let Some(variant) = split.variant(choice.nonce, arrival.link.id)
        {
            choice.base = &variant.target;
            choice.variant = variant.id;
        }
    }
    if !arrival.rest.is_empty() {
        let deep = below(choice.base, arrival.rest).filter(|_| settings.wildcard);
        if deep.is_none() {
            if let Some(because) = because {
                because.path_refused = true;
            }
            return None;
        }
        // An app's address and the baseline page are whole.
        choice.deep = deep.filter(|_| !whole);
    }
    if let Some(because) = because {
        because.variant = choice.variant;
        because.holdout = choice.held_out;
    }
    Some(choice)
}

fn sight<'a>(arrival: &Arrival<'a>, class: Class) -> Sight<'a> {
    let request = arrival.request;
    Sight {
        country: request.country,
        region: request.region,
        user_agent: request.signals.user_agent,
        language: request.language,
        query: request.query,
        referrer: request.referrer,
        class,
        now: arrival.now,
    }
}

/// The number that decides, and what it is: the visitor's, where it may be used; that of the click
/// whose token the request carries; else that of this click, which its token carries on and a new
/// journal keeps.
fn drawn(arrival: &Arrival<'_>, visitor: &Visitor) -> (u64, &'static str) {
    if let Some(journal) = visitor.memory() {
        return (journal.visitor, "visitor");
    }
    let carried = visitor
        .state
        .allows_cookie()
        .then(|| carried(arrival))
        .flatten();
    match carried {
        Some(nonce) => (nonce.get(), "token"),
        None => (arrival.entropy.click().get(), "request"),
    }
}

/// The nonce of the program's token in the query.
fn carried(arrival: &Arrival<'_>) -> Option<NonZeroU64> {
    let param = &arrival.host.token_param;
    let mut segments = arrival.request.query.split('&');
    let segment = segments.find(|segment| decodes_to(name_of(segment), param))?;
    let (_, value) = segment.split_once('=')?;
    let touch = token::open(arrival.keys, value, arrival.now)?;
    touch
        .nonce
        .filter(|_| touch.program == arrival.link.program)
}
