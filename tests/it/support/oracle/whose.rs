//! Who is credited: what goes before touches, the touches, the house.

use super::pay::months_later;
use super::touches::Seen;
use super::{Case, DAY, Done, Fact, Plan, model};

/// A share, and what brought it.
#[derive(Clone, Debug)]
pub struct Share {
    pub partner: String,
    pub link: Option<String>,
    pub code: Option<String>,
    pub bps: i64,
}

fn whole(partner: &str) -> Share {
    Share {
        partner: partner.to_owned(),
        link: None,
        code: None,
        bps: 10_000,
    }
}

fn shares_of(done: &Done<'_>) -> Vec<Share> {
    let each = done.outcome.credits.iter().map(|credit| Share {
        partner: credit.partner.clone(),
        link: credit.link.clone(),
        code: credit.code.clone(),
        bps: credit.share,
    });
    each.collect()
}

impl<'a> Case<'a> {
    /// The rule that decides, and the shares.
    pub fn whose(&self, fact: &Fact, plan: &Plan, seen: &mut [Seen]) -> (&'static str, Vec<Share>) {
        if let Some((rule, shares)) = self.before_touches(fact, plan) {
            for seen in seen.iter_mut().filter(|seen| seen.eligible()) {
                seen.verdict = "outranked";
            }
            return (rule, shares);
        }
        let won: Vec<&Seen> = seen.iter().filter(|seen| seen.verdict == "won").collect();
        if !won.is_empty() {
            let own = won
                .iter()
                .all(|s| s.touch.code.is_some() && s.touch.event == fact.event);
            let shares = won.iter().map(|seen| Share {
                partner: seen.touch.partner.clone(),
                link: seen.touch.link.clone(),
                code: seen.touch.code.clone(),
                bps: seen.share,
            });
            return (if own { "code" } else { "touches" }, shares.collect());
        }
        match plan.rules["house"].as_str() {
            Some(house) => ("house", vec![whole(house)]),
            None => ("nobody", Vec::new()),
        }
    }

    fn before_touches(&self, fact: &Fact, plan: &Plan) -> Option<(&'static str, Vec<Share>)> {
        let named = |rule, shares: Vec<Share>| match shares.is_empty() {
            true => ("nobody", shares),
            false => (rule, shares),
        };
        if fact.kind == "deal" {
            let partner = fact.partner.as_deref().unwrap();
            return Some(named("deal", self.active(fact, vec![whole(partner)])));
        }
        if let Some(start) = self.start_of(fact) {
            let credited = !matches!(start.outcome.rule, "nobody" | "house")
                && start.outcome.status != "rejected";
            let shares = if credited {
                shares_of(start)
            } else {
                Vec::new()
            };
            return Some(named("subscription", self.active(fact, shares)));
        }
        let bound = self.bound(fact, plan)?;
        let shares = self.active(fact, shares_of(bound));
        (!shares.is_empty()).then_some(("binding", shares))
    }

    /// The event that bound the customer, while that holds: the newest one that was credited by
    /// touches, code or deal, and not rejected, under a plan that binds.
    fn bound(&self, fact: &Fact, plan: &Plan) -> Option<&Done<'a>> {
        let binds = |plan: &Plan| plan.rules["binding"].is_object();
        let binding = self.done.iter().rev().find(|done| {
            matches!(done.outcome.rule, "touches" | "code" | "deal")
                && done.outcome.status != "rejected"
                && done.plan.is_some_and(binds)
        })?;
        let since = binding.fact.at;
        let months = plan.nested("binding", "months");
        let over = months.is_some_and(|months| fact.at >= months_later(since, months));
        let last = self.last_purchase().map_or(since, |last| last.max(since));
        let lapse = plan.nested("binding", "lapse_days");
        let lapsed = lapse.is_some_and(|days| fact.at - last > days * DAY);
        (binds(plan) && !over && !lapsed).then_some(binding)
    }

    /// The shares of those who are active, made whole again.
    fn active(&self, fact: &Fact, shares: Vec<Share>) -> Vec<Share> {
        let open = self.world.program_active(fact.at);
        let active = |share: &Share| open && self.world.active(&share.partner, fact.at);
        let mut left: Vec<Share> = shares.into_iter().filter(active).collect();
        let weights: Vec<i128> = left.iter().map(|share| i128::from(share.bps)).collect();
        let again = model::narrow(model::share_out(10_000, &weights));
        for (share, bps) in left.iter_mut().zip(again) {
            share.bps = bps;
        }
        left
    }
}
