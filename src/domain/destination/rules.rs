//! The rules that hold for every destination, before its own.

use serde_json::Value;

use super::{Destination, Event, Item, Permission, Target};
use crate::domain::time::UnixMs;

/// What is to be done with one event now.
#[derive(Debug, Clone, PartialEq)]
pub enum Prepared {
    /// Its part of a request.
    Send(Value),
    /// Over without being sent: the state that it ends in, and a stable code that says why.
    End(&'static str, &'static str),
    /// Not before this instant, and a stable code that says why.
    Wait(UnixMs, &'static str),
}

/// Wanted, permitted, young enough; then the destination's own rules. Asked again at each attempt.
pub fn prepare(kind: &dyn Destination, event: &Event, to: &Target<'_>) -> Prepared {
    let terms = kind.terms();
    if !wants(to.config, &event.message) {
        return Prepared::End("skipped", "not_wanted");
    }
    if terms.needs_consent && event.permission == Permission::None {
        return Prepared::End("skipped", "no_consent");
    }
    let age = to.now.since(event.occurred_at);
    if terms.max_age_ms.is_some_and(|max| age > max) {
        return Prepared::End("expired", "event_too_old");
    }
    match kind.item(event, to) {
        Item::Send(item) => Prepared::Send(item),
        Item::Skip(why) => Prepared::End("skipped", why),
        Item::Wait(until, why) => Prepared::Wait(until, why),
        Item::Misconfigured(why) => Prepared::End("set_aside", why),
    }
}

/// Does the destination want this message? Without a list it wants everything; an entry is a whole
/// message (`sale.created`) or what stands before its dot (`sale`).
fn wants(config: &Value, message: &str) -> bool {
    let topic = message.split('.').next();
    let wanted = config.get("events").and_then(Value::as_array);
    wanted.is_none_or(|wanted| {
        let mut wanted = wanted.iter().filter_map(Value::as_str);
        wanted.any(|each| each == message || Some(each) == topic)
    })
}
