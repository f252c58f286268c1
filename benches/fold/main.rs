//! What folding costs, natively: the pure fold on histories of every kind of event, and the whole
//! fold on SQLite with few and with very many customers stored. Prints one line of JSON for
//! `benches/run.mjs`; `--quick` shows only that it works.
#![allow(unreachable_pub, dead_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "a bench reads the clock")]

/// The shop of the native tests.
#[path = "../../tests/it/support"]
mod support {
    pub mod memory;
    pub mod phones;
    pub mod ready;
    pub mod shop;
    pub mod sqlite;
    pub mod suffixes;

    pub use ready::block_on;
}

mod growth;
mod histories;

use serde_json::json;
use std::time::Instant;
use support::shop::Shop;
use throughline::domain::fold;
use throughline::domain::time::UnixMs;

const ROUNDS: usize = 9;

/// The value in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Events a second of deciding whole histories and forming their entries; and microseconds of a
/// decision, in the middle of all customers.
fn pure(customers: usize) -> (f64, f64) {
    let shop = Shop::open();
    histories::set_plan(&shop);
    histories::send(&shop, customers);
    let known = histories::Known::read(&shop);
    let mut speeds = Vec::new();
    let mut decisions = Vec::new();
    for _ in 0..ROUNDS {
        let all: Vec<_> = known.histories().collect();
        let events: usize = all.iter().map(|history| history.facts.len()).sum();
        let begun = Instant::now();
        for history in all {
            let (one, count) = (Instant::now(), history.facts.len());
            let decided = fold::decide(history);
            let entries = fold::entries(&decided.decisions, &[], UnixMs(0)).unwrap();
            std::hint::black_box(entries);
            decisions.push(one.elapsed().as_secs_f64() * 1e6 / count as f64);
        }
        speeds.push(events as f64 / begun.elapsed().as_secs_f64());
    }
    (median(speeds), median(decisions))
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (events, decision) = pure(if quick { 100 } else { 2_000 });
    let many = if quick { 20_000 } else { 1_000_000 };
    let growth = growth::measure(1_000, many);
    let answer = json!({
        "fold_events_per_second": events.round(),
        "decision_us_p50": (decision * 100.0).round() / 100.0,
        "fold_sqlite_batch_ms_1e3_customers": (growth.few * 100.0).round() / 100.0,
        "fold_sqlite_batch_ms_1e6_customers": (growth.many * 100.0).round() / 100.0,
        "fold_sqlite_events_per_second": (100_000.0 / growth.few).round(),
        "fold_growth_1e3_to_1e6_customers": (growth.ratio * 1_000.0).round() / 1_000.0,
        "fold_growth_customers": many,
        "fold_round_trips": growth.round_trips,
    });
    println!("{answer}");
}
