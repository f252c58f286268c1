//! Who clicks, as far as the request shows a person: consent, journal, repetition, flood.

use super::{Arrival, Because};
use crate::domain::consent::{self, Consent, Evidence, Stated};
use crate::domain::journal::{self, Journal};
use crate::domain::token::Touch;
use crate::domain::traffic::Class;

/// A person, as far as the request shows one.
pub(super) struct Visitor {
    pub(super) class: Class,
    pub(super) state: Consent,
    pub(super) evidence: Evidence,
    /// The journal of the request; nothing of it may be used where `state` allows no cookie.
    pub(super) known: Option<Journal>,
    /// The touch that this click repeats.
    pub(super) repeated: Option<Touch>,
}

impl Visitor {
    pub(super) fn of(
        arrival: &Arrival<'_>,
        class: Class,
        because: Option<&mut Because>,
    ) -> Visitor {
        let Arrival {
            request, host, now, ..
        } = *arrival;
        let (known, decided) =
            journal::remembered(arrival.keys, host.journals(), request.cookies, now);
        let Stated { state, evidence } =
            consent::stated(&request.given(decided), &host.consent, host.default_consent);
        if let Some(because) = because {
            because.consent = Some((state, evidence));
        }
        let mut visitor = Visitor {
            class,
            state,
            evidence,
            known,
            repeated: None,
        };
        if class == Class::Prefetch {
            return visitor;
        }
        if arrival.flooded {
            visitor.class = Class::Flood;
        } else if let Some(touch) = visitor
            .memory()
            .and_then(|known| known.repeated(arrival.link.id, request.query, now))
        {
            visitor.class = Class::Duplicate;
            visitor.repeated = Some(touch);
        }
        visitor
    }

    /// The journal, where it may be used.
    pub(super) fn memory(&self) -> Option<&Journal> {
        self.known.as_ref().filter(|_| self.state.allows_cookie())
    }
}
