//! What the snippet says, read from the body of its request.

use crate::domain::consent::{self, Told};
use crate::domain::record;
use serde_json::Value;

/// A message of the snippet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub name: MessageName,
    /// What the page says about consent. On a landing an unknown word is as if absent, so that a
    /// typo in a page does not lose the confirmation.
    pub told: Option<Told>,
    pub token: Option<String>,
    /// `location.search` of the landing page.
    pub query: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageName {
    #[default]
    Land,
    Consent,
}

impl Message {
    /// Reads a message: `n` its name (`land`, `consent`), `s` the consent state in any form that
    /// [`consent::told`] knows, `t` the token, `q` the query. Unknown members are ignored, so that
    /// old and new sides get along. `vendor` is the one that a TCF string must name. `None` when it
    /// is not a message.
    pub fn read(body: &str, vendor: Option<u16>) -> Option<Message> {
        let value = record::parse(body)?;
        let text = |name| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let name = match value.get("n")?.as_str()? {
            "land" => MessageName::Land,
            "consent" => MessageName::Consent,
            _ => return None,
        };
        Some(Message {
            name,
            told: value.get("s").and_then(|said| consent::told(said, vendor)),
            token: text("t"),
            query: text("q").unwrap_or_default(),
        })
    }
}
