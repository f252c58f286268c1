//! Changes as rows: what a changed event writes, and what it tells.

use super::change::Change;
use super::commit;
use super::load::{self, Loaded};
use super::notices::Notices;
use crate::ports::{Database, DatabaseError};
use domain::forward::destination::{self, Destination};
use domain::json;
use domain::ledger::decision::Decision;
use domain::values::ids;
use domain::values::limits;
use domain::values::record;
use domain::values::time::UnixMs;
use serde_json::Value;
use std::collections::BTreeMap;

/// Rows of one event or fact, each a JSON text with the list that it belongs to.
#[derive(Default)]
pub(super) struct Item {
    pub(super) customer: String,
    pub(super) event: String,
    pub(super) about: String,
    pub(super) rows: Vec<(&'static str, String)>,
}

impl Item {
    pub(super) fn add(&mut self, list: &'static str, row: &Value) {
        self.rows.push((list, row.to_string()));
    }

    pub(super) fn bytes(&self) -> usize {
        self.rows.iter().map(|(_, text)| text.len() + 1).sum()
    }
}

/// What stood in the revision before.
#[derive(Default)]
struct Before {
    /// The new one says the same.
    same: bool,
    body: Value,
}

/// Turns changes into rows. Where the fingerprint differs, the stored body says whether the
/// decision does, and what is to be told of it: a page of bodies at a time.
pub(super) async fn of_changes(
    db: &impl Database,
    changes: Vec<Change>,
    loaded: &Loaded,
    now: UnixMs,
) -> Result<Vec<Item>, DatabaseError> {
    let mut items = Vec::new();
    let mut waiting = changes.into_iter().peekable();
    while waiting.peek().is_some() {
        let mut page = Vec::new();
        let mut asked = Vec::new();
        let mut bytes = 0;
        while let Some(change) = waiting.next_if(|_| bytes < limits::PARAM_BYTES) {
            let known = loaded
                .decision(&change.event)
                .filter(|_| change.said.is_some());
            if let Some(known) = known {
                bytes += known.bytes;
                asked.push(json!({"event": change.event, "revision": known.revision}));
            }
            page.push(change);
        }
        let mut bodies = match asked.is_empty() {
            true => BTreeMap::new(),
            false => load::bodies(db, &asked).await?,
        };
        for change in page {
            let body = bodies.remove(&change.event);
            items.push(item(change, body, loaded, now));
        }
    }
    items.retain(|item| !item.rows.is_empty());
    Ok(items)
}

fn item(change: Change, stored: Option<Value>, loaded: &Loaded, now: UnixMs) -> Item {
    let mut item = Item {
        customer: change.customer,
        event: change.event.clone(),
        about: change.about,
        rows: Vec::new(),
    };
    let program = change.entries.first().map(|entry| entry.program);
    let mut notices = Notices::default();
    for entry in &change.entries {
        item.add("entries", &commit::entry_row(entry));
        if program.is_some_and(|program| super::notices::are_heard(loaded, program)) {
            notices.tell_entry(entry);
        }
    }
    if change.hasten {
        item.add("hasten", &json!(change.event));
    }
    if let Some(nonce) = &change.shared {
        item.add("shared", &json!(nonce));
    }
    if let Some(said) = change.said {
        let known = loaded.decision(&change.event);
        let before = Before {
            same: stored.is_some() && record::parse(&said.body) == stored,
            body: stored.unwrap_or_default(),
        };
        if let Some(known) = known.filter(|_| before.same) {
            item.add(
                "digests",
                &json!({"event": change.event, "revision": known.revision,
                "digest": said.digest}),
            );
        } else {
            let revision = known.map_or(1, |known| known.revision.saturating_add(1));
            let decision = &said.decision;
            // The body is a text already.
            let row = json!({"event": decision.event, "revision": revision,
                "program": decision.program, "digest": said.digest});
            let row = row.to_string();
            let open = row.strip_suffix('}').unwrap_or_default();
            item.rows
                .push(("decisions", format!("{open},\"body\":{}}}", said.body)));
            if super::notices::are_heard(loaded, decision.program) {
                let body = known.map(|_| &before.body);
                notices.tell_decision(decision, body, revision, now);
            }
            deliveries(&mut item, decision, revision, change.awaiting, loaded, now);
        }
    }
    for notice in notices.0 {
        item.add("notices", &notice);
    }
    item
}

/// Tells the destinations of a new revision.
fn deliveries(
    item: &mut Item,
    decision: &Decision,
    revision: u32,
    awaiting: bool,
    loaded: &Loaded,
    now: UnixMs,
) {
    let verb = if revision > 1 { "changed" } else { "created" };
    let mine = loaded
        .destinations
        .iter()
        .filter(|d| d.program == decision.program);
    for destination in mine.map(|d| &d.value) {
        // Ad platforms hear of an event once, so they wait a little for its click, which holds
        // the click IDs; webhooks hear at once, and again of what changes later.
        let terms = destination::find(&destination.kind).map(Destination::terms);
        if revision > 1 && !terms.is_some_and(|terms| terms.hears_changes) {
            continue;
        }
        let wait = match terms {
            Some(terms) if terms.awaits_click && awaiting => limits::CLICK_WAIT_MS,
            _ => 0,
        };
        let kind = format!("{}.{verb}", decision.kind.name());
        let parts = [
            destination.id.as_str(),
            &decision.event,
            &revision.to_string(),
        ];
        item.add(
            "deliveries",
            &json!({
                "id": ids::derived("dl_", &parts),
                "program": decision.program,
                "destination": destination.id,
                "event": decision.event,
                "type": kind,
                "revision": revision,
                "next_at": now.plus(wait),
            }),
        );
    }
}
