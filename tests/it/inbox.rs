//! Batches of queue messages, from bursts to poison: what can be counted is, once; what cannot is
//! kept; and nothing vanishes.

use crate::support::block_on;
use crate::support::picks::Random;
use crate::support::shop::Shop;
use crate::support::sqlite::Sqlite;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use throughline::app::inbox::{self, Letter, Taken};
use throughline::app::ports::{Database, DatabaseError, Rows, Statement};
use throughline::domain::click::{Visit, VisitKind};

mod crowd;
mod dead_letters;
mod random;

/// D1 takes parameters up to 2,000,000 bytes, and rows as large.
const D1_BYTES: usize = 2_000_000;
/// The edge sends messages of so many bytes.
const MESSAGE: usize = 64_000;
const QUEUE: &str = "throughline-clicks";

/// A database with the limits of D1 that can refuse, fail and be away.
struct Strict<'a> {
    inner: &'a Sqlite,
    /// Words in a parameter, and how a batch with them ends.
    poison: RefCell<Vec<(String, DatabaseError)>>,
    away: Cell<bool>,
    batches: Cell<usize>,
    statements: Cell<usize>,
    largest: Cell<usize>,
    /// Of all parameters.
    bytes: Cell<usize>,
}

impl<'a> Strict<'a> {
    fn new(inner: &'a Sqlite) -> Strict<'a> {
        Strict {
            inner,
            poison: RefCell::default(),
            away: Cell::new(false),
            batches: Cell::new(0),
            statements: Cell::new(0),
            largest: Cell::new(0),
            bytes: Cell::new(0),
        }
    }

    fn refuse(&self, words: &str, error: DatabaseError) {
        self.poison.borrow_mut().push((words.to_owned(), error));
    }
}

impl Database for Strict<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        self.batches.set(self.batches.get() + 1);
        self.statements
            .set(self.statements.get() + statements.len());
        if self.away.get() {
            return Err(DatabaseError::Unavailable);
        }
        for Statement { sql, param } in &statements {
            self.largest.set(self.largest.get().max(param.len()));
            self.bytes.set(self.bytes.get() + param.len());
            if param.len() > D1_BYTES {
                return Err(DatabaseError::Refused);
            }
            let poison = self.poison.borrow();
            let struck = poison.iter().find(|(words, _)| param.contains(words));
            if let Some((_, error)) = struck.filter(|_| !sql.contains("dead_letters")) {
                return Err(*error);
            }
        }
        self.inner.batch(statements).await
    }
}

/// Clicks on Anna's link by as many visitors.
fn visits(shop: &Shop, random: &mut Random, count: usize) -> Vec<Visit> {
    let one = shop.click("anna").visits.remove(0);
    let another = |_| {
        let mut visit = one.clone();
        visit.at = shop.now.get();
        visit.key = format!("{:016x}", random.next());
        visit.touch.nonce = Some(visit.key.clone());
        visit
    };
    (0..count).map(another).collect()
}

fn letter(id: &str, body: impl Into<String>) -> Letter {
    Letter {
        id: id.to_owned(),
        tries: 1,
        body: body.into(),
    }
}

fn body(shop: &Shop, visits: &[Visit]) -> String {
    json!({"sent": shop.now.get(), "visits": visits}).to_string()
}

/// Visits in messages, as a busy edge sends them.
fn letters(shop: &Shop, name: &str, visits: &[Visit]) -> Vec<Letter> {
    let each = body(shop, &visits[..1]).len();
    let messages = visits.chunks(MESSAGE / each).enumerate();
    messages
        .map(|(number, visits)| letter(&format!("{name}{number}"), body(shop, visits)))
        .collect()
}

fn take(shop: &Shop, db: &impl Database, letters: &[Letter]) -> Taken {
    block_on(inbox::take(db, QUEUE, letters, shop.now.get()))
}

fn counted(shop: &Shop) -> i64 {
    let sql = "SELECT coalesce(sum(count), 0) FROM click_rollups WHERE class = 'human'";
    shop.db.number(sql)
}

/// `id reason` of the dead letters.
fn dead(shop: &Shop) -> Vec<String> {
    shop.db
        .column("SELECT id || ' ' || reason FROM dead_letters ORDER BY id")
}

fn click_at(shop: &Shop, visit: &Visit) -> usize {
    let token = format!(
        "SELECT count(*) FROM click_packs, json_each(visits) v
         WHERE v.value ->> '$.touch.nonce' = '{}'",
        visit.touch.nonce.as_deref().unwrap()
    );
    shop.db.number(&token) as usize
}

