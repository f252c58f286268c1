//! Batches of any size and composition, repeated, lost, refused and interrupted: each click counts
//! once, or is in a dead letter. `SEED` chooses a run, `RUNS` how many there are.

use super::*;
use crate::support::sqlite::Fault;
use std::collections::BTreeMap;

struct Run<'a> {
    shop: &'a Shop,
    db: Strict<'a>,
    random: Random,
    waiting: Vec<Letter>,
    sent: u64,
    clicks: i64,
    /// Messages that the database refuses, and the clicks in them.
    poison: BTreeMap<String, i64>,
}

impl Run<'_> {
    /// Mostly a few, now and then very many.
    fn heavy_tailed(&mut self, powers: u64) -> u64 {
        let scale = self.random.below(powers);
        1 + self.random.below(1 << scale)
    }

    fn send(&mut self) {
        for _ in 0..self.heavy_tailed(6) {
            let count = self.heavy_tailed(8) as usize;
            let visits = visits(self.shop, &mut self.random, count);
            self.sent += 1;
            let id = format!("m{}", self.sent);
            if self.random.one_in(40) {
                self.db.refuse(&visits[0].key, DatabaseError::Constraint);
                self.poison.insert(id.clone(), count as i64);
            } else {
                self.clicks += count as i64;
            }
            self.waiting.push(letter(&id, body(self.shop, &visits)));
        }
    }

    /// A batch in any order, some of which comes again although it was taken.
    fn receive(&mut self, faults: bool) {
        let mut batch = Vec::new();
        let most = self.heavy_tailed(7);
        while !self.waiting.is_empty() && batch.len() < most.min(100) as usize {
            let place = self.random.below(self.waiting.len() as u64) as usize;
            batch.push(self.waiting.swap_remove(place));
        }
        for _ in 0..self.random.below(3) * u64::from(faults) {
            let kinds = [Fault::Lost, Fault::PersistedButReportedFailed];
            let kind = *self.random.pick(&kinds).unwrap();
            self.shop.db.fail(self.random.below(6) as usize, kind);
        }
        let taken = take(self.shop, &self.db, &batch);
        self.shop.db.heal();
        for (place, mut letter) in batch.into_iter().enumerate() {
            let again = faults && self.random.one_in(8);
            if again || taken.again.contains(&place) {
                letter.tries += 1;
                self.waiting.push(letter);
            }
        }
    }

    fn verify(&self) {
        assert_eq!(counted(self.shop), self.clicks);
        let packed = "SELECT count(*) || ' ' || count(DISTINCT v.value ->> 'key')
            FROM click_packs, json_each(visits) v";
        let wanted = format!("{0} {0}", self.clicks);
        assert_eq!(self.shop.db.column(packed), [wanted], "packed once each");
        let mut poison: Vec<String> = self
            .poison
            .keys()
            .map(|id| format!("{id} refused"))
            .collect();
        poison.sort();
        assert_eq!(dead(self.shop), poison);
        assert!(self.db.largest.get() < D1_BYTES);
    }
}

fn run(seed: u64) {
    let shop = Shop::open();
    let mut run = Run {
        shop: &shop,
        db: Strict::new(&shop.db),
        random: Random(seed),
        waiting: Vec::new(),
        sent: 0,
        clicks: 0,
        poison: BTreeMap::new(),
    };
    for _ in 0..80 {
        shop.wait(run.random.below(3_000) as i64);
        match run.random.below(3) {
            0 => run.send(),
            _ => run.receive(true),
        }
    }
    while !run.waiting.is_empty() {
        run.receive(false);
    }
    run.verify();
    // What was refused is taken up once its fault is mended.
    run.db.poison.borrow_mut().clear();
    for id in run.poison.keys() {
        shop.made("POST", &format!("dead_letters/{id}/retry"), &json!({}));
    }
    run.clicks += std::mem::take(&mut run.poison).values().sum::<i64>();
    run.verify();
}

#[test]
fn each_click_counts_once_whatever_is_lost_repeated_or_refused() {
    let number = |name: &str| std::env::var(name).ok().map(|told| told.parse().unwrap());
    let runs = number("RUNS").unwrap_or(6);
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 20_261_129..20_261_129 + runs,
    };
    for seed in seeds {
        println!("SEED={seed} cargo test --test it inbox::random");
        run(seed);
    }
}
