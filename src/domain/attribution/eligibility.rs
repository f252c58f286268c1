//! Verdicts: each touch by itself, then against the others, then its share.

use super::super::attribution_model as model;
use super::super::event::EventKind;
use super::super::limits;
use super::super::plan::{CodeRule, Rules};
use super::super::time::UnixMs;
use super::super::traffic::Class;
use super::{Considered, Source, Standing, Verdict};

/// What decides about the touches of one event.
pub struct Terms<'a> {
    pub event: &'a str,
    pub kind: EventKind,
    pub at: UnixMs,
    pub rules: &'a Rules,
    pub standing: Standing<'a>,
}

/// Considers touches (in order, see [`super::distinct`]) for an event. The shares of those that
/// won add up to the whole; without an eligible touch nobody has won.
pub fn attribute(touches: &[Considered], terms: &Terms<'_>) -> Vec<Considered> {
    let mut all = in_reach(touches, terms.at);
    for touch in &mut all {
        touch.verdict = terms.alone(touch);
        touch.share_bps = 0;
    }
    let late = |touch: &Considered| terms.is_late(touch);
    step_back(&mut all, late, Verdict::StoodDown);
    let coupon = |touch: &Considered| terms.may_not_displace(touch);
    step_back(&mut all, coupon, Verdict::MayNotDisplace);
    terms.codes(&mut all);
    share(&mut all, terms);
    all
}

/// The touches that a decision looks at: of very many the first and the newest ones before the
/// event, and a few after it.
fn in_reach(touches: &[Considered], at: UnixMs) -> Vec<Considered> {
    let (before, after) = touches.split_at(touches.partition_point(|touch| touch.at <= at));
    let excess = before.len().saturating_sub(limits::TOUCHES_BEFORE);
    let first = before.iter().take(usize::from(excess > 0));
    let skipped = if excess > 0 { excess + 1 } else { 0 };
    let newest = before.iter().skip(skipped);
    let after = after.iter().take(limits::TOUCHES_AFTER);
    first.chain(newest).chain(after).cloned().collect()
}

impl Terms<'_> {
    /// The verdict on a touch as if there were no other.
    fn alone(&self, touch: &Considered) -> Verdict {
        let age = self.at.since(touch.at);
        // An anonymous touch is dated at its day's start; only the event's instant can be asked.
        let asked_at = if touch.is_anonymous() {
            self.at
        } else {
            touch.at
        };
        let both = [self.at, asked_at];
        let kind = self.standing.kind(touch.partner, self.at);
        if age < 0 {
            Verdict::AfterEvent
        } else if !touch.is_known_at(self.at) {
            Verdict::BroughtLater
        } else if age > self.rules.window_ms(self.kind, kind) {
            Verdict::OutsideWindow
        } else if !both
            .iter()
            .all(|at| self.standing.active(touch.partner, *at))
        {
            Verdict::PartnerSuspended
        } else if !both.iter().all(|at| self.standing.program_active(*at)) {
            Verdict::ProgramPaused
        } else if !earns(touch.class) {
            Verdict::ClassEarnsNothing
        } else if touch.consent < self.rules.consent {
            Verdict::ConsentTooNarrow
        } else {
            Verdict::NoShare
        }
    }

    /// A click that did not bring the customer: born at the checkout, or seconds before the event.
    /// A code is used at the checkout by its nature.
    fn is_late(&self, touch: &Considered) -> bool {
        let rule = self.rules.stand_down;
        let close = touch.nonce.is_some()
            && self.at.since(touch.at) < i64::from(rule.seconds).saturating_mul(1_000);
        touch.source != Source::Code && (close || rule.checkout && touch.checkout)
    }

    fn may_not_displace(&self, touch: &Considered) -> bool {
        let kind = self.standing.kind(touch.partner, self.at);
        !self.rules.may_displace(kind)
    }

    fn codes(&self, all: &mut [Considered]) {
        let own = |touch: &Considered| touch.source == Source::Code && touch.event == self.event;
        let eligible = |touch: &&Considered| touch.verdict.is_eligible();
        let any = |of: &dyn Fn(&Considered) -> bool| all.iter().filter(eligible).any(of);
        let (behind, verdict): (&dyn Fn(&Considered) -> bool, _) = match self.rules.code {
            CodeRule::BeforeLinks if any(&own) => (&|t| !own(t), Verdict::CodeFirst),
            CodeRule::AfterLinks if any(&|t| t.source != Source::Code) => {
                (&|t| t.source == Source::Code, Verdict::LinkFirst)
            }
            _ => return,
        };
        for touch in all.iter_mut() {
            if touch.verdict.is_eligible() && behind(touch) {
                touch.verdict = verdict;
            }
        }
    }
}

/// May a touch of this class earn? What a person of the program says replaces the class.
fn earns(class: Class) -> bool {
    class.carries_token()
}

/// Eligible touches that are `weak` step back where another partner has an eligible touch that is
/// not.
fn step_back(all: &mut [Considered], weak: impl Fn(&Considered) -> bool, verdict: Verdict) {
    let strong: Vec<_> = all
        .iter()
        .filter(|touch| touch.verdict.is_eligible() && !weak(touch))
        .map(|touch| touch.partner)
        .collect();
    for touch in all.iter_mut().filter(|touch| touch.verdict.is_eligible()) {
        if weak(touch) && strong.iter().any(|partner| *partner != touch.partner) {
            touch.verdict = verdict;
        }
    }
}

/// Shares the credit among the eligible touches.
fn share(all: &mut [Considered], terms: &Terms<'_>) {
    let eligible: Vec<&mut Considered> = all
        .iter_mut()
        .filter(|touch| touch.verdict.is_eligible())
        .collect();
    let ages: Vec<i64> = eligible.iter().map(|t| terms.at.since(t.at)).collect();
    let shares = model::shares(terms.rules.model, &ages);
    for (touch, share) in eligible.into_iter().zip(shares) {
        touch.share_bps = share;
        if share > 0 {
            touch.verdict = Verdict::Won;
        }
    }
}
