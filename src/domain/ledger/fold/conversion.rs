//! One conversion: who is credited, what that earns, and what a person has to look at first.

use super::assign::{Assigned, Bound, Choice, Share};
use super::earned::{self, Earning, Part};
use super::payout::Exchange;
use super::purchase::Purchase;
use super::review::Look;
use super::{Fold, code_owner};
use crate::ledger::attribution::{Considered, Terms, attribute};
use crate::ledger::decision::{self, Credit, Decision, PlanUsed, Reason, Rule, Status};
use crate::ledger::event::{EventKind, Fact, TokenFound};
use crate::ledger::plan::{self, Plan, Rules};
use crate::values::ids::PartnerId;
use crate::values::money::{Currency, Money, MoneyError};
use crate::values::time::{DAY_MS, UnixMs};
use crate::visit::consent::Consent;

impl<'a> Fold<'a> {
    /// Decides a conversion and remembers what later events need of it.
    pub(super) fn conversion(&mut self, fact: &'a Fact) -> Result<(), MoneyError> {
        let start = self.start_of(fact);
        // A renewal is paid by the plan under which its subscription began.
        let under = start.map_or(fact.occurred_at, |start| start.occurred_at);
        let plan = plan::in_force(self.history.plans, under);
        let mut decision = self.plain(fact, plan);
        let mut parts = Vec::new();
        let new_customer = fact.new_customer.unwrap_or(self.last_purchase.is_none());
        match plan.filter(|_| fact.kind != EventKind::Cancellation) {
            Some(plan) => {
                decision.purchase = start.map(|start| start.event.clone());
                decision.new_customer = fact.kind.is_purchase().then_some(new_customer);
                parts = self.decide(fact, &plan.rules, new_customer, &mut decision)?;
            }
            None if fact.kind == EventKind::Cancellation => decision.reason = Reason::Recorded,
            None => decision.reason = Reason::NoPlan,
        }
        self.remember(fact, plan.map(|plan| &plan.rules), &decision, parts);
        self.made(decision);
        Ok(())
    }

    /// The decision about the start of a renewal's subscription.
    pub(super) fn start_of(&self, fact: &Fact) -> Option<&Decision> {
        let renewal = fact.kind == EventKind::Renewal;
        let subscription = fact.subscription.as_deref().filter(|_| renewal)?;
        self.decisions.get(*self.starts.get(subscription)?)
    }

    /// A decision that credits nobody.
    fn plain(&self, fact: &Fact, plan: Option<&Plan>) -> Decision {
        let consent = consent(fact, &self.touches);
        let forwards = consent.is_some_and(Consent::allows_forwarding);
        let unknown = fact.code.as_ref().map(|code| code.as_str().to_owned());
        Decision {
            event: fact.id.clone(),
            program: fact.program,
            kind: fact.kind,
            key: fact.key.clone(),
            name: fact.name.clone(),
            occurred_at: fact.occurred_at,
            amount: fact.money,
            purchase: None,
            new_customer: None,
            model: plan.map_or("", |plan| plan.rules.model.name()).to_owned(),
            plan: plan.map(|plan| PlanUsed {
                version: plan.version,
                window_days: plan.rules.window_days_for(fact.kind, ""),
            }),
            rule: Rule::Nobody,
            reason: Reason::NoTouch,
            credits: Vec::new(),
            capped: false,
            status: Status::Clear,
            review: Vec::new(),
            violations: Vec::new(),
            ruling: None,
            hold_until: fact.occurred_at,
            rates: Vec::new(),
            touches: Vec::new(),
            token_unreadable: fact.token == TokenFound::Unreadable,
            code_unknown: unknown.filter(|_| code_owner(self.history, fact).is_none()),
            consent,
            click_ids: if forwards {
                self.known.click_ids(fact.occurred_at)
            } else {
                Vec::new()
            },
        }
    }

