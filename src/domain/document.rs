//! A document of the site on its way through the gateway: who arrives, and what the browser may
//! keep of it.
//!
//! A visitor arrives by a partner parameter (`?via=anna`), by a click token from another host, or
//! with click IDs alone; or is simply there again, which confirms the last click and renews the
//! cookie. Whatever is decided here is added to the origin's own answer and never holds it back.

use super::beacon;
use super::click::{Visit, VisitKind};
use super::consent::{Consent, Evidence, Stated};
use super::journal::Journal;
use super::limits;
use super::link::LinkSnapshot;
use super::redirect::captured;
use super::time::DAY_MS;
use super::token::{Marks, Touch};
use super::traffic::Class;
use super::visitor::{self, Context};

/// What is known of a document's request before it is decided.
pub struct Document<'a> {
    pub class: Class,
    /// The link that a partner parameter names.
    pub via: Option<&'a LinkSnapshot>,
    /// What the token in the address stands for.
    pub landed: Option<Touch>,
    /// Those of a touch that is born on this path.
    pub marks: Marks,
    /// The visitor came from a page of this site.
    pub within: bool,
}

/// What is added to the origin's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    pub set_cookies: Vec<String>,
    /// A token that the page's script cannot know from its URL.
    pub token: Option<String>,
    pub visits: Vec<Visit>,
}

/// Decides what is added to a document.
pub fn decide(context: &Context<'_>, document: &Document<'_>) -> Additions {
    if !document.class.carries_token() {
        return refused_software(context, document);
    }
    let known = context.journal();
    let stated = context.stated(known.as_ref(), None);
    if document.class == Class::Prefetch {
        let ahead = document.via;
        let ahead = ahead.map(|link| brought(context, link, document, stated));
        let key = context.entropy.visitor();
        return Additions {
            token: ahead.as_ref().map(|touch| context.mint(touch)),
            visits: ahead.iter().map(|touch| Visit::ahead(key, touch)).collect(),
            ..Additions::default()
        };
    }
    if stated.state.allows_cookie() && document.class.sets_cookie() {
        return remembered(context, document, known, stated);
    }
    let mut additions = Additions {
        visits: unverified(context, document, stated),
        ..Additions::default()
    };
    if !stated.state.allows_cookie() {
        additions.set_cookies = context.erasure();
    }
    if let Some(link) = document.via {
        let touch = brought(context, link, document, stated);
        additions.token = Some(context.mint(&touch));
        additions
            .visits
            .push(context.visit(VisitKind::Click, &touch, None));
    }
    additions
}

/// A landing in a flood, where it would have got a name.
fn unverified(context: &Context<'_>, document: &Document<'_>, stated: Stated) -> Vec<Visit> {
    let named = stated.state.allows_cookie() && stated.evidence.is_live();
    let landed = document
        .landed
        .iter()
        .filter(|touch| named && touch.nonce.is_none());
    let apart = landed.map(|touch| Touch {
        class: document.class,
        ..touch.clone()
    });
    apart
        .map(|touch| context.visit(VisitKind::Unverified, &touch, None))
        .collect()
}

/// Software that follows a partner's address is kept under its class, and gets nothing.
fn refused_software(context: &Context<'_>, document: &Document<'_>) -> Additions {
    let counted = document.via.filter(|_| document.class != Class::Head);
    let visits = counted.map(|link| {
        let stated = Stated {
            state: Consent::Code,
            evidence: Evidence::Default,
        };
        let touch = context.brought(link, document.class, stated).anonymous();
        context.visit(VisitKind::Click, &touch, None)
    });
    Additions {
        visits: visits.into_iter().collect(),
        ..Additions::default()
    }
}

fn brought(
    context: &Context<'_>,
    link: &LinkSnapshot,
    document: &Document<'_>,
    stated: Stated,
) -> Touch {
    Touch {
        marks: document.marks,
        ..context.brought(link, document.class, stated)
    }
}

/// The visitor may be remembered: the journal takes up what the request brings.
fn remembered(
    context: &Context<'_>,
    document: &Document<'_>,
    known: Option<Journal>,
    stated: Stated,
) -> Additions {
    let mut additions = Additions::default();
    let live = stated.evidence.is_live();
    let before = known.clone();
    let begin = || Journal::new(stated.state, context.entropy.visitor(), context.now);
    let mut journal = known.unwrap_or_else(begin);
    if live && journal.consent != stated.state {
        journal.follow(stated);
    }
    let landed = document.landed.as_ref();
    if let Some(landed) = landed.filter(|landed| landed.nonce.is_some() || live) {
        let touch = visitor::named(context, landed, &journal, stated);
        if landed.nonce.is_none() && !journal.touches.contains(&touch) {
            additions
                .visits
                .push(context.visit(VisitKind::Grant, &touch, Some(&journal)));
            additions
                .visits
                .push(context.visit(VisitKind::Landing, &touch, None));
        }
        journal.add_touch(touch);
    } else if let Some(link) = document.via {
        let mut touch = brought(context, link, document, stated);
        let query = context.request.query;
        let again = journal.repeated(link.id, query, context.now);
        let token = context.mint(again.as_ref().unwrap_or(&touch));
        if again.is_some() {
            // A repetition is no click of its own: its fact has no name.
            touch.class = Class::Duplicate;
            touch.nonce = None;
        } else {
            journal.add_touch(touch.clone());
        }
        journal.add_click_ids(captured(query, context.now));
        additions
            .visits
            .push(context.visit(VisitKind::Click, &touch, Some(&journal)));
        additions.token = Some(token);
    }
    journal.add_click_ids(captured(context.request.query, context.now));
    if document.within {
        additions.visits.extend(confirmed(context, &mut journal));
    }
    let empty = journal.touches.is_empty() && journal.click_ids.is_empty();
    let due = before.is_some() && (journal.renew || context.now.since(journal.issued_at) >= DAY_MS);
    if !empty && (due || before.as_ref() != Some(&journal)) {
        journal.renew = false;
        journal.issued_at = context.now;
        let meta = beacon::meta_cookies(context, &journal);
        additions.set_cookies.push(context.cookie(journal));
        additions.set_cookies.extend(meta);
    }
    additions
}

/// A visitor who goes on within the site was no scanner: the last click is confirmed, once.
fn confirmed(context: &Context<'_>, journal: &mut Journal) -> Option<Visit> {
    let last = journal.touches.last_mut()?;
    let young = context.now.since(last.at) <= limits::CONFIRM_MS;
    if last.marks.has(Marks::CONFIRMED) || !young || last.program != context.host.program {
        return None;
    }
    last.marks = last.marks.with(Marks::CONFIRMED);
    let touch = last.clone();
    Some(context.visit(VisitKind::Landing, &touch, None))
}
