//! What is looked up for each event of a history, made once: so that deciding a long history takes
//! time in proportion to its length.

use super::{EventRuling, History};
use crate::ledger::decision::Ruling;
use crate::values::time::UnixMs;
use crate::visit::click::{ClickIdRecord, Visit};
use crate::visit::click_ids::ClickIdKind;
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Known<'a> {
    /// All pseudonyms of the customer.
    pub(super) pseudonyms: BTreeSet<&'a str>,
    /// How many customers each click credited, where more than one.
    pub(super) shared: BTreeMap<&'a str, u32>,
    /// The stored clicks of a token.
    clicks: BTreeMap<&'a str, Vec<&'a Visit>>,
    /// What people decided last about an event.
    rulings: BTreeMap<&'a str, &'a Ruling>,
    /// Click IDs that may be forwarded, of each kind in the order of time.
    click_ids: Vec<Vec<&'a ClickIdRecord>>,
}

impl<'a> Known<'a> {
    pub(super) fn of(history: &'a History<'_>) -> Known<'a> {
        let facts = history.facts.iter();
        let pseudonyms = facts.flat_map(|fact| [&fact.customer, &fact.mailbox]);
        let mut clicks: BTreeMap<&str, Vec<&Visit>> = BTreeMap::new();
        for visit in history.visits.iter().filter(|visit| visit.is_click()) {
            if let Some(nonce) = visit.touch.nonce.as_deref() {
                clicks.entry(nonce).or_default().push(visit);
            }
        }
        let mut rulings: BTreeMap<&str, &Ruling> = BTreeMap::new();
        for EventRuling { event, ruling } in history.rulings {
            let known = rulings.entry(event).or_insert(ruling);
            if ruling.at >= known.at {
                *known = ruling;
            }
        }
        let shared = history.shared.iter();
        Known {
            pseudonyms: pseudonyms.flatten().map(String::as_str).collect(),
            shared: shared.map(|(nonce, count)| (&**nonce, *count)).collect(),
            clicks,
            rulings,
            click_ids: click_ids(history.visits),
        }
    }

    /// The stored clicks of a token.
    pub(super) fn clicks(&self, nonce: Option<&str>) -> &[&'a Visit] {
        let found = nonce.and_then(|nonce| self.clicks.get(nonce));
        found.map_or(&[], Vec::as_slice)
    }

    pub(super) fn ruling(&self, event: &str) -> Option<&'a Ruling> {
        self.rulings.get(event).copied()
    }

    /// The newest value of each click ID that the customer's visits carried before an instant.
    pub(super) fn click_ids(&self, at: UnixMs) -> Vec<ClickIdRecord> {
        let newest = self.click_ids.iter().filter_map(|own| {
            let until = own.partition_point(|id| id.at <= at);
            own.get(until.checked_sub(1)?)
        });
        newest.map(|id| (*id).clone()).collect()
    }
}

/// By kind, in the order of [`ClickIdKind::ALL`]. One without a value was erased.
fn click_ids(visits: &[Visit]) -> Vec<Vec<&ClickIdRecord>> {
    let may = |visit: &&Visit| visit.touch.consent.allows_forwarding();
    let all = visits.iter().filter(may).flat_map(|visit| &visit.click_ids);
    let all: Vec<&ClickIdRecord> = all.filter(|id| !id.value.is_empty()).collect();
    let of_kind = |kind: &ClickIdKind| {
        let own = all.iter().filter(|id| id.kind == *kind);
        let mut own: Vec<&ClickIdRecord> = own.copied().collect();
        own.sort_by_key(|id| (id.at, &id.value));
        own
    };
    ClickIdKind::ALL.iter().map(of_kind).collect()
}
