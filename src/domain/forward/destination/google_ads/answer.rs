//! What the Data Manager API's answers mean. Only words of its vocabulary leave this file: its
//! messages can repeat what was sent.

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::forward::destination::{Answer, Fate, Outcome, word};
use crate::values::record;

/// Longest request id that is asked about.
const MAX_TICKET: usize = 200;
/// A click that Google does not know yet is known some hours later.
const TOO_RECENT_MS: i64 = 6 * 3_600_000;
/// Reasons with one of these in them are about account and settings, not about an event.
const ABOUT_SETTINGS: [&str; 5] = [
    "ACCOUNT",
    "CONVERSION_ACTION",
    "DESTINATION",
    "TERMS",
    "ALLOWLISTED",
];

/// 2xx means that the request was taken and will be processed; a request of which one event does
/// not read is refused as a whole.
pub(super) fn outcome(answer: &Answer) -> Outcome {
    let read = record::parse(&answer.body).unwrap_or_default();
    if !matches!(answer.status, 200..=299) {
        return refused(answer, &read);
    }
    match ticket(&read) {
        Some(ticket) => Outcome::new(Fate::Accepted(ticket.to_owned()), ""),
        None => Outcome::of(answer, Fate::Retry).because("unreadable answer"),
    }
}

fn ticket(read: &Value) -> Option<&str> {
    let id = read.get("requestId")?.as_str()?;
    let sound = (1..=MAX_TICKET).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    sound.then_some(id)
}

fn refused(answer: &Answer, read: &Value) -> Outcome {
    let reason = reason(read);
    let about_settings = ABOUT_SETTINGS.iter().any(|part| reason.contains(part));
    let fate = match answer.status {
        400 if about_settings => Fate::Misconfigured,
        400 if reason == "EVENT_TIME_INVALID" => Fate::Expired,
        400 | 413 => Fate::Bisect,
        404 => Fate::Misconfigured,
        _ => Outcome::by_status(answer).fate,
    };
    because(Outcome::of(answer, fate), reason)
}

/// The reason of an error, or nothing. The whole has one, and each field that is wrong; of the
/// whole it often is `INVALID_ARGUMENT`, and then the field's says more.
fn reason(read: &Value) -> &str {
    let mut found = "";
    for detail in list(read.get("error"), "details") {
        found = better(found, detail);
        for field in list(Some(detail), "fieldViolations") {
            found = better(found, field);
        }
    }
    found
}

fn better<'a>(known: &'a str, detail: &'a Value) -> &'a str {
    match detail.get("reason").and_then(word) {
        Some(word) if known.is_empty() || known == "INVALID_ARGUMENT" => word,
        _ => known,
    }
}

/// The entries of a member that is a list.
fn list<'a>(value: Option<&'a Value>, name: &str) -> &'a [Value] {
    let found = value.and_then(|value| value.get(name)?.as_array());
    found.map_or(&[], Vec::as_slice)
}

fn because(outcome: Outcome, reason: &str) -> Outcome {
    match reason {
        "" => outcome,
        _ => outcome.because(reason),
    }
}

/// What became of an accepted request. As long as it is not processed, and when the answer does
/// not read, it is asked about again.
pub(super) fn progress(answer: &Answer) -> Outcome {
    let read = record::parse(&answer.body).unwrap_or_default();
    if !matches!(answer.status, 200..=299) {
        return because(Outcome::by_status(answer), reason(&read));
    }
    let mut open = true;
    let mut failed = Failed::default();
    for each in list(Some(&read), "requestStatusPerDestination") {
        match each.get("requestStatus").and_then(Value::as_str) {
            Some("SUCCESS") => open = false,
            Some("FAILED" | "PARTIAL_SUCCESS") => {
                open = false;
                failed.read(each);
            }
            _ => {
                open = true;
                break;
            }
        }
    }
    match open {
        true => Outcome::new(Fate::Accepted(String::new()), "processing"),
        false => failed.judge(answer),
    }
}

// What a reason of failure means; they add up.
const AGAIN: u8 = 1;
const TOO_RECENT: u8 = 2;
const TOO_OLD: u8 = 4;
const SETTINGS: u8 = 8;
const NEVER: u8 = 16;

/// Why events could not be processed. Which events they are is not said.
#[derive(Default)]
struct Failed<'a> {
    /// All meanings together.
    all: u8,
    /// A reason to be shown: the first, or one that is about the settings.
    named: &'a str,
}

impl<'a> Failed<'a> {
    /// Reads the reasons of one destination; there is at least one.
    fn read(&mut self, status: &'a Value) {
        let counts = list(status.get("errorInfo"), "errorCounts");
        for count in counts {
            let reason = count.get("reason").and_then(word).unwrap_or("UNKNOWN");
            self.note(reason);
        }
        if counts.is_empty() {
            self.note("UNKNOWN");
        }
    }

    fn note(&mut self, reason: &'a str) {
        let reason = reason.strip_prefix("PROCESSING_ERROR_").unwrap_or(reason);
        let reason = reason.strip_prefix("REASON_").unwrap_or(reason);
        let means = match reason {
            // What Google has already is delivered.
            "DUPLICATE_GCLID" | "DUPLICATE_TRANSACTION_ID" => return,
            "TOO_RECENT_CLICK" => AGAIN | TOO_RECENT,
            "INTERNAL_ERROR" => AGAIN,
            "EVENT_TOO_OLD" => TOO_OLD,
            _ if reason.ends_with("TERMS_NOT_SIGNED") => SETTINGS,
            _ => NEVER,
        };
        if self.all == 0 || means == SETTINGS {
            self.named = reason;
        }
        self.all |= means;
    }

    /// Different meanings are told apart by halves.
    fn judge(&self, answer: &Answer) -> Outcome {
        let fate = match self.all & !TOO_RECENT {
            0 => return Outcome::delivered(),
            AGAIN => Fate::Retry,
            TOO_OLD => Fate::Expired,
            NEVER => Fate::Drop,
            all if all & SETTINGS > 0 => Fate::Misconfigured,
            _ => Fate::Bisect,
        };
        let mut outcome = Outcome::of(answer, fate).because(self.named);
        if self.all & TOO_RECENT > 0 {
            outcome.wait_ms = outcome.wait_ms.max(TOO_RECENT_MS);
        }
        outcome
    }
}
