//! What a merchant's own systems are told beside events, so that they can follow the ledger:
//! commissions as they are booked and change, and violations as they are opened.

use serde_json::Value;

use super::Object;
use crate::values::money::Money;
use crate::values::time::UnixMs;

/// What happened to a commission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Booked for the partner.
    Earned,
    /// Taken back, whole or in part.
    Reversed,
    /// Corrected by later knowledge.
    Adjusted,
    /// Waits for a person.
    Held,
    /// Its hold ended, or a person approved it.
    Approved,
    Rejected,
    Paid,
}

impl Step {
    pub fn message(self) -> &'static str {
        match self {
            Self::Earned => "commission.earned",
            Self::Reversed => "commission.reversed",
            Self::Adjusted => "commission.adjusted",
            Self::Held => "commission.held",
            Self::Approved => "commission.approved",
            Self::Rejected => "commission.rejected",
            Self::Paid => "commission.paid",
        }
    }
}

/// The message of an opened violation.
pub const VIOLATION_OPENED: &str = "violation.opened";

/// An entry of the ledger as it is told.
#[derive(Debug, Clone, Copy)]
pub struct Commission<'a> {
    /// `le_…`
    pub entry: &'a str,
    pub program: &'a str,
    pub partner: &'a str,
    /// The event that caused it.
    pub event: &'a str,
    /// Negative when taken back.
    pub money: Money,
    pub reason: &'a str,
    pub at: UnixMs,
}

/// A violation as it is told.
#[derive(Debug, Clone, Copy)]
pub struct Violation<'a> {
    pub id: &'a str,
    pub program: &'a str,
    pub partner: &'a str,
    /// The event in which it was seen.
    pub event: &'a str,
    /// The rule that was broken, a stable code.
    pub rule: &'a str,
    /// One plain sentence.
    pub detail: &'a str,
    pub at: UnixMs,
}

/// A row for `src/app/deliver/notices.rs`: which event it belongs to, what it is about, and what
/// is said. A subject is told of once by each message.
fn notice(message: &str, subject: &str, program: &str, event: &str, data: Object) -> Value {
    let mut row = Object::new();
    row.text("program", program)
        .text("event", event)
        .text("type", message)
        .text("subject", &format!("{subject}.{message}"))
        .object("notice", data);
    row.build()
}

/// The notice of a commission.
pub fn commission(step: Step, told: &Commission<'_>) -> Value {
    let mut money = Object::new();
    money
        .number("amount", told.money.amount_minor())
        .text("currency", told.money.currency().code());
    let mut data = Object::new();
    data.text("id", told.entry)
        .text("program", told.program)
        .text("partner", told.partner)
        .text("event", told.event)
        .object("amount", money)
        .text("reason", told.reason)
        .text("at", &told.at.to_rfc3339());
    notice(step.message(), told.entry, told.program, told.event, data)
}

/// The notice of an opened violation.
pub fn violation(told: &Violation<'_>) -> Value {
    let mut data = Object::new();
    data.text("id", told.id)
        .text("program", told.program)
        .text("partner", told.partner)
        .text("event", told.event)
        .text("rule", told.rule)
        .text("detail", told.detail)
        .text("at", &told.at.to_rfc3339());
    notice(VIOLATION_OPENED, told.id, told.program, told.event, data)
}
