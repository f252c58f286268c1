//! The time of folding a batch of a hundred events beside so many stored customers: the production
//! SQL on SQLite in a file, which is what D1 is. One customer in three was there before.

use super::histories;
use super::median;
use super::support::shop::Shop;
use super::support::sqlite::Sqlite;
use super::support::{block_on, root};
use app::ledger;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

const BATCHES: usize = 25;
const WARM_UP: usize = 4;
/// Customers made one by one; the others are copies of them.
const MADE: usize = 100;

/// Milliseconds of folding a batch.
pub struct Growth {
    pub few: f64,
    pub many: f64,
    /// In the middle of all rounds: what disturbs a round disturbs both of its sides.
    pub ratio: f64,
    pub round_trips: usize,
}

/// Folds the same batches in turns beside few and beside many customers.
pub fn measure(few: usize, many: usize) -> Growth {
    let [few, many] = [few, many].map(Stored::open);
    let (mut times, mut ratios) = ([Vec::new(), Vec::new()], Vec::new());
    let mut round_trips = 0;
    for batch in 0..BATCHES {
        let (short, trips) = few.fold(batch);
        let (long, _) = many.fold(batch);
        round_trips = round_trips.max(trips);
        // The first batches compile their SQL and fill caches.
        if batch >= WARM_UP {
            times[0].push(short);
            times[1].push(long);
            ratios.push(long / short);
        }
    }
    let [few, many] = times;
    Growth {
        few: median(few),
        many: median(many),
        ratio: median(ratios),
        round_trips,
    }
}

struct Stored {
    shop: Shop,
    file: PathBuf,
}

impl Stored {
    fn open(customers: usize) -> Stored {
        let folder = root("target/bench");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("fold_{customers}.sqlite"));
        remove(&file);
        let db = Sqlite::at(&file);
        db.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
        let shop = Shop::over(db);
        histories::set_plan(&shop);
        fill(&shop, customers);
        shop.db
            .execute("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous = NORMAL");
        Stored { shop, file }
    }

    /// Gives the time of folding a hundred new events, and its round trips.
    fn fold(&self, batch: usize) -> (f64, usize) {
        let shop = &self.shop;
        pend(shop, batch);
        let before = shop.db.batches();
        let begun = Instant::now();
        let folded = block_on(ledger::fold(&shop.db, shop.now.get())).unwrap();
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        assert_eq!((folded.facts, folded.set_aside), (100, 0));
        (ms, shop.db.batches() - before)
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        remove(&self.file);
    }
}

fn remove(file: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", file.display()));
    }
}

/// Stores customers with a lead and a sale each, folded.
fn fill(shop: &Shop, customers: usize) {
    for number in 0..MADE {
        let click = shop.click("anna");
        shop.deliver_visits(&format!("f{number}"), &click.visits);
        shop.wait(60_000);
        let lead = json!({"customerExternalId": format!("f{number}"), "eventName": "Sign up",
            "clickId": click.token});
        assert_eq!(shop.track("lead", &lead).0, 200);
        let sale = json!({"customerExternalId": format!("f{number}"), "amount": 5_000,
            "currency": "usd", "invoiceId": format!("f{number}")});
        assert_eq!(shop.track("sale", &sale).0, 200);
    }
    shop.fold();
    let copies = customers / MADE - 1;
    let numbers = format!(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {copies})"
    );
    // The keys differ in front, so that copies lie all over each index.
    shop.db.execute(&format!(
        "BEGIN;
         CREATE TEMP TABLE copies AS {numbers} SELECT printf('%08x', i * 2654435761 & 4294967295)
           AS tag FROM n;
         INSERT INTO facts (id, program, kind, key, customer, sale_key, nonce, awaits_click,
           occurred_at, received_at, content, body, state, subscription)
         SELECT 'ev_' || tag || id, program, kind, tag || key, tag || customer, sale_key,
           tag || nonce, awaits_click, occurred_at, received_at, content, body, state, subscription
         FROM copies, facts WHERE facts.state = 'folded';
         INSERT INTO decisions (event, revision, program, body, decided_at)
         SELECT 'ev_' || tag || event, revision, program, body, decided_at FROM copies, decisions;
         INSERT INTO entries (id, program, partner, cause, kind, amount, currency, payout, paid_in,
           reason, booked_at)
         SELECT tag || id, program, partner, 'ev_' || tag || cause, kind, amount, currency, payout,
           paid_in, reason, booked_at FROM copies, entries;
         INSERT INTO aggregates (key, version)
         SELECT program || '/' || tag || customer, 1 FROM copies, (SELECT DISTINCT program, customer
           FROM facts WHERE customer IS NOT NULL ORDER BY seq LIMIT {made});
         DROP TABLE copies;
         COMMIT;",
        made = 2 * MADE
    ));
}

/// A hundred new events: of two new customers in three, and of one who was there.
fn pend(shop: &Shop, batch: usize) {
    for number in 0..100 {
        let name = match number % 3 {
            0 => format!("f{}", (batch * 34 + number / 3) % MADE),
            _ => format!("b{batch}.{}", number / 2),
        };
        let body = json!({"customerExternalId": name, "amount": 1_000 + number,
            "currency": "usd", "invoiceId": format!("b{batch}.{number}")});
        assert_eq!(shop.track("sale", &body).0, 200);
    }
}
