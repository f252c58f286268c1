//! One customer's history by what was loaded, and what is known of their facts beside it.

use super::load::{FactRow, Loaded, OfProgram};
use domain::ledger::attribution::{Standing, StatusChange};
use domain::ledger::code::CodeOwner;
use domain::ledger::fold::{self, History};
use domain::ledger::plan::Plan;
use domain::values::ids::ProgramId;
use domain::values::order;
use domain::visit::click::Visit;
use std::collections::{BTreeMap, BTreeSet};
use throughline_text::Draft;

/// What is known of a customer's facts beside what they say.
pub(super) struct Facing<'a> {
    /// Events whose click is not stored yet.
    awaiting: BTreeSet<&'a str>,
    /// Events that waited for their click before.
    pub(super) awaited: BTreeSet<&'a str>,
    /// The clicks of events that credited several customers.
    pub(super) shared: BTreeMap<&'a str, &'a str>,
}

impl<'a> Facing<'a> {
    pub(super) fn new(
        loaded: &'a Loaded,
        program: ProgramId,
        rows: &[&'a FactRow],
        visits: &[Visit],
    ) -> Facing<'a> {
        let clicks = visits.iter().filter(|visit| visit.is_click());
        let clicks: BTreeSet<&str> = clicks.filter_map(|v| v.touch.nonce.as_deref()).collect();
        let shared = loaded.shared.iter().filter(|each| each.program == program);
        let shared: BTreeSet<&str> = shared.map(|each| each.value.0.as_str()).collect();
        let mut facing = Facing {
            awaiting: BTreeSet::new(),
            awaited: BTreeSet::new(),
            shared: BTreeMap::new(),
        };
        for row in rows {
            let id = row.body.id.as_str();
            let touch = row.body.touch();
            let Some(nonce) = touch.and_then(|touch| touch.nonce.as_deref()) else {
                continue;
            };
            if !clicks.contains(nonce) {
                facing.awaiting.insert(id);
            }
            if row.awaits == 1 {
                facing.awaited.insert(id);
            }
            if shared.contains(nonce) {
                facing.shared.insert(id, nonce);
            }
        }
        facing
    }

    pub(super) fn awaits(&self, event: &str) -> bool {
        self.awaiting.contains(event)
    }
}

/// The stored visits of the clicks whose tokens came with these facts, in a stable order.
pub(super) fn visits_of(loaded: &Loaded, rows: &[&FactRow]) -> Vec<Visit> {
    let mut nonces = BTreeSet::new();
    for row in rows {
        let nonce = row.body.touch().and_then(|touch| touch.nonce.as_deref());
        nonces.extend(nonce);
    }
    let found = loaded.visits.iter();
    let found = found.filter(|row| nonces.contains(row.nonce.as_str()));
    let mut visits: Vec<(String, Visit)> = Vec::new();
    for row in found {
        let mut text = Draft::default();
        row.visit.write_json(&mut text);
        visits.push((text.as_str().to_owned(), row.visit.clone()));
    }
    order::sort_by(&mut visits, |(a, _), (b, _)| a.cmp(b));
    visits.dedup_by(|(next, _), (kept, _)| next == kept);
    visits.into_iter().map(|(_, visit)| visit).collect()
}

/// What was loaded of a program, in the order in which it was made.
pub(super) fn own<T: Clone>(all: &[OfProgram<T>], program: ProgramId) -> Vec<T> {
    let own = all.iter().filter(|each| each.program == program);
    own.map(|each| each.value.clone()).collect()
}

/// What was loaded of one program.
pub(super) struct Own {
    program: ProgramId,
    statuses: Vec<StatusChange>,
    codes: Vec<CodeOwner>,
    reclassified: Vec<fold::Reclassified>,
    selves: Vec<fold::SelfMatch>,
    shared: Vec<(String, u32)>,
}

impl Own {
    pub(super) fn of(loaded: &Loaded, program: ProgramId) -> Own {
        Own {
            program,
            statuses: own(&loaded.statuses, program),
            codes: own(&loaded.codes, program),
            reclassified: own(&loaded.reclassified, program),
            selves: own(&loaded.selves, program),
            shared: own(&loaded.shared, program),
        }
    }

    /// One customer's history by what was loaded, under the given plans.
    pub(super) fn history<'a>(
        &'a self,
        loaded: &'a Loaded,
        rows: &[&FactRow],
        visits: &'a [Visit],
        plans: &'a [Plan],
    ) -> History<'a> {
        History {
            program: self.program,
            facts: rows.iter().map(|row| row.body.clone()).collect(),
            visits,
            plans,
            standing: Standing(&self.statuses),
            codes: &self.codes,
            rulings: &loaded.rulings,
            reclassified: &self.reclassified,
            selves: &self.selves,
            shared: &self.shared,
            rates: &loaded.rates,
        }
    }
}