#[test]
fn bursts_are_stored_in_parts_that_d1_takes() {
    for count in [7_000, 20_000] {
        let shop = Shop::open();
        let visits = visits(&shop, &mut Random(7), count);
        let letters = letters(&shop, "m", &visits);
        let db = Strict::new(&shop.db);
        for batch in letters.chunks(100) {
            assert_eq!(take(&shop, &db, batch).again, Vec::<usize>::new());
        }
        assert_eq!(counted(&shop), count as i64);
        let all: usize = letters.iter().map(|letter| letter.body.len()).sum();
        assert!(db.largest.get() < D1_BYTES / 3, "{}", db.largest.get());
        assert!(db.bytes.get() < all * 3 / 2, "{} for {all}", db.bytes.get());
        let row = "SELECT max(octet_length(visits) + octet_length(messages)
          + octet_length(nonces)) FROM click_packs";
        assert!(shop.db.number(row) < 2 * MESSAGE as i64);
        // The same again, in other parts.
        for batch in letters.chunks(33) {
            assert_eq!(take(&shop, &db, batch).again, Vec::<usize>::new());
        }
        assert_eq!(counted(&shop), count as i64);
        assert!(dead(&shop).is_empty());
    }
}

#[test]
fn what_the_database_refuses_is_kept_and_takes_no_other_with_it() {
    for error in [DatabaseError::Constraint, DatabaseError::Refused] {
        let shop = Shop::open();
        let visits = visits(&shop, &mut Random(7), 100);
        let letters: Vec<Letter> = (0..100)
            .map(|n| letter(&format!("m{n}"), body(&shop, &visits[n..=n])))
            .collect();
        let db = Strict::new(&shop.db);
        for poison in [0, 41, 99] {
            db.refuse(&visits[poison].key, error);
        }
        let taken = take(&shop, &db, &letters);
        assert_eq!((taken.again.len(), taken.log.len()), (0, 3));
        let size = letters[41].body.len();
        let line = format!("message m41 of {QUEUE}, {size} bytes: refused, kept");
        assert!(taken.log.contains(&line), "{:?}", taken.log);
        assert_eq!(counted(&shop), 97);
        assert_eq!(dead(&shop), ["m0 refused", "m41 refused", "m99 refused"]);
        let kept = shop.list("dead_letters");
        assert_eq!(kept[0]["bytes"], json!(letters[99].body.len()));
        assert_eq!(kept[0]["queue"], QUEUE);
        // Once the fault is mended they are taken up, once.
        for _ in 0..2 {
            let answer = shop.control("POST", "dead_letters/m41/retry", &json!({}));
            assert!([200, 404].contains(&answer.0), "{answer:?}");
        }
        assert_eq!(counted(&shop), 98);
        assert_eq!(dead(&shop), ["m0 refused", "m99 refused"]);
        assert_eq!(click_at(&shop, &visits[41]), 1);
    }
}

#[test]
fn an_outage_leaves_everything_to_the_next_try() {
    let shop = Shop::open();
    let visits = visits(&shop, &mut Random(7), 5_000);
    let letters = letters(&shop, "m", &visits);
    let db = Strict::new(&shop.db);
    db.away.set(true);
    let taken = take(&shop, &db, &letters);
    assert_eq!(taken.again, (0..letters.len()).collect::<Vec<_>>());
    assert!(db.batches.get() <= 2, "{} questions", db.batches.get());
    assert!(taken.log.is_empty() && dead(&shop).is_empty());
    db.away.set(false);
    assert!(take(&shop, &db, &letters).again.is_empty());
    assert_eq!(counted(&shop), 5_000);
}

#[test]
fn a_batch_of_poison_is_kept_batch_by_batch_within_the_statements_of_a_call() {
    let shop = Shop::open();
    let visits = visits(&shop, &mut Random(7), 100);
    let db = Strict::new(&shop.db);
    db.refuse("human", DatabaseError::Constraint);
    let mut letters: Vec<Letter> = (0..100)
        .map(|n| letter(&format!("m{n}"), body(&shop, &visits[n..=n])))
        .collect();
    for _ in 0..10 {
        db.statements.set(0);
        let again = take(&shop, &db, &letters).again;
        assert!(db.statements.get() < 1_000, "{}", db.statements.get());
        letters = again.iter().map(|place| letters[*place].clone()).collect();
    }
    assert!(letters.is_empty(), "{} are left", letters.len());
    assert_eq!(dead(&shop).len(), 100);
}

#[test]
fn what_fails_without_a_reason_is_tried_for_days_and_then_kept() {
    let shop = Shop::open();
    let visits = visits(&shop, &mut Random(7), 2);
    let mut letters = vec![
        letter("good", body(&shop, &visits[..1])),
        letter("bad", body(&shop, &visits[1..])),
    ];
    let db = Strict::new(&shop.db);
    db.refuse(&visits[1].key, DatabaseError::Unavailable);
    for _ in 0..49 {
        assert_eq!(take(&shop, &db, &letters).again, [1]);
        letters[1].tries += 1;
    }
    assert!(dead(&shop).is_empty());
    assert!(take(&shop, &db, &letters).again.is_empty());
    assert_eq!(dead(&shop), ["bad failed"]);
    assert_eq!(counted(&shop), 1);
}
