//! The whole machine under faults: thousands of random steps over the ports, with lost batches,
//! answers that lie, repeats, reordered queues, folders that interrupt each other and receivers
//! that fail. At the end everything settles and equals an oracle that reads all accepted facts at
//! once.
//!
//! `SEED` and `STEPS` choose a run; a run that fails prints the command that repeats it.

use crate::support::block_on;
use crate::support::interleave::Interleaved;
use crate::support::memory::answer;
use crate::support::oracle::{Fact, Kind, Touch, World};
use crate::support::shop::Shop;
use crate::support::sqlite::Fault;
use crate::support::story;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use throughline::app::clicks::{self, Message};
use throughline::app::ingest::{self, Intake};
use throughline::app::ports::Reply;
use throughline::app::{deliver, ledger, publish};
use throughline::domain::time::UnixMs;
use throughline::domain::traffic::Class;

mod settled;

const HOUR: i64 = 3_600_000;
const CUSTOMERS: u64 = 700;

/// A request that has no 2xx yet, with the fact that it makes once it has one.
struct Request {
    kind: &'static str,
    body: Value,
    fact: Fact,
}

struct Visitor {
    token: String,
    touch: Option<Touch>,
    cookie: String,
}

struct Simulation {
    shop: Shop,
    random: Random,
    world: World,
    visitors: BTreeMap<u64, Visitor>,
    unanswered: Vec<Request>,
    answered: Vec<(&'static str, Value)>,
    sales: Vec<(String, i64)>,
    /// Click messages that the queue holds; some stay although they were consumed.
    messages: Vec<Message>,
    counted: BTreeMap<String, i64>,
    landed: BTreeSet<String>,
    intakes: Vec<Intake>,
    stale: usize,
    number: u64,
}

impl Simulation {
    fn new(seed: u64) -> Simulation {
        let shop = Shop::open();
        let hook = json!({"program": shop.program, "kind": "webhook",
            "url": "https://hooks.example/in"});
        shop.made("POST", "destinations", &hook);
        Simulation {
            world: World {
                plans: story::plans(&shop),
                ..World::default()
            },
            shop,
            random: Random(seed),
            visitors: BTreeMap::new(),
            unanswered: Vec::new(),
            answered: Vec::new(),
            sales: Vec::new(),
            messages: Vec::new(),
            counted: BTreeMap::new(),
            landed: BTreeSet::new(),
            intakes: Vec::new(),
            stale: 0,
            number: 0,
        }
    }

    fn step(&mut self) {
        let jump = self.random.below(20_000) as i64;
        self.shop.wait(jump);
        match self.random.below(100) {
            0..17 => self.click(),
            17..77 => self.convert(),
            77..81 => self.send_again(),
            81..88 => self.consume(),
            88..91 => self.take_intakes(),
            91..95 => self.fold(),
            95..97 => self.deliver(),
            97 => self.change_settings(),
            98 => self.shop.wait(2 * HOUR),
            _ => self.publish(),
        }
    }

    /// The next batches of the database go wrong now and then.
    fn trouble(&mut self, one_in: u64, batches: u64) {
        if self.random.one_in(one_in) {
            let kind = [Fault::Lost, Fault::PersistedButReportedFailed];
            let kind = *self.random.pick(&kind).unwrap();
            self.shop.db.fail(self.random.below(batches) as usize, kind);
        }
    }

