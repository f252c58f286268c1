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

/// Wanted, permitted, neither too old nor yet to come; then the destination's own rules. Asked
/// again at each attempt.
///
/// Clocks differ, so events some minutes ahead are accepted (`limits::EVENT_FUTURE_MS`). Platforms
/// refuse them or drop them unseen, so they wait until their time has come by our clock, and are
/// told of with their true time.
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
    if age < 0 && !terms.takes_future {
        return Prepared::Wait(event.occurred_at, "event_ahead");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::destination::sample::sample;
    use crate::domain::destination::{ALL, Occasion};
    use crate::json;

    const NOW: UnixMs = UnixMs(1_795_334_400_000);

    #[test]
    fn an_event_ahead_waits_for_its_time_everywhere_but_at_webhooks() {
        for kind in ALL {
            let config = json!({"url": "https://x.example/{event_id}",
                "conversion_action_id": "7", "lead_conversion_action_id": "8",
                "click_wait_minutes": 0, "consent_categories": []});
            let to = |now| Target {
                config: &config,
                previous: &[],
                secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                token: "",
                now,
                test: false,
            };
            let mut event = sample(Occasion::Lead, kind, NOW);
            for ahead in [1, 60_000, 300_000] {
                event.occurred_at = NOW.plus(ahead);
                let early = prepare(kind, &event, &to(NOW));
                let waits = Prepared::Wait(event.occurred_at, "event_ahead");
                assert_eq!(
                    early == waits,
                    kind.kind() != "webhook",
                    "{} {early:?}",
                    kind.kind()
                );
                let then = prepare(kind, &event, &to(event.occurred_at));
                assert!(
                    !matches!(then, Prepared::Wait(..)),
                    "{} {then:?}",
                    kind.kind()
                );
            }
        }
    }
}
