//! What a queue message holds:
//! - `{"sent": ms, "visits": […]}` visits from the edge plane,
//! - `{"intake": {…}}` a conversion that the database could not take,
//! - `{"wake": true}` facts or deliveries wait.

use super::Letter;
use crate::app::clicks::Message;
use crate::app::ingest::Intake;
use crate::domain::click::Visit;
use crate::domain::record;
use crate::domain::time::UnixMs;
use crate::json;
use serde_json::Value;

/// The reason of a dead letter that holds only those visits of a message that cannot be read.
pub const VISITS_UNREADABLE: &str = "visits_unreadable";

#[derive(Default)]
pub(super) struct Content {
    pub(super) wake: bool,
    pub(super) intake: Option<Intake>,
    pub(super) visits: Option<Message>,
    /// Why something of it cannot be read, and that as a message of its own.
    pub(super) unread: Option<(&'static str, String)>,
}

impl Content {
    pub(super) fn read(letter: &Letter) -> Content {
        let unread = |reason| Content {
            unread: Some((reason, letter.body.clone())),
            ..Content::default()
        };
        let Some(value) = record::parse(&letter.body) else {
            return unread("not_json");
        };
        let wake = value["wake"].as_bool() == Some(true);
        let content = match (value.get("intake"), value.get("visits")) {
            (Some(intake), _) => Intake::read(intake).map(|intake| Content {
                intake: Some(intake),
                ..Content::default()
            }),
            (None, Some(visits)) => visits_of(letter, &value["sent"], visits),
            (None, None) => wake.then(Content::default),
        };
        let content = content.unwrap_or_else(|| unread("unreadable"));
        Content { wake, ..content }
    }
}

/// The visits that can be read; the others do not keep them from being counted.
fn visits_of(letter: &Letter, sent: &Value, visits: &Value) -> Option<Content> {
    let sent_at: UnixMs = record::take(sent)?;
    let mut message = Message {
        id: letter.id.clone(),
        sent_at,
        visits: Vec::new(),
    };
    let mut unread = Vec::new();
    for value in visits.as_array()? {
        match record::take::<Visit>(value) {
            Some(visit) => message.visits.push(visit),
            None => unread.push(value),
        }
    }
    let rest = || json!({"sent": sent_at, "visits": unread}).to_string();
    Some(Content {
        unread: (!unread.is_empty()).then(|| (VISITS_UNREADABLE, rest())),
        visits: Some(message),
        ..Content::default()
    })
}