    fn click(&mut self) {
        let customer = self.random.below(CUSTOMERS);
        let slug = *self.random.pick(&["anna", "northstar"]).unwrap();
        let (gpc, country) = *self
            .random
            .pick(&[("", "US"), ("", "US"), ("", "US"), ("1", "US"), ("", "DE")])
            .unwrap();
        let query = if self.random.one_in(3) {
            "?fbclid=IwAR1"
        } else {
            ""
        };
        let known = self.visitors.get(&customer);
        let cookie = known.map_or(String::new(), |visitor| visitor.cookie.clone());
        let clicked = self.shop.follow(slug, query, &cookie, gpc, country);
        let mut visits = clicked.visits.clone();
        // A link of a suspended partner leaves no touch; a repetition gives the token of the
        // click that it repeats.
        let touch = match visits.first() {
            Some(visit) if visit.touch.class == Class::Duplicate => {
                known.and_then(|visitor| visitor.touch.clone())
            }
            visit => visit.map(|visit| Touch::read(&json!(visit.touch))),
        };
        for visit in &visits {
            let class = settled::class_of(visit);
            *self.counted.entry(class.into()).or_default() += 1;
        }
        let kept = clicked.cookie.unwrap_or_default();
        if self.random.one_in(3) {
            let landing = self.shop.land(&clicked.token, &kept, gpc);
            self.count_landing(&landing);
            visits.extend(landing);
        }
        self.number += 1;
        self.messages.push(Message {
            id: format!("m{}", self.number),
            sent_at: UnixMs(self.shop.now.get().0 + self.random.below(1_000) as i64),
            visits,
        });
        // A link of a suspended partner redirects without a token.
        let visitor = Visitor {
            touch: touch.filter(|_| !clicked.token.is_empty()),
            token: clicked.token,
            cookie: kept,
        };
        self.visitors.insert(customer, visitor);
    }

    fn count_landing(&mut self, landing: &[throughline::domain::click::Visit]) {
        for visit in landing {
            let named = visit.touch.nonce.is_some();
            if named && !self.landed.insert(visit.key.clone()) {
                continue;
            }
            let class = if named {
                "confirmed"
            } else {
                "confirmed_anonymous"
            };
            *self.counted.entry(class.into()).or_default() += 1;
        }
    }

    fn convert(&mut self) {
        self.number += 1;
        let number = self.number;
        let customer = self.random.below(CUSTOMERS);
        let at = (self.shop.now.get().0 - self.random.below(60 * 24) as i64 * 60_000) / 1_000;
        let visitor = self
            .visitors
            .get(&customer)
            .filter(|_| !self.random.0.is_multiple_of(4));
        let (token, touch) = visitor.map_or((String::new(), None), |visitor| {
            (visitor.token.clone(), visitor.touch.clone())
        });
        let mut fact = Fact {
            event: String::new(),
            kind: Kind::Lead,
            key: format!("k{number}"),
            customer: format!("u{customer}"),
            at: at * 1_000,
            money: None,
            sale: String::new(),
            touch,
        };
        let mut body = json!({"customerExternalId": fact.customer, "clickId": token,
            "occurredAt": at});
        let kind = match self.random.below(10) {
            0..2 => {
                body["eventName"] = json!(fact.key);
                "lead"
            }
            2..7 => {
                let currency = *self.random.pick(&["USD", "EUR", "JPY"]).unwrap();
                let amount = 1 + self.random.below(50_000) as i64;
                body["invoiceId"] = json!(fact.key);
                body["amount"] = json!(amount);
                body["currency"] = json!(currency);
                fact.kind = Kind::Sale;
                fact.money = Some((amount, currency.into()));
                self.sales.push((fact.key.clone(), amount));
                "sale"
            }
            _ => self.refund_of(&mut fact, at, &mut body),
        };
        self.send(Request { kind, body, fact });
    }

    /// A refund of a known sale, or of the sale that will come next.
    fn refund_of(&mut self, fact: &mut Fact, at: i64, body: &mut Value) -> &'static str {
        let next = (format!("k{}", self.number + 1), 900);
        let recent = self.sales.len().saturating_sub(400);
        let known = self.random.pick(&self.sales[recent..]).cloned();
        let (sale, amount) = known
            .filter(|_| !self.number.is_multiple_of(7))
            .unwrap_or(next);
        *body = json!({"refundId": fact.key, "invoiceId": sale, "occurredAt": at});
        if self.random.below(3) > 0 {
            let part = self.random.below(amount.unsigned_abs() + 10) as i64;
            body["amount"] = json!(part);
            body["currency"] = json!("USD");
            fact.money = Some((part, "USD".into()));
        }
        fact.kind = Kind::Refund;
        fact.customer = String::new();
        fact.touch = None;
        fact.sale = sale;
        "refund"
    }

