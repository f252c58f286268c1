//! What Meta's answer means. Only numbers and the trace id leave this file: Meta's messages can
//! repeat the access token.

use serde::Deserialize;

use crate::domain::destination::Outcome;
use crate::domain::record;

/// Longest trace id that a reason repeats.
const MAX_TRACE: usize = 40;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    events_received: Option<u64>,
    error: Option<Failure>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Failure {
    code: i64,
    error_subcode: Option<i64>,
    is_transient: bool,
    fbtrace_id: Option<String>,
}

/// Takes the status (0 when no answer came), the body, and how many events were sent.
///
/// Delivered only if the status is 2xx and `events_received` equals `sent`; a smaller number is
/// tried again, which is safe because Meta drops what it already has by event name and id. By
/// `error.code`: 1, 2, 341, 368 and 5000 pass by themselves; 4, 17, 613 and 80003 throttle; 190
/// is a token that a person must renew; others (100 above all) are permanent unless Meta marks
/// them transient. Without a code the status decides: no answer, 408, 425 and 5xx are tried
/// again, 429 throttles, 401 asks for a new token, the rest is permanent.
pub fn classify(status: u16, body: &str, sent: usize) -> Outcome {
    let answer: Answer = record::read(body).unwrap_or_default();
    if let Some(failure) = answer.error {
        return classify_failure(status, &failure);
    }
    let reason = if status == 0 {
        "no answer".to_owned()
    } else {
        format!("http {status}")
    };
    match status {
        200..=299 => classify_count(status, answer.events_received, sent),
        0 | 408 | 425 | 500..=599 => Outcome::Retry { reason },
        429 => Outcome::Throttled { reason },
        401 => Outcome::Reauthorise { reason },
        _ => Outcome::Permanent { reason },
    }
}

fn classify_count(status: u16, received: Option<u64>, sent: usize) -> Outcome {
    match received {
        Some(received) if usize::try_from(received) == Ok(sent) => Outcome::Delivered,
        Some(received) => Outcome::Retry {
            reason: format!("http {status}, received {received} of {sent}"),
        },
        None => Outcome::Retry {
            reason: format!("http {status}, unreadable answer"),
        },
    }
}

fn classify_failure(status: u16, failure: &Failure) -> Outcome {
    let subcode = failure
        .error_subcode
        .map(|code| format!("/{code}"))
        .unwrap_or_default();
    let trace = failure.fbtrace_id.as_deref().filter(|id| is_trace(id));
    let trace = trace.map(|id| format!(", trace {id}")).unwrap_or_default();
    let reason = format!("http {status}, code {}{subcode}{trace}", failure.code);
    match failure.code {
        4 | 17 | 613 | 80_003 => Outcome::Throttled { reason },
        190 => Outcome::Reauthorise { reason },
        1 | 2 | 341 | 368 | 5000 => Outcome::Retry { reason },
        _ if failure.is_transient || status >= 500 => Outcome::Retry { reason },
        _ if status == 429 => Outcome::Throttled { reason },
        _ => Outcome::Permanent { reason },
    }
}

fn is_trace(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    id.len() <= MAX_TRACE && id.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::destination::MAX_REASON;
    use serde_json::json;

    #[test]
    fn success_is_the_number_of_events() {
        let body = r#"{"events_received":2,"messages":[],"fbtrace_id":"A1"}"#;
        assert_eq!(classify(200, body, 2), Outcome::Delivered);
        for (status, body, reason) in [
            (200, body, "http 200, received 2 of 1"),
            (200, "{}", "http 200, unreadable answer"),
            (200, "<html>", "http 200, unreadable answer"),
            (200, "", "http 200, unreadable answer"),
        ] {
            assert_eq!(
                classify(status, body, 1),
                Outcome::Retry {
                    reason: reason.to_owned()
                }
            );
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
            (400, 190, "reauthorise"),
            (401, 190, "reauthorise"),
            (400, 100, "permanent"),
            (403, 200, "permanent"),
            (503, 100, "retry"),
            (429, 99, "throttled"),
            (200, 100, "permanent"),
        ] {
            let body = json!({"error": {"code": code, "message": "m"}}).to_string();
            assert_eq!(classify(status, &body, 1).as_str(), word, "{status} {code}");
        }
        let transient = json!({"error": {"code": 99, "is_transient": true}}).to_string();
        assert_eq!(classify(400, &transient, 1).as_str(), "retry");
    }

    #[test]
    fn without_a_code_the_status_decides() {
        for (status, word) in [
            (0, "retry"),
            (302, "permanent"),
            (400, "permanent"),
            (401, "reauthorise"),
            (404, "permanent"),
            (408, "retry"),
            (425, "retry"),
            (429, "throttled"),
            (502, "retry"),
        ] {
            assert_eq!(classify(status, "<html>", 1).as_str(), word, "{status}");
        }
    }

    #[test]
    fn reasons_are_short_and_repeat_no_secret() {
        let body = json!({"error": {
            "message": "Malformed access token EAABsecret", "type": "OAuthException",
            "code": 190, "error_subcode": 460, "fbtrace_id": "AbC_1-x",
            "error_user_msg": "EAABsecret",
        }});
        let outcome = classify(400, &body.to_string(), 1);
        assert_eq!(outcome.reason(), "http 400, code 190/460, trace AbC_1-x");
        for trace in ["EAAB secret", &"x".repeat(MAX_TRACE + 1), "a\nb"] {
            let body = json!({"error": {
                "code": i64::MIN, "error_subcode": i64::MIN, "fbtrace_id": trace,
            }});
            let outcome = classify(u16::MAX, &body.to_string(), 1);
            assert!(!outcome.reason().contains("trace"), "{trace}");
        }
        let longest = json!({"error": {
            "code": i64::MIN, "error_subcode": i64::MIN, "fbtrace_id": "x".repeat(MAX_TRACE),
        }});
        assert!(classify(u16::MAX, &longest.to_string(), 1).reason().len() <= MAX_REASON);
        let count = format!(r#"{{"events_received":{}}}"#, u64::MAX);
        assert!(classify(200, &count, usize::MAX - 1).reason().len() <= MAX_REASON);
    }
}
