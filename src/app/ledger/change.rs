//! What one fold has to write: each customer's history is decided anew and compared with what is
//! booked. Of what is as it was nothing is kept, so that a long history takes no more memory than
//! what changes in it.

use super::aside::{self, Why};
use super::group::{Group, by_customer};
use super::history::{Facing, Own, own, visits_of};
use super::load::{FactRow, Loaded};
use domain::json;
use domain::ledger::decision::Decision;
use domain::ledger::fold::{self, Entry};
use domain::values::limits;
use domain::values::time::UnixMs;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// What is to be written about one event; it is written together or not at all.
pub(super) struct Change {
    /// The key of the customer's aggregate.
    pub(super) customer: String,
    pub(super) event: String,
    /// The purchase that a reversal is about, else the event: what waits together for a person is
    /// written together where it fits.
    pub(super) about: String,
    /// A decision that may be new.
    pub(super) said: Option<Said>,
    pub(super) entries: Vec<Entry>,
    /// Its click is not known yet.
    pub(super) awaiting: bool,
    /// The click that its deliveries waited for is known now.
    pub(super) hasten: bool,
    /// Its click credited several customers, and it is folded for the first time.
    pub(super) shared: Option<String>,
}

/// A decision as it would be stored.
pub(super) struct Said {
    /// Without its touches.
    pub(super) decision: Decision,
    pub(super) body: String,
    pub(super) digest: String,
}

/// What a fact becomes.
pub(super) struct Mark {
    /// The key of the customer's aggregate.
    pub(super) customer: String,
    pub(super) row: Value,
}

/// What one fold writes.
#[derive(Default)]
pub(super) struct Work {
    /// Keys of all aggregates that were read.
    pub(super) guards: BTreeSet<String>,
    /// Those of the customers among them.
    pub(super) customers: BTreeSet<String>,
    pub(super) changes: Vec<Change>,
    pub(super) marks: Vec<Mark>,
    pub(super) parks: Vec<String>,
    /// Keys of customers about whom more is to be written than one fold writes.
    pub(super) open: BTreeSet<String>,
    /// Events of an earlier fold that ended too soon: now all is written.
    pub(super) finished: Vec<String>,
    pub(super) set_aside: usize,
    /// Of the changes.
    bytes: usize,
}

impl Work {
    /// Groups the facts by customer and decides each group; a group that cannot be decided is set
    /// aside alone.
    pub(super) fn decide(loaded: &Loaded, now: UnixMs) -> Work {
        let mut work = Work::default();
        let (groups, ownerless) = by_customer(&loaded.facts);
        for row in &loaded.facts {
            work.guards.insert(row.body.program.to_string());
        }
        work.parks
            .extend(ownerless.iter().map(|row| row.body.id.clone()));
        for group in groups {
            let key = group.key();
            work.guards.insert(key.clone());
            work.customers.insert(key);
            work.fold_customer(loaded, &group, now);
        }
        work
    }

    /// Decides one customer's facts; what cannot be decided is set aside.
    fn fold_customer(&mut self, loaded: &Loaded, group: &Group<'_>, now: UnixMs) {
        let key = group.key();
        let rows = &group.rows;
        if rows.len() > limits::CUSTOMER_FACTS {
            self.set_all_aside(group, Why::HistoryTooLarge, now);
            return;
        }
        let visits = visits_of(loaded, rows);
        let facing = Facing::new(loaded, group.program, rows, &visits);
        let before = (self.changes.len(), self.bytes);
        let mut failed = false;
        let mut full = false;
        let plans = own(&loaded.plans, group.program);
        let own = Own::of(loaded, group.program);
        let unfit = fold::decide_each(
            own.history(loaded, rows, &visits, &plans),
            &mut |decision| {
                let one = std::slice::from_ref(&decision);
                match fold::entries(one, &loaded.booked, now) {
                    Ok(entries) => full = !self.keep(loaded, &key, decision, entries, &facing),
                    Err(_) => failed = true,
                }
                match full || failed {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            },
        );
        if failed {
            self.changes.truncate(before.0);
            self.bytes = before.1;
            self.set_all_aside(group, Why::AmountOutOfRange, now);
            return;
        }
        if full {
            // Facts are folded when all that follows from them is written: these go on waiting.
            self.open.insert(key);
            return;
        }
        let unfinished = rows.iter().filter(|row| row.unfinished == 1);
        self.finished
            .extend(unfinished.map(|row| row.body.id.clone()));
        for row in rows {
            if unfit.contains(&row.body.id) {
                self.set_aside(&key, row, Why::AmountOutOfRange, now);
            } else {
                self.mark(&key, row, "folded", facing.awaits(&row.body.id), None);
            }
        }
    }

    /// Keeps what is new of a decision; gives `false` when there is no room for it.
    fn keep(
        &mut self,
        loaded: &Loaded,
        customer: &str,
        mut decision: Decision,
        entries: Vec<Entry>,
        facing: &Facing<'_>,
    ) -> bool {
        let event = decision.event.clone();
        let known = loaded.decision(&event);
        let awaiting = facing.awaits(&event);
        let digest = decision.fingerprint();
        let same = known.is_some_and(|known| known.digest.as_ref() == Some(&digest));
        let hasten = known.is_some() && !awaiting && facing.awaited.contains(event.as_str());
        let shared = facing.shared.get(event.as_str()).copied();
        let shared = shared.filter(|_| known.is_none()).map(str::to_owned);
        if same && entries.is_empty() && !hasten && shared.is_none() {
            return true;
        }
        if self.bytes >= limits::FOLD_CHANGES_BYTES {
            return false;
        }
        let about = decision.purchase.clone();
        let about = about.filter(|_| decision.kind.is_reversal());
        let said = (!same).then(|| {
            let body = serde_json::to_string(&decision).unwrap_or_default();
            decision.touches.clear();
            Said {
                decision,
                body,
                digest,
            }
        });
        self.bytes += said.as_ref().map_or(0, |said| said.body.len()) + 1_000;
        self.changes.push(Change {
            customer: customer.to_owned(),
            about: about.unwrap_or_else(|| event.clone()),
            event,
            said,
            entries,
            awaiting,
            hasten,
            shared,
        });
        true
    }

    fn set_all_aside(&mut self, group: &Group<'_>, why: Why, now: UnixMs) {
        let key = group.key();
        let pending = group.rows.iter().filter(|row| row.state == "pending");
        for row in pending {
            self.set_aside(&key, row, why, now);
        }
    }

    fn set_aside(&mut self, key: &str, row: &FactRow, why: Why, now: UnixMs) {
        self.set_aside += usize::from(row.state != "set_aside");
        self.mark(key, row, "set_aside", false, Some((why, now)));
    }

    fn mark(
        &mut self,
        key: &str,
        row: &FactRow,
        state: &str,
        awaits: bool,
        why: Option<(Why, UnixMs)>,
    ) {
        let awaits = i32::from(awaits);
        let until = why.and_then(|(why, now)| why.is_tried_again().then(|| aside::again(now, 0)));
        if row.state != state || i32::from(row.awaits) != awaits || row.again == 1 {
            self.marks.push(Mark {
                customer: key.to_owned(),
                row: json!({"id": row.body.id, "state": state, "awaits": awaits,
                    "why": why.map(|(why, _)| why.word()), "until": until}),
            });
        }
    }
}
