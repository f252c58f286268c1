//! What Meta's answer means. Only numbers and the trace id leave this
//! file: Meta's messages can repeat the access token.

use serde_json::Value;

use crate::forward::destination::{Answer, Fate, Outcome};
use crate::values::record;

/// Longest trace id that a reason repeats.
const MAX_TRACE: usize = 40;

/// Code 100 with this: one of the events is older than seven days.
const TOO_OLD: i64 = 2_804_003;

/// Delivered only if the status is 2xx and `events_received` equals `sent`; a smaller number is
/// tried again, which is safe because Meta drops what it already has by event name and id. By
/// `error.code`: 1, 2, 341, 368 and 5000 pass by themselves; 4, 17, 613 and 80003 throttle; 190 is
/// a token that a person must renew, 10 and 200 to 299 a permission, 2635 an ended version, 100/33
/// a pixel that is not there; any other 100 is an event that Meta does not take. Without a code
/// the status decides.
pub(super) fn outcome(answer: &Answer, sent: usize) -> Outcome {
    let read = record::parse(&answer.body).unwrap_or_default();
    if let Some(error) = read.get("error").filter(|error| error.is_object()) {
        return refused(answer, error);
    }
    if !matches!(answer.status, 200..=299) {
        return Outcome::by_status(answer);
    }
    match read.get("events_received").and_then(Value::as_u64) {
        Some(received) if usize::try_from(received) == Ok(sent) => Outcome::delivered(),
        Some(received) => {
            Outcome::of(answer, Fate::Retry).because(&format!("received {received} of {sent}"))
        }
        None => Outcome::of(answer, Fate::Retry).because("unreadable answer"),
    }
}

fn refused(answer: &Answer, error: &Value) -> Outcome {
    let status = answer.status;
    let number = |name: &str| error.get(name)?.as_i64();
    let code = number("code").unwrap_or_default();
    let subcode = number("error_subcode");
    let transient = error.get("is_transient").and_then(Value::as_bool);
    let fate = match (code, subcode) {
        (4 | 17 | 613 | 80_003, _) => Fate::Throttled,
        (190 | 10 | 200..=299 | 2_635, _) | (100, Some(33)) => Fate::Misconfigured,
        (1 | 2 | 341 | 368 | 5_000, _) => Fate::Retry,
        _ if transient == Some(true) || status >= 500 => Fate::Retry,
        _ if status == 429 => Fate::Throttled,
        (100, Some(TOO_OLD)) => Fate::Expired,
        (100, _) => Fate::Bisect,
        _ => Fate::Drop,
    };
    let mut more = format!("code {code}");
    if let Some(subcode) = subcode {
        more.push_str(&format!("/{subcode}"));
    }
    let trace = error.get("fbtrace_id").and_then(Value::as_str);
    if let Some(trace) = trace.filter(|id| is_trace(id)) {
        more.push_str(", trace ");
        more.push_str(trace);
    }
    Outcome::of(answer, fate).because(&more)
}

fn is_trace(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    id.len() <= MAX_TRACE && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::destination::MAX_REASON;
    use serde_json::json;

    fn of(status: u16, body: &str, sent: usize) -> Outcome {
        let answer = Answer {
            status,
            body: body.to_owned(),
            wait_ms: 0,
        };
        outcome(&answer, sent)
    }

    #[test]
    fn success_is_the_number_of_events() {
        let body = r#"{"events_received":2,"messages":[],"fbtrace_id":"A1"}"#;
        assert_eq!(of(200, body, 2), Outcome::delivered());
        for (status, body, reason) in [
            (200, body, "http 200, received 2 of 1"),
            (200, "{}", "http 200, unreadable answer"),
            (200, "<html>", "http 200, unreadable answer"),
            (200, "", "http 200, unreadable answer"),
        ] {
            assert_eq!(of(status, body, 1), Outcome::new(Fate::Retry, reason));
        }
    }

    #[test]
    fn codes_have_their_classes() {
        for (status, code, word) in [
            (400, 1, "retry"),
            (500, 2, "retry"),
            (400, 341, "retry"),
            (400, 368, "retry"),
            (400, 5000, "retry"),
            (400, 4, "throttled"),
            (400, 17, "throttled"),
            (400, 613, "throttled"),
            (400, 80_003, "throttled"),
            (400, 190, "misconfigured"),
            (401, 190, "misconfigured"),
            (400, 2635, "misconfigured"),
            (403, 200, "misconfigured"),
            (400, 100, "bisect"),
            (200, 100, "bisect"),
            (400, 2500, "drop"),
            (503, 100, "retry"),
            (429, 99, "throttled"),
        ] {
            let body = json!({"error": {"code": code, "message": "m"}}).to_string();
            assert_eq!(of(status, &body, 1).fate.as_str(), word, "{status} {code}");
        }
        for (subcode, word) in [(33, "misconfigured"), (2_804_003, "expired"), (1, "bisect")] {
            let body = json!({"error": {"code": 100, "error_subcode": subcode}}).to_string();
            assert_eq!(of(400, &body, 2).fate.as_str(), word, "{subcode}");
        }
        let transient = json!({"error": {"code": 99, "is_transient": true}}).to_string();
        assert_eq!(of(400, &transient, 1).fate.as_str(), "retry");
    }

    #[test]
    fn without_a_code_the_status_decides() {
        for (status, word) in [
            (302, "drop"),
            (400, "drop"),
            (401, "misconfigured"),
            (404, "drop"),
            (408, "retry"),
            (425, "retry"),
            (429, "throttled"),
            (502, "retry"),
        ] {
            assert_eq!(of(status, "<html>", 1).fate.as_str(), word, "{status}");
        }
    }

    #[test]
    fn reasons_are_short_and_repeat_no_secret() {
        let body = json!({"error": {
            "message": "Malformed access token EAABsecret", "type": "OAuthException",
            "code": 190, "error_subcode": 460, "fbtrace_id": "AbC_1-x",
            "error_user_msg": "EAABsecret",
        }});
        let outcome = of(400, &body.to_string(), 1);
        assert_eq!(outcome.reason, "http 400, code 190/460, trace AbC_1-x");
        for trace in ["EAAB secret", &"x".repeat(MAX_TRACE + 1), "a\nb"] {
            let body = json!({"error": {
                "code": i64::MIN, "error_subcode": i64::MIN, "fbtrace_id": trace,
            }});
            let outcome = of(u16::MAX, &body.to_string(), 1);
            assert!(!outcome.reason.contains("trace"), "{trace}");
        }
        let longest = json!({"error": {
            "code": i64::MIN, "error_subcode": i64::MIN, "fbtrace_id": "x".repeat(MAX_TRACE),
        }});
        assert!(of(u16::MAX, &longest.to_string(), 1).reason.len() <= MAX_REASON);
        let count = format!(r#"{{"events_received":{}}}"#, u64::MAX);
        assert!(of(200, &count, usize::MAX - 1).reason.len() <= MAX_REASON);
    }
}
