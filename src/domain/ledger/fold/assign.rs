//! Who is credited for an event: a deal's partner, those of a subscription's start, those to whom
//! the customer is bound, those whose touches won, the house; in this order.

use crate::ledger::attribution::{Considered, Source, Standing, Verdict};
use crate::ledger::decision::{Decision, Reason, Rule, Status};
use crate::ledger::event::{EventKind, Fact};
use crate::ledger::plan::{Binding, Rules};
use crate::values::ids::{LinkId, PartnerId};
use crate::values::money::{BPS_WHOLE, split_shares};
use crate::values::time::{DAY_MS, UnixMs};

/// A partner's share of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) partner: PartnerId,
    pub(super) link: Option<LinkId>,
    pub(super) code: Option<String>,
    pub(super) share_bps: u32,
}

/// The customer's binding.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub(super) shares: Vec<Share>,
    pub(super) since: UnixMs,
}

/// Who is credited, by which rule; without shares the reason why nobody is.
pub(super) struct Assigned {
    pub(super) rule: Rule,
    pub(super) shares: Vec<Share>,
    pub(super) reason: Reason,
}

impl Assigned {
    fn to(rule: Rule, shares: Vec<Share>) -> Assigned {
        Assigned {
            rule,
            shares,
            reason: Reason::Credited,
        }
    }

    fn nobody(reason: Reason) -> Assigned {
        Assigned {
            rule: Rule::Nobody,
            shares: Vec::new(),
            reason,
        }
    }
}

/// What the choice is made from.
pub(super) struct Choice<'a> {
    pub(super) fact: &'a Fact,
    pub(super) rules: &'a Rules,
    pub(super) standing: Standing<'a>,
    /// The decision about the start of a renewal's subscription.
    pub(super) start: Option<&'a Decision>,
    pub(super) bound: Option<&'a Bound>,
    pub(super) last_purchase: Option<UnixMs>,
}

impl Choice<'_> {
    /// Chooses, and tells eligible touches when another rule went before them.
    pub(super) fn assign(&self, touches: &mut [Considered]) -> Assigned {
        let assigned = self.before_touches();
        if let Some(assigned) = assigned {
            for touch in touches.iter_mut().filter(|t| t.verdict.is_eligible()) {
                touch.verdict = Verdict::Outranked;
                touch.share_bps = 0;
            }
            return assigned;
        }
        let shares: Vec<Share> = touches
            .iter()
            .filter(|touch| touch.verdict == Verdict::Won)
            .map(|touch| Share {
                partner: touch.partner,
                link: touch.link,
                code: touch.code.clone(),
                share_bps: touch.share_bps,
            })
            .collect();
        if !shares.is_empty() {
            return Assigned::to(self.rule_of(touches), shares);
        }
        match self.rules.house {
            Some(house) => Assigned::to(Rule::House, vec![whole(house)]),
            None if touches.is_empty() => Assigned::nobody(Reason::NoTouch),
            None => Assigned::nobody(Reason::NoEligibleTouch),
        }
    }

    fn rule_of(&self, touches: &[Considered]) -> Rule {
        let mut won = touches.iter().filter(|t| t.verdict == Verdict::Won);
        let own = |t: &Considered| t.source == Source::Code && t.event == self.fact.id;
        if won.all(own) {
            Rule::Code
        } else {
            Rule::Touches
        }
    }

    /// The rules that go before touches.
    fn before_touches(&self) -> Option<Assigned> {
        if let (EventKind::Deal, Some(partner)) = (self.fact.kind, self.fact.partner) {
            return Some(self.still_active(Rule::Deal, &[whole(partner)]));
        }
        if let Some(start) = self.start {
            let uncredited = matches!(start.rule, Rule::Nobody | Rule::House)
                || start.status == Status::Rejected;
            if uncredited {
                return Some(Assigned::nobody(Reason::StartUncredited));
            }
            let shares = start.credits.iter().map(|credit| Share {
                partner: credit.partner,
                link: credit.link,
                code: credit.code.clone(),
                share_bps: credit.share_bps,
            });
            return Some(self.still_active(Rule::Subscription, &shares.collect::<Vec<_>>()));
        }
        let (binding, bound) = self.rules.binding.zip(self.bound)?;
        if !self.is_in_force(binding, bound) {
            return None;
        }
        let assigned = self.still_active(Rule::Binding, &bound.shares);
        // A customer of suspended partners only may be won again.
        (assigned.rule == Rule::Binding).then_some(assigned)
    }

    fn is_in_force(&self, binding: Binding, bound: &Bound) -> bool {
        let at = self.fact.occurred_at;
        let ended = binding
            .months
            .is_some_and(|months| at >= bound.since.plus_months(months));
        // What was bought before the binding does not count for it.
        let active = self
            .last_purchase
            .map_or(bound.since, |last| last.max(bound.since));
        let lapsed = binding
            .lapse_days
            .is_some_and(|days| at.since(active) > i64::from(days).saturating_mul(DAY_MS));
        !ended && !lapsed
    }

    /// The shares of those who are active, made whole again.
    fn still_active(&self, rule: Rule, shares: &[Share]) -> Assigned {
        let at = self.fact.occurred_at;
        if !self.standing.program_active(at) {
            return Assigned::nobody(Reason::ProgramPaused);
        }
        let mut active: Vec<Share> = shares
            .iter()
            .filter(|share| self.standing.active(share.partner, at))
            .cloned()
            .collect();
        let weights: Vec<u64> = active.iter().map(|s| u64::from(s.share_bps)).collect();
        for (share, bps) in active.iter_mut().zip(split_shares(&weights)) {
            share.share_bps = bps;
        }
        if active.is_empty() {
            Assigned::nobody(Reason::PartnerSuspended)
        } else {
            Assigned::to(rule, active)
        }
    }
}

fn whole(partner: PartnerId) -> Share {
    Share {
        partner,
        link: None,
        code: None,
        share_bps: BPS_WHOLE,
    }
}
