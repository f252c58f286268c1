//! What became of a round: the state of each delivery, and the health of each destination.

use super::batch::Batch;
use super::claim::{Claimed, ReceiverRow};
use super::receiver::{Exchange, Receiver};
use crate::app::ports::ANSWER_MS;
use crate::app::settings::Settings;
use crate::domain::destination::{Fate, Object, Outcome, next_attempt};
use crate::domain::seal::{Keyring, NONCE};
use crate::domain::time::UnixMs;
use serde_json::Value;

/// Requests that failed one after the other before a destination is left alone.
const FAILURES: u32 = 5;
/// How long it is left alone then; each further failure doubles it.
const PAUSE_MS: i64 = 30_000;
const LONGEST_PAUSE_MS: i64 = 3_600_000;
/// How long a destination is left alone whose settings or credentials a person must mend.
const MISCONFIGURED_MS: i64 = 600_000;
/// What was not sent because the destination's first request was to be seen first.
const BEHIND_MS: i64 = 5_000;

const SETTLE: &str = "UPDATE deliveries SET state = r.value ->> 'state',
      attempts = r.value ->> 'attempts', next_at = r.value ->> 'next_at',
      part = r.value ->> 'part', ticket = r.value ->> 'ticket',
      last_status = r.value ->> 'status', last_error = r.value ->> 'error',
      lease = NULL, leased_until = 0,
      done_at = iif(r.value ->> 'state' = 'pending', NULL, ?1 ->> 'now')
    FROM json_each(?1, '$.results') r
    WHERE deliveries.id = r.value ->> 'id' AND deliveries.lease = ?1 ->> 'lease'";
/// Only of the secret that was used: a person may have mended the settings meanwhile.
const HEALTH: &str = "UPDATE destinations SET failures = h.value ->> 'failures',
      paused_until = h.value ->> 'paused_until', last_error = h.value ->> 'error',
      token = h.value ->> 'token', token_until = h.value ->> 'token_until'
    FROM json_each(?1, '$.health') h
    WHERE destinations.id = h.value ->> 'id' AND destinations.secret = h.value ->> 'secret'";
const DROP_SEALED: &str = "DELETE FROM sealed_rows
    WHERE event IN (SELECT value ->> 'event' FROM json_each(?1, '$.results'))
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = sealed_rows.event
                      AND d.state IN ('pending', 'set_aside'))";
pub(super) const ALL: [&str; 3] = [SETTLE, HEALTH, DROP_SEALED];

/// A destination in a round, and how it does.
pub(super) struct Slot {
    pub(super) id: String,
    /// Or why nothing can be sent to it.
    pub(super) receiver: Result<Receiver, &'static str>,
    failures: u32,
    paused_until: UnixMs,
    error: String,
    /// Requests of this round that were allowed already.
    sent: u32,
    changed: bool,
}

impl Slot {
    pub(super) fn open(row: ReceiverRow, settings: &Settings, now: UnixMs) -> Slot {
        Slot {
            id: row.id.clone(),
            failures: row.failures,
            receiver: Receiver::open(row, settings, now),
            paused_until: UnixMs(0),
            error: String::new(),
            sent: 0,
            changed: false,
        }
    }
}

/// A round and its results so far.
pub(super) struct Round {
    pub(super) now: UnixMs,
    pub(super) slots: Vec<Slot>,
    jitter: u16,
    results: Vec<Value>,
}

/// The state that a delivery gets.
struct Next {
    state: &'static str,
    attempts: u32,
    at: UnixMs,
    part: Option<usize>,
    ticket: Option<String>,
}

impl Round {
    pub(super) fn new(now: UnixMs, jitter: u16) -> Round {
        Round {
            now,
            slots: Vec::new(),
            jitter,
            results: Vec::new(),
        }
    }

    /// May another request go to the destination? Not while it is paused; and after many failures
    /// one request shows first whether it is back.
    pub(super) fn may_send(&mut self, slot: usize) -> bool {
        let slot = &mut self.slots[slot];
        let probing = slot.failures >= FAILURES && slot.sent > 0;
        let may = slot.paused_until <= self.now && !probing;
        slot.sent += u32::from(may);
        may
    }

    /// Over without being sent.
    pub(super) fn end(&mut self, each: &Claimed, state: &'static str, why: &str) {
        let next = Next::at(state, each.attempts, self.now);
        self.record(each, next, None, why);
    }

    /// Not before that instant; this was no attempt.
    pub(super) fn wait(&mut self, each: &Claimed, until: UnixMs, why: &str) {
        let next = Next::at("pending", each.attempts.saturating_sub(1), until);
        self.record(each, next, None, why);
    }

    /// Not sent, because its destination is left alone; this was no attempt.
    pub(super) fn put_off(&mut self, batch: &Batch<'_>) {
        let until = self.slots[batch.slot].paused_until;
        let until = until.max(self.now.plus(BEHIND_MS));
        for each in &batch.members {
            let next = Next {
                part: each.part,
                ticket: each.ticket.clone(),
                ..Next::at("pending", each.attempts.saturating_sub(1), until)
            };
            self.record(each, next, None, "destination_paused");
        }
    }

    /// A destination takes nothing in this round.
    pub(super) fn refuse(&mut self, slot: usize, outcome: &Outcome) {
        self.observe(slot, outcome, self.now);
        let pause = self.now.plus(BEHIND_MS);
        let slot = &mut self.slots[slot];
        slot.paused_until = slot.paused_until.max(pause);
    }

