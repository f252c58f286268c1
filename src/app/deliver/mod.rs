//! The outbox: claim what is due, send it, write down what came of it.
//!
//! A claim is a lease, so that two deliverers never send the same thing at once; a deliverer that
//! dies leaves a lease that runs out, and the delivery is sent again under the same id, by which
//! receivers know it. What fails comes back later on the schedule, and in the end is set aside
//! with its reason, visible, until a person sends it again. A batch of which one event is refused
//! comes back in halves, in the next round. A destination that fails on and on is left alone for a
//! while.

mod batch;
mod claim;
mod receiver;
mod settle;
mod told;

use super::ports::{Database, DatabaseError, Statement, Transport};
use super::settings::Settings;
use crate::domain::destination::Event;
use crate::domain::seal::Keyring;
use crate::domain::time::UnixMs;
use batch::Batch;
use claim::Claimed;
use receiver::{Exchange, Prepared, Receiver};
use settle::Round;
use std::collections::BTreeMap;

/// Requests at once: a Worker has six connections.
const AT_ONCE: usize = 6;

/// What nobody fetched in time.
pub const EXPIRE_SEALED: &str = "DELETE FROM sealed_rows WHERE expires_at <= ?1 ->> 'now'";

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
    let mut receivers = BTreeMap::new();
    for row in rows {
        let id = row.id.clone();
        receivers.insert(id, Receiver::open(row, &settings.keys, now));
    }
    let batches = gather(&claimed, &receivers, &settings.keys, &mut round);
    authorise(&batches, &mut receivers, transport, &mut round).await;
    for chunk in batches.chunks(AT_ONCE) {
        let (send, put_off): (Vec<&Batch<'_>>, Vec<_>) = chunk
            .iter()
            .partition(|batch| round.may_send(batch.destination));
        for batch in put_off {
            round.put_off(batch);
        }
        let sends = send
            .iter()
            .map(|batch| attempt(batch, &receivers, transport, now));
        let done = futures_util::future::join_all(sends).await;
        for (batch, exchange) in send.into_iter().zip(done) {
            round.settle(batch, exchange);
        }
    }
    let param = round.param(&lease, &receivers, &settings.keys, *nonce);
    let statements = settle::ALL.map(|sql| Statement::new(sql, &param));
    db.batch(statements.to_vec()).await?;
    Ok(claimed.len())
}

type Receivers = BTreeMap<String, Result<Receiver, &'static str>>;

/// Prepares every delivery: what ends without being sent is settled, the rest comes in batches.
fn gather<'a>(
    claimed: &'a [Claimed],
    receivers: &Receivers,
    keys: &Keyring,
    round: &mut Round,
) -> Vec<Batch<'a>> {
    let mut batches = batch::Batches::default();
    for each in claimed {
        let receiver = match receivers.get(&each.destination) {
            Some(Ok(receiver)) => receiver,
            Some(Err(why)) => {
                round.end(each, "set_aside", why);
                continue;
            }
            None => continue,
        };
        if each.ticket.is_some() {
            batches.poll(each);
            continue;
        }
        let Some(event) = event(each, receiver, keys) else {
            round.end(each, "set_aside", "event_unreadable");
            continue;
        };
        match receiver.prepare(&event, round.now, false) {
            Prepared::Send(item) => batches.send(each, item, &receiver.kind.terms()),
            Prepared::End(state, why) => round.end(each, state, why),
            Prepared::Wait(until, why) => round.wait(each, until, why),
        }
    }
    let batches = batches.finish();
    for (id, receiver) in receivers {
        if let Ok(receiver) = receiver {
            round.begin(id, receiver.failures);
        }
    }
    batches
}

fn event(claimed: &Claimed, receiver: &Receiver, keys: &Keyring) -> Option<Event> {
    let kind = receiver.kind.kind();
    let told = claimed.told.as_ref();
    let event = told.and_then(|told| told.event(receiver.takes_limited_data()));
    let event = match (event, &claimed.notice) {
        (Some(event), _) => event,
        // A notice need not be about an event.
        (None, Some(_)) => Event {
            decided_at: claimed.at,
            occurred_at: claimed.at,
            ..Event::default()
        },
        (None, None) => return None,
    };
    Some(Event {
        delivery: claimed.id.clone(),
        message: claimed.message.clone(),
        kept: receiver::kept(keys, &claimed.event, kind, claimed.kept.as_deref()),
        notice: claimed.notice.clone(),
        ..event
    })
}

/// Buys the tokens that are wanted, one destination after the other: they last an hour.
async fn authorise(
    batches: &[Batch<'_>],
    receivers: &mut Receivers,
    transport: &impl Transport,
    round: &mut Round,
) {
    for (id, receiver) in receivers {
        let Ok(receiver) = receiver else { continue };
        if !batches.iter().any(|batch| batch.destination == id) {
            continue;
        }
        if let Err(outcome) = receiver.authorise(transport, round.now).await {
            round.refuse(id, outcome);
        }
    }
}

async fn attempt(
    batch: &Batch<'_>,
    receivers: &Receivers,
    transport: &impl Transport,
    now: UnixMs,
) -> Exchange {
    match (receivers.get(batch.destination), &batch.ticket) {
        (Some(Ok(receiver)), Some(ticket)) => {
            receiver
                .poll(ticket, batch.members.len(), transport, now)
                .await
        }
        (Some(Ok(receiver)), None) => receiver.send(&batch.items, transport, now).await,
        _ => Exchange::unsent(),
    }
}
