//! The journal: the visitor's touches and click IDs, sealed in one first-party cookie.
//!
//! It is the memory of the edge: no database is asked who brought a visitor. A journal is one
//! program's: its seal names the program, so that at another one it is as if absent. It keeps up to
//! 8 touches and 6 click IDs in at most 2,000 encoded bytes. When it is full the middle touches go
//! first, then the oldest click IDs; the first and the last touch stay.

mod cookie;
mod sealed;

pub use cookie::{
    DOMAIN_COOKIE, DRY_RUN, HOST_COOKIE, Scope, decided, erase_cookies, refusal_cookies,
    remembered, set_cookie,
};

use super::click_ids::{self, ClickIdKind};
use super::consent::{Consent, Stated};
use super::ids::LinkId;
use super::limits;
use super::time::UnixMs;
use super::token::{Marks, Touch};
use throughline_text as text;

/// A click ID of an ad platform as it stood in the URL (raw, never altered).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickId {
    pub kind: ClickIdKind,
    pub at: UnixMs,
    pub value: String,
}

/// What the cookie holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    /// The visitor's own decision or the state under which the journal began.
    pub consent: Consent,
    pub issued_at: UnixMs,
    pub renew: bool,
    /// Random; keeps a visitor on one variant.
    pub visitor: u64,
    pub touches: Vec<Touch>,
    pub click_ids: Vec<ClickId>,
}

impl Journal {
    pub fn new(consent: Consent, visitor: u64, now: UnixMs) -> Journal {
        Journal {
            consent,
            issued_at: now,
            renew: false,
            visitor,
            touches: Vec::new(),
            click_ids: Vec::new(),
        }
    }

    /// Adds a touch in its place by time: an old address that is opened again is not the newest
    /// click. One that is known already (by its nonce) is not added again.
    pub fn add_touch(&mut self, touch: Touch) {
        if touch.nonce.is_some() && self.touches.iter().any(|known| known.nonce == touch.nonce) {
            return;
        }
        let before = self.touches.iter().rposition(|known| known.at <= touch.at);
        self.touches
            .insert(before.map_or(0, |place| place + 1), touch);
        while self.touches.len() > limits::JOURNAL_TOUCHES {
            self.touches.remove(1);
        }
    }

    /// The newest touch, if a click on `link` repeats it: same link, within an hour. A click that
    /// brings another click ID in its `query` was paid for again and is a click of its own.
    pub fn repeated(&self, link: LinkId, query: &str, now: UnixMs) -> Option<Touch> {
        let last = self.touches.last()?;
        let age = now.since(last.at);
        if last.link != link || !(0..limits::DUPLICATE_MS).contains(&age) {
            return None;
        }
        let knows = |(kind, value): &(ClickIdKind, &str)| {
            let mut all = self.click_ids.iter();
            all.any(|known| known.kind == *kind && text::same(&known.value, value))
        };
        let ids = click_ids::capture(query);
        ids.iter().all(knows).then(|| last.clone())
    }

    /// Lets what is stated now hold for what was remembered before it, too.
    pub fn follow(&mut self, stated: Stated) {
        self.consent = stated.state;
        for touch in &mut self.touches {
            touch.consent = stated.state;
            touch.evidence = stated.evidence;
        }
    }

    /// Does the journal say that this click was confirmed before?
    pub fn confirms(&self, touch: &Touch) -> bool {
        let same = |known: &&Touch| touch.nonce.is_some() && known.nonce == touch.nonce;
        let known = self.touches.iter().find(same);
        known.is_some_and(|known| known.marks.has(Marks::CONFIRMED))
    }

    /// Keeps the newest value of each click ID parameter, and the newest six of them.
    pub fn add_click_ids(&mut self, found: impl IntoIterator<Item = ClickId>) {
        for id in found {
            if let Some(known) = self
                .click_ids
                .iter()
                .position(|known| known.kind == id.kind)
            {
                // The same value again keeps its first time: `fbc` is formed from it.
                if self
                    .click_ids
                    .get(known)
                    .is_some_and(|known| text::same(&known.value, &id.value))
                {
                    continue;
                }
                self.click_ids.remove(known);
            }
            self.click_ids.push(id);
        }
        while self.click_ids.len() > limits::JOURNAL_CLICK_IDS {
            self.click_ids.remove(0);
        }
    }
}

#[cfg(test)]
mod tests;
