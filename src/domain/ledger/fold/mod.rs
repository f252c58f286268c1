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
use crate::values::ids::{PartnerId, ProgramId};
use crate::values::money::{Currency, Money, MoneyError};
use crate::values::order;
use crate::values::time::UnixMs;
use crate::visit::click::Visit;
use crate::visit::traffic::Class;
use assign::Bound;
use months::First;
use purchase::Purchase;
use std::collections::{BTreeMap, BTreeSet};

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
    touches: Vec<Considered>,
    /// All pseudonyms of the customer.
    pseudonyms: Vec<&'a str>,
    decided: Decided,
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
pub fn decide(mut history: History<'_>) -> Decided {
    order::sort_by(&mut history.facts, |a, b| a.order().cmp(&b.order()));
    let mut fold = Fold {
        touches: touches(&history),
        pseudonyms: pseudonyms(&history.facts),
        history: &history,
        decided: Decided::default(),
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
    for fact in in_turn(conversions, EventKind::Renewal, |renewal, other| {
        let start = matches!(other.kind, EventKind::Sale | EventKind::Deal);
        start && renewal.subscription.is_some() && other.subscription == renewal.subscription
    }) {
        let done = fold.conversion(fact);
        fold.note(fact, done);
    }
    for fact in in_turn(reversals, EventKind::DisputeWon, |won, other| {
        other.kind == EventKind::Chargeback && other.key == won.key
    }) {
        let done = fold.reversal(fact);
        fold.note(fact, done);
    }
    fold.decided
}

impl Fold<'_> {
    fn note(&mut self, fact: &Fact, done: Result<(), MoneyError>) {
        if done.is_err() {
            self.decided.unfit.insert(fact.id.clone());
        }
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
/// renewal may be dated before its checkout by another clock.
fn in_turn<'a>(
    facts: Vec<&'a Fact>,
    kind: EventKind,
    follows: impl Fn(&Fact, &Fact) -> bool,
) -> Vec<&'a Fact> {
    let turn = |fact: &'a Fact| {
        let first = if fact.kind == kind {
            facts.iter().find(|other| follows(fact, other))
        } else {
            None
        };
        let at = first.map_or(fact.occurred_at, |first| {
            fact.occurred_at.max(first.occurred_at)
        });
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
    for touch in &mut all {
        if touch.is_anonymous() {
            let same = |fact: &&Fact| fact.touch().is_some_and(|own| touch.is_of(own));
            let brought = history.facts.iter().filter(same);
            touch.brought_at = brought.map(|fact| fact.occurred_at).min();
        }
        let said = history.reclassified.iter();
        let said = said.filter(|said| Some(&said.nonce) == touch.nonce.as_ref());
        if let Some(class) = said.max_by_key(|said| said.at).and_then(|said| said.class) {
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
    all
}

/// Whose code came with an event.
fn code_owner<'h>(history: &History<'h>, fact: &Fact) -> Option<&'h CodeOwner> {
    code::owner(history.codes, fact.code.as_ref()?, fact.occurred_at)
}

fn pseudonyms(facts: &[Fact]) -> Vec<&str> {
    let mut all = Vec::new();
    for fact in facts {
        let own = [fact.customer.as_deref(), fact.mailbox.as_deref()];
        for pseudonym in own.into_iter().flatten() {
            if !all.contains(&pseudonym) {
                all.push(pseudonym);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests;
