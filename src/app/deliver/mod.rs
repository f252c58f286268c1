//! The outbox: claim what is due, send it, write down what came of it.
//!
//! A claim is a lease, so that two deliverers never send the same thing at once; a deliverer that
//! dies leaves a lease that runs out, and the delivery is sent again under the same id, by which
//! receivers know it. What fails comes back later on the schedule, and in the end is set aside
//! with its reason, visible, until a person sends it again. A batch of which one event is refused
//! comes back in halves, in the next round. A destination that fails on and on is left alone for a
//! while.

mod batch;
mod bought;
mod claim;
mod console;
mod notices;
mod receiver;
mod settle;
mod told;

use super::ports::{Database, DatabaseError, Statement, Transport};
use super::settings::Settings;
use super::together::together;
use batch::Batch;
use claim::Claimed;
use domain::forward::destination::{Event, Prepared};
use domain::values::seal::Keyring;
use domain::values::time::UnixMs;
use receiver::{Exchange, Receiver};
use settle::{Round, Slot};

pub use console::console;
pub use notices::ADD_NOTICES;
pub use receiver::open as open_sealed;

/// Requests at once: a Worker has six connections.
const AT_ONCE: usize = 6;

/// What nobody fetched in time.
pub const EXPIRE_SEALED: &str = "DELETE FROM sealed_rows WHERE expires_at <= ?1 ->> 'now'";
/// Secrets whose day is over.
const EXPIRE_SECRETS: &str = "UPDATE destinations SET previous_secrets = (
      SELECT json_group_array(json(value)) FROM json_each(previous_secrets)
      WHERE value ->> 'until' > ?1 ->> 'now')
    WHERE EXISTS (SELECT 1 FROM json_each(previous_secrets)
      WHERE value ->> 'until' <= ?1 ->> 'now')";
/// Takes away what was kept for destinations and is over.
pub const EXPIRE: [&str; 2] = [EXPIRE_SEALED, EXPIRE_SECRETS];

/// Delivers what is due, at most one round. `entropy` names the lease, spreads the next attempts
/// and seals tokens. Gives how many deliveries were looked at.
pub async fn deliver(
    db: &impl Database,
    transport: &impl Transport,
    settings: &Settings,
    now: UnixMs,
    entropy: [u8; 64],
) -> Result<usize, DatabaseError> {
    let (nonce, rest) = entropy.split_first_chunk().unwrap_or((&[0; 24], &[]));
    let lease = hex::encode(rest.get(..16).unwrap_or_default());
    let jitter = rest
        .last_chunk()
        .map_or(0, |bytes| u16::from_be_bytes(*bytes));
    let (rows, claimed) = claim::claim(db, &lease, now).await?;
    if claimed.is_empty() {
        return Ok(0);
    }
    let mut round = Round::new(now, jitter);
    for row in rows {
        round.slots.push(Slot::open(row, settings, now));
    }
    let batches = gather(&claimed, &settings.keys, &mut round);
    authorise(&batches, transport, &mut round).await;
    for chunk in batches.chunks(AT_ONCE) {
        let mut send = Vec::with_capacity(AT_ONCE);
        for batch in chunk {
            if round.may_send(batch.slot) {
                send.push(batch);
            } else {
                round.put_off(batch);
            }
        }
        let sends = send.iter().map(|batch| attempt(batch, &round, transport));
        let done = together(sends).await;
        for (batch, exchange) in send.into_iter().zip(done) {
            round.settle(batch, exchange);
        }
    }
    let param = round.param(&lease, &settings.keys, *nonce);
    let statements = settle::ALL.map(|sql| Statement::new(sql, &param));
    db.batch(statements.to_vec()).await?;
    Ok(claimed.len())
}

/// Prepares every delivery: what ends without being sent is settled, the rest comes in batches.
fn gather<'a>(claimed: &'a [Claimed], keys: &Keyring, round: &mut Round) -> Vec<Batch<'a>> {
    let mut batches = Vec::new();
    for each in claimed {
        let Some(slot) = round
            .slots
            .iter()
            .position(|slot| slot.id == each.destination)
        else {
            continue;
        };
        let receiver = match &round.slots[slot].receiver {
            Ok(receiver) => receiver,
            Err(why) => {
                let why = *why;
                round.end(each, "set_aside", why);
                continue;
            }
        };
        if each.ticket.is_some() {
            batch::poll(&mut batches, each, slot);
            continue;
        }
        let terms = receiver.kind.terms();
        let prepared = match event(each, receiver, keys) {
            Some(event) => receiver.prepare(&event, round.now, false),
            None => Prepared::End("set_aside", "event_unreadable"),
        };
        match prepared {
            Prepared::Send(item) => batch::send(&mut batches, each, slot, item, &terms),
            Prepared::End(state, why) => round.end(each, state, why),
            Prepared::Wait(until, why) => round.wait(each, until, why),
        }
    }
    batches
}

fn event(claimed: &Claimed, receiver: &Receiver, keys: &Keyring) -> Option<Event> {
    let told = claimed.told.as_ref();
    let event = told.and_then(|told| told.event(receiver.takes_limited_data()));
    // A notice need not be about an event.
    let mut event = match event {
        None if claimed.notice.is_none() => return None,
        None => Event {
            decided_at: claimed.at,
            occurred_at: claimed.at,
            ..Event::default()
        },
        Some(event) => event,
    };
    if claimed.notice.is_some() {
        // What it says was true then, whatever was decided since.
        event.decided_at = claimed.at;
    }
    event.delivery.clone_from(&claimed.id);
    event.message.clone_from(&claimed.message);
    event.notice.clone_from(&claimed.notice);
    let kind = receiver.kind.kind();
    event.kept = receiver::kept(keys, &claimed.event, kind, claimed.kept.as_deref());
    Some(event)
}

/// Buys the tokens that are wanted, one destination after the other: they last an hour.
async fn authorise(batches: &[Batch<'_>], transport: &impl Transport, round: &mut Round) {
    let now = round.now;
    for place in 0..round.slots.len() {
        if !batches.iter().any(|batch| batch.slot == place) {
            continue;
        }
        let Ok(receiver) = &mut round.slots[place].receiver else {
            continue;
        };
        if let Err(outcome) = receiver.authorise(transport, now).await {
            round.refuse(place, &outcome);
        }
    }
}

async fn attempt(batch: &Batch<'_>, round: &Round, transport: &impl Transport) -> Exchange {
    match (&round.slots[batch.slot].receiver, batch.ticket) {
        (Ok(receiver), Some(ticket)) => {
            let count = batch.members.len();
            receiver.poll(ticket, count, transport, round.now).await
        }
        (Ok(receiver), None) => {
            receiver
                .send(&batch.items, transport, round.now, false)
                .await
        }
        (Err(_), _) => Exchange::unsent(),
    }
}
