//! The test console: what a destination would be sent, and what it answers to a test.

use super::claim::{self, Claimed};
use super::receiver::Receiver;
use crate::app::control::{Control, object};
use crate::app::ports::{Database, Transport};
use crate::app::problem::{self, Problem};
use crate::domain::api_key::Scope;
use crate::domain::destination::sample::sample;
use crate::domain::destination::{Event, Object, Occasion, Prepared, redacted};
use crate::domain::input::Fields;
use serde_json::Value;

/// Characters of an answer that are shown.
const SHOWN_CHARS: usize = 2_000;

/// `POST /api/v1/destinations/{id}/preview` and `…/test`. Takes `{"event": "ev_…"}` for an event
/// of the program or `{"sample": "sale"}` for one that never happened. Gives the exact request
/// without secrets, or the rule by which there is none; with `send` it goes out, marked as a test
/// where the platform has a mark, and the answer is shown.
pub async fn console(
    control: &Control<'_, impl Database>,
    transport: &impl Transport,
    id: &str,
    body: &Value,
    send: bool,
) -> Result<Value, Problem> {
    let mut fields = Fields::new(object(body)?, "");
    let id_of_event = fields.text("event", 64);
    let mut occasions = Vec::new();
    for occasion in Occasion::ALL {
        occasions.push((occasion.as_str(), *occasion));
    }
    let occasion = fields.choice("sample", &occasions);
    let (id_of_event, occasion) = fields.finish(Some((id_of_event, occasion)))?;
    let (row, looked) = claim::look(control.db, id, id_of_event).await?;
    let row = row.ok_or(&problem::NOT_FOUND)?;
    control.allow(Scope::Admin, row.program)?;
    let unfit = |why| Problem::with_detail(&problem::STATE_UNFIT, why);
    let mut receiver = Receiver::open(row, control.settings, control.now).map_err(unfit)?;
    let event = match (id_of_event, looked) {
        (None, _) => {
            let occasion = occasion.unwrap_or(Occasion::Sale);
            Some(sample(occasion, receiver.kind, control.now))
        }
        (Some(_), Some(found)) => real(&found, &receiver, control),
        (Some(_), None) => None,
    };
    let missing = || Problem::field("/event", "unknown", "there is no such decided event");
    let event = event.ok_or_else(missing)?;
    let mut shown = Object::new();
    let item = match receiver.prepare(&event, control.now, true) {
        Prepared::Send(item) => item,
        Prepared::End(state, why) => {
            shown.text("state", state).text("reason", why);
            return Ok(shown.build());
        }
        Prepared::Wait(until, why) => {
            let state = shown.text("state", "pending").text("reason", why);
            state.text("until", &until.to_rfc3339());
            return Ok(shown.build());
        }
    };
    if send && let Err(outcome) = receiver.authorise(transport, control.now).await {
        shown
            .text("outcome", outcome.fate.as_str())
            .text("reason", &outcome.reason);
        return Ok(shown.build());
    }
    let items = [item];
    let request = receiver.shown(&event, control.now);
    let request = request.ok_or_else(|| unfit("settings_incomplete"))?;
    shown.value("request", request);
    if send {
        let sent = receiver.send(&items, transport, control.now, true).await;
        shown
            .text("outcome", sent.outcome.fate.as_str())
            .text("reason", &sent.outcome.reason);
        if let Some(answer) = sent.answer {
            let secrets = receiver.secrets();
            let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
            let body: String = redacted(&answer.body, &secrets)
                .chars()
                .take(SHOWN_CHARS)
                .collect();
            let mut answered = Object::new();
            answered
                .number("status", answer.status.into())
                .text("body", &body);
            shown.object("answer", answered);
        }
    }
    Ok(shown.build())
}

fn real(
    found: &Claimed,
    receiver: &Receiver,
    control: &Control<'_, impl Database>,
) -> Option<Event> {
    let mut event = super::event(found, receiver, &control.settings.keys)?;
    event.delivery = format!("dl_test_{}", found.event);
    event.message = format!("{}.created", event.occasion.as_str());
    Some(event)
}
