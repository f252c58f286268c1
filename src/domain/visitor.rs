//! The visitor of one request, as the sealed cookie and the request's signals show them: what
//! beacons and documents share.

use super::click::{Visit, VisitKind};
use super::consent::{self, Given, Stated, Told};
use super::journal::{self, Journal};
use super::link::{HostSnapshot, LinkSnapshot};
use super::redirect::{Entropy, Request};
use super::seal::Keyring;
use super::time::{DAY_MS, UnixMs};
use super::token::{self, Marks, Touch};
use super::traffic::Class;
use std::num::NonZeroU64;

/// All that a decision about a visitor looks at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub request: &'a Request<'a>,
    pub host: &'a HostSnapshot,
    pub keys: &'a Keyring,
    pub now: UnixMs,
    pub entropy: &'a Entropy,
}

impl Context<'_> {
    /// The journal of the request's cookies.
    pub fn journal(&self) -> Option<Journal> {
        Journal::from_cookies(
            self.keys,
            self.host.journals(),
            self.request.cookies,
            self.now,
        )
    }

    /// The consent state and where it comes from. `told` is what the page says right now.
    pub fn stated(&self, journal: Option<&Journal>, told: Option<Told>) -> Stated {
        let decided = journal::decided(self.host.journals(), self.request.cookies, journal);
        let given = Given {
            told,
            ..self.request.given(decided)
        };
        consent::stated(&given, &self.host.consent, self.host.default_consent)
    }

    /// Opens a token of this host's program; anything else is as if absent.
    pub fn touch(&self, token: Option<&str>) -> Option<Touch> {
        let touch = token::open(self.keys, token?, self.now)?;
        (touch.program == self.host.program).then_some(touch)
    }

    /// The touch of somebody whom `link` brought to the page of this request.
    pub fn brought(&self, link: &LinkSnapshot, class: Class, stated: Stated) -> Touch {
        let touch = Touch {
            at: self.now,
            program: link.program,
            link: link.id,
            partner: link.partner,
            variant: 0,
            class,
            marks: Marks::default(),
            consent: stated.state,
            evidence: stated.evidence,
            nonce: Some(self.entropy.click()),
        };
        if stated.state.allows_cookie() {
            touch
        } else {
            touch.anonymous()
        }
    }

    pub fn mint(&self, touch: &Touch) -> String {
        token::issue(self.keys, touch, self.entropy.token())
    }

    pub fn domain(&self) -> Option<&str> {
        self.host.cookie_domain.as_deref()
    }

    /// The `Set-Cookie` that holds the journal.
    pub fn cookie(&self, journal: Journal) -> String {
        journal.cookie(self.keys, self.entropy.journal(), self.host.journals())
    }

    /// The `Set-Cookie`s that take the journal away, if the browser sent one.
    pub fn erasure(&self) -> Vec<String> {
        journal::erase_cookies(self.request.cookies, self.domain())
    }

    pub fn visit(&self, kind: VisitKind, touch: &Touch, journal: Option<&Journal>) -> Visit {
        let key = touch.nonce.map_or(self.entropy.visitor(), NonZeroU64::get);
        let visit = Visit::new(kind, key, touch, journal);
        match kind {
            VisitKind::Click => visit.came_from(self.request.referrer),
            _ => visit,
        }
    }
}

/// The touch of a landing under a state that allows a cookie. An anonymous one gets a name now,
/// unless the journal holds a touch of the same link and day: a reloaded page is no second click.
pub fn named(context: &Context<'_>, landed: &Touch, journal: &Journal, stated: Stated) -> Touch {
    let state = Touch {
        consent: stated.state,
        evidence: stated.evidence,
        ..landed.clone()
    };
    if landed.nonce.is_some() {
        return state;
    }
    let same = |touch: &&Touch| touch.link == landed.link && touch.at.day_start() == landed.at;
    let known = journal.touches.iter().rev().find(same).cloned();
    // Of an anonymous click only the day is known: an old address does not make it younger.
    known.unwrap_or_else(|| Touch {
        at: context.now.min(landed.at.plus(DAY_MS - 1)),
        nonce: Some(context.entropy.click()),
        ..state
    })
}
