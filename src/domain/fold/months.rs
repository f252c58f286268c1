//! Months for which a plan pays, and where they begin: of a renewal with its subscription, else
//! with the first purchase that credited the partner.

use super::super::decision::{Decision, Rule, Status};
use super::super::event::{EventKind, Fact};
use super::super::ids::PartnerId;
use super::super::time::UnixMs;
use super::Fold;
use super::assign::Share;

/// When a partner was first credited for a purchase, of a subscription or at all.
pub(super) struct First<'a> {
    partner: PartnerId,
    subscription: Option<&'a str>,
    at: UnixMs,
}

impl<'a> Fold<'a> {
    /// Since when the months of a plan are counted, for each of the shares. Of a renewal it is the
    /// start of its subscription; else the first purchase that credited the partner, of the
    /// subscription where one is named.
    pub(super) fn since(&self, fact: &Fact, shares: &[Share]) -> Vec<Option<UnixMs>> {
        let start = self.start_of(fact).map(|start| start.occurred_at);
        let first = |share: &Share| {
            let own = self.firsts.iter().filter(|f| f.partner == share.partner);
            let subscription = fact.subscription.as_deref();
            let mut own = own.filter(|f| subscription.is_none() || f.subscription == subscription);
            own.next().map(|first| first.at)
        };
        let since = |share: &Share| match fact.kind {
            EventKind::Renewal => start,
            _ => first(share),
        };
        shares.iter().map(since).collect()
    }

    /// Keeps whom a purchase credits first.
    pub(super) fn remember_first(&mut self, fact: &'a Fact, decision: &Decision) {
        if decision.rule == Rule::House || decision.status == Status::Rejected {
            return;
        }
        let subscription = fact.subscription.as_deref();
        for credit in &decision.credits {
            let partner = credit.partner;
            let known = |f: &First<'_>| f.partner == partner && f.subscription == subscription;
            if !self.firsts.iter().any(known) {
                self.firsts.push(First {
                    partner,
                    subscription,
                    at: fact.occurred_at,
                });
            }
        }
    }
}
