//! Which deliveries go in one request. They come in the order of the outbox, so that halves of a
//! batch come apart where it was cut.

use super::claim::Claimed;
use domain::forward::destination::Terms;
use serde_json::Value;

/// Deliveries of one request, or of one question about a request.
pub(super) struct Batch<'a> {
    /// The place of its destination in the round.
    pub(super) slot: usize,
    pub(super) members: Vec<&'a Claimed>,
    pub(super) items: Vec<Value>,
    pub(super) ticket: Option<&'a str>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    fn of(each: &'a Claimed, slot: usize) -> Batch<'a> {
        Batch {
            slot,
            members: vec![each],
            items: Vec::new(),
            ticket: each.ticket.as_deref(),
            bytes: 0,
        }
    }

    fn part(&self) -> Option<usize> {
        self.members.first().and_then(|each| each.part)
    }
}

/// Adds an item to the newest batch of its destination, if it fits there.
pub(super) fn send<'a>(
    batches: &mut Vec<Batch<'a>>,
    each: &'a Claimed,
    slot: usize,
    item: Value,
    terms: &Terms,
) {
    let bytes = item.to_string().len();
    let most = each.part.map_or(terms.batch, |part| terms.batch.min(part));
    let newest = batches.iter().rposition(|batch| batch.slot == slot);
    let fits = newest.filter(|place| {
        let batch = &batches[*place];
        batch.ticket.is_none()
            && batch.part() == each.part
            && batch.items.len() < most
            && batch.bytes + bytes <= terms.bytes
    });
    let place = match fits {
        Some(place) => {
            batches[place].members.push(each);
            place
        }
        None => {
            batches.push(Batch::of(each, slot));
            batches.len() - 1
        }
    };
    batches[place].items.push(item);
    batches[place].bytes += bytes;
}

/// Adds a delivery whose request was accepted to the question about it.
pub(super) fn poll<'a>(batches: &mut Vec<Batch<'a>>, each: &'a Claimed, slot: usize) {
    let ticket = each.ticket.as_deref();
    let same = |batch: &&mut Batch<'_>| batch.slot == slot && batch.ticket == ticket;
    match batches.iter_mut().find(same) {
        Some(batch) => batch.members.push(each),
        None => batches.push(Batch::of(each, slot)),
    }
}
