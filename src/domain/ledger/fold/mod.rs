//! The fold: all facts of one customer, in their own order, become decisions and ledger entries.
//!
//! It looks at the whole history every time, so it does not matter in which order facts arrived or
//! how often; what was booked before is given in and only differences are booked, as new entries.
//! It reads no clock: the instants are those of the facts.

mod assign;
mod conversion;
mod earned;
mod entries;
mod fall;
mod known;
mod months;
mod payout;
mod purchase;
mod reversal;
mod review;
mod slots;

pub use entries::{Booked, Entry, Position, entries, of_cause, wanted};

use crate::ledger::attribution::{self, Considered, Source, Standing};
use crate::ledger::code::{self, CodeOwner};
use crate::ledger::decision::{Decision, Ruling};
use crate::ledger::event::{EventKind, Fact};
use crate::ledger::exchange::Rate;
use crate::ledger::plan::Plan;
use crate::values::ids::{LinkId, PartnerId, ProgramId};
use crate::values::money::{Currency, Money, MoneyError};
use crate::values::order;
use crate::values::time::UnixMs;
use crate::visit::click::Visit;
use crate::visit::traffic::Class;
use assign::Bound;
use known::Known;
use months::First;
use purchase::Purchase;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// What a person decided about an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRuling {
    pub event: String,
    pub ruling: Ruling,
}

/// What a person said about a click; `None` takes it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reclassified {
    pub nonce: String,
    pub class: Option<Class>,
    pub at: UnixMs,
}

/// A pseudonym of a partner that is the customer's too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfMatch {
    pub partner: PartnerId,
    pub pseudonym: String,
}

/// All that is known of one customer of a program.
#[derive(Clone, Debug)]
pub struct History<'a> {
    pub program: ProgramId,
    /// Everything of the customer: their own events, the reversals of their purchases, and what
    /// names their subscriptions.
    pub facts: Vec<Fact>,
    /// Stored visits of the clicks whose tokens came with the facts.
    pub visits: &'a [Visit],
    pub plans: &'a [Plan],
    pub standing: Standing<'a>,
    pub codes: &'a [CodeOwner],
    /// In the order in which they were made.
    pub rulings: &'a [EventRuling],
    /// In the order in which they were made.
    pub reclassified: &'a [Reclassified],
    pub selves: &'a [SelfMatch],
    /// How many customers each click credited, where more than one.
    pub shared: &'a [(String, u32)],
    pub rates: &'a [Rate],
}

impl History<'_> {
    /// A history of which nothing but its facts is known.
    pub fn of(program: ProgramId, facts: Vec<Fact>) -> Self {
        History {
            program,
            facts,
            visits: &[],
            plans: &[],
            standing: Standing::default(),
            codes: &[],
            rulings: &[],
            reclassified: &[],
            selves: &[],
            shared: &[],
            rates: &[],
        }
    }
}

/// The decisions about a history, and the facts that cannot be decided because an amount leaves the
/// range of money. Those are set aside alone; the others go on.
#[derive(Debug, Default)]
pub struct Decided {
    pub decisions: Vec<Decision>,
    /// Ids of events.
    pub unfit: BTreeSet<String>,
}

/// What is carried from event to event.
struct Fold<'a> {
    history: &'a History<'a>,
    known: Known<'a>,
    touches: Vec<Considered>,
    /// Hears of each decision as soon as it is made, and says whether to go on.
    tell: &'a mut dyn FnMut(Decision) -> ControlFlow<()>,
    stopped: bool,
    /// The decisions so far, without what only their readers want: of a long history the touches
    /// alone would be a hundred megabytes.
    decisions: Vec<Decision>,
    unfit: BTreeSet<String>,
    bound: Option<Bound>,
    purchases: Vec<Purchase<'a>>,
    /// By natural key: the place among the purchases.
    by_key: BTreeMap<String, usize>,
    /// Keys of purchases of which a reversal names tax, shipping or discount.
    split: BTreeSet<&'a str>,
    /// The first purchase of each subscription: its place among the decisions.
    starts: BTreeMap<String, usize>,
    /// Purchases that credited each partner first: of a subscription, or of the customer.
    firsts: Vec<First<'a>>,
    /// The newest purchase before.
    last_purchase: Option<UnixMs>,
    /// Purchases before, for repeats of an amount.
    amounts: Vec<(UnixMs, Money)>,
    /// What each partner earned of the customer so far, for the cap.
    earned: Vec<(PartnerId, Currency, i64)>,
}

/// Decides every event of a history: conversions in their order, then reversals in theirs.
pub fn decide(history: History<'_>) -> Decided {
    let mut decisions = Vec::new();
    let unfit = decide_each(history, &mut |decision| {
        decisions.push(decision);
        ControlFlow::Continue(())
    });
    Decided { decisions, unfit }
}