    /// What an attempt came to.
    pub(super) fn settle(&mut self, batch: &Batch<'_>, exchange: Exchange) {
        let status = exchange.answer.as_ref().map(|answer| answer.status);
        // The wait begins when the attempt ended; one without an answer took its whole time.
        let ended = match exchange.timed_out {
            true => self.now.plus(ANSWER_MS.into()),
            false => self.now,
        };
        self.observe(batch.slot, &exchange.outcome, ended);
        for each in &batch.members {
            let next = self.next(each, batch, &exchange, ended);
            self.record(each, next, status, &exchange.outcome.reason);
        }
    }

    fn next(&self, each: &Claimed, batch: &Batch<'_>, exchange: &Exchange, ended: UnixMs) -> Next {
        let attempts = each.attempts;
        let several = batch.members.len() > 1;
        let outcome = &exchange.outcome;
        let wait = next_attempt(attempts, self.jitter);
        let later = |ticket: Option<String>| match wait {
            Some(wait) => Next {
                part: each.part,
                ticket,
                ..Next::at("pending", attempts, ended.plus(wait.max(outcome.wait_ms)))
            },
            None => Next::at("set_aside", attempts, self.now),
        };
        match &outcome.fate {
            Fate::Delivered => Next::at("delivered", attempts, self.now),
            Fate::Accepted(ticket) => later(Some(ticket.clone())),
            Fate::Retry | Fate::Throttled if exchange.unasked => later(each.ticket.clone()),
            Fate::Retry | Fate::Throttled => later(None),
            // Whatever a platform has against one of several, the halves show against which.
            Fate::Bisect | Fate::Drop | Fate::Expired if several => Next {
                part: Some(batch.members.len().div_ceil(2)),
                ..Next::at("pending", attempts.saturating_sub(1), self.now)
            },
            Fate::Expired => Next::at("expired", attempts, self.now),
            Fate::Bisect | Fate::Drop | Fate::Misconfigured => {
                Next::at("set_aside", attempts, self.now)
            }
        }
    }

    /// Learns from an outcome how a destination does.
    fn observe(&mut self, slot: usize, outcome: &Outcome, ended: UnixMs) {
        let wait = next_attempt(1, self.jitter).unwrap_or(0);
        let slot = &mut self.slots[slot];
        let before = slot.failures;
        let pause = match outcome.fate {
            Fate::Retry => {
                slot.failures += 1;
                let more = slot.failures.checked_sub(FAILURES);
                more.map_or(0, |more| (PAUSE_MS << more.min(7)).min(LONGEST_PAUSE_MS))
            }
            Fate::Throttled => wait.max(outcome.wait_ms),
            Fate::Misconfigured => {
                // It may be the token that is not taken any more.
                if let Ok(receiver) = &mut slot.receiver {
                    receiver.token = None;
                }
                MISCONFIGURED_MS
            }
            _ => {
                slot.failures = 0;
                0
            }
        };
        slot.changed |= slot.failures != before || pause > 0;
        slot.error.clone_from(&outcome.reason);
        if pause > 0 {
            slot.paused_until = slot.paused_until.max(ended.plus(pause));
        }
    }

    fn record(&mut self, each: &Claimed, next: Next, status: Option<u16>, error: &str) {
        let mut row = Object::new();
        row.text("id", &each.id)
            .text("event", &each.event)
            .text("state", next.state)
            .number("attempts", next.attempts.into())
            .number("next_at", next.at.0)
            .maybe("ticket", next.ticket.as_deref())
            .maybe("error", Some(error).filter(|error| !error.is_empty()));
        if let Some(part) = next.part {
            row.value("part", part.into());
        }
        if let Some(status) = status {
            row.number("status", status.into());
        }
        self.results.push(row.build());
    }

    /// The parameter of [`ALL`].
    pub(super) fn param(self, lease: &str, keys: &Keyring, nonce: [u8; NONCE]) -> Value {
        let mut health = Vec::new();
        for (place, slot) in self.slots.iter().enumerate() {
            let Ok(receiver) = &slot.receiver else {
                continue;
            };
            if !slot.changed && !receiver.bought {
                continue;
            }
            // Each seal its own nonce: its number added to fresh random bytes.
            let mut nonce = nonce;
            nonce[0] = nonce[0].wrapping_add(u8::try_from(place % 256).unwrap_or(0));
            let until = receiver.token.as_ref().map_or(0, |(_, until)| until.0);
            let mut row = Object::new();
            row.text("id", &slot.id)
                .text("secret", &receiver.sealed_secret)
                .number("failures", slot.failures.into())
                .number("paused_until", slot.paused_until.0)
                .maybe(
                    "error",
                    Some(&*slot.error).filter(|error| !error.is_empty()),
                )
                .maybe("token", receiver.sealed_token(keys, nonce).as_deref())
                .number("token_until", until);
            health.push(row.build());
        }
        let mut param = Object::new();
        param
            .text("lease", lease)
            .number("now", self.now.0)
            .value("results", self.results.into())
            .value("health", health.into());
        param.build()
    }
}

impl Next {
    fn at(state: &'static str, attempts: u32, at: UnixMs) -> Next {
        Next {
            state,
            attempts,
            at,
            part: None,
            ticket: None,
        }
    }
}
