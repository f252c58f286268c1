//! What visitors do, and what the queue brings of it.

use super::{AT_A_TIME, Simulation, Visitor, settled};
use crate::support::block_on;
use crate::support::oracle::Touch;
use app::clicks::{self, Message};
use app::ingest;
use domain::values::time::UnixMs;
use domain::visit::traffic::Class;
use serde_json::{Value, json};

impl Simulation {
    pub(super) fn click(&mut self) {
        let customer = self.first() + self.random.below(AT_A_TIME);
        let slug = *self.random.pick(&["anna", "northstar", "coupon"]).unwrap();
        let (gpc, country) = *self
            .random
            .pick(&[("", "US"), ("", "US"), ("", "US"), ("1", "US"), ("", "DE")])
            .unwrap();
        let queries = ["", "", "", "?fbclid=IwAR1", "?gclid=Cj0"];
        let query = *self.random.pick(&queries).unwrap();
        let known = self.visitors.get(&customer);
        let cookie = known.map_or(String::new(), |visitor| visitor.cookie.clone());
        let referrers = ["", "", "", "", "https://a.bad.example/"];
        let referrer = *self.random.pick(&referrers).unwrap();
        let clicked = self.shop.follow_as(slug, query, &cookie, |facts| {
            facts.gpc = gpc;
            facts.country = country;
            facts.referrer = referrer;
        });
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
        self.sent += 1;
        self.messages.push(Message {
            id: format!("m{}", self.sent),
            sent_at: UnixMs(self.shop.now.get().0 + self.random.below(1_000) as i64),
            visits,
        });
        if let Some(touch) = touch.clone().filter(|_| !clicked.token.is_empty()) {
            self.remember(clicked.token.clone(), touch);
        }
        // A link of a suspended partner redirects without a token.
        let visitor = Visitor {
            touch: touch.filter(|_| !clicked.token.is_empty()),
            token: clicked.token,
            cookie: kept,
        };
        self.visitors.insert(customer, visitor);
    }

    fn count_landing(&mut self, landing: &[domain::visit::click::Visit]) {
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
            if named && visit.touch.class.name() == "duplicate" {
                *self.counted.entry("unpaid".into()).or_default() += 1;
            }
        }
    }

    /// The queue hands over some messages, in any order and composition; some come again.
    pub(super) fn consume(&mut self) {
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

    pub(super) fn take_intakes(&mut self) {
        for text in self.shop.queue.sent.take() {
            let message: Value = serde_json::from_str(&text).unwrap();
            let intake = ingest::Intake::read(&message["intake"]);
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
}