    fn send(&mut self, request: Request) {
        self.trouble(12, 2);
        self.shop.queue.down.set(self.random.one_in(40));
        let (status, answer) = self.shop.track(request.kind, &request.body);
        self.shop.queue.down.set(false);
        self.shop.db.heal();
        match status {
            200 => {
                let event = answer["eventId"].as_str().unwrap().to_owned();
                self.answered.push((request.kind, request.body));
                self.world.facts.push(Fact {
                    event,
                    ..request.fact
                });
            }
            503 => self.unanswered.push(request),
            other => panic!("{other} {answer}"),
        }
    }

    /// A caller without an answer tries again; one with an answer sometimes does too.
    fn send_again(&mut self) {
        if self.unanswered.is_empty() || self.random.one_in(2) {
            let known = self.random.pick(&self.answered).cloned();
            if let Some((kind, body)) = known {
                self.trouble(12, 2);
                let (status, answer) = self.shop.track(kind, &body);
                self.shop.db.heal();
                assert_eq!(status, 200, "{answer}");
            }
            return;
        }
        let place = self.random.below(self.unanswered.len() as u64) as usize;
        let request = self.unanswered.swap_remove(place);
        self.send(request);
    }

    /// The queue hands over some messages, in any order and composition; some come again.
    fn consume(&mut self) {
        let mut batch = Vec::new();
        for _ in 0..=self.random.below(12) {
            if !self.messages.is_empty() {
                let place = self.random.below(self.messages.len() as u64) as usize;
                batch.push(self.messages.swap_remove(place));
            }
        }
        self.trouble(6, 1);
        let done = block_on(clicks::consume(&self.shop.db, &batch));
        self.shop.db.heal();
        if done.is_ok() {
            for visit in batch.iter().flat_map(|message| &message.visits) {
                self.world.learn(&json!(visit));
            }
        }
        let again = done.is_err() || self.random.one_in(6);
        if again {
            self.messages.extend(batch);
        }
    }

    fn take_intakes(&mut self) {
        for text in self.shop.queue.sent.take() {
            let mut message: Value = serde_json::from_str(&text).unwrap();
            let intake = serde_json::from_value(message["intake"].take());
            self.intakes.push(intake.unwrap());
        }
        for _ in 0..self.random.below(8) {
            if self.intakes.is_empty() {
                return;
            }
            let place = self.random.below(self.intakes.len() as u64) as usize;
            self.trouble(6, 1);
            let done = block_on(ingest::store(&self.shop.db, &self.intakes[place]));
            self.shop.db.heal();
            if done.is_ok() && !self.random.one_in(6) {
                self.intakes.swap_remove(place);
            }
        }
    }

    /// A fold that may be interrupted by another one, by clicks or by a crash.
    fn fold(&mut self) {
        self.trouble(5, 3);
        let now = self.shop.now.get();
        if self.random.one_in(3) && !self.shop.db.is_troubled() {
            let batch = 1 + 2 * self.random.below(2) as usize;
            let message = self.random.pick(&self.messages).cloned();
            let message = message.filter(|_| now.0 % 2 == 0);
            let ran = Cell::new(false);
            let other = Interleaved::new(&self.shop.db).before(batch, || {
                ran.set(true);
                match &message {
                    Some(message) => {
                        let alone = std::slice::from_ref(message);
                        block_on(clicks::consume(&self.shop.db, alone)).map(|_| ())
                    }
                    None => block_on(ledger::fold(&self.shop.db, now)).map(|_| ()),
                }
                .unwrap();
            });
            block_on(ledger::fold(&other, now)).unwrap();
            self.stale += other.stale();
            drop(other);
            let seen = message.filter(|_| ran.get());
            for visit in seen.iter().flat_map(|message| &message.visits) {
                self.world.learn(&json!(visit));
            }
        } else {
            let _ = block_on(ledger::fold(&self.shop.db, now));
        }
        self.shop.db.heal();
    }

