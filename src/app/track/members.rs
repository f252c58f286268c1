//! Which members the bodies have. Of a reversal others are refused, because they may say what is
//! given back. Elsewhere they are accepted, as clients of Dub expect, and the answer names them.

use crate::domain::event::{EventKind, LINE};
use crate::domain::input::Fields;
use crate::domain::limits;
use serde_json::{Map, Value};

const COMMON: [&str; 12] = [
    "type",
    "customerExternalId",
    "customerEmail",
    "customerName",
    "customerAvatar",
    "customerPhone",
    "clickId",
    "subscriptionId",
    "code",
    "context",
    "metadata",
    "occurredAt",
];
const CONTEXT: [&str; 7] = [
    "userAgent",
    "pageUrl",
    "fbp",
    "ttp",
    "gaClientId",
    "gaSessionId",
    "consent",
];
const LEAD: &[&str] = &["eventName", "eventQuantity", "mode"];
const MILESTONE: &[&str] = &["eventName", "eventId"];
const PURCHASE: &[&str] = &[
    "amount",
    "currency",
    "eventName",
    "paymentProcessor",
    "invoiceId",
    "leadEventName",
    "lines",
    "tax",
    "shipping",
    "discount",
    "newCustomer",
    "partnerId",
];
const TURN: &[&str] = &["eventId", "reason"];
const REVERSAL: &[&str] = &[
    "invoiceId",
    "amount",
    "currency",
    "lines",
    "tax",
    "shipping",
    "discount",
];

fn of(kind: EventKind) -> &'static [&'static str] {
    match kind {
        EventKind::Lead => LEAD,
        EventKind::Milestone => MILESTONE,
        EventKind::Sale | EventKind::Deal | EventKind::Renewal => PURCHASE,
        EventKind::Reactivation | EventKind::Cancellation => TURN,
        EventKind::Refund | EventKind::Chargeback | EventKind::DisputeWon => REVERSAL,
    }
}

/// Refuses what a reversal does not have; `id` is the name of its own.
pub(super) fn only(fields: &mut Fields<'_>, id: &str) {
    fields.only(&[&COMMON, REVERSAL, &[id]].concat());
}

/// Paths of what was not read, at most [`limits::UNKNOWN_MEMBERS`]. `metadata` is the caller's own,
/// but for the `context` in it.
pub(super) fn ignored(kind: EventKind, body: &Map<String, Value>) -> Vec<String> {
    let mut paths = Vec::new();
    let mut look = |at: &str, value: Option<&Value>, known: &[&str]| {
        let members = value.and_then(Value::as_object);
        add(&mut paths, at, members, known);
    };
    let metadata = body.get("metadata").and_then(|own| own.get("context"));
    look("/context", body.get("context"), &CONTEXT);
    look("/metadata/context", metadata, &CONTEXT);
    let lines = body.get("lines").and_then(Value::as_array);
    for (place, line) in lines.into_iter().flatten().enumerate() {
        look(&format!("/lines/{place}"), Some(line), &LINE);
    }
    // Of a reversal none got so far.
    if !kind.is_reversal() {
        add(&mut paths, "", Some(body), &[&COMMON, of(kind)].concat());
    }
    paths
}

fn add(paths: &mut Vec<String>, at: &str, members: Option<&Map<String, Value>>, known: &[&str]) {
    let Some(members) = members else { return };
    let room = limits::UNKNOWN_MEMBERS.saturating_sub(paths.len());
    for name in Fields::new(members, at).unknown(known).take(room) {
        let shown: String = name.chars().take(limits::NAME_CHARS).collect();
        paths.push(format!("{at}/{shown}"));
    }
}