/// As [`decide`], but each decision is handed over when it is made, so that those of a long history
/// need not be held at once; ends when `tell` says so. Gives the ids of what cannot be decided.
pub fn decide_each(
    mut history: History<'_>,
    tell: &mut dyn FnMut(Decision) -> ControlFlow<()>,
) -> BTreeSet<String> {
    order::sort_by(&mut history.facts, |a, b| a.order().cmp(&b.order()));
    let mut fold = Fold {
        touches: touches(&history),
        known: Known::of(&history),
        history: &history,
        tell,
        stopped: false,
        decisions: Vec::new(),
        unfit: BTreeSet::new(),
        bound: None,
        purchases: Vec::new(),
        by_key: BTreeMap::new(),
        split: split(&history.facts),
        starts: BTreeMap::new(),
        firsts: Vec::new(),
        last_purchase: None,
        amounts: Vec::new(),
        earned: Vec::new(),
    };
    let (reversals, conversions): (Vec<&Fact>, Vec<&Fact>) =
        history.facts.iter().partition(|f| f.kind.is_reversal());
    for fact in in_turn(conversions, EventKind::Renewal, |fact| {
        let start = matches!(fact.kind, EventKind::Sale | EventKind::Deal);
        let subscription = fact.subscription.as_deref();
        subscription.map(|name| (name, start))
    }) {
        if fold.stopped {
            break;
        }
        let done = fold.conversion(fact);
        fold.note(fact, done);
    }
    for fact in in_turn(reversals, EventKind::DisputeWon, |fact| {
        Some((&fact.key, fact.kind == EventKind::Chargeback))
    }) {
        if fold.stopped {
            break;
        }
        let done = fold.reversal(fact);
        fold.note(fact, done);
    }
    fold.unfit
}

impl Fold<'_> {
    fn note(&mut self, fact: &Fact, done: Result<(), MoneyError>) {
        if done.is_err() {
            self.unfit.insert(fact.id.clone());
        }
    }

    /// Hands a decision over, and keeps what later events need of it.
    fn made(&mut self, mut decision: Decision) {
        let touches = std::mem::take(&mut decision.touches);
        let click_ids = std::mem::take(&mut decision.click_ids);
        let violations = std::mem::take(&mut decision.violations);
        self.decisions.push(decision.clone());
        decision.touches = touches;
        decision.click_ids = click_ids;
        decision.violations = violations;
        self.stopped = (self.tell)(decision).is_break();
    }
}

/// Keys of purchases of which a reversal names parts. The others are given back line by line, as
/// they were before parts could be named: by the minor unit.
fn split(facts: &[Fact]) -> BTreeSet<&str> {
    let takes = |fact: &&Fact| matches!(fact.kind, EventKind::Refund | EventKind::Chargeback);
    let naming = facts.iter().filter(takes);
    let naming = naming.filter(|fact| fact.order.named.is_some());
    naming.filter_map(|fact| fact.sale_key.as_deref()).collect()
}

/// Facts in their order, but those of `kind` never before the first of those that they follow: a
/// renewal may be dated before its checkout by another clock. `thread` says what an event belongs
/// to, and whether it is one that others follow.
fn in_turn<'a>(
    facts: Vec<&'a Fact>,
    kind: EventKind,
    thread: impl Fn(&'a Fact) -> Option<(&'a str, bool)>,
) -> Vec<&'a Fact> {
    let mut firsts = BTreeMap::new();
    for fact in &facts {
        if let Some((name, true)) = thread(fact) {
            firsts.entry(name).or_insert(fact.occurred_at);
        }
    }
    let turn = |fact: &'a Fact| {
        let follows = thread(fact).filter(|_| fact.kind == kind);
        let first = follows.and_then(|(name, _)| firsts.get(name));
        let at = first.map_or(fact.occurred_at, |first| fact.occurred_at.max(*first));
        (at, fact.kind, &fact.key)
    };
    let mut turns: Vec<_> = facts.iter().map(|fact| (turn(fact), *fact)).collect();
    order::sort_by(&mut turns, |(a, _), (b, _)| a.cmp(b));
    turns.into_iter().map(|(_, fact)| fact).collect()
}

/// Every touch of the customer: clicks of their tokens, what those clicks' journals remember, and
/// the codes that they used.
fn touches(history: &History<'_>) -> Vec<Considered> {
    let tokens = history.facts.iter().filter_map(|fact| fact.touch());
    let tokens = tokens.map(|touch| (touch.clone(), Source::Token));
    let carried = history.visits.iter().flat_map(|visit| {
        let earlier = visit.earlier.iter().cloned();
        let earlier = earlier.map(|touch| (touch, Source::Journal));
        earlier.chain([(visit.touch.clone(), Source::Token)])
    });
    let mut all = attribution::distinct(tokens.chain(carried), history.program);
    let mut newest: BTreeMap<&str, &Reclassified> = BTreeMap::new();
    for said in history.reclassified {
        let known = newest.entry(&said.nonce).or_insert(said);
        if said.at >= known.at {
            *known = said;
        }
    }
    let mut brought: BTreeMap<(Option<LinkId>, UnixMs), UnixMs> = BTreeMap::new();
    for fact in &history.facts {
        if let Some(token) = fact.touch().filter(|token| token.nonce.is_none()) {
            let first = brought.entry((Some(token.link), token.at));
            let first = first.or_insert(fact.occurred_at);
            *first = fact.occurred_at.min(*first);
        }
    }
    for touch in &mut all {
        if touch.is_anonymous() {
            touch.brought_at = brought.get(&(touch.link, touch.at)).copied();
        }
        let said = touch.nonce.as_deref().and_then(|nonce| newest.get(nonce));
        if let Some(class) = said.and_then(|said| said.class) {
            touch.class = class;
        }
    }
    for fact in &history.facts {
        if let Some(own) = code_owner(history, fact) {
            let at = fact.occurred_at;
            all.push(Considered::of_code(&own.code, own.partner, &fact.id, at));
        }
    }
    attribution::sort(&mut all);
    all.iter_mut().for_each(Considered::take_fingerprint);
    all
}

/// Whose code came with an event.
fn code_owner<'h>(history: &History<'h>, fact: &Fact) -> Option<&'h CodeOwner> {
    code::owner(history.codes, fact.code.as_ref()?, fact.occurred_at)
}

#[cfg(test)]
mod tests;