    /// Fills the decision in; gives the parts of what is earned.
    fn decide(
        &mut self,
        fact: &'a Fact,
        rules: &Rules,
        new_customer: bool,
        decision: &mut Decision,
    ) -> Result<Vec<Part>, MoneyError> {
        let terms = Terms {
            event: &fact.id,
            kind: fact.kind,
            at: fact.occurred_at,
            rules,
            standing: self.history.standing,
        };
        decision.touches = attribute(&self.touches, &terms);
        let choice = Choice {
            fact,
            rules,
            standing: self.history.standing,
            start: self.start_of(fact),
            bound: self.bound.as_ref(),
            last_purchase: self.last_purchase,
        };
        let Assigned {
            rule,
            shares,
            reason,
        } = choice.assign(&mut decision.touches);
        decision.rule = rule;
        decision.reason = reason;
        let hold = i64::from(rules.hold_days).saturating_mul(DAY_MS);
        decision.hold_until = fact.occurred_at.plus(hold);
        self.look(fact, rules, &shares, decision);
        let mut parts = if shares.is_empty() || rule == Rule::House {
            Vec::new()
        } else {
            self.earned(fact, rules, &shares, new_customer, decision)?
        };
        if decision.status == Status::Rejected {
            parts.clear();
            decision.reason = Reason::Rejected;
        } else if parts.is_empty() && decision.reason == Reason::Credited {
            decision.reason = self.unpaid(fact, rules, &shares, decision.capped);
        }
        decision.credits = credits(fact, &shares, &parts)?;
        let exchange = Exchange::new(self.history.rates, rules.payout_currency, fact.occurred_at);
        for credit in &mut decision.credits {
            credit.payout = exchange.payouts(&credit.commission, |_| 0)?;
        }
        let earned = decision.commission();
        decision.rates = exchange.stamps(&earned);
        if exchange.lacks(&earned) {
            self.flag_missing_rate(decision);
        }
        Ok(parts)
    }

    /// What the plan gives, within the customer's cap.
    fn earned(
        &mut self,
        fact: &Fact,
        rules: &Rules,
        shares: &[Share],
        new_customer: bool,
        decision: &mut Decision,
    ) -> Result<Vec<Part>, MoneyError> {
        if below_minimum(fact, rules) {
            return Ok(Vec::new());
        }
        let amount = fact.money.map_or(0, Money::amount_minor);
        let lines = earned::lines(amount, &fact.order, rules.base);
        let mut parts = earned::parts(&Earning {
            fact,
            rules,
            shares,
            lines: &lines,
            new_customer,
            since: &self.since(fact, shares),
        })?;
        let Some(cap) = rules.caps.customer else {
            return Ok(parts);
        };
        for (place, share) in shares.iter().enumerate() {
            let same = |other: &Share| other.partner == share.partner;
            if !shares.iter().take(place).any(same) {
                let before = self.earned_by(share.partner, cap.currency());
                let places = shares.iter().enumerate().filter(|(_, other)| same(other));
                let places: Vec<usize> = places.map(|(place, _)| place).collect();
                let left = cap.amount_minor() - before;
                decision.capped |= earned::cut(&mut parts, &places, cap, left);
            }
        }
        Ok(parts)
    }

    /// Why those who are credited earn nothing.
    fn unpaid(&self, fact: &Fact, rules: &Rules, shares: &[Share], capped: bool) -> Reason {
        let since = self.since(fact, shares);
        let ended = |(share, since): (&Share, &Option<UnixMs>)| {
            let commission = rules.commission(share.partner, fact.kind, &fact.name);
            commission.is_some_and(|own| own.has_ended(*since, fact.occurred_at))
        };
        if below_minimum(fact, rules) {
            Reason::BelowMinimum
        } else if shares.iter().zip(&since).any(ended) {
            match fact.kind {
                EventKind::Renewal => Reason::RenewalsEnded,
                _ => Reason::MonthsEnded,
            }
        } else if capped {
            Reason::CapReached
        } else {
            Reason::PlanPaysNothing
        }
    }

    fn look(&self, fact: &Fact, rules: &Rules, shares: &[Share], decision: &mut Decision) {
        let look = Look {
            history: self.history,
            known: &self.known,
            amounts: &self.amounts,
            fact,
            review: &rules.review,
        };
        if decision.rule != Rule::House && !shares.is_empty() {
            decision.violations = look.violations(&decision.touches);
            decision.review = look.flags(&decision.touches, shares, &decision.violations);
        }
        look.rule(decision);
    }

    fn flag_missing_rate(&self, decision: &mut Decision) {
        decision.review.push(decision::Flag::RateMissing);
        // Nobody can approve what cannot be paid: it waits for the rate.
        if decision.status == Status::Clear {
            decision.status = Status::Review;
        }
    }

