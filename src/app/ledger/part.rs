//! The commit in parts. Each is one transaction, guarded by the versions of all that was read and
//! cut by bytes; a part that changes a customer gives its aggregate the next version, which the
//! parts after it expect. Facts are marked when all changes are written: whatever ends in between,
//! the next fold finds them waiting, sees what is written and writes the rest.
//!
//! The first of several parts names all events that they change, and the last one takes the names
//! away: in between, the money of these events is not settled and not paid (the view `standings`).

use super::change::{Mark, Work};
use super::commit;
use super::load::Loaded;
use super::rows::{self, Item};
use crate::deliver::ADD_NOTICES;
use crate::ports::{Database, DatabaseError, Statement};
use domain::json;
use domain::values::limits;
use domain::values::time::UnixMs;
use std::collections::{BTreeMap, BTreeSet};

/// The lists of a part and the statements that write them, in their order.
const LISTS: [(&str, &[&str]); 11] = [
    ("unfinished", &[commit::ADD_UNFINISHED]),
    ("marks", &[commit::MARK]),
    ("parks", &[commit::PARK]),
    ("shared", &[commit::BUMP_SHARED, commit::WAKE_SHARED]),
    ("decisions", &[commit::ADD_DECISIONS]),
    ("digests", &[commit::ADD_DIGESTS]),
    ("entries", &[commit::ADD_ENTRIES]),
    ("deliveries", &[commit::ADD_DELIVERIES]),
    ("notices", &[ADD_NOTICES]),
    ("hasten", &[commit::HASTEN]),
    ("finished", &[commit::FINISH]),
];

/// One transaction.
#[derive(Default)]
struct Part {
    lists: BTreeMap<&'static str, Vec<String>>,
    customers: BTreeSet<String>,
    bytes: usize,
}

impl Part {
    fn add(&mut self, item: Item) {
        self.bytes += item.bytes();
        if !item.customer.is_empty() {
            self.customers.insert(item.customer);
        }
        for (list, row) in item.rows {
            self.lists.entry(list).or_default().push(row);
        }
    }

    /// Adds names of events; at 40 bytes each, those of a fold fit a parameter of their own.
    fn list(&mut self, list: &'static str, events: &[String]) {
        let rows = events.iter().map(|event| json!(event).to_string());
        self.lists.insert(list, rows.collect());
    }
}

/// Commits what a fold changes, part by part; [`DatabaseError::Stale`] asks for another try.
pub(super) async fn write(
    db: &impl Database,
    mut work: Work,
    loaded: &Loaded,
    now: UnixMs,
) -> Result<(), DatabaseError> {
    let changes = std::mem::take(&mut work.changes);
    let marks = std::mem::take(&mut work.marks);
    let items = rows::of_changes(db, changes, loaded, now).await?;
    let events: Vec<(String, String)> = items
        .iter()
        .map(|item| (item.customer.clone(), item.event.clone()))
        .collect();
    let mut parts = cut(items);
    let mut finished = std::mem::take(&mut work.finished);
    name_unfinished(&mut parts, events, &work.open, &mut finished);
    cut_on(&mut parts, marks.into_iter().map(of_mark).collect());
    let parks = work.parks.iter().map(|event| Item {
        rows: vec![("parks", json!(event).to_string())],
        ..Item::default()
    });
    cut_on(&mut parts, parks.collect());
    if !finished.is_empty() {
        let last = part_for(&mut parts, 0);
        last.into_iter()
            .for_each(|part| part.list("finished", &finished));
    }
    let mut versions: BTreeMap<&str, i64> = BTreeMap::new();
    for key in &work.guards {
        versions.insert(key, loaded.version(key));
    }
    for part in parts {
        db.batch(statements(&part, &work, &versions, now)).await?;
        for (key, version) in &mut versions {
            *version += i64::from(part.customers.contains(*key));
        }
    }
    Ok(())
}

/// Names the events of what takes several parts in the first of them, and adds those to `finished`
/// about whose customers the last one writes everything.
fn name_unfinished(
    parts: &mut [Part],
    events: Vec<(String, String)>,
    open: &BTreeSet<String>,
    finished: &mut Vec<String>,
) {
    let several = parts.len() > 1;
    let mut named = Vec::new();
    for (customer, event) in events {
        let is_open = open.contains(&customer);
        if several || is_open {
            named.push(event.clone());
            finished.extend(Some(event).filter(|_| !is_open));
        }
    }
    if let (Some(first), false) = (parts.first_mut(), named.is_empty()) {
        first.list("unfinished", &named);
    }
}

fn of_mark(mark: Mark) -> Item {
    let mut item = Item {
        customer: mark.customer,
        ..Item::default()
    };
    item.add("marks", &mark.row);
    item
}

/// Cuts items into parts below the bound, what is about one purchase together where that fits.
fn cut(items: Vec<Item>) -> Vec<Part> {
    let mut firsts: BTreeMap<String, usize> = BTreeMap::new();
    let mut threads: Vec<Vec<Item>> = Vec::new();
    for item in items {
        let place = *firsts.entry(item.about.clone()).or_insert(threads.len());
        if place == threads.len() {
            threads.push(Vec::new());
        }
        if let Some(thread) = threads.get_mut(place) {
            thread.push(item);
        }
    }
    let mut parts = Vec::new();
    for thread in threads {
        let bytes: usize = thread.iter().map(Item::bytes).sum();
        if bytes <= limits::PARAM_BYTES {
            part_for(&mut parts, bytes);
        }
        cut_on(&mut parts, thread);
    }
    parts
}

/// Adds items to the last part, and to new ones where it is full.
fn cut_on(parts: &mut Vec<Part>, items: Vec<Item>) {
    for item in items {
        let bytes = item.bytes();
        if let Some(part) = part_for(parts, bytes) {
            part.add(item);
        }
    }
}

/// The part that has room for so many bytes more.
fn part_for(parts: &mut Vec<Part>, bytes: usize) -> Option<&mut Part> {
    let full = |part: &Part| part.bytes > 0 && part.bytes + bytes > limits::PARAM_BYTES;
    if parts.last().is_none_or(full) {
        parts.push(Part::default());
    }
    parts.last_mut()
}

/// A parameter with one list of rows that are texts already.
fn param(now: UnixMs, list: &str, rows: &[String], bump: &str) -> String {
    let rows = rows.join(",");
    format!("{{\"now\":{},{bump}\"{list}\":[{rows}]}}", now.0)
}

fn statements(
    part: &Part,
    work: &Work,
    versions: &BTreeMap<&str, i64>,
    now: UnixMs,
) -> Vec<Statement> {
    let guards = versions.iter();
    let guards = guards.map(|(key, version)| json!({"key": key, "version": version}));
    let guards = json!({"guards": guards.collect::<Vec<_>>()});
    let mut all = vec![
        Statement::new(commit::GUARD, &guards),
        Statement::new(commit::CLEAR_GUARD, &json!({})),
        Statement::new(commit::BUMP, &json!({"bump": part.customers})),
    ];
    for (list, sql) in LISTS {
        let Some(rows) = part.lists.get(list) else {
            continue;
        };
        // Who is folded here need not be woken.
        let bump = match list {
            "shared" => format!("\"bump\":{},", json!(work.customers)),
            _ => String::new(),
        };
        for sql in sql {
            all.push(Statement {
                sql,
                param: param(now, list, rows, &bump),
            });
        }
    }
    if let Some(rows) = part.lists.get("marks") {
        all.push(Statement {
            sql: commit::DROP_SEALED,
            param: param(now, "marks", rows, ""),
        });
    }
    all
}
