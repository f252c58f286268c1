//! What a person has to look at before money moves. Every finding is a flag with its words; it
//! holds the money, it does not take it. What a person decides goes before what rules found.

use super::History;
use super::assign::Share;
use super::known::Known;
use crate::ledger::attribution::{Considered, Source, Verdict};
use crate::ledger::decision::{Action, Decision, Flag, Status, Violation};
use crate::ledger::event::Fact;
use crate::ledger::plan::Review;
use crate::values::money::Money;
use crate::values::time::UnixMs;
use crate::visit::click_ids::ClickIdKind;

/// Click IDs that paid search adds to a landing address.
const PAID_SEARCH: [ClickIdKind; 5] = [
    ClickIdKind::Gclid,
    ClickIdKind::Gbraid,
    ClickIdKind::Wbraid,
    ClickIdKind::Msclkid,
    ClickIdKind::Yclid,
];

/// One event that is looked at.
pub(super) struct Look<'a> {
    pub(super) history: &'a History<'a>,
    pub(super) known: &'a Known<'a>,
    /// Purchases before.
    pub(super) amounts: &'a [(UnixMs, Money)],
    pub(super) fact: &'a Fact,
    pub(super) review: &'a Review,
}

impl Look<'_> {
    pub(super) fn flags(
        &self,
        touches: &[Considered],
        shares: &[Share],
        violations: &[Violation],
    ) -> Vec<Flag> {
        let checks = [
            (Flag::TooFast, self.too_fast(touches)),
            (Flag::Duplicate, self.duplicate()),
            (Flag::SelfReferral, self.self_referral(shares)),
            (Flag::TokenShared, self.token_shared(touches)),
            (Flag::PaidSearch, broken(violations, Flag::PaidSearch)),
            (
                Flag::ProhibitedReferrer,
                broken(violations, Flag::ProhibitedReferrer),
            ),
        ];
        let raised = checks.into_iter().filter(|(_, raised)| *raised);
        raised.map(|(flag, _)| flag).collect()
    }

    /// Rules of the program that credited clicks broke.
    pub(super) fn violations(&self, touches: &[Considered]) -> Vec<Violation> {
        let mut found = Vec::new();
        for touch in won(touches) {
            let mut broke = |rule, evidence: &str| {
                found.push(Violation {
                    rule,
                    partner: touch.partner,
                    nonce: touch.nonce.clone(),
                    evidence: evidence.to_owned(),
                });
            };
            for visit in self.known.clicks(touch.nonce.as_deref()) {
                let mut ids = visit.click_ids.iter();
                // What came with this click; the others are older.
                let paid = ids.find(|id| id.at == touch.at && PAID_SEARCH.contains(&id.kind));
                if let Some(id) = paid.filter(|_| self.review.paid_search) {
                    broke(Flag::PaidSearch, id.kind.param());
                }
                let from = visit.referrer.as_deref().filter(|from| self.forbids(from));
                if let Some(from) = from {
                    broke(Flag::ProhibitedReferrer, from);
                }
            }
        }
        found.dedup();
        found
    }

    /// Says whether the money may move.
    pub(super) fn rule(&self, decision: &mut Decision) {
        decision.ruling = self.known.ruling(&self.fact.id).cloned();
        let action = decision.ruling.as_ref().map(|ruling| ruling.action);
        decision.status = match action {
            Some(Action::Hold) => Status::Held,
            Some(Action::Reject) => Status::Rejected,
            Some(Action::Approve) => Status::Clear,
            Some(Action::Clear) | None if decision.review.is_empty() => Status::Clear,
            Some(Action::Clear) | None => Status::Review,
        };
    }

    fn too_fast(&self, touches: &[Considered]) -> bool {
        let least = i64::from(self.review.min_seconds).saturating_mul(1_000);
        let mut clicks = won(touches).filter(|touch| touch.nonce.is_some());
        clicks.any(|touch| self.fact.occurred_at.since(touch.at) < least)
    }

    fn duplicate(&self) -> bool {
        let within = i64::from(self.review.duplicate_minutes).saturating_mul(60_000);
        let same = |(at, money): &(UnixMs, Money)| {
            Some(*money) == self.fact.money
                && !money.is_zero()
                // A renewal may be dated before the purchase that it follows.
                && self.fact.occurred_at.since(*at).abs() < within
        };
        self.fact.kind.is_purchase() && self.amounts.iter().any(same)
    }

    fn self_referral(&self, shares: &[Share]) -> bool {
        let mut selves = self.history.selves.iter();
        self.review.self_referral
            && selves.any(|own| {
                self.known.pseudonyms.contains(own.pseudonym.as_str())
                    && shares.iter().any(|share| share.partner == own.partner)
            })
    }

    /// Only tokens of this customer's own events: whoever knows a click from a journal is not
    /// found, and not looked at again, when others use its token.
    fn token_shared(&self, touches: &[Considered]) -> bool {
        let own = won(touches).filter(|touch| touch.source == Source::Token);
        let mut nonces = own.filter_map(|touch| touch.nonce.as_ref());
        nonces.any(|nonce| {
            let shared = self.known.shared.get(nonce.as_str());
            shared.is_some_and(|count| *count > self.review.token_customers)
        })
    }

    fn forbids(&self, host: &str) -> bool {
        let below = |forbidden: &String| {
            let parent = host.strip_suffix(forbidden.as_str());
            parent.is_some_and(|parent| parent.is_empty() || parent.ends_with('.'))
        };
        self.review.referrers.iter().any(below)
    }
}

fn won(touches: &[Considered]) -> impl Iterator<Item = &Considered> {
    touches.iter().filter(|touch| touch.verdict == Verdict::Won)
}

fn broken(violations: &[Violation], rule: Flag) -> bool {
    violations.iter().any(|violation| violation.rule == rule)
}