    /// Keeps what later events of the customer need.
    fn remember(
        &mut self,
        fact: &'a Fact,
        rules: Option<&Rules>,
        decision: &Decision,
        parts: Vec<Part>,
    ) {
        for part in &parts {
            if let Some(credit) = decision.credits.get(part.credit) {
                let (partner, currency) = (credit.partner, part.money.currency());
                let amount = part.money.amount_minor();
                let mut known = self.earned.iter_mut();
                match known.find(|(p, c, _)| (*p, *c) == (partner, currency)) {
                    Some((_, _, sum)) => *sum = sum.saturating_add(amount),
                    None => self.earned.push((partner, currency, amount)),
                }
            }
        }
        let binds = rules.is_some_and(|rules| rules.binding.is_some())
            && matches!(decision.rule, Rule::Touches | Rule::Code | Rule::Deal)
            && decision.status != Status::Rejected;
        if binds {
            self.bound = Some(Bound::to(&decision.credits, fact.occurred_at));
        }
        if !fact.kind.is_purchase() {
            return;
        }
        self.remember_first(fact, decision);
        let place = self.decisions.len();
        if let (Some(subscription), true) = (&fact.subscription, fact.kind != EventKind::Renewal) {
            self.starts.entry(subscription.clone()).or_insert(place);
        }
        let last = self
            .last_purchase
            .map_or(fact.occurred_at, |l| l.max(fact.occurred_at));
        self.last_purchase = Some(last);
        self.amounts
            .extend(fact.money.map(|money| (fact.occurred_at, money)));
        let base = rules.map_or(PLAIN_BASE, |rules| rules.base);
        let amount = fact.money.map_or(0, Money::amount_minor);
        let lines = earned::lines(amount, &fact.order, base);
        let to = rules.and_then(|rules| rules.payout_currency);
        let split = Some(base).filter(|_| self.split.contains(fact.key.as_str()));
        let purchase = Purchase::new(place, fact, (lines, split), parts, to);
        self.by_key.insert(fact.key.clone(), self.purchases.len());
        self.purchases.push(purchase);
    }

    /// What a partner earned of the customer before.
    fn earned_by(&self, partner: PartnerId, currency: Currency) -> i64 {
        let mut known = self.earned.iter();
        let found = known.find(|(p, c, _)| (*p, *c) == (partner, currency));
        found.map_or(0, |(_, _, sum)| *sum)
    }
}

const PLAIN_BASE: plan::Base = plan::Base {
    tax: true,
    shipping: true,
    discount: false,
};

impl Bound {
    fn to(credits: &[Credit], since: UnixMs) -> Bound {
        let shares = credits.iter().map(|credit| Share {
            partner: credit.partner,
            link: credit.link,
            code: credit.code.clone(),
            share_bps: credit.share_bps,
        });
        Bound {
            shares: shares.collect(),
            since,
        }
    }
}

/// The credits of an event: shares of its amount, and what the parts add up to.
fn credits(fact: &Fact, shares: &[Share], parts: &[Part]) -> Result<Vec<Credit>, MoneyError> {
    let weights: Vec<u64> = shares.iter().map(|s| u64::from(s.share_bps)).collect();
    let amounts = match fact.money {
        Some(money) if !shares.is_empty() => money.split(&weights)?,
        _ => Vec::new(),
    };
    let mut total = Vec::new();
    let mut credits = Vec::with_capacity(shares.len());
    for (place, share) in shares.iter().enumerate() {
        let mut commission = Vec::new();
        for part in parts.iter().filter(|part| part.credit == place) {
            decision::add(&mut commission, part.money)?;
            decision::add(&mut total, part.money)?;
        }
        credits.push(Credit {
            partner: share.partner,
            link: share.link,
            code: share.code.clone(),
            share_bps: share.share_bps,
            amount: amounts.get(place).copied(),
            commission,
            payout: Vec::new(),
        });
    }
    Ok(credits)
}

/// Is a purchase too small to earn? Another currency than the minimum's is not compared.
fn below_minimum(fact: &Fact, rules: &Rules) -> bool {
    let both = rules.minimum.zip(fact.money);
    both.is_some_and(|(least, money)| {
        fact.kind.is_purchase()
            && least.currency() == money.currency()
            && money.amount_minor() < least.amount_minor()
    })
}

/// The stricter of the newest touch's state and the one sent with the event.
fn consent(fact: &Fact, touches: &[Considered]) -> Option<Consent> {
    let before = touches.partition_point(|touch| touch.at <= fact.occurred_at);
    let mut before = touches.iter().take(before).rev();
    let newest = before.find(|touch| touch.is_known_at(fact.occurred_at) && touch.code.is_none());
    let own = fact.touch().map(|touch| touch.consent);
    newest
        .map(|touch| touch.consent)
        .into_iter()
        .chain(own)
        .chain(fact.consent)
        .min()
}
