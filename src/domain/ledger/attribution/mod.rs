//! Who brought the customer: every touch that is known gets a verdict for every event, and a model
//! shares the credit among those that are eligible.
//!
//! A touch is a click, or the use of a partner's code. In order: each touch is checked by itself
//! (window, status, class, consent); clicks that came too late step back for those who brought the
//! customer; kinds of partners that may not displace others do so too; a code goes before or after
//! links; what is left shares by the plan's model. The order of touches is (instant, nonce, link,
//! code): two touches of one instant have a stable order whatever the order in which they were
//! learned.

mod eligibility;
mod standing;

pub use eligibility::{Terms, attribute};
pub use standing::{AFFILIATE, Standing, StatusChange};

use crate::values::ids::{self, LinkId, PartnerId, ProgramId};
use crate::values::order;
use crate::values::time::UnixMs;
use crate::visit::click::TouchRecord;
use crate::visit::consent::{Consent, Evidence};
use crate::visit::traffic::Class;
use serde::{Deserialize, Serialize};

/// How a touch became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The click token that came with an event of this customer.
    Token,
    /// An earlier touch in the visitor's journal, carried by a stored click.
    Journal,
    /// A partner's code that came with an event of this customer.
    Code,
}

/// Why a touch got credit or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Has a share of the credit.
    Won,
    /// Eligible, but the model gives it nothing.
    NoShare,
    /// Happened after the event.
    AfterEvent,
    /// Of an anonymous click only the day is known, and a later event brought it first: it may have
    /// happened after this one.
    BroughtLater,
    /// Older than the plan's window.
    OutsideWindow,
    /// The partner was suspended at the touch or at the event.
    PartnerSuspended,
    /// The program was paused at the touch or at the event.
    ProgramPaused,
    /// Was no person's click, or a person of the program says so.
    ClassEarnsNothing,
    /// The visitor allowed less than the plan asks for.
    ConsentTooNarrow,
    /// Came at the checkout or seconds before the event, when another partner had brought the
    /// customer.
    StoodDown,
    /// Its kind of partner may not take credit from others, and another has a claim.
    MayNotDisplace,
    /// A code came with the event and goes first.
    CodeFirst,
    /// Links go before codes.
    LinkFirst,
    /// Eligible, but another rule decided: a binding, a subscription's start, a deal.
    Outranked,
}

impl Verdict {
    pub(crate) fn is_eligible(self) -> bool {
        matches!(self, Verdict::Won | Verdict::NoShare)
    }
}

/// A touch with what was decided about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    pub at: UnixMs,
    pub partner: PartnerId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<LinkId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub variant: u8,
    pub class: Class,
    #[serde(default, skip_serializing_if = "is_default")]
    pub checkout: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub holdout: bool,
    pub consent: Consent,
    #[serde(default)]
    pub evidence: Evidence,
    pub source: Source,
    /// The event that a code came with.
    #[serde(skip)]
    pub event: String,
    /// Of an anonymous click: the instant of the first event that brought its token.
    #[serde(skip)]
    pub brought_at: Option<UnixMs>,
    pub verdict: Verdict,
    /// Share of the credit in basis points.
    #[serde(default, skip_serializing_if = "is_default")]
    pub share_bps: u32,
    /// Of what is the same for every event; see [`Considered::take_fingerprint`].
    #[serde(skip)]
    pub fingerprint: String,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Considered {
    pub fn of_click(touch: TouchRecord, source: Source) -> Considered {
        Considered {
            at: touch.at,
            partner: touch.partner,
            link: Some(touch.link),
            code: None,
            nonce: touch.nonce,
            variant: touch.variant,
            class: touch.class,
            checkout: touch.checkout,
            holdout: touch.holdout,
            consent: touch.consent,
            evidence: touch.evidence,
            source,
            event: String::new(),
            brought_at: None,
            verdict: Verdict::NoShare,
            share_bps: 0,
            fingerprint: String::new(),
        }
    }

    /// The use of a partner's code with an event. Somebody typed it: a person, whatever the state
    /// of consent, since a code names nobody but the partner.
    pub fn of_code(code: &str, partner: PartnerId, event: &str, at: UnixMs) -> Considered {
        Considered {
            at,
            partner,
            link: None,
            code: Some(code.to_owned()),
            nonce: None,
            variant: 0,
            class: Class::Human,
            checkout: false,
            holdout: false,
            consent: Consent::Full,
            evidence: Evidence::Decision,
            source: Source::Code,
            event: event.to_owned(),
            brought_at: None,
            verdict: Verdict::NoShare,
            share_bps: 0,
            fingerprint: String::new(),
        }
    }

    /// Notes the fingerprint of a touch before anything is decided about it, so that decisions can
    /// be compared without writing each of their touches as text.
    pub fn take_fingerprint(&mut self) {
        self.fingerprint = ids::fingerprint(&serde_json::to_vec(self).unwrap_or_default());
    }

    /// A click of which only link and day are known. Its instant is the start of the day.
    pub fn is_anonymous(&self) -> bool {
        self.nonce.is_none() && self.source != Source::Code
    }

    /// May it have happened before an instant, as far as is known?
    pub fn is_known_at(&self, at: UnixMs) -> bool {
        self.at <= at && self.brought_at.is_none_or(|brought| brought <= at)
    }

    fn order(
        &self,
    ) -> (
        UnixMs,
        &Option<String>,
        Option<LinkId>,
        &Option<String>,
        &str,
    ) {
        (self.at, &self.nonce, self.link, &self.code, &self.event)
    }
}

/// Sorts touches into their order.
pub fn sort(touches: &mut Vec<Considered>) {
    order::sort_by(touches, |a, b| a.order().cmp(&b.order()));
}

/// Keeps one touch of each click of the program; one from a token is kept before one from a
/// journal, and of those the one with the wider consent (a later grant).
pub fn distinct(
    touches: impl IntoIterator<Item = (TouchRecord, Source)>,
    program: ProgramId,
) -> Vec<Considered> {
    let of_program = touches.into_iter().filter(|(t, _)| t.program == program);
    let mut all: Vec<Considered> = of_program
        .map(|(touch, source)| Considered::of_click(touch, source))
        .collect();
    order::sort_by(&mut all, |a, b| {
        let key = |t: &Considered| (t.nonce.clone(), t.link, t.at);
        key(a)
            .cmp(&key(b))
            .then(a.source.cmp(&b.source))
            .then(b.consent.cmp(&a.consent))
    });
    all.dedup_by(|next, kept| match (&next.nonce, &kept.nonce) {
        (Some(next), Some(kept)) => next == kept,
        (None, None) => next.link == kept.link && next.at == kept.at,
        _ => false,
    });
    sort(&mut all);
    all
}

#[cfg(test)]
mod tests;
