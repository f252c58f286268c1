//! Reads the bodies of `/api/v1/track/*` into facts, and writes the answers that Dub's public
//! client expects. Everything beyond the fact is reduced before it is stored: hashes for
//! destinations go into the sealed row, names and mail addresses go nowhere.

mod common;
mod conversion;
mod members;
mod person;
mod purchase;
mod reversal;

use super::ports::Phones;
use crate::domain::destination::Kept;
use crate::domain::event::{EventKind, Fact, Order};
use crate::domain::ids::{ProgramId, event_id};
use crate::domain::input::{FieldError, Fields};
use crate::domain::pseudonym::Pseudonyms;
use crate::domain::seal::Keyring;
use crate::domain::time::UnixMs;
use crate::json;
use common::Common;
use serde_json::{Map, Value};

/// What one kind of destination keeps, until the event is delivered, and whether only those that
/// take limited data may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: &'static str,
    pub kept: Kept,
    pub limited: bool,
}

/// A body that was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Conversion {
    pub fact: Fact,
    pub kept: Vec<Part>,
    /// The success answer.
    pub answer: Value,
}

/// What reading a body needs besides it.
pub struct Reading<'a> {
    pub program: ProgramId,
    pub keys: &'a Keyring,
    pub pseudonyms: &'a Pseudonyms,
    pub now: UnixMs,
    /// For the key of an event that has none.
    pub server_key: String,
    pub phones: &'a dyn Phones,
    /// The program's country, where national phone numbers are read.
    pub country: Option<&'a str>,
}

type Read = Result<Conversion, Vec<FieldError>>;

/// The natural key of an event, and what gave it.
struct Key {
    text: String,
    /// A member of the body, or `server`.
    from: &'static str,
}

impl Key {
    fn answer(&self) -> Value {
        json!({"key": self.text, "from": self.from})
    }
}

impl Reading<'_> {
    /// Reads a body by the kind of its address.
    pub fn read(&self, kind: EventKind, body: &Map<String, Value>) -> Read {
        let mut read = self.by_kind(kind, Fields::new(body, ""))?;
        let ignored = members::ignored(kind, body);
        if !ignored.is_empty() {
            read.answer["ignored"] = json!(ignored);
        }
        Ok(read)
    }

    fn by_kind(&self, kind: EventKind, fields: Fields<'_>) -> Read {
        match kind {
            EventKind::Lead => self.lead(fields),
            EventKind::Milestone => self.milestone(fields),
            EventKind::Sale | EventKind::Deal | EventKind::Renewal => self.purchase(kind, fields),
            EventKind::Reactivation | EventKind::Cancellation => self.turn(kind, fields),
            EventKind::Refund | EventKind::Chargeback | EventKind::DisputeWon => {
                self.reversal(kind, fields)
            }
        }
    }

    /// The pseudonym under which a customer is known.
    fn pseudonym(&self, customer: &str) -> String {
        self.pseudonyms
            .customer(&self.program.to_string(), customer)
    }

    /// The caller's id of the event, or one that the server makes for it.
    fn key(&self, given: Option<&str>, member: &'static str) -> Key {
        match given.filter(|given| !given.is_empty()) {
            Some(given) => Key {
                text: given.to_owned(),
                from: member,
            },
            None => Key {
                text: self.server_key.clone(),
                from: "server",
            },
        }
    }

    fn fact(&self, kind: EventKind, key: &str, name: &str, common: &Common<'_>) -> Fact {
        Fact {
            id: self.id(kind, key),
            program: self.program,
            kind,
            key: key.to_owned(),
            customer: common.customer.map(|customer| self.pseudonym(customer)),
            name: name.to_owned(),
            occurred_at: common.occurred_at,
            received_at: self.now,
            money: None,
            sale_key: None,
            subscription: common.subscription.map(str::to_owned),
            code: common.code.clone(),
            partner: None,
            order: Order::default(),
            new_customer: None,
            mailbox: common.mailbox.clone(),
            token: common.token.clone(),
            consent: common.consent,
        }
    }

    fn id(&self, kind: EventKind, key: &str) -> String {
        event_id(self.program, kind.key_space(), key)
    }
}
