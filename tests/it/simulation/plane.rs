//! The ledger plane at work: folds that others interrupt, deliveries that fail, a store that is
//! away.

use super::Simulation;
use crate::support::block_on;
use crate::support::interleave::Interleaved;
use crate::support::memory::answer;
use app::ports::Reply;
use app::{clicks, deliver, ledger, publish};
use serde_json::json;
use std::cell::Cell;

impl Simulation {
    /// A fold that may be interrupted by another one, by clicks or by a crash.
    pub(super) fn fold(&mut self) {
        self.trouble(5, 4);
        let now = self.shop.now.get();
        if self.random.one_in(3) && !self.shop.db.is_troubled() {
            let batch = 2 + 2 * self.random.below(2) as usize;
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

    pub(super) fn deliver(&mut self) {
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

    pub(super) fn publish(&mut self) {
        self.shop.kv.down.set(self.random.one_in(3));
        let _ = block_on(publish::publish(&self.shop.db, &self.shop.kv));
        self.shop.kv.down.set(false);
        self.shop.publish();
    }
}