    fn deliver(&mut self) {
        let replies = [
            Reply::TimedOut,
            Reply::Unreachable,
            answer(500, ""),
            answer(204, ""),
        ];
        for _ in 0..self.random.below(24) {
            let reply = self.random.pick(&replies).unwrap().clone();
            self.shop.receiver.replies.borrow_mut().push(reply);
        }
        self.trouble(4, 2);
        let mut entropy = [0; 64];
        for part in entropy.chunks_exact_mut(8) {
            part.copy_from_slice(&self.random.next().to_be_bytes());
        }
        let shop = &self.shop;
        let now = shop.now.get();
        let run = deliver::deliver(&shop.db, &shop.receiver, &shop.settings, now, entropy);
        let _ = block_on(run);
        self.shop.receiver.replies.borrow_mut().clear();
        self.shop.db.heal();
    }

    fn change_settings(&mut self) {
        if self.random.one_in(2) {
            let partner = self.random.pick(&self.shop.partners).unwrap().clone();
            let active = self.random.below(3) > 0;
            let status = if active { "active" } else { "suspended" };
            let path = format!("partners/{partner}");
            self.shop.made("PATCH", &path, &json!({"status": status}));
            self.world
                .statuses
                .push((self.shop.now.get().0, partner, active));
        } else {
            let rate = 1 + self.random.below(3_000);
            let days = 1 + self.random.below(3);
            let plan = json!({"window_days": days, "sale": {"rate_bps": rate},
                "lead": {"flat": {"amount": 100 + rate, "currency": "EUR"}}});
            let path = format!("programs/{}", self.shop.program);
            self.shop.made("PATCH", &path, &json!({"plan": plan}));
            self.world.plans = story::plans(&self.shop);
        }
    }

    fn publish(&mut self) {
        self.shop.kv.down.set(self.random.one_in(3));
        let _ = block_on(publish::publish(&self.shop.db, &self.shop.kv));
        self.shop.kv.down.set(false);
        self.shop.publish();
    }

    /// The faults end: what waits is sent, taken, folded and delivered.
    fn settle(&mut self) {
        while let Some(request) = self.unanswered.pop() {
            self.send(request);
        }
        while !self.intakes.is_empty() || !self.shop.queue.sent.borrow().is_empty() {
            self.take_intakes();
        }
        for message in std::mem::take(&mut self.messages) {
            for visit in &message.visits {
                self.world.learn(&json!(visit));
            }
            block_on(clicks::consume(&self.shop.db, &[message])).unwrap();
        }
        self.shop.fold();
        for _ in 0..12 {
            self.shop.wait(15 * HOUR);
            self.shop.deliver();
        }
        self.shop.publish();
    }
}

fn run(seed: u64, steps: u64) -> Simulation {
    let mut simulation = Simulation::new(seed);
    for _ in 0..steps {
        simulation.step();
    }
    simulation.settle();
    simulation.verify();
    simulation
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("SEED and STEPS are whole numbers"))
}

#[test]
fn everything_accepted_settles_once_and_equals_the_oracle() {
    let steps = number("STEPS").unwrap_or(STEPS);
    let seed = number("SEED").unwrap_or(20_261_122);
    let done = std::panic::catch_unwind(|| run(seed, steps));
    let Ok(simulation) = done else {
        panic!("SEED={seed} STEPS={steps} cargo test --test it simulation");
    };
    let events = simulation.world.facts.len() as u64;
    assert!(events * 20 > steps * 11, "{events} events in {steps} steps");
    assert!(
        steps < 2_000 || simulation.stale > 0,
        "no fold was interrupted"
    );
}

const STEPS: u64 = 8_500;
