//! What became of a round: the state of each delivery, and the health of each destination.

use super::Receivers;
use super::batch::Batch;
use super::claim::Claimed;
use super::receiver::Exchange;
use crate::app::ports::ANSWER_MS;
use crate::domain::destination::{Fate, Outcome, next_attempt};
use crate::domain::seal::{Keyring, NONCE};
use crate::domain::time::UnixMs;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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

/// How a destination does.
#[derive(Default)]
struct Health {
    failures: u32,
    paused_until: UnixMs,
    error: String,
    /// Requests of this round that were allowed already.
    sent: u32,
    changed: bool,
}

/// The results so far.
pub(super) struct Round {
    pub(super) now: UnixMs,
    jitter: u16,
    results: Vec<Value>,
    health: BTreeMap<String, Health>,
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
            jitter,
            results: Vec::new(),
            health: BTreeMap::new(),
        }
    }

    /// A destination with its failures before this round.
    pub(super) fn begin(&mut self, id: &str, failures: u32) {
        let health = Health {
            failures,
            ..Health::default()
        };
        self.health.insert(id.to_owned(), health);
    }

    /// May another request go to the destination? Not while it is paused; and after many failures
    /// one request shows first whether it is back.
    pub(super) fn may_send(&mut self, id: &str) -> bool {
        let now = self.now;
        self.health.get_mut(id).is_some_and(|health| {
            let probing = health.failures >= FAILURES && health.sent > 0;
            let may = health.paused_until <= now && !probing;
            health.sent += u32::from(may);
            may
        })
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
        let paused = self.health.get(batch.destination);
        let until = paused.map_or(self.now, |health| health.paused_until);
        let until = until.max(self.now.plus(BEHIND_MS));
        for each in &batch.members {
            let next = Next {
                part: each.part.map(|part| part as usize),
                ticket: each.ticket.clone(),
                ..Next::at("pending", each.attempts.saturating_sub(1), until)
            };
            self.record(each, next, None, "destination_paused");
        }
    }

    /// A destination takes nothing in this round.
    pub(super) fn refuse(&mut self, id: &str, outcome: Outcome) {
        self.observe(id, &outcome, self.now);
        let pause = self.now.plus(BEHIND_MS);
        if let Some(health) = self.health.get_mut(id) {
            health.paused_until = health.paused_until.max(pause);
        }
    }

    /// What an attempt came to.
    pub(super) fn settle(&mut self, batch: &Batch<'_>, exchange: Exchange) {
        let status = exchange.answer.as_ref().map(|answer| answer.status);
        // The wait begins when the attempt ended; one without an answer took its whole time.
        let ended = match exchange.timed_out {
            true => self.now.plus(ANSWER_MS.into()),
            false => self.now,
        };
        self.observe(batch.destination, &exchange.outcome, ended);
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
                part: each.part.map(|part| part as usize),
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
    fn observe(&mut self, id: &str, outcome: &Outcome, ended: UnixMs) {
        let wait = next_attempt(1, self.jitter)
            .unwrap_or(0)
            .max(outcome.wait_ms);
        let Some(health) = self.health.get_mut(id) else {
            return;
        };
        let before = health.failures;
        let pause = match outcome.fate {
            Fate::Retry => {
                health.failures += 1;
                let doubled = health
                    .failures
                    .checked_sub(FAILURES)
                    .map(|more| more.min(7));
                doubled.map_or(0, |more| (PAUSE_MS << more).min(LONGEST_PAUSE_MS))
            }
            Fate::Throttled => wait,
            Fate::Misconfigured => MISCONFIGURED_MS,
            _ => {
                health.failures = 0;
                0
            }
        };
        health.changed |= health.failures != before || pause > 0;
        health.error.clone_from(&outcome.reason);
        if pause > 0 {
            health.paused_until = health.paused_until.max(ended.plus(pause));
        }
    }

    fn record(&mut self, each: &Claimed, next: Next, status: Option<u16>, error: &str) {
        let error = Some(error).filter(|error| !error.is_empty());
        self.results.push(
            json!({"id": each.id, "event": each.event, "state": next.state,
            "attempts": next.attempts, "next_at": next.at, "part": next.part,
            "ticket": next.ticket, "status": status, "error": error}),
        );
    }

    /// The parameter of [`ALL`].
    pub(super) fn param(
        &self,
        lease: &str,
        receivers: &Receivers,
        keys: &Keyring,
        nonce: [u8; NONCE],
    ) -> Value {
        let mut rows = Vec::new();
        for (place, (id, receiver)) in receivers.iter().enumerate() {
            let (Some(health), Ok(receiver)) = (self.health.get(id), receiver) else {
                continue;
            };
            if !health.changed && !receiver.bought {
                continue;
            }
            // Each seal its own nonce: a round's number added to fresh random bytes.
            let mut nonce = nonce;
            nonce[0] = nonce[0].wrapping_add(u8::try_from(place % 256).unwrap_or(0));
            let error = Some(&health.error).filter(|error| !error.is_empty());
            rows.push(json!({"id": id, "secret": receiver.sealed_secret,
                "failures": health.failures, "paused_until": health.paused_until, "error": error,
                "token": receiver.sealed_token(keys, nonce),
                "token_until": receiver.token.as_ref().map_or(UnixMs(0), |(_, until)| *until)}));
        }
        json!({"lease": lease, "now": self.now, "results": self.results, "health": rows})
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
