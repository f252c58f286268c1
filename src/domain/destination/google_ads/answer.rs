//! What the Data Manager API's answers mean. Only words of its vocabulary leave this file: its
//! messages can repeat what was sent.

use serde_json::Value;

use crate::domain::destination::{Answer, Fate, Outcome, word};
use crate::domain::record;

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
    let reasons = reasons(read);
    let about = |reason: &&str| ABOUT_SETTINGS.iter().any(|part| reason.contains(part));
    let fate = match answer.status {
        400 if reasons.iter().any(about) => Fate::Misconfigured,
        400 if reasons.first() == Some(&"EVENT_TIME_INVALID") => Fate::Expired,
        400 | 413 => Fate::Bisect,
        404 => Fate::Misconfigured,
        _ => Outcome::by_status(answer).fate,
    };
    because(Outcome::of(answer, fate), reasons.first().copied())
}

/// The reasons of an error: of the whole, and of single fields.
fn reasons(read: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    for detail in list(read.get("error"), "details") {
        found.extend(detail.get("reason").and_then(word));
        for field in list(Some(detail), "fieldViolations") {
            found.extend(field.get("reason").and_then(word));
        }
    }
    // The whole is named `INVALID_ARGUMENT`, or so; a field's own reason says more.
    found.sort_by_key(|reason| *reason == "INVALID_ARGUMENT");
    found
}

/// The entries of a member that is a list.
fn list<'a>(value: Option<&'a Value>, name: &str) -> &'a [Value] {
    let found = value.and_then(|value| value.get(name)?.as_array());
    found.map_or(&[], Vec::as_slice)
}

fn because(outcome: Outcome, reason: Option<&str>) -> Outcome {
    match reason {
        Some(reason) => outcome.because(reason),
        None => outcome,
    }
}

/// What became of an accepted request. As long as it is not processed, and when the answer does
/// not read, it is asked about again.
pub(super) fn progress(answer: &Answer) -> Outcome {
    let read = record::parse(&answer.body).unwrap_or_default();
    if !matches!(answer.status, 200..=299) {
        let outcome = Outcome::by_status(answer);
        return because(outcome, reasons(&read).first().copied());
    }
    let mut failed = Vec::new();
    let mut open = true;
    for each in list(Some(&read), "requestStatusPerDestination") {
        open = false;
        match each.get("requestStatus").and_then(Value::as_str) {
            Some("SUCCESS") => {}
            Some("FAILED" | "PARTIAL_SUCCESS") => failures(each, &mut failed),
            _ => {
                open = true;
                break;
            }
        }
    }
    if open {
        return Outcome::new(Fate::Accepted(String::new()), "processing");
    }
    judge(answer, &failed)
}

/// The reasons why events of one destination failed; at least one.
fn failures<'a>(status: &'a Value, failed: &mut Vec<&'a str>) {
    let before = failed.len();
    for count in list(status.get("errorInfo"), "errorCounts") {
        let reason = count.get("reason").and_then(word).unwrap_or("UNKNOWN");
        let reason = reason.strip_prefix("PROCESSING_ERROR_").unwrap_or(reason);
        failed.push(reason.strip_prefix("REASON_").unwrap_or(reason));
    }
    if failed.len() == before {
        failed.push("UNKNOWN");
    }
}

/// Which events failed is not said. What Google has already is delivered; several reasons are told
/// apart by halves.
fn judge(answer: &Answer, failed: &[&str]) -> Outcome {
    let mut fates = Vec::new();
    for reason in failed {
        let fate = match *reason {
            "DUPLICATE_GCLID" | "DUPLICATE_TRANSACTION_ID" => continue,
            "TOO_RECENT_CLICK" | "INTERNAL_ERROR" => Fate::Retry,
            "EVENT_TOO_OLD" => Fate::Expired,
            _ if reason.ends_with("TERMS_NOT_SIGNED") => Fate::Misconfigured,
            _ => Fate::Drop,
        };
        fates.push((fate, *reason));
    }
    let mended = fates.iter().find(|(fate, _)| *fate == Fate::Misconfigured);
    let Some((fate, reason)) = mended.or(fates.first()) else {
        return Outcome::delivered();
    };
    let alike = mended.is_some() || fates.iter().all(|(each, _)| each == fate);
    let fate = if alike { fate.clone() } else { Fate::Bisect };
    let mut outcome = Outcome::of(answer, fate).because(reason);
    if failed.contains(&"TOO_RECENT_CLICK") {
        outcome.wait_ms = outcome.wait_ms.max(TOO_RECENT_MS);
    }
    outcome
}
