//! Which deliveries go in one request.

use super::claim::Claimed;
use crate::domain::destination::Terms;
use serde_json::Value;

/// Deliveries of one request, or of one question about a request.
pub(super) struct Batch<'a> {
    pub(super) destination: &'a str,
    pub(super) members: Vec<&'a Claimed>,
    pub(super) items: Vec<Value>,
    pub(super) ticket: Option<&'a str>,
    part: Option<u32>,
    bytes: usize,
}

/// Batches in the making. Deliveries come in the order of the outbox, so that halves of a batch
/// come apart where it was cut.
#[derive(Default)]
pub(super) struct Batches<'a>(Vec<Batch<'a>>);

impl<'a> Batches<'a> {
    /// Adds an item to the newest batch of its destination, if it fits there.
    pub(super) fn send(&mut self, each: &'a Claimed, item: Value, terms: &Terms) {
        let bytes = item.to_string().len();
        let part = each.part.map_or(usize::MAX, |part| part as usize);
        let most = terms.batch.min(part);
        let newest = self.0.iter_mut().rev();
        let mut newest = newest.filter(|batch| batch.destination == each.destination);
        match newest.next() {
            Some(batch)
                if batch.ticket.is_none()
                    && batch.part == each.part
                    && batch.items.len() < most
                    && batch.bytes + bytes <= terms.bytes =>
            {
                batch.members.push(each);
                batch.items.push(item);
                batch.bytes += bytes;
            }
            _ => self.0.push(Batch {
                destination: &each.destination,
                members: vec![each],
                items: vec![item],
                ticket: None,
                part: each.part,
                bytes,
            }),
        }
    }

    /// Adds a delivery whose request was accepted to the question about it.
    pub(super) fn poll(&mut self, each: &'a Claimed) {
        let ticket = each.ticket.as_deref();
        let same = |batch: &&mut Batch<'_>| {
            batch.ticket == ticket && batch.destination == each.destination
        };
        match self.0.iter_mut().find(same) {
            Some(batch) => batch.members.push(each),
            None => self.0.push(Batch {
                destination: &each.destination,
                members: vec![each],
                items: Vec::new(),
                ticket,
                part: None,
                bytes: 0,
            }),
        }
    }

    pub(super) fn finish(self) -> Vec<Batch<'a>> {
        self.0
    }
}
